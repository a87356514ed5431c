// A stage that reduces: its loops, its accumulators, and what lanes along its own axis give together.
//
// Sums are explicit multiply-adds into one accumulator for each instance of the tile; where there are few
// instances, several partial sums hide the latency. How many depends on the kernel alone, so a row's sum has
// the same bits in whole tiles, in remainders, and when fewer rows are there.
#include "llvm/emit.h"

#include <math.h>

// ---- the accumulators -------------------------------------------------------------------------------------

static bool is_position(const Stage *stage) {
    return stage->equation->reduction == REDUCE_ARGMAX || stage->equation->reduction == REDUCE_ARGMIN;
}

static LLVMTypeRef sum_type(const Emitter *em, const Stage *stage) {
    Type type = is_position(stage) ? (Type)stage->equation->e->type : stage->equation->tensor->type;
    if (is_position(stage) && type != TYPE_INT && type != TYPE_BOOL) return em->point.number;
    return type == TYPE_DOUBLE ? em->f64 : type == TYPE_REAL ? em->real : em->i32;
}

static Operand identity(const Emitter *em, const Stage *stage) {
    LLVMTypeRef type = sum_type(em, stage);
    bool real = type != em->i32, boolean = stage->equation->e->type == TYPE_BOOL;
    double infinity = (double)INFINITY;
    switch (stage->equation->reduction) {
    case REDUCE_NONE:
    case REDUCE_SUM: return LLVMConstNull(type);
    case REDUCE_PROD: return real ? LLVMConstReal(type, 1) : build_i32(em, 1);
    case REDUCE_MAX:
    case REDUCE_ORDER: // of its own kind of kernel
    case REDUCE_ARGMAX: return real ? LLVMConstReal(type, -infinity) : build_i32(em, boolean ? 0 : INT32_MIN);
    case REDUCE_MIN:
    case REDUCE_ARGMIN: return real ? LLVMConstReal(type, infinity) : build_i32(em, boolean ? 1 : INT32_MAX);
    }
    die("an unknown reduction");
}

static Operand get(Emitter *em, const Operand *sum) {
    return em->point.direct ? *sum : LLVMBuildLoad2(em->builder, LLVMGetAllocatedType(*sum), *sum, "");
}

static void set(Emitter *em, Operand *sum, Operand value) {
    if (em->point.direct)
        *sum = value;
    else
        LLVMBuildStore(em->builder, value, *sum);
}

static Operand begin(Emitter *em, Operand initial) {
    if (em->point.lane >= 0) initial = build_splat(em, initial);
    return em->point.direct ? initial : build_variable(em, initial);
}

// Is `v` better than `old`? NaN wins, and the first NaN stays.
static Operand better(Emitter *em, Reduction r, Operand v, Operand old) {
    bool most = r == REDUCE_MAX || r == REDUCE_ARGMAX;
    if (!is_real(v)) return build_icmp(em, most ? LLVMIntSGT : LLVMIntSLT, v, old);
    Operand beyond = build_fcmp(em, most ? LLVMRealOGT : LLVMRealOLT, v, old);
    Operand nan = build_fcmp(em, LLVMRealUNO, v, v);
    if (r == REDUCE_ARGMAX || r == REDUCE_ARGMIN)
        nan = build_and(em, nan, build_fcmp(em, LLVMRealORD, old, old));
    return build_or(em, beyond, nan);
}

// Two partial results into one (not positions).
static Operand joined(Emitter *em, Reduction r, Operand a, Operand b) {
    if (r == REDUCE_SUM) return build_add(em, a, b);
    if (r == REDUCE_PROD) return build_mul(em, a, b);
    return LLVMBuildSelect(em->builder, better(em, r, b, a), b, a, "");
}

// The row-major number of the point of the reduction.
static Operand position(Emitter *em, const Equation *q) {
    Operand sum = build_i32(em, 0);
    int64_t factor = 1;
    for (int j = q->index_count - 1; j >= 0; j--) {
        const Affine *form = affine_index(em->program, q->indices[j]);
        sum = build_add(em, sum, build_mul(em, emit_integer(em, form), build_i32(em, factor)));
        factor *= q->indices[j]->size;
    }
    return sum;
}

