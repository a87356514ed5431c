// What shape/ finds and what elaboration finds, compared: for shape_test.
#ifndef NN_WITNESS_H
#define NN_WITNESS_H

#include "emit/module.h"

typedef struct Agreement Agreement;
// Looks at the shapes of a bound file; elaboration is told of the witness then. What is said of a wrong file
// is left to elaboration. NULL: the file has no `train`.
Agreement *agreement_open(Context *ctx, Library *library, const Node *root, int64_t batch);
const Tree *agreement_tree(const Agreement *a); // NULL after errors
const Witness *agreement_witness(const Agreement *a);
// The first thing that differs, once the file is elaborated; NULL: nothing does.
const char *agreement_close(const Agreement *a, const Module *m);

#endif
