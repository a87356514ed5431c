// See fake_model.h. The "generated" functions below use the same arena the manifest describes.
#include "support/fake_model.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BATCH_ROOM = 64, BLOCK = 16 };

// The arena; offsets come from this.
typedef struct {
    float w[2];
    _Alignas(64) float b;
    _Alignas(64) float momentum[2];
    _Alignas(64) float gradient[3];
    _Alignas(64) float carried[BATCH_ROOM]; // a state with a batch dimension
    _Alignas(64) double mean[2], deviation[2];
    _Alignas(64) double total_error, total_count, counter, lr, step, weight, loss_sum, update_loss,
        accumulates, loss, out_loss, out_mae, low, best, stop, test_loss;
    _Alignas(64) int32_t rowmap[BATCH_ROOM];
    _Alignas(64) float x[BATCH_ROOM][2], y[BATCH_ROOM], result[BATCH_ROOM];
    _Alignas(64) double raw_x[BLOCK][2], raw_y[BLOCK], raw_kind[BLOCK], measured[BLOCK][2];
    _Alignas(64) float ready_x[BLOCK][2], ready_y[BLOCK];
    _Alignas(64) int32_t ready_kind[BLOCK];

} Arena;

typedef struct {
    unsigned char *bytes;
    uint32_t used;
} Blob;

enum { BLOB_ROOM = 32768 };

static uint32_t put(Blob *b, const void *bytes, size_t count) {
    uint32_t at = (b->used + 7) / 8 * 8;
    memcpy(b->bytes + at, bytes, count);
    b->used = at + (uint32_t)count;
    return at;
}

static uint32_t text(Blob *b, const char *s) { return put(b, s, strlen(s) + 1); }

enum {
    T_SOURCE_X,
    T_SOURCE_Y,
    T_ROWMAP,
    T_W,
    T_B,
    T_MOMENTUM,
    T_GRADIENT,
    T_CARRIED,
    T_MEAN,
    T_DEVIATION,
    T_TOTAL_ERROR,
    T_TOTAL_COUNT,
    T_COUNTER,
    T_LR,
    T_STEP,
    T_WEIGHT,
    T_LOSS_SUM,
    T_UPDATE_LOSS,
    T_ACCUMULATES,
    T_LOSS,
    T_OUT_LOSS,
    T_OUT_MAE,
    T_LOW,
    T_BEST,
    T_STOP,
    T_TEST_LOSS,
    T_RESULT,
    T_RAW_X,
    T_RAW_Y,
    T_RAW_KIND,
    T_MEASURED,
    T_READY_X,
    T_READY_Y,
    T_READY_KIND,
    T_COUNT
};

static void tensor(Blob *b, nn_tensor *t, const char *name, int kind, int type, size_t offset, int rank,
                   int64_t n0, int64_t n1) {
    *t = (nn_tensor){.offset = (int64_t)offset,
                     .name = text(b, name),
                     .kind = kind,
                     .type = type,
                     .rank = rank,
                     .twin = -1,
                     .source = -1};
    t->dims[0] = n0;
    t->dims[1] = n1;
    t->inner = rank - 1;
    t->stride[0] = rank == 2 ? n1 : 1;
    t->stride[1] = 1;
}

