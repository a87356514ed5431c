// `nnc grad` of every example, and of the models of the tests that compile: what is printed is accepted by
// `check`; each function of it, read again and interpreted, is the derivative it was printed from; and the
// model's composed with the loss's is the compiled gradient, with fewer rows than declared. `grad_test
// FILE...` looks at other programs.
#include "emit/emit.h"
#include "grad.h"
#include "oracle/interpret.h"
#include "pass/passes.h"
#include "support/compiled.h"
#include "syntax/ast.h"

#include <glob.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BATCH = 3, ROWS = 2, SEED = 7, BATCH_NUMBER = 4 };
#define MOST_OPERATIONS 4e6 // of a function on BATCH rows: the interpreter is slow

typedef struct {
    const char *path;
    int passed, failed;
} Test;

static bool check(Test *t, bool good, const char *what, const char *detail) {
    if (good)
        t->passed++;
    else
        t->failed++;
    if (!good) printf("%s: %s %s\n", t->path, what, detail);
    return good;
}

static PipelineOptions *options_for(Arena *arena, const char *path, bool extracts) {
    PipelineOptions *o = arena_new(arena, PipelineOptions);
    *o = (PipelineOptions){.path = path, .cpu = "native"};
    o->compile = (CompileOptions){
        .precision = PRECISION_DOUBLE, .precision_given = true, .batch = BATCH, .extracts = extracts};
    return o;
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

typedef struct {
    Pipeline *p;
    Arena *arena;
} Printed;

static bool read_printed(Test *t, Arena *arena, const char *text, Printed *out) {
    char *path = string_format(arena, "%s/grad.XXXXXX.nn", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    int file = mkstemps(path, 3);
    size_t length = strlen(text);
    bool written = file >= 0 && write(file, text, length) == (ssize_t)length;
    if (file >= 0) close(file);
    *out = (Printed){pipeline_create(options_for(arena, path, false)), arena};
    bool good = check(t, written && pipeline_check(out->p), "check refuses what grad prints:", path);
    if (!good)
        diagnostics_print(out->p->ctx, false, stdout);
    else
        unlink(path);
    return good;
}

static const Node *definition_named(const Node *root, const char *name) {
    for (int i = 0; i < root->count; i++)
        if (root->items[i]->kind == AST_DEFINE && !strcmp(root->items[i]->name, name)) return root->items[i];
    return NULL;
}

// The printed function on given values, one array a parameter; its results' values in their order, or NULL.
static double **evaluate(Test *t, const Printed *printed, const Derivative *d, double *const *values) {
    const Node *define = definition_named(printed->p->root, d->printed);
    if (!define) return NULL;
    Program *p = program_create(printed->p->ctx, PRECISION_DOUBLE, BATCH);
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
    Library *library = printed->p->library;
    const Tree *tree =
        shape_definition(printed->p->ctx, library, definition_of_node(library, define), inputs, BATCH);
    const Instance *in = tree ? tree->roots.data[0] : NULL;
    Function *f =
        in ? emit_case(emitter_create(p, library, tree, expr_training(p)), in->of, in, inputs) : NULL;
    const char *wrong = f ? interpret(env, f) : "it has no equations";
    if (wrong) diagnostics_print(printed->p->ctx, false, stdout);
    if (!check(t, !wrong, d->name, wrong ? wrong : "")) return NULL;
    double **results = arena_array(p->arena, double *, f->outputs.count);
    for (int i = 0; i < f->outputs.count; i++) results[i] = environment_values(env, f->outputs.data[i]);
    return results;
}

// ---- every function against the equations it was printed from ---------------------------------------------

static void check_function(Test *t, const Pipeline *p, const Printed *printed, const Derivative *d) {
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
    Test *t;
    Arena *arena;
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
    step->effects.count = step->gradients.count = 0;
    Function *forward = function_part(p, step, w->plain->module->loss, NULL, 0);
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

static CompiledProgram *compiled_step(const Whole *w, Pipeline *c) {
    c->gradients_only = true;
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
    if (code) compiled_call(code, FUNCTION_STEP, ROWS, SEED, BATCH_NUMBER, 1);
    return code;
}

static void compare_compiled(const Whole *w, const Evaluated *model, const Evaluated *loss) {
    Pipeline *c = pipeline_create(options_for(w->arena, w->t->path, false));
    CompiledProgram *code = compiled_step(w, c);
    if (!check(w->t, code != NULL, "the step", "does not compile")) diagnostics_print(c->ctx, false, stdout);
    for (int i = 0; code && i < c->gradients.count; i++) {
        const GradientRequest *g = &c->gradients.data[i];
        int64_t count = tensor_elements(g->by);
        double *compiled = arena_array(w->arena, double, count),
               *printed = arena_array(w->arena, double, count);
        compiled_get(code, g->result, compiled);
        add_gradient(model, g->by->name, count, printed);
        add_gradient(loss, g->by->name, count, printed);
        double gap = distance(g->by, printed, compiled);
        if (!(gap < 1e-9)) printf("%s: the compiled gradient differs by %g\n", g->by->name, gap);
        check(w->t, gap < 1e-9, "the gradient by", g->by->name);
    }
    if (code) compiled_destroy(code);
    pipeline_destroy(c);
}

static void check_whole(Whole *w, const Printed *printed, const Derivatives *all) {
    const Derivative *loss = &all->data[all->count - 1], *model = NULL;
    for (int i = 0; i + 1 < all->count; i++)
        if (!strcmp(all->data[i].name, w->model->name)) model = &all->data[i];
    if (!check(w->t, model && !strcmp(loss->name, "loss"), "derivatives of the model and the loss", ""))
        return;
    double **values = arena_array(w->arena, double *, loss->parameters.count + 1);
    for (int i = 0; i < loss->parameters.count; i++) values[i] = known_value(w, loss->parameters.data[i]);
    double **by_results = evaluate(w->t, printed, loss, values);
    values = arena_array(w->arena, double *, model->parameters.count + 1);
    for (int i = 0; i < model->parameters.count; i++)
        values[i] = i < model->given_count
                        ? known_value(w, model->parameters.data[i])
                        : arena_array(w->arena, double, tensor_elements(model->parameters.data[i]));
    if (by_results) feed(w, loss, by_results, model, values);
    double **by_params = by_results ? evaluate(w->t, printed, model, values) : NULL;
    if (by_params) compare_compiled(w, &(Evaluated){model, by_params}, &(Evaluated){loss, by_results});
}

// ---- one program ------------------------------------------------------------------------------------------

// Is it the one that was printed? Others are equal to it.
static bool is_first(const Derivatives *all, int i) {
    for (int k = 0; k < i; k++)
        if (!strcmp(all->data[k].printed, all->data[i].printed)) return false;
    return true;
}

static void check_program(Test *t, bool must) {
    Arena *arena = arena_create();
    Pipeline *p = pipeline_create(options_for(arena, t->path, true));
    Derivatives all = {0};
    Printed printed = {0};
    if (!grad_make(p, NULL, NULL, &all)) {
        bool later = p->ctx->diagnostics.count && p->ctx->diagnostics.data[0]->code == NOT_YET;
        check(t, later && !must, "grad fails", "");
    } else if (check(t, all.count > 1, "derivatives", "of layers and the loss") &&
               read_printed(t, arena, grad_library(p, &all), &printed)) {
        Whole w = {.t = t, .arena = arena, .plain = pipeline_create(options_for(arena, t->path, true))};
        bool plain = pipeline_run_to(w.plain, "facts");
        bool small = plain && step_operations(w.plain) < MOST_OPERATIONS;
        for (int i = 0; i < all.count; i++)
            if (is_first(&all, i) && function_flops(all.data[i].function) < MOST_OPERATIONS)
                check_function(t, p, &printed, &all.data[i]);
        w.model = plain ? model_of(w.plain->module) : NULL;
        if (small && check(t, w.model || !must, "one model", "") && w.model && interpret_plain(&w))
            check_whole(&w, &printed, &all);
        check(t, small || !must, "the example is too large to interpret", "");
        pipeline_destroy(w.plain);
    }
    if (printed.p) pipeline_destroy(printed.p);
    pipeline_destroy(p);
    arena_destroy(arena);
}

static void check_folder(Test *t, const char *pattern, bool must) {
    glob_t found;
    if (!check(t, glob(pattern, 0, NULL, &found) == 0, "no programs in", pattern)) return;
    for (size_t i = 0; i < found.gl_pathc; i++) {
        t->path = found.gl_pathv[i];
        check_program(t, must);
    }
    globfree(&found);
}

int main(int count, char **args) {
    Test t = {0};
    for (int i = 1; i < count; i++) {
        t.path = args[i];
        check_program(&t, true);
    }
    if (count == 1) {
        check_folder(&t, TEST_ROOT "/examples/*/*.nn", true);
        check_folder(&t, TEST_ROOT "/tests/models/*.nn", false);
    }
    printf("%d passed, %d failed\n", t.passed, t.failed);
    return t.failed != 0;
}
