// Weights and checkpoints of a run. A new checkpoint takes the place of the one before, which is kept as
// `previous`. Guarantees: at every moment there is a whole checkpoint under one of the two names, once this
// run has written one; what is on disk changes only when all that is new lies whole beside it, weights first,
// so that a resumed run writes them again.
#include "train/train.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

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

// What other data are read by: the names of columns and classes.
static void put_names(const nn_trainer *t, nn_sink *sink) {
    if (t->data.header != NULL) nn_store_metadata(sink, "columns", t->data.header);
    const nn_field *fields = NN_TABLE(&t->model, nn_field, fields);
    for (uint32_t k = 0; k < t->model.manifest->fields_count; k++) {
        const nn_classes *classes = &t->data.classes[k];
        if (classes->count == 0) continue;
        nn_text list;
        nn_text_begin(&list, t->ctx);
        for (int64_t c = 0; c < classes->count; c++) {
            nn_text_add(&list, c == 0 ? "[" : ",");
            nn_text_json(&list, classes->names[c], strlen(classes->names[c]));
        }
        nn_text_add(&list, "]");
        char key[NN_NAME_ROOM];
        snprintf(key, sizeof key, "classes.%s", nn_model_text(&t->model, fields[k].name));
        nn_store_metadata(sink, key, list.bytes);
        nn_text_end(&list);
    }
}

static void weights_metadata(void *data, nn_sink *sink) { put_names(data, sink); }

static void put_whole(nn_sink *sink, const char *key, int64_t value) {
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)value);
    nn_store_metadata(sink, key, text);
}

static void put_number(nn_sink *sink, const char *key, double value) {
    char text[NN_NUMBER_ROOM];
    nn_number_print(text, value, true);
    nn_store_metadata(sink, key, text);
}

// What the last update left for the log to show: the gradient's norm, then each clause's rate.
static int32_t shown_tensor(const nn_model *m, uint32_t k) {
    return k == 0 ? m->manifest->gradient_norm : NN_TABLE(m, int32_t, rates)[k - 1];
}

static void checkpoint_metadata(void *data, nn_sink *sink) {
    const nn_trainer *t = data;
    static const char *const rows[NN_PARTS] = {"run.rows.train", "run.rows.test", "run.rows.validation"};
    put_names(t, sink);
    nn_store_metadata(sink, "run.program", nn_model_text(&t->model, t->model.manifest->run_digest));
    put_whole(sink, "run.step", t->at.step);
    put_whole(sink, "run.epoch", t->at.epoch);
    put_whole(sink, "run.batch", t->at.batch);
    put_whole(sink, "run.batch_number", (int64_t)t->at.batch_number);
    put_number(sink, "run.loss_sum", t->at.loss_sum);
    put_whole(sink, "run.loss_count", t->at.loss_count);
    put_number(sink, "run.best", t->at.best);
    put_number(sink, "run.elapsed", t->at.elapsed);
    put_whole(sink, "run.has_weights", t->at.has_weights);
    put_whole(sink, "run.ended", t->at.ended);
    for (uint32_t k = 0; k <= t->model.manifest->rates_count; k++) {
        char key[32];
        snprintf(key, sizeof key, "shown.%u", k);
        put_number(sink, key, nn_scalar_get(&t->model, shown_tensor(&t->model, k)));
    }
    for (int p = 0; p < NN_PARTS; p++) put_whole(sink, rows[p], t->data.parts[p].count);
    for (int k = 0; k < NN_OPTIONS; k++) {
        char key[64];
        snprintf(key, sizeof key, "option.%s", nn_option_name((nn_option)k) + 2);
        if (nn_option_kept((nn_option)k) != 0 && t->options->value[k] != NULL)
            nn_store_metadata(sink, key, t->options->value[k]);
    }
}

// ---- writing ----

