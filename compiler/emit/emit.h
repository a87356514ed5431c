// The contract of emit/: definitions written as equations. Cases, which say what every phrase is when
// compiling, and instances, which say whose layers they are, go in; what comes out is equations of functions.
//
// What is KNOWN is a constant without a look inside, a side that is not taken does not exist, ranges stand in
// Case.slot, what is applied at a phrase is Case.call, the layer there Instance.child. So nothing here looks
// a name up or finds a shape. Arrays stay lazy: an element under indices; what is more than a read gets a
// tensor of its own where it is given a name, applied to or read.
//
// Guarantees: an equation has at most one reduction; every read stays inside its tensor under the conditions
// around it (rule 7); what is lifted out of a condition carries it. A message makes its operand WRONG, which
// silences what would follow from it. Reported here is what only equations know: what a read, a piece or an
// initial value may reach, draws in reductions, what can be derived, the rank of what is stored.
#ifndef NN_EMIT_H
#define NN_EMIT_H

#include "ir/algebra.h"
#include "shape/shape.h"

typedef struct Emitter Emitter;
typedef struct Operand Operand;
typedef struct Frame Frame;
typedef struct Cell Cell;

// ---- values ----

// A whole tensor: e is its element at `indices`, one a dimension; `filter` (rule 4), a condition over the
// indices, says which elements are there; NULL: all.
typedef struct {
    int rank;
    Extent dims[MAX_RANK];
    const Index *indices[MAX_RANK];
    const Expr *e, *filter;
} Array;

// A callable with the values that it captured. `given`: by parameter, ABSENT where not given; `home`: where a
// pipe, a repeat or an expression with draws is written, whose names it sees; `path`: of a pipe with a name.
typedef struct {
    ClosureKind kind;
    Definition *definition;
    const Builtin *builtin;
    const Operand *given;
    const Phrase *phrase;
    const Frame *home;
    const char *path;
} Bound;

// CHANGING: a state, or an optimizer's parameter: what its cell holds at the time (never outside of
// Frame.slot).
typedef enum {
    OPERAND_ABSENT,
    OPERAND_WRONG,
    OPERAND_NUMBER,
    OPERAND_SCALAR,
    OPERAND_TENSOR,
    OPERAND_TEXT,
    OPERAND_CALLABLE,
    OPERAND_TUPLE,
    OPERAND_LIST,
    OPERAND_CHANGING
} OperandKind;

struct Operand {
    OperandKind kind;
    Type type;         // of NUMBER, SCALAR and TENSOR
    bool integral;     // NUMBER: whole, and made of whole ones
    bool is_view;      // TENSOR: the operand of a reduction by a function: written into it, not stored
    const char *giver; // TENSOR: the function that gave it, for the name of a tensor that is made of it
    union {
        double number;
        const Expr *e; // SCALAR
        const Array *array;
        const Bound *callable;
        const Operand *items; // TUPLE, LIST
        const char *text;
        Cell *cell;
    };
    const char *const *names; // TUPLE
    int count;
};

// What has one value after another in a function. `changed`: its last one is an effect of the function.
struct Cell {
    Tensor *target;
    Operand current;
    Span span; // where it was given last
    bool changed;
};

// ---- where text is written ----

// A function that is being written, and what is known of the values in it. `row`: of a data block, the index
// under which all of it stands, and the number of a block's first row among those that draws are keyed by;
// numbers are calculated in double there.
typedef struct {
    Function *function;
    Table cells;         // tensor -> Cell
    VEC(Cell *) changed; // in the order of their first change
    Table clock,
        hoisted;   // tensors made of clock and settings; expression of such -> the tensor that holds it
    Table outside; // calls that stand in no definition -> their number
    Table shared;  // what functions gave, by what they were given
    const Index *row;
    Tensor *first_row;
    bool loops; // it has some
} Writer;

// A text that is being written: a case with the values of its slots. Names of its tensors and layers begin
// with `place` and end with `rounds`; `path`: of the definition it stands in. `numbers`: it has no tensors,
// so its names are expressions. `filter`: on the elements of `..`, over `filter_indices` (rule 4).
struct Frame {
    Case *of;
    const Instance *in; // NULL: no layer is made or applied in it
    Operand *slot;
    const Frame *caller;
    const Origin *origin; // of the call; NULL: no call leads to it
    const char *path, *place, *rounds;
    bool numbers, frozen; // frozen: it runs as in inference
    int depth;
    uint64_t draws; // of the calls it is in, for the places of draws
    const Expr *filter;
    const Index *const *filter_indices;
};

