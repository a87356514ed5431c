// What a query finds in an SQLite database, as cells in columns that the query names. In a library of its
// own, so that trainers that read none do not need libsqlite3.
// Guarantees: the database is only read; whole numbers keep all their digits; a blob is a message with its
// row.
#include "data/data.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

typedef struct {
    nn_context *ctx;
    nn_csv *csv;
    sqlite3 *database;
    sqlite3_stmt *query;
} Reader;

static nn_status failed(const Reader *r) {
    return nn_fail(r->ctx, NN_DATA, "%s: SQLite says: %s", r->csv->path, sqlite3_errmsg(r->database));
}

// A copy of a text, which lies as long as its cell.
static const char *keep(Reader *r, const char *text, uint64_t length) {
    char *copy = nn_texts_room(r->ctx, &r->csv->texts, length);
    return copy == NULL ? NULL : memcpy(copy, text, (size_t)length);
}

static nn_status take_column(Reader *r, nn_csv_want *w, int32_t i) {
    int column = w->columns[i], type = sqlite3_column_type(r->query, column);
    char number[NN_NUMBER_ROOM], name[80];
    nn_cell cell = {"", 0, (uint32_t)column + 1};
    nn_want_name(w, i, name);
    if (type == SQLITE_BLOB)
        return nn_fail(
            r->ctx, NN_DATA,
            "%s: row %lld (counted from 0): expected a number or a text in column %s, found a blob",
            r->csv->path, (long long)r->csv->rows, name);
    if (type == SQLITE_FLOAT) {
        cell.length = (uint32_t)nn_number_print(number, sqlite3_column_double(r->query, column), true);
        cell.text = number;
    } else if (type != SQLITE_NULL) {
        cell.text = (const char *)sqlite3_column_text(r->query, column);
        if (cell.text == NULL) return failed(r);
        cell.length = (uint32_t)sqlite3_column_bytes(r->query, column);
    }
    if (memchr(cell.text, 0, cell.length) != NULL)
        return nn_cell_fail(r->ctx, r->csv, r->csv->rows, &cell, "a text without zero bytes", "");
    if (w->texts && (cell.text = keep(r, cell.text, cell.length)) == NULL) return r->ctx->status;
    return nn_want_cell(r->ctx, r->csv, w, i, &cell);
}

static nn_status take_row(Reader *r) {
    nn_csv *csv = r->csv;
    if (csv->rows == csv->room &&
        nn_wants_room(r->ctx, csv, csv->room == 0 ? 1024 : (uint64_t)csv->room * 2) != NN_OK)
        return r->ctx->status;
    for (int32_t k = 0; k < csv->want_count; k++)
        for (int32_t i = 0; i < csv->wants[k].count; i++)
            if (take_column(r, &csv->wants[k], i) != NN_OK) return r->ctx->status;
    csv->rows++;
    return NN_OK;
}

// The names of the query's columns are the header.
static nn_status take_head(Reader *r) {
    int count = sqlite3_column_count(r->query);
    nn_cell *names = nn_get(r->ctx, (uint64_t)count, sizeof *names);
    for (int k = 0; k < count && names != NULL; k++) {
        const char *name = sqlite3_column_name(r->query, k);
        if (name == NULL) return failed(r);
        names[k] = (nn_cell){name, (uint32_t)strlen(name), (uint32_t)k + 1};
    }
    if (names == NULL || nn_csv_header(r->ctx, r->csv, names, (uint32_t)count, 1) != NN_OK)
        return r->ctx->status;
    for (int32_t k = 0; k < r->csv->want_count; k++)
        if (nn_csv_find(r->ctx, r->csv, &r->csv->wants[k], names, (uint32_t)count, 1) != NN_OK)
            return r->ctx->status;
    nn_drop(r->ctx, names);
    return nn_wants_room(r->ctx, r->csv, 1024);
}

static nn_status run(Reader *r) {
    const char *rest = NULL;
    if (sqlite3_open_v2(r->csv->path, &r->database, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK ||
        sqlite3_prepare_v2(r->database, r->csv->query, -1, &r->query, &rest) != SQLITE_OK)
        return failed(r);
    while (*rest == ' ' || *rest == '\n' || *rest == '\t' || *rest == ';') rest++;
    if (r->query == NULL || *rest != '\0' || sqlite3_column_count(r->query) == 0 ||
        !sqlite3_stmt_readonly(r->query))
        return nn_fail(r->ctx, NN_DATA, "%s: expected one query that finds rows, found %.200s", r->csv->path,
                       r->csv->query);
    if (take_head(r) != NN_OK) return r->ctx->status;
    int step = SQLITE_ROW;
    while ((step = sqlite3_step(r->query)) == SQLITE_ROW)
        if (take_row(r) != NN_OK) return r->ctx->status;
    return step == SQLITE_DONE ? NN_OK : failed(r);
}

nn_status nn_sqlite_read(nn_context *ctx, nn_csv *csv) {
    Reader r = {.ctx = ctx, .csv = csv};
    nn_status status = run(&r);
    sqlite3_finalize(r.query);
    sqlite3_close(r.database);
    return status;
}