// The files of a run's directory, and what they are called until they take their places.
typedef struct {
    char weights[NN_PATH_ROOM], checkpoint[NN_PATH_ROOM], previous[NN_PATH_ROOM];
    char fresh_weights[NN_PATH_ROOM], fresh_checkpoint[NN_PATH_ROOM];
} Paths;

static nn_status paths_of(nn_trainer *t, Paths *p) {
    nn_trainer_path(t, "weights.safetensors", p->weights);
    nn_trainer_path(t, "weights.safetensors.new", p->fresh_weights);
    nn_trainer_path(t, "checkpoint.safetensors", p->checkpoint);
    nn_trainer_path(t, "checkpoint.safetensors.new", p->fresh_checkpoint);
    nn_trainer_path(t, "checkpoint.previous.safetensors", p->previous);
    return t->ctx->status;
}

static nn_status prepare(nn_trainer *t, const char *fresh, const char *path, nn_contents contents) {
    nn_storing storing = {&t->model, contents,
                          contents == NN_WEIGHTS ? weights_metadata : checkpoint_metadata, t};
    nn_second_mark(t);
    return nn_file_prepare(t->ctx, fresh, path, nn_store_write, &storing);
}

// The newest keeps its name until the new one takes it, so a second name is made for it first.
static nn_status keep_newest(nn_trainer *t, const Paths *p) {
    char second[NN_PATH_ROOM + 8];
    if (!nn_file_exists(p->checkpoint)) return NN_OK;
    snprintf(second, sizeof second, "%s.tmp", p->previous);
    nn_system_remove(second);
    // A file system without second names: for a moment only `previous` is there, which --resume takes as
    // well.
    if (nn_system_link(p->checkpoint, second) != 0) snprintf(second, sizeof second, "%s", p->checkpoint);
    if (nn_system_rename(second, p->previous) != 0)
        nn_fail(t->ctx, NN_FILE, "cannot write %s: %s", p->previous, strerror(errno));
    // Where both names are of one file already, renaming does nothing.
    if (!nn_same(second, p->checkpoint)) nn_system_remove(second);
    return t->ctx->status;
}

// Another run's checkpoints must not be resumed beside this run's weights: they go first, when all that is
// new is on disk.
static nn_status make_way(nn_trainer *t, const Paths *p) {
    if (t->keep == NN_KEEP_NEWEST) return keep_newest(t, p);
    if (t->keep == NN_KEEP_PREVIOUS) return NN_OK;
    bool gone = nn_system_remove(p->previous) == 0 || errno == ENOENT;
    gone = gone && (nn_system_remove(p->checkpoint) == 0 || errno == ENOENT);
    return gone ? nn_file_sync_directory(t->ctx, p->checkpoint)
                : nn_fail(t->ctx, NN_FILE, "cannot replace %s: %s", p->checkpoint, strerror(errno));
}

nn_status nn_save(nn_trainer *t, bool checkpoint, bool weights) {
    Paths p;
    bool had_weights = t->at.has_weights;
    if (nn_check_finite(t) != NN_OK || paths_of(t, &p) != NN_OK) return t->ctx->status;
    if (weights && prepare(t, p.fresh_weights, p.weights, NN_WEIGHTS) != NN_OK) return t->ctx->status;
    t->at.has_weights = had_weights || weights;
    if ((!checkpoint || (prepare(t, p.fresh_checkpoint, p.checkpoint, NN_CHECKPOINT) == NN_OK &&
                         make_way(t, &p) == NN_OK)) &&
        (!weights || nn_file_rename(t->ctx, p.fresh_weights, p.weights) == NN_OK) &&
        (!checkpoint || nn_file_rename(t->ctx, p.fresh_checkpoint, p.checkpoint) == NN_OK)) {
        t->keep = checkpoint ? NN_KEEP_NEWEST : t->keep;
        return NN_OK;
    }
    t->at.has_weights = had_weights;
    nn_system_remove(p.fresh_weights);
    nn_system_remove(p.fresh_checkpoint);
    return t->ctx->status;
}

