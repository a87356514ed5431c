// The one guard: "form is an integer and 0 <= form < count". One spelling for each condition, so that
// redundancy, contradiction and "is this what the read needs" are comparisons of pointers and intervals.
// Canonical: (L - low, high - low + 1) with L primitive, its first coefficient positive, low..high clipped to
// L's reach.

#include "ir/tables.h"

static const int64_t FAR = INT64_MAX / 4;

static int64_t coefs_gcd(const Affine *a) {
    int64_t g = 0;
    for (int i = 0; i < a->count; i++) g = gcd_of(g, a->terms[i].coef);
    return g;
}

static const Affine *mirrored(Program *p, const Affine *form, int64_t count) {
    return affine_sub(p, affine_constant(p, count - 1), form);
}

// form = F / d with d > 1: divisibility, perhaps with a range.
static GuardTruth normal_fraction(Program *p, Guard *g) {
    int64_t d = g->form->denominator, k = coefs_gcd(g->form);
    if (g->form->constant % gcd_of(d, k) != 0) return GUARD_FALSE;
    if (g->form->terms[0].coef < 0) g->form = mirrored(p, g->form, g->count);
    if (k > 1 && gcd_of(k, d) == 1 && g->form->constant % k == 0) {
        g->form = affine_scale(p, g->form, 1, k); // k * x is whole if x is, as k and d have no common factor
        g->count = (g->count - 1) / k + 1;
    }
    int64_t low, high; // of the numerator; then of the whole values among them
    affine_bounds(affine_scale(p, g->form, d, 1), &low, &high);
    low = low > -FAR ? -floor_div(-low, d) : low;
    high = high < FAR ? floor_div(high, d) : high;
    low = low < 0 ? 0 : low;
    high = high > g->count - 1 ? g->count - 1 : high;
    if (low > high) return GUARD_FALSE;
    bool clipped = low != 0 || high - low + 1 != g->count;
    g->form = affine_offset(p, g->form, -low);
    g->count = high - low + 1;
    if (g->count > 1) return clipped ? guard_normal(p, g) : GUARD_OPEN;
    g->form = affine_scale(p, g->form, g->form->denominator, 1); // an equality can be scaled
    return guard_normal(p, g);
}

GuardTruth guard_normal(Program *p, Guard *g) {
    const Affine *f = g->form;
    if (g->count <= 0) return GUARD_FALSE;
    if (f->denominator > 1 && (g->count > 1 || f->count == 0)) {
        if (f->count == 0) return GUARD_FALSE;
        return normal_fraction(p, g);
    }
    if (f->denominator > 1) f = affine_scale(p, f, f->denominator, 1);
    if (f->count == 0) return f->constant >= 0 && f->constant < g->count ? GUARD_TRUE : GUARD_FALSE;
    if (f->terms[0].coef < 0) f = mirrored(p, f, g->count);
    int64_t k = coefs_gcd(f);
    const Affine *primitive = affine_scale(p, affine_offset(p, f, -f->constant), 1, k);
    int64_t low = -floor_div(f->constant, k), high = floor_div(g->count - 1 - f->constant, k), least, most;
    affine_bounds(primitive, &least, &most);
    if (low <= least && high >= most) return GUARD_TRUE;
    low = low > least ? low : least;
    high = high < most ? high : most;
    if (low > high) return GUARD_FALSE;
    g->form = affine_offset(p, primitive, -low);
    g->count = high - low + 1;
    return GUARD_OPEN;
}

// Guards whose forms hold deeper integer reads come later, after those that keep these reads inside.
static int order(const Guard *a, const Guard *b) {
    int da = affine_read_depth(a->form), db = affine_read_depth(b->form);
    if (da != db) return da - db;
    if (a->form->order != b->form->order) return a->form->order < b->form->order ? -1 : 1;
    if (a->form != b->form) return a->form->id < b->form->id ? -1 : 1;
    return a->count < b->count ? -1 : a->count > b->count;
}

