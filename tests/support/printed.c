// See printed.h.
#include "support/printed.h"

#include "emit/emit.h"
#include "grad/grad.h"
#include "oracle/interpret.h"
#include "pass/passes.h"
#include "support/compiled.h"
#include "syntax/ast.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 3, ROWS = 2, SEED = 7, BATCH_NUMBER = 4 };
#define MOST_OPERATIONS 4e6 // of a function on BATCH rows: the interpreter is slow

static bool check(PrintedCheck *t, bool good, const char *what, const char *detail) {
    if (good)
        t->passed++;
    else
        t->failed++;
    if (!good) printf("%s: %s %s\n", t->path, what, detail);
    return good;
}

void printed_open(PrintedCheck *t, bool verify) {
    for (int extracts = 0; extracts < 2; extracts++) {
        t->options[extracts] = (PipelineOptions){.cpu = "native", .verify = verify};
        t->options[extracts].compile = (CompileOptions){
            .precision = PRECISION_DOUBLE, .precision_given = true, .batch = BATCH, .extracts = extracts};
    }
    for (int i = 0; i < PRINTED_PIPELINES; i++) t->pipelines[i] = pipeline_create(&t->options[i < 2]);
}

void printed_close(PrintedCheck *t) {
    for (int i = 0; i < PRINTED_PIPELINES; i++) pipeline_destroy(t->pipelines[i]);
}

// For another text, under this test's path.
static Pipeline *pipeline_for(PrintedCheck *t, int which, const char *text) {
    t->options[0].path = t->options[1].path = t->path;
    pipeline_again(t->pipelines[which], text, strlen(text));
    return t->pipelines[which];
}

// ---- values -----------------------------------------------------------------------------------------------

static double drawn(const Tensor *t, const char *name, int64_t element) {
    uint32_t counter[4] = {(uint32_t)element, (uint32_t)hash_bytes(name, strlen(name), 3), 0, 0};
    philox(counter, SEED);
    if (t->type == TYPE_BOOL) return counter[0] & 1;
    if (t->type == TYPE_INT) return (double)(t->low + counter[0] % (uint32_t)(t->high - t->low + 1));
    double u = (counter[0] >> 8) * 0x1p-24;
    return t->kind == TENSOR_PARAM ? 0.2 * u - 0.1 : 0.1 + 0.8 * u;
}

static void fill(Environment *env, Tensor *t, const char *name) {
    double *values = environment_values(env, t);
    for (int64_t i = 0; i < tensor_elements(t); i++) values[i] = drawn(t, name, i);
}

static int64_t elements_of_rows(const Tensor *t) {
    int64_t n = 1;
    for (int d = 0; d < t->rank; d++) n *= t->batch_dims >> d & 1 ? ROWS : t->dims[d];
    return n;
}

// The largest difference relative to the largest value. A batch dimension comes first, so that the rows there
// are lie together.
static double distance(const Tensor *t, const double *a, const double *b) {
    double gap = 0, size = 1e-3;
    for (int64_t i = 0; i < elements_of_rows(t); i++) {
        double d = fabs(a[i] - b[i]);
        gap = isnan(d) ? HUGE_VAL : fmax(gap, d);
        size = fmax(size, fabs(b[i]));
    }
    return gap / size;
}

// ---- the printed text, read again -------------------------------------------------------------------------

static bool read_printed(PrintedCheck *t, const char *text, Pipeline **out) {
    *out = pipeline_for(t, PRINTED_AGAIN, text);
    bool good = check(t, pipeline_check(*out), "check refuses what grad prints:\n", text);
    if (!good) diagnostics_print((*out)->ctx, false, stdout);
    return good;
}

static const Node *definition_named(const Node *root, const char *name) {
    for (int i = 0; i < root->count; i++)
        if (root->items[i]->kind == AST_DEFINE && !strcmp(root->items[i]->name, name)) return root->items[i];
    return NULL;
}

