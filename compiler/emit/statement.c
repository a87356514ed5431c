// Statements of definitions: equations with indices, values with a name, states given again.
// Guarantees: what has a name is read as a tensor, or is an expression of numbers.
#include "emit/write.h"

// What is given: a name, or elements of a tensor under the indices in its brackets.
typedef struct {
    At at, inside; // inside: of the value
    const Phrase *p;
    Cell *cell; // of what has one value after another, or NULL
    const char *path;
    bool indexed, pieces;
    bool whole[MAX_RANK]; // `:`: the value's own dimensions, in order
    int whole_count;
    Array a; // the tensor; its indices: NULL where a form stands
    const Affine *out[MAX_RANK];
} Left;

static Operand *held_by(const Left *left) { return &left->at.frame->slot[left->p->slot->number]; }

// ---- the left side ----

static void set_index(Left *left, int d, const Index *index) {
    left->a.indices[d] = index;
    left->out[d] = affine_index(left->at.m->p, index);
    left->pieces |= index->size != left->a.dims[d].size;
}

// The loop's own index, or a new one.
static const Index *left_index(const Left *left, const Slot *slot) {
    const Loop *loop = left->at.loop;
    while (loop && !string_equal(loop->slot->name, slot->name)) loop = loop->outer;
    if (!loop) return index_bind(left->at, slot);
    left->at.frame->slot[slot->number] = operand_scalar(expr_index(left->at.m->p, loop->time));
    return loop->time;
}

// The indices that stand first in a form.
static void bind_in_form(const Left *left, const Phrase *form, Span span) {
    const Slot *slot = form->kind == PHRASE_SLOT ? form->slot : NULL;
    if (slot && slot->kind == SLOT_INDEX && slot->span.start >= span.start && slot->span.end <= span.end)
        index_bind(left->at, slot);
    for (int i = 0; i < form->count; i++)
        if (form->part[i]) bind_in_form(left, form->part[i], span);
}

// A number or an affine form on the left: a piece of the tensor. False after a message.
static bool bind_form(Left *left, const Binder *binder, int d) {
    At at = left->inside;
    int64_t low, high, size = left->a.dims[d].size;
    bind_in_form(left, binder->form, binder->span);
    Operand v = operand_first(operand_of(at, binder->form));
    if (!operand_is_number(v)) return false;
    left->out[d] = form_of(at.m, operand_expr(at.m, v, false));
    left->pieces = true;
    if (form_stays(at, left->out[d], size)) return true;
    affine_bounds(left->out[d], &low, &high);
    return report_false(at, PIECE_OUTSIDE, binder->span, left->p->slot->name, (long long)low, (long long)high,
                        d, (long long)size);
}

static bool bind_left(Left *left) {
    Shape v = left->at.frame->of->of[left->p->number];
    left->a.rank = v.rank;
    for (int d = 0; d < v.rank; d++) left->a.dims[d] = v.dims[d];
    for (int i = 0, d = 0; i < left->p->binders; i++) {
        const Binder *binder = &left->p->binder[i];
        const Index *const *dots;
        switch (binder->kind) {
        case BINDER_DOTS:
            dots = left->inside.dots = dots_bind(left->at, 'i');
            for (int k = 0; k < left->at.frame->of->dot_count; k++) set_index(left, d++, dots[k]);
            break;
        case BINDER_WHOLE:
            left->whole[d++] = true;
            left->whole_count++;
            break;
        case BINDER_INDEX: set_index(left, d++, left_index(left, binder->index)); break;
        case BINDER_FORM:
            if (!bind_form(left, binder, d++)) return false;
            break;
        }
    }
    if (!left->whole_count)
        left->inside.element = element_at(left->at, left->a.dims, left->out, left->a.rank);
    return true;
}

// ---- the value ----

// A plain reduction over nothing but the left side's own indices is the equation's own.
static bool is_direct(const Left *left, const Reduced *parts) {
    if (parts->reduction == REDUCE_NONE || left->cell || left->at.facts) return false;
    for (int i = 0; i < parts->e->free_count; i++)
        if (index_find(left->a.indices, left->a.rank, parts->e->free[i]) < 0 &&
            index_find(parts->indices, parts->count, parts->e->free[i]) < 0)
            return false;
    return true;
}

// `parts`: of a reduction that is to be the equation's own; else the value is what comes back.
static Operand value_of(const Left *left, const Phrase *value, Reduced *parts) {
    bool known = left->at.frame->of->of[value->number].kind == SHAPE_KNOWN;
    *parts = (Reduced){.reduction = REDUCE_NONE};
    if (value->kind != PHRASE_REDUCE || !value->builtin || known || !left->indexed || left->whole_count)
        return operand_of(left->inside, value);
    if (!reduce_parts(left->inside, value, parts)) return operand_wrong();
    if (is_direct(left, parts)) return (Operand){.kind = OPERAND_ABSENT};
    Operand v = reduce_write(left->inside, parts, value->span);
    parts->reduction = REDUCE_NONE;
    return v;
}

// What is given again: `+=`; where the condition does not hold it stays what it was.
static Operand changed(const Left *left, Operand v, const Operand *condition, Span span) {
    Operand old = left->cell->current;
    if (left->indexed && old.kind == OPERAND_TENSOR)
        old = operand_scalar(array_element(left->at.m, old.array, left->out));
    if (left->p->op != OPERATOR_SET)
        v = operand_join(left->inside, operator_joining(left->p->op), old, v, left->p->span);
    return condition ? operand_choose(left->inside, *condition, v, old, span) : v;
}

