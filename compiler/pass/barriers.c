// Barriers: a kernel waits for all threads if it touches what another thread wrote, or overwrites what
// another reads. Ranges of bytes are compared, so that reuse of places is covered. Needs: places. Guarantees:
// two kernels between which no thread waits touch only the same owned ranges of one tensor, or are both
// thread 0's.
#include "pass/schedule.h"

typedef struct {
    int64_t from, to, grain;
    int dim;              // of the tensor, that the kernel's owned axis runs along alone; -1: none
    bool single, write;   // by thread 0 alone
    const Tensor *tensor; // whose place it is: ranges are comparable within one tensor only
} Access;

typedef struct {
    Arena *arena;
    VEC(Access) since; // the last barrier
} Barriers;

static int owned_dim(const Kernel *k, const Affine *const *forms, int rank) {
    for (int d = 0; k->owned_axis >= 0 && d < rank; d++) {
        const Index *x = affine_only(forms[d]);
        if (x && x->axis == k->owned_axis) return d;
    }
    return -1;
}

static Access access_of(const Kernel *k, const Tensor *t, const Layout *l, const Affine *const *forms,
                        bool write) {
    Access a = {.from = l->offset,
                .to = l->offset + l->size * l->element_size,
                .grain = k->owned_grain,
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
    bool owned = a->dim >= 0 && a->dim == b->dim && a->grain == b->grain && a->tensor == b->tensor;
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
                if (note)
                    vec_push(b->arena, &b->since, a);
                else if (waits(b, &a))
                    return true;
            }
        }
    }
    return false;
}

Kernel *schedule_waits(const Kernels *ks, const Schedule *s, bool set) {
    Barriers b = {.arena = ks->program->arena};
    for (int i = 0, end; s->threaded && i < s->kernels.count; i = end) {
        end = loop_end(s, i);
        int turns = s->kernels.data[i]->loop < 0 ? 1 : 2; // a step of a loop comes after another one
        for (int turn = 0; turn < turns; turn++)
            for (int n = i; n < end; n++) {
                Kernel *k = s->kernels.data[n];
                bool waits = k->barrier_before || touch(&b, k, false);
                if (!set && waits && !k->barrier_before) return k;
                k->barrier_before = waits;
                if (waits) b.since.count = 0;
                touch(&b, k, true);
            }
    }
    return NULL;
}
