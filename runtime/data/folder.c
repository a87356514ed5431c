// Files as rows: all of a folder that holds some kind of them, or those that a column of a csv file names.
// Guarantees: a row's class is the outermost folder that its file lies in; what lies in the folder and is of
// another kind is told; each file is decoded before anything else is done.
#include "data/data.h"

#include <stdio.h>
#include <string.h>

static void tell_left_out(const nn_loading *l, const nn_folder *f, const char *endings) {
    char text[NN_PATH_ROOM];
    if (f->left_out == 0 || l->data->request.message == NULL) return;
    snprintf(text, sizeof text, "%.1000s: %lld %s left out, as no name ends in %s (the first is %.200s)",
             f->path, (long long)f->left_out, f->left_out == 1 ? "file is" : "files are", endings,
             f->first_left_out);
    l->data->request.message("warning", text);
}

static nn_status list_files(const nn_loading *l, const nn_media *media, const char *path, nn_folder *f) {
    const char *slash = strrchr(path, '/');
    if (!nn_file_is_directory(path)) { // one file alone
        *f = (nn_folder){.path = path, .names = nn_get(l->ctx, 1, sizeof *f->names), .count = 1};
        if (f->names != NULL) f->names[0] = (char *)(uintptr_t)(slash == NULL ? path : slash + 1);
        return l->ctx->status;
    }
    if (nn_folder_list(l->ctx, path, media->endings, f) != NN_OK) return l->ctx->status;
    tell_left_out(l, f, media->named);
    return f->count > 0 ? NN_OK
                        : nn_fail(l->ctx, NN_DATA, "%s: no %s (%s files)", path, media->what, media->named);
}

static const char **full_paths(const nn_loading *l, const nn_folder *f) {
    const char **paths = nn_get(l->ctx, (uint64_t)f->count, sizeof *paths);
    bool folder = nn_file_is_directory(f->path);
    for (int64_t k = 0; k < f->count && paths != NULL; k++) {
        size_t room = strlen(f->path) + strlen(f->names[k]) + 2;
        char *path = folder ? nn_get(l->ctx, room, 1) : NULL;
        if (folder && path == NULL) return NULL;
        if (folder) snprintf(path, room, "%s/%s", f->path, f->names[k]);
        paths[k] = folder ? path : f->path;
    }
    return paths;
}

// Of each file a text: the outermost folder that it lies in, or the name itself.
static nn_cell *texts_of(const nn_loading *l, const nn_folder *f, bool folders) {
    nn_cell *cells = nn_get(l->ctx, (uint64_t)f->count, sizeof *cells);
    for (int64_t k = 0; k < f->count && cells != NULL; k++) {
        const char *name = f->names[k], *slash = strchr(name, '/');
        if (folders && slash == NULL) {
            nn_fail(l->ctx, NN_DATA, "%s: %s lies in no folder of its class: it should be %s/CLASS/%s",
                    f->path, name, f->path, name);
            return NULL;
        }
        cells[k] = (nn_cell){name, (uint32_t)(folders ? (size_t)(slash - name) : strlen(name)), 0};
    }
    return cells;
}

static nn_status folder_column(const nn_loading *l, const nn_column *c, const nn_folder *f, nn_raw *raw) {
    nn_csv csv = {.path = f->path, .rows = f->count};
    nn_csv_want w = {.count = 1, .texts = true, .exact = true, .cells = texts_of(l, f, true)};
    if (w.cells == NULL || nn_csv_texts(l, c, &csv, &w) != NN_OK) return l->ctx->status;
    *raw = (nn_raw){.rows = f->count,
                    .elements = 1,
                    .bytes = (const unsigned char *)w.values,
                    .type = 'f',
                    .size = 8,
                    .path = f->path,
                    .owned = w.values};
    nn_drop(l->ctx, w.cells);
    return NN_OK;
}

typedef struct {
    const nn_media *media;
    const nn_model *m;
    const nn_column *c;
    unsigned char *rows;
} Reading;

