// Any bytes as CIFAR's: whole pictures, or a message.
#include "data/data.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1) return 0;
    nn_context ctx = {0};
    int labels = 1 + (*data & 1);
    unsigned char row[32 * 32 * 3];
    int64_t rows = 0;
    if (nn_cifar_count(&ctx, "fuzz.bin", labels, size - 1, &rows) == NN_OK) {
        const unsigned char *at = data + 1;
        for (int64_t k = 0; k < rows; k++, at += labels + (int)sizeof row)
            nn_cifar_put(at + labels, (*data & 2) != 0, row);
        if (rows < 1 || at != data + size) abort();
    } else if (strncmp(ctx.message, "fuzz.bin: expected pictures", 27) != 0) {
        abort();
    }
    nn_context_end(&ctx);
    return 0;
}
