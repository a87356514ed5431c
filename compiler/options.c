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
    ON_ALL = ON_BUILD | ON_RUN | ON_CHECK | ON_SUMMARY | ON_EXPLAIN | ON_GRAD | ON_GRADCHECK
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
    {COMMAND_RUN, "nnc run digits.nn", "train it here and now"},
    {COMMAND_RUN, "nnc run digits.nn -- --epochs 5", "the same, for five epochs"},
    {COMMAND_RUN, "nnc run digits.nn -- --threads 2 --out here", "options of the trainer stand after --"},
    {COMMAND_BUILD, "nnc build digits.nn && ./digits",
     "a trainer of its own: ./digits eval, ./digits predict"},
    {COMMAND_BUILD, "nnc build digits.nn --emit obj", "digits.o and digits.h, for a C program"},
    {COMMAND_BUILD, "nnc build digits.nn --cpu x86-64-v3 -o portable", "for other machines than this one"},
    {COMMAND_CHECK, "nnc check digits.nn", "all that is wrong with it, at its place"},
    {COMMAND_CHECK, "nnc check --json digits.nn", "the same for a tool"},
    {COMMAND_SUMMARY, "nnc summary digits.nn", "layers, parameters, memory"},
    {COMMAND_SUMMARY, "nnc summary digits.nn --batch 128", "with another batch"},
    {COMMAND_EXPLAIN, "nnc explain digits.nn", "every value in force, every kernel"},
    {COMMAND_EXPLAIN, "nnc explain --time digits.nn", "what each kernel takes on this machine"},
    {COMMAND_GRAD, "nnc grad digits.nn", "the derivative, to be read"},
    {COMMAND_GRAD, "nnc grad digits.nn --of loss --by dense_1.w", "one of them, from the data on"},
    {COMMAND_GRADCHECK, "nnc gradcheck digits.nn", "is the derivative right?"},
    {COMMAND_FMT, "nnc fmt digits.nn", "the canonical layout"},
    {COMMAND_FMT, "nnc fmt --write digits.nn", "the same, into the file"},
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

static int complain(Arena *arena, const char *message, const char *nearest) {
    const char *meant = nearest ? string_format(arena, ": did you mean `%s`?", nearest)
                                : "; `nnc --help` lists what there is";
    say(stderr, "nnc: error: %s%s\n", message, meant);
    return NN_USAGE;
}

static int read_command(Arena *arena, const char *word, Command *command) {
    const char *words[COMMAND_COUNT];
    for (int i = 0; i < COMMAND_COUNT; i++) {
        words[i] = commands[i].word;
        if (string_equal(word, words[i])) {
            *command = (Command)i;
            return NN_OK;
        }
    }
    size_t length = strlen(word);
    bool file = length > 3 && strcmp(word + length - 3, ".nn") == 0;
    if (file) {
        say(stderr, "nnc: error: a command stands before the file: `nnc run %s`, or `nnc build %s`\n",
                word, word);
        return NN_USAGE;
    }
    return complain(arena, string_format(arena, "there is no command `%s`", word),
                    string_nearest(word, words, COMMAND_COUNT));
}

