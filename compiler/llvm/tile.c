// A tile: instances of the result's axes (offsets inside the tile), the stages one after another, then the
// stores.
//
// All stages of a tile are evaluated before any is stored, so effects may be applied in place.
#include "llvm/emit.h"

// Lanes of the instance that stand for elements: a remainder's last vector, or rows that are there.
static Operand instance_mask(Emitter *em) {
    const Point *p = &em->point;
    if (p->lane < 0 || p->lane != p->kernel->vector_axis) return NULL;
    const AxisState *s = &p->axis[p->lane];
    if (axis_short(em, p->lane)) {
        Operand known = memo_find(em, &p->kernel->axes[p->lane], 0, -3);
        if (known) return known;
        Operand left = s->base ? build_sub(em, em->rows, s->base) : em->rows;
        Operand mask = build_mask_of(em, left);
        if (s->length < em->lanes) mask = build_and(em, mask, build_mask(em, s->length));
        memo_add(em, &p->kernel->axes[p->lane], 0, -3, mask);
        return mask;
    }
    return s->inst + em->lanes > s->length ? build_mask(em, s->length - s->inst) : NULL;
}

void instance_set(Emitter *em, int instance) {
    const Kernel *k = em->point.kernel;
    em->point.instance = instance;
    for (int j = 0; j < k->tile_count; j++)
        em->point.axis[k->tile[j]].inst = em->point.instances[instance][j];
    em->point.active = build_and(em, instance_mask(em), em->point.walk_mask);
}

void clear_instance(Emitter *em) {
    const Kernel *k = em->point.kernel;
    for (int a = 0; a < k->axis_count; a++) em->point.axis[a].inst = 0;
    em->point.active = NULL;
}

// The offsets of a tile. The axis of most values goes outside, of fewest inside: what the inner ones need
// stays in registers besides the sums. `by_lane`: a vector of the lane's axis is one instance.
void instances_make(Emitter *em, bool by_lane) {
    Point *p = &em->point;
    const Kernel *k = p->kernel;
    int order[MAX_TILE_AXES];
    int64_t counts[MAX_TILE_AXES], strides[MAX_TILE_AXES];
    p->instance_count = 1;
    for (int j = 0; j < k->tile_count; j++) {
        bool vector = by_lane && k->tile[j] == k->vector_axis;
        strides[j] = vector ? em->lanes : 1;
        counts[j] = (p->axis[k->tile[j]].length + strides[j] - 1) / strides[j];
        p->instance_count *= (int)counts[j];
        int z = j;
        for (; z > 0 && counts[order[z - 1]] < counts[j]; z--) order[z] = order[z - 1];
        order[z] = j;
    }
    if (p->instance_count > MAX_INSTANCES) die("a tile of %d instances", p->instance_count);
    for (int i = 0; i < p->instance_count; i++) {
        int rest = i;
        for (int z = k->tile_count - 1; z >= 0; z--) {
            int j = order[z];
            p->instances[i][j] = rest % counts[j] * strides[j];
            rest /= (int)counts[j];
        }
    }
}

// ---- results ----------------------------------------------------------------------------------------------

// The stage's result at this point, with lanes along an axis if it has that axis.
static Memo key_of_result(const Emitter *em, const Stage *stage, int lane) {
    uint32_t axes = forms_axes(stage->equation->out, stage->equation->out_count);
    return (Memo){.what = stage->equation,
                  .point = point_of(em, axes),
                  .lane = lane >= 0 && axes >> lane & 1 ? lane : -1};
}

void remember_result(Emitter *em, const Stage *stage, int lane, Operand value) {
    Memo key = key_of_result(em, stage, lane);
    memo_add(em, key.what, key.point, key.lane, value);
}

Operand result_of(Emitter *em, const Stage *stage) {
    Memo key = key_of_result(em, stage, em->point.kernel->vector_axis);
    Operand v = memo_find(em, key.what, key.point, key.lane);
    if (!v) die("no value of %s to store", stage->equation->tensor->name);
    return v;
}

static bool is_walked(const Stage *stage) {
    return stage->equation->reduction == REDUCE_NONE && stage->inner_count;
}

static void store_result(Emitter *em, const Stage *stage, Operand value) {
    const Equation *q = stage->equation;
    emit_store(em, q->tensor, q->out, q->out_count, value);
}

static bool has_place(const Stage *stage) {
    const Layout *layout = stage->equation->tensor->layout;
    return layout && (layout->stored || layout->same);
}

// ---- maps, and rows: stages with further axes, evaluated and stored point by point ------------------------

static void walk(Emitter *em, const Stage *stage, int j);

