// Functions as text of the language: signatures, loops, and what is made of pieces, which has a fn of its own
// before the one that uses it.
#include "ir/algebra.h"
#include "grad/text.h"

#include <string.h>

// The loop's index has one word in all lines, which no tensor has.
static const char *time_word(const Notation *n, const Function *f) {
    const char *wanted = notation_word(n->arena, equation_time(n->circle[0])->name), *word = wanted;
    for (int k = 2;; k++) {
        bool taken = n->names.reserved(n->names.data, word);
        for (int i = 0; i < f->equations.count && !taken; i++) {
            const Equation *q = f->equations.data[i];
            taken = string_equal(word, tensor_word(n, q->tensor));
            for (int r = 0; r < q->e->read_count && !taken; r++)
                taken = string_equal(word, tensor_word(n, q->e->reads[r]->tensor));
        }
        if (!taken) return word;
        word = string_format(n->arena, "%s%d", wanted, k);
    }
}

static void write_loop_head(Notation *n, const Function *f) {
    const Tensor *first = n->circle[0]->tensor;
    n->time = time_word(n, f);
    text_add(n->out, "    recur %s < %s%s", n->time, size_text(n, first->dims[first->along], false),
             first->step < 0 ? " reversed" : "");
    const char *before = " from ";
    for (int i = 0; i < n->circle_count; i++) {
        if (!notation_carried(n, n->circle[i]->tensor)) continue;
        text_add(n->out, "%s%s = 0", before, tensor_word(n, n->circle[i]->tensor));
        before = ", ";
    }
    text_put(n->out, " {\n");
}

// The sizes of a tensor, the first of them after `before`.
static void write_sizes(Notation *n, const Tensor *t, const char *before) {
    for (int d = 0; d < t->rank; d++)
        text_add(n->out, "%s%s", d ? ", " : before, size_text(n, t->dims[d], t->batch_dims >> d & 1));
}

static void write_signature(Notation *n, Tensor *const *tensors, int count) {
    for (int i = 0; i < count; i++) {
        const Tensor *t = tensors[i];
        text_add(n->out, "%s%s", i ? ", " : "", tensor_word(n, t));
        write_sizes(n, t, "[");
        if (t->rank) text_put(n->out, "]");
        if (t->type == TYPE_INT) text_put(n->out, ": int");
        if (t->type == TYPE_BOOL) text_put(n->out, ": bool");
    }
}

// ---- functions ----

// In a sample, where the first dimension is the batch.
static const Affine *element_number(Program *p, const Tensor *t, const Affine *const *forms) {
    return affine_number(p, forms, t->dims, t->batch_dims & 1, t->rank);
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
    Equations equations;
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
    every (q, f->equations) {
        Defined *d = &all[q->tensor->id];
        d->tensor = q->tensor;
        d->left++;
        d->pieces |= d->left > 1 || !is_plain(q);
        vec_push(p->arena, &d->equations, q);
        for (int k = 0; k < q->e->read_count; k++) read_once(p->arena, d, q->e->reads[k]->tensor);
    }
    return all;
}

// What reads nothing of the batch's rows and has its dimension takes a parameter that says how many they are.
static void take_rows(Arena *arena, Defined *d, Tensor *const *parameters, int count) {
    bool wanted = d->tensor->batch_dims;
    for (int i = 0; i < d->equations.count; i++)
        for (int k = 0; k < d->equations.data[i]->index_count; k++)
            wanted |= d->equations.data[i]->indices[k]->batch;
    for (int i = 0; i < d->reads.count; i++) wanted &= !d->reads.data[i]->batch_dims;
    for (int i = 0; i < count && wanted; i++) {
        if (!parameters[i]->batch_dims) continue;
        vec_push(arena, &d->reads, parameters[i]);
        return;
    }
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
    for (int i = 0; i < d->equations.count; i++) notation_equation(n, d->equations.data[i]);
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
        take_rows(p->arena, d, parameters, parameter_count);
        reshape[d->tensor->id] = d->equations.count == 1 ? reshaped(p, d->equations.data[0]) : NULL;
        if (!reshape[d->tensor->id]) write_pieces(&n, name, d);
    }
    write_head(&n, name, parameters, parameter_count, results, result_count);
    const int *ends = function_cycles(p, f);
    for (int i = 0; i < f->equations.count; i++) {
        const Equation *q = f->equations.data[i];
        Defined *d = &all[q->tensor->id];
        if (ends[i] && !n.circle_count) {
            n.circle = (const Equation *const *)f->equations.data + i;
            n.circle_count = ends[i] - i;
            n.circle_written = 0;
            write_loop_head(&n, f);
        }
        n.declared = false;
        for (int r = 0; r < result_count; r++) n.declared |= results[r] == q->tensor;
        bool last = --d->left == 0;
        if (!d->pieces)
            notation_equation(&n, q);
        else if (last && reshape[q->tensor->id])
            write_reshape(&n, q->tensor, reshape[q->tensor->id]);
        else if (last)
            write_call(&n, name, d);
        if (last) explain_tensor(&n, f, q->tensor);
        if (!n.circle_count || ++n.circle_written < n.circle_count) continue;
        n.circle_count = 0;
        text_put(out, "    }\n");
    }
    text_put(out, "}\n");
}
