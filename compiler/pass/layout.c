// How tensors lie: for each its inner dimension (vectors run along it) and perhaps a second copy, by the cost
// model and coordinate descent from one start for each class of dimensions. Needs: fused kernels, borders.
// Guarantees: one layout a tensor for the whole program, that of the step where it is used there; every
// kernel has its best lanes for them.
#include "pass/schedule.h"

#include <math.h>

// ---- classes of dimensions --------------------------------------------------------------------------------

int class_root(Classes c, int x) {
    while (c.parent[x] != x) x = c.parent[x] = c.parent[c.parent[x]];
    return x;
}

static void join_forms(Classes c, const Tensor *t, const Affine *const *forms, int *at) {
    for (int d = 0; d < t->rank; d++) {
        const Index *x = affine_only(forms[d]);
        if (!x || x->axis < 0) continue;
        int me = (int)t->id * MAX_RANK + d;
        if (at[x->axis] < 0)
            at[x->axis] = me;
        else
            c.parent[class_root(c, me)] = class_root(c, at[x->axis]);
    }
}

Classes classes_create(Arena *arena, const Program *p, const Schedule *s) {
    int n = p->tensors.count * MAX_RANK;
    Classes c = {arena_array(arena, int, n + 1)};
    for (int i = 0; i < n; i++) c.parent[i] = i;
    for (int i = 0; i < s->kernels.count; i++)
        for (int j = 0; j < s->kernels.data[i]->stages.count; j++) {
            const Stage *st = &s->kernels.data[i]->stages.data[j];
            int at[MAX_AXES];
            for (int a = 0; a < MAX_AXES; a++) at[a] = -1;
            join_forms(c, st->equation->tensor, st->equation->out, at);
            for (int r = 0; r < st->read_count; r++)
                join_forms(c, st->reads[r]->tensor, st->reads[r]->forms, at);
        }
    return c;
}

int class_of_axis(Classes c, const Kernel *k, int axis) {
    for (int s = 0; s < k->stages.count; s++) {
        const Equation *q = k->stages.data[s].equation;
        for (int d = 0; d < q->out_count; d++) {
            const Index *x = affine_only(q->out[d]);
            if (x && x->axis == axis) return class_root(c, (int)q->tensor->id * MAX_RANK + d);
        }
    }
    return -1;
}

// ---- what may be chosen -----------------------------------------------------------------------------------

bool dimension_bordered(const Layout *l, int d) { return l->border_low[d] || l->border_high[d]; }

bool layout_bordered(const Layout *l, int rank) {
    for (int d = 0; d < rank; d++)
        if (dimension_bordered(l, d)) return true;
    return false;
}

typedef struct {
    Tensor *tensor;
    VEC(Kernel *) kernels; // that touch it or what shares its place
    Layout *copy;          // the second copy's, when there is one
    bool may_copy;
    int inner, copy_inner; // of the best result so far; -1: no copy
} Variable;

typedef struct {
    Kernels *ks;
    Schedule *s;
    Arena *arena;
    VEC(Variable) variables;
    Classes classes;
    bool *by_blas; // by number of the tensor: a call writes it, and no second copy
    double cycles;
} Descent;

// Shorter than half the lanes, where another dimension is not: never inner.
static bool may_be_inner(const Descent *x, const Tensor *t, int d) {
    if (dimension_bordered(t->layout, d) || (t->step && d == t->along)) return false;
    int64_t least = lanes_of(x->ks) / 2;
    if (t->dims[d] >= least) return true;
    for (int e = 0; e < t->rank; e++)
        if (t->dims[e] >= least && !dimension_bordered(t->layout, e)) return false;
    return true;
}

static void set_inner(Variable *v, int inner, int copy) {
    Layout *l = v->tensor->layout;
    l->inner = inner;
    l->twin = copy < 0 ? NULL : v->copy;
    if (copy >= 0) v->copy->inner = copy;
}

static int copy_of(const Variable *v) {
    return v->tensor->layout->twin ? v->tensor->layout->twin->inner : -1;
}

static const double LEAST_GAIN = .002; // less is within the model's error: the natural order stays

// ---- descent ----------------------------------------------------------------------------------------------

// Of all runs: what is in a loop counts as often as that turns.
static double run_best(const Descent *x, Kernel *k) { return kernel_best(x->ks, k) * kernel_runs(x->s, k); }

