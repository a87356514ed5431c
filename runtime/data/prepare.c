// nn_loading: raw columns, split, statistics of the training rows, and the prepare functions that make fields
// of them. Guarantees: all of it is in double, statistics and weights file included, until a field is stored
// in the precision of the program; every whole number and class of a field lies below its limit.
#include "data/data.h"

#include "base/order.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

// What is done with the outputs of a block: `first` counts the part's rows.
typedef nn_status Visit(nn_loading *l, int part, int64_t first, int64_t count, void *data);

nn_status nn_field_fail(nn_context *ctx, const nn_model *m, const nn_field *f, const char *place,
                        double value) {
    return nn_fail(ctx, NN_DATA, "%s: expected a whole number 0 .. %lld in field %s, found %.9g", place,
                   (long long)(f->limit > 0 ? f->limit - 1 : INT32_MAX), nn_model_text(m, f->name), value);
}

static bool own_part(const nn_loading *l, int part) {
    return part == NN_TRAIN || l->m->manifest->data.own_part[part] != 0;
}

static bool measured_rows(const nn_loading *l, int part, int64_t first, int64_t count) {
    if (l->training == NULL) return true;
    return memchr(l->training + l->first[part] + first, 1, (size_t)count) != NULL;
}

// Where a field's value comes from: its own file, or the line of the text that fields of fields share.
static void find_place(const nn_loading *l, const nn_field *f, int part, int64_t row,
                       char place[NN_PATH_ROOM + 64]) {
    const nn_column *columns = NN_TABLE(l->m, nn_column, columns);
    row = nn_file_row(l, part, row);
    nn_raw_place(&(nn_raw){.path = "the data"}, row, place);
    for (uint32_t k = 0; k < l->m->manifest->columns_count; k++) {
        bool own = columns[k].field >= 0 && &NN_TABLE(l->m, nn_field, fields)[columns[k].field] == f;
        if (columns[k].part == part && l->raws[k].path != NULL && (own || l->raws[k].lines != NULL))
            nn_raw_place(&l->raws[k], row, place);
    }
}

// The first number that is none, of a file or else of a field, is kept in words.
static void note_numbers(nn_loading *l, const nn_field *f, int part, int64_t row, const void *numbers,
                         bool wide, int64_t count, int64_t elements, char **said) {
    for (int64_t k = 0; k < count && *said == NULL; k++) {
        double v = wide ? ((const double *)numbers)[k] : (double)((const float *)numbers)[k];
        if (isfinite(v)) continue;
        char place[NN_PATH_ROOM + 64];
        nn_text text;
        nn_text_begin(&text, l->ctx);
        find_place(l, f, part, row + k / elements, place);
        nn_text_format(&text, "%s: field %s is %g", place, nn_model_text(l->m, f->name), v);
        *said = text.bytes;
    }
}

static void fill_inputs(nn_loading *l, int part, int64_t first, int64_t count) {
    const nn_column *columns = NN_TABLE(l->m, nn_column, columns);
    for (uint32_t k = 0; k < l->m->manifest->columns_count; k++) {
        const nn_raw *raw = &l->raws[k];
        if (columns[k].part != part || columns[k].tensor < 0) continue;
        const nn_tensor *t = nn_model_tensor(l->m, columns[k].tensor);
        int64_t values = count * nn_tensor_row(t);
        if (raw->bytes == NULL) // not read, as nothing kept is made of it
            memset(l->block, 0, (size_t)values * sizeof *l->block);
        else
            nn_raw_values(raw, first * raw->elements, values, l->block);
        // A missing cell of a text is nan until its mean is known.
        if (raw->lines == NULL)
            note_numbers(l, &NN_TABLE(l->m, nn_field, fields)[columns[k].field], part, first, l->block, true,
                         values, nn_tensor_row(t), &l->suspect);
        nn_tensor_put(l->m, t, 0, values, l->block);
    }
}

