// What every command of a trainer begins with: arena, threads, initial values, data, weights.
#include "train/train.h"

#include "base/order.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void run_function(void *data, int32_t function, nn_call *call) {
    nn_trainer *t = data;
    bool together =
        t->pool != NULL && nn_pool_threads(t->pool) > 1 && (t->model.manifest->threaded >> function & 1) != 0;
    if (together)
        nn_pool_run(t->pool, t->model.run, function, call);
    else
        t->model.run(function, call, 0, 1);
}

nn_runner nn_trainer_runner(nn_trainer *t) { return (nn_runner){run_function, t}; }

void nn_trainer_run(nn_trainer *t, int32_t function) { run_function(t, function, &t->call); }

static void catch_up(nn_trainer *t) { nn_trainer_run(t, NN_CATCH_UP); }

static nn_status directory_of_run(nn_trainer *t) {
    const char *out = t->options->value[NN_OPTION_OUT];
    char name[NN_PATH_ROOM];
    int n = out != NULL
                ? snprintf(name, sizeof name, "%s", out)
                : snprintf(name, sizeof name, "%s.run", nn_model_text(&t->model, t->model.manifest->name));
    bool fits = n > 0 && n < NN_PATH_ROOM - 64;
    if (fits && t->fold >= 0)
        snprintf(t->out, sizeof t->out, "%.*s/fold_%d", NN_PATH_ROOM - 64, name, t->fold);
    else if (fits)
        strcpy(t->out, name);
    return fits ? NN_OK : nn_fail(t->ctx, NN_USAGE, "--out: expected the path of a directory");
}

static void begin_openblas(int64_t *threads) {
    char text[256];
    if (nn_openblas_begin == NULL) return;
    bool together = nn_openblas_begin(text, sizeof text);
    if (text[0] != '\0') nn_message("warning", text);
    if (!together && *threads > 1) {
        nn_message("warning", "this build of OpenBLAS is not for calls from several threads, so one computes "
                              "(Debian: install libopenblas0-pthread)");
        *threads = 1;
    }
}

static nn_status start_pool(nn_trainer *t, int64_t threads) {
    int32_t cores = nn_pool_cores();
    begin_openblas(&threads);
    if (t->model.manifest->threaded == 0 || threads <= 1) return NN_OK;
    if (threads > cores) {
        char text[160];
        snprintf(text, sizeof text,
                 "--threads %lld: this process may use %d core%s, and more threads than that are not faster",
                 (long long)threads, cores, cores == 1 ? "" : "s");
        nn_message("warning", text);
    }
    return nn_pool_start(t->ctx, (int32_t)threads, &t->pool);
}

