// Which of a row's values the steps that it has missed leave alone: ranges of all that its update will be,
// for any of those steps, by the update's own equations.
//
// A number of the step lies between the least and the largest of the ring. A value that the row holds lies
// between 0 and what it is now, as long as its next value does, which is asked as well; one to which
// something is added stays exactly as it is while that is too small to change it, which is asked too. So what
// the equations give holds for the next step, and with it for all of them. Where a positive value is
// multiplied by a number and something positive added, it stays above a power of the least number. A range
// that cannot be bounded (a divisor that may be 0, an operation that is not below) makes the answer no.
// Ranges are rounded as the values themselves are; where a comparison is close it has a factor of 2 to spare.
#include "llvm/emit.h"

#include <math.h>
#include <stdlib.h>

typedef struct {
    Operand low, high;
} Range;

typedef struct {
    Emitter *em;
    Operand *values; // what the row holds, by stage
    Range *made;     // by stage
    Operand *low;    // by stage: what the value stays above; NULL: not known
    Operand holds;   // i1 or a vector of them; NULL: nothing was asked yet
    bool known;
} Steady;

static Range range_of(Steady *s, const Expr *e);

// ---- operands ---------------------------------------------------------------------------------------------

// One instruction each; NaN is asked for where it may arise.
static Operand extreme(Steady *s, LLVMRealPredicate which, Operand a, Operand b) {
    build_match(s->em, &a, &b);
    return LLVMBuildSelect(s->em->builder, build_fcmp(s->em, which, a, b), a, b, "");
}

static Operand least(Steady *s, Operand a, Operand b) { return extreme(s, LLVMRealOLT, a, b); }
static Operand most(Steady *s, Operand a, Operand b) { return extreme(s, LLVMRealOGT, a, b); }
static Operand real(Steady *s, double x) { return LLVMConstReal(s->em->real, x); }

static void ask(Steady *s, Operand condition) {
    if (s->holds) build_shapes(s->em, &s->holds, &condition);
    s->holds = build_and(s->em, s->holds, condition);
}

static void ask_order(Steady *s, LLVMRealPredicate how, Operand a, Operand b) {
    build_match(s->em, &a, &b);
    ask(s, build_fcmp(s->em, how, a, b));
}

static Range times(Steady *s, Range a, Range b) {
    Operand p[4] = {build_mul(s->em, a.low, b.low), build_mul(s->em, a.low, b.high),
                    build_mul(s->em, a.high, b.low), build_mul(s->em, a.high, b.high)};
    ask_order(s, LLVMRealORD, build_add(s->em, p[0], p[1]), build_add(s->em, p[2], p[3]));
    return (Range){least(s, least(s, p[0], p[1]), least(s, p[2], p[3])),
                   most(s, most(s, p[0], p[1]), most(s, p[2], p[3]))};
}

static Range scaled(Steady *s, Range x, double by) {
    if (by == 1) return x;
    if (by < 0) x = (Range){x.high, x.low};
    return (Range){build_mul(s->em, x.low, real(s, by)), build_mul(s->em, x.high, real(s, by))};
}

// ---- expressions ------------------------------------------------------------------------------------------

static Range range_of_sum(Steady *s, const Expr *e) {
    Range sum = {real(s, e->value), real(s, e->value)};
    for (int i = 0; i < e->count; i++) {
        Range x = range_of(s, e->args[i]);
        if (!s->known) return sum;
        x = scaled(s, x, e->coefs[i]);
        sum = (Range){build_add(s->em, sum.low, x.low), build_add(s->em, sum.high, x.high)};
    }
    ask_order(s, LLVMRealORD, sum.low, sum.high);
    return sum;
}

