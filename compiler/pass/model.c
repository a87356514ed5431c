// The cost model: cycles of a kernel for the present layouts and given lanes. Arithmetic and loads run side
// by side; registers give reuse along tile axes that a read does not depend on. Its order is tested against
// measured kernels.
#include "pass/schedule.h"

#include <math.h>
#include <stdlib.h>

static const double L1_TENSOR = 40e3, FMA = 0.5, A_POSITION = 6, A_ROW = 6, A_LANE = 2.5;

// ---- what does not change with the layout -----------------------------------------------------------------

// A term that one multiply-add adds to its sum.
static bool expr_is_fused(const Expr *e) {
    return (e->op == OP_PRODUCT && e->count > 1) || e->op == OP_BF16_DOT;
}

static double node_cost(const Expr *e) {
    if (e->op == OP_BF16_DOT) return FMA;
    if (op_info((Op)e->op)) return e->op == OP_DIV ? 8 : op_info((Op)e->op)->cost * 0.8;
    if (e->op == OP_SUM) return (e->count - 1 + (e->value != 0)) * FMA;
    if (e->op == OP_WHERE) return 1;
    if (e->op == OP_DRAW) return 60;
    if (e->op != OP_PRODUCT) return 0;
    double times = (e->value != 1) - 1, divides = 0;
    for (int i = 0; i < e->count; i++) {
        times += abs(e->exponents[i]);
        if (e->exponents[i] < 0) divides = 15;
    }
    return (times + divides) * FMA;
}

static double expr_cost(Arena *arena, const Expr *e, Table *seen) {
    enum { MOST_NODES = 900 }; // what a larger expression has beyond them is not counted
    if (seen->count > MOST_NODES || table_get(seen, e)) return 0;
    table_set(arena, seen, e, seen);
    double c = node_cost(e);
    for (int i = 0; i < e->count; i++) c += expr_cost(arena, e->args[i], seen);
    return c;
}

static double tensor_bytes(const Program *p, const Tensor *t) {
    double b = element_size(p, t);
    for (int d = 0; d < t->rank; d++) b *= (double)(t->dims[d] ? t->dims[d] : 1000);
    if (t->layout->folded) b /= (double)t->dims[t->along];
    return b;
}

static void stage_model(Kernels *ks, const Kernel *k, int s, StageModel *m) {
    const Stage *st = &k->stages.data[s];
    const Equation *q = st->equation;
    Table seen = {0};
    bool reduces = q->reduction != REDUCE_NONE, product = expr_is_fused(q->e);
    m->arithmetic = expr_cost(ks->program->arena, q->e, &seen) + (reduces && !product ? FMA : 0);
    m->guard_axes = stage_guard_axes(k, st);
    m->pinned_axes = guards_bound(k, st) ? 0 : m->guard_axes;
    m->waste = q->e->op == OP_WHERE ? guards_waste(q->e) : 1;
    for (int i = 0; i < st->inner_count; i++) m->inner_axes |= 1u << st->inner[i];
    m->reads = arena_array(ks->program->arena, ReadModel, st->read_count + 1);
    const Equation *first = k->stages.data[0].equation;
    bool blocks = first->reduction == REDUCE_SUM && !k->rows_in_registers;
    for (int r = 0; r < st->read_count; r++) {
        ReadModel *x = &m->reads[m->read_count++];
        double bytes = tensor_bytes(ks->program, st->reads[r]->tensor);
        *x = (ReadModel){.read = st->reads[r],
                         .near = bytes < L1_TENSOR                  ? .5
                                 : bytes < ks->machine.l2 || blocks ? 1
                                                                    : 2};
        for (int z = 0; z < s; z++) x->produced |= k->stages.data[z].equation->tensor == st->reads[r]->tensor;
    }
}

static void add_tensor(KernelModel *m, Tensor *t) {
    if (t->layout->same) t = t->layout->same;
    for (int i = 0; i < m->tensor_count; i++)
        if (m->tensors[i] == t) return;
    m->tensors[m->tensor_count++] = t;
}

// Rows of at most 16 with several stages stay in registers between them.
static bool short_rows(const Kernel *k) {
    int reductions = 0;
    bool walked = false;
    double inner = 1;
    for (int s = 0; s < k->stages.count; s++) {
        const Stage *st = &k->stages.data[s];
        double points = 1;
        for (int i = 0; i < st->inner_count; i++) points *= (double)k->axes[st->inner[i]].size;
        for (int i = 0; i < st->inner_count; i++)
            if (k->axes[st->inner[i]].batch) return false;
        if (points > inner) inner = points;
        reductions += st->equation->reduction != REDUCE_NONE;
        walked |= st->equation->reduction == REDUCE_NONE && st->inner_count;
    }
    if (inner > 16 || kernel_scatters(k)) return false;
    return walked || (k->stages.count > 1 && reductions && (reductions > 1 || inner <= 8));
}