static void walk_here(Emitter *em, const Stage *stage) {
    Operand values[MOST_WOVEN];
    for (int i = 0, end = i; i < em->point.instance_count; i = end) {
        Weave w;
        weave_open(em, &w);
        for (; end < em->point.instance_count && !weave_is_full(em, &w); weave_next(em, &w)) {
            instance_set(em, end++);
            values[w.count] = emit_value(em, em->point.body);
            remember_result(em, stage, em->point.lane, values[w.count]);
        }
        weave_close(em, &w);
        for (int x = i; x < end && is_walked(stage) && has_place(stage); x++) {
            instance_set(em, x);
            store_result(em, stage, values[x - i]);
        }
    }
}

static void walk_vectors(Emitter *em, const Stage *stage, int j, int axis) {
    AxisState *s = &em->point.axis[axis];
    int64_t size = em->point.kernel->axes[axis].size, whole = size / em->lanes * em->lanes;
    if (axis_short(em, axis)) {
        Loop loop = loop_open(em, axis, build_i64(em, 0), em->rows, em->lanes);
        em->point.walk_mask = build_mask_of(em, build_sub(em, em->rows, loop.counter));
        walk(em, stage, j + 1);
        em->point.walk_mask = NULL;
        loop_close(em, &loop);
        return;
    }
    if (em->point.kernel->rows_in_registers) {
        for (s->inst = 0; s->inst < whole; s->inst += em->lanes) walk(em, stage, j + 1);
        s->inst = 0;
    } else if (whole) {
        Loop loop = loop_open(em, axis, build_i64(em, 0), build_i64(em, whole), em->lanes);
        walk(em, stage, j + 1);
        loop_close(em, &loop);
    }
    if (size > whole) {
        s->fixed = whole;
        em->point.walk_mask = build_mask(em, size - whole);
        walk(em, stage, j + 1);
        em->point.walk_mask = NULL;
        s->fixed = 0;
    }
}

static void walk_loop(Emitter *em, const Stage *stage, int j, Operand low, Operand high, const Expr *body) {
    const Expr *saved = em->point.body;
    Loop loop = loop_open(em, stage->inner[j], low, high, 1);
    em->point.body = body;
    walk(em, stage, j + 1);
    em->point.body = saved;
    loop_close(em, &loop);
}

// Guards bound the loop: beyond the edges is what is there outside of them.
static void walk_cut(Emitter *em, const Stage *stage, int j) {
    const Expr *whole = stage->equation->e, *body = em->point.body;
    Operand zero = build_i64(em, 0), end = build_i64(em, em->point.kernel->axes[stage->inner[j]].size);
    Bounds b = clips_bound(em, stage->inner, j, stage->inner_count, zero, end);
    Operand first = build_smaller(em, b.low, end), last = build_larger(em, b.high, first);
    Operand middle_end = build_smaller(em, b.middle_high, last);
    bool written = !has_place(stage) || !stage->equation->tensor->layout->partly;
    if (b.cut_low && written) walk_loop(em, stage, j, zero, first, whole->args[1]);
    if (b.edge_low) walk_loop(em, stage, j, first, build_smaller(em, b.middle_low, last), whole);
    walk_loop(em, stage, j, b.middle_low, middle_end, body);
    if (b.edge_high) walk_loop(em, stage, j, build_larger(em, b.middle_low, middle_end), last, whole);
    if (b.cut_high && written) walk_loop(em, stage, j, last, end, whole->args[1]);
}

static void walk(Emitter *em, const Stage *stage, int j) {
    const Kernel *k = em->point.kernel;
    if (j == stage->inner_count) {
        walk_here(em, stage);
        return;
    }
    int axis = stage->inner[j];
    AxisState *s = &em->point.axis[axis];
    if (axis == em->point.lane)
        walk_vectors(em, stage, j, axis);
    else if (clips_hold(em, axis) && em->point.body != stage->equation->e->args[1])
        walk_cut(em, stage, j);
    else if (k->rows_in_registers) {
        Operand mask = em->point.walk_mask;
        for (int64_t x = 0; x < k->axes[axis].size; x++) {
            s->inst = x;
            if (axis_short(em, axis))
                em->point.walk_mask =
                    build_and(em, mask, build_icmp(em, LLVMIntSLT, build_i64(em, x), em->rows));
            walk(em, stage, j + 1);
        }
        em->point.walk_mask = mask;
        s->inst = 0;
    } else {
        Loop loop = loop_open(em, axis, build_i64(em, 0), axis_end(em, axis), 1);
        walk(em, stage, j + 1);
        loop_close(em, &loop);
    }
}

// ---- stages -----------------------------------------------------------------------------------------------

