// Any bytes as an .npy file: an array whose elements are all there, or a message.
#include "data/data.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    nn_context ctx = {0};
    nn_array a;
    volatile double kept = 0;
    if (nn_npy_parse(&ctx, "fuzz.npy", data, size, &a) == NN_OK &&
        nn_array_take(&ctx, "fuzz.npy", &a, data, size) == NN_OK) {
        int64_t count = 1;
        for (int d = 0; d < a.rank; d++) count *= a.dims[d];
        nn_raw raw = {.bytes = a.bytes, .type = a.type, .size = a.size, .big_endian = a.big_endian};
        for (int64_t k = 0; k < count; k++) {
            double value;
            nn_raw_values(&raw, k, 1, &value);
            kept += value;
        }
    }
    (void)kept;
    nn_context_end(&ctx);
    return 0;
}
