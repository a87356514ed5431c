// A map from pointers to pointers, for walks over shared expressions. Open addressing; never iterated, so
// that no result depends on addresses.
#include "pass/algebra.h"

typedef struct {
    const void *key, *value;
} Slot;
struct Memo {
    Arena *arena;
    Slot *slots;
    size_t room, used;
};

Memo *memo_create(Arena *arena) {
    Memo *memo = arena_new(arena, Memo);
    memo->arena = arena;
    memo->room = 32;
    memo->slots = arena_array(arena, Slot, memo->room);
    return memo;
}

static Slot *find(Slot *slots, size_t room, const void *key) {
    uint64_t h = (uint64_t)(uintptr_t)key;
    h ^= h >> 33;
    h *= 0xff51afd7ed558ccdull;
    h ^= h >> 33;
    for (size_t i = (size_t)h & (room - 1);; i = (i + 1) & (room - 1))
        if (!slots[i].key || slots[i].key == key) return &slots[i];
}

void memo_set(Memo *memo, const void *key, const void *value) {
    if (2 * (memo->used + 1) > memo->room) {
        size_t room = 4 * memo->room;
        Slot *slots = arena_array(memo->arena, Slot, room);
        for (size_t i = 0; i < memo->room; i++)
            if (memo->slots[i].key) *find(slots, room, memo->slots[i].key) = memo->slots[i];
        memo->slots = slots;
        memo->room = room;
    }
    Slot *slot = find(memo->slots, memo->room, key);
    if (!slot->key) memo->used++;
    *slot = (Slot){key, value};
}

const void *memo_get(const Memo *memo, const void *key) { return find(memo->slots, memo->room, key)->value; }
