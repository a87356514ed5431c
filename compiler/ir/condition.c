// Conditions as guards: comparisons of integers are intervals of affine forms.
// What no conjunction of guards says stays a select.

#include "ir/tables.h"

// a < b, a <= b, a == b of integers as one guard.
static Guard comparison(Program *p, Op op, const Affine *a, const Affine *b) {
    const Affine *gap = affine_sub(p, b, a);
    if (op == OP_EQ) return (Guard){gap, 1};
    if (op == OP_LT) gap = affine_offset(p, gap, -1);
    return (Guard){gap, gap->high < 0 ? 0 : gap->high >= INT64_MAX / 4 ? INT64_MAX / 4 : gap->high + 1};
}

bool expr_as_guards(Program *p, const Expr *c, Guard *guards, int room, int *count) {
    if (c->op == OP_AND) {
        int left = 0, right = 0;
        if (!expr_as_guards(p, c->args[0], guards, room, &left) ||
            !expr_as_guards(p, c->args[1], guards + left, room - left, &right))
            return false;
        *count = left + right;
        return true;
    }
    if (room < 1) return false;
    *count = 1;
    if (c->op == OP_CONST) {
        guards[0] = (Guard){affine_constant(p, 0), c->value != 0};
        return true;
    }
    if (c->op == OP_LT || c->op == OP_LE || c->op == OP_EQ) {
        if (!expr_is_integer(c->args[0]) || !expr_is_integer(c->args[1])) return false;
        guards[0] = comparison(p, (Op)c->op, affine_atom(p, c->args[0]), affine_atom(p, c->args[1]));
        return true;
    }
    if (c->op == OP_NOT && c->args[0]->op == OP_READ && c->args[0]->type == TYPE_BOOL) {
        guards[0] = (Guard){affine_atom(p, c->args[0]), 1};
        return true;
    }
    if (c->op == OP_READ && c->type == TYPE_BOOL) {
        guards[0] = (Guard){affine_offset(p, affine_atom(p, c), -1), 1};
        return true;
    }
    return false;
}

// Is some part of the condition guards, so that taking it apart is worth its while?
static bool holds_guards(const Expr *c) {
    if (c->op == OP_AND || c->op == OP_OR || c->op == OP_NOT) {
        for (int i = 0; i < c->count; i++)
            if (holds_guards(c->args[i])) return true;
        return false;
    }
    return (c->op == OP_LT || c->op == OP_LE || c->op == OP_EQ) && expr_is_integer(c->args[0]) &&
           expr_is_integer(c->args[1]);
}

const Expr *expr_condition(Program *p, const Expr *c, const Expr *a, const Expr *b) {
    Guard guards[MAX_RANK * 4];
    int count = 0;
    if (a == b) return a;
    if (expr_as_guards(p, c, guards, MAX_RANK * 4, &count)) return expr_where(p, guards, count, a, b);
    if (c->op == OP_NOT) return expr_condition(p, c->args[0], b, a);
    if (c->op == OP_WHERE) // what its guards let one read is read under them alone
        return expr_where(p, c->guards, c->guard_count, expr_condition(p, c->args[0], a, b),
                          expr_condition(p, c->args[1], a, b));
    if (c->op == OP_AND && holds_guards(c)) {
        // The part that is guards stands outside, whatever the order: both parts have values everywhere.
        int first = holds_guards(c->args[0]) ? 0 : 1;
        return expr_condition(p, c->args[first], expr_condition(p, c->args[1 - first], a, b), b);
    }
    if (c->op == OP_OR && holds_guards(c)) {
        int first = holds_guards(c->args[0]) ? 0 : 1;
        return expr_condition(p, c->args[first], a, expr_condition(p, c->args[1 - first], a, b));
    }
    return expr_select(p, c, a, b);
}
