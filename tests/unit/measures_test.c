// Functions cut out of a master, and what they measure of a whole part of the data. A master computes its
// measures of a batch that is the part; the same by batches, by what they kept, and by totals, must give the
// same numbers. `training` is decided, what a function does not want is not in it, and what cannot be
// measured is said.
#include "oracle/interpret.h"
#include "oracle/text.h"
#include "pass/passes.h"
#include "support/check.h"

#include <math.h>
#include <string.h>

enum { BATCH = 8, ROWS = 7, SEED = 5 };

static Tests t;

static const char *const HEAD = "program batch 8 precision default\n"
                                "input x[batch, 2]\n"
                                "input label[batch] int in 0..1\n"
                                "param w[2, 2] trainable\n"
                                "state level[2]\n"
                                "training training[] bool\n"
                                "temp h[batch, 2]\n"
                                "temp m.sum[2]\n"
                                "temp m[2]\n"
                                "temp level.next[2]\n"
                                "temp y[batch, 2] given\n"
                                "temp e[batch]\n"
                                "temp loss.sum[] double\n"
                                "output loss[] double\n"
                                "temp dw[2, 2]\n"
                                "temp w.next[2, 2]\n"
                                "output prediction[batch, 2]\n"
                                "output metric.loss[] double\n";

static const char *const MODEL =
    "function run run\n"
    "    h[b, k] = sum[i] w[i, k] * x[b, i]    | b:batch k:2 i:2\n"
    "    m.sum[k] = sum[b] h[b, k]    | k:2 b:batch\n"
    "    m[k] = m.sum[k] / rows    | k:2\n"
    "    level.next[k] = 0.5 * level[k] + 0.5 * m[k] if training[] == 1 else level[k]    | k:2\n"
    "    y[b, k] = h[b, k] - m[k] if training[] == 1 else h[b, k] - level[k]    | b:batch k:2\n"
    "    prediction[b, k] = y[b, k]    | b:batch k:2\n"
    "    e[b] = (y[b, 0] - label[b])^2 + (y[b, 1] - 0.5)^2    | b:batch\n"
    "    loss.sum[] = sum[b] e[b]    | b:batch\n"
    "    loss[] = loss.sum[] / rows\n"
    "    w.next[i, k] = w[i, k] - 0.1 * dw[i, k]    | i:2 k:2\n"
    "    dw = gradient loss by w\n";

static const char *const FUNCTIONS = "function predict predict from run\n"
                                     "    output prediction\n"
                                     "function step step from run training\n"
                                     "    level := level.next\n"
                                     "    w := w.next\n"
                                     "    output loss\n";

// Measures: the master's text of their values, and each `NAME KIND` with a value of that name.
typedef struct {
    const char *name, *tensors, *equations;
    MeasureKind kind;
    bool again; // it sees the rows twice
} Case;

