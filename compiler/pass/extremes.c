// Under the guard at[o] == r, where at = argmax[r] x[f(o, r)], the element x[f(o, r)] is the stored maximum
// m[o]: the large tensor before a pool is then not read on the way back.
#include "pass/algebra.h"
#include "pass/passes.h"

typedef struct {
    Program *p;
    Flow *flow;
    Numbers *numbers; // of all maxima and minima
} Extremes;

// An element, and the stored extreme that it is.
typedef struct {
    const Expr *element, *extreme;
} Known;

// The maximum over the same space as an argmax, stored in a tensor.
static Tensor *extreme_of(Extremes *x, const Equation *at) {
    Equation *q = equation_with(x->p, at, at->e);
    q->reduction = at->reduction == REDUCE_ARGMAX ? REDUCE_MAX : REDUCE_MIN;
    Tensor like = *at->tensor;
    like.type = TYPE_REAL;
    Equations one = {0};
    vec_push(x->p->arena, &one, q);
    return numbers_find(x->numbers, &one, &like);
}

// The position that the guard states, as a value for each of the argmax's indices; false if it states none.
static bool position(Program *p, const Affine *stated, const Equation *at, const Affine **place) {
    if (at->index_count == 1) {
        place[0] = stated;
        return true;
    }
    if (!affine_is_constant(stated)) return false;
    int64_t left = stated->constant;
    for (int i = at->index_count - 1; i >= 0; i--) {
        place[i] = affine_constant(p, left % at->indices[i]->size);
        left /= at->indices[i]->size;
    }
    return true;
}

// What a guard `stated - at[o] == 0` makes known of the element at that place.
static bool known_under(Extremes *x, const Guard *g, Known *known) {
    Program *p = x->p;
    if (g->count != 1 || g->form->denominator != 1) return false;
    every_term (term, g->form) {
        const Expr *read = term->atom;
        if (read->op != OP_READ || (term->coef != 1 && term->coef != -1)) continue;
        const Definition *d = flow_definition(x->flow, read->tensor);
        if (!d || d->equations.count != 1) continue;
        const Equation *at = d->equations.data[0];
        if ((at->reduction != REDUCE_ARGMAX && at->reduction != REDUCE_ARGMIN) || !equation_identity(at))
            continue;
        Tensor *m = extreme_of(x, at);
        if (!m || at->index_count > MAX_RANK) continue;
        const Affine *rest = affine_sub(p, g->form, affine_scale(p, affine_atom(p, read), term->coef, 1)),
                     *place[MAX_RANK];
        if (!position(p, term->coef < 0 ? rest : affine_scale(p, rest, -1, 1), at, place)) continue;
        Binding b[2 * MAX_RANK];
        int count = 0;
        for (int i = 0; i < at->out_count; i++)
            b[count++] = (Binding){affine_only(at->out[i]), read->forms[i]};
        for (int i = 0; i < at->index_count; i++) b[count++] = (Binding){at->indices[i], place[i]};
        Guarded body = expr_guarded(expr_substitute(p, at->e, b, count));
        const Expr *element = body.body->op == OP_WHERE ? body.body->args[0] : body.body;
        if (element->op != OP_READ) continue;
        *known = (Known){element, expr_read(p, m, read->forms, read->origin)};
        return true;
    }
    return false;
}

static const Expr *use(void *data, const Expr *e) {
    Extremes *x = data;
    Program *p = x->p;
    if (e->op == OP_SELECT && e->args[1]->op == OP_WHERE && expr_is_const(e->args[2], 0) &&
        expr_is_const(e->args[1]->args[1], 0)) {
        const Expr *w = e->args[1];
        e = expr_where(p, w->guards, w->guard_count, expr_select(p, e->args[0], w->args[0], e->args[2]),
                       e->args[2]);
    }
    if (e->op != OP_WHERE) return e;
    const Expr *body = e->args[0];
    for (int i = 0; i < e->guard_count; i++) {
        Known known;
        if (known_under(x, &e->guards[i], &known)) body = expr_replace(p, body, known.element, known.extreme);
    }
    return body == e->args[0] ? e : expr_where(p, e->guards, e->guard_count, body, e->args[1]);
}

// Guarded addends too: overlapping windows add up under guards of their own.
static const Expr *use_in_sum(Extremes *x, const Expr *e) {
    return e->op == OP_SUM ? expr_map_args(x->p, e, use, x) : use(x, e);
}

void pass_extremes(Program *p, Function *f) {
    Extremes x = {p, flow_open(p, f), numbers_create(p)};
    every (d, x.flow->order) {
        Reduction r = d->equations.data[0]->reduction;
        if (r == REDUCE_MAX || r == REDUCE_MIN) numbers_enter(x.numbers, &d->equations, d->tensor);
    }
    every (d, x.flow->order)
        every_at (slot, d->equations) {
            const Expr *e = use_in_sum(&x, (*slot)->e);
            if (e != (*slot)->e) *slot = equation_with(p, *slot, expr_normal(p, e));
        }
    flow_close(x.flow);
}
