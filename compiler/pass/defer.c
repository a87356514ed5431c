// Updates that wait. Where an optimizer moves rows that have no gradient (a momentum, a decay), each step
// would go through the whole table for the few rows that it reads. Instead a row's update with a gradient of
// 0 is made when the row is next read: by the same stages, one missed step after another, with the numbers
// that each step's update has read (its rate, a power of a constant), which a ring keeps as they were. So the
// bits are those of the update of all rows.
//
// Three kernels belong to it. One catches up with the rows that the step will read or update, before they are
// read; besides, a part of the others in turn, so that none waits for more steps than the ring has. One
// updates the rows with positions. One, in FUNCTION_CATCH_UP, catches up with all: the runtime calls it
// before anything but a step reads the table.
//
// Which updates may wait follows from their stages: each writes over an old value, and reads of the step
// nothing but the row's sums, old values of the same element, and numbers. Needs: kernels in their order,
// with what is stored. Guarantees: no step reads a row that waits.
#include "pass/schedule.h"

#include "pass/algebra.h"

#include <math.h>
#include <string.h>

enum { LEAST_RING = 64, MOST_RING = 4096 };

typedef struct {
    Kernels *ks;
    Schedule *s;
    Kernel *k; // the update
    Late *late;
    VEC(const Scatter *) scatters; // of reads
} Waiting;

// ---- may it wait? -----------------------------------------------------------------------------------------

// The stage that writes over this tensor.
static const Stage *stage_over(const Kernel *k, const Tensor *t) {
    every_at (s, k->stages)
        if (s->equation->tensor->layout->same == t) return s;
    return NULL;
}

static bool has_stage(const Kernel *k, const Tensor *t) {
    every_at (s, k->stages)
        if (s->equation->tensor == t) return true;
    return false;
}

static void note_number(Waiting *w, const Expr *read) {
    every (known, w->late->numbers)
        if (known->tensor == read->tensor) return;
    vec_push(w->ks->program->arena, &w->late->numbers, read);
}

// Of the update's own row: an old value is that of the element which takes its place.
static bool reads_own(Waiting *w, const Stage *s) {
    every_read (read, s) {
        const Stage *over = stage_over(w->k, read->tensor);
        if (over ? !forms_equal(read->forms, over->equation->out, over->equation->out_count)
                 : !s->plan && !kernel_maker(w->k, read) &&
                       (read->tensor->rank || !tensor_is_real(read->tensor)))
            return false;
        if (!over && !s->plan && !read->tensor->rank && !kernel_maker(w->k, read)) note_number(w, read);
    }
    return true;
}

static bool stage_may_wait(Waiting *w, const Stage *s) {
    const Equation *q = s->equation;
    const Layout *l = q->tensor->layout;
    Exprs nodes = {0};
    if ((l->stored && !l->same) || q->tensor->type != TYPE_REAL || q->e->has_draw) return false;
    if (!s->plan && (q->reduction != REDUCE_NONE || s->inner_count)) return false;
    if (!s->plan) expr_nodes(w->ks->program->arena, q->e, true, &nodes);
    every (e, nodes)
        if (e->op == OP_ROWS) return false;
    return reads_own(w, s);
}

// What it makes is read here alone, and nobody else changes what it changes.
static bool is_alone(const Waiting *w) {
    every (other, w->s->kernels)
        every_at (s, other->stages) {
            const Tensor *t = s->equation->tensor;
            if (other == w->k) continue;
            if (stage_over(w->k, t) || (t->layout->same && stage_over(w->k, t->layout->same))) return false;
            every_read (read, s)
                if (has_stage(w->k, read->tensor)) return false;
        }
    return true;
}

// Other functions for which the runtime catches up, or that do not touch it.
static bool others_may(const Waiting *w, const Function *f) {
    bool caught_up =
        f->kind == FUNCTION_INITIAL || f->kind == FUNCTION_EVALUATE || f->kind == FUNCTION_PREDICT;
    if (f == w->s->function || caught_up) return true;
    for (int i = 0; i < f->effects.count; i++)
        if (stage_over(w->k, f->effects.data[i].target)) return false;
    every (q, f->equations)
        for (int r = 0; r < q->e->read_count; r++)
            if (stage_over(w->k, q->e->reads[r]->tensor)) return false;
    return true;
}

