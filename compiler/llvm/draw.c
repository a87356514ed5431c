// Draws: Philox 4x32-10 of (element, place, batch number, kind), keyed by the seed; the same bits as philox()
// of ir/.
//
// The ten rounds are long, and tiles draw many vectors: they are functions of the module, called for each
// vector.
#include "llvm/emit.h"

typedef struct {
    Operand high, low;
} WideProduct;

static WideProduct multiply(Emitter *em, Operand x, uint32_t factor) {
    Operand wide = LLVMBuildZExt(em->builder, x, shaped_like(em, x, em->i64), "");
    Operand product = build_mul(em, wide, build_like(em, wide, (double)factor));
    Operand high = LLVMBuildLShr(em->builder, product, build_like(em, wide, 32), "");
    return (WideProduct){LLVMBuildTrunc(em->builder, high, LLVMTypeOf(x), ""),
                         LLVMBuildTrunc(em->builder, product, LLVMTypeOf(x), "")};
}

static Operand exclusive_or(Emitter *em, Operand a, Operand b, Operand c) {
    build_shapes(em, &a, &b);
    Operand x = LLVMBuildXor(em->builder, a, b, "");
    build_shapes(em, &x, &c);
    return LLVMBuildXor(em->builder, x, c, "");
}

static void rounds(Emitter *em, Operand counter[4], Operand seed) {
    Operand key[2] = {
        LLVMBuildTrunc(em->builder, seed, em->i32, ""),
        LLVMBuildTrunc(em->builder, LLVMBuildLShr(em->builder, seed, build_i64(em, 32), ""), em->i32, "")};
    for (int round = 0; round < 10; round++) {
        WideProduct a = multiply(em, counter[0], 0xD2511F53u), b = multiply(em, counter[2], 0xCD9E8D57u);
        Operand next[4] = {exclusive_or(em, b.high, counter[1], key[0]), b.low,
                           exclusive_or(em, a.high, counter[3], key[1]), a.low};
        for (int i = 0; i < 4; i++) counter[i] = next[i];
        key[0] = build_add(em, key[0], build_i32(em, 0x9E3779B9u));
        key[1] = build_add(em, key[1], build_i32(em, 0xBB67AE85u));
    }
}

// The upper 24 bits as a number in [0, 1).
static Operand fraction(Emitter *em, Operand bits) {
    Operand upper = LLVMBuildLShr(em->builder, bits, build_like(em, bits, 8), "");
    Operand x = build_convert(em, upper, em->real);
    return build_mul(em, x, build_like(em, x, 0x1p-24));
}

static Operand normal(Emitter *em, Operand a, Operand b) {
    Operand u = fraction(em, a), v = fraction(em, b);
    Operand size = build_log(em, build_sub(em, build_like(em, u, 1), u));
    size = build_sqrt(em, build_mul(em, size, build_like(em, size, -2)));
    return build_mul(em, size, build_cos(em, build_mul(em, v, build_like(em, v, 6.283185307179586477))));
}

enum { ELEMENT, PLACE, BATCH_NUMBER, KIND, SEED, PARAMETERS };

// bits(element, place, batch number, kind, seed), or the normal number that they make.
static Operand body(Emitter *em, Operand function, DrawKind kind) {
    Operand counter[4], seed = LLVMGetParam(function, SEED);
    for (unsigned i = 0; i < 4; i++) counter[i] = LLVMGetParam(function, i);
    if (is_vector(counter[ELEMENT]))
        for (int i = PLACE; i <= KIND; i++) counter[i] = build_splat(em, counter[i]);
    rounds(em, counter, seed);
    return kind == DRAW_NORMAL ? normal(em, counter[0], counter[1]) : counter[0];
}

static Operand function_of(Emitter *em, DrawKind kind, bool vector) {
    const char *name = string_format(em->arena, "%s.%s.%d", em->prefix,
                                     kind == DRAW_NORMAL ? "normal" : "bits", vector ? em->lanes : 1);
    Operand function = LLVMGetNamedFunction(em->module, name);
    if (function) return function;
    LLVMTypeRef params[PARAMETERS] = {vector ? vector_of(em, em->i32) : em->i32, em->i32, em->i32, em->i32,
                                      em->i64};
    LLVMTypeRef number = kind == DRAW_NORMAL ? em->real : em->i32;
    function = LLVMAddFunction(
        em->module, name, LLVMFunctionType(vector ? vector_of(em, number) : number, params, PARAMETERS, 0));
    BasicBlock here = LLVMGetInsertBlock(em->builder);
    int mark = em->memo.count;
    function_local(em, function);
    build_at(em, LLVMAppendBasicBlockInContext(em->llvm, function, ""));
    LLVMBuildRet(em->builder, body(em, function, kind));
    memo_cut(em, mark);
    build_at(em, here);
    return function;
}

Operand emit_draw(Emitter *em, const Draw *draw) {
    Operand element = emit_integer(em, draw->element),
            batch = draw->initial ? build_i32(em, 0) : emit_batch_number(em);
    Operand args[PARAMETERS] = {element, build_i32(em, draw->place), batch,
                                build_i32(em, (int64_t)draw->kind), emit_seed(em)};
    Operand function = function_of(em, draw->kind, is_vector(element));
    Operand drawn =
        LLVMBuildCall2(em->builder, LLVMGlobalGetValueType(function), function, args, PARAMETERS, "");
    if (draw->kind == DRAW_UNIFORM) return build_convert(em, fraction(em, drawn), em->point.number);
    if (draw->kind == DRAW_NORMAL) return build_convert(em, drawn, em->point.number);
    Operand wide = LLVMBuildZExt(em->builder, drawn, shaped_like(em, drawn, em->i64), "");
    wide = build_mul(em, wide, build_like(em, wide, (double)draw->limit));
    wide = LLVMBuildLShr(em->builder, wide, build_like(em, wide, 32), "");
    return LLVMBuildTrunc(em->builder, wide, LLVMTypeOf(drawn), "");
}
