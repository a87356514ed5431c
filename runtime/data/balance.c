// The rows of a training epoch in their order: the file's, a permutation, or one in which each class comes as
// often as any other. Guarantees: it depends on the rows, their classes, the run's seed and the epoch alone,
// so that a resumed run goes on as it would have.
#include "data/data.h"

#include "base/order.h"
#include "random/random.h"

#include <string.h>

typedef struct {
    uint64_t seed;
    int64_t count, epoch, classes; // of rows; those that have some
    bool shuffle;
} Balance;

uint64_t *nn_rows_by(nn_context *ctx, const int32_t *of, int64_t count) {
    uint64_t *keys = nn_get(ctx, (uint64_t)count + NN_PLAN_HEAD / 16, 16); // a plan, then its entries alone
    if (keys != NULL && of != NULL) {
        nn_plan(of, (int32_t *)(void *)keys, count, INT32_MAX);
        memmove(keys, (char *)keys + NN_PLAN_HEAD, (size_t)count * sizeof *keys);
    }
    for (int64_t k = 0; k < count && keys != NULL && of == NULL; k++) keys[k] = (uint64_t)k;
    return keys;
}

// Every `classes`-th place from `first` on: the rows of one class, each once before any comes again.
static void deal(const Balance *b, int32_t *rows, int64_t count, int64_t first, int32_t *order) {
    for (int64_t at = first, k = 0; at < b->count; at += b->classes, k = (k + 1) % count) {
        if (k == 0 && b->shuffle)
            nn_shuffle(rows, count, b->seed, NN_FOR_BALANCE, (uint64_t)(b->epoch * b->count + at));
        order[at] = rows[k];
    }
}

// Apart from the others, which it would cost instructions that a small step notices.
__attribute__((noinline)) static nn_status balanced(nn_context *ctx, const nn_model *m,
                                                    const nn_dataset *data, uint64_t seed, int64_t epoch,
                                                    int32_t *order) {
    const nn_manifest *mf = m->manifest;
    const nn_part *part = &data->parts[NN_TRAIN];
    const int32_t *classes = data->fields[mf->data.balance];
    Balance b = {.count = part->count, .seed = seed, .epoch = epoch, .shuffle = mf->shuffle != 0};
    int32_t *rows = nn_get(ctx, (uint64_t)b.count, sizeof *rows);
    if (rows == NULL) return ctx->status;
    for (int64_t k = 0; k < b.count; k++) rows[k] = classes[part->rows[k]];
    uint64_t *keys = nn_rows_by(ctx, rows, b.count);
    if (keys == NULL) return ctx->status;
    for (int64_t k = 0; k < b.count; k++) {
        b.classes += k == 0 || keys[k] >> 32 != keys[k - 1] >> 32;
        rows[k] = part->rows[(uint32_t)keys[k]];
    }
    for (int64_t first = 0, end, place = 0; first < b.count; first = end, place++) {
        for (end = first; end < b.count && keys[end] >> 32 == keys[first] >> 32;) end++;
        deal(&b, rows + first, end - first, place, order);
    }
    nn_drop(ctx, keys);
    nn_drop(ctx, rows);
    return NN_OK;
}

nn_status nn_data_order(nn_context *ctx, const nn_model *m, nn_dataset *data, uint64_t seed, int64_t epoch,
                        int32_t *order) {
    const nn_part *part = &data->parts[NN_TRAIN];
    if (m->manifest->data.balance >= 0) return balanced(ctx, m, data, seed, epoch, order);
    if (m->manifest->shuffle)
        nn_shuffle_next(&data->ahead, part->rows, order, part->count, seed, NN_FOR_ORDER, (uint64_t)epoch);
    else
        memcpy(order, part->rows, (size_t)part->count * sizeof *order);
    return NN_OK;
}
