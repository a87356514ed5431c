// The contract of ir/: the intermediate form. One tensor operation, the equation:
//
//     y[b, u] = sum[n] x[b, n] * w[n, u]          b:32 n:64 u:128
//
// affine result indices, a reduction with indices of its own, a scalar expression over reads, guards.
// Everything is hash-consed or immutable, lives in the arena of the Context, and keeps its origin in the
// text.
#ifndef NN_IR_H
#define NN_IR_H

#include "base/base.h"

enum { MAX_RANK = 8, MAX_DEPTH = 200, MAX_ENTRIES = 256 };

typedef struct Index Index;
typedef struct Affine Affine;
typedef struct Expr Expr;
typedef struct Tensor Tensor;
typedef struct Equation Equation;
typedef struct Function Function;
typedef struct Program Program;

// Where something comes from: a place in the text, and the layer instance it was written out for.
typedef struct Origin Origin;
struct Origin {
    Span span;
    const char *what;     // "net.dense_1", or NULL
    const Origin *caller; // the place that applied that layer, or NULL
};

typedef enum {
    TYPE_REAL,
    TYPE_INT,
    TYPE_BOOL,
    TYPE_DOUBLE
} Type; // REAL: single, or double in precision `double`; DOUBLE always

// ---- indices, affine forms, guards ------------------------------------------------------------------------

// An index runs over 0 .. size - 1; a batch index over 0 .. rows - 1, where rows <= size is known only at run
// time. Identity matters (two indices of one name are two indices); `id` orders them by creation.
struct Index {
    const char *name;
    int64_t size;
    uint32_t id;
    bool batch;
    bool time;   // of a loop: it is not split, and no value stands in its place
    int8_t axis; // in a kernel: its number 0..31 among the kernel's axes; else -1
};

// (constant + sum coef * atom) / denominator, in lowest terms; terms in one order (indices by id, rows, then
// other atoms by `order`); hash-consed: equal forms are one pointer. An atom is an OP_INDEX
// expression, OP_ROWS, or another integer expression (a read of an integer tensor, OP_FLOOR_DIV ...). A
// denominator > 1 stands only in guards, and in what a guard makes whole.
typedef struct {
    const Expr *atom;
    int64_t coef;
} Term;
struct Affine {
    int64_t constant, denominator;
    int count;
    uint32_t id;
    uint64_t hash, order; // order: as of an Expr
    const Term *terms;
    int64_t low, high; // its values lie between (rounded outward); +-INT64_MAX / 4: unbounded
};

#define every_term(x, form) for (const Term *x = (form)->terms; x < (form)->terms + (form)->count; x++)

const Affine *affine_constant(Program *p, int64_t c);
const Affine *affine_index(Program *p, const Index *index);
const Affine *affine_atom(Program *p, const Expr *integer);
const Affine *affine_add(Program *p, const Affine *a, const Affine *b);
const Affine *affine_sub(Program *p, const Affine *a, const Affine *b);
const Affine *affine_scale(Program *p, const Affine *a, int64_t numerator, int64_t denominator);
const Affine *affine_offset(Program *p, const Affine *a, int64_t c);
const Affine *affine_block(Program *p, const Index *block, int64_t size,
                           const Index *in); // size * block + in
void affine_bounds(const Affine *a, int64_t *low, int64_t *high);
int64_t affine_coef(const Affine *a, const Index *index); // 0: does not hold it (as numerator)
const Index *affine_only(const Affine *a); // the index, if the form is just that index; else NULL
bool affine_is_constant(const Affine *a);
bool affine_depends(const Affine *a, const Index *index); // also inside atoms

