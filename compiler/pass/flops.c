// Counts the arithmetic of a function: every addition, multiplication, comparison or row of the scalar table
// is one operation, so a multiply-add is 2. Guards count by the exact share of points that they leave, each
// by itself.
#include "pass/algebra.h"
#include "pass/passes.h"

#include <math.h>
#include <stdlib.h>

static double operations(const Expr *e) {
    bool moves = e->op == OP_WHERE || e->op == OP_REAL || e->op == OP_STOP_GRADIENT || e->op == OP_BF16 ||
                 e->op == OP_BF16_PAIR;
    double sum = e->op == OP_BF16_DOT ? 3 : e->count && !moves; // of two products, and their sum
    if (e->op == OP_SUM) {
        sum = e->count - 1 + (e->value != 0);
        for (int i = 0; i < e->count; i++) sum += e->coefs[i] != 1 && e->coefs[i] != -1;
    } else if (e->op == OP_PRODUCT) {
        sum = (e->value != 1 && e->value != -1) - 1;
        for (int i = 0; i < e->count; i++) sum += abs(e->exponents[i]);
        if (sum < 1) sum = 1;
    }
    return sum;
}

static double share(Guard g) {
    enum { MAX_REACH = 1 << 16 };
    double points, inside = guard_share(g, &points);
    if (inside >= 0) return inside;
    if (g.form->denominator != 1) return 1.0 / (double)g.form->denominator;
    int64_t reach = g.form->high - g.form->low;
    return g.count == 1 && reach < MAX_REACH ? 1.0 / (double)(reach + 1) : 1;
}

int64_t function_flops(const Function *f) {
    Arena *arena = arena_create();
    double total = 0;
    every (q, f->equations) {
        const Index *loops[256];
        double points = index_points(loops, equation_loops(q, loops, 256));
        Guarded g = expr_guarded(q->e);
        for (int k = 0; k < g.count; k++) points *= share(g.guards[k]);
        double each = q->reduction != REDUCE_NONE;
        Exprs nodes = {0};
        expr_nodes(arena, g.body, false, &nodes);
        every (e, nodes) each += operations(e);
        total += points * each;
    }
    arena_destroy(arena);
    return total < 9e18 ? (int64_t)llround(total) : INT64_MAX;
}
