// Every row of the scalar table as it is emitted, against its reference evaluation: vectors of AVX-512 and
// AVX2, scalars, single and double, strict and not, over many magnitudes and all the edges. Errors are in
// units of the last place. `emit_ops_test -v` prints the largest error of each.
#include "pass/passes.h"
#include "support/compiled.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xmmintrin.h>

enum { COUNT = 4096 };

typedef struct {
    const char *cpu, *precision;
    bool scalar;
} Way;
typedef struct {
    int passed, failed;
    bool verbose;
} Result;
// What an operation is asked for: the range of its operands, and the most it may err in single and in double.
typedef struct {
    Op op;
    double low, high, single, full;
} Promise;

static const Promise promises[] = {
    {OP_DIV, -1e6, 1e6, 0.51, 0.51},
    {OP_POW, 0, 50, 1, 1},
    {OP_EXP, -80, 80, 1.5, 1.5},
    {OP_LOG, 0, 1e6, 1.5, 1.5},
    {OP_LOG1P, -0.999, 1e4, 2.5, 2.5},
    {OP_EXPM1, -20, 60, 2.5, 2.5},
    {OP_SQRT, 0, 1e6, 0.51, 0.51},
    {OP_SIN, -1000, 1000, 1.5, 2},
    {OP_COS, -1000, 1000, 1.5, 2},
    {OP_TANH, -12, 12, 4, 4},
    {OP_SIGMOID, -80, 80, 4, 4},
    {OP_SOFTPLUS, -80, 80, 3, 3},
    {OP_ERF, -8, 8, 4, 4},
    {OP_ERFINV, -0.999, 0.999, 8, 8},
    {OP_ABS, -100, 100, 0, 0},
    {OP_SIGN, -2, 2, 0, 0},
    {OP_FLOOR, -1000, 1000, 0, 0},
    {OP_MOD, -50, 50, 1, 1},
    {OP_FLOOR_DIV, -50, 50, 0.5, 0.5},
    {OP_MAX, -5, 5, 0, 0},
    {OP_MIN, -5, 5, 0, 0},
    {OP_LT, -2, 2, 0, 0},
    {OP_LE, -2, 2, 0, 0},
    {OP_EQ, -2, 2, 0, 0},
    {OP_AND, -1, 1, 0, 0},
    {OP_OR, -1, 1, 0, 0},
    {OP_NOT, -1, 1, 0, 0},
    {OP_SELECT, -5, 5, 0, 0},
    {OP_REAL, -5, 5, 0, 0},
    {OP_AT, -5, 5, 0, 0},
    {OP_BF16, -5, 5, 0, 0},
    {OP_BF16_PAIR, -5, 5, 0.5, 0}, // read as a number
    {OP_BF16_DOT, -5, 5, 1, 0},
    {OP_STOP_GRADIENT, -5, 5, 0, 0},
};

static const double edges[] = {0.0,   -0.0,     1,         -1,   0.5,   -0.5,  2,      3,
                               -3,    1e-3,     -1e-3,     1e-7, -1e-7, 1e-30, -1e-30, 1e30,
                               -1e30, HUGE_VAL, -HUGE_VAL, NAN,  88,    89,    -87,    -104,
                               10,    0.99999,  -0.99999,  709,  -745,  1e-20, 7,      16777216};

static const Promise *promise_of(Op op) {
    for (size_t i = 0; i < sizeof promises / sizeof *promises; i++)
        if (promises[i].op == op) return &promises[i];
    return NULL;
}

static double draw(uint64_t key, int argument, int i) {
    return (double)(hash_mix(key * 31 + (uint64_t)argument, (uint64_t)i) >> 11) * 0x1p-53;
}

