// The command line, read by the table options.def.
#ifndef NN_OPTIONS_H
#define NN_OPTIONS_H

#include "base/base.h"

typedef enum {
#define COMMAND(name, word, arguments, help) COMMAND_##name,
#include "options.def"
#undef COMMAND
    COMMAND_COUNT
} Command;

typedef enum {
#define OPTION(name, spelling, kind, argument, commands, help) OPTION_##name,
#include "options.def"
#undef OPTION
    OPTION_COUNT
} Option;

typedef struct {
    Command command;
    const char *file;                     // the model file
    const char *value[OPTION_COUNT];      // NULL: not given; FLAG: ""; LIST: the last
    VEC(const char *) list[OPTION_COUNT]; // LIST: all of them, in order
    char **rest;                          // what stands after `--`
    int rest_count;
    uint64_t memory; // the bound that nnc found for itself, for the trainer that it becomes
} Options;

// Reads a command line. Returns NN_OK, or NN_USAGE after a message on standard error; `done` where --help or
// --version was answered on standard output.
int options_read(Arena *arena, int argc, char **argv, Options *options, bool *done);
// A whole number from 1 that options_read has seen, or 0 where the option is not given.
int64_t options_count(const Options *options, Option option);
const char *option_spelling(Option option);

#endif
