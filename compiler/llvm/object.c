// From kernels to object files in memory: the life of the emitter and its LLVM modules.
//
// The emitted code is scheduled already, so that few passes run: locals become registers, equal values one.
// Modules are emitted by one thread and made into code by as many as there are processors.
#include "llvm/object.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <llvm-c/Analysis.h>
#include <llvm-c/Error.h>
#include <llvm-c/Support.h>
#include <llvm-c/Target.h>
#include <llvm-c/TargetMachine.h>
#include <llvm-c/Transforms/PassBuilder.h>

static Emitter *emitter_create(const CodeRequest *r, const char *data_layout, int part_limit) {
    Program *p = r->kernels->program;
    Emitter *em = arena_new(p->arena, Emitter);
    em->ctx = p->ctx;
    em->arena = p->arena;
    em->kernels = r->kernels;
    em->program = p;
    em->prefix = r->prefix;
    em->triple = r->target->triple;
    em->data_layout = data_layout;
    em->part_limit = part_limit;
    em->lanes = p->precision == PRECISION_DOUBLE ? r->target->machine.lanes / 2 : r->target->machine.lanes;
    em->fused = r->target->fused;
    em->checked = r->target->checked;
    em->avx512 = r->target->machine.lanes == 16;
    em->bf16 = r->target->bf16;
    em->point.instances =
        arena_alloc(em->arena, sizeof *em->point.instances * MAX_INSTANCES, _Alignof(int64_t));
    em->point.sums = arena_array(em->arena, Operand, MAX_INSTANCES);
    em->point.positions = arena_array(em->arena, Operand, MAX_INSTANCES);
    em->sources = arena_array(em->arena, Operand, p->tensors.count + 1);
    part_open(em);
    return em;
}

static int level_of(const CodeRequest *r) {
    return r->optimization < 0 ? 2 : r->optimization > 3 ? 3 : r->optimization;
}

// What holds for all of LLVM, before any thread uses it. The emitted order of instructions makes some of its
// work needless: below -O3 loops are not rewritten and instructions not moved. The same speed in every
// network measured, and two thirds of the time to compile.
static void llvm_prepare(const CodeRequest *r) {
    const char *const quick[] = {"nnc", "-disable-lsr", "-enable-misched=false"};
    const char *const thorough[] = {"nnc", "-disable-lsr=false", "-enable-misched=true"};
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
    LLVMParseCommandLineOptions(3, level_of(r) < 3 ? quick : thorough, NULL);
}

static LLVMTargetMachineRef machine_create(const CodeRequest *r) {
    char *error = NULL;
    LLVMTargetRef target;
    const char *triple = r->target->triple;
    if (LLVMGetTargetFromTriple(triple, &target, &error)) die("LLVM has no target %s: %s", triple, error);
    const char *more = r->target->bf16 ? "+avx512bf16" : "";
    return LLVMCreateTargetMachine(target, triple, r->target->cpu, more, (LLVMCodeGenOptLevel)level_of(r),
                                   LLVMRelocPIC, LLVMCodeModelDefault);
}

// ---- modules ----------------------------------------------------------------------------------------------

static void verify(LLVMModuleRef module) {
    char *message = NULL;
    if (LLVMVerifyModule(module, LLVMReturnStatusAction, &message))
        die("the emitted module is not valid: %s", message);
    LLVMDisposeMessage(message);
}

static void optimize(LLVMModuleRef module, LLVMTargetMachineRef machine) {
    LLVMPassBuilderOptionsRef options = LLVMCreatePassBuilderOptions();
    LLVMErrorRef error = LLVMRunPasses(module, "function(mem2reg,early-cse)", machine, options);
    LLVMDisposePassBuilderOptions(options);
    if (error) die("LLVM's passes: %s", LLVMGetErrorMessage(error));
}

