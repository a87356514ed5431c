// One record of CSV. Guarantees: a number that needs no more than its digits is read where it stands; every
// other cell is looked at as a text.
#include "data/csv.h"

#include <stdio.h>
#include <string.h>

enum { LINE_LIMIT = 64 << 20, CELL_LIMIT = 1 << 21 };

static inline bool is_blank(const nn_csv_reader *r, char c) {
    return (c == ' ' || c == '\t' || c == '\r') && c != r->csv->separator;
}

nn_status nn_csv_fail_at(const nn_csv_reader *r, const char *at, const char *what) {
    int64_t column = at - r->line_start + 1;
    return nn_fail(r->ctx, NN_DATA, "%s:%u:%lld: %s", r->csv->path, r->line, (long long)column, what);
}

static nn_status more_room(nn_csv_reader *r) {
    if (r->count == CELL_LIMIT)
        return nn_fail(r->ctx, NN_DATA, "%s:%u: the line has more than %d cells", r->csv->path,
                       r->record_line, CELL_LIMIT);
    r->cell_room = r->cell_room == 0 ? 64 : r->cell_room * 2;
    r->cells = nn_grow(r->ctx, r->cells, r->cell_room, sizeof *r->cells);
    return r->ctx->status;
}

static inline nn_status add_cell(nn_csv_reader *r, const char *text, uint64_t length, int64_t column) {
    if (r->count == r->cell_room && more_room(r) != NN_OK) return r->ctx->status;
    r->cells[r->count++] = (nn_cell){text, (uint32_t)length, (uint32_t)column};
    return NN_OK;
}

// Without the second of doubled quotes.
static const char *unquoted(nn_csv_reader *r, const char *text, uint64_t *length) {
    char *to = nn_texts_room(r->ctx, r->texts, *length);
    uint64_t n = 0;
    for (uint64_t k = 0; k < *length && to != NULL; k++) {
        to[n++] = text[k];
        k += text[k] == '"';
    }
    *length = n;
    return to;
}

// A cell in quotes: `at` stands on the first. Lines may end inside.
static nn_status quoted(nn_csv_reader *r) {
    const char *open = r->at++, *open_line = r->line_start;
    uint32_t line = r->line;
    bool doubled = false;
    for (; r->at < r->end; r->at++) {
        if (*r->at == '"') {
            if (r->at + 1 == r->end || r->at[1] != '"') break;
            doubled = true;
            r->at++;
        } else if (*r->at == '\n') {
            r->line++;
            r->line_start = r->at + 1;
        }
    }
    if (r->at == r->end)
        return nn_fail(r->ctx, NN_DATA, "%s:%u:%lld: expected a closing quote, found the end of the file",
                       r->csv->path, line, (long long)(open - open_line + 1));
    uint64_t length = (uint64_t)(r->at - open - 1);
    const char *text = doubled ? unquoted(r, open + 1, &length) : open + 1;
    if (text == NULL) return r->ctx->status;
    r->at++;
    while (r->at < r->end && is_blank(r, *r->at)) r->at++;
    if (r->at < r->end && *r->at != '\n' && *r->at != r->csv->separator)
        return nn_csv_fail_at(r, r->at, "expected a separator after the closing quote");
    return add_cell(r, text, length, open - open_line + 1);
}

// Digits with a point, at most so many that a double holds them: then the quotient is the nearest one.
// Returns where they end; NULL: it is another number, or none.
static inline const char *short_number(const char *at, double *value) {
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,
                                    1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19};
    bool negative = *at == '-';
    const char *start = at += negative, *point = NULL;
    uint64_t digits = 0;
    unsigned d;
    for (; (d = (unsigned)(*at - '0')) <= 9; at++) digits = digits * 10 + d;
    int64_t count = at - start, behind = 0;
    if (*at == '.') {
        point = ++at;
        for (; (d = (unsigned)(*at - '0')) <= 9; at++) digits = digits * 10 + d;
        behind = at - point;
    }
    count += behind;
    if (count == 0 || count > 19 || digits > 1ull << 53) return NULL;
    double v = (double)digits;
    if (behind > 0) v /= powers[behind];
    *value = negative ? -v : v;
    return at;
}

// A cell without quotes, from its first sign on.
static inline nn_status plain(nn_csv_reader *r) {
    const char *start = r->at, *at = start;
    char separator = (char)r->csv->separator;
    while (at < r->end && *at != '\n' && *at != separator) at++;
    r->at = at;
    while (at > start && is_blank(r, at[-1])) at--;
    return add_cell(r, start, (uint64_t)(at - start), start - r->line_start + 1);
}