// A condition in force: a guard, or (`condition`) any other. For rule 7's proof, and for what is lifted out.
typedef struct Fact {
    Guard guard;
    const Expr *condition;
    const struct Fact *outer;
    int guards, conditions; // how many there are, this one included
} Fact;

// The loop around: its time, and which way it runs.
typedef struct Loop Loop;

// The parameter whose initial value is written, for its draws.
typedef struct {
    const char *name;
    int drawn;
} Initial;

// Where an expression is written: handed down and never changed, so that nothing is restored.
typedef struct {
    Emitter *m;
    Writer *to;
    const Frame *frame;
    const Fact *facts;
    const Loop *loop;
    const Affine *element; // of the result, for draws; NULL: known when it becomes a tensor
    Initial *initial;
    bool indexed;             // in an equation with indices
    const Index *const *dots; // what `..` stands for; NULL: whole dimensions
    const Index *const *over; // what the text is written for one element of (a rule of numbers), or NULL
    int over_count;
    bool sorts;       // of a metric: the rows of a whole part may be sorted
    const char *hint; // names what becomes a tensor
    TensorKind state; // of `state`: TENSOR_STATE, SLOT or RUN
} At;

// ---- what only the run knows ----

// Each gives an operand; WRONG after a message, and where there is no run, without one. (A watch has then
// seen none.)
Operand run_word_operand(At at, const Phrase *p); // step, epochs, time; a metric, also of a part
Operand run_watch(At at, Case *c, const Operand *given, Span span);
Operand run_total(At at, const Phrase *p); // of the tensors of a line
// The number `e`, argument or default of parameter i, where it is a setting of the trainer (the case was
// given a number of the run for it).
Operand run_argument(At at, const Definition *d, int i, const Phrase *e);
Operand run_steps(At at, Operand epochs, Span span);                   // a length in epochs
Operand data_reader(At at, const Phrase *p);                           // column(…), class(…): of a data block
Operand data_measure(At at, const Builtin *row, Operand v, Span span); // rows_mean(…)
Operand operand_of_restore(At at, const Phrase *p, Operand v);         // restore(e, FIELD): of a run

// ---- the whole ----

// One application that may be written by itself (`nnc grad`): of a layer, or of a function by a layer, to
// whole tensors.
typedef struct {
    At at; // of the caller
    Case *of;
    const Instance *in;
    const Operand *given; // by parameter
    bool mapped;          // element by element
    const Phrase *call;   // as it is written, or NULL
    Span span;
    Operand result;
    const char *path; // its name
} Applied;

struct Emitter {
    Context *ctx;
    Arena *arena;
    Program *p;
    Library *library;
    const Tree *tree;             // NULL: a definition by itself
    const Expr *training;         // what the word means: the leaf, or a constant
    struct Run *run;              // emit/run.h; NULL: there is none
    struct DataWriter *data;      // emit/data.h: of the data block that is being written, or NULL
    bool tables;                  // a list of that block is all rows of a column, and the reader's
    Writer *initial;              // of FUNCTION_INITIAL
    Map *declared;                // path -> tensor, of params and states
    VEC(Tensor *) params, states; // in the order of first use
    const Index *element;         // stands for the number of the element in what is not yet a tensor
    bool records;                 // fill in `applied`
    VEC(Applied *) applied;
    Table results; // Layer -> Operand, what it gave first: for `summary`, and to name what is not finite
    int work, unshared;
    bool stopped; // nothing more is written: it would not end
};

Emitter *emitter_create(Program *p, Library *library, const Tree *tree, const Expr *training);
Writer *writer_create(Emitter *m, Function *f);
// Adds to `f` the effect of every cell that was changed so far.
void writer_effects(Emitter *m, Writer *to, Function *f);
// Adds to the function the effect of every cell that was changed, and forgets them. Then loops are loops, and
// equations stand before what reads them.
void writer_finish(Emitter *m, Writer *to);
// A text that no definition holds (`train`, a data block, a constant): its slots are ABSENT until they are
// set.
Frame *frame_outside(Emitter *m, Case *of, const Instance *in, const char *place);
// Where such a text is written.
At at_outside(Emitter *m, Writer *to, const Frame *frame);

