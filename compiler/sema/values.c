// Values of elaboration and the sessions and elaborators they belong to.
// Guarantees: a tensor of rank 0 is always a scalar; a whole number known when compiling is always
// `integral`.
#include <math.h>
#include <string.h>

#include "sema/values.h"

// ---- making values ----

SemaValue value_error(void) { return (SemaValue){.kind = SEMA_ERROR}; }

SemaValue value_absent(Span span) { return (SemaValue){.kind = SEMA_ABSENT, .span = span}; }

SemaValue value_number(double number, bool integral) {
    return (SemaValue){
        .kind = SEMA_NUMBER, .number = number, .integral = integral, .type = integral ? TYPE_INT : TYPE_REAL};
}

SemaValue value_bool(bool truth) {
    return (SemaValue){.kind = SEMA_NUMBER, .number = truth, .integral = true, .type = TYPE_BOOL};
}

SemaValue value_text(const char *text) { return (SemaValue){.kind = SEMA_TEXT, .text = text}; }

SemaValue value_scalar(const Expr *e) {
    return (SemaValue){.kind = SEMA_SCALAR, .e = e, .type = (Type)e->type};
}

SemaValue value_array(Session *s, const Array *a) {
    if (a->rank == 0) return value_scalar(a->e);
    Array *copy = arena_new(s->arena, Array);
    *copy = *a;
    return (SemaValue){.kind = SEMA_TENSOR, .array = copy, .type = (Type)a->e->type};
}

const char *dimension_name(int d) {
    static const char *const names[MAX_RANK] = {"i", "j", "k", "l", "m", "n", "o", "p"};
    return names[d];
}

SemaValue value_tensor(Session *s, Tensor *t) {
    Array a = {.rank = t->rank};
    const Affine *forms[MAX_RANK];
    for (int d = 0; d < t->rank; d++) {
        a.dims[d] = dim_of_tensor(t, d);
        a.indices[d] = index_add(s->program, dimension_name(d), t->dims[d], a.dims[d].batch);
        forms[d] = affine_index(s->program, a.indices[d]);
    }
    a.e = expr_read(s->program, t, forms, t->origin);
    return value_array(s, &a);
}

SemaValue value_first(SemaValue v) {
    while (v.kind == SEMA_TUPLE) v = v.items[0];
    return v;
}

SemaValue value_plain(Elaborator *el, const Env *env, SemaValue v, Span span) {
    v = value_first(v);
    return v.kind == SEMA_LIST ? list_tensor(el, env, v, span) : v;
}

bool value_is_error(SemaValue v) { return v.kind == SEMA_ERROR; }

bool value_is_number(SemaValue v, double number) { return v.kind == SEMA_NUMBER && v.number == number; }

SemaValue value_layer(Elaborator *el, SemaLayer layer) {
    SemaLayer *copy = arena_new(el->session->arena, SemaLayer);
    *copy = layer;
    return (SemaValue){.kind = SEMA_LAYER, .layer = copy, .span = layer.span};
}

SemaValue value_callable(Elaborator *el, Callable callable, SemaKind kind) {
    Callable *copy = arena_new(el->session->arena, Callable);
    *copy = callable;
    return (SemaValue){.kind = kind, .callable = copy};
}

// ---- their text ----

const char *number_text(Arena *arena, double number) { return string_of_double(arena, number); }

const char *dims_text(Elaborator *el, const Dim *dims, int rank) {
    Text text = {.arena = el->session->arena};
    text_put(&text, "[");
    for (int d = 0; d < rank; d++)
        text_add(&text, "%s%s%lld", d ? ", " : "", dims[d].batch ? "batch " : "", (long long)dims[d].size);
    text_put(&text, "]");
    return text_string(&text);
}

const char *value_shape_text(Session *s, SemaValue v) {
    v = value_first(v);
    Elaborator el = {.session = s};
    switch (v.kind) {
    case SEMA_NUMBER:
        return v.type == TYPE_BOOL
                   ? v.number != 0 ? "true" : "false"
                   : string_format(s->arena, "the number %s", number_text(s->arena, v.number));
    case SEMA_SCALAR: return "a number";
    case SEMA_TENSOR: return dims_text(&el, v.array->dims, v.array->rank);
    case SEMA_TEXT: return "a text";
    case SEMA_LAYER: return "a layer";
    case SEMA_FUNCTION: return "a function";
    case SEMA_CLOSURE: return "an expression with draws";
    case SEMA_LIST: return "a list";
    case SEMA_ABSENT: return "absent";
    case SEMA_TUPLE:
    case SEMA_ERROR: return "a wrong value";
    }
    return "a value";
}

