// Sums that an integer scatters: y[a, d] = sum[i] e if a == id[i]. Every position i adds to one row a, so
// that the sum costs positions instead of rows times positions. Which sums those are is a property of the
// equation, whatever made it: the gradient of a gather, a histogram, a sum over segments.
//
// The pass: what such a sum reads of a tensor that the function gives a new value becomes a tensor of its
// own, so that the new value may be written over the old one. Needs: simplified functions. Guarantees: such a
// sum reads no target of an effect but at its own row.
#include "pass/passes.h"

#include "pass/algebra.h"

// ---- which sums -------------------------------------------------------------------------------------------

bool affine_chooses(const Affine *f) {
    every_term (term, f)
        if (term->atom->op != OP_INDEX && term->atom->op != OP_ROWS) return true;
    return false;
}

// The row that a guard gives each position, as a form of summed indices; NULL: it gives none.
static const Affine *row_of(Program *p, const Equation *q, Guard g, int dim, const Index *const *results,
                            int count) {
    const Index *row = affine_only(q->out[dim]);
    if (!row || row->batch || g.count != 1 || g.form->denominator != 1) return NULL;
    int64_t k = affine_coef(g.form, row);
    if (k != 1 && k != -1) return NULL;
    for (int d = 0; d < q->out_count; d++)
        if (d != dim && affine_depends(q->out[d], row)) return NULL;
    const Affine *rest = affine_sub(p, g.form, affine_scale(p, affine_index(p, row), k, 1));
    if (!affine_chooses(rest) || form_depends_on_any(rest, results, count)) return NULL;
    return affine_scale(p, rest, -k, 1);
}

// Comparing every row with every position costs more than sorting the positions by their row. It does not
// depend on the machine, so that a program has the same sums everywhere.
static bool is_worth_it(const Equation *q, double rows, double columns) {
    const double sorting = 3000, a_position = 16, most_positions = 1 << 28;
    double positions = index_points(q->indices, q->index_count);
    return positions <= most_positions &&
           rows * columns * positions / 8 > sorting + positions * (a_position + columns / 4);
}

bool equation_scatters(Program *p, const Equation *q, Scattered *s) {
    enum { ROOM = 4 * MAX_RANK };
    const Index *results[ROOM];
    Guarded g = expr_guarded(q->e);
    if (q->reduction != REDUCE_SUM || q->tensor->step || !g.count) return false;
    int count = equation_result_indices(q, results, ROOM), by = -1;
    for (int i = 0; i < g.count; i++)
        for (int d = 0; d < q->out_count; d++) {
            const Affine *row = row_of(p, q, g.guards[i], d, results, count);
            if (!row || (by >= 0 && affine_only(q->out[d])->size <= s->row->size)) continue;
            by = i;
            *s = (Scattered){.dim = d, .row = affine_only(q->out[d]), .form = row};
        }
    if (by < 0) return false;
    double rows = (double)s->row->size;
    if (!is_worth_it(q, rows, index_points(results, count) / rows)) return false;
    s->guards = arena_array(p->arena, Guard, g.count + 1);
    for (int i = 0; i < g.count; i++) {
        if (i != by && affine_depends(g.guards[i].form, s->row)) return false;
        if (i != by && !form_depends_on_any(g.guards[i].form, results, count))
            s->guards[s->guard_count++] = g.guards[i];
    }
    return true;
}

// ---- reads of what gets a new value -----------------------------------------------------------------------

typedef struct {
    Program *p;
    const Equation *q;
    const Index *row;
    const bool *target; // by number of the tensor: an effect writes it
    uint32_t tensors;   // of those numbers
    Numbers *numbers;
    Equations *all;
} Apart;

// The read as a tensor over the indices that it depends on, the summed ones first.
static const Expr *read_apart(void *data, const Expr *read) {
    Apart *x = data;
    Program *p = x->p;
    if (read->tensor->id >= x->tensors || !x->target[read->tensor->id] || expr_depends(read, x->row) ||
        read->free_count > MAX_RANK || !reads_stay_inside(p, read, NULL, 0))
        return read;
    const Index *dims[MAX_RANK];
    int count = 0;
    for (int turn = 0; turn < 2; turn++)
        for (int i = 0; i < read->free_count; i++)
            if ((index_find(x->q->indices, x->q->index_count, read->free[i]) < 0) == turn)
                dims[count++] = read->free[i];
    const Affine **place = forms_of(p, dims, count);
    Tensor like = {.type = read->tensor->type, .rank = count};
    for (int d = 0; d < count; d++) {
        like.dims[d] = dims[d]->size;
        like.batch_dims = (uint8_t)(like.batch_dims | dims[d]->batch << d);
    }
    Equation *q = equation_map(p, &like, place, read, x->q->origin);
    Equations pieces = {0};
    vec_push(p->arena, &pieces, q);
    Tensor *t = numbers_find(x->numbers, &pieces, &like);
    if (!t) {
        t = temp_add(p, x->q->tensor->name, "_read", read->tensor->type, count, dims);
        pieces.data[0] = equation_copy(p, q, t);
        numbers_enter(x->numbers, &pieces, t);
        vec_push(p->arena, x->all, pieces.data[0]);
    }
    return expr_read(p, t, place, read->origin);
}

void pass_scatter(Program *p, Function *f) {
    uint32_t tensors = (uint32_t)p->tensors.count;
    bool *target = arena_array(p->arena, bool, tensors);
    for (int i = 0; i < f->effects.count; i++) target[f->effects.data[i].target->id] = true;
    Numbers *numbers = numbers_create(p);
    Equations all = {0};
    every (q, f->equations) {
        Scattered s;
        if (equation_scatters(p, q, &s)) {
            Apart x = {p, q, s.row, target, tensors, numbers, &all};
            q = equation_with(p, q, expr_map_reads(p, q->e, read_apart, &x));
        }
        vec_push(p->arena, &all, q);
    }
    f->equations = all;
}
