// Counter-based random numbers: Philox 4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2,
// 3"). The runtime and the generated code compute the same, bit by bit.

#include "ir/ir.h"

void philox(uint32_t counter[4], uint64_t key) {
    uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
    for (int round = 0; round < 10; round++) {
        uint64_t a = (uint64_t)counter[0] * 0xD2511F53u, b = (uint64_t)counter[2] * 0xCD9E8D57u;
        uint32_t x0 = (uint32_t)(b >> 32) ^ counter[1] ^ k0, x2 = (uint32_t)(a >> 32) ^ counter[3] ^ k1;
        counter[0] = x0;
        counter[1] = (uint32_t)b;
        counter[2] = x2;
        counter[3] = (uint32_t)a;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
}
