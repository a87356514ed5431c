// Which tensors of functions of one program are equal, with all that they are made of: each is given a class.
// An equation over canonical indices, that reads what stands for the classes, is one pointer; copies are read
// through. Conditions in one expression keep the order in which they stand.
#ifndef TESTS_CLASSES_H
#define TESTS_CLASSES_H

#include "ir/ir.h"

typedef struct {
    Program *p;
    Arena *arena;
    HashSet by_hash;
    VEC(const Index *) indices; // canonical, by place
    Table same;                 // tensor -> the one that stands for it
    Table copied;               // tensor -> its Equation, that only reads another
    bool numbers;               // one number in double is read through too
} Classes;

// One function looked at.
typedef struct {
    Classes *c;
    const Function *f;
    Table defined, seen;
    bool names;          // what is equal to another function's has its name, but for a number at the end
    Tensor *first;       // that nothing before was equal to
    const Tensor *named; // that has another name than what it is equal to
} Sweep;

Sweep sweep_of(Classes *c, const Function *f, bool names);
void sweep_visit(Sweep *s, Tensor *of); // and what it is made of, first
Tensor *class_tensor(const Classes *c, Tensor *of);
Equation *class_equation(Classes *c, const Equation *q); // over canonical indices
bool tensors_alike(const Tensor *a, const Tensor *b);

#endif
