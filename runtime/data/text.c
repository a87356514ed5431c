// A text as rows: its units' numbers, the pieces of it that are parts, and windows of them.
// Guarantees: no window reaches beyond its part; in training each epoch's windows begin at an offset of its
// own, and there are as many of them.
#include "data/data.h"

#include "random/random.h"

#include <string.h>

const char *nn_unit_name(const nn_data *plan) {
    static const char *const names[] = {
        [NN_TEXT_BYTE] = "bytes", [NN_TEXT_CHAR] = "characters", [NN_TEXT_WORD] = "words"};
    return names[plan->unit];
}

// The training units, those of validation behind them, those of test at the end.
static void divide(const nn_loading *l, nn_series *s) {
    const nn_data *plan = &l->m->manifest->data;
    bool whole = l->data->request.all_rows || plan->split == NN_SPLIT_NONE;
    int64_t all = s->units.count, test = whole ? 0 : nn_share(all, plan->test);
    int64_t validation = whole ? 0 : nn_share(all, plan->validation);
    validation = test + validation > all ? all - test : validation;
    s->end[NN_TEST] = all;
    s->begin[NN_TEST] = s->end[NN_VALIDATION] = all - test;
    s->begin[NN_VALIDATION] = s->end[NN_TRAIN] = all - test - validation;
}

// Where a window of a part may begin.
static int64_t places(const nn_series *s, int part) {
    int64_t n = s->end[part] - s->begin[part] - s->span + 1;
    return n > 0 ? n : 0;
}

// As many training rows as there are at every offset; of what is measured all that there are at none.
static int64_t row_count(const nn_series *s, int part, bool moves) {
    int64_t n = places(s, part);
    if (!moves) return n / s->stride + (n % s->stride != 0);
    return n / s->stride > 0 ? n / s->stride : n > 0;
}

static void place_rows(nn_series *s, int part, int32_t *starts) {
    for (int64_t k = 0; k < s->rows[part]; k++)
        starts[k] = (int32_t)(s->begin[part] + (part == NN_TRAIN ? s->offset : 0) + k * s->stride);
}

static nn_status make_rows(const nn_loading *l, nn_series *s, int64_t *rows) {
    const nn_column *columns = NN_TABLE(l->m, nn_column, columns);
    const nn_data *plan = &l->m->manifest->data;
    bool all = l->data->request.all_rows, undivided = s->end[NN_TRAIN] == s->units.count;
    for (uint32_t k = 0; k < l->m->manifest->columns_count; k++) {
        int64_t end = (int64_t)columns[k].first + columns[k].elements;
        if (nn_column_wanted(l, &columns[k], NN_TRAIN) && end > s->span) s->span = end;
    }
    s->stride = plan->stride;
    *rows = 0;
    for (int p = 0; p < NN_PARTS; p++) *rows += s->rows[p] = row_count(s, p, p == NN_TRAIN && !all);
    if (s->rows[NN_TRAIN] == 0)
        return nn_fail(l->ctx, NN_DATA, "%s: %s has %lld %s, and a row reads %lld", s->path,
                       undivided ? "the text" : "the training part",
                       (long long)(s->end[NN_TRAIN] - s->begin[NN_TRAIN]), nn_unit_name(plan),
                       (long long)s->span);
    s->starts = nn_get(l->ctx, (uint64_t)*rows, sizeof *s->starts);
    int32_t *starts = s->starts;
    for (int p = 0; p < NN_PARTS && starts != NULL; starts += s->rows[p++]) place_rows(s, p, starts);
    return l->ctx->status;
}

static nn_status number_units(nn_context *ctx, nn_vocabulary *v, int64_t limit, nn_series *s) {
    int64_t *times = nn_get(ctx, (uint64_t)v->count + 1, sizeof *times);
    int32_t *now = nn_get(ctx, (uint64_t)v->count + 1, sizeof *now);
    if (times == NULL || now == NULL) return ctx->status;
    for (int64_t k = s->begin[NN_TRAIN]; k < s->end[NN_TRAIN]; k++) times[s->units.numbers[k]]++;
    nn_status status = nn_vocabulary_choose(ctx, v, limit, times, now);
    for (int64_t k = 0; k < s->units.count; k++) s->units.numbers[k] = now[s->units.numbers[k]];
    nn_drop(ctx, times);
    nn_drop(ctx, now);
    return status;
}

// The file's units, numbered by the training part, or as they were when the model was trained.
static nn_status read_units(const nn_loading *l, nn_series *s, const char *bytes, uint64_t size) {
    const nn_data *plan = &l->m->manifest->data;
    nn_vocabulary *v = &l->data->vocabulary;
    bool known = !l->data->request.measure;
    if (known && v->count == 0)
        return nn_fail(l->ctx, NN_DATA,
                       "the weights have no vocabulary: are these the weights of another model?");
    nn_units_text text = {.kind = plan->unit, .path = s->path, .bytes = bytes, .size = size, .grows = !known};
    if (nn_units_read(l->ctx, v, &text, &s->units) != NN_OK) return l->ctx->status;
    if (s->units.count == 0) return nn_fail(l->ctx, NN_DATA, "%s: no %s", s->path, nn_unit_name(plan));
    divide(l, s);
    if (!known && number_units(l->ctx, v, plan->vocabulary, s) != NN_OK) return l->ctx->status;
    s->sum = nn_crc32c(0, s->units.numbers, (uint64_t)s->units.count * sizeof *s->units.numbers);
    return NN_OK;
}

nn_status nn_series_read(const nn_loading *l, int64_t *rows) {
    nn_series *s = l->data->series = nn_get(l->ctx, 1, sizeof *s);
    char path[NN_PATH_ROOM] = "standard input", *kept;
    unsigned char *bytes = NULL;
    uint64_t size = 0;
    if (s == NULL ||
        nn_source_bytes(l, nn_model_text(l->m, l->m->manifest->data.file), path, &bytes, &size) != NN_OK ||
        (kept = nn_get(l->ctx, strlen(path) + 1, 1)) == NULL)
        return l->ctx->status;
    s->path = strcpy(kept, path);
    if (read_units(l, s, (const char *)bytes, size) == NN_OK) make_rows(l, s, rows);
    nn_drop(l->ctx, bytes);
    return l->ctx->status;
}

void nn_series_raw(const nn_series *s, const nn_column *c, nn_raw *raw) {
    *raw = (nn_raw){.rows = s->rows[0] + s->rows[1] + s->rows[2],
                    .elements = c->elements,
                    .bytes = (const unsigned char *)(s->units.numbers + c->first),
                    .type = 'i',
                    .size = 4,
                    .starts = s->starts,
                    .path = s->path};
}

bool nn_series_shift(nn_series *s, uint64_t seed, int64_t epoch) {
    int64_t n = places(s, NN_TRAIN), range = n < s->stride ? n : s->stride;
    int64_t offset = nn_draw_whole((uint32_t)range, seed, NN_FOR_OFFSET, (uint64_t)epoch);
    bool moved = offset != s->offset;
    s->offset = offset;
    if (moved) place_rows(s, NN_TRAIN, s->starts);
    return moved;
}