// A quarter of the values cluster round 0 over many magnitudes; the last are pairs of edges.
static double operand(const Promise *p, int argument, int i) {
    int n = (int)(sizeof edges / sizeof *edges);
    if (i >= COUNT - n * n) return edges[argument ? (i - COUNT + n * n) / n : (i - COUNT + n * n) % n];
    double u = draw((uint64_t)p->op, argument, i);
    if (i % 4 == 0)
        return (p->low < 0 && u < 0.5 ? -1 : 1) *
               fmin(pow(10, -9 * draw((uint64_t)p->op + 99, argument, i)), p->high);
    if (i % 4 == 1 && (p->op == OP_EQ || p->op == OP_LE || p->op == OP_MAX)) return floor(4 * u);
    return p->low + (p->high - p->low) * u;
}

static Program *program_of(Context *ctx, const Promise *p, const Way *w) {
    Program *q = program_create(ctx, precision_find(w->precision), 1);
    int64_t dims[1] = {COUNT};
    int arity = op_info(p->op)->arity;
    const Expr *args[3];
    Index *i = index_add(q, "i", COUNT, false);
    const Affine *form = affine_index(q, i);
    for (int a = 0; a < arity; a++)
        args[a] =
            expr_read(q, tensor_add(q, string_format(q->arena, "x%d", a), TENSOR_STATE, TYPE_REAL, 1, dims),
                      &form, NULL);
    if (p->op == OP_SELECT || p->op == OP_AND || p->op == OP_OR || p->op == OP_NOT)
        for (int a = 0; a < (p->op == OP_SELECT ? 1 : arity); a++)
            args[a] = expr_binary(q, OP_LT, args[a], expr_const(q, 0));
    if (p->op == OP_BF16_DOT) args[0] = args[1] = expr_binary(q, OP_BF16_PAIR, args[0], args[1]);
    const Expr *e = expr_op(q, p->op, args, arity);
    Tensor *y = tensor_add(q, "y", TENSOR_OUTPUT, TYPE_REAL, 1, dims);
    Function *f = function_add(q, FUNCTION_STEP, "step");
    vec_push(q->arena, &f->outputs, y);
    equation_add(q, f, y, &form, REDUCE_NONE, NULL, 0, e, NULL);
    return q;
}

static CompiledProgram *compile(Program *p, const Way *w) {
    Target *target = target_find(p->ctx, w->cpu, NULL);
    Kernels *k = kernels_run(p, &target->machine, "tiles");
    for (int i = 0; w->scalar && i < k->schedules.data[0]->kernels.count; i++) {
        Kernel *kernel = k->schedules.data[0]->kernels.data[i];
        kernel->vector_axis = kernel->sum_vector_axis = -1;
        for (int a = 0; a < kernel->axis_count; a++) kernel->axes[a].step = 1;
    }
    pass_place(k);
    return compiled_of(k, target);
}

static double flushed(double x, bool single) {
    return single && fabs(x) < 0x1p-126 ? copysign(0, x) : fabs(x) < 0x1p-1022 ? copysign(0, x) : x;
}

static double in_ulps(double got, double want, bool single) {
    if (got == want || (isnan(got) && isnan(want))) return 0;
    if (isnan(got) || isnan(want) || isinf(got) || isinf(want)) return HUGE_VAL;
    int exponent;
    frexp(want, &exponent);
    if (single && exponent < -125) exponent = -125;
    if (exponent < -1021) exponent = -1021;
    return fabs(got - want) / ldexp(1, exponent - (single ? 24 : 53));
}

// The reference on the operands as they are read: conditions of selects and logic are `operand < 0`, words
// are pairs of both.
static double reference(const Promise *p, const double *x) {
    double a[3] = {x[0], x[1], x[2]};
    int arity = op_info(p->op)->arity;
    if (p->op == OP_SELECT || p->op == OP_AND || p->op == OP_OR || p->op == OP_NOT)
        for (int i = 0; i < (p->op == OP_SELECT ? 1 : arity); i++) a[i] = x[i] < 0;
    if (p->op == OP_BF16_DOT) a[0] = a[1] = op_info(OP_BF16_PAIR)->evaluate(x);
    return op_info(p->op)->evaluate(a);
}

