// Sums that an integer scatters: a loop over rows, in which each stage that has a plan takes the row's
// positions from it. Threads own ranges of rows. Where rows without positions keep their values, only the
// rows of the plans are run; whether they do may depend on settings, which are asked once.
#include "llvm/emit.h"

#include "abi.h"

_Static_assert(NN_PLAN_HEAD == PLAN_HEAD * sizeof(int32_t), "the head of a plan");

// Between them stand what decides, build_branch to the body or the exit, and the body.
typedef struct {
    BasicBlock head, body, exit;
} While;

static While while_open(Emitter *em) {
    While w;
    w.head = build_block(em);
    w.body = build_block(em);
    w.exit = build_block(em);
    build_goto(em, w.head);
    return w;
}

static void while_close(Emitter *em, const While *w) {
    LLVMBuildBr(em->builder, w->head);
    build_at(em, w->exit);
}

// ---- plans ------------------------------------------------------------------------------------------------

static Operand entry_of(Emitter *em, const Cursor *c, Operand number) {
    Operand at = LLVMBuildGEP2(em->builder, em->i64, c->entries, &number, 1, "");
    return LLVMBuildLoad2(em->builder, em->i64, at, "");
}

static Operand row_of(Emitter *em, Operand entry) {
    return LLVMBuildLShr(em->builder, entry, build_i64(em, 32), "");
}

static Operand load(Emitter *em, Operand variable) {
    return LLVMBuildLoad2(em->builder, em->i64, variable, "");
}

static Operand is_less(Emitter *em, Operand a, Operand b) { return build_icmp(em, LLVMIntSLT, a, b); }

// The row of an entry; `otherwise` beyond the last, where there is room to read.
static Operand row_at(Emitter *em, const Cursor *c, Operand number, Operand otherwise) {
    Operand row = row_of(em, entry_of(em, c, number));
    return LLVMBuildSelect(em->builder, is_less(em, number, c->count), row, otherwise, "");
}

// The first entry whose row is not below this one.
static Operand first_entry(Emitter *em, const Cursor *c, Operand row) {
    Operand low = build_variable(em, build_i64(em, 0)), high = build_variable(em, c->count);
    While w = while_open(em);
    Operand from = load(em, low), to = load(em, high);
    build_branch(em, is_less(em, from, to), w.body, w.exit);
    Operand sum = build_add(em, from, to);
    Operand middle = LLVMBuildLShr(em->builder, sum, build_i64(em, 1), "");
    Operand below = is_less(em, row_of(em, entry_of(em, c, middle)), row);
    Operand next = build_add(em, middle, build_i64(em, 1));
    LLVMBuildStore(em->builder, LLVMBuildSelect(em->builder, below, next, from, ""), low);
    LLVMBuildStore(em->builder, LLVMBuildSelect(em->builder, below, to, middle, ""), high);
    while_close(em, &w);
    return from;
}

static Cursor cursor_of(Emitter *em, Tensor *plan) {
    const Affine *zero = affine_constant(em->program, 0);
    Operand head = build_i64(em, NN_PLAN_HEAD), at = emit_pointer(em, plan, &zero);
    Operand count = LLVMBuildLoad2(em->builder, em->i32, at, "");
    return (Cursor){.entries = LLVMBuildGEP2(em->builder, em->i8, at, &head, 1, ""),
                    .count = LLVMBuildZExt(em->builder, count, em->i64, "")};
}

// ---- rows -------------------------------------------------------------------------------------------------

// Are rows without positions run too? i1.
static Operand all_rows(Emitter *em) {
    const Kernel *k = em->point.kernel;
    Operand all = LLVMConstInt(em->i1, !k->touched, 0);
    em->point.number = em->real;
    for (int i = 0; i < k->zero.count + k->nonzero.count; i++) {
        bool is_zero = i < k->zero.count;
        Operand x = emit_value(em, is_zero ? k->zero.data[i] : k->nonzero.data[i - k->zero.count]);
        Operand not = build_fcmp(em, is_zero ? LLVMRealUNE : LLVMRealUEQ, x, build_like(em, x, 0));
        all = build_or(em, all, not);
    }
    return all;
}

// The first row of a thread: all rows in equal parts, or those with positions of the first plan.
static Operand first_row(Emitter *em, const Cursor *c, Operand all, Operand rows, Operand thread) {
    Operand t = LLVMBuildZExt(em->builder, thread, em->i64, "");
    Operand n = LLVMBuildZExt(em->builder, em->threads, em->i64, "");
    Operand part = build_quotient(em, build_mul(em, rows, t), n);
    if (!c->count) return part;
    Operand entry = build_quotient(em, build_mul(em, c->count, t), n);
    Operand first = build_icmp(em, LLVMIntEQ, t, build_i64(em, 0));
    Operand row = LLVMBuildSelect(em->builder, first, t, row_at(em, c, entry, rows), "");
    return LLVMBuildSelect(em->builder, all, part, row, "");
}

// The next row to run from this one on: itself, or the first that a plan has.
static Operand next_row(Emitter *em, Operand all, Operand row, Operand end) {
    const Kernel *k = em->point.kernel;
    if (!k->touched) return row;
    Operand least = end;
    for (int s = 0; s < em->point.cursor_count; s++) {
        const Cursor *c = &em->point.cursors[s];
        if (c->count) least = build_smaller(em, least, row_at(em, c, load(em, c->now), end));
    }
    return LLVMBuildSelect(em->builder, all, row, least, "");
}

void emit_row(Emitter *em, Operand row) {
    int mark = em->memo.count;
    em->point.axis[em->point.kernel->row_axis] =
        (AxisState){.base = row, .grain = 1, .length = 1, .single = true};
    emit_nests(em);
    memo_cut(em, mark);
}

