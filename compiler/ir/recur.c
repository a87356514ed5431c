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
            every_read (read, f->equations.data[k]->e) {
                const Tensor *t = read->tensor;
                if (t->step && last[t->id] > k && last[t->id] > reach) reach = last[t->id];
            }
        for (int k = i; k < reach; k++) end[k] = reach;
        i = reach ? reach : i + 1;
    }
    return end;
}

// ---- what is needed before it is made ----

typedef struct {
    Program *p;
    const Function *f;
    int from;
    Table first; // tensor -> its first equation of the loop, its number + 1
    int *next;   // by equation: the next one of its tensor, or -1
    bool *seen;
} Steps;

static int steps_first(const Steps *s, const Tensor *t) {
    return (int)(uintptr_t)table_get(&s->first, t) - 1;
}

// Does what the equation makes need this tensor; `now`: in the same step?
static bool equation_needs(Steps *s, int equation, const Tensor *t, bool now) {
    const Equation *q = s->f->equations.data[s->from + equation];
    if (s->seen[equation]) return false;
    s->seen[equation] = true;
    for (int k = 0; k < q->e->read_count; k++) {
        const Tensor *read = q->e->reads[k]->tensor;
        int i = steps_first(s, read);
        if (i < 0 || (now && equation_reads_when(s->p, q, read) == READ_EARLIER)) continue;
        if (read == t) return true;
        for (; i >= 0; i = s->next[i])
            if (equation_needs(s, i, t, now)) return true;
    }
    return false;
}

static bool tensor_needs(Steps *s, const Tensor *of, const Tensor *t, bool now) {
    if (of == t) return true;
    for (int i = 0; i < s->f->equations.count - s->from; i++) s->seen[i] = false;
    for (int i = steps_first(s, of); i >= 0; i = s->next[i])
        if (equation_needs(s, i, t, now)) return true;
    return false;
}

const Equation *function_early(Program *p, const Function *f, int from, const Tensor **read) {
    int count = f->equations.count - from;
    Steps s = {.p = p, .f = f, .from = from};
    s.next = arena_array(p->arena, int, count + 1);
    s.seen = arena_array(p->arena, bool, count + 1);
    for (int i = count - 1; i >= 0; i--) {
        const Tensor *t = f->equations.data[from + i]->tensor;
        s.next[i] = steps_first(&s, t);
        table_set(p->arena, &s.first, t, (void *)((uintptr_t)i + 1));
    }
    for (int i = from; i < f->equations.count; i++) {
        const Equation *q = f->equations.data[i];
        for (int k = 0; k < q->e->read_count; k++) {
            *read = q->e->reads[k]->tensor;
            if (steps_first(&s, *read) < 0) continue;
            ReadTime when = equation_reads_when(p, q, *read);
            if (when != READ_EARLIER && tensor_needs(&s, *read, q->tensor, when == READ_NOW)) return q;
        }
    }
    return NULL;
}
