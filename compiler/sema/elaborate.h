// Elaboration of definitions and expressions: what a text means as equations. One Session a program, one
// Elaborator for each Function being written, one Env for each scope of the text.
//
// Every failure is a Diagnostic and a value of kind SEMA_ERROR, which silences what would follow from it.
// Values are small and passed by value; what they point to lives as long as the compilation.
#ifndef NN_ELABORATE_H
#define NN_ELABORATE_H

#include "ir/algebra.h"
#include "emit/module.h"

typedef struct Value_ SemaValue;
typedef struct Session Session;
typedef struct Elaborator Elaborator;
typedef struct Env Env;
typedef struct Cell Cell;
typedef struct SemaLayer SemaLayer;
typedef struct Callable Callable;

// ---- values ----

typedef enum {
    SEMA_ERROR,    // a message is out; whoever meets it says nothing
    SEMA_ABSENT,   // a param or state whose condition does not hold
    SEMA_NUMBER,   // known when compiling: number, integral, dimension, type (INT, BOOL or REAL)
    SEMA_TEXT,     // text
    SEMA_SCALAR,   // e: a number known at run time, under the indices in scope
    SEMA_TENSOR,   // a whole tensor: array
    SEMA_LAYER,    // layer: with its parameters
    SEMA_FUNCTION, // callable: a fn (or metric, optimizer) with the arguments it already has
    SEMA_CLOSURE,  // callable: an expression with draws, evaluated anew wherever it is used (rule 19)
    SEMA_TUPLE,    // several results: items with names; used as one value: the first
    SEMA_LIST      // [a, b, c]: items
} SemaKind;

typedef struct {
    int64_t size;
    bool batch;
} Dim;

// A whole tensor: e is its element at `indices` (one a dimension). Materialised: e is a read of one tensor at
// those indices.
typedef struct {
    int rank;
    Dim dims[MAX_RANK];
    const Index *indices[MAX_RANK];
    const Expr *e;
    const Expr *filter; // rule 4: a bool over the indices that says which elements are there, or NULL: all
} Array;

struct Value_ {
    SemaKind kind;
    Type type;           // of numbers, scalars and tensors
    bool integral;       // NUMBER: a whole number written or computed from whole ones
    bool is_view;        // TENSOR: the operand of a reduction by a function: written into it, not stored
    Dimension dimension; // rule 23; DIMENSION_NUMBER: none
    double number;
    const char *text;
    const Expr *e;
    const Array *array;
    SemaLayer *layer;
    const Callable *callable;
    const struct Value_ *items;
    const char *const *names;
    int count;
    Span span; // where it was written or declared, for second places
};

SemaValue value_error(void);
SemaValue value_number(double number, bool integral);
SemaValue value_bool(bool truth);
SemaValue value_text(const char *text);
SemaValue value_scalar(const Expr *e);
SemaValue value_tensor(Session *s, Tensor *t); // a whole tensor, its type and bounds from t
SemaValue value_array(Session *s, const Array *a);
SemaValue value_first(SemaValue v); // of several results the first
bool value_is_error(SemaValue v);
// "[batch 32, 10]", "a number", "a layer": for messages.
const char *value_shape_text(Session *s, SemaValue v);

// ---- session: one a program ----

// What all functions of a program share: parameters and states by name (each with its initial value in
// FUNCTION_INITIAL, which the session makes), layer instances for `summary`.
struct Session {
    Context *ctx;
    Arena *arena;
    Program *program;
    Library *library;
    Function *initial;
    VEC(Tensor *) params, states; // in the order of first use
    VEC(LayerInstance) layers;    // in the order of the text; step_result from the first elaborator of a STEP
    VEC(Kept) kept;               // of both functions that keep rows
    Elaborator *explained;        // whose arguments explained.c notes down, or NULL
    VEC(InForce) in_force;        // they
    Elaborator *recorded;         // whose applications extracts.c notes down, or NULL
    const Witness *witness;
    struct SessionTables *tables;
};
Session *session_create(Program *program, Library *library);

// ---- elaborators: one for each function being written ----

// Rule 20. With totals, a reduction over the batch becomes a TENSOR_TOTAL that the elaborator's function adds
// to, the number of rows a total too, and what reads only totals goes to `end` (FUNCTION_METRICS; NULL: it
// was written by an earlier elaborator, and is dropped). What reads totals and rows goes to the elaborator's
// `second`, unless each row is seen `once`. Totals are named NAME.total_1 ..., and found again by name.
typedef struct {
    const char *name;
    Function *end;
    bool once;
    int count;
    VEC(Tensor *) tensors;
} Totals;

