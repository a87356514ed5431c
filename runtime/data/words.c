// Words of a CSV column: each cell is a text, cut into words, whose numbers stand one after another in a row,
// 0 behind the last; what is longer is cut. A mark before or behind them has the last number.
// Guarantees: numbers depend on the words of the training rows alone, all of them, so that fields of one
// column agree.
#include "data/data.h"

#include <string.h>

int64_t nn_words_limit(const nn_column *c) { return c->limit - (c->start != 0 || c->end != 0); }

// How many words a cell has; -1 after a message: it is no UTF-8.
static int64_t count_words(const nn_loading *l, const nn_csv *csv, const nn_cell *cell, int64_t row) {
    uint64_t at = 0;
    nn_cell word;
    int64_t count = 0;
    while (nn_unit_next(NN_TEXT_WORD, cell->text, cell->length, &at, &word)) count++;
    if (at == cell->length) return count;
    nn_cell_fail(l->ctx, csv, row, cell, "a text in UTF-8", "");
    return -1;
}

static nn_status count_values(const nn_loading *l, const nn_csv *csv, nn_csv_want *w) {
    for (int64_t r = 0; r < csv->rows; r++) {
        int64_t count = count_words(l, csv, &w->cells[r], r);
        if (count < 0) return l->ctx->status;
        w->values[r] = (double)count;
    }
    return NN_OK;
}

// All words of all rows, of which a row takes as many as it has room for.
static nn_status number_words(const nn_loading *l, const nn_column *c, const nn_csv *csv, nn_csv_want *w) {
    nn_vocabulary *v = &l->data->words[c->field];
    bool grows = l->data->request.measure;
    w->word_first = nn_get(l->ctx, (uint64_t)csv->rows + 1, sizeof *w->word_first);
    for (int64_t r = 0; r < csv->rows && w->word_first != NULL; r++) {
        int64_t count = count_words(l, csv, &w->cells[r], r);
        if (count < 0) return l->ctx->status;
        w->word_first[r + 1] = w->word_first[r] + count;
    }
    if (w->word_first == NULL) return l->ctx->status;
    w->words = nn_get(l->ctx, (uint64_t)w->word_first[csv->rows], sizeof *w->words);
    for (int64_t r = 0; r < csv->rows && w->words != NULL; r++) {
        uint64_t at = 0;
        nn_cell word;
        for (int64_t k = w->word_first[r]; k < w->word_first[r + 1] && l->ctx->status == NN_OK; k++) {
            nn_unit_next(NN_TEXT_WORD, w->cells[r].text, w->cells[r].length, &at, &word);
            w->words[k] = nn_unit_number(l->ctx, v, &word, grows);
        }
    }
    return l->ctx->status;
}

// ---- words that are classes ----

// One cell a word, `elements` a row; where a row has no more, any word stands, and is not there.
static nn_status spread_cells(const nn_loading *l, const nn_column *c, const nn_csv *csv, const nn_cell *from,
                              nn_cell *to, unsigned char *there) {
    const nn_cell *any = NULL;
    for (int64_t r = 0; r < csv->rows; r++) {
        int64_t count = count_words(l, csv, &from[r], r);
        if (count < 0) return l->ctx->status;
        uint64_t at = 0;
        for (int64_t k = 0; k < count && k < c->elements; k++) {
            nn_cell *cell = &to[r * c->elements + k];
            nn_unit_next(NN_TEXT_WORD, from[r].text, from[r].length, &at, cell);
            cell->column = from[r].column;
            there[r * c->elements + k] = 1;
            any = cell;
        }
    }
    if (any == NULL) return nn_fail(l->ctx, NN_DATA, "%s: no words", csv->path);
    nn_cell word = *any;
    for (int64_t k = 0; k < csv->rows * c->elements; k++)
        if (!there[k]) to[k] = word;
    return NN_OK;
}

