// A function as definitions in order: every tensor with all its pieces, at the place of the last of them.
// Opened from a function's equations, rewritten as a list, and written back; order and dead code stand here
// too.
#include "pass/algebra.h"

Flow *flow_empty(Program *p, Function *f) {
    Flow *flow = arena_new(p->arena, Flow);
    flow->p = p;
    flow->f = f;
    return flow;
}

Definition *flow_definition(const Flow *flow, const Tensor *t) {
    return (int)t->id < flow->by_id.count ? flow->by_id.data[t->id] : NULL;
}

static Definition *enter(Flow *flow, Tensor *t) {
    while (flow->by_id.count <= (int)t->id) vec_push(flow->p->arena, &flow->by_id, NULL);
    Definition *d = arena_new(flow->p->arena, Definition);
    d->tensor = t;
    d->live = t->kind != TENSOR_TEMP;
    flow->by_id.data[t->id] = d;
    return d;
}

Definition *flow_add(Flow *flow, Tensor *t) {
    Definition *d = enter(flow, t);
    vec_push(flow->p->arena, &flow->order, d);
    return d;
}

static void mark_live(Flow *flow, const Tensor *t) {
    Definition *d = flow_definition(flow, t);
    if (d) d->live = true;
}

Flow *flow_open(Program *p, Function *f) {
    Flow *flow = flow_empty(p, f);
    int *last = arena_array(p->arena, int, p->tensors.count + 1);
    for (int i = 0; i < f->equations.count; i++) {
        Equation *q = f->equations.data[i];
        Definition *d = flow_definition(flow, q->tensor);
        if (!d) d = enter(flow, q->tensor);
        vec_push(p->arena, &d->equations, q);
        last[q->tensor->id] = i;
    }
    for (int i = 0; i < f->equations.count; i++) {
        Equation *q = f->equations.data[i];
        if (last[q->tensor->id] == i) vec_push(p->arena, &flow->order, flow_definition(flow, q->tensor));
    }
    for (int i = 0; i < f->outputs.count; i++) mark_live(flow, f->outputs.data[i]);
    for (int i = 0; i < f->effects.count; i++) mark_live(flow, f->effects.data[i].value);
    for (int i = 0; i < f->gradients.count; i++) {
        mark_live(flow, f->gradients.data[i].of);
        mark_live(flow, f->gradients.data[i].result);
    }
    return flow;
}

void flow_close(Flow *flow) {
    flow->f->equations.count = 0;
    for (int i = 0; i < flow->order.count; i++)
        for (int k = 0; k < flow->order.data[i]->equations.count; k++)
            vec_push(flow->p->arena, &flow->f->equations, flow->order.data[i]->equations.data[k]);
}

bool function_needs(const Function *f, const Tensor *t) {
    if (t->kind != TENSOR_TEMP) return true;
    for (int i = 0; i < f->outputs.count; i++)
        if (f->outputs.data[i] == t) return true;
    for (int i = 0; i < f->effects.count; i++)
        if (f->effects.data[i].value == t) return true;
    return false;
}

enum { UNSEEN, OPEN, PLACED };
typedef struct {
    Definition *d;
    Exprs reads;
    int next;
} Frame;

static Frame frame(Program *p, Definition *d) {
    Frame f = {.d = d};
    for (int i = 0; i < d->equations.count; i++) expr_reads_of(p, d->equations.data[i]->e, &f.reads);
    return f;
}

void function_sort(Program *p, Function *f) {
    Flow *flow = flow_open(p, f), *sorted = flow_empty(p, f);
    char *state = arena_array(p->arena, char, p->tensors.count + 1);
    VEC(Frame) stack = {0};
    for (int i = 0; i < flow->order.count; i++) {
        if (state[flow->order.data[i]->tensor->id] == PLACED) continue;
        vec_push(p->arena, &stack, frame(p, flow->order.data[i]));
        state[flow->order.data[i]->tensor->id] = OPEN;
        while (stack.count) {
            Frame *top = &stack.data[stack.count - 1];
            if (top->next == top->reads.count) {
                vec_push(p->arena, &sorted->order, top->d);
                state[top->d->tensor->id] = PLACED;
                stack.count--;
                continue;
            }
            Definition *d = flow_definition(flow, top->reads.data[top->next++]->tensor);
            if (!d || state[d->tensor->id] == PLACED) continue;
            if (state[d->tensor->id] == OPEN)
                die("the definition of %s in %s depends on itself", d->tensor->name, f->name);
            state[d->tensor->id] = OPEN;
            vec_push(p->arena, &stack, frame(p, d));
        }
    }
    flow_close(sorted);
}

void function_drop_dead(Program *p, Function *f) {
    Flow *flow = flow_open(p, f);
    for (int i = flow->order.count - 1; i >= 0; i--) {
        Definition *d = flow->order.data[i];
        if (!d->live) continue;
        Exprs reads = {0};
        for (int k = 0; k < d->equations.count; k++) expr_reads_of(p, d->equations.data[k]->e, &reads);
        for (int k = 0; k < reads.count; k++) mark_live(flow, reads.data[k]->tensor);
    }
    int kept = 0;
    for (int i = 0; i < flow->order.count; i++)
        if (flow->order.data[i]->live) flow->order.data[kept++] = flow->order.data[i];
    flow->order.count = kept;
    flow_close(flow);
}