// The printed function on given values, one array a parameter; its results' values in their order, or NULL.
static double **evaluate(PrintedCheck *t, Pipeline *printed, const Derivative *d, double *const *values) {
    const Node *define = definition_named(printed->root, d->printed);
    if (!define) return NULL;
    Program *p = program_create(printed->ctx, PRECISION_DOUBLE, BATCH);
    Environment *env = environment_create(p, ROWS, SEED);
    Tensor **inputs = arena_array(p->arena, Tensor *, define->count + 1);
    for (int i = 0; i < define->count; i++) {
        const Tensor *from = d->parameters.data[i];
        inputs[i] = tensor_add(p, define->items[i]->name, TENSOR_INPUT, from->type, from->rank, from->dims);
        inputs[i]->batch_dims = from->batch_dims;
        inputs[i]->bounded = from->bounded;
        inputs[i]->low = from->low;
        inputs[i]->high = from->high;
        memcpy(environment_values(env, inputs[i]), values[i], sizeof(double) * (size_t)tensor_elements(from));
    }
    Library *library = printed->library;
    const Tree *tree =
        shape_definition(printed->ctx, library, definition_of_node(library, define), inputs, BATCH);
    const Instance *in = tree ? tree->roots.data[0] : NULL;
    Function *f =
        in ? emit_case(emitter_create(p, library, tree, expr_training(p)), in->of, in, inputs) : NULL;
    const char *wrong = f ? interpret(env, f) : "it has no equations";
    if (wrong) diagnostics_print(printed->ctx, false, stdout);
    if (!check(t, !wrong, d->name, wrong ? wrong : "")) return NULL;
    double **results = arena_array(p->arena, double *, f->outputs.count);
    for (int i = 0; i < f->outputs.count; i++) results[i] = environment_values(env, f->outputs.data[i]);
    return results;
}

// ---- every function against the equations it was printed from ---------------------------------------------

static void check_function(PrintedCheck *t, const Pipeline *p, Pipeline *printed, const Derivative *d) {
    Environment *env = environment_create(p->module->program, ROWS, SEED);
    double **values = arena_array(p->ctx->arena, double *, d->parameters.count + 1);
    for (int i = 0; i < d->parameters.count; i++) {
        fill(env, d->parameters.data[i], grad_word(p, d, d->parameters.data[i]));
        values[i] = environment_values(env, d->parameters.data[i]);
    }
    const char *wrong = interpret(env, d->function);
    if (!check(t, !wrong, d->name, wrong ? wrong : "")) return;
    double **results = evaluate(t, printed, d, values);
    for (int i = 0; results && i < d->results.count; i++) {
        double gap = distance(d->results.data[i], results[i], environment_values(env, d->results.data[i]));
        if (!(gap < 1e-10)) printf("%s: the printed text differs by %g\n", d->results.data[i]->name, gap);
        check(t, gap < 1e-10, d->name, d->results.data[i]->name);
    }
}

// ---- the whole gradient against the compiled one ----------------------------------------------------------

typedef struct {
    PrintedCheck *t;
    Arena *arena;
    const char *text;
    Pipeline *plain; // up to its equations: initial values, draws and the model's results by interpreting
    Environment *env;
    const Extract *model;
} Whole;

static Function *function_of(Program *p, FunctionKind kind) {
    for (int i = 0; i < p->functions.count; i++)
        if (p->functions.data[i]->kind == kind) return p->functions.data[i];
    return NULL;
}

static double step_operations(const Pipeline *p) {
    return (double)function_flops(function_of(p->module->program, FUNCTION_STEP));
}

// The only model, with inputs that are fields; NULL where there are several, or calls are written in the
// block.
static const Extract *model_of(const Module *m) {
    const Extract *found = NULL;
    if (!function_of(m->program, FUNCTION_PREDICT)) return NULL;
    for (int i = 0; i < m->extracts.count; i++) {
        if (!m->extracts.data[i].is_model) continue;
        if (found) return NULL;
        found = &m->extracts.data[i];
    }
    return found;
}

static bool interpret_plain(Whole *w) {
    Program *p = w->plain->module->program;
    w->env = environment_create(p, ROWS, SEED);
    Function *step = function_of(p, FUNCTION_STEP);
    const char *wrong = interpret(w->env, function_of(p, FUNCTION_INITIAL));
    for (int i = 0; i < p->tensors.count; i++)
        if (p->tensors.data[i]->kind == TENSOR_INPUT && tensor_elements(p->tensors.data[i]))
            fill(w->env, p->tensors.data[i], p->tensors.data[i]->name);
    environment_draws(w->env, SEED, BATCH_NUMBER);
    Function *forward = function_part(p, step, w->plain->module->loss, NULL, 0);
    p->functions.count = 0; // derivatives that are values
    vec_push(p->arena, &p->functions, forward);
    vec_push(p->arena, &p->functions, w->model->function);
    passes_run(p, "differentiate", "differentiate", NULL, NULL);
    if (!wrong) wrong = interpret(w->env, forward);
    for (int i = 0; !wrong && i < w->model->inputs.count; i++) {
        Tensor *field = tensor_find(p, w->model->input_names.data[i]);
        if (!field) return check(w->t, false, "no field", w->model->input_names.data[i]);
        memcpy(environment_values(w->env, w->model->inputs.data[i]), environment_values(w->env, field),
               sizeof(double) * (size_t)tensor_elements(field));
    }
    if (!wrong) wrong = interpret(w->env, w->model->function);
    return check(w->t, !wrong, "interpreter:", wrong ? wrong : "");
}

