// What the exported functions of an object file do: a model in one piece of memory, its numbers and its
// files; object_rows.c trains and asks it. Guarantees of both: no memory is asked for after creation, nothing
// is printed, no signal or global state is touched, the host's floating-point state is given back; arguments
// are checked before anything changes, and what is wrong with them is said in a text that the instance keeps;
// loading is all or nothing.
#include "train/object.h"

#include "base/order.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

// ---- what went wrong ----

const char *nn_object_error(const void *object) {
    return object == NULL ? "the instance is NULL" : ((const Object *)object)->ctx.message;
}

// ---- the piece of memory ----

typedef struct {
    unsigned char *at; // NULL: only counted
    uint64_t used;
} Carve;

static void *carve(Carve *c, uint64_t count, uint64_t size) {
    uint64_t at = c->used;
    c->used += (count * size + 63) / 64 * 64;
    return c->at == NULL ? NULL : c->at + at;
}

static void lay_out(const nn_model *m, Carve *c, Object **out) {
    const nn_manifest *mf = m->manifest;
    Object local = {0}, *o = carve(c, 1, sizeof *o);
    o = o == NULL ? &local : o;
    nn_trainer *t = &o->trainer;
    t->model = *m;
    nn_spans_list(m, NULL, &t->span_count, &t->span_bytes);
    t->spans = carve(c, (uint64_t)t->span_count, sizeof *t->spans);
    t->initial = carve(c, (uint64_t)t->span_bytes, 1);
    t->saved = carve(c, (uint64_t)t->span_bytes, 1);
    o->sources = carve(c, mf->sources_count, sizeof *o->sources);
    o->rowmap = carve(c, (uint64_t)mf->batch, sizeof *o->rowmap);
    o->stored = carve(c, mf->tensors_count, sizeof *o->stored);
    o->file_spans = carve(c, mf->tensors_count, sizeof *o->file_spans);
    unsigned char *arena = carve(c, (uint64_t)mf->arena + 2 * NN_MARGIN, 1);
    t->model.arena = arena == NULL ? NULL : arena + NN_MARGIN;
    *out = o == &local ? NULL : o;
}

uint64_t nn_object_size(const void *manifest) {
    nn_model m = {.manifest = manifest};
    Carve count = {NULL, 0};
    Object *none;
    lay_out(&m, &count, &none);
    return count.used + 64; // wherever the caller's memory begins
}

static void catch_up(nn_trainer *t) {
    uint32_t state = nn_float_enter();
    nn_object_run(t, NN_CATCH_UP);
    nn_float_restore(state);
}

// Parameters, states and slots at their beginnings.
static void draw_initial(nn_trainer *t) {
    nn_catch_up(t); // later than these no row waits
    uint32_t state = nn_float_enter();
    nn_model_start(&t->model, 1 << NN_GRADIENT);
    t->call.seed = t->seed;
    t->call.batch_number = 0;
    nn_object_run(t, NN_INITIAL);
    nn_float_restore(state);
}

int32_t nn_object_rate(Object *o, const char *name, double lr) {
    bool any = false;
    const nn_model *m = &o->trainer.model;
    const nn_setting *settings = NN_TABLE(m, nn_setting, settings);
    if (!isfinite(lr) || lr < 0)
        return REFUSE(o, NN_USAGE, "%s is %g, and must be a finite number from 0", name, lr);
    for (uint32_t k = 0; k < m->manifest->settings_count; k++) {
        any = any || settings[k].is_rate;
        if (settings[k].is_rate) nn_scalar_put(m, settings[k].tensor, lr);
    }
    o->lr_refused = o->lr_refused && !any;
    return any ? NN_OK
               : REFUSE(o, NN_USAGE, "%s is given, and the program has no learning rate to set", name);
}

int32_t nn_object_set_lr(void *object, double lr) {
    return object == NULL ? NN_USAGE : nn_object_rate(object, "lr", lr);
}