static nn_status visit_part(nn_loading *l, int part, bool only_training, Visit *visit, void *data) {
    const nn_manifest *mf = l->m->manifest;
    int64_t rows = l->data->own_rows[part], block = mf->block;
    if (!nn_model_has(l->m, NN_PREPARE + part)) return NN_OK;
    for (int64_t first = 0; first < rows; first += block) {
        int64_t count = rows - first < block ? rows - first : block;
        if (only_training && !measured_rows(l, part, first, count)) continue;
        fill_inputs(l, part, first, count);
        nn_call call = {.arena = l->m->arena,
                        .sources = l->data->sources,
                        .rows = count,
                        .seed = (uint64_t)mf->data.synthetic_seed,
                        .batch_number = (uint32_t)(first / NN_DRAW_ROWS),
                        .order = nn_order,
                        .plan = nn_plan};
        const nn_tensor *first_row = nn_model_tensor(l->m, mf->data.first_row[part]);
        if (first_row != NULL)
            nn_tensor_put(l->m, first_row, 0, 1, &(int32_t){(int32_t)(first % NN_DRAW_ROWS)});
        l->runner.call(l->runner.data, NN_PREPARE + part, &call);
        nn_status status = visit(l, part, first, count, data);
        if (status != NN_OK) return status;
    }
    return NN_OK;
}

// Values of a prepare function's output, as doubles, whatever its type.
static void output_values(const nn_loading *l, const nn_tensor *t, int64_t count, double *out) {
    nn_tensor_get(l->m, t, 0, count, out);
    if (nn_tensor_element_size(l->m, t) == 8) return;
    for (int64_t k = count - 1; k >= 0; k--) out[k] = nn_value_get(l->m, t->type, out, k);
}

static nn_status keep_field(nn_loading *l, int32_t field, int part, int64_t first, int64_t count) {
    const nn_field *f = &NN_TABLE(l->m, nn_field, fields)[field];
    const nn_tensor *t = nn_model_tensor(l->m, f->prepared[part]);
    unsigned char *rows = l->data->fields[field];
    if (rows == NULL || t == NULL) return NN_OK;
    int64_t elements = nn_row_elements(f), size = nn_row_size(l->m, f), n = count * elements;
    rows += (l->first[part] + first) * size;
    bool real = nn_is_real(f->type);
    if (real && nn_tensor_element_size(l->m, t) == nn_type_size(l->m, f->type)) {
        nn_tensor_get(l->m, t, 0, n, rows);
        return NN_OK;
    }
    if (!real && t->type == f->type && f->limit > 0) { // the same whole numbers
        int32_t *whole = (int32_t *)(void *)rows, low = 0, high = 0;
        nn_tensor_get(l->m, t, 0, n, whole);
        for (int64_t k = 0; k < n; k++)
            low = whole[k] < low ? whole[k] : low, high = whole[k] > high ? whole[k] : high;
        if (low >= 0 && high < f->limit) return NN_OK;
    }
    output_values(l, t, n, l->block);
    for (int64_t k = 0; k < n && real; k++) ((float *)(void *)rows)[k] = (float)l->block[k];
    for (int64_t k = 0; k < n && !real; k++) {
        if (nn_field_put(l->m, f, rows, k, l->block[k])) continue;
        char place[NN_PATH_ROOM + 64];
        find_place(l, f, part, first + k / elements, place);
        return nn_field_fail(l->ctx, l->m, f, place, l->block[k]);
    }
    return NN_OK;
}

static nn_status keep_fields(nn_loading *l, int part, int64_t first, int64_t count, void *data) {
    const int32_t *only = data;
    for (uint32_t k = 0; k < l->m->manifest->fields_count; k++) {
        if (only != NULL && *only != (int32_t)k) continue;
        if (keep_field(l, (int32_t)k, part, first, count) != NN_OK) return l->ctx->status;
        const nn_field *f = &NN_TABLE(l->m, nn_field, fields)[k];
        int64_t elements = nn_row_elements(f), size = nn_row_size(l->m, f), row = l->first[part] + first;
        if (l->data->fields[k] == NULL || !nn_is_real(f->type)) continue;
        char *said = NULL;
        note_numbers(l, f, part, first, (char *)l->data->fields[k] + row * size, size > 4 * elements,
                     count * elements, elements, l->data->not_finite == NULL ? &said : &l->data->not_finite);
        if (said != NULL) l->data->not_finite = l->suspect != NULL ? l->suspect : said;
    }
    return NN_OK;
}

