// Runs that differ in settings and seeds, as a table: mean and deviation over the seeds of each combination,
// the best one first.
#include "report/report.h"

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

const char *nn_sweep_by(const nn_story *runs, int count) {
    static const char *const names[] = {"validation.loss", "test.loss"};
    for (int n = 0; n < 2; n++) {
        for (int k = 0; k < count; k++)
            if (isfinite(value_of(&runs[k], names[n]))) return names[n];
    }
    return "loss";
}

void nn_sweep_measure(nn_sweep_row *row, const nn_story *runs, const char *by) {
    double sum = 0, square = 0;
    int n = 0;
    for (int k = 0; k < row->count; k++) {
        double value = value_of(&runs[k], by);
        n += isfinite(value);
        sum += isfinite(value) ? value : 0;
    }
    row->ended = n;
    row->mean = n == 0 ? (double)NAN : sum / n;
    for (int k = 0; k < row->count; k++) {
        double d = value_of(&runs[k], by) - row->mean;
        square += isfinite(d) ? d * d : 0;
    }
    row->deviation = n < 2 ? (double)NAN : sqrt(square / (n - 1));
}

// Of values to be small; of those to be large the rows have them negative.
static int by_value(const void *a, const void *b) {
    const nn_sweep_row *x = a, *y = b;
    if (x->rounds != y->rounds) return y->rounds - x->rounds;
    if (isnan(x->mean) || isnan(y->mean)) return isnan(x->mean) - isnan(y->mean);
    return x->mean != y->mean ? (x->mean < y->mean ? -1 : 1) : x->order - y->order;
}

void nn_sweep_sort(nn_sweep_row *rows, int count, bool most) {
    for (int k = 0; k < count && most; k++) rows[k].mean = -rows[k].mean;
    qsort(rows, (size_t)count, sizeof *rows, by_value);
    for (int k = 0; k < count && most; k++) rows[k].mean = -rows[k].mean;
}
