// The contract of inside/: compiled functions run inside this process, on rows drawn here, for `nnc
// gradcheck` and `nnc explain --time`. Needs kernels with places, and `cc`. Guarantees: rows, first values
// and draws are the same in every run; nothing is left behind.
#ifndef NN_INSIDE_H
#define NN_INSIDE_H

#include "abi.h"
#include "pipeline.h"

typedef struct {
    Pipeline *p;
    nn_run *run;
    nn_call call;
    unsigned char *memory; // the arena
    VEC(const void *) sources;
    void *library;
} Inside;

// Compiles, links by `cc`, loads; gives every tensor its first value and draws rows. False after a
// diagnostic.
bool inside_open(Inside *in, Pipeline *p, const Kernels *kernels, int64_t rows, int optimization);
void inside_close(Inside *in);
// Rows from a key: numbers uniform in 0 .. 1, integers uniform in their range, bools even.
void inside_draw(Inside *in, uint32_t key);
// Before each call that takes rows: which they are is an input, whose place is free for others after it was
// read.
void inside_rows(Inside *in);
void *inside_at(const Inside *in, const Tensor *t, int64_t element);
uint32_t inside_random(uint32_t key, uint32_t what, uint64_t element);

#endif
