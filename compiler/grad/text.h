// What the files of notation share: the text that is being written.
#ifndef NN_NOTATION_TEXT_H
#define NN_NOTATION_TEXT_H

#include "grad/notation.h"

// A text that is being written, and the names in the equation at hand. All texts live in the arena.
typedef struct {
    Text *out;
    Program *program;
    Arena *arena; // the program's
    NotationNames names;
    const Equation *equation;
    bool declared;                 // the equation's tensor stands in the signature
    const Equation *const *circle; // the equations of the loop at hand, and the word of its index
    int circle_count, circle_written;
    const char *time;
    VEC(const Index *) indices; // of the equation, with the word of each
    VEC(const char *) words;
} Notation;

static inline const char *tensor_word(const Notation *n, const Tensor *t) {
    return n->names.of_tensors[t->id];
}

static inline const char *size_text(const Notation *n, int64_t size, bool batch) {
    return batch ? "batch" : string_format(n->arena, "%lld", (long long)size);
}

void notation_equation(Notation *n, const Equation *q);      // one line
const char *notation_expression(Notation *n, const Expr *e); // of that line
// The rules of `differentiate` that made a tensor of the function, a comment each; nothing if nobody asks.
void explain_tensor(Notation *n, const Function *f, const Tensor *t);
bool notation_carried(const Notation *n,
                      const Tensor *t); // by the loop at hand: read by another step than its own

#endif
