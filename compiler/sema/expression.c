// What an expression means: names, numbers known when compiling, operators, conditions.
// Guarantees: what can be decided when compiling is; the side of a condition that is not taken is not looked
// at.
#include <math.h>

#include "sema/values.h"

// ---- names ----

static bool in_training(const Elaborator *el, const Env *env) {
    if (!el->training) return false;
    const char *path = env->place;
    for (int i = 0; i < el->frozen_count; i++) {
        const char *frozen = el->frozen[i];
        size_t k = 0;
        while (frozen[k] && frozen[k] == path[k]) k++;
        if (!frozen[k] && (!path[k] || path[k] == '.' || path[k] == '[')) return false;
    }
    return true;
}

const Node *definition_of(Elaborator *el, const Env *env, const char *name) {
    return library_find(el->session->library, env->from, name);
}

static SemaValue eval_constant(Elaborator *el, const Node *constant) {
    const SemaValue *known = table_get(&el->tables->constants, constant);
    if (known) return *known;
    SemaValue v = value_of(el, env_create(el, constant->span, ""), constant->value);
    v.span = constant->name_span;
    if (v.kind == SEMA_NUMBER || v.kind == SEMA_ERROR) {
        SemaValue *kept = arena_new(el->session->arena, SemaValue);
        *kept = v;
        table_set(el->session->arena, &el->tables->constants, constant, kept);
    }
    return v;
}

static SemaValue eval_definition(Elaborator *el, Env *env, const Node *e, const Node *define) {
    if (define->kind == AST_CONSTANT) return eval_constant(el, define);
    if (is_layer_definition(define)) return layer_make(el, env, e, define, (Arguments){0});
    return value_callable(el, (Callable){.define = define}, SEMA_FUNCTION);
}

static SemaValue value_of_name(Elaborator *el, Env *env, const Node *e, Name *n) {
    if (n->index) return value_scalar(expr_index(el->session->program, n->index));
    SemaValue v = n->slot ? n->slot->current : n->value;
    if (v.kind == SEMA_CLOSURE) return force_closure(el, v);
    shaped(v.kind != SEMA_ABSENT);
    if (el->totals && !el->tables->subscript && v.kind == SEMA_SCALAR && v.e->op == OP_ROWS)
        return value_scalar(rows_expr(el, env, e->span));
    return v;
}

static SemaValue eval_name(Elaborator *el, Env *env, const Node *e) {
    Name *n = env_name(env, e->name);
    if (n) return value_of_name(el, env, e, n);
    const Node *define = definition_of(el, env, e->name);
    if (define) return eval_definition(el, env, e, define);
    SemaValue *word = map_get(el->words, e->name);
    if (word) return *word;
    if (string_equal(e->name, "inf")) return value_number((double)INFINITY, false);
    if (string_equal(e->name, "nan")) return value_number((double)NAN, false);
    if (string_equal(e->name, "pi")) return value_number(3.14159265358979323846, false);
    if (string_equal(e->name, "training")) return value_bool(in_training(el, env));
    const Builtin *row = builtin_find(e->name, 1u << GROUP_SCALAR | 1u << GROUP_REDUCTION);
    if (row) return value_callable(el, (Callable){.builtin = row}, SEMA_FUNCTION);
    return fail_value(el, env, UNKNOWN_NAME, e->span, e->name); // a number that no name of its block reaches
}

// `risk.dense_1.w` as one text, or NULL if it is not made of names alone.
static const char *dotted(Arena *arena, const Node *e) {
    if (e->kind == AST_NAME) return e->name;
    if (e->kind != AST_MEMBER) return NULL;
    const char *base = dotted(arena, e->base);
    return base ? string_format(arena, "%s.%s", base, e->name) : NULL;
}

static SemaValue eval_member(Elaborator *el, Env *env, const Node *e) {
    if (e->base->kind == AST_NAME && !env_name(env, e->base->name) &&
        library_named(el->session->library, e->span, e->base->name)) {
        const Node *define = library_member(el->session->library, e->span, e->base->name, e->name);
        if (define) return eval_definition(el, env, e, define);
    }
    const char *path = dotted(el->session->arena, e);
    Known *known = path ? map_get(el->session->tables->tensors, path) : NULL;
    if (known) {
        Cell *slot = map_get(el->tables->slots, path);
        return slot ? slot->current : value_tensor(el->session, known->tensor);
    }
    SemaValue v = value_of(el, env, e->base);
    if (v.kind == SEMA_ERROR) return v;
    for (int i = 0; v.kind == SEMA_TUPLE && i < v.count; i++)
        if (string_equal(v.names[i], e->name)) return v.items[i];
    die("elaboration: no member `%s`", e->name);
}

