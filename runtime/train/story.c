// What a run says beside its epochs: how it begins, what looks like a mistake (once each), and how it ends:
// why, the best epoch, where the weights lie, and what can be done with them. Guarantees: the text says the
// same on a terminal and in a file, where each item stands on one line.
#include "train/loop.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void say(nn_text *text) {
    if (!text->failed) nn_write_all(2, text->bytes, nn_utf8_shown(text->bytes, text->length));
    nn_text_end(text);
}

// ---- the beginning ----

// Items of one line, divided where the terminal ends.
typedef struct {
    nn_text *out;
    char between;
    int64_t width, column;
} Items;

static Items items_begin(nn_text *out, char between) {
    int64_t width = nn_terminal_width();
    return (Items){out, between, width == 0 ? INT64_MAX : width, 0};
}

NN_PRINTF(2, 3) static void put_item(Items *items, const char *format, ...) {
    char text[512];
    va_list args;
    va_start(args, format);
    int64_t length = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    bool first = items->column == 0, wraps = !first && items->column + 2 + length + 1 > items->width;
    if (!first) nn_text_format(items->out, wraps ? "%c\n  " : "%c ", items->between);
    nn_text_add(items->out, text);
    items->column = wraps ? 2 + length : items->column + length + (first ? 0 : 2);
}

void nn_story_begin(nn_loop *l) {
    const nn_trainer *t = l->t;
    const nn_manifest *mf = l->manifest;
    static const char names[NN_PARTS][11] = {"training", "test", "validation"};
    static const char units[][6] = {"bytes", "KB", "MB", "GB", "TB"};
    nn_text out, rows;
    Items items = items_begin(&out, ';');
    if (l->progress.quiet) return;
    nn_text_begin(&out, l->ctx);
    nn_text_begin(&rows, l->ctx);
    for (int p = 0; p < NN_PARTS; p++) {
        if (p == NN_TRAIN || t->data.parts[p].count > 0)
            nn_text_format(&rows, "%s%lld %s", p == NN_TRAIN ? "rows: " : ", ",
                           (long long)t->data.parts[p].count, names[p]);
    }
    double memory = (double)mf->arena;
    int unit = 0;
    for (; memory >= 999.5 && unit < 4; unit++) memory /= 1024;
    int32_t threads = nn_trainer_threads(t);
    put_item(&items, "%s: %lld parameters", nn_model_text(&t->model, mf->name), (long long)mf->params);
    put_item(&items, "memory %.3g %s", memory, units[unit]);
    put_item(&items, "%s", rows.bytes);
    put_item(&items, "%d thread%s", threads, threads == 1 ? "" : "s");
    put_item(&items, "%s", nn_model_text(&t->model, mf->cpu));
    put_item(&items, "seed %llu", (unsigned long long)t->seed);
    if (t->at.step > 0) put_item(&items, "goes on after step %lld", (long long)t->at.step);
    nn_text_add(&out, "\n");
    nn_text_end(&rows);
    say(&out);
}

// ---- what looks like a mistake ----

static void warn(nn_loop *l, bool holds, nn_text *text) {
    if (holds) nn_progress_clear(&l->progress);
    if (holds && !text->failed) nn_message("warning", text->bytes);
    nn_text_end(text);
}

// Classes that the loss knows and no training row has: the model cannot learn them.
static void look_at_classes(nn_loop *l, uint32_t k) {
    enum { SHOWN = 5 };
    const nn_trainer *t = l->t;
    const nn_field *f = &NN_TABLE(&t->model, nn_field, fields)[k];
    const nn_part *p = &t->data.parts[NN_TRAIN];
    const int32_t *values = t->data.fields[k];
    int64_t absent = 0, classes = nn_class_count(f);
    unsigned char *seen = nn_get(l->ctx, (uint64_t)f->limit, 1);
    for (int64_t r = 0; r < p->count && seen != NULL; r++) seen[values[p->rows[r]]] = 1;
    for (int64_t c = 0; c < classes && seen != NULL; c++) absent += !seen[c];
    nn_text text;
    nn_text_begin(&text, l->ctx);
    nn_text_format(&text, "%lld of the %lld classes of `%s` ha%s no training row:", (long long)absent,
                   (long long)classes, nn_model_text(&t->model, f->name), absent == 1 ? "s" : "ve");
    int64_t shown = 0;
    for (int64_t c = 0; c < classes && seen != NULL && shown < SHOWN; c++) {
        if (seen[c]) continue;
        nn_text_add(&text, shown++ == 0 ? " " : ", ");
        nn_text_class(t, &text, (int32_t)k, c);
    }
    nn_text_add(&text, absent > shown ? ", ...; the model cannot learn them" : "; the model cannot learn it");
    nn_drop(l->ctx, seen);
    warn(l, absent > 0, &text);
}

