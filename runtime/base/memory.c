// Memory of a context: every block is in a list, so that a command that fails anywhere leaks nothing.
// Guarantees: blocks are zeroed and aligned to 64 bytes; sizes are checked; a failure is NN_MEMORY with the
// size asked for.
#include "base/runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct nn_block {
    nn_block *next, **link;
    uint64_t bytes, mapped; // mapped: of a file in memory, all of it; else 0
    nn_context *ctx;
};

enum { ALIGNMENT = 64, LARGE = 16 << 20, MB = 1 << 20 };
_Static_assert(sizeof(nn_block) <= ALIGNMENT, "a block's head fits before its memory");

static nn_block *block_of(void *memory) { return (nn_block *)(void *)((unsigned char *)memory - ALIGNMENT); }

static bool checked_bytes(uint64_t count, uint64_t size, uint64_t *bytes) {
    return !__builtin_mul_overflow(count, size, bytes) && *bytes <= (uint64_t)INT64_MAX / 2;
}

static void *no_memory(nn_context *ctx, uint64_t count, uint64_t size) {
    char limit[96] = "";
    if (ctx->limit > 0)
        snprintf(limit, sizeof limit, " beside %.6g MB, and %.6g MB may be used", (double)ctx->held / MB,
                 (double)ctx->limit / MB);
    nn_fail(ctx, NN_MEMORY, "out of memory: %.6g MB more are needed%s", (double)count * (double)size / MB,
            limit);
    return NULL;
}

static uint64_t rounded(uint64_t bytes) { return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT; }

static void add_block(nn_context *ctx, nn_block *b) {
    b->ctx = ctx;
    ctx->held += b->mapped > 0 ? 0 : b->bytes;
    b->next = ctx->blocks;
    b->link = &ctx->blocks;
    if (b->next != NULL) b->next->link = &b->next;
    ctx->blocks = b;
}

// A file stands behind a page whose end is the block's head, and a page of zeros behind it.
void *nn_get_mapped(nn_context *ctx, int file, uint64_t size, bool shared) {
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), inner = (size + page - 1) / page * page,
             all = inner + 2 * page;
    unsigned char *base =
        mmap(NULL, (size_t)all, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED) return no_memory(ctx, all, 1);
    void *at = mprotect(base, (size_t)page, PROT_READ | PROT_WRITE) != 0
                   ? MAP_FAILED
                   : mmap(base + page, (size_t)inner, shared ? PROT_READ | PROT_WRITE : PROT_READ,
                          (shared ? MAP_SHARED : MAP_PRIVATE) | MAP_FIXED, file, 0);
    if (at == MAP_FAILED) {
        munmap(base, (size_t)all);
        return no_memory(ctx, all, 1);
    }
    nn_block *b = block_of(base + page);
    b->bytes = size;
    b->mapped = all;
    add_block(ctx, b);
    return base + page;
}

// A file without a name, which goes with the memory. Its place on the disk is taken now, so that none lacks
// later.
static void *get_on_disk(nn_context *ctx, uint64_t bytes) {
    int file = nn_system_open(ctx->folder, O_RDWR | O_TMPFILE, 0600);
    int error = file < 0 ? errno : fallocate(file, 0, 0, (off_t)bytes) != 0 ? errno : 0;
    if (file >= 0 && error == EOPNOTSUPP) error = nn_system_truncate(file, bytes) != 0 ? errno : 0;
    void *memory = error == 0 ? nn_get_mapped(ctx, file, bytes, true) : NULL;
    if (error != 0)
        nn_fail(ctx, NN_FILE, "cannot keep %.6g MB of rows in %s: %s", (double)bytes / MB, ctx->folder,
                strerror(error));
    if (file >= 0) nn_system_close(file);
    return memory;
}

void *nn_get(nn_context *ctx, uint64_t count, uint64_t size) {
    uint64_t bytes;
    if (!checked_bytes(count, size, &bytes)) return no_memory(ctx, count, size);
    if (ctx->folder != NULL && bytes >= LARGE) return get_on_disk(ctx, bytes);
    if (ctx->limit > 0 && (ctx->held > ctx->limit || bytes > ctx->limit - ctx->held))
        return no_memory(ctx, count, size);
    nn_block *b = nn_memory_take(rounded(bytes) + ALIGNMENT);
    if (b == NULL) return no_memory(ctx, count, size);
    b->bytes = bytes;
    add_block(ctx, b);
    return (unsigned char *)b + ALIGNMENT;
}

void nn_drop(nn_context *ctx, void *memory) {
    (void)ctx;
    if (memory == NULL) return;
    nn_block *b = block_of(memory);
    *b->link = b->next;
    if (b->next != NULL) b->next->link = b->link;
    b->ctx->held -= b->mapped > 0 ? 0 : b->bytes;
    if (b->mapped > 0)
        munmap((unsigned char *)memory - sysconf(_SC_PAGESIZE), (size_t)b->mapped);
    else
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

void nn_context_join(nn_context *ctx, nn_context *from) {
    for (nn_block *b; (b = from->blocks) != NULL;) {
        from->blocks = b->next;
        add_block(ctx, b);
    }
    from->held = 0;
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
