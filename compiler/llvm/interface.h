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

// A column of the source, or some side by side: nn_argument of runtime/abi.def.
typedef struct {
    const char *name, *parameter; // NULL: by number
    int64_t first, count;
    bool texts;
} RawColumn;

typedef struct {
    const Module *module;
    const OutputOptions *options;
    const char *p, *big, *real; // the prefix; in capitals; the type of numbers
    VEC(Argument) arguments;
    VEC(RawColumn) columns; // what predict_raw takes
    const char *no_raw;     // why there is none; NULL: there is one
    bool checked;           // behind each array stands how many elements it has
    int fields, inputs;     // what a step takes; the first of these: what predicting takes. Then outputs
} Interface;

Interface interface_of(const Module *m, const OutputOptions *options);
// The argument's name of a Field or ModelOutput, or its own where it is none.
const char *interface_name(const Interface *h, const void *of, const char *name);

// ---- raw columns (columns.c) ----
bool column_texts(const Column *c);                     // are texts of its cells read?
bool column_array(const DataBlock *d, const Column *c); // is all that it reads the value of one name?
const char *raw_refused(const Module *m);               // why nothing is predicted of raw columns, or NULL
void columns_find(Interface *h);
bool words_of(const Argument *a);       // does predict_raw give words in place of its numbers?
bool data_has_windows(const Module *m); // is a sample made of several rows?

const char *dimensions_text(Arena *arena, const int64_t *dims, int rank); // [8][8]

#endif
