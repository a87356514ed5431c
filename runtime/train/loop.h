// The training loop's state, shared by loop.c (steps), epoch.c (what happens at an epoch's end) and
// progress.c.
#ifndef NN_LOOP_H
#define NN_LOOP_H

#include "train/train.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

typedef enum nn_reason {
    NN_GOING, // no reason to end
    NN_END_OF_EPOCHS,
    NN_END_OF_STEPS,
    NN_END_BY_STOP,
    NN_END_BY_SIGNAL,
    NN_END_NOT_FINITE,
    NN_END_BY_ERROR
} nn_reason;

typedef struct nn_progress {
    bool quiet, live; // live: one line that is rewritten
    bool shown;       // a live line stands there
    double last;      // when it was written
    uint64_t columns; // that the table's head has; 0: it has not begun
} nn_progress;

// How long the training loss has not come near its lowest.
typedef struct nn_rise {
    double first, low, limit;       // limit: more is above
    int64_t low_epoch, seen, above; // above: epochs in a row
    bool told;
} nn_rise;

typedef struct nn_signals {
    sigset_t set, before;
    pthread_t thread;
    atomic_int number; // of the first that came
    atomic_bool leave;
} nn_signals;

struct nn_loop {
    nn_trainer *t;
    nn_context *ctx;
    const nn_manifest *manifest;
    // The data: the rows of an epoch in their order, and how they make batches and updates.
    const int32_t *rows;
    int32_t *order;
    int64_t row_count, batches, accumulate, updates; // updates: of one epoch
    int64_t epoch_rows;                              // row_count, but for a last batch that is left out
    nn_batches of;                                   // these
    int64_t total_steps, total_epochs;               // -1: without end
    // Where things of every step lie.
    int32_t *rowmap;                        // NULL: not in plain order
    double *clock[NN_CLOCKS], *loss, *norm; // loss: of an update
    // What must be looked at, and when.
    int64_t until_look, look_every;
    bool looked;                     // at clock and signals, in this epoch
    int64_t next_logged, next_shown; // epochs
    bool every_step, every_epoch;    // something looks at each step, each epoch
    bool in_training;                // metrics of the training rows
    int64_t checkpoint_every, next_checkpoint;
    bool checkpoint_due; // at a last step: written when what ends there has ended
    double started, checkpointed, epoch_started, look_time, step_started;
    int64_t look_step, epoch_step; // steps finished at those moments
    bool save_failed;              // the last one; said once
    double length_before; // a resumed run's, in steps or epochs, where what reads it finds another one now
    double *rates_before; // of the last update then; NULL: not so, or told
    double step_loss, epoch_loss, gradient_norm;
    nn_log summary, full, events;
    int64_t event_step; // of the last record
    nn_progress progress;
    nn_rise rise;
    int64_t next_moment;   // the step whose weights are logged next; -1: none
    unsigned char *before; // the lasting part of the arena as it was before that step
    bool best;             // the epoch that has just been judged is the best so far
    bool one_of_many;      // of several folds
    nn_text line;
    nn_signals signals;
};

// ---- loop.c ----
nn_reason nn_loop_run(nn_loop *l);
bool nn_loop_finished(const nn_loop *l); // as many steps, or epochs, as the run has
double nn_loop_rows(const nn_loop *l);   // since epoch_started
double nn_loop_time(const nn_loop *l);   // of the run, with the parts before a resume

// ---- epoch.c ----
void nn_epochs_begin(nn_loop *l);
bool nn_epoch_pass(nn_loop *l); // ends an epoch that nothing looks at; false: something may
nn_reason nn_epoch_end(nn_loop *l, nn_reason reason); // a whole epoch, or the run's last piece of one
void nn_epoch_measure(nn_loop *l);                    // metrics and held-out parts, as things stand
nn_status nn_loop_save(nn_loop *l, bool checkpoint, bool weights);
bool nn_stop_asked(nn_loop *l);

// ---- journal.c ----
extern const char *const nn_part_prefixes[NN_PARTS]; // of metrics: "test."
// Whether a metric is one number, of this part of these data.
bool nn_metric_single(const nn_trainer *t, int part, uint32_t metric);
void nn_line_begin(nn_loop *l, const char *event, int64_t epoch);
void nn_line_number(nn_text *line, const char *name, double value); // null: not finite
void nn_log_columns(const nn_loop *l, nn_text *out);
void nn_log_start(nn_loop *l); // in a log that has no line yet
void nn_log_step(nn_loop *l, int64_t rows);
void nn_log_event(nn_loop *l, const char *event, nn_reason reason, bool in_summary);
void nn_log_failure(nn_loop *l, nn_reason reason); // the end of a run that cannot go on
void nn_weigh(nn_loop *l, bool is_best);           // whether this is the best so far; is_best: a rule says so
double nn_best_value(const nn_trainer *t, const char *name); // of the best epoch; NaN: there is none
void nn_tell_length(nn_loop *l); // and what the rates were and are, after the first update

// ---- moments.c ----
nn_status nn_moments_begin(nn_loop *l);
void nn_moment_before(nn_loop *l); // the step that is logged
void nn_moment_after(nn_loop *l);
void nn_moment_end(nn_loop *l); // of the run

// ---- events.c ----
nn_status nn_events_open(nn_loop *l, bool resumed); // where they are asked for
void nn_events_line(nn_loop *l);                    // what was logged
void nn_events_epoch(nn_loop *l);                   // the same, and matrices; once a step
void nn_events_close(nn_loop *l);

// ---- signals.c ----
nn_status nn_signals_begin(nn_context *ctx, nn_signals *s); // from here on they are counted, and end nothing
int nn_signals_end(nn_signals *s);                          // the number of the first that came, or 0

// ---- progress.c ----
void nn_progress_begin(nn_progress *p, bool quiet);
void nn_progress_step(nn_loop *l, double now);
void nn_progress_epoch(nn_loop *l, bool chosen);
void nn_progress_clear(nn_progress *p);

// ---- story.c ----
void nn_story_begin(nn_loop *l);
void nn_story_data(nn_loop *l); // warnings about the training rows
void nn_story_loss(nn_loop *l); // about the loss of the epochs so far
void nn_story_end(nn_loop *l, nn_reason reason);
void nn_story_not_finite(nn_loop *l); // into the context

#endif
