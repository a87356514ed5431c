// The passes of pass/, in the order of their rows in passes.def. One that maps equations to equations takes
// one function after the other, keeps its meaning (the interpreter's) and leaves it valid (program_verify);
// what else holds afterwards is in its row. Those that map kernels to kernels are in kernel.h.
#ifndef NN_PASSES_H
#define NN_PASSES_H

#include "ir/ir.h"

#define EQUATION_PASS(name, does, holds) void pass_##name(Program *p, Function *f);
#include "pass/passes.def"

// Runs the equation passes from one to another, both included, and calls `seen` (may be NULL) after each;
// false where that says so, and the rest does not run.
typedef bool PassSeen(void *data, const char *pass);
bool passes_run(Program *p, const char *from, const char *to, PassSeen *seen, void *data);

// Arithmetic of one run with the declared batch: a multiply-add counts 2, a row of the scalar table 1; guards
// that cut a loop are counted by the share of points they leave.
int64_t function_flops(const Function *f);

#endif
