// What surrounds the generated functions: a trainer's main, or the exported functions of an object file. All
// of them pass the manifest and the way into the functions to the runtime; nothing here is writable.
#include "llvm/wrappers.h"
#include "llvm/interface.h"

#include <string.h>

// The functions that nn_object_* run; what a trainer needs beyond them is not in an object.
static bool object_calls(const Module *m, FunctionKind kind) {
    return (kind == FUNCTION_PREPARE && !raw_refused(m)) || kind == FUNCTION_INITIAL ||
           kind == FUNCTION_STEP || kind == FUNCTION_UPDATE || kind == FUNCTION_PREDICT ||
           kind == FUNCTION_EPOCH || kind == FUNCTION_CATCH_UP;
}

void output_keep_called(const Module *m, Kernels *kernels, OutputKind kind) {
    int kept = 0;
    for (int i = 0; kind != OUTPUT_TRAINER && i < kernels->schedules.count; i++)
        if (object_calls(m, kernels->schedules.data[i]->function->kind))
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
    case 'N':
    case 'i': return em->i32;
    case 'l': return em->i64;
    case 'd': return em->f64;
    case 'v': return em->none;
    default: return em->pointer;
    }
}

typedef VEC(LLVMTypeRef) Types;

static Operand add_function(Emitter *em, const char *name, char result, LLVMTypeRef *params, int count) {
    LLVMTypeRef type = LLVMFunctionType(type_of_letter(em, result), params, (unsigned)count, 0);
    return LLVMAddFunction(em->module, name, type);
}

// ---- versions for several levels -------------------------------------------------------------------------

const char *version_name(Arena *arena, const char *prefix) {
    return string_format(arena, "%s.version", prefix);
}

// nn_version of abi.h.
static Operand version_constant(Emitter *em, Operand manifest) {
    Operand fields[] = {manifest, em->run};
    Operand value = LLVMConstArray2(em->pointer, fields, 2);
    Operand global = LLVMAddGlobal(em->module, LLVMTypeOf(value), version_name(em->arena, em->prefix));
    LLVMSetInitializer(global, value);
    LLVMSetGlobalConstant(global, 1);
    LLVMSetVisibility(global, LLVMHiddenVisibility);
    return global;
}

void wrap_version(Emitter *em, const void *data) {
    const WrapperData *w = data;
    version_constant(em, manifest_constant(em, w->manifest));
}

// The manifest and the way in, or what they are chosen from.
typedef struct {
    Operand manifest, versions; // versions: NULL, there is one
    int count;
} Ways;

static Ways ways_of(Emitter *em, const WrapperData *w) {
    Ways ways = {.manifest = manifest_constant(em, w->manifest)};
    if (!w->higher_count) return ways;
    Operand *all = arena_array(em->arena, Operand, w->higher_count + 1);
    for (; ways.count < w->higher_count; ways.count++) {
        all[ways.count] = LLVMAddGlobal(em->module, LLVMArrayType2(em->pointer, 2), w->higher[ways.count]);
        LLVMSetVisibility(all[ways.count], LLVMHiddenVisibility);
    }
    all[ways.count++] = version_constant(em, ways.manifest);
    Operand value = LLVMConstArray2(em->pointer, all, (uint64_t)ways.count);
    ways.versions =
        LLVMAddGlobal(em->module, LLVMTypeOf(value), string_format(em->arena, "%s.versions", em->prefix));
    LLVMSetInitializer(ways.versions, value);
    LLVMSetGlobalConstant(ways.versions, 1);
    LLVMSetLinkage(ways.versions, LLVMInternalLinkage);
    return ways;
}

// Of the version that runs on this processor.
static void choose(Emitter *em, const Ways *ways, Operand *manifest, Operand *run) {
    *manifest = ways->manifest, *run = em->run;
    if (!ways->versions) return;
    Operand function = LLVMGetNamedFunction(em->module, "nn_version_choose");
    LLVMTypeRef params[] = {em->pointer, em->i32};
    if (!function) function = add_function(em, "nn_version_choose", 'p', params, 2);
    Operand args[] = {ways->versions, build_i32(em, ways->count)}, one = build_i64(em, 1);
    Operand chosen = LLVMBuildCall2(em->builder, LLVMGlobalGetValueType(function), function, args, 2, "");
    *manifest = LLVMBuildLoad2(em->builder, em->pointer, chosen, "");
    chosen = LLVMBuildGEP2(em->builder, em->pointer, chosen, &one, 1, "");
    *run = LLVMBuildLoad2(em->builder, em->pointer, chosen, "");
}

// ---- functions that pass on -------------------------------------------------------------------------------

// One that passes its arguments on. Letters of `args`: M the manifest, R the way in, V all versions, N how
// many, else a parameter: p pointer, i int32, l int64, d double; S, I, K and O an array of pointers, in whose
// place it has parameters: what a step takes, the inputs, raw columns, the outputs; Z behind one of these:
// their counts, of which a checked interface has one behind each pointer, else NULL; W a pointer where rows
// are windows, else NULL. `result` likewise, v nothing.
typedef struct {
    const char *name, *runtime;
    char result;
    const char *args;
} Forward;

