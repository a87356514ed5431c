// Combinations as a table: mean and deviation over their seeds, the best one first.
#include "sweep/job.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// Of the weights that the run kept.
static double value_of(const nn_story *s, const char *by) {
    nn_json best;
    if (s->end.at == NULL) return (double)NAN;
    bool kept = nn_story_is(s->start, "keeps", "best") && nn_json_find(s->end, "best", &best);
    return nn_json_number(kept ? best : s->end, by);
}

// The loss of a held-out part, where some run has one.
static const char *compared_by(const Sweep *w) {
    static const char names[][16] = {"validation.loss", "test.loss"};
    for (int n = 0; n < 2; n++)
        for (int k = 0; k < w->count; k++)
            if (isfinite(value_of(&w->jobs[k].story, names[n]))) return names[n];
    return "loss";
}

static void measure(const Sweep *w, Row *row) {
    double sum = 0, square = 0;
    int n = 0;
    for (int k = row->order; k < w->count; k += w->combinations) {
        double value = value_of(&w->jobs[k].story, w->by);
        n += isfinite(value);
        sum += isfinite(value) ? value : 0;
    }
    row->ended = n;
    row->mean = n == 0 ? (double)NAN : sum / n;
    for (int k = row->order; k < w->count; k += w->combinations) {
        double d = value_of(&w->jobs[k].story, w->by) - row->mean;
        square += isfinite(d) ? d * d : 0;
    }
    row->deviation = n < 2 ? (double)NAN : sqrt(square / (n - 1));
}

static void list(void *text, const char *name, double value) {
    (void)value;
    nn_text_format(text, "%s%s", ((nn_text *)text)->length > 0 ? ", " : "", name);
}

// What is asked for is what some run has.
static nn_status check_by(const Sweep *w) {
    nn_text names;
    nn_json value;
    nn_text_begin(&names, w->ctx);
    for (int k = 0; k < w->count; k++) {
        nn_json end = w->jobs[k].story.end;
        if (end.at != NULL && nn_json_find(end, w->by, &value)) return NN_OK;
        if (end.at != NULL && names.length == 0) nn_story_measures(end, list, &names);
    }
    return names.length == 0 ? NN_OK
                             : nn_fail(w->ctx, NN_USAGE, "--by %s: no run has that value; there are %s",
                                       w->by, names.bytes);
}

// Of values to be small; of those to be large the rows have them negative.
static int by_value(const void *a, const void *b) {
    const Row *x = a, *y = b;
    if (x->rounds != y->rounds) return y->rounds - x->rounds;
    if (isnan(x->mean) || isnan(y->mean)) return isnan(x->mean) - isnan(y->mean);
    return x->mean != y->mean ? (x->mean < y->mean ? -1 : 1) : x->order - y->order;
}

Row *sweep_rank(Sweep *w) {
    Row *rows = nn_get(w->ctx, (uint64_t)w->combinations, sizeof *rows);
    if (w->by == NULL) w->by = compared_by(w);
    if (rows == NULL || check_by(w) != NN_OK) return NULL;
    for (int k = 0; k < w->combinations; k++) {
        rows[k] = (Row){.order = k, .rounds = w->jobs[k].rounds};
        measure(w, &rows[k]);
        if (w->most) rows[k].mean = -rows[k].mean;
    }
    qsort(rows, (size_t)w->combinations, sizeof *rows, by_value);
    for (int k = 0; k < w->combinations && w->most; k++) rows[k].mean = -rows[k].mean;
    return rows;
}

nn_status sweep_table(Sweep *w, nn_text *out) {
    const nn_sweep *s = w->s;
    const Row *rows = sweep_rank(w);
    nn_table t;
    nn_table_begin(w->ctx, &t, w->combinations + 1);
    for (t.row = 1; rows != NULL && t.row <= w->combinations; t.row++) {
        const Row *row = &rows[t.row - 1];
        const Job *job = &w->jobs[row->order];
        for (int a = 0; a < s->axis_count; a++)
            nn_text_add(nn_table_cell(&t, s->axes[a].name), job->values[a]);
        nn_table_number(&t, w->by, "%.6g", row->mean);
        nn_table_number(&t, "deviation", "%.3g", row->deviation);
        nn_table_number(&t, "runs", "%.0f", row->ended);
        if (s->halving > 0) nn_table_number(&t, "epochs", "%.0f", (double)(s->halving << job->rounds));
    }
    nn_table_put(&t, out);
    return w->ctx->status;
}
