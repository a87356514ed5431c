// Raw columns: where their bytes come from (CSV, IDX, NPY, the program's own table), and their values as
// doubles. Guarantees: what the program declares (columns, elements, rows) is checked against the files
// before anything else.
#include "data/data.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum source {
#define SOURCE(code, name, files, text) SOURCE_##code,
#include "sources.def"
#undef SOURCE
};

bool nn_data_is_csv(const nn_model *m) { return m->manifest->data.source == SOURCE_CSV; }
bool nn_data_is_folder(const nn_model *m) {
    return m->manifest->data.source == SOURCE_IMAGES || m->manifest->data.source == SOURCE_SOUNDS;
}
bool nn_data_is_text(const nn_model *m) { return m->manifest->data.source == SOURCE_TEXT; }

// What a packed text may expand to: so many times its size, and this at least.
enum { TEXT_RATIO = 100, TEXT_LIMIT = 64 << 20 };

// Absent unless libnn-gzip.a is linked.
extern nn_status nn_gzip_expand(nn_context *, const char *, const unsigned char *, uint64_t, uint64_t,
                                unsigned char **, uint64_t *) __attribute__((weak));

// Absent unless libnn-pictures.a, libnn-sounds.a are linked, as they are where a program reads such files.
extern const nn_media nn_pictures __attribute__((weak)), nn_sounds __attribute__((weak));

// Of a column whose cells are paths.
static const nn_media *media_of(const nn_column *c) {
    return c->kind == NN_COLUMN_PIXELS ? &nn_pictures : c->kind == NN_COLUMN_SAMPLES ? &nn_sounds : NULL;
}

static bool is_packed(const char *path) {
    size_t n = strlen(path);
    return n >= 3 && nn_same(path + n - 3, ".gz");
}

static nn_status expand(nn_context *ctx, const char *path, const unsigned char *packed, uint64_t packed_size,
                        uint64_t limit, unsigned char **bytes, uint64_t *size) {
    return nn_gzip_expand != NULL
               ? nn_gzip_expand(ctx, path, packed, packed_size, limit, bytes, size)
               : nn_fail(ctx, NN_FILE,
                         "%s: this trainer was built from a program without .gz files and cannot expand any: "
                         "use gunzip",
                         path);
}

// A text says nowhere how long it will be.
static nn_status text_bytes(nn_context *ctx, const char *path, unsigned char **bytes, uint64_t *size) {
    if (nn_file_read(ctx, path, bytes, size) != NN_OK || !is_packed(path)) return ctx->status;
    unsigned char *packed = *bytes;
    uint64_t limit = *size > TEXT_LIMIT / TEXT_RATIO ? *size * TEXT_RATIO : TEXT_LIMIT;
    nn_status status = expand(ctx, path, packed, *size, limit, bytes, size);
    nn_drop(ctx, packed);
    return status != NN_OK || *size <= limit
               ? status
               : nn_fail(ctx, NN_DATA,
                         "%s: expands to more than %llu MB, %d times its size; is it a text? "
                         "gunzip makes one of it that is read whatever its size",
                         path, (unsigned long long)limit >> 20, TEXT_RATIO);
}

nn_status nn_source_bytes(const nn_loading *l, const char *file, char path[NN_PATH_ROOM],
                          unsigned char **bytes, uint64_t *size) {
    if (l->data->request.standard_input) return nn_file_read_all(l->ctx, 0, path, bytes, size);
    return nn_data_path(l->ctx, l->m, &l->data->request, file, path) == NN_OK
               ? text_bytes(l->ctx, path, bytes, size)
               : l->ctx->status;
}

// ---- CSV ----

bool nn_column_wanted(const nn_loading *l, const nn_column *c, int part) {
    if (c->part != part || c->aside) return false;
    if (c->groups == NN_GROUPS_SPLIT) return !l->data->request.all_rows;
    return l->data->request.inputs_only ? c->for_input : c->kind != NN_COLUMN_CARRIED;
}

static const char *field_of(const nn_loading *l, const nn_column *c) {
    return c->field < 0 ? "of groups" : nn_model_text(l->m, NN_TABLE(l->m, nn_field, fields)[c->field].name);
}

