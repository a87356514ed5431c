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

// Where a text stands in a table of slots, or would: a power of two, never full.
static nn_cell *slot_of(nn_cell *slots, uint64_t room, const nn_cell *c) {
    uint64_t at = nn_crc32c(0, c->text, c->length) & (room - 1);
    while (slots[at].text != NULL && nn_cell_compare(&slots[at], c) != 0) at = (at + 1) & (room - 1);
    return &slots[at];
}

// The different texts, through a table of slots by hash that doubles; sorted in byte order.
static nn_status different(const Reading *r, int64_t count, nn_cell **out, int64_t *found) {
    uint64_t room = 64, used = 0;
    nn_cell *slots = nn_get(r->ctx, room, sizeof *slots);
    for (int64_t k = 0; k < count && slots != NULL; k++) {
        const nn_cell *c = &r->want->cells[k];
        bool missing = is_missing(r, k);
        if (missing && r->of->own_missing >= 0) continue;
        if (missing) return fail_at(r, k, "a class");
        nn_cell *slot = slot_of(slots, room, c);
        if (slot->text != NULL) continue;
        *slot = (nn_cell){c->text, c->length, (uint32_t)(k & UINT32_MAX)};
        if (++used * 2 <= room) continue;
        nn_cell *bigger = nn_get(r->ctx, room * 2, sizeof *bigger);
        for (uint64_t i = 0; i < room && bigger != NULL; i++)
            if (slots[i].text != NULL) *slot_of(bigger, room * 2, &slots[i]) = slots[i];
        nn_drop(r->ctx, slots);
        slots = bigger;
        room *= 2;
    }
    if (slots == NULL) return r->ctx->status;
    uint64_t n = 0;
    for (uint64_t i = 0; i < room; i++) {
        if (slots[i].text != NULL) slots[n++] = slots[i];
    }
    // The list goes into the weights file, which is UTF-8 or no file to others.
    for (uint64_t i = 0; i < n; i++) {
        for (uint64_t k = 0, l; k < slots[i].length; k += l) {
            l = nn_utf8_length(slots[i].text + k, slots[i].length - k);
            if (l == 0) return fail_at(r, slots[i].column, "the name of a class in UTF-8");
        }
    }
    qsort(slots, (size_t)n, sizeof *slots, nn_cell_compare);
    *out = slots;
    *found = (int64_t)n;
    return NN_OK;
}

static nn_status number_texts(const Reading *r, int64_t count, nn_classes *classes) {
    nn_cell *texts = NULL;
    int64_t found = 0;
    if (different(r, count, &texts, &found) != NN_OK) return r->ctx->status;
    int64_t expected = nn_class_count(r->of), own = r->of->limit - expected;
    if (found != expected) {
        char told[80];
        snprintf(told, sizeof told, " (beside %lld of the %lld that are own)", (long long)own,
                 (long long)r->of->limit);
        nn_text list;
        nn_text_begin(&list, r->ctx);
        for (int64_t k = 0; k < found && k < 12; k++)
            nn_text_format(&list, "%s\"%.*s\"", k == 0 ? "" : ", ",
                           (int)(texts[k].length > SHOWN ? SHOWN : texts[k].length), texts[k].text);
        return nn_fail(r->ctx, NN_DATA, "%s: expected %lld classes in field %s, found %lld: %s%s%s",
                       r->csv->path, (long long)expected, r->field, (long long)found, list.bytes,
                       found > 12 ? ", ..." : "", own > 0 ? told : "");
    }
    classes->names = nn_get(r->ctx, (uint64_t)found, sizeof *classes->names);
    for (int64_t k = 0; k < found && classes->names != NULL; k++) {
        char *name = nn_get(r->ctx, (uint64_t)texts[k].length + 1, 1);
        if (name == NULL) return r->ctx->status;
        memcpy(name, texts[k].text, texts[k].length);
        classes->names[k] = name;
    }
    nn_drop(r->ctx, texts);
    classes->count = found;
    return r->ctx->status;
}

static int compare_name(const void *cell, const void *name) {
    const char *text = *(const char *const *)name;
    return nn_cell_compare(cell, &(nn_cell){text, (uint32_t)strlen(text), 0});
}

static nn_status find_texts(const Reading *r, int64_t count, const nn_classes *classes) {
    for (int64_t k = 0; k < count; k++) {
        if (r->of->own_missing >= 0 && is_missing(r, k)) {
            r->want->values[k] = (double)r->of->own_missing;
            continue;
        }
        const char **name = bsearch(&r->want->cells[k], classes->names, (size_t)classes->count,
                                    sizeof *classes->names, compare_name);
        if (name != NULL)
            r->want->values[k] = (double)(name - classes->names);
        else if (is_missing(r, k))
            return fail_at(r, k, "a class");
        else if (take_other(r, k, "one of the classes that the model was trained with") != NN_OK)
            return r->ctx->status;
    }
    return NN_OK;
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
    if (classes->count == 0 && number_texts(&r, count, classes) != NN_OK) return ctx->status;
    return find_texts(&r, count, classes);
}
