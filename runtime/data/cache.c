// Rows of a large csv file as they are used, kept in a file of their own (--cache DIR) for other runs, which
// map it and read the csv file no more. Guarantees: such a file belongs to one csv file (its path, size and
// time), one program and what it knew before it read; it stands under its name whole or not at all; one that
// is damaged, by its checksum, is read anew and replaced; what a killed run left half is swept away.
#include "data/data.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum { LARGE = 256 << 20, APART = 64, CHECK = sizeof(uint32_t), HOUR = 3600 };

typedef struct {
    char magic[8];
    uint64_t key, names, classes; // bytes of texts that follow
    uint64_t rows, columns;
} Head;

static const char magic[8] = "NNROWS2";

static uint64_t rounded(uint64_t bytes) { return (bytes + APART - 1) / APART * APART; }

static bool is_kept(const nn_loading *l, int part, uint32_t k) {
    return nn_column_wanted(l, &NN_TABLE(l->m, nn_column, columns)[k], part);
}

// Values alone are kept: no words, no files, no cells as they stand.
static bool only_values(const nn_loading *l, int part, uint64_t *count) {
    *count = 0;
    for (uint32_t k = 0; k < l->m->manifest->columns_count; k++) {
        int32_t kind = NN_TABLE(l->m, nn_column, columns)[k].kind;
        if (!is_kept(l, part, k)) continue;
        ++*count;
        if (kind != NN_COLUMN_NUMBER && kind != NN_COLUMN_TEXT_EQUALS && kind != NN_COLUMN_DATE) return false;
    }
    return true;
}

static bool is_class_field(const nn_loading *l, uint32_t f) {
    return NN_TABLE(l->m, nn_field, fields)[f].is_class != 0;
}

// The names of each class field, a line each.
static void put_classes(const nn_loading *l, nn_text *out) {
    for (uint32_t f = 0; f < l->m->manifest->fields_count; f++) {
        const nn_classes *c = &l->data->classes[f];
        for (int64_t k = 0; k < c->count && is_class_field(l, f); k++) {
            nn_text_add(out, k == 0 ? "[" : ",");
            nn_text_json(out, c->names[k], strlen(c->names[k]));
        }
        nn_text_add(out, c->count > 0 && is_class_field(l, f) ? "]\n" : "\n");
    }
}

static bool take_classes(const nn_loading *l, const char *text, uint64_t length) {
    nn_json j = {.at = text, .end = text + length};
    for (uint32_t f = 0; f < l->m->manifest->fields_count; f++) {
        nn_classes *c = &l->data->classes[f], found = {0};
        const char *stop = memchr(j.at, '\n', (size_t)(text + length - j.at));
        if (stop == NULL) return false;
        j.end = stop;
        uint64_t room = (uint64_t)(stop - j.at), n;
        char *name = c->count == 0 && room > 0 ? nn_get(l->ctx, room, 1) : NULL;
        found.names = name == NULL ? NULL : nn_get(l->ctx, room / 3 + 1, sizeof *found.names);
        bool more = found.names != NULL && nn_json_take(&j, '[');
        for (; more; more = nn_json_take(&j, ',')) {
            if (!nn_json_string(&j, name, room, &n)) return false;
            found.names[found.count++] = name;
            name += n + 1;
            room -= n + 1;
        }
        if (found.count > 0) *c = found;
        j.at = stop + 1;
    }
    return l->ctx->status == NN_OK;
}

