// See agree.h.
#include "oracle/interpret.h"
#include "support/agree.h"

#include "programs/random_program.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { SEED = 5 };

const Way *way_of(uint64_t seed) {
    static const Way WAYS[WAY_COUNT] = {
        {"x86-64-v3", PRECISION_DOUBLE, 1, false},  {"x86-64-v2", PRECISION_DEFAULT, 1, false},
        {"x86-64-v3", PRECISION_DEFAULT, 3, false}, {"x86-64-v3", PRECISION_STRICT, 1, true},
        {"x86-64-v2", PRECISION_DOUBLE, 2, true},   {"native", PRECISION_DEFAULT, 2, false},
        {"native", PRECISION_DOUBLE, 1, true},      {"x86-64-v3", PRECISION_BF16, 2, true},
        {"native", PRECISION_BF16, 3, false},
    };
    return &WAYS[seed % WAY_COUNT];
}

void agree_fail(Agreement *a, const char *what, const char *detail) {
    a->failed++;
    printf("seed %llu: %s %s\n", (unsigned long long)a->seed, what, detail ? detail : "");
}

static bool is_kept(const Tensor *t) {
    return t->kind == TENSOR_PARAM || t->kind == TENSOR_STATE || t->kind == TENSOR_SLOT;
}

static double *values_in(Environment *env, const Program *twin, const Tensor *t) {
    return environment_values(env, tensor_find(twin, t->name));
}

static void give(CompiledProgram *c, Environment *env, const Program *twin, int64_t rows, bool first) {
    for (int i = 0; i < twin->tensors.count; i++) {
        Tensor *t = tensor_find(c->program, twin->tensors.data[i]->name);
        if (t->kind == TENSOR_SETTING) values_in(env, twin, t)[0] = t->start;
        if (t->kind == TENSOR_INPUT)
            compiled_input(c, t, values_in(env, twin, t), t->batch_dims & 1 ? rows : t->dims[0]);
        else if ((t->kind == TENSOR_CLOCK || t->kind == TENSOR_SETTING || (first && is_kept(t))) &&
                 compiled_has(c, t))
            compiled_set(c, t, values_in(env, twin, t));
    }
}

static double distance(const double *got, const double *wanted, int64_t count) {
    double gap = 0, size = 1;
    for (int64_t k = 0; k < count; k++) {
        if (isinf(got[k]) && isinf(wanted[k]) && signbit(got[k]) == signbit(wanted[k])) continue;
        double d = fabs(got[k] - wanted[k]);
        gap = isnan(d) && !(isnan(got[k]) && isnan(wanted[k])) ? HUGE_VAL : fmax(gap, d);
        size = fmax(size, fabs(wanted[k]));
    }
    return gap / size;
}

static Function *function_of(const Program *p, FunctionKind kind) {
    for (int i = 0; i < p->functions.count; i++)
        if (p->functions.data[i]->kind == kind) return p->functions.data[i];
    return NULL;
}

static bool interpreted(Agreement *a, Environment *env, Function *f) {
    const char *failure = interpret(env, f);
    if (failure) agree_fail(a, "interpreter:", failure);
    return !failure;
}

// Equal starts make ties (the means of normalized groups are all 0 + shift): a maximum over them would be a
// matter of rounding.
static void part_starts(Environment *env, const Program *twin) {
    uint64_t state = 1;
    for (int i = 0; i < twin->tensors.count; i++) {
        Tensor *t = twin->tensors.data[i];
        int64_t count = t->kind == TENSOR_PARAM ? tensor_elements(t) : 0;
        for (int64_t k = 0; k < count; k++)
            environment_values(env, t)[k] += (double)random_pick(&state, 0, 999) * 2e-5;
    }
}

// The twin's values before the first step, or NULL after a message.
static Environment *begin(Agreement *a, Program *twin) {
    Environment *env = environment_create(twin, twin->batch, SEED);
    Function *initial = function_of(twin, FUNCTION_INITIAL);
    random_values(env, twin, a->seed);
    environment_draws(env, SEED, 0);
    if (initial && !interpreted(a, env, initial)) return NULL;
    if (initial) part_starts(env, twin);
    return env;
}

static int64_t begin_step(const Agreement *a, Environment *env, Program *twin, int step) {
    int64_t rows = random_rows(twin, a->seed / 3 + (uint64_t)step * 5);
    environment_rows(env, rows);
    environment_draws(env, SEED, (uint32_t)step);
    random_batch(env, twin, a->seed, step);
    return rows;
}

