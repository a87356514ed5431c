// Tiles: how many elements of each tile axis one body of code computes, and the order of the loops over
// tiles. All factors are tried, within the registers; the cost is that of the loads and multiply-adds of one
// turn of the sum. Guarantees: every axis has a step, the vector axis whole vectors; axes in guards of sums
// are not unrolled.
#include "pass/schedule.h"

#include <math.h>
#include <string.h>

static const double SMALL_KERNEL = 1500, L1_STREAM = 30e3, LATENCY = 4;
static const double ALONE = 1.5; // one tile cannot be divided among threads

typedef struct {
    const Kernels *ks;
    Kernel *k;
    const Schedule *s;
    Classes classes;
    const Stage *main;
    int lanes, registers;
    uint32_t guarded;
    uint32_t parts;                         // axes whose places are made differently: all in one tile
    bool small;                             // a row at a time: nothing to unroll
    double turns;                           // of the sum's innermost loop, a tile
    int others[MAX_TILE_AXES], other_count; // tile axes but the vector axis
    int count[MAX_TILE_AXES];               // being tried: elements of each of the others
    int best[MAX_TILE_AXES], best_vectors, best_lanes;
    double cycles;
} Search;

// ---- the cost of one choice -------------------------------------------------------------------------------

typedef struct {
    int vectors, lanes;
    double width, sums, tiles;
} Shape;

static int64_t vector_size(const Search *x) {
    return x->k->vector_axis < 0 ? 1 : x->k->axes[x->k->vector_axis].size;
}

// With lanes along a sum, the results' own axis takes 4, 8 or all lanes; else 1 to 4 vectors. False: not this
// many.
static bool shape_of(const Search *x, int vectors, Shape *shape) {
    int64_t n = vector_size(x);
    bool across = x->k->sum_vector_axis >= 0;
    *shape = (Shape){vectors, n < x->lanes ? (int)n : x->lanes, 1, 1, 1};
    if (x->k->vector_axis < 0) return vectors == 1;
    if (across && vectors > 1) {
        if (vectors == 4 || n % 4 || n < x->lanes) return false;
        shape->lanes = vectors == 2 ? 4 : 8;
        if (shape->lanes >= x->lanes) return false;
    }
    bool once = x->small && (x->k->loop < 0 || x->k->rows_in_registers); // what a loop turns may be long
    if (!across && vectors > 1 && ((int64_t)(vectors - 1) * x->lanes >= n || once)) return false;
    shape->width = across ? shape->lanes : vectors;
    shape->tiles = ceil((double)n / (across ? shape->lanes : vectors * x->lanes));
    return true;
}

static bool panelled(const Kernel *k) {
    for (int s = 0; s < k->stages.count; s++)
        for (int r = 0; r < k->stages.data[s].read_count; r++)
            if (layout_shared(k->stages.data[s].reads[r]->tensor)->panel) return true;
    return false;
}

static double loads_of(const Search *x, const Shape *shape) {
    const Kernel *k = x->k;
    double loads = 0;
    for (int r = 0; r < x->main->read_count; r++) {
        const Expr *read = x->main->reads[r];
        const Layout *l = layout_shared(read->tensor);
        double n = k->vector_axis >= 0 && (read->axes >> k->vector_axis & 1) ? shape->width : 1;
        for (int j = 0; j < x->other_count; j++)
            if (read->axes >> x->others[j] & 1) n *= x->count[j];
        bool across = k->sum_vector_axis >= 0;
        int lane = across ? k->sum_vector_axis : k->vector_axis;
        bool vector = lane >= 0 && (read->axes >> lane & 1);
        double part = 1; // a tile narrower than the panel uses half the lines of each pair
        const Index *inner = read->tensor->rank ? affine_only(read->forms[l->inner]) : NULL;
        if (!across && vector && inner && inner->axis == k->vector_axis &&
            l->panel > shape->vectors * x->lanes)
            part = fmin(2, (double)l->panel / (shape->vectors * x->lanes));
        bool streams = vector && n * part * x->turns * l->element_size * x->lanes > L1_STREAM;
        loads += n * (streams ? 4 * part : 1);
    }
    return loads;
}

static int step_of(const Search *x, const Shape *shape, int axis) {
    if (axis == x->k->vector_axis)
        return x->k->sum_vector_axis >= 0 ? shape->lanes : shape->vectors * x->lanes;
    for (int j = 0; j < x->other_count; j++)
        if (x->others[j] == axis) return x->count[j];
    return 1;
}

