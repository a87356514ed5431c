// Weights and checkpoints of a run. A new checkpoint takes the place of the one before, which is kept as `previous`.
// Guarantees: at every moment there is a whole checkpoint under one of the two names, once there has been one.
#include "train/train.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

nn_status nn_check_finite(nn_trainer *t) {
    for (uint32_t k = 0; k < t->model.manifest->tensors_count; k++) {
        const nn_tensor *of = nn_model_tensor(&t->model, (int32_t)k);
        if (of->kind == NN_PARAM && of->offset >= 0 && !nn_tensor_finite(&t->model, of))
            return nn_fail(t->ctx, NN_NOT_FINITE, "the parameter %s is not finite after step %lld; nothing was saved",
                           nn_model_text(&t->model, of->name), (long long)t->at.step);
    }
    return NN_OK;
}

// ---- metadata ----

static void put_classes(const nn_trainer *t, nn_sink *sink) {
    const nn_field *fields = NN_TABLE(&t->model, nn_field, fields);
    for (uint32_t k = 0; k < t->model.manifest->fields_count; k++) {
        const nn_classes *classes = &t->data.classes[k];
        if (classes->count == 0)
            continue;
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

static void weights_metadata(void *data, nn_sink *sink) { put_classes(data, sink); }

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

static void checkpoint_metadata(void *data, nn_sink *sink) {
    const nn_trainer *t = data;
    static const char *const rows[NN_PARTS] = {"run.rows.train", "run.rows.test", "run.rows.validation"};
    put_classes(t, sink);
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
    for (int p = 0; p < NN_PARTS; p++)
        put_whole(sink, rows[p], t->data.parts[p].count);
    for (int k = 0; k < NN_OPTIONS; k++) {
        char key[64];
        snprintf(key, sizeof key, "option.%s", nn_option_name((nn_option)k) + 2);
        if (nn_option_kept((nn_option)k) != 0 && t->options->value[k] != NULL)
            nn_store_metadata(sink, key, t->options->value[k]);
    }
}

// ---- writing ----

static nn_status write_store(nn_trainer *t, const char *path, nn_contents contents) {
    nn_storing storing = {&t->model, contents, contents == NN_WEIGHTS ? weights_metadata : checkpoint_metadata, t};
    return nn_file_replace(t->ctx, path, nn_store_write, &storing);
}

nn_status nn_save_weights(nn_trainer *t) {
    char path[NN_PATH_ROOM];
    if (nn_check_finite(t) != NN_OK || nn_trainer_path(t, "weights.safetensors", path) != NN_OK)
        return t->ctx->status;
    return write_store(t, path, NN_WEIGHTS);
}

// The newest keeps its name until the new one takes it, so a second name is made for it first.
static nn_status keep_previous(nn_trainer *t, const char *path) {
    char previous[NN_PATH_ROOM], second[NN_PATH_ROOM + 8];
    if (!nn_file_exists(path))
        return NN_OK;
    if (nn_trainer_path(t, "checkpoint.previous.safetensors", previous) != NN_OK)
        return t->ctx->status;
    snprintf(second, sizeof second, "%s.tmp", previous);
    nn_system_remove(second);
    // A file system without second names: for a moment only `previous` is there, which --resume takes as well.
    if (nn_system_link(path, second) != 0)
        snprintf(second, sizeof second, "%s", path);
    if (nn_system_rename(second, previous) != 0)
        nn_fail(t->ctx, NN_FILE, "cannot write %s: %s", previous, strerror(errno));
    // Where both names are of one file already, renaming does nothing.
    if (!nn_same(second, path))
        nn_system_remove(second);
    return t->ctx->status;
}

nn_status nn_save_checkpoint(nn_trainer *t) {
    char path[NN_PATH_ROOM], fresh[NN_PATH_ROOM];
    if (nn_check_finite(t) != NN_OK || nn_trainer_path(t, "checkpoint.safetensors", path) != NN_OK
        || nn_trainer_path(t, "checkpoint.safetensors.new", fresh) != NN_OK)
        return t->ctx->status;
    if (write_store(t, fresh, NN_CHECKPOINT) != NN_OK || keep_previous(t, path) != NN_OK) {
        nn_system_remove(fresh);
        return t->ctx->status;
    }
    if (nn_system_rename(fresh, path) != 0) {
        nn_fail(t->ctx, NN_FILE, "cannot replace %s: %s", path, strerror(errno));
        nn_system_remove(fresh);
        return t->ctx->status;
    }
    return nn_file_sync_directory(t->ctx, path);
}

// ---- reading ----

nn_status nn_store_load(nn_context *ctx, const nn_model *m, const char *path, const unsigned char *bytes, uint64_t size,
                        nn_contents contents, bool apply) {
    uint64_t entries = nn_store_entries(bytes, size);
    nn_archive a = {.model = m, .path = path, .contents = contents, .span_room = entries};
    a.tensors = nn_get(ctx, m->manifest->tensors_count, sizeof *a.tensors);
    a.spans = nn_get(ctx, entries, sizeof *a.spans);
    if (a.tensors == NULL || a.spans == NULL)
        return ctx->status;
    nn_status status = nn_store_read(ctx, &a, bytes, size);
    if (status == NN_OK && apply)
        nn_store_apply(&a);
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
        return ctx->status != NN_OK ? ctx->status : nn_fail(ctx, NN_DATA, "the class names of %s are damaged", field);
    for (uint32_t k = 0; k < t->model.manifest->fields_count; k++) {
        if (!nn_same(nn_model_text(&t->model, fields[k].name), field) || fields[k].limit <= 0)
            continue;
        nn_classes classes = {0, nn_get(ctx, (uint64_t)fields[k].limit, sizeof *classes.names)};
        nn_json j = {.at = list, .end = list + strlen(list)};
        bool ok = classes.names != NULL && nn_json_take(&j, '[');
        do {
            char *name = NULL;
            ok = ok && classes.count < fields[k].limit && nn_json_peek(&j, '"') && text_of(ctx, j, &name) && nn_json_skip(&j, 0);
            if (ok)
                classes.names[classes.count++] = name;
        } while (ok && nn_json_take(&j, ','));
        if (!ok || !nn_json_take(&j, ']') || classes.count != fields[k].limit)
            return ctx->status != NN_OK ? ctx->status
                                        : nn_fail(ctx, NN_DATA, "expected %lld class names for %s, found others: are these the weights of another model?",
                                                  (long long)fields[k].limit, field);
        t->data.classes[k] = classes;
    }
    nn_drop(ctx, list);
    return NN_OK;
}

static nn_status weights_entry(void *data, nn_context *ctx, const char *key, nn_json value) {
    if (strncmp(key, "classes.", 8) != 0)
        return NN_OK;
    return take_classes(data, ctx, key + 8, value);
}

nn_status nn_trainer_weights(nn_trainer *t) {
    const char *given = t->options->value[NN_OPTION_WEIGHTS];
    char path[NN_PATH_ROOM];
    unsigned char *bytes;
    uint64_t size;
    if (given == NULL && nn_trainer_path(t, "weights.safetensors", path) != NN_OK)
        return t->ctx->status;
    if (given != NULL)
        snprintf(path, sizeof path, "%s", given);
    else if (!nn_file_exists(path))
        return nn_fail(t->ctx, NN_FILE, "cannot find the weights %s: train first, or say --weights FILE", path);
    if (nn_file_read(t->ctx, path, &bytes, &size) != NN_OK)
        return t->ctx->status;
    nn_safetensors_visitor visitor = {.metadata = weights_entry, .data = t};
    nn_status status = nn_store_load(t->ctx, &t->model, path, bytes, size, NN_WEIGHTS, true);
    if (status == NN_OK)
        status = nn_safetensors_parse(t->ctx, path, bytes, size, &visitor, NULL);
    nn_drop(t->ctx, bytes);
    return status;
}

static bool number_of(const char *text, double *value) {
    if (nn_same(text, "inf") || nn_same(text, "-inf") || nn_same(text, "nan")) {
        *value = nn_same(text, "inf") ? (double)INFINITY : nn_same(text, "nan") ? (double)NAN : -(double)INFINITY;
        return true;
    }
    return nn_number_parse(text, strlen(text), value);
}

static nn_status checkpoint_entry(void *data, nn_context *ctx, const char *key, nn_json value) {
    Reading *reading = data;
    nn_resumed *r = reading->r;
    char *text;
    int64_t batch_number = 0, has_weights = 0;
    if (strncmp(key, "run.", 4) != 0 && strncmp(key, "option.", 7) != 0)
        return NN_OK;
    if (!text_of(ctx, value, &text))
        return ctx->status != NN_OK ? ctx->status : nn_fail(ctx, NN_DATA, "%s: its metadata is damaged", r->path);
    for (int k = 0; k < NN_OPTIONS && key[0] == 'o'; k++) {
        if (nn_same(key + 7, nn_option_name((nn_option)k) + 2))
            r->value[k] = text;
    }
    if (nn_same(key, "run.program"))
        snprintf(r->run_digest, sizeof r->run_digest, "%s", text);
    const struct {
        const char *key;
        int64_t *whole;
        double *number;
    } entries[] = {{"run.step", &r->at.step, NULL},           {"run.epoch", &r->at.epoch, NULL},
                   {"run.batch", &r->at.batch, NULL},         {"run.batch_number", &batch_number, NULL},
                   {"run.loss_sum", NULL, &r->at.loss_sum},   {"run.loss_count", &r->at.loss_count, NULL},
                   {"run.best", NULL, &r->at.best},           {"run.elapsed", NULL, &r->at.elapsed},
                   {"run.has_weights", &has_weights, NULL},   {"run.rows.train", &r->rows[0], NULL},
                   {"run.rows.test", &r->rows[1], NULL},      {"run.rows.validation", &r->rows[2], NULL}};
    for (size_t k = 0; k < sizeof entries / sizeof *entries; k++) {
        if (!nn_same(entries[k].key, key))
            continue;
        bool ok = entries[k].whole != NULL ? nn_integer_parse(text, strlen(text), entries[k].whole) && *entries[k].whole >= 0
                                           : number_of(text, entries[k].number);
        if (!ok)
            return nn_fail(ctx, NN_DATA, "%s: its metadata is damaged (%s)", r->path, key);
        reading->seen |= 1u << k;
    }
    r->at.batch_number = nn_same(key, "run.batch_number") ? (uint64_t)batch_number : r->at.batch_number;
    r->at.has_weights = nn_same(key, "run.has_weights") ? has_weights != 0 : r->at.has_weights;
    return NN_OK;
}

static nn_status read_checkpoint(nn_trainer *t, nn_resumed *r, const char *path) {
    Reading reading = {t, r, 0};
    nn_safetensors_visitor visitor = {.metadata = checkpoint_entry, .data = &reading};
    r->path = path;
    if (nn_file_read(t->ctx, path, &r->bytes, &r->size) != NN_OK
        || nn_safetensors_parse(t->ctx, path, r->bytes, r->size, &visitor, NULL) != NN_OK)
        return t->ctx->status;
    if (reading.seen != (1u << 12) - 1 || r->run_digest[0] == '\0')
        return nn_fail(t->ctx, NN_DATA, "%s: this is no checkpoint (weights alone cannot be resumed)", path);
    if (!nn_same(r->run_digest, nn_model_text(&t->model, t->model.manifest->run_digest)))
        return nn_fail(t->ctx, NN_DATA, "%s: the checkpoint is of another program; only epochs, steps and stop may differ", path);
    return nn_store_load(t->ctx, &t->model, path, r->bytes, r->size, NN_CHECKPOINT, false);
}

// The newest checkpoint that is whole. A damaged one is passed over, with a message; one of another program is an error.
nn_status nn_checkpoint_find(nn_trainer *t, nn_resumed *r) {
    static const char *const names[] = {"checkpoint.safetensors", "checkpoint.previous.safetensors"};
    char *paths = nn_get(t->ctx, 2, NN_PATH_ROOM);
    if (paths == NULL)
        return t->ctx->status;
    char first[sizeof t->ctx->message] = "";
    nn_status first_status = NN_OK;
    for (int k = 0; k < 2; k++) {
        char *path = paths + k * NN_PATH_ROOM;
        *r = (nn_resumed){0};
        if (nn_trainer_path(t, names[k], path) != NN_OK)
            return t->ctx->status;
        if (!nn_file_exists(path))
            continue;
        if (read_checkpoint(t, r, path) == NN_OK) {
            if (first_status != NN_OK)
                nn_message("warning", first);
            r->previous = k == 1;
            return NN_OK;
        }
        if (t->ctx->status != NN_DATA)
            return t->ctx->status;
        if (first_status == NN_OK) {
            first_status = t->ctx->status;
            snprintf(first, sizeof first, "%s", t->ctx->message);
        }
        nn_forget(t->ctx);
    }
    *r = (nn_resumed){0};
    return first_status == NN_OK ? NN_OK : nn_fail(t->ctx, first_status, "%s", first);
}

nn_status nn_checkpoint_apply(nn_trainer *t, const nn_resumed *r) {
    static const char *const parts[NN_PARTS] = {"training", "test", "validation"};
    for (int p = 0; p < NN_PARTS; p++) {
        if (r->rows[p] != t->data.parts[p].count)
            return nn_fail(t->ctx, NN_DATA, "--resume: the data have %lld %s rows, the checkpoint's run had %lld",
                           (long long)t->data.parts[p].count, parts[p], (long long)r->rows[p]);
    }
    t->at = r->at;
    return nn_store_load(t->ctx, &t->model, r->path, r->bytes, r->size, NN_CHECKPOINT, true);
}
