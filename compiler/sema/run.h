// What the files that make a Module of a `train` block share: the run's text, its settings, its clock, its
// scopes.
#ifndef NN_RUN_H
#define NN_RUN_H

#include "abi.h"
#include "sema/elaborate.h"
#include "sema/values.h"

// Draws of the data are keyed by row // DRAW_ROWS and row mod DRAW_ROWS; a block is that, or a half, a
// quarter ... of it, so that its tensors take at most BLOCK_BYTES, where one row does not take more.
enum { DRAW_ROWS = NN_DRAW_ROWS, BLOCK_BYTES = 1 << 18, MOST_SETTINGS = 24, PARTS = 3 };

// One clause of `minimize`: which parameters, and the rule that changes them.
typedef struct {
    const Node *over, *with; // over: NULL for all
    const Node *condition;   // `with … if condition`, or NULL
    const Node *define;      // the optimizer's definition
    int number;              // from 1: optimizer, optimizer_2 ...
    VEC(Tensor *) params, gradients;
    const SemaValue *arguments; // of the signature's settings; evaluated once
    SemaValue applies;          // the condition's value
} Clause;

// One line of `minimize`, with its clauses among the run's.
typedef struct {
    const Node *loss;
    int first, count;
    Tensor *tensor; // its loss in the function that is being written
} LossLine;

// A call of a watch, and the run's state that is its value.
typedef struct {
    const Node *define;
    const SemaValue *given; // by parameter; ABSENT: its default
    Tensor *tensor;
} Watch;

// What a setting calls: a clip, an average, a watch.
typedef struct {
    const Node *define;
    Arguments arguments; // room for one more before them
    Span span;
} Rule;

// total(e): the parts that the tensors of a line, or of a clause, have given so far.
typedef struct {
    const Node *call;
    Tensor *sum;
    const Expr *parts;
} LineTotal;

typedef struct {
    Context *ctx;
    Arena *arena;
    Library *library;
    const Source *source;
    const Node *root, *train, *data, *model;
    const Tree *tree;
    const SemaOptions *options;
    bool *option_used;
    const Node *given[MOST_SETTINGS]; // the value of each row of settings.def, or NULL
    const char *given_origin[MOST_SETTINGS];
    Module *m;
    Program *p;
    Session *session;
    const Node *loss; // of the first line
    LossLine *lines;
    int line_count;
    int loss_first;     // the step's first equation that is the loss's
    const Expr *weight; // `accumulate`: of a batch among those of an update; NULL: 1
    Tensor *weights;    // their sum; NULL: none is needed
    const Expr *norms;  // the squares of the lines' gradients, added up; NULL: of no line yet
    Clause *clauses;
    int clause_count;
    RunHooks hooks;
    Function *epoch; // FUNCTION_EPOCH, made when something needs it
    Elaborator *epoch_elaborator;
    VEC(Watch) watches;
    VEC(LineTotal) totals;
    Map *constants; // name of one in a rate -> "yes": a number written out, or "no"
    const char *const *frozen;
    int frozen_count;
} Run;

// Reports what a `train` or data block may not say; false.
#define refuse(r, ...) (diagnose((r)->ctx, __VA_ARGS__), false)

// ---- settings.c: what the text and the command line say ----

const Node *run_setting(const Run *r, const char *name);
// A line for `explain`.
void run_in_force(Run *r, const char *name, const char *value, const char *origin);
const char *run_line(const Run *r, Span span);
bool run_read_settings(Run *r);
bool run_read_numbers(Run *r);        // batch, epochs ..., needs the session
int64_t run_table_rows(const Run *r); // of a table or synthetic; -1: known with the data only
// What a field's expression says of it: class or int below a limit, a condition, or numbers.
bool data_read_type(Run *r, const Node *e, Field *f);
bool data_read_dims(Run *r, const Node *target, Field *f); // the sizes in its brackets
Precision run_precision(Run *r);
// --set of what became a setting of the trainer or decides something when compiling: the text given for
// `name`, or NULL.
const Node *run_override(Run *r, const char *name);
void run_check_options(Run *r);
// What a call of a word of data and train blocks says for one of its parameters, or NULL.
const Node *call_argument(const Node *call, const char *name);
// A whole number in least .. most, known when compiling; `unit` may stand beside it. False after a message.
bool run_integer(Run *r, const Node *e, const char *what, Dimension unit, int64_t least, int64_t most,
                 int64_t *value);
