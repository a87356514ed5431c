// Reading a model's tensors from a safetensors file in memory: names, shapes and checksums are checked
// against the model, entries against one another (no gaps, no overlaps, none twice); then all are put into
// the arena.
#include "store/store.h"

#include "base/order.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

// The tensor of this name. Files mostly keep the manifest's order, so the search begins after the one found
// last.
static int32_t find(nn_archive *a, const char *name) {
    const nn_model *m = a->model;
    int32_t count = (int32_t)m->manifest->tensors_count;
    for (int32_t k = 0; k < count; k++) {
        int32_t at = (a->next + k) % count;
        const nn_tensor *t = nn_model_tensor(m, at);
        if (nn_store_holds(m, t, NN_CHECKPOINT) && nn_same(nn_model_text(m, t->name), name)) {
            a->next = at + 1;
            return at;
        }
    }
    return -1;
}

// `start` takes layers; the statistics of the data are this run's own.
static bool chosen(const nn_archive *a, const char *name) {
    if (!a->partial) return true;
    if (strncmp(name, "data.", 5) == 0) return false;
    if (a->prefixes == NULL) return true;
    for (int32_t k = 0; k < a->prefix_count; k++) {
        size_t n = strlen(a->prefixes[k]);
        if (strncmp(a->prefixes[k], name, n) == 0 && (name[n] == '\0' || name[n] == '.' || name[n] == '['))
            return true;
    }
    return false;
}

static nn_status foreign(const nn_archive *a, nn_context *ctx, const char *name) {
    return nn_fail(ctx, NN_DATA,
                   "%s: %.200s is no tensor of this model (%s): are these the weights of another one?",
                   a->path, name, nn_model_text(a->model, a->model->manifest->model));
}

static void shape_text(char *out, size_t room, const nn_safetensor *t) {
    size_t n = 0;
    out[0] = '\0';
    for (int d = 0; d < t->rank && n < room; d++)
        n +=
            (size_t)snprintf(out + n, room - n, "%s%llu", d == 0 ? "" : ", ", (unsigned long long)t->dims[d]);
}

// How many rows a run had kept is looked at when that is known.
static bool fits(const nn_model *m, const nn_tensor *to, const nn_safetensor *from) {
    bool type = nn_is_real(to->type) ? nn_same(from->dtype, "F32") || nn_same(from->dtype, "F64")
                                     : nn_same(from->dtype, "I32");
    bool shape = to->rank == from->rank;
    for (int d = 0; d < to->rank && shape; d++)
        shape = (d == 0 && to->kind == NN_SOURCE && m->rows == NULL) ||
                (uint64_t)(d == 0 ? nn_store_rows(m, to) : to->dims[d]) == from->dims[d];
    return type && shape;
}

bool nn_store_allows(const nn_tensor *t, int32_t value) {
    return t->type == NN_BOOL ? value == 0 || value == 1
                              : !t->bounded || (value >= t->low && value <= t->high);
}

// Integers may be subscripts: one outside its range would be read with.
static nn_status check_whole(const nn_archive *a, nn_context *ctx, const nn_tensor *t,
                             const nn_stored *stored) {
    for (int64_t k = 0; k < stored->elements; k++) {
        int32_t value;
        memcpy(&value, stored->bytes + 4 * k, 4);
        if (!nn_store_allows(t, value))
            return nn_fail(ctx, NN_DATA, "%s: %.200s holds %d, which is outside its range", a->path,
                           nn_model_text(a->model, t->name), value);
    }
    return NN_OK;
}

static bool number_of(const char *text, double *value) {
    const double words[] = {(double)INFINITY, -(double)INFINITY, (double)NAN};
    char word[NN_NUMBER_ROOM];
    for (int k = 0; k < 3; k++) {
        nn_number_print(word, *value = words[k], true);
        if (nn_same(word, text)) return true;
    }
    return nn_number_parse(text, strlen(text), value);
}

nn_status nn_entries_take(nn_context *ctx, const char *path, const nn_entry *entries, int count,
                          const char *key, nn_json value, uint32_t *seen) {
    char text[64];
    int k = 0;
    while (k < count && !nn_same(entries[k].key, key)) k++;
    if (k == count) return NN_OK;
    bool ok = nn_json_string(&value, text, sizeof text, NULL);
    if (entries[k].whole != NULL)
        ok = ok && nn_integer_parse(text, strlen(text), entries[k].whole) && *entries[k].whole >= 0 &&
             *entries[k].whole <= NN_COUNT_LIMIT;
    else
        ok = ok && number_of(text, entries[k].number);
    *seen |= 1u << k;
    return ok ? NN_OK : nn_fail(ctx, NN_DATA, "%s: its metadata is damaged (%s)", path, key);
}

