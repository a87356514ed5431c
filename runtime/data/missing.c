// missing = mean, median: the mean or the median of the training rows that have a value stands for NaN in
// every part. Guarantees: what is known (of a weights file, or of the training rows for other parts) is not
// measured again; a sum is taken from the first value, so that what the values have in common cancels
// exactly.
#include "data/data.h"

#include <math.h>
#include <stdlib.h>

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double mean_of(const double *values, int64_t count) {
    double sum = 0;
    for (int64_t k = 0; k < count; k++) sum += values[k] - values[0];
    return values[0] + sum / (double)count;
}

// The middle one, or the middle of the middle two.
static double median_of(double *values, int64_t count) {
    qsort(values, (size_t)count, sizeof *values, compare);
    double low = values[(count - 1) / 2], high = values[count / 2];
    return low + (high - low) / 2;
}

// The values that the training rows have in an element of a sample; their number.
static int64_t training_values(const nn_loading *l, const nn_raw *raw, int part, int64_t e, double *out) {
    const double *v = (const double *)(const void *)raw->bytes;
    int64_t count = 0;
    for (int64_t r = 0; r < raw->rows; r++) {
        double x = v[r * raw->elements + e];
        if (l->training[l->first[part] + r] && !isnan(x)) out[count++] = x;
    }
    return count;
}

static nn_status measure(const nn_loading *l, const nn_statistic *of, const nn_raw *raw, int part) {
    bool median = of->kind == NN_MISSING_MEDIAN;
    double *values = nn_get(l->ctx, (uint64_t)raw->rows, sizeof *values);
    for (int64_t e = 0; e < raw->elements && values != NULL; e++) {
        int64_t count = training_values(l, raw, part, e, values);
        if (count == 0)
            return nn_fail(
                l->ctx, NN_DATA,
                "%s: no training row has a value in field %s, so that there is no %s for missing ones",
                raw->path, nn_model_text(l->m, NN_TABLE(l->m, nn_field, fields)[of->field].name),
                median ? "median" : "mean");
        double value = median ? median_of(values, count) : mean_of(values, count);
        nn_tensor_put(l->m, nn_model_tensor(l->m, of->into[0]), e, 1, &value);
    }
    nn_drop(l->ctx, values);
    return l->ctx->status;
}

nn_status nn_fill_missing(nn_loading *l, const nn_statistic *of, bool known) {
    const nn_tensor *into = nn_model_tensor(l->m, of->into[0]);
    nn_raw *raw = &l->raws[of->column];
    int part = NN_TABLE(l->m, nn_column, columns)[of->column].part;
    if (raw->bytes == NULL || into == NULL) return NN_OK;
    if (!known && part == NN_TRAIN && measure(l, of, raw, part) != NN_OK) return l->ctx->status;
    double *fill = nn_get(l->ctx, (uint64_t)raw->elements, sizeof *fill);
    if (fill == NULL) return l->ctx->status;
    nn_tensor_get(l->m, into, 0, raw->elements, fill);
    raw->fill = fill;
    return NN_OK;
}
