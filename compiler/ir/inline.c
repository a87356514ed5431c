// A value of one function as an expression that may stand in any other: what it reads is written out.
#include "ir/algebra.h"

// A short sum (milestones) written out; NULL for other reductions.
static const Expr *written_out(Program *p, const Equation *q) {
    enum { MOST_TERMS = 256 };
    if (q->reduction != REDUCE_SUM || q->index_count != 1 || q->indices[0]->batch ||
        q->indices[0]->size > MOST_TERMS)
        return NULL;
    const Expr *sum = expr_const(p, 0);
    for (int64_t i = 0; i < q->indices[0]->size; i++) {
        Binding at = {q->indices[0], affine_constant(p, i)};
        sum = expr_add(p, sum, expr_substitute(p, q->e, &at, 1));
    }
    return sum;
}

typedef struct {
    Program *p;
    const Function *f;
} Inline;

static const Expr *inline_temp(void *data, const Expr *read) {
    const Inline *in = data;
    const Equation *q = NULL;
    every (piece, in->f->equations) {
        if (piece->tensor != read->tensor) continue;
        if (q) return read; // it comes in pieces
        q = piece;
    }
    if (!q || read->tensor->kind != TENSOR_TEMP) return read;
    Binding at[MAX_RANK];
    for (int d = 0; d < q->out_count; d++) {
        at[d] = (Binding){affine_only(q->out[d]), read->forms[d]};
        if (!at[d].from) return read;
    }
    const Expr *e = q->reduction == REDUCE_NONE ? q->e : written_out(in->p, q);
    return e ? expr_substitute(in->p, e, at, q->out_count) : read;
}

const Expr *expr_without_temps(Program *p, const Function *f, const Expr *e) {
    Inline in = {p, f};
    for (int round = 0; round < MAX_DEPTH; round++) {
        const Expr *next = expr_map_reads(p, e, inline_temp, &in);
        if (next == e) return e;
        e = next;
    }
    return e;
}
