// Layers as values: their names (rule 18), pipes, repeats, and the list of instances.
// Guarantees: a layer's name depends on the text alone, not on the mode or on the sides of conditions that
// are taken.
#include <string.h>

#include "sema/values.h"

// ---- names ----

const char *layer_path(Elaborator *el, Env *env, const Node *node, const char *definition) {
    Arena *arena = el->session->arena;
    if (el->tables->named_node == node) {
        el->tables->named_node = NULL;
        return env_path(env, arena, el->tables->named);
    }
    Place *place = env->place;
    if (place->is_fn) {
        Diagnostic *d = fail(el, env, LAYER_IN_FN, node->span, definition,
                             env->frame->define ? env->frame->define->name : "");
        diagnostic_help(el->session->ctx, d, "make it a `layer`");
        return NULL;
    }
    uintptr_t number = (uintptr_t)table_get(&place->numbers, node);
    if (!number) {
        number = (uintptr_t)map_get(place->counts, definition) + 1;
        map_set(place->counts, definition, (void *)number);
        table_set(arena, &place->numbers, node, (void *)number);
    }
    const char *dot = place->path[0] ? "." : "";
    return string_format(arena, "%s%s%s_%d%s", place->path, dot, definition, (int)number, env->round);
}

void layers_skip(Elaborator *el, Env *env, const Node *e) {
    if (!e || env->place->is_fn) return;
    const Node *named = e->kind == AST_CALL ? e->base : e;
    const Node *define =
        named->kind == AST_NAME || named->kind == AST_MEMBER ? definition_called(el, env, named) : NULL;
    if (define && define->kind == AST_DEFINE && define->definition == DEFINE_LAYER)
        layer_path(el, env, e, define->name);
    for (int i = e->kind == AST_CALL; i < node_children(e); i++) layers_skip(el, env, node_child(e, i));
}

// ---- layer or tensor, by the text ----

static bool gives_tensor(Elaborator *el, const Env *env, const Node *e);

static bool any_gives_tensor(Elaborator *el, const Env *env, const Node *call) {
    for (int i = 0; i < call->count; i++)
        if (gives_tensor(el, env, argument_node(call->items[i]))) return true;
    return false;
}

static bool gives_tensor(Elaborator *el, const Env *env, const Node *e) {
    if (!e) return false;
    switch ((int)e->kind) {
    case AST_NAME: {
        const SemaValue *v = env_get(env, e->name);
        if (!v) return false;
        return v->kind == SEMA_TENSOR || v->kind == SEMA_TUPLE || v->kind == SEMA_ERROR ||
               (v->kind == SEMA_SCALAR && v->e->op != OP_ROWS);
    }
    case AST_CALL: {
        const Node *define = definition_called(el, env, e->base);
        if (is_layer_definition(define)) return !node_gives_layer(el, env, e);
        const SemaValue *v = e->base->kind == AST_NAME ? env_get(env, e->base->name) : NULL;
        return (v && v->kind == SEMA_LAYER) || any_gives_tensor(el, env, e);
    }
    case AST_INDEX: return gives_tensor(el, env, e->base);
    case AST_UNARY: return gives_tensor(el, env, e->value);
    case AST_BINARY: return gives_tensor(el, env, e->left) || gives_tensor(el, env, e->right);
    case AST_PIPE: return gives_tensor(el, env, e->left);
    case AST_IF: return gives_tensor(el, env, e->value) || gives_tensor(el, env, e->otherwise);
    case AST_MEMBER: return gives_tensor(el, env, e->base) || !definition_called(el, env, e);
    case AST_REDUCE: return true;
    default: return false;
    }
}

static bool call_gives_layer(Elaborator *el, const Env *env, const Node *e) {
    const Node *define = definition_called(el, env, e->base);
    if (!define || define->kind != AST_DEFINE) return false;
    bool layer = is_layer_definition(define);
    for (int i = 0; i < e->count; i++) {
        const Node *item = e->items[i];
        if (item->kind != AST_NAMED) {
            if (!layer || i == 0) return layer && !gives_tensor(el, env, item);
            continue;
        }
        for (int k = 0; k < define->count; k++)
            if (string_equal(define->items[k]->name, item->name) && define->items[k]->brackets &&
                !define->items[k]->value)
                return false;
    }
    if (layer) return true;
    for (int k = 0; k < define->count; k++) { // a fn with settings alone
        bool given = define->items[k]->value != NULL;
        for (int i = 0; i < e->count; i++)
            given = given || string_equal(e->items[i]->name, define->items[k]->name);
        if (!given && e->count) return true;
    }
    return false;
}

