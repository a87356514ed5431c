// The command `report`: a page of runs. Of this program's own run it measures again what a log does not hold:
// the worst and some random rows of the part by which it is judged, as the weights file has the model, and
// matrices of counts. Guarantees: the page is written whole or not at all.
#include "random/random.h"
#include "report/page.h"
#include "train/train.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MEASURED = 500, SHOWN = 8, LARGEST = 256, NUMBERS = 8 };

typedef struct {
    nn_trainer *t;
    nn_text *out;
    int part;
    unsigned char *values; // of one row of an output
} Samples;

typedef struct {
    int32_t row; // of the sources
    int64_t at;  // in its part
    double loss;
} Row;

static int by_loss(const void *a, const void *b) {
    const Row *x = a, *y = b;
    double of_x = isnan(x->loss) ? (double)INFINITY : x->loss,
           of_y = isnan(y->loss) ? (double)INFINITY : y->loss;
    return of_x != of_y ? (of_x > of_y ? -1 : 1) : x->at < y->at ? -1 : 1;
}

// ---- one row ----

static const nn_field *field_of(const Samples *s, uint32_t k) {
    return &NN_TABLE(&s->t->model, nn_field, fields)[k];
}

static double number_of(const Samples *s, uint32_t k, int64_t element) {
    return nn_value_get(&s->t->model, field_of(s, k)->type, s->t->data.fields[k], element);
}

static bool is_picture(const nn_field *f) {
    bool shape = f->rank == 2 || (f->rank == 3 && (f->dims[2] == 1 || f->dims[2] == 3));
    return shape && f->type == NN_REAL && f->dims[0] > 3 && f->dims[1] > 3 && f->dims[0] <= LARGEST &&
           f->dims[1] <= LARGEST;
}

static void put_picture(const Samples *s, uint32_t k, int32_t row) {
    const nn_field *f = field_of(s, k);
    int64_t n = nn_field_elements(f), first = row * nn_row_elements(f);
    double low = INFINITY, high = -INFINITY;
    unsigned char *pixels = nn_get(s->t->ctx, (uint64_t)n, 1);
    for (int64_t e = 0; e < n; e++) {
        low = fmin(low, number_of(s, k, first + e));
        high = fmax(high, number_of(s, k, first + e));
    }
    for (int64_t e = 0; e < n && pixels != NULL; e++) {
        double share = (number_of(s, k, first + e) - low) / (high - low);
        pixels[e] = share > 0 ? (unsigned char)lround(share * 255) : 0;
    }
    if (pixels != NULL)
        nn_html_picture(s->out, pixels, f->dims[0], f->dims[1], f->rank == 3 ? (int)f->dims[2] : 1);
    nn_drop(s->t->ctx, pixels);
}

static void put_class(const Samples *s, int32_t field, int64_t number) {
    nn_text name;
    nn_text_begin(&name, s->t->ctx);
    nn_text_class(s->t, &name, field, number);
    nn_html_string(s->out, name.bytes);
    nn_text_end(&name);
}

static void put_element(const Samples *s, uint32_t k, int64_t element) {
    const nn_vocabulary *v = &s->t->data.vocabulary;
    bool text = s->t->data.series != NULL;
    double value = number_of(s, k, element);
    if (text && value >= 1 && value <= (double)v->count)
        nn_html_text(s->out, v->units[(int64_t)value - 1].text,
                     (uint64_t)v->units[(int64_t)value - 1].length);
    else if (field_of(s, k)->is_class && !text)
        put_class(s, (int32_t)k, (int64_t)value);
    else
        nn_text_format(s->out, text ? "?" : "%.4g", value);
}

static void put_values(const Samples *s, uint32_t k, int32_t row) {
    const nn_field *f = field_of(s, k);
    int64_t n = nn_field_elements(f), shown = s->t->data.series != NULL && n > NUMBERS ? 48 : NUMBERS;
    const char *between = s->t->data.series == NULL                         ? ", "
                          : s->t->model.manifest->data.unit == NN_TEXT_WORD ? " "
                                                                            : "";
    nn_html_string(s->out, nn_model_text(&s->t->model, f->name));
    nn_text_add(s->out, " <b>");
    for (int64_t e = 0; e < n && e < shown; e++) {
        nn_text_add(s->out, e == 0 ? "" : between);
        put_element(s, k, row * nn_row_elements(f) + e);
    }
    nn_text_add(s->out, n > shown ? " &#8230;</b>, " : "</b>, ");
}

