// Intervals of integer expressions and of forms. They are part of a node, made when it is made from those of
// its parts, so that what is shared is looked at once.

#include "ir/tables.h"

static const int64_t FAR = INT64_MAX / 4;
enum { FAR_STEPS = 64 };

int64_t clamp_add(int64_t a, int64_t b) {
    int64_t sum = a + b; // both are at most FAR: no overflow
    return sum > FAR ? FAR : sum < -FAR ? -FAR : sum;
}

int64_t clamp_mul(int64_t a, int64_t b) {
    int64_t product;
    if (__builtin_mul_overflow(a, b, &product)) return (a < 0) == (b < 0) ? FAR : -FAR;
    return product > FAR ? FAR : product < -FAR ? -FAR : product;
}

// ---- forms ----

// A batch index b and the rows it runs below: rows - 1 - b >= 0 is known though each alone has a wide
// interval.
static void rows_bounds(const Affine *a, int64_t *low, int64_t *high) {
    int64_t rows_coef = 0, batch = 0;
    every_term (term, a)
        if (term->atom->op == OP_ROWS) {
            rows_coef = term->coef;
            batch = (int64_t)term->atom->value;
        }
    for (int i = 0; i < a->count && rows_coef != 0; i++) {
        const Term *t = &a->terms[i];
        if (t->atom->op != OP_INDEX || !t->atom->index->batch || (t->coef < 0) == (rows_coef < 0)) continue;
        int64_t both = t->coef < 0 ? -t->coef : t->coef, most = rows_coef < 0 ? -rows_coef : rows_coef;
        both = both < most ? both : most;
        // both * (rows - b) lies in both .. both * batch; the intervals counted it as both * (2 - batch) ..
        // both * batch.
        if (rows_coef > 0)
            *low = clamp_add(*low, clamp_mul(both, batch - 1));
        else
            *high = clamp_add(*high, -clamp_mul(both, batch - 1));
        return;
    }
}

typedef struct {
    Term terms[SMALL];
    int count;
    int64_t low, high; // of what stands beside the terms
} Spread;

static bool spread_add(Spread *s, const Expr *atom, int64_t coef) {
    int i = 0;
    while (i < s->count && s->terms[i].atom != atom) i++;
    if (i == SMALL) return false;
    if (i == s->count) s->terms[s->count++] = (Term){atom, 0};
    s->terms[i].coef = clamp_add(s->terms[i].coef, coef);
    return true;
}

// k*m * floor(f / m) = k*f - k*r with a remainder r in 0 .. m - 1, for one such atom, the outermost, so that
// what stands in it and beside it cancels as a whole; false if there is none left.
static bool spread_quotient(Spread *s) {
    const Expr *f = NULL, *of;
    int64_t m = 1, by;
    int at = -1;
    for (int i = 0; i < s->count; i++) {
        const Expr *atom = s->terms[i].atom;
        if (!s->terms[i].coef || !expr_is_quotient(atom, &of, &by) || s->terms[i].coef % by != 0) continue;
        if (of->type != TYPE_INT || (of->op == OP_AFFINE && of->form->denominator != 1)) continue;
        if (at < 0 || atom->depth > s->terms[at].atom->depth) at = i, f = of, m = by;
    }
    if (at < 0) return false;
    int64_t k = s->terms[at].coef / m, reach = clamp_mul(k, m - 1);
    const Affine alone = {.count = 1, .terms = &(Term){f, 1}}, *form = f->op == OP_AFFINE ? f->form : &alone;
    s->terms[at].coef = 0;
    every_term (term, form)
        if (!spread_add(s, term->atom, clamp_mul(k, term->coef))) return false;
    int64_t constant = clamp_mul(k, form->constant);
    s->low = clamp_add(s->low, clamp_add(constant, reach > 0 ? -reach : 0));
    s->high = clamp_add(s->high, clamp_add(constant, reach < 0 ? -reach : 0));
    return true;
}

// low .. high cut by what the terms' own intervals give.
static void spread_narrow(const Spread *s, int64_t *low, int64_t *high) {
    int64_t lo = s->low, hi = s->high;
    every_term (term, s) {
        int64_t l = term->atom->low, h = term->atom->high, c = term->coef;
        if (c != 0 && (l <= -FAR || h >= FAR)) return;
        lo = clamp_add(lo, clamp_mul(c, c > 0 ? l : h));
        hi = clamp_add(hi, clamp_mul(c, c > 0 ? h : l));
    }
    *low = lo > *low ? lo : *low;
    *high = hi < *high ? hi : *high;
}

// A remainder, f - m * floor(f / m), lies in 0 .. m - 1, whatever its parts may reach by themselves.
static void remainder_bounds(const Affine *a, int64_t *low, int64_t *high) {
    if (a->count > SMALL) return;
    Spread s = {.count = a->count, .low = a->constant, .high = a->constant};
    for (int i = 0; i < a->count; i++) s.terms[i] = a->terms[i];
    for (int round = 0; round < SMALL && spread_quotient(&s); round++) spread_narrow(&s, low, high);
}

void affine_settle(Affine *a) {
    int64_t lo = a->constant > FAR ? FAR : a->constant < -FAR ? -FAR : a->constant, hi = lo;
    every_term (term, a) {
        int64_t l = term->atom->low, h = term->atom->high, c = term->coef;
        int64_t at_low = l <= -FAR ? (c > 0 ? -FAR : FAR) : clamp_mul(c, l);
        int64_t at_high = h >= FAR ? (c > 0 ? FAR : -FAR) : clamp_mul(c, h);
        lo = clamp_add(lo, c > 0 ? at_low : at_high);
        hi = clamp_add(hi, c > 0 ? at_high : at_low);
        if ((c > 0 ? at_low : at_high) <= -FAR) lo = -FAR;
        if ((c > 0 ? at_high : at_low) >= FAR) hi = FAR;
    }
    if (lo > -FAR && hi < FAR) rows_bounds(a, &lo, &hi);
    remainder_bounds(a, &lo, &hi);
    a->low = lo <= -FAR ? -FAR : floor_div(lo, a->denominator);
    a->high = hi >= FAR ? FAR : -floor_div(-hi, a->denominator);
}

