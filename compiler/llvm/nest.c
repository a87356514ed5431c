// The loops of a kernel: over tiles, a nest for the whole tiles and one for each combination of remainders,
// divided among threads by the number of the tile.
//
// Where the rows may be fewer than declared, a batch axis has tiles of one row, or of one vector whose lanes
// are masked.
#include "llvm/emit.h"

Loop loop_open(Emitter *em, int axis, Operand low, Operand high, int64_t step) {
    Loop loop = {.axis = axis, .step = step, .mark = em->memo.count};
    BasicBlock before = LLVMGetInsertBlock(em->builder), body = build_block(em);
    loop.head = build_block(em);
    loop.exit = build_block(em);
    build_goto(em, loop.head);
    loop.counter = LLVMBuildPhi(em->builder, em->i64, "");
    LLVMAddIncoming(loop.counter, &low, &before, 1);
    Operand more = build_icmp(em, LLVMIntSLT, loop.counter, high);
    build_branch(em, more, body, loop.exit);
    if (axis >= 0) {
        loop.saved = em->point.axis[axis];
        em->point.axis[axis].base = loop.counter;
        em->point.axis[axis].grain = step;
    }
    return loop;
}

void loop_close(Emitter *em, Loop *loop) {
    Operand next = build_add(em, loop->counter, build_i64(em, loop->step));
    BasicBlock end = LLVMGetInsertBlock(em->builder);
    LLVMBuildBr(em->builder, loop->head);
    LLVMAddIncoming(loop->counter, &next, &end, 1);
    build_at(em, loop->exit);
    memo_cut(em, loop->mark);
    if (loop->axis >= 0) em->point.axis[loop->axis] = loop->saved;
}

bool axis_short(const Emitter *em, int axis) { return em->partial && em->point.kernel->axes[axis].batch; }

Operand axis_end(const Emitter *em, int axis) {
    return axis_short(em, axis) ? em->rows : build_i64(em, em->point.kernel->axes[axis].size);
}

// Where a few rows are summed (a weight's gradient and its update), tiles of several rows of results gain
// little.
static bool sums_few_rows(const Emitter *em) {
    const Kernel *k = em->point.kernel;
    for (int a = 0; em->partial && a < k->axis_count; a++)
        if (k->axes[a].batch && !k->axes[a].tile) return true;
    return false;
}

// Of a call as planned. Else whole vectors on the vector axis; but where lanes are a sum's own,
// a tile may take a few results for one vector.
int64_t axis_step(const Emitter *em, int axis) {
    const Kernel *k = em->point.kernel;
    const Axis *a = &k->axes[axis];
    bool vector = axis == k->vector_axis;
    int64_t step = a->step < 1 ? 1 : a->step;
    if (kernel_is_called(k)) return step;
    if (!vector) return axis_short(em, axis) || sums_few_rows(em) ? 1 : step;
    if (k->sum_vector_axis >= 0 && step < em->lanes) return step;
    return axis_short(em, axis) ? em->lanes : (step + em->lanes - 1) / em->lanes * em->lanes;
}

// ---- tiles of all axes as one number ----------------------------------------------------------------------

static Operand rounded_up_quotient(Emitter *em, Operand n, int64_t d) {
    Operand up = build_add(em, n, build_i64(em, d - 1));
    return d == 1 ? n : build_quotient(em, up, build_i64(em, d));
}

// Rows with their positions come one by one (scatter.c).
static bool is_given(const Emitter *em, int axis) { return axis == em->point.kernel->row_axis; }

// How many nests an axis needs: whole tiles, and a remainder.
static int segments(const Emitter *em, int axis) {
    if (is_given(em, axis)) return 1;
    int64_t size = em->point.kernel->axes[axis].size, step = axis_step(em, axis);
    return axis_short(em, axis) ? 1 : (size >= step) + (size % step != 0);
}

// Sets the axis for one of its segments.
static void begin_segment(Emitter *em, int axis, int segment) {
    if (is_given(em, axis)) return;
    AxisState *s = &em->point.axis[axis];
    int64_t size = em->point.kernel->axes[axis].size, step = axis_step(em, axis), whole = size / step * step;
    *s = (AxisState){.grain = step, .length = step, .base = axis == em->point.kernel->time ? em->now : NULL};
    if (axis_short(em, axis)) return;
    s->single = size / step == 1;
    if (segment == (size >= step)) {
        s->fixed = whole;
        s->length = size - whole;
        s->single = true;
    }
}

Operand tiles_of(Emitter *em, int axis) {
    int64_t step = axis_step(em, axis);
    if (em->point.axis[axis].single) return build_i64(em, 1);
    return axis_short(em, axis) ? rounded_up_quotient(em, em->rows, step)
                                : build_i64(em, em->point.kernel->axes[axis].size / step);
}

static bool is_one(Operand count) {
    return LLVMIsAConstantInt(count) && LLVMConstIntGetZExtValue(count) == 1;
}

