// Any bytes as LIBSVM's: rows or a message with a place.
#include "data/data.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1) return 0;
    nn_context ctx = {0};
    nn_libsvm s = {
        .path = "fuzz.svm", .elements = 5, .first = *data & 1, .wants_labels = true, .wants_values = true};
    if (nn_libsvm_parse(&ctx, &s, (const char *)data + 1, size - 1) == NN_OK) {
        for (int64_t k = 0; k < s.rows * s.elements; k++)
            if (!isfinite(s.values[k]) || !isfinite(s.labels[k / s.elements])) abort();
    } else if (strncmp(ctx.message, "fuzz.svm:", 9) != 0) {
        abort();
    }
    nn_context_end(&ctx);
    return 0;
}
