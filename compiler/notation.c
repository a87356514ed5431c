// Equations as text of the language. Sizes are numbers, the batch is `batch`; an index keeps its name unless another index of
// the equation has it. A range is written where nothing else in the statement gives it (language rule 3).
// Needs: equations without draws. Guarantees: the text means what the interpreter computes.
#include "notation.h"

#include <math.h>
#include <string.h>

typedef struct {
    Text *out;
    const Program *program;
    const char *const *names;
    const Equation *equation;
    bool declared;                    // the equation's tensor stands in the signature
    VEC(const Index *) indices;       // of the equation, with the word of each
    VEC(const char *) words;
} Notation;

typedef enum { TIGHT_NONE, TIGHT_COMPARE, TIGHT_SUM, TIGHT_PRODUCT, TIGHT_POWER } Tightness;

static void write_expr(Notation *n, const Expr *e, Tightness around);

const char *notation_word(Arena *arena, const char *name) {
    char *word = string_copy(arena, name, strlen(name));
    char *to = word;
    for (const char *c = name; *c; c++) {
        bool good = *c == '_' || (*c >= '0' && *c <= '9') || (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z');
        if (good) *to++ = *c;
        else if (*c != ']') *to++ = '_';
    }
    *to = 0;
    return word;
}

static const char *tensor_word(const Notation *n, const Tensor *t) {
    if (n->names && n->names[t->id]) return n->names[t->id];
    return notation_word(n->program->arena, t->name);
}

static void write_size(Notation *n, int64_t size, bool batch) {
    if (batch) text_put(n->out, "batch");
    else text_add(n->out, "%lld", (long long)size);
}

// ---- indices ----------------------------------------------------------------------------------------------------------------

static const char *index_word(Notation *n, const Index *index) {
    for (int i = 0; i < n->indices.count; i++)
        if (n->indices.data[i] == index) return n->words.data[i];
    const char *word = notation_word(n->program->arena, index->name ? index->name : "i");
    for (int k = 2; ; k++) {
        bool taken = string_equal(word, "batch");
        for (int i = 0; i < n->words.count; i++) taken |= string_equal(n->words.data[i], word);
        if (!taken) break;
        word = string_format(n->program->arena, "%s%d", index->name ? index->name : "i", k);
    }
    vec_push(n->program->arena, &n->indices, index);
    vec_push(n->program->arena, &n->words, word);
    return word;
}

static void write_term(Notation *n, const Term *t, bool first) {
    int64_t k = t->coef;
    if (k < 0) {
        text_put(n->out, first ? "-" : " - ");
        k = -k;
    } else if (!first) {
        text_put(n->out, " + ");
    }
    if (k != 1) text_add(n->out, "%lld * ", (long long)k);
    if (t->atom->op == OP_INDEX) text_put(n->out, index_word(n, t->atom->index));
    else write_expr(n, t->atom, TIGHT_PRODUCT);
}

// The numerator's terms of one sign, or all of them; positive first, so that no text begins with a minus without need.
static void write_terms(Notation *n, const Affine *a, int sign, int64_t constant) {
    bool first = true;
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < a->count; i++) {
            Term t = a->terms[i];
            if ((t.coef < 0) != (pass == 1) || (sign && (t.coef < 0) != (sign < 0))) continue;
            if (sign < 0) t.coef = -t.coef;
            write_term(n, &t, first);
            first = false;
        }
    if (first) text_add(n->out, "%lld", (long long)constant);
    else if (constant) text_add(n->out, constant < 0 ? " - %lld" : " + %lld", (long long)(constant < 0 ? -constant : constant));
}

static void write_affine(Notation *n, const Affine *a) {
    bool whole = a->denominator == 1, several = a->count + (a->constant != 0) > 1;
    if (!whole && several) text_put(n->out, "(");
    write_terms(n, a, 0, a->constant);
    if (!whole) text_add(n->out, several ? ") / %lld" : " / %lld", (long long)a->denominator);
}

// ---- conditions ---------------------------------------------------------------------------------------------------------------

// form == 0, as two sides without a minus.
static void write_equality(Notation *n, const Affine *form) {
    int positive = 0, negative = 0;
    for (int i = 0; i < form->count; i++) *(form->terms[i].coef > 0 ? &positive : &negative) += 1;
    bool left = positive > 0;
    write_terms(n, form, left ? 1 : -1, 0);
    text_put(n->out, " == ");
    int64_t rest = left ? -form->constant : form->constant;
    if (left && negative) write_terms(n, form, -1, rest);
    else text_add(n->out, "%lld", (long long)rest);
}

