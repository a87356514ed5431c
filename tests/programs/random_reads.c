// Layers of integer reads that stand in subscripts of other reads, where not every point counts: under
// conditions, at ends, in filters, in pieces, inside one another. Every read stays inside where its
// conditions hold; what stands elsewhere must not matter.
#include "programs/random_maker.h"

static const Affine *constant(Maker *m, int64_t c) { return affine_constant(m->p, c); }
static int64_t times(const Maker *m) { return m->tokens->dims[1]; }
static Guard in_time(const Maker *m, const Affine *at) { return (Guard){at, times(m)}; }

static const Expr *token(Maker *m, const Index *b, const Affine *at) {
    const Affine *forms[] = {form(m, b), at};
    return expr_read(m->p, m->tokens, forms, NULL);
}

// The token, or its mirror image: below the count of tokens.
static const Affine *row_of(Maker *m, const Expr *token) {
    const Affine *at = affine_atom(m->p, token);
    return pick(m, 0, 2) ? at : affine_sub(m->p, constant(m, m->token_count - 1), at);
}

static const Expr *row(Maker *m, Tensor *table, const Affine *at, const Index *u) {
    const Affine *forms[] = {at, form(m, u)};
    return expr_read(m->p, table, forms, NULL);
}

static Tensor *table_of(Maker *m, int64_t rows, const Index *u) {
    return param(m, (Indices){.indices = {fresh(m, "v", rows), u}, .count = 2});
}

static Index *batch_index(Maker *m) { return index_add(m->p, "b", m->p->batch, true); }

// table[token[b, step * t + shift], u], and a number beyond the ends
static Tensor *shifted(Maker *m) {
    Index *b = batch_index(m), *t = fresh(m, "t", pick(m, 1, times(m))), *u = fresh(m, "u", pick(m, 1, 6));
    const Affine *at = affine_scale(m->p, form(m, t), pick(m, 0, 3) ? 1 : -1, 1);
    at = affine_offset(m->p, at, pick(m, -times(m), times(m)));
    Guard inside = in_time(m, at);
    const Expr *e = row(m, table_of(m, m->token_count, u), row_of(m, token(m, b, at)), u);
    return define(m, "shifted", (Indices){.indices = {b, t, u}, .count = 3}, REDUCE_NONE, NONE,
                  expr_where(m->p, &inside, 1, e, number(m, pick_number(m))));
}

// sum[p, u] table[token[b, t + p - pad], u] * w[p, u], padded
static Tensor *windowed(Maker *m) {
    int64_t kernel = pick(m, 1, 3);
    Index *b = batch_index(m), *t = fresh(m, "t", times(m)), *q = fresh(m, "p", kernel),
          *u = fresh(m, "u", pick(m, 1, 3));
    const Affine *at = affine_offset(m->p, affine_add(m->p, form(m, t), form(m, q)), -(kernel / 2));
    Guard inside = in_time(m, at);
    const Expr *e = row(m, table_of(m, m->token_count, u), row_of(m, token(m, b, at)), u);
    Indices weights = {.indices = {q, u}, .count = 2};
    e = expr_mul(m->p, expr_where(m->p, &inside, 1, e, number(m, 0)), read_at(m, param(m, weights), weights));
    return define(m, "windowed", (Indices){.indices = {b, t}, .count = 2}, REDUCE_SUM, weights, e);
}

// sum[t if t < length[b] and token[b, length[b] - 1 - t] != 1] table[token[b, length[b] - 1 - t], u] / times
static Tensor *reversed(Maker *m) {
    Index *b = batch_index(m), *t = fresh(m, "t", times(m)), *u = fresh(m, "u", pick(m, 1, 20));
    const Affine *at_b = form(m, b);
    int64_t scale = (times(m) - 1) / m->class_count + 1;
    const Affine *length = affine_atom(m->p, expr_read(m->p, m->classes, &at_b, NULL));
    length = affine_scale(m->p, length, scale, 1);
    const Affine *at = affine_sub(m->p, affine_offset(m->p, length, -1), form(m, t));
    const Expr *there = token(m, b, at),
               *condition = expr_binary(m->p, OP_LT, expr_index(m->p, t), expr_affine(m->p, length));
    if (scale * (m->class_count - 1) > times(m)) return shifted(m);
    if (pick(m, 0, 1))
        condition = expr_binary(m->p, OP_AND, condition,
                                expr_unary(m->p, OP_NOT, expr_binary(m->p, OP_EQ, there, expr_int(m->p, 1))));
    const Expr *e = row(m, table_of(m, m->token_count, u), row_of(m, there), u);
    e = expr_mul(m->p, e, number(m, 1 / (double)times(m)));
    return define(m, "reversed", (Indices){.indices = {b, u}, .count = 2}, REDUCE_SUM,
                  (Indices){.indices = {t}, .count = 1}, expr_condition(m->p, condition, e, number(m, 0)));
}

