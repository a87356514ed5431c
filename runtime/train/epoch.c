// What happens when an epoch ends, or the run: metrics, held-out parts, counters of plateaus, best weights,
// the stop rule, the log, checkpoints. In that order, as the language's section Clock has it. Guarantees:
// what nobody reads is not computed; a run that ends inside an epoch leaves a checkpoint from which a longer
// run goes on as if it had not ended there.
#include "train/loop.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const double CHECKPOINT_AFTER = 10; // seconds since the last one

// ---- saving ----

static nn_status save(nn_loop *l, bool checkpoint, bool weights) {
    nn_trainer *t = l->t;
    double now = nn_now();
    t->at.elapsed += now - l->started;
    l->started = now;
    // The first save of a run replaces everything of the one before.
    bool first = t->keep == NN_KEEP_NONE;
    checkpoint = checkpoint || first;
    nn_log *logs[] = {&l->summary, &l->full};
    for (int k = 0; k < 2 && checkpoint; k++) {
        nn_log_sync(logs[k]);
        t->at.logs[k] = logs[k]->mark;
    }
    if (nn_save(t, checkpoint, weights || (first && t->unsaved == NULL)) != NN_OK ||
        nn_log_publish(&l->full) != NN_OK || nn_log_publish(&l->events) != NN_OK)
        return l->ctx->status;
    l->checkpointed = checkpoint ? now : l->checkpointed;
    return NN_OK;
}

// A checkpoint on the way that cannot be written is a warning; the next one tries again, and the last one
// must succeed.
nn_status nn_loop_save(nn_loop *l, bool checkpoint, bool weights) {
    nn_status status = save(l, checkpoint, weights);
    if (status == NN_FILE && !l->save_failed) {
        char text[sizeof l->ctx->message + 64];
        snprintf(text, sizeof text, "%s; training goes on, and the next save tries again", l->ctx->message);
        nn_progress_clear(&l->progress);
        nn_message("warning", text);
    }
    l->save_failed = status == NN_FILE;
    if (status == NN_FILE) nn_forget(l->ctx);
    return status == NN_FILE ? NN_OK : status;
}

// ---- the rules ----

bool nn_stop_asked(nn_loop *l) {
    if (l->clock[NN_CLOCK_STEP] != NULL) *l->clock[NN_CLOCK_STEP] = (double)l->t->at.step;
    if (l->clock[NN_CLOCK_TIME] != NULL) *l->clock[NN_CLOCK_TIME] = nn_loop_time(l);
    nn_trainer_run(l->t, NN_STOP);
    return nn_scalar_get(&l->t->model, l->manifest->stop) != 0;
}

static void put_clock(nn_loop *l) {
    const nn_metric *metrics = NN_TABLE(&l->t->model, nn_metric, metrics);
    const int32_t *clock = l->manifest->clock;
    const double now[][2] = {{NN_CLOCK_STEP, (double)l->t->at.step},
                             {NN_CLOCK_EPOCH, (double)l->t->at.epoch},
                             {NN_CLOCK_LOSS, l->epoch_loss},
                             {NN_CLOCK_GRADIENT_NORM, l->gradient_norm}};
    if (l->clock[NN_CLOCK_TIME] != NULL) *l->clock[NN_CLOCK_TIME] = nn_loop_time(l);
    for (size_t k = 0; k < sizeof now / sizeof *now; k++)
        nn_scalar_put(&l->t->model, clock[(int)now[k][0]], now[k][1]);
    for (uint32_t k = 0; k < l->manifest->metrics_count; k++) {
        for (int p = 0; p < NN_PARTS; p++) {
            bool loss_as_trained = k == 0 && p == NN_TRAIN;
            if (l->t->measured[p] || loss_as_trained)
                nn_scalar_put(&l->t->model, metrics[k].clock[p],
                              loss_as_trained ? l->epoch_loss : l->t->values[p][k].values[0]);
        }
    }
}

void nn_epoch_measure(nn_loop *l) {
    nn_trainer *t = l->t;
    if (l->in_training && t->at.loss_count > 0) nn_metrics_take(t, NN_STEP, NN_TRAIN, nn_second_mark(t));
    for (int p = NN_TEST; p < NN_PARTS && nn_model_has(&t->model, NN_EVALUATE); p++) {
        if (t->data.parts[p].count > 0) nn_evaluate(t, p);
    }
}

// The epoch after this one that is among the n evenly chosen of E: the first e with floor(n e / E) above this
// one's.
static int64_t next_chosen(const nn_loop *l, int64_t n) {
    int64_t e = l->t->at.epoch, of = l->total_epochs;
    if (of <= n) return of >= 0 || e < n ? e + 1 : e * 2;
    __int128 reached = (__int128)n * e / of;
    return (int64_t)(((reached + 1) * of + n - 1) / n);
}

void nn_epochs_begin(nn_loop *l) {
    l->next_logged = next_chosen(l, 1000);
    l->next_shown = next_chosen(l, 100);
}

// How the run goes on after a save that ended so.
static nn_reason saved(const nn_loop *l, nn_status status, nn_reason reason) {
    return status == NN_OK ? reason : l->ctx->status == NN_NOT_FINITE ? NN_END_NOT_FINITE : NN_END_BY_ERROR;
}

