// Products by OpenBLAS: every kind against nnc's own kernels and the reference interpreter, in single and
// double precision, for all rows and fewer, with the same bits on one, two and seven threads. In bf16:
// against the same products in single precision of numbers that were rounded by hand, and the interpreter;
// with the same bits by the processor's instructions and without, and for any threads. Kernels in strips.
// `products_test NAME` runs one kind.
#include "oracle/interpret.h"
#include "oracle/text.h"
#include "pass/passes.h"
#include "support/compiled.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const char *name;
    int batch, products; // products: kernels of the step that OpenBLAS must get
    const char *text;
    bool reads_more; // not products of given tensors alone
} Kind;

static const Kind kinds[] = {
    {"forward", 48, 1,
     "param x[batch, 70]\nparam w[70, 50]\noutput y[batch, 50]\nfunction step step\n"
     "    y[b, u] = sum[n] x[b, n] * w[n, u]    | b:batch u:50 n:70\n"},
    {"forward with bias and activation", 48, 1,
     "param x[batch, 70]\nparam w[70, 50]\nparam c[50]\ntemp z[batch, 50]\noutput y[batch, 50]\n"
     "function step step\n"
     "    z[b, u] = sum[n] x[b, n] * w[n, u]    | b:batch u:50 n:70\n"
     "    y[b, u] = max(z[b, u] + c[u], 0)    | b:batch u:50\n",
     true},
    {"input gradient", 48, 1,
     "param dy[batch, 50]\nparam w[70, 50]\noutput dx[batch, 70]\nfunction step step\n"
     "    dx[b, n] = sum[u] dy[b, u] * w[n, u]    | b:batch u:50 n:70\n"},
    {"weight gradient", 48, 1,
     "param x[batch, 70]\nparam dy[batch, 50]\noutput dw[70, 50]\nfunction step step\n"
     "    dw[n, u] = sum[b] x[b, n] * dy[b, u]    | b:batch u:50 n:70\n"},
    {"weight gradient with its update", 48, 1,
     "param x[batch, 70]\nparam dy[batch, 50]\nparam w[70, 50]\ntemp dw[70, 50]\ntemp next[70, 50]\n"
     "function step step\n"
     "    dw[n, u] = sum[b] x[b, n] * dy[b, u]    | b:batch u:50 n:70\n"
     "    next[n, u] = w[n, u] - 0.1 * dw[n, u]    | n:70 u:50\n    w := next\n",
     true},
    {"accumulated gradient", 48, 1,
     "param x[batch, 70]\nparam dy[batch, 50]\nslot g[70, 50]\ntemp dw[70, 50]\ntemp next[70, 50]\n"
     "function step step\n"
     "    dw[n, u] = sum[b] x[b, n] * dy[b, u]    | b:batch u:50 n:70\n"
     "    next[n, u] = g[n, u] + dw[n, u]    | n:70 u:50\n    g := next\n",
     true},
    {"both transposed", 48, 1,
     "param x[70, 50]\nparam w[40, 70]\noutput y[50, 40]\nfunction step step\n"
     "    y[b, u] = sum[n] x[n, b] * w[u, n]    | b:50 u:40 n:70\n"},
    {"result transposed", 48, 1,
     "param x[batch, 70]\nparam w[70, 50]\noutput y[50, batch]\nfunction step step\n"
     "    y[u, b] = sum[n] x[b, n] * w[n, u]    | b:batch u:50 n:70\n"},
    {"a tensor with itself", 48, 1,
     "param x[40, 70]\noutput y[40, 40]\nfunction step step\n"
     "    y[a, b] = sum[n] x[a, n] * x[b, n]    | a:40 b:40 n:70\n"},
    {"a factor", 48, 1,
     "param x[batch, 70]\nparam w[70, 50]\noutput y[batch, 50]\nfunction step step\n"
     "    y[b, u] = sum[n] -0.25 * x[b, n] * w[n, u]    | b:batch u:50 n:70\n"},
    {"tokens", 9, 2,
     "param x[batch, 12, 40]\nparam w[40, 30]\nparam dy[batch, 12, 30]\noutput y[batch, 12, 30]\n"
     "output dw[40, 30]\nfunction step step\n"
     "    y[b, t, u] = sum[n] x[b, t, n] * w[n, u]    | b:batch t:12 u:30 n:40\n"
     "    dw[n, u] = sum[b, t] x[b, t, n] * dy[b, t, u]    | b:batch t:12 u:30 n:40\n"},
    {"attention, a call a head", 5, 2,
     "param q[batch, 24, 3, 16]\nparam k[batch, 24, 3, 16]\nparam v[batch, 24, 3, 16]\n"
     "output s[batch, 3, 24, 24]\noutput o[batch, 24, 3, 16]\nfunction step step\n"
     "    s[b, h, t, r] = sum[d] q[b, t, h, d] * k[b, r, h, d]    | b:batch h:3 t:24 r:24 d:16\n"
     "    o[b, t, h, d] = sum[r] s[b, h, t, r] * v[b, r, h, d]    | b:batch h:3 t:24 r:24 d:16\n",
     true},
    {"below a diagonal", 3, 0,
     "param q[batch, 2, 100, 24]\nparam k[batch, 2, 100, 24]\noutput s[batch, 2, 100, 100]\n"
     "temp top[batch, 2, 100]\noutput e[batch, 2, 100, 100]\noutput o[batch, 2, 100, 24]\n"
     "output p[batch, 2, 100, 24]\nfunction step step\n"
     "    s[b, h, i, j] = sum[d] q[b, h, i, d] * k[b, h, j, d] if i - j in 0..99 else 0.0"
     "    | b:batch h:2 i:100 j:100 d:24\n"
     "    top[b, h, i] = max[j] s[b, h, i, j] if i - j in 0..99 else -inf    | b:batch h:2 i:100 j:100\n"
     "    e[b, h, i, j] = exp(s[b, h, i, j] - top[b, h, i]) if i - j in 0..99 else 0.0"
     "    | b:batch h:2 i:100 j:100\n"
     "    o[b, h, i, d] = sum[j] e[b, h, i, j] * k[b, h, j, d] if i - j in 0..99 else 0.0"
     "    | b:batch h:2 i:100 j:100 d:24\n"
     "    p[b, h, j, d] = sum[i] e[b, h, i, j] * q[b, h, i, d] if j - i in -99..0 else 0.0"
     "    | b:batch h:2 i:100 j:100 d:24\n",
     true},
    {"in a band", 2, 0,
     "param x[batch, 90, 40]\nparam w[batch, 130, 40]\noutput s[batch, 90, 130]\n"
     "output y[batch, 90, 40]\noutput z[batch, 130, 40]\noutput a[batch, 90, 130]\nfunction step step\n"
     "    s[b, i, j] = sum[d] x[b, i, d] * w[b, j, d] if i - j + 9 in 0..30 else 0.0"
     "    | b:batch i:90 j:130 d:40\n"
     "    y[b, i, d] = sum[j] s[b, i, j] * w[b, j, d] if i - j + 9 in 0..30 else 0.0"
     "    | b:batch i:90 j:130 d:40\n"
     "    z[b, j, d] = sum[i] s[b, i, j] * x[b, i, d] if i - j + 9 in 0..30 else 0.0"
     "    | b:batch i:90 j:130 d:40\n"
     "    a[b, i, j] = exp(s[b, i, j]) if i - j + 9 in 0..30 else 3.0    | b:batch i:90 j:130\n",
     true},
    {"several axes summed as one", 48, 1,
     "param x[batch, 7, 10]\nparam w[7, 10, 50]\noutput y[batch, 50]\nfunction step step\n"
     "    y[b, u] = sum[i, j] x[b, i, j] * w[i, j, u]    | b:batch u:50 i:7 j:10\n"},
    {"several axes summed one after another", 48, 1,
     "param x[batch, 7, 24]\nparam w[24, 7, 50]\noutput y[batch, 50]\nfunction step step\n"
     "    y[b, u] = sum[i, j] x[b, i, j] * w[j, i, u]    | b:batch u:50 i:7 j:24\n"},
    {"a batch of gradients summed one after another", 6, 1,
     "param x[batch, 24, 40]\nparam dy[24, batch, 32]\noutput dw[40, 32]\nfunction step step\n"
     "    dw[n, u] = sum[b, t] x[b, t, n] * dy[t, b, u]    | b:batch t:24 u:32 n:40\n"},
    {"a convolution", 5, 1,
     "param x[batch, 12, 12, 16]\nparam k[3, 3, 16, 32]\noutput y[batch, 10, 10, 32]\nfunction step step\n"
     "    y[b, i, j, f] = sum[p, q, c] x[b, i + p, j + q, c] * k[p, q, c, f]    | b:batch i:10 j:10 f:32 p:3 "
     "q:3 "
     "c:16\n"},
    {"a convolution with a stride", 5, 1,
     "param x[batch, 21, 21, 16]\nparam k[3, 3, 16, 32]\noutput y[batch, 10, 10, 32]\nfunction step step\n"
     "    y[b, i, j, f] = sum[p, q, c] x[b, 2*i + p, 2*j + q, c] * k[p, q, c, f]    | b:batch i:10 j:10 f:32 "
     "p:3 "
     "q:3 c:16\n"},
    {"a convolution's weight gradient", 5, 1,
     "param x[batch, 12, 12, 32]\nparam dy[batch, 10, 10, 32]\noutput dk[3, 3, 32, 32]\nfunction step step\n"
     "    dk[p, q, c, f] = sum[b, i, j] x[b, i + p, j + q, c] * dy[b, i, j, f]    | b:batch i:10 j:10 f:32 "
     "p:3 q:3 "
     "c:32\n"},
    {"a convolution into zeros around", 5, 1,
     "param x[batch, 20, 20, 16]\nparam k[3, 3, 16, 32]\ntemp a[batch, 20, 20, 16]\noutput y[batch, 20, 20, "
     "32]\n"
     "function step step\n    a[b, i, j, c] = max(x[b, i, j, c], 0)    | b:batch i:20 j:20 c:16\n"
     "    y[b, i, j, f] = sum[p, q, c] (a[b, i + p - 1, j + q - 1, c] * k[p, q, c, f] if i + p - 1 in 0..19 "
     "and "
     "j + q - 1 in 0..19 else 0.0)    | b:batch i:20 j:20 f:32 p:3 q:3 c:16\n"},
    {"a result in pieces", 48, 2,
     "param x[batch, 70]\nparam w[70, 50]\nparam v[70, 50]\noutput y[batch, 2, 50]\nfunction step step\n"
     "    y[b, 0, u] = sum[n] x[b, n] * w[n, u]    | b:batch u:50 n:70\n"
     "    y[b, 1, u] = sum[n] x[b, n] * v[n, u]    | b:batch u:50 n:70\n"},
    {"two layers of one input, in calls that threads share", 300, 2,
     "param x[batch, 180]\nparam w[180, 200]\nparam v[180, 200]\noutput y[batch, 200]\noutput z[batch, 200]\n"
     "function step step\n    y[b, u] = sum[n] x[b, n] * w[n, u]    | b:batch u:200 n:180\n"
     "    z[b, u] = sum[n] x[b, n] * v[n, u]    | b:batch u:200 n:180\n"},
    {"a wide weight gradient, in calls that threads share", 100, 1,
     "param x[batch, 400]\nparam dy[batch, 200]\nparam w[400, 200]\ntemp dw[400, 200]\ntemp next[400, 200]\n"
     "function step step\n    dw[n, u] = sum[b] x[b, n] * dy[b, u]    | b:batch u:200 n:400\n"
     "    next[n, u] = w[n, u] - 0.1 * dw[n, u]    | n:400 u:200\n    w := next\n",
     true},
    {"too small for a call", 4, 0,
     "param x[batch, 7]\nparam w[7, 5]\noutput y[batch, 5]\nfunction step step\n"
     "    y[b, u] = sum[n] x[b, n] * w[n, u]    | b:batch u:5 n:7\n"},
    {"an odd number summed, of few", 6, 0,
     "param x[batch, 7, 9, 3]\nparam k[3, 3, 3, 20]\noutput y[batch, 5, 7, 20]\nfunction step step\n"
     "    y[b, i, j, f] = sum[p, q, c] x[b, i + p, j + q, c] * k[p, q, c, f]    | b:batch i:5 j:7 f:20 p:3 "
     "q:3 "
     "c:3\n"},
    {"a recurrence", 24, 0,
     "param x[batch, 6, 40]\nparam w[40, 40]\ntemp h[batch, 6, 40] along 1\ntemp z[batch, 6, 40] along 1\n"
     "output y[batch, 6, 40]\nfunction step step\n"
     "    z[b, t, u] = sum[n] (h[b, t - 1, n] * w[n, u] if t - 1 in 0..5 else 0.0)    | b:batch t:6 u:40 "
     "n:40\n"
     "    h[b, t, u] = x[b, t, u] + 0.01 * z[b, t, u]    | b:batch t:6 u:40\n"
     "    y[b, t, u] = h[b, t, u]    | b:batch t:6 u:40\n",
     true},
    {"no product: one operand has no index of its own", 48, 0,
     "param x[batch, 700]\nparam w[700]\noutput y[batch]\nfunction step step\n"
     "    y[b] = sum[n] x[b, n] * w[n]    | b:batch n:700\n"},
};
enum { KINDS = sizeof kinds / sizeof *kinds, THREADS = 3 };
static const int threads[THREADS] = {1, 2, 7};

