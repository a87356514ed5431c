// The training loop. A step costs little beside the compiled function itself: what can be known for an epoch
// is made once an epoch, and clocks, signals and progress are looked at about every millisecond. Guarantees:
// a step is whole or has not happened; what is computed depends on seed, data, options and step, never on
// time (unless the program asks for the time).
#include "train/loop.h"

#include "random/random.h"

#include <math.h>
#include <string.h>

static const double LOOK = 1e-3; // seconds between looks

double nn_loop_time(const nn_loop *l) { return l->t->at.elapsed + (nn_now() - l->started); }

double nn_loop_rows(const nn_loop *l) {
    return (double)(l->t->at.step - l->epoch_step) * (double)l->epoch_rows / (double)l->updates;
}

static nn_status begin_epoch(nn_loop *l) {
    nn_trainer *t = l->t;
    if (t->data.series != NULL &&
        nn_data_epoch(l->ctx, &t->model, nn_trainer_runner(t), t->seed, t->at.epoch, &t->data) != NN_OK)
        return l->ctx->status;
    if (l->of.stream && t->at.batch == 0) nn_stream_restart(t);
    if (l->order != NULL &&
        nn_data_order(l->ctx, &t->model, &t->data, t->seed, t->at.epoch, l->order) != NN_OK)
        return l->ctx->status;
    if (l->clock[NN_CLOCK_EPOCH] != NULL) *l->clock[NN_CLOCK_EPOCH] = (double)t->at.epoch;
    return NN_OK;
}

static int64_t take_batch(nn_loop *l) {
    nn_trainer *t = l->t;
    int64_t count = nn_batch_rows(&l->of, t->at.batch);
    const int32_t *rows = nn_batch_pick(t, &l->of, l->rows, t->at.batch);
    if (l->rowmap != NULL) {
        if (rows != l->rowmap) memcpy(l->rowmap, rows, (size_t)count * sizeof *l->rowmap);
        t->call.rows = count;
    } else
        nn_trainer_rows(t, rows, count);
    t->call.batch_number = (uint32_t)t->at.batch_number;
    return count;
}

// One update: a batch, or `accumulate` of them (fewer at an epoch's end). Returns the rows it took.
static int64_t update(nn_loop *l) {
    nn_trainer *t = l->t;
    int64_t rows = 0;
    if (l->clock[NN_CLOCK_STEP] != NULL) *l->clock[NN_CLOCK_STEP] = (double)t->at.step;
    if (l->clock[NN_CLOCK_UPDATE] != NULL) *l->clock[NN_CLOCK_UPDATE] = (double)(t->at.step + 1);
    if (l->clock[NN_CLOCK_TIME] != NULL) *l->clock[NN_CLOCK_TIME] = nn_loop_time(l);
    for (int64_t k = 0; k < l->accumulate && t->at.batch < l->batches; k++) {
        int64_t count = take_batch(l);
        nn_trainer_run(t, NN_STEP);
        if (l->manifest->kept_count > 0)
            nn_second_keep(t, NN_STEP, NN_TRAIN, nn_batch_first(&l->of, t->at.batch), count);
        rows += count;
        t->at.batch++;
        t->at.batch_number++;
    }
    if (l->accumulate > 1) nn_trainer_run(t, NN_UPDATE);
    t->at.step++;
    t->at.loss_sum += *l->loss;
    t->at.loss_count++;
    l->step_loss = *l->loss;
    return rows;
}

static void pace(nn_loop *l, double now) {
    int64_t steps = l->t->at.step - l->look_step;
    double each = (now - l->look_time) / (double)(steps > 0 ? steps : 1);
    l->look_every = each * 1e6 < 1 ? 1000 : (int64_t)(LOOK / each) + 1;
    l->until_look = l->look_every;
    l->look_time = now;
    l->look_step = l->t->at.step;
}