static nn_reason save_at_end(nn_loop *l, nn_reason reason, bool is_best) {
    bool best = l->manifest->best >= 0;
    if (reason == NN_GOING) {
        bool due = l->checkpoint_due || (l->looked && l->look_time - l->checkpointed >= CHECKPOINT_AFTER);
        l->checkpoint_due = false;
        return due || is_best ? saved(l, nn_loop_save(l, due, !best || is_best), reason) : reason;
    }
    l->t->at.ended = true;
    return saved(l, save(l, true, !best || is_best || !l->t->at.has_weights), reason);
}

// Values, rules and lines of an end; returns whether the weights are the best so far.
static bool judge(nn_loop *l, nn_reason *reason, bool logged) {
    nn_trainer *t = l->t;
    bool is_best = false;
    nn_epoch_measure(l);
    put_clock(l);
    if (nn_model_has(&t->model, NN_EPOCH) && t->at.loss_count > 0) nn_trainer_run(t, NN_EPOCH);
    if (l->manifest->best >= 0 && t->at.loss_count > 0)
        is_best = nn_scalar_get(&t->model, l->manifest->best) != 0;
    if (*reason == NN_GOING && nn_model_has(&t->model, NN_STOP) && nn_stop_asked(l)) *reason = NN_END_BY_STOP;
    l->best = false;
    if (logged || *reason != NN_GOING || is_best) nn_weigh(l, is_best); // whoever else reads this epoch
    return is_best;
}

static void start_next(nn_loop *l) {
    nn_trainer *t = l->t;
    t->at.batch = 0;
    t->at.loss_sum = 0;
    t->at.loss_count = 0;
    if (l->in_training || l->accumulate > 1) nn_totals_restart(t); // else a step adds to none
}

// The epoch is over: its mean loss.
static void count_epoch(nn_loop *l) {
    l->epoch_loss = l->t->at.loss_sum / (double)l->t->at.loss_count;
    l->t->at.epoch++;
    nn_story_loss(l);
}

bool nn_epoch_pass(nn_loop *l) {
    const nn_position *at = &l->t->at;
    int64_t epoch = at->epoch + 1;
    if (l->every_epoch || l->looked || l->checkpoint_due || at->batch < l->batches ||
        epoch == l->next_logged || epoch == l->next_shown || epoch == l->total_epochs ||
        at->step == l->total_steps)
        return false;
    count_epoch(l);
    start_next(l);
    return true;
}

// The run ends inside an epoch. What is evaluated and counted now a longer run would not have counted: the
// checkpoint is of the moment before. One that a signal ends is not at its end, so nothing is evaluated: it
// leaves as soon as it can.
static nn_reason end_inside(nn_loop *l, nn_reason reason) {
    nn_trainer *t = l->t;
    bool signal = reason == NN_END_BY_SIGNAL, is_best = false;
    unsigned char *before = nn_get(l->ctx, (uint64_t)l->manifest->persistent, 1);
    nn_text best, now;
    if (before == NULL) return NN_END_BY_ERROR;
    memcpy(before, t->model.arena, (size_t)l->manifest->persistent);
    nn_position at = t->at;
    for (int p = 0; p < NN_PARTS && signal; p++) t->measured[p] = false;
    nn_text_begin(&best, l->ctx);
    nn_text_bytes(&best, t->best.bytes, t->best.length);
    if (!signal) is_best = judge(l, &reason, true);
    nn_log_event(l, "end", reason, true);
    nn_progress_epoch(l, true);
    memcpy(t->model.arena, before, (size_t)l->manifest->persistent);
    nn_drop(l->ctx, before);
    t->at = at;
    t->at.ended = !signal;
    now = t->best;
    t->best = best;
    reason = saved(l, save(l, true, l->manifest->best < 0 || is_best || !t->at.has_weights), reason);
    t->best = now;
    nn_text_end(&best);
    return reason;
}

nn_reason nn_epoch_end(nn_loop *l, nn_reason reason) {
    nn_trainer *t = l->t;
    l->epoch_loss = t->at.loss_count > 0 ? t->at.loss_sum / (double)t->at.loss_count : (double)NAN;
    l->gradient_norm = l->norm == NULL || t->at.loss_count == 0 ? (double)NAN : *l->norm;
    if (t->at.batch < l->batches || t->at.loss_count == 0 || reason == NN_END_BY_SIGNAL)
        return end_inside(l, reason);
    count_epoch(l);
    bool logged = t->at.epoch == l->next_logged, shown = t->at.epoch == l->next_shown && !l->progress.quiet;
    bool read = logged || shown || reason != NN_GOING || l->every_epoch;
    bool is_best = read && judge(l, &reason, logged);
    if (logged || l->full.file >= 0) nn_log_event(l, "epoch", NN_GOING, logged);
    if (shown || reason != NN_GOING) nn_progress_epoch(l, shown || reason != NN_GOING);
    if (reason != NN_GOING) nn_log_event(l, "end", reason, true);
    start_next(l);
    if (logged) l->next_logged = next_chosen(l, 1000);
    if (t->at.epoch == l->next_shown) l->next_shown = next_chosen(l, 100);
    bool nothing = reason == NN_GOING && !is_best && !l->looked && !l->checkpoint_due;
    reason = nothing ? NN_GOING : save_at_end(l, reason, is_best);
    l->looked = false;
    // Epochs may be shorter than reading a clock: time is only read where something is written, or a look was
    // due.
    if (logged || shown || l->full.file >= 0) {
        l->epoch_started = nn_now();
        l->epoch_step = t->at.step;
    }
    return reason;
}
