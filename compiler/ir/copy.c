// What computing a tensor needs, and what a function computes, computed again where some tensors have other
// values: of a loss after what the lines above it have changed. Guarantees: only what reads a changed tensor
// is written again, a gradient that is asked for too; everything else is shared.
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

typedef VEC(Tensor *) Tensors;

static void need(Program *p, bool *needed, Tensors *open, Tensor *t) {
    if (!needed[t->id]) vec_push(p->arena, open, t);
    needed[t->id] = true;
}

Tensor *tensor_again(Program *p, const Tensor *t) {
    Tensor *again = tensor_add(p, t->name, TENSOR_TEMP, t->type, t->rank, t->dims);
    Tensor made = *again;
    *again = *t;
    again->name = made.name;
    again->id = made.id;
    again->kind = TENSOR_TEMP;
    return again;
}

bool *function_needed(Program *p, const Function *f, Tensor *const *wanted, int count, Tensor *const *stops,
                      int stop_count) {
    bool *needed = arena_array(p->arena, bool, p->tensors.count + 1);
    int *last = arena_array(p->arena, int, p->tensors.count + 1); // the last equation of each, + 1
    int *before = arena_array(p->arena, int, f->equations.count + 1);
    Tensors open = {0};
    for (int i = 0; i < f->equations.count; i++) {
        int *mine = &last[f->equations.data[i]->tensor->id];
        before[i] = *mine;
        *mine = i + 1;
    }
    for (int i = 0; i < count; i++) need(p, needed, &open, wanted[i]);
    while (open.count) {
        const Tensor *t = open.data[--open.count];
        if (tensor_among(stops, stop_count, t)) continue;
        const GradientRequest *g = function_request(f, t);
        if (g) need(p, needed, &open, g->of);
        if (g) need(p, needed, &open, g->by);
        for (int i = last[t->id]; i; i = before[i - 1]) {
            const Expr *e = f->equations.data[i - 1]->e;
            every_read (read, e) need(p, needed, &open, read->tensor);
        }
    }
    return needed;
}

bool *function_live(Program *p, const Function *f) {
    Tensors wanted = {0};
    for (int i = 0; i < f->outputs.count; i++) vec_push(p->arena, &wanted, f->outputs.data[i]);
    for (int i = 0; i < f->effects.count; i++) vec_push(p->arena, &wanted, f->effects.data[i].value);
    for (int i = 0; i < f->measures.count; i++) vec_push(p->arena, &wanted, f->measures.data[i].value);
    return function_needed(p, f, wanted.data, wanted.count, NULL, 0);
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

// What has to be computed again gets another tensor.
static void mark_changed(Copies *c, const Function *f) {
    for (bool again = true; again;) {
        again = false;
        every (q, f->equations) {
            if (!c->needed[q->tensor->id] || is_changed(c, q->tensor) || !reads_changed(c, f, q)) continue;
            c->other[q->tensor->id] = tensor_again(c->p, q->tensor);
            again = again || q->tensor->step;
        }
    }
}

Tensor *function_copy(Program *p, Function *f, Tensor *of, const Effect *changed, int count) {
    Copies c = {.p = p,
                .other = arena_array(p->arena, Tensor *, p->tensors.count),
                .needed = function_needed(p, f, &of, 1, NULL, 0),
                .count = p->tensors.count};
    for (int i = 0; i < count; i++) c.other[changed[i].target->id] = changed[i].value;
    int equations = f->equations.count, gradients = f->gradients.count;
    mark_changed(&c, f);
    for (int i = 0; i < equations; i++) {
        const Equation *q = f->equations.data[i];
        if (!c.needed[q->tensor->id] || !is_changed(&c, q->tensor)) continue;
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
