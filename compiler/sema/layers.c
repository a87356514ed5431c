// Layers as values: their names (rule 18), pipes, repeats, and the list of instances.
// Guarantees: a layer's name is that of its site, whatever the mode is and whatever sides of conditions are
// taken.
#include <string.h>

#include "sema/values.h"

// ---- names ----

const char *layer_path(Elaborator *el, const Env *env, const Node *node) {
    Arena *arena = el->session->arena;
    const Site *site = phrase_of(node) ? phrase_of(node)->site : NULL;
    if (!site) return env_path(env, arena, "set"); // in a text of the command line
    const char *name = site->named ? site->name : string_format(arena, "%s_%d", site->name, site->number);
    return env_path(env, arena, name);
}

// ---- layer or tensor ----

bool node_gives_layer(const Env *env, const Node *e) {
    const Phrase *p = phrase_of(e);
    if (p && p->sort.kind != KIND_ANY) return p->sort.kind == KIND_CALLABLE;
    if (e->kind == AST_PIPE) return node_gives_layer(env, e->left);
    if (e->kind == AST_IF) return node_gives_layer(env, e->value);
    const SemaValue *setting = e->kind == AST_NAME ? env_get(env, e->name) : NULL;
    return setting && (setting->kind == SEMA_LAYER || setting->kind == SEMA_FUNCTION);
}

SemaValue layer_make(Elaborator *el, Env *env, const Node *node, const Node *define, Arguments arguments) {
    SemaLayer layer = {.define = define, .env = env, .arguments = arguments, .span = node->span};
    layer.path = define->definition == DEFINE_MODEL ? define->name : layer_path(el, env, node);
    return value_layer(el, layer);
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
    return v;
}

static SemaValue run_repeat(Elaborator *el, Env *env, const Node *e, SemaValue x) {
    const Node *stated = NULL;
    const char *name = e->range->kind == AST_BINARY ? index_name(e->range, &stated) : NULL;
    int64_t rounds;
    if (!elaborate_integer(el, env, name ? stated : e->range, "how often to repeat", &rounds))
        return value_error();
    for (int64_t r = 0; r < rounds; r++) {
        Env *inner = env_inner(env);
        inner->round = string_format(el->session->arena, "%s[%lld]", env->round, (long long)r);
        if (name) env_add(inner, name, value_number((double)r, true), e->range->span);
        x = run_round(el, inner, e->range_block, value_first(x));
        if (x.kind == SEMA_ERROR) return x;
    }
    return x;
}

static SemaValue apply_stage(Elaborator *el, Env *env, const Node *stage, SemaValue x) {
    if (x.kind == SEMA_ERROR) return x;
    if (stage->kind == AST_CALL) {
        SemaValue first = value_first(x);
        return call_piped(el, env, stage, &first);
    }
    if (stage->kind == AST_REPEAT) return run_repeat(el, env, stage, x);
    if (stage->kind == AST_PIPE && node_gives_layer(env, stage)) return run_pipe(el, env, stage, x);
    return layer_apply(el, env, value_of(el, env, stage), x, stage->span);
}

SemaValue value_of_pipe(Elaborator *el, Env *env, const Node *e) {
    if (e->kind == AST_REPEAT || node_gives_layer(env, e)) {
        SemaLayer layer = {.pipe = e, .env = env, .span = e->span};
        if (phrase_of(e)->site) layer.path = layer_path(el, env, e);
        return value_layer(el, layer);
    }
    SemaValue x = e->left->kind == AST_PIPE ? value_of_pipe(el, env, e->left) : value_of(el, env, e->left);
    return apply_stage(el, env, e->right, x);
}

static SemaValue apply_layer(Elaborator *el, const Env *env, const SemaLayer *layer, SemaValue input,
                             Span span) {
    if (!layer->define) {
        Env *scope = env_inner(layer->env);
        if (layer->path) {
            scope->place = layer->path;
            scope->round = "";
        }
        return run_pipe(el, scope, layer->pipe, input);
    }
    Arguments a = arguments_after(el, layer->define, value_first(input), layer->arguments);
    return definition_apply(el, env, layer->define, layer->path, a, span);
}

SemaValue layer_apply(Elaborator *el, const Env *env, SemaValue what, SemaValue input, Span span) {
    if (what.kind == SEMA_CLOSURE) what = force_closure(el, what);
    if (what.kind == SEMA_ERROR || input.kind == SEMA_ERROR) return value_error();
    if (what.kind == SEMA_LAYER) return apply_layer(el, env, what.layer, input, span);
    shaped(what.kind == SEMA_FUNCTION);
    const Callable *f = what.callable;
    SemaValue first = value_first(input);
    if (!f->builtin)
        return definition_apply(el, env, f->define, NULL, arguments_after(el, f->define, first, f->arguments),
                                span);
    if (f->builtin->group == GROUP_REDUCTION && f->builtin->needed == 1)
        return reduction_of(el, env, f->builtin->name, first, span);
    return builtin_apply(el, env, f->builtin, &first, 1, span);
}

SemaValue apply_value(Elaborator *el, SemaValue layer_or_function, SemaValue input, Span span) {
    return layer_apply(el, env_create(el, span, ""), layer_or_function, input, span);
}

// ---- the list of instances ----

int layer_begin(Elaborator *el, const Env *env, const char *path, const Node *define, Span span) {
    Session *s = el->session;
    int known = (int)(uintptr_t)map_get(s->tables->layers, path);
    if (known) return known - 1;
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
