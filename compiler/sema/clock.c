// What a run knows of itself: the clock's tensors, what watches keep (changed by FUNCTION_EPOCH), the rule
// that stops it. Guarantees: a tensor of the clock that nothing reads is not in the Module.
#include "sema/run.h"
#include "sema/values.h"

#include <math.h>
#include <string.h>

static const char *const clock_names[NN_CLOCKS] = {
    [NN_CLOCK_STEP] = "step",
    [NN_CLOCK_STEPS] = "steps",
    [NN_CLOCK_EPOCH] = "epoch",
    [NN_CLOCK_EPOCHS] = "epochs",
    [NN_CLOCK_EPOCH_LENGTH] = "epoch_length",
    [NN_CLOCK_TIME] = "time",
    [NN_CLOCK_LOSS] = "loss",
    [NN_CLOCK_GRADIENT_NORM] = "gradient_norm",
    [NN_CLOCK_UPDATE] = "update",
};

const Expr *run_read(Run *r, Tensor *t) { return expr_read(r->p, t, NULL, t->origin); }

Tensor *run_number(Run *r, Function *f, const char *name, TensorKind kind, const Expr *e) {
    Tensor *t = tensor_add(r->p, name, kind, TYPE_DOUBLE, 0, NULL);
    equation_add(r->p, f, t, NULL, REDUCE_NONE, NULL, 0, e, NULL);
    return t;
}

static SemaValue read_scalar(Run *r, Tensor *t) { return value_scalar(run_read(r, t)); }

SemaValue clock_value(Run *r, int which) { return read_scalar(r, r->m->clock[which]); }

static Tensor *run_tensor(Run *r, const char *name, TensorKind kind, double first) {
    Tensor *t = tensor_add(r->p, name, kind, TYPE_DOUBLE, 0, NULL);
    t->start = first;
    return t;
}

// ---- watches ----

static void need_epoch(Run *r) {
    if (r->epoch) return;
    r->epoch = function_add(r->p, FUNCTION_EPOCH, "epoch");
    r->epoch_elaborator = elaborator_create(r->session, r->epoch, false);
    clock_words(r, r->epoch_elaborator);
}

// What another function computed from the clock, as an expression of the clock alone.
const Expr *clock_only(Run *r, Elaborator *el, const Expr *e) {
    if (!el->function || el->function == r->epoch) return e;
    return expr_without_temps(r->p, el->function, e);
}

// A watch's argument as the end of an epoch sees it; false after a message.
static bool watched(Run *r, Elaborator *el, const Env *env, const Node *define, SemaValue *v, Span span) {
    if (v->kind == SEMA_ABSENT || v->kind == SEMA_NUMBER) return true;
    const Expr *e = value_as_scalar(el, *v, v->span.end ? v->span : span);
    if (!e) return false;
    SemaValue out = value_scalar(clock_only(r, el, e));
    out.dimension = v->dimension;
    out.span = v->span;
    *v = out;
    for (int i = 0; i < v->e->read_count; i++) {
        const Tensor *t = v->e->reads[i]->tensor;
        bool fixed = t->kind == TENSOR_CLOCK || t->kind == TENSOR_SETTING || t->kind == TENSOR_RUN;
        if (!fixed && el->function != r->epoch)
            return fail_false(el, env, WATCH_ROWS, span, define->name, t->name);
    }
    return true;
}

static bool same_watch(const Watch *w, const Node *define, const SemaValue *given) {
    bool same = w->define == define;
    for (int i = 0; i < define->count && same; i++) {
        const SemaValue *a = &w->given[i], *b = &given[i];
        same = a->kind == b->kind && a->dimension == b->dimension &&
               (a->kind != SEMA_NUMBER || a->number == b->number) && (a->kind != SEMA_SCALAR || a->e == b->e);
    }
    return same;
}

