// The scalar table, row by row: each derivative against finite differences of the row's own evaluation, at
// many points and for every argument; each evaluation against the C library; ties, infinities and NaN where
// the language promises something.
#include "ir/ir.h"
#include "oracle/interpret.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const double PI = 3.14159265358979323846;

typedef struct {
    int passed, failed;
} Result;

static void check(Result *r, bool ok, const char *what, double got, double wanted) {
    if (ok) {
        r->passed++;
        return;
    }
    r->failed++;
    printf("%s: %.17g, expected %.17g\n", what, got, wanted);
}

static bool close_to(double a, double b, double tolerance) {
    if (isnan(a) || isnan(b)) return isnan(a) && isnan(b);
    if (isinf(a) || isinf(b)) return a == b;
    return fabs(a - b) <= tolerance * fmax(1, fmax(fabs(a), fabs(b)));
}

// ---- a row and its derivatives as a program of scalars ----

typedef struct {
    Program *p;
    Environment *env;
    Function *f;
    Tensor *args[3], *value, *slopes[3];
    const OpInfo *info;
} Row;

static Tensor *scalar(Program *p, const char *name, TensorKind kind) {
    return tensor_add(p, name, kind, TYPE_DOUBLE, 0, NULL);
}

// Values that are not constants, so that nothing is folded.
static Row row_open(Context *ctx, Op op) {
    static const char *const NAMES[] = {"a", "b", "c"};
    static const char *const SLOPES[] = {"da", "db", "dc"};
    Row row = {.p = program_create(ctx, PRECISION_STRICT, 1), .info = op_info(op)};
    const Expr *args[3];
    row.f = function_add(row.p, FUNCTION_STEP, "step");
    row.value = scalar(row.p, "value", TENSOR_OUTPUT);
    for (int i = 0; i < row.info->arity; i++) {
        row.args[i] = scalar(row.p, NAMES[i], TENSOR_PARAM);
        args[i] = expr_read(row.p, row.args[i], NULL, NULL);
    }
    const Expr *e = expr_op(row.p, op, args, row.info->arity);
    equation_add(row.p, row.f, row.value, NULL, REDUCE_NONE, NULL, 0, e, NULL);
    for (int i = 0; i < row.info->arity; i++) {
        const Expr *slope = row.info->derivative(row.p, args, e, i);
        row.slopes[i] = scalar(row.p, SLOPES[i], TENSOR_OUTPUT);
        equation_add(row.p, row.f, row.slopes[i], NULL, REDUCE_NONE, NULL, 0,
                     slope ? slope : expr_const(row.p, 0), NULL);
    }
    row.env = environment_create(row.p, 1, 0);
    for (int i = 0; i < row.info->arity; i++) environment_values(row.env, row.args[i]);
    return row;
}

static bool row_run(Row *row, const double *args) {
    for (int i = 0; i < row->info->arity; i++) environment_values(row->env, row->args[i])[0] = args[i];
    const char *error = interpret(row->env, row->f);
    if (error) printf("%s: %s\n", row->info->name, error);
    return !error;
}

static double slope_of(Row *row, int which) { return environment_values(row->env, row->slopes[which])[0]; }

// The central difference of argument `which`; false near a kink or the border of the domain.
static bool difference(const Row *row, const double *args, int which, double *slope) {
    double x[3] = {args[0], args[1], args[2]}, v[5], h = 1e-4 * fmax(1e-2, fmin(1, fabs(args[which])));
    for (int i = 0; i < 5; i++) {
        x[which] = args[which] + (i - 2) * h;
        v[i] = row->info->evaluate(x);
        if (!isfinite(v[i])) return false;
    }
    double near = (v[3] - v[1]) / (2 * h), far = (v[4] - v[0]) / (4 * h);
    *slope = near + (near - far) / 3;
    double left = (v[2] - v[1]) / h, right = (v[3] - v[2]) / h;
    return fabs(near - far) < 1e-3 * fmax(1, fabs(near)) && fabs(left - right) < 3e-2 * fmax(1, fabs(near));
}

