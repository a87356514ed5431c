// What the files of emit/ share among themselves.
#ifndef NN_WRITE_H
#define NN_WRITE_H

#include "emit/emit.h"

enum {
    MAX_WORK = 2000000, // expressions looked at in one program
    SHARED_DEPTH = 8,   // from here on a function applied to the same values again is not written out again
    MAX_FACTS = 256
};

// A loop over time: its index, which way it runs, and what it carries with a beginning.
typedef struct {
    const Array *array; // what its name is in the loop
    int along;          // the dimension of its time
    Operand begin;      // a number, or a tensor without that dimension; ABSENT: nothing
} Carried;

struct Loop {
    const Index *time;
    const Slot *slot; // of the index
    const Phrase *block;
    int8_t way;
    Carried *carried;
    int count;
    const Loop *outer;
};

// ---- sharing.c: what a function gave for the same values ----

bool operand_same(const Operand *a, const Operand *b); // of equal cases
bool sharing_find(At at, const Case *c, const Operand *given, Operand *result);
void sharing_keep(At at, const Case *c, const Operand *given, Operand result);

// ---- apply.c, call.c, index.c ----

bool is_layer(const Definition *d);
// A text that sees the names of `home`: a pipe, a round.
Frame *frame_inner(const Emitter *m, const Frame *home, Case *c, const Instance *in);
uint64_t call_ordinal(At at, const Phrase *call);
Index *index_bind(At at, const Slot *slot); // over its range, which Case.slot says
// What `..` stands for: an index a dimension, named from this letter on.
const Index *const *dots_bind(At at, char first);

#endif
