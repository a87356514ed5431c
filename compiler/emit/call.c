// Calls as they are written: which argument is whose, the language's own functions, callables, pipes.
// Guarantees: arguments are written in the order of the text.
#include "emit/write.h"

#include <math.h>
#include <string.h>

// ---- the language's own functions ----

static Op op_named(const char *name) {
    for (int op = OP_PRODUCT + 1; op < OP_COUNT; op++)
        if (op_info((Op)op) && string_equal(op_info((Op)op)->spelling, name)) return (Op)op;
    die("the operation `%s` of builtins.def is not in ops.def", name);
}

static Operand fold(Op op, const Operand *values, int count) {
    double args[3] = {0, 0, 0};
    bool whole = true;
    for (int i = 0; i < count; i++) {
        args[i] = values[i].number;
        whole = whole && values[i].integral;
    }
    double y = op == OP_STOP_GRADIENT ? args[0] : op_info(op)->evaluate(args);
    bool keeps = op == OP_FLOOR || (whole && (op == OP_MAX || op == OP_MIN || op == OP_MOD || op == OP_ABS ||
                                              op == OP_SIGN || op == OP_STOP_GRADIENT));
    return operand_number(y, keeps && y == floor(y) && fabs(y) < 9e15);
}

// x / y, and 0 with slope 0 where y is 0: what a quotient over nothing is (rule 4).
static Operand ratio_of(At at, Operand x, Operand y, Span span) {
    const Operand zero = operand_number(0, true);
    if (operand_is(y, 0)) return zero;
    Operand quotient = operand_join(at, OPERATOR_DIV, x, y, span);
    if (quotient.kind == OPERAND_WRONG || y.kind == OPERAND_NUMBER) return quotient;
    return operand_choose(at, operand_join(at, OPERATOR_EQUAL, y, zero, span), zero, quotient, span);
}

Operand row_apply(At at, const Builtin *row, const Operand *given, int count, Span span) {
    Operand values[3];
    bool known = true;
    for (int i = 0; i < count; i++) {
        values[i] = operand_plain(at, given[i], span);
        known = known && values[i].kind == OPERAND_NUMBER;
    }
    if (row->group == GROUP_MEASURE) {
        at.m->unshared++;
        return data_measure(at, row, values[0], span);
    }
    if (string_equal(row->name, "ratio")) return ratio_of(at, values[0], values[1], span);
    Op op = op_named(row->name);
    if (known) return fold(op, values, count);
    const Expr *es[3];
    Array shape;
    if (!operands_unify(at, values, count, es, &shape, span)) return operand_wrong();
    Operand out = operand_wrap(at, &shape, expr_op(at.m->p, op, es, count), span);
    out.giver = row->name;
    return out;
}

// size(..), size(x).
static Operand size_operand(At at, const Phrase *p, const Operand *first) {
    const Frame *frame = at.frame;
    if (first || p->part[0]->kind != PHRASE_DOTS)
        return operand_count(at, first ? *first : operand_whole(at, p->part[0]), p->span);
    Array a = {.rank = frame->of->dot_count, .e = expr_const(at.m->p, 0), .filter = frame->filter};
    for (int d = 0; d < a.rank; d++) {
        a.dims[d] = frame->of->dots[d];
        a.indices[d] = frame->filter ? frame->filter_indices[d] : index_over(at.m, "i", a.dims[d]);
    }
    return operand_count(at, operand_array(at.m, &a), p->span);
}