static Operand counted(Emitter *em, Operand v, Operand otherwise) {
    return em->point.active_sum ? build_select(em, em->point.active_sum, v, otherwise) : v;
}

// Does a sum in order take this point? NULL: it does.
static Operand is_taken(Emitter *em) {
    const Expr *where = em->point.skips;
    Operand all = NULL;
    for (int i = 0; where && i < where->guard_count; i++)
        if (guard_is_asked(em->point.kernel, em->point.stage, where->guards[i]))
            all = build_and(em, all, emit_guard(em, where->guards[i]));
    return all;
}

static void add_product(Emitter *em, Operand *sum) {
    Operand a, b, v, old = get(em, sum);
    LLVMTypeRef type = element_type(old);
    if (em->point.body->op == OP_BF16_DOT) {
        a = emit_value(em, em->point.body->args[0]);
        v = build_bf16_dot(em, a, emit_value(em, em->point.body->args[1]), old);
    } else {
        emit_factors(em, em->point.body, &a, &b);
        a = build_convert(em, a, type);
        v = b ? build_fma(em, a, build_convert(em, b, type), old) : build_add(em, a, old);
    }
    Operand taken = is_taken(em);
    if (taken) v = build_select(em, taken, v, old);
    set(em, sum, counted(em, v, old));
}

// A factor, or what may be better than all before.
static void take_value(Emitter *em, const Stage *stage, int slot) {
    const Equation *q = stage->equation;
    Operand *sum = &em->point.sums[slot], old = get(em, sum);
    Operand v = build_convert(em, emit_value(em, em->point.body), element_type(old));
    if (q->reduction == REDUCE_PROD) {
        Operand taken = is_taken(em), product = build_mul(em, old, v);
        if (taken) product = build_select(em, taken, product, old);
        set(em, sum, counted(em, product, old));
        return;
    }
    if (em->point.lane >= 0) v = build_splat(em, v);
    Operand c = build_and(em, better(em, q->reduction, v, old), em->point.active_sum);
    c = build_and(em, c, is_taken(em));
    if (is_position(stage)) {
        Operand *at = &em->point.positions[slot], here = position(em, q), was = get(em, at);
        build_shapes(em, &here, &was);
        set(em, at, build_select(em, c, here, was));
    }
    set(em, sum, build_select(em, c, v, old));
}

// One point of the summed indices, in all instances of the tile; `sub` counts the unrolled points.
void accumulate(Emitter *em, int64_t sub) {
    Point *p = &em->point;
    for (int i = 0; i < p->instance_count; i++) {
        instance_set(em, i);
        int slot = i * p->partials + (int)(sub % p->partials);
        if (p->stage->equation->reduction == REDUCE_SUM)
            add_product(em, &p->sums[slot]);
        else
            take_value(em, p->stage, slot);
    }
}

// ---- loops ------------------------------------------------------------------------------------------------

static Operand low_of(const Emitter *em, int axis) {
    const AxisState *s = &em->point.axis[axis];
    return s->block ? s->low : build_i64(em, 0);
}

static Operand high_of(const Emitter *em, int axis) {
    const AxisState *s = &em->point.axis[axis];
    return s->block ? s->high : axis_end(em, axis);
}

static void short_lanes(Emitter *em, int axis) {
    Operand high = high_of(em, axis);
    Loop loop = loop_open(em, axis, low_of(em, axis), high, em->lanes);
    em->point.active_sum = build_mask_of(em, build_sub(em, high, loop.counter));
    accumulate(em, 0);
    em->point.active_sum = NULL;
    loop_close(em, &loop);
}

