// Rows as text and as NumPy's arrays; the command `data`: the rows as the model sees them.
#include "train/train.h"

#include "random/random.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

void nn_text_value(const nn_model *m, nn_text *out, int32_t type, const void *values, int64_t k) {
    if (type == NN_INT || type == NN_BOOL)
        nn_text_format(out, "%d", ((const int32_t *)values)[k]);
    else if (nn_type_size(m, type) == 8)
        nn_text_number(out, ((const double *)values)[k], true);
    else
        nn_text_number(out, (double)((const float *)values)[k], false);
}

void nn_text_values(nn_text *out, const nn_values *v, bool array) {
    nn_text_add(out, array ? "[" : "");
    for (int64_t k = 0; k < v->count; k++) {
        nn_text_add(out, k > 0 ? ", " : "");
        if (isfinite(v->values[k]))
            nn_text_number(out, v->values[k], true);
        else
            nn_text_add(out, "null");
    }
    nn_text_add(out, array ? "]" : "");
}

void nn_column_names(nn_text *out, const char *name, int rank, int64_t elements, bool first) {
    for (int64_t e = 0; e < elements; e++) {
        if (!first || e > 0) nn_text_add(out, ",");
        nn_text_format(out, rank == 0 ? "%s" : "%s_%lld", name, (long long)e);
    }
}

void nn_npy_head(nn_text *out, const nn_model *m, int32_t type, int64_t rows, int rank, const int64_t *dims) {
    nn_text_bytes(out, "\x93NUMPY\x01\x00", 8);
    char head[512];
    const char *descr = type == NN_INT || type == NN_BOOL ? "<i4"
                        : nn_type_size(m, type) == 8      ? "<f8"
                                                          : "<f4";
    int n = snprintf(head, sizeof head, "{'descr': '%s', 'fortran_order': False, 'shape': (%lld,", descr,
                     (long long)rows);
    for (int d = 0; d < rank; d++)
        n += snprintf(head + n, sizeof head - (size_t)n, "%s%lld", d == 0 ? " " : ", ", (long long)dims[d]);
    n += snprintf(head + n, sizeof head - (size_t)n, "), }");
    // The head ends in a newline, at a multiple of 64 bytes.
    int length = (10 + n + 1 + 63) / 64 * 64 - 10;
    unsigned char size[2] = {(unsigned char)length, (unsigned char)(length >> 8)};
    nn_text_bytes(out, size, 2);
    nn_text_add(out, head);
    nn_text_format(out, "%*s\n", length - n - 1, "");
}

nn_status nn_part_of(nn_context *ctx, const nn_options *o, int32_t *part) {
    const char *given = o->value[NN_OPTION_PART];
    for (int p = 0; p < NN_PARTS && given != NULL; p++) {
        if (nn_same(nn_part_names[p], given)) {
            *part = p;
            return NN_OK;
        }
    }
    return given == NULL
               ? NN_OK
               : nn_fail(ctx, NN_USAGE, "--part: expected train, test or validation, found %s", given);
}

static nn_status print_csv(nn_trainer *t, const int32_t *rows, int64_t count) {
    const nn_field *fields = NN_TABLE(&t->model, nn_field, fields);
    nn_text out;
    nn_text_begin(&out, t->ctx);
    bool first = true;
    for (uint32_t f = 0; f < t->model.manifest->fields_count; f++) {
        if (t->data.fields[f] == NULL) continue;
        nn_column_names(&out, nn_model_text(&t->model, fields[f].name), fields[f].rank,
                        nn_field_elements(&fields[f]), first);
        first = false;
    }
    nn_text_add(&out, "\n");
    for (int64_t r = 0; r < count; r++) {
        first = true;
        for (uint32_t f = 0; f < t->model.manifest->fields_count; f++) {
            int64_t elements = nn_field_elements(&fields[f]), at = rows[r] * nn_row_elements(&fields[f]);
            for (int64_t e = 0; e < elements && t->data.fields[f] != NULL; e++) {
                if (!first) nn_text_add(&out, ",");
                nn_text_value(&t->model, &out, fields[f].type, t->data.fields[f], at + e);
                first = false;
            }
        }
        nn_text_add(&out, "\n");
        if (out.length > 1 << 16) {
            if (nn_print(t->ctx, &out) != NN_OK) return t->ctx->status;
            nn_text_clear(&out);
        }
    }
    return nn_print(t->ctx, &out);
}

