// Prints the pages of the documentation that are tables of the compiler: tables PAGE. docs/generate builds
// and runs it.
#include "base/message.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const char *find(const char *const (*rows)[2], size_t count, const char *key) {
    for (size_t i = 0; i < count; i++)
        if (!strcmp(rows[i][0], key)) return rows[i][1];
    return key;
}

static const char *list(char *out, const char *parameters, int needed) {
    char *at = out;
    *at++ = '`';
    for (int i = 0; *parameters; i++) {
        size_t n = strcspn(parameters, " "), name = strcspn(parameters, " :");
        at += sprintf(at, "%s%s%.*s%s", i ? ", " : "", i >= needed ? "[" : "", (int)name, parameters,
                      i >= needed ? "]" : "");
        parameters += n + (parameters[n] == ' ');
    }
    strcpy(at, "`");
    return out;
}

static void builtins(void) {
    puts("# Built-in words and units\n\n"
         "What the language knows that its library does not say. Written by `docs/generate` from "
         "`compiler/builtins.def` and\n"
         "`compiler/units.def`. Everything else is in `stdlib/*.nn`.\n\n"
         "| word | where | arguments |\n|---|---|---|");
#define BUILTIN(name, group, parameters, needed)                                                             \
    printf("| `%s` | %s | %s |\n", #name, where(#group),                                                     \
           strcmp(parameters, "-") ? arguments(parameters, needed) : "");
    static const char *const groups[][2] = {
        {"SCALAR", "a function of numbers, applied to each element"},
        {"REDUCTION", "a reduction: over an index, or of a whole tensor"},
        {"TENSOR", "a function of tensors"},
        {"DRAW", "a random draw"},
        {"CONSTANT", "a constant"},
        {"RUN", "of a run: in `train`, schedules and optimizers"},
        {"TRAIN", "in `train`"},
        {"SOURCE", "a source, after `data name =`"},
        {"READER", "in a `data` block"},
        {"MEASURE", "in a `data` block, and in functions that it calls"},
        {"SPLIT", "after `split =`"},
        {"START", "after `start =`"},
        {"BATCH", "after `batch =`"},
        {"PRECISION", "after `precision =`"},
        {"SELECT", "after `over`"},
        {"ASSERT", "after `assert`"},
    };
    static char text[200];
#define where(group) find(groups, sizeof groups / sizeof *groups, group)
#define arguments(parameters, needed) list(text, parameters, needed)
#include "builtins.def"
    puts("\n| unit | of | in its base |\n|---|---|---|");
#define UNIT(name, spelling, dimension, times, over)                                                         \
    printf("| `%s` | %s | × %g |\n", spelling, #dimension, (double)(times) / (over));
#include "units.def"
}

static void settings(void) {
    puts("# The settings of `train`\n\n"
         "A name on the left of `=` in a `train` block that stands here is always the setting, and is given "
         "once. Written by\n"
         "`docs/generate` from `compiler/settings.def`.\n\n| setting | default | meaning |\n|---|---|---|");
#define SETTING(name, kind, value, meaning)                                                                  \
    printf("| `%s` | %s%s%s | %s |\n", #name, *value ? "`" : "", value, *value ? "`" : "", meaning);
#include "settings.def"
}

static void message(const char *text) {
    static char out[4096];
    message_read(out, text);
    fputs(out, stdout);
}

// A program that provokes a message; bytes that no editor shows are written as in C.
static void program(const char *text) {
    if (!*text) return;
    puts("```");
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c >= 0x80 || (c < 0x20 && c != '\n'))
            printf("\\x%02x", c);
        else
            putchar(c);
    }
    puts("```\n");
}

