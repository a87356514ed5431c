// Borders: guards of a sum that are exactly a read's own bounds become zeros around that tensor, where this
// computes few zeros. Then taps can be unrolled in a tile. Guarantees: a border stands only where every body
// it serves is a product with the bordered read as a factor; one dimension of the tensor stays without.
#include "pass/algebra.h"
#include "pass/schedule.h"

#include <math.h>
#include <stdlib.h>

static const double MOST_WASTE = 1.15;

// ---- guards -----------------------------------------------------------------------------------------------

const Expr *stage_guards(const Stage *s) {
    const Expr *e = s->equation->e;
    bool sum = s->equation->reduction == REDUCE_SUM && e->op == OP_WHERE;
    return sum && expr_is_const(e->args[1], 0) ? e : NULL;
}

bool guard_is_asked(const Kernel *k, const Stage *s, Guard g) {
    bool asked = !s->plan || !kernel_scatters(k);
    for (int j = 0; j < k->tile_count; j++)
        asked |= k->tile[j] != k->row_axis && forms_depend(&g.form, 1, k->tile[j]);
    return asked;
}

bool is_identity(Reduction r, const Expr *e) {
    double infinity = (double)INFINITY;
    if (r == REDUCE_MAX || r == REDUCE_MIN) return expr_is_const(e, r == REDUCE_MAX ? -infinity : infinity);
    return (r == REDUCE_SUM || r == REDUCE_PROD) && expr_is_const(e, r == REDUCE_PROD);
}

// A loop over few points is all edge: there some results of a tile take part and some do not, and each asks.
static bool guard_bounds(const Kernel *k, const Stage *s, Guard g) {
    enum { LONG = 64 };
    bool inner = false;
    if (g.form->denominator != 1) return false;
    every_term (term, g.form) {
        if (term->atom->op != OP_INDEX) return false;
        const Axis *a = &k->axes[term->atom->index->axis];
        if (a->batch || term->atom->index->axis == k->row_axis) return false;
        if (a->tile) continue;
        if (llabs(term->coef) != 1 || a->size < LONG) return false;
        inner = true;
    }
    return inner || s->equation->reduction != REDUCE_NONE;
}

bool guards_bound(const Kernel *k, const Stage *s) {
    const Equation *q = s->equation;
    if (q->e->op != OP_WHERE || k->rows_in_registers || s->plan) return false;
    if (q->reduction != REDUCE_NONE && !is_identity(q->reduction, q->e->args[1])) return false;
    for (int i = 0; i < q->e->guard_count; i++)
        if (!guard_bounds(k, s, q->e->guards[i])) return false;
    return true;
}

uint32_t stage_guard_axes(const Kernel *k, const Stage *s) {
    const Expr *e = s->equation->e;
    uint32_t m = 0;
    if (s->equation->reduction == REDUCE_NONE || e->op != OP_WHERE) return 0;
    for (int i = 0; i < e->guard_count; i++)
        if (guard_is_asked(k, s, e->guards[i])) m |= forms_axes(&e->guards[i].form, 1);
    return m;
}

static double guard_waste(Guard g) {
    double points, inside = guard_share(g, &points);
    return inside < 0 ? 1 : 1 / (inside > 0 ? inside : 1 / points);
}

double guards_waste(const Expr *where) {
    double w = 1;
    for (int i = 0; i < where->guard_count; i++) w *= guard_waste(where->guards[i]);
    return w;
}

// Does the guard hold an index of the sum so that it can bound its loop? Then it saves work.
static bool cuts(const Kernel *k, const Stage *s, Guard g) {
    bool cut = false;
    for (int j = 0; j < s->inner_count; j++) {
        int64_t c = affine_axis_coef(g.form, s->inner[j]);
        cut |= (c == 1 || c == -1) && !k->axes[s->inner[j]].tile;
    }
    return cut;
}

// ---- borders ----------------------------------------------------------------------------------------------

// Does the guard say that the read is inside its dimension, and no more?
static bool is_bound(Program *p, Guard g, const Expr *read, int d) {
    Guard own = {read->forms[d], read->tensor->dims[d]};
    return guard_normal(p, &own) == GUARD_OPEN && own.form == g.form && own.count == g.count;
}

// The factors of a body, which is 0 where one is; NULL: none, or one that the body is divided by.
static int factor_count(const Expr *body) {
    return body->op == OP_PRODUCT || body->op == OP_BF16_DOT ? body->count : 1;
}

static const Expr *read_factor(const Expr *body, int i) {
    const Expr *r = body->op == OP_PRODUCT || body->op == OP_BF16_DOT ? body->args[i] : body;
    return r->op != OP_READ || (body->op == OP_PRODUCT && body->exponents[i] < 1) ? NULL : r;
}

// The factor of the body that the guard bounds in one dimension; NULL: none.
static const Expr *read_within(Program *p, const Expr *body, Guard g, int *dim) {
    for (int i = 0; i < factor_count(body); i++) {
        const Expr *r = read_factor(body, i);
        if (!r) continue;
        for (*dim = 0; *dim < r->tensor->rank; ++*dim)
            if (is_bound(p, g, r, *dim)) return r;
    }
    return NULL;
}

static bool may_have_border(const Kernels *ks, Tensor *t, int dim) {
    if (t->kind != TENSOR_TEMP && !(t->kind == TENSOR_INPUT && ks->definers[t->id])) return false;
    return !t->layout->same && !(t->batch_dims >> dim & 1);
}

