// Compiled code against the reference interpreter: every network of support/networks.h with its gradients,
// for whole and partial batches, one and three threads, AVX2 and AVX-512, single and double, small caches
// that make kernels blocked. `emit_test NAME [CPU]` runs one network.
#include "oracle/interpret.h"
#include "oracle/text.h"
#include "pass/passes.h"
#include "support/compiled.h"
#include "support/networks.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const char *cpu, *precision;
    int64_t batch;
    int rows[3], threads;
    bool plain, small;
} Way;
typedef struct {
    int passed, failed;
} Result;

static const Way ways[] = {
    {"x86-64-v3", "default", 4, {4, 3, 1}, 1, false, false},
    {"native", "default", 21, {21, 17, 1}, 1, false, false},
    {"native", "double", 21, {21, 16, 5}, 1, false, false},
    {"x86-64-v3", "strict", 21, {21, 9, 20}, 3, false, false},
    {"native", "default", 37, {37, 32, 33}, 3, true, false},
    {"x86-64-v3", "double", 10, {10, 9, 1}, 2, true, false},
    {"native", "default", 40, {40, 33, 2}, 2, false, true},
};

static double noise(const char *name, int64_t element) {
    uint64_t h = hash_mix(hash_bytes(name, strlen(name), 5), (uint64_t)element);
    return (double)(h >> 11) * 0x1p-53;
}

static bool is_given(const Tensor *t) {
    return t->kind == TENSOR_PARAM || t->kind == TENSOR_INPUT || t->kind == TENSOR_STATE ||
           t->kind == TENSOR_SLOT;
}

static void fill(const Tensor *t, double *v) {
    for (int64_t k = 0; k < tensor_elements(t); k++) {
        double u = noise(t->name, k);
        if (t->type == TYPE_INT || t->type == TYPE_BOOL)
            v[k] = (double)t->low + floor(u * (double)(t->high - t->low + 1));
        else
            v[k] = strncmp(t->name, "ties", 4) == 0 ? floor(4 * u) : (double)(float)(2 * u - 1);
    }
}

static void ask_gradients(Program *p) {
    Function *f = p->functions.data[0];
    Tensor *loss = tensor_find(p, "loss");
    int count = p->tensors.count;
    for (int i = 0; loss && i < count; i++) {
        Tensor *t = p->tensors.data[i];
        if (t->kind != TENSOR_PARAM) continue;
        Tensor *d = tensor_add(p, string_format(p->arena, "D%s", t->name), TENSOR_OUTPUT, TYPE_REAL, t->rank,
                               t->dims);
        d->batch_dims = t->batch_dims;
        vec_push(p->arena, &f->outputs, d);
        vec_push(p->arena, &f->gradients, (GradientRequest){loss, t, d});
    }
}

static Program *program_of(Context *ctx, const Network *n, const Way *w) {
    const char *text =
        string_format(ctx->arena, "program batch %d precision %s\n%s", (int)w->batch, w->precision, n->text);
    Program *p = program_read(ctx, source_add(ctx, n->name, text, strlen(text)));
    if (!p) {
        diagnostics_print(ctx, false, stdout);
        return NULL;
    }
    ask_gradients(p);
    passes_run(p, w->plain ? "differentiate" : "chosen", w->plain ? "differentiate" : "clean", NULL, NULL);
    return p;
}

static bool counts(const Tensor *t, int64_t element, int64_t rows) {
    int64_t inner = 1;
    for (int d = t->rank - 1; d >= 0; d--) {
        if ((t->batch_dims >> d & 1) && element / inner % t->dims[d] >= rows) return false;
        inner *= t->dims[d];
    }
    return true;
}

static double tolerance(const Way *w) { return strcmp(w->precision, "double") ? 4e-6 : 1e-13; }