static const Case CASES[] = {
    {"accuracy", "temp right[batch] bool\ntemp hits[] double\ntemp accuracy[] double\n",
     "    right[b] = (y[b, 0] < y[b, 1])    | b:batch\n    hits[] = sum[b] right[b]    | b:batch\n"
     "    accuracy[] = hits[] / rows\n",
     MEASURE_TWICE, false},
    {"confusion", "temp guess[batch] int in 0..1\ntemp confusion[2, 2]\n",
     "    guess[b] = argmax[k] y[b, k]    | b:batch k:2\n"
     "    confusion[i, j] = sum[b] (label[b] == i) * (guess[b] == j)    | i:2 j:2 b:batch\n",
     MEASURE_TWICE, false},
    {"largest", "temp largest[2]\n", "    largest[k] = max[b] y[b, k]    | k:2 b:batch\n", MEASURE_TWICE,
     false},
    {"product", "temp product[] double\n", "    product[] = prod[b] (y[b, 0] + 2)    | b:batch\n",
     MEASURE_TWICE, false},
    {"pieces", "temp pieces[3]\n",
     "    pieces[i] = sum[b] y[b, i]    | i:2 b:batch\n    pieces[2] = w[0, 0]\n", MEASURE_TWICE, false},
    {"spare", "temp spare[] double\n", "    spare[] = rows + 1 - 2 * w[0, 0]\n", MEASURE_TWICE, false},
    {"deviation",
     "temp middle.sum[] double\ntemp middle[] double\ntemp far.sum[] double\ntemp deviation[] double\n",
     "    middle.sum[] = sum[b] y[b, 0]    | b:batch\n    middle[] = middle.sum[] / rows\n"
     "    far.sum[] = sum[b] (y[b, 0] - middle[])^2    | b:batch\n    deviation[] = sqrt(far.sum[] / rows)\n",
     MEASURE_TWICE, true},
    {"reach", "temp middle[] double\ntemp far[] double\ntemp reach[] double\n",
     "    middle[] = sum[b] y[b, 0]    | b:batch\n    far[] = max[b] abs(y[b, 0] - middle[])    | b:batch\n"
     "    reach[] = far[] / (rows - 1)\n",
     MEASURE_TWICE, true},
    {"number", "temp number[] double\n", "    number[] = sum[b] b * y[b, 0]    | b:batch\n", MEASURE_TWICE,
     true},
    {"late", "temp late[] double\n",
     "    late[] = sum[b] y[b, 1] if b - rows + 3 in 0..2 else 0    | b:batch\n", MEASURE_TWICE, true},
    {"ranked", "temp score[2, batch]\ntemp rising[2, batch] int in 0..7\ntemp ranked[2]\n",
     "    score[k, b] = y[b, k]    | k:2 b:batch\n"
     "    rising[k, n] = order[r] at(score[k, r], n)    | k:2 n:batch r:batch\n"
     "    ranked[k] = sum[n] n * y[rising[k, n], k]    | k:2 n:batch\n",
     MEASURE_TWICE, true},
    {"column", "temp rising[batch] int in 0..7\ntemp column[] double\n",
     "    rising[n] = order[r] at(y[r, 1], n)    | n:batch r:batch\n"
     "    column[] = sum[n] n * label[rising[n]]    | n:batch\n",
     MEASURE_TWICE, true},
    {"places",
     "temp score[batch]\ntemp rising[batch] int in 0..7\ntemp place[batch] int in 0..7\ntemp places[] "
     "double\n",
     "    score[b] = y[b, 0] - y[b, 1]    | b:batch\n"
     "    rising[n] = order[r] at(score[r], n)    | n:batch r:batch\n"
     "    place[n] = order[r] at(rising[r], n)    | n:batch r:batch\n"
     "    places[] = sum[n] place[n] * label[n]    | n:batch\n",
     MEASURE_TWICE, true},
    {"loss", "", "", MEASURE_ONCE, false},
    {"slope", "temp square[batch]\ntemp slope[batch, 2]\ntemp slope.sum[] double\n",
     "    square[b] = y[b, 0]^2    | b:batch\n    slope = gradient square by y\n"
     "    slope.sum[] = sum[b, k] slope[b, k]    | b:batch k:2\n",
     MEASURE_TWICE, false},
};

static const char *value_name(const Case *c) { return strcmp(c->name, "slope") ? c->name : "slope.sum"; }

static const char *text_of(Context *ctx, const Case *c) {
    const char *value = value_name(c);
    bool loss = !strcmp(c->name, "loss");
    Text text = {.arena = ctx->arena};
    text_put(&text, HEAD);
    text_put(&text, c->tensors);
    if (!loss) {
        const char *declared = strstr(c->tensors, string_format(ctx->arena, "temp %s[", value));
        size_t length = strcspn(declared + 5 + strlen(value), "]") + 1;
        text_add(&text, "output metric.%s%.*s double\n", c->name, (int)length, declared + 5 + strlen(value));
    }
    text_put(&text, MODEL);
    text_put(&text, c->equations);
    text_add(&text, "function metrics metrics\n    output metric.%s\n", c->name);
    text_add(&text, "function evaluate evaluate from run\n    measure %s %s of %s into metric.%s\n", c->name,
             measure_word(c->kind), value, c->name);
    text_put(&text, FUNCTIONS);
    if (!loss) text_add(&text, "    measure %s %s of %s\n", c->name, measure_word(c->kind), value);
    return text_string(&text);
}

static Program *read(Context *ctx, const char *text) {
    Program *p = program_read(ctx, source_add(ctx, "master.ir", text, strlen(text)));
    if (!p) diagnostics_print(ctx, false, stdout);
    return p;
}

static Function *function_of(Program *p, FunctionKind kind) {
    for (int i = 0; i < p->functions.count; i++)
        if (p->functions.data[i]->kind == kind) return p->functions.data[i];
    return NULL;
}

