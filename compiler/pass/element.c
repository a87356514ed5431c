// Where an element lies: the one function for whoever reads or writes a tensor in the plain, row-major order.
#include "pass/kernel.h"

int64_t layout_byte(const Layout *l, const Tensor *t, int64_t element) {
    int64_t at = l->zero;
    for (int d = t->rank - 1; d >= 0; d--) {
        int64_t x = element % t->dims[d];
        element /= t->dims[d];
        at += d == l->inner && l->panel ? x / l->panel * l->panel_stride + x % l->panel : x * l->stride[d];
    }
    return l->offset + at * l->element_size;
}
