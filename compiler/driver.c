// The commands of nnc: each from its options to its exit code.
#include "driver.h"
#include "fmt.h"
#include "syntax/ast.h"
#include <stdio.h>
#include <string.h>

enum {
#define STATUS(code, value, text) code = value,
#include "status.def"
#undef STATUS
};

// The exit code of what went wrong: a message whose code begins with FILE_ is about a file, any other about the program.
static int status_of(const Context *ctx) {
    int status = NN_OK;
    for (int i = 0; i < ctx->diagnostics.count; i++) {
        const Diagnostic *d = ctx->diagnostics.data[i];
        if (d->severity != SEVERITY_ERROR) continue;
        if (strncmp(diagnostic_name(d->code), "FILE_", 5) == 0) return NN_FILE;
        status = NN_PROGRAM;
    }
    return status;
}

static int check(Context *ctx, const Options *options) {
    Source *source = source_load(ctx, options->file);
    if (source) parse_source(ctx, source);
    return NN_OK;
}

int driver_run(const Options *options) {
    Context *ctx = context_create();
    bool json = options->value[OPTION_JSON] != NULL;
    int status = NN_USAGE;
    if (options->command == COMMAND_FMT) status = fmt_run(ctx, options);
    else if (options->command == COMMAND_CHECK) status = check(ctx, options);
    else fprintf(stderr, "nnc: error: this nnc was built without `%s`\n", command_word(options->command));
    diagnostics_print(ctx, json, json ? stdout : stderr);
    if (ctx->errors) status = status_of(ctx);
    context_destroy(ctx);
    return status;
}
