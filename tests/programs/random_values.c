// What random programs are run with: rows, inputs, parameters, a clock.
#include "oracle/interpret.h"
#include "programs/random_program.h"

#include <math.h>

int64_t random_pick(uint64_t *state, int64_t low, int64_t high) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return low + (int64_t)((*state >> 33) % (uint64_t)(high - low + 1));
}

int64_t random_rows(const Program *p, uint64_t seed) {
    return seed % 2 ? p->batch : 1 + (int64_t)(seed / 2 % (uint64_t)p->batch);
}

static double draw_for(const Tensor *t, uint64_t *state) {
    if (t->type == TYPE_BOOL) return (double)random_pick(state, 0, 1);
    return t->bounded ? (double)random_pick(state, t->low, t->high)
                      : (double)random_pick(state, -1000, 1000) / 997;
}

void random_values(Environment *env, const Program *p, uint64_t seed) {
    uint64_t state = seed + 99;
    for (int i = 0; i < p->tensors.count; i++) {
        Tensor *t = p->tensors.data[i];
        if (t->kind == TENSOR_CLOCK) environment_values(env, t)[0] = 1;
        if (t->kind != TENSOR_INPUT && t->kind != TENSOR_PARAM && t->kind != TENSOR_SLOT) continue;
        double *values = environment_values(env, t);
        for (int64_t k = 0; k < tensor_elements(t); k++) {
            values[k] = draw_for(t, &state);
            if (t->kind == TENSOR_SLOT) values[k] = fabs(values[k]);
        }
    }
}

void random_batch(Environment *env, const Program *p, uint64_t seed, int step) {
    uint64_t state = seed * 31 + (uint64_t)step;
    environment_values(env, tensor_find(p, "clock.update"))[0] = step + 1;
    for (int i = 0; i < p->tensors.count; i++) {
        Tensor *t = p->tensors.data[i];
        if (t->kind != TENSOR_INPUT) continue;
        double *values = environment_values(env, t);
        for (int64_t k = 0; k < tensor_elements(t); k++) values[k] = draw_for(t, &state);
    }
}
