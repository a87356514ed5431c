// The functions of a run: a training step, evaluation, prediction. The same text is elaborated for each, in
// training or inference. Needs fields and clock; guarantees that every function speaks of the same
// parameters.
#include "sema/run.h"
#include "sema/values.h"
#include "shape/shape.h"

#include <string.h>

static const char *target_of(const Node *s) {
    if (s->kind != AST_ASSIGN) return NULL;
    const Node *target = s->target->kind == AST_INDEX ? s->target->base : s->target;
    return target->kind == AST_NAME ? target->name : NULL;
}

static bool is_definition(const Node *s) {
    const char *name = target_of(s);
    return name && !(s->target->kind == AST_NAME && train_setting_find(name));
}

const Node *train_definition(const Run *r, const char *name) {
    const Node *block = r->train->block;
    for (int i = 0; i < block->count; i++)
        if (is_definition(block->items[i]) && string_equal(target_of(block->items[i]), name))
            return block->items[i];
    return NULL;
}

// ---- which definitions an expression needs ----

typedef struct {
    Run *r;
    bool *needed;
    const Node *rows;
} Needs;

bool train_model(const Run *r, const char *name) {
    for (int i = 0; i < r->train->count; i++)
        if (string_equal(r->train->items[i]->name, name)) return true;
    return false;
}

static bool is_output(const Run *r, const char *name) {
    for (int i = 0; r->model->results && i < r->model->results->count; i++)
        if (string_equal(r->model->results->items[i]->name, name)) return true;
    return false;
}

static void find_needs(Needs *n, const Node *e) {
    if (!e) return;
    if (e->kind == AST_NAME) {
        const Node *block = n->r->train->block, *s = train_definition(n->r, e->name);
        for (int i = 0; s && i < block->count; i++)
            if (is_definition(block->items[i]) && string_equal(target_of(block->items[i]), e->name) &&
                !n->needed[i]) {
                n->needed[i] = true;
                find_needs(n, block->items[i]);
            }
        bool rows =
            !s && (data_field(n->r, e->name) || is_output(n->r, e->name) || train_model(n->r, e->name));
        if (rows && !n->rows) n->rows = e;
        return;
    }
    if (e->kind == AST_NAMED || e->kind == AST_MEMBER) {
        find_needs(n, e->kid[0]);
        return;
    }
    for (int i = 0; i < node_children(e); i++) find_needs(n, node_child(e, i));
}

static Needs needs_of(Run *r, const Node *e) {
    Needs n = {r, arena_array(r->arena, bool, r->train->block->count + 1), NULL};
    find_needs(&n, e);
    return n;
}

bool train_without_rows(Run *r, const Node *e, const char *what) {
    Needs n = needs_of(r, e);
    if (!n.rows) return true;
    Diagnostic *d = diagnose(r->ctx, READS_ROWS, e->span, what, n.rows->name);
    if (n.rows->span.start < e->span.start || n.rows->span.end > e->span.end)
        diagnostic_note(r->ctx, d, n.rows->span, "it is read here");
    diagnostic_help(r->ctx, d, "measure it in `metrics`, and speak of the metric");
    return false;
}

// ---- parameters by name: net.dense_1.w ----

typedef struct {
    Run *r;
    Elaborator *el;
    Env *env;
    int calls;
} Members;

// A model called in an expression is applied to the batch: what is summed inside it is no metric's total.
static const Node *replace_call(Members *m, const Node *e) {
    Totals *totals = m->el->totals;
    m->el->totals = NULL;
    SemaValue v = elaborate_expression(m->el, m->env, e);
    m->el->totals = totals;
    v.span = e->span;
    const char *name = string_format(m->r->arena, "%s.call_%d", e->base->name, ++m->calls);
    return bound_node(m->r, m->env, name, v, e->span);
}

static const Node *replace_member(void *data, const Node *e) {
    Members *m = data;
    bool call = e->kind == AST_CALL && e->base->kind == AST_NAME && train_model(m->r, e->base->name);
    if (call && m->el->totals) return replace_call(m, e);
    if (e->kind != AST_MEMBER || e->base->kind == AST_CALL) return e;
    const char *path = node_text(m->r->arena, e);
    Tensor *t = tensor_find(m->r->p, path);
    if (!t || (t->kind != TENSOR_PARAM && t->kind != TENSOR_STATE)) return e;
    return bound_node(m->r, m->env, path, value_tensor(m->r->session, t), e->span);
}

