// The functions of a program: one for all rows of a batch, where constants say everything, one for fewer
// rows.
//
// Each thread calls the function with its number; kernels that are not divided are thread 0's, and all meet
// where the schedule asks for it (with fewer rows, before every kernel: tiles are then divided at other
// places).
#include "llvm/emit.h"

#include <stddef.h>

#include "abi.h"

// ---- the call ---------------------------------------------------------------------------------------------

static Operand field_address(Emitter *em, size_t offset) {
    Operand bytes = build_i64(em, (int64_t)offset);
    return LLVMBuildGEP2(em->builder, em->i8, em->call, &bytes, 1, "");
}

static Operand call_field(Emitter *em, size_t offset, LLVMTypeRef type) {
    return LLVMBuildLoad2(em->builder, type, field_address(em, offset), "");
}

static BasicBlock to_entry(Emitter *em) {
    BasicBlock here = LLVMGetInsertBlock(em->builder);
    LLVMPositionBuilderBefore(em->builder, LLVMGetBasicBlockTerminator(em->entry));
    return here;
}

// Loaded once, in the entry block.
static Operand kept_field(Emitter *em, Operand *kept, size_t offset, LLVMTypeRef type) {
    if (!*kept) {
        BasicBlock here = to_entry(em);
        *kept = call_field(em, offset, type);
        build_at(em, here);
    }
    return *kept;
}

static int source_number(const Emitter *em, const Tensor *t) {
    int number = 0;
    every (other, em->program->tensors) {
        if (other == t) return number;
        number += other->kind == TENSOR_SOURCE;
    }
    die("%s is no tensor of the program", t->name);
}

Operand emit_source(Emitter *em, const Tensor *t) {
    int number = source_number(em, t);
    if (!em->sources[number]) {
        BasicBlock here = to_entry(em);
        Operand table = call_field(em, offsetof(nn_call, sources), em->pointer), slot = build_i64(em, number);
        Operand address = LLVMBuildGEP2(em->builder, em->pointer, table, &slot, 1, "");
        em->sources[number] = LLVMBuildLoad2(em->builder, em->pointer, address, "");
        build_at(em, here);
    }
    return em->sources[number];
}

Operand emit_seed(Emitter *em) { return kept_field(em, &em->seed, offsetof(nn_call, seed), em->i64); }

Operand emit_batch_number(Emitter *em) {
    return kept_field(em, &em->batch_number, offsetof(nn_call, batch_number), em->i32);
}

// ---- one function -----------------------------------------------------------------------------------------

static LLVMTypeRef function_type(const Emitter *em, int count) {
    LLVMTypeRef params[3] = {em->pointer, em->i32, em->i32};
    return LLVMFunctionType(em->none, params, (unsigned)count, 0);
}

static LLVMTypeRef run_type(const Emitter *em, int count) {
    LLVMTypeRef params[4] = {em->i32, em->pointer, em->i32, em->i32};
    return LLVMFunctionType(em->none, params, (unsigned)count, 0);
}

static Operand is_zero(Emitter *em, Operand x) { return build_icmp(em, LLVMIntEQ, x, build_i32(em, 0)); }

Operand emit_passed(Emitter *em, size_t offset) { return call_field(em, offset, em->pointer); }

// All threads meet.
static void barrier(Emitter *em) {
    BasicBlock meet = build_block(em), on = build_block(em);
    Operand alone = build_icmp(em, LLVMIntEQ, em->threads, build_i32(em, 1));
    LLVMBuildCondBr(em->builder, alone, on, meet);
    build_at(em, meet);
    Operand function = emit_passed(em, offsetof(nn_call, barrier)),
            team = emit_passed(em, offsetof(nn_call, team));
    build_call(em, function, &team, 1);
    build_goto(em, on);
}

static void run_kernel(Emitter *em, Shared *shared, const Schedule *s, const Kernel *k, int64_t rows) {
    BasicBlock on = NULL;
    if (s->threaded && !k->strip && (k->barrier_before || em->partial)) barrier(em);
    if (s->threaded && !k->divided) {
        BasicBlock run = build_block(em);
        on = build_block(em);
        build_branch(em, is_zero(em, em->thread), run, on);
    }
    if (!shared_call(em, shared, k, rows)) emit_kernel(em, k);
    if (on) { build_goto(em, on); }
}

