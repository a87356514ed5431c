// What the front end makes of whole programs: the facts that the trainer's manifest is written from.
#include "pipeline.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int passed, failed;

static void check(bool ok, const char *what) {
    if (ok)
        passed++;
    else
        failed++, printf("FAILED %s\n", what);
}

static Module *compile(const char *name, const char *text, const CompileOptions *options) {
    static PipelineOptions o;
    o = (PipelineOptions){.path = name};
    if (options) o.compile = *options;
    Pipeline *p = pipeline_create(&o);
    pipeline_again(p, text, strlen(text));
    if (pipeline_run_to(p, "facts")) return p->module;
    diagnostics_print(p->ctx, false, stdout);
    pipeline_destroy(p);
    return NULL;
}

static void drop(const Module *m) { context_destroy(m->program->ctx); }

static const Function *function(const Module *m, FunctionKind kind) {
    for (int i = 0; i < m->program->functions.count; i++)
        if (m->program->functions.data[i]->kind == kind) return m->program->functions.data[i];
    return NULL;
}

static bool assigns(const Function *f, const char *name) {
    for (int i = 0; f && i < f->effects.count; i++)
        if (string_equal(f->effects.data[i].target->name, name)) return true;
    return false;
}

static const Setting *setting(const Module *m, const char *name) {
    for (int i = 0; i < m->settings.count; i++)
        if (string_equal(m->settings.data[i].name, name)) return &m->settings.data[i];
    return NULL;
}

static const char *const digits =
    "data digits = csv(\"digits.csv\", missing = mean) {\n"
    "    image[8, 8] = columns(0 .. 63) / 16\n"
    "    size  = standardize(column(65))\n"
    "    label = class(column(\"digit\"), 10)\n"
    "    split = random(test = 20%, stratify = label)\n"
    "}\n"
    "model mlp(image[batch, 8, 8]) -> logits[batch, 10] {\n"
    "    stem = dense(16) |> batch_norm\n"
    "    head = dense(10)\n"
    "    image |> flatten |> stem |> relu |> dropout(0.2) |> head\n"
    "}\n"
    "train mlp on digits {\n"
    "    loss      = cross_entropy(logits, label, weight = size)\n"
    "    optimizer = adam(lr = cosine(1e-3, warmup = 2 epochs), amsgrad = true)\n"
    "    metrics   = [accuracy(logits, label), confusion(logits, label)]\n"
    "    epochs    = 40\n"
    "    stop      = plateau(test.loss, patience = 5 epochs) or time > 10 min\n"
    "    checkpoint = best(-test.accuracy)\n"
    "}\n";

static void test_data(void) {
    const Module *m = compile("digits.nn", digits, NULL);
    check(m != NULL, "digits compiles");
    if (!m) return;
    const DataBlock *d = &m->data;
    check(d->fields.count == 3 && d->columns.count == 3, "three fields of three columns");
    check(d->columns.data[0].first == 0 && d->columns.data[0].last == 63 && d->columns.data[0].elements == 64,
          "columns 0 to 63");
    check(string_equal(d->columns.data[2].names[0], "digit") && d->columns.data[2].is_class &&
              d->columns.data[2].limit == 10,
          "classes");
    check(d->stratify == 2 && d->test > 0.19 && d->test < 0.21, "the split");
    check(d->statistics.count == 3 && d->missing != 0,
          "a mean for each column that may lack cells, and the standardized one's");
    check(d->fields.data[0].in_model == 0 && d->fields.data[2].in_model < 0 && d->fields.data[2].in_loss,
          "who reads the fields");
    check(tensor_find(m->program, "data.size.deviation") != NULL, "statistics are kept by name");
    drop(m);
}

static void test_run(void) {
    const Module *m = compile("digits.nn", digits, NULL);
    if (!m) return;
    check(string_equal(m->name, "digits") && string_equal(m->model, "mlp"), "names");
    check(m->params == 64 * 16 + 16 + 32 + 170, "parameters are counted");
    check(m->metrics.count == 3 && m->metrics.data[2].tensor->rank == 2, "the loss and two metrics");
    check(m->metrics.data[0].clock[1] && m->metrics.data[1].clock[1] && !m->metrics.data[1].clock[0],
          "what the run looks at");
    const Setting *peak = setting(m, "lr.peak"), *warmup = setting(m, "lr.warmup");
    check(peak && peak->is_rate && peak->tensor->start == 1e-3, "the rate's peak can be set");
    check(warmup && warmup->unit == 2 && !setting(m, "optimizer.amsgrad"),
          "a length in epochs; what decides is compiled in");
    check(setting(m, "optimizer.beta1") && setting(m, "optimizer.beta1")->tensor->start == 0.9,
          "defaults can be set");
    check(m->stop && m->stop_each_step && m->best && m->needs_steps && m->needs_epoch_length,
          "stop, best, the run's length");
    check(tensor_find(m->program, "optimizer.mlp.head.w.peak") != NULL, "amsgrad's state is there");
    const Function *step = function(m, FUNCTION_STEP), *evaluate = function(m, FUNCTION_EVALUATE);
    check(assigns(step, "mlp.stem.batch_norm_1.running_mean") &&
              !assigns(evaluate, "mlp.stem.batch_norm_1.running_mean"),
          "running means");
    check(m->outputs.count == 1 && m->outputs.data[0].label == 2, "the output is the label's logits");
    check(program_verify(m->program) == NULL, "the program verifies");
    drop(m);
}

