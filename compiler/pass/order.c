// Effects and the order of execution: a kernel after what it reads, and a new value written over the old one
// only after everybody has read that; else in the order of the text, but who is the last to read something
// large goes first. Where no order would do, or a new value is not made element by element, the value gets a
// place of its own and a copy at the end. Guarantees: kernels numbered in execution order; `stored` says who
// needs memory.
#include "pass/schedule.h"

typedef struct Edge Edge;
struct Edge {
    int to;
    Tensor *over; // the new value that makes this edge necessary (written over an old one), or NULL
    Edge *next;
};

typedef struct {
    Edge *after; // the kernels that must come later
    int waiting; // on so many edges
    bool done;
} Turn;

static const double LARGE = .25; // of the second cache: worth being read again before others push it out

typedef struct {
    Kernels *ks;
    Schedule *s;
    Arena *arena;
    Uses uses;
    VEC(Turn) turns; // by number of the kernel
    int *head;       // by number of a loop: its first kernel, which stands for all in what is outside
    VEC(int) heap;   // ready kernels, the earliest created on top
    VEC(int) last;   // of them those that alone are left to read something large: they go first
    int *unread;     // by number of the tensor: kernels that have not read it yet
    int *seen;       // by number of the tensor: 1 + the last kernel that was counted
} Order;

// ---- effects ----------------------------------------------------------------------------------------------

// May the kernel that makes `value` write it where `target` lies? It must read target only at the element it
// writes, and, where it walks from one to the next, not in a later walk.
static bool in_place(const Uses *u, const Tensor *target, const Tensor *value) {
    const Use *use = &u->uses[value->id];
    if (use->writers.count != 1 || value->kind != TENSOR_TEMP) return false;
    if (value->type != target->type) return false;
    const Kernel *k = use->writers.data[0];
    if (k->loop >= 0) return false;
    const Equation *made = NULL;
    int at = 0;
    for (int i = 0; i < k->stages.count; i++) {
        const Equation *q = k->stages.data[i].equation;
        if (q->tensor == value && made) return false;
        if (q->tensor == value) made = q, at = i;
    }
    bool walks = k->stages.data[at].inner_count > 0;
    if (!forms_cover(made->out, made->tensor, true)) return false;
    for (int i = 0; i < k->stages.count; i++)
        for (int r = 0; r < k->stages.data[i].read_count; r++) {
            const Expr *read = k->stages.data[i].reads[r];
            if (read->tensor != target) continue;
            if (walks && i > at) return false;
            for (int d = 0; d < made->out_count; d++)
                if (read->forms[d] != made->out[d]) return false;
        }
    return true;
}

static Tensor *temp_like(Program *p, const Tensor *t) {
    Tensor *n =
        tensor_add(p, string_format(p->arena, "%s.old", t->name), TENSOR_TEMP, t->type, t->rank, t->dims);
    n->batch_dims = t->batch_dims;
    n->bounded = t->bounded;
    n->low = t->low;
    n->high = t->high;
    return n;
}

void schedule_effects(Kernels *ks, Schedule *s) {
    Program *p = ks->program;
    Uses u = uses_create(p->arena, p, s);
    for (int i = 0; i < s->function->effects.count; i++) {
        Effect e = s->function->effects.data[i];
        if (e.target == e.value) continue;
        bool made = (int)e.value->id < ks->tensor_room && u.uses[e.value->id].writers.count > 0;
        bool alone = made && ks->definers[e.value->id] == 1 && !layout_of(ks, e.value)->same;
        if (alone && in_place(&u, e.target, e.value)) {
            layout_of(ks, e.value)->same = e.target;
            continue;
        }
        Tensor *value = e.value;
        if (!made) kernel_fill(ks, s, value = temp_like(p, e.value), e.value);
        kernel_fill(ks, s, e.target, value);
    }
}

// ---- order ------------------------------------------------------------------------------------------------

static int stands_for(const Order *o, const Kernel *k) { return k->loop < 0 ? k->id : o->head[k->loop]; }

// What is outside of a loop comes before all of it or after.
static void edge(Order *o, const Kernel *from, const Kernel *to, Tensor *over) {
    int before = stands_for(o, from), after = stands_for(o, to);
    if (before == after) return;
    Edge *e = arena_new(o->arena, Edge);
    *e = (Edge){after, over, o->turns.data[before].after};
    o->turns.data[before].after = e;
    o->turns.data[after].waiting++;
}

// Where writing this tensor changes what others read: the effect's target.
static Tensor *written_over(Kernels *ks, Tensor *t) {
    Tensor *same = layout_of(ks, t)->same;
    return same ? same : t;
}

