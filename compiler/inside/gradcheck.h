// `nnc gradcheck`: the derived gradient of a whole model against finite differences, in double precision.
#ifndef NN_GRADCHECK_H
#define NN_GRADCHECK_H

#include "pipeline.h"

// Needs a pipeline made with `gradients_only` and precision double that has reached FORM_KERNELS. Prints the
// worst element of each parameter. Returns NN_NOT_FINITE where the check fails, else NN_OK; it may leave
// diagnostics.
int gradcheck(Pipeline *p, const bool *stopped, void *file);
// By tensor: of which parameters a stop_gradient stands between them and the loss. Of a pipeline before its
// derivatives.
const bool *gradcheck_stopped(const Pipeline *p);

#endif