// Divisors are more than 0.
static Range range_of_product(Steady *s, const Expr *e) {
    Range all = {0};
    for (int i = 0; i < e->count; i++) {
        Range x = range_of(s, e->args[i]);
        int power = abs(e->exponents[i]);
        if (!s->known) return all;
        if (e->exponents[i] < 0) {
            ask_order(s, LLVMRealOGT, x.low, real(s, 0));
            x = (Range){build_divide(s->em, real(s, 1), x.high), build_divide(s->em, real(s, 1), x.low)};
        }
        for (int k = 0; k < power; k++) all = all.low ? times(s, all, x) : x;
    }
    return scaled(s, all, e->value);
}

static Range range_of_read(Steady *s, const Expr *e) {
    const Kernel *k = s->em->point.kernel;
    Range x;
    for (int i = 0; i < k->stages.count; i++) {
        const Equation *q = k->stages.data[i].equation;
        if (q->tensor == e->tensor) return s->made[i];
        if (q->tensor->layout->same != e->tensor) continue;
        Operand now = s->values[i], zero = real(s, 0);
        if (stage_adds(&k->stages.data[i])) return (Range){now, now};
        return (Range){s->low[i] ? s->low[i] : least(s, now, zero), most(s, now, zero)};
    }
    s->known = late_range(s->em, e, &x.low, &x.high);
    return x;
}

static Range range_of_operation(Steady *s, const Expr *e) {
    Range a = {0}, b = {0}, zero = {real(s, 0), real(s, 0)};
    for (int i = 0; i < e->count && i < 3 && s->known; i++) {
        if (i == 0 && e->op == OP_SELECT) continue;
        Range *to = i == (e->op == OP_SELECT) ? &a : &b;
        *to = range_of(s, e->args[i]);
    }
    if (!s->known) return zero;
    switch (e->op) {
    case OP_SQRT:
        ask_order(s, LLVMRealOGE, a.low, zero.low);
        return (Range){build_sqrt(s->em, a.low), build_sqrt(s->em, a.high)};
    case OP_ABS: {
        Range turned = {build_neg(s->em, a.high), build_neg(s->em, a.low)};
        return (Range){most(s, zero.low, most(s, a.low, turned.low)), most(s, a.high, turned.high)};
    }
    case OP_MAX: return (Range){most(s, a.low, b.low), most(s, a.high, b.high)};
    case OP_MIN: return (Range){least(s, a.low, b.low), least(s, a.high, b.high)};
    case OP_WHERE:
    case OP_SELECT: return (Range){least(s, a.low, b.low), most(s, a.high, b.high)};
    default: s->known = false; return zero;
    }
}

static Range range_of(Steady *s, const Expr *e) {
    switch (e->op) {
    case OP_CONST: return (Range){real(s, e->value), real(s, e->value)};
    case OP_READ: return range_of_read(s, e);
    case OP_SUM: return range_of_sum(s, e);
    case OP_PRODUCT: return range_of_product(s, e);
    default: return range_of_operation(s, e);
    }
}

// ---- what fades -------------------------------------------------------------------------------------------

// The number that this term multiplies the value by.
static bool is_faded(Steady *s, const Expr *e, const Tensor *value, Operand *by) {
    bool found = false;
    *by = real(s, e->value);
    for (int i = 0; e->op == OP_PRODUCT && i < e->count; i++) {
        Operand low, high;
        bool own = e->args[i]->op == OP_READ && e->args[i]->tensor == value;
        if (e->exponents[i] != 1 || (!own && !late_range(s->em, e->args[i], &low, &high))) return false;
        if (!own) *by = build_mul(s->em, *by, low);
        found |= own;
    }
    return found;
}

// x^n of x in 0 .. 1, or less: n steps are 16 times as many as (1 - x) n / 16 can take away.
static Operand power_below(Steady *s, Operand x, Operand n) {
    Emitter *em = s->em;
    Operand part = build_mul(em, build_convert(em, n, em->real), real(s, 1. / 16));
    part = build_mul(em, most(s, part, real(s, 1)), build_sub(em, real(s, 1), x));
    Operand p = most(s, build_sub(em, real(s, 1), part), real(s, 0));
    for (int k = 0; k < 4; k++) p = build_mul(em, p, p);
    return p;
}

