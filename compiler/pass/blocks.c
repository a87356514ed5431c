// Blocks: loops around a sum's tiles, over tile axes and summed axes alike, so that what a tile reads again
// is still in a cache; and what is read ahead. Kernels whose data fit the second cache have none. The traffic
// of a nest of loops decides: for each cache the outermost depth whose footprint fits, and the turns of the
// loops outside it.
#include "pass/schedule.h"

#include <math.h>
#include <string.h>

static const double LINE = 64, L2_BYTES_A_CYCLE = 24, FAR_BYTES_A_CYCLE = 6, MUST_GAIN = .95,
                    ORDER_MUST_GAIN = .8;
enum { MOST_BLOCKS = 3, MOST_LOOPS = MOST_BLOCKS + MAX_TILE_AXES, MOST_ORDERS = 24 };

typedef enum { ACCESS_READ, ACCESS_PARTIAL, ACCESS_RESULT } AccessKind;

typedef struct {
    AccessKind kind;
    const Tensor *tensor;
    const Affine *const *forms;
    int rank;
    uint32_t axes;
    double times;
} Access;

typedef struct {
    Block blocks[MOST_BLOCKS + 1];
    int count, order[MAX_TILE_AXES], split; // split: the axis that threads divide
    double cost;
} Plan;

typedef struct {
    Kernels *ks;
    Kernel *k;
    VEC(Access) accesses;
    double arithmetic, tiles, accumulators;
    uint32_t guarded;
} Nest;

// ---- traffic ----------------------------------------------------------------------------------------------

// Bytes of the cache lines touched where axis x covers extent[x] values.
static double footprint(const Access *a, const int64_t *extent) {
    const Layout *l = layout_shared(a->tensor);
    double b = LINE;
    for (int d = 0; d < a->rank; d++) {
        double x = 1, dim = (double)(a->tensor->dims[d] ? a->tensor->dims[d] : 1 << 20);
        for (int i = 0; i < a->forms[d]->count; i++) {
            Term term = a->forms[d]->terms[i];
            if (term.atom->op == OP_INDEX)
                x += fabs((double)term.coef) * (double)(extent[term.atom->index->axis] - 1);
            else
                x = dim;
        }
        x = fmin(x, dim);
        b *= d == l->inner ? ceil(x * l->element_size / LINE) : x;
    }
    return b;
}

typedef struct {
    int count, axis[MOST_LOOPS];
    double trips[MOST_LOOPS];
    int64_t extent[MOST_LOOPS + 1][MAX_AXES]; // extent[d]: what one turn of the loops 0 .. d - 1 covers
    bool sums;                                // some summed axis is in blocks
    double parts;
} Loops;

static void loops_of(const Nest *n, const Plan *p, bool halved, Loops *l) {
    const Kernel *k = n->k;
    l->count = p->count + k->tile_count;
    l->sums = false;
    l->parts = 1;
    for (int a = 0; a < k->axis_count; a++) l->extent[0][a] = k->axes[a].size;
    if (halved) {
        int64_t step = k->axes[p->split].step;
        l->extent[0][p->split] = (k->axes[p->split].size / 2 + step - 1) / step * step;
    }
    for (int j = 0; j < l->count; j++) {
        int a = l->axis[j] = j < p->count ? p->blocks[j].axis : p->order[j - p->count];
        int64_t size = j < p->count ? p->blocks[j].size : k->axes[a].step, whole = l->extent[j][a];
        if (size > whole) size = whole;
        l->trips[j] = ceil((double)whole / (double)size);
        memcpy(l->extent[j + 1], l->extent[j], sizeof l->extent[0]);
        l->extent[j + 1][a] = size;
        if (j >= p->count || k->axes[a].tile) continue;
        l->sums = true;
        l->parts *= l->trips[j];
    }
}

// The outermost depth at which everything fits the cache. What the loop around the second cache changes is
// there twice.
static int depth_that_fits(const Nest *n, const Loops *l, double bytes, bool ahead) {
    int d = 0;
    for (; d < l->count; d++) {
        double f = 0;
        for (int i = 0; i < n->accesses.count; i++) {
            const Access *a = &n->accesses.data[i];
            if (a->kind == ACCESS_PARTIAL && !l->sums) continue;
            bool twice = ahead && d && (a->axes >> l->axis[d - 1] & 1);
            f += footprint(a, l->extent[d]) * (twice ? 2 : 1);
        }
        if (f <= bytes) break;
    }
    return d;
}

static double traffic_beyond(const Nest *n, const Loops *l, double bytes, bool ahead) {
    int depth = depth_that_fits(n, l, bytes, ahead);
    double total = 0;
    for (int i = 0; i < n->accesses.count; i++) {
        const Access *a = &n->accesses.data[i];
        if (a->kind == ACCESS_PARTIAL && !l->sums) continue;
        double x = footprint(a, l->extent[depth]);
        for (int j = 0; j < depth; j++) {
            if (j == depth - 1 && !(a->axes >> l->axis[j] & 1)) continue;
            if (a->kind == ACCESS_RESULT && !n->k->axes[l->axis[j]].tile) continue;
            x *= l->trips[j];
        }
        total += x * (a->kind == ACCESS_PARTIAL ? 2 : a->times);
    }
    return total;
}