// Equal calls are one: its states are the run's, which FUNCTION_EPOCH changes; its value is one of them.
static SemaValue watch(void *data, Elaborator *el, const Env *env, const Node *define, SemaValue *given,
                       Span span) {
    Run *r = data;
    Arguments all = {given, arena_array(r->arena, const char *, define->count + 1), 0};
    for (int i = 0; i < define->count; i++) {
        if (!watched(r, el, env, define, &given[i], span)) return value_error();
        if (given[i].kind == SEMA_ABSENT) continue;
        all.names[all.count] = define->items[i]->name;
        all.values[all.count++] = given[i];
    }
    need_epoch(r);
    for (int i = 0; i < r->watches.count; i++)
        if (same_watch(&r->watches.data[i], define, given)) return read_scalar(r, r->watches.data[i].tensor);
    const char *path = string_format(r->arena, "%s_%d", define->name, r->watches.count + 1);
    r->epoch_elaborator->state_kind = TENSOR_RUN;
    SemaValue v = definition_apply(r->epoch_elaborator, env, define, path, all, span);
    r->epoch_elaborator->state_kind = TENSOR_STATE;
    path = string_format(r->arena, "%s.%s", path, define->results->items[0]->name);
    const Cell *state = map_get(r->epoch_elaborator->tables->slots, path);
    if (value_is_error(v) || !state) return value_error();
    vec_push(r->arena, &r->watches, ((Watch){define, given, state->target}));
    return read_scalar(r, state->target);
}

// A length in epochs is a number of steps once the data are known.
static SemaValue to_steps(void *data, Elaborator *el, SemaValue epochs, Span span) {
    Run *r = data;
    const Expr *e = value_as_scalar(el, epochs, span);
    if (!e) return value_error();
    return value_scalar(expr_mul(r->p, e, run_read(r, r->m->clock[NN_CLOCK_EPOCH_LENGTH])));
}

// ---- words ----

void clock_create(Run *r) {
    for (int i = 0; i < NN_CLOCKS; i++)
        if (clock_names[i]) {
            bool unknown = i == NN_CLOCK_LOSS || i == NN_CLOCK_GRADIENT_NORM;
            r->m->clock[i] = run_tensor(r, string_format(r->arena, "clock.%s", clock_names[i]), TENSOR_CLOCK,
                                        unknown ? (double)NAN : 0);
        }
    r->hooks = (RunHooks){.data = r, .watch = watch, .total = line_total, .to_steps = to_steps};
}

void clock_words(Run *r, Elaborator *el) {
    static const int words[] = {NN_CLOCK_STEP, NN_CLOCK_STEPS, NN_CLOCK_EPOCH, NN_CLOCK_EPOCHS};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        SemaValue *v = arena_new(r->arena, SemaValue);
        *v = clock_value(r, words[i]);
        if (words[i] == NN_CLOCK_STEPS) v->dimension = DIMENSION_STEPS;
        if (words[i] == NN_CLOCK_EPOCHS) v->dimension = DIMENSION_EPOCHS;
        map_set(el->words, run_intern(r, clock_names[words[i]]), v);
    }
    SemaValue *update = arena_new(r->arena, SemaValue);
    *update = clock_value(r, NN_CLOCK_UPDATE);
    map_set(el->words, WORD_UPDATE, update);
    el->hooks = &r->hooks;
}

static Tensor *metric_clock(Run *r, Metric *m, int part) {
    static const char *const parts[PARTS] = {"", "test.", "validation."};
    if (!m->clock[part])
        m->clock[part] = run_tensor(r, string_format(r->arena, "clock.%s%s", parts[part], m->name),
                                    TENSOR_CLOCK, (double)NAN);
    return m->clock[part];
}

// test.accuracy: the metrics of a part as the members of one value.
static SemaValue part_values(Run *r, int part) {
    int n = 0;
    SemaValue *items = arena_array(r->arena, SemaValue, r->m->metrics.count + 1);
    const char **names = arena_array(r->arena, const char *, r->m->metrics.count + 1);
    for (int i = 0; i < r->m->metrics.count; i++) {
        Metric *m = &r->m->metrics.data[i];
        if (m->tensor && m->tensor->rank) continue; // an array is no number of the run
        names[n] = run_intern(r, m->name);
        items[n++] = read_scalar(r, metric_clock(r, m, part));
    }
    return (SemaValue){.kind = SEMA_TUPLE, .items = items, .names = names, .count = n};
}

