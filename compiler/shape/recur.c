// Loops (rule 13): what their lines carry, over which range they run and which way.
// Guarantees: after no error every tensor of a loop has its shape, every loop its way.
#include "shape/look.h"

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
        if (loop && (loop == at.loop || !tensor)) {
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

// The loop's index in its lines, those of loops inside it too: one whose line has its shape (then `dim` is
// its range), or that stands alone in a read; else NULL.
static const Slot *standing(Place at, const Phrase *p, const Phrase *block, const char *name, Extent *dim) {
    for (int i = 0; i < block->count; i++) {
        const Phrase *line = block->part[i];
        const Slot *inside = NULL;
        if (line->kind == PHRASE_RECUR) inside = standing(at, p, line->part[line->count - 1], name, dim);
        if (inside) return inside;
        if (line->kind != PHRASE_GIVE || !line->slot) continue;
        Shape seed = line_seed(at, line, NULL);
        for (int k = 0; k < line->binders; k++) {
            const Binder *own = &line->binder[k];
            if (own->kind != BINDER_INDEX || !string_equal(own->index->name, name)) continue;
            if (seed.kind == SHAPE_TENSOR && k < seed.rank) *dim = seed.dims[k];
            if (dim->size || index_given(at, p, own->index)) return own->index;
        }
    }
    return NULL;
}

// The range of the loop's index: stated; that of its dimension in a declared result; what it stands in.
static RangeState loop_range(Place at, const Phrase *p, Extent *dim) {
    const Binder *binder = &p->binder[0];
    if (binder->limit) return dim_at(at, binder->limit, dim) ? RANGE_FOUND : RANGE_WRONG;
    const Slot *stands = standing(at, p, p->part[p->count - 1], binder->index->name, dim);
    if (dim->size) return RANGE_FOUND;
    bool last = at.s->last;
    at.s->last = last || !at.loop;
    RangeState found = index_range(at, p, stands ? stands : binder->index, dim);
    at.s->last = last;
    return found;
}

static const Shape *beginning(Place at, const Phrase *p, const Slot *slot) {
    for (int i = 0; i < p->node->count; i++)
        if (p->part[i]->slot == slot) return &at.c->of[p->part[i]->part[0]->number];
    return NULL;
}

// What begins with a tensor has its dimensions in every line.
static bool keeps_seed(Place at, const Phrase *line, Shape seed, Shape v) {
    if (seed.kind != SHAPE_TENSOR || v.kind != SHAPE_TENSOR || shape_fits(v, seed)) return true;
    state_error(at, line->slot, seed, v, line->node->target->span);
    return false;
}

static bool look_at_lines(Place at, const Phrase *p) {
    const Phrase *block = p->part[p->count - 1];
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
        slot_set(at, line->slot, v, line->node->target->span);
    }
    return true;
}

// ---- which way a loop runs ----

static bool is_named(const void *name, const Phrase *p) {
    return p->kind == PHRASE_SLOT && string_equal(p->slot->name, name);
}

// How far from the step at hand a read of what the loop makes lies: -1 before, 1 after, 0 neither.
static int lag_of(Place at, const Phrase *read) {
    const char *name = at.loop->index->name;
    for (int i = 1; i < read->count; i++) {
        const Phrase *index = phrase_find(read->part[i], is_named, name);
        Form f;
        if (index && form_split(at, read->part[i], index->slot, &f) && f.k == 1)
            return (f.low > 0) - (f.high < 0);
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

// What the lines give, those of loops inside too, is not known yet.
static void open_lines(Place at, const Phrase *block) {
    for (int i = 0; i < block->count; i++) {
        const Phrase *line = block->part[i];
        if (line->kind == PHRASE_RECUR) open_lines(at, line->part[line->count - 1]);
        if (line->kind == PHRASE_GIVE && line->slot)
            at.c->slot[line->slot->number] = (Shape){.kind = SHAPE_OPEN};
    }
}

static int count_open(Place at, const Phrase *block) {
    int count = 0;
    for (int i = 0; i < block->count; i++) {
        const Phrase *line = block->part[i];
        if (line->kind == PHRASE_RECUR) count += count_open(at, line->part[line->count - 1]);
        count += line->kind == PHRASE_GIVE && line->slot && at.c->slot[line->slot->number].kind == SHAPE_OPEN;
    }
    return count;
}

// Looks at the lines until all is known. False after a message. A loop inside another that learns nothing
// more waits for what the outer one still does not know: Shaper.open stays.
static bool settle_lines(Place at, const Phrase *p) {
    const Phrase *block = p->part[p->count - 1];
    bool open = at.s->open, last = at.s->last, waits = false, right = true;
    at.s->last = false;
    for (at.s->open = true; right && at.s->open && !waits;) {
        int before = count_open(at, block);
        at.s->open = false;
        right = look_at_lines(at, p);
        if (!right || !at.s->open) break;
        bool learned = count_open(at, block) < before;
        waits = !learned && at.loop->outer && !last;
        if (!waits) forget(at, block);
        at.s->last = !learned;
    }
    at.s->open = open || waits;
    at.s->last = last;
    return right;
}

Shape recur_shape(Place at, const Phrase *p) {
    const Phrase *block = p->part[p->count - 1];
    Loop loop = {.index = p->binder[0].index, .outer = at.loop};
    for (int i = 0; i < p->node->count; i++)
        if (shape_at(at, p->part[i]->part[0]).kind == SHAPE_WRONG) return shape_wrong();
    open_lines(at, block);
    RangeState found = loop_range(at, p, &loop.dim);
    if (found != RANGE_FOUND) return found == RANGE_OPEN ? (Shape){.kind = SHAPE_ABSENT} : shape_wrong();
    range_set(at, loop.index, loop.dim);
    at.loop = &loop;
    for (int i = 0; i < block->count; i++) {
        const Phrase *line = block->part[i];
        if (line->kind == PHRASE_GIVE && line->slot)
            at.c->slot[line->slot->number] = line_seed(at, line, beginning(at, p, line->slot));
    }
    if (!settle_lines(at, p)) return shape_wrong();
    if (count_open(at, block)) return (Shape){.kind = SHAPE_ABSENT};
    at.c->way[p->number] = way_of(at, p);
    return at.c->way[p->number] ? (Shape){.kind = SHAPE_ABSENT} : shape_wrong();
}