static void note_plan(Waiting *w, Tensor *plan) {
    every (known, w->late->plans)
        if (known == plan) return;
    vec_push(w->ks->program->arena, &w->late->plans, plan);
}

static int row_dimension(const Kernel *k, const Equation *q) {
    int d = 0;
    while (d < q->out_count && !forms_depend(&q->out[d], 1, k->row_axis)) d++;
    return d;
}

// Every read of the table outside chooses rows by integers: those have to be caught up with.
static bool rows_are_chosen(Waiting *w) {
    every (plain, w->s->function->equations) {
        const Equation *q = equation_trim(w->ks->program, plain);
        for (int r = 0; !has_stage(w->k, q->tensor) && r < q->e->read_count; r++) {
            const Expr *read = q->e->reads[r];
            const Stage *over = stage_over(w->k, read->tensor);
            if (!over) continue;
            const Scatter *sc =
                scatter_of_read(w->ks, w->s->function, q, read, row_dimension(w->k, over->equation));
            if (!sc) return false;
            vec_push(w->ks->program->arena, &w->scatters, sc);
            note_plan(w, sc->plan);
        }
    }
    return true;
}

static bool few_positions(const Waiting *w) {
    double positions = 0;
    every (plan, w->late->plans) positions += plan_positions(plan);
    return 2 * positions <= (double)w->k->axes[w->k->row_axis].size;
}

static bool may_wait(Waiting *w) {
    Kernel *k = w->k;
    if (!kernel_scatters(k) || k->touched || k->loop >= 0) return false;
    for (int j = 0; j < k->tile_count; j++)
        if (k->tile[j] != j || k->axes[j].batch) return false;
    every_at (s, k->stages) {
        if (!stage_may_wait(w, s)) return false;
        if (s->plan) note_plan(w, s->plan);
    }
    if (!is_alone(w)) return false;
    every (f, w->ks->program->functions)
        if (!others_may(w, f)) return false;
    return rows_are_chosen(w) && few_positions(w);
}

// ---- who catches up ---------------------------------------------------------------------------------------

static Tensor *late_tensor(Waiting *w, const char *what, Type type, int rank, const int64_t *dims) {
    const Tensor *of = w->k->stages.data[0].equation->tensor;
    const char *name = string_format(w->ks->program->arena, "%s.%s", of->name, what);
    Tensor *t = tensor_add(w->ks->program, name, TENSOR_LATE, type, rank, dims);
    t->origin = of->origin;
    layout_of(w->ks, t)->stored = true;
    return t;
}

static void make_memory(Waiting *w) {
    Late *late = w->late;
    int64_t rows = w->k->axes[w->k->row_axis].size, marks = rows + 2;
    late->ring = LEAST_RING;
    while (late->ring < rows && late->ring < MOST_RING) late->ring *= 2;
    late->seen = late_tensor(w, "seen", TYPE_INT, 1, &marks);
    late->seen->bounded = true;
    late->seen->high = INT32_MAX;
    late->past = late_tensor(w, "past", TYPE_REAL, 2,
                             (int64_t[]){late->ring + PAST_EXTREMES, late->numbers.count + 1});
}

static bool is_number(const Late *late, const Tensor *t) {
    every (number, late->numbers)
        if (number->tensor == t) return true;
    return false;
}

// It reads numbers from the ring, and which rows there are from plans.
void kernel_read_late(Program *p, Kernel *k) {
    every_at (s, k->stages) {
        const Expr **reads = arena_array(p->arena, const Expr *, s->read_count + 1);
        int count = 0;
        every_read (read, s)
            if (!is_number(k->late, read->tensor)) reads[count++] = read;
        s->reads = reads;
        s->read_count = count;
    }
    for (int i = 0; k->touched && i < k->late->plans.count; i++)
        stage_read_plan(p, &k->stages.data[0], k->late->plans.data[i]);
}

