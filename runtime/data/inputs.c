// Rows of the model's inputs from CSV, after all arithmetic of the data block: what `data` prints, `predict`
// reads.
#include "data/data.h"

#include <stdio.h>
#include <string.h>

static nn_status make_wants(nn_context *ctx, const nn_model *m, nn_csv *csv) {
    const nn_field *fields = NN_TABLE(m, nn_field, fields);
    int64_t count = 0, k = 0;
    for (uint32_t f = 0; f < m->manifest->fields_count; f++)
        count += fields[f].in_model >= 0 ? nn_field_elements(&fields[f]) : 0;
    csv->wants = nn_get(ctx, (uint64_t)count, sizeof *csv->wants);
    for (uint32_t f = 0; f < m->manifest->fields_count && csv->wants != NULL; f++) {
        const char *name = nn_model_text(m, fields[f].name);
        int64_t elements = fields[f].in_model >= 0 ? nn_field_elements(&fields[f]) : 0;
        for (int64_t e = 0; e < elements; e++) {
            char *text = nn_get(ctx, strlen(name) + 24, 1);
            if (text == NULL) return ctx->status;
            snprintf(text, strlen(name) + 24, fields[f].rank == 0 ? "%s" : "%s_%lld", name, (long long)e);
            nn_csv_want *want = &csv->wants[k++];
            want->names = nn_get(ctx, 1, sizeof *want->names);
            if (want->names == NULL) return ctx->status;
            *want->names = text;
            want->count = 1;
        }
    }
    csv->want_count = (int32_t)count;
    return ctx->status;
}

// How far apart the rows of samples stand, so that no windows overlap: as the longest is long.
static int64_t apart_of(const nn_model *m) {
    int64_t apart = 1;
    for (uint32_t f = 0; f < m->manifest->fields_count; f++) {
        int64_t window = NN_TABLE(m, nn_field, fields)[f].window;
        apart = window > apart ? window : apart;
    }
    return apart;
}

static nn_status take_fields(nn_context *ctx, const nn_model *m, const nn_csv *csv, int64_t apart,
                             nn_dataset *data) {
    const nn_field *fields = NN_TABLE(m, nn_field, fields);
    int64_t k = 0;
    for (uint32_t f = 0; f < m->manifest->fields_count; f++) {
        if (fields[f].in_model < 0) continue;
        int64_t elements = nn_field_elements(&fields[f]);
        int64_t step = apart * nn_row_elements(&fields[f]);
        unsigned char *rows =
            nn_get(ctx, (uint64_t)(csv->rows * apart), (uint64_t)nn_row_size(m, &fields[f]));
        if (rows == NULL) return ctx->status;
        for (int64_t e = 0; e < elements; e++, k++) {
            for (int64_t r = 0; r < csv->rows; r++) {
                double v = csv->wants[k].values[r];
                if (nn_field_put(m, &fields[f], rows, r * step + e, v)) continue;
                char place[NN_PATH_ROOM + 64];
                nn_raw_place(&(nn_raw){.path = csv->path, .lines = csv->lines}, r, place);
                return nn_field_fail(ctx, m, &fields[f], place, v);
            }
        }
        data->fields[f] = rows;
        if (fields[f].source >= 0) data->sources[fields[f].source] = rows;
    }
    return NN_OK;
}

nn_status nn_data_inputs(nn_context *ctx, const nn_model *m, const char *path, char *bytes, uint64_t size,
                         nn_dataset *data) {
    nn_csv csv = {.path = path, .separator = ',', .decimal = '.', .header = true};
    if (make_wants(ctx, m, &csv) != NN_OK || nn_csv_parse(ctx, &csv, bytes, size) != NN_OK)
        return ctx->status;
    if (csv.rows == 0) return nn_fail(ctx, NN_DATA, "%s: no rows", path);
    data->fields = nn_get(ctx, m->manifest->fields_count, sizeof *data->fields);
    data->sources = nn_get(ctx, m->manifest->sources_count, sizeof *data->sources);
    int32_t *rows = nn_get(ctx, (uint64_t)csv.rows, sizeof *rows);
    if (data->fields == NULL || data->sources == NULL || rows == NULL) return ctx->status;
    int64_t apart = apart_of(m);
    if (csv.rows * apart > INT32_MAX) return nn_fail(ctx, NN_DATA, "%s: more than %d rows", path, INT32_MAX);
    for (int64_t r = 0; r < csv.rows; r++) rows[r] = (int32_t)(r * apart);
    data->rows = csv.rows;
    data->parts[NN_TRAIN] = data->parts[NN_TEST] = (nn_part){rows, csv.rows};
    return take_fields(ctx, m, &csv, apart, data);
}