static double *known_value(const Whole *w, const Tensor *t) {
    Tensor *same = tensor_find(w->plain->module->program, t->name);
    check(w->t, same != NULL, "no value for", t->name);
    return same ? environment_values(w->env, same) : arena_array(w->arena, double, tensor_elements(t));
}

// The loss's derivatives by the model's results, which are the model's last parameters.
static void feed(const Whole *w, const Derivative *loss, double *const *by_results, const Derivative *model,
                 double **values) {
    int seeds = model->parameters.count - model->given_count, next = 0;
    for (int k = 0; k < w->model->results.count && next < seeds; k++) {
        const Tensor *in_step = w->model->in_step.data[k];
        if (w->model->results.data[k]->type == TYPE_INT || w->model->results.data[k]->type == TYPE_BOOL)
            continue;
        for (int r = 0; r < loss->results.count; r++)
            if (in_step && !strcmp(loss->by.data[r]->name, in_step->name))
                values[model->given_count + next] = by_results[r];
        next++;
    }
}

typedef struct {
    const Derivative *d;
    double **results;
} Evaluated;

static void add_gradient(const Evaluated *e, const char *name, int64_t count, double *sum) {
    for (int r = 0; r < e->d->results.count; r++)
        for (int64_t i = 0; i < count && !strcmp(e->d->by.data[r]->name, name); i++)
            sum[i] += e->results[r][i];
}

// The gradients of the program's step, of the values that the plain one has: one array for each request.
static double **compiled_gradients(const Whole *w, Pipeline *c) {
    if (!pipeline_run(c, FORM_KERNELS)) return NULL;
    CompiledProgram *code = compiled_of(c->kernels, c->target);
    const Program *p = c->module->program;
    for (int i = 0; code && i < p->tensors.count; i++) {
        Tensor *t = p->tensors.data[i], *same = tensor_find(w->plain->module->program, t->name);
        if (t->kind == TENSOR_INPUT && same)
            compiled_input(code, t, environment_values(w->env, same), ROWS);
        else if (t->kind <= TENSOR_SETTING && t->kind > TENSOR_ROWMAP && same && compiled_has(code, t))
            compiled_set(code, t, environment_values(w->env, same));
    }
    if (!code) return NULL;
    compiled_call(code, FUNCTION_STEP, ROWS, SEED, BATCH_NUMBER, 1);
    double **results = arena_array(w->arena, double *, c->gradients.count + 1);
    for (int i = 0; i < c->gradients.count; i++) {
        results[i] = arena_array(w->arena, double, tensor_elements(c->gradients.data[i].by));
        compiled_get(code, c->gradients.data[i].result, results[i]);
    }
    compiled_destroy(code);
    return results;
}

// The same, by interpreting what differentiation makes of the step.
static double **interpreted_gradients(const Whole *w, Pipeline *c) {
    if (!pipeline_run_to(c, "differentiate")) return NULL;
    Program *p = c->module->program;
    Environment *env = environment_create(p, ROWS, SEED);
    for (int i = 0; i < p->tensors.count; i++) {
        Tensor *t = p->tensors.data[i], *same = tensor_find(w->plain->module->program, t->name);
        bool given = t->kind == TENSOR_INPUT || (t->kind <= TENSOR_SETTING && t->kind > TENSOR_ROWMAP);
        if (given && same)
            memcpy(environment_values(env, t), environment_values(w->env, same),
                   sizeof(double) * (size_t)tensor_elements(t));
    }
    environment_draws(env, SEED, BATCH_NUMBER);
    const char *wrong = interpret(env, function_of(p, FUNCTION_STEP));
    if (!check(w->t, !wrong, "the step:", wrong)) return NULL;
    double **results = arena_array(w->arena, double *, c->gradients.count + 1);
    for (int i = 0; i < c->gradients.count; i++)
        results[i] = environment_values(env, c->gradients.data[i].result);
    return results;
}

