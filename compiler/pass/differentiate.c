// Reverse mode: the derivative of a function is more equations. From y[o] = sum[r] e(.. x[f] ..) every read
// contributes
//     dx[h] += sum[o, r] (dy[o] * de/dx[f] if f == h)
// with fresh h, whatever f is. Nothing else is known here: the algebra of one equation (solve.c, phases.c)
// turns the equalities into shifts, ranges, phases and pieces. Needs definitions before readers; leaves no
// gradient request.
#include "pass/differentiate.h"
#include "pass/passes.h"

enum { FORWARD = 1, BACKWARD = 2, EMITTED = 4, MASKED = 8 }; // masked: see chain_slopes

typedef struct {
    Program *p;
    Function *f;
    Flow *flow;
    int tensor_count;  // those that were there before the sweep
    uint8_t *marks;    // by tensor id
    Tensor **gradient; // by tensor id: of an active tensor, its derivative
    Equations *parts;  // by tensor id: what that derivative adds up
    Equations emitted;
} Sweep;

static bool is_active(void *data, const Tensor *t) {
    const Sweep *s = data;
    return (int)t->id < s->tensor_count && (s->marks[t->id] & (FORWARD | BACKWARD)) == (FORWARD | BACKWARD);
}

static bool mark_reads(Sweep *s, const Definition *d, uint8_t mark) {
    Exprs reads = {0};
    bool some = false;
    for (int i = 0; i < d->equations.count; i++) chain_reads(s->p, d->equations.data[i]->e, &reads);
    for (int i = 0; i < reads.count; i++) {
        uint8_t *marks = &s->marks[reads.data[i]->tensor->id];
        some = some || (tensor_is_real(reads.data[i]->tensor) && !(*marks & mark));
        if (tensor_is_real(reads.data[i]->tensor)) *marks |= mark;
    }
    return some;
}

static bool reads_forward(Sweep *s, const Definition *d) {
    Exprs reads = {0};
    for (int i = 0; i < d->equations.count; i++) chain_reads(s->p, d->equations.data[i]->e, &reads);
    for (int i = 0; i < reads.count; i++)
        if (s->marks[reads.data[i]->tensor->id] & FORWARD) return true;
    return false;
}

// Forward: depends on what is differentiated by. Backward: leads to what is differentiated.
// A circle is gone through until nothing is new.
static void mark(Sweep *s, const GradientRequest *requests, int count) {
    Program *p = s->p;
    s->flow = flow_open(p, s->f);
    s->tensor_count = p->tensors.count;
    s->marks = arena_array(p->arena, uint8_t, s->tensor_count);
    for (int i = 0; i < count; i++) s->marks[requests[i].by->id] |= FORWARD;
    s->marks[requests[0].of->id] |= BACKWARD;
    for (bool changed = true; changed;) {
        changed = false;
        every (d, s->flow->order) {
            if (s->marks[d->tensor->id] & FORWARD || !tensor_is_real(d->tensor) || !reads_forward(s, d))
                continue;
            s->marks[d->tensor->id] |= FORWARD;
            changed = changed || d->tensor->step;
        }
    }
    for (bool changed = true; changed;) {
        changed = false;
        for (int i = s->flow->order.count - 1; i >= 0; i--) {
            Definition *d = s->flow->order.data[i];
            if (s->marks[d->tensor->id] & BACKWARD && mark_reads(s, d, BACKWARD))
                changed = changed || d->tensor->step;
        }
    }
}

static Equation *aux(Sweep *s, const Equation *q, const char *suffix, Type type, Reduction r, const Expr *e) {
    Tensor *t = temp_like(s->p, q->tensor, "", suffix, type);
    Equation *a = equation_into(s->p, q, t, e);
    a->reduction = r;
    vec_push(s->p->arena, &s->emitted, equation_copy(s->p, a, t));
    return a;
}

// max and min: the first extreme element gets it all. Its position is another reduction over the same space.
static const Expr *at_extreme(Sweep *s, const Equation *q, const Expr *up) {
    Program *p = s->p;
    Equation *at =
        aux(s, q, "_at", TYPE_INT, q->reduction == REDUCE_MAX ? REDUCE_ARGMAX : REDUCE_ARGMIN, q->e);
    const Affine *position = affine_constant(p, 0);
    int64_t size = 1;
    for (int i = 0; i < q->index_count; i++) {
        const Affine *here = affine_index(p, q->indices[i]);
        position = affine_add(p, affine_scale(p, position, q->indices[i]->size, 1), here);
        size *= q->indices[i]->size;
    }
    at->tensor->bounded = true;
    at->tensor->low = 0;
    at->tensor->high = size - 1;
    const Affine *extreme = affine_atom(p, expr_read(p, at->tensor, q->out, q->origin));
    Guard g = {affine_sub(p, position, extreme), 1};
    return expr_under(p, &g, 1, up);
}

