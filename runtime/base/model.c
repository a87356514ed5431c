// A compiled model: reading the manifest, and moving tensors between the compiler's layouts and plain
// row-major rows. Guarantees: a layout is only ever read by abi.def's formula; padding and borders are never
// written.
#include "base/model.h"

#include <math.h>
#include <string.h>

nn_status nn_model_open(nn_context *ctx, nn_model *m, const void *manifest, nn_run *run) {
    *m = (nn_model){.manifest = manifest, .run = run};
    if (m->manifest->magic != NN_MAGIC || m->manifest->version != NN_ABI_VERSION)
        return nn_fail(ctx, NN_USAGE,
                       "this model was compiled by an nnc that does not fit this runtime: build it again");
    return NN_OK;
}

nn_status nn_model_arena(nn_context *ctx, nn_model *m) {
    unsigned char *memory = nn_get(ctx, (uint64_t)m->manifest->arena + 2 * NN_MARGIN, 1);
    if (memory == NULL) return ctx->status;
    m->arena = memory + NN_MARGIN;
    return NN_OK;
}

bool nn_model_has(const nn_model *m, int32_t function) {
    return (m->manifest->functions >> function & 1) != 0;
}

const void *nn_model_table(const nn_model *m, uint32_t offset) {
    return (const unsigned char *)m->manifest + offset;
}

const char *nn_model_text(const nn_model *m, uint32_t offset) {
    return offset == 0 ? "" : (const char *)nn_model_table(m, offset);
}

const nn_tensor *nn_model_tensor(const nn_model *m, int32_t number) {
    return number < 0 ? NULL : NN_TABLE(m, nn_tensor, tensors) + number;
}

int64_t nn_tensor_elements(const nn_tensor *t) {
    int64_t n = 1;
    for (int d = 0; d < t->rank; d++) n *= t->dims[d];
    return n;
}

int32_t nn_model_keeps(const nn_model *m, const nn_tensor *t) {
    const nn_kept *kept = NN_TABLE(m, nn_kept, kept);
    for (uint32_t k = 0; k < m->manifest->kept_count && t->kind == NN_SOURCE; k++)
        if (kept[k].function == NN_STEP && kept[k].values >= 0 && kept[k].source == t->source)
            return (int32_t)k;
    return -1;
}

int64_t nn_tensor_row(const nn_tensor *t) {
    int64_t n = 1;
    for (int d = 1; d < t->rank; d++) n *= t->dims[d];
    return n;
}

int64_t nn_type_size(const nn_model *m, int32_t type) {
    return type == NN_DOUBLE || (type == NN_REAL && m->manifest->is_double) ? 8 : 4;
}

bool nn_is_real(int32_t type) { return type == NN_REAL || type == NN_DOUBLE; }

int64_t nn_tensor_element_size(const nn_model *m, const nn_tensor *t) { return nn_type_size(m, t->type); }

static int64_t inner_place(const nn_tensor *t, int64_t x) {
    return t->panel == 0 || x < t->panel ? x : x / t->panel * t->panel_stride + x % t->panel;
}

// Where element x lies, in elements.
static int64_t place(const nn_tensor *t, const int64_t *x) {
    int64_t at = t->zero;
    for (int d = 0; d < t->rank; d++) at += d == t->inner ? inner_place(t, x[d]) : t->stride[d] * x[d];
    return at;
}

// Elements of the last dimension, x[0 .. count), one after another.
static void move_run(const nn_tensor *t, unsigned char *base, const int64_t *x, int64_t count, int64_t size,
                     unsigned char *plain, bool put) {
    int last = t->rank - 1;
    int64_t y[8];
    memcpy(y, x, sizeof y);
    for (int64_t part; last == t->inner; count -= part, plain += part * size, y[last] += part) {
        unsigned char *at = base + place(t, y) * size;
        part = t->panel == 0 ? count : t->panel - y[last] % t->panel;
        part = part < count ? part : count;
        memcpy(put ? at : plain, put ? plain : at, (size_t)(part * size));
        if (part == count) return;
    }
    unsigned char *at = base + place(t, x) * size;
    int64_t step = t->stride[last] * size;
    for (int64_t k = 0; k < count; k++, plain += size, at += step) {
        if (size == 8)
            memcpy(put ? at : plain, put ? plain : at, 8);
        else
            memcpy(put ? at : plain, put ? plain : at, 4);
    }
}

