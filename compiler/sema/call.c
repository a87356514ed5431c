// Calls as they are written: what is called, which argument is whose, and the language's own functions.
#include <math.h>
#include <string.h>

#include "sema/values.h"

const char *value_name(Elaborator *el, const Env *env, SemaValue v) {
    if (v.text && v.kind == SEMA_TENSOR) return env_path(env, el->session->arena, v.text);
    if (el->tables->hint) return el->tables->hint;
    return env_path(env, el->session->arena, "value");
}

// ---- the language's own functions ----

static Op op_named(const char *name) {
    for (int op = OP_PRODUCT + 1; op < OP_COUNT; op++)
        if (op_info((Op)op) && string_equal(op_info((Op)op)->spelling, name)) return (Op)op;
    die("the operation `%s` of builtins.def is not in ops.def", name);
}

static SemaValue fold_builtin(Op op, const SemaValue *values, int count) {
    double args[3] = {0, 0, 0};
    bool whole = true;
    for (int i = 0; i < count; i++) {
        args[i] = values[i].number;
        whole = whole && values[i].integral;
    }
    double y = op == OP_STOP_GRADIENT ? args[0] : op_info(op)->evaluate(args);
    bool keeps = op == OP_FLOOR || (whole && (op == OP_MAX || op == OP_MIN || op == OP_MOD || op == OP_ABS ||
                                              op == OP_SIGN || op == OP_STOP_GRADIENT));
    SemaValue v = value_number(y, keeps && y == floor(y) && fabs(y) < 9e15);
    v.dimension =
        op == OP_MAX || op == OP_MIN || op == OP_MOD || op == OP_ABS ? values[0].dimension : DIMENSION_NUMBER;
    return v;
}

// x / y, and 0 with slope 0 where y is 0: what a quotient over nothing is (rule 4). At the end of a part a
// metric is the plain quotient, which has no value then.
static SemaValue ratio_of(Elaborator *el, const Env *env, SemaValue x, SemaValue y, Span span) {
    const SemaValue zero = value_number(0, true);
    if (value_is_number(y, 0)) return zero;
    SemaValue quotient = value_join(el, env, OPERATOR_DIV, x, y, span);
    if (quotient.kind == SEMA_ERROR || y.kind == SEMA_NUMBER || value_is_total(el, y)) return quotient;
    SemaValue none = value_join(el, env, OPERATOR_EQUAL, y, zero, span);
    return value_choose(el, env, none, zero, quotient, span);
}

SemaValue builtin_apply(Elaborator *el, const Env *env, const Builtin *row, const SemaValue *given, int count,
                        Span span) {
    SemaValue values[3];
    bool known = true;
    for (int i = 0; i < count; i++) {
        values[i] = value_plain(el, env, given[i], span);
        if (values[i].kind == SEMA_ERROR) return values[i];
        known = known && values[i].kind == SEMA_NUMBER;
    }
    if (string_equal(row->name, "ratio")) return ratio_of(el, env, values[0], values[1], span);
    Op op = op_named(row->name);
    if (known) return fold_builtin(op, values, count);
    const Expr *es[3];
    Array shape;
    if (!values_unify(el, env, values, count, es, &shape, span)) return value_error();
    SemaValue out = value_wrap(el, env, &shape, expr_op(el->session->program, op, es, count), span);
    out.dimension = values[0].dimension;
    out.text = row->name;
    return out;
}

SemaValue value_of_whole(Elaborator *el, Env *env, const Node *e) {
    Env *scope = env_inner(env);
    scope->indexed = false;
    scope->dots_hidden = true;
    int subscript = el->tables->subscript;
    el->tables->subscript = 0;
    SemaValue v = value_of(el, scope, e);
    el->tables->subscript = subscript;
    return v;
}

static SemaValue size_call(Elaborator *el, Env *env, const Node *call, const SemaValue *first) {
    if (first) return value_count(el, env, *first, call->span);
    const Node *item = call->items[0];
    if (item->kind != AST_DOTS) return value_count(el, env, value_of_whole(el, env, item), call->span);
    Array a = {
        .rank = env->frame->dots, .e = expr_const(el->session->program, 0), .filter = env->frame->filter};
    for (int d = 0; d < a.rank; d++) {
        a.dims[d] = env->frame->dims[d];
        a.indices[d] = env->frame->filter ? env->frame->filter_indices[d] : index_of(el, "i", a.dims[d]);
    }
    return value_count(el, env, value_array(el->session, &a), call->span);
}

