// Products taken apart: e = k * product of base ^ exponent, where all guards and conditions hold, else 0.
// What does not hold a summed index leaves its sum with the guards it stood under.
#include "pass/algebra.h"

#include <math.h>
#include <stdlib.h>

static bool zero(const Expr *e) { return expr_is_const(e, 0); }

// Exponents that no int holds, and products of products without end, stay as they are.
static bool opens(const Expr *e, int power, const Factors *f) {
    for (int i = 0; i < e->count; i++)
        if (llabs((long long)e->exponents[i] * power) > INT32_MAX / 2) return false;
    return f->base.count <= 8 * MAX_ENTRIES;
}

void factors_push(Program *p, Factors *f, const Expr *base, int exponent) {
    vec_push(p->arena, &f->base, base);
    vec_push(p->arena, &f->exponent, exponent);
}

static void take(Program *p, const Expr *e, int power, Factors *f) {
    if (e->op == OP_CONST && (power > 0 || e->value != 0)) {
        f->k *= pow(e->value, power);
    } else if (e->op == OP_PRODUCT && (e->value != 0 || power > 0) && opens(e, power, f)) {
        f->k *= pow(e->value, power);
        for (int i = 0; i < e->count; i++) take(p, e->args[i], power * e->exponents[i], f);
    } else if (e->op == OP_SUM && e->count == 1 && e->value == 0) {
        f->k *= pow(e->coefs[0], power);
        take(p, e->args[0], power, f);
    } else if (power == 1 && e->op == OP_WHERE && zero(e->args[1])) {
        for (int i = 0; i < e->guard_count; i++) vec_push(p->arena, &f->guards, e->guards[i]);
        take(p, e->args[0], 1, f);
    } else if (power == 1 && e->op == OP_SELECT && zero(e->args[2])) {
        vec_push(p->arena, &f->conditions, (Condition){e->args[0], true});
        take(p, e->args[1], 1, f);
    } else if (power == 1 && e->op == OP_SELECT && zero(e->args[1])) {
        vec_push(p->arena, &f->conditions, (Condition){e->args[0], false});
        take(p, e->args[2], 1, f);
    } else {
        factors_push(p, f, e, power);
    }
}

void expr_factors(Program *p, const Expr *e, Factors *f) {
    *f = (Factors){.k = 1};
    take(p, e, 1, f);
}

const Expr *factors_expr(Program *p, const Factors *f) {
    const Expr *e = expr_product(p, f->k, f->exponent.data, f->base.data, f->base.count);
    return expr_normal(p, factors_enclose(p, f, e));
}

bool expr_depends_on_any(const Expr *e, const Index *const *indices, int count) {
    for (int i = 0; i < count; i++)
        if (expr_depends(e, indices[i])) return true;
    return false;
}

bool reads_stay_inside(Program *p, const Expr *e, const Guard *guards, int count) {
    every_read (read, e)
        for (int d = 0; d < read->guard_count; d++) {
            const Tensor *t = read->tensor;
            if (t->kind == TENSOR_SOURCE && d == 0) continue;
            Guard inside = {read->forms[d], t->dims[d]};
            if (guard_normal(p, &inside) != GUARD_TRUE && !guards_imply(p, guards, count, inside))
                return false;
        }
    return true;
}

// Do the guards hold at the first, a middle or the last of a sum's terms, whatever the result's indices are?
static bool holds_somewhere(Program *p, const Equation *q, const Factors *inner, const Factors *outer) {
    Binding *at = arena_array(p->arena, Binding, q->index_count + 1);
    bool holds = false;
    for (int place = 0; place < 3 && !holds; place++) {
        holds = true;
        for (int i = 0; i < q->index_count; i++) {
            int64_t last = q->indices[i]->batch ? 0 : q->indices[i]->size - 1;
            at[i] = (Binding){q->indices[i], affine_constant(p, last * place / 2)};
        }
        for (int i = 0; i < inner->guards.count && holds; i++) {
            Guard g = inner->guards.data[i];
            g.form = affine_substitute(p, g.form, at, q->index_count);
            holds = guard_normal(p, &g) == GUARD_TRUE ||
                    guards_imply(p, outer->guards.data, outer->guards.count, g);
        }
    }
    return holds;
}

static bool may_stand_outside(Program *p, const Equation *q, const Expr *e, const Factors *outer) {
    return !expr_depends_on_any(e, q->indices, q->index_count) &&
           reads_stay_inside(p, e, outer->guards.data, outer->guards.count);
}

bool equation_pull_out(Program *p, const Equation *q, Factors *outer, Factors *inner) {
    if (q->reduction != REDUCE_SUM || !equation_identity(q)) return false;
    Factors all;
    expr_factors(p, q->e, &all);
    bool finite = isfinite(all.k); // else it would meet a sum of no terms, as below
    *outer = (Factors){.k = finite ? all.k : 1};
    *inner = (Factors){.k = finite ? 1 : all.k};
    every (guard, all.guards) {
        vec_push(p->arena, &inner->guards, guard);
        if (!form_depends_on_any(guard.form, q->indices, q->index_count))
            vec_push(p->arena, &outer->guards, guard);
    }
    bool left = outer->k != 1;
    every (c, all.conditions) {
        bool out = may_stand_outside(p, q, c.condition, outer);
        vec_push(p->arena, out ? &outer->conditions : &inner->conditions, c);
        left = left || out;
    }
    // A sum of no terms is 0: what leaves it is multiplied by that, and has to be finite.
    bool nothing = inner->conditions.count > 0 || !holds_somewhere(p, q, inner, outer);
    for (int i = 0; i < all.base.count; i++) {
        const Expr *e = all.base.data[i];
        bool out = may_stand_outside(p, q, e, outer) &&
                   (!nothing ||
                    expr_is_finite(p, factors_enclose(p, outer, expr_power(p, e, all.exponent.data[i]))));
        factors_push(p, out ? outer : inner, e, all.exponent.data[i]);
        left = left || out;
    }
    return left && inner->base.count;
}
