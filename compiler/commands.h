// The commands of nnc.
#ifndef NN_COMMANDS_H
#define NN_COMMANDS_H

#include "options.h"
#include "pipeline.h"

// Runs the command. The exit code is a row of status.def; messages go to standard error, results to standard
// output.
int command_run(const Options *options);
// `nnc fmt`: what needs only the syntax. Messages are left in the context. Returns the exit code where that
// is not for the messages to say.
int fmt_run(Context *ctx, const Options *options);
// `nnc check --fix`: checks, and writes what is certain into the file. What remains is in the context.
void fix_run(Pipeline *p, const Options *options);

// `nnc sweep`: runs of one program side by side.
int sweep_run(Pipeline *p, const Options *options);

#endif