// Remainders are a second copy of the code; owned axes should divide in halves; a tile across panels needs
// many addresses.
static double penalties(const Search *x, const Shape *shape) {
    const Kernel *k = x->k;
    double c = 1;
    int64_t n = vector_size(x), wide = (int64_t)shape->vectors * x->lanes;
    for (int j = 0; j < x->other_count; j++)
        if (k->axes[x->others[j]].size % x->count[j]) c *= 1.04;
    if (k->vector_axis >= 0 && k->sum_vector_axis < 0 && n > wide && n % wide) c *= 1.04;
    for (int j = 0; x->s->owned_class >= 0 && j < k->tile_count; j++) {
        int a = k->tile[j];
        if (class_of_axis(x->classes, k, a) != x->s->owned_class) continue;
        if (k->axes[a].size % (2 * step_of(x, shape, a))) c *= 1.15;
    }
    if (x->main->equation->reduction == REDUCE_NONE || k->sum_vector_axis >= 0) return c;
    for (int r = 0; r < x->main->read_count; r++) {
        const Expr *read = x->main->reads[r];
        const Layout *l = layout_shared(read->tensor);
        for (int j = 0; l->panel && j < x->other_count; j++)
            if (x->count[j] > 1 && l->panel % x->count[j] &&
                forms_depend(&read->forms[l->inner], 1, x->others[j]))
                c *= 1.3;
    }
    return c;
}

// Turns of the sum's loop in which only some results of a tile take part, as a share of all.
static double edges_of(const Search *x, const Shape *shape) {
    const Equation *q = x->main->equation;
    double edges = 1;
    if (!guards_bound(x->k, x->main)) return edges;
    for (int i = 0; i < q->e->guard_count; i++) {
        const Affine *form = q->e->guards[i].form;
        double spread = 0, longest = 1;
        every_term (term, form) {
            const Axis *a = &x->k->axes[term->atom->index->axis];
            longest = fmax(longest, (double)a->size);
            if (a->tile)
                spread += fabs((double)term->coef) * (step_of(x, shape, term->atom->index->axis) - 1);
        }
        edges += 2 * spread / longest;
    }
    return edges;
}

static void consider(Search *x, int vectors) {
    Shape shape;
    if (!shape_of(x, vectors, &shape)) return;
    if (vectors == 3 && x->k->sum_vector_axis < 0 && (panelled(x->k) || vector_size(x) % (3 * x->lanes)))
        return;
    shape.sums = shape.width;
    for (int j = 0; j < x->other_count; j++) {
        double n = (double)x->k->axes[x->others[j]].size, u = x->count[j], rest = fmod(n, u);
        shape.sums *= u;
        shape.tiles *= floor(n / u) + (rest > 0 ? .3 + .7 * rest / u : 0);
    }
    if (shape.sums > x->registers && shape.sums > shape.width) return;
    bool reduces = x->main->equation->reduction != REDUCE_NONE;
    double c = fmax(shape.sums, loads_of(x, &shape)) * .5;
    c = fmax(c, x->k->sum_vector_axis < 0 ? LATENCY : 1) + .6;
    c = shape.tiles *
        (x->turns * edges_of(x, &shape) * c + (reduces ? 12 + shape.sums * 1.5 : 4 + shape.sums)) *
        penalties(x, &shape);
    if (x->s->threaded && shape.tiles < 2) c *= ALONE;
    if (c >= x->cycles * .995) return;
    x->cycles = c;
    x->best_vectors = shape.vectors;
    x->best_lanes = shape.lanes;
    memcpy(x->best, x->count, sizeof x->best);
}

static void all_factors(Search *x, int j, double sums) {
    enum { MOST = 16 };
    if (j == x->other_count) {
        for (int v = 1; v <= 4; v++) consider(x, v);
        return;
    }
    int64_t size = x->k->axes[x->others[j]].size;
    bool whole = x->parts >> x->others[j] & 1 && sums * (double)size <= x->registers;
    int64_t most = whole                                          ? size
                   : x->small || (x->guarded >> x->others[j] & 1) ? 1
                   : size < MOST                                  ? size
                                                                  : MOST;
    for (int u = whole ? (int)size : 1; u <= most && (u == 1 || sums * u <= x->registers); u++) {
        x->count[j] = u;
        all_factors(x, j + 1, sums * u);
    }
    x->count[j] = 1;
}

// Few places along an axis, of which conditions single some out: in one tile each has its own code, and what
// they all read is read once.
static void find_parts(Search *x, const Expr *e, Table *seen) {
    enum { MOST_PARTS = 8 };
    if (table_get(seen, e)) return;
    table_set(x->ks->program->arena, seen, e, x);
    for (int i = 0; e->op == OP_WHERE && i < e->guard_count; i++) {
        const Affine *form = e->guards[i].form;
        if (e->guards[i].count != 1 || form->count != 1 || form->terms[0].atom->op != OP_INDEX) continue;
        int axis = form->terms[0].atom->index->axis;
        if (axis != x->k->vector_axis && x->k->axes[axis].tile && x->k->axes[axis].size <= MOST_PARTS)
            x->parts |= 1u << axis;
    }
    for (int i = 0; i < e->count; i++) find_parts(x, e->args[i], seen);
}

