// Random programs all the way to machine code: loss, parameters and slots after a step against the reference
// interpreter on the same equations, in single and double precision, for all rows and fewer, one thread and
// several. `compiled_programs_test FROM TO` runs more seeds.
#include "pass/passes.h"
#include "programs/random_program.h"
#include "support/compiled.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    uint64_t seed;
    int passed, failed;
} Test;

typedef struct {
    const char *cpu;
    Precision precision;
    int threads;
    bool small_caches;
} Way;
static const Way WAYS[] = {
    {"x86-64-v3", PRECISION_DOUBLE, 1, false},  {"x86-64-v2", PRECISION_DEFAULT, 1, false},
    {"x86-64-v3", PRECISION_DEFAULT, 3, false}, {"x86-64-v3", PRECISION_STRICT, 1, true},
    {"x86-64-v2", PRECISION_DOUBLE, 2, true},
};

static void (*const PASSES[])(Program *) = {pass_differentiate, pass_number, pass_substitute, pass_travel,
                                            pass_operands,      pass_bodies, pass_pieces,     pass_extremes,
                                            pass_views,         pass_clean};

static void fail(Test *t, const char *what, const char *detail) {
    t->failed++;
    printf("seed %llu: %s %s\n", (unsigned long long)t->seed, what, detail ? detail : "");
}

static bool is_given(const Tensor *t) {
    return t->kind == TENSOR_INPUT || t->kind == TENSOR_PARAM || t->kind == TENSOR_SLOT;
}

static void give(CompiledProgram *c, Environment *env, int64_t rows) {
    for (int i = 0; i < c->program->tensors.count; i++) {
        Tensor *t = c->program->tensors.data[i];
        if (!is_given(t)) continue;
        if (t->kind == TENSOR_INPUT)
            compiled_input(c, t, environment_values(env, t), t->batch_dims & 1 ? rows : t->dims[0]);
        else if (compiled_has(c, t))
            compiled_set(c, t, environment_values(env, t));
    }
}

// The largest difference relative to the largest value of the tensor; 1 counts as the least largest value.
static double distance(const CompiledProgram *c, const Tensor *t, const double *wanted) {
    int64_t count = tensor_elements(t);
    double *got = arena_array(c->program->arena, double, count), gap = 0, size = 1;
    compiled_get(c, t, got);
    for (int64_t k = 0; k < count; k++) {
        double d = fabs(got[k] - wanted[k]);
        gap = isnan(d) && !(isnan(got[k]) && isnan(wanted[k])) ? HUGE_VAL : fmax(gap, d);
        size = fmax(size, fabs(wanted[k]));
    }
    return gap / size;
}

static void check_step(Test *t, CompiledProgram *c, Environment *env, const Way *way, int64_t rows,
                       int asked) {
    double tolerance = way->precision == PRECISION_DOUBLE ? 1e-11 : 1e-4;
    compiled_call(c, FUNCTION_STEP, rows, 5, 3, way->threads);
    for (int i = 0; i < asked; i++) {
        Tensor *tensor = c->program->tensors.data[i];
        if ((!is_given(tensor) && tensor->kind != TENSOR_OUTPUT) || tensor->kind == TENSOR_INPUT ||
            !compiled_has(c, tensor))
            continue;
        double gap = distance(c, tensor, environment_values(env, tensor));
        if (gap <= tolerance)
            t->passed++;
        else
            fail(t, tensor->name,
                 string_format(c->program->arena, "differs by %g (%s, precision %s, %lld rows, %d threads)",
                               gap, way->cpu, precision_word(way->precision), (long long)rows, way->threads));
    }
}

static void check_program(Test *t) {
    Context *ctx = context_create();
    const Way *way = &WAYS[t->seed % (sizeof WAYS / sizeof *WAYS)];
    Program *p = random_program(ctx, (RandomOptions){.seed = t->seed, .precision = way->precision});
    for (size_t i = 0; i < sizeof PASSES / sizeof *PASSES; i++) PASSES[i](p);
    const char *failure = program_verify(p);
    if (failure) fail(t, "verify:", failure);
    int64_t rows = random_rows(p, t->seed / 3);
    Environment *before = environment_create(p, rows, 5), *after = environment_create(p, rows, 5);
    environment_draws(after, 5, 3);
    random_values(before, p, t->seed);
    random_values(after, p, t->seed);
    failure = interpret(after, p->functions.data[0]);
    int asked = p->tensors.count;
    CompiledProgram *c = failure ? NULL : compiled_create(p, way->cpu, way->small_caches);
    if (!c) fail(t, "does not compile", failure);
    if (c) {
        give(c, before, rows);
        check_step(t, c, after, way, rows, asked);
        compiled_destroy(c);
    }
    context_destroy(ctx);
}

int main(int count, char **args) {
    Test t = {0};
    uint64_t from = count > 1 ? strtoull(args[1], NULL, 10) : 0,
             to = count > 2 ? strtoull(args[2], NULL, 10) : from + 1;
    if (count == 1) to = 60;
    for (t.seed = from; t.seed < to; t.seed++) check_program(&t);
    printf("%d passed, %d failed\n", t.passed, t.failed);
    return t.failed != 0;
}
