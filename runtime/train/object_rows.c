// Rows of an object's caller: a step, an epoch's end, a prediction. Guarantees: what is wrong with the rows
// is said before anything changes; the caller's floating-point state is given back.
#include "train/object.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

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

// There where the program is built with an address sanitizer: the first byte that may not be touched, or
// NULL.
extern void *__asan_region_is_poisoned(void *, size_t) __attribute__((weak));

int32_t nn_object_size_check(Object *o, const char *what, const void *array, int64_t each, uint64_t size,
                             int64_t needed) {
    if (size < (uint64_t)needed)
        return REFUSE(o, NN_USAGE, "%s has %llu elements, and %lld are needed", what,
                      (unsigned long long)size, (long long)needed);
    const unsigned char *wrong = __asan_region_is_poisoned == NULL
                                     ? NULL
                                     : __asan_region_is_poisoned((void *)array, (size_t)(needed * each));
    if (wrong == NULL) return NN_OK;
    return REFUSE(o, NN_USAGE, "%s lies outside of its memory from element %lld on", what,
                  (long long)((wrong - (const unsigned char *)array) / each));
}

// Is field f in order? `sizes`: NULL, or its size.
static int32_t check_field(Object *o, const nn_field *f, const void *values, const uint64_t *size,
                           int64_t count) {
    const nn_model *m = &o->trainer.model;
    const char *name = nn_model_text(m, f->name);
    if (values == NULL) return REFUSE(o, NN_USAGE, "the field %s is NULL", name);
    int64_t row = nn_field_elements(f), each = nn_field_size(m, f) / row;
    char what[NN_NAME_ROOM];
    if (size != NULL) {
        snprintf(what, sizeof what, "the field %s", name);
        int32_t status = nn_object_size_check(o, what, values, each, *size, count * row);
        if (status != NN_OK) return status;
    }
    return check_range(o, f, values, count);
}

int32_t nn_object_check(Object *o, const void *const *rows, const uint64_t *sizes, int64_t count,
                        bool training) {
    const nn_field *f;
    int32_t status = NN_OK;
    for (int32_t k = 0; status == NN_OK && (f = field_at(&o->trainer.model, k, training)) != NULL; k++)
        status = check_field(o, f, rows[k], sizes == NULL ? NULL : &sizes[k], count);
    return status;
}

const void *nn_object_rows_of(const Object *o, const void *const *rows, const nn_field *of) {
    const nn_field *f;
    for (int32_t k = 0; (f = field_at(&o->trainer.model, k, true)) != NULL; k++)
        if (f == of) return rows[k];
    return NULL;
}

void nn_object_point(Object *o, const void *const *rows, bool training) {
    const nn_model *m = &o->trainer.model;
    const nn_field *f;
    memset(o->sources, 0, sizeof *o->sources * m->manifest->sources_count);
    for (int32_t k = 0; (f = field_at(m, k, training)) != NULL; k++) {
        if (f->source >= 0) o->sources[f->source] = rows[k];
    }
}