// An input that hardly differs from row to row tells nothing as it stands. Pictures have such elements at
// their borders, and are left alone.
static void look_at_input(nn_loop *l, uint32_t k) {
    const nn_trainer *t = l->t;
    const nn_field *f = &NN_TABLE(&t->model, nn_field, fields)[k];
    const nn_part *p = &t->data.parts[NN_TRAIN];
    int64_t elements = nn_field_elements(f), step = nn_row_elements(f), count = 0, first = 0;
    double shown = 0, n = (double)p->count;
    for (int64_t e = 0; e < elements; e++) {
        double mean = 0, square = 0;
        for (int64_t r = 0; r < p->count; r++) {
            double d = nn_value_get(&t->model, NN_REAL, t->data.fields[k], p->rows[r] * step + e) - mean;
            mean += d / (double)(r + 1);
            square += d * d * (double)r / (double)(r + 1);
            if (square > n * 1e-10 && square > n * 4e-12 * mean * mean) break; // enough, however it goes on
        }
        double deviation = sqrt(square / n);
        if (!isfinite(deviation) || (deviation >= 1e-5 && deviation > 1e-6 * fabs(mean))) continue;
        first = count++ == 0 ? e : first;
        shown = count == 1 ? deviation : shown;
    }
    nn_text text;
    nn_text_begin(&text, l->ctx);
    nn_text_format(
        &text,
        "field %s: %lld of %lld elements hardly differ from row to row (the first, number %lld, has a "
        "deviation of %.3g): standardize(..) brings them to one scale, and what never differs can "
        "be left out",
        nn_model_text(&t->model, f->name), (long long)count, (long long)elements, (long long)first, shown);
    warn(l, count > 0, &text);
}

// Those that are scaled by a statistic are measured, and told, where it is taken.
static bool is_measured(const nn_trainer *t, uint32_t field) {
    const nn_statistic *of = NN_TABLE(&t->model, nn_statistic, statistics);
    for (uint32_t k = 0; k < t->model.manifest->statistics_count; k++) {
        if (of[k].field == (int32_t)field && of[k].kind <= NN_MINMAX) return true;
    }
    return false;
}

void nn_story_data(nn_loop *l) {
    const nn_trainer *t = l->t;
    const nn_field *fields = NN_TABLE(&t->model, nn_field, fields);
    for (uint32_t k = 0; k < l->manifest->fields_count; k++) {
        const nn_field *f = &fields[k];
        if (t->data.fields[k] == NULL || t->data.parts[NN_TRAIN].count < 2 || t->data.series != NULL)
            continue;
        if (f->is_class && f->in_loss && f->rank == 0) look_at_classes(l, k);
        if (f->type == NN_REAL && f->in_model >= 0 && f->rank <= 1 && !is_measured(t, k)) look_at_input(l, k);
    }
}