static void write_guard(Notation *n, Guard g, bool *first) {
    const char *and = *first ? "" : " and ";
    int64_t low, high;
    affine_bounds(g.form, &low, &high);
    if (g.form->denominator > 1) {
        Affine whole = *g.form;
        whole.denominator = 1;
        text_add(n->out, "%smod(", and);
        write_affine(n, &whole);
        text_add(n->out, ", %lld) == 0", (long long)g.form->denominator);
        *first = false;
        and = " and ";
        if (low < 0) {
            text_put(n->out, " and 0 <= ");
            write_terms(n, g.form, 0, g.form->constant);
        }
        if (high >= g.count) {
            text_put(n->out, and);
            write_terms(n, g.form, 0, g.form->constant);
            text_add(n->out, " < %lld", (long long)(g.count * g.form->denominator));
        }
        return;
    }
    if (g.count == 1) {
        text_put(n->out, and);
        write_equality(n, g.form);
        *first = false;
        return;
    }
    if (low < 0) {
        text_add(n->out, "%s%lld <= ", and, (long long)-g.form->constant);
        write_terms(n, g.form, 0, 0);
        and = " and ";
        *first = false;
    }
    if (high >= g.count) {
        text_put(n->out, and);
        write_terms(n, g.form, 0, 0);
        text_add(n->out, " < %lld", (long long)(g.count - g.form->constant));
        *first = false;
    }
}

static void write_choice(Notation *n, const Expr *e, Tightness around) {
    bool select = e->op == OP_SELECT;
    const Expr *a = select ? e->args[1] : e->args[0], *b = select ? e->args[2] : e->args[1];
    if (around > TIGHT_NONE) text_put(n->out, "(");
    write_expr(n, a, TIGHT_COMPARE);
    text_put(n->out, " if ");
    if (select) {
        write_expr(n, e->args[0], TIGHT_NONE);
    } else {
        bool first = true;
        for (int i = 0; i < e->guard_count; i++) write_guard(n, e->guards[i], &first);
        if (first) text_put(n->out, "true");
    }
    text_put(n->out, " else ");
    write_expr(n, b, TIGHT_NONE);
    if (around > TIGHT_NONE) text_put(n->out, ")");
}

// ---- numbers --------------------------------------------------------------------------------------------------------------------

static void write_number(Notation *n, double v, Tightness around) {
    const char *text = isinf(v) ? (v > 0 ? "inf" : "-inf") : string_of_double(n->program->arena, v);
    bool wrap = v < 0 && around > TIGHT_SUM;
    text_add(n->out, wrap ? "(%s)" : "%s", text);
}

static void write_sum(Notation *n, const Expr *e, Tightness around) {
    if (around > TIGHT_SUM) text_put(n->out, "(");
    bool first = true;
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < e->count; i++) {
            double k = e->coefs[i];
            if ((k < 0) != (pass == 1)) continue;
            text_put(n->out, k < 0 ? (first ? "-" : " - ") : first ? "" : " + ");
            if (fabs(k) != 1) {
                write_number(n, fabs(k), TIGHT_PRODUCT);
                text_put(n->out, " * ");
            }
            write_expr(n, e->args[i], TIGHT_PRODUCT);
            first = false;
        }
    if (e->value != 0) {
        text_put(n->out, e->value < 0 ? " - " : " + ");
        write_number(n, fabs(e->value), TIGHT_PRODUCT);
    }
    if (around > TIGHT_SUM) text_put(n->out, ")");
}

static void write_powers(Notation *n, const Expr *e, bool below, bool *first) {
    for (int i = 0; i < e->count; i++) {
        int k = e->exponents[i];
        if ((k < 0) != below) continue;
        if (!*first) text_put(n->out, " * ");
        *first = false;
        write_expr(n, e->args[i], TIGHT_POWER);
        if (k != 1 && k != -1) text_add(n->out, "^%d", k < 0 ? -k : k);
    }
}

static void write_product(Notation *n, const Expr *e, Tightness around) {
    bool wrap = around > TIGHT_PRODUCT || (e->value < 0 && around > TIGHT_SUM);
    int below = 0;
    for (int i = 0; i < e->count; i++) below += e->exponents[i] < 0;
    bool first = true;
    if (wrap) text_put(n->out, "(");
    if (e->value == -1) text_put(n->out, "-");
    if (fabs(e->value) != 1 || below == e->count) {
        write_number(n, e->value == -1 ? 1 : e->value, TIGHT_SUM);
        first = false;
    }
    write_powers(n, e, false, &first);
    if (below) {
        text_put(n->out, below > 1 ? " / (" : " / ");
        first = true;
        write_powers(n, e, true, &first);
        if (below > 1) text_put(n->out, ")");
    }
    if (wrap) text_put(n->out, ")");
}

static void write_read(Notation *n, const Expr *e) {
    text_put(n->out, tensor_word(n, e->tensor));
    if (!e->tensor->rank) return;
    text_put(n->out, "[");
    for (int d = 0; d < e->guard_count; d++) {
        if (d) text_put(n->out, ", ");
        write_affine(n, e->forms[d]);
    }
    text_put(n->out, "]");
}

