// Kernels as text, one line each: what `nnc explain` shows and goldens pin.
#include "pass/schedule.h"

static void print_axis(Text *out, const Kernel *k, int a) {
    const Axis *x = &k->axes[a];
    text_add(out, " %s:%lld", x->index->name, (long long)x->size);
    if (x->tile && x->step > 1) text_add(out, "/%d", x->step);
    if (a == k->vector_axis || a == k->sum_vector_axis) text_put(out, "v");
}

static void print_result(Text *out, const Stage *s) {
    const Tensor *t = s->equation->tensor;
    const Layout *l = t->layout;
    text_add(out, " %s", t->name);
    if (!l->stored) {
        text_put(out, "(reg)");
        return;
    }
    if (l->same) text_add(out, "!%s", l->same->name);
    if (t->rank > 1) text_add(out, "/%d", l->inner);
    if (l->panel) text_add(out, "p%lld", (long long)l->panel);
    if (l->twin) text_add(out, "+%d", l->twin->inner);
}

static void print_kernel(Text *out, const Kernel *k) {
    text_add(out, "%4d %-3s %9.0f ", k->id, k->divided ? "par" : "one", k->cycles);
    for (int j = 0; j < k->tile_count; j++) print_axis(out, k, k->order[j]);
    bool inner = false;
    for (int a = 0; a < k->axis_count; a++) {
        if (k->axes[a].tile) continue;
        if (!inner) text_put(out, " |");
        inner = true;
        print_axis(out, k, a);
    }
    if (k->rows_in_registers) text_put(out, " rows");
    if (k->block_count) text_put(out, " blocks");
    for (int b = 0; b < k->block_count; b++)
        text_add(out, " %s:%lld", k->axes[k->blocks[b].axis].index->name, (long long)k->blocks[b].size);
    text_put(out, " ->");
    for (int s = 0; s < k->stages.count; s++) print_result(out, &k->stages.data[s]);
    if (k->barrier_before) text_put(out, " barrier");
    if (k->blas) text_add(out, " %s", k->blas);
    text_put(out, "\n");
}

void kernels_print(Text *out, const Kernels *ks) {
    for (int i = 0; i < ks->schedules.count; i++) {
        const Schedule *s = ks->schedules.data[i];
        text_add(out, "function %s: %d kernels, %lld bytes of scratch\n", s->function->name, s->kernels.count,
                 (long long)s->scratch);
        for (int j = 0; j < s->kernels.count; j++) print_kernel(out, s->kernels.data[j]);
    }
    text_add(out, "arena %lld bytes, of them %lld persistent\n", (long long)ks->arena_size,
             (long long)ks->persistent_size);
}
