// The rows of a training epoch in their order: the file's, a permutation, or one in which each class comes as
// often as any other. Guarantees: it depends on the rows, their classes, the run's seed and the epoch alone,
// so that a resumed run goes on as it would have.
#include "data/data.h"

#include "random/random.h"

#include <stdlib.h>
#include <string.h>

static int compare_keys(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

typedef struct {
    const nn_part *part;
    uint64_t seed;
    int64_t epoch, classes; // that have rows
    bool shuffle;
} Balance;

// Every `classes`-th place from `first` on: the rows of one class, each once before any comes again.
static void deal(const Balance *b, int32_t *rows, int64_t count, int64_t first, int32_t *order) {
    for (int64_t at = first, k = 0; at < b->part->count; at += b->classes, k = (k + 1) % count) {
        if (k == 0 && b->shuffle)
            nn_shuffle(rows, count, b->seed, NN_FOR_BALANCE, (uint64_t)(b->epoch * b->part->count + at));
        order[at] = rows[k];
    }
}

static nn_status balanced(nn_context *ctx, Balance *b, const int32_t *class, int32_t *order) {
    int64_t n = b->part->count;
    uint64_t *keys = nn_get(ctx, (uint64_t)n, sizeof *keys); // class, and the row's place in the part
    int32_t *rows = nn_get(ctx, (uint64_t)n, sizeof *rows);
    if (keys == NULL || rows == NULL) return ctx->status;
    for (int64_t k = 0; k < n; k++) keys[k] = (uint64_t)class[b->part->rows[k]] << 32 | (uint64_t)k;
    qsort(keys, (size_t)n, sizeof *keys, compare_keys);
    for (int64_t k = 0; k < n; k++) {
        b->classes += k == 0 || keys[k] >> 32 != keys[k - 1] >> 32;
        rows[k] = b->part->rows[(uint32_t)keys[k]];
    }
    for (int64_t first = 0, end, place = 0; first < n; first = end, place++) {
        for (end = first; end < n && keys[end] >> 32 == keys[first] >> 32;) end++;
        deal(b, rows + first, end - first, place, order);
    }
    nn_drop(ctx, keys);
    nn_drop(ctx, rows);
    return NN_OK;
}

nn_status nn_data_order(nn_context *ctx, const nn_model *m, const nn_dataset *data, uint64_t seed,
                        int64_t epoch, int32_t *order) {
    const nn_manifest *mf = m->manifest;
    const nn_part *part = &data->parts[NN_TRAIN];
    if (mf->data.balance >= 0) {
        Balance b = {.part = part, .seed = seed, .epoch = epoch, .shuffle = mf->shuffle != 0};
        return balanced(ctx, &b, data->fields[mf->data.balance], order);
    }
    memcpy(order, part->rows, (size_t)part->count * sizeof *order);
    if (mf->shuffle) nn_shuffle(order, part->count, seed, NN_FOR_ORDER, (uint64_t)epoch);
    return NN_OK;
}