void nn_object_lengths(Object *o, const nn_config *config) {
    const nn_model *m = &o->trainer.model;
    const int32_t *clock = m->manifest->clock;
    int64_t length = config->steps_per_epoch;
    nn_scalar_put(m, clock[NN_CLOCK_STEPS], (double)config->steps);
    nn_scalar_put(m, clock[NN_CLOCK_EPOCH_LENGTH], (double)length);
    nn_scalar_put(m, clock[NN_CLOCK_EPOCHS],
                  length > 0 ? (double)(config->steps / length + (config->steps % length != 0)) : 0);
}

static void start(Object *o, const nn_config *config) {
    nn_trainer *t = &o->trainer;
    const nn_manifest *mf = t->model.manifest;
    t->ctx = &o->ctx;
    o->config = config == NULL ? (nn_config){0} : *config;
    t->seed = o->config.seed == 0 ? (uint64_t)mf->seed : o->config.seed;
    t->batch = mf->batch;
    nn_spans_list(&t->model, t->spans, &t->span_count, &t->span_bytes);
    for (int32_t k = 0; k < mf->batch; k++) o->rowmap[k] = k;
    nn_model_start(&t->model, NN_STARTED);
    t->call = (nn_call){.arena = t->model.arena,
                        .sources = o->sources,
                        .rows = mf->batch,
                        .order = nn_order,
                        .plan = nn_plan};
    t->catch_up = nn_model_has(&t->model, NN_CATCH_UP) ? catch_up : NULL;
    draw_initial(t);
    nn_states_remember(t);
    nn_object_lengths(o, &o->config);
    o->lr_refused = o->config.lr != 0 && nn_object_rate(o, "config.lr", o->config.lr) != NN_OK;
}

void *nn_object_init(const void *manifest, nn_run *run, void *memory, uint64_t bytes,
                     const nn_config *config) {
    nn_model m = {.manifest = manifest, .run = run};
    const char *feature;
    if (memory == NULL || bytes < nn_object_size(manifest) ||
        nn_processor_lacks(nn_model_text(&m, m.manifest->features), &feature) > 0)
        return NULL;
    unsigned char *at = memory;
    at += (64 - (uintptr_t)at % 64) % 64;
    memset(at, 0, (size_t)(nn_object_size(manifest) - 64));
    Carve place = {at, 0};
    Object *o;
    lay_out(&m, &place, &o);
    start(o, config);
    return o;
}

void *nn_object_create(const void *manifest, nn_run *run, const nn_config *config) {
    void *memory = nn_memory_take(nn_object_size(manifest));
    if (memory == NULL) return NULL;
    // Memory taken here is aligned, so the object lies at its beginning.
    Object *o = nn_object_init(manifest, run, memory, nn_object_size(manifest), config);
    if (o == NULL)
        nn_memory_give(memory);
    else
        o->owned = true;
    return o;
}

void nn_object_destroy(void *object) {
    Object *o = object;
    if (o == NULL) return;
    if (o->names != NULL) nn_object_names.end(o->names);
    o->names = NULL;
    if (o->owned) nn_memory_give(o);
}

// ---- what it is made of ----

int64_t nn_object_step(const void *object) {
    return object == NULL ? 0 : ((const Object *)object)->trainer.at.step;
}

// The parameter or state of this name, if there are as many numbers; NULL: it is said what is wrong.
static const nn_tensor *parameter(Object *o, const char *name, const void *values, uint64_t count) {
    if (name == NULL || values == NULL) {
        (void)REFUSE(o, NN_USAGE, "%s is NULL", name == NULL ? "name" : "values");
        return NULL;
    }
    const nn_model *m = &o->trainer.model;
    for (uint32_t k = 0; k < m->manifest->tensors_count; k++) {
        const nn_tensor *t = nn_model_tensor(m, (int32_t)k);
        if (!nn_store_holds(m, t, NN_OBJECT) || !nn_same(nn_model_text(m, t->name), name)) continue;
        if ((uint64_t)nn_tensor_elements(t) == count) return t;
        (void)REFUSE(o, NN_USAGE, "count is %llu: %s has %lld numbers", (unsigned long long)count, name,
                     (long long)nn_tensor_elements(t));
        return NULL;
    }
    (void)REFUSE(o, NN_USAGE, "there is no parameter %.200s", name);
    return NULL;
}

