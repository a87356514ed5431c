// Transcendental functions as inlined polynomials, on scalars and vectors, single and double.
//
// No call leaves the generated code, but for pow in double (libm's). Errors stated beside each function are
// the largest found by tests/unit/emit_ops_test.c, in units of the last place of the type. NaN comes in, NaN
// goes out.
#include "llvm/emit.h"

#include <math.h>

#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)))

static bool is_double(const Emitter *em, Operand x) { return element_type(x) == em->f64; }

// c[0] x^(n-1) + ... + c[n-1]
static Operand polynomial(Emitter *em, Operand x, const double *c, int n) {
    Operand p = build_like(em, x, c[0]);
    for (int i = 1; i < n; i++) p = build_fma(em, p, x, build_like(em, x, c[i]));
    return p;
}

static Operand compare(Emitter *em, LLVMRealPredicate how, Operand x, double c) {
    return build_fcmp(em, how, x, build_like(em, x, c));
}

// The size of one with the sign of the other.
static Operand with_sign(Emitter *em, Operand size, Operand sign) {
    LLVMTypeRef type = LLVMTypeOf(size);
    Operand args[2] = {size, sign};
    return build_intrinsic(em, "llvm.copysign", &type, 1, args, 2);
}

// At most, at least a constant; NaN stays NaN.
static Operand at_most(Emitter *em, Operand x, double c) {
    return build_select(em, compare(em, LLVMRealOGT, x, c), build_like(em, x, c), x);
}

static Operand at_least(Emitter *em, Operand x, double c) {
    return build_select(em, compare(em, LLVMRealOLT, x, c), build_like(em, x, c), x);
}

static LLVMTypeRef bits_type(const Emitter *em, Operand x) {
    return shaped_like(em, x, is_double(em, x) ? em->i64 : em->i32);
}

static Operand to_bits(Emitter *em, Operand x) {
    return LLVMBuildBitCast(em->builder, x, bits_type(em, x), "");
}

static int mantissa_bits(const Emitter *em, Operand x) { return is_double(em, x) ? 52 : 23; }

// The nearest integer n of x (small), as a number; its low bits are those of the returned magic sum.
static Operand nearest(Emitter *em, Operand x, double factor, Operand *sum) {
    double magic = is_double(em, x) ? 6755399441055744.0 : 12582912.0;
    *sum = build_fma(em, x, build_like(em, x, factor), build_like(em, x, magic));
    return build_sub(em, *sum, build_like(em, x, magic));
}

// 2^k for the integer k (bits), shape of x.
static Operand power_of_two(Emitter *em, Operand k, Operand x) {
    bool wide = is_double(em, x);
    Operand biased = build_add(em, k, build_like(em, k, wide ? 1023 : 127));
    Operand shifted = LLVMBuildShl(em->builder, biased, build_like(em, k, wide ? 52 : 23), "");
    return LLVMBuildBitCast(em->builder, shifted, LLVMTypeOf(x), "");
}

// x = n ln 2 + r: gives e^r - 1, and n as bits.
static Operand reduced_expm1(Emitter *em, Operand x, Operand *n_bits) {
    static const double single[] = {0.0013926926614021906, 0.0083637738744055735, 0.041666550110305124,
                                    0.16666573381900846, 0.5};
    static const double full[] = {1.0 / 6227020800, 1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800,
                                  1.0 / 362880,     1.0 / 40320,     1.0 / 5040,     1.0 / 720,
                                  1.0 / 120,        1.0 / 24,        1.0 / 6,        0.5};
    bool wide = is_double(em, x);
    Operand sum, n = nearest(em, x, 1.4426950408889634, &sum);
    double high = wide ? 0x1.62e42feep-1 : 0.693359375;
    double low = wide ? 0x1.a39ef35793c76p-33 : -2.1219444005469057e-4;
    Operand r = build_fma(em, n, build_like(em, x, -high), x);
    r = build_fma(em, n, build_like(em, x, -low), r);
    Operand magic = to_bits(em, build_like(em, x, wide ? 6755399441055744.0 : 12582912.0));
    *n_bits = build_sub(em, to_bits(em, sum), magic);
    Operand q = wide ? polynomial(em, r, full, COUNT(full)) : polynomial(em, r, single, COUNT(single));
    return build_fma(em, build_mul(em, r, r), q, r);
}

