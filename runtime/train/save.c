// Weights and checkpoints of a run. A new checkpoint takes the place of the one before, which is kept as
// `previous`. Guarantees: what is on disk changes only when all that is new lies whole beside it. A run's
// first save takes the place of another run's files, all at once: it has happened when the new checkpoint is
// called `first`, and until then it has not; nn_settle then gives every file its name, after a kill too.
// Later saves replace the weights before the checkpoint, so that a resumed run writes them again. Only names
// that end in NN_FRESH are swept away.
#include "train/train.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

static bool lost(const nn_trainer *t, const nn_tensor *of) {
    bool learned = of->kind == NN_PARAM || of->kind == NN_STATE || of->kind == NN_SLOT;
    return learned && of->offset >= 0 && !nn_tensor_finite(&t->model, of);
}

nn_status nn_finite_begin(nn_trainer *t) {
    t->unbounded = nn_get(t->ctx, t->model.manifest->tensors_count, sizeof *t->unbounded);
    for (uint32_t k = 0; k < t->model.manifest->tensors_count && t->unbounded != NULL; k++)
        t->unbounded[k] = lost(t, nn_model_tensor(&t->model, (int32_t)k));
    return t->ctx->status;
}

nn_status nn_check_finite(nn_trainer *t) {
    for (uint32_t k = 0; k < t->model.manifest->tensors_count; k++) {
        const nn_tensor *of = nn_model_tensor(&t->model, (int32_t)k);
        if (!t->unbounded[k] && lost(t, of))
            return nn_fail(t->ctx, NN_NOT_FINITE,
                           "the %s %s is not finite after step %lld; nothing was saved",
                           of->kind == NN_PARAM   ? "parameter"
                           : of->kind == NN_STATE ? "state"
                                                  : "optimizer's state",
                           nn_model_text(&t->model, of->name), (long long)t->at.step);
    }
    return NN_OK;
}

// ---- metadata ----

static void weights_metadata(void *data, nn_sink *sink) { nn_names_put(data, sink); }

// The numbers of a checkpoint's metadata.
enum { ENTRIES = 17 };

static void entries_of(nn_position *at, int64_t rows[NN_PARTS], nn_entry entries[ENTRIES]) {
    const nn_entry all[] = {{"run.step", &at->step, NULL},
                            {"run.epoch", &at->epoch, NULL},
                            {"run.batch", &at->batch, NULL},
                            {"run.batch_number", &at->batch_number, NULL},
                            {"run.loss_sum", NULL, &at->loss_sum},
                            {"run.loss_count", &at->loss_count, NULL},
                            {"run.elapsed", NULL, &at->elapsed},
                            {"run.has_weights", &at->has_weights, NULL},
                            {"run.ended", &at->ended, NULL},
                            {"run.text", &at->text, NULL},
                            {"run.rows.train", &rows[0], NULL},
                            {"run.rows.test", &rows[1], NULL},
                            {"run.rows.validation", &rows[2], NULL},
                            {"run.log", &at->logs[0].size, NULL},
                            {"run.log_sum", &at->logs[0].sum, NULL},
                            {"run.full_log", &at->logs[1].size, NULL},
                            {"run.full_log_sum", &at->logs[1].sum, NULL}};
    _Static_assert(sizeof all == ENTRIES * sizeof *all, "all of them");
    memcpy(entries, all, sizeof all);
}

// What the last update left for the log to show: the gradient's norm, then each clause's rate.
static int32_t shown_tensor(const nn_model *m, uint32_t k) {
    return k == 0 ? m->manifest->gradient_norm : NN_TABLE(m, int32_t, rates)[k - 1];
}

static void checkpoint_metadata(void *data, nn_sink *sink) {
    const nn_trainer *t = data;
    nn_position at = t->at;
    int64_t rows[NN_PARTS];
    nn_entry entries[ENTRIES];
    for (int p = 0; p < NN_PARTS; p++) rows[p] = t->data.parts[p].count;
    at.text = t->data.series == NULL ? 0 : t->data.series->sum;
    entries_of(&at, rows, entries);
    nn_names_put(t, sink);
    nn_store_metadata(sink, "run.program", nn_model_text(&t->model, t->model.manifest->run_digest));
    nn_store_metadata(sink, "run.best", t->best.bytes);
    nn_entries_put(sink, entries, ENTRIES);
    for (uint32_t k = 0; k <= t->model.manifest->rates_count; k++) {
        char key[32];
        snprintf(key, sizeof key, "shown.%u", k);
        double value = nn_scalar_get(&t->model, shown_tensor(&t->model, k));
        nn_entries_put(sink, &(nn_entry){key, NULL, &value}, 1);
    }
    for (int k = 0; k < NN_OPTIONS; k++) {
        char key[64];
        snprintf(key, sizeof key, "option.%s", nn_option_name((nn_option)k) + 2);
        if (nn_option_kept((nn_option)k) != 0 && t->options->value[k] != NULL)
            nn_store_metadata(sink, key, t->options->value[k]);
    }
}

