// Layers and functions of a model by themselves, for `nnc grad`: what the step applied is applied again, to
// inputs of its own in place of the tensors it was given; settings stay the same values. Guarantees: nothing
// is made unless the options ask for it; the program's own functions stay as they are.
#include <string.h>

#include "sema/run.h"
#include "sema/values.h"

typedef struct Applied {
    const Env *env; // of the caller
    const Node *define;
    const char *path, *caller; // path: NULL of functions
    Arguments arguments;
    SemaValue result;
} Applied;

static bool takes_tensors(Arguments arguments) {
    bool any = false;
    for (int i = 0; i < arguments.count; i++) {
        SemaValue v = value_first(arguments.values[i]);
        if (v.kind != SEMA_TENSOR) continue;
        if (v.is_view || v.array->filter) return false;
        any = true;
    }
    return any;
}

SemaValue application_note(Elaborator *el, const Env *env, const Node *define, const char *path,
                           Arguments arguments, SemaValue result) {
    bool of_layers = is_layer_definition(define) || is_layer_definition(env->frame->define);
    if (result.kind == SEMA_ERROR || !of_layers || env->indexed || !takes_tensors(arguments)) return result;
    if (define->definition == DEFINE_MODEL && result.kind == SEMA_TENSOR && result.array->e->op != OP_READ) {
        const char *name =
            define->results && define->results->count ? define->results->items[0]->name : "result";
        result = value_store(el, env, result, string_format(el->session->arena, "%s.%s", path, name),
                             define->span);
    }
    Applied *a = arena_new(el->session->arena, Applied);
    *a = (Applied){env, define, path, env->frame->path, arguments, result};
    vec_push(el->session->arena, &el->session->tables->applications, a);
    return result;
}

// Does anything that is a layer stand inside the layer of this path?
static bool has_layers(const Session *s, const char *path) {
    size_t length = strlen(path);
    for (int i = 0; i < s->layers.count; i++) {
        const char *name = s->layers.data[i].name;
        if (!strncmp(name, path, length) && name[length] == '.') return true;
    }
    return false;
}

static const char *parameter_name(const Applied *a, int i, int position) {
    if (a->arguments.names[i]) return a->arguments.names[i];
    return position < a->define->count ? a->define->items[position]->name : "x";
}

static SemaValue input_of(Elaborator *el, Extract *u, SemaValue given, const char *name) {
    Session *s = el->session;
    const Array *array = given.array;
    Type type = (Type)array->e->type;
    Tensor *t = tensor_of_dims(s->program, string_format(s->arena, "%s.%s", u->name, name), TENSOR_INPUT,
                               type, array->dims, array->rank);
    if (type == TYPE_INT) tensor_bound(t, array->e);
    vec_push(s->arena, &u->inputs, t);
    vec_push(s->arena, &u->input_names, name);
    return value_tensor(s, t);
}

static bool add_result(Elaborator *el, Extract *u, SemaValue v, const char *name, Span span) {
    if (v.kind != SEMA_TENSOR && v.kind != SEMA_SCALAR) return true;
    Tensor *t = value_as_tensor(el, v, string_format(el->session->arena, "%s.%s", u->name, name), TENSOR_TEMP,
                                -1, span);
    if (!t) return false;
    vec_push(el->session->arena, &u->results, t);
    vec_push(el->session->arena, &u->result_names, name);
    return true;
}

static const char *result_name(const Node *define, int i) {
    const Node *results = define->results;
    return results && i < results->count ? results->items[i]->name : "y";
}

static void note_step_results(Session *s, Extract *u, SemaValue v) {
    int count = v.kind == SEMA_TUPLE ? v.count : 1;
    for (int i = 0; i < count; i++) {
        SemaValue one = v.kind == SEMA_TUPLE ? v.items[i] : v;
        bool stored = one.kind == SEMA_TENSOR && one.array->e->op == OP_READ;
        vec_push(s->arena, &u->in_step, stored ? one.array->e->tensor : NULL);
    }
}

static void make(Run *r, const Applied *a) {
    Session *s = r->session;
    const Elaborator *step = s->recorded;
    Extract u = {.name = a->path ? a->path : env_path(a->env, s->arena, a->define->name),
                 .is_model = a->define->definition == DEFINE_MODEL,
                 .function = arena_new(s->arena, Function)};
    *u.function = (Function){.name = u.name, .kind = FUNCTION_UPDATE};
    Elaborator *el = elaborator_create(s, u.function, true);
    el->words = step->words;
    el->hooks = step->hooks;
    el->frozen = step->frozen;
    el->frozen_count = step->frozen_count;
    Arguments own = a->arguments;
    own.values = arena_array(s->arena, SemaValue, own.count + 1);
    for (int i = 0, position = 0; i < own.count; i++) {
        const char *name = parameter_name(a, i, own.names[i] ? 0 : position++);
        SemaValue v = value_first(a->arguments.values[i]);
        own.values[i] = v.kind == SEMA_TENSOR ? input_of(el, &u, v, name) : v;
    }
    SemaValue out = definition_apply(el, a->env, a->define, a->path, own, a->define->span);
    int count = out.kind == SEMA_TUPLE ? out.count : 1;
    for (int i = 0; i < count; i++)
        if (!add_result(el, &u, out.kind == SEMA_TUPLE ? out.items[i] : out, result_name(a->define, i),
                        a->define->span))
            return;
    elaborator_sort(el);
    if (u.is_model) note_step_results(s, &u, a->result);
    if (u.results.count) vec_push(s->arena, &r->m->extracts, u);
}

void extracts_make(Run *r) {
    Session *s = r->session;
    for (int i = 0; i < s->tables->applications.count; i++) {
        const Applied *a = s->tables->applications.data[i];
        if (is_layer_definition(a->define) || has_layers(s, a->caller)) make(r, a);
    }
}
