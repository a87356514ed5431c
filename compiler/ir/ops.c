// The rows of ops.def: for each the reference evaluation and the derivative, beside its formula.
// A derivative is the partial one by argument `which`; it may use `self`, the operation's own value; NULL is
// 0.

#include "ir/tables.h"

#include <math.h>
#include <string.h>

#define EVALUATE(NAME, formula)                                                                              \
    static double evaluate_##NAME(const double *a) { return (formula); }
#define DERIVATIVE(NAME)                                                                                     \
    static const Expr *derivative_##NAME(Program *p, const Expr *const *a, const Expr *self, int which)
// Of one argument, as a formula.
#define SLOPE(NAME, formula)                                                                                 \
    DERIVATIVE(NAME) {                                                                                       \
        (void)p, (void)a, (void)self, (void)which;                                                           \
        return (formula);                                                                                    \
    }
// Rows without a derivative: steps, comparisons, and what is asked to have none.
#define NO_DERIVATIVE(NAME) SLOPE(NAME, NULL)

static const double PI = 3.14159265358979323846;

static const Expr *constant(Program *p, double value) { return expr_const(p, value); }

// 1 where the condition holds, else 0.
static const Expr *indicator(Program *p, const Expr *condition, bool sense) {
    return expr_select(p, condition, constant(p, sense), constant(p, !sense));
}

// d(a/b) = da/b - (a/b)/b db
EVALUATE(DIV, a[0] / a[1])
DERIVATIVE(DIV) {
    if (which == 0) return expr_div(p, constant(p, 1), a[1]);
    return expr_neg(p, expr_div(p, self, a[1]));
}

// d(a^b) = b a^(b-1) da (0 where b = 0) + a^b log a db (0 where a = 0 and b >= 0)
EVALUATE(POW, pow(a[0], a[1]))
DERIVATIVE(POW) {
    const Expr *zero = constant(p, 0);
    if (which == 0) {
        const Expr *lower = expr_binary(p, OP_POW, a[0], expr_sub(p, a[1], constant(p, 1)));
        return expr_select(p, expr_binary(p, OP_EQ, a[1], zero), zero, expr_mul(p, a[1], lower));
    }
    const Expr *flat =
        expr_binary(p, OP_AND, expr_binary(p, OP_EQ, a[0], zero), expr_binary(p, OP_LE, zero, a[1]));
    return expr_select(p, flat, zero, expr_mul(p, self, expr_unary(p, OP_LOG, a[0])));
}

// exp' = exp
EVALUATE(EXP, exp(a[0]))
SLOPE(EXP, self)

// log' x = 1/x
EVALUATE(LOG, log(a[0]))
SLOPE(LOG, expr_div(p, constant(p, 1), a[0]))

// log1p' x = 1 / (1 + x)
EVALUATE(LOG1P, log1p(a[0]))
SLOPE(LOG1P, expr_div(p, constant(p, 1), expr_add(p, constant(p, 1), a[0])))

// expm1' x = expm1 x + 1
EVALUATE(EXPM1, expm1(a[0]))
SLOPE(EXPM1, expr_add(p, self, constant(p, 1)))

// sqrt' x = 1 / (2 sqrt x)
EVALUATE(SQRT, sqrt(a[0]))
SLOPE(SQRT, expr_div(p, constant(p, 0.5), self))

// sin' = cos
EVALUATE(SIN, sin(a[0]))
SLOPE(SIN, expr_unary(p, OP_COS, a[0]))

// cos' = -sin
EVALUATE(COS, cos(a[0]))
SLOPE(COS, expr_neg(p, expr_unary(p, OP_SIN, a[0])))

// tanh' = 1 - tanh^2
EVALUATE(TANH, tanh(a[0]))
SLOPE(TANH, expr_sub(p, constant(p, 1), expr_power(p, self, 2)))

// sigmoid x = 1 / (1 + exp(-x)), without an overflow on either side; sigmoid' = s (1 - s)
static double evaluate_SIGMOID(const double *a) {
    double small = exp(-fabs(a[0]));
    return (a[0] >= 0 ? 1 : small) / (1 + small);
}
SLOPE(SIGMOID, expr_mul(p, self, expr_sub(p, constant(p, 1), self)))

// softplus x = log(1 + exp x) = max(x, 0) + log1p(exp(-|x|)); softplus' = sigmoid
static double evaluate_SOFTPLUS(const double *a) {
    return (a[0] > 0 || isnan(a[0]) ? a[0] : 0) + log1p(exp(-fabs(a[0])));
}
SLOPE(SOFTPLUS, expr_unary(p, OP_SIGMOID, a[0]))

// erf' x = 2 / sqrt(pi) exp(-x^2)
EVALUATE(ERF, erf(a[0]))
static const Expr *bell(Program *p, const Expr *x) {
    return expr_unary(p, OP_EXP, expr_neg(p, expr_power(p, x, 2)));
}
SLOPE(ERF, expr_mul(p, constant(p, 2 / sqrt(PI)), bell(p, a[0])))

// erfinv: a rough start (Winitzki's), then Newton on erfc, which keeps its digits near 1. erfinv' =
// sqrt(pi)/2 exp(erfinv^2)
static double evaluate_ERFINV(const double *a) {
    double x = fabs(a[0]);
    if (!(x < 1)) return x == 1 ? copysign((double)INFINITY, a[0]) : (double)NAN;
    double l = log1p(-x * x), t = 2 / (PI * 0.147) + l / 2;
    double y = sqrt(sqrt(t * t - l / 0.147) - t);
    for (int round = 0; round < 4; round++) {
        double error = x < 0.5 ? erf(y) - x : (1 - x) - erfc(y);
        double step = error / (2 / sqrt(PI) * exp(-y * y));
        y -= step / (1 + y * step);
    }
    return copysign(y, a[0]);
}
SLOPE(ERFINV, expr_mul(p, constant(p, sqrt(PI) / 2), expr_unary(p, OP_EXP, expr_power(p, self, 2))))

