// May an equation join a kernel? Its indices are unified with the kernel's axes through reads of what the
// kernel makes (the same element), then through reads that both do. Guarantees: a joined equation covers all
// tile axes of the kernel, its other indices walk rows that the kernel walks already, and nothing it reads
// depends on the kernel by another way.
#include "pass/schedule.h"

enum { MAX_STAGES = 64, MAX_SEARCH = 512, MAX_SHARERS = 8 };

// ---- unification ------------------------------------------------------------------------------------------

typedef struct {
    const Index *indices[MAX_SPACE];
    int count, results;
    int axis[MAX_SPACE]; // of the kernel, or -1
} Mapping;

static bool taken(const Mapping *m, int axis, int but) {
    for (int i = 0; i < m->count; i++)
        if (i != but && m->axis[i] == axis) return true;
    return false;
}

// One term of the equation's form onto a term of the kernel's.
static bool unify_term(Mapping *m, const Kernel *k, Term f, const Affine *g) {
    if (f.atom->op != OP_INDEX) {
        for (int j = 0; j < g->count; j++)
            if (g->terms[j].atom == f.atom && g->terms[j].coef == f.coef && !f.atom->free_count) return true;
        return false;
    }
    int x = index_find(m->indices, m->count, f.atom->index);
    if (x < 0) return false;
    for (int j = 0; j < g->count; j++) {
        if (g->terms[j].coef != f.coef || g->terms[j].atom->op != OP_INDEX) continue;
        int a = g->terms[j].atom->index->axis;
        const Axis *axis = &k->axes[a];
        if (axis->index->size != m->indices[x]->size || axis->batch != m->indices[x]->batch) continue;
        if (m->axis[x] >= 0 ? m->axis[x] != a : taken(m, a, x)) continue;
        m->axis[x] = a;
        return true;
    }
    return false;
}

// Maps the equation's indices so that its forms f become the kernel's forms g; leaves the mapping alone if
// that fails.
static bool unify(Mapping *m, const Kernel *k, const Affine *const *f, const Affine *const *g, int rank) {
    Mapping t = *m;
    for (int d = 0; d < rank; d++) {
        if (f[d]->constant != g[d]->constant || f[d]->denominator != g[d]->denominator ||
            f[d]->count != g[d]->count)
            return false;
        every_term (term, f[d])
            if (!unify_term(&t, k, *term, g[d])) return false;
    }
    *m = t;
    return true;
}

// ---- dependence -------------------------------------------------------------------------------------------
// Kernels stand in an order that is right for what they read so far. One may take an equation if nothing that
// makes what that reads needs the kernel; then what is needed and stands later moves before it.

typedef struct {
    Fusion *fusion;
    const Kernel *on;
    int budget, last; // last: the latest place of a kernel that was met
} Search;

static bool depends(Search *s, const Kernel *k);

static bool depends_for(Search *s, const Kernel *k, const Tensor *needed) {
    if (needed)
        every (writer, s->fusion->uses.uses[needed->id].writers)
            if (writer != k && depends(s, writer)) return true;
    return false;
}

// Does k need, directly or not, something of `on`? Gives up with yes. Marks what it meets behind `on`.
static bool depends(Search *s, const Kernel *k) {
    Fusion *f = s->fusion;
    if (k == s->on) return true;
    bool before =
        k->loop < 0 && f->place[k->id] < f->place[s->on->id]; // a loop may need what stands behind it
    if (f->mark[k->id] == f->stamp || before) return false;
    f->mark[k->id] = f->stamp;
    if (f->place[k->id] > s->last) s->last = f->place[k->id];
    if (--s->budget < 0) return true;
    every_at (stage, k->stages) {
        if (depends_for(s, k, stage->equation->tensor->behind)) return true;
        every_read (read, stage)
            if (depends_for(s, k, read->tensor)) return true;
    }
    return false;
}

// The marked kernels before k, all others behind it, each in the order they had.
static void move_before(Fusion *f, const Kernel *k, int last) {
    int n = f->place[k->id], moved = 0;
    for (int i = n; i <= last; i++) {
        int id = f->order[i];
        if (f->mark[id] == f->stamp)
            f->order[f->place[id] = n++] = id;
        else
            f->moved[moved++] = id;
    }
    for (int i = 0; i < moved; i++, n++) f->order[f->place[f->moved[i]] = n] = f->moved[i];
}

bool fusion_may_read(Fusion *f, const Kernel *k, const Tensor *made, const Expr *const *reads, int count) {
    f->stamp++;
    Search s = {f, k, MAX_SEARCH, f->place[k->id]};
    if (depends_for(&s, k, made->behind)) return false;
    for (int r = 0; r < count; r++)
        if (depends_for(&s, k, reads[r]->tensor)) return false;
    move_before(f, k, s.last);
    return true;
}

// ---- joining ----------------------------------------------------------------------------------------------

// What the kernel makes is read at the same place, and not in pieces. Sets `product` if there is such a read,
// `walked` if of a row that it walks: that is still near.
static bool unify_products(const Fusion *f, Mapping *m, const Kernel *k, const Expr *const *reads, int count,
                           bool *product, bool *walked) {
    for (int r = 0; r < count; r++) {
        int made = 0;
        every_at (s, k->stages) {
            if (s->equation->tensor != reads[r]->tensor) continue;
            if (!unify(m, k, reads[r]->forms, s->equation->out, s->equation->out_count)) return false;
            *walked |= s->equation->reduction == REDUCE_NONE && s->inner_count;
            made++;
        }
        if (made > 1 || (made && f->pieces[reads[r]->tensor->id] > 1)) return false;
        *product |= made > 0;
    }
    return true;
}

