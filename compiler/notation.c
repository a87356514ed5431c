// Equations as text of the language. Sizes are numbers, the batch is `batch`; an index keeps its name unless
// another index of the equation has it. A range is written where nothing else in the statement gives it
// (language rule 3). Needs: equations without draws. Guarantees: the text means what the interpreter
// computes.
#include "notation.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    Text *out;
    Program *program;
    NotationNames names;
    const Equation *equation;
    bool declared;              // the equation's tensor stands in the signature
    VEC(const Index *) indices; // of the equation, with the word of each
    VEC(const char *) words;
} Notation;

typedef enum { TIGHT_NONE, TIGHT_COMPARE, TIGHT_SUM, TIGHT_PRODUCT, TIGHT_POWER } Tightness;

static void write_expr(Notation *n, const Expr *e, Tightness around);

// ---- parts whose order is free: they are sorted by their text, so that equal functions read the same ----

typedef VEC(const char *) Parts;

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

static void write_parts(Notation *n, Parts *parts, const char *between) {
    if (parts->count) qsort(parts->data, (size_t)parts->count, sizeof *parts->data, by_text);
    for (int i = 0; i < parts->count; i++) text_add(n->out, "%s%s", i ? between : "", parts->data[i]);
}

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

static const char *tensor_word(const Notation *n, const Tensor *t) { return n->names.of_tensors[t->id]; }

static void write_size(Notation *n, int64_t size, bool batch) {
    if (batch)
        text_put(n->out, "batch");
    else
        text_add(n->out, "%lld", (long long)size);
}

// ---- indices
// ----------------------------------------------------------------------------------------------------------------

// What the equation names: no index may be called so.
static bool names_tensor(const Notation *n, const char *word) {
    if (string_equal(word, tensor_word(n, n->equation->tensor))) return true;
    for (int i = 0; i < n->equation->e->read_count; i++)
        if (string_equal(word, tensor_word(n, n->equation->e->reads[i]->tensor))) return true;
    return false;
}

// The definition's name; what `..` stands for has none, and `n` is for the rows of a batch.
static const char *index_word(Notation *n, const Index *index) {
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
        text_put(n->out, index_word(n, t->atom->index));
    else
        write_expr(n, t->atom, TIGHT_PRODUCT);
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
    write_parts(n, &parts[0], " + ");
    if (parts[1].count) text_put(n->out, parts[0].count ? " - " : "-");
    write_parts(n, &parts[1], " - ");
    if (!parts[0].count && !parts[1].count)
        text_add(n->out, "%lld", (long long)constant);
    else if (constant)
        text_add(n->out, constant < 0 ? " - %lld" : " + %lld",
                 (long long)(constant < 0 ? -constant : constant));
}

static void write_affine(Notation *n, const Affine *a) {
    bool whole = a->denominator == 1, several = a->count + (a->constant != 0) > 1;
    if (!whole && several) text_put(n->out, "(");
    write_terms(n, a, 0, a->constant);
    if (!whole) text_add(n->out, several ? ") / %lld" : " / %lld", (long long)a->denominator);
}

// ---- conditions
// ---------------------------------------------------------------------------------------------------------------

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
    write_affine(n, &whole);
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
    write_expr(n, a, TIGHT_COMPARE);
    text_put(n->out, " if ");
    if (select) {
        write_expr(n, e->args[0], TIGHT_NONE);
    } else {
        Parts parts = {0};
        for (int i = 0; i < e->guard_count; i++) write_guard(n, &parts, e->guards[i]);
        if (!parts.count) text_put(n->out, "true");
        write_parts(n, &parts, " and ");
    }
    text_put(n->out, " else ");
    write_expr(n, b, TIGHT_NONE);
    if (around > TIGHT_NONE) text_put(n->out, ")");
}

