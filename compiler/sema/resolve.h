// Names: what stands at file level in the program and its libraries, what the language knows by itself, and
// which of them a word means at a place. Used by resolution (rule 1) and by whatever looks a definition up
// afterwards.
#ifndef NN_RESOLVE_H
#define NN_RESOLVE_H

#include "sema/module.h"

// ---- file level ----

// The program's own file joins the library's, so that lookups from it find its names first. Once for each
// source.
void library_open(Library *library, const Source *source, const Node *root);

// What `name` means at file level for a text at `from`: a DEFINE, CONSTANT or DATA node, or NULL. A file sees
// its own names, then the standard library's; a library's body keeps what it saw. Names that begin with `_`
// stay in their file.
const Node *library_find(const Library *library, Span from, const char *name);
bool library_standard(const Library *library, const char *name); // does the standard library define it?
// `keras.dense`, `mine.layer`: what a member of a named library means in the file that holds `from`, or NULL.
const Node *library_member(const Library *library, Span from, const char *file, const char *name);
// Is there a library of that name, whose members are written with it? The file's own names come first.
bool library_named(const Library *library, Span from, const char *file);
// The libraries whose members are written with a word, for suggestions. Returns how many; stores at most
// `room`.
int library_words(const Library *library, const char **names, int room);
// The names of a library, for suggestions. Returns how many; stores at most `room`.
int library_members(const Library *library, const char *file, const char **names, int room);
// Every name visible from `from` at file level, for suggestions. Returns how many; stores at most `room`.
int library_names(const Library *library, Span from, const char **names, int room);

// ---- the language's own ----

typedef enum {
    GROUP_SCALAR,
    GROUP_REDUCTION,
    GROUP_TENSOR,
    GROUP_DRAW,
    GROUP_CONSTANT,
    GROUP_RUN,
    GROUP_TRAIN,
    GROUP_SOURCE,
    GROUP_READER,
    GROUP_SPLIT,
    GROUP_CLIP,
    GROUP_BEST,
    GROUP_AVERAGE,
    GROUP_START,
    GROUP_BATCH,
    GROUP_PRECISION,
    GROUP_SELECT,
    GROUP_ASSERT
} BuiltinGroup;

typedef struct {
    const char *name;
    BuiltinGroup group;
    const char *parameters; // their names between blanks; "-": a word, not a function
    int needed;
} Builtin;

// The first row of that name among the groups of the mask (1u << GROUP_...), or NULL.
const Builtin *builtin_find(const char *name, uint32_t groups);
const Builtin *builtin_row(int i); // NULL after the last

// ---- the settings of `train` ----

typedef enum {
    VALUE_EXPRESSION,
    VALUE_COUNT,
    VALUE_FLAG,
    VALUE_METRICS,
    VALUE_WORDS_BATCH,
    VALUE_WORDS_CLIP,
    VALUE_WORDS_START,
    VALUE_WORDS_BEST,
    VALUE_WORDS_AVERAGE,
    VALUE_WORDS_PRECISION
} SettingValue;

typedef struct {
    const char *name;
    SettingValue kind;
    const char *preset, *meaning;
} TrainSetting;
const TrainSetting *train_setting_row(int i); // NULL after the last
const TrainSetting *train_setting_find(const char *name);

// ---- data ----

// Does the name stand somewhere in the tree?
bool node_names(const Node *e, const char *name);
// z[i] = x[i] / 2: are the brackets of a field's line indices of an equation? Else they are sizes: numbers,
// and names that the file defines or the equation does not hold.
bool field_is_indexed(const Library *library, const Node *line);

// The file's `train` block, or NULL.
const Node *file_train(const Node *root);

#endif
