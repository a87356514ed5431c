// Groups of rows: what a column names, as numbers, and the rows of a group side by side where windows are
// made of them. Guarantees: rows of a group keep the file's order, groups that of their first rows.
#include "data/data.h"

#include <string.h>

// The cells' texts, numbered as they first come.
nn_status nn_group_cells(nn_context *ctx, const nn_csv *csv, nn_csv_want *want) {
    nn_vocabulary names = {0};
    want->values = nn_get(ctx, (uint64_t)csv->rows, sizeof *want->values);
    for (int64_t r = 0; r < csv->rows && want->values != NULL && ctx->status == NN_OK; r++) {
        const nn_cell *cell = &want->cells[r];
        if (nn_csv_missing(cell->text, cell->length))
            return nn_cell_fail(ctx, csv, csv->lines[r], cell, "the name of a group", "");
        want->values[r] = nn_unit_number(ctx, &names, cell, true);
    }
    return ctx->status;
}

// Each row's group; `count`: how many there are.
static int32_t *number_groups(nn_context *ctx, const nn_raw *raw, int64_t *count) {
    nn_vocabulary values = {0};
    int32_t *of = nn_get(ctx, (uint64_t)raw->rows, sizeof *of);
    for (int64_t r = 0; r < raw->rows && of != NULL && ctx->status == NN_OK; r++) {
        double value;
        nn_raw_values(raw, r, 1, &value);
        nn_cell bytes = {(const char *)&value, sizeof value, 0};
        of[r] = nn_unit_number(ctx, &values, &bytes, true) - 1;
    }
    *count = values.count;
    return ctx->status == NN_OK ? of : NULL;
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

// All that is known of a part's rows; the columns of one file share its lines.
static nn_status reorder(nn_loading *l, int part, const int32_t *order, int64_t rows) {
    const nn_column *columns = NN_TABLE(l->m, nn_column, columns);
    uint32_t *lines = NULL, *now = NULL;
    for (uint32_t k = 0; k < l->m->manifest->columns_count; k++) {
        nn_raw *raw = &l->raws[k];
        nn_cell **cells = &l->data->carried[k];
        if (columns[k].part != part) continue;
        if (raw->bytes != NULL && reorder_raw(l->ctx, raw, order) != NN_OK) return l->ctx->status;
        if (*cells != NULL)
            *cells = reordered(l->ctx, *cells, (uint64_t)columns[k].elements * sizeof **cells, order, rows);
        if (raw->lines != NULL && lines == NULL) {
            lines = raw->lines;
            now = reordered(l->ctx, lines, sizeof *lines, order, rows);
        }
        if (raw->lines != NULL) raw->lines = now;
    }
    nn_drop(l->ctx, lines);
    return l->ctx->status;
}

// The rows of group 0, those of group 1 ...: their numbers; `of` becomes the groups in that order. NULL: they
// stand so.
static int32_t *together(nn_context *ctx, int32_t *of, int64_t rows, int64_t groups) {
    bool so = true;
    for (int64_t r = 1; r < rows; r++) so = so && of[r] >= of[r - 1];
    int32_t *order = so ? NULL : nn_get(ctx, (uint64_t)rows, sizeof *order);
    int64_t *at = so ? NULL : nn_get(ctx, (uint64_t)groups + 1, sizeof *at);
    if (order == NULL || at == NULL) return NULL;
    for (int64_t r = 0; r < rows; r++) at[of[r] + 1]++;
    for (int64_t g = 0; g < groups; g++) at[g + 1] += at[g];
    for (int64_t r = 0; r < rows; r++) order[at[of[r]]++] = (int32_t)r;
    for (int64_t g = 0, r = 0; g < groups; g++)
        while (r < at[g]) of[r++] = (int32_t)g;
    nn_drop(ctx, at);
    return order;
}

// Behind the rows of the parts before; of: NULL for zeros.
static nn_status append(const nn_loading *l, int32_t **all, const int32_t *of, int part, int64_t rows) {
    *all = nn_grow(l->ctx, *all, (uint64_t)(l->first[part] + rows), sizeof **all);
    if (*all != NULL && of != NULL) memcpy(*all + l->first[part], of, (size_t)rows * sizeof *of);
    return l->ctx->status;
}

// Windows are made of rows that stand together. Of a part whose rows do, samples are in the order of their
// rows: zeros stand for where the file has them.
static nn_status stand_together(nn_loading *l, int part, int32_t *of, int64_t rows, int64_t groups) {
    int32_t *order = together(l->ctx, of, rows, groups), **all = &l->data->file_row;
    if (order != NULL && reorder(l, part, order, rows) != NN_OK) return l->ctx->status;
    if (order != NULL || *all != NULL) append(l, all, order, part, rows);
    nn_drop(l->ctx, order);
    return l->ctx->status;
}

static nn_status take(nn_loading *l, int part, int64_t rows, int32_t kind, int32_t **all) {
    const nn_column *columns = NN_TABLE(l->m, nn_column, columns);
    for (uint32_t k = 0; k < l->m->manifest->columns_count; k++) {
        int64_t count;
        if (columns[k].groups != kind || columns[k].part != part || l->raws[k].bytes == NULL) continue;
        int32_t *of = number_groups(l->ctx, &l->raws[k], &count);
        bool windows = kind == NN_GROUPS_WINDOWS && nn_data_windows(l->m);
        if (of == NULL || (windows && stand_together(l, part, of, rows, count) != NN_OK) ||
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
