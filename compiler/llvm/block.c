// Blocks: loops around the tiles, over tile axes and summed axes alike, so that what tiles read stays in a
// cache.
//
// Where a summed axis is in blocks, the sum so far is added at the end of a tile's sum, and goes to memory,
// or in the last block through the epilogue. It is the thread's own: only tile axes are divided.
#include "llvm/emit.h"

typedef struct {
    Operand low, high;
} Range;

static void inner_loops(Emitter *em, int j);

static void tile_block(Emitter *em, int j, int axis, int64_t size) {
    AxisState *s = &em->point.axis[axis];
    Range whole = {s->low, s->high};
    Loop loop = loop_open(em, -1, whole.low, whole.high, size);
    s->low = loop.counter;
    s->high = build_smaller(em, build_add(em, loop.counter, build_i64(em, size)), whole.high);
    inner_loops(em, j + 1);
    s->low = whole.low;
    s->high = whole.high;
    loop_close(em, &loop);
}

static void sum_block(Emitter *em, int j, int axis, int64_t size) {
    Point *p = &em->point;
    AxisState *s = &p->axis[axis];
    Operand first = p->first, last = p->last, end = axis_end(em, axis);
    Loop loop = loop_open(em, -1, build_i64(em, 0), end, size);
    s->block = size;
    s->low = loop.counter;
    s->high = build_smaller(em, build_add(em, loop.counter, build_i64(em, size)), end);
    Operand begins = build_icmp(em, LLVMIntEQ, loop.counter, build_i64(em, 0));
    Operand ends = build_icmp(em, LLVMIntEQ, s->high, end);
    p->first = build_and(em, first, begins);
    p->last = build_and(em, last, ends);
    inner_loops(em, j + 1);
    s->block = 0;
    p->first = first;
    p->last = last;
    loop_close(em, &loop);
}

// Loop j: the blocks, outermost first, then the tiles of a block.
static void inner_loops(Emitter *em, int j) {
    const Kernel *k = em->point.kernel;
    if (j < k->block_count) {
        Block b = k->blocks[j];
        if (!k->axes[b.axis].tile)
            sum_block(em, j, b.axis, b.size);
        else if (em->point.axis[b.axis].single)
            inner_loops(em, j + 1);
        else
            tile_block(em, j, b.axis, b.size);
        return;
    }
    if (j == k->block_count + k->tile_count) {
        emit_tile(em);
        return;
    }
    int axis = k->order[j - k->block_count];
    AxisState *s = &em->point.axis[axis];
    if (s->single) {
        inner_loops(em, j + 1);
        return;
    }
    Loop loop = loop_open(em, axis, s->low, s->high, axis_step(em, axis));
    inner_loops(em, j + 1);
    loop_close(em, &loop);
}

// Threads divide the owned axis, or what scheduling says; in a remainder the first that has several tiles, or
// thread 0 does it all.
static int divided_axis(const Emitter *em) {
    const Kernel *k = em->point.kernel;
    if (k->owned_axis >= 0 && !em->point.axis[k->owned_axis].single) return k->owned_axis;
    if (k->split_axis >= 0 && !em->point.axis[k->split_axis].single) return k->split_axis;
    for (int j = 0; j < k->tile_count; j++)
        if (!em->point.axis[k->order[j]].single) return k->order[j];
    return -1;
}

static void thread_range(Emitter *em, int axis) {
    AxisState *s = &em->point.axis[axis];
    int64_t step = axis_step(em, axis);
    Operand tiles = tiles_of(em, axis);
    if (axis == em->point.kernel->owned_axis && !axis_short(em, axis))
        owned_tiles(em, &s->low, &s->high);
    else
        thread_share(em, tiles, &s->low, &s->high);
    s->low = build_mul(em, s->low, build_i64(em, step));
    s->high = build_mul(em, s->high, build_i64(em, step));
}

// One nest of loops; the axes' segments are set.
void blocked_nest(Emitter *em) {
    const Kernel *k = em->point.kernel;
    for (int j = 0; j < k->tile_count; j++) {
        AxisState *s = &em->point.axis[k->tile[j]];
        s->low = build_i64(em, 0);
        s->high = build_mul(em, tiles_of(em, k->tile[j]), build_i64(em, axis_step(em, k->tile[j])));
    }
    int axis = k->divided ? divided_axis(em) : -1;
    if (axis >= 0) thread_range(em, axis);
    if (!k->divided || axis >= 0) {
        inner_loops(em, 0);
        return;
    }
    Operand zero = build_icmp(em, LLVMIntEQ, em->thread, build_i32(em, 0));
    Loop loop = loop_open(em, -1, build_i64(em, 0), LLVMBuildZExt(em->builder, zero, em->i64, ""), 1);
    inner_loops(em, 0);
    loop_close(em, &loop);
}