// A long path without its middle.
static const char *shorter(Arena *arena, const char *path) {
    enum { LONG = 80, HEAD = 24, TAIL = 40 };
    size_t length = strlen(path);
    return length <= LONG ? path : string_format(arena, "%.*s…%s", (int)HEAD, path, path + length - TAIL);
}

static bool in_library(const Elaborator *el, Span span) {
    const Source *source = source_of(el->session->ctx, span);
    return source && source->library;
}

Span fail_place(Elaborator *el, const Env *env, Span span) {
    if (!in_library(el, span)) return span;
    for (const Frame *frame = env ? env->frame : NULL; frame && frame->origin; frame = frame->caller)
        if (!in_library(el, frame->origin->span)) return frame->origin->span;
    return span;
}

Diagnostic *fail_in_chain(Elaborator *el, const Env *env, Diagnostic *d, Span span) {
    if (d->span.start != span.start || d->span.end != span.end)
        diagnostic_note(el->session->ctx, d, span, "the fault shows here");
    const Frame *frame = env ? env->frame : NULL;
    uint32_t before = 0;
    for (int shown = 0; frame && frame->define; frame = frame->caller) {
        bool from_outside = frame->origin && frame->origin->span.start == frame->define->name_span.start;
        if (from_outside || !frame->origin || frame->origin->span.start == before || ++shown > 8) continue;
        before = frame->origin->span.start;
        const char *what = is_layer_definition(frame->define) ? frame->path : frame->define->name;
        diagnostic_note(el->session->ctx, d, frame->origin->span, "in `%s`, applied here",
                        shorter(el->session->arena, what));
    }
    return d;
}

// ---- expressions of values ----

const Expr *value_expr(Elaborator *el, SemaValue v, bool real) {
    Program *p = el->session->program;
    if (v.kind == SEMA_SCALAR) return v.e;
    if (v.kind != SEMA_NUMBER) die("value_expr: a value of kind %d is not a number", (int)v.kind);
    if (v.integral && !real && fabs(v.number) < 1e15) return expr_int(p, (int64_t)v.number);
    return expr_const(p, v.number);
}

const Expr *array_at(Elaborator *el, const Array *a, const Affine *const *forms) {
    Binding bindings[MAX_RANK];
    for (int d = 0; d < a->rank; d++) bindings[d] = (Binding){a->indices[d], forms[d]};
    return expr_substitute(el->session->program, a->e, bindings, a->rank);
}

bool dims_same(Dim a, Dim b) { return a.size == b.size && a.batch == b.batch; }

bool dims_equal(const Dim *a, const Dim *b, int rank) {
    for (int d = 0; d < rank; d++)
        if (!dims_same(a[d], b[d])) return false;
    return true;
}

Dim dim_of_tensor(const Tensor *t, int d) { return (Dim){t->dims[d], t->batch_dims >> d & 1}; }

Tensor *tensor_of_dims(Program *p, const char *name, TensorKind kind, Type type, const Dim *dims, int rank) {
    int64_t sizes[MAX_RANK] = {0};
    for (int d = 0; d < rank && d < MAX_RANK; d++) sizes[d] = dims[d].size;
    Tensor *t = tensor_add(p, name, kind, type, rank, sizes);
    for (int d = 0; d < rank; d++) t->batch_dims |= (uint8_t)(dims[d].batch << d);
    return t;
}

void tensor_bound(Tensor *t, const Expr *e) {
    int64_t low, high;
    if (expr_integer_bounds(e, &low, &high)) t->bounded = true, t->low = low, t->high = high;
}

void tensor_bound_as(Tensor *t, const Tensor *like) {
    t->bounded = like->bounded;
    t->low = like->low;
    t->high = like->high;
}

const Affine *affine_of(Elaborator *el, const Expr *integer) {
    Program *p = el->session->program;
    if (integer->op == OP_AFFINE) return integer->form;
    if (integer->op == OP_CONST) return affine_constant(p, (int64_t)integer->value);
    if (integer->op == OP_INDEX) return affine_index(p, integer->index);
    return affine_atom(p, integer);
}

Index *index_of(Elaborator *el, const char *name, Dim d) {
    return index_add(el->session->program, name, d.size, d.batch);
}

// ---- sessions, elaborators, scopes ----

Session *session_create(Program *program, Library *library) {
    Arena *arena = program->ctx->arena;
    Session *s = arena_new(arena, Session);
    s->ctx = program->ctx;
    s->arena = arena;
    s->program = program;
    s->library = library;
    s->tables = arena_new(arena, struct SessionTables);
    s->tables->tensors = map_create(arena);
    s->tables->layers = map_create(arena);
    s->initial = function_add(program, FUNCTION_INITIAL, "initial");
    s->tables->initial = elaborator_create(s, s->initial, true);
    return s;
}