// prod: counts the zeros and multiplies the others, so that it is exact where an element is 0.
static const Expr *of_others(Sweep *s, const Equation *q, const Expr *up) {
    Program *p = s->p;
    const Expr *zero = expr_const(p, 0), *one = expr_const(p, 1),
               *is_zero = expr_binary(p, OP_EQ, q->e, zero);
    Equation *zeros = aux(s, q, "_zeros", TYPE_REAL, REDUCE_SUM, expr_select(p, is_zero, one, zero));
    Equation *others = aux(s, q, "_others", TYPE_REAL, REDUCE_PROD, expr_select(p, is_zero, one, q->e));
    const Expr *count = expr_read(p, zeros->tensor, q->out, q->origin);
    const Expr *product = expr_read(p, others->tensor, q->out, q->origin);
    const Expr *alone = expr_select(p, expr_binary(p, OP_EQ, count, one), product, zero);
    const Expr *rest = expr_div(p, product, expr_select(p, is_zero, one, q->e));
    const Expr *among = expr_select(p, expr_binary(p, OP_EQ, count, zero), rest, zero);
    return expr_mul(p, up, expr_select(p, is_zero, alone, among));
}

static const Affine *bound_to(const Binding *bindings, int count, const Index *i) {
    for (int k = 0; k < count; k++)
        if (bindings[k].from == i) return bindings[k].to;
    return NULL;
}

// A dimension read by one index alone, x[.., v, ..], needs no equality: v is that dimension's index.
static int bind_alone(Program *p, const Expr *read, const Index *const *loops, int count,
                      const Index *const *h, Binding *own) {
    int bound = 0;
    for (int d = 0; d < read->guard_count; d++) {
        const Index *v = affine_only(read->forms[d]);
        if (!v || v->batch != h[d]->batch || v->size != h[d]->size || bound_to(own, bound, v)) continue;
        for (int i = 0; i < count; i++)
            if (loops[i] == v) own[bound++] = (Binding){v, affine_index(p, h[d])};
    }
    return bound;
}

// One letter for one dimension: as where the tensor is defined, unless another loop has that letter, else as
// it is read.
static const Index **space_of(Sweep *s, const Expr *read, const Index *const *loops, int count) {
    const Index **h = dims_fresh(s->p, read->tensor, read);
    const Definition *d = flow_definition(s->flow, read->tensor);
    for (int k = 0; k < read->guard_count; k++) {
        const Index *defined = d ? affine_only(d->equations.data[0]->out[k]) : NULL,
                    *own = affine_only(read->forms[k]);
        bool free = defined && defined->name && !string_equal(defined->name, h[k]->name);
        for (int i = 0; i < count && free; i++)
            free = loops[i] == own || !loops[i]->name || !string_equal(loops[i]->name, defined->name);
        if (free) h[k] = index_add(s->p, defined->name, h[k]->size, h[k]->batch);
    }
    return h;
}

static void contribute(Sweep *s, const Equation *q, const Expr *read, const Expr *slope) {
    Program *p = s->p;
    int room = 2 * MAX_RANK + q->index_count, summed = 0, guards = 0;
    const Index **loops = arena_array(p->arena, const Index *, room);
    int count = equation_loops(q, loops, room);
    const Index **h = space_of(s, read, loops, count);
    Binding *own = arena_array(p->arena, Binding, count + 1);
    int bound = bind_alone(p, read, loops, count, h, own);
    for (int i = 0; i < count; i++) {
        if (bound_to(own, bound, loops[i])) continue;
        const Index *copy = index_like(p, loops[i]);
        own[bound++] = (Binding){loops[i], affine_index(p, copy)};
        loops[summed++] = copy;
    }
    Guard *equal = arena_array(p->arena, Guard, read->guard_count + 1);
    for (int d = 0; d < read->guard_count; d++) {
        const Affine *gap =
            affine_sub(p, affine_substitute(p, read->forms[d], own, bound), affine_index(p, h[d]));
        if (gap->count || gap->constant) equal[guards++] = (Guard){gap, 1};
    }
    const Expr *e = expr_under(p, equal, guards, expr_substitute(p, slope, own, bound));
    Equation *sum = equation_make(p, s->gradient[read->tensor->id], forms_of(p, h, read->tensor->rank),
                                  summed ? REDUCE_SUM : REDUCE_NONE, loops, summed, e, q->origin);
    equation_phases(p, sum, &s->parts[read->tensor->id]);
}