void clock_scope(Run *r, Env *env) {
    static const int words[] = {NN_CLOCK_TIME, NN_CLOCK_LOSS, NN_CLOCK_GRADIENT_NORM};
    for (int i = 1; i < r->m->metrics.count; i++) {
        Metric *m = &r->m->metrics.data[i];
        if (!m->tensor || m->tensor->rank == 0)
            env_set(env, run_intern(r, m->name), read_scalar(r, metric_clock(r, m, 0)));
    }
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        SemaValue v = clock_value(r, words[i]);
        if (words[i] == NN_CLOCK_TIME) v.dimension = DIMENSION_TIME;
        env_set(env, run_intern(r, clock_names[words[i]]), v);
    }
    env_set(env, run_intern(r, "test"), part_values(r, 1));
    env_set(env, run_intern(r, "validation"), part_values(r, 2));
}

// ---- the functions of an epoch's end ----

// The first metric with dimensions that an expression speaks of: its name, or `test.` and its name.
static const Node *array_metric(const Run *r, const Node *e) {
    if (!e) return NULL;
    for (int i = 1; (e->kind == AST_NAME || e->kind == AST_MEMBER) && i < r->m->metrics.count; i++) {
        const Metric *m = &r->m->metrics.data[i];
        bool part = e->kind == AST_NAME || e->base->kind == AST_NAME;
        if (part && m->tensor && m->tensor->rank && string_equal(m->name, e->name)) return e;
    }
    const Node *found = NULL;
    for (int i = 0; i < node_children(e) && !found; i++) found = array_metric(r, node_child(e, i));
    return found;
}

static bool is_condition(SemaValue v) {
    return v.type == TYPE_BOOL || (v.kind == SEMA_SCALAR && v.e->type == TYPE_BOOL);
}

// Has what is asked at an epoch's end its place there? False after a message.
static bool is_of_epoch(Run *r, const Node *e, const char *what) {
    if (!train_without_rows(r, e, what)) return false;
    const Node *array = array_metric(r, e);
    return !array || refuse(r, METRIC_ARRAY, array->span, array->name, what);
}

static Tensor *stop_output(Run *r, Elaborator *el, const Node *e) {
    if (!is_of_epoch(r, e, "`stop`")) return NULL;
    SemaValue v = train_value(r, el, train_scope(r, el, false), e);
    if (!value_is_error(v) && !is_condition(v)) {
        Diagnostic *d = diagnose(r->ctx, WORD_EXPECTED, e->span, "a condition");
        diagnostic_help(r->ctx, d, "compare it, as in `loss < 0.01`, `time > 10 min`");
        return NULL;
    }
    return value_is_error(v) ? NULL : value_as_tensor(el, v, "stop", TENSOR_OUTPUT, TYPE_DOUBLE, e->span);
}

bool clock_functions(Run *r) {
    int errors = r->ctx->errors;
    const Node *best = run_setting(r, "checkpoint"), *stop = run_setting(r, "stop");
    Rule watched = {0};
    if (best && is_of_epoch(r, best, "`checkpoint`")) {
        need_epoch(r);
        Elaborator *el = r->epoch_elaborator;
        if (rule_read(r, el, "checkpoint", &watched)) {
            SemaValue v = definition_apply(el, env_create(el, best->span, ""), watched.define, NULL,
                                           watched.arguments, best->span);
            if (!value_is_error(v)) r->m->best = (Tensor *)v.e->tensor;
        }
    }
    if (stop) {
        Function *f = function_add(r->p, FUNCTION_STOP, "stop");
        Elaborator *el = elaborator_create(r->session, f, false);
        clock_words(r, el);
        r->m->stop = stop_output(r, el, stop);
        if (r->m->stop) vec_push(r->arena, &f->outputs, r->m->stop);
        elaborator_finish(el);
    }
    if (r->epoch_elaborator) elaborator_finish(r->epoch_elaborator);
    return r->ctx->errors == errors;
}

