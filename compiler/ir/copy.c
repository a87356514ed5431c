// What a function computes, computed again where some tensors have other values: of a loss after what the
// lines above it have changed. Guarantees: only what reads a changed tensor is written again, a gradient that
// is asked for too; everything else is shared.
#include "ir/ir.h"

typedef struct {
    Program *p;
    Tensor **other; // by tensor id: what stands in its place, or NULL
    bool *needed;   // by tensor id
    int count;
} Copies;

static bool is_changed(const Copies *c, const Tensor *t) { return (int)t->id < c->count && c->other[t->id]; }

static Tensor *replaced(const Copies *c, Tensor *t) { return is_changed(c, t) ? c->other[t->id] : t; }

static const Expr *replace_read(void *data, const Expr *read) {
    const Copies *c = data;
    return is_changed(c, read->tensor) ? expr_read(c->p, replaced(c, read->tensor), read->forms, read->origin)
                                       : read;
}

static Tensor *tensor_again(Program *p, const Tensor *t) {
    Tensor *again = tensor_add(p, t->name, TENSOR_TEMP, t->type, t->rank, t->dims);
    Tensor made = *again;
    *again = *t;
    again->name = made.name;
    again->id = made.id;
    again->kind = TENSOR_TEMP;
    return again;
}

// Backwards from what is asked for; what a gradient needs is what it derives, and by what.
static void mark_needed(Copies *c, const Function *f, const Tensor *of) {
    c->needed[of->id] = true;
    for (int i = f->equations.count - 1; i >= 0; i--) {
        const Equation *q = f->equations.data[i];
        for (int k = 0; c->needed[q->tensor->id] && k < q->e->read_count; k++) {
            const Tensor *t = q->e->reads[k]->tensor;
            const GradientRequest *g = function_request(f, t);
            c->needed[t->id] = true;
            if (g) c->needed[g->of->id] = c->needed[g->by->id] = true;
        }
    }
}

// Does the equation read what has changed? A gradient has where what it derives has, or by what.
static bool reads_changed(Copies *c, const Function *f, const Equation *q) {
    bool any = false;
    for (int k = 0; k < q->e->read_count; k++) {
        Tensor *t = q->e->reads[k]->tensor;
        const GradientRequest *g = is_changed(c, t) ? NULL : function_request(f, t);
        if (g && (is_changed(c, g->of) || is_changed(c, g->by))) c->other[t->id] = tensor_again(c->p, t);
        any = any || is_changed(c, t);
    }
    return any;
}

Tensor *function_copy(Program *p, Function *f, Tensor *of, const Effect *changed, int count) {
    Copies c = {.p = p,
                .other = arena_array(p->arena, Tensor *, p->tensors.count),
                .needed = arena_array(p->arena, bool, p->tensors.count),
                .count = p->tensors.count};
    for (int i = 0; i < count; i++) c.other[changed[i].target->id] = changed[i].value;
    mark_needed(&c, f, of);
    int equations = f->equations.count, gradients = f->gradients.count;
    for (int i = 0; i < equations; i++) {
        const Equation *q = f->equations.data[i];
        if (!c.needed[q->tensor->id] || !(reads_changed(&c, f, q) || is_changed(&c, q->tensor))) continue;
        if (!is_changed(&c, q->tensor)) c.other[q->tensor->id] = tensor_again(p, q->tensor);
        equation_add(p, f, c.other[q->tensor->id], q->out, q->reduction, q->indices, q->index_count,
                     expr_map_reads(p, q->e, replace_read, &c), q->origin);
    }
    for (int i = 0; i < gradients; i++) {
        GradientRequest g = f->gradients.data[i];
        if (!is_changed(&c, g.result)) continue;
        g = (GradientRequest){replaced(&c, g.of), replaced(&c, g.by), replaced(&c, g.result)};
        vec_push(p->arena, &f->gradients, g);
    }
    return replaced(&c, of);
}
