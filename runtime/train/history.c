// The command `history`: what the logs of runs tell, of one or of several beside each other.
#include "sweep/sweep.h"
#include "train/train.h"

#include <stdio.h>

// The directories that were named; of one that holds a sweep those of its runs that have begun.
static const char **named(nn_trainer *t, int *count) {
    const char **names = NULL;
    *count = 0;
    for (int k = 0; k < t->options->rest_count; k++) {
        int runs = 1;
        const char *own = t->options->rest[k];
        const char *const *of = (const char *const *)nn_sweep_names(t->ctx, own, &runs);
        if (of == NULL) of = &own;
        names = nn_grow(t->ctx, names, (uint64_t)(*count + runs), sizeof *names);
        for (int i = 0; names != NULL && i < runs; i++)
            if (of == &own || nn_file_exists(of[i])) names[(*count)++] = of[i];
    }
    if (*count == 0 && t->ctx->status == NN_OK)
        nn_fail(t->ctx, NN_FILE, "%s: no run of this sweep has begun", t->options->rest[0]);
    return names;
}

// What was named, else this program's own runs: one, or one of each fold.
nn_story *nn_runs_read(nn_trainer *t, int *count) {
    const nn_data *plan = &t->model.manifest->data;
    bool own = t->options->rest_count == 0, folds = own && t->fold < 0 && plan->split == NN_SPLIT_FOLDS;
    const char **names = own ? NULL : named(t, count);
    if (own) *count = folds ? plan->folds : 1;
    nn_story *runs = t->ctx->status == NN_OK ? nn_get(t->ctx, (uint64_t)*count, sizeof *runs) : NULL;
    for (int k = 0; k < *count && runs != NULL; k++) {
        char *fold = nn_get(t->ctx, NN_PATH_ROOM, 1), part[32];
        snprintf(part, sizeof part, "fold_%d", k);
        if (fold == NULL || (folds && nn_trainer_path(t, part, fold) != NN_OK) ||
            nn_story_read(t->ctx,
                          folds ? fold
                          : own ? t->out
                                : names[k],
                          &runs[k]) != NN_OK)
            return NULL;
    }
    return runs;
}

// Of the one directory that is named, if it holds a sweep: its table, as the sweep printed it.
nn_status nn_sweep_table(nn_trainer *t, nn_text *out) {
    char path[NN_PATH_ROOM];
    unsigned char *bytes;
    uint64_t size;
    if (t->options->rest_count != 1) return NN_OK;
    snprintf(path, sizeof path, "%s/table.txt", t->options->rest[0]);
    if (!nn_file_exists(path) || nn_file_read(t->ctx, path, &bytes, &size) != NN_OK) return t->ctx->status;
    nn_text_add(out, (const char *)bytes);
    return NN_OK;
}

nn_status nn_command_history(nn_trainer *t) {
    int count;
    nn_story *runs = nn_runs_read(t, &count);
    nn_text out;
    nn_text_begin(&out, t->ctx);
    if (runs == NULL || nn_sweep_table(t, &out) != NN_OK) return t->ctx->status;
    if (out.length > 0) nn_text_add(&out, "\n");
    if (nn_history(t->ctx, runs, count, &out) != NN_OK) return t->ctx->status;
    return nn_print(t->ctx, &out);
}