// The vectors along the sum's own lanes, at one point of the other summed indices.
static void lanes_of_sum(Emitter *em, int64_t sub) {
    Point *p = &em->point;
    int axis = p->lane;
    if (axis < 0 || axis != p->kernel->sum_vector_axis) {
        accumulate(em, sub);
        return;
    }
    AxisState *s = &p->axis[axis];
    int64_t size = p->kernel->axes[axis].size;
    if (s->block) size = gcd_of(size, s->block);
    if (axis_short(em, axis) || (s->block && size % em->lanes)) {
        short_lanes(em, axis);
        return;
    }
    int64_t vectors = size / em->lanes, unroll = 4;
    while (unroll > 1 && vectors % unroll) unroll--;
    bool loops = vectors > unroll || s->block;
    Operand high = s->block ? s->high : build_i64(em, vectors * em->lanes);
    Loop loop;
    if (loops) loop = loop_open(em, axis, low_of(em, axis), high, unroll * em->lanes);
    for (int64_t u = 0; u < (loops ? unroll : vectors); u++) {
        s->inst = u * em->lanes;
        accumulate(em, sub * unroll + u);
    }
    if (loops) loop_close(em, &loop);
    s->inst = 0;
    if (size % em->lanes == 0) return;
    s->fixed = vectors * em->lanes;
    p->active_sum = build_mask(em, size % em->lanes);
    accumulate(em, 0);
    p->active_sum = NULL;
    s->fixed = 0;
}

// Elements of the innermost loop's body, written out. Where fewer rows may be there, code is short rather
// than fast.
static int64_t unrolling(const Emitter *em, int axis) {
    const Point *p = &em->point;
    int64_t size = p->kernel->axes[axis].size;
    if (p->lane >= 0 && p->lane == p->kernel->sum_vector_axis) return 1;
    if (axis_short(em, axis)) return 1;
    if (p->axis[axis].block) size = gcd_of(size, p->axis[axis].block);
    if (em->partial && size % p->partials == 0) return p->partials;
    if (size % 8 == 0 && p->instance_count <= 4) return 8;
    if (size % 4 == 0 && (p->instance_count <= 8 || p->kernel->block_count)) return 4;
    return size % 2 == 0 ? 2 : size % 3 == 0 ? 3 : 1;
}

static void unrolled(Emitter *em, int axis, int64_t count) {
    AxisState *s = &em->point.axis[axis];
    for (int64_t x = 0; x < count; x++) {
        s->inst = x;
        lanes_of_sum(em, x);
    }
    s->inst = 0;
}

static void sum_loops(Emitter *em, int j, int count, const int *axes, int64_t sub);

// Written out completely; rows that are not there do not count.
static void all_points(Emitter *em, int j, int count, const int *axes, int64_t sub) {
    Point *p = &em->point;
    AxisState *s = &p->axis[axes[j]];
    int64_t size = p->kernel->axes[axes[j]].size;
    Operand active = p->active_sum;
    for (int64_t x = 0; x < size; x++) {
        s->inst = x;
        if (axis_short(em, axes[j]))
            p->active_sum = build_and(em, active, build_icmp(em, LLVMIntSLT, build_i64(em, x), em->rows));
        sum_loops(em, j + 1, count, axes, sub * size + x);
    }
    p->active_sum = active;
    s->inst = 0;
}

static void one_loop(Emitter *em, int j, int count, const int *axes, Operand low, Operand high,
                     int64_t unroll) {
    Loop loop = loop_open(em, axes[j], low, high, unroll);
    if (j == count - 1)
        unrolled(em, axes[j], unroll);
    else
        sum_loops(em, j + 1, count, axes, 0);
    loop_close(em, &loop);
}

// In the edges each result asks whether it takes part.
static void cut_loops(Emitter *em, int j, int count, const int *axes, Bounds *b, int64_t unroll) {
    Point *p = &em->point;
    const Expr *skips = p->skips;
    bounds_round(em, b, unroll);
    Operand end = build_smaller(em, b->middle_low, b->high);
    p->skips = p->stage->equation->e;
    if (b->edge_low) one_loop(em, j, count, axes, b->low, end, 1);
    p->skips = skips;
    one_loop(em, j, count, axes, b->middle_low, build_smaller(em, b->middle_high, b->high), unroll);
    p->skips = p->stage->equation->e;
    end = build_larger(em, b->middle_low, b->middle_high);
    if (b->edge_high) one_loop(em, j, count, axes, end, b->high, 1);
    p->skips = skips;
}