// What the caller passes is of the header's real type, also for states that are integers or doubles.
static int32_t put_whole(Object *o, const nn_tensor *t, const void *values, uint64_t count) {
    const nn_model *m = &o->trainer.model;
    for (uint64_t k = 0; k < count; k++) {
        double value = nn_value_get(m, NN_REAL, values, (int64_t)k);
        if (!(value >= (double)INT32_MIN && value <= (double)INT32_MAX) || value != (double)(int32_t)value ||
            !nn_store_allows(t, (int32_t)value))
            return REFUSE(o, NN_DATA, "values[%llu] is %g: %s does not hold this", (unsigned long long)k,
                          value, nn_model_text(m, t->name));
    }
    for (uint64_t k = 0; k < count; k++) {
        int32_t value = (int32_t)nn_value_get(m, NN_REAL, values, (int64_t)k);
        nn_tensor_put(m, t, (int64_t)k, 1, &value);
    }
    return NN_OK;
}

int32_t nn_object_get_parameter(void *object, const char *name, void *values, uint64_t count) {
    Object *o = object;
    const nn_tensor *t = o == NULL ? NULL : parameter(o, name, values, count);
    if (t == NULL) return NN_USAGE;
    const nn_model *m = &o->trainer.model;
    nn_catch_up(&o->trainer);
    if (t->type == NN_REAL) nn_tensor_get(m, t, 0, (int64_t)count, values);
    for (uint64_t k = 0; k < count && t->type != NN_REAL; k++)
        nn_value_put(m, NN_REAL, values, (int64_t)k, nn_tensor_number(m, t, (int64_t)k));
    return NN_OK;
}

int32_t nn_object_set_parameter(void *object, const char *name, const void *values, uint64_t count) {
    Object *o = object;
    const nn_tensor *t = o == NULL ? NULL : parameter(o, name, values, count);
    if (t == NULL) return NN_USAGE;
    const nn_model *m = &o->trainer.model;
    nn_catch_up(&o->trainer);
    if (!nn_is_real(t->type)) return put_whole(o, t, values, count);
    if (t->type == NN_REAL) nn_tensor_put(m, t, 0, (int64_t)count, values);
    for (uint64_t k = 0; k < count && t->type != NN_REAL; k++)
        nn_tensor_put(m, t, (int64_t)k, 1, &(double){nn_value_get(m, NN_REAL, values, (int64_t)k)});
    return NN_OK;
}

// ---- files and memory ----

// Where the training stands.
enum { ENTRIES = 7 };

static void entries_of(nn_position *at, int64_t *pending, nn_entry entries[ENTRIES]) {
    entries[0] = (nn_entry){"object.step", &at->step, NULL};
    entries[1] = (nn_entry){"object.epoch", &at->epoch, NULL};
    entries[2] = (nn_entry){"object.batch_number", &at->batch_number, NULL};
    entries[3] = (nn_entry){"object.pending", pending, NULL};
    entries[4] = (nn_entry){"object.batch", &at->batch, NULL};
    entries[5] = (nn_entry){"object.loss_sum", NULL, &at->loss_sum};
    entries[6] = (nn_entry){"object.loss_count", &at->loss_count, NULL};
}

static void put_position(void *data, nn_sink *sink) {
    Object *o = data;
    nn_entry entries[ENTRIES];
    entries_of(&o->trainer.at, &o->pending, entries);
    nn_entries_put(sink, entries, ENTRIES);
    if (o->names != NULL) nn_object_names.put(o->names, sink);
}

static nn_storing storing(Object *o) { return (nn_storing){&o->trainer.model, NN_OBJECT, put_position, o}; }

int32_t nn_object_save(void *object, const char *path) {
    Object *o = object;
    if (o == NULL) return NN_USAGE;
    if (path == NULL) return REFUSE(o, NN_USAGE, "path is NULL");
    nn_storing s = storing(o);
    nn_catch_up(&o->trainer);
    nn_forget(&o->ctx);
    nn_averages_swap(s.model, &o->trainer.at);
    nn_status status = nn_file_replace(&o->ctx, path, nn_store_write, &s);
    nn_averages_swap(s.model, &o->trainer.at);
    return (int32_t)status;
}

