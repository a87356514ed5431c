// Any bytes as a text: units with numbers or a message with a place, never a crash, a leak or a read outside.
// The vocabulary, written as the weights have it and read back, gives the same numbers. Any bytes as such a
// list. clang -g -O1 -fsanitize=fuzzer,address,undefined -D_GNU_SOURCE -Iruntime tests/fuzz/text.c libnn.a's
// sources
#include "data/data.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds) {
    if (!holds) abort();
}

static void read_again(nn_context *ctx, nn_units_text text, const nn_vocabulary *v, int64_t limit,
                       const nn_units *units) {
    nn_vocabulary again;
    nn_units read;
    nn_text list;
    nn_text_begin(&list, ctx);
    nn_vocabulary_put(&list, v, text.kind);
    check(nn_vocabulary_take(ctx, &again, list.bytes, text.kind, limit) == NN_OK);
    check(again.count == v->count);
    text.grows = false;
    check(nn_units_read(ctx, &again, &text, &read) == NN_OK && read.count == units->count);
    check(read.count == 0 ||
          memcmp(read.numbers, units->numbers, (size_t)read.count * sizeof *read.numbers) == 0);
    bool any = false;
    for (int64_t k = 0; k < read.count; k++) any = any || read.numbers[k] == 0;
    check(any == (read.unknown.text != NULL));
}

// By how often a unit is there in the first half.
static void choose(nn_context *ctx, nn_vocabulary *v, int64_t limit, nn_units *units) {
    int64_t *times = nn_get(ctx, (uint64_t)v->count + 1, sizeof *times);
    int32_t *now = nn_get(ctx, (uint64_t)v->count + 1, sizeof *now);
    for (int64_t k = 0; k < (units->count + 1) / 2; k++) times[units->numbers[k]]++;
    check(nn_vocabulary_choose(ctx, v, limit, times, now) == NN_OK);
    for (int64_t k = 0; k < units->count; k++) units->numbers[k] = now[units->numbers[k]];
}

// The first byte says how the text is cut, and how many units have a number.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1) return 0;
    nn_context ctx = {0};
    nn_vocabulary v = {0}, list;
    nn_units units;
    char *bytes = malloc(size);
    if (bytes == NULL) return 0;
    memcpy(bytes, data + 1, size - 1);
    bytes[size - 1] = '\0';
    int64_t limit = 2 + (*data >> 2);
    nn_units_text text = {
        .kind = *data % 3, .path = "fuzz.txt", .bytes = bytes, .size = size - 1, .grows = true};
    if (nn_units_read(&ctx, &v, &text, &units) == NN_OK && units.count > 0) {
        choose(&ctx, &v, limit, &units);
        check(v.count > 0 && v.count < limit);
        read_again(&ctx, text, &v, limit, &units);
    } else if (ctx.status != NN_OK) {
        check(strncmp(ctx.message, "fuzz.txt:", 9) == 0);
    }
    nn_forget(&ctx);
    nn_vocabulary_take(&ctx, &list, bytes, text.kind, limit);
    nn_context_end(&ctx);
    free(bytes);
    return 0;
}
