// Brackets: reads, reductions, reshape, order (rules 4, 5 and 6).
// Guarantees: a read has as many subscripts as dimensions, and the batch's index stands alone; that a read
// stays inside is left to whoever writes it as an equation.
#include "shape/look.h"

// ---- reads ----

typedef struct {
    Place at;
    const Phrase *read;
    Shape base;
    const Node *named;            // what is read, for messages
    bool kept[MAX_RANK];          // a whole dimension
    const Phrase *item[MAX_RANK]; // that gave the subscript
    Shape value[MAX_RANK];
    int count;
} Access;

static bool add_form(Access *a, const Phrase *item, Shape value, bool kept) {
    if (a->count == MAX_RANK) return fail_false(a->at.s, RANK_LIMIT, item->span, MAX_RANK);
    a->item[a->count] = item;
    a->value[a->count] = value;
    a->kept[a->count++] = kept;
    return true;
}

static bool add_dot_forms(Access *a, const Phrase *item) {
    Place at = a->at;
    bool bound = at.dots;
    if (!bound && at.indexed && at.c->has_dots) return fail_false(at.s, DOTS_NOT_BOUND, item->span, "");
    int rest = bound ? at.c->dot_count : a->base.rank - (a->read->count - 2);
    for (int d = 0; d < rest; d++) {
        Shape index = shape_scalar(TYPE_INT);
        index.is_row = bound && at.c->dots[d].batch;
        if (!add_form(a, item, index, !bound)) return false;
    }
    return true;
}

static bool add_item(Access *a, const Phrase *item) {
    Place at = a->at;
    at.indexed = at.subscript = true;
    Shape v = shape_first(shape_at(at, item));
    if (v.kind == SHAPE_WRONG) return false;
    bool whole = v.kind == SHAPE_KNOWN && v.number >= -1e15 && v.number <= 1e15 &&
                 v.number == (double)(int64_t)v.number;
    if (whole || v.kind == SHAPE_OPEN || (v.kind == SHAPE_SCALAR && is_whole(v)))
        return add_form(a, item, v, false);
    const char *text = node_text(at.s->arena, item->node);
    Diagnostic *d = fail(at.s, SUBSCRIPT_NOT_WHOLE, item->span, text);
    if (v.kind == SHAPE_TENSOR && is_whole(v))
        diagnostic_help(at.s->ctx, d, "it has shape %s: in brackets it is one, `%s[…]`",
                        shape_text(at.s->arena, v), text);
    else if (shape_is_number(v) || v.kind == SHAPE_TENSOR)
        diagnostic_help(at.s->ctx, d,
                        "whole numbers are those of `int` and `class` fields, `floor(…)`, `argmax`");
    return false;
}

static bool count_fits(Access *a) {
    Shaper *s = a->at.s;
    int rank = a->base.rank;
    if (a->count == rank) return true;
    const char *name = node_text(s->arena, a->named);
    Diagnostic *d = fail(s, SUBSCRIPT_COUNT, a->read->span, name, rank, a->count);
    diagnostic_note(s->ctx, d, a->read->part[0]->span, "`%s` has shape %s", name,
                    extents_text(s->arena, a->base.dims, rank));
    if (a->count == rank - 1 && a->base.dims[0].batch)
        diagnostic_help(s->ctx, d, "the first dimension holds the rows: `:` there reads from each of them");
    return false;
}

static bool add_items(Access *a) {
    for (int i = 1; i < a->read->count; i++) {
        const Phrase *item = a->read->part[i];
        bool ok = item->kind == PHRASE_DOTS    ? add_dot_forms(a, item)
                  : item->kind == PHRASE_WHOLE ? add_form(a, item, shape_scalar(TYPE_INT), true)
                                               : add_item(a, item);
        if (!ok) return false;
    }
    return a->base.kind != SHAPE_TENSOR || count_fits(a);
}

// The batch's subscript is an index over the batch, alone. One whose range is looked for has it from here.
static bool check_batch(Access *a, int d) {
    Shaper *s = a->at.s;
    const Phrase *item = a->item[d];
    bool index = item->kind == PHRASE_SLOT && item->slot->kind == SLOT_INDEX;
    if (a->value[d].is_row || (index && !range_known(a->at, item->slot))) return true;
    Diagnostic *m = fail(s, BATCH_SUBSCRIPT, item->span, node_text(s->arena, item->node), d,
                         node_text(s->arena, a->named));
    diagnostic_help(s->ctx, m,
                    "rows of a batch do not see one another: use an index that runs over the batch");
    return false;
}