void kernel_model(Kernels *ks, Kernel *k) {
    Arena *arena = ks->program->arena;
    KernelModel *m = k->model = arena_new(arena, KernelModel);
    int tensors = 0;
    double most = -1;
    k->rows_in_registers = short_rows(k);
    m->stages = arena_array(arena, StageModel, k->stages.count);
    for (int s = 0; s < k->stages.count; s++) {
        const Stage *st = &k->stages.data[s];
        tensors += 1 + st->read_count;
        if (st->equation->reduction != REDUCE_NONE && st->work > most) {
            most = st->work;
            m->main = s;
        }
        stage_model(ks, k, s, &m->stages[s]);
    }
    m->tensors = arena_array(arena, Tensor *, tensors);
    for (int s = 0; s < k->stages.count; s++) {
        add_tensor(m, k->stages.data[s].equation->tensor);
        for (int r = 0; r < k->stages.data[s].read_count; r++)
            add_tensor(m, k->stages.data[s].reads[r]->tensor);
    }
    m->remembered = arena_array(arena, Remembered, REMEMBERED);
}

// ---- cycles -----------------------------------------------------------------------------------------------

typedef struct {
    const Kernels *ks;
    const Kernel *k;
    int vector_axis, sum_vector_axis, lanes;
} Question;

Layout *layout_shared(const Tensor *t) { return t->layout->same ? t->layout->same->layout : t->layout; }

static bool contiguous(const Tensor *t, const Affine *const *forms, int axis) {
    const Layout *l = layout_shared(t);
    if (forms_contiguous(l, forms, t->rank, axis)) return true;
    return l->twin && forms_contiguous(l->twin, forms, t->rank, axis);
}

// Where lanes run along a sum and its other indices step far, few of a cache's sets have what the walk
// brings, as if all that it steps over were there. Where that is more than the second cache, no tile finds
// what another has read.
static const double FAR_STEP = 4096, NO_REUSE = 8;

static double walk_span(const Question *q, const Stage *st, const Expr *read) {
    const Tensor *t = read->tensor;
    Layout l = *layout_shared(t);
    double points = 1, step = INFINITY;
    if (t->kind == TENSOR_SOURCE) return 0;
    if (t->dims[l.inner] > PANEL) l.panel = PANEL;
    layout_strides(q->ks, &l, t);
    for (int j = 0; j < st->inner_count; j++) {
        if (st->inner[j] == q->sum_vector_axis || !(read->axes >> st->inner[j] & 1)) continue;
        points *= (double)q->k->axes[st->inner[j]].size;
        for (int d = 0; d < t->rank; d++)
            if (forms_depend(&read->forms[d], 1, st->inner[j]))
                step = fmin(step, (double)(l.stride[d] * l.element_size));
    }
    return points > 1 ? points * fmin(step, FAR_STEP) : 0;
}

static bool walks_too_far(const Question *q, const Stage *st) {
    double span = 0;
    for (int r = 0; r < st->read_count; r++)
        if (st->reads[r]->tensor->rank) span += walk_span(q, st, st->reads[r]);
    return span > q->ks->machine.l2;
}

// How often a value loaded once is used, along the tile axes that the read does not depend on.
static double reuse_of(const Question *q, const StageModel *m, const Stage *st, uint32_t axes, int lane,
                       bool across) {
    const Kernel *k = q->k;
    double reuse = 1;
    if (st->equation->reduction == REDUCE_NONE) return 1;
    int64_t v = q->vector_axis >= 0 ? k->axes[q->vector_axis].size : 0;
    double wide = q->vector_axis < 0 ? 1 : v < q->lanes ? (double)v : v % 4 ? q->lanes : 4;
    for (int j = 0; j < k->tile_count; j++) {
        int a = k->tile[j];
        if ((axes | m->pinned_axes) >> a & 1) continue;
        double size = (double)k->axes[a].size;
        double rest = wide > 1 ? (q->ks->machine.registers - 8) / wide : 4;
        double u = across ? (a == q->vector_axis ? wide : fmin(rest, size)) : a == lane ? 2 : fmin(8, size);
        if (u > reuse) reuse = u;
    }
    if (st->inner_count && !(axes & m->inner_axes)) reuse *= 8;
    return reuse;
}

// The rows of a batch are the outermost loop. With lanes along them what is elementwise takes parts of lines
// that lie far apart, which beyond the second cache come and go twice; and where rows lie along lines that
// other lanes write, and a tile has neighbours along another axis rather than rows, a line comes for each of
// its elements.
static const double ROWS_APART = 2, A_FAR_LANE = 10;

