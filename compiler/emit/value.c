// What an expression is: names, operators, conditions, the conditions in force.
// Guarantees: what is known when compiling is a constant; the side of a condition that is not taken is not
// looked at.
#include "emit/write.h"

#include <math.h>

// ---- conditions in force ----

static const Fact *fact_new(At at, Guard guard, const Expr *condition) {
    const Fact *outer = at.facts;
    int guards = outer ? outer->guards : 0, conditions = outer ? outer->conditions : 0;
    if (!condition && guards == MAX_FACTS) return outer;
    Fact *f = arena_new(at.m->arena, Fact);
    *f = (Fact){guard, condition, outer, guards + !condition, conditions + (condition != NULL)};
    return f;
}

int facts_guards(const Fact *facts, const Guard **guards, Arena *arena) {
    int count = facts ? facts->guards : 0, left = count;
    Guard *all = arena_array(arena, Guard, count + 1);
    for (; facts; facts = facts->outer)
        if (!facts->condition) all[--left] = facts->guard;
    *guards = all;
    return count;
}

// Of a conjunction what is not known to hold: where it does not, that is what does not.
static int guards_left(Program *p, const Guard *known, int known_count, Guard *guards, int count) {
    int left = 0;
    if (!guards_normal(p, guards, &count)) return 0;
    for (int i = 0; i < count; i++)
        if (!guards_imply(p, known, known_count, guards[i])) guards[left++] = guards[i];
    return left;
}

At at_given(At at, const Expr *condition, bool truth) {
    Program *p = at.m->p;
    if (condition->op == OP_NOT) return at_given(at, condition->args[0], !truth);
    if (condition->op == (truth ? OP_AND : OP_OR))
        return at_given(at_given(at, condition->args[0], truth), condition->args[1], truth);
    bool both = condition->op == OP_WHERE && condition->args[1]->op == OP_CONST && !condition->args[1]->value;
    if (truth && both) { // an `and` whose right side needs the left one
        for (int i = 0; i < condition->guard_count; i++) at.facts = fact_new(at, condition->guards[i], NULL);
        return at_given(at, condition->args[0], true);
    }
    if (condition == at.m->training) return at; // whoever trains or not has one side only
    enum { ROOM = 16 };
    Guard guards[ROOM], other;
    int count = 0;
    if (expr_as_guards(p, condition, guards, ROOM, &count)) {
        const Guard *known;
        int known_count = facts_guards(at.facts, &known, at.m->arena);
        if (!truth) count = guards_left(p, known, known_count, guards, count);
        if (!truth && count == 1 && guard_complement(p, known, known_count, guards[0], &other))
            guards[0] = other, truth = true;
        for (int i = 0; truth && i < count; i++) at.facts = fact_new(at, guards[i], NULL);
        if (truth) return at;
    }
    if (!condition->free_count && !condition->read_count) return at;
    at.facts = fact_new(at, (Guard){0}, truth ? condition : expr_unary(p, OP_NOT, condition));
    return at;
}

// ---- names ----

Operand slot_operand(At at, const Slot *slot) {
    Shape v = at.frame->of->slot[slot->number];
    if (v.kind == SHAPE_KNOWN) return operand_known(v);
    if (slot->kind == SLOT_SIZE && v.kind == SHAPE_SCALAR) return operand_scalar(expr_rows(at.m->p));
    Operand held = at.frame->slot[slot->number];
    return held.kind == OPERAND_CHANGING ? held.cell->current : held;
}

static Operand word_operand(At at, const Phrase *p) {
    if (p->builtin && string_equal(p->builtin->name, "training")) {
        const Expr *training = at.m->training;
        if (at.to == at.m->initial) return operand_truth(true);
        if (at.frame->frozen) return operand_truth(false);
        return training->op == OP_CONST ? operand_truth(training->value != 0) : operand_scalar(training);
    }
    at.m->unshared++;
    return run_word_operand(at, p);
}

// A constant of a file, in a text of its own.
static Operand constant_operand(At at, const Phrase *p) {
    Case *c = constant_case(at.m->tree->shaper, p->definition);
    at.frame = frame_outside(at.m, c, NULL, "");
    at.dots = NULL;
    at.indexed = false;
    return operand_of(at, c->define->body);
}