static void check_derivatives(Result *r, Row *row) {
    static const double POINTS[] = {-3.3, -1.7, -0.83, -0.31, -0.04, 0.03, 0.27, 0.71, 0.96, 1.3, 2.6, 4.2};
    enum { COUNT = sizeof POINTS / sizeof *POINTS };
    int arity = row->info->arity, tried[3] = {0},
        points = arity == 1   ? COUNT
                 : arity == 2 ? COUNT * COUNT
                              : 2 * COUNT * COUNT;
    for (int k = 0; k < points; k++) {
        double args[3] = {POINTS[k % COUNT], POINTS[(k / COUNT * 5 + k) % COUNT] + 0.011,
                          POINTS[(k * 7 + 3) % COUNT] - 0.017};
        if (arity == 3) args[0] = k < COUNT * COUNT;
        if (!row_run(row, args)) {
            r->failed++;
            return;
        }
        for (int which = arity == 3; which < arity; which++) {
            double wanted;
            if (!difference(row, args, which, &wanted)) continue;
            tried[which]++;
            double got = slope_of(row, which);
            char what[128];
            snprintf(what, sizeof what, "%s'[%d](%g, %g, %g)", row->info->name, which, args[0], args[1],
                     args[2]);
            check(r, close_to(got, wanted, 1e-6), what, got, wanted);
        }
    }
    for (int which = arity == 3; which < arity; which++)
        check(r, tried[which] >= 4, row->info->name, tried[which], 4);
}

static void check_flags(Result *r, const Row *row) {
    double x[3] = {0.7, 0.3, 1.9}, y[3] = {0.3, 0.7, 1.9};
    if (row->info->commutative)
        check(r, row->info->evaluate(x) == row->info->evaluate(y), row->info->name, row->info->evaluate(x),
              row->info->evaluate(y));
    check(r, row->info->cost >= 0 && row->info->arity >= 1 && row->info->arity <= 3, row->info->name,
          row->info->cost, 1);
}

// ---- evaluations ----

static double value(Op op, double a, double b) { return op_info(op)->evaluate((const double[]){a, b, 0}); }

static void check_values(Result *r) {
    for (double x = -4; x <= 4; x += 0.17) {
        check(r, close_to(value(OP_SIGMOID, x, 0), 1 / (1 + exp(-x)), 1e-15), "sigmoid",
              value(OP_SIGMOID, x, 0), 1 / (1 + exp(-x)));
        check(r, close_to(value(OP_SOFTPLUS, x, 0), log(1 + exp(x)), 1e-14), "softplus",
              value(OP_SOFTPLUS, x, 0), log(1 + exp(x)));
        check(r, value(OP_TANH, x, 0) == tanh(x), "tanh", value(OP_TANH, x, 0), tanh(x));
        check(r, value(OP_ERF, x, 0) == erf(x), "erf", value(OP_ERF, x, 0), erf(x));
        double y = erf(x);
        if (fabs(y) < 1 - 1e-12)
            check(r, close_to(value(OP_ERFINV, y, 0), x, 1e-15 / (2 / sqrt(PI) * exp(-x * x)) + 1e-14),
                  "erfinv", value(OP_ERFINV, y, 0), x);
        for (double d = -2.9; d <= 3; d += 0.31) {
            double rest = value(OP_MOD, x, d), down = value(OP_FLOOR_DIV, x, d);
            check(r, close_to(rest, x - d * floor(x / d), 1e-12) || fabs(fabs(rest) - fabs(d)) < 1e-12, "mod",
                  rest, x - d * floor(x / d));
            check(r, rest == 0 || (rest < 0) == (d < 0), "mod has the divisor's sign", rest, d);
            check(r, close_to(down * d + rest, x, 1e-12), "// and mod", down * d + rest, x);
        }
    }
    static const double SMALL[] = {1e-300, 1e-17, 1e-9, 1e-4};
    for (int i = 0; i < 4; i++) {
        check(r, value(OP_LOG1P, SMALL[i], 0) == log1p(SMALL[i]), "log1p", value(OP_LOG1P, SMALL[i], 0),
              log1p(SMALL[i]));
        check(r, value(OP_EXPM1, SMALL[i], 0) == expm1(SMALL[i]), "expm1", value(OP_EXPM1, SMALL[i], 0),
              expm1(SMALL[i]));
        double near = 1 - SMALL[3] * (i + 1), back = erf(value(OP_ERFINV, near, 0));
        check(r, close_to(back, near, 1e-15), "erfinv near 1", back, near);
    }
}

