// Builds random programs. Every layer keeps its values within a few units, so that a difference between two
// ways to compute it is an error and not rounding.
#include "programs/random_maker.h"

#include <math.h>
#include <string.h>

// ---- functions of a number ----

static const Expr *activate(Maker *m, const Expr *x) {
    Program *p = m->p;
    switch (pick(m, 0, m->smooth ? 7 : 11)) {
    case 0: return expr_unary(p, OP_TANH, x);
    case 1: return expr_unary(p, OP_SIGMOID, x);
    case 2: return expr_unary(p, OP_SOFTPLUS, x);
    case 3: return expr_mul(p, x, expr_unary(p, OP_SIGMOID, x));
    case 4: return expr_unary(p, OP_SIN, expr_mul(p, x, number(m, pick_number(m))));
    case 5: return expr_unary(p, OP_EXP, expr_neg(p, expr_unary(p, OP_SOFTPLUS, x)));
    case 6: return expr_div(p, x, expr_unary(p, OP_SQRT, expr_add(p, expr_power(p, x, 2), number(m, 1))));
    case 7: return expr_add(p, expr_mul(p, x, number(m, 0.5)), expr_unary(p, OP_ERF, x));
    case 8: return expr_binary(p, OP_MAX, x, number(m, 0));
    case 9: return expr_unary(p, OP_ABS, x);
    case 10:
        return expr_select(p, expr_binary(p, OP_LT, number(m, 0.1), x), x, expr_mul(p, number(m, 0.1), x));
    default: return expr_binary(p, OP_MIN, expr_binary(p, OP_MAX, x, number(m, -0.5)), number(m, 0.75));
    }
}

// ---- layers: each takes activations and adds one ----

static Tensor *layer_map(Maker *m) {
    Tensor *x = some(m);
    Indices at = dims_of(m, x);
    const Expr *e = activate(m, read_at(m, x, at));
    Tensor *y = some(m);
    if (y->rank == x->rank && memcmp(x->dims, y->dims, sizeof(int64_t) * (size_t)x->rank) == 0)
        e = pick(m, 0, 1) ? expr_add(m->p, e, read_at(m, y, at))
                          : expr_mul(m->p, e, activate(m, read_at(m, y, at)));
    return define(m, "map", at, REDUCE_NONE, NONE, e);
}

// y[b, .., u] = sum[n] x[b, .., n] * w[n, u] + bias[u]
static Tensor *layer_dense(Maker *m) {
    Tensor *x = some(m);
    Indices at = dims_of(m, x), out = at;
    int which = x->rank > 1 ? (int)pick(m, 1, x->rank - 1) : 0;
    int64_t units = pick_width(m, 1);
    if (which == 0 || row_elements(x) / x->dims[which] * units > MOST_ELEMENTS) return layer_map(m);
    Index *u = fresh(m, "u", units);
    Indices reduced = {.indices = {at.indices[which]}, .count = 1},
            weights = {.indices = {at.indices[which], u}, .count = 2}, shape = {.indices = {u}, .count = 1};
    out.indices[which] = u;
    Tensor *w = param(m, weights);
    const Expr *e = expr_mul(m->p, read_at(m, x, at), read_at(m, w, weights));
    Tensor *y = define(m, "dense", out, REDUCE_SUM, reduced, e);
    if (pick(m, 0, 1)) return y;
    Tensor *bias = param(m, shape);
    return define(m, "biased", out, REDUCE_NONE, NONE,
                  activate(m, expr_add(m->p, read_at(m, y, out), read_at(m, bias, shape))));
}

// A window along one dimension: sum, mean or max of x[.., stride * i + dilation * p - pad], weighted or not,
// guarded at the borders.
static Tensor *layer_window(Maker *m) {
    Tensor *x = some(m);
    int d = x->rank > 1 ? (int)pick(m, 1, x->rank - 1) : 0;
    if (d == 0 || x->dims[d] < 2) return layer_map(m);
    int64_t kernel = pick(m, 1, 3), stride = pick(m, 1, 3), dilation = pick(m, 1, 2),
            pad = pick(m, 0, kernel / 2 * dilation);
    int64_t reach = x->dims[d] + 2 * pad - (kernel - 1) * dilation - 1;
    if (reach < 0) return layer_map(m);
    Indices out = dims_of(m, x), reduced = {.indices = {fresh(m, "p", kernel)}, .count = 1};
    out.indices[d] = fresh(m, "q", reach / stride + 1);
    const Affine *forms[MAX_RANK] = {0};
    for (int k = 0; k < x->rank; k++) forms[k] = form(m, out.indices[k]);
    forms[d] = affine_add(m->p, affine_scale(m->p, forms[d], stride, 1),
                          affine_scale(m->p, form(m, reduced.indices[0]), dilation, 1));
    forms[d] = affine_offset(m->p, forms[d], -pad);
    int64_t what = pick(m, 0, m->smooth ? 1 : 2);
    Guard border = {forms[d], x->dims[d]};
    const Expr *e = expr_read(m->p, x, forms, NULL);
    e = expr_where(m->p, &border, 1, e, number(m, what == 2 ? -(double)INFINITY : 0));
    if (what == 0)
        e = expr_mul(m->p, e, read_at(m, param(m, reduced), reduced));
    else if (what == 1)
        e = expr_mul(m->p, e, number(m, 1 / (double)kernel));
    return define(m, what == 2 ? "pool" : "conv", out, what == 2 ? REDUCE_MAX : REDUCE_SUM, reduced, e);
}

