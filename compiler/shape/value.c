// What an expression is: names, numbers known when compiling, operators, conditions.
// Guarantees: what can be decided when compiling is; the side of a condition that is not taken is not looked
// at.
#include "shape/look.h"

#include <math.h>

bool is_whole(Shape v) { return v.type == TYPE_INT || v.type == TYPE_BOOL; }

// ---- names ----

static Shape absent_error(Place at, const Phrase *p, Shape v) {
    Diagnostic *d = fail(at.s, ABSENT_NAMED, p->span, p->slot->name);
    diagnostic_note(at.s->ctx, d, v.span, "`%s` is declared here, under a condition that does not hold",
                    p->slot->name);
    return shape_wrong();
}

static Shape slot_value(Place at, const Phrase *p) {
    const Slot *slot = p->slot;
    if (!slot) return shape_wrong();
    Shape v = at.c->slot[slot->number];
    if (slot->kind == SLOT_INDEX) {
        Shape index = shape_scalar(TYPE_INT);
        index.is_row = v.kind != SHAPE_NONE && v.is_row;
        return index;
    }
    if (v.kind == SHAPE_ABSENT) return absent_error(at, p, v);
    if (v.kind != SHAPE_NONE) return v;
    if (slot->kind == SLOT_SIZE) return shape_scalar(TYPE_INT);               // that no argument tells
    bool parameter = slot->kind == SLOT_SETTING || slot->kind == SLOT_TENSOR; // by a default in front of it
    return parameter ? fail_shape(at.s, USED_BEFORE_GIVEN, p->span, slot->name) : shape_wrong();
}

// net.dense_1.w: a parameter or state by its path.
static Shape path_value(Place at, const Phrase *p) {
    const Declared *declared = at.s->tree ? tree_declared(at.s->tree, node_text(at.s->arena, p->node)) : NULL;
    if (!declared) return (Shape){0};
    return shape_tensor(at.s, declared->dims, declared->rank, (Type)declared->type);
}

// x.mean(), x.T: a function or layer written behind its argument.
static void help_method(Shaper *s, Diagnostic *d, Span span, const char *name) {
    const char *word = word_of_others(name);
    if (!word) word = name;
    const uint32_t functions = 1u << GROUP_SCALAR | 1u << GROUP_TENSOR | 1u << GROUP_REDUCTION;
    if (string_equal(word, "shape"))
        diagnostic_help(s->ctx, d,
                        "sizes have names in a signature's brackets: `layer f(x[b, n]) …`, and n is one");
    else if (builtin_find(word, functions) || library_find(s->library, span, word))
        diagnostic_help(s->ctx, d,
                        "what is applied stands before its argument or behind `|>`: `%s(x)`, `x |> %s`", word,
                        word);
}

static Shape no_member(Place at, const Phrase *p, Shape of) {
    Shaper *s = at.s;
    const Node *e = p->node;
    Span span = e->name_span.end ? e->name_span : e->span;
    Diagnostic *d = fail(s, NO_MEMBER, span, node_text(s->arena, e->base), e->name);
    if (of.kind != SHAPE_TUPLE) {
        help_method(s, d, span, e->name);
        return shape_wrong();
    }
    Text list = {.arena = s->arena};
    const char *near = string_nearest(e->name, of.names, of.count);
    for (int i = 0; i < of.count; i++) text_add(&list, "%s`%s`", i ? ", " : "", of.names[i]);
    if (!diagnostic_meant(s->ctx, d, span, near))
        diagnostic_help(s->ctx, d, "its results are %s", text_string(&list));
    return shape_wrong();
}

static Shape member_value(Place at, const Phrase *p) {
    if (!p->part[0]) return shape_scalar(TYPE_REAL); // a metric of a held-out part
    Shape known = path_value(at, p);
    if (known.kind) return known;
    Shape v = shape_at(at, p->part[0]);
    if (v.kind == SHAPE_WRONG || v.kind == SHAPE_OPEN) return v;
    for (int i = 0; v.kind == SHAPE_TUPLE && i < v.count; i++)
        if (string_equal(v.names[i], p->text)) return v.items[i];
    return no_member(at, p, v);
}

