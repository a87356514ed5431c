// Products of bfloat16, for precision `bf16`. In the functions over batches both operands of a product (a sum
// of two groups of factors, each with an index that the other lacks) are rounded; its sum is single, as is
// all else.
//
// Where both operands are reads that have one summed index alone in a dimension, they become copies whose
// elements are pairs of neighbours along that dimension, and the sum runs over pairs: fma(first, first,
// fma(second, second, sum)), which is one instruction where the processor has it and gives the same bits
// where it has not. Other operands are rounded one by one. Copies are tensors like others: made once, laid
// out by the cost model. Needs: simplified functions without gradient requests. Guarantees: what a product
// reads is rounded once.
#include "pass/algebra.h"
#include "pass/passes.h"

enum { PLAIN = -1 };
static const double LARGE = 1 << 20; // numbers, of a tensor that lies in no near cache

typedef struct {
    Program *p;
    Equations made;
    VEC(Tensor *) copies; // by number of the tensor, and one more than the dimension of its pairs
} Rounding;

// ---- copies -----------------------------------------------------------------------------------------------

// Element 2k or 2k + 1 along the index; 0 where there is none.
static const Expr *neighbour(Program *p, Tensor *t, const Affine **forms, int d, const Affine *form,
                             int odd) {
    int64_t n = t->dims[d];
    forms[d] = affine_offset(p, affine_scale(p, form, 2, 1), odd);
    const Expr *read = expr_read(p, t, forms, t->origin);
    Guard there = {forms[d], n};
    if (t->batch_dims >> d & 1)
        there.form = affine_offset(p, affine_sub(p, affine_atom(p, expr_rows(p)), forms[d]), -1);
    return expr_under(p, &there, 1, read);
}

static Tensor *copy_make(Rounding *x, Tensor *t, int pairs) {
    Program *p = x->p;
    const Index **dims = dims_fresh(p, t, NULL);
    if (pairs != PLAIN) dims[pairs] = index_add(p, "k", (t->dims[pairs] + 1) / 2, false);
    const Affine **forms = forms_of(p, dims, t->rank), **out = forms_of(p, dims, t->rank);
    Tensor *copy = temp_add(p, t->name, pairs == PLAIN ? "_bf16" : "_pairs",
                            pairs == PLAIN ? TYPE_REAL : TYPE_INT, t->rank, dims);
    copy->origin = t->origin;
    if (t->step && t->along != pairs) {
        copy->step = t->step;
        copy->along = t->along;
    }
    const Expr *e;
    if (pairs == PLAIN) {
        e = expr_unary(p, OP_BF16, expr_read(p, t, forms, t->origin));
    } else {
        const Affine *k = forms[pairs];
        const Expr *even = neighbour(p, t, forms, pairs, k, 0);
        e = expr_binary(p, OP_BF16_PAIR, even, neighbour(p, t, forms, pairs, k, 1));
    }
    vec_push(p->arena, &x->made, equation_map(p, copy, out, e, t->origin));
    return copy;
}

static Tensor *copy_of(Rounding *x, Tensor *t, int pairs) {
    int place = (int)t->id * (MAX_RANK + 1) + pairs + 1;
    while (x->copies.count <= place) vec_push(x->p->arena, &x->copies, (Tensor *)NULL);
    if (!x->copies.data[place]) x->copies.data[place] = copy_make(x, t, pairs);
    return x->copies.data[place];
}

// ---- operands ---------------------------------------------------------------------------------------------

// Is a number used so often that a copy costs less than it saves? Else it is rounded where it is read.
static bool pays(const Equation *q, const Tensor *t) {
    const Index *loops[MAX_RANK * 4];
    int count = equation_loops(q, loops, MAX_RANK * 4);
    double size = (double)tensor_elements(t);
    return index_points(loops, count) / size >= (size < LARGE ? 8 : 64);
}

static bool is_number(const Expr *e) {
    return e->op == OP_READ && e->tensor->type == TYPE_REAL && e->tensor->kind != TENSOR_SOURCE;
}

