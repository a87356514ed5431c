// How a product becomes calls of a BLAS, by the layouts: which axes are its m, n and k, which lie as one,
// which operand is transposed. Guarantees: leading dimensions and sizes fit the library's 32-bit integers;
// the tiles that threads divide are fixed here, so that results do not depend on the number of threads.
#include "pass/schedule.h"

#include <limits.h>
#include <math.h>

typedef struct {
    const Kernel *k;
    int64_t a[MAX_AXES], b[MAX_AXES], c[MAX_AXES]; // elements from one value of the axis to the next
} Strides;

bool run_has(const Run *r, int axis) {
    for (int i = 0; i < r->count; i++)
        if (r->axis[i] == axis) return true;
    return false;
}

// ---- strides ----------------------------------------------------------------------------------------------

// False: the tensor does not lie as a matrix could (panels, or a second copy to be written as well).
static bool strides_of(const Kernels *ks, const Tensor *t, const Affine *const *forms, bool written,
                       int64_t *stride) {
    Layout l = *layout_shared(t);
    if (l.panel || (written && l.twin)) return false;
    layout_strides(ks, &l, t);
    for (int d = 0; d < t->rank; d++)
        every_term (term, forms[d])
            stride[term->atom->index->axis] += term->coef * (d == l.inner ? 1 : l.stride[d]);
    return true;
}

static bool may_follow(const Strides *s, const int64_t *p, const int64_t *q, Run run, int axis,
                       int64_t extent) {
    int first = run.axis[0], last = run.axis[run.count - 1];
    if (s->k->axes[first].batch) return false; // fewer rows: only the outermost may be short
    return p[axis] == p[last] * extent && q[axis] == q[last] * extent;
}

static int64_t extent_of(const Kernel *k, Run run) {
    int64_t n = 1;
    for (int i = 0; i < run.count; i++) n *= k->axes[run.axis[i]].size;
    return n;
}

// Axes of the group that lie as one with `innermost` as the last, in both operands.
static Run run_from(const Strides *s, uint32_t group, const int64_t *p, const int64_t *q, int innermost) {
    Run run = {1, {innermost}};
    for (int a = 0; a < s->k->axis_count; a++) {
        if (run_has(&run, a) || !(group >> a & 1) || !may_follow(s, p, q, run, a, extent_of(s->k, run)))
            continue;
        for (int i = run.count++; i > 0; i--) run.axis[i] = run.axis[i - 1];
        run.axis[0] = a;
        a = -1; // from the start: what follows it may have a lower number
    }
    return run;
}

// ---- the call ---------------------------------------------------------------------------------------------

// A matrix of `rows` x `columns` with these strides: plain, transposed or neither; its leading dimension.
static bool as_matrix(int64_t row, int64_t column, int64_t rows, int64_t columns, bool *transpose,
                      int64_t *lead) {
    *transpose = column != 1;
    *lead = *transpose ? column : row;
    return (row == 1 || column == 1) && *lead >= (*transpose ? rows : columns) && *lead <= INT_MAX;
}

static int innermost(Run r) { return r.axis[r.count - 1]; }

static bool plan_from(const Strides *s, int m, int n, int k, Product *p) {
    p->m = run_from(s, p->rows, s->a, s->c, m);
    p->n = run_from(s, p->columns, s->b, s->c, n);
    p->k = run_from(s, p->summed, s->a, s->b, k);
    int64_t rows = extent_of(s->k, p->m), columns = extent_of(s->k, p->n), sum = extent_of(s->k, p->k);
    bool transposed;
    if (rows > INT_MAX || columns > INT_MAX || sum > INT_MAX) return false;
    m = innermost(p->m), n = innermost(p->n), k = innermost(p->k);
    return as_matrix(s->c[m], s->c[n], rows, columns, &transposed, &p->ldc) && !transposed &&
           as_matrix(s->a[m], s->a[k], rows, sum, &p->transpose_a, &p->lda) &&
           as_matrix(s->b[k], s->b[n], sum, columns, &p->transpose_b, &p->ldb);
}

static double call_work(const Kernel *k, const Product *p) {
    return (double)extent_of(k, p->m) * (double)extent_of(k, p->n) * (double)extent_of(k, p->k);
}