static void choose_steps(Search *x) {
    Kernel *k = x->k;
    x->main = &k->stages.data[k->model->main];
    bool reduces = x->main->equation->reduction != REDUCE_NONE;
    x->registers = x->ks->machine.registers - (k->sum_vector_axis >= 0 ? 8 : 6);
    x->small = k->rows_in_registers || (!reduces && !k->catches_up);
    x->turns = reduces ? x->main->work / kernel_share(k) : 1;
    x->cycles = (double)INFINITY;
    for (int s = 0; s < k->stages.count; s++) x->guarded |= k->model->stages[s].pinned_axes;
    for (int s = 0; s < k->stages.count && !reduces && !k->rows_in_registers; s++)
        find_parts(x, k->stages.data[s].equation->e, &(Table){0});
    for (int j = 0; j < k->tile_count; j++) {
        if (reduces) x->turns /= (double)k->axes[k->tile[j]].size;
        if (k->tile[j] != k->vector_axis) x->others[x->other_count++] = k->tile[j];
    }
    if (kernel_scatters(k)) {
        x->turns = fmax(x->turns, 1);
        x->guarded |= 1u << k->row_axis;
    }
    if (k->sum_vector_axis >= 0) {
        double n = (double)k->axes[k->sum_vector_axis].size;
        x->turns = x->turns / n * ceil(n / x->lanes);
    }
    all_factors(x, 0, 1);
    for (int j = 0; j < x->other_count; j++) k->axes[x->others[j]].step = x->best[j];
    if (k->vector_axis >= 0)
        k->axes[k->vector_axis].step = k->sum_vector_axis >= 0 ? x->best_lanes : x->best_vectors * x->lanes;
}

// ---- the order of loops -----------------------------------------------------------------------------------

// Outermost the axis that the largest tensors depend on, four times if it runs over their panels; ties: far
// strides outside.
static void weigh(const Kernel *k, double *weight) {
    for (int s = 0; s < k->stages.count; s++)
        for (int r = 0; r < k->stages.data[s].read_count; r++) {
            const Expr *read = k->stages.data[s].reads[r];
            const Layout *l = layout_shared(read->tensor);
            for (int j = 0; read->tensor->rank && j < k->tile_count; j++) {
                int a = k->tile[j];
                if (!(read->axes >> a & 1)) continue;
                bool panels = l->panel && forms_depend(&read->forms[l->inner], 1, a);
                weight[a] += (double)tensor_elements(read->tensor) * (panels ? 4 : 1);
            }
        }
    const Equation *last = k->stages.data[k->stages.count - 1].equation;
    const Layout *l = layout_shared(last->tensor);
    double nth = 1;
    for (int d = last->out_count - 1; d >= 0; d--) {
        double w = d == l->inner ? .99 : 1 + .001 * nth++;
        for (int j = 0; j < k->tile_count; j++)
            if (forms_depend(&last->out[d], 1, k->tile[j])) weight[k->tile[j]] *= w;
    }
}

// The axis along which what lanes gather lies together: run innermost, the lines stay near. -1: nothing of
// this.
static int near_axis(const Search *x) {
    const Kernel *k = x->k;
    int near = -1;
    for (int r = 0; x->main->equation->reduction == REDUCE_NONE && r < x->main->read_count; r++) {
        const Expr *read = x->main->reads[r];
        const Layout *l = layout_shared(read->tensor);
        bool gathers = k->vector_axis >= 0 && (read->axes >> k->vector_axis & 1) && read->tensor->rank &&
                       !forms_contiguous(l, read->forms, read->tensor->rank, k->vector_axis);
        for (int j = 0; gathers && j < k->tile_count; j++)
            if (k->tile[j] != k->vector_axis && forms_depend(&read->forms[l->inner], 1, k->tile[j]))
                near = k->tile[j];
    }
    return near;
}

