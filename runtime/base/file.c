// Files as wholes: reading into memory, replacing atomically. All writing of the runtime goes through sinks.
// Guarantees: a file that is replaced is the old or the new one, whole, after a crash at any point.
#include "base/runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

nn_status nn_file_failed(nn_context *ctx, const char *what, const char *path) {
    return nn_fail(ctx, NN_FILE, "cannot %s %s: %s", what, path, strerror(errno));
}

static nn_status too_long(nn_context *ctx, const char *path) {
    return nn_fail(ctx, NN_FILE, "the path %.64s... is too long", path);
}

bool nn_write_all(int file, const void *bytes, uint64_t count) {
    const unsigned char *from = bytes;
    for (uint64_t done = 0; done < count;) {
        int64_t n = nn_system_write(file, from + done, count - done);
        if (n == 0) errno = EIO;
        if (n <= 0) return false;
        done += (uint64_t)n;
    }
    return true;
}

// A file that is as long as it says takes no more memory than itself.
nn_status nn_file_read_all(nn_context *ctx, int file, const char *path, unsigned char **bytes,
                           uint64_t *size) {
    struct stat st;
    uint64_t room = fstat(file, &st) == 0 && st.st_size > 0 ? (uint64_t)st.st_size + 2 : 65536, used = 0;
    unsigned char *b = nn_get(ctx, room, 1);
    for (int64_t n = 1; b != NULL && n > 0; used += (uint64_t)n) {
        if (used + 1 == room && (b = nn_grow(ctx, b, room *= 2, 1)) == NULL) break;
        n = nn_system_read(file, b + used, room - used - 1);
        if (n < 0) return nn_file_failed(ctx, "read", path);
    }
    if (b == NULL) return ctx->status;
    b[used] = '\0';
    *bytes = b;
    *size = used;
    return NN_OK;
}

nn_status nn_file_read(nn_context *ctx, const char *path, unsigned char **bytes, uint64_t *size) {
    struct stat st;
    int file = nn_system_open(path, O_RDONLY, 0);
    if (file < 0) return nn_file_failed(ctx, "open", path);
    // Devices may have no end.
    bool known = fstat(file, &st) == 0, device = known && (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode));
    nn_status status = known && !device && !S_ISDIR(st.st_mode)
                           ? nn_file_read_all(ctx, file, path, bytes, size)
                           : nn_fail(ctx, NN_FILE, "%s %s", path,
                                     device  ? "is a device"
                                     : known ? "is a directory"
                                             : "cannot be read");
    nn_system_close(file);
    return status;
}

nn_status nn_file_map(nn_context *ctx, const char *path, unsigned char **bytes, uint64_t *size) {
    enum { LARGE = 1 << 20 };
    struct stat st;
    int file = nn_system_open(path, O_RDONLY | O_NONBLOCK, 0);
    bool large = file >= 0 && fstat(file, &st) == 0 && S_ISREG(st.st_mode) && st.st_size >= LARGE;
    if (large) *bytes = nn_get_mapped(ctx, file, *size = (uint64_t)st.st_size, false);
    if (file >= 0) nn_system_close(file);
    return large ? ctx->status : nn_file_read(ctx, path, bytes, size);
}