static SemaValue by_group(Elaborator *el, Env *env, const Builtin *row, const Node *call,
                          const SemaValue *first) {
    SemaValue values[4];
    int count = first ? 1 : 0;
    if (first) values[0] = *first;
    bool whole = row->group == GROUP_REDUCTION && call->count + count == 1;
    for (int i = 0; i < call->count; i++) {
        const Node *item = argument_node(call->items[i]);
        values[count++] = whole ? value_of_whole(el, env, item) : value_of(el, env, item);
    }
    if (whole) return reduction_of(el, env, row->name, values[0], call->span);
    return builtin_apply(el, env, row, values, count, call->span);
}

static SemaValue builtin_call(Elaborator *el, Env *env, const Node *call, const SemaValue *first) {
    const char *name = call->base->name;
    int count = call->count + (first ? 1 : 0);
    uint32_t mask =
        count == 1 ? 1u << GROUP_REDUCTION | 1u << GROUP_SCALAR : 1u << GROUP_SCALAR | 1u << GROUP_REDUCTION;
    const Builtin *row = count == 1 ? builtin_find(name, 1u << GROUP_REDUCTION) : NULL;
    if (!row) row = builtin_find(name, mask);
    if (row) return by_group(el, env, row, call, first);
    if ((row = builtin_find(name, 1u << GROUP_DRAW))) return value_of_draw(el, env, call, row);
    row = builtin_find(name, 1u << GROUP_TENSOR);
    if (row && string_equal(name, "size")) return size_call(el, env, call, first);
    if (row && string_equal(name, "reshape")) return value_of_reshape(el, env, call, first);
    if (row && string_equal(name, "order")) {
        SemaValue x = first ? *first : value_of_whole(el, env, call->items[0]);
        return value_of_order(el, env, x, call->span);
    }
    if (row && string_equal(name, "grad")) return value_of_grad(el, env, call);
    if (builtin_find(name, 1u << GROUP_RULE) && el->hooks)
        return el->hooks->total(el->hooks->data, el, env, call, value_of(el, env, call->items[0]));
    return fail_value(el, env, UNKNOWN_NAME, call->base->span, name); // as of a name alone
}

// ---- draws ----

// The number of a call in its definition; outside of definitions, in the order of elaboration.
uint64_t node_ordinal(Elaborator *el, const Env *env, const Node *node) {
    const Phrase *call = phrase_of(node);
    if (env->frame->define) return call ? call->ordinal : 0;
    uintptr_t known = (uintptr_t)table_get(&el->tables->outside, node);
    if (!known) {
        known = (uintptr_t)(el->tables->outside.count + 1);
        table_set(el->session->arena, &el->tables->outside, node, (void *)known);
    }
    return known;
}

static uint32_t draw_place(Elaborator *el, const Env *env, const Node *call) {
    DrawContext *draw = &el->tables->draw;
    el->tables->unshared++;
    if (draw->name)
        return (uint32_t)hash_mix(hash_bytes(draw->name, strlen(draw->name), 1), (uint64_t)draw->count++);
    const char *path = env_path(env, el->session->arena, "");
    uint64_t chain = hash_mix(env->frame->draws, node_ordinal(el, env, call));
    return (uint32_t)hash_mix(hash_bytes(path, strlen(path), 2), chain);
}

SemaValue value_of_draw(Elaborator *el, Env *env, const Node *call, const Builtin *row) {
    Program *p = el->session->program;
    SemaValue v[2];
    for (int i = 0; i < 2; i++) v[i] = value_first(value_of(el, env, argument_node(call->items[i])));
    if (v[0].kind == SEMA_ERROR || v[1].kind == SEMA_ERROR) return value_error();
    DrawContext *context = &el->tables->draw;
    Draw draw = {.place = draw_place(el, env, call), .initial = context->name != NULL};
    draw.element = context->element ? context->element : affine_index(p, el->tables->element);
    if (string_equal(row->name, "integer")) {
        draw.kind = DRAW_BITS;
        draw.limit = (int64_t)(v[1].number - v[0].number) + 1;
        return value_scalar(expr_add(p, expr_draw(p, draw), expr_int(p, (int64_t)v[0].number)));
    }
    draw.kind = string_equal(row->name, "normal") ? DRAW_NORMAL : DRAW_UNIFORM;
    SemaValue number = value_scalar(expr_draw(p, draw));
    SemaValue width =
        draw.kind == DRAW_NORMAL ? v[1] : value_join(el, env, OPERATOR_SUB, v[1], v[0], call->span);
    return value_join(el, env, OPERATOR_ADD, v[0],
                      value_join(el, env, OPERATOR_MUL, width, number, call->span), call->span);
}

