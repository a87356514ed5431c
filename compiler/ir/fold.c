// Building the rows of ops.def: constants are folded, integers go to affine forms, trivial cases leave.
// Nothing here depends on more than the arguments' own nodes.

#include "ir/tables.h"

#include <math.h>
#include <stdlib.h>

enum { MOST_WHOLE_POWER = 64 };

static bool is_whole(const Expr *e, int64_t *value) {
    return e->op == OP_CONST && number_whole(e->value, value);
}

// A condition on integers a < b (a <= b, a == b) whose truth follows from their intervals.
static const Expr *known_comparison(Program *p, Op op, const Expr *a, const Expr *b) {
    if (!expr_is_integer(a) || !expr_is_integer(b)) return NULL;
    const Affine *gap = affine_sub(p, affine_atom(p, b), affine_atom(p, a));
    int64_t low = gap->low, high = gap->high;
    bool always = op == OP_LT ? low > 0 : op == OP_LE ? low >= 0 : low == 0 && high == 0;
    bool never = op == OP_LT ? high <= 0 : op == OP_LE ? high < 0 : low > 0 || high < 0;
    return always || never ? expr_int(p, always) : NULL;
}

// c < max(x, c) is c < x, min(x, c) < c is x < c; with NaN both are false.
static const Expr *fold_less(Program *p, const Expr *a, const Expr *b) {
    if (b->op == OP_MAX && (b->args[0] == a || b->args[1] == a))
        return expr_binary(p, OP_LT, a, b->args[b->args[0] == a]);
    if (a->op == OP_MIN && (a->args[0] == b || a->args[1] == b))
        return expr_binary(p, OP_LT, a->args[a->args[0] == b], b);
    return known_comparison(p, OP_LT, a, b);
}

static const Expr *fold_power(Program *p, const Expr *a, const Expr *b) {
    int64_t k;
    if (is_whole(b, &k) && llabs(k) <= MOST_WHOLE_POWER)
        return k == 0 ? expr_const(p, 1) : expr_power(p, a, (int)k);
    if (p->precision == PRECISION_STRICT || b->op != OP_CONST) return NULL;
    if (b->value == 0.5) return expr_unary(p, OP_SQRT, a);
    return b->value == -0.5 ? expr_power(p, expr_unary(p, OP_SQRT, a), -1) : NULL;
}

static const Expr *fold_integers(Program *p, Op op, const Expr *a, const Expr *b) {
    int64_t m;
    if (!expr_is_integer(a) || !is_whole(b, &m) || m == 0) return NULL;
    const Affine *f = affine_atom(p, a);
    const Expr *quotient = affine_floor_div(p, f, m);
    if (op == OP_FLOOR_DIV) return quotient;
    return expr_affine(p, affine_sub(p, f, affine_scale(p, affine_atom(p, quotient), m, 1)));
}

static const Expr *fold_extreme(Program *p, Op op, const Expr *a, const Expr *b) {
    if (a == b) return a;
    if (!expr_is_integer(a) || !expr_is_integer(b)) return NULL;
    const Expr *below = known_comparison(p, OP_LE, a, b), *above = known_comparison(p, OP_LE, b, a);
    if (below && below->value != 0) return op == OP_MIN ? a : b;
    return above && above->value != 0 ? op == OP_MIN ? b : a : NULL;
}

static const Expr *fold_absolute(Program *p, const Expr *a) {
    if (a->op == OP_ABS) return a;
    const Expr *known = known_comparison(p, OP_LE, expr_int(p, 0), a);
    return known && known->value != 0 ? a : NULL;
}

static const Expr *fold_logic(Program *p, Op op, const Expr *a, const Expr *b) {
    if (op == OP_NOT) {
        bool integers = a->count == 2 && expr_is_integer(a->args[0]) && expr_is_integer(a->args[1]);
        if (a->op == OP_NOT && a->args[0]->type == TYPE_BOOL) return a->args[0];
        if ((a->op == OP_LT || a->op == OP_LE) && integers) // with numbers a NaN makes both false
            return expr_binary(p, a->op == OP_LT ? OP_LE : OP_LT, a->args[1], a->args[0]);
        return NULL;
    }
    if (a->op == OP_CONST) return (a->value != 0) == (op == OP_AND) ? b : expr_int(p, op == OP_OR);
    if (b->op == OP_CONST) return (b->value != 0) == (op == OP_AND) ? a : expr_int(p, op == OP_OR);
    return a == b ? a : NULL;
}

