// Statements: values with a name, equations with indices, parameters and states, loops.
// Guarantees: a slot that was given has its shape; what is given again keeps it.
#include "shape/look.h"

// ---- slots ----

// A state, or an optimizer's parameter: it has its shape already.
static bool is_changed(const Place *at, const Slot *slot) {
    if (slot->kind == SLOT_STATE) return true;
    bool optimizer =
        at->c->define->node->kind == AST_DEFINE && at->c->define->node->definition == DEFINE_OPTIMIZER;
    return optimizer && slot->number < at->c->define->parameters;
}

static Shape state_error(Place at, const Slot *slot, Shape wanted, Shape v, Span span) {
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
    bool fits =
        v.kind == wanted.kind && v.kind == SHAPE_TENSOR && v.rank == wanted.rank && v.dims == wanted.dims;
    return fits ? wanted : state_error(at, slot, wanted, v, span);
}

static void take(Place at, const Slot *slot, Shape v, Span span) {
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
static const Loop *loop_of(Place at, const Binder *binder) {
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

// A form of indices as k * index + rest, and how far the rest goes; false: it is none, or another index in it
// has no range.
typedef struct {
    double k, low, high;
} Form;

static bool form_of(Place at, const Phrase *p, const Slot *index, Form *f) {
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
    bool joins =
        p->kind == PHRASE_BINARY && form_of(at, p->part[0], index, &a) && form_of(at, p->part[1], index, &b);
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

static const Slot *first_pending(Place at, const Phrase *p) {
    if (p->kind == PHRASE_SLOT && p->slot->kind == SLOT_INDEX && !range_known(at, p->slot)) return p->slot;
    for (int i = 0; i < p->count; i++) {
        const Slot *found = p->part[i] ? first_pending(at, p->part[i]) : NULL;
        if (found) return found;
    }
    return NULL;
}

// The indices of a form whose ranges reads give.
static bool bind_given(Left *left, const Phrase *p) {
    bool pending = p->kind == PHRASE_SLOT && p->slot->kind == SLOT_INDEX && !range_known(left->at, p->slot);
    if (pending && index_given(left->at, left->p, p->slot)) {
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
    bool alone = left->declared && !left->dims[at].batch && form_of(left->at, form, index, &f);
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
    for (const Slot *index; (index = first_pending(left->at, binder->form));)
        if (!bind_by_room(left, binder->form, index, at)) return false;
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
    const Case *c = left->outer.c;
    if (!c->has_dots) return fail_false(left->outer.s, DOTS_UNKNOWN, span, "");
    for (int d = 0; d < c->dot_count && *at < MAX_RANK; d++) left->dims[(*at)++] = c->dots[d];
    left->at.dots = true;
    return true;
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
    if (v.kind == SHAPE_TENSOR) {
        Diagnostic *d = fail(s, TENSOR_NEEDS_BRACKETS, left->value->span, shape_text(s->arena, v));
        diagnostic_help(s->ctx, d, "write its indices in brackets");
        return shape_wrong();
    }
    v = forced(s, v);
    if (!shape_is_number(v)) {
        if (v.kind != SHAPE_WRONG) fail(s, ONE_NUMBER_WANTED, left->value->span, shape_text(s->arena, v));
        return shape_wrong();
    }
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

static Shape give_shape(Place at, const Phrase *p) {
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
    Shape v = forced(s, shape_first(shape_at(at, value)));
    if (v.kind == SHAPE_LIST) v = list_shape(at, v, value->span);
    if (v.kind == SHAPE_WRONG) return false;
    if (shape_is_number(v)) return true;
    if (v.kind != SHAPE_TENSOR) return fail_false(s, NOT_A_NUMBER, value->span, shape_text(s->arena, v));
    if (v.rank == declared.rank && v.dims == declared.dims) return true;
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

// ---- loops (rule 13) ----

// What a line of the loop gives, where it is known without its value: declared; or all ranges stated; or with
// the dimensions of what it begins with, beside that of the loop's index. Else OPEN.
static Shape line_seed(Place at, const Phrase *line, const Shape *begin) {
    const Node *result = line->slot->kind == SLOT_RESULT ? line->slot->declared : NULL;
    Extent dims[MAX_RANK];
    int rank = 0, taken = 0;
    if (result && result->brackets && dims_declared(at, phrase_of(result), dims, &rank))
        return shape_tensor(at.s, dims, rank, TYPE_REAL);
    bool tensor = begin && begin->kind == SHAPE_TENSOR;
    for (int i = 0; i < line->binders && rank < MAX_RANK; i++) {
        const Binder *b = &line->binder[i];
        const Loop *loop = loop_of(at, b);
        int count = b->kind == BINDER_DOTS ? at.c->dot_count : 1;
        if (loop && loop == at.loop) {
            dims[rank++] = loop->dim;
        } else if (b->limit && !tensor) {
            if (!dim_at(at, b->limit, &dims[rank++])) return (Shape){.kind = SHAPE_OPEN};
        } else {
            if (!tensor || taken + count > begin->rank) return (Shape){.kind = SHAPE_OPEN};
            for (int k = 0; k < count && rank < MAX_RANK; k++) dims[rank++] = begin->dims[taken++];
        }
    }
    return rank && (!tensor || taken == begin->rank) ? shape_tensor(at.s, dims, rank, TYPE_REAL)
                                                     : (Shape){.kind = SHAPE_OPEN};
}

// What was found while a tensor of the loop was OPEN is looked at again.
static void forget(Place at, const Phrase *p) {
    if (!p) return;
    at.c->of[p->number] = (Shape){0};
    for (int i = 0; i < p->binders; i++)
        if (p->binder[i].index) at.c->slot[p->binder[i].index->number] = (Shape){0};
    for (int i = 0; i < p->count; i++) forget(at, p->part[i]);
}

// The range of the loop's index: stated; that of its dimension in a declared result; what it stands in.
static bool loop_range(Place at, const Phrase *p, Extent *dim) {
    const Binder *binder = &p->binder[0];
    const Phrase *block = p->part[p->count - 1];
    if (binder->limit) return dim_at(at, binder->limit, dim);
    const Slot *stands = binder->index;
    for (int i = 0; i < block->count; i++) {
        const Phrase *line = block->part[i];
        if (line->kind != PHRASE_GIVE || !line->slot) continue;
        Shape seed = line_seed(at, line, NULL);
        for (int k = 0; k < line->binders; k++) {
            const Binder *own = &line->binder[k];
            if (own->kind != BINDER_INDEX || !string_equal(own->index->name, binder->index->name)) continue;
            if (seed.kind == SHAPE_TENSOR && k < seed.rank) {
                *dim = seed.dims[k];
                return true;
            }
            if (index_given(at, p, own->index)) stands = own->index;
        }
    }
    return index_range(at, p, stands, dim) == RANGE_FOUND;
}

static const Shape *beginning(Place at, const Phrase *p, const Slot *slot) {
    for (int i = 0; i < p->node->count; i++)
        if (p->part[i]->slot == slot) return &at.c->of[p->part[i]->part[0]->number];
    return NULL;
}

// What begins with a tensor has its dimensions in every line.
static bool keeps_seed(Place at, const Phrase *line, Shape seed, Shape v) {
    if (seed.kind != SHAPE_TENSOR || v.kind != SHAPE_TENSOR || (seed.rank == v.rank && seed.dims == v.dims))
        return true;
    state_error(at, line->slot, seed, v, line->node->target->span);
    return false;
}

static bool look_at_lines(Place at, const Phrase *p, bool *changed) {
    const Phrase *block = p->part[p->count - 1];
    *changed = false;
    for (int i = 0; i < block->count; i++) {
        const Phrase *line = block->part[i];
        if (line->kind != PHRASE_GIVE || !line->slot) {
            if (statement_shape(at, line).kind == SHAPE_WRONG) return false;
            continue;
        }
        Shape before = at.c->slot[line->slot->number], v = give_shape(at, line);
        if (v.kind == SHAPE_WRONG || !keeps_seed(at, line, before, v)) return false;
        at.c->of[line->number] = v;
        if (v.kind == SHAPE_OPEN && at.s->last)
            return fail_false(at.s, INDEX_WITHOUT_RANGE, line->node->target->span, at.loop->index->name);
        if (v.kind == SHAPE_OPEN) continue;
        *changed |= before.kind == SHAPE_OPEN;
        take(at, line->slot, v, line->node->target->span);
    }
    return true;
}

// ---- which way a loop runs ----

static const Slot *index_named(const Phrase *p, const char *name) {
    if (p->kind == PHRASE_SLOT) return string_equal(p->slot->name, name) ? p->slot : NULL;
    const Slot *found = NULL;
    for (int i = 0; i < p->count && !found; i++) found = p->part[i] ? index_named(p->part[i], name) : NULL;
    return found;
}

// How far from the step at hand a read of what the loop makes lies: -1 before, 1 after, 0 neither.
static int lag_of(Place at, const Phrase *read) {
    const char *name = at.loop->index->name;
    for (int i = 1; i < read->count; i++) {
        const Slot *index = index_named(read->part[i], name);
        Form f;
        if (index && form_of(at, read->part[i], index, &f) && f.k == 1) return (f.low > 0) - (f.high < 0);
    }
    return 0;
}

static bool is_made(const Phrase *block, const Phrase *base) {
    for (int i = 0; i < block->count; i++)
        if (base->kind == PHRASE_SLOT && base->slot == block->part[i]->slot) return true;
    return false;
}

// Forward where it reads what came before, backward where it reads what comes after; sides that are not taken
// do not count. 0 after a message.
static int8_t way_of(Place at, const Phrase *p) {
    const Phrase *block = p->part[p->count - 1], *before = NULL, *after = p->node->reversed ? p : NULL;
    for (int i = 0; i < at.c->define->phrases.count; i++) {
        const Phrase *read = at.c->define->phrases.data[i];
        bool looked = read->kind == PHRASE_READ && at.c->of[i].kind != SHAPE_NONE;
        int lag = looked && is_made(block, read->part[0]) ? lag_of(at, read) : 0;
        if (lag < 0 && !before) before = read;
        if (lag > 0 && !after) after = read;
    }
    if (!before || !after) return after ? -1 : 1;
    Diagnostic *d = fail(at.s, RECUR_WAYS, before->span, "forward", "backward");
    diagnostic_note(at.s->ctx, d, after->span, "it runs backward here");
    return 0;
}

Shape recur_shape(Place at, const Phrase *p) {
    const Phrase *block = p->part[p->count - 1];
    Loop loop = {.index = p->binder[0].index, .outer = at.loop};
    for (int i = 0; i < p->node->count; i++)
        if (shape_at(at, p->part[i]->part[0]).kind == SHAPE_WRONG) return shape_wrong();
    for (int i = 0; i < block->count; i++)
        if (block->part[i]->kind == PHRASE_GIVE && block->part[i]->slot)
            at.c->slot[block->part[i]->slot->number] = (Shape){.kind = SHAPE_OPEN};
    if (!loop_range(at, p, &loop.dim)) return shape_wrong();
    range_set(at, loop.index, loop.dim);
    at.loop = &loop;
    for (int i = 0; i < block->count; i++) {
        const Phrase *line = block->part[i];
        if (line->kind == PHRASE_GIVE && line->slot)
            at.c->slot[line->slot->number] = line_seed(at, line, beginning(at, p, line->slot));
    }
    bool open = at.s->open, last = at.s->last, right = true, changed;
    at.s->last = false;
    for (at.s->open = true; right && at.s->open;) {
        at.s->open = false;
        right = look_at_lines(at, p, &changed);
        if (right && at.s->open) forget(at, block);
        at.s->last = !changed;
    }
    at.s->open = open;
    at.s->last = last;
    at.c->way[p->number] = right ? way_of(at, p) : 0;
    right = at.c->way[p->number] != 0;
    return right ? (Shape){.kind = SHAPE_ABSENT} : shape_wrong();
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
    if (named) take(at, p->slot, v, p->kind == PHRASE_GIVE ? p->node->target->span : p->node->span);
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
