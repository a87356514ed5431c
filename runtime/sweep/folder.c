// A sweep's folder: which sweep it holds, and who came through each round.
#include "sweep/job.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>

enum { ROOM = 4096 + 32 };

static nn_status put_text(void *text, nn_sink *sink) {
    nn_sink_text(sink, ((nn_text *)text)->bytes);
    return NN_OK;
}

// One sweep at a time works in a folder: the lock goes with it and all its runs. Those of a sweep that was
// just killed end a moment after it, and are waited for.
nn_status sweep_lock(Sweep *w) {
    enum { TRIES = 500, NANOSECONDS = 10000000 };
    const struct timespec moment = {0, NANOSECONDS};
    const char *out = w->s->out;
    if (nn_file_directory(w->ctx, out) != NN_OK) return w->ctx->status;
    w->lock = nn_system_open(out, O_RDONLY | O_DIRECTORY, 0);
    if (w->lock < 0) return nn_file_failed(w->ctx, "open the directory", out);
    fcntl(w->lock, F_SETFD, 0); // runs have it too
    for (int k = 0; flock(w->lock, LOCK_EX | LOCK_NB) != 0; k++) {
        if (errno != EWOULDBLOCK) return nn_file_failed(w->ctx, "lock the directory", out);
        if (k == TRIES) return nn_fail(w->ctx, NN_FILE, "another sweep is working in %s", out);
        nanosleep(&moment, NULL);
    }
    return NN_OK;
}

// Its options, an empty line, and a line for each run.
nn_status sweep_take_folder(const Sweep *w) {
    const nn_sweep *s = w->s;
    nn_context *ctx = w->ctx;
    char path[ROOM];
    nn_text text;
    unsigned char *bytes;
    uint64_t size;
    nn_text_begin(&text, ctx);
    nn_text_format(&text, "%s", s->digest);
    for (int i = 0; i < s->rest_count; i++) nn_text_format(&text, " %s", s->rest[i]);
    if (s->halving > 0)
        nn_text_format(&text, "\nhalving %lld %s", (long long)s->halving, s->by != NULL ? s->by : "");
    nn_text_add(&text, "\n\n");
    for (int k = 0; k < w->count; k++) nn_text_format(&text, "%s\n", w->jobs[k].name);
    snprintf(path, sizeof path, "%s/sweep.txt", s->out);
    if (ctx->status != NN_OK) return ctx->status;
    if (!nn_file_exists(path)) return nn_file_replace(ctx, path, put_text, &text);
    if (nn_file_read(ctx, path, &bytes, &size) == NN_OK && !nn_same((char *)bytes, text.bytes))
        nn_fail(ctx, NN_USAGE, "%s holds another sweep: take it away, or name another folder", s->out);
    return ctx->status;
}

char **nn_sweep_names(nn_context *ctx, const char *folder, int *count) {
    char path[ROOM], *bytes;
    const char *at;
    uint64_t size;
    int lines = 0;
    snprintf(path, sizeof path, "%.4096s/sweep.txt", folder);
    if (!nn_file_exists(path) || nn_file_read(ctx, path, (unsigned char **)&bytes, &size) != NN_OK)
        return NULL;
    for (at = bytes; *at != '\0'; at++) lines += *at == '\n';
    char **names = nn_get(ctx, (uint64_t)lines + 1, sizeof *names);
    at = strstr(bytes, "\n\n");
    *count = 0;
    for (at = at != NULL ? at + 2 : ""; names != NULL && *at != '\0';) {
        size_t n = strcspn(at, "\n");
        nn_text name;
        nn_text_begin(&name, ctx);
        nn_text_format(&name, "%s/%.*s", folder, (int)n, at);
        names[(*count)++] = name.bytes;
        at += n + (at[n] != '\0');
    }
    return names;
}

// Those that go on after a round, as numbers in a file: a sweep that is begun again leaves the same ones
// behind, though the others have trained on.
static void kept_path(const Sweep *w, int round, char path[ROOM]) {
    snprintf(path, ROOM, "%s/round_%d.txt", w->s->out, round);
}

nn_status sweep_keep(Sweep *w, int round, int left) {
    char path[ROOM];
    nn_text text;
    const Row *rows = sweep_rank(w);
    nn_text_begin(&text, w->ctx);
    for (int k = 0; rows != NULL && k < left; k++) nn_text_format(&text, "%d\n", rows[k].order);
    kept_path(w, round, path);
    return w->ctx->status != NN_OK ? w->ctx->status : nn_file_replace(w->ctx, path, put_text, &text);
}

nn_status sweep_kept(Sweep *w, int round, bool *known) {
    char path[ROOM];
    unsigned char *kept;
    uint64_t size;
    kept_path(w, round, path);
    *known = nn_file_exists(path);
    if (!*known || nn_file_read(w->ctx, path, &kept, &size) != NN_OK) return w->ctx->status;
    for (char *at = (char *)kept; *at != '\0'; at++) {
        long of = strtol(at, &at, 10);
        for (int k = (int)of; of >= 0 && k < w->count; k += w->combinations) w->jobs[k].rounds = round + 1;
        if (*at == '\0') break;
    }
    return NN_OK;
}