static void test_frozen(void) {
    char text[4096];
    snprintf(text, sizeof text, "%s", digits);
    char *at = strstr(text, "    loss      = ");
    char *end = strstr(text, "    metrics");
    char rest[2048];
    snprintf(rest, sizeof rest, "%s", end);
    snprintf(at, sizeof text - (size_t)(at - text),
             "    minimize cross_entropy(logits, label)\n        over matrices(mlp.head) with adamw(1e-3)\n  "
             "      over mlp.head with sgd(0.1)\n%s",
             rest);
    const Module *m = compile("frozen.nn", text, NULL);
    check(m != NULL, "two clauses compile");
    if (!m) return;
    const Function *step = function(m, FUNCTION_STEP);
    check(assigns(step, "mlp.head.w") && assigns(step, "mlp.head.b"), "both clauses change their parameters");
    check(!assigns(step, "mlp.stem.dense_1.w"), "what no clause names is frozen");
    check(!assigns(step, "mlp.stem.batch_norm_1.running_mean"), "a frozen layer runs as in inference");
    check(m->rates.count == 2 && setting(m, "optimizer_2.lr"), "each clause has its rate");
    drop(m);
}

static void test_options(void) {
    CompileOptions o = {.batch = 8, .precision = PRECISION_DOUBLE, .precision_given = true};
    Arena *arena = arena_create();
    vec_push(arena, &o.set, (SetOption){"optimizer.beta1", "0.5"});
    vec_push(arena, &o.set, (SetOption){"epochs", "3"});
    vec_push(arena, &o.set, (SetOption){"lr.warmup", "10 steps"});
    vec_push(arena, &o.set, (SetOption){"optimizer.amsgrad", "false"});
    const Module *m = compile("digits.nn", digits, &o);
    check(m && m->batch == 8 && m->program->precision == PRECISION_DOUBLE && m->epochs == 3,
          "the command line's batch, precision, epochs");
    check(m && setting(m, "optimizer.beta1")->tensor->start == 0.5, "--set of a setting is its first value");
    check(m && setting(m, "lr.warmup")->unit == 1 && setting(m, "lr.warmup")->tensor->start == 10,
          "--set with a unit");
    check(m && !tensor_find(m->program, "optimizer.mlp.head.w.peak"), "--set of what decides something");
    if (m) drop(m);
    arena_destroy(arena);
}

// The layer that takes a statistic over the rows of a batch in training is found from the equations.
static void test_statistic(void) {
    glob_t files;
    check(glob(TEST_ROOT "/tests/library/l[ao][ys]*_*.nn", 0, NULL, &files) == 0 && files.gl_pathc > 40,
          "layers and losses of the library");
    for (size_t i = 0; i < files.gl_pathc; i++) {
        Context *ctx = context_create();
        const char *text = source_load(ctx, files.gl_pathv[i])->text;
        const Module *m = compile("layer.nn", text, NULL);
        const char *expected = strstr(text, "batch_norm")   ? "net.batch_norm_1.mean"
                               : strstr(text, "variance(x") ? "net.mix.variance.mean"
                                                            : NULL;
        if (!m || !string_equal(m->statistic, expected))
            printf("%s\n", m && m->statistic ? m->statistic : "none");
        check(m && string_equal(m->statistic, expected), files.gl_pathv[i]);
        if (m) drop(m);
        context_destroy(ctx);
    }
    globfree(&files);
    static const char own[] =
        "layer centred(x[b, n]) -> y[b, n] {\n"
        "    middle[i < n] = mean[b] x[b, i] if training else 0\n"
        "    y[b, i] = x[b, i] - middle[i]\n}\n"
        "model net(x[batch, 2]) -> y[batch, 2] = x |> dense(2) |> repeat 2 { centred |> relu }\n"
        "data d = synthetic(9) {\n    x[2] = normal(0, 1)\n}\n"
        "train net on d {\n    loss = mse(y, 0 * x)\n    optimizer = sgd(1)\n    epochs = 1\n}\n";
    const Module *m = compile("own.nn", own, NULL);
    check(m && string_equal(m->statistic, "net.centred_1[0].mean"), "a layer of one's own");
    if (m) drop(m);
}

int main(void) {
    test_data();
    test_run();
    test_frozen();
    test_options();
    test_statistic();
    printf("%d passed, %d failed\n", passed, failed);
    return failed != 0;
}
