// Common bodies: sum[b] (dh[b, u] if 0 < h[b, u] else 0), where a tensor holds that body, reads the tensor;
// and a map that says what an earlier one says in another order of dimensions reads that one. Bodies are
// found by a key in which indices are named by their first place in the expression's reads.
#include "pass/algebra.h"
#include "pass/passes.h"

#include <stdlib.h>

typedef struct {
    Tensor *tensor;
    bool of_recurrence;  // in no recurrence itself, it reads one: what is in that one must not read it
    int place[MAX_RANK]; // of the tensor's dimensions: which of the key's indices
} Held;

typedef struct {
    Program *p;
    Numbers *numbers; // for the names of indices
    Table held;       // from keys to Held
} Bodies;

static int by_tensor(const void *a, const void *b) {
    const Expr *x = *(const Expr *const *)a, *y = *(const Expr *const *)b;
    if (x->tensor != y->tensor) return x->tensor->id < y->tensor->id ? -1 : 1;
    for (int d = 0; d < x->guard_count; d++) {
        const Affine *f = x->forms[d], *g = y->forms[d];
        if (f->constant != g->constant) return f->constant < g->constant ? -1 : 1;
        if (f->count != g->count) return f->count - g->count;
    }
    return x->id < y->id ? -1 : 1;
}

// The free indices of e in the order of its reads; what stands in no read comes last.
static int ordered(Program *p, const Expr *e, const Index **order) {
    const Expr **reads = arena_array(p->arena, const Expr *, e->read_count + 1);
    int count = 0;
    for (int i = 0; i < e->read_count; i++) reads[i] = e->reads[i];
    qsort(reads, (size_t)e->read_count, sizeof *reads, by_tensor);
    for (int i = 0; i < e->read_count; i++)
        for (int d = 0; d < reads[i]->guard_count; d++)
            every_term (term, reads[i]->forms[d]) {
                if (term->atom->op == OP_INDEX && index_find(order, count, term->atom->index) < 0)
                    order[count++] = term->atom->index;
            }
    for (int i = 0; i < e->free_count; i++)
        if (index_find(order, count, e->free[i]) < 0) order[count++] = e->free[i];
    return count;
}

static const Expr *key_of(Bodies *b, const Expr *e, const Index **order, int count) {
    Program *p = b->p;
    Binding *own = arena_array(p->arena, Binding, count + 1);
    for (int i = 0; i < count; i++)
        own[i] = (Binding){order[i], affine_index(p, numbers_index(b->numbers, i, order[i]))};
    return expr_normal(p, expr_substitute(p, e, own, count));
}

static void hold(Bodies *b, const Equation *q, const Expr *key, const Index *const *order, int count) {
    Held *h = arena_new(b->p->arena, Held);
    h->tensor = q->tensor;
    for (int i = 0; i < q->e->read_count && !q->tensor->step; i++)
        h->of_recurrence = h->of_recurrence || q->e->reads[i]->tensor->step;
    for (int d = 0; d < q->out_count; d++)
        for (int i = 0; i < count; i++)
            if (affine_only(q->out[d]) == order[i]) h->place[d] = i;
    table_set(b->p->arena, &b->held, key, h);
}

static const Expr *read_held(Program *p, const Held *h, const Index *const *order, const Origin *origin) {
    const Affine *forms[MAX_RANK];
    for (int d = 0; d < h->tensor->rank; d++) forms[d] = affine_index(p, order[h->place[d]]);
    return expr_read(p, h->tensor, forms, origin);
}

static bool is_map(const Definition *d) {
    const Equation *q = d->equations.data[0];
    return d->equations.count == 1 && q->reduction == REDUCE_NONE && q->e->count &&
           q->tensor->type == TYPE_REAL && equation_identity(q) && q->e->free_count == q->out_count;
}

void pass_bodies(Program *p, Function *f) {
    Flow *flow = flow_open(p, f);
    Bodies b = {.p = p, .numbers = numbers_create(p)};
    every (d, flow->order) {
        if (!is_map(d)) continue;
        Equation *q = d->equations.data[0];
        const Index **order = arena_array(p->arena, const Index *, q->e->free_count + 1);
        int count = ordered(p, q->e, order);
        const Expr *key = key_of(&b, q->e, order, count);
        const Held *h = table_get(&b.held, key);
        if (h)
            d->equations.data[0] = equation_with(p, q, read_held(p, h, order, q->origin));
        else
            hold(&b, q, key, order, count);
    }
    every (d, flow->order)
        every_at (slot, d->equations) {
            Equation *q = *slot;
            if (q->reduction == REDUCE_NONE || !q->e->count || !q->e->free_count) continue;
            const Index **order = arena_array(p->arena, const Index *, q->e->free_count + 1);
            int count = ordered(p, q->e, order);
            const Held *h = table_get(&b.held, key_of(&b, q->e, order, count));
            if (h && !(h->of_recurrence && q->tensor->step))
                *slot = equation_with(p, q, read_held(p, h, order, q->origin));
        }
    flow_close(flow);
    function_sort(p, f);
}
