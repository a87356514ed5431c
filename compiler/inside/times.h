// `nnc explain --time`: the kernels of the training step measured, beside the cost model's estimates.
#ifndef NN_TIMES_H
#define NN_TIMES_H

#include "pipeline.h"

// Needs a pipeline at FORM_KERNELS. Appends a table to `out`. False after a diagnostic.
bool explain_times(Pipeline *p, Text *out);

#endif
