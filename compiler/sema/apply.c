// The application of a definition to values: sizes from shapes, settings and defaults, the body, the results.
// Arguments and results fit the signature: shape/ has seen to it.
#include <math.h>

#include "sema/values.h"

typedef struct {
    const Node *define;
    const Env *caller;
    Env *env;         // of the body
    SemaValue *given; // by parameter; kind ABSENT: not given
    Span span;        // of the call
    bool ok;
} Application;

bool is_layer_definition(const Node *define) {
    return define && define->kind == AST_DEFINE &&
           (define->definition == DEFINE_LAYER || define->definition == DEFINE_MODEL);
}

int parameter_named(const Node *define, const char *name) {
    for (int i = 0; i < define->count; i++)
        if (string_equal(define->items[i]->name, name)) return i;
    return -1;
}

// ---- arguments ----

static bool place_arguments(Elaborator *el, Application *a, Arguments given) {
    const Node *define = a->define;
    a->given = arena_array(el->session->arena, SemaValue, define->count + 1);
    for (int i = 0; i < define->count; i++) a->given[i].kind = SEMA_ABSENT;
    int next = 0;
    for (int i = 0; i < given.count; i++) {
        int at = given.names[i] ? parameter_named(define, given.names[i]) : next++;
        if (given.values[i].kind == SEMA_ERROR) return false;
        a->given[at] = given.values[i];
    }
    return true;
}

// ---- functions of numbers, element by element ----

static bool is_elementwise(const Application *a) {
    if (a->define->definition != DEFINE_FN) return false;
    for (int i = 0; i < a->define->count; i++)
        if (!a->define->items[i]->brackets && a->given[i].kind == SEMA_TENSOR) return true;
    return false;
}

static SemaValue apply_elementwise(Elaborator *el, Application *a) {
    const Node *define = a->define;
    int count = define->count, tensors = 0;
    Arguments parts = {arena_array(el->session->arena, SemaValue, count + 1),
                       arena_array(el->session->arena, const char *, count + 1), 0};
    SemaValue whole[MAX_NESTING];
    int at[MAX_NESTING];
    for (int i = 0; i < count; i++) {
        if (define->items[i]->brackets || a->given[i].kind != SEMA_TENSOR || tensors == MAX_NESTING) continue;
        at[tensors] = i;
        whole[tensors++] = a->given[i];
    }
    const Expr *es[MAX_NESTING];
    Array shape;
    if (!values_unify(el, a->caller, whole, tensors, es, &shape, a->span)) return value_error();
    int part = 0;
    for (int i = 0; i < count; i++) {
        if (a->given[i].kind == SEMA_ABSENT) continue;
        SemaValue *v = &parts.values[parts.count];
        parts.names[parts.count++] = define->items[i]->name;
        *v = a->given[i];
        if (part < tensors && at[part] == i) *v = value_scalar(es[part++]);
    }
    SemaValue v = value_first(definition_apply(el, a->caller, define, NULL, parts, a->span));
    if (v.kind == SEMA_ERROR) return v;
    SemaValue out = value_wrap(el, a->caller, &shape, value_expr(el, v, false), a->span);
    out.text = define->name;
    return out;
}

// ---- sizes ----

// Is the name of a dimension a value that the definition sees (a setting, a constant of its file)?
static bool is_value_name(Elaborator *el, const Application *a, const char *name) {
    if (parameter_named(a->define, name) >= 0) return true;
    const Node *constant = library_find(el->session->library, a->define->span, name);
    return constant && constant->kind == AST_CONSTANT;
}

static void bind_size(Elaborator *el, Application *a, const Node *item, SemaValue v, Dim dim) {
    if (map_get(a->env->names, item->name)) return;
    SemaValue size =
        dim.batch ? value_scalar(expr_rows(el->session->program)) : value_number((double)dim.size, true);
    env_add(a->env, item->name, size, v.span)->is_size = true;
}

// The dimensions behind `..`.
static void bind_group(Application *a, const Array *array, int before, int count) {
    Frame *frame = a->env->frame;
    if (frame->has_dots) return;
    frame->has_dots = true;
    frame->dots = count;
    for (int d = 0; d < count; d++) {
        frame->dims[d] = array->dims[before + d];
        frame->filter_indices[d] = array->indices[before + d];
    }
    frame->filter = array->filter;
}

