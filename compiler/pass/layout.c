// How tensors lie: the natural order, vectors along nothing.
#include "pass/schedule.h"

void pass_layout(Kernels *ks) {
    for (int i = 0; i < ks->program->tensors.count; i++) layout_of(ks, ks->program->tensors.data[i]);
}
