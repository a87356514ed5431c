// Gradients, accumulation, and the optimizer's rule written out for each parameter (rule 21), line by line of
// `minimize`: a later line sees what those above it have changed. Guarantees: a rule sees its statements in
// order; a state of it is a TENSOR_SLOT named after the parameter.
#include "emit/run.h"

#include <string.h>

typedef VEC(Effect) Changed; // a parameter, and what it is after the lines above

static Tensor *like(Run *r, const Tensor *t, const char *prefix, TensorKind kind) {
    Tensor *made =
        tensor_add(r->p, string_format(r->arena, "%s.%s", prefix, t->name), kind, t->type, t->rank, t->dims);
    made->origin = t->origin;
    return made;
}

static void define(Run *r, Tensor *t, const Array *a, const Expr *e) {
    const Affine *forms[MAX_RANK];
    array_forms(r->m, a, forms);
    equation_add(r->p, r->master, t, forms, REDUCE_NONE, NULL, 0, e, t->origin);
}

// ---- accumulation ----

// The sum of a value times `weight` (NULL: 1) over the batches of an update, as the update reads it; there it
// begins anew.
static Tensor *accumulated(Run *r, const Tensor *named, Tensor *value, const Expr *weight) {
    Tensor *sum = like(r, named, "accumulated", TENSOR_GRADIENT),
           *next = like(r, named, "accumulated.next", TENSOR_TEMP),
           *none = like(r, named, "accumulated.none", TENSOR_TEMP);
    Array a = array_of_tensor(r->m, sum), b = array_of_tensor(r->m, value);
    const Affine *forms[MAX_RANK];
    array_forms(r->m, &a, forms);
    const Expr *e = array_element(r->m, &b, forms);
    define(r, next, &a, expr_add(r->p, a.e, weight ? expr_mul(r->p, e, weight) : e));
    define(r, none, &b, expr_const(r->p, 0));
    vec_push(r->arena, &r->step->effects, ((Effect){sum, next}));
    vec_push(r->arena, &r->update->effects, ((Effect){sum, none}));
    return sum;
}

// What was accumulated by the weights of the batches, by their sum.
static const Expr *accumulated_mean(Run *r, const Expr *sum) {
    return r->weights ? expr_div(r->p, sum, run_element(r, r->weights)) : sum;
}

// Weights and losses of the batches of an update.
static bool losses_accumulate(Run *r) {
    if (r->module->losses.count > 1) {
        diagnose(r->ctx, ACCUMULATE_LINES, r->tree->lines.data[1].loss->span, "");
        return false;
    }
    if (!accumulate_weight(r, &r->weight)) return false;
    if (r->weight) {
        Tensor *weight = run_scalar(r, r->master, "loss.weight", TENSOR_TEMP, r->weight);
        r->weights = accumulated(r, weight, weight, NULL);
    }
    const Expr *sum = run_element(r, accumulated(r, r->module->loss, r->module->loss, r->weight));
    r->module->update_loss = run_scalar(r, r->master, "loss.update", TENSOR_OUTPUT, accumulated_mean(r, sum));
    vec_push(r->arena, &r->update->outputs, r->module->update_loss);
    return true;
}

// ---- settings of a clause ----

static bool is_rate(const Definition *d, int i) { return string_equal(d->node->items[i]->name, "lr"); }

// One value for all parameters of the clause: of the clock alone, so that it can stand in any function.
static Operand clause_setting(Run *r, const Case *rule, int i, Operand v) {
    if (v.kind == OPERAND_ABSENT && rule->given[i].kind == SHAPE_SCALAR)
        v = run_argument(r->text->at, rule->define, i, rule->define->preset[i]);
    v = operand_first(v);
    if (v.kind == OPERAND_SCALAR) v.e = clock_alone(r, r->text->to->function, v.e);
    return v;
}

static bool report_rate(Run *r, Operand v, Span span) {
    const char *name = r->number == 1 ? "lr" : string_format(r->arena, "lr_%d", r->number);
    Tensor *t = operand_as_tensor(r->text->at, v, name, TENSOR_OUTPUT, TYPE_DOUBLE, span);
    if (!t) return false;
    vec_push(r->arena, &r->module->rates, t);
    vec_push(r->arena, &r->update->outputs, t);
    return true;
}

