// The normal form of an expression, in which sums can be solved: guards and selects stand outside products,
// nested guards are one, what a guard makes known is dropped, conditions on integers are guards. Builders
// have done what is local. In `strict` only what moves no number is done: a factor is never drawn under a
// guard (0 * inf is a NaN there).

#include "ir/tables.h"

#include <math.h>

enum { MOST_GUARDS = 64 };

static const Expr *normal(Program *p, const Expr *e);

static bool zero(const Expr *e) { return expr_is_const(e, 0); }
static bool masked(const Expr *e) { return e->op == OP_WHERE && zero(e->args[1]); }

static bool same_guards(const Expr *a, const Expr *b) {
    if (a->guard_count != b->guard_count) return false;
    for (int i = 0; i < a->guard_count; i++)
        if (a->guards[i].form != b->guards[i].form || a->guards[i].count != b->guards[i].count) return false;
    return true;
}

// ---- inside a guard the same guard is true ----

typedef struct {
    Program *p;
    Scratch *memo;
    const Guard *known;
    int count;
} Known;

static bool contradicts(const Known *k, Guard g) {
    Guard all[MOST_GUARDS + 1];
    if (k->count >= MOST_GUARDS) return false;
    int n = 0;
    for (int i = 0; i < k->count; i++) all[n++] = k->known[i];
    all[n++] = g;
    return !guards_normal(k->p, all, &n);
}

static const Expr *drop_known(void *data, const Expr *e) {
    Known *k = data;
    if (!e->has_where) return e;
    const Expr *done = scratch_get(k->memo, e);
    if (done) return done;
    const Expr *result;
    Guard guards[MOST_GUARDS];
    int n = 0;
    bool never = false;
    if (e->op == OP_WHERE && e->guard_count <= MOST_GUARDS) {
        for (int i = 0; i < e->guard_count; i++) {
            if (guards_imply(k->p, k->known, k->count, e->guards[i])) continue;
            never |= contradicts(k, e->guards[i]);
            guards[n++] = e->guards[i];
        }
        result = never ? drop_known(k, e->args[1])
                       : expr_where(k->p, guards, n, drop_known(k, e->args[0]), drop_known(k, e->args[1]));
    } else {
        result = expr_map_args(k->p, e, drop_known, k);
    }
    scratch_set(k->p, k->memo, e, result);
    return result;
}

static const Expr *given(Program *p, const Guard *known, int count, const Expr *e) {
    if (!e->has_where) return e;
    Known k = {p, scratch_open(p), known, count};
    const Expr *result = drop_known(&k, e);
    scratch_close(p, k.memo);
    return result;
}

// ---- where ----

// Under `i == 2` every i in what is guarded, and in the other guards, is 2. (A batch index stays: it is read
// alone; and the time of a loop, by which what it carries is known to be there.)
static const Expr *bind_equality(Program *p, const Expr *e) {
    for (int i = 0; i < e->guard_count && e->guard_count <= MOST_GUARDS; i++) {
        const Affine *f = e->guards[i].form;
        if (e->guards[i].count != 1 || f->count != 1 || f->terms[0].atom->op != OP_INDEX ||
            f->terms[0].atom->index->batch || f->terms[0].atom->index->time)
            continue;
        const Index *index = f->terms[0].atom->index;
        bool held = expr_depends(e->args[0], index);
        for (int k = 0; k < e->guard_count; k++) held |= k != i && affine_depends(e->guards[k].form, index);
        if (!held) continue;
        Guard guards[MOST_GUARDS];
        const Binding value = {index, affine_constant(p, -f->constant)};
        for (int k = 0; k < e->guard_count; k++) {
            guards[k] = e->guards[k];
            if (k != i) guards[k].form = affine_substitute(p, guards[k].form, &value, 1);
        }
        const Expr *x = normal(p, expr_substitute(p, e->args[0], &value, 1));
        return normal(p, expr_where(p, guards, e->guard_count, x, e->args[1]));
    }
    return e;
}

// where(g, x, y), with x and y in normal form.
static const Expr *normal_where(Program *p, const Expr *e) {
    const Expr *bound = bind_equality(p, e);
    if (bound != e) return bound;
    const Expr *x = given(p, e->guards, e->guard_count, e->args[0]), *y = e->args[1];
    Guard opposite;
    bool single = e->guard_count == 1 && guard_complement(p, NULL, 0, e->guards[0], &opposite);
    if (single) y = given(p, &opposite, 1, y);
    if (x != e->args[0] || y != e->args[1])
        return normal(p, expr_where(p, e->guards, e->guard_count, normal(p, x), normal(p, y)));
    if (x->op == OP_WHERE && x->args[1] == y && x->guard_count + e->guard_count <= MOST_GUARDS) {
        Guard all[MOST_GUARDS];
        int n = 0;
        for (int i = 0; i < e->guard_count; i++) all[n++] = e->guards[i];
        for (int i = 0; i < x->guard_count; i++) all[n++] = x->guards[i];
        return normal(p, expr_where(p, all, n, x->args[0], y));
    }
    if (zero(x) && !zero(y) && single) return normal(p, expr_where(p, &opposite, 1, y, x));
    return e;
}