nn_status nn_trainer_open(nn_trainer *t, nn_context *ctx, const nn_model *m, const nn_options *o) {
    const nn_manifest *mf = m->manifest;
    int64_t threads = nn_pool_cores(), fold = -1;
    *t = (nn_trainer){
        .ctx = ctx, .model = *m, .options = o, .seed = (uint64_t)mf->seed, .batch = mf->batch, .fold = -1};
    if (nn_option_whole(ctx, o, NN_OPTION_THREADS, 1, &threads) != NN_OK ||
        nn_option_whole(ctx, o, NN_OPTION_FOLD, 0, &fold) != NN_OK)
        return ctx->status;
    if (fold >= 0 && (mf->data.split != NN_SPLIT_FOLDS || fold >= mf->data.folds))
        return mf->data.split != NN_SPLIT_FOLDS
                   ? nn_fail(ctx, NN_USAGE, "--fold %lld: the data block has no split = folds(...)",
                             (long long)fold)
                   : nn_fail(ctx, NN_USAGE, "--fold %lld: the folds are 0 .. %d", (long long)fold,
                             mf->data.folds - 1);
    nn_text_begin(&t->best, ctx);
    if (threads > 1024) return nn_fail(ctx, NN_USAGE, "--threads %lld: at most 1024", (long long)threads);
    t->fold = (int32_t)fold;
    bool reads =
        o->command != NN_COMMAND_TRAIN && o->command != NN_COMMAND_DATA && o->command != NN_COMMAND_HISTORY;
    if (directory_of_run(t) != NN_OK || nn_files_name(t) != NN_OK) return ctx->status;
    if (reads && o->value[NN_OPTION_WEIGHTS] == NULL && nn_settle_left(t) != NN_OK) return ctx->status;
    int64_t memory = nn_quota_memory("/proc/self/cgroup", "/sys/fs/cgroup"), given = INT64_MAX;
    if (nn_option_size(ctx, o, NN_OPTION_MEMORY, &given) != NN_OK) return ctx->status;
    memory = given < memory ? given : memory;
    ctx->limit = memory < INT64_MAX ? (uint64_t)memory : 0;
    if (nn_model_arena(ctx, &t->model) != NN_OK) return ctx->status;
    nn_float_enter();
    if (start_pool(t, threads) != NN_OK) return ctx->status;
    t->call.arena = t->model.arena;
    t->catch_up = nn_model_has(&t->model, NN_CATCH_UP) ? catch_up : NULL;
    t->call.order = nn_order;
    t->call.plan = nn_plan;
    t->data.words = nn_get(ctx, mf->fields_count, sizeof *t->data.words);
    t->picked = nn_get(ctx, (uint64_t)mf->batch, sizeof *t->picked);
    t->data.classes = nn_get(ctx, mf->fields_count, sizeof *t->data.classes);
    return ctx->status;
}

void nn_trainer_close(nn_trainer *t) { nn_pool_stop(t->pool); }

// `nnc run` says by the environment where the model file is.
nn_data_request nn_trainer_request(const nn_trainer *t) {
    int64_t threads = nn_pool_cores();
    nn_option_whole(t->ctx, t->options, NN_OPTION_THREADS, 1, &threads);
    return (nn_data_request){.read = nn_raw_read,
                             .path = t->options->value[NN_OPTION_DATA],
                             .beside = getenv("NN_MODEL_DIRECTORY"),
                             .cache = t->options->value[NN_OPTION_CACHE],
                             .fold = t->fold,
                             .threads = threads};
}

int32_t nn_trainer_threads(const nn_trainer *t) { return t->pool == NULL ? 1 : nn_pool_threads(t->pool); }

nn_status nn_trainer_load(nn_trainer *t, const nn_data_request *request) {
    nn_status status = nn_data_load(t->ctx, &t->model, nn_trainer_runner(t), request, &t->data);
    t->call.sources = t->data.sources;
    if (t->data.not_finite != NULL && status == NN_OK) nn_message("warning", t->data.not_finite);
    return status == NN_OK ? nn_second_prepare(t) : status;
}

nn_status nn_fold_chosen(const nn_trainer *t) {
    return t->model.manifest->data.split != NN_SPLIT_FOLDS || t->fold >= 0
               ? NN_OK
               : nn_fail(t->ctx, NN_USAGE,
                         "the data are split into folds: --fold I says which one is held out");
}

nn_status nn_trainer_path(nn_trainer *t, const char *name, char path[NN_PATH_ROOM]) {
    int n = snprintf(path, NN_PATH_ROOM, "%s/%s", t->out, name);
    return n > 0 && n < NN_PATH_ROOM ? NN_OK
                                     : nn_fail(t->ctx, NN_USAGE, "the path %.64s... is too long", t->out);
}

// The initial values, and every tensor's start.
nn_status nn_trainer_initial(nn_trainer *t) {
    nn_model_start(&t->model, NN_STARTED);
    t->call.rows = t->model.manifest->batch;
    t->call.seed = t->seed;
    t->call.batch_number = 0;
    nn_trainer_run(t, NN_INITIAL);
    return nn_evaluation_prepare(t);
}
