// Expressions as text of the language: sums, products, conditions and reads. An index keeps its name unless
// another index or tensor of the equation has it. Needs: an equation without draws. Guarantees: parentheses
// where the grammar needs them, and one order of what commutes, so that equal expressions read the same.
#include "notation_expr.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

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

const char *notation_parts(const Notation *n, Parts *parts, const char *between) {
    Text out = {.arena = n->arena};
    if (parts->count) qsort(parts->data, (size_t)parts->count, sizeof *parts->data, by_text);
    for (int i = 0; i < parts->count; i++) text_add(&out, "%s%s", i ? between : "", parts->data[i]);
    return text_string(&out);
}

// Parts to be added and parts to be taken away, with a number between them that may be empty; what is added
// first, so that no text begins with a minus without need.
static const char *difference(const Notation *n, const char *leading, Parts parts[2]) {
    const char *plus = parts[0].count ? notation_parts(n, &parts[0], " + ") : leading;
    if (!parts[1].count) return plus;
    return string_format(n->arena, "%s%s%s", plus, *plus ? " - " : "-", notation_parts(n, &parts[1], " - "));
}

const char *notation_tensor(const Notation *n, const Tensor *t) { return n->names.of_tensors[t->id]; }

const char *notation_size(const Notation *n, int64_t size, bool batch) {
    return batch ? "batch" : whole(n, size);
}

// ---- indices ----

// What the equation names: no index may be called so.
static bool names_tensor(const Notation *n, const char *word) {
    if (string_equal(word, notation_tensor(n, n->equation->tensor))) return true;
    for (int i = 0; i < n->equation->e->read_count; i++)
        if (string_equal(word, notation_tensor(n, n->equation->e->reads[i]->tensor))) return true;
    return false;
}

// The definition's name; what `..` stands for has none, and `n` is for the rows of a batch.
const char *notation_index(Notation *n, const Index *index) {
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
    const char *atom = t->atom->op == OP_INDEX ? notation_index(n, t->atom->index)
                                               : notation_expr(n, t->atom, TIGHT_PRODUCT);
    return llabs(t->coef) == 1 ? atom : string_format(n->arena, "%lld * %s", llabs((long long)t->coef), atom);
}

// The numerator's terms of one sign as if positive, or all of them (0), and a constant.
static const char *terms(Notation *n, const Affine *a, int sign, int64_t constant) {
    Parts parts[2] = {0};
    for (int i = 0; i < a->count; i++)
        if (!sign || (a->terms[i].coef < 0) == (sign < 0))
            put_part(n, &parts[a->terms[i].coef < 0 && !sign], term(n, &a->terms[i]));
    if (!parts[0].count && !parts[1].count) return whole(n, constant);
    const char *all = difference(n, "", parts);
    return constant ? string_format(n->arena, "%s %c %lld", all, constant < 0 ? '-' : '+',
                                    llabs((long long)constant))
                    : all;
}

const char *notation_affine(Notation *n, const Affine *a) {
    const char *all = terms(n, a, 0, a->constant);
    if (a->denominator == 1) return all;
    return string_format(n->arena, "%s / %lld", wrap(n, a->count + (a->constant != 0) > 1, all),
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
    int64_t low, high, bottom = 0, top = g.count * g.form->denominator, constant = g.form->constant;
    affine_bounds(g.form, &low, &high);
    if (g.form->denominator > 1) {
        Affine form = *g.form;
        form.denominator = 1;
        put_part(n, parts,
                 string_format(n->arena, "mod(%s, %lld) == 0", notation_affine(n, &form),
                               (long long)g.form->denominator));
    } else if (g.count == 1) {
        put_part(n, parts, equality(n, g.form));
        return;
    } else {
        bottom -= constant;
        top -= constant;
        constant = 0;
    }
    if (low < 0)
        put_part(n, parts,
                 string_format(n->arena, "%lld <= %s", (long long)bottom, terms(n, g.form, 0, constant)));
    if (high >= g.count)
        put_part(n, parts,
                 string_format(n->arena, "%s < %lld", terms(n, g.form, 0, constant), (long long)top));
}

static const char *condition(Notation *n, const Expr *e) {
    Parts parts = {0};
    if (e->op == OP_SELECT) return notation_expr(n, e->args[0], TIGHT_NONE);
    for (int i = 0; i < e->guard_count; i++) put_guard(n, &parts, e->guards[i]);
    return parts.count ? notation_parts(n, &parts, " and ") : "true";
}

static const char *choice(Notation *n, const Expr *e, Tightness around) {
    int first = e->op == OP_SELECT;
    const char *then = notation_expr(n, e->args[first], TIGHT_COMPARE), *when = condition(n, e),
               *otherwise = notation_expr(n, e->args[first + 1], TIGHT_NONE);
    return wrap(n, around > TIGHT_NONE, string_format(n->arena, "%s if %s else %s", then, when, otherwise));
}

// ---- numbers ----

static const char *number(const Notation *n, double v, Tightness around) {
    return wrap(n, v < 0 && around > TIGHT_SUM, string_of_double(n->arena, v));
}

static const char *sum(Notation *n, const Expr *e, Tightness around) {
    Parts parts[2] = {0};
    for (int i = 0; i < e->count; i++) {
        const char *part = notation_expr(n, e->args[i], TIGHT_PRODUCT);
        if (fabs(e->coefs[i]) != 1)
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
        const char *part = notation_expr(n, e->args[i], TIGHT_POWER);
        put_part(n, &parts, abs(k) == 1 ? part : string_format(n->arena, "%s^%d", part, abs(k)));
    }
    *count = parts.count;
    return notation_parts(n, &parts, " * ");
}

static const char *product(Notation *n, const Expr *e, Tightness around) {
    Text out = {.arena = n->arena};
    int over, under;
    const char *above = powers(n, e, false, &over), *below = powers(n, e, true, &under);
    if (e->value == -1) text_put(&out, "-");
    if (fabs(e->value) != 1 || !over)
        text_add(&out, "%s%s", number(n, e->value == -1 ? 1 : e->value, TIGHT_SUM), over ? " * " : "");
    text_put(&out, above);
    if (under) text_add(&out, " / %s", wrap(n, under > 1, below));
    return wrap(n, around > TIGHT_PRODUCT || (e->value < 0 && around > TIGHT_SUM), text_string(&out));
}

static const char *read(Notation *n, const Expr *e) {
    Text out = {.arena = n->arena};
    text_put(&out, notation_tensor(n, e->tensor));
    for (int d = 0; d < e->guard_count; d++)
        text_add(&out, "%s%s", d ? ", " : "[", notation_affine(n, e->forms[d]));
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
        text_add(&out, "%s%s", i ? between : "", notation_expr(n, e->args[i], inside));
    if (word) text_put(&out, ")");
    return wrap(n, !word && around > TIGHT_NONE, text_string(&out));
}

const char *notation_expr(Notation *n, const Expr *e, Tightness around) {
    switch (e->op) {
    case OP_CONST: return number(n, e->value, around);
    case OP_INDEX: return notation_index(n, e->index);
    case OP_ROWS: return "batch";
    case OP_AFFINE:
        return wrap(n, around > TIGHT_SUM || (around == TIGHT_SUM && e->form->denominator > 1),
                    notation_affine(n, e->form));
    case OP_READ: return read(n, e);
    case OP_WHERE:
    case OP_SELECT: return choice(n, e, around);
    case OP_SUM: return sum(n, e, around);
    case OP_PRODUCT: return product(n, e, around);
    case OP_DRAW: die("a draw has no text");
    default: return operation(n, e, around);
    }
}