static void widen(Tensor *t, int dim, const Affine *form) {
    int64_t low, high;
    affine_bounds(form, &low, &high);
    if (-low > t->layout->border_low[dim]) t->layout->border_low[dim] = -low;
    if (high - t->dims[dim] + 1 > t->layout->border_high[dim])
        t->layout->border_high[dim] = high - t->dims[dim] + 1;
}

// A dimension without a border is left for vectors.
static bool leaves_one(const Tensor *t, Tensor *const *tensors, const int *dims, int count) {
    int left = 0;
    for (int d = 0; d < t->rank; d++) {
        bool has = t->layout->border_low[d] || t->layout->border_high[d];
        for (int i = 0; i < count; i++) has |= tensors[i] == t && dims[i] == d;
        left += !has;
    }
    return left > 0;
}

// At a point where a guard does not hold the bordered factor is 0, and the product has to be: every factor is
// an element that is there and finite, or a border's. (A quotient may be infinite there, memory beyond a
// tensor anything.)
static bool is_zero_outside(Program *p, const Expr *where, Tensor *const *tensors, const int *dims) {
    const Expr *body = where->args[0];
    for (int f = 0; f < factor_count(body); f++) {
        const Expr *r = read_factor(body, f);
        if (!r) return false;
        int bounded = 0; // guards that are its own bounds: where they do not hold it is 0 itself
        for (int d = 0; d < r->tensor->rank; d++) {
            int64_t low, high;
            affine_bounds(r->forms[d], &low, &high);
            bool inside =
                (low >= 0 && high < r->tensor->dims[d]) || (r->tensor->kind == TENSOR_SOURCE && d == 0);
            for (int i = 0; i < where->guard_count; i++) {
                bool own = tensors[i] == r->tensor && dims[i] == d && is_bound(p, where->guards[i], r, d);
                inside |= own;
                bounded += own;
            }
            if (!inside) return false;
        }
        if (bounded < where->guard_count && !expr_is_finite(p, r)) return false;
    }
    return true;
}

static bool borders_serve(const Kernels *ks, const Expr *where, Tensor **tensors, int *dims,
                          const Affine **forms) {
    for (int i = 0; i < where->guard_count; i++) {
        int64_t low, span;
        const Expr *r = read_within(ks->program, where->args[0], where->guards[i], &dims[i]);
        if (!r || !form_span(where->guards[i].form, &low, &span) || !may_have_border(ks, r->tensor, dims[i]))
            return false;
        tensors[i] = r->tensor;
        forms[i] = r->forms[dims[i]];
    }
    for (int i = 0; i < where->guard_count; i++)
        if (!leaves_one(tensors[i], tensors, dims, where->guard_count)) return false;
    return is_zero_outside(ks->program, where, tensors, dims);
}

static void border(Kernels *ks, const Kernel *k, Stage *s) {
    enum { ROOM = 2 * MAX_RANK };
    const Expr *where = stage_guards(s);
    Tensor *tensors[ROOM];
    int dims[ROOM];
    const Affine *forms[ROOM];
    double waste = 1; // zeros that bounds of loops would leave out
    if (!where || where->guard_count > ROOM || !borders_serve(ks, where, tensors, dims, forms)) return;
    for (int i = 0; i < where->guard_count; i++)
        if (cuts(k, s, where->guards[i])) waste *= guard_waste(where->guards[i]);
    if (waste > MOST_WASTE) return;
    for (int i = 0; i < where->guard_count; i++) widen(tensors[i], dims[i], forms[i]);
    Equation *q = arena_new(ks->program->arena, Equation);
    *q = *s->equation;
    q->e = where->args[0];
    s->equation = q;
    s->reads = q->e->reads;
    s->read_count = q->e->read_count;
}

// Where all guards bound loops, what they leave out is no work.
static void count_work(const Kernel *k, Stage *s) {
    const Expr *where = stage_guards(s);
    if (guards_bound(k, s)) {
        s->work /= guards_waste(s->equation->e);
        return;
    }
    int64_t low, span;
    for (int i = 0; where && i < where->guard_count; i++)
        if (!form_span(where->guards[i].form, &low, &span) || !cuts(k, s, where->guards[i])) return;
    if (where) s->work /= guards_waste(where);
}

static bool may_border(const Kernels *ks, const Function *f) {
    if (ks->program->precision == PRECISION_STRICT || ks->machine.bordered == BORDERED_NONE) return false;
    return ks->machine.bordered == BORDERED_ALL || f->kind == FUNCTION_STEP;
}

void pass_borders(Kernels *ks) {
    for (int i = 0; i < ks->schedules.count; i++) {
        function_signs(ks->program, ks->schedules.data[i]->function);
        for (int n = 0; n < ks->schedules.data[i]->kernels.count; n++) {
            Kernel *k = ks->schedules.data[i]->kernels.data[n];
            for (int s = 0; s < k->stages.count; s++) {
                if (k->stages.data[s].plan) continue; // its guards are the plan's
                if (may_border(ks, ks->schedules.data[i]->function)) border(ks, k, &k->stages.data[s]);
                count_work(k, &k->stages.data[s]);
            }
        }
    }
    kernels_note_unread(ks);
}
