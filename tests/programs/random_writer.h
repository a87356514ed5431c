// The files that write random texts: what they share. A model's body is lines that each give a value a name;
// which shapes the values have is known while writing, so that every text is a right program.
#ifndef TESTS_RANDOM_WRITER_H
#define TESTS_RANDOM_WRITER_H

#include "base/base.h"
#include "programs/random_program.h"

enum { MOST_VALUES = 24, MOST_DIMS = 4, MOST_ROW = 64 };

// A tensor of the model: of each row of the batch so many numbers.
typedef struct {
    const char *name;
    int rank; // without the batch
    int64_t dims[MOST_DIMS];
    bool used;
} Row;

typedef struct {
    Arena *arena;
    uint64_t state;
    Text fields, definitions, inputs, names, body; // inputs: the signature's; names: the call's
    const char *model;                             // its name: layers with parameters are reached by it
    Row values[MOST_VALUES];
    int value_count, made, defined;
    int64_t classes, steps; // of the fields `k` and `l`; 0: not there yet
    bool class_input, length_input;
} Writer;

static inline int64_t pick(Writer *w, int64_t low, int64_t high) { return random_pick(&w->state, low, high); }
static inline bool chance(Writer *w, int of) { return pick(w, 1, of) == 1; }

int64_t writer_size(Writer *w); // of a dimension
const char *writer_one(Writer *w, const char *const *of, int count);
#define ONE_OF(w, list) writer_one(w, list, (int)(sizeof(list) / sizeof *(list)))
int64_t row_elements(const Row *r);

// A value of `low` to `high` dimensions; where there is none, a line writes one of another shape. It is used
// then.
Row writer_some(Writer *w, int low, int high);
void writer_leave(Writer *w, const Row *r); // it was not used after all
// The name of a new value of this shape; its line must follow.
Row writer_new(Writer *w, int rank, const int64_t *dims);
void writer_line(Writer *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
const char *writer_define(Writer *w, const char *kind); // a new name for a definition
const char *writer_class(Writer *w);                    // the input `k`, a class of each row
const char *writer_length(Writer *w, int64_t steps); // `l`, 1 to steps; NULL: it is there with another limit

// `i, j, k`: an index for each dimension of a row.
const char *row_indices(Writer *w, const Row *r);
// An elementwise expression of these.
const char *writer_expression(Writer *w, int depth, const char *const *leaves, int count);

void write_line(Writer *w);  // any line (random_lines.c)
void write_dense(Writer *w); // one with parameters
void write_loop(Writer *w);  // a loop over time, and what is made of it (random_loops.c)
void write_slope(Writer *w); // a value, and its derivative by another, of first or second order
void write_end(Writer *w, const char *name, Row *last); // all values that nothing has used, as one

#endif