static bool is_far(const Question *q, const Tensor *t) {
    return tensor_bytes(q->ks->program, t) > q->ks->machine.l2;
}

static double far_rows(const Question *q, const Stage *st, const Tensor *t, int lane) {
    bool apart = st->equation->reduction == REDUCE_NONE && lane >= 0 && q->k->axes[lane].batch;
    return apart && is_far(q, t) ? ROWS_APART : 1;
}

static double load_cost(const Question *q, const Stage *st, const ReadModel *r, int lane) {
    const Tensor *t = r->read->tensor;
    if (lane >= 0 && (r->read->axes >> lane & 1)) {
        if (contiguous(t, r->read->forms, lane)) return r->near * far_rows(q, st, t, lane);
        return q->lanes;
    }
    double far = 1; // a scalar's line serves its neighbours
    const Layout *l = layout_shared(t);
    for (int j = 0; t->rank && j < q->k->tile_count; j++)
        if (forms_depend(&r->read->forms[l->inner], 1, q->k->tile[j])) far = .25;
    for (int j = 0; t->rank && j < st->inner_count; j++)
        if (forms_depend(&r->read->forms[l->inner], 1, st->inner[j])) far = 1.0 / q->lanes;
    return .5 + (r->near - .5) * far;
}

static double vectors(const Question *q, double points, int lane) {
    if (lane < 0) return points;
    double n = (double)q->k->axes[lane].size;
    return points / n * ceil(n / q->lanes);
}

// Of two or three lanes: what is stored in part is not read before it has reached the cache.
static const double MASKED = 6;

static double store_cost(const Question *q, const Stage *st, double points, int lane) {
    const Layout *l = layout_shared(st->equation->tensor);
    if (!st->equation->tensor->layout->stored) return 0;
    double n = vectors(q, points, lane), c;
    if (lane >= 0 && q->k->axes[lane].size < 4) n *= MASKED;
    const Affine *const *out = st->equation->out;
    int rank = st->equation->out_count;
    bool scattered = lane >= 0 && forms_depend(out, rank, lane);
    bool walked = st->inner_count && st->equation->reduction == REDUCE_NONE;
    double apart = (walked ? A_LANE : 1) * q->lanes, far = far_rows(q, st, st->equation->tensor, lane);
    const Index *along = rank ? affine_only(out[l->inner]) : NULL;
    if (along && along->batch && q->k->tile_count > 2 && is_far(q, st->equation->tensor))
        apart = A_FAR_LANE * q->lanes;
    c = n * (scattered && !forms_contiguous(l, out, rank, lane) ? apart : far);
    if (l->twin) c += 20 + n * (scattered && !forms_contiguous(l->twin, out, rank, lane) ? apart : 1);
    return c;
}

static double stage_cost(const Question *q, int s) {
    const Kernel *k = q->k;
    const Stage *st = &k->stages.data[s];
    const StageModel *m = &k->model->stages[s];
    bool has = q->sum_vector_axis >= 0 && (m->inner_axes >> q->sum_vector_axis & 1);
    bool reduces = st->equation->reduction != REDUCE_NONE;
    int lane = has && (reduces || q->vector_axis < 0) ? q->sum_vector_axis : q->vector_axis;
    double points = st->work, loads = 0, results = 1;
    bool far = has && reduces && walks_too_far(q, st);
    if (lane >= 0 && (m->pinned_axes >> lane & 1))
        points *= 3 * m->waste; // its bounds cannot be cut: every point, and a select
    for (int r = 0; r < m->read_count; r++) {
        if (m->reads[r].produced && !k->rows_in_registers) continue;
        double reuse = reuse_of(q, m, st, m->reads[r].read->axes, lane, has);
        loads += load_cost(q, st, &m->reads[r], lane) / reuse * (far && reuse > 1 ? NO_REUSE : 1);
    }
    double c = vectors(q, points, lane) * (fmax(m->arithmetic, loads) + .2 * fmin(m->arithmetic, loads));
    for (int j = 0; j < k->tile_count; j++) results *= (double)k->axes[k->tile[j]].size;
    if (kernel_scatters(k) && reduces)
        c += A_POSITION * st->work * (double)k->axes[k->row_axis].size / results;
    results *= kernel_share(k);
    bool across = lane >= 0 && lane == q->sum_vector_axis && reduces;
    if (across) c += results * (q->vector_axis >= 0 ? 2 : 8);
    return c + store_cost(q, st, reduces ? results : st->work, across ? q->vector_axis : lane);
}