typedef struct {
    nn_trainer *t;
    const nn_field *field;
    const unsigned char *values;
    const int32_t *rows;
    int64_t count;
} Array;

static nn_status fill_array(void *data, nn_sink *sink) {
    const Array *a = data;
    int64_t size = nn_field_size(&a->t->model, a->field), step = nn_row_size(&a->t->model, a->field);
    nn_text head;
    nn_text_begin(&head, a->t->ctx);
    nn_npy_head(&head, &a->t->model, a->field->type, a->count, a->field->rank, a->field->dims);
    nn_sink_put(sink, head.bytes, head.length);
    bool failed = head.failed;
    nn_text_end(&head);
    for (int64_t r = 0; r < a->count; r++) nn_sink_put(sink, a->values + a->rows[r] * step, (uint64_t)size);
    return failed ? NN_MEMORY : NN_OK;
}

static nn_status write_arrays(nn_trainer *t, const char *part, const int32_t *rows, int64_t count) {
    const nn_field *fields = NN_TABLE(&t->model, nn_field, fields);
    if (nn_file_directory(t->ctx, t->out) != NN_OK) return t->ctx->status;
    for (uint32_t f = 0; f < t->model.manifest->fields_count; f++) {
        Array array = {t, &fields[f], t->data.fields[f], rows, count};
        char name[512], path[NN_PATH_ROOM];
        if (array.values == NULL) continue;
        snprintf(name, sizeof name, "%s.%.400s.npy", part, nn_model_text(&t->model, fields[f].name));
        if (nn_trainer_path(t, name, path) != NN_OK || nn_input_spare(t->ctx, path) != NN_OK ||
            nn_file_replace(t->ctx, path, fill_array, &array) != NN_OK)
            return t->ctx->status;
    }
    return NN_OK;
}

static nn_status show(nn_trainer *t, int32_t part, int64_t epoch) {
    const char *format = t->options->value[NN_OPTION_FORMAT];
    const nn_part *p = &t->data.parts[part];
    if (p->count == 0) return nn_part_empty(t->ctx, &t->model.manifest->data, &t->data, part, "");
    int32_t *rows = nn_get(t->ctx, (uint64_t)p->count, sizeof *rows);
    if (rows == NULL) return t->ctx->status;
    if (epoch >= 0 &&
        nn_data_epoch(t->ctx, &t->model, nn_trainer_runner(t), t->seed, epoch, &t->data) != NN_OK)
        return t->ctx->status;
    memcpy(rows, p->rows, (size_t)p->count * sizeof *rows);
    nn_batches b = nn_batches_of(p->count, t->batch, t->model.manifest->data.stream != 0);
    for (int64_t k = 0; k < b.count && b.stream && epoch >= 0; k++)
        memcpy(rows + nn_batch_first(&b, k), nn_batch_pick(t, &b, p->rows, k),
               (size_t)nn_batch_rows(&b, k) * sizeof *rows);
    if (epoch >= 0 && !b.stream && nn_data_order(t->ctx, &t->model, &t->data, t->seed, epoch, rows) != NN_OK)
        return t->ctx->status;
    if (format == NULL || nn_same(format, "csv")) return print_csv(t, rows, p->count);
    if (nn_same(format, "npy")) return write_arrays(t, nn_part_names[part], rows, p->count);
    return nn_fail(t->ctx, NN_USAGE, "--format: expected csv or npy, found %s", format);
}

nn_status nn_command_data(nn_trainer *t) {
    int32_t part = NN_TRAIN;
    int64_t epoch = -1, seed = (int64_t)t->seed;
    if (nn_part_of(t->ctx, t->options, &part) != NN_OK ||
        nn_option_whole(t->ctx, t->options, NN_OPTION_EPOCH, 0, &epoch) != NN_OK ||
        nn_option_whole(t->ctx, t->options, NN_OPTION_SEED, 0, &seed) != NN_OK)
        return t->ctx->status;
    if (epoch >= 0 && part != NN_TRAIN)
        return nn_fail(t->ctx, NN_USAGE,
                       "--epoch: only the training rows have an order of their own in each epoch");
    t->seed = (uint64_t)seed;
    nn_data_request request = nn_trainer_request(t);
    request.every_field = request.measure = true;
    return nn_fold_chosen(t) == NN_OK && nn_trainer_initial(t) == NN_OK &&
                   nn_trainer_load(t, &request) == NN_OK
               ? show(t, part, epoch)
               : t->ctx->status;
}
