// Two instances of one network train side by side inside a C program, with different seeds, and vote on the test rows.
// Usage: embed digits.csv
#include "digits.h"

#include <stdio.h>
#include <stdlib.h>

enum { PIXELS = 64, ROWS = 1797, TRAIN = 1437, EPOCHS = 40 };

static float images[ROWS][PIXELS];
static int32_t labels[ROWS];

static int read_rows(const char *path) {
    FILE *f = fopen(path, "r");
    if (!f) return 0;
    int rows = 0, ok = fscanf(f, "%*[^\n]") == 0;          // the header
    while (ok && rows < ROWS) {
        double value;
        for (int i = 0; i < PIXELS && ok; i++) {
            ok = fscanf(f, "%lf,", &value) == 1;
            images[rows][i] = (float)(value / 16);
        }
        ok = ok && fscanf(f, "%lf", &value) == 1;
        labels[rows] = (int32_t)value;
        rows += ok;
    }
    fclose(f);
    return rows;
}

static int check(nn_status s) {
    if (s != NN_OK) fprintf(stderr, "embed: %s\n", nn_status_text(s));
    return s == NN_OK;
}

// One epoch over the training rows in the order of the file.
static int epoch(digits *m, float *mean) {
    float sum = 0, loss;
    int steps = 0;
    for (int at = 0; at < TRAIN; at += DIGITS_BATCH, steps++) {
        int count = TRAIN - at < DIGITS_BATCH ? TRAIN - at : DIGITS_BATCH;
        if (!check(digits_train_step(m, images[at], labels + at, count, &loss))) return 0;
        sum += loss;
    }
    *mean = sum / (float)steps;
    return 1;
}

// Adds a network's logits for one row to `votes`.
static int vote(digits *m, int row, float votes[10]) {
    float logits[10];
    if (!check(digits_predict(m, images[row], 1, logits))) return 0;
    for (int c = 0; c < 10; c++) votes[c] += logits[c];
    return 1;
}

int main(int argc, char **argv) {
    if (argc != 2 || read_rows(argv[1]) != ROWS) {
        fprintf(stderr, "usage: embed digits.csv\n");
        return 2;
    }
    const int per_epoch = (TRAIN + DIGITS_BATCH - 1) / DIGITS_BATCH;
    digits *net[2];
    for (int k = 0; k < 2; k++) {
        digits_config config = {0};
        config.seed = (uint64_t)k + 1;
        config.steps = EPOCHS * per_epoch;
        config.steps_per_epoch = per_epoch;
        net[k] = digits_create(&config);
        if (!net[k]) return 6;
    }
    float loss[2];
    for (int e = 0; e < EPOCHS; e++) {
        for (int k = 0; k < 2; k++)
            if (!epoch(net[k], &loss[k])) return 1;
        if ((e + 1) % 10 == 0) printf("epoch %2d  loss %.4f %.4f\n", e + 1, (double)loss[0], (double)loss[1]);
    }
    int right = 0;
    for (int row = TRAIN; row < ROWS; row++) {
        float votes[10] = {0};
        int best = 0;
        for (int k = 0; k < 2; k++)
            if (!vote(net[k], row, votes)) return 1;
        for (int c = 1; c < 10; c++)
            if (votes[c] > votes[best]) best = c;
        right += best == labels[row];
    }
    printf("two networks: %d of %d test rows right\n", right, ROWS - TRAIN);
    int saved = check(digits_save(net[0], "digits.safetensors"));
    for (int k = 0; k < 2; k++) digits_destroy(net[k]);
    return saved ? 0 : 3;
}
