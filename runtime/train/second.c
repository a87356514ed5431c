// Metrics that see the rows of a part twice: what they need of each row is kept as its batch is computed, and
// sorted where they ask for an order; then the second pass runs over the kept rows. Guarantees: all memory is
// taken before the run; the pass changes totals alone.
#include "train/train.h"

#include "base/order.h"

#include <string.h>

static const nn_tensor *source_of(const nn_trainer *t, const nn_kept *k) {
    return nn_model_tensor(&t->model, NN_TABLE(&t->model, int32_t, sources)[k->source]);
}

static int64_t row_bytes(const nn_trainer *t, const nn_kept *k) {
    const nn_tensor *source = source_of(t, k);
    return nn_tensor_row(source) * nn_tensor_element_size(&t->model, source);
}

nn_status nn_second_prepare(nn_trainer *t) {
    const nn_kept *kept = NN_TABLE(&t->model, nn_kept, kept);
    uint32_t count = t->model.manifest->kept_count;
    bool training = t->options->command == NN_COMMAND_TRAIN;
    for (int part = 0; part < NN_PARTS && count > 0; part++) {
        t->kept[part] = nn_get(t->ctx, count, sizeof *t->kept[part]);
        for (uint32_t k = 0; k < count && t->kept[part] != NULL; k++) {
            bool needed = (kept[k].function == NN_STEP) == (training && part == NN_TRAIN);
            uint64_t rows = needed ? (uint64_t)t->data.parts[part].count : 0;
            t->kept[part][k] = nn_get(t->ctx, rows, (uint64_t)row_bytes(t, &kept[k]));
        }
    }
    if (count > 0) t->model.rows = nn_get(t->ctx, count, sizeof *t->model.rows);
    for (uint32_t k = 0; k < count && t->model.rows != NULL; k++)
        t->model.rows[k].bytes = t->kept[NN_TRAIN][k];
    return t->ctx->status;
}

int64_t nn_second_mark(nn_trainer *t) {
    nn_batches b = nn_batches_training(t);
    int64_t rows = nn_batch_first(&b, t->at.batch);
    for (uint32_t k = 0; k < t->model.manifest->kept_count && t->model.rows != NULL; k++)
        t->model.rows[k].count = rows;
    return rows;
}

void nn_second_keep(nn_trainer *t, int32_t function, int part, int64_t first, int64_t count) {
    const nn_kept *kept = NN_TABLE(&t->model, nn_kept, kept);
    for (uint32_t k = 0; k < t->model.manifest->kept_count; k++) {
        if (kept[k].values < 0 || kept[k].function != function) continue;
        const nn_tensor *values = nn_model_tensor(&t->model, kept[k].values);
        nn_tensor_get(&t->model, values, 0, count * nn_tensor_row(values),
                      t->kept[part][k] + first * row_bytes(t, &kept[k]));
    }
}

static void sort_rows(nn_trainer *t, const nn_kept *order, unsigned char **rows, int32_t *into,
                      int64_t count) {
    const nn_tensor *of = source_of(t, &NN_TABLE(&t->model, nn_kept, kept)[order->of]);
    int64_t size = nn_tensor_element_size(&t->model, of), elements = nn_tensor_row(of);
    for (int64_t e = 0; e < elements; e++)
        nn_order(rows[order->of] + e * size, size == 8 ? NN_KEY_DOUBLE : NN_KEY_WHOLE, elements, into + e,
                 elements, count);
}

// The rows are 0 .. count - 1 of what was kept; a short batch is filled up with the first.
static void take_rows(nn_trainer *t, int64_t first, int64_t count) {
    const nn_tensor *rowmap = nn_model_tensor(&t->model, t->model.manifest->rowmap);
    for (int64_t k = 0; rowmap != NULL && k < t->model.manifest->batch; k++) {
        int32_t row = k < count ? (int32_t)(first + k) : 0;
        nn_tensor_put(&t->model, rowmap, k, 1, &row);
    }
    t->call.rows = count;
}

void nn_second_run(nn_trainer *t, int32_t function, int part, int64_t rows) {
    const nn_kept *kept = NN_TABLE(&t->model, nn_kept, kept);
    int32_t second = function == NN_STEP ? NN_SECOND_STEP : NN_SECOND;
    if (!nn_model_has(&t->model, second)) return;
    nn_call before = t->call;
    for (uint32_t k = 0; k < t->model.manifest->kept_count; k++) {
        if (kept[k].function != function) continue;
        if (kept[k].of >= 0) sort_rows(t, &kept[k], t->kept[part], (int32_t *)(void *)t->kept[part][k], rows);
        t->data.sources[kept[k].source] = t->kept[part][k];
    }
    int64_t batch = t->model.manifest->batch;
    for (int64_t first = 0; first < rows; first += batch) {
        take_rows(t, first, rows - first < batch ? rows - first : batch);
        nn_trainer_run(t, second);
    }
    t->call = before;
}