// ---- writing ----

nn_status nn_files_name(nn_trainer *t) {
    // TensorBoard reads what is called tfevents.
    static const char *const names[NN_FILES] = {"weights.safetensors", "checkpoint.safetensors",
                                                "checkpoint.previous.safetensors", "log.jsonl",
                                                "events.out.tfevents.nn"};
    t->files = nn_get(t->ctx, 1, sizeof *t->files);
    for (int k = 0; k < NN_FILES && t->files != NULL; k++) {
        char fresh[64];
        snprintf(fresh, sizeof fresh, "%s" NN_FRESH, k == NN_FILE_EVENTS ? "events" : names[k]);
        nn_trainer_path(t, names[k], t->files->of[k]);
        nn_trainer_path(t, fresh, t->files->fresh[k]);
    }
    return t->files == NULL ? t->ctx->status
                            : nn_trainer_path(t, "checkpoint.first.safetensors" NN_FRESH, t->files->first);
}

// The same name in the same directory, whether there is a file or not.
static bool same_place(const char *a, const char *b) {
    struct stat in[2];
    const char *paths[] = {a, b}, *names[2];
    for (int k = 0; k < 2; k++) {
        char directory[NN_PATH_ROOM];
        names[k] = strrchr(paths[k], '/') == NULL ? paths[k] : strrchr(paths[k], '/') + 1;
        if (!nn_file_parent(paths[k], directory) || stat(directory, &in[k]) != 0) return false;
    }
    return in[0].st_dev == in[1].st_dev && in[0].st_ino == in[1].st_ino && nn_same(names[0], names[1]);
}

nn_status nn_check_outputs(nn_trainer *t) {
    const char *log = t->options->value[NN_OPTION_LOG];
    if (log != NULL && nn_input_spare(t->ctx, log) != NN_OK) return t->ctx->status;
    for (int k = 0; k < NN_FILES; k++) {
        if (nn_input_spare(t->ctx, t->files->of[k]) != NN_OK) return t->ctx->status;
        if (log != NULL && (same_place(log, t->files->of[k]) || same_place(log, t->files->fresh[k])))
            return nn_fail(t->ctx, NN_USAGE, "--log %s: the run writes that file itself", log);
    }
    return NN_OK;
}

// One trainer at a time works in a directory. The lock goes with the process.
nn_status nn_lock(nn_trainer *t, int *lock) {
    *lock = nn_system_open(t->out, O_RDONLY | O_DIRECTORY, 0);
    if (*lock < 0) return nn_file_failed(t->ctx, "open the directory", t->out);
    if (flock(*lock, LOCK_EX | LOCK_NB) == 0) return NN_OK;
    if (errno != EWOULDBLOCK) return nn_file_failed(t->ctx, "lock the directory", t->out);
    return nn_fail(t->ctx, NN_FILE, "another trainer is working in %s; --out DIR takes another directory",
                   t->out);
}

static bool gone(const char *path) { return nn_system_remove(path) == 0 || errno == ENOENT; }

static bool moved(const char *from, const char *to) {
    return nn_system_rename(from, to) == 0 || errno == ENOENT;
}

nn_status nn_settle(nn_trainer *t) {
    const nn_files *f = t->files;
    if (!nn_file_exists(f->first)) {
        for (int k = NN_FILE_WEIGHTS; k <= NN_FILE_PREVIOUS; k++) nn_system_remove(f->fresh[k]);
        return NN_OK;
    }
    // `first` goes last: as long as it is there, all this is done again.
    if (!gone(f->of[NN_FILE_PREVIOUS]) || !moved(f->fresh[NN_FILE_WEIGHTS], f->of[NN_FILE_WEIGHTS]) ||
        !moved(f->fresh[NN_FILE_LOG], f->of[NN_FILE_LOG]) ||
        !moved(f->fresh[NN_FILE_EVENTS], f->of[NN_FILE_EVENTS]))
        return nn_file_failed(t->ctx, "replace the files in", t->out);
    if (nn_file_sync_directory(t->ctx, f->first) != NN_OK) return t->ctx->status;
    if (!moved(f->first, f->of[NN_FILE_CHECKPOINT]))
        return nn_file_failed(t->ctx, "replace", f->of[NN_FILE_CHECKPOINT]);
    t->settled = true;
    return nn_file_sync_directory(t->ctx, f->first);
}

