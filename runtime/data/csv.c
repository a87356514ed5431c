// CSV as RFC 4180 has it, LF or CRLF; a byte-order mark, blank lines, blanks around a cell and comments are
// skipped.
// Needs the file in memory, ended by a NUL, and changes it: quotes are taken out in place, so that cells are
// slices of it. Guarantees: linear time, bounded memory, and a message with line and column for whatever is
// wrong.
#include "data/data.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { LINE_LIMIT = 64 << 20, CELL_LIMIT = 1 << 21, SHOWN = 40 };

typedef struct {
    nn_context *ctx;
    nn_csv *csv;
    char *at, *end, *line_start;
    uint32_t line, record_line;
    nn_cell *cells;
    uint32_t count, room;
    bool blank; // the record is an empty line
} Reader;

static bool is_blank(const Reader *r, char c) {
    return (c == ' ' || c == '\t' || c == '\r') && c != r->csv->separator;
}

static nn_status fail_at(const Reader *r, const char *at, const char *what) {
    int64_t column = at - r->line_start + 1;
    return nn_fail(r->ctx, NN_DATA, "%s:%u:%lld: %s", r->csv->path, r->line, (long long)column, what);
}

static nn_status add_cell(Reader *r, const char *text, uint64_t length, int64_t column) {
    if (r->count == CELL_LIMIT)
        return nn_fail(r->ctx, NN_DATA, "%s:%u: the line has more than %d cells", r->csv->path,
                       r->record_line, CELL_LIMIT);
    if (r->count == r->room) {
        r->room = r->room == 0 ? 64 : r->room * 2;
        r->cells = nn_grow(r->ctx, r->cells, r->room, sizeof *r->cells);
        if (r->cells == NULL) return r->ctx->status;
    }
    r->cells[r->count++] = (nn_cell){text, (uint32_t)length, (uint32_t)column};
    return NN_OK;
}

// A cell in quotes: `at` stands on the first. Doubled quotes become one, lines may end inside.
static nn_status quoted(Reader *r, uint64_t *length) {
    char *open = r->at++, *to = r->at;
    const char *open_line = r->line_start;
    uint32_t line = r->line;
    for (; r->at < r->end; r->at++) {
        if (*r->at == '"') {
            if (r->at + 1 == r->end || r->at[1] != '"') break;
            r->at++;
        } else if (*r->at == '\n') {
            r->line++;
            r->line_start = r->at + 1;
        }
        *to++ = *r->at;
    }
    if (r->at == r->end)
        return nn_fail(r->ctx, NN_DATA, "%s:%u:%lld: expected a closing quote, found the end of the file",
                       r->csv->path, line, (long long)(open - open_line + 1));
    *length = (uint64_t)(to - open - 1);
    r->at++;
    while (r->at < r->end && is_blank(r, *r->at)) r->at++;
    if (r->at < r->end && *r->at != '\n' && *r->at != r->csv->separator)
        return fail_at(r, r->at, "expected a separator after the closing quote");
    return NN_OK;
}

// One record into r->cells. *more is false at the end of the file.
static nn_status record(Reader *r, bool *more) {
    r->count = 0;
    r->line_start = r->at;
    r->record_line = r->line;
    *more = r->at < r->end;
    const char *first = r->at;
    bool any_quotes = false;
    while (*more) {
        while (r->at < r->end && is_blank(r, *r->at)) r->at++;
        char *start = r->at;
        uint64_t length = 0;
        int64_t column = start - r->line_start + 1;
        nn_status status = NN_OK;
        if (r->at < r->end && *r->at == '"') {
            any_quotes = true;
            status = quoted(r, &length);
            if (status == NN_OK) status = add_cell(r, start + 1, length, column);
        } else {
            while (r->at < r->end && *r->at != '\n' && *r->at != r->csv->separator) r->at++;
            char *stop = r->at;
            while (stop > start && is_blank(r, stop[-1])) stop--;
            status = add_cell(r, start, (uint64_t)(stop - start), column);
        }
        if (status != NN_OK) return status;
        if (r->at - first > LINE_LIMIT) return fail_at(r, r->at, "the line is longer than 64 MB");
        if (r->at == r->end || *r->at == '\n') break;
        r->at++;
    }
    if (r->at < r->end) {
        r->at++;
        r->line++;
    }
    r->blank = r->count == 1 && r->cells[0].length == 0 && !any_quotes;
    return NN_OK;
}

nn_status nn_cell_fail(nn_context *ctx, const nn_csv *csv, uint32_t line, const nn_cell *cell,
                       const char *expected, const char *more) {
    char place[32] = "";
    if (line != 0) snprintf(place, sizeof place, ":%u:%u", line, cell->column);
    return nn_fail(ctx, NN_DATA, "%s%s: expected %s, found \"%.*s\"%s", csv->path, place, expected,
                   (int)(cell->length > SHOWN ? SHOWN : cell->length), cell->text, more);
}

static nn_status make_room(Reader *r) {
    nn_csv *csv = r->csv;
    uint64_t rows = 2; // this record, and the next; the others begin behind ends of lines, and not with one
    for (const char *p = r->at; p < r->end && (p = memchr(p, '\n', (size_t)(r->end - p))) != NULL; p++)
        rows += p[1] != '\n';
    // A row has an end or a separator for each of its cells.
    uint64_t most = (uint64_t)(r->end - r->at) / r->count + 2;
    rows = rows < most ? rows : most;
    if (rows > INT32_MAX) return nn_fail(r->ctx, NN_DATA, "%s: more than %d rows", csv->path, INT32_MAX);
    csv->lines = nn_get(r->ctx, rows, sizeof *csv->lines);
    if (csv->lines == NULL) return r->ctx->status;
    for (int32_t k = 0; k < csv->want_count; k++) {
        nn_csv_want *w = &csv->wants[k];
        uint64_t n = (uint64_t)w->count;
        if (w->texts)
            w->cells = nn_get(r->ctx, rows * n, sizeof *w->cells);
        else
            w->values = nn_get(r->ctx, rows * n, sizeof *w->values);
        if (w->cells == NULL && w->values == NULL) return r->ctx->status;
    }
    return NN_OK;
}

