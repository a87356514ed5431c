// Gradients, accumulation, and the optimizer's rule written out for each parameter (rule 21).
// Guarantees: the rule sees its statements in order; a state of it is a TENSOR_SLOT named after the
// parameter.
#include "sema/run.h"
#include "sema/values.h"
#include "shape/shape.h"

#include <string.h>

typedef VEC(Effect) Changed; // a parameter, and what it is after the lines above

// ---- arguments ----

static bool is_literal(const Node *e) {
    if (e->kind == AST_UNARY && e->op == OPERATOR_NEGATE) return is_literal(e->value);
    if (e->kind == AST_BINARY) return is_literal(e->left) && is_literal(e->right);
    return e->kind == AST_NUMBER;
}

static const char *setting_name(Run *r, const Clause *c, const char *name) {
    if (c->number == 1) return string_format(r->arena, "optimizer.%s", name);
    return string_format(r->arena, "optimizer_%d.%s", c->number, name);
}

static bool is_number(Run *r, const Node *e) {
    if (is_literal(e)) return true;
    const Node *found = e->kind == AST_NAME && !train_definition(r, e->name)
                            ? library_find(r->library, e->span, e->name)
                            : NULL;
    return found && found->kind == AST_CONSTANT && is_literal(found->value);
}

// A setting that something is decided by when compiling: --set of nnc reaches it, the trainer's does not.
static SemaValue compiled_in(Run *r, Elaborator *el, Env *env, const char *name, const Node *e) {
    const Node *given = run_override(r, name);
    if (given) e = given;
    run_in_force(r, name, node_text(r->arena, e), given ? "--set" : "compiled in");
    return train_value(r, el, env, e);
}

static SemaValue argument_value(Run *r, Elaborator *el, Env *env, Clause *c, int i, const Node *given) {
    const Node *p = c->define->items[i], *e = given ? given : p->value;
    const char *name = setting_name(r, c, p->name);
    bool rate = string_equal(p->name, "lr");
    if (setting_is_static(r, c->define, i)) {
        const Node *set = given ? NULL : run_override(r, name);
        if (given || set) return compiled_in(r, el, env, name, set ? set : e);
        if (!is_literal(e) && e->kind != AST_BOOL) return (SemaValue){.kind = SEMA_ABSENT};
        run_in_force(r, name, node_text(r->arena, e), "default of the library");
        return elaborate_expression(el, env_create(el, e->span, ""), e);
    }
    if (given ? is_number(r, e) : is_literal(e)) return run_setting_value(r, el, name, e, rate);
    if (!given) return (SemaValue){.kind = SEMA_ABSENT}; // its default speaks of other settings
    const char *prefix = c->number == 1 ? p->name : string_format(r->arena, "%s_%d", p->name, c->number);
    if (!train_without_rows(r, e, "an optimizer's setting")) return value_error();
    SemaValue v = train_value(r, el, env, run_rate(r, el, env, e, prefix, rate));
    if (v.kind == SEMA_SCALAR) v.e = clock_only(r, el, v.e);
    return v;
}

static bool report_rate(Run *r, Elaborator *el, const Clause *c, SemaValue v) {
    const char *name = c->number == 1 ? "lr" : string_format(r->arena, "lr_%d", c->number);
    Tensor *t = value_as_tensor(el, v, name, TENSOR_OUTPUT, TYPE_DOUBLE, c->with->span);
    if (!t) return false;
    vec_push(r->arena, &r->m->rates, t);
    vec_push(r->arena, &el->function->outputs, t);
    return true;
}

