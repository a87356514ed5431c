// The command `train`: options, data, a new run or a resumed one, the loop, and each fold of a split into
// folds.
#include "train/loop.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

// A checkpoint may be anybody's: what it names is only read and gone on with if it is an ordinary file.
static nn_status take_path(nn_trainer *t, nn_option k, const char *path) {
    if (nn_file_is_regular(path) || (k == NN_OPTION_DATA && nn_file_is_directory(path))) return NN_OK;
    return nn_fail(
        t->ctx, NN_USAGE, "--resume: the checkpoint's run has %s %s, and here is no %s of that name: say %s",
        nn_option_name(k), path, k == NN_OPTION_DATA ? "file or directory" : "file", nn_option_name(k));
}

// What a resumed run does not say again is the checkpoint's.
static nn_status merge_options(nn_trainer *t, const nn_resumed *r, nn_options *o) {
    bool own_length = o->value[NN_OPTION_EPOCHS] != NULL || o->value[NN_OPTION_STEPS] != NULL;
    for (int k = 0; k < NN_OPTIONS; k++) {
        int kept = nn_option_kept((nn_option)k);
        bool length = k == NN_OPTION_EPOCHS || k == NN_OPTION_STEPS,
             path = k == NN_OPTION_DATA || k == NN_OPTION_LOG;
        if (kept == 0 || r->value[k] == NULL || (length && own_length)) continue;
        int64_t given = 0, had = 0;
        if (o->value[k] == NULL) {
            if (path && take_path(t, (nn_option)k, r->value[k]) != NN_OK) return t->ctx->status;
            o->value[k] = r->value[k];
        } else if (kept == 1 && nn_option_whole(t->ctx, o, (nn_option)k, 0, &given) == NN_OK &&
                   nn_integer_parse(r->value[k], strlen(r->value[k]), &had) && given != had)
            return nn_fail(
                t->ctx, NN_USAGE,
                "--resume: the checkpoint's run has %s %s, and %s was given: a resumed run keeps it",
                nn_option_name((nn_option)k), r->value[k], o->value[k]);
    }
    return t->ctx->status;
}

// Seed and batch in force, written out, so that a checkpoint holds them.
static nn_status numbers_in_force(nn_trainer *t, nn_options *o) {
    const nn_manifest *mf = t->model.manifest;
    int64_t seed = mf->seed, batch = mf->batch;
    char *texts = nn_get(t->ctx, 2, 32);
    if (texts == NULL || nn_option_whole(t->ctx, o, NN_OPTION_SEED, 0, &seed) != NN_OK ||
        nn_option_whole(t->ctx, o, NN_OPTION_BATCH, 1, &batch) != NN_OK)
        return t->ctx->status;
    if (batch > mf->batch)
        return nn_fail(t->ctx, NN_USAGE,
                       "--batch %lld: the program was compiled for batches of at most %d rows",
                       (long long)batch, mf->batch);
    t->seed = (uint64_t)seed;
    t->batch = batch;
    snprintf(texts, 32, "%lld", (long long)seed);
    snprintf(texts + 32, 32, "%lld", (long long)batch);
    o->value[NN_OPTION_SEED] = texts;
    o->value[NN_OPTION_BATCH] = texts + 32;
    return NN_OK;
}

static int64_t ceiling(int64_t a, int64_t b) { return a / b + (a % b != 0); }

static nn_status take_batches(nn_loop *l) {
    const nn_trainer *t = l->t;
    const char *layer = nn_model_text(&t->model, l->manifest->statistic);
    int64_t rows = l->row_count = t->data.parts[NN_TRAIN].count;
    l->of = nn_batches_training(t);
    l->batches = l->of.count;
    l->epoch_rows = nn_batch_first(&l->of, l->batches);
    if (l->batches == 0)
        return nn_fail(
            l->ctx, NN_DATA,
            "the training part has %lld rows, and `drop_last` leaves out batches of fewer than %lld: "
            "nothing is left",
            (long long)rows, (long long)t->batch);
    if (*layer == '\0' || (l->of.full < l->batches ? l->of.rest : l->of.size) > 1) return NN_OK;
    nn_text text;
    nn_text_begin(&text, l->ctx);
    nn_text_format(&text,
                   "the last batch of an epoch is one row (of %lld, --batch %lld), and %s takes a statistic "
                   "over the rows: %sanother batch size leaves it more",
                   (long long)rows, (long long)t->batch, layer,
                   t->batch > 1 ? "`drop_last = true` leaves that batch out, " : "");
    nn_message("warning", text.bytes);
    nn_text_end(&text);
    return l->ctx->status;
}

