// NumPy's .npz files: zip files whose members are .npy arrays, stored or deflated. In a library of its own,
// so that trainers that read none do not need zlib. Guarantees: sizes and places are checked against the
// file, of more than the limit one byte is expanded, and a member whose checksum is another's is a message.
#include "data/data.h"

#include <stdio.h>
#include <string.h>
#include <zlib.h>

enum { END = 22, LOCATOR = 20, END64 = 56, ENTRY = 46, LOCAL = 30, COMMENT = 65535, SHOWN = 200 };

typedef struct {
    nn_context *ctx;
    const char *path;
    const unsigned char *bytes;
    uint64_t size;
} Zip;

static uint64_t number(const unsigned char *p, int size) {
    uint64_t value = 0;
    for (int k = size - 1; k >= 0; k--) value = value << 8 | p[k];
    return value;
}

static nn_status damaged(const Zip *z, const char *what) {
    return nn_fail(z->ctx, NN_DATA, "%s: %s", z->path, what);
}

// Where the list of members stands, and how many there are.
static nn_status find_list(const Zip *z, uint64_t *at, uint64_t *count) {
    uint64_t end = z->size < END ? 0 : z->size - END, least = end > COMMENT ? end - COMMENT : 0;
    bool is_zip = z->size >= 4 && memcmp(z->bytes, "PK", 2) == 0;
    while (z->size >= END && end > least && memcmp(z->bytes + end, "PK\5\6", 4) != 0) end--;
    if (z->size < END || memcmp(z->bytes + end, "PK\5\6", 4) != 0)
        return damaged(z, is_zip ? "the npz file is cut off" : "expected an npz file, which begins with PK");
    *count = number(z->bytes + end + 10, 2);
    *at = number(z->bytes + end + 16, 4);
    if (end < LOCATOR || memcmp(z->bytes + end - LOCATOR, "PK\6\7", 4) != 0) return NN_OK;
    uint64_t wide = number(z->bytes + end - LOCATOR + 8, 8);
    if (wide > z->size || z->size - wide < END64 || memcmp(z->bytes + wide, "PK\6\6", 4) != 0)
        return damaged(z, "the npz file is damaged: its end is not where it says");
    *count = number(z->bytes + wide + 32, 8);
    *at = number(z->bytes + wide + 48, 8);
    return NN_OK;
}

// A member of the list, as it says.
typedef struct {
    const char *name;
    uint64_t length; // of the name
    uint64_t packed, size, local, next;
    int method, flags;
    uint32_t sum;
} Entry;

// Sizes that 32 bits do not hold stand in a field of their own, in this order.
static bool take_wide(const unsigned char *extra, uint64_t length, Entry *e) {
    uint64_t *const values[] = {&e->size, &e->packed, &e->local};
    while (length >= 4 && number(extra, 2) != 1) {
        uint64_t whole = 4 + number(extra + 2, 2);
        if (whole > length) return false;
        extra += whole;
        length -= whole;
    }
    uint64_t room = length >= 4 ? number(extra + 2, 2) : 0, at = 4;
    if (room + 4 > length) room = 0;
    for (int k = 0; k < 3; k++) {
        if (*values[k] != UINT32_MAX) continue;
        if (at + 8 > room + 4) return false;
        *values[k] = number(extra + at, 8);
        at += 8;
    }
    return true;
}

static bool take_entry(const Zip *z, uint64_t at, Entry *e) {
    const unsigned char *p = z->bytes + at;
    if (at > z->size || z->size - at < ENTRY || memcmp(p, "PK\1\2", 4) != 0) return false;
    uint64_t extra = number(p + 30, 2), comment = number(p + 32, 2);
    *e = (Entry){.name = (const char *)p + ENTRY,
                 .length = number(p + 28, 2),
                 .packed = number(p + 20, 4),
                 .size = number(p + 24, 4),
                 .local = number(p + 42, 4),
                 .flags = (int)number(p + 8, 2),
                 .method = (int)number(p + 10, 2),
                 .sum = (uint32_t)number(p + 16, 4)};
    e->next = at + ENTRY + e->length + extra + comment;
    return e->next <= z->size && take_wide(p + ENTRY + e->length, extra, e);
}

