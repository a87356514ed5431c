// Tables by hash: items found by a hash that the caller computes, and values found by a pointer. Open
// addressing in rooms that are powers of two; never iterated, so that no result depends on addresses.
#include "base.h"

static HashSlot *slot_from(const HashSet *set, uint64_t hash, uint32_t *probe) {
    return &set->slots[(hash + (*probe)++) & (set->room - 1)];
}

void *hash_next(const HashSet *set, uint64_t hash, uint32_t *probe) {
    for (HashSlot *slot; set->room && (slot = slot_from(set, hash, probe))->item;)
        if (slot->hash == hash) return slot->item;
    return NULL;
}

void hash_put(Arena *arena, HashSet *set, uint64_t hash, void *item) {
    if (set->count * 2 >= set->room) {
        HashSet old = *set;
        *set = (HashSet){.room = old.room ? old.room * 2 : 32};
        set->slots = arena_array(arena, HashSlot, set->room);
        for (uint32_t i = 0; i < old.room; i++)
            if (old.slots[i].item) hash_put(arena, set, old.slots[i].hash, old.slots[i].item);
    }
    HashSlot *slot;
    uint32_t probe = 0;
    do slot = slot_from(set, hash, &probe);
    while (slot->item);
    *slot = (HashSlot){hash, item};
    set->count++;
}

// The slot that holds the key, or the empty one where it belongs.
static int slot_of(const Table *table, const void *key) {
    int i = (int)(hash_mix((uint64_t)(uintptr_t)key, 17) & (uint64_t)(table->room - 1));
    while (table->keys[i] && table->keys[i] != key) i = (i + 1) & (table->room - 1);
    return i;
}

void table_set(Arena *arena, Table *table, const void *key, const void *value) {
    if (table->count * 2 >= table->room) {
        Table old = *table;
        *table = (Table){.room = old.room ? old.room * 2 : 32};
        table->keys = arena_array(arena, const void *, table->room);
        table->values = arena_array(arena, void *, table->room);
        for (int i = 0; i < old.room; i++)
            if (old.keys[i]) table_set(arena, table, old.keys[i], old.values[i]);
    }
    int i = slot_of(table, key);
    table->count += !table->keys[i];
    table->keys[i] = key;
    table->values[i] = (void *)(uintptr_t)value;
}

void *table_get(const Table *table, const void *key) {
    return table->room ? table->values[slot_of(table, key)] : NULL;
}
