// Memory of a context: every block is in a list, so that a command that fails anywhere leaks nothing.
// Guarantees: blocks are zeroed and aligned to 64 bytes; sizes are checked; a failure is NN_MEMORY with the
// size asked for.
#include "base/runtime.h"

#include <stdio.h>
#include <string.h>

struct nn_block {
    nn_block *next, **link;
    uint64_t bytes;
};

enum { ALIGNMENT = 64 };
_Static_assert(sizeof(nn_block) <= ALIGNMENT, "a block's head fits before its memory");

static nn_block *block_of(void *memory) { return (nn_block *)(void *)((unsigned char *)memory - ALIGNMENT); }

static bool checked_bytes(uint64_t count, uint64_t size, uint64_t *bytes) {
    return !__builtin_mul_overflow(count, size, bytes) && *bytes <= (uint64_t)INT64_MAX / 2;
}

static void *no_memory(nn_context *ctx, uint64_t count, uint64_t size) {
    nn_fail(ctx, NN_MEMORY, "out of memory: %.6g MB more are needed",
            (double)count * (double)size / 1048576.0);
    return NULL;
}

static uint64_t rounded(uint64_t bytes) { return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT; }

void *nn_get(nn_context *ctx, uint64_t count, uint64_t size) {
    uint64_t bytes;
    if (!checked_bytes(count, size, &bytes)) return no_memory(ctx, count, size);
    nn_block *b = nn_memory_take(rounded(bytes) + ALIGNMENT);
    if (b == NULL) return no_memory(ctx, count, size);
    b->bytes = bytes;
    b->next = ctx->blocks;
    b->link = &ctx->blocks;
    if (b->next != NULL) b->next->link = &b->next;
    ctx->blocks = b;
    return (unsigned char *)b + ALIGNMENT;
}

void nn_drop(nn_context *ctx, void *memory) {
    (void)ctx;
    if (memory == NULL) return;
    nn_block *b = block_of(memory);
    *b->link = b->next;
    if (b->next != NULL) b->next->link = b->link;
    nn_memory_give(b);
}

void *nn_grow(nn_context *ctx, void *memory, uint64_t count, uint64_t size) {
    void *bigger = nn_get(ctx, count, size);
    if (bigger != NULL && memory != NULL) {
        uint64_t old = block_of(memory)->bytes;
        memcpy(bigger, memory, (size_t)(old < count * size ? old : count * size));
        nn_drop(ctx, memory);
    }
    return bigger;
}

void nn_context_end(nn_context *ctx) {
    while (ctx->blocks != NULL) nn_drop(ctx, (unsigned char *)ctx->blocks + ALIGNMENT);
}

nn_status nn_fail(nn_context *ctx, nn_status status, const char *format, ...) {
    if (ctx->status != NN_OK) return ctx->status;
    ctx->status = status;
    va_list args;
    va_start(args, format);
    vsnprintf(ctx->message, sizeof ctx->message, format, args);
    va_end(args);
    ctx->message[nn_utf8_shown(ctx->message, strlen(ctx->message))] = '\0';
    return status;
}

void nn_forget(nn_context *ctx) {
    ctx->status = NN_OK;
    ctx->message[0] = '\0';
}