// With what rounding may take, and not where values are so small that they may be flushed to 0.
static Operand low_of(Steady *s, const Stage *stage, Operand now) {
    static const double ROUNDED = .98, SMALL = 1e-30;
    const Equation *q = stage->equation;
    Operand by = NULL, fine = NULL, zero = real(s, 0), one = real(s, 1);
    if (q->e->op != OP_SUM || q->e->value != 0) return NULL;
    for (int i = 0; i < q->e->count; i++) {
        Operand own, more;
        if (is_faded(s, q->e->args[i], q->tensor->layout->same, &own) && !by && q->e->coefs[i] == 1) {
            by = own;
            continue;
        }
        Range x = range_of(s, q->e->args[i]);
        if (!s->known || q->e->coefs[i] < 0) return NULL;
        more = build_like(s->em, x.low, 0);
        more = build_fcmp(s->em, LLVMRealOGE, x.low, more);
        if (fine) build_shapes(s->em, &fine, &more);
        fine = build_and(s->em, fine, more);
    }
    if (!by) return NULL;
    by = least(s, most(s, by, zero), one);
    Operand low =
        build_mul(s->em, now, build_mul(s->em, power_below(s, by, late_left(s->em)), real(s, ROUNDED)));
    Operand above = build_fcmp(s->em, LLVMRealOGT, low, build_like(s->em, low, SMALL));
    if (fine) build_shapes(s->em, &above, &fine);
    return build_select(s->em, build_and(s->em, above, fine), low, least(s, now, zero));
}

// ---- stages -----------------------------------------------------------------------------------------------

// Its old value, and something more.
bool stage_adds(const Stage *stage) {
    const Equation *q = stage->equation;
    const Tensor *old = q->tensor->layout->same;
    int olds = 0;
    if (!old || q->e->op != OP_SUM || q->e->value != 0) return false;
    for (int i = 0; i < q->e->count; i++) {
        const Expr *x = q->e->args[i];
        olds += x->op == OP_READ && x->tensor == old && q->e->coefs[i] == 1;
    }
    return olds == 1;
}

static Operand bits_of(Emitter *em, Operand x) {
    LLVMTypeRef whole = em->real == em->f64 ? em->i64 : em->i32;
    return LLVMBuildBitCast(em->builder, x, shaped_like(em, x, whole), "");
}

// What is added is less than a quarter of the last place, or 0.
static void ask_too_small(Steady *s, const Stage *stage, Operand now) {
    const Expr *e = stage->equation->e;
    Operand size = real(s, 0);
    for (int i = 0; i < e->count && s->known; i++) {
        if (e->args[i]->op == OP_READ && e->args[i]->tensor == stage->equation->tensor->layout->same)
            continue;
        Range x = range_of(s, e->args[i]);
        if (!s->known) return;
        Operand far = most(s, x.high, build_neg(s->em, x.low));
        size = build_add(s->em, size, build_mul(s->em, far, real(s, fabs(e->coefs[i]))));
    }
    double part = s->em->real == s->em->f64 ? 0x1p-56 : 0x1p-27;
    Operand limit = build_mul(s->em, build_unary(s->em, "llvm.fabs", now), real(s, part));
    build_match(s->em, &size, &limit);
    Operand small = build_fcmp(s->em, LLVMRealOLT, size, limit);
    Operand nothing = build_fcmp(s->em, LLVMRealOEQ, size, build_like(s->em, size, 0));
    Operand bits = bits_of(s->em, now);                // -0 and 0 are 0
    Operand minus_zero = build_add(s->em, bits, bits); // all but the sign
    minus_zero = build_icmp(s->em, LLVMIntEQ, minus_zero, build_like(s->em, bits, 0));
    minus_zero = build_and(s->em, minus_zero, build_icmp(s->em, LLVMIntNE, bits, build_like(s->em, bits, 0)));
    Operand stays = build_and(s->em, nothing, LLVMBuildNot(s->em->builder, minus_zero, ""));
    ask(s, build_or(s->em, small, stays));
}

