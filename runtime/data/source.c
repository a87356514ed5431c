// The files of a data block: which part reads which, and their bytes, expanded where they are packed.
// Guarantees: of a packed file no more is expanded than it may have.
#include "data/data.h"

#include <stdio.h>
#include <string.h>

// What a packed text may expand to: so many times its size, and this at least.
enum { TEXT_RATIO = 100, TEXT_LIMIT = 64 << 20 };

bool nn_is_packed(const char *path) {
    size_t n = strlen(path);
    return n >= 3 && nn_same(path + n - 3, ".gz");
}

nn_status nn_expand(nn_context *ctx, const char *path, const unsigned char *packed, uint64_t packed_size,
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
    if (nn_file_map(ctx, path, bytes, size) != NN_OK || !nn_is_packed(path)) return ctx->status;
    unsigned char *packed = *bytes;
    uint64_t limit = *size > TEXT_LIMIT / TEXT_RATIO ? *size * TEXT_RATIO : TEXT_LIMIT;
    nn_status status = nn_expand(ctx, path, packed, *size, limit, bytes, size);
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

const char *nn_part_file(const nn_loading *l, int part, const char **key) {
    const nn_column *columns = NN_TABLE(l->m, nn_column, columns);
    uint32_t file = l->m->manifest->data.file, own = 0;
    for (uint32_t k = 0; k < l->m->manifest->columns_count; k++) {
        if (columns[k].part != part || columns[k].file == 0) continue;
        file = columns[k].file;
        own = columns[k].key;
    }
    if (key != NULL) *key = own == 0 ? NULL : nn_model_text(l->m, own);
    return nn_model_text(l->m, file);
}

char *nn_path_kept(nn_context *ctx, const char *path, const char *key) {
    size_t room = strlen(path) + strlen(key) + 4;
    char *kept = nn_get(ctx, room, 1);
    if (kept != NULL) snprintf(kept, room, *key == '\0' ? "%s" : "%s: %s", path, key);
    return kept;
}
