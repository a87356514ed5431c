// Builders of values: constants, shapes, conversions, arithmetic that is the same for scalars and vectors.
//
// Scalars stay scalars until they meet a vector: what does not depend on the lane is computed once.
#include "llvm/emit.h"

#include <string.h>

bool is_vector(Operand x) { return LLVMGetTypeKind(LLVMTypeOf(x)) == LLVMVectorTypeKind; }

LLVMTypeRef element_type(Operand x) {
    LLVMTypeRef type = LLVMTypeOf(x);
    return LLVMGetTypeKind(type) == LLVMVectorTypeKind ? LLVMGetElementType(type) : type;
}

bool is_real(Operand x) {
    LLVMTypeKind kind = LLVMGetTypeKind(element_type(x));
    return kind == LLVMFloatTypeKind || kind == LLVMDoubleTypeKind;
}

LLVMTypeRef vector_of(const Emitter *em, LLVMTypeRef element) {
    return LLVMVectorType(element, (unsigned)em->lanes);
}

LLVMTypeRef shaped_like(const Emitter *em, Operand shape, LLVMTypeRef element) {
    return is_vector(shape) ? vector_of(em, element) : element;
}

Operand build_i32(const Emitter *em, int64_t value) {
    return LLVMConstInt(em->i32, (unsigned long long)value, 1);
}
Operand build_i64(const Emitter *em, int64_t value) {
    return LLVMConstInt(em->i64, (unsigned long long)value, 1);
}

Operand build_splat(Emitter *em, Operand x) {
    if (is_vector(x)) return x;
    LLVMTypeRef type = vector_of(em, LLVMTypeOf(x));
    if (LLVMIsConstant(x)) {
        Operand lanes[MAX_LANES];
        for (int i = 0; i < em->lanes; i++) lanes[i] = x;
        return LLVMConstVector(lanes, (unsigned)em->lanes);
    }
    Operand known = memo_find(em, x, 0, -1);
    if (known) return known;
    Operand poison = LLVMGetPoison(type);
    Operand one = LLVMBuildInsertElement(em->builder, poison, x, build_i32(em, 0), "");
    Operand zeros = LLVMConstNull(vector_of(em, em->i32));
    Operand v = LLVMBuildShuffleVector(em->builder, one, poison, zeros, "");
    memo_add(em, x, 0, -1, v);
    return v;
}

Operand build_like(Emitter *em, Operand x, double value) {
    LLVMTypeRef type = element_type(x);
    Operand c =
        is_real(x) ? LLVMConstReal(type, value) : LLVMConstInt(type, (unsigned long long)(int64_t)value, 1);
    return is_vector(x) ? build_splat(em, c) : c;
}

void build_shapes(Emitter *em, Operand *a, Operand *b) {
    if (is_vector(*a) != is_vector(*b)) {
        *a = build_splat(em, *a);
        *b = build_splat(em, *b);
    }
}

// i1 < i32 < i64 < float < double
static int width(const Emitter *em, LLVMTypeRef type) {
    return type == em->i1 ? 0 : type == em->i32 ? 1 : type == em->i64 ? 2 : type == em->f32 ? 3 : 4;
}

Operand build_convert(Emitter *em, Operand x, LLVMTypeRef element) {
    LLVMTypeRef from = element_type(x);
    if (from == element) return x;
    if (element == em->i1) return build_condition(em, x);
    LLVMTypeRef to = shaped_like(em, x, element);
    int a = width(em, from), b = width(em, element);
    if (b >= 3) {
        if (a == 0) return LLVMBuildUIToFP(em->builder, x, to, "");
        if (a < 3) return LLVMBuildSIToFP(em->builder, x, to, "");
        return b > a ? LLVMBuildFPExt(em->builder, x, to, "") : LLVMBuildFPTrunc(em->builder, x, to, "");
    }
    if (a >= 3) {
        LLVMTypeRef overloads[2] = {to, LLVMTypeOf(x)};
        return build_intrinsic(em, "llvm.fptosi.sat", overloads, 2, &x, 1);
    }
    if (a > b) return LLVMBuildTrunc(em->builder, x, to, "");
    return a == 0 ? LLVMBuildZExt(em->builder, x, to, "") : LLVMBuildSExt(em->builder, x, to, "");
}