// The one guard: `form` is an integer and 0 <= form < count. Range, equality (count 1), divisibility
// (denominator > 1), order.
typedef struct {
    const Affine *form;
    int64_t count;
} Guard;
typedef enum { GUARD_FALSE, GUARD_TRUE, GUARD_OPEN } GuardTruth;
GuardTruth guard_normal(Program *p, Guard *g); // the canonical spelling of one atom, in place
// Canonical conjunction (one interval for each primitive form, in a fixed order); false if it can never hold.
bool guards_normal(Program *p, Guard *guards, int *count);
// Where `known` holds, and what is left of the opposite is one interval.
bool guard_complement(Program *p, const Guard *known, int count, Guard g, Guard *not_g);
bool guards_imply(Program *p, const Guard *known, int count, Guard g);
bool guards_imply_together(Program *p, const Guard *known, int count, Guard g); // looks further: for proofs

// ---- expressions ------------------------------------------------------------------------------------------

typedef enum {
    OP_CONST,  // value
    OP_INDEX,  // index: the value of an index (an atom of affine forms)
    OP_AFFINE, // form: the value of an affine form, as a number
    OP_ROWS,   // the true number of rows of the batch, an integer in 1 .. program's batch; never folded
    OP_READ,   // tensor[forms]
    OP_WHERE,  // args[0] if all guards hold, else args[1]; the side not taken is not evaluated. Guards, also
              // those of nested ones, have no order: an integer read outside its tensor is the tensor's least
    OP_DRAW,    // a random number: see Draw
    OP_SUM,     // value + sum coefs[i] * args[i]        (canonical: args by `order`)
    OP_PRODUCT, // value * prod args[i] ^ exponents[i]   (exponents are integers, negative: division)
#define OP(name, ...) OP_##name,
#include "ir/ops.def"
#undef OP
    OP_COUNT
} Op;

typedef enum {
    DRAW_UNIFORM,
    DRAW_NORMAL,
    DRAW_BITS
} DrawKind; // uniform in [0, 1), standard normal, 32 random bits as an int of draw.limit values
// Philox 4x32-10: key = seed; counter = (element, place, batch number, kind). element: row-major number in
// the declared shape.
typedef struct {
    DrawKind kind;
    uint32_t place; // hash of the layer's name and the draw's number in its definition
    bool initial;   // for initial values: the batch number is 0
    int64_t limit;  // DRAW_BITS: values 0 .. limit - 1
    const Affine *element;
} Draw;

