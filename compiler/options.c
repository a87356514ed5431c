// Reads the command line by options.def. Every mistake is answered with what was meant, or where help stands.
#include "options.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
#define COMMAND(name, word, arguments, help) ON_##name = 1 << COMMAND_##name,
#include "options.def"
#undef COMMAND
    ON_ALL = ON_BUILD | ON_RUN | ON_CHECK | ON_SUMMARY | ON_EXPLAIN | ON_GRAD | ON_GRADCHECK | ON_SWEEP
};

typedef enum { KIND_FLAG, KIND_TEXT, KIND_COUNT, KIND_LIST, KIND_CHOICE, KIND_JOINED } Kind;

typedef struct {
    const char *word, *arguments, *help;
} CommandRow;
typedef struct {
    const char *spelling;
    Kind kind;
    const char *argument;
    int commands;
    const char *help;
} OptionRow;

static const CommandRow commands[] = {
#define COMMAND(name, word, arguments, help) {word, arguments, help},
#include "options.def"
#undef COMMAND
};

static const OptionRow rows[] = {
#define OPTION(name, spelling, kind, argument, commands, help)                                               \
    {spelling, KIND_##kind, argument, commands, help},
#include "options.def"
#undef OPTION
};

// What help leads with; the first of each command stand in the help of all.
static const struct {
    Command command;
    const char *line, *help;
} examples[] = {
#define EXAMPLE(name, line, help) {COMMAND_##name, line, help},
#include "options.def"
#undef EXAMPLE
};
enum { EXAMPLE_COUNT = sizeof examples / sizeof *examples };

static void print_example(FILE *out, int i) {
    fprintf(out, "  %-50s %s\n", examples[i].line, examples[i].help);
}

// The first of each command.
static void print_examples(FILE *out) {
    for (int i = 0; i < EXAMPLE_COUNT; i++)
        if (!i || examples[i].command != examples[i - 1].command) print_example(out, i);
}

const char *option_spelling(Option option) { return rows[option].spelling; }

static void help_option(const OptionRow *row) {
    char left[64];
    const char *blank = row->kind == KIND_JOINED || row->kind == KIND_FLAG ? "" : " ";
    snprintf(left, sizeof left, "%s%s%s", row->spelling, blank, row->argument);
    if (strlen(left) < 28)
        printf("  %-28s %s\n", left, row->help);
    else
        printf("  %s\n  %-28s %s\n", left, "", row->help);
}

static void help_all(void) {
    printf("nnc compiles neural networks (.nn files) into programs that train them.\n\n");
    print_examples(stdout);
    printf("\nCommands:\n");
    for (int i = 0; i < COMMAND_COUNT; i++)
        printf("  %-9s %-31s %s\n", commands[i].word, commands[i].arguments, commands[i].help);
    printf("\nOptions (nnc COMMAND --help lists a command's own):\n");
    for (int i = 0; i < OPTION_COUNT; i++) help_option(&rows[i]);
    printf("\nExit codes:\n");
#define STATUS(code, value, text) printf("  %d  %s\n", value, text);
#include "status.def"
#undef STATUS
}

static void help_command(Command command) {
    for (int i = 0; i < EXAMPLE_COUNT; i++)
        if (examples[i].command == command) print_example(stdout, i);
    printf("\nnnc %s %s\n%s\n\nOptions:\n", commands[command].word, commands[command].arguments,
           commands[command].help);
    for (int i = 0; i < OPTION_COUNT; i++)
        if (rows[i].commands & (1 << command)) help_option(&rows[i]);
}

// Says what is wrong.
#define refuse(...) (fputs("nnc: error: ", stderr), say(stderr, __VA_ARGS__), fputs("\n", stderr), NN_USAGE)
#define LIST_OF_ALL "; `nnc --help` lists what there is"

// What a word that is none of these might have meant.
static int unknown(const char *what, const char *word, const char *const *words, int count) {
    const char *nearest = string_nearest(word, words, count);
    return nearest ? refuse("there is no %s `%s`: did you mean `%s`?", what, word, nearest)
                   : refuse("there is no %s `%s`" LIST_OF_ALL, what, word);
}

static int read_command(const char *word, Command *command) {
    const char *words[COMMAND_COUNT];
    for (int i = 0; i < COMMAND_COUNT; i++) {
        words[i] = commands[i].word;
        if (string_equal(word, words[i])) {
            *command = (Command)i;
            return NN_OK;
        }
    }
    size_t length = strlen(word);
    if (length > 3 && strcmp(word + length - 3, ".nn") == 0)
        return refuse("a command stands before the file: `nnc run %s`, or `nnc build %s`", word, word);
    return unknown("command", word, words, COMMAND_COUNT);
}

// The row that an argument names; `value` is what follows `=`, or a joined spelling.
static int find_option(const char *word, const char **value) {
    const char *equals = strncmp(word, "--", 2) == 0 ? strchr(word, '=') : NULL;
    size_t length = equals ? (size_t)(equals - word) : strlen(word);
    for (int i = 0; i < OPTION_COUNT; i++) {
        size_t n = strlen(rows[i].spelling);
        bool joined = rows[i].kind == KIND_JOINED;
        if ((!joined && n != length) || strncmp(word, rows[i].spelling, n) != 0) continue;
        *value = joined ? word + n : equals ? equals + 1 : NULL;
        return i;
    }
    return OPTION_COUNT;
}

static bool one_of(const char *choices, const char *value) {
    size_t length = strlen(value);
    for (const char *at = choices;; at++) {
        size_t n = strcspn(at, "|");
        if (n == length && memcmp(at, value, n) == 0) return true;
        at += n;
        if (!*at) return false;
    }
}

static bool is_count(const char *value) {
    char *end;
    errno = 0;
    long long count = strtoll(value, &end, 10);
    return *value >= '0' && *value <= '9' && !*end && !errno && count >= 1;
}

// `NAME=VALUE` where that is the argument, any text elsewhere.
static bool is_text(const OptionRow *row, const char *value) {
    const char *equals = row->kind == KIND_LIST ? strchr(row->argument, '=') : NULL;
    return !equals || (strchr(value, '=') && *value != '=');
}

static int check_value(const OptionRow *row, const char *value) {
    bool choice = row->kind == KIND_CHOICE || row->kind == KIND_JOINED;
    if (choice && !one_of(row->argument, value))
        return refuse("%s takes one of %s, not `%s`", row->spelling, row->argument, value);
    if (row->kind == KIND_COUNT && !is_count(value))
        return refuse("%s takes a whole number from 1, not `%s`" LIST_OF_ALL, row->spelling, value);
    if (!choice && row->kind != KIND_COUNT && !is_text(row, value))
        return refuse("%s takes %s, not `%s`" LIST_OF_ALL, row->spelling, row->argument, value);
    return NN_OK;
}

// Reads the option at argv[*at] (and its argument).
static int read_option(Arena *arena, int argc, char **argv, int *at, Options *options) {
    const char *value, *word = argv[*at];
    int i = find_option(word, &value);
    if (i == OPTION_COUNT) {
        const char *spellings[OPTION_COUNT];
        for (int j = 0; j < OPTION_COUNT; j++) spellings[j] = rows[j].spelling;
        return unknown("option", word, spellings, OPTION_COUNT);
    }
    const OptionRow *row = &rows[i];
    if (row->kind == KIND_FLAG) {
        if (value) return refuse("%s takes no value" LIST_OF_ALL, row->spelling);
        options->value[i] = "";
        return NN_OK;
    }
    if (!value) {
        if (*at + 1 >= argc) return refuse("%s takes %s" LIST_OF_ALL, row->spelling, row->argument);
        word = argv[++*at];
        if (!strncmp(word, "--", 2) || find_option(word, &value) < OPTION_COUNT)
            return refuse("%s takes %s, and `%s` looks like an option", row->spelling, row->argument, word);
        value = word;
    }
    int status = check_value(row, value);
    if (status != NN_OK) return status;
    if (options->value[i] && row->kind != KIND_LIST)
        return refuse("%s is given twice" LIST_OF_ALL, row->spelling);
    options->value[i] = value;
    if (row->kind == KIND_LIST) vec_push(arena, &options->list[i], value);
    return NN_OK;
}

static int check_given(Arena *arena, const Options *options) {
    const CommandRow *command = &commands[options->command];
    for (int i = 0; i < OPTION_COUNT; i++) {
        if (!options->value[i] || rows[i].commands & (1 << options->command)) continue;
        Text where = {.arena = arena};
        for (int c = 0; c < COMMAND_COUNT; c++)
            if (rows[i].commands & (1 << c)) text_add(&where, " %s", commands[c].word);
        return refuse("%s is no option of `nnc %s` (of:%s)", rows[i].spelling, command->word,
                      text_string(&where));
    }
    if (!options->file)
        return refuse("`nnc %s` takes a file: nnc %s %s", command->word, command->word, command->arguments);
    return NN_OK;
}

static int answer(const Options *options, bool command, bool *done) {
    *done = true;
    if (options->value[OPTION_VERSION])
        printf("nnc %s\n", NN_VERSION);
    else if (command)
        help_command(options->command);
    else
        help_all();
    return NN_OK;
}

int options_read(Arena *arena, int argc, char **argv, Options *options, bool *done) {
    bool command = false;
    *options = (Options){0};
    *done = false;
    if (argc < 2) {
        say(stderr, "nnc: error: what shall it do?\n\n");
        print_examples(stderr);
        fprintf(stderr, "\n`nnc --help` lists all commands and options\n");
        return NN_USAGE;
    }
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i];
        int status = NN_OK;
        if (string_equal(word, "--")) {
            options->rest = argv + i + 1;
            options->rest_count = argc - i - 1;
            break;
        }
        if (string_equal(word, "-h") || string_equal(word, "-v"))
            options->value[word[1] == 'h' ? OPTION_HELP : OPTION_VERSION] = "";
        else if (word[0] == '-' && word[1])
            status = read_option(arena, argc, argv, &i, options);
        else if (!command && string_equal(word, "help"))
            options->value[OPTION_HELP] = "";
        else if (!command) {
            status = read_command(word, &options->command);
            command = true;
        } else if (!options->file)
            options->file = word;
        else
            status = refuse("one file is compiled at a time; `%s` is a second" LIST_OF_ALL, word);
        if (status != NN_OK) return status;
    }
    if (options->value[OPTION_HELP] || options->value[OPTION_VERSION]) return answer(options, command, done);
    if (!command) return refuse("a command is missing" LIST_OF_ALL);
    if (options->rest && options->command != COMMAND_RUN && options->command != COMMAND_SWEEP)
        return refuse("only `nnc run` and `nnc sweep` take options for the trainer, after `--`" LIST_OF_ALL);
    return check_given(arena, options);
}

int64_t options_count(const Options *options, Option option) {
    return options->value[option] ? strtoll(options->value[option], NULL, 10) : 0;
}