// By itself, so that bench/guard can leave out what depends on the clock.
__attribute__((noinline)) static nn_reason look_up(nn_loop *l, int64_t rows) {
    nn_trainer *t = l->t;
    if (l->rates_before != NULL) nn_tell_length(l);
    if (l->full.file >= 0) nn_log_step(l, rows);
    if (t->at.step == l->next_moment) nn_moment_after(l);
    if (l->checkpoint_every > 0 && t->at.step >= l->next_checkpoint) {
        // What belongs to the end of the epoch, or of the run, comes first, or a resumed run would do it
        // again.
        l->checkpoint_due = t->at.batch == l->batches || t->at.step == l->total_steps;
        if (!l->checkpoint_due && nn_loop_save(l, true, l->manifest->best < 0 || !t->at.has_weights) != NN_OK)
            return l->ctx->status == NN_NOT_FINITE ? NN_END_NOT_FINITE : NN_END_BY_ERROR;
        l->next_checkpoint = (t->at.step / l->checkpoint_every + 1) * l->checkpoint_every;
    }
    if (l->manifest->stop_each_step && nn_stop_asked(l)) return NN_END_BY_STOP;
    if (--l->until_look > 0) return NN_GOING;
    double now = nn_now();
    l->looked = true;
    pace(l, now);
    nn_progress_step(l, now);
    return atomic_load(&l->signals.number) != 0 ? NN_END_BY_SIGNAL : NN_GOING;
}

// The rest of an epoch. The common way through it is short.
static nn_reason run_epoch(nn_loop *l) {
    nn_trainer *t = l->t;
    nn_reason reason = NN_GOING;
    if (begin_epoch(l) != NN_OK) return NN_END_BY_ERROR;
    while (t->at.batch < l->batches && reason == NN_GOING) {
        if (t->at.step == l->total_steps) return NN_END_OF_STEPS;
        if (t->at.step + 1 == l->next_moment) nn_moment_before(l);
        int64_t rows = update(l);
        if (!(fabs(l->step_loss) <= 1.7e308)) {
            if (l->full.file >= 0) nn_log_step(l, rows);
            return NN_END_NOT_FINITE;
        }
        if (l->every_step || l->until_look <= 1)
            reason = look_up(l, rows);
        else
            l->until_look--;
    }
    return reason;
}

bool nn_loop_finished(const nn_loop *l) {
    const nn_position *at = &l->t->at;
    return (l->total_steps >= 0 && at->step >= l->total_steps) ||
           (l->total_epochs >= 0 && at->epoch >= l->total_epochs);
}

nn_reason nn_loop_run(nn_loop *l) {
    nn_trainer *t = l->t;
    nn_reason reason = NN_GOING;
    if (nn_loop_finished(l))
        return nn_epoch_end(l, t->at.epoch == l->total_epochs ? NN_END_OF_EPOCHS : NN_END_OF_STEPS);
    // A run that its rule had stopped is not gone on with.
    if (t->at.step > 0 && nn_model_has(&t->model, NN_STOP) && nn_stop_asked(l))
        return nn_epoch_end(l, NN_END_BY_STOP);
    t->at.ended = false;
    l->look_time = l->epoch_started = l->step_started = nn_now();
    l->look_step = l->epoch_step = t->at.step;
    l->until_look = l->look_every = 1;
    nn_epochs_begin(l);
    while (reason == NN_GOING) {
        reason = run_epoch(l);
        if (reason == NN_GOING && nn_epoch_pass(l)) continue;
        if (reason == NN_END_NOT_FINITE || reason == NN_END_BY_ERROR) {
            nn_log_failure(l, reason);
            if (t->unsaved != NULL && t->keep != NN_KEEP_NONE) nn_save(t, false, false);
            break;
        }
        if (t->at.batch == l->batches && reason == NN_GOING && t->at.epoch + 1 == l->total_epochs)
            reason = NN_END_OF_EPOCHS;
        if (t->at.batch == l->batches && reason == NN_GOING && t->at.step == l->total_steps)
            reason = NN_END_OF_STEPS;
        reason = nn_epoch_end(l, reason);
    }
    return reason;
}