// ---- functions of a guarded value: f(a if g else c) = f(a) if g else f(c) ----

static const Expr *push_into_where(Program *p, const Expr *e) {
    const Expr *guarded = NULL;
    int at = -1;
    for (int i = 0; i < e->count; i++) {
        if (e->args[i]->op == OP_CONST) continue;
        if (guarded || e->args[i]->op != OP_WHERE || e->args[i]->args[1]->op != OP_CONST) return e;
        guarded = e->args[i];
        at = i;
    }
    if (!guarded || e->count > 3) return e;
    const Expr *sides[2];
    for (int side = 0; side < 2; side++) {
        const Expr *args[3];
        for (int i = 0; i < e->count; i++) args[i] = i == at ? guarded->args[side] : e->args[i];
        sides[side] = normal(p, expr_rebuild(p, e, args));
    }
    return normal(p, expr_where(p, guarded->guards, guarded->guard_count, sides[0], sides[1]));
}

// ---- products ----

const Expr *factors_enclose(Program *p, const Factors *f, const Expr *e) {
    const Expr *none = expr_const(p, 0);
    for (int i = f->conditions.count - 1; i >= 0; i--) {
        Condition c = f->conditions.data[i];
        e = c.sense ? expr_select(p, c.condition, e, none) : expr_select(p, c.condition, none, e);
    }
    return expr_under(p, f->guards.data, f->guards.count, e);
}

static void take_condition(Program *p, Factors *f, const Expr *condition, bool sense) {
    for (int i = 0; i < f->conditions.count; i++)
        if (f->conditions.data[i].condition == condition && f->conditions.data[i].sense == sense) return;
    vec_push(p->arena, &f->conditions, (Condition){condition, sense});
}

static void take(Program *p, Factors *f, const Expr *e, int exponent) {
    Guard small[MOST_GUARDS];
    int n = 0;
    if (exponent > 0 && masked(e)) {
        for (int i = 0; i < e->guard_count; i++) vec_push(p->arena, &f->guards, e->guards[i]);
        take(p, f, e->args[0], exponent);
    } else if (exponent > 0 && e->op == OP_SELECT && (zero(e->args[1]) || zero(e->args[2]))) {
        take_condition(p, f, e->args[0], zero(e->args[2]));
        take(p, f, e->args[zero(e->args[2]) ? 1 : 2], exponent);
    } else if (exponent > 0 && e->type == TYPE_BOOL && e->op != OP_READ &&
               expr_as_guards(p, e, small, MOST_GUARDS, &n)) {
        for (int i = 0; i < n; i++) vec_push(p->arena, &f->guards, small[i]);
    } else if (exponent > 0 && e->type == TYPE_BOOL && (e->op == OP_LT || e->op == OP_LE || e->op == OP_EQ)) {
        take_condition(p, f, e, true);
    } else {
        vec_push(p->arena, &f->base, e);
        vec_push(p->arena, &f->exponent, exponent);
    }
}

// Brings the conditions in their order; false where both senses of one stand among them.
static bool order_conditions(Factors *f) {
    bool possible = true;
    Condition *c = f->conditions.data;
    for (int i = 1; i < f->conditions.count; i++)
        for (int k = i; k > 0 && expr_order(c[k].condition, c[k - 1].condition) <= 0; k--) {
            possible = possible && c[k].condition != c[k - 1].condition;
            Condition swap = c[k];
            c[k] = c[k - 1];
            c[k - 1] = swap;
        }
    return possible;
}

static const Expr *normal_product(Program *p, const Expr *e) {
    if (p->precision == PRECISION_STRICT || e->type == TYPE_INT) return e;
    Factors f = {.k = e->value};
    for (int i = 0; i < e->count; i++) take(p, &f, e->args[i], e->exponents[i]);
    if (!f.guards.count && !f.conditions.count)
        return e->count == 1 && e->exponents[0] == 1 ? push_into_where(p, e) : e;
    if (!order_conditions(&f)) return expr_const(p, 0);
    const Expr *body = normal(p, expr_product(p, f.k, f.exponent.data, f.base.data, f.base.count));
    return normal(p, factors_enclose(p, &f, body));
}

// ---- sums ----

