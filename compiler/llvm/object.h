// Inside llvm/: the life of one LLVM module, from kernels to bytes.
#ifndef NN_OBJECT_H
#define NN_OBJECT_H

#include "llvm/emit.h"

// What surrounds the generated functions in the module: a trainer's main, an object's exported functions, or
// nothing.
typedef void ModuleExtras(Emitter *em, const void *data);

typedef enum { FORM_OBJECT, FORM_ASSEMBLY, FORM_TEXT } CodeForm;

typedef struct {
    const Kernels *kernels;
    const Target *target;
    const char *prefix;
    int optimization;
    CodeForm form;
    bool divided; // into parts that are linked together, for which threads generate code side by side
    ModuleExtras *extras;
    const void *data;
} CodeRequest;

// One where it is not divided. The bytes live in the program's arena.
typedef struct {
    Compiled *parts;
    int count;
} Objects;
Objects code_make(const CodeRequest *request);

#endif
