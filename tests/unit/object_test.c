// The C interface of a compiled model, with one written by hand: two instances, files, memory, wrong calls,
// faults.
#include "base/runtime.h"
#include "parallel/pool.h"
#include "support/check.h"
#include "support/fake_model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static float x[4][2] = {{0, 1}, {1, 0}, {1, 1}, {-1, 2}}, y[4] = {1, 2, 3, 4};

static int32_t train(void *m, int32_t count, float *loss) {
    const void *fields[2] = {x, y};
    return nn_object_train_step(m, fields, NULL, count, loss);
}

static bool same_predictions(void *a, void *b) {
    const void *inputs[1] = {x};
    float p[4], q[4];
    void *to_p[1] = {p}, *to_q[1] = {q};
    return nn_object_predict(a, inputs, NULL, 4, to_p, NULL) == NN_OK &&
           nn_object_predict(b, inputs, NULL, 4, to_q, NULL) == NN_OK && memcmp(p, q, sizeof p) == 0;
}

static void test_training(Tests *t, const void *manifest) {
    nn_config config = {.seed = 5, .lr = 0.1};
    void *a = nn_object_create(manifest, fake_run, &config),
         *b = nn_object_create(manifest, fake_run, &config);
    float loss = 0, first = 0;
    uint32_t before = nn_float_enter();
    nn_float_restore(before & ~0x8040u);
    check(t, train(a, 4, &first) == NN_OK && isfinite(first), "a step");
    for (int k = 0; k < 50; k++) train(a, 4, &loss);
    check(t, loss < first / 4, "which learns");
    uint32_t after = nn_float_enter();
    check(t, (after & 0x8040u) == 0, "the host's floating-point state is given back");
    nn_float_restore(before);
    check(t, nn_object_step(a) == 51 && nn_object_step(b) == 0, "instances are apart");
    for (int k = 0; k < 51; k++) train(b, 4, &loss);
    check(t, same_predictions(a, b), "the same steps give the same bits");
    const void *fields[2] = {x, NULL};
    check(t,
          train(a, 0, &loss) == NN_USAGE && train(a, 99, &loss) == NN_USAGE &&
              nn_object_train_step(a, fields, NULL, 4, &loss) == NN_USAGE,
          "wrong calls are refused");
    float w[2];
    check(t,
          nn_object_get_parameter(a, "net.w", w, 2) == NN_OK &&
              nn_object_get_parameter(a, "net.w", w, 3) == NN_USAGE &&
              nn_object_get_parameter(a, "net.q", w, 2) == NN_USAGE,
          "parameters are read by name and count");
    w[0] = 7;
    check(t, nn_object_set_parameter(a, "net.w", w, 2) == NN_OK && !same_predictions(a, b), "and set");
    check(t,
          nn_object_epoch(a, 0.5) == NN_OK && nn_object_set_lr(a, 0.2) == NN_OK &&
              nn_object_set_lr(a, (double)NAN) == NN_USAGE,
          "epoch and rate");
    w[0] = (float)NAN;
    nn_object_set_parameter(a, "net.w", w, 2);
    check(t, train(a, 4, &loss) == NN_NOT_FINITE, "a loss that is not finite is said");
    nn_object_destroy(a);
    nn_object_destroy(b);
    nn_object_destroy(NULL);
}

static void test_files(Tests *t, const void *manifest) {
    void *a = nn_object_create(manifest, fake_run, NULL), *b = nn_object_create(manifest, fake_run, NULL);
    float loss;
    for (int k = 0; k < 7; k++) train(a, 4, &loss);
    char path[] = "/tmp/nn_object_test_XXXXXX";
    int file = mkstemp(path);
    close(file);
    check(t, nn_object_save(a, path) == NN_OK && nn_object_load(b, path) == NN_OK, "save and load");
    check(t, nn_object_step(b) == 7, "the step is in the file");
    train(a, 4, &loss);
    train(b, 4, &loss);
    check(t, same_predictions(a, b), "training goes on in the same way");
    check(t, nn_object_save(a, "/nowhere/file") == NN_FILE && nn_object_load(a, "/nowhere/file") == NN_FILE,
          "places that are not there");
    check(t, same_predictions(a, b), "change nothing");
    unlink(path);
    uint64_t needed = 0, again = 0;
    nn_object_save_memory(a, NULL, 0, &needed);
    unsigned char *bytes = malloc(needed);
    check(t,
          needed > 0 && nn_object_save_memory(a, bytes, needed - 1, &again) == NN_USAGE &&
              nn_object_save_memory(a, bytes, needed, &again) == NN_OK,
          "into memory");
    train(b, 4, &loss);
    int refused = 0, tries = 0;
    for (uint64_t k = 0; k < needed; k++, tries++) {
        bytes[k] ^= 4;
        int32_t status = nn_object_load_memory(b, bytes, needed);
        refused += status == NN_DATA;
        check(t, status == NN_DATA || status == NN_OK, "changed bits: data or fine");
        bytes[k] ^= 4;
        if (status == NN_OK) {
            nn_object_load_memory(b, bytes, needed);
            train(b, 4, &loss);
        }
    }
    check(t, refused > tries * 3 / 4, "nearly every changed bit is seen");
    for (uint64_t k = 0; k < needed; k++)
        check(t, nn_object_load_memory(b, bytes, k) == NN_DATA, "every shorter file is refused");
    check(t,
          !same_predictions(a, b) && nn_object_load_memory(b, bytes, needed) == NN_OK &&
              same_predictions(a, b),
          "the whole one is taken");
    free(bytes);
    nn_object_destroy(a);
    nn_object_destroy(b);
}

static void test_own_memory(Tests *t, const void *manifest) {
    uint64_t size = nn_object_size(manifest);
    unsigned char *memory = malloc(size + 3);
    float loss;
    check(t, nn_object_init(manifest, fake_run, memory, size - 1, NULL) == NULL,
          "too little memory is refused");
    void *m = nn_object_init(manifest, fake_run, memory + 3, size, NULL);
    check(t, m != NULL && train(m, 4, &loss) == NN_OK, "the caller's memory, however aligned");
    nn_object_destroy(m);
    free(memory);
}

int main(void) {
    Tests t = {0};
    FakeOptions o = {.csv = "x.csv", .batch = 4, .epochs = 1, .steps = -1};
    const void *manifest = fake_manifest(&o);
    test_training(&t, manifest);
    test_files(&t, manifest);
    test_own_memory(&t, manifest);
    fake_free(manifest);
    check(&t, strcmp(nn_status_text(NN_DATA), "the contents of a file are wrong") == 0,
          "statuses have texts");
    return tests_end(&t);
}
