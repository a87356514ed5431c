// `nnc fmt`.
#ifndef NN_FMT_H
#define NN_FMT_H

#include "options.h"

// Messages are left in the context. Returns the exit code where that is not for the messages to say.
int fmt_run(Context *ctx, const Options *options);

#endif
