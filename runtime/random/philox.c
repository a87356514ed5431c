// Philox 4x32-10, and permutations drawn with it.
// Guarantees: the published test vectors; a permutation is a function of its key and its length, by whichever
// instructions it is drawn.
#include "random/random.h"

#include "base/processor.h"

#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

// The same word of two blocks. What stands above its 32 bits is anything, and not read.
typedef uint64_t Pair __attribute__((vector_size(16)));

static Pair product(Pair a, uint32_t b) {
#if defined(__x86_64__)
    return (Pair)_mm_mul_epu32((__m128i)a, _mm_set1_epi64x(b));
#else
    return (a & 0xffffffffu) * b;
#endif
}

static Pair both(uint32_t x) { return (Pair){x, x}; }

__attribute__((noinline)) void nn_philox(const uint32_t counter[4], uint64_t key, uint32_t bits[NN_BITS]) {
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

// ---- several blocks at once -------------------------------------------------------------------------------

#if defined(__x86_64__)
typedef uint64_t Four __attribute__((vector_size(32)));

// Two times four: what one of them waits for, the other does not.
__attribute__((target("avx2"))) static void draw_wide(const uint32_t base[4], uint32_t place, int each,
                                                      uint64_t key, uint32_t *bits) {
    enum { HALVES = NN_BLOCKS / 4 };
    Four x[HALVES][4], k0 = (Four){0} + (uint32_t)key, k1 = (Four){0} + (key >> 32);
    const Four m0 = (Four){0} + 0xd2511f53u, m1 = (Four){0} + 0xcd9e8d57u;
    const uint64_t number = (uint64_t)base[3] << 32 | base[2], among = (1u << each) - 1;
#pragma GCC unroll 2
    for (int h = 0; h < HALVES; h++) {
        Four block = (Four){0, 1, 2, 3} + (uint64_t)(h * 4), n = number + (block >> each);
        x[h][0] = place + (block & among);
        x[h][1] = (Four){0} + base[1];
        x[h][2] = n;
        x[h][3] = n >> 32;
    }
    for (int round = 0; round < 10; round++) {
#pragma GCC unroll 2
        for (int h = 0; h < HALVES; h++) {
            Four p0 = (Four)_mm256_mul_epu32((__m256i)x[h][0], (__m256i)m0);
            Four p1 = (Four)_mm256_mul_epu32((__m256i)x[h][2], (__m256i)m1);
            x[h][0] = (p1 >> 32) ^ x[h][1] ^ k0;
            x[h][1] = p1;
            x[h][2] = (p0 >> 32) ^ x[h][3] ^ k1;
            x[h][3] = p0;
        }
        k0 += 0x9e3779b9u;
        k1 += 0xbb67ae85u;
    }
#pragma GCC unroll 2
    for (int h = 0; h < HALVES; h++) {
        // The words of a block side by side; then blocks 0 and 1, 2 and 3.
        __m256i low = _mm256_blend_epi32((__m256i)x[h][0], (__m256i)(x[h][1] << 32), 0xaa);
        __m256i high = _mm256_blend_epi32((__m256i)x[h][2], (__m256i)(x[h][3] << 32), 0xaa);
        __m256i even = _mm256_unpacklo_epi64(low, high), odd = _mm256_unpackhi_epi64(low, high);
        __m256i first = _mm256_permute2x128_si256(even, odd, 0x20);
        __m256i second = _mm256_permute2x128_si256(even, odd, 0x31);
        memcpy(bits + h * 16, &first, sizeof first);
        memcpy(bits + h * 16 + 8, &second, sizeof second);
    }
}
#endif

enum { ALL = 3 }; // 2^3 are as many as there are

// From `place` on, 2^each of this number, as many of the next, and so on: as many numbers as there is room
// for.
static void draw(const uint32_t base[4], uint32_t place, int each, uint64_t key, uint32_t bits[NN_MANY]) {
#if defined(__x86_64__)
    if (NN_PROCESSOR_HAS("avx2", AVX2)) {
        draw_wide(base, place, each, key, bits);
        return;
    }
#endif
    const int among = (1 << each) - 1;
    uint64_t number = (uint64_t)base[3] << 32 | base[2];
    for (int k = 0, taken = each > 0 ? 2 : 1; k < NN_BLOCKS; k += taken) {
        uint64_t n = number + (uint64_t)(k >> each);
        uint32_t counter[4] = {place + (uint32_t)(k & among), base[1], (uint32_t)n, (uint32_t)(n >> 32)};
        uint32_t two[NN_BITS];
        nn_philox(counter, key, two);
        memcpy(bits + k * 4, two, (size_t)taken * 16);
    }
}

// ---- what is drawn ----------------------------------------------------------------------------------------

// A whole number in 0 .. n - 1, all as likely: the product's high half, drawn again where the low half is in
// the uneven rest.
__attribute__((noinline, cold)) static uint32_t below(uint32_t n, uint32_t bits, uint32_t place,
                                                      const uint32_t base[4], uint64_t seed) {
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

// Rows from the place `from` down to `to` each change with one that stands before it, or stay; bits: those of
// the place `to` come first.
static void change(int32_t *rows, int64_t from, int64_t to, const uint32_t *bits, const uint32_t base[4],
                   uint64_t seed) {
    for (uint64_t i = (uint64_t)from; i >= (to > 0 ? (uint64_t)to : 1); i--) {
        uint64_t n = i + 1, product = bits[i - (uint64_t)to] * n, k = product >> 32;
        if (__builtin_expect((uint32_t)product < n, 0))
            k = below((uint32_t)n, bits[i - (uint64_t)to], (uint32_t)i, base, seed);
        int32_t swapped = rows[i];
        rows[i] = rows[k];
        rows[k] = swapped;
    }
}

void nn_shuffle(int32_t *rows, int64_t count, uint64_t seed, nn_purpose purpose, uint64_t number) {
    uint32_t base[4] = {0, 0x80000000u | (uint32_t)purpose, (uint32_t)number, (uint32_t)(number >> 32)};
    uint32_t bits[NN_MANY];
    for (int64_t from = count - 1; from > 0;) {
        int64_t to = from / NN_MANY * NN_MANY;
        draw(base, (uint32_t)(to / 4), ALL, seed, bits);
        change(rows, from, to, bits, base, seed);
        from = to - 1;
    }
}

// What short orders take is drawn for several of them at once, which lie as they are copied: in one piece.
__attribute__((noinline)) static void shuffle_several(nn_ahead *a, const int32_t *from, int64_t count,
                                                      nn_purpose purpose) {
    int each = count <= 4 ? 0 : count <= 8 ? 1 : 2;
    uint32_t base[4] = {0, 0x80000000u | (uint32_t)purpose, (uint32_t)a->first, (uint32_t)(a->first >> 32)};
    uint32_t bits[NN_MANY];
    draw(base, 0, each, a->seed, bits);
    a->numbers = NN_BLOCKS >> each;
    for (uint64_t k = 0; k < a->numbers; k++) {
        uint64_t number = a->first + k;
        int32_t *rows = a->rows + k * NN_AHEAD;
        base[2] = (uint32_t)number;
        base[3] = (uint32_t)(number >> 32);
        memcpy(rows, from, (size_t)count * sizeof *rows);
        change(rows, count - 1, 0, bits + (k << each) * 4, base, a->seed);
    }
}

void nn_shuffle_next(nn_ahead *a, const int32_t *from, int32_t *rows, int64_t count, uint64_t seed,
                     nn_purpose purpose, uint64_t number) {
    if (count > NN_AHEAD) {
        memcpy(rows, from, (size_t)count * sizeof *rows);
        nn_shuffle(rows, count, seed, purpose, number);
        return;
    }
    if (number - a->first >= a->numbers || a->seed != seed || a->from != from || a->count != count) {
        a->seed = seed;
        a->first = number;
        a->from = from;
        a->count = count;
        shuffle_several(a, from, count, purpose);
    }
    memcpy(rows, a->rows + (number - a->first) * NN_AHEAD, (size_t)count * sizeof *rows);
}
