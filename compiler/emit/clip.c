// What a run does to gradients before the optimizer, and keeps of the weights: a definition of stdlib/run.nn,
// or of the user's, applied to each tensor of a line. Guarantees: `total` is the sum over all of them.
#include "emit/run.h"

#include <string.h>

// The rule's result for one tensor; its states are named after `path`. `arguments`: by parameter, or NULL.
static Operand apply_rule(Run *r, Case *c, const char *path, const Operand *arguments, Tensor *of,
                          Span span) {
    const Node *define = c->define->node;
    Operand *given = arena_array(r->arena, Operand, define->count + 1), step = run_clock(r, NN_CLOCK_UPDATE);
    At at = at_outside(r->m, r->text->to, frame_outside(r->m, r->block, NULL, ""));
    Array indices = array_of_tensor(r->m, of);
    for (int i = 1; i < define->count && arguments; i++) given[i] = arguments[i];
    given[0] = operand_tensor(r->m, of);
    at.state = TENSOR_SLOT;
    if (!define->items[0]->brackets) at.over = indices.indices, at.over_count = indices.rank;
    r->updates = &step;
    Operand v = operand_first(apply_as(at, c, path, given, span));
    r->updates = NULL;
    return v;
}

// The arguments of a setting's call. False after messages.
static bool arguments_of(Run *r, const Phrase *setting, const Operand **arguments) {
    Operand made = run_value(r, r->text, setting);
    if (made.kind != OPERAND_CALLABLE) return false;
    *arguments = made.callable->given;
    return true;
}

// ---- total ----

Operand run_total(At at, const Phrase *p) {
    Run *r = at.m->run;
    if (!r) return operand_wrong();
    Operand v = operand_of(at, p->part[0]);
    const Expr *part = operand_as_scalar(at, v);
    if (!part) return operand_wrong();
    if (part->op != OP_READ || part->tensor->type != TYPE_DOUBLE)
        part = operand_own(at, operand_scalar(part), operand_name(at, v), p->span).e;
    RunTotal *t = NULL;
    for (int i = 0; i < r->totals.count; i++)
        if (r->totals.data[i].call == p) t = &r->totals.data[i];
    if (!t) {
        const char *name = string_format(r->arena, "%s.total", at.frame->of->define->node->name);
        Tensor *sum = tensor_add(r->p, name, TENSOR_TEMP, TYPE_DOUBLE, 0, NULL);
        sum->origin = at.frame->origin;
        table_set(r->arena, &at.to->clock, sum, sum); // one number of the run, as those of its clock are
        vec_push(r->arena, &r->totals, ((RunTotal){p, sum, expr_const(r->p, 0)}));
        t = &r->totals.data[r->totals.count - 1];
    }
    t->parts = expr_add(r->p, t->parts, part);
    return operand_scalar(run_element(r, t->sum));
}

static bool reads_open(const bool *open, const Equation *q) {
    for (int k = 0; k < q->e->read_count; k++)
        if (open[q->e->reads[k]->tensor->id]) return true;
    return false;
}

// A total is read by what stands before it: definitions come before their readers again.
void run_totals(Run *r, int first) {
    Function *f = r->master;
    if (!r->totals.count) return;
    for (int i = 0; i < r->totals.count; i++) {
        const RunTotal *t = &r->totals.data[i];
        equation_add(r->p, f, t->sum, NULL, REDUCE_NONE, NULL, 0, t->parts, t->sum->origin);
    }
    r->totals.count = 0;
    Equation **all = f->equations.data;
    bool *open = arena_array(r->arena, bool, r->p->tensors.count + 1);
    for (int i = first; i < f->equations.count; i++) open[all[i]->tensor->id] = true;
    for (int placed = first; placed < f->equations.count; placed++) {
        int next = placed;
        while (next < f->equations.count && reads_open(open, all[next])) next++;
        if (next == f->equations.count) die("a total depends on itself");
        Equation *q = all[next];
        memmove(all + placed + 1, all + placed, sizeof *all * (size_t)(next - placed));
        all[placed] = q;
        open[q->tensor->id] = false;
    }
}

