// Statements: values with a name, equations with indices, parameters and states.
// Guarantees: a slot that was given has its shape; what is given again keeps it.
#include "shape/look.h"

// ---- slots ----

// A state, or an optimizer's parameter: it has its shape already.
static bool is_changed(const Place *at, const Slot *slot) {
    if (slot->kind == SLOT_STATE) return true;
    return is_define(at->c->define->node, DEFINE_OPTIMIZER) && slot->number < at->c->define->parameters;
}

Shape state_error(Place at, const Slot *slot, Shape wanted, Shape v, Span span) {
    return fail_shape(at.s, STATE_SHAPE, span, slot->name, shape_text(at.s->arena, wanted),
                      shape_text(at.s->arena, v));
}

// A new value for what is given again: of its shape.
static Shape change(Place at, const Slot *slot, Shape v, Span span) {
    Shape wanted = at.c->slot[slot->number];
    if (at.loop) return fail_shape(at.s, RECUR_STATE, span, slot->name);
    v = shape_first(v);
    if (v.kind == SHAPE_WRONG || wanted.kind == SHAPE_WRONG) return shape_wrong();
    if (shape_is_number(v)) return wanted;
    bool fits = wanted.kind == SHAPE_TENSOR && shape_fits(v, wanted);
    return fits ? wanted : state_error(at, slot, wanted, v, span);
}

void slot_set(Place at, const Slot *slot, Shape v, Span span) {
    at.c->slot[slot->number] = v;
    if (!v.span.end || v.kind == SHAPE_ABSENT) at.c->slot[slot->number].span = span;
}

// ---- left sides with indices ----

typedef struct {
    Place outer, at; // at: of the value
    const Phrase *p, *value, *condition;
    const Node *target;
    bool declared, changed, pieces, open, whole[MAX_RANK];
    int whole_count, rank;
    Extent dims[MAX_RANK];
} Left;

static bool declared_dims(Left *left) {
    const Slot *slot = left->p->slot;
    left->changed = is_changed(&left->outer, slot);
    if (left->changed) {
        Shape v = left->outer.c->slot[slot->number];
        if (v.kind != SHAPE_TENSOR && v.kind != SHAPE_SCALAR) return false;
        left->declared = true;
        left->rank = v.rank;
        for (int d = 0; d < v.rank; d++) left->dims[d] = v.dims[d];
        return true;
    }
    const Node *result = slot->kind == SLOT_RESULT ? slot->declared : NULL;
    if (!result || !result->brackets) return true;
    left->declared = true;
    return dims_declared(left->outer, phrase_of(result), left->dims, &left->rank);
}

// The loop whose index this is.
const Loop *loop_of(Place at, const Binder *binder) {
    const Loop *loop = binder->kind == BINDER_INDEX ? at.loop : NULL;
    while (loop && !string_equal(loop->index->name, binder->index->name)) loop = loop->outer;
    return loop;
}

static bool bind_index(Left *left, const Binder *binder, int at) {
    Extent dim;
    const Loop *loop = loop_of(left->outer, binder);
    if (binder->limit) {
        if (!dim_at(left->outer, binder->limit, &dim)) return false;
    } else if (loop) {
        dim = loop->dim;
    } else if (left->declared) {
        dim = left->dims[at];
    } else {
        RangeState found = index_range(left->at, left->p, binder->index, &dim);
        left->open |= found == RANGE_OPEN;
        if (found != RANGE_FOUND) return found == RANGE_OPEN;
    }
    range_set(left->at, binder->index, dim);
    if (!left->declared) left->dims[at] = dim;
    left->pieces |= !extent_equal(dim, left->dims[at]);
    return true;
}

// ---- pieces ----