// p * 2^n in two factors, so that every result that is a number is reached.
static Operand scale(Emitter *em, Operand p, Operand n) {
    Operand half = LLVMBuildAShr(em->builder, n, build_like(em, n, 1), "");
    Operand rest = build_sub(em, n, half);
    return build_mul(em, build_mul(em, p, power_of_two(em, half, p)), power_of_two(em, rest, p));
}

// Single 1 ulp, double 1 ulp. Below the smallest normal number 0, above the largest inf.
Operand build_exp(Emitter *em, Operand x) {
    bool wide = is_double(em, x);
    Operand n, y = at_least(em, at_most(em, x, wide ? 710 : 89), wide ? -746 : -104);
    Operand p = build_add(em, reduced_expm1(em, y, &n), build_like(em, x, 1));
    return scale(em, p, n);
}

// e^x - 1. Single 2 ulp, double 2 ulp, relative near 0.
Operand build_expm1(Emitter *em, Operand x) {
    bool wide = is_double(em, x);
    Operand n, y = at_least(em, at_most(em, x, wide ? 710 : 89), wide ? -40 : -20);
    Operand p = reduced_expm1(em, y, &n);
    Operand s = power_of_two(em, build_sub(em, n, build_like(em, n, 1)), x);
    Operand half = build_fma(em, s, p, build_sub(em, s, build_like(em, x, 0.5)));
    return build_add(em, half, half);
}

// u in (0, inf) = 2^e m with m in sqrt(1/2) .. sqrt(2).
static Operand split(Emitter *em, Operand u, Operand *e) {
    bool wide = is_double(em, u);
    Operand bits = to_bits(em, u),
            root = to_bits(em, build_like(em, u, wide ? 0.70710678118654752 : 0.70710676908493042));
    Operand shift = build_like(em, bits, mantissa_bits(em, u));
    Operand k = LLVMBuildAShr(em->builder, build_sub(em, bits, root), shift, "");
    Operand m = build_sub(em, bits, LLVMBuildShl(em->builder, k, shift, ""));
    *e = build_convert(em, build_convert(em, k, em->i32), element_type(u));
    return LLVMBuildBitCast(em->builder, m, LLVMTypeOf(u), "");
}

// e ln 2 + log(1 + f), |f| < 0.42.
static Operand log_of_parts(Emitter *em, Operand e, Operand f) {
    static const double single[] = {-0.07902743772393441, 0.12622319849228376,  -0.12998183763651529,
                                    0.14214495923947963,  -0.16641281463106393, 0.2000104509416068,
                                    -0.25000306422569795, 0.33333330728190677};
    static const double full[] = {2.0 / 23, 2.0 / 21, 2.0 / 19, 2.0 / 17, 2.0 / 15, 2.0 / 13,
                                  2.0 / 11, 2.0 / 9,  2.0 / 7,  2.0 / 5,  2.0 / 3};
    Operand half_square = build_mul(em, build_mul(em, f, f), build_like(em, f, 0.5));
    if (!is_double(em, f)) {
        Operand cube = build_mul(em, build_mul(em, f, f), f);
        Operand y = build_mul(em, cube, polynomial(em, f, single, COUNT(single)));
        y = build_fma(em, e, build_like(em, f, -2.1219444005469057e-4), y);
        y = build_add(em, build_sub(em, y, half_square), f);
        return build_fma(em, e, build_like(em, f, 0.693359375), y);
    }
    Operand s = LLVMBuildFDiv(em->builder, f, build_add(em, f, build_like(em, f, 2)), "");
    Operand z = build_mul(em, s, s), r = build_mul(em, z, polynomial(em, z, full, COUNT(full)));
    Operand tail = build_mul(em, s, build_add(em, half_square, r));
    tail = build_fma(em, e, build_like(em, f, 0x1.a39ef35793c76p-33), tail);
    Operand y = build_sub(em, f, build_sub(em, half_square, tail));
    return build_fma(em, e, build_like(em, f, 0x1.62e42feep-1), y);
}