// What the model says: the class of the largest logit, or its first numbers.
static void put_outputs(const Samples *s) {
    const nn_model *m = &s->t->model;
    const nn_output *outputs = NN_TABLE(m, nn_output, outputs);
    for (uint32_t k = 0; k < m->manifest->outputs_count; k++) {
        const nn_tensor *of = nn_model_tensor(m, outputs[k].tensor);
        int64_t n = of == NULL ? 0 : nn_tensor_row(of), best = 0;
        if (n == 0 || of->rank > 2) continue;
        nn_tensor_get(m, of, 0, n, s->values);
        nn_html_string(s->out, outputs[k].label >= 0 ? "taken for" : nn_model_text(m, outputs[k].name));
        nn_text_add(s->out, " <b>");
        for (int64_t e = 0; e < n; e++) {
            double value = nn_value_get(m, of->type, s->values, e);
            if (value > nn_value_get(m, of->type, s->values, best)) best = e;
            if (outputs[k].label < 0 && e < NUMBERS)
                nn_text_format(s->out, e == 0 ? "%.4g" : ", %.4g", value);
        }
        if (outputs[k].label >= 0) put_class(s, outputs[k].label, best);
        nn_text_add(s->out, "</b>, ");
    }
}

static void put_sample(Samples *s, const Row *r) {
    nn_trainer *t = s->t;
    nn_text_add(s->out, "<figure>");
    for (uint32_t k = 0; k < t->model.manifest->fields_count; k++) {
        if (field_of(s, k)->in_model >= 0 && t->data.fields[k] != NULL && is_picture(field_of(s, k)))
            put_picture(s, k, r->row);
    }
    nn_text_format(s->out, "<figcaption>row %lld: ", (long long)r->at);
    for (uint32_t k = 0; k < t->model.manifest->fields_count; k++) {
        if (t->data.fields[k] != NULL && !is_picture(field_of(s, k))) put_values(s, k, r->row);
    }
    if (nn_model_has(&t->model, NN_PREDICT)) {
        nn_states_begin(t);
        t->call.seed = 0;
        t->call.batch_number = 0;
        nn_trainer_rows(t, &r->row, 1);
        nn_trainer_run(t, NN_PREDICT);
        put_outputs(s);
        nn_states_end(t);
    }
    if (isfinite(r->loss)) nn_text_format(s->out, "loss <b>%.4g</b>", r->loss);
    nn_text_add(s->out, "</figcaption></figure>\n");
}

// ---- which rows ----

// The loss of each alone, as `eval` measures it.
static void measure(Samples *s, Row *rows, int64_t count) {
    nn_trainer *t = s->t;
    nn_part whole = t->data.parts[s->part];
    for (int64_t k = 0; k < count; k++) {
        t->data.parts[s->part] = (nn_part){&rows[k].row, 1};
        nn_evaluate(t, s->part);
        rows[k].loss = t->values[s->part][0].values[0];
    }
    t->data.parts[s->part] = whole;
}

static void put_list(Samples *s, const char *title, const Row *rows, const int32_t *order, int64_t count) {
    nn_text_format(s->out, "<h2>%s</h2><div class=\"samples\">\n", title);
    for (int64_t k = 0; k < count; k++) put_sample(s, &rows[order[k]]);
    nn_text_add(s->out, "</div>\n");
}

