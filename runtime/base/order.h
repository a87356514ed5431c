// Sorting, for metrics over a part and for generated code.
#ifndef NN_ORDER_H
#define NN_ORDER_H

#include <stdint.h>

typedef enum nn_key { NN_KEY_SINGLE, NN_KEY_DOUBLE, NN_KEY_WHOLE } nn_key;
// Puts the positions 0 .. count - 1 of the values into ascending order. Both lie `step` elements apart.
void nn_order(const void *values, int32_t key, int64_t step, int32_t *order, int64_t order_step,
              int64_t count);
// nn_planner of abi.h.
void nn_plan(const int32_t *row, int32_t *plan, int64_t count, int64_t rows);

#endif