static Shape word_value(const Phrase *p) {
    const char *word = p->text ? p->text : p->builtin->name;
    if (string_equal(word, "inf")) return shape_known((double)INFINITY, false);
    if (string_equal(word, "nan")) return shape_known((double)NAN, false);
    if (string_equal(word, "pi")) return shape_known(3.14159265358979323846, false);
    if (string_equal(word, "training")) return shape_scalar(TYPE_BOOL);
    Shape v = shape_scalar(TYPE_REAL);
    if (string_equal(word, "steps")) v.unit = DIMENSION_STEPS;
    if (string_equal(word, "epochs")) v.unit = DIMENSION_EPOCHS;
    if (string_equal(word, "time")) v.unit = DIMENSION_TIME;
    if (string_equal(word, "memory")) v.unit = DIMENSION_BYTES;
    if (string_equal(word, "step")) v.counts = DIMENSION_STEPS;
    if (string_equal(word, "epoch")) v.counts = DIMENSION_EPOCHS;
    return v;
}

// ---- numbers known when compiling ----

static Shape whole_or_real(double number, bool integral) {
    return shape_known(number, integral && number == floor(number) && fabs(number) < 9e15);
}

static Shape fold(Operator op, Shape a, Shape b) {
    bool whole = a.integral && b.integral;
    double number = operator_fold(op, a.number, b.number, &whole);
    return operator_gives_truth(op) ? shape_bool(number != 0) : shape_known(number, whole);
}

// ---- shapes that meet ----

static Shape shapes_differ(Place at, Shape a, Shape b, Span span) {
    Shaper *s = at.s;
    const char *one = shape_text(s->arena, a), *other = shape_text(s->arena, b);
    Diagnostic *d = fail(s, SHAPES_DIFFER, span, one, other);
    if (a.span.end) diagnostic_note(s->ctx, d, a.span, "this has shape %s", one);
    if (b.span.end) diagnostic_note(s->ctx, d, b.span, "this has shape %s", other);
    return shape_wrong();
}

// One value among others: false after a message.
static bool fits_place(Place at, Shape v, Span span) {
    if (v.span.end) span = v.span;
    if (!holds_numbers(at.s, v, span)) return false;
    return v.kind != SHAPE_TENSOR || !at.indexed || needs_brackets(at.s, v, span).kind != SHAPE_WRONG;
}

bool unify(Place at, const Shape *values, int count, Shape *out, Span span) {
    const Shape *first = NULL;
    bool open = false, filtered = false, whole = true, flags = true;
    for (int i = 0; i < count; i++) {
        if (!fits_place(at, values[i], span)) return false;
        open |= values[i].kind == SHAPE_OPEN;
        whole &= is_whole(values[i]);
        flags &= values[i].type == TYPE_BOOL;
        filtered |= values[i].filtered;
        if (values[i].kind != SHAPE_TENSOR) continue;
        if (first && !shape_fits(*first, values[i])) {
            shapes_differ(at, *first, values[i], span);
            return false;
        }
        if (!first) first = &values[i];
    }
    Type type = flags ? TYPE_BOOL : whole ? TYPE_INT : TYPE_REAL;
    *out = first ? shape_tensor(at.s, first->dims, first->rank, type) : shape_scalar(type);
    out->filtered = filtered;
    if (open) out->kind = SHAPE_OPEN;
    return true;
}

// ---- units and classes (rules 8 and 23) ----

// What it is a number of: its unit, or what it counts.
static Dimension unit_of(Shape v) { return (Dimension)(v.unit != DIMENSION_NUMBER ? v.unit : v.counts); }

static bool is_quotient(Operator op) { return op == OPERATOR_DIV || op == OPERATOR_FLOOR_DIV; }