static void bind_shape(Elaborator *el, Application *a, const Node *parameter, SemaValue v) {
    int group = v.array->rank - (parameter->count - 1);
    for (int i = 0, at = 0; i < parameter->count; i++) {
        const Node *item = parameter->items[i];
        if (item->kind == AST_DOTS) {
            bind_group(a, v.array, at, group);
            at += group;
            continue;
        }
        if (item->kind == AST_NAME && !is_value_name(el, a, item->name))
            bind_size(el, a, item, v, v.array->dims[at]);
        at++;
    }
}

// ---- parameters ----

// Is the parameter a length of the run (rule 23)?
static bool is_length(const Node *parameter) {
    const Node *value = parameter->value;
    const char *words[] = {parameter->type, value && value->kind == AST_NAME ? value->name : NULL};
    for (int i = 0; i < 2; i++)
        if (words[i] && (string_equal(words[i], "steps") || string_equal(words[i], "epochs"))) return true;
    Dimension unit = value && value->kind == AST_NUMBER ? unit_dimension(value->unit) : DIMENSION_NUMBER;
    return unit == DIMENSION_STEPS || unit == DIMENSION_EPOCHS;
}

static SemaValue as_steps(Elaborator *el, const Application *a, SemaValue v) {
    if (v.kind == SEMA_LIST) {
        SemaValue *items = arena_array(el->session->arena, SemaValue, v.count + 1);
        for (int i = 0; i < v.count; i++) items[i] = as_steps(el, a, v.items[i]);
        v.items = items;
        return v;
    }
    if (v.kind != SEMA_NUMBER && v.kind != SEMA_SCALAR) return v;
    if (v.dimension == DIMENSION_EPOCHS && el->hooks && el->hooks->to_steps)
        v = el->hooks->to_steps(el->hooks->data, el, v, a->span);
    v.dimension = DIMENSION_NUMBER;
    return v;
}

// A number for a tensor parameter: it has it everywhere (rule 9).
static SemaValue everywhere(Elaborator *el, Application *a, const Node *parameter, SemaValue v) {
    Array array = {.rank = 0, .e = value_expr(el, v, !type_is_whole(v.type))};
    if (!a->env->frame->has_dots && parameter->count == 1 && parameter->items[0]->kind == AST_DOTS)
        a->env->frame->has_dots = true;
    if (!dims_of(el, a->env, parameter->items, parameter->count, array.dims, &array.rank)) {
        a->ok = false;
        return value_error();
    }
    for (int d = 0; d < array.rank; d++) array.indices[d] = index_of(el, "i", array.dims[d]);
    return value_array(el->session, &array);
}

static void bind_parameter(Elaborator *el, Application *a, int i) {
    const Node *parameter = a->define->items[i];
    SemaValue v = a->given[i];
    if (v.kind == SEMA_ABSENT) {
        if (is_layer_definition(a->define) && !parameter->brackets && node_draws(parameter->value)) {
            v = value_callable(el, (Callable){.closure = parameter->value, .env = a->env}, SEMA_CLOSURE);
        } else {
            v = value_of(el, a->env, parameter->value);
            v.span = parameter->value->span;
        }
    }
    v = value_first(v);
    if (v.kind == SEMA_ERROR) a->ok = false;
    const Definition *bound = a->define->binding;
    bool in_epochs = bound && i < 64 && bound->in_epochs >> i & 1; // a watch's length, or passed on to one
    if (!in_epochs && is_length(parameter)) v = as_steps(el, a, v);
    if (a->define->definition == DEFINE_WATCH && in_epochs) v.dimension = DIMENSION_NUMBER;
    if (!a->ok) return;
    if (v.kind == SEMA_LIST && parameter->brackets) v = list_tensor(el, a->env, v, v.span);
    if (el->session->explained == el)
        argument_note(el, a->caller, a->env, parameter, v, a->given[i].kind != SEMA_ABSENT);
    bool is_read = v.kind == SEMA_TENSOR ? v.array->e->op == OP_READ || v.array->filter
                                         : v.kind == SEMA_SCALAR && v.e->op == OP_READ;
    if (bound && bound->slots.data[i]->stored && !is_read) // `x` of a grad(e, x)
        v = value_own(el, a->env, v, env_path(a->env, el->session->arena, parameter->name), a->span);
    bool number = v.kind == SEMA_NUMBER || v.kind == SEMA_SCALAR;
    if (parameter->brackets && number) v = everywhere(el, a, parameter, v);
    if (a->ok) env_add(a->env, parameter->name, v, v.span);
}