// The checkpoint's, before an update makes others.
static nn_status take_rates(nn_loop *l) {
    const int32_t *rates = NN_TABLE(&l->t->model, int32_t, rates);
    l->rates_before = nn_get(l->ctx, l->manifest->rates_count + 1ull, sizeof *l->rates_before);
    for (uint32_t k = 0; k < l->manifest->rates_count && l->rates_before != NULL; k++)
        l->rates_before[k] = nn_scalar_get(&l->t->model, rates[k]);
    return l->ctx->status;
}

// How long the run is, once the data are known.
static nn_status take_length(nn_loop *l) {
    nn_trainer *t = l->t;
    int64_t epochs = l->manifest->epochs, steps = l->manifest->steps;
    const nn_options *o = t->options;
    if (o->value[NN_OPTION_EPOCHS] != NULL || o->value[NN_OPTION_STEPS] != NULL) epochs = steps = -1;
    if (nn_option_whole(l->ctx, o, NN_OPTION_EPOCHS, 0, &epochs) != NN_OK ||
        nn_option_whole(l->ctx, o, NN_OPTION_STEPS, 0, &steps) != NN_OK)
        return l->ctx->status;
    if (take_batches(l) != NN_OK) return l->ctx->status;
    l->accumulate = l->manifest->accumulate > 1 ? l->manifest->accumulate : 1;
    l->updates = ceiling(l->batches, l->accumulate);
    int64_t by_epochs = -1;
    if (epochs >= 0 && __builtin_mul_overflow(epochs, l->updates, &by_epochs))
        return nn_fail(l->ctx, NN_USAGE, "--epochs %lld: too many", (long long)epochs);
    bool steps_first = steps >= 0 && (by_epochs < 0 || steps < by_epochs);
    l->total_steps = steps_first ? steps : by_epochs;
    l->total_epochs = steps_first ? ceiling(steps, l->updates) : epochs;
    const int32_t *clock = l->manifest->clock, lengths[] = {NN_CLOCK_EPOCHS, NN_CLOCK_STEPS};
    const double now[] = {(double)l->total_epochs, (double)l->total_steps};
    for (int k = 0; k < 2; k++) {
        double before = nn_scalar_get(&t->model, clock[lengths[k]]);
        if (t->at.step > 0 && before != now[k] && !isnan(before) && take_rates(l) == NN_OK)
            l->length_before = before;
        nn_scalar_put(&t->model, clock[lengths[k]], now[k]);
    }
    nn_scalar_put(&t->model, clock[NN_CLOCK_EPOCH_LENGTH], (double)l->updates);
    return NN_OK;
}

// Where a checkpoint stands, every count follows from the epoch and the batch.
static bool is_possible(const nn_loop *l) {
    const nn_position *at = &l->t->at;
    int64_t updates = ceiling(at->batch, l->accumulate);
    return at->batch <= l->batches && at->batch_number == (__int128)at->epoch * l->batches + at->batch &&
           at->step == (__int128)at->epoch * l->updates + updates && at->loss_count == updates &&
           at->has_weights <= 1 && at->ended <= 1 && isfinite(at->elapsed) && at->elapsed >= 0;
}