static double cycles_with(const Nest *n, const Plan *p, bool halved) {
    Loops l;
    loops_of(n, p, halved, &l);
    double share = halved ? .5 : 1;
    double over = l.parts * n->tiles * share * (20 + n->accumulators * (l.sums ? 4 : 2));
    double arithmetic = n->arithmetic * share;
    double near = traffic_beyond(n, &l, n->ks->machine.l1, false) / L2_BYTES_A_CYCLE;
    double far = traffic_beyond(n, &l, n->ks->machine.l2, true) / FAR_BYTES_A_CYCLE;
    return fmax(arithmetic, near) + .25 * fmin(arithmetic, near) + far + over;
}

// With one thread and with two: blocks tuned for halves alone run slowly on one.
static double cost_of(const Nest *n, const Plan *p) {
    if (!n->k->divided || p->split < 0) return cycles_with(n, p, false);
    return cycles_with(n, p, true) + .5 * cycles_with(n, p, false);
}

// ---- the search -------------------------------------------------------------------------------------------

// The size of a block that is the axis's n-th part; 0: there is no such block.
static int64_t block_size(const Nest *n, int axis, int64_t part) {
    const Axis *x = &n->k->axes[axis];
    bool lanes = axis == n->k->sum_vector_axis;
    int64_t size = x->size, step = x->tile ? x->step : lanes ? lanes_of(n->ks) : size > 64 ? 8 : 1;
    if (size / part < 1) return 0;
    int64_t b = (size / part + step - 1) / step * step;
    if (b >= size || b < step || (lanes && size % b)) return 0;
    return !x->tile && size > 64 && b < 64 && n->ks->machine.l1 > 1e4 ? 0 : b;
}

// The plan with this block at this place; an axis has one block at most.
static bool with_block(const Plan *p, Block b, int place, Plan *q) {
    *q = *p;
    q->count = 0;
    for (int i = 0; i < p->count; i++)
        if (p->blocks[i].axis != b.axis) q->blocks[q->count++] = p->blocks[i];
    if (q->count == MOST_BLOCKS || place > q->count) return false;
    for (int i = q->count++; i > place; i--) q->blocks[i] = q->blocks[i - 1];
    q->blocks[place] = b;
    return true;
}

// Adds, moves or resizes one block as long as that gains.
static void descend(const Nest *n, Plan *p) {
    for (bool moved = true; moved;) {
        Plan best = *p;
        moved = false;
        for (int a = 0; a < n->k->axis_count; a++) {
            if (n->guarded >> a & 1) continue;
            int64_t last = 0;
            for (int64_t part = 2; part <= 512; part += part < 8 ? 1 : part) {
                int64_t size = block_size(n, a, part);
                if (!size || size == last) continue;
                last = size;
                Plan q;
                for (int place = 0; with_block(p, (Block){a, size}, place, &q); place++) {
                    q.cost = cost_of(n, &q);
                    if (q.cost >= best.cost * .98) continue;
                    best = q;
                    moved = true;
                }
            }
        }
        *p = best;
    }
}

static bool may_split(const Kernel *k, int axis, int owned) {
    int64_t size = k->axes[axis].size, step = k->axes[axis].step;
    if (owned >= 0) return axis == owned;
    if (size / step < 2) return false;
    return size % (2 * step) == 0 || size / step >= 16;
}

static void permute(const Kernel *k, int number, int *order) {
    int rest[MAX_TILE_AXES], n = k->tile_count;
    memcpy(rest, k->tile, sizeof rest);
    for (int left = n; left > 0; left--) {
        int pick = number % left;
        number /= left;
        order[n - left] = rest[pick];
        for (int i = pick; i < left - 1; i++) rest[i] = rest[i + 1];
    }
}

static Plan best_plan(const Nest *n, const Plan *start) {
    const Kernel *k = n->k;
    Plan best = *start;
    int orders = 1;
    for (int j = 2; j <= k->tile_count && orders < MOST_ORDERS; j++) orders *= j;
    for (int o = 0; o < orders; o++)
        for (int j = 0; j < k->tile_count; j++) {
            if (!may_split(k, k->tile[j], k->owned_axis)) continue;
            Plan p = {.split = k->tile[j]};
            permute(k, o, p.order);
            if (k->owned_axis >= 0 && p.order[0] != k->owned_axis) continue;
            p.cost = cost_of(n, &p);
            descend(n, &p);
            if (p.cost < best.cost * .98) best = p;
        }
    return best;
}

// ---- the kernel -------------------------------------------------------------------------------------------

