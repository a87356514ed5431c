// What a run does to gradients before the optimizer, and keeps of the weights: a definition of stdlib/run.nn,
// or of the user's, applied to each tensor of a line. Guarantees: `total` is the sum over all of them; what
// is made has the shape of what it is made for.
#include "sema/run.h"

#include <string.h>

bool rule_read(Run *r, Elaborator *el, const char *setting, Rule *rule) {
    const Node *e = run_setting(r, setting), *define = phrase_of(e)->definition->node;
    int given = definition_row(define->definition)->given;
    const Node **nodes = arena_array(r->arena, const Node *, define->count + 1);
    Node *bare = node_new(r->ctx, AST_CALL, e->span);
    bind_arguments(define, e->kind == AST_CALL ? e : bare, given, nodes);
    *rule = (Rule){.define = define, .span = e->span};
    rule->arguments.values = arena_array(r->arena, SemaValue, define->count + 1);
    rule->arguments.names = arena_array(r->arena, const char *, define->count + 1);
    Env *env = train_scope(r, el, false);
    for (int i = 0; i < define->count; i++) {
        if (i >= given && !nodes[i]) continue;
        SemaValue *v = &rule->arguments.values[rule->arguments.count];
        rule->arguments.names[rule->arguments.count++] = define->items[i]->name;
        if (i < given) continue; // rule_apply gives it
        if (!train_without_rows(r, nodes[i], string_format(r->arena, "`%s`", setting))) return false;
        *v = train_value(r, el, env, nodes[i]);
        v->span = nodes[i]->span;
        if (value_is_error(*v)) return false;
    }
    return true;
}

// The rule's result for one tensor; its states are named after it.
static SemaValue rule_apply(Run *r, Elaborator *el, const Rule *rule, const char *path, Tensor *of) {
    SemaValue whole = value_tensor(r->session, of);
    bool numbers = !rule->define->items[0]->brackets && whole.kind == SEMA_TENSOR;
    rule->arguments.values[0] = whole;
    el->state_kind = TENSOR_SLOT;
    el->state_shape = numbers ? whole.array : NULL;
    Env *env = env_create(el, rule->span, "");
    SemaValue v = value_first(definition_apply(el, env, rule->define, path, rule->arguments, rule->span));
    el->state_kind = TENSOR_STATE;
    el->state_shape = NULL;
    return v;
}

// Is it as large as what it stands for? False after a message.
static bool fits(Run *r, const Rule *rule, SemaValue v, const Tensor *of) {
    if (value_is_error(v)) return false;
    const Array *a = v.kind == SEMA_TENSOR ? v.array : NULL;
    bool same = a ? a->rank == of->rank : !of->rank && (v.kind == SEMA_NUMBER || v.kind == SEMA_SCALAR);
    for (int d = 0; a && same && d < of->rank; d++)
        same = a->dims[d].size == of->dims[d] && !a->dims[d].batch;
    if (same) return true;
    return refuse(r, RULE_SHAPE, rule->span, rule->define->name, value_shape_text(r->session, v), of->name,
                  value_shape_text(r->session, value_tensor(r->session, (Tensor *)of)));
}

// ---- total ----

SemaValue line_total(void *run, Elaborator *el, const Env *env, const Node *call, SemaValue v) {
    Run *r = run;
    const Expr *part = value_as_scalar(el, v, call->span);
    if (!part) return value_error();
    if (part->op != OP_READ || part->tensor->type != TYPE_DOUBLE)
        part = value_own(el, env, value_scalar(part), value_name(el, env, v), call->span).e;
    LineTotal *t = NULL;
    for (int i = 0; i < r->totals.count; i++)
        if (r->totals.data[i].call == call) t = &r->totals.data[i];
    if (!t) {
        Tensor *sum = tensor_add(r->p, string_format(r->arena, "%s.total", env->frame->define->name),
                                 TENSOR_TEMP, TYPE_DOUBLE, 0, NULL);
        sum->origin = env->frame->origin;
        table_set(r->arena, &el->tables->clock_side, sum,
                  sum); // one number of the run, as those of its clock are
        vec_push(r->arena, &r->totals, ((LineTotal){call, sum, expr_const(r->p, 0)}));
        t = &r->totals.data[r->totals.count - 1];
    }
    t->parts = expr_add(r->p, t->parts, part);
    return value_scalar(run_read(r, t->sum));
}

static bool reads_open(const bool *open, const Equation *q) {
    for (int k = 0; k < q->e->read_count; k++)
        if (open[q->e->reads[k]->tensor->id]) return true;
    return false;
}