// The rows of one batch.
static int32_t take_batch(Object *o, const void *const *rows, const uint64_t *sizes, int32_t count,
                          bool training) {
    int32_t batch = o->trainer.model.manifest->batch;
    if (count < 1 || count > batch)
        return REFUSE(o, NN_USAGE, "count is %d: a call takes 1 .. %d rows", (int)count, (int)batch);
    int32_t status = nn_object_check(o, rows, sizes, count, training);
    if (status != NN_OK) return status;
    nn_object_point(o, rows, training);
    nn_trainer_rows(&o->trainer, o->rowmap, count);
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

// The update that the batches so far make.
static void update(Object *o) {
    nn_trainer *t = &o->trainer;
    const nn_manifest *mf = t->model.manifest;
    if (mf->accumulate > 1) nn_object_run(t, NN_UPDATE);
    o->pending = 0;
    t->at.step++;
    t->at.loss_sum += nn_scalar_get(&t->model, mf->update_loss >= 0 ? mf->update_loss : mf->loss);
    t->at.loss_count++;
}

double nn_object_batch(Object *o) {
    nn_trainer *t = &o->trainer;
    const nn_manifest *mf = t->model.manifest;
    uint32_t state = nn_float_enter();
    t->call.seed = t->seed;
    t->call.batch_number = (uint32_t)t->at.batch_number++;
    put_clock(o);
    nn_object_run(t, NN_STEP);
    double loss = nn_scalar_get(&t->model, mf->loss);
    if (++o->pending == mf->accumulate) update(o);
    nn_float_restore(state);
    return loss;
}

void nn_object_flush(Object *o) {
    uint32_t state = nn_float_enter();
    if (o->pending > 0) update(o);
    nn_float_restore(state);
}

static int32_t check_length(Object *o, const char *name, int64_t given, bool needed, const char *why) {
    if (given < 0)
        return REFUSE(o, NN_USAGE, "config.%s is %lld, and must not be negative", name, (long long)given);
    if (given == 0 && needed) return REFUSE(o, NN_USAGE, "config.%s must be given: %s", name, why);
    return NN_OK;
}

int32_t nn_object_configured(Object *o, const nn_config *c) {
    const nn_manifest *mf = o->trainer.model.manifest;
    int32_t status = check_length(o, "steps", c->steps, mf->needs_steps != 0,
                                  "a schedule of the program reads the run's length");
    if (status == NN_OK)
        status = check_length(o, "steps_per_epoch", c->steps_per_epoch, mf->needs_epoch_length != 0,
                              "a length in the program is in epochs");
    return status == NN_OK && o->lr_refused ? nn_object_rate(o, "config.lr", o->config.lr) : status;
}

int32_t nn_object_not_finite(Object *o, double loss) {
    return REFUSE(o, NN_NOT_FINITE, "the loss of step %lld is %s", (long long)o->trainer.at.step,
                  isnan(loss) ? "no number" : "infinite");
}

int32_t nn_object_train_step(void *object, const void *const *fields, const uint64_t *sizes, int32_t count,
                             void *loss) {
    Object *o = object;
    if (o == NULL) return NN_USAGE;
    int32_t status = nn_object_configured(o, &o->config);
    if (status == NN_OK) status = take_batch(o, fields, sizes, count, true);
    if (status != NN_OK) return status;
    double value = nn_object_batch(o);
    uint32_t state = nn_float_enter();
    if (loss != NULL) nn_value_put(&o->trainer.model, NN_REAL, loss, 0, value);
    nn_float_restore(state);
    return isfinite(value) ? NN_OK : nn_object_not_finite(o, value);
}

int32_t nn_object_epoch(void *object, double value) {
    Object *o = object;
    if (o == NULL) return NN_USAGE;
    nn_trainer *t = &o->trainer;
    const nn_manifest *mf = t->model.manifest;
    nn_object_flush(o);
    t->at.epoch++;
    t->at.batch = t->at.loss_count = 0;
    t->at.loss_sum = 0;
    put_clock(o);
    nn_scalar_put(&t->model, mf->clock[NN_CLOCK_LOSS], value);
    nn_scalar_put(&t->model, mf->clock[NN_CLOCK_GRADIENT_NORM], nn_scalar_get(&t->model, mf->gradient_norm));
    // Whatever a schedule watches, the loss or a metric, of whichever part: the caller measured it.
    for (uint32_t k = 0; k < mf->metrics_count; k++)
        for (int p = 0; p < NN_PARTS; p++)
            nn_scalar_put(&t->model, NN_TABLE(&t->model, nn_metric, metrics)[k].clock[p], value);
    uint32_t state = nn_float_enter();
    if (nn_model_has(&t->model, NN_EPOCH)) nn_object_run(t, NN_EPOCH);
    nn_float_restore(state);
    nn_totals_restart(t);
    if (mf->data.stream != 0) nn_stream_restart(t);
    return NN_OK;
}

// How many elements of a result there are.
static int64_t result_elements(const nn_tensor *of, int64_t count) {
    return (of->batch_dims & 1) != 0 ? count * nn_tensor_row(of) : nn_tensor_elements(of);
}

int32_t nn_object_results_check(Object *o, int64_t rows, bool words, void *const *outputs,
                                const uint64_t *sizes) {
    const nn_model *m = &o->trainer.model;
    const nn_output *table = NN_TABLE(m, nn_output, outputs);
    int32_t status = NN_OK;
    for (uint32_t k = 0, place = 0; k < m->manifest->outputs_count && status == NN_OK; k++) {
        const nn_tensor *of = nn_model_tensor(m, table[k].tensor);
        if (of == NULL) continue;
        char what[NN_NAME_ROOM];
        snprintf(what, sizeof what, "the result %s", nn_model_text(m, table[k].name));
        int64_t each = words && table[k].words >= 0 ? (int64_t)sizeof(char *) : nn_tensor_element_size(m, of);
        if (outputs[place] != NULL)
            status =
                nn_object_size_check(o, what, outputs[place], each, sizes[place], result_elements(of, rows));
        place++;
    }
    return status;
}

int32_t nn_object_predict(void *object, const void *const *inputs, const uint64_t *sizes, int32_t count,
                          void *const *outputs, const uint64_t *output_sizes) {
    Object *o = object;
    if (o == NULL) return NN_USAGE;
    nn_trainer *t = &o->trainer;
    const nn_output *table = NN_TABLE(&t->model, nn_output, outputs);
    int32_t status = take_batch(o, inputs, sizes, count, false);
    if (status == NN_OK && output_sizes != NULL)
        status = nn_object_results_check(o, count, false, outputs, output_sizes);
    if (status != NN_OK) return status;
    uint32_t state = nn_float_enter();
    nn_states_begin(t);
    t->call.seed = 0;
    t->call.batch_number = 0;
    nn_object_run(t, NN_PREDICT);
    for (uint32_t k = 0; k < t->model.manifest->outputs_count; k++) {
        const nn_tensor *of = nn_model_tensor(&t->model, table[k].tensor);
        void *out = of == NULL ? NULL : *outputs++;
        if (out != NULL) nn_tensor_get(&t->model, of, 0, result_elements(of, count), out);
    }
    nn_states_end(t);
    nn_float_restore(state);
    return NN_OK;
}