// ---- statistics ----

typedef struct {
    const nn_statistic *of;
    int64_t elements, rows;
    bool again; // the second pass: from the mean
    double *low, *high, *origin, *sum,
        *square; // of each element of a sample; sums of differences from origin
} Measure;

static nn_status measure_block(nn_loading *l, int part, int64_t first, int64_t count, void *data) {
    Measure *s = data;
    const nn_tensor *t = nn_model_tensor(l->m, s->of->of[part]);
    if (t == NULL) return NN_OK;
    output_values(l, t, count * s->elements, l->block);
    for (int64_t r = 0; r < count; r++) {
        if (!l->training[l->first[part] + first + r]) continue;
        const double *v = l->block + r * s->elements;
        for (int64_t e = 0; e < s->elements && s->again; e++) {
            double d = v[e] - s->origin[e];
            s->sum[e] += d;
            s->square[e] += d * d;
        }
        for (int k = 0; k < 3 && !s->again && s->rows == 0; k++)
            memcpy(s->low + k * s->elements, v, (size_t)s->elements * sizeof *v); // high and origin too
        for (int64_t e = 0; e < s->elements && !s->again; e++) {
            s->low[e] = v[e] < s->low[e] ? v[e] : s->low[e];
            s->high[e] = v[e] > s->high[e] ? v[e] : s->high[e];
            s->sum[e] += v[e] - s->origin[e];
        }
        s->rows += !s->again;
    }
    return NN_OK;
}

static nn_status visit_training(nn_loading *l, Visit *visit, void *data) {
    for (int p = 0; p < NN_PARTS; p++) {
        if (own_part(l, p) && visit_part(l, p, true, visit, data) != NN_OK) return l->ctx->status;
    }
    return NN_OK;
}

static bool is_constant(const Measure *s, int64_t e) {
    return s->high[e] - s->low[e] <= NN_SAME * fmax(fabs(s->low[e]), fabs(s->high[e]));
}

// What is the same in every row tells nothing: mostly a mistake in the data.
static void warn_constant(const nn_loading *l, const Measure *s) {
    const nn_field *f = &NN_TABLE(l->m, nn_field, fields)[s->of->field];
    int64_t first = -1, count = 0;
    for (int64_t e = 0; e < s->elements; e++) {
        if (is_constant(s, e) && count++ == 0) first = e;
    }
    if (count == 0 || l->data->request.message == NULL) return;
    char text[512];
    snprintf(text, sizeof text,
             "field %.200s: %lld of %lld elements are the same in every training row (the first, number "
             "%lld, is %.15g); %s makes them 0",
             nn_model_text(l->m, f->name), (long long)count, (long long)s->elements, (long long)first,
             s->low[first], s->of->kind == NN_MINMAX ? "minmax" : "standardize");
    l->data->request.message("warning", text);
}

// Two passes, from the first row and then from the mean, so that what the values have in common cancels
// exactly.
static nn_status measure(nn_loading *l, const nn_statistic *of) {
    const nn_tensor *low = nn_model_tensor(l->m, of->into[0]), *high = nn_model_tensor(l->m, of->into[1]);
    Measure s = {.of = of, .elements = low == NULL ? 0 : nn_tensor_elements(low)};
    uint64_t n = (uint64_t)s.elements;
    double *values = nn_get(l->ctx, n * 5, sizeof *values);
    if (values == NULL || low == NULL || high == NULL) return l->ctx->status;
    s.low = values, s.high = values + n, s.origin = values + 2 * n, s.sum = values + 3 * n,
    s.square = values + 4 * n;
    if (visit_training(l, measure_block, &s) != NN_OK) return l->ctx->status;
    if (of->kind != NN_MINMAX) {
        for (uint64_t e = 0; e < n; e++) s.origin[e] += s.sum[e] / (double)s.rows;
        memset(s.sum, 0, (size_t)n * sizeof *s.sum);
        s.again = true;
        if (visit_training(l, measure_block, &s) != NN_OK) return l->ctx->status;
    }
    warn_constant(l, &s);
    for (int64_t e = 0; e < s.elements; e++) {
        bool constant = is_constant(&s, e);
        if (of->kind == NN_MINMAX) {
            s.high[e] = constant ? s.low[e] : s.high[e];
            continue;
        }
        double rest = s.sum[e] / (double)s.rows, square = s.square[e] / (double)s.rows - rest * rest;
        s.low[e] = s.origin[e] + rest;
        s.high[e] = constant || square < 0 ? 0 : sqrt(square);
    }
    nn_tensor_put(l->m, low, 0, s.elements, s.low);
    nn_tensor_put(l->m, high, 0, s.elements, s.high);
    nn_drop(l->ctx, values);
    return NN_OK;
}

