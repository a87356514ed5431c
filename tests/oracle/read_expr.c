// Expressions of the intermediate form's text, through the builders: what is read is canonical again.

#include "oracle/read.h"

#include <math.h>

enum { MOST_DEPTH = 1000, MOST_GUARDS = 64 };

static const Expr *nothing(Reader *r) { return expr_int(r->p, 0); }

static const Affine *form_of(Reader *r, const Expr *e) {
    bool whole = e->op == OP_CONST && e->value == floor(e->value) && fabs(e->value) < 9e15;
    if (!whole && !expr_is_integer(e)) {
        reader_fail(r, "an integer is expected before this");
        return affine_constant(r->p, 0);
    }
    return affine_atom(r->p, e);
}

// ---- what stands alone ----

static const Expr *read_number(Reader *r, bool negative) {
    bool integer = r->word.kind == WORD_NUMBER && r->word.integer;
    double value = reader_number(r);
    value = negative ? -value : value;
    return integer ? expr_int(r->p, (int64_t)value) : expr_const(r->p, value);
}

static const Expr *read_tensor_read(Reader *r) {
    Tensor *t = reader_tensor(r);
    const Affine *forms[MAX_RANK] = {0};
    int count = 0;
    reader_expect(r, "[");
    while (!r->failed && !reader_is(r, "]") && count < MAX_RANK) {
        forms[count++] = read_form(r);
        if (!reader_take(r, ",")) break;
    }
    if (t && count != t->rank) reader_fail(r, "%s has %d dimensions", t->name, t->rank);
    reader_expect(r, "]");
    return r->failed ? nothing(r) : expr_read(r->p, t, forms, NULL);
}

static const Expr *read_draw(Reader *r, DrawKind kind) {
    Draw draw = {.kind = kind, .place = (uint32_t)reader_integer(r)};
    reader_expect(r, ",");
    if (kind == DRAW_BITS) {
        draw.limit = reader_integer(r);
        reader_expect(r, ",");
    }
    if (reader_take(r, "initial")) {
        draw.initial = true;
        reader_expect(r, ",");
    }
    draw.element = read_form(r);
    reader_expect(r, ")");
    return expr_draw(r->p, draw);
}

static bool find_operation(const char *word, Op *op) {
    for (int i = OP_PRODUCT + 1; i < OP_COUNT; i++) {
        const OpInfo *info = op_info((Op)i);
        *op = (Op)i;
        if (string_equal(word, i == OP_DIV ? "div" : i == OP_POW ? "pow" : info->spelling)) return true;
    }
    return false;
}

static const Expr *read_call(Reader *r, const char *word) {
    static const char *const DRAWS[] = {"draw_uniform", "draw_normal", "draw_bits"};
    Op op;
    for (int i = 0; i < 3; i++)
        if (string_equal(word, DRAWS[i])) return read_draw(r, (DrawKind)i);
    if (!find_operation(word, &op)) {
        reader_fail(r, "no operation is called `%s`", word);
        return nothing(r);
    }
    const Expr *args[3];
    int count = 0;
    do args[count++] = read_expr(r);
    while (!r->failed && count < 3 && reader_take(r, ","));
    reader_expect(r, ")");
    if (!r->failed && count != op_info(op)->arity)
        reader_fail(r, "`%s` takes %d arguments", word, op_info(op)->arity);
    return r->failed ? nothing(r) : expr_op(r->p, op, args, count);
}

static const Expr *read_named(Reader *r) {
    Word word = r->word;
    if (!word.quoted && (reader_is(r, "inf") || reader_is(r, "nan"))) return read_number(r, false);
    reader_next(r);
    if (reader_is(r, "[")) {
        reader_seek(r, word.start);
        return read_tensor_read(r);
    }
    if (reader_take(r, "(")) return read_call(r, word.text);
    if (string_equal(word.text, "rows")) return expr_rows(r->p);
    for (int i = 0; i < r->indices.count; i++)
        if (string_equal(r->indices.data[i]->name, word.text)) return expr_index(r->p, r->indices.data[i]);
    reader_seek(r, word.start);
    reader_fail(r, "`%s` is no index of this equation", word.text);
    return nothing(r);
}