// Reads of one element, or of neighbours that have a place of their own in some dimension.
static bool unify_near(Mapping *m, const Kernel *k, const Affine *const *f, const Affine *const *g,
                       int rank) {
    const Affine *near[MAX_RANK];
    for (int d = 0; d < rank; d++) {
        bool places = affine_is_constant(f[d]) && affine_is_constant(g[d]);
        near[d] = places ? g[d] : f[d];
    }
    return unify(m, k, near, g, rank);
}

static bool unify_shared(Mapping *m, const Kernel *k, const Expr *const *reads, int count) {
    bool share = false;
    for (int r = 0; r < count; r++)
        every_at (s, k->stages)
            every_read (other, s) {
                if (other->tensor != reads[r]->tensor || !other->tensor->rank) continue;
                if (unify_near(m, k, reads[r]->forms, other->forms, other->tensor->rank)) share = true;
            }
    return share;
}

// All tile axes are covered by indices of the result; every other index walks a row the kernel walks. What a
// reduction gives does not walk: an inner axis is either summed or walked.
static bool covers(const Mapping *m, const Kernel *k, bool share, bool reduces) {
    int tiles = 0, inner = 0;
    for (int i = 0; i < m->count; i++) {
        if (m->axis[i] < 0) return false;
        if (reduces && i < m->results && !k->axes[m->axis[i]].tile) return false;
        if (!k->axes[m->axis[i]].tile)
            inner++;
        else if (i >= m->results)
            return false;
        else
            tiles++;
    }
    return tiles == k->tile_count && (share || !inner);
}

static bool same_place(const Mapping *m, const Affine *const *mine, const Affine *const *theirs,
                       const Kernel *k, int rank) {
    Mapping t = *m;
    return unify(&t, k, mine, theirs, rank);
}

// An effect's new value is to be written over the old one: then nobody in the kernel may read that at another
// place.
static bool keeps_effects(const Fusion *f, const Mapping *m, const Kernel *k, const Equation *q,
                          const Expr *const *reads, int count) {
    const Tensor *target = f->target_of[q->tensor->id];
    every_at (st, k->stages) {
        const Tensor *theirs = f->target_of[st->equation->tensor->id];
        for (int r = 0; theirs && r < count; r++)
            if (reads[r]->tensor == theirs &&
                !same_place(m, reads[r]->forms, st->equation->out, k, theirs->rank))
                return false;
        for (int r = 0; target && r < st->read_count; r++)
            if (st->reads[r]->tensor == target &&
                !same_place(m, q->out, st->reads[r]->forms, k, target->rank))
                return false;
    }
    return true;
}

static bool gathers(const Expr *const *reads, int count) {
    for (int r = 0; r < count; r++)
        if (reads[r]->tensor->kind == TENSOR_SOURCE) return true;
    return false;
}

static bool try_join(Fusion *f, Kernel *k, const Equation *q, const Expr *const *reads, int count) {
    if (k->stages.count >= MAX_STAGES || k->zeros || kernel_sorts(k) || k->loop != f->loop) return false;
    if (k->row_axis >= 0 && q->reduction != REDUCE_NONE) return false; // its sums are over its own positions
    if (gathers(k->stages.data[0].reads, k->stages.data[0].read_count) != gathers(reads, count)) return false;
    Mapping m;
    m.count = equation_space(q, m.indices, &m.results);
    for (int i = 0; i < m.count; i++) m.axis[i] = -1;
    bool product = false, walked = false, reduces = false, reduction = q->reduction != REDUCE_NONE;
    every_at (s, k->stages) reduces |= s->equation->reduction != REDUCE_NONE;
    if (!unify_products(f, &m, k, reads, count, &product, &walked)) return false;
    bool share = unify_shared(&m, k, reads, count);
    if (!product && !(share && reduction == reduces)) return false;
    if (k->loop >= 0 && m.axis[index_find(m.indices, m.count, equation_time(q))] != k->time) return false;
    if (k->row_axis >= 0 && m.count > k->tile_count) return false;
    if (!covers(&m, k, share || (walked && reduction), reduction) ||
        !keeps_effects(f, &m, k, q, reads, count))
        return false;
    if (!fusion_may_read(f, k, q->tensor, reads, count)) return false;
    kernel_add_stage(f->ks, k, q, m.axis);
    return true;
}

static void candidate(Kernel **list, int *count, int room, Kernel *k) {
    for (int i = 0; i < *count; i++)
        if (list[i] == k) return;
    if (*count == room) return;
    int i = (*count)++;
    for (; i > 0 && list[i - 1]->id < k->id; i--) list[i] = list[i - 1];
    list[i] = k;
}

// Joins the latest kernel that takes the equation; NULL: none does.
Kernel *fusion_join(Fusion *f, const Equation *q) {
    enum { ROOM = 64 };
    Kernel *list[ROOM];
    int n = 0, count = q->e->read_count;
    if (q->reduction == REDUCE_ORDER) return NULL; // a call for each row
    const Expr *const *reads = q->e->reads;
    for (int r = 0; r < count; r++) {
        const Use *u = &f->uses.uses[reads[r]->tensor->id];
        for (int w = 0; w < u->writers.count; w++) candidate(list, &n, ROOM, u->writers.data[w]);
        if (!reads[r]->tensor->rank) continue;
        for (int w = u->readers.count - 1; w >= 0 && w >= u->readers.count - MAX_SHARERS; w--)
            candidate(list, &n, ROOM, u->readers.data[w]);
    }
    for (int i = 0; i < n; i++)
        if (try_join(f, list[i], q, reads, count)) return list[i];
    return NULL;
}
