// The map from strings to pointers: open addressing over entries kept in the order of insertion. Keys are
// copied.
#include "base.h"
#include <string.h>

typedef struct {
    const char *key;
    uint64_t hash;
    void *value;
} Entry;

struct Map {
    Arena *arena;
    VEC(Entry) entries;
    int *slots; // an entry's number plus one, or 0
    int size;   // of slots: a power of two
};

uint64_t hash_mix(uint64_t a, uint64_t b) {
    uint64_t h = a ^ (b + 0x9e3779b97f4a7c15u + (a << 6) + (a >> 2));
    h ^= h >> 32;
    h *= 0xd6e8feb86659fd93u;
    h ^= h >> 32;
    return h;
}

uint64_t hash_bytes(const void *data, size_t length, uint64_t seed) {
    const unsigned char *bytes = data;
    uint64_t h = hash_mix(seed, length);
    for (; length >= 8; length -= 8, bytes += 8) {
        uint64_t word = 0;
        for (int i = 0; i < 8; i++) word |= (uint64_t)bytes[i] << (8 * i);
        h = hash_mix(h, word);
    }
    uint64_t rest = 0;
    for (size_t i = 0; i < length; i++) rest |= (uint64_t)bytes[i] << (8 * i);
    return hash_mix(h, rest);
}

Map *map_create(Arena *arena) {
    Map *map = arena_new(arena, Map);
    map->arena = arena;
    map->size = 16;
    map->slots = arena_array(arena, int, map->size);
    return map;
}

// The slot that holds the key, or the empty one where it belongs.
static int *find(const Map *map, const char *key, uint64_t hash) {
    uint64_t mask = (uint64_t)map->size - 1;
    for (uint64_t i = hash & mask;; i = (i + 1) & mask) {
        int *slot = &map->slots[i];
        if (!*slot) return slot;
        const Entry *entry = &map->entries.data[*slot - 1];
        if (entry->hash == hash && strcmp(entry->key, key) == 0) return slot;
    }
}

static void enlarge(Map *map) {
    map->size *= 2;
    map->slots = arena_array(map->arena, int, map->size);
    for (int i = 0; i < map->entries.count; i++)
        *find(map, map->entries.data[i].key, map->entries.data[i].hash) = i + 1;
}

void map_set(Map *map, const char *key, void *value) {
    size_t length = strlen(key);
    uint64_t hash = hash_bytes(key, length, 0);
    int *slot = find(map, key, hash);
    if (*slot) {
        map->entries.data[*slot - 1].value = value;
        return;
    }
    Entry entry = {string_copy(map->arena, key, length), hash, value};
    vec_push(map->arena, &map->entries, entry);
    *slot = map->entries.count;
    if (map->entries.count * 2 > map->size) enlarge(map);
}

void *map_get(const Map *map, const char *key) {
    int *slot = find(map, key, hash_bytes(key, strlen(key), 0));
    return *slot ? map->entries.data[*slot - 1].value : NULL;
}

int map_count(const Map *map) { return map->entries.count; }
const char *map_key(const Map *map, int i) { return map->entries.data[i].key; }
void *map_value(const Map *map, int i) { return map->entries.data[i].value; }
