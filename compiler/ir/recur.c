// Recurrences: tensors that are made step by step along one of their dimensions, because a step reads what
// earlier steps have made. Which tensors those are is told by `Tensor.step`; which of them go through the
// steps together, by what reads what: equations of a function that read each other in a circle.

#include "ir/tables.h"

enum { MOST_GUARDS = 64 };

const Index *equation_time(const Equation *q) {
    return q->tensor->step ? affine_only(q->out[q->tensor->along]) : NULL;
}

typedef struct {
    Program *p;
    const Equation *q;
    const Tensor *t;
    Guard known[MOST_GUARDS];
    int count;
    ReadTime worst;
} Times;

// Steps from what is read to what is made, as a form; at least `from` of them, for all that the guards leave?
static bool lags(Times *x, const Affine *steps, int64_t from) {
    Guard g = {affine_offset(x->p, steps, -from), x->t->dims[x->t->along]};
    return guards_imply(x->p, x->known, x->count, g);
}

// `seen` is for what is known here; what was looked at while less was known is as bad as it can be.
static void look(Times *x, const Expr *e, Table *seen) {
    if (!expr_reads(e, x->t) || table_get(seen, e)) return;
    table_set(x->p->arena, seen, e, e);
    Table under = {0}, *own = e->op == OP_WHERE ? &under : seen;
    const Affine *form;
    int before = x->count;
    for (int i = 0; (form = expr_form(e, i)); i++) {
        for (int k = 0; k < form->count; k++) look(x, form->terms[k].atom, own);
        if (e->op == OP_WHERE && x->count < MOST_GUARDS) x->known[x->count++] = e->guards[i];
    }
    if (e->op == OP_READ && e->tensor == x->t) {
        const Affine *steps = affine_sub(x->p, x->q->out[x->q->tensor->along], e->forms[x->t->along]);
        steps = affine_scale(x->p, steps, x->t->step, 1);
        ReadTime time = lags(x, steps, 1) ? READ_EARLIER : lags(x, steps, 0) ? READ_NOW : READ_LATER;
        if (time > x->worst) x->worst = time;
    }
    for (int i = 0; i < e->count; i++) {
        look(x, e->args[i], i ? seen : own);
        x->count = before;
    }
}

ReadTime equation_reads_when(Program *p, const Equation *q, const Tensor *t) {
    if (!t->step || t->step != q->tensor->step) return READ_LATER;
    Times x = {.p = p, .q = q, .t = t};
    look(&x, q->e, &(Table){0});
    return x.worst;
}

int *function_cycles(Program *p, const Function *f) {
    int count = f->equations.count, *end = arena_array(p->arena, int, count + 1),
        *last = arena_array(p->arena, int, p->tensors.count + 1); // + 1: the last equation of a tensor
    for (int i = 0; i < count; i++) last[f->equations.data[i]->tensor->id] = i + 1;
    for (int i = 0; i < count;) {
        int reach = 0;
        for (int k = i; k == i || k < reach; k++)
            for (int r = 0; r < f->equations.data[k]->e->read_count; r++) {
                const Tensor *t = f->equations.data[k]->e->reads[r]->tensor;
                if (t->step && last[t->id] > k && last[t->id] > reach) reach = last[t->id];
            }
        for (int k = i; k < reach; k++) end[k] = reach;
        i = reach ? reach : i + 1;
    }
    return end;
}
