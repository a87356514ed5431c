// The chain rule inside one scalar expression: from the slope of the whole to the slope by each read of it.
// Walks the shared expression once, from the root down, so that every node's slope is complete before it is
// passed on.
#include "pass/differentiate.h"

#include <stdlib.h>

typedef struct {
    const Expr *e;
    const Expr *slope; // NULL: does not reach the result, or is not asked for
    bool active;       // leads to an active read
} Node;
typedef struct {
    Program *p;
    bool masked; // the slope of the whole may be 0 because of a condition
    VEC(Node) nodes;
} Chain;

static int by_id(const void *a, const void *b) {
    uint32_t x = ((const Node *)a)->e->id, y = ((const Node *)b)->e->id;
    return x < y ? -1 : x > y;
}

static Node *node(Chain *c, const Expr *e) {
    Node key = {.e = e};
    return bsearch(&key, c->nodes.data, (size_t)c->nodes.count, sizeof key, by_id);
}

static void add_slope(Chain *c, const Expr *e, const Expr *slope) {
    Node *n = node(c, e);
    if (!n->active || expr_is_const(slope, 0)) return;
    n->slope = n->slope ? expr_add(c->p, n->slope, slope) : slope;
}

bool slope_holds_condition(Program *p, const Expr *e) {
    Exprs nodes = {0};
    expr_nodes(p->arena, e, false, &nodes);
    every (node, nodes)
        if (node->op == OP_SELECT || node->op == OP_WHERE) return true;
    return false;
}

// May a read lie outside where no condition is around?
static bool may_leave(const Expr *e) {
    every_read (read, e) {
        for (int d = 0; d < read->guard_count; d++) {
            bool rows = read->tensor->batch_dims >> d & 1;
            if (!rows && (read->forms[d]->low < 0 || read->forms[d]->high >= read->tensor->dims[d]))
                return true;
        }
    }
    return false;
}

static const Expr *times_under(Program *p, const Expr *slope, const Expr *factor, const Expr *guarded,
                               bool masked);

// Terms under conditions of their own, and a factor that is read only there.
static const Expr *times_terms(Program *p, const Expr *sum, const Expr *factor, const Expr *guarded,
                               bool masked) {
    const Expr **terms = arena_array(p->arena, const Expr *, sum->count + 1);
    for (int i = 0; i < sum->count; i++) terms[i] = times_under(p, sum->args[i], factor, guarded, masked);
    const Expr *all = expr_sum(p, 0, sum->coefs, terms, sum->count);
    return sum->value == 0 ? all : expr_add(p, all, expr_mul(p, expr_const(p, sum->value), factor));
}

// `guarded`: the factor under the conditions that the slope stands under.
static const Expr *times_under(Program *p, const Expr *slope, const Expr *factor, const Expr *guarded,
                               bool masked) {
    const Expr *zero = expr_const(p, 0);
    if (slope->op == OP_WHERE && expr_is_const(slope->args[1], 0))
        return expr_where(p, slope->guards, slope->guard_count,
                          times_under(p, slope->args[0], factor, guarded, masked), zero);
    if (slope->op == OP_WHERE && expr_is_const(slope->args[0], 0))
        return expr_where(p, slope->guards, slope->guard_count, zero,
                          times_under(p, slope->args[1], factor, guarded, masked));
    if (slope->op == OP_SELECT && expr_is_const(slope->args[2], 0)) {
        guarded = expr_select(p, slope->args[0], guarded, zero);
        return expr_select(p, slope->args[0], times_under(p, slope->args[1], factor, guarded, masked), zero);
    }
    if (slope->op == OP_SELECT && expr_is_const(slope->args[1], 0)) {
        const Expr *c = slope->args[0];
        guarded = expr_select(p, c, zero, guarded);
        return expr_select(p, c, zero, times_under(p, slope->args[2], factor, guarded, masked));
    }
    if (slope->op == OP_SUM && slope->has_where && may_leave(factor))
        return times_terms(p, slope, factor, guarded, masked);
    const Expr *product = expr_mul(p, slope, factor);
    masked = masked || (slope->op == OP_SUM && slope_holds_condition(p, slope));
    if (!masked || expr_is_finite(p, guarded)) return product;
    return expr_select(p, expr_binary(p, OP_EQ, slope, zero), zero, product);
}

