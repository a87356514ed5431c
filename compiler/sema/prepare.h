// What the files that write the prepare functions share: one field in one part of the data.
#ifndef NN_PREPARE_H
#define NN_PREPARE_H

#include "sema/run.h"
#include "sema/values.h"

typedef struct {
    int64_t dims[MAX_RANK];
    int rank;
} ListShape;

// One field in one part.
typedef struct {
    Run *r;
    Elaborator *el;
    Env *env;
    int part, field;
    const Field *f;
    const Node *line;
    int64_t *rows;              // of this part's lists so far: 0 before the first, -1 after a message
    const Node *whole;          // of an integer: the expression that must be whole and below the limit
    bool indexed;               // z[i] = ...: readers have a shape of their own
    int columns, parts, scales; // raw tensors, names and statistics made for this field
    bool wrong;
} Maker;

// data.NAME, with the part's word before NAME.
const char *prepare_name(const Maker *k, const char *name);

// ---- readers.c ----

// The source that a reader reads from; NULL: no reader.
const char *reader_source(const Node *e);
// The raw tensor of a reader; NULL after a message. `equals`: the text it is compared with; `limit`: not NULL
// where the cells themselves are the integers of the field.
Tensor *reader_column(Maker *k, const Node *e, const char *equals, const Node *limit);

#endif
