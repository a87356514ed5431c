// What the exported functions of an object file do: a model in one piece of memory, trained and asked by a
// host program. Guarantees: no memory is asked for after creation, nothing is printed, no signal or global
// state is touched, the host's floating-point state is given back; arguments are checked before anything
// changes, and what is wrong with them is said in a text that the instance keeps; loading is all or nothing.
#include "train/train.h"

#include "base/order.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct {
    nn_context ctx;
    nn_trainer trainer; // threads, data and options are not used
    nn_config config;
    const void **sources;
    int32_t *rowmap; // 0, 1, 2 ...
    nn_stored *stored;
    nn_span *file_spans;
    int64_t pending;        // batches accumulated towards the next update
    bool owned, lr_refused; // the configuration's lr is one that nothing takes
} Object;

// ---- what went wrong ----

// Keeps the text in the instance, and answers with the status.
#define REFUSE(o, status, ...) (nn_forget(&(o)->ctx), (int32_t)nn_fail(&(o)->ctx, (status), __VA_ARGS__))

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

static void call_model(nn_trainer *t, int32_t function) { t->model.run(function, &t->call, 0, 1); }

static void catch_up(nn_trainer *t) {
    uint32_t state = nn_float_enter();
    call_model(t, NN_CATCH_UP);
    nn_float_restore(state);
}

// Parameters, states and slots at their beginnings.
static void draw_initial(nn_trainer *t) {
    nn_catch_up(t); // later than these no row waits
    uint32_t state = nn_float_enter();
    nn_model_start(&t->model, 1 << NN_GRADIENT);
    t->call.seed = t->seed;
    t->call.batch_number = 0;
    call_model(t, NN_INITIAL);
    nn_float_restore(state);
}

// The learning rate of the optimizers; `name`: what of the interface gives it.
static int32_t set_rate(Object *o, const char *name, double lr) {
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
    return object == NULL ? NN_USAGE : set_rate(object, "lr", lr);
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
    const int32_t *clock = mf->clock;
    int64_t length = o->config.steps_per_epoch;
    nn_scalar_put(&t->model, clock[NN_CLOCK_STEPS], (double)o->config.steps);
    nn_scalar_put(&t->model, clock[NN_CLOCK_EPOCH_LENGTH], (double)length);
    nn_scalar_put(&t->model, clock[NN_CLOCK_EPOCHS],
                  length > 0 ? (double)(o->config.steps / length + (o->config.steps % length != 0)) : 0);
    o->lr_refused = o->config.lr != 0 && set_rate(o, "config.lr", o->config.lr) != NN_OK;
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
    if (o != NULL && o->owned) nn_memory_give(o);
}

// ---- rows of the caller ----

static int32_t check_range(Object *o, const nn_field *f, const int32_t *values, int64_t count) {
    int64_t each = nn_field_elements(f);
    for (int64_t k = 0; k < count * each && f->limit > 0; k++) {
        if (values[k] >= 0 && values[k] < f->limit) continue;
        char place[64] = "";
        if (each > 1) snprintf(place, sizeof place, " as its number %lld", (long long)(k % each));
        return REFUSE(o, NN_DATA, "the field %s: row %lld holds %d%s, and must hold 0 .. %lld",
                      nn_model_text(&o->trainer.model, f->name), (long long)(k / each), (int)values[k], place,
                      (long long)f->limit - 1);
    }
    return NN_OK;
}

static const nn_field *field_at(const nn_model *m, int32_t place, bool training) {
    const nn_field *fields = NN_TABLE(m, nn_field, fields);
    int32_t inputs = 0, others = 0;
    for (uint32_t k = 0; k < m->manifest->fields_count; k++) inputs += fields[k].in_model >= 0;
    for (uint32_t k = 0; k < m->manifest->fields_count; k++) {
        if (fields[k].in_model >= 0 ? fields[k].in_model == place
                                    : training && fields[k].in_loss && inputs + others++ == place)
            return &fields[k];
    }
    return NULL;
}

// Points the sources at the caller's rows, if all of them are right.
static int32_t take_rows(Object *o, const void *const *rows, int32_t count, bool training) {
    nn_trainer *t = &o->trainer;
    const nn_manifest *mf = t->model.manifest;
    if (count < 1 || count > mf->batch)
        return REFUSE(o, NN_USAGE, "count is %d: a call takes 1 .. %d rows", (int)count, (int)mf->batch);
    const nn_field *f;
    for (int32_t k = 0; (f = field_at(&t->model, k, training)) != NULL; k++) {
        if (rows[k] == NULL)
            return REFUSE(o, NN_USAGE, "the field %s is NULL", nn_model_text(&t->model, f->name));
        int32_t status = check_range(o, f, rows[k], count);
        if (status != NN_OK) return status;
    }
    memset(o->sources, 0, sizeof *o->sources * mf->sources_count);
    for (int32_t k = 0; (f = field_at(&t->model, k, training)) != NULL; k++) {
        if (f->source >= 0) o->sources[f->source] = rows[k];
    }
    nn_trainer_rows(t, o->rowmap, count);
    return NN_OK;
}

// ---- training ----

static void put_clock(Object *o) {
    nn_trainer *t = &o->trainer;
    const int32_t *clock = t->model.manifest->clock;
    int64_t length = o->config.steps_per_epoch;
    nn_scalar_put(&t->model, clock[NN_CLOCK_STEP], (double)t->at.step);
    nn_scalar_put(&t->model, clock[NN_CLOCK_UPDATE], (double)(t->at.step + 1));
    nn_scalar_put(&t->model, clock[NN_CLOCK_EPOCH], (double)(length > 0 ? t->at.step / length : t->at.epoch));
}

