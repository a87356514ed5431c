// What the files of elaboration share among themselves: scopes, frames of calls, places of layers, conditions
// in force.
#ifndef NN_VALUES_H
#define NN_VALUES_H

#include "sema/elaborate.h"

enum {
    MAX_NESTING = 64,
    MAX_WORK = 2000000, // expressions looked at in one program
    SHARED_DEPTH = 8,   // from here on a function applied to the same values again is not written out again
    MAX_FACTS = 256
};

// The update's number from 1, among an elaborator's words: what `step` is in a rule. No name of a program has
// a dot.
#define WORD_UPDATE "clock.update"

// ---- scopes ----

struct Cell {
    const char *name;
    Tensor *target;
    SemaValue current;
    bool assigned;
};

// What the lines of a loop carry from step to step: where the loop's index stands, and what lies before its
// first step (a number, or a tensor without that dimension; ABSENT: nothing).
typedef struct {
    int along;
    SemaValue begin;
} Carried;

// What a name of a scope stands for.
typedef struct {
    SemaValue value;
    Cell *slot;
    const Index *index; // the name is an index in force
    Carried *carried;   // inside the loop that makes it; else NULL
    bool loop;          // an index: of a loop, the same one in all of its lines
    bool is_size;       // a name of a signature's brackets
    bool pending;       // an index whose range is not known yet; what a loop makes, before its dimensions are
    bool pieces;        // a result given piece by piece
    Span span;
} Name;

// One application of a definition.
typedef struct Frame Frame;
struct Frame {
    const Node *define;
    Frame *caller;
    const Origin *origin; // of the call; NULL at the outside
    const char *path;     // of what it makes: net.dense_1
    bool is_inline;       // of numbers alone: its names are expressions
    bool has_dots;
    int dots;
    Dim dims[MAX_RANK]; // of the `..` of its signature
    const Expr *filter; // on the elements of `..` (rule 4), over filter_indices
    const Index *filter_indices[MAX_RANK];
    uint64_t draws; // the calls it is in, for the places of draws
    int depth;
    Map *declared; // result's name -> TENSOR node
};

struct Env {
    Arena *arena;
    Env *outer;
    Span from; // the file whose names it sees
    Frame *frame;
    const char *place; // what names of layers and tensors begin with: an instance, a pipe with a name, ""
    const char *round; // "[2]", of the repeats around it
    Map *names;
    const Index **dots; // what `..` stands for, in an equation or reduction; NULL: as outside
    bool dots_hidden;   // in an argument that is a tensor: `..` takes whole dimensions
    bool indexed;       // in an equation with indices: tensors need brackets (rule 8)
};

// Values for a definition's parameters; names[i] is NULL for one by position.
typedef struct {
    SemaValue *values;
    const char **names;
    int count;
} Arguments;

struct SemaLayer {
    const Node *define; // a layer or model with settings; or NULL:
    const Node *pipe;   // a pipe that begins with a layer, or a repeat, in the scope `env`
    Env *env;
    const char *path; // NULL: of a pipe without a name
    Arguments arguments;
    Span span;
};

struct Callable {
    const Node *define;     // a fn with arguments; or
    const Builtin *builtin; // a scalar operation; or
    const Node *closure;    // an expression in `env`
    Env *env;
    Arguments arguments;
};

// ---- tables of the session and of elaborators ----

typedef struct {
    Tensor *tensor;
    Span span;
    const Origin *origin;
} Known;

struct SessionTables {
    Map *tensors; // full name -> Known, of params and states
    Map *layers;  // instance's name -> its number in session->layers, from 1
    Elaborator *initial;
    int work;
    VEC(struct Applied *) applications;
    bool stopped; // nothing more is written out: it was too much
};

// How draws are keyed now.
typedef struct {
    const Affine
        *element;     // NULL: not known before the tensor is made; then elaborator's `element` stands for it
    const char *name; // initial values: of the parameter; else NULL
    int count;
} DrawContext;

