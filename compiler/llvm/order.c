// Sorting by the runtime: one call for each row, on values and positions as they lie; and one call for a
// plan.
#include "llvm/emit.h"

#include "base/order.h"

// From one value of the axis to the next, in elements.
static int64_t step_along(const Tensor *t, const Affine *const *forms, const Index *along) {
    const Layout *l = layout_shared(t);
    int64_t step = 0;
    for (int d = 0; d < t->rank; d++)
        step += affine_coef(forms[d], along) * (d == l->inner ? 1 : l->stride[d]);
    return step;
}

static nn_key key_of(const Emitter *em, const Tensor *t) {
    if (t->type == TYPE_INT || t->type == TYPE_BOOL) return NN_KEY_WHOLE;
    return element_size(em->program, t) == 8 ? NN_KEY_DOUBLE : NN_KEY_SINGLE;
}

static void emit_plan(Emitter *em, const Equation *q) {
    const Expr *key = q->e->args[0];
    LLVMTypeRef p = em->pointer, params[] = {p, p, em->i64, em->i64};
    Operand args[] = {emit_pointer(em, key->tensor, key->forms), emit_pointer(em, q->tensor, q->out),
                      build_i64(em, q->indices[0]->size), build_i64(em, em->point.kernel->plan_rows)};
    LLVMTypeRef type = LLVMFunctionType(em->none, params, sizeof params / sizeof *params, 0);
    LLVMBuildCall2(em->builder, type, emit_plan_function(em), args, sizeof args / sizeof *args, "");
}

void emit_order(Emitter *em) {
    const Stage *stage = &em->point.kernel->stages.data[0];
    const Equation *q = stage->equation;
    const Expr *x = q->e->args[0];
    if (x->op != OP_READ) die("%s sorts what is no tensor", q->tensor->name);
    int mark = em->memo.count;
    em->point.stage = stage;
    if (em->point.kernel->plan_rows) {
        emit_plan(em, q);
        memo_cut(em, mark);
        return;
    }
    LLVMTypeRef p = em->pointer, params[] = {p, em->i32, em->i64, p, em->i64, em->i64};
    Operand args[] = {emit_pointer(em, x->tensor, x->forms),
                      build_i32(em, (int64_t)key_of(em, x->tensor)),
                      build_i64(em, step_along(x->tensor, x->forms, q->indices[0])),
                      emit_pointer(em, q->tensor, q->out),
                      build_i64(em, step_along(q->tensor, q->out, q->e->args[1]->index)),
                      build_i64(em, q->indices[0]->size)};
    LLVMTypeRef type = LLVMFunctionType(em->none, params, sizeof params / sizeof *params, 0);
    LLVMBuildCall2(em->builder, type, emit_order_function(em), args, sizeof args / sizeof *args, "");
    memo_cut(em, mark);
}