// Integers beyond 32 bits, and quotients by 0 that no one asks for, are nobody's.
static bool is_asked(const Promise *p, const double *x, double want, bool single) {
    if (p->op == OP_FLOOR || p->op == OP_FLOOR_DIV)
        return fabs(want) < 2e9 && (p->op == OP_FLOOR || x[1] != 0);
    if (p->op == OP_MOD)
        return isfinite(x[0]) && isfinite(x[1]) && x[1] != 0 && fabs(x[0] / x[1]) < (single ? 1e6 : 1e12);
    if (p->op == OP_BF16_DOT) return single; // there is no other
    if (p->op == OP_SIN || p->op == OP_COS) return !(fabs(x[0]) > 1e8) || !isfinite(x[0]);
    if (p->op == OP_ERFINV && fabs(x[0]) > 0.99) return single ? fabs(x[0]) > 1 || isnan(x[0]) : isnan(x[0]);
    return true;
}

// Where erf is 1, what multiplies the difference may be large: not one unit less.
static bool must_be_exact(const Promise *p, const double *x) { return p->op == OP_ERF && fabs(x[0]) > 6; }

static void check(Result *r, const Promise *p, const Way *w, const CompiledProgram *c, double *const *x) {
    bool single = strcmp(w->precision, "double") != 0;
    double *y = arena_array(c->program->arena, double, COUNT), most = 0, at[3] = {0}, got = 0, wanted = 0;
    compiled_get(c, tensor_find(c->program, "y"), y);
    for (int i = 0; i < COUNT; i++) {
        double a[3] = {x[0][i], x[1][i], x[2][i]}, exact = reference(p, a);
        double want = single ? flushed((double)(float)exact, true) : flushed(exact, false);
        double wide = isfinite(want) && want != 0 ? exact : want,
               error = in_ulps(flushed(y[i], single), wide, single);
        if (must_be_exact(p, a) && y[i] != want) error = (double)INFINITY;
        if (!is_asked(p, a, want, single) || !(error > most)) continue;
        most = error;
        memcpy(at, a, sizeof at);
        got = y[i];
        wanted = want;
    }
    bool good = most <= (single ? p->single : p->full);
    *(good ? &r->passed : &r->failed) += 1;
    if (!good || r->verbose)
        printf("%-14s %s %s%s: %.3g ulp at %.9g, %.9g: %.9g for %.9g\n", op_info(p->op)->name, w->cpu,
               w->precision, w->scalar ? " scalar" : "", most, at[0], at[1], got, wanted);
}

static void run(Result *r, const Promise *p, const Way *w) {
    Context *ctx = context_create();
    Program *q = program_of(ctx, p, w);
    CompiledProgram *c = compile(q, w);
    double *x[3];
    bool single = strcmp(w->precision, "double") != 0;
    for (int a = 0; a < 3; a++) {
        x[a] = arena_array(ctx->arena, double, COUNT);
        for (int i = 0; i < COUNT; i++)
            x[a][i] = flushed(single ? (double)(float)operand(p, a, i) : operand(p, a, i), single);
        const Tensor *t = tensor_find(q, string_format(q->arena, "x%d", a));
        if (c && t) compiled_set(c, t, x[a]);
    }
    unsigned state = _mm_getcsr();
    _mm_setcsr(state | 0x8040);
    if (c) compiled_call(c, FUNCTION_STEP, 1, 0, 0, 1);
    _mm_setcsr(state);
    if (c) {
        check(r, p, w, c, x);
        compiled_destroy(c);
    } else
        r->failed++;
    context_destroy(ctx);
}

