// Kernels as functions: of call, thread, threads, rows and, where several kernels share one, a pointer to
// each tensor's place.
//
// A small kernel is emitted where it runs: its call would cost more than its copy. One that occurs once has
// constants for its places, and is a function all the same, so that functions stay small and can be compiled
// side by side.
#include "llvm/emit.h"

#include <string.h>

typedef struct {
    const Kernel *kernel;
    int64_t rows; // declared, 0: fewer may be there
    int uses;
    const char *function; // its name, NULL: none
} Variant;

struct Shared {
    Map *variants;
};

enum { CALL, THREAD, THREADS, ROWS, NOW, PLACES };

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

static bool is_function(const Variant *v) {
    const double few_cycles = 60, cycles_of_many_calls = 1000;
    return v->kernel->cycles >= (v->uses > 1 ? few_cycles : cycles_of_many_calls);
}

// The layouts whose places are parameters.
static int place_count(const Variant *v, const KernelKey *key) { return v->uses > 1 ? key->layout_count : 0; }

static LLVMTypeRef variant_type(const Emitter *em, int count) {
    LLVMTypeRef *params = arena_array(em->arena, LLVMTypeRef, count);
    for (int i = 0; i < count; i++) params[i] = em->pointer;
    params[THREAD] = params[THREADS] = em->i32;
    params[ROWS] = params[NOW] = em->i64;
    return LLVMFunctionType(em->none, params, (unsigned)count, 0);
}

static void emit_variant(Emitter *em, Variant *v, int number) {
    v->function = string_format(em->arena, "%s.kernel.%d", em->prefix, number);
    enter(em, v->kernel, v->rows);
    KernelKey key = kernel_key(em, v->kernel);
    int places = place_count(v, &key);
    Operand function = function_new(em, v->function, variant_type, PLACES + places);
    em->bases = key.layouts;
    em->base_count = places;
    em->base_pointers = arena_array(em->arena, Operand, places + 1);
    for (int i = 0; i < places; i++) em->base_pointers[i] = LLVMGetParam(function, (unsigned)(PLACES + i));
    em->now = LLVMGetParam(function, NOW);
    Operand rows = em->partial ? LLVMGetParam(function, ROWS) : build_i64(em, v->rows);
    function_begin(em, function, rows);
    emit_kernel(em, v->kernel);
    LLVMBuildRetVoid(em->builder);
    em->base_count = 0;
}

void shared_emit(Emitter *em, Shared *s) {
    int number = 0;
    for (int i = 0; i < map_count(s->variants); i++) {
        Variant *v = map_value(s->variants, i);
        if (is_function(v)) emit_variant(em, v, number++);
    }
}

bool shared_call(Emitter *em, Shared *s, const Kernel *k, int64_t rows) {
    bool partial = em->partial;
    enter(em, k, rows);
    KernelKey key = kernel_key(em, k);
    em->partial = partial;
    Variant *v = map_get(s->variants, name_of(em, &key, kernel_needs_rows(em->arena, k) ? rows : 0));
    if (!v || !v->function) return false;
    int places = place_count(v, &key), count = PLACES + places;
    Operand *args = arena_array(em->arena, Operand, count);
    args[CALL] = em->call;
    args[THREAD] = em->thread;
    args[THREADS] = em->threads;
    args[ROWS] = em->rows;
    args[NOW] = k->time < 0 ? build_i64(em, 0) : em->now;
    for (int i = 0; i < places; i++) {
        Operand offset = build_i64(em, key.layouts[i]->offset);
        args[PLACES + i] = LLVMBuildGEP2(em->builder, em->i8, em->arena_pointer, &offset, 1, "");
    }
    LLVMTypeRef type = variant_type(em, count);
    LLVMBuildCall2(em->builder, type, function_named(em, v->function, type), args, (unsigned)count, "");
    return true;
}
