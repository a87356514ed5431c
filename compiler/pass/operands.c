// A product is a sum of two groups of factors, each with an index that the other lacks. An operand that is
// more than a read becomes a tensor: left in the product, it would be computed again for every result that
// uses it.
#include "pass/algebra.h"
#include "pass/passes.h"

typedef struct {
    Exprs a, b;
} Groups;

static bool subset(const Expr *e, const Expr *of) {
    for (int i = 0; i < e->free_count; i++)
        if (!expr_depends(of, e->free[i])) return false;
    return true;
}

static bool any_depends(const Exprs *group, const Index *i) {
    every (e, *group)
        if (expr_depends(e, i)) return true;
    return false;
}

// Has `a` an index of more than one value that `b` lacks?
static bool has_own(const Exprs *a, const Exprs *b) {
    every (e, *a)
        for (int i = 0; i < e->free_count; i++)
            if (e->free[i]->size > 1 && !any_depends(b, e->free[i])) return true;
    return false;
}

// 1 where the condition holds, else 0.
static const Expr *condition_factor(Program *p, Condition c) {
    return expr_select(p, c.condition, expr_const(p, c.sense), expr_const(p, !c.sense));
}

static void factors_with_indices(Program *p, const Factors *f, Exprs *all) {
    for (int i = 0; i < f->base.count; i++)
        if (f->base.data[i]->free_count)
            vec_push(p->arena, all, expr_power(p, f->base.data[i], f->exponent.data[i]));
    every (c, f->conditions)
        if (c.condition->free_count) vec_push(p->arena, all, condition_factor(p, c));
}

static bool group(Program *p, const Equation *q, const Factors *f, Groups *groups) {
    Exprs all = {0};
    factors_with_indices(p, f, &all);
    if (all.count < 2) return false;
    const Expr *big = all.data[0];
    every (e, all)
        if (index_points(e->free, e->free_count) > index_points(big->free, big->free_count)) big = e;
    *groups = (Groups){0};
    vec_push(p->arena, &groups->a, big);
    every (e, all)
        if (!subset(e, big)) vec_push(p->arena, &groups->b, e);
    if (!groups->b.count) return false;
    Exprs others = groups->b;
    every (e, all) {
        if (e == big || !subset(e, big)) continue;
        bool in_b = true;
        for (int k = 0; k < e->free_count; k++) in_b = in_b && any_depends(&others, e->free[k]);
        vec_push(p->arena, in_b ? &groups->b : &groups->a, e);
    }
    bool shared = false;
    for (int i = 0; i < q->index_count; i++)
        shared = shared || (expr_depends(big, q->indices[i]) && any_depends(&others, q->indices[i]));
    Exprs only_big = {&big, 1, 1};
    return shared && has_own(&only_big, &others) && has_own(&others, &only_big);
}

bool equation_is_product(Program *p, const Equation *q) {
    if (q->reduction != REDUCE_SUM) return false;
    Factors f;
    Groups groups;
    expr_factors(p, q->e, &f);
    return group(p, q, &f, &groups);
}

// Factors with indices of their own; what conditions say stays with the rest.
static void group_factors(Program *p, const Exprs *group, const Factors *f, Factors *operand) {
    *operand = (Factors){.k = 1};
    for (int i = 0; i < f->base.count; i++) {
        const Expr *e =
            f->base.data[i]->free_count ? expr_power(p, f->base.data[i], f->exponent.data[i]) : NULL;
        for (int k = 0; e && k < group->count; k++)
            if (group->data[k] == e) {
                factors_push(p, operand, f->base.data[i], f->exponent.data[i]);
                break;
            }
    }
}

bool equation_operands(Program *p, const Equation *q, Factors *rest, const Expr **a, const Expr **b) {
    Factors f, of_a, of_b;
    Groups groups;
    if (q->reduction != REDUCE_SUM) return false;
    expr_factors(p, q->e, &f);
    if (!group(p, q, &f, &groups)) return false;
    group_factors(p, &groups.a, &f, &of_a);
    group_factors(p, &groups.b, &f, &of_b);
    if (!of_a.base.count || !of_b.base.count) return false;
    *a = factors_expr(p, &of_a);
    *b = factors_expr(p, &of_b);
    *rest = (Factors){.k = f.k, .guards = f.guards, .conditions = f.conditions};
    for (int i = 0; i < f.base.count; i++)
        if (!f.base.data[i]->free_count) factors_push(p, rest, f.base.data[i], f.exponent.data[i]);
    return true;
}

static bool is_operand(const Expr *e) {
    if (e->op == OP_READ) return true;
    if (e->op != OP_WHERE || e->args[0]->op != OP_READ) return false;
    for (int i = 0; i < e->guard_count; i++)
        if (affine_read_depth(e->guards[i].form)) return false;
    return e->args[1]->op == OP_READ || e->args[1]->op == OP_CONST;
}