static void sum_loops(Emitter *em, int j, int count, const int *axes, int64_t sub) {
    Point *p = &em->point;
    if (j == count) {
        lanes_of_sum(em, sub);
        return;
    }
    if (p->kernel->rows_in_registers || p->direct) {
        all_points(em, j, count, axes, sub);
        return;
    }
    int axis = axes[j];
    Operand low = low_of(em, axis), high = high_of(em, axis);
    bool innermost = j == count - 1;
    if (clips_hold(em, axis)) {
        Bounds b = clips_bound(em, axes, j, count, low, high);
        bool rolls = innermost && p->partials == 1 && guards_bound(p->kernel, p->stage);
        cut_loops(em, j, count, axes, &b, rolls ? unrolling(em, axis) : 1);
        return;
    }
    int64_t unroll = innermost ? unrolling(em, axis) : 1;
    if (unroll == p->kernel->axes[axis].size && !p->axis[axis].block && !axis_short(em, axis)) {
        if (innermost)
            unrolled(em, axis, unroll);
        else
            sum_loops(em, j + 1, count, axes, 0);
        return;
    }
    one_loop(em, j, count, axes, low, high, unroll);
}

// The loops over summed axes but the lanes': those that guards bound outside. Positions need the order of the
// text.
static int loop_axes(const Emitter *em, const Stage *stage, int *axes) {
    int count = 0;
    for (int pass = 0; pass < 2; pass++)
        for (int j = 0; j < stage->inner_count; j++)
            if (stage->inner[j] != em->point.lane && clips_hold(em, stage->inner[j]) == (pass == 0))
                axes[count++] = stage->inner[j];
    return count;
}

// ---- across lanes -----------------------------------------------------------------------------------------

// Groups of w lanes become groups of w / 2, those of a and then those of b.
static Operand combine(Emitter *em, Operand a, Operand b, int w) {
    Operand x[MAX_LANES], y[MAX_LANES];
    int n = 0;
    if (!a) return NULL;
    if (!b) b = LLVMGetPoison(LLVMTypeOf(a));
    for (int v = 0; v < 2; v++)
        for (int g = 0; g < em->lanes; g += w)
            for (int i = 0; i < w / 2; i++) {
                x[n] = build_i32(em, v * em->lanes + g + i);
                y[n++] = build_i32(em, v * em->lanes + g + w / 2 + i);
            }
    Operand low = LLVMBuildShuffleVector(em->builder, a, b, LLVMConstVector(x, (unsigned)n), "");
    Operand high = LLVMBuildShuffleVector(em->builder, a, b, LLVMConstVector(y, (unsigned)n), "");
    return joined(em, em->point.stage->equation->reduction, low, high);
}

// At most `lanes` vectors of partial results become one vector of their results.
static Operand across(Emitter *em, const Operand *v, int n) {
    Operand t[MAX_LANES];
    for (int i = 0; i < em->lanes; i++) t[i] = i < n ? v[i] : NULL;
    for (int m = em->lanes, w = em->lanes; m > 1; m /= 2, w /= 2)
        for (int i = 0; i < m / 2; i++) t[i] = combine(em, t[2 * i], t[2 * i + 1], w);
    return t[0];
}

// The first of the best: lane by lane.
static Operand best_position(Emitter *em, const Stage *stage, Operand v, Operand at) {
    Operand best = NULL, where = NULL;
    for (int i = 0; i < em->lanes; i++) {
        Operand x = LLVMBuildExtractElement(em->builder, v, build_i32(em, i), "");
        Operand p = LLVMBuildExtractElement(em->builder, at, build_i32(em, i), "");
        if (!best) {
            best = x;
            where = p;
            continue;
        }
        Operand c = better(em, stage->equation->reduction, x, best), tie, earlier;
        tie = is_real(x) ? build_fcmp(em, LLVMRealOEQ, x, best) : build_icmp(em, LLVMIntEQ, x, best);
        earlier = build_icmp(em, LLVMIntSLT, p, where);
        c = build_or(em, c, build_and(em, tie, earlier));
        best = build_select(em, c, x, best);
        where = build_select(em, c, p, where);
    }
    return where;
}

