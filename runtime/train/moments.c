// Histograms of the weights, and of what one step changed of them, at a few moments of a run: after steps 1,
// 10, 100 and so on, and at its end. They are lines of the log. Guarantees: what is computed does not depend
// on them.
#include "train/loop.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { BINS = 40, PART = 256 };

typedef struct {
    double low, high, sum, square, counts[BINS];
    int64_t count;
} Histogram;

nn_status nn_moments_begin(nn_loop *l) {
    const nn_options *o = l->t->options;
    l->next_moment = -1;
    if (o->value[NN_OPTION_REPORT] == NULL && o->value[NN_OPTION_TENSORBOARD] == NULL) return NN_OK;
    l->before = nn_get(l->ctx, (uint64_t)l->manifest->persistent, 1);
    for (l->next_moment = 1; l->next_moment <= l->t->at.step;) l->next_moment *= 10;
    return l->ctx->status;
}

// A part of a tensor's numbers, or of what they differ from what they were.
static void take_part(const nn_loop *l, const nn_tensor *of, bool change, int64_t first, int64_t count,
                      double out[PART]) {
    nn_model then = l->t->model;
    double numbers[PART]; // of whatever type
    nn_tensor_get(&l->t->model, of, first, count, numbers);
    for (int64_t k = 0; k < count; k++) out[k] = nn_value_get(&l->t->model, of->type, numbers, k);
    if (!change) return;
    then.arena = l->before;
    nn_tensor_get(&then, of, first, count, numbers);
    for (int64_t k = 0; k < count; k++) out[k] -= nn_value_get(&l->t->model, of->type, numbers, k);
}

static void measure(const nn_loop *l, const nn_tensor *of, bool change, Histogram *h) {
    double values[PART];
    *h = (Histogram){.low = INFINITY, .high = -INFINITY};
    for (int pass = 0; pass < 2; pass++) {
        for (int64_t first = 0, n = nn_tensor_elements(of); first < n; first += PART) {
            int64_t count = n - first < PART ? n - first : PART;
            take_part(l, of, change, first, count, values);
            for (int64_t k = 0; k < count; k++) {
                double v = values[k], share = (v - h->low) / (h->high - h->low);
                if (!isfinite(v)) continue;
                if (pass == 1)
                    h->counts[share > 0 && share < 1 ? (int)(share * BINS) : share >= 1 ? BINS - 1 : 0]++;
                if (pass == 1) continue;
                h->low = fmin(h->low, v);
                h->high = fmax(h->high, v);
                h->sum += v;
                h->square += v * v;
                h->count++;
            }
        }
    }
}

static void put(nn_text *line, const Histogram *h) {
    nn_text_format(line, "\"count\": %lld", (long long)h->count);
    nn_line_number(line, "low", h->low);
    nn_line_number(line, "high", h->high);
    nn_line_number(line, "sum", h->sum);
    nn_line_number(line, "square", h->square);
    for (int k = 0; k < BINS; k++)
        nn_text_format(line, k == 0 ? ", \"counts\": [%.0f" : ", %.0f", h->counts[k]);
    nn_text_add(line, "]");
}

// A line of each parameter. kept: a longer run has them too.
static void put_weights(nn_loop *l, bool change, bool kept) {
    const nn_trainer *t = l->t;
    Histogram h;
    for (uint32_t k = 0; k < l->manifest->tensors_count; k++) {
        const nn_tensor *of = nn_model_tensor(&t->model, (int32_t)k);
        if (of->kind != NN_PARAM || of->offset < 0) continue;
        nn_line_begin(l, "weights", t->at.epoch);
        nn_text_format(&l->line, ", \"tensor\": \"%s\", ", nn_model_text(&t->model, of->name));
        measure(l, of, false, &h);
        put(&l->line, &h);
        if (change) {
            nn_text_add(&l->line, ", \"update\": {");
            measure(l, of, true, &h);
            put(&l->line, &h);
            nn_text_add(&l->line, "}");
        }
        nn_text_add(&l->line, "}\n");
        nn_log_line(&l->summary, &l->line, kept);
        nn_events_line(l);
    }
}

void nn_moment_before(nn_loop *l) {
    nn_catch_up(l->t);
    memcpy(l->before, l->t->model.arena, (size_t)l->manifest->persistent);
    l->until_look = 1; // this step is looked at
}

void nn_moment_after(nn_loop *l) {
    nn_catch_up(l->t);
    put_weights(l, true, true);
    l->next_moment *= 10;
}

void nn_moment_end(nn_loop *l) {
    if (l->before == NULL || l->t->at.step <= 0 || l->t->at.step * 10 == l->next_moment) return;
    nn_catch_up(l->t);
    put_weights(l, false, false);
}