// Convolution with channels: two dimensions at once, new ones for filters.
static Tensor *layer_conv2d(Maker *m) {
    Tensor *x = some(m);
    if (x->rank != 4 || x->dims[1] < 2 || x->dims[2] < 2) return layer_window(m);
    int64_t kernel = pick(m, 1, 3), stride = pick(m, 1, 2), pad = pick(m, 0, kernel - 1);
    int64_t high = x->dims[1] + 2 * pad - kernel, wide = x->dims[2] + 2 * pad - kernel;
    if (high < 0 || wide < 0) return layer_window(m);
    Indices at = dims_of(m, x), out = at;
    Index *p = fresh(m, "p", kernel), *q = fresh(m, "q", kernel), *f = fresh(m, "f", pick(m, 1, 3));
    out.indices[1] = fresh(m, "i", high / stride + 1);
    out.indices[2] = fresh(m, "j", wide / stride + 1);
    out.indices[3] = f;
    Indices weights = {.indices = {p, q, at.indices[3], f}, .count = 4},
            reduced = {.indices = {p, q, at.indices[3]}, .count = 3};
    const Affine *forms[MAX_RANK] = {form(m, at.indices[0]), NULL, NULL, form(m, at.indices[3])};
    Guard border[2];
    for (int d = 1; d < 3; d++) {
        forms[d] =
            affine_add(m->p, affine_scale(m->p, form(m, out.indices[d]), stride, 1), form(m, d == 1 ? p : q));
        forms[d] = affine_offset(m->p, forms[d], -pad);
        border[d - 1] = (Guard){forms[d], x->dims[d]};
    }
    const Expr *e = expr_where(m->p, border, 2, expr_read(m->p, x, forms, NULL), number(m, 0));
    return define(m, "conv2d", out, REDUCE_SUM, reduced,
                  expr_mul(m->p, e, read_at(m, param(m, weights), weights)));
}

// x[.., a * i + c]: slices, strides, reversals, and a shift with another value outside
static Tensor *layer_slice(Maker *m) {
    Tensor *x = some(m);
    int d = x->rank > 1 ? (int)pick(m, 1, x->rank - 1) : 0;
    if (d == 0) return layer_map(m);
    Indices out = dims_of(m, x);
    const Affine *forms[MAX_RANK] = {0};
    int64_t n = x->dims[d], step = pick(m, 1, 2), first = pick(m, 0, n - 1);
    bool backwards = pick(m, 0, 1), guarded = pick(m, 0, 1);
    int64_t size = guarded ? n : backwards ? first / step + 1 : (n - 1 - first) / step + 1;
    out.indices[d] = fresh(m, "s", size);
    for (int k = 0; k < x->rank; k++) forms[k] = form(m, out.indices[k]);
    forms[d] = affine_offset(m->p, affine_scale(m->p, forms[d], backwards ? -step : step, 1), first);
    Guard inside = {forms[d], n};
    const Expr *e = expr_read(m->p, x, forms, NULL), *else_side = number(m, 0.25);
    if (pick(m, 0, 1) && size == n) else_side = expr_mul(m->p, read_at(m, x, out), number(m, 0.5));
    return define(m, "slice", out, REDUCE_NONE, NONE, expr_where(m->p, &inside, 1, e, else_side));
}