// The member's bytes, behind a head of their own.
static nn_status take_member(const Zip *z, const Entry *e, const char *key, nn_member *out) {
    const unsigned char *p = z->bytes + e->local;
    bool there = e->local <= z->size && z->size - e->local >= LOCAL && memcmp(p, "PK\3\4", 4) == 0;
    uint64_t start = there ? e->local + LOCAL + number(p + 26, 2) + number(p + 28, 2) : 0;
    if (!there || start > z->size || z->size - start < e->packed)
        return nn_fail(z->ctx, NN_DATA, "%s: %s: the array is cut off", z->path, key);
    if ((e->flags & 1) != 0 || (e->method != 0 && e->method != 8))
        return nn_fail(z->ctx, NN_DATA, "%s: %s: expected an array that is stored or deflated, found %s",
                       z->path, key, (e->flags & 1) != 0 ? "an encrypted one" : "another way to compress it");
    if (e->method == 0 && e->packed != e->size)
        return nn_fail(z->ctx, NN_DATA, "%s: %s: the array is stored with two sizes", z->path, key);
    *out = (nn_member){z->bytes + start, e->packed, e->size, e->sum, e->method == 8};
    if (out->deflated) return NN_OK;
    uLong sum = 0;
    for (uint64_t k = 0, n; k < e->size; k += n) {
        n = e->size - k < 1u << 30 ? e->size - k : 1u << 30;
        sum = crc32(sum, out->bytes + k, (uInt)n);
    }
    return sum == e->sum ? NN_OK : nn_fail(z->ctx, NN_DATA, "%s: %s: the array is damaged", z->path, key);
}

// What a file is asked for: "x" is the member "x.npy".
static bool is_called(const Entry *e, const char *key) {
    size_t n = strlen(key);
    uint64_t length = e->length;
    if (length > 4 && memcmp(e->name + length - 4, ".npy", 4) == 0 && length != n) length -= 4;
    return length == n && memcmp(e->name, key, n) == 0;
}

nn_status nn_npz_find(nn_context *ctx, const char *path, const unsigned char *bytes, uint64_t size,
                      const char *key, nn_member *out) {
    Zip z = {ctx, path, bytes, size};
    uint64_t at = 0, count = 0;
    nn_text names;
    if (find_list(&z, &at, &count) != NN_OK) return ctx->status;
    nn_text_begin(&names, ctx);
    for (uint64_t k = 0; k < count; k++) {
        Entry e;
        if (!take_entry(&z, at, &e))
            return damaged(&z, "the npz file is damaged: its list of arrays is cut off");
        if (is_called(&e, key)) return take_member(&z, &e, key, out);
        bool npy = e.length > 4 && memcmp(e.name + e.length - 4, ".npy", 4) == 0;
        if (names.length < SHOWN) nn_text_add(&names, names.length > 0 ? ", " : "");
        if (names.length < SHOWN) nn_text_json(&names, e.name, e.length - (npy ? 4 : 0));
        at = e.next;
    }
    return nn_fail(ctx, NN_DATA, "%s: expected an array called \"%s\", found %s%s", path, key,
                   names.length > 0 ? names.bytes : "none", names.length < SHOWN ? "" : " ...");
}

nn_status nn_npz_expand(nn_context *ctx, const char *path, const nn_member *m, uint64_t limit,
                        unsigned char **bytes, uint64_t *size) {
    z_stream z = {0};
    uint64_t room = (m->size < limit ? m->size : limit) + 1, used = 0, taken = 0;
    unsigned char *out = nn_get(ctx, room, 1);
    if (out == NULL) return ctx->status;
    if (inflateInit2(&z, -15) != Z_OK) return nn_fail(ctx, NN_MEMORY, "out of memory expanding %s", path);
    int state = Z_OK;
    uLong sum = 0;
    while (state == Z_OK && used < room) {
        uint64_t left = m->packed - taken, free = room - used;
        uInt in = z.avail_in = left > 1u << 30 ? 1u << 30 : (uInt)left;
        uInt to = z.avail_out = free > 1u << 30 ? 1u << 30 : (uInt)free;
        z.next_in = (unsigned char *)(uintptr_t)(m->bytes + taken);
        z.next_out = out + used;
        state = inflate(&z, Z_NO_FLUSH);
        taken += in - z.avail_in;
        sum = crc32(sum, out + used, to - z.avail_out);
        used += to - z.avail_out;
    }
    inflateEnd(&z);
    bool whole = state == Z_STREAM_END && used == m->size && sum == m->sum;
    if (!whole && !(used > limit && state == Z_OK))
        return nn_fail(ctx, NN_DATA, "%s: the array is %s", path,
                       state == Z_BUF_ERROR ? "cut off" : "damaged");
    *bytes = out;
    *size = used;
    return NN_OK;
}
