// Updates that rows wait for (pass/defer.c): the steps that a row has missed, one after another, with what
// the row holds in registers, by the stages of the update itself.
//
// Who catches up reads the first of two marks behind `seen`, the last step made, and sets the second to the
// step at hand; the update reads the second and sets the first. So threads read what none of them writes, as
// all meet between the two.
#include "llvm/emit.h"

struct Replay {
    Operand from, to;    // steps of the row at hand
    Operand left;        // how many of them are to be made
    Operand numbers;     // of the step at hand
    Operand *low, *high; // of each number, over the steps that rows wait for
    Operand *values;     // variables: of each stage and instance, what the row holds
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

// The least and the largest that a number was since the ring began anew, and in the round before.
enum { LOW, HIGH, LOW_BEFORE, HIGH_BEFORE };

static Operand extreme_at(Emitter *em, int which, int number) {
    const Late *late = em->point.kernel->late;
    Operand at = build_i64(em, (late->ring + which) * layout_shared(late->past)->stride[0]);
    Operand row = LLVMBuildGEP2(em->builder, em->real, at_start(em, late->past), &at, 1, "");
    return number_at(em, row, number);
}

static Operand load_real(Emitter *em, Operand at) { return LLVMBuildLoad2(em->builder, em->real, at, ""); }

// NaN where one of them is.
static Operand extreme_of(Emitter *em, int which, Operand a, Operand b) {
    const char *name = which % 2 == LOW ? "llvm.minimum" : "llvm.maximum";
    return build_intrinsic(em, name, &em->real, 1, (Operand[]){a, b}, 2);
}

static void note_extremes(Emitter *em, Operand step, int number, Operand value) {
    const Late *late = em->point.kernel->late;
    Operand round = build_and(em, step, build_i64(em, late->ring - 1));
    Operand first = build_icmp(em, LLVMIntEQ, step, build_i64(em, 1));
    Operand anew = build_or(em, first, build_icmp(em, LLVMIntEQ, round, build_i64(em, 0)));
    for (int which = LOW; which <= HIGH; which++) {
        Operand now = extreme_at(em, which, number), before = extreme_at(em, which + 2, number);
        Operand own = load_real(em, now), earlier = load_real(em, before);
        earlier = build_select(em, first, value, build_select(em, anew, own, earlier));
        LLVMBuildStore(em->builder, earlier, before);
        LLVMBuildStore(em->builder, build_select(em, anew, value, extreme_of(em, which, own, value)), now);
    }
}

bool late_range(Emitter *em, const Expr *read, Operand *low, Operand *high) {
    const Late *late = em->point.kernel->late;
    int i = 0;
    while (i < late->numbers.count && late->numbers.data[i]->tensor != read->tensor) i++;
    if (i == late->numbers.count) return false;
    *low = em->point.replay->low[i];
    *high = em->point.replay->high[i];
    return true;
}

Operand late_left(Emitter *em) { return em->point.replay->left; }

static void load_extremes(Emitter *em) {
    const Late *late = em->point.kernel->late;
    struct Replay *r = em->point.replay = arena_new(em->arena, struct Replay);
    r->low = arena_array(em->arena, Operand, late->numbers.count + 1);
    r->high = arena_array(em->arena, Operand, late->numbers.count + 1);
    for (int i = 0; i < late->numbers.count; i++) {
        Operand bounds[4];
        for (int which = LOW; which <= HIGH_BEFORE; which++)
            bounds[which] = load_real(em, extreme_at(em, which, i));
        r->low[i] = extreme_of(em, LOW, bounds[LOW], bounds[LOW_BEFORE]);
        r->high[i] = extreme_of(em, HIGH, bounds[HIGH], bounds[HIGH_BEFORE]);
    }
}

// ---- rows -------------------------------------------------------------------------------------------------

void late_open(Emitter *em) {
    Point *p = &em->point;
    p->steps_made = load_step(em, mark(em, p->kernel->catches_up ? 0 : 1));
    if (p->kernel->catches_up) load_extremes(em);
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

static void prefetch(Emitter *em, Operand at) {
    Operand args[4] = {at, build_i32(em, 1), build_i32(em, 3), build_i32(em, 1)};
    build_intrinsic(em, "llvm.prefetch", &em->pointer, 1, args, 4);
}

void late_ahead(Emitter *em, Operand row) {
    enum { LINE = 64, MOST_LINES = 4 };
    const Kernel *k = em->point.kernel;
    for (int a = 0; a < k->axis_count; a++) em->point.axis[a] = (AxisState){.grain = 1};
    em->point.axis[k->row_axis].base = row;
    for (int s = 0; s < k->stages.count; s++) {
        const Equation *q = k->stages.data[s].equation;
        if (!q->tensor->layout->same || !is_far(em, q->tensor)) continue;
        int64_t bytes =
            tensor_elements(q->tensor) / k->axes[k->row_axis].size * layout_shared(q->tensor)->element_size;
        Operand first = emit_pointer(em, q->tensor, q->out);
        for (int64_t at = 0; at < bytes && at < MOST_LINES * LINE; at += LINE) {
            Operand further = build_i64(em, at);
            prefetch(em, LLVMBuildGEP2(em->builder, em->i8, first, &further, 1, ""));
        }
    }
    prefetch(em, seen_at(em, row));
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
        for (int i = 0; i < k->late->numbers.count; i++) {
            Operand value = emit_value(em, k->late->numbers.data[i]);
            LLVMBuildStore(em->builder, value, number_at(em, numbers, i));
            note_extremes(em, step, i, value);
        }
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

// The new value of what does not change.
static void as_it_is(Emitter *em, const Stage *stage, int number) {
    lanes_of_results(em);
    for (int i = 0; i < em->point.instance_count; i++) {
        instance_set(em, i);
        remember_result(em, stage, em->point.lane, load_value(em, *value_of(em, number)));
    }
}

// From one step to another; `some`: what is added to stays as it is.
static void run_steps(Emitter *em, Operand from, Operand to, bool some) {
    Point *p = &em->point;
    const Kernel *k = p->kernel;
    Loop steps = loop_open(em, -1, from, to, 1);
    p->replay->numbers = numbers_of(em, steps.counter);
    for (int s = 0; s < k->stages.count; s++) {
        const Stage *stage = &k->stages.data[s];
        if (stage->equation->e->op == OP_CONST)
            no_sum(em, stage);
        else if (some && stage_adds(stage))
            as_it_is(em, stage, s);
        else
            stage_values(em, stage);
    }
    each_value(em, keep);
    loop_close(em, &steps);
}

// Does that hold for all instances of the tile?
typedef Operand Question(Emitter *em, Operand *values);
static Operand of_all(Emitter *em, Question *question) {
    Point *p = &em->point;
    const Kernel *k = p->kernel;
    Operand all = NULL, *values = arena_array(em->arena, Operand, k->stages.count + 1);
    lanes_of_results(em);
    for (int i = 0; i < p->instance_count; i++) {
        instance_set(em, i);
        for (int s = 0; s < k->stages.count; s++)
            values[s] =
                k->stages.data[s].equation->tensor->layout->same ? load_value(em, *value_of(em, s)) : NULL;
        Operand holds = question(em, values);
        if (!holds) break;
        if (is_vector(holds) && p->active)
            holds = build_or(em, holds, LLVMBuildNot(em->builder, p->active, ""));
        if (is_vector(holds)) holds = build_unary(em, "llvm.vector.reduce.and", holds);
        all = i == 0 ? holds : build_and(em, all, holds);
        if (i + 1 < p->instance_count) continue;
        clear_instance(em);
        return all;
    }
    clear_instance(em);
    return NULL;
}

void late_tile(Emitter *em) {
    enum { FEW = 12, BETWEEN = 32 }; // steps that are made without asking, and between two questions
    Point *p = &em->point;
    int memo = em->memo.count;
    lanes_of_results(em);
    p->replay->values = arena_array(em->arena, Operand, p->kernel->stages.count * p->instance_count + 1);
    each_value(em, fetch);
    Operand to = p->replay->to, at = build_variable(em, p->replay->from);
    BasicBlock head = build_block(em), body = build_block(em), many = build_block(em), more = build_block(em),
               some = build_block(em), rest = build_block(em), end = build_block(em);
    build_goto(em, head);
    Operand from = LLVMBuildLoad2(em->builder, em->i64, at, "");
    LLVMBuildCondBr(em->builder, build_icmp(em, LLVMIntSLT, from, to), body, end);
    build_at(em, body);
    p->replay->left = build_sub(em, to, from);
    build_branch(em, build_icmp(em, LLVMIntSGT, p->replay->left, build_i64(em, FEW)), many, more);
    Operand steady = of_all(em, emit_steady);
    LLVMBuildCondBr(em->builder, steady ? steady : LLVMConstInt(em->i1, 0, 0), some, more);
    memo_cut(em, memo);
    build_at(em, more);
    Operand until = build_smaller(em, to, build_add(em, from, build_i64(em, BETWEEN)));
    run_steps(em, from, until, false);
    LLVMBuildStore(em->builder, until, at);
    LLVMBuildBr(em->builder, head);
    build_at(em, some);
    Operand nothing = of_all(em, emit_nothing);
    LLVMBuildCondBr(em->builder, nothing ? nothing : LLVMConstInt(em->i1, 0, 0), end, rest);
    memo_cut(em, memo);
    build_at(em, rest);
    run_steps(em, from, to, true);
    build_goto(em, end);
    each_value(em, give_back);
    memo_cut(em, memo);
}
