// The commands of nnc: what needs only the syntax stands in fmt.c, all that compiles in commands.c.
#include "driver.h"
#include "commands.h"
#include "fmt.h"
#include <stdio.h>
#include <string.h>

enum {
#define STATUS(code, value, text) code = value,
#include "status.def"
#undef STATUS
};

int context_status(const Context *ctx) {
    int status = NN_OK;
    for (int i = 0; i < ctx->diagnostics.count; i++) {
        const Diagnostic *d = ctx->diagnostics.data[i];
        if (d->severity != SEVERITY_ERROR) continue;
        if (strncmp(diagnostic_name(d->code), "FILE_", 5) == 0) return NN_FILE;
        status = NN_PROGRAM;
    }
    return status;
}

static int format(const Options *options) {
    Context *ctx = context_create();
    int status = fmt_run(ctx, options);
    diagnostics_print(ctx, false, stderr);
    if (ctx->errors) status = context_status(ctx);
    context_destroy(ctx);
    return status;
}

int driver_run(const Options *options) {
    return options->command == COMMAND_FMT ? format(options) : command_run(options);
}