// The last two dimensions as one, by the result's form or by // and mod; or one dimension as two.
static Tensor *layer_reshape(Maker *m) {
    Tensor *x = some(m);
    if (x->rank < 3) return layer_slice(m);
    Indices at = dims_of(m, x), out = at;
    int64_t wide = x->dims[x->rank - 1];
    out.count--;
    out.indices[out.count - 1] = fresh(m, "r", x->dims[x->rank - 2] * wide);
    if (pick(m, 0, 1)) {
        Tensor *t = tensor_over(m, "flat", TENSOR_TEMP, out);
        const Affine *forms[MAX_RANK] = {0};
        for (int d = 0; d < t->rank - 1; d++) forms[d] = form(m, at.indices[d]);
        forms[t->rank - 1] = affine_add(m->p, affine_scale(m->p, form(m, at.indices[x->rank - 2]), wide, 1),
                                        form(m, at.indices[x->rank - 1]));
        equation_add(m->p, m->f, t, forms, REDUCE_NONE, NULL, 0, read_at(m, x, at), NULL);
        return t;
    }
    const Affine *forms[MAX_RANK] = {0};
    const Expr *r = expr_index(m->p, out.indices[out.count - 1]), *size = expr_int(m->p, wide);
    for (int d = 0; d < out.count - 1; d++) forms[d] = form(m, out.indices[d]);
    forms[x->rank - 2] = affine_atom(m->p, expr_binary(m->p, OP_FLOOR_DIV, r, size));
    forms[x->rank - 1] = affine_atom(m->p, expr_binary(m->p, OP_MOD, r, size));
    return define(m, "flat", out, REDUCE_NONE, NONE, expr_read(m->p, x, forms, NULL));
}

static Tensor *layer_upsample(Maker *m) {
    Tensor *x = some(m);
    int d = x->rank > 1 ? (int)pick(m, 1, x->rank - 1) : 0;
    int64_t factor = pick(m, 2, 3);
    if (d == 0 || row_elements(x) * factor > MOST_ELEMENTS) return layer_map(m);
    Indices out = dims_of(m, x);
    const Affine *forms[MAX_RANK] = {0};
    out.indices[d] = fresh(m, "s", x->dims[d] * factor);
    for (int k = 0; k < x->rank; k++) forms[k] = form(m, out.indices[k]);
    forms[d] = affine_atom(
        m->p, expr_binary(m->p, OP_FLOOR_DIV, expr_index(m->p, out.indices[d]), expr_int(m->p, factor)));
    return define(m, "up", out, REDUCE_NONE, NONE, expr_read(m->p, x, forms, NULL));
}

// softmax over one dimension, shifted by its maximum
static Tensor *layer_softmax(Maker *m) {
    Tensor *x = some(m);
    int d = x->rank > 1 ? (int)pick(m, 1, x->rank - 1) : 0;
    if (d == 0) return layer_map(m);
    Indices at = dims_of(m, x), rest = at, reduced = {.indices = {at.indices[d]}, .count = 1};
    remove_at(&rest, d);
    const Expr *value = read_at(m, x, at);
    Tensor *top = define(m, "top", rest, REDUCE_MAX, reduced, value);
    const Expr *shifted = expr_sub(m->p, value, expr_unary(m->p, OP_STOP_GRADIENT, read_at(m, top, rest)));
    Tensor *e = define(m, "exps", at, REDUCE_NONE, NONE, expr_unary(m->p, OP_EXP, shifted));
    Tensor *total = define(m, "total", rest, REDUCE_SUM, reduced, read_at(m, e, at));
    return define(m, "softmax", at, REDUCE_NONE, NONE,
                  expr_div(m->p, read_at(m, e, at), read_at(m, total, rest)));
}

// (x - mean) / sqrt(variance + eps), over the batch or over a dimension
static Tensor *layer_norm(Maker *m) {
    Tensor *x = some(m);
    int d = (int)pick(m, 0, x->rank - 1);
    Indices at = dims_of(m, x), rest = at, reduced = {.indices = {at.indices[d]}, .count = 1};
    remove_at(&rest, d);
    const Expr *count = d == 0 ? expr_rows(m->p) : number(m, (double)x->dims[d]), *value = read_at(m, x, at);
    Tensor *mean = define(m, "mean", rest, REDUCE_SUM, reduced, expr_div(m->p, value, count));
    const Expr *centred = expr_sub(m->p, value, read_at(m, mean, rest));
    Tensor *variance =
        define(m, "variance", rest, REDUCE_SUM, reduced, expr_div(m->p, expr_power(m->p, centred, 2), count));
    const Expr *deviation =
        expr_unary(m->p, OP_SQRT, expr_add(m->p, read_at(m, variance, rest), number(m, 0.3)));
    return define(m, "norm", at, REDUCE_NONE, NONE, expr_div(m->p, centred, deviation));
}

// Sums over an order: causal sums, and products of two positions (attention without its softmax).
static Tensor *layer_causal(Maker *m) {
    Tensor *x = some(m);
    if (x->rank < 2 || row_elements(x) * x->dims[1] > MOST_ELEMENTS) return layer_map(m);
    Indices at = dims_of(m, x), out = at;
    Index *t = fresh(m, "t", x->dims[1]);
    Indices reduced = {.indices = {at.indices[1]}, .count = 1};
    out.indices[1] = t;
    Guard order = {affine_sub(m->p, form(m, t), form(m, at.indices[1])), x->dims[1]};
    const Expr *e = expr_mul(m->p, read_at(m, x, at), number(m, 0.5));
    if (pick(m, 0, 1) && x->rank == 2) e = expr_mul(m->p, e, read_at(m, x, out));
    return define(m, "causal", out, REDUCE_SUM, reduced, expr_where(m->p, &order, 1, e, number(m, 0)));
}

