// Any bytes as a file of weights: taken whole, or refused with nothing changed. What is taken and written reads as the same.
#include "store/store.h"
#include "support/fake_model.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok) {
    if (!ok)
        abort();
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
    must(nn_object_save_memory(object, before, ROOM, &length) == NN_OK && length == again && memcmp(before, after, length) == 0);
    free(before);
    free(after);
    nn_object_destroy(object);
    fake_free(manifest);
    return 0;
}