static uint32_t tensors(Blob *b, const FakeOptions *o) {
    nn_tensor t[T_COUNT];
    int64_t batch = o->batch;
#define AT(field) offsetof(Arena, field)
    tensor(b, &t[T_SOURCE_X], "source.x", NN_SOURCE, NN_REAL, 0, 2, 0, 2);
    tensor(b, &t[T_SOURCE_Y], "source.y", NN_SOURCE, NN_REAL, 0, 1, 0, 0);
    t[T_SOURCE_X].offset = t[T_SOURCE_Y].offset = -1;
    t[T_SOURCE_Y].source = 1;
    t[T_SOURCE_X].source = 0;
    tensor(b, &t[T_ROWMAP], "rowmap", NN_ROWMAP, NN_INT, AT(rowmap), 1, batch, 0);
    tensor(b, &t[T_W], "net.w", NN_PARAM, NN_REAL, AT(w), 1, 2, 0);
    tensor(b, &t[T_B], "net.b", NN_PARAM, NN_REAL, AT(b), 0, 0, 0);
    tensor(b, &t[T_MOMENTUM], "optimizer.net.w.m", NN_SLOT, NN_REAL, AT(momentum), 1, 2, 0);
    tensor(b, &t[T_GRADIENT], "gradient.net", NN_GRADIENT, NN_REAL, AT(gradient), 1, 3, 0);
    tensor(b, &t[T_CARRIED], "net.carried", NN_STATE, NN_REAL, AT(carried), 1, batch, 0);
    t[T_CARRIED].batch_dims = 1;
    tensor(b, &t[T_MEAN], "data.x.mean", NN_STATE, NN_DOUBLE, AT(mean), 1, 2, 0);
    tensor(b, &t[T_DEVIATION], "data.x.deviation", NN_STATE, NN_DOUBLE, AT(deviation), 1, 2, 0);
    tensor(b, &t[T_TOTAL_ERROR], "total.error", NN_TOTAL, NN_DOUBLE, AT(total_error), 0, 0, 0);
    tensor(b, &t[T_TOTAL_COUNT], "total.count", NN_TOTAL, NN_DOUBLE, AT(total_count), 0, 0, 0);
    tensor(b, &t[T_COUNTER], "run.counter", NN_RUN, NN_DOUBLE, AT(counter), 0, 0, 0);
    tensor(b, &t[T_LR], "optimizer.lr", NN_SETTING, NN_DOUBLE, AT(lr), 0, 0, 0);
    t[T_LR].start = 0.05;
    tensor(b, &t[T_STEP], "step", NN_CLOCK, NN_DOUBLE, AT(step), 0, 0, 0);
    tensor(b, &t[T_WEIGHT], "weight", NN_GRADIENT, NN_DOUBLE, AT(weight), 0, 0, 0);
    tensor(b, &t[T_LOSS_SUM], "loss.sum", NN_GRADIENT, NN_DOUBLE, AT(loss_sum), 0, 0, 0);
    tensor(b, &t[T_UPDATE_LOSS], "loss.update", NN_OUTPUT, NN_DOUBLE, AT(update_loss), 0, 0, 0);
    tensor(b, &t[T_ACCUMULATES], "accumulates", NN_CLOCK, NN_DOUBLE, AT(accumulates), 0, 0, 0);
    t[T_ACCUMULATES].start = o->accumulate > 1; // 0: the step updates by itself
    tensor(b, &t[T_LOSS], "loss", NN_OUTPUT, NN_DOUBLE, AT(loss), 0, 0, 0);
    tensor(b, &t[T_OUT_LOSS], "metrics.loss", NN_OUTPUT, NN_DOUBLE, AT(out_loss), 0, 0, 0);
    tensor(b, &t[T_OUT_MAE], "metrics.mae", NN_OUTPUT, NN_DOUBLE, AT(out_mae), 0, 0, 0);
    tensor(b, &t[T_LOW], "best.low", NN_RUN, NN_DOUBLE, AT(low), 0, 0, 0);
    tensor(b, &t[T_BEST], "best.better", NN_RUN, NN_DOUBLE, AT(best), 0, 0, 0);
    tensor(b, &t[T_STOP], "stop", NN_OUTPUT, NN_DOUBLE, AT(stop), 0, 0, 0);
    tensor(b, &t[T_TEST_LOSS], "test.loss", NN_CLOCK, NN_DOUBLE, AT(test_loss), 0, 0, 0);
    t[T_TEST_LOSS].start = (double)NAN;
    tensor(b, &t[T_RESULT], "net.y", NN_OUTPUT, NN_REAL, AT(result), 1, batch, 0);
    tensor(b, &t[T_RAW_X], "raw.x", NN_INPUT, NN_DOUBLE, AT(raw_x), 2, BLOCK, 2);
    tensor(b, &t[T_RAW_Y], "raw.y", NN_INPUT, NN_DOUBLE, AT(raw_y), 1, BLOCK, 0);
    tensor(b, &t[T_RAW_KIND], "raw.kind", NN_INPUT, NN_DOUBLE, AT(raw_kind), 1, BLOCK, 0);
    tensor(b, &t[T_MEASURED], "measured.x", NN_OUTPUT, NN_DOUBLE, AT(measured), 2, BLOCK, 2);
    tensor(b, &t[T_READY_X], "ready.x", NN_OUTPUT, NN_REAL, AT(ready_x), 2, BLOCK, 2);
    tensor(b, &t[T_READY_Y], "ready.y", NN_OUTPUT, NN_REAL, AT(ready_y), 1, BLOCK, 0);
    tensor(b, &t[T_READY_KIND], "ready.kind", NN_OUTPUT, NN_INT, AT(ready_kind), 1, BLOCK, 0);
#undef AT
    return put(b, t, sizeof t);
}