// The plan with the largest calls, of all choices of axes for m, n and k.
static bool best_plan(const Strides *s, Product *best) {
    double most = 0;
    Product start = *best;
    for (int m = 0; m < s->k->axis_count; m++)
        for (int n = 0; (start.rows >> m & 1) && n < s->k->axis_count; n++)
            for (int k = 0; (start.columns >> n & 1) && k < s->k->axis_count; k++) {
                Product p = start;
                if (!(start.summed >> k & 1) || !plan_from(s, m, n, k, &p) || call_work(s->k, &p) <= most)
                    continue;
                most = call_work(s->k, &p);
                *best = p;
            }
    return most > 0;
}

// C's rows are contiguous, or its columns: then the transposed product is computed.
static Product swapped(const Product *p) {
    Product t = {
        .a = p->b, .b = p->a, .alpha = p->alpha, .rows = p->columns, .columns = p->rows, .summed = p->summed};
    return t;
}

static bool operand_strides(const Kernels *ks, const Kernel *k, const Product *p, Strides *s) {
    const Equation *q = k->stages.data[0].equation;
    *s = (Strides){.k = k};
    return strides_of(ks, p->a->tensor, p->a->forms, false, s->a) &&
           strides_of(ks, p->b->tensor, p->b->forms, false, s->b) &&
           strides_of(ks, q->tensor, q->out, true, s->c);
}

bool product_plan(const Kernels *ks, const Kernel *k, Product *p) {
    Product other = swapped(p);
    Strides plain, turned;
    if (!operand_strides(ks, k, p, &plain) || !operand_strides(ks, k, &other, &turned)) return false;
    bool first = best_plan(&plain, p), second = best_plan(&turned, &other);
    if (second && (!first || call_work(k, &other) > call_work(k, p))) *p = other;
    return (first || second) && call_work(k, p) >= least_call;
}

// ---- cost and tiles ---------------------------------------------------------------------------------------

double product_cost(const Kernels *ks, const Kernel *k, const Product *p) {
    static const double CALL = 300, PACK = .5;
    double m = (double)extent_of(k, p->m), n = (double)extent_of(k, p->n), d = (double)extent_of(k, p->k);
    double all = (double)kernel_points(k, UINT32_MAX);
    return all / (m * n * d) * (CALL + (m * d + d * n + m * n) * PACK / 2) + all * .7 / lanes_of(ks);
}

// The axis whose parts are calls of their own, and the step of a part: of m and n the larger, in as many
// parts as leave a call enough to do.
static Block split(const Kernel *k, const Product *p, double calls) {
    static const double MOST_CALLS = 16, PART = 1 << 20;
    enum { GRAIN = 128 }; // a call packs the other operand, which takes many rows to pay
    int m = p->m.axis[0], n = p->n.axis[0], axis = extent_of(k, p->n) >= extent_of(k, p->m) ? n : m;
    int64_t size = k->axes[axis].size, inner = extent_of(k, axis == n ? p->n : p->m) / size;
    int64_t least = (GRAIN + inner - 1) / inner;
    double parts = fmin(MOST_CALLS / calls, call_work(k, p) / PART);
    int64_t step = parts < 2 ? size : (int64_t)ceil((double)size / floor(parts));
    step = (step + least - 1) / least * least;
    return (Block){step < size ? axis : -1, step};
}

void product_tiles(Kernel *k, bool threaded) {
    const Product *p = k->product;
    double calls = 1;
    int first = -1;
    for (int j = 0; j < k->tile_count; j++) {
        Axis *x = &k->axes[k->tile[j]];
        bool whole = run_has(&p->m, k->tile[j]) || run_has(&p->n, k->tile[j]);
        x->step = whole ? (int)x->size : 1;
        if (!whole) calls *= (double)x->size;
        if (!whole && first < 0) first = k->tile[j];
    }
    Block part = threaded ? split(k, p, calls) : (Block){-1, 0};
    if (part.axis >= 0) {
        first = part.axis;
        k->axes[first].step = (int)part.size;
    }
    for (int j = 0; j < k->tile_count; j++) {
        int i = j;
        for (; first == k->tile[j] && i > 0; i--) k->order[i] = k->order[i - 1];
        k->order[i] = k->tile[j];
    }
    k->vector_axis = k->sum_vector_axis = -1;
}