// A number times or by a quantity keeps the unit, a quotient of like ones has none.
static void join_units(Operator op, Shape a, Shape b, Shape *out) {
    out->unit = out->counts = DIMENSION_NUMBER;
    if (operator_gives_truth(op) || op == OPERATOR_POWER) return;
    if (is_quotient(op)) {
        if (unit_of(b) != DIMENSION_NUMBER) return;
        out->unit = a.unit;
        out->counts = a.counts;
        return;
    }
    out->unit = a.unit != DIMENSION_NUMBER ? a.unit : b.unit;
    bool plain = out->unit == DIMENSION_NUMBER;
    if (plain && (a.counts == b.counts || b.kind == SHAPE_KNOWN)) out->counts = a.counts;
    if (plain && a.kind == SHAPE_KNOWN && a.counts == DIMENSION_NUMBER) out->counts = b.counts;
}

// May it stand beside a quantity of the unit in a sum or comparison? A count may, and a number written beside
// steps or epochs.
static bool has_unit(Shape v, Dimension unit) {
    if (unit_of(v) == unit || (v.kind == SHAPE_KNOWN && v.number == 0)) return true;
    bool length = unit == DIMENSION_STEPS || unit == DIMENSION_EPOCHS;
    return length && unit_of(v) == DIMENSION_NUMBER && v.kind == SHAPE_KNOWN;
}

static bool units_agree(Place at, Operator op, Shape a, Shape b, Span span) {
    if (op == OPERATOR_MUL || is_quotient(op) || op == OPERATOR_POWER) return true;
    if (a.unit == DIMENSION_NUMBER && b.unit == DIMENSION_NUMBER) return true;
    if (a.unit != DIMENSION_NUMBER ? has_unit(b, (Dimension)a.unit) : has_unit(a, (Dimension)b.unit))
        return true;
    static const char *const words[] = {"numbers", "steps", "epochs", "time", "bytes"};
    static const char *const units[] = {"", "`steps`", "`epochs`", "`s`, `min`, `h`", "`KB`, `MB`, `GB`"};
    Diagnostic *d = fail(at.s, UNITS_DIFFER, span, words[unit_of(a)], words[unit_of(b)]);
    const char *wanted = units[a.unit != DIMENSION_NUMBER ? a.unit : b.unit];
    if (unit_of(a) == DIMENSION_NUMBER || unit_of(b) == DIMENSION_NUMBER)
        diagnostic_help(at.s->ctx, d, "give the number a unit: %s", wanted);
    return false;
}

static bool classes_agree(Place at, Operator op, Shape a, Shape b, Span span) {
    if (!a.is_class && !b.is_class) return true;
    if (operator_gives_truth(op) || at.subscript) return true;
    Diagnostic *d = fail(at.s, CLASS_NOT_NUMBER, span, operator_text(op));
    diagnostic_help(at.s->ctx, d, "a class indexes and compares: `x == 2`, `w[x]`");
    return false;
}

// ---- operators ----

static Type type_of_join(Operator op, Shape a, Shape b) {
    bool whole = is_whole(a) && is_whole(b);
    if (operator_gives_truth(op)) return TYPE_BOOL;
    if (op == OPERATOR_FLOOR_DIV) return TYPE_INT;
    bool by_one = b.kind == SHAPE_KNOWN && b.number == 1;
    if (op == OPERATOR_DIV) return whole && by_one ? TYPE_INT : TYPE_REAL;
    if (op == OPERATOR_POWER)
        return whole && b.kind == SHAPE_KNOWN && b.number >= 0 && b.number <= 64 ? TYPE_INT : TYPE_REAL;
    return whole ? TYPE_INT : TYPE_REAL;
}

Shape join(Place at, Operator op, Shape a, Shape b, Span span) {
    a = shape_plain(at, a, span);
    b = shape_plain(at, b, span);
    if (a.kind == SHAPE_WRONG || b.kind == SHAPE_WRONG) return shape_wrong();
    if (!units_agree(at, op, a, b, span) || !classes_agree(at, op, a, b, span)) return shape_wrong();
    Shape out;
    if (a.kind == SHAPE_KNOWN && b.kind == SHAPE_KNOWN) {
        out = fold(op, a, b);
    } else {
        const Shape both[] = {a, b};
        if (!unify(at, both, 2, &out, span)) return shape_wrong();
        out.type = (uint8_t)type_of_join(op, a, b);
        out.of_rows = !operator_gives_truth(op) && !is_quotient(op) && out.kind == SHAPE_SCALAR &&
                      (a.of_rows || b.of_rows);
    }
    if (operator_gives_truth(op)) out.type = TYPE_BOOL;
    join_units(op, a, b, &out);
    out.span = span;
    return out;
}