static bool same_primitive(const Affine *a, const Affine *b) {
    if (a->count != b->count || a->denominator != b->denominator) return false;
    for (int i = 0; i < a->count; i++)
        if (a->terms[i].atom != b->terms[i].atom || a->terms[i].coef != b->terms[i].coef) return false;
    return (a->constant - b->constant) % a->denominator == 0;
}

// Both on one primitive form: the intersection of the intervals, as one guard in place of `a`.
static GuardTruth intersect(Program *p, Guard *a, const Guard *b) {
    int64_t shift = (a->form->constant - b->form->constant) / a->form->denominator;
    int64_t low = shift > 0 ? shift : 0; // b's interval begins at `shift` in the values of a's form
    int64_t high = a->count - 1 < shift + b->count - 1 ? a->count - 1 : shift + b->count - 1;
    if (low > high) return GUARD_FALSE;
    a->form = affine_offset(p, a->form, -low);
    a->count = high - low + 1;
    return guard_normal(p, a);
}

bool guards_normal(Program *p, Guard *guards, int *count) {
    int n = 0;
    for (int i = 0; i < *count; i++) {
        Guard g = guards[i];
        GuardTruth truth = guard_normal(p, &g);
        for (int k = 0; truth == GUARD_OPEN && k < n; k++) {
            if (!same_primitive(guards[k].form, g.form)) continue;
            truth = intersect(p, &g, &guards[k]);
            guards[k--] = guards[--n];
        }
        if (truth == GUARD_FALSE) return false;
        if (truth == GUARD_OPEN) guards[n++] = g;
    }
    for (int i = 1; i < n; i++)
        for (int k = i; k > 0 && order(&guards[k], &guards[k - 1]) < 0; k--) {
            Guard swap = guards[k];
            guards[k] = guards[k - 1];
            guards[k - 1] = swap;
        }
    *count = n;
    return true;
}

bool guard_complement(Program *p, Guard g, Guard *not_g) {
    int64_t low, high;
    affine_bounds(g.form, &low, &high);
    if (g.form->denominator > 1 || low <= -FAR || high >= FAR || (low < 0 && high >= g.count)) return false;
    *not_g = low >= 0 ? (Guard){affine_offset(p, g.form, -g.count), high - g.count + 1}
                      : (Guard){affine_offset(p, g.form, -low), -low};
    return true;
}

// The interval of `form`, given that `known` holds: form = k * known.form + rest.
static void bounds_given(Program *p, const Affine *form, const Guard *known, int64_t *low, int64_t *high) {
    if (known->form->denominator != 1 || known->form->count == 0) return;
    const Term *first = &known->form->terms[0];
    for (int i = 0; i < form->count; i++) {
        if (form->terms[i].atom != first->atom || form->terms[i].coef % first->coef != 0) continue;
        int64_t k = form->terms[i].coef / first->coef, l, h;
        affine_bounds(affine_sub(p, form, affine_scale(p, known->form, k, 1)), &l, &h);
        int64_t reach = clamp_mul(k, known->count - 1);
        l = clamp_add(l, reach < 0 ? reach : 0);
        h = clamp_add(h, reach > 0 ? reach : 0);
        *low = l > *low ? l : *low;
        *high = h < *high ? h : *high;
    }
}

bool guard_open_quotient(Program *p, Guard *g) {
    for (int i = 0; g->form->denominator == 1 && i < g->form->count; i++) {
        const Expr *atom = g->form->terms[i].atom;
        int64_t coef = g->form->terms[i].coef;
        if (atom->op != OP_FLOOR_DIV || (coef != 1 && coef != -1) || atom->args[1]->op != OP_CONST ||
            !expr_is_integer(atom->args[0]))
            continue;
        int64_t m = (int64_t)atom->args[1]->value;
        const Affine *form = coef == 1 ? g->form : mirrored(p, g->form, g->count),
                     *floored = affine_atom(p, atom);
        form = affine_scale(p, affine_sub(p, form, floored), m, 1);
        *g = (Guard){affine_add(p, form, affine_atom(p, atom->args[0])), exact_mul(g->count, m)};
        return true;
    }
    return false;
}