// ---- numbers known when compiling ----

static SemaValue fold(Operator op, SemaValue a, SemaValue b) {
    bool whole = a.integral && b.integral;
    double number = operator_fold(op, a.number, b.number, &whole);
    return operator_gives_truth(op) ? value_bool(number != 0) : value_number(number, whole);
}

// ---- numbers known at run time ----

const Expr *expr_truth(Program *p, const Expr *e) {
    return e->type == TYPE_BOOL ? e : expr_unary(p, OP_NOT, expr_binary(p, OP_EQ, e, expr_const(p, 0)));
}

static const Expr *raise(Program *p, const Expr *a, const Expr *b) {
    if (b->op == OP_CONST && b->value == floor(b->value) && fabs(b->value) <= 64)
        return expr_power(p, a, (int)b->value);
    if (b->op == OP_CONST && b->value == 0.5) return expr_unary(p, OP_SQRT, a);
    return expr_binary(p, OP_POW, a, b);
}

// A uniform draw lies in [0, 1): `uniform(0, 1) >= rate` with a rate of 0 is no draw at all.
static bool is_always_above(const Expr *low, const Expr *draw) {
    return low->op == OP_CONST && low->value <= 0 && draw->op == OP_DRAW && draw->draw->kind == DRAW_UNIFORM;
}

static const Expr *at_most(Program *p, const Expr *a, const Expr *b) {
    return is_always_above(a, b) ? expr_binary(p, OP_LE, expr_int(p, 0), expr_int(p, 0))
                                 : expr_binary(p, OP_LE, a, b);
}

static bool both_whole(const Expr *a, const Expr *b) {
    return type_is_whole(a->type) && type_is_whole(b->type);
}

static const Expr *join(Program *p, Operator op, const Expr *a, const Expr *b) {
    switch ((int)op) {
    case OPERATOR_ADD: return expr_add(p, a, b);
    case OPERATOR_SUB: return expr_sub(p, a, b);
    case OPERATOR_MUL: return expr_mul(p, a, b);
    case OPERATOR_DIV: return expr_div(p, a, b);
    case OPERATOR_FLOOR_DIV:
        return both_whole(a, b) ? expr_binary(p, OP_FLOOR_DIV, a, b)
                                : expr_unary(p, OP_FLOOR, expr_div(p, a, b));
    case OPERATOR_POWER: return raise(p, a, b);
    case OPERATOR_LESS: return expr_binary(p, OP_LT, a, b);
    case OPERATOR_GREATER: return expr_binary(p, OP_LT, b, a);
    case OPERATOR_LESS_EQ: return at_most(p, a, b);
    case OPERATOR_GREATER_EQ: return at_most(p, b, a);
    case OPERATOR_EQUAL: return expr_binary(p, OP_EQ, a, b);
    case OPERATOR_NOT_EQUAL: return expr_unary(p, OP_NOT, expr_binary(p, OP_EQ, a, b));
    case OPERATOR_AND: return expr_binary(p, OP_AND, expr_truth(p, a), expr_truth(p, b));
    case OPERATOR_OR: return expr_binary(p, OP_OR, expr_truth(p, a), expr_truth(p, b));
    default: die("join: operator %d does not join two expressions", (int)op);
    }
}

static bool is_value_of_numbers(SemaValue v) {
    return v.kind == SEMA_NUMBER || v.kind == SEMA_SCALAR || v.kind == SEMA_TENSOR;
}

