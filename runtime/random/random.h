// The contract of random/: counter-based numbers. What is drawn depends on its key and place alone, never on
// what was drawn before.
#ifndef NN_RANDOM_H
#define NN_RANDOM_H

#include <stdint.h>

// What the runtime draws for; part of the key, so that none of these repeats another's numbers.
typedef enum nn_purpose {
    NN_FOR_ORDER,
    NN_FOR_SPLIT,
    NN_FOR_OFFSET,
    NN_FOR_SAMPLE,
    NN_FOR_BALANCE
} nn_purpose;

// Philox 4x32-10 (Salmon et al. 2011): a counter becomes 128 random bits. Two at once, which takes as long as
// one: this counter, and the one whose first word is greater by one.
enum { NN_BITS = 8 };
void nn_philox(const uint32_t counter[4], uint64_t key, uint32_t bits[NN_BITS]);

// Blocks of four words that are drawn at once, where many are.
enum { NN_BLOCKS = 8, NN_MANY = NN_BLOCKS * 4 };

// Puts `rows` into an order that depends on (seed, purpose, number) and count alone; every order is as likely
// as another.
void nn_shuffle(int32_t *rows, int64_t count, uint64_t seed, nn_purpose purpose, uint64_t number);

// The rows of `from` in such an order, where `number` mostly grows by one from call to call: short orders are
// made several at once, and kept in `ahead` (zeros: none was made yet), for as long as what stands in `from`
// is the same.
enum { NN_AHEAD = 16 };
typedef struct nn_ahead {
    uint64_t seed, first, numbers;
    const int32_t *from;
    int64_t count;
    int32_t rows[NN_BLOCKS * NN_AHEAD];
} nn_ahead;
void nn_shuffle_next(nn_ahead *ahead, const int32_t *from, int32_t *rows, int64_t count, uint64_t seed,
                     nn_purpose purpose, uint64_t number);

// A whole number 0 .. n - 1; a number 0 <= x < 1 with 53 bits.
uint32_t nn_draw_whole(uint32_t n, uint64_t seed, nn_purpose purpose, uint64_t number);
double nn_draw_share(uint64_t seed, nn_purpose purpose, uint64_t number);

#endif
