// What every pass over kernels must leave true, as far as it has been decided. The equations of the stages
// are verified like those of any function (ir/verify.c), with the borders around their tensors; here stands
// what kernels add: axes, memory, order, threads, places. The first failure is said with its kernel.
#include "pass/algebra.h"
#include "pass/schedule.h"

#include <string.h>

typedef struct {
    Kernels *ks;
    const Schedule *s;
    const Kernel *k; // NULL: of the function
    const char *failure;
} Verifier;

static void must(Verifier *v, bool holds, const char *rule, const char *name) {
    if (holds || v->failure) return;
    Arena *arena = v->ks->program->arena;
    const char *kernel = v->k ? string_format(arena, "kernel %d of ", v->k->id) : "";
    v->failure = string_format(arena, "%s: %s (%sfunction %s)", name, rule, kernel, v->s->function->name);
}

// ---- one kernel -------------------------------------------------------------------------------------------

static void check_axes(Verifier *v) {
    const Kernel *k = v->k;
    uint32_t loops = 0;
    for (int j = 0; j < k->tile_count; j++) loops |= 1u << k->order[j];
    for (int a = 0; a < k->axis_count; a++) {
        const Axis *x = &k->axes[a];
        must(v, x->step >= 1 && (x->tile || x->step == 1), "tile axes have steps, others none",
             x->index->name);
        must(v, x->tile == (loops >> a & 1), "every tile axis has one loop", x->index->name);
    }
    const Axis *lanes = k->vector_axis < 0 ? NULL : &k->axes[k->vector_axis];
    must(v, !lanes || lanes->tile, "lanes of results run along a tile axis", "lanes");
    must(v, !lanes || k->sum_vector_axis >= 0 || lanes->step == 1 || lanes->step % lanes_of(v->ks) == 0,
         "a tile has whole vectors", "lanes");
    must(v, k->sum_vector_axis < 0 || !k->axes[k->sum_vector_axis].tile,
         "lanes of a sum run along an inner axis", "across");
    must(v, k->ahead < 0 || (k->axes[k->ahead].tile && k->ahead_distance > 0), "tiles are read ahead",
         "ahead");
    for (int b = 0; b < k->block_count; b++) {
        const Axis *x = &k->axes[k->blocks[b].axis];
        must(v, k->blocks[b].size > 0 && k->blocks[b].size % x->step == 0, "a block has whole tiles",
             x->index->name);
        for (int c = 0; c < b; c++)
            must(v, k->blocks[c].axis != k->blocks[b].axis, "an axis is in one block", x->index->name);
    }
    must(v, v->s->threaded || !k->divided || !v->ks->arena_size, "one thread divides nothing", "divided");
    must(v, k->split_axis < 0 || (k->divided && k->block_count && k->axes[k->split_axis].tile),
         "what is split is a tile axis", "split");
    if (k->owned_axis < 0 || !k->owned_grain) return;
    const Axis *owned = &k->axes[k->owned_axis];
    must(v, k->divided && k->order[0] == k->owned_axis, "the owned axis is divided, and outermost",
         owned->index->name);
    must(v, k->owned_grain % owned->step == 0 && owned->size % (2 * k->owned_grain) == 0,
         "threads own whole grains of whole tiles", owned->index->name);
}

static void check_product(Verifier *v) {
    const Kernel *k = v->k;
    const Stage *s = &k->stages.data[0];
    Product again = {.a = k->product->a, .b = k->product->b};
    must(v, k->stages.count == 1 && s->equation->tensor->layout->stored && k->loop < 0,
         "a product by a BLAS stands alone and is stored", "product");
    must(v, product_axes(k, s, &again), "an axis is of rows, of columns or summed", "product");
    must(v, !(k->cycles > 0) || product_plan(v->ks, k, &again), "its tensors lie as no matrices", "product");
}

// A plan has an entry for each position, and room for as many.
static bool plans(const Tensor *plan, double positions) {
    return plan->type == TYPE_INT && plan->rank == 1 && (double)plan->dims[0] == PLAN_HEAD + 4 * positions;
}