static Shape unary_value(Place at, const Phrase *p) {
    Shape v = shape_first(shape_at(at, p->part[0])), out;
    if (v.kind == SHAPE_WRONG) return v;
    if (v.kind == SHAPE_KNOWN) {
        out = p->op == OPERATOR_NOT ? shape_bool(v.number == 0) : shape_known(-v.number, v.integral);
    } else {
        if (!unify(at, &v, 1, &out, p->span)) return shape_wrong();
        out.type = (uint8_t)(p->op == OPERATOR_NOT ? TYPE_BOOL : is_whole(v) ? TYPE_INT : TYPE_REAL);
        out.of_rows = v.of_rows;
    }
    out.unit = v.unit;
    return out;
}

// ---- conditions ----

// `and`, `or`: the right side is read only where the left one lets it.
static Shape logic_value(Place at, const Phrase *p) {
    bool is_and = p->op == OPERATOR_AND;
    Shape a = shape_first(shape_at(at, p->part[0]));
    if (a.kind == SHAPE_WRONG) return a;
    if (a.kind == SHAPE_KNOWN && (a.number != 0) != is_and) return shape_bool(!is_and);
    Shape b = shape_first(shape_at(at, p->part[1]));
    if (b.kind == SHAPE_WRONG) return b;
    if (a.kind == SHAPE_KNOWN) return b;
    if (b.kind == SHAPE_KNOWN) return (b.number != 0) == is_and ? a : shape_bool(!is_and);
    return join(at, p->op, a, b, p->span);
}

int condition_at(Place at, const Phrase *p, Shape *condition) {
    Shape c = shape_first(shape_at(at, p));
    *condition = c;
    if (c.kind == SHAPE_KNOWN) return c.number != 0;
    if (c.kind == SHAPE_SCALAR || c.kind == SHAPE_TENSOR || c.kind == SHAPE_WRONG || c.kind == SHAPE_OPEN)
        return -1;
    fail(at.s, NOT_A_CONDITION, p->span, shape_text(at.s->arena, c));
    *condition = shape_wrong();
    return -1;
}

Shape choose(Place at, Shape condition, Shape a, Shape b, Span span) {
    a = shape_first(a);
    b = shape_first(b);
    if (a.kind == SHAPE_WRONG || b.kind == SHAPE_WRONG) return shape_wrong();
    const Shape values[] = {a, b, condition};
    Shape out;
    if (!unify(at, values, 3, &out, span)) return shape_wrong();
    bool flags = a.type == TYPE_BOOL && b.type == TYPE_BOOL;
    out.type = (uint8_t)(flags ? TYPE_BOOL : is_whole(a) && is_whole(b) ? TYPE_INT : TYPE_REAL);
    out.unit = a.unit != DIMENSION_NUMBER ? a.unit : b.unit;
    out.is_class = a.is_class && b.is_class;
    out.span = span;
    return out;
}

static Shape if_value(Place at, const Phrase *p) {
    if (!p->part[2]) {
        Diagnostic *d = fail(at.s, IF_WITHOUT_ELSE, p->span, "");
        diagnostic_help(at.s->ctx, d, "give the other side: `… else 0`");
        return shape_wrong();
    }
    Shape condition;
    int known = condition_at(at, p->part[1], &condition);
    if (condition.kind == SHAPE_WRONG) return condition;
    if (known >= 0) return shape_at(at, p->part[known ? 0 : 2]);
    Shape a = shape_at(at, p->part[0]);
    return choose(at, condition, a, shape_at(at, p->part[2]), p->span);
}

// ---- functions of numbers ----

static Op op_named(const char *name) {
    for (int op = OP_PRODUCT + 1; op < OP_COUNT; op++)
        if (op_info((Op)op) && string_equal(op_info((Op)op)->spelling, name)) return (Op)op;
    die("the operation `%s` of builtins.def is not in ops.def", name);
}

