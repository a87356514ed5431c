// Cases: a definition under arguments of given shapes. Sizes from shapes, settings and defaults, the body,
// the results. Guarantees: equal arguments give the same Case; a dimension has one size throughout a
// signature; results have the shapes they are declared with.
#include "shape/look.h"

#include <string.h>

// ---- shapes ----

struct Interned {
    struct Interned *next;
    int rank;
    Extent dims[];
};
enum { TABLE = 1024 }; // a power of 2

bool extent_equal(Extent a, Extent b) { return a.size == b.size && a.batch == b.batch; }

static bool extents_same(const Extent *a, const Extent *b, int rank) {
    for (int d = 0; d < rank; d++)
        if (!extent_equal(a[d], b[d])) return false;
    return true;
}

const Extent *extents(Shaper *s, const Extent *dims, int rank) {
    uint64_t hash = (uint64_t)rank;
    for (int d = 0; d < rank; d++) hash = hash_mix(hash, (uint64_t)dims[d].size * 2 + dims[d].batch);
    struct Interned **slot = &s->dims[hash & (TABLE - 1)];
    for (struct Interned *i = *slot; i; i = i->next)
        if (i->rank == rank && extents_same(i->dims, dims, rank)) return i->dims;
    struct Interned *made =
        arena_alloc(s->arena, sizeof *made + sizeof(Extent) * (size_t)rank, _Alignof(struct Interned));
    made->next = *slot;
    made->rank = rank;
    for (int d = 0; d < rank; d++) made->dims[d] = dims[d];
    *slot = made;
    return made->dims;
}

Shape shape_wrong(void) { return (Shape){.kind = SHAPE_WRONG}; }

Shape shape_known(double number, bool integral) {
    return (Shape){
        .kind = SHAPE_KNOWN, .number = number, .integral = integral, .type = integral ? TYPE_INT : TYPE_REAL};
}

Shape shape_bool(bool truth) {
    return (Shape){.kind = SHAPE_KNOWN, .number = truth, .integral = true, .type = TYPE_BOOL};
}

Shape shape_scalar(Type type) { return (Shape){.kind = SHAPE_SCALAR, .type = (uint8_t)type}; }

Shape shape_tensor(Shaper *s, const Extent *dims, int rank, Type type) {
    if (!rank) return shape_scalar(type);
    return (Shape){
        .kind = SHAPE_TENSOR, .type = (uint8_t)type, .rank = (uint8_t)rank, .dims = extents(s, dims, rank)};
}

Shape shape_first(Shape v) {
    Span span = v.span;
    while (v.kind == SHAPE_TUPLE && v.count) v = v.items[0];
    if (span.end) v.span = span;
    return v;
}

bool shape_fits(Shape v, Shape wanted) {
    return v.kind == SHAPE_TENSOR && v.rank == wanted.rank && v.dims == wanted.dims;
}

bool shape_is_number(Shape v) { return v.kind == SHAPE_KNOWN || v.kind == SHAPE_SCALAR; }

// ---- keys ----

static bool shape_same(const Shape *a, const Shape *b);

static bool shapes_same(const Shape *a, const Shape *b, int count) {
    for (int i = 0; i < count; i++)
        if (!shape_same(&a[i], &b[i])) return false;
    return true;
}

static bool closure_same(const Closure *a, const Closure *b) {
    if (a == b) return true;
    if (a->kind != b->kind || a->definition != b->definition || a->builtin != b->builtin ||
        a->phrase != b->phrase || a->home != b->home)
        return false;
    return a->kind != CLOSURE_DEFINED || shapes_same(a->given, b->given, a->definition->parameters);
}

static bool flags_same(const Shape *a, const Shape *b) {
    return a->kind == b->kind && a->type == b->type && a->rank == b->rank && a->unit == b->unit &&
           a->counts == b->counts && a->is_class == b->is_class && a->is_rows == b->is_rows &&
           a->of_rows == b->of_rows && a->is_row == b->is_row && a->filtered == b->filtered;
}

static bool shape_same(const Shape *a, const Shape *b) {
    if (!flags_same(a, b)) return false;
    switch ((int)a->kind) {
    case SHAPE_KNOWN:
        return a->integral == b->integral && memcmp(&a->number, &b->number, sizeof a->number) == 0;
    case SHAPE_TENSOR: return a->dims == b->dims;
    case SHAPE_TEXT: return string_equal(a->text, b->text);
    case SHAPE_CALLABLE: return closure_same(a->closure, b->closure);
    case SHAPE_TUPLE:
    case SHAPE_LIST: return a->count == b->count && shapes_same(a->items, b->items, a->count);
    default: return true;
    }
}

static uint64_t pointer_hash(const void *p) { return (uint64_t)(uintptr_t)p; }

static uint64_t shape_hash(uint64_t hash, const Shape *v) {
    hash = hash_mix(hash, v->kind * 64u + v->type * 16u + v->is_class * 2u + v->filtered);
    switch ((int)v->kind) {
    case SHAPE_KNOWN: return hash_bytes(&v->number, sizeof v->number, hash);
    case SHAPE_TENSOR: return hash_mix(hash, pointer_hash(v->dims));
    case SHAPE_TEXT: return hash_bytes(v->text, strlen(v->text), hash);
    case SHAPE_CALLABLE:
        hash = hash_mix(hash, pointer_hash(v->closure->definition) ^ pointer_hash(v->closure->phrase));
        if (v->closure->kind == CLOSURE_DEFINED)
            for (int i = 0; i < v->closure->definition->parameters; i++)
                hash = shape_hash(hash, &v->closure->given[i]);
        return hash;
    case SHAPE_TUPLE:
    case SHAPE_LIST:
        for (int i = 0; i < v->count; i++) hash = shape_hash(hash, &v->items[i]);
        return hash;
    default: return hash;
    }
}

