// Memory for time: what is made early, read early, and read again much later is made again where the later
// readers are, instead of lying there in between. Which tensors those are follows from a simulation of what
// lives at each definition: as long as that is above the goal somewhere, the one goes that takes away the
// most, beside what making it again costs. Needs: functions in their last form; Program.room,
// 0: nothing to do. Guarantees: the same values; what is made again stands behind what its readers wait for
// (Tensor.behind), so that scheduling does not make it early.
#include "pass/algebra.h"
#include "pass/kernel.h"
#include "pass/passes.h"

#include <math.h>
#include <string.h>

enum {
    MAX_LAYERS = 12, // definitions, one behind another, that may have to be made again together
    SMALL = 1024     // bytes that do not count
};

typedef struct {
    VEC(int) readers; // definitions that read it, ascending
    VEC(int) reads;   // definitions that it reads
    double bytes, work;
    bool may;  // be made again
    bool ends; // lives until the function ends
    int split; // readers behind this definition read it made again; 0: all read the first
    int again; // simulated: before which definition that is made, -1: nowhere
    int last;  // simulated: the last reader of the first
    int mark;  // of the trial that splits it
} Life;
typedef struct {
    Program *p;
    Flow *flow;
    int count;    // of definitions
    Life *lives;  // by number of the definition
    int *place;   // by number of the definition: of those in a circle, which stay together, the first's
    int *defined; // by the tensor's id: 1 + number of its definition, 0: not here
    double *live; // simulated: bytes at each definition
    double goal;
} Plan;

static double tensor_bytes(const Program *p, const Tensor *t) {
    return (double)tensor_elements(t) * element_size(p, t);
}

static double definition_work(Program *p, const Definition *d) {
    enum { MEMORY = 4 }; // multiply-adds that writing and reading an element costs
    double work = MEMORY * (double)tensor_elements(d->tensor);
    every (q, d->equations) {
        const Index *loops[4 * MAX_RANK + 64];
        int count = equation_loops(q, loops, 4 * MAX_RANK + 64);
        work += index_points(loops, count) * (1 + expr_work(p, q->e));
    }
    return work;
}

static bool may_be_made_again(const Definition *d) {
    every (q, d->equations)
        if (q->reduction == REDUCE_ORDER) return false;
    return d->tensor->kind == TENSOR_TEMP && d->tensor->rank && !d->tensor->step && !d->live;
}

static void note_reader(Plan *x, const Definition *d, int number) {
    every (q, d->equations)
        every_read (read, q->e) {
            int made = x->defined[read->tensor->id];
            Life *life = made ? &x->lives[made - 1] : NULL;
            if (!life || (life->readers.count && life->readers.data[life->readers.count - 1] == number))
                continue;
            vec_push(x->p->arena, &life->readers, number);
            vec_push(x->p->arena, &x->lives[number].reads, made - 1);
        }
}

// ---- the order: who frees as much as it makes goes first, else as in the text -----------------------------

typedef struct {
    int waiting; // for so many reads of what is not made yet
    bool done;
} Turn;

// What running this one frees, less what it makes.
static double freed(const Plan *x, int number, const int *unread) {
    double bytes = -x->lives[number].bytes;
    every (made, x->lives[number].reads) {
        const Life *life = &x->lives[made];
        if (unread[made] == 1 && !life->ends) bytes += life->bytes;
    }
    return bytes;
}

// Recurrences stand as they are, since what is in a circle waits for itself.
static int next_turn(const Plan *x, const Turn *turns, const int *unread) {
    int first = -1;
    for (int i = 0; i < x->count; i++) {
        if (turns[i].done) continue;
        bool circle = x->flow->order.data[i]->tensor->step;
        if (first < 0 && (circle || !turns[i].waiting)) first = i;
        if (circle) break;
        if (!turns[i].waiting && (x->lives[i].bytes <= SMALL || freed(x, i, unread) >= 0)) return i;
    }
    return first;
}

static Flow *plan_order(const Plan *x) {
    Flow *sorted = flow_empty(x->p, x->flow->f);
    Turn *turns = arena_array(x->p->arena, Turn, x->count + 1);
    int *unread = arena_array(x->p->arena, int, x->count + 1);
    for (int i = 0; i < x->count; i++) {
        turns[i].waiting = x->lives[i].reads.count;
        unread[i] = x->lives[i].readers.count;
    }
    for (int n = 0; n < x->count; n++) {
        int i = next_turn(x, turns, unread);
        turns[i].done = true;
        vec_push(x->p->arena, &sorted->order, x->flow->order.data[i]);
        every (reader, x->lives[i].readers) turns[reader].waiting--;
        every (made, x->lives[i].reads) unread[made]--;
    }
    return sorted;
}

