// Sizes and ranges: what stands in brackets of declarations as numbers, and how far an index runs (rule 3).
// Guarantees: a size is a whole number from 1, or the batch; an index has one range.
#include "shape/look.h"

#include <math.h>

// ---- sizes ----

static bool dim_of_number(Shaper *s, const Node *e, double number, Extent *dim) {
    const char *text = node_text(s->arena, e), *plain = string_of_double(s->arena, number);
    if (number != floor(number) || !isfinite(number))
        return fail_false(s, SIZE_NOT_WHOLE, e->span, text, plain);
    if (number < 1 || number >= 2147483648.0) {
        const char *what = string_equal(plain, text) ? string_format(s->arena, "is %s", plain)
                                                     : string_format(s->arena, "`%s` is %s", text, plain);
        return fail_false(s, SIZE_OUT_OF_RANGE, e->span, what);
    }
    *dim = (Extent){(int64_t)number, false};
    return true;
}

static bool dim_of_shape(Place at, const Node *node, Shape v, Extent *dim) {
    Shaper *s = at.s;
    v = shape_first(v);
    if (v.kind == SHAPE_WRONG) return false;
    if (v.kind == SHAPE_KNOWN && v.unit != DIMENSION_NUMBER)
        return fail_false(s, UNIT_UNWANTED, node->span,
                          string_format(s->arena, "the size `%s`", node_text(s->arena, node)));
    if (v.kind == SHAPE_KNOWN) return dim_of_number(s, node, v.number, dim);
    if (v.kind == SHAPE_SCALAR && v.is_rows) {
        *dim = (Extent){s->batch, true};
        return true;
    }
    return fail_false(s, v.kind == SHAPE_SCALAR && v.of_rows ? SIZE_OF_BATCH : SIZE_NOT_KNOWN, node->span,
                      node_text(s->arena, node));
}

bool dim_at(Place at, const Phrase *p, Extent *dim) {
    at.indexed = at.subscript = true;
    return dim_of_shape(at, p->node, shape_at(at, p), dim);
}

bool dims_fit(Place at, const Extent *dims, int rank, Span span) {
    int64_t elements = 1;
    for (int d = 0; d < rank; d++)
        if (__builtin_mul_overflow(elements, dims[d].size, &elements) || elements >= (INT64_C(1) << 40))
            return fail_false(at.s, TENSOR_TOO_LARGE, span, extents_text(at.s->arena, dims, rank));
    return true;
}

bool add_dim(Place at, Span span, Extent dim, Extent *dims, int *rank) {
    if (*rank == MAX_RANK) return fail_false(at.s, RANK_LIMIT, span, MAX_RANK);
    dims[(*rank)++] = dim;
    return true;
}

bool add_dots(Place at, Span span, Extent *dims, int *rank) {
    if (!at.c->has_dots) return fail_false(at.s, DOTS_UNKNOWN, span, "");
    for (int d = 0; d < at.c->dot_count; d++)
        if (!add_dim(at, span, at.c->dots[d], dims, rank)) return false;
    return true;
}

bool dims_declared(Place at, const Phrase *p, Extent *dims, int *rank) {
    const Node *node = p->node;
    int stated = 0, plain = p->binders;
    *rank = 0;
    for (int i = 0; i < node->count; i++) {
        const Node *item = node->items[i];
        bool index = stated < p->binders && p->binder[stated].span.start == item->span.start;
        const Phrase *size = index ? p->binder[stated++].limit : p->part[plain++];
        Extent dim;
        if (item->kind == AST_DOTS) {
            if (!add_dots(at, item->span, dims, rank)) return false;
            continue;
        }
        if (!dim_at(at, size, &dim) || !add_dim(at, item->span, dim, dims, rank)) return false;
        if (index) range_set(at, p->binder[stated - 1].index, dim);
    }
    return !node->count || dims_fit(at, dims, *rank, node->items[0]->span);
}

// ---- ranges ----

// What a slot of an index says: its range, as the one dimension of a number.
void range_set(Place at, const Slot *index, Extent dim) {
    Shape v = shape_scalar(TYPE_INT);
    v.dims = extents(at.s, &dim, 1);
    v.is_row = dim.batch;
    at.c->slot[index->number] = v;
}

bool range_known(Place at, const Slot *index) { return at.c->slot[index->number].kind != SHAPE_NONE; }

typedef struct {
    Place at;
    const Phrase *binder; // that binds the index
    const Slot *index;
    bool later; // reads with something outside, or under conditions that are known when running only
    bool found, conflict, wrong, open;
    Extent dim, other;
    Span span, other_span;
} Range;

static bool is_index(const void *index, const Phrase *p) {
    return p->kind == PHRASE_SLOT && p->slot == index;
}

