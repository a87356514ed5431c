// Any bytes as a sound: its beginning at another rate, or a reason.
#include "data/files.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    float row[500];
    char why[NN_WHY_ROOM];
    if (size == 0) return 0;
    bool right = nn_sound_decode(data + 1, size - 1, data[0] % 2 == 0 ? 8000 : 11025, 500, row, why);
    if (!right && why[0] == '\0') __builtin_trap();
    return 0;
}
