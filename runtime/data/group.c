// Groups of rows: what a column names, as numbers, and the rows of a group side by side where windows are
// made of them. Guarantees: rows of a group keep the file's order, groups that of their first rows.
#include "data/data.h"

#include <math.h>
#include <string.h>

// The cells' texts, numbered as they first come.
nn_status nn_group_cells(nn_context *ctx, const nn_csv *csv, nn_csv_want *want) {
    nn_vocabulary names = {0};
    want->values = nn_get(ctx, (uint64_t)csv->rows, sizeof *want->values);
    for (int64_t r = 0; r < csv->rows && want->values != NULL && ctx->status == NN_OK; r++) {
        const nn_cell *cell = &want->cells[r];
        if (nn_csv_missing(cell->text, cell->length))
            return nn_cell_fail(ctx, csv, r, cell, "the name of a group", "");
        want->values[r] = nn_unit_number(ctx, &names, cell, true);
    }
    return ctx->status;
}

int64_t nn_file_row(const nn_loading *l, int part, int64_t row) {
    return l->data->file_row == NULL ? row : l->data->file_row[l->first[part] + row];
}

// Each row's group.
static int32_t *number_groups(const nn_loading *l, int part, const nn_raw *raw) {
    nn_vocabulary values = {0};
    int32_t *of = nn_get(l->ctx, (uint64_t)raw->rows, sizeof *of);
    for (int64_t r = 0; r < raw->rows && of != NULL && l->ctx->status == NN_OK; r++) {
        double value;
        nn_raw_values(raw, r, 1, &value);
        if (isnan(value)) {
            char place[NN_PATH_ROOM + 64];
            nn_raw_place(raw, nn_file_row(l, part, r), place);
            nn_fail(l->ctx, NN_DATA, "%s: expected the number of a group, found nan", place);
        }
        value += 0; // -0 is 0
        nn_cell bytes = {(const char *)&value, sizeof value, 0};
        of[r] = nn_unit_number(l->ctx, &values, &bytes, true) - 1;
    }
    return l->ctx->status == NN_OK ? of : NULL;
}

// ---- rows in another order ----

// Elements of `size` bytes, as `order` takes them.
static void *reordered(nn_context *ctx, const void *from, uint64_t size, const int32_t *order, int64_t rows) {
    unsigned char *to = nn_get(ctx, (uint64_t)rows, size);
    for (int64_t r = 0; r < rows && to != NULL; r++)
        memcpy(to + (uint64_t)r * size, (const unsigned char *)from + (uint64_t)order[r] * size, size);
    return to;
}

static nn_status reorder_words(nn_context *ctx, nn_raw *raw, const int32_t *order) {
    int64_t *first = nn_get(ctx, (uint64_t)raw->rows + 1, sizeof *first), *old = raw->word_first;
    int32_t *words = nn_get(ctx, (uint64_t)old[raw->rows], sizeof *words);
    if (first == NULL || words == NULL) return ctx->status;
    for (int64_t r = 0; r < raw->rows; r++) {
        int64_t from = old[order[r]], n = old[order[r] + 1] - from;
        memcpy(words + first[r], raw->words + from, (size_t)n * sizeof *words);
        first[r + 1] = first[r] + n;
    }
    nn_drop(ctx, raw->words);
    nn_drop(ctx, old);
    raw->words = words;
    raw->word_first = first;
    return NN_OK;
}

static nn_status reorder_raw(nn_context *ctx, nn_raw *raw, const int32_t *order) {
    void *bytes = reordered(ctx, raw->bytes, (uint64_t)(raw->elements * raw->size), order, raw->rows);
    if (bytes == NULL) return ctx->status;
    nn_drop(ctx, raw->owned);
    raw->bytes = raw->owned = bytes;
    return raw->words != NULL ? reorder_words(ctx, raw, order) : NN_OK;
}

// All that is read of a part's rows.
static nn_status reorder(nn_loading *l, int part, const int32_t *order, int64_t rows) {
    const nn_column *columns = NN_TABLE(l->m, nn_column, columns);
    for (uint32_t k = 0; k < l->m->manifest->columns_count; k++) {
        nn_raw *raw = &l->raws[k];
        nn_cell **cells = &l->data->carried[k];
        if (columns[k].part != part) continue;
        if (raw->bytes != NULL && reorder_raw(l->ctx, raw, order) != NN_OK) return l->ctx->status;
        if (*cells != NULL)
            *cells = reordered(l->ctx, *cells, (uint64_t)columns[k].elements * sizeof **cells, order, rows);
    }
    return l->ctx->status;
}

// Behind the rows of the parts before.
static nn_status append(const nn_loading *l, int32_t **all, const int32_t *of, int part, int64_t rows) {
    *all = nn_grow(l->ctx, *all, (uint64_t)(l->first[part] + rows), sizeof **all);
    if (*all != NULL) memcpy(*all + l->first[part], of, (size_t)rows * sizeof *of);
    return l->ctx->status;
}

// Windows are made of rows that stand together: those of group 0, of group 1 ... `of` becomes the groups in
// that order.
static nn_status stand_together(nn_loading *l, int part, int32_t *of, int64_t rows) {
    uint64_t *keys = nn_rows_by(l->ctx, of, rows);
    int32_t *order = nn_get(l->ctx, (uint64_t)rows, sizeof *order);
    bool moved = false;
    if (keys == NULL || order == NULL) return l->ctx->status;
    for (int64_t r = 0; r < rows; r++) {
        order[r] = (int32_t)(uint32_t)keys[r];
        of[r] = (int32_t)(keys[r] >> 32);
        moved = moved || order[r] != r;
    }
    nn_drop(l->ctx, keys);
    if ((moved && reorder(l, part, order, rows) != NN_OK) ||
        append(l, &l->data->file_row, order, part, rows) != NN_OK)
        return l->ctx->status;
    nn_drop(l->ctx, order);
    return NN_OK;
}

static nn_status take(nn_loading *l, int part, int64_t rows, int32_t kind, int32_t **all) {
    const nn_column *columns = NN_TABLE(l->m, nn_column, columns);
    for (uint32_t k = 0; k < l->m->manifest->columns_count; k++) {
        if (columns[k].groups != kind || columns[k].part != part || l->raws[k].bytes == NULL) continue;
        int32_t *of = number_groups(l, part, &l->raws[k]);
        bool windows = kind == NN_GROUPS_WINDOWS && nn_data_windows(l->m);
        if (of == NULL || (windows && stand_together(l, part, of, rows) != NN_OK) ||
            append(l, all, of, part, rows) != NN_OK)
            return l->ctx->status;
        nn_drop(l->ctx, of);
    }
    return l->ctx->status;
}

nn_status nn_groups_take(nn_loading *l, int part, int64_t rows) {
    if (take(l, part, rows, NN_GROUPS_WINDOWS, &l->data->within) != NN_OK) return l->ctx->status;
    return take(l, part, rows, NN_GROUPS_SPLIT, &l->data->group);
}