nn_status nn_file_copy(nn_context *ctx, const char *path, unsigned char **bytes, uint64_t *size) {
    struct stat st;
    int file = nn_system_open(path, O_RDONLY | O_NONBLOCK, 0);
    if (file < 0) return nn_file_failed(ctx, "open", path);
    void *at = MAP_FAILED;
    bool known = fstat(file, &st) == 0 && S_ISREG(st.st_mode);
    *size = known ? (uint64_t)st.st_size : 0;
    if (known) at = mmap(NULL, (size_t)*size + 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uint64_t used = 0;
    for (int64_t n = 1; at != MAP_FAILED && n > 0 && used < *size; used += n > 0 ? (uint64_t)n : 0)
        n = nn_system_read(file, (unsigned char *)at + used, *size - used);
    nn_system_close(file);
    *bytes = at;
    if (known && at == MAP_FAILED) return nn_fail(ctx, NN_MEMORY, "out of memory reading %s", path);
    if (known && used == *size) return NN_OK;
    if (known) nn_file_drop(at, *size);
    return nn_fail(ctx, NN_FILE, "cannot read %s", path);
}

void nn_file_drop(unsigned char *bytes, uint64_t size) { munmap(bytes, (size_t)size + 1); }

// After a call that looks at a path. What cannot be looked at may be there: opening it says why not.
static bool is_missing(void) { return errno == ENOENT || errno == ENOTDIR || errno == ENAMETOOLONG; }

bool nn_file_exists(const char *path) { return access(path, F_OK) == 0 || !is_missing(); }

bool nn_file_is_directory(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

bool nn_file_is_regular(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

struct nn_input {
    dev_t device;
    ino_t number;
    struct nn_input *next;
};

static bool is_input(const nn_context *ctx, const struct stat *st) {
    const struct nn_input *in = ctx->inputs;
    while (in != NULL && (in->device != st->st_dev || in->number != st->st_ino)) in = in->next;
    return in != NULL;
}

nn_status nn_input_add(nn_context *ctx, const char *path) {
    struct stat st;
    if (stat(path, &st) != 0 || is_input(ctx, &st)) return NN_OK;
    struct nn_input *in = nn_get(ctx, 1, sizeof *in);
    if (in == NULL) return ctx->status;
    *in = (struct nn_input){st.st_dev, st.st_ino, ctx->inputs};
    ctx->inputs = in;
    return NN_OK;
}

nn_status nn_input_spare(nn_context *ctx, const char *path) {
    struct stat st;
    if (stat(path, &st) != 0 || !is_input(ctx, &st)) return NN_OK;
    return nn_fail(ctx, NN_USAGE, "%s is read here, and would be written over: name another one", path);
}

nn_status nn_file_directory(nn_context *ctx, const char *path) {
    char part[NN_PATH_ROOM];
    size_t length = strlen(path);
    if (length >= sizeof part) return too_long(ctx, path);
    for (size_t i = 1; i <= length; i++) {
        if (path[i] != '/' && path[i] != '\0') continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, 0777) != 0 && errno != EEXIST) return nn_file_failed(ctx, "make the directory", part);
    }
    if (!nn_file_is_directory(path)) return nn_fail(ctx, NN_FILE, "%s is not a directory", path);
    return NN_OK;
}

void nn_sink_file(nn_sink *sink, int file) {
    memset(sink, 0, offsetof(nn_sink, buffer));
    sink->file = file;
}

void nn_sink_memory(nn_sink *sink, void *memory, uint64_t room) {
    nn_sink_file(sink, -1);
    sink->memory = memory;
    sink->room = room;
}

void nn_sink_sum(nn_sink *sink) {
    nn_sink_file(sink, -1);
    sink->summed = true;
}

bool nn_sink_flush(nn_sink *sink) {
    if (sink->error == 0 && sink->file >= 0 && !nn_write_all(sink->file, sink->buffer, sink->used))
        sink->error = errno;
    sink->used = 0;
    errno = sink->error;
    return sink->error == 0;
}

void nn_sink_put(nn_sink *sink, const void *bytes, uint64_t count) {
    const unsigned char *from = bytes;
    sink->count += count;
    if (sink->summed) sink->crc = nn_crc32c(sink->crc, bytes, count);
    if (sink->file < 0) {
        if (sink->memory != NULL && sink->count <= sink->room)
            memcpy(sink->memory + sink->count - count, from, (size_t)count);
        return;
    }
    while (count > 0) {
        uint64_t part = NN_SINK_ROOM - sink->used;
        part = part < count ? part : count;
        memcpy(sink->buffer + sink->used, from, (size_t)part);
        sink->used += part;
        from += part;
        count -= part;
        if (sink->used == NN_SINK_ROOM && !nn_sink_flush(sink)) return;
    }
}

void nn_sink_text(nn_sink *sink, const char *s) { nn_sink_put(sink, s, strlen(s)); }

void nn_sink_format(nn_sink *sink, const char *format, ...) {
    char text[128];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    nn_sink_text(sink, text);
}

bool nn_file_parent(const char *path, char out[NN_PATH_ROOM]) {
    const char *slash = strrchr(path, '/');
    int length = slash == NULL ? 0 : (int)(slash + 1 - path);
    return snprintf(out, NN_PATH_ROOM, "%.*s.", length, path) < NN_PATH_ROOM;
}

nn_status nn_file_sync_directory(nn_context *ctx, const char *path) {
    char directory[NN_PATH_ROOM];
    if (!nn_file_parent(path, directory)) return too_long(ctx, path);
    int file = nn_system_open(directory, O_RDONLY | O_DIRECTORY, 0);
    if (file < 0) return nn_file_failed(ctx, "open the directory of", path);
    // Some file systems cannot sync a directory and say EINVAL; there is nothing more to be done on those.
    nn_status status = nn_system_sync(file) == 0 || errno == EINVAL
                           ? NN_OK
                           : nn_file_failed(ctx, "write the directory of", path);
    nn_system_close(file);
    return status;
}

static nn_status prepare(nn_context *ctx, int file, const char *fresh, const char *path, nn_fill *fill,
                         void *data) {
    nn_sink sink;
    if (file < 0) return nn_file_failed(ctx, "write", path);
    nn_sink_file(&sink, file);
    nn_status status = fill(data, &sink);
    if (status != NN_OK)
        status = nn_fail(ctx, status, "cannot write %s", path);
    else if (!nn_sink_flush(&sink) || nn_system_sync(file) != 0)
        status = nn_file_failed(ctx, "write", path);
    if (nn_system_close(file) != 0 && status == NN_OK) status = nn_file_failed(ctx, "write", path);
    if (status != NN_OK) nn_system_remove(fresh);
    return status;
}

nn_status nn_file_replaceable(nn_context *ctx, const char *path) {
    struct stat st;
    if (stat(path, &st) != 0) return is_missing() ? NN_OK : nn_file_failed(ctx, "write", path);
    if (S_ISREG(st.st_mode)) return NN_OK;
    return nn_fail(ctx, NN_FILE, "cannot write %s: it is a %s", path,
                   S_ISDIR(st.st_mode) ? "directory" : "device");
}

// Whatever stands under the fresh name, a link too, is not followed.
int nn_file_create(const char *fresh) {
    return nn_system_open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_APPEND, 0666);
}

