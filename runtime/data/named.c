// Classes that are whole numbers of any size: stars 1 .. 10 without 5, years, codes. They are numbered in
// increasing order over all rows, and their names are the numbers themselves.
// Guarantees: other data are read by the list of the first; a number has one name.
#include "data/data.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Beyond that not every whole number is a double.
static const double WHOLE_LIMIT = 9007199254740992;

static bool is_whole(double v) { return v >= -WHOLE_LIMIT && v <= WHOLE_LIMIT && v == floor(v); }

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

bool nn_classes_are_numbers(const nn_classes *classes) {
    int64_t value;
    for (int64_t k = 0; k < classes->count; k++)
        if (!nn_integer_parse(classes->names[k], strlen(classes->names[k]), &value)) return false;
    return true;
}

// The different whole numbers, in increasing order.
static double *different(nn_context *ctx, const nn_named_values *v, int64_t *found) {
    double *all = nn_get(ctx, (uint64_t)v->count, sizeof *all);
    int64_t n = 0;
    *found = 0;
    for (int64_t k = 0; k < v->count && all != NULL; k++)
        if (is_whole(v->values[k])) all[n++] = v->values[k] + 0; // -0 is 0
    if (all != NULL) qsort(all, (size_t)n, sizeof *all, compare);
    for (int64_t k = 0; k < n; k++)
        if (k == 0 || all[k] != all[k - 1]) all[(*found)++] = all[k];
    return all;
}

static nn_status other_count(nn_context *ctx, const nn_named_values *v, const double *all, int64_t found) {
    enum { SHOWN = 12 };
    nn_text list;
    nn_text_begin(&list, ctx);
    for (int64_t k = 0; k < found && k < SHOWN; k++)
        nn_text_format(&list, "%s%.0f", k == 0 ? "" : ", ", all[k]);
    return nn_fail(ctx, NN_DATA, "%s: expected %lld classes in field %s, found %lld: %s%s", v->path,
                   (long long)nn_class_count(v->of), v->field, (long long)found, list.bytes,
                   found > SHOWN ? ", ..." : "");
}

static nn_status name_numbers(nn_context *ctx, nn_classes *classes, const nn_named_values *v) {
    int64_t found;
    double *all = different(ctx, v, &found);
    if (all == NULL) return ctx->status;
    if (found != nn_class_count(v->of)) return other_count(ctx, v, all, found);
    classes->names = nn_get(ctx, (uint64_t)found, sizeof *classes->names);
    for (int64_t k = 0; k < found && classes->names != NULL; k++) {
        char *name = nn_get(ctx, 24, 1);
        if (name == NULL) return ctx->status;
        snprintf(name, 24, "%.0f", all[k]);
        classes->names[k] = name;
    }
    classes->count = found;
    nn_drop(ctx, all);
    return ctx->status;
}

nn_status nn_class_named(nn_context *ctx, nn_classes *classes, const nn_named_values *v, int64_t *unknown) {
    *unknown = -1;
    for (int64_t k = 0; k < v->count && *unknown < 0; k++)
        if (!is_whole(v->values[k]) && !isnan(v->values[k]) && v->of->own_other < 0) *unknown = k;
    if (*unknown >= 0 || (classes->count == 0 && name_numbers(ctx, classes, v) != NN_OK)) return ctx->status;
    double *numbers = nn_get(ctx, (uint64_t)classes->count, sizeof *numbers);
    if (numbers == NULL) return ctx->status;
    for (int64_t k = 0; k < classes->count; k++) numbers[k] = strtod(classes->names[k], NULL);
    for (int64_t k = 0; k < v->count && *unknown < 0; k++) {
        const double *at = bsearch(&v->values[k], numbers, (size_t)classes->count, sizeof *numbers, compare);
        bool missing = isnan(v->values[k]);
        if (missing && v->of->own_missing >= 0)
            v->values[k] = (double)v->of->own_missing;
        else if (!missing && at != NULL)
            v->values[k] = (double)(at - numbers);
        else if (!missing && v->of->own_other >= 0)
            v->values[k] = (double)v->of->own_other;
        else
            *unknown = k;
    }
    nn_drop(ctx, numbers);
    return ctx->status;
}
