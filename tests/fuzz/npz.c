// Any bytes as an .npz file: an array whose elements are all there, or a message. No more is expanded than is
// asked for.
#include "data/data.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    nn_context ctx = {0};
    nn_member m;
    nn_array a;
    volatile unsigned char kept = 0;
    if (nn_npz_find(&ctx, "fuzz.npz", data, size, "x", &m) == NN_OK) {
        unsigned char *bytes = (unsigned char *)(uintptr_t)m.bytes;
        uint64_t length = m.size;
        if (!m.deflated && (m.bytes < data || m.size > size || m.bytes + m.size > data + size)) abort();
        if (m.deflated && nn_npz_expand(&ctx, "fuzz.npz", &m, 1000, &bytes, &length) != NN_OK) length = 0;
        if (m.deflated && length > 1001) abort();
        if (ctx.status == NN_OK && nn_npy_parse(&ctx, "fuzz.npz", bytes, length, &a) == NN_OK &&
            nn_array_take(&ctx, "fuzz.npz", &a, bytes, length) == NN_OK)
            for (uint64_t k = 0; k < a.length; k++) kept ^= a.bytes[k];
    }
    if (ctx.status != NN_OK && strncmp(ctx.message, "fuzz.npz", 8) != 0) abort();
    (void)kept;
    nn_context_end(&ctx);
    return 0;
}
