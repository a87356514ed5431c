// What surrounds the generated functions: a trainer's main, or the exported functions of an object file. All
// of them pass the manifest and the way into the functions to the runtime; nothing here is writable.
#include "llvm/wrappers.h"

#include <string.h>

const Field **fields_in_order(const Module *m, int *count, int *inputs) {
    const DataBlock *d = &m->data;
    const Field **fields = arena_array(m->program->arena, const Field *, d->fields.count + 1);
    int n = 0;
    for (int place = 0; place < d->fields.count; place++)
        for (int i = 0; i < d->fields.count; i++)
            if (d->fields.data[i].in_model == place) fields[n++] = &d->fields.data[i];
    *inputs = n;
    for (int i = 0; i < d->fields.count; i++)
        if (d->fields.data[i].in_model < 0 && d->fields.data[i].in_loss) fields[n++] = &d->fields.data[i];
    *count = n;
    return fields;
}

// The functions that nn_object_* run; what a trainer needs beyond them is not in an object.
static bool object_calls(FunctionKind kind) {
    return kind == FUNCTION_INITIAL || kind == FUNCTION_STEP || kind == FUNCTION_UPDATE ||
           kind == FUNCTION_PREDICT || kind == FUNCTION_EPOCH;
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

static Operand add_function(Emitter *em, const char *name, char result, const LLVMTypeRef *params,
                            int count) {
    LLVMTypeRef type =
        LLVMFunctionType(type_of_letter(em, result), (LLVMTypeRef *)params, (unsigned)count, 0);
    return LLVMAddFunction(em->module, name, type);
}

static void open_body(Emitter *em, Operand function) {
    em->function = function;
    LLVMPositionBuilderAtEnd(em->builder, build_block(em));
}

static void call_and_return(Emitter *em, Operand runtime, Operand *args, int count) {
    LLVMTypeRef type = LLVMGlobalGetValueType(runtime);
    Operand result = LLVMBuildCall2(em->builder, type, runtime, args, (unsigned)count, "");
    if (LLVMGetReturnType(type) == em->none)
        LLVMBuildRetVoid(em->builder);
    else
        LLVMBuildRet(em->builder, result);
}

// One that passes its arguments on. Letters of `args`: M the manifest, R the way in, else a parameter: p
// pointer, i int32, l int64, d double; `result` likewise, v nothing.
typedef struct {
    const char *suffix, *runtime;
    char result;
    const char *args;
} Forward;

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
    {"step", "nn_object_step", 'l', "p"},
    {"set_lr", "nn_object_set_lr", 'i', "pd"},
    {"get_parameter", "nn_object_get_parameter", 'i', "pppl"},
    {"set_parameter", "nn_object_set_parameter", 'i', "pppl"},
};

static void forward(Emitter *em, const Forward *f, Operand manifest) {
    LLVMTypeRef outer[8], inner[8];
    Operand args[8];
    int count = (int)strlen(f->args), own = 0;
    for (int i = 0; i < count; i++) {
        inner[i] = type_of_letter(em, f->args[i]);
        if (f->args[i] != 'M' && f->args[i] != 'R') outer[own++] = inner[i];
    }
    open_body(em, add_function(em, string_format(em->arena, "%s_%s", em->prefix, f->suffix), f->result, outer,
                               own));
    own = 0;
    for (int i = 0; i < count; i++)
        args[i] = f->args[i] == 'M'   ? manifest
                  : f->args[i] == 'R' ? em->run
                                      : LLVMGetParam(em->function, (unsigned)own++);
    call_and_return(em, add_function(em, f->runtime, f->result, inner, count), args, count);
}

// An array of parameters first .. first + count - 1 on the stack.
static Operand pointer_array(Emitter *em, int first, int count) {
    Operand array = LLVMBuildArrayAlloca(em->builder, em->pointer, build_i32(em, count < 1 ? 1 : count), "");
    for (int i = 0; i < count; i++) {
        Operand slot = build_i64(em, i);
        Operand at = LLVMBuildGEP2(em->builder, em->pointer, array, &slot, 1, "");
        LLVMBuildStore(em->builder, LLVMGetParam(em->function, (unsigned)(first + i)), at);
    }
    return array;
}

// PREFIX_train_step(m, fields ..., count, loss)
static void train_step(Emitter *em, int fields) {
    LLVMTypeRef *outer = arena_array(em->arena, LLVMTypeRef, fields + 3);
    for (int i = 0; i < fields + 3; i++) outer[i] = em->pointer;
    outer[fields + 1] = em->i32;
    open_body(
        em, add_function(em, string_format(em->arena, "%s_train_step", em->prefix), 'i', outer, fields + 3));
    LLVMTypeRef inner[4] = {em->pointer, em->pointer, em->i32, em->pointer};
    Operand args[4] = {LLVMGetParam(em->function, 0), pointer_array(em, 1, fields),
                       LLVMGetParam(em->function, (unsigned)fields + 1),
                       LLVMGetParam(em->function, (unsigned)fields + 2)};
    call_and_return(em, add_function(em, "nn_object_train_step", 'i', inner, 4), args, 4);
}

// PREFIX_predict(m, inputs ..., count, outputs ...)
static void predict(Emitter *em, int inputs, int outputs) {
    LLVMTypeRef *outer = arena_array(em->arena, LLVMTypeRef, inputs + outputs + 2);
    for (int i = 0; i < inputs + outputs + 2; i++) outer[i] = em->pointer;
    outer[inputs + 1] = em->i32;
    open_body(em, add_function(em, string_format(em->arena, "%s_predict", em->prefix), 'i', outer,
                               inputs + outputs + 2));
    LLVMTypeRef inner[4] = {em->pointer, em->pointer, em->i32, em->pointer};
    Operand args[4] = {LLVMGetParam(em->function, 0), pointer_array(em, 1, inputs),
                       LLVMGetParam(em->function, (unsigned)inputs + 1),
                       pointer_array(em, inputs + 2, outputs)};
    call_and_return(em, add_function(em, "nn_object_predict", 'i', inner, 4), args, 4);
}

void wrap_object(Emitter *em, const void *data) {
    const WrapperData *w = data;
    int fields, inputs;
    fields_in_order(w->module, &fields, &inputs);
    Operand manifest = manifest_constant(em, w->manifest);
    for (size_t i = 0; i < sizeof forwards / sizeof *forwards; i++) forward(em, &forwards[i], manifest);
    train_step(em, fields);
    if (w->module->outputs.count) predict(em, inputs, w->module->outputs.count);
}

void wrap_trainer(Emitter *em, const void *data) {
    const WrapperData *w = data;
    LLVMTypeRef outer[2] = {em->i32, em->pointer},
                inner[4] = {em->pointer, em->pointer, em->i32, em->pointer};
    open_body(em, add_function(em, "main", 'i', outer, 2));
    Operand args[4] = {manifest_constant(em, w->manifest), em->run, LLVMGetParam(em->function, 0),
                       LLVMGetParam(em->function, 1)};
    call_and_return(em, add_function(em, "nn_trainer_main", 'i', inner, 4), args, 4);
}