static nn_status put_samples(Samples *s) {
    nn_trainer *t = s->t;
    const nn_part *p = &t->data.parts[s->part];
    int64_t count = p->count < MEASURED ? p->count : MEASURED, shown = count < SHOWN ? count : SHOWN,
            room = 8;
    Row *rows = nn_get(t->ctx, (uint64_t)count, sizeof *rows);
    int32_t *order = nn_get(t->ctx, (uint64_t)count, sizeof *order);
    for (uint32_t k = 0; k < t->model.manifest->outputs_count; k++) {
        const nn_tensor *of = nn_model_tensor(&t->model, NN_TABLE(&t->model, nn_output, outputs)[k].tensor);
        if (of != NULL && nn_tensor_row(of) * 8 > room) room = nn_tensor_row(of) * 8;
    }
    s->values = nn_get(t->ctx, (uint64_t)room, 1);
    if (rows == NULL || order == NULL || s->values == NULL) return t->ctx->status;
    for (int64_t k = 0; k < count; k++) {
        int64_t at = count < 2 ? k : k * (p->count - 1) / (count - 1);
        rows[k] = (Row){p->rows[at], at, (double)NAN};
        order[k] = (int32_t)k;
    }
    if (nn_model_has(&t->model, NN_EVALUATE)) {
        measure(s, rows, count);
        qsort(rows, (size_t)count, sizeof *rows, by_loss);
        put_list(s, "The worst", rows, order, shown);
    }
    nn_shuffle(order, count, 0, NN_FOR_SAMPLE, 0);
    put_list(s, "Some at random", rows, order, shown);
    return t->ctx->status;
}

// ---- matrices and memory ----

static void put_share(const Samples *s, double share) {
    nn_text_format(s->out, share >= 0 ? "<td>%.1f %%</td>" : "<td>&#8212;</td>", share);
}

static void put_matrix(const Samples *s, uint32_t metric, int32_t field) {
    enum { WIDEST = 40 };
    const nn_metric *of = &NN_TABLE(&s->t->model, nn_metric, metrics)[metric];
    const double *m = s->t->values[s->part][metric].values;
    int64_t n = nn_model_tensor(&s->t->model, of->tensor)->dims[0];
    if (n > WIDEST) return;
    nn_text_format(s->out, "<h2>%s</h2><p class=\"lead\">Rows: %s; columns: what it was taken for.</p>",
                   nn_model_text(&s->t->model, of->name),
                   nn_model_text(&s->t->model, field_of(s, (uint32_t)field)->name));
    nn_text_add(s->out, "<div class=\"scroll\"><table><tr><td></td>");
    for (int64_t j = 0; j < n; j++) {
        nn_text_add(s->out, "<th scope=\"col\">");
        put_class(s, field, j);
        nn_text_add(s->out, "</th>");
    }
    nn_text_add(s->out, "<th scope=\"col\">recall</th></tr>\n");
    for (int64_t i = 0; i < n; i++) {
        nn_text_add(s->out, "<tr><th scope=\"row\">");
        put_class(s, field, i);
        nn_text_add(s->out, "</th>");
        for (int64_t j = 0; j < n; j++) {
            nn_text_add(s->out, i == j ? "<td class=\"same\">" : "<td>");
            if (i == j || m[i * n + j] > 0) nn_text_format(s->out, "%.0f", m[i * n + j]);
            nn_text_add(s->out, "</td>");
        }
        put_share(s, nn_confusion_share(m, n, i, true));
        nn_text_add(s->out, "</tr>\n");
    }
    nn_text_add(s->out, "<tr><th scope=\"row\">precision</th>");
    for (int64_t j = 0; j < n; j++) put_share(s, nn_confusion_share(m, n, j, false));
    nn_text_add(s->out, "</tr>\n</table></div>\n");
}

static void put_memory(const Samples *s) {
    static const char *const names[] = {"parameters", "the optimizer's state", "states",
                                        "batch, activations, gradients", "all"};
    const nn_manifest *mf = s->t->model.manifest;
    int64_t bytes[] = {0, 0, 0, mf->arena, mf->arena};
    nn_table t, sums;
    nn_table_begin(s->t->ctx, &t, (int64_t)mf->tensors_count + 1);
    nn_table_begin(s->t->ctx, &sums, 6);
    for (uint32_t k = 0; k < mf->tensors_count; k++) {
        const nn_tensor *of = nn_model_tensor(&s->t->model, (int32_t)k);
        int64_t first, size;
        int kind = of->kind == NN_PARAM ? 0 : of->kind == NN_SLOT ? 1 : of->kind == NN_STATE ? 2 : -1;
        if (kind < 0 || of->offset < 0) continue;
        nn_tensor_span(&s->t->model, of, &first, &size);
        bytes[kind] += size;
        bytes[3] -= size;
        if (kind > 0) continue;
        t.row++;
        nn_text_add(nn_table_cell(&t, "parameter"), nn_model_text(&s->t->model, of->name));
        nn_text *shape = nn_table_cell(&t, "shape");
        for (int d = 0; d < of->rank; d++)
            nn_text_format(shape, d == 0 ? "%lld" : " &#215; %lld", (long long)of->dims[d]);
        nn_text_format(nn_table_cell(&t, "numbers"), "%lld", (long long)nn_tensor_elements(of));
    }
    for (sums.row = 1; sums.row < sums.rows; sums.row++) {
        nn_text_add(nn_table_cell(&sums, "memory of"), names[sums.row - 1]);
        nn_text_format(nn_table_cell(&sums, "bytes"), "%lld", (long long)bytes[sums.row - 1]);
    }
    t.rows = t.row + 1;
    nn_text_add(s->out, "<h2>Memory</h2>");
    nn_table_html(&t, s->out, NN_DRAWN);
    nn_table_html(&sums, s->out, 0);
}