Operand build_condition(Emitter *em, Operand x) {
    if (element_type(x) == em->i1) return x;
    Operand zero = build_like(em, x, 0);
    return is_real(x) ? build_fcmp(em, LLVMRealUNE, x, zero) : build_icmp(em, LLVMIntNE, x, zero);
}

void build_match(Emitter *em, Operand *a, Operand *b) {
    int wa = width(em, element_type(*a)), wb = width(em, element_type(*b));
    if (wa == 0 && wb == 0) {
        *a = build_convert(em, *a, em->i32);
        *b = build_convert(em, *b, em->i32);
    } else if (wa < wb)
        *a = build_convert(em, *a, element_type(*b));
    else
        *b = build_convert(em, *b, element_type(*a));
    build_shapes(em, a, b);
}

Operand build_add(Emitter *em, Operand a, Operand b) {
    build_match(em, &a, &b);
    return is_real(a) ? LLVMBuildFAdd(em->builder, a, b, "") : LLVMBuildAdd(em->builder, a, b, "");
}

Operand build_sub(Emitter *em, Operand a, Operand b) {
    build_match(em, &a, &b);
    return is_real(a) ? LLVMBuildFSub(em->builder, a, b, "") : LLVMBuildSub(em->builder, a, b, "");
}

Operand build_mul(Emitter *em, Operand a, Operand b) {
    build_match(em, &a, &b);
    return is_real(a) ? LLVMBuildFMul(em->builder, a, b, "") : LLVMBuildMul(em->builder, a, b, "");
}

Operand build_neg(Emitter *em, Operand a) {
    return is_real(a) ? LLVMBuildFNeg(em->builder, a, "") : LLVMBuildNeg(em->builder, a, "");
}

Operand build_fma(Emitter *em, Operand a, Operand b, Operand c) {
    build_match(em, &a, &b);
    build_match(em, &a, &c);
    build_match(em, &b, &c);
    if (!is_real(a) || !em->fused) return build_add(em, build_mul(em, a, b), c);
    LLVMTypeRef type = LLVMTypeOf(a);
    Operand args[3] = {a, b, c};
    return build_intrinsic(em, "llvm.fma", &type, 1, args, 3);
}

Operand build_select(Emitter *em, Operand condition, Operand a, Operand b) {
    condition = build_condition(em, condition);
    if (element_type(a) == em->i1 && element_type(b) == em->i1)
        build_shapes(em, &a, &b);
    else
        build_match(em, &a, &b);
    if (is_vector(condition)) {
        a = build_splat(em, a);
        b = build_splat(em, b);
    }
    return LLVMBuildSelect(em->builder, condition, a, b, "");
}

Operand build_smaller(Emitter *em, Operand a, Operand b) {
    return LLVMBuildSelect(em->builder, build_icmp(em, LLVMIntSLT, a, b), a, b, "");
}

Operand build_larger(Emitter *em, Operand a, Operand b) {
    return LLVMBuildSelect(em->builder, build_icmp(em, LLVMIntSGT, a, b), a, b, "");
}

Operand build_and(Emitter *em, Operand a, Operand b) {
    if (!a || !b) return a ? a : b;
    build_shapes(em, &a, &b);
    return LLVMBuildAnd(em->builder, a, b, "");
}

Operand build_or(Emitter *em, Operand a, Operand b) { return LLVMBuildOr(em->builder, a, b, ""); }

Operand build_quotient(Emitter *em, Operand a, Operand b) { return LLVMBuildUDiv(em->builder, a, b, ""); }