// Is the next cell a number that is taken at once? What is wrong with others is said when the record is
// whole.
static inline bool take_number(nn_csv_reader *r) {
    const nn_csv_take *take = &r->takes[r->count];
    double value;
    const char *at = take->use == NN_CELL_NUMBER ? short_number(r->at, &value) : NULL;
    if (at == NULL) return false;
    if (*at == '\r' && at[1] == '\n') at++;
    if (at < r->end && *at != '\n' && *at != (char)r->csv->separator) return false;
    take->want->values[r->csv->rows * take->want->count + take->i] = value;
    r->at = at;
    r->cells[r->count++].text = NULL;
    return true;
}

nn_status nn_csv_record(nn_csv_reader *r) {
    const char *first = r->at;
    bool any_quotes = false;
    r->count = 0;
    r->line_start = r->at;
    r->record_line = r->line;
    while (true) {
        while (r->at < r->end && is_blank(r, *r->at)) r->at++;
        bool quote = r->at < r->end && *r->at == '"';
        any_quotes = any_quotes || quote;
        bool taken = r->takes != NULL && r->csv->rows < r->room && r->count < r->columns &&
                     r->count < r->cell_room && take_number(r);
        if (!taken && (quote ? quoted(r) : plain(r)) != NN_OK) return r->ctx->status;
        if (r->at - first > LINE_LIMIT) return nn_csv_fail_at(r, r->at, "the line is longer than 64 MB");
        if (r->at == r->end || *r->at == '\n') break;
        r->at++;
    }
    if (r->at < r->end) {
        r->at++;
        r->line++;
    }
    r->blank = r->count == 1 && r->cells[0].text != NULL && r->cells[0].length == 0 && !any_quotes;
    return NN_OK;
}

void nn_csv_comments(nn_csv_reader *r) {
    while (r->csv->comment != 0) {
        const char *at = r->at;
        while (at < r->end && is_blank(r, *at)) at++;
        if (at == r->end || *at != (char)r->csv->comment) return;
        at = memchr(at, '\n', (size_t)(r->end - at));
        r->at = at == NULL ? r->end : at + 1;
        r->line += at != NULL;
    }
}

// A column of which one number is wanted, and nothing else, needs no cell.
static void use_column(nn_csv_take *take, const nn_csv *csv, nn_csv_want *w, int32_t i) {
    bool number = take->use == NN_CELL_SKIPPED && !w->texts && w->limit <= 0 && csv->decimal == '.' &&
                  csv->thousands == 0;
    *take = (nn_csv_take){number ? NN_CELL_NUMBER : NN_CELL_KEPT, w, i};
}

nn_status nn_csv_head(nn_csv_reader *r) {
    nn_csv *csv = r->csv;
    nn_csv_take *takes = nn_get(r->ctx, r->count, sizeof *takes);
    r->columns = r->count;
    r->takes = takes;
    if (takes == NULL ||
        (csv->header && nn_csv_header(r->ctx, csv, r->cells, r->count, r->record_line) != NN_OK))
        return r->ctx->status;
    for (int32_t k = 0; k < csv->want_count; k++) {
        nn_csv_want *w = &csv->wants[k];
        if (nn_csv_find(r->ctx, csv, w, r->cells, r->count, r->record_line) != NN_OK) return r->ctx->status;
        for (int32_t i = 0; i < w->count; i++)
            if (w->columns[i] >= 0) use_column(&takes[w->columns[i]], csv, w, i);
    }
    return NN_OK;
}

nn_status nn_csv_row(nn_csv_reader *r) {
    nn_csv *csv = r->csv;
    if (r->count != r->columns)
        return nn_fail(r->ctx, NN_DATA, "%s:%u: expected %u cells, found %u", csv->path, r->record_line,
                       r->columns, r->count);
    csv->lines[csv->rows] = r->record_line;
    for (int32_t k = 0; k < csv->want_count; k++) {
        nn_csv_want *w = &csv->wants[k];
        for (int32_t i = 0; i < w->count; i++) {
            const nn_cell *cell = &r->cells[w->columns[i]];
            if (cell->text != NULL && nn_want_cell(r->ctx, csv, w, i, cell) != NN_OK) return r->ctx->status;
        }
    }
    csv->rows++;
    return NN_OK;
}