// ---- numbers
// --------------------------------------------------------------------------------------------------------------------

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
        write_expr(n, e->args[i], TIGHT_PRODUCT);
        end_part(n, &parts[e->coefs[i] < 0], &part, out);
    }
    if (around > TIGHT_SUM) text_put(n->out, "(");
    bool leads = !parts[0].count && e->value > 0; // 1 - x
    if (leads) write_number(n, e->value, TIGHT_SUM);
    write_parts(n, &parts[0], " + ");
    if (parts[1].count) text_put(n->out, leads || parts[0].count ? " - " : "-");
    write_parts(n, &parts[1], " - ");
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
        write_expr(n, e->args[i], TIGHT_POWER);
        if (k != 1 && k != -1) text_add(n->out, "^%d", k < 0 ? -k : k);
        end_part(n, &parts, &part, out);
    }
    write_parts(n, &parts, " * ");
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
    bool word = (info->spelling[0] >= 'a' && info->spelling[0] <= 'z') && e->op != OP_AND && e->op != OP_OR &&
                e->op != OP_NOT;
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
    Tightness inside = info->result == TYPE_BOOL && e->op != OP_NOT ? TIGHT_COMPARE : TIGHT_POWER;
    write_expr(n, e->args[0], inside);
    if (e->count == 2) {
        text_add(n->out, " %s ", info->spelling);
        write_expr(n, e->args[1], inside);
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

// ---- statements
// -------------------------------------------------------------------------------------------------------------------

// Does the index stand alone in a read's dimension, so that the dimension gives its range? Not under a
// condition.
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

// Of an index inside a form on the left whose range no read gives, the reader takes as much as stays inside
// the declared dimension; where the equation has less, a condition says so.
static void limit_by_room(Notation *n, const Equation *q, const Affine *form, int64_t size,
                          Parts *conditions) {
    int64_t low, high;
    affine_bounds(form, &low, &high);
    for (int i = 0; i < form->count; i++) {
        const Term *t = &form->terms[i];
        if (t->atom->op != OP_INDEX || t->coef < 1 || given_by_reads(q->e, t->atom->index)) continue;
        const Index *index = t->atom->index;
        int64_t room = (size - 1 - (high - t->coef * (index->size - 1))) / t->coef + 1;
        if (room > index->size)
            vec_push(
                n->program->arena, conditions,
                string_format(n->program->arena, "%s < %lld", index_word(n, index), (long long)index->size));
    }
}

static int ungiven(const Equation *q, const Affine *form) {
    int count = 0;
    for (int i = 0; i < form->count; i++)
        count += form->terms[i].atom->op == OP_INDEX && !given_by_reads(q->e, form->terms[i].atom->index);
    return count;
}

// The digits of a fresh index h, where the form counts through a whole dimension: 2 * i + r gives i = h // 2,
// r = mod(h, 2). Returns how many; 0: it does not.
static int digits_of(Program *p, const Affine *form, const Index *h, Binding *digits) {
    int64_t unit = 1;
    int count = 0;
    for (; count < form->count; count++) {
        const Term *found = NULL;
        for (int i = 0; i < form->count; i++)
            if (form->terms[i].coef == unit && form->terms[i].atom->op == OP_INDEX) found = &form->terms[i];
        if (!found) return 0;
        const Index *index = found->atom->index;
        const Expr *above = expr_binary(p, OP_FLOOR_DIV, expr_index(p, h), expr_int(p, unit));
        const Expr *digit = expr_binary(p, OP_MOD, above, expr_int(p, index->size));
        unit *= index->size;
        digits[count] = (Binding){index, affine_atom(p, unit == h->size ? above : digit)};
    }
    return unit == h->size && form->constant == 0 && form->denominator == 1 ? count : 0;
}

// A form on the left with two indices of unknown range has one index in its place, and the others are its
// digits.
static const Equation *with_digits(Program *p, const Equation *q) {
    for (int d = 0; d < q->out_count; d++) {
        if (affine_only(q->out[d]) || ungiven(q, q->out[d]) < 2) continue;
        const Index *h = index_add(p, q->out[d]->terms[0].atom->index->name, q->tensor->dims[d], false);
        Binding *digits = arena_array(p->arena, Binding, q->out[d]->count);
        int count = digits_of(p, q->out[d], h, digits);
        if (!count) continue;
        Equation *to = arena_new(p->arena, Equation);
        const Affine **out = arena_array(p->arena, const Affine *, q->out_count);
        *to = *q;
        for (int k = 0; k < q->out_count; k++)
            out[k] = k == d ? affine_index(p, h) : affine_substitute(p, q->out[k], digits, count);
        to->out = out;
        to->e = expr_substitute(p, q->e, digits, count);
        q = to;
    }
    return q;
}

static const char *const REDUCTIONS[] = {"", "sum", "prod", "max", "min", "argmax", "argmin"};

static void write_equation(Notation *n, const Equation *q) {
    q = with_digits(n->program, q);
    n->equation = q;
    Parts conditions = {0};
    n->indices.count = n->words.count = 0;
    text_add(n->out, "    %s", tensor_word(n, q->tensor));
    for (int d = 0; d < q->out_count; d++) {
        text_put(n->out, d ? ", " : "[");
        const Index *only = affine_only(q->out[d]);
        if (only)
            write_bound(n, only, n->declared || given_by_reads(q->e, only));
        else
            write_affine(n, q->out[d]);
        if (!only) limit_by_room(n, q, q->out[d], q->tensor->dims[d], &conditions);
    }
    text_put(n->out, q->out_count ? "] = " : " = ");
    if (conditions.count) text_put(n->out, "(");
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
    if (conditions.count) {
        text_put(n->out, ") if ");
        write_parts(n, &conditions, " and ");
        text_put(n->out, " else 0");
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

// ---- functions
// --------------------------------------------------------------------------------------------------------------------

// The row-major number of the element at these forms, in a sample where the first dimension is the batch.
static const Affine *element_number(Program *p, const Tensor *t, const Affine *const *forms) {
    const Affine *number = affine_constant(p, 0);
    for (int d = t->batch_dims & 1; d < t->rank; d++)
        number = affine_add(p, affine_scale(p, number, t->dims[d], 1), forms[d]);
    return number;
}

// The tensor of which this one is the elements in their order, or NULL.
static const Tensor *reshaped(Program *p, const Equation *q) {
    const Tensor *t = q->tensor;
    if (q->reduction != REDUCE_NONE || q->e->op != OP_READ || q->e->tensor->type != t->type) return NULL;
    const Tensor *from = q->e->tensor;
    bool rows = t->batch_dims & 1;
    if (tensor_elements(from) != tensor_elements(t) || from->batch_dims > 1 ||
        t->batch_dims != from->batch_dims)
        return NULL;
    if (rows && q->out[0] != q->e->forms[0]) return NULL;
    for (int d = 0; d < from->rank; d++)
        if (!affine_only(q->e->forms[d])) return NULL;
    return element_number(p, t, q->out) == element_number(p, from, q->e->forms) ? from : NULL;
}

static bool is_plain(const Equation *q) {
    for (int d = 0; d < q->out_count; d++)
        if (!affine_only(q->out[d])) return false;
    return true;
}

typedef struct {
    Tensor *tensor;
    int left;
    VEC(Equation *) equations;
    VEC(Tensor *) reads;
    bool pieces;
} Defined;

static void read_once(Arena *arena, Defined *d, Tensor *t) {
    for (int i = 0; i < d->reads.count; i++)
        if (d->reads.data[i] == t) return;
    vec_push(arena, &d->reads, t);
}

// Of each tensor of the function its equations and what they read.
static Defined *definitions(const Program *p, const Function *f) {
    Defined *all = arena_array(p->arena, Defined, p->tensors.count);
    for (int i = 0; i < f->equations.count; i++) {
        Equation *q = f->equations.data[i];
        Defined *d = &all[q->tensor->id];
        d->tensor = q->tensor;
        d->left++;
        d->pieces |= d->left > 1 || !is_plain(q);
        vec_push(p->arena, &d->equations, q);
        for (int k = 0; k < q->e->read_count; k++) read_once(p->arena, d, q->e->reads[k]->tensor);
    }
    return all;
}

static void write_head(Notation *n, const char *name, Tensor *const *parameters, int parameter_count,
                       Tensor *const *results, int result_count) {
    text_add(n->out, "fn %s(", name);
    write_signature(n, parameters, parameter_count);
    text_put(n->out, result_count > 1 ? ") -> (" : ") -> ");
    write_signature(n, results, result_count);
    text_put(n->out, result_count > 1 ? ") {\n" : " {\n");
}

static void write_pieces(Notation *n, const char *name, const Defined *d) {
    write_head(n, string_format(n->program->arena, "%s_%s", name, tensor_word(n, d->tensor)), d->reads.data,
               d->reads.count, &(Tensor *){d->tensor}, 1);
    n->declared = true;
    for (int i = 0; i < d->equations.count; i++) write_equation(n, d->equations.data[i]);
    text_put(n->out, "}\n\n");
}

static void write_call(Notation *n, const char *name, const Defined *d) {
    text_add(n->out, "    %s = %s_%s(", tensor_word(n, d->tensor), name, tensor_word(n, d->tensor));
    for (int i = 0; i < d->reads.count; i++)
        text_add(n->out, "%s%s", i ? ", " : "", tensor_word(n, d->reads.data[i]));
    text_put(n->out, ")\n");
}

static void write_reshape(Notation *n, const Tensor *t, const Tensor *from) {
    text_add(n->out, "    %s = reshape(%s", tensor_word(n, t), tensor_word(n, from));
    for (int d = 0; d < t->rank; d++) {
        text_put(n->out, ", ");
        write_size(n, t->dims[d], t->batch_dims >> d & 1);
    }
    text_put(n->out, ")\n");
}

void notation_function(Text *out, Program *p, const Function *f, const char *name, Tensor *const *parameters,
                       int parameter_count, Tensor *const *results, int result_count, NotationNames names) {
    Notation n = {.out = out, .program = p, .names = names};
    Defined *all = definitions(p, f);
    const Tensor **reshape = arena_array(p->arena, const Tensor *, p->tensors.count);
    for (int r = 0; r < result_count; r++) all[results[r]->id].pieces = false;
    for (int i = 0; i < f->equations.count; i++) {
        Defined *d = &all[f->equations.data[i]->tensor->id];
        if (!d->pieces || d->left != d->equations.count || d->equations.data[0] != f->equations.data[i])
            continue;
        reshape[d->tensor->id] = d->equations.count == 1 ? reshaped(p, d->equations.data[0]) : NULL;
        if (!reshape[d->tensor->id]) write_pieces(&n, name, d);
    }
    write_head(&n, name, parameters, parameter_count, results, result_count);
    for (int i = 0; i < f->equations.count; i++) {
        const Equation *q = f->equations.data[i];
        Defined *d = &all[q->tensor->id];
        n.declared = false;
        for (int r = 0; r < result_count; r++) n.declared |= results[r] == q->tensor;
        if (!d->pieces)
            write_equation(&n, q);
        else if (--d->left == 0 && reshape[q->tensor->id])
            write_reshape(&n, q->tensor, reshape[q->tensor->id]);
        else if (d->left == 0)
            write_call(&n, name, d);
    }
    text_put(out, "}\n");
}
