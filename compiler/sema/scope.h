// The resolver's own: scopes and the walk's state. Names inside definitions, blocks and brackets (language
// rule 1).
#ifndef NN_SCOPE_H
#define NN_SCOPE_H

#include "sema/resolve.h"

typedef enum {
    LOCAL_SETTING,
    LOCAL_TENSOR,
    LOCAL_SIZE,
    LOCAL_INDEX,
    LOCAL_ROUND,
    LOCAL_VALUE,
    LOCAL_PARAM,
    LOCAL_STATE,
    LOCAL_RESULT,
    LOCAL_FIELD,
    LOCAL_OUTPUT,
    LOCAL_WEIGHT,
    LOCAL_WRONG
} LocalKind;

typedef struct {
    const char *name;
    LocalKind kind;
    Span span;
    bool used, given;     // given: a result that was assigned
    const Node *declared; // of a tensor, parameter or state: where its dimensions stand
} Local;

typedef struct Scope Scope;
struct Scope {
    Scope *outer;
    Map *locals;
    Map *later; // names that this block's statements give, to the place where: for messages
};

typedef struct {
    Context *ctx;
    const Library *library;
    const Source *source;
    const Node *file, *definition; // definition: whose body is walked, or NULL
    Scope *scope;
    uint32_t groups;      // of built-in words that are known here
    bool metrics_ok;      // metrics may be called here
    bool wrong_arguments; // of the call at hand: they have had a message
    bool subscript;       // inside brackets, where an index may hide a size
    Map *reported;        // names whose message is out, in this definition
    Map *missing;         // of the whole file: libraries whose message is out
    // of the train block
    const Node *data;
    Map *metrics;      // their names
    Map *wrong_fields; // names that the data block did not know: their message is out
    bool model_called;
} Resolver;

enum {
    GROUPS_VALUE = 1u << GROUP_SCALAR | 1u << GROUP_REDUCTION | 1u << GROUP_TENSOR | 1u << GROUP_DRAW |
                   1u << GROUP_CONSTANT,
    GROUPS_BODY = GROUPS_VALUE | 1u << GROUP_RUN,
    GROUPS_TRAIN = GROUPS_BODY | 1u << GROUP_TRAIN,
    GROUPS_DATA = GROUPS_VALUE | 1u << GROUP_READER,
};

void scope_open(Resolver *r);
void scope_close(Resolver *r);
Local *scope_add(Resolver *r, const char *name, LocalKind kind, Span span);
Local *scope_find(const Resolver *r, const char *name);
bool scope_holds(const Resolver *r, const char *name, LocalKind kind); // in any scope around
Local *scope_own(const Resolver *r, const char *name);                 // in the innermost scope

// What is said of a name that nothing gives: once in a definition.
void report_unknown(Resolver *r, const char *name, Span span);
// `mine.layer`, where nothing is called `mine`: once in a file.
void report_library(Resolver *r, const Node *member);
// `keras.adma`: the library has no such name.
void report_member(Resolver *r, const Node *member);
// The visible name nearest to a word, or NULL.
const char *nearest_name(const Resolver *r, const char *word);
// "a layer", "an optimizer" ...
const char *kind_phrase(const Node *definition);

// resolve_expression.c
void resolve_value(Resolver *r, const Node *e);
// Binds the indices of brackets on the left of `=` or of a reduction, in a scope that the caller has opened.
void bind_indices(Resolver *r, const Node *const *items, int count);
void resolve_items(Resolver *r, const Node *const *items, int count);

// resolve_call.c
void resolve_call(Resolver *r, const Node *call, int piped);
void resolve_callee(Resolver *r, const Node *callee,
                    int piped); // a name without brackets, as a function or layer
void resolve_optimizer(Resolver *r, const Node *e);
// A call of a built-in word's, or the word itself, of these groups only.
void resolve_word(Resolver *r, const Node *e, uint32_t groups, const char *asked);
void check_builtin(Resolver *r, const Builtin *b, const Node *call, int piped);

// resolve_block.c
// Names that stand on the left later in this block: for the messages of those who read them before.
void expect_names(Resolver *r, const Node *block);
void resolve_statements(Resolver *r, const Node *block);
void resolve_statement(Resolver *r, const Node *s);
void resolve_repeat(Resolver *r, const Node *repeat);
const Node *target_name(const Node *target); // the name that an assignment gives, or NULL
void report_unused(Resolver *r, bool train);
void resolve_definition(Resolver *r, const Node *definition);

// resolve_recur.c
void resolve_recur(Resolver *r, const Node *recur);

// resolve_run.c
void resolve_data(Resolver *r, const Node *data);
void resolve_train(Resolver *r, const Node *train);
void resolve_assert(Resolver *r, const Node *assert);

#endif
