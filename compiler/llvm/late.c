// Updates that rows wait for (pass/defer.c): the steps that a row has missed, one after another, with what
// the row holds in registers, by the stages of the update itself.
//
// Who catches up reads the first of two marks behind `seen`, the last step made, and sets the second to the
// step at hand; the update reads the second and sets the first. So threads read what none of them writes, as
// all meet between the two.
#include "llvm/emit.h"

struct Replay {
    Operand from, to; // steps of the row at hand
    Operand numbers;  // of the step at hand
    Operand *values;  // variables: of each stage and instance, what the row holds
};

// ---- memory -----------------------------------------------------------------------------------------------

static Operand at_start(Emitter *em, Tensor *t) {
    const Affine *zero[2] = {affine_constant(em->program, 0), affine_constant(em->program, 0)};
    return emit_pointer(em, t, zero);
}

static Operand seen_at(Emitter *em, Operand number) {
    Operand seen = at_start(em, em->point.kernel->late->seen);
    return LLVMBuildGEP2(em->builder, em->i32, seen, &number, 1, "");
}

static Operand load_step(Emitter *em, Operand at) {
    return LLVMBuildZExt(em->builder, LLVMBuildLoad2(em->builder, em->i32, at, ""), em->i64, "");
}

static void store_step(Emitter *em, Operand step, Operand at) {
    LLVMBuildStore(em->builder, LLVMBuildTrunc(em->builder, step, em->i32, ""), at);
}

static Operand mark(Emitter *em, int which) {
    const Kernel *k = em->point.kernel;
    return seen_at(em, build_i64(em, k->axes[k->row_axis].size + which));
}

// Where the ring has the numbers of a step.
static Operand numbers_of(Emitter *em, Operand step) {
    const Late *late = em->point.kernel->late;
    Operand turn = build_and(em, step, build_i64(em, late->ring - 1));
    Operand at = build_mul(em, turn, build_i64(em, layout_shared(late->past)->stride[0]));
    return LLVMBuildGEP2(em->builder, em->real, at_start(em, late->past), &at, 1, "");
}

static Operand number_at(Emitter *em, Operand numbers, int i) {
    Operand place = build_i64(em, i);
    return LLVMBuildGEP2(em->builder, em->real, numbers, &place, 1, "");
}

// ---- rows -------------------------------------------------------------------------------------------------

void late_open(Emitter *em) {
    Point *p = &em->point;
    p->steps_made = load_step(em, mark(em, p->kernel->catches_up ? 0 : 1));
    if (p->kernel->catches_up) p->replay = arena_new(em->arena, struct Replay);
}

void late_turn(Emitter *em, Operand *from, Operand *to) {
    const Kernel *k = em->point.kernel;
    int64_t rows = k->axes[k->row_axis].size, some = rows / (k->late->ring - 2) + 1;
    Operand step = build_add(em, em->point.steps_made, build_i64(em, 1));
    Operand turn = LLVMBuildURem(em->builder, step, build_i64(em, (rows + some - 1) / some), "");
    Operand first = build_mul(em, turn, build_i64(em, some));
    *from = build_larger(em, *from, first);
    *to = build_smaller(em, *to, build_add(em, first, build_i64(em, some)));
}

void late_row(Emitter *em, Operand row) {
    Point *p = &em->point;
    Operand seen = seen_at(em, row);
    if (!p->kernel->catches_up) {
        emit_row(em, row);
        store_step(em, p->steps_made, seen);
        return;
    }
    BasicBlock behind = build_block(em), on = build_block(em);
    Operand last = load_step(em, seen);
    build_branch(em, build_icmp(em, LLVMIntSLT, last, p->steps_made), behind, on);
    p->replay->from = build_add(em, last, build_i64(em, 1));
    p->replay->to = build_add(em, p->steps_made, build_i64(em, 1));
    emit_row(em, row);
    store_step(em, p->steps_made, seen);
    build_goto(em, on);
}