static int passed, failed;

static void check(bool holds, const char *name, const char *precision, int64_t rows, const char *what) {
    passed += holds;
    failed += !holds;
    if (!holds) printf("%s (precision %s, %d rows): %s\n", name, precision, (int)rows, what);
}

static Program *program_of(Context *ctx, const Kind *kind, const char *precision) {
    const char *text =
        string_format(ctx->arena, "program batch %d precision %s\n%s", kind->batch, precision, kind->text);
    Program *p = program_read(ctx, source_add(ctx, kind->name, text, strlen(text)));
    if (!p) diagnostics_print(ctx, false, stdout);
    return p;
}

static bool is_given(const Tensor *t) { return t->kind == TENSOR_PARAM || t->kind == TENSOR_SLOT; }
static bool outputs_alone; // are results
static bool is_result(const Tensor *t) { return t->kind == TENSOR_OUTPUT || (is_given(t) && !outputs_alone); }

static bool rounds; // what is given, to bfloat16

static double bf16(double x) {
    int exponent;
    double digits = frexp(x, &exponent);
    return ldexp(nearbyint(ldexp(digits, 8)), exponent - 8);
}

static void fill(const Tensor *t, double *v) {
    for (int64_t k = 0; k < tensor_elements(t); k++) {
        uint64_t h = hash_mix(hash_bytes(t->name, strlen(t->name), 5), (uint64_t)k);
        v[k] = (double)(float)((double)(h >> 11) * 0x1p-52 - 1);
        if (rounds) v[k] = bf16(v[k]);
    }
}

