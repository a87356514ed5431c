// What happens when an epoch ends, or the run: metrics, held-out parts, counters of plateaus, best weights,
// the stop rule, the log, checkpoints. In that order, as the language's section Clock has it. Guarantees:
// what nobody reads is not computed; a run that ends inside an epoch leaves a checkpoint from which a longer
// run goes on as if it had not ended there.
#include "train/loop.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const double CHECKPOINT_AFTER = 10; // seconds since the last one

static const char *const part_names[NN_PARTS] = {"", "test.", "validation."};

// ---- lines of the log ----

static void put_number(nn_text *line, const char *name, double value) {
    nn_values one = {&value, 1};
    nn_text_format(line, ", \"%s\": ", name);
    nn_text_values(line, &one, false);
}

static void begin_line(nn_loop *l, const char *event, int64_t epoch, double loss, double rows_per_s) {
    const int32_t *rates = NN_TABLE(&l->t->model, int32_t, rates);
    nn_text_clear(&l->line);
    nn_text_format(&l->line, "{\"event\": \"%s\"", event);
    if (l->t->fold >= 0) nn_text_format(&l->line, ", \"fold\": %d", l->t->fold);
    nn_text_format(&l->line, ", \"step\": %lld, \"epoch\": %lld", (long long)l->t->at.step, (long long)epoch);
    put_number(&l->line, "loss", loss);
    for (uint32_t k = 0; k < l->manifest->rates_count; k++) {
        char name[32];
        snprintf(name, sizeof name, k == 0 ? "lr" : "lr_%u", k + 1);
        put_number(&l->line, name, nn_scalar_get(&l->t->model, rates[k]));
    }
    put_number(&l->line, "samples_per_s", rows_per_s);
    put_number(&l->line, "time_s", nn_loop_time(l));
}

static void put_metrics(const nn_loop *l, nn_text *line, bool arrays) {
    const nn_metric *metrics = NN_TABLE(&l->t->model, nn_metric, metrics);
    for (int p = 0; p < NN_PARTS; p++) {
        for (uint32_t k = 0; k < l->manifest->metrics_count && l->t->measured[p]; k++) {
            if (p == NN_TRAIN && !metrics[k].in_training) continue;
            const nn_tensor *of = nn_model_tensor(&l->t->model, metrics[k].tensor);
            if (!arrays && of != NULL && of->rank > 0) continue;
            nn_text_format(line, ", \"%s%s\": ", part_names[p], nn_model_text(&l->t->model, metrics[k].name));
            nn_text_values(line, &l->t->values[p][k], of != NULL && of->rank > 0);
        }
    }
}

// ---- the best epoch ----

double nn_best_value(const nn_trainer *t, const char *part, const char *name) {
    char wanted[256], key[256];
    double value = NAN;
    nn_json j = {.at = t->best.bytes, .end = t->best.bytes + t->best.length};
    snprintf(wanted, sizeof wanted, "%s%s", part, name);
    while (nn_json_string(&j, key, sizeof key, NULL) && nn_json_take(&j, ':')) {
        const char *begin = j.at + strspn(j.at, " ");
        if (!nn_json_skip(&j, 0)) break;
        if (nn_same(key, wanted)) nn_number_parse(begin, (uint64_t)(j.at - begin), &value);
        if (!nn_json_take(&j, ',')) break;
    }
    return value;
}

// Takes the values of this moment, if they are the best so far: where no rule says so, by the loss of a
// held-out part, or of the steps.
static void weigh(nn_loop *l, bool is_best) {
    nn_trainer *t = l->t;
    const nn_metric *metrics = NN_TABLE(&t->model, nn_metric, metrics);
    int part = t->measured[NN_VALIDATION] ? NN_VALIDATION : t->measured[NN_TEST] ? NN_TEST : NN_TRAIN;
    const char *name = part == NN_TRAIN ? "loss" : nn_model_text(&t->model, metrics[0].name);
    double now = part == NN_TRAIN ? l->epoch_loss : t->values[part][0].values[0],
           before = nn_best_value(t, part_names[part], name);
    l->best = l->manifest->best >= 0 ? is_best : isfinite(now) && !(now >= before);
    if (!l->best || t->at.loss_count == 0) return;
    nn_text_clear(&t->best);
    nn_text_format(&t->best, "\"epoch\": %lld, \"step\": %lld", (long long)t->at.epoch,
                   (long long)t->at.step);
    put_number(&t->best, "loss", l->epoch_loss);
    put_metrics(l, &t->best, false);
}