static Shape read_whole(Access *a, const Shape *outside) {
    Extent dims[MAX_RANK];
    int rank = 0;
    for (int d = 0; d < a->count; d++) {
        if (a->kept[d])
            dims[rank++] = a->base.dims[d];
        else if (a->base.dims[d].batch && !check_batch(a, d))
            return shape_wrong();
    }
    Type type = (Type)a->base.type;
    if (outside && outside->type != type) {
        bool whole = is_whole(a->base) && is_whole(*outside);
        type = whole ? TYPE_INT : TYPE_REAL;
    }
    Shape out = shape_tensor(a->at.s, dims, rank, type);
    out.is_class = a->base.is_class;
    out.unit = a->base.unit;
    out.is_row = a->base.is_row;
    return out;
}

// What lies outside, of an `extend`; false after a message. NONE: the edge.
static bool read_outside(Place at, const Phrase *extend, Shape *outside) {
    const Phrase *how = extend->count > 1 ? extend->part[1] : NULL;
    *outside = (Shape){0};
    if (!how || (how->kind == PHRASE_WORD && string_equal(how->text, "edge"))) return true;
    *outside = one_number(at.s, shape_at(at, how), how->span);
    return outside->kind != SHAPE_WRONG;
}

// An element that is known when compiling: of a list the one of that place, of a setting that is a number
// this number, whatever the place.
static bool read_known(Place at, const Phrase *p, const Phrase *base, Shape *out) {
    if (p->count != 2 || base->kind != PHRASE_SLOT || base->slot->kind != SLOT_SETTING) return false;
    Shape v = shape_at(at, base);
    if (v.kind != SHAPE_LIST && v.kind != SHAPE_KNOWN) return false;
    Shape place = shape_at(at, p->part[1]);
    bool whole = place.kind == SHAPE_KNOWN && place.integral && place.number >= 0;
    if (!whole || (v.kind == SHAPE_LIST && place.number >= v.count)) return false;
    *out = v.kind == SHAPE_LIST ? v.items[(int)place.number] : v;
    return out->kind == SHAPE_KNOWN;
}

Shape read_shape(Place at, const Phrase *p) {
    bool extended;
    const Phrase *base = read_base(p, &extended);
    Shape known;
    if (!extended && read_known(at, p, base, &known)) return known;
    Access a = {.at = at, .read = p, .named = base->node};
    a.base = shape_plain(at, shape_whole(at, base), p->part[0]->span);
    Shape outside = {0};
    if (a.base.kind == SHAPE_WRONG || (extended && !read_outside(at, p->part[0], &outside)))
        return shape_wrong();
    bool no_dimensions = at.c->has_dots && !at.c->dot_count && p->count == 2 &&
                         p->part[1]->kind == PHRASE_DOTS && p->part[0]->node->kind == AST_NAME;
    if (no_dimensions && shape_is_number(a.base)) return a.base;
    if (a.base.kind == SHAPE_OPEN) { // its element is a number, a slice of it not known yet
        bool slice = false;
        at.s->open = true;
        for (int i = 1; i < p->count; i++)
            slice |= p->part[i]->kind == PHRASE_WHOLE || p->part[i]->kind == PHRASE_DOTS;
        return slice ? a.base : shape_scalar((Type)a.base.type);
    }
    if (a.base.kind != SHAPE_TENSOR)
        return fail_shape(at.s, NOT_A_TENSOR, p->span, node_text(at.s->arena, a.named),
                          shape_text(at.s->arena, a.base));
    if (!add_items(&a)) return shape_wrong();
    return read_whole(&a, outside.kind ? &outside : NULL);
}

// ---- reductions ----

typedef struct {
    Place at; // of the operand
    Extent dims[MAX_RANK];
    int rank;
    bool filtered, open; // open: an index has no range yet
} Bound;

static bool bind_dots(Bound *b, Span span) {
    b->at.dots = true;
    b->filtered |= b->at.c->filtered;
    return add_dots(b->at, span, b->dims, &b->rank);
}