Operand operand_of_builtin(At at, const Phrase *p, const Operand *first) {
    const Builtin *row = p->builtin;
    if (!p->count && !first) return operand_callable(at.m, (Bound){.kind = CLOSURE_BUILTIN, .builtin = row});
    if (row->group == GROUP_RULE) {
        at.m->unshared++;
        return run_total(at, p);
    }
    if (string_equal(row->name, "size")) return size_operand(at, p, first);
    if (string_equal(row->name, "restore"))
        return operand_of_restore(at, p, first ? *first : operand_of(at, p->part[0]));
    bool measure = row->group == GROUP_MEASURE;
    bool whole = row->group == GROUP_TENSOR || (row->group == GROUP_REDUCTION && p->count <= 1) || measure;
    Operand x = !whole ? operand_wrong() : first ? *first : operand_whole(at, p->part[0]);
    if (string_equal(row->name, "reshape")) return operand_of_reshape(at, p, x);
    if (string_equal(row->name, "order")) return operand_of_order(at, x, p->span);
    if (whole) return measure ? row_apply(at, row, &x, 1, p->span) : reduce_whole(at, row, x, p->span);
    Operand values[3];
    int count = 0;
    for (int i = 0; i < p->count; i++) {
        if (!i && first)
            values[count++] = *first;
        else if (p->part[i])
            values[count++] = operand_of(at, p->part[i]);
    }
    return row_apply(at, row, values, count, p->span);
}

// ---- draws ----

// The number of a call in its definition; of the run's text, which is written once, in the order in which it
// is written.
uint64_t call_ordinal(At at, const Phrase *call) {
    if (at.frame->of->define->node->kind == AST_DEFINE) return call->ordinal;
    if (call->node->kind != AST_CALL) return 0;
    uintptr_t known = (uintptr_t)table_get(&at.to->outside, call);
    if (known) return known;
    known = (uintptr_t)(at.to->outside.count + 1);
    table_set(at.m->arena, &at.to->outside, call, (void *)known);
    return known;
}

static uint32_t draw_place(At at, const Phrase *p) {
    Initial *initial = at.initial;
    at.m->unshared++;
    if (initial)
        return (uint32_t)hash_mix(hash_bytes(initial->name, strlen(initial->name), 1),
                                  (uint64_t)initial->drawn++);
    const char *path = path_in(at.m, at.frame, "");
    uint64_t chain = hash_mix(at.frame->draws, call_ordinal(at, p));
    return (uint32_t)hash_mix(hash_bytes(path, strlen(path), 2), chain);
}

Operand operand_of_draw(At at, const Phrase *p) {
    Program *program = at.m->p;
    Operand v[2];
    for (int i = 0; i < 2; i++) v[i] = operand_first(operand_of(at, p->part[i]));
    Draw draw = {.place = draw_place(at, p), .initial = at.initial != NULL};
    draw.element = at.element ? at.element : affine_index(program, at.m->element);
    if (string_equal(p->builtin->name, "integer")) {
        draw.kind = DRAW_BITS;
        draw.limit = (int64_t)(v[1].number - v[0].number) + 1;
        return operand_scalar(
            expr_add(program, expr_draw(program, draw), expr_int(program, (int64_t)v[0].number)));
    }
    draw.kind = string_equal(p->builtin->name, "normal") ? DRAW_NORMAL : DRAW_UNIFORM;
    Operand number = operand_scalar(expr_draw(program, draw));
    Operand width = draw.kind == DRAW_NORMAL ? v[1] : operand_join(at, OPERATOR_SUB, v[1], v[0], p->span);
    return operand_join(at, OPERATOR_ADD, v[0], operand_join(at, OPERATOR_MUL, width, number, p->span),
                        p->span);
}

Operand operand_forced(At at, Operand v) {
    if (v.kind != OPERAND_CALLABLE || v.callable->kind != CLOSURE_EXPRESSION) return v;
    at.frame = v.callable->home;
    at.dots = NULL;
    at.indexed = false;
    return operand_of(at, v.callable->phrase);
}

// ---- arguments ----

// `given`: what the case was given, or the callable has, for parameter i.
static Operand argument(At at, const Definition *d, int i, const Phrase *e, const Shape *given) {
    if (given->kind == SHAPE_SCALAR && at.frame->of->of[e->number].kind == SHAPE_KNOWN)
        return run_argument(at, d, i, e);
    if (given->kind == SHAPE_CALLABLE && given->closure->kind == CLOSURE_EXPRESSION &&
        given->closure->phrase == e)
        return operand_callable(at.m, (Bound){.kind = CLOSURE_EXPRESSION, .phrase = e, .home = at.frame});
    bool whole = is_layer(d) || d->node->items[i]->brackets;
    return whole ? operand_whole(at, e) : operand_of(at, e);
}