// The function being emitted, and where its parameters call, thread and threads begin.
static void parameters(Emitter *em, Operand function, unsigned first) {
    em->function = function;
    em->call = LLVMGetParam(function, first);
    em->thread = LLVMGetParam(function, first + 1);
    em->threads = LLVMGetParam(function, first + 2);
}

void function_begin(Emitter *em, Operand function, Operand rows) {
    parameters(em, function, 0);
    em->seed = em->batch_number = NULL;
    for (int i = 0; i < em->program->tensors.count; i++) em->sources[i] = NULL;
    em->entry = build_block(em);
    BasicBlock start = build_block(em);
    build_at(em, em->entry);
    em->arena_pointer = call_field(em, offsetof(nn_call, arena), em->pointer);
    em->rows = rows ? rows : call_field(em, offsetof(nn_call, rows), em->i64);
    build_goto(em, start);
}

typedef struct {
    Shared *shared;
    const Schedule *schedule;
    int64_t rows; // declared, 0: fewer may be there
} Version;

// Kernels first .. end - 1 for each strip of this thread, as if there were as many threads as strips: each of
// them owns the grain of its number.
static void run_strips(Emitter *em, const Version *v, int first, int end) {
    const Schedule *s = v->schedule;
    const KernelLoop *l = &s->loops.data[s->kernels.data[first]->loop];
    Operand thread = em->thread, threads = em->threads;
    if (s->threaded && (l->waits || em->partial)) barrier(em);
    Operand own = LLVMBuildZExt(em->builder, thread, em->i64, ""), size = build_i64(em, l->size);
    Operand all = LLVMBuildZExt(em->builder, threads, em->i64, "");
    Operand mine = build_add(em, build_sub(em, size, own), build_sub(em, all, build_i64(em, 1)));
    Loop loop = loop_open(em, -1, build_i64(em, 0), build_quotient(em, mine, all), 1);
    Operand strip = build_add(em, build_mul(em, loop.counter, all), own);
    em->thread = LLVMBuildTrunc(em->builder, strip, em->i32, "");
    em->threads = build_i32(em, l->size);
    for (int i = first; i < end; i++) run_kernel(em, v->shared, s, s->kernels.data[i], v->rows);
    em->thread = thread;
    em->threads = threads;
    loop_close(em, &loop);
}

// Kernels first .. end - 1, for each step of the loop they are in; or the one that is in none.
static void run_loop(Emitter *em, const Version *v, int first, int end) {
    const Schedule *s = v->schedule;
    int number = s->kernels.data[first]->loop;
    const KernelLoop *l = number < 0 ? NULL : &s->loops.data[number];
    Loop loop;
    if (l && l->strips) {
        run_strips(em, v, first, end);
        return;
    }
    if (l) {
        if (s->threaded && l->waits) barrier(em);
        loop = loop_open(em, -1, build_i64(em, 0), build_i64(em, l->size), 1);
        em->now = l->step > 0 ? loop.counter : build_sub(em, build_i64(em, l->size - 1), loop.counter);
    }
    for (int i = first; i < end; i++) run_kernel(em, v->shared, s, s->kernels.data[i], v->rows);
    if (l) loop_close(em, &loop);
}

// Kernels first .. last - 1, one after the other.
static void emit_kernels(Emitter *em, const Version *v, const char *name, int first, int last) {
    Operand function = function_new(em, name, function_type, 3);
    em->partial = v->rows == 0;
    function_begin(em, function, v->rows ? build_i64(em, v->rows) : NULL);
    if (!v->schedule->threaded) {
        BasicBlock run = build_block(em), out = build_block(em);
        LLVMBuildCondBr(em->builder, is_zero(em, em->thread), run, out);
        build_at(em, out);
        LLVMBuildRetVoid(em->builder);
        build_at(em, run);
    }
    for (int i = first; i < last; i = loop_end(v->schedule, i)) run_loop(em, v, i, loop_end(v->schedule, i));
    LLVMBuildRetVoid(em->builder);
}