// ---- the page ----

// What the program itself can say of its run, if the weights are there.
static nn_status put_body(nn_trainer *t, nn_text *out) {
    Samples s = {.t = t, .out = out};
    nn_data_request request = nn_trainer_request(t);
    const nn_part *parts = t->data.parts;
    if (t->options->value[NN_OPTION_WEIGHTS] == NULL && !nn_file_exists(t->files->of[NN_FILE_WEIGHTS]))
        return NN_OK;
    if (nn_trainer_initial(t) != NN_OK || nn_trainer_weights(t) != NN_OK ||
        (t->data.fields == NULL && nn_trainer_load(t, &request) != NN_OK))
        return t->ctx->status;
    s.part = parts[NN_VALIDATION].count > 0 ? NN_VALIDATION : parts[NN_TEST].count > 0 ? NN_TEST : NN_TRAIN;
    nn_text samples;
    nn_text_begin(&samples, t->ctx);
    s.out = &samples;
    if (put_samples(&s) != NN_OK) return t->ctx->status;
    s.out = out;
    if (nn_model_has(&t->model, NN_EVALUATE)) nn_evaluate(t, s.part);
    for (uint32_t k = 0; k < t->model.manifest->metrics_count; k++) {
        int32_t field = nn_confusion_field(t, s.part, k);
        if (field >= 0) put_matrix(&s, k, field);
    }
    nn_text_bytes(out, samples.bytes, samples.length);
    put_memory(&s);
    return t->ctx->status;
}

// What a sweep came to, above its runs.
static nn_status put_sweep(nn_trainer *t, nn_text *out) {
    nn_text table;
    nn_text_begin(&table, t->ctx);
    if (nn_sweep_table(t, &table) != NN_OK || table.length == 0) return t->ctx->status;
    nn_text_add(out, "<h2>The sweep</h2><div class=\"scroll\"><pre>");
    nn_html_string(out, table.bytes);
    nn_text_add(out, "</pre></div>\n");
    return t->ctx->status;
}

static nn_status fill(void *data, nn_sink *sink) {
    const nn_text *page = data;
    nn_sink_put(sink, page->bytes, page->length);
    return NN_OK;
}

nn_status nn_command_report(nn_trainer *t) {
    nn_page page = {.program = nn_model_text(&t->model, t->model.manifest->program),
                    .digest = nn_model_text(&t->model, t->model.manifest->digest)};
    char path[NN_PATH_ROOM];
    nn_text body, out;
    nn_text_begin(&body, t->ctx);
    nn_text_begin(&out, t->ctx);
    nn_story *runs = nn_runs_read(t, &page.count);
    if (runs == NULL) return t->ctx->status;
    page.runs = runs;
    bool own = t->options->rest_count == 0 && page.count == 1;
    if ((own ? put_body(t, &body) : put_sweep(t, &body)) != NN_OK) return t->ctx->status;
    page.body = body.bytes;
    if (nn_html_page(t->ctx, &page, &out) != NN_OK) return t->ctx->status;
    snprintf(path, sizeof path, "report.html"); // of several: here
    if (own && nn_trainer_path(t, "report.html", path) != NN_OK) return t->ctx->status;
    if (nn_file_replaceable(t->ctx, path) != NN_OK || nn_file_replace(t->ctx, path, fill, &out) != NN_OK)
        return t->ctx->status;
    nn_text_clear(&out);
    nn_text_format(&out, "%s\n", path);
    return nn_print(t->ctx, &out);
}