SemaValue force_closure(Elaborator *el, SemaValue closure) {
    return value_of(el, closure.callable->env, closure.callable->closure);
}

// ---- arguments ----

void bind_arguments(const Node *define, const Node *call, int skip, const Node **arguments) {
    for (int i = 0; i < define->count; i++) arguments[i] = NULL;
    for (int i = 0, next = skip; i < call->count; i++) {
        const Node *item = call->items[i];
        int at = item->kind == AST_NAMED ? parameter_named(define, item->name) : next++;
        shaped(at >= 0 && at < define->count);
        arguments[at] = argument_node(item);
    }
}

static void add_argument(Arguments *a, SemaValue value, const char *name) {
    a->values[a->count] = value;
    a->names[a->count++] = name;
}

bool arguments_of(Elaborator *el, Env *env, const Node *call, const Node *define, int skip, Arguments *out) {
    Arena *arena = el->session->arena;
    const Node **nodes = arena_array(arena, const Node *, define->count + 1);
    bind_arguments(define, call, skip, nodes);
    *out = (Arguments){arena_array(arena, SemaValue, define->count + 1),
                       arena_array(arena, const char *, define->count + 1), 0};
    bool is_layer = is_layer_definition(define), ok = true;
    for (int k = 0; k < call->count; k++) { // in the order of the text: layers are counted so
        const Node *item = argument_node(call->items[k]);
        int i = 0;
        while (i < define->count && nodes[i] != item) i++;
        if (i == define->count) continue;
        const Node *parameter = define->items[i];
        SemaValue v;
        if (is_layer && !parameter->brackets && node_draws(item))
            v = value_callable(el, (Callable){.closure = item, .env = env}, SEMA_CLOSURE);
        else
            v = parameter->brackets || is_layer ? value_of_whole(el, env, item) : value_of(el, env, item);
        v.span = item->span;
        ok = ok && v.kind != SEMA_ERROR;
        add_argument(out, v, parameter->name);
    }
    return ok;
}

// ---- calls ----

static bool is_required(const Node *parameter) { return !parameter->value; }

// A call that names only settings, and leaves out what it needs: the function with them set (rule 19).
static bool is_partial(const Node *define, const Node *call, const SemaValue *first, int bound) {
    if (first || !call->count) return false;
    int needed = 0;
    for (int i = 0; i < call->count; i++)
        if (call->items[i]->kind != AST_NAMED) return false;
    for (int i = 0; i < define->count; i++) needed += is_required(define->items[i]);
    int given = bound;
    for (int i = 0; i < call->count; i++) {
        int at = parameter_named(define, call->items[i]->name);
        given += at >= 0 && is_required(define->items[at]);
    }
    return given < needed;
}

static int leading_tensors(const Node *define) {
    int n = 0;
    while (n < define->count && define->items[n]->brackets) n++;
    return n;
}

// Those of `before` that `a` does not give, then `a`.
static Arguments join_arguments(Elaborator *el, Arguments before, Arguments a) {
    Arena *arena = el->session->arena;
    Arguments all = {arena_array(arena, SemaValue, before.count + a.count + 1),
                     arena_array(arena, const char *, before.count + a.count + 1), 0};
    for (int i = 0; i < before.count; i++) {
        bool given = false;
        for (int k = 0; k < a.count; k++)
            given = given || (before.names[i] && string_equal(a.names[k], before.names[i]));
        if (!given) add_argument(&all, before.values[i], before.names[i]);
    }
    for (int k = 0; k < a.count; k++) add_argument(&all, a.values[k], a.names[k]);
    return all;
}

Arguments arguments_after(Elaborator *el, const Node *define, SemaValue first, Arguments others) {
    const char *name = define->count ? define->items[0]->name : NULL;
    return join_arguments(el, (Arguments){&first, &name, 1}, others);
}

