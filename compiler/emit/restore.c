// restore(e, FIELD): what a field's scaling by the training rows made of a value, undone.
// Needs the element of the field as an expression of the value that was measured, as prepare.c notes it down;
// guarantees the value in whose place the field would be e, with the statistics in force.
#include "emit/data.h"
#include "emit/run.h"

static bool holds(const Expr *e, const Expr *x) {
    if (e == x) return true;
    for (int i = 0; i < e->count; i++)
        if (holds(e->args[i], x)) return true;
    return false;
}

static const Expr *undo(Program *p, const Expr *e, const Expr *x, const Expr *y);

// All entries of a sum or product but one.
static const Expr *others(Program *p, const Expr *e, int which) {
    double *coefs = arena_array(p->arena, double, e->count);
    int *exponents = arena_array(p->arena, int, e->count), count = 0;
    const Expr **args = arena_array(p->arena, const Expr *, e->count);
    for (int i = 0; i < e->count; i++) {
        if (i == which) continue;
        args[count] = e->args[i];
        coefs[count] = e->op == OP_SUM ? e->coefs[i] : 0;
        exponents[count++] = e->op == OP_SUM ? 0 : e->exponents[i];
    }
    return e->op == OP_SUM ? expr_sum(p, e->value, coefs, args, count)
                           : expr_product(p, e->value, exponents, args, count);
}

// A choice on what is known of the rows stays one; of a value that is undone the side that speaks of it is
// meant (the other one is a number for many).
static const Expr *undo_choice(Program *p, const Expr *e, const Expr *x, const Expr *y) {
    const Expr *yes = holds(e->args[1], x) ? undo(p, e->args[1], x, y) : NULL;
    const Expr *no = holds(e->args[2], x) ? undo(p, e->args[2], x, y) : NULL;
    if (!yes || !no) return yes ? yes : no;
    return holds(e->args[0], x) ? NULL : expr_select(p, e->args[0], yes, no);
}

// x, so that e is y; NULL: it cannot be said.
static const Expr *undo(Program *p, const Expr *e, const Expr *x, const Expr *y) {
    int which = -1;
    if (e == x) return y;
    if (e->op == OP_SELECT) return undo_choice(p, e, x, y);
    for (int i = 0; i < e->count; i++) {
        if (!holds(e->args[i], x)) continue;
        if (which >= 0) return NULL;
        which = i;
    }
    if (which < 0) return NULL;
    const Expr *rest = e->op == OP_DIV ? e->args[1 - which] : NULL;
    if (e->op == OP_SUM || e->op == OP_PRODUCT) rest = others(p, e, which);
    if (e->op == OP_SUM)
        y = expr_div(p, expr_sub(p, y, rest), expr_const(p, e->coefs[which]));
    else if (e->op == OP_PRODUCT && e->exponents[which] == 1)
        y = expr_div(p, y, rest);
    else if (e->op == OP_DIV && !which)
        y = expr_mul(p, y, rest);
    else if (e->op == OP_DIV || (e->op == OP_PRODUCT && e->exponents[which] == -1))
        y = expr_div(p, rest, y);
    else
        return NULL;
    return undo(p, e->args[which], x, y);
}

Operand operand_of_restore(At at, const Phrase *p, Operand v) {
    Program *program = at.m->p;
    const DataBlock *data = &at.m->run->module->data;
    const Field *f = &data->fields.data[field_number(data, p->part[1]->slot->name)];
    v = operand_plain(at, v, p->span);
    if (v.kind == OPERAND_WRONG || f->is_class) return v;
    Array a = array_of(at.m, v);
    const Array *field = &f->scaled->field;
    const Affine *forms[MAX_RANK];
    for (int d = 0; d < field->rank; d++)
        forms[d] = affine_index(program, a.indices[a.rank - field->rank + d]);
    const Expr *e = array_element(at.m, field, forms);
    const Expr *x = expr_at(at.m, f->scaled->of, field->indices, forms, field->rank);
    a.e = undo(program, e, x, a.e);
    if (!a.e || expr_depends(a.e, f->scaled->row)) return report_wrong(at, RESTORE_FORM, p->span, f->name);
    return operand_array(at.m, &a);
}
