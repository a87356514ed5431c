// The command `predict`: the model's outputs, or the classes it chooses, for rows of a file or of standard
// input.
#include "train/train.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

typedef enum { AS_CSV, AS_JSON, AS_NPY, AS_LABELS } Format;

typedef struct {
    nn_trainer *t;
    Format format;
    const nn_output *outputs;
    uint32_t count;
    int32_t labelled;      // the output whose largest element is a class
    unsigned char *values; // of one output, a batch of rows
    nn_text out;
} Predicting;

static nn_status read_rows(nn_trainer *t) {
    nn_data_request request = nn_trainer_request(t);
    bool csv = nn_data_is_csv(&t->model);
    request.inputs_only = request.all_rows = true;
    request.standard_input = request.path == NULL;
    if (request.standard_input && isatty(0))
        return nn_fail(t->ctx, NN_USAGE,
                       "predict reads rows from standard input (< rows.csv) or from --data %s",
                       csv ? "FILE" : "PATH");
    if (request.path != NULL || csv) return nn_trainer_load(t, &request);
    unsigned char *bytes;
    uint64_t size;
    if (nn_file_read_all(t->ctx, 0, "standard input", &bytes, &size) != NN_OK ||
        nn_data_inputs(t->ctx, &t->model, "standard input", (char *)bytes, size, &t->data) != NN_OK)
        return t->ctx->status;
    t->call.sources = t->data.sources;
    return NN_OK;
}

static nn_status take_format(Predicting *p) {
    static const char *const names[] = {[AS_CSV] = "csv", [AS_JSON] = "json", [AS_NPY] = "npy"};
    const char *format = p->t->options->value[NN_OPTION_FORMAT];
    nn_context *ctx = p->t->ctx;
    p->format = AS_CSV;
    while (format != NULL && p->format < AS_LABELS && !nn_same(format, names[p->format])) p->format++;
    if (p->format == AS_LABELS)
        return nn_fail(ctx, NN_USAGE, "--format: expected csv, json or npy, found %s", format);
    if (p->format == AS_NPY && p->count != 1)
        return nn_fail(ctx, NN_USAGE, "--format npy: this model has %u outputs, and an array holds one",
                       p->count);
    p->labelled = -1;
    for (uint32_t k = 0; k < p->count && p->labelled < 0; k++)
        p->labelled = p->outputs[k].label >= 0 ? (int32_t)k : -1;
    if (p->t->options->value[NN_OPTION_LABELS] == NULL) return NN_OK;
    if (format != NULL) return nn_fail(ctx, NN_USAGE, "--labels prints one column; it takes no --format");
    p->format = AS_LABELS;
    return p->labelled >= 0
               ? NN_OK
               : nn_fail(ctx, NN_USAGE, "--labels: no output of this model is the logits of a class field");
}

static const nn_tensor *tensor_of(const Predicting *p, uint32_t output) {
    return nn_model_tensor(&p->t->model, p->outputs[output].tensor);
}

static void put_head(Predicting *p) {
    const nn_tensor *only = tensor_of(p, 0);
    if (p->format == AS_LABELS) nn_text_add(&p->out, "label\n");
    if (p->format == AS_NPY)
        nn_npy_head(&p->out, &p->t->model, only->type, p->t->data.parts[NN_TEST].count, only->rank - 1,
                    only->dims + 1);
    if (p->format != AS_CSV) return;
    for (uint32_t k = 0; k < p->count; k++) {
        const nn_tensor *of = tensor_of(p, k);
        nn_column_names(&p->out, nn_model_text(&p->t->model, p->outputs[k].name), of->rank - 1,
                        nn_tensor_row(of), k == 0);
    }
    nn_text_add(&p->out, "\n");
}

static double real_at(const Predicting *p, const nn_tensor *of, int64_t k) {
    return nn_value_get(&p->t->model, of->type, p->values, k);
}

static void put_label(Predicting *p, int64_t row) {
    const nn_output *output = &p->outputs[p->labelled];
    const nn_tensor *of = tensor_of(p, (uint32_t)p->labelled);
    const nn_classes *classes = &p->t->data.classes[output->label];
    int64_t n = nn_tensor_row(of), best = 0;
    for (int64_t k = 1; k < n; k++) {
        double v = real_at(p, of, row * n + k), top = real_at(p, of, row * n + best);
        best = v > top || (isnan(v) && !isnan(top)) ? k : best;
    }
    if (best >= classes->count)
        nn_text_format(&p->out, "%lld\n", (long long)best);
    else if (strpbrk(classes->names[best], ",\"\r\n") == NULL)
        nn_text_format(&p->out, "%s\n", classes->names[best]);
    else {
        nn_text_add(&p->out, "\"");
        for (const char *s = classes->names[best]; *s != '\0'; s++)
            nn_text_format(&p->out, *s == '"' ? "\"%c" : "%c", *s);
        nn_text_add(&p->out, "\"\n");
    }
}