// ---- the end of a sum -------------------------------------------------------------------------------------

static Operand final_value(Emitter *em, const Stage *stage, int instance) {
    Point *p = &em->point;
    int slot = instance * p->partials;
    if (is_position(stage)) return get(em, &p->positions[slot]);
    Operand v = get(em, &p->sums[slot]);
    for (int x = 1; x < p->partials; x++)
        v = joined(em, stage->equation->reduction, v, get(em, &p->sums[slot + x]));
    return v;
}

static void remember_sum(Emitter *em, const Stage *stage, int lane, Operand value) {
    remember_result(em, stage, lane, clips_apply(em, value, identity(em, stage)));
}

// Lanes were the sum's: results are scalars, several of them from one tree of shuffles.
static void scalar_results(Emitter *em, const Stage *stage, const Operand *values) {
    Point *p = &em->point;
    Operand packed = NULL;
    for (int i = 0; i < p->instance_count; i++) {
        instance_set(em, i);
        if (is_position(stage)) {
            Operand best = get(em, &p->sums[i * p->partials]);
            remember_sum(em, stage, -1, best_position(em, stage, best, values[i]));
            continue;
        }
        int group = i / em->lanes * em->lanes, n = p->instance_count - group;
        n = n < em->lanes ? n : em->lanes;
        if (i % em->lanes == 0) packed = across(em, values + group, n);
        remember_sum(em, stage, -1,
                     LLVMBuildExtractElement(em->builder, packed, build_i32(em, i % em->lanes), ""));
    }
}

static bool same_row(const Emitter *em, int a, int b) {
    const Kernel *k = em->point.kernel;
    for (int j = 0; j < k->tile_count; j++)
        if (k->tile[j] != k->vector_axis && em->point.instances[a][j] != em->point.instances[b][j])
            return false;
    return true;
}

static int64_t along_lanes(const Emitter *em, int instance) {
    const Kernel *k = em->point.kernel;
    for (int j = 0; j < k->tile_count; j++)
        if (k->tile[j] == k->vector_axis) return em->point.instances[instance][j];
    return 0;
}

// Lanes were the sum's and become the result's: the sums of up to `lanes` neighbours in one vector.
static void vector_results(Emitter *em, const Stage *stage, const Operand *values) {
    Point *p = &em->point;
    int count = p->instance_count;
    for (int i = 0; i < count; i++) {
        int64_t start = along_lanes(em, i);
        if (start % em->lanes) continue;
        Operand v[MAX_LANES], packed;
        int n = 0;
        for (int64_t x = start; x < start + em->lanes; x++)
            for (int z = 0; z < count; z++)
                if (along_lanes(em, z) == x && same_row(em, z, i)) {
                    instance_set(em, z);
                    v[n++] = is_position(stage)
                                 ? best_position(em, stage, get(em, &p->sums[z * p->partials]), values[z])
                                 : values[z];
                }
        if (is_position(stage)) {
            packed = LLVMGetPoison(vector_of(em, em->i32));
            for (int x = 0; x < n; x++)
                packed = LLVMBuildInsertElement(em->builder, packed, v[x], build_i32(em, x), "");
        } else
            packed = across(em, v, n);
        instance_set(em, i);
        int lane = p->lane;
        p->lane = p->kernel->vector_axis;
        remember_sum(em, stage, p->lane, packed);
        p->lane = lane;
    }
}

static void results(Emitter *em, const Stage *stage) {
    Point *p = &em->point;
    Operand *values = arena_array(em->arena, Operand, p->instance_count);
    for (int i = 0; i < p->instance_count; i++) values[i] = final_value(em, stage, i);
    if (p->lane >= 0 && p->lane == p->kernel->sum_vector_axis) {
        if (p->kernel->vector_axis < 0)
            scalar_results(em, stage, values);
        else
            vector_results(em, stage, values);
        return;
    }
    for (int i = 0; i < p->instance_count; i++) {
        instance_set(em, i);
        remember_sum(em, stage, p->lane, values[i]);
    }
}

// ---- the stage --------------------------------------------------------------------------------------------