// Of `total` things those of this thread: from total * thread / threads on.
void thread_share(Emitter *em, Operand total, Operand *low, Operand *high) {
    Operand t = LLVMBuildZExt(em->builder, em->thread, em->i64, "");
    Operand n = LLVMBuildZExt(em->builder, em->threads, em->i64, "");
    Operand next = build_add(em, t, build_i64(em, 1));
    *low = build_quotient(em, build_mul(em, total, t), n);
    *high = build_quotient(em, build_mul(em, total, next), n);
}

// The thread's tiles of the owned axis: whole grains, the same elements in every kernel that owns them.
void owned_tiles(Emitter *em, Operand *low, Operand *high) {
    const Kernel *k = em->point.kernel;
    const AxisState *s = &em->point.axis[k->owned_axis];
    int64_t size = k->axes[k->owned_axis].size, grain = k->owned_grain, step = axis_step(em, k->owned_axis);
    int64_t whole = size / step * step;
    Operand end = build_i64(em, whole);
    thread_share(em, build_i64(em, (size + grain - 1) / grain), low, high);
    *low = build_mul(em, *low, build_i64(em, grain));
    *high = build_mul(em, *high, build_i64(em, grain));
    if (s->fixed) {
        Operand from = build_icmp(em, LLVMIntSLE, *low, end);
        Operand mine = build_and(em, from, build_icmp(em, LLVMIntSGT, *high, end));
        *low = build_i64(em, 0);
        *high = LLVMBuildZExt(em->builder, mine, em->i64, "");
        return;
    }
    *low = build_quotient(em, build_smaller(em, *low, end), build_i64(em, step));
    *high = build_quotient(em, build_smaller(em, *high, end), build_i64(em, step));
}

// The thread's tiles, as numbers in the order of the loops.
static void thread_tiles(Emitter *em, const Operand *counts, Operand total, Operand *low, Operand *high) {
    const Kernel *k = em->point.kernel;
    bool owned = k->owned_axis >= 0 && k->owned_grain > 0 && k->tile_count && k->order[0] == k->owned_axis &&
                 !axis_short(em, k->owned_axis);
    if (!owned) {
        thread_share(em, total, low, high);
        return;
    }
    Operand each = build_i64(em, 1);
    for (int j = 1; j < k->tile_count; j++) each = build_mul(em, each, counts[j]);
    owned_tiles(em, low, high);
    *low = build_mul(em, *low, each);
    *high = build_mul(em, *high, each);
}

static void nest(Emitter *em, const Operand *counts) {
    const Kernel *k = em->point.kernel;
    Operand total = build_i64(em, 1);
    for (int j = 0; j < k->tile_count; j++) total = build_mul(em, total, counts[j]);
    bool divided = k->divided && !kernel_scatters(k);
    if (is_one(total) && !divided) {
        emit_tile(em);
        return;
    }
    Operand low = build_i64(em, 0), high = total;
    if (divided) thread_tiles(em, counts, total, &low, &high);
    Loop loop = loop_open(em, -1, low, high, 1);
    Operand inner = NULL;
    for (int j = k->tile_count - 1; j >= 0; j--) {
        if (is_one(counts[j])) continue;
        int axis = k->order[j];
        Operand q = inner ? build_quotient(em, loop.counter, inner) : loop.counter;
        inner = inner ? build_mul(em, inner, counts[j]) : counts[j];
        if (inner != total) q = LLVMBuildURem(em->builder, q, counts[j], "");
        em->point.axis[axis].base = build_mul(em, q, build_i64(em, axis_step(em, axis)));
    }
    emit_tile(em);
    loop_close(em, &loop);
}

void emit_nests(Emitter *em) {
    const Kernel *k = em->point.kernel;
    int combinations = 1;
    for (int j = 0; j < k->tile_count; j++) combinations *= segments(em, k->order[j]);
    for (int c = 0; c < combinations; c++) {
        Operand counts[MAX_TILE_AXES];
        int rest = c;
        for (int j = 0; j < k->tile_count; j++) {
            int n = segments(em, k->order[j]);
            begin_segment(em, k->order[j], rest % n);
            counts[j] = tiles_of(em, k->order[j]);
            rest /= n;
        }
        if (k->block_count)
            blocked_nest(em);
        else
            nest(em, counts);
    }
}

void emit_kernel(Emitter *em, const Kernel *kernel) {
    Point *p = &em->point;
    int lanes = em->lanes;
    memo_cut(em, 0);
    if (kernel->vector_axis >= 0 && kernel->sum_vector_axis < 0 && !kernel_scatters(kernel))
        em->lanes = lanes_along(em->kernels, kernel->axes[kernel->vector_axis].size);
    *p = (Point){
        .kernel = kernel, .lane = -1, .instances = p->instances, .sums = p->sums, .positions = p->positions};
    for (int a = 0; a < kernel->axis_count; a++) p->axis[a].grain = 1;
    if (kernel_scatters(kernel))
        emit_rows(em);
    else
        emit_nests(em);
    memo_cut(em, 0);
    em->lanes = lanes;
}