bool values_unify(Elaborator *el, const Env *env, const SemaValue *values, int count, const Expr **es,
                  Array *shape, Span span) {
    *shape = (Array){.rank = 0};
    const Array *first = NULL;
    bool real = false, beyond_clock = false;
    for (int i = 0; i < count; i++) {
        SemaValue v = values[i];
        if (v.kind == SEMA_ERROR) return false;
        shaped(is_value_of_numbers(v));
        real = real || !type_is_whole(v.type);
        beyond_clock =
            beyond_clock || v.kind == SEMA_TENSOR || (v.kind == SEMA_SCALAR && !value_is_of_clock(el, v));
        if (v.kind == SEMA_TENSOR && !first) first = v.array;
    }
    if (first) *shape = *first;
    for (int i = 0; i < count && first && !shape->filter; i++) {
        const Array *a = values[i].kind == SEMA_TENSOR ? values[i].array : NULL;
        if (!a || !a->filter) continue;
        Binding bindings[MAX_RANK];
        for (int d = 0; d < a->rank; d++)
            bindings[d] = (Binding){a->indices[d], affine_index(el->session->program, first->indices[d])};
        shape->filter = expr_substitute(el->session->program, a->filter, bindings, a->rank);
    }
    for (int i = 0; i < count; i++) {
        SemaValue v = beyond_clock ? value_hoist(el, env, values[i], span) : values[i];
        if (v.kind == SEMA_ERROR) return false;
        const Affine *forms[MAX_RANK];
        for (int d = 0; d < shape->rank; d++)
            forms[d] = affine_index(el->session->program, shape->indices[d]);
        es[i] = v.kind == SEMA_TENSOR ? array_at(el, v.array, forms) : value_expr(el, v, real);
    }
    return true;
}

SemaValue value_wrap(Elaborator *el, const Env *env, const Array *shape, const Expr *e, Span span) {
    Array a = *shape;
    a.e = e;
    SemaValue v = shape->rank ? value_array(el->session, &a) : value_scalar(e);
    if (e->depth <= MAX_DEPTH / 2 && !expr_too_large(e)) return v;
    return value_store(el, env, v, value_name(el, env, v), span);
}

static bool is_quotient(Operator op) { return op == OPERATOR_DIV || op == OPERATOR_FLOOR_DIV; }

// A number times or by a quantity keeps the unit, a quotient of like ones has none.
static void join_units(Operator op, SemaValue a, SemaValue b, SemaValue *out) {
    out->dimension = DIMENSION_NUMBER;
    if (operator_gives_truth(op) || op == OPERATOR_POWER) return;
    if (!is_quotient(op))
        out->dimension = a.dimension != DIMENSION_NUMBER ? a.dimension : b.dimension;
    else if (b.dimension == DIMENSION_NUMBER)
        out->dimension = a.dimension;
}

SemaValue value_join(Elaborator *el, const Env *env, Operator op, SemaValue a, SemaValue b, Span span) {
    a = value_plain(el, env, a, span);
    b = value_plain(el, env, b, span);
    if (a.kind == SEMA_ERROR || b.kind == SEMA_ERROR) return value_error();
    SemaValue out;
    if (a.kind == SEMA_NUMBER && b.kind == SEMA_NUMBER) {
        out = fold(op, a, b);
    } else {
        const SemaValue both[] = {a, b};
        const Expr *es[2];
        Array shape;
        if (!values_unify(el, env, both, 2, es, &shape, span)) return value_error();
        out = value_wrap(el, env, &shape, join(el->session->program, op, es[0], es[1]), span);
    }
    if (operator_gives_truth(op)) out.type = TYPE_BOOL;
    join_units(op, a, b, &out);
    out.span = span;
    return out;
}

static SemaValue eval_unary(Elaborator *el, Env *env, const Node *e) {
    SemaValue v = value_first(value_of(el, env, e->value));
    if (v.kind == SEMA_ERROR) return v;
    SemaValue out;
    if (v.kind == SEMA_NUMBER) {
        out = e->op == OPERATOR_NOT ? value_bool(v.number == 0) : value_number(-v.number, v.integral);
    } else {
        const Expr *x;
        Array shape;
        if (!values_unify(el, env, &v, 1, &x, &shape, e->span)) return value_error();
        Program *p = el->session->program;
        out = value_wrap(el, env, &shape,
                         e->op == OPERATOR_NOT ? expr_unary(p, OP_NOT, expr_truth(p, x)) : expr_neg(p, x),
                         e->span);
    }
    out.dimension = v.dimension;
    out.span = e->span;
    return out;
}

// ---- conditions ----

