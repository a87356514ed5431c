// Philox 4x32-10, and permutations drawn with it.
// Guarantees: the published test vectors; a permutation is a function of its key and its length.
#include "random/random.h"

void nn_philox(uint32_t counter[4], uint64_t key) {
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = 0xd2511f53ull * c0, p1 = 0xcd9e8d57ull * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)p1;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)p0;
        k0 += 0x9e3779b9u;
        k1 += 0xbb67ae85u;
    }
    counter[0] = c0;
    counter[1] = c1;
    counter[2] = c2;
    counter[3] = c3;
}

// A whole number in 0 .. n - 1, all as likely: the product's high half, drawn again where the low half is in
// the uneven rest.
static uint32_t below(uint32_t n, uint32_t bits, uint32_t place, const uint32_t base[4], uint64_t seed) {
    uint64_t product = (uint64_t)bits * n;
    uint32_t rest = (uint32_t)(0u - n) % n;
    for (uint32_t again = 1; (uint32_t)product < rest; again++) {
        uint32_t counter[4] = {place, base[1] ^ again << 8, base[2], base[3]};
        nn_philox(counter, seed);
        product = (uint64_t)counter[0] * n;
    }
    return (uint32_t)(product >> 32);
}

void nn_shuffle(int32_t *rows, int64_t count, uint64_t seed, nn_purpose purpose, uint64_t number) {
    uint32_t base[4] = {0, 0x80000000u | (uint32_t)purpose, (uint32_t)number, (uint32_t)(number >> 32)};
    uint32_t bits[4] = {0, 0, 0, 0};
    for (int64_t i = count - 1; i > 0; i--) {
        uint32_t lane = (uint32_t)i & 3;
        if (lane == 3 || i == count - 1) {
            bits[0] = (uint32_t)(i >> 2);
            bits[1] = base[1];
            bits[2] = base[2];
            bits[3] = base[3];
            nn_philox(bits, seed);
        }
        uint32_t n = (uint32_t)i + 1;
        uint64_t product = (uint64_t)bits[lane] * n;
        uint32_t k =
            (uint32_t)product < n ? below(n, bits[lane], (uint32_t)i, base, seed) : (uint32_t)(product >> 32);
        int32_t swapped = rows[i];
        rows[i] = rows[k];
        rows[k] = swapped;
    }
}
