// Inside llvm/: what stands round the generated functions in a module.
#ifndef NN_WRAPPERS_H
#define NN_WRAPPERS_H

#include "llvm/emit.h"
#include "llvm/manifest.h"

typedef struct {
    const Module *module;
    const OutputOptions *options;
    ManifestBytes manifest;
} WrapperData;

void wrap_trainer(Emitter *em, const void *data); // main
void wrap_object(Emitter *em, const void *data);  // the exported functions of an object file

const char *header_text(const Module *m, const OutputOptions *options,
                        bool openblas); // openblas: it is called

// A module for Python; `library`: the shared library's name beside it, as it stands in a literal.
const char *python_text(const Module *m, const OutputOptions *options, const char *library);

#endif
