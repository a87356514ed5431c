// A function as definitions in order: every tensor with all its pieces, at the place of the last of them.
// Opened from a function's equations, rewritten as a list, and written back; order and dead code stand here
// too.
#include "ir/flow.h"

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
    every (t, f->outputs) mark_live(flow, t);
    every (effect, f->effects) mark_live(flow, effect.value);
    every (g, f->gradients) {
        mark_live(flow, g.of);
        mark_live(flow, g.result);
    }
    return flow;
}

void flow_close(Flow *flow) {
    flow->f->equations.count = 0;
    every (d, flow->order)
        every (q, d->equations) vec_push(flow->p->arena, &flow->f->equations, q);
}

// ---- order: definitions before their readers, circles together (Tarjan's strongly connected components)

typedef struct {
    Definition *d;
    Exprs reads;
    int next;
} Frame;

typedef struct {
    Program *p;
    Flow *flow, *sorted;
    int *number, *low; // by tensor id: order of the first visit, 0: none; the least that it reaches
    bool *placed;
    int count;
    VEC(Frame) stack;
    VEC(Definition *) open; // visited, and not yet in a component
} Sorting;

static void visit(Sorting *s, Definition *d) {
    Frame f = {.d = d};
    every (q, d->equations)
        every_read (read, q->e) vec_push(s->p->arena, &f.reads, read);
    s->number[d->tensor->id] = s->low[d->tensor->id] = ++s->count;
    vec_push(s->p->arena, &s->open, d);
    vec_push(s->p->arena, &s->stack, f);
}

// Does a definition read one that is not placed yet, but for what earlier steps have made?
static bool reads_unplaced(const Sorting *s, const Definition *d) {
    every (q, d->equations)
        for (int k = 0; k < q->e->read_count; k++) {
            const Tensor *t = q->e->reads[k]->tensor;
            if (!flow_definition(s->flow, t) || s->placed[t->id]) continue;
            if (equation_reads_when(s->p, q, t) != READ_EARLIER) return true;
        }
    return false;
}

static void place(Sorting *s, Definition *d) {
    vec_push(s->p->arena, &s->sorted->order, d);
    s->placed[d->tensor->id] = true;
}

// A circle, in the order of one step.
static void place_circle(Sorting *s, Definition **members, int count) {
    for (int left = count; left;) {
        int before = left;
        for (int i = 0; i < count; i++)
            if (members[i] && !reads_unplaced(s, members[i])) {
                place(s, members[i]);
                members[i] = NULL;
                left--;
            }
        if (left < before) continue;
        for (int i = 0; i < count; i++)
            if (members[i])
                die("the definition of %s in %s depends on itself", members[i]->tensor->name,
                    s->flow->f->name);
    }
}

// The top of the stack is done: it closes a component, or belongs to one that is still open.
static void leave(Sorting *s, bool reads_itself) {
    Definition *d = s->stack.data[--s->stack.count].d;
    uint32_t id = d->tensor->id;
    if (s->stack.count) {
        uint32_t reader = s->stack.data[s->stack.count - 1].d->tensor->id;
        if (s->low[id] < s->low[reader]) s->low[reader] = s->low[id];
    }
    if (s->low[id] != s->number[id]) return;
    int first = s->open.count - 1;
    while (s->open.data[first] != d) first--;
    int count = s->open.count - first;
    s->open.count = first;
    if (count > 1 || reads_itself) {
        place_circle(s, &s->open.data[first], count);
    } else {
        d->tensor->step = 0; // what is in no circle needs no order
        place(s, d);
    }
}

void function_sort(Program *p, Function *f) {
    Sorting s = {.p = p, .flow = flow_open(p, f), .sorted = flow_empty(p, f)};
    s.number = arena_array(p->arena, int, p->tensors.count + 1);
    s.low = arena_array(p->arena, int, p->tensors.count + 1);
    s.placed = arena_array(p->arena, bool, p->tensors.count + 1);
    every (first, s.flow->order) {
        if (s.number[first->tensor->id]) continue;
        visit(&s, first);
        while (s.stack.count) {
            Frame *top = &s.stack.data[s.stack.count - 1];
            if (top->next == top->reads.count) {
                bool itself = false;
                every (read, top->reads) itself = itself || read->tensor == top->d->tensor;
                leave(&s, itself);
                continue;
            }
            uint32_t reader = top->d->tensor->id;
            Definition *d = flow_definition(s.flow, top->reads.data[top->next++]->tensor);
            if (!d || s.placed[d->tensor->id]) continue;
            if (!s.number[d->tensor->id])
                visit(&s, d);
            else if (s.number[d->tensor->id] < s.low[reader])
                s.low[reader] = s.number[d->tensor->id];
        }
    }
    flow_close(s.sorted);
}

int *function_reads(const Program *p, const Function *f) {
    int *reads = arena_array(p->arena, int, p->tensors.count + 1);
    every (q, f->equations)
        every_read (read, q->e) reads[read->tensor->id]++;
    return reads;
}

void function_drop_dead(Program *p, Function *f) {
    Flow *flow = flow_open(p, f);
    bool again = true;
    while (again) { // more than once only where a circle has readers before what they read
        again = false;
        for (int i = flow->order.count - 1; i >= 0; i--) {
            Definition *d = flow->order.data[i];
            if (!d->live) continue;
            every (q, d->equations)
                for (int k = 0; k < q->e->read_count; k++) {
                    Definition *read = flow_definition(flow, q->e->reads[k]->tensor);
                    again = again || (read && !read->live && read->tensor->step);
                    if (read) read->live = true;
                }
        }
    }
    vec_keep(d, flow->order, d->live);
    flow_close(flow);
}
