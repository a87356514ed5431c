// Class columns: texts are numbered in byte order over all rows, numbers must lie in 0 .. n - 1.
// Missing cells and what the list does not have may be classes of their own, the last numbers.
// Guarantees: the same texts get the same numbers in any order of rows; other data are read by the list of
// the first.
#include "data/data.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN = 40 };

typedef struct {
    nn_context *ctx;
    const nn_csv *csv;
    const nn_csv_want *want;
    const nn_field *of;
    const char *field;
    int64_t width; // columns
} Reading;

int64_t nn_class_count(const nn_field *f) { return f->limit - (f->own_missing >= 0) - (f->own_other >= 0); }

static bool is_missing(const Reading *r, int64_t k) {
    return !r->want->exact && nn_csv_missing(r->want->cells[k].text, r->want->cells[k].length);
}

static nn_status fail_at(const Reading *r, int64_t at, const char *expected) {
    char field[512];
    bool missing = is_missing(r, at) && r->of->own_missing < 0;
    double value;
    bool number = !r->of->is_named && nn_cell_number(r->csv, &r->want->cells[at], &value);
    snprintf(field, sizeof field, " (field %s)%s", r->field,
             missing  ? "; class(..., missing = own) makes missing cells a class"
             : number ? NN_NAMED_HINT
                      : "");
    return nn_cell_fail(r->ctx, r->csv, at / r->width, &r->want->cells[at], expected, field);
}

static bool all_numbers(const Reading *r, int64_t count) {
    double value;
    for (int64_t k = 0; k < count && !r->want->exact; k++) {
        const nn_cell *c = &r->want->cells[k];
        if (!nn_cell_number(r->csv, c, &value) && !nn_csv_missing(c->text, c->length)) return false;
    }
    return !r->want->exact;
}

// What is no class of the training file, and no missing cell.
static nn_status take_other(const Reading *r, int64_t k, const char *expected) {
    if (r->of->own_other < 0) return fail_at(r, k, expected);
    r->want->values[k] = (double)r->of->own_other;
    return NN_OK;
}

static nn_status check_numbers(const Reading *r, int64_t count) {
    int64_t limit = nn_class_count(r->of);
    char expected[80];
    snprintf(expected, sizeof expected, "a class, a whole number 0 .. %lld", (long long)limit - 1);
    for (int64_t k = 0; k < count; k++) {
        double *value = &r->want->values[k];
        bool missing = is_missing(r, k);
        if (missing && r->of->own_missing >= 0)
            *value = (double)r->of->own_missing;
        else if (missing && r->want->missing_ok)
            *value = (double)NAN;
        else if (missing)
            return fail_at(r, k, expected);
        else if ((!nn_cell_number(r->csv, &r->want->cells[k], value) || !nn_below(*value, limit)) &&
                 take_other(r, k, expected) != NN_OK)
            return r->ctx->status;
    }
    return NN_OK;
}

int nn_cell_compare(const void *a, const void *b) {
    const nn_cell *x = a, *y = b;
    int order = memcmp(x->text, y->text, x->length < y->length ? x->length : y->length);
    return order != 0 ? order : (x->length > y->length) - (x->length < y->length);
}

// ---- texts ----

static int32_t number_of(const Reading *r, nn_vocabulary *v, int64_t k, bool grows) {
    return nn_unit_number(r->ctx, v, &r->want->cells[k], grows);
}

// Every cell gets the number of its text, from 1 on, as they first come; 0: a missing one, where that is a
// class.
static nn_status number_cells(const Reading *r, int64_t count, nn_vocabulary *v) {
    for (int64_t k = 0; k < count && r->ctx->status == NN_OK; k++) {
        bool missing = is_missing(r, k);
        if (missing && r->of->own_missing < 0) return fail_at(r, k, "a class");
        r->want->values[k] = missing ? 0 : number_of(r, v, k, true);
    }
    return r->ctx->status;
}

// The list goes into the weights file, which is UTF-8 or no file to others.
static nn_status check_names(const Reading *r, const nn_vocabulary *v) {
    for (int64_t i = 0; i < v->count; i++) {
        const nn_cell *c = &v->units[i];
        int64_t row = 0;
        for (uint64_t k = 0, l; k < c->length; k += l) {
            l = nn_utf8_length(c->text + k, c->length - k);
            if (l != 0) continue;
            while (r->want->values[row] != (double)(i + 1)) row++;
            return fail_at(r, row, "the name of a class in UTF-8");
        }
    }
    return NN_OK;
}

static nn_status other_count(const Reading *r, const nn_cell *texts, int64_t found) {
    int64_t expected = nn_class_count(r->of), own = r->of->limit - expected;
    char told[80];
    snprintf(told, sizeof told, " (beside %lld of the %lld that are own)", (long long)own,
             (long long)r->of->limit);
    nn_text list;
    nn_text_begin(&list, r->ctx);
    for (int64_t k = 0; k < found && k < 12; k++)
        nn_text_format(&list, "%s\"%.*s\"", k == 0 ? "" : ", ",
                       (int)(texts[k].length > SHOWN ? SHOWN : texts[k].length), texts[k].text);
    return nn_fail(r->ctx, NN_DATA, "%s: expected %lld classes in field %s, found %lld: %s%s%s", r->csv->path,
                   (long long)expected, r->field, (long long)found, list.bytes, found > 12 ? ", ..." : "",
                   own > 0 ? told : "");
}