// What a program gives for these rows: the results one after another, rows that are not there left out.
typedef VEC(double) Values;

static bool counts(const Tensor *t, int64_t element, int64_t rows) {
    for (int d = t->rank - 1; d >= 0; d--) {
        if ((t->batch_dims >> d & 1) && element % t->dims[d] >= rows) return false;
        element /= t->dims[d];
    }
    return true;
}

static void add_values(Arena *arena, Values *all, const Tensor *t, const double *v, int64_t rows) {
    for (int64_t k = 0; k < tensor_elements(t); k++)
        if (counts(t, k, rows)) vec_push(arena, all, v[k]);
}

static Values run(CompiledProgram *c, int64_t rows, int thread_count) {
    Values all = {0};
    Program *p = c->program;
    for (int i = 0; i < p->tensors.count; i++) {
        Tensor *t = p->tensors.data[i];
        double *v = arena_array(p->arena, double, tensor_elements(t));
        fill(t, v);
        if (is_given(t)) compiled_set(c, t, v);
    }
    compiled_call(c, FUNCTION_STEP, rows, 0, 0, thread_count);
    for (int i = 0; i < p->tensors.count; i++) {
        Tensor *t = p->tensors.data[i];
        double *v = arena_array(p->arena, double, tensor_elements(t));
        if (!is_result(t)) continue;
        compiled_get(c, t, v);
        add_values(p->arena, &all, t, v, rows);
    }
    return all;
}

