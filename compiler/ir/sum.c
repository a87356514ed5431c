// Canonical sums and products: value + sum coef * arg, value * prod arg ^ exponent.
// Outside of `strict` nested ones are flattened, equal terms merged, constants collected; sums of integers
// become affine forms in every precision. Arguments stand by `order`.

#include "ir/tables.h"

#include <math.h>
#include <stdlib.h>

typedef struct {
    const Expr *arg;
    double coef;
} Entry;

static int entry_order(const void *a, const void *b) {
    return expr_order(((const Entry *)a)->arg, ((const Entry *)b)->arg);
}

static bool whole(double x) { return number_whole(x, &(int64_t){0}); }

static Type number_type(const Entry *entries, int count) {
    for (int i = 0; i < count; i++)
        if (entries[i].arg->type == TYPE_DOUBLE) return TYPE_DOUBLE;
    return TYPE_REAL;
}

static bool all_integers(const Entry *entries, int count) {
    bool some = false;
    for (int i = 0; i < count; i++) {
        if (!expr_is_integer(entries[i].arg) || !whole(entries[i].coef)) return false;
        some |= entries[i].arg->type == TYPE_INT;
    }
    return some;
}

// Equal neighbours become one entry with the coefficients' (exponents') sum, if that is at most `most`;
// entries of 0 leave.
static int merge(Entry *entries, int count, double most) {
    int n = 0;
    for (int i = 0; i < count; i++) {
        if (n > 0 && entries[n - 1].arg == entries[i].arg &&
            !(fabs(entries[n - 1].coef + entries[i].coef) > most))
            entries[n - 1].coef += entries[i].coef;
        else
            entries[n++] = entries[i];
        if (entries[n - 1].coef == 0 && (i + 1 == count || entries[i + 1].arg != entries[n - 1].arg)) n--;
    }
    return n;
}

// ---- sums ----

typedef struct {
    Program *p;
    double constant;
    VEC(Entry) entries;
    bool strict;
} Sum;

static int entries_of(const Expr *e) {
    return e->op == OP_SUM ? e->count : e->op == OP_AFFINE ? e->form->count : 1;
}

static void add_term(Sum *s, double coef, const Expr *e, bool may_open) {
    if (coef == 0 && !s->strict) return;
    if (e->op == OP_CONST) {
        s->constant += coef * e->value;
    } else if (e->op == OP_AFFINE) {
        double d = (double)e->form->denominator;
        s->constant += coef * (double)e->form->constant / d;
        every_term (term, e->form)
            vec_push(s->p->arena, &s->entries, (Entry){term->atom, coef * (double)term->coef / d});
    } else if (s->strict) {
        bool sign = e->op == OP_PRODUCT && (e->value == -1 || fabs(coef) == 1) && e->count == 1 &&
                    e->exponents[0] == 1;
        vec_push(s->p->arena, &s->entries, sign ? (Entry){e->args[0], coef * e->value} : (Entry){e, coef});
    } else if (e->op == OP_SUM && may_open) {
        s->constant += coef * e->value;
        for (int i = 0; i < e->count; i++)
            add_term(s, coef * e->coefs[i], e->args[i], false); // a sum in a sum was too long to be opened
    } else if (e->op == OP_PRODUCT && e->value != 1) {
        const Expr *base = expr_product(s->p, 1, e->exponents, e->args, e->count);
        add_term(s, coef * e->value, base, may_open);
    } else {
        vec_push(s->p->arena, &s->entries, (Entry){e, coef});
    }
}

static const Expr *integer_sum(Program *p, double constant, const Entry *entries, int count) {
    const Affine *form = affine_constant(p, (int64_t)constant);
    for (int i = 0; i < count; i++)
        form =
            affine_add(p, form, affine_scale(p, affine_atom(p, entries[i].arg), (int64_t)entries[i].coef, 1));
    return expr_affine(p, form);
}

static const Expr *number_sum(Program *p, double constant, const Entry *entries, int count) {
    double small_coefs[SMALL], *coefs = scratch_array(p, double, small_coefs, count);
    const Expr *small_args[SMALL], **args = scratch_array(p, const Expr *, small_args, count);
    for (int i = 0; i < count; i++) {
        coefs[i] = entries[i].coef;
        args[i] = entries[i].arg;
    }
    return expr_intern(p, &(Expr){.op = OP_SUM,
                                  .type = (uint8_t)number_type(entries, count),
                                  .value = constant,
                                  .count = (int16_t)count,
                                  .coefs = coefs,
                                  .args = args});
}

