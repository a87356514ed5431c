// The command `history`: what the logs of runs tell, of one or of several beside each other.
#include "train/train.h"

#include <stdio.h>

// What was named, else this program's own runs: one, or one of each fold.
nn_story *nn_runs_read(nn_trainer *t, int *count) {
    const nn_data *plan = &t->model.manifest->data;
    bool named = t->options->rest_count > 0, folds = t->fold < 0 && plan->split == NN_SPLIT_FOLDS;
    *count = named ? t->options->rest_count : folds ? plan->folds : 1;
    nn_story *runs = nn_get(t->ctx, (uint64_t)*count, sizeof *runs);
    for (int k = 0; k < *count && runs != NULL; k++) {
        const char *name = named ? t->options->rest[k] : t->out;
        char *fold = nn_get(t->ctx, NN_PATH_ROOM, 1), part[32];
        snprintf(part, sizeof part, "fold_%d", k);
        if (fold == NULL || (!named && folds && nn_trainer_path(t, part, fold) != NN_OK) ||
            nn_story_read(t->ctx, !named && folds ? fold : name, &runs[k]) != NN_OK)
            return NULL;
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
