// Cells as columns: what a data block reads of csv, jsonl and sqlite, numbers and texts, as raw columns.
// Guarantees: whatever reads the cells, texts become numbers, missing cells values, and paths files in the
// same way. Objects link it too: it needs nothing that reads files or starts threads.
#include "data/data.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

// Of a column whose cells are paths.
static const nn_media *media_of(const nn_column *c) {
    return c->kind == NN_COLUMN_PIXELS ? &nn_pictures : c->kind == NN_COLUMN_SAMPLES ? &nn_sounds : NULL;
}

static bool is_words(const nn_column *c) {
    return c->kind == NN_COLUMN_WORDS || c->kind == NN_COLUMN_COUNT_WORDS;
}

nn_status nn_csv_texts(const nn_loading *l, const nn_column *c, const nn_csv *csv, nn_csv_want *w) {
    if (c->groups != NN_GROUPS_NONE) return nn_group_cells(l->ctx, csv, w);
    if (is_words(c)) return nn_words_read(l, c, csv, w);
    int64_t width = w->count, count = csv->rows * width;
    w->values = nn_get(l->ctx, (uint64_t)count, sizeof *w->values);
    if (w->values == NULL) return l->ctx->status;
    const char *field = nn_column_field(l, c);
    if (c->kind == NN_COLUMN_DATE) return nn_date_values(l->ctx, field, c->date, csv, w);
    if (c->kind != NN_COLUMN_TEXT_EQUALS)
        return nn_class_values(l->ctx, &l->data->classes[c->field],
                               &NN_TABLE(l->m, nn_field, fields)[c->field], field, csv, w);
    const char *equals = nn_model_text(l->m, c->equals);
    size_t length = strlen(equals);
    char expected[512];
    snprintf(expected, sizeof expected, "a text (field %s)", field);
    for (int64_t k = 0; k < count; k++) {
        const nn_cell *cell = &w->cells[k];
        bool same = cell->length == length && memcmp(cell->text, equals, length) == 0;
        if (!same && !w->exact && nn_csv_missing(cell->text, cell->length) && !w->missing_ok)
            return nn_cell_fail(l->ctx, csv, k / width, cell, expected, ", which means a missing one");
        w->values[k] = same ? 1 : 0;
    }
    return NN_OK;
}

static nn_status make_want(const nn_loading *l, const nn_column *c, nn_csv_want *w) {
    const uint32_t *names = nn_model_table(l->m, c->names);
    w->first = c->first;
    w->count = c->names_count > 0 ? (int32_t)c->names_count : c->last - c->first + 1;
    w->limit = c->is_class ? 0 : c->limit;
    w->texts = c->texts != 0;
    w->missing_ok = c->missing != NN_MISSING_ERROR || is_words(c);
    w->array = c->array != 0;
    if (w->array) w->count = (int32_t)c->elements;
    if (c->names_count == 0) return NN_OK;
    w->names = nn_get(l->ctx, c->names_count, sizeof *w->names);
    for (uint32_t k = 0; k < c->names_count && w->names != NULL; k++)
        w->names[k] = nn_model_text(l->m, names[k]);
    return l->ctx->status;
}

// The raw column of a want, whose missing cells are the number that is given for them.
static void take_want(const nn_loading *l, const nn_column *c, const nn_csv *csv, nn_csv_want *w,
                      nn_raw *raw) {
    for (int64_t i = 0; i < csv->rows * w->count && c->missing == NN_MISSING_VALUE; i++)
        w->values[i] = isnan(w->values[i]) ? c->missing_value : w->values[i];
    const nn_media *media = media_of(c);
    if (media != NULL)
        media->cell_rows(l, media, c, csv, w, raw);
    else
        *raw = (nn_raw){.rows = csv->rows,
                        .elements = w->count,
                        .bytes = (const unsigned char *)w->values,
                        .type = 'f',
                        .size = 8,
                        .path = csv->path,
                        .lines = csv->lines,
                        .words = w->words,
                        .word_first = w->word_first,
                        .owned = w->values};
    if (c->kind != NN_COLUMN_CARRIED) nn_drop(l->ctx, w->cells);
    nn_drop(l->ctx, w->columns);
    nn_drop(l->ctx, w->names);
}

// Texts of several columns, each as numbers, side by side.
typedef struct {
    const nn_loading *l;
    const nn_csv *csv;
    const int32_t *of; // columns
    nn_context *own;   // of each want
} Texts;

static bool is_text(const nn_column *c, const nn_csv_want *w) {
    return w->texts && media_of(c) == NULL && c->kind != NN_COLUMN_CARRIED;
}

static void number_one(void *of, int64_t k) {
    Texts *t = of;
    nn_loading own = *t->l;
    const nn_column *c = &NN_TABLE(own.m, nn_column, columns)[t->of[k]];
    own.ctx = &t->own[k];
    if (is_text(c, &t->csv->wants[k]) && !is_words(c)) nn_csv_texts(&own, c, t->csv, &t->csv->wants[k]);
}

// The words of a field are one list for all its columns.
static nn_status number_texts(const nn_loading *l, const nn_csv *csv, const int32_t *of,
                              const nn_cells_reader *reader) {
    Texts t = {l, csv, of, nn_get(l->ctx, (uint64_t)csv->want_count, sizeof *t.own)};
    if (t.own == NULL) return l->ctx->status;
    for (int32_t k = 0; k < csv->want_count; k++) t.own[k].folder = l->ctx->folder;
    reader->each(csv->threads, csv->want_count, number_one, &t);
    for (int32_t k = 0; k < csv->want_count; k++) {
        const nn_column *c = &NN_TABLE(l->m, nn_column, columns)[of[k]];
        nn_context_join(l->ctx, &t.own[k]);
        if (t.own[k].status != NN_OK) nn_fail(l->ctx, t.own[k].status, "%s", t.own[k].message);
        if (l->ctx->status == NN_OK && is_text(c, &csv->wants[k]) && is_words(c))
            nn_csv_texts(l, c, csv, &csv->wants[k]);
    }
    nn_drop(l->ctx, t.own);
    return l->ctx->status;
}

nn_status nn_cells_columns(const nn_loading *l, int part, nn_csv *csv, const nn_cells_reader *reader) {
    const nn_manifest *mf = l->m->manifest;
    const nn_column *columns = NN_TABLE(l->m, nn_column, columns);
    nn_csv_want *wants = csv->wants = nn_get(l->ctx, mf->columns_count, sizeof *wants);
    int32_t *of = nn_get(l->ctx, mf->columns_count, sizeof *of);
    if (wants == NULL || of == NULL) return l->ctx->status;
    for (uint32_t k = 0; k < mf->columns_count; k++) {
        if (!nn_column_wanted(l, &columns[k], part)) continue;
        of[csv->want_count] = (int32_t)k;
        if (make_want(l, &columns[k], &wants[csv->want_count++]) != NN_OK) return l->ctx->status;
    }
    if (reader->read(l, csv, reader->from) != NN_OK) return l->ctx->status;
    if (number_texts(l, csv, of, reader) != NN_OK) return l->ctx->status;
    for (int32_t k = 0; k < csv->want_count; k++) {
        const nn_column *c = &columns[of[k]];
        if (c->kind == NN_COLUMN_CARRIED) l->data->carried[of[k]] = wants[k].cells;
        take_want(l, c, csv, &wants[k], &l->raws[of[k]]);
    }
    if (l->data->header == NULL) l->data->header = csv->names;
    nn_drop(l->ctx, csv->places);
    nn_drop(l->ctx, wants);
    nn_drop(l->ctx, of);
    return NN_OK;
}
