// The algebra of one equation: a normal expression, no summed index that it does not need. An equality guard
// in a sum removes an index (solve), or replaces one of the result's (reindex); what loops over nothing
// becomes a count. Needs expressions and guards in the normal forms of ir/; gives an equation of the same
// meaning.
#include "pass/algebra.h"

#include <stdlib.h>

static bool summed(const Equation *q, const Index *i) {
    return index_find(q->indices, q->index_count, i) >= 0;
}

static bool atom_hides(const Affine *a, const Index *i) {
    every_term (term, a)
        if (term->atom->op != OP_INDEX && expr_depends(term->atom, i)) return true;
    return false;
}

// The value of `v` where the form is 0.
static const Affine *solution(Program *p, const Affine *form, const Index *v, int64_t coef) {
    const Affine *rest = affine_sub(p, form, affine_scale(p, affine_index(p, v), coef, 1));
    return coef < 0 ? affine_scale(p, rest, 1, -coef) : affine_scale(p, rest, -1, coef);
}

// Sums over `by` in place of v, and over `rest` (both may be NULL).
static void replace_index(Equation *q, Program *p, const Index *v, const Index *by, const Index *rest) {
    const Index **left = arena_array(p->arena, const Index *, q->index_count + 1);
    int count = 0;
    for (int i = 0; i < q->index_count; i++)
        if (q->indices[i] != v || by) left[count++] = q->indices[i] == v ? by : q->indices[i];
    if (rest) left[count++] = rest;
    q->indices = left;
    q->index_count = count;
    if (count == 0) q->reduction = REDUCE_NONE;
}

// May the result's index h be written as f, a form of summed indices that no other equality holds?
static bool replaceable(const Equation *q, Guarded g, const Guard *own, const Index *h, const Affine *f) {
    int places = 0, at = -1;
    if (h == equation_time(q)) return false;
    for (int d = 0; d < q->out_count; d++)
        if (affine_depends(q->out[d], h)) {
            places++;
            at = d;
        }
    if (places != 1 || affine_only(q->out[at]) != h || expr_depends(g.body, h) || h->batch) return false;
    if (f->low < 0 || f->high >= h->size || f->denominator != 1) return false;
    if (f->count == 1 && llabs(f->terms[0].coef) == 1) return false;
    every_term (term, f) {
        if (term->atom->op != OP_INDEX || term->atom->index->batch || !summed(q, term->atom->index))
            return false;
        for (int i = 0; i < g.count; i++)
            if (&g.guards[i] != own && g.guards[i].count == 1 &&
                affine_depends(g.guards[i].form, term->atom->index))
                return false;
    }
    for (int i = 0; i < g.count; i++)
        if (&g.guards[i] != own && affine_depends(g.guards[i].form, h)) return false;
    return form_is_injective(f, NULL, 0);
}

static const Expr *without(Program *p, Guarded g, const Guard *own) {
    Guard *left = arena_array(p->arena, Guard, g.count + 1);
    int count = 0;
    for (int i = 0; i < g.count; i++)
        if (&g.guards[i] != own) left[count++] = g.guards[i];
    return expr_under(p, left, count, g.body);
}

// dx[h] = sum[i, p] (e if 2*i + p == h)  ->  dx[2*i + p] = e, where 2*i + p is injective. A constant pins:
// dz[b, 1, u] = ...
static bool reindex(Program *p, Equation *q) {
    Guarded g = expr_guarded(q->e);
    for (int n = 0; n < g.count; n++) {
        const Guard *own = &g.guards[n];
        if (own->count != 1 || own->form->denominator != 1) continue;
        every_term (term, own->form) {
            if (term->atom->op != OP_INDEX || llabs(term->coef) != 1 || summed(q, term->atom->index))
                continue;
            const Index *h = term->atom->index;
            const Affine *f = solution(p, own->form, h, term->coef);
            if (!replaceable(q, g, own, h, f)) continue;
            const Affine **out = arena_array(p->arena, const Affine *, q->out_count + 1);
            for (int d = 0; d < q->out_count; d++) out[d] = affine_only(q->out[d]) == h ? f : q->out[d];
            q->e = without(p, g, own);
            q->out = out;
            for (int t = 0; t < f->count; t++) replace_index(q, p, f->terms[t].atom->index, NULL, NULL);
            return true;
        }
    }
    return false;
}