bool optimizer_arguments(Run *r, Elaborator *el, Clause *c) {
    int n = c->define->count;
    const Node **nodes = arena_array(r->arena, const Node *, n + 1);
    SemaValue *values = arena_array(r->arena, SemaValue, n + 1);
    Node *bare = node_new(r->ctx, AST_CALL, c->with->span);
    bind_arguments(c->define, c->with->kind == AST_CALL ? c->with : bare, 2, nodes);
    Env *env = train_scope(r, el, false);
    for (int i = 2; i < n; i++) {
        values[i] = argument_value(r, el, env, c, i, nodes[i]);
        if (value_is_error(values[i])) return false;
        bool rate = string_equal(c->define->items[i]->name, "lr") && values[i].kind != SEMA_ABSENT;
        if (rate && !report_rate(r, el, c, values[i])) return false;
    }
    c->arguments = values;
    if (!c->condition) return true;
    if (!train_without_rows(r, c->condition, "the condition of an optimizer")) return false;
    c->applies = train_value(r, el, env, c->condition);
    return !value_is_error(c->applies);
}

// ---- gradients ----

static Tensor *like(Run *r, const Tensor *t, const char *prefix, TensorKind kind) {
    Tensor *made =
        tensor_add(r->p, string_format(r->arena, "%s.%s", prefix, t->name), kind, t->type, t->rank, t->dims);
    made->origin = t->origin;
    return made;
}

// An element of each tensor at the same indices; tensors of rank 0 too.
static Array over(Run *r, const Tensor *t) {
    Array a = {.rank = t->rank};
    for (int d = 0; d < t->rank; d++) {
        a.dims[d] = (Dim){t->dims[d], false};
        a.indices[d] = index_add(r->p, dimension_name(d), t->dims[d], false);
    }
    return a;
}

static const Expr *element(Run *r, const Array *a, Tensor *t) {
    const Affine *forms[MAX_RANK];
    for (int d = 0; d < a->rank; d++) forms[d] = affine_index(r->p, a->indices[d]);
    return expr_read(r->p, t, forms, t->origin);
}

static void define(Run *r, Function *f, Tensor *t, const Array *a, const Expr *e) {
    const Affine *forms[MAX_RANK];
    for (int d = 0; d < a->rank; d++) forms[d] = affine_index(r->p, a->indices[d]);
    equation_add(r->p, f, t, forms, REDUCE_NONE, NULL, 0, e, t->origin);
}

// The sum of a value times `weight` (NULL: 1) over the batches of an update, as the update reads it; there it
// begins anew.
static Tensor *accumulated(Run *r, Function *step, Function *update, const Tensor *named, Tensor *value,
                           const Expr *weight) {
    Tensor *sum = like(r, named, "accumulated", TENSOR_GRADIENT),
           *next = like(r, named, "accumulated.next", TENSOR_TEMP),
           *none = like(r, named, "accumulated.none", TENSOR_TEMP);
    Array a = over(r, named), b = over(r, named);
    const Expr *e = element(r, &a, value);
    define(r, step, next, &a, expr_add(r->p, element(r, &a, sum), weight ? expr_mul(r->p, e, weight) : e));
    vec_push(r->arena, &step->effects, (Effect){sum, next});
    define(r, update, none, &b, expr_const(r->p, 0));
    vec_push(r->arena, &update->effects, (Effect){sum, none});
    return sum;
}

// What was accumulated by the weights of the batches, by their sum.
static const Expr *accumulated_mean(Run *r, const Expr *sum) {
    return r->weights ? expr_div(r->p, sum, run_read(r, r->weights)) : sum;
}

// Weights and losses of the batches of an update.
static bool accumulate_loss(Run *r, Function *step, Function *update) {
    if (!loss_weight(r, step, &r->weight)) return false;
    if (r->weight) {
        Tensor *weight = run_number(r, step, "loss.weight", TENSOR_TEMP, r->weight);
        r->weights = accumulated(r, step, update, weight, weight, NULL);
    }
    Tensor *sum = accumulated(r, step, update, r->m->loss, r->m->loss, r->weight);
    r->m->update_loss =
        run_number(r, update, "loss.update", TENSOR_OUTPUT, accumulated_mean(r, run_read(r, sum)));
    vec_push(r->arena, &update->outputs, r->m->update_loss);
    return true;
}

