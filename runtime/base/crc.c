// CRC-32C (Castagnoli), eight bytes at a time where the processor has the instruction, else by nibbles.
// Guarantees: "123456789" gives e3069283 either way.
#include "base/processor.h"
#include "base/runtime.h"

#include <string.h>

static uint32_t by_nibbles(uint32_t crc, const unsigned char *p, uint64_t count) {
    static const uint32_t table[16] = {0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
                                       0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
                                       0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75};
    for (uint64_t i = 0; i < count; i++) {
        crc ^= p[i];
        crc = crc >> 4 ^ table[crc & 15];
        crc = crc >> 4 ^ table[crc & 15];
    }
    return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t by_instruction(uint32_t crc, const unsigned char *p,
                                                                 uint64_t count) {
    uint64_t wide = crc;
    for (; count >= 8; count -= 8, p += 8) {
        uint64_t word;
        memcpy(&word, p, 8);
        wide = __builtin_ia32_crc32di(wide, word);
    }
    crc = (uint32_t)wide;
    for (; count > 0; count--, p++) crc = __builtin_ia32_crc32qi(crc, *p);
    return crc;
}
#endif

uint32_t nn_crc32c(uint32_t crc, const void *bytes, uint64_t count) {
#if defined(__x86_64__)
    if (NN_PROCESSOR_HAS("sse4.2", SSE4_2)) return ~by_instruction(~crc, bytes, count);
#endif
    return ~by_nibbles(~crc, bytes, count);
}
