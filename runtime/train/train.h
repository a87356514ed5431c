// The contract of train/: a trainer's commands, its loop, and what they share. Messages go to standard error,
// results to standard output; the only printers are main.c, progress.c and the commands' own results.
#ifndef NN_TRAIN_H
#define NN_TRAIN_H

#include "data/data.h"
#include "parallel/pool.h"
#include "report/report.h"
#include "store/store.h"

typedef enum nn_command {
    NN_COMMAND_TRAIN,
    NN_COMMAND_EVAL,
    NN_COMMAND_PREDICT,
    NN_COMMAND_DATA,
    NN_COMMAND_INFO,
    NN_COMMAND_SAMPLE,
    NN_COMMAND_SWEEP,
    NN_COMMAND_HISTORY,
    NN_COMMAND_REPORT
} nn_command;

typedef enum nn_option {
#define OPTION(code, name, argument, commands, repeatable, kept, text) NN_OPTION_##code,
#include "train/options.def"
#undef OPTION
    NN_OPTIONS
} nn_option;

typedef struct nn_options {
    nn_command command;
    const char *value[NN_OPTIONS]; // NULL: not given; "" for options without an argument
    const char **set;              // every --set
    int32_t set_count;
    const char *program; // as it was called
    const char **rest;   // directories, of commands that take some
    int32_t rest_count;
} nn_options;

nn_status nn_options_parse(nn_context *ctx, nn_options *o, int argc, char **argv);
nn_status nn_option_whole(nn_context *ctx, const nn_options *o, nn_option which, int64_t low,
                          int64_t *value); // leaves it, if not given
nn_status nn_option_size(nn_context *ctx, const nn_options *o, nn_option which, int64_t *bytes);
const char *nn_option_name(nn_option which);
int nn_option_kept(nn_option which);
void nn_options_help(const nn_model *m, nn_text *out);

// The part of a log that belongs to a checkpoint: the first `size` bytes of the run's own lines.
typedef struct nn_log_mark {
    int64_t size, sum; // sum: CRC-32C
    bool none;         // the run had no such log
} nn_log_mark;

// Where the run stands: all of it goes into a checkpoint.
typedef struct nn_position {
    int64_t step, epoch;  // finished
    int64_t batch;        // finished batches of this epoch
    int64_t batch_number; // since the run's start
    double loss_sum;      // over this epoch's steps
    int64_t loss_count;
    double elapsed;      // seconds, of the parts of the run before this one as well
    int64_t has_weights; // 0 or 1: checkpoint = best(v) has written some
    int64_t ended;       // 0 or 1: the run's end has been logged and saved at this step
    int64_t text;        // the checksum of a text's units; 0: the data are none
    nn_log_mark logs[2]; // the directory's, and --log
} nn_position;

// What begins again at its initial value, and when: a state with a batch dimension in each inference, a total
// there and in each epoch.
typedef enum nn_restart { NN_RESTART_NEVER, NN_RESTART_INFERENCE, NN_RESTART_PART } nn_restart;

typedef struct nn_span_copy { // bytes of the arena that an evaluation must give back
    int64_t first, bytes;
    nn_restart restart;
} nn_span_copy;

typedef struct nn_values { // of one metric
    double *values;
    int64_t count;
} nn_values;

// Which of the checkpoints on disk the next one leaves there, as `previous`.
typedef enum nn_keep {
    NN_KEEP_NONE, // they are another run's
    NN_KEEP_NEWEST,
    NN_KEEP_PREVIOUS // the newest is damaged
} nn_keep;

// The files of a run's directory, and what they are called until they take their places.
enum { NN_FILE_WEIGHTS, NN_FILE_CHECKPOINT, NN_FILE_PREVIOUS, NN_FILE_LOG, NN_FILE_EVENTS, NN_FILES };
typedef struct nn_files {
    char of[NN_FILES][NN_PATH_ROOM], fresh[NN_FILES][NN_PATH_ROOM];
    char first[NN_PATH_ROOM]; // the checkpoint of a first save whose files do not all have their names yet
} nn_files;

