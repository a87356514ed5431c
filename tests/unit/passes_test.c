// The passes over equations, on small networks: every gradient by finite differences of the interpreter, the
// simplified program against the plain one, fewer rows than declared, all precisions; and what comes out: how
// many equations, how much arithmetic, no test of divisibility. `passes_test NAME` prints one network on its
// way.
#include "oracle/interpret.h"
#include "oracle/text.h"
#include "pass/passes.h"
#include "support/networks.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_CHECKED = 40 };

typedef struct {
    int passed, failed;
    bool show;
} Result;

static void fail(Result *r, const Network *n, const char *what, const char *detail) {
    r->failed++;
    printf("%s: %s %s\n", n->name, what, detail ? detail : "");
}

static Program *read(Context *ctx, const Network *n, Precision precision) {
    const char *text = string_format(ctx->arena, "program batch 4 precision %s\n%s",
                                     precision == PRECISION_STRICT ? "strict" : "default", n->text);
    Program *p = program_read(ctx, source_add(ctx, n->name, text, strlen(text)));
    if (!p) diagnostics_print(ctx, false, stdout);
    return p;
}

// A gradient of `loss` by each param, into an output.
static void ask(Program *p) {
    Function *f = p->functions.data[0];
    Tensor *loss = tensor_find(p, "loss");
    int count = p->tensors.count;
    for (int i = 0; i < count; i++) {
        Tensor *t = p->tensors.data[i];
        if (t->kind != TENSOR_PARAM) continue;
        Tensor *d = tensor_add(p, string_format(p->arena, "D%s", t->name), TENSOR_OUTPUT, TYPE_REAL, t->rank,
                               t->dims);
        d->batch_dims = t->batch_dims;
        vec_push(p->arena, &f->outputs, d);
        vec_push(p->arena, &f->gradients, (GradientRequest){loss, t, d});
    }
}

static double noise(const char *name, int64_t element) {
    uint64_t h = hash_mix(hash_bytes(name, strlen(name), 5), (uint64_t)element);
    return (double)(h >> 11) * 0x1p-53;
}

static void fill(Program *p, Environment *env) {
    for (int i = 0; i < p->tensors.count; i++) {
        Tensor *t = p->tensors.data[i];
        if (t->kind != TENSOR_PARAM && t->kind != TENSOR_INPUT) continue;
        double *v = environment_values(env, t);
        for (int64_t k = 0; k < tensor_elements(t); k++) {
            double u = noise(t->name, k);
            if (t->type == TYPE_INT)
                v[k] = (double)t->low + floor(u * (double)(t->high - t->low + 1));
            else
                v[k] = strncmp(t->name, "ties", 4) == 0 ? floor(4 * u) : 2 * u - 1;
        }
    }
}

static Environment *run(Result *r, const Network *n, Program *p, int64_t rows) {
    Environment *env = environment_create(p, rows, 7);
    environment_draws(env, 7, 3);
    fill(p, env);
    const char *wrong = interpret(env, p->functions.data[0]);
    if (wrong) fail(r, n, "interpreter:", wrong);
    return wrong ? NULL : env;
}

static double loss_at(Program *p, int64_t rows, Tensor *t, int64_t element, double step) {
    Environment *env = environment_create(p, rows, 7);
    environment_draws(env, 7, 3);
    fill(p, env);
    environment_values(env, t)[element] += step;
    interpret(env, p->functions.data[0]);
    return *environment_values(env, tensor_find(p, "loss"));
}

static int64_t stored(const Tensor *t, int64_t element, int64_t rows) {
    int64_t inner = 1;
    for (int d = t->rank - 1; d >= 0; d--) {
        int64_t at = element / inner % t->dims[d];
        if ((t->batch_dims >> d & 1) && at >= rows) return -1;
        inner *= t->dims[d];
    }
    return element;
}

// Elements beyond the true rows are nobody's.
static void compare_gradients(Result *r, const Network *n, Program *plain, Environment *a, Program *other,
                              Environment *b, int64_t rows) {
    for (int i = 0; i < plain->tensors.count; i++) {
        Tensor *t = plain->tensors.data[i];
        if (t->kind != TENSOR_OUTPUT) continue;
        Tensor *u = tensor_find(other, t->name);
        const double *x = environment_values(a, t), *y = environment_values(b, u);
        double largest = 1e-3, error = 0;
        for (int64_t k = 0; k < tensor_elements(t); k++) {
            if (stored(t, k, rows) < 0) continue;
            largest = fmax(largest, fabs(x[k]));
            error = isnan(x[k] - y[k]) ? HUGE_VAL : fmax(error, fabs(x[k] - y[k]));
        }
        if (error <= 1e-12 * largest * 50)
            r->passed++;
        else
            fail(r, n, "simplified differs:",
                 string_format(plain->arena, "%s by %g of %g, rows %d", t->name, error, largest, (int)rows));
    }
}