static void bind_parameters(Elaborator *el, Application *a) {
    const Node *define = a->define;
    for (int i = 0; i < define->count; i++) {
        SemaValue *v = &a->given[i];
        if (!define->items[i]->brackets) continue;
        *v = value_first(*v);
        if (v->kind == SEMA_CLOSURE) *v = force_closure(el, *v);
        if (is_length(define->items[i])) *v = as_steps(el, a, *v);
        if (v->kind == SEMA_LIST) *v = list_tensor(el, a->caller, *v, a->span);
        if (v->kind == SEMA_ERROR) a->ok = false;
        if (v->kind != SEMA_TENSOR) continue;
        Span span = v->span;
        if (!v->is_view) *v = value_store(el, a->caller, *v, value_name(el, a->caller, *v), a->span);
        v->span = span;
        a->ok = a->ok && v->kind != SEMA_ERROR;
        if (v->kind == SEMA_TENSOR) bind_shape(el, a, define->items[i], *v);
    }
    for (int i = 0; i < define->count && a->ok; i++) bind_parameter(el, a, i);
}

// ---- results ----

// A result as it is declared: a number has it everywhere.
static SemaValue fit_result(Elaborator *el, Application *a, const Node *declared, SemaValue v) {
    v = value_first(v);
    if (v.kind == SEMA_ERROR || !declared || !declared->brackets) return v;
    Array array = {.rank = 0};
    if (!dims_of(el, a->env, declared->items, declared->count, array.dims, &array.rank)) return value_error();
    if (v.kind == SEMA_LIST) v = list_tensor(el, a->env, v, a->span);
    if (v.kind == SEMA_NUMBER || v.kind == SEMA_SCALAR) {
        for (int d = 0; d < array.rank; d++) array.indices[d] = index_of(el, "i", array.dims[d]);
        array.e = value_expr(el, v, !type_is_whole(v.type));
        return value_array(el->session, &array);
    }
    return v;
}

static SemaValue name_value(Env *env, const char *name) {
    Name *n = map_get(env->names, name);
    return n->slot ? n->slot->current : n->value;
}

static bool is_result(const Application *a, const char *name) {
    Name *n = map_get(a->env->names, name);
    return n && !n->is_size && parameter_named(a->define, name) < 0;
}

static SemaValue named_results(Elaborator *el, Application *a, const Node *results) {
    SemaValue *items = arena_array(el->session->arena, SemaValue, results->count);
    const char **names = arena_array(el->session->arena, const char *, results->count);
    for (int i = 0; i < results->count; i++) {
        names[i] = results->items[i]->name;
        items[i] = fit_result(el, a, results->items[i], name_value(a->env, names[i]));
        if (items[i].kind == SEMA_ERROR) return items[i];
    }
    if (results->count == 1) return items[0];
    return (SemaValue){.kind = SEMA_TUPLE, .items = items, .names = names, .count = results->count};
}

static SemaValue results_of(Elaborator *el, Application *a, SemaValue last) {
    const Node *results = a->define->results;
    if (last.kind == SEMA_ERROR) return last;
    bool named = false;
    for (int i = 0; results && i < results->count; i++)
        named = named || is_result(a, results->items[i]->name);
    if (named) return named_results(el, a, results);
    return results && results->count == 1 ? fit_result(el, a, results->items[0], last) : last;
}

// ---- application ----

static bool is_inline(const Node *define) {
    if (define->definition != DEFINE_FN) return false;
    for (int i = 0; i < define->count; i++)
        if (define->items[i]->brackets) return false;
    for (int i = 0; define->results && i < define->results->count; i++)
        if (define->results->items[i]->brackets) return false;
    return true;
}