static nn_status mark_training(nn_loading *l) {
    l->training = nn_get(l->ctx, (uint64_t)l->data->rows, 1);
    for (int64_t r = 0; r < l->data->rows && l->training != NULL; r++)
        l->training[r] = l->data->part_of[r] == NN_TRAIN;
    return l->ctx->status;
}

static nn_status statistics(nn_loading *l) {
    const nn_statistic *all = NN_TABLE(l->m, nn_statistic, statistics);
    bool known = !l->data->request.measure;
    if (!known && mark_training(l) != NN_OK) return l->ctx->status;
    if (nn_words_number != NULL && nn_words_number(l) != NN_OK) return l->ctx->status;
    for (uint32_t k = 0; k < l->m->manifest->statistics_count; k++) {
        if (all[k].column >= 0 && nn_fill_missing(l, &all[k], known) != NN_OK) return l->ctx->status;
    }
    for (uint32_t k = 0; k < l->m->manifest->statistics_count && !known; k++) {
        if (all[k].column < 0 && measure(l, &all[k]) != NN_OK) return l->ctx->status;
    }
    return NN_OK;
}

// ---- the whole ----

static nn_status read_columns(nn_loading *l) {
    nn_dataset *data = l->data;
    const nn_data *plan = &l->m->manifest->data;
    for (int p = 0; p < NN_PARTS; p++) {
        bool held_out = p != NN_TRAIN && (data->request.all_rows || !plan->own_part[p]);
        if (held_out) continue;
        l->first[p] = data->rows;
        if (data->request.read(l, p, &data->own_rows[p]) != NN_OK) return l->ctx->status;
        data->rows += data->own_rows[p];
    }
    if (data->rows > INT32_MAX) return nn_fail(l->ctx, NN_DATA, "more than %d rows", INT32_MAX);
    return NN_OK;
}

static nn_status take_block(nn_loading *l) {
    const nn_manifest *mf = l->m->manifest;
    l->block = nn_get(l->ctx, (uint64_t)(mf->block_row * mf->block), sizeof *l->block);
    return l->ctx->status;
}

static nn_status make_fields(nn_loading *l) {
    const nn_manifest *mf = l->m->manifest;
    const nn_field *fields = NN_TABLE(l->m, nn_field, fields);
    nn_dataset *data = l->data;
    data->fields = nn_get(l->ctx, mf->fields_count, sizeof *data->fields);
    data->sources = nn_get(l->ctx, mf->sources_count, sizeof *data->sources);
    if (data->fields == NULL || data->sources == NULL) return l->ctx->status;
    take_block(l);
    for (uint32_t k = 0; k < mf->fields_count; k++) {
        const nn_field *f = &fields[k];
        bool kept = f->source >= 0 || (data->request.every_field && !f->aside) ||
                    mf->data.stratify == (int32_t)k || mf->data.balance == (int32_t)k;
        if (!kept || (data->request.inputs_only && f->in_model < 0)) continue;
        data->fields[k] = nn_get(l->ctx, (uint64_t)data->rows, (uint64_t)nn_row_size(l->m, f));
        if (data->fields[k] == NULL) return l->ctx->status;
        if (f->source >= 0) data->sources[f->source] = data->fields[k];
    }
    return l->ctx->status;
}