nn_status nn_settle_left(nn_trainer *t) {
    int lock = -1;
    if (!nn_file_exists(t->files->first)) return NN_OK;
    if (nn_lock(t, &lock) == NN_OK)
        nn_settle(t);
    else
        nn_forget(t->ctx);
    if (lock >= 0) nn_system_close(lock);
    return t->ctx->status;
}

static nn_status prepare(nn_trainer *t, int file, nn_contents contents, nn_metadata *metadata) {
    nn_model model = t->model;
    nn_storing storing = {&model, contents, metadata, t};
    if (contents == NN_WEIGHTS && t->unsaved != NULL) model.arena = t->unsaved;
    nn_second_mark(t);
    nn_averages_swap(&model, &t->at);
    nn_file_prepare(t->ctx, t->files->fresh[file], t->files->of[file], nn_store_write, &storing);
    nn_averages_swap(&model, &t->at);
    return t->ctx->status;
}

// The newest keeps its name until the new one takes it, so a second name is made for it first.
static nn_status keep_newest(nn_trainer *t) {
    const char *newest = t->files->of[NN_FILE_CHECKPOINT], *previous = t->files->of[NN_FILE_PREVIOUS],
               *fresh = t->files->fresh[NN_FILE_PREVIOUS];
    if (t->keep == NN_KEEP_PREVIOUS || !nn_file_exists(newest)) return NN_OK;
    nn_system_remove(fresh);
    // A file system without second names: for a moment only `previous` is there, which --resume takes as
    // well.
    bool linked = nn_system_link(newest, fresh) == 0;
    if (nn_system_rename(linked ? fresh : newest, previous) != 0) nn_file_failed(t->ctx, "write", previous);
    // Where both names are of one file already, renaming does nothing.
    nn_system_remove(fresh);
    return t->ctx->status;
}

// The files beside which another run's lie: all of them whole, then one name that says so.
static nn_status replace_all(nn_trainer *t) {
    const nn_files *f = t->files;
    if (nn_file_replaceable(t->ctx, f->of[NN_FILE_LOG]) != NN_OK ||
        nn_file_replaceable(t->ctx, f->of[NN_FILE_PREVIOUS]) != NN_OK ||
        nn_file_sync_directory(t->ctx, f->first) != NN_OK ||
        nn_file_rename(t->ctx, f->fresh[NN_FILE_CHECKPOINT], f->first) != NN_OK)
        return t->ctx->status;
    t->keep = NN_KEEP_NEWEST;
    return nn_settle(t);
}

static nn_status take_place(nn_trainer *t, int file) {
    return nn_file_rename(t->ctx, t->files->fresh[file], t->files->of[file]);
}

static nn_status replace_own(nn_trainer *t, bool checkpoint, bool weights) {
    if ((checkpoint && keep_newest(t) != NN_OK) || (weights && take_place(t, NN_FILE_WEIGHTS) != NN_OK) ||
        (checkpoint && take_place(t, NN_FILE_CHECKPOINT) != NN_OK))
        return t->ctx->status;
    t->keep = checkpoint ? NN_KEEP_NEWEST : t->keep;
    return NN_OK;
}

// The best weights could not be written, and the next update changes them: a copy is kept for the next save.
static nn_status remember(nn_trainer *t) {
    char message[sizeof t->ctx->message];
    if (t->model.manifest->best < 0 || t->ctx->status != NN_FILE || t->unsaved != NULL) return t->ctx->status;
    snprintf(message, sizeof message, "%s", t->ctx->message);
    nn_forget(t->ctx);
    t->unsaved = nn_get(t->ctx, (uint64_t)t->model.manifest->persistent, 1);
    if (t->unsaved == NULL) return t->ctx->status;
    memcpy(t->unsaved, t->model.arena, (size_t)t->model.manifest->persistent);
    t->at.has_weights = true; // every checkpoint is written with them
    return nn_fail(t->ctx, NN_FILE, "%s", message);
}