// The elements of one row from *k on, in brackets dimension by dimension. Not finite: null, as JSON has no
// word for it.
static void put_nested(Predicting *p, const nn_tensor *of, int dimension, int64_t *k) {
    if (dimension == of->rank) {
        if (isfinite(real_at(p, of, *k)))
            nn_text_value(&p->t->model, &p->out, of->type, p->values, *k);
        else
            nn_text_add(&p->out, "null");
        ++*k;
        return;
    }
    for (int64_t i = 0; i < of->dims[dimension]; i++) {
        nn_text_add(&p->out, i == 0 ? "[" : ", ");
        put_nested(p, of, dimension + 1, k);
    }
    nn_text_add(&p->out, "]");
}

static void put_row(Predicting *p, uint32_t output, int64_t row) {
    const nn_tensor *of = tensor_of(p, output);
    int64_t n = nn_tensor_row(of), k = row * n;
    if (p->format == AS_JSON) {
        nn_text_format(&p->out, "%s\"%s\": ", output == 0 ? "{" : ", ",
                       nn_model_text(&p->t->model, p->outputs[output].name));
        put_nested(p, of, 1, &k);
    } else {
        for (int64_t e = 0; e < n; e++) {
            if (output > 0 || e > 0) nn_text_add(&p->out, ",");
            nn_text_value(&p->t->model, &p->out, of->type, p->values, k + e);
        }
    }
    if (output + 1 == p->count) nn_text_add(&p->out, p->format == AS_JSON ? "}\n" : "\n");
}

static void put_batch(Predicting *p, int64_t rows) {
    const nn_model *m = &p->t->model;
    uint32_t first = p->format == AS_LABELS ? (uint32_t)p->labelled : 0;
    bool whole = p->format == AS_NPY || p->format == AS_LABELS;
    for (int64_t r = 0; r < (whole ? 1 : rows); r++) {
        for (uint32_t k = first; k < (whole ? first + 1 : p->count); k++) {
            const nn_tensor *of = tensor_of(p, k);
            int64_t n = nn_tensor_row(of), size = nn_tensor_element_size(m, of);
            nn_tensor_get(m, of, whole ? 0 : r * n, whole ? rows * n : n,
                          p->values + (whole ? 0 : r * n * size));
            if (p->format == AS_NPY) nn_text_bytes(&p->out, p->values, (uint64_t)(rows * n * size));
            for (int64_t i = 0; i < rows && p->format == AS_LABELS; i++) put_label(p, i);
            if (!whole) put_row(p, k, r);
        }
    }
}

static nn_status predict_all(Predicting *p) {
    nn_trainer *t = p->t;
    const nn_part *rows = &t->data.parts[NN_TEST];
    int64_t batch = t->model.manifest->batch, room = 8;
    for (uint32_t k = 0; k < p->count; k++) {
        int64_t bytes =
            nn_tensor_elements(tensor_of(p, k)) * nn_tensor_element_size(&t->model, tensor_of(p, k));
        room = bytes > room ? bytes : room;
    }
    p->values = nn_get(t->ctx, (uint64_t)room, 1);
    if (p->values == NULL) return t->ctx->status;
    put_head(p);
    nn_states_begin(t);
    t->call.seed = 0;
    for (int64_t first = 0; first < rows->count; first += batch) {
        int64_t count = rows->count - first < batch ? rows->count - first : batch;
        t->call.batch_number = (uint32_t)(first / batch);
        nn_trainer_rows(t, rows->rows + first, count);
        nn_trainer_run(t, NN_PREDICT);
        put_batch(p, count);
        if (nn_print(t->ctx, &p->out) != NN_OK) return t->ctx->status;
        nn_text_clear(&p->out);
    }
    return NN_OK;
}

nn_status nn_command_predict(nn_trainer *t) {
    const nn_model *m = &t->model;
    Predicting p = {.t = t, .outputs = NN_TABLE(m, nn_output, outputs), .count = m->manifest->outputs_count};
    nn_text_begin(&p.out, t->ctx);
    if (!nn_model_has(m, NN_PREDICT) || p.count == 0)
        return nn_fail(
            t->ctx, NN_USAGE,
            "this program's model is not called on data fields alone, so there is nothing to predict");
    return take_format(&p) == NN_OK && nn_trainer_initial(t) == NN_OK && nn_trainer_weights(t) == NN_OK &&
                   read_rows(t) == NN_OK
               ? predict_all(&p)
               : t->ctx->status;
}
