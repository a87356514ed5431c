// Statements of definitions: equations with indices, values with a name, states given again.
// Guarantees: what has a name is read as a tensor, or is an expression of numbers.
#include "emit/write.h"

// ---- values with a name ----

static Operator operator_of(Operator set) {
    return set == OPERATOR_SET_ADD ? OPERATOR_ADD : set == OPERATOR_SET_SUB ? OPERATOR_SUB : OPERATOR_MUL;
}

static Cell *cell_of(At at, const Slot *slot) {
    const Operand *held = &at.frame->slot[slot->number];
    return held->kind == OPERAND_CHANGING ? held->cell : NULL;
}

// The value by which something is derived (`grad(e, x)`) has a tensor of its own, not another's.
static void give(At at, const Phrase *p, Operand v, const char *path, bool pieces) {
    if (p->slot->stored && !pieces) v = operand_own(at, operand_first(v), path, p->node->target->span);
    at.frame->slot[p->slot->number] = v;
}

// `condition`: of what keeps its value elsewhere, or NULL.
static void give_plain(At at, const Phrase *p, const Phrase *value, const Operand *condition) {
    Span span = p->node->target->span;
    const char *path = path_in(at.m, at.frame, p->slot->name);
    Cell *cell = cell_of(at, p->slot);
    bool layer = at.frame->of->of[value->number].kind == SHAPE_CALLABLE;
    At inside = at;
    if (!condition && !layer) inside.hint = path;
    Operand v = operand_of(inside, value);
    if (cell) {
        if (p->op != OPERATOR_SET) v = operand_join(inside, operator_of(p->op), cell->current, v, p->span);
        if (condition) v = operand_choose(inside, *condition, v, cell->current, value->span);
        cell_set(inside, cell, v, span);
        return;
    }
    if (!layer) v = operand_store(inside, v, path, span);
    if (v.kind == OPERAND_TENSOR && v.giver) v.giver = p->slot->name;
    give(at, p, v, path, false);
}

// ---- equations with indices ----

typedef struct {
    At at, inside; // inside: of the value
    const Phrase *p, *value, *condition;
    Cell *cell;
    const char *path;
    bool pieces;
    bool whole[MAX_RANK]; // `:`: the value's own dimensions, in order
    int whole_count, rank;
    Extent dims[MAX_RANK]; // of the tensor
    const Affine *out[MAX_RANK];
    const Index *indices[MAX_RANK]; // a plain left side: one a dimension
} Left;

static void take_dims(Left *left) {
    Shape v = left->at.frame->of->of[left->p->number];
    const Tensor *t = left->cell ? left->cell->target : NULL;
    left->rank = t ? t->rank : v.rank;
    for (int d = 0; d < left->rank; d++) left->dims[d] = t ? extent_of(t, d) : v.dims[d];
}

static void set_index(Left *left, int d, const Index *index) {
    left->indices[d] = index;
    left->out[d] = affine_index(left->at.m->p, index);
    left->pieces |= index->size != left->dims[d].size;
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
    bind_in_form(left, binder->form, binder->span);
    Operand v = operand_first(operand_of(at, binder->form));
    if (!operand_is_number(v)) return false;
    left->out[d] = form_of(at.m, operand_expr(at.m, v, false));
    left->pieces = true;
    if (form_stays(at, left->out[d], left->dims[d].size)) return true;
    int64_t low, high;
    affine_bounds(left->out[d], &low, &high);
    return report_false(at, PIECE_OUTSIDE, binder->span, left->p->slot->name, (long long)low, (long long)high,
                        d, (long long)left->dims[d].size);
}

static void bind_dots(Left *left, int *d) {
    const Case *c = left->at.frame->of;
    const Index **dots = arena_array(left->at.m->arena, const Index *, c->dot_count + 1);
    for (int k = 0; k < c->dot_count; k++) {
        dots[k] = index_over(left->at.m, name_of_dimension(k), c->dots[k]);
        set_index(left, (*d)++, dots[k]);
    }
    left->inside.dots = dots;
}

