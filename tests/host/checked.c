// A checked interface of caller.nn, built with an address sanitizer: exact arrays pass, shorter ones are
// refused before anything is read or written, and so are those that are shorter than their caller says.
#include "caller.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 7 };

static int failed;

static void check(int holds, const char *what, const caller *m) {
    if (holds) return;
    printf("%s: %s\n", what, caller_error(m));
    failed = 1;
}

typedef struct {
    float *x, *logits;
    int32_t *up, *n, *k;
} Arrays;

// So many elements each, not one more.
static Arrays arrays_of(size_t rows) {
    Arrays a = {calloc(rows * CALLER_X_SIZE, sizeof(float)), calloc(rows * CALLER_LOGITS_SIZE, sizeof(float)),
                calloc(rows, sizeof(int32_t)), calloc(rows, sizeof(int32_t)), calloc(rows, sizeof(int32_t))};
    return a;
}

static void arrays_free(Arrays *a) {
    free(a->x);
    free(a->logits);
    free(a->up);
    free(a->n);
    free(a->k);
}

static nn_status train(caller *m, const Arrays *a, uint64_t x, uint64_t k, int32_t rows) {
    return caller_train_step(m, a->x, x, a->up, ROWS, a->n, ROWS, a->k, k, rows, NULL);
}

static nn_status predict(caller *m, const Arrays *a, uint64_t n, uint64_t logits) {
    return caller_predict(m, a->x, ROWS * CALLER_X_SIZE, a->up, ROWS, a->n, n, ROWS, a->logits, logits);
}

// What a call that was refused has left.
static void refused(nn_status status, caller *m, const char *text) {
    check(status == NN_USAGE && strcmp(caller_error(m), text) == 0, text, m);
    check(caller_step(m) == 1, "a refused call changed something", m);
}

int main(void) {
    Arrays a = arrays_of(ROWS), shorter = arrays_of(ROWS - 1);
    caller *m = caller_create(NULL);
    const uint64_t x = ROWS * CALLER_X_SIZE, logits = ROWS * CALLER_LOGITS_SIZE;
    if (!m) return 1;
    check(train(m, &a, x, ROWS, ROWS) == NN_OK, "exact arrays", m);
    check(predict(m, &a, ROWS, logits) == NN_OK, "exact results", m);
    refused(caller_train(m, a.x, x - 1, a.up, ROWS, a.n, ROWS, a.k, ROWS, ROWS, 2, NULL, NULL), m,
            "the field x has 27 elements, and 28 are needed");
    refused(train(m, &a, x - 1, ROWS, ROWS), m, "the field x has 27 elements, and 28 are needed");
    refused(train(m, &a, x, 0, ROWS), m, "the field k has 0 elements, and 7 are needed");
    refused(predict(m, &a, ROWS - 1, logits), m, "the field n has 6 elements, and 7 are needed");
    refused(predict(m, &a, ROWS, logits - 1), m, "the result logits has 20 elements, and 21 are needed");
    check(caller_predict(m, a.x, x, a.up, ROWS, a.n, ROWS, ROWS, NULL, 0) == NN_OK, "a result not wanted", m);
    refused(train(m, &shorter, x, ROWS, ROWS), m,
            "the field x lies outside of its memory from element 24 on");
    Arrays mixed = a;
    mixed.logits = shorter.logits;
    refused(predict(m, &mixed, ROWS, logits), m,
            "the result logits lies outside of its memory from element 18 on");
    caller_destroy(m);
    arrays_free(&a);
    arrays_free(&shorter);
    return failed;
}