static Operand call_function(Emitter *em, const char *name) {
    Operand args[3] = {em->call, em->thread, em->threads};
    LLVMTypeRef type = function_type(em, 3);
    return LLVMBuildCall2(em->builder, type, function_named(em, name, type), args, 3, "");
}

// A long sequence of kernels is a sequence of functions: LLVM's time grows faster than a function's length.
static const char *emit_function(Emitter *em, const Version *v, const char *name) {
    enum { KERNELS_OF_A_FUNCTION = 32 };
    int count = v->schedule->kernels.count, parts = 0;
    if (count <= KERNELS_OF_A_FUNCTION) {
        emit_kernels(em, v, name, 0, count);
        return name;
    }
    for (int i = 0, end; i < count; i = end) {
        end = i;
        while (end < count && end - i < KERNELS_OF_A_FUNCTION) end = loop_end(v->schedule, end);
        emit_kernels(em, v, string_format(em->arena, "%s.%d", name, parts++), i, end);
    }
    Operand function = function_new(em, name, function_type, 3);
    function_begin(em, function, NULL);
    for (int i = 0; i < parts; i++) call_function(em, string_format(em->arena, "%s.%d", name, i));
    LLVMBuildRetVoid(em->builder);
    return name;
}

// ---- all functions ----------------------------------------------------------------------------------------

static void jump(Emitter *em, const char *name) {
    LLVMSetTailCall(call_function(em, name), 1);
    LLVMBuildRetVoid(em->builder);
}

typedef struct {
    const char *whole, *partial; // names of functions
    int64_t rows;
} Versions;

static void note_kernels(Emitter *em, Shared *shared, const Schedule *s) {
    int64_t rows = s->rows;
    for (int i = 0; i < s->kernels.count; i++) {
        if (rows) shared_note(em, shared, s->kernels.data[i], rows);
        shared_note(em, shared, s->kernels.data[i], 0);
    }
}

static Versions emit_versions(Emitter *em, Shared *shared, const Schedule *s) {
    const char *name = string_format(em->arena, "%s.%s", em->prefix, s->function->name);
    Versions v = {.rows = s->rows};
    if (v.rows) v.whole = emit_function(em, &(Version){shared, s, v.rows}, name);
    v.partial = emit_function(em, &(Version){shared, s, 0}, string_format(em->arena, "%s.some", name));
    return v;
}

static void dispatch(Emitter *em, const Versions *v) {
    if (v->whole) {
        BasicBlock whole = build_block(em), partial = build_block(em);
        Operand rows = call_field(em, offsetof(nn_call, rows), em->i64);
        Operand all = build_icmp(em, LLVMIntEQ, rows, build_i64(em, v->rows));
        build_branch(em, all, whole, partial);
        jump(em, v->whole);
        build_at(em, partial);
    }
    jump(em, v->partial);
}

void emit_functions(Emitter *em) {
    const Kernels *ks = em->kernels;
    Versions *versions = arena_array(em->arena, Versions, ks->schedules.count);
    Shared *shared = shared_create(em);
    for (int i = 0; i < ks->schedules.count; i++) note_kernels(em, shared, ks->schedules.data[i]);
    shared_emit(em, shared);
    for (int i = 0; i < ks->schedules.count; i++)
        versions[i] = emit_versions(em, shared, ks->schedules.data[i]);
    em->run = function_new(em, string_format(em->arena, "%s_run", em->prefix), run_type, 4);
    parameters(em, em->run, 1);
    build_at(em, build_block(em));
    BasicBlock none = build_block(em);
    Operand choice =
        LLVMBuildSwitch(em->builder, LLVMGetParam(em->run, 0), none, (unsigned)ks->schedules.count);
    for (int i = 0; i < ks->schedules.count; i++) {
        BasicBlock block = build_block(em);
        LLVMAddCase(choice, build_i32(em, (int64_t)ks->schedules.data[i]->function->kind), block);
        build_at(em, block);
        dispatch(em, &versions[i]);
    }
    build_at(em, none);
    LLVMBuildRetVoid(em->builder);
}
