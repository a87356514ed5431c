// Strips: neighbouring kernels that go through the same rows, one strip of rows after another, all kernels
// for each, so that what one makes is still in the cache when the next reads it. Strips are dealt to threads
// in turn: where guards leave less to do in some, each thread has some of both. Needs: tiles and owned axes.
// Guarantees: a kernel of a strip reads of what its strip's others make its own rows alone; all of them own
// grains of these rows, as many as there are strips.
#include "pass/schedule.h"

// Rows change hands before and behind: threads meet, and their caches are cold.
enum { LEAST_STRIPS = 8, LEAST_KERNELS = 3, MOST_KERNELS = 8 };

typedef struct {
    const Kernels *ks;
    const Schedule *s;
    int first, count;
    int axis[MOST_KERNELS]; // the rows, of each kernel
    int64_t grain;
    double passed; // bytes of the largest tensor that one kernel makes and another reads
} Strips;

// What a kernel makes has its own place, and nobody else's rows are needed for it.
static bool may_be_cut(const Kernel *k) {
    for (int i = 0; i < k->block_count; i++)
        if (!k->axes[k->blocks[i].axis].tile) return false;
    if (!k->divided || k->loop >= 0 || k->zeros || kernel_is_called(k) || kernel_scatters(k)) return false;
    every_at (s, k->stages)
        if (s->equation->tensor->layout->same || tensor_outlives(s->equation->tensor)) return false;
    return true;
}

static int dimension_along(const Affine *const *forms, int rank, int axis) {
    for (int d = 0; d < rank; d++) {
        const Index *x = affine_only(forms[d]);
        if (x && x->axis == axis) return d;
    }
    return -1;
}

// The kernel of the strips that makes the tensor; NULL: none.
static const Kernel *maker_in(const Strips *x, const Tensor *t, int *axis) {
    for (int i = 0; i < x->count; i++) {
        const Kernel *k = x->s->kernels.data[x->first + i];
        *axis = x->axis[i];
        every_at (s, k->stages)
            if (s->equation->tensor == t) return k;
    }
    return NULL;
}

// The axis of k that runs along the rows of what it reads of the strips. -1: it reads none of that, -2: other
// rows.
static int axis_of_reads(const Strips *x, const Kernel *k) {
    int axis = -1;
    every_at (s, k->stages)
        every_read (read, s) {
            int made_along;
            const Kernel *maker = maker_in(x, read->tensor, &made_along);
            if (!maker) continue;
            for (int i = 0; i < maker->stages.count; i++) {
                const Equation *q = maker->stages.data[i].equation;
                if (q->tensor != read->tensor) continue;
                int d = dimension_along(q->out, q->out_count, made_along);
                const Index *own = d < 0 ? NULL : affine_only(read->forms[d]);
                if (!own || (axis >= 0 && own->axis != axis)) return -2;
                axis = own->axis;
            }
        }
    return axis;
}

static bool whole_strips(Strips *x, const Kernel *k, int axis) {
    const Axis *a = &k->axes[axis];
    if (!a->tile || a->batch) return false;
    int64_t grain = x->grain && x->grain % a->step == 0 ? x->grain : a->step;
    if (x->grain && grain % x->grain) return false;
    if (a->size % (2 * grain) || a->size / grain < LEAST_STRIPS) return false;
    if (x->count && a->size != x->s->kernels.data[x->first]->axes[x->axis[0]].size) return false;
    every_at (s, k->stages)
        if (s->equation->tensor->layout->stored &&
            dimension_along(s->equation->out, s->equation->out_count, axis) < 0)
            return false;
    x->grain = grain;
    return true;
}

static void note_passed(Strips *x, const Kernel *k) {
    every_at (s, k->stages)
        every_read (read, s) {
            int axis;
            const Kernel *maker = maker_in(x, read->tensor, &axis);
            double bytes = (double)tensor_elements(read->tensor) * read->tensor->layout->element_size;
            if (maker && maker != k && bytes > x->passed) x->passed = bytes;
        }
}

// As many kernels from the first on as go through these rows.
static Strips grow(const Kernels *ks, const Schedule *s, int first, int axis) {
    Strips x = {.ks = ks, .s = s, .first = first};
    for (int n = first; n < s->kernels.count && x.count < MOST_KERNELS; n++) {
        const Kernel *k = s->kernels.data[n];
        if (!may_be_cut(k)) break;
        int own = n == first ? axis : axis_of_reads(&x, k);
        if (own < 0 || !whole_strips(&x, k, own)) break;
        note_passed(&x, k);
        x.axis[x.count++] = own;
    }
    return x;
}

// What is passed on falls out of the second cache, and a strip's part of it does not.
static bool are_worth_it(const Strips *x) {
    if (x->count < LEAST_KERNELS) return false;
    double strips = (double)(x->s->kernels.data[x->first]->axes[x->axis[0]].size / x->grain);
    return x->passed > x->ks->machine.l2 && x->passed / strips < x->ks->machine.l2 / 2;
}

static void cut(Kernels *ks, Schedule *s, const Strips *x) {
    int64_t size = s->kernels.data[x->first]->axes[x->axis[0]].size;
    vec_push(ks->program->arena, &s->loops,
             ((KernelLoop){.size = size / x->grain, .step = 1, .strips = true}));
    for (int i = 0; i < x->count; i++) {
        Kernel *k = s->kernels.data[x->first + i];
        int at = 0;
        while (k->order[at] != x->axis[i]) at++;
        for (; at > 0; at--) k->order[at] = k->order[at - 1];
        k->order[0] = k->owned_axis = x->axis[i];
        k->owned_grain = x->grain;
        k->block_count = 0; // a strip is one
        k->split_axis = k->ahead = -1;
        k->loop = s->loops.count - 1;
        k->strip = true;
    }
}

// Loops of kernels are numbered as they stand.
static bool stands_before_loops(const Schedule *s, int kernel) {
    for (int n = kernel; n < s->kernels.count; n++)
        if (s->kernels.data[n]->loop >= 0) return false;
    return true;
}

void schedule_strips(Kernels *ks, Schedule *s) {
    for (int n = 0; s->threaded && n < s->kernels.count;) {
        const Kernel *k = s->kernels.data[n];
        Strips best = {0};
        for (int j = 0; j < k->tile_count && stands_before_loops(s, n); j++) {
            Strips x = grow(ks, s, n, k->tile[j]);
            if (x.count > best.count && are_worth_it(&x)) best = x;
        }
        if (best.count) cut(ks, s, &best);
        n += best.count ? best.count : 1;
    }
}
