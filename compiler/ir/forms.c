// Questions about indices and lists of forms: a tensor's places as an equation or a read gives them.

#include "ir/tables.h"

#include <stdlib.h>
#include <string.h>

int index_find(const Index *const *indices, int count, const Index *index) {
    for (int i = 0; i < count; i++)
        if (indices[i] == index) return i;
    return -1;
}

bool form_depends_on_any(const Affine *form, const Index *const *indices, int count) {
    for (int i = 0; i < count; i++)
        if (affine_depends(form, indices[i])) return true;
    return false;
}

uint32_t forms_axes(const Affine *const *forms, int count) {
    uint32_t axes = 0;
    for (int d = 0; d < count; d++)
        for (int i = 0; i < forms[d]->count; i++) axes |= forms[d]->terms[i].atom->axes;
    return axes;
}

// One term of one of two forms, as if it had this value.
typedef struct {
    const Term *term;
    int64_t value;
} Fixed;

// The form, or its negative, modulo its terms of at least this size: their divisor, and bounds of the rest.
static void modulo_large(const Affine *a, int64_t sign, int64_t large, Fixed fixed, int64_t *divisor,
                         int64_t *low, int64_t *high) {
    *low = clamp_add(*low, sign * a->constant);
    *high = clamp_add(*high, sign * a->constant);
    every_term (term, a) {
        int64_t l = term->atom->low, h = term->atom->high, c = sign * term->coef;
        if (term == fixed.term) l = h = fixed.value;
        if (llabs(c) >= large) {
            *divisor = gcd_of(*divisor, c);
            continue;
        }
        *low = clamp_add(*low, clamp_mul(c, c > 0 ? l : h));
        *high = clamp_add(*high, clamp_mul(c, c > 0 ? h : l));
    }
}

// Is their difference never 0, because no multiple of what divides the large terms lies in the bounds of the
// rest? So d + 4*i and e + 4*j + 2 are apart for d and e below 2.
static bool apart_at(const Affine *a, const Affine *b, int64_t large, Fixed fixed) {
    int64_t m = 0, low = 0, high = 0;
    modulo_large(a, 1, large, fixed, &m, &low, &high);
    modulo_large(b, -1, large, fixed, &m, &low, &high);
    return m ? floor_div(high, m) * m < low : low > 0 || high < 0;
}

// Are they apart at each of a term's few values? So 12*i + 8*k + d and 12*j + e + 4 are, for d and e below 4.
static bool apart_at_each(const Affine *a, const Affine *b, int64_t large, const Term *term) {
    enum { FEW = 8 };
    int64_t low = term->atom->low, high = term->atom->high;
    if (llabs(term->coef) >= large || low < -FEW || high > FEW) return false;
    for (int64_t v = low; v <= high; v++)
        if (!apart_at(a, b, large, (Fixed){term, v})) return false;
    return true;
}

static bool apart(const Affine *a, const Affine *b, int64_t large) {
    if (apart_at(a, b, large, (Fixed){0})) return true;
    every_term (term, a)
        if (apart_at_each(a, b, large, term)) return true;
    every_term (x, b)
        if (apart_at_each(a, b, large, x)) return true;
    return false;
}

bool forms_disjoint(const Affine *const *a, const Affine *const *b, int count) {
    for (int d = 0; d < count; d++) {
        if (a[d]->denominator != 1 || b[d]->denominator != 1) continue;
        if (apart(a[d], b[d], INT64_MAX)) return true;
        every_term (term, a[d])
            if (apart(a[d], b[d], llabs(term->coef))) return true;
        every_term (x, b[d])
            if (apart(a[d], b[d], llabs(x->coef))) return true;
    }
    return false;
}

bool forms_equal(const Affine *const *a, const Affine *const *b, int count) {
    for (int d = 0; d < count; d++)
        if (a[d] != b[d]) return false;
    return true;
}

bool forms_cover(const Affine *const *forms, const Tensor *t, bool ones) {
    for (int d = 0; d < t->rank; d++) {
        const Index *x = affine_only(forms[d]);
        if (ones && t->dims[d] == 1 && affine_is_constant(forms[d])) continue;
        if (!x || x->size != t->dims[d]) return false;
        for (int e = 0; e < d; e++)
            if (affine_only(forms[e]) == x) return false;
    }
    return true;
}

// By digits: the terms in the order of their coefficients, each larger than all before it can reach.
bool form_is_injective(const Affine *form, const Index *const *known, int count) {
    enum { MOST_TERMS = 64 };
    bool used[MOST_TERMS] = {false};
    int64_t reach = 0;
    if (form->count > MOST_TERMS) return false;
    for (int round = 0; round < form->count; round++) {
        int least = -1;
        for (int k = 0; k < form->count; k++)
            if (!used[k] && (least < 0 || llabs(form->terms[k].coef) < llabs(form->terms[least].coef)))
                least = k;
        used[least] = true;
        const Index *index = form->terms[least].atom->index;
        if (index->size <= 1 || index_find(known, count, index) >= 0) continue;
        int64_t coef = llabs(form->terms[least].coef);
        if (coef <= reach) return false;
        reach += coef * (index->size - 1);
    }
    return true;
}

bool form_span(const Affine *form, int64_t *low, int64_t *span) {
    enum { MOST_SPAN = 1 << 16 };
    *low = form->constant;
    *span = 0;
    if (form->denominator != 1) return false;
    every_term (term, form) {
        if (term->atom->op != OP_INDEX) return false;
        int64_t coef = term->coef, steps = term->atom->index->size - 1;
        *low += coef < 0 ? coef * steps : 0;
        *span += llabs(coef) * steps;
        if (*span >= MOST_SPAN) return false;
    }
    return true;
}

// How often each value of the form comes up, one index after another.
double guard_share(Guard g, double *points) {
    int64_t low, span, at = 0;
    if (!form_span(g.form, &low, &span)) return -1;
    size_t room = (size_t)span + 1;
    double *times = calloc(room, sizeof *times), *next = calloc(room, sizeof *next), in = 0;
    if (!times || !next) memory_exhausted(room * sizeof *times);
    times[0] = *points = 1;
    every_term (term, g.form) {
        int64_t step = llabs(term->coef), n = term->atom->index->size;
        memset(next, 0, room * sizeof *next);
        for (int64_t v = 0; v <= at; v++)
            for (int64_t x = 0; times[v] > 0 && x < n; x++) next[v + x * step] += times[v];
        at += step * (n - 1);
        *points *= (double)n;
        double *swap = times;
        times = next;
        next = swap;
    }
    for (int64_t v = 0; v <= at; v++)
        if (low + v >= 0 && low + v < g.count) in += times[v];
    free(times);
    free(next);
    return in / *points;
}
