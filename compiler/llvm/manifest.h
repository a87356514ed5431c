// Inside llvm/: the manifest's bytes (runtime/abi.def), for wrappers.c to place beside the code.
#ifndef NN_MANIFEST_H
#define NN_MANIFEST_H

#include "abi.h"
#include "llvm/emit.h"

typedef struct {
    const char *bytes;
    size_t length;
} ManifestBytes;
ManifestBytes manifest_make(const Module *m, const Kernels *k, const OutputOptions *options);

#endif
