// Which equations share a kernel. An equation starts a kernel with its result's indices as tile axes, or
// joins one whose tiles it covers. Needs: functions without gradient requests, every tensor defined before it
// is read. Guarantees: schedules with kernels in execution order, effects in place or copied, `stored` for
// every tensor.
#include "pass/schedule.h"

Layout *layout_of(Kernels *ks, Tensor *t) {
    if (!t->layout) {
        Layout *l = t->layout = arena_new(ks->program->arena, Layout);
        l->inner = t->rank - 1;
        l->element_size = element_size(ks->program, t);
    }
    return t->layout;
}

bool tensor_outlives(const Tensor *t) {
    switch (t->kind) {
    case TENSOR_PARAM:
    case TENSOR_STATE:
    case TENSOR_SLOT:
    case TENSOR_GRADIENT:
    case TENSOR_TOTAL:
    case TENSOR_CLOCK:
    case TENSOR_SETTING:
    case TENSOR_LATE:
    case TENSOR_RUN: return true;
    case TENSOR_SOURCE:
    case TENSOR_INPUT:
    case TENSOR_ROWMAP:
    case TENSOR_TEMP:
    case TENSOR_OUTPUT:
    case TENSOR_TRAINING: return false;
    }
    return false;
}

int element_size(const Program *p, const Tensor *t) {
    if (t->type == TYPE_DOUBLE) return 8;
    return t->type == TYPE_REAL && p->precision == PRECISION_DOUBLE ? 8 : 4;
}

bool kernel_sorts(const Kernel *k) {
    return k->stages.count && k->stages.data[0].equation->reduction == REDUCE_ORDER;
}

bool kernel_scatters(const Kernel *k) { return k->row_axis >= 0; }

bool kernel_is_called(const Kernel *k) { return k->product || kernel_sorts(k); }

int lanes_of(const Kernels *ks) {
    return ks->program->precision == PRECISION_DOUBLE ? ks->machine.lanes / 2 : ks->machine.lanes;
}

int lanes_along(const Kernels *ks, int64_t size) {
    int all = lanes_of(ks), lanes = ks->program->precision == PRECISION_DOUBLE ? 2 : 4;
    if (ks->program->precision == PRECISION_BF16) return all; // its instructions take whole vectors
    while (lanes < all && lanes < size) lanes *= 2;
    return lanes;
}

// ---- pieces -----------------------------------------------------------------------------------------------

static int64_t points_of(const Equation *q) {
    const Index *indices[MAX_SPACE];
    int results;
    equation_space(q, indices, &results);
    int64_t n = 1;
    for (int j = 0; j < results; j++) n *= indices[j]->size;
    return n;
}

static Kernel *fill_zeros(Kernels *ks, Schedule *s, Tensor *t) {
    Kernel *k = kernel_fill(ks, s, t, NULL);
    k->zeros = true;
    return k;
}

// ---- memory -----------------------------------------------------------------------------------------------

static bool earlier_in_registers(const Kernel *k, int stage, const Expr *read) {
    for (int z = 0; z < stage; z++) {
        const Stage *s = &k->stages.data[z];
        if (s->equation->tensor == read->tensor && (s->equation->reduction != REDUCE_NONE || !s->inner_count))
            return true;
    }
    return false;
}

// A tensor has memory if another kernel reads it, or its own along an inner axis, or if it outlives the
// function.
static void note_stored(Kernels *ks, const Schedule *s) {
    every (k, s->kernels)
        for (int j = 0; j < k->stages.count; j++) {
            const Stage *st = &k->stages.data[j];
            Layout *l = layout_of(ks, st->equation->tensor);
            if (st->equation->tensor->kind != TENSOR_TEMP || l->same || k->zeros) l->stored = true;
            every_read (read, st)
                if (!earlier_in_registers(k, j, read)) layout_of(ks, read->tensor)->stored = true;
        }
    for (int i = 0; i < s->function->outputs.count; i++)
        layout_of(ks, s->function->outputs.data[i])->stored = true;
}