struct Expr {
    uint16_t op;
    uint8_t type;               // Type
    bool has_draw, has_where;   // somewhere inside
    int16_t count, guard_count; // of args; of guards or of a read's forms
    uint16_t depth, read_depth; // read_depth: how many reads stand inside one another
    uint32_t id;                // creation order
    uint32_t axes;              // bit a: depends on the index whose axis is a (kernels)
    uint64_t hash;              // of what it is, for the one copy
    uint64_t order;    // the same whatever its indices and tensors are called: equal texts have equal orders
    int64_t low, high; // floor(e) lies between; of numbers what follows from constants, draws, max and min
    double value;
    const Expr *const *args;
    union {
        const Index *index;
        const Affine *form;
        struct {
            Tensor *tensor;
            const Affine *const *forms;
        }; // OP_READ; guard_count forms
        const Guard *guards;  // OP_WHERE
        const double *coefs;  // OP_SUM
        const int *exponents; // OP_PRODUCT
        const Draw *draw;
    };
    const Index *const *free; // indices it depends on, by id
    const Expr *const *reads; // every distinct read, also inside affine forms, by id
    int free_count, read_count;
    const Origin *origin; // of the first that made it
};
#define every_read(x, e) /* of an expression, or of a stage (pass/kernel.h) */                               \
    for (const Expr *const *x##_at = (e)->reads, *x;                                                         \
         x##_at && x##_at < (e)->reads + (e)->read_count && (x = *x##_at, true); x##_at++)

// Builders: hash-consing, with folding of constants and the canonical forms of sums and products.
//
// Types. INT and BOOL values stand for numbers wherever a number is asked for, so OP_REAL is never left in an
// expression. A sum or product over INTs (BOOLs may be among them) with whole coefficients is an integer: a
// sum is always OP_AFFINE (or one atom, or a constant), a product of several is an atom of affine forms. MAX,
// MIN, MOD, ABS, SIGN, SELECT and OP_WHERE of INTs are INT. A constant made by expr_const is REAL and one
// made by expr_int is INT: two nodes.
//
// Canonical forms. A sum flattens the sums in it, a product the products; equal terms and bases are merged; a
// factor of one term stands in the product (2 * x is OP_PRODUCT), of several in the sum's coefficients.
// Flattening stops where more than MAX_ENTRIES entries would come together. Division is an exponent -1, sqrt
// is OP_SQRT also for `x^0.5`. PRECISION_STRICT: numbers are added and multiplied as written: nothing is
// flattened, merged or cancelled, except that -1 and 1 are free to move; OP_DIV stays. Integers and guards
// are exact, and canonical in every precision.
const Expr *expr_const(Program *p, double value);
const Expr *expr_int(Program *p, int64_t value); // a constant of TYPE_INT
const Expr *expr_index(Program *p, const Index *index);
const Expr *expr_affine(Program *p, const Affine *form);
const Expr *expr_rows(Program *p);
const Expr *expr_training(Program *p); // does the function train? A BOOL, in FUNCTION_RUN alone
const Expr *expr_read(Program *p, Tensor *t, const Affine *const *forms, const Origin *origin);
const Expr *expr_where(Program *p, const Guard *guards, int count, const Expr *a, const Expr *b);
const Expr *expr_under(Program *p, const Guard *guards, int count, const Expr *e); // else 0
const Expr *expr_draw(Program *p, Draw draw);
const Expr *expr_op(Program *p, Op op, const Expr *const *args, int count); // any row of ops.def
const Expr *expr_add(Program *p, const Expr *a, const Expr *b);
const Expr *expr_sub(Program *p, const Expr *a, const Expr *b);
const Expr *expr_mul(Program *p, const Expr *a, const Expr *b);
const Expr *expr_div(Program *p, const Expr *a, const Expr *b);
const Expr *expr_neg(Program *p, const Expr *a);
const Expr *expr_power(Program *p, const Expr *a, int k); // integer k: products
const Expr *expr_sum(Program *p, double constant, const double *coefs, const Expr *const *args, int count);
const Expr *expr_product(Program *p, double factor, const int *exponents, const Expr *const *args, int count);
#define expr_unary(p, op, a) expr_op((p), (op), (const Expr *const[]){(a)}, 1)
#define expr_binary(p, op, a, b) expr_op((p), (op), (const Expr *const[]){(a), (b)}, 2)
#define expr_select(p, c, a, b) expr_op((p), OP_SELECT, (const Expr *const[]){(c), (a), (b)}, 3)
bool expr_is_const(const Expr *e, double value);
// Deeper than MAX_DEPTH, or a sum or product of more than MAX_ENTRIES: a tensor of its own is due.
bool expr_too_large(const Expr *e);
// The normal form for solving (ir/normal.c): guards and selects stand outside products, nested guards are
// merged, what a guard makes known is dropped, x/x and x - x are gone. Memoized for the program's life.
const Expr *expr_normal(Program *p, const Expr *e);
// A condition as a conjunction of guards: comparisons of integers, `and` of such. At most `room`; false where
// it is not one.
bool expr_as_guards(Program *p, const Expr *condition, Guard *guards, int room, int *count);
// a if condition else b: OP_WHERE where the condition (or parts of it: `and`, `or`, `not`) is guards, else
// OP_SELECT.
const Expr *expr_condition(Program *p, const Expr *condition, const Expr *a, const Expr *b);
bool expr_depends(const Expr *e, const Index *index);
bool expr_reads(const Expr *e, const Tensor *t);
const Affine *expr_form(const Expr *e, int i); // the i-th form in the node itself; NULL: it has no more
bool expr_integer_bounds(const Expr *e, int64_t *low, int64_t *high); // of an integer expression

// Every node of an expression once, before those that it holds; `subscripts`: also what stands in forms.
typedef VEC(const Expr *) Exprs;
void expr_nodes(Arena *arena, const Expr *e, bool subscripts, Exprs *nodes);

// A substitution of indices by affine forms, everywhere: reads, guards, index values, draws' counters.
typedef struct {
    const Index *from;
    const Affine *to;
} Binding;
const Expr *expr_substitute(Program *p, const Expr *e, const Binding *bindings, int count);
const Affine *affine_substitute(Program *p, const Affine *a, const Binding *bindings, int count);
// Bottom-up rebuild: `leaf` is called for every OP_READ (after its own forms were rebuilt) and returns its
// replacement.
typedef const Expr *ExprMap(void *data, const Expr *read);
const Expr *expr_map_reads(Program *p, const Expr *e, ExprMap *leaf, void *data);
// Another value for one part, wherever it is not in a subscript. In a guard, and for reads in a subscript, a
// number in the place of an integer is its floor.
const Expr *expr_replace(Program *p, const Expr *e, const Expr *from, const Expr *to);
const Expr *expr_rebuild(Program *p, const Expr *e, const Expr *const *args); // on other arguments
const Expr *expr_map_args(Program *p, const Expr *e, ExprMap *each, void *data);

// The rows of ops.def: spelling, arity, derivative, reference evaluation, facts. A row without one of them
// does not link.
typedef struct {
    const char *name;     // "EXP"
    const char *spelling; // as in the language: "exp", "<"
    int arity;
    Type result;
    bool commutative, differentiable,
        value_in_derivative; // the derivative uses the operation's value (exp, tanh ...)
    int cost;                // in multiply-adds, for the schedule
    double (*evaluate)(const double *args);
    // The partial derivative by argument `which`; `self` is the operation's own value. NULL result: it is 0.
    const Expr *(*derivative)(Program *p, const Expr *const *args, const Expr *self, int which);
} OpInfo;
const OpInfo *op_info(Op op); // NULL for the forms above the table

// ---- tensors, equations, functions ------------------------------------------------------------------------

typedef enum {
    TENSOR_SOURCE, // rows of the data set or of the caller, outside the arena; dimension 0 has no declared
                   // size (dims[0] = 0)
    TENSOR_INPUT,  // a field of the batch
    TENSOR_ROWMAP, // int[batch]: which row of the sources each row of the batch is
    TENSOR_PARAM,
    TENSOR_STATE,    // saved; states: of layers
    TENSOR_SLOT,     // state of an optimizer, by parameter; saved in checkpoints
    TENSOR_GRADIENT, // accumulated over batches (accumulate > 1 only); saved in checkpoints
    TENSOR_TOTAL,    // a sum over all batches of a part of the data: metrics, losses. TYPE_DOUBLE. Set to its
                     // start value by the runtime
    TENSOR_RUN,      // state of the run (plateau counters); TYPE_DOUBLE; saved in checkpoints alone
    TENSOR_CLOCK, // a number of the run, written by the runtime: step, epoch, steps, ... TYPE_DOUBLE, rank 0
    TENSOR_SETTING, // a number that the command line may set. TYPE_DOUBLE, rank 0
    TENSOR_TEMP,
    TENSOR_OUTPUT, // read by the runtime after the function ran
    TENSOR_LATE, // what is known of rows whose updates wait (pass/defer.c); outlives a function, never saved
    TENSOR_TRAINING // one BOOL: expr_training; no function has it after `specialise`
} TensorKind;

struct Tensor {
    const char *name; // unique in the program; of parameters and states the name of language rule 18
    TensorKind kind;
    Type type;
    int rank;
    int64_t dims[MAX_RANK];
    uint8_t batch_dims; // bit d: dimension d is the batch (dims[d] = declared batch)
    int8_t step,
        along;    // step 1 or -1: made step by step along a dimension, upwards or downwards; 0: in no order
    bool bounded; // an integer tensor: values lie in low .. high; said before it is read
    int64_t low, high;
    uint32_t id;
    const Origin *origin;
    uint8_t signs;        // what its elements can be (pass/signs.c); 0: not asked yet
    bool trainable;       // TENSOR_PARAM: some clause of `minimize` updates it
    bool given;           // a model's result: what is measured does not ask how it is made
    const Tensor *behind; // is made after this has been, though it does not read it (pass/recompute.c)
    int64_t apart; // elements of its source from one row to the next, where rows overlap: of windows; else 0
    double start;  // TENSOR_TOTAL, TENSOR_SETTING, TENSOR_CLOCK: first value
    struct Layout *layout; // after `layout` (pass/kernel.h); NULL before
};

typedef enum {
    REDUCE_NONE,
    REDUCE_SUM,
    REDUCE_PROD,
    REDUCE_MAX,
    REDUCE_MIN,
    REDUCE_ARGMAX,
    REDUCE_ARGMIN,
    REDUCE_ORDER
} Reduction;

// tensor[out] = reduce[indices] e. Several equations of a function may define disjoint pieces of one tensor;
// where none reaches it is 0. What an equation computes in: double if its result is TYPE_DOUBLE and it is no
// reduction, or if it reads a TYPE_DOUBLE tensor of rank > 0; else REAL (rank-0 doubles, the clock and rates,
// are rounded on reading). argmax and argmin give the row-major position over the reduction's indices; ties
// go to the first. Under `order`, of one index, e is at(x, i): y[b, i] is the i-th of the positions of x by
// value, ascending, equal ones in their order, NaN last; x is a read of a tensor in memory, and i an index of
// the result of the same size, which x does not hold. A sum over nothing is 0, max -inf, min +inf, prod 1.
// Sums into a TYPE_DOUBLE tensor accumulate in double.
struct Equation {
    Tensor *tensor;
    int out_count;
    const Affine *const *out;
    Reduction reduction;
    int index_count;
    const Index *const *indices; // of the reduction, in the order of the text
    const Expr *e;
    const Origin *origin;
};

// After the function has run, `target` holds what `value` was: a parameter's, state's or total's new value.
// All are applied at once.
typedef struct {
    Tensor *target, *value;
} Effect;
// Asks `differentiate` to define `result` (declared, same shape as by) as the derivative of the sum of `of`
// by `by`.
typedef struct {
    Tensor *of, *by, *result;
} GradientRequest;

// What a function says of a whole part of the data: `value`, read as if all its rows were one batch. `totals`
// computes it in FUNCTION_METRICS of what the batches add up, and defines `output` there (NULL: another
// function's measure of that name does).
typedef enum {
    MEASURE_TWICE,  // rows may be seen twice: a metric
    MEASURE_ONCE,   // once, or it is the mean of the batches' values by their rows: a loss
    MEASURE_BATCHES // it is that mean
} MeasureKind;
typedef struct {
    const char *name;
    MeasureKind kind;
    Tensor *value, *output;
} Measure;
// What a second pass over the rows reads of those that the first kept; or the order of what is kept, or of an
// order.
typedef struct {
    bool training;  // of STEP, read by SECOND_STEP; else of EVALUATE, read by SECOND
    Tensor *values; // its TENSOR_OUTPUT, rows first; NULL: an order
    Tensor *source; // where the second pass reads it
    int of;         // of an order: its place among the kept; else -1
} Kept;

typedef enum {
    FUNCTION_INITIAL,  // parameters, states and slots from draws
    FUNCTION_STEP,     // forward, backward; update too unless gradients are accumulated
    FUNCTION_UPDATE,   // accumulate > 1: gradients -> parameters
    FUNCTION_EVALUATE, // inference; totals of loss and metrics of held-out rows
    FUNCTION_PREDICT,  // inference; outputs of the model
    FUNCTION_SECOND,   // the rows of a part once more, from what EVALUATE kept: metrics that see them twice
    FUNCTION_SECOND_STEP, // the same from what STEP kept
    FUNCTION_METRICS,     // totals -> the values of the loss and the metrics (double), at the end of a part
    FUNCTION_EPOCH,       // at an epoch's end: plateau counters, the value of `best`, from the clock
    FUNCTION_STOP,        // the stop rule, from the clock and the run's state; changes nothing
    FUNCTION_PREPARE,     // data block: columns -> fields, for a block of rows
    FUNCTION_PREPARE_TEST,
    FUNCTION_PREPARE_VALIDATION, // the same for parts with columns of their own
    FUNCTION_CATCH_UP, // updates that wait are made in all rows; made when scheduling (pass/defer.c)
    FUNCTION_RUN       // the master: all that a batch is used for. `specialise` cuts the others out of it
} FunctionKind;

typedef VEC(Equation *) Equations;

// One use of the chain rule: `reader` reads `read`, whose tensor's derivative `to` has a part by it.
typedef struct {
    Tensor *to;
    const Equation *reader;
    const Expr *read;
} ChainRule;

// Before `specialise` a function may have a master, `from`, and no equations: its effects, outputs and
// measures speak of the master's tensors, and say what is to be cut out.
struct Function {
    const char *name;
    FunctionKind kind;
    Equations equations; // in an order in which every tensor is defined before it is read
    VEC(Effect) effects;
    VEC(Tensor *) outputs;
    VEC(GradientRequest) gradients; // empty after `differentiate`
    VEC(ChainRule) rules;           // what `differentiate` did, in its order
    Function *from;                 // NULL after `specialise`
    bool training;                  // what expr_training is in what is cut
    VEC(Measure) measures;          // empty after `totals`
};

// BF16: as DEFAULT, but for what products read (pass/round.c).
typedef enum { PRECISION_DEFAULT, PRECISION_STRICT, PRECISION_DOUBLE, PRECISION_BF16 } Precision;

struct Program {
    Context *ctx;
    Arena *arena;
    Precision precision;
    int64_t batch; // declared rows of a batch
    double room;   // bytes that what a function makes should take at once; 0: any (pass/recompute.c)
    bool least;    // they are not enough, and nothing more can be made again
    Span at;       // what is written out now, for messages
    VEC(Tensor *) tensors;
    VEC(Function *) functions;
    VEC(Kept) kept;          // of both functions that keep rows
    VEC(const char *) means; // the measures that see their rows twice, and are the mean of the batches
    uint32_t next_index;
    struct Tables *tables; // hash-consing (ir/expr.c)
};

Program *program_create(Context *ctx, Precision precision, int64_t batch);
// A new tensor; the name gets a number if it is taken.
Tensor *tensor_add(Program *p, const char *name, TensorKind kind, Type type, int rank, const int64_t *dims);
Tensor *tensor_find(const Program *p, const char *name);
Tensor *tensor_of_kind(const Program *p, TensorKind kind); // the first one, or NULL
int64_t tensor_elements(const Tensor *t);                  // with the declared batch
bool tensor_is_real(const Tensor *t);                      // of numbers, single or double
bool tensor_among(Tensor *const *tensors, int count, const Tensor *t);
bool tensors_alike(const Tensor *a, const Tensor *b); // of one shape
void tensor_bound_as(Tensor *t, const Tensor *like);  // its values lie where those of the other do
Tensor *program_rowmap(Program *p);                   // the one TENSOR_ROWMAP; made when first asked for
Index *index_add(Program *p, const char *name, int64_t size, bool batch);
Function *function_add(Program *p, FunctionKind kind, const char *name);
const GradientRequest *function_request(const Function *f, const Tensor *result); // that defines it, or NULL
// By the tensor's id: what computing these needs, of a gradient what it derives, and by what; nothing that
// only a stop needs (copy.c).
bool *function_needed(Program *p, const Function *f, Tensor *const *wanted, int count, Tensor *const *stops,
                      int stop_count);
bool *function_live(Program *p, const Function *f); // the same for its outputs, effects and measures
Tensor *tensor_again(Program *p, const Tensor *t);  // a TENSOR_TEMP as it, with a name of its own
// Computes `of` again where each target of `changed` is its value instead (copy.c); `of` itself where nothing
// of it changes. Definitions stand before their readers.
Tensor *function_copy(Program *p, Function *f, Tensor *of, const Effect *changed, int count);
Equation *equation_make(Program *p, Tensor *t, const Affine *const *out, Reduction r,
                        const Index *const *indices, int index_count, const Expr *e, const Origin *origin);
void equation_add(Program *p, Function *f, Tensor *t, const Affine *const *out, Reduction r,
                  const Index *const *indices, int index_count, const Expr *e, const Origin *origin);
// The result's indices in order of first appearance, for callers that walk an equation's space. Returns how
// many.
int equation_result_indices(const Equation *q, const Index **indices, int room);

// ---- recurrences (recur.c) ----
// Equations whose tensors read each other in a circle are run together, step by step. All their tensors have
// a `step`, the same, along dimensions of one size; each equation has that dimension's index alone there, its
// time, and reads the others of earlier steps, or of its own step where they stand before it. No pass may
// write a constant in place of that index or split it. What is in no circle has no step (function_sort).
const Index *equation_time(const Equation *q); // NULL: in no order
void function_sort(Program *p, Function *f);   // definitions before readers, otherwise as they were (flow.c)
// When what an equation reads of a tensor is made, in the order of both: all of it in earlier steps; some in
// its own; some perhaps later, or in another order.
typedef enum { READ_EARLIER, READ_NOW, READ_LATER } ReadTime;
ReadTime equation_reads_when(Program *p, const Equation *q, const Tensor *t);
// Of the function's equations from `from` on, the first that reads what needs it before that is made, or
// NULL; then also what it reads.
const Equation *function_early(Program *p, const Function *f, int from, const Tensor **read);
// By the equation's number: where the circle ends that it is in, 0: in none. Circles stand together.
int *function_cycles(Program *p, const Function *f);

// ---- text, verification, draws ----------------------------------------------------------------------------

// `--emit ir`, goldens: tensors with kind and shape, then each function's equations. tests/oracle reads it.
void program_print(Text *out, const Program *p);
void function_print(Text *out, const Function *f);
void function_print_ends(Text *out, const Function *f); // all but its equations
void tensor_print(Text *out, const Program *p, const Tensor *t);
void equation_print(Text *out, const Equation *q);
// Among other indices, which have their names first; without ranges.
void equation_print_among(Text *out, const Equation *q, const char *indent, const Index *const *indices,
                          int count);
void expr_print_among(Text *out, const Expr *e, const Index *const *indices, int count);
void expr_print(Text *out, const Expr *e);
void affine_print(Text *out, const Affine *form);
const char *name_text(Arena *arena, const char *name); // in backquotes unless plain
const char *tensor_kind_word(TensorKind kind);         // "param"; NULL beyond the last
const char *type_word(Type type);
const char *reduction_word(Reduction r);
bool reduction_is_position(Reduction r); // argmax, argmin, order
const char *function_kind_word(FunctionKind kind);
const char *measure_word(MeasureKind kind);
const char *precision_word(Precision precision);
Precision precision_find(const char *word);

// Checks what every pass must leave true: defined before read, ranks, subscripts inside (by guards), pieces
// disjoint, types, no free index but the equation's, batch read alone. The first failure as a text with its
// origin, or NULL.
const char *program_verify(Program *p);
typedef void Border(const Tensor *t, int d, int64_t *low, int64_t *high); // may be read beyond the dimension
const char *function_verify(Program *p, const Function *f, Border *border);

// Philox 4x32-10; the runtime and the generated code must agree with it bit by bit.
void philox(uint32_t counter[4], uint64_t key);

#endif
