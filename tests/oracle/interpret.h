// The reference interpreter: what a function means, in double precision. All that the compiler makes is
// compared with it.
#ifndef ORACLE_INTERPRET_H
#define ORACLE_INTERPRET_H

#include "ir/algebra.h"

// Checks that reads stay inside and nothing is defined twice.
typedef struct {
    Tensor *tensor;
    int64_t rows;   // elements of dimension 0 for sources
    double *values; // row-major in the declared shape
} Value;
typedef struct Environment Environment;
Environment *environment_create(Program *p, int64_t rows, uint64_t seed);
double *environment_values(Environment *env, Tensor *t);                            // zeroed on first use
void environment_source(Environment *env, Tensor *t, int64_t rows, double *values); // of a TENSOR_SOURCE
void environment_rows(Environment *env, int64_t rows);
void environment_draws(Environment *env, uint64_t seed, uint32_t batch_number);
// Runs a function: NULL, or what went wrong (a read outside, an element defined twice, a value missing).
const char *interpret(Environment *env, Function *f);
double draw_value(const Draw *draw, int64_t element, uint64_t seed, uint32_t batch_number);

#endif
