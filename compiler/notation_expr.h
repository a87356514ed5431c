// What notation.c and notation_expr.c share: the names in the equation at hand. All texts live in the arena.
#ifndef NN_NOTATION_EXPR_H
#define NN_NOTATION_EXPR_H

#include "notation.h"

typedef struct {
    Text *out;
    Program *program;
    Arena *arena; // the program's
    NotationNames names;
    const Equation *equation;
    bool declared;              // the equation's tensor stands in the signature
    VEC(const Index *) indices; // of the equation, with the word of each
    VEC(const char *) words;
} Notation;

typedef enum { TIGHT_NONE, TIGHT_COMPARE, TIGHT_SUM, TIGHT_PRODUCT, TIGHT_POWER } Tightness;

typedef VEC(const char *) Parts;

// An expression, in parentheses where it binds less than what stands around it.
const char *notation_expr(Notation *n, const Expr *e, Tightness around);
const char *notation_affine(Notation *n, const Affine *a);
const char *notation_size(const Notation *n, int64_t size, bool batch);
const char *notation_tensor(const Notation *n, const Tensor *t);
// The word of an index in the equation at hand: the definition's where it is free.
const char *notation_index(Notation *n, const Index *index);
// Parts whose order is free, sorted by their text.
const char *notation_parts(const Notation *n, Parts *parts, const char *between);

#endif
