// Writing a model's tensors as safetensors: row-major, little-endian, in the declared shapes, a CRC-32C of
// each in the metadata. Guarantees: the same model gives the same bytes; needs no memory but the stack.
#include "store/store.h"

#include <stdio.h>
#include <string.h>

enum { PART = 512 }; // elements moved at once

static const nn_rows *rows_of(const nn_model *m, const nn_tensor *t) {
    int32_t kept = m->rows == NULL ? -1 : nn_model_keeps(m, t);
    return kept < 0 ? NULL : &m->rows[kept];
}

bool nn_store_holds(const nn_model *m, const nn_tensor *t, nn_contents contents) {
    const nn_rows *rows = rows_of(m, t);
    if (t->kind == NN_SOURCE)
        return contents == NN_CHECKPOINT && nn_model_keeps(m, t) >= 0 && (rows == NULL || rows->count > 0);
    if (t->offset < 0 || t->twin == NN_SECOND_COPY) return false;
    switch ((enum nn_kind)t->kind) {
    case NN_PARAM: return true;
    case NN_STATE: return contents != NN_WEIGHTS || t->batch_dims == 0;
    case NN_SLOT:
    case NN_GRADIENT:
    case NN_RUN: return contents != NN_WEIGHTS;
    case NN_TOTAL:
    case NN_CLOCK:
    case NN_SETTING: return contents == NN_CHECKPOINT;
    case NN_SOURCE:
    case NN_INPUT:
    case NN_ROWMAP:
    case NN_TEMP:
    case NN_OUTPUT:
    case NN_LATE: return false;
    }
    return false;
}

int64_t nn_store_rows(const nn_model *m, const nn_tensor *t) {
    const nn_rows *rows = rows_of(m, t);
    return rows != NULL ? rows->count : t->rank == 0 ? 1 : t->dims[0];
}

static int64_t elements_of(const nn_model *m, const nn_tensor *t) {
    return t->kind == NN_SOURCE ? nn_store_rows(m, t) * nn_tensor_row(t) : nn_tensor_elements(t);
}

static void take_part(const nn_model *m, const nn_tensor *t, int64_t at, int64_t count, unsigned char *part) {
    int64_t size = nn_tensor_element_size(m, t);
    const nn_rows *rows = rows_of(m, t);
    if (rows != NULL)
        memcpy(part, rows->bytes + at * size, (size_t)(count * size));
    else
        nn_tensor_get(m, t, at, count, part);
}

static void put_json(nn_sink *sink, const char *s) {
    nn_sink_put(sink, "\"", 1);
    for (size_t rest = strlen(s), n; rest > 0; s += n, rest -= n) {
        char letter[8];
        n = nn_json_letter(s, rest, letter);
        nn_sink_text(sink, letter);
    }
    nn_sink_put(sink, "\"", 1);
}

void nn_store_metadata(nn_sink *sink, const char *key, const char *value) {
    nn_sink_put(sink, ",", 1);
    put_json(sink, key);
    nn_sink_put(sink, ":", 1);
    put_json(sink, value);
}

void nn_entries_put(nn_sink *sink, const nn_entry *entries, int count) {
    for (int k = 0; k < count; k++) {
        char text[NN_NUMBER_ROOM];
        if (entries[k].whole != NULL)
            snprintf(text, sizeof text, "%lld", (long long)*entries[k].whole);
        else
            nn_number_print(text, *entries[k].number, true);
        nn_store_metadata(sink, entries[k].key, text);
    }
}

static void put_elements(const nn_model *m, const nn_tensor *t, nn_sink *sink) {
    unsigned char part[PART * 8];
    int64_t size = nn_tensor_element_size(m, t);
    for (int64_t at = 0, n = elements_of(m, t); at < n; at += PART) {
        int64_t count = n - at < PART ? n - at : PART;
        take_part(m, t, at, count, part);
        nn_sink_put(sink, part, (uint64_t)(count * size));
    }
}

// The stored tensors one after another, NULL after the last; *k begins with 0. Wide elements come first, so
// that all are aligned.
static const nn_tensor *next_stored(const nn_storing *w, uint32_t *k) {
    const nn_tensor *tensors = NN_TABLE(w->model, nn_tensor, tensors);
    uint32_t count = w->model->manifest->tensors_count;
    while (*k < 2 * count) {
        bool wide = *k < count;
        const nn_tensor *t = &tensors[(*k)++ % count];
        if (nn_store_holds(w->model, t, w->contents) && (nn_tensor_element_size(w->model, t) == 8) == wide)
            return t;
    }
    return NULL;
}

static void put_entry(const nn_storing *w, nn_sink *sink, const nn_tensor *t, uint64_t *at) {
    int64_t size = nn_tensor_element_size(w->model, t);
    nn_sink_put(sink, ",", 1);
    put_json(sink, nn_model_text(w->model, t->name));
    nn_sink_format(sink, ":{\"dtype\":\"%s\",\"shape\":[",
                   !nn_is_real(t->type) ? "I32"
                   : size == 8          ? "F64"
                                        : "F32");
    for (int d = 0; d < t->rank; d++)
        nn_sink_format(sink, "%s%lld", d == 0 ? "" : ",",
                       (long long)(d == 0 ? nn_store_rows(w->model, t) : t->dims[d]));
    uint64_t begin = *at;
    *at += (uint64_t)(elements_of(w->model, t) * size);
    nn_sink_format(sink, "],\"data_offsets\":[%llu,%llu]}", (unsigned long long)begin,
                   (unsigned long long)*at);
}

// The header's text; `own` is its own checksum, taken of the text with 0 in that place.
static void put_header(const nn_storing *w, nn_sink *sink, uint32_t own) {
    const nn_manifest *mf = w->model->manifest;
    char sum[16];
    snprintf(sum, sizeof sum, "%08x", own);
    nn_sink_text(sink, "{\"__metadata__\":{\"format\":\"nn\"");
    nn_store_metadata(sink, "header", sum);
    nn_store_metadata(sink, "model", nn_model_text(w->model, mf->model));
    nn_store_metadata(sink, "program", nn_model_text(w->model, mf->digest));
    if (w->metadata != NULL) w->metadata(w->data, sink);
    const nn_tensor *t;
    for (uint32_t k = 0; (t = next_stored(w, &k)) != NULL;) {
        char key[NN_NAME_ROOM + 16];
        nn_sink count;
        nn_sink_sum(&count);
        put_elements(w->model, t, &count);
        snprintf(key, sizeof key, "checksum.%s", nn_model_text(w->model, t->name));
        snprintf(sum, sizeof sum, "%08x", count.crc);
        nn_store_metadata(sink, key, sum);
    }
    nn_sink_put(sink, "}", 1);
    uint64_t at = 0;
    for (uint32_t k = 0; (t = next_stored(w, &k)) != NULL;) put_entry(w, sink, t, &at);
    nn_sink_put(sink, "}", 1);
}

nn_status nn_store_write(void *data, nn_sink *sink) {
    const nn_storing *w = data;
    nn_sink count;
    nn_sink_sum(&count);
    put_header(w, &count, 0);
    uint64_t length = (count.count + 7) / 8 * 8;
    unsigned char head[8];
    for (int k = 0; k < 8; k++) head[k] = (unsigned char)(length >> (8 * k));
    nn_sink_put(sink, head, 8);
    put_header(w, sink, count.crc);
    nn_sink_put(sink, "       ", length - count.count);
    const nn_tensor *t;
    for (uint32_t k = 0; (t = next_stored(w, &k)) != NULL;) put_elements(w->model, t, sink);
    return NN_OK;
}
