// Inside llvm/: what stands round the generated functions in a module.
#ifndef NN_WRAPPERS_H
#define NN_WRAPPERS_H

#include "llvm/emit.h"
#include "llvm/manifest.h"

typedef struct {
    const Module *module;
    const OutputOptions *options;
    ManifestBytes manifest;
    const char *const *higher; // names of the versions beside this one, the highest first
    int higher_count;
} WrapperData;

// A version for a higher level: its manifest and its way in, under this name.
const char *version_name(Arena *arena, const char *prefix);
void wrap_version(Emitter *em, const void *data);

void wrap_trainer(Emitter *em, const void *data); // main
void wrap_object(Emitter *em, const void *data);  // the exported functions of an object file

const char *header_text(const Module *m, const OutputOptions *options,
                        bool openblas); // openblas: it is called

// A module for Python; `library`: the shared library's name beside it, as it stands in a literal.
const char *python_text(const Module *m, const OutputOptions *options, const char *library);

#endif