// `and`, `or`: the right side is read only where the left one lets it.
static SemaValue eval_logic(Elaborator *el, Env *env, const Node *e) {
    bool is_and = e->op == OPERATOR_AND;
    SemaValue a = value_first(value_of(el, env, e->left));
    if (a.kind == SEMA_ERROR) return a;
    if (a.kind == SEMA_NUMBER && (a.number != 0) != is_and) return value_bool(!is_and);
    FactMark mark = facts_mark(el);
    if (a.kind == SEMA_SCALAR) facts_assume(el, expr_truth(el->session->program, a.e), is_and);
    SemaValue b = value_first(value_of(el, env, e->right));
    facts_reset(el, mark);
    if (b.kind == SEMA_ERROR) return b;
    if (a.kind == SEMA_NUMBER) return b;
    if (b.kind == SEMA_NUMBER) return (b.number != 0) == is_and ? a : value_bool(!is_and);
    return value_join(el, env, e->op, a, b, e->span);
}

int condition_of(Elaborator *el, Env *env, const Node *e, SemaValue *condition) {
    SemaValue c = value_first(value_of(el, env, e));
    *condition = c;
    if (c.kind == SEMA_NUMBER) return c.number != 0;
    return -1;
}

SemaValue value_choose(Elaborator *el, const Env *env, SemaValue condition, SemaValue a, SemaValue b,
                       Span span) {
    Program *p = el->session->program;
    a = value_first(a);
    b = value_first(b);
    if (a.kind == SEMA_ERROR || b.kind == SEMA_ERROR) return value_error();
    const SemaValue values[] = {a, b, condition};
    const Expr *es[3];
    Array shape;
    bool whole = type_is_whole(a.type) && type_is_whole(b.type);
    if (!values_unify(el, env, values, 3, es, &shape, span)) return value_error();
    if (whole) {
        if (a.kind == SEMA_NUMBER) es[0] = value_expr(el, a, false);
        if (b.kind == SEMA_NUMBER) es[1] = value_expr(el, b, false);
    }
    SemaValue out = value_wrap(el, env, &shape, expr_condition(p, expr_truth(p, es[2]), es[0], es[1]), span);
    out.dimension = a.dimension != DIMENSION_NUMBER ? a.dimension : b.dimension;
    out.span = span;
    return out;
}

static SemaValue eval_if(Elaborator *el, Env *env, const Node *e) {
    SemaValue condition;
    int known = condition_of(el, env, e->condition, &condition);
    if (condition.kind == SEMA_ERROR) return condition;
    if (known >= 0) return value_of(el, env, known ? e->value : e->otherwise);
    const Expr *truth = condition.kind == SEMA_SCALAR ? expr_truth(el->session->program, condition.e) : NULL;
    FactMark mark = facts_mark(el);
    if (truth) facts_assume(el, truth, true);
    SemaValue a = value_of(el, env, e->value);
    facts_reset(el, mark);
    if (truth) facts_assume(el, truth, false);
    SemaValue b = value_of(el, env, e->otherwise);
    facts_reset(el, mark);
    return value_choose(el, env, condition, a, b, e->span);
}

// ---- all kinds ----

static SemaValue eval_list(Elaborator *el, Env *env, const Node *e) {
    SemaValue *items = arena_array(el->session->arena, SemaValue, e->count + 1);
    for (int i = 0; i < e->count; i++) {
        items[i] = value_of(el, env, argument_node(e->items[i]));
        if (items[i].kind == SEMA_ERROR) return items[i];
    }
    return (SemaValue){.kind = SEMA_LIST, .items = items, .count = e->count};
}

static SemaValue eval_kind(Elaborator *el, Env *env, const Node *e) {
    SemaValue v;
    switch ((int)e->kind) {
    case AST_NUMBER:
        v = value_number(e->number, e->integral);
        v.dimension = unit_dimension(e->unit);
        return v;
    case AST_TEXT: return value_text(e->name);
    case AST_BOOL: return value_bool(e->number != 0);
    case AST_NAME: return eval_name(el, env, e);
    case AST_MEMBER: return eval_member(el, env, e);
    case AST_CALL: return value_of_call(el, env, e);
    case AST_INDEX: return value_of_index(el, env, e);
    case AST_REDUCE: return value_of_reduction(el, env, e);
    case AST_UNARY: return eval_unary(el, env, e);
    case AST_BINARY:
        if (e->op == OPERATOR_AND || e->op == OPERATOR_OR) return eval_logic(el, env, e);
        v = value_of(el, env, e->left);
        return value_join(el, env, e->op, v, value_of(el, env, e->right), e->span);
    case AST_PIPE:
    case AST_REPEAT: return value_of_pipe(el, env, e);
    case AST_IF: return eval_if(el, env, e);
    case AST_LIST: return eval_list(el, env, e);
    default: break;
    }
    die("elaboration: %s is no expression", node_kind_word(e->kind));
}

