// No expression grows without bound: what is too deep becomes tensors of its own, every half of the limit.
// What could read outside of a tensor, did it not stand under its guards, stays where it is.
#include "pass/algebra.h"

typedef struct {
    Program *p;
    const Equation *q;
    Table done;
    Equations *made;
} Bounding;

static const Expr *walk(void *data, const Expr *e) {
    Bounding *b = data;
    if (e->depth <= MAX_DEPTH / 2) return e;
    const Expr *known = table_get(&b->done, e);
    if (known) return known;
    Program *p = b->p;
    const Expr *r = expr_map_args(p, e, walk, b);
    if (r->depth > MAX_DEPTH / 2 && r->type == TYPE_REAL && r->free_count <= MAX_RANK &&
        reads_stay_inside(p, r, NULL, 0))
        r = part_extract(p, b->q, "_inner", REDUCE_NONE, r->free_count, r->free, r, b->made);
    table_set(p->arena, &b->done, e, r);
    return r;
}

void function_bound(Program *p, Function *f) {
    Equations all = {0};
    every (q, f->equations) {
        if (expr_too_large(q->e)) {
            Bounding b = {.p = p, .q = q, .made = &all};
            q = equation_with(p, q, walk(&b, q->e));
        }
        vec_push(p->arena, &all, q);
    }
    f->equations = all;
}
