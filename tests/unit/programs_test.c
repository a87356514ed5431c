// Random programs through the passes: the simplified program against the plain one, both against finite
// differences, for all rows and for fewer. `programs_test FROM TO` runs more seeds; `programs_test SEED`
// prints what went wrong where.
#include "oracle/interpret.h"
#include "pass/passes.h"
#include "programs/random_program.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { CHECKED_ELEMENTS = 3 };

typedef struct {
    RandomOptions options;
    int passed, failed;
    bool show;
} Test;

static void fail(Test *t, const char *what, const char *detail) {
    t->failed++;
    printf("seed %llu: %s: %s\n", (unsigned long long)t->options.seed, what, detail ? detail : "");
}

static Environment *run(Test *t, Program *p, const char *stage) {
    Environment *env = environment_create(p, random_rows(p, t->options.seed), 5);
    environment_draws(env, 5, 3);
    random_values(env, p, t->options.seed);
    const char *error = interpret(env, p->functions.data[0]);
    if (error) fail(t, stage, error);
    return error ? NULL : env;
}

static double loss_of(Environment *env, const Program *p) {
    return environment_values(env, tensor_find(p, "loss"))[0];
}

// The largest difference of the loss and of what the step leaves in parameters and slots, relative to the
// largest value.
static double distance(Environment *a, const Program *p, Environment *b, const Program *q) {
    double gap = fabs(loss_of(a, p) - loss_of(b, q)), size = fmax(1, fabs(loss_of(a, p)));
    for (int i = 0; i < p->tensors.count; i++) {
        Tensor *t = p->tensors.data[i], *same = tensor_find(q, t->name);
        if (t->kind != TENSOR_PARAM && t->kind != TENSOR_SLOT) continue;
        const double *x = environment_values(a, t), *y = environment_values(b, same);
        for (int64_t k = 0; k < tensor_elements(t); k++) {
            gap = fmax(gap, fabs(x[k] - y[k]));
            size = fmax(size, fabs(x[k]));
        }
    }
    return gap / size;
}

static const char *text_of(Context *ctx, const Program *p) {
    Text text = {.arena = ctx->arena};
    program_print(&text, p);
    return text_string(&text);
}

// Every gradient against central differences of the loss, at a few elements.
static void check_gradients(Test *t, Program *p, Environment *env) {
    Environment *moved = run(t, p, "differences");
    for (int i = 0; moved && i < p->tensors.count; i++) {
        Tensor *w = p->tensors.data[i];
        if (w->kind != TENSOR_PARAM) continue;
        const double *gradient =
            environment_values(env, tensor_find(p, string_format(p->arena, "d%s", w->name)));
        int64_t n = tensor_elements(w);
        for (int64_t k = 0; k < n; k += n / CHECKED_ELEMENTS + 1) {
            double h = 1e-5, loss[2];
            for (int side = 0; side < 2; side++) {
                random_values(moved, p, t->options.seed);
                environment_values(moved, w)[k] += side ? h : -h;
                interpret(moved, p->functions.data[0]);
                loss[side] = loss_of(moved, p);
            }
            double wanted = (loss[1] - loss[0]) / (2 * h), got = gradient[k];
            if (fabs(got - wanted) <= 1e-6 * fmax(1, fmax(fabs(wanted), loss[0]))) {
                t->passed++;
                continue;
            }
            fail(t, "gradient",
                 string_format(p->arena, "%s[%lld]: %.9g, differences %.9g", w->name, (long long)k, got,
                               wanted));
        }
    }
}

typedef struct {
    Test *test;
    Program *plain, *better;
    Environment *values; // of the plain one
} Comparison;

// The same program after one more pass.
static bool check_pass(void *data, const char *pass) {
    Comparison *c = data;
    Arena *arena = c->plain->arena;
    const char *failure = program_verify(c->better);
    if (failure) {
        fail(c->test, pass, failure);
        return false;
    }
    Environment *other = run(c->test, c->better, pass);
    double gap = other ? distance(c->values, c->plain, other, c->better) : 0;
    if (!(gap < 1e-9)) fail(c->test, pass, string_format(arena, "differs by %g", gap));
    if (c->test->show) printf("after %s\n%s\n", pass, text_of(c->better->ctx, c->better));
    if (!other || !(gap < 1e-9)) return false;
    c->test->passed++;
    return true;
}

static void check_program(Test *t) {
    Context *ctx = context_create();
    Comparison c = {t, random_program(ctx, t->options), random_program(ctx, t->options), NULL};
    const char *failure = program_verify(c.plain);
    if (failure) fail(t, "as made", failure);
    passes_run(c.plain, "differentiate", "differentiate", NULL, NULL);
    passes_run(c.better, "chosen", "differentiate", NULL, NULL);
    failure = program_verify(c.plain);
    if (failure) fail(t, "differentiated", failure);
    if (t->show) printf("%s\n", text_of(ctx, c.plain));
    c.values = failure ? NULL : run(t, c.plain, "differentiated");
    if (c.values && t->options.smooth) check_gradients(t, c.plain, c.values);
    if (c.values) passes_run(c.better, "number", "clean", check_pass, &c);
    context_destroy(ctx);
}

int main(int count, char **args) {
    Test t = {.show = count == 2};
    uint64_t from = count > 1 ? strtoull(args[1], NULL, 10) : 0,
             to = count > 2 ? strtoull(args[2], NULL, 10) : from + 1;
    if (count == 1) to = 300;
    for (uint64_t seed = from; seed < to; seed++) {
        t.options = (RandomOptions){.seed = seed,
                                    .smooth = seed % 2 == 0,
                                    .precision = seed % 5 == 4 ? PRECISION_STRICT : PRECISION_DEFAULT};
        check_program(&t);
    }
    printf("%d passed, %d failed\n", t.passed, t.failed);
    return t.failed != 0;
}
