// The commands that run the pipeline: build, run, check, summary, explain, grad, gradcheck.
#ifndef NN_COMMANDS_H
#define NN_COMMANDS_H

#include "options.h"

int command_run(const Options *options);
// The exit code of what went wrong: a message about a file gives NN_FILE, any other NN_PROGRAM, none NN_OK.
int context_status(const Context *ctx);

#endif
