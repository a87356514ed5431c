// What surrounds the generated functions: a trainer's main, or the exported functions of an object file. All
// of them pass the manifest and the way into the functions to the runtime; nothing here is writable.
#include "llvm/wrappers.h"
#include "llvm/interface.h"

#include <string.h>

// The functions that nn_object_* run; what a trainer needs beyond them is not in an object.
static bool object_calls(FunctionKind kind) {
    return kind == FUNCTION_INITIAL || kind == FUNCTION_STEP || kind == FUNCTION_UPDATE ||
           kind == FUNCTION_PREDICT || kind == FUNCTION_EPOCH || kind == FUNCTION_CATCH_UP;
}

void output_keep_called(Kernels *kernels, OutputKind kind) {
    int kept = 0;
    for (int i = 0; kind != OUTPUT_TRAINER && i < kernels->schedules.count; i++)
        if (object_calls(kernels->schedules.data[i]->function->kind))
            kernels->schedules.data[kept++] = kernels->schedules.data[i];
    if (kind != OUTPUT_TRAINER) kernels->schedules.count = kept;
}

static Operand manifest_constant(Emitter *em, ManifestBytes manifest) {
    Operand bytes = LLVMConstStringInContext2(em->llvm, manifest.bytes, manifest.length, 1);
    Operand global =
        LLVMAddGlobal(em->module, LLVMTypeOf(bytes), string_format(em->arena, "%s.manifest", em->prefix));
    LLVMSetInitializer(global, bytes);
    LLVMSetGlobalConstant(global, 1);
    LLVMSetLinkage(global, LLVMInternalLinkage);
    LLVMSetAlignment(global, 64);
    return global;
}

static LLVMTypeRef type_of_letter(const Emitter *em, char letter) {
    switch (letter) {
    case 'i': return em->i32;
    case 'l': return em->i64;
    case 'd': return em->f64;
    case 'v': return em->none;
    default: return em->pointer;
    }
}

static Operand add_function(Emitter *em, const char *name, char result, LLVMTypeRef *params, int count) {
    LLVMTypeRef type = LLVMFunctionType(type_of_letter(em, result), params, (unsigned)count, 0);
    return LLVMAddFunction(em->module, name, type);
}

// One that passes its arguments on. Letters of `args`: M the manifest, R the way in, else a parameter: p
// pointer, i int32, l int64, d double; S, I and O an array of pointers, in whose place it has parameters:
// what a step takes, the inputs, the outputs. `result` likewise, v nothing.
typedef struct {
    const char *name, *runtime;
    char result;
    const char *args;
} Forward;

static const Forward trainer = {"main", "nn_trainer_main", 'i', "MRip"};
static const Forward forwards[] = {
    {"create", "nn_object_create", 'p', "MRp"},
    {"size", "nn_object_size", 'l', "M"},
    {"init", "nn_object_init", 'p', "MRplp"},
    {"destroy", "nn_object_destroy", 'v', "p"},
    {"epoch", "nn_object_epoch", 'i', "pd"},
    {"save", "nn_object_save", 'i', "pp"},
    {"load", "nn_object_load", 'i', "pp"},
    {"save_memory", "nn_object_save_memory", 'i', "pplp"},
    {"load_memory", "nn_object_load_memory", 'i', "ppl"},
    {"error", "nn_object_error", 'p', "p"},
    {"step", "nn_object_step", 'l', "p"},
    {"set_lr", "nn_object_set_lr", 'i', "pd"},
    {"get_parameter", "nn_object_get_parameter", 'i', "pppl"},
    {"set_parameter", "nn_object_set_parameter", 'i', "pppl"},
    {"train_step", "nn_object_train_step", 'i', "pSip"},
    {"predict", "nn_object_predict", 'i', "pIiO"},
};

// Parameters first .. first + count - 1 in an array on the stack.
static Operand pointer_array(Emitter *em, int first, int count) {
    Operand array = LLVMBuildArrayAlloca(em->builder, em->pointer, build_i32(em, count < 1 ? 1 : count), "");
    for (int i = 0; i < count; i++) {
        Operand slot = build_i64(em, i);
        Operand at = LLVMBuildGEP2(em->builder, em->pointer, array, &slot, 1, "");
        LLVMBuildStore(em->builder, LLVMGetParam(em->function, (unsigned)(first + i)), at);
    }
    return array;
}

// How many parameters stand for an argument.
static int parameters_of(const Interface *h, char letter) {
    switch (letter) {
    case 'M':
    case 'R': return 0;
    case 'S': return h->fields;
    case 'I': return h->inputs;
    case 'O': return h->arguments.count - h->fields;
    default: return 1;
    }
}

static void forward(Emitter *em, const Interface *h, const Forward *f, const char *name, Operand manifest) {
    VEC(LLVMTypeRef) outer = {0};
    LLVMTypeRef inner[8];
    Operand args[8];
    int count = (int)strlen(f->args), own = 0;
    for (int i = 0; i < count; i++) {
        inner[i] = type_of_letter(em, f->args[i]);
        for (int k = parameters_of(h, f->args[i]); k > 0; k--) vec_push(em->arena, &outer, inner[i]);
    }
    em->function = add_function(em, name, f->result, outer.data, outer.count);
    LLVMPositionBuilderAtEnd(em->builder, build_block(em));
    for (int i = 0; i < count; i++) {
        int n = parameters_of(h, f->args[i]);
        if (f->args[i] == 'M' || f->args[i] == 'R')
            args[i] = f->args[i] == 'M' ? manifest : em->run;
        else if (strchr("SIO", f->args[i]))
            args[i] = pointer_array(em, own, n);
        else
            args[i] = LLVMGetParam(em->function, (unsigned)own);
        own += n;
    }
    Operand runtime = add_function(em, f->runtime, f->result, inner, count);
    Operand result =
        LLVMBuildCall2(em->builder, LLVMGlobalGetValueType(runtime), runtime, args, (unsigned)count, "");
    if (f->result == 'v')
        LLVMBuildRetVoid(em->builder);
    else
        LLVMBuildRet(em->builder, result);
}

void wrap_object(Emitter *em, const void *data) {
    const WrapperData *w = data;
    Operand manifest = manifest_constant(em, w->manifest);
    Interface h = interface_of(w->module, em->prefix);
    for (size_t i = 0; i < sizeof forwards / sizeof *forwards; i++)
        if (module_outputs(w->module) || strcmp(forwards[i].name, "predict") != 0)
            forward(em, &h, &forwards[i], string_format(em->arena, "%s_%s", em->prefix, forwards[i].name),
                    manifest);
}

void wrap_trainer(Emitter *em, const void *data) {
    const WrapperData *w = data;
    forward(em, NULL, &trainer, trainer.name, manifest_constant(em, w->manifest));
}