// The logarithm's edges: inf at inf, -inf at 0 (and below the smallest normal number), NaN below 0.
static Operand log_edges(Emitter *em, Operand u, Operand y) {
    double infinity = (double)INFINITY, smallest = is_double(em, u) ? 0x1p-1022 : 0x1p-126;
    y = build_select(em, compare(em, LLVMRealOEQ, u, infinity), u, y);
    Operand zero = build_select(em, compare(em, LLVMRealOGE, u, 0), build_like(em, u, -infinity),
                                build_like(em, u, (double)NAN));
    return build_select(em, compare(em, LLVMRealOGE, u, smallest), y, zero);
}

// Single 1 ulp, double 1 ulp.
Operand build_log(Emitter *em, Operand x) {
    Operand e, m = split(em, x, &e);
    Operand y = log_of_parts(em, e, build_sub(em, m, build_like(em, x, 1)));
    return log_edges(em, x, y);
}

// log(1 + x). Single 2 ulp, double 2 ulp, relative near 0.
Operand build_log1p(Emitter *em, Operand x) {
    Operand u = build_add(em, x, build_like(em, x, 1)), e, m = split(em, u, &e);
    Operand f = build_select(em, compare(em, LLVMRealOEQ, e, 0), x, build_sub(em, m, build_like(em, x, 1)));
    return log_edges(em, u, log_of_parts(em, e, f));
}

// Single 3 ulp, double 3 ulp, relative near 0: (e^2x - 1) / (e^2x + 1).
Operand build_tanh(Emitter *em, Operand x) {
    double most = is_double(em, x) ? 20 : 10;
    Operand y = at_least(em, at_most(em, x, most), -most), n;
    Operand p = reduced_expm1(em, build_add(em, y, y), &n), s = power_of_two(em, n, x);
    Operand m = build_fma(em, s, p, build_sub(em, s, build_like(em, x, 1)));
    return build_divide(em, m, build_add(em, m, build_like(em, x, 2)));
}

// 1 / (1 + e^-x). Single 3 ulp, double 2 ulp.
Operand build_sigmoid(Emitter *em, Operand x) {
    Operand y = build_neg(em, at_least(em, x, is_double(em, x) ? -709 : -87.5));
    return build_divide(em, build_like(em, x, 1), build_add(em, build_exp(em, y), build_like(em, x, 1)));
}

// log(1 + e^x) = max(x, 0) + log1p(e^-|x|). Single 2 ulp, double 2 ulp.
Operand build_softplus(Emitter *em, Operand x) {
    Operand small = build_log1p(em, build_exp(em, build_neg(em, build_unary(em, "llvm.fabs", x))));
    Operand positive = build_select(em, compare(em, LLVMRealOLT, x, 0), build_like(em, x, 0), x);
    return build_add(em, positive, small);
}

// sin(x + quarter * pi / 2). Single: reduced in double, 1 ulp to 2^28. Double: three parts of pi / 2, good to
// 1e6.
static Operand circular(Emitter *em, Operand x, int quarter) {
    static const double sine[] = {
        1.0 / 355687428096000, -1.0 / 1307674368000, 1.0 / 6227020800, -1.0 / 39916800,
        1.0 / 362880,          -1.0 / 5040,          1.0 / 120,        -1.0 / 6};
    static const double cosine[] = {1.0 / 20922789888000, -1.0 / 87178291200, 1.0 / 479001600, -1.0 / 3628800,
                                    1.0 / 40320,          -1.0 / 720,         1.0 / 24,        -0.5};
    static const double parts[] = {0x1.921fb544p+0, 0x1.0b4611a6p-34, 0x1.3198a2e037073p-69};
    Operand wide = build_convert(em, x, em->f64), sum, n = nearest(em, wide, 0.63661977236758134, &sum),
            r = wide;
    for (int i = 0; i < COUNT(parts); i++) r = build_fma(em, n, build_like(em, wide, -parts[i]), r);
    Operand k = LLVMBuildTrunc(em->builder, to_bits(em, sum), shaped_like(em, x, em->i32), "");
    k = build_add(em, k, build_like(em, k, quarter));
    r = build_convert(em, r, element_type(x));
    Operand z = build_mul(em, r, r), s, c;
    int skip = is_double(em, x) ? 0 : 3;
    s = polynomial(em, z, sine + skip, COUNT(sine) - skip);
    s = build_fma(em, build_mul(em, s, z), r, r);
    c = build_fma(em, polynomial(em, z, cosine + skip, COUNT(cosine) - skip), z, build_like(em, z, 1));
    Operand one = build_like(em, k, 1), two = build_like(em, k, 2);
    Operand odd = build_condition(em, build_and(em, k, one));
    Operand back = build_condition(em, build_and(em, k, two));
    Operand y = build_select(em, odd, c, s);
    return build_select(em, back, build_neg(em, y), y);
}