// ( e ), or ( a op b ) with an operation between
static const Expr *read_enclosed(Reader *r) {
    const Expr *a = read_expr(r);
    if (!reader_is(r, ")") && (r->word.kind == WORD_SIGN || r->word.kind == WORD_NAME)) {
        Op op;
        if (!find_operation(r->word.text, &op) || op_info(op)->arity != 2)
            reader_fail(r, "`)` is expected here");
        reader_next(r);
        const Expr *b = read_expr(r);
        if (!r->failed) a = expr_binary(r->p, op, a, b);
    }
    reader_expect(r, ")");
    return a;
}

static const Expr *read_primary(Reader *r) {
    if (r->word.kind == WORD_NUMBER) return read_number(r, false);
    if (r->word.kind == WORD_NAME) return read_named(r);
    if (r->word.kind == WORD_SHARED) {
        int k = (int)r->word.value;
        if (k < 1 || k > r->shared.count) reader_fail(r, "%%%d is not defined", k);
        reader_next(r);
        return r->failed ? nothing(r) : r->shared.data[k - 1];
    }
    if (reader_take(r, "(")) return read_enclosed(r);
    if (reader_take(r, "{")) {
        const Affine *form = form_of(r, read_expr(r));
        reader_expect(r, "}");
        reader_expect(r, "/");
        int64_t d = reader_integer(r);
        if (d < 1) reader_fail(r, "a denominator is at least 1");
        return r->failed ? nothing(r) : expr_affine(r->p, affine_scale(r->p, form, 1, d));
    }
    reader_fail(r, "an expression is expected here");
    return nothing(r);
}

// ---- products, sums, choices ----

static const Expr *read_product(Reader *r, bool negative) {
    VEC(const Expr *) args = {0};
    VEC(int) exponents = {0};
    Arena *arena = r->p->arena;
    if (negative && r->word.kind == WORD_NUMBER) { // -2 is a number, -2 * x a factor
        vec_push(arena, &args, read_number(r, true));
        vec_push(arena, &exponents, 1);
        negative = false;
    }
    bool divides = false, more = args.count == 0;
    while (!r->failed) {
        if (!more) {
            divides = reader_is(r, "/");
            if (!reader_take(r, "*") && !reader_take(r, "/")) break;
        }
        more = false;
        const Expr *e = read_primary(r);
        int k = reader_take(r, "^") ? (int)reader_integer(r) : 1;
        vec_push(arena, &args, e);
        vec_push(arena, &exponents, divides ? -k : k);
    }
    if (args.count == 1 && exponents.data[0] == 1 && !negative) return args.data[0];
    return r->failed ? nothing(r)
                     : expr_product(r->p, negative ? -1 : 1, exponents.data, args.data, args.count);
}

static const Expr *read_sum(Reader *r) {
    VEC(const Expr *) args = {0};
    VEC(double) coefs = {0};
    Arena *arena = r->p->arena;
    vec_push(arena, &args, read_product(r, reader_take(r, "-")));
    vec_push(arena, &coefs, 1);
    while (!r->failed && (reader_is(r, "+") || reader_is(r, "-"))) {
        bool minus = reader_is(r, "-");
        reader_next(r);
        const Expr *term = read_product(r, false);
        vec_push(arena, &args, term);
        vec_push(arena, &coefs, minus ? -1 : 1);
    }
    if (args.count == 1) return args.data[0];
    return r->failed ? nothing(r) : expr_sum(r->p, 0, coefs.data, args.data, args.count);
}

const Affine *read_form(Reader *r) { return form_of(r, read_sum(r)); }

static Guard read_guard(Reader *r) {
    const Affine *form = read_form(r);
    if (reader_take(r, "==")) return (Guard){affine_offset(r->p, form, -reader_integer(r)), 1};
    reader_expect(r, "in");
    int64_t low = reader_integer(r);
    reader_expect(r, "..");
    int64_t high = reader_integer(r);
    return (Guard){affine_offset(r->p, form, -low), high - low + 1};
}

const Expr *read_expr(Reader *r) {
    if (++r->depth > MOST_DEPTH) reader_fail(r, "the expression is nested too deeply");
    const Expr *a = read_sum(r);
    if (reader_take(r, "if")) {
        Guard guards[MOST_GUARDS];
        int count = 0;
        do guards[count++] = read_guard(r);
        while (!r->failed && count < MOST_GUARDS && reader_take(r, "and"));
        reader_expect(r, "else");
        const Expr *b = read_expr(r);
        if (!r->failed) a = expr_where(r->p, guards, count, a, b);
    }
    r->depth--;
    return a;
}
