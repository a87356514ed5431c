// Strides: a guard like (h + 1 - p) / 2 in 0 .. n splits every index whose scaled coefficient the stride does
// not divide, h = 2*q + 0|1 and p = 2*r + 0|1. Each phase of the result meets at most one phase of what is
// summed; result phases become pieces, summed phases shorter loops, and no divisibility test is left.
// Otherwise the guard stays.
#include "pass/algebra.h"

enum { MAX_SPLIT = 8, MAX_PHASES = 64 };

typedef struct {
    const Index *index;
    int64_t period, phase; // index = period * quotient + phase
    bool summed;
} Split;

// The indices that a fractional guard splits; -1 where it cannot be split.
static int find_splits(const Equation *q, const Affine *form, Split *splits) {
    int count = 0;
    int64_t phases = 1, s = form->denominator;
    every_term (term, form) {
        if (term->coef % s == 0) continue;
        if (term->atom->op != OP_INDEX || term->atom->index->batch || count == MAX_SPLIT) return -1;
        if (term->atom->index == equation_time(q)) return -1;
        int64_t period = s / gcd_of(s, term->coef);
        phases *= period < term->atom->index->size ? period : term->atom->index->size;
        if (phases > MAX_PHASES) return -1;
        splits[count++] = (Split){term->atom->index, period, 0,
                                  index_find(q->indices, q->index_count, term->atom->index) >= 0};
    }
    return count;
}

// The next combination of phases of the result's indices, or of the summed ones.
static bool step(Split *splits, int count, bool of_summed) {
    for (int i = 0; i < count; i++) {
        Split *s = &splits[i];
        if (s->summed != of_summed) continue;
        int64_t phases = s->period < s->index->size ? s->period : s->index->size;
        if (++s->phase < phases) return true;
        s->phase = 0;
    }
    return false;
}

static bool divides(const Affine *form, const Split *splits, int count) {
    int64_t sum = form->constant;
    for (int i = 0; i < count; i++) sum += affine_coef(form, splits[i].index) * splits[i].phase;
    return sum % form->denominator == 0;
}

// One combination of phases: indices replaced by period * quotient + phase.
static Equation *phase(Program *p, const Equation *q, const Split *splits, int count) {
    Binding bindings[MAX_SPLIT];
    for (int i = 0; i < count; i++) {
        const Split *s = &splits[i];
        const Affine *value = affine_constant(p, s->phase);
        int64_t size = (s->index->size - s->phase + s->period - 1) / s->period;
        if (size > 1) {
            const Affine *quotient = affine_index(p, index_add(p, s->index->name, size, false));
            value = affine_add(p, affine_scale(p, quotient, s->period, 1), value);
        }
        bindings[i] = (Binding){s->index, value};
    }
    return equation_bind(p, q, q->tensor, bindings, count);
}

// Splits by one guard; false where two phases of the sum would add up in one of the result.
static bool split(Program *p, const Equation *q, const Affine *form, Split *splits, int count,
                  Equations *found) {
    do {
        int hits = 0;
        do {
            if (!divides(form, splits, count)) continue;
            if (++hits > 1) return false;
            vec_push(p->arena, found, phase(p, q, splits, count));
        } while (step(splits, count, true));
    } while (step(splits, count, false));
    return true;
}

void equation_phases(Program *p, const Equation *original, Equations *pieces) {
    Equation *q = equation_simplify(p, original);
    Guarded g = expr_guarded(q->e);
    bool fit = q->reduction == REDUCE_NONE || q->reduction == REDUCE_SUM;
    for (int n = 0; fit && n < g.count; n++) {
        const Affine *form = g.guards[n].form;
        Split splits[MAX_SPLIT];
        if (form->denominator == 1) continue;
        int count = find_splits(q, form, splits);
        Equations found = {0};
        if (count <= 0 || !split(p, q, form, splits, count, &found)) continue;
        int before = pieces->count;
        for (int i = 0; i < found.count; i++) {
            if (expr_is_const(found.data[i]->e, 0)) continue;
            equation_phases(p, found.data[i], pieces);
        }
        int kept = before;
        for (int i = before; i < pieces->count; i++)
            if (!expr_is_const(pieces->data[i]->e, 0)) pieces->data[kept++] = pieces->data[i];
        pieces->count = kept;
        if (kept > before) return;
        q = equation_with(p, q, expr_const(p, 0));
        q->reduction = REDUCE_NONE;
        q->index_count = 0;
        break;
    }
    vec_push(p->arena, pieces, q);
}
