// Windows over rows: which rows a sample reads, which samples there are, and where a field's values for one
// begin. Windows are read where their rows stand, so that rows are kept once, whatever their number.
// Guarantees: all rows of a sample lie in one part, one behind the other.
#include "data/data.h"

bool nn_data_windows(const nn_model *m) {
    for (uint32_t k = 0; k < m->manifest->fields_count; k++)
        if (NN_TABLE(m, nn_field, fields)[k].window > 0) return true;
    return false;
}

static void reach_to(nn_reach *r, int64_t *high, int64_t at, int64_t rows) {
    if (*high == INT64_MIN || at < r->low) r->low = at;
    if (at + rows > *high) *high = at + rows;
}

// What only the loss reads need not be there for a prediction, and what only a prediction carries along is
// not there for others.
void nn_reach_find(nn_loading *l) {
    const nn_field *fields = NN_TABLE(l->m, nn_field, fields);
    bool inputs = l->data->request.inputs_only;
    int64_t high = INT64_MIN;
    nn_reach *r = &l->data->reach;
    *r = (nn_reach){0, 1};
    if (!nn_data_windows(l->m)) return;
    for (uint32_t k = 0; k < l->m->manifest->fields_count; k++) {
        const nn_field *f = &fields[k];
        if (inputs ? f->in_model >= 0 : !f->aside)
            reach_to(r, &high, f->window > 0 ? f->at : 0, f->window > 0 ? f->window : 1);
    }
    for (uint32_t k = 0; k < l->m->manifest->columns_count && inputs; k++)
        if (l->data->carried[k] != NULL) reach_to(r, &high, 0, 1);
    r->span = high - r->low;
}

// Do two rows lie in one part and one group?
static bool beside(const nn_dataset *data, int64_t a, int64_t b) {
    return data->part_of[a] == data->part_of[b] &&
           (data->within == NULL || data->within[a] == data->within[b]);
}

// `to` gets the samples, where it is not NULL; returns their number.
static int64_t samples(const nn_dataset *data, int part, int64_t stride, int32_t *to) {
    int64_t count = 0;
    for (int64_t first = 0, end; first < data->rows; first = end) {
        for (end = first + 1; end < data->rows && beside(data, first, end);) end++;
        for (int64_t r = first; r + data->reach.span <= end && data->part_of[first] == part; r += stride) {
            if (to != NULL) to[count] = (int32_t)r;
            count++;
        }
    }
    return count;
}

// As the file has the last rows of them, each another one.
static nn_status sort_samples(nn_context *ctx, const nn_dataset *data, int32_t *rows, int64_t count) {
    int32_t *behind = nn_get(ctx, (uint64_t)data->rows, sizeof *behind); // a sample's row, and one; 0: none
    if (behind == NULL) return ctx->status;
    for (int64_t k = 0; k < count; k++) behind[data->file_row[rows[k] + data->reach.span - 1]] = rows[k] + 1;
    for (int64_t r = 0, k = 0; r < data->rows; r++)
        if (behind[r] > 0) rows[k++] = behind[r] - 1;
    nn_drop(ctx, behind);
    return NN_OK;
}

// A prediction is made for each of them.
nn_status nn_window_samples(nn_context *ctx, const nn_model *m, nn_dataset *data, int part) {
    int64_t stride = data->request.inputs_only ? 1 : m->manifest->data.stride;
    int64_t count = samples(data, part, stride, NULL);
    int32_t *rows = nn_get(ctx, (uint64_t)count, sizeof *rows);
    if (rows == NULL) return ctx->status;
    samples(data, part, stride, rows);
    data->parts[part] = (nn_part){rows, count};
    return data->file_row == NULL ? NN_OK : sort_samples(ctx, data, rows, count);
}

void nn_windows_place(const nn_loading *l) {
    const nn_field *fields = NN_TABLE(l->m, nn_field, fields);
    const nn_column *columns = NN_TABLE(l->m, nn_column, columns);
    nn_dataset *data = l->data;
    for (uint32_t k = 0; k < l->m->manifest->fields_count; k++) {
        const nn_field *f = &fields[k];
        int64_t at = (f->window > 0 ? f->at : 0) - data->reach.low;
        if (data->fields[k] == NULL) continue;
        data->fields[k] = (unsigned char *)data->fields[k] + at * nn_row_size(l->m, f);
        if (f->source >= 0) data->sources[f->source] = data->fields[k];
    }
    for (uint32_t k = 0; k < l->m->manifest->columns_count; k++)
        if (data->carried[k] != NULL) data->carried[k] -= data->reach.low * columns[k].elements;
}

nn_status nn_windows_none(nn_context *ctx, const nn_dataset *data, int part, const char *reads) {
    int64_t rows = 0;
    for (int64_t r = 0; r < data->rows; r++) rows += data->part_of[r] == part;
    return nn_fail(ctx, NN_DATA,
                   "the %s part has no rows%s: a sample reads %lld rows one after another, from %lld to %lld "
                   "counted from its own, and of the part's %lld rows never so many stand together",
                   nn_part_names[part], reads, (long long)data->reach.span, (long long)data->reach.low,
                   (long long)(data->reach.low + data->reach.span - 1), (long long)rows);
}