Operand emit_steady(Emitter *em, Operand *values) {
    const Kernel *k = em->point.kernel;
    Steady s = {em,
                values,
                arena_array(em->arena, Range, k->stages.count + 1),
                arena_array(em->arena, Operand, k->stages.count + 1),
                NULL,
                true};
    for (int i = 0; i < k->stages.count && s.known; i++) {
        const Stage *stage = &k->stages.data[i];
        if (values[i]) ask_order(&s, LLVMRealORD, values[i], values[i]);
        if (stage_adds(stage)) {
            s.made[i] = (Range){values[i], values[i]};
            continue;
        }
        if (values[i]) s.low[i] = low_of(&s, stage, values[i]);
        s.made[i] = range_of(&s, stage->equation->e);
        if (!stage->equation->tensor->layout->same || !s.known) continue;
        ask_order(&s, LLVMRealOGE, s.made[i].low, least(&s, values[i], real(&s, 0)));
        ask_order(&s, LLVMRealOLE, s.made[i].high, most(&s, values[i], real(&s, 0)));
    }
    for (int i = 0; i < k->stages.count && s.known; i++)
        if (stage_adds(&k->stages.data[i])) ask_too_small(&s, &k->stages.data[i], values[i]);
    return s.known && s.holds ? s.holds : NULL;
}

// ---- nothing at all ---------------------------------------------------------------------------------------

// Is it +0 where sums, all values that are not added to, and no numbers below +0 are there?
static bool is_plus_zero(const Kernel *k, const Expr *e) {
    int some = 0, all = 0;
    for (int i = 0; i < e->count; i++) {
        const Expr *x = e->args[i];
        bool zero = is_plus_zero(k, x), number = x->op == OP_READ && !x->tensor->rank;
        all += zero || (e->op == OP_PRODUCT && number) || (e->op == OP_SELECT && i == 0);
        some += zero && (e->op == OP_SUM ? e->coefs[i] > 0 : e->op != OP_PRODUCT || e->exponents[i] > 0);
    }
    switch (e->op) {
    case OP_CONST: return e->value == 0 && !signbit(e->value);
    case OP_SUM: return some && e->value == 0;
    case OP_PRODUCT: return some && all == e->count && e->value > 0;
    case OP_WHERE:
    case OP_SELECT:
    case OP_SQRT:
    case OP_ABS:
    case OP_MAX:
    case OP_MIN: return all == e->count;
    default: break;
    }
    for (int i = 0; i < k->stages.count && e->op == OP_READ; i++) {
        const Stage *stage = &k->stages.data[i];
        if (stage->equation->tensor == e->tensor) return is_plus_zero(k, stage->equation->e);
        if (stage->equation->tensor->layout->same == e->tensor) return !stage_adds(stage);
    }
    return false;
}

Operand emit_nothing(Emitter *em, Operand *values) {
    const Kernel *k = em->point.kernel;
    Operand bits = NULL;
    for (int i = 0; i < k->stages.count; i++) {
        const Stage *stage = &k->stages.data[i];
        if (!stage->equation->tensor->layout->same || stage_adds(stage)) continue;
        if (!is_plus_zero(k, stage->equation->e)) return NULL;
        Operand own = bits_of(em, values[i]);
        bits = bits ? LLVMBuildOr(em->builder, bits, own, "") : own;
    }
    if (!bits) return LLVMConstInt(em->i1, 1, 0);
    Operand none = build_icmp(em, LLVMIntEQ, bits, build_like(em, bits, 0));
    for (int i = 0; i < k->late->numbers.count; i++) {
        Operand low, high;
        late_range(em, k->late->numbers.data[i], &low, &high);
        Operand number = build_icmp(em, LLVMIntSGE, bits_of(em, low), build_like(em, bits_of(em, low), 0));
        build_shapes(em, &none, &number);
        none = build_and(em, none, number);
    }
    return none;
}
