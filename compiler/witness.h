// What shape/ finds and what elaboration finds, compared: for --verify and the tests.
#ifndef NN_WITNESS_H
#define NN_WITNESS_H

#include "sema/module.h"

typedef struct Agreement Agreement;
// Looks at the shapes of a bound file; elaboration is told of the witness then. NULL: the file has no
// `train`. What shape/ says of a wrong file stays in the Context.
Agreement *agreement_open(Context *ctx, Library *library, const Node *root, int64_t batch);
const Witness *agreement_witness(const Agreement *a);
bool agreement_found(const Agreement *a); // shape/ found the file right
// The first thing that differs, once the file is elaborated; NULL: nothing does.
const char *agreement_close(Agreement *a, const Module *m);

#endif
