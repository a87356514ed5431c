// The contract of a run's equations: what a file's `train` block means, written once. The tree of its layers
// goes in, and fields of a batch; what comes out is one master function with all that batches are used for,
// what is to be cut out of it (Function.from), and functions of the clock beside it.
//
// Guarantees: every model, line and metric is written once; a model's results are `given`; states are effects
// in the order of the text. Loss and rates are outputs of the step; with `accumulate` rates, the norm of the
// gradients and the loss of all batches are those of the update. After `specialise` and `totals` the
// program has the functions that a Module speaks of.
#ifndef NN_EMIT_RUN_H
#define NN_EMIT_RUN_H

#include "abi.h"
#include "emit/emit.h"
#include "emit/module.h"

// The text of the block in one function: which of its lines stand there already.
typedef struct {
    Writer *to;
    Frame *frame;
    At at;
    bool *written; // by line
} RunText;

// What a call of `total` adds up over the tensors of a line.
typedef struct {
    const Phrase *call;
    Tensor *sum;
    const Expr *parts;
} RunTotal;
// A watch that was applied: equal ones are one. Its value is one of its states.
typedef struct {
    const Case *of;
    const Operand *given;
    Tensor *state;
} RunWatch;

typedef struct Run {
    Context *ctx;
    Arena *arena;
    Program *p;
    const Tree *tree;
    Emitter *m;
    Module *module;     // what of the run is no arithmetic
    Case *block;        // of `train`
    const Instance *in; // its layers
    RunText *text;      // in the master
    Function *master, *step, *evaluate, *predict, *metrics, *epoch, *stop;
    Function *update; // changes parameters: the step; with `accumulate` a function of its own
    RunText *epoch_text;
    VEC(RunWatch) watches;
    VEC(RunTotal) totals; // that are being added up
    const Expr *norms;    // the squares of the lines' gradients, added up; NULL: of no line yet
    int loss_first;       // the master's first equation that is the losses'
    const Expr *weight;   // `accumulate`: of a batch among those of an update; NULL: 1
    Tensor *weights;      // their sum; NULL: none is needed

    // of the clause at hand
    const Chosen *clause;
    int number;             // from 1: optimizer, optimizer_2 ...
    const Operand *updates; // what `step` is in its rule, or NULL
} Run;

// The settings and data of a new Module, then the master. NULL after messages.
Run *run_write(Emitter *m, Module *module, const Node *root, const CompileOptions *options);

// ---- settings.c ----

Precision run_precision(const Tree *tree, const CompileOptions *options);
void settings_read(Run *r, const Node *root, const CompileOptions *options);
// A line for `explain`: of a number, or a call, as it is written. `origin`: NULL where the text says it.
void run_in_force(Run *r, const char *name, const Phrase *e, const char *origin);

// ---- run.c ----

const Phrase *run_setting_phrase(const Run *r, const char *name); // the value of a setting's line, or NULL
RunText *run_text(Run *r, Function *f);
Operand run_value(Run *r, RunText *text, const Phrase *p); // after the lines that it needs
Tensor *run_scalar(Run *r, Function *f, const char *name, TensorKind kind, const Expr *e); // in double
const Expr *run_element(const Run *r, Tensor *t); // of a tensor without dimensions

// ---- rule.c, clip.c ----

bool rules_write(Run *r); // the lines' gradients and updates
// Those of a line, by clause and parameter, before the optimizer.
bool gradients_clip(Run *r, const MinimizeLine *line, int number, Tensor ***gradients);
bool params_average(Run *r);        // after the updates
void run_totals(Run *r, int first); // writes those that were added up since equation `first` of the master

// ---- accumulate.c ----

// The weight of a batch's loss and gradient among those of an update; NULL: 1, of a sum over the rows. False
// after a message.
bool accumulate_weight(Run *r, const Expr **weight);

// ---- clock.c ----

void clock_open(Run *r);
void clause_in_force(Run *r, const Phrase *call, const Definition *d); // for `explain`
bool clock_write(Run *r);                   // the end of an epoch, the rule that stops
Operand run_clock(const Run *r, int which); // of NN_CLOCK_...
// What a function computes from the clock as an expression of the clock alone.
const Expr *clock_alone(Run *r, const Function *f, const Expr *e);

// ---- argument.c ----

// What is in force (Module.in_force) of layers, losses and metrics: their arguments, given or by default.
void arguments_tell(Context *ctx, const Tree *tree, Module *module);

// ---- extract.c ----

// Module.extracts, of what was noted down while the master was written (Emitter.records).
void extracts_write(Emitter *m, Module *module);

#endif