static bool definitions(Members *m, const Needs *n) {
    Run *r = m->r;
    for (int i = 0; i < r->train->block->count; i++) {
        const Node *s = r->train->block->items[i];
        if (!n->needed[i]) continue;
        if (value_is_error(elaborate_statement(m->el, m->env, node_rewrite(r->ctx, s, replace_member, m))))
            return false;
    }
    return true;
}

static SemaValue value_in(Members *m, const Node *e) {
    return value_first(elaborate_expression(m->el, m->env, node_rewrite(m->r->ctx, e, replace_member, m)));
}

SemaValue train_value(Run *r, Elaborator *el, Env *env, const Node *e) {
    Needs n = needs_of(r, e);
    Members members = {r, el, env, 0};
    return definitions(&members, &n) ? value_in(&members, e) : value_error();
}

// ---- scopes ----

static bool inputs_are_fields(Run *r) {
    if (r->train->count > 1) return false;
    for (int i = 0; i < r->model->count; i++)
        if (!data_field(r, r->model->items[i]->name)) return false;
    return true;
}

// The model applied to its fields: its outputs by name.
static SemaValue call_model(Run *r, Elaborator *el) {
    int n = r->model->count;
    SemaValue *arguments = arena_array(r->arena, SemaValue, n + 1);
    const char **names = arena_array(r->arena, const char *, n + 1);
    for (int i = 0; i < n; i++) arguments[i] = data_field_value(r, data_field(r, r->model->items[i]->name));
    return call_definition(el, r->model, r->model->name, arguments, names, n, r->train->items[0]->span);
}

static void set_outputs(Run *r, Env *env, SemaValue v) {
    const Node *results = r->model->results;
    for (int i = 0; results && i < results->count; i++) {
        bool several = v.kind == SEMA_TUPLE && i < v.count;
        env_set(env, results->items[i]->name, several ? v.items[i] : i == 0 ? v : value_error());
    }
}

Env *train_scope(Run *r, Elaborator *el, bool rows) {
    Env *env = env_create(el, r->train->span, "");
    if (!rows) {
        clock_scope(r, env);
        return env;
    }
    env_set(env, run_intern(r, "batch"), value_scalar(expr_rows(r->p)));
    for (int i = 0; i < r->m->data.fields.count; i++) {
        const Field *f = &r->m->data.fields.data[i];
        env_set(env, f->name, data_field_value(r, f));
    }
    if (inputs_are_fields(r)) set_outputs(r, env, call_model(r, el));
    return env;
}

// ---- predict ----

// The class field whose logits an output is: the last dimension counts its classes.
static int label_of(Run *r, const Tensor *t) {
    int found = -1;
    for (int i = 0; i < r->m->data.fields.count; i++) {
        const Field *f = &r->m->data.fields.data[i];
        bool fits = f->is_class && f->in_model < 0 && t->type == TYPE_REAL && t->rank == f->rank + 2 &&
                    t->dims[t->rank - 1] == f->limit;
        for (int d = 0; fits && d < f->rank; d++) fits = t->dims[d + 1] == f->dims[d];
        if (fits && found >= 0) return -1;
        if (fits) found = i;
    }
    return found;
}

// A model whose inputs are no fields is called in the block, and there is nothing to predict from: no outputs
// then.
static bool predict(Run *r) {
    if (!inputs_are_fields(r)) return true;
    Function *f = function_add(r->p, FUNCTION_PREDICT, "predict");
    Elaborator *el = elaborator_create(r->session, f, false);
    clock_words(r, el);
    SemaValue v = call_model(r, el);
    if (value_is_error(v)) return false;
    int count = v.kind == SEMA_TUPLE ? v.count : 1;
    for (int i = 0; i < count; i++) {
        const char *name = r->model->results ? r->model->results->items[i]->name : "result";
        SemaValue one = v.kind == SEMA_TUPLE ? v.items[i] : v;
        Tensor *t = value_as_tensor(el, one, name, TENSOR_OUTPUT,
                                    one.type == TYPE_DOUBLE ? (int)TYPE_REAL : -1, r->model->span);
        if (!t) return false;
        vec_push(r->arena, &f->outputs, t);
        ModelOutput output = {name, t, label_of(r, t)};
        vec_push(r->arena, &r->m->outputs, output);
    }
    elaborator_finish(el);
    return true;
}

