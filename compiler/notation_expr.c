// Expressions as text of the language: sums, products, conditions and reads. An index keeps its name unless
// another index or tensor of the equation has it. Needs: an equation without draws. Guarantees: parentheses
// where the grammar needs them, and one order of what commutes, so that equal expressions read the same.
#include "notation_expr.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// ---- parts whose order is free: they are sorted by their text, so that equal functions read the same ----

// Text written from here on goes aside; end_part gives it, and goes on with the text before.
static Text *begin_part(Notation *n, Text *part) {
    Text *out = n->out;
    *part = (Text){.arena = n->program->arena};
    n->out = part;
    return out;
}

static void end_part(Notation *n, Parts *parts, Text *part, Text *out) {
    vec_push(n->program->arena, parts, text_string(part));
    n->out = out;
}

static int by_text(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void notation_parts(Notation *n, Parts *parts, const char *between) {
    if (parts->count) qsort(parts->data, (size_t)parts->count, sizeof *parts->data, by_text);
    for (int i = 0; i < parts->count; i++) text_add(n->out, "%s%s", i ? between : "", parts->data[i]);
}

const char *notation_tensor(const Notation *n, const Tensor *t) { return n->names.of_tensors[t->id]; }

void notation_size(Notation *n, int64_t size, bool batch) {
    if (batch)
        text_put(n->out, "batch");
    else
        text_add(n->out, "%lld", (long long)size);
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
    const char *wanted = index->name ? notation_word(n->program->arena, index->name) : "i", *word;
    if (index->batch && string_equal(wanted, "i")) wanted = "n";
    word = wanted;
    for (int k = 2;; k++) {
        bool taken =
            string_equal(word, "batch") || names_tensor(n, word) || n->names.reserved(n->names.data, word);
        for (int i = 0; i < n->words.count; i++) taken |= string_equal(n->words.data[i], word);
        if (!taken) break;
        word = string_format(n->program->arena, "%s%d", wanted, k);
    }
    vec_push(n->program->arena, &n->indices, index);
    vec_push(n->program->arena, &n->words, word);
    return word;
}

static void write_term(Notation *n, const Term *t) {
    int64_t k = t->coef < 0 ? -t->coef : t->coef;
    if (k != 1) text_add(n->out, "%lld * ", (long long)k);
    if (t->atom->op == OP_INDEX)
        text_put(n->out, notation_index(n, t->atom->index));
    else
        notation_expr(n, t->atom, TIGHT_PRODUCT);
}

// The numerator's terms of one sign as if positive, or all of them; positive first, so that no text begins
// with a minus without need.
static void write_terms(Notation *n, const Affine *a, int sign, int64_t constant) {
    Parts parts[2] = {0};
    for (int i = 0; i < a->count; i++) {
        const Term *t = &a->terms[i];
        if (sign && (t->coef < 0) != (sign < 0)) continue;
        Text part, *out = begin_part(n, &part);
        write_term(n, t);
        end_part(n, &parts[t->coef < 0 && !sign], &part, out);
    }
    notation_parts(n, &parts[0], " + ");
    if (parts[1].count) text_put(n->out, parts[0].count ? " - " : "-");
    notation_parts(n, &parts[1], " - ");
    if (!parts[0].count && !parts[1].count)
        text_add(n->out, "%lld", (long long)constant);
    else if (constant)
        text_add(n->out, constant < 0 ? " - %lld" : " + %lld",
                 (long long)(constant < 0 ? -constant : constant));
}

void notation_affine(Notation *n, const Affine *a) {
    bool whole = a->denominator == 1, several = a->count + (a->constant != 0) > 1;
    if (!whole && several) text_put(n->out, "(");
    write_terms(n, a, 0, a->constant);
    if (!whole) text_add(n->out, several ? ") / %lld" : " / %lld", (long long)a->denominator);
}

// ---- conditions ----

// form == 0, as two sides without a minus.
static void write_equality(Notation *n, const Affine *form) {
    int positive = 0, negative = 0;
    for (int i = 0; i < form->count; i++) *(form->terms[i].coef > 0 ? &positive : &negative) += 1;
    bool left = positive > 0;
    write_terms(n, form, left ? 1 : -1, 0);
    text_put(n->out, " == ");
    int64_t rest = left ? -form->constant : form->constant;
    if (left && negative)
        write_terms(n, form, -1, rest);
    else
        text_add(n->out, "%lld", (long long)rest);
}

// One side of a range: `low <= form` or `form < high`, as it was or times the denominator.
static void write_bound_of(Notation *n, Parts *parts, const Affine *form, int64_t constant, bool low,
                           int64_t bound) {
    Text part, *out = begin_part(n, &part);
    if (low) text_add(n->out, "%lld <= ", (long long)bound);
    write_terms(n, form, 0, constant);
    if (!low) text_add(n->out, " < %lld", (long long)bound);
    end_part(n, parts, &part, out);
}

static void write_divisible(Notation *n, Parts *parts, Guard g, bool below, bool above) {
    Affine whole = *g.form;
    whole.denominator = 1;
    Text part, *out = begin_part(n, &part);
    text_put(n->out, "mod(");
    notation_affine(n, &whole);
    text_add(n->out, ", %lld) == 0", (long long)g.form->denominator);
    end_part(n, parts, &part, out);
    if (below) write_bound_of(n, parts, g.form, g.form->constant, true, 0);
    if (above) write_bound_of(n, parts, g.form, g.form->constant, false, g.count * g.form->denominator);
}

static void write_guard(Notation *n, Parts *parts, Guard g) {
    int64_t low, high;
    affine_bounds(g.form, &low, &high);
    bool below = low < 0, above = high >= g.count;
    if (g.form->denominator > 1) {
        write_divisible(n, parts, g, below, above);
    } else if (g.count == 1) {
        Text part, *out = begin_part(n, &part);
        write_equality(n, g.form);
        end_part(n, parts, &part, out);
    } else {
        if (below) write_bound_of(n, parts, g.form, 0, true, -g.form->constant);
        if (above) write_bound_of(n, parts, g.form, 0, false, g.count - g.form->constant);
    }
}

static void write_choice(Notation *n, const Expr *e, Tightness around) {
    bool select = e->op == OP_SELECT;
    const Expr *a = select ? e->args[1] : e->args[0], *b = select ? e->args[2] : e->args[1];
    if (around > TIGHT_NONE) text_put(n->out, "(");
    notation_expr(n, a, TIGHT_COMPARE);
    text_put(n->out, " if ");
    if (select) {
        notation_expr(n, e->args[0], TIGHT_NONE);
    } else {
        Parts parts = {0};
        for (int i = 0; i < e->guard_count; i++) write_guard(n, &parts, e->guards[i]);
        if (!parts.count) text_put(n->out, "true");
        notation_parts(n, &parts, " and ");
    }
    text_put(n->out, " else ");
    notation_expr(n, b, TIGHT_NONE);
    if (around > TIGHT_NONE) text_put(n->out, ")");
}

// ---- numbers ----

static void write_number(Notation *n, double v, Tightness around) {
    const char *text = isinf(v) ? (v > 0 ? "inf" : "-inf") : string_of_double(n->program->arena, v);
    bool wrap = v < 0 && around > TIGHT_SUM;
    text_add(n->out, wrap ? "(%s)" : "%s", text);
}

static void write_sum(Notation *n, const Expr *e, Tightness around) {
    Parts parts[2] = {0};
    for (int i = 0; i < e->count; i++) {
        Text part, *out = begin_part(n, &part);
        if (fabs(e->coefs[i]) != 1) {
            write_number(n, fabs(e->coefs[i]), TIGHT_PRODUCT);
            text_put(n->out, " * ");
        }
        notation_expr(n, e->args[i], TIGHT_PRODUCT);
        end_part(n, &parts[e->coefs[i] < 0], &part, out);
    }
    if (around > TIGHT_SUM) text_put(n->out, "(");
    bool leads = !parts[0].count && e->value > 0; // 1 - x
    if (leads) write_number(n, e->value, TIGHT_SUM);
    notation_parts(n, &parts[0], " + ");
    if (parts[1].count) text_put(n->out, leads || parts[0].count ? " - " : "-");
    notation_parts(n, &parts[1], " - ");
    if (e->value != 0 && !leads) {
        text_put(n->out, e->value < 0 ? " - " : " + ");
        write_number(n, fabs(e->value), TIGHT_PRODUCT);
    }
    if (around > TIGHT_SUM) text_put(n->out, ")");
}

static void write_powers(Notation *n, const Expr *e, bool below) {
    Parts parts = {0};
    for (int i = 0; i < e->count; i++) {
        int k = e->exponents[i];
        if ((k < 0) != below) continue;
        Text part, *out = begin_part(n, &part);
        notation_expr(n, e->args[i], TIGHT_POWER);
        if (k != 1 && k != -1) text_add(n->out, "^%d", k < 0 ? -k : k);
        end_part(n, &parts, &part, out);
    }
    notation_parts(n, &parts, " * ");
}

static void write_product(Notation *n, const Expr *e, Tightness around) {
    bool wrap = around > TIGHT_PRODUCT || (e->value < 0 && around > TIGHT_SUM);
    int below = 0;
    for (int i = 0; i < e->count; i++) below += e->exponents[i] < 0;
    if (wrap) text_put(n->out, "(");
    if (e->value == -1) text_put(n->out, "-");
    if (fabs(e->value) != 1 || below == e->count) {
        write_number(n, e->value == -1 ? 1 : e->value, TIGHT_SUM);
        if (below < e->count) text_put(n->out, " * ");
    }
    write_powers(n, e, false);
    if (below) {
        text_put(n->out, below > 1 ? " / (" : " / ");
        write_powers(n, e, true);
        if (below > 1) text_put(n->out, ")");
    }
    if (wrap) text_put(n->out, ")");
}

static void write_read(Notation *n, const Expr *e) {
    text_put(n->out, notation_tensor(n, e->tensor));
    if (!e->tensor->rank) return;
    text_put(n->out, "[");
    for (int d = 0; d < e->guard_count; d++) {
        if (d) text_put(n->out, ", ");
        notation_affine(n, e->forms[d]);
    }
    text_put(n->out, "]");
}

static void write_op(Notation *n, const Expr *e, Tightness around) {
    const OpInfo *info = op_info((Op)e->op);
    bool word = (info->spelling[0] >= 'a' && info->spelling[0] <= 'z') && e->op != OP_AND && e->op != OP_OR &&
                e->op != OP_NOT;
    if (word) {
        text_add(n->out, "%s(", info->spelling);
        for (int i = 0; i < e->count; i++) {
            if (i) text_put(n->out, ", ");
            notation_expr(n, e->args[i], TIGHT_NONE);
        }
        text_put(n->out, ")");
        return;
    }
    if (around > TIGHT_NONE) text_put(n->out, "(");
    if (e->count == 1) text_add(n->out, "%s ", info->spelling);
    Tightness inside = info->result == TYPE_BOOL && e->op != OP_NOT ? TIGHT_COMPARE : TIGHT_POWER;
    notation_expr(n, e->args[0], inside);
    if (e->count == 2) {
        text_add(n->out, " %s ", info->spelling);
        notation_expr(n, e->args[1], inside);
    }
    if (around > TIGHT_NONE) text_put(n->out, ")");
}

void notation_expr(Notation *n, const Expr *e, Tightness around) {
    switch (e->op) {
    case OP_CONST: write_number(n, e->value, around); break;
    case OP_INDEX: text_put(n->out, notation_index(n, e->index)); break;
    case OP_ROWS: text_put(n->out, "batch"); break;
    case OP_AFFINE: {
        bool wrap = around > TIGHT_SUM || (around == TIGHT_SUM && e->form->denominator > 1);
        if (wrap) text_put(n->out, "(");
        notation_affine(n, e->form);
        if (wrap) text_put(n->out, ")");
        break;
    }
    case OP_READ: write_read(n, e); break;
    case OP_WHERE:
    case OP_SELECT: write_choice(n, e, around); break;
    case OP_SUM: write_sum(n, e, around); break;
    case OP_PRODUCT: write_product(n, e, around); break;
    case OP_DRAW: die("a draw has no text");
    default: write_op(n, e, around);
    }
}