Operand build_sin(Emitter *em, Operand x) { return circular(em, x, 0); }
Operand build_cos(Emitter *em, Operand x) { return circular(em, x, 1); }

// One odd polynomial, in x^2 about the middle of where erf is not yet 1: no coefficient is large, so that no
// step loses digits. At the end it is above 1, and is held to that.
static Operand erf_single(Emitter *em, Operand x) {
    static const double c[] = {
        -0.00092749879695475101, 0.0022900335025042295, -0.0014528927858918905, 0.001922231400385499,
        -0.008047563023865223,   0.014864830300211906,  -0.020556975156068802,  0.030247515067458153,
        -0.04404260963201523,    0.058870673179626465,  -0.074224874377250671,  0.090509973466396332,
        -0.1088196188211441,     0.13347968459129333,   -0.17921395599842072,   0.35890820622444153};
    const double end = 3.94;
    Operand y = at_least(em, at_most(em, x, end), -end);
    Operand t = build_fma(em, build_mul(em, y, y), build_like(em, x, 2 / (end * end)), build_like(em, x, -1));
    return at_least(em, at_most(em, build_mul(em, polynomial(em, t, c, COUNT(c)), y), 1), -1);
}

// An odd polynomial below 1, beyond 1 - e^P(x).
static Operand erf_double(Emitter *em, Operand x) {
    static const double near[] = {-4.2309458242953378e-12, 8.7090451290531067e-11, -1.216456005728345e-9,
                                  1.4792401209404813e-8,   -1.6364642158167615e-7, 1.6462045441468419e-6,
                                  -1.4925647567519332e-5,  0.00012055332902888735, -0.00085483270219348296,
                                  0.0052239776254232983,   -0.026866170645129841,  0.1128379167095512,
                                  -0.37612638903183752,    1.1283791670955126};
    static const double far[] = {
        -3.245901999030085e-10,  2.1901845906851097e-9,  -5.1951607385372206e-9, 4.8610991029225574e-9,
        -9.6528252053603727e-10, -3.0414788597569983e-9, 2.7966374245484618e-8,  -1.286781347382139e-7,
        3.8251506449279393e-7,   -9.1779753326693184e-7, 1.919146618676658e-6,   -3.4196471333147523e-6,
        4.5653913877192365e-6,   -1.4783966569639068e-6, -1.8474346905170144e-5, 9.0901103641757262e-5,
        -0.0003078195950532894,  0.00089357655647921244, -0.0023739972761078477, 0.0059537044786857655,
        -0.014384548330638939,   0.034128411079638966,   -0.081650909717799245,  -6.0422065921389368,
        -18.165248970912977,     -14.112437402148174};
    Operand size = build_unary(em, "llvm.fabs", x), z = build_mul(em, x, x);
    Operand inside = polynomial(em, z, near, COUNT(near));
    Operand u = build_fma(em, at_most(em, size, 6), build_like(em, x, 0.4), build_like(em, x, -1.4));
    Operand tail = build_exp(em, polynomial(em, u, far, COUNT(far)));
    Operand outside = with_sign(em, build_sub(em, build_like(em, x, 1), tail), x);
    return build_select(em, compare(em, LLVMRealOLT, size, 1), build_mul(em, inside, x), outside);
}

// Single 4 ulp, double 2 ulp.
Operand build_erf(Emitter *em, Operand x) { return is_double(em, x) ? erf_double(em, x) : erf_single(em, x); }