static void edges_from(Order *o, const Tensor *made, const Kernel *k) {
    every (writer, o->uses.uses[made->id].writers) edge(o, writer, k, NULL);
}

static void edges_of(Order *o, Kernel *k) {
    for (int i = 0; i < k->stages.count; i++) {
        const Stage *st = &k->stages.data[i];
        Tensor *t = st->equation->tensor, *old = written_over(o->ks, t);
        const Use *mine = &o->uses.uses[t->id], *olds = &o->uses.uses[old->id];
        for (int w = 0; w < mine->writers.count; w++)
            if (mine->writers.data[w]->zeros) edge(o, mine->writers.data[w], k, NULL);
        if (old != t || tensor_outlives(t))
            for (int r = 0; r < olds->readers.count; r++)
                edge(o, olds->readers.data[r], k, old != t ? t : NULL);
        if (t->behind) edges_from(o, t->behind, k);
        for (int r = 0; r < st->read_count; r++)
            if (!tensor_outlives(st->reads[r]->tensor)) edges_from(o, st->reads[r]->tensor, k);
    }
}

static void heap_push(Order *o, int x) {
    vec_push(o->arena, &o->heap, x);
    int *h = o->heap.data, i = o->heap.count - 1;
    for (; i > 0 && h[(i - 1) / 2] > x; i = (i - 1) / 2) h[i] = h[(i - 1) / 2];
    h[i] = x;
}

static int heap_pop(Order *o) {
    int *h = o->heap.data, top = h[0], last = h[--o->heap.count], n = o->heap.count, i = 0;
    for (int c; (c = 2 * i + 1) < n; i = c) {
        if (c + 1 < n && h[c + 1] < h[c]) c++;
        if (h[c] >= last) break;
        h[i] = h[c];
    }
    if (n) h[i] = last;
    return top;
}

static bool is_large(const Order *o, const Tensor *t) {
    double bytes = (double)tensor_elements(t) * element_size(o->ks->program, t);
    return t->kind == TENSOR_TEMP && bytes >= o->ks->machine.l2 * LARGE;
}

// Of a kernel that is ready.
static void note_last(Order *o, const Kernel *k) {
    bool last = false;
    for (int i = 0; i < k->stages.count; i++)
        for (int r = 0; r < k->stages.data[i].read_count; r++) {
            const Tensor *t = k->stages.data[i].reads[r]->tensor;
            last |= o->unread[t->id] == 1 && is_large(o, t);
        }
    if (last && k->loop < 0) vec_push(o->arena, &o->last, k->id);
}

static void release(Order *o, int to) {
    if (--o->turns.data[to].waiting) return;
    heap_push(o, to);
    note_last(o, o->s->kernels.data[to]);
}

// The kernel has read this.
static void count_read(Order *o, const Kernel *k, const Tensor *t) {
    if (o->seen[t->id] == k->id + 1) return;
    o->seen[t->id] = k->id + 1;
    if (--o->unread[t->id] != 1) return;
    const Use *use = &o->uses.uses[t->id];
    for (int i = 0; i < use->readers.count; i++) {
        const Turn *turn = &o->turns.data[use->readers.data[i]->id];
        if (!turn->done && !turn->waiting) note_last(o, use->readers.data[i]);
    }
}

static void put(Order *o, Kernel *k, KernelList *sorted) {
    o->turns.data[k->id].done = true;
    vec_push(o->arena, sorted, k);
    for (int i = 0; i < k->stages.count; i++)
        for (int r = 0; r < k->stages.data[i].read_count; r++)
            count_read(o, k, k->stages.data[i].reads[r]->tensor);
}

// The kernel that goes next, -1: nobody is ready.
static int next_turn(Order *o) {
    int *last = o->last.data, left = 0, best = -1;
    for (int i = 0; i < o->last.count; i++) {
        if (o->turns.data[last[i]].done) continue;
        if (best < 0 || last[i] < best) best = last[i];
        last[left++] = last[i];
    }
    o->last.count = left;
    while (best < 0 && o->heap.count) {
        int top = heap_pop(o);
        if (!o->turns.data[top].done) best = top;
    }
    return best;
}

// Nobody is ready: the first new value whose kernel still waits for readers of the old one gets a place of
// its own.
static Tensor *give_place(Order *o) {
    for (int i = 0; i < o->turns.count; i++)
        for (Edge *e = o->turns.data[i].after; e && !o->turns.data[i].done; e = e->next)
            if (e->over && layout_of(o->ks, e->over)->same) return e->over;
    return NULL;
}

