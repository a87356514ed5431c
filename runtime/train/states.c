// What inference must give back: states and totals, copied before and put back afterwards. Needs nothing of a
// trainer's own, so that an object of a host program brings none of it along.
#include "train/train.h"

#include <string.h>

static bool given_back(const nn_tensor *t) {
    return (t->kind == NN_STATE || t->kind == NN_TOTAL) && t->offset >= 0;
}

static void copy_out(nn_trainer *t, unsigned char *to) {
    for (int64_t k = 0; k < t->span_count; k++) {
        memcpy(to, t->model.arena + t->spans[k].first, (size_t)t->spans[k].bytes);
        to += t->spans[k].bytes;
    }
}

static void copy_in(nn_trainer *t, const unsigned char *from, nn_restart restart) {
    for (int64_t k = 0; k < t->span_count; k++) {
        if (t->spans[k].restart >= restart)
            memcpy(t->model.arena + t->spans[k].first, from, (size_t)t->spans[k].bytes);
        from += t->spans[k].bytes;
    }
}

void nn_spans_list(const nn_model *m, nn_span_copy *spans, int64_t *count, int64_t *bytes) {
    *count = *bytes = 0;
    for (uint32_t k = 0; k < m->manifest->tensors_count; k++) {
        const nn_tensor *of = nn_model_tensor(m, (int32_t)k);
        // The second copies have rows of their own in the table.
        if (!given_back(of)) continue;
        nn_span_copy s = {.restart = of->kind == NN_TOTAL  ? NN_RESTART_PART
                                     : of->batch_dims != 0 ? NN_RESTART_INFERENCE
                                                           : NN_RESTART_NEVER};
        nn_tensor_span(m, of, &s.first, &s.bytes);
        if (spans != NULL) spans[*count] = s;
        ++*count;
        *bytes += s.bytes;
    }
}

void nn_states_remember(nn_trainer *t) { copy_out(t, t->initial); }

void nn_totals_restart(nn_trainer *t) { copy_in(t, t->initial, NN_RESTART_PART); }
void nn_stream_restart(nn_trainer *t) { copy_in(t, t->initial, NN_RESTART_INFERENCE); }

// Puts rows of the sources into the batch. `rows` are at most the declared batch.
void nn_trainer_rows(nn_trainer *t, const int32_t *rows, int64_t count) {
    const nn_tensor *rowmap = nn_model_tensor(&t->model, t->model.manifest->rowmap);
    if (rowmap != NULL) nn_tensor_put(&t->model, rowmap, 0, count, rows);
    t->call.rows = count;
}

// To each average its parameter, and if `swap`, the other way too.
static void move_averages(const nn_model *m, bool swap) {
    enum { PART = 256 };
    double one[PART], other[PART];
    const int32_t *pairs = NN_TABLE(m, int32_t, averages);
    for (uint32_t k = 0; k < m->manifest->averages_count; k += 2) {
        const nn_tensor *t = nn_model_tensor(m, pairs[k]), *average = nn_model_tensor(m, pairs[k + 1]);
        for (int64_t first = 0, n = nn_tensor_elements(t); first < n; first += PART) {
            int64_t count = n - first < PART ? n - first : PART;
            nn_tensor_get(m, t, first, count, one);
            nn_tensor_get(m, average, first, count, other);
            nn_tensor_put(m, average, first, count, one);
            if (swap) nn_tensor_put(m, t, first, count, other);
        }
    }
}

void nn_averages_swap(const nn_model *m, const nn_position *at) {
    if (at->step > 0) move_averages(m, true);
}

void nn_averages_start(const nn_model *m) { move_averages(m, false); }

void nn_catch_up(nn_trainer *t) {
    if (t->catch_up != NULL) t->catch_up(t);
}

void nn_states_begin(nn_trainer *t) {
    nn_catch_up(t);
    nn_averages_swap(&t->model, &t->at);
    copy_out(t, t->saved);
    copy_in(t, t->initial, NN_RESTART_INFERENCE);
}

void nn_states_end(nn_trainer *t) {
    copy_in(t, t->saved, NN_RESTART_NEVER);
    nn_averages_swap(&t->model, &t->at);
}