// net.dense_1.w, or a result by its name.
static Operand member_operand(At at, const Phrase *p) {
    if (!p->part[0]) return word_operand(at, p);
    if (at.frame->of->of[p->part[0]->number].kind == SHAPE_NONE) {
        Tensor *t = map_get(at.m->declared, node_text(at.m->arena, p->node));
        const Cell *cell = t ? table_get(&at.to->cells, t) : NULL;
        return cell ? cell->current : t ? operand_tensor(at.m, t) : operand_wrong();
    }
    Operand v = operand_of(at, p->part[0]);
    for (int i = 0; v.kind == OPERAND_TUPLE && i < v.count; i++)
        if (string_equal(v.names[i], p->text)) return v.items[i];
    return operand_wrong();
}

// ---- operators on expressions ----

const Expr *truth_of(Program *p, const Expr *e) {
    return e->type == TYPE_BOOL ? e : expr_unary(p, OP_NOT, expr_binary(p, OP_EQ, e, expr_const(p, 0)));
}

static const Expr *raise(Program *p, const Expr *a, const Expr *b) {
    if (b->op == OP_CONST && b->value == floor(b->value) && fabs(b->value) <= 64)
        return expr_power(p, a, (int)b->value);
    if (b->op == OP_CONST && b->value == 0.5) return expr_unary(p, OP_SQRT, a);
    return expr_binary(p, OP_POW, a, b);
}

// A uniform draw lies in [0, 1): `uniform(0, 1) >= rate` with a rate of 0 is no draw at all.
static const Expr *at_most(Program *p, const Expr *a, const Expr *b) {
    bool always = a->op == OP_CONST && a->value <= 0 && b->op == OP_DRAW && b->draw->kind == DRAW_UNIFORM;
    return always ? expr_binary(p, OP_LE, expr_int(p, 0), expr_int(p, 0)) : expr_binary(p, OP_LE, a, b);
}

static const Expr *quotient_of(Program *p, const Expr *a, const Expr *b) {
    return type_whole(a->type) && type_whole(b->type) ? expr_binary(p, OP_FLOOR_DIV, a, b)
                                                      : expr_unary(p, OP_FLOOR, expr_div(p, a, b));
}

static const Expr *join(Program *p, Operator op, const Expr *a, const Expr *b) {
    switch ((int)op) {
    case OPERATOR_ADD: return expr_add(p, a, b);
    case OPERATOR_SUB: return expr_sub(p, a, b);
    case OPERATOR_MUL: return expr_mul(p, a, b);
    case OPERATOR_DIV: return expr_div(p, a, b);
    case OPERATOR_FLOOR_DIV: return quotient_of(p, a, b);
    case OPERATOR_POWER: return raise(p, a, b);
    case OPERATOR_LESS: return expr_binary(p, OP_LT, a, b);
    case OPERATOR_GREATER: return expr_binary(p, OP_LT, b, a);
    case OPERATOR_LESS_EQ: return at_most(p, a, b);
    case OPERATOR_GREATER_EQ: return at_most(p, b, a);
    case OPERATOR_EQUAL: return expr_binary(p, OP_EQ, a, b);
    case OPERATOR_NOT_EQUAL: return expr_unary(p, OP_NOT, expr_binary(p, OP_EQ, a, b));
    case OPERATOR_AND: return expr_binary(p, OP_AND, truth_of(p, a), truth_of(p, b));
    case OPERATOR_OR: return expr_binary(p, OP_OR, truth_of(p, a), truth_of(p, b));
    default: die("join: operator %d does not join two expressions", (int)op);
    }
}

// ---- values that meet ----

static const Expr *filter_of(const Emitter *m, const Array *a, const Array *over) {
    Binding bindings[MAX_RANK];
    for (int d = 0; d < a->rank; d++)
        bindings[d] = (Binding){a->indices[d], affine_index(m->p, over->indices[d])};
    return expr_substitute(m->p, a->filter, bindings, a->rank);
}

bool operands_unify(At at, const Operand *values, int count, const Expr **es, Array *shape, Span span) {
    const Array *first = NULL;
    bool real = false, beyond_clock = false;
    for (int i = 0; i < count; i++) {
        Operand v = values[i];
        if (v.kind != OPERAND_TENSOR && !operand_is_number(v)) return false;
        real = real || !type_whole(v.type);
        beyond_clock |= v.kind == OPERAND_TENSOR || (v.kind == OPERAND_SCALAR && !operand_is_of_clock(at, v));
        if (v.kind == OPERAND_TENSOR && !first) first = v.array;
    }
    *shape = first ? *first : (Array){.rank = 0};
    for (int i = 0; i < count && first && !shape->filter; i++)
        if (values[i].kind == OPERAND_TENSOR && values[i].array->filter)
            shape->filter = filter_of(at.m, values[i].array, first);
    const Affine *forms[MAX_RANK];
    for (int d = 0; d < shape->rank; d++) forms[d] = affine_index(at.m->p, shape->indices[d]);
    for (int i = 0; i < count; i++) {
        Operand v = beyond_clock ? operand_hoist(at, values[i], span) : values[i];
        if (v.kind == OPERAND_WRONG) return false;
        es[i] = v.kind == OPERAND_TENSOR ? array_element(at.m, v.array, forms) : operand_expr(at.m, v, real);
    }
    return true;
}

