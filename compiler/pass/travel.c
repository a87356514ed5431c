// Guards travel. Supply: a product with a factor that is 0 outside of a guard is 0 there too, so a mask
// reaches every product after it. Demand: a tensor that is read only under a guard is computed only there.
// With both, a causal mask written once halves all products of attention. Supply could hide an infinity or a
// NaN, and is left out in `strict`.
#include "pass/algebra.h"
#include "pass/passes.h"

typedef VEC(Guard) Guards;

// A tensor's guards in terms of its own dimensions.
typedef struct {
    const Index **dims;
    Guards guards;
    bool known; // demand: some read has been seen
} Mask;

typedef struct {
    Program *p;
    Function *f;
    Flow *flow;
    Mask *masks; // by tensor id
    Table bare;  // what was met under no guard: there nothing is asked for twice
    int visits;
} Travel;

static Travel travel_open(Program *p, Function *f) {
    Mask *masks = arena_array(p->arena, Mask, p->tensors.count + 1);
    return (Travel){.p = p, .f = f, .flow = flow_open(p, f), .masks = masks};
}

static bool travels(const Guard *g) {
    if (g->count <= 1 || g->form->denominator != 1 || !g->form->count) return false;
    every_term (term, g->form)
        if (term->atom->op != OP_INDEX || term->atom->index->batch) return false;
    return true;
}

static Guard renamed(Program *p, const Guard *g, const Index *const *from, const Affine *const *to,
                     int count) {
    Binding b[MAX_RANK];
    for (int i = 0; i < count; i++) b[i] = (Binding){from[i], to[i]};
    return (Guard){affine_substitute(p, g->form, b, count), g->count};
}

static bool single(const Definition *d) {
    const Equation *q = d->equations.data[0];
    return d->equations.count == 1 && equation_identity(q) &&
           (q->reduction == REDUCE_NONE || q->reduction == REDUCE_SUM);
}

// ---- supply: in order, from producers to readers

static Equation *supplied(Travel *t, Equation *q) {
    Program *p = t->p;
    if (q->reduction != REDUCE_NONE && q->reduction != REDUCE_SUM) return q;
    Factors f;
    expr_factors(p, q->e, &f);
    Guards more = {0};
    for (int i = 0; i < f.base.count; i++) {
        const Expr *read = f.base.data[i];
        if (read->op != OP_READ || f.exponent.data[i] <= 0) continue;
        const Mask *m = &t->masks[read->tensor->id];
        for (int k = 0; k < m->guards.count; k++)
            vec_push(p->arena, &more,
                     renamed(p, &m->guards.data[k], m->dims, read->forms, read->guard_count));
    }
    if (!more.count) return q;
    return equation_simplify(p, equation_with(p, q, expr_under(p, more.data, more.count, q->e)));
}

static void supply(Travel *t) {
    Program *p = t->p;
    every (d, t->flow->order) {
        for (int k = 0; k < d->equations.count; k++) d->equations.data[k] = supplied(t, d->equations.data[k]);
        if (!single(d)) continue;
        const Equation *q = d->equations.data[0];
        Guarded g = expr_guarded(q->e);
        Mask *m = &t->masks[d->tensor->id];
        m->dims = arena_array(p->arena, const Index *, MAX_RANK);
        for (int n = 0; n < q->out_count; n++) m->dims[n] = affine_only(q->out[n]);
        for (int n = 0; n < g.count; n++)
            if (travels(&g.guards[n]) && !form_depends_on_any(g.guards[n].form, q->indices, q->index_count))
                vec_push(p->arena, &m->guards, g.guards[n]);
    }
}

// ---- demand: backwards, from readers to producers

// The guards of one read, in terms of the dimensions of its tensor.
static void demand_read(Travel *t, const Expr *read, const Guards *under) {
    Program *p = t->p;
    Mask *m = &t->masks[read->tensor->id];
    if (!m->dims) m->dims = dims_fresh(p, read->tensor, NULL);
    Binding back[MAX_RANK];
    int count = 0;
    for (int d = 0; d < read->guard_count; d++)
        if (affine_only(read->forms[d]))
            back[count++] = (Binding){affine_only(read->forms[d]), affine_index(p, m->dims[d])};
    Guards mine = {0};
    for (int i = 0; i < under->count; i++) {
        if (!travels(&under->data[i])) continue;
        const Affine *form = affine_substitute(p, under->data[i].form, back, count);
        bool own = true;
        every_term (term, form) own = own && index_find(m->dims, read->guard_count, term->atom->index) >= 0;
        if (own) vec_push(p->arena, &mine, (Guard){form, under->data[i].count});
    }
    if (!m->known) {
        m->known = true;
        m->guards = mine;
        return;
    }
    vec_keep(g, m->guards, mine.count && guards_imply(p, mine.data, mine.count, g));
}

// A part that several guards share is met under each: up to a limit, then as if it stood under none.
static void demand_in(Travel *t, const Expr *e, Guards *under, Table *seen) {
    enum { MOST_VISITS = 100000 };
    Guards none = {0};
    if (++t->visits > MOST_VISITS) under = &none, seen = &t->bare;
    if (!e->read_count || table_get(seen, e)) return;
    table_set(t->p->arena, seen, e, e);
    Program *p = t->p;
    if (e->op == OP_READ) demand_read(t, e, under);
    const Affine *form;
    for (int i = 0; (form = expr_form(e, i)); i++)
        for (int k = 0; k < form->count; k++) demand_in(t, form->terms[k].atom, &(Guards){0}, &t->bare);
    for (int i = 0; i < e->count; i++) {
        if (e->op != OP_WHERE || i == 1) {
            demand_in(t, e->args[i], under, seen);
            continue;
        }
        int before = under->count;
        for (int k = 0; k < e->guard_count; k++) vec_push(p->arena, under, e->guards[k]);
        demand_in(t, e->args[0], under, &(Table){0});
        under->count = before;
    }
}

static void demand(Travel *t) {
    Program *p = t->p;
    for (int i = t->flow->order.count - 1; i >= 0; i--) {
        Definition *d = t->flow->order.data[i];
        Mask *m = &t->masks[d->tensor->id];
        // In a recurrence, readers of a step stand before what it reads of earlier ones.
        if (m->known && m->guards.count && !d->live && !d->tensor->step && single(d)) {
            Equation *q = d->equations.data[0];
            Guards own = {0};
            for (int k = 0; k < m->guards.count; k++)
                vec_push(p->arena, &own, renamed(p, &m->guards.data[k], m->dims, q->out, q->out_count));
            const Expr *e = expr_under(p, own.data, own.count, q->e);
            d->equations.data[0] = equation_simplify(p, equation_with(p, q, e));
            d->tensor->signs = 0;
        }
        for (int k = 0; k < d->equations.count; k++) {
            Guards under = {0};
            t->visits = 0;
            demand_in(t, d->equations.data[k]->e, &under, &(Table){0});
        }
    }
}

void pass_travel(Program *p, Function *f) {
    if (p->precision != PRECISION_STRICT) {
        Travel up = travel_open(p, f);
        supply(&up);
        flow_close(up.flow);
    }
    Travel down = travel_open(p, f);
    demand(&down);
    flow_close(down.flow);
    function_inline(p, f);
    function_sweep(p, f);
}