// Applies a case that no text applies. `given`: by parameter; `in`: its instance, NULL of what only computes.
Operand apply_case(At at, Case *c, const Instance *in, const Operand *given, Span span);
// The same for what makes no layers, under a path of its own.
Operand apply_as(At at, Case *c, const char *path, const Operand *given, Span span);
// An application by itself, to inputs of its own. `inputs`: by parameter; NULL for what is no whole tensor,
// and keeps its value.
Operand applied_again(const Applied *a, Writer *to, Tensor *const *inputs);
// A definition applied to tensors, one a parameter, as a function of the program with its results as outputs.
// NULL after messages.
Function *emit_case(Emitter *m, Case *c, const Instance *in, Tensor *const *inputs);
// What shape_library gave: the messages of equations. False after errors.
bool emit_library(Context *ctx, Library *library, const Trees *trees);

// ---- operand.c: making operands, names, messages ----

Operand operand_wrong(void);
Operand operand_number(double number, bool integral);
Operand operand_truth(bool truth);
Operand operand_known(Shape v); // of a KNOWN shape
Operand operand_scalar(const Expr *e);
Operand operand_array(const Emitter *m, const Array *a); // of no dimensions: a scalar
Operand operand_tensor(const Emitter *m, Tensor *t);     // a whole tensor
Operand operand_callable(const Emitter *m, Bound bound);
Operand operand_first(Operand v);                   // of several results the first
Operand operand_plain(At at, Operand v, Span span); // the same; of a list the tensor
bool operand_is_number(Operand v);                  // known or not
bool operand_is(Operand v, double number);
const Expr *operand_expr(const Emitter *m, Operand v, bool real); // of a number; real: constants are REAL
// One number: the first result, an expression with draws. NULL: it is WRONG.
const Expr *operand_as_scalar(At at, Operand v);
// As a tensor of its own, `name` made unique, of a kind; type < 0: the value's. NULL: it is WRONG.
Tensor *operand_as_tensor(At at, Operand v, const char *name, TensorKind kind, int type, Span span);
bool operand_has_value(Operand v);           // a number or a tensor
Array array_of(const Emitter *m, Operand v); // of these; a number has no dimensions
Operand operand_everywhere(const Emitter *m, Operand v, const Extent *dims,
                           int rank); // a number, as a tensor
// Over new indices, all of that name or (NULL) named by their dimension; its element is still to come.
Array array_over(const Emitter *m, const char *name, const Extent *dims, int rank);
Array array_of_tensor(const Emitter *m, Tensor *t); // of no dimensions too
bool array_reads_whole(const Array *a);             // is it a tensor, all of it, at its own indices in order?
void array_forms(const Emitter *m, const Array *a, const Affine **forms);
const Expr *array_element(const Emitter *m, const Array *a, const Affine *const *forms);
const Expr *expr_at(const Emitter *m, const Expr *e, const Index *const *indices, const Affine *const *forms,
                    int count);
const Affine *form_of(const Emitter *m, const Expr *integer);
Index *index_over(const Emitter *m, const char *name, Extent dim);
const char *name_of_dimension(int d); // of an index that the text does not name
Extent extent_over(const Index *index);
Tensor *tensor_over(const Emitter *m, const char *name, TensorKind kind, Type type, const Extent *dims,
                    int rank);
const char *path_in(const Emitter *m, const Frame *frame, const char *name); // net.dense_1.y[2]
const char *operand_name(At at, Operand v); // of a tensor made of this: after the function that gave it
const Origin *origin_at(const Emitter *m, Span span, const char *what, const Origin *caller);
static inline bool type_whole(int type) { return type == TYPE_INT || type == TYPE_BOOL; }

// Reports with the chain of applications as notes; in the library's text where the user's text calls it.
#define report(at, code, span, ...)                                                                          \
    message_in_chain((at), diagnose((at).m->ctx, (code), message_place((at), (span)), __VA_ARGS__), (span))
#define report_wrong(...) (report(__VA_ARGS__), operand_wrong())
#define report_false(...) (report(__VA_ARGS__), false)
Diagnostic *message_in_chain(At at, Diagnostic *d, Span span);
Span message_place(At at, Span span);

// ---- value.c: names, numbers, operators, conditions ----