// Rows are run one by one; a sum in them has a plan, an update of some of them leaves the others as they are.
static void check_rows(Verifier *v) {
    const Kernel *k = v->k;
    const Axis *rows = &k->axes[k->row_axis];
    must(v, rows->tile && rows->step == 1, "rows are a tile axis, and run one by one", rows->index->name);
    must(v, k->vector_axis != k->row_axis && k->sum_vector_axis < 0,
         "lanes run along no rows and no positions", "rows");
    every_at (s, k->stages) {
        const Equation *q = s->equation;
        must(v, (q->reduction != REDUCE_NONE) == (s->plan != NULL), "sums in rows have plans",
             q->tensor->name);
        must(v, !s->plan || plans(s->plan, index_points(q->indices, q->index_count)),
             "a plan has an entry for each position of its sum", q->tensor->name);
        must(v, !k->touched || !q->tensor->layout->stored || q->tensor->layout->same,
             "rows that are not touched keep old values", q->tensor->name);
    }
    must(v, k->stages.data[0].plan || k->catches_up, "a kernel of rows begins with a sum", "rows");
}

// Rows that wait: each stage that is stored writes over what a row holds, there is memory for what the steps
// have read, and somebody has caught up before the table is read.
static void check_late(Verifier *v) {
    const Kernel *k = v->k, *first = NULL;
    const Late *late = k->late;
    int64_t rows = k->axes[k->row_axis].size, ring = late->past->dims[0] - PAST_EXTREMES;
    must(v, late->seen->type == TYPE_INT && late->seen->dims[0] == rows + 2,
         "each row has its step, and two marks are behind them", late->seen->name);
    must(v,
         late->past->dims[1] > late->numbers.count && ring == late->ring && ring > 2 && !(ring & (ring - 1)),
         "a ring has the numbers of the last steps", late->past->name);
    must(v, k->touched || k->catches_up, "rows without positions wait", "rows");
    for (int n = 0; n < v->s->kernels.count && v->s->kernels.data[n] != k && !k->catches_up; n++) {
        const Kernel *other = v->s->kernels.data[n];
        if (other->late && other->catches_up && other->late->seen == late->seen) first = other;
        every_at (s, other->stages)
            every_read (read, s)
                for (int i = 0; i < k->stages.count && !first; i++)
                    must(v, read->tensor != k->stages.data[i].equation->tensor->layout->same,
                         "it is read before somebody caught up with it", read->tensor->name);
    }
    must(v, first || k->catches_up, "somebody catches up with rows that wait", late->seen->name);
}

static bool written_before(const Kernel *k, int stage, const Tensor *t) {
    for (int i = 0; i < stage; i++)
        if (k->stages.data[i].equation->tensor == t) return true;
    return false;
}

// Tiles are divided among threads and computed once, so each result has its own place in each of them.
static void check_stage(Verifier *v, int number) {
    const Kernel *k = v->k;
    const Stage *s = &k->stages.data[number];
    const Tensor *t = s->equation->tensor;
    uint32_t out = forms_axes(s->equation->out, s->equation->out_count), inner = 0,
             all = out | s->equation->e->axes;
    for (int i = 0; i < s->equation->index_count; i++) all |= 1u << s->equation->indices[i]->axis;
    for (int i = 0; i < s->inner_count; i++) inner |= 1u << s->inner[i];
    for (int a = 0; a < k->axis_count; a++) {
        bool tile = k->axes[a].tile;
        must(v, !tile || (out >> a & 1), "a tile axis is not in the result: threads would all write it",
             t->name);
        must(v, (inner >> a & 1) == (!tile && (all >> a & 1)), "a stage walks its inner axes", t->name);
    }
    for (int r = 0; r < s->read_count; r++) {
        const Tensor *read = s->reads[r]->tensor;
        must(v, read->layout->stored || read->kind == TENSOR_SOURCE || written_before(k, number, read),
             "it is read by another kernel and has no memory", read->name);
    }
}

