// The rows of the scalar table: emit_NAME for each row of ops.def, and how their operands are brought to one
// type.
//
// Semantics are those of the reference evaluation in ir/ops.c: max and min pass NaN on and take the second of
// two equals.
#include "llvm/emit.h"

// ---- division and roots -----------------------------------------------------------------------------------

// The processor's: exact, and one instruction where an estimate with its corrections takes twelve. Of Adam's
// update in whole vectors the estimates were slower on Zen 4 (307 us for 284, 784-128-10) and 8 % faster on
// Sapphire Rapids.
Operand build_divide(Emitter *em, Operand a, Operand b) {
    build_match(em, &a, &b);
    return LLVMBuildFDiv(em->builder, a, b, "");
}

Operand build_sqrt(Emitter *em, Operand x) { return build_unary(em, "llvm.sqrt", x); }

// ---- the rows ---------------------------------------------------------------------------------------------

static Operand emit_DIV(Emitter *em, const Operand *a) { return build_divide(em, a[0], a[1]); }
static Operand emit_POW(Emitter *em, const Operand *a) { return build_pow(em, a[0], a[1]); }
static Operand emit_EXP(Emitter *em, const Operand *a) { return build_exp(em, a[0]); }
static Operand emit_LOG(Emitter *em, const Operand *a) { return build_log(em, a[0]); }
static Operand emit_LOG1P(Emitter *em, const Operand *a) { return build_log1p(em, a[0]); }
static Operand emit_EXPM1(Emitter *em, const Operand *a) { return build_expm1(em, a[0]); }
static Operand emit_SQRT(Emitter *em, const Operand *a) { return build_sqrt(em, a[0]); }
static Operand emit_SIN(Emitter *em, const Operand *a) { return build_sin(em, a[0]); }
static Operand emit_COS(Emitter *em, const Operand *a) { return build_cos(em, a[0]); }
static Operand emit_TANH(Emitter *em, const Operand *a) { return build_tanh(em, a[0]); }
static Operand emit_SIGMOID(Emitter *em, const Operand *a) { return build_sigmoid(em, a[0]); }
static Operand emit_SOFTPLUS(Emitter *em, const Operand *a) { return build_softplus(em, a[0]); }
static Operand emit_ERF(Emitter *em, const Operand *a) { return build_erf(em, a[0]); }
static Operand emit_ERFINV(Emitter *em, const Operand *a) { return build_erfinv(em, a[0]); }

static Operand compare(Emitter *em, LLVMRealPredicate reals, LLVMIntPredicate integers, Operand a,
                       Operand b) {
    return is_real(a) ? build_fcmp(em, reals, a, b) : build_icmp(em, integers, a, b);
}

static Operand less(Emitter *em, Operand a, Operand b) { return compare(em, LLVMRealOLT, LLVMIntSLT, a, b); }

static Operand emit_ABS(Emitter *em, const Operand *a) {
    if (is_real(a[0])) return build_unary(em, "llvm.fabs", a[0]);
    Operand negative = less(em, a[0], build_like(em, a[0], 0));
    return build_select(em, negative, build_neg(em, a[0]), a[0]);
}

// 0 and NaN are their own signs.
static Operand emit_SIGN(Emitter *em, const Operand *a) {
    Operand zero = build_like(em, a[0], 0);
    Operand negative = build_select(em, less(em, a[0], zero), build_like(em, a[0], -1), a[0]);
    return build_select(em, less(em, zero, a[0]), build_like(em, a[0], 1), negative);
}

static Operand emit_FLOOR(Emitter *em, const Operand *a) {
    return is_real(a[0]) ? build_convert(em, build_unary(em, "llvm.floor", a[0]), em->i32) : a[0];
}