struct ElaboratorTables {
    Map *slots; // full name -> Cell
    VEC(Cell *) slot_list;
    VEC(Guard) facts;             // guards that hold where the text is now
    VEC(const Expr *) conditions; // other conditions that hold there
    DrawContext draw;
    const Index *element; // stands for the number of the element in what is not yet a tensor
    Table memo;           // node -> SemaValue: operands of subscripts that were needed for their shape
    Table sides;          // with totals: tensor -> its Side, + 1
    Table kept;           // tensor of the batch's function -> the source of its rows in the second pass
    Table clock_side;     // tensors made of clock and settings
    Table hoisted;        // expression of clock and settings -> the tensor that holds it
    const Expr *rows_total;
    const Node *call; // the call that is about to be entered
    Table outside;    // calls outside of definitions -> their number
    Table constants;  // constant's node -> SemaValue, if it is a number or an error
    Table shared;     // hash of a fn and its arguments -> Shared, what it gave
    int unshared;     // draws and words of the run so far: what gave some is not the same again
    const char *hint; // what the tensors made now are for: net.dense_1.y
    int subscript;    // > 0: in a subscript
    int loops;        // around what is written out now
    bool looped;      // some loop was written out
};

// ---- errors ----

// What shape/ has made sure of: that it does not hold is our own mistake.
#define shaped(truth) ((truth) ? (void)0 : die("%s:%d: `%s` does not hold", __FILE__, __LINE__, #truth))

// Reports with the chain of layers as notes; gives the diagnostic, for notes of its own. What goes wrong in
// the library's text is reported where the user's text calls it, with the library's place as a note.
#define fail(el, env, code, span, ...)                                                                       \
    fail_in_chain((el), (env),                                                                               \
                  diagnose((el)->session->ctx, (code), fail_place((el), (env), (span)), __VA_ARGS__),        \
                  (span))
// The same where a value, or a truth, is due: reports, and gives the one that stands for a message.
#define fail_value(...) (fail(__VA_ARGS__), value_error())
#define fail_false(...) (fail(__VA_ARGS__), false)
Diagnostic *fail_in_chain(Elaborator *el, const Env *env, Diagnostic *d, Span span);
Span fail_place(Elaborator *el, const Env *env, Span span);
const char *dims_text(Elaborator *el, const Dim *dims, int rank);
const char *number_text(Arena *arena, double number);

// ---- values, scopes ----

Name *env_name(const Env *env, const char *name);
Name *env_add(Env *env, const char *name, SemaValue v, Span span);
const char *env_path(const Env *env, Arena *arena, const char *name);
SemaValue value_absent(Span span);
// Of several results the first, of a list the tensor.
SemaValue value_plain(Elaborator *el, const Env *env, SemaValue v, Span span);
SemaValue value_layer(Elaborator *el, SemaLayer layer);
SemaValue value_callable(Elaborator *el, Callable callable, SemaKind kind);
bool value_is_number(SemaValue v, double number);
// A number or scalar as an expression; `real`: constants are REAL.
const Expr *value_expr(Elaborator *el, SemaValue v, bool real);
// The element of a tensor value at forms.
const Expr *array_at(Elaborator *el, const Array *a, const Affine *const *forms);
bool dims_same(Dim a, Dim b);
bool dims_equal(const Dim *a, const Dim *b, int rank);
Dim dim_of_tensor(const Tensor *t, int d);
// A tensor of these dimensions; its name is made unique.
Tensor *tensor_of_dims(Program *p, const char *name, TensorKind kind, Type type, const Dim *dims, int rank);
void tensor_bound(Tensor *t, const Expr *e); // by those of a whole expression, where it has some
void tensor_bound_as(Tensor *t, const Tensor *like);
static inline bool type_is_whole(int type) { return type == TYPE_INT || type == TYPE_BOOL; }
const Affine *affine_of(Elaborator *el, const Expr *integer);
Index *index_of(Elaborator *el, const char *name, Dim d);
const char *dimension_name(int d); // of an index that the text does not name

// ---- elaboration, file by file ----

// expression.c
SemaValue value_of(Elaborator *el, Env *env, const Node *e);
SemaValue value_of_whole(Elaborator *el, Env *env, const Node *e); // a whole tensor, also in an equation
SemaValue value_join(Elaborator *el, const Env *env, Operator op, SemaValue a, SemaValue b, Span span);
// A compile-time condition: 1 or 0; -1: known at run time (then *condition) or an error (then its kind is
// SEMA_ERROR).
int condition_of(Elaborator *el, Env *env, const Node *e, SemaValue *condition);
// One value of numbers and tensors of one shape, element by element: rank 0 gives a scalar.
bool values_unify(Elaborator *el, const Env *env, const SemaValue *values, int count, const Expr **es,
                  Array *shape, Span span);
// What becomes too deep gets a tensor of its own.
SemaValue value_wrap(Elaborator *el, const Env *env, const Array *shape, const Expr *e, Span span);
SemaValue value_choose(Elaborator *el, const Env *env, SemaValue condition, SemaValue a, SemaValue b,
                       Span span);

