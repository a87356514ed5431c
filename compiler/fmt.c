// `nnc fmt`: the canonical layout of a file, printed, written over the file, or compared with it.
#include "commands.h"
#include "base/workplace.h"
#include "syntax/ast.h"
#include <stdio.h>
#include <string.h>

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
        file_replace(ctx, options->file, text);
    return NN_OK;
}