double kernel_cost(const Kernels *ks, const Kernel *k, int vector_axis, int sum_vector_axis) {
    bool along = vector_axis >= 0 && sum_vector_axis < 0 && !kernel_scatters(k);
    int lanes = along ? lanes_along(ks, k->axes[vector_axis].size) : lanes_of(ks);
    Question q = {ks, k, vector_axis, sum_vector_axis, lanes};
    double c = 5 + (k->row_axis < 0 ? 0 : kernel_share(k) * A_ROW * (double)k->axes[k->row_axis].size);
    for (int s = 0; s < k->stages.count; s++) c += stage_cost(&q, s);
    return c;
}

// ---- the best lanes ---------------------------------------------------------------------------------------

static bool double_beside_single(const Kernels *ks, const Kernel *k) {
    if (ks->program->precision == PRECISION_DOUBLE) return false;
    for (int s = 0; s < k->stages.count; s++)
        if (k->stages.data[s].equation->tensor->type == TYPE_DOUBLE) return true;
    return false;
}

// Lanes may run along this axis of a sum: every reduction of the kernel is a sum, no guard holds it.
static bool may_sum_across(const Kernels *ks, const Kernel *k, int axis) {
    const StageModel *m = &k->model->stages[k->model->main];
    if (k->axes[axis].tile || k->axes[axis].size < lanes_of(ks) / 2 || (m->guard_axes >> axis & 1))
        return false;
    for (int s = 0; s < k->stages.count; s++) {
        Reduction r = k->stages.data[s].equation->reduction;
        if (r != REDUCE_NONE && r != REDUCE_SUM) return false;
    }
    return k->stages.data[k->model->main].equation->reduction == REDUCE_SUM;
}

static uint64_t layouts_key(const KernelModel *m) {
    uint64_t h = 1;
    for (int i = 0; i < m->tensor_count; i++) {
        const Layout *l = m->tensors[i]->layout;
        h = hash_mix(h, (uint64_t)((l->inner + 1) * 16 + (l->twin ? l->twin->inner + 1 : 0)));
    }
    return h ? h : 1;
}

// What is given to a BLAS should lie so that it can be.
static const double NOT_A_MATRIX = 4;

static bool may_call(const Kernels *ks, const Kernel *k, Product *plan) {
    if (!k->product) return false;
    *plan = *k->product;
    return product_plan(ks, k, plan);
}

// Two passes over the positions for each digit of their rows.
static double planning_cost(const Kernel *k) {
    return 4000 + 12 * (double)k->axes[k->stages.data[0].inner[0]].size;
}

// One call a row: of n values, n times the logarithm of n comparisons.
static double sorting_cost(const Kernel *k) {
    double rows = 1, n = (double)k->axes[k->stages.data[0].inner[0]].size;
    for (int j = 0; j < k->tile_count; j++) rows *= (double)k->axes[k->tile[j]].size;
    return rows / n * (30 + n * (log2(n) + 1) * 10);
}

double kernel_best(const Kernels *ks, Kernel *k) {
    if (kernel_sorts(k)) {
        k->vector_axis = k->sum_vector_axis = -1;
        return k->cycles = k->plan_rows ? planning_cost(k) : sorting_cost(k);
    }
    uint64_t key = layouts_key(k->model);
    Remembered *r = &k->model->remembered[(key >> 32) % REMEMBERED];
    Product plan;
    if (r->key != key && may_call(ks, k, &plan)) {
        *r = (Remembered){key, product_cost(ks, k, &plan), -1, -1};
    } else if (r->key != key) {
        *r = (Remembered){key, (double)INFINITY, -1, -1};
        const Stage *m = &k->stages.data[k->model->main];
        bool mixed = double_beside_single(ks, k);
        for (int v = -1; v < (mixed ? 0 : k->tile_count); v++)
            for (int i = -1; i < m->inner_count; i++) {
                int vector_axis = v < 0 ? -1 : k->tile[v], sum = i < 0 ? -1 : m->inner[i];
                if (v >= 0 && vector_axis == k->time) continue;
                if (kernel_scatters(k) && (i >= 0 || (v >= 0 && vector_axis == k->row_axis))) continue;
                if (i >= 0 && !may_sum_across(ks, k, sum)) continue;
                double c = kernel_cost(ks, k, vector_axis, sum);
                if (c < r->cycles - 1e-9) *r = (Remembered){key, c, vector_axis, sum};
            }
        if (k->product) r->cycles *= NOT_A_MATRIX;
    }
    k->vector_axis = r->vector_axis;
    k->sum_vector_axis = r->sum_vector_axis;
    return k->cycles = r->cycles;
}