Operand operand_of(At at, const Phrase *p);
Operand operand_whole(At at, const Phrase *p); // a whole tensor, also in an equation
Operand slot_operand(At at, const Slot *slot);
Operand operand_join(At at, Operator op, Operand a, Operand b, Span span);
Operand operand_choose(At at, Operand condition, Operand a, Operand b, Span span);
// Values of numbers and tensors of one shape, element by element; rank 0 gives scalars. False: one is WRONG.
bool operands_unify(At at, const Operand *values, int count, const Expr **es, Array *shape, Span span);
// The element as a value; what becomes too deep gets a tensor of its own.
Operand operand_wrap(At at, const Array *shape, const Expr *e, Span span);
Operand row_apply(At at, const Builtin *row, const Operand *values, int count, Span span);
const Expr *truth_of(Program *p, const Expr *e);
At at_given(At at, const Expr *condition, bool truth); // under the condition
int facts_guards(const Fact *facts, const Guard **guards, Arena *arena);

// ---- apply.c, call.c: definitions, callables, pipes, the language's own functions ----

// The value of parameter i as its body sees it: as it is given, or its default (ABSENT).
Operand parameter_operand(At at, int i, Operand v, Span span);
Operand operand_of_apply(At at, const Phrase *p);
Operand operand_of_make(At at, const Phrase *p);
Operand operand_of_pipe(At at, const Phrase *p);
Operand operand_of_builtin(At at, const Phrase *p, const Operand *first); // first: of a stage
Operand operand_of_draw(At at, const Phrase *p);
Operand operand_forced(At at, Operand v); // an expression with draws is what it gives
Operand phrase_apply(At at, const Phrase *p, const Operand *given); // what Case.call says of the phrase

// ---- index.c: reads ----

Operand operand_of_read(At at, const Phrase *p);
Operand operand_of_list(At at, Operand list, Span span);
// Does the form stay in 0 .. size - 1 under what is known here, or under these guards?
bool form_stays(At at, const Affine *form, int64_t size);
bool form_stays_under(const Emitter *m, const Affine *form, int64_t size, const Guard *facts, int count);

// ---- reduce.c, reshape.c, gradient.c ----

Operand operand_of_reduce(At at, const Phrase *p);
bool reduce_parts(At at, const Phrase *p, Reduced *parts);             // of a built-in one. False: WRONG
Operand reduce_whole(At at, const Builtin *row, Operand v, Span span); // of a whole tensor
Operand operand_count(At at, Operand v, Span span);
Operand operand_of_reshape(At at, const Phrase *p, Operand v);
Operand operand_of_grad(At at, const Phrase *p);

// ---- tensor.c: what gets a tensor of its own ----

// The value under a name: what is more than a read gets a tensor.
Operand operand_store(At at, Operand v, const char *name, Span span);
Operand operand_own(At at, Operand v, const char *name, Span span); // always
Operand operand_hoist(At at, Operand v, Span span); // what only clock and settings decide: once, in double
bool operand_is_of_clock(At at, Operand v);
Operand operand_of_order(At at, Operand v, Span span);
Tensor *tensor_write(At at, const char *name, TensorKind kind, int type, const Array *a, Span span);
Operand reduce_write(At at, const Reduced *parts, Span span); // its result under the indices around
// The reduction as a tensor over a's indices: there are no others around.
Operand reduce_into(At at, const char *name, const Array *a, const Reduced *parts, Span span);
// A tensor whose pieces follow, under all indices that they may hold; a whole one for whoever reads it.
Operand pieces_open(At at, const char *name, const Extent *dims, int rank, const Affine *const *out,
                    const Reduced *first, Span span);
// A tensor of pieces, one for each number of its first dimension: of lists.
Operand operand_of_pieces(At at, const char *name, const Array *a, const Expr *const *es, Span span);
// One of its pieces, under the conditions in force.
void piece_write(At at, Tensor *t, const Affine *const *out, const Reduced *piece, Span span);
// The number of an element for its draws; of a data block's in its row.
const Affine *element_at(At at, const Extent *dims, const Affine *const *forms, int rank);
void tensor_bounds(Tensor *t, const Expr *e); // those of a whole expression, where it has some

// ---- statement.c, state.c, recur.c ----

void statement_write(At at, const Phrase *p);
Operand block_write(At at, const Phrase *block); // its last expression's value, or ABSENT
void declaration_write(At at, const Phrase *p);
// The cell of a tensor that has one value after another in the function.
Cell *cell_open(At at, Tensor *target);
Operand cell_set(At at, Cell *cell, Operand v, Span span);
void recur_write(At at, const Phrase *p);

#endif