static double noise(const char *name, int64_t element) {
    uint64_t h = hash_mix(hash_bytes(name, strlen(name), SEED), (uint64_t)element);
    return 2 * ((double)(h >> 11) * 0x1p-53) - 1;
}

// Rows first .. first + rows - 1 of the data, and the parameters.
static Environment *environment_of(Program *p, int64_t first, int64_t rows) {
    Environment *env = environment_create(p, rows, SEED);
    const char *const names[] = {"x", "label", "w", "level"};
    for (int i = 0; i < 4; i++) {
        Tensor *u = tensor_find(p, names[i]);
        int64_t row = u->batch_dims ? tensor_elements(u) / BATCH : tensor_elements(u),
                count = u->batch_dims ? rows : 1;
        for (int64_t k = 0; k < row * count; k++) {
            double v = noise(u->name, k + (u->batch_dims ? first * row : 0));
            environment_values(env, u)[k] = u->type == TYPE_INT ? v > 0 : v;
        }
    }
    return env;
}

static void run(Environment *env, Function *f, const char *what) {
    const char *wrong = interpret(env, f);
    check(&t, !wrong, wrong ? wrong : what);
}

static bool same(Environment *a, Tensor *x, Environment *b, Tensor *y, int64_t rows) {
    int64_t row = x->batch_dims ? tensor_elements(x) / BATCH : tensor_elements(x);
    for (int64_t k = 0; k < row * (x->batch_dims ? rows : 1); k++)
        if (!(fabs(environment_values(a, x)[k] - environment_values(b, y)[k]) < 1e-12)) return false;
    return true;
}

// ---- by batches -------------------------------------------------------------------------------------------

// The runtime's part: rows kept of each batch, and sorted.
typedef struct {
    Program *p;
    bool training;
    double *rows[16];
} Keeper;

static void keep(Keeper *k, Environment *env, int64_t first, int64_t rows) {
    for (int i = 0; i < k->p->kept.count; i++) {
        const Kept *kept = &k->p->kept.data[i];
        if (kept->training != k->training || !kept->values) continue;
        int64_t row = tensor_elements(kept->values) / BATCH;
        if (!k->rows[i]) k->rows[i] = arena_array(k->p->arena, double, row *ROWS);
        memcpy(k->rows[i] + first * row, environment_values(env, kept->values),
               sizeof(double) * (size_t)(row * rows));
    }
}

static void sort(const Kept *kept, const double *x, double *order) {
    int64_t columns = 1;
    for (int d = 1; d < kept->source->rank; d++) columns *= kept->source->dims[d];
    for (int64_t c = 0; c < columns; c++)
        for (int r = 0; r < ROWS; r++) {
            int before = 0;
            for (int s = 0; s < ROWS; s++) {
                double a = x[s * columns + c], b = x[r * columns + c];
                before += a < b || (a == b && s < r);
            }
            order[before * columns + c] = r;
        }
}

static void sort_all(Keeper *k) {
    for (int i = 0; i < k->p->kept.count; i++) {
        const Kept *kept = &k->p->kept.data[i];
        if (kept->training != k->training || kept->values) continue;
        k->rows[i] = arena_array(k->p->arena, double, 64 * ROWS);
        sort(kept, k->rows[kept->of], k->rows[i]);
    }
}

// A function's measures over the data in batches of so many rows: the environment that FUNCTION_METRICS
// leaves.
static Environment *measured(Program *p, FunctionKind kind, FunctionKind second, int64_t rows) {
    Keeper k = {.p = p, .training = kind == FUNCTION_STEP};
    Environment *totals = environment_of(p, 0, 1);
    for (int pass = 0; pass < 2; pass++) {
        Function *f = function_of(p, pass ? second : kind);
        if (pass) sort_all(&k);
        for (int64_t first = 0; f && first < ROWS; first += rows) {
            int64_t count = first + rows < ROWS ? rows : ROWS - first;
            Environment *env = environment_of(p, first, count);
            for (int i = 0; i < p->tensors.count; i++)
                if (p->tensors.data[i]->kind == TENSOR_TOTAL)
                    memcpy(environment_values(env, p->tensors.data[i]),
                           environment_values(totals, p->tensors.data[i]),
                           sizeof(double) * (size_t)tensor_elements(p->tensors.data[i]));
            for (int i = 0; pass && i < p->kept.count; i++)
                if (k.rows[i]) environment_source(env, p->kept.data[i].source, ROWS, k.rows[i]);
            for (int64_t r = 0; pass && r < count; r++)
                environment_values(env, program_rowmap(p))[r] = (double)(first + r);
            run(env, f, "a batch");
            if (!pass) keep(&k, env, first, count);
            for (int i = 0; i < p->tensors.count; i++)
                if (p->tensors.data[i]->kind == TENSOR_TOTAL)
                    memcpy(environment_values(totals, p->tensors.data[i]),
                           environment_values(env, p->tensors.data[i]),
                           sizeof(double) * (size_t)tensor_elements(p->tensors.data[i]));
        }
    }
    run(totals, function_of(p, FUNCTION_METRICS), "the end");
    return totals;
}

