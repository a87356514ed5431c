// Equations written as statements of the language: what `nnc grad` prints.
#ifndef NN_NOTATION_H
#define NN_NOTATION_H

#include "pass/derivative.h"

// How things are called: `of_tensors[i]` is tensor number i. No index is called by a word that is `reserved`.
typedef struct {
    const char *const *of_tensors;
    bool (*reserved)(const void *data, const char *word);
    const void *data;
    const Derivative *why; // under each line stands why it is so; NULL: nothing does
} NotationNames;
// One fn: its parameters and results are tensors of the function, everything else in the function is its
// body. What is defined piece by piece and is no result stands in a fn of its own before it: pieces need a
// declared shape.
void notation_function(Text *out, Program *p, const Function *f, const char *name, Tensor *const *parameters,
                       int parameter_count, Tensor *const *results, int result_count, NotationNames names);
// A tensor's or layer's name as a word of the language: dots and brackets become `_`.
const char *notation_word(Arena *arena, const char *name);

#endif