// The arguments by parameter; NULL after messages.
static Operand *clause_arguments(Run *r, const Chosen *c) {
    const Case *rule = c->rules.data[0];
    const Definition *d = rule->define;
    Operand *given = arena_array(r->arena, Operand, d->parameters + 1);
    Operand made = run_value(r, r->text, c->optimizer);
    if (made.kind != OPERAND_CALLABLE) return NULL;
    clause_in_force(r, c->optimizer, d);
    for (int i = 2; i < d->parameters; i++) {
        given[i] = clause_setting(r, rule, i, made.callable->given ? made.callable->given[i] : given[i]);
        if (given[i].kind == OPERAND_WRONG) return NULL;
        bool rate = is_rate(d, i) && given[i].kind != OPERAND_ABSENT;
        if (rate && !report_rate(r, given[i], c->optimizer->span)) return NULL;
    }
    return given;
}

// ---- the rule for one parameter ----

// A state of the rule, beside those of its text.
static Cell *count_updates(Run *r, At at, const char *path) {
    Emitter *m = r->m;
    const char *name = string_format(r->arena, "%s.update.count", path);
    Tensor *t = tensor_over(m, name, TENSOR_SLOT, TYPE_REAL, NULL, 0);
    Function *f = m->initial->function;
    Tensor *first =
        tensor_over(m, string_format(r->arena, "%s.initial", name), TENSOR_TEMP, TYPE_REAL, NULL, 0);
    tensor_bounds(first, expr_const(r->p, 0));
    equation_add(r->p, f, first, NULL, REDUCE_NONE, NULL, 0, expr_const(r->p, 0), NULL);
    vec_push(r->arena, &f->effects, ((Effect){t, first}));
    vec_push(r->arena, &m->states, t);
    map_set(m->declared, name, t);
    Cell *cell = cell_open(at, t);
    cell_set(at, cell, operand_join(at, OPERATOR_ADD, cell->current, operand_number(1, true), NO_SPAN),
             NO_SPAN);
    return cell;
}

static Operand constrained(At at, const Phrase *p, const Case *c, Operand v) {
    Operand f = operand_of(at, p);
    if (f.kind != OPERAND_CALLABLE) return operand_wrong();
    if (f.callable->kind == CLOSURE_BUILTIN) return row_apply(at, f.callable->builtin, &v, 1, p->span);
    Operand *given = arena_array(at.m->arena, Operand, c->define->parameters + 1);
    for (int i = 1; i < c->define->parameters && f.callable->given; i++) given[i] = f.callable->given[i];
    given[0] = v;
    return operand_first(apply_case(at, (Case *)c, NULL, given, p->span));
}

static bool constrain(Run *r, Cell *w, const Declared *d) {
    const Phrase *p = run_setting_phrase(r, "constrain");
    if (!p || !d->constrained) return true;
    At at = r->text->at;
    Operand v = constrained(at, p, d->by[RULE_CONSTRAIN], w->current);
    if (v.kind == OPERAND_WRONG) return false;
    w->current = v;
    return true;
}

// What the rule has assigned is assigned where the clause's condition holds.
static bool keep_unless(Run *r, At at, Operand applies, int first, Span span) {
    for (int i = first; i < r->text->to->changed.count; i++) {
        Cell *cell = r->text->to->changed.data[i];
        cell->current = operand_choose(at, applies, cell->current, operand_tensor(r->m, cell->target), span);
        if (cell->current.kind == OPERAND_WRONG) return false;
    }
    return true;
}

static bool bind_settings(At inside, const Case *rule, const Operand *given, Span span) {
    for (int i = 2; i < rule->define->parameters; i++) {
        inside.frame->slot[i] = parameter_operand(inside, i, given[i], span);
        if (inside.frame->slot[i].kind == OPERAND_WRONG) return false;
    }
    return true;
}

static bool update(Run *r, const Chosen *c, int k, Tensor *t, Tensor *gradient, const Operand *given,
                   const Operand *applies) {
    Case *rule = c->rules.data[k];
    const Node *w = rule->define->node->items[0];
    const char *path = string_format(r->arena, "optimizer.%s", c->params.data[k]->path);
    Frame *frame = frame_outside(r->m, rule, NULL, path);
    frame->origin = origin_at(r->m, c->optimizer->span, NULL, NULL);
    At at = at_outside(r->m, r->text->to, frame);
    Array indices = array_of_tensor(r->m, t);
    at.state = TENSOR_SLOT;
    at.hint = path;
    Cell *cell = cell_open(at, t);
    frame->slot[0] = (Operand){.kind = OPERAND_CHANGING, .cell = cell};
    frame->slot[1] = operand_tensor(r->m, gradient);
    if (!bind_settings(at, rule, given, c->optimizer->span)) return false;
    int first = r->text->to->changed.count;
    Operand updates = run_clock(r, NN_CLOCK_UPDATE);
    if (applies) updates = count_updates(r, at, path)->current;
    r->updates = &updates;
    if (!w->brackets) at.over = indices.indices, at.over_count = indices.rank;
    Operand v = block_write(at, rule->define->body);
    r->updates = NULL;
    return v.kind != OPERAND_WRONG && constrain(r, cell, c->params.data[k]) &&
           (!applies || keep_unless(r, at, *applies, first, c->condition->span));
}