// The interval of one atom, given what is known: c * atom = known.form - rest, rounded inward to whole
// values.
static void atom_bounds_given(Program *p, const Expr *atom, const Guard *known, int64_t *low, int64_t *high) {
    for (int i = 0; known->form->denominator == 1 && i < known->form->count; i++) {
        int64_t c = known->form->terms[i].coef, l, h;
        if (known->form->terms[i].atom != atom) continue;
        affine_bounds(affine_sub(p, known->form, affine_scale(p, affine_atom(p, atom), c, 1)), &l, &h);
        if (l <= -FAR || h >= FAR) return;
        int64_t least = clamp_add(-h, 0), most = clamp_add(known->count - 1, -l);
        int64_t from = c > 0 ? -floor_div(-least, c) : -floor_div(most, -c);
        int64_t to = c > 0 ? floor_div(most, c) : floor_div(-least, -c);
        *low = from > *low ? from : *low;
        *high = to < *high ? to : *high;
    }
}

// Bounds of a form from bounds of its atoms, each by all that is known.
static void form_bounds_given(Program *p, const Affine *form, const Guard *known, int count, int64_t *low,
                              int64_t *high) {
    int64_t lo = form->constant, hi = form->constant;
    for (int i = 0; i < form->count; i++) {
        int64_t l, h, c = form->terms[i].coef;
        expr_integer_bounds(form->terms[i].atom, &l, &h);
        for (int k = 0; k < count; k++) atom_bounds_given(p, form->terms[i].atom, &known[k], &l, &h);
        if (l <= -FAR || h >= FAR) return;
        lo = clamp_add(lo, clamp_mul(c, c > 0 ? l : h));
        hi = clamp_add(hi, clamp_mul(c, c > 0 ? h : l));
    }
    *low = lo > *low ? lo : *low;
    *high = hi < *high ? hi : *high;
}

static bool implied(Program *p, const Guard *known, int count, Guard g) {
    int64_t low, high;
    affine_bounds(g.form, &low, &high);
    for (int i = 0; i < count; i++) {
        Guard k = known[i];
        do {
            if (guard_normal(p, &k) == GUARD_FALSE) return true; // from a contradiction follows everything
            if (same_primitive(k.form, g.form)) {
                int64_t shift = (g.form->constant - k.form->constant) / g.form->denominator;
                if (shift >= 0 && shift + k.count <= g.count) return true;
            }
            if (g.form->denominator == 1) bounds_given(p, g.form, &k, &low, &high);
            if (g.form->denominator == 1 && k.form->denominator > 1) {
                Guard whole = {affine_scale(p, k.form, k.form->denominator, 1),
                               k.form->denominator * (k.count - 1) + 1};
                bounds_given(p, g.form, &whole, &low, &high);
            }
        } while (guard_open_quotient(p, &k));
    }
    if (g.form->denominator != 1) return false;
    if (low < 0 || high >= g.count) form_bounds_given(p, g.form, known, count, &low, &high);
    return low >= 0 && high < g.count;
}

// The interval of `form` by all that is known together: sum k[i] * known[i].form + rest.
static void bounds_together(Program *p, const Affine *form, const Guard *known, int count, int64_t *low,
                            int64_t *high) {
    affine_bounds(form, low, high);
    for (int i = 0; i < count; i++) {
        const Affine *by = known[i].form;
        for (int t = 0; by->denominator == 1 && by->count && t < form->count; t++) {
            int64_t k = form->terms[t].coef / by->terms[0].coef, l, h;
            if (form->terms[t].atom != by->terms[0].atom || k * by->terms[0].coef != form->terms[t].coef)
                continue;
            bounds_together(p, affine_sub(p, form, affine_scale(p, by, k, 1)), known + i + 1, count - i - 1,
                            &l, &h);
            int64_t reach = clamp_mul(k, known[i].count - 1);
            l = clamp_add(l, reach < 0 ? reach : 0);
            h = clamp_add(h, reach > 0 ? reach : 0);
            *low = l > *low ? l : *low;
            *high = h < *high ? h : *high;
        }
    }
}

