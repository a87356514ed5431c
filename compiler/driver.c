// The commands of nnc: what needs only the syntax stands in fmt.c, all that compiles in commands.c.
#include "driver.h"
#include "commands.h"
#include "fmt.h"
#include <stdio.h>

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
