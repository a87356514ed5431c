// The lines of a run's log, as JSON, and which epoch is the best so far. Guarantees: what is written does not
// depend on who else reads an epoch (a terminal, a rule); a resumed run's log is that of the uninterrupted
// one, but for times.
#include "train/loop.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const char *const nn_part_prefixes[NN_PARTS] = {"", "test.", "validation."};

bool nn_metric_single(const nn_trainer *t, int part, uint32_t metric) {
    const nn_metric *of = &NN_TABLE(&t->model, nn_metric, metrics)[metric];
    const nn_tensor *tensor = nn_model_tensor(&t->model, of->tensor);
    bool there = part == NN_TRAIN ? of->in_training : t->data.parts[part].count > 0;
    return there && (tensor == NULL || tensor->rank == 0);
}

// ---- lines of the log ----

void nn_line_number(nn_text *line, const char *name, double value) {
    nn_values one = {&value, 1};
    nn_text_format(line, ", \"%s\": ", name);
    nn_text_values(line, &one, false);
}

void nn_line_begin(nn_loop *l, const char *event, int64_t epoch) {
    nn_text_clear(&l->line);
    nn_text_format(&l->line, "{\"event\": \"%s\"", event);
    if (l->t->fold >= 0) nn_text_format(&l->line, ", \"fold\": %d", l->t->fold);
    nn_text_format(&l->line, ", \"step\": %lld, \"epoch\": %lld", (long long)l->t->at.step, (long long)epoch);
}

static void begin_line(nn_loop *l, const char *event, int64_t epoch, double loss, double rows,
                       double seconds) {
    const int32_t *rates = NN_TABLE(&l->t->model, int32_t, rates);
    nn_line_begin(l, event, epoch);
    nn_line_number(&l->line, "loss", loss);
    for (uint32_t k = 0; k < l->manifest->rates_count; k++) {
        char name[32];
        snprintf(name, sizeof name, k == 0 ? "lr" : "lr_%u", k + 1);
        nn_line_number(&l->line, name, nn_scalar_get(&l->t->model, rates[k]));
    }
    nn_line_number(&l->line, "samples_per_s", seconds > 0 ? rows / seconds : (double)NAN);
    nn_line_number(&l->line, "time_s", nn_loop_time(l));
}

static void put_metrics(const nn_loop *l, nn_text *line, bool arrays) {
    const nn_metric *metrics = NN_TABLE(&l->t->model, nn_metric, metrics);
    for (int p = 0; p < NN_PARTS; p++) {
        for (uint32_t k = 0; k < l->manifest->metrics_count && l->t->measured[p]; k++) {
            if (p == NN_TRAIN && !metrics[k].in_training) continue;
            const nn_tensor *of = nn_model_tensor(&l->t->model, metrics[k].tensor);
            if (!arrays && of != NULL && of->rank > 0) continue;
            nn_text_format(line, ", \"%s%s\": ", nn_part_prefixes[p],
                           nn_model_text(&l->t->model, metrics[k].name));
            nn_text_values(line, &l->t->values[p][k], of != NULL && of->rank > 0);
        }
    }
}

// ---- the best epoch ----

double nn_best_value(const nn_trainer *t, const char *name) {
    return nn_json_number((nn_json){.at = t->best.bytes, .end = t->best.bytes + t->best.length}, name);
}

// Takes the values of this moment, if they are the best so far: where no rule says so, by the loss of a
// held-out part, or of the steps.
void nn_weigh(nn_loop *l, bool is_best) {
    nn_trainer *t = l->t;
    const nn_metric *metrics = NN_TABLE(&t->model, nn_metric, metrics);
    int part = nn_judged_part(t);
    char name[256];
    snprintf(name, sizeof name, "%s%s", nn_part_prefixes[part], nn_model_text(&t->model, metrics[0].name));
    double now = part == NN_TRAIN ? l->epoch_loss : t->values[part][0].values[0],
           before = nn_best_value(t, part == NN_TRAIN ? "loss" : name);
    l->best = l->manifest->best >= 0 ? is_best : isfinite(now) && !(now >= before);
    if (!l->best || t->at.loss_count == 0) return;
    nn_text_clear(&t->best);
    nn_text_format(&t->best, "{\"epoch\": %lld, \"step\": %lld", (long long)t->at.epoch,
                   (long long)t->at.step);
    nn_line_number(&t->best, "loss", l->epoch_loss);
    put_metrics(l, &t->best, false);
    nn_text_add(&t->best, "}");
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
    begin_line(l, "step", epoch, l->step_loss, (double)rows, seconds);
    if (l->manifest->gradient_norm >= 0)
        nn_line_number(&l->line, "gradient_norm", nn_scalar_get(&l->t->model, l->manifest->gradient_norm));
    nn_text_add(&l->line, "}\n");
    nn_log_line(&l->full, &l->line, true);
    l->step_started = now;
}

void nn_log_event(nn_loop *l, const char *event, nn_reason reason, bool in_summary) {
    static const char reasons[][11] = {"", "epochs", "steps", "stop", "signal", "not finite", "error"};
    double seconds = nn_now() - l->epoch_started;
    if (reason != NN_GOING) nn_moment_end(l);
    begin_line(l, event, l->t->at.epoch, l->epoch_loss, nn_loop_rows(l), seconds);
    if (l->manifest->gradient_norm >= 0) nn_line_number(&l->line, "gradient_norm", l->gradient_norm);
    put_metrics(l, &l->line, true);
    if (reason != NN_GOING) nn_text_format(&l->line, ", \"reason\": \"%s\"", reasons[reason]);
    if (reason == NN_GOING && l->best) nn_text_add(&l->line, ", \"best\": true");
    if (reason != NN_GOING && l->t->best.length > 0)
        nn_text_format(&l->line, ", \"best\": %s", l->t->best.bytes);
    nn_text_add(&l->line, "}\n");
    // A run that goes on after its end goes on in the log before the line of that end.
    if (in_summary) nn_log_line(&l->summary, &l->line, reason == NN_GOING);
    if (in_summary) nn_events_epoch(l);
    nn_log_line(&l->full, &l->line, reason == NN_GOING);
}