static bool bind_left(Left *left) {
    int d = 0;
    for (int i = 0; i < left->p->binders; i++) {
        const Binder *binder = &left->p->binder[i];
        switch (binder->kind) {
        case BINDER_DOTS: bind_dots(left, &d); break;
        case BINDER_WHOLE:
            left->whole[d++] = true;
            left->whole_count++;
            break;
        case BINDER_INDEX: set_index(left, d, left_index(left, binder->index)), d++; break;
        case BINDER_FORM:
            if (!bind_form(left, binder, d++)) return false;
            break;
        }
    }
    return true;
}

static const Affine *left_element(const Left *left) {
    if (left->whole_count) return NULL;
    Program *p = left->at.m->p;
    const Affine *form = left->at.to->row ? row_number(left->at) : affine_constant(p, 0);
    for (int d = 0; d < left->rank; d++)
        form = affine_add(p, affine_scale(p, form, left->dims[d].size, 1), left->out[d]);
    return form;
}

// ---- what an equation gives ----

// The dimensions of `:` come from the value.
static Operand fill_whole(Left *left, Operand v) {
    for (int d = 0, k = 0; d < left->rank; d++)
        if (left->whole[d]) set_index(left, d, v.array->indices[k++]);
    return operand_scalar(v.array->e);
}

// The value of a state's equation: elements that it does not give keep what they were.
static Operand state_equation(const Left *left, const Expr *e) {
    const Emitter *m = left->at.m;
    Array a = {.rank = left->rank, .e = e};
    const Affine *forms[MAX_RANK];
    Guard guards[MAX_RANK];
    int count = 0;
    for (int d = 0; d < left->rank; d++) {
        a.dims[d] = left->dims[d];
        bool plain = left->indices[d] && left->indices[d]->size == left->dims[d].size;
        a.indices[d] = plain ? left->indices[d] : index_over(m, "i", left->dims[d]);
        forms[d] = affine_index(m->p, a.indices[d]);
        if (!plain) guards[count++] = (Guard){affine_sub(m->p, forms[d], left->out[d]), 1};
    }
    Operand old = left->cell->current;
    if (count)
        a.e = expr_where(m->p, guards, count, e,
                         old.kind == OPERAND_TENSOR ? array_element(m, old.array, forms) : old.e);
    return operand_array(m, &a);
}

static void add_piece(const Left *left, const Reduced *parts) {
    At at = left->at;
    Span span = left->p->node->target->span;
    Operand *held = &at.frame->slot[left->p->slot->number];
    if (held->kind != OPERAND_TENSOR)
        *held = pieces_open(at, left->path, left->dims, left->rank, left->out, parts, span);
    if (held->kind == OPERAND_WRONG) return;
    const Expr *read = held->array->e;
    const Affine *out[MAX_RANK];
    int outer = read->tensor->rank - left->rank;
    for (int d = 0; d < read->tensor->rank; d++) out[d] = d < outer ? read->forms[d] : left->out[d - outer];
    equation_write(at, read->tensor, out, parts, span);
}

static void finish(Left *left, Operand v) {
    At at = left->inside;
    v = operand_first(v);
    if (left->whole_count && v.kind == OPERAND_TENSOR) v = fill_whole(left, v);
    const Expr *e = operand_as_scalar(at, v);
    Span span = left->p->node->target->span;
    if (!e) {
        if (!left->cell) at.frame->slot[left->p->slot->number] = operand_wrong();
    } else if (left->cell) {
        cell_set(at, left->cell, state_equation(left, e), span);
    } else if (left->pieces) {
        add_piece(left, &(Reduced){.reduction = REDUCE_NONE, .e = e});
    } else {
        Array a = {.rank = left->rank, .e = e};
        for (int d = 0; d < left->rank; d++) {
            a.dims[d] = left->dims[d];
            a.indices[d] = left->indices[d];
        }
        Operand out = operand_array(at.m, &a);
        if (v.type == TYPE_BOOL) out.type = TYPE_BOOL;
        give(at, left->p, operand_store(at, out, left->path, span), left->path, false);
    }
}

// A plain reduction over nothing but the left side's own indices is the equation's own.
static bool is_direct(const Left *left, const Reduced *parts) {
    if (parts->reduction == REDUCE_NONE || left->cell || left->at.facts) return false;
    for (int i = 0; i < parts->e->free_count; i++) {
        bool own = false;
        for (int d = 0; d < left->rank; d++) own = own || left->indices[d] == parts->e->free[i];
        for (int k = 0; k < parts->count; k++) own = own || parts->indices[k] == parts->e->free[i];
        if (!own) return false;
    }
    return true;
}