static double cycles_of(const Descent *x, const Variable *v) {
    double c = 0;
    for (int i = 0; i < v->kernels.count; i++) c += run_best(x, v->kernels.data[i]);
    return c;
}

static double all_cycles(const Descent *x) {
    double c = 0;
    for (int i = 0; i < x->s->kernels.count; i++) c += run_best(x, x->s->kernels.data[i]);
    return c;
}

// Tries every inner dimension and second copy of one tensor; says whether that gained anything.
static bool improve(Descent *x, Variable *v) {
    const Tensor *t = v->tensor;
    int was = t->layout->inner, was_copy = copy_of(v), inner = was, copy = was_copy;
    double old = 0, best;
    for (int i = 0; i < v->kernels.count; i++)
        old += v->kernels.data[i]->cycles * kernel_runs(x->s, v->kernels.data[i]);
    best = old;
    for (int d = 0; d < t->rank; d++) {
        if (!may_be_inner(x, t, d)) continue;
        for (int c = -1; c < (v->may_copy ? t->rank : 0); c++) {
            if (c == d || (c >= 0 && t->dims[c] < 8) || (d == was && c == was_copy)) continue;
            set_inner(v, d, c);
            double now = cycles_of(x, v);
            if (now >= best * (1 - LEAST_GAIN)) continue;
            best = now;
            inner = d;
            copy = c;
        }
    }
    set_inner(v, inner, copy);
    cycles_of(x, v);
    x->cycles += best - old;
    return inner != was || copy != was_copy;
}

static void start_from(Descent *x, int class) {
    for (int i = 0; i < x->variables.count; i++) {
        Variable *v = &x->variables.data[i];
        const Tensor *t = v->tensor;
        int inner = t->rank - 1;
        for (int d = 0; class >= 0 && d < t->rank; d++)
            if (class_root(x->classes, (int)t->id * MAX_RANK + d) == class && may_be_inner(x, t, d))
                inner = d;
        for (int d = t->rank - 1; !may_be_inner(x, t, inner) && d >= 0; d--)
            if (may_be_inner(x, t, d)) inner = d;
        set_inner(v, inner, -1);
    }
    x->cycles = all_cycles(x);
}

static void descend(Descent *x, int class, double *best) {
    enum { MOST_SWEEPS = 20 };
    start_from(x, class);
    bool moved = true;
    for (int sweep = 0; moved && sweep < MOST_SWEEPS; sweep++) {
        moved = false;
        for (int i = 0; i < x->variables.count; i++) moved |= improve(x, &x->variables.data[i]);
    }
    if (x->cycles >= *best * (1 - LEAST_GAIN)) return;
    *best = x->cycles;
    for (int i = 0; i < x->variables.count; i++) {
        Variable *v = &x->variables.data[i];
        v->inner = v->tensor->layout->inner;
        v->copy_inner = copy_of(v);
    }
}

// ---- starts -----------------------------------------------------------------------------------------------

enum { MOST_STARTS = 12 };

// The classes that stand in the most work, at most MOST_STARTS.
static int starts_of(const Descent *x, int *starts) {
    int n = x->ks->program->tensors.count * MAX_RANK, count = 0;
    double *work = arena_array(x->arena, double, n + 1);
    for (int i = 0; i < x->s->kernels.count; i++) {
        const Kernel *k = x->s->kernels.data[i];
        for (int s = 0; s < k->stages.count; s++) {
            const Stage *st = &k->stages.data[s];
            for (int r = -1; r < st->read_count; r++) {
                const Tensor *t = r < 0 ? st->equation->tensor : st->reads[r]->tensor;
                const Affine *const *forms = r < 0 ? st->equation->out : st->reads[r]->forms;
                for (int d = 0; d < t->rank; d++)
                    if (affine_only(forms[d]))
                        work[class_root(x->classes, (int)t->id * MAX_RANK + d)] +=
                            st->work * kernel_runs(x->s, k);
            }
        }
    }
    for (int c = 0; c < n; c++) {
        if (!(work[c] > 0)) continue;
        if (count == MOST_STARTS && work[starts[count - 1]] >= work[c]) continue;
        int i = count < MOST_STARTS ? count++ : count - 1;
        for (; i > 0 && work[starts[i - 1]] < work[c]; i--) starts[i] = starts[i - 1];
        starts[i] = c;
    }
    return count;
}

