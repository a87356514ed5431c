// bfloat16: numbers rounded, two of them as one word, and the product of words added to a sum. By the
// processor's instructions where they fit a vector, else by integers and two multiply-adds: with the same
// bits, as subnormals are flushed while compiled code runs.
#include "llvm/emit.h"

static bool by_instruction(const Emitter *em, Operand x) {
    return em->bf16 && is_vector(x) && em->lanes == 16;
}

static LLVMTypeRef halves_of(const Emitter *em) {
    return LLVMVectorType(LLVMBFloatTypeInContext(em->llvm), 2 * (unsigned)em->lanes);
}

static Operand as(Emitter *em, Operand x, LLVMTypeRef element) {
    return LLVMBuildBitCast(em->builder, x, shaped_like(em, x, element), "");
}

// The upper 16 bits of a single, rounded to the nearest, ties to even; what lies below them is left.
static Operand rounded(Emitter *em, Operand x) {
    Operand bits = as(em, x, em->i32), shift = build_like(em, bits, 16);
    Operand odd = build_and(em, LLVMBuildLShr(em->builder, bits, shift, ""), build_like(em, bits, 1));
    Operand up = build_add(em, build_add(em, bits, build_like(em, bits, 0x7fff)), odd);
    Operand nan = LLVMBuildOr(em->builder, bits, build_like(em, bits, 0x400000), "");
    Operand zero = build_and(em, bits, build_like(em, bits, (double)INT32_MIN));
    Operand exponent = build_and(em, bits, build_like(em, bits, 0x7f800000));
    up = build_select(em, build_icmp(em, LLVMIntEQ, exponent, build_like(em, bits, 0)), zero, up);
    return build_select(em, build_fcmp(em, LLVMRealUNO, x, x), nan, up);
}

// Both as neighbours: the lanes of one between those of the other.
static Operand woven(Emitter *em, Operand even, Operand odd) {
    Operand order[2 * MAX_LANES], args[2] = {odd, even};
    for (int i = 0; i < 2 * em->lanes; i++) order[i] = build_i32(em, i / 2 + i % 2 * em->lanes);
    Operand both = build_intrinsic(em, "llvm.x86.avx512bf16.cvtne2ps2bf16.512", NULL, 0, args, 2);
    both = LLVMBuildShuffleVector(em->builder, both, LLVMGetPoison(LLVMTypeOf(both)),
                                  LLVMConstVector(order, 2 * (unsigned)em->lanes), "");
    return LLVMBuildBitCast(em->builder, both, vector_of(em, em->i32), "");
}

Operand build_bf16_pair(Emitter *em, Operand even, Operand odd) {
    even = build_convert(em, even, em->f32);
    odd = build_convert(em, odd, em->f32);
    build_shapes(em, &even, &odd);
    if (by_instruction(em, even)) return woven(em, even, odd);
    Operand low = rounded(em, even), high = rounded(em, odd);
    low = LLVMBuildLShr(em->builder, low, build_like(em, low, 16), "");
    high = build_and(em, high, build_like(em, high, -65536));
    return LLVMBuildOr(em->builder, low, high, "");
}

static Operand upper(Emitter *em, Operand words) {
    return as(em, build_and(em, words, build_like(em, words, -65536)), em->f32);
}

static Operand lower(Emitter *em, Operand words) {
    return as(em, LLVMBuildShl(em->builder, words, build_like(em, words, 16), ""), em->f32);
}

Operand build_bf16(Emitter *em, Operand x) {
    x = build_convert(em, x, em->f32);
    if (by_instruction(em, x)) return lower(em, build_bf16_pair(em, x, x));
    Operand bits = rounded(em, x);
    return as(em, build_and(em, bits, build_like(em, bits, -65536)), em->f32);
}

// sum + the products of both halves, the second first. A word for all lanes stands third: it is read by the
// instruction itself there.
Operand build_bf16_dot(Emitter *em, Operand a, Operand b, Operand sum) {
    bool vector = is_vector(a) || is_vector(b) || is_vector(sum);
    if (!is_vector(a)) {
        Operand first = a;
        a = b;
        b = first;
    }
    if (em->bf16 && vector && em->lanes == 16) {
        LLVMTypeRef halves = halves_of(em);
        Operand args[3] = {build_splat(em, sum),
                           LLVMBuildBitCast(em->builder, build_splat(em, a), halves, ""),
                           LLVMBuildBitCast(em->builder, build_splat(em, b), halves, "")};
        return build_intrinsic(em, "llvm.x86.avx512bf16.dpbf16ps.512", NULL, 0, args, 3);
    }
    sum = build_fma(em, upper(em, a), upper(em, b), sum);
    return build_fma(em, lower(em, a), lower(em, b), sum);
}