static nn_status take_entry(void *data, nn_context *ctx, const nn_safetensor *from) {
    nn_archive *a = data;
    if (a->span_count == a->span_room)
        return nn_fail(ctx, NN_DATA,
                       "%s: more tensors than this model has: are these the weights of another one?",
                       a->path);
    a->spans[a->span_count++] = (nn_span){(double)from->begin, (double)from->end, 0};
    int32_t k = find(a, from->name);
    if (k < 0) return a->partial ? NN_OK : foreign(a, ctx, from->name);
    const nn_tensor *to = nn_model_tensor(a->model, k);
    if (!nn_store_holds(a->model, to, a->contents) || !chosen(a, from->name)) return NN_OK;
    if (a->tensors[k].bytes != NULL)
        return nn_fail(ctx, NN_DATA, "%s: not a valid safetensors file: %.200s is there twice", a->path,
                       from->name);
    if (!fits(a->model, to, from)) {
        char found[128], expected[128];
        nn_safetensor wanted = {.rank = to->rank};
        for (int d = 0; d < to->rank; d++) wanted.dims[d] = (uint64_t)to->dims[d];
        shape_text(found, sizeof found, from);
        shape_text(expected, sizeof expected, &wanted);
        return nn_fail(ctx, NN_DATA,
                       "%s: expected %.200s as %s[%s], found %s[%s]: are these the weights of another model?",
                       a->path, from->name,
                       to->type == NN_INT || to->type == NN_BOOL   ? "I32"
                       : nn_tensor_element_size(a->model, to) == 8 ? "F64"
                                                                   : "F32",
                       expected, from->dtype, found);
    }
    bool wide = nn_same(from->dtype, "F64");
    a->tensors[k] =
        (nn_stored){a->elements + from->begin, wide, (int64_t)(from->end - from->begin) / (wide ? 8 : 4)};
    return nn_same(from->dtype, "I32") ? check_whole(a, ctx, to, &a->tensors[k]) : NN_OK;
}

// The header's own checksum is taken of its text with zeros in that place.
static nn_status check_header(nn_archive *a, nn_context *ctx, nn_json value) {
    char text[16], expected[16];
    const char *digits = value.at + 1;
    if (!nn_json_string(&value, text, sizeof text, NULL) || strlen(text) != 8 || value.at != digits + 9)
        return nn_fail(ctx, NN_DATA, "%s: the header is damaged", a->path);
    uint32_t crc = nn_crc32c(0, a->header, (uint64_t)(digits - a->header));
    crc = nn_crc32c(crc, "00000000", 8);
    crc = nn_crc32c(crc, digits + 8, (uint64_t)(a->header_end - digits - 8));
    snprintf(expected, sizeof expected, "%08x", crc);
    a->summed = nn_same(text, expected);
    return a->summed ? NN_OK
                     : nn_fail(ctx, NN_DATA, "%s: the checksum of the header is wrong: the file is damaged",
                               a->path);
}

static nn_status check_checksum(void *data, nn_context *ctx, const char *key, nn_json value) {
    nn_archive *a = data;
    char text[16], expected[16];
    if (nn_same(key, "header")) return check_header(a, ctx, value);
    if (strncmp(key, "checksum.", 9) != 0) return NN_OK;
    int32_t k = find(a, key + 9);
    if (k < 0 || a->tensors[k].bytes == NULL) return NN_OK;
    const nn_tensor *t = nn_model_tensor(a->model, k);
    uint64_t bytes = (uint64_t)a->tensors[k].elements * (nn_is_real(t->type) && a->tensors[k].wide ? 8 : 4);
    snprintf(expected, sizeof expected, "%08x", nn_crc32c(0, a->tensors[k].bytes, bytes));
    if (!nn_json_string(&value, text, sizeof text, NULL) || !nn_same(text, expected))
        return nn_fail(ctx, NN_DATA, "%s: the checksum of %.200s is wrong: the file is damaged", a->path,
                       key + 9);
    return NN_OK;
}