// abs' = sign
EVALUATE(ABS, fabs(a[0]))
SLOPE(ABS, expr_unary(p, OP_SIGN, a[0]))

EVALUATE(SIGN, a[0] > 0 ? 1 : a[0] < 0 ? -1 : a[0])
NO_DERIVATIVE(SIGN)

EVALUATE(FLOOR, floor(a[0]))
NO_DERIVATIVE(FLOOR)

// mod(a, b) = a - b floor(a/b), with the divisor's sign; fmod is exact where the quotient is not.
static double evaluate_MOD(const double *a) {
    double rest = fmod(a[0], a[1]);
    return rest != 0 && (rest < 0) != (a[1] < 0) ? rest + a[1] : rest;
}
DERIVATIVE(MOD) {
    (void)self;
    if (which == 0) return constant(p, 1);
    return expr_neg(p, expr_binary(p, OP_FLOOR_DIV, a[0], a[1]));
}

// floor(a/b) as (a - mod(a, b)) / b, so that it goes with mod
static double evaluate_FLOOR_DIV(const double *a) {
    double quotient = (a[0] - evaluate_MOD(a)) / a[1];
    return isfinite(quotient) ? floor(quotient + 0.5) : floor(a[0] / a[1]);
}
NO_DERIVATIVE(FLOOR_DIV)

// max and min: a NaN on either side passes. What is beyond the other has slope 1. A tie of a constant and a
// value goes to the constant, of two values half to each.
static const Expr *extreme_slope(Program *p, const Expr *const *a, const Expr *self, int which, bool max) {
    const Expr *own = a[which], *other = a[1 - which];
    const Expr *wins = expr_binary(p, OP_LT, max ? other : self, max ? self : other);
    if (!other->read_count) return indicator(p, wins, true);
    const Expr *loses = expr_binary(p, OP_LT, max ? own : self, max ? self : own);
    return expr_select(p, wins, constant(p, 1), expr_select(p, loses, constant(p, 0), constant(p, 0.5)));
}

EVALUATE(MAX, a[0] > a[1] || isnan(a[0]) ? a[0] : a[1])
DERIVATIVE(MAX) { return extreme_slope(p, a, self, which, true); }

EVALUATE(MIN, a[0] < a[1] || isnan(a[0]) ? a[0] : a[1])
DERIVATIVE(MIN) { return extreme_slope(p, a, self, which, false); }

EVALUATE(LT, a[0] < a[1])
NO_DERIVATIVE(LT)
EVALUATE(LE, a[0] <= a[1])
NO_DERIVATIVE(LE)
EVALUATE(EQ, a[0] == a[1])
NO_DERIVATIVE(EQ)
EVALUATE(AND, a[0] != 0 && a[1] != 0)
NO_DERIVATIVE(AND)
EVALUATE(OR, a[0] != 0 || a[1] != 0)
NO_DERIVATIVE(OR)
EVALUATE(NOT, a[0] == 0)
NO_DERIVATIVE(NOT)

// select(c, a, b): the slope of the side taken is 1
EVALUATE(SELECT, a[0] != 0 ? a[1] : a[2])
DERIVATIVE(SELECT) {
    (void)self;
    return which == 0 ? NULL : indicator(p, a[0], which == 1);
}

EVALUATE(REAL, a[0])
SLOPE(REAL, constant(p, 1))

EVALUATE(AT, a[0])
NO_DERIVATIVE(AT)
EVALUATE(STOP_GRADIENT, a[0])
NO_DERIVATIVE(STOP_GRADIENT)

// bfloat16: the upper half of a single, rounded to the nearest, ties to even; subnormals are 0, and a NaN
// stays one. Two lie as one integer, the first below; the dot product of two such words is the sum of both
// products (the generated code adds the second product to its sum, and then the first).
static uint32_t bf16_bits(double value) {
    float single = (float)value;
    uint32_t bits;
    memcpy(&bits, &single, sizeof bits);
    if (isnan(value)) return (bits | 0x400000) >> 16;
    if (!(bits & 0x7f800000)) return bits >> 31 << 15;
    return (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}

static double bf16_value(double word, bool second) {
    uint32_t bits = (uint32_t)(int64_t)word, upper = second ? bits & 0xffff0000 : bits << 16;
    float single;
    memcpy(&single, &upper, sizeof single);
    return (double)single;
}

EVALUATE(BF16, bf16_value((double)bf16_bits(a[0]), false))
NO_DERIVATIVE(BF16)
EVALUATE(BF16_PAIR, (double)(int32_t)(bf16_bits(a[0]) | bf16_bits(a[1]) << 16))
NO_DERIVATIVE(BF16_PAIR)
EVALUATE(BF16_DOT,
         bf16_value(a[0], true) * bf16_value(a[1], true) + bf16_value(a[0], false) * bf16_value(a[1], false))
NO_DERIVATIVE(BF16_DOT)

static const OpInfo INFO[] = {
#define OP(name, spelling, arity, result, commutative, differentiable, value, cost)                          \
    {#name,          spelling, arity, result,          commutative,                                          \
     differentiable, value,    cost,  evaluate_##name, derivative_##name},
#include "ir/ops.def"
#undef OP
};

const OpInfo *op_info(Op op) { return op > OP_PRODUCT && op < OP_COUNT ? &INFO[op - OP_PRODUCT - 1] : NULL; }