// ---- all of a function ------------------------------------------------------------------------------------

static void border(const Tensor *t, int d, int64_t *low, int64_t *high) {
    *low = t->layout->border_low[d];
    *high = t->layout->border_high[d];
}

static bool is_target(const Function *f, const Tensor *t) {
    for (int i = 0; i < f->effects.count; i++)
        if (f->effects.data[i].target == t) return true;
    return false;
}

// Every element is written once: pieces do not meet (function_verify), and are all of it, or stand on zeros.
static void check_equations(Verifier *v) {
    Program *p = v->ks->program;
    Function all = {.name = v->s->function->name, .kind = v->s->function->kind};
    double *points = arena_array(p->arena, double, p->tensors.count);
    bool *zeros = arena_array(p->arena, bool, p->tensors.count);
    for (int n = 0; n < v->s->kernels.count; n++)
        for (int i = 0; i < v->s->kernels.data[n]->stages.count; i++) {
            const Equation *q = v->s->kernels.data[n]->stages.data[i].equation;
            const Index *result[MAX_SPACE];
            int count = equation_result_indices(q, result, MAX_SPACE);
            v->k = v->s->kernels.data[n];
            must(v, !v->k->zeros || !points[q->tensor->id], "zeros are written first", q->tensor->name);
            zeros[q->tensor->id] |= v->k->zeros;
            if (v->k->catches_up) continue; // what the stages of the update write
            if (!v->k->zeros) points[q->tensor->id] += index_points(result, count);
            if (v->k->plan_rows && plans(q->tensor, index_points(result, count)))
                points[q->tensor->id] = (double)tensor_elements(q->tensor);
            if (!v->k->zeros &&
                !is_target(v->s->function, q->tensor)) // what is read of a target is its old value
                vec_push(p->arena, &all.equations, (Equation *)q);
        }
    v->k = NULL;
    for (int i = 0; i < p->tensors.count; i++)
        must(v, !points[i] || zeros[i] || points[i] == (double)tensor_elements(p->tensors.data[i]),
             "some of its elements are not written once", p->tensors.data[i]->name);
    if (!v->failure) v->failure = function_verify(p, &all, border);
}

// An old value is read before the new one is written over it.
static void check_order(Verifier *v) {
    int latest = -1; // loop so far
    bool *over = arena_array(v->ks->program->arena, bool, v->ks->program->tensors.count);
    for (int n = 0; n < v->s->kernels.count; n++) {
        const Kernel *k = v->k = v->s->kernels.data[n];
        must(v, k->id == n, "kernels are numbered in their order", "kernel");
        must(v, k->loop < 0 || k->loop > latest || v->s->kernels.data[n - 1]->loop == k->loop,
             "the kernels of a loop stand together", "recur");
        latest = k->loop > latest ? k->loop : latest;
        every_at (s, k->stages)
            every_read (read, s)
                must(v, !over[read->tensor->id], "it is read after a new value was written over it",
                     read->tensor->name);
        if (k->catches_up) continue; // old values are what they should have been
        for (int i = 0; i < k->stages.count; i++) {
            const Tensor *old = k->stages.data[i].equation->tensor->layout->same;
            for (int j = i + 1; old && k->stages.data[i].inner_count && j < k->stages.count; j++)
                every_read (read, &k->stages.data[j])
                    must(v, read->tensor != old, "it is read after a new value was written over it",
                         old->name);
        }
        every_at (s, k->stages) {
            const Tensor *t = s->equation->tensor;
            if (tensor_outlives(t)) over[t->id] = true;
            if (t->layout->same) over[t->layout->same->id] = true;
        }
    }
}

// ---- places -----------------------------------------------------------------------------------------------

typedef struct {
    int first, last; // kernels between which it is needed; last -1: none
} Life;

static void live(Life *l, int from, int to) {
    if (l->last < 0 || from < l->first) l->first = from;
    if (to > l->last) l->last = to;
}