nn_status nn_file_prepare(nn_context *ctx, const char *fresh, const char *path, nn_fill *fill, void *data) {
    if (nn_file_replaceable(ctx, path) != NN_OK) return ctx->status;
    nn_system_remove(fresh);
    return prepare(ctx, nn_file_create(fresh), fresh, path, fill, data);
}

nn_status nn_file_rename(nn_context *ctx, const char *fresh, const char *path) {
    if (nn_system_rename(fresh, path) == 0) return nn_file_sync_directory(ctx, path);
    nn_status status = nn_file_failed(ctx, "replace", path);
    nn_system_remove(fresh);
    return status;
}

// Several processes and threads may replace one file at once, each by a temporary file of its own.
nn_status nn_file_replace(nn_context *ctx, const char *path, nn_fill *fill, void *data) {
    char fresh[NN_PATH_ROOM];
    int file = -1;
    if (nn_file_replaceable(ctx, path) != NN_OK) return ctx->status;
    for (int k = 0; file < 0 && k < 10000 && (k == 0 || errno == EEXIST); k++) {
        int length = snprintf(fresh, sizeof fresh, "%s" NN_FRESH "-%ld-%d", path, (long)getpid(), k);
        if (length < 0 || (size_t)length >= sizeof fresh) return too_long(ctx, path);
        file = nn_file_create(fresh);
    }
    return prepare(ctx, file, fresh, path, fill, data) == NN_OK ? nn_file_rename(ctx, fresh, path)
                                                                : ctx->status;
}
