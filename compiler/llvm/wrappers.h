// Inside llvm/: what stands round the generated functions in a module.
#ifndef NN_WRAPPERS_H
#define NN_WRAPPERS_H

#include "llvm/emit.h"
#include "llvm/manifest.h"

typedef struct {
    const Module *module;
    ManifestBytes manifest;
} WrapperData;

void wrap_trainer(Emitter *em, const void *data); // main
void wrap_object(Emitter *em, const void *data);  // the exported functions of an object file

// The fields that a training step takes: the model's inputs in its order, then what else the losses read.
// The first *inputs of them are what predicting takes.
const Field **fields_in_order(const Module *m, int *count, int *inputs);
const char *header_text(const Module *m, const OutputOptions *options,
                        bool openblas); // openblas: it is called

#endif