static void break_cycle(Order *o) {
    Tensor *t = give_place(o);
    if (!t) die("the equations of %s read each other in a circle", o->s->function->name);
    Layout *l = layout_of(o->ks, t);
    Tensor *target = l->same;
    l->same = NULL;
    for (int i = 0; i < o->turns.count; i++)
        for (Edge *e = o->turns.data[i].after; e && !o->turns.data[i].done; e = e->next)
            if (e->over == t) {
                e->over = NULL;
                release(o, e->to);
                e->to = -1;
            }
    Kernel *k = kernel_fill(o->ks, o->s, target, t);
    vec_push(o->arena, &o->turns, (Turn){.waiting = 1});
    const Use *olds = &o->uses.uses[target->id], *values = &o->uses.uses[t->id];
    for (int r = 0; r < olds->readers.count; r++)
        if (!o->turns.data[olds->readers.data[r]->id].done) edge(o, olds->readers.data[r], k, NULL);
    for (int w = 0; w < values->writers.count; w++)
        if (!o->turns.data[values->writers.data[w]->id].done) edge(o, values->writers.data[w], k, NULL);
    release(o, k->id);
}

// Does a kernel need, in the same step, what another one of its loop makes that is not done yet?
static bool waits_inside(const Order *o, const Kernel *k) {
    for (int i = 0; i < k->stages.count; i++) {
        const Stage *st = &k->stages.data[i];
        for (int r = 0; r < st->read_count; r++) {
            const Tensor *from = st->reads[r]->tensor;
            const Use *use = &o->uses.uses[from->id];
            for (int w = 0; w < use->writers.count; w++) {
                const Kernel *writer = use->writers.data[w];
                if (writer == k || writer->loop != k->loop || o->turns.data[writer->id].done) continue;
                if (equation_reads_when(o->ks->program, st->equation, from) != READ_EARLIER) return true;
            }
        }
    }
    return false;
}

// All kernels of a loop, in the order of one step.
static void put_loop(Order *o, int loop, KernelList *sorted) {
    bool more = true, some = false;
    while (more) {
        more = some = false;
        for (int i = 0; i < o->turns.count; i++) {
            Kernel *k = o->s->kernels.data[i];
            if (k->loop != loop || o->turns.data[i].done) continue;
            more = true;
            if (waits_inside(o, k)) continue;
            some = true;
            put(o, k, sorted);
        }
        if (more && !some) die("a recurrence of %s reads itself in one step", o->s->function->name);
    }
}

// Such a kernel goes first where it needs nothing that is made here, so that nobody waits for it.
static bool makes_numbers(const Kernel *k) {
    for (int i = 0; i < k->stages.count; i++)
        if (k->stages.data[i].equation->tensor->rank || k->loop >= 0) return false;
    return true;
}

static void find_heads(Order *o) {
    o->head = arena_array(o->arena, int, o->s->loops.count + 1);
    for (int i = o->turns.count - 1; i >= 0; i--)
        if (o->s->kernels.data[i]->loop >= 0) o->head[o->s->kernels.data[i]->loop] = i;
}

void schedule_order(Kernels *ks, Schedule *s) {
    Arena *arena = ks->program->arena;
    Order o = {.ks = ks, .s = s, .arena = arena, .uses = uses_create(arena, ks->program, s)};
    for (int i = 0; i < s->kernels.count; i++) vec_push(arena, &o.turns, (Turn){0});
    find_heads(&o);
    o.unread = arena_array(arena, int, ks->program->tensors.count + 1);
    o.seen = arena_array(arena, int, ks->program->tensors.count + 1);
    for (int i = 0; i < ks->program->tensors.count; i++) o.unread[i] = o.uses.uses[i].readers.count;
    for (int i = 0; i < o.turns.count; i++) edges_of(&o, s->kernels.data[i]);
    for (int i = 0; i < o.turns.count; i++)
        if (!o.turns.data[i].waiting && stands_for(&o, s->kernels.data[i]) == i) {
            heap_push(&o, i);
            if (makes_numbers(s->kernels.data[i])) vec_push(arena, &o.last, i);
        }
    KernelList sorted = {0};
    while (sorted.count < o.turns.count) {
        int next = next_turn(&o);
        if (next < 0) {
            break_cycle(&o);
            continue;
        }
        if (s->kernels.data[next]->loop >= 0)
            put_loop(&o, s->kernels.data[next]->loop, &sorted);
        else
            put(&o, s->kernels.data[next], &sorted);
        for (Edge *e = o.turns.data[next].after; e; e = e->next)
            if (e->to >= 0) release(&o, e->to);
    }
    for (int i = 0; i < sorted.count; i++) {
        s->kernels.data[i] = sorted.data[i];
        sorted.data[i]->id = i;
    }
}