// How rows make batches: `full` of `size` rows, then others of `rest`. In a stream the rows are divided into
// `size` pieces, one behind the other, and a batch has the next row of each.
typedef struct nn_batches {
    int64_t count, size, full, rest;
    bool stream;
} nn_batches;

typedef struct nn_trainer {
    nn_context *ctx;
    nn_model model;
    const nn_options *options;
    nn_pool *pool;
    nn_call call;
    void (*catch_up)(struct nn_trainer *t); // makes the updates that rows wait for; NULL: none waits
    nn_dataset data;
    nn_position at;
    nn_keep keep;
    bool settled; // a first save that a kill had cut off is whole now
    uint64_t seed;
    int64_t batch; // rows of a step
    int32_t fold;
    char out[NN_PATH_ROOM];
    nn_files *files;
    int32_t *picked; // rows of one batch
    nn_span_copy *spans;
    int64_t span_count, span_bytes;
    unsigned char *initial, *saved; // of the spans
    nn_values *values[NN_PARTS];    // of each metric
    bool measured[NN_PARTS];
    unsigned char **kept[NN_PARTS]; // of each nn_kept: its rows
    bool *unbounded;                // of each tensor: it was not finite when the run began
    nn_text best;           // the best epoch so far, as the log has it: "epoch": 1, "step": 45, "loss": ...
    unsigned char *unsaved; // the arena as the best weights left it, while they could not be written
} nn_trainer;

// ---- what all commands share (trainer.c) ----
nn_status nn_trainer_open(nn_trainer *t, nn_context *ctx, const nn_model *m,
                          const nn_options *o); // arena, threads, initial values
nn_status nn_trainer_initial(nn_trainer *t);    // initial values of everything, drawn from t->seed
void nn_trainer_close(nn_trainer *t);
nn_runner nn_trainer_runner(nn_trainer *t);
void nn_trainer_run(nn_trainer *t, int32_t function); // with t->call
int32_t nn_trainer_threads(const nn_trainer *t);
nn_status nn_trainer_load(nn_trainer *t, const nn_data_request *request);
nn_data_request nn_trainer_request(const nn_trainer *t);
nn_status nn_fold_chosen(const nn_trainer *t); // where the data are split into folds
nn_status nn_trainer_path(nn_trainer *t, const char *name,
                          char path[NN_PATH_ROOM]); // of a file in the run's directory
nn_status nn_trainer_weights(nn_trainer *t);        // --weights, or the directory's; class names too

// ---- evaluation (evaluate.c) ----
nn_status nn_evaluation_prepare(nn_trainer *t); // right after the initial values were made
void nn_evaluate(nn_trainer *t, int part);      // into t->values[part]; the model is as before
// From totals and kept rows as the function (NN_STEP, NN_EVALUATE) has left them.
void nn_metrics_take(nn_trainer *t, int32_t function, int part, int64_t rows);

int nn_judged_part(
    const nn_trainer *t); // the held-out part by which a run is judged, of those that are measured

// ---- matrices of counts (confusion.c) ----
void nn_text_class(const nn_trainer *t, nn_text *out, int32_t field, int64_t number); // its name
// The class field that the rows of a metric of a measured part are the classes of, -1: none.
int32_t nn_confusion_field(const nn_trainer *t, int part, uint32_t metric);
// The recall of a row, the precision of a column, in percent; NaN: it has no count.
double nn_confusion_share(const double *counts, int64_t n, int64_t k, bool row);
void nn_confusion_put(const nn_trainer *t, nn_text *out, int part, uint32_t metric, int32_t field);
void nn_confusions_put(const nn_trainer *t, nn_text *out); // every one of the held-out part

// ---- metrics that see the rows twice (second.c) ----
nn_status nn_second_prepare(nn_trainer *t); // memory for the rows of every part
int64_t nn_second_mark(nn_trainer *t);      // the training rows of this epoch so far: what a checkpoint holds
void nn_second_keep(nn_trainer *t, int32_t function, int part, int64_t first,
                    int64_t count); // of the batch just computed