static Tensor *gather_rows(Maker *m, const Index *b, const Affine *at, int64_t rows) {
    Index *v = fresh(m, "v", rows), *u = fresh(m, "u", pick(m, 1, 4));
    Tensor *table = param(m, (Indices){.indices = {v, u}, .count = 2});
    const Affine *forms[] = {at, form(m, u)};
    Indices out = {.indices = {b, u}, .count = 2};
    return define(m, "embedding", out, REDUCE_NONE, NONE, expr_read(m->p, table, forms, NULL));
}

// Rows of a large table at all tokens of a sample, under a condition or not; or of one or two tables at the
// class and at a token.
static Tensor *gather_often(Maker *m, const Index *b) {
    int64_t rows = pick(m, 60, 900), width = pick(m, 1, 40), what = pick(m, 0, 3);
    Index *u = fresh(m, "u", width), *t = fresh(m, "t", m->tokens->dims[1]);
    Indices weights = {.indices = {fresh(m, "v", rows), u}, .count = 2},
            out = {.indices = {b, u}, .count = 2};
    Tensor *table = param(m, weights), *other = what == 2 ? param(m, weights) : table;
    bool all = what < 2;
    const Affine *place[] = {form(m, b), all ? form(m, t) : affine_constant(m->p, 0)};
    const Affine *token = affine_atom(m->p, expr_read(m->p, m->tokens, place, NULL));
    const Affine *class = affine_atom(m->p, expr_read(m->p, m->classes, place, NULL));
    const Affine *of_token[] = {token, form(m, u)}, *of_class[] = {class, form(m, u)};
    const Expr *e = expr_read(m->p, table, of_token, NULL);
    if (all) {
        Guard few = {affine_offset(m->p, token, -1), m->token_count};
        if (what == 1) e = expr_where(m->p, &few, 1, e, number(m, 0));
        const Expr *each = expr_mul(m->p, e, number(m, 1 / (double)t->size));
        return define(m, "bag", out, REDUCE_SUM, (Indices){.indices = {t}, .count = 1}, each);
    }
    e = expr_mul(m->p, e, expr_read(m->p, other, of_class, NULL));
    return define(m, "pair", out, REDUCE_NONE, NONE, e);
}

// A row of a table, or an element of x, at an integer input.
static Tensor *layer_gather(Maker *m) {
    Tensor *x = some(m);
    const Index *b = index_add(m->p, "b", m->p->batch, true);
    const Affine *at_b = form(m, b);
    const Affine *at = affine_atom(m->p, expr_read(m->p, m->classes, &at_b, NULL));
    if (x->rank == 2 && x->dims[1] >= m->class_count && pick(m, 0, 1)) {
        Indices out = {.indices = {b, fresh(m, "e", 1)}, .count = 2};
        const Affine *forms[] = {at_b, at};
        return define(m, "element", out, REDUCE_NONE, NONE, expr_read(m->p, x, forms, NULL));
    }
    return pick(m, 0, 1) ? gather_often(m, b) : gather_rows(m, b, at, m->class_count);
}

// Kept with probability 3/4, by a draw for each element.
static Tensor *layer_dropout(Maker *m) {
    Tensor *x = some(m);
    Indices at = dims_of(m, x);
    const Affine *element = affine_constant(m->p, 0);
    for (int d = 0; d < x->rank; d++)
        element = affine_add(m->p, affine_scale(m->p, element, x->dims[d], 1), form(m, at.indices[d]));
    const Expr *u = expr_draw(
        m->p, (Draw){.kind = DRAW_UNIFORM, .place = (uint32_t)pick(m, 0, 1 << 30), .element = element});
    const Expr *kept = expr_mul(m->p, read_at(m, x, at), number(m, 1 / 0.75));
    return define(m, "dropout", at, REDUCE_NONE, NONE,
                  expr_select(m->p, expr_binary(m->p, OP_LT, u, number(m, 0.75)), kept, number(m, 0)));
}