static nn_status load(nn_loading *l) {
    const nn_data *plan = &l->m->manifest->data;
    if (read_columns(l) != NN_OK || make_fields(l) != NN_OK) return l->ctx->status;
    // The classes that a split is stratified by are needed before it; they depend on no statistic.
    bool by_class = plan->stratify >= 0 && plan->split != NN_SPLIT_NONE && !l->data->request.all_rows;
    int32_t classes = plan->stratify;
    if (by_class && visit_part(l, NN_TRAIN, false, keep_fields, &classes) != NN_OK) return l->ctx->status;
    nn_reach_find(l);
    if (nn_split_rows(l->ctx, l->m, l->data) != NN_OK) return l->ctx->status;
    bool none = l->data->parts[NN_TRAIN].count == 0;
    if (none && l->data->reach.span > 1) return nn_windows_none(l->ctx, l->data, NN_TRAIN, "");
    if (none && l->data->request.measure)
        return nn_fail(l->ctx, NN_DATA, "no rows are left to train on: all %lld are held out",
                       (long long)l->data->rows);
    if (statistics(l) != NN_OK) return l->ctx->status;
    for (int p = 0; p < NN_PARTS; p++) {
        if (l->data->own_rows[p] > 0 && visit_part(l, p, false, keep_fields, NULL) != NN_OK)
            return l->ctx->status;
    }
    nn_windows_place(l);
    return NN_OK;
}

nn_status nn_data_load(nn_context *ctx, const nn_model *m, nn_runner runner, const nn_data_request *request,
                       nn_dataset *data) {
    nn_loading l = {.ctx = ctx, .m = m, .runner = runner, .data = data};
    data->request = *request;
    if (data->classes == NULL) data->classes = nn_get(ctx, m->manifest->fields_count, sizeof *data->classes);
    if (data->words == NULL) data->words = nn_get(ctx, m->manifest->fields_count, sizeof *data->words);
    l.raws = nn_get(ctx, m->manifest->columns_count, sizeof *l.raws);
    data->carried = nn_get(ctx, m->manifest->columns_count, sizeof(nn_cell *));
    if (data->classes == NULL || data->words == NULL || l.raws == NULL || data->carried == NULL)
        return ctx->status;
    bool folder = request->cache != NULL && nn_file_directory(ctx, request->cache) == NN_OK;
    ctx->folder = folder ? request->cache : NULL;
    nn_status status = ctx->status == NN_OK ? load(&l) : ctx->status;
    ctx->folder = NULL;
    const uint32_t *lines[NN_PARTS] = {NULL};
    for (uint32_t k = 0; k < m->manifest->columns_count; k++) {
        nn_drop(ctx, l.raws[k].owned);
        nn_drop(ctx, (void *)(uintptr_t)l.raws[k].fill);
        nn_drop(ctx, l.raws[k].words);
        nn_drop(ctx, l.raws[k].word_first);
        // The columns of one file share these.
        int part = NN_TABLE(m, nn_column, columns)[k].part;
        if (l.raws[k].lines != NULL && lines[part] == NULL) {
            lines[part] = l.raws[k].lines;
            nn_drop(ctx, l.raws[k].lines);
        }
    }
    nn_drop(ctx, l.raws);
    nn_drop(ctx, l.block);
    nn_drop(ctx, l.training);
    return status;
}

nn_status nn_data_epoch(nn_context *ctx, const nn_model *m, nn_runner runner, uint64_t seed, int64_t epoch,
                        nn_dataset *data) {
    if (data->series == NULL || !nn_series_shift(data->series, seed, epoch)) return NN_OK;
    nn_loading l = {.ctx = ctx, .m = m, .runner = runner, .data = data};
    const nn_column *columns = NN_TABLE(m, nn_column, columns);
    l.raws = nn_get(ctx, m->manifest->columns_count, sizeof *l.raws);
    if (l.raws == NULL || take_block(&l) != NN_OK || mark_training(&l) != NN_OK) return ctx->status;
    for (uint32_t k = 0; k < m->manifest->columns_count; k++)
        nn_series_raw(data->series, &columns[k], &l.raws[k]);
    visit_part(&l, NN_TRAIN, true, keep_fields, NULL);
    nn_drop(ctx, l.raws);
    nn_drop(ctx, l.block);
    nn_drop(ctx, l.training);
    return ctx->status;
}