static void move(const nn_model *m, const nn_tensor *t, int64_t first, int64_t count, unsigned char *plain,
                 bool put) {
    int64_t size = nn_tensor_element_size(m, t);
    unsigned char *base = m->arena + t->offset;
    if (t->rank == 0) {
        unsigned char *at = base + t->zero * size;
        memcpy(put ? at : plain, put ? plain : at, (size_t)(count * size));
        return;
    }
    int64_t x[8] = {0}, last = t->dims[t->rank - 1];
    int64_t rest = first;
    for (int d = t->rank - 1; d >= 0; d--) {
        x[d] = rest % t->dims[d];
        rest /= t->dims[d];
    }
    while (count > 0) {
        int64_t part = last - x[t->rank - 1];
        part = part < count ? part : count;
        move_run(t, base, x, part, size, plain, put);
        plain += part * size;
        count -= part;
        x[t->rank - 1] = 0;
        for (int d = t->rank - 2; d >= 0 && ++x[d] == t->dims[d]; d--) x[d] = 0;
    }
}

void nn_tensor_get(const nn_model *m, const nn_tensor *t, int64_t first, int64_t count, void *plain) {
    move(m, t, first, count, plain, false);
}

void nn_tensor_put(const nn_model *m, const nn_tensor *t, int64_t first, int64_t count, const void *plain) {
    unsigned char *from = (unsigned char *)(uintptr_t)plain;
    move(m, t, first, count, from, true);
    if (t->twin >= 0) move(m, nn_model_tensor(m, t->twin), first, count, from, true);
}

void nn_tensor_span(const nn_model *m, const nn_tensor *t, int64_t *first, int64_t *bytes) {
    int64_t size = nn_tensor_element_size(m, t), top[8];
    for (int d = 0; d < t->rank; d++) top[d] = t->dims[d] - 1;
    int64_t end = place(t, top) + 1;
    // The last panel may end before others do.
    if (t->inner >= 0 && t->panel != 0)
        end = end - inner_place(t, top[t->inner]) + top[t->inner] / t->panel * t->panel_stride + t->panel;
    *first = t->offset + t->zero * size;
    *bytes = (end - t->zero) * size;
}

bool nn_tensor_finite(const nn_model *m, const nn_tensor *t) {
    if (!nn_is_real(t->type)) return true;
    enum { PART = 256 };
    union {
        float single[PART];
        double twice[PART];
    } values;
    bool wide = nn_tensor_element_size(m, t) == 8, finite = true;
    for (int64_t at = 0, n = nn_tensor_elements(t); at < n && finite; at += PART) {
        int64_t count = n - at < PART ? n - at : PART;
        nn_tensor_get(m, t, at, count, &values);
        // x - x is 0 for every finite x, and NaN for the others.
        double sum = 0;
        for (int64_t k = 0; k < count; k++)
            sum += wide ? values.twice[k] - values.twice[k] : (double)(values.single[k] - values.single[k]);
        finite = sum == 0;
    }
    return finite;
}

double *nn_scalar_at(const nn_model *m, int32_t tensor) {
    const nn_tensor *t = nn_model_tensor(m, tensor);
    return t == NULL ? NULL : (double *)(void *)(m->arena + t->offset + t->zero * 8);
}

typedef union {
    double twice;
    float single;
    int32_t whole;
} Value;

double nn_value_get(const nn_model *m, int32_t type, const void *values, int64_t k) {
    Value v;
    int64_t size = nn_type_size(m, type);
    memcpy(&v, (const unsigned char *)values + k * size, (size_t)size);
    return size == 8 ? v.twice : nn_is_real(type) ? (double)v.single : (double)v.whole;
}

void nn_value_put(const nn_model *m, int32_t type, void *values, int64_t k, double value) {
    int64_t size = nn_type_size(m, type);
    Value v = {.twice = value};
    if (size == 4 && nn_is_real(type)) v.single = (float)value;
    if (!nn_is_real(type)) v.whole = (int32_t)value;
    memcpy((unsigned char *)values + k * size, &v, (size_t)size);
}

double nn_tensor_number(const nn_model *m, const nn_tensor *t, int64_t element) {
    Value v;
    nn_tensor_get(m, t, element, 1, &v);
    return nn_value_get(m, t->type, &v, 0);
}

double nn_scalar_get(const nn_model *m, int32_t tensor) {
    const nn_tensor *t = nn_model_tensor(m, tensor);
    return t == NULL ? (double)NAN : nn_tensor_number(m, t, 0);
}

void nn_scalar_put(const nn_model *m, int32_t tensor, double value) {
    const nn_tensor *t = nn_model_tensor(m, tensor);
    if (t != NULL) nn_tensor_put(m, t, 0, 1, &value);
}

void nn_model_start(const nn_model *m, uint32_t kinds) {
    const nn_tensor *tensors = NN_TABLE(m, nn_tensor, tensors);
    for (uint32_t k = 0; k < m->manifest->tensors_count; k++) {
        const nn_tensor *t = &tensors[k];
        if ((kinds >> t->kind & 1) == 0 || t->offset < 0) continue;
        for (int64_t i = 0, n = nn_tensor_elements(t); i < n; i++) nn_tensor_put(m, t, i, 1, &t->start);
    }
}