static const Expr *simplified(Program *p, Op op, const Expr *const *a) {
    switch ((int)op) {
    case OP_DIV: return p->precision == PRECISION_STRICT ? NULL : expr_div(p, a[0], a[1]);
    case OP_POW: return fold_power(p, a[0], a[1]);
    case OP_FLOOR: return expr_is_integer(a[0]) ? a[0] : NULL;
    case OP_FLOOR_DIV:
    case OP_MOD: return fold_integers(p, op, a[0], a[1]);
    case OP_MAX:
    case OP_MIN: return fold_extreme(p, op, a[0], a[1]);
    case OP_ABS: return fold_absolute(p, a[0]);
    case OP_LT: return fold_less(p, a[0], a[1]);
    case OP_LE:
    case OP_EQ: return known_comparison(p, op, a[0], a[1]);
    case OP_AND:
    case OP_OR: return fold_logic(p, op, a[0], a[1]);
    case OP_NOT: return fold_logic(p, op, a[0], NULL);
    case OP_SELECT: return a[0]->op == OP_CONST ? a[a[0]->value != 0 ? 1 : 2] : a[1] == a[2] ? a[1] : NULL;
    case OP_REAL: return a[0];
    case OP_STOP_GRADIENT:
        return expr_is_integer(a[0]) || a[0]->op == OP_CONST || a[0]->op == OP_STOP_GRADIENT ? a[0] : NULL;
    default: return NULL;
    }
}

static Type type_of(Op op, const OpInfo *info, const Expr *const *a) {
    bool follows =
        op == OP_MAX || op == OP_MIN || op == OP_MOD || op == OP_ABS || op == OP_SIGN || op == OP_SELECT;
    if (info->result != TYPE_REAL) return info->result;
    bool integers = follows, flags = follows, numbers = true;
    for (int i = op == OP_SELECT; i < info->arity; i++) {
        if (a[i]->type == TYPE_DOUBLE) return TYPE_DOUBLE;
        integers &= expr_is_integer(a[i]);
        flags &= op == OP_SELECT ? expr_is_flag(a[i]) : a[i]->type == TYPE_BOOL;
        numbers &= a[i]->type == TYPE_INT;
    }
    if (numbers) flags = false; // 0 and 1 are flags beside one
    if (op == OP_ABS || op == OP_SIGN || op == OP_MOD) flags = false;
    return flags ? TYPE_BOOL : integers ? TYPE_INT : TYPE_REAL;
}

const Expr *fold_operation(Program *p, Op op, const Expr *const *args, int count) {
    const OpInfo *info = op_info(op);
    double values[3] = {0};
    bool constants = true;
    for (int i = 0; i < count; i++) {
        constants &= args[i]->op == OP_CONST;
        values[i] = args[i]->value;
    }
    Type type = type_of(op, info, args);
    if (constants) {
        double value = info->evaluate(values);
        bool integer = (type == TYPE_INT || type == TYPE_BOOL) && fabs(value) < 9e15;
        return integer ? expr_int(p, (int64_t)value) : expr_const(p, value);
    }
    const Expr *own[3] = {args[0], count > 1 ? args[1] : NULL, count > 2 ? args[2] : NULL};
    if (info->commutative && expr_order(own[0], own[1]) > 0) {
        own[0] = args[1];
        own[1] = args[0];
    }
    return expr_intern(
        p, &(Expr){.op = (uint16_t)op, .type = (uint8_t)type, .count = (int16_t)count, .args = own});
}

const Expr *expr_op(Program *p, Op op, const Expr *const *args, int count) {
    const OpInfo *info = op_info(op);
    if (!info || info->arity != count)
        die("an operation of the scalar table is built with %d arguments", count);
    bool constants = true;
    for (int i = 0; i < count; i++) constants &= args[i]->op == OP_CONST;
    const Expr *simple = constants ? NULL : simplified(p, op, args);
    return simple ? simple : fold_operation(p, op, args, count);
}
