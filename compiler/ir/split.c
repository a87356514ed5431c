// Splits the indices of an equation under // and mod where their range divides: q * outer + inner, so that
// the division vanishes. The time of a loop stays whole.
#include "ir/algebra.h"

static int64_t modulo(int64_t a, int64_t m) { return (a % m + m) % m; }

// An index that a division would vanish for if it were q * outer + inner; NULL: none.
static const Index *splittable(Program *p, const Expr *division, int64_t *q) {
    const Expr *of;
    int64_t by;
    if (!expr_is_quotient(division, &of, &by)) return NULL;
    const Affine *form = affine_atom(p, of);
    if (by > INT32_MAX || form->denominator != 1) return NULL;
    for (int i = 0; i < form->count; i++) {
        const Term *term = &form->terms[i];
        if (term->atom->op != OP_INDEX || term->coef <= 0 || by % term->coef) continue;
        const Index *index = term->atom->index;
        *q = by / term->coef;
        if (*q < 2 || index->batch || index->time || index->size % *q || index->size <= *q) continue;
        bool alone = term->coef * (*q - 1) + modulo(form->constant, by) < by;
        for (int k = 0; k < form->count; k++) alone = alone && (k == i || form->terms[k].coef % by == 0);
        if (alone) return index;
    }
    return NULL;
}

static void split(Program *p, const Affine **out, int out_count, Reduced *parts, const Index *index,
                  int64_t q) {
    const Index *outer =
        index_add(p, string_format(p->arena, "%s_block", index->name), index->size / q, false);
    const Index *inner = index_add(p, string_format(p->arena, "%s_in", index->name), q, false);
    Binding binding = {index, affine_block(p, outer, q, inner)};
    parts->e = expr_substitute(p, parts->e, &binding, 1);
    for (int i = 0; i < out_count; i++) out[i] = affine_substitute(p, out[i], &binding, 1);
    for (int i = 0; i < parts->count; i++) {
        if (parts->indices[i] != index) continue;
        for (int k = parts->count; k > i + 1; k--) parts->indices[k] = parts->indices[k - 1];
        parts->indices[i] = outer;
        parts->indices[i + 1] = inner;
        parts->count++;
        break;
    }
}

void equation_split(Program *p, const Affine **out, int out_count, Reduced *parts) {
    for (int round = 0; round < MAX_RANK && parts->count < MAX_RANK * 2; round++) {
        Exprs nodes = {0};
        const Index *index = NULL;
        int64_t q = 0;
        expr_nodes(p->arena, parts->e, true, &nodes);
        for (int i = 0; !index && i < nodes.count; i++) index = splittable(p, nodes.data[i], &q);
        if (!index) return;
        split(p, out, out_count, parts, index, q);
    }
}
