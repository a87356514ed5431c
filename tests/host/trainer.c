// Trains a digits object on the rows that the trainer's `data` printed, in its order, and compares with what
// the trainer made of them: the same bits. Also another network's weights, a model in a child process, and
// iris beside it. Usage: trainer SEED STEPS PER_EPOCH WEIGHTS OUT EPOCH.csv...
#include "digits.h"
#include "iris.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROWS = 2000 };

static float images[ROWS][DIGITS_IMAGE_SIZE];
static int32_t labels[ROWS];

static int fail(const char *what) {
    puts(what);
    return 1;
}

static int read_rows(const char *path) {
    FILE *f = fopen(path, "r");
    int rows = 0;
    if (!f || fscanf(f, "%*[^\n]") != 0) return 0;
    for (; rows < ROWS; rows++) {
        for (int i = 0; i < DIGITS_IMAGE_SIZE; i++)
            if (fscanf(f, "%f,", &images[rows][i]) != 1) return fclose(f) == 0 ? rows : 0;
        if (fscanf(f, "%d", &labels[rows]) != 1) return 0;
    }
    return 0;
}

static int train(digits *m, int rows) {
    for (int at = 0; at < rows; at += DIGITS_BATCH) {
        float loss;
        int count = rows - at < DIGITS_BATCH ? rows - at : DIGITS_BATCH;
        if (digits_train_step(m, images[at], labels + at, count, &loss) != NN_OK) return 0;
    }
    return 1;
}

static int same(digits *a, digits *b) {
    static const struct {
        const char *name;
        uint64_t count;
    } parameters[] = {
        {"mlp.dense_1.w", 8192}, {"mlp.dense_1.b", 128}, {"mlp.dense_2.w", 1280}, {"mlp.dense_2.b", 10}};
    static float x[8192], y[8192], p[DIGITS_BATCH * DIGITS_LOGITS_SIZE], q[DIGITS_BATCH * DIGITS_LOGITS_SIZE];
    for (int k = 0; k < 4; k++) {
        if (digits_get_parameter(a, parameters[k].name, x, parameters[k].count) != NN_OK ||
            digits_get_parameter(b, parameters[k].name, y, parameters[k].count) != NN_OK)
            return 0;
        if (memcmp(x, y, parameters[k].count * sizeof *x)) return 0;
    }
    return digits_predict(a, images[0], DIGITS_BATCH, p) == NN_OK &&
           digits_predict(b, images[0], DIGITS_BATCH, q) == NN_OK && !memcmp(p, q, sizeof p);
}

// A child goes on with its own copy; the parent's stays.
static int fork_leaves(digits *m, digits *as_was) {
    pid_t child = fork();
    if (child == 0) _exit(train(m, DIGITS_BATCH) && !same(m, as_was) ? 0 : 1);
    int status = 1;
    return child > 0 && waitpid(child, &status, 0) == child && status == 0 && same(m, as_was);
}

int main(int argc, char **argv) {
    if (argc < 7) return fail("usage: trainer SEED STEPS PER_EPOCH WEIGHTS OUT EPOCH.csv...");
    digits_config config = {0};
    config.seed = (uint64_t)atoll(argv[1]);
    config.steps = atoll(argv[2]);
    config.steps_per_epoch = atoll(argv[3]);
    digits *mine = digits_create(&config), *theirs = digits_create(&config);
    iris *other = iris_create(NULL);
    if (!mine || !theirs || !other) return fail("no memory");
    for (int k = 6; k < argc; k++) {
        int rows = read_rows(argv[k]);
        if (!rows || !train(mine, rows) || digits_epoch(mine, 0) != NN_OK) return fail("training");
    }
    if (digits_load(theirs, argv[4]) != NN_OK) return fail("the trainer's weights");
    if (!same(mine, theirs)) return fail("the same batches give the trainer's weights, bit for bit");
    if (digits_step(mine) != config.steps || digits_step(theirs) != 0) return fail("steps are counted");
    if (digits_save(mine, argv[5]) != NN_OK) return fail("saving");
    if (iris_load(other, argv[5]) != NN_DATA) return fail("another network's weights are refused");
    if (!fork_leaves(mine, theirs)) return fail("a child process");
    digits_destroy(mine);
    digits_destroy(theirs);
    iris_destroy(other);
    return 0;
}