static nn_status take_names(const Reading *r, const nn_cell *texts, int64_t count, nn_classes *classes) {
    classes->names = nn_get(r->ctx, (uint64_t)count, sizeof *classes->names);
    for (int64_t k = 0; k < count && classes->names != NULL; k++) {
        char *name = nn_get(r->ctx, (uint64_t)texts[k].length + 1, 1);
        if (name == NULL) return r->ctx->status;
        memcpy(name, texts[k].text, texts[k].length);
        classes->names[k] = name;
    }
    classes->count = count;
    return r->ctx->status;
}

// The texts of the file are numbered in byte order.
static nn_status number_texts(const Reading *r, int64_t count, nn_classes *classes) {
    nn_vocabulary v = {0};
    if (number_cells(r, count, &v) != NN_OK || check_names(r, &v) != NN_OK) return r->ctx->status;
    nn_cell *texts = nn_get(r->ctx, (uint64_t)v.count, sizeof *texts);
    double *place = nn_get(r->ctx, (uint64_t)v.count + 1, sizeof *place), *values = r->want->values;
    if (texts == NULL || place == NULL) return r->ctx->status;
    for (int64_t i = 0; i < v.count; i++)
        texts[i] = (nn_cell){v.units[i].text, v.units[i].length, (uint32_t)i + 1};
    qsort(texts, (size_t)v.count, sizeof *texts, nn_cell_compare);
    if (v.count != nn_class_count(r->of)) return other_count(r, texts, v.count);
    place[0] = (double)r->of->own_missing;
    for (int64_t i = 0; i < v.count; i++) place[texts[i].column] = (double)i;
    for (int64_t k = 0; k < count; k++) values[k] = place[(int64_t)values[k]];
    nn_status status = take_names(r, texts, v.count, classes);
    nn_drop(r->ctx, texts);
    nn_drop(r->ctx, place);
    nn_drop(r->ctx, v.units);
    nn_drop(r->ctx, v.slots);
    return status;
}

// By the names that are known.
static nn_status find_texts(const Reading *r, int64_t count, nn_classes *classes) {
    nn_vocabulary v = {0};
    for (int64_t k = 0; k < classes->count && r->ctx->status == NN_OK; k++)
        nn_unit_number(r->ctx, &v, &(nn_cell){classes->names[k], (uint32_t)strlen(classes->names[k]), 0},
                       true);
    for (int64_t k = 0; k < count && r->ctx->status == NN_OK; k++) {
        bool own = r->of->own_missing >= 0 && is_missing(r, k);
        int32_t number = own ? 0 : number_of(r, &v, k, false);
        r->want->values[k] = number > 0 ? number - 1 : (double)r->of->own_missing;
        if (own || number > 0) continue;
        if (is_missing(r, k)) return fail_at(r, k, "a class");
        take_other(r, k, "one of the classes that the model was trained with");
    }
    nn_drop(r->ctx, v.units);
    nn_drop(r->ctx, v.slots);
    return r->ctx->status;
}

// Whole numbers of the file, or what stood for them when the model was trained.
static nn_status number_values(const Reading *r, int64_t count, nn_classes *classes) {
    double *values = r->want->values;
    for (int64_t k = 0; k < count; k++) {
        if (nn_cell_number(r->csv, &r->want->cells[k], &values[k])) continue;
        if (is_missing(r, k) && r->of->own_missing < 0 && !r->want->missing_ok)
            return fail_at(r, k, "a whole number that is a class");
        values[k] = is_missing(r, k) ? (double)NAN : (double)INFINITY;
    }
    int64_t unknown;
    nn_named_values named = {r->of, r->field, r->csv->path, values, count};
    if (nn_class_named(r->ctx, classes, &named, &unknown) != NN_OK || unknown < 0) return r->ctx->status;
    return fail_at(r, unknown, "a whole number that is a class");
}

nn_status nn_class_values(nn_context *ctx, nn_classes *classes, const nn_field *field, const char *name,
                          const nn_csv *csv, const nn_csv_want *want) {
    Reading r = {ctx, csv, want, field, name, want->count};
    int64_t count = csv->rows * r.width;
    if (field->is_named && (classes->count == 0 ? all_numbers(&r, count) : nn_classes_are_numbers(classes)))
        return number_values(&r, count, classes);
    // Where the training file had numbers, texts would be numbered by this file alone.
    if (classes->count == 0 && (csv->trained != NULL || all_numbers(&r, count)))
        return check_numbers(&r, count);
    return (classes->count == 0 ? number_texts : find_texts)(&r, count, classes);
}
