// The contract of grad/: `nnc grad`, derivatives as functions of the language. Needs a pipeline made with
// `compile.extracts`, and nothing of kernels. Guarantees: what is printed is accepted by `nnc check`, and is
// the derivative that is compiled.
#ifndef NN_GRAD_H
#define NN_GRAD_H

#include "pass/derivative.h"
#include "pipeline.h"

typedef VEC(Derivative) Derivatives;

typedef struct {
    const char *of, *by; // NULL: the loss, all parameters
    bool why;            // under each line the rules that made it
} GradientAsked;

// Runs a pipeline made with `compile.extracts` up to its equations and makes, in place of the program's
// functions, those of the derivatives: of each layer and function of the model, innermost first, and of the
// loss by the model's results; with `of` or `by` the one of that value by that parameter. False after
// diagnostics.
bool grad_make(Pipeline *p, const GradientAsked *asked, Derivatives *out);
// All of them as text. Equal functions stand there once, under the first one's name; `printed` is set to it.
const char *grad_library(const Pipeline *p, Derivatives *all);
// How a tensor is called in a derivative's text.
const char *grad_word(const Pipeline *p, const Derivative *d, const Tensor *t);

#endif
