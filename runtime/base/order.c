// Sorting: the positions of values in ascending order. A heap in the positions' own place: no memory, and no
// bad case. Guarantees: equal values keep the order of their positions, NaN is last, 0 and -0 are equal.
#include "base/order.h"

#include <math.h>
#include <stdbool.h>

typedef struct {
    const void *values;
    int64_t step;
    nn_key key;
} Values;

static double value_at(const Values *v, int64_t k) {
    switch (v->key) {
    case NN_KEY_SINGLE: return (double)((const float *)v->values)[k * v->step];
    case NN_KEY_DOUBLE: return ((const double *)v->values)[k * v->step];
    case NN_KEY_WHOLE: return ((const int32_t *)v->values)[k * v->step];
    }
    return 0;
}

static bool before(const Values *v, int32_t a, int32_t b) {
    double x = value_at(v, a), y = value_at(v, b);
    if (x < y || y < x) return x < y;
    return isnan(x) == isnan(y) ? a < b : isnan(y);
}

static void sink_down(const Values *v, int32_t *order, int64_t step, int64_t at, int64_t count) {
    int32_t moved = order[at * step];
    for (int64_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && before(v, order[child * step], order[(child + 1) * step])) child++;
        if (!before(v, moved, order[child * step])) break;
        order[at * step] = order[child * step];
    }
    order[at * step] = moved;
}

void nn_order(const void *values, int32_t key, int64_t step, int32_t *order, int64_t order_step,
              int64_t count) {
    Values v = {values, step, (nn_key)key};
    for (int64_t k = 0; k < count; k++) order[k * order_step] = (int32_t)k;
    for (int64_t k = count / 2; k > 0; k--) sink_down(&v, order, order_step, k - 1, count);
    for (int64_t n = count; n > 1; n--) {
        int32_t largest = order[0];
        order[0] = order[(n - 1) * order_step];
        order[(n - 1) * order_step] = largest;
        sink_down(&v, order, order_step, 0, n - 1);
    }
}
