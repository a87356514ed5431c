// Matrices of counts: which class was taken for which, with precision and recall. Guarantees: a metric is
// shown so only if its rows are the classes of a field of the data, by their numbers in the part.
#include "train/train.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

void nn_text_class(const nn_trainer *t, nn_text *out, int32_t field, int64_t number) {
    const char *name = nn_names_class(t, field, number);
    if (name != NULL)
        nn_text_add(out, *name == '\0' ? "(missing)" : name);
    else
        nn_text_format(out, "%lld", (long long)number);
}

int32_t nn_confusion_field(const nn_trainer *t, int part, uint32_t metric) {
    const nn_field *fields = NN_TABLE(&t->model, nn_field, fields);
    const nn_tensor *of = nn_model_tensor(&t->model, NN_TABLE(&t->model, nn_metric, metrics)[metric].tensor);
    const double *m = t->values[part][metric].values;
    if (of == NULL || of->rank != 2 || of->dims[0] != of->dims[1] || !t->measured[part]) return -1;
    int64_t n = of->dims[0];
    double *counts = nn_get(t->ctx, (uint64_t)n, sizeof *counts);
    for (uint32_t k = 0; k < t->model.manifest->fields_count && counts != NULL; k++) {
        const int32_t *values = t->data.fields[k];
        const nn_part *p = &t->data.parts[part];
        bool same = fields[k].is_class && fields[k].limit == n && values != NULL;
        int64_t elements = nn_field_elements(&fields[k]), step = nn_row_elements(&fields[k]);
        memset(counts, 0, (size_t)n * sizeof *counts);
        for (int64_t r = 0; r < p->count && same; r++) {
            for (int64_t e = 0; e < elements; e++) counts[values[p->rows[r] * step + e]]++;
        }
        for (int64_t i = 0; i < n && same; i++) {
            double sum = 0;
            for (int64_t j = 0; j < n; j++) sum += m[i * n + j];
            same = sum == counts[i];
        }
        if (!same) continue;
        nn_drop(t->ctx, counts);
        return (int32_t)k;
    }
    nn_drop(t->ctx, counts);
    return -1;
}

double nn_confusion_share(const double *m, int64_t n, int64_t k, bool row) {
    double sum = 0;
    for (int64_t j = 0; j < n; j++) sum += row ? m[k * n + j] : m[j * n + k];
    return sum > 0 ? 100 * m[k * n + k] / sum : (double)NAN;
}

// ---- as a table ----

typedef struct {
    const nn_trainer *t;
    nn_text *out;
    int32_t field;
    int64_t n;
    const double *m;
    int left, cell; // widths
} Matrix;

static void put_name(const Matrix *x, int64_t number, int width, bool right) {
    nn_text name;
    nn_text_begin(&name, x->t->ctx);
    nn_text_class(x->t, &name, x->field, number);
    nn_text_fit(x->out, name.bytes, width, right);
    nn_text_end(&name);
}

static void put_share(const Matrix *x, int64_t k, bool row, int width) {
    double share = nn_confusion_share(x->m, x->n, k, row);
    if (share >= 0)
        nn_text_format(x->out, "%*.1f", width, share);
    else
        nn_text_format(x->out, "%*s", width, "-");
}

static void put_matrix(const Matrix *x) {
    nn_text_format(x->out, "%*s", x->left, "");
    for (int64_t j = 0; j < x->n; j++) {
        nn_text_add(x->out, " ");
        put_name(x, j, x->cell, true);
    }
    nn_text_add(x->out, "  recall %\n");
    for (int64_t i = 0; i < x->n; i++) {
        put_name(x, i, x->left, false);
        for (int64_t j = 0; j < x->n; j++) nn_text_format(x->out, " %*.0f", x->cell, x->m[i * x->n + j]);
        put_share(x, i, true, 10);
        nn_text_add(x->out, "\n");
    }
    nn_text_format(x->out, "%-*s", x->left, "precision %");
    for (int64_t j = 0; j < x->n; j++) put_share(x, j, false, x->cell + 1);
    nn_text_add(x->out, "\n");
}

// One that is wider than its reader's page: a line for each class, with what it was taken for most often.
static void put_list(const Matrix *x) {
    nn_text_format(x->out, "%*s %11s %9s  most often taken for\n", x->left, "", "precision %", "recall %");
    for (int64_t i = 0; i < x->n; i++) {
        int64_t most = -1;
        for (int64_t j = 0; j < x->n; j++) {
            double times = x->m[i * x->n + j];
            if (j != i && times > 0 && (most < 0 || times > x->m[i * x->n + most])) most = j;
        }
        put_name(x, i, x->left, false);
        put_share(x, i, false, 12);
        put_share(x, i, true, 10);
        if (most >= 0) {
            nn_text_format(x->out, "  %.0f x ", x->m[i * x->n + most]);
            put_name(x, most, 16, false);
            while (x->out->bytes[x->out->length - 1] == ' ') x->out->bytes[--x->out->length] = '\0';
        }
        nn_text_add(x->out, "\n");
    }
}

void nn_confusion_put(const nn_trainer *t, nn_text *out, int part, uint32_t metric, int32_t field) {
    enum { LEAST = 5, NAME = 16, ROOM = 200 };
    const nn_tensor *of = nn_model_tensor(&t->model, NN_TABLE(&t->model, nn_metric, metrics)[metric].tensor);
    Matrix x = {t, out, field, of->dims[0], t->values[part][metric].values, 11, LEAST};
    for (int64_t k = 0; k < x.n; k++) {
        nn_text name;
        nn_text_begin(&name, t->ctx);
        nn_text_class(t, &name, field, k);
        int length = nn_text_letters(name.bytes) < NAME ? nn_text_letters(name.bytes) : NAME;
        x.left = length > x.left ? length : x.left;
        nn_text_end(&name);
    }
    for (int64_t k = 0; k < x.n * x.n; k++) {
        int digits = snprintf(NULL, 0, "%.0f", x.m[k]);
        x.cell = digits > x.cell ? digits : x.cell;
    }
    int64_t width = nn_terminal_width(), wide = x.left + x.n * (x.cell + 1) + 10;
    nn_text_format(out, " (rows: %s, columns: what it was taken for)\n",
                   nn_model_text(&t->model, NN_TABLE(&t->model, nn_field, fields)[field].name));
    if (wide <= (width == 0 ? ROOM : width))
        put_matrix(&x);
    else
        put_list(&x);
}

// Of the part by which a run is judged.
void nn_confusions_put(const nn_trainer *t, nn_text *out) {
    int part = nn_judged_part(t);
    const nn_metric *metrics = NN_TABLE(&t->model, nn_metric, metrics);
    for (uint32_t k = 0; k < t->model.manifest->metrics_count && part != NN_TRAIN; k++) {
        int32_t field = nn_confusion_field(t, part, k);
        if (field < 0) continue;
        nn_text_format(out, "%s.%s", nn_part_names[part], nn_model_text(&t->model, metrics[k].name));
        nn_confusion_put(t, out, part, k, field);
    }
}
