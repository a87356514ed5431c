// Raw columns: what holds of all of them, and their values as doubles. Objects link it too: it needs nothing
// that reads files.
#include "data/data.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

bool nn_column_wanted(const nn_loading *l, const nn_column *c, int part) {
    if (c->part != part || c->aside) return false;
    if (c->groups == NN_GROUPS_SPLIT) return !l->data->request.all_rows;
    return l->data->request.inputs_only ? c->for_input : c->kind != NN_COLUMN_CARRIED;
}

const char *nn_column_field(const nn_loading *l, const nn_column *c) {
    return c->field < 0 ? "of groups" : nn_model_text(l->m, NN_TABLE(l->m, nn_field, fields)[c->field].name);
}

void nn_raw_place(const nn_raw *raw, int64_t row, char out[NN_PATH_ROOM + 64]) {
    if (raw->files != NULL)
        snprintf(out, NN_PATH_ROOM + 64, "%s", raw->files[row]);
    else if (raw->lines != NULL)
        snprintf(out, NN_PATH_ROOM + 64, "%s:%u", raw->path, raw->lines[row]);
    else
        snprintf(out, NN_PATH_ROOM + 64, "%s: row %lld (counted from 0)", raw->path, (long long)row);
}

// Numbers that a file or a table gives for classes and counts, where the column itself has the limit.
nn_status nn_raw_check(const nn_loading *l, const nn_column *c, const nn_raw *raw) {
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
                           place, (long long)c->limit - 1, nn_column_field(l, c), values[k],
                           c->is_class ? NN_NAMED_HINT : "");
        }
    }
    return NN_OK;
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
        for (int64_t k = 0; k < count && raw->fill != NULL; k++)
            if (isnan(out[k])) out[k] = raw->fill[(first + k) % raw->elements];
        return;
    }
    if (raw->type == 'u' && raw->size == 1) {
        for (int64_t k = 0; k < count; k++) out[k] = raw->bytes[first + k];
        return;
    }
    for (int64_t k = 0; k < count; k++) out[k] = value_at(raw, first + k);
}
