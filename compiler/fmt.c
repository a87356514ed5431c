// `nnc fmt`: the canonical layout of a file, printed, written over the file, or compared with it.
#include "commands.h"
#include "base/workplace.h"
#include "syntax/ast.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

// Where a link leads, and with the file's mode.
static void replace(Context *ctx, const char *path, const char *text) {
    struct stat about;
    Workplace w;
    char *real = realpath(path, NULL);
    const char *target = string_copy(ctx->arena, real ? real : path, strlen(real ? real : path));
    free(real);
    bool done = workplace_open(&w, ctx, folder_of(ctx->arena, target), target, NULL) &&
                workplace_put(&w, workplace_results[0], text, strlen(text));
    if (done && stat(target, &about) == 0)
        chmod(string_format(ctx->arena, "%s/%s", w.folder, workplace_results[0]), about.st_mode & 07777);
    workplace_end(&w, done);
}

int fmt_run(Context *ctx, const Options *options) {
    Source *source = source_load(ctx, options->file);
    Node *root = source ? parse_source(ctx, source) : NULL;
    if (ctx->errors) return NN_OK;
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
    if (!options->value[OPTION_WRITE])
        say(stdout, "%s", text);
    else if (!same)
        replace(ctx, options->file, text);
    return NN_OK;
}
