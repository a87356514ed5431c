// Splits the indices of an equation under // and mod where their range divides: q * outer + inner, so that
// the division vanishes.
#include "sema/values.h"

typedef struct {
    Arena *arena;
    Table seen;
    VEC(const Expr *) divisions;
} Walk;

static void walk(Walk *w, const Expr *e);

static void walk_form(Walk *w, const Affine *form) {
    for (int i = 0; i < form->count; i++) walk(w, form->terms[i].atom);
}

static void walk(Walk *w, const Expr *e) {
    if (table_get(&w->seen, e)) return;
    table_set(w->arena, &w->seen, e, w);
    if (e->op == OP_FLOOR_DIV) vec_push(w->arena, &w->divisions, e);
    if (e->op == OP_AFFINE) walk_form(w, e->form);
    if (e->op == OP_DRAW) walk_form(w, e->draw->element);
    for (int i = 0; e->op == OP_READ && i < e->guard_count; i++) walk_form(w, e->forms[i]);
    for (int i = 0; e->op == OP_WHERE && i < e->guard_count; i++) walk_form(w, e->guards[i].form);
    for (int i = 0; i < e->count; i++) walk(w, e->args[i]);
}

static int64_t modulo(int64_t a, int64_t m) { return (a % m + m) % m; }

// An index that a division would vanish for if it were q * outer + inner; NULL: none.
static const Index *splittable(Elaborator *el, const Expr *division, int64_t *q) {
    const Expr *divisor = division->args[1];
    if (divisor->op != OP_CONST || divisor->value < 2 || divisor->value > INT32_MAX) return NULL;
    const Affine *form = affine_of(el, division->args[0]);
    int64_t m = (int64_t)divisor->value;
    if (form->denominator != 1) return NULL;
    for (int i = 0; i < form->count; i++) {
        const Term *term = &form->terms[i];
        if (term->atom->op != OP_INDEX || term->coef <= 0 || m % term->coef) continue;
        const Index *index = term->atom->index;
        *q = m / term->coef;
        if (*q < 2 || index->batch || index->size % *q || index->size <= *q) continue;
        bool alone = term->coef * (*q - 1) + modulo(form->constant, m) < m;
        for (int k = 0; k < form->count; k++) alone = alone && (k == i || form->terms[k].coef % m == 0);
        if (alone) return index;
    }
    return NULL;
}

static void split(Elaborator *el, Draft *d, const Index *index, int64_t q) {
    Program *p = el->session->program;
    const Index *outer =
        index_add(p, string_format(p->arena, "%s_block", index->name), index->size / q, false);
    const Index *inner = index_add(p, string_format(p->arena, "%s_in", index->name), q, false);
    Binding binding = {index,
                       affine_add(p, affine_scale(p, affine_index(p, outer), q, 1), affine_index(p, inner))};
    d->parts.e = expr_substitute(p, d->parts.e, &binding, 1);
    for (int i = 0; i < d->out_count; i++) d->out[i] = affine_substitute(p, d->out[i], &binding, 1);
    for (int i = 0; i < d->parts.count; i++) {
        if (d->parts.indices[i] != index) continue;
        for (int k = d->parts.count; k > i + 1; k--) d->parts.indices[k] = d->parts.indices[k - 1];
        d->parts.indices[i] = outer;
        d->parts.indices[i + 1] = inner;
        d->parts.count++;
        break;
    }
}

void draft_split(Elaborator *el, Draft *d) {
    for (int round = 0; round < MAX_RANK && d->parts.count < MAX_RANK * 2; round++) {
        Walk w = {.arena = el->session->arena};
        walk(&w, d->parts.e);
        const Index *index = NULL;
        int64_t q = 0;
        for (int i = 0; !index && i < w.divisions.count; i++) index = splittable(el, w.divisions.data[i], &q);
        if (!index) return;
        split(el, d, index, q);
    }
}