Elaborator *elaborator_create(Session *s, Function *f, bool training) {
    Elaborator *el = arena_new(s->arena, Elaborator);
    el->session = s;
    el->function = f;
    el->training = training;
    el->state_kind = TENSOR_STATE;
    el->words = map_create(s->arena);
    el->tables = arena_new(s->arena, struct ElaboratorTables);
    el->tables->slots = map_create(s->arena);
    el->tables->element = index_add(s->program, "element", INT32_MAX, false);
    return el;
}

void elaborator_finish(Elaborator *el) {
    Program *p = el->session->program;
    for (int i = 0; i < el->tables->slot_list.count; i++) {
        Cell *slot = el->tables->slot_list.data[i];
        Env *env = env_create(el, NO_SPAN, "");
        const char *name = string_format(p->arena, "%s.next", slot->target->name);
        SemaValue v = slot->current;
        if (v.kind == SEMA_ERROR) continue;
        const Expr *e = v.kind == SEMA_TENSOR ? v.array->e : v.e;
        Tensor *t =
            e->op == OP_READ && e->tensor->kind == TENSOR_TEMP && e->tensor->rank == slot->target->rank
                ? e->tensor
                : NULL;
        for (int d = 0; t && d < t->rank; d++)
            if (affine_only(e->forms[d]) != v.array->indices[d] || t->type != slot->target->type) t = NULL;
        Array scalar = {.rank = 0, .e = e};
        if (!t)
            t = tensor_emit(el, env, name, TENSOR_TEMP, (int)slot->target->type,
                            v.kind == SEMA_TENSOR ? v.array : &scalar, v.span);
        if (t) vec_push(p->arena, &el->function->effects, (Effect){slot->target, t});
    }
    el->tables->slot_list.count = 0;
    elaborator_sort(el);
}

Env *env_create(Elaborator *el, Span from, const char *path) {
    Arena *arena = el->session->arena;
    Env *env = arena_new(arena, Env);
    env->arena = arena;
    env->from = from;
    env->names = map_create(arena);
    env->round = "";
    env->place = path;
    env->frame = arena_new(arena, Frame);
    env->frame->path = path;
    env->frame->declared = map_create(arena);
    return env;
}

Env *env_inner(Env *outer) {
    Env *env = arena_new(outer->arena, Env);
    *env = (Env){.arena = outer->arena,
                 .outer = outer,
                 .from = outer->from,
                 .frame = outer->frame,
                 .place = outer->place,
                 .round = outer->round,
                 .indexed = outer->indexed,
                 .names = map_create(outer->arena)};
    return env;
}

Name *env_name(const Env *env, const char *name) {
    for (; env; env = env->outer) {
        Name *found = map_get(env->names, name);
        if (found) return found;
    }
    return NULL;
}

Name *env_add(Env *env, const char *name, SemaValue v, Span span) {
    Name *entry = arena_new(env->arena, Name);
    *entry = (Name){.value = v, .span = span};
    map_set(env->names, name, entry);
    return entry;
}

void env_set(Env *env, const char *name, SemaValue v) { env_add(env, name, v, v.span); }

const SemaValue *env_get(const Env *env, const char *name) {
    Name *found = env_name(env, name);
    if (!found) return NULL;
    if (found->slot) return &found->slot->current;
    return &found->value;
}

const char *env_path(const Env *env, Arena *arena, const char *name) {
    const char *path = env->place;
    return string_format(arena, "%s%s%s%s", path, path[0] && name[0] ? "." : "", name, env->round);
}

Cell *env_slot(Env *env, const char *name, Tensor *target, SemaValue initial) {
    Cell *slot = arena_new(env->arena, Cell);
    *slot = (Cell){.name = name, .target = target, .current = initial};
    env_add(env, name, initial, initial.span)->slot = slot;
    return slot;
}

SemaValue slot_value(const Cell *slot) { return slot->current; }

const Origin *origin_new(Arena *arena, Span span, const char *what, const Origin *caller) {
    Origin *origin = arena_new(arena, Origin);
    *origin = (Origin){span, what, caller};
    return origin;
}

const Expr *value_as_scalar(Elaborator *el, SemaValue v, Span span) {
    v = value_first(v);
    if (v.kind == SEMA_CLOSURE) v = force_closure(el, v);
    if (v.kind == SEMA_ERROR) return NULL;
    if (v.kind == SEMA_NUMBER || v.kind == SEMA_SCALAR) return value_expr(el, v, false);
    fail(el, NULL, ONE_NUMBER_WANTED, span, value_shape_text(el->session, v));
    return NULL;
}
