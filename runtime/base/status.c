// What a status means, in words.
#include "abi.h"
#include "base/runtime.h"

const char *nn_status_text(int32_t status) {
    switch (status) {
#define STATUS(name, value, text)                                                                            \
    case value: return text;
#include "status.def"
#undef STATUS
    default: return "an unknown status";
    }
}
