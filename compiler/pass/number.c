// Value numbers: definitions that are equal up to the names of their indices are one tensor.
// An equation's key is itself in indices from a pool, by place; expressions are hash-consed, so keys compare
// by pointers.
#include "pass/algebra.h"

#include <stdlib.h>

typedef struct {
    const Affine *out[MAX_RANK];
    Reduction reduction;
    const Index *const *indices;
    int index_count;
    const Expr *e;
} Key;
typedef struct {
    uint64_t hash;
    Key *keys;
    int count;
    Tensor *tensor;
} Entry;
typedef VEC(Index *) Pool;

struct Numbers {
    Program *p;
    VEC(Pool) pools[2]; // of summed and of result indices, by place
    HashSet entries;
};

Numbers *numbers_create(Program *p) {
    Numbers *n = arena_new(p->arena, Numbers);
    n->p = p;
    return n;
}

static const Index *pooled(Numbers *n, bool result, int place, const Index *like) {
    while (n->pools[result].count <= place) vec_push(n->p->arena, &n->pools[result], (Pool){0});
    Pool *pool = &n->pools[result].data[place];
    every (index, *pool)
        if (index->size == like->size && index->batch == like->batch) return index;
    Index *fresh = index_add(n->p, result ? "o" : "r", like->size, like->batch);
    vec_push(n->p->arena, pool, fresh);
    return fresh;
}

const Index *numbers_index(Numbers *n, int place, const Index *like) { return pooled(n, true, place, like); }

static int by_size(const void *a, const void *b) {
    const Index *x = *(const Index *const *)a, *y = *(const Index *const *)b;
    if (x->size != y->size) return x->size < y->size ? -1 : 1;
    if (x->batch != y->batch) return x->batch ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

// The order of a sum's indices says nothing, that of an argmax's positions does.
static Key key_of(Numbers *n, const Equation *q) {
    Program *p = n->p;
    const Index *result[4 * MAX_RANK];
    int count = equation_result_indices(q, result, 4 * MAX_RANK), all = 0;
    const Index **summed = arena_array(p->arena, const Index *, q->index_count + 1);
    Binding *names = arena_array(p->arena, Binding, count + q->index_count + 1);
    for (int i = 0; i < q->index_count; i++) summed[i] = q->indices[i];
    if (q->reduction != REDUCE_ARGMAX && q->reduction != REDUCE_ARGMIN)
        qsort(summed, (size_t)q->index_count, sizeof *summed, by_size);
    for (int i = 0; i < count; i++)
        names[all++] = (Binding){result[i], affine_index(p, pooled(n, true, i, result[i]))};
    for (int i = 0; i < q->index_count; i++) {
        const Index *name = pooled(n, false, i, summed[i]);
        names[all++] = (Binding){summed[i], affine_index(p, name)};
        summed[i] = name;
    }
    Key key = {.reduction = q->reduction, .indices = summed, .index_count = q->index_count};
    for (int d = 0; d < q->out_count; d++) key.out[d] = affine_substitute(p, q->out[d], names, all);
    key.e = expr_normal(p, expr_substitute(p, q->e, names, all));
    return key;
}

static uint64_t key_hash(const Key *key, int rank) {
    uint64_t h = hash_mix(key->e->id, (uint64_t)key->reduction);
    for (int d = 0; d < rank; d++) h = hash_mix(h, key->out[d]->id);
    for (int i = 0; i < key->index_count; i++) h = hash_mix(h, key->indices[i]->id);
    return h;
}

static bool key_equal(const Key *a, const Key *b, int rank) {
    if (a->e != b->e || a->reduction != b->reduction || a->index_count != b->index_count) return false;
    for (int d = 0; d < rank; d++)
        if (a->out[d] != b->out[d]) return false;
    for (int i = 0; i < a->index_count; i++)
        if (a->indices[i] != b->indices[i]) return false;
    return true;
}

static int by_expr(const void *a, const void *b) {
    const Key *x = a, *y = b;
    if (x->e->id != y->e->id) return x->e->id < y->e->id ? -1 : 1;
    for (int d = 0; d < MAX_RANK && x->out[d]; d++)
        if (x->out[d]->id != y->out[d]->id) return x->out[d]->id < y->out[d]->id ? -1 : 1;
    return 0;
}

static Entry *look(Numbers *n, const Equations *pieces, const Tensor *like, Entry *made) {
    made->count = pieces->count;
    made->keys = arena_array(n->p->arena, Key, pieces->count + 1);
    for (int i = 0; i < pieces->count; i++) made->keys[i] = key_of(n, pieces->data[i]);
    qsort(made->keys, (size_t)made->count, sizeof *made->keys, by_expr);
    made->hash = hash_mix((uint64_t)like->type, (uint64_t)like->rank);
    for (int i = 0; i < made->count; i++)
        made->hash = hash_mix(made->hash, key_hash(&made->keys[i], like->rank));
    Entry *e;
    for (uint32_t probe = 0; (e = hash_next(&n->entries, made->hash, &probe));) {
        if (e->count != made->count || e->tensor->type != like->type || !tensors_alike(e->tensor, like))
            continue;
        int i = 0;
        while (i < e->count && key_equal(&e->keys[i], &made->keys[i], like->rank)) i++;
        if (i == e->count) return e;
    }
    return NULL;
}

Tensor *numbers_find(Numbers *n, const Equations *pieces, const Tensor *like) {
    Entry made = {0};
    Entry *found = look(n, pieces, like, &made);
    return found ? found->tensor : NULL;
}

Tensor *numbers_enter(Numbers *n, const Equations *pieces, Tensor *t) {
    Entry *made = arena_new(n->p->arena, Entry);
    Entry *found = look(n, pieces, t, made);
    if (found) return found->tensor;
    made->tensor = t;
    hash_put(n->p->arena, &n->entries, made->hash, made);
    return NULL;
}
