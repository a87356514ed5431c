// The contract of pass/derivative.c with `nnc grad`: a function turned into the function of its derivatives.
#ifndef NN_DERIVATIVE_H
#define NN_DERIVATIVE_H

#include "ir/ir.h"

// `parameters` and `results` are what stands in its signature.
typedef struct {
    const char *name;
    const char *printed; // the function's name in the text of all derivatives, once there is one
    Function *function;
    VEC(Tensor *) parameters, results;
    VEC(const char *) words; // of the first parameters, where they are not called by their names
    VEC(Tensor *) by;        // of each result: what it is the derivative by
    Equations derived;       // the function as `differentiate` left it; empty where nobody asks why
    int input_count;         // parameters that were given as inputs: they come first
    int given_count;         // parameters that are not the derivatives by the values of derivative_seed
} Derivative;

// A function's equations that `of` needs, not going beyond `stops` (tensors that become parameters).
Function *function_part(Program *p, const Function *f, Tensor *of, Tensor *const *stops, int stop_count);
// Parameters: the given inputs, then all else that the function reads and does not define, draws among it.
// Draws become parameters, so the function must not be one that is still needed.
void derivative_open(Program *p, Derivative *d, Tensor *const *inputs, int count);
// A parameter for the derivative by each of these values; the requests ask for that of their products' sum.
// `names`: of the values.
void derivative_seed(Program *p, Derivative *d, Tensor *const *values, int count);
// Asks for the derivative of the sum of `of`. Results: one for each `by` that is a number.
void derivative_request(Program *p, Derivative *d, Tensor *of, Tensor *const *by, int count);

#endif
