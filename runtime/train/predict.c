// The command `predict`: what the program's `predict` lists, else the model's outputs, or the classes it
// chooses, for rows of a file or of standard input. Columns that a prediction carries along are written as
// they stand in the file.
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
    bool text = nn_data_ending(&t->model) != NULL;
    request.inputs_only = request.all_rows = true;
    request.standard_input = request.path == NULL;
    if (request.standard_input && isatty(0))
        return nn_fail(t->ctx, NN_USAGE,
                       "predict reads rows from standard input (< rows.csv) or from --data %s",
                       text ? "FILE" : "PATH");
    if (request.path != NULL || text) return nn_trainer_load(t, &request);
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
    if (p->format == AS_NPY && (p->outputs[0].carried >= 0 || p->outputs[0].words >= 0))
        return nn_fail(ctx, NN_USAGE, "--format npy: %s is written in words, and an array holds numbers",
                       nn_model_text(&p->t->model, p->outputs[0].name));
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

// NULL: it is carried.
static const nn_tensor *tensor_of(const Predicting *p, uint32_t output) {
    return nn_model_tensor(&p->t->model, p->outputs[output].tensor);
}

static int64_t elements_of(const Predicting *p, uint32_t output) {
    const nn_tensor *of = tensor_of(p, output);
    const nn_column *columns = NN_TABLE(&p->t->model, nn_column, columns);
    return of != NULL ? nn_tensor_row(of) : columns[p->outputs[output].carried].elements;
}

static void put_head(Predicting *p) {
    const nn_tensor *only = tensor_of(p, 0);
    if (p->format == AS_LABELS) {
        const nn_tensor *of = tensor_of(p, (uint32_t)p->labelled);
        nn_column_names(&p->out, "label", of->rank - 2, nn_tensor_row(of) / of->dims[of->rank - 1], true);
        nn_text_add(&p->out, "\n");
    }
    if (p->format == AS_NPY)
        nn_npy_head(&p->out, &p->t->model, only->type, p->t->data.parts[NN_TEST].count, only->rank - 1,
                    only->dims + 1);
    if (p->format != AS_CSV) return;
    for (uint32_t k = 0; k < p->count; k++) {
        const nn_tensor *of = tensor_of(p, k);
        int64_t elements = elements_of(p, k);
        nn_column_names(&p->out, nn_model_text(&p->t->model, p->outputs[k].name),
                        of != NULL ? of->rank - 1 : elements > 1, elements, k == 0);
    }
    nn_text_add(&p->out, "\n");
}

static double real_at(const Predicting *p, const nn_tensor *of, int64_t k) {
    return nn_value_get(&p->t->model, of->type, p->values, k);
}

// ---- words ----

static bool is_json_number(const char *s, uint64_t n) {
    nn_json j = {.at = s, .end = s + n};
    bool number = n > 0 && (*s == '-' || (*s >= '0' && *s <= '9'));
    return number && nn_json_skip(&j, 0) && j.at == j.end;
}

static bool is_plain(const char *s, uint64_t n) {
    for (uint64_t k = 0; k < n; k++)
        if (s[k] == ',' || s[k] == '"' || s[k] == '\r' || s[k] == '\n') return false;
    return true;
}

// A cell of CSV; of JSON a string, or what is a number there too.
static void put_text(Predicting *p, const char *text, uint64_t length, bool number) {
    if (p->format == AS_JSON && (!number || !is_json_number(text, length))) {
        nn_text_json(&p->out, text, length);
    } else if (p->format == AS_JSON || is_plain(text, length)) {
        nn_text_bytes(&p->out, text, length);
    } else {
        nn_text_add(&p->out, "\"");
        for (uint64_t k = 0; k < length; k++)
            nn_text_format(&p->out, text[k] == '"' ? "\"%c" : "%c", text[k]);
        nn_text_add(&p->out, "\"");
    }
}

// The name of a class: its text, nothing for the class of missing cells; else its number.
static void put_class(Predicting *p, int32_t field, int64_t number) {
    const char *name = nn_names_class(p->t, field, number);
    if (name != NULL)
        put_text(p, name, strlen(name), NN_TABLE(&p->t->model, nn_field, fields)[field].is_named != 0);
    else
        nn_text_format(&p->out, "%lld", (long long)number);
}

// The class of each element, by the last dimension.
static void put_label(Predicting *p, int64_t row) {
    const nn_output *output = &p->outputs[p->labelled];
    const nn_tensor *of = tensor_of(p, (uint32_t)p->labelled);
    int64_t n = of->dims[of->rank - 1], labels = nn_tensor_row(of) / n;
    for (int64_t e = row * labels; e < (row + 1) * labels; e++) {
        int64_t best = 0;
        for (int64_t k = 1; k < n; k++) {
            double v = real_at(p, of, e * n + k), top = real_at(p, of, e * n + best);
            best = v > top || (isnan(v) && !isnan(top)) ? k : best;
        }
        if (e > row * labels) nn_text_add(&p->out, ",");
        put_class(p, output->label, best);
    }
    nn_text_add(&p->out, "\n");
}

// ---- rows ----

