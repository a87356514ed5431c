// The arena: memory that is given back all at once, and the vectors that grow in it.
// Guarantees: zeroed, aligned memory; out of memory ends the process with NN_MEMORY and a message.
#include "base.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_POISON 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_POISON 1
#endif
#endif
#ifdef ARENA_POISON
#include <sanitizer/asan_interface.h>
#endif

enum {
    FIRST_BLOCK = 1 << 16,
    LARGEST_BLOCK = 1 << 24,
#ifdef ARENA_POISON
    REDZONE = 16
#else
    REDZONE = 0
#endif
};

typedef struct Block Block;
struct Block {
    Block *before;
    size_t room, used;
};

struct Arena {
    Block *block;
};

uint64_t memory_bound(uint64_t bytes) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_DATA, &limit)) return bytes;
    uint64_t before = limit.rlim_cur;
#ifndef ARENA_POISON
    limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
    setrlimit(RLIMIT_DATA, &limit);
#endif
    return before;
}

// Other threads may be at work, so nothing is destroyed on the way out.
void memory_exhausted(size_t size) {
    struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
    fflush(stdout);
    fputs("nnc: error: out of memory", stderr);
    if (size) fprintf(stderr, ": %zu bytes more were needed", size);
    if (!getrlimit(RLIMIT_DATA, &limit) && limit.rlim_cur != RLIM_INFINITY)
        fprintf(stderr, "; it may take %llu MB (--memory-limit)", (unsigned long long)limit.rlim_cur >> 20);
    fputs("\n", stderr);
    _exit(NN_MEMORY);
}

static unsigned char *block_bytes(Block *block) {
    return (unsigned char *)block + (sizeof(Block) + 63) / 64 * 64;
}

static void block_add(Arena *arena, size_t least) {
    size_t room = arena->block ? arena->block->room * 2 : FIRST_BLOCK;
    if (room > LARGEST_BLOCK) room = LARGEST_BLOCK;
    if (room < least) room = least;
    Block *block = room > SIZE_MAX - 128 ? NULL : aligned_alloc(64, (room + 191) / 64 * 64);
    if (!block) memory_exhausted(room);
    *block = (Block){.before = arena->block, .room = room};
    arena->block = block;
#ifdef ARENA_POISON
    ASAN_POISON_MEMORY_REGION(block_bytes(block), room);
#endif
}

Arena *arena_create(void) {
    Arena *arena = calloc(1, sizeof *arena);
    if (!arena) memory_exhausted(sizeof *arena);
    return arena;
}

void arena_destroy(Arena *arena) {
    if (!arena) return;
    for (Block *block = arena->block, *before; block; block = before) {
        before = block->before;
#ifdef ARENA_POISON
        ASAN_UNPOISON_MEMORY_REGION(block_bytes(block), block->room);
#endif
        free(block);
    }
    free(arena);
}

void *arena_alloc(Arena *arena, size_t size, size_t align) {
    if (size > SIZE_MAX / 2 || align == 0 || align > 64 || (align & (align - 1)))
        die("arena_alloc: %zu bytes aligned to %zu", size, align);
    Block *block = arena->block;
    size_t at = block ? (block->used + align - 1) & ~(align - 1) : 0;
    if (!block || at + size + REDZONE > block->room) {
        block_add(arena, size + REDZONE);
        block = arena->block;
        at = 0;
    }
    void *memory = block_bytes(block) + at;
    block->used = at + size + REDZONE;
#ifdef ARENA_POISON
    ASAN_UNPOISON_MEMORY_REGION(memory, size);
#endif
    return memset(memory, 0, size);
}

void *vec_grow(Arena *arena, void *data, int *room, int count, size_t size) {
    if (*room > INT32_MAX / 2) die("a vector of more than %d elements", INT32_MAX / 2);
    *room = *room < 8 ? 8 : *room * 2;
    void *larger = arena_alloc(arena, (size_t)*room * size, 16);
    if (count) memcpy(larger, data, (size_t)count * size);
    return larger;
}

void die(const char *format, ...) {
    va_list args;
    va_start(args, format);
    fputs("nnc: internal error: ", stderr);
    vfprintf(stderr, format, args);
    fputs("\n", stderr);
    va_end(args);
    abort();
}