static Values interpreted(Program *p, int64_t rows) {
    Values all = {0};
    Environment *env = environment_create(p, rows, 0);
    for (int i = 0; i < p->tensors.count; i++)
        if (is_given(p->tensors.data[i]))
            fill(p->tensors.data[i], environment_values(env, p->tensors.data[i]));
    const char *wrong = interpret(env, p->functions.data[0]);
    if (wrong) printf("the interpreter: %s\n", wrong);
    for (int i = 0; i < p->tensors.count; i++)
        if (is_result(p->tensors.data[i]))
            add_values(p->arena, &all, p->tensors.data[i], environment_values(env, p->tensors.data[i]), rows);
    return all;
}

static bool close(Values a, Values b, double tolerance) {
    double largest = 1, gap = 0;
    for (int i = 0; i < a.count && i < b.count; i++) {
        largest = fmax(largest, fabs(b.data[i]));
        gap = isnan(a.data[i] - b.data[i]) ? HUGE_VAL : fmax(gap, fabs(a.data[i] - b.data[i]));
    }
    return a.count == b.count && gap <= tolerance * largest;
}

static bool same_bits(Values a, Values b) {
    return a.count == b.count && !memcmp(a.data, b.data, sizeof *a.data * (size_t)a.count);
}

static int given_away(const Kernels *ks) {
    int n = 0;
    const Schedule *s = ks->schedules.data[0];
    for (int i = 0; i < s->kernels.count; i++) n += s->kernels.data[i]->product != NULL;
    return n;
}