static nn_status prepare_loop(nn_loop *l) {
    nn_trainer *t = l->t;
    if (take_length(l) != NN_OK) return l->ctx->status;
    if (!is_possible(l))
        return nn_fail(l->ctx, NN_DATA, "--resume: the checkpoint is damaged: its counts do not agree");
    const nn_tensor *rowmap = nn_model_tensor(&t->model, l->manifest->rowmap);
    if (rowmap != NULL && rowmap->inner == 0 && rowmap->panel == 0 && rowmap->twin < 0)
        l->rowmap = (int32_t *)(void *)(t->model.arena + rowmap->offset + rowmap->zero * 4);
    l->rows = t->data.parts[NN_TRAIN].rows;
    if ((l->manifest->shuffle || l->manifest->data.balance >= 0) && !l->of.stream) {
        // Of one batch: where the step looks for it.
        bool one = l->rowmap != NULL && l->row_count <= t->batch;
        l->order = one ? l->rowmap : nn_get(l->ctx, (uint64_t)l->row_count, sizeof *l->order);
        l->rows = l->order;
        if (l->order == NULL) return l->ctx->status;
    }
    for (int k = 0; k < NN_CLOCKS; k++) l->clock[k] = nn_scalar_at(&t->model, l->manifest->clock[k]);
    l->loss = nn_scalar_at(&t->model, l->accumulate > 1 ? l->manifest->update_loss : l->manifest->loss);
    const nn_tensor *norm = nn_model_tensor(&t->model, l->manifest->gradient_norm);
    l->norm = norm != NULL && nn_tensor_element_size(&t->model, norm) == 8
                  ? nn_scalar_at(&t->model, l->manifest->gradient_norm)
                  : NULL;
    const nn_metric *metrics = NN_TABLE(&t->model, nn_metric, metrics);
    for (uint32_t k = 0; k < l->manifest->metrics_count; k++)
        l->in_training = l->in_training || metrics[k].in_training;
    if (nn_option_whole(l->ctx, t->options, NN_OPTION_CHECKPOINT, 1, &l->checkpoint_every) != NN_OK)
        return l->ctx->status;
    if (l->checkpoint_every > 0)
        l->next_checkpoint = (t->at.step / l->checkpoint_every + 1) * l->checkpoint_every;
    t->call.seed = t->seed;
    l->started = l->checkpointed = nn_now();
    return NN_OK;
}

static nn_status open_logs(nn_loop *l, bool resumed) {
    nn_trainer *t = l->t;
    const char *full = t->options->value[NN_OPTION_LOG];
    const nn_log_mark *marks = t->at.logs;
    if (nn_log_open(&l->summary, l->ctx, t->files->of[NN_FILE_LOG], t->fold, resumed ? &marks[0] : NULL,
                    true) != NN_OK)
        return l->ctx->status;
    l->full.settled = t->settled;
    nn_text_begin(&l->full.columns, l->ctx);
    nn_log_columns(l, &l->full.columns);
    if (full != NULL &&
        nn_log_open(&l->full, l->ctx, full, t->fold, resumed ? &marks[1] : NULL, false) != NN_OK)
        return l->ctx->status;
    nn_log_start(l);
    if (nn_events_open(l, resumed) != NN_OK || nn_moments_begin(l) != NN_OK) return l->ctx->status;
    l->every_epoch = l->full.file >= 0 || l->manifest->best >= 0 || nn_model_has(&t->model, NN_EPOCH) ||
                     nn_model_has(&t->model, NN_STOP);
    l->every_step = l->full.file >= 0 || l->checkpoint_every > 0 || l->manifest->stop_each_step;
    return NN_OK;
}

// start = weights(file, of = [layers]).
static nn_status take_start(nn_trainer *t) {
    const nn_manifest *mf = t->model.manifest;
    const char *file = nn_model_text(&t->model, mf->start_file);
    char path[NN_PATH_ROOM];
    unsigned char *bytes;
    uint64_t size;
    nn_data_request request = nn_trainer_request(t);
    request.path = request.path != NULL && nn_file_is_directory(request.path) ? request.path : NULL;
    if (*file == '\0') return NN_OK;
    if (nn_data_path(t->ctx, &t->model, &request, file, path) != NN_OK ||
        nn_file_read(t->ctx, path, &bytes, &size) != NN_OK)
        return t->ctx->status;
    const uint32_t *names = NN_TABLE(&t->model, uint32_t, start_names);
    const char **prefixes = nn_get(t->ctx, mf->start_names_count, sizeof *prefixes);
    for (uint32_t k = 0; k < mf->start_names_count && prefixes != NULL; k++)
        prefixes[k] = nn_model_text(&t->model, names[k]);
    nn_archive a = {.model = &t->model,
                    .path = path,
                    .contents = NN_WEIGHTS,
                    .partial = true,
                    .prefixes = mf->start_names_count > 0 ? prefixes : NULL,
                    .prefix_count = (int32_t)mf->start_names_count};
    if (prefixes != NULL) nn_store_load(t->ctx, a, bytes, size, true);
    nn_drop(t->ctx, bytes);
    return t->ctx->status;
}

