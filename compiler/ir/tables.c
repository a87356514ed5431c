// Hash-consing: equal expressions and equal affine forms are one pointer for the whole program.
// Needs nothing but an arena. What depends on structure alone (free indices, reads, depth, axes) is computed
// once, here.

#include "ir/tables.h"

#include <string.h>

struct Tables *tables_create(Arena *arena) {
    struct Tables *t = arena_new(arena, struct Tables);
    t->normal.stamp = 1;
    t->tensor_names = map_create(arena);
    t->taken = map_create(arena);
    return t;
}

// ---- scratch memos ----

Scratch *scratch_open(Program *p) {
    struct Tables *t = p->tables;
    Scratch *s = t->idle.count > 0 ? t->idle.data[--t->idle.count] : arena_new(p->arena, Scratch);
    s->stamp++;
    return s;
}

void scratch_close(Program *p, Scratch *s) { vec_push(p->arena, &p->tables->idle, s); }

const void *scratch_get(const Scratch *s, const Expr *e) {
    return e->id < s->room && s->stamps[e->id] == s->stamp ? s->values[e->id] : NULL;
}

void scratch_set(Program *p, Scratch *s, const Expr *e, const void *value) {
    if (e->id >= s->room) {
        uint32_t room = s->room ? s->room : 256;
        while (room <= e->id) room *= 2;
        const void **values = arena_array(p->arena, const void *, room);
        uint32_t *stamps = arena_array(p->arena, uint32_t, room);
        if (s->room) {
            memcpy(values, s->values, s->room * sizeof *values);
            memcpy(stamps, s->stamps, s->room * sizeof *stamps);
        }
        s->values = values;
        s->stamps = stamps;
        s->room = room;
    }
    s->values[e->id] = value;
    s->stamps[e->id] = s->stamp;
}

// ---- structure ----

uint64_t bits_of(double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static uint64_t shape_of(const Tensor *t) {
    uint64_t h = hash_mix((uint64_t)t->kind, (uint64_t)t->type);
    for (int d = 0; d < t->rank; d++) h = hash_mix(h, (uint64_t)t->dims[d]);
    return h;
}

static uint64_t of_form(const Affine *form, bool names) { return names ? form->hash : form->order; }

// What an expression is beside its arguments; without names: whatever its indices and tensors are called.
static uint64_t hash_own(const Expr *e, bool names) {
    uint64_t h = hash_mix(hash_mix(e->op, e->type), bits_of(e->value));
    switch (e->op) {
    case OP_INDEX: return hash_mix(h, names ? e->index->id : (uint64_t)e->index->size * 2 + e->index->batch);
    case OP_AFFINE: return hash_mix(h, of_form(e->form, names));
    case OP_READ:
        h = hash_mix(h,
                     names ? hash_bytes(e->tensor->name, strlen(e->tensor->name), 7) : shape_of(e->tensor));
        for (int i = 0; i < e->guard_count; i++) h = hash_mix(h, of_form(e->forms[i], names));
        return h;
    case OP_WHERE:
        for (int i = 0; i < e->guard_count; i++)
            h = hash_mix(h, hash_mix(of_form(e->guards[i].form, names), (uint64_t)e->guards[i].count));
        return h;
    case OP_DRAW:
        if (names) h = hash_mix(h, hash_mix(e->draw->place, (uint64_t)e->draw->limit * 2 + e->draw->initial));
        return hash_mix(h, hash_mix((uint64_t)e->draw->kind, of_form(e->draw->element, names)));
    case OP_SUM:
        for (int i = 0; i < e->count; i++) h = hash_mix(h, bits_of(e->coefs[i]));
        return h;
    case OP_PRODUCT:
        for (int i = 0; i < e->count; i++) h = hash_mix(h, (uint64_t)(int64_t)e->exponents[i]);
        return h;
    default: return h;
    }
}

static bool same_own(const Expr *a, const Expr *b) {
    switch (a->op) {
    case OP_CONST: return bits_of(a->value) == bits_of(b->value);
    case OP_INDEX: return a->index == b->index;
    case OP_AFFINE: return a->form == b->form;
    case OP_READ:
        return a->tensor == b->tensor && a->guard_count == b->guard_count &&
               (!a->guard_count ||
                memcmp(a->forms, b->forms, sizeof *a->forms * (size_t)a->guard_count) == 0);
    case OP_WHERE:
        if (a->guard_count != b->guard_count) return false;
        for (int i = 0; i < a->guard_count; i++)
            if (a->guards[i].form != b->guards[i].form || a->guards[i].count != b->guards[i].count)
                return false;
        return true;
    case OP_DRAW:
        return a->draw->kind == b->draw->kind && a->draw->place == b->draw->place &&
               a->draw->limit == b->draw->limit && a->draw->initial == b->draw->initial &&
               a->draw->element == b->draw->element;
    case OP_SUM:
        return bits_of(a->value) == bits_of(b->value) &&
               memcmp(a->coefs, b->coefs, sizeof *a->coefs * (size_t)a->count) == 0;
    case OP_PRODUCT:
        return bits_of(a->value) == bits_of(b->value) &&
               memcmp(a->exponents, b->exponents, sizeof *a->exponents * (size_t)a->count) == 0;
    default: return true;
    }
}

static bool same(const Expr *a, const Expr *b) {
    if (a->op != b->op || a->type != b->type || a->count != b->count) return false;
    for (int i = 0; i < a->count; i++)
        if (a->args[i] != b->args[i]) return false;
    return same_own(a, b);
}

// ---- what depends on structure alone ----

static void *copied(Program *p, const void *data, size_t size) {
    if (size == 0) return NULL;
    void *copy = arena_alloc(p->arena, size, _Alignof(max_align_t));
    memcpy(copy, data, size);
    return copy;
}

// The union of what a new node and a part of it hold, both in the order of ids: in one of two rooms, so that
// a node of many parts keeps nothing but the last of its unions.
#define JOIN(T, list, list_count)                                                                            \
    static void join_##list(Program *p, Expr *e, const Expr *part) {                                         \
        struct Tables *t = p->tables;                                                                        \
        int n = e->list_count, m = part->list_count, count = 0;                                              \
        if (n + m > t->list##_room) {                                                                        \
            t->list##_room = 2 * (n + m);                                                                    \
            for (int i = 0; i < 2; i++) t->list[i] = arena_array(p->arena, const T *, t->list##_room);       \
        }                                                                                                    \
        const T **all = t->list[e->list == t->list[0]];                                                      \
        for (int i = 0, j = 0; n && m && (i < n || j < m); count++) {                                        \
            const T *x = i < n ? e->list[i] : NULL, *y = j < m ? part->list[j] : NULL;                       \
            bool take_x = x && (!y || x->id <= y->id), take_y = y && (!x || y->id <= x->id);                 \
            all[count] = take_x ? x : y;                                                                     \
            i += take_x;                                                                                     \
            j += take_y;                                                                                     \
        }                                                                                                    \
        if (n && count <= n) return; /* nothing new */                                                       \
        e->list = n ? all : part->list;                                                                      \
        e->list_count = n ? count : m;                                                                       \
    }                                                                                                        \
    static void keep_##list(Program *p, Expr *e) {                                                           \
        if (e->list == p->tables->list[0] || e->list == p->tables->list[1])                                  \
            e->list = copied(p, e->list, sizeof *e->list * (size_t)e->list_count);                           \
    }
