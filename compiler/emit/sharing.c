// What functions gave, by what they were given: f(x, k - 1) + f(x, k - 1), written out twice at every level,
// would grow beyond all bounds.
#include "emit/write.h"

#include <string.h>

typedef struct Shared Shared;
struct Shared {
    const Case *of;
    const Operand *given; // by parameter
    Operand result;
    const Shared *before; // of the same hash
};

// Equal numbers are equal in equal cases.
bool operand_same(const Operand *a, const Operand *b) {
    if (a->kind != b->kind) return false;
    if (a->kind == OPERAND_TENSOR) return a->array == b->array && a->is_view == b->is_view;
    if (a->kind == OPERAND_NUMBER) return !memcmp(&a->number, &b->number, sizeof a->number);
    return a->kind == OPERAND_ABSENT || (a->kind == OPERAND_SCALAR && a->e == b->e);
}

// Never NULL: a key of Writer.shared.
static const void *key_of(const Case *c, const Operand *given) {
    uint64_t h = (uint64_t)(uintptr_t)c;
    for (int i = 0; i < c->define->parameters; i++) {
        const Operand *v = &given[i];
        if (v->kind == OPERAND_TENSOR) h = hash_mix(h, (uint64_t)(uintptr_t)v->array);
        if (v->kind == OPERAND_SCALAR) h = hash_mix(h, (uint64_t)(uintptr_t)v->e);
    }
    return (const void *)(uintptr_t)(h | 1);
}

bool sharing_find(At at, const Case *c, const Operand *given, Operand *result) {
    const Shared *list = table_get(&at.to->shared, key_of(c, given));
    for (; list; list = list->before) {
        int i = 0, count = c->define->parameters;
        while (list->of == c && i < count && operand_same(&list->given[i], &given[i])) i++;
        if (list->of != c || i < count) continue;
        *result = list->result;
        return true;
    }
    return false;
}

void sharing_keep(At at, const Case *c, const Operand *given, Operand result) {
    Shared *entry = arena_new(at.m->arena, Shared);
    const void *key = key_of(c, given);
    *entry = (Shared){c, given, result, table_get(&at.to->shared, key)};
    table_set(at.m->arena, &at.to->shared, key, entry);
}