const Expr *expr_truth(Program *p, const Expr *e);
// A name for a tensor made of this value: after the function that gave it.
const char *value_name(Elaborator *el, const Env *env, SemaValue v);

// size.c
bool dim_of(Elaborator *el, Env *env, const Node *e, Dim *dim);
// Dimensions of brackets, `..` written out. False after a message.
bool dims_of(Elaborator *el, Env *env, Node *const *items, int count, Dim *dims, int *rank);
// `i < n`, or a name alone, with a filter or without: the index's name, and its range if stated.
const char *index_name(const Node *item, const Node **range);

// subscript.c
SemaValue value_of_index(Elaborator *el, Env *env, const Node *e);
// Does the form stay in 0 .. size - 1 under what is known here, or under these guards?
bool form_inside(Elaborator *el, const Affine *form, int64_t size);
bool form_inside_under(Elaborator *el, const Affine *form, int64_t size, const Guard *facts, int count);
SemaValue list_tensor(Elaborator *el, const Env *env, SemaValue list, Span span);

// facts.c
typedef struct {
    int facts, conditions;
} FactMark;
FactMark facts_mark(const Elaborator *el);
void facts_reset(Elaborator *el, FactMark mark);
void facts_assume(Elaborator *el, const Expr *condition, bool truth);

// The range of an index: from the reads in which it stands alone in these texts (rule 3, third stage).
typedef struct {
    bool found, conflict, poisoned;
    Dim dim, other;
    Span span, other_span;
} Range;
void range_scan(Elaborator *el, Env *env, const Node *e, const char *index, Range *range, bool extended);
bool range_given(Elaborator *el, Env *env, const Node *const *texts, int count, const char *index);
bool range_of(Elaborator *el, Env *env, const Node *const *texts, int count, const char *index, Span span,
              Dim *dim);
// Can the condition be decided when compiling, going by its names alone?
bool condition_is_known(Elaborator *el, const Env *env, const Node *e);

// reduce.c
SemaValue value_of_reduction(Elaborator *el, Env *env, const Node *e);
// A scope with the names that a reduction binds, which have no range yet.
Env *env_of_reduction(Env *env, const Node *e);
// The parts of a built-in reduction: false after a message.
bool reduction_parts(Elaborator *el, Env *env, const Node *e, Reduced *parts);
bool node_is_reduction(Elaborator *el, Env *env, const Node *e);
SemaValue reduction_of(Elaborator *el, const Env *env, const char *name, SemaValue v, Span span);
SemaValue value_count(Elaborator *el, const Env *env, SemaValue v, Span span);

// An equation that is not written yet.
typedef struct {
    const Affine *out[MAX_RANK];
    int out_count;
    Reduced parts;
} Draft;

// emit.c
// Writes an equation; its tensor's name is made unique.
Tensor *tensor_emit(Elaborator *el, const Env *env, const char *name, TensorKind kind, int type,
                    const Array *a, Span span);
const Expr *reduction_emit(Elaborator *el, const Env *env, const Reduced *parts, Span span);
bool value_is_total(const Elaborator *el, SemaValue v);
// The tensor that pieces of this form give, under all indices that they may hold; a whole tensor for whoever
// reads it.
SemaValue pieces_create(Elaborator *el, const Env *env, const char *name, const Dim *dims, int rank,
                        const Affine *const *out, const Reduced *first, Span span);
// One of its pieces; the conditions in force hold for what it reads.
void piece_emit(Elaborator *el, const Env *env, const Array *whole, const Affine *const *left,
                const Reduced *parts, Span span);
SemaValue order_emit(Elaborator *el, const Env *env, SemaValue v, Span span);
void equation_emit(Elaborator *el, const Env *env, Tensor *t, const Affine *const *out, const Reduced *parts,
                   Span span);
// The value under a name: what is more than a read gets a tensor of its own.
SemaValue value_emit(Elaborator *el, const Env *env, SemaValue v, const char *name, Span span); // any
SemaValue value_store(Elaborator *el, const Env *env, SemaValue v, const char *name, Span span);
SemaValue value_own(Elaborator *el, const Env *env, SemaValue v, const char *name, Span span); // always
// With totals a tensor lives in the batch's function; at the end, made of totals; in both, made of neither;
// in the second pass over the rows, or at the end after it.
typedef enum { SIDE_BOTH, SIDE_BATCH, SIDE_END, SIDE_SECOND, SIDE_LAST, SIDES } Side;
Side side_of_tensor(const Elaborator *el, const Tensor *t);
void tensor_is_total(Elaborator *el, const Tensor *t); // said before it is written, where a loop reads it
bool expr_is_simple(const Expr *e);
SemaValue value_hoist(Elaborator *el, const Env *env, SemaValue v, Span span);
bool value_is_of_clock(const Elaborator *el, SemaValue v);
void reduction_bounds(Tensor *t, const Reduced *parts);
const Expr *rows_expr(Elaborator *el, const Env *env, Span span);

