// Expressions: the leaves, guards' choice, and questions. Sums and products are in sum.c, the rows of ops.def
// in ops.c, walks over whole expressions in walk.c.

#include "ir/tables.h"

#include <string.h>

const Expr *expr_const(Program *p, double value) {
    if (value == 0 && p->precision != PRECISION_STRICT) value = 0; // -0 and 0 are one constant
    return expr_intern(p, &(Expr){.op = OP_CONST, .type = TYPE_REAL, .value = value});
}

const Expr *expr_int(Program *p, int64_t value) {
    return expr_intern(p, &(Expr){.op = OP_CONST, .type = TYPE_INT, .value = (double)value});
}

const Expr *expr_index(Program *p, const Index *index) {
    return expr_intern(p, &(Expr){.op = OP_INDEX, .type = TYPE_INT, .index = index});
}

const Expr *expr_rows(Program *p) {
    return expr_intern(p, &(Expr){.op = OP_ROWS, .type = TYPE_INT, .value = (double)p->batch});
}

const Expr *expr_affine(Program *p, const Affine *form) {
    if (form->count == 0 && form->denominator == 1) return expr_int(p, form->constant);
    if (form->count == 0) return expr_const(p, (double)form->constant / (double)form->denominator);
    if (form->count == 1 && form->constant == 0 && form->denominator == 1 && form->terms[0].coef == 1)
        return form->terms[0].atom;
    return expr_intern(p, &(Expr){.op = OP_AFFINE, .type = TYPE_INT, .form = form});
}

const Expr *expr_read(Program *p, Tensor *t, const Affine *const *forms, const Origin *origin) {
    return expr_intern(p, &(Expr){.op = OP_READ,
                                  .type = (uint8_t)t->type,
                                  .guard_count = (int16_t)t->rank,
                                  .tensor = t,
                                  .forms = forms,
                                  .origin = origin});
}

const Expr *expr_draw(Program *p, Draw draw) {
    Type type = draw.kind == DRAW_BITS ? TYPE_INT : TYPE_REAL;
    return expr_intern(p, &(Expr){.op = OP_DRAW, .type = (uint8_t)type, .draw = &draw});
}

bool expr_is_flag(const Expr *e) {
    return e->type == TYPE_BOOL ||
           (e->type == TYPE_INT && e->op == OP_CONST && (e->value == 0 || e->value == 1));
}

static Type joined_type(const Expr *a, const Expr *b) {
    if (a->type == b->type) return (Type)a->type;
    if (expr_is_flag(a) && expr_is_flag(b)) return TYPE_BOOL;
    if (a->type == TYPE_DOUBLE || b->type == TYPE_DOUBLE) return TYPE_DOUBLE;
    return a->type == TYPE_REAL || b->type == TYPE_REAL ? TYPE_REAL : TYPE_INT;
}

const Expr *expr_where(Program *p, const Guard *guards, int count, const Expr *a, const Expr *b) {
    if (a == b) return a;
    Guard small[SMALL], *own = scratch_array(p, Guard, small, count);
    for (int i = 0; i < count; i++) own[i] = guards[i];
    if (!guards_normal(p, own, &count)) return b;
    if (count == 0) return a;
    return expr_intern(p, &(Expr){.op = OP_WHERE,
                                  .type = (uint8_t)joined_type(a, b),
                                  .count = 2,
                                  .guard_count = (int16_t)count,
                                  .guards = own,
                                  .args = (const Expr *const[]){a, b}});
}

const Expr *expr_under(Program *p, const Guard *guards, int count, const Expr *e) {
    return expr_where(p, guards, count, e, expr_const(p, 0));
}

// ---- questions ----

bool expr_is_const(const Expr *e, double value) { return e->op == OP_CONST && e->value == value; }

bool expr_is_integer(const Expr *e) { return e->type == TYPE_INT || e->type == TYPE_BOOL; }

bool expr_depends(const Expr *e, const Index *index) {
    int low = 0, high = e->free_count;
    while (low < high) {
        int middle = (low + high) / 2;
        if (e->free[middle]->id < index->id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < e->free_count && e->free[low] == index;
}

bool expr_reads(const Expr *e, const Tensor *t) {
    every_read (read, e)
        if (read->tensor == t) return true;
    return false;
}

const Affine *expr_form(const Expr *e, int i) {
    switch (e->op) {
    case OP_AFFINE: return i < 1 ? e->form : NULL;
    case OP_DRAW: return i < 1 ? e->draw->element : NULL;
    case OP_READ: return i < e->guard_count ? e->forms[i] : NULL;
    case OP_WHERE: return i < e->guard_count ? e->guards[i].form : NULL;
    default: return NULL;
    }
}

bool expr_too_large(const Expr *e) { return e->depth > MAX_DEPTH || e->count > MAX_ENTRIES; }
