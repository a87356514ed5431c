// A field's sizes, and its values as they are stored. Objects link it too: it needs nothing that reads files.
#include "data/data.h"

#include <math.h>

int64_t nn_field_elements(const nn_field *f) {
    int64_t n = 1;
    for (int d = 0; d < f->rank; d++) n *= f->dims[d];
    return n;
}

int64_t nn_field_size(const nn_model *m, const nn_field *f) {
    return nn_field_elements(f) * nn_type_size(m, f->type);
}

int64_t nn_row_elements(const nn_field *f) { return nn_field_elements(f) / (f->window > 0 ? f->window : 1); }

int64_t nn_row_size(const nn_model *m, const nn_field *f) {
    return nn_row_elements(f) * nn_type_size(m, f->type);
}

bool nn_below(double value, int64_t limit) {
    return value >= 0 && value < (double)limit && value == (double)(int64_t)value;
}

bool nn_field_put(const nn_model *m, const nn_field *f, void *rows, int64_t k, double value) {
    bool any = f->limit == 0 && value >= INT32_MIN && value <= INT32_MAX && value == floor(value);
    if (!nn_is_real(f->type) && !any && !nn_below(value, f->limit)) return false;
    nn_value_put(m, f->type, rows, k, value);
    return true;
}

bool nn_data_is_text(const nn_model *m) { return m->manifest->data.source == NN_FROM_TEXT; }
