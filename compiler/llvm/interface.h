// Inside llvm/: what an object's interface takes and gives, as C has it.
#ifndef NN_INTERFACE_H
#define NN_INTERFACE_H

#include "llvm/emit.h"

// Fields and outputs are one list of arguments; their names are apart, so that a name that is taken becomes
// longer.
typedef struct {
    const char *name, *type, *shape, *parameter, *macro;
    int64_t size; // of one row; of the whole, where there are no rows
    bool rows;
    const Field *field;            // NULL: an output
    const void *of;                // the Field or ModelOutput
    int64_t dims[MAX_RANK], limit; // integers of a field are below the limit; 0: any
    int rank;
} Argument;

typedef struct {
    const Module *module;
    const OutputOptions *options;
    const char *p, *big, *real; // the prefix; in capitals; the type of numbers
    VEC(Argument) arguments;
    bool checked;       // behind each array stands how many elements it has
    int fields, inputs; // what a step takes; the first of these: what predicting takes. Then outputs
} Interface;

Interface interface_of(const Module *m, const OutputOptions *options);
// The argument's name of a Field or ModelOutput, or its own where it is none.
const char *interface_name(const Interface *h, const void *of, const char *name);
const char *dimensions_text(Arena *arena, const int64_t *dims, int rank); // [8][8]

#endif