// What only the run knows. `watch`: what a watch of these arguments has seen, by parameter. `total`: the sum
// of a call's value over all tensors of a line. `to_steps`: a length in epochs as a number of steps (rule
// 23).
typedef struct {
    void *data;
    SemaValue (*watch)(void *data, Elaborator *el, const Env *env, const Node *define, SemaValue *given,
                       Span span);
    SemaValue (*total)(void *data, Elaborator *el, const Env *env, const Node *call, SemaValue v);
    SemaValue (*to_steps)(void *data, Elaborator *el, SemaValue epochs, Span span);
} RunHooks;

struct Elaborator {
    Session *session;
    Function *function;
    bool training;
    Map *words; // name -> SemaValue *: the run's words that every body sees (step, steps, epoch, epochs)
    const RunHooks *hooks;     // NULL: such calls are errors
    const char *const *frozen; // layer paths that run as in inference, with what is inside them
    int frozen_count;
    Totals *totals;   // NULL: none
    Function *second; // where metrics see the function's rows again; NULL: nowhere
    TensorKind
        state_kind; // of `state` statements: TENSOR_STATE, in optimizers TENSOR_SLOT, in watches TENSOR_RUN
    const Array *state_shape; // rules of numbers: the shape of a state without brackets; else NULL
    const Index
        *row; // a data block is written for one row: the index under which everything stands; else NULL
    Tensor *first_row; // there: the number of a block's first row among those that draws are keyed by
    struct ElaboratorTables *tables;
};
Elaborator *elaborator_create(Session *s, Function *f, bool training);
// Adds to the function the effect of every slot that was assigned. Once, at the end.
void elaborator_finish(Elaborator *el);

// ---- scopes ----

// A scope of text that stands in the file of `from`; names of its layers and tensors begin with `path` ("":
// none).
Env *env_create(Elaborator *el, Span from, const char *path);
Env *env_inner(Env *outer);
void env_set(Env *env, const char *name, SemaValue v);      // the name must be interned in the context
const SemaValue *env_get(const Env *env, const char *name); // here or outside; NULL: not in a scope
// A name that may be assigned again (states, an optimizer's parameter): reads see the latest value. `target`
// gets it as an effect at the end; `initial` is what reads see before the first assignment (usually
// value_tensor(target)).
Cell *env_slot(Env *env, const char *name, Tensor *target, SemaValue initial);
SemaValue slot_value(const Cell *slot);

// ---- what texts mean ----

SemaValue elaborate_expression(Elaborator *el, Env *env, const Node *e);
// One statement (ASSIGN, PARAM, STATE, RESULT, RECUR); a block: its last expression's value, or SEMA_ABSENT
// if it has none.
SemaValue elaborate_statement(Elaborator *el, Env *env, const Node *statement);
SemaValue elaborate_block(Elaborator *el, Env *env, const Node *block);

// A compile-time number; reports (with `what` it is for: "the batch") and returns false where it is none.
bool elaborate_number(Elaborator *el, Env *env, const Node *e, const char *what, double *number,
                      Dimension *dimension);
// A whole number; `unit` may stand beside it.
bool elaborate_count(Elaborator *el, Env *env, const Node *e, const char *what, Dimension unit,
                     int64_t *integer);
bool elaborate_integer(Elaborator *el, Env *env, const Node *e, const char *what, int64_t *integer);

// The value as one number (first result; a tensor of rank 0; a known number as a constant), or NULL after a
// message at `span`.
const Expr *value_as_scalar(Elaborator *el, SemaValue v, Span span);
// The value as a tensor of its own: named `name` (made unique), of `kind`; type < 0: that of the value. NULL
// after a message.
Tensor *value_as_tensor(Elaborator *el, SemaValue v, const char *name, TensorKind kind, int type, Span span);

// Applies a definition (fn, metric, layer, model, optimizer) to values, by position and by name (rule 11);
// names[i] is NULL for an argument by position. `path`: of layers and models the instance's name (a model:
// its own name). Results: one value or a tuple.
SemaValue call_definition(Elaborator *el, const Node *define, const char *path, SemaValue *values,
                          const char **names, int count, Span span);
// Applies a value that is a layer or a function to one input.
SemaValue apply_value(Elaborator *el, SemaValue layer_or_function, SemaValue input, Span span);
// Binds what an optimizer's or any definition's call says: for each parameter of the signature its argument,
// or NULL for its default.
void bind_arguments(const Node *define, const Node *call, int skip, const Node **arguments);

const char *node_text(Arena *arena, const Node *e);
// Where equations made now come from.
const Origin *origin_new(Arena *arena, Span span, const char *what, const Origin *caller);

// ---- walks over the tree ----

// What stands inside a node, NULLs among it.
static inline int node_children(const Node *e) { return 3 + e->count; }
static inline const Node *node_child(const Node *e, int i) { return i < 3 ? e->kid[i] : e->items[i - 3]; }
// An argument without its name.
static inline const Node *argument_node(const Node *a) { return a->kind == AST_NAMED ? a->value : a; }

#endif
