// Functions that several kernels share: call, thread, threads, rows, and a pointer to each tensor's place.
//
// A kernel that occurs once is emitted where it runs, with constants for its places; so is a small one, whose
// call would cost more than its copy.
#include "llvm/emit.h"

#include <string.h>

typedef struct {
    const Kernel *kernel;
    int64_t rows; // declared, 0: fewer may be there
    int uses;
    Operand function;
} Variant;

struct Shared {
    Map *variants;
};

enum { CALL, THREAD, THREADS, ROWS, PLACES };

Shared *shared_create(Emitter *em) {
    Shared *s = arena_new(em->arena, Shared);
    s->variants = map_create(em->arena);
    return s;
}

static const char *name_of(Emitter *em, const KernelKey *key, int64_t rows) {
    return string_format(em->arena, "%lld %s", (long long)rows, key->text);
}

// The version of the emitter in which the kernel's code is the same as in all that share it.
static void enter(Emitter *em, const Kernel *k, int64_t rows) {
    em->partial = rows == 0 && kernel_needs_rows(em->arena, k);
}

void shared_note(Emitter *em, Shared *s, const Kernel *k, int64_t rows) {
    enter(em, k, rows);
    KernelKey key = kernel_key(em, k);
    const char *name = name_of(em, &key, kernel_needs_rows(em->arena, k) ? rows : 0);
    Variant *v = map_get(s->variants, name);
    if (!v) {
        v = arena_new(em->arena, Variant);
        *v = (Variant){.kernel = k, .rows = rows};
        map_set(s->variants, name, v);
    }
    v->uses++;
}

static bool is_small(const Kernel *k) {
    const double few_cycles = 60;
    return k->cycles < few_cycles;
}

static void emit_variant(Emitter *em, Variant *v, int number) {
    enter(em, v->kernel, v->rows);
    KernelKey key = kernel_key(em, v->kernel);
    int count = PLACES + key.layout_count;
    LLVMTypeRef *params = arena_array(em->arena, LLVMTypeRef, count);
    for (int i = 0; i < count; i++) params[i] = em->pointer;
    params[THREAD] = params[THREADS] = em->i32;
    params[ROWS] = em->i64;
    LLVMTypeRef type = LLVMFunctionType(em->none, params, (unsigned)count, 0);
    v->function =
        LLVMAddFunction(em->module, string_format(em->arena, "%s.kernel.%d", em->prefix, number), type);
    em->bases = key.layouts;
    em->base_count = key.layout_count;
    em->base_pointers = arena_array(em->arena, Operand, key.layout_count + 1);
    for (int i = 0; i < key.layout_count; i++)
        em->base_pointers[i] = LLVMGetParam(v->function, (unsigned)(PLACES + i));
    Operand rows = em->partial ? LLVMGetParam(v->function, ROWS) : build_i64(em, v->rows);
    function_begin(em, v->function, LLVMGetParam(v->function, CALL), LLVMGetParam(v->function, THREAD),
                   LLVMGetParam(v->function, THREADS), rows);
    emit_kernel(em, v->kernel);
    LLVMBuildRetVoid(em->builder);
    em->base_count = 0;
}

void shared_emit(Emitter *em, Shared *s) {
    int number = 0;
    for (int i = 0; i < map_count(s->variants); i++) {
        Variant *v = map_value(s->variants, i);
        if (v->uses > 1 && !is_small(v->kernel)) emit_variant(em, v, number++);
    }
}

bool shared_call(Emitter *em, Shared *s, const Kernel *k, int64_t rows) {
    bool partial = em->partial;
    enter(em, k, rows);
    KernelKey key = kernel_key(em, k);
    em->partial = partial;
    Variant *v = map_get(s->variants, name_of(em, &key, kernel_needs_rows(em->arena, k) ? rows : 0));
    if (!v || !v->function) return false;
    int count = PLACES + key.layout_count;
    Operand *args = arena_array(em->arena, Operand, count);
    args[CALL] = em->call;
    args[THREAD] = em->thread;
    args[THREADS] = em->threads;
    args[ROWS] = em->rows;
    for (int i = 0; i < key.layout_count; i++) {
        Operand offset = build_i64(em, key.layouts[i]->offset);
        args[PLACES + i] = LLVMBuildGEP2(em->builder, em->i8, em->arena_pointer, &offset, 1, "");
    }
    LLVMBuildCall2(em->builder, LLVMGlobalGetValueType(v->function), v->function, args, (unsigned)count, "");
    return true;
}