static const Forward trainer = {"main", "nn_trainer_main", 'i', "MRip"},
                     trainer_of_several = {"main", "nn_versions_main", 'i', "VNip"};
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
    {"train_step", "nn_object_train_step", 'i', "pSZip"},
    {"train", "nn_object_train", 'i', "pSZllpp"},
    {"predict", "nn_object_predict", 'i', "pIZiOZ"},
    {"predict_raw", "nn_object_predict_raw", 'i', "pKZlWOZ"},
};

// `count` parameters, each `step` behind the one before, in an array on the stack.
static Operand parameter_array(Emitter *em, LLVMTypeRef type, int first, int step, int count) {
    Operand array = LLVMBuildArrayAlloca(em->builder, type, build_i32(em, count < 1 ? 1 : count), "");
    for (int i = 0; i < count; i++) {
        Operand slot = build_i64(em, i);
        Operand at = LLVMBuildGEP2(em->builder, type, array, &slot, 1, "");
        LLVMBuildStore(em->builder, LLVMGetParam(em->function, (unsigned)(first + i * step)), at);
    }
    return array;
}

// How many arrays stand for an argument of the runtime's.
static int arrays_of(const Interface *h, char letter) {
    switch (letter) {
    case 'S': return h->fields;
    case 'I': return h->inputs;
    case 'K': return h->columns.count;
    case 'O': return h->arguments.count - h->fields;
    default: return 0;
    }
}

// The outer parameters of one argument: their types.
static void add_parameters(Emitter *em, const Interface *h, char letter, Types *outer) {
    if (strchr("MRVNZ", letter) || (letter == 'W' && !data_has_windows(h->module))) return;
    if (!strchr("SIKO", letter)) vec_push(em->arena, outer, type_of_letter(em, letter));
    for (int k = arrays_of(h, letter); k > 0; k--) {
        vec_push(em->arena, outer, em->pointer);
        if (h->checked) vec_push(em->arena, outer, em->i64);
    }
}

// What the runtime gets for an argument whose parameters begin at `own`; `before`: where those of the one
// before begin.
static Operand pass_on(Emitter *em, const Interface *h, const char *letter, int before, int own) {
    int step = h && h->checked ? 2 : 1;
    switch (*letter) {
    case 'S':
    case 'I':
    case 'K':
    case 'O': return parameter_array(em, em->pointer, own, step, arrays_of(h, *letter));
    case 'Z':
        return h->checked ? parameter_array(em, em->i64, before + 1, step, arrays_of(h, letter[-1]))
                          : LLVMConstNull(em->pointer);
    case 'W':
        if (!data_has_windows(h->module)) return LLVMConstNull(em->pointer);
        return LLVMGetParam(em->function, (unsigned)own);
    default: return LLVMGetParam(em->function, (unsigned)own);
    }
}

static void forward(Emitter *em, const Interface *h, const Forward *f, const char *name, const Ways *ways) {
    Types outer = {0};
    LLVMTypeRef inner[8];
    Operand args[8], manifest = NULL, run = NULL;
    int count = (int)strlen(f->args), first[9] = {0};
    for (int i = 0; i < count; i++) {
        inner[i] = type_of_letter(em, f->args[i]);
        add_parameters(em, h, f->args[i], &outer);
        first[i + 1] = outer.count;
    }
    em->function = add_function(em, name, f->result, outer.data, outer.count);
    LLVMPositionBuilderAtEnd(em->builder, build_block(em));
    if (*f->args == 'M') choose(em, ways, &manifest, &run);
    for (int i = 0; i < count; i++) {
        switch (f->args[i]) {
        case 'M': args[i] = manifest; break;
        case 'R': args[i] = run; break;
        case 'V': args[i] = ways->versions; break;
        case 'N': args[i] = build_i32(em, ways->count); break;
        default: args[i] = pass_on(em, h, f->args + i, i ? first[i - 1] : 0, first[i]);
        }
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
    Ways ways = ways_of(em, w);
    Interface h = interface_of(w->module, w->options);
    for (size_t i = 0; i < sizeof forwards / sizeof *forwards; i++) {
        const char *name = forwards[i].name;
        bool predicts = !strcmp(name, "predict"), raw = !strcmp(name, "predict_raw");
        if ((!predicts || module_outputs(w->module)) && (!raw || !h.no_raw))
            forward(em, &h, &forwards[i], string_format(em->arena, "%s_%s", em->prefix, name), &ways);
    }
}

void wrap_trainer(Emitter *em, const void *data) {
    const WrapperData *w = data;
    Ways ways = ways_of(em, w);
    const Forward *f = ways.versions ? &trainer_of_several : &trainer;
    forward(em, NULL, f, f->name, &ways);
}
