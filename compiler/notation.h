// Equations written as statements of the language: what `nnc grad` prints.
#ifndef NN_NOTATION_H
#define NN_NOTATION_H

#include "ir/ir.h"

// One fn: its parameters and results are tensors of the function, everything else in the function is its body.
// `names[i]`: how tensor number i is called in the text (NULL: its own name, made a word).
void notation_function(Text *out, const Program *p, const Function *f, const char *name, Tensor *const *parameters,
                       int parameter_count, Tensor *const *results, int result_count, const char *const *names);
// A tensor's or layer's name as a word of the language: dots and brackets become `_`.
const char *notation_word(Arena *arena, const char *name);

#endif