typedef struct {
    Program *p;
    const Expr *like;
    const Index *const *h;
} Straightening;

static const Expr *straighten(void *data, const Expr *read) {
    Straightening *s = data;
    const Affine *forms[MAX_RANK];
    for (int d = 0; d < read->guard_count; d++) {
        forms[d] = read->forms[d];
        for (int k = 0; k < s->like->guard_count; k++)
            if (read->forms[d] == s->like->forms[k] && !affine_is_constant(read->forms[d])) {
                forms[d] = affine_index(s->p, s->h[k]);
                break;
            }
    }
    return expr_read(s->p, read->tensor, forms, read->origin);
}

// An operand of x[2*i + p] alone is a tensor over x's own places, not over i and p.
static const Expr *over_places(Program *p, const Equation *q, const Expr *g, Equations *made) {
    const Expr *like = NULL;
    every_read (read, g)
        if (!like || read->free_count > like->free_count) like = read;
    if (!like || like->tensor->kind == TENSOR_SOURCE) return NULL;
    bool plain = true;
    for (int d = 0; d < like->guard_count; d++) plain = plain && affine_only(like->forms[d]);
    if (plain) return NULL;
    const Index **h = dims_fresh(p, like->tensor, like);
    Straightening s = {p, like, h};
    const Expr *e = expr_map_reads(p, g, straighten, &s);
    for (int i = 0; i < e->free_count; i++)
        if (index_find(h, like->guard_count, e->free[i]) < 0) return NULL;
    if (!reads_stay_inside(p, e, NULL, 0)) return NULL;
    Tensor *t = temp_like(p, like->tensor, "", "_arg", TYPE_REAL);
    vec_push(p->arena, made, equation_map(p, t, forms_of(p, h, t->rank), e, q->origin));
    return expr_read(p, t, like->forms, q->origin);
}

static const Expr *group_expr(Program *p, const Exprs *group) {
    Factors product = {.k = 1};
    for (int i = 0; i < group->count; i++) factors_push(p, &product, group->data[i], 1);
    return factors_expr(p, &product);
}

// May the condition stand in its operand alone? The other one is then multiplied by 0 where it does not hold.
static bool may_leave(Program *p, Condition c, const Groups *groups) {
    const Expr *factor = condition_factor(p, c);
    bool in_a = false;
    for (int i = 0; i < groups->a.count; i++) in_a = in_a || groups->a.data[i] == factor;
    return expr_is_finite(p, group_expr(p, in_a ? &groups->b : &groups->a));
}

static const Expr *operand(Program *p, const Equation *q, const Factors *f, const Exprs *group,
                           Equations *made) {
    if (group->count == 1 && is_operand(group->data[0])) return group->data[0];
    const Expr *g = group_expr(p, group);
    const Expr *read = over_places(p, q, g, made);
    if (read) return read;
    if (g->free_count > MAX_RANK) return NULL;
    Guard *own = arena_array(p->arena, Guard, f->guards.count + 1);
    int count = 0;
    every (guard, f->guards) {
        bool inside = true;
        for (int k = 0; k < guard.form->count; k++) inside = inside && subset(guard.form->terms[k].atom, g);
        if (inside) own[count++] = guard;
    }
    if (!reads_stay_inside(p, g, own, count)) return NULL;
    return part_extract(p, q, "_arg", REDUCE_NONE, g->free_count, g->free, expr_under(p, own, count, g),
                        made);
}

static Equation *extract(Program *p, Equation *q, Equations *made) {
    if (q->reduction != REDUCE_SUM) return q;
    Factors f;
    Groups groups;
    expr_factors(p, q->e, &f);
    if (!group(p, q, &f, &groups)) return q;
    Equations new = {0};
    const Expr *a = operand(p, q, &f, &groups.a, &new), *b = operand(p, q, &f, &groups.b, &new);
    if (!a || !b || !new.count) return q;
    Factors product = {.k = f.k, .guards = f.guards};
    for (int i = 0; i < f.base.count; i++)
        if (!f.base.data[i]->free_count) factors_push(p, &product, f.base.data[i], f.exponent.data[i]);
    every (c, f.conditions)
        if (!c.condition->free_count || !may_leave(p, c, &groups)) vec_push(p->arena, &product.conditions, c);
    factors_push(p, &product, a, 1);
    factors_push(p, &product, b, 1);
    for (int i = 0; i < new.count; i++) vec_push(p->arena, made, new.data[i]);
    return equation_with(p, q, factors_expr(p, &product));
}

void pass_operands(Program *p, Function *f) {
    Equations all = {0};
    function_signs(p, f);
    every (q, f->equations) {
        Equation *with = extract(p, q, &all);
        vec_push(p->arena, &all, with);
    }
    f->equations = all;
    function_sweep(p, f);
}