// Double if the result is double and no reduction, or if a double tensor with dimensions is read; else the
// program's reals.
static LLVMTypeRef computes_in(const Emitter *em, const Stage *stage) {
    const Equation *q = stage->equation;
    if (q->tensor->type == TYPE_DOUBLE && q->reduction == REDUCE_NONE) return em->f64;
    for (int i = 0; i < stage->read_count; i++)
        if (stage->reads[i]->tensor->type == TYPE_DOUBLE && stage->reads[i]->tensor->rank > 0) return em->f64;
    return em->real;
}

void stage_values(Emitter *em, const Stage *stage) {
    Point *p = &em->point;
    const Kernel *k = p->kernel;
    bool has_sum_lanes = false, reduces = stage->equation->reduction != REDUCE_NONE;
    for (int i = 0; i < stage->inner_count; i++) has_sum_lanes |= stage->inner[i] == k->sum_vector_axis;
    p->stage = stage;
    p->number = computes_in(em, stage);
    p->lane = has_sum_lanes && (reduces || k->vector_axis < 0) ? k->sum_vector_axis : k->vector_axis;
    instances_make(em, p->lane == k->vector_axis);
    if (reduces)
        sum_stage(em, stage);
    else {
        clips_find(em, stage);
        if (!k->rows_in_registers) emit_invariants(em, stage, stage->equation->e);
        walk(em, stage, 0);
    }
}

void lanes_of_results(Emitter *em) {
    em->point.lane = em->point.kernel->vector_axis;
    instances_make(em, true);
}

// What the epilogue will read and write is asked for before the sum begins.
static void read_epilogue_ahead(Emitter *em) {
    const Kernel *k = em->point.kernel;
    int mark = em->memo.count;
    lanes_of_results(em);
    for (int s = 0; s < k->stages.count; s++) {
        const Stage *stage = &k->stages.data[s];
        const Equation *q = stage->equation;
        for (int r = -1; r < (s ? stage->read_count : 0); r++) {
            const Tensor *t = r < 0 ? q->tensor : stage->reads[r]->tensor;
            bool wanted = r >= 0 || (s ? !stage->equation->tensor->layout->same : em->point.first != NULL);
            for (int i = 0; wanted && is_far(em, t) && i < em->point.instance_count; i++) {
                instance_set(em, i);
                emit_prefetch(em, t, r < 0 ? q->out : stage->reads[r]->forms);
            }
        }
    }
    clear_instance(em);
    memo_cut(em, mark);
}

static void store_stage(Emitter *em, const Stage *stage) {
    for (int i = 0; i < em->point.instance_count; i++) {
        instance_set(em, i);
        store_result(em, stage, result_of(em, stage));
    }
}

// Not where the guards leave out the whole tile and nobody reads it.
static void store_what_is_read(Emitter *em, const Stage *stage) {
    Operand some = NULL;
    if (stage->equation->tensor->layout->partly) {
        clips_find(em, stage);
        some = clips_some(em);
    }
    if (!some) {
        store_stage(em, stage);
        return;
    }
    Loop once = loop_open(em, -1, build_i64(em, 0), LLVMBuildZExt(em->builder, some, em->i64, ""), 1);
    store_stage(em, stage);
    loop_close(em, &once);
}

// A summed axis in blocks: before the last one, the sum so far goes to memory. The end of the tile comes
// back.
static BasicBlock store_sum_so_far(Emitter *em, const Stage *stage) {
    BasicBlock finish = build_block(em), part = build_block(em), join = build_block(em);
    int mark = em->memo.count;
    LLVMBuildCondBr(em->builder, em->point.last, finish, part);
    build_at(em, part);
    lanes_of_results(em);
    store_stage(em, stage);
    LLVMBuildBr(em->builder, join);
    build_at(em, finish);
    memo_cut(em, mark);
    return join;
}

void emit_tile(Emitter *em) {
    const Kernel *k = em->point.kernel;
    if (kernel_is_called(k)) {
        emit_call(em);
        return;
    }
    if (k->catches_up) {
        late_tile(em);
        return;
    }
    int mark = em->memo.count;
    BasicBlock join = NULL;
    if (k->block_count && !em->partial) read_epilogue_ahead(em);
    for (int s = 0; s < k->stages.count; s++) {
        stage_values(em, &k->stages.data[s]);
        if (s == 0 && em->point.first) join = store_sum_so_far(em, &k->stages.data[s]);
    }
    lanes_of_results(em);
    for (int s = 0; s < k->stages.count; s++)
        if (has_place(&k->stages.data[s]) && !is_walked(&k->stages.data[s]))
            store_what_is_read(em, &k->stages.data[s]);
    if (join) { build_goto(em, join); }
    clear_instance(em);
    memo_cut(em, mark);
}
