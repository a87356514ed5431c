// Parts: which rows are held out. Depends on the split's seed, the number of rows and, stratified, the
// classes alone. Guarantees: every row is in exactly one part; parts keep the file's order.
#include "data/data.h"

#include "base/order.h"
#include "random/random.h"

#include <math.h>
#include <string.h>

const char *const nn_part_names[NN_PARTS] = {"train", "test", "validation"};

typedef struct {
    nn_context *ctx;
    const nn_data *plan;
    nn_dataset *data;
    int64_t rows;
    int32_t *order;  // rows, group by group, each group shuffled
    int64_t *starts; // of the groups, and the end
    int64_t groups;
    unsigned char *part; // of each row, all NN_TRAIN
} Split;

// Rows by class. Classes may be many more than rows: what has none is no group. In order, all are one, or as
// many as windows have; the last row of each is the first to be held out.
static nn_status make_groups(Split *s) {
    bool ordered = s->plan->split == NN_SPLIT_ORDERED;
    int32_t field = s->plan->stratify;
    const int32_t *classes = ordered ? s->data->within : field < 0 ? NULL : s->data->fields[field];
    uint64_t *keys = nn_rows_by(s->ctx, classes, s->rows);
    s->order = nn_get(s->ctx, (uint64_t)s->rows, sizeof *s->order);
    s->starts = nn_get(s->ctx, (uint64_t)s->rows + 1, sizeof *s->starts);
    if (keys == NULL || s->order == NULL || s->starts == NULL) return s->ctx->status;
    for (int64_t r = 0; r < s->rows; r++) {
        if (r == 0 || keys[r] >> 32 != keys[r - 1] >> 32) s->starts[s->groups++] = r;
    }
    s->starts[s->groups] = s->rows;
    for (int64_t g = 0; g < s->groups; g++) {
        int64_t first = s->starts[g], end = s->starts[g + 1];
        for (int64_t k = first; k < end; k++)
            s->order[k] = (int32_t)(uint32_t)keys[ordered ? end - 1 - (k - first) : k];
    }
    for (int64_t g = 0; g < s->groups && !ordered; g++)
        nn_shuffle(s->order + s->starts[g], s->starts[g + 1] - s->starts[g], (uint64_t)s->plan->split_seed,
                   NN_FOR_SPLIT, keys[s->starts[g]] >> 32);
    nn_drop(s->ctx, keys);
    return NN_OK;
}

// 29 % of 50 is 14.5, though 0.29 is a little less in binary.
int64_t nn_share(int64_t rows, double fraction) {
    int64_t n = (int64_t)floor((double)rows * fraction * (1 + 1e-12) + 0.5);
    return n > rows ? rows : n;
}

static void split_shares(Split *s) {
    for (int64_t g = 0; g < s->groups; g++) {
        int64_t first = s->starts[g], n = s->starts[g + 1] - first;
        int64_t test = nn_share(n, s->plan->test), validation = nn_share(n, s->plan->validation);
        validation = test + validation > n ? n - test : validation;
        for (int64_t k = 0; k < test + validation; k++)
            s->part[s->order[first + k]] = k < test ? NN_TEST : NN_VALIDATION;
    }
}

// Group after group, each row goes to the next fold: folds differ by one row at most, also in each class.
static void split_folds(Split *s, int32_t fold) {
    for (int64_t k = 0; k < s->rows; k++) {
        if (k % s->plan->folds == fold) s->part[s->order[k]] = NN_TEST;
    }
}

static nn_status take_part(nn_context *ctx, nn_dataset *data, int part) {
    int64_t n = 0;
    for (int64_t r = 0; r < data->rows; r++) n += data->part_of[r] == part;
    int32_t *list = nn_get(ctx, (uint64_t)n, sizeof *list);
    if (list == NULL) return ctx->status;
    data->parts[part] = (nn_part){list, n};
    for (int64_t r = 0, k = 0; r < data->rows; r++) {
        if (data->part_of[r] == part) list[k++] = (int32_t)r;
    }
    return NN_OK;
}

// How many of them there are; each has a row.
static int64_t group_count(const int32_t *of, int64_t rows) {
    int64_t last = -1;
    for (int64_t r = 0; r < rows; r++) last = of[r] > last ? of[r] : last;
    return last + 1;
}

// The groups that stay whole, or NULL: rows are divided.
static const int32_t *whole_groups(const nn_dataset *data, const nn_data *plan) {
    if (plan->split == NN_SPLIT_ORDERED) return NULL;
    return data->group != NULL ? data->group : data->within;
}