bool run_file(Run *r, const Node *e, const char **name); // the name of a file; false after a message

// ---- rates.c: numbers of optimizers and schedules that the command line may set ----

// The tree with each number of schedule calls that decides nothing when compiling replaced by a setting of
// the trainer.
const Node *run_rate(Run *r, Elaborator *el, Env *env, const Node *e, const char *name, bool is_rate);
SemaValue run_setting_value(Run *r, Elaborator *el, const char *name, const Node *number, bool is_rate);
// Does a setting of this definition decide a condition, a size or a count when compiling?
bool setting_is_static(Run *r, const Node *define, int parameter);

// ---- clock.c ----

// One number, in double: what a function makes of an expression, and a read of it.
Tensor *run_number(Run *r, Function *f, const char *name, TensorKind kind, const Expr *e);
const Expr *run_read(Run *r, Tensor *t);
void clock_create(Run *r);
void clock_words(Run *r, Elaborator *el);
SemaValue clock_value(Run *r, int which);
// Puts into the scope what `stop`, `best`, rates and plateaus may speak of.
void clock_scope(Run *r, Env *env);
// What an elaborator's function computed from the clock, as an expression of the clock alone: it can stand in
// any function.
const Expr *clock_only(Run *r, Elaborator *el, const Expr *e);
bool clock_functions(Run *r); // EPOCH and STOP
void clock_finish(Run *r);    // which tensors of the clock anything reads

// ---- data.c, prepare.c ----

bool data_supported(Run *r);
bool data_declare(Run *r); // fields, columns, split
bool data_prepare(Run *r); // the functions from raw columns to fields
Field *data_field(Run *r, const char *name);
Field *data_field_of(Run *r, const Node *line); // that this line of the block, or of a part, gives; else NULL
SemaValue data_field_value(Run *r, const Field *f);

// ---- train.c ----

// The scope of the block in one function: fields, the model's outputs, `batch`. `rows`: false where no rows
// are at hand.
Env *train_scope(Run *r, Elaborator *el, bool rows);
// The block's definitions that an expression needs, in the order of the text, then the expression.
SemaValue train_value(Run *r, Elaborator *el, Env *env, const Node *e);
bool train_functions(Run *r);
const Expr *train_loss(Run *r); // the sum of the lines' losses, in the function that is being written
bool train_model(const Run *r, const char *name); // is it a model of the run?
// Reports a run's expression that speaks of rows (`stop`, rates): false then.
bool train_without_rows(Run *r, const Node *e, const char *what);
const Node *train_definition(const Run *r, const char *name);

// ---- accumulate.c ----

// The weight of a batch's loss and gradient among those of an update; NULL: 1, of a sum over the rows. False
// after a message.
bool loss_weight(Run *r, const Function *step, const Expr **weight);

// ---- optimizer.c ----

bool optimizer_arguments(Run *r, Elaborator *el, Clause *clause);
bool optimizer_update(Run *r, Elaborator *el);

// ---- rule.c: clips and averages ----

// The definition that a setting calls, and its arguments' values; false after a message.
bool rule_read(Run *r, Elaborator *el, const char *setting, Rule *rule);
SemaValue line_total(void *run, Elaborator *el, const Env *env, const Node *call, SemaValue v);
// Writes the sums of what has been asked for since the function's equation `first`.
void totals_write(Run *r, Function *f, int first);
bool clip_line(Run *r, Elaborator *el, const LossLine *line);
bool average_params(Run *r, Elaborator *el);

// ---- extracts.c: layers and functions by themselves ----

void extracts_make(Run *r);

// ---- metrics.c ----

void metrics_declare(Run *r);
bool metrics_elaborate(Run *r, Elaborator *el, Env *env, Function *end);

const char *metric_name(const Node *m);
bool node_calls(const Node *e, const char *name); // is it a call of that name?
// A copy of a tree in which `leaf` replaces what it returns another node for.
const Node *node_rewrite(Context *ctx, const Node *e, const Node *(*leaf)(void *data, const Node *e),
                         void *data);
Node *name_node(Context *ctx, const char *name, Span span);
// A name that no text holds, with this value in the scope: what stands in a tree for a value.
Node *bound_node(Run *r, Env *env, const char *name, SemaValue v, Span span);
const char *run_intern(const Run *r, const char *name);

#endif