static void check_rows(const Kind *kind, const char *precision, CompiledProgram *blas, CompiledProgram *own,
                       Program *meaning, int64_t rows) {
    double tolerance = strcmp(precision, "double") ? 4e-6 : 1e-13;
    Values one = run(blas, rows, threads[0]);
    check(close(one, interpreted(meaning, rows), tolerance), kind->name, precision, rows,
          "is not what the interpreter says");
    check(close(one, run(own, rows, 1), tolerance), kind->name, precision, rows,
          "is not what nnc's own kernels say");
    for (int t = 1; t < THREADS; t++)
        check(same_bits(one, run(blas, rows, threads[t])), kind->name, precision, rows,
              "other bits on several threads");
}

static void check_kind(const Kind *kind, const char *precision, const char *cpu) {
    Context *ctx = context_create();
    Program *p = program_of(ctx, kind, precision), *q = program_of(ctx, kind, precision),
            *meaning = program_of(ctx, kind, precision);
    CompiledProgram *blas = p ? compiled_by_blas(p, cpu, BLAS_OPENBLAS) : NULL,
                    *own = q ? compiled_by_blas(q, cpu, BLAS_NONE) : NULL;
    check(blas && own, kind->name, precision, kind->batch, "does not compile");
    if (blas && own) {
        check(given_away(blas->kernels) == kind->products, kind->name, precision, kind->batch,
              "other kernels go to OpenBLAS");
        check(given_away(own->kernels) == 0, kind->name, precision, kind->batch,
              "OpenBLAS gets what is not its");
        check_rows(kind, precision, blas, own, meaning, kind->batch);
        check_rows(kind, precision, blas, own, meaning, kind->batch / 2 + 1);
        check_rows(kind, precision, blas, own, meaning, 1);
    }
    if (blas) compiled_destroy(blas);
    if (own) compiled_destroy(own);
    context_destroy(ctx);
}

// ---- strips -----------------------------------------------------------------------------------------------

static const Kind in_strips = {
    "in strips", 1, 0,
    "param q[batch, 1024, 8]\nparam k[batch, 1024, 8]\ntemp s[batch, 1024, 1024]\n"
    "temp top[batch, 1024]\ntemp e[batch, 1024, 1024]\noutput o[batch, 1024, 8]\nfunction step step\n"
    "    s[b, i, j] = sum[d] q[b, i, d] * k[b, j, d] if i - j in 0..1023 else 0.0    | b:batch i:1024 j:1024 "
    "d:8\n"
    "    top[b, i] = max[j] s[b, i, j] if i - j in 0..1023 else -inf    | b:batch i:1024 j:1024\n"
    "    e[b, i, j] = exp(s[b, i, j] - top[b, i]) if i - j in 0..1023 else 0.0    | b:batch i:1024 j:1024\n"
    "    o[b, i, d] = sum[j] e[b, i, j] * k[b, j, d] if i - j in 0..1023 else 0.0    | b:batch i:1024 d:8 "
    "j:1024\n",
    true};

static int kernels_in_strips(const Kernels *ks) {
    int n = 0;
    every (k, ks->schedules.data[0]->kernels) n += k->strip;
    return n;
}

