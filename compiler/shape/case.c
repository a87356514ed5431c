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
    while (v.kind == SHAPE_TUPLE && v.count) v = v.items[0];
    return v;
}

bool shape_is_number(Shape v) { return v.kind == SHAPE_KNOWN || v.kind == SHAPE_SCALAR; }

// ---- keys ----

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

bool shape_same(const Shape *a, const Shape *b) {
    if (!flags_same(a, b)) return false;
    switch ((ShapeKind)a->kind) {
    case SHAPE_KNOWN:
        return a->integral == b->integral && memcmp(&a->number, &b->number, sizeof a->number) == 0;
    case SHAPE_TENSOR: return a->dims == b->dims;
    case SHAPE_TEXT: return string_equal(a->text, b->text);
    case SHAPE_CALLABLE: return closure_same(a->closure, b->closure);
    case SHAPE_TUPLE:
    case SHAPE_LIST: return a->count == b->count && shapes_same(a->items, b->items, a->count);
    case SHAPE_NONE:
    case SHAPE_OPEN:
    case SHAPE_WRONG:
    case SHAPE_ABSENT:
    case SHAPE_SCALAR: break;
    }
    return true;
}

static uint64_t pointer_hash(const void *p) { return (uint64_t)(uintptr_t)p; }

static uint64_t shape_hash(uint64_t hash, const Shape *v) {
    hash = hash_mix(hash, v->kind * 64u + v->type * 16u + v->is_class * 2u + v->filtered);
    switch ((ShapeKind)v->kind) {
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
    case SHAPE_NONE:
    case SHAPE_OPEN:
    case SHAPE_WRONG:
    case SHAPE_ABSENT:
    case SHAPE_SCALAR: break;
    }
    return hash;
}

static uint64_t key_of(const Definition *define, const Phrase *inner, const Case *home, const Shape *given,
                       int count) {
    uint64_t hash = hash_mix(pointer_hash(define), pointer_hash(inner) ^ pointer_hash(home));
    for (int i = 0; i < count; i++) hash = shape_hash(hash, &given[i]);
    return hash;
}