// a[b, i] * c[b, j]; or the product, the norm, the extremes along a dimension
static Tensor *layer_outer(Maker *m) {
    Tensor *x = some(m), *y = some(m);
    if (x->rank != 2 || y->rank != 2 || x->dims[1] * y->dims[1] > MOST_ELEMENTS) return layer_map(m);
    Indices out = {.indices = {index_add(m->p, "b", m->p->batch, true), fresh(m, "i", x->dims[1]),
                               fresh(m, "j", y->dims[1])},
                   .count = 3};
    Indices second = {.indices = {out.indices[0], out.indices[2]}, .count = 2};
    return define(m, "outer", out, REDUCE_NONE, NONE,
                  expr_mul(m->p, read_at(m, x, out), read_at(m, y, second)));
}

static Tensor *layer_reduce(Maker *m) {
    Tensor *x = some(m);
    int d = x->rank > 2 ? (int)pick(m, 1, x->rank - 1) : 0;
    if (d == 0) return layer_norm(m);
    Indices at = dims_of(m, x), rest = at, reduced = {.indices = {at.indices[d]}, .count = 1};
    remove_at(&rest, d);
    int64_t what = pick(m, 0, m->smooth ? 1 : 3);
    const Expr *e = read_at(m, x, at);
    if (what == 0)
        return define(
            m, "product", rest, REDUCE_PROD, reduced,
            expr_add(m->p, number(m, 1), expr_mul(m->p, number(m, 0.5), expr_unary(m->p, OP_TANH, e))));
    Reduction r = what == 1 ? REDUCE_SUM : what == 2 ? REDUCE_MAX : REDUCE_MIN;
    return define(m, "reduced", rest, r, reduced, what == 1 ? expr_power(m->p, e, 2) : e);
}

// Two activations along one dimension, in two pieces; the second may be scaled or reversed.
static Tensor *layer_concat(Maker *m) {
    Tensor *x = some(m), *y = some(m);
    if (x->rank != 2 || y->rank != 2) return layer_map(m);
    Indices a = dims_of(m, x), b = dims_of(m, y), out = a;
    int64_t n = x->dims[1], k = y->dims[1];
    out.indices[1] = fresh(m, "c", n + k);
    Tensor *t = tensor_over(m, "concat", TENSOR_TEMP, out);
    const Affine *first[] = {form(m, a.indices[0]), form(m, a.indices[1])};
    const Affine *second[] = {form(m, b.indices[0]), affine_offset(m->p, form(m, b.indices[1]), n)};
    if (pick(m, 0, 1)) second[1] = affine_sub(m->p, affine_constant(m->p, n + k - 1), form(m, b.indices[1]));
    equation_add(m->p, m->f, t, first, REDUCE_NONE, NULL, 0, read_at(m, x, a), NULL);
    equation_add(m->p, m->f, t, second, REDUCE_NONE, NULL, 0,
                 expr_mul(m->p, number(m, 0.5), read_at(m, y, b)), NULL);
    return t;
}

// What lies before an integer of the row: x[b, i, ..] if i < classes[b]; the mean over it; or a compare with
// it.
static Tensor *layer_mask(Maker *m) {
    Tensor *x = some(m);
    if (x->rank < 2) return layer_map(m);
    Indices at = dims_of(m, x), rest = at, reduced = {.indices = {at.indices[1]}, .count = 1};
    const Affine *b = form(m, at.indices[0]);
    const Expr *limit = expr_read(m->p, m->classes, &b, NULL), *i = expr_index(m->p, at.indices[1]),
               *e = read_at(m, x, at);
    int64_t what = pick(m, 0, 2);
    if (what == 0)
        return define(m, "masked", at, REDUCE_NONE, NONE,
                      expr_condition(m->p, expr_binary(m->p, OP_LT, i, limit), e, number(m, 0.1)));
    if (what == 1) {
        e = expr_condition(m->p, expr_binary(m->p, OP_EQ, i, limit), e, expr_mul(m->p, e, number(m, 0.5)));
        return define(m, "chosen", at, REDUCE_NONE, NONE, e);
    }
    if (x->rank == 2) return layer_concat(m);
    remove_at(&rest, 1);
    e = expr_condition(m->p, expr_binary(m->p, OP_LE, i, limit), e, number(m, 0));
    Tensor *sum = define(m, "filtered", rest, REDUCE_SUM, reduced, e);
    const Expr *count = expr_add(m->p, limit, expr_int(m->p, 1));
    return define(m, "average", rest, REDUCE_NONE, NONE, expr_div(m->p, read_at(m, sum, rest), count));
}