Operand operand_wrap(At at, const Array *shape, const Expr *e, Span span) {
    Array a = *shape;
    a.e = e;
    Operand v = operand_array(at.m, &a);
    if (e->depth <= MAX_DEPTH / 2 && !expr_too_large(e)) return v;
    return operand_store(at, v, operand_name(at, v), span);
}

static Operand fold(Operator op, Operand a, Operand b) {
    bool whole = a.integral && b.integral;
    double number = operator_fold(op, a.number, b.number, &whole);
    return operator_gives_truth(op) ? operand_truth(number != 0) : operand_number(number, whole);
}

Operand operand_join(At at, Operator op, Operand a, Operand b, Span span) {
    const Operand both[] = {operand_plain(at, a, span), operand_plain(at, b, span)};
    if (both[0].kind == OPERAND_NUMBER && both[1].kind == OPERAND_NUMBER) return fold(op, both[0], both[1]);
    const Expr *es[2];
    Array shape;
    if (!operands_unify(at, both, 2, es, &shape, span)) return operand_wrong();
    Operand out = operand_wrap(at, &shape, join(at.m->p, op, es[0], es[1]), span);
    if (operator_gives_truth(op)) out.type = TYPE_BOOL;
    return out;
}

static Operand unary_operand(At at, const Phrase *p) {
    Operand v = operand_first(operand_of(at, p->part[0]));
    bool negates = p->op != OPERATOR_NOT;
    if (v.kind == OPERAND_NUMBER)
        return negates ? operand_number(-v.number, v.integral) : operand_truth(v.number == 0);
    const Expr *x;
    Array shape;
    if (!operands_unify(at, &v, 1, &x, &shape, p->span)) return operand_wrong();
    Program *program = at.m->p;
    x = negates ? expr_neg(program, x) : expr_unary(program, OP_NOT, truth_of(program, x));
    return operand_wrap(at, &shape, x, p->span);
}

// ---- conditions ----

// May some read of it leave its tensor under the conditions that are in force here?
static bool may_leave(At at, const Expr *e) {
    for (int i = 0; i < e->read_count; i++)
        for (int d = 0; d < e->reads[i]->tensor->rank; d++)
            if (!(e->reads[i]->tensor->batch_dims >> d & 1) &&
                !form_stays(at, e->reads[i]->forms[d], e->reads[i]->tensor->dims[d]))
                return true;
    return false;
}

// `and`, `or`: the right side is read only where the left one lets it; what needs that is no operation of
// both.
static Operand logic_operand(At at, const Phrase *p) {
    bool is_and = p->op == OPERATOR_AND;
    Operand a = operand_first(operand_of(at, p->part[0]));
    if (a.kind == OPERAND_WRONG) return a;
    if (a.kind == OPERAND_NUMBER && (a.number != 0) != is_and) return operand_truth(!is_and);
    At inside = a.kind == OPERAND_SCALAR ? at_given(at, truth_of(at.m->p, a.e), is_and) : at;
    Operand b = operand_first(operand_of(inside, p->part[1]));
    if (a.kind == OPERAND_NUMBER || b.kind == OPERAND_WRONG) return b;
    if (b.kind == OPERAND_NUMBER) return (b.number != 0) == is_and ? a : operand_truth(!is_and);
    if (a.kind == OPERAND_SCALAR && b.kind == OPERAND_SCALAR && may_leave(at, b.e))
        return is_and ? operand_choose(at, a, b, operand_truth(false), p->span)
                      : operand_choose(at, a, operand_truth(true), b, p->span);
    return operand_join(at, p->op, a, b, p->span);
}