static Env *body_scope(Elaborator *el, Application *a, const char *path) {
    Arena *arena = el->session->arena;
    const Env *caller = a->caller;
    const char *own = path ? path : env_path(caller, arena, a->define->name);
    Env *env = env_create(el, a->define->span, own);
    Frame *frame = env->frame;
    frame->define = a->define;
    frame->caller = caller->frame;
    frame->origin = origin_new(arena, a->span, caller->frame->path, caller->frame->origin);
    frame->is_inline = is_inline(a->define);
    frame->depth = caller->frame->depth + 1;
    frame->draws = path ? 0
                        : hash_mix(caller->frame->draws,
                                   el->tables->call ? node_ordinal(el, caller, el->tables->call) : 0);
    for (int i = 0; a->define->results && i < a->define->results->count; i++)
        map_set(frame->declared, a->define->results->items[i]->name, a->define->results->items[i]);
    el->tables->call = NULL;
    const SemaValue *update =
        definition_row(a->define->definition)->given ? map_get(el->words, WORD_UPDATE) : NULL;
    if (update) env_set(env, context_intern(el->session->ctx, "step", 4), *update);
    return env;
}

static SemaValue run_body(Elaborator *el, Application *a) {
    struct ElaboratorTables *tables = el->tables;
    DrawContext draw = tables->draw;
    Table memo = tables->memo;
    const char *hint = tables->hint;
    int subscript = tables->subscript;
    tables->subscript = 0;
    tables->memo = (Table){0};
    if (!a->env->frame->is_inline) {
        tables->draw.element = NULL;
        tables->hint = a->env->frame->path;
    }
    const Node *body = a->define->body;
    SemaValue v = body->kind == AST_BLOCK ? elaborate_block(el, a->env, body) : value_of(el, a->env, body);
    SemaValue out = results_of(el, a, v);
    tables->hint = hint;
    tables->memo = memo;
    tables->subscript = subscript;
    int drawn = tables->draw.count;
    tables->draw = draw;
    tables->draw.count = drawn;
    return out;
}

static SemaValue apply_whole(Elaborator *el, Application *a, const char *path) {
    const Node *define = a->define;
    a->env = body_scope(el, a, path);
    int instance = is_layer_definition(define) ? layer_begin(el, a->env, path, define, a->span) : -1;
    bind_parameters(el, a);
    SemaValue out = a->ok ? run_body(el, a) : value_error();
    if (is_layer_definition(define)) {
        layer_end(el, instance, out);
    } else if (out.kind == SEMA_TENSOR) {
        out.text = define->name;
    }
    if (out.kind != SEMA_ERROR) out.span = a->span;
    return out;
}

// Deep inside of calls a function of the same values is what it was, unless it drew or asked the run.
static SemaValue apply_shared(Elaborator *el, Application *a, const char *path) {
    struct ElaboratorTables *tables = el->tables;
    bool shares = a->define->definition == DEFINE_FN && a->caller->frame->depth >= SHARED_DEPTH &&
                  !tables->facts.count && !tables->conditions.count;
    SemaValue out;
    if (!shares) return apply_whole(el, a, path);
    if (shared_find(el, a->define, a->given, &out)) return out;
    SemaValue *given = arena_array(el->session->arena, SemaValue, a->define->count + 1);
    for (int i = 0; i < a->define->count; i++) given[i] = a->given[i];
    int unshared = tables->unshared;
    out = apply_whole(el, a, path);
    if (tables->unshared == unshared) shared_keep(el, a->define, given, out);
    return out;
}

SemaValue definition_apply(Elaborator *el, const Env *env, const Node *define, const char *path,
                           Arguments arguments, Span span) {
    Application a = {.define = define, .caller = env, .span = span, .ok = true};
    if (el->session->tables->stopped) return value_error();
    definition_of_node(el->session->library, define);
    if (!place_arguments(el, &a, arguments)) return value_error();
    if (define->definition == DEFINE_WATCH && el->state_kind != TENSOR_RUN) {
        el->tables->unshared++;
        if (!el->hooks) return value_scalar(expr_const(el->session->program, (double)NAN)); // there is no run
        return el->hooks->watch(el->hooks->data, el, env, define, a.given, span);
    }
    SemaValue out = is_elementwise(&a) ? apply_elementwise(el, &a) : apply_shared(el, &a, path);
    if (el->session->recorded != el) return out;
    return application_note(el, env, define, path, arguments, out);
}

SemaValue call_definition(Elaborator *el, const Node *define, const char *path, SemaValue *values,
                          const char **names, int count, Span span) {
    const char **none = arena_array(el->session->arena, const char *, count + 1);
    Arguments arguments = {values, names ? names : none, count};
    return definition_apply(el, env_create(el, span, ""), define, path, arguments, span);
}
