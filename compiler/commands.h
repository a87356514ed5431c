// The commands of nnc.
#ifndef NN_COMMANDS_H
#define NN_COMMANDS_H

#include "options.h"

// Runs the command. The exit code is a row of status.def; messages go to standard error, results to standard
// output.
int command_run(const Options *options);
// `nnc fmt`: what needs only the syntax. Messages are left in the context. Returns the exit code where that
// is not for the messages to say.
int fmt_run(Context *ctx, const Options *options);

#endif
