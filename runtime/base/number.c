// Numbers to and from text. Trainers never leave the "C" locale, so libc's conversions are exact here; short
// decimals, which are nearly all there are in data files, take a way of their own that is exact as well and
// ten times as fast.
#include "base/runtime.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

// The parts of a decimal: value = digits * 10^exponent, if `exact` (at most 19 digits seen, so that `digits`
// holds them all).
typedef struct {
    uint64_t digits;
    int64_t exponent;
    bool negative, exact;
} Decimal;

static bool split(const char *s, const char *end, Decimal *d) {
    int seen = 0, significant = 0;
    *d = (Decimal){.exact = true};
    if (s < end && (*s == '-' || *s == '+')) d->negative = *s++ == '-';
    bool fraction = false;
    for (; s < end && (is_digit(*s) || (*s == '.' && !fraction)); s++) {
        if (*s == '.') {
            fraction = true;
            continue;
        }
        seen++;
        significant += significant > 0 || *s != '0';
        if (significant <= 19)
            d->digits = d->digits * 10 + (uint64_t)(*s - '0');
        else
            d->exact = false;
        d->exponent -= fraction;
    }
    if (seen == 0) return false;
    if (s < end && (*s == 'e' || *s == 'E')) {
        s++;
        bool minus = s < end && *s == '-';
        if (s < end && (*s == '-' || *s == '+')) s++;
        if (s == end || !is_digit(*s)) return false;
        int64_t e = 0;
        for (; s < end && is_digit(*s); s++) e = e < 100000 ? e * 10 + (*s - '0') : e;
        d->exponent += minus ? -e : e;
    }
    return s == end;
}

// Numbers whose digits and power of ten are both exact doubles: one rounding, the right one.
static bool exact_value(const Decimal *d, double *value) {
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    if (!d->exact || d->digits > (1ull << 53) || d->exponent < -22 || d->exponent > 22) return false;
    double v = (double)d->digits;
    v = d->exponent < 0 ? v / powers[-d->exponent] : v * powers[d->exponent];
    *value = d->negative ? -v : v;
    return true;
}

// Of more digits than a double holds the quotient is taken with 64 bits, where the machine has them: the
// nearest double of that is the right one, but where it lies just between two.
static bool wide_value(const Decimal *d, double *value) {
#if LDBL_MANT_DIG == 64
    if (!d->exact || d->exponent < -27 || d->exponent > 27) return false;
    static const long double powers[] = {1e0L,  1e1L,  1e2L,  1e3L,  1e4L,  1e5L,  1e6L,  1e7L,  1e8L,  1e9L,
                                         1e10L, 1e11L, 1e12L, 1e13L, 1e14L, 1e15L, 1e16L, 1e17L, 1e18L, 1e19L,
                                         1e20L, 1e21L, 1e22L, 1e23L, 1e24L, 1e25L, 1e26L, 1e27L};
    long double v = (long double)d->digits;
    v = d->exponent < 0 ? v / powers[-d->exponent] : v * powers[d->exponent];
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    *value = (double)(d->negative ? -v : v);
    return (bits & 0x7ff) != 0x400;
#else
    (void)d, (void)value;
    return false;
#endif
}

bool nn_number_parse(const char *s, uint64_t length, double *value) {
    Decimal d;
    if (!split(s, s + length, &d)) return false;
    if (exact_value(&d, value) || wide_value(&d, value)) return true;
    char copy[512];
    if (length >= sizeof copy) return false;
    memcpy(copy, s, (size_t)length);
    copy[length] = '\0';
    *value = strtod(copy, NULL);
    return isfinite(*value);
}

bool nn_integer_parse(const char *s, uint64_t length, int64_t *value) {
    bool negative = length > 0 && *s == '-';
    uint64_t i = negative || (length > 0 && *s == '+');
    if (i == length) return false;
    int64_t v = 0;
    for (; i < length; i++) {
        if (!is_digit(s[i]) || __builtin_mul_overflow(v, (int64_t)10, &v) ||
            __builtin_sub_overflow(v, (int64_t)(s[i] - '0'), &v))
            return false;
    }
    if (!negative && v == INT64_MIN) return false;
    *value = negative ? v : -v;
    return true;
}

int nn_number_print(char out[NN_NUMBER_ROOM], double value, bool is_double) {
    if (!isfinite(value))
        return snprintf(out, NN_NUMBER_ROOM, "%s", isnan(value) ? "nan" : value > 0 ? "inf" : "-inf");
    if (value == floor(value) && fabs(value) < 1e15)
        return snprintf(out, NN_NUMBER_ROOM, signbit(value) && value == 0 ? "-%.0f" : "%.0f",
                        fabs(value) == 0 ? 0.0 : value);
    int length = 0;
    for (int digits = is_double ? 15 : 6; digits <= (is_double ? 17 : 9); digits++) {
        length = snprintf(out, NN_NUMBER_ROOM, "%.*g", digits, value);
        if (is_double ? strtod(out, NULL) == value : strtof(out, NULL) == (float)value) break;
    }
    return length;
}
