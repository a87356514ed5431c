// The one guard: "form is an integer and 0 <= form < count". One spelling for each condition, so that
// redundancy, contradiction and "is this what the read needs" are comparisons of pointers and intervals.
// Canonical: (L - low, high - low + 1) with L primitive, its first coefficient positive, low..high clipped to
// L's reach.

#include "ir/tables.h"

static const int64_t FAR = INT64_MAX / 4;
enum { MOST_TOGETHER = 12 }; // guards that are looked at together
enum { DEEPEST = 8 }; // what operations on integers are looked into: shared parts are met again and again

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
    const Affine *numerator = affine_scale(p, g->form, d, 1);
    int64_t low = numerator->low > -FAR ? -floor_div(-numerator->low, d) : -FAR, // of its whole values
        high = numerator->high < FAR ? floor_div(numerator->high, d) : FAR;
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
    int64_t low = -floor_div(f->constant, k), high = floor_div(g->count - 1 - f->constant, k);
    if (low <= primitive->low && high >= primitive->high) return GUARD_TRUE;
    low = low > primitive->low ? low : primitive->low;
    high = high < primitive->high ? high : primitive->high;
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

static void narrow(Interval *x, int64_t low, int64_t high) {
    x->low = low > x->low ? low : x->low;
    x->high = high < x->high ? high : x->high;
}

// The interval of `form` by all that is known together: sum k[i] * known[i].form + rest.
static Interval bounds_by(Program *p, const Affine *form, const Guard *known, int count) {
    Interval x = {form->low, form->high};
    for (int i = 0; i < count; i++) {
        const Affine *by = known[i].form;
        for (int t = 0; by->denominator == 1 && by->count && t < form->count; t++) {
            int64_t k = form->terms[t].coef / by->terms[0].coef, reach = clamp_mul(k, known[i].count - 1);
            if (form->terms[t].atom != by->terms[0].atom || k * by->terms[0].coef != form->terms[t].coef)
                continue;
            const Affine *rest = affine_sub(p, form, affine_scale(p, by, k, 1));
            Interval r = bounds_by(p, rest, known + i + 1, count - i - 1);
            narrow(&x, clamp_add(r.low, reach < 0 ? reach : 0), clamp_add(r.high, reach > 0 ? reach : 0));
        }
    }
    return x;
}

bool guard_open_quotient(Program *p, Guard *g) {
    for (int i = 0; g->form->denominator == 1 && i < g->form->count; i++) {
        const Expr *atom = g->form->terms[i].atom, *of;
        int64_t coef = g->form->terms[i].coef, m;
        if ((coef != 1 && coef != -1) || !expr_is_quotient(atom, &of, &m)) continue;
        const Affine *form = coef == 1 ? g->form : mirrored(p, g->form, g->count);
        form = affine_scale(p, affine_sub(p, form, affine_atom(p, atom)), m, 1);
        *g = (Guard){affine_add(p, form, affine_atom(p, of)), exact_mul(g->count, m)};
        return true;
    }
    return false;
}

// The interval of one atom, given what is known: c * atom = known.form - rest, rounded inward to whole
// values.
static void atom_bounds_given(Program *p, const Expr *atom, const Guard *known, Interval *x) {
    for (int i = 0; known->form->denominator == 1 && i < known->form->count; i++) {
        int64_t c = known->form->terms[i].coef;
        if (known->form->terms[i].atom != atom) continue;
        const Affine *rest = affine_sub(p, known->form, affine_scale(p, affine_atom(p, atom), c, 1));
        if (rest->low <= -FAR || rest->high >= FAR) return;
        int64_t least = clamp_add(-rest->high, 0), most = clamp_add(known->count - 1, -rest->low);
        narrow(x, c > 0 ? -floor_div(-least, c) : -floor_div(most, -c),
               c > 0 ? floor_div(most, c) : floor_div(-least, -c));
    }
}

static void form_bounds_given(Program *p, const Affine *form, const Guard *known, int count, Interval *x);

// The interval of an integer expression by all that is known, of it and of what it is made of.
static Interval expr_bounds_given(Program *p, const Expr *e, const Guard *known, int count) {
    Interval x = {e->low, e->high}, args[MOST_ARGS];
    if (e->op == OP_AFFINE && e->form->denominator == 1) form_bounds_given(p, e->form, known, count, &x);
    for (int k = 0; k < count; k++) atom_bounds_given(p, e, &known[k], &x);
    if (e->count == 0 || e->count > MOST_ARGS || e->depth > DEEPEST) return x;
    for (int i = 0; i < e->count; i++) args[i] = expr_bounds_given(p, e->args[i], known, count);
    Interval by_args = x;
    expr_bounds_by_args(e, args, &by_args.low, &by_args.high);
    narrow(&x, by_args.low, by_args.high);
    return x;
}