// ---- against the master -----------------------------------------------------------------------------------

static Environment *master(Context *ctx, const char *text, Program **p, bool training) {
    *p = read(ctx, text);
    passes_run(*p, "differentiate", "differentiate", NULL, NULL);
    Environment *env = environment_of(*p, 0, ROWS);
    *environment_values(env, tensor_of_kind(*p, TENSOR_TRAINING)) = training;
    run(env, function_of(*p, FUNCTION_RUN), "the master");
    return env;
}

static Program *cut(Context *ctx, const char *text) {
    Program *p = read(ctx, text);
    const char *wrong = program_verify(p);
    check(&t, !wrong, wrong ? wrong : "read");
    passes_run(p, "specialise", "specialise", NULL, NULL);
    wrong = program_verify(p);
    check(&t, !wrong, wrong ? wrong : "specialised");
    passes_run(p, "totals", "totals", NULL, NULL);
    wrong = program_verify(p);
    check(&t, !wrong, wrong ? wrong : "measured");
    passes_run(p, "differentiate", "differentiate", NULL, NULL);
    return p;
}

static void test_measure(const Case *c) {
    Context *ctx = context_create();
    const char *text = text_of(ctx, c), *value = value_name(c);
    Program *whole, *p = cut(ctx, text);
    const char *output = string_format(ctx->arena, "metric.%s", c->name);
    check(&t, !function_of(p, FUNCTION_SECOND) == !c->again,
          string_format(ctx->arena, "%s: passes", c->name));
    for (int rows = 1; rows <= ROWS; rows += 2) {
        Environment *wanted = master(ctx, text, &whole, false);
        Environment *found = measured(p, FUNCTION_EVALUATE, FUNCTION_SECOND, rows);
        check(&t, same(wanted, tensor_find(whole, value), found, tensor_find(p, output), ROWS),
              string_format(ctx->arena, "%s in batches of %d", c->name, rows));
    }
    if (c->kind == MEASURE_TWICE) {
        Environment *wanted = master(ctx, text, &whole, true);
        Environment *found = measured(p, FUNCTION_STEP, FUNCTION_SECOND_STEP, ROWS);
        check(&t, same(wanted, tensor_find(whole, value), found, tensor_find(p, output), ROWS),
              string_format(ctx->arena, "%s in training", c->name));
    }
    context_destroy(ctx);
}

// What a step and a prediction leave behind is what the master does, and they do no more than that.
static void test_functions(void) {
    Context *ctx = context_create();
    const char *text = text_of(ctx, &CASES[0]);
    Program *whole, *p = cut(ctx, text);
    const char *const left[] = {"loss", "w", "level"}, *const made[] = {"loss", "w.next", "level.next"};
    Environment *wanted = master(ctx, text, &whole, true), *found = environment_of(p, 0, ROWS);
    run(found, function_of(p, FUNCTION_STEP), "step");
    for (int i = 0; i < 3; i++)
        check(&t, same(wanted, tensor_find(whole, made[i]), found, tensor_find(p, left[i]), ROWS), left[i]);
    wanted = master(ctx, text, &whole, false);
    found = environment_of(p, 0, ROWS);
    run(found, function_of(p, FUNCTION_PREDICT), "predict");
    check(&t, same(wanted, tensor_find(whole, "prediction"), found, tensor_find(p, "prediction"), ROWS),
          "prediction");
    const Function *predict = function_of(p, FUNCTION_PREDICT), *evaluate = function_of(p, FUNCTION_EVALUATE);
    check(&t, predict->equations.count == 3, "no more than what a prediction needs");
    check(&t, predict->effects.count == 0 && !function_of(p, FUNCTION_RUN), "no effects, no master");
    for (int i = 0; i < evaluate->effects.count; i++)
        check(&t, evaluate->effects.data[i].target->kind == TENSOR_TOTAL,
              "a state that only training changes");
    for (int i = 0; i < evaluate->gradients.count; i++) check(&t, false, "a gradient that nobody asked for");
    check(&t, evaluate->equations.data[0]->tensor != function_of(p, FUNCTION_STEP)->equations.data[0]->tensor,
          "tensors of their own");
    context_destroy(ctx);
}