// scores[b, t, s] = sum[u] x[b, t, u] x[b, s, u], causal, softmax over s, times x
static Tensor *layer_attention(Maker *m) {
    Tensor *x = some(m);
    if (x->rank != 3 || x->dims[1] * x->dims[1] > MOST_ELEMENTS) return layer_dense(m);
    Indices q = dims_of(m, x), k = q, scores = q, rows = q;
    Index *s = fresh(m, "s", x->dims[1]);
    k.indices[1] = s;
    scores.indices[2] = s;
    rows.count = 2;
    Indices over_u = {.indices = {q.indices[2]}, .count = 1}, over_s = {.indices = {s}, .count = 1};
    const Expr *product = expr_mul(m->p, read_at(m, x, q), expr_unary(m->p, OP_SIN, read_at(m, x, k)));
    Tensor *dots = define(m, "dots", scores, REDUCE_SUM, over_u, product);
    Guard order = {affine_sub(m->p, form(m, q.indices[1]), form(m, s)), x->dims[1]};
    const Expr *dot = expr_unary(m->p, OP_TANH, read_at(m, dots, scores));
    dot = pick(m, 0, 1) ? expr_where(m->p, &order, 1, dot, number(m, -(double)INFINITY)) : dot;
    Tensor *top = define(m, "top", rows, REDUCE_MAX, over_s, dot);
    const Expr *power = expr_unary(
        m->p, OP_EXP, expr_sub(m->p, dot, expr_unary(m->p, OP_STOP_GRADIENT, read_at(m, top, rows))));
    Tensor *e = define(m, "exps", scores, REDUCE_NONE, NONE, power);
    Tensor *total = define(m, "total", rows, REDUCE_SUM, over_s, read_at(m, e, scores));
    const Expr *weight = expr_div(m->p, read_at(m, e, scores), read_at(m, total, rows));
    return define(m, "attended", q, REDUCE_SUM, over_s, expr_mul(m->p, weight, read_at(m, x, k)));
}

// The element at the position of the largest; its derivative goes there alone.
static Tensor *layer_largest(Maker *m) {
    Tensor *x = some(m);
    if (x->rank != 2 || m->smooth) return layer_outer(m);
    Indices at = dims_of(m, x), rows = at, reduced = {.indices = {at.indices[1]}, .count = 1}, out = at;
    rows.count = 1;
    Tensor *position = tensor_over(m, "position", TENSOR_TEMP, rows);
    position->type = TYPE_INT;
    position->bounded = true;
    position->high = x->dims[1] - 1;
    const Affine *b = form(m, at.indices[0]);
    equation_add(m->p, m->f, position, &b, REDUCE_ARGMAX, reduced.indices, 1, read_at(m, x, at), NULL);
    out.indices[1] = fresh(m, "e", 1);
    const Affine *forms[] = {b, affine_atom(m->p, expr_read(m->p, position, &b, NULL))};
    return define(m, "largest", out, REDUCE_NONE, NONE, expr_read(m->p, x, forms, NULL));
}

// A row in ascending order, or all but its first; the derivative goes back to where each element stood.
static Tensor *layer_sorted(Maker *m) {
    Tensor *x = some(m);
    int last = x->rank - 1;
    if (x->rank < 2 || x->dims[last] < 2 || m->smooth) return layer_outer(m);
    Indices at = dims_of(m, x), out = at;
    Index *r = fresh(m, "r", x->dims[last]);
    const Affine *places[MAX_RANK], *from[MAX_RANK];
    for (int d = 0; d <= last; d++) places[d] = from[d] = form(m, at.indices[d]);
    from[last] = form(m, r);
    Tensor *order = tensor_over(m, "order", TENSOR_TEMP, at);
    order->type = TYPE_INT;
    order->bounded = true;
    order->high = x->dims[last] - 1;
    const Expr *e =
        expr_binary(m->p, OP_AT, expr_read(m->p, x, from, NULL), expr_index(m->p, at.indices[last]));
    equation_add(m->p, m->f, order, places, REDUCE_ORDER, (const Index *const[]){r}, 1, e, NULL);
    int skipped = pick(m, 0, 1);
    out.indices[last] = fresh(m, "e", x->dims[last] - skipped);
    places[last] = affine_offset(m->p, form(m, out.indices[last]), skipped);
    from[last] = affine_atom(m->p, expr_read(m->p, order, places, NULL));
    return define(m, "sorted", out, REDUCE_NONE, NONE, expr_read(m->p, x, from, NULL));
}