void nn_tell_length(nn_loop *l) {
    const uint32_t *lengths = NN_TABLE(&l->t->model, uint32_t, lengths);
    const int32_t *rates = NN_TABLE(&l->t->model, int32_t, rates);
    bool steps = l->clock[NN_CLOCK_STEPS] != NULL;
    nn_text_clear(&l->line);
    nn_text_format(&l->line, "the run has %lld %s now, it had %.0f; on its length depends:",
                   (long long)(steps ? l->total_steps : l->total_epochs), steps ? "steps" : "epochs",
                   l->length_before);
    for (uint32_t k = 0; k < l->manifest->lengths_count; k++)
        nn_text_format(&l->line, "%s %s", k == 0 ? "" : ",", nn_model_text(&l->t->model, lengths[k]));
    for (uint32_t k = 0; k < l->manifest->rates_count; k++) {
        nn_text_format(&l->line, k == 0 ? "; lr was " : "; lr_%u was ", k + 1);
        nn_text_number(&l->line, l->rates_before[k], false);
        nn_text_add(&l->line, ", is ");
        nn_text_number(&l->line, nn_scalar_get(&l->t->model, rates[k]), false);
    }
    nn_progress_clear(&l->progress);
    nn_message("note", l->line.bytes);
    l->rates_before = NULL;
}

void nn_log_step(nn_loop *l, int64_t rows) {
    double now = nn_now(), seconds = now - l->step_started;
    // The epoch of a step is the number of finished ones, this step's own included if it was the last.
    int64_t epoch = l->t->at.epoch + (l->t->at.batch == l->batches);
    begin_line(l, "step", epoch, l->step_loss, seconds > 0 ? (double)rows / seconds : (double)NAN);
    if (l->manifest->gradient_norm >= 0)
        put_number(&l->line, "gradient_norm", nn_scalar_get(&l->t->model, l->manifest->gradient_norm));
    nn_text_add(&l->line, "}\n");
    nn_log_line(&l->full, &l->line, true);
    l->step_started = now;
}

static void log_event(nn_loop *l, const char *event, const char *reason, bool in_summary) {
    double seconds = nn_now() - l->epoch_started;
    begin_line(l, event, l->t->at.epoch, l->epoch_loss,
               seconds > 0 ? nn_loop_rows(l) / seconds : (double)NAN);
    if (l->manifest->gradient_norm >= 0) put_number(&l->line, "gradient_norm", l->gradient_norm);
    put_metrics(l, &l->line, true);
    if (reason != NULL) nn_text_format(&l->line, ", \"reason\": \"%s\"", reason);
    if (reason == NULL && l->best) nn_text_add(&l->line, ", \"best\": true");
    if (reason != NULL && l->t->best.length > 0)
        nn_text_format(&l->line, ", \"best\": {%s}", l->t->best.bytes);
    nn_text_add(&l->line, "}\n");
    // A run that goes on after its end goes on in the log before the line of that end.
    if (in_summary) nn_log_line(&l->summary, &l->line, reason == NULL);
    nn_log_line(&l->full, &l->line, reason == NULL);
}

static const char *reason_text(nn_reason reason) {
    static const char *const texts[] = {"", "epochs", "steps", "stop", "signal", "not finite", "error"};
    return texts[reason];
}

// Nothing is measured that could hide what went wrong.
void nn_log_failure(nn_loop *l, nn_reason reason) {
    for (int p = 0; p < NN_PARTS; p++) l->t->measured[p] = false;
    l->epoch_loss = l->t->at.loss_count > 0 ? l->t->at.loss_sum / (double)l->t->at.loss_count : (double)NAN;
    l->gradient_norm = l->norm == NULL ? (double)NAN : *l->norm;
    log_event(l, "end", reason_text(reason), true);
}

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
        nn_log_publish(&l->full) != NN_OK)
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
    bool in_training = false;
    const nn_metric *metrics = NN_TABLE(&t->model, nn_metric, metrics);
    for (uint32_t k = 0; k < l->manifest->metrics_count; k++)
        in_training = in_training || metrics[k].in_training;
    if (in_training && t->at.loss_count > 0) nn_metrics_take(t, NN_STEP, NN_TRAIN, nn_second_mark(t));
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
    if (logged || *reason != NN_GOING || is_best) weigh(l, is_best); // whoever else reads this epoch
    return is_best;
}

static void start_next(nn_loop *l) {
    nn_trainer *t = l->t;
    t->at.batch = 0;
    t->at.loss_sum = 0;
    t->at.loss_count = 0;
    nn_totals_restart(t);
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
    log_event(l, "end", reason_text(reason), true);
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
    t->at.epoch++;
    nn_story_loss(l);
    bool logged = t->at.epoch == l->next_logged, shown = t->at.epoch == l->next_shown && !l->progress.quiet;
    bool read = logged || shown || l->full.file >= 0 || reason != NN_GOING || l->manifest->best >= 0 ||
                nn_model_has(&t->model, NN_EPOCH) || nn_model_has(&t->model, NN_STOP);
    bool is_best = read && judge(l, &reason, logged);
    if (logged || l->full.file >= 0) log_event(l, "epoch", NULL, logged);
    if (shown || reason != NN_GOING) nn_progress_epoch(l, shown || reason != NN_GOING);
    if (reason != NN_GOING) log_event(l, "end", reason_text(reason), true);
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
