// Equations as text of the language. Sizes are numbers, the batch is `batch`. A range is written where
// nothing else in the statement gives it (language rule 3). An index keeps its name unless another index or
// tensor of the equation has it. Needs: equations without draws. Guarantees: the text means what the
// interpreter computes; parentheses where the grammar needs them, and one order of what commutes, so that
// equal functions read the same.
#include "grad/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef enum { TIGHT_NONE, TIGHT_COMPARE, TIGHT_SUM, TIGHT_PRODUCT, TIGHT_POWER } Tightness;

typedef VEC(const char *) Parts;

static const char *expression(Notation *n, const Expr *e, Tightness around);

const char *notation_word(Arena *arena, const char *name) {
    char *word = string_copy(arena, name, strlen(name));
    char *to = word;
    for (const char *c = name; *c; c++) {
        bool good =
            *c == '_' || (*c >= '0' && *c <= '9') || (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z');
        if (good)
            *to++ = *c;
        else if (*c != ']')
            *to++ = '_';
    }
    *to = 0;
    return word;
}

static const char *wrap(const Notation *n, bool wanted, const char *text) {
    return wanted ? string_format(n->arena, "(%s)", text) : text;
}

static const char *whole(const Notation *n, int64_t value) {
    return string_format(n->arena, "%lld", (long long)value);
}

// ---- parts whose order is free: they are sorted by their text, so that equal functions read the same ----

static int by_text(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void put_part(const Notation *n, Parts *parts, const char *text) { vec_push(n->arena, parts, text); }

static const char *joined(const Notation *n, Parts *parts, const char *between) {
    Text out = {.arena = n->arena};
    if (parts->count) qsort(parts->data, (size_t)parts->count, sizeof *parts->data, by_text);
    for (int i = 0; i < parts->count; i++) text_add(&out, "%s%s", i ? between : "", parts->data[i]);
    return text_string(&out);
}

// Parts to be added and parts to be taken away, with a number between them that may be empty; what is added
// first, so that no text begins with a minus without need.
static const char *difference(const Notation *n, const char *leading, Parts parts[2]) {
    const char *plus = parts[0].count ? joined(n, &parts[0], " + ") : leading;
    if (!parts[1].count) return plus;
    return string_format(n->arena, "%s%s%s", plus, *plus ? " - " : "-", joined(n, &parts[1], " - "));
}

// ---- indices ----

// What the equation names: no index may be called so.
static bool names_tensor(const Notation *n, const char *word) {
    if (string_equal(word, tensor_word(n, n->equation->tensor))) return true;
    every_read (read, n->equation->e)
        if (string_equal(word, tensor_word(n, read->tensor))) return true;
    return false;
}

// The definition's name; what `..` stands for has none, and `n` is for the rows of a batch.
static const char *index_word(Notation *n, const Index *index) {
    for (int i = 0; i < n->indices.count; i++)
        if (n->indices.data[i] == index) return n->words.data[i];
    const char *wanted = index->name ? notation_word(n->arena, index->name) : "i", *word;
    if (index->batch && string_equal(wanted, "i")) wanted = "n";
    word = wanted;
    for (int k = 2;; k++) {
        bool taken =
            string_equal(word, "batch") || names_tensor(n, word) || n->names.reserved(n->names.data, word);
        for (int i = 0; i < n->words.count; i++) taken |= string_equal(n->words.data[i], word);
        if (!taken) break;
        word = string_format(n->arena, "%s%d", wanted, k);
    }
    vec_push(n->arena, &n->indices, index);
    vec_push(n->arena, &n->words, word);
    return word;
}

static const char *term(Notation *n, const Term *t) {
    const char *atom =
        t->atom->op == OP_INDEX ? index_word(n, t->atom->index) : expression(n, t->atom, TIGHT_PRODUCT);
    return llabs(t->coef) == 1 ? atom : string_format(n->arena, "%lld * %s", llabs((long long)t->coef), atom);
}

// The numerator's terms of one sign as if positive, or all of them (0), and a constant.
static const char *terms(Notation *n, const Affine *a, int sign, int64_t constant) {
    Parts parts[2] = {0};
    every_term (x, a)
        if (!sign || (x->coef < 0) == (sign < 0)) put_part(n, &parts[x->coef < 0 && !sign], term(n, x));
    if (!parts[0].count && !parts[1].count) return whole(n, constant);
    const char *all = difference(n, "", parts);
    return constant ? string_format(n->arena, "%s %c %lld", all, constant < 0 ? '-' : '+',
                                    llabs((long long)constant))
                    : all;
}

static const char *affine(Notation *n, const Affine *a) {
    const char *all = terms(n, a, 0, a->constant);
    if (a->denominator == 1) return all;
    return string_format(n->arena, "%s // %lld", wrap(n, a->count + (a->constant != 0) > 1, all),
                         (long long)a->denominator);
}

// ---- conditions ----

// form == 0, as two sides without a minus.
static const char *equality(Notation *n, const Affine *form) {
    bool positive = false, negative = false;
    for (int i = 0; i < form->count; i++) *(form->terms[i].coef > 0 ? &positive : &negative) = true;
    const char *left = terms(n, form, positive ? 1 : -1, 0);
    int64_t rest = positive ? -form->constant : form->constant;
    return string_format(n->arena, "%s == %s", left,
                         positive && negative ? terms(n, form, -1, rest) : whole(n, rest));
}

static void put_guard(Notation *n, Parts *parts, Guard g) {
    int64_t bottom = 0, top = g.count * g.form->denominator, constant = g.form->constant;
    if (g.form->denominator > 1) {
        Affine form = *g.form;
        form.denominator = 1;
        put_part(
            n, parts,
            string_format(n->arena, "mod(%s, %lld) == 0", affine(n, &form), (long long)g.form->denominator));
    } else if (g.count == 1) {
        put_part(n, parts, equality(n, g.form));
        return;
    } else {
        bottom -= constant;
        top -= constant;
        constant = 0;
    }
    if (g.form->low < 0)
        put_part(n, parts,
                 string_format(n->arena, "%lld <= %s", (long long)bottom, terms(n, g.form, 0, constant)));
    if (g.form->high >= g.count)
        put_part(n, parts,
                 string_format(n->arena, "%s < %lld", terms(n, g.form, 0, constant), (long long)top));
}

static const char *condition(Notation *n, const Expr *e) {
    Parts parts = {0};
    if (e->op == OP_SELECT) { // a choice that is a condition stands in brackets
        bool chooses = e->args[0]->op == OP_SELECT || e->args[0]->op == OP_WHERE;
        return expression(n, e->args[0], chooses ? TIGHT_COMPARE : TIGHT_NONE);
    }
    for (int i = 0; i < e->guard_count; i++) put_guard(n, &parts, e->guards[i]);
    return parts.count ? joined(n, &parts, " and ") : "true";
}

// ---- loops ----

static bool in_circle(const Notation *n, const Tensor *t) {
    for (int i = 0; i < n->circle_count; i++)
        if (n->circle[i]->tensor == t) return true;
    return false;
}

bool notation_carried(const Notation *n, const Tensor *t) {
    for (int i = 0; i < n->circle_count; i++)
        every_read (read, n->circle[i]->e) {
            if (read->tensor == t && affine_only(read->forms[t->along]) != equation_time(n->circle[i]))
                return true;
        }
    return false;
}

// Does a tensor of the loop at hand wait for the ranges of the left side?
static bool waits(const Notation *n, const Tensor *t) {
    if (!in_circle(n, t)) return false;
    for (int i = 0; i < n->circle_written; i++)
        if (n->circle[i]->tensor == t) return notation_carried(n, n->equation->tensor);
    return true;
}

static bool stays_inside(const Notation *n, const Expr *read) {
    for (int d = 0; d < read->guard_count; d++) {
        int64_t low = read->forms[d]->low, high = read->forms[d]->high;
        bool begun = d == read->tensor->along && in_circle(n, read->tensor);
        if (!begun && !(read->tensor->batch_dims >> d & 1) && (low < 0 || high >= read->tensor->dims[d]))
            return false;
    }
    return true;
}

// A product with what a loop makes, 0 where that is not made yet: what it begins with says so. Gives the
// product; else the expression itself.
static const Expr *without_beginning(const Notation *n, const Expr *e) {
    bool zero = n->circle_count && e->op == OP_WHERE && e->guard_count == 1 && e->args[1]->op == OP_CONST &&
                e->args[1]->value == 0;
    const Expr *body = e->args[0], *const *factors = body->op == OP_PRODUCT ? body->args : &body;
    bool begun = false;
    for (int i = 0; zero && i < (body->op == OP_PRODUCT ? body->count : 1); i++) {
        const Expr *read = factors[i];
        if (body->op == OP_PRODUCT && body->exponents[i] < 0) return e;
        if (read->op != OP_READ || !in_circle(n, read->tensor)) continue;
        const Guard inside = {read->forms[read->tensor->along], read->tensor->dims[read->tensor->along]};
        begun = begun || (guards_imply(n->program, &inside, 1, e->guards[0]) &&
                          guards_imply(n->program, e->guards, 1, inside));
    }
    for (int i = 0; begun && i < body->read_count; i++) begun = stays_inside(n, body->reads[i]);
    return begun ? body : e;
}

static const char *choice(Notation *n, const Expr *e, Tightness around) {
    const Expr *plain = e->op == OP_WHERE ? without_beginning(n, e) : e;
    if (plain != e) return expression(n, plain, around);
    int first = e->op == OP_SELECT;
    const char *then = expression(n, e->args[first], TIGHT_COMPARE), *when = condition(n, e),
               *otherwise = expression(n, e->args[first + 1], TIGHT_NONE);
    return wrap(n, around > TIGHT_NONE, string_format(n->arena, "%s if %s else %s", then, when, otherwise));
}

// ---- numbers ----

static const char *number(const Notation *n, double v, Tightness around) {
    return wrap(n, v < 0 && around > TIGHT_SUM, string_of_double(n->arena, v));
}

// 1/36, which has no short decimal, reads better as `/ 36`: 36; else 0.
static int64_t divisor(const Notation *n, double v) {
    enum { SHORT = 6, MOST = 1 << 20 };
    double by = round(1 / fabs(v));
    bool exact = by > 1 && by <= MOST && 1 / by == fabs(v);
    return exact && strlen(string_of_double(n->arena, fabs(v))) > SHORT ? (int64_t)by : 0;
}

static const char *sum(Notation *n, const Expr *e, Tightness around) {
    Parts parts[2] = {0};
    for (int i = 0; i < e->count; i++) {
        const char *part = expression(n, e->args[i], TIGHT_PRODUCT);
        int64_t by = divisor(n, e->coefs[i]);
        if (by)
            part = string_format(n->arena, "%s / %lld", part, (long long)by);
        else if (fabs(e->coefs[i]) != 1)
            part = string_format(n->arena, "%s * %s", number(n, fabs(e->coefs[i]), TIGHT_PRODUCT), part);
        put_part(n, &parts[e->coefs[i] < 0], part);
    }
    bool leads = !parts[0].count && e->value > 0; // 1 - x
    const char *all = difference(n, leads ? number(n, e->value, TIGHT_SUM) : "", parts);
    if (e->value != 0 && !leads)
        all = string_format(n->arena, "%s %c %s", all, e->value < 0 ? '-' : '+',
                            number(n, fabs(e->value), TIGHT_PRODUCT));
    return wrap(n, around > TIGHT_SUM, all);
}

// What stands above or below the line; *count: how many.
static const char *powers(Notation *n, const Expr *e, bool below, int *count) {
    Parts parts = {0};
    for (int i = 0; i < e->count; i++) {
        int k = e->exponents[i];
        if ((k < 0) != below) continue;
        const char *part = expression(n, e->args[i], TIGHT_POWER);
        put_part(n, &parts, abs(k) == 1 ? part : string_format(n->arena, "%s^%d", part, abs(k)));
    }
    *count = parts.count;
    return joined(n, &parts, " * ");
}

static const char *product(Notation *n, const Expr *e, Tightness around) {
    Text out = {.arena = n->arena};
    int over, under;
    const char *above = powers(n, e, false, &over), *below = powers(n, e, true, &under);
    int64_t by = divisor(n, e->value);
    double value = !by ? e->value : e->value < 0 ? -1 : 1;
    if (value == -1) text_put(&out, "-");
    if (fabs(value) != 1 || !over)
        text_add(&out, "%s%s", number(n, value == -1 ? 1 : value, TIGHT_SUM), over ? " * " : "");
    text_put(&out, above);
    if (by) below = string_format(n->arena, "%lld%s%s", (long long)by, under++ ? " * " : "", below);
    if (under) text_add(&out, " / %s", wrap(n, under > 1, below));
    return wrap(n, around > TIGHT_PRODUCT || (e->value < 0 && around > TIGHT_SUM), text_string(&out));
}

static const char *read(Notation *n, const Expr *e) {
    Text out = {.arena = n->arena};
    text_put(&out, tensor_word(n, e->tensor));
    for (int d = 0; d < e->guard_count; d++) text_add(&out, "%s%s", d ? ", " : "[", affine(n, e->forms[d]));
    if (e->guard_count) text_put(&out, "]");
    return text_string(&out);
}

static const char *operation(Notation *n, const Expr *e, Tightness around) {
    Text out = {.arena = n->arena};
    const OpInfo *info = op_info((Op)e->op);
    bool word = (info->spelling[0] >= 'a' && info->spelling[0] <= 'z') && e->op != OP_AND && e->op != OP_OR &&
                e->op != OP_NOT;
    Tightness inside = word                                           ? TIGHT_NONE
                       : info->result == TYPE_BOOL && e->op != OP_NOT ? TIGHT_COMPARE
                                                                      : TIGHT_POWER;
    if (word) text_add(&out, "%s(", info->spelling);
    if (!word && e->count == 1) text_add(&out, "%s ", info->spelling);
    const char *between = word ? ", " : string_format(n->arena, " %s ", info->spelling);
    for (int i = 0; i < e->count; i++)
        text_add(&out, "%s%s", i ? between : "", expression(n, e->args[i], inside));
    if (word) text_put(&out, ")");
    return wrap(n, !word && around > TIGHT_NONE, text_string(&out));
}

static const char *expression(Notation *n, const Expr *e, Tightness around) {
    switch (e->op) {
    case OP_CONST: return number(n, e->value, around);
    case OP_INDEX: return index_word(n, e->index);
    case OP_ROWS: return "batch";
    case OP_AFFINE:
        return wrap(n, around > TIGHT_SUM || (around == TIGHT_SUM && e->form->denominator > 1),
                    affine(n, e->form));
    case OP_READ: return read(n, e);
    case OP_WHERE:
    case OP_SELECT: return choice(n, e, around);
    case OP_SUM: return sum(n, e, around);
    case OP_PRODUCT: return product(n, e, around);
    case OP_DRAW: die("a draw has no text");
    default: return operation(n, e, around);
    }
}

const char *notation_expression(Notation *n, const Expr *e) { return expression(n, e, TIGHT_NONE); }

// ---- statements ----

// The ranges that reads give an index which stands alone in a dimension of theirs, under no condition: its
// own, and others. `left`: of the left side, for which some tensors of a loop wait.
static void ranges_by_reads(const Notation *n, const Expr *e, const Index *index, bool left, bool *own,
                            bool *other) {
    if (e->op == OP_WHERE) {
        const Expr *plain = without_beginning(n, e);
        if (plain != e) ranges_by_reads(n, plain, index, left, own, other);
        return;
    }
    if (e->op == OP_SELECT || (e->op == OP_READ && left && waits(n, e->tensor))) return;
    if (e->op == OP_READ)
        for (int d = 0; d < e->guard_count; d++)
            if (affine_only(e->forms[d]) == index) *(e->tensor->dims[d] == index->size ? own : other) = true;
    for (int i = 0; i < e->count; i++) ranges_by_reads(n, e->args[i], index, left, own, other);
}

static bool given_by_reads(const Notation *n, const Expr *e, const Index *index, bool left) {
    bool own = false, other = false;
    ranges_by_reads(n, e, index, left, &own, &other);
    return own && !other;
}

static const char *bound(Notation *n, const Index *index, bool given) {
    const char *word = index_word(n, index);
    return given ? word : string_format(n->arena, "%s < %s", word, size_text(n, index->size, index->batch));
}

// Of an index inside a form on the left whose range no read gives, the reader takes as much as stays inside
// the declared dimension: so much of the term's. 0: a read gives it.
static int64_t room_of(const Notation *n, const Equation *q, const Affine *form, int64_t size,
                       const Term *t) {
    if (t->atom->op != OP_INDEX || t->coef < 1 || given_by_reads(n, q->e, t->atom->index, true)) return 0;
    return (size - 1 - (form->high - t->coef * (t->atom->index->size - 1))) / t->coef + 1;
}

// Where the equation has less, or reads would give another range, a condition says so: reads under a
// condition on an index give it none.
static void limit_by_room(Notation *n, const Equation *q, const Affine *form, int64_t size,
                          Parts *conditions) {
    every_term (t, form) {
        bool own = false, other = false;
        if (t->atom->op == OP_INDEX) ranges_by_reads(n, q->e, t->atom->index, true, &own, &other);
        if (other || room_of(n, q, form, size, t) > t->atom->index->size)
            vec_push(n->arena, conditions, bound(n, t->atom->index, false));
    }
}

static int ungiven(const Notation *n, const Equation *q, const Affine *form) {
    int count = 0;
    every_term (term, form)
        count += term->atom->op == OP_INDEX && !given_by_reads(n, q->e, term->atom->index, true);
    return count;
}

// The number of elements that a form counts through from 0, each index being a digit: 2 * i + r with r
// below 2. 0: it does not.
static int64_t counted(const Affine *form, const Index **digits) {
    int64_t unit = 1;
    for (int count = 0; count < form->count; count++) {
        const Term *found = NULL;
        every_term (term, form)
            if (term->coef == unit && term->atom->op == OP_INDEX) found = term;
        if (!found) return 0;
        digits[count] = found->atom->index;
        unit *= found->atom->index->size;
    }
    return form->constant == 0 && form->denominator == 1 ? unit : 0;
}

// Their values by a fresh index h that counts: i = h // 2, r = mod(h, 2).
static void bind_digits(Program *p, const Index *const *digits, int count, const Index *h, Binding *bound) {
    int64_t unit = 1;
    for (int i = 0; i < count; i++) {
        const Expr *above = expr_binary(p, OP_FLOOR_DIV, expr_index(p, h), expr_int(p, unit));
        const Expr *digit = expr_binary(p, OP_MOD, above, expr_int(p, digits[i]->size));
        unit *= digits[i]->size;
        bound[i] = (Binding){digits[i], affine_atom(p, unit == h->size ? above : digit)};
    }
}

// Would the reader find other ranges than there are? Of two unknown ones, or of one that has more room.
static bool needs_digits(const Notation *n, const Equation *q, const Affine *form, int64_t size) {
    bool more = false;
    for (int i = 0; i < form->count && form->count > 1; i++)
        more |= room_of(n, q, form, size, &form->terms[i]) > form->terms[i].atom->index->size;
    return !affine_only(form) && (more || ungiven(n, q, form) > 1);
}

// A form on the left with indices of unknown range has one index in its place, and the others are its digits.
static const Equation *with_digits(const Notation *n, const Equation *q) {
    Program *p = n->program;
    for (int d = 0; d < q->out_count; d++) {
        const Affine *form = q->out[d];
        if (!needs_digits(n, q, form, q->tensor->dims[d])) continue;
        const Index **digits = arena_array(p->arena, const Index *, form->count);
        int64_t elements = counted(form, digits);
        if (!elements) continue;
        const Index *h = index_add(p, form->terms[0].atom->index->name, elements, false);
        Binding *bound = arena_array(p->arena, Binding, form->count);
        bind_digits(p, digits, form->count, h, bound);
        Equation *to = arena_new(p->arena, Equation);
        const Affine **out = arena_array(p->arena, const Affine *, q->out_count);
        *to = *q;
        for (int k = 0; k < q->out_count; k++)
            out[k] = k == d ? affine_index(p, h) : affine_substitute(p, q->out[k], bound, form->count);
        to->out = out;
        to->e = expr_substitute(p, q->e, bound, form->count);
        q = to;
    }
    return q;
}

// `[a, b, c]`, of what gives the text of each; nothing for none.
typedef const char *Entry(Notation *n, const Equation *q, int i);

static void write_list(Notation *n, const Equation *q, int count, Entry *entry) {
    for (int i = 0; i < count; i++) text_add(n->out, "%s%s", i ? ", " : "[", entry(n, q, i));
    if (count) text_put(n->out, "]");
}

static const char *left_entry(Notation *n, const Equation *q, int d) {
    const Index *only = affine_only(q->out[d]);
    if (!only) return affine(n, q->out[d]);
    bool declared = n->declared && only->size == q->tensor->dims[d];
    bool given = declared || (n->circle_count && only == equation_time(q));
    return bound(n, only, given || (!n->declared && given_by_reads(n, q->e, only, true)));
}

static const char *reduced_entry(Notation *n, const Equation *q, int i) {
    return bound(n, q->indices[i], given_by_reads(n, q->e, q->indices[i], false));
}

static const char *ordered_entry(Notation *n, const Equation *q, int d) {
    const Affine *form = q->e->args[0]->forms[d];
    return affine_only(form) == q->indices[0] ? ":" : affine(n, form);
}

// order(x[b, :])[i]
static void write_order(Notation *n, const Equation *q) {
    const Expr *x = q->e->args[0];
    text_add(n->out, "order(%s", tensor_word(n, x->tensor));
    write_list(n, q, x->guard_count, ordered_entry);
    text_add(n->out, ")[%s]", index_word(n, q->e->args[1]->index));
}

static void write_value(Notation *n, const Equation *q) {
    if (q->reduction == REDUCE_ORDER) {
        write_order(n, q);
        return;
    }
    bool minus = (q->e->op == OP_PRODUCT || q->e->op == OP_CONST) && q->e->value < 0;
    text_put(n->out, reduction_word(q->reduction));
    write_list(n, q, q->reduction == REDUCE_NONE ? 0 : q->index_count, reduced_entry);
    text_add(n->out, "%s%s", q->reduction == REDUCE_NONE ? "" : " ",
             expression(n, q->e,
                        q->reduction == REDUCE_NONE ? TIGHT_NONE
                        : minus                     ? TIGHT_POWER
                                                    : TIGHT_PRODUCT));
}

void notation_equation(Notation *n, const Equation *q) {
    n->equation = q;
    n->equation = q = with_digits(n, q);
    Parts conditions = {0};
    n->indices.count = n->words.count = 0;
    if (n->circle_count) {
        vec_push(n->arena, &n->indices, equation_time(q));
        vec_push(n->arena, &n->words, n->time);
    }
    text_add(n->out, "%s    %s", n->circle_count ? "    " : "", tensor_word(n, q->tensor));
    write_list(n, q, q->out_count, left_entry);
    for (int d = 0; d < q->out_count; d++)
        if (!affine_only(q->out[d])) limit_by_room(n, q, q->out[d], q->tensor->dims[d], &conditions);
    text_put(n->out, conditions.count ? " = (" : " = ");
    write_value(n, q);
    if (conditions.count) text_add(n->out, ") if %s else 0", joined(n, &conditions, " and "));
    text_put(n->out, "\n");
}