// What falls out of the cache is made and read in strips, with the same bits by any number of threads.
static void check_strips(const char *cpu) {
    Context *ctx = context_create();
    Program *p = program_of(ctx, &in_strips, "default"), *meaning = program_of(ctx, &in_strips, "default");
    CompiledProgram *c = p ? compiled_create(p, cpu, false) : NULL;
    bool narrow = c && c->kernels->machine.lanes < 16; // there the last of them has blocks of its own
    check(c && (narrow || kernels_in_strips(c->kernels) > 1), in_strips.name, cpu, 1,
          "nothing runs in strips");
    Values one = {0};
    if (c) one = run(c, 1, 1);
    check(c && close(one, interpreted(meaning, 1), 4e-6), in_strips.name, cpu, 1,
          "is not what the interpreter says");
    for (int t = 1; c && t < THREADS; t++)
        check(same_bits(one, run(c, 1, threads[t])), in_strips.name, cpu, 1, "other bits on several threads");
    if (c) compiled_destroy(c);
    context_destroy(ctx);
}

// ---- bf16 -------------------------------------------------------------------------------------------------

static Program *rounded_program(Context *ctx, const Kind *kind) {
    Program *p = program_of(ctx, kind, "bf16");
    if (p) passes_run(p, "round", "round", NULL, NULL);
    const char *wrong = p ? program_verify(p) : NULL;
    check(!wrong, kind->name, "bf16", kind->batch, wrong ? wrong : "");
    return p;
}

// Numbers that are computed may round to the other neighbour: of them the interpreter says less.
static Values check_rounded(const Kind *kind, CompiledProgram *c, Values meant, CompiledProgram *single,
                            int64_t rows) {
    Values one = run(c, rows, 1);
    check(close(one, meant, kind->reads_more ? 2e-3 : 4e-6), kind->name, "bf16", rows,
          "is not what the interpreter says");
    outputs_alone = true;
    Values own = run(c, rows, 1);
    rounds = true;
    if (single)
        check(close(own, run(single, rows, 1), 4e-6), kind->name, "bf16", rows, "reads other numbers");
    outputs_alone = rounds = false;
    for (int t = 1; t < THREADS; t++)
        check(same_bits(one, run(c, rows, threads[t])), kind->name, "bf16", rows,
              "other bits on several threads");
    return one;
}

static void check_bf16(const Kind *kind) {
    static const char *const cpus[] = {"x86-64-v4-bf16", "x86-64-v4", "x86-64-v3", "x86-64-v2"};
    const bool runs[] = {__builtin_cpu_supports("avx512bf16"), __builtin_cpu_supports("avx512vl"), true,
                         true};
    const int64_t rows[] = {kind->batch, kind->batch / 2 + 1, 1};
    Context *ctx = context_create();
    Program *meaning = rounded_program(ctx, kind);
    bool plain = !kind->reads_more && strncmp(kind->name, "no product", 10) != 0;
    CompiledProgram *single =
        plain ? compiled_create(program_of(ctx, kind, "default"), "x86-64-v3", false) : NULL;
    Values meant[3], fast[3] = {{0}};
    for (int n = 0; n < 3 && meaning; n++) meant[n] = interpreted(meaning, rows[n]);
    for (int i = 0; i < 4 && meaning; i++) {
        CompiledProgram *c = runs[i] ? compiled_create(rounded_program(ctx, kind), cpus[i], false) : NULL;
        for (int n = 0; n < 3 && c; n++) {
            Values all = check_rounded(kind, c, meant[n], single, rows[n]);
            if (i == 1 && fast[n].count)
                check(same_bits(fast[n], all), kind->name, "bf16", rows[n], "other bits by the instruction");
            if (i == 0) fast[n] = all;
        }
        if (c) compiled_destroy(c);
    }
    if (single) compiled_destroy(single);
    context_destroy(ctx);
}

int main(int argc, char **argv) {
    static const char *const precisions[] = {"default", "double"}, *const cpus[] = {"native", "x86-64-v3"};
    for (int i = 0; i < KINDS; i++) {
        if (argc > 1 && strcmp(argv[1], kinds[i].name)) continue;
        for (int p = 0; p < 2; p++) check_kind(&kinds[i], precisions[p], cpus[(i + p) % 2]);
        check_bf16(&kinds[i]);
    }
    for (int i = 0; i < 2; i++)
        if (argc == 1 || !strcmp(argv[1], in_strips.name)) check_strips(cpus[i]);
    printf("%d passed, %d failed\n", passed, failed);
    return failed != 0;
}
