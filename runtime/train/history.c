// The command `history`: what the logs of runs tell, of one or of several beside each other.
#include "train/train.h"

#include <stdio.h>

// What was named, else this program's own runs: one, or one of each fold.
static const char *run_of(nn_trainer *t, int k, char path[NN_PATH_ROOM]) {
    if (t->options->rest_count > 0) return t->options->rest[k];
    if (t->fold >= 0 || t->model.manifest->data.split != NN_SPLIT_FOLDS) return t->out;
    int n = snprintf(path, NN_PATH_ROOM, "%s/fold_%d", t->out, k);
    return n < NN_PATH_ROOM ? path : t->out;
}

nn_story *nn_runs_read(nn_trainer *t, int *count) {
    int folds =
        t->fold < 0 && t->model.manifest->data.split == NN_SPLIT_FOLDS ? t->model.manifest->data.folds : 1;
    *count = t->options->rest_count > 0 ? t->options->rest_count : folds;
    nn_story *runs = nn_get(t->ctx, (uint64_t)*count, sizeof *runs);
    for (int k = 0; k < *count && runs != NULL; k++) {
        char *path = nn_get(t->ctx, NN_PATH_ROOM, 1);
        if (path == NULL || nn_story_read(t->ctx, run_of(t, k, path), &runs[k]) != NN_OK) return NULL;
    }
    return runs;
}

nn_status nn_command_history(nn_trainer *t) {
    int count;
    nn_story *runs = nn_runs_read(t, &count);
    nn_text out;
    nn_text_begin(&out, t->ctx);
    if (runs == NULL || nn_history(t->ctx, runs, count, &out) != NN_OK) return t->ctx->status;
    return nn_print(t->ctx, &out);
}