// ---- the pass ---------------------------------------------------------------------------------------------

static void add_variables(Descent *x, bool *decided) {
    Program *p = x->ks->program;
    int *number = arena_array(x->arena, int, p->tensors.count + 1);
    for (int i = 0; i < x->s->kernels.count; i++) {
        Kernel *k = x->s->kernels.data[i];
        for (int t = 0; t < k->model->tensor_count; t++) {
            Tensor *tensor = k->model->tensors[t];
            if (decided[tensor->id] || tensor->rank < 2 || tensor->kind == TENSOR_SOURCE) continue;
            if (!number[tensor->id]) {
                bool kind =
                    (tensor->kind == TENSOR_PARAM || tensor->kind == TENSOR_TEMP) && !x->by_blas[tensor->id];
                bool copy = kind && tensor->layout->stored && !layout_bordered(tensor->layout, tensor->rank);
                Layout *l = arena_new(x->arena, Layout);
                l->element_size = tensor->layout->element_size;
                l->folded = tensor->layout->folded;
                l->steps = tensor->layout->steps;
                l->stored = true;
                vec_push(x->arena, &x->variables, (Variable){.tensor = tensor, .copy = l, .may_copy = copy});
                number[tensor->id] = x->variables.count;
            }
            vec_push(x->arena, &x->variables.data[number[tensor->id] - 1].kernels, k);
        }
    }
}

// What lies as no matrices is nnc's own after all.
static void settle_products(const Descent *x) {
    for (int i = 0; i < x->s->kernels.count; i++) {
        Kernel *k = x->s->kernels.data[i];
        if (!k->product || product_plan(x->ks, k, k->product)) continue;
        product_refuse(x->ks, k, "its tensors do not lie as matrices of a size");
        kernel_model(x->ks, k);
        kernel_best(x->ks, k);
    }
}

static void lay_out(Kernels *ks, Schedule *s, bool *decided) {
    Descent x = {.ks = ks, .s = s, .arena = ks->program->arena};
    for (int i = 0; i < s->kernels.count; i++) kernel_model(ks, s->kernels.data[i]);
    x.by_blas = arena_array(x.arena, bool, ks->program->tensors.count + 1);
    for (int i = 0; i < s->kernels.count; i++) {
        const Tensor *t = s->kernels.data[i]->stages.data[0].equation->tensor;
        if (kernel_is_called(s->kernels.data[i]))
            x.by_blas[(t->layout->same ? t->layout->same : t)->id] = true;
    }
    add_variables(&x, decided);
    x.classes = classes_create(x.arena, ks->program, s);
    int starts[MOST_STARTS], n = starts_of(&x, starts);
    double best = (double)INFINITY;
    descend(&x, -1, &best);
    for (int i = 0; i < n; i++) descend(&x, starts[i], &best);
    for (int i = 0; i < x.variables.count; i++) {
        Variable *v = &x.variables.data[i];
        set_inner(v, v->inner, v->copy_inner);
        decided[v->tensor->id] = true;
    }
    all_cycles(&x);
    settle_products(&x);
}

int function_rank(const Function *f) {
    switch (f->kind) {
    case FUNCTION_STEP: return 0;
    case FUNCTION_UPDATE: return 1;
    case FUNCTION_EVALUATE: return 2;
    case FUNCTION_PREDICT: return 3;
    case FUNCTION_INITIAL:
    case FUNCTION_SECOND:
    case FUNCTION_SECOND_STEP:
    case FUNCTION_METRICS:
    case FUNCTION_EPOCH:
    case FUNCTION_STOP:
    case FUNCTION_PREPARE:
    case FUNCTION_PREPARE_TEST:
    case FUNCTION_PREPARE_VALIDATION:
    case FUNCTION_CATCH_UP:
    case FUNCTION_RUN: return LAST_RANK;
    }
    return LAST_RANK;
}

void pass_layout(Kernels *ks) {
    for (int i = 0; i < ks->program->tensors.count; i++) layout_of(ks, ks->program->tensors.data[i]);
    bool *decided = arena_array(ks->program->arena, bool, ks->program->tensors.count);
    for (int r = 0; r <= LAST_RANK; r++)
        for (int i = 0; i < ks->schedules.count; i++)
            if (function_rank(ks->schedules.data[i]->function) == r)
                lay_out(ks, ks->schedules.data[i], decided);
}
