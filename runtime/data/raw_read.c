// Raw columns of files, tables and draws: which source gives them.
// Guarantees: what the program declares (columns, elements, rows) is checked against the files before
// anything else.
#include "data/data.h"

#include <stdio.h>

int nn_source_kind(const nn_model *m) {
    static const int kinds[] = {
#define SOURCE(code, name, kind, text) NN_SOURCE_##kind,
#include "sources.def"
#undef SOURCE
    };
    return kinds[m->manifest->data.source];
}

const char *nn_data_ending(const nn_model *m) {
    static const char *const endings[] = {[NN_FROM_CSV] = "csv",
                                          [NN_FROM_JSONL] = "jsonl",
                                          [NN_FROM_LIBSVM] = "svm",
                                          [NN_FROM_TEXT] = "txt",
                                          [NN_FROM_CIFAR] = NULL};
    return endings[m->manifest->data.source];
}

static nn_status one_column(const nn_loading *l, const nn_column *c, nn_raw *raw) {
    if (c->kind == NN_COLUMN_FILE) return nn_array_column(l, c, raw);
    if (c->kind == NN_COLUMN_WINDOW) {
        nn_series_raw(l->data->series, c, raw);
        return NN_OK;
    }
    *raw = (nn_raw){.rows = c->elements == 0 ? 0 : (int64_t)c->values_count / c->elements,
                    .elements = c->elements,
                    .bytes = nn_model_table(l->m, c->values),
                    .type = 'f',
                    .size = 8,
                    .path = "the table"};
    return NN_OK;
}

// Numbers of a file or a table that have names.
static nn_status name_values(const nn_loading *l, const nn_column *c, nn_raw *raw) {
    if (!c->is_class || !NN_TABLE(l->m, nn_field, fields)[c->field].is_named) return NN_OK;
    int64_t count = raw->rows * raw->elements, unknown;
    double *values = nn_get(l->ctx, (uint64_t)count, sizeof *values);
    if (values == NULL) return l->ctx->status;
    nn_raw_values(raw, 0, count, values);
    nn_named_values named = {&NN_TABLE(l->m, nn_field, fields)[c->field], nn_column_field(l, c), raw->path,
                             values, count};
    char place[NN_PATH_ROOM + 64];
    if (nn_class_named(l->ctx, &l->data->classes[c->field], &named, &unknown) != NN_OK) return l->ctx->status;
    if (unknown >= 0) {
        nn_raw_place(raw, unknown / raw->elements, place);
        return nn_fail(l->ctx, NN_DATA, "%s: expected a whole number that is a class (field %s), found %.17g",
                       place, nn_column_field(l, c), values[unknown]);
    }
    nn_drop(l->ctx, raw->owned);
    raw->bytes = raw->owned = (unsigned char *)values;
    raw->type = 'f';
    raw->size = 8;
    raw->big_endian = false;
    return NN_OK;
}

// What gives all columns of a part at once; others have a file or a table for each.
static nn_status read_source(nn_loading *l, int part, int64_t *rows) {
    int32_t source = l->m->manifest->data.source;
    if (nn_source_kind(l->m) == NN_SOURCE_CELLS) return nn_cells_part(l, part, rows);
    if (source == NN_FROM_TEXT) return nn_series_read(l, rows);
    if (source == NN_FROM_LIBSVM) return nn_libsvm_rows(l, part);
    if (source == NN_FROM_CIFAR) return nn_cifar_rows(l, part);
    if (source == NN_FROM_IMAGES) return nn_pictures.folder_rows(l, &nn_pictures, part, rows);
    if (source == NN_FROM_SOUNDS) return nn_sounds.folder_rows(l, &nn_sounds, part, rows);
    return NN_OK;
}

nn_status nn_raw_read(nn_loading *l, int part, int64_t *rows) {
    const nn_manifest *mf = l->m->manifest;
    const nn_column *columns = NN_TABLE(l->m, nn_column, columns);
    *rows = mf->data.source == NN_FROM_SYNTHETIC ? mf->data.rows : -1;
    if (read_source(l, part, rows) != NN_OK) return l->ctx->status;
    int kind = nn_source_kind(l->m);
    bool own = kind != NN_SOURCE_CELLS && kind != NN_SOURCE_RECORDS; // a file for each column
    const nn_raw *first = NULL;
    for (uint32_t k = 0; k < mf->columns_count; k++) {
        const nn_column *c = &columns[k];
        if (!nn_column_wanted(l, c, part)) continue;
        if ((own && one_column(l, c, &l->raws[k]) != NN_OK) ||
            (kind != NN_SOURCE_CELLS && name_values(l, c, &l->raws[k]) != NN_OK) ||
            nn_raw_check(l, c, &l->raws[k]) != NN_OK)
            return l->ctx->status;
        if (first != NULL && first->rows != l->raws[k].rows)
            return nn_fail(l->ctx, NN_DATA,
                           "all fields have the same number of rows, but %s has %lld and %s has %lld",
                           first->path, (long long)first->rows, l->raws[k].path, (long long)l->raws[k].rows);
        first = &l->raws[k];
    }
    if (first != NULL) *rows = first->rows;
    if (*rows <= 0)
        return nn_fail(l->ctx, NN_DATA, "%s: no rows", first == NULL ? "the data block" : first->path);
    return nn_groups_take(l, part, *rows);
}