// The quotient of integers, rounded down. Where the processor would trap, by 0 and of the least number by -1,
// it is the dividend.
static Operand floor_quotient(Emitter *em, Operand a, Operand b) {
    Operand zero = build_like(em, a, 0), one = build_like(em, a, 1);
    if (!LLVMIsConstant(b)) {
        Operand least = build_icmp(em, LLVMIntEQ, a, build_like(em, a, INT32_MIN));
        Operand minus = build_icmp(em, LLVMIntEQ, b, build_like(em, b, -1));
        Operand none = build_icmp(em, LLVMIntEQ, b, zero);
        b = build_select(em, build_or(em, none, build_and(em, least, minus)), one, b);
    }
    Operand q = LLVMBuildSDiv(em->builder, a, b, ""), r = build_sub(em, a, build_mul(em, q, b));
    Operand down = build_icmp(em, LLVMIntSLT, LLVMBuildXor(em->builder, r, b, ""), zero);
    Operand some = build_icmp(em, LLVMIntNE, r, zero);
    down = build_and(em, down, some);
    return build_select(em, down, build_sub(em, q, one), q);
}

// 2^k of a constant integer divisor, or -1.
static int power_of(Operand b) {
    if (is_vector(b) || !LLVMIsAConstantInt(b)) return -1;
    long long value = LLVMConstIntGetSExtValue(b);
    return value > 0 && (value & (value - 1)) == 0 ? __builtin_ctzll((unsigned long long)value) : -1;
}

static Operand differ_in_sign(Emitter *em, Operand a, Operand b) {
    Operand zero = build_like(em, a, 0);
    Operand below = build_and(em, less(em, a, zero), less(em, zero, b));
    Operand above = build_and(em, less(em, zero, a), less(em, b, zero));
    return build_or(em, below, above);
}

// floor(a / b) but for the rounding of the quotient, and the remainder that belongs to it.
static Operand rough_floor(Emitter *em, Operand a, Operand b, Operand *remainder, Operand *low,
                           Operand *high) {
    Operand q = build_unary(em, "llvm.floor", LLVMBuildFDiv(em->builder, a, b, ""));
    Operand r = build_fma(em, build_neg(em, q), b, a);
    Operand size = build_unary(em, "llvm.fabs", r), most = build_unary(em, "llvm.fabs", b);
    *remainder = r;
    *low = differ_in_sign(em, r, b);
    *high = build_fcmp(em, LLVMRealOGT, size, most);
    return q;
}

static Operand emit_FLOOR_DIV(Emitter *em, const Operand *args) {
    Operand a = args[0], b = args[1];
    int shift = is_real(a) ? -1 : power_of(b);
    build_match(em, &a, &b);
    if (is_real(a)) {
        Operand r, low, high, q = rough_floor(em, a, b, &r, &low, &high), one = build_like(em, q, 1);
        q = build_select(em, low, build_sub(em, q, one), build_select(em, high, build_add(em, q, one), q));
        return build_convert(em, q, em->i32);
    }
    return shift >= 0 ? LLVMBuildAShr(em->builder, a, build_like(em, a, shift), "")
                      : floor_quotient(em, a, b);
}

// The sign of the divisor; exact while the quotient is below 2^24 (2^53).
static Operand emit_MOD(Emitter *em, const Operand *args) {
    Operand a = args[0], b = args[1];
    int shift = is_real(a) ? -1 : power_of(b);
    build_match(em, &a, &b);
    if (shift >= 0) return build_and(em, a, build_like(em, a, (double)((1LL << shift) - 1)));
    if (!is_real(a)) return build_sub(em, a, build_mul(em, floor_quotient(em, a, b), b));
    Operand r, low, high;
    rough_floor(em, a, b, &r, &low, &high);
    return build_select(em, low, build_add(em, r, b), build_select(em, high, build_sub(em, r, b), r));
}

static bool is_plain_constant(Operand x) { return LLVMIsConstant(x) && !LLVMIsPoison(x); }