bool node_gives_layer(Elaborator *el, const Env *env, const Node *e) {
    switch ((int)e->kind) {
    case AST_NAME: {
        const SemaValue *v = env_get(env, e->name);
        if (v) return v->kind == SEMA_LAYER || v->kind == SEMA_FUNCTION;
        const Node *define = definition_of(el, env, e->name);
        if (define && define->kind == AST_CONSTANT) return node_gives_layer(el, env, define->value);
        if (define) return define->kind == AST_DEFINE;
        return builtin_find(e->name, 1u << GROUP_SCALAR) != NULL;
    }
    case AST_MEMBER: return definition_called(el, env, e) != NULL;
    case AST_CALL: return call_gives_layer(el, env, e);
    case AST_PIPE: return node_gives_layer(el, env, e->left);
    case AST_REPEAT: return true;
    case AST_IF: return node_gives_layer(el, env, e->value);
    default: return false;
    }
}

SemaValue layer_make(Elaborator *el, Env *env, const Node *node, const Node *define, Arguments arguments) {
    Layer layer = {.define = define, .env = env, .arguments = arguments, .span = node->span};
    layer.path = define->definition == DEFINE_MODEL ? define->name : layer_path(el, env, node, define->name);
    return layer.path ? value_layer(el, layer) : value_error();
}

// ---- pipes ----

static SemaValue apply_stage(Elaborator *el, Env *env, const Node *stage, SemaValue x);

static SemaValue run_pipe(Elaborator *el, Env *env, const Node *e, SemaValue x) {
    if (e->kind == AST_PIPE) return apply_stage(el, env, e->right, run_pipe(el, env, e->left, x));
    return apply_stage(el, env, e, x);
}

static SemaValue run_round(Elaborator *el, Env *env, const Node *block, SemaValue x) {
    SemaValue v = value_absent(block->span);
    for (int i = 0; i < block->count; i++) {
        const Node *statement = block->items[i];
        if (statement->kind == AST_RESULT) {
            v = run_pipe(el, env, statement->value, x);
        } else if (elaborate_statement(el, env, statement).kind == SEMA_ERROR) {
            return value_error();
        }
    }
    if (v.kind != SEMA_ABSENT) return v;
    return fail_value(el, env, REPEAT_WITHOUT_LAYER, block->span, "");
}

static SemaValue run_repeat(Elaborator *el, Env *env, const Node *e, SemaValue x) {
    const Node *stated = NULL;
    const char *name = e->range->kind == AST_BINARY ? index_name(e->range, &stated) : NULL;
    int64_t rounds;
    if (!elaborate_integer(el, env, name ? stated : e->range, "how often to repeat", &rounds))
        return value_error();
    int64_t *around = &el->session->tables->rounds, outer = *around ? *around : 1;
    if (rounds < 0 || rounds > MAX_ROUNDS / outer)
        return fail_value(el, env, REPEAT_COUNT, e->range->span, (long long)rounds,
                          (int)(MAX_ROUNDS / outer));
    if (!rounds) layers_skip(el, env, e->range_block);
    for (int64_t r = 0; r < rounds; r++) {
        Env *inner = env_inner(env);
        inner->round = string_format(el->session->arena, "%s[%lld]", env->round, (long long)r);
        if (name) env_add(inner, name, value_number((double)r, true), e->range->span);
        *around = outer * rounds;
        x = run_round(el, inner, e->range_block, value_first(x));
        *around = outer;
        if (x.kind == SEMA_ERROR) return x;
    }
    return x;
}

static SemaValue apply_stage(Elaborator *el, Env *env, const Node *stage, SemaValue x) {
    if (x.kind == SEMA_ERROR) {
        layers_skip(el, env, stage);
        return x;
    }
    if (stage->kind == AST_CALL) {
        SemaValue first = value_first(x);
        return call_piped(el, env, stage, &first);
    }
    if (stage->kind == AST_REPEAT) return run_repeat(el, env, stage, x);
    if (stage->kind == AST_PIPE && node_gives_layer(el, env, stage)) return run_pipe(el, env, stage, x);
    return layer_apply(el, env, value_of(el, env, stage), x, stage->span);
}