static bool bind_index(Place outer, Bound *b, const Phrase *p, const Binder *binder) {
    Extent dim;
    if (binder->kind == BINDER_DOTS) return bind_dots(b, binder->span);
    if (binder->kind != BINDER_INDEX) return fail_false(b->at.s, NOT_AN_INDEX, binder->span, "");
    RangeState found = RANGE_FOUND;
    if (binder->limit)
        found = dim_at(outer, binder->limit, &dim) ? RANGE_FOUND : RANGE_WRONG;
    else
        found = index_range(b->at, p, binder->index, &dim);
    b->open |= found == RANGE_OPEN;
    if (found != RANGE_FOUND) return found == RANGE_OPEN;
    range_set(b->at, binder->index, dim);
    return add_dim(b->at, binder->span, dim, b->dims, &b->rank);
}

static bool bind_filter(Bound *b, const Phrase *filter) {
    Shape c;
    int known = condition_at(b->at, filter, &c);
    if (c.kind == SHAPE_WRONG) return false;
    if (c.kind == SHAPE_TENSOR)
        return fail_false(b->at.s, NOT_A_CONDITION, filter->span, shape_text(b->at.s->arena, c));
    b->filtered |= known != 1;
    return true;
}

static bool bind_reduce(Place at, const Phrase *p, Bound *b) {
    *b = (Bound){.at = at};
    b->at.indexed = true;
    for (int i = 0; i < p->binders; i++)
        if (!bind_index(at, b, p, &p->binder[i])) return false;
    for (int i = 0; i < p->binders; i++)
        if (p->binder[i].filter && !bind_filter(b, p->binder[i].filter)) return false;
    return true;
}

static bool is_named(const Builtin *row, const char *one, const char *other) {
    return string_equal(row->name, one) || string_equal(row->name, other);
}

static Type type_of_reduction(const Builtin *row, Shape v, int rank, bool filtered) {
    if (is_named(row, "any", "all")) return TYPE_BOOL;
    if (!rank) return (Type)v.type;
    if (is_named(row, "argmax", "argmin")) return TYPE_INT;
    return is_named(row, "max", "min") && is_whole(v) && !filtered ? (Type)v.type : TYPE_REAL;
}

// The operand as one number; WRONG after a message.
static Shape operand_of(const Bound *b, const Phrase *p) {
    Shaper *s = b->at.s;
    const Phrase *operand = p->part[p->count - 1];
    Shape v = forced(s, shape_first(shape_at(b->at, operand)));
    if (v.kind == SHAPE_TENSOR)
        return fail_shape(s, TENSOR_NEEDS_BRACKETS, operand->span, shape_text(s->arena, v));
    return one_number(s, v, operand->span);
}

static Shape by_function(Place at, const Phrase *p, const Bound *b, Shape v, Definition *d) {
    Shape argument =
        b->rank ? shape_tensor(at.s, b->dims, b->rank, (Type)v.type) : shape_scalar((Type)v.type);
    argument.filtered = b->filtered;
    argument.span = p->part[p->count - 1]->span;
    Shape *given = arena_array(at.s->arena, Shape, d->parameters + 1);
    given[0] = argument;
    Shape out = shape_first(define_apply(at, d, given, NULL, p, p->span));
    if (out.kind == SHAPE_WRONG || shape_is_number(out)) return out;
    return fail_shape(at.s, NOT_A_REDUCTION, p->node->base->span, d->node->name,
                      shape_text(at.s->arena, out));
}

Shape reduce_shape(Place at, const Phrase *p) {
    Shaper *s = at.s;
    Definition *d = p->builtin ? NULL : p->definition;
    if (p->part[0]) {
        Shape f = shape_at(at, p->part[0]);
        if (f.kind == SHAPE_WRONG) return f;
        bool defined = f.kind == SHAPE_CALLABLE && f.closure->kind == CLOSURE_DEFINED &&
                       !definition_is_layer(f.closure->definition);
        if (!defined) {
            const char *name = p->node->base->name;
            return fail_shape(s, NOT_A_REDUCTION, p->node->base->span, name ? name : "this",
                              shape_text(s->arena, f));
        }
        d = f.closure->definition;
    }
    Bound b;
    if (!bind_reduce(at, p, &b)) return shape_wrong();
    Shape v = operand_of(&b, p);
    if (v.kind == SHAPE_WRONG || v.kind == SHAPE_OPEN) return v;
    if (b.open) return d ? (Shape){.kind = SHAPE_OPEN, .type = TYPE_REAL} : shape_scalar(TYPE_REAL);
    if (d) return by_function(at, p, &b, v, d);
    if (v.is_class && (is_named(p->builtin, "sum", "prod") || is_named(p->builtin, "argmax", "argmin")))
        return fail_shape(s, CLASS_NOT_NUMBER, p->part[p->count - 1]->span, p->builtin->name);
    return shape_scalar(type_of_reduction(p->builtin, v, b.rank, b.filtered));
}

