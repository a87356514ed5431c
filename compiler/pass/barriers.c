// Barriers: a kernel waits for all threads if it touches what another thread wrote, or overwrites what
// another reads. Ranges of bytes are compared, so that reuse of places is covered. Needs: places. Guarantees:
// two kernels between which no thread waits touch only the same owned ranges of one tensor, or are both
// thread 0's.
#include "pass/schedule.h"

typedef struct {
    int64_t from, to, grain;
    int dim;              // of the tensor, that the kernel's owned axis runs along alone; -1: none
    bool single, write;   // by thread 0 alone
    int loop;             // it is one step that this loop goes through, -1: any
    int64_t step;         // counted from the first turn that is looked at
    int strips;           // the loop of strips it is in, -1: none. Others are other threads'
    const Tensor *tensor; // whose place it is: ranges and steps are comparable within one tensor only
} Access;

typedef struct {
    Arena *arena;
    const Schedule *schedule;
    VEC(Access) since; // the last barrier
    int turn;          // of the loop at hand
} Barriers;

// Steps that are further from the present one are taken for any step; so that two accesses meet within TURNS.
enum { NEAR_STEPS = 1, TURNS = 2 * NEAR_STEPS + 1 };

static int owned_dim(const Kernel *k, const Affine *const *forms, int rank) {
    for (int d = 0; k->owned_axis >= 0 && d < rank; d++) {
        const Index *x = affine_only(forms[d]);
        if (x && x->axis == k->owned_axis) return d;
    }
    return -1;
}

// In a loop that goes through the tensor's steps: the step, if it is near and no other one lies there too.
static void note_step(Access *a, const Barriers *b, const Kernel *k, const Tensor *t,
                      const Affine *const *forms) {
    a->loop = -1;
    if (k->loop < 0 || k->strip || !t->step || t->layout->folded) return;
    const Affine *form = forms[t->along];
    if (form->count != 1 || affine_axis_coef(form, k->time) != 1) return;
    if (form->constant < -NEAR_STEPS || form->constant > NEAR_STEPS) return;
    a->loop = k->loop;
    a->step = form->constant + b->turn * b->schedule->loops.data[k->loop].step;
}

static Access access_of(const Kernel *k, const Tensor *t, const Layout *l, const Affine *const *forms,
                        bool write) {
    Access a = {.from = l->offset,
                .to = l->offset + l->size * l->element_size,
                .grain = k->owned_grain,
                .strips = k->strip ? k->loop : -1,
                .write = write};
    a.dim = k->divided ? owned_dim(k, forms, t->rank) : -1;
    a.single = !k->divided;
    a.tensor = t->layout->same ? t->layout->same : t;
    return a;
}

static bool conflict(const Access *a, const Access *b) {
    if (!a->write && !b->write) return false;
    if (a->from >= b->to || b->from >= a->to) return false;
    if (a->single && b->single) return false;
    if (a->tensor == b->tensor && a->loop >= 0 && a->loop == b->loop && a->step != b->step) return false;
    bool owned = a->dim >= 0 && a->dim == b->dim && a->grain == b->grain && a->tensor == b->tensor &&
                 a->strips == b->strips;
    return !owned || a->single || b->single;
}

static bool waits(const Barriers *b, const Access *a) {
    for (int i = 0; i < b->since.count; i++)
        if (conflict(a, &b->since.data[i])) return true;
    return false;
}

// Calls for every place the kernel touches: either asks whether it must wait, or notes that it was there.
static bool touch(Barriers *b, const Kernel *k, bool note) {
    for (int s = 0; s < k->stages.count; s++) {
        const Stage *st = &k->stages.data[s];
        for (int r = -1; r < st->read_count; r++) {
            const Tensor *t = r < 0 ? st->equation->tensor : st->reads[r]->tensor;
            const Affine *const *forms = r < 0 ? st->equation->out : st->reads[r]->forms;
            if (t->kind == TENSOR_SOURCE || !(t->layout->stored || (t->layout->partial_sums && r < 0)))
                continue;
            for (const Layout *l = t->layout; l; l = l->twin) {
                Access a = access_of(k, t, l, forms, r < 0);
                note_step(&a, b, k, t, forms);
                if (note)
                    vec_push(b->arena, &b->since, a);
                else if (waits(b, &a))
                    return true;
            }
        }
    }
    return false;
}

// Kernels first .. end - 1 in their order. The first that has to wait and does not; `set`: it waits from now
// on.
static Kernel *run(Barriers *b, int first, int end, bool set) {
    for (int n = first; n < end; n++) {
        Kernel *k = b->schedule->kernels.data[n];
        bool waits = k->barrier_before || touch(b, k, false);
        if (!set && waits && !k->barrier_before) return k;
        k->barrier_before = waits;
        if (waits) b->since.count = 0;
        touch(b, k, true);
    }
    return NULL;
}

// A step of a loop comes after others. What stands before the loop is waited for once: by its first kernels,
// if those wait in each step, else before all steps.
static Kernel *run_loop(Barriers *b, KernelLoop *l, int first, int end, bool set) {
    Barriers before = *b;
    *b = (Barriers){.arena = b->arena, .schedule = b->schedule};
    for (; b->turn < TURNS; b->turn++) {
        Kernel *k = run(b, first, end, set);
        if (k) return k;
    }
    int n = first;
    for (; n < end && !b->schedule->kernels.data[n]->barrier_before; n++) {
        if (!l->waits && touch(&before, b->schedule->kernels.data[n], false)) {
            if (!set) return b->schedule->kernels.data[n];
            l->waits = true;
        }
    }
    for (int i = 0; n == end && !l->waits && i < before.since.count; i++)
        vec_push(b->arena, &b->since, before.since.data[i]);
    return NULL;
}

// Strips wait once, before the first; between them nobody does.
static Kernel *run_strips(Barriers *b, KernelLoop *l, int first, int end, bool set) {
    bool waits = l->waits;
    for (int n = first; n < end && !waits; n++) waits = touch(b, b->schedule->kernels.data[n], false);
    if (waits && !l->waits && !set) return b->schedule->kernels.data[first];
    l->waits = waits;
    if (waits) b->since.count = 0;
    for (int n = first; n < end; n++) {
        Kernel *k = b->schedule->kernels.data[n];
        if (k->barrier_before || touch(b, k, false)) return k;
        touch(b, k, true);
    }
    return NULL;
}

Kernel *schedule_waits(const Kernels *ks, const Schedule *s, bool set) {
    Barriers b = {.arena = ks->program->arena, .schedule = s};
    Kernel *late = NULL;
    for (int i = 0, end; s->threaded && !late && i < s->kernels.count; i = end) {
        int loop = s->kernels.data[i]->loop;
        end = loop_end(s, i);
        KernelLoop *l = loop < 0 ? NULL : &s->loops.data[loop];
        late = !l          ? run(&b, i, end, set)
               : l->strips ? run_strips(&b, l, i, end, set)
                           : run_loop(&b, l, i, end, set);
    }
    return late;
}