static Operand *room(At at, const Definition *d) {
    return arena_array(at.m->arena, Operand, d->parameters + 1);
}

// The shapes by parameter of what is applied or made at the phrase.
static const Shape *shapes_at(At at, const Phrase *p) {
    const Case *c = at.frame->of->call[p->number];
    return c ? c->given : at.frame->of->of[p->number].closure->given;
}

// The arguments of a call of a known definition, which stand by parameter.
static void bind_known(At at, const Phrase *p, const Definition *d, Operand *given) {
    const Shape *shapes = shapes_at(at, p);
    for (int k = 0; p->node->kind == AST_CALL && k < p->node->count; k++) {
        const Node *item = p->node->items[k];
        if (item->kind == AST_NAMED) item = item->value;
        for (int i = 0; i < p->count && i < d->parameters; i++)
            if (p->part[i] && p->part[i]->node == item) given[i] = argument(at, d, i, p->part[i], &shapes[i]);
    }
}

// Of a callee that only its value tells: by position from `skip`, or by name.
static void bind_matched(At at, const Phrase *p, const Definition *d, int skip, Operand *given) {
    const Shape *shapes = shapes_at(at, p);
    int next = skip;
    for (int i = 1; i < p->count; i++) {
        int k = call_parameter(p, d, i, &next);
        given[k] = argument(at, d, k, p->part[i], &shapes[k]);
    }
}

// ---- calls ----

static Operand call_definition(At at, const Phrase *p, const Operand *first) {
    const Definition *d = p->definition;
    Operand *given = room(at, d);
    if (first) given[0] = *first;
    bind_known(at, p, d, given);
    const Shape *shapes = shapes_at(at, p);
    for (int i = 0; i < d->parameters; i++) // a default that is a setting
        if (given[i].kind == OPERAND_ABSENT && shapes[i].kind == SHAPE_SCALAR)
            given[i] = run_argument(at, d, i, d->preset[i]);
    return phrase_apply(at, p, given);
}

static Operand call_inner(At at, const Phrase *p, const Bound *f, Operand x);

// A callable applied to one value.
static Operand callable_apply(At at, Operand what, Operand input, const Phrase *p) {
    Operand first = operand_first(input);
    if (what.kind != OPERAND_CALLABLE || first.kind == OPERAND_WRONG) return operand_wrong();
    const Bound *f = what.callable;
    if (f->kind == CLOSURE_INNER) return call_inner(at, p, f, first);
    if (f->kind == CLOSURE_BUILTIN && f->builtin->group == GROUP_REDUCTION && f->builtin->needed == 1)
        return reduce_whole(at, f->builtin, first, p->span);
    if (f->kind == CLOSURE_BUILTIN) return row_apply(at, f->builtin, &first, 1, p->span);
    Operand *given = room(at, f->definition);
    for (int i = 0; i < f->definition->parameters; i++) given[i] = f->given[i];
    given[0] = first;
    return phrase_apply(at, p, given);
}

static Operand call_defined(At at, const Phrase *p, const Bound *f, const Operand *first) {
    const Definition *d = f->definition;
    Operand *given = room(at, d);
    for (int i = 0; i < d->parameters; i++) given[i] = f->given[i];
    if (first) given[0] = *first;
    bind_matched(at, p, d, first ? 1 : 0, given);
    if (at.frame->of->of[p->number].kind == SHAPE_CALLABLE && !at.frame->of->call[p->number])
        return operand_callable(
            at.m, (Bound){.kind = CLOSURE_DEFINED, .definition = f->definition, .given = given});
    return phrase_apply(at, p, given);
}

