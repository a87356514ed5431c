// JSON lines of a run: whole lines are appended, so that a reader never sees half of one from a living
// writer. Guarantees: a log that cannot be written ends no run; only logs are written over, an older run's
// when this one's first save takes the old one's place; a resumed run goes on with its own log alone, which
// the checkpoint knows by its length and checksum, and cuts off what came after. In a file that folds share
// each line says of which it is, and a run's own lines are its fold's alone: those of others stay. A file
// whose name ends in .csv gets the same lines as a table, without its head counting as a line of anybody's.
#include "train/train.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

// ---- tables ----

static const char HEAD[] = "event,";

static bool starts(const char *line, const char *end, const char *with) {
    size_t n = strlen(with);
    return (size_t)(end - line) >= n && memcmp(line, with, n) == 0;
}

static bool starts_row(const char *line, const char *end) {
    return starts(line, end, "step,") || starts(line, end, "epoch,") || starts(line, end, "end,");
}

// A line as a row: the values that its columns name. False: the table has no row for it.
static bool put_row(nn_log *log, const nn_text *line, nn_text *row) {
    nn_json object = {.at = line->bytes, .end = line->bytes + line->length}, value;
    for (const char *at = log->columns.bytes, *next; *at != '\0'; at = next + (*next != '\0')) {
        char name[256];
        next = at + strcspn(at, ",\n");
        snprintf(name, sizeof name, "%.*s", (int)(next - at), at);
        bool there = nn_json_find(object, name, &value), text = there && *value.at == '"';
        uint64_t length = !there ? 0 : (uint64_t)(value.end - value.at) - (text ? 2 : 0);
        if (at != log->columns.bytes) nn_text_add(row, ",");
        if (there && *value.at != 'n' && *value.at != '[') nn_text_bytes(row, value.at + text, length);
    }
    nn_text_add(row, "\n");
    return starts_row(row->bytes, row->bytes + row->length);
}

// ---- what stands there ----

// A line that a trainer wrote whole.
static bool is_line(const nn_log *log, const char *line, const char *end) {
    if (log->csv) return starts(line, end, HEAD) || starts_row(line, end);
    nn_json object = {.at = line, .end = end}, value;
    return nn_json_is_object(line, end) && nn_json_find(object, "event", &value) &&
           nn_json_find(object, "step", &value);
}

// What a kill may have left of the last line.
static bool is_cut(const nn_log *log, const char *line, const char *end) {
    static const char begin[] = "{\"event\": \"";
    size_t left = (size_t)(end - line);
    if (log->csv) return left < sizeof HEAD || starts(line, end, HEAD) || starts_row(line, end);
    return memcmp(line, begin, left < sizeof begin - 1 ? left : sizeof begin - 1) == 0;
}

// Such lines stay as they are; so does the head of a table that is gone on with.
static bool is_of_another_fold(const nn_log *log, const nn_log_mark *mark, const char *line) {
    char head[64];
    int fold;
    snprintf(head, sizeof head, "%.*s", (int)sizeof head - 1, line);
    if (log->csv && starts(head, head + strlen(head), HEAD)) return log->fold >= 0 || mark->size > 0;
    return log->fold >= 0 &&
           (log->csv ? sscanf(head, "%*[a-z],%d", &fold)
                     : sscanf(head, "{\"event\": \"%*[a-z]\", \"fold\": %d", &fold)) == 1 &&
           fold != log->fold;
}

// What stays of the file that is there.
typedef struct {
    unsigned char *bytes;
    uint64_t size;
    nn_log_mark own; // the lines of this run in it
    bool beginning;  // the file begins with all of it
} Old;

// Keeps the run's own lines up to the mark, and those of other folds. False: something else is in the file.
static bool take_old(const nn_log *log, const char *path, const nn_log_mark *mark, Old *old) {
    uint64_t size;
    *old = (Old){.beginning = true};
    if (!nn_file_exists(path)) return true;
    if (nn_file_read(log->ctx, path, &old->bytes, &size) != NN_OK) return false;
    const char *at = (const char *)old->bytes, *end = at + size, *next;
    for (; at < end; at = next) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        next = newline == NULL ? end : newline + 1;
        bool other = newline != NULL && is_of_another_fold(log, mark, at),
             own = !other && old->own.size < mark->size;
        if (!own && !(newline == NULL ? is_cut(log, at, end) : is_line(log, at, newline))) return false;
        if (!own && !other) continue;
        if (own) old->own.sum = nn_crc32c((uint32_t)old->own.sum, at, (uint64_t)(next - at));
        if (own) old->own.size += next - at;
        old->beginning = old->beginning && at == (const char *)old->bytes + old->size;
        memmove(old->bytes + old->size, at, (size_t)(next - at));
        old->size += (uint64_t)(next - at);
    }
    bool all = old->size == size, others_alone = all && size > 0 && old->own.size == 0;
    return others_alone || (old->own.size == mark->size && old->own.sum == mark->sum && (all || !mark->none));
}

static nn_status refused(nn_log *log, const char *expected) {
    return nn_fail(log->ctx, NN_FILE,
                   "%s is not %s: it is left as it is; take it away, or let --log name another file",
                   log->path, expected);
}

