// What is summed of a row that an integer chooses, and of nothing else that knows the choice, is summed once
// for each row, where there are fewer rows than choices:
//
//     y[b, t, u] = sum[i] a[id[b, t], i] * w[i, u]   ->   r[k, u] = sum[i] a[k, i] * w[i, u],  y[b, t, u] =
//     r[id[b, t], u]
//
// It stands before differentiating, so that of the gradients too only a scattered sum knows the choices.
// Needs: gradients asked for (a step has whole batches, others perhaps a few rows of one). Not in `strict`:
// the gradients add up in another order. What is summed is products and sums alone: of a row that nobody
// chooses the value is not asked for, and a slope that is infinite there would meet a gradient of 0.
#include "pass/algebra.h"
#include "pass/passes.h"

typedef struct {
    Program *p;
    Flow *flow;
    const Expr *choice; // the integer, an atom of subscripts
    const Index *row;   // in its place
    bool several;
} Chosen;

static const Expr *atom_that_reads(const Expr *read) {
    for (int d = 0; d < read->guard_count; d++)
        for (int i = 0; i < read->forms[d]->count; i++)
            if (read->forms[d]->terms[i].atom->op == OP_READ) return read->forms[d]->terms[i].atom;
    return NULL;
}

// A tensor that is rows by choice, and that nobody asks a gradient by, is read as those.
static const Expr *open_rows(void *data, const Expr *read) {
    const Chosen *x = data;
    const Definition *d = flow_definition(x->flow, read->tensor);
    const Equation *q = d && d->equations.count == 1 ? d->equations.data[0] : NULL;
    if (!q || q->e->op != OP_READ || !equation_identity(q) || !atom_that_reads(q->e)) return read;
    for (int i = 0; i < x->flow->f->gradients.count; i++)
        if (x->flow->f->gradients.data[i].by == read->tensor) return read;
    return expr_inline(x->p, q, read);
}

static const Expr *find_choice(void *data, const Expr *read) {
    Chosen *x = data;
    const Expr *atom = atom_that_reads(read);
    if (atom) x->several |= x->choice && x->choice != atom;
    if (atom) x->choice = atom;
    return read;
}

static const Expr *put_row(void *data, const Expr *read) {
    const Chosen *x = data;
    return read == x->choice ? expr_index(x->p, x->row) : read;
}

static bool is_polynomial(const Expr *e) {
    if (e->op == OP_READ || e->op == OP_CONST) return true;
    bool all = e->op == OP_SUM || e->op == OP_PRODUCT;
    for (int i = 0; i < e->count && all; i++)
        all = is_polynomial(e->args[i]) && (e->op == OP_SUM || e->exponents[i] > 0);
    return all;
}

// The result's indices that the choice depends on must be all that knows of it; the others, behind the row,
// are those of the new tensor. 0: that is not so.
static int dimensions(const Chosen *x, const Equation *q, const Expr *e, const Index **dims) {
    const Index *results[MAX_RANK];
    int count = equation_result_indices(q, results, MAX_RANK), rank = 1;
    double choices = index_points(x->choice->free, x->choice->free_count);
    dims[0] = x->row;
    if (choices < 2 * (double)x->row->size) return 0;
    for (int i = 0; i < x->choice->free_count; i++)
        if (expr_depends(e, x->choice->free[i]) || index_find(results, count, x->choice->free[i]) < 0)
            return 0;
    for (int i = 0; i < count; i++)
        if (!expr_depends(x->choice, results[i])) dims[rank++] = results[i];
    return rank <= MAX_RANK ? rank : 0;
}

static Equation *by_row(Program *p, Flow *flow, Equation *q, Equations *made) {
    Chosen x = {.p = p, .flow = flow};
    const Index *dims[MAX_RANK + 1];
    int64_t low, high;
    if (q->reduction != REDUCE_SUM || q->tensor->step || q->tensor->type != TYPE_REAL ||
        !equation_identity(q))
        return q;
    const Expr *e = expr_map_reads(p, q->e, open_rows, &x);
    expr_map_reads(p, e, find_choice, &x);
    if (!x.choice || x.several || !is_polynomial(e) || !expr_integer_bounds(x.choice, &low, &high) || low < 0)
        return q;
    x.row = index_add(p, "row", high + 1, false);
    e = expr_map_reads(p, e, put_row, &x);
    int rank = dimensions(&x, q, e, dims);
    if (!rank) return q;
    Tensor *t = temp_add(p, q->tensor->name, "_rows", TYPE_REAL, rank, dims);
    t->origin = q->origin;
    Equation *rows =
        equation_make(p, t, forms_of(p, dims, rank), REDUCE_SUM, q->indices, q->index_count, e, q->origin);
    vec_push(p->arena, made, equation_copy(p, rows, t));
    const Affine **forms = forms_of(p, dims, rank);
    forms[0] = affine_atom(p, x.choice);
    return equation_make(p, q->tensor, q->out, REDUCE_NONE, NULL, 0, expr_read(p, t, forms, q->origin),
                         q->origin);
}

void pass_chosen(Program *p, Function *f) {
    if (!f->gradients.count || p->precision == PRECISION_STRICT) return;
    Flow *flow = flow_open(p, f);
    Equations all = {0};
    for (int i = 0; i < f->equations.count; i++) {
        Equation *q = by_row(p, flow, f->equations.data[i], &all);
        vec_push(p->arena, &all, q);
    }
    f->equations = all;
}
