// Counts the arithmetic of a function: every addition, multiplication, comparison or row of the scalar table
// is one operation, so a multiply-add is 2. Guards count by the exact share of points that they leave, each
// by itself.
#include "pass/algebra.h"
#include "pass/passes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static double operations(Arena *arena, const Expr *e, Table *seen) {
    if (!e->count || table_get(seen, e)) return 0;
    table_set(arena, seen, e, e);
    double sum = 0;
    if (e->op == OP_SUM) {
        sum = e->count - 1 + (e->value != 0);
        for (int i = 0; i < e->count; i++) sum += e->coefs[i] != 1 && e->coefs[i] != -1;
    } else if (e->op == OP_PRODUCT) {
        sum = (e->value != 1 && e->value != -1) - 1;
        for (int i = 0; i < e->count; i++) sum += abs(e->exponents[i]);
        if (sum < 1) sum = 1;
    } else if (e->op != OP_WHERE && e->op != OP_REAL && e->op != OP_STOP_GRADIENT) {
        sum = 1;
    }
    for (int i = 0; i < e->count; i++) sum += operations(arena, e->args[i], seen);
    return sum;
}

enum { MAX_REACH = 1 << 16 };

// How many of the form's points lie in the guard: counts of values, index by index.
static double share(Arena *arena, const Guard *g) {
    int64_t low, high;
    if (g->form->denominator != 1) return 1.0 / (double)g->form->denominator;
    affine_bounds(g->form, &low, &high);
    if (high - low >= MAX_REACH) return 1;
    int64_t reach = high - low + 1, at = g->form->constant - low;
    double *counts = arena_array(arena, double, reach), *next = arena_array(arena, double, reach), all = 1,
           inside = 0;
    for (int k = 0; k < g->form->count; k++) {
        const Expr *atom = g->form->terms[k].atom;
        if (atom->op != OP_INDEX) return g->count == 1 ? 1.0 / (double)reach : 1;
        if (g->form->terms[k].coef < 0) at += g->form->terms[k].coef * (atom->index->size - 1);
    }
    if (at < 0 || at >= reach) return 1;
    counts[at] = 1;
    for (int k = 0; k < g->form->count; k++) {
        int64_t coef = llabs(g->form->terms[k].coef), size = g->form->terms[k].atom->index->size;
        memset(next, 0, (size_t)reach * sizeof *next);
        for (int64_t v = 0; v < reach; v++)
            for (int64_t i = 0; counts[v] > 0 && i < size && v + i * coef < reach; i++)
                next[v + i * coef] += counts[v];
        memcpy(counts, next, (size_t)reach * sizeof *counts);
        all *= (double)size;
    }
    for (int64_t v = 0; v < reach; v++)
        if (v + low >= 0 && v + low < g->count) inside += counts[v];
    return inside / all;
}

int64_t function_flops(const Function *f) {
    Arena *arena = arena_create();
    double total = 0;
    for (int i = 0; i < f->equations.count; i++) {
        const Equation *q = f->equations.data[i];
        const Index *loops[256];
        double points = index_points(loops, equation_loops(q, loops, 256));
        Guarded g = expr_guarded(q->e);
        for (int k = 0; k < g.count; k++) points *= share(arena, &g.guards[k]);
        double each = operations(arena, g.body, &(Table){0}) + (q->reduction != REDUCE_NONE);
        total += points * each;
    }
    arena_destroy(arena);
    return total < 9e18 ? (int64_t)llround(total) : INT64_MAX;
}
