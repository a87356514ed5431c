// What the passes over equations share: equations as values, the definitions of a function as a list
// that can be rewritten, and the algebra of one equation. Private to pass/.
#ifndef NN_ALGEBRA_H
#define NN_ALGEBRA_H

#include "ir/algebra.h"
#include "ir/flow.h"

// ---- shape.c: expressions and equations taken apart and made
typedef struct {
    const Guard *guards;
    int count;
    const Expr *body;
} Guarded;
Guarded expr_guarded(const Expr *e);                // where(guards, body, 0); no guards: e itself
int expr_work(Program *p, const Expr *e);           // multiply-adds that a value costs
bool expr_is_cheap(Program *p, const Expr *e);      // may be computed again for every reader
const Expr *expr_unstop(Program *p, const Expr *e); // stop_gradient has done its work

Equation *equation_with(Program *p, const Equation *q, const Expr *e); // the same with another expression
Equation *equation_map(Program *p, Tensor *t, const Affine *const *out, const Expr *e,
                       const Origin *origin); // without a reduction
Equation *equation_into(Program *p, const Equation *q, Tensor *t,
                        const Expr *e);                            // the same into another tensor
Equation *equation_copy(Program *p, const Equation *q, Tensor *t); // into it, with indices of its own
// Into a tensor, with forms in place of some indices: instead of a summed one it sums over those of its form.
Equation *equation_bind(Program *p, const Equation *q, Tensor *t, const Binding *bindings, int count);
bool equation_identity(const Equation *q); // every result form is an index of its own
int equation_loops(const Equation *q, const Index **loops, int room); // result indices, then the reduction's
double index_points(const Index *const *indices, int count);

Tensor *temp_add(Program *p, const char *base, const char *suffix, Type type, int rank,
                 const Index *const *dims);
// A part of an equation becomes a tensor over these indices, in the order of its recurrence, where it has the
// time among them; under the equation's own reduction, or none. Its definition goes to `made`; the result
// reads it.
const Expr *part_extract(Program *p, const Equation *q, const char *suffix, Reduction r, int rank,
                         const Index *const *dims, const Expr *e, Equations *made);
Tensor *temp_like(Program *p, const Tensor *t, const char *prefix, const char *suffix, Type type);
Index *index_like(Program *p, const Index *i);
const Index **dims_fresh(Program *p, const Tensor *t, const Expr *hint); // an index for each dimension
const Affine **forms_of(Program *p, const Index *const *indices, int count);
const Affine **elements_of(Program *p, const Tensor *t); // an index of its own for each dimension

void function_slice(Program *p,
                    Function *f); // specialise.c: leaves what its outputs, effects and measures need

// ---- solve.c, phases.c: algebra of one equation
Equation *equation_simplify(Program *p, const Equation *q);
void equation_phases(Program *p, const Equation *q, Equations *pieces); // simplified, strides split

// ---- factor.c: products taken apart
void expr_factors(Program *p, const Expr *e, Factors *f);
void factors_push(Program *p, Factors *f, const Expr *base, int exponent);
const Expr *factors_expr(Program *p, const Factors *f);
bool expr_depends_on_any(const Expr *e, const Index *const *indices, int count);
bool reads_stay_inside(Program *p, const Expr *e, const Guard *guards,
                       int count); // what leaves a guard answers this
// sum[r] outer * inner with `outer` free of r: false where nothing can leave.
bool equation_pull_out(Program *p, const Equation *q, Factors *outer, Factors *inner);

// ---- signs.c: what numbers there can be
// Of all tensors that it defines, where not yet known, its equations in order; of one that is new.
void function_signs(Program *p, const Function *f);
void equation_signs(Program *p, const Equation *q);
// For finite data and parameters, and what the signs of the tensors say that it reads.
bool expr_is_finite(Program *p, const Expr *e);

// ---- number.c: value numbers
typedef struct Numbers Numbers;
Numbers *numbers_create(Program *p);
// The tensor whose pieces are these, up to the names of indices, or NULL; `enter` then takes `t` for it.
Tensor *numbers_find(Numbers *n, const Equations *pieces, const Tensor *like);
Tensor *numbers_enter(Numbers *n, const Equations *pieces, Tensor *t);

const Index *numbers_index(Numbers *n, int place,
                           const Index *like); // the name of an index at this place of a key

// ---- scatter.c: sums in which every position adds to one row
typedef struct {
    int dim; // of the result, that the rows are
    const Index *row;
    const Affine *form; // which row a position adds to, where the guards hold
    Guard *guards;      // of the positions alone
    int guard_count;
} Scattered;
bool affine_chooses(const Affine *f);                                // by an integer that is read
bool equation_scatters(Program *p, const Equation *q, Scattered *s); // and is worth sorting for

// ---- sweep.c: the one sweep that every rewriting pass ends with
void function_sweep(Program *p, Function *f);
bool equation_is_alias(Program *p,
                       const Equation *q); // constant * read, under guards; or cheap, of no tensor
bool types_allow(const Equation *producer, Type reader); // may the reader compute what the producer does?
// The expression of an elementwise definition at a read's place.
const Expr *expr_inline(Program *p, const Equation *producer, const Expr *read);

// ---- large.c, operands.c, substitute.c
void function_bound(Program *p, Function *f);            // what is too deep becomes tensors
bool equation_is_product(Program *p, const Equation *q); // a sum of two groups, each with an index of its own
// The two operands of a product, each an expression, and what else is multiplied; false: it is none.
bool equation_operands(Program *p, const Equation *q, Factors *rest, const Expr **a, const Expr **b);
void function_inline(Program *p, Function *f); // elementwise producers with one reader go into it

#endif
