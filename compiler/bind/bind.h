// The contract of bind/: what every name of a file means. The tree goes in; what comes out is a Definition
// for each item, whose text is Phrases: expressions and statements in which names are slots, definitions and
// built-ins.
//
// Guarantees: all errors of a file, each once, and nothing that follows from another. The phrases are whole
// even after errors: what has had its message is WRONG. Arguments of a known definition stand by parameter.
// A call without its tensors is a MAKE, one with them an APPLY. Layers have sites, numbered in the order of
// the text, sides that are not taken included. A definition is bound once, when it is first needed:
// `Node.binding` of its node is the Definition, that of the nodes inside the Phrase.
#ifndef NN_BIND_H
#define NN_BIND_H

#include "syntax/ast.h"

typedef struct Library Library;
typedef struct Definition Definition;
typedef struct Phrase Phrase;

// ---- the language's own ----

typedef enum {
    GROUP_SCALAR,
    GROUP_REDUCTION,
    GROUP_TENSOR,
    GROUP_DRAW,
    GROUP_CONSTANT,
    GROUP_RULE,
    GROUP_RUN,
    GROUP_TRAIN,
    GROUP_SOURCE,
    GROUP_READER,
    GROUP_MEASURE,
    GROUP_SPLIT,
    GROUP_START,
    GROUP_BATCH,
    GROUP_PRECISION,
    GROUP_SELECT,
    GROUP_ASSERT
} BuiltinGroup;

typedef struct {
    const char *name;
    BuiltinGroup group;
    const char *parameters; // their names between blanks, a type behind `:`; "-": a word, not a function
    int needed;
    const char *sources; // that the reader reads, between blanks; NULL: it reads none
} Builtin;

// The first row of that name among the groups of the mask (1u << GROUP_...), or NULL.
const Builtin *builtin_find(const char *name, uint32_t groups);
const Builtin *builtin_row(int i); // NULL after the last

typedef enum {
    VALUE_EXPRESSION,
    VALUE_COUNT,
    VALUE_FLAG,
    VALUE_METRICS,
    VALUE_COLUMNS,
    VALUE_WORDS_BATCH,
    VALUE_OPTIMIZER,
    VALUE_CLIP,
    VALUE_AVERAGE,
    VALUE_WATCH,
    VALUE_WORDS_START,
    VALUE_WORDS_PRECISION
} SettingValue;

// A setting of `train`.
typedef struct {
    const char *name;
    SettingValue kind;
    const char *preset, *meaning;
} TrainSetting;
const TrainSetting *train_setting_row(int i); // NULL after the last
const TrainSetting *train_setting_find(const char *name);

// ---- what is said of a value ----

// ANY: a setting, or what a setting's call gives: its caller knows. A TUPLE is several results.
typedef enum {
    KIND_WRONG,
    KIND_NUMBER,
    KIND_TENSOR,
    KIND_CALLABLE,
    KIND_TUPLE,
    KIND_LIST,
    KIND_TEXT,
    KIND_ANY
} ValueKind;
// From when on a value is known: when compiling; from the clock and the trainer's settings; from rows,
// parameters and draws.
typedef enum { PHASE_KNOWN, PHASE_CLOCK, PHASE_ROWS } Phase;

typedef struct {
    uint8_t kind, phase; // ValueKind; the least Phase, whatever the parameters are
    bool draws;          // a draw stands in it, or in a fn that it calls
    uint64_t parameters; // of the definition, on which it depends (a bit each, the first 64)
} Sort;

// ---- names ----

typedef enum {
    SLOT_SETTING, // a parameter without brackets
    SLOT_TENSOR,  // one with brackets
    SLOT_SIZE,
    SLOT_INDEX,
    SLOT_ROUND,
    SLOT_LOCAL,
    SLOT_PARAM,
    SLOT_STATE,
    SLOT_RESULT,
    SLOT_FIELD,
    SLOT_OUTPUT,
    SLOT_WRONG
} SlotKind;

// A name inside a definition: looked up once, from then on a number.
typedef struct {
    const char *name;
    SlotKind kind;
    int number; // Definition.slot
    Span span;  // where it is first given
    Sort sort;
    bool used, given;     // given: a result that was assigned
    bool pieces;          // given by pieces
    bool stored;          // `x` of a grad(e, x): needs a tensor of its own
    const Node *declared; // its brackets in the text, or NULL
} Slot;

// ---- phrases ----

// The conditions around a phrase.
typedef struct Branch {
    const Phrase *condition;
    bool side; // that in which the condition holds
    const struct Branch *outer;
} Branch;

// An entry of brackets that bind: of the left side of `=`, of a reduction, of a recur or repeat.
typedef enum { BINDER_INDEX, BINDER_FORM, BINDER_WHOLE, BINDER_DOTS } BinderKind;
typedef struct {
    BinderKind kind;
    Slot *index;                   // INDEX
    Phrase *limit, *form, *filter; // `i < limit`; FORM; of a reduction: `… if filter`
    Span span;
} Binder;

// Where a layer is made: its name, or its definition's and its number among the calls of the text (rule 18).
typedef struct {
    const char *name;
    bool named;
    int number; // from 1; of one that is not named
} Site;

typedef enum {
#define PHRASE(kind, word) PHRASE_##kind,
#include "phrase.def"
#undef PHRASE
    PHRASE_COUNT
} PhraseKind;