static Case *case_find(Shaper *s, const Case *wanted) {
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

Case *case_new(Shaper *s, Definition *define) {
    Case *c = arena_new(s->arena, Case);
    int phrases = define->phrases.count + 1;
    c->define = define;
    c->of = arena_array(s->arena, Shape, phrases);
    c->call = arena_array(s->arena, Case *, phrases);
    c->mapped = arena_array(s->arena, bool, phrases);
    c->way = arena_array(s->arena, int8_t, phrases);
    c->slot = arena_array(s->arena, Shape, define->slots.count + 1);
    return c;
}

// ---- parameters ----

typedef struct {
    Shaper *s;
    Place at; // of the body
    Case *c;
    const Node *node;
    const Application *caller;
    Span span;
    Span *size_span; // by slot: the argument that gave a size
    Span dots_span;
    bool ok;
} Binding_;

bool definition_is_layer(const Definition *d) {
    return d->node->kind == AST_DEFINE &&
           (d->node->definition == DEFINE_LAYER || d->node->definition == DEFINE_MODEL);
}

Slot *slot_named(const Definition *d, const char *name, SlotKind kind) {
    for (int i = 0; i < d->slots.count; i++)
        if ((kind == SLOT_WRONG || d->slots.data[i]->kind == kind) &&
            string_equal(d->slots.data[i]->name, name))
            return d->slots.data[i];
    return NULL;
}

static Span span_of(const Binding_ *b, Shape v) { return v.span.end ? v.span : b->span; }

// Messages of arguments are those of the text that gives them.
#define fail_outside(b, code, span, ...)                                                                     \
    ((b)->ok = false, (b)->s->at = (b)->caller, fail((b)->s, code, span, __VA_ARGS__))

static void shape_error(Binding_ *b, const Node *parameter, Shape v, const Node *item, const char *wanted,
                        Span other) {
    Shaper *s = b->s;
    const Application *inside = s->at;
    const char *text = text_of(s, parameter);
    Diagnostic *d = fail_outside(b, ARGUMENT_SHAPE, span_of(b, v), parameter->name, b->node->name,
                                 shape_text(s->arena, v), text);
    s->at = inside;
    diagnostic_note(s->ctx, d, parameter->span, "`%s` is declared here", text);
    if (item && wanted)
        diagnostic_note(s->ctx, d, other.end ? other : item->span, "here `%s` is %s", text_of(s, item),
                        wanted);
}

static Slot *size_of_item(const Binding_ *b, const Node *item) {
    return item->kind == AST_NAME ? slot_named(b->c->define, item->name, SLOT_SIZE) : NULL;
}

static void bind_size(Binding_ *b, const Node *parameter, const Node *item, const Slot *slot, Shape v,
                      Extent dim) {
    Shape *size = &b->c->slot[slot->number];
    if (size->kind == SHAPE_NONE) {
        *size = dim.batch ? shape_scalar(TYPE_INT) : shape_known((double)dim.size, true);
        size->is_rows = size->of_rows = dim.batch;
        b->size_span[slot->number] = v.span;
        return;
    }
    Extent before = size->is_rows ? (Extent){b->s->batch, true} : (Extent){(int64_t)size->number, false};
    if (!extent_equal(before, dim))
        shape_error(b, parameter, v, item, extents_text(b->s->arena, &before, 1), b->size_span[slot->number]);
}

// The dimensions behind `..`. False after a message.
static bool bind_group(Binding_ *b, const Node *parameter, Shape v, int before, int count) {
    Case *c = b->c;
    if (!c->has_dots) {
        c->has_dots = true;
        c->dot_count = count;
        c->dots = extents(b->s, v.dims + before, count);
        c->filtered = v.filtered;
        b->dots_span = v.span;
        return true;
    }
    if (c->dot_count == count && extents_same(c->dots, v.dims + before, count)) return true;
    const char *wanted =
        string_format(b->s->arena, "with `..` as %s", extents_text(b->s->arena, c->dots, c->dot_count));
    shape_error(b, parameter, v, parameter, wanted, b->dots_span);
    return false;
}

static bool holds_dots(const Node *parameter) {
    for (int i = 0; i < parameter->count; i++)
        if (parameter->items[i]->kind == AST_DOTS) return true;
    return false;
}

static void bind_shape(Binding_ *b, const Node *parameter, Shape v) {
    bool dots = holds_dots(parameter);
    int around = parameter->count - 1;
    if (dots ? v.rank < around : v.rank != parameter->count) {
        shape_error(b, parameter, v, NULL, NULL, NO_SPAN);
        return;
    }
    if (v.filtered && (!dots || parameter->count != 1)) {
        fail_outside(b, FILTER_NEEDS_DOTS, b->span, b->node->name);
        return;
    }
    for (int i = 0, at = 0; i < parameter->count && b->ok; i++) {
        const Node *item = parameter->items[i];
        if (item->kind == AST_DOTS) {
            if (!bind_group(b, parameter, v, at, v.rank - around)) return;
            at += v.rank - around;
            continue;
        }
        const Slot *size = size_of_item(b, item);
        if (size) bind_size(b, parameter, item, size, v, v.dims[at]);
        at++;
    }
}

// Dimensions that are not names: they are checked once all sizes and settings are known.
static void check_shape(Binding_ *b, const Node *parameter, Shape v) {
    for (int i = 0, at = 0; i < parameter->count && b->ok; i++) {
        const Node *item = parameter->items[i];
        if (item->kind == AST_DOTS) {
            at += v.rank - (parameter->count - 1);
            continue;
        }
        Extent wanted, dim = v.dims[at++];
        if (size_of_item(b, item)) continue;
        if (!dim_signature(b->at, item, &wanted))
            b->ok = false;
        else if (!extent_equal(wanted, dim))
            shape_error(b, parameter, v, item, extents_text(b->s->arena, &wanted, 1), NO_SPAN);
    }
}

static bool unit_word(const char *name) {
    for (int u = UNIT_NONE + 1; u < UNIT_COUNT; u++)
        if (string_equal(unit_text((Unit)u), name)) return true;
    return false;
}

static void class_error(Binding_ *b, const Node *parameter, Shape v) {
    Diagnostic *d = fail_outside(b, CLASS_ARGUMENT, span_of(b, v), parameter->name, b->node->name);
    diagnostic_note(b->s->ctx, d, parameter->span, "`%s` is declared here", text_of(b->s, parameter));
    diagnostic_help(
        b->s->ctx, d,
        "a class indexes and compares; what takes one declares it `: class`, as `cross_entropy` does");
}

static void check_type(Binding_ *b, const Node *parameter, Shape *v) {
    if (!shape_is_number(*v) && v->kind != SHAPE_TENSOR) return;
    const char *type = parameter->type;
    if (!type || unit_word(type)) {
        if (v->is_class && parameter->brackets) class_error(b, parameter, *v);
        return;
    }
    bool fits = true;
    if (string_equal(type, "int") || string_equal(type, "class")) fits = is_whole(*v);
    if (string_equal(type, "bool")) fits = v->type == TYPE_BOOL || (v->kind == SHAPE_KNOWN && is_whole(*v));
    if (fits) {
        if (string_equal(type, "int")) v->is_class = false;
        if (string_equal(type, "class")) v->is_class = true;
        return;
    }
    const char *given = v->type == TYPE_INT ? "integers" : v->type == TYPE_BOOL ? "conditions" : "numbers";
    Diagnostic *d =
        fail_outside(b, ARGUMENT_TYPE, span_of(b, *v), parameter->name, b->node->name, type, given);
    diagnostic_note(b->s->ctx, d, parameter->span, "`%s` is declared here", text_of(b->s, parameter));
    if (!string_equal(type, "bool"))
        diagnostic_help(b->s->ctx, d,
                        "declare the input `: int`; a field becomes one by `class(e, n)` or `int(e, n)`");
}

static bool is_length_word(const char *word) {
    return word && (string_equal(word, "steps") || string_equal(word, "epochs"));
}

// Is the parameter a length of the run (rule 23)?
static bool is_length(const Node *parameter) {
    const Node *value = parameter->value;
    if (is_length_word(parameter->type)) return true;
    if (!value) return false;
    if (value->kind == AST_NAME) return is_length_word(value->name);
    Dimension unit = value->kind == AST_NUMBER ? unit_dimension(value->unit) : DIMENSION_NUMBER;
    return unit == DIMENSION_STEPS || unit == DIMENSION_EPOCHS;
}

static Shape as_steps(Binding_ *b, const Node *parameter, Shape v) {
    if (v.kind == SHAPE_LIST) {
        Shape *items = arena_array(b->s->arena, Shape, v.count + 1);
        for (int i = 0; i < v.count; i++) items[i] = as_steps(b, parameter, v.items[i]);
        v.items = items;
        return v;
    }
    if (!shape_is_number(v)) return v;
    Span span = v.span;
    if (v.unit == DIMENSION_EPOCHS) {
        v = shape_scalar(TYPE_REAL); // times the steps of an epoch, which the data tell
        v.span = span;
    } else if (v.unit != DIMENSION_STEPS && !(v.kind == SHAPE_KNOWN && v.number == 0)) {
        Diagnostic *d = fail_outside(b, LENGTH_WITHOUT_UNIT, span_of(b, v), parameter->name, b->node->name);
        const char *number = string_of_double(b->s->arena, v.number);
        if (v.kind == SHAPE_KNOWN)
            diagnostic_help(b->s->ctx, d, "write `%s steps` or `%s epochs`", number, number);
        else
            diagnostic_help(b->s->ctx, d, "give it in `steps` or in `epochs`");
    }
    v.unit = DIMENSION_NUMBER;
    v.counts = DIMENSION_STEPS;
    return v;
}

// A number for a tensor parameter: it has it everywhere (rule 9).
static Shape everywhere(Binding_ *b, const Node *parameter, Shape v) {
    Case *c = b->c;
    if (!c->has_dots && parameter->count == 1 && parameter->items[0]->kind == AST_DOTS) {
        c->has_dots = true;
        c->dots = extents(b->s, NULL, 0);
    }
    for (int i = 0; i < parameter->count; i++) {
        const Slot *size = size_of_item(b, parameter->items[i]);
        if (!size || c->slot[size->number].kind != SHAPE_NONE) continue;
        fail_outside(b, SIZE_UNKNOWN, span_of(b, v), parameter->name, b->node->name, size->name);
        return shape_wrong();
    }
    Extent dims[MAX_RANK];
    int rank = 0;
    if (!dims_signature(b->at, parameter, dims, &rank)) {
        b->ok = false;
        return shape_wrong();
    }
    Shape out = shape_tensor(b->s, dims, rank, is_whole(v) ? (Type)v.type : TYPE_REAL);
    out.is_class = v.is_class;
    return out;
}

static Shape default_of(Binding_ *b, int i) {
    const Phrase *preset = b->c->define->preset[i];
    bool setting = definition_is_layer(b->c->define) && !b->node->items[i]->brackets;
    if (setting && preset->sort.draws && preset->sort.kind != KIND_CALLABLE)
        return closure_shape(b->s, (Closure){.kind = CLOSURE_EXPRESSION, .phrase = preset, .home = b->c},
                             preset->span);
    return shape_at(b->at, preset);
}

static void bind_parameter(Binding_ *b, int i, Shape v) {
    const Node *parameter = b->node->items[i];
    if (v.kind == SHAPE_NONE) v = default_of(b, i);
    Span span = v.span;
    v = shape_first(v);
    v.span = span;
    if (v.kind == SHAPE_WRONG) b->ok = false;
    if (b->ok && is_length(parameter)) v = as_steps(b, parameter, v);
    if (b->ok && v.kind == SHAPE_LIST && parameter->brackets) v = list_shape(b->at, v, v.span);
    if (b->ok) check_type(b, parameter, &v);
    if (!b->ok) return;
    if (!parameter->brackets && v.kind == SHAPE_TENSOR && definition_is_layer(b->c->define)) {
        fail_outside(b, SETTING_IS_TENSOR, span_of(b, v), parameter->name, b->node->name,
                     shape_text(b->s->arena, v));
        return;
    }
    if (parameter->brackets && shape_is_number(v))
        v = everywhere(b, parameter, v);
    else if (parameter->brackets && v.kind == SHAPE_TENSOR)
        check_shape(b, parameter, v);
    else if (parameter->brackets && v.kind != SHAPE_OPEN && v.kind != SHAPE_WRONG)
        fail_outside(b, TENSOR_WANTED, span_of(b, v), parameter->name, b->node->name,
                     shape_text(b->s->arena, v));
    b->c->slot[i] = v;
    b->c->slot[i].span = span;
}

static bool bind_parameters(Binding_ *b) {
    const Shape *given = b->c->given;
    Shape *v = arena_array(b->s->arena, Shape, b->c->count + 1);
    for (int i = 0; i < b->c->count && b->ok; i++) {
        const Node *parameter = b->node->items[i];
        v[i] = given[i];
        if (!parameter->brackets || v[i].kind == SHAPE_NONE) continue;
        Span span = v[i].span;
        v[i] = forced(b->s, shape_first(v[i]));
        if (is_length(parameter)) v[i] = as_steps(b, parameter, v[i]);
        if (v[i].kind == SHAPE_LIST) v[i] = list_shape(b->at, v[i], b->span);
        v[i].span = span;
        if (v[i].kind == SHAPE_WRONG) b->ok = false;
        if (v[i].kind == SHAPE_TENSOR) bind_shape(b, parameter, v[i]);
    }
    const Application *inside = b->s->at;
    for (int i = 0; i < b->c->count && b->ok; i++) {
        bind_parameter(b, i, v[i]);
        b->s->at = inside;
    }
    return b->ok;
}

// ---- results ----

// A result as it is declared: its shape, or a message.
static Shape fit_result(Place at, const Node *declared, Shape v) {
    Shaper *s = at.s;
    v = shape_first(v);
    if (v.kind == SHAPE_WRONG || !declared || !declared->brackets) return v;
    Extent dims[MAX_RANK];
    int rank = 0;
    const Phrase *brackets = phrase_of(declared);
    if (!brackets || !dims_declared(at, brackets, dims, &rank)) return shape_wrong();
    Span span = v.span;
    if (v.kind == SHAPE_LIST) v = list_shape(at, v, s->at->span);
    if (shape_is_number(v)) return shape_tensor(s, dims, rank, is_whole(v) ? (Type)v.type : TYPE_REAL);
    if (v.kind == SHAPE_TENSOR && v.rank == rank && v.dims == extents(s, dims, rank)) return v;
    if (v.kind == SHAPE_WRONG || v.kind == SHAPE_OPEN) return v;
    const Node *define = at.c->define->node;
    Diagnostic *d = fail(s, RESULT_SHAPE, span.end ? span : define->body->span, define->name,
                         shape_text(s->arena, v), declared->name, extents_text(s->arena, dims, rank));
    diagnostic_note(s->ctx, d, declared->span, "`%s` is declared here", text_of(s, declared));
    return shape_wrong();
}

static Shape named_results(Place at, const Node *results) {
    Shaper *s = at.s;
    const Definition *d = at.c->define;
    Shape *items = arena_array(s->arena, Shape, results->count);
    const char **names = arena_array(s->arena, const char *, results->count);
    for (int i = 0; i < results->count; i++) {
        const Slot *slot = slot_named(d, results->items[i]->name, SLOT_RESULT);
        names[i] = results->items[i]->name;
        if (!slot || at.c->slot[slot->number].kind == SHAPE_NONE)
            return fail_shape(s, RESULT_MISSING, results->items[i]->span, names[i], d->node->name);
        items[i] = fit_result(at, results->items[i], at.c->slot[slot->number]);
        if (items[i].kind == SHAPE_WRONG) return items[i];
    }
    if (results->count == 1) return items[0];
    return (Shape){.kind = SHAPE_TUPLE, .items = items, .names = names, .count = results->count};
}

static bool any_given(const Case *c, const Node *results) {
    for (int i = 0; results && i < results->count; i++) {
        const Slot *slot = slot_named(c->define, results->items[i]->name, SLOT_RESULT);
        if (slot && c->slot[slot->number].kind != SHAPE_NONE) return true;
    }
    return false;
}

static Shape results_of(Place at, Shape last) {
    const Node *node = at.c->define->node, *results = node->results;
    if (last.kind == SHAPE_WRONG) return last;
    if (any_given(at.c, results)) return named_results(at, results);
    if (last.kind == SHAPE_ABSENT) {
        if (node->definition != DEFINE_OPTIMIZER) fail(at.s, NO_RESULT, node->name_span, node->name);
        return node->definition == DEFINE_OPTIMIZER ? last : shape_wrong();
    }
    if (results && results->count > 1) {
        if (last.kind == SHAPE_TUPLE && last.count == results->count) return last;
        return fail_shape(at.s, RESULT_MISSING, results->items[1]->span, results->items[1]->name, node->name);
    }
    return results && results->count ? fit_result(at, results->items[0], last) : last;
}

// ---- cases of definitions ----

static void nesting_error(Shaper *s, const Definition *define, Span span) {
    Diagnostic *d = fail(s, NESTING_LIMIT, span, define->node->name, SHAPE_NESTING);
    diagnostic_help(s->ctx, d,
                    "a definition that calls itself needs a condition on its settings that ends it");
    s->stopped = true;
}

static void look_inside(Shaper *s, Case *c, const Application *caller, Span span) {
    Place at = {.s = s, .c = c};
    Binding_ b = {
        .s = s, .at = at, .c = c, .node = c->define->node, .caller = caller, .span = span, .ok = true};
    b.size_span = arena_array(s->arena, Span, c->define->slots.count + 1);
    bool ok = bind_parameters(&b);
    const Phrase *body = c->define->body;
    Shape last = shape_wrong();
    if (ok && body) last = body->kind == PHRASE_BLOCK ? block_shape(at, body) : shape_at(at, body);
    c->result = results_of(at, last);
    c->wrong = c->result.kind == SHAPE_WRONG || s->stopped;
}

static const char *joined(Arena *arena, const char *path, const char *name) {
    return string_format(arena, "%s%s%s", path, path[0] ? "." : "", name);
}

Case *case_of(Shaper *s, Definition *define, const Shape *given, int count, const char *path, Span span) {
    Case wanted = {.define = define, .given = given, .count = count};
    wanted.key = key_of(define, NULL, NULL, given, count);
    Case *c = case_find(s, &wanted);
    const Application *caller = s->at;
    bool endless = (c && !c->done) || (caller && caller->depth >= SHAPE_NESTING);
    if (endless) nesting_error(s, define, span);
    if (c && c->done) return c;
    c = case_new(s, define);
    c->given = given;
    c->count = count;
    c->key = wanted.key;
    c->result = shape_wrong();
    c->wrong = endless || s->stopped;
    if (c->wrong) return c;
    Application *at = arena_new(s->arena, Application);
    const char *outside = caller ? caller->path : "";
    *at = (Application){caller, define,
                        span,   path ? path : joined(s->arena, outside, define->node->name),
                        "",     caller ? caller->depth + 1 : 1};
    s->at = at;
    bool rates = s->rates;
    s->rates = false;
    case_add(s, c);
    c->layers = definition_is_layer(define);
    look_inside(s, c, caller, span);
    s->rates = rates;
    for (int i = 0; i < define->phrases.count; i++) c->layers |= c->call[i] && c->call[i]->layers;
    c->done = true;
    s->at = caller;
    return c;
}

Case *case_inner(Shaper *s, const Phrase *inner, Case *home, const Shape *given, int count, Slot *round) {
    Case wanted = {.define = home->define, .inner = inner, .home = home, .given = given, .count = count};
    wanted.key = key_of(home->define, inner, home, given, count);
    Case *c = case_find(s, &wanted);
    if (c && c->done) return c;
    c = case_new(s, home->define);
    c->inner = inner;
    c->home = home;
    c->given = given;
    c->count = count;
    c->key = wanted.key;
    c->has_dots = home->has_dots;
    c->dots = home->dots;
    c->dot_count = home->dot_count;
    c->filtered = home->filtered;
    memcpy(c->slot, home->slot, sizeof *c->slot * (size_t)home->define->slots.count);
    if (round) c->slot[round->number] = given[count - 1];
    case_add(s, c);
    return c;
}

Shape case_constant(Place at, Definition *constant, Span span) {
    Shaper *s = at.s;
    const Application *caller = s->at;
    Case wanted = {.define = constant, .key = key_of(constant, NULL, NULL, NULL, 0)};
    Case *c = case_find(s, &wanted);
    if (c && c->done) return c->result;
    if (c || (caller && caller->depth >= SHAPE_NESTING)) {
        nesting_error(s, constant, span);
        return shape_wrong();
    }
    c = case_new(s, constant);
    c->key = wanted.key;
    Application *outside = arena_new(s->arena, Application);
    *outside = (Application){NULL, NULL, span, "", "", caller ? caller->depth + 1 : 1};
    s->at = outside;
    case_add(s, c);
    c->result = constant->body ? shape_at((Place){.s = s, .c = c}, constant->body) : shape_wrong();
    c->wrong = c->result.kind == SHAPE_WRONG;
    c->done = true;
    s->at = caller;
    return c->result;
}