static nn_data data_of(Blob *b, const FakeOptions *o) {
    return (nn_data){.source = o->source,
                     .file = o->source == 0 ? text(b, o->csv) : 0,
                     .header = 1,
                     .separator = ',',
                     .decimal = '.',
                     .split = o->split,
                     .stratify = o->split == NN_SPLIT_NONE ? -1 : 2,
                     .balance = -1,
                     .test = 0.25,
                     .folds = o->folds,
                     .first_row = {-1, -1, -1}};
}

static void data_block(Blob *b, nn_manifest *m, const FakeOptions *o) {
    nn_field fields[3] = {
        {.name = text(b, "x"),
         .type = NN_REAL,
         .rank = 1,
         .dims = {2},
         .in_model = 0,
         .in_loss = 0,
         .source = 0,
         .prepared = {T_READY_X, -1, -1}},
        {.name = text(b, "y"),
         .type = NN_REAL,
         .in_model = -1,
         .in_loss = 1,
         .source = 1,
         .prepared = {T_READY_Y, -1, -1}},
        {.name = text(b, "kind"),
         .type = NN_INT,
         .limit = 2,
         .is_class = 1,
         .own_missing = -1,
         .own_other = -1,
         .in_model = -1,
         .source = -1,
         .prepared = {T_READY_KIND, -1, -1}},
    };
    for (int k = 0; k < 3; k++) fields[k].key = fields[k].name;
    uint32_t names[2] = {text(b, "y"), text(b, "kind")};
    nn_column columns[3] = {
        {.tensor = T_RAW_X,
         .field = 0,
         .for_input = 1,
         .kind = NN_COLUMN_NUMBER,
         .first = 0,
         .last = 1,
         .elements = 2},
        {.tensor = T_RAW_Y,
         .field = 1,
         .kind = NN_COLUMN_NUMBER,
         .names = put(b, &names[0], sizeof *names),
         .names_count = 1,
         .elements = 1},
        {.tensor = T_RAW_KIND,
         .field = 2,
         .kind = NN_COLUMN_NUMBER,
         .names = put(b, &names[1], sizeof *names),
         .names_count = 1,
         .is_class = 1,
         .texts = 1,
         .limit = 2,
         .elements = 1},
    };
    for (int k = 0; k < 2 && o->source != 0; k++) {
        char file[64];
        snprintf(file, sizeof file, "%c%s", "xy"[k], o -> csv);
        columns[k].kind = NN_COLUMN_FILE;
        columns[k].file = text(b, file);
    }
    nn_statistic statistic = {.kind = NN_STANDARDIZE,
                              .field = 0,
                              .of = {T_MEASURED, -1, -1},
                              .into = {T_MEAN, T_DEVIATION},
                              .column = -1};
    m->fields = put(b, fields, sizeof fields);
    m->columns = put(b, columns, sizeof columns);
    m->statistics = put(b, &statistic, sizeof statistic);
    m->fields_count = m->columns_count = o->source == 0 ? 3 : 2;
    m->statistics_count = 1;
    m->data = data_of(b, o);
}

