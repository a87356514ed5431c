// What threads divide, and the panels that follow from it. A function of few cycles stays on one thread. Else
// the class of dimensions that indexes the results of the most work is owned: in every kernel that has it, it
// goes outermost. Guarantees: only tile axes are divided, never a sum; a layout's panels are a power of two.
#include "pass/schedule.h"

static const double FEW_CYCLES = 30000;
enum { PANEL_FROM = 64, TEMP_PANEL_FROM = 128, OWNED_PANEL_TO = 256 };

static double cycles_of(const Schedule *s) {
    double c = 0;
    for (int i = 0; i < s->kernels.count; i++)
        c += s->kernels.data[i]->cycles * kernel_runs(s, s->kernels.data[i]);
    return c;
}

// The class that indexes results of the most work, with an even number of elements.
static int owned_class(Arena *arena, const Program *p, const Schedule *s, Classes c) {
    double *work = arena_array(arena, double, p->tensors.count *MAX_RANK + 1);
    int owner = -1;
    every (k, s->kernels)
        for (int j = 0; j < k->tile_count && !kernel_scatters(k); j++) {
            int class = class_of_axis(c, k, k->tile[j]);
            if (class < 0 || k->axes[k->tile[j]].size % 2) continue;
            bool counted = false;
            for (int e = 0; e < j; e++) counted |= class_of_axis(c, k, k->tile[e]) == class;
            if (!counted) work[class] += k->cycles * kernel_runs(s, k);
            if (owner < 0 || work[class] > work[owner]) owner = class;
        }
    return owner;
}

// ---- panels -----------------------------------------------------------------------------------------------

// Rows of a tile in one contiguous run: parameters and what goes with them always, others where it matters.
static int64_t panel_of(const Kernels *ks, const Schedule *s, const Tensor *t, const Layout *l) {
    if (t->rank < 2 || t->kind == TENSOR_SOURCE) return 0;
    int64_t n = t->dims[l->inner];
    if (tensor_outlives(t)) return n >= PANEL_FROM ? PANEL : 0;
    Classes c = {s->classes};
    bool owned = s->owned_class >= 0 && class_root(c, (int)t->id * MAX_RANK + l->inner) == s->owned_class;
    if (owned && !(n & (n - 1)) && n >= 2 * lanes_of(ks) && n <= OWNED_PANEL_TO) return n / 2;
    double bytes = l->element_size * (double)tensor_elements(t);
    return n >= TEMP_PANEL_FROM && bytes > ks->machine.l2 * .3 ? PANEL : 0;
}

// A call takes matrices or rows whole: what it touches in any function has no panels, nor has a tensor of
// which some rows are touched.
static void without_panels(const Kernels *ks, bool *decided) {
    for (int i = 0; i < ks->schedules.count; i++)
        every (k, ks->schedules.data[i]->kernels) {
            for (int j = 0; kernel_is_called(k) && j < k->model->tensor_count; j++)
                decided[k->model->tensors[j]->id] = true;
            for (int j = 0; k->touched && j < k->stages.count; j++)
                if (k->stages.data[j].equation->tensor->layout->same)
                    decided[k->stages.data[j].equation->tensor->layout->same->id] = true;
        }
}

static void panels(Kernels *ks, const Schedule *s, bool *decided) {
    for (int i = 0; i < s->kernels.count; i++) {
        const KernelModel *m = s->kernels.data[i]->model;
        for (int j = 0; j < m->tensor_count; j++) {
            Tensor *t = m->tensors[j];
            if (decided[t->id]) continue;
            decided[t->id] = true;
            t->layout->panel = panel_of(ks, s, t, t->layout);
            if (t->layout->twin) t->layout->twin->panel = panel_of(ks, s, t, t->layout->twin);
        }
    }
}

void pass_ownership(Kernels *ks) {
    Program *p = ks->program;
    bool *decided = arena_array(p->arena, bool, p->tensors.count);
    without_panels(ks, decided);
    for (int r = 0; r <= LAST_RANK; r++)
        every (s, ks->schedules) {
            if (function_rank(s->function) != r) continue;
            Classes c = classes_create(p->arena, p, s);
            s->classes = c.parent;
            s->threaded = cycles_of(s) > FEW_CYCLES;
            s->owned_class = s->threaded ? owned_class(p->arena, p, s, c) : -1;
            panels(ks, s, decided);
        }
}
