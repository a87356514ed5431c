// A sum with few results over much, such as a mean over pixels and the batch, has too few tiles to be divided
// among threads. It becomes sums of parts, each over a run of one index, which have an index of their own,
// and the sum of those. How many parts there are follows from the equation alone, so that the bits depend on
// no number of threads.
#include "pass/algebra.h"
#include "pass/passes.h"

enum { MOST_PARTS = 8 };
static const double MOST_RESULTS = 512, LEAST_POINTS = 4096; // of a result

// Into how many runs of equal length the index can be cut.
static int64_t parts_of(const Index *i) {
    int64_t parts = i->batch ? 1 : MOST_PARTS;
    while (parts > 1 && i->size % parts) parts /= 2;
    return parts;
}

// The reduction's index that is cut: of those with the most parts the first. NULL: none.
static const Index *index_to_cut(const Equation *q) {
    const Index *best = NULL, *results[MAX_RANK + 1];
    int count = equation_result_indices(q, results, MAX_RANK);
    if (q->reduction != REDUCE_SUM || q->tensor->type != TYPE_REAL || q->tensor->step || count >= MAX_RANK ||
        !equation_identity(q))
        return NULL;
    for (int i = 0; i < count; i++)
        if (results[i]->batch) return NULL; // rows are divided
    if (index_points(results, count) > MOST_RESULTS ||
        index_points(q->indices, q->index_count) < LEAST_POINTS)
        return NULL;
    for (int i = 0; i < q->index_count; i++)
        if (parts_of(q->indices[i]) > (best ? parts_of(best) : 1)) best = q->indices[i];
    return best;
}

// y[o] = sum[i, n] e  ->  t[g, o] = sum[i, m] e with g * size + m for n, y[o] = sum[g] t[g, o].
static Equation *cut(Program *p, Flow *out, const Equation *q, const Index *n) {
    const Index *dims[MAX_RANK], **indices = arena_array(p->arena, const Index *, q->index_count);
    int64_t parts = parts_of(n), size = n->size / parts;
    const Index *g = index_add(p, "part", parts, false), *m = index_add(p, n->name, size, false);
    const Affine *run = affine_block(p, g, size, m);
    int count = equation_result_indices(q, dims + 1, MAX_RANK - 1);
    dims[0] = g;
    for (int i = 0; i < q->index_count; i++) indices[i] = q->indices[i] == n ? m : q->indices[i];
    Tensor *t = temp_add(p, q->tensor->name, "_parts", q->tensor->type, count + 1, dims);
    const Affine **place = forms_of(p, dims, count + 1);
    const Expr *e = expr_substitute(p, q->e, &(Binding){n, run}, 1);
    Equation *part = equation_make(p, t, place, REDUCE_SUM, indices, q->index_count, e, q->origin);
    Definition *made = flow_add(out, t);
    vec_push(p->arena, &made->equations, equation_copy(p, part, t));
    Equation *sum = equation_make(p, q->tensor, q->out, REDUCE_SUM, dims, 1,
                                  expr_read(p, t, place, q->origin), q->origin);
    return equation_copy(p, sum, q->tensor);
}

void pass_parts(Program *p, Function *f) {
    Flow *in = flow_open(p, f), *out = flow_empty(p, f);
    every (d, in->order) {
        Equations pieces = {0};
        every (q, d->equations) {
            const Index *n = p->precision == PRECISION_STRICT ? NULL : index_to_cut(q);
            vec_push(p->arena, &pieces, n ? cut(p, out, q, n) : q);
        }
        Definition *kept = flow_add(out, d->tensor);
        kept->equations = pieces;
        kept->live = d->live;
    }
    flow_close(out);
}
