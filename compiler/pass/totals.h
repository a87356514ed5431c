// What totals.c and second.c share: a measure on its way into totals, and a second pass over a part's rows.
#ifndef NN_TOTALS_H
#define NN_TOTALS_H

#include "pass/algebra.h"
#include "pass/passes.h"

// Where a tensor of a measure is computed: anywhere (of parameters and the clock alone); with the batch; at
// the end, from totals; with the rows seen again; at the end after that.
typedef enum { SIDE_BOTH, SIDE_BATCH, SIDE_END, SIDE_SECOND, SIDE_LAST, SIDES } Side;

// What is known of a tensor that a measure is made of.
typedef struct {
    bool known;
    Side side;                   // of its definition
    bool totalled;               // it reduces the batch: `total` stands for it
    bool sorted;                 // the order of a part's rows: `rows` holds it
    Tensor *total, *rows, *copy; // copy: at the end, and with the rows seen again
    uint8_t order[MAX_RANK];     // of `rows`: by dimension, which of the tensor's it is
} Image;

typedef struct {
    Program *p;
    Function *f, *second; // second: made when first asked for
    bool training;
    Table kept; // tensor of f -> where the second pass reads its rows

    const Measure *measure; // one at a time
    Function *end;          // FUNCTION_METRICS; of a measure without output one that is thrown away
    Image *images;          // by the tensor's id
    int count, totals;
    Tensor *rows; // the number of rows of the part, or NULL
} Totals;

Image *image_of(const Totals *x, const Tensor *t); // NULL: it is no part of the measure's own text
Side totals_side(const Totals *x, const Tensor *t);
int batch_dimension(const Tensor *t);              // or -1
const Expr *totals_rows(Totals *x, const Expr *e); // with the part's number of rows in place of the batch's
Tensor *totals_copy(Totals *x, const Tensor *t,
                    Type real); // for another function; what is real is of this type

// ---- second.c: the rows seen again ----

bool second_possible(const Totals *x, const Definition *d); // are its reads there?
bool second_sorts(const Totals *x, const Definition *d);    // and the rows that it sorts?
Function *second_function(Totals *x);
Tensor *second_write(Totals *x, const Definition *d); // gives its tensor
void second_order(Totals *x, const Definition *d);    // the runtime sorts: notes it down

#endif