// ---- what cannot be measured ------------------------------------------------------------------------------

static const struct {
    Case c;
    DiagnosticCode code; // DIAGNOSTIC_COUNT: it is the mean of the batches
} OTHERS[] = {
    {{"best", "temp best[] int in 0..7\n", "    best[] = argmax[b] y[b, 0]    | b:batch\n", MEASURE_TWICE,
      false},
     METRIC_POSITION},
    {{"third", "temp a[] double\ntemp b[] double\ntemp third[] double\n",
      "    a[] = sum[n] y[n, 0]    | n:batch\n    b[] = sum[n] abs(y[n, 0] - a[])    | n:batch\n"
      "    third[] = sum[n] (b[] < y[n, 0])    | n:batch\n",
      MEASURE_TWICE, true},
     METRIC_NESTED},
    {{"drawn", "temp a[] double\ntemp drawn[] double\n",
      "    a[] = sum[n] y[n, 0]    | n:batch\n    drawn[] = sum[n] a[] * draw_uniform(7, n)    | n:batch\n",
      MEASURE_TWICE, true},
     METRIC_NESTED},
    {{"bent", "temp a[] double\ntemp bent[2, 2]\n",
      "    a[] = sum[n] y[n, 0]    | n:batch\n    bent = gradient a by w\n", MEASURE_TWICE, true},
     METRIC_NESTED},
    {{"others", "temp near[batch]\ntemp others[] double\n",
      "    near[b] = sum[n] y[b, 0] * y[n, 1]    | b:batch n:batch\n    others[] = sum[b] near[b]    | "
      "b:batch\n",
      MEASURE_TWICE, true},
     METRIC_NESTED},
    {{"norm", "temp a[] double\ntemp norm[] double\n",
      "    a[] = sum[n] y[n, 0]    | n:batch\n    norm[] = sum[n] abs(y[n, 0] - a[])    | n:batch\n",
      MEASURE_ONCE, true},
     DIAGNOSTIC_COUNT},
    {{"weighed", "temp weighed[] double\n", "    weighed[] = sum[n] y[n, 0]    | n:batch\n", MEASURE_BATCHES,
      false},
     DIAGNOSTIC_COUNT},
};

static double mean_of_batches(const char *text, const char *value, int64_t rows) {
    double sum = 0;
    for (int64_t first = 0; first < ROWS; first += rows) {
        Context *ctx = context_create();
        int64_t count = first + rows < ROWS ? rows : ROWS - first;
        Program *p = read(ctx, text);
        passes_run(p, "differentiate", "differentiate", NULL, NULL);
        Environment *env = environment_of(p, first, count);
        run(env, function_of(p, FUNCTION_RUN), "the master of a batch");
        sum += *environment_values(env, tensor_find(p, value)) * (double)count / ROWS;
        context_destroy(ctx);
    }
    return sum;
}

static void test_others(void) {
    for (size_t i = 0; i < sizeof OTHERS / sizeof *OTHERS; i++) {
        Context *ctx = context_create();
        const Case *c = &OTHERS[i].c;
        const char *text = text_of(ctx, c);
        Program *p = read(ctx, text);
        passes_run(p, "specialise", "specialise", NULL, NULL);
        passes_run(p, "totals", "totals", NULL, NULL);
        if (OTHERS[i].code != DIAGNOSTIC_COUNT) {
            check(&t, ctx->errors && ctx->diagnostics.data[0]->code == OTHERS[i].code, c->name);
        } else {
            Environment *found = measured(p, FUNCTION_EVALUATE, FUNCTION_SECOND, 3);
            double v =
                *environment_values(found, tensor_find(p, string_format(ctx->arena, "metric.%s", c->name)));
            check(&t, fabs(v - mean_of_batches(text, c->name, 3)) < 1e-12, c->name);
            check(&t, p->means.count == (c->kind == MEASURE_ONCE), "what is the mean of batches is said");
        }
        context_destroy(ctx);
    }
}

int main(void) {
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) test_measure(&CASES[i]);
    test_functions();
    test_others();
    return tests_end(&t);
}