nn_status nn_save(nn_trainer *t, bool checkpoint, bool weights) {
    bool had_weights = t->at.has_weights, first = t->keep == NN_KEEP_NONE;
    nn_catch_up(t);
    if ((checkpoint || weights) && nn_check_finite(t) != NN_OK) return t->ctx->status;
    if (weights) nn_drop(t->ctx, t->unsaved);
    t->unsaved = weights ? NULL : t->unsaved;
    bool fresh = weights; // not those of an earlier try
    weights = weights || t->unsaved != NULL;
    t->at.has_weights = had_weights || weights;
    if (nn_settle(t) == NN_OK &&
        (!weights || prepare(t, NN_FILE_WEIGHTS, NN_WEIGHTS, weights_metadata) == NN_OK) &&
        (!checkpoint || prepare(t, NN_FILE_CHECKPOINT, NN_CHECKPOINT, checkpoint_metadata) == NN_OK) &&
        (first ? replace_all(t) : replace_own(t, checkpoint, weights)) == NN_OK) {
        nn_drop(t->ctx, t->unsaved);
        t->unsaved = NULL;
        return NN_OK;
    }
    for (int k = NN_FILE_WEIGHTS; k <= NN_FILE_CHECKPOINT && !nn_file_exists(t->files->first); k++)
        nn_system_remove(t->files->fresh[k]);
    if (first && t->keep != NN_KEEP_NONE) return t->ctx->status; // saved, but for the names
    t->at.has_weights = had_weights;
    return fresh ? remember(t) : t->ctx->status;
}

// ---- reading ----

nn_status nn_store_load(nn_context *ctx, nn_archive a, const unsigned char *bytes, uint64_t size,
                        bool apply) {
    uint64_t header;
    if (nn_safetensors_parse(ctx, a.path, bytes, size, NULL, &header) != NN_OK) return ctx->status;
    a.span_room = header / NN_ENTRY_LEAST;
    a.tensors = nn_get(ctx, a.model->manifest->tensors_count, sizeof *a.tensors);
    a.spans = nn_get(ctx, a.span_room, sizeof *a.spans);
    if (a.tensors == NULL || a.spans == NULL) return ctx->status;
    nn_status status = nn_store_read(ctx, &a, bytes, size);
    if (status == NN_OK && apply) nn_store_apply(&a);
    nn_drop(ctx, a.tensors);
    nn_drop(ctx, a.spans);
    return status;
}

typedef struct {
    nn_trainer *t;
    nn_resumed *r;
    uint32_t seen;
} Reading;

static nn_status weights_entry(void *data, nn_context *ctx, const char *key, nn_json value) {
    return nn_names_take(data, ctx, key, value);
}

nn_status nn_trainer_weights(nn_trainer *t) {
    const char *given = t->options->value[NN_OPTION_WEIGHTS];
    const char *path = given != NULL ? given : t->files->of[NN_FILE_WEIGHTS];
    unsigned char *bytes;
    uint64_t size;
    if (given == NULL && !nn_file_exists(path))
        return nn_fail(t->ctx, NN_FILE, "cannot find the weights %s: train first, or say --weights FILE",
                       path);
    if (nn_file_read(t->ctx, path, &bytes, &size) != NN_OK) return t->ctx->status;
    nn_safetensors_visitor visitor = {.metadata = weights_entry, .data = t};
    nn_archive archive = {.model = &t->model, .path = path, .contents = NN_WEIGHTS};
    nn_status status = nn_store_load(t->ctx, archive, bytes, size, true);
    if (status == NN_OK) status = nn_safetensors_parse(t->ctx, path, bytes, size, &visitor, NULL);
    nn_drop(t->ctx, bytes);
    return status;
}

static nn_status checkpoint_entry(void *data, nn_context *ctx, const char *key, nn_json value) {
    Reading *reading = data;
    nn_resumed *r = reading->r;
    char *text;
    nn_entry entries[ENTRIES];
    entries_of(&r->at, r->rows, entries);
    if (strncmp(key, "shown.", 6) == 0) {
        int64_t number;
        if (!nn_integer_parse(key + 6, strlen(key + 6), &number) || number < 0 ||
            number > reading->t->model.manifest->rates_count)
            return NN_OK;
        nn_entry shown = {key, NULL, &r->shown[number]};
        return nn_entries_take(ctx, r->path, &shown, 1, key, value, &(uint32_t){0});
    }
    if (strncmp(key, "run.", 4) != 0 && strncmp(key, "option.", 7) != 0)
        return nn_names_take(reading->t, ctx, key, value);
    if (!nn_names_text(ctx, value, &text))
        return nn_fail(ctx, NN_DATA, "%s: its metadata is damaged", r->path);
    for (int k = 0; k < NN_OPTIONS && key[0] == 'o'; k++) {
        if (nn_same(key + 7, nn_option_name((nn_option)k) + 2)) r->value[k] = text;
    }
    if (nn_same(key, "run.best") && nn_json_is_object(text, text + strlen(text)))
        nn_text_add(&reading->t->best, text);
    if (nn_same(key, "run.program")) snprintf(r->run_digest, sizeof r->run_digest, "%s", text);
    return nn_entries_take(ctx, r->path, entries, ENTRIES, key, value, &reading->seen);
}