// ---- what there is, in that order -------------------------------------------------------------------------

static Plan plan_read(Program *p, Function *f, Flow *flow) {
    Plan x = {.p = p, .flow = flow, .count = flow->order.count};
    x.lives = arena_array(p->arena, Life, x.count + 1);
    x.live = arena_array(p->arena, double, x.count + 2);
    x.place = arena_array(p->arena, int, x.count + 1);
    x.defined = arena_array(p->arena, int, p->tensors.count + 1);
    bool *over = arena_array(p->arena, bool, p->tensors.count + 1); // written where an old value lies
    every_at (effect, f->effects) over[effect->value->id] = true;
    for (int i = 0; i < x.count; i++) {
        const Definition *d = x.flow->order.data[i];
        bool temp = d->tensor->kind == TENSOR_TEMP || d->tensor->kind == TENSOR_INPUT ||
                    d->tensor->kind == TENSOR_OUTPUT;
        x.defined[d->tensor->id] = i + 1;
        x.lives[i].bytes = temp && !over[d->tensor->id] ? tensor_bytes(p, d->tensor) : 0;
        x.lives[i].work = definition_work(p, d);
        x.lives[i].may = may_be_made_again(d);
        x.lives[i].ends = d->live && x.lives[i].bytes > 0;
        bool inside = i && d->tensor->step && flow->order.data[i - 1]->tensor->step;
        x.place[i] = inside ? x.place[i - 1] : i;
    }
    for (int i = 0; i < x.count; i++) note_reader(&x, x.flow->order.data[i], i);
    return x;
}

static Plan plan_open(Program *p, Function *f) {
    Plan x = plan_read(p, f, flow_open(p, f));
    return plan_read(p, f, plan_order(&x));
}

// ---- the simulation ---------------------------------------------------------------------------------------

static void add_life(Plan *x, int first, int last, double bytes) {
    x->live[first] += bytes;
    x->live[last + 1] -= bytes;
}

// One more reader of a definition, at `at`; of what is made again too.
static void use(Life *life, int at, int *late) {
    if (life->split && at > life->split) {
        if (life->again < 0 || at < life->again) life->again = at;
        if (at > *late) *late = at;
    } else if (at > life->last) {
        life->last = at;
    }
}

static void live_of(Plan *x, int i) {
    Life *life = &x->lives[i];
    int late = -1;
    life->again = -1;
    life->last = life->ends ? x->count : i;
    every (reader, life->readers) {
        use(life, x->place[reader], &late);
        if (x->lives[reader].again >= 0) use(life, x->lives[reader].again, &late);
    }
    add_life(x, i, life->last, life->bytes);
    if (life->again >= 0) add_life(x, life->again, late, life->bytes);
}

// What lives at each definition. Returns how far that is above the goal, over all; sets where it is most.
static double simulate(Plan *x, int *peak) {
    memset(x->live, 0, (size_t)(x->count + 2) * sizeof *x->live);
    for (int i = x->count - 1; i >= 0; i--) live_of(x, i);
    double over = 0;
    *peak = 0;
    for (int i = 0; i < x->count; i++) {
        if (i) x->live[i] += x->live[i - 1];
        if (x->live[i] > x->live[*peak]) *peak = i;
        if (x->live[i] > x->goal) over += x->live[i] - x->goal;
    }
    return over;
}

// ---- the choice -------------------------------------------------------------------------------------------

typedef struct {
    VEC(int) members;
    double work;
} Trial;

static void split(Plan *x, Trial *t, int number, int peak) {
    x->lives[number].split = peak;
    vec_push(x->p->arena, &t->members, number);
    t->work += x->lives[number].work;
}

static void undo(Plan *x, const Trial *t) {
    every (number, t->members) x->lives[number].split = 0;
}

// What a member reads that is gone when it is made again is made again as well. False: all is there.
static bool reach_back(Plan *x, Trial *t, int from, int peak) {
    int count = t->members.count;
    for (int m = from; m < count; m++) {
        int again = x->lives[t->members.data[m]].again;
        every (q, x->flow->order.data[t->members.data[m]]->equations)
            every_read (read, q->e) {
                int made = x->defined[read->tensor->id] - 1;
                Life *life = made >= 0 ? &x->lives[made] : NULL;
                if (!life || life->split || !life->may || made >= peak || again < 0) continue;
                bool there = life->ends;
                every (reader, life->readers) there |= reader >= again;
                if (!there) split(x, t, made, peak);
            }
    }
    return t->members.count > count;
}