static SemaValue call_function(Elaborator *el, Env *env, const Node *call, const Callable *f,
                               const SemaValue *first) {
    if (f->builtin) {
        SemaValue values[4];
        int count = first ? 1 : 0;
        if (first) values[0] = *first;
        for (int i = 0; i < call->count && count < 4; i++)
            values[count++] = value_of(el, env, call->items[i]);
        if (count == 1 && f->builtin->group == GROUP_REDUCTION)
            return reduction_of(el, env, f->builtin->name, values[0], call->span);
        return builtin_apply(el, env, f->builtin, values, count, call->span);
    }
    Arguments a;
    if (!arguments_of(el, env, call, f->define, first ? 1 : 0, &a)) return value_error();
    if (first) a = arguments_after(el, f->define, *first, a);
    a = join_arguments(el, f->arguments, a);
    if (is_partial(f->define, call, first, f->arguments.count))
        return value_callable(el, (Callable){.define = f->define, .arguments = a}, SEMA_FUNCTION);
    el->tables->call = call;
    return definition_apply(el, env, f->define, NULL, a, call->span);
}

static SemaValue call_layer(Elaborator *el, Env *env, const Node *call, const Node *define,
                            const SemaValue *first) {
    Arguments a;
    if (!first && node_gives_layer(env, call)) {
        if (!arguments_of(el, env, call, define, leading_tensors(define), &a)) return value_error();
        return layer_make(el, env, call, define, a);
    }
    const char *path = define->definition == DEFINE_MODEL ? define->name : layer_path(el, env, call);
    if (!arguments_of(el, env, call, define, first ? 1 : 0, &a)) return value_error();
    if (first) a = arguments_after(el, define, *first, a);
    return definition_apply(el, env, define, path, a, call->span);
}

// A layer with a name, called with its tensors.
static SemaValue call_layer_value(Elaborator *el, Env *env, const Node *call, SemaLayer *layer,
                                  const SemaValue *first) {
    if (layer->define) {
        Arguments a;
        if (!arguments_of(el, env, call, layer->define, first ? 1 : 0, &a)) return value_error();
        if (first) a = arguments_after(el, layer->define, *first, a);
        a = join_arguments(el, layer->arguments, a);
        return definition_apply(el, env, layer->define, layer->path, a, call->span);
    }
    if (first && call->count == 0) return layer_apply(el, env, value_layer(el, *layer), *first, call->span);
    return layer_apply(el, env, value_layer(el, *layer), value_of_whole(el, env, call->items[0]), call->span);
}

static SemaValue call_value(Elaborator *el, Env *env, const Node *call, SemaValue v, const SemaValue *first) {
    if (v.kind == SEMA_CLOSURE) v = force_closure(el, v);
    if (v.kind == SEMA_FUNCTION) return call_function(el, env, call, v.callable, first);
    if (v.kind == SEMA_LAYER) return call_layer_value(el, env, call, v.layer, first);
    return v; // rule 19: calling an expression gives it
}

const Node *definition_called(Elaborator *el, const Env *env, const Node *base) {
    if (base->kind == AST_NAME) {
        if (env_name(env, base->name)) return NULL;
        const Node *define = definition_of(el, env, base->name);
        if (define || builtin_find(base->name, ~0u)) return define;
        return library_rule(el->session->library, env->from, NULL, DEFINE_WATCH, base->name);
    }
    if (base->kind == AST_MEMBER && base->base->kind == AST_NAME && !env_name(env, base->base->name))
        return library_member(el->session->library, base->span, base->base->name, base->name);
    return NULL;
}

SemaValue call_piped(Elaborator *el, Env *env, const Node *call, const SemaValue *first) {
    const Node *define = definition_called(el, env, call->base);
    if (is_layer_definition(define)) return call_layer(el, env, call, define, first);
    if (define && define->kind == AST_DEFINE)
        return call_function(el, env, call, &(Callable){.define = define}, first);
    if (call->base->kind == AST_NAME && !define && !env_name(env, call->base->name))
        return builtin_call(el, env, call, first);
    if (call->base->kind == AST_NAME) {
        Name *n = env_name(env, call->base->name);
        if (n && !n->slot && !n->index && n->value.kind == SEMA_CLOSURE)
            return call_value(el, env, call, n->value, first);
    }
    return call_value(el, env, call, value_of(el, env, call->base), first);
}

SemaValue value_of_call(Elaborator *el, Env *env, const Node *e) { return call_piped(el, env, e, NULL); }