// Whole numbers of 32 bits: every pair of these. Where the processor would trap the quotient is the dividend.
static void test_whole(Result *r, const Way *w) {
    static const int32_t values[] = {INT32_MIN, INT32_MIN + 1, -7,       -2, -1, 0, 1, 2, 3,
                                     7,         INT32_MAX - 1, INT32_MAX};
    enum { N = sizeof values / sizeof *values, PAIRS = N * N };
    Context *ctx = context_create();
    Program *p =
        program_create(ctx, strcmp(w->precision, "double") ? PRECISION_DEFAULT : PRECISION_DOUBLE, 1);
    int64_t dims[1] = {PAIRS};
    const Affine *form = affine_index(p, index_add(p, "i", PAIRS, false));
    Tensor *x = tensor_add(p, "x", TENSOR_STATE, TYPE_INT, 1, dims),
           *d = tensor_add(p, "d", TENSOR_STATE, TYPE_INT, 1, dims), *y[2];
    Function *f = function_add(p, FUNCTION_STEP, "step");
    for (int k = 0; k < 2; k++) {
        y[k] = tensor_add(p, k ? "mod" : "quotient", TENSOR_OUTPUT, TYPE_INT, 1, dims);
        vec_push(p->arena, &f->outputs, y[k]);
        equation_add(p, f, y[k], &form, REDUCE_NONE, NULL, 0,
                     expr_binary(p, k ? OP_MOD : OP_FLOOR_DIV, expr_read(p, x, &form, NULL),
                                 expr_read(p, d, &form, NULL)),
                     NULL);
    }
    CompiledProgram *c = compile(p, w);
    double a[PAIRS], b[PAIRS], got[2][PAIRS];
    for (int i = 0; i < PAIRS; i++) a[i] = values[i / N], b[i] = values[i % N];
    if (c) {
        compiled_set(c, x, a);
        compiled_set(c, d, b);
        compiled_call(c, FUNCTION_STEP, 1, 0, 0, 1);
        for (int k = 0; k < 2; k++) compiled_get(c, y[k], got[k]);
    }
    bool good = c != NULL;
    for (int i = 0; i < PAIRS && good; i++) {
        bool trap = b[i] == 0 || (a[i] == INT32_MIN && b[i] == -1);
        double down = trap ? a[i] : floor(a[i] / b[i]),
               rest = b[i] == 0 ? a[i] : a[i] - floor(a[i] / b[i]) * b[i];
        good = got[0][i] == down && got[1][i] == rest;
        if (!good)
            printf("%s %s%s: %.0f // %.0f is %.0f for %.0f, mod %.0f for %.0f\n", w->cpu, w->precision,
                   w->scalar ? " scalar" : "", a[i], b[i], got[0][i], down, got[1][i], rest);
    }
    *(good ? &r->passed : &r->failed) += 1;
    if (c) compiled_destroy(c);
    context_destroy(ctx);
}

static bool has(const char *cpu) {
    if (strncmp(cpu, "x86-64-v4", 9)) return true;
    return strcmp(cpu, "x86-64-v4") ? __builtin_cpu_supports("avx512bf16")
                                    : __builtin_cpu_supports("avx512vl");
}

int main(int argc, char **argv) {
    static const Way ways[] = {
        {"x86-64-v4", "default", false},   {"x86-64-v3", "default", false}, {"native", "default", true},
        {"native", "double", false},       {"x86-64-v3", "double", true},   {"native", "strict", false},
        {"x86-64-v4-bf16", "bf16", false},
    };
    Result r = {.verbose = argc > 1 && !strcmp(argv[1], "-v")};
    __builtin_cpu_init();
    for (size_t w = 0; w < sizeof ways / sizeof *ways; w++)
        if (has(ways[w].cpu)) test_whole(&r, &ways[w]);
    for (int op = 0; op < OP_COUNT; op++) {
        if (!op_info((Op)op)) continue;
        const Promise *p = promise_of((Op)op);
        if (!p) {
            printf("no promise for %s\n", op_info((Op)op)->name);
            r.failed++;
        }
        for (size_t w = 0; p && w < sizeof ways / sizeof *ways; w++)
            if (has(ways[w].cpu)) run(&r, p, &ways[w]);
    }
    printf("%d passed, %d failed\n", r.passed, r.failed);
    return r.failed != 0;
}