// ---- gradients ----

// With several lines `gradient_norm` is that of all their gradients.
static void report_norm(Run *r, Tensor *norm, bool last) {
    const Expr *square = expr_power(r->p, run_element(r, norm), 2);
    r->norms = r->norms ? expr_add(r->p, r->norms, square) : square;
    if (!last) return;
    if (r->module->losses.count > 1)
        norm = run_scalar(r, r->master, "gradient_norm", TENSOR_OUTPUT, expr_unary(r->p, OP_SQRT, r->norms));
    vec_push(r->arena, &r->update->outputs, norm);
    r->module->gradient_norm = norm;
}

static bool measure_norm(Run *r, const MinimizeLine *line, int number, Tensor ***gradients) {
    int first = r->master->equations.count;
    bool single = r->module->losses.count == 1;
    Operand v = operand_scalar(expr_const(r->p, 0));
    for (int k = 0; k < line->clauses.count; k++)
        for (int i = 0; i < line->clauses.data[k].params.count; i++) {
            Case *norm = line->clauses.data[k].params.data[i]->by[RULE_NORM];
            Tensor *g = gradients[k][i];
            if (!norm) return true; // nobody asks for it
            v = apply_rule(r, norm, string_format(r->arena, "%s.norm", g->name), NULL, g,
                           r->block->define->node->span);
            if (v.kind != OPERAND_SCALAR) return false;
        }
    run_totals(r, first);
    const char *name = single ? "gradient_norm" : string_format(r->arena, "gradient_norm_%d", number);
    report_norm(r, run_scalar(r, r->master, name, single ? TENSOR_OUTPUT : TENSOR_TEMP, v.e),
                number == r->module->losses.count);
    return true;
}

bool gradients_clip(Run *r, const MinimizeLine *line, int number, Tensor ***gradients) {
    const Phrase *setting = run_setting_phrase(r, "clip");
    const Operand *arguments = NULL;
    if (setting && !arguments_of(r, setting, &arguments)) return false;
    if (!measure_norm(r, line, number, gradients)) return false;
    int first = r->master->equations.count;
    for (int k = 0; k < line->clauses.count && setting; k++)
        for (int i = 0; i < line->clauses.data[k].params.count; i++) {
            const Declared *d = line->clauses.data[k].params.data[i];
            Tensor **g = &gradients[k][i];
            Operand v = apply_rule(r, d->by[RULE_CLIP], string_format(r->arena, "clip.%s", d->path),
                                   arguments, *g, setting->span);
            At at = at_outside(r->m, r->text->to, r->text->frame);
            Tensor *t = operand_as_tensor(at, v, string_format(r->arena, "clipped.%s", (*g)->name),
                                          TENSOR_TEMP, (int)(*g)->type, setting->span);
            if (!t) return false;
            *g = t;
        }
    run_totals(r, first);
    return true;
}

// ---- averages ----

static Tensor *next_value(const Function *f, const Tensor *t) {
    for (int i = f->effects.count - 1; i >= 0; i--)
        if (f->effects.data[i].target == t) return f->effects.data[i].value;
    return NULL;
}

bool params_average(Run *r) {
    const Phrase *setting = run_setting_phrase(r, "average");
    const Operand *arguments;
    if (!setting) return true;
    if (!arguments_of(r, setting, &arguments)) return false;
    writer_finish(r->m, r->text->to);
    for (int i = 0; i < r->tree->params.count; i++) {
        const Declared *d = r->tree->params.data[i];
        Case *c = d->by[RULE_AVERAGE];
        Tensor *t = map_get(r->m->declared, d->path), *next = t ? next_value(r->master, t) : NULL;
        if (!c || !next) continue;
        const char *path = string_format(r->arena, "average.%s", d->path);
        if (apply_rule(r, c, path, arguments, next, setting->span).kind == OPERAND_WRONG) return false;
        path = string_format(r->arena, "%s.%s", path, c->define->node->results->items[0]->name);
        vec_push(r->arena, &r->module->averages, ((Average){t, map_get(r->m->declared, path)}));
    }
    return true;
}