static Shape fold_builtin(Op op, const Shape *values, int count) {
    double args[3] = {0, 0, 0};
    bool whole = true;
    for (int i = 0; i < count; i++) {
        args[i] = values[i].number;
        whole = whole && values[i].integral;
    }
    bool extreme = op == OP_MAX || op == OP_MIN || op == OP_MOD || op == OP_ABS;
    bool keeps = op == OP_FLOOR || (whole && (extreme || op == OP_SIGN || op == OP_STOP_GRADIENT));
    Shape v = whole_or_real(op == OP_STOP_GRADIENT ? args[0] : op_info(op)->evaluate(args), keeps);
    if (extreme) v.unit = values[0].unit;
    return v;
}

// The type of a row of the scalar table on arguments of these types.
static Type type_of_op(Op op, const Shape *values, int count) {
    if (op_info(op)->result != TYPE_REAL) return op_info(op)->result;
    bool whole = true, flags = true;
    for (int i = 0; i < count; i++) {
        whole &= is_whole(values[i]);
        flags &= values[i].type == TYPE_BOOL;
    }
    if (op == OP_STOP_GRADIENT && whole) return (Type)values[0].type;
    if ((op == OP_MAX || op == OP_MIN) && flags) return TYPE_BOOL;
    bool follows = op == OP_MAX || op == OP_MIN || op == OP_MOD || op == OP_ABS || op == OP_SIGN;
    return follows && whole ? TYPE_INT : TYPE_REAL;
}

// x / y, and 0 where y is 0.
static Shape ratio_value(Place at, const Shape *v, Span span) {
    const Shape zero = shape_known(0, true);
    if (v[1].kind == SHAPE_KNOWN && v[1].number == 0) return zero;
    Shape quotient = join(at, OPERATOR_DIV, v[0], v[1], span);
    if (quotient.kind == SHAPE_WRONG || v[1].kind == SHAPE_KNOWN) return quotient;
    return choose(at, join(at, OPERATOR_EQUAL, v[1], zero, span), zero, quotient, span);
}

Shape builtin_shape(Place at, const Builtin *row, const Shape *given, int count, Span span) {
    Shape values[3];
    bool known = true;
    if (count != row->needed)
        return fail_shape(at.s, TOO_MANY_ARGUMENTS, span, row->name, row->needed, row->needed == 1 ? "" : "s",
                          count);
    for (int i = 0; i < count; i++) {
        values[i] = shape_plain(at, given[i], span);
        if (values[i].kind == SHAPE_WRONG) return values[i];
        if (values[i].is_class && row->group == GROUP_SCALAR && row->needed == 1)
            return fail_shape(at.s, CLASS_NOT_NUMBER, span, row->name);
        known = known && values[i].kind == SHAPE_KNOWN;
    }
    if (string_equal(row->name, "ratio")) return ratio_value(at, values, span);
    Shape out;
    if (row->group == GROUP_MEASURE) {
        at.indexed = false; // of the whole sample
        if (!unify(at, values, count, &out, span)) return shape_wrong();
        out.type = TYPE_REAL;
        return out;
    }
    Op op = op_named(row->name);
    if (known) return fold_builtin(op, values, count);
    if (!unify(at, values, count, &out, span)) return shape_wrong();
    out.type = (uint8_t)type_of_op(op, values, count);
    out.unit = values[0].unit;
    out.is_probability = op == OP_SIGMOID;
    return out;
}

// ---- lists ----

Shape list_value(Place at, const Phrase *p) {
    Shape *items = arena_array(at.s->arena, Shape, p->count + 1);
    for (int i = 0; i < p->count; i++) {
        items[i] = shape_at(at, p->part[i]);
        if (items[i].kind == SHAPE_WRONG) return items[i];
    }
    return (Shape){.kind = SHAPE_LIST, .items = items, .count = p->count};
}