static nn_status class_words(const nn_loading *l, const nn_column *c, const nn_csv *csv, nn_csv_want *w) {
    const nn_field *field = &NN_TABLE(l->m, nn_field, fields)[c->field];
    int64_t count = csv->rows * c->elements;
    nn_csv_want each = {.count = (int32_t)c->elements, .values = w->values};
    unsigned char *there = nn_get(l->ctx, (uint64_t)count, 1);
    each.cells = nn_get(l->ctx, (uint64_t)count, sizeof *each.cells);
    if (there == NULL || each.cells == NULL ||
        spread_cells(l, c, csv, w->cells, each.cells, there) != NN_OK ||
        nn_class_values(l->ctx, &l->data->classes[c->field], field, nn_model_text(l->m, field->name), csv,
                        &each) != NN_OK)
        return l->ctx->status;
    for (int64_t k = 0; k < count; k++) w->values[k] = there[k] ? w->values[k] : 0;
    nn_drop(l->ctx, each.cells);
    nn_drop(l->ctx, there);
    return NN_OK;
}

nn_status nn_words_read(const nn_loading *l, const nn_column *c, const nn_csv *csv, nn_csv_want *w) {
    w->count = (int32_t)c->elements;
    w->values = nn_get(l->ctx, (uint64_t)csv->rows, (uint64_t)c->elements * sizeof *w->values);
    if (w->values == NULL) return l->ctx->status;
    return c->kind == NN_COLUMN_COUNT_WORDS ? count_values(l, csv, w)
           : c->is_class                    ? class_words(l, c, csv, w)
                                            : number_words(l, c, csv, w);
}

// ---- numbers by the training rows ----

static nn_status choose(const nn_loading *l, uint32_t field) {
    const nn_column *columns = NN_TABLE(l->m, nn_column, columns);
    nn_vocabulary *v = &l->data->words[field];
    int64_t *times = nn_get(l->ctx, (uint64_t)v->count + 1, sizeof *times), limit = 0;
    int32_t *now = nn_get(l->ctx, (uint64_t)v->count + 1, sizeof *now);
    if (times == NULL || now == NULL) return l->ctx->status;
    for (uint32_t k = 0; k < l->m->manifest->columns_count; k++) {
        const nn_raw *raw = &l->raws[k];
        if (raw->words == NULL || columns[k].field != (int32_t)field) continue;
        limit = nn_words_limit(&columns[k]);
        for (int64_t r = 0; r < raw->rows; r++)
            for (int64_t w = raw->word_first[r]; w < raw->word_first[r + 1]; w++)
                times[raw->words[w]] += l->training[l->first[columns[k].part] + r];
    }
    nn_status status = nn_vocabulary_choose(l->ctx, v, limit, times, now);
    for (uint32_t k = 0; k < l->m->manifest->columns_count && status == NN_OK; k++) {
        const nn_raw *raw = &l->raws[k];
        if (raw->words == NULL || columns[k].field != (int32_t)field) continue;
        for (int64_t w = 0; w < raw->word_first[raw->rows]; w++) raw->words[w] = now[raw->words[w]];
    }
    nn_drop(l->ctx, times);
    nn_drop(l->ctx, now);
    return status;
}

// The marks stay where words are cut.
static void fill(const nn_column *c, const nn_raw *raw) {
    double mark = (double)nn_words_limit(c), *row = (double *)(uintptr_t)raw->bytes;
    int64_t room = c->elements - (c->start != 0) - (c->end != 0);
    for (int64_t r = 0; r < raw->rows; r++, row += c->elements) {
        int64_t k = 0, count = raw->word_first[r + 1] - raw->word_first[r];
        if (c->start != 0) row[k++] = mark;
        for (int64_t w = 0; w < count && w < room; w++) row[k++] = raw->words[raw->word_first[r] + w];
        if (c->end != 0 && k < c->elements) row[k] = mark;
    }
}

nn_status nn_words_number(const nn_loading *l) {
    const nn_column *columns = NN_TABLE(l->m, nn_column, columns);
    for (uint32_t k = 0; k < l->m->manifest->columns_count; k++) {
        const nn_raw *raw = &l->raws[k];
        if (raw->words == NULL) continue;
        nn_vocabulary *v = &l->data->words[columns[k].field];
        if (l->data->request.measure && columns[k].part == NN_TRAIN &&
            choose(l, (uint32_t)columns[k].field) != NN_OK)
            return l->ctx->status;
        if (v->count == 0)
            return nn_fail(l->ctx, NN_DATA, "%s: field %s has no words%s", raw->path,
                           nn_model_text(l->m, NN_TABLE(l->m, nn_field, fields)[columns[k].field].name),
                           l->data->request.measure ? "" : " that lie with the weights");
        fill(&columns[k], raw);
    }
    return NN_OK;
}