// Nothing is measured that could hide what went wrong.
void nn_log_failure(nn_loop *l, nn_reason reason) {
    for (int p = 0; p < NN_PARTS; p++) l->t->measured[p] = false;
    l->epoch_loss = l->t->at.loss_count > 0 ? l->t->at.loss_sum / (double)l->t->at.loss_count : (double)NAN;
    l->gradient_norm = l->norm == NULL ? (double)NAN : *l->norm;
    nn_log_event(l, "end", reason, true);
}

// ---- the beginning ----

static void put_text(nn_text *line, const char *name, const char *value) {
    nn_text_format(line, ", \"%s\": ", name);
    nn_text_json(line, value, strlen(value));
}

// What was said on the command line and changes numbers; other things of it have names of their own.
static void put_options(const nn_trainer *t, nn_text *line) {
    static const nn_option said[] = {NN_OPTION_EPOCHS, NN_OPTION_STEPS, NN_OPTION_LR, NN_OPTION_DATA};
    const nn_setting *settings = NN_TABLE(&t->model, nn_setting, settings);
    const char *between = "";
    nn_text_add(line, ", \"options\": {");
    for (size_t k = 0; k < sizeof said / sizeof *said; k++) {
        const char *value = t->options->value[said[k]];
        if (value == NULL) continue;
        nn_text_format(line, "%s\"%s\": ", between, nn_option_name(said[k]) + 2);
        nn_text_json(line, value, strlen(value));
        between = ", ";
    }
    nn_text_add(line, "}, \"settings\": {");
    for (uint32_t k = 0; k < t->model.manifest->settings_count; k++) {
        nn_text_format(line, "%s\"%s\": ", k == 0 ? "" : ", ", nn_model_text(&t->model, settings[k].name));
        nn_text_number(line, nn_scalar_get(&t->model, settings[k].tensor), true);
    }
    nn_text_add(line, "}");
}

// Once in each log, before all else.
static void put_start(nn_loop *l, nn_log *log) {
    const nn_trainer *t = l->t;
    const nn_manifest *mf = l->manifest;
    nn_text *line = &l->line;
    if (log->file < 0 || log->mark.size > 0) return;
    nn_line_begin(l, "start", t->at.epoch);
    const struct {
        const char *name;
        uint32_t text;
    } texts[] = {{"program", mf->name},     {"model", mf->model},      {"digest", mf->digest},
                 {"nnc", mf->version_text}, {"compiled", mf->options}, {"cpu", mf->cpu},
                 {"features", mf->features}};
    for (size_t k = 0; k < sizeof texts / sizeof *texts; k++)
        put_text(line, texts[k].name, nn_model_text(&t->model, texts[k].text));
    put_text(line, "keeps", mf->best >= 0 ? "best" : "last");
    const struct {
        const char *name;
        int64_t value;
    } numbers[] = {{"params", mf->params},
                   {"memory", mf->arena},
                   {"flops", mf->flops},
                   {"seed", (int64_t)t->seed},
                   {"batch", t->batch},
                   {"epochs", l->total_epochs},
                   {"steps", l->total_steps},
                   {"threads", nn_trainer_threads(t)},
                   {"cores", nn_pool_cores()},
                   {"train_rows", t->data.parts[NN_TRAIN].count},
                   {"test_rows", t->data.parts[NN_TEST].count},
                   {"validation_rows", t->data.parts[NN_VALIDATION].count}};
    for (size_t k = 0; k < sizeof numbers / sizeof *numbers; k++)
        nn_text_format(line, numbers[k].value < 0 ? ", \"%s\": null" : ", \"%s\": %lld", numbers[k].name,
                       (long long)numbers[k].value);
    put_options(t, line);
    nn_text_add(line, "}\n");
    nn_log_line(log, line, true);
}

void nn_log_start(nn_loop *l) {
    put_start(l, &l->summary);
    put_start(l, &l->full);
}

// What a table of the log has: every number that a line can hold.
void nn_log_columns(const nn_loop *l, nn_text *out) {
    const nn_metric *metrics = NN_TABLE(&l->t->model, nn_metric, metrics);
    nn_text_format(out, "event,%sstep,epoch,loss", l->t->fold >= 0 ? "fold," : "");
    for (uint32_t k = 0; k < l->manifest->rates_count; k++)
        nn_text_format(out, k == 0 ? ",lr" : ",lr_%u", k + 1);
    nn_text_add(out, ",samples_per_s,time_s");
    if (l->manifest->gradient_norm >= 0) nn_text_add(out, ",gradient_norm");
    for (int p = 0; p < NN_PARTS; p++) {
        for (uint32_t k = 0; k < l->manifest->metrics_count; k++) {
            if (nn_metric_single(l->t, p, k))
                nn_text_format(out, ",%s%s", nn_part_prefixes[p],
                               nn_model_text(&l->t->model, metrics[k].name));
        }
    }
    nn_text_add(out, ",reason\n");
}