// The gradient that the rule sees: of this batch, or of all rows of the update's batches.
static Tensor *gradient_of(Run *r, Function *step, Function *update, Tensor *loss, Tensor *param) {
    Tensor *g = like(r, param, "gradient", TENSOR_TEMP);
    GradientRequest request = {loss, param, g};
    vec_push(r->arena, &step->gradients, request);
    vec_push(r->arena, &r->m->gradients, request);
    if (step == update) return g;
    Tensor *sum = accumulated(r, step, update, param, g, r->weight),
           *mean = like(r, param, "gradient.mean", TENSOR_TEMP);
    Array c = over(r, param);
    define(r, update, mean, &c, accumulated_mean(r, element(r, &c, sum)));
    return mean;
}

// ---- the rule for one parameter ----

// Binds the sizes of `w[n, m]` or `w[..]` to the parameter's.
static void bind_sizes(Env *env, const Clause *c, const Tensor *t) {
    const Node *w = c->define->items[0];
    int dots = -1, named = 0;
    if (!w->brackets) return;
    for (int i = 0; i < w->count; i++) {
        if (w->items[i]->kind == AST_DOTS)
            dots = i;
        else
            named++;
    }
    for (int i = 0, at = 0; i < w->count; i++) {
        const Node *item = w->items[i];
        if (i == dots) {
            env->frame->has_dots = true;
            env->frame->dots = t->rank - named;
            for (int k = 0; k < env->frame->dots; k++) env->frame->dims[k] = (Dim){t->dims[at++], false};
        } else if (item->kind == AST_NAME) {
            env_add(env, item->name, value_number((double)t->dims[at++], true), item->span)->is_size = true;
        } else {
            at++;
        }
    }
}

static bool constrain(Run *r, Elaborator *el, Cell *slot) {
    const Node *e = run_setting(r, "constrain");
    if (!e || !tree_declared(r->tree, slot->target->name)->constrained) return true;
    Env *env = env_create(el, e->span, "");
    SemaValue f = elaborate_expression(el, env, e);
    if (value_is_error(f)) return false;
    SemaValue v = apply_value(el, f, slot_value(slot), e->span);
    if (value_is_error(v)) return false;
    slot->current = value_first(v);
    return true;
}

// The updates of a clause that a condition skips are counted with the parameter: `updates = updates + 1`. No
// name of a program holds a dot.
static bool count_updates(Run *r, Elaborator *el, Env *env, const Clause *c) {
    Span span = c->with->span;
    Node *state = node_new(r->ctx, AST_STATE, span), *assign = node_new(r->ctx, AST_ASSIGN, span),
         *sum = node_new(r->ctx, AST_BINARY, span);
    state->name = run_intern(r, "update.count");
    state->name_span = span;
    state->value = node_new(r->ctx, AST_NUMBER, span);
    state->value->integral = true;
    sum->op = OPERATOR_ADD;
    sum->left = name_node(r->ctx, state->name, span);
    sum->right = node_new(r->ctx, AST_NUMBER, span);
    sum->right->number = 1;
    sum->right->integral = true;
    assign->op = OPERATOR_SET;
    assign->target = name_node(r->ctx, state->name, span);
    assign->assigned = sum;
    if (value_is_error(elaborate_statement(el, env, state)) ||
        value_is_error(elaborate_statement(el, env, assign)))
        return false;
    env_set(env, run_intern(r, "step"), elaborate_expression(el, env, assign->target));
    return true;
}

// What the rule assigned from `first` on is assigned where the clause's condition holds.
static bool keep_unless(Run *r, Elaborator *el, Env *env, const Clause *c, int first) {
    for (int i = first; c->condition && i < el->tables->slot_list.count; i++) {
        Cell *slot = el->tables->slot_list.data[i];
        slot->current = value_choose(el, env, c->applies, slot->current,
                                     value_tensor(r->session, slot->target), c->condition->span);
        if (value_is_error(slot->current)) return false;
    }
    return true;
}