int32_t nn_object_save_memory(void *object, void *memory, uint64_t bytes, uint64_t *needed) {
    Object *o = object;
    nn_sink sink;
    if (o == NULL) return NN_USAGE;
    nn_storing s = storing(o);
    nn_sink_memory(&sink, memory, memory == NULL ? 0 : bytes);
    nn_catch_up(&o->trainer);
    nn_averages_swap(s.model, &o->trainer.at);
    nn_store_write(&s, &sink);
    nn_averages_swap(s.model, &o->trainer.at);
    if (needed != NULL) *needed = sink.count;
    if (memory == NULL || sink.count <= bytes) return NN_OK;
    return REFUSE(o, NN_USAGE, "bytes is %llu: %llu are needed", (unsigned long long)bytes,
                  (unsigned long long)sink.count);
}

typedef struct {
    const char *path; // what messages call the file
    nn_entry entries[ENTRIES];
} Arrived;

static nn_status take_position(void *arrived, nn_context *ctx, const char *key, nn_json value) {
    const Arrived *a = arrived;
    return nn_entries_take(ctx, a->path, a->entries, ENTRIES, key, value, &(uint32_t){0});
}

// A file may be of the same network without averages, however many updates it has seen.
static void take_averages(Object *o) {
    const nn_model *m = &o->trainer.model;
    const int32_t *pairs = NN_TABLE(m, int32_t, averages);
    bool all = true;
    for (uint32_t k = 0; k < m->manifest->averages_count; k += 2)
        all = all && o->stored[pairs[k + 1]].bytes != NULL;
    if (all)
        nn_averages_swap(m, &o->trainer.at);
    else
        nn_averages_start(m);
}

static int32_t load(Object *o, const char *path, const void *memory, uint64_t bytes) {
    nn_position at = {0};
    int64_t pending = 0;
    Arrived arrived = {.path = path};
    nn_trainer *t = &o->trainer;
    entries_of(&at, &pending, arrived.entries);
    nn_archive a = {.model = &t->model,
                    .path = path,
                    .contents = NN_OBJECT,
                    .tensors = o->stored,
                    .spans = o->file_spans,
                    .span_room = t->model.manifest->tensors_count};
    nn_safetensors_visitor visitor = {.metadata = take_position, .data = &arrived};
    struct Names *names = NULL;
    nn_forget(&o->ctx);
    if (nn_store_read(&o->ctx, &a, memory, bytes) != NN_OK ||
        nn_safetensors_parse(&o->ctx, path, memory, bytes, &visitor, NULL) != NN_OK ||
        (&nn_object_names != NULL && nn_object_names.read(o, path, memory, bytes, &names) != NN_OK))
        return (int32_t)o->ctx.status;
    if (o->names != NULL) nn_object_names.end(o->names);
    o->names = names;
    o->loaded = true;
    draw_initial(t); // what a file of weights alone does not bring is as new
    nn_store_apply(&a);
    t->at = at;
    take_averages(o);
    o->pending = pending;
    return NN_OK;
}

int32_t nn_object_load_memory(void *object, const void *memory, uint64_t bytes) {
    Object *o = object;
    if (o == NULL) return NN_USAGE;
    if (memory == NULL) return REFUSE(o, NN_USAGE, "memory is NULL");
    return load(o, "memory", memory, bytes);
}

int32_t nn_object_load(void *object, const char *path) {
    Object *o = object;
    unsigned char *bytes;
    uint64_t size;
    if (o == NULL) return NN_USAGE;
    if (path == NULL) return REFUSE(o, NN_USAGE, "path is NULL");
    nn_forget(&o->ctx);
    if (nn_file_copy(&o->ctx, path, &bytes, &size) != NN_OK) return (int32_t)o->ctx.status;
    int32_t status = load(o, path, bytes, size);
    nn_file_drop(bytes, size);
    return status;
}