bool form_split(Place at, const Phrase *p, const Slot *index, Form *f) {
    if (p->kind == PHRASE_SLOT && p->slot == index) {
        *f = (Form){1, 0, 0};
        return true;
    }
    if (p->kind == PHRASE_SLOT && p->slot->kind == SLOT_INDEX) {
        if (!range_known(at, p->slot)) return false;
        *f = (Form){0, 0, (double)(at.c->slot[p->slot->number].dims[0].size - 1)};
        return true;
    }
    Shape v = shape_first(shape_at(at, p));
    if (v.kind == SHAPE_KNOWN) {
        *f = (Form){0, v.number, v.number};
        return true;
    }
    Form a, b;
    bool joins = p->kind == PHRASE_BINARY && form_split(at, p->part[0], index, &a) &&
                 form_split(at, p->part[1], index, &b);
    if (!joins) return false;
    if (p->op == OPERATOR_ADD) *f = (Form){a.k + b.k, a.low + b.low, a.high + b.high};
    if (p->op == OPERATOR_SUB) *f = (Form){a.k - b.k, a.low - b.high, a.high - b.low};
    if (p->op != OPERATOR_MUL) return p->op == OPERATOR_ADD || p->op == OPERATOR_SUB;
    if (a.k != 0 || a.low != a.high) { // the number first
        Form swap = a;
        a = b;
        b = swap;
    }
    double m = a.low;
    *f = (Form){m * b.k, m < 0 ? m * b.high : m * b.low, m < 0 ? m * b.low : m * b.high};
    return a.k == 0 && a.low == a.high;
}

// An index without a range.
static bool is_pending(const void *at, const Phrase *p) {
    return p->kind == PHRASE_SLOT && p->slot->kind == SLOT_INDEX && !range_known(*(const Place *)at, p->slot);
}

// The indices of a form whose ranges reads give.
static bool bind_given(Left *left, const Phrase *p) {
    if (is_pending(&left->at, p) && index_given(left->at, left->p, p->slot)) {
        Extent dim;
        if (index_range(left->at, left->p, p->slot, &dim) != RANGE_FOUND) return false;
        range_set(left->at, p->slot, dim);
    }
    for (int i = 0; i < p->count; i++)
        if (p->part[i] && !bind_given(left, p->part[i])) return false;
    return true;
}

// What nothing else gives a range runs as far as the form stays inside the declared dimension.
static bool bind_by_room(Left *left, const Phrase *form, const Slot *index, int at) {
    Form f;
    bool alone = left->declared && !left->dims[at].batch && form_split(left->at, form, index, &f);
    double size = alone ? (double)left->dims[at].size : 0;
    if (alone && f.k > 0 && f.high < size) {
        range_set(left->at, index, (Extent){(int64_t)((size - 1 - f.high) / f.k) + 1, false});
        return true;
    }
    Extent dim;
    if (index_range(left->at, left->p, index, &dim) != RANGE_FOUND) return false;
    range_set(left->at, index, dim);
    return true;
}

static bool bind_form(Left *left, const Binder *binder, int at) {
    Shaper *s = left->outer.s;
    if (!bind_given(left, binder->form)) return false;
    for (const Phrase *index; (index = phrase_find(binder->form, is_pending, &left->at));)
        if (!bind_by_room(left, binder->form, index->slot, at)) return false;
    Place inside = left->at;
    inside.subscript = true;
    Shape v = shape_first(shape_at(inside, binder->form));
    bool whole = (v.kind == SHAPE_KNOWN && v.integral) || (v.kind == SHAPE_SCALAR && v.type == TYPE_INT);
    if (v.kind != SHAPE_WRONG && !whole) fail(s, SUBSCRIPT_NOT_WHOLE, binder->span, "this");
    if (!whole) return false;
    left->pieces = true;
    if (left->declared) return true;
    return fail_false(s, PIECE_NOT_DECLARED, binder->span, left->target->base->name);
}

static bool bind_dots(Left *left, Span span, int *at) {
    left->at.dots = true;
    return add_dots(left->outer, span, left->dims, at);
}

static bool bind_left(Left *left) {
    const Phrase *p = left->p;
    int at = 0, given = 0;
    for (int i = 0; i < p->binders; i++) {
        const Binder *binder = &p->binder[i];
        if (at >= MAX_RANK || (left->declared && at >= left->rank && binder->kind != BINDER_DOTS)) break;
        bool ok = true;
        switch (binder->kind) {
        case BINDER_DOTS: ok = bind_dots(left, binder->span, &at); break;
        case BINDER_WHOLE:
            left->whole[at++] = true;
            left->whole_count++;
            break;
        case BINDER_INDEX: ok = bind_index(left, binder, at++); break;
        case BINDER_FORM: ok = bind_form(left, binder, at++); break;
        }
        if (!ok) return false;
    }
    for (int i = 0; i < p->binders; i++)
        given += p->binder[i].kind == BINDER_DOTS ? left->outer.c->dot_count : 1;
    if (given > MAX_RANK || (left->declared && given != left->rank))
        return fail_false(left->outer.s, SUBSCRIPT_COUNT, left->target->span, left->target->base->name,
                          left->declared ? left->rank : MAX_RANK, given);
    left->rank = given;
    return true;
}

