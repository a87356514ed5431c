// Philox 4x32-10, and permutations drawn with it.
// Guarantees: the published test vectors; a permutation is a function of its key and its length.
#include "random/random.h"

#include <string.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

// The same word of two blocks. What stands above its 32 bits is anything, and not read.
typedef uint64_t Pair __attribute__((vector_size(16)));

static Pair product(Pair a, uint32_t b) {
#if defined(__SSE2__)
    return (Pair)_mm_mul_epu32((__m128i)a, _mm_set1_epi64x(b));
#else
    return (a & 0xffffffffu) * b;
#endif
}

static Pair both(uint32_t x) { return (Pair){x, x}; }

void nn_philox(const uint32_t counter[4], uint64_t key, uint32_t bits[NN_BITS]) {
    Pair c0 = {counter[0], counter[0] + 1}, c1 = both(counter[1]), c2 = both(counter[2]),
         c3 = both(counter[3]);
    Pair k0 = both((uint32_t)key), k1 = both((uint32_t)(key >> 32));
    for (int round = 0; round < 10; round++) {
        Pair p0 = product(c0, 0xd2511f53u), p1 = product(c2, 0xcd9e8d57u);
        c0 = (p1 >> 32) ^ c1 ^ k0;
        c1 = p1;
        c2 = (p0 >> 32) ^ c3 ^ k1;
        c3 = p0;
        k0 += 0x9e3779b9u;
        k1 += 0xbb67ae85u;
    }
    uint32_t words[NN_BITS] = {(uint32_t)c0[0], (uint32_t)c1[0], (uint32_t)c2[0], (uint32_t)c3[0],
                               (uint32_t)c0[1], (uint32_t)c1[1], (uint32_t)c2[1], (uint32_t)c3[1]};
    memcpy(bits, words, sizeof words);
}

// A whole number in 0 .. n - 1, all as likely: the product's high half, drawn again where the low half is in
// the uneven rest.
static uint32_t below(uint32_t n, uint32_t bits, uint32_t place, const uint32_t base[4], uint64_t seed) {
    uint64_t product = (uint64_t)bits * n;
    uint32_t rest = (uint32_t)(0u - n) % n;
    for (uint32_t again = 1; (uint32_t)product < rest; again++) {
        uint32_t counter[4] = {place, base[1] ^ again << 8, base[2], base[3]}, next[NN_BITS];
        nn_philox(counter, seed, next);
        product = (uint64_t)next[0] * n;
    }
    return (uint32_t)(product >> 32);
}

uint32_t nn_draw_whole(uint32_t n, uint64_t seed, nn_purpose purpose, uint64_t number) {
    uint32_t base[4] = {0, 0x80000000u | (uint32_t)purpose, (uint32_t)number, (uint32_t)(number >> 32)};
    uint32_t bits[NN_BITS];
    nn_philox(base, seed, bits);
    return below(n, bits[0], 0, base, seed);
}

double nn_draw_share(uint64_t seed, nn_purpose purpose, uint64_t number) {
    uint32_t counter[4] = {0, 0x80000000u | (uint32_t)purpose, (uint32_t)number, (uint32_t)(number >> 32)};
    uint32_t bits[NN_BITS];
    nn_philox(counter, seed, bits);
    return (double)((uint64_t)bits[0] << 21 | bits[1] >> 11) * 0x1p-53;
}

void nn_shuffle(int32_t *rows, int64_t count, uint64_t seed, nn_purpose purpose, uint64_t number) {
    uint32_t base[4] = {0, 0x80000000u | (uint32_t)purpose, (uint32_t)number, (uint32_t)(number >> 32)};
    uint32_t bits[NN_BITS];
    for (int64_t i = count - 1; i > 0; i--) {
        uint32_t place = (uint32_t)i % NN_BITS;
        if (place == NN_BITS - 1 || i == count - 1) {
            uint32_t counter[4] = {(uint32_t)i / NN_BITS * (NN_BITS / 4), base[1], base[2], base[3]};
            nn_philox(counter, seed, bits);
        }
        uint32_t n = (uint32_t)i + 1;
        uint64_t product = (uint64_t)bits[place] * n;
        uint32_t k = (uint32_t)product < n ? below(n, bits[place], (uint32_t)i, base, seed)
                                           : (uint32_t)(product >> 32);
        int32_t swapped = rows[i];
        rows[i] = rows[k];
        rows[k] = swapped;
    }
}