// Of a plan whose positions nobody has gone through: those of the row are behind it now.
static void pass_row(Emitter *em, const Cursor *c, Operand row) {
    While w = while_open(em);
    Operand number = load(em, c->now);
    Operand mine = build_icmp(em, LLVMIntEQ, row_at(em, c, number, build_i64(em, -1)), row);
    build_branch(em, mine, w.body, w.exit);
    LLVMBuildStore(em->builder, build_add(em, number, build_i64(em, 1)), c->now);
    while_close(em, &w);
}

// What a row some positions further holds is asked for, where rows wait: it was not touched for long.
static void read_rows_ahead(Emitter *em, Operand row) {
    enum { AHEAD = 6 };
    int mark = em->memo.count;
    for (int s = 0; s < em->point.cursor_count; s++) {
        const Cursor *c = &em->point.cursors[s];
        if (!c->count) continue;
        Operand number = build_add(em, load(em, c->now), build_i64(em, AHEAD));
        late_ahead(em, row_at(em, c, number, row));
        memo_cut(em, mark);
    }
}

static void run_row(Emitter *em, Operand row) {
    const Kernel *k = em->point.kernel;
    if (k->catches_up) read_rows_ahead(em, row);
    if (k->late)
        late_row(em, row);
    else
        emit_row(em, row);
    for (int s = 0; s < em->point.cursor_count; s++) {
        const Cursor *c = &em->point.cursors[s];
        if (c->count && k->catches_up)
            pass_row(em, c, row);
        else if (c->count)
            LLVMBuildStore(em->builder, load(em, c->end), c->now);
    }
}

static void open_cursors(Emitter *em) {
    const Kernel *k = em->point.kernel;
    em->point.cursor_count = k->catches_up ? k->touched * k->late->plans.count : k->stages.count;
    em->point.cursors = arena_array(em->arena, Cursor, em->point.cursor_count + 1);
    for (int s = 0; s < em->point.cursor_count; s++) {
        Tensor *plan = k->catches_up ? k->late->plans.data[s] : k->stages.data[s].plan;
        if (plan) em->point.cursors[s] = cursor_of(em, plan);
    }
}

// From `from` on, up to `end`: all, or those that have positions.
static void rows_between(Emitter *em, Operand all, Operand from, Operand end) {
    Operand at = build_variable(em, from);
    While w = while_open(em);
    Operand row = next_row(em, all, load(em, at), end);
    build_branch(em, is_less(em, row, end), w.body, w.exit);
    run_row(em, row);
    LLVMBuildStore(em->builder, build_add(em, row, build_i64(em, 1)), at);
    while_close(em, &w);
}

void emit_rows(Emitter *em) {
    const Kernel *k = em->point.kernel;
    Operand rows = build_i64(em, k->axes[k->row_axis].size), from = build_i64(em, 0), end = rows;
    open_cursors(em);
    if (k->late) late_open(em);
    Operand all = all_rows(em);
    if (k->divided) {
        Operand next = build_add(em, em->thread, build_i32(em, 1));
        from = first_row(em, &em->point.cursors[0], all, rows, em->thread);
        end = first_row(em, &em->point.cursors[0], all, rows, next);
    }
    for (int s = 0; s < em->point.cursor_count; s++) {
        Cursor *c = &em->point.cursors[s];
        if (!c->count) continue;
        c->now = build_variable(em, k->divided ? first_entry(em, c, from) : from);
        c->end = build_variable(em, from);
    }
    rows_between(em, all, from, end);
    if (k->catches_up && k->touched) {
        late_turn(em, &from, &end);
        em->point.cursor_count = 0;
        rows_between(em, LLVMConstInt(em->i1, 1, 0), from, end);
    }
    if (k->late) late_close(em);
}

// ---- positions --------------------------------------------------------------------------------------------

// The summed indices, the last runs fastest.
static void set_position(Emitter *em, const Stage *stage, Operand entry) {
    const Equation *q = stage->equation;
    Operand rest = build_and(em, entry, build_i64(em, UINT32_MAX));
    for (int i = q->index_count - 1; i >= 0; i--) {
        Operand size = build_i64(em, q->indices[i]->size);
        Operand x = i ? LLVMBuildURem(em->builder, rest, size, "") : rest;
        if (i) rest = build_quotient(em, rest, size);
        em->point.axis[q->indices[i]->axis] = (AxisState){.base = x, .grain = 1, .length = 1};
    }
}

void emit_positions(Emitter *em, const Stage *stage) {
    Point *p = &em->point;
    const Cursor *c = &p->cursors[stage - p->kernel->stages.data];
    Operand row = p->axis[p->kernel->row_axis].base;
    LLVMBuildStore(em->builder, load(em, c->now), c->end);
    While w = while_open(em);
    Operand number = load(em, c->end), entry = entry_of(em, c, number);
    Operand mine = build_icmp(em, LLVMIntEQ, row_of(em, entry), row);
    mine = build_and(em, mine, is_less(em, number, c->count));
    build_branch(em, mine, w.body, w.exit);
    int mark = em->memo.count;
    AxisState saved[MAX_AXES];
    for (int a = 0; a < p->kernel->axis_count; a++) saved[a] = p->axis[a];
    set_position(em, stage, entry);
    accumulate(em, 0);
    for (int a = 0; a < p->kernel->axis_count; a++) p->axis[a] = saved[a];
    memo_cut(em, mark);
    LLVMBuildStore(em->builder, build_add(em, number, build_i64(em, 1)), c->end);
    while_close(em, &w);
}