// A mask of -inf (or inf) swallows what is added to it.
static const Expr *swallow(Program *p, const Expr *e) {
    int at = -1;
    for (int i = 0; i < e->count; i++) {
        const Expr *a = e->args[i];
        if (a->op != OP_WHERE || a->args[1]->op != OP_CONST || !isinf(a->args[1]->value)) continue;
        if (at >= 0) return e;
        at = i;
    }
    if (at < 0) return e;
    const Expr *small[SMALL], **args = scratch_array(p, const Expr *, small, e->count);
    for (int i = 0; i < e->count; i++) args[i] = i == at ? e->args[i]->args[0] : e->args[i];
    const Expr *inside = normal(p, expr_sum(p, e->value, e->coefs, args, e->count));
    const Expr *outside = expr_const(p, e->coefs[at] * e->args[at]->args[1]->value);
    return normal(p, expr_where(p, e->args[at]->guards, e->args[at]->guard_count, inside, outside));
}

// Terms under equal guards are one term; coefficients go inside.
static const Expr *gather(Program *p, const Expr *e) {
    double small_coefs[SMALL], *coefs = scratch_array(p, double, small_coefs, e->count);
    double small_own[SMALL], *own = scratch_array(p, double, small_own, e->count);
    const Expr *small_args[SMALL], **args = scratch_array(p, const Expr *, small_args, e->count);
    const Expr *small_parts[SMALL], **parts = scratch_array(p, const Expr *, small_parts, e->count);
    bool changed = false;
    int n = 0;
    for (int i = 0; i < e->count; i++) {
        const Expr *a = e->args[i];
        bool taken = false;
        for (int k = 0; k < i && masked(a); k++) taken |= masked(e->args[k]) && same_guards(a, e->args[k]);
        if (taken) continue;
        args[n] = a;
        coefs[n] = e->coefs[i];
        int m = 0;
        for (int k = i; k < e->count && masked(a); k++)
            if (masked(e->args[k]) && same_guards(a, e->args[k])) {
                own[m] = e->coefs[k];
                parts[m++] = e->args[k]->args[0];
            }
        if (m > 1 || (m == 1 && coefs[n] != 1)) {
            const Expr *inside = normal(p, expr_sum(p, 0, own, parts, m));
            args[n] = normal(p, expr_under(p, a->guards, a->guard_count, inside));
            coefs[n] = 1;
            changed = true;
        }
        n++;
    }
    return changed ? normal(p, expr_sum(p, e->value, coefs, args, n)) : e;
}

static const Expr *normal_sum(Program *p, const Expr *e) {
    const Expr *a = e->args[0];
    if (e->count == 1 &&
        (a->op == OP_SELECT || a->op == OP_WHERE)) { // of constants, exactly: 1 - (1 if c else 0)
        const Expr *x = a->args[a->count - 2], *y = a->args[a->count - 1];
        if (x->op == OP_CONST && y->op == OP_CONST) {
            x = expr_const(p, e->value + e->coefs[0] * x->value);
            y = expr_const(p, e->value + e->coefs[0] * y->value);
            return normal(p, a->op == OP_SELECT ? expr_select(p, a->args[0], x, y)
                                                : expr_where(p, a->guards, a->guard_count, x, y));
        }
    }
    if (p->precision == PRECISION_STRICT) return e;
    if (!e->has_where) return e;
    const Expr *r = swallow(p, e);
    return r != e || e->count > MAX_ENTRIES ? r : gather(p, e);
}

// ---- select ----

static const Expr *normal_select(Program *p, const Expr *e) {
    const Expr *c = e->args[0], *a = e->args[1], *b = e->args[2];
    if (a->op == OP_SELECT && a->args[0] == c) return normal(p, expr_select(p, c, a->args[1], b));
    if (b->op == OP_SELECT && b->args[0] == c) return normal(p, expr_select(p, c, a, b->args[2]));
    const Expr *r = expr_condition(p, c, a, b);
    if (r != e) return normal(p, r);
    const Expr *kept = zero(b) ? a : zero(a) ? b : NULL;
    if (!kept || !masked(kept)) return e;
    const Expr *inside = kept->args[0], *none = expr_const(p, 0);
    inside = zero(b) ? expr_select(p, c, inside, none) : expr_select(p, c, none, inside);
    return normal(p, expr_where(p, kept->guards, kept->guard_count, normal(p, inside), none));
}

static const Expr *normal_arg(void *data, const Expr *e) { return normal(data, e); }

static const Expr *normal(Program *p, const Expr *e) {
    if (e->count == 0) return e;
    const Expr *known = scratch_get(&p->tables->normal, e);
    if (known) return known;
    const Expr *r = expr_map_args(p, e, normal_arg, p);
    if (r != e)
        r = normal(p, r);
    else if (e->op == OP_WHERE)
        r = normal_where(p, e);
    else if (e->op == OP_PRODUCT)
        r = normal_product(p, e);
    else if (e->op == OP_SUM)
        r = normal_sum(p, e);
    else if (e->op == OP_SELECT)
        r = normal_select(p, e);
    else
        r = e->op == OP_STOP_GRADIENT ? e : push_into_where(p, e);
    scratch_set(p, &p->tables->normal, e, r);
    scratch_set(p, &p->tables->normal, r, r);
    return r;
}

const Expr *expr_normal(Program *p, const Expr *e) { return normal(p, e); }