// ---- expressions ----

static void widen(int64_t *low, int64_t *high, int64_t l, int64_t h) {
    *low = l < *low ? l : *low;
    *high = h > *high ? h : *high;
}

static void product_bounds(const Expr *e, int64_t *low, int64_t *high) {
    int64_t lo, hi;
    if (!number_whole(e->value, &lo)) return;
    hi = lo;
    for (int i = 0; i < e->count; i++) {
        int64_t l = e->args[i]->low, h = e->args[i]->high;
        int most = e->exponents[i] <= FAR_STEPS ? e->exponents[i] : FAR_STEPS + e->exponents[i] % 2;
        for (int k = 0; k < most; k++) { // what is not far by then is 0, 1 or -1
            if (lo <= -FAR || hi >= FAR || l <= -FAR || h >= FAR) {
                lo = -FAR, hi = FAR;
                break;
            }
            int64_t a = clamp_mul(lo, l), b = clamp_mul(lo, h), c = clamp_mul(hi, l), d = clamp_mul(hi, h);
            lo = hi = a;
            widen(&lo, &hi, b, b);
            widen(&lo, &hi, c, c);
            widen(&lo, &hi, d, d);
        }
    }
    *low = lo, *high = hi;
}

void expr_bounds_by_args(const Expr *e, const Interval *args, int64_t *low, int64_t *high) {
    const Expr *a = e->args[0], *b = e->count > 1 ? e->args[1] : a;
    const Interval x = args[0], y = args[e->count > 1];
    int64_t divisor;
    bool chooses = e->op == OP_MAX || e->op == OP_MIN || e->op == OP_SELECT || e->op == OP_WHERE;
    if (!chooses && e->op != OP_FLOOR && !expr_is_integer(e)) return;
    switch (e->op) {
    case OP_MAX:
        *low = x.low > y.low ? x.low : y.low;
        *high = x.high > y.high ? x.high : y.high;
        break;
    case OP_MIN:
        *low = x.low < y.low ? x.low : y.low;
        *high = x.high < y.high ? x.high : y.high;
        break;
    case OP_SELECT:
        *low = args[2].low, *high = args[2].high;
        widen(low, high, y.low, y.high);
        break;
    case OP_WHERE:
        *low = x.low, *high = x.high;
        widen(low, high, y.low, y.high);
        break;
    case OP_ABS:
        if (!expr_is_integer(a)) break;
        *low = x.low > 0 ? x.low : x.high < 0 ? -x.high : 0;
        *high = x.high > -x.low ? x.high : -x.low;
        break;
    case OP_SIGN: *low = -1, *high = 1; break;
    case OP_FLOOR_DIV:
        if (b->op == OP_CONST && number_whole(b->value, &divisor) && divisor > 0 && expr_is_integer(a)) {
            *low = x.low <= -FAR ? -FAR : floor_div(x.low, divisor);
            *high = x.high >= FAR ? FAR : floor_div(x.high, divisor);
        }
        break;
    case OP_MOD:
        if (y.low > 0 && expr_is_integer(a) && expr_is_integer(b)) {
            *low = 0;
            *high = y.high >= FAR ? FAR : y.high - 1;
        }
        break;
    case OP_FLOOR:
    case OP_STOP_GRADIENT: *low = x.low, *high = x.high; break;
    default: break;
    }
}

static void operation_bounds(const Expr *e, int64_t *low, int64_t *high) {
    Interval args[MOST_ARGS];
    for (int i = 0; i < e->count; i++) args[i] = (Interval){e->args[i]->low, e->args[i]->high};
    expr_bounds_by_args(e, args, low, high);
}

// The interval of floor(e); for numbers only what follows from constants, draws, max and min.
void expr_settle(Expr *e) {
    int64_t *low = &e->low, *high = &e->high;
    *low = -FAR, *high = FAR;
    switch (e->op) {
    case OP_CONST:
        if (e->value > (double)-FAR && e->value < (double)FAR) {
            *low = (int64_t)e->value - (e->value < (double)(int64_t)e->value);
            *high = *low;
        }
        return;
    case OP_INDEX: *low = 0, *high = e->index->size - 1; return;
    case OP_ROWS: *low = 1, *high = (int64_t)e->value; return;
    case OP_AFFINE: *low = e->form->low, *high = e->form->high; return;
    case OP_READ:
        if (e->tensor->bounded)
            *low = e->tensor->low, *high = e->tensor->high;
        else if (e->type == TYPE_BOOL)
            *low = 0, *high = 1;
        return;
    case OP_DRAW:
        if (e->draw->kind == DRAW_UNIFORM)
            *low = *high = 0;
        else if (e->draw->kind == DRAW_BITS)
            *low = 0, *high = e->draw->limit - 1;
        return;
    case OP_PRODUCT:
        if (e->type == TYPE_INT) product_bounds(e, low, high);
        return;
    case OP_SUM: return;
    default:
        if (e->type == TYPE_BOOL)
            *low = 0, *high = 1;
        else
            operation_bounds(e, low, high);
    }
}

bool expr_integer_bounds(const Expr *e, int64_t *low, int64_t *high) {
    *low = e->low, *high = e->high;
    return *low > -FAR && *high < FAR;
}

void affine_bounds(const Affine *a, int64_t *low, int64_t *high) { *low = a->low, *high = a->high; }
