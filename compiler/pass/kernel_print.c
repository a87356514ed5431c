// Kernels in one line each: what `nnc explain` shows (kernel_text.c has the text that is read back). A line
// reads: number, cycles of the model on one thread, who runs it; the loops over tiles from the outermost,
// with the elements of one tile and the vector axis; what is summed or walked inside; and the results, with
// where each lies.
#include "pass/schedule.h"

static void print_axis(Text *out, const Kernel *k, int a) {
    const Axis *x = &k->axes[a];
    if (a == k->time) return;
    text_add(out, " %s:%lld", x->index->name, (long long)x->size);
    if (x->tile && x->step > 1) text_add(out, "/%d", x->step);
    if (a == k->vector_axis || a == k->sum_vector_axis) text_put(out, "v");
    if (a == k->owned_axis || a == k->split_axis) text_put(out, "*");
}

static void print_layout(Text *out, const Tensor *t, const Layout *l) {
    text_add(out, "%d", l->inner);
    if (l->panel) text_add(out, " panels %lld", (long long)l->panel);
    for (int d = 0; d < t->rank; d++)
        if (dimension_bordered(l, d))
            text_add(out, " border %d:%lld+%lld", d, (long long)l->border_low[d],
                     (long long)l->border_high[d]);
}

static void print_result(Text *out, const Stage *s) {
    const Tensor *t = s->equation->tensor;
    const Layout *l = t->layout;
    text_add(out, " %s", t->name);
    if (!l->stored) {
        text_put(out, l->partial_sums ? " (registers, partial sums in memory)" : " (registers)");
    } else {
        if (l->same) text_add(out, " over %s", l->same->name);
        if (t->rank < 2) return;
        text_put(out, " (along ");
        print_layout(out, t, l);
        if (l->twin) text_put(out, ", copy along ");
        if (l->twin) print_layout(out, t, l->twin);
        text_put(out, ")");
    }
}

static void print_results(Text *out, const Kernel *k) {
    text_put(out, " ->");
    for (int s = 0; s < k->stages.count; s++) {
        int same = 1; // pieces of one tensor
        while (s + same < k->stages.count &&
               k->stages.data[s + same].equation->tensor == k->stages.data[s].equation->tensor)
            same++;
        if (s) text_put(out, ",");
        print_result(out, &k->stages.data[s]);
        if (same > 1) text_add(out, " in %d pieces", same);
        s += same - 1;
    }
}

static void print_plans(Text *out, const Kernel *k) {
    text_add(out, "; %s%s rows of %s by", k->catches_up ? "catches up with " : "",
             k->touched ? "touched" : "all", k->axes[k->row_axis].index->name);
    for (int i = 0; k->catches_up && i < k->late->plans.count; i++)
        text_add(out, "%s %s", i ? "," : "", k->late->plans.data[i]->name);
    for (int s = 0; s < k->stages.count; s++)
        if (k->stages.data[s].plan) text_add(out, "%s %s", s ? "," : "", k->stages.data[s].plan->name);
}

static void print_kernel(Text *out, const Kernel *k) {
    text_add(out, "%4d %10.0f %-7s", k->id, k->cycles, k->divided ? "divided" : "single");
    for (int j = 0; j < k->tile_count; j++) print_axis(out, k, k->order[j]);
    bool inner = false;
    for (int a = 0; a < k->axis_count; a++) {
        if (k->axes[a].tile) continue;
        if (!inner) text_put(out, " |");
        inner = true;
        print_axis(out, k, a);
    }
    if (k->rows_in_registers) text_put(out, " rows in registers");
    if (k->block_count) text_put(out, " blocks");
    for (int b = 0; b < k->block_count; b++)
        text_add(out, " %s:%lld", k->axes[k->blocks[b].axis].index->name, (long long)k->blocks[b].size);
    if (k->ahead >= 0)
        text_add(out, " ahead %s:%lld", k->axes[k->ahead].index->name, (long long)k->ahead_distance);
    print_results(out, k);
    if (kernel_scatters(k)) print_plans(out, k);
    if (k->product_text) text_add(out, "; %s", k->product_text);
    if (k->barrier_before) text_put(out, "; waits");
    text_put(out, "\n");
}

void kernels_print(Text *out, const Kernels *ks) {
    text_put(out, "# number, cycles, threads, tile axis:size/step (v: lanes, *: owned) | inner axes -> "
                  "results (along: dimension)\n");
    every (s, ks->schedules) {
        text_add(out, "function %s: %d kernels, %lld bytes of scratch%s\n", s->function->name,
                 s->kernels.count, (long long)s->scratch, s->threaded ? "" : ", one thread");
        for (int j = 0; j < s->kernels.count; j++) {
            const Kernel *k = s->kernels.data[j];
            if (k->loop >= 0 && (!j || s->kernels.data[j - 1]->loop != k->loop))
                text_add(out, "  %s %s:%lld%s, kernels %d to %d%s\n", k->strip ? "strips" : "recur",
                         k->axes[k->strip ? k->owned_axis : k->time].index->name,
                         (long long)s->loops.data[k->loop].size,
                         s->loops.data[k->loop].step < 0 ? " reversed" : "", j, loop_end(s, j) - 1,
                         s->loops.data[k->loop].waits ? "; waits" : "");
            print_kernel(out, k);
        }
    }
    text_add(out, "arena %lld bytes, of them %lld persistent\n", (long long)ks->arena_size,
             (long long)ks->persistent_size);
}
