// Tiles that are computed elsewhere, by one call each, on what lies in memory: a product by a BLAS, a row
// that the runtime sorts, a plan that it makes. Which kernels those are, and how their tiles are cut,
// scheduling has decided (kernel_is_called); who links what is called is in link.c.
#include "llvm/emit.h"

#include "abi.h"
#include "base/order.h"

#include <stddef.h>

#define CALL(em, function, args) build_call(em, function, args, (int)(sizeof args / sizeof *args))

// ---- sorting ----------------------------------------------------------------------------------------------

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

static void sort_row(Emitter *em, const Equation *q) {
    const Expr *x = q->e->args[0];
    Operand args[] = {emit_pointer(em, x->tensor, x->forms),
                      build_i32(em, (int64_t)key_of(em, x->tensor)),
                      build_i64(em, step_along(x->tensor, x->forms, q->indices[0])),
                      emit_pointer(em, q->tensor, q->out),
                      build_i64(em, step_along(q->tensor, q->out, q->e->args[1]->index)),
                      build_i64(em, q->indices[0]->size)};
    CALL(em, emit_passed(em, offsetof(nn_call, order)), args);
}

static void make_plan(Emitter *em, const Equation *q, int64_t rows) {
    const Expr *key = q->e->args[0];
    Operand args[] = {emit_pointer(em, key->tensor, key->forms), emit_pointer(em, q->tensor, q->out),
                      build_i64(em, q->indices[0]->size), build_i64(em, rows)};
    CALL(em, emit_passed(em, offsetof(nn_call, plan)), args);
}

// ---- products ---------------------------------------------------------------------------------------------
// Rows that are not there are left out of m or k. Summed axes that do not lie as one with k are loops of
// calls, of which all but the first add to C.

enum { ROW_MAJOR = 101, PLAIN = 111, TRANSPOSED = 112 }; // of cblas.h

// How many values of the axis there are in this tile, or in all for a summed one.
static Operand length_of(Emitter *em, int axis) {
    const AxisState *s = &em->point.axis[axis];
    if (!em->point.kernel->axes[axis].tile) return axis_end(em, axis);
    if (!axis_short(em, axis)) return build_i64(em, s->length);
    Operand left = s->base ? build_sub(em, em->rows, s->base) : em->rows;
    return build_smaller(em, left, build_i64(em, s->length));
}

static Operand extent_of(Emitter *em, const Run *run) {
    Operand n = build_i64(em, 1);
    for (int i = 0; i < run->count; i++) n = build_mul(em, n, length_of(em, run->axis[i]));
    return LLVMBuildTrunc(em->builder, n, em->i32, "");
}

static void multiply(Emitter *em, const Product *p, const Stage *stage, Operand beta) {
    const char *name = em->real == em->f64 ? "cblas_dgemm" : "cblas_sgemm";
    const Equation *q = stage->equation;
    Operand args[] = {build_i32(em, ROW_MAJOR),
                      build_i32(em, p->transpose_a ? TRANSPOSED : PLAIN),
                      build_i32(em, p->transpose_b ? TRANSPOSED : PLAIN),
                      extent_of(em, &p->m),
                      extent_of(em, &p->n),
                      extent_of(em, &p->k),
                      LLVMConstReal(em->real, p->alpha),
                      emit_pointer(em, p->a->tensor, p->a->forms),
                      build_i32(em, p->lda),
                      emit_pointer(em, p->b->tensor, p->b->forms),
                      build_i32(em, p->ldb),
                      beta,
                      emit_pointer(em, q->tensor, q->out),
                      build_i32(em, p->ldc)};
    enum { COUNT = sizeof args / sizeof *args };
    Operand function = LLVMGetNamedFunction(em->module, name);
    if (!function) function = LLVMAddFunction(em->module, name, call_type(em, args, COUNT));
    build_call(em, function, args, COUNT);
}

// Loops over the summed axes that are not k, from the j-th on; `first`: all so far are at 0, NULL: there are
// none.
static void summed_loops(Emitter *em, const Product *p, const Stage *stage, int j, Operand first) {
    while (j < stage->inner_count && run_has(&p->k, stage->inner[j])) j++;
    if (j == stage->inner_count) {
        Operand zero = LLVMConstReal(em->real, 0), one = LLVMConstReal(em->real, 1);
        multiply(em, p, stage, first ? LLVMBuildSelect(em->builder, first, zero, one, "") : zero);
        return;
    }
    Loop loop = loop_open(em, stage->inner[j], build_i64(em, 0), length_of(em, stage->inner[j]), 1);
    Operand begins = build_icmp(em, LLVMIntEQ, loop.counter, build_i64(em, 0));
    summed_loops(em, p, stage, j + 1, build_and(em, first, begins));
    loop_close(em, &loop);
}

// ---- the tile ---------------------------------------------------------------------------------------------

void emit_call(Emitter *em) {
    const Kernel *k = em->point.kernel;
    int mark = em->memo.count;
    em->point.stage = &k->stages.data[0];
    if (k->product)
        summed_loops(em, k->product, em->point.stage, 0, NULL);
    else if (k->plan_rows)
        make_plan(em, em->point.stage->equation, k->plan_rows);
    else
        sort_row(em, em->point.stage->equation);
    memo_cut(em, mark);
}