static Emitter *modules_emit(const CodeRequest *request) {
    enum { INSTRUCTIONS_OF_A_PART = 3000 };
    llvm_prepare(request);
    LLVMTargetMachineRef machine = machine_create(request);
    LLVMTargetDataRef data = LLVMCreateTargetDataLayout(machine);
    char *layout = LLVMCopyStringRepOfTargetData(data);
    Emitter *em = emitter_create(request, layout, request->divided ? INSTRUCTIONS_OF_A_PART : 0);
    emit_functions(em);
    if (request->extras)
        request->extras(em, request->data);
    else
        LLVMSetLinkage(em->run, LLVMExternalLinkage);
    LLVMDisposeBuilder(em->builder);
    LLVMDisposeMessage(layout);
    LLVMDisposeTargetData(data);
    LLVMDisposeTargetMachine(machine);
    return em;
}

static LLVMMemoryBufferRef generate(const CodeRequest *request, LLVMModuleRef module) {
    LLVMTargetMachineRef machine = machine_create(request);
    LLVMMemoryBufferRef buffer = NULL;
    char *error = NULL;
    verify(module);
    optimize(module, machine);
    LLVMCodeGenFileType type = request->form == FORM_OBJECT ? LLVMObjectFile : LLVMAssemblyFile;
    if (request->form == FORM_TEXT) {
        char *text = LLVMPrintModuleToString(module);
        buffer = LLVMCreateMemoryBufferWithMemoryRangeCopy(text, strlen(text), "");
        LLVMDisposeMessage(text);
    } else if (LLVMTargetMachineEmitToMemoryBuffer(machine, module, type, &error, &buffer)) {
        die("LLVM's code generation: %s", error);
    }
    LLVMDisposeTargetMachine(machine);
    return buffer;
}

static void dispose(LLVMModuleRef module) {
    LLVMContextRef context = LLVMGetModuleContext(module);
    LLVMDisposeModule(module);
    LLVMContextDispose(context);
}

static Compiled take_bytes(Arena *arena, LLVMMemoryBufferRef buffer) {
    size_t length = LLVMGetBufferSize(buffer);
    Compiled c = {.bytes = string_copy(arena, LLVMGetBufferStart(buffer), length), .length = length};
    LLVMDisposeMemoryBuffer(buffer);
    return c;
}

// ---- several threads --------------------------------------------------------------------------------------

typedef struct {
    const CodeRequest *request;
    const LLVMModuleRef *modules;
    LLVMMemoryBufferRef *made;
    int count;
    atomic_int next;
} Work;

static void *take_modules(void *work) {
    Work *w = work;
    for (int i; (i = atomic_fetch_add(&w->next, 1)) < w->count;) {
        w->made[i] = generate(w->request, w->modules[i]);
        dispose(w->modules[i]);
    }
    return NULL;
}

static int processors(void) {
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) ? 1 : CPU_COUNT(&set);
}

// This thread and, where they can be had, one for each further processor.
static void run_threads(Work *w) {
    enum { MAX_THREADS = 16 };
    pthread_t threads[MAX_THREADS];
    pthread_attr_t attributes; // the system's stack may be small
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_SIZE);
    int wanted = processors() < w->count ? processors() : w->count, started = 0;
    while (started < wanted - 1 && started < MAX_THREADS &&
           !pthread_create(&threads[started], &attributes, take_modules, w))
        started++;
    pthread_attr_destroy(&attributes);
    take_modules(w);
    while (started) pthread_join(threads[--started], NULL);
}

Objects code_make(const CodeRequest *request) {
    Emitter *em = modules_emit(request);
    Work w = {.request = request, .modules = em->modules.data, .count = em->modules.count};
    w.made = arena_array(em->arena, LLVMMemoryBufferRef, w.count);
    run_threads(&w);
    Objects all = {.parts = arena_array(em->arena, Compiled, w.count), .count = w.count};
    for (int i = 0; i < w.count; i++) all.parts[i] = take_bytes(em->arena, w.made[i]);
    return all;
}

Compiled compile_kernels(const Kernels *k, const Target *target, const char *prefix, int optimization) {
    CodeRequest r = {
        .kernels = k, .target = target, .prefix = prefix, .optimization = optimization, .form = FORM_OBJECT};
    return code_make(&r).parts[0];
}