static nn_status bad_number(const Reader *r, const nn_csv_want *w, int32_t i, bool missing) {
    const nn_cell *c = &r->cells[w->columns[i]];
    char name[80], text[80];
    if (w->names != NULL)
        snprintf(name, sizeof name, "\"%.60s\"", w->names[i]);
    else
        snprintf(name, sizeof name, "%d", w->columns[i]);
    snprintf(text, sizeof text, c->length == 0 ? "nothing" : "\"%.*s\"",
             (int)(c->length > SHOWN ? SHOWN : c->length), c->text);
    char hint[80] = "";
    nn_csv other = *r->csv;
    other.decimal = other.decimal == '.' ? ',' : '.';
    double value;
    if (missing)
        snprintf(hint, sizeof hint, " (a missing cell is an error unless the data block says missing = ...)");
    else if (other.thousands != other.decimal && nn_cell_number(&other, c, &value))
        snprintf(hint, sizeof hint, " (csv(..., decimal = \"%c\") reads %.15g)", other.decimal, value);
    return nn_fail(r->ctx, NN_DATA, "%s:%u:%u: expected a number in column %s, found %s%s", r->csv->path,
                   r->record_line, c->column, name, text, hint);
}

static nn_status bad_whole(const Reader *r, const nn_csv_want *w, const nn_cell *c) {
    char expected[64];
    snprintf(expected, sizeof expected, "a whole number 0 .. %lld", (long long)w->limit - 1);
    return nn_cell_fail(r->ctx, r->csv, r->record_line, c, expected, "");
}

static nn_status take_cell(Reader *r, nn_csv_want *w, int32_t i) {
    const nn_cell *c = &r->cells[w->columns[i]];
    int64_t at = r->csv->rows * w->count + i;
    if (w->texts) {
        w->cells[at] = *c;
        return NN_OK;
    }
    if (nn_cell_number(r->csv, c, &w->values[at]))
        return w->limit > 0 && !nn_below(w->values[at], w->limit) ? bad_whole(r, w, c) : NN_OK;
    bool missing = nn_csv_missing(c->text, c->length);
    if (!missing || !w->missing_ok) return bad_number(r, w, i, missing);
    w->values[at] = (double)NAN;
    return NN_OK;
}

static nn_status take_row(Reader *r) {
    nn_csv *csv = r->csv;
    for (int32_t k = 0; k < csv->want_count; k++) {
        for (int32_t i = 0; i < csv->wants[k].count; i++)
            if (take_cell(r, &csv->wants[k], i) != NN_OK) return r->ctx->status;
    }
    csv->lines[csv->rows++] = r->record_line;
    return NN_OK;
}

static nn_status take_head(Reader *r) {
    if (r->csv->header && nn_csv_header(r->ctx, r->csv, r->cells, r->count, r->record_line) != NN_OK)
        return r->ctx->status;
    for (int32_t k = 0; k < r->csv->want_count; k++) {
        if (nn_csv_find(r->ctx, r->csv, &r->csv->wants[k], r->cells, r->count, r->record_line) != NN_OK)
            return r->ctx->status;
    }
    return make_room(r);
}

// Lines that begin with the sign of a comment, up to the next that does not.
static void skip_comments(Reader *r) {
    while (r->csv->comment != 0) {
        char *at = r->at;
        while (at < r->end && is_blank(r, *at)) at++;
        if (at == r->end || *at != (char)r->csv->comment) return;
        at = memchr(at, '\n', (size_t)(r->end - at));
        r->at = at == NULL ? r->end : at + 1;
        r->line += at != NULL;
    }
}

// Texts hold no zero byte: binary files do, and UTF-16.
static nn_status no_text(Reader *r, const char *zero) {
    for (char *p = r->at; p < zero && (p = memchr(p, '\n', (size_t)(zero - p))) != NULL; r->line_start = ++p)
        r->line++;
    return fail_at(r, zero, "expected text (in UTF-8), found a zero byte");
}

nn_status nn_csv_parse(nn_context *ctx, nn_csv *csv, char *bytes, uint64_t size) {
    Reader r = {.ctx = ctx, .csv = csv, .at = bytes, .end = bytes + size, .line = 1, .line_start = bytes};
    const char *zero = size == 0 ? NULL : memchr(bytes, 0, (size_t)size);
    if (zero != NULL) return no_text(&r, zero);
    if (size >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0) r.at += 3;
    uint32_t columns = 0;
    bool more = true;
    while (true) {
        skip_comments(&r);
        if (record(&r, &more) != NN_OK) return ctx->status;
        if (!more) break;
        if (r.blank) continue;
        if (columns == 0) {
            columns = r.count;
            if (take_head(&r) != NN_OK) return ctx->status;
            if (csv->header) continue;
        }
        if (r.count != columns)
            return nn_fail(ctx, NN_DATA, "%s:%u: expected %u cells, found %u", csv->path, r.record_line,
                           columns, r.count);
        if (take_row(&r) != NN_OK) return ctx->status;
    }
    nn_drop(ctx, r.cells);
    if (columns == 0)
        return nn_fail(ctx, NN_DATA, "%s: expected %s, found an empty file", csv->path,
                       csv->header ? "a header line" : "rows");
    return NN_OK;
}