// x[b, token[b, t + shift] - less] where both subscripts stay inside
static Tensor *nested(Maker *m) {
    Tensor *x = some(m);
    if (x->rank != 2) return shifted(m);
    Index *b = batch_index(m), *t = fresh(m, "t", times(m));
    Guard inside[] = {in_time(m, affine_offset(m->p, form(m, t), pick(m, -2, 3))), {NULL, x->dims[1]}};
    const Affine *forms[] = {form(m, b),
                             affine_offset(m->p, row_of(m, token(m, b, inside[0].form)), -pick(m, 0, 3))};
    inside[1].form = forms[1];
    return define(m, "nested", (Indices){.indices = {b, t}, .count = 2}, REDUCE_NONE, NONE,
                  expr_where(m->p, inside, 2, expr_read(m->p, x, forms, NULL), number(m, 0.5)));
}

// sum[d] table[token[b, at], d, u]: nothing but the number of rows bounds it
static Tensor *plain(Maker *m) {
    Index *b = batch_index(m), *d = fresh(m, "d", pick_width(m, 1)), *u = fresh(m, "u", pick(m, 1, 3));
    Indices whole = {.indices = {fresh(m, "v", m->token_count), d, u}, .count = 3};
    const Affine *forms[] = {row_of(m, token(m, b, constant(m, pick(m, 0, times(m) - 1)))), form(m, d),
                             form(m, u)};
    const Expr *e = expr_read(m->p, param(m, whole), forms, NULL);
    return define(m, "plain", (Indices){.indices = {b, u}, .count = 2}, REDUCE_SUM,
                  (Indices){.indices = {d}, .count = 1}, expr_mul(m->p, e, number(m, 1 / (double)d->size)));
}

static Tensor *integers(Maker *m, const char *name, const Index *b, int64_t size, int64_t low, int64_t high) {
    Tensor *t = tensor_over(m, name, TENSOR_TEMP, (Indices){.indices = {b, fresh(m, "i", size)}, .count = 2});
    t->type = TYPE_INT;
    t->bounded = true;
    t->low = low;
    t->high = high;
    return t;
}

// Positions in two pieces, tokens and their mirror images, which are then read beyond their ends.
static Tensor *pieced(Maker *m) {
    int64_t n = times(m), last = m->token_count - 1;
    Index *b = batch_index(m), *i = fresh(m, "i", n), *t = fresh(m, "t", pick(m, 1, 2 * n)),
          *u = fresh(m, "u", pick(m, 1, 3));
    Tensor *at = integers(m, "at", b, 2 * n, 0, last);
    const Affine *first[] = {form(m, b), form(m, i)},
                 *second[] = {form(m, b), affine_offset(m->p, form(m, i), n)};
    const Expr *own = token(m, b, form(m, i));
    equation_add(m->p, m->f, at, first, REDUCE_NONE, NULL, 0, own, NULL);
    equation_add(m->p, m->f, at, second, REDUCE_NONE, NULL, 0,
                 expr_affine(m->p, affine_sub(m->p, constant(m, last), affine_atom(m->p, own))), NULL);
    const Affine *forms[] = {form(m, b), affine_offset(m->p, form(m, t), pick(m, -3, 3))};
    Guard inside = {forms[1], 2 * n};
    const Expr *e =
        row(m, table_of(m, m->token_count, u), affine_atom(m->p, expr_read(m->p, at, forms, NULL)), u);
    return define(m, "pieced", (Indices){.indices = {b, t, u}, .count = 3}, REDUCE_NONE, NONE,
                  expr_where(m->p, &inside, 1, e, number(m, 0)));
}

// table[floor(clamp(token / 2, low, high)) - low, u], shifted: whole numbers of numbers whose least is not 0
static Tensor *whole(Maker *m) {
    Index *b = batch_index(m), *t = fresh(m, "t", times(m)), *u = fresh(m, "u", pick(m, 1, 3));
    int64_t low = pick(m, 1, 3), high = low + pick(m, 0, 4);
    const Affine *at = affine_offset(m->p, form(m, t), pick(m, -2, 2));
    Guard inside = in_time(m, at);
    const Expr *e = expr_mul(m->p, token(m, b, at), number(m, 0.5));
    e = expr_binary(m->p, OP_MIN, expr_binary(m->p, OP_MAX, e, number(m, (double)low)),
                    number(m, (double)high));
    const Affine *place = affine_offset(m->p, affine_atom(m->p, expr_unary(m->p, OP_FLOOR, e)), -low);
    e = row(m, table_of(m, high - low + 1, u), place, u);
    return define(m, "whole", (Indices){.indices = {b, t, u}, .count = 3}, REDUCE_NONE, NONE,
                  expr_where(m->p, &inside, 1, e, number(m, 0.25)));
}

Tensor *random_reads(Maker *m) {
    static Tensor *(*const ways[])(Maker *) = {shifted, windowed, reversed, nested, plain, pieced, whole};
    return ways[pick(m, 0, (int64_t)(sizeof ways / sizeof *ways) - 1)](m);
}
