// grad(e, x): the derivative of the sum of e by x, asked for in the function at hand (`differentiate` defines
// it). What depends on it can be derived again, so that an order n is n requests.
// Guarantees: x is a read of a tensor; e has a tensor of its own, in which no element that is added up
// depends on another element's x.
#include "emit/write.h"

static const Expr *element_of(Operand v) { return v.kind == OPERAND_TENSOR ? v.array->e : v.e; }

// Does the value read a tensor whole, at its own indices in order?
static bool reads_identity(Operand v) {
    const Expr *e = element_of(v);
    int rank = v.kind == OPERAND_TENSOR ? v.array->rank : 0;
    if (e->op != OP_READ || e->tensor->rank != rank) return false;
    for (int d = 0; d < rank; d++)
        if (affine_only(e->forms[d]) != v.array->indices[d]) return false;
    return true;
}

// Of x: an element that is a read. NULL after a message.
static const Expr *read_of(At at, const Phrase *by, Operand x) {
    bool numbers = x.kind == OPERAND_TENSOR || x.kind == OPERAND_SCALAR;
    const Expr *e = numbers ? element_of(x) : NULL;
    if (!e || (e->op == OP_READ && !type_whole(e->type))) return e;
    Shape v = at.frame->of->of[by->number];
    report(at, GRAD_TENSOR, by->span, node_written(at.m, by->node),
           type_whole(e->type) ? "of integers" : shape_text(at.m->arena, v));
    return NULL;
}

// Under indices in force the sum of e runs over them too: each of its elements must have an x of its own.
static bool has_own_x(At at, const Phrase *of, Operand e, const Expr *read) {
    const Expr *element = element_of(e);
    for (int i = 0; i < element->free_count; i++) {
        const Index *index = element->free[i];
        bool own = index == at.m->element || expr_depends(read, index);
        for (int d = 0; e.kind == OPERAND_TENSOR && d < e.array->rank; d++)
            own = own || e.array->indices[d] == index;
        if (!own) return report_false(at, GRAD_INDEX, of->span, node_written(at.m, of->node), index->name);
    }
    return true;
}

// The tensor that holds e; NULL after a message.
static Tensor *tensor_of(At at, const Phrase *of, Operand e) {
    if (reads_identity(e)) return element_of(e)->tensor;
    Array scalar = {.rank = 0, .e = element_of(e)};
    return tensor_write(at, operand_name(at, e), TENSOR_TEMP, -1,
                        e.kind == OPERAND_TENSOR ? e.array : &scalar, of->span);
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
    if (e.kind == OPERAND_NUMBER) e = operand_scalar(operand_expr(at.m, e, true));
    if (!read || (e.kind != OPERAND_TENSOR && e.kind != OPERAND_SCALAR)) return operand_wrong();
    if (e.kind == OPERAND_TENSOR && e.array->filter)
        return report_wrong(at, FILTER_NEEDS_DOTS, of->span, "grad");
    Tensor *t = has_own_x(at, of, e, read) ? tensor_of(at, of, e) : NULL;
    if (!t) return operand_wrong();
    const Expr *slope = expr_read(at.m->p, request(at, t, read->tensor), read->forms, read->origin);
    if (x.kind != OPERAND_TENSOR) return operand_scalar(slope);
    Array a = *x.array;
    a.e = slope;
    return operand_array(at.m, &a);
}