// What is given, each number by one rounding to single precision higher or lower.
static void shake(Environment *env, const Program *twin, bool first) {
    uint64_t state = 7;
    for (int i = 0; i < twin->tensors.count; i++) {
        Tensor *t = twin->tensors.data[i];
        if (t->type != TYPE_REAL || !(t->kind == TENSOR_INPUT || (first && is_kept(t)))) continue;
        for (int64_t k = 0; k < tensor_elements(t); k++)
            environment_values(env, t)[k] *= 1 + (random_pick(&state, 0, 1) ? 0x1p-24 : -0x1p-24);
    }
}

// How far a tensor moves by that until the end of a step: what no single precision can tell apart.
static double moved(Agreement *a, Program *twin, const Tensor *t, const double *values, int step) {
    Environment *env = begin(a, twin);
    for (int i = 0; i <= step; i++) {
        begin_step(a, env, twin, i);
        shake(env, twin, i == 0);
        if (!interpreted(a, env, function_of(twin, FUNCTION_STEP))) return 0;
    }
    return distance(environment_values(env, (Tensor *)t), values, tensor_elements(t));
}

// After a step: what is kept, and what it gives.
static void check(Agreement *a, CompiledProgram *c, Environment *env, Program *twin, const Way *way, int step,
                  double tolerance) {
    enum { ROUNDINGS = 16 };
    const Function *f = function_of(twin, FUNCTION_STEP);
    for (int i = 0; i < twin->tensors.count; i++) {
        Tensor *own = twin->tensors.data[i];
        const Tensor *t = tensor_find(c->program, own->name);
        bool given = false;
        for (int k = 0; k < f->outputs.count; k++) given |= f->outputs.data[k] == own;
        if ((!is_kept(t) && !given) || !compiled_has(c, t)) continue;
        double *got = arena_array(c->program->arena, double, tensor_elements(t));
        compiled_get(c, t, got);
        const double *wanted = environment_values(env, own);
        double gap = distance(got, wanted, tensor_elements(t));
        bool single = way->precision != PRECISION_DOUBLE;
        if (gap <= tolerance || (single && gap <= ROUNDINGS * moved(a, twin, own, wanted, step)))
            a->passed++;
        else
            agree_fail(a, t->name,
                       string_format(c->program->arena,
                                     "differs by %g in step %d (%s, precision %s, %d threads%s)", gap, step,
                                     way->cpu, precision_word(way->precision), way->threads,
                                     way->small_caches ? ", small caches" : ""));
    }
}

void agree_run(Agreement *a, CompiledProgram *c, Program *twin, const Way *way, int steps, double tolerance) {
    Environment *env = begin(a, twin);
    for (int i = 0; env && i < steps; i++) {
        int64_t rows = begin_step(a, env, twin, i);
        give(c, env, twin, rows, i == 0);
        compiled_call(c, FUNCTION_STEP, rows, SEED, (uint32_t)i, way->threads);
        if (!interpreted(a, env, function_of(twin, FUNCTION_STEP))) return;
        const Tensor *loss = tensor_find(twin, "loss");
        if (loss && !isfinite(values_in(env, twin, loss)[0])) return; // outside of a function's domain
        check(a, c, env, twin, way, i, tolerance);
    }
}

void agree_both(Agreement *a, CompiledProgram *c, Program *twin, const Way *way, int steps,
                double tolerance) {
    CompiledProgram *built[2] = {c, c ? compiled_checked(c) : NULL};
    if (!built[1]) agree_fail(a, "does not compile", NULL);
    for (int i = 0; built[1] && i < 2; i++) agree_run(a, built[i], twin, way, steps, tolerance);
    for (int i = 0; i < 2; i++)
        if (built[i]) compiled_destroy(built[i]);
}

static Program *equations(Agreement *a, Pipeline *p, const char *text, const char *pass) {
    pipeline_again(p, text, strlen(text));
    if (pipeline_run_to(p, pass)) return p->module->program;
    agree_fail(a, "is refused\n", text);
    diagnostics_print(p->ctx, false, stdout);
    return NULL;
}

void agree_text(Agreement *a, Pipeline *p, Pipeline *other, const char *text, const Way *way, bool both,
                int steps, double tolerance) {
    Program *program = equations(a, p, text, "clean"), *twin = equations(a, other, text, "differentiate");
    if (!program || !twin) return;
    if (both) {
        agree_both(a, compiled_create(program, way->cpu, way->small_caches), twin, way, steps, tolerance);
        return;
    }
    program->functions.data[0] = function_of(program, FUNCTION_STEP); // most of the time goes into code
    program->functions.count = 1;
    CompiledProgram *c = compiled_create_checked(program, way->cpu, way->small_caches);
    if (c)
        agree_run(a, c, twin, way, steps, tolerance);
    else
        agree_fail(a, "does not compile", NULL);
    if (c) compiled_destroy(c);
}