Operand build_icmp(Emitter *em, LLVMIntPredicate how, Operand a, Operand b) {
    return LLVMBuildICmp(em->builder, how, a, b, "");
}

Operand build_fcmp(Emitter *em, LLVMRealPredicate how, Operand a, Operand b) {
    return LLVMBuildFCmp(em->builder, how, a, b, "");
}

Operand build_intrinsic(Emitter *em, const char *name, LLVMTypeRef *overloads, int overload_count,
                        Operand *args, int count) {
    unsigned id = LLVMLookupIntrinsicID(name, strlen(name));
    if (!id) die("LLVM has no intrinsic %s", name);
    LLVMTypeRef type = LLVMIntrinsicGetType(em->llvm, id, overloads, (size_t)overload_count);
    Operand function = LLVMGetIntrinsicDeclaration(em->module, id, overloads, (size_t)overload_count);
    return LLVMBuildCall2(em->builder, type, function, args, (unsigned)count, "");
}

Operand build_unary(Emitter *em, const char *intrinsic, Operand x) {
    LLVMTypeRef type = LLVMTypeOf(x);
    return build_intrinsic(em, intrinsic, &type, 1, &x, 1);
}

LLVMTypeRef call_type(const Emitter *em, const Operand *args, int count) {
    LLVMTypeRef *types = arena_array(em->arena, LLVMTypeRef, count);
    for (int i = 0; i < count; i++) types[i] = LLVMTypeOf(args[i]);
    return LLVMFunctionType(em->none, types, (unsigned)count, 0);
}

void build_call(Emitter *em, Operand function, Operand *args, int count) {
    LLVMBuildCall2(em->builder, call_type(em, args, count), function, args, (unsigned)count, "");
}

Operand build_lane_numbers(Emitter *em, int64_t factor) {
    Operand lanes[MAX_LANES];
    for (int i = 0; i < em->lanes; i++) lanes[i] = build_i32(em, i * factor);
    return LLVMConstVector(lanes, (unsigned)em->lanes);
}

Operand build_mask(Emitter *em, int64_t count) {
    Operand lanes[MAX_LANES];
    for (int i = 0; i < em->lanes; i++) lanes[i] = LLVMConstInt(em->i1, i < count, 0);
    return LLVMConstVector(lanes, (unsigned)em->lanes);
}

Operand build_mask_of(Emitter *em, Operand count) {
    Operand most = build_i64(em, em->lanes);
    Operand fits = build_icmp(em, LLVMIntSLT, count, most);
    Operand n = LLVMBuildTrunc(em->builder, LLVMBuildSelect(em->builder, fits, count, most, ""), em->i32, "");
    return build_icmp(em, LLVMIntSLT, build_lane_numbers(em, 1), build_splat(em, n));
}

BasicBlock build_block(Emitter *em) { return LLVMAppendBasicBlockInContext(em->llvm, em->function, ""); }

void build_at(Emitter *em, BasicBlock block) { LLVMPositionBuilderAtEnd(em->builder, block); }

void build_goto(Emitter *em, BasicBlock block) {
    LLVMBuildBr(em->builder, block);
    build_at(em, block);
}

void build_branch(Emitter *em, Operand condition, BasicBlock then, BasicBlock otherwise) {
    LLVMBuildCondBr(em->builder, condition, then, otherwise);
    build_at(em, then);
}

Operand build_variable(Emitter *em, Operand initial) {
    BasicBlock here = LLVMGetInsertBlock(em->builder);
    Operand end = LLVMGetBasicBlockTerminator(em->entry);
    if (end)
        LLVMPositionBuilderBefore(em->builder, end);
    else
        build_at(em, em->entry);
    Operand variable = LLVMBuildAlloca(em->builder, LLVMTypeOf(initial), "");
    build_at(em, here);
    LLVMBuildStore(em->builder, initial, variable);
    return variable;
}