// A total is read by what stands before it: from `first` on, definitions come before their readers again.
void totals_write(Run *r, Function *f, int first) {
    if (!r->totals.count) return;
    for (int i = 0; i < r->totals.count; i++)
        equation_add(r->p, f, r->totals.data[i].sum, NULL, REDUCE_NONE, NULL, 0, r->totals.data[i].parts,
                     r->totals.data[i].sum->origin);
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

// ---- clips ----

// With several lines `gradient_norm` is that of all their gradients.
static void report_norm(Run *r, Function *f, Tensor *norm, const LossLine *line) {
    const Expr *square = expr_power(r->p, run_read(r, norm), 2);
    r->norms = r->norms ? expr_add(r->p, r->norms, square) : square;
    if (line != &r->lines[r->line_count - 1]) return;
    if (r->line_count > 1)
        norm = run_number(r, f, "gradient_norm", TENSOR_OUTPUT, expr_unary(r->p, OP_SQRT, r->norms));
    vec_push(r->arena, &f->outputs, norm);
    r->m->gradient_norm = norm;
}

static bool measure_norm(Run *r, Elaborator *el, const LossLine *line) {
    const Node *define = library_private(r->library, DEFINE_CLIP, "_gradient_norm");
    const char *name = define->items[0]->name;
    Rule rule = {define, {arena_new(r->arena, SemaValue), &name, 1}, r->train->span};
    int first = el->function->equations.count;
    SemaValue v = value_error();
    for (int k = line->first; k < line->first + line->count; k++)
        for (int i = 0; i < r->clauses[k].gradients.count; i++) {
            Tensor *g = r->clauses[k].gradients.data[i];
            v = rule_apply(r, el, &rule, string_format(r->arena, "%s.norm", g->name), g);
            if (value_is_error(v)) return false;
        }
    totals_write(r, el->function, first);
    bool single = r->line_count == 1;
    name = single ? "gradient_norm" : string_format(r->arena, "gradient_norm_%d", (int)(line - r->lines) + 1);
    const Expr *norm = value_is_error(v) ? expr_const(r->p, 0) : v.e;
    report_norm(r, el->function,
                run_number(r, el->function, name, single ? TENSOR_OUTPUT : TENSOR_TEMP, norm), line);
    return true;
}

bool clip_line(Run *r, Elaborator *el, const LossLine *line) {
    Rule rule = {0};
    const Node *setting = run_setting(r, "clip");
    if (setting && !rule_read(r, el, "clip", &rule)) return false;
    bool named = node_names(r->train->block, run_intern(r, "gradient_norm"));
    const Definition *own = setting ? rule.define->binding : NULL;
    if ((named || (own && own->totals)) && !measure_norm(r, el, line)) return false;
    int first = el->function->equations.count;
    for (int k = line->first; k < line->first + line->count && setting; k++)
        for (int i = 0; i < r->clauses[k].gradients.count; i++) {
            Tensor *g = r->clauses[k].gradients.data[i];
            const char *path = string_format(r->arena, "clip.%s", r->clauses[k].params.data[i]->name);
            SemaValue v = rule_apply(r, el, &rule, path, g);
            if (!fits(r, &rule, v, r->clauses[k].params.data[i])) return false;
            Tensor *t = value_as_tensor(el, v, string_format(r->arena, "clipped.%s", g->name), TENSOR_TEMP,
                                        (int)g->type, rule.span);
            if (!t) return false;
            r->clauses[k].gradients.data[i] = t;
        }
    totals_write(r, el->function, first);
    return true;
}

// ---- averages ----

static Tensor *next_value(const Function *f, const Tensor *t) {
    for (int i = f->effects.count - 1; i >= 0; i--)
        if (f->effects.data[i].target == t) return f->effects.data[i].value;
    return NULL;
}

static bool is_averaged(const Run *r, const Tensor *t) {
    for (int i = 0; i < r->m->averages.count; i++)
        if (r->m->averages.data[i].of == t) return true;
    return false;
}

bool average_params(Run *r, Elaborator *el) {
    Rule rule;
    if (!run_setting(r, "average")) return true;
    if (!rule_read(r, el, "average", &rule)) return false;
    for (int k = 0; k < r->clause_count; k++)
        for (int i = 0; i < r->clauses[k].params.count; i++) {
            Tensor *t = r->clauses[k].params.data[i], *next = next_value(el->function, t);
            if (!next || is_averaged(r, t)) continue;
            const char *path = string_format(r->arena, "average.%s", t->name);
            SemaValue v = rule_apply(r, el, &rule, path, next);
            if (!fits(r, &rule, v, t)) return false;
            path = string_format(r->arena, "%s.%s", path, rule.define->results->items[0]->name);
            const Cell *state = map_get(el->tables->slots, path);
            vec_push(r->arena, &r->m->averages, ((Average){t, state->target}));
        }
    return true;
}
