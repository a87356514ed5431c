// Files that are rows, as pictures and sounds are: the folder they lie in, and decoding all of them in
// several threads. Guarantees: the order of rows is that of the names' bytes; every file is decoded, and
// those that cannot be are named together.
#include "data/files.h"

#include "parallel/pool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

enum { DEEPEST = 16, NAMED = 20, MOST_THREADS = 64 };
static const uint64_t LARGEST = UINT64_C(1) << 30;

// ---- a folder ----

static bool has_ending(const char *name, const char *const *endings) {
    const char *dot = strrchr(name, '.');
    for (; dot != NULL && *endings != NULL; endings++)
        if (strcasecmp(dot + 1, *endings) == 0) return true;
    return false;
}

static char *joined(nn_context *ctx, const char *folder, const char *name) {
    size_t length = strlen(folder) + strlen(name) + 2;
    char *path = nn_get(ctx, length, 1);
    if (path != NULL) snprintf(path, length, "%s%s%s", folder, *folder == '\0' ? "" : "/", name);
    return path;
}

static nn_status add(nn_context *ctx, nn_folder *f, char *name) {
    if (f->count == INT32_MAX) return nn_fail(ctx, NN_DATA, "%s: more than %d files", f->path, INT32_MAX);
    if (f->count == f->room) {
        f->room = f->room == 0 ? 256 : f->room * 2;
        f->names = nn_grow(ctx, f->names, (uint64_t)f->room, sizeof *f->names);
        if (f->names == NULL) return ctx->status;
    }
    f->names[f->count++] = name;
    return NN_OK;
}

static nn_status list(nn_context *ctx, nn_folder *f, const char *below, const char *const *endings,
                      int depth);

// What a folder holds under a name: files are taken, folders looked into.
static nn_status take(nn_context *ctx, nn_folder *f, char *name, const char *const *endings, int depth) {
    struct stat st;
    char *path = joined(ctx, f->path, name);
    if (path == NULL) return ctx->status;
    bool known = stat(path, &st) == 0, listed = known && S_ISREG(st.st_mode) && has_ending(name, endings);
    nn_drop(ctx, path);
    if (known && S_ISDIR(st.st_mode)) return list(ctx, f, name, endings, depth + 1);
    if (listed || !known) return add(ctx, f, name); // what cannot be found is named with the unreadable ones
    if (f->left_out++ == 0) f->first_left_out = name;
    return NN_OK;
}

// `below`: the folder, as seen from the outermost one. Hidden files are nobody's.
static nn_status list(nn_context *ctx, nn_folder *f, const char *below, const char *const *endings,
                      int depth) {
    char *path = joined(ctx, f->path, below);
    if (path == NULL) return ctx->status;
    if (depth > DEEPEST)
        return nn_fail(ctx, NN_DATA, "%s: folders are nested more than %d deep", path, DEEPEST);
    DIR *folder = opendir(path);
    if (folder == NULL) return nn_file_failed(ctx, "open the folder", path);
    struct dirent *entry;
    while (ctx->status == NN_OK && (errno = 0, entry = readdir(folder)) != NULL) {
        if (entry->d_name[0] == '.') continue;
        char *name = joined(ctx, below, entry->d_name);
        if (name != NULL) take(ctx, f, name, endings, depth);
    }
    if (ctx->status == NN_OK && errno != 0) nn_file_failed(ctx, "read the folder", path);
    closedir(folder);
    nn_drop(ctx, path);
    return ctx->status;
}

