// Random chains of the library's layers, as the text of a program: `x |> a |> b |> c`, with settings, further
// inputs and, where the next layer asks for another rank, a reshape between them. The library's own text says
// what there is, so that a new layer takes part unasked. The same seed gives the same program.
#ifndef TESTS_RANDOM_CHAIN_H
#define TESTS_RANDOM_CHAIN_H

#include "pipeline.h"
#include "support/stdlib.h"

typedef struct {
    const LibraryItem **items;
    int count;
} ChainParts;

// What a chain can be made of: layers, and functions of numbers or of tensors that give a tensor.
ChainParts chain_parts(Context *ctx, LibraryItems all);

enum { MAX_CHAIN = 4 };
typedef struct {
    const char *text; // the program, or NULL: nothing that compiles was found
    int count, part[MAX_CHAIN];
    int drawn, refused; // attempts
} Chain;

// A chain of `count` parts, the first of which is seed modulo their number. `p` reads library and attempts.
Chain random_chain(Pipeline *p, const ChainParts *parts, uint64_t seed, int count);

#endif