static Shape list_shape(Place at, Shape list, Span span) {
    Shaper *s = at.s;
    Shape inner = {0};
    bool whole = true, flags = true;
    for (int i = 0; i < list.count; i++) {
        Shape v = shape_plain(at, list.items[i], span);
        if (v.kind == SHAPE_WRONG) return v;
        bool fits = shape_is_number(v) || v.kind == SHAPE_TENSOR;
        if (!fits || (i && (v.rank != inner.rank || (v.rank && v.dims != inner.dims))))
            return fail_shape(s, LIST_UNEVEN, list.items[i].span.start ? list.items[i].span : span,
                              i && inner.rank ? extents_text(s->arena, inner.dims, inner.rank)
                                              : shape_text(s->arena, list.items[0]),
                              shape_text(s->arena, v));
        whole &= is_whole(v);
        flags &= v.type == TYPE_BOOL && v.kind != SHAPE_KNOWN;
        if (!i) inner = v;
    }
    if (!list.count || inner.rank == MAX_RANK) return fail_shape(s, LIST_UNEVEN, span, "nothing", "nothing");
    Extent dims[MAX_RANK] = {{list.count, false}};
    for (int d = 0; d < inner.rank; d++) dims[d + 1] = inner.dims[d];
    Shape out = shape_tensor(s, dims, inner.rank + 1, flags ? TYPE_BOOL : whole ? TYPE_INT : TYPE_REAL);
    out.unit = list.items[0].unit;
    out.span = list.span;
    return out;
}

Shape shape_plain(Place at, Shape v, Span span) {
    v = shape_first(v);
    return v.kind == SHAPE_LIST ? list_shape(at, v, span) : v;
}

// ---- all kinds ----

static Shape number_value(const Phrase *p) {
    if (p->node->kind == AST_BOOL) return shape_bool(p->value != 0);
    Shape v = shape_known(p->value, p->node->integral);
    v.unit = (uint8_t)unit_dimension(p->node->unit);
    return v;
}

static Shape random_value(Place at, const Phrase *p) {
    Shape v[2] = {{0}};
    for (int i = 0; i < 2 && i < p->count; i++) {
        v[i] = p->part[i] ? shape_first(shape_at(at, p->part[i])) : shape_wrong();
        if (v[i].kind == SHAPE_WRONG) return v[i];
    }
    if (string_equal(p->builtin->name, "integer")) {
        if (v[0].integral && v[1].integral && v[1].number >= v[0].number &&
            v[1].number - v[0].number < 4294967296.0)
            return shape_scalar(TYPE_INT);
        return fail_shape(at.s, INTEGER_BOUNDS, p->span, "");
    }
    Shape number = shape_scalar(TYPE_REAL);
    Shape width =
        string_equal(p->builtin->name, "normal") ? v[1] : join(at, OPERATOR_SUB, v[1], v[0], p->span);
    return join(at, OPERATOR_ADD, v[0], join(at, OPERATOR_MUL, width, number, p->span), p->span);
}

// grad(e, x): of the shape of x, which is a tensor of numbers.
static Shape grad_value(Place at, const Phrase *p) {
    Shaper *s = at.s;
    Shape of = shape_first(shape_whole(at, p->part[0])), by = shape_first(shape_whole(at, p->part[1]));
    if (of.kind == SHAPE_WRONG) return of;
    if (by.kind == SHAPE_WRONG || by.kind == SHAPE_OPEN) return by;
    bool numbers = by.kind == SHAPE_TENSOR || by.kind == SHAPE_SCALAR, whole = numbers && is_whole(by);
    if (!numbers || whole || by.filtered)
        return fail_shape(s, GRAD_TENSOR, p->part[1]->span, node_text(s->arena, p->part[1]->node),
                          whole ? "of integers" : shape_text(s->arena, by));
    if (of.filtered) return fail_shape(s, FILTER_NEEDS_DOTS, p->part[0]->span, "grad");
    if (!holds_numbers(s, shape_plain(at, of, p->part[0]->span), p->part[0]->span)) return shape_wrong();
    return by.kind == SHAPE_TENSOR ? shape_tensor(s, by.dims, by.rank, TYPE_REAL) : shape_scalar(TYPE_REAL);
}

