// Any bytes as a file of weights: taken whole, or refused with nothing changed. What is taken and written
// reads as the same.
#include "store/store.h"
#include "support/fake_model.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t room);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t room, unsigned seed);

static void must(bool ok) {
    if (!ok) abort();
}

// Begins with what the model itself saves; of each second file the header's length is put right after a
// mutation, so that its text is read.
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t room, unsigned seed) {
    static const FakeOptions options = {.csv = "x.csv", .batch = 4, .epochs = 1, .steps = -1};
    if (size < 16) {
        const void *manifest = fake_manifest(&options);
        void *object = nn_object_create(manifest, fake_run, NULL);
        uint64_t length = 0;
        if (object != NULL && nn_object_save_memory(object, data, room, &length) == NN_OK) size = length;
        nn_object_destroy(object);
        fake_free(manifest);
        return size;
    }
    size = LLVMFuzzerMutate(data, size, room);
    const uint8_t *end = size > 8 && seed % 2 != 0 ? memchr(data + 8, '\n', size - 8) : NULL;
    for (size_t k = size; end == NULL && seed % 2 != 0 && k > 8; k--)
        if (data[k - 1] == '}') end = data + k;
    for (int k = 0; end != NULL && k < 8; k++) data[k] = (uint8_t)((uint64_t)(end - (data + 8)) >> 8 * k);
    return size;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const FakeOptions options = {.csv = "x.csv", .batch = 4, .epochs = 1, .steps = -1};
    enum { ROOM = 1 << 16 };
    const void *manifest = fake_manifest(&options);
    void *object = nn_object_create(manifest, fake_run, NULL);
    unsigned char *before = malloc(ROOM), *after = malloc(ROOM);
    uint64_t length = 0, again = 0;
    must(object != NULL && before != NULL && after != NULL);
    must(nn_object_save_memory(object, before, ROOM, &length) == NN_OK);
    int32_t status = nn_object_load_memory(object, data, size);
    must(status == NN_OK || status == NN_DATA);
    must(nn_object_save_memory(object, after, ROOM, &again) == NN_OK);
    must(status == NN_OK || (length == again && memcmp(before, after, length) == 0));
    must(nn_object_load_memory(object, after, again) == NN_OK);
    must(nn_object_save_memory(object, before, ROOM, &length) == NN_OK && length == again &&
         memcmp(before, after, length) == 0);
    free(before);
    free(after);
    nn_object_destroy(object);
    fake_free(manifest);
    return 0;
}
