// `nnc fmt`: the canonical layout of a file, printed, written over the file, or compared with it.
#include "fmt.h"
#include "syntax/ast.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
#define STATUS(code, value, text) code = value,
#include "status.def"
#undef STATUS
};

static bool write_all(int file, const char *text, size_t length) {
    while (length) {
        ssize_t n = write(file, text, length);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        text += n;
        length -= (size_t)n;
    }
    return true;
}

// Writes beside the file and renames: the file is the old one or the new one, whatever happens.
static bool replace(Arena *arena, const char *path, const char *text) {
    struct stat about;
    char *real = realpath(path, NULL);
    const char *target = string_copy(arena, real ? real : path, strlen(real ? real : path));
    free(real);
    char *temporary = string_format(arena, "%s.XXXXXX", target);
    int file = mkstemp(temporary);
    if (file < 0) return false;
    bool good = stat(target, &about) == 0 && fchmod(file, about.st_mode & 07777) == 0;
    good = good && write_all(file, text, strlen(text)) && fsync(file) == 0;
    int reason = errno;
    if (close(file) != 0 && good) {
        good = false;
        reason = errno;
    }
    if (good && rename(temporary, target) == 0) return true;
    if (good) reason = errno;
    unlink(temporary);
    errno = reason;
    return false;
}

int fmt_run(Context *ctx, const Options *options) {
    Source *source = source_load(ctx, options->file);
    Node *root = source ? parse_source(ctx, source) : NULL;
    if (ctx->errors) return NN_PROGRAM;
    Text out = {.arena = ctx->arena};
    source_print(&out, ctx, source, root);
    const char *text = text_string(&out);
    bool same = strcmp(text, source->text) == 0;
    if (options->value[OPTION_CHECK]) {
        if (!same)
            say(stderr, "nnc: %s is not in the canonical layout: nnc fmt --write %s\n", options->file,
                options->file);
        return same ? NN_OK : NN_PROGRAM;
    }
    if (!options->value[OPTION_WRITE]) {
        say(stdout, "%s", text);
        return NN_OK;
    }
    // a device is read, never replaced
    struct stat about;
    bool special = stat(options->file, &about) == 0 && !S_ISREG(about.st_mode);
    errno = EINVAL;
    if (same || (!special && replace(ctx->arena, options->file, text))) return NN_OK;
    diagnose(ctx, FILE_UNWRITABLE, NO_SPAN, options->file, strerror(errno));
    return NN_FILE;
}
