// Arrays as columns: idx and npy files, also packed, and the members of npz files.
// Guarantees: what a program declares of an array is checked against its head before it is expanded.
#include "data/data.h"

typedef struct {
    const nn_loading *l;
    const char *path; // for messages
    unsigned char *bytes;
    uint64_t size;
    bool gzip, npz;
    nn_member member;
} Packed;

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
                         (long long)c->elements, nn_column_field(l, c), (long long)raw->elements);
}

// At most as many bytes, or one more.
static nn_status expand(const Packed *p, uint64_t limit, unsigned char **bytes, uint64_t *size) {
    return p->npz ? nn_npz_expand(p->l->ctx, p->path, &p->member, limit, bytes, size)
                  : nn_expand(p->l->ctx, p->path, p->bytes, p->size, limit, bytes, size);
}

// The head tells how much there is to expand. What is not packed stays where it is.
static nn_status read_array(const Packed *p, const nn_column *c, nn_array *a, nn_raw *raw) {
    nn_context *ctx = p->l->ctx;
    bool packed = p->gzip || (p->npz && p->member.deflated),
         idx = p->l->m->manifest->data.source == NN_FROM_IDX;
    unsigned char *bytes = p->npz ? (unsigned char *)(uintptr_t)p->member.bytes : p->bytes;
    uint64_t size = p->npz ? p->member.size : p->size;
    if (packed && expand(p, NN_HEAD_ROOM, &bytes, &size) != NN_OK) return ctx->status;
    if ((idx ? nn_idx_parse : nn_npy_parse)(ctx, p->path, bytes, size, a) != NN_OK ||
        check_shape(p->l, p->path, c, a, raw) != NN_OK)
        return ctx->status;
    raw->owned = p->bytes;
    if (packed) {
        nn_drop(ctx, bytes);
        if (expand(p, a->head + a->length, &bytes, &size) != NN_OK) return ctx->status;
        nn_drop(ctx, p->bytes);
        raw->owned = bytes;
    }
    return nn_array_take(ctx, p->path, a, bytes, size);
}

nn_status nn_array_column(const nn_loading *l, const nn_column *c, nn_raw *raw) {
    char path[NN_PATH_ROOM];
    nn_array a;
    Packed p = {.l = l, .npz = l->m->manifest->data.source == NN_FROM_NPZ};
    const char *key = p.npz ? nn_model_text(l->m, c->key) : "";
    if (nn_data_path(l->ctx, l->m, &l->data->request, nn_model_text(l->m, c->file), path) != NN_OK ||
        nn_file_map(l->ctx, path, &p.bytes, &p.size) != NN_OK ||
        (p.path = nn_path_kept(l->ctx, path, key)) == NULL)
        return l->ctx->status;
    p.gzip = !p.npz && nn_is_packed(path);
    if (p.npz && nn_npz_find(l->ctx, path, p.bytes, p.size, key, &p.member) != NN_OK) return l->ctx->status;
    if (read_array(&p, c, &a, raw) != NN_OK) return l->ctx->status;
    *raw = (nn_raw){.rows = raw->rows,
                    .elements = raw->elements,
                    .bytes = a.bytes,
                    .type = a.type,
                    .size = a.size,
                    .big_endian = a.big_endian,
                    .path = p.path,
                    .owned = raw->owned};
    return NN_OK;
}