static bool update_param(Run *r, Elaborator *el, const Clause *c, Tensor *t, Tensor *g) {
    const Node *define_node = c->define;
    Env *env = env_create(el, define_node->span, string_format(r->arena, "optimizer.%s", t->name));
    env->frame->define = define_node;
    env->frame->origin = origin_new(r->arena, c->with->span, NULL, NULL);
    bind_sizes(env, c, t);
    Cell *slot = env_slot(env, define_node->items[0]->name, t, value_tensor(r->session, t));
    env_set(env, define_node->items[1]->name, value_tensor(r->session, g));
    env_set(env, run_intern(r, "step"), clock_value(r, NN_CLOCK_UPDATE));
    for (int i = 2; i < define_node->count; i++) {
        const Node *p = define_node->items[i];
        SemaValue v = c->arguments[i];
        if (v.kind == SEMA_ABSENT) v = elaborate_expression(el, env, p->value);
        if (value_is_error(v)) return false;
        env_set(env, p->name, v);
    }
    int first = el->tables->slot_list.count;
    el->state_kind = TENSOR_SLOT;
    if (c->condition && !count_updates(r, el, env, c)) return false;
    SemaValue whole = value_tensor(r->session, t);
    bool numbers = !define_node->items[0]->brackets && whole.kind == SEMA_TENSOR;
    el->state_shape = numbers ? whole.array : NULL;
    el->tables->hint = env->frame->path;
    SemaValue v = elaborate_block(el, env, define_node->body);
    el->state_kind = TENSOR_STATE;
    el->state_shape = NULL;
    return !value_is_error(v) && constrain(r, el, slot) && keep_unless(r, el, env, c, first);
}

// What a line has changed, as the lines after it see it: numbers, not functions of what those change.
static void note_changed(Run *r, Function *step, const Clause *c, Changed *changed) {
    for (int i = 0; i < c->params.count; i++) {
        Tensor *t = c->params.data[i], *next = NULL;
        for (int k = 0; k < step->effects.count; k++)
            if (step->effects.data[k].target == t) next = step->effects.data[k].value;
        if (!next) continue;
        Tensor *after = like(r, t, "after", TENSOR_TEMP);
        Array a = over(r, t);
        define(r, step, after, &a, expr_unary(r->p, OP_STOP_GRADIENT, element(r, &a, next)));
        vec_push(r->arena, changed, ((Effect){t, after}));
    }
}

static bool update_line(Run *r, Elaborator *step, Elaborator *el, const LossLine *line,
                        const Changed *changed) {
    bool ok = true;
    Tensor *loss = changed->count
                       ? function_copy(r->p, step->function, line->tensor, changed->data, changed->count)
                       : line->tensor;
    for (int k = line->first; k < line->first + line->count; k++) {
        Clause *c = &r->clauses[k];
        ok = optimizer_arguments(r, el, c) && ok;
        for (int i = 0; i < c->params.count; i++)
            vec_push(r->arena, &c->gradients,
                     gradient_of(r, step->function, el->function, loss, c->params.data[i]));
    }
    if (!ok || !clip_line(r, el, line)) return false;
    for (int k = line->first; k < line->first + line->count; k++) {
        int first = el->function->equations.count;
        for (int i = 0; i < r->clauses[k].params.count; i++)
            if (!update_param(r, el, &r->clauses[k], r->clauses[k].params.data[i],
                              r->clauses[k].gradients.data[i]))
                return false;
        totals_write(r, el->function, first);
    }
    return true;
}

bool optimizer_update(Run *r, Elaborator *step) {
    Elaborator *el = step;
    if (r->m->accumulate > 1) {
        if (r->line_count > 1) return refuse(r, ACCUMULATE_LINES, r->lines[1].loss->span, "");
        Function *f = function_add(r->p, FUNCTION_UPDATE, "update");
        el = elaborator_create(r->session, f, true);
        clock_words(r, el);
        if (!accumulate_loss(r, step->function, el->function)) return false;
    }
    Changed changed = {0};
    for (int k = 0; k < r->line_count; k++) {
        const LossLine *line = &r->lines[k];
        if (!update_line(r, step, el, line, &changed)) return false;
        elaborator_finish(el);
        if (k + 1 == r->line_count) break;
        for (int i = line->first; i < line->first + line->count; i++)
            note_changed(r, step->function, &r->clauses[i], &changed);
    }
    if (!average_params(r, el)) return false;
    elaborator_finish(el);
    return true;
}
