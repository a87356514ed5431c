// The intermediate form: guards, affine forms, canonical and normal expressions against brute force at every
// point; text that reads back as it was printed; the verifier's refusals; the interpreter on small programs.
#include "ir/ir.h"
#include "oracle/interpret.h"
#include "oracle/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    Context *ctx;
    int passed, failed;
    uint64_t seed;
} Test;

static void check(Test *t, bool ok, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void check(Test *t, bool ok, const char *format, ...) {
    t->passed += ok;
    if (ok) return;
    va_list args;
    va_start(args, format);
    if (t->failed++ < 40) {
        vprintf(format, args);
        printf("\n");
    }
    va_end(args);
}

static int64_t pick(Test *t, int64_t low, int64_t high) {
    t->seed = t->seed * 6364136223846793005u + 1442695040888963407u;
    return low + (int64_t)((t->seed >> 33) % (uint64_t)(high - low + 1));
}

static const char *text_of_expr(Test *t, const Expr *e) {
    Text text = {.arena = t->ctx->arena};
    expr_print(&text, e);
    return text_string(&text);
}

static const char *text_of_program(Test *t, const Program *p) {
    Text text = {.arena = t->ctx->arena};
    program_print(&text, p);
    return text_string(&text);
}

static Program *program_of(Test *t, const char *text) {
    Program *p = program_read(t->ctx, source_add(t->ctx, "test.ir", text, strlen(text)));
    if (!p) diagnostics_print(t->ctx, false, stdout);
    return p;
}

// ---- a small space of points: two indices and an integer read ----

enum { I_SIZE = 5, J_SIZE = 4, K_LIMIT = 6 };

typedef struct {
    Program *p;
    Index *i, *j;
    Tensor *k, *x;
    const Expr *read_k;
} Space;

static Space space_open(Test *t, Precision precision) {
    Space s = {.p = program_create(t->ctx, precision, 4)};
    s.i = index_add(s.p, "i", I_SIZE, false);
    s.j = index_add(s.p, "j", J_SIZE, false);
    s.k = tensor_add(s.p, "k", TENSOR_INPUT, TYPE_INT, 1, (const int64_t[]){I_SIZE});
    s.k->bounded = true;
    s.k->high = K_LIMIT - 1;
    s.x = tensor_add(s.p, "x", TENSOR_INPUT, TYPE_REAL, 2, (const int64_t[]){I_SIZE, J_SIZE});
    const Affine *at_i = affine_index(s.p, s.i);
    s.read_k = expr_read(s.p, s.k, &at_i, NULL);
    return s;
}

static const Affine *random_form(Test *t, const Space *s, int64_t most) {
    const Affine *parts[] = {affine_index(s->p, s->i), affine_index(s->p, s->j),
                             affine_atom(s->p, s->read_k)};
    const Affine *f = affine_constant(s->p, pick(t, -most, most));
    for (int n = (int)pick(t, 1, 3); n > 0; n--)
        f = affine_add(s->p, f, affine_scale(s->p, parts[pick(t, 0, 2)], pick(t, -most, most), 1));
    return f;
}

// numerator and denominator at a point
static int64_t form_at(const Space *s, const Affine *f, int64_t i, int64_t j, int64_t k) {
    int64_t v = f->constant;
    for (int n = 0; n < f->count; n++) {
        const Expr *atom = f->terms[n].atom;
        if (atom->op == OP_FLOOR_DIV) {
            int64_t inner = atom->args[0]->op == OP_AFFINE ? form_at(s, atom->args[0]->form, i, j, k)
                            : atom->args[0] == s->read_k   ? k
                            : atom->args[0]->index == s->i ? i
                                                           : j;
            v += f->terms[n].coef * (int64_t)floor((double)inner / atom->args[1]->value);
        } else {
            v += f->terms[n].coef * (atom == s->read_k ? k : atom->index == s->i ? i : j);
        }
    }
    return v;
}

static bool guard_at(const Space *s, Guard g, int64_t i, int64_t j, int64_t k) {
    int64_t v = form_at(s, g.form, i, j, k);
    return v % g.form->denominator == 0 && v >= 0 && v / g.form->denominator < g.count;
}

#define EACH_POINT(i, j, k)                                                                                  \
    for (int64_t i = 0; i < I_SIZE; i++)                                                                     \
        for (int64_t j = 0; j < J_SIZE; j++)                                                                 \
            for (int64_t k = 0; k < K_LIMIT; k++)

static Guard random_guard(Test *t, const Space *s) {
    const Affine *form = random_form(t, s, 4); // one draw after the other: arguments have no order in C
    int64_t denominator = pick(t, 0, 2) ? 1 : pick(t, 1, 4), count = pick(t, 1, 7);
    return (Guard){affine_scale(s->p, form, 1, denominator), count};
}

static void test_guards(Test *t) {
    Space s = space_open(t, PRECISION_DEFAULT);
    for (int round = 0; round < 3000; round++) {
        Guard g = random_guard(t, &s), n = g, c;
        GuardTruth truth = guard_normal(s.p, &n);
        bool has_complement = truth == GUARD_OPEN && guard_complement(s.p, NULL, 0, n, &c);
        EACH_POINT(i, j, k) {
            bool wanted = guard_at(&s, g, i, j, k);
            check(t, wanted == (truth == GUARD_TRUE || (truth == GUARD_OPEN && guard_at(&s, n, i, j, k))),
                  "guard_normal");
            if (has_complement) check(t, wanted != guard_at(&s, c, i, j, k), "guard_complement");
        }
        Guard again = n;
        bool same = guard_normal(s.p, &again) == truth && again.form == n.form && again.count == n.count;
        check(t, truth != GUARD_OPEN || same, "guard_normal twice");
    }
}

static void test_conjunctions(Test *t) {
    Space s = space_open(t, PRECISION_DEFAULT);
    for (int round = 0; round < 2000; round++) {
        Guard g[4], n[4];
        int count = (int)pick(t, 1, 4), left = count;
        for (int a = 0; a < count; a++) {
            bool moved = a > 0 && pick(t, 0, 1);
            int64_t by = moved ? pick(t, -2, 2) : 0;
            g[a] = moved ? (Guard){affine_offset(s.p, g[0].form, by), pick(t, 1, 4)} : random_guard(t, &s);
            n[a] = g[a];
        }
        bool possible = guards_normal(s.p, n, &left);
        Guard extra = random_guard(t, &s), against;
        bool opposite = guard_complement(s.p, g, count, extra, &against);
        bool implied = guards_imply_together(s.p, g, count, extra);
        EACH_POINT(i, j, k) {
            bool wanted = true, got = possible;
            for (int a = 0; a < count; a++) wanted = wanted && guard_at(&s, g[a], i, j, k);
            for (int a = 0; possible && a < left; a++) got = got && guard_at(&s, n[a], i, j, k);
            check(t, wanted == got, "guards_normal");
            bool holds = guard_at(&s, extra, i, j, k);
            if (wanted && implied) check(t, holds, "guards_imply_together");
            if (wanted && opposite) check(t, holds != guard_at(&s, against, i, j, k), "guard_complement");
        }
    }
}

static void test_floor(Test *t) {
    Space s = space_open(t, PRECISION_DEFAULT);
    for (int round = 0; round < 3000; round++) {
        const Affine *f = random_form(t, &s, 9);
        int64_t m = pick(t, 0, 3) ? pick(t, 1, 9) : pick(t, -5, -1), m2 = pick(t, 1, 4), low, high;
        const Expr *down = expr_binary(s.p, OP_FLOOR_DIV, expr_affine(s.p, f), expr_int(s.p, m));
        const Expr *rest = expr_binary(s.p, OP_MOD, expr_affine(s.p, f), expr_int(s.p, m));
        const Expr *twice =
            expr_binary(s.p, OP_FLOOR_DIV, expr_add(s.p, down, expr_int(s.p, 3)), expr_int(s.p, m2));
        affine_bounds(affine_atom(s.p, down), &low, &high);
        EACH_POINT(i, j, k) {
            int64_t v = form_at(&s, f, i, j, k), q = (int64_t)floor((double)v / (double)m);
            int64_t got = form_at(&s, affine_atom(s.p, down), i, j, k);
            check(t, got == q && low <= q && q <= high, "//: %lld, expected %lld", (long long)got,
                  (long long)q);
            check(t, form_at(&s, affine_atom(s.p, rest), i, j, k) == v - m * q, "mod");
            check(t,
                  form_at(&s, affine_atom(s.p, twice), i, j, k) ==
                      (int64_t)floor((double)(q + 3) / (double)m2),
                  "// of //");
        }
    }
}

// ---- canonical forms ----

static void test_canonical(Test *t) {
    Space s = space_open(t, PRECISION_DEFAULT), strict = space_open(t, PRECISION_STRICT);
    for (int which = 0; which < 2; which++) {
        Program *p = which ? strict.p : s.p;
        const Space *sp = which ? &strict : &s;
        const Affine *at[] = {affine_index(p, sp->i), affine_index(p, sp->j)};
        const Expr *x = expr_read(p, sp->x, at, NULL), *k = sp->read_k, *i = expr_index(p, sp->i);
        const Expr *two = expr_const(p, 2), *y = expr_unary(p, OP_EXP, x);
        check(t, expr_add(p, x, y) == expr_add(p, y, x), "sums commute");
        check(t, expr_mul(p, x, y) == expr_mul(p, y, x), "products commute");
        check(t, expr_add(p, i, k)->op == OP_AFFINE && expr_sub(p, expr_add(p, i, k), k) == i,
              "integers are affine");
        check(t, expr_mul(p, i, expr_int(p, 3))->op == OP_AFFINE, "a multiple of an index is affine");
        check(t, expr_neg(p, expr_neg(p, x)) == x, "- -x");
        check(t, expr_mul(p, x, expr_const(p, 1)) == x && expr_add(p, x, expr_const(p, 0)) == x, "1 and 0");
        check(t, (expr_div(p, x, x)->op == OP_CONST) == !which, "x/x");
        check(t, (expr_sub(p, x, x)->op == OP_CONST) == !which, "x - x");
        check(t, (expr_mul(p, x, expr_const(p, 0))->op == OP_CONST) == !which, "0*x");
        check(t, (expr_div(p, x, two)->op == OP_DIV) == which, "x/2");
        check(t, expr_mul(p, expr_add(p, i, k), x)->type == TYPE_REAL, "a number times an integer");
        check(t, expr_mul(p, i, k)->type == TYPE_INT, "integers' product");
        check(t, expr_sub(p, expr_mul(p, i, k), expr_mul(p, k, i)) == expr_int(p, 0),
              "integers cancel in every precision");
    }
    Program *p = s.p;
    const Affine *at[] = {affine_index(p, s.i), affine_index(p, s.j)};
    const Expr *x = expr_read(p, s.x, at, NULL), *y = expr_unary(p, OP_EXP, x), *z = expr_unary(p, OP_SIN, x);
    check(t, expr_add(p, expr_add(p, x, y), z) == expr_add(p, x, expr_add(p, y, z)), "sums associate");
    check(t, expr_mul(p, expr_mul(p, x, y), z) == expr_mul(p, x, expr_mul(p, y, z)), "products associate");
    check(t, expr_div(p, expr_mul(p, x, y), y) == x, "x*y/y");
    check(t, expr_sub(p, expr_add(p, x, y), y) == x, "x+y-y");
    check(t, expr_mul(p, expr_mul(p, expr_const(p, 2), x), expr_const(p, 3))->value == 6,
          "constants collect");
    check(t, expr_add(p, x, x) == expr_mul(p, expr_const(p, 2), x), "x + x");
    check(t, expr_mul(p, x, x) == expr_binary(p, OP_POW, x, expr_const(p, 2)), "x * x");
    check(t, expr_binary(p, OP_POW, x, expr_const(p, 0.5)) == expr_unary(p, OP_SQRT, x), "x^0.5");
    const Expr *many = expr_const(p, 0);
    for (int n = 0; n < 3000; n++)
        many = expr_add(p, many, expr_unary(p, OP_SIN, expr_add(p, x, expr_const(p, n))));
    check(t, many->count <= MAX_ENTRIES + 1, "a long sum is nested: %d", many->count);
}

// ---- random expressions: canonical, normal, substituted, printed ----

static const Expr *random_expr(Test *t, const Space *s, int depth) {
    static const Op UNARY[] = {OP_TANH, OP_SIGMOID, OP_ABS, OP_SIN, OP_SIGN, OP_EXP};
    Program *p = s->p;
    const Affine *at[] = {affine_index(p, s->i), affine_index(p, s->j)};
    int what = depth == 0 ? (int)pick(t, 0, 3) : (int)pick(t, 0, 12);
    const Expr *a = depth ? random_expr(t, s, depth - 1) : NULL,
               *b = depth ? random_expr(t, s, depth - 1) : NULL;
    Guard g[2] = {random_guard(t, s), random_guard(t, s)};
    int64_t one = pick(t, 1, 2), other = pick(t, 0, 2);
    const Affine *left = random_form(t, s, 3), *right = random_form(t, s, 3);
    switch (what) {
    case 0: return expr_const(p, (double)pick(t, -3, 3) / 2);
    case 1: return expr_affine(p, random_form(t, s, 3));
    case 2:
    case 3: return expr_read(p, s->x, at, NULL);
    case 4: return expr_add(p, a, b);
    case 5: return expr_sub(p, a, expr_mul(p, b, expr_const(p, 0.5)));
    case 6:
    case 7: return expr_mul(p, a, b);
    case 8: return expr_unary(p, UNARY[pick(t, 0, 5)], expr_unary(p, OP_TANH, a));
    case 9: return expr_where(p, g, (int)one, a, other ? expr_const(p, 0) : b);
    case 10: return expr_select(p, expr_binary(p, OP_LT, a, b), a, other ? expr_const(p, 0) : b);
    case 11:
        return expr_condition(p, expr_binary(p, OP_LE, expr_affine(p, left), expr_affine(p, right)), a, b);
    default: return expr_binary(p, pick(t, 0, 1) ? OP_MAX : OP_MIN, a, b);
    }
}

// Away from the points where `sign`, `floor` and comparisons of the random expressions jump.
static double x_value(int n) { return 0.3 * (n % 7) - 0.8137; }

// Values of an expression at every point of i, j, through the interpreter.
static const double *values_of(Test *t, Space *s, const Expr *e) {
    Tensor *y = tensor_add(s->p, "y", TENSOR_OUTPUT, TYPE_DOUBLE, 2, (const int64_t[]){I_SIZE, J_SIZE});
    Function *f = function_add(s->p, FUNCTION_STEP, "f");
    const Affine *at[] = {affine_index(s->p, s->i), affine_index(s->p, s->j)};
    equation_add(s->p, f, y, at, REDUCE_NONE, NULL, 0, e, NULL);
    Environment *env = environment_create(s->p, 4, 0);
    double *k = environment_values(env, s->k), *x = environment_values(env, s->x);
    for (int n = 0; n < I_SIZE; n++) k[n] = (n * 7 + 2) % K_LIMIT;
    for (int n = 0; n < I_SIZE * J_SIZE; n++) x[n] = x_value(n);
    const char *error = interpret(env, f);
    check(t, !error, "%s", error ? error : "");
    return environment_values(env, y);
}

static bool same_values(const double *a, const double *b) {
    for (int n = 0; n < I_SIZE * J_SIZE; n++)
        if (!(fabs(a[n] - b[n]) <= 1e-9 * fmax(1, fabs(a[n])))) return false;
    return true;
}

static void test_normal(Test *t) {
    for (int round = 0; round < 600; round++) {
        Space s = space_open(t, round % 4 == 3 ? PRECISION_STRICT : PRECISION_DEFAULT);
        const Expr *e = random_expr(t, &s, (int)pick(t, 1, 5)), *n = expr_normal(s.p, e);
        check(t, same_values(values_of(t, &s, e), values_of(t, &s, n)), "normal: %s\n  ->  %s",
              text_of_expr(t, e), text_of_expr(t, n));
        check(t, expr_normal(s.p, n) == n, "normal twice: %s\n  ->  %s", text_of_expr(t, n),
              text_of_expr(t, expr_normal(s.p, n)));
        Index *u = index_add(s.p, "u", I_SIZE, false), *v = index_add(s.p, "v", J_SIZE, false);
        const Binding there[] = {{s.i, affine_index(s.p, u)}, {s.j, affine_index(s.p, v)}};
        const Binding back[] = {{u, affine_index(s.p, s.i)}, {v, affine_index(s.p, s.j)}};
        const Expr *moved = expr_substitute(s.p, e, there, 2);
        check(t, !expr_depends(moved, s.i) && !expr_depends(moved, s.j), "substituted everywhere");
        const Expr *again = expr_substitute(s.p, moved, back, 2);
        check(t, same_values(values_of(t, &s, e), values_of(t, &s, again)), "substituted there and back: %s",
              text_of_expr(t, e));
    }
}

static void test_text(Test *t) {
    for (int round = 0; round < 600; round++) {
        Space s = space_open(t, round % 4 == 3 ? PRECISION_STRICT : PRECISION_DEFAULT);
        const Expr *e = random_expr(t, &s, (int)pick(t, 1, 6));
        const double *values = values_of(t, &s, e);
        const char *once = text_of_program(t, s.p);
        Program *p = program_of(t, once);
        if (!p) {
            check(t, false, "does not read: %s", once);
            continue;
        }
        const char *twice = text_of_program(t, p);
        check(t, string_equal(once, twice), "printed\n%s\nread and printed\n%s", once, twice);
        Environment *env = environment_create(p, 4, 0);
        Tensor *k = tensor_find(p, "k"), *x = tensor_find(p, "x");
        for (int n = 0; n < I_SIZE; n++) environment_values(env, k)[n] = (n * 7 + 2) % K_LIMIT;
        for (int n = 0; n < I_SIZE * J_SIZE; n++) environment_values(env, x)[n] = x_value(n);
        const char *error = interpret(env, p->functions.data[0]);
        check(t, !error && same_values(values, environment_values(env, tensor_find(p, "y"))), "read back: %s",
              once);
    }
}

// ---- strict: as written, also for infinities and NaN ----

typedef struct {
    const Expr *e;
    double values[I_SIZE * J_SIZE];
} Strict;

static const double EXTREMES[] = {
    0, 1.5, (double)INFINITY, -(double)INFINITY, (double)NAN, -2, 1e300, -1e-300, 0.3, -0.7};

static double extreme(int n) { return EXTREMES[n % 10]; }

static Guard first_rows(const Space *s, int64_t count) { return (Guard){affine_index(s->p, s->i), count}; }

// An expression beside its values, computed by plain C arithmetic.
static Strict random_strict(Test *t, const Space *s, int depth) {
    Program *p = s->p;
    Strict r, a = {0}, b = {0};
    const Affine *at[] = {affine_index(p, s->i), affine_index(p, s->j)};
    int what = depth == 0 ? (int)pick(t, 0, 2) : (int)pick(t, 0, 12);
    if (depth > 0) {
        a = random_strict(t, s, depth - 1);
        b = random_strict(t, s, depth - 1);
    }
    double c = extreme((int)pick(t, 0, 9));
    int64_t rows = pick(t, 1, I_SIZE - 1);
    Guard g = first_rows(s, rows);
    switch (what) {
    case 0: r.e = expr_const(p, c); break;
    case 1:
    case 2: r.e = expr_read(p, s->x, at, NULL); break;
    case 3: r.e = expr_add(p, a.e, b.e); break;
    case 4: r.e = expr_sub(p, a.e, b.e); break;
    case 5: r.e = expr_mul(p, a.e, b.e); break;
    case 6: r.e = expr_div(p, a.e, b.e); break;
    case 7: r.e = expr_neg(p, a.e); break;
    case 8: r.e = expr_where(p, &g, 1, a.e, b.e); break;
    case 9: r.e = expr_where(p, &g, 1, a.e, expr_const(p, 0)); break;
    case 10: r.e = expr_select(p, expr_binary(p, OP_LT, a.e, b.e), a.e, expr_const(p, 0)); break;
    case 11: r.e = expr_power(p, a.e, 2); break;
    default: r.e = expr_mul(p, a.e, expr_const(p, 0)); break;
    }
    for (int n = 0; n < I_SIZE * J_SIZE; n++) {
        double x = a.values[n], y = b.values[n];
        bool held = n / J_SIZE < rows;
        const double all[] = {c,  extreme(n),   extreme(n),   x + y,         x - y, x * y, x / y,
                              -x, held ? x : y, held ? x : 0, x < y ? x : 0, x * x, x * 0};
        r.values[n] = all[what];
    }
    return r;
}

static void check_strict(Test *t, Space *s, const Expr *e, const double *wanted, const char *what) {
    Tensor *y = tensor_add(s->p, "y", TENSOR_OUTPUT, TYPE_DOUBLE, 2, (const int64_t[]){I_SIZE, J_SIZE});
    Function *f = function_add(s->p, FUNCTION_STEP, "f");
    const Affine *at[] = {affine_index(s->p, s->i), affine_index(s->p, s->j)};
    equation_add(s->p, f, y, at, REDUCE_NONE, NULL, 0, e, NULL);
    Environment *env = environment_create(s->p, 4, 0);
    for (int n = 0; n < I_SIZE * J_SIZE; n++) environment_values(env, s->x)[n] = extreme(n);
    const char *error = interpret(env, f);
    check(t, !error, "%s", error ? error : "");
    const double *got = environment_values(env, y);
    for (int n = 0; n < I_SIZE * J_SIZE; n++) {
        bool same = got[n] == wanted[n] || (isnan(got[n]) && isnan(wanted[n]));
        check(t, same, "%s: %s is %g at %d, expected %g", what, text_of_expr(t, e), got[n], n, wanted[n]);
    }
}

static void test_strict(Test *t) {
    for (int round = 0; round < 500; round++) {
        Space s = space_open(t, PRECISION_STRICT);
        Strict r = random_strict(t, &s, (int)pick(t, 1, 4));
        check_strict(t, &s, r.e, r.values, "strict, built");
        check_strict(t, &s, expr_normal(s.p, r.e), r.values, "strict, normal");
    }
}

// ---- whole programs ----

static const char DENSE[] =
    "program batch 4 precision default\n"
    "input x[batch, 3]\n"
    "input label[batch] int in 0..1\n"
    "param `net.block[1].w`[3, 2] trainable\n"
    "param net.b[2] trainable\n"
    "slot net.b.m[2]\n"
    "setting lr[] double = 0.001\n"
    "temp y[batch, 2]\n"
    "temp best[batch] int in 0..1\n"
    "temp b_new[2]\n"
    "output loss[] double\n"
    "output right[] double\n"
    "\n"
    "function step step\n"
    "    y[b, u] = sum[n] `net.block[1].w`[n, u] * x[b, n]    | b:batch n:3 u:2\n"
    "    best[b] = argmax[u] y[b, u] + net.b[u]    | b:batch u:2\n"
    "    loss[] = sum[b, u] (y[b, u] - (1.0 if u - label[b] == 0 else 0.0))^2 / rows    | b:batch u:2\n"
    "    right[] = sum[b] 1.0 if best[b] - label[b] == 0 else 0.0    | b:batch\n"
    "    b_new[u] = net.b[u] - lr[]    | u:2\n"
    "    net.b := b_new\n"
    "    output loss\n"
    "    output right\n";

static void test_program(Test *t) {
    Program *p = program_of(t, DENSE);
    if (!p) {
        check(t, false, "the program does not read");
        return;
    }
    const char *failure = program_verify(p);
    check(t, !failure, "verify: %s", failure ? failure : "");
    check(t, string_equal(text_of_program(t, p), text_of_program(t, program_of(t, text_of_program(t, p)))),
          "a program's text");
    for (int rows = 1; rows <= 4; rows++) {
        Environment *env = environment_create(p, rows, 0);
        double *x = environment_values(env, tensor_find(p, "x")),
               *w = environment_values(env, tensor_find(p, "net.block[1].w"));
        double *label = environment_values(env, tensor_find(p, "label")),
               *bias = environment_values(env, tensor_find(p, "net.b"));
        double loss = 0, right = 0;
        for (int n = 0; n < 12; n++) x[n] = sin(n + 1);
        for (int n = 0; n < 6; n++) w[n] = cos(n);
        for (int b = 0; b < rows; b++) {
            double y[2] = {0, 0};
            label[b] = b % 2;
            for (int n = 0; n < 6; n++) y[n % 2] += x[b * 3 + n / 2] * w[n];
            loss += (pow(y[0] - (b % 2 == 0), 2) + pow(y[1] - (b % 2 == 1), 2)) / rows;
            right += (y[1] > y[0]) == (b % 2 == 1);
        }
        const char *error = interpret(env, p->functions.data[0]);
        check(t, !error, "%s", error ? error : "");
        double got = environment_values(env, tensor_find(p, "loss"))[0];
        check(t, fabs(got - loss) < 1e-12, "loss of %d rows: %g, expected %g", rows, got, loss);
        check(t, environment_values(env, tensor_find(p, "right"))[0] == right, "right");
        check(t, bias[0] == -0.001 && bias[1] == -0.001, "an effect: %g", bias[0]);
    }
}

// A program and what is wrong with it: a part of the message.
static void test_refusals(Test *t) {
    static const struct {
        const char *text, *wanted;
        bool runs;
    } ROWS[] = {
        {"temp y[4]\noutput z[4]\nfunction step f\n z[i] = y[i] | i:4\n output z\n", "never defined", false},
        {"temp y[4]\ninput x[4]\noutput z[4]\nfunction step f\n z[i] = y[i] | i:4\n y[i] = x[i] | i:4\n "
         "output z\n",
         "before it is defined", false},
        {"input x[4]\noutput z[4]\nfunction step f\n z[i] = x[i + 1] | i:4\n", "may leave", false},
        {"input x[4]\noutput z[4]\nfunction step f\n z[i] = x[i + 1] if i in 0..3 else 0.0 | i:4\n",
         "may leave", false},
        {"input x[4]\noutput z[4]\nfunction step f\n z[i] = x[i + 1] if i in 0..2 else 0.0 | i:4\n", NULL,
         true},
        {"input x[4]\noutput z[7]\nfunction step f\n z[i] = x[{i}/2] if {i}/2 in 0..3 else 0.0 | i:7\n", NULL,
         true},
        {"input x[4]\noutput z[7]\nfunction step f\n z[i] = x[{i}/2] | i:7\n", "may leave", false},
        {"input x[4]\noutput z[4]\nfunction step f\n z[i + j] = x[i] | i:3 j:2\n", "defined twice", false},
        {"input x[4]\noutput z[8]\nfunction step f\n z[2*i + j] = x[i] | i:4 j:2\n", NULL, true},
        {"input x[4]\noutput z[8]\nfunction step f\n z[2*i] = x[i] | i:4\n z[2*i + 1] = 0.5 * x[i] | i:4\n",
         NULL, true},
        {"input x[4]\noutput z[8]\nfunction step f\n z[2*i] = x[i] | i:4\n z[2*i + 2] = 0.5 * x[i] | i:3\n",
         "may overlap", false},
        {"input x[4, 2]\noutput z[8]\nfunction step f\n z[4*i + j] = x[i, j] | i:2 j:2\n "
         "z[4*i + j + 2] = x[i + 2, j] | i:2 j:2\n",
         NULL, true},
        {"input x[2, 3]\noutput z[9]\nfunction step f\n z[4*i + j] = x[i, j] | i:2 j:3\n "
         "z[4*i + j + 2] = x[i, j] | i:2 j:3\n",
         "may overlap", false},
        {"input x[batch, 4]\noutput z[4]\nfunction step f\n z[i] = sum[b] x[i, b] | i:4 b:4\n", "batch",
         false},
        {"input x[4]\noutput z[] double\nfunction step f\n z[] = x[i] | i:4\n", "not the equation's", false},
        {"input x[4]\noutput z[4] int\nfunction step f\n z[i] = x[i] | i:4\n", "not an integer", false},
        {"input x[4]\nparam w[5]\ntemp z[4]\nfunction step f\n z[i] = x[i] | i:4\n w := z\n", "another shape",
         false},
        {"input k[4] int in 0..4\ninput x[4]\noutput z[4]\nfunction step f\n z[i] = x[k[i]] | i:4\n",
         "may leave", false},
        {"input k[4] int\ninput x[4]\noutput z[4]\nfunction step f\n z[i] = x[k[i]] if k[i] in 0..3 else 0.0 "
         "| i:4\n",
         NULL, true},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        Program *p = program_of(
            t, string_format(t->ctx->arena, "program batch 4 precision default\n%s", ROWS[i].text));
        const char *failure = p ? program_verify(p) : "does not read";
        if (ROWS[i].wanted)
            check(t, failure && strstr(failure, ROWS[i].wanted), "verify of\n%s\n%s", ROWS[i].text,
                  failure ? failure : "nothing");
        else
            check(t, !failure, "verify of\n%s\n%s", ROWS[i].text, failure ? failure : "");
        Environment *env = p ? environment_create(p, 4, 0) : NULL;
        for (int k = 0; p && k < p->tensors.count; k++)
            if (p->tensors.data[k]->kind == TENSOR_INPUT) environment_values(env, p->tensors.data[k]);
        if (p && ROWS[i].runs) {
            const char *error = interpret(env, p->functions.data[0]);
            check(t, !error, "%s", error ? error : "");
        }
    }
}

static void test_errors_of_text(Test *t) {
    static const char *const ROWS[] = {
        "",
        "program",
        "program batch 0 precision default\n",
        "program batch 4 precision loose\n",
        "program batch 4 precision default\ntensor x[3]\n",
        "program batch 4 precision default\ninput x[3\n",
        "program batch 4 precision default\ninput x[3]\ninput x[3]\n",
        "program batch 4 precision default\ninput x[3]\nfunction step f\n    x[i] = y[i] | i:3\n",
        "program batch 4 precision default\ninput x[3]\nfunction step f\n    x[i] = x[j] | i:3\n",
        "program batch 4 precision default\ninput x[3]\nfunction step f\n    x[i] = x[x[i]] | i:3\n",
        "program batch 4 precision default\ninput x[3]\nfunction step f\n    x[i] = x[i, i] | i:3\n",
        "program batch 4 precision default\ninput x[3]\nfunction step f\n    x[i] = sine(x[i]) | i:3\n",
        "program batch 4 precision default\ninput x[3]\nfunction step f\n    x[i] = max(x[i]) | i:3\n",
        "program batch 4 precision default\ninput x[3]\nfunction step f\n    x[i] = (x[i] | i:3\n",
        "program batch 4 precision default\ninput x[3]\nfunction step f\n    x[i] = x[i] + %1 | i:3\n",
        "program batch 4 precision default\ninput x[3]\nfunction step f\n    x[i] = x[i] $ | i:3\n",
        "program batch 4 precision default\ninput x[3]\nfunction step f\n    x[i] = 1 if x[i] in 0..1 else 2 "
        "| i:3\n",
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        Context *ctx = context_create();
        Program *p = program_read(ctx, source_add(ctx, "wrong.ir", ROWS[i], strlen(ROWS[i])));
        check(t, !p && ctx->diagnostics.count == 1, "%d diagnostics for %s", ctx->diagnostics.count, ROWS[i]);
        context_destroy(ctx);
    }
}

// Known answers of Philox 4x32-10 (Random123's kat_vectors), and draws that do not depend on the order of
// evaluation.
static void test_random(Test *t) {
    uint32_t zero[4] = {0, 0, 0, 0}, ones[4] = {~0u, ~0u, ~0u, ~0u};
    philox(zero, 0);
    check(t, !memcmp(zero, (uint32_t[]){0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}, 16), "philox of 0");
    philox(ones, ~UINT64_C(0));
    check(t, !memcmp(ones, (uint32_t[]){0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}, 16),
          "philox of ones");
    Draw uniform = {.kind = DRAW_UNIFORM, .place = 7}, normal = {.kind = DRAW_NORMAL, .place = 7},
         bits = {.kind = DRAW_BITS, .limit = 6};
    double mean = 0, square = 0, middle = 0;
    int counts[6] = {0};
    enum { N = 60000 };
    for (int i = 0; i < N; i++) {
        double n = draw_value(&normal, i, 5, 1);
        mean += n / N;
        square += n * n / N;
        middle += draw_value(&uniform, i, 5, 1) / N;
        counts[(int)draw_value(&bits, i, 5, 1)]++;
    }
    check(t, fabs(mean) < 0.02 && fabs(square - 1) < 0.03 && fabs(middle - 0.5) < 0.01, "moments %g %g %g",
          mean, square, middle);
    for (int i = 0; i < 6; i++) check(t, abs(counts[i] - N / 6) < N / 60, "bits %d: %d", i, counts[i]);
}

int main(void) {
    Test t = {.ctx = context_create(), .seed = 1};
    test_guards(&t);
    test_conjunctions(&t);
    test_floor(&t);
    test_canonical(&t);
    test_normal(&t);
    test_text(&t);
    test_strict(&t);
    test_program(&t);
    test_refusals(&t);
    test_errors_of_text(&t);
    test_random(&t);
    context_destroy(t.ctx);
    printf("%d passed, %d failed\n", t.passed, t.failed);
    return t.failed != 0;
}
