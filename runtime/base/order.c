// Sorting: the positions of values in ascending order, and plans, for sums in which every position adds to
// one row.
//
// Values: a heap in the positions' own place: no memory, and no bad case. Guarantees: equal values keep the
// order of their positions, NaN is last, 0 and -0 are equal.
#include "base/order.h"

#include "abi.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

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

// ---- plans ------------------------------------------------------------------------------------------------

// Digits of the rows, the lowest first: each pass puts the entries in the order of one, and keeps their order
// where that is equal.

enum { MOST_DIGIT_BITS = 11 };

static uint64_t entry_at(const int32_t *row, const uint64_t *from, int64_t k) {
    return from ? from[k] : (uint64_t)(uint32_t)row[k] << 32 | (uint32_t)k;
}

// From `from`, or where that is NULL from the rows. Returns how many entries there are.
static int64_t sort_by_digit(const int32_t *row, const uint64_t *from, uint64_t *to, int64_t count, int shift,
                             int bits) {
    uint32_t starts[1 << MOST_DIGIT_BITS] = {0}, mask = (1u << bits) - 1, sum = 0;
    for (int64_t k = 0; k < count; k++)
        if (from || row[k] >= 0) starts[entry_at(row, from, k) >> (32 + shift) & mask]++;
    for (uint32_t d = 0; d <= mask; d++) {
        uint32_t here = starts[d];
        starts[d] = sum;
        sum += here;
    }
    for (int64_t k = 0; k < count; k++)
        if (from || row[k] >= 0) {
            uint64_t e = entry_at(row, from, k);
            to[starts[e >> (32 + shift) & mask]++] = e;
        }
    return sum;
}

void nn_plan(const int32_t *row, int32_t *plan, int64_t count, int64_t rows) {
    uint64_t *entries = (uint64_t *)(void *)((char *)plan + NN_PLAN_HEAD), *spare = entries + count;
    int all = 0, digits, bits;
    while (rows > INT64_C(1) << all) all++;
    digits = all ? (all + MOST_DIGIT_BITS - 1) / MOST_DIGIT_BITS : 1;
    bits = (all + digits - 1) / digits;
    const uint64_t *from = NULL;
    for (int d = 0; d < digits; d++) {
        uint64_t *to = (digits - d) % 2 ? entries : spare;
        count = sort_by_digit(row, from, to, count, d * bits, bits);
        from = to;
    }
    plan[0] = (int32_t)count;
}
