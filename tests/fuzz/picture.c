// Any bytes as a picture: the first says how it is seen; what is decoded is made as large as a row.
#include "data/files.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    unsigned char row[9 * 7 * 3], why[NN_WHY_ROOM];
    nn_picture_form form = {.height = 9, .width = 7, .resize = true, .mask = (data[0] & 1) != 0};
    form.channels = form.mask || (data[0] & 2) != 0 ? 1 : 3;
    nn_picture picture;
    if (nn_picture_decode(data + 1, size - 1, form.channels, form.mask, &picture, (char *)why)) {
        if (!nn_picture_fit(&picture, &form, row, (char *)why)) __builtin_trap();
        nn_memory_give(picture.bytes);
    } else if (why[0] == '\0' || picture.bytes != NULL) {
        __builtin_trap();
    }
    return 0;
}
