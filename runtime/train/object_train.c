// Epochs over rows that an object's caller has in memory, in the order in which a trainer takes them.
// Guarantees: what it computes is what train_step and epoch compute of the same batches; where it is stopped,
// the next call goes on; the caller's function is called with the caller's floating-point state.
#include "train/object.h"

#include <math.h>

typedef struct {
    Object *o;
    const void *const *fields;
    nn_batches of;
    nn_dataset data; // the caller's rows as a trainer's: all of them are the training part
    int32_t *order;
    nn_callback *callback;
    void *user;
    int64_t rows; // of the batches of the coming update
} Training;

// What a trainer knows before its first step, where the configuration leaves it open.
static nn_config lengths_of(const Training *r, int64_t epochs) {
    const Object *o = r->o;
    int64_t each = o->trainer.model.manifest->accumulate,
            updates = r->of.count / each + (r->of.count % each != 0);
    nn_config c = o->config;
    if (c.steps_per_epoch == 0) c.steps_per_epoch = updates;
    if (c.steps == 0) c.steps = (o->trainer.at.epoch + epochs) * updates;
    return c;
}

static bool tell(const Training *r, double loss, bool ends_epoch, double *value) {
    const nn_position *at = &r->o->trainer.at;
    nn_training p = {.step = at->step,
                     .epoch = at->epoch + ends_epoch,
                     .loss = loss,
                     .value = loss,
                     .rows = ends_epoch ? r->data.parts[NN_TRAIN].count : r->rows,
                     .ends_epoch = ends_epoch};
    bool stops = r->callback != NULL && r->callback(&p, r->user) != 0;
    *value = p.value;
    return stops;
}

static int32_t stopped(Object *o) {
    return REFUSE(o, NN_STOPPED, "the callback ended the training at step %lld",
                  (long long)o->trainer.at.step);
}

// The next batch, and what is said of an update.
static int32_t train_batch(Training *r) {
    Object *o = r->o;
    nn_trainer *t = &o->trainer;
    int64_t before = t->at.step, count = nn_batch_rows(&r->of, t->at.batch);
    nn_object_point(o, r->fields, true); // the callback may have predicted
    nn_trainer_rows(t, nn_batch_pick(t, &r->of, r->order, t->at.batch), count);
    double loss = nn_object_batch(o), unused;
    t->at.batch++;
    r->rows += count;
    if (!isfinite(loss)) return nn_object_not_finite(o, loss);
    if (t->at.batch == r->of.count) nn_object_flush(o);
    if (t->at.step == before) return NN_OK;
    bool stops = tell(r, loss, false, &unused);
    r->rows = 0;
    return stops ? stopped(o) : NN_OK;
}

static int32_t train_epoch(Training *r) {
    Object *o = r->o;
    nn_trainer *t = &o->trainer;
    if (!r->of.stream && nn_data_order(&o->ctx, &t->model, &r->data, t->seed, t->at.epoch, r->order) != NN_OK)
        return (int32_t)o->ctx.status;
    if (r->of.stream && t->at.batch == 0) nn_stream_restart(t);
    while (t->at.batch < r->of.count) {
        int32_t status = train_batch(r);
        if (status != NN_OK) return status;
    }
    uint32_t state = nn_float_enter();
    double value, loss = t->at.loss_count > 0 ? t->at.loss_sum / (double)t->at.loss_count : 0;
    nn_float_restore(state);
    bool stops = tell(r, loss, true, &value);
    nn_object_epoch(o, value);
    return stops ? stopped(o) : NN_OK;
}

// The rows as a trainer has them; the field whose classes are balanced is the caller's.
static int32_t take_data(Training *r, int64_t rows) {
    Object *o = r->o;
    const nn_model *m = &o->trainer.model;
    int32_t *own = nn_get(&o->ctx, (uint64_t)rows, sizeof *own), field = m->manifest->data.balance;
    r->order = nn_get(&o->ctx, (uint64_t)rows, sizeof *r->order);
    r->data.fields = nn_get(&o->ctx, m->manifest->fields_count, sizeof *r->data.fields);
    o->trainer.picked = nn_get(&o->ctx, (uint64_t)m->manifest->batch, sizeof *o->trainer.picked);
    if (o->ctx.status != NN_OK) return (int32_t)o->ctx.status;
    for (int64_t k = 0; k < rows; k++) own[k] = r->order[k] = (int32_t)k; // a stream keeps it
    r->data.parts[NN_TRAIN] = (nn_part){own, rows};
    if (field < 0) return NN_OK;
    const nn_field *of = NN_TABLE(m, nn_field, fields) + field;
    r->data.fields[field] = (void *)nn_object_rows_of(o, r->fields, of);
    if (r->data.fields[field] != NULL) return NN_OK;
    return REFUSE(o, NN_USAGE, "the classes of %s are balanced, and it is no argument here",
                  nn_model_text(m, of->name));
}

static int32_t check_call(Object *o, int64_t rows, int64_t epochs) {
    const nn_manifest *mf = o->trainer.model.manifest;
    if (rows < 1 || rows > INT32_MAX)
        return REFUSE(o, NN_USAGE, "rows is %lld, and must be 1 .. %d", (long long)rows, INT32_MAX);
    if (mf->drop_last != 0 && rows < mf->batch)
        return REFUSE(o, NN_USAGE, "rows is %lld: with drop_last a batch of %d is the least", (long long)rows,
                      (int)mf->batch);
    if (epochs < 1) return REFUSE(o, NN_USAGE, "epochs is %lld, and must be 1 or more", (long long)epochs);
    return NN_OK;
}

int32_t nn_object_train(void *object, const void *const *fields, const uint64_t *sizes, int64_t rows,
                        int64_t epochs, nn_callback *callback, void *user) {
    Object *o = object;
    if (o == NULL) return NN_USAGE;
    nn_trainer *t = &o->trainer;
    const nn_manifest *mf = t->model.manifest;
    Training r = {.o = o, .fields = fields, .callback = callback, .user = user};
    int32_t status = check_call(o, rows, epochs);
    if (status != NN_OK) return status;
    r.of = nn_batches_of(mf->drop_last != 0 ? rows / mf->batch * mf->batch : rows, mf->batch,
                         mf->data.stream != 0);
    nn_config whole = lengths_of(&r, epochs);
    status = nn_object_configured(o, &whole);
    if (status == NN_OK) status = nn_object_check(o, fields, sizes, rows, true);
    if (status != NN_OK) return status;
    nn_forget(&o->ctx);
    nn_object_lengths(o, &whole);
    status = take_data(&r, rows);
    while (status == NN_OK && epochs-- > 0) status = train_epoch(&r);
    nn_context_end(&o->ctx);
    t->picked = NULL;
    nn_object_lengths(o, &o->config);
    return status;
}