// Instances of a whole tile, by which the partial sums are counted.
static int64_t whole_instances(const Emitter *em) {
    const Kernel *k = em->point.kernel;
    int64_t n = 1;
    for (int j = 0; j < k->tile_count; j++) {
        const Axis *a = &k->axes[k->tile[j]];
        int64_t step = a->step < 1 ? 1 : a->step < a->size ? a->step : a->size;
        n *= k->tile[j] == em->point.lane ? (step + em->lanes - 1) / em->lanes : step;
    }
    return n;
}

// Written out completely, with sums in registers: short ones, and rows that stay in registers.
static bool written_out(const Emitter *em, const Stage *stage, const int *axes, int count) {
    const double most_written_out = 64, most_vectors = 4;
    const Point *p = &em->point;
    double points = p->instance_count;
    bool has_short = false, lanes = p->lane >= 0 && p->lane == p->kernel->sum_vector_axis;
    for (int j = 0; j < count; j++) points *= (double)p->kernel->axes[axes[j]].size;
    for (int j = 0; j < stage->inner_count; j++) has_short |= axis_short(em, stage->inner[j]);
    if (p->clip_count || p->first) return false;
    if (lanes) {
        double vectors = ceil((double)p->kernel->axes[p->lane].size / em->lanes);
        if (axis_short(em, p->lane) || vectors > most_vectors) return false;
        points *= vectors;
    }
    return p->kernel->rows_in_registers || (points <= most_written_out && !has_short);
}

static void open_sums(Emitter *em, const Stage *stage) {
    enum { WANTED_SUMS = 8, MOST_PARTIALS = 4 };
    Point *p = &em->point;
    int64_t partials = WANTED_SUMS / whole_instances(em);
    p->partials = partials < 1 ? 1 : partials > MOST_PARTIALS ? MOST_PARTIALS : (int)partials;
    if (stage->plan || stage->equation->reduction != REDUCE_SUM ||
        p->instance_count * p->partials > MAX_INSTANCES)
        p->partials = 1;
    for (int i = 0; i < p->instance_count * p->partials; i++) {
        p->sums[i] = begin(em, identity(em, stage));
        if (is_position(stage)) p->positions[i] = begin(em, build_i32(em, 0));
    }
}

// The sum of the blocks before, from memory.
static void add_sum_before(Emitter *em, const Stage *stage) {
    Point *p = &em->point;
    const Equation *q = stage->equation;
    p->lane = p->kernel->vector_axis;
    instances_make(em, true);
    for (int i = 0; i < p->instance_count; i++) {
        instance_set(em, i);
        Operand v = result_of(em, stage), before = emit_load(em, q->tensor, q->out, q->out_count);
        before = build_select(em, p->first, build_like(em, before, 0), before);
        remember_result(em, stage, p->lane, build_add(em, v, before));
    }
}

static void sum_if_any(Emitter *em, int count, const int *axes) {
    Operand some = clips_some(em);
    if (!some) {
        sum_loops(em, 0, count, axes, 0);
        return;
    }
    Operand once = LLVMBuildZExt(em->builder, some, em->i64, "");
    Loop loop = loop_open(em, -1, build_i64(em, 0), once, 1);
    sum_loops(em, 0, count, axes, 0);
    loop_close(em, &loop);
}

void sum_stage(Emitter *em, const Stage *stage) {
    Point *p = &em->point;
    int axes[MAX_TILE_AXES];
    clips_find(em, stage);
    int count = loop_axes(em, stage, axes);
    p->direct = !kernel_scatters(p->kernel) && written_out(em, stage, axes, count);
    open_sums(em, stage);
    int mark = em->memo.count;
    if (!p->direct && !p->kernel->rows_in_registers) emit_invariants(em, stage, p->body);
    p->in_sum = true;
    if (kernel_scatters(p->kernel))
        emit_positions(em, stage);
    else
        sum_if_any(em, count, axes);
    p->in_sum = false;
    if (!p->kernel->rows_in_registers) memo_cut(em, mark);
    results(em, stage);
    if (p->first) add_sum_before(em, stage);
}