static bool decode(void *of, int64_t k, const unsigned char *bytes, uint64_t size, char why[NN_WHY_ROOM]) {
    const Reading *r = of;
    return r->media->decode(r->m, r->c, bytes, size, r->rows + k * r->c->elements * r->media->size, why);
}

// `where`: the folder or file that names them, in messages.
static nn_status read_files(const nn_loading *l, const nn_media *media, const nn_column *c,
                            const char *const *paths, int64_t count, const char *where, nn_raw *raw) {
    Reading r = {media, l->m, c, nn_get(l->ctx, (uint64_t)count, (uint64_t)(c->elements * media->size))};
    nn_decoding files = {.what = media->what,
                         .where = where,
                         .paths = paths,
                         .count = count,
                         .threads = l->data->request.threads,
                         .decode = decode,
                         .of = &r};
    if (r.rows == NULL || nn_files_decode(l->ctx, &files) != NN_OK) return l->ctx->status;
    *raw = (nn_raw){.rows = count,
                    .elements = c->elements,
                    .bytes = r.rows,
                    .type = media->type,
                    .size = media->size,
                    .path = where,
                    .files = paths,
                    .owned = r.rows};
    return NN_OK;
}

nn_status nn_folder_rows(const nn_loading *l, const nn_media *media, int part, int64_t *rows) {
    const nn_manifest *mf = l->m->manifest;
    const nn_column *columns = NN_TABLE(l->m, nn_column, columns);
    char path[NN_PATH_ROOM], *kept;
    nn_folder f;
    if (nn_data_path(l->ctx, l->m, &l->data->request, nn_part_file(l, part, NULL), path) != NN_OK ||
        (kept = nn_get(l->ctx, strlen(path) + 1, 1)) == NULL)
        return l->ctx->status;
    size_t length = strlen(strcpy(kept, path));
    while (length > 1 && kept[length - 1] == '/') kept[--length] = '\0';
    const char **paths = list_files(l, media, kept, &f) == NN_OK ? full_paths(l, &f) : NULL;
    if (paths == NULL) return l->ctx->status;
    *rows = f.count;
    for (uint32_t k = 0; k < mf->columns_count; k++) {
        const nn_column *c = &columns[k];
        if (!nn_column_wanted(l, c, part)) continue;
        if (c->kind == NN_COLUMN_CARRIED) {
            l->data->carried[k] = texts_of(l, &f, false);
            l->raws[k].rows = f.count;
            l->raws[k].path = kept;
        } else if (c->kind == media->kind) {
            read_files(l, media, c, paths, f.count, kept, &l->raws[k]);
        } else {
            folder_column(l, c, &f, &l->raws[k]);
        }
        if (l->ctx->status != NN_OK) return l->ctx->status;
    }
    return NN_OK;
}

// Beside the file that names them, where they have no place of their own.
nn_status nn_cell_rows(const nn_loading *l, const nn_media *media, const nn_column *c, const nn_csv *csv,
                       const nn_csv_want *w, nn_raw *raw) {
    const char *slash = strrchr(csv->path, '/');
    int folder = slash == NULL ? 0 : (int)(slash - csv->path) + 1;
    const char **paths = nn_get(l->ctx, (uint64_t)csv->rows, sizeof *paths);
    for (int64_t k = 0; k < csv->rows && paths != NULL; k++) {
        const nn_cell *cell = &w->cells[k];
        if (nn_csv_missing(cell->text, cell->length))
            return nn_cell_fail(l->ctx, csv, k, cell, "the path of a file", "");
        int before = cell->text[0] == '/' ? 0 : folder;
        size_t room = (size_t)before + cell->length + 1;
        char *path = nn_get(l->ctx, room, 1);
        if (path == NULL) return l->ctx->status;
        snprintf(path, room, "%.*s%.*s", before, csv->path, (int)cell->length, cell->text);
        paths[k] = path;
    }
    if (paths == NULL || read_files(l, media, c, paths, csv->rows, csv->path, raw) != NN_OK)
        return l->ctx->status;
    raw->lines = csv->lines;
    return NN_OK;
}