// column("sex") == "M"
static bool compares_text(const Phrase *p) {
    bool compares = p->op == OPERATOR_EQUAL || p->op == OPERATOR_NOT_EQUAL;
    return compares && (p->part[0]->kind == PHRASE_TEXT || p->part[1]->kind == PHRASE_TEXT);
}

static Shape value_of_kind(Place at, const Phrase *p) {
    switch ((int)p->kind) {
    case PHRASE_NUMBER: return number_value(p);
    case PHRASE_TEXT: return (Shape){.kind = SHAPE_TEXT, .text = p->text};
    case PHRASE_LIST: return at.s->field.kind ? data_list_shape(at, p) : list_value(at, p);
    case PHRASE_SLOT: return forced(at.s, slot_value(at, p));
    case PHRASE_DEFINITION: return case_of(at.s, p->definition, NULL, 0, NULL, p->span)->result;
    case PHRASE_WORD:
        return p->builtin && p->builtin->group == GROUP_READER ? reader_shape(at, p) : word_value(p);
    case PHRASE_UNARY: return unary_value(at, p);
    case PHRASE_BINARY:
        if (p->op == OPERATOR_AND || p->op == OPERATOR_OR) return logic_value(at, p);
        if (at.s->field.kind && compares_text(p)) return reader_shape(at, p);
        Shape left = shape_at(at, p->part[0]);
        return join(at, p->op, left, shape_at(at, p->part[1]), p->span);
    case PHRASE_IF: return if_value(at, p);
    case PHRASE_MEMBER: return member_value(at, p);
    case PHRASE_READ: return read_shape(at, p);
    case PHRASE_REDUCE: return reduce_shape(at, p);
    case PHRASE_APPLY: return apply_shape(at, p);
    case PHRASE_MAKE: return make_shape(at, p);
    case PHRASE_PIPE:
    case PHRASE_REPEAT: return pipe_shape(at, p);
    case PHRASE_BUILTIN: return call_builtin_shape(at, p, NULL);
    case PHRASE_DRAW: return random_value(at, p);
    case PHRASE_GRAD: return grad_value(at, p);
    case PHRASE_NAMED: return shape_at(at, p->part[0]);
    case PHRASE_DOTS:
    case PHRASE_WHOLE:
        return fail_shape(at.s, PLACE_ENTRY, p->span, node_kind_word(p->node->kind), "an expression");
    default: return shape_wrong();
    }
}

Shape shape_at(Place at, const Phrase *p) {
    if (!p || at.s->stopped) return shape_wrong();
    Shape *memo = &at.c->of[p->number];
    if (memo->kind != SHAPE_NONE) return *memo;
    Shape v = value_of_kind(at, p);
    v.span = p->span;
    *memo = v;
    return v;
}

Shape shape_whole(Place at, const Phrase *p) {
    at.indexed = at.dots = at.subscript = false;
    return shape_at(at, p);
}

bool known_at(Place at, const Phrase *p, const char *what, double *number) {
    Shape v = shape_first(shape_at(at, p));
    *number = v.number;
    if (v.kind == SHAPE_WRONG || v.kind == SHAPE_KNOWN) return v.kind == SHAPE_KNOWN;
    return fail_false(at.s, NUMBER_WANTED, p->span, what,
                      v.kind == SHAPE_SCALAR ? "known at run time only" : shape_text(at.s->arena, v));
}

bool count_at(Place at, const Phrase *p, const char *what, Dimension unit, int64_t *number) {
    Shaper *s = at.s;
    double value;
    if (!known_at(at, p, what, &value)) return false;
    Shape v = shape_first(shape_at(at, p));
    if (v.unit != DIMENSION_NUMBER && v.unit != unit) return fail_false(s, UNIT_UNWANTED, p->span, what);
    if (v.number != floor(v.number) || fabs(v.number) >= 9e15)
        return fail_false(s, WHOLE_WANTED, p->span, what, string_of_double(s->arena, v.number));
    *number = (int64_t)v.number;
    return true;
}

bool number_at(Place at, const Phrase *p, const char *what, int64_t *number) {
    return count_at(at, p, what, DIMENSION_NUMBER, number);
}