// The stage as it is without a gradient: what it sums is 0.
static void add_late_stage(Waiting *w, Kernel *r, const Stage *s, double steps) {
    const Equation *q = s->equation;
    if (s->plan)
        q = equation_map(w->ks->program, q->tensor, q->out, expr_const(w->ks->program, 0), q->origin);
    kernel_put_stage(w->ks, r, q);
    r->stages.data[r->stages.count - 1].work *= steps;
}

static Kernel *catching_up(Waiting *w, bool all) {
    static const double MOST_STEPS = 100; // that a row is expected to have missed
    const Kernel *k = w->k;
    Kernel *r = kernel_new(w->ks);
    memcpy(r->axes, k->axes, sizeof r->axes);
    memcpy(r->tile, k->tile, sizeof r->tile);
    memcpy(r->order, k->order, sizeof r->order);
    r->axis_count = r->tile_count = k->tile_count;
    r->row_axis = k->row_axis;
    r->catches_up = true;
    r->touched = !all;
    r->late = w->late;
    double share = kernel_share(r);
    every_at (s, k->stages) add_late_stage(w, r, s, share * fmin(1 / share, MOST_STEPS));
    kernel_read_late(w->ks->program, r);
    return r;
}

// ---- before the first read --------------------------------------------------------------------------------

typedef struct {
    const Waiting *w;
    Uses uses;
    bool *needed; // by number of the kernel
    bool possible;
} Before;

static void need(Before *b, const Kernel *k) {
    if (b->needed[k->id] || !b->possible) return;
    b->needed[k->id] = true;
    b->possible = k->loop < 0;
    every_at (s, k->stages) {
        const Tensor *t = s->equation->tensor;
        if (tensor_outlives(t) || t->layout->same) b->possible = false;
        every_read (read, s) {
            if (stage_over(b->w->k, read->tensor)) b->possible = false;
            every (writer, b->uses.uses[read->tensor->id].writers)
                if (!tensor_outlives(read->tensor)) need(b, writer);
        }
    }
}

// What catching up needs goes first, then it, then all else. False: that needs the table, or stands in a
// loop.
static bool put_first(Waiting *w, Kernel *r) {
    Arena *arena = w->ks->program->arena;
    Before b = {.w = w, .uses = uses_create(arena, w->ks->program, w->s), .possible = true};
    KernelList list = {0};
    b.needed = arena_array(arena, bool, w->s->kernels.count + 1);
    every (plan, w->late->plans)
        every (writer, b.uses.uses[plan->id].writers) need(&b, writer);
    if (!b.possible) return false;
    every (k, w->s->kernels)
        if (b.needed[k->id]) vec_push(arena, &list, k);
    vec_push(arena, &list, r);
    every (k, w->s->kernels)
        if (!b.needed[k->id]) vec_push(arena, &list, k);
    schedule_renew(w->ks, w->s, &list);
    return true;
}

void schedule_deferred(Kernels *ks, Schedule *s) {
    Arena *arena = ks->program->arena;
    KernelList all = {0};
    if (s->function->kind != FUNCTION_STEP) return;
    every (k, s->kernels) vec_push(arena, &all, k);
    every (k, all) {
        Waiting w = {.ks = ks, .s = s, .k = k, .late = arena_new(arena, Late)};
        if (!may_wait(&w)) continue;
        every (sc, w.scatters) schedule_plan(ks, s, sc);
        make_memory(&w);
        if (!put_first(&w, catching_up(&w, false))) continue;
        k->late = w.late;
        k->touched = true;
    }
}

void schedule_catch_up(Kernels *ks) {
    Program *p = ks->program;
    Schedule *s = arena_new(p->arena, Schedule);
    s->owned_class = -1;
    every (of, ks->schedules)
        every (k, of->kernels) {
            if (!k->late || k->catches_up) continue;
            Waiting w = {.ks = ks, .s = of, .k = k, .late = k->late};
            vec_push(p->arena, &s->kernels, catching_up(&w, true));
        }
    if (!s->kernels.count) return;
    for (int i = 0; i < s->kernels.count; i++) s->kernels.data[i]->id = i;
    s->function = function_add(p, FUNCTION_CATCH_UP, "catch_up");
    vec_push(p->arena, &ks->schedules, s);
}
