// What numbers an expression can be, by their signs, where data, parameters and states are finite: -inf,
// below 0, 0, above 0, inf, none (NaN). Found by trying: every operation is evaluated at samples of what its
// arguments can be. Overflow and rounding are left aside: exp is finite and above 0. Whoever would drop a
// condition from a product asks it, because 0 * inf is none.
#include "pass/algebra.h"

#include <float.h>
#include <math.h>

enum {
    BELOW = 1 << 0,
    NEGATIVE = 1 << 1,
    ZERO = 1 << 2,
    POSITIVE = 1 << 3,
    ABOVE = 1 << 4,
    NONE = 1 << 5,
    FINITE = NEGATIVE | ZERO | POSITIVE,
    ALL = FINITE | BELOW | ABOVE | NONE,
    KNOWN = 1 << 6 // of a tensor's signs: they were asked for
};
enum { MOST_FACTS = 4, MOST_SAMPLES = 12 }; // a part is walked again under every condition: at most so many

typedef struct {
    Program *p;
    Table *memo; // of the conditions in hand
    const Expr *of[MOST_FACTS];
    unsigned facts[MOST_FACTS];
    int count;
} Signs;

static unsigned signs_of(Signs *s, const Expr *e);

static unsigned sign(double x) {
    if (isnan(x)) return NONE;
    if (isinf(x)) return x < 0 ? BELOW : ABOVE;
    return x < 0 ? NEGATIVE : x > 0 ? POSITIVE : ZERO;
}

static int samples(unsigned signs, double *values) {
    static const double ALL_SAMPLES[] = {-INFINITY, -4, -2, -1, -0.5, 0, 0.5, 1, 2, 4, INFINITY, NAN};
    int count = 0;
    for (int i = 0; i < MOST_SAMPLES; i++)
        if (sign(ALL_SAMPLES[i]) & signs) values[count++] = ALL_SAMPLES[i];
    return count;
}

static double add(const double *a) { return a[0] + a[1]; }
static double multiply(const double *a) { return a[0] * a[1]; }

static unsigned apply(double (*f)(const double *), unsigned a, unsigned b) {
    double x[MOST_SAMPLES], y[MOST_SAMPLES];
    unsigned result = 0;
    int m = samples(a, x), n = samples(b, y);
    for (int i = 0; i < m; i++)
        for (int k = 0; k < n; k++) result |= sign(f((double[]){x[i], y[k]}));
    return result;
}

static unsigned power(unsigned a, int exponent) {
    double x[MOST_SAMPLES];
    unsigned result = 0;
    for (int i = samples(a, x) - 1; i >= 0; i--) result |= sign(pow(x[i], exponent));
    return result;
}

static unsigned of_integer(const Expr *e) {
    return (e->low < 0 ? NEGATIVE : 0u) | (e->low <= 0 && e->high >= 0 ? ZERO : 0u) |
           (e->high > 0 ? POSITIVE : 0u);
}

static unsigned of_read(const Tensor *t) {
    if (t->kind != TENSOR_TEMP && t->kind != TENSOR_OUTPUT) return FINITE;
    return t->signs & KNOWN ? t->signs & ALL : ALL;
}

// ---- conditions ----

// That `x op bound`, or with `left` `bound op x`, is of this sense: what x can be.
static unsigned compared(const OpInfo *info, double bound, bool left, bool sense) {
    const double tried[] = {-INFINITY, -DBL_MAX, -DBL_TRUE_MIN, 0,    DBL_TRUE_MIN,
                            DBL_MAX,   INFINITY, NAN,           bound};
    unsigned result = 0;
    for (size_t i = 0; i < sizeof tried / sizeof *tried; i++) {
        double args[2] = {left ? bound : tried[i], left ? tried[i] : bound};
        if ((info->evaluate(args) != 0) == sense) result |= sign(tried[i]);
    }
    return result;
}

static void suppose(Signs *s, const Expr *condition, bool sense) {
    if (condition->op == OP_NOT) suppose(s, condition->args[0], !sense);
    if (condition->op == (sense ? OP_AND : OP_OR))
        for (int i = 0; i < 2; i++) suppose(s, condition->args[i], sense);
    if (condition->op != OP_LT && condition->op != OP_LE && condition->op != OP_EQ) return;
    bool left = condition->args[0]->op == OP_CONST;
    if ((!left && condition->args[1]->op != OP_CONST) || s->count == MOST_FACTS) return;
    s->of[s->count] = condition->args[left];
    s->facts[s->count++] = compared(op_info((Op)condition->op), condition->args[!left]->value, left, sense);
}