static void step(Object *o) {
    nn_trainer *t = &o->trainer;
    const nn_manifest *mf = t->model.manifest;
    t->call.seed = t->seed;
    t->call.batch_number = (uint32_t)t->at.batch_number++;
    put_clock(o);
    call_model(t, NN_STEP);
    if (++o->pending < mf->accumulate) return;
    if (mf->accumulate > 1) call_model(t, NN_UPDATE);
    o->pending = 0;
    t->at.step++;
}

static int32_t check_length(Object *o, const char *name, int64_t given, bool needed, const char *why) {
    if (given < 0)
        return REFUSE(o, NN_USAGE, "config.%s is %lld, and must not be negative", name, (long long)given);
    if (given == 0 && needed) return REFUSE(o, NN_USAGE, "config.%s must be given: %s", name, why);
    return NN_OK;
}

static int32_t check_configuration(Object *o) {
    const nn_manifest *mf = o->trainer.model.manifest;
    int32_t status = check_length(o, "steps", o->config.steps, mf->needs_steps != 0,
                                  "a schedule of the program reads the run's length");
    if (status == NN_OK)
        status = check_length(o, "steps_per_epoch", o->config.steps_per_epoch, mf->needs_epoch_length != 0,
                              "a length in the program is in epochs");
    return status == NN_OK && o->lr_refused ? set_rate(o, "config.lr", o->config.lr) : status;
}

int32_t nn_object_train_step(void *object, const void *const *fields, int32_t count, void *loss) {
    Object *o = object;
    if (o == NULL) return NN_USAGE;
    const nn_manifest *mf = o->trainer.model.manifest;
    int32_t status = check_configuration(o);
    if (status == NN_OK) status = take_rows(o, fields, count, true);
    if (status != NN_OK) return status;
    uint32_t state = nn_float_enter();
    step(o);
    double value = nn_scalar_get(&o->trainer.model, mf->loss);
    if (loss != NULL) nn_value_put(&o->trainer.model, NN_REAL, loss, 0, value);
    nn_float_restore(state);
    if (isfinite(value)) return NN_OK;
    return REFUSE(o, NN_NOT_FINITE, "the loss of these rows is %s", isnan(value) ? "no number" : "infinite");
}

int32_t nn_object_epoch(void *object, double value) {
    Object *o = object;
    if (o == NULL) return NN_USAGE;
    nn_trainer *t = &o->trainer;
    const nn_manifest *mf = t->model.manifest;
    t->at.epoch++;
    put_clock(o);
    nn_scalar_put(&t->model, mf->clock[NN_CLOCK_LOSS], value);
    nn_scalar_put(&t->model, mf->clock[NN_CLOCK_GRADIENT_NORM], nn_scalar_get(&t->model, mf->gradient_norm));
    // Whatever a schedule watches, the loss or a metric, of whichever part: the caller measured it.
    for (uint32_t k = 0; k < mf->metrics_count; k++)
        for (int p = 0; p < NN_PARTS; p++)
            nn_scalar_put(&t->model, NN_TABLE(&t->model, nn_metric, metrics)[k].clock[p], value);
    uint32_t state = nn_float_enter();
    if (nn_model_has(&t->model, NN_EPOCH)) call_model(t, NN_EPOCH);
    nn_float_restore(state);
    nn_totals_restart(t);
    return NN_OK;
}

int32_t nn_object_predict(void *object, const void *const *inputs, int32_t count, void *const *outputs) {
    Object *o = object;
    if (o == NULL) return NN_USAGE;
    nn_trainer *t = &o->trainer;
    const nn_output *table = NN_TABLE(&t->model, nn_output, outputs);
    int32_t status = take_rows(o, inputs, count, false);
    if (status != NN_OK) return status;
    uint32_t state = nn_float_enter();
    nn_states_begin(t);
    t->call.seed = 0;
    t->call.batch_number = 0;
    call_model(t, NN_PREDICT);
    for (uint32_t k = 0; k < t->model.manifest->outputs_count; k++) {
        const nn_tensor *of = nn_model_tensor(&t->model, table[k].tensor);
        void *out = of == NULL ? NULL : *outputs++;
        if (out != NULL)
            nn_tensor_get(&t->model, of, 0,
                          (of->batch_dims & 1) != 0 ? count * nn_tensor_row(of) : nn_tensor_elements(of),
                          out);
    }
    nn_states_end(t);
    nn_float_restore(state);
    return NN_OK;
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
    (void)REFUSE(o, NN_USAGE, "there is no parameter %.200s: the header has their names", name);
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
enum { ENTRIES = 4 };

static void entries_of(nn_position *at, int64_t *pending, nn_entry entries[ENTRIES]) {
    entries[0] = (nn_entry){"object.step", &at->step, NULL};
    entries[1] = (nn_entry){"object.epoch", &at->epoch, NULL};
    entries[2] = (nn_entry){"object.batch_number", &at->batch_number, NULL};
    entries[3] = (nn_entry){"object.pending", pending, NULL};
}

static void put_position(void *data, nn_sink *sink) {
    Object *o = data;
    nn_entry entries[ENTRIES];
    entries_of(&o->trainer.at, &o->pending, entries);
    nn_entries_put(sink, entries, ENTRIES);
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
    nn_forget(&o->ctx);
    if (nn_store_read(&o->ctx, &a, memory, bytes) != NN_OK ||
        nn_safetensors_parse(&o->ctx, path, memory, bytes, &visitor, NULL) != NN_OK)
        return (int32_t)o->ctx.status;
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