// The row that an argument names; `value` is what follows `=`, or a joined spelling.
static int find_option(const char *word, const char **value) {
    const char *equals = strncmp(word, "--", 2) == 0 ? strchr(word, '=') : NULL;
    size_t length = equals ? (size_t)(equals - word) : strlen(word);
    for (int i = 0; i < OPTION_COUNT; i++) {
        size_t n = strlen(rows[i].spelling);
        *value = NULL;
        if (rows[i].kind == KIND_JOINED && strncmp(word, rows[i].spelling, n) == 0) {
            *value = word + n;
            return i;
        }
        if (n != length || memcmp(word, rows[i].spelling, n) != 0) continue;
        if (equals) *value = equals + 1;
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

static int check_value(Arena *arena, const OptionRow *row, const char *value) {
    if (row->kind == KIND_CHOICE || row->kind == KIND_JOINED) {
        if (one_of(row->argument, value)) return NN_OK;
        say(stderr, "nnc: error: %s takes one of %s, not `%s`\n", row->spelling, row->argument, value);
        return NN_USAGE;
    }
    char *end;
    errno = 0;
    long long count = row->kind == KIND_COUNT ? strtoll(value, &end, 10) : 0;
    bool bad = row->kind == KIND_COUNT && (*value < '0' || *value > '9' || *end || errno || count < 1);
    if (bad)
        return complain(
            arena, string_format(arena, "%s takes a whole number from 1, not `%s`", row->spelling, value),
            NULL);
    const char *equals =
        row->kind == KIND_LIST && strchr(row->argument, '=') ? strchr(value, '=') : value + 1;
    if (!equals || equals == value)
        return complain(
            arena, string_format(arena, "%s takes %s, not `%s`", row->spelling, row->argument, value), NULL);
    return NN_OK;
}

// Reads the option at argv[*at] (and its argument).
static int read_option(Arena *arena, int argc, char **argv, int *at, Options *options, unsigned *given) {
    const char *value, *word = argv[*at];
    int i = find_option(word, &value);
    if (i == OPTION_COUNT) {
        const char *spellings[OPTION_COUNT];
        for (int j = 0; j < OPTION_COUNT; j++) spellings[j] = rows[j].spelling;
        const char *nearest = string_nearest(word, spellings, OPTION_COUNT);
        return complain(arena, string_format(arena, "there is no option `%s`", word), nearest);
    }
    const OptionRow *row = &rows[i];
    if (row->kind == KIND_FLAG) {
        if (value) return complain(arena, string_format(arena, "%s takes no value", row->spelling), NULL);
        value = "";
    } else if (!value) {
        if (*at + 1 >= argc)
            return complain(arena, string_format(arena, "%s takes %s", row->spelling, row->argument), NULL);
        if (!strncmp(argv[*at + 1], "--", 2) || find_option(argv[*at + 1], &value) < OPTION_COUNT) {
            fprintf(stderr, "nnc: error: %s takes %s, and `%s` looks like an option\n", row->spelling,
                    row->argument, argv[*at + 1]);
            return NN_USAGE;
        }
        value = argv[++*at];
    }
    int status = row->kind == KIND_FLAG ? NN_OK : check_value(arena, row, value);
    if (status != NN_OK) return status;
    if (options->value[i] && row->kind != KIND_LIST && row->kind != KIND_FLAG)
        return complain(arena, string_format(arena, "%s is given twice", row->spelling), NULL);
    options->value[i] = value;
    if (row->kind == KIND_LIST) vec_push(arena, &options->list[i], value);
    *given |= 1u << i;
    return NN_OK;
}

static int check_given(Arena *arena, const Options *options, unsigned given) {
    for (int i = 0; i < OPTION_COUNT; i++) {
        if (!(given >> i & 1) || rows[i].commands & (1 << options->command)) continue;
        Text where = {.arena = arena};
        for (int c = 0; c < COMMAND_COUNT; c++)
            if (rows[i].commands & (1 << c)) text_add(&where, " %s", commands[c].word);
        say(stderr, "nnc: error: %s is no option of `nnc %s` (of:%s)\n", rows[i].spelling,
                commands[options->command].word, text_string(&where));
        return NN_USAGE;
    }
    if (!options->file) {
        say(stderr, "nnc: error: `nnc %s` takes a file: nnc %s %s\n", commands[options->command].word,
                commands[options->command].word, commands[options->command].arguments);
        return NN_USAGE;
    }
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
    unsigned given = 0;
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
        if (word[0] == '-' && word[1])
            status = read_option(arena, argc, argv, &i, options, &given);
        else if (!command && string_equal(word, "help"))
            options->value[OPTION_HELP] = "";
        else if (!command) {
            status = read_command(arena, word, &options->command);
            command = true;
        } else if (!options->file)
            options->file = word;
        else
            status = complain(
                arena, string_format(arena, "one file is compiled at a time; `%s` is a second", word), NULL);
        if (status != NN_OK) return status;
    }
    if (options->value[OPTION_HELP] || options->value[OPTION_VERSION]) return answer(options, command, done);
    if (!command) return complain(arena, "a command is missing", NULL);
    if (options->rest && options->command != COMMAND_RUN)
        return complain(arena, "only `nnc run` takes options for the trainer, after `--`", NULL);
    return check_given(arena, options, given);
}

int64_t options_count(const Options *options, Option option) {
    return options->value[option] ? strtoll(options->value[option], NULL, 10) : 0;
}