static nn_status divide(Split *s) {
    const nn_data *plan = s->plan;
    int32_t fold = s->data->request.fold;
    if (make_groups(s) != NN_OK) return s->ctx->status;
    if (plan->split != NN_SPLIT_FOLDS)
        split_shares(s);
    else if (fold >= 0)
        split_folds(s, fold);
    nn_drop(s->ctx, s->order);
    nn_drop(s->ctx, s->starts);
    return NN_OK;
}

// Rows, or groups of them as if each were a row.
static nn_status split(Split *s) {
    const int32_t *of = whole_groups(s->data, s->plan);
    int64_t rows = s->rows, count = of == NULL ? rows : group_count(of, rows);
    unsigned char *part = s->part;
    if (s->plan->split == NN_SPLIT_FOLDS && (s->plan->folds < 2 || s->plan->folds > count))
        return nn_fail(s->ctx, NN_DATA, "%lld %s cannot be divided into %d folds", (long long)count,
                       of == NULL ? "rows" : "groups", s->plan->folds);
    if (of == NULL) return divide(s);
    s->rows = count;
    s->part = nn_get(s->ctx, (uint64_t)count, 1);
    if (s->part == NULL || divide(s) != NN_OK) return s->ctx->status;
    for (int64_t r = 0; r < rows; r++) part[r] = s->part[of[r]];
    nn_drop(s->ctx, s->part);
    return NN_OK;
}

bool nn_part_declared(const nn_data *plan, int part) {
    if (part == NN_TRAIN || plan->own_part[part]) return true;
    if (plan->split == NN_SPLIT_FOLDS) return part == NN_TEST;
    return plan->split != NN_SPLIT_NONE && (part == NN_TEST ? plan->test : plan->validation) > 0;
}

nn_status nn_part_empty(nn_context *ctx, const nn_data *plan, const nn_dataset *data, int part,
                        const char *reads) {
    if (!nn_part_declared(plan, part))
        return nn_fail(ctx, NN_USAGE, "the data have no %s part", nn_part_names[part]);
    if (data->series != NULL)
        return nn_fail(
            ctx, NN_DATA, "the %s part has no rows%s: of its %lld %s no row can be made, which reads %lld",
            nn_part_names[part], reads, (long long)(data->series->end[part] - data->series->begin[part]),
            nn_unit_name(plan), (long long)data->series->span);
    if (data->reach.span > 1) return nn_windows_none(ctx, data, part, reads);
    const int32_t *groups = whole_groups(data, plan);
    int64_t rows = data->own_rows[NN_TRAIN], count = groups == NULL ? rows : group_count(groups, rows);
    return nn_fail(
        ctx, NN_DATA, "the %s part has no rows%s: split = %s(%s = %.6g%%) of %lld %s%s leaves none",
        nn_part_names[part], reads, plan->split == NN_SPLIT_ORDERED ? "ordered" : "random",
        nn_part_names[part], 100 * (part == NN_TEST ? plan->test : plan->validation), (long long)count,
        groups == NULL ? "rows" : "groups", plan->stratify >= 0 ? ", in each class," : "");
}

// Part 0's rows come first in the sources, then those of parts with files of their own.
static nn_status mark_parts(nn_context *ctx, const nn_data *plan, nn_dataset *data) {
    bool all = data->request.all_rows;
    int64_t first = data->own_rows[NN_TRAIN];
    data->part_of = nn_get(ctx, (uint64_t)data->rows, 1);
    if (data->part_of == NULL) return ctx->status;
    Split s = {.ctx = ctx, .plan = plan, .data = data, .rows = first, .part = data->part_of};
    bool pieces = data->series != NULL; // of the text
    if (!all && !pieces && plan->split != NN_SPLIT_NONE && split(&s) != NN_OK) return ctx->status;
    if (pieces) first = data->series->rows[NN_TRAIN];
    for (int p = NN_TEST; p < NN_PARTS && !all; p++) {
        int64_t rows = pieces ? data->series->rows[p] : plan->own_part[p] ? data->own_rows[p] : 0;
        memset(data->part_of + first, p, (size_t)rows);
        first += rows;
    }
    return NN_OK;
}

nn_status nn_split_rows(nn_context *ctx, const nn_model *m, nn_dataset *data) {
    if (mark_parts(ctx, &m->manifest->data, data) != NN_OK) return ctx->status;
    for (int p = 0; p < NN_PARTS; p++) {
        if ((nn_data_windows(m) ? nn_window_samples(ctx, m, data, p) : take_part(ctx, data, p)) != NN_OK)
            return ctx->status;
    }
    if (data->request.all_rows) data->parts[NN_TEST] = data->parts[NN_TRAIN];
    return NN_OK;
}