// The element of the equation; the dimensions of `:` come from the value. NULL: it is WRONG.
static const Expr *element_of(Left *left, Operand v) {
    v = operand_first(v);
    if (!left->whole_count || v.kind != OPERAND_TENSOR) return operand_as_scalar(left->inside, v);
    for (int d = 0, k = 0; d < left->a.rank; d++)
        if (left->whole[d]) set_index(left, d, v.array->indices[k++]);
    return v.array->e;
}

// The whole tensor; elements of a state that the equation does not give keep what they were.
static Operand whole_of(const Left *left, const Expr *e) {
    const Emitter *m = left->at.m;
    Array a = left->a;
    Guard guards[MAX_RANK];
    int count = 0;
    for (int d = 0; d < a.rank; d++) {
        if (a.indices[d] && a.indices[d]->size == a.dims[d].size) continue;
        a.indices[d] = index_over(m, "i", a.dims[d]);
        guards[count++] = (Guard){affine_sub(m->p, affine_index(m->p, a.indices[d]), left->out[d]), 1};
    }
    const Affine *forms[MAX_RANK];
    array_forms(m, &a, forms);
    Operand old = left->cell ? left->cell->current : operand_wrong();
    const Expr *other = old.kind == OPERAND_TENSOR ? array_element(m, old.array, forms) : old.e;
    a.e = count ? expr_where(m->p, guards, count, e, other) : e;
    return operand_array(m, &a);
}

// ---- what it gives ----

static void add_piece(const Left *left, const Reduced *parts) {
    At at = left->at;
    Span span = left->p->node->target->span;
    Operand *held = held_by(left);
    if (held->kind != OPERAND_TENSOR)
        *held = pieces_open(at, left->path, left->a.dims, left->a.rank, left->out, parts, span);
    if (held->kind == OPERAND_WRONG) return;
    const Expr *read = held->array->e;
    const Affine *out[MAX_RANK];
    int outer = read->tensor->rank - left->a.rank;
    for (int d = 0; d < read->tensor->rank; d++) out[d] = d < outer ? read->forms[d] : left->out[d - outer];
    piece_write(at, read->tensor, out, parts, span);
}

// The value by which something is derived (`grad(e, x)`) has a tensor of its own, not another's.
static void give(const Left *left, Operand v) {
    At at = left->at;
    Span span = left->p->node->target->span;
    v = operand_store(at, v, left->path, span);
    if (v.kind == OPERAND_TENSOR && v.giver) v.giver = left->p->slot->name;
    if (left->p->slot->stored) v = operand_own(at, operand_first(v), left->path, span);
    *held_by(left) = v;
}

static void give_equation(Left *left, Operand v, const Reduced *direct) {
    Reduced parts = *direct;
    Span span = left->p->node->target->span;
    if (parts.reduction == REDUCE_NONE) parts.e = element_of(left, v);
    if (!parts.e)
        *held_by(left) = operand_wrong();
    else if (left->cell)
        cell_set(left->inside, left->cell, whole_of(left, parts.e), span);
    else if (left->pieces)
        add_piece(left, &parts);
    else if (parts.reduction != REDUCE_NONE)
        give(left, reduce_into(left->at, left->path, &left->a, &parts, span));
    else
        give(left, whole_of(left, parts.e));
}

// `… if c` without another side: of what is known when compiling it is there or not; of a state, elsewhere it
// keeps its value.
static void give_value(At at, const Phrase *p) {
    const Phrase *value = p->part[p->count - 1], *condition = NULL;
    if (value->kind == PHRASE_IF && !value->part[2]) {
        condition = value->part[1];
        value = value->part[0];
        if (at.frame->of->of[condition->number].kind == SHAPE_KNOWN) {
            if (at.frame->of->of[condition->number].number == 0) return; // ABSENT, or what it was
            condition = NULL;
        }
    }
    Left left = {.at = at, .inside = at, .p = p, .path = path_in(at.m, at.frame, p->slot->name)};
    left.indexed = p->node->target->kind == AST_INDEX;
    Operand *held = held_by(&left), when;
    left.cell = held->kind == OPERAND_CHANGING ? held->cell : NULL;
    left.pieces = left.indexed && held->kind == OPERAND_TENSOR; // opened before
    left.inside.indexed |= left.indexed;
    if (at.frame->of->of[value->number].kind != SHAPE_CALLABLE) left.inside.hint = left.path;
    if (left.indexed && !bind_left(&left)) {
        if (!left.cell) *held = operand_wrong();
        return;
    }
    if (condition) {
        when = operand_first(operand_of(left.inside, condition));
        if (when.kind == OPERAND_NUMBER && when.number == 0) return;
        if (when.kind == OPERAND_NUMBER) condition = NULL;
    }
    Reduced parts;
    Operand v = value_of(&left, value, &parts);
    if (left.cell) v = changed(&left, v, condition ? &when : NULL, value->span);
    if (left.indexed)
        give_equation(&left, v, &parts);
    else if (left.cell)
        cell_set(left.inside, left.cell, v, p->node->target->span);
    else
        give(&left, v);
}

// ---- statements ----

void statement_write(At at, const Phrase *p) {
    switch ((int)p->kind) {
    case PHRASE_GIVE:
        if (p->slot) give_value(at, p);
        break;
    case PHRASE_DECLARE: declaration_write(at, p); break;
    case PHRASE_RECUR: recur_write(at, p); break;
    default: die("statement_write: a phrase of kind %d is no statement", (int)p->kind);
    }
}

Operand block_write(At at, const Phrase *block) {
    Operand result = {.kind = OPERAND_ABSENT};
    for (int i = 0; i < block->count && !at.m->stopped; i++) {
        if (block->part[i]->kind == PHRASE_RESULT)
            result = operand_of(at, block->part[i]->part[0]);
        else
            statement_write(at, block->part[i]);
    }
    return result;
}
