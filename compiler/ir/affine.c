// Affine forms with integer atoms: (constant + sum coef * atom) / denominator, in lowest terms, hash-consed.
// Terms stand in one order: indices by id, then the number of rows, then other atoms by `order`; so a
// form does not depend on the order in which its parts were made.

#include "ir/tables.h"

#include <string.h>

static const int64_t FAR = INT64_MAX / 4;

int64_t gcd_of(int64_t a, int64_t b) {
    a = a < 0 ? -a : a;
    b = b < 0 ? -b : b;
    while (b) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

bool number_whole(double x, int64_t *value) {
    if (!(x > -9007199254740992.0 && x < 9007199254740992.0) || x != (double)(int64_t)x) return false;
    *value = (int64_t)x;
    return true;
}

int64_t floor_div(int64_t a, int64_t b) {
    int64_t q = a / b;
    return q * b > a ? q - 1 : q;
}

int64_t exact_mul(int64_t a, int64_t b) {
    int64_t product;
    if (__builtin_mul_overflow(a, b, &product)) die("an affine form overflows");
    return product;
}

// What no 64 bits hold is said once, at the place that is written out; the form is of no use then.
static int64_t sum_of(Program *p, int64_t a, int64_t b) {
    int64_t sum;
    if (!__builtin_add_overflow(a, b, &sum)) return sum;
    diagnose(p->ctx, INTEGER_TOO_LARGE, p->at);
    return 0;
}

static int64_t product_of(Program *p, int64_t a, int64_t b) {
    int64_t product;
    if (!__builtin_mul_overflow(a, b, &product)) return product;
    diagnose(p->ctx, INTEGER_TOO_LARGE, p->at);
    return 1;
}

// ---- the table ----

static int rank_of(const Expr *atom) { return atom->op == OP_INDEX ? 0 : atom->op == OP_ROWS ? 1 : 2; }

static int term_order(const Term *a, const Term *b) {
    int ra = rank_of(a->atom), rb = rank_of(b->atom);
    if (ra != rb) return ra - rb;
    if (ra == 0)
        return a->atom->index->id < b->atom->index->id ? -1 : a->atom->index->id > b->atom->index->id;
    return expr_order(a->atom, b->atom);
}

static const Affine *intern(Program *p, int64_t constant, int64_t denominator, const Term *terms, int count) {
    struct Tables *t = p->tables;
    uint64_t h = hash_mix((uint64_t)constant, (uint64_t)denominator);
    for (int i = 0; i < count; i++) h = hash_mix(h, hash_mix(terms[i].atom->hash, (uint64_t)terms[i].coef));
    Affine *f;
    for (uint32_t probe = 0; (f = hash_next(&t->forms, h, &probe));) {
        bool same = f->constant == constant && f->denominator == denominator && f->count == count;
        for (int i = 0; same && i < count; i++)
            same = f->terms[i].atom == terms[i].atom && f->terms[i].coef == terms[i].coef;
        if (same) return f;
    }
    f = arena_new(p->arena, Affine);
    Term *own = arena_array(p->arena, Term, count > 0 ? count : 1);
    for (int i = 0; i < count; i++) own[i] = terms[i];
    *f = (Affine){.constant = constant,
                  .denominator = denominator,
                  .count = count,
                  .id = t->forms.count,
                  .hash = h,
                  .order = hash_mix((uint64_t)constant, (uint64_t)denominator),
                  .terms = own};
    for (int i = 0; i < count; i++) f->order += hash_mix((uint64_t)own[i].coef, own[i].atom->order);
    affine_settle(f);
    hash_put(p->arena, &t->forms, h, f);
    return f;
}

// Terms are in order and without doubles; brings to lowest terms.
static const Affine *reduced(Program *p, int64_t constant, int64_t denominator, Term *terms, int count) {
    int kept = 0;
    for (int i = 0; i < count; i++)
        if (terms[i].coef != 0) terms[kept++] = terms[i];
    if (denominator > 1) {
        int64_t g = gcd_of(denominator, constant);
        for (int i = 0; i < kept && g > 1; i++) g = gcd_of(g, terms[i].coef);
        constant /= g;
        denominator /= g;
        for (int i = 0; i < kept; i++) terms[i].coef /= g;
    }
    return intern(p, constant, denominator, terms, kept);
}

const Affine *affine_constant(Program *p, int64_t c) { return intern(p, c, 1, NULL, 0); }

const Affine *affine_index(Program *p, const Index *index) {
    return intern(p, 0, 1, &(Term){expr_index(p, index), 1}, 1);
}

const Affine *affine_atom(Program *p, const Expr *e) {
    if (e->op == OP_AFFINE) return e->form;
    int64_t whole;
    if (e->op == OP_CONST && number_whole(e->value, &whole)) return affine_constant(p, whole);
    if (!expr_is_integer(e)) die("a number that is not an integer stands in an affine form");
    return intern(p, 0, 1, &(Term){e, 1}, 1);
}

// a * ka + b * kb over a denominator.
static const Affine *combine(Program *p, const Affine *a, int64_t ka, const Affine *b, int64_t kb,
                             int64_t denominator) {
    Term small[SMALL], *terms = scratch_array(p, Term, small, a->count + b->count);
    int n = 0;
    for (int i = 0, j = 0; i < a->count || j < b->count;) {
        int order = i == a->count ? 1 : j == b->count ? -1 : term_order(&a->terms[i], &b->terms[j]);
        Term t = {order <= 0 ? a->terms[i].atom : b->terms[j].atom, 0};
        if (order <= 0) t.coef = product_of(p, a->terms[i++].coef, ka);
        if (order >= 0) t.coef = sum_of(p, t.coef, product_of(p, b->terms[j++].coef, kb));
        terms[n++] = t;
    }
    return reduced(p, sum_of(p, product_of(p, a->constant, ka), product_of(p, b->constant, kb)), denominator,
                   terms, n);
}

const Affine *affine_add(Program *p, const Affine *a, const Affine *b) {
    int64_t g = gcd_of(a->denominator, b->denominator);
    return combine(p, a, b->denominator / g, b, a->denominator / g,
                   product_of(p, a->denominator, b->denominator / g));
}

const Affine *affine_sub(Program *p, const Affine *a, const Affine *b) {
    int64_t g = gcd_of(a->denominator, b->denominator);
    return combine(p, a, b->denominator / g, b, -(a->denominator / g),
                   product_of(p, a->denominator, b->denominator / g));
}

const Affine *affine_scale(Program *p, const Affine *a, int64_t numerator, int64_t denominator) {
    if (denominator < 0) {
        numerator = -numerator;
        denominator = -denominator;
    }
    if (denominator == 0) die("an affine form is divided by 0");
    Term small[SMALL], *terms = scratch_array(p, Term, small, a->count);
    int64_t g = gcd_of(numerator, denominator);
    numerator /= g;
    denominator /= g;
    for (int i = 0; i < a->count; i++)
        terms[i] = (Term){a->terms[i].atom, product_of(p, a->terms[i].coef, numerator)};
    return reduced(p, product_of(p, a->constant, numerator), product_of(p, a->denominator, denominator),
                   terms, a->count);
}

const Affine *affine_number(Program *p, const Affine *const *forms, const int64_t *sizes, int from, int to) {
    const Affine *number = affine_constant(p, 0);
    for (int d = from; d < to; d++) number = affine_add(p, affine_scale(p, number, sizes[d], 1), forms[d]);
    return number;
}

const Affine *affine_offset(Program *p, const Affine *a, int64_t c) {
    return affine_add(p, a, affine_constant(p, c));
}

const Affine *affine_block(Program *p, const Index *block, int64_t size, const Index *in) {
    return affine_add(p, affine_scale(p, affine_index(p, block), size, 1), affine_index(p, in));
}

// ---- questions ----

int64_t affine_coef(const Affine *a, const Index *index) {
    every_term (term, a)
        if (term->atom->op == OP_INDEX && term->atom->index == index) return term->coef;
    return 0;
}

const Index *affine_only(const Affine *a) {
    if (a->count != 1 || a->constant != 0 || a->denominator != 1 || a->terms[0].coef != 1) return NULL;
    return a->terms[0].atom->op == OP_INDEX ? a->terms[0].atom->index : NULL;
}

bool affine_is_constant(const Affine *a) { return a->count == 0; }

bool affine_depends(const Affine *a, const Index *index) {
    every_term (term, a)
        if (expr_depends(term->atom, index)) return true;
    return false;
}

int affine_read_depth(const Affine *a) {
    int depth = 0;
    every_term (term, a)
        if (term->atom->read_depth > depth) depth = term->atom->read_depth;
    return depth;
}

// ---- // by a constant ----

bool expr_is_quotient(const Expr *e, const Expr **of, int64_t *by) {
    if (e->op != OP_FLOOR_DIV || e->args[1]->op != OP_CONST || !expr_is_integer(e->args[0])) return false;
    *of = e->args[0];
    return number_whole(e->args[1]->value, by) && *by >= 2;
}

// floor((g*x + r) / m) with g a divisor of m and r in k*g .. k*g + g-1 is floor((x + k) / (m/g)): r is too
// small to matter.
static const Expr *floor_parts(Program *p, const Affine *f, int64_t m) {
    every_term (term, f) {
        int64_t g = gcd_of(term->coef, m);
        if (g == 1) continue;
        Term small[2 * SMALL], *large = f->count <= SMALL ? small : arena_array(p->arena, Term, 2 * f->count);
        Term *rest = large + f->count;
        int large_count = 0, rest_count = 0;
        for (int t = 0; t < f->count; t++)
            if (f->terms[t].coef % g == 0)
                large[large_count++] = (Term){f->terms[t].atom, f->terms[t].coef / g};
            else
                rest[rest_count++] = f->terms[t];
        const Affine *r = intern(p, f->constant, 1, rest, rest_count);
        if (r->low <= -FAR || r->high >= FAR || floor_div(r->low, g) != floor_div(r->high, g)) continue;
        return affine_floor_div(p, intern(p, floor_div(r->low, g), 1, large, large_count), m / g);
    }
    return NULL;
}

// floor(f / m) of what is left after whole multiples of m have left f: atoms whose value is known are folded.
static const Expr *floor_rest(Program *p, const Affine *f, int64_t m) {
    if (f->low > -FAR && f->high < FAR && floor_div(f->low, m) == floor_div(f->high, m))
        return expr_int(p, floor_div(f->low, m));
    const Expr *x; // floor((floor(x/a) + c) / m) = floor((x + a*c) / (a*m))
    int64_t a;
    if (f->count == 1 && f->terms[0].coef == 1 && expr_is_quotient(f->terms[0].atom, &x, &a))
        return affine_floor_div(p, affine_offset(p, affine_atom(p, x), product_of(p, a, f->constant)),
                                product_of(p, a, m));
    const Expr *parted = floor_parts(p, f, m);
    if (parted) return parted;
    Expr key = {.op = OP_FLOOR_DIV,
                .type = TYPE_INT,
                .count = 2,
                .args = (const Expr *const[]){expr_affine(p, f), expr_int(p, m)}};
    return expr_intern(p, &key);
}

const Expr *affine_floor_div(Program *p, const Affine *f, int64_t m) {
    if (m < 0) {
        f = affine_scale(p, f, -1, 1);
        m = -m;
    }
    if (m == 0) return NULL;
    m = product_of(p, m, f->denominator);
    f = affine_scale(p, f, f->denominator, 1);
    if (m == 1) return expr_affine(p, f);
    Term small[2 * SMALL], *whole = f->count <= SMALL ? small : arena_array(p->arena, Term, 2 * f->count);
    Term *rest = whole + f->count;
    int whole_count = 0, rest_count = 0;
    int64_t g = m;
    every_term (term, f) {
        Term t = *term;
        if (t.coef % m == 0) {
            whole[whole_count++] = (Term){t.atom, t.coef / m};
        } else {
            rest[rest_count++] = t;
            g = gcd_of(g, t.coef);
        }
    }
    int64_t q = floor_div(f->constant, m), r = f->constant - q * m;
    // floor((g*x + r) / m) = floor((x + floor(r/g)) / (m/g))
    for (int i = 0; i < rest_count; i++) rest[i].coef /= g;
    const Affine *out = intern(p, q, 1, whole, whole_count);
    const Affine *inside = intern(p, r / g, 1, rest, rest_count);
    const Expr *floored = m / g == 1 ? expr_affine(p, inside) : floor_rest(p, inside, m / g);
    return expr_affine(p, affine_add(p, out, affine_atom(p, floored)));
}