// A condition on `training`, and on what is known when compiling, alone: it keeps no read inside.
static bool only_training(const Phrase *p) {
    if (p->sort.phase != PHASE_ROWS) return true;
    if (p->kind == PHRASE_WORD) return p->builtin && string_equal(p->builtin->name, "training");
    bool all = p->kind == PHRASE_UNARY || p->kind == PHRASE_BINARY;
    for (int i = 0; i < p->count; i++) all = all && only_training(p->part[i]);
    return all;
}

// Does what stands under these conditions, up to those around the binder, give a range?
static bool reaches(Range *r, const Branch *under) {
    for (; under && under != r->binder->under; under = under->outer) {
        const Phrase *c = under->condition;
        if (c->sort.phase != PHASE_ROWS) {
            Shape v = shape_first(shape_at(r->at, c));
            if (v.kind == SHAPE_KNOWN && (v.number != 0) != under->side) return false;
            if (v.kind != SHAPE_KNOWN && (!r->later || phrase_find(c, is_index, r->index))) return false;
        } else if (!only_training(c) && (!r->later || phrase_find(c, is_index, r->index))) {
            return false;
        }
    }
    return true;
}

static void found_range(Range *r, Extent dim, Span span) {
    if (!r->found) {
        r->found = true;
        r->dim = dim;
        r->span = span;
    } else if (!r->conflict && !extent_equal(r->dim, dim)) {
        r->conflict = true;
        r->other = dim;
        r->other_span = span;
    }
}

const Phrase *read_base(const Phrase *read, bool *extended) {
    const Phrase *base = read->part[0];
    *extended =
        base->kind == PHRASE_BUILTIN && string_equal(base->builtin->name, "extend") && base->count > 0;
    return *extended ? base->part[0] : base;
}

static void look_at_read(Range *r, const Phrase *read) {
    bool alone = false, extended;
    for (int i = 1; i < read->count; i++) alone |= read->part[i] && is_index(r->index, read->part[i]);
    if (!alone || !reaches(r, read->under)) return;
    const Phrase *base = read_base(read, &extended);
    if (extended && !r->later) return;
    Shape v = shape_plain(r->at, shape_whole(r->at, base), base->span);
    r->wrong |= v.kind == SHAPE_WRONG;
    r->open |= v.kind == SHAPE_OPEN;
    if (v.kind != SHAPE_TENSOR) return;
    int dots = v.rank - (read->count - 2), at = 0;
    for (int i = 1; i < read->count && at < v.rank; i++) {
        const Phrase *entry = read->part[i];
        if (entry && entry->kind == PHRASE_DOTS)
            at += dots;
        else if (entry && is_index(r->index, entry))
            found_range(r, v.dims[at++], entry->span);
        else
            at++;
    }
}

// All reads of the definition: where the index stands is a number of the definition's own.
static Range range_scan(Place at, const Phrase *binder, const Slot *index) {
    Range r = {.at = at, .binder = binder, .index = index};
    for (int later = 0; later < 2 && !r.found && !r.wrong; later++) {
        r.later = later;
        for (int i = 0; i < at.c->define->phrases.count; i++) {
            const Phrase *p = at.c->define->phrases.data[i];
            if (p->kind == PHRASE_READ) look_at_read(&r, p);
        }
    }
    return r;
}

bool index_given(Place at, const Phrase *binder, const Slot *index) {
    Range r = range_scan(at, binder, index);
    return r.found || r.wrong;
}

RangeState index_range(Place at, const Phrase *binder, const Slot *index, Extent *dim) {
    Shaper *s = at.s;
    Range r = range_scan(at, binder, index);
    if (r.wrong) return RANGE_WRONG;
    if (!r.found && r.open && !s->last) {
        s->open = true;
        return RANGE_OPEN;
    }
    if (!r.found) {
        Diagnostic *d = fail(s, INDEX_WITHOUT_RANGE, index->span, index->name);
        bool line = binder->kind == PHRASE_GIVE && slot_named(at.c->define, index->name, SLOT_SIZE);
        if (line)
            diagnostic_help(s->ctx, d,
                            "`%s` is a size, and on the left of `=` stand indices: `i < %s`; a parameter is "
                            "declared, `param w[%s] = …`",
                            index->name, index->name, index->name);
        else
            diagnostic_help(s->ctx, d, "state it, as in `%s < 10`", index->name);
        return RANGE_WRONG;
    }
    if (r.conflict) {
        const char *one = extents_text(s->arena, &r.dim, 1), *other = extents_text(s->arena, &r.other, 1);
        Diagnostic *d = fail(s, INDEX_RANGES, r.other_span, index->name, one, other);
        diagnostic_note(s->ctx, d, r.span, "here it runs over a dimension of size %s", one);
        diagnostic_note(s->ctx, d, r.other_span, "here over one of size %s", other);
        return RANGE_WRONG;
    }
    *dim = r.dim;
    return RANGE_FOUND;
}