// Of the guard's summed indices the one with the largest span: the fewest points stay. A batch index is read
// alone, so only another batch index may take its place.
static const Index *candidate(Program *p, const Equation *q, const Guard *g, int64_t *coef) {
    const Index *best = NULL;
    int64_t best_span = 0, best_coef = 0;
    every_term (term, g->form) {
        if (term->atom->op != OP_INDEX || !summed(q, term->atom->index)) continue;
        const Index *v = term->atom->index;
        int64_t c = term->coef, span = v->size * llabs(c);
        if (atom_hides(g->form, v)) continue;
        if (v->batch) {
            const Index *other = affine_only(solution(p, g->form, v, c));
            if (!other || !other->batch) continue;
        }
        bool better = !best || span > best_span || (span == best_span && llabs(c) < llabs(best_coef)) ||
                      (span == best_span && llabs(c) == llabs(best_coef) && v->id < best->id);
        if (better) {
            best = v;
            best_span = span;
            best_coef = c;
        }
    }
    *coef = best_coef;
    return best;
}

static int summed_in(const Equation *q, const Affine *form) {
    int count = 0;
    every_term (term, form)
        if (term->atom->op == OP_INDEX && summed(q, term->atom->index)) count++;
    return count;
}

static void put_in(Program *p, Equation *q, Guarded g, const Guard *own, const Index *v,
                   const Affine *value) {
    Binding b = {v, value};
    Guard *guards = arena_array(p->arena, Guard, g.count + 1);
    int count = 0;
    guards[count++] = (Guard){value, v->size};
    for (int i = 0; i < g.count; i++)
        if (&g.guards[i] != own)
            guards[count++] = (Guard){affine_substitute(p, g.guards[i].form, &b, 1), g.guards[i].count};
    q->e = expr_under(p, guards, count, expr_substitute(p, g.body, &b, 1));
}

// sum[v, ..] (e(v) if c*v + rest == 0)  ->  sum[..] (e(-rest/c) if -rest/c in 0 .. size - 1). Equalities with
// integer reads come last: put into the others, a read would leave them unsolvable.
static bool solve(Program *p, Equation *q) {
    Guarded g = expr_guarded(q->e);
    for (int wanted = 1; wanted <= 2 * q->index_count; wanted++)
        for (int n = 0; n < g.count; n++) {
            const Guard *own = &g.guards[n];
            if (own->count != 1 || own->form->denominator != 1) continue;
            if (summed_in(q, own->form) + (affine_read_depth(own->form) ? q->index_count : 0) != wanted)
                continue;
            int64_t coef;
            const Index *v = candidate(p, q, own, &coef);
            if (!v) continue;
            put_in(p, q, g, own, v, solution(p, own->form, v, coef));
            replace_index(q, p, v, NULL, NULL);
            return true;
        }
    return false;
}

// A guard on a quotient is one on its dividend.
static bool open_quotient(Program *p, Equation *q) {
    Guarded g = expr_guarded(q->e);
    Guard *guards = arena_array(p->arena, Guard, g.count + 1);
    for (int i = 0; i < g.count; i++) guards[i] = g.guards[i];
    for (int i = 0; i < g.count; i++)
        if (guard_open_quotient(p, &guards[i])) {
            q->e = expr_under(p, guards, g.count, g.body);
            return true;
        }
    return false;
}

