// LIBSVM's texts: a label a line, and the values that are not 0 with their numbers, "+1 3:0.5 12:1 # so".
// Guarantees: linear time; numbers that are out of range, or not in increasing order, are a message with line
// and column.
#include "data/data.h"

#include <stdio.h>
#include <string.h>

typedef struct {
    nn_context *ctx;
    nn_libsvm *s;
    const char *at, *end, *line_start; // end: of the line, or where a comment begins
    uint32_t line;
} Reader;

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

static nn_status fail_at(const Reader *r, const char *at, const char *expected) {
    int length = 0;
    while (at + length < r->end && !is_blank(at[length]) && length < 40) length++;
    return nn_fail(r->ctx, NN_DATA, "%s:%u:%lld: expected %s, found %s%.*s%s", r->s->path, r->line,
                   (long long)(at - r->line_start + 1), expected, length == 0 ? "the end of the line" : "\"",
                   length, at, length == 0 ? "" : "\"");
}

// The word at hand, up to a blank or the end of the line.
static const char *word(Reader *r) {
    while (r->at < r->end && is_blank(*r->at)) r->at++;
    const char *start = r->at;
    while (r->at < r->end && !is_blank(*r->at)) r->at++;
    return start;
}

static nn_status take_pair(Reader *r, const char *start, int64_t *before) {
    nn_libsvm *s = r->s;
    const char *colon = memchr(start, ':', (size_t)(r->at - start));
    int64_t number;
    double value;
    if (colon != NULL && colon - start == 3 && memcmp(start, "qid", 3) == 0) return NN_OK; // of rankings
    if (colon == NULL || !nn_integer_parse(start, (uint64_t)(colon - start), &number) ||
        !nn_number_parse(colon + 1, (uint64_t)(r->at - colon - 1), &value))
        return fail_at(r, start, "NUMBER:VALUE");
    if (number <= *before) return fail_at(r, start, "numbers in increasing order");
    *before = number;
    if (number < s->first || number - s->first >= s->elements) {
        char expected[96];
        snprintf(expected, sizeof expected, "a number %lld .. %lld%s", (long long)s->first,
                 (long long)(s->first + s->elements - 1),
                 number == 0 ? ": libsvm(..., first = 0) counts from 0" : "");
        return fail_at(r, start, expected);
    }
    if (s->values != NULL) s->values[s->rows * s->elements + number - s->first] = value;
    return NN_OK;
}

static nn_status take_line(Reader *r) {
    nn_libsvm *s = r->s;
    const char *start = word(r);
    double label;
    int64_t before = -1;
    if (start == r->at) return NN_OK; // nothing, or a comment
    if (!nn_number_parse(start, (uint64_t)(r->at - start), &label))
        return fail_at(r, start, "a label, a number");
    if (s->labels != NULL) s->labels[s->rows] = label;
    s->lines[s->rows] = r->line;
    for (start = word(r); start < r->at; start = word(r))
        if (take_pair(r, start, &before) != NN_OK) return r->ctx->status;
    s->rows++;
    return NN_OK;
}

nn_status nn_libsvm_parse(nn_context *ctx, nn_libsvm *s, const char *bytes, uint64_t size) {
    const char *end = bytes + size;
    uint64_t rows = 1;
    for (const char *p = bytes; p < end && (p = memchr(p, '\n', (size_t)(end - p))) != NULL; p++) rows++;
    if (rows > INT32_MAX) return nn_fail(ctx, NN_DATA, "%s: more than %d rows", s->path, INT32_MAX);
    s->lines = nn_get(ctx, rows, sizeof *s->lines);
    if (s->wants_labels) s->labels = nn_get(ctx, rows, sizeof *s->labels);
    uint64_t row = (uint64_t)s->elements * sizeof *s->values;
    if (s->wants_values && ctx->status == NN_OK) s->values = nn_get(ctx, rows, row);
    Reader r = {.ctx = ctx, .s = s, .line = 1};
    for (const char *at = bytes; at < end && ctx->status == NN_OK; r.line++) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        if (stop == NULL) stop = end;
        const char *comment = memchr(at, '#', (size_t)(stop - at));
        r.at = r.line_start = at;
        r.end = comment == NULL ? stop : comment;
        take_line(&r);
        at = stop + (stop < end);
    }
    return ctx->status;
}

// Every column of a part has arrays of its own, so that each is freed alone; rows of different lengths are
// fields' affair.
static nn_status take_column(const nn_loading *l, const nn_column *c, const char *path, const char *bytes,
                             uint64_t size, nn_raw *raw) {
    bool row = c->kind == NN_COLUMN_ROW;
    nn_libsvm s = {.path = path,
                   .elements = row ? c->elements : INT32_MAX,
                   .first = l->m->manifest->data.detail,
                   .wants_labels = !row,
                   .wants_values = row};
    if (nn_libsvm_parse(l->ctx, &s, bytes, size) != NN_OK) return l->ctx->status;
    double *values = row ? s.values : s.labels;
    *raw = (nn_raw){.rows = s.rows,
                    .elements = row ? c->elements : 1,
                    .bytes = (const unsigned char *)values,
                    .type = 'f',
                    .size = 8,
                    .path = path,
                    .lines = s.lines,
                    .owned = values};
    return NN_OK;
}

nn_status nn_libsvm_rows(const nn_loading *l, int part) {
    const nn_column *columns = NN_TABLE(l->m, nn_column, columns);
    unsigned char *bytes = NULL;
    uint64_t size = 0;
    char path[NN_PATH_ROOM] = "standard input", *kept;
    uint32_t *lines = NULL;
    if (nn_source_bytes(l, nn_part_file(l, part, NULL), path, &bytes, &size) != NN_OK ||
        (kept = nn_path_kept(l->ctx, path, "")) == NULL)
        return l->ctx->status;
    for (uint32_t k = 0; k < l->m->manifest->columns_count; k++) {
        nn_raw *raw = &l->raws[k];
        if (!nn_column_wanted(l, &columns[k], part)) continue;
        if (take_column(l, &columns[k], kept, (const char *)bytes, size, raw) != NN_OK) return l->ctx->status;
        if (lines != NULL) nn_drop(l->ctx, raw->lines);
        raw->lines = lines = lines == NULL ? raw->lines : lines; // the columns of a file share these
    }
    nn_drop(l->ctx, bytes);
    return NN_OK;
}