// ---- the step ----

// The loss of each line, as the text says it: what several of them need is computed once.
static bool line_losses(Run *r, Elaborator *el, Env *env) {
    Members members = {r, el, env_inner(env), 0};
    Needs n = needs_of(r, r->loss);
    for (int k = 1; k < r->line_count; k++) find_needs(&n, r->lines[k].loss);
    if (!definitions(&members, &n)) return false;
    for (int k = 0; k < r->line_count; k++) {
        LossLine *line = &r->lines[k];
        const Span span = line->loss->span;
        SemaValue v = value_in(&members, line->loss);
        if (value_is_error(v)) return false;
        if (v.kind == SEMA_NUMBER) return refuse(r, LOSS_CONSTANT, span, number_text(r->arena, v.number));
        bool single = r->line_count == 1;
        if (!single && !value_as_scalar(el, v, span)) return false;
        const char *name = single ? "loss" : string_format(r->arena, "loss_%d", k + 1);
        line->tensor = value_as_tensor(el, v, name, single ? TENSOR_OUTPUT : TENSOR_TEMP, TYPE_DOUBLE, span);
        if (!line->tensor) return false;
    }
    return true;
}

const Expr *train_loss(Run *r) {
    const Expr *sum = run_read(r, r->lines[0].tensor);
    for (int k = 1; k < r->line_count; k++) sum = expr_add(r->p, sum, run_read(r, r->lines[k].tensor));
    return sum;
}

static bool elaborate_loss(Run *r, Elaborator *el, Env *env) {
    if (!line_losses(r, el, env)) return false;
    for (int k = 0; k < r->line_count; k++) vec_push(r->arena, &r->m->losses, r->lines[k].tensor);
    r->m->loss = r->line_count == 1 ? r->lines[0].tensor
                                    : run_number(r, el->function, "loss", TENSOR_OUTPUT, train_loss(r));
    vec_push(r->arena, &el->function->outputs, r->m->loss);
    return true;
}

// The metrics of a function's rows, with its second pass over them, if any needs one.
static bool measure(Run *r, Elaborator *el, Env *env, Function *metrics) {
    Program *p = r->p;
    int at = p->functions.count;
    el->second = el->training ? function_add(p, FUNCTION_SECOND_STEP, "second_step")
                              : function_add(p, FUNCTION_SECOND, "second");
    bool ok = metrics_elaborate(r, el, env, metrics);
    if (!el->second->effects.count) {
        for (int i = at; i + 1 < p->functions.count; i++) p->functions.data[i] = p->functions.data[i + 1];
        p->functions.count--;
    }
    el->second = NULL;
    return ok;
}

// The first layer that takes, by whatever reduction, a statistic over the rows of a batch which a result for
// one row depends on: of a batch of one row it is none.
static void find_statistic(Run *r, const Function *f) {
    const Equation **over = arena_array(r->arena, const Equation *, r->p->tensors.count); // by tensor
    for (int i = 0; i < f->equations.count && !r->m->statistic; i++) {
        const Equation *q = f->equations.data[i], **mine = &over[q->tensor->id];
        for (int k = 0; k < q->e->read_count && !*mine; k++) *mine = over[q->e->reads[k]->tensor->id];
        for (int k = 0; k < q->index_count && !*mine; k++) *mine = q->indices[k]->batch ? q : NULL;
        for (int k = 0; k < r->session->layers.count && *mine; k++) {
            const LayerInstance *l = &r->session->layers.data[k];
            const Origin *origin = (*mine)->origin;
            if (l->step_result == q->tensor && l->batch_dims)
                r->m->statistic = origin && origin->what ? origin->what : l->name;
        }
    }
}

static bool step(Run *r) {
    Function *f = function_add(r->p, FUNCTION_STEP, "step");
    Elaborator *el = elaborator_create(r->session, f, true);
    clock_words(r, el);
    el->frozen = r->frozen;
    el->frozen_count = r->frozen_count;
    if (r->options && r->options->extracts) r->session->recorded = el;
    if (r->options && r->options->arguments) r->session->explained = el;
    Env *env = train_scope(r, el, true);
    r->loss_first = f->equations.count;
    if (!elaborate_loss(r, el, env)) return false;
    if (!measure(r, el, env, NULL)) return false;
    r->session->explained = NULL;
    if (!optimizer_update(r, el)) return false;
    elaborator_finish(el);
    find_statistic(r, f);
    return true;
}