static void write_op(Notation *n, const Expr *e, Tightness around) {
    const OpInfo *info = op_info((Op)e->op);
    bool word = (info->spelling[0] >= 'a' && info->spelling[0] <= 'z') && e->op != OP_AND && e->op != OP_OR && e->op != OP_NOT;
    if (word) {
        text_add(n->out, "%s(", info->spelling);
        for (int i = 0; i < e->count; i++) {
            if (i) text_put(n->out, ", ");
            write_expr(n, e->args[i], TIGHT_NONE);
        }
        text_put(n->out, ")");
        return;
    }
    if (around > TIGHT_NONE) text_put(n->out, "(");
    if (e->count == 1) text_add(n->out, "%s ", info->spelling);
    write_expr(n, e->args[0], TIGHT_POWER);
    if (e->count == 2) {
        text_add(n->out, " %s ", info->spelling);
        write_expr(n, e->args[1], TIGHT_POWER);
    }
    if (around > TIGHT_NONE) text_put(n->out, ")");
}

static void write_expr(Notation *n, const Expr *e, Tightness around) {
    switch (e->op) {
    case OP_CONST: write_number(n, e->value, around); break;
    case OP_INDEX: text_put(n->out, index_word(n, e->index)); break;
    case OP_ROWS: text_put(n->out, "batch"); break;
    case OP_AFFINE: {
        bool wrap = around > TIGHT_SUM || (around == TIGHT_SUM && e->form->denominator > 1);
        if (wrap) text_put(n->out, "(");
        write_affine(n, e->form);
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

// ---- statements -------------------------------------------------------------------------------------------------------------------

// Does the index stand alone in a read's dimension, so that the dimension gives its range? Not under a condition.
static bool given_by_reads(const Expr *e, const Index *index) {
    if (e->op == OP_WHERE || e->op == OP_SELECT) return false;
    if (e->op == OP_READ)
        for (int d = 0; d < e->guard_count; d++)
            if (affine_only(e->forms[d]) == index && e->tensor->dims[d] == index->size) return true;
    for (int i = 0; i < e->count; i++)
        if (given_by_reads(e->args[i], index)) return true;
    return false;
}

static void write_bound(Notation *n, const Index *index, bool given) {
    text_put(n->out, index_word(n, index));
    if (given) return;
    text_put(n->out, " < ");
    write_size(n, index->size, index->batch);
}

static const char *const REDUCTIONS[] = {"", "sum", "prod", "max", "min", "argmax", "argmin"};

static void write_equation(Notation *n, const Equation *q) {
    n->equation = q;
    n->indices.count = n->words.count = 0;
    text_add(n->out, "    %s", tensor_word(n, q->tensor));
    for (int d = 0; d < q->out_count; d++) {
        text_put(n->out, d ? ", " : "[");
        const Index *only = affine_only(q->out[d]);
        if (only) write_bound(n, only, n->declared || given_by_reads(q->e, only));
        else write_affine(n, q->out[d]);
    }
    text_put(n->out, q->out_count ? "] = " : " = ");
    if (q->reduction == REDUCE_NONE) {
        write_expr(n, q->e, TIGHT_NONE);
    } else {
        text_add(n->out, "%s[", REDUCTIONS[q->reduction]);
        for (int i = 0; i < q->index_count; i++) {
            if (i) text_put(n->out, ", ");
            write_bound(n, q->indices[i], given_by_reads(q->e, q->indices[i]));
        }
        text_put(n->out, "] ");
        bool minus = (q->e->op == OP_PRODUCT && q->e->value < 0) || (q->e->op == OP_CONST && q->e->value < 0);
        write_expr(n, q->e, minus ? TIGHT_POWER : TIGHT_PRODUCT);
    }
    text_put(n->out, "\n");
}

static void write_signature(Notation *n, Tensor *const *tensors, int count) {
    for (int i = 0; i < count; i++) {
        const Tensor *t = tensors[i];
        text_add(n->out, "%s%s", i ? ", " : "", tensor_word(n, t));
        for (int d = 0; d < t->rank; d++) {
            text_put(n->out, d ? ", " : "[");
            write_size(n, t->dims[d], t->batch_dims >> d & 1);
        }
        if (t->rank) text_put(n->out, "]");
        if (t->type == TYPE_INT) text_put(n->out, ": int");
        if (t->type == TYPE_BOOL) text_put(n->out, ": bool");
    }
}

void notation_function(Text *out, const Program *p, const Function *f, const char *name, Tensor *const *parameters,
                       int parameter_count, Tensor *const *results, int result_count, const char *const *names) {
    Notation n = {.out = out, .program = p, .names = names};
    text_add(out, "fn %s(", name);
    write_signature(&n, parameters, parameter_count);
    text_put(out, result_count > 1 ? ") -> (" : ") -> ");
    write_signature(&n, results, result_count);
    text_put(out, result_count > 1 ? ") {\n" : " {\n");
    for (int i = 0; i < f->equations.count; i++) {
        const Equation *q = f->equations.data[i];
        n.declared = false;
        for (int r = 0; r < result_count; r++) n.declared |= results[r] == q->tensor;
        write_equation(&n, q);
    }
    text_put(out, "}\n");
}