static void errors(void) {
    puts("# Messages\n\n"
         "Every message of nnc about a program, and the smallest program that provokes it. `…` stands for "
         "what the program says there.\n"
         "Written by `docs/generate` from `compiler/diagnostics.def`; `nnc check --json` gives the names, "
         "`nnc explain NAME` the entry of one.\n");
#define DIAGNOSTIC(code, severity, text, example)                                                            \
    printf("### %s\n\n%s", #code, strcmp(#severity, "WARNING") ? "" : "A warning: ");                        \
    message(text);                                                                                           \
    puts("\n");                                                                                              \
    program(example);
#include "diagnostics.def"
}

static void options(void) {
    puts("# The command line of nnc\n\nWritten by `docs/generate` from `compiler/options.def`.\n\n| command "
         "| |\n|---|---|");
#define COMMAND(name, word, text, help) printf("| `nnc %s %s` | %s |\n", word, text, help);
#include "options.def"
#undef COMMAND
    puts("\n| option | of | |\n|---|---|---|");
    enum {
#define COMMAND(name, word, text, help) COMMAND_##name,
#include "options.def"
#undef COMMAND
        COMMANDS,
#define COMMAND(name, word, text, help) ON_##name = 1 << COMMAND_##name,
#include "options.def"
#undef COMMAND
        ON_ALL = (1 << COMMANDS) - 1 - ON_FMT
    };
    static const char *const words[] = {
#define COMMAND(name, word, text, help) word,
#include "options.def"
#undef COMMAND
    };
#define OPTION(name, spelling, kind, text, commands, help)                                                   \
    {                                                                                                        \
        printf("| `%s%s", spelling, *text &&strcmp(#kind, "JOINED") ? " " : "");                             \
        for (const char *s = text; *s; s++) printf("%s%c", *s == '|' ? "\\" : "", *s);                       \
        fputs("` | ", stdout);                                                                               \
        if ((commands) == ON_ALL)                                                                            \
            fputs("all but fmt", stdout);                                                                    \
        else if (((commands) & ON_ALL) == ON_ALL)                                                            \
            fputs("all", stdout);                                                                            \
        else                                                                                                 \
            for (int c = 0, shown = 0; c < COMMANDS; c++)                                                    \
                if ((commands) & 1 << c) printf("%s%s", shown++ ? ", " : "", words[c]);                      \
        printf(" | %s |\n", help);                                                                           \
    }
#include "options.def"
#undef OPTION
    puts("\nExit codes, of nnc and of trainers:\n\n| | | |\n|---|---|---|");
#define STATUS(code, value, text) printf("| %d | `%s` | %s |\n", value, #code, text);
#include "status.def"
}

static void passes(void) {
    puts("# The passes\n\nIn this order; `--stop-after`, `--dump-after` and `--time-passes` take their "
         "names. Written by `docs/generate` from\n"
         "`compiler/pass/passes.def`.\n\n| pass | from | to | what it does | what holds afterwards "
         "|\n|---|---|---|---|---|");
#define PASS(name, from, to, what, after)                                                                    \
    printf("| `%s` | %s | %s | %s | %s |\n", #name, #from, #to, what, after);
#include "pass/passes.def"
}

static void ops(void) {
    puts("# The scalar operations\n\nSums, products, negation and division have forms of their own. Written "
         "by `docs/generate` from `compiler/ir/ops.def`.\n\n"
         "| operation | arguments | gives | derivative |\n|---|---|---|---|");
#define OP(name, spelling, arity, type, commutes, differentiable, uses_value, cost)                          \
    printf("| `%s` | %d | %s | %s |\n", spelling, arity,                                                     \
           strcmp(#type, "TYPE_REAL") ? strcmp(#type, "TYPE_BOOL") ? "an integer" : "a condition"            \
                                      : "a number",                                                          \
           differentiable ? "yes" : "0");
#include "ir/ops.def"
}

static void words(void) {
    puts("# Words of other frameworks\n\nBeside the names of the [catalogue](catalogue.md): what people look "
         "for, and what it is "
         "called here; nnc answers "
         "with it where\na name is not found. Theirs are written without underscores, and case counts "
         "nothing. Written by "
         "`docs/generate` from\n`compiler/syntax/words.def`.\n\n| theirs | here |\n|---|---|");
    static const char *const ROWS[][2] = {
#define NAME(ours, theirs)
#define OUT(why, theirs)
#define WORD(theirs, ours) {theirs, ours},
#include "syntax/words.def"
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        printf("| `%s` | `", ROWS[i][0]);
        for (const char *c = ROWS[i][1]; *c; c++) printf(*c == '|' ? "\\|" : "%c", *c);
        puts("` |");
    }
}

int main(int argc, char **argv) {
    static const struct {
        const char *name;
        void (*print)(void);
    } pages[] = {{"builtins", builtins}, {"settings", settings}, {"errors", errors}, {"options", options},
                 {"passes", passes},     {"ops", ops},           {"words", words}};
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++)
        if (argc == 2 && !strcmp(argv[1], pages[i].name)) {
            pages[i].print();
            return 0;
        }
    fputs("tables: builtins, settings, errors, options, passes, ops or words\n", stderr);
    return 2;
}
