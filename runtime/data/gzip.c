// Expands .gz files with zlib. A library of its own, so that trainers whose programs name no .gz do not need
// zlib. Guarantees: of more than the limit one byte is expanded, and no memory taken for the rest; files may
// be several members one after another; cut-off or damaged files are errors.
#include "data/data.h"

#include <zlib.h>

nn_status nn_gzip_expand(nn_context *ctx, const char *path, const unsigned char *packed, uint64_t packed_size,
                         uint64_t limit, unsigned char **bytes, uint64_t *size) {
    z_stream z = {0};
    if (inflateInit2(&z, 15 + 16) != Z_OK) return nn_fail(ctx, NN_MEMORY, "out of memory expanding %s", path);
    uint64_t room = packed_size * 4 < limit ? packed_size * 4 + 2 : limit + 2, used = 0, taken = 0;
    unsigned char *out = nn_get(ctx, room, 1);
    int state = Z_OK;
    while (out != NULL && (state == Z_OK || (state == Z_STREAM_END && taken < packed_size))) {
        if (state == Z_STREAM_END && inflateReset(&z) != Z_OK) break;
        uint64_t left = packed_size - taken, free = room - 1 - used;
        z.next_in = (unsigned char *)(uintptr_t)(packed + taken);
        z.avail_in = left > 1u << 30 ? 1u << 30 : (uInt)left;
        z.next_out = out + used;
        z.avail_out = free > 1u << 30 ? 1u << 30 : (uInt)free;
        uInt in = z.avail_in, room_now = z.avail_out;
        state = inflate(&z, Z_NO_FLUSH);
        taken += in - z.avail_in;
        used += room_now - z.avail_out;
        if (state == Z_BUF_ERROR && z.avail_out == 0) state = Z_OK;
        if (state == Z_OK && used + 1 >= room) {
            if (used > limit) break;
            room = room * 2 < limit + 2 ? room * 2 : limit + 2;
            out = nn_grow(ctx, out, room, 1);
        }
    }
    inflateEnd(&z);
    if (out == NULL) return ctx->status;
    if (state != Z_STREAM_END && used <= limit)
        return nn_fail(ctx, NN_DATA, "%s: the gzip file is %s", path,
                       state == Z_BUF_ERROR ? "cut off" : "damaged");
    out[used] = '\0';
    *bytes = out;
    *size = used;
    return NN_OK;
}
