// The passes that map equations to equations, in the order of their rows in passes.def. Each takes the whole
// program, keeps its meaning (the interpreter's) and leaves it valid (program_verify); what else holds
// afterwards is in its row.
#ifndef NN_PASSES_H
#define NN_PASSES_H

#include "ir/ir.h"

void pass_differentiate(Program *p); // gradient requests -> equations, by reverse mode
void pass_number(
    Program *p); // one sweep: normal forms, solved sums, aliases, value numbers, factors out of sums
void pass_substitute(Program *p); // elementwise producers with one reader go into it
void pass_travel(Program *p);     // guards go to where they save work
void pass_operands(Program *p);   // an operand of a product that is more than a read becomes a tensor
void pass_bodies(Program *p);     // a sum's body that a tensor already holds is read from it
void pass_pieces(Program *p);     // an elementwise reader of a tensor in pieces becomes pieces
void pass_extremes(Program *p);   // at the position of a maximum, the maximum is read
void pass_views(Program *p);      // what only renames elements is written in place by its producer
void pass_clean(Program *p);      // the sweep once more, dead equations gone, definitions in order

// Arithmetic of one run with the declared batch: a multiply-add counts 2, a row of the scalar table 1; guards
// that cut a loop are counted by the share of points they leave.
int64_t function_flops(const Function *f);

#endif
