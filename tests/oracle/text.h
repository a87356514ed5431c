// The texts of equations and of kernels, read back: what program_print and kernels_write have written comes
// back as the same.
#ifndef ORACLE_TEXT_H
#define ORACLE_TEXT_H

#include "pass/kernel.h"

// NULL after diagnostics.
Program *program_read(Context *ctx, const Source *text);
Kernels *kernels_read(Context *ctx, const Source *text);

#endif
