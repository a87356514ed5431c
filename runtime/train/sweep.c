// The command `sweep`: runs of this trainer with every combination of the numbers that it can change by
// itself (runtime/sweep). Options of `train` are every run's.
#include "sweep/sweep.h"
#include "train/train.h"

#include <string.h>

static bool is_several(const char *value) {
    return strchr(value, ',') != NULL || strstr(value, "..") != NULL;
}

static nn_status add_axis(nn_sweep *s, const nn_model *m, const nn_options *o, const char *option,
                          const char *text) {
    if (nn_sweep_axis(s, option, text) == NN_OK && !nn_sweep_is_option(s->axes[s->axis_count - 1].name))
        nn_setting_find(s->ctx, m, o, s->axes[s->axis_count - 1].name);
    return s->ctx->status;
}

// What is not swept and no option of the sweep itself goes to every run.
static nn_status take_option(nn_sweep *s, const nn_model *m, const nn_options *o, nn_option k) {
    static const unsigned char taken[] = {NN_OPTION_SET,    NN_OPTION_SEED,    NN_OPTION_OUT, NN_OPTION_JOBS,
                                          NN_OPTION_TRIALS, NN_OPTION_HALVING, NN_OPTION_BY};
    const char *name = nn_option_name(k), *value = o->value[k];
    nn_text text;
    if (value == NULL || memchr(taken, (int)k, sizeof taken) != NULL) return NN_OK;
    bool swept = nn_sweep_is_option(name + 2) && is_several(value);
    nn_text_begin(&text, s->ctx);
    nn_text_format(&text, *value != '\0' ? "%s=%s" : "%s", name + (swept ? 2 : 0), value);
    if (swept) return add_axis(s, m, o, name, text.bytes);
    s->rest[s->rest_count++] = text.bytes;
    return s->ctx->status;
}

static nn_status read_options(nn_sweep *s, const nn_model *m, const nn_options *o) {
    s->rest = nn_get(s->ctx, NN_OPTIONS, sizeof *s->rest);
    for (int32_t k = 0; k < o->set_count && s->ctx->status == NN_OK; k++) {
        nn_text option;
        nn_text_begin(&option, s->ctx);
        nn_text_format(&option, "--set %s", o->set[k]);
        add_axis(s, m, o, option.bytes, o->set[k]);
    }
    for (int k = 0; k < NN_OPTIONS && s->ctx->status == NN_OK; k++) take_option(s, m, o, (nn_option)k);
    if (o->value[NN_OPTION_SEED] != NULL && s->ctx->status == NN_OK)
        nn_sweep_seeds(s, o->value[NN_OPTION_SEED]);
    if (s->ctx->status != NN_OK || nn_option_whole(s->ctx, o, NN_OPTION_JOBS, 1, &s->jobs) != NN_OK ||
        nn_option_whole(s->ctx, o, NN_OPTION_TRIALS, 1, &s->trials) != NN_OK)
        return s->ctx->status;
    return nn_option_whole(s->ctx, o, NN_OPTION_HALVING, 1, &s->halving);
}

static void begin(const void *options, const char *const *values, nn_text *words) {
    (void)values;
    nn_text_format(words, "%s%c", ((const nn_options *)options)->program, 0);
}

int nn_command_sweep(nn_context *ctx, const nn_model *m, const nn_options *o) {
    nn_text folder, table;
    nn_text_begin(&folder, ctx);
    nn_text_begin(&table, ctx);
    nn_text_format(&folder, "%s.sweep", nn_model_text(m, m->manifest->name));
    nn_sweep s = {.ctx = ctx,
                  .out = o->value[NN_OPTION_OUT] != NULL ? o->value[NN_OPTION_OUT] : folder.bytes,
                  .digest = nn_model_text(m, m->manifest->digest),
                  .by = o->value[NN_OPTION_BY],
                  .message = nn_message,
                  .begin = begin,
                  .data = o};
    if (read_options(&s, m, o) != NN_OK) return (int)ctx->status;
    int code = nn_sweep_run(&s, &table);
    nn_status shown = table.length > 0 ? nn_print(ctx, &table) : NN_OK;
    return code != NN_OK ? code : (int)shown;
}