void late_close(Emitter *em) {
    const Kernel *k = em->point.kernel;
    if (k->catches_up && !k->touched) return;
    BasicBlock first = build_block(em), on = build_block(em);
    build_branch(em, build_icmp(em, LLVMIntEQ, em->thread, build_i32(em, 0)), first, on);
    int memo = em->memo.count;
    Operand step = em->point.steps_made;
    if (k->catches_up) {
        store_step(em, build_add(em, step, build_i64(em, 1)), mark(em, 1));
    } else {
        store_step(em, step, mark(em, 0));
        Operand numbers = numbers_of(em, step);
        em->point.number = em->real;
        for (int i = 0; i < k->late->numbers.count; i++)
            LLVMBuildStore(em->builder, emit_value(em, k->late->numbers.data[i]), number_at(em, numbers, i));
    }
    memo_cut(em, memo);
    build_goto(em, on);
}

// ---- steps ------------------------------------------------------------------------------------------------

static Operand *value_of(const Emitter *em, int stage) {
    return &em->point.replay->values[stage * em->point.instance_count + em->point.instance];
}

static Operand load_value(Emitter *em, Operand variable) {
    return LLVMBuildLoad2(em->builder, LLVMGetAllocatedType(variable), variable, "");
}

Operand late_value(Emitter *em, const Expr *read) {
    const Kernel *k = em->point.kernel;
    for (int i = 0; i < k->late->numbers.count; i++)
        if (k->late->numbers.data[i]->tensor == read->tensor)
            return LLVMBuildLoad2(em->builder, em->real, number_at(em, em->point.replay->numbers, i), "");
    for (int s = 0; s < k->stages.count; s++)
        if (k->stages.data[s].equation->tensor->layout->same == read->tensor)
            return load_value(em, *value_of(em, s));
    return NULL;
}

typedef void EachValue(Emitter *em, const Stage *stage, Operand *value);

// For what the row holds, in all instances.
static void each_value(Emitter *em, EachValue *what) {
    const Kernel *k = em->point.kernel;
    lanes_of_results(em);
    for (int s = 0; s < k->stages.count; s++)
        for (int i = 0; k->stages.data[s].equation->tensor->layout->same && i < em->point.instance_count;
             i++) {
            instance_set(em, i);
            what(em, &k->stages.data[s], value_of(em, s));
        }
    clear_instance(em);
}

static void fetch(Emitter *em, const Stage *stage, Operand *value) {
    const Equation *q = stage->equation;
    *value = build_variable(em, emit_load(em, q->tensor->layout->same, q->out, q->out_count));
}

static void keep(Emitter *em, const Stage *stage, Operand *value) {
    LLVMBuildStore(em->builder, result_of(em, stage), *value);
}

static void give_back(Emitter *em, const Stage *stage, Operand *value) {
    const Equation *q = stage->equation;
    emit_store(em, q->tensor, q->out, q->out_count, load_value(em, *value));
}

// A sum without a term is a value like any other: what is made of it is computed in the same way.
static void no_sum(Emitter *em, const Stage *stage) {
    lanes_of_results(em);
    LLVMTypeRef type = em->point.lane < 0 ? em->real : vector_of(em, em->real);
    for (int i = 0; i < em->point.instance_count; i++) {
        instance_set(em, i);
        remember_result(em, stage, em->point.lane, LLVMConstNull(type));
    }
}

void late_tile(Emitter *em) {
    Point *p = &em->point;
    const Kernel *k = p->kernel;
    int memo = em->memo.count;
    lanes_of_results(em);
    p->replay->values = arena_array(em->arena, Operand, k->stages.count * p->instance_count + 1);
    each_value(em, fetch);
    Loop steps = loop_open(em, -1, p->replay->from, p->replay->to, 1);
    p->replay->numbers = numbers_of(em, steps.counter);
    for (int s = 0; s < k->stages.count; s++)
        if (k->stages.data[s].equation->e->op == OP_CONST)
            no_sum(em, &k->stages.data[s]);
        else
            stage_values(em, &k->stages.data[s]);
    each_value(em, keep);
    loop_close(em, &steps);
    each_value(em, give_back);
    memo_cut(em, memo);
}
