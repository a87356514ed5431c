// CIFAR-10 and CIFAR-100 in their binary form: records of a label (or of a coarse one and a fine one) and a
// picture of 32 by 32, its red, green and blue one after another. A file, all of a folder that end in .bin,
// or those whose names a pattern takes, such as data_batch_*.bin. Guarantees: a file that is no whole number
// of records is a message, and none of its rows is used.
#include "data/data.h"
#include "data/files.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

enum { PIXELS = 32 * 32, COLOURS = 3 };

typedef struct {
    const char *path;
    unsigned char *bytes;
    int64_t rows;
} Batch;

typedef struct {
    const nn_loading *l;
    Batch *batches;
    int64_t count, rows;
    int labels;
} Reader;

static int64_t record_size(const Reader *r) { return r->labels + PIXELS * COLOURS; }

nn_status nn_cifar_count(nn_context *ctx, const char *path, int labels, uint64_t size, int64_t *rows) {
    uint64_t record = (uint64_t)(labels + PIXELS * COLOURS),
             other = (uint64_t)(3 - labels + PIXELS * COLOURS);
    char hint[80] = "";
    if (size % other == 0) snprintf(hint, sizeof hint, "; cifar(..., labels = %d) reads it", 3 - labels);
    if (size == 0 || size % record != 0)
        return nn_fail(ctx, NN_DATA, "%s: expected pictures of %llu bytes each, found %llu bytes%s", path,
                       (unsigned long long)record, (unsigned long long)size, size == 0 ? "" : hint);
    *rows = (int64_t)(size / record);
    return NN_OK;
}

static nn_status read_batch(Reader *r, const char *path) {
    nn_context *ctx = r->l->ctx;
    uint64_t size;
    Batch *b = &r->batches[r->count++];
    if ((b->path = nn_path_kept(ctx, path, "")) == NULL ||
        nn_file_map(ctx, path, &b->bytes, &size) != NN_OK ||
        nn_cifar_count(ctx, path, r->labels, size, &b->rows) != NN_OK)
        return ctx->status;
    r->rows += b->rows;
    return r->rows <= INT32_MAX ? NN_OK : nn_fail(ctx, NN_DATA, "%s: more than %d rows", path, INT32_MAX);
}

// Those of a folder, in the order of their names' bytes; `pattern` NULL: all.
static nn_status read_folder(Reader *r, const char *path, const char *pattern) {
    static const char *const endings[] = {"bin", NULL};
    nn_context *ctx = r->l->ctx;
    nn_folder f;
    if (nn_folder_list(ctx, path, endings, &f) != NN_OK) return ctx->status;
    r->batches = nn_get(ctx, (uint64_t)f.count, sizeof *r->batches);
    for (int64_t k = 0; k < f.count && r->batches != NULL; k++) {
        char name[NN_PATH_ROOM];
        if (pattern != NULL && fnmatch(pattern, f.names[k], FNM_PATHNAME) != 0) continue;
        if (snprintf(name, sizeof name, "%s/%s", path, f.names[k]) >= (int)sizeof name)
            return nn_fail(ctx, NN_FILE, "the path %.64s... is too long", name);
        if (read_batch(r, name) != NN_OK) return ctx->status;
    }
    return ctx->status != NN_OK || r->count > 0 ? ctx->status
                                                : nn_fail(ctx, NN_DATA, "%s: no files %s", path,
                                                          pattern == NULL ? "that end in .bin" : pattern);
}

static nn_status read_batches(Reader *r, const char *file) {
    const nn_loading *l = r->l;
    const nn_data_request *request = &l->data->request;
    const char *slash = strrchr(file, '/'), *name = slash == NULL ? file : slash + 1;
    char path[NN_PATH_ROOM], folder[NN_PATH_ROOM];
    bool one = request->path != NULL && !nn_file_is_directory(request->path);
    const char *pattern = !one && strchr(name, '*') != NULL ? name : NULL;
    snprintf(folder, sizeof folder, "%.*s", slash == NULL ? 1 : (int)(slash - file),
             slash == NULL ? "." : file);
    if (nn_data_path(l->ctx, l->m, request, pattern == NULL ? file : folder, path) != NN_OK)
        return l->ctx->status;
    if (nn_file_is_directory(path)) return read_folder(r, path, pattern);
    r->batches = nn_get(l->ctx, 1, sizeof *r->batches);
    return r->batches == NULL ? l->ctx->status : read_batch(r, path);
}

// Colours stand together in a row; grey is what it is of every picture.
void nn_cifar_put(const unsigned char *planes, bool grey, unsigned char *row) {
    for (int k = 0; k < PIXELS; k++) {
        int red = planes[k], green = planes[PIXELS + k], blue = planes[2 * PIXELS + k];
        if (grey) {
            row[k] = (unsigned char)((19595 * red + 38470 * green + 7471 * blue + 32768) >> 16);
        } else {
            row[COLOURS * k] = (unsigned char)red;
            row[COLOURS * k + 1] = (unsigned char)green;
            row[COLOURS * k + 2] = (unsigned char)blue;
        }
    }
}

static nn_status take_column(const Reader *r, const nn_column *c, nn_raw *raw) {
    nn_context *ctx = r->l->ctx;
    bool picture = c->kind == NN_COLUMN_PIXELS;
    int label = c->kind == NN_COLUMN_COARSE ? 0 : r->labels - 1;
    if (c->kind == NN_COLUMN_COARSE && r->labels == 1)
        return nn_fail(ctx, NN_DATA,
                       "%s: pictures with one label have no coarse one (field %s): cifar(..., labels = 2)",
                       r->batches->path, nn_column_field(r->l, c));
    int64_t elements = picture ? c->elements : 1;
    unsigned char *rows = nn_get(ctx, (uint64_t)r->rows, (uint64_t)elements), *to = rows;
    if (rows == NULL) return ctx->status;
    for (int64_t b = 0; b < r->count; b++) {
        const unsigned char *from = r->batches[b].bytes;
        for (int64_t k = 0; k < r->batches[b].rows; k++, from += record_size(r), to += elements) {
            if (picture)
                nn_cifar_put(from + r->labels, elements == PIXELS, to);
            else
                *to = from[label];
        }
    }
    *raw = (nn_raw){.rows = r->rows,
                    .elements = elements,
                    .bytes = rows,
                    .type = 'u',
                    .size = 1,
                    .path = r->batches->path,
                    .owned = rows};
    return NN_OK;
}

nn_status nn_cifar_rows(const nn_loading *l, int part) {
    const nn_column *columns = NN_TABLE(l->m, nn_column, columns);
    Reader r = {.l = l, .labels = l->m->manifest->data.detail};
    if (read_batches(&r, nn_part_file(l, part, NULL)) != NN_OK) return l->ctx->status;
    for (uint32_t k = 0; k < l->m->manifest->columns_count; k++)
        if (nn_column_wanted(l, &columns[k], part) && take_column(&r, &columns[k], &l->raws[k]) != NN_OK)
            return l->ctx->status;
    for (int64_t b = 0; b < r.count; b++) nn_drop(l->ctx, r.batches[b].bytes);
    nn_drop(l->ctx, r.batches);
    return NN_OK;
}