static void order_loops(const Search *x) {
    Kernel *k = x->k;
    double weight[MAX_AXES] = {0};
    int near = near_axis(x);
    weigh(k, weight);
    if (near >= 0) weight[near] = -1;
    if (kernel_scatters(k)) weight[k->row_axis] = (double)INFINITY;
    for (int j = 0; j < k->tile_count; j++) {
        int i = j;
        for (; i > 0 && weight[k->order[i - 1]] < weight[k->tile[j]]; i--) k->order[i] = k->order[i - 1];
        k->order[i] = k->tile[j];
    }
    for (int j = 0; x->s->owned_class >= 0 && j < k->tile_count; j++) {
        int a = k->order[j];
        bool halves = k->axes[a].size % (2 * k->axes[a].step) == 0;
        if (!halves || class_of_axis(x->classes, k, a) != x->s->owned_class) continue;
        for (int i = j; i > 0; i--) k->order[i] = k->order[i - 1];
        k->order[0] = a;
        break;
    }
}

double kernel_tiles(const Kernel *k) {
    double n = 1;
    for (int j = 0; j < k->tile_count; j++)
        n *= ceil((double)k->axes[k->tile[j]].size / k->axes[k->tile[j]].step);
    return n;
}

// A tile is a row that is sorted.
static void row_tiles(Kernel *k) {
    const Index *along = k->stages.data[0].equation->e->args[1]->index;
    for (int j = 0; j < k->tile_count; j++) {
        k->order[j] = k->tile[j];
        k->axes[k->tile[j]].step = k->tile[j] == along->axis ? (int)k->axes[k->tile[j]].size : 1;
    }
}

static void tile(Kernels *ks, Schedule *s, Kernel *k) {
    Search x = {.ks = ks, .k = k, .s = s, .classes = {s->classes}, .lanes = lanes_of(ks)};
    if (k->product) {
        product_tiles(k, s->threaded);
    } else if (kernel_sorts(k)) {
        row_tiles(k);
    } else {
        choose_steps(&x);
        order_loops(&x);
    }
    const Axis *outer = k->tile_count ? &k->axes[k->order[0]] : NULL;
    if (outer && outer->size % (2 * outer->step) == 0 && !kernel_scatters(k)) k->owned_axis = k->order[0];
    k->divided = s->threaded && k->cycles > SMALL_KERNEL && kernel_tiles(k) >= 2;
    if (kernel_is_called(k) || kernel_scatters(k)) return;
    double sums = 1;
    for (int j = 0; j < k->tile_count; j++) sums *= k->axes[k->tile[j]].step;
    if (k->vector_axis >= 0 && k->sum_vector_axis < 0) sums /= x.lanes;
    kernel_blocks(ks, k, sums);
}

// ---- grains -----------------------------------------------------------------------------------------------

// One grain for all kernels that own the same class, so that for any number of threads each owns the same
// elements.
static void grains(Kernels *ks, Schedule *s) {
    Classes c = {s->classes};
    int64_t *grain = arena_array(ks->program->arena, int64_t, ks->program->tensors.count *MAX_RANK + 1);
    for (int turn = 0; turn < 2; turn++)
        for (int i = 0; i < s->kernels.count; i++) {
            Kernel *k = s->kernels.data[i];
            if (!k->divided) k->owned_axis = -1;
            if (k->owned_axis < 0) continue;
            int class = class_of_axis(c, k, k->owned_axis);
            int64_t size = k->axes[k->owned_axis].size, step = k->axes[k->owned_axis].step;
            if (class < 0) {
                k->owned_axis = -1;
            } else if (turn == 0) {
                int64_t g = grain[class] ? grain[class] / gcd_of(grain[class], step) * step : step;
                if (size % (2 * g))
                    k->owned_axis = -1;
                else
                    grain[class] = g;
            } else if (size % (2 * grain[class])) {
                k->owned_axis = -1;
            } else {
                k->owned_grain = grain[class];
            }
        }
}

// With blocks threads divide the tiles of one axis: where none is owned, that of which two threads, and then
// more, get the most equal shares.
static void split(Kernel *k) {
    double best = 1;
    for (int j = 0; k->divided && k->block_count && k->owned_axis < 0 && j < k->tile_count; j++) {
        const Axis *x = &k->axes[k->order[j]];
        double tiles = floor((double)x->size / x->step), pairs = floor(tiles / 2),
               equal = 4 * pairs * pairs / tiles;
        if (tiles < 2 || equal <= best) continue;
        best = equal;
        k->split_axis = k->order[j];
    }
}

void pass_tiles(Kernels *ks) {
    for (int i = 0; i < ks->schedules.count; i++) {
        Schedule *s = ks->schedules.data[i];
        bool divided = false;
        for (int n = 0; n < s->kernels.count; n++) {
            tile(ks, s, s->kernels.data[n]);
            divided |= s->kernels.data[n]->divided;
        }
        s->threaded = divided;
        grains(ks, s);
        for (int n = 0; n < s->kernels.count; n++) split(s->kernels.data[n]);
        schedule_strips(ks, s);
    }
}