// What is known of the quotients of a form: where 0 <= k <= n, also 0 <= k // m <= n // m. Returns how many.
static int quotients_known(Program *p, const Affine *of, const Guard *known, int count, Guard *quotients,
                           int room) {
    int n = 0;
    for (int t = 0; t < of->count; t++) {
        const Expr *atom = of->terms[t].atom;
        if (atom->op != OP_FLOOR_DIV || atom->args[1]->op != OP_CONST || atom->args[1]->value < 1) continue;
        int64_t m = (int64_t)atom->args[1]->value;
        for (int i = 0; i < 2 * count && n < room; i++) { // each guard from both ends
            const Guard *g = &known[i / 2];
            if (g->form->denominator != 1) continue;
            const Affine *form = i % 2 ? mirrored(p, g->form, g->count) : g->form;
            const Affine *quotient = affine_atom(p, affine_floor_div(p, form, m));
            for (int a = 0; a < quotient->count; a++)
                if (quotient->terms[a].atom == atom) {
                    quotients[n++] = (Guard){quotient, (g->count - 1) / m + 1};
                    break;
                }
        }
    }
    return n;
}

// What is a multiple of m, f - m * (f // m) == 0, lies between multiples of m.
static bool multiple_known(Program *p, const Guard *known, Guard *between) {
    for (int i = 0; known->count == 1 && known->form->denominator == 1 && i < known->form->count; i++) {
        const Expr *atom = known->form->terms[i].atom;
        bool divides = atom->op == OP_FLOOR_DIV && atom->args[1]->op == OP_CONST && atom->args[1]->value >= 2;
        if (!divides || !expr_is_integer(atom->args[0])) continue;
        int64_t m = (int64_t)atom->args[1]->value, low, high;
        const Affine *f = affine_atom(p, atom->args[0]);
        const Affine *rest = affine_sub(p, f, affine_scale(p, affine_atom(p, atom), m, 1));
        if (rest != known->form && affine_scale(p, rest, -1, 1) != known->form) continue;
        affine_bounds(f, &low, &high);
        if (f->denominator != 1 || low <= -FAR || high >= FAR) continue;
        low = -floor_div(-low, m) * m;
        high = floor_div(high, m) * m;
        *between = (Guard){affine_offset(p, f, -low), high - low + 1};
        return high >= low;
    }
    return false;
}

static bool follows_together(Program *p, const Guard *given, int count, Guard g) {
    enum { MOST_TOGETHER = 12 };
    Guard known[2 * MOST_TOGETHER], quotients[MOST_TOGETHER];
    if (g.form->denominator != 1 || count > MOST_TOGETHER) return false;
    for (int i = 0; i < count; i++) known[i] = given[i];
    for (int i = 0, n = count; i < n; i++) count += multiple_known(p, &given[i], &known[count]);
    int64_t low, high;
    bounds_together(p, g.form, known, count, &low, &high);
    if (low >= 0 && high < g.count) return true;
    count = quotients_known(p, g.form, known, count, quotients, MOST_TOGETHER);
    bounds_together(p, g.form, quotients, count, &low, &high);
    return low >= 0 && high < g.count;
}

static bool follows(Program *p, const Guard *known, int count, Guard g, bool together) {
    do {
        GuardTruth truth = guard_normal(p, &g);
        if (truth != GUARD_OPEN) return truth == GUARD_TRUE;
        if (implied(p, known, count, g)) return true;
        if (together && follows_together(p, known, count, g)) return true;
    } while (guard_open_quotient(p, &g));
    return false;
}

bool guards_imply(Program *p, const Guard *known, int count, Guard g) {
    return follows(p, known, count, g, false);
}

bool guards_imply_together(Program *p, const Guard *known, int count, Guard g) {
    return follows(p, known, count, g, true);
}
