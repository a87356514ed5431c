// CSV as RFC 4180 has it, LF or CRLF; a byte-order mark, blank lines, blanks around a cell and comments are
// skipped.
// Needs the file in memory, ended by a NUL, and changes it: quotes are taken out in place, so that cells are
// slices of it. Guarantees: linear time, bounded memory, and a message with line and column for whatever is
// wrong.
#include "data/data.h"

#include <stdio.h>
#include <string.h>

enum { LINE_LIMIT = 64 << 20, CELL_LIMIT = 1 << 21 };

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

static nn_status make_room(Reader *r) {
    nn_csv *csv = r->csv;
    uint64_t rows = 2; // this record, and the next; the others begin behind ends of lines, and not with one
    for (const char *p = r->at; p < r->end && (p = memchr(p, '\n', (size_t)(r->end - p))) != NULL; p++)
        rows += p[1] != '\n';
    // A row has an end or a separator for each of its cells.
    uint64_t most = (uint64_t)(r->end - r->at) / r->count + 2;
    rows = rows < most ? rows : most;
    return nn_wants_room(r->ctx, csv, rows);
}

static nn_status take_row(Reader *r) {
    nn_csv *csv = r->csv;
    csv->lines[csv->rows] = r->record_line;
    for (int32_t k = 0; k < csv->want_count; k++) {
        nn_csv_want *w = &csv->wants[k];
        for (int32_t i = 0; i < w->count; i++)
            if (nn_want_cell(r->ctx, csv, w, i, &r->cells[w->columns[i]]) != NN_OK) return r->ctx->status;
    }
    csv->rows++;
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