static unsigned under(Signs *s, const Expr *condition, bool sense, const Expr *e) {
    Signs inside = *s;
    Table memo = {0};
    suppose(&inside, condition, sense);
    if (inside.count > s->count) inside.memo = &memo;
    return signs_of(&inside, e);
}

// ---- expressions ----

static unsigned of_operation(Signs *s, const Expr *e) {
    unsigned result;
    switch ((int)e->op) {
    case OP_CONST: return sign(e->value);
    case OP_READ: return of_read(e->tensor);
    case OP_DRAW: return e->draw->kind == DRAW_NORMAL ? FINITE : ZERO | POSITIVE;
    case OP_WHERE: return signs_of(s, e->args[0]) | signs_of(s, e->args[1]);
    case OP_SELECT: return under(s, e->args[0], true, e->args[1]) | under(s, e->args[0], false, e->args[2]);
    case OP_SUM:
        result = sign(e->value);
        for (int i = 0; i < e->count; i++)
            result = apply(add, result, apply(multiply, sign(e->coefs[i]), signs_of(s, e->args[i])));
        return result;
    case OP_PRODUCT:
        result = sign(e->value);
        for (int i = 0; i < e->count; i++)
            result = apply(multiply, result, power(signs_of(s, e->args[i]), e->exponents[i]));
        return result;
    case OP_BF16: return signs_of(s, e->args[0]) | ZERO;
    case OP_BF16_PAIR: return signs_of(s, e->args[0]) | signs_of(s, e->args[1]) | ZERO; // what either is
    case OP_BF16_DOT:
        result = apply(multiply, signs_of(s, e->args[0]), signs_of(s, e->args[1]));
        return result | apply(add, result, result);
    default: break;
    }
    const OpInfo *info = op_info((Op)e->op);
    if (!info || e->count > 2) return FINITE;
    return apply(info->evaluate, signs_of(s, e->args[0]), e->count > 1 ? signs_of(s, e->args[1]) : ZERO);
}

static unsigned signs_of(Signs *s, const Expr *e) {
    const unsigned char *known = table_get(s->memo, e);
    if (known) return *known;
    bool words = e->op == OP_BF16_PAIR || (e->op == OP_READ && !e->tensor->bounded); // perhaps of pairs
    bool whole = (e->type == TYPE_BOOL || (e->type == TYPE_INT && !words)) && e->op != OP_CONST;
    unsigned result = whole ? of_integer(e) : of_operation(s, e);
    for (int i = 0; i < s->count; i++)
        if (s->of[i] == e) result &= s->facts[i];
    unsigned char *memo = arena_new(s->p->arena, unsigned char);
    *memo = (unsigned char)result;
    table_set(s->p->arena, s->memo, e, memo);
    return result;
}

bool expr_is_finite(Program *p, const Expr *e) {
    return !(signs_of(&(Signs){.p = p, .memo = &(Table){0}}, e) & (BELOW | ABOVE | NONE));
}

// ---- equations ----

static unsigned of_equation(Signs *s, const Equation *q) {
    unsigned result = signs_of(s, q->e);
    if (q->reduction == REDUCE_SUM || q->reduction == REDUCE_PROD)
        for (int i = 0; i < 2; i++)
            result |= apply(q->reduction == REDUCE_SUM ? add : multiply, result, result);
    else if (reduction_is_position(q->reduction))
        result = ZERO | POSITIVE;
    return equation_identity(q) ? result : result | ZERO;
}

void equation_signs(Program *p, const Equation *q) {
    Signs s = {.p = p, .memo = &(Table){0}};
    q->tensor->signs = (uint8_t)(KNOWN | q->tensor->signs | of_equation(&s, q));
}

void function_signs(Program *p, const Function *f) {
    bool *known = arena_array(p->arena, bool, p->tensors.count + 1);
    for (int i = 0; i < f->equations.count; i++) {
        Tensor *t = f->equations.data[i]->tensor;
        known[t->id] = known[t->id] || t->signs;
    }
    for (int i = 0; i < f->equations.count; i++)
        if (!known[f->equations.data[i]->tensor->id]) f->equations.data[i]->tensor->signs = KNOWN;
    const int *cycles = function_cycles(p, f);
    Table straight = {0};
    for (int i = 0, end; i < f->equations.count; i = end) {
        end = cycles[i] ? cycles[i] : i + 1;
        for (bool again = true; again;) { // a circle until nothing is new
            Signs s = {.p = p, .memo = cycles[i] ? &(Table){0} : &straight};
            again = false;
            for (int k = i; k < end; k++) {
                Tensor *t = f->equations.data[k]->tensor;
                unsigned before = t->signs;
                if (known[t->id]) continue;
                t->signs = (uint8_t)(before | of_equation(&s, f->equations.data[k]));
                again = again || (cycles[i] && t->signs != before);
            }
        }
    }
}
