// grad(e, x): the derivative of the sum of e by x, asked for in the function at hand (`differentiate` defines
// it). What depends on it can be derived again, so that an order n is n requests.
// Guarantees: x is a read of a tensor; e has a tensor of its own, in which no element that is added up
// depends on another element's x.
#include "emit/write.h"

// Of x: an element that is a read. NULL after a message.
static const Expr *read_of(At at, const Phrase *by, Operand x) {
    const Expr *e = operand_has_value(x) ? array_of(at.m, x).e : NULL;
    if (!e || (e->op == OP_READ && !type_whole(e->type))) return e;
    Shape v = at.frame->of->of[by->number];
    report(at, GRAD_TENSOR, by->span, node_text(at.m->arena, by->node),
           type_whole(e->type) ? "of integers" : shape_text(at.m->arena, v));
    return NULL;
}

// Under indices in force the sum of e runs over them too: each of its elements must have an x of its own.
static bool has_own_x(At at, const Phrase *of, const Array *a, const Expr *read) {
    for (int i = 0; i < a->e->free_count; i++) {
        const Index *index = a->e->free[i];
        bool own = index == at.m->element || expr_depends(read, index) ||
                   index_find(a->indices, a->rank, index) >= 0;
        if (!own)
            return report_false(at, GRAD_INDEX, of->span, node_text(at.m->arena, of->node), index->name);
    }
    return true;
}

static Tensor *request(At at, Tensor *of, Tensor *by) {
    Function *f = at.to->function;
    for (int i = 0; i < f->gradients.count; i++)
        if (f->gradients.data[i].of == of && f->gradients.data[i].by == by)
            return f->gradients.data[i].result;
    const char *name = string_format(at.m->arena, "%s.grad", at.hint ? at.hint : by->name);
    Tensor *result = tensor_add(at.m->p, name, TENSOR_TEMP, by->type, by->rank, by->dims);
    result->batch_dims = by->batch_dims;
    result->origin = of->origin;
    vec_push(at.m->arena, &f->gradients, (GradientRequest){of, by, result});
    return result;
}

Operand operand_of_grad(At at, const Phrase *p) {
    const Phrase *of = p->part[0], *by = p->part[1];
    Operand e = operand_plain(at, operand_whole(at, of), of->span);
    Operand x = operand_first(operand_whole(at, by));
    const Expr *read = read_of(at, by, x);
    if (!read || !operand_has_value(e)) return operand_wrong();
    Array a = array_of(at.m, e), slope = array_of(at.m, x);
    if (a.filter) return report_wrong(at, FILTER_NEEDS_DOTS, of->span, "grad");
    if (!has_own_x(at, of, &a, read)) return operand_wrong();
    Tensor *t = array_reads_whole(&a) ? a.e->tensor
                                      : tensor_write(at, operand_name(at, e), TENSOR_TEMP, -1, &a, of->span);
    if (!t) return operand_wrong();
    slope.e = expr_read(at.m->p, request(at, t, read->tensor), read->forms, read->origin);
    return operand_array(at.m, &slope);
}