void nn_second_run(nn_trainer *t, int32_t function, int part, int64_t rows);

// ---- what inference gives back (states.c) ----
void nn_spans_list(const nn_model *m, nn_span_copy *spans, int64_t *count,
                   int64_t *bytes);     // spans: NULL, or room for all
void nn_states_remember(nn_trainer *t); // as the initial values
void nn_totals_restart(nn_trainer *t);
void nn_stream_restart(nn_trainer *t); // the states of rows, as an epoch of a stream begins
void nn_trainer_rows(nn_trainer *t, const int32_t *rows, int64_t count); // the rows of the next batch
void nn_catch_up(nn_trainer *t);     // before anything but a step reads or changes what is trained
void nn_states_begin(nn_trainer *t); // inference, with averages: a copy of states and totals is kept,
void nn_states_end(nn_trainer *t);   // and given back
// Parameters and the averages of the updates made so far change places, as files and inference have them.
void nn_averages_swap(const nn_model *m, const nn_position *at);
void nn_averages_start(const nn_model *m); // they are the parameters

// ---- batches (batches.c) ----
nn_batches nn_batches_of(int64_t rows, int64_t batch, bool stream);
nn_batches nn_batches_training(const nn_trainer *t); // of an epoch; without what `drop_last` leaves out
const int32_t *nn_batch_of_stream(nn_trainer *t, const nn_batches *b, const int32_t *rows, int64_t batch);
static inline int64_t nn_batch_rows(const nn_batches *b, int64_t batch) {
    return batch < b->full ? b->size : b->rest;
}
static inline int64_t nn_batch_first(const nn_batches *b, int64_t batch) { // rows before it
    int64_t full = batch < b->full ? batch : b->full;
    return full * b->size + (batch - full) * b->rest;
}
// Its rows, of all `rows`; they stand there until the next are asked for.
static inline const int32_t *nn_batch_pick(nn_trainer *t, const nn_batches *b, const int32_t *rows,
                                           int64_t batch) {
    return b->stream ? nn_batch_of_stream(t, b, rows, batch) : rows + batch * b->size;
}

// ---- names that lie with the weights (names.c) ----
void nn_names_put(const nn_trainer *t, nn_sink *sink); // as metadata
nn_status nn_names_take(nn_trainer *t, nn_context *ctx, const char *key,
                        nn_json value); // others: passed over
// A class's name; "" of missing cells, "(other)" of what the training file lacks, NULL: it is the number.
const char *nn_names_class(const nn_trainer *t, int32_t field, int64_t number);
bool nn_names_text(nn_context *ctx, nn_json value, char **out); // a string; false: it is none, or no memory

// ---- predicting (predict_rows.c) ----
// The rows of the test part through the model, a batch at a time; `give` gets what a batch has left: its
// rows.
typedef nn_status nn_give_batch(void *data, const int32_t *rows, int64_t count);
nn_status nn_predict_rows(nn_trainer *t, nn_runner runner, nn_give_batch *give, void *data);

// ---- saving (save.c) ----
nn_status nn_files_name(nn_trainer *t);
nn_status nn_save(nn_trainer *t, bool checkpoint, bool weights);
nn_status nn_finite_begin(nn_trainer *t);    // what is not finite from the start is meant so
nn_status nn_lock(nn_trainer *t, int *lock); // the run's directory, until it is closed
// Finishes a run's first save that a kill cut off after all was written, or clears away what was written
// before: with the lock; and for who only reads, unless a living trainer does.
nn_status nn_settle(nn_trainer *t);
nn_status nn_check_outputs(nn_trainer *t); // none is read, or written otherwise
nn_status nn_settle_left(nn_trainer *t);
nn_status nn_check_finite(nn_trainer *t);
typedef struct nn_resumed {
    unsigned char *bytes; // NULL: there is no checkpoint
    uint64_t size;
    const char *path;
    nn_position at;
    int64_t rows[NN_PARTS];
    double *shown; // gradient norm and rates of the last update
    const char *value[NN_OPTIONS];
    char run_digest[128];
    bool previous;
} nn_resumed;
nn_status nn_checkpoint_find(nn_trainer *t, nn_resumed *r);
// Before the data are loaded: they are made with its statistics and classes. Then the run, if the data fit
// it.
nn_status nn_checkpoint_state(nn_trainer *t, const nn_resumed *r);
nn_status nn_checkpoint_apply(nn_trainer *t, const nn_resumed *r);
nn_status nn_store_load(nn_context *ctx, nn_archive a, const unsigned char *bytes, uint64_t size, bool apply);