// ---- lines ----

static Tensor *param_of(const Run *r, const Declared *d) { return map_get(r->m->declared, d->path); }

// Numbers, not functions of what the lines above change.
static void note_changed(Run *r, const MinimizeLine *line, Changed *changed) {
    for (int k = 0; k < line->clauses.count; k++)
        for (int i = 0; i < line->clauses.data[k].params.count; i++) {
            Tensor *t = param_of(r, line->clauses.data[k].params.data[i]), *next = NULL;
            for (int e = 0; e < r->master->effects.count; e++)
                if (r->master->effects.data[e].target == t) next = r->master->effects.data[e].value;
            if (!next) continue;
            Tensor *after = like(r, t, "after", TENSOR_TEMP);
            Array a = array_of_tensor(r->m, next);
            define(r, after, &a, expr_unary(r->p, OP_STOP_GRADIENT, a.e));
            vec_push(r->arena, changed, ((Effect){t, after}));
        }
}

// The gradient that the rule sees: of this batch, or of all rows of the update's batches.
static Tensor *gradient_of(Run *r, Tensor *loss, Tensor *param) {
    Tensor *g = like(r, param, "gradient", TENSOR_TEMP);
    GradientRequest request = {loss, param, g};
    vec_push(r->arena, &r->master->gradients, request);
    vec_push(r->arena, &r->module->gradients, request);
    if (r->update == r->step) return g;
    Tensor *mean = like(r, param, "gradient.mean", TENSOR_TEMP);
    Array a = array_of_tensor(r->m, accumulated(r, param, g, r->weight));
    define(r, mean, &a, accumulated_mean(r, a.e));
    return mean;
}

static bool clause_write(Run *r, const Chosen *c, Tensor *const *gradients, const Operand *given) {
    Operand applies = operand_wrong();
    if (c->condition) {
        applies = operand_first(run_value(r, r->text, c->condition));
        if (applies.kind == OPERAND_SCALAR) applies.e = clock_alone(r, r->master, applies.e);
        if (applies.kind == OPERAND_WRONG) return false;
    }
    for (int i = 0; i < c->params.count; i++)
        if (!update(r, c, i, param_of(r, c->params.data[i]), gradients[i], given,
                    c->condition ? &applies : NULL))
            return false;
    return true;
}

static bool line_write(Run *r, const MinimizeLine *line, int number, Tensor *loss, const Changed *changed) {
    int count = line->clauses.count;
    if (changed->count) loss = function_copy(r->p, r->master, loss, changed->data, changed->count);
    Tensor ***gradients = arena_array(r->arena, Tensor **, count + 1);
    Operand **given = arena_array(r->arena, Operand *, count + 1);
    int first = r->number;
    for (int k = 0; k < count; k++) {
        const Chosen *c = &line->clauses.data[k];
        r->clause = c;
        r->number++;
        if (!c->params.count) continue;
        if (!(given[k] = clause_arguments(r, c))) return false;
        gradients[k] = arena_array(r->arena, Tensor *, c->params.count + 1);
        for (int i = 0; i < c->params.count; i++)
            gradients[k][i] = gradient_of(r, loss, param_of(r, c->params.data[i]));
    }
    if (!gradients_clip(r, line, number, gradients)) return false;
    r->number = first;
    first = r->master->equations.count;
    for (int k = 0; k < count; k++) {
        r->clause = &line->clauses.data[k];
        r->number++;
        if (given[k] && !clause_write(r, r->clause, gradients[k], given[k])) return false;
    }
    run_totals(r, first);
    return true;
}

bool rules_write(Run *r) {
    Changed changed = {0};
    if (r->update != r->step && !losses_accumulate(r)) return false;
    for (int k = 0; k < r->tree->lines.count; k++) {
        const MinimizeLine *line = &r->tree->lines.data[k];
        if (!line_write(r, line, k + 1, r->module->losses.data[k], &changed)) return false;
        if (k + 1 == r->tree->lines.count) break;
        writer_finish(r->m, r->text->to);
        note_changed(r, line, &changed);
    }
    return params_average(r);
}
