// Expressions: the leaves, guards' choice, and questions. Sums and products are in sum.c, the rows of ops.def
// in ops.c, walks over whole expressions in walk.c.

#include "ir/tables.h"

#include <string.h>

static const int64_t FAR = INT64_MAX / 4;

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

static Type joined_type(const Expr *a, const Expr *b) {
    if (a->type == b->type) return (Type)a->type;
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
    for (int i = 0; i < e->read_count; i++)
        if (e->reads[i]->tensor == t) return true;
    return false;
}

bool expr_too_large(const Expr *e) { return e->depth > MAX_DEPTH || e->count > MAX_ENTRIES; }

// ---- bounds of integers ----

static void widen(int64_t *low, int64_t *high, int64_t l, int64_t h) {
    *low = l < *low ? l : *low;
    *high = h > *high ? h : *high;
}

static void bounds_of(const Expr *e, int64_t *low, int64_t *high);

static void product_bounds(const Expr *e, int64_t *low, int64_t *high) {
    int64_t lo, hi;
    if (!number_whole(e->value, &lo)) return;
    hi = lo;
    for (int i = 0; i < e->count; i++) {
        int64_t l, h;
        bounds_of(e->args[i], &l, &h);
        for (int k = 0; k < e->exponents[i]; k++) {
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

static void operation_bounds(const Expr *e, int64_t *low, int64_t *high) {
    int64_t a_low = -FAR, a_high = FAR, b_low = -FAR, b_high = FAR, divisor;
    const Expr *a = e->args[0], *b = e->count > 1 ? e->args[1] : NULL;
    bool chooses = e->op == OP_MAX || e->op == OP_MIN || e->op == OP_SELECT || e->op == OP_WHERE;
    if (!chooses && e->op != OP_FLOOR && !expr_is_integer(e)) return;
    bounds_of(a, &a_low, &a_high);
    if (b) bounds_of(b, &b_low, &b_high);
    switch (e->op) {
    case OP_MAX:
        *low = a_low > b_low ? a_low : b_low;
        *high = a_high > b_high ? a_high : b_high;
        break;
    case OP_MIN:
        *low = a_low < b_low ? a_low : b_low;
        *high = a_high < b_high ? a_high : b_high;
        break;
    case OP_SELECT:
        bounds_of(e->args[2], low, high);
        widen(low, high, b_low, b_high);
        break;
    case OP_WHERE:
        *low = a_low, *high = a_high;
        widen(low, high, b_low, b_high);
        break;
    case OP_ABS:
        if (!expr_is_integer(a)) break;
        *low = a_low > 0 ? a_low : a_high < 0 ? -a_high : 0;
        *high = a_high > -a_low ? a_high : -a_low;
        break;
    case OP_SIGN: *low = -1, *high = 1; break;
    case OP_FLOOR_DIV:
        if (b->op == OP_CONST && number_whole(b->value, &divisor) && divisor > 0 && expr_is_integer(a)) {
            *low = a_low <= -FAR ? -FAR : floor_div(a_low, divisor);
            *high = a_high >= FAR ? FAR : floor_div(a_high, divisor);
        }
        break;
    case OP_MOD:
        if (b_low > 0 && expr_is_integer(a) && expr_is_integer(b)) {
            *low = 0;
            *high = b_high >= FAR ? FAR : b_high - 1;
        }
        break;
    case OP_FLOOR: *low = a_low, *high = a_high; break;
    case OP_STOP_GRADIENT: *low = a_low, *high = a_high; break;
    default: break;
    }
}

// The interval of floor(e); for numbers only what follows from constants, draws, max and min.
static void bounds_of(const Expr *e, int64_t *low, int64_t *high) {
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
    case OP_AFFINE: affine_bounds(e->form, low, high); return;
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
    bounds_of(e, low, high);
    return *low > -FAR && *high < FAR;
}