const Expr *expr_sum(Program *p, double constant, const double *coefs, const Expr *const *args, int count) {
    if (count > 8 * MAX_ENTRIES) { // far too large anyhow: halves, so that counts stay small
        const Expr *low = expr_sum(p, constant, coefs, args, count / 2);
        const Expr *high = expr_sum(p, 0, coefs + count / 2, args + count / 2, count - count / 2);
        return number_sum(p, 0, (Entry[]){{low, 1}, {high, 1}}, 2);
    }
    Sum s = {.p = p, .constant = constant, .strict = p->precision == PRECISION_STRICT};
    Entry small[SMALL];
    s.entries.data = small;
    s.entries.room = SMALL;
    int together = 0;
    for (int i = 0; i < count; i++) together += entries_of(args[i]);
    for (int i = 0; i < count; i++) add_term(&s, coefs[i], args[i], together <= MAX_ENTRIES);
    Entry *entries = s.entries.data;
    int n = s.entries.count;
    bool integers = whole(s.constant) && all_integers(entries, n);
    if (integers) return integer_sum(p, s.constant, entries, n);
    qsort(entries, (size_t)n, sizeof *entries, entry_order);
    if (!s.strict) n = merge(entries, n, (double)INFINITY);
    if (n == 0) return expr_const(p, s.constant);
    if (whole(s.constant) && all_integers(entries, n)) return integer_sum(p, s.constant, entries, n);
    if (n == 1 && s.constant == 0)
        return expr_product(p, entries[0].coef, (const int[]){1}, &entries[0].arg, 1);
    return number_sum(p, s.constant, entries, n);
}

// ---- products ----

typedef struct {
    Program *p;
    double factor;
    VEC(Entry) entries;
    bool strict;
} Product;

// A product is opened where its exponents stay small enough to be counted, merged and taken apart again.
enum { OPENED_EXPONENT = 1 << 16, MOST_EXPONENT = 1 << 30 };

static bool opens(const Expr *e, int exponent) {
    for (int i = 0; i < e->count; i++)
        if (llabs((long long)e->exponents[i] * exponent) > OPENED_EXPONENT) return false;
    return true;
}

double whole_power(double x, int k) {
    if (abs(k) > 64) return pow(x, k);
    double result = 1;
    for (int i = k < 0 ? -k : k; i > 0; i--) result *= x;
    return k < 0 ? 1 / result : result;
}

static void add_factor(Product *r, int exponent, const Expr *e, bool may_open) {
    if (exponent == 0) return;
    if (e->op == OP_CONST) {
        r->factor *= whole_power(e->value, exponent);
    } else if (e->op == OP_AFFINE && e->form->count == 1 && e->form->constant == 0) {
        r->factor *= whole_power((double)e->form->terms[0].coef / (double)e->form->denominator, exponent);
        add_factor(r, exponent, e->form->terms[0].atom, may_open);
    } else if (e->op == OP_PRODUCT && (r->strict ? e->value == -1 && e->count == 1 && e->exponents[0] == 1
                                                 : may_open && opens(e, exponent))) {
        r->factor *= whole_power(e->value, exponent);
        for (int i = 0; i < e->count; i++)
            vec_push(r->p->arena, &r->entries, (Entry){e->args[i], (double)e->exponents[i] * exponent});
    } else {
        vec_push(r->p->arena, &r->entries, (Entry){e, exponent});
    }
}

static const Expr *intern_product(Program *p, double factor, const Entry *entries, int count, Type type) {
    int small_exponents[SMALL], *exponents = scratch_array(p, int, small_exponents, count);
    const Expr *small_args[SMALL], **args = scratch_array(p, const Expr *, small_args, count);
    for (int i = 0; i < count; i++) {
        exponents[i] = (int)entries[i].coef;
        args[i] = entries[i].arg;
    }
    return expr_intern(p, &(Expr){.op = OP_PRODUCT,
                                  .type = (uint8_t)type,
                                  .value = factor,
                                  .count = (int16_t)count,
                                  .exponents = exponents,
                                  .args = args});
}

static const Expr *integer_product(Program *p, double factor, const Entry *entries, int count) {
    const Expr *atom = entries[0].arg;
    if (count > 1 || entries[0].coef != 1) atom = intern_product(p, 1, entries, count, TYPE_INT);
    return expr_affine(p, affine_scale(p, affine_atom(p, atom), (int64_t)factor, 1));
}

