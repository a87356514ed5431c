// The two files that build random programs: what they share.
#ifndef TESTS_RANDOM_MAKER_H
#define TESTS_RANDOM_MAKER_H

#include "programs/random_program.h"

enum { MOST_ELEMENTS = 240, MOST_POOL = 32 };

typedef struct {
    Program *p;
    Function *f;
    uint64_t state;
    bool smooth;
    Tensor *pool[MOST_POOL]; // activations: dimension 0 is the batch
    int pool_count;
    VEC(Tensor *) params;
    Tensor *classes; // int[batch]
    int64_t class_count;
    Tensor *tokens; // int[batch, time]
    int64_t token_count;
    Tensor *update; // a clock: steps made, with this one
} Maker;

typedef struct {
    const Index *indices[MAX_RANK];
    int count;
} Indices;

// ---- small things ----

static inline int64_t pick(Maker *m, int64_t low, int64_t high) { return random_pick(&m->state, low, high); }

// The size of a dimension: small, or of several vectors and a rest.
static inline int64_t pick_width(Maker *m, int64_t least) {
    int64_t small = pick(m, least, 5), wide = pick(m, 6, 40);
    return pick(m, 0, 5) ? small : wide;
}

static inline double pick_number(Maker *m) { return (double)pick(m, 1, 8) / 4; }

static inline const Affine *form(Maker *m, const Index *i) { return affine_index(m->p, i); }
static inline const Expr *number(Maker *m, double value) { return expr_const(m->p, value); }

static inline Index *fresh(Maker *m, const char *name, int64_t size) {
    return index_add(m->p, name, size, false);
}

// An index for each dimension of a tensor.
static inline Indices dims_of(Maker *m, const Tensor *t) {
    static const char *const NAMES[] = {"b", "i", "j", "k", "l", "m", "n", "o"};
    Indices all = {.count = t->rank};
    for (int d = 0; d < t->rank; d++)
        all.indices[d] = index_add(m->p, NAMES[d], t->dims[d], t->batch_dims >> d & 1);
    return all;
}

static inline const Expr *read_at(Maker *m, Tensor *t, Indices at) {
    const Affine *forms[MAX_RANK] = {0};
    for (int d = 0; d < t->rank; d++) forms[d] = form(m, at.indices[d]);
    return expr_read(m->p, t, forms, NULL);
}

static inline Tensor *tensor_over(Maker *m, const char *name, TensorKind kind, Indices dims) {
    int64_t sizes[MAX_RANK] = {0};
    uint8_t batch_dims = 0;
    for (int d = 0; d < dims.count; d++) {
        sizes[d] = dims.indices[d]->size;
        batch_dims |= (uint8_t)(dims.indices[d]->batch << d);
    }
    Tensor *t = tensor_add(m->p, name, kind, TYPE_REAL, dims.count, sizes);
    t->batch_dims = batch_dims;
    return t;
}

static inline Tensor *define(Maker *m, const char *name, Indices out, Reduction r, Indices reduced,
                             const Expr *e) {
    Tensor *t = tensor_over(m, name, TENSOR_TEMP, out);
    const Affine *forms[MAX_RANK] = {0};
    for (int d = 0; d < out.count; d++) forms[d] = form(m, out.indices[d]);
    equation_add(m->p, m->f, t, forms, reduced.count ? r : REDUCE_NONE, reduced.indices, reduced.count, e,
                 NULL);
    return t;
}

static const Indices NONE = {.count = 0};

static inline Tensor *param(Maker *m, Indices dims) {
    Tensor *t = tensor_over(m, "w", TENSOR_PARAM, dims);
    t->trainable = true;
    vec_push(m->p->arena, &m->params, t);
    return t;
}

static inline int64_t row_elements(const Tensor *t) { return tensor_elements(t) / t->dims[0]; }

static inline Tensor *some(Maker *m) {
    return m->pool[pick(m, m->pool_count > 3 ? m->pool_count - 3 : 0, m->pool_count - 1)];
}

static inline void remove_at(Indices *x, int at) {
    x->count--;
    for (int d = at; d < x->count; d++) x->indices[d] = x->indices[d + 1];
}

// A layer of integer reads that stand in subscripts: under conditions, at ends, of positions and whole
// numbers of numbers (random_reads.c).
Tensor *random_reads(Maker *m);

#endif
