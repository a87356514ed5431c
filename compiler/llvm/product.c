// A product by a BLAS: one call of cblas_sgemm or cblas_dgemm a tile, on the matrices as they lie.
//
// Rows that are not there are left out of m or k. Summed axes that do not lie as one with k are loops of
// calls, of which all but the first add to C.
#include "llvm/emit.h"

enum { ROW_MAJOR = 101, PLAIN = 111, TRANSPOSED = 112 }; // of cblas.h

static Operand declare(Emitter *em, bool in_double, LLVMTypeRef *type) {
    const char *name = in_double ? "cblas_dgemm" : "cblas_sgemm";
    LLVMTypeRef i = em->i32, p = em->pointer, r = em->real;
    LLVMTypeRef params[] = {i, i, i, i, i, i, r, p, i, p, i, r, p, i};
    *type = LLVMFunctionType(em->none, params, sizeof params / sizeof *params, 0);
    Operand function = LLVMGetNamedFunction(em->module, name);
    return function ? function : LLVMAddFunction(em->module, name, *type);
}

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

static void call(Emitter *em, const Product *p, const Stage *stage, Operand beta) {
    LLVMTypeRef type;
    Operand function = declare(em, em->real == em->f64, &type);
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
    LLVMBuildCall2(em->builder, type, function, args, sizeof args / sizeof *args, "");
}

// Loops over the summed axes that are not k, from the j-th on; `first`: all so far are at 0, NULL: there are
// none.
static void summed_loops(Emitter *em, const Product *p, const Stage *stage, int j, Operand first) {
    while (j < stage->inner_count && run_has(&p->k, stage->inner[j])) j++;
    if (j == stage->inner_count) {
        Operand zero = LLVMConstReal(em->real, 0), one = LLVMConstReal(em->real, 1);
        call(em, p, stage, first ? LLVMBuildSelect(em->builder, first, zero, one, "") : zero);
        return;
    }
    Loop loop = loop_open(em, stage->inner[j], build_i64(em, 0), length_of(em, stage->inner[j]), 1);
    Operand begins = build_icmp(em, LLVMIntEQ, loop.counter, build_i64(em, 0));
    summed_loops(em, p, stage, j + 1, build_and(em, first, begins));
    loop_close(em, &loop);
}

void emit_product(Emitter *em) {
    const Kernel *k = em->point.kernel;
    int mark = em->memo.count;
    em->point.stage = &k->stages.data[0];
    summed_loops(em, k->product, &k->stages.data[0], 0, NULL);
    memo_cut(em, mark);
}