static bool integer_factors(const Entry *entries, int count) {
    for (int i = 0; i < count; i++)
        if (entries[i].coef < 0) return false;
    return all_integers(entries, count);
}

// In `strict` divisions are divisions: numerator and denominator are products of their own.
static const Expr *strict_quotient(Program *p, double factor, const int *exponents, const Expr *const *args,
                                   int count) {
    int small_exponents[SMALL], *own = scratch_array(p, int, small_exponents, count);
    const Expr *small_args[SMALL], **parts = scratch_array(p, const Expr *, small_args, count);
    const Expr *sides[2];
    for (int side = 0; side < 2; side++) {
        int n = 0;
        for (int i = 0; i < count; i++)
            if ((exponents[i] < 0) == (side == 1)) {
                own[n] = side ? -exponents[i] : exponents[i];
                parts[n++] = args[i];
            }
        sides[side] = expr_product(p, side ? 1 : factor, own, parts, n);
    }
    return expr_div(p, sides[0], sides[1]);
}

const Expr *expr_product(Program *p, double factor, const int *exponents, const Expr *const *args,
                         int count) {
    if (count > 8 * MAX_ENTRIES) {
        const Expr *low = expr_product(p, factor, exponents, args, count / 2);
        const Expr *high = expr_product(p, 1, exponents + count / 2, args + count / 2, count - count / 2);
        return intern_product(p, 1, (Entry[]){{low, 1}, {high, 1}}, 2, TYPE_REAL);
    }
    Product r = {.p = p, .factor = factor, .strict = p->precision == PRECISION_STRICT};
    for (int i = 0; r.strict && i < count; i++)
        if (exponents[i] < 0) return strict_quotient(p, factor, exponents, args, count);
    Entry small[SMALL];
    r.entries.data = small;
    r.entries.room = SMALL;
    int together = 0;
    for (int i = 0; i < count; i++) together += args[i]->op == OP_PRODUCT ? args[i]->count : 1;
    for (int i = 0; i < count; i++) add_factor(&r, exponents[i], args[i], together <= MAX_ENTRIES);
    Entry *entries = r.entries.data;
    qsort(entries, (size_t)r.entries.count, sizeof *entries, entry_order);
    int n = r.entries.count;
    n = merge(entries, n, MOST_EXPONENT); // in `strict` exponents are positive: nothing cancels
    if (n == 0 || (r.factor == 0 && !r.strict)) return expr_const(p, r.factor);
    if (whole(r.factor) && integer_factors(entries, n)) return integer_product(p, r.factor, entries, n);
    if (n == 1 && entries[0].coef == 1 && r.factor == 1) return entries[0].arg;
    return intern_product(p, r.factor, entries, n, number_type(entries, n));
}

// ---- for one's convenience ----

const Expr *expr_add(Program *p, const Expr *a, const Expr *b) {
    return expr_sum(p, 0, (const double[]){1, 1}, (const Expr *const[]){a, b}, 2);
}

const Expr *expr_sub(Program *p, const Expr *a, const Expr *b) {
    return expr_sum(p, 0, (const double[]){1, -1}, (const Expr *const[]){a, b}, 2);
}

const Expr *expr_mul(Program *p, const Expr *a, const Expr *b) {
    return expr_product(p, 1, (const int[]){1, 1}, (const Expr *const[]){a, b}, 2);
}

const Expr *expr_neg(Program *p, const Expr *a) { return expr_product(p, -1, (const int[]){1}, &a, 1); }

const Expr *expr_div(Program *p, const Expr *a, const Expr *b) {
    if (p->precision != PRECISION_STRICT)
        return expr_product(p, 1, (const int[]){1, -1}, (const Expr *const[]){a, b}, 2);
    if (expr_is_const(b, 1) || (expr_is_const(b, -1)))
        return expr_product(p, b->value, (const int[]){1}, &a, 1);
    return fold_operation(p, OP_DIV, (const Expr *const[]){a, b}, 2);
}

const Expr *expr_power(Program *p, const Expr *a, int k) {
    if (k < 0 && p->precision == PRECISION_STRICT) return expr_div(p, expr_const(p, 1), expr_power(p, a, -k));
    return expr_product(p, 1, &k, &a, 1);
}