// A part that the rules of the run read has rows; another one that has none is told.
static nn_status check_parts(nn_trainer *t) {
    const nn_metric *metrics = NN_TABLE(&t->model, nn_metric, metrics);
    const nn_data *plan = &t->model.manifest->data;
    for (int p = NN_TEST; p < NN_PARTS; p++) {
        if (!nn_part_declared(plan, p) || t->data.parts[p].count > 0) continue;
        bool read = false;
        for (uint32_t k = 0; k < t->model.manifest->metrics_count; k++)
            read = read || metrics[k].clock[p] >= 0;
        nn_part_empty(t->ctx, plan, &t->data, p, read ? ", and a rule of the run reads it" : "");
        if (read) return t->ctx->status;
        nn_message("warning", t->ctx->message);
        nn_forget(t->ctx);
    }
    return NN_OK;
}

static nn_status set_up(nn_loop *l, nn_options *o, nn_resumed *r) {
    nn_trainer *t = l->t;
    bool resume = o->value[NN_OPTION_RESUME] != NULL;
    if (nn_settle(t) != NN_OK) return l->ctx->status;
    if (resume && nn_checkpoint_find(t, r) != NN_OK) return l->ctx->status;
    if (resume && r->bytes == NULL)
        nn_message("note", "there is no checkpoint to resume: starting from the beginning");
    if (r->bytes != NULL && merge_options(t, r, o) != NN_OK) return l->ctx->status;
    if (numbers_in_force(t, o) != NN_OK || nn_trainer_initial(t) != NN_OK) return l->ctx->status;
    nn_data_request request = nn_trainer_request(t);
    request.measure = r->bytes == NULL;
    request.message = nn_message;
    if (r->bytes != NULL && nn_checkpoint_state(t, r) != NN_OK) return l->ctx->status;
    if (nn_trainer_load(t, &request) != NN_OK || check_parts(t) != NN_OK || take_start(t) != NN_OK ||
        nn_check_outputs(t) != NN_OK)
        return l->ctx->status;
    if (r->bytes != NULL && nn_checkpoint_apply(t, r) != NN_OK) return l->ctx->status;
    if (nn_settings_apply(t, r->bytes != NULL) != NN_OK) return l->ctx->status;
    if (nn_finite_begin(t) != NN_OK) return l->ctx->status;
    return prepare_loop(l);
}

// A resumed run whose end has been logged and saved, and that was not given more to do.
static bool nothing_left(nn_loop *l) {
    if (!l->t->at.ended ||
        (!nn_loop_finished(l) && !(nn_model_has(&l->t->model, NN_STOP) && nn_stop_asked(l))))
        return false;
    char text[160];
    snprintf(text, sizeof text, "the run has ended, at step %lld (epoch %lld): nothing is left to do%s",
             (long long)l->t->at.step, (long long)l->t->at.epoch,
             nn_loop_finished(l) ? "; --epochs or --steps make it longer" : "");
    nn_message("note", text);
    nn_epoch_measure(l);
    return true;
}

static int run_loop(nn_loop *l, const nn_options *o) {
    if (nn_signals_begin(l->ctx, &l->signals) != NN_OK) return (int)l->ctx->status;
    nn_progress_begin(&l->progress, o->value[NN_OPTION_QUIET] != NULL);
    nn_story_begin(l);
    if (l->t->at.step == 0) nn_story_data(l);
    nn_reason reason = nn_loop_run(l);
    nn_progress_clear(&l->progress);
    nn_story_end(l, reason);
    if (reason == NN_END_NOT_FINITE && l->ctx->status == NN_OK) nn_story_not_finite(l);
    int number = nn_signals_end(&l->signals);
    return reason == NN_END_BY_SIGNAL ? 128 + number : NN_OK;
}

