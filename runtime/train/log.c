// JSON lines of a run: whole lines are appended, so that a reader never sees half of one from a living
// writer. Guarantees: a log that cannot be written ends no run; on a resume what lies after the checkpoint is
// cut off.
#include "train/train.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

typedef struct {
    const char *bytes;
    uint64_t size;
} Piece;

static nn_status fill_piece(void *data, nn_sink *sink) {
    const Piece *p = data;
    nn_sink_put(sink, p->bytes, p->size);
    return NN_OK;
}

// The step of a line that this trainer wrote whole, or -1.
static int64_t step_of(const char *line, const char *end, bool *is_end) {
    nn_json j = {.at = line, .end = end};
    char key[64], event[16] = "";
    uint64_t step = 0;
    bool found = false;
    if (!nn_json_take(&j, '{')) return -1;
    do {
        if (!nn_json_string(&j, key, sizeof key, NULL) || !nn_json_take(&j, ':')) return -1;
        bool ok = nn_same(key, "step")    ? nn_json_whole(&j, &step) && (found = true)
                  : nn_same(key, "event") ? nn_json_string(&j, event, sizeof event, NULL)
                                          : nn_json_skip(&j, 0);
        if (!ok) return -1;
    } while (nn_json_take(&j, ','));
    *is_end = nn_same(event, "end");
    return nn_json_take(&j, '}') && found ? (int64_t)step : -1;
}

static nn_status cut(nn_context *ctx, const char *path, int64_t after) {
    unsigned char *bytes;
    uint64_t size;
    if (nn_file_read(ctx, path, &bytes, &size) != NN_OK) return ctx->status;
    const char *start = (const char *)bytes, *at = start, *end = start + size, *newline;
    while (at < end && (newline = memchr(at, '\n', (size_t)(end - at))) != NULL) {
        bool is_end = false;
        int64_t step = step_of(at, newline, &is_end);
        if (step < 0 || step > after || is_end) break;
        at = newline + 1;
    }
    Piece kept = {start, (uint64_t)(at - start)};
    nn_status status = kept.size == size ? NN_OK : nn_file_replace(ctx, path, fill_piece, &kept);
    nn_drop(ctx, bytes);
    return status;
}

nn_status nn_log_open(nn_log *log, nn_context *ctx, const char *path, bool anew, int64_t cut_after_step) {
    log->ctx = ctx;
    snprintf(log->path, sizeof log->path, "%s", path);
    snprintf(log->final_path, sizeof log->final_path, "%s", path);
    if (!anew && nn_file_exists(path) && cut(ctx, path, cut_after_step) != NN_OK) return ctx->status;
    log->file = nn_system_open(path, O_WRONLY | O_CREAT | O_APPEND | (anew ? O_TRUNC : 0), 0666);
    if (log->file < 0) return nn_fail(ctx, NN_FILE, "cannot write the log %s: %s", path, strerror(errno));
    return NN_OK;
}

void nn_log_line(nn_log *log, const nn_text *line) {
    if (log->file < 0 || log->broken) return;
    uint64_t done = 0;
    while (done < line->length) {
        int64_t n = nn_system_write(log->file, line->bytes + done, line->length - done);
        if (n <= 0) {
            char text[NN_PATH_ROOM + 128];
            snprintf(text, sizeof text, "cannot write the log %s: %s; training goes on without it", log->path,
                     strerror(errno));
            nn_message("warning", text);
            log->broken = true;
            return;
        }
        done += (uint64_t)n;
    }
}

nn_status nn_log_publish(nn_log *log) {
    if (log->file < 0 || nn_same(log->path, log->final_path)) return NN_OK;
    if (nn_system_rename(log->path, log->final_path) != 0)
        return nn_fail(log->ctx, NN_FILE, "cannot replace %s: %s", log->final_path, strerror(errno));
    memcpy(log->path, log->final_path, sizeof log->path);
    return NN_OK;
}

void nn_log_close(nn_log *log) {
    if (log->file >= 0) nn_system_close(log->file);
    log->file = -1;
}