const void *fake_manifest(const FakeOptions *o) {
    Blob b = {calloc(1, BLOB_ROOM), sizeof(nn_manifest)};
    if (b.bytes == NULL) abort();
    int has_test = o->split != NN_SPLIT_NONE;
    nn_manifest m = {.magic = NN_MAGIC,
                     .version = NN_ABI_VERSION,
                     .arena = sizeof(Arena),
                     .persistent = offsetof(Arena, rowmap)};
    m.functions = 1 << NN_INITIAL | 1 << NN_STEP | 1 << NN_EVALUATE | 1 << NN_PREDICT | 1 << NN_METRICS |
                  1 << NN_EPOCH | 1 << NN_PREPARE;
    m.functions |= (o->accumulate > 1) << NN_UPDATE | (o->stop_at > 0) << NN_STOP;
    m.threaded = o->threaded ? 1 << NN_STEP : 0;
    m.batch = o->batch;
    m.block = BLOCK;
    m.block_row = 2;
    m.name = text(&b, "fake");
    m.model = text(&b, "net");
    m.version_text = text(&b, "0.1.0");
    m.digest = text(&b, "d1");
    m.run_digest = text(&b, "r1");
    m.tensors = tensors(&b, o);
    m.tensors_count = T_COUNT;
    int32_t sources[2] = {T_SOURCE_X, T_SOURCE_Y}, rate = T_LR;
    m.sources = put(&b, sources, sizeof sources);
    m.sources_count = 2;
    m.rates = put(&b, &rate, sizeof rate);
    m.rates_count = 1;
    data_block(&b, &m, o);
    nn_output output = {text(&b, "y_hat"), T_RESULT, -1};
    m.outputs = put(&b, &output, sizeof output);
    m.outputs_count = 1;
    nn_metric metrics[2] = {{text(&b, "loss"), T_OUT_LOSS, 0, {-1, has_test ? T_TEST_LOSS : -1, -1}},
                            {text(&b, "mae"), T_OUT_MAE, 1, {-1, -1, -1}}};
    m.metrics = put(&b, metrics, sizeof metrics);
    m.metrics_count = 2;
    nn_setting setting = {text(&b, "optimizer.lr"), T_LR, NN_UNIT_NONE, 1};
    m.settings = put(&b, &setting, sizeof setting);
    m.settings_count = 1;
    m.rowmap = T_ROWMAP;
    m.loss = T_LOSS;
    m.update_loss = T_UPDATE_LOSS;
    m.gradient_norm = -1;
    m.best = o->best ? T_BEST : -1;
    m.stop = o->stop_at > 0 ? T_STOP : -1;
    m.stop_each_step = o->stop_at > 0;
    for (int k = 0; k < NN_CLOCKS; k++) m.clock[k] = -1;
    m.clock[NN_CLOCK_STEP] = T_STEP;
    m.epochs = o->epochs;
    m.steps = o->steps;
    m.shuffle = 1;
    m.accumulate = o->accumulate > 0 ? o->accumulate : 1;
    m.params = 3;
    m.bytes = b.used;
    memcpy(b.bytes, &m, sizeof m);
    return b.bytes;
}

void fake_free(const void *manifest) { free((void *)(uintptr_t)manifest); }

// ---- what the compiler would have generated ----

static void initial(Arena *a, const nn_call *call) {
    a->w[0] = 0.5f + (float)(call->seed % 7) / 10;
    a->w[1] = -0.25f;
    a->b = 0;
    memset(a->momentum, 0, sizeof a->momentum);
    memset(a->gradient, 0, sizeof a->gradient);
    memset(a->carried, 0, sizeof a->carried);
    for (int k = 0; k < 2; k++) {
        a->mean[k] = 0;
        a->deviation[k] = 1;
    }
    a->counter = 0;
    a->low = (double)INFINITY;
}