// What the side not taken would multiply stays outside of the product: its derivative is 0, whatever its
// value would be. A slope that several conditions, or one elsewhere, may have made 0 is asked whether it is.
static const Expr *times(const Chain *c, const Expr *slope, const Expr *factor) {
    return times_under(c->p, slope, factor, factor, c->masked);
}

static void through_product(Chain *c, const Expr *e, const Expr *slope) {
    int *exponents = arena_array(c->p->arena, int, e->count);
    for (int i = 0; i < e->count; i++) {
        if (!node(c, e->args[i])->active) continue;
        for (int k = 0; k < e->count; k++) exponents[k] = e->exponents[k] - (k == i);
        add_slope(
            c, e->args[i],
            times(c, slope, expr_product(c->p, e->value * e->exponents[i], exponents, e->args, e->count)));
    }
}

// `self`: an expression of the node's value, for rows of the table that use it.
static void through(Chain *c, const Expr *e, const Expr *slope, const Expr *self) {
    Program *p = c->p;
    const Expr *zero = expr_const(p, 0);
    switch ((int)e->op) {
    case OP_WHERE:
        add_slope(c, e->args[0], expr_where(p, e->guards, e->guard_count, slope, zero));
        add_slope(c, e->args[1], expr_where(p, e->guards, e->guard_count, zero, slope));
        return;
    case OP_SELECT:
        add_slope(c, e->args[1], expr_select(p, e->args[0], slope, zero));
        add_slope(c, e->args[2], expr_select(p, e->args[0], zero, slope));
        return;
    case OP_SUM:
        for (int i = 0; i < e->count; i++)
            if (node(c, e->args[i])->active)
                add_slope(c, e->args[i], times(c, slope, expr_const(p, e->coefs[i])));
        return;
    case OP_PRODUCT: through_product(c, e, slope); return;
    default: break;
    }
    const OpInfo *info = op_info((Op)e->op);
    if (!info || !info->differentiable) return;
    for (int i = 0; i < e->count; i++) {
        if (!node(c, e->args[i])->active) continue;
        const Expr *by = info->derivative(p, e->args, self, i);
        if (by) add_slope(c, e->args[i], times(c, slope, by));
    }
}

static void smooth(const Expr *e, Table *seen, Program *p, Exprs *reads) {
    if (!e->read_count || table_get(seen, e)) return;
    table_set(p->arena, seen, e, e);
    if (e->op == OP_READ) vec_push(p->arena, reads, e);
    const OpInfo *info = op_info((Op)e->op);
    if (info && !info->differentiable) return;
    for (int i = 0; i < e->count; i++) smooth(e->args[i], seen, p, reads);
}

void chain_reads(Program *p, const Expr *e, Exprs *reads) { smooth(e, &(Table){0}, p, reads); }

void chain_slopes(Program *p, const Expr *e, const Expr *slope, const Expr *whole, bool masked,
                  Active *active, void *data, Slopes *slopes) {
    Chain c = {.p = p, .masked = masked};
    Exprs all = {0};
    expr_nodes(p->arena, e, false, &all);
    every (own, all) vec_push(p->arena, &c.nodes, (Node){.e = own});
    qsort(c.nodes.data, (size_t)c.nodes.count, sizeof *c.nodes.data, by_id);
    every_at (n, c.nodes) {
        if (n->e->op == OP_READ) n->active = active(data, n->e->tensor);
        for (int k = 0; k < n->e->count; k++) n->active = n->active || node(&c, n->e->args[k])->active;
    }
    add_slope(&c, e, slope);
    for (int i = c.nodes.count - 1; i >= 0; i--) {
        Node *n = &c.nodes.data[i];
        if (!n->slope) continue;
        if (n->e->op == OP_READ)
            vec_push(p->arena, slopes, (Slope){n->e, n->slope});
        else
            through(&c, n->e, n->slope, n->e == e && whole ? whole : n->e);
    }
}
