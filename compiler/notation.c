// Equations and functions as text of the language. Sizes are numbers, the batch is `batch`. A range is
// written where nothing else in the statement gives it (language rule 3); what is made of pieces has a fn of
// its own. Needs: equations without draws. Guarantees: the text means what the interpreter computes.
#include "notation_expr.h"

#include <string.h>

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

// ---- statements ----

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

static const char *bound(Notation *n, const Index *index, bool given) {
    const char *word = notation_index(n, index);
    return given ? word
                 : string_format(n->arena, "%s < %s", word, notation_size(n, index->size, index->batch));
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
        if (room > index->size) vec_push(n->arena, conditions, bound(n, index, false));
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

// `[a, b, c]`, of what gives the text of each; nothing for none.
typedef const char *Entry(Notation *n, const Equation *q, int i);

static void write_list(Notation *n, const Equation *q, int count, Entry *entry) {
    for (int i = 0; i < count; i++) text_add(n->out, "%s%s", i ? ", " : "[", entry(n, q, i));
    if (count) text_put(n->out, "]");
}

static const char *left_entry(Notation *n, const Equation *q, int d) {
    const Index *only = affine_only(q->out[d]);
    return only ? bound(n, only, n->declared || given_by_reads(q->e, only)) : notation_affine(n, q->out[d]);
}

static const char *reduced_entry(Notation *n, const Equation *q, int i) {
    return bound(n, q->indices[i], given_by_reads(q->e, q->indices[i]));
}

static const char *ordered_entry(Notation *n, const Equation *q, int d) {
    const Affine *form = q->e->args[0]->forms[d];
    return affine_only(form) == q->indices[0] ? ":" : notation_affine(n, form);
}

// order(x[b, :])[i]
static void write_order(Notation *n, const Equation *q) {
    const Expr *x = q->e->args[0];
    text_add(n->out, "order(%s", notation_tensor(n, x->tensor));
    write_list(n, q, x->guard_count, ordered_entry);
    text_add(n->out, ")[%s]", notation_index(n, q->e->args[1]->index));
}

static const char *const REDUCTIONS[] = {"", "sum", "prod", "max", "min", "argmax", "argmin"};

static void write_value(Notation *n, const Equation *q) {
    if (q->reduction == REDUCE_ORDER) {
        write_order(n, q);
        return;
    }
    bool minus = (q->e->op == OP_PRODUCT || q->e->op == OP_CONST) && q->e->value < 0;
    text_put(n->out, REDUCTIONS[q->reduction]);
    write_list(n, q, q->reduction == REDUCE_NONE ? 0 : q->index_count, reduced_entry);
    text_add(n->out, "%s%s", q->reduction == REDUCE_NONE ? "" : " ",
             notation_expr(n, q->e,
                           q->reduction == REDUCE_NONE ? TIGHT_NONE
                           : minus                     ? TIGHT_POWER
                                                       : TIGHT_PRODUCT));
}

static void write_equation(Notation *n, const Equation *q) {
    q = with_digits(n->program, q);
    n->equation = q;
    Parts conditions = {0};
    n->indices.count = n->words.count = 0;
    text_add(n->out, "    %s", notation_tensor(n, q->tensor));
    write_list(n, q, q->out_count, left_entry);
    for (int d = 0; d < q->out_count; d++)
        if (!affine_only(q->out[d])) limit_by_room(n, q, q->out[d], q->tensor->dims[d], &conditions);
    text_put(n->out, conditions.count ? " = (" : " = ");
    write_value(n, q);
    if (conditions.count) text_add(n->out, ") if %s else 0", notation_parts(n, &conditions, " and "));
    text_put(n->out, "\n");
}

// The sizes of a tensor, the first of them after `before`.
static void write_sizes(Notation *n, const Tensor *t, const char *before) {
    for (int d = 0; d < t->rank; d++)
        text_add(n->out, "%s%s", d ? ", " : before, notation_size(n, t->dims[d], t->batch_dims >> d & 1));
}

static void write_signature(Notation *n, Tensor *const *tensors, int count) {
    for (int i = 0; i < count; i++) {
        const Tensor *t = tensors[i];
        text_add(n->out, "%s%s", i ? ", " : "", notation_tensor(n, t));
        write_sizes(n, t, "[");
        if (t->rank) text_put(n->out, "]");
        if (t->type == TYPE_INT) text_put(n->out, ": int");
        if (t->type == TYPE_BOOL) text_put(n->out, ": bool");
    }
}

// ---- functions ----

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
    write_head(n, string_format(n->program->arena, "%s_%s", name, notation_tensor(n, d->tensor)),
               d->reads.data, d->reads.count, &(Tensor *){d->tensor}, 1);
    n->declared = true;
    for (int i = 0; i < d->equations.count; i++) write_equation(n, d->equations.data[i]);
    text_put(n->out, "}\n\n");
}

static void write_call(Notation *n, const char *name, const Defined *d) {
    text_add(n->out, "    %s = %s_%s(", notation_tensor(n, d->tensor), name, notation_tensor(n, d->tensor));
    for (int i = 0; i < d->reads.count; i++)
        text_add(n->out, "%s%s", i ? ", " : "", notation_tensor(n, d->reads.data[i]));
    text_put(n->out, ")\n");
}

static void write_reshape(Notation *n, const Tensor *t, const Tensor *from) {
    text_add(n->out, "    %s = reshape(%s", notation_tensor(n, t), notation_tensor(n, from));
    write_sizes(n, t, ", ");
    text_put(n->out, ")\n");
}

void notation_function(Text *out, Program *p, const Function *f, const char *name, Tensor *const *parameters,
                       int parameter_count, Tensor *const *results, int result_count, NotationNames names) {
    Notation n = {.out = out, .program = p, .arena = p->arena, .names = names};
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