static void compare_gradients(const Whole *w, const Evaluated *model, const Evaluated *loss) {
    Pipeline *c = pipeline_for(w->t, PRINTED_STEP, w->text);
    c->gradients_only = true;
    double **gradients = w->t->interpreted ? interpreted_gradients(w, c) : compiled_gradients(w, c);
    if (!check(w->t, gradients != NULL, "the step", "does not compile"))
        diagnostics_print(c->ctx, false, stdout);
    for (int i = 0; gradients && i < c->gradients.count; i++) {
        const GradientRequest *g = &c->gradients.data[i];
        int64_t count = tensor_elements(g->by);
        double *printed = arena_array(w->arena, double, count);
        add_gradient(model, g->by->name, count, printed);
        add_gradient(loss, g->by->name, count, printed);
        double gap = distance(g->by, printed, gradients[i]);
        if (!(gap < 1e-9)) printf("%s: the step's gradient differs by %g\n", g->by->name, gap);
        check(w->t, gap < 1e-9, "the gradient by", g->by->name);
    }
}

// The values of parameters that are not derivatives by results; those are 0 until they are fed.
static double **known_values(const Whole *w, const Derivative *d, int known) {
    double **values = arena_array(w->arena, double *, d->parameters.count + 1);
    for (int i = 0; i < d->parameters.count; i++)
        values[i] = i < known ? known_value(w, d->parameters.data[i])
                              : arena_array(w->arena, double, tensor_elements(d->parameters.data[i]));
    return values;
}

// A loss that nothing of the model moves has no derivative.
static void check_whole(Whole *w, Pipeline *printed, const Derivatives *all) {
    static const Derivative nothing;
    const Derivative *loss = &all->data[all->count - 1], *model = NULL;
    for (int i = 0; i < all->count; i++)
        if (!strcmp(all->data[i].name, w->model->name)) model = &all->data[i];
    if (strcmp(loss->name, "loss")) loss = &nothing;
    if (!check(w->t, model != NULL, "no derivative of the model", w->model->name)) return;
    double *none[1] = {0}, **by_results = none;
    if (loss->results.count)
        by_results = evaluate(w->t, printed, loss, known_values(w, loss, loss->parameters.count));
    double **values = known_values(w, model, model->given_count);
    if (by_results) feed(w, loss, by_results, model, values);
    double **by_params = by_results ? evaluate(w->t, printed, model, values) : NULL;
    if (by_params) compare_gradients(w, &(Evaluated){model, by_params}, &(Evaluated){loss, by_results});
}

// ---- one program ------------------------------------------------------------------------------------------

// Is it the one that was printed? Others are equal to it.
static bool is_first(const Derivatives *all, int i) {
    for (int k = 0; k < i; k++)
        if (!strcmp(all->data[k].printed, all->data[i].printed)) return false;
    return true;
}

void printed_check(PrintedCheck *t, const char *text, bool must) {
    Arena *arena = arena_create();
    Pipeline *p = pipeline_for(t, PRINTED_GRAD, text), *printed = NULL;
    Derivatives all = {0};
    if (!grad_make(p, &(GradientAsked){.why = true}, &all)) {
        check(t, false, "grad fails", "");
        diagnostics_print(p->ctx, false, stdout);
    } else if (check(t, all.count > 1, "derivatives", "of layers and the loss") &&
               read_printed(t, grad_library(p, &all), &printed)) {
        Whole w = {.t = t, .arena = arena, .text = text, .plain = pipeline_for(t, PRINTED_PLAIN, text)};
        bool plain = pipeline_run_to(w.plain, "facts");
        bool small = plain && step_operations(w.plain) < MOST_OPERATIONS;
        for (int i = 0; i < all.count; i++)
            if (is_first(&all, i) && function_flops(all.data[i].function) < MOST_OPERATIONS)
                check_function(t, p, printed, &all.data[i]);
        w.model = plain ? model_of(w.plain->module) : NULL;
        if (small && check(t, w.model || !must, "one model", "") && w.model && interpret_plain(&w))
            check_whole(&w, printed, &all);
        check(t, small || !must, "the example is too large to interpret", "");
    }
    arena_destroy(arena);
}