// ---- equations ----

// The dimensions of `:` come from the value: a tensor with as many.
static Shape fill_whole(Left *left, Shape v) {
    Shaper *s = left->outer.s;
    if (v.kind != SHAPE_TENSOR || v.rank != left->whole_count)
        return fail_shape(s, WHOLE_DIMENSIONS, left->value->span, left->whole_count,
                          left->whole_count == 1 ? "" : "s", shape_text(s->arena, v));
    for (int d = 0, at = 0; d < left->rank; d++) {
        if (!left->whole[d]) continue;
        Extent dim = v.dims[at++];
        if (left->declared && !extent_equal(left->dims[d], dim))
            return fail_shape(s, SHAPES_DIFFER, left->value->span, extents_text(s->arena, &left->dims[d], 1),
                              extents_text(s->arena, &dim, 1));
        left->dims[d] = dim;
    }
    Shape element = shape_scalar((Type)v.type);
    element.is_class = v.is_class;
    return element;
}

static Shape finish_equation(Left *left, Shape v) {
    Shaper *s = left->outer.s;
    v = shape_first(v);
    if (v.kind == SHAPE_OPEN) return v;
    if (v.kind != SHAPE_WRONG && left->whole_count) v = fill_whole(left, v);
    if (v.kind == SHAPE_WRONG) return v;
    if (v.kind == SHAPE_TENSOR) return needs_brackets(s, v, left->value->span);
    v = one_number(s, v, left->value->span);
    if (!shape_is_number(v)) return v;
    if (left->changed) return left->outer.c->slot[left->p->slot->number];
    Shape out = shape_tensor(s, left->dims, left->rank, left->pieces ? TYPE_REAL : (Type)v.type);
    out.is_class = v.is_class && !left->pieces;
    out.unit = v.unit;
    return out;
}

static Shape equation_value(Left *left) {
    const Phrase *p = left->p;
    Place at = left->at;
    Shape v = shape_at(at, left->value);
    if (v.kind == SHAPE_WRONG) return v;
    Shape old = shape_scalar((Type)at.c->slot[p->slot->number].type);
    if (p->op != OPERATOR_SET) v = join(at, operator_joining(p->op), old, v, p->span);
    if (left->condition) {
        Shape c;
        condition_at(at, left->condition, &c);
        v = choose(at, c, v, old, left->value->span);
    }
    return finish_equation(left, v);
}

static Shape give_indexed(Place at, const Phrase *p, const Phrase *value, const Phrase *condition) {
    Left left = {
        .outer = at, .at = at, .p = p, .value = value, .condition = condition, .target = p->node->target};
    left.at.indexed = true;
    for (int i = 0; i < p->binders; i++) left.at.dots |= p->binder[i].kind == BINDER_DOTS;
    if (!declared_dims(&left) || !bind_left(&left)) return shape_wrong();
    return left.open ? (Shape){.kind = SHAPE_OPEN, .type = TYPE_REAL} : equation_value(&left);
}

static Shape give_plain(Place at, const Phrase *p, const Phrase *value, const Shape *condition) {
    const Slot *slot = p->slot;
    Shape v = shape_at(at, value);
    if (!is_changed(&at, slot)) return v;
    Shape old = at.c->slot[slot->number];
    if (p->op != OPERATOR_SET) v = join(at, operator_joining(p->op), old, v, p->span);
    if (condition && v.kind != SHAPE_WRONG) v = choose(at, *condition, v, old, value->span);
    return change(at, slot, v, p->node->target->span);
}