static void compare(Result *r, const Network *n, const Way *w, const CompiledProgram *c, const Tensor *t,
                    const double *want, int64_t rows) {
    int64_t count = tensor_elements(t);
    double *got = arena_array(c->program->arena, double, count),
           largest = strcmp(w->precision, "double") ? 0.3 : 0.05, error = 0;
    compiled_get(c, t, got);
    for (int64_t k = 0; k < count; k++) {
        if (!counts(t, k, rows)) continue;
        largest = fmax(largest, fabs(want[k]));
        bool same = got[k] == want[k] || (isnan(got[k]) && isnan(want[k]));
        error = same ? error : isnan(got[k] - want[k]) ? HUGE_VAL : fmax(error, fabs(got[k] - want[k]));
    }
    if (error <= tolerance(w) * largest * 4) {
        r->passed++;
        return;
    }
    r->failed++;
    printf("%s: %s differs by %g of %g (%s, %s, batch %d, rows %d, threads %d%s%s)\n", n->name, t->name,
           error, largest, w->cpu, w->precision, (int)w->batch, (int)rows, w->threads,
           w->plain ? ", plain" : "", w->small ? ", small caches" : "");
}

typedef struct {
    int64_t rows;
    double **values;
} Expected;

static Expected expected(Result *r, const Network *n, Program *p, int64_t rows) {
    Environment *env = environment_create(p, rows, 7);
    environment_draws(env, 7, 3);
    Expected x = {rows, arena_array(p->arena, double *, p->tensors.count)};
    for (int i = 0; i < p->tensors.count; i++)
        if (is_given(p->tensors.data[i]))
            fill(p->tensors.data[i], environment_values(env, p->tensors.data[i]));
    const char *wrong = interpret(env, p->functions.data[0]);
    if (wrong) {
        r->failed++;
        printf("%s: interpreter: %s\n", n->name, wrong);
    }
    for (int i = 0; i < p->tensors.count; i++) {
        Tensor *t = p->tensors.data[i];
        int64_t count = t->kind == TENSOR_SOURCE ? 0 : tensor_elements(t);
        x.values[i] = arena_array(p->arena, double, count + 1);
        memcpy(x.values[i], environment_values(env, t), sizeof(double) * (size_t)count);
    }
    return x;
}

static void run_rows(Result *r, const Network *n, const Way *w, CompiledProgram *c, int count,
                     const Expected *x) {
    Program *p = c->program;
    for (int i = 0; i < p->tensors.count; i++) {
        const Tensor *t = p->tensors.data[i];
        if (!is_given(t)) continue;
        double *v = arena_array(p->arena, double, tensor_elements(t));
        fill(t, v);
        if (t->kind == TENSOR_INPUT)
            compiled_input(c, t, v, t->batch_dims & 1 ? x->rows : t->dims[0]);
        else if (compiled_has(c, t))
            compiled_set(c, t, v);
    }
    compiled_call(c, FUNCTION_STEP, x->rows, 7, 3, w->threads);
    for (int i = 0; i < count; i++) {
        const Tensor *t = p->tensors.data[i];
        bool asked = t->kind == TENSOR_OUTPUT || t->kind == TENSOR_PARAM || t->kind == TENSOR_STATE ||
                     t->kind == TENSOR_TOTAL;
        if (asked && compiled_has(c, t)) compare(r, n, w, c, t, x->values[i], x->rows);
    }
}

static void run_way(Result *r, const Network *n, const Way *w) {
    Context *ctx = context_create();
    Program *p = program_of(ctx, n, w);
    Expected x[3];
    if (!p) r->failed++;
    for (int i = 0; p && i < 3; i++) x[i] = expected(r, n, p, w->rows[i]);
    int count = p ? p->tensors.count : 0;
    CompiledProgram *c = p ? compiled_create(p, w->cpu, w->small) : NULL;
    if (p && !c) r->failed++;
    for (int i = 0; c && i < 3; i++) run_rows(r, n, w, c, count, &x[i]);
    if (c) compiled_destroy(c);
    context_destroy(ctx);
}

int main(int argc, char **argv) {
    Result r = {0};
    int count[2];
    const Network *lists[2] = {networks(&count[0]), recurrences(&count[1])};
    for (int i = 0; i < count[0] + count[1]; i++) {
        const Network *n = i < count[0] ? &lists[0][i] : &lists[1][i - count[0]];
        for (size_t w = 0; w < sizeof ways / sizeof *ways; w++)
            if ((argc < 2 || !strcmp(argv[1], n->name)) && (argc < 3 || (int)w == atoi(argv[2])))
                run_way(&r, n, &ways[w]);
    }
    printf("%d passed, %d failed\n", r.passed, r.failed);
    return r.failed != 0;
}
