// From kernels to an object file in memory: one LLVM context, created and disposed of here.
//
// The emitted code is scheduled already, so that few passes run: locals become registers, equal values one.
#include "llvm/object.h"

#include <stdlib.h>
#include <string.h>

#include <llvm-c/Analysis.h>
#include <llvm-c/Error.h>
#include <llvm-c/Support.h>
#include <llvm-c/Target.h>
#include <llvm-c/TargetMachine.h>
#include <llvm-c/Transforms/PassBuilder.h>

static const char triple[] = "x86_64-unknown-linux-gnu";

static void set_types(Emitter *em) {
    em->i1 = LLVMInt1TypeInContext(em->llvm);
    em->i8 = LLVMInt8TypeInContext(em->llvm);
    em->i16 = LLVMInt16TypeInContext(em->llvm);
    em->i32 = LLVMInt32TypeInContext(em->llvm);
    em->i64 = LLVMInt64TypeInContext(em->llvm);
    em->f32 = LLVMFloatTypeInContext(em->llvm);
    em->f64 = LLVMDoubleTypeInContext(em->llvm);
    em->pointer = LLVMPointerTypeInContext(em->llvm, 0);
    em->none = LLVMVoidTypeInContext(em->llvm);
    em->real = em->program->precision == PRECISION_DOUBLE ? em->f64 : em->f32;
}

static Emitter *emitter_create(const CodeRequest *r) {
    Program *p = r->kernels->program;
    Emitter *em = arena_new(p->arena, Emitter);
    em->ctx = p->ctx;
    em->arena = p->arena;
    em->kernels = r->kernels;
    em->program = p;
    em->prefix = r->prefix;
    em->llvm = LLVMContextCreate();
    em->module = LLVMModuleCreateWithNameInContext(r->prefix, em->llvm);
    em->builder = LLVMCreateBuilderInContext(em->llvm);
    set_types(em);
    em->lanes = p->precision == PRECISION_DOUBLE ? r->target->machine.lanes / 2 : r->target->machine.lanes;
    em->fused = r->target->fused;
    em->avx512 = r->target->machine.lanes == 16;
    em->point.instances =
        arena_alloc(em->arena, sizeof *em->point.instances * MAX_INSTANCES, _Alignof(int64_t));
    em->point.sums = arena_array(em->arena, Operand, MAX_INSTANCES);
    em->point.positions = arena_array(em->arena, Operand, MAX_INSTANCES);
    em->sources = arena_array(em->arena, Operand, p->tensors.count + 1);
    return em;
}

// What the emitted order of instructions makes needless: below -O3 loops are not rewritten and instructions
// not moved by LLVM. The same speed in every network measured, and two thirds of the time to compile.
static void set_code_generation(int level) {
    const char *const quick[] = {"nnc", "-disable-lsr", "-enable-misched=false"};
    const char *const thorough[] = {"nnc", "-disable-lsr=false", "-enable-misched=true"};
    LLVMParseCommandLineOptions(3, level < 3 ? quick : thorough, NULL);
}

static LLVMTargetMachineRef machine_create(const CodeRequest *r) {
    char *error = NULL;
    LLVMTargetRef target;
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
    if (LLVMGetTargetFromTriple(triple, &target, &error)) die("LLVM has no target %s: %s", triple, error);
    int level = r->optimization < 0 ? 2 : r->optimization > 3 ? 3 : r->optimization;
    set_code_generation(level);
    return LLVMCreateTargetMachine(target, triple, r->target->cpu, "", (LLVMCodeGenOptLevel)level,
                                   LLVMRelocPIC, LLVMCodeModelDefault);
}

static void verify(const Emitter *em) {
    char *message = NULL;
    if (LLVMVerifyModule(em->module, LLVMReturnStatusAction, &message))
        die("the emitted module is not valid: %s", message);
    LLVMDisposeMessage(message);
}

static void optimize(const Emitter *em, LLVMTargetMachineRef machine) {
    LLVMPassBuilderOptionsRef options = LLVMCreatePassBuilderOptions();
    LLVMErrorRef error = LLVMRunPasses(em->module, "function(mem2reg,early-cse)", machine, options);
    LLVMDisposePassBuilderOptions(options);
    if (error) die("LLVM's passes: %s", LLVMGetErrorMessage(error));
}

static Compiled text_of(const Emitter *em) {
    char *text = LLVMPrintModuleToString(em->module);
    Compiled c = {.bytes = string_copy(em->arena, text, strlen(text)), .length = strlen(text)};
    LLVMDisposeMessage(text);
    return c;
}

static Compiled bytes_of(const Emitter *em, LLVMTargetMachineRef machine, CodeForm form) {
    char *error = NULL;
    LLVMMemoryBufferRef buffer;
    LLVMCodeGenFileType type = form == FORM_OBJECT ? LLVMObjectFile : LLVMAssemblyFile;
    if (LLVMTargetMachineEmitToMemoryBuffer(machine, em->module, type, &error, &buffer))
        die("LLVM's code generation: %s", error);
    size_t length = LLVMGetBufferSize(buffer);
    Compiled c = {.bytes = string_copy(em->arena, LLVMGetBufferStart(buffer), length), .length = length};
    LLVMDisposeMemoryBuffer(buffer);
    return c;
}

Compiled code_make(const CodeRequest *request) {
    Emitter *em = emitter_create(request);
    LLVMTargetMachineRef machine = machine_create(request);
    LLVMTargetDataRef data = LLVMCreateTargetDataLayout(machine);
    LLVMSetTarget(em->module, triple);
    LLVMSetModuleDataLayout(em->module, data);
    emit_functions(em);
    if (request->extras) request->extras(em, request->data);
    verify(em);
    optimize(em, machine);
    Compiled c = request->form == FORM_TEXT ? text_of(em) : bytes_of(em, machine, request->form);
    LLVMDisposeTargetData(data);
    LLVMDisposeTargetMachine(machine);
    LLVMDisposeBuilder(em->builder);
    LLVMDisposeModule(em->module);
    LLVMContextDispose(em->llvm);
    return c;
}

Compiled compile_kernels(const Kernels *k, const Target *target, const char *prefix, int optimization) {
    CodeRequest r = {
        .kernels = k, .target = target, .prefix = prefix, .optimization = optimization, .form = FORM_OBJECT};
    return code_make(&r);
}
