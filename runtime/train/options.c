// The command line, read by the table options.def; and the help that is made from it and the model.
// Guarantees: what is misspelt is answered with what is near; nothing is taken that the command does not
// know.
#include "train/train.h"

#include <stdio.h>
#include <string.h>

enum { T = 1, E = 2, P = 4, D = 8, N = 16, S = 32, W = 64, H = 128, R = 256, ALL = 511 };

typedef struct {
    uint16_t commands;
    bool repeatable;
    uint8_t kept;
} Option;

static const Option options[NN_OPTIONS] = {
#define OPTION(code, name, argument, commands, repeatable, kept, text) {commands, repeatable, kept},
#include "train/options.def"
#undef OPTION
};

// Of each its name, its argument and its meaning, without a pointer to any of them, of which each would be 32
// bytes.
static const char words[] =
#define OPTION(code, name, argument, commands, repeatable, kept, text) name "\0" argument "\0" text "\0"
#include "train/options.def"
#undef OPTION
    ;
typedef enum { NAME, ARGUMENT, MEANING, WORDS } Word;

static const char *word_of(int option, Word which) {
    const char *at = words;
    for (int k = option * WORDS + (int)which; k > 0; k--) at += strlen(at) + 1;
    return at;
}

static const char *const commands[] = {"train",  "eval",  "predict", "data",  "info",
                                       "sample", "sweep", "history", "report"};
enum { COMMANDS = sizeof commands / sizeof *commands };

const char *nn_option_name(nn_option which) { return word_of((int)which, NAME); }
int nn_option_kept(nn_option which) { return options[which].kept; }

static nn_status unknown(nn_context *ctx, const char *word, nn_command command) {
    const char *names[NN_OPTIONS];
    int count = 0;
    char asked[64];
    snprintf(asked, sizeof asked, "%.*s", (int)strcspn(word, "="), word);
    for (int k = 0; k < NN_OPTIONS; k++) {
        if ((options[k].commands >> command & 1) != 0) names[count++] = word_of(k, NAME);
    }
    const char *near = nn_nearest(asked, names, count);
    return near == NULL
               ? nn_fail(ctx, NN_USAGE, "`%s` has no option %s (--help lists them)", commands[command], asked)
               : nn_fail(ctx, NN_USAGE, "`%s` has no option %s: did you mean %s?", commands[command], asked,
                         near);
}

static nn_status take_option(nn_context *ctx, nn_options *o, int argc, char **argv, int *at) {
    const char *word = argv[*at];
    size_t length = strcspn(word, "=");
    for (int k = 0; k < NN_OPTIONS; k++) {
        const Option *option = &options[k];
        const char *name = word_of(k, NAME), *argument = word_of(k, ARGUMENT), *value = "";
        if (strlen(name) != length || strncmp(name, word, length) != 0 ||
            (option->commands >> o->command & 1) == 0)
            continue;
        if (*argument == '\0' && word[length] == '=')
            return nn_fail(ctx, NN_USAGE, "%s takes no value", name);
        if (*argument != '\0') {
            if (word[length] == '=')
                value = word + length + 1;
            else if (*at + 1 < argc && strncmp(argv[*at + 1], "--", 2) == 0)
                return nn_fail(ctx, NN_USAGE,
                               "%s needs a value, and %s looks like an option (%s=%s takes it as the value)",
                               name, argv[*at + 1], name, argv[*at + 1]);
            else if (*at + 1 < argc)
                value = argv[++*at];
            else
                return nn_fail(ctx, NN_USAGE, "%s needs a value: %s %s", name, name, argument);
        }
        if (option->repeatable)
            o->set[o->set_count++] = value;
        else if (o->value[k] != NULL && *argument != '\0')
            return nn_fail(ctx, NN_USAGE, "%s is given twice", name);
        o->value[k] = value;
        return NN_OK;
    }
    return unknown(ctx, word, o->command);
}

nn_status nn_options_parse(nn_context *ctx, nn_options *o, int argc, char **argv) {
    *o = (nn_options){.command = NN_COMMAND_TRAIN, .program = argc > 0 ? argv[0] : ""};
    o->set = nn_get(ctx, (uint64_t)(argc > 0 ? argc : 1), sizeof *o->set);
    o->rest = nn_get(ctx, (uint64_t)(argc > 0 ? argc : 1), sizeof *o->rest);
    if (o->rest == NULL) return ctx->status;
    int at = 1;
    if (argc > 1 && argv[1][0] != '-') {
        int k = 0;
        while (k < COMMANDS && !nn_same(argv[1], commands[k])) k++;
        if (nn_same(argv[1], "help"))
            o->value[NN_OPTION_HELP] = "";
        else if (k == COMMANDS) {
            const char *near = nn_nearest(argv[1], commands, COMMANDS);
            return nn_fail(ctx, NN_USAGE, "unknown command %s%s%s%s", argv[1],
                           near == NULL ? " (--help lists them)" : ": did you mean ",
                           near == NULL ? "" : near, near == NULL ? "" : "?");
        } else
            o->command = (nn_command)k;
        at++;
    }
    for (; at < argc; at++) {
        if (nn_same(argv[at], "-h")) {
            o->value[NN_OPTION_HELP] = "";
            continue;
        }
        if (argv[at][0] != '-' && o->command >= NN_COMMAND_HISTORY) {
            o->rest[o->rest_count++] = argv[at];
            continue;
        }
        if (argv[at][0] != '-')
            return nn_fail(ctx, NN_USAGE, "unexpected argument %s (--help shows the way)", argv[at]);
        if (take_option(ctx, o, argc, argv, &at) != NN_OK) return ctx->status;
    }
    return NN_OK;
}