static Life *lives_of(const Verifier *v) {
    const Program *p = v->ks->program;
    Life *lives = arena_array(p->arena, Life, p->tensors.count);
    for (int i = 0; i < p->tensors.count; i++) lives[i].last = -1;
    for (int n = 0, end = 0, start = 0; n < v->s->kernels.count; n++) {
        if (n == end) start = n, end = loop_end(v->s, n);
        every_at (s, v->s->kernels.data[n]->stages) {
            live(&lives[s->equation->tensor->id], start, end - 1);
            every_read (read, s) live(&lives[read->tensor->id], start, end - 1);
        }
    }
    for (int i = 0; i < p->tensors.count; i++) {
        const Tensor *t = p->tensors.data[i];
        bool given = t->kind == TENSOR_INPUT && !v->ks->definers[i];
        if (lives[i].last >= 0 && (given || tensor_outlives(t))) lives[i].first = 0;
        if (lives[i].last >= 0 && (t->kind == TENSOR_OUTPUT || tensor_outlives(t)))
            lives[i].last = v->s->kernels.count;
    }
    return lives;
}

static bool meet(const Layout *a, const Layout *b) {
    for (; a; a = a->twin)
        for (const Layout *c = b; c; c = c->twin)
            if (a->offset < c->offset + c->size * c->element_size &&
                c->offset < a->offset + a->size * a->element_size)
                return true;
    return false;
}

static bool has_place(const Tensor *t) {
    return t->kind != TENSOR_SOURCE && (t->layout->stored || t->layout->partial_sums) && !t->layout->same;
}

// Of two that meet.
static bool keep_zeros(const Tensor *a, const Tensor *b) {
    bool borders = layout_bordered(a->layout, a->rank) || layout_bordered(b->layout, b->rank);
    return !borders || (a->layout->offset == b->layout->offset && layouts_alike(a->layout, b->layout));
}

static void check_places(Verifier *v) {
    const Program *p = v->ks->program;
    const Life *lives = lives_of(v);
    for (int i = 0; i < p->tensors.count; i++) {
        const Tensor *a = p->tensors.data[i];
        if (lives[i].last < 0 || !has_place(a)) continue;
        for (const Layout *l = a->layout; l; l = l->twin) {
            must(v, l->offset % 64 == 0 && l->offset + l->size * l->element_size <= v->ks->arena_size,
                 "its place is aligned, and inside the arena", a->name);
        }
        for (int j = 0; j < i; j++) {
            const Tensor *b = p->tensors.data[j];
            bool together = lives[i].first <= lives[j].last && lives[j].first <= lives[i].last;
            if (lives[j].last < 0 || !has_place(b) || !meet(a->layout, b->layout)) continue;
            const char *both = string_format(p->arena, "%s, %s", a->name, b->name);
            must(v, !together, "two tensors that live at once lie at one place", both);
            must(v, keep_zeros(a, b), "a border's zeros lie where another tensor has elements", both);
        }
    }
}

const char *kernels_verify(Kernels *ks) {
    Verifier v = {.ks = ks};
    for (int i = 0; i < ks->schedules.count && !v.failure; i++) {
        v.s = ks->schedules.data[i];
        check_order(&v);
        for (int n = 0; n < v.s->kernels.count && !v.failure; n++) {
            v.k = v.s->kernels.data[n];
            check_axes(&v);
            if (v.k->product) check_product(&v);
            if (kernel_scatters(v.k)) check_rows(&v);
            if (v.k->late) check_late(&v);
            for (int j = 0; j < v.k->stages.count; j++) check_stage(&v, j);
        }
        v.k = NULL;
        if (!v.failure) check_equations(&v);
        if (!v.failure && ks->arena_size) check_places(&v);
        if (!v.failure && ks->arena_size) v.k = schedule_waits(ks, v.s, false);
        must(&v, !v.k, "threads meet before it, as others touch what it touches", "waits");
    }
    return v.failure;
}