// Sorted by where they begin, entries must follow one another without gaps to the end. One without bytes may
// come after the one that begins where it does.
static bool contiguous(nn_span *s, uint64_t count, uint64_t bytes) {
    double low = 0, at = 0;
    nn_order(&s->begin, NN_KEY_DOUBLE, sizeof *s / sizeof s->begin, &s->order, sizeof *s / sizeof s->order,
             (int64_t)count);
    for (uint64_t k = 0; k < count; k++) {
        const nn_span *next = &s[s[k].order];
        bool empty = next->begin == next->end;
        if (next->begin != at && !(empty && next->begin == low)) return false;
        low = empty ? low : next->begin;
        at = empty ? at : next->end;
    }
    return at == (double)bytes;
}

nn_status nn_store_read(nn_context *ctx, nn_archive *a, const unsigned char *bytes, uint64_t size) {
    uint64_t first;
    const nn_manifest *mf = a->model->manifest;
    memset(a->tensors, 0, sizeof *a->tensors * mf->tensors_count);
    a->span_count = 0;
    a->next = 0;
    if (nn_safetensors_parse(ctx, a->path, bytes, size, NULL, &first) != NN_OK) return ctx->status;
    a->elements = bytes + first;
    a->header = (const char *)bytes + 8;
    a->header_end = (const char *)bytes + first;
    while (a->header_end > a->header && a->header_end[-1] == ' ') a->header_end--;
    a->summed = false;
    nn_safetensors_visitor entries = {.tensor = take_entry, .data = a},
                           sums = {.metadata = check_checksum, .data = a};
    if (nn_safetensors_parse(ctx, a->path, bytes, size, &entries, NULL) != NN_OK) return ctx->status;
    if (!contiguous(a->spans, a->span_count, size - first))
        return nn_fail(ctx, NN_DATA, "%s: not a valid safetensors file: its tensors overlap, or leave gaps",
                       a->path);
    for (uint32_t k = 0; k < mf->tensors_count; k++) {
        const nn_tensor *t = nn_model_tensor(a->model, (int32_t)k);
        const char *name = nn_model_text(a->model, t->name);
        nn_contents needed = a->contents == NN_OBJECT ? NN_WEIGHTS : a->contents;
        bool unknown = t->kind == NN_SOURCE && a->model->rows == NULL;
        if (nn_store_holds(a->model, t, needed) && !unknown && chosen(a, name) &&
            a->tensors[k].bytes == NULL && !(a->partial && t->kind != NN_PARAM))
            return nn_fail(ctx, NN_DATA,
                           "%s: expected the tensor %.200s, which is not in the file: are these the weights "
                           "of another model?",
                           a->path, name);
    }
    if (nn_safetensors_parse(ctx, a->path, bytes, size, &sums, NULL) != NN_OK) return ctx->status;
    return a->summed || a->contents != NN_CHECKPOINT
               ? NN_OK
               : nn_fail(ctx, NN_DATA, "%s: the checkpoint's header is damaged", a->path);
}

static void put_converted(const nn_model *m, const nn_tensor *t, const nn_stored *s) {
    for (int64_t k = 0, n = nn_tensor_elements(t); k < n; k++) {
        double value, own;
        float single;
        memcpy(s->wide ? (void *)&value : (void *)&single, s->bytes + k * (s->wide ? 8 : 4), s->wide ? 8 : 4);
        nn_value_put(m, t->type, &own, 0, s->wide ? value : (double)single);
        nn_tensor_put(m, t, k, 1, &own);
    }
}

void nn_store_apply(const nn_archive *a) {
    for (uint32_t k = 0; k < a->model->manifest->tensors_count; k++) {
        const nn_tensor *t = nn_model_tensor(a->model, (int32_t)k);
        const nn_stored *s = &a->tensors[k];
        if (s->bytes == NULL) continue;
        if (t->kind == NN_SOURCE && a->model->rows == NULL) continue;
        if (t->kind == NN_SOURCE)
            memcpy(a->model->rows[nn_model_keeps(a->model, t)].bytes, s->bytes,
                   (size_t)(s->elements * nn_tensor_element_size(a->model, t)));
        else if (nn_is_real(t->type) && (nn_tensor_element_size(a->model, t) == 8) != (s->wide != 0))
            put_converted(a->model, t, s);
        else
            nn_tensor_put(a->model, t, 0, nn_tensor_elements(t), s->bytes);
    }
}