// ---- settings (settings.c) ----
// The setting of a name. NULL: the context says that there is none, and what is near.
const nn_setting *nn_setting_find(nn_context *ctx, const nn_model *m, const nn_options *o, const char *name);
nn_status nn_settings_apply(nn_trainer *t, bool resumed);

// ---- log and progress ----
typedef struct nn_log {
    nn_context *ctx;
    char path[NN_PATH_ROOM];
    char fresh[NN_PATH_ROOM]; // what it is called until nn_log_publish; "": it has its name
    int32_t fold;             // whose lines the run's own are, in a file of several; -1: all lines are
    nn_log_mark mark;         // of the run's own lines
    int64_t synced;           // so much of it is known to be on the disk
    int file;                 // -1: none
    bool broken;              // writing failed; said once
    bool settled;             // what waits belongs to a run that has saved since
    bool csv, headed;         // a table, by the file's name; what stands there begins with its head
    nn_text columns;          // its head
} nn_log;
// resumed: the mark in the checkpoint; NULL: a new run, whose log waits for its name, or does where another
// one has it.
nn_status nn_log_open(nn_log *log, nn_context *ctx, const char *path, int32_t fold,
                      const nn_log_mark *resumed, bool waits);
void nn_log_line(nn_log *log, const nn_text *line, bool kept); // kept: a resumed run goes on after it
void nn_log_sync(nn_log *log);
nn_status nn_log_publish(nn_log *log);
void nn_log_close(nn_log *log);
void nn_log_give_up(nn_log *log); // says that it cannot be written

typedef struct nn_loop nn_loop;

// ---- rows as text (rows.c) ----
void nn_text_values(nn_text *out, const nn_values *v, bool array); // null: not finite
void nn_text_value(const nn_model *m, nn_text *out, int32_t type, const void *values,
                   int64_t k); // shortest that reads back
void nn_column_names(nn_text *out, const char *name, int rank, int64_t elements, bool first);
void nn_npy_head(nn_text *out, const nn_model *m, int32_t type, int64_t rows, int rank, const int64_t *dims);
nn_status nn_part_of(nn_context *ctx, const nn_options *o, int32_t *part); // --part; leaves it, if not given

// ---- commands; what fails is in the context. `train` opens a trainer for each fold, `sweep` none; they
// return an exit code ----
int nn_command_train(nn_context *ctx, const nn_model *m, const nn_options *o);
int nn_command_sweep(nn_context *ctx, const nn_model *m, const nn_options *o);
nn_status nn_command_eval(nn_trainer *t);
nn_status nn_command_predict(nn_trainer *t);
nn_status nn_command_data(nn_trainer *t);
nn_status nn_command_info(nn_trainer *t);
NN_APART nn_status nn_command_sample(nn_trainer *t);
nn_status nn_command_history(nn_trainer *t);
nn_status nn_command_report(nn_trainer *t);
nn_story *nn_runs_read(nn_trainer *t, int *count);     // what was named, else this program's own
nn_status nn_sweep_table(nn_trainer *t, nn_text *out); // of the sweep that was named
int64_t nn_terminal_width(void);                       // of standard error, 40 to 200; 0: it is none
void nn_message(const char *kind, const char *text);   // "error: ..." on standard error
nn_status nn_print(nn_context *ctx, nn_text *text);    // on standard output; made fit for a terminal

#endif
