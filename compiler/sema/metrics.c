// The loss of held-out parts and the metrics: measured over a whole part of the data (rule 20).
// Guarantees: each has a name of its own and an output of FUNCTION_METRICS that is computed from totals alone.
#include "sema/run.h"
#include "sema/values.h"

#include <math.h>
#include <string.h>

const char *metric_name(const Node *m) {
    if (m->kind == AST_NAMED || m->kind == AST_NAME) return m->name;
    if (m->kind == AST_CALL && (m->base->kind == AST_NAME || m->base->kind == AST_MEMBER)) return m->base->name;
    return NULL;
}

static const Node *metric_list(const Run *r, int i) {
    const Node *list = run_setting(r, "metrics");
    return list && i < list->count ? list->items[i] : NULL;
}

void metrics_declare(Run *r) {
    Metric loss = {.name = "loss"};
    vec_push(r->arena, &r->m->metrics, loss);
    for (int i = 0; metric_list(r, i); i++) {
        Metric m = {.name = metric_name(metric_list(r, i)), .in_training = true};
        vec_push(r->arena, &r->m->metrics, m);
    }
}

// A metric's value from its totals; `end` NULL: only the totals are added to.
static bool elaborate_metric(Run *r, Elaborator *el, Env *env, Metric *m, const Node *e, Function *end) {
    Totals *totals = arena_new(r->arena, Totals);
    *totals = (Totals){.name = m->name, .end = end};
    el->totals = totals;
    el->tables->rows_total = NULL;
    SemaValue v = train_value(r, el, env_inner(env), e);
    Tensor *t = NULL;
    if (!value_is_error(v)) t = value_as_tensor(el, v, string_format(r->arena, "metric.%s", m->name), TENSOR_OUTPUT, TYPE_DOUBLE, e->span);
    el->totals = NULL;
    if (!t) return false;
    for (int d = 0; d < t->rank; d++)
        if (t->batch_dims >> d & 1) {
            diagnose(r->ctx, METRIC_ROWS, e->span, m->name);
            return false;
        }
    if (end) {
        m->tensor = t;
        vec_push(r->arena, &end->outputs, t);
    }
    return true;
}

bool metrics_elaborate(Run *r, Elaborator *el, Env *env, Function *end) {
    bool ok = true;
    if (end) ok = elaborate_metric(r, el, env, &r->m->metrics.data[0], r->loss, end);
    for (int i = 0; metric_list(r, i); i++) {
        const Node *e = metric_list(r, i);
        ok = elaborate_metric(r, el, env, &r->m->metrics.data[i + 1], e->kind == AST_NAMED ? e->value : e, end) && ok;
    }
    return ok;
}