// A recurrence written out: h_t = tanh(x[b, t, .] + h_(t-1) w), a tensor a step
static Tensor *layer_recurrence(Maker *m) {
    Tensor *x = some(m);
    if (x->rank != 3) return layer_reduce(m);
    Index *v = fresh(m, "v", x->dims[2]), *u = fresh(m, "u", x->dims[2]),
          *b = index_add(m->p, "b", m->p->batch, true);
    Indices weights = {.indices = {v, u}, .count = 2}, out = {.indices = {b, u}, .count = 2},
            before = {.indices = {b, v}, .count = 2};
    Indices reduced = {.indices = {v}, .count = 1};
    Tensor *w = param(m, weights), *h = NULL;
    for (int64_t t = 0; t < x->dims[1]; t++) {
        const Affine *forms[] = {form(m, b), affine_constant(m->p, t), form(m, u)};
        const Expr *e = expr_read(m->p, x, forms, NULL);
        if (h) {
            const Expr *product = expr_mul(m->p, read_at(m, h, before), read_at(m, w, weights));
            Tensor *carried = define(m, "carried", out, REDUCE_SUM, reduced, product);
            e = expr_add(m->p, e, expr_mul(m->p, number(m, 0.5), read_at(m, carried, out)));
        }
        h = define(m, "h", out, REDUCE_NONE, NONE, expr_unary(m->p, OP_TANH, e));
    }
    return h;
}

static Tensor *layer_recur(Maker *m) {
    Tensor *x = some(m), *w = NULL;
    Tensor *h = x->rank < 2 ? layer_map(m) : random_recur(m->p, m->f, &m->state, x, &w);
    if (w) vec_push(m->p->arena, &m->params, w);
    return h;
}

typedef Tensor *Layer(Maker *m);
static Layer *const LAYERS[] = {layer_map,        layer_dense,  layer_dense,   layer_window,    layer_conv2d,
                                layer_conv2d,     layer_slice,  layer_reshape, layer_upsample,  layer_softmax,
                                layer_norm,       layer_causal, layer_gather,  layer_dropout,   layer_outer,
                                layer_reduce,     layer_concat, layer_mask,    layer_attention, layer_largest,
                                layer_recurrence, layer_recur,  layer_recur,   random_reads,    random_reads,
                                random_reads,     layer_sorted};

// ---- whole programs ----

static void add_inputs(Maker *m) {
    int rank = (int)pick(m, 2, 4);
    Indices dims = {.indices = {index_add(m->p, "b", m->p->batch, true)}, .count = 1};
    for (int d = 1; d < rank; d++)
        dims.indices[dims.count++] = fresh(m, "i", rank == 2 ? pick_width(m, 2) : pick(m, 1, 5));
    m->pool[m->pool_count++] = tensor_over(m, "x", TENSOR_INPUT, dims);
    m->class_count = pick(m, 2, 4);
    m->classes = tensor_add(m->p, "classes", TENSOR_INPUT, TYPE_INT, 1, (const int64_t[]){m->p->batch});
    m->classes->batch_dims = 1;
    m->classes->bounded = true;
    m->classes->high = m->class_count - 1;
    m->token_count = pick(m, 3, 30);
    m->tokens =
        tensor_add(m->p, "tokens", TENSOR_INPUT, TYPE_INT, 2, (const int64_t[]){m->p->batch, pick(m, 1, 19)});
    m->tokens->batch_dims = 1;
    m->tokens->bounded = true;
    m->tokens->high = m->token_count - 1;
    for (int d = 0; d < dims.count; d++) // the first activation has a parameter, so that there is a gradient
        dims.indices[d] = index_add(m->p, dims.indices[d]->name, dims.indices[d]->size, d == 0);
    Indices scale = dims;
    remove_at(&scale, 0);
    Tensor *w = param(m, scale);
    const Expr *e = expr_mul(m->p, read_at(m, m->pool[0], dims), read_at(m, w, scale));
    m->pool[m->pool_count++] = define(m, "scaled", dims, REDUCE_NONE, NONE, e);
}

static Tensor *add_loss(Maker *m) {
    Tensor *loss = tensor_add(m->p, "loss", TENSOR_OUTPUT, TYPE_DOUBLE, 0, NULL);
    const Expr *total = number(m, 0);
    Tensor *terms[2];
    int count = m->pool_count > 2 ? 2 : 1;
    for (int k = 0; k < count; k++) {
        Tensor *h = m->pool[m->pool_count - 1 - k];
        Indices at = dims_of(m, h);
        double scale = 1 / (double)row_elements(h);
        const Expr *gap = expr_sub(m->p, activate(m, read_at(m, h, at)), number(m, 0.3));
        const Expr *e =
            expr_mul(m->p, expr_div(m->p, expr_power(m->p, gap, 2), expr_rows(m->p)), number(m, scale));
        terms[k] = tensor_add(m->p, "part", TENSOR_TEMP, TYPE_DOUBLE, 0, NULL);
        equation_add(m->p, m->f, terms[k], NULL, REDUCE_SUM, at.indices, at.count, e, NULL);
        total = expr_add(m->p, total, expr_read(m->p, terms[k], NULL, NULL));
    }
    equation_add(m->p, m->f, loss, NULL, REDUCE_NONE, NULL, 0, total, NULL);
    vec_push(m->p->arena, &m->f->outputs, loss);
    return loss;
}

