// What is taken of each row of cells, by whatever source reads them: numbers, or the cells as they stand.
// Guarantees: a number that is none, or a missing cell that may not be, is a message with its place, the
// column's name and what would help.
#include "data/data.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { SHOWN = 40 };

char *nn_texts_room(nn_context *ctx, nn_texts *t, uint64_t length) {
    enum { PIECE = 1 << 16 };
    if (t->to == NULL || length > t->left) {
        t->left = length > PIECE ? length : PIECE;
        char *piece = nn_get(ctx, t->left + sizeof(char *), 1);
        if (piece == NULL) return NULL;
        memcpy(piece, &t->last, sizeof(char *));
        if (t->first == NULL) t->first = piece;
        t->last = piece;
        t->to = piece + sizeof(char *);
    }
    char *room = t->to;
    t->to += length;
    t->left -= length;
    return room;
}

void nn_texts_join(nn_texts *t, const nn_texts *other) {
    if (other->first == NULL) return;
    memcpy(other->first, &t->last, sizeof(char *));
    if (t->first == NULL) t->first = other->first;
    t->last = other->last;
    t->to = NULL;
}

void nn_texts_drop(nn_context *ctx, nn_texts *t) {
    for (char *piece = t->last, *before; piece != NULL; piece = before) {
        memcpy(&before, piece, sizeof(char *));
        nn_drop(ctx, piece);
    }
    *t = (nn_texts){0};
}

// ":LINE:COLUMN", or the row's number.
static void place_of(const nn_csv *csv, int64_t row, const nn_cell *cell, char out[64]) {
    if (csv->lines != NULL)
        snprintf(out, 64, ":%u:%u", csv->lines[row], cell->column);
    else
        snprintf(out, 64, ": row %lld (counted from 0)", (long long)row);
}

nn_status nn_cell_fail(nn_context *ctx, const nn_csv *csv, int64_t row, const nn_cell *cell,
                       const char *expected, const char *more) {
    char place[64] = "";
    if (csv->lines != NULL || csv->query != NULL) place_of(csv, row, cell, place);
    return nn_fail(ctx, NN_DATA, "%s%s: expected %s, found \"%.*s\"%s", csv->path, place, expected,
                   (int)(cell->length > SHOWN ? SHOWN : cell->length), cell->text, more);
}

nn_status nn_wants_room(nn_context *ctx, nn_csv *csv, uint64_t rows) {
    if (rows > INT32_MAX) return nn_fail(ctx, NN_DATA, "%s: more than %d rows", csv->path, INT32_MAX);
    csv->room = (int64_t)rows;
    if (csv->query == NULL) csv->lines = nn_grow(ctx, csv->lines, rows, sizeof *csv->lines);
    for (int32_t k = 0; k < csv->want_count && ctx->status == NN_OK; k++) {
        nn_csv_want *w = &csv->wants[k];
        uint64_t n = (uint64_t)w->count;
        if (w->texts)
            w->cells = nn_grow(ctx, w->cells, rows * n, sizeof *w->cells);
        else
            w->values = nn_grow(ctx, w->values, rows * n, sizeof *w->values);
    }
    return ctx->status;
}

void nn_want_name(const nn_csv_want *w, int32_t i, char out[80]) {
    if (w->names != NULL)
        snprintf(out, 80, "\"%.60s\"", w->names[w->array ? 0 : i]);
    else
        snprintf(out, 80, "%d", w->columns[i]);
}

// A cell that is no number, but what a reader of its own takes: YYYY-MM-DD, a word.
static void hint_reader(const nn_csv_want *w, const char *name, const nn_cell *c, char out[128]) {
    enum { DAY = 10 };
    bool word = ((unsigned char)*c->text | 0x20) >= 'a' && !w->array;
    if (c->length >= DAY && c->text[4] == '-' && c->text[7] == '-')
        snprintf(out, 128, " (date(column(%s), seconds) reads dates)", name);
    else if (word)
        snprintf(out, 128, " (class(column(%s), n) numbers n words)", name);
}

static nn_status bad_number(nn_context *ctx, const nn_csv *csv, const nn_csv_want *w, int32_t i,
                            const nn_cell *c) {
    char name[80], place[64], text[80], hint[128] = "";
    nn_want_name(w, i, name);
    place_of(csv, csv->rows, c, place);
    snprintf(text, sizeof text, c->length == 0 ? "nothing" : "\"%.*s\"",
             (int)(c->length > SHOWN ? SHOWN : c->length), c->text);
    nn_csv other = *csv;
    other.decimal = other.decimal == '.' ? ',' : '.';
    double value;
    if (nn_csv_missing(c->text, c->length))
        snprintf(hint, sizeof hint, " (a missing cell is an error unless the data block says missing = ...)");
    else if (csv->separator != 0 && other.thousands != other.decimal && nn_cell_number(&other, c, &value))
        snprintf(hint, sizeof hint, " (csv(..., decimal = \"%c\") reads %.15g)", other.decimal, value);
    else if (c->length > 0)
        hint_reader(w, name, c, hint);
    return nn_fail(ctx, NN_DATA, "%s%s: expected a number in column %s, found %s%s", csv->path, place, name,
                   text, hint);
}

nn_status nn_want_cell(nn_context *ctx, const nn_csv *csv, nn_csv_want *w, int32_t i, const nn_cell *c) {
    int64_t at = csv->rows * w->count + i;
    if (w->texts) {
        w->cells[at] = *c;
        return NN_OK;
    }
    if (nn_cell_number(csv, c, &w->values[at])) {
        if (w->limit <= 0 || nn_below(w->values[at], w->limit)) return NN_OK;
        char expected[64];
        snprintf(expected, sizeof expected, "a whole number 0 .. %lld", (long long)w->limit - 1);
        return nn_cell_fail(ctx, csv, csv->rows, c, expected, "");
    }
    if (!w->missing_ok || !nn_csv_missing(c->text, c->length)) return bad_number(ctx, csv, w, i, c);
    w->values[at] = (double)NAN;
    return NN_OK;
}