static void forward(Arena *a, const nn_call *call) {
    const float(*x)[2] = call->sources[0];
    const float *y = call->sources[1];
    for (int64_t r = 0; r < call->rows; r++) {
        memcpy(a->x[r], x[a->rowmap[r]], sizeof a->x[r]);
        a->y[r] = y == NULL ? 0 : y[a->rowmap[r]];
        a->result[r] = a->w[0] * a->x[r][0] + a->w[1] * a->x[r][1] + a->b + 1e-3f * a->carried[r];
        a->carried[r] = 0.5f * a->carried[r] + a->result[r];
    }
}

static void totals(Arena *a, const nn_call *call) {
    for (int64_t r = 0; r < call->rows; r++) a->total_error += fabs((double)(a->result[r] - a->y[r]));
    a->total_count += (double)call->rows;
}

static void apply(Arena *a, double weight) {
    for (int k = 0; k < 2; k++) {
        a->momentum[k] = 0.9f * a->momentum[k] + (float)(a->gradient[k] / weight);
        a->w[k] -= (float)a->lr * a->momentum[k];
    }
    a->b -= (float)(a->lr * a->gradient[2] / weight);
    memset(a->gradient, 0, sizeof a->gradient);
}

static void step(Arena *a, const nn_call *call, bool updates) {
    double loss = 0;
    forward(a, call);
    totals(a, call);
    for (int64_t r = 0; r < call->rows; r++) {
        float d = a->result[r] - a->y[r];
        loss += (double)(d * d);
        a->gradient[0] += 2 * d * a->x[r][0];
        a->gradient[1] += 2 * d * a->x[r][1];
        a->gradient[2] += 2 * d;
    }
    a->loss = loss / (double)call->rows;
    a->weight += updates ? 0 : (double)call->rows;
    a->loss_sum += updates ? 0 : loss;
    if (updates) apply(a, (double)call->rows);
}

static void prepare(Arena *a, const nn_call *call) {
    for (int64_t r = 0; r < call->rows; r++) {
        for (int k = 0; k < 2; k++) {
            a->measured[r][k] = a->raw_x[r][k];
            a->ready_x[r][k] =
                (float)((a->raw_x[r][k] - a->mean[k]) / (a->deviation[k] == 0 ? 1 : a->deviation[k]));
        }
        a->ready_y[r] = (float)a->raw_y[r];
        a->ready_kind[r] = (int32_t)a->raw_kind[r];
    }
}

// With FAKE_SLOW in the environment a step takes two seconds; with FAKE_BEST the weights after so many epochs
// are the best.
static void take_long(void) {
    struct timespec wait = {2, 0};
    if (getenv("FAKE_SLOW") != NULL) nanosleep(&wait, NULL);
}

// The smallest value so far is the best.
static void watch(Arena *a, double value) {
    a->best = value < a->low;
    if (value < a->low) a->low = value;
}

void fake_run(int32_t function, const nn_call *call, int32_t thread, int32_t threads) {
    Arena *a = (Arena *)(void *)call->arena;
    if (threads > 1) call->barrier(call->team);
    if (thread != 0) return;
    switch (function) {
    case NN_INITIAL: initial(a, call); break;
    case NN_STEP:
        step(a, call, a->accumulates == 0);
        take_long();
        break;
    case NN_UPDATE:
        apply(a, a->weight);
        a->update_loss = a->loss_sum / a->weight;
        a->weight = a->loss_sum = 0;
        break;
    case NN_EVALUATE:
        forward(a, call);
        totals(a, call);
        break;
    case NN_PREDICT: forward(a, call); break;
    case NN_METRICS: a->out_mae = a->out_loss = a->total_error / a->total_count; break;
    case NN_EPOCH:
        a->counter++;
        watch(a, getenv("FAKE_BEST") == NULL ? a->test_loss : fabs(a->counter - atof(getenv("FAKE_BEST"))));
        break;
    case NN_STOP: a->stop = a->step >= 20; break;
    case NN_PREPARE: prepare(a, call); break;
    default: abort();
    }
}
