// --lr and --set: numbers of optimizers and schedules, put into the tensors that the step reads them from.
#include "train/train.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { NAMES = 256 };

static const char *after_dot(const char *name) {
    const char *dot = strrchr(name, '.');
    return dot == NULL ? name : dot + 1;
}

// One of the two parts must be right: `optimizer.amsgrad` is not `optimizer.lr` misspelt.
static const char *nearest(const char *name, const char *const *names, int count) {
    const char *likely[NAMES], *last = after_dot(name);
    int n = 0;
    for (int k = 0; k < count; k++) {
        const char *other = after_dot(names[k]);
        bool same_first =
            last - name == other - names[k] && strncmp(name, names[k], (size_t)(last - name)) == 0;
        if (nn_same(last, other) || (same_first && nn_nearest(last, &other, 1) != NULL))
            likely[n++] = names[k];
    }
    return nn_nearest(name, likely, n);
}

const nn_setting *nn_setting_find(nn_context *ctx, const nn_model *m, const nn_options *o, const char *name) {
    const nn_setting *settings = NN_TABLE(m, nn_setting, settings);
    const char *names[NAMES];
    int count = 0;
    for (uint32_t k = 0; k < m->manifest->settings_count; k++) {
        const char *is = nn_model_text(m, settings[k].name);
        if (nn_same(is, name)) return &settings[k];
        if (count < NAMES) names[count++] = is;
    }
    const char *near = nearest(name, names, count);
    nn_fail(ctx, NN_USAGE,
            "--set %s: the trainer has no number of that name%s%s%s; what is compiled in is changed "
            "by `nnc %s --set %s=...`",
            name, near == NULL ? "" : " (did you mean ", near == NULL ? "" : near, near == NULL ? "" : "?)",
            o->command == NN_COMMAND_SWEEP ? "sweep" : "build", name);
    return NULL;
}

// Units that may follow the number: what one is in the setting's own unit, 0 where it does not fit.
static double unit_factor(const char *word, int32_t unit) {
    static const struct {
        char word[7];
        int32_t unit;
        double factor;
    } units[] = {{"steps", NN_UNIT_STEPS, 1}, {"epochs", NN_UNIT_EPOCHS, 1}, {"ms", NN_UNIT_SECONDS, 1e-3},
                 {"s", NN_UNIT_SECONDS, 1},   {"min", NN_UNIT_SECONDS, 60},  {"h", NN_UNIT_SECONDS, 3600},
                 {"%", NN_UNIT_NONE, 0.01}};
    for (size_t k = 0; k < sizeof units / sizeof *units; k++) {
        if (nn_same(units[k].word, word)) return units[k].unit == unit ? units[k].factor : 0;
    }
    return 0;
}

static nn_status number_of(nn_context *ctx, const char *option, const char *text, int32_t unit,
                           double *value) {
    static const char *const names[] = {"a number", "a number of steps", "a number of epochs",
                                        "a number of seconds", "a number of bytes"};
    size_t length = strlen(text), digits = strspn(text, "+-.0123456789_eE"), n = 0;
    while (digits > 0 && (text[digits - 1] == 'e' || text[digits - 1] == 'E')) digits--;
    char plain[64];
    for (size_t k = 0; k < digits && n + 1 < sizeof plain; k++) {
        if (text[k] != '_') plain[n++] = text[k];
    }
    double factor = 1;
    const char *rest = text + digits + strspn(text + digits, " ");
    if (*rest != '\0') factor = unit_factor(rest, unit);
    if (length == 0 || factor == 0 || !nn_number_parse(plain, n, value))
        return nn_fail(ctx, NN_USAGE, "%s: expected %s, found %s", option, names[unit],
                       length == 0 ? "nothing" : text);
    *value *= factor;
    return NN_OK;
}

// Rates and counts are not negative, and nothing overflows in the program's own numbers.
static nn_status check_range(const nn_trainer *t, const nn_setting *s, const char *option, double value) {
    double most = t->model.manifest->is_double ? DBL_MAX : (double)FLT_MAX;
    bool positive = s->is_rate || s->unit != NN_UNIT_NONE;
    if (value <= most && value >= (positive ? 0 : -most)) return NN_OK;
    char text[NN_NUMBER_ROOM];
    nn_number_print(text, value, true);
    return nn_fail(t->ctx, NN_USAGE, "%s: %s is out of range: a number %s %.2g", option, text,
                   positive ? "from 0 to" : "whose size is at most", most);
}

// A setting of a resumed run may be named again, but not changed.
static nn_status put(nn_trainer *t, const nn_setting *s, const char *option, double value, bool resumed) {
    if (check_range(t, s, option, value) != NN_OK) return t->ctx->status;
    if (resumed && nn_scalar_get(&t->model, s->tensor) != value) {
        char now[NN_NUMBER_ROOM], asked[NN_NUMBER_ROOM];
        nn_number_print(now, nn_scalar_get(&t->model, s->tensor), true);
        nn_number_print(asked, value, true);
        return nn_fail(
            t->ctx, NN_USAGE,
            "--resume: the checkpoint's run has %s = %s, and %s was given: a resumed run keeps its numbers",
            nn_model_text(&t->model, s->name), now, asked);
    }
    nn_scalar_put(&t->model, s->tensor, value);
    return NN_OK;
}

static nn_status apply_rate(nn_trainer *t, const char *text, bool resumed) {
    const nn_setting *settings = NN_TABLE(&t->model, nn_setting, settings);
    double value, first = (double)NAN;
    if (number_of(t->ctx, "--lr", text, NN_UNIT_NONE, &value) != NN_OK) return t->ctx->status;
    bool any = false;
    for (uint32_t k = 0; k < t->model.manifest->settings_count; k++) {
        if (!settings[k].is_rate) continue;
        double start = nn_model_tensor(&t->model, settings[k].tensor)->start;
        if (any && start != first)
            return nn_fail(t->ctx, NN_USAGE,
                           "--lr: the optimizers have different rates; use --set %s=... for each",
                           nn_model_text(&t->model, settings[k].name));
        first = start;
        any = true;
    }
    if (!any)
        return nn_fail(
            t->ctx, NN_USAGE,
            "--lr: no rate of this program can be changed here; `nnc build --set` compiles another one in");
    for (uint32_t k = 0; k < t->model.manifest->settings_count; k++) {
        if (settings[k].is_rate && put(t, &settings[k], "--lr", value, resumed) != NN_OK)
            return t->ctx->status;
    }
    return NN_OK;
}

nn_status nn_settings_apply(nn_trainer *t, bool resumed) {
    const char *rate = t->options->value[NN_OPTION_LR];
    if (rate != NULL && apply_rate(t, rate, resumed) != NN_OK) return t->ctx->status;
    for (int32_t k = 0; k < t->options->set_count; k++) {
        const char *text = t->options->set[k];
        size_t length = strcspn(text, "=");
        char name[256], option[280];
        snprintf(name, sizeof name, "%.*s", (int)length, text);
        snprintf(option, sizeof option, "--set %s", name);
        if (text[length] != '=') return nn_fail(t->ctx, NN_USAGE, "--set %s: expected NAME=VALUE", text);
        const nn_setting *s = nn_setting_find(t->ctx, &t->model, t->options, name);
        double value;
        if (s == NULL || number_of(t->ctx, option, text + length + 1, s->unit, &value) != NN_OK ||
            put(t, s, option, value, resumed) != NN_OK)
            return t->ctx->status;
    }
    return NN_OK;
}
