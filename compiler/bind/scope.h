// What the files of bind/ share: scopes, and the state of one walk through a definition's text.
#ifndef NN_SCOPE_H
#define NN_SCOPE_H

#include "bind/bind.h"

typedef struct Scope Scope;
struct Scope {
    Scope *outer;
    Map *slots; // name -> Slot
    Map *later; // names that this block's statements give, to the place where: for messages
};

// One file: its own names, and the word its members are called with (NULL: they are seen without one).
typedef struct {
    const Source *source;
    const Node *root;
    const char *prefix;
    bool program;
    Map *names;   // name -> node
    Map *missing; // libraries whose message is out
} File;

typedef struct {
    Context *ctx;
    Library *library;
    File *file;
    Definition *definition; // whose text is bound
    Scope *scope;
    const Branch *under;
    int errors;           // of this definition's text, so far
    uint32_t groups;      // of built-in words that are known here
    bool metrics_ok;      // metrics may be called here
    bool selects;         // what stands here names parameters (rule 22)
    bool wrong_arguments; // of the call at hand: they have had a message
    bool subscript;       // inside brackets, where an index may hide a size
    Map *reported;        // names whose message is out, in this definition
    // of the train block
    const Node *data;
    Map *metrics; // their names
    bool model_called;
} Bind;

enum {
    GROUPS_VALUE = 1u << GROUP_SCALAR | 1u << GROUP_REDUCTION | 1u << GROUP_TENSOR | 1u << GROUP_DRAW |
                   1u << GROUP_CONSTANT,
    GROUPS_BODY = GROUPS_VALUE | 1u << GROUP_RUN,
    GROUPS_TRAIN = GROUPS_BODY | 1u << GROUP_TRAIN,
    GROUPS_DATA = GROUPS_VALUE | 1u << GROUP_READER | 1u << GROUP_MEASURE,
};

#define report(b, ...) ((b)->errors++, diagnose((b)->ctx, __VA_ARGS__))

// ---- scope.c ----

void scope_open(Bind *b);
void scope_close(Bind *b);
// A new slot of the definition, in the innermost scope.
Slot *scope_add(Bind *b, const char *name, SlotKind kind, Span span);
Slot *scope_find(const Bind *b, const char *name);
bool scope_holds(const Bind *b, const char *name, SlotKind kind); // in any scope around
Slot *scope_own(const Bind *b, const char *name);                 // in the innermost scope

void help_steps(Bind *b, Diagnostic *d); // a tensor made step by step
Diagnostic *report_early(Bind *b, const char *name, Span span, Span given, const char *note);
// What another framework's word is here, or why it is not; false: it is none of theirs.
bool help_of_others(Bind *b, Diagnostic *d, Span span, const char *name);
// What is said of a name that nothing gives: once in a definition.
void report_unknown(Bind *b, const char *name, Span span);
// `mine.layer`, where nothing is called `mine`: once in a file.
void report_library(Bind *b, const Node *member);
// `keras.adma`: the library has no such name.
void report_member(Bind *b, const Node *member);
Diagnostic *report_kind(Bind *b, Span span, const char *name, const char *is, const char *wanted);
Diagnostic *report_twice(Bind *b, const char *name, Span span, Span before, const char *as);
Diagnostic *report_useless(Bind *b, const char *name, Span span);
Diagnostic *report_word(Bind *b, Span span, const char *asked);
void report_target(Bind *b, Span span); // what cannot stand on the left
// The visible name nearest to a word, or NULL.
const char *nearest_name(const Bind *b, const char *word);
// "a layer", "an optimizer" ...
const char *kind_phrase(const Node *definition);
// How it is called, as in `adam(1e-3)`: with what must be given behind the first `skip` parameters, or else
// the first.
const char *call_text(Bind *b, const Node *definition, int skip);

// ---- library.c ----