// The inverse by polynomials in -log(1 - x^2), and in double two of Halley's steps. Single 4 ulp, double 4
// ulp to 0.99.
Operand build_erfinv(Emitter *em, Operand x) {
    static const double central[] = {4.4555020418535854e-6,  -3.3336680232353679e-5,  2.439011556076059e-5,
                                     0.00028406824371479283, -0.00083579450054249158, -0.00048434490177890001,
                                     0.0085256923423372395,  -0.019574195356900979,   -0.026108250253375762,
                                     0.61660072356863786,    1.5014093511107919};
    static const double tail[] = {-3.3050261356152424e-5,  9.9056712046042724e-5,  -3.3800006409205493e-5,
                                  -0.00035677235779096188, 0.0010880448472380506,  -0.0019947017271665231,
                                  0.0029490943328354937,   -0.0042937549671700123, 0.0059732560587489299,
                                  1.0046924192764214,      3.0336365744092325};
    static const double tail_full[] = {-0.0003535819894153886, -0.0013224351831573856, 0.0048760379256488209,
                                       -0.0037696502936082902, 0.00022832351917234079, -0.0010792779362586829,
                                       0.0039332763124718697,  -0.0054570507180862237, 0.0032152606340446085,
                                       2.0198172014018374,     4.0417263690183392};
    bool wide = is_double(em, x);
    Operand one = build_like(em, x, 1);
    Operand w = build_neg(em, build_log(em, build_mul(em, build_sub(em, one, x), build_add(em, one, x))));
    Operand small = build_neg(em, build_log1p(em, build_neg(em, build_mul(em, x, x))));
    w = build_select(em, compare(em, LLVMRealOLT, w, 0.5), small, w);
    Operand a = polynomial(em, build_fma(em, w, build_like(em, x, 0.4), build_like(em, x, -1)), central,
                           COUNT(central));
    Operand s = build_sqrt(em, at_least(em, w, 1));
    Operand u = wide ? build_fma(em, s, build_like(em, x, 0.5), build_like(em, x, -2.1))
                     : build_sub(em, s, build_like(em, x, 3.2));
    Operand b = polynomial(em, u, wide ? tail_full : tail, COUNT(tail));
    Operand y = build_mul(em, build_select(em, compare(em, LLVMRealOLT, w, 5), a, b), x);
    for (int step = 0; wide && step < 2; step++) {
        Operand slope = build_mul(em, build_exp(em, build_neg(em, build_mul(em, y, y))),
                                  build_like(em, x, 1.1283791670955126));
        Operand t = build_divide(em, build_sub(em, build_erf(em, y), x), slope);
        y = build_sub(em, y, build_divide(em, t, build_fma(em, t, y, one)));
    }
    Operand edge = with_sign(em, build_like(em, x, (double)INFINITY), x);
    return build_select(em, compare(em, LLVMRealOEQ, build_unary(em, "llvm.fabs", x), 1), edge, y);
}

// C's pow. Single: through log and exp in double, 1 ulp. Double: libm's, lane by lane.
Operand build_pow(Emitter *em, Operand x, Operand y) {
    build_match(em, &x, &y);
    LLVMTypeRef type = LLVMTypeOf(x);
    Operand args[2] = {x, y};
    if (is_double(em, x)) return build_intrinsic(em, "llvm.pow", &type, 1, args, 2);
    Operand size = build_convert(em, build_unary(em, "llvm.fabs", x), em->f64);
    Operand power = build_exp(em, build_mul(em, build_log(em, size), build_convert(em, y, em->f64)));
    Operand one = build_like(em, x, 1), is_one = compare(em, LLVMRealOEQ, build_unary(em, "llvm.fabs", x), 1);
    Operand p = build_select(em, is_one, one, build_convert(em, power, em->f32));
    Operand whole = build_fcmp(em, LLVMRealOEQ, y, build_unary(em, "llvm.trunc", y));
    Operand half = build_mul(em, y, build_like(em, y, 0.5));
    Operand odd = build_fcmp(em, LLVMRealUNE, half, build_unary(em, "llvm.trunc", half));
    odd = build_and(em, odd, whole);
    Operand signed_p = build_mul(em, p, with_sign(em, one, x));
    Operand below =
        build_and(em, compare(em, LLVMRealOLT, x, 0), compare(em, LLVMRealOGT, x, -(double)INFINITY));
    Operand nan = build_select(em, below, build_like(em, x, (double)NAN), p);
    Operand result = build_select(em, odd, signed_p, build_select(em, whole, p, nan));
    Operand surely = build_or(em, compare(em, LLVMRealOEQ, x, 1), compare(em, LLVMRealOEQ, y, 0));
    return build_select(em, surely, one, result);
}