// ---- optimizers: w := w - step, slots := what the step was made of ----

static const Expr *slot_for(Maker *m, Tensor *w, const char *suffix, Indices at, double keep,
                            const Expr *news) {
    Tensor *slot = tensor_over(m, string_format(m->p->arena, "%s.%s", w->name, suffix), TENSOR_SLOT, at);
    const Expr *e = expr_add(m->p, expr_mul(m->p, number(m, keep), read_at(m, slot, at)), news);
    Tensor *value =
        define(m, string_format(m->p->arena, "%s.%s.new", w->name, suffix), at, REDUCE_NONE, NONE, e);
    vec_push(m->p->arena, &m->f->effects, (Effect){slot, value});
    return read_at(m, value, at);
}

// 1 - beta^update, computed once in double
static const Expr *bias_correction(Maker *m, double beta) {
    Tensor *t = tensor_add(m->p, "correction", TENSOR_TEMP, TYPE_DOUBLE, 0, NULL);
    const Expr *power = expr_binary(m->p, OP_POW, number(m, beta), expr_read(m->p, m->update, NULL, NULL));
    equation_add(m->p, m->f, t, NULL, REDUCE_NONE, NULL, 0, expr_sub(m->p, number(m, 1), power), NULL);
    return expr_read(m->p, t, NULL, NULL);
}

static void add_updates(Maker *m, Tensor *loss) {
    int kind = (int)pick(m, 0, 4); // momentum, Adam, plain with decay and without, Adagrad
    TensorKind stored = pick(m, 0, 2) ? TENSOR_TEMP : TENSOR_OUTPUT;
    const Expr *first = kind == 1 ? bias_correction(m, 0.9) : NULL,
               *second = kind == 1 ? bias_correction(m, 0.99) : NULL;
    for (int i = 0; i < m->params.count; i++) {
        Tensor *w = m->params.data[i];
        Indices at = dims_of(m, w);
        Tensor *gradient = tensor_over(m, string_format(m->p->arena, "d%s", w->name), stored, at);
        const Expr *dw = read_at(m, gradient, at), *step;
        vec_push(m->p->arena, &m->f->gradients, (GradientRequest){loss, w, gradient});
        if (stored == TENSOR_OUTPUT) vec_push(m->p->arena, &m->f->outputs, gradient);
        if (kind == 0) {
            step = slot_for(m, w, "m", at, 0.9, dw);
        } else if (kind == 1) {
            const Expr *mean =
                expr_div(m->p, slot_for(m, w, "m", at, 0.9, expr_mul(m->p, number(m, 0.1), dw)), first);
            const Expr *square =
                slot_for(m, w, "v", at, 0.99, expr_mul(m->p, number(m, 0.01), expr_power(m->p, dw, 2)));
            const Expr *size = expr_unary(m->p, OP_SQRT, expr_div(m->p, square, second));
            step = expr_div(m->p, mean, expr_add(m->p, size, number(m, 0.1)));
        } else if (kind == 2) {
            step = expr_add(m->p, dw, expr_mul(m->p, number(m, 0.01), read_at(m, w, at)));
        } else if (kind == 3) {
            step = dw;
        } else {
            const Expr *square = slot_for(m, w, "s", at, 1, expr_power(m->p, dw, 2));
            step = expr_div(m->p, dw, expr_add(m->p, expr_unary(m->p, OP_SQRT, square), number(m, 0.1)));
        }
        const Expr *e = expr_sub(m->p, read_at(m, w, at), expr_mul(m->p, number(m, 0.1), step));
        Tensor *updated = define(m, "updated", at, REDUCE_NONE, NONE, e);
        vec_push(m->p->arena, &m->f->effects, (Effect){w, updated});
    }
}

Program *random_program(Context *ctx, RandomOptions options) {
    Maker m = {.state = options.seed * 2654435761u + 12345, .smooth = options.smooth};
    m.p = program_create(ctx, options.precision, pick(&m, 0, 5) ? 4 : 21);
    m.f = function_add(m.p, FUNCTION_STEP, "step");
    m.update = tensor_add(m.p, "clock.update", TENSOR_CLOCK, TYPE_DOUBLE, 0, NULL);
    add_inputs(&m);
    int layers = (int)pick(&m, 1, options.layers > 0 ? options.layers : 6);
    for (int i = 0; i < layers && m.pool_count < MOST_POOL; i++) {
        Tensor *y = LAYERS[pick(&m, 0, (int64_t)(sizeof LAYERS / sizeof *LAYERS) - 1)](&m);
        if (row_elements(y) <= MOST_ELEMENTS) m.pool[m.pool_count++] = y;
    }
    add_updates(&m, add_loss(&m));
    return m.p;
}