SemaValue value_of_pipe(Elaborator *el, Env *env, const Node *e) {
    if (e->kind == AST_REPEAT || node_gives_layer(el, env, e)) {
        Layer layer = {.pipe = e, .env = env, .span = e->span};
        if (el->tables->named_node == e) {
            el->tables->named_node = NULL;
            layer.path = env_path(env, el->session->arena, el->tables->named);
        }
        return value_layer(el, layer);
    }
    SemaValue x = e->left->kind == AST_PIPE ? value_of_pipe(el, env, e->left) : value_of(el, env, e->left);
    return apply_stage(el, env, e->right, x);
}

static SemaValue apply_layer(Elaborator *el, const Env *env, const Layer *layer, SemaValue input, Span span) {
    if (!layer->define) {
        Env *scope = env_inner(layer->env);
        if (layer->path) {
            scope->place = arena_new(el->session->arena, Place);
            *scope->place = (Place){.path = layer->path, .counts = map_create(el->session->arena)};
            scope->round = "";
        }
        if (layer->env->frame->depth + 1 >= MAX_NESTING)
            return fail_value(el, env, NESTING_LIMIT, span, "a pipe", MAX_NESTING);
        return run_pipe(el, scope, layer->pipe, input);
    }
    Arguments a = arguments_after(el, layer->define, value_first(input), layer->arguments);
    return definition_apply(el, env, layer->define, layer->path, a, span);
}

SemaValue layer_apply(Elaborator *el, const Env *env, SemaValue what, SemaValue input, Span span) {
    if (what.kind == SEMA_CLOSURE) what = force_closure(el, what);
    if (what.kind == SEMA_ERROR || input.kind == SEMA_ERROR) return value_error();
    if (what.kind == SEMA_LAYER) return apply_layer(el, env, what.layer, input, span);
    if (what.kind == SEMA_FUNCTION) {
        const Callable *f = what.callable;
        SemaValue first = value_first(input);
        if (f->builtin) {
            if (f->builtin->group == GROUP_REDUCTION && f->builtin->needed == 1)
                return reduction_of(el, env, f->builtin->name, first, span);
            return builtin_apply(el, env, f->builtin, &first, 1, span);
        }
        return definition_apply(el, env, f->define, NULL, arguments_after(el, f->define, first, f->arguments),
                                span);
    }
    return fail_value(el, env, NOT_A_LAYER, span, value_shape_text(el->session, what));
}

SemaValue apply_value(Elaborator *el, SemaValue layer_or_function, SemaValue input, Span span) {
    return layer_apply(el, env_create(el, span, ""), layer_or_function, input, span);
}

// ---- the list of instances ----

int layer_begin(Elaborator *el, const Env *env, const char *path, const Node *define, Span span) {
    Session *s = el->session;
    int known = (int)(uintptr_t)map_get(s->tables->layers, path);
    if (known) return known - 1;
    if (++s->tables->applied > MAX_LAYERS) {
        fail(el, env, LAYER_LIMIT, span, MAX_LAYERS, "layers");
        s->tables->stopped = true;
        return -2;
    }
    int depth = 0;
    for (const Frame *f = env->frame->caller; f; f = f->caller) depth += is_layer_definition(f->define);
    LayerInstance instance = {.name = path, .definition = define->name, .span = span, .depth = depth};
    vec_push(s->arena, &s->layers, instance);
    map_set(s->tables->layers, path, (void *)(uintptr_t)s->layers.count);
    return s->layers.count - 1;
}

void layer_end(Elaborator *el, int number, SemaValue result) {
    result = value_first(result);
    LayerInstance *instance = &el->session->layers.data[number];
    if (result.kind != SEMA_TENSOR || instance->step_result || el->function->kind != FUNCTION_STEP) return;
    const Array *a = result.array;
    instance->rank = a->rank;
    for (int d = 0; d < a->rank; d++) {
        instance->dims[d] = a->dims[d].size;
        if (a->dims[d].batch) instance->batch_dims |= (uint8_t)(1u << d);
    }
    if (a->e->op == OP_READ) instance->step_result = a->e->tensor;
}