// ---- the pass ---------------------------------------------------------------------------------------------

// What a step touches lies together.
static void note_steps(Kernels *ks, const Kernel *k, Tensor *t, const Affine *const *forms) {
    Layout *l = layout_of(ks, t);
    for (int d = 0; k->loop >= 0 && t->kind == TENSOR_TEMP && !l->steps && d < t->rank; d++)
        if (forms_depend(&forms[d], 1, k->time)) l->steps = d + 1;
}

// Is a tensor of a recurrence gone after its step? Each kernel that touches it is in one loop, at the time of
// the loop.
static void note_folded(Kernels *ks) {
    Program *p = ks->program;
    int *loop = arena_array(p->arena, int, p->tensors.count); // 1 + that of all so far, -1: not folded
    for (int f = 0, base = 0; f < ks->schedules.count; base += ks->schedules.data[f++]->loops.count) {
        const Schedule *s = ks->schedules.data[f];
        for (int o = 0; o < s->function->outputs.count; o++) loop[s->function->outputs.data[o]->id] = -1;
        for (int e = 0; e < s->function->effects.count; e++)
            loop[s->function->effects.data[e].value->id] = -1;
        every (k, s->kernels)
            for (int i = 0; i < k->stages.count; i++)
                for (int r = -1; r < k->stages.data[i].read_count; r++) {
                    const Stage *st = &k->stages.data[i];
                    Tensor *t = r < 0 ? st->equation->tensor : st->reads[r]->tensor;
                    const Affine *const *forms = r < 0 ? st->equation->out : st->reads[r]->forms;
                    note_steps(ks, k, t, forms);
                    int *known = &loop[t->id], own = base + k->loop + 1;
                    const Index *time = t->step ? affine_only(forms[t->along]) : NULL;
                    bool now = k->loop >= 0 && time && time->axis == k->time;
                    *known = now && (!*known || *known == own) ? own : -1;
                }
    }
    for (int i = 0; i < p->tensors.count; i++) {
        Tensor *t = p->tensors.data[i];
        layout_of(ks, t)->folded = t->kind == TENSOR_TEMP && loop[i] > 0;
    }
}

static bool too_many_indices(Program *p, const Equation *q) {
    const Index *indices[MAX_SPACE];
    int results = equation_result_indices(q, indices, MAX_TILE_AXES);
    if (results <= MAX_TILE_AXES && q->index_count <= MAX_TILE_AXES) return false;
    diagnose(p->ctx, TOO_MANY_INDICES, q->origin ? q->origin->span : NO_SPAN, q->tensor->name,
             results + q->index_count, MAX_TILE_AXES);
    return true;
}

static void note_elementwise(Fusion *f, const Equation *q) {
    for (int r = 0; q->reduction == REDUCE_NONE && r < q->e->read_count; r++) {
        const Expr *read = q->e->reads[r];
        if (read->tensor->rank == q->out_count && !f->reader[read->tensor->id] &&
            forms_equal(read->forms, q->out, q->out_count))
            f->reader[read->tensor->id] = q;
    }
}

static Fusion begin(Kernels *ks, Schedule *s) {
    Program *p = ks->program;
    const Function *f = s->function;
    int tensors = p->tensors.count, most = 4 * f->equations.count + 1;
    Fusion fusion = {.ks = ks, .schedule = s, .uses = uses_create(p->arena, p, s)};
    fusion.pieces = arena_array(p->arena, int, tensors);
    fusion.target_of = arena_array(p->arena, Tensor *, tensors);
    fusion.order = arena_array(p->arena, int, most);
    fusion.moved = arena_array(p->arena, int, most);
    fusion.place = arena_array(p->arena, int, most);
    fusion.mark = arena_array(p->arena, int, most);
    fusion.points = arena_array(p->arena, int64_t, tensors);
    for (int i = 0; i < f->equations.count; i++) {
        fusion.pieces[f->equations.data[i]->tensor->id]++;
        fusion.points[f->equations.data[i]->tensor->id] += points_of(f->equations.data[i]);
    }
    fusion.reader = arena_array(p->arena, const Equation *, tensors);
    for (int i = 0; i < f->equations.count; i++) note_elementwise(&fusion, f->equations.data[i]);
    for (int i = 0; i < f->effects.count; i++)
        fusion.target_of[f->effects.data[i].value->id] = f->effects.data[i].target;
    return fusion;
}