static bool function_reads(const Function *f, const Tensor *t) {
    for (int i = 0; i < f->equations.count; i++)
        if (expr_reads(f->equations.data[i]->e, t)) return true;
    return false;
}

static bool is_read(const Run *r, const Tensor *t, bool steps_only) {
    for (int i = 0; t && i < r->p->functions.count; i++) {
        const Function *f = r->p->functions.data[i];
        if (steps_only && f->kind != FUNCTION_STEP && f->kind != FUNCTION_UPDATE) continue;
        if (function_reads(f, t)) return true;
    }
    return false;
}

// ---- what speaks of the run's length ----

// `steps` or `epochs` stand in it, in a definition that it calls, or in a default that it leaves.
static bool speaks_of_length(Run *r, const Node *e, int depth) {
    if (!e || depth > 64) return false;
    const Node *callee = e->kind == AST_CALL && e->base->kind == AST_NAME ? e->base : NULL;
    const Node *name = callee ? callee : e->kind == AST_NAME ? e : NULL;
    const Node *found = name ? library_find(r->library, name->span, name->name) : NULL;
    if (name == e && (string_equal(e->name, "steps") || string_equal(e->name, "epochs"))) return true;
    if (found && found->kind == AST_CONSTANT) return speaks_of_length(r, found->value, depth + 1);
    if (callee && found && found->kind == AST_DEFINE) {
        int skip = found->definition == DEFINE_OPTIMIZER ? 2 : 0;
        const Node **given = arena_array(r->arena, const Node *, found->count + 1);
        bind_arguments(found, e, skip, given);
        for (int i = skip; i < found->count; i++)
            if (!given[i] && speaks_of_length(r, found->items[i]->value, depth + 1)) return true;
        if (speaks_of_length(r, found->body, depth + 1)) return true;
    }
    for (int i = callee != NULL; i < node_children(e); i++)
        if (speaks_of_length(r, node_child(e, i), depth + 1)) return true;
    return false;
}

static void list_lengths(Run *r, const Node *e) {
    bool parts = e && (e->kind == AST_MINIMIZE || e->kind == AST_CLAUSE || e->kind == AST_CALL);
    int before = r->m->lengths.count;
    for (int i = 0; parts && i < 3; i++)
        if (e->kind != AST_CALL) list_lengths(r, e->kid[i]);
    for (int i = 0; parts && i < e->count; i++) list_lengths(r, e->items[i]);
    if (r->m->lengths.count == before && speaks_of_length(r, e, 0))
        vec_push(r->arena, &r->m->lengths,
                 string_format(r->arena, "%s (%s)", node_text(r->arena, e), run_line(r, e->span)));
}

void clock_finish(Run *r) {
    Module *m = r->m;
    for (int i = 0; train_setting_row(i); i++)
        if (!string_equal(train_setting_row(i)->name, "epochs") &&
            !string_equal(train_setting_row(i)->name, "steps"))
            list_lengths(r, r->given[i]);
    m->needs_steps =
        is_read(r, m->clock[NN_CLOCK_STEPS], true) || is_read(r, m->clock[NN_CLOCK_EPOCHS], true);
    m->needs_epoch_length = is_read(r, m->clock[NN_CLOCK_EPOCH_LENGTH], true);
    for (int i = 0; i < r->p->functions.count; i++) {
        const Function *f = r->p->functions.data[i];
        if (f->kind != FUNCTION_STOP) continue;
        m->stop_each_step =
            function_reads(f, m->clock[NN_CLOCK_STEP]) || function_reads(f, m->clock[NN_CLOCK_TIME]);
    }
    for (int i = 0; i < NN_CLOCKS; i++)
        if (!is_read(r, m->clock[i], false)) m->clock[i] = NULL;
    for (int i = 0; i < m->metrics.count; i++)
        for (int k = 0; k < PARTS; k++)
            if (!is_read(r, m->metrics.data[i].clock[k], false)) m->metrics.data[i].clock[k] = NULL;
}
