// What average.nn predicts with is the average of its weights: the host keeps one of its own beside it, in
// doubles.
#include "average.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { TENSORS = 4 };
static const struct {
    const char *name;
    uint64_t count;
} tensors[TENSORS] = {{"net.dense_1.w", 6}, {"net.dense_1.b", 3}, {"net.dense_2.w", 3}, {"net.dense_2.b", 1}};

static void read_all(average *m, float out[13]) {
    for (int k = 0, at = 0; k < TENSORS; at += (int)tensors[k++].count)
        average_get_parameter(m, tensors[k].name, out + at, tensors[k].count);
}

static void write_all(average *m, const float in[13]) {
    for (int k = 0, at = 0; k < TENSORS; at += (int)tensors[k++].count)
        average_set_parameter(m, tensors[k].name, in + at, tensors[k].count);
}

static float predicted(average *m) {
    const float x[2] = {0.25f, 0.75f};
    float y = NAN;
    average_predict(m, x, 1, &y);
    return y;
}

static void train(average *m, int steps) {
    for (int k = 0; k < steps; k++) {
        const float x[8] = {0.1f, 0.9f, 0.3f, 0.2f, 0.8f, 0.1f * (float)k, 0.5f, 0.4f},
                    y[4] = {0.2f, 0.8f, 0.5f, 0.1f};
        average_train_step(m, x, y, 4, NULL);
    }
}

int main(void) {
    average *m = average_create(NULL), *plain = average_create(NULL), *loaded = average_create(NULL);
    static unsigned char file[1 << 16];
    uint64_t bytes = 0;
    float own[13], now[13], before = predicted(m);
    double kept[13];
    read_all(m, own);
    write_all(plain, own);
    if (predicted(plain) != before) return puts("before the first update the weights predict"), 1;
    for (int step = 0; step < 7; step++) {
        train(m, 1);
        read_all(m, now);
        for (int i = 0; i < 13; i++) kept[i] = step ? 0.5 * kept[i] + 0.5 * now[i] : now[i];
    }
    for (int i = 0; i < 13; i++) own[i] = (float)kept[i];
    write_all(plain, own);
    if (!(fabsf(predicted(m) - predicted(plain)) < 1e-5f))
        return puts("it does not predict with the average"), 1;
    write_all(plain, now);
    if (fabsf(predicted(m) - predicted(plain)) < 1e-3f) return puts("the average is the weights"), 1;
    // What is saved predicts as this does, and goes on as this does.
    if (average_save_memory(m, file, sizeof file, &bytes) || average_load_memory(loaded, file, bytes))
        return 1;
    if (predicted(loaded) != predicted(m)) return puts("a loaded instance predicts otherwise"), 1;
    read_all(loaded, own);
    if (memcmp(own, now, sizeof own) != 0) return puts("a loaded instance has other weights"), 1;
    train(m, 3), train(loaded, 3);
    if (predicted(loaded) != predicted(m)) return puts("a loaded instance goes on otherwise"), 1;
    if (average_save(m, "average.safetensors")) return 1;
    printf("%.9g\n", (double)predicted(m));
    average_destroy(m), average_destroy(plain), average_destroy(loaded);
    return 0;
}
