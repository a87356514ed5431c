// The parts of a module: LLVM modules in contexts of their own, so that threads can generate code side by
// side.
//
// A part ends with the function in which it reaches its limit of instructions: that depends on the program
// alone, never on the machine, so that the same program gives the same bytes.
#include "llvm/emit.h"

#include <string.h>

static void set_types(Emitter *em) {
    em->i1 = LLVMInt1TypeInContext(em->llvm);
    em->i8 = LLVMInt8TypeInContext(em->llvm);
    em->i32 = LLVMInt32TypeInContext(em->llvm);
    em->i64 = LLVMInt64TypeInContext(em->llvm);
    em->f32 = LLVMFloatTypeInContext(em->llvm);
    em->f64 = LLVMDoubleTypeInContext(em->llvm);
    em->pointer = LLVMPointerTypeInContext(em->llvm, 0);
    em->none = LLVMVoidTypeInContext(em->llvm);
    em->real = em->program->precision == PRECISION_DOUBLE ? em->f64 : em->f32;
}

void part_open(Emitter *em) {
    if (em->builder) LLVMDisposeBuilder(em->builder);
    em->llvm = LLVMContextCreate();
    em->module = LLVMModuleCreateWithNameInContext(em->prefix, em->llvm);
    em->builder = LLVMCreateBuilderInContext(em->llvm);
    LLVMSetTarget(em->module, em->triple);
    LLVMSetDataLayout(em->module, em->data_layout);
    set_types(em);
    memo_cut(em, 0);
    em->instructions = 0;
    em->function = NULL;
    vec_push(em->arena, &em->modules, em->module);
}

static int instruction_count(Operand function) {
    int count = 0;
    for (BasicBlock b = LLVMGetFirstBasicBlock(function); b; b = LLVMGetNextBasicBlock(b))
        for (Operand i = LLVMGetFirstInstruction(b); i; i = LLVMGetNextInstruction(i)) count++;
    return count;
}

static void add_attribute(const Emitter *em, Operand function, const char *name, const char *value) {
    LLVMAttributeRef a =
        LLVMCreateStringAttribute(em->llvm, name, (unsigned)strlen(name), value, (unsigned)strlen(value));
    LLVMAddAttributeAtIndex(function, (LLVMAttributeIndex)LLVMAttributeFunctionIndex, a);
}

void function_attributes(const Emitter *em, Operand function) {
    static const char nounwind[] = "nounwind";
    const char *bits = em->avx512 ? "512" : "256";
    add_attribute(em, function, "prefer-vector-width", bits);
    add_attribute(em, function, "min-legal-vector-width", bits);
    unsigned kind = LLVMGetEnumAttributeKindForName(nounwind, sizeof nounwind - 1);
    LLVMAddAttributeAtIndex(function, (LLVMAttributeIndex)LLVMAttributeFunctionIndex,
                            LLVMCreateEnumAttribute(em->llvm, kind, 0));
}

void function_local(Emitter *em, Operand function) {
    LLVMSetLinkage(function, LLVMInternalLinkage);
    function_attributes(em, function);
}

Operand function_new(Emitter *em, const char *name, LLVMTypeRef (*type)(const Emitter *em, int count),
                     int count) {
    if (em->function) em->instructions += instruction_count(em->function);
    if (em->part_limit && em->instructions > em->part_limit) part_open(em);
    Operand function = LLVMAddFunction(em->module, name, type(em, count));
    if (em->part_limit) {
        LLVMSetVisibility(function, LLVMHiddenVisibility);
        function_attributes(em, function);
    } else {
        function_local(em, function);
    }
    return function;
}

Operand function_named(Emitter *em, const char *name, LLVMTypeRef type) {
    Operand function = LLVMGetNamedFunction(em->module, name);
    if (function) return function;
    function = LLVMAddFunction(em->module, name, type);
    LLVMSetVisibility(function, LLVMHiddenVisibility);
    return function;
}