// Bounds of a form from bounds of its atoms, each by all that is known.
static void form_bounds_given(Program *p, const Affine *form, const Guard *known, int count, Interval *x) {
    int64_t low = form->constant, high = form->constant;
    every_term (term, form) {
        int64_t c = term->coef;
        Interval a = expr_bounds_given(p, term->atom, known, count);
        if (a.low <= -FAR || a.high >= FAR) return;
        low = clamp_add(low, clamp_mul(c, c > 0 ? a.low : a.high));
        high = clamp_add(high, clamp_mul(c, c > 0 ? a.high : a.low));
    }
    narrow(x, low, high);
}

// A fraction is whole, and lies between its ends, where it is a multiple of one that is known and a whole
// rest.
static bool implied_fraction(Program *p, const Guard *known, int count, Guard g) {
    for (int i = 0; i < count; i++) {
        const Affine *by = known[i].form;
        for (int t = 0; by->denominator == g.form->denominator && by->count && t < g.form->count; t++) {
            int64_t k = g.form->terms[t].coef / by->terms[0].coef;
            const Affine *rest = affine_sub(p, g.form, affine_scale(p, by, k, 1));
            if (g.form->terms[t].atom != by->terms[0].atom || rest->denominator != 1) continue;
            Interval x = {rest->low, rest->high};
            form_bounds_given(p, rest, known, count, &x);
            int64_t reach = clamp_mul(k, known[i].count - 1);
            if (clamp_add(x.low, reach < 0 ? reach : 0) >= 0 &&
                clamp_add(x.high, reach > 0 ? reach : 0) < g.count)
                return true;
        }
    }
    return false;
}

static bool implied(Program *p, const Guard *known, int count, Guard g) {
    bool whole = g.form->denominator == 1;
    Interval x = {g.form->low, g.form->high};
    for (int i = 0; i < count; i++) {
        Guard k = known[i];
        do {
            if (guard_normal(p, &k) == GUARD_FALSE) return true; // from a contradiction follows everything
            if (same_primitive(k.form, g.form)) {
                int64_t shift = (g.form->constant - k.form->constant) / g.form->denominator;
                if (shift >= 0 && shift + k.count <= g.count) return true;
            }
            int64_t d = k.form->denominator;
            Guard numerator = {d > 1 ? affine_scale(p, k.form, d, 1) : k.form, d * (k.count - 1) + 1};
            Interval by = whole ? bounds_by(p, g.form, &numerator, 1) : x;
            narrow(&x, by.low, by.high);
        } while (guard_open_quotient(p, &k));
    }
    if (!whole) return implied_fraction(p, known, count, g);
    if (x.low < 0 || x.high >= g.count) form_bounds_given(p, g.form, known, count, &x);
    return x.low >= 0 && x.high < g.count;
}

bool guard_complement(Program *p, const Guard *known, int count, Guard g, Guard *not_g) {
    if (g.form->denominator > 1) return false;
    Interval x = bounds_by(p, g.form, known, count < MOST_TOGETHER ? count : MOST_TOGETHER);
    if (x.low <= -FAR || x.high >= FAR || (x.low < 0 && x.high >= g.count)) return false;
    *not_g = x.low >= 0 ? (Guard){affine_offset(p, g.form, -g.count), x.high - g.count + 1}
                        : (Guard){affine_offset(p, g.form, -x.low), -x.low};
    return true;
}