// That of its key, which is noted in what is wanted; or NULL.
static Case *case_find(const Shaper *s, Case *wanted) {
    uint64_t key =
        hash_mix(pointer_hash(wanted->define), pointer_hash(wanted->inner) ^ pointer_hash(wanted->home));
    for (int i = 0; i < wanted->count; i++) key = shape_hash(key, &wanted->given[i]);
    wanted->key = key;
    for (Case *c = s->table[wanted->key & (TABLE - 1)]; c; c = c->next)
        if (c->key == wanted->key && c->define == wanted->define && c->inner == wanted->inner &&
            c->home == wanted->home && c->count == wanted->count && !c->wrong &&
            shapes_same(c->given, wanted->given, c->count))
            return c;
    return NULL;
}

void case_add(Shaper *s, Case *c) {
    Case **slot = &s->table[c->key & (TABLE - 1)];
    c->next = *slot;
    *slot = c;
    c->from = s->at;
    vec_push(s->arena, &s->cases, c);
}

static Case *case_made(Shaper *s, Case wanted) {
    Case *c = arena_new(s->arena, Case);
    int phrases = wanted.define->phrases.count + 1;
    *c = wanted;
    c->of = arena_array(s->arena, Shape, phrases);
    c->call = arena_array(s->arena, Case *, phrases);
    c->mapped = arena_array(s->arena, bool, phrases);
    c->way = arena_array(s->arena, int8_t, phrases);
    c->slot = arena_array(s->arena, Shape, wanted.define->slots.count + 1);
    return c;
}

Case *case_new(Shaper *s, Definition *define) { return case_made(s, (Case){.define = define}); }

Application *application_new(Shaper *s, Application a) {
    Application *at = arena_new(s->arena, Application);
    *at = a;
    return at;
}

Application *application_outside(Shaper *s, Span span, int depth) {
    return application_new(s, (Application){NULL, NULL, span, "", "", depth});
}

Slot *slot_named(const Definition *d, const char *name, SlotKind kind) {
    for (int i = 0; i < d->slots.count; i++)
        if ((kind == SLOT_WRONG || d->slots.data[i]->kind == kind) &&
            string_equal(d->slots.data[i]->name, name))
            return d->slots.data[i];
    return NULL;
}

// ---- cases of definitions ----

static void nesting_error(Shaper *s, const Definition *define, Span span) {
    Diagnostic *d = fail(s, NESTING_LIMIT, span, define->node->name, SHAPE_NESTING);
    diagnostic_help(s->ctx, d,
                    "a definition that calls itself needs a condition on its settings that ends it");
    s->stopped = true;
}

const char *path_joined(Arena *arena, const char *path, const char *name, const char *round) {
    return string_format(arena, "%s%s%s%s", path, path[0] ? "." : "", name, round);
}

const char *path_made(Shaper *s, const Application *at, const Phrase *p) {
    const Definition *d = p->definition;
    if (d && d->node->definition == DEFINE_MODEL) return d->node->name;
    if (!p->site) return NULL;
    const char *name =
        p->site->named ? p->site->name : string_format(s->arena, "%s_%d", p->site->name, p->site->number);
    return path_joined(s->arena, at ? at->path : "", name, at ? at->round : "");
}

Case *case_of(Shaper *s, Definition *define, const Shape *given, int count, const char *path, Span span) {
    Case wanted = {.define = define, .given = given, .count = count}, *c = case_find(s, &wanted);
    const Application *caller = s->at;
    bool endless = (c && !c->done) || (caller && caller->depth >= SHAPE_NESTING);
    if (endless) nesting_error(s, define, span);
    if (c && c->done) return c;
    c = case_made(s, wanted);
    c->result = shape_wrong();
    c->wrong = endless || s->stopped;
    if (c->wrong) return c;
    int depth = caller ? caller->depth + 1 : 1;
    bool rates = s->rates, constant = define->node->kind == AST_CONSTANT;
    if (!path) path = path_joined(s->arena, caller ? caller->path : "", define->node->name, "");
    s->at = constant ? application_outside(s, span, depth)
                     : application_new(s, (Application){caller, define, span, path, "", depth});
    s->rates = rates && constant;
    case_add(s, c);
    c->layers = definition_is_layer(define);
    case_look(s, c, caller, span);
    s->rates = rates;
    for (int i = 0; i < define->phrases.count; i++) c->layers |= c->call[i] && c->call[i]->layers;
    c->done = true;
    s->at = caller;
    return c;
}

Case *case_inner(Shaper *s, const Phrase *inner, Case *home, const Shape *given, int count, Slot *round) {
    Case wanted = {.define = home->define,
                   .inner = inner,
                   .home = home,
                   .given = given,
                   .count = count,
                   .has_dots = home->has_dots,
                   .dots = home->dots,
                   .dot_count = home->dot_count,
                   .filtered = home->filtered};
    Case *c = case_find(s, &wanted);
    if (c && c->done) return c;
    c = case_made(s, wanted);
    memcpy(c->slot, home->slot, sizeof *c->slot * (size_t)home->define->slots.count);
    if (round) c->slot[round->number] = given[count - 1];
    case_add(s, c);
    return c;
}

Case *constant_case(const Shaper *s, const Definition *constant) {
    return case_find(s, &(Case){.define = (Definition *)constant});
}
