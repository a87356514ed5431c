// What emit/ makes of a file with a `train` block: a Program (ir.h) and the facts of the run that are not
// arithmetic. All arithmetic of the file, the data block's, the schedules', the metrics' and the stop rule's
// included, is equations of the program's functions; what stands here goes into the manifest
// (runtime/abi.def), field by field.
#ifndef NN_MODULE_H
#define NN_MODULE_H

#include "bind/bind.h"
#include "ir/ir.h"

typedef struct Tree Tree; // shape/shape.h

typedef struct {
    const char *name;
    int64_t value;
    bool given;
} Count;

// A field of the data block. Tensors are NULL where nothing reads the field there.
typedef struct {
    const char *name;
    const char *text; // what it is, as written
    Span span;
    Type type;
    int rank; // of one sample
    int64_t dims[MAX_RANK];
    int64_t limit;           // classes, ints and conditions (2); 0: none
    bool is_class, is_named; // named: its numbers stand for the file's, in increasing order
    int64_t window,
        at; // rows that a sample has of it, the first of which is so many behind the sample's own; else 0
    int64_t own_missing,
        own_other; // the classes of missing cells, and of what the training file lacks; or -1
    int in_model;  // its place among the inputs of PREDICT (the model's first), or -1
    bool in_loss;
    bool aside;                  // a prediction carries its cells along, and nothing else asks for it
    const struct Scaled *scaled; // emit/data.h; NULL: nothing is measured for it
    Tensor *input;               // TENSOR_INPUT of STEP, EVALUATE and PREDICT (one tensor for all three)
    Tensor *prepared[3];         // TENSOR_OUTPUT of the prepare function of each part
} Field;

// CARRIED: no function reads it; a prediction has its cells.
typedef enum {
    COLUMN_NUMBER,
    COLUMN_TEXT_EQUALS,
    COLUMN_FILE,
    COLUMN_TABLE,
    COLUMN_CARRIED,
    COLUMN_WINDOW,
    COLUMN_WORDS,
    COLUMN_COUNT_WORDS,
    COLUMN_PIXELS,
    COLUMN_FOLDER,
    COLUMN_PATH,
    COLUMN_DATE,
    COLUMN_SAMPLES,
    COLUMN_LABEL,
    COLUMN_COARSE,
    COLUMN_ROW
} ColumnKind;
typedef struct {
    int part; // 0, 1 test, 2 validation
    ColumnKind kind;
    Tensor *tensor; // TENSOR_INPUT, TYPE_DOUBLE, [block, ...] of the prepare function of the part
    int field;
    const char *file, *key, *equals; // NULL: none
    const char **names;              // column("a"), columns("a", "b"); else by number
    int name_count;
    int missing; // enum nn_missing
    double missing_value;
    int64_t first, last, limit, elements;
    bool is_class, is_whole;
    bool resize;          // of pixels
    int groups;           // enum nn_groups: what its values name, where no field is made of it
    int date;             // enum nn_date: what of a date is read
    int64_t rate;         // of samples, a second
    bool start, end;      // of words: with a mark before them, behind them
    bool for_input;       // an input of PREDICT is made of it, or it is carried
    bool aside;           // only fields that are ASIDE are made of it
    const double *values; // tables
    int64_t value_count;
    Span span;
} Column;

typedef enum {
    STATISTIC_STANDARDIZE,
    STATISTIC_MINMAX,
    STATISTIC_MISSING_MEAN,
    STATISTIC_MISSING_MEDIAN
} StatisticKind;
typedef struct {
    StatisticKind kind;
    int field, column;       // column: missing = mean, median; else -1
    Tensor *of[3], *into[2]; // into: TENSOR_STATE, TYPE_DOUBLE, data.FIELD.mean ...
} Statistic;

typedef struct {
    const char *name, *source; // source: a row of runtime/sources.def
    Span span;                 // where the source is named
    const char *file, *query;
    bool header;
    int64_t detail;                             // nn_data.detail
    int separator, decimal, thousands, comment; // 0: none
    int missing;                                // enum nn_missing, of readers that say nothing
    double missing_value;
    int unit; // of a text: enum nn_unit_of_text
    int64_t vocabulary, stride;
    bool stream; // order = stream
    int64_t rows, seed;
    int64_t rate;          // of sounds
    int split;             // enum nn_split
    int stratify, balance; // fields or -1
    double test, validation;
    int64_t split_seed, folds;
    bool own_part[3];
    int64_t block;        // rows of a call of the prepare functions
    int64_t block_row;    // the most numbers of one row in what they read and give
    Tensor *first_row[3]; // of each part's: set to the number of the block's first row, mod 64
    VEC(Field) fields;
    VEC(Column) columns;
    VEC(Statistic) statistics;
} DataBlock;