static bool evaluate(Run *r, Function *metrics) {
    Function *f = function_add(r->p, FUNCTION_EVALUATE, "evaluate");
    Elaborator *el = elaborator_create(r->session, f, false);
    clock_words(r, el);
    Env *env = train_scope(r, el, true);
    if (r->line_count > 1 && !line_losses(r, el, env)) return false;
    bool ok = measure(r, el, env, metrics);
    elaborator_finish(el);
    return ok;
}

// ---- clauses ----

static void add_clause(Run *r, const Node *over, const Node *with) {
    const Node *condition = with->kind == AST_IF ? with->condition : NULL;
    if (condition) with = with->value;
    const Node *callee = with->kind == AST_CALL ? with->base : with;
    Clause *c = &r->clauses[r->clause_count++];
    c->over = over;
    c->with = with;
    c->condition = condition;
    c->number = r->clause_count;
    c->define = callee->kind == AST_MEMBER
                    ? library_member(r->library, callee->span, callee->base->name, callee->name)
                    : library_find(r->library, callee->span, callee->name);
}

static void read_clauses(Run *r) {
    const Node *loss = run_setting(r, "loss"), *block = r->train->block;
    int lines = 1, clauses = 1;
    for (int i = 0; i < block->count; i++)
        if (block->items[i]->kind == AST_MINIMIZE) lines++, clauses += block->items[i]->count;
    r->clauses = arena_array(r->arena, Clause, clauses);
    r->lines = arena_array(r->arena, LossLine, lines);
    if (loss) {
        r->lines[r->line_count++] = (LossLine){.loss = loss, .count = 1};
        add_clause(r, NULL, run_setting(r, "optimizer"));
    }
    for (int i = 0; i < block->count; i++) {
        const Node *s = block->items[i];
        if (s->kind != AST_MINIMIZE) continue;
        r->lines[r->line_count++] = (LossLine){.loss = s->value, .first = r->clause_count, .count = s->count};
        for (int k = 0; k < s->count; k++) add_clause(r, s->items[k]->over, s->items[k]->optimizer);
    }
    r->loss = r->lines[0].loss;
}

// What the tree says of the clauses: their parameters, and the layers that are frozen.
static void select_params(Run *r) {
    VEC(const char *) frozen = {0};
    for (int k = 0, clause = 0; k < r->tree->lines.count; k++)
        for (int i = 0; i < r->tree->lines.data[k].clauses.count; i++, clause++) {
            const Chosen *chosen = &r->tree->lines.data[k].clauses.data[i];
            for (int j = 0; j < chosen->params.count; j++) {
                Tensor *t = tensor_find(r->p, chosen->params.data[j]->path);
                t->trainable = true;
                vec_push(r->arena, &r->clauses[clause].params, t);
            }
        }
    for (int i = 0; i < r->tree->layers.count; i++)
        if (r->tree->layers.data[i]->frozen) vec_push(r->arena, &frozen, r->tree->layers.data[i]->path);
    r->frozen = frozen.data;
    r->frozen_count = frozen.count;
}

static void mark_fields(Run *r) {
    for (int i = 0; i < r->m->data.fields.count; i++) {
        Field *field = &r->m->data.fields.data[i];
        for (int k = 0; field->input && k < r->p->functions.count; k++) {
            const Function *f = r->p->functions.data[k];
            if (f->kind != FUNCTION_STEP && f->kind != FUNCTION_EVALUATE) continue;
            for (int q = 0; q < f->equations.count && !field->in_loss; q++)
                field->in_loss = expr_reads(f->equations.data[q]->e, field->input);
        }
        if (!field->in_loss && field->in_model < 0) field->input = NULL;
        if (field->in_model >= 0) field->in_loss = false;
    }
}

bool train_functions(Run *r) {
    read_clauses(r);
    metrics_declare(r);
    Function *metrics = function_add(r->p, FUNCTION_METRICS, "metrics");
    if (!evaluate(r, metrics) || !predict(r)) return false;
    select_params(r);
    if (!step(r)) return false;
    for (int i = 0; i < r->session->kept.count; i++)
        vec_push(r->arena, &r->m->kept, r->session->kept.data[i]);
    mark_fields(r);
    return true;
}
