// The contributions to one derivative become its definition: pieces where all are disjoint; else one map that
// adds them, with sums over indices in temporaries of their own, and what is written at a constant place as a
// guarded term.
#include "pass/differentiate.h"

typedef VEC(Equations) Groups;

static bool disjoint_from(const Equation *q, const Equations *others) {
    for (int i = 0; i < others->count; i++)
        if (!forms_disjoint(q->out, others->data[i]->out, q->out_count)) return false;
    return true;
}

static bool all_disjoint(const Equations *parts) {
    for (int i = 1; i < parts->count; i++) {
        Equations before = {parts->data, i, i};
        if (!disjoint_from(parts->data[i], &before)) return false;
    }
    return true;
}

// Written at plain indices or at constants: dx[b, 3, u] = e can be the term (e if t == 3).
static bool is_term(const Equation *q) {
    if (q->reduction != REDUCE_NONE) return false;
    for (int d = 0; d < q->out_count; d++) {
        if (affine_is_constant(q->out[d])) continue;
        const Index *i = affine_only(q->out[d]);
        if (!i || i->size != q->tensor->dims[d]) return false;
    }
    return true;
}

static const Expr *term(Program *p, const Equation *q, const Index *const *h) {
    Guard pins[MAX_RANK];
    Binding own[MAX_RANK] = {{NULL, NULL}};
    int pin_count = 0, own_count = 0;
    for (int d = 0; d < q->out_count; d++) {
        const Affine *place = affine_index(p, h[d]);
        if (affine_is_constant(q->out[d]))
            pins[pin_count++] = (Guard){affine_sub(p, place, q->out[d]), 1};
        else
            own[own_count++] = (Binding){affine_only(q->out[d]), place};
    }
    return expr_under(p, pins, pin_count, expr_substitute(p, q->e, own, own_count));
}

static const Index **result_space(Program *p, const Tensor *t, const Equations *parts) {
    const Index **h = dims_fresh(p, t, NULL);
    for (int d = 0; d < t->rank; d++)
        for (int i = 0; i < parts->count; i++) {
            const Index *named = affine_only(parts->data[i]->out[d]);
            if (named) {
                h[d] = index_add(p, named->name, t->dims[d], t->batch_dims >> d & 1);
                break;
            }
        }
    return h;
}

static void add_up(Program *p, Tensor *t, const Equations *parts, Equations *result) {
    const Index **h = result_space(p, t, parts);
    const Affine **place = forms_of(p, h, t->rank);
    const Expr *total = expr_const(p, 0);
    Groups groups = {0};
    for (int i = 0; i < parts->count; i++) {
        Equation *q = parts->data[i];
        if (is_term(q)) {
            total = expr_add(p, total, term(p, q, h));
            continue;
        }
        int g = 0;
        while (g < groups.count && !disjoint_from(q, &groups.data[g])) g++;
        if (g == groups.count) vec_push(p->arena, &groups, (Equations){0});
        vec_push(p->arena, &groups.data[g], q);
    }
    for (int g = 0; g < groups.count; g++) {
        Tensor *part = temp_like(p, t, "", "_part", TYPE_REAL);
        every (q, groups.data[g]) vec_push(p->arena, result, equation_into(p, q, part, q->e));
        total = expr_add(p, total, expr_read(p, part, place, parts->data[0]->origin));
    }
    vec_push(p->arena, result, equation_map(p, t, place, expr_normal(p, total), parts->data[0]->origin));
}

void contributions_join(Program *p, Tensor *t, Equations *parts, Equations *result) {
    vec_keep(q, *parts, !expr_is_const(q->e, 0));
    if (parts->count == 0) {
        vec_push(p->arena, result, equation_map(p, t, elements_of(p, t), expr_const(p, 0), t->origin));
    } else if (parts->count == 1 || all_disjoint(parts)) {
        every (q, *parts) vec_push(p->arena, result, q);
    } else {
        add_up(p, t, parts, result);
    }
}