// What is known of the quotients of a form: where 0 <= k <= n, also 0 <= k // m <= n // m. Returns how many.
static int quotients_known(Program *p, const Affine *form, const Guard *known, int count, Guard *quotients,
                           int room) {
    int n = 0;
    every_term (term, form) {
        const Expr *atom = term->atom, *of;
        int64_t m;
        if (!expr_is_quotient(atom, &of, &m)) continue;
        for (int i = 0; i < 2 * count && n < room; i++) { // each guard from both ends
            const Guard *g = &known[i / 2];
            if (g->form->denominator != 1) continue;
            const Affine *end = i % 2 ? mirrored(p, g->form, g->count) : g->form;
            const Affine *quotient = affine_atom(p, affine_floor_div(p, end, m));
            every_term (x, quotient)
                if (x->atom == atom) {
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
        const Expr *atom = known->form->terms[i].atom, *of;
        int64_t m;
        if (!expr_is_quotient(atom, &of, &m)) continue;
        const Affine *f = affine_atom(p, of);
        const Affine *rest = affine_sub(p, f, affine_scale(p, affine_atom(p, atom), m, 1));
        if (rest != known->form && affine_scale(p, rest, -1, 1) != known->form) continue;
        if (f->denominator != 1 || f->low <= -FAR || f->high >= FAR) continue;
        int64_t low = -floor_div(-f->low, m) * m, high = floor_div(f->high, m) * m;
        *between = (Guard){affine_offset(p, f, -low), high - low + 1};
        return high >= low;
    }
    return false;
}

// What every quotient in a form says: 0 <= f - m * (f // m) < m. Returns how many.
static int remainders_known(Program *p, const Affine *of, Guard *remainders, int room) {
    int n = 0;
    for (int t = 0; t < of->count && n < room; t++) {
        const Expr *atom = of->terms[t].atom;
        bool divides = atom->op == OP_FLOOR_DIV && atom->args[1]->op == OP_CONST && atom->args[1]->value >= 2;
        if (!divides || !expr_is_integer(atom->args[0])) continue;
        int64_t m = (int64_t)atom->args[1]->value;
        const Affine *whole = affine_scale(p, affine_atom(p, atom), m, 1);
        remainders[n++] = (Guard){affine_sub(p, affine_atom(p, atom->args[0]), whole), m};
    }
    return n;
}

// Where an equality says what an index is, another guard says the same without it: of i - 2*f == -1 and 0 <=
// i + 1 - 2*k < 6 follows 0 <= f - k < 3.
static bool solved_known(Program *p, const Guard *equal, const Guard *other, Guard *solved) {
    if (equal->count != 1 || equal->form->denominator != 1 || other->form->denominator != 1) return false;
    for (int i = 0; i < equal->form->count; i++) {
        const Term *t = &equal->form->terms[i];
        int64_t c = 0, m = 0;
        if (t->atom->op != OP_INDEX || (t->coef != 1 && t->coef != -1)) continue;
        every_term (term, other->form)
            if (term->atom == t->atom) c = term->coef;
        if (!c) continue;
        const Affine *rest = affine_sub(p, other->form, affine_scale(p, equal->form, c * t->coef, 1));
        every_term (x, rest) m = gcd_of(m, x->coef);
        if (m < 2) continue;
        int64_t k = rest->constant, low = -floor_div(k, m), high = floor_div(other->count - 1 - k, m);
        const Affine *part = affine_scale(p, affine_offset(p, rest, -k), 1, m);
        if (part->denominator != 1 || high < low) continue;
        *solved = (Guard){affine_offset(p, part, -low), high - low + 1};
        return true;
    }
    return false;
}

// What is known of the absolute values in a form, by what is known of what stands in them. Returns how many.
static int absolutes_known(Program *p, const Affine *of, Guard *known, int count, int room) {
    int n = 0;
    every_term (term, of) {
        const Expr *atom = term->atom;
        if (atom->op != OP_ABS || !expr_is_integer(atom->args[0]) || n == room) continue;
        const Affine *inside = affine_atom(p, atom->args[0]);
        n += absolutes_known(p, inside, known, count + n, room - n);
        if (n == room) break;
        Interval x = bounds_by(p, inside, known, count + n);
        if (x.low <= -FAR || x.high >= FAR || x.low > x.high) continue;
        int64_t low = x.low > 0 ? x.low : x.high < 0 ? -x.high : 0, high = x.high > -x.low ? x.high : -x.low;
        known[count + n++] = (Guard){affine_offset(p, affine_atom(p, atom), -low), high - low + 1};
    }
    return n;
}

static bool follows_together(Program *p, const Guard *given, int count, Guard g) {
    Guard known[5 * MOST_TOGETHER], quotients[MOST_TOGETHER];
    if (g.form->denominator != 1 || count > MOST_TOGETHER) return false;
    for (int i = 0; i < count; i++) known[i] = given[i];
    int own = count;
    for (int i = 0; i < own; i++) count += multiple_known(p, &given[i], &known[count]);
    count += remainders_known(p, g.form, &known[count], MOST_TOGETHER);
    for (int i = 0, n = 0; i < own; i++)
        for (int j = 0; j < own && n < MOST_TOGETHER; j++)
            if (i != j && solved_known(p, &given[i], &given[j], &known[count])) count++, n++;
    count += absolutes_known(p, g.form, known, count, MOST_TOGETHER);
    Interval x = bounds_by(p, g.form, known, count);
    if (x.low >= 0 && x.high < g.count) return true;
    count = quotients_known(p, g.form, known, count, quotients, MOST_TOGETHER);
    x = bounds_by(p, g.form, quotients, count);
    return x.low >= 0 && x.high < g.count;
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