nn_status nn_option_whole(nn_context *ctx, const nn_options *o, nn_option which, int64_t low,
                          int64_t *value) {
    const char *text = o->value[which];
    if (text == NULL) return NN_OK;
    if (!nn_integer_parse(text, strlen(text), value) || *value < low)
        return nn_fail(ctx, NN_USAGE, "%s: expected a whole number of %lld or more, found %s",
                       nn_option_name(which), (long long)low, *text == '\0' ? "nothing" : text);
    return NN_OK;
}

nn_status nn_option_size(nn_context *ctx, const nn_options *o, nn_option which, int64_t *bytes) {
    static const struct {
        char unit[3];
        int shift;
    } units[] = {{"KB", 10}, {"MB", 20}, {"GB", 30}, {"", 0}};
    const char *text = o->value[which];
    size_t digits = text == NULL ? 0 : strspn(text, "0123456789");
    if (text == NULL) return NN_OK;
    for (size_t k = 0; k < sizeof units / sizeof *units; k++) {
        int64_t n;
        if (!nn_same(text + digits, units[k].unit) || !nn_integer_parse(text, digits, &n)) continue;
        if (n > 0 && n <= INT64_MAX >> units[k].shift) {
            *bytes = n << units[k].shift;
            return NN_OK;
        }
    }
    return nn_fail(ctx, NN_USAGE, "%s: expected a size, such as 500MB or 2GB, found %s",
                   nn_option_name(which), *text == '\0' ? "nothing" : text);
}

// ---- help ----

static void help_settings(const nn_model *m, nn_text *out) {
    const nn_manifest *mf = m->manifest;
    const nn_setting *settings = NN_TABLE(m, nn_setting, settings);
    static const char units[][8] = {"", " steps", " epochs", " s", " B"};
    if (mf->settings_count > 0) nn_text_add(out, "\nNumbers of this program that --set changes:\n");
    for (uint32_t k = 0; k < mf->settings_count; k++) {
        nn_text_format(out, "  %s=", nn_model_text(m, settings[k].name));
        nn_text_number(out, nn_model_tensor(m, settings[k].tensor)->start, true);
        nn_text_format(out, "%s%s\n", units[settings[k].unit], settings[k].is_rate ? "    (--lr)" : "");
    }
    nn_text_format(out, "\nThis program: batch %d", mf->batch);
    if (mf->epochs >= 0) nn_text_format(out, ", epochs %lld", (long long)mf->epochs);
    if (mf->steps >= 0) nn_text_format(out, ", steps %lld", (long long)mf->steps);
    nn_text_format(out, ", seed %lld\n", (long long)mf->seed);
}

void nn_options_help(const nn_model *m, nn_text *out) {
    const char *name = nn_model_text(m, m->manifest->name);
    nn_text_format(out, "%s: trains the model `%s`, compiled by nnc %s\n\nExamples\n", name,
                   nn_model_text(m, m->manifest->model), nn_model_text(m, m->manifest->version_text));
    nn_text_format(out, "  ./%s                               train; the weights go to %s.run\n", name, name);
    nn_text_format(out, "  ./%s --epochs 5 --seed 1           train with other numbers\n", name);
    nn_text_format(out, "  ./%s --resume                      go on after an interruption\n", name);
    nn_text_format(out, "  ./%s eval --json                   measure on the held-out rows\n", name);
    nn_text_format(out, "  ./%s predict --data new.csv        what the model says about other rows\n", name);
    nn_text_format(out, "  ./%s sweep --lr 1e-3,1e-2          train with each, and compare\n", name);
    bool text = nn_data_is_text(m);
    if (text) nn_text_format(out, "  ./%s sample --prompt TEXT           go on with a text\n", name);
    nn_text_add(out,
                "\nCommands\n  train      (the first, if none is named)\n  eval       loss and metrics of a "
                "part of the data\n"
                "  predict    the model's outputs for rows of a file or of standard input\n"
                "  data       the rows as the model sees them\n  info       what was compiled\n"
                "  sweep      runs with every combination of values, compared\n"

                "  history    what the logs of runs tell: history [DIR...], of a sweep as well\n"
                "  report     a page of runs: report [DIR...], or of a sweep\n");
    if (text) nn_text_add(out, "  sample     a text, drawn unit by unit\n");
    nn_text_add(out, "\nOptions\n");
    for (int k = 0; k < NN_OPTIONS; k++) {
        char left[64], for_commands[64] = "";
        if (options[k].commands == S && !text) continue;
        snprintf(left, sizeof left, "%s %s", word_of(k, NAME), word_of(k, ARGUMENT));
        for (int c = 0; c < COMMANDS && options[k].commands != ALL; c++) {
            if ((options[k].commands >> c & 1) != 0 && (text || c != NN_COMMAND_SAMPLE))
                snprintf(for_commands + strlen(for_commands), sizeof for_commands - strlen(for_commands),
                         "%s%s", for_commands[0] == '\0' ? "" : ", ", commands[c]);
        }
        nn_text_format(out, "  %-22s %s%s%s%s\n", left, word_of(k, MEANING),
                       for_commands[0] == '\0' ? "" : " [", for_commands, for_commands[0] == '\0' ? "" : "]");
    }
    help_settings(m, out);
}