Shape give_shape(Place at, const Phrase *p) {
    const Phrase *value = p->part[p->count - 1], *condition = NULL;
    const Node *target = p->node->target;
    bool indexed = target->kind == AST_INDEX;
    Shape c = {0};
    if (value->kind == PHRASE_IF && !value->part[2]) {
        condition = value->part[1];
        Place inside = at;
        inside.indexed = indexed;
        for (int i = 0; i < p->binders; i++) inside.dots |= p->binder[i].kind == BINDER_DOTS;
        bool rows = indexed && condition->sort.phase == PHASE_ROWS; // it may hold indices without a range
        int known = rows ? -1 : condition_at(inside, condition, &c);
        if (!rows && c.kind == SHAPE_WRONG) return c;
        if (known == 0) {
            if (is_changed(&at, p->slot)) return at.c->slot[p->slot->number];
            return (Shape){.kind = SHAPE_ABSENT, .span = target->span};
        }
        if (known < 0 && !is_changed(&at, p->slot)) return fail_shape(at.s, IF_WITHOUT_ELSE, value->span, "");
        value = value->part[0];
        if (known == 1) condition = NULL;
    }
    if (indexed) return give_indexed(at, p, value, condition);
    return give_plain(at, p, value, condition ? &c : NULL);
}

// ---- parameters and states ----

static bool batch_fits(Place at, const Phrase *p, const Extent *dims, int rank) {
    for (int d = 0; d < rank; d++) {
        if (!dims[d].batch || (p->node->kind == AST_STATE && d == 0)) continue;
        return fail_false(at.s, BATCH_IN_SHAPE, p->node->span, p->node->name);
    }
    return true;
}

// Its initial value: of its shape, or a number.
static bool initial_fits(Place at, const Phrase *p, const Phrase *value, Shape declared) {
    Shaper *s = at.s;
    at.indexed = p->binders > 0;
    Shape v = shape_plain(at, forced(s, shape_first(shape_at(at, value))), value->span);
    if (!holds_numbers(s, v, value->span)) return false;
    if (shape_is_number(v) || shape_fits(v, declared)) return true;
    return fail_false(s, INITIAL_SHAPE, value->span, p->node->name,
                      extents_text(s->arena, declared.dims, declared.rank), shape_text(s->arena, v));
}

static Shape declare_shape(Place at, const Phrase *p) {
    const Phrase *value = p->part[p->count - 1];
    const Node *node = p->node;
    if (value->kind == PHRASE_IF && !value->part[2]) {
        Shape c;
        int known = condition_at(at, value->part[1], &c);
        if (c.kind == SHAPE_WRONG) return c;
        if (known < 0) return fail_shape(at.s, CONDITION_NOT_KNOWN, value->part[1]->span, node->name);
        if (!known) return (Shape){.kind = SHAPE_ABSENT, .span = node->span};
        value = value->part[0];
    }
    Extent dims[MAX_RANK];
    int rank = 0;
    if (at.s->data)
        return fail_shape(at.s, DATA_PARAM, node->span, node->kind == AST_STATE ? "state" : "parameter",
                          node->name);
    if (!dims_declared(at, p, dims, &rank) || !batch_fits(at, p, dims, rank)) return shape_wrong();
    Shape v =
        shape_tensor(at.s, dims, rank, node->type && string_equal(node->type, "int") ? TYPE_INT : TYPE_REAL);
    if (!initial_fits(at, p, value, v)) return shape_wrong();
    v.span = node->name_span;
    return v;
}

// ---- statements ----

Shape statement_shape(Place at, const Phrase *p) {
    Shape v;
    switch ((int)p->kind) {
    case PHRASE_GIVE: v = p->slot ? give_shape(at, p) : shape_wrong(); break;
    case PHRASE_DECLARE: v = declare_shape(at, p); break;
    case PHRASE_RECUR: v = recur_shape(at, p); break;
    case PHRASE_RESULT: v = shape_at(at, p->part[0]); break;
    default: v = shape_wrong();
    }
    bool named = (p->kind == PHRASE_GIVE || p->kind == PHRASE_DECLARE) && p->slot;
    if (named) slot_set(at, p->slot, v, p->kind == PHRASE_GIVE ? p->node->target->span : p->node->span);
    at.c->of[p->number] = v;
    return v;
}

Shape block_shape(Place at, const Phrase *block) {
    Shape result = {.kind = SHAPE_ABSENT};
    bool wrong = false, library = source_of(at.s->ctx, block->span)->library;
    for (int i = 0; i < block->count && !(wrong && library); i++) {
        if (!block->part[i]) continue;
        Shape v = statement_shape(at, block->part[i]);
        wrong = wrong || v.kind == SHAPE_WRONG;
        if (block->part[i]->kind == PHRASE_RESULT) result = v;
    }
    return wrong ? shape_wrong() : result;
}