// A loss that has stayed above its lowest for so many epochs, by a tenth of all that it had fallen and more
// than what changes from batch to batch, rises.
void nn_story_loss(nn_loop *l) {
    enum { LONG = 10 };
    nn_rise *r = &l->rise;
    double loss = l->epoch_loss;
    if (r->told || !isfinite(loss)) return;
    bool first = r->seen++ == 0;
    if (first) r->first = loss;
    if (first || loss < r->low) {
        double fallen = 0.1 * (r->first - loss), changes = 0.02 * fabs(loss);
        r->low = loss;
        r->low_epoch = first ? 0 : l->t->at.epoch;
        r->limit = loss + (fallen > changes ? fallen : changes);
    }
    r->above = loss > r->limit ? r->above + 1 : 0;
    if (r->above < LONG) return;
    nn_text text;
    nn_text_begin(&text, l->ctx);
    nn_text_format(&text,
                   "the loss has been above its lowest for %d epochs (%.4g, it was %.4g in epoch %lld): a "
                   "lower lr may keep it down",
                   LONG, loss, r->low, (long long)(r->low_epoch > 0 ? r->low_epoch : l->t->at.epoch - LONG));
    r->told = true;
    warn(l, true, &text);
}

// ---- the end ----

static void put_word(nn_text *out, const char *s) { // as a shell takes it
    static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./+:,@%=";
    const char *quote = *s != '\0' && s[strspn(s, safe)] == '\0' ? "" : "'";
    nn_text_add(out, quote);
    for (; *s != '\0'; s++) nn_text_format(out, *s == '\'' ? "'\\''" : "%c", *s);
    nn_text_add(out, quote);
}

// The command line that goes on with this run's directory.
static void put_command(const nn_trainer *t, nn_text *out, const char *what, const char *command, bool data) {
    const nn_options *o = t->options;
    const char *beside = getenv("NN_MODEL_DIRECTORY");
    char here[NN_PATH_ROOM], path[NN_PATH_ROOM * 2];
    nn_text_format(out, "%s ", what);
    if (beside != NULL) {
        bool same = getcwd(here, sizeof here) != NULL && nn_same(here, beside);
        snprintf(path, sizeof path, "%s%s%s.nn", same ? "" : beside, same ? "" : "/",
                 nn_model_text(&t->model, t->model.manifest->name));
        nn_text_add(out, "nnc run ");
        put_word(out, path);
        nn_text_add(out, " --");
    } else
        put_word(out, o->program);
    nn_text_format(out, " %s", command);
    if (t->fold >= 0) nn_text_format(out, " --fold %d", t->fold);
    const nn_option kept[] = {NN_OPTION_OUT, NN_OPTION_DATA};
    for (int k = 0; k < 2; k++) {
        if (o->value[kept[k]] == NULL || (kept[k] == NN_OPTION_DATA && !data)) continue;
        nn_text_format(out, " %s ", nn_option_name(kept[k]));
        put_word(out, o->value[kept[k]]);
    }
    nn_text_add(out, "\n");
}

static void put_reason(const nn_loop *l, nn_text *out, nn_reason reason) {
    const nn_position *at = &l->t->at;
    static const char *const texts[] = {[NN_END_OF_EPOCHS] = "ended: all epochs are done",
                                        [NN_END_OF_STEPS] = "ended: all steps are done",
                                        [NN_END_BY_STOP] = "ended: `stop` holds",
                                        [NN_END_BY_SIGNAL] = "interrupted"};
    nn_text_format(out, "%s; epoch %lld", texts[reason], (long long)at->epoch);
    if (l->total_epochs >= 0) nn_text_format(out, " of %lld", (long long)l->total_epochs);
    nn_text_format(out, ", step %lld", (long long)at->step);
    if (l->total_steps >= 0 && at->step < l->total_steps)
        nn_text_format(out, " of %lld", (long long)l->total_steps);
    nn_text_format(out, ", %.1f s\n", nn_loop_time(l));
}

static void put_best(const nn_trainer *t, nn_text *out) {
    if (t->best.length == 0) return;
    nn_json j = {.at = t->best.bytes, .end = t->best.bytes + t->best.length}, one;
    char key[256];
    const char *before = "best: ";
    Items items = items_begin(out, ',');
    while (nn_json_member(&j, key, sizeof key, &one)) {
        double value;
        if (!nn_number_parse(one.at, (uint64_t)(one.end - one.at), &value)) continue;
        bool counts = nn_same(key, "epoch") || nn_same(key, "step");
        put_item(&items, counts ? "%s%s %.0f" : "%s%s %.4g", before, key, value);
        before = "";
    }
    nn_text_add(out, "\n");
}

