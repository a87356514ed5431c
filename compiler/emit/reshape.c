// reshape: the same elements in the same order under other dimensions. An element of the new shape reads the
// old one at its position; the divisions in that vanish where the indices of its equation can be split.
#include "emit/write.h"

// The element of the old shape at a position of the new, by // and mod.
static const Expr *at_position(const Emitter *m, const Array *from, const Affine *position, int first) {
    Program *p = m->p;
    const Affine *forms[MAX_RANK];
    const Expr *rest = expr_affine(p, position);
    for (int d = from->rank - 1; d > first; d--) {
        const Expr *size = expr_int(p, from->dims[d].size);
        forms[d] = form_of(m, expr_binary(p, OP_MOD, rest, size));
        rest = expr_binary(p, OP_FLOOR_DIV, rest, size);
    }
    if (first < from->rank) forms[first] = form_of(m, rest);
    if (first) forms[0] = affine_index(p, from->indices[0]);
    return array_element(m, from, forms);
}

Operand operand_of_reshape(At at, const Phrase *p, Operand v) {
    Program *program = at.m->p;
    Shape wanted = at.frame->of->of[p->number];
    v = operand_plain(at, v, p->span);
    if (v.kind != OPERAND_TENSOR) return v;
    Array to = array_over(at.m, "i", wanted.dims, wanted.rank);
    bool same = to.rank == v.array->rank;
    for (int d = 0; d < to.rank; d++) same = same && to.dims[d].size == v.array->dims[d].size;
    if (same) return v;
    v = operand_store(at, v, operand_name(at, v), p->span);
    if (v.kind == OPERAND_WRONG) return v;
    int first = v.array->dims[0].batch; // rows stay what they are
    if (first) to.indices[0] = v.array->indices[0];
    const Affine *position = affine_constant(program, 0);
    for (int d = first; d < to.rank; d++)
        position = affine_add(program, affine_scale(program, position, to.dims[d].size, 1),
                              affine_index(program, to.indices[d]));
    to.e = at_position(at.m, v.array, position, first);
    return operand_own(at, operand_array(at.m, &to), path_in(at.m, at.frame, "reshape"), p->span);
}