// The contributions of one equation to everything it reads.
static void pull(Sweep *s, const Equation *q) {
    Program *p = s->p;
    const Expr *up = expr_read(p, s->gradient[q->tensor->id], q->out, q->origin);
    const Expr *whole = NULL;
    if (q->reduction == REDUCE_MAX || q->reduction == REDUCE_MIN)
        up = at_extreme(s, q, up);
    else if (q->reduction == REDUCE_PROD)
        up = of_others(s, q, up);
    else if (q->reduction == REDUCE_NONE)
        whole = expr_read(p, q->tensor, q->out, q->origin);
    else if (q->reduction != REDUCE_SUM)
        return;
    Slopes slopes = {0};
    bool masked = q->tensor->step || s->marks[q->tensor->id] & MASKED; // in a circle perhaps by a later one
    chain_slopes(p, q->e, up, whole, masked, is_active, s, &slopes);
    every (d, slopes) {
        contribute(s, q, d.read, d.slope);
        vec_push(p->arena, &s->f->rules, (ChainRule){s->gradient[d.read->tensor->id], q, d.read});
        if (masked || slope_holds_condition(p, d.slope)) s->marks[d.read->tensor->id] |= MASKED;
    }
}

static void emit(Sweep *s, const Tensor *t) {
    if (s->marks[t->id] & EMITTED) return;
    s->marks[t->id] |= EMITTED;
    contributions_join(s->p, s->gradient[t->id], &s->parts[t->id], &s->emitted);
}

static void seed(Sweep *s, const Tensor *of) {
    Program *p = s->p;
    Tensor *d = s->gradient[of->id];
    vec_push(p->arena, &s->parts[of->id],
             equation_map(p, d, elements_of(p, d), expr_const(p, 1), of->origin));
}

static bool reads_active(Sweep *s, const Equation *q) {
    Exprs reads = {0};
    chain_reads(s->p, q->e, &reads);
    for (int i = 0; i < reads.count; i++)
        if (is_active(s, reads.data[i]->tensor)) return true;
    return false;
}

// What a definition gives to all that it reads. Its own derivative is whole before, but for a recurrence's:
// there its readers of later steps stand before it.
static void pull_all(Sweep *s, const Definition *d, bool whole) {
    if (!is_active(s, d->tensor)) return;
    if (whole) emit(s, d->tensor);
    for (int k = d->equations.count - 1; k >= 0; k--)
        if (reads_active(s, d->equations.data[k])) pull(s, d->equations.data[k]);
}

static void copy_result(Sweep *s, const GradientRequest *r) {
    Program *p = s->p;
    const Affine **place = elements_of(p, r->result);
    const Expr *known = expr_read(p, s->gradient[r->by->id], place, r->by->origin);
    vec_push(p->arena, &s->emitted, equation_map(p, r->result, place, known, r->by->origin));
}

// One sweep for all requests of one `of`.
static void sweep(Program *p, Function *f, const GradientRequest *requests, int count) {
    Sweep s = {.p = p, .f = f};
    const Tensor *of = requests[0].of;
    function_sort(p, f);
    mark(&s, requests, count);
    name_values(p, f, is_active, &s);
    mark(&s, requests, count);
    function_signs(p, f);
    s.gradient = arena_array(p->arena, Tensor *, s.tensor_count);
    s.parts = arena_array(p->arena, Equations, s.tensor_count);
    for (int i = 0; i < count; i++)
        if (!s.gradient[requests[i].by->id]) s.gradient[requests[i].by->id] = requests[i].result;
    for (int i = 0; i < s.tensor_count; i++) {
        Tensor *t = p->tensors.data[i];
        if (is_active(&s, t) && !s.gradient[i]) s.gradient[i] = temp_like(p, t, "d", "", TYPE_REAL);
        if (!s.gradient[i]) continue; // the way back is the way down
        s.gradient[i]->step = (int8_t)-t->step;
        s.gradient[i]->along = t->along;
    }
    if (is_active(&s, of)) seed(&s, of);
    for (int i = s.flow->order.count - 1, next; i >= 0; i = next) {
        next = i - 1;
        while (next >= 0 && s.flow->order.data[i]->tensor->step && s.flow->order.data[next]->tensor->step)
            next--;
        bool circle = s.flow->order.data[i]->tensor->step;
        for (int k = i; k > next; k--) pull_all(&s, s.flow->order.data[k], !circle);
        for (int k = i; circle && k > next; k--)
            if (is_active(&s, s.flow->order.data[k]->tensor)) emit(&s, s.flow->order.data[k]->tensor);
    }
    for (int i = 0; i < count; i++) {
        emit(&s, requests[i].by);
        if (s.gradient[requests[i].by->id] != requests[i].result) copy_result(&s, &requests[i]);
    }
    for (int i = 0; i < s.emitted.count; i++) vec_push(p->arena, &f->equations, s.emitted.data[i]);
}

void pass_differentiate(Program *p, Function *f) {
    if (!f->gradients.count) return;
    function_bound(p, f);
    while (f->gradients.count) {
        VEC(GradientRequest) now = {0};
        const Tensor *of = f->gradients.data[0].of;
        every (g, f->gradients)
            if (g.of == of) vec_push(p->arena, &now, g);
        vec_keep(g, f->gradients, g.of != of);
        sweep(p, f, now.data, now.count);
    }
    function_sort(p, f);
}