bool library_standard(const Library *library, const char *name); // does the standard library define it?
// Its name that is this but for case and underscores, or NULL.
const char *library_alike(const Library *library, const char *name);
// What an item with a name is found by, else NULL: those of kinds that stand apart (definitions.def) have
// their word before the name.
const char *item_key(Arena *arena, const Node *item);
File *library_open(Library *library, const Source *source, const Node *root);
// The walk through an item's text, from its beginning.
Bind bind_begin(Library *library, const Node *item);

// ---- sort.c ----

// A phrase for a node, with room for so many parts. It is whole after phrase_done.
Phrase *phrase_new(Bind *b, PhraseKind kind, const Node *node, int parts);
void phrase_room(Bind *b, Phrase *p, int more);    // for so many parts more, at the end
void phrase_add(Bind *b, Phrase *p, Phrase *part); // at the end
Phrase *phrase_done(Bind *b, Phrase *p);
Phrase *phrase_wrong(Bind *b, const Node *node); // of what has had its message
// Is it a tensor, or a number of rows, that a layer could be applied to?
bool sort_is_input(Sort s);
// Of definitions that need each other in a circle: again, until nothing changes.
void definitions_settle(Definition *const *definitions, int count);
void definition_number(Arena *arena, Definition *d); // its calls and layers
void definition_result(Definition *d);               // what it gives, once its text is bound
void slot_take(Slot *slot, Sort value);              // it is given this

// ---- value.c ----

Phrase *bind_value(Bind *b, const Node *e);
Phrase *bind_selection(Bind *b, const Node *e);
Phrase *bind_named(Bind *b, const Node *e, const char *name); // a value that gets a name: a layer takes it
// Adds the values of these nodes to the parts.
void bind_items(Bind *b, Phrase *into, const Node *const *items, int count);
Site *site_new(Bind *b, const char *definition, const char *name); // name: its own, or NULL

// ---- index.c ----

// Binds the indices of brackets on the left of `=` or of a reduction, in a scope that the caller has opened.
void bind_binders(Bind *b, Phrase *into, const Node *const *items, int count);
Phrase *bind_reduce(Bind *b, const Node *e);
Phrase *bind_read(Bind *b, const Node *e);
// `i < n`: its left side; else NULL.
const Node *stated_index(const Node *item);

// ---- call.c ----

// Reports a name of what measures rows where there are none.
void check_measures(Bind *b, const Node *name, const Definition *d);
Phrase *bind_call(Bind *b, const Node *call, bool piped, const char *name);
// A name without brackets, as a function or layer: a stage of a pipe.
Phrase *bind_stage(Bind *b, const Node *callee);
// What a name at file level is as a value.
Phrase *bind_definition_name(Bind *b, const Node *e, const Node *found, const char *name);
// A call of one of the run's own rules: an optimizer, a clip, an average, and `checkpoint`'s watch.
Phrase *bind_rule(Bind *b, const Node *e, DefinitionKind kind);
// A call of a built-in word's, or the word itself, of these groups only.
Phrase *bind_word(Bind *b, const Node *e, uint32_t groups, const char *asked);
bool builtin_takes(Bind *b, const Builtin *row, const char *name); // has it such a parameter?

// ---- block.c ----

// Names that stand on the left later in this block: for the messages of those who read them before.
void expect_names(Bind *b, const Node *block);
Phrase *bind_statement(Bind *b, const Node *s);
Phrase *bind_repeat(Bind *b, const Node *repeat, const char *name);
// The line's left side in a scope of its own, and its value; what it gives is left to the caller.
Phrase *bind_line(Bind *b, const Node *s);
const Node *left_name(const Node *s); // the name that an assignment gives, or NULL
void report_unused(Bind *b, bool train);
void bind_definition(Bind *b);

// ---- recur.c, data.c, train.c ----

Phrase *bind_recur(Bind *b, const Node *recur);
void bind_data(Bind *b);
int data_setting(const Node *s);
void bind_train(Bind *b);
void bind_assert(Bind *b);

#endif