static int compare(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

nn_status nn_folder_list(nn_context *ctx, const char *path, const char *const *endings, nn_folder *out) {
    *out = (nn_folder){.path = path};
    if (list(ctx, out, "", endings, 0) != NN_OK) return ctx->status;
    if (out->count > 0) qsort(out->names, (size_t)out->count, sizeof *out->names, compare);
    return NN_OK;
}

// ---- decoding ----

typedef struct {
    const nn_decoding *f;
    atomic_llong next, broken;
    char **why; // of each file: NULL, or why it cannot be read
} Decoding;

static const char no_memory[] = "there is no memory for it";

// The file's bytes in memory that grows with the largest.
static bool read_bytes(const char *path, unsigned char **bytes, uint64_t *room, uint64_t *size,
                       char why[NN_WHY_ROOM]) {
    struct stat st;
    int file = nn_system_open(path, O_RDONLY | O_NONBLOCK, 0); // what waits for a writer is no regular file
    bool opened = file >= 0 && fstat(file, &st) == 0, regular = opened && S_ISREG(st.st_mode);
    uint64_t used = 0, length = regular ? (uint64_t)st.st_size : 0;
    if (!opened)
        snprintf(why, NN_WHY_ROOM, "%s", strerror(errno));
    else if (!regular || length > LARGEST)
        snprintf(why, NN_WHY_ROOM, regular ? "the file is larger than 1 GB" : "no regular file");
    bool right = regular && length <= LARGEST;
    if (right && (*bytes == NULL || *room < length)) {
        nn_memory_give(*bytes);
        *room = length + length / 2;
        *bytes = nn_memory_take(*room);
        right = *bytes != NULL;
        if (!right) snprintf(why, NN_WHY_ROOM, no_memory);
    }
    int64_t n = 1;
    while (right && used < length && n > 0) {
        n = nn_system_read(file, *bytes + used, length - used);
        used += n > 0 ? (uint64_t)n : 0;
    }
    if (n < 0) snprintf(why, NN_WHY_ROOM, "%s", strerror(errno));
    if (file >= 0) nn_system_close(file);
    *size = used;
    return right && n >= 0;
}

static void *decode_some(void *data) {
    Decoding *d = data;
    const nn_decoding *f = d->f;
    unsigned char *bytes = NULL;
    uint64_t room = 0, size;
    for (int64_t k; (k = (int64_t)atomic_fetch_add(&d->next, 1)) < f->count;) {
        char why[NN_WHY_ROOM] = "";
        if (read_bytes(f->paths[k], &bytes, &room, &size, why) && f->decode(f->of, k, bytes, size, why))
            continue;
        atomic_fetch_add(&d->broken, 1);
        d->why[k] = nn_memory_take(NN_WHY_ROOM);
        if (d->why[k] != NULL) memcpy(d->why[k], why, NN_WHY_ROOM);
    }
    nn_memory_give(bytes);
    return NULL;
}

// Without the folder, which stands before them once.
static const char *short_name(const nn_decoding *f, const char *path) {
    size_t n = strlen(f->where);
    return strncmp(path, f->where, n) == 0 && path[n] == '/' ? path + n + 1 : path;
}

static nn_status report(nn_context *ctx, const nn_decoding *f, const Decoding *d, int64_t broken) {
    nn_text text;
    nn_text_begin(&text, ctx);
    int64_t named = 0;
    for (int64_t k = 0; k < f->count && named < NAMED; k++) {
        if (d->why[k] == NULL) continue;
        nn_text_format(&text, "\n  %s: %s", short_name(f, f->paths[k]), d->why[k]);
        named++;
    }
    char first[64] = "";
    if (named < broken) snprintf(first, sizeof first, " (here are %lld)", (long long)named);
    nn_status status = nn_fail(ctx, NN_DATA, "%s: %lld of %lld %s cannot be read%s:%s", f->where,
                               (long long)broken, (long long)f->count, f->what, first, text.bytes);
    nn_text_end(&text);
    return status;
}

nn_status nn_files_decode(nn_context *ctx, const nn_decoding *f) {
    Decoding d = {.f = f, .why = nn_get(ctx, (uint64_t)f->count, sizeof *d.why)};
    pthread_t threads[MOST_THREADS];
    int64_t wanted = f->threads < MOST_THREADS ? f->threads : MOST_THREADS, started = 1;
    if (d.why == NULL) return ctx->status;
    wanted = wanted < f->count ? wanted : f->count;
    while (started < wanted && nn_thread_start(&threads[started], decode_some, &d) == 0) started++;
    decode_some(&d);
    for (int64_t k = 1; k < started; k++) pthread_join(threads[k], NULL);
    int64_t broken = (int64_t)atomic_load(&d.broken);
    nn_status status = broken == 0 ? NN_OK : report(ctx, f, &d, broken);
    for (int64_t k = 0; k < f->count; k++) nn_memory_give(d.why[k]);
    nn_drop(ctx, d.why);
    return status;
}
