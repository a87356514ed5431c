// Views: flat[b, 80*i + 16*j + c] = p[b, i, j, c], the only definition of flat: the producer of p writes flat
// in place, and readers of p read flat. Flattening, splitting heads and copying into an output then cost
// nothing.
#include "pass/algebra.h"
#include "pass/passes.h"

typedef struct {
    Program *p;
    Flow *flow;
    const Equation **view; // by the id of the tensor that is written as another: the equation of the view
} Views;

// Every element of the source has one place in the result.
static bool plain_source(const Flow *flow, const Equation *q) {
    const Expr *read = q->e;
    if (read->op != OP_READ || read->tensor->kind != TENSOR_TEMP || read->tensor->type != q->tensor->type)
        return false;
    if (read->tensor->step || q->tensor->step) return false; // each has its own order of dimensions
    const Definition *source = flow_definition(flow, read->tensor);
    if (!source || source->live) return false;
    if (!forms_cover(read->forms, read->tensor, false)) return false;
    const Index *result[4 * MAX_RANK];
    return equation_result_indices(q, result, 4 * MAX_RANK) == read->guard_count;
}

static void written_as(Views *v, const Expr *read, const Equation *view, const Affine *const *at,
                       const Affine **out) {
    Binding b[MAX_RANK];
    for (int d = 0; d < read->guard_count; d++) b[d] = (Binding){affine_only(read->forms[d]), at[d]};
    for (int d = 0; d < view->out_count; d++)
        out[d] = affine_substitute(v->p, view->out[d], b, read->guard_count);
}

static const Expr *replace(void *data, const Expr *read) {
    Views *v = data;
    const Equation *view = v->view[read->tensor->id];
    if (!view) return read;
    const Affine *forms[MAX_RANK];
    written_as(v, view->e, view, read->forms, forms);
    return expr_read(v->p, view->tensor, forms, read->origin);
}

static void rewrite(Views *v, Equation **slot) {
    Equation *q = equation_with(v->p, *slot, expr_map_reads(v->p, (*slot)->e, replace, v));
    const Equation *view = v->view[q->tensor->id];
    if (view) {
        const Affine *out[MAX_RANK];
        written_as(v, view->e, view, q->out, out);
        q = equation_make(v->p, view->tensor, out, q->reduction, q->indices, q->index_count, q->e, q->origin);
    }
    *slot = q;
}

// flat[..] = k * p[..], where nobody else reads p: p takes the factor, unless it is a product's sum, which
// would pay for it in every term.
static void scale_source(Views *v, Equation **slot, const int *readers) {
    Program *p = v->p;
    const Expr *e = (*slot)->e;
    if (e->op != OP_PRODUCT || e->count != 1 || e->exponents[0] != 1 || e->args[0]->op != OP_READ) return;
    const Equation *plain = equation_with(p, *slot, e->args[0]);
    Definition *d = flow_definition(v->flow, e->args[0]->tensor);
    if (!d || readers[d->tensor->id] != 1 || equation_identity(plain) || !plain_source(v->flow, plain))
        return;
    every (q, d->equations)
        if (q->reduction != REDUCE_NONE && (q->reduction != REDUCE_SUM || equation_is_product(p, q))) return;
    every_at (q, d->equations)
        *q = equation_with(p, *q, expr_normal(p, expr_mul(p, expr_const(p, e->value), (*q)->e)));
    *slot = equation_with(p, plain, plain->e);
}

static void scale_sources(Views *v) {
    const int *readers = function_reads(v->p, v->flow->f);
    every (d, v->flow->order)
        if (d->equations.count == 1 && d->equations.data[0]->reduction == REDUCE_NONE)
            scale_source(v, &d->equations.data[0], readers);
}

// One view of each tensor, and of no tensor that is itself about to be written as another.
static bool find(Views *v) {
    bool any = false;
    bool *busy = arena_array(v->p->arena, bool, v->p->tensors.count + 1);
    every (d, v->flow->order) {
        Equation *q = d->equations.data[0];
        if (d->equations.count != 1 || q->reduction != REDUCE_NONE || !plain_source(v->flow, q)) continue;
        if (q->tensor->kind != TENSOR_TEMP && q->tensor->kind != TENSOR_OUTPUT) continue;
        uint32_t source = q->e->tensor->id;
        if (busy[source] || busy[q->tensor->id]) continue;
        busy[source] = busy[q->tensor->id] = true;
        v->view[source] = q;
        d->equations.count = 0;
        any = true;
    }
    return any;
}

static bool write_in_place(Program *p, Function *f) {
    Views v = {p, flow_open(p, f), arena_array(p->arena, const Equation *, p->tensors.count + 1)};
    if (p->precision != PRECISION_STRICT) scale_sources(&v);
    if (!find(&v)) return false;
    every (d, v.flow->order)
        every_at (slot, d->equations) rewrite(&v, slot);
    flow_close(v.flow);
    function_sort(p, f);
    return true;
}

void pass_views(Program *p, Function *f) {
    for (int chains = 0; chains < 4 && write_in_place(p, f); chains++) {}
}
