// Programs that call one definition of the standard library: with its defaults, with every option changed
// alone, and with every optional tensor given. They are made from the definition's own signature, so that a
// new definition is tested unasked; where none can be made, `problem` says what the tables here lack.
#ifndef TESTS_CALLS_H
#define TESTS_CALLS_H

#include "support/stdlib.h"

typedef enum {
    // Argument K of all calls is `p_K * x_K + q_K` of a field and two parameters, so that the derivative by
    // it
    // is seen, and positive where it must be; a call's result goes through a smooth function, and the loss
    // is the sum of them.
    CALLS_SMOOTH,
    // No argument is made positive, a length may be 0, and the loss is the sum of (1 + c_J) times the mean of
    // call J's result: its derivative by the parameter c_J = 0 is that mean.
    CALLS_EDGES
} CallStyle;

enum { MAX_CALL_TENSORS = 64 };

typedef struct {
    const char *text;
    const char *problem; // a name without a size or a value, or NULL
    int calls, tensors;
    int call_of[MAX_CALL_TENSORS + 1]; // of tensor K, from 1
} CallProgram;

// Is it a layer that weights go through? Its call is that of a layer that has such weights.
bool call_of_weights(const Node *definition);
CallProgram call_program(Context *ctx, const LibraryItem *item, CallStyle style);

#endif