static bool is_locked(const char *path) {
    int file = nn_system_open(path, O_RDONLY | O_NONBLOCK, 0);
    bool locked = file >= 0 && flock(file, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    if (file >= 0) nn_system_close(file);
    return locked;
}

// What is in the run's directory may have its place already (nn_settle).
static nn_status rename_log(nn_log *log) {
    bool renamed = nn_system_rename(log->fresh, log->path) == 0 || errno == ENOENT;
    return renamed ? NN_OK : nn_file_failed(log->ctx, "replace", log->path);
}

static nn_status open_fresh(nn_log *log, const Old *old) {
    nn_system_remove(log->fresh);
    log->file = nn_file_create(log->fresh);
    bool written = log->file < 0 || nn_write_all(log->file, old->bytes, old->size);
    if (!written) nn_file_failed(log->ctx, "write the log", log->path);
    nn_drop(log->ctx, old->bytes);
    return log->ctx->status;
}

// A new run's log waits under its fresh name until the run has saved, if it takes another one's place.
static nn_status open_new(nn_log *log, bool waits) {
    struct stat st;
    Old old;
    // The log of a run that has saved, which a kill kept from its place.
    bool left =
        log->settled && nn_file_exists(log->fresh) && take_old(log, log->fresh, &(nn_log_mark){0}, &old);
    if (left) nn_drop(log->ctx, old.bytes);
    if (left && rename_log(log) != NN_OK) return log->ctx->status;
    if (!take_old(log, log->path, &(nn_log_mark){0}, &old)) return refused(log, "a log");
    log->headed = old.size > 0;
    bool empty = stat(log->path, &st) == 0 ? st.st_size == 0 : !nn_file_exists(log->path);
    if (waits || !empty) return open_fresh(log, &old);
    nn_drop(log->ctx, old.bytes);
    log->fresh[0] = '\0';
    log->file = nn_system_open(log->path, O_WRONLY | O_CREAT | O_APPEND, 0666);
    return NN_OK;
}

static nn_status open_own(nn_log *log, const nn_log_mark *mark) {
    Old old;
    // A kill may have come between the first save and the log's taking its place.
    bool own = take_old(log, log->path, mark, &old);
    if (!own && nn_file_exists(log->fresh) && take_old(log, log->fresh, mark, &old))
        own = nn_log_publish(log) == NN_OK;
    if (!own) return refused(log, "the log of the run that is resumed");
    log->mark = old.own;
    log->headed = old.size > 0;
    if (!old.beginning) { // lines of other folds came after those that are cut off
        log->synced = -1;
        if (open_fresh(log, &old) != NN_OK || log->file < 0) return log->ctx->status;
        nn_log_sync(log);
        return nn_log_publish(log);
    }
    nn_drop(log->ctx, old.bytes);
    nn_system_remove(log->fresh); // of a run that saved nothing
    log->fresh[0] = '\0';
    log->file = nn_system_open(log->path, O_WRONLY | O_CREAT | O_APPEND, 0666);
    if (log->file >= 0 && nn_system_truncate(log->file, old.size) != 0)
        return nn_file_failed(log->ctx, "write the log", log->path);
    return NN_OK;
}

void nn_log_give_up(nn_log *log) {
    char text[NN_PATH_ROOM + 128];
    snprintf(text, sizeof text, "cannot write the log %s: %s; training goes on without it", log->path,
             strerror(errno));
    nn_message("warning", text);
    log->broken = true;
}

nn_status nn_log_open(nn_log *log, nn_context *ctx, const char *path, int32_t fold,
                      const nn_log_mark *resumed, bool waits) {
    struct stat st;
    bool device = stat(path, &st) == 0 && !S_ISREG(st.st_mode);
    int length = snprintf(log->path, sizeof log->path, "%s", path);
    log->ctx = ctx;
    log->fold = fold;
    log->headed = false;
    log->csv = length > 4 && nn_same(path + length - 4, ".csv");
    if (length < 0 || snprintf(log->fresh, sizeof log->fresh, "%s" NN_FRESH, path) >= NN_PATH_ROOM)
        return nn_fail(ctx, NN_USAGE, "the path %.64s... is too long", path);
    if (device)
        log->fresh[0] = '\0';
    else if (is_locked(path) || is_locked(log->fresh))
        return nn_fail(ctx, NN_FILE, "another trainer is writing the log %s", path);
    nn_status status = device ? NN_OK : resumed == NULL ? open_new(log, waits) : open_own(log, resumed);
    if (device) log->file = nn_system_open(path, O_WRONLY | O_APPEND, 0);
    if (status == NN_OK && log->file < 0) return nn_file_failed(ctx, "write the log", path);
    if (status == NN_OK && !device) flock(log->file, LOCK_EX | LOCK_NB);
    if (status == NN_OK && log->csv && !log->headed &&
        !nn_write_all(log->file, log->columns.bytes, log->columns.length))
        nn_log_give_up(log);
    return status;
}
void nn_log_line(nn_log *log, const nn_text *line, bool kept) {
    nn_text row;
    if (log->file < 0 || log->broken) return;
    nn_text_begin(&row, log->ctx);
    const nn_text *out = log->csv ? &row : line;
    bool written = !log->csv || put_row(log, line, &row);
    if (written && !nn_write_all(log->file, out->bytes, out->length)) nn_log_give_up(log);
    if (written && kept && !log->broken) {
        log->mark.sum = nn_crc32c((uint32_t)log->mark.sum, out->bytes, out->length);
        log->mark.size += (int64_t)out->length;
    }
    nn_text_end(&row);
}

// Before a checkpoint that speaks of these lines. What is no file on a disk has nothing to wait for.
void nn_log_sync(nn_log *log) {
    if (log->file >= 0 && !log->broken && log->mark.size > log->synced && nn_system_sync(log->file) != 0 &&
        errno != EINVAL && errno != ENOTSUP && errno != EROFS)
        nn_log_give_up(log);
    log->synced = log->mark.size;
}

nn_status nn_log_publish(nn_log *log) {
    if (log->fresh[0] != '\0' && rename_log(log) != NN_OK) return log->ctx->status;
    log->fresh[0] = '\0';
    return NN_OK;
}

void nn_log_close(nn_log *log) {
    if (log->file >= 0) nn_system_close(log->file);
    log->file = -1;
}
