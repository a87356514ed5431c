// What the files of the data block share.
#ifndef NN_EMIT_DATA_H
#define NN_EMIT_DATA_H

#include "abi.h"
#include "emit/emit.h"
#include "emit/module.h"

// Draws of the data are keyed by row // DRAW_ROWS and row mod DRAW_ROWS; a block is that, or a half, a
// quarter ... of it, so that its tensors take at most BLOCK_BYTES, where one row does not take more.
enum { DRAW_ROWS = NN_DRAW_ROWS, BLOCK_BYTES = 1 << 18, DATA_PARTS = 3 };

// A value that was measured for the field at hand.
typedef struct {
    const Expr *value;
    StatisticKind kind;
    Tensor *of, *into[2];
} Measured;

// A field that measures the training rows: its element, as an expression of the value that was measured last,
// under the index of its row.
typedef struct Scaled {
    Array field;
    const Expr *of;
    const Index *row;
} Scaled;

// The block, and of the functions that prepare it the field that is being written.
typedef struct DataWriter {
    Emitter *e;
    Module *m;
    const Case *block;
    At at;
    int part;                 // 0, 1 test, 2 validation
    const char *file, *query; // of the part
    Field *field;
    const Phrase *whole;  // of a class or int: what must be whole and below the limit
    const Phrase *stride; // of windows, or NULL
    int columns;          // raw tensors made for the field
    VEC(Measured) measured;
} DataWriter;

// Fills in Module.data, appends to Module.in_force, and writes the functions that prepare fields. False after
// messages: of what only equations know.
bool data_write(Emitter *e, Module *m);

// ---- data.c ----

// What a `missing` says: one of nn_missing, and its number. Where none is given, they are left as they are.
// The file of a part: its own, or that of the block.
void take_part(DataWriter *w, const Phrase *source);
void take_missing(const Case *c, const Phrase *given, int *missing, double *value);
int field_number(const DataBlock *d, const char *name); // -1: none

// ---- prepare.c ----

// Where a reader's numbers come from.
void take_argument(const DataWriter *w, const Case *c, const Phrase *p, Column *column);

void prepare_write(DataWriter *w);
// The column of a field that is cells of a csv file as they stand, for a prediction to carry along: its
// number among the module's, added; -1: it is none.
int data_carried(Emitter *e, Module *m, int field);

#endif