static void put_ways(const nn_loop *l, nn_text *out, nn_reason reason) {
    const nn_trainer *t = l->t;
    char more[96];
    const char *data = t->options->value[NN_OPTION_DATA];
    bool folder = data != NULL && nn_file_is_directory(data);
    if (reason == NN_END_OF_EPOCHS || reason == NN_END_OF_STEPS) {
        bool steps = reason == NN_END_OF_STEPS;
        int64_t now = steps ? l->total_steps : l->total_epochs;
        snprintf(more, sizeof more, "--resume --%s %lld", steps ? "steps" : "epochs",
                 (long long)(now > 0 ? now * 2 : 10));
        put_command(t, out, "go on:   ", more, false);
    }
    if (reason == NN_END_BY_SIGNAL) {
        put_command(t, out, "resume:  ", "--resume", false);
        return;
    }
    if (nn_model_has(&t->model, NN_EVALUATE)) put_command(t, out, "evaluate:", "eval", folder);
    if (nn_data_is_text(&t->model))
        put_command(t, out, "sample:  ", "sample --prompt TEXT", false);
    else if (nn_model_has(&t->model, NN_PREDICT)) {
        const char *ending = nn_data_ending(&t->model);
        snprintf(more, sizeof more, ending != NULL ? "predict --data NEW.%s" : "predict < ROWS.csv", ending);
        put_command(t, out, "predict: ", more, false);
    }
}

void nn_story_end(nn_loop *l, nn_reason reason) {
    const nn_trainer *t = l->t;
    nn_text out;
    if (l->progress.quiet || reason == NN_END_NOT_FINITE || reason == NN_END_BY_ERROR) return;
    nn_text_begin(&out, l->ctx);
    if (nn_terminal_width() > 0 && reason != NN_END_BY_SIGNAL) nn_confusions_put(l->t, &out);
    put_reason(l, &out, reason);
    put_best(t, &out);
    nn_text_add(&out, "weights: ");
    nn_text_add(&out, t->files->of[NN_FILE_WEIGHTS]);
    // What the run is judged by, and whether that was better before its end.
    int part = nn_judged_part(t);
    bool better = part != NN_TRAIN && nn_best_value(t, "step") < (double)t->at.step;
    if (l->manifest->best >= 0)
        nn_text_add(&out, " (the best)\n");
    else if (better)
        nn_text_format(&out, " (as the run ended; `checkpoint = best(%s.loss)` keeps the best)\n",
                       nn_part_names[part]);
    else
        nn_text_add(&out, " (as the run ended)\n");
    if (!l->one_of_many) put_ways(l, &out, reason);
    say(&out);
}

void nn_story_not_finite(nn_loop *l) {
    const nn_trainer *t = l->t;
    const nn_place *places = NN_TABLE(&t->model, nn_place, places);
    const int32_t *rates = NN_TABLE(&t->model, int32_t, rates);
    const char *data = t->data.not_finite;
    char where[256] = "", cure[160] = "";
    for (uint32_t k = 0; k < l->manifest->places_count && where[0] == '\0'; k++) {
        const nn_tensor *of = nn_model_tensor(&t->model, places[k].tensor);
        if (of != NULL && !nn_tensor_finite(&t->model, of))
            snprintf(where, sizeof where, "; first in %.180s (line %d)",
                     nn_model_text(&t->model, places[k].name), places[k].line);
    }
    if (data == NULL && l->manifest->rates_count > 0)
        snprintf(cure, sizeof cure, "; try a lower lr (it was %.3g)%s", nn_scalar_get(&t->model, rates[0]),
                 l->manifest->gradient_norm < 0 ? ", or `clip = norm(1)`" : "");
    nn_fail(l->ctx, NN_NOT_FINITE, "the loss is not finite after step %lld (epoch %lld)%s%s%s; %s%s",
            (long long)t->at.step, (long long)t->at.epoch + 1, where, data == NULL ? "" : "; in the data, ",
            data == NULL ? "" : data,
            t->keep != NN_KEEP_NONE ? "the last checkpoint is kept" : "nothing was saved", cure);
}