// What PREDICT gives. `label`: the class field whose logits it is, `words`: whose classes its numbers are; or
// -1. `carried`: a column of the data, that a prediction has as it stands in the file; then there is no
// tensor. Else -1.
typedef struct {
    const char *name;
    Tensor *tensor;
    int label, words, carried;
    Span span;
} ModelOutput;
// A parameter, and the state of the run that inference and weights files read in its place.
typedef struct {
    Tensor *of, *average;
} Average;
// A metric, or the loss (the first). `clock[k]`: the TENSOR_CLOCK through which the run's expressions read
// its value in training, test, validation; NULL where none does.
typedef struct {
    const char *name;
    Tensor *tensor;
    const Phrase *phrase; // NULL: of the loss, or a line's
    bool in_training;
    Tensor *clock[3];
} Metric;
typedef struct {
    const char *name;
    Tensor *tensor;
    int unit;
    bool is_rate;
} Setting;

// A layer instance, in the order of the text: for `summary`, and to name the first non-finite result.
typedef struct {
    const char *name;       // net.dense_1
    const char *definition; // dense
    Span span;
    int depth; // of nesting; 0: the model itself
    int rank;
    int64_t dims[MAX_RANK]; // of its (first) result
    uint8_t batch_dims;
    int64_t params, flops;
    Tensor *step_result; // its result in STEP, or NULL
} LayerInstance;

// A layer or function of the model by itself, for `grad`: `function` computes its results from inputs of its
// own. Innermost first, in the order of the text.
typedef struct {
    const char *name; // net.dense_1, net.relu
    bool is_model;
    Function *function;   // not one of the program's
    VEC(Tensor *) inputs; // of its signature
    VEC(const char *) input_names, result_names;
    VEC(Tensor *) results;
    VEC(Tensor *) in_step; // of a model: its results in STEP
} Extract;

typedef struct {
    const char *name, *value, *origin;
} InForce; // one line of `explain`: what is in force, and where it came from
// "line 7", "--set"; NULL: in the library, or nowhere.
const char *place_text(Context *ctx, Span span);

typedef struct {
    Program *program;
    Library *library;
    const char *name, *model;
    DataBlock data;
    VEC(ModelOutput) outputs;
    bool columns; // they are what `predict` lists; else the results of the model that is called by itself
    VEC(Metric) metrics;
    VEC(Setting) settings;
    VEC(LayerInstance) layers;
    VEC(Extract) extracts;     // with CompileOptions.extracts
    VEC(Average) averages;     // the states are of FUNCTION_STEP or FUNCTION_UPDATE
    VEC(Tensor *) rates;       // outputs of STEP (or UPDATE), TYPE_DOUBLE: each clause's lr
    VEC(const char *) lengths; // what in `train` speaks of the run's length, as written
    VEC(InForce) in_force;
    Tensor *loss;                   // output of STEP, TYPE_DOUBLE: the sum of those of all lines
    VEC(Tensor *) losses;           // of STEP: of each line
    VEC(GradientRequest) gradients; // of STEP: by the parameters, as the rules want them
    Tensor *update_loss;            // of the batches of an update: output of UPDATE, or NULL
    Tensor *gradient_norm;          // output of STEP or UPDATE, or NULL
    Tensor *best;                   // not 0 where EPOCH finds the weights worth keeping: TENSOR_RUN, or NULL
    Tensor *stop;                   // output of STOP, or NULL
    bool stop_each_step;
    Tensor *clock[12]; // enum nn_clock; NULL: nothing reads it
    int64_t epochs, steps, seed, batch, accumulate;
    bool shuffle, drop_last, needs_steps, needs_epoch_length;
    const char *start_file;
    const char *statistic; // where a layer of STEP takes one over the rows of a batch
                           // (net.batch_norm_1.mean), or NULL
    VEC(const char *) start_names;
    int64_t params, flops;
} Module;

// The options of the command line that decide what is compiled.
typedef struct {
    Precision precision;
    bool precision_given;
    int64_t batch;  // 0: the program's
    SetOptions set; // --set name=value
    bool arguments; // Module.in_force holds the arguments of layers, losses and metrics too
    bool extracts;  // fill in Module.extracts
} CompileOptions;

// The equations of a run whose shapes are known, as one master and what functions want of it. NULL after
// errors.
Module *module_write(Context *ctx, Library *library, const char *name, const Node *root, const Tree *tree,
                     const CompileOptions *options);
// What only the functions say, once they are cut out of the master and measured.
void module_finish(Module *m);
int module_outputs(const Module *m); // those that are computed

#endif
