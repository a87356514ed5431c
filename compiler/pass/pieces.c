// An elementwise reader of a tensor in pieces, or of one that is written at affine places, becomes pieces
// itself: a gradient in phases is masked where it is made, and stored once. A piece that is a sum stays one,
// in a tensor of its own.
#include "pass/algebra.h"
#include "pass/passes.h"

typedef struct {
    Program *p;
    const Tensor *of;
    const Expr *value; // the piece, or what stands where no piece reaches
} Piece;

static const Expr *replace(void *data, const Expr *read) {
    const Piece *piece = data;
    return read->tensor == piece->of ? piece->value : read;
}

static bool covers(const Definition *d) {
    double sum = 0;
    every (q, d->equations) {
        const Index *result[4 * MAX_RANK];
        sum += index_points(result, equation_result_indices(q, result, 4 * MAX_RANK));
    }
    return sum >= (double)tensor_elements(d->tensor);
}

// Does the reader take every element at its own place, and is it 0 where no piece reaches?
static bool suits(Program *p, const Definition *d, const Equation *reader) {
    if (reader->reduction != REDUCE_NONE || !equation_identity(reader)) return false;
    every_read (read, reader->e) {
        if (read->tensor == d->tensor && !forms_equal(read->forms, reader->out, read->guard_count))
            return false;
    }
    if (reader->out_count != d->tensor->rank || reader->tensor->step) return false;
    for (int k = 0; k < reader->out_count; k++)
        if (reader->tensor->dims[k] != d->tensor->dims[k]) return false; // a slice leaves pieces outside
    Piece outside = {p, d->tensor, expr_const(p, 0)};
    return covers(d) || expr_is_const(expr_normal(p, expr_map_reads(p, reader->e, replace, &outside)), 0);
}

static const Expr *value_of(Program *p, const Equation *piece, Equations *made) {
    if (piece->reduction == REDUCE_NONE) return piece->e;
    const Index *result[4 * MAX_RANK];
    int rank = equation_result_indices(piece, result, 4 * MAX_RANK);
    if (rank > MAX_RANK) return NULL;
    return part_extract(p, piece, "_piece", piece->reduction, rank, result, piece->e, made);
}

static bool push(Program *p, const Definition *d, const Equation *reader, Equations *result) {
    Equations new = {0};
    every (piece, d->equations) {
        Binding at[MAX_RANK];
        for (int k = 0; k < reader->out_count; k++)
            at[k] = (Binding){affine_only(reader->out[k]), piece->out[k]};
        Piece value = {p, d->tensor, value_of(p, piece, &new)};
        if (!value.value) return false;
        const Expr *e = expr_substitute(p, reader->e, at, reader->out_count);
        e = expr_normal(p, expr_map_reads(p, e, replace, &value));
        if (expr_too_large(e)) return false;
        Equation *q = equation_map(p, reader->tensor, piece->out, e, reader->origin);
        vec_push(p->arena, &new, equation_copy(p, q, q->tensor));
    }
    for (int i = 0; i < new.count; i++) vec_push(p->arena, result, new.data[i]);
    return true;
}

void pass_pieces(Program *p, Function *f) {
    Flow *flow = flow_open(p, f);
    int count = p->tensors.count;
    const int *readers = function_reads(p, f);
    Equations all = {0};
    every (reader, flow->order) {
        bool pushed = false;
        for (int k = 0;
             reader->equations.count == 1 && !pushed && k < reader->equations.data[0]->e->read_count; k++) {
            const Tensor *of = reader->equations.data[0]->e->reads[k]->tensor;
            const Definition *d = flow_definition(flow, of);
            if (!d || d->live || (int)of->id >= count || readers[of->id] != 1 ||
                equation_identity(d->equations.data[0]))
                continue;
            if (!suits(p, d, reader->equations.data[0])) continue;
            Equations new = {0};
            if (!push(p, d, reader->equations.data[0], &new)) continue;
            pushed = true;
            reader->equations.count = 0;
            for (int n = 0; n < new.count; n++) {
                if (new.data[n]->tensor != reader->tensor)
                    vec_push(p->arena, &all, new.data[n]);
                else
                    vec_push(p->arena, &reader->equations, new.data[n]);
            }
        }
        for (int k = 0; k < reader->equations.count; k++) vec_push(p->arena, &all, reader->equations.data[k]);
    }
    f->equations = all;
    function_drop_dead(p, f);
}