struct Phrase {
    PhraseKind kind;
    Operator op;
    Sort sort;
    Span span;
    const Node *node;
    int number;       // in its definition; parts before what they are parts of
    uint64_t ordinal; // a call's number in its definition, from 1: the place of its draws
    Phrase **part;    // all children; NULL where one is not given
    int count;
    Binder *binder; // GIVE REDUCE RECUR REPEAT
    int binders;
    const Branch *under;
    union { // by kind, see phrase.def
        double value;
        const char *text;
        Slot *slot;
        Definition *definition;
    };
    const Builtin *builtin;
    Site *site; // MAKE, APPLY, PIPE, REPEAT: of the layer that is made here, or NULL
};

typedef enum { UNBOUND, BINDING, BOUND } DefinitionState;

struct Definition {
    const Node *node; // DEFINE, CONSTANT, DATA, TRAIN or ASSERT
    DefinitionState state;
    bool recursive;    // it was needed while it was being bound
    VEC(Slot *) slots; // parameters first
    int parameters;
    Phrase **preset;       // defaults, by parameter
    Phrase *body;          // a block, or the value
    VEC(Phrase *) phrases; // by number
    Sort result;
    bool draws;         // a draw stands in its text
    bool totals;        // it asks for a total over all tensors of a line
    bool measures;      // it asks for what is measured of the training rows
    uint64_t decides;   // parameters that decide something when compiling (rule 15)
    uint64_t in_epochs; // lengths that a watch sees: they stay in epochs on their way there, and decide
    Map *wrong;         // of a data block: names that it did not know
};

// ---- libraries and files ----

Library *library_create(Context *ctx);
void library_add(Library *library, const Source *source, const Node *root);

// What `name` means at file level for a text at `from`: a DEFINE, CONSTANT or DATA node, or NULL. A file sees
// its own names, then the standard library's; a library's body keeps what it saw. Names that begin with `_`
// stay in their file.
const Node *library_find(const Library *library, Span from, const char *name);
// `keras.dense`, `mine.layer`: what a member of a named library means in the file that holds `from`, or NULL.
const Node *library_member(const Library *library, Span from, const char *file, const char *name);
// A definition of one kind by its name, of the library of that word (NULL: without one); or NULL. The only
// way to those whose names stand apart (definitions.def).
const Node *library_rule(const Library *library, Span from, const char *file, DefinitionKind kind,
                         const char *name);
// A definition that stdlib/run.nn keeps for the compiler: how `gradient_norm` is measured, how data are
// scaled.
const Node *library_private(const Library *library, DefinitionKind kind, const char *name);
// What stands before ( ): a name or a member of a library, or NULL.
const Node *library_callee(const Library *library, const Node *callee);
// Is there a library of that name, whose members are written with it? The file's own names come first.
bool library_named(const Library *library, Span from, const char *file);
// The libraries whose members are written with a word, for suggestions. Returns how many; stores at most
// `room`.
int library_words(const Library *library, const char **names, int room);
// The names of a library, for suggestions. Returns how many; stores at most `room`.
int library_members(const Library *library, const char *file, const char **names, int room);
// The definitions of one kind visible from `from` without a word. Returns how many; stores at most `room`.
int library_rules(const Library *library, Span from, DefinitionKind kind, const Node **rules, int room);
// Every name visible from `from` at file level, for suggestions. Returns how many; stores at most `room`.
int library_names(const Library *library, Span from, const char **names, int room);

// Binds a whole file: all errors of it. False after errors.
bool bind_file(Library *library, const Source *source, const Node *root);
// The definition of an item of a file, bound.
Definition *definition_of_node(Library *library, const Node *item);

// ---- the command line ----

typedef struct {
    const char *name, *value;
} SetOption;
typedef VEC(SetOption) SetOptions;
// Puts what `--set` says of settings, lines of `train`, constants, and numbers of optimizers and schedules
// into the tree, before it is bound. False after messages.
bool set_apply(Library *library, const Source *source, Node *root, const SetOptions *set);
extern const char SET_SOURCE[]; // the name of the source in which such a text stands
bool node_is_set(const Context *ctx, const Node *e);

const Node *file_train(const Node *root); // its `train` block, or NULL
const char *entry_name(const Node *e);    // of a list of `train` (metrics, predict); NULL: it has none
bool node_names(const Node *e, const char *name); // does the name stand somewhere in the tree?
bool node_dots(const Node *e);                    // is `..` among its entries?
bool is_define(const Node *n, DefinitionKind kind);
bool is_layer_define(const Node *n); // a model too
bool gives_state(const Node *n);     // an average or a watch: its result is one of its states
// Does `..` stand in a reduction there, which does not bind it? Then it is an equation over what `..` is.
bool phrase_over_dots(const Phrase *p);
extern const char *const part_words[]; // of data that is held out: test, validation, NULL
// The line of a data block that gives a field, in its body or in a part's; NULL: none does.
const Phrase *data_line(const Phrase *block, const char *field);
bool phrase_measures(const Phrase *p); // does it ask for what is measured of the training rows?
// The phrase of a node; NULL: the node was made after binding.
static inline const Phrase *phrase_of(const Node *node) { return node->binding; }
// The first phrase of a text, parents before their parts, of which this holds; or NULL.
const Phrase *phrase_find(const Phrase *p, bool (*holds)(const void *of, const Phrase *p), const void *of);
// Phrases of a file's definitions, one a line, for tests and --dump-after.
void file_print(Text *out, const Node *root);

#endif
