// grad(e, x): the derivative of the sum of e by x, asked for in the function at hand (`differentiate` defines
// it). What depends on it can be derived again, so that an order n is n requests.
// Guarantees: x is a read of a tensor; e has a tensor of its own, in which no element that is added up
// depends on another element's x.
#include "sema/values.h"

static const Expr *element_of(SemaValue v) { return v.kind == SEMA_TENSOR ? v.array->e : v.e; }

// Does the value read a tensor whole, at its own indices in order?
static bool reads_identity(SemaValue v) {
    const Expr *e = element_of(v);
    int rank = v.kind == SEMA_TENSOR ? v.array->rank : 0;
    if (e->op != OP_READ || e->tensor->rank != rank) return false;
    for (int d = 0; d < rank; d++)
        if (affine_only(e->forms[d]) != v.array->indices[d]) return false;
    return true;
}

// Under indices in force the sum of e runs over them too: each of its elements must have an x of its own.
static bool has_own_x(Elaborator *el, Env *env, const Node *of, SemaValue e, const Expr *read) {
    const Expr *element = element_of(e);
    for (int i = 0; i < element->free_count; i++) {
        const Index *index = element->free[i];
        bool own = index == el->tables->element || expr_depends(read, index);
        for (int d = 0; e.kind == SEMA_TENSOR && d < e.array->rank; d++)
            own = own || e.array->indices[d] == index;
        if (!own)
            return fail_false(el, env, GRAD_INDEX, of->span, node_text(el->session->arena, of), index->name);
    }
    return true;
}

// The tensor that holds e; NULL after a message.
static Tensor *tensor_of(Elaborator *el, Env *env, const Node *of, SemaValue e) {
    if (reads_identity(e)) return element_of(e)->tensor;
    Array scalar = {.rank = 0, .e = element_of(e)};
    return tensor_emit(el, env, value_name(el, env, e), TENSOR_TEMP, -1,
                       e.kind == SEMA_TENSOR ? e.array : &scalar, of->span);
}

// With totals only a row's own derivative can be measured: any other adds up what the rows of a batch give.
static bool measurable(Elaborator *el, Env *env, const Tensor *of, const Tensor *by, Span span) {
    if (!el->totals || (side_of_tensor(el, of) == SIDE_BATCH && of->batch_dims && by->batch_dims))
        return true;
    return fail_false(el, env, METRIC_NESTED, span, "");
}

static Tensor *request(Elaborator *el, Tensor *of, Tensor *by) {
    Program *p = el->session->program;
    Function *f = el->function;
    for (int i = 0; f && i < f->gradients.count; i++)
        if (f->gradients.data[i].of == of && f->gradients.data[i].by == by)
            return f->gradients.data[i].result;
    const char *name = string_format(p->arena, "%s.grad", el->tables->hint ? el->tables->hint : by->name);
    Tensor *result = tensor_add(p, name, TENSOR_TEMP, by->type, by->rank, by->dims);
    result->batch_dims = by->batch_dims;
    result->origin = of->origin;
    if (f) vec_push(p->arena, &f->gradients, (GradientRequest){of, by, result});
    return result;
}

SemaValue value_of_grad(Elaborator *el, Env *env, const Node *call) {
    const Node *of = argument_node(call->items[0]), *by = argument_node(call->items[1]);
    SemaValue e = value_plain(el, env, value_of_whole(el, env, of), of->span);
    SemaValue x = value_first(value_of_whole(el, env, by));
    if (x.kind == SEMA_ERROR || e.kind == SEMA_ERROR) return value_error();
    const Expr *read = element_of(x);
    shaped(read->op == OP_READ);
    if (e.kind == SEMA_NUMBER) e = value_scalar(value_expr(el, e, true));
    Tensor *t = has_own_x(el, env, of, e, read) ? tensor_of(el, env, of, e) : NULL;
    if (!t || !measurable(el, env, t, read->tensor, call->span)) return value_error();
    Program *p = el->session->program;
    const Expr *slope = expr_read(p, request(el, t, read->tensor), read->forms, read->origin);
    if (x.kind != SEMA_TENSOR) return value_scalar(slope);
    Array a = *x.array;
    a.e = slope;
    return value_array(el->session, &a);
}
