// Compiled programs inside a test: kernels -> object -> shared object -> calls, with values by name in the
// plain order.
//
// The arena lies between pages that cannot be touched, and every source ends at one: a read that leaves the
// arena by more than the margin, or a source at all, ends the test.
#ifndef TESTS_COMPILED_H
#define TESTS_COMPILED_H

#include "abi.h"
#include "llvm/llvm.h"

typedef struct {
    Program *program;
    Kernels *kernels;
    const Target *target;
    nn_run *run;
    unsigned char *arena;
    const void **sources; // by their order among the program's sources
    void *library;
    unsigned char *pages;
    size_t page_bytes;
    VEC(char *) rows; // pages of the sources, the last of each out of bounds
    size_t row_bytes; // of each
    char *path;
} CompiledProgram;

// Takes equations without gradient requests through gathering, scheduling and code generation. NULL after a
// message on standard output. `small_caches`: the schedule counts on so little cache that small kernels are
// blocked.
CompiledProgram *compiled_create(Program *p, const char *cpu, bool small_caches);
// Only with code that compares every subscript with its bounds, which is not optimized: the fastest to make.
CompiledProgram *compiled_create_checked(Program *p, const char *cpu, bool small_caches);
CompiledProgram *compiled_by_blas(Program *p, const char *cpu, Blas blas); // OpenBLAS on one thread
CompiledProgram *compiled_of(Kernels *k, const Target *target);            // kernels that are placed already
// The same once more, with code that compares every subscript with its bounds and ends by SIGILL where one
// leaves them.
CompiledProgram *compiled_checked(const CompiledProgram *c);
void compiled_destroy(CompiledProgram *c);
bool compiled_has(const CompiledProgram *c, const Tensor *t); // a place in the arena
void compiled_set(CompiledProgram *c, const Tensor *t, const double *values);
void compiled_get(const CompiledProgram *c, const Tensor *t, double *values);
// The rows of an input: `values` are those of the batch; they are laid down in another order, and the row map
// says where.
void compiled_input(CompiledProgram *c, const Tensor *input, const double *values, int64_t rows);
void compiled_call(CompiledProgram *c, FunctionKind kind, int64_t rows, uint64_t seed, uint32_t batch_number,
                   int threads);

#endif
