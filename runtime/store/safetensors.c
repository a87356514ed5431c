// The safetensors format: 8 bytes with the header's length, a JSON header, then the elements.
// Guarantees: no entry is accepted whose bytes are not exactly its shape's, or lie outside the file; never
// reads outside the bytes given, needs no memory.
#include "store/store.h"

#include <string.h>

typedef struct {
    nn_context *ctx;
    const char *path;
    const nn_safetensors_visitor *visitor;
    uint64_t elements; // bytes after the header
    nn_json j;
} Header;

static nn_status damaged(Header *h, const char *what) {
    return nn_fail(h->ctx, NN_DATA, "%s: not a valid safetensors file: %s", h->path, what);
}

static nn_status metadata(Header *h) {
    char key[NN_NAME_ROOM];
    if (!nn_json_take(&h->j, '{')) return damaged(h, "its metadata is not an object");
    if (nn_json_take(&h->j, '}')) return NN_OK;
    do {
        if (!nn_json_string(&h->j, key, sizeof key, NULL) || !nn_json_take(&h->j, ':') ||
            !nn_json_peek(&h->j, '"'))
            return damaged(h, "its metadata is not texts");
        nn_json value = h->j;
        if (!nn_json_string(&h->j, NULL, 0, NULL)) return damaged(h, "its metadata is not texts");
        nn_status status = NN_OK;
        if (h->visitor != NULL && h->visitor->metadata != NULL)
            status = h->visitor->metadata(h->visitor->data, h->ctx, key, value);
        if (status != NN_OK) return status;
    } while (nn_json_take(&h->j, ','));
    return nn_json_take(&h->j, '}') ? NN_OK : damaged(h, "its metadata has no end");
}

static uint64_t dtype_size(const char *dtype) {
    static const struct {
        char name[5];
        uint8_t size;
    } types[] = {{"F64", 8},  {"I64", 8}, {"U64", 8}, {"F32", 4}, {"I32", 4}, {"U32", 4}, {"F16", 2},
                 {"BF16", 2}, {"I16", 2}, {"U16", 2}, {"I8", 1},  {"U8", 1},  {"BOOL", 1}};
    for (size_t k = 0; k < sizeof types / sizeof *types; k++) {
        if (nn_same(types[k].name, dtype)) return types[k].size;
    }
    return 0;
}

static bool shape(nn_json *j, nn_safetensor *t) {
    if (!nn_json_take(j, '[')) return false;
    if (nn_json_take(j, ']')) return true;
    do {
        if (t->rank == 8 || !nn_json_whole(j, &t->dims[t->rank++])) return false;
    } while (nn_json_take(j, ','));
    return nn_json_take(j, ']');
}

static bool offsets(nn_json *j, nn_safetensor *t) {
    return nn_json_take(j, '[') && nn_json_whole(j, &t->begin) && nn_json_take(j, ',') &&
           nn_json_whole(j, &t->end) && nn_json_take(j, ']');
}

static bool members(nn_json *j, nn_safetensor *t) {
    char key[16];
    int seen = 0;
    if (!nn_json_take(j, '{')) return false;
    do {
        if (!nn_json_string(j, key, sizeof key, NULL) || !nn_json_take(j, ':')) return false;
        int bit = nn_same(key, "dtype")          ? 1
                  : nn_same(key, "shape")        ? 2
                  : nn_same(key, "data_offsets") ? 4
                                                 : 0;
        if (bit == 0 || (seen & bit) != 0) return false;
        seen |= bit;
        if (!(bit == 1   ? nn_json_string(j, t->dtype, sizeof t->dtype, NULL)
              : bit == 2 ? shape(j, t)
                         : offsets(j, t)))
            return false;
    } while (nn_json_take(j, ','));
    return nn_json_take(j, '}') && seen == 7;
}

static nn_status entry(Header *h, const char *name) {
    nn_safetensor t = {.name = name};
    if (!members(&h->j, &t))
        return nn_fail(h->ctx, NN_DATA, "%s: not a valid safetensors file: the entry of %.200s is damaged",
                       h->path, name);
    uint64_t bytes = dtype_size(t.dtype);
    bool ok = bytes != 0;
    for (int d = 0; d < t.rank && ok; d++) ok = !__builtin_mul_overflow(bytes, t.dims[d], &bytes);
    if (!ok || t.begin > t.end || t.end > h->elements || t.end - t.begin != bytes)
        return nn_fail(h->ctx, NN_DATA,
                       "%s: not a valid safetensors file: type, shape and offsets of %.200s do not fit",
                       h->path, name);
    return h->visitor != NULL && h->visitor->tensor != NULL ? h->visitor->tensor(h->visitor->data, h->ctx, &t)
                                                            : NN_OK;
}

static nn_status entries(Header *h) {
    char name[NN_NAME_ROOM];
    bool described = false;
    if (nn_json_take(&h->j, '}')) return NN_OK;
    do {
        if (!nn_json_string(&h->j, name, sizeof name, NULL) || !nn_json_take(&h->j, ':'))
            return damaged(h, "its header is damaged");
        bool special = nn_same(name, "__metadata__");
        if (special && described) return damaged(h, "it has metadata twice");
        described = described || special;
        nn_status status = special ? metadata(h) : entry(h, name);
        if (status != NN_OK) return status;
    } while (nn_json_take(&h->j, ','));
    return nn_json_take(&h->j, '}') ? NN_OK : damaged(h, "its header is damaged");
}

nn_status nn_safetensors_parse(nn_context *ctx, const char *path, const unsigned char *bytes, uint64_t size,
                               const nn_safetensors_visitor *visitor, uint64_t *first) {
    Header h = {.ctx = ctx, .path = path, .visitor = visitor};
    if (size < 8) return damaged(&h, "it is shorter than 8 bytes");
    uint64_t length = 0;
    for (int k = 7; k >= 0; k--) length = length << 8 | bytes[k];
    if (length > NN_HEADER_LIMIT) return damaged(&h, "its header is longer than 100 MB");
    if (length > size - 8) return damaged(&h, "its header is cut off");
    h.elements = size - 8 - length;
    h.j = (nn_json){.at = (const char *)bytes + 8, .end = (const char *)bytes + 8 + length};
    if (length == 0 || *h.j.at != '{') return damaged(&h, "its header does not begin with {");
    h.j.at++;
    if (entries(&h) != NN_OK) return ctx->status;
    while (h.j.at < h.j.end && *h.j.at == ' ') h.j.at++;
    if (h.j.at != h.j.end) return damaged(&h, "something follows its header");
    if (first != NULL) *first = 8 + length;
    return NN_OK;
}