static const Expr *rounded(Rounding *x, const Equation *q, const Expr *e) {
    if (!is_number(e) || !pays(q, e->tensor)) return expr_unary(x->p, OP_BF16, e);
    return expr_read(x->p, copy_of(x, e->tensor, PLAIN), e->forms, e->origin);
}

// The dimension of a read that is this index and no more, where nothing else of it depends on that; else -1.
static int dimension_of(const Equation *q, const Expr *read, const Index *i) {
    int dim = -1;
    for (int d = 0; d < read->guard_count; d++) {
        if (!affine_depends(read->forms[d], i)) continue;
        if (dim >= 0 || affine_only(read->forms[d]) != i || read->tensor->dims[d] != i->size) return -1;
        if (equation_time(q) && read->tensor->step && read->tensor->along == d) return -1;
        dim = d;
    }
    return dim;
}

static bool guarded_by(const Factors *f, const Index *i) {
    every (g, f->guards)
        if (affine_depends(g.form, i)) return true;
    every (c, f->conditions)
        if (expr_depends(c.condition, i)) return true;
    return false;
}

// The summed index whose pairs are multiplied: an even one before an odd one, one of few rows last, then the
// longest.
static const Index *index_of_pairs(const Equation *q, const Factors *rest, const Expr *a, const Expr *b) {
    const Index *best = NULL;
    int64_t weight = 0;
    if (!is_number(a) || !is_number(b) || !pays(q, a->tensor) || !pays(q, b->tensor)) return NULL;
    for (int i = 0; i < q->index_count; i++) {
        const Index *x = q->indices[i];
        if (x->size < 2 || guarded_by(rest, x) || dimension_of(q, a, x) < 0 || dimension_of(q, b, x) < 0)
            continue;
        int64_t w = x->size * (x->size % 2 ? 1 : 8) * (x->batch ? 1 : 2);
        if (w > weight) {
            weight = w;
            best = x;
        }
    }
    return best;
}

static const Expr *read_pairs(Rounding *x, const Equation *q, const Expr *read, const Index *i,
                              const Index *k) {
    const Affine *forms[MAX_RANK];
    int dim = dimension_of(q, read, i);
    for (int d = 0; d < read->guard_count; d++) forms[d] = d == dim ? affine_index(x->p, k) : read->forms[d];
    return expr_read(x->p, copy_of(x, read->tensor, dim), forms, read->origin);
}

// ---- products ---------------------------------------------------------------------------------------------

static Equation *round_product(Rounding *x, const Equation *q) {
    Program *p = x->p;
    Factors rest;
    Scattered s;
    const Expr *a, *b;
    if (q->tensor->type != TYPE_REAL || !equation_operands(p, q, &rest, &a, &b) ||
        equation_scatters(p, q, &s))
        return NULL;
    const Index *i = index_of_pairs(q, &rest, a, b);
    if (!i) {
        factors_push(p, &rest, rounded(x, q, a), 1);
        factors_push(p, &rest, rounded(x, q, b), 1);
        return equation_with(p, q, factors_expr(p, &rest));
    }
    const Index *k = index_add(p, i->name, (i->size + 1) / 2, false);
    const Index **indices = arena_array(p->arena, const Index *, q->index_count);
    for (int n = 0; n < q->index_count; n++) indices[n] = q->indices[n] == i ? k : q->indices[n];
    const Expr *first = read_pairs(x, q, a, i, k), *second = read_pairs(x, q, b, i, k);
    factors_push(p, &rest, expr_binary(p, OP_BF16_DOT, first, second), 1);
    Equation *sum = equation_with(p, q, factors_expr(p, &rest));
    sum->indices = indices;
    return sum;
}

void pass_round(Program *p, Function *f) {
    bool over_batches =
        f->kind == FUNCTION_STEP || f->kind == FUNCTION_EVALUATE || f->kind == FUNCTION_PREDICT;
    if (p->precision != PRECISION_BF16 || !over_batches) return;
    Rounding x = {.p = p};
    every (q, f->equations) {
        Equation *product = round_product(&x, q);
        vec_push(p->arena, &x.made, product ? product : q);
    }
    f->equations = x.made;
    function_sort(p, f);
}