nn_status nn_csv_texts(const nn_loading *l, const nn_column *c, const nn_csv *csv, nn_csv_want *w) {
    if (c->groups != NN_GROUPS_NONE) return nn_group_cells(l->ctx, csv, w);
    if (c->kind == NN_COLUMN_WORDS || c->kind == NN_COLUMN_COUNT_WORDS) return nn_words_read(l, c, csv, w);
    int64_t width = w->count, count = csv->rows * width;
    w->values = nn_get(l->ctx, (uint64_t)count, sizeof *w->values);
    if (w->values == NULL) return l->ctx->status;
    const char *field = field_of(l, c);
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
            return nn_cell_fail(l->ctx, csv, csv->lines[k / width], cell, expected,
                                ", which means a missing one");
        w->values[k] = same ? 1 : 0;
    }
    return NN_OK;
}

static nn_status make_want(const nn_loading *l, const nn_column *c, nn_csv_want *w) {
    const uint32_t *names = nn_model_table(l->m, c->names);
    w->first = c->first;
    w->count = c->names_count > 0 ? (int32_t)c->names_count : c->last - c->first + 1;
    w->limit = c->is_class ? 0 : c->limit;
    bool words = c->kind == NN_COLUMN_WORDS || c->kind == NN_COLUMN_COUNT_WORDS;
    bool groups = c->groups != NN_GROUPS_NONE;
    w->texts = c->kind == NN_COLUMN_TEXT_EQUALS || c->kind == NN_COLUMN_CARRIED || c->is_class || words ||
               media_of(c) != NULL || groups || c->kind == NN_COLUMN_DATE;
    w->missing_ok = c->missing != NN_MISSING_ERROR || words;
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

static nn_status csv_columns(const nn_loading *l, int part, const char *path, char *bytes, uint64_t size) {
    const nn_manifest *mf = l->m->manifest;
    const nn_column *columns = NN_TABLE(l->m, nn_column, columns);
    nn_csv_want *wants = nn_get(l->ctx, mf->columns_count, sizeof *wants);
    int32_t *of = nn_get(l->ctx, mf->columns_count, sizeof *of);
    if (wants == NULL || of == NULL) return l->ctx->status;
    nn_csv csv = {.path = path,
                  .separator = mf->data.separator,
                  .header = mf->data.header != 0,
                  .decimal = mf->data.decimal,
                  .thousands = mf->data.thousands,
                  .comment = mf->data.comment,
                  .trained = mf->data.header != 0 ? l->data->header : NULL,
                  .wants = wants};
    for (uint32_t k = 0; k < mf->columns_count; k++) {
        if (!nn_column_wanted(l, &columns[k], part)) continue;
        of[csv.want_count] = (int32_t)k;
        if (make_want(l, &columns[k], &wants[csv.want_count++]) != NN_OK) return l->ctx->status;
    }
    if (nn_csv_parse(l->ctx, &csv, bytes, size) != NN_OK) return l->ctx->status;
    for (int32_t k = 0; k < csv.want_count; k++) {
        const nn_column *c = &columns[of[k]];
        if (c->kind == NN_COLUMN_CARRIED)
            l->data->carried[of[k]] = wants[k].cells;
        else if (wants[k].texts && media_of(c) == NULL && nn_csv_texts(l, c, &csv, &wants[k]) != NN_OK)
            return l->ctx->status;
        take_want(l, c, &csv, &wants[k], &l->raws[of[k]]);
    }
    if (l->data->header == NULL) l->data->header = csv.names;
    nn_drop(l->ctx, csv.places);
    nn_drop(l->ctx, wants);
    nn_drop(l->ctx, of);
    return NN_OK;
}

static bool any_carried(const nn_loading *l) {
    for (uint32_t k = 0; k < l->m->manifest->columns_count; k++)
        if (l->data->carried[k] != NULL) return true;
    return false;
}

static nn_status csv_part(const nn_loading *l, int part) {
    unsigned char *bytes = NULL;
    uint64_t size = 0;
    char path[NN_PATH_ROOM] = "standard input";
    const nn_column *columns = NN_TABLE(l->m, nn_column, columns);
    uint32_t file = l->m->manifest->data.file;
    for (uint32_t k = 0; k < l->m->manifest->columns_count; k++) {
        if (columns[k].part == part && columns[k].file != 0) file = columns[k].file;
    }
    if (nn_source_bytes(l, nn_model_text(l->m, file), path, &bytes, &size) != NN_OK) return l->ctx->status;
    char *kept = nn_get(l->ctx, strlen(path) + 1, 1);
    if (kept == NULL) return l->ctx->status;
    nn_status status = csv_columns(l, part, strcpy(kept, path), (char *)bytes, size);
    if (!any_carried(l)) nn_drop(l->ctx, bytes); // else its cells are in there
    return status;
}

// ---- files of arrays, tables ----

static nn_status check_shape(const nn_loading *l, const char *path, const nn_column *c, const nn_array *a,
                             nn_raw *raw) {
    int64_t all = 1;
    for (int d = 0; d < a->rank; d++) all *= a->dims[d];
    raw->rows = c->is_whole ? 1 : a->rank == 0 ? 1 : a->dims[0];
    raw->elements = raw->rows == 0 ? c->elements : all / raw->rows;
    if (raw->rows > INT32_MAX) return nn_fail(l->ctx, NN_DATA, "%s: more than %d rows", path, INT32_MAX);
    return raw->elements == c->elements
               ? NN_OK
               : nn_fail(l->ctx, NN_DATA, "%s: expected %lld elements a sample (field %s), found %lld", path,
                         (long long)c->elements, field_of(l, c), (long long)raw->elements);
}

static nn_status file_column(const nn_loading *l, const nn_column *c, nn_raw *raw) {
    char path[NN_PATH_ROOM];
    unsigned char *bytes, *head;
    uint64_t size, head_size;
    nn_array a;
    if (nn_data_path(l->ctx, l->m, &l->data->request, nn_model_text(l->m, c->file), path) != NN_OK ||
        nn_file_read(l->ctx, path, &bytes, &size) != NN_OK)
        return l->ctx->status;
    head = bytes;
    head_size = size;
    bool packed = is_packed(path), npy = l->m->manifest->data.source == SOURCE_NPY;
    if ((packed && expand(l->ctx, path, bytes, size, NN_HEAD_ROOM, &head, &head_size) != NN_OK) ||
        (npy ? nn_npy_parse : nn_idx_parse)(l->ctx, path, head, head_size, &a) != NN_OK ||
        check_shape(l, path, c, &a, raw) != NN_OK)
        return l->ctx->status;
    if (packed) {
        nn_drop(l->ctx, head);
        head = bytes;
        if (expand(l->ctx, path, head, size, a.head + a.length, &bytes, &size) != NN_OK)
            return l->ctx->status;
        nn_drop(l->ctx, head);
    }
    char *kept = nn_get(l->ctx, strlen(path) + 1, 1);
    if (kept == NULL || nn_array_take(l->ctx, path, &a, bytes, size) != NN_OK) return l->ctx->status;
    *raw = (nn_raw){.rows = raw->rows,
                    .elements = raw->elements,
                    .bytes = a.bytes,
                    .type = a.type,
                    .size = a.size,
                    .big_endian = a.big_endian,
                    .path = strcpy(kept, path),
                    .owned = bytes};
    return NN_OK;
}

static nn_status one_column(const nn_loading *l, const nn_column *c, nn_raw *raw) {
    if (c->kind == NN_COLUMN_FILE) return file_column(l, c, raw);
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

void nn_raw_place(const nn_raw *raw, int64_t row, char out[NN_PATH_ROOM + 64]) {
    if (raw->files != NULL)
        snprintf(out, NN_PATH_ROOM + 64, "%s", raw->files[row]);
    else if (raw->lines != NULL)
        snprintf(out, NN_PATH_ROOM + 64, "%s:%u", raw->path, raw->lines[row]);
    else
        snprintf(out, NN_PATH_ROOM + 64, "%s: row %lld (counted from 0)", raw->path, (long long)row);
}

// Numbers of a file or a table that have names.
static nn_status name_values(const nn_loading *l, const nn_column *c, nn_raw *raw) {
    if (!c->is_class || !NN_TABLE(l->m, nn_field, fields)[c->field].is_named) return NN_OK;
    int64_t count = raw->rows * raw->elements, unknown;
    double *values = nn_get(l->ctx, (uint64_t)count, sizeof *values);
    if (values == NULL) return l->ctx->status;
    nn_raw_values(raw, 0, count, values);
    nn_named_values named = {&NN_TABLE(l->m, nn_field, fields)[c->field], field_of(l, c), raw->path, values,
                             count};
    char place[NN_PATH_ROOM + 64];
    if (nn_class_named(l->ctx, &l->data->classes[c->field], &named, &unknown) != NN_OK) return l->ctx->status;
    if (unknown >= 0) {
        nn_raw_place(raw, unknown / raw->elements, place);
        return nn_fail(l->ctx, NN_DATA, "%s: expected a whole number that is a class (field %s), found %.17g",
                       place, field_of(l, c), values[unknown]);
    }
    nn_drop(l->ctx, raw->owned);
    raw->bytes = raw->owned = (unsigned char *)values;
    raw->type = 'f';
    raw->size = 8;
    raw->big_endian = false;
    return NN_OK;
}

// Numbers that a file or a table gives for classes and counts, where the column itself has the limit.
static nn_status check_limit(const nn_loading *l, const nn_column *c, const nn_raw *raw) {
    enum { PART = 512 };
    double values[PART];
    int64_t count = raw->rows * raw->elements;
    if (c->limit <= 0 || c->kind == NN_COLUMN_TEXT_EQUALS || raw->words != NULL) return NN_OK;
    for (int64_t at = 0; at < count; at += PART) {
        int64_t n = count - at < PART ? count - at : PART;
        nn_raw_values(raw, at, n, values);
        for (int64_t k = 0; k < n; k++) {
            if (nn_below(values[k], c->limit)) continue;
            bool measured = c->missing == NN_MISSING_BY_MEAN || c->missing == NN_MISSING_BY_MEDIAN;
            if (isnan(values[k]) && measured) continue;
            char place[NN_PATH_ROOM + 64];
            nn_raw_place(raw, (at + k) / raw->elements, place);
            return nn_fail(l->ctx, NN_DATA, "%s: expected a whole number 0 .. %lld (field %s), found %.9g%s",
                           place, (long long)c->limit - 1, field_of(l, c), values[k],
                           c->is_class ? NN_NAMED_HINT : "");
        }
    }
    return NN_OK;
}

nn_status nn_raw_read(nn_loading *l, int part, int64_t *rows) {
    const nn_manifest *mf = l->m->manifest;
    const nn_column *columns = NN_TABLE(l->m, nn_column, columns);
    *rows = mf->data.source == SOURCE_SYNTHETIC ? mf->data.rows : -1;
    bool csv = mf->data.source == SOURCE_CSV;
    if (csv && csv_part(l, part) != NN_OK) return l->ctx->status;
    if (mf->data.source == SOURCE_TEXT && nn_series_read(l, rows) != NN_OK) return l->ctx->status;
    bool files = nn_data_is_folder(l->m);
    const nn_media *media = mf->data.source == SOURCE_IMAGES ? &nn_pictures : &nn_sounds;
    if (files && media->folder_rows(l, media, rows) != NN_OK) return l->ctx->status;
    const nn_raw *first = NULL;
    for (uint32_t k = 0; k < mf->columns_count; k++) {
        const nn_column *c = &columns[k];
        if (!nn_column_wanted(l, c, part)) continue;
        bool own = !csv && !files; // a file for each column
        if ((own && (one_column(l, c, &l->raws[k]) != NN_OK || name_values(l, c, &l->raws[k]) != NN_OK)) ||
            check_limit(l, c, &l->raws[k]) != NN_OK)
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

static double value_at(const nn_raw *raw, int64_t k) {
    uint64_t bits = 0;
    const unsigned char *p = raw->bytes + k * raw->size;
    for (int i = 0; i < raw->size; i++)
        bits |= (uint64_t)p[raw->big_endian ? raw->size - 1 - i : i] << (8 * i);
    if (raw->type == 'f' && raw->size == 8) {
        double value;
        memcpy(&value, &bits, 8);
        return value;
    }
    if (raw->type == 'f') {
        float value;
        uint32_t low = (uint32_t)bits;
        memcpy(&value, &low, 4);
        return (double)value;
    }
    if (raw->type == 'b') return bits != 0;
    int shift = 64 - 8 * raw->size;
    return raw->type == 'u' ? (double)bits : (double)((int64_t)(bits << shift) >> shift);
}

void nn_raw_values(const nn_raw *raw, int64_t first, int64_t count, double *out) {
    if (raw->starts != NULL) {
        const int32_t *units = (const int32_t *)(const void *)raw->bytes;
        for (int64_t k = first; k < first + count; k++)
            *out++ = units[raw->starts[k / raw->elements] + k % raw->elements];
        return;
    }
    if (raw->type == 'f' && raw->size == 8 && !raw->big_endian) {
        memcpy(out, raw->bytes + first * 8, (size_t)count * 8);
        return;
    }
    if (raw->type == 'u' && raw->size == 1) {
        for (int64_t k = 0; k < count; k++) out[k] = raw->bytes[first + k];
        return;
    }
    for (int64_t k = 0; k < count; k++) out[k] = value_at(raw, first + k);
}