// What the rows depend on, and the file's name by it.
static void find_name(const nn_loading *l, int part, const char *path, nn_cached *kept) {
    nn_text *key = &kept->key;
    const nn_data_request *r = &l->data->request;
    struct stat st;
    uint64_t count;
    char *whole =
        r->cache != NULL && stat(path, &st) == 0 && st.st_size >= LARGE ? realpath(path, NULL) : NULL;
    if (whole == NULL || !only_values(l, part, &count) || count == 0) {
        free(whole);
        return;
    }
    nn_text_format(key, "%s\n%s\n%lld %lld.%09ld\n%d %d %d %d\n%s\n",
                   nn_model_text(l->m, l->m->manifest->digest), whole, (long long)st.st_size,
                   (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec, part, r->all_rows, r->inputs_only,
                   r->every_field, l->data->header == NULL ? "" : l->data->header);
    put_classes(l, key);
    free(whole);
    uint32_t low = nn_crc32c(0, key->bytes, key->length), high = nn_crc32c(low, key->bytes, key->length);
    if (snprintf(kept->name, NN_PATH_ROOM, "%s/%08x%08x.rows", r->cache, high, low) >= NN_PATH_ROOM)
        kept->name[0] = '\0';
}

// ---- reading ----

static uint64_t whole_size(const nn_loading *l, int part, const Head *h) {
    uint64_t bytes = rounded(sizeof *h + h->key + h->names + h->classes) + rounded(h->rows * 4);
    for (uint32_t k = 0; k < l->m->manifest->columns_count; k++)
        if (is_kept(l, part, k))
            bytes += rounded(h->rows * 8 * (uint64_t)NN_TABLE(l->m, nn_column, columns)[k].elements);
    return bytes + CHECK;
}

static bool fits(const nn_loading *l, int part, const unsigned char *bytes, uint64_t size,
                 const nn_text *key) {
    Head h;
    uint64_t columns;
    if (size < sizeof h) return false;
    memcpy(&h, bytes, sizeof h);
    only_values(l, part, &columns);
    bool right = memcmp(h.magic, magic, sizeof magic) == 0 && h.rows > 0 && h.rows <= INT32_MAX &&
                 h.columns == columns && h.key == key->length && h.names < size && h.classes < size &&
                 h.key <= size - sizeof h && memcmp(bytes + sizeof h, key->bytes, key->length) == 0;
    if (!right || whole_size(l, part, &h) != size) return false;
    uint32_t check = nn_crc32c(0, bytes, size - CHECK);
    return memcmp(&check, bytes + size - CHECK, CHECK) == 0;
}

static nn_status take_rows(const nn_loading *l, int part, const unsigned char *bytes, const char *path) {
    Head h;
    memcpy(&h, bytes, sizeof h);
    const char *names = (const char *)bytes + sizeof h + h.key;
    uint32_t *lines = nn_get(l->ctx, h.rows, sizeof *lines);
    char *header = h.names > 0 ? nn_get(l->ctx, h.names + 1, 1) : NULL,
         *kept = nn_path_kept(l->ctx, path, "");
    if (l->ctx->status != NN_OK) return l->ctx->status;
    if (!take_classes(l, names + h.names, h.classes))
        return nn_fail(l->ctx, NN_DATA, "the rows that are kept of %s are damaged: remove those in %s", path,
                       l->data->request.cache);
    if (l->data->header == NULL && header != NULL) l->data->header = memcpy(header, names, (size_t)h.names);
    const unsigned char *at = bytes + rounded(sizeof h + h.key + h.names + h.classes);
    memcpy(lines, at, (size_t)h.rows * sizeof *lines);
    at += rounded(h.rows * 4);
    for (uint32_t k = 0; k < l->m->manifest->columns_count; k++) {
        const nn_column *c = &NN_TABLE(l->m, nn_column, columns)[k];
        if (!is_kept(l, part, k)) continue;
        l->raws[k] = (nn_raw){.rows = (int64_t)h.rows,
                              .elements = c->elements,
                              .bytes = at,
                              .type = 'f',
                              .size = 8,
                              .path = kept,
                              .lines = lines};
        at += rounded(h.rows * 8 * (uint64_t)c->elements);
    }
    return NN_OK;
}

static void tell(const nn_loading *l, const char *path, const char *what) {
    char text[NN_PATH_ROOM];
    if (l->data->request.message == NULL) return;
    snprintf(text, sizeof text, "the rows of %.1500s %s %.1500s", path, what, l->data->request.cache);
    l->data->request.message("note", text);
}

nn_status nn_cache_find(const nn_loading *l, int part, const char *path, nn_cached *kept) {
    unsigned char *bytes;
    uint64_t size;
    kept->found = false;
    kept->name[0] = '\0';
    nn_text_begin(&kept->key, l->ctx);
    find_name(l, part, path, kept);
    if (kept->name[0] == '\0' || !nn_file_is_regular(kept->name)) return l->ctx->status;
    if (nn_file_map(l->ctx, kept->name, &bytes, &size) != NN_OK) return l->ctx->status;
    kept->found = fits(l, part, bytes, size, &kept->key);
    if (!kept->found) nn_drop(l->ctx, bytes);
    if (kept->found && take_rows(l, part, bytes, path) == NN_OK) tell(l, path, "are those that are kept in");
    return l->ctx->status;
}

// ---- writing ----

typedef struct {
    const nn_loading *l;
    int part;
    const nn_text *key;
    uint32_t check; // of what has been written
} Keeping;

static void put(Keeping *k, nn_sink *sink, const void *bytes, uint64_t count) {
    k->check = nn_crc32c(k->check, bytes, count);
    nn_sink_put(sink, bytes, count);
}

// Zeros behind so many bytes, up to where the next ones begin.
static void put_apart(Keeping *k, nn_sink *sink, uint64_t count) {
    static const char zeros[APART];
    put(k, sink, zeros, rounded(count) - count);
}

static void put_rounded(Keeping *k, nn_sink *sink, const void *bytes, uint64_t count) {
    put(k, sink, bytes, count);
    put_apart(k, sink, count);
}

static nn_status put_rows(void *data, nn_sink *sink) {
    Keeping *k = data;
    const nn_loading *l = k->l;
    const char *names = l->data->header == NULL ? "" : l->data->header;
    const nn_raw *any = NULL;
    nn_text texts;
    Head h = {.key = k->key->length, .names = strlen(names)};
    memcpy(h.magic, magic, sizeof magic);
    only_values(l, k->part, &h.columns);
    for (uint32_t c = 0; c < l->m->manifest->columns_count; c++)
        if (is_kept(l, k->part, c)) any = &l->raws[c];
    nn_text_begin(&texts, l->ctx);
    nn_text_bytes(&texts, k->key->bytes, k->key->length);
    nn_text_add(&texts, names);
    uint64_t before = texts.length;
    put_classes(l, &texts);
    h.classes = texts.length - before;
    h.rows = (uint64_t)any->rows;
    put(k, sink, &h, sizeof h);
    put(k, sink, texts.bytes, texts.length);
    put_apart(k, sink, sizeof h + texts.length);
    put_rounded(k, sink, any->lines, h.rows * 4);
    for (uint32_t c = 0; c < l->m->manifest->columns_count; c++)
        if (is_kept(l, k->part, c))
            put_rounded(k, sink, l->raws[c].bytes, h.rows * 8 * (uint64_t)l->raws[c].elements);
    nn_sink_put(sink, &k->check, CHECK);
    nn_text_end(&texts);
    return l->ctx->status;
}

// Files that killed runs were writing; those of an hour may be another run's, which still writes.
static void sweep(const char *folder) {
    DIR *d = opendir(folder);
    for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
        char path[NN_PATH_ROOM];
        struct stat st;
        if (strstr(e->d_name, ".rows" NN_FRESH "-") != NULL &&
            snprintf(path, sizeof path, "%s/%s", folder, e->d_name) < NN_PATH_ROOM && lstat(path, &st) == 0 &&
            S_ISREG(st.st_mode) && st.st_mtime < time(NULL) - HOUR)
            nn_system_remove(path);
    }
    if (d != NULL) closedir(d);
}

nn_status nn_cache_keep(const nn_loading *l, int part, const char *path, const nn_cached *kept) {
    Keeping k = {l, part, &kept->key, 0};
    if (kept->name[0] != '\0') sweep(l->data->request.cache);
    if (kept->name[0] == '\0' || nn_file_replace(l->ctx, kept->name, put_rows, &k) != NN_OK)
        return l->ctx->status;
    tell(l, path, "are kept for other runs in");
    return NN_OK;
}