static void show(const Witness *witness, const Node *e, SemaValue v) {
    v = value_first(v);
    Found found = {
        .node = e, .known = v.kind == SEMA_NUMBER, .tensor = v.kind == SEMA_TENSOR, .type = v.type};
    if (!found.known && !found.tensor && v.kind != SEMA_SCALAR) return;
    if (v.kind == SEMA_SCALAR) found.type = (Type)v.e->type;
    found.number = v.number;
    for (; found.tensor && found.rank < v.array->rank; found.rank++) {
        found.dims[found.rank] = v.array->dims[found.rank].size;
        if (v.array->dims[found.rank].batch) found.batch_dims |= (uint8_t)(1u << found.rank);
    }
    witness->value(witness->data, &found);
}

SemaValue value_of(Elaborator *el, Env *env, const Node *e) {
    if (++el->session->tables->work > MAX_WORK && !el->session->tables->stopped) {
        fail(el, env, WORK_LIMIT, e->span, MAX_WORK);
        el->session->tables->stopped = true;
    }
    if (el->session->tables->stopped) return value_error();
    el->session->program->at = e->span;
    SemaValue v = eval_kind(el, env, e);
    if (v.kind != SEMA_ERROR && v.kind != SEMA_ABSENT) v.span = e->span;
    if (el->session->witness) show(el->session->witness, e, v);
    return v;
}

// ---- the interface ----

SemaValue elaborate_expression(Elaborator *el, Env *env, const Node *e) { return value_of(el, env, e); }

bool elaborate_number(Elaborator *el, Env *env, const Node *e, const char *what, double *number,
                      Dimension *dimension) {
    SemaValue v = value_first(value_of(el, env, e));
    if (v.kind == SEMA_ERROR) return false;
    if (v.kind != SEMA_NUMBER)
        return fail_false(el, env, NUMBER_WANTED, e->span, what,
                          v.kind == SEMA_SCALAR ? "known at run time only"
                                                : value_shape_text(el->session, v));
    *number = v.number;
    if (dimension) *dimension = v.dimension;
    return true;
}

bool elaborate_count(Elaborator *el, Env *env, const Node *e, const char *what, Dimension unit,
                     int64_t *integer) {
    double number;
    Dimension dimension;
    if (!elaborate_number(el, env, e, what, &number, &dimension)) return false;
    if (dimension != DIMENSION_NUMBER && dimension != unit)
        return fail_false(el, env, UNIT_UNWANTED, e->span, what);
    if (number != floor(number) || fabs(number) >= 9e15)
        return fail_false(el, env, WHOLE_WANTED, e->span, what, number_text(el->session->arena, number));
    *integer = (int64_t)number;
    return true;
}

bool elaborate_integer(Elaborator *el, Env *env, const Node *e, const char *what, int64_t *integer) {
    return elaborate_count(el, env, e, what, DIMENSION_NUMBER, integer);
}

Tensor *value_as_tensor(Elaborator *el, SemaValue v, const char *name, TensorKind kind, int type, Span span) {
    v = value_plain(el, NULL, v, span);
    if (v.kind == SEMA_ERROR) return NULL;
    if (!is_value_of_numbers(v)) {
        fail(el, NULL, NOT_A_NUMBER, span, value_shape_text(el->session, v));
        return NULL;
    }
    Array scalar = {.rank = 0};
    if (v.kind != SEMA_TENSOR) scalar.e = value_expr(el, v, v.type == TYPE_REAL);
    return tensor_emit(el, env_create(el, span, ""), name, kind, type,
                       v.kind == SEMA_TENSOR ? v.array : &scalar, span);
}
