// Any bytes as an IDX file, plain or gzipped: an array whose elements are all there, or a message.
#include "data/data.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static double sum_of(const nn_array *a) {
    int64_t count = 1;
    for (int d = 0; d < a->rank; d++) count *= a->dims[d];
    nn_raw raw = {.bytes = a->bytes, .type = a->type, .size = a->size, .big_endian = a->big_endian};
    double sum = 0, value;
    for (int64_t k = 0; k < count; k++) {
        nn_raw_values(&raw, k, 1, &value);
        sum += value;
    }
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    nn_context ctx = {0};
    nn_array a;
    unsigned char *bytes = NULL;
    uint64_t length = 0;
    volatile double kept = 0;
    if (nn_idx_parse(&ctx, "fuzz.idx", data, size, &a) == NN_OK &&
        nn_array_take(&ctx, "fuzz.idx", &a, data, size) == NN_OK)
        kept = sum_of(&a);
    nn_forget(&ctx);
    if (nn_gzip_expand(&ctx, "fuzz.gz", data, size, size * 64, &bytes, &length) == NN_OK &&
        nn_idx_parse(&ctx, "fuzz.gz", bytes, length, &a) == NN_OK &&
        nn_array_take(&ctx, "fuzz.gz", &a, bytes, length) == NN_OK)
        kept = sum_of(&a);
    (void)kept;
    nn_context_end(&ctx);
    return 0;
}