static void check_borders(Result *r) {
    double inf = (double)INFINITY, nan = (double)NAN;
    const struct {
        Op op;
        double a, b, wanted;
    } rows[] = {
        {OP_SIGMOID, -1000, 0, 0}, {OP_SIGMOID, 1000, 0, 1},     {OP_SIGMOID, inf, 0, 1},
        {OP_SIGMOID, -inf, 0, 0},  {OP_SOFTPLUS, 1000, 0, 1000}, {OP_SOFTPLUS, -1000, 0, 0},
        {OP_SOFTPLUS, -inf, 0, 0}, {OP_SOFTPLUS, nan, 0, nan},   {OP_MAX, nan, 1, nan},
        {OP_MAX, 1, nan, nan},     {OP_MIN, nan, 1, nan},        {OP_MIN, 1, nan, nan},
        {OP_MAX, -inf, 3, 3},      {OP_MIN, 2, inf, 2},          {OP_TANH, 1000, 0, 1},
        {OP_ERFINV, 1, 0, inf},    {OP_ERFINV, -1, 0, -inf},     {OP_ERFINV, 2, 0, nan},
        {OP_MOD, -1, 5, 4},        {OP_MOD, 1, -5, -4},          {OP_FLOOR_DIV, -1, 5, -1},
        {OP_FLOOR_DIV, 7, 2, 3},   {OP_FLOOR_DIV, -6, 3, -2},    {OP_SIGN, -2, 0, -1},
        {OP_SIGN, 0, 0, 0},        {OP_SIGN, nan, 0, nan},       {OP_POW, 0, 0, 1},
        {OP_POW, -2, 3, -8},       {OP_EQ, nan, nan, 0},         {OP_LE, nan, 1, 0},
        {OP_EXP, -inf, 0, 0},      {OP_SIGMOID, nan, 0, nan},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double got = value(rows[i].op, rows[i].a, rows[i].b);
        check(r, close_to(got, rows[i].wanted, 0), op_info(rows[i].op)->name, got, rows[i].wanted);
    }
}

// Slopes that finite differences cannot see: ties, kinks, far out.
static void check_slopes(Result *r, Context *ctx) {
    const struct {
        Op op;
        double a, b;
        int which;
        double wanted;
    } rows[] = {
        {OP_MAX, 0, 0, 0, 0.5},        {OP_MAX, 0, 0, 1, 0.5},       {OP_MIN, 0, 0, 0, 0.5},
        {OP_MIN, 0, 0, 1, 0.5},        {OP_ABS, 0, 0, 0, 0},         {OP_SIGMOID, -1000, 0, 0, 0},
        {OP_SIGMOID, 1000, 0, 0, 0},   {OP_SOFTPLUS, 1000, 0, 0, 1}, {OP_SOFTPLUS, 0, 0, 0, 0.5},
        {OP_SOFTPLUS, -1000, 0, 0, 0}, {OP_POW, 0, 0, 0, 0},         {OP_POW, 0, 2, 0, 0},
        {OP_POW, 0, 2, 1, 0},          {OP_POW, 0, 1, 0, 1},         {OP_TANH, 1000, 0, 0, 0},
        {OP_MOD, 7, 2, 1, -3},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        Row row = row_open(ctx, rows[i].op);
        if (!row_run(&row, (const double[]){rows[i].a, rows[i].b, 0})) continue;
        double got = slope_of(&row, rows[i].which);
        check(r, close_to(got, rows[i].wanted, 1e-15), op_info(rows[i].op)->name, got, rows[i].wanted);
    }
}

int main(void) {
    Result r = {0, 0};
    Context *ctx = context_create();
    static const Op ROWS[] = {
#define OP(name, ...) OP_##name,
#include "ir/ops.def"
#undef OP
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        if (ROWS[i] == OP_REAL) // never stands in an expression: numbers and integers mix
            continue;
        Row row = row_open(ctx, ROWS[i]);
        check_flags(&r, &row);
        if (ROWS[i] != OP_STOP_GRADIENT && ROWS[i] != OP_AT)
            check_derivatives(&r, &row); // whose slope is 0 by definition
    }
    check_values(&r);
    check_borders(&r);
    check_slopes(&r, ctx);
    context_destroy(ctx);
    printf("%d passed, %d failed\n", r.passed, r.failed);
    return r.failed != 0;
}
