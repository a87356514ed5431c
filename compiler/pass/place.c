// Places: strides of every layout, and an offset in the one arena by lifetime. Needs: kernels in order,
// layouts chosen. Guarantees: what outlives a function comes first and never shares; two temps of overlapping
// lives never overlap; a tensor with a border shares its place only with what lies exactly alike, so that its
// zeros stay; arena_size is exact.
#include "pass/schedule.h"

#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 64, PAGE = 4096 };

// ---- strides ----------------------------------------------------------------------------------------------

static void plain(Layout *l, const Tensor *t) {
    int64_t s = 1;
    for (int d = t->rank - 1; d >= 0; d--) {
        l->stride[d] = s;
        s *= t->dims[d] ? t->dims[d] : 1;
    }
    if (t->apart) l->stride[0] = t->apart;
    l->size = s;
}

static void put_outside(Layout *l, const Tensor *t, int d, int64_t *size) {
    l->stride[d] = *size;
    *size *= t->dims[d] + l->border_low[d] + l->border_high[d];
    l->zero += l->border_low[d] * l->stride[d];
}

// What lies whole pages apart is in one set of the first cache: so many rows more.
static void set_apart(const Layout *l, int64_t *s, int rows) {
    if (*s * l->element_size % PAGE == 0) *s += rows * l->panel;
}

// The inner dimension first, then the others from the last, then the steps of a loop; whole vectors where it
// is worth the room.
void layout_strides(const Kernels *ks, Layout *l, const Tensor *t) {
    int steps = l->folded ? -1 : l->steps - 1;
    l->zero = 0;
    if (!t->rank) {
        l->size = 1;
        return;
    }
    int lanes = lanes_of(ks);
    int64_t n = t->dims[l->inner], s = n;
    if (n >= lanes / 2 && t->rank > 1) s = (n + lanes - 1) / lanes * lanes;
    if (l->panel) s = l->panel;
    l->stride[l->inner] = 1;
    for (int d = t->rank - 1; d >= 0; d--) {
        if (l->folded && d == t->along)
            l->stride[d] = 0;
        else if (d != l->inner && d != steps) {
            if (s > l->panel) set_apart(l, &s, 5);
            put_outside(l, t, d, &s);
        }
    }
    if (l->panel) {
        if (s * l->element_size >= 16 * PAGE) set_apart(l, &s, 17);
        l->panel_stride = s;
        s *= (n + l->panel - 1) / l->panel;
    }
    if (steps >= 0 && steps != l->inner) put_outside(l, t, steps, &s);
    l->size = s;
}

void layout_measure(const Kernels *ks, Layout *l, const Tensor *t) {
    if (t->kind == TENSOR_SOURCE)
        plain(l, t);
    else
        layout_strides(ks, l, t);
    if (l->twin) layout_strides(ks, l->twin, t);
}

