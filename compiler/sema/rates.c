// The numbers of optimizer and schedule calls: which of them the command line may set, and the tensors that
// hold them. Guarantees: a number that decides a condition, a size or a count when compiling is compiled in;
// all others are settings.
#include "sema/run.h"
#include "sema/values.h"

#include <string.h>

bool setting_is_static(Run *r, const Node *define, int parameter) {
    if (define->items[parameter]->brackets) return true;
    uint64_t decides = definition_of_node(r->library, define)->decides;
    return parameter >= 64 || decides >> parameter & 1;
}

// ---- settings of the trainer ----

static int unit_of(Dimension d) {
    switch (d) {
    case DIMENSION_STEPS: return NN_UNIT_STEPS;
    case DIMENSION_EPOCHS: return NN_UNIT_EPOCHS;
    case DIMENSION_TIME: return NN_UNIT_SECONDS;
    case DIMENSION_BYTES: return NN_UNIT_BYTES;
    case DIMENSION_NUMBER: break;
    }
    return NN_UNIT_NONE;
}

static Setting *find_setting(Run *r, const char *name) {
    for (int i = 0; i < r->m->settings.count; i++)
        if (string_equal(r->m->settings.data[i].name, name)) return &r->m->settings.data[i];
    return NULL;
}

static SemaValue setting_value(Run *r, Elaborator *el, const Setting *s) {
    SemaValue v = value_scalar(expr_read(r->p, s->tensor, NULL, NULL));
    if (s->unit == NN_UNIT_EPOCHS) v = r->hooks.to_steps(r, el, v, NO_SPAN);
    if (s->unit == NN_UNIT_EPOCHS || s->unit == NN_UNIT_STEPS) v.dimension = DIMENSION_STEPS;
    return v;
}

static const char *origin_of(Run *r, const Node *e) {
    const Source *source = source_of(r->ctx, e->span);
    if (!source || source->library) return "default of the library";
    int line, column;
    source_position(r->ctx, e->span, &line, &column);
    return string_format(r->arena, "line %d", line);
}

// A length of the user's own that the run does not reach.
static void warn_length(Run *r, const Node *e, Dimension dimension, double value) {
    const Source *source = source_of(r->ctx, e->span);
    int64_t run = dimension == DIMENSION_STEPS    ? r->m->steps
                  : dimension == DIMENSION_EPOCHS ? r->m->epochs
                                                  : -1;
    if (!source || source->library || run < 0 || value <= (double)run) return;
    diagnose(r->ctx, LENGTH_BEYOND_RUN, e->span, node_text(r->arena, e), (long long)run,
             dimension == DIMENSION_STEPS ? "steps" : "epochs");
}

SemaValue run_setting_value(Run *r, Elaborator *el, const char *name, const Node *number, bool is_rate) {
    Setting *known = find_setting(r, name);
    if (known) {
        known->is_rate |= is_rate;
        return setting_value(r, el, known);
    }
    const Node *given = run_override(r, name), *e = given ? given : number;
    double value;
    Dimension dimension;
    if (!elaborate_number(el, env_create(el, e->span, ""), e, name, &value, &dimension)) return value_error();
    if (is_rate && dimension != DIMENSION_NUMBER) {
        diagnose(r->ctx, UNIT_UNWANTED, e->span, string_format(r->arena, "`%s`", name));
        return value_error();
    }
    run_in_force(r, name, node_text(r->arena, e), given ? "--set" : origin_of(r, number));
    warn_length(r, e, dimension, value);
    Setting s = {.name = name, .unit = unit_of(dimension), .is_rate = is_rate};
    s.tensor =
        tensor_add(r->p, string_format(r->arena, "set.%s", name), TENSOR_SETTING, TYPE_DOUBLE, 0, NULL);
    s.tensor->start = value;
    vec_push(r->arena, &r->m->settings, s);
    return setting_value(r, el, &s);
}

// ---- schedules ----

typedef struct {
    Run *r;
    Elaborator *el;
    Env *env;
    const char *name;
    bool is_rate, called;
} Rates;

// A number written out, or made of such and of constants of the file.
static bool is_constant(Run *r, const Node *e) {
    if (!e) return true;
    if (e->kind == AST_NUMBER) return true;
    if (e->kind == AST_NAME) {
        const Node *found = train_definition(r, e->name) ? NULL : library_find(r->library, e->span, e->name);
        if (!found || found->kind != AST_CONSTANT) return false;
        const char *known = map_get(r->constants, e->name);
        if (!known) known = is_constant(r, found->value) ? "yes" : "no";
        map_set(r->constants, e->name, (void *)known);
        return *known == 'y';
    }
    if (e->kind != AST_UNARY && e->kind != AST_BINARY) return false;
    return is_constant(r, e->kid[0]) && is_constant(r, e->kid[1]);
}

static const Node *named_argument(Context *ctx, const char *name, const Node *value) {
    Node *a = node_new(ctx, AST_NAMED, value->span);
    a->name = name;
    a->name_span = value->span;
    a->value = (Node *)value;
    return a;
}

// cosine(1e-3, warmup = 100 steps): the same call with lr.peak, lr.warmup in place of the numbers.
static const Node *settable_call(Rates *s, const Node *call, const Node *define) {
    Run *r = s->r;
    const Node **arguments = arena_array(r->arena, const Node *, define->count + 1);
    bind_arguments(define, call, 0, arguments);
    Node *copy = node_new(r->ctx, AST_CALL, call->span);
    copy->base = call->base;
    copy->name_span = call->name_span;
    copy->binding = call->binding;
    bool first = !s->called;
    s->called = true;
    for (int i = 0; i < define->count; i++) {
        const Node *p = define->items[i], *a = arguments[i] ? arguments[i] : p->value;
        if (!a) continue;
        const char *name = string_format(r->arena, "%s.%s", s->name, p->name);
        bool number = !p->type && is_constant(r, a) && !(a->kind == AST_NAME && !arguments[i]);
        if (number && !setting_is_static(r, define, i)) {
            SemaValue v = run_setting_value(r, s->el, name, a, s->is_rate && first && i == 0);
            Node *leaf = bound_node(r, s->env, name, v, a->span);
            node_add(r->ctx, copy, (Node *)named_argument(r->ctx, p->name, leaf));
        } else if (arguments[i]) {
            node_add(r->ctx, copy,
                     (Node *)named_argument(r->ctx, p->name, run_rate(r, s->el, s->env, a, name, false)));
        }
    }
    return copy;
}

static const Node *replace_call(void *data, const Node *e) {
    Rates *s = data;
    if (e->kind != AST_CALL || e->base->kind != AST_NAME || train_definition(s->r, e->base->name)) return e;
    const Node *define = library_find(s->r->library, e->base->span, e->base->name);
    if (!define || define->kind != AST_DEFINE || define->definition != DEFINE_FN) return e;
    return settable_call(s, e, define);
}

const Node *run_rate(Run *r, Elaborator *el, Env *env, const Node *e, const char *name, bool is_rate) {
    const Node *definition = e->kind == AST_NAME ? train_definition(r, e->name) : NULL;
    if (definition && definition->target->kind == AST_NAME && definition->op == OPERATOR_SET)
        return run_rate(r, el, env, definition->assigned, definition->target->name, is_rate);
    if (is_constant(r, e) && is_rate) {
        SemaValue v = run_setting_value(r, el, name, e, true);
        return bound_node(r, env, string_format(r->arena, "set.%s", name), v, e->span);
    }
    Rates s = {r, el, env, name, is_rate, false};
    return node_rewrite(r->ctx, e, replace_call, &s);
}