// Kernels are numbered as they are made.
static void stand_last(Fusion *f, const Kernel *k) { f->order[k->id] = f->place[k->id] = k->id; }

void fusion_add(Fusion *f, Kernel *k) {
    stand_last(f, k);
    uses_add(&f->uses, k);
}

static void fuse(Kernels *ks, Schedule *s) {
    Program *p = ks->program;
    bool *met = arena_array(p->arena, bool, p->tensors.count);
    Fusion fusion = begin(ks, s);
    const int *circles = function_cycles(p, s->function);
    for (int i = 0; i < s->function->equations.count; i++) {
        const Equation *q = equation_trim(p, s->function->equations.data[i]);
        if (too_many_indices(p, q)) continue;
        if (circles[i] && (!i || circles[i] != circles[i - 1]))
            vec_push(p->arena, &s->loops,
                     ((KernelLoop){.size = q->tensor->dims[q->tensor->along], .step = q->tensor->step}));
        fusion.loop = circles[i] ? s->loops.count - 1 : -1;
        bool left_out = fusion.points[q->tensor->id] < tensor_elements(q->tensor); // pieces are disjoint
        if (left_out && !met[q->tensor->id]) {
            Kernel *zeros = fill_zeros(ks, s, q->tensor);
            fusion_add(&fusion, zeros);
        }
        met[q->tensor->id] = true;
        const Scatter *sc = table_get(&ks->scatters, s->function->equations.data[i]);
        Kernel *k = sc ? fusion_scatter(&fusion, sc, q) : fusion_join(&fusion, q);
        if (!k) {
            k = kernel_create(ks, s, q);
            if (fusion.loop >= 0) kernel_enter_loop(k, fusion.loop);
            stand_last(&fusion, k);
        }
        uses_add_stage(&fusion.uses, k, &k->stages.data[k->stages.count - 1]);
    }
}

void kernels_count_definers(Kernels *ks) {
    Program *p = ks->program;
    ks->tensor_room = p->tensors.count;
    ks->definers = arena_array(p->arena, int, p->tensors.count);
    int *last = arena_array(p->arena, int, p->tensors.count);
    for (int f = 0; f < p->functions.count; f++) {
        const Function *g = p->functions.data[f];
        for (int i = 0; i < g->equations.count; i++) {
            uint32_t t = g->equations.data[i]->tensor->id;
            if (last[t] != f + 1) ks->definers[t]++;
            last[t] = f + 1;
        }
    }
}

Kernels *kernels_create(Program *p) {
    Kernels *ks = arena_new(p->arena, Kernels);
    ks->program = p;
    ks->axis_indices = map_create(p->arena);
    return ks;
}

Kernels *pass_fuse(Program *p, const Machine *machine) {
    Kernels *ks = kernels_create(p);
    ks->machine = *machine;
    scatters_find(ks);
    kernels_count_definers(ks);
    for (int i = 0; i < p->functions.count; i++) {
        Schedule *s = arena_new(p->arena, Schedule);
        s->function = p->functions.data[i];
        s->owned_class = -1;
        vec_push(p->arena, &ks->schedules, s);
        fuse(ks, s);
        schedule_effects(ks, s);
        schedule_order(ks, s);
        note_stored(ks, s);
        schedule_scatters(ks, s);
    }
    schedule_catch_up(ks);
    note_folded(ks);
    return ks;
}