// One run. Returns the exit code.
static int train(nn_context *ctx, const nn_model *m, nn_options *o, int32_t fold, nn_values **values) {
    nn_trainer t;
    nn_loop l = {.t = &t,
                 .ctx = ctx,
                 .manifest = m->manifest,
                 .summary = {.file = -1},
                 .full = {.file = -1},
                 .events = {.file = -1},
                 .one_of_many = fold >= 0};
    nn_resumed r = {0};
    int lock = -1, code = NN_OK;
    char number[16];
    snprintf(number, sizeof number, "%d", fold);
    if (fold >= 0) o->value[NN_OPTION_FOLD] = number;
    nn_text_begin(&l.line, ctx);
    if (nn_trainer_open(&t, ctx, m, o) == NN_OK && nn_file_directory(ctx, t.out) == NN_OK &&
        nn_lock(&t, &lock) == NN_OK && set_up(&l, o, &r) == NN_OK) {
        if (r.previous) nn_message("note", "resuming from checkpoint.previous.safetensors");
        if (!nothing_left(&l) && open_logs(&l, r.bytes != NULL) == NN_OK) code = run_loop(&l, o);
        *values = t.values[NN_TEST];
    }
    nn_log_close(&l.summary);
    nn_log_close(&l.full);
    nn_events_close(&l);
    if (l.full.fresh[0] != '\0' && l.full.mark.size > 0)
        nn_message("note: nothing was saved; the log is", l.full.fresh);
    if (ctx->status == NN_OK && code == NN_OK && o->value[NN_OPTION_REPORT] != NULL) {
        t.at = (nn_position){0}; // the weights are the file's
        nn_command_report(&t);
    }
    nn_trainer_close(&t);
    if (lock >= 0) nn_system_close(lock);
    return ctx->status != NN_OK ? (int)ctx->status : code;
}

// Every fold in turn; at the end mean and deviation of each metric over them.
static int train_folds(nn_context *ctx, const nn_model *m, const nn_options *o) {
    const nn_manifest *mf = m->manifest;
    const nn_metric *metrics = NN_TABLE(m, nn_metric, metrics);
    double *sums = nn_get(ctx, mf->metrics_count * 2ull, sizeof *sums);
    double *all = nn_get(ctx, (uint64_t)mf->metrics_count * (uint64_t)mf->data.folds, sizeof *all);
    if (sums == NULL || all == NULL) return (int)ctx->status;
    for (int32_t fold = 0; fold < mf->data.folds; fold++) {
        nn_options own = *o;
        nn_values *values = NULL;
        char text[64];
        snprintf(text, sizeof text, "fold %d of %d", fold, mf->data.folds);
        if (o->value[NN_OPTION_QUIET] == NULL) nn_message("note", text);
        int code = train(ctx, m, &own, fold, &values);
        if (code != NN_OK) return code;
        for (uint32_t k = 0; k < mf->metrics_count && values != NULL; k++)
            all[(uint32_t)fold * mf->metrics_count + k] = values[k].values[0];
    }
    nn_text out;
    nn_text_begin(&out, ctx);
    for (uint32_t k = 0; k < mf->metrics_count; k++) {
        const nn_tensor *of = nn_model_tensor(m, metrics[k].tensor);
        if (of == NULL || of->rank > 0) continue;
        double mean = 0, square = 0;
        for (int32_t f = 0; f < mf->data.folds; f++)
            mean += all[(uint32_t)f * mf->metrics_count + k] / mf->data.folds;
        for (int32_t f = 0; f < mf->data.folds; f++)
            square += (all[(uint32_t)f * mf->metrics_count + k] - mean) *
                      (all[(uint32_t)f * mf->metrics_count + k] - mean);
        nn_text_format(&out, "test.%s: mean %.6g, deviation %.6g over %d folds\n",
                       nn_model_text(m, metrics[k].name), mean, sqrt(square / mf->data.folds),
                       mf->data.folds);
    }
    return (int)nn_print(ctx, &out);
}

int nn_command_train(nn_context *ctx, const nn_model *m, const nn_options *o) {
    nn_options own = *o;
    nn_values *values = NULL;
    if (m->manifest->data.split == NN_SPLIT_FOLDS && o->value[NN_OPTION_FOLD] == NULL)
        return train_folds(ctx, m, o);
    return train(ctx, m, &own, -1, &values);
}