Operand operand_choose(At at, Operand condition, Operand a, Operand b, Span span) {
    Program *p = at.m->p;
    const Operand values[] = {operand_first(a), operand_first(b), condition};
    const Expr *es[3];
    Array shape;
    if (!operands_unify(at, values, 3, es, &shape, span)) return operand_wrong();
    bool whole = type_whole(values[0].type) && type_whole(values[1].type);
    for (int i = 0; whole && i < 2; i++)
        if (values[i].kind == OPERAND_NUMBER) es[i] = operand_expr(at.m, values[i], false);
    return operand_wrap(at, &shape, expr_condition(p, truth_of(p, es[2]), es[0], es[1]), span);
}

static Operand if_operand(At at, const Phrase *p) {
    Operand condition = operand_first(operand_of(at, p->part[1]));
    if (condition.kind == OPERAND_WRONG) return condition;
    if (condition.kind == OPERAND_NUMBER) return operand_of(at, p->part[condition.number != 0 ? 0 : 2]);
    At yes = at, no = at;
    if (condition.kind == OPERAND_SCALAR) {
        const Expr *truth = truth_of(at.m->p, condition.e);
        yes = at_given(at, truth, true);
        no = at_given(at, truth, false);
    }
    Operand a = operand_of(yes, p->part[0]), b = operand_of(no, p->part[2]);
    return operand_choose(at, condition, a, b, p->span);
}

// ---- all kinds ----

static Operand list_operand(At at, const Phrase *p) {
    Operand *items = arena_array(at.m->arena, Operand, p->count + 1);
    for (int i = 0; i < p->count; i++) {
        items[i] = operand_of(at, p->part[i]);
        if (items[i].kind == OPERAND_WRONG) return items[i];
    }
    return (Operand){.kind = OPERAND_LIST, .items = items, .count = p->count};
}

// Of a data block: what reads a column.
static bool is_reader(At at, const Phrase *p) {
    if (!at.to->row) return false;
    if (p->kind == PHRASE_LIST) return at.m->tables;
    if (p->kind == PHRASE_BINARY)
        return p->part[0]->kind == PHRASE_TEXT || (p->part[1] && p->part[1]->kind == PHRASE_TEXT);
    return (p->kind == PHRASE_WORD || p->kind == PHRASE_BUILTIN) && p->builtin &&
           p->builtin->group == GROUP_READER;
}

static Operand operand_of_kind(At at, const Phrase *p) {
    if (is_reader(at, p)) return data_reader(at, p);
    switch ((int)p->kind) {
    case PHRASE_LIST: return list_operand(at, p);
    case PHRASE_SLOT: return operand_forced(at, slot_operand(at, p->slot));
    case PHRASE_DEFINITION: return constant_operand(at, p);
    case PHRASE_WORD: return word_operand(at, p);
    case PHRASE_UNARY: return unary_operand(at, p);
    case PHRASE_BINARY:
        if (p->op == OPERATOR_AND || p->op == OPERATOR_OR) return logic_operand(at, p);
        Operand left = operand_of(at, p->part[0]);
        return operand_join(at, p->op, left, operand_of(at, p->part[1]), p->span);
    case PHRASE_IF: return if_operand(at, p);
    case PHRASE_MEMBER: return member_operand(at, p);
    case PHRASE_READ: return operand_of_read(at, p);
    case PHRASE_REDUCE: return operand_of_reduce(at, p);
    case PHRASE_APPLY: return operand_of_apply(at, p);
    case PHRASE_MAKE: return operand_of_make(at, p);
    case PHRASE_PIPE:
    case PHRASE_REPEAT: return operand_of_pipe(at, p);
    case PHRASE_BUILTIN: return operand_of_builtin(at, p, NULL);
    case PHRASE_DRAW: return operand_of_draw(at, p);
    case PHRASE_GRAD: return operand_of_grad(at, p);
    case PHRASE_NAMED: return operand_of(at, p->part[0]);
    default: die("operand_of: a phrase of kind %d is no value", (int)p->kind);
    }
}

Operand operand_of(At at, const Phrase *p) {
    Emitter *m = at.m;
    if (++m->work > MAX_WORK && !m->stopped) {
        report(at, WORK_LIMIT, p->span, MAX_WORK);
        m->stopped = true;
    }
    if (m->stopped) return operand_wrong();
    m->p->at = p->span;
    Shape v = at.frame->of->of[p->number];
    if (v.kind == SHAPE_KNOWN) return operand_known(v);
    if (v.kind == SHAPE_TEXT) return (Operand){.kind = OPERAND_TEXT, .text = v.text};
    return operand_of_kind(at, p);
}

Operand operand_whole(At at, const Phrase *p) {
    at.dots = NULL;
    at.indexed = false;
    return operand_of(at, p);
}
