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

static void path_of(const Sweep *w, const char *name, char path[ROOM]) {
    snprintf(path, ROOM, "%.4096s/%s", w->s->out, name);
}

static nn_status put_text(void *text, nn_sink *sink) {
    nn_sink_text(sink, ((nn_text *)text)->bytes);
    return NN_OK;
}

nn_status sweep_put(const Sweep *w, const char *name, nn_text *text) {
    char path[ROOM];
    path_of(w, name, path);
    return nn_file_replace(w->ctx, path, put_text, text);
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

// What its runs have in common; of halving also which they are, as that decides who goes on.
static void put_common(const Sweep *w, nn_text *text) {
    const nn_sweep *s = w->s;
    nn_text_add(text, s->digest);
    for (int i = 0; i < s->rest_count; i++) nn_text_format(text, " %s", s->rest[i]);
    if (s->halving == 0) return;
    nn_text_format(text, "\nhalving %lld %s", (long long)s->halving, s->by != NULL ? s->by : "");
    for (int k = 0; k < w->count; k++) nn_text_format(text, "\n%s", w->jobs[k].name);
}

// That, an empty line, and a line for each run: of this sweep, and of those before it that differ in what
// they sweep alone, whose runs are this one's too where it wants the same.
nn_status sweep_take_folder(const Sweep *w) {
    nn_context *ctx = w->ctx;
    char path[ROOM];
    nn_text text, line;
    unsigned char *bytes = NULL;
    uint64_t size;
    nn_text_begin(&text, ctx);
    nn_text_begin(&line, ctx);
    path_of(w, "sweep.txt", path);
    put_common(w, &text);
    nn_text_add(&text, "\n\n");
    if (ctx->status != NN_OK || (nn_file_exists(path) && nn_file_read(ctx, path, &bytes, &size) != NN_OK))
        return ctx->status;
    if (bytes != NULL && strncmp((char *)bytes, text.bytes, text.length) != 0)
        return nn_fail(ctx, NN_USAGE, "%s holds another sweep: take it away, or name another folder",
                       w->s->out);
    if (bytes != NULL) nn_text_add(&text, (char *)bytes + text.length);
    uint64_t before = text.length;
    for (int k = 0; k < w->count; k++) {
        nn_text_clear(&line);
        nn_text_format(&line, "\n%s\n", w->jobs[k].name);
        if (bytes == NULL || strstr((char *)bytes, line.bytes) == NULL) nn_text_add(&text, line.bytes + 1);
    }
    return bytes != NULL && text.length == before ? NN_OK : sweep_put(w, "sweep.txt", &text);
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
static void kept_name(int round, char name[32]) { snprintf(name, 32, "round_%d.txt", round); }

nn_status sweep_keep(Sweep *w, int round, int left) {
    char name[32];
    nn_text text;
    const Row *rows = sweep_rank(w);
    nn_text_begin(&text, w->ctx);
    for (int k = 0; rows != NULL && k < left; k++) nn_text_format(&text, "%d\n", rows[k].order);
    kept_name(round, name);
    return w->ctx->status != NN_OK ? w->ctx->status : sweep_put(w, name, &text);
}

nn_status sweep_kept(Sweep *w, int round, bool *known) {
    char name[32], path[ROOM];
    unsigned char *kept;
    uint64_t size;
    kept_name(round, name);
    path_of(w, name, path);
    *known = nn_file_exists(path);
    if (!*known || nn_file_read(w->ctx, path, &kept, &size) != NN_OK) return w->ctx->status;
    for (char *at = (char *)kept; *at != '\0'; at++) {
        long of = strtol(at, &at, 10);
        for (int k = (int)of; of >= 0 && k < w->count; k += w->combinations) w->jobs[k].rounds = round + 1;
        if (*at == '\0') break;
    }
    return NN_OK;
}