static int64_t bytes_of(const Layout *l) {
    return (l->size * l->element_size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

// Have both the same elements and the same zeros, byte by byte?
bool layouts_alike(const Layout *a, const Layout *b) {
    if (a->twin || b->twin || a->size != b->size || a->element_size != b->element_size ||
        a->zero != b->zero || a->inner != b->inner || a->panel != b->panel)
        return false;
    return !memcmp(a->stride, b->stride, sizeof a->stride) &&
           !memcmp(a->border_low, b->border_low, sizeof a->border_low) &&
           !memcmp(a->border_high, b->border_high, sizeof a->border_high);
}

// ---- lives ------------------------------------------------------------------------------------------------

typedef struct {
    int first, last;
} Life; // in the numbers of all functions' kernels, one after another

typedef struct {
    Tensor *tensor;
    Layout *layout;
    VEC(Life) lives; // one a function that uses it
    bool bordered;
} Wanted;

typedef struct {
    Kernels *ks;
    Arena *arena;
    Wanted *wanted; // by number of the tensor
    VEC(Wanted *) temps;
    VEC(Wanted *) placed; // by offset
} Places;

static void live(Places *p, const Tensor *t, int at, int function_start) {
    Wanted *w = &p->wanted[t->id];
    Life *last = w->lives.count ? &w->lives.data[w->lives.count - 1] : NULL;
    if (last && last->first >= function_start) {
        if (at > last->last) last->last = at;
        return;
    }
    vec_push(p->arena, &w->lives, (Life){at, at});
}

static bool given(const Kernels *ks, const Tensor *t) {
    return t->kind == TENSOR_INPUT && ((int)t->id >= ks->tensor_room || !ks->definers[t->id]);
}

static void begin_at(Wanted *w, int start) {
    Life *last = w->lives.count ? &w->lives.data[w->lives.count - 1] : NULL;
    if (last && last->first >= start) last->first = start;
}

// What a kernel of the function that begins at `start` touches lives at its kernel `at`.
static void live_in(Places *p, const Schedule *s, const Kernel *k, int start, int at) {
    every_at (st, k->stages) {
        live(p, st->equation->tensor, start + at, start);
        if (st->equation->tensor->kind == TENSOR_OUTPUT)
            live(p, st->equation->tensor, start + s->kernels.count, start);
        every_read (read, st) live(p, read->tensor, start + at, start);
    }
}

static void note_lives(Places *p) {
    int start = 0;
    every (s, p->ks->schedules) {
        for (int n = 0, first = 0, end = 0; n < s->kernels.count; n++) {
            if (n == end) { // what a loop touches lives as long as the loop
                first = n;
                end = loop_end(s, n);
            }
            live_in(p, s, s->kernels.data[n], start, first);
            if (end - first > 1) live_in(p, s, s->kernels.data[n], start, end - 1);
        }
        for (int o = 0; o < s->function->outputs.count; o++)
            live(p, s->function->outputs.data[o], start + s->kernels.count, start);
        for (int t = 0; t < p->ks->program->tensors.count;
             t++) // the runtime writes inputs before the function runs
            if (given(p->ks, p->ks->program->tensors.data[t])) begin_at(&p->wanted[t], start);
        start += s->kernels.count + 1;
    }
}

static bool overlap_in_time(const Wanted *a, const Wanted *b) {
    for (int i = 0, j = 0; i < a->lives.count && j < b->lives.count;) {
        const Life *x = &a->lives.data[i], *y = &b->lives.data[j];
        if (x->first <= y->last && y->first <= x->last) return true;
        if (x->last < y->last)
            i++;
        else
            j++;
    }
    return false;
}

// ---- offsets ----------------------------------------------------------------------------------------------

static int larger_first(const void *a, const void *b) {
    const Wanted *x = *(Wanted *const *)a, *y = *(Wanted *const *)b;
    if (x->layout->size * x->layout->element_size != y->layout->size * y->layout->element_size)
        return x->layout->size * x->layout->element_size > y->layout->size * y->layout->element_size ? -1 : 1;
    return x->tensor->id < y->tensor->id ? -1 : 1;
}

static int64_t whole_bytes(const Layout *l) { return bytes_of(l) + (l->twin ? bytes_of(l->twin) : 0); }

static void set_offset(Layout *l, int64_t offset) {
    l->offset = offset;
    if (l->twin) l->twin->offset = offset + bytes_of(l);
}

// The place of those that lie exactly like this one and live at other times, -1: there is none.
static int64_t place_alike(const Places *p, const Wanted *w) {
    for (int i = 0, end; i < p->placed.count; i = end) {
        bool free = true;
        for (end = i; end < p->placed.count; end++) {
            const Wanted *u = p->placed.data[end];
            if (u->layout->offset != p->placed.data[i]->layout->offset) break;
            free = free && u->bordered && layouts_alike(u->layout, w->layout) && !overlap_in_time(u, w);
        }
        if (free) return p->placed.data[i]->layout->offset;
    }
    return -1;
}

// The lowest gap among those placed that live at the same time; `placed` is in the order of offsets.
static int64_t place_temp(Places *p, Wanted *w, int64_t from) {
    int64_t at = from, need = whole_bytes(w->layout), alike = w->bordered ? place_alike(p, w) : -1;
    for (int i = 0; i < p->placed.count && alike < 0; i++) {
        const Wanted *u = p->placed.data[i];
        if (u->layout->offset >= at + need) break;
        int64_t end = u->layout->offset + whole_bytes(u->layout);
        if (end > at && (w->bordered || u->bordered || overlap_in_time(w, u))) at = end;
    }
    if (alike >= 0) at = alike;
    set_offset(w->layout, at);
    vec_push(p->arena, &p->placed, w);
    int i = p->placed.count - 1;
    for (; i > 0 && p->placed.data[i - 1]->layout->offset > at; i--)
        p->placed.data[i] = p->placed.data[i - 1];
    p->placed.data[i] = w;
    return at + need;
}

// Small results of a function (and the row map) stay for the runtime to see at any time; large ones share the
// scratch.
static bool is_small(const Layout *l) { return l->size * l->element_size <= PAGE; }

static int64_t place_persistent(Places *p, bool outlives, int64_t at) {
    every (t, p->ks->program->tensors) {
        Layout *l = t->layout;
        if (tensor_outlives(t) != outlives || l->same) continue;
        bool kept = t->kind == TENSOR_ROWMAP || (t->kind == TENSOR_OUTPUT && is_small(l));
        if (!outlives && (!kept || !p->wanted[t->id].lives.count)) continue;
        l->stored = true;
        set_offset(l, at);
        at += whole_bytes(l);
    }
    return at;
}

static void note_scratch(const Places *p, int64_t from) {
    int start = 0;
    every (s, p->ks->schedules) {
        int64_t top = from;
        every (w, p->placed)
            for (int x = 0; x < w->lives.count; x++) {
                if (w->lives.data[x].first < start || w->lives.data[x].first > start + s->kernels.count)
                    continue;
                int64_t end = w->layout->offset + whole_bytes(w->layout);
                if (end > top) top = end;
            }
        s->scratch = top - from;
        start += s->kernels.count + 1;
    }
}

static bool is_temp(const Tensor *t) {
    if (t->kind == TENSOR_OUTPUT) return !is_small(t->layout);
    return t->kind == TENSOR_TEMP || t->kind == TENSOR_INPUT;
}

// A new value written over an old one lies as that does.
static void share(Kernels *ks) {
    for (int i = 0; i < ks->program->tensors.count; i++) {
        Layout *l = ks->program->tensors.data[i]->layout;
        if (!l->same) continue;
        Layout own = *l;
        *l = *own.same->layout;
        l->same = own.same;
    }
}

static void measure(Places *p) {
    Program *program = p->ks->program;
    every (t, program->tensors) {
        Layout *l = layout_of(p->ks, t);
        Wanted *w = &p->wanted[t->id];
        w->tensor = t;
        w->layout = l;
        w->bordered = layout_bordered(l, t->rank);
        layout_measure(p->ks, l, t);
        if (!w->lives.count) continue;
        bool needs = l->stored || l->partial_sums || given(p->ks, t);
        if (is_temp(t) && !l->same && needs) vec_push(p->arena, &p->temps, w);
    }
}

static int64_t declared_rows(const Schedule *s) {
    for (int i = 0; i < s->kernels.count; i++)
        for (int a = 0; a < s->kernels.data[i]->axis_count; a++)
            if (s->kernels.data[i]->axes[a].batch) return s->kernels.data[i]->axes[a].size;
    return 0;
}

void pass_place(Kernels *ks) {
    Program *program = ks->program;
    Places p = {.ks = ks, .arena = program->arena};
    p.wanted = arena_array(p.arena, Wanted, program->tensors.count + 1);
    note_lives(&p);
    measure(&p);
    ks->persistent_size = place_persistent(&p, true, 0);
    int64_t from = place_persistent(&p, false, ks->persistent_size), top = from;
    if (p.temps.count) qsort(p.temps.data, (size_t)p.temps.count, sizeof *p.temps.data, larger_first);
    for (int i = 0; i < p.temps.count; i++) {
        int64_t end = place_temp(&p, p.temps.data[i], from);
        if (end > top) top = end;
    }
    share(ks);
    note_scratch(&p, from);
    ks->arena_size = top;
    for (int i = 0; i < ks->schedules.count; i++) {
        ks->schedules.data[i]->rows = declared_rows(ks->schedules.data[i]);
        schedule_waits(ks, ks->schedules.data[i], true);
    }
}