static Type type_of_direct(const Reduced *parts) {
    if (parts->reduction == REDUCE_ARGMAX || parts->reduction == REDUCE_ARGMIN) return TYPE_INT;
    bool extreme = parts->reduction == REDUCE_MAX || parts->reduction == REDUCE_MIN;
    return extreme && type_whole(parts->e->type) ? (Type)parts->e->type : TYPE_REAL;
}

static void direct_reduction(Left *left, const Reduced *parts) {
    if (left->pieces) {
        add_piece(left, parts);
        return;
    }
    At at = left->at;
    Tensor *t = tensor_over(at.m, left->path, TENSOR_TEMP, type_of_direct(parts), left->dims, left->rank);
    reduce_bounds(t, parts);
    equation_write(at, t, left->out, parts, left->p->node->target->span);
    give(at, left->p, operand_tensor(at.m, t), left->path, false);
}

static void write_right(Left *left) {
    At at = left->inside;
    const Phrase *value = left->value;
    bool known = at.frame->of->of[value->number].kind == SHAPE_KNOWN;
    if (value->kind == PHRASE_REDUCE && value->builtin && !known && !left->condition && !left->whole_count &&
        left->p->op == OPERATOR_SET) {
        Reduced parts;
        bool right = reduce_parts(at, value, &parts);
        if (right && is_direct(left, &parts)) {
            direct_reduction(left, &parts);
            return;
        }
        const Expr *e = !right                           ? NULL
                        : parts.reduction == REDUCE_NONE ? parts.e
                                                         : reduce_write(at, &parts, value->span);
        finish(left, e ? operand_scalar(e) : operand_wrong());
        return;
    }
    Operand v = operand_of(at, value), old = left->cell ? left->cell->current : v;
    if (left->cell && old.kind == OPERAND_TENSOR)
        old = operand_scalar(array_element(at.m, old.array, left->out));
    if (left->p->op != OPERATOR_SET) v = operand_join(at, operator_of(left->p->op), old, v, left->p->span);
    if (left->condition) {
        Operand c = operand_first(operand_of(at, left->condition));
        v = operand_choose(at, c, v, old, value->span);
    }
    finish(left, v);
}

static void give_indexed(At at, const Phrase *p, const Phrase *value, const Phrase *condition) {
    Left left = {.at = at, .p = p, .value = value, .condition = condition, .cell = cell_of(at, p->slot)};
    left.path = path_in(at.m, at.frame, p->slot->name);
    left.at.hint = left.path;
    left.inside = left.at;
    left.inside.indexed = true;
    left.pieces = at.frame->slot[p->slot->number].kind == OPERAND_TENSOR; // opened before
    take_dims(&left);
    if (!bind_left(&left)) {
        if (!left.cell) at.frame->slot[p->slot->number] = operand_wrong();
        return;
    }
    left.inside.element = left_element(&left);
    write_right(&left);
}

// ---- statements ----

// `… if c` without another side: of what is known when compiling it is there or not; of a state, elsewhere it
// keeps its value.
static void give_value(At at, const Phrase *p) {
    const Phrase *value = p->part[p->count - 1];
    bool indexed = p->node->target->kind == AST_INDEX;
    if (value->kind != PHRASE_IF || value->part[2]) {
        if (indexed)
            give_indexed(at, p, value, NULL);
        else
            give_plain(at, p, value, NULL);
        return;
    }
    Shape known = at.frame->of->of[value->part[1]->number];
    Operand c = operand_wrong();
    if (!indexed || known.kind == SHAPE_KNOWN) c = operand_first(operand_of(at, value->part[1]));
    bool decided = c.kind == OPERAND_NUMBER;
    if (decided && c.number == 0) return; // ABSENT, or what it was
    if (indexed)
        give_indexed(at, p, value->part[0], decided ? NULL : value->part[1]);
    else
        give_plain(at, p, value->part[0], decided ? NULL : &c);
}

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
