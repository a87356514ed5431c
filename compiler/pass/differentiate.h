// Between the files of `differentiate`: the chain rule in one expression, values that get a name before it,
// and the sum of the contributions that a tensor's derivative collects.
#ifndef NN_DIFFERENTIATE_H
#define NN_DIFFERENTIATE_H

#include "pass/algebra.h"

typedef bool Active(void *data, const Tensor *t);
typedef struct {
    const Expr *read, *slope;
} Slope;
typedef VEC(Slope) Slopes;

// chain.c: the slope of e by each of its active reads, given that of the whole. `whole`: a read of e's stored
// value, or NULL. `masked`: that of the whole may be 0 because of a condition, and meets nothing infinite
// then.
void chain_slopes(Program *p, const Expr *e, const Expr *slope, const Expr *whole, bool masked,
                  Active *active, void *data, Slopes *slopes);
bool slope_holds_condition(Program *p, const Expr *e);
// The reads that a slope can reach: not those of integers, of conditions, or under stop_gradient.
void chain_reads(Program *p, const Expr *e, Exprs *reads);
// named.c: in elementwise equations, a costly operation whose derivative uses its value becomes a tensor.
void name_values(Program *p, Function *f, Active *active, void *data);
// contribute.c: parts of one derivative -> its definition: as pieces where they are disjoint, else added.
void contributions_join(Program *p, Tensor *t, Equations *parts, Equations *result);

#endif