JOIN(Index, free, free_count)
JOIN(Expr, reads, read_count)

static void join(Program *p, Expr *e, const Expr *part) {
    join_free(p, e, part);
    join_reads(p, e, part);
    if (part->depth + 1 > e->depth)
        e->depth = part->depth < UINT16_MAX - 1 ? (uint16_t)(part->depth + 1) : UINT16_MAX;
    if (part->read_depth > e->read_depth) e->read_depth = part->read_depth;
    e->axes |= part->axes;
    e->has_draw |= part->has_draw;
    e->has_where |= part->has_where;
}

static void settle_own(Program *p, Expr *e) {
    size_t n = (size_t)e->count, g = (size_t)e->guard_count;
    switch (e->op) {
    case OP_INDEX:
        e->free = copied(p, &e->index, sizeof e->index);
        e->free_count = 1;
        e->axes = e->index->axis >= 0 ? 1u << e->index->axis : 0;
        break;
    case OP_READ: {
        e->forms = copied(p, e->forms, sizeof *e->forms * g);
        Expr self = {.reads = arena_array(p->arena, const Expr *, 1), .read_count = 1};
        ((const Expr **)self.reads)[0] = e;
        join_reads(p, e, &self);
        break;
    }
    case OP_WHERE:
        e->has_where = true;
        e->guards = copied(p, e->guards, sizeof *e->guards * g);
        break;
    case OP_DRAW:
        e->draw = copied(p, e->draw, sizeof *e->draw);
        e->has_draw = true;
        break;
    case OP_SUM: e->coefs = copied(p, e->coefs, sizeof *e->coefs * n); break;
    case OP_PRODUCT: e->exponents = copied(p, e->exponents, sizeof *e->exponents * n); break;
    default: break;
    }
}

const Expr *expr_intern(Program *p, const Expr *candidate) {
    struct Tables *t = p->tables;
    Expr key = *candidate;
    key.hash = hash_own(&key, true);
    for (int i = 0; i < key.count; i++) key.hash = hash_mix(key.hash, key.args[i]->hash);
    Expr *e;
    for (uint32_t probe = 0; (e = hash_next(&t->exprs, key.hash, &probe));)
        if (same(e, &key)) return e;
    e = arena_new(p->arena, Expr);
    *e = key;
    e->id = t->exprs.count;
    e->args = copied(p, key.args, sizeof *key.args * (size_t)key.count);
    settle_own(p, e);
    e->order = hash_own(e, false);
    for (int i = 0; i < e->count; i++) e->order = hash_mix(e->order, e->args[i]->order);
    for (int i = 0; i < e->count; i++) join(p, e, e->args[i]);
    const Affine *form;
    for (int i = 0; (form = expr_form(e, i)); i++)
        for (int k = 0; k < form->count; k++) join(p, e, form->terms[k].atom);
    if (e->op == OP_READ) e->read_depth++;
    keep_free(p, e);
    keep_reads(p, e);
    expr_settle(e);
    hash_put(p->arena, &t->exprs, e->hash, e);
    return e;
}

int expr_order(const Expr *a, const Expr *b) {
    if (a == b) return 0;
    if (a->order != b->order) return a->order < b->order ? -1 : 1;
    return a->id < b->id ? -1 : 1;
}
