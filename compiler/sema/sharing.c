// What functions gave, by what they were given: f(x, k - 1) + f(x, k - 1), written out twice at every level,
// would grow beyond all bounds.
#include "sema/values.h"

#include <string.h>

typedef struct Shared Shared;
struct Shared {
    const Node *define;
    const SemaValue *given; // by parameter
    SemaValue result;
    const Shared *before; // of the same hash
};

static bool same_value(const SemaValue *a, const SemaValue *b) {
    if (a->kind != b->kind || a->type != b->type || a->dimension != b->dimension) return false;
    switch ((int)a->kind) {
    case SEMA_ABSENT: return true;
    case SEMA_NUMBER: return a->integral == b->integral && !memcmp(&a->number, &b->number, sizeof a->number);
    case SEMA_SCALAR: return a->e == b->e;
    case SEMA_TENSOR: return a->array == b->array && a->is_view == b->is_view;
    default: return false;
    }
}

// Never NULL: a key of tables->shared.
static const void *key_of(const Node *define, const SemaValue *given) {
    uint64_t h = (uint64_t)(uintptr_t)define;
    for (int i = 0; i < define->count; i++) {
        const SemaValue *v = &given[i];
        uint64_t bits = (uint64_t)(uintptr_t)(v->kind == SEMA_SCALAR ? (const void *)v->e : v->array);
        if (v->kind == SEMA_NUMBER) memcpy(&bits, &v->number, sizeof bits);
        h = hash_mix(h, bits);
    }
    return (const void *)(uintptr_t)(h | 1);
}

bool shared_find(Elaborator *el, const Node *define, const SemaValue *given, SemaValue *result) {
    const Shared *list = table_get(&el->tables->shared, key_of(define, given));
    for (; list; list = list->before) {
        int same = 0;
        if (list->define != define) continue;
        while (same < define->count && same_value(&list->given[same], &given[same])) same++;
        if (same < define->count) continue;
        *result = list->result;
        return true;
    }
    return false;
}

void shared_keep(Elaborator *el, const Node *define, const SemaValue *given, SemaValue result) {
    Shared *entry = arena_new(el->session->arena, Shared);
    const void *key = key_of(define, given);
    *entry = (Shared){define, given, result, table_get(&el->tables->shared, key)};
    table_set(el->session->arena, &el->tables->shared, key, entry);
}