// A summed index that a guard keeps within a short window walks the window: sum[i] (e(i) if i - 2*h in 0..1)
// -> sum[r] e(2*h + r).
static bool window(Program *p, Equation *q) {
    Guarded g = expr_guarded(q->e);
    for (int n = 0; n < g.count; n++) {
        const Guard *own = &g.guards[n];
        if (own->form->denominator != 1 || own->form->count < 2) continue;
        every_term (term, own->form) {
            if (term->atom->op != OP_INDEX || llabs(term->coef) != 1 || !summed(q, term->atom->index))
                continue;
            const Index *v = term->atom->index;
            if (v->batch || own->count * 2 > v->size || atom_hides(own->form, v) || own->count < 2) continue;
            const Index *r = index_add(p, v->name, own->count, false);
            const Affine *shifted = affine_sub(p, own->form, affine_index(p, r));
            put_in(p, q, g, own, v, solution(p, shifted, v, term->coef));
            replace_index(q, p, v, r, NULL);
            return true;
        }
    }
    return false;
}

// A summed index inside of a quotient by m is split by it, v = m*q + r: sum[c] (e(c) if c - 2*(c // 2) == h)
// -> sum[q] e(2*q + h).
static bool split_quotient(Program *p, Equation *q) {
    Guarded g = expr_guarded(q->e);
    for (int n = 0; n < g.count; n++)
        every_term (term, g.guards[n].form) {
            const Expr *of;
            int64_t m;
            if (!expr_is_quotient(term->atom, &of, &m) || g.guards[n].form->denominator != 1) continue;
            const Affine *dividend = affine_atom(p, of);
            const Index *v = NULL;
            if (dividend->count != 1 || dividend->terms[0].atom->op != OP_INDEX || dividend->denominator != 1)
                continue;
            if (llabs(dividend->terms[0].coef) == 1) v = dividend->terms[0].atom->index;
            if (!v || v->batch || v->size <= m || !summed(q, v)) continue;
            int64_t low = floor_div(dividend->low, m);
            Index *quotient = index_add(p, v->name, floor_div(dividend->high, m) - low + 1, false),
                  *rest = index_add(p, v->name, m, false);
            const Affine *value =
                affine_offset(p, affine_block(p, quotient, m, rest), m * low - dividend->constant);
            if (dividend->terms[0].coef < 0) value = affine_scale(p, value, -1, 1);
            put_in(p, q, g, NULL, v, value);
            replace_index(q, p, v, quotient, rest);
            return true;
        }
    return false;
}

// Indices of one value, and those that the body does not hold: a sum over them is a count (of the true rows,
// for the batch).
static bool drop_idle(Program *p, Equation *q) {
    for (int i = 0; i < q->index_count; i++) {
        const Index *v = q->indices[i];
        if (v->size == 1 && !v->batch) {
            Binding zero = {v, affine_constant(p, 0)};
            q->e = expr_substitute(p, q->e, &zero, 1);
            bool position = reduction_is_position(q->reduction);
            replace_index(q, p, v, NULL, NULL);
            if (position && !q->index_count) q->e = expr_int(p, 0);
            return true;
        }
        if (expr_depends(q->e, v)) continue;
        if (q->reduction == REDUCE_SUM) {
            const Expr *count = v->batch ? expr_rows(p) : expr_const(p, (double)v->size);
            Guarded g = expr_guarded(q->e);
            q->e = expr_under(p, g.guards, g.count, expr_mul(p, g.body, count));
        } else if (q->reduction != REDUCE_MAX && q->reduction != REDUCE_MIN) {
            continue;
        }
        replace_index(q, p, v, NULL, NULL);
        return true;
    }
    return false;
}

Equation *equation_simplify(Program *p, const Equation *original) {
    Equation *q = equation_with(p, original, original->e);
    for (int budget = 64 + 16 * (q->index_count + q->out_count);; budget--) {
        if (budget == 0) die("the equation of %s does not come to rest", q->tensor->name);
        q->e = expr_normal(p, q->e);
        if (q->reduction == REDUCE_SUM && expr_is_const(q->e, 0)) {
            q->reduction = REDUCE_NONE;
            q->index_count = 0;
        }
        if (drop_idle(p, q)) continue;
        if (q->reduction != REDUCE_SUM) return q;
        if (reindex(p, q) || solve(p, q) || open_quotient(p, q) || window(p, q) || split_quotient(p, q))
            continue;
        return q;
    }
}
