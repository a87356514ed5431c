// The loss of held-out parts and the metrics: measured over a whole part of the data (rule 20).
// Guarantees: each has a name of its own and an output of FUNCTION_METRICS that is computed from totals
// alone.
#include "sema/run.h"
#include "sema/values.h"

#include <math.h>
#include <string.h>

const char *metric_name(const Node *m) {
    if (m->kind == AST_NAMED || m->kind == AST_NAME) return m->name;
    if (m->kind == AST_CALL && (m->base->kind == AST_NAME || m->base->kind == AST_MEMBER))
        return m->base->name;
    return NULL;
}

static const Node *metric_list(const Run *r, int i) {
    const Node *list = run_setting(r, "metrics");
    return list && i < list->count ? list->items[i] : NULL;
}

void metrics_declare(Run *r) {
    Metric loss = {.name = "loss"};
    vec_push(r->arena, &r->m->metrics, loss);
    for (int k = 1; k <= r->line_count && r->line_count > 1; k++) {
        Metric m = {.name = string_format(r->arena, "loss_%d", k), .in_training = true};
        vec_push(r->arena, &r->m->metrics, m);
    }
    for (int i = 0; metric_list(r, i); i++) {
        Metric m = {.name = metric_name(metric_list(r, i)), .in_training = true};
        vec_push(r->arena, &r->m->metrics, m);
    }
}

// A metric's value from its totals; `end` NULL: only the totals are added to.
static Tensor *measure(Run *r, Elaborator *el, Env *env, const char *name, const Node *e, Function *end) {
    Totals *totals = arena_new(r->arena, Totals);
    *totals = (Totals){.name = name, .end = end, .once = e == r->loss};
    el->totals = totals;
    el->tables->rows_total = NULL;
    SemaValue v = train_value(r, el, env_inner(env), e);
    Tensor *t = NULL;
    if (!value_is_error(v))
        t = value_as_tensor(el, v, string_format(r->arena, "metric.%s", name), TENSOR_OUTPUT, TYPE_DOUBLE,
                            e->span);
    el->totals = NULL;
    return t;
}

static bool keep_metric(Run *r, Metric *m, Tensor *t, const Node *e, Function *end) {
    if (!t) return false;
    for (int d = 0; d < t->rank; d++)
        if (t->batch_dims >> d & 1) {
            bool loss = m == r->m->metrics.data;
            return refuse(r, METRIC_ROWS, e->span,
                          loss ? "the loss" : string_format(r->arena, "the metric `%s`", m->name));
        }
    if (end) {
        m->tensor = t;
        vec_push(r->arena, &end->outputs, t);
    }
    return true;
}

// ---- losses that see a batch twice ----

// A total of one number that each batch adds `e` to; found again by its name.
static Tensor *add_to_total(Run *r, Function *f, const char *name, const Expr *e) {
    Program *p = r->p;
    Tensor *total = tensor_find(p, name);
    if (!total) total = tensor_add(p, name, TENSOR_TOTAL, TYPE_DOUBLE, 0, NULL);
    Tensor *next = run_number(r, f, string_format(r->arena, "%s.next", name), TENSOR_TEMP,
                              expr_add(p, run_read(r, total), e));
    vec_push(r->arena, &f->effects, (Effect){total, next});
    return total;
}

// The mean of the batches' losses, weighted by their rows; `end` NULL: only its totals are added to.
static Tensor *mean_of_batches(Run *r, Function *f, const char *name, const Expr *e, Function *end) {
    Program *p = r->p;
    Tensor *sum = add_to_total(r, f, string_format(r->arena, "%s.sum", name), expr_mul(p, e, expr_rows(p)));
    Tensor *rows = add_to_total(r, f, string_format(r->arena, "%s.rows", name), expr_rows(p));
    if (!end) return sum;
    const Expr *mean = expr_div(p, run_read(r, sum), run_read(r, rows));
    return run_number(r, end, string_format(r->arena, "metric.%s", name), TENSOR_OUTPUT, mean);
}

static Tensor *nested_loss(Run *r, Elaborator *el, Env *env, Function *end) {
    SemaValue v = train_value(r, el, env_inner(env), r->loss);
    const Expr *e = value_is_error(v) ? NULL : value_as_scalar(el, v, r->loss->span);
    if (!e) return NULL;
    Tensor *mean = mean_of_batches(r, el->function, "loss", e, end);
    run_in_force(r, "test.loss", "the mean of the batches' losses, weighted by rows",
                 "the loss reduces the batch twice");
    return mean;
}

// With several lines `loss` is the sum of loss_1, loss_2 ..., each the mean of the batches'.
static bool line_metrics(Run *r, Elaborator *el, Function *end) {
    Metric *m = r->m->metrics.data;
    bool ok = true;
    if (end)
        ok = keep_metric(r, m, mean_of_batches(r, el->function, "loss", train_loss(r), end), r->loss, end);
    for (int k = 0; k < r->line_count; k++) {
        const LossLine *line = &r->lines[k];
        Tensor *t = mean_of_batches(r, el->function, (++m)->name, run_read(r, line->tensor), end);
        ok = keep_metric(r, m, t, line->loss, end) && ok;
    }
    return ok;
}

typedef struct {
    int equations, effects, outputs, gradients;
} Mark;
static Mark mark_of(const Function *f) {
    return (Mark){f->equations.count, f->effects.count, f->outputs.count, f->gradients.count};
}
static void back_to(Function *f, Mark m) {
    f->equations.count = m.equations;
    f->effects.count = m.effects;
    f->outputs.count = m.outputs;
    f->gradients.count = m.gradients;
}

static bool held_out_loss(Run *r, Elaborator *el, Env *env, Function *end) {
    Metric *loss = &r->m->metrics.data[0];
    int told = r->ctx->diagnostics.count, errors = r->ctx->errors;
    Mark batch = mark_of(el->function), last = mark_of(end);
    Tensor *t = measure(r, el, env, "loss", r->loss, end);
    bool nested = false;
    for (int i = told; i < r->ctx->diagnostics.count; i++)
        nested |= r->ctx->diagnostics.data[i]->code == METRIC_NESTED;
    if (nested) {
        r->ctx->diagnostics.count = told;
        r->ctx->errors = errors;
        back_to(el->function, batch);
        back_to(end, last);
        el->tables->hoisted = el->tables->memo = (Table){0};
        t = nested_loss(r, el, env, end);
    }
    return keep_metric(r, loss, t, r->loss, end);
}

bool metrics_elaborate(Run *r, Elaborator *el, Env *env, Function *end) {
    bool ok = true, several = r->line_count > 1;
    if (several)
        ok = line_metrics(r, el, end);
    else if (end)
        ok = held_out_loss(r, el, env, end);
    for (int i = 0; metric_list(r, i); i++) {
        const Node *line = metric_list(r, i), *e = argument_node(line);
        Metric *m = &r->m->metrics.data[i + 1 + (several ? r->line_count : 0)];
        ok = keep_metric(r, m, measure(r, el, env, m->name, e, end), e, end) && ok;
    }
    return ok;
}