// Making this one again, and as much of what it is made of as pays most: what that takes off the excess, by
// multiply-add. Leaves nothing split but what is in `best`, where it is better.
static void try_one(Plan *x, int number, int peak, double before, Trial *best, double *best_gain) {
    Trial t = {0};
    split(x, &t, number, peak);
    for (int layer = 0, from = 0, at; layer < MAX_LAYERS; layer++) {
        double gain = (before - simulate(x, &at)) / t.work;
        if (gain > *best_gain) {
            *best_gain = gain;
            best->members.count = 0;
            every (member, t.members) vec_push(x->p->arena, &best->members, member);
        }
        int count = t.members.count;
        if (!reach_back(x, &t, from, peak)) break;
        from = count;
    }
    undo(x, &t);
}

// False: nothing helps any more.
static bool improve(Plan *x) {
    int peak;
    double before = simulate(x, &peak), gain = 0;
    if (before <= 0) return false;
    Trial best = {0};
    for (int i = 0; i < peak; i++) {
        Life *life = &x->lives[i];
        if (!life->may || life->split || !life->bytes || !life->readers.count) continue;
        int last = life->readers.data[life->readers.count - 1];
        if (last > peak) try_one(x, i, peak, before, &best, &gain);
    }
    every (number, best.members) x->lives[number].split = peak;
    return best.members.count > 0;
}

// ---- the function anew ------------------------------------------------------------------------------------

typedef struct {
    Plan *x;
    Tensor **again; // by number of the definition
    int at;         // the definition that reads
} Writer;

static const Expr *read_again(void *data, const Expr *read) {
    const Writer *w = data;
    int made = w->x->defined[read->tensor->id] - 1;
    const Life *life = made >= 0 ? &w->x->lives[made] : NULL;
    if (!life || life->again < 0 || w->x->place[w->at] <= life->split) return read;
    return expr_read(w->x->p, w->again[made], read->forms, read->origin);
}

// What is made again waits for the last thing that its first reader waits for.
static const Tensor *waits_for(const Plan *x, int split, int reader) {
    int last = split;
    every (q, x->flow->order.data[reader]->equations)
        every_read (read, q->e) {
            int made = x->defined[read->tensor->id] - 1;
            if (made > last && made < reader) last = made;
        }
    return x->flow->order.data[last > split ? last : reader - 1]->tensor;
}

static void write_definition(Writer *w, Flow *out, const Definition *d, Tensor *t) {
    Definition *made = flow_add(out, t);
    made->live = d->live;
    every (q, d->equations) {
        Equation *own = equation_with(w->x->p, q, expr_map_reads(w->x->p, q->e, read_again, w));
        vec_push(w->x->p->arena, &made->equations, t == d->tensor ? own : equation_copy(w->x->p, own, t));
    }
}

static void write_function(Plan *x, Function *f) {
    Writer w = {.x = x, .again = arena_array(x->p->arena, Tensor *, x->count + 1)};
    Flow *out = flow_empty(x->p, f);
    for (w.at = 0; w.at < x->count; w.at++) {
        for (int i = 0; i < w.at; i++) {
            const Life *life = &x->lives[i];
            if (life->again != w.at) continue;
            Tensor *t = w.again[i] = tensor_again(x->p, x->flow->order.data[i]->tensor);
            t->behind = waits_for(x, life->split, w.at);
            write_definition(&w, out, x->flow->order.data[i], t);
        }
        write_definition(&w, out, x->flow->order.data[w.at], x->flow->order.data[w.at]->tensor);
    }
    flow_close(out);
}

void pass_recompute(Program *p, Function *f) {
    const double slowly = .95;
    int peak;
    if (!p->room) return;
    Plan x = plan_open(p, f);
    x.goal = INFINITY;
    simulate(&x, &peak);
    if (!x.count || x.live[peak] <= p->room) return;
    // Little by little: what pays most where much is above the goal is not what reaches the goal.
    x.goal = x.live[peak];
    while (x.goal > p->room && simulate(&x, &peak) <= 0) {
        x.goal = fmax(p->room, x.goal * slowly);
        while (improve(&x)) continue;
    }
    p->least = p->least || simulate(&x, &peak) > 0;
    write_function(&x, f);
}
