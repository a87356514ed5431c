// `nnc sweep`: a run of a sweep (runtime/sweep) is `nnc run` with a combination's settings, those that the
// trainer takes behind `--`, so that only what is compiled in is compiled. What the program says of settings
// that no definition has is said before the first run.
#include "commands.h"
#include "sweep/sweep.h"

#include <string.h>

typedef struct {
    const Options *o;
    const nn_sweep *s;
} Begun;

static void begin(const void *data, const char *const *values, nn_text *words) {
    static const Option kept[] = {OPTION_CPU,       OPTION_TARGET, OPTION_BLAS,
                                  OPTION_PRECISION, OPTION_BATCH,  OPTION_MEMORY_LIMIT};
    const Begun *b = data;
    const Options *o = b->o;
    nn_text_format(words, "nnc%crun%c%s%c", 0, 0, o->file, 0);
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        if (o->value[kept[i]])
            nn_text_format(words, "%s%c%s%c", option_spelling(kept[i]), 0, o->value[kept[i]], 0);
    if (o->value[OPTION_OPTIMIZE]) nn_text_format(words, "-O%s%c", o->value[OPTION_OPTIMIZE], 0);
    if (o->value[OPTION_DENSE]) nn_text_format(words, "--dense%c", 0);
    if (o->value[OPTION_FIT]) nn_text_format(words, "--fit%c", 0);
    for (int i = 0; i < o->list[OPTION_LIBRARY].count; i++)
        nn_text_format(words, "--library%c%s%c", 0, o->list[OPTION_LIBRARY].data[i], 0);
    for (int a = 0; a < b->s->axis_count; a++)
        if (b->s->axes[a].early) nn_text_format(words, "--set=%s=%s%c", b->s->axes[a].name, values[a], 0);
    nn_text_format(words, "--%c", 0);
    memory_bound(o->memory);
}

static void tell(const char *kind, const char *text) { say(stderr, "%s: %s\n", kind, text); }

static bool is_option(const char *name) { // of every trainer
    return string_equal(name, "lr") || string_equal(name, "epochs") || string_equal(name, "steps");
}

// Compiles the first combination as far as its settings: which axes are the trainer's own? False: the program
// is wrong, and its context says how.
static bool sort_axes(Pipeline *p, nn_sweep *s) {
    PipelineOptions *first = arena_new(p->ctx->arena, PipelineOptions);
    *first = *p->options;
    first->dump_after = first->stop_after = NULL;
    for (int a = 0; a < s->axis_count; a++) {
        SetOption set = {s->axes[a].name, s->axes[a].values[0]};
        if (!is_option(set.name)) vec_push(p->ctx->arena, &first->compile.set, set);
    }
    Pipeline *other = pipeline_create(first);
    if (!pipeline_target(other) || !pipeline_run(other, FORM_EQUATIONS)) {
        p->ctx->sources = other->ctx->sources;
        p->ctx->diagnostics = other->ctx->diagnostics;
        p->ctx->errors = other->ctx->errors;
        return false;
    }
    for (int a = 0; a < s->axis_count; a++) {
        s->axes[a].early = !is_option(s->axes[a].name);
        every_at (setting, other->module->settings)
            if (string_equal(setting->name, s->axes[a].name)) s->axes[a].early = false;
    }
    pipeline_destroy(other);
    return true;
}

static nn_status read_axes(nn_sweep *s, const Options *o) {
    for (int i = 0; i < o->list[OPTION_SET].count; i++) {
        const char *text = o->list[OPTION_SET].data[i];
        nn_text option;
        nn_text_begin(&option, s->ctx);
        nn_text_format(&option, "--set %s", text);
        if (nn_sweep_axis(s, option.bytes, text) != NN_OK) return s->ctx->status;
    }
    return o->value[OPTION_SEED] ? nn_sweep_seeds(s, o->value[OPTION_SEED]) : NN_OK;
}

int sweep_run(Pipeline *p, const Options *o) {
    nn_context ctx = {0};
    nn_text table;
    Begun begun = {.o = o};
    nn_sweep s = {.ctx = &ctx,
                  .out = o->value[OPTION_OUTPUT],
                  .digest = pipeline_digest(p, false),
                  .by = o->value[OPTION_BY],
                  .jobs = options_count(o, OPTION_JOBS),
                  .trials = options_count(o, OPTION_TRIALS),
                  .halving = options_count(o, OPTION_HALVING),
                  .rest = (const char **)o->rest,
                  .rest_count = o->rest_count,
                  .message = tell,
                  .begin = begin,
                  .data = &begun};
    begun.s = &s;
    nn_text_begin(&table, &ctx);
    if (!s.out) s.out = string_format(p->ctx->arena, "%s.sweep", path_stem(p->ctx->arena, o->file));
    int status = (int)read_axes(&s, o);
    bool right = status == NN_OK && sort_axes(p, &s);
    if (right) status = nn_sweep_run(&s, &table);
    if (table.length > 0) say(stdout, "%s", table.bytes);
    if (ctx.status) say(stderr, "nnc: error: %s\n", ctx.message);
    nn_context_end(&ctx);
    return status;
}