// ---- reading ----

nn_status nn_store_load(nn_context *ctx, const nn_model *m, const char *path, const unsigned char *bytes,
                        uint64_t size, nn_contents contents, bool apply) {
    uint64_t entries = nn_store_entries(bytes, size);
    nn_archive a = {.model = m, .path = path, .contents = contents, .span_room = entries};
    a.tensors = nn_get(ctx, m->manifest->tensors_count, sizeof *a.tensors);
    a.spans = nn_get(ctx, entries, sizeof *a.spans);
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

static bool text_of(nn_context *ctx, nn_json value, char **out) {
    uint64_t length;
    nn_json again = value;
    if (!nn_json_string(&value, NULL, 0, &length) || (*out = nn_get(ctx, length + 1, 1)) == NULL)
        return false;
    return nn_json_string(&again, *out, length + 1, NULL);
}

// The list of class names, a JSON array inside a JSON text.
static nn_status take_classes(nn_trainer *t, nn_context *ctx, const char *field, nn_json value) {
    const nn_field *fields = NN_TABLE(&t->model, nn_field, fields);
    char *list;
    if (!text_of(ctx, value, &list))
        return ctx->status != NN_OK ? ctx->status
                                    : nn_fail(ctx, NN_DATA, "the class names of %s are damaged", field);
    for (uint32_t k = 0; k < t->model.manifest->fields_count; k++) {
        if (!nn_same(nn_model_text(&t->model, fields[k].name), field) || !fields[k].is_class) continue;
        uint64_t room = strlen(list) < (uint64_t)fields[k].limit ? strlen(list) : (uint64_t)fields[k].limit;
        nn_classes classes = {0, nn_get(ctx, room, sizeof *classes.names)};
        nn_json j = {.at = list, .end = list + strlen(list)};
        bool ok = classes.names != NULL && nn_json_take(&j, '[');
        do {
            char *name = NULL;
            ok = ok && classes.count < (int64_t)room && nn_json_peek(&j, '"') && text_of(ctx, j, &name) &&
                 nn_json_skip(&j, 0);
            if (ok) classes.names[classes.count++] = name;
        } while (ok && nn_json_take(&j, ','));
        if (!ok || !nn_json_take(&j, ']') || classes.count != fields[k].limit)
            return ctx->status != NN_OK ? ctx->status
                                        : nn_fail(ctx, NN_DATA,
                                                  "expected %lld class names for %s, found others: are these "
                                                  "the weights of another model?",
                                                  (long long)fields[k].limit, field);
        t->data.classes[k] = classes;
    }
    nn_drop(ctx, list);
    return NN_OK;
}

static nn_status weights_entry(void *data, nn_context *ctx, const char *key, nn_json value) {
    nn_trainer *t = data;
    if (strncmp(key, "classes.", 8) == 0) return take_classes(t, ctx, key + 8, value);
    return !nn_same(key, "columns") || text_of(ctx, value, &t->data.header)
               ? ctx->status
               : nn_fail(ctx, NN_DATA, "the names of the columns that lie with the weights are damaged");
}

nn_status nn_trainer_weights(nn_trainer *t) {
    const char *given = t->options->value[NN_OPTION_WEIGHTS];
    char path[NN_PATH_ROOM];
    unsigned char *bytes;
    uint64_t size;
    if (given == NULL && nn_trainer_path(t, "weights.safetensors", path) != NN_OK) return t->ctx->status;
    if (given != NULL)
        snprintf(path, sizeof path, "%s", given);
    else if (!nn_file_exists(path))
        return nn_fail(t->ctx, NN_FILE, "cannot find the weights %s: train first, or say --weights FILE",
                       path);
    if (nn_file_read(t->ctx, path, &bytes, &size) != NN_OK) return t->ctx->status;
    nn_safetensors_visitor visitor = {.metadata = weights_entry, .data = t};
    nn_status status = nn_store_load(t->ctx, &t->model, path, bytes, size, NN_WEIGHTS, true);
    if (status == NN_OK) status = nn_safetensors_parse(t->ctx, path, bytes, size, &visitor, NULL);
    nn_drop(t->ctx, bytes);
    return status;
}

static bool number_of(const char *text, double *value) {
    if (nn_same(text, "inf") || nn_same(text, "-inf") || nn_same(text, "nan")) {
        *value = nn_same(text, "inf")   ? (double)INFINITY
                 : nn_same(text, "nan") ? (double)NAN
                                        : -(double)INFINITY;
        return true;
    }
    return nn_number_parse(text, strlen(text), value);
}

static nn_status checkpoint_entry(void *data, nn_context *ctx, const char *key, nn_json value) {
    Reading *reading = data;
    nn_resumed *r = reading->r;
    char *text;
    int64_t batch_number = 0, has_weights = 0, ended = 0, number = 0;
    bool shown = strncmp(key, "shown.", 6) == 0;
    if (strncmp(key, "run.", 4) != 0 && strncmp(key, "option.", 7) != 0 && !shown)
        return weights_entry(reading->t, ctx, key, value);
    if (!text_of(ctx, value, &text))
        return ctx->status != NN_OK ? ctx->status
                                    : nn_fail(ctx, NN_DATA, "%s: its metadata is damaged", r->path);
    for (int k = 0; k < NN_OPTIONS && key[0] == 'o'; k++) {
        if (nn_same(key + 7, nn_option_name((nn_option)k) + 2)) r->value[k] = text;
    }
    if (shown && nn_integer_parse(key + 6, strlen(key + 6), &number) && number >= 0 &&
        number <= reading->t->model.manifest->rates_count && !number_of(text, &r->shown[number]))
        return nn_fail(ctx, NN_DATA, "%s: its metadata is damaged (%s)", r->path, key);
    if (nn_same(key, "run.program")) snprintf(r->run_digest, sizeof r->run_digest, "%s", text);
    const struct {
        const char *key;
        int64_t *whole;
        double *number;
    } entries[] = {{"run.step", &r->at.step, NULL},           {"run.epoch", &r->at.epoch, NULL},
                   {"run.batch", &r->at.batch, NULL},         {"run.batch_number", &batch_number, NULL},
                   {"run.loss_sum", NULL, &r->at.loss_sum},   {"run.loss_count", &r->at.loss_count, NULL},
                   {"run.best", NULL, &r->at.best},           {"run.elapsed", NULL, &r->at.elapsed},
                   {"run.has_weights", &has_weights, NULL},   {"run.ended", &ended, NULL},
                   {"run.rows.train", &r->rows[0], NULL},     {"run.rows.test", &r->rows[1], NULL},
                   {"run.rows.validation", &r->rows[2], NULL}};
    for (size_t k = 0; k < sizeof entries / sizeof *entries; k++) {
        if (!nn_same(entries[k].key, key)) continue;
        bool ok = entries[k].whole != NULL
                      ? nn_integer_parse(text, strlen(text), entries[k].whole) && *entries[k].whole >= 0
                      : number_of(text, entries[k].number);
        if (!ok) return nn_fail(ctx, NN_DATA, "%s: its metadata is damaged (%s)", r->path, key);
        reading->seen |= 1u << k;
    }
    r->at.batch_number = nn_same(key, "run.batch_number") ? (uint64_t)batch_number : r->at.batch_number;
    r->at.has_weights = nn_same(key, "run.has_weights") ? has_weights != 0 : r->at.has_weights;
    r->at.ended = nn_same(key, "run.ended") ? ended != 0 : r->at.ended;
    return NN_OK;
}

static nn_status read_checkpoint(nn_trainer *t, nn_resumed *r, const char *path) {
    Reading reading = {t, r, 0};
    nn_safetensors_visitor visitor = {.metadata = checkpoint_entry, .data = &reading};
    r->path = path;
    r->shown = nn_get(t->ctx, t->model.manifest->rates_count + 1ull, sizeof *r->shown);
    if (r->shown == NULL || nn_file_read(t->ctx, path, &r->bytes, &r->size) != NN_OK ||
        nn_safetensors_parse(t->ctx, path, r->bytes, r->size, &visitor, NULL) != NN_OK)
        return t->ctx->status;
    if (reading.seen != (1u << 13) - 1 || r->run_digest[0] == '\0')
        return nn_fail(t->ctx, NN_DATA, "%s: this is no checkpoint (weights alone cannot be resumed)", path);
    if (!nn_same(r->run_digest, nn_model_text(&t->model, t->model.manifest->run_digest)))
        return nn_fail(t->ctx, NN_DATA,
                       "%s: the checkpoint is of another program; only epochs, steps and stop may differ",
                       path);
    return nn_store_load(t->ctx, &t->model, path, r->bytes, r->size, NN_CHECKPOINT, false);
}

// The newest checkpoint that is whole. A damaged one is passed over, with a message; one of another program
// is an error.
nn_status nn_checkpoint_find(nn_trainer *t, nn_resumed *r) {
    static const char *const names[] = {"checkpoint.safetensors", "checkpoint.previous.safetensors"};
    char *paths = nn_get(t->ctx, 2, NN_PATH_ROOM);
    if (paths == NULL) return t->ctx->status;
    char first[sizeof t->ctx->message] = "";
    nn_status first_status = NN_OK;
    for (int k = 0; k < 2; k++) {
        char *path = paths + k * NN_PATH_ROOM;
        *r = (nn_resumed){0};
        if (nn_trainer_path(t, names[k], path) != NN_OK) return t->ctx->status;
        if (!nn_file_exists(path)) continue;
        if (read_checkpoint(t, r, path) == NN_OK) {
            if (first_status != NN_OK) nn_message("warning", first);
            r->previous = k == 1;
            return NN_OK;
        }
        if (t->ctx->status != NN_DATA) return t->ctx->status;
        if (first_status == NN_OK) {
            first_status = t->ctx->status;
            snprintf(first, sizeof first, "%s", t->ctx->message);
        }
        nn_forget(t->ctx);
    }
    *r = (nn_resumed){0};
    return first_status == NN_OK ? NN_OK : nn_fail(t->ctx, first_status, "%s", first);
}

// The arena, and class names, as they were; rows that were kept have no place before the data are known.
nn_status nn_checkpoint_state(nn_trainer *t, const nn_resumed *r) {
    nn_safetensors_visitor classes = {.metadata = weights_entry, .data = t};
    if (nn_safetensors_parse(t->ctx, r->path, r->bytes, r->size, &classes, NULL) != NN_OK)
        return t->ctx->status;
    return nn_store_load(t->ctx, &t->model, r->path, r->bytes, r->size, NN_CHECKPOINT, true);
}

nn_status nn_checkpoint_apply(nn_trainer *t, const nn_resumed *r) {
    static const char *const parts[NN_PARTS] = {"training", "test", "validation"};
    for (int p = 0; p < NN_PARTS; p++) {
        if (r->rows[p] != t->data.parts[p].count)
            return nn_fail(t->ctx, NN_DATA,
                           "--resume: the data have %lld %s rows, the checkpoint's run had %lld",
                           (long long)t->data.parts[p].count, parts[p], (long long)r->rows[p]);
    }
    t->at = r->at;
    nn_second_mark(t);
    t->keep = r->previous ? NN_KEEP_PREVIOUS : NN_KEEP_NEWEST;
    for (uint32_t k = 0; k <= t->model.manifest->rates_count; k++)
        nn_scalar_put(&t->model, shown_tensor(&t->model, k), r->shown[k]);
    return nn_store_load(t->ctx, &t->model, r->path, r->bytes, r->size, NN_CHECKPOINT, true);
}