static nn_status read_checkpoint(nn_trainer *t, nn_resumed *r, const char *path) {
    Reading reading = {t, r, 0};
    nn_safetensors_visitor visitor = {.metadata = checkpoint_entry, .data = &reading};
    r->path = path;
    r->shown = nn_get(t->ctx, t->model.manifest->rates_count + 1ull, sizeof *r->shown);
    if (r->shown == NULL || nn_file_read(t->ctx, path, &r->bytes, &r->size) != NN_OK ||
        nn_safetensors_parse(t->ctx, path, r->bytes, r->size, &visitor, NULL) != NN_OK)
        return t->ctx->status;
    if (reading.seen != (1u << ENTRIES) - 1 || r->run_digest[0] == '\0')
        return nn_fail(t->ctx, NN_DATA, "%s: this is no checkpoint (weights alone cannot be resumed)", path);
    if (!nn_same(r->run_digest, nn_model_text(&t->model, t->model.manifest->run_digest)))
        return nn_fail(t->ctx, NN_DATA,
                       "%s: the checkpoint is of another program; only epochs, steps and stop may differ",
                       path);
    nn_archive archive = {.model = &t->model, .path = path, .contents = NN_CHECKPOINT};
    return nn_store_load(t->ctx, archive, r->bytes, r->size, false);
}

// The newest checkpoint that is whole. A damaged one is passed over, with a message; one of another program
// is an error.
nn_status nn_checkpoint_find(nn_trainer *t, nn_resumed *r) {
    char first[sizeof t->ctx->message] = "";
    for (int k = NN_FILE_CHECKPOINT; k <= NN_FILE_PREVIOUS; k++) {
        *r = (nn_resumed){.previous = k == NN_FILE_PREVIOUS};
        nn_text_clear(&t->best);
        if (!nn_file_exists(t->files->of[k])) continue;
        if (read_checkpoint(t, r, t->files->of[k]) == NN_OK) {
            if (first[0] != '\0') nn_message("warning", first);
            return NN_OK;
        }
        if (t->ctx->status != NN_DATA) return t->ctx->status;
        if (first[0] == '\0') snprintf(first, sizeof first, "%s", t->ctx->message);
        nn_forget(t->ctx);
    }
    *r = (nn_resumed){0};
    return first[0] == '\0' ? NN_OK : nn_fail(t->ctx, NN_DATA, "%s", first);
}

// The arena as it was; rows that were kept have no place before the data are known.
nn_status nn_checkpoint_state(nn_trainer *t, const nn_resumed *r) {
    nn_archive archive = {.model = &t->model, .path = r->path, .contents = NN_CHECKPOINT};
    return nn_store_load(t->ctx, archive, r->bytes, r->size, true);
}

nn_status nn_checkpoint_apply(nn_trainer *t, const nn_resumed *r) {
    static const char parts[NN_PARTS][11] = {"training", "test", "validation"};
    for (int p = 0; p < NN_PARTS; p++) {
        if (r->rows[p] != t->data.parts[p].count)
            return nn_fail(t->ctx, NN_DATA,
                           "--resume: the data have %lld %s rows, the checkpoint's run had %lld",
                           (long long)t->data.parts[p].count, parts[p], (long long)r->rows[p]);
    }
    if (t->data.series != NULL && r->at.text != t->data.series->sum)
        return nn_fail(t->ctx, NN_DATA, "--resume: %s is not the text that the checkpoint's run read",
                       t->data.series->path);
    t->at = r->at;
    nn_second_mark(t);
    t->at.logs[1].none = r->value[NN_OPTION_LOG] == NULL;
    t->keep = r->previous ? NN_KEEP_PREVIOUS : NN_KEEP_NEWEST;
    for (uint32_t k = 0; k <= t->model.manifest->rates_count; k++)
        nn_scalar_put(&t->model, shown_tensor(&t->model, k), r->shown[k]);
    if (nn_checkpoint_state(t, r) == NN_OK) nn_averages_swap(&t->model, &t->at);
    return t->ctx->status;
}