// Element k of an output; of what is carried, of a row `from`. Not finite: null in JSON, which has no word
// for it.
static void put_element(Predicting *p, uint32_t output, int64_t from, int64_t k) {
    const nn_output *o = &p->outputs[output];
    const nn_tensor *of = tensor_of(p, output);
    const nn_model *m = &p->t->model;
    if (of == NULL) {
        const nn_column *column = &NN_TABLE(m, nn_column, columns)[o->carried];
        const nn_cell *cell = &p->t->data.carried[o->carried][from * column->elements + k];
        put_text(p, cell->text, cell->length, !NN_TABLE(m, nn_field, fields)[column->field].is_class);
    } else if (o->words >= 0) {
        put_class(p, o->words, (int64_t)real_at(p, of, k));
    } else if (p->format == AS_JSON && !isfinite(real_at(p, of, k))) {
        nn_text_add(&p->out, "null");
    } else {
        nn_text_value(m, &p->out, of->type, p->values, k);
    }
}

// The elements of one row from *k on, in brackets dimension by dimension.
static void put_nested(Predicting *p, uint32_t output, int64_t from, int dimension, int64_t *k) {
    const nn_tensor *of = tensor_of(p, output);
    int64_t carried = elements_of(p, output);
    int rank = of != NULL ? of->rank : 1 + (carried > 1);
    if (dimension == rank) {
        put_element(p, output, from, (*k)++);
        return;
    }
    for (int64_t i = 0; i < (of != NULL ? of->dims[dimension] : carried); i++) {
        nn_text_add(&p->out, i == 0 ? "[" : ", ");
        put_nested(p, output, from, dimension + 1, k);
    }
    nn_text_add(&p->out, "]");
}

// Row `from` of the data, of which p->values has what is computed.
static void put_row(Predicting *p, uint32_t output, int64_t from) {
    int64_t k = 0;
    if (p->format == AS_JSON) {
        nn_text_format(&p->out, "%s\"%s\": ", output == 0 ? "{" : ", ",
                       nn_model_text(&p->t->model, p->outputs[output].name));
        put_nested(p, output, from, 1, &k);
    } else {
        for (; k < elements_of(p, output); k++) {
            if (output > 0 || k > 0) nn_text_add(&p->out, ",");
            put_element(p, output, from, k);
        }
    }
    if (output + 1 == p->count) nn_text_add(&p->out, p->format == AS_JSON ? "}\n" : "\n");
}

// The only output, or the one with labels, of all rows at once.
static void put_array(Predicting *p, int64_t rows) {
    const nn_tensor *of = tensor_of(p, p->format == AS_LABELS ? (uint32_t)p->labelled : 0);
    int64_t n = rows * nn_tensor_row(of);
    nn_tensor_get(&p->t->model, of, 0, n, p->values);
    for (int64_t i = 0; i < rows && p->format == AS_LABELS; i++) put_label(p, i);
    if (p->format == AS_NPY)
        nn_text_bytes(&p->out, p->values, (uint64_t)(n * nn_tensor_element_size(&p->t->model, of)));
}

static void put_batch(Predicting *p, const int32_t *from, int64_t rows) {
    if (p->format == AS_NPY || p->format == AS_LABELS) {
        put_array(p, rows);
        return;
    }
    for (int64_t r = 0; r < rows; r++) {
        for (uint32_t k = 0; k < p->count; k++) {
            const nn_tensor *of = tensor_of(p, k);
            int64_t n = elements_of(p, k);
            if (of != NULL) nn_tensor_get(&p->t->model, of, r * n, n, p->values);
            put_row(p, k, from[r]);
        }
    }
}

static nn_status print_batch(void *data, const int32_t *rows, int64_t count) {
    Predicting *p = data;
    put_batch(p, rows, count);
    nn_status status = nn_print(p->t->ctx, &p->out);
    nn_text_clear(&p->out);
    return status;
}

static nn_status predict_all(Predicting *p) {
    nn_trainer *t = p->t;
    int64_t room = 8;
    for (uint32_t k = 0; k < p->count; k++) {
        const nn_tensor *of = tensor_of(p, k);
        int64_t bytes = of == NULL ? 0 : nn_tensor_elements(of) * nn_tensor_element_size(&t->model, of);
        room = bytes > room ? bytes : room;
    }
    p->values = nn_get(t->ctx, (uint64_t)room, 1);
    if (p->values == NULL) return t->ctx->status;
    put_head(p);
    return nn_predict_rows(t, nn_trainer_runner(t), print_batch, p);
}

nn_status nn_command_predict(nn_trainer *t) {
    const nn_model *m = &t->model;
    Predicting p = {.t = t, .outputs = NN_TABLE(m, nn_output, outputs), .count = m->manifest->outputs_count};
    nn_text_begin(&p.out, t->ctx);
    if (!nn_model_has(m, NN_PREDICT) || p.count == 0)
        return nn_fail(t->ctx, NN_USAGE,
                       "this program's model is not called on data fields alone: `predict = [...]` in its "
                       "`train` block says "
                       "what to predict");
    return take_format(&p) == NN_OK && nn_trainer_initial(t) == NN_OK && nn_trainer_weights(t) == NN_OK &&
                   read_rows(t) == NN_OK
               ? predict_all(&p)
               : t->ctx->status;
}
