// Named values: in elementwise equations, an operation whose derivative uses its value (exp, tanh, sigmoid:
// the table says which) becomes a tensor before differentiating, so that the way back reads it instead of
// computing it again.
#include "pass/differentiate.h"

#include <ctype.h>

enum { COSTLY = 5 }; // multiply-adds: below it the value is computed again

typedef struct {
    Program *p;
    const Equation *q;
    Active *active;
    void *data;
    Table done, when; // when: the condition under which a part is computed
    Equations *named;
} Naming;

// A part that stands under one condition alone is computed under it; under several, always.
static void find_conditions(Naming *n, const Expr *e, const Expr *when) {
    const Expr *known = table_get(&n->when, e);
    if (known == when || (known && known->op == OP_CONST)) return;
    if (known) when = expr_int(n->p, 1);
    table_set(n->p->arena, &n->when, e, when);
    for (int i = 0; i < e->count; i++) {
        const Expr *c = e->op == OP_SELECT && i ? e->args[0] : NULL;
        if (c && i == 2) c = expr_unary(n->p, OP_NOT, c);
        find_conditions(n, e->args[i], c ? expr_binary(n->p, OP_AND, when, c) : when);
    }
}

static bool reads_active(const Naming *n, const Expr *e) {
    every_read (read, e)
        if (n->active(n->data, read->tensor)) return true;
    return false;
}

static const Expr *name(Naming *n, const Expr *e, const char *op) {
    const Index *result[MAX_RANK * 2], *own[MAX_RANK];
    int count = equation_result_indices(n->q, result, MAX_RANK * 2), rank = 0;
    for (int i = 0; i < count; i++)
        if (expr_depends(e, result[i])) {
            if (rank == MAX_RANK) return e;
            own[rank++] = result[i];
        }
    char suffix[24] = "_";
    for (int i = 0; op[i] && i < 22; i++) suffix[i + 1] = (char)tolower((unsigned char)op[i]);
    return part_extract(n->p, n->q, suffix, REDUCE_NONE, rank, own, e, n->named);
}

// What stands under a guard is left alone: outside of it, it might read outside of a tensor. A value that a
// condition may leave unused is 0 then, so that nothing infinite meets its slope of 0.
static const Expr *walk(void *data, const Expr *e) {
    Naming *n = data;
    if (!e->count || e->op == OP_WHERE) return e;
    const Expr *known = table_get(&n->done, e);
    if (known) return known;
    const Expr *r = expr_map_args(n->p, e, walk, n);
    const OpInfo *info = op_info((Op)r->op);
    if (info && info->value_in_derivative && info->cost >= COSTLY && e != n->q->e && r->free_count &&
        reads_active(n, e)) {
        const Expr *when = table_get(&n->when, e), *zero = expr_const(n->p, 0);
        r = name(n, when->op == OP_CONST ? r : expr_select(n->p, walk(n, when), r, zero), info->name);
    }
    table_set(n->p->arena, &n->done, e, r);
    return r;
}

void name_values(Program *p, Function *f, Active *active, void *data) {
    Equations all = {0};
    every (q, f->equations) {
        if (q->reduction == REDUCE_NONE && q->e->count && active(data, q->tensor)) {
            Naming n = {.p = p, .q = q, .active = active, .data = data, .named = &all};
            find_conditions(&n, q->e, expr_int(p, 1));
            const Expr *e = walk(&n, q->e);
            if (e != q->e) q = equation_with(p, q, e);
        }
        vec_push(p->arena, &all, q);
    }
    f->equations = all;
}