static Operand call_value(At at, const Phrase *p, const Operand *first) {
    Operand f = operand_of(at, p->part[0]);
    if (f.kind != OPERAND_CALLABLE) return f; // rule 19: calling an expression gives it
    const Bound *b = f.callable;
    if (b->kind == CLOSURE_DEFINED) return call_defined(at, p, b, first);
    if (b->kind == CLOSURE_INNER)
        return call_inner(at, p, b, operand_first(first ? *first : operand_whole(at, p->part[1])));
    Operand values[3];
    int count = 0;
    if (first) values[count++] = *first;
    for (int i = 1; i < p->count; i++) values[count++] = operand_of(at, p->part[i]);
    if (count == 1 && b->builtin->group == GROUP_REDUCTION)
        return reduce_whole(at, b->builtin, values[0], p->span);
    return row_apply(at, b->builtin, values, count, p->span);
}

Operand operand_of_apply(At at, const Phrase *p) {
    return p->definition ? call_definition(at, p, NULL) : call_value(at, p, NULL);
}

Operand operand_of_make(At at, const Phrase *p) {
    if (!p->definition) return operand_of_apply(at, p);
    Operand *given = room(at, p->definition);
    bind_known(at, p, p->definition, given);
    return operand_callable(at.m,
                            (Bound){.kind = CLOSURE_DEFINED, .definition = p->definition, .given = given});
}

// ---- pipes and repeats ----

static Operand run_stage(At at, const Phrase *stage, Operand x) {
    if (x.kind == OPERAND_WRONG) return x;
    Operand first = operand_first(x);
    if (stage->kind == PHRASE_MAKE || stage->kind == PHRASE_APPLY)
        return stage->definition ? call_definition(at, stage, &first) : call_value(at, stage, &first);
    if (stage->kind == PHRASE_BUILTIN && stage->count) return operand_of_builtin(at, stage, &first);
    return callable_apply(at, operand_of(at, stage), x, stage);
}

static Operand run_pipe(At at, const Phrase *p, Operand x) {
    if (p->kind != PHRASE_PIPE) return run_stage(at, p, x);
    return run_stage(at, p->part[1], run_pipe(at, p->part[0], x));
}

static Operand run_block(At at, const Phrase *block, Operand x) {
    Operand v = operand_wrong();
    for (int i = 0; i < block->count; i++) {
        if (block->part[i]->kind == PHRASE_RESULT)
            v = run_pipe(at, block->part[i]->part[0], x);
        else
            statement_write(at, block->part[i]);
    }
    return v;
}

// A pipe or repeat, in the text where it is written.
static Operand call_inner(At at, const Phrase *p, const Bound *f, Operand x) {
    Case *c = at.frame->of->call[p->number];
    const Instance *in = at.frame->in ? at.frame->in->child[p->number] : NULL;
    Frame *home = frame_inner(at.m, f->home, c, in);
    at.dots = NULL;
    at.indexed = false;
    if (f->path) home->place = f->path, home->rounds = "";
    at.frame = home;
    if (f->phrase->kind != PHRASE_REPEAT) return run_pipe(at, f->phrase, x);
    for (int r = 0; r < c->rounds && x.kind != OPERAND_WRONG; r++) {
        Frame *round = frame_inner(at.m, home, c->round[r], in && in->round ? in->round[r] : NULL);
        round->rounds = string_format(at.m->arena, "%s[%d]", home->rounds, r);
        at.frame = round;
        x = run_block(at, f->phrase->part[1], operand_first(x));
    }
    return x;
}

Operand operand_of_pipe(At at, const Phrase *p) {
    if (at.frame->of->of[p->number].kind == SHAPE_CALLABLE) {
        const char *path = p->site && p->site->named ? path_in(at.m, at.frame, p->site->name) : NULL;
        return operand_callable(at.m,
                                (Bound){.kind = CLOSURE_INNER, .phrase = p, .home = at.frame, .path = path});
    }
    return run_stage(at, p->part[1], operand_of(at, p->part[0]));
}