// second.c
Tensor *rows_kept(Elaborator *el, Tensor *t);
const Expr *expr_second(Elaborator *el, const Expr *e);
const Expr *form_read(const Affine *form); // that is just a read: it; else NULL
bool form_is_order(const Affine *form);    // of a part's rows: it may stand in the batch's subscript
SemaValue value_of_order(Elaborator *el, Env *env, SemaValue v, Span span);

// call.c
SemaValue value_of_call(Elaborator *el, Env *env, const Node *e);
// The arguments of a call by parameter; those by position begin at parameter `skip`. False after messages.
bool arguments_of(Elaborator *el, Env *env, const Node *call, const Node *define, int skip, Arguments *out);
// `first` for the first parameter, before the others.
Arguments arguments_after(Elaborator *el, const Node *define, SemaValue first, Arguments others);
// A call with a value before its arguments: a stage of a pipe; NULL: none.
SemaValue call_piped(Elaborator *el, Env *env, const Node *call, const SemaValue *first);
// What a call's base names at file level, or NULL.
const Node *definition_called(Elaborator *el, const Env *env, const Node *base);
SemaValue builtin_apply(Elaborator *el, const Env *env, const Builtin *row, const SemaValue *values,
                        int count, Span span);
const Affine *draw_row(const Elaborator *el);
SemaValue value_of_draw(Elaborator *el, Env *env, const Node *call, const Builtin *row);
SemaValue force_closure(Elaborator *el, SemaValue closure);
uint64_t node_ordinal(Elaborator *el, const Env *env, const Node *node);

// apply.c
SemaValue definition_apply(Elaborator *el, const Env *env, const Node *define, const char *path,
                           Arguments arguments, Span span);
bool is_layer_definition(const Node *define);              // a layer or a model
int parameter_named(const Node *define, const char *name); // its place in the signature, or -1

// arguments.c
// Notes down the value of a parameter of a layer, or of a function that the run's text calls, and where it
// came from.
void argument_note(Elaborator *el, const Env *caller, const Env *env, const Node *parameter, SemaValue v,
                   bool given);

// extracts.c
// Notes down an application that may stand by itself; a model's result gets a tensor of its own.
SemaValue application_note(Elaborator *el, const Env *env, const Node *define, const char *path,
                           Arguments arguments, SemaValue result);

// gradient.c
SemaValue value_of_grad(Elaborator *el, Env *env, const Node *call);

// reshape.c
SemaValue value_of_reshape(Elaborator *el, Env *env, const Node *call, const SemaValue *first);

// layers.c
// Is this a layer or function, not yet applied? Of a setting its value says it.
bool node_gives_layer(const Env *env, const Node *e);
SemaValue value_of_pipe(Elaborator *el, Env *env, const Node *e);
SemaValue layer_apply(Elaborator *el, const Env *env, SemaValue what, SemaValue input, Span span);
const char *layer_path(Elaborator *el, const Env *env, const Node *node);
SemaValue layer_make(Elaborator *el, Env *env, const Node *node, const Node *define, Arguments arguments);
int layer_begin(Elaborator *el, const Env *env, const char *path, const Node *define, Span span);
void layer_end(Elaborator *el, int instance, SemaValue result);

// statement.c
SemaValue value_of_declaration(Elaborator *el, Env *env, const Node *statement);
SemaValue elaborate_assignment(Elaborator *el, Env *env, const Node *statement);

// recur.c
SemaValue elaborate_recur(Elaborator *el, Env *env, const Node *recur);
void elaborator_sort(Elaborator *el); // its functions, once all that recurs is written
// What a read of it gives where the loop's index is outside.
const Expr *carried_begin(Elaborator *el, const Carried *c, const Affine *const *forms, int rank);

// definition lookup
const Node *definition_of(Elaborator *el, const Env *env, const char *name);
// ---- sharing.c: what a function gave for the same values, `given` by parameter ----
bool shared_find(Elaborator *el, const Node *define, const SemaValue *given, SemaValue *result);
void shared_keep(Elaborator *el, const Node *define, const SemaValue *given, SemaValue result);

#endif
