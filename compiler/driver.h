// From a command line to an exit code.
#ifndef NN_DRIVER_H
#define NN_DRIVER_H

#include "options.h"

// Runs the command. The exit code is a row of status.def; messages go to standard error, results to standard
// output.
int driver_run(const Options *options);

#endif
