// Random programs at the level of equations: layers of random index expressions, a loss, its gradients, an
// optimizer's step. The same seed gives the same program, so that one copy can be compiled and the other
// interpreted.
#ifndef TESTS_RANDOM_PROGRAM_H
#define TESTS_RANDOM_PROGRAM_H

#include "ir/ir.h"
#include "oracle/interpret.h"

typedef struct {
    uint64_t seed;
    Precision precision;
    int layers;  // at most; 0: six
    bool smooth; // no kinks: finite differences hold everywhere
} RandomOptions;

// Inputs, parameters, one FUNCTION_STEP with `loss` among its outputs, a gradient request for each parameter
// and updates.
Program *random_program(Context *ctx, RandomOptions options);
// Rows to run it with: fewer than declared for half of the seeds.
int64_t random_rows(const Program *p, uint64_t seed);
// A recurrence along a dimension of x, and the parameter it has, or NULL.
Tensor *random_recur(Program *p, Function *f, uint64_t *state, Tensor *x, Tensor **matrix);
// Inputs and parameters in safe ranges, integers inside their bounds; the same for the same seed.
void random_values(Environment *env, const Program *p, uint64_t seed);
// The inputs of another batch, and the clock: step 0, 1 ...
void random_batch(Environment *env, const Program *p, uint64_t seed, int step);

// A whole number from low to high; moves the state on.
int64_t random_pick(uint64_t *state, int64_t low, int64_t high);

#endif