// One instruction where one side is a constant, else NaN needs a second look.
static Operand extreme(Emitter *em, const Operand *a, bool most) {
    if (!is_real(a[0])) {
        Operand below = build_icmp(em, LLVMIntSLT, a[0], a[1]);
        return build_select(em, below, a[most], a[!most]);
    }
    LLVMRealPredicate how = most ? LLVMRealOGT : LLVMRealOLT;
    if (is_plain_constant(a[1])) {
        Operand c = build_fcmp(em, how, a[1], a[0]);
        return build_select(em, c, a[1], a[0]);
    }
    Operand c = build_fcmp(em, how, a[0], a[1]);
    if (!is_plain_constant(a[0])) c = build_or(em, c, build_fcmp(em, LLVMRealUNO, a[0], a[0]));
    return build_select(em, c, a[0], a[1]);
}

static Operand emit_MAX(Emitter *em, const Operand *a) { return extreme(em, a, true); }
static Operand emit_MIN(Emitter *em, const Operand *a) { return extreme(em, a, false); }
static Operand emit_LT(Emitter *em, const Operand *a) { return less(em, a[0], a[1]); }

static Operand emit_LE(Emitter *em, const Operand *a) {
    return compare(em, LLVMRealOLE, LLVMIntSLE, a[0], a[1]);
}

static Operand emit_EQ(Emitter *em, const Operand *a) {
    return compare(em, LLVMRealOEQ, LLVMIntEQ, a[0], a[1]);
}

static Operand emit_AND(Emitter *em, const Operand *a) {
    return build_and(em, build_condition(em, a[0]), build_condition(em, a[1]));
}

static Operand emit_OR(Emitter *em, const Operand *a) {
    Operand x = build_condition(em, a[0]), y = build_condition(em, a[1]);
    build_shapes(em, &x, &y);
    return build_or(em, x, y);
}

static Operand emit_NOT(Emitter *em, const Operand *a) {
    return LLVMBuildNot(em->builder, build_condition(em, a[0]), "");
}
static Operand emit_SELECT(Emitter *em, const Operand *a) { return build_select(em, a[0], a[1], a[2]); }
static Operand emit_REAL(Emitter *em, const Operand *a) {
    return is_real(a[0]) ? a[0] : build_convert(em, a[0], em->point.number);
}
static Operand emit_AT(Emitter *em, const Operand *a) {
    (void)em;
    return a[0];
}

static Operand emit_STOP_GRADIENT(Emitter *em, const Operand *a) {
    (void)em;
    return a[0];
}

static Operand emit_BF16(Emitter *em, const Operand *a) { return build_bf16(em, a[0]); }
static Operand emit_BF16_PAIR(Emitter *em, const Operand *a) { return build_bf16_pair(em, a[0], a[1]); }
static Operand emit_BF16_DOT(Emitter *em, const Operand *a) {
    return build_bf16_dot(em, a[0], a[1], LLVMConstNull(em->f32));
}

typedef Operand EmitRow(Emitter *em, const Operand *args);

static EmitRow *row(Op op) {
    static EmitRow *const rows[OP_COUNT] = {
#define OP(name, ...) [OP_##name] = emit_##name,
#include "ir/ops.def"
#undef OP
    };
    return rows[op];
}

// Comparisons and choices keep integers; conditions take anything; all other rows of reals get reals.
static bool keeps_integers(Type result) { return result != TYPE_REAL && result != TYPE_DOUBLE; }

Operand emit_op(Emitter *em, Op op, const Operand *args, int count, Type result) {
    EmitRow *emit = row(op);
    Operand a[3];
    if (!emit || count < 1 || count > 3) die("no emission for operation %d with %d operands", (int)op, count);
    for (int i = 0; i < count; i++) a[i] = args[i];
    bool as_they_are = op == OP_SELECT || op == OP_AND || op == OP_OR || op == OP_NOT || op == OP_BF16_DOT;
    if (as_they_are) return emit(em, a);
    for (int i = 0; i < count; i++)
        if (!is_real(a[i]))
            a[i] = build_convert(em, a[i], keeps_integers(result) ? em->i32 : em->point.number);
    if (count == 2 && op != OP_MOD && op != OP_FLOOR_DIV) build_match(em, &a[0], &a[1]);
    return emit(em, a);
}
