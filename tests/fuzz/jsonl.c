// Any bytes as objects, one a line: rows or a message with a place, never a crash, a leak or a read outside.
#include "data/data.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// The first byte says whether cells may be missing.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1) return 0;
    nn_context ctx = {0};
    char *bytes = malloc(size);
    if (bytes == NULL) return 0;
    memcpy(bytes, data + 1, size - 1);
    bytes[size - 1] = '\0';
    bool missing_ok = (*data & 1) != 0;
    nn_csv_want wants[4] = {
        {.names = (const char *[]){"a", "b.c"}, .count = 2, .missing_ok = missing_ok},
        {.names = (const char *[]){"v"}, .count = 3, .array = true, .missing_ok = missing_ok},
        {.names = (const char *[]){"b.c"}, .count = 1, .texts = true},
        {.names = (const char *[]){"a"}, .count = 1, .missing_ok = true, .limit = 3}};
    nn_csv csv = {.path = "fuzz.jsonl", .decimal = '.', .wants = wants, .want_count = 4};
    nn_status status = nn_jsonl_parse(&ctx, &csv, bytes, size - 1);
    for (int64_t r = 0; r < csv.rows && status == NN_OK; r++) {
        const nn_cell *cell = &wants[2].cells[r];
        if (memchr(cell->text, 0, cell->length) != NULL) abort();
        if (!missing_ok && (isnan(wants[0].values[2 * r]) || isnan(wants[1].values[3 * r + 2]))) abort();
        if (!isnan(wants[3].values[r]) && !nn_below(wants[3].values[r], 3)) abort();
    }
    if (status != NN_OK && strncmp(ctx.message, "fuzz.jsonl", 10) != 0) abort();
    nn_context_end(&ctx);
    free(bytes);
    return 0;
}