Shape reduction_shape(Place at, const Builtin *row, Shape v, Span span) {
    v = shape_plain(at, v, span);
    if (!holds_numbers(at.s, v, span)) return shape_wrong();
    return v.kind == SHAPE_TENSOR ? shape_scalar(type_of_reduction(row, v, v.rank, v.filtered)) : v;
}

Shape count_shape(Place at, Shape v, Span span) {
    v = shape_plain(at, v, span);
    if (!holds_numbers(at.s, v, span)) return shape_wrong();
    if (v.kind != SHAPE_TENSOR) return v.kind == SHAPE_OPEN ? v : shape_known(1, true);
    if (v.filtered) return shape_scalar(TYPE_REAL);
    double known = 1;
    bool rows = false;
    for (int d = 0; d < v.rank; d++) {
        rows |= v.dims[d].batch;
        if (!v.dims[d].batch) known *= (double)v.dims[d].size;
    }
    Shape size = rows ? shape_scalar(TYPE_INT) : shape_known(known, true);
    size.of_rows = rows;
    size.is_rows = rows && known == 1;
    return size;
}

// ---- other tensors ----

static int64_t elements_of(const Extent *dims, int from, int rank) {
    int64_t n = 1;
    for (int d = from; d < rank; d++) n *= dims[d].size;
    return n;
}

// The parts of a reshape from `from` on, as dimensions.
static bool dims_of_parts(Place at, const Phrase *p, int from, Extent *dims, int *rank) {
    for (int i = from; i < p->count; i++) {
        const Phrase *part = p->part[i];
        Extent dim;
        if (part->kind == PHRASE_DOTS ? !add_dots(at, part->span, dims, rank)
                                      : !dim_at(at, part, &dim) || !add_dim(at, part->span, dim, dims, rank))
            return false;
    }
    return from >= p->count || dims_fit(at, dims, *rank, p->part[from]->span);
}

Shape reshape_shape(Place at, const Phrase *p, Shape v, int from) {
    Shaper *s = at.s;
    v = shape_plain(at, v, p->span);
    if (v.kind == SHAPE_WRONG || v.kind == SHAPE_OPEN) return v;
    if (v.kind != SHAPE_TENSOR)
        return fail_shape(s, NOT_A_TENSOR, p->span, "reshape", shape_text(s->arena, v));
    Extent dims[MAX_RANK];
    int rank = 0;
    if (p->count <= from || !dims_of_parts(at, p, from, dims, &rank) || !rank) return shape_wrong();
    int first = v.dims[0].batch;
    bool kept = first == dims[0].batch;
    for (int d = 1; d < rank; d++) kept = kept && !dims[d].batch;
    for (int d = 1; d < v.rank; d++) kept = kept && !v.dims[d].batch;
    if (!kept || elements_of(v.dims, first, v.rank) != elements_of(dims, first, rank))
        return fail_shape(s, kept ? RESHAPE_COUNT : RESHAPE_BATCH, p->span,
                          extents_text(s->arena, v.dims, v.rank), extents_text(s->arena, dims, rank));
    Shape out = shape_tensor(s, dims, rank, (Type)v.type);
    return shape_fits(v, out) ? v : out;
}

Shape order_shape(Place at, Shape v, Span span) {
    Shaper *s = at.s;
    v = shape_plain(at, v, span);
    if (v.kind == SHAPE_WRONG || v.kind == SHAPE_OPEN) return v;
    if (v.kind != SHAPE_TENSOR) return fail_shape(s, NOT_A_TENSOR, span, "order", shape_text(s->arena, v));
    if (v.is_class || v.filtered) {
        if (v.is_class)
            fail(s, CLASS_NOT_NUMBER, span, "order");
        else
            return fail_shape(s, FILTER_NEEDS_DOTS, span, "order");
    }
    Shape out = shape_tensor(s, v.dims, v.rank, TYPE_INT);
    out.is_row = v.dims[v.rank - 1].batch;
    return out;
}
