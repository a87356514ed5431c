// Cuts functions out of their master: what each wants, with `training` decided. A value that became the
// target itself is no effect. The step keeps the master's tensors, and each what it puts out; else functions
// have tensors of their own.
#include "pass/algebra.h"
#include "pass/passes.h"

typedef struct {
    Program *p;
    Function *f;
    const Equation **alone; // by the tensor's id: the one equation that defines it, or NULL
    Tensor **own;           // by the tensor's id: what f has in its place, or NULL
    int count;
} Cut;

void function_slice(Program *p, Function *f) {
    const bool *live = function_live(p, f);
    vec_keep(q, f->equations, live[q->tensor->id]);
    vec_keep(g, f->gradients, live[g.result->id]);
}

static const Expr *decide(void *data, const Expr *read) {
    const Cut *c = data;
    return read->tensor->kind == TENSOR_TRAINING ? expr_int(c->p, c->f->training) : read;
}

// All of the master, with `training` decided.
static void take(Cut *c) {
    Program *p = c->p;
    const Function *from = c->f->from;
    bool *defined = arena_array(p->arena, bool, c->count + 1);
    every (q, from->equations) {
        uint32_t id = q->tensor->id;
        Equation *decided = equation_with(p, q, expr_map_reads(p, q->e, decide, c));
        vec_push(p->arena, &c->f->equations, decided);
        c->alone[id] = defined[id] ? NULL : decided;
        defined[id] = true;
    }
    for (int i = 0; i < from->gradients.count; i++)
        vec_push(p->arena, &c->f->gradients, from->gradients.data[i]);
}

// The tensor whose elements these are, through definitions that only read another's.
static const Tensor *original(const Cut *c, const Tensor *t) {
    const Equation *q;
    while ((q = c->alone[t->id]) && q->reduction == REDUCE_NONE && q->e->op == OP_READ &&
           q->e->guard_count == q->out_count && equation_identity(q) &&
           forms_equal(q->out, q->e->forms, q->out_count))
        t = q->e->tensor;
    return t;
}

static Tensor *own(const Cut *c, Tensor *t) {
    return (int)t->id < c->count && c->own[t->id] ? c->own[t->id] : t;
}

static const Expr *read_own(void *data, const Expr *read) {
    const Cut *c = data;
    Tensor *t = own(c, read->tensor);
    return t == read->tensor ? read : expr_read(c->p, t, read->forms, read->origin);
}

static void make_own(Cut *c, Tensor *t) {
    bool shared = t->kind == TENSOR_TEMP ||
                  (t->kind == TENSOR_OUTPUT && !tensor_among(c->f->outputs.data, c->f->outputs.count, t));
    if (shared && !c->own[t->id]) c->own[t->id] = tensor_again(c->p, t);
}

static void rename(Cut *c) {
    Function *f = c->f;
    for (int i = 0; i < f->equations.count; i++) make_own(c, f->equations.data[i]->tensor);
    for (int i = 0; i < f->gradients.count; i++) make_own(c, f->gradients.data[i].result);
    every (q, f->equations) {
        q->tensor = own(c, q->tensor);
        q->e = expr_map_reads(c->p, q->e, read_own, c);
    }
    every_at (g, f->gradients) *g = (GradientRequest){own(c, g->of), own(c, g->by), own(c, g->result)};
    for (int i = 0; i < f->outputs.count; i++) f->outputs.data[i] = own(c, f->outputs.data[i]);
    for (int i = 0; i < f->effects.count; i++) f->effects.data[i].value = own(c, f->effects.data[i].value);
    for (int i = 0; i < f->measures.count; i++) f->measures.data[i].value = own(c, f->measures.data[i].value);
}

static void cut(Program *p, Function *f) {
    Cut c = {.p = p, .f = f, .count = p->tensors.count};
    c.alone = arena_array(p->arena, const Equation *, c.count + 1);
    c.own = arena_array(p->arena, Tensor *, c.count + 1);
    take(&c);
    vec_keep(e, f->effects, original(&c, e.value) != e.target);
    function_slice(p, f);
    if (f->kind != FUNCTION_STEP) rename(&c);
    f->from = NULL;
    f->training = false;
}

void pass_specialise(Program *p, Function *f) {
    if (f->kind != FUNCTION_RUN) return;
    every (g, p->functions)
        if (g->from) cut(p, g);
    vec_keep(g, p->functions, g != f);
}