static void add_access(Nest *n, AccessKind kind, const Tensor *t, const Affine *const *forms, double times) {
    vec_push(n->ks->program->arena, &n->accesses,
             (Access){kind, t, forms, t->rank, forms_axes(forms, t->rank), times});
}

// A sum in the first stage, and nothing but its epilogue behind it.
static bool blockable(const Kernel *k) {
    const Equation *q = k->stages.data[0].equation;
    if (k->rows_in_registers || q->reduction != REDUCE_SUM || !k->tile_count ||
        q->tensor->type == TYPE_DOUBLE)
        return false;
    if (k->vector_axis < 0 && k->sum_vector_axis < 0) return false;
    for (int s = 1; s < k->stages.count; s++)
        if (k->stages.data[s].equation->reduction != REDUCE_NONE || k->stages.data[s].inner_count)
            return false;
    return true;
}

static double bytes_read(const Kernel *k) {
    double bytes = 0;
    for (int r = 0; r < k->stages.data[0].read_count; r++) {
        const Tensor *t = k->stages.data[0].reads[r]->tensor;
        double b = layout_shared(t)->element_size;
        for (int d = 0; d < t->rank; d++) b *= (double)(t->dims[d] ? t->dims[d] : 1);
        if (t->rank) bytes += b;
    }
    return bytes;
}

static void begin(Nest *n, double accumulators) {
    const Kernel *k = n->k;
    const Stage *m = &k->stages.data[0];
    for (int r = 0; r < m->read_count; r++)
        if (m->reads[r]->tensor->rank) add_access(n, ACCESS_READ, m->reads[r]->tensor, m->reads[r]->forms, 1);
    add_access(n, ACCESS_PARTIAL, m->equation->tensor, m->equation->out, 0);
    for (int s = 0; s < k->stages.count; s++) {
        const Equation *q = k->stages.data[s].equation;
        if (q->tensor->layout->stored)
            add_access(n, ACCESS_RESULT, q->tensor, q->out, q->tensor->layout->same ? 2 : 1);
    }
    n->guarded = guards_bound(k, m) ? 0 : stage_guard_axes(k, m);
    n->arithmetic = m->work * .5 / lanes_of(n->ks);
    n->accumulators = accumulators;
    n->tiles = kernel_tiles(k);
}

// The loop that brings what is not in the second cache: its next turn is read ahead.
static void read_ahead(const Nest *n, const Plan *p) {
    Kernel *k = n->k;
    Loops l;
    loops_of(n, p, false, &l);
    l.sums = true;
    int depth = depth_that_fits(n, &l, n->ks->machine.l2, true);
    int axis = depth > 0 ? l.axis[depth - 1] : -1;
    if (axis < 0 || !k->axes[axis].tile) return;
    k->ahead = axis;
    k->ahead_distance = l.extent[depth][axis];
}

// Partial sums lie where the sum itself is stored, else in a place of their own for the kernel's time.
static void place_partial_sums(Kernel *k) {
    const Equation *q = k->stages.data[0].equation;
    Layout *l = q->tensor->layout;
    if (l->stored && !l->same) return;
    l->partial_sums = true;
    l->twin = NULL;
    for (int d = 0; d < q->out_count; d++) {
        const Index *x = affine_only(q->out[d]);
        if (k->vector_axis >= 0 && x && x->axis == k->vector_axis) l->inner = d;
    }
    if (q->tensor->rank > 1 && q->tensor->dims[l->inner] >= 64) l->panel = 32;
}

static void adopt(const Nest *n, const Plan *p) {
    Kernel *k = n->k;
    bool sums = false;
    read_ahead(n, p);
    for (int j = 0; j < p->count; j++) {
        k->blocks[j] = p->blocks[j];
        sums |= !k->axes[p->blocks[j].axis].tile;
    }
    k->block_count = p->count;
    memcpy(k->order, p->order, sizeof p->order);
    int64_t halves = p->split >= 0 ? k->axes[p->split].size % (2 * k->axes[p->split].step) : 1;
    if (k->owned_axis < 0 && p->split == p->order[0] && halves == 0) k->owned_axis = p->split;
    if (sums) place_partial_sums(k);
}

void kernel_blocks(Kernels *ks, Kernel *k, double accumulators) {
    if (!blockable(k)) return;
    double bytes = bytes_read(k);
    if (bytes < ks->machine.l2 * .9) return;
    Nest n = {.ks = ks, .k = k};
    begin(&n, accumulators);
    Plan start = {.split = k->owned_axis >= 0 ? k->owned_axis : k->order[0]};
    memcpy(start.order, k->order, sizeof start.order);
    start.cost = cost_of(&n, &start);
    Plan best = best_plan(&n, &start);
    if (n.guarded && !best.count) return; // cut bounds: what two rows share is not seen here
    if (best.cost > start.cost * (best.count ? MUST_GAIN : ORDER_MUST_GAIN)) {
        if (bytes < 4 * ks->machine.l2) return;
        best = start;
    }
    adopt(&n, &best);
}
