// Measuring a part of the data in inference, on a copy of what training must find again: states and the
// totals. Guarantees: batches count from 0 with seed 0; afterwards the model is what it was before.
#include "train/train.h"

static nn_status metric_room(nn_trainer *t) {
    const nn_metric *metrics = NN_TABLE(&t->model, nn_metric, metrics);
    uint32_t count = t->model.manifest->metrics_count;
    for (int p = 0; p < NN_PARTS; p++) {
        t->values[p] = nn_get(t->ctx, count, sizeof *t->values[p]);
        for (uint32_t k = 0; k < count && t->values[p] != NULL; k++) {
            nn_values *v = &t->values[p][k];
            v->count =
                metrics[k].tensor < 0 ? 1 : nn_tensor_elements(nn_model_tensor(&t->model, metrics[k].tensor));
            v->values = nn_get(t->ctx, (uint64_t)v->count, sizeof *v->values);
        }
    }
    return t->ctx->status;
}

nn_status nn_evaluation_prepare(nn_trainer *t) {
    if (t->spans == NULL) {
        nn_spans_list(&t->model, NULL, &t->span_count, &t->span_bytes);
        t->spans = nn_get(t->ctx, (uint64_t)t->span_count, sizeof *t->spans);
        t->initial = nn_get(t->ctx, (uint64_t)t->span_bytes, 1);
        t->saved = nn_get(t->ctx, (uint64_t)t->span_bytes, 1);
        if (t->ctx->status != NN_OK || metric_room(t) != NN_OK) return t->ctx->status;
        nn_spans_list(&t->model, t->spans, &t->span_count, &t->span_bytes);
    }
    nn_states_remember(t);
    return NN_OK;
}

void nn_metrics_take(nn_trainer *t, int32_t function, int part, int64_t rows) {
    const nn_metric *metrics = NN_TABLE(&t->model, nn_metric, metrics);
    if (!nn_model_has(&t->model, NN_METRICS)) return;
    nn_second_run(t, function, part, rows);
    nn_trainer_run(t, NN_METRICS);
    for (uint32_t k = 0; k < t->model.manifest->metrics_count; k++) {
        nn_values *v = &t->values[part][k];
        if (metrics[k].tensor >= 0)
            nn_tensor_get(&t->model, nn_model_tensor(&t->model, metrics[k].tensor), 0, v->count, v->values);
    }
    t->measured[part] = true;
}

void nn_evaluate(nn_trainer *t, int part) {
    nn_call before = t->call;
    const nn_part *p = &t->data.parts[part];
    nn_states_begin(t);
    t->call.seed = 0;
    nn_batches b = nn_batches_of(p->count, t->model.manifest->batch, t->model.manifest->data.stream != 0);
    for (int64_t k = 0; k < b.count; k++) {
        t->call.batch_number = (uint32_t)k;
        int64_t count = nn_batch_rows(&b, k);
        nn_trainer_rows(t, nn_batch_pick(t, &b, p->rows, k), count);
        nn_trainer_run(t, NN_EVALUATE);
        nn_second_keep(t, NN_EVALUATE, part, nn_batch_first(&b, k), count);
    }
    nn_metrics_take(t, NN_EVALUATE, part, p->count);
    nn_states_end(t);
    t->call = before;
}

int nn_judged_part(const nn_trainer *t) {
    return t->measured[NN_VALIDATION] ? NN_VALIDATION : t->measured[NN_TEST] ? NN_TEST : NN_TRAIN;
}
