// A random recurrence over one dimension of an activation: what earlier steps made comes back elementwise or
// through a matrix, one or two steps later, upwards or downwards, in one tensor or in two.
#include "programs/random_program.h"

#include <string.h>

typedef struct {
    Program *p;
    Function *f;
    const Tensor *x;
    const Index *at[MAX_RANK]; // of the result; `v`: what stands for at[feature] where a matrix sums
    const Index *v;
    int time, feature, step, lag; // feature 0: no matrix
    double before_all;
} Recurrence;

static Tensor *carried(const Recurrence *r, const char *name) {
    Tensor *t = tensor_add(r->p, name, TENSOR_TEMP, TYPE_REAL, r->x->rank, r->x->dims);
    t->batch_dims = r->x->batch_dims;
    t->step = (int8_t)r->step;
    t->along = (int8_t)r->time;
    return t;
}

static const Expr *read_of(const Recurrence *r, Tensor *t, int lag, bool summed) {
    const Affine *forms[MAX_RANK];
    for (int d = 0; d < t->rank; d++)
        forms[d] = affine_index(r->p, summed && d == r->feature ? r->v : r->at[d]);
    forms[r->time] = affine_offset(r->p, forms[r->time], -(int64_t)lag * r->step);
    Guard inside = {forms[r->time], t->dims[r->time]};
    const Expr *read = expr_read(r->p, t, forms, NULL);
    return lag ? expr_where(r->p, &inside, 1, read, expr_const(r->p, r->before_all)) : read;
}

static void define(const Recurrence *r, Tensor *t, const Expr *e, bool sum) {
    const Affine *out[MAX_RANK];
    for (int d = 0; d < t->rank; d++) out[d] = affine_index(r->p, r->at[d]);
    equation_add(r->p, r->f, t, out, sum ? REDUCE_SUM : REDUCE_NONE, &r->v, sum, e, NULL);
}

Tensor *random_recur(Program *p, Function *f, uint64_t *state, Tensor *x, Tensor **matrix) {
    Recurrence r = {.p = p, .f = f, .x = x, .time = (int)random_pick(state, 1, x->rank - 1)};
    static const char *const NAMES[] = {"b", "i", "j", "k", "l", "m", "n", "o"};
    for (int d = 0; d < x->rank; d++)
        r.at[d] = index_add(p, d == r.time ? "t" : NAMES[d], x->dims[d], x->batch_dims >> d & 1);
    r.step = random_pick(state, 0, 1) ? 1 : -1;
    r.lag = (int)random_pick(state, 1, 2);
    r.before_all = (double)random_pick(state, 0, 2) / 4;
    for (int d = 1; d < x->rank && random_pick(state, 0, 2); d++)
        if (d != r.time) r.feature = d;
    Tensor *h = carried(&r, "h"), *first = h;
    const Expr *back, *half = expr_const(p, 0.5);
    *matrix = NULL;
    if (r.feature) {
        const Index *u = r.at[r.feature];
        r.v = index_add(p, "v", u->size, false);
        Tensor *w = *matrix =
                   tensor_add(p, "w", TENSOR_PARAM, TYPE_REAL, 2, (const int64_t[]){u->size, u->size}),
               *product = carried(&r, "carried");
        w->trainable = true;
        const Affine *place[] = {affine_index(p, r.v), affine_index(p, u)};
        const Expr *weight = expr_read(p, w, place, NULL);
        define(&r, product, expr_mul(p, read_of(&r, h, r.lag, true), weight), true);
        back = read_of(&r, product, 0, false);
    } else {
        back = read_of(&r, h, r.lag, false);
    }
    const Expr *e = expr_add(p, read_of(&r, x, 0, false), expr_mul(p, half, back));
    if (random_pick(state, 0, 1)) {
        first = carried(&r, "c");
        const Expr *kept = expr_mul(p, half, read_of(&r, first, (int)random_pick(state, 1, 2), false));
        define(&r, first, expr_add(p, kept, expr_unary(p, OP_SIN, e)), false);
        e = read_of(&r, first, 0, false);
    }
    define(&r, h, expr_unary(p, OP_TANH, e), false);
    return random_pick(state, 0, 3) ? h : first;
}
