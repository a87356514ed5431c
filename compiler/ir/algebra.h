// The algebra of forms, indices and factors that the files of ir/ and the passes share.
#ifndef NN_IR_ALGEBRA_H
#define NN_IR_ALGEBRA_H

#include "ir/ir.h"

// ---- equations that are not written yet ----

// Without the left side; `type`: of the result.
typedef struct {
    Reduction reduction;
    const Index *indices[MAX_RANK * 2];
    int count;
    const Expr *e;
    Type type;
} Reduced;
// Splits indices so that divisions by constants vanish; the time of a loop stays whole (split.c).
void equation_split(Program *p, const Affine **out, int out_count, Reduced *parts);

// What the expression reads of temporaries of the function is written out in it, as far as that is one number
// each (inline.c).
const Expr *expr_without_temps(Program *p, const Function *f, const Expr *e);

// ---- numbers ----
int64_t gcd_of(int64_t a, int64_t b);
int64_t floor_div(int64_t a, int64_t b); // rounds down, b > 0
double whole_power(double x, int k);     // by multiplying, where k is small

// ---- indices and forms ----
bool expr_is_flag(const Expr *e);       // BOOL, or the whole number 0 or 1
bool expr_is_integer(const Expr *e);    // INT or BOOL: may stand in an affine form
int affine_read_depth(const Affine *a); // how many integer reads stand inside one another
// The row-major number of the element at these forms, by the dimensions from..to - 1 of these sizes.
const Affine *affine_number(Program *p, const Affine *const *forms, const int64_t *sizes, int from, int to);
int index_find(const Index *const *indices, int count, const Index *index);           // its place, or -1
bool form_depends_on_any(const Affine *form, const Index *const *indices, int count); // also inside atoms
uint32_t forms_axes(const Affine *const *forms, int count); // of a kernel that the forms depend on
// Do two places in `count` dimensions never meet, by their ranges or their strides?
bool forms_disjoint(const Affine *const *a, const Affine *const *b, int count);
bool forms_equal(const Affine *const *a, const Affine *const *b, int count);
// Is every form an index of its own, over a whole dimension of the tensor? `ones`: or 0 in one of one
// element.
bool forms_cover(const Affine *const *forms, const Tensor *t, bool ones);
// Do different values of the indices that are not `known` always give different values of the form? It holds
// indices alone.
bool form_is_injective(const Affine *form, const Index *const *known, int count);
// The least value of a form of indices alone, and how far it reaches beyond; false: it is none, or reaches
// far.
bool form_span(const Affine *form, int64_t *low, int64_t *span);
// The share of a form's points at which the guard holds, 0 where it never does; -1: not known.
double guard_share(Guard g, double *points);

// Is it floor(of / by), of an integer by a constant from 2 on? What else there is of // and mod by constants
// are affine forms of such quotients.
bool expr_is_quotient(const Expr *e, const Expr **of, int64_t *by);
// rest + floor(f / m) in 0 .. n - 1 says m * rest + f in 0 .. n * m - 1: the guard without one of its
// quotients; false: it has none.
bool guard_open_quotient(Program *p, Guard *g);

// ---- factors: k * product of base ^ exponent where all guards and conditions hold, else 0 ----
typedef struct {
    const Expr *condition;
    bool sense;
} Condition;
typedef struct {
    double k;
    VEC(const Expr *) base;
    VEC(int) exponent;
    VEC(Guard) guards;
    VEC(Condition) conditions;
} Factors;
// The body under the factors' conditions and guards, the guards outermost.
const Expr *factors_enclose(Program *p, const Factors *f, const Expr *body);

#endif