static void compare_differences(Result *r, const Network *n, Program *forward, Program *derived,
                                Environment *env, int64_t rows) {
    for (int i = 0; i < forward->tensors.count; i++) {
        Tensor *t = forward->tensors.data[i];
        if (t->kind != TENSOR_PARAM || strncmp(t->name, "ties", 4) == 0) continue;
        const double *d =
            environment_values(env, tensor_find(derived, string_format(derived->arena, "D%s", t->name)));
        int64_t count = tensor_elements(t), stride = count > MOST_CHECKED ? count / MOST_CHECKED : 1;
        double error = 0, largest = 1e-3, h = 6e-6;
        for (int64_t k = 0; k < count; k += stride) {
            if (stored(t, k, rows) < 0) continue;
            double difference =
                (loss_at(forward, rows, t, k, h) - loss_at(forward, rows, t, k, -h)) / (2 * h);
            error = isnan(d[k]) ? HUGE_VAL : fmax(error, fabs(d[k] - difference));
            largest = fmax(largest, fabs(difference));
        }
        if (error <= 1e-6 * fmax(largest, 0.1))
            r->passed++;
        else
            fail(
                r, n, "finite differences:",
                string_format(derived->arena, "%s by %g of %g, rows %d", t->name, error, largest, (int)rows));
    }
}

static bool verified(Result *r, const Network *n, Program *p, const char *after) {
    const char *wrong = program_verify(p);
    if (wrong)
        fail(r, n, string_format(p->arena, "after %s:", after), wrong);
    else
        r->passed++;
    return !wrong;
}

static void show(const Result *r, const Program *p, const char *after) {
    if (!r->show) return;
    Text text = {.arena = p->arena};
    function_print(&text, p->functions.data[0]);
    printf("---- %s\n%s", after, text_string(&text));
}

static int fractions_in(const Expr *e) {
    int count = 0;
    for (int i = 0; e->op == OP_WHERE && i < e->guard_count; i++) count += e->guards[i].form->denominator > 1;
    for (int i = 0; i < e->count; i++) count += fractions_in(e->args[i]);
    return count;
}

static int fractions(const Function *f) {
    int count = 0;
    for (int i = 0; i < f->equations.count; i++) count += fractions_in(f->equations.data[i]->e);
    return count;
}

static void check_quality(Result *r, const Network *n, Program *p, int64_t forward) {
    Function *f = p->functions.data[0];
    int left = fractions(f);
    if (left)
        fail(r, n, "a test of divisibility is left", NULL);
    else
        r->passed++;
    int64_t all = function_flops(f);
    if (r->show)
        printf("---- %d equations, %lld operations forward, %lld in all\n", f->equations.count,
               (long long)forward, (long long)all);
    if (n->equations && f->equations.count > n->equations)
        fail(r, n, "equations:",
             string_format(p->arena, "%d, at most %d were expected", f->equations.count, n->equations));
    double ratio = (double)(all - forward) / (double)forward;
    if (n->ratio > 0 && ratio > n->ratio)
        fail(r, n, "derived arithmetic over forward:",
             string_format(p->arena, "%.2f, at most %.2f was expected", ratio, n->ratio));
}

typedef struct {
    Result *r;
    const Network *n;
    Program *p;
} Look;

static bool look_at(void *data, const char *pass) {
    const Look *x = data;
    show(x->r, x->p, pass);
    return verified(x->r, x->n, x->p, pass);
}

static void check(Result *r, const Network *n, Precision precision) {
    Context *ctx = context_create();
    Program *forward = read(ctx, n, precision), *plain = read(ctx, n, precision),
            *simple = read(ctx, n, precision);
    if (!forward || !plain || !simple) {
        fail(r, n, "does not read", NULL);
        context_destroy(ctx);
        return;
    }
    ask(plain);
    ask(simple);
    passes_run(plain, "differentiate", "differentiate", NULL, NULL);
    passes_run(simple, "chosen", "differentiate", NULL, NULL);
    show(r, plain, "differentiate");
    bool good = verified(r, n, plain, "differentiate");
    good = good && passes_run(simple, "number", "clean", look_at, &(Look){r, n, simple});
    for (int64_t rows = 4; good && rows >= 1; rows -= 3) {
        Environment *a = run(r, n, plain, rows), *b = run(r, n, simple, rows);
        if (a && precision == PRECISION_DEFAULT) compare_differences(r, n, forward, plain, a, rows);
        if (a && b) compare_gradients(r, n, plain, a, simple, b, rows);
    }
    if (precision == PRECISION_DEFAULT) {
        passes_run(forward, "number", "clean", NULL, NULL);
        check_quality(r, n, simple, function_flops(forward->functions.data[0]));
    }
    context_destroy(ctx);
}

static void check_all(Result *r, const Network *list, int count, const char *only) {
    for (int i = 0; i < count; i++) {
        if (only && !strstr(list[i].name, only)) continue;
        check(r, &list[i], PRECISION_DEFAULT);
        if (!r->show) check(r, &list[i], PRECISION_STRICT);
    }
}

int main(int argc, char **argv) {
    Result r = {.show = argc > 1};
    int count;
    const Network *list = networks(&count);
    check_all(&r, list, count, argv[1]);
    list = recurrences(&count);
    check_all(&r, list, count, argv[1]);
    printf("%d passed, %d failed\n", r.passed, r.failed);
    return r.failed != 0;
}
