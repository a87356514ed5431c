// What unit tests of the runtime count: each `check` passes, or fails with a line that says what was wanted.
#ifndef TESTS_CHECK_H
#define TESTS_CHECK_H

#include <stdbool.h>
#include <stdio.h>

typedef struct {
    int passed, failed;
} Tests;

static inline void check(Tests *t, bool ok, const char *what) {
    t->passed += ok;
    t->failed += !ok;
    if (!ok) printf("failed: %s\n", what);
}

// The last line of a unit test, and its exit code.
static inline int tests_end(const Tests *t) {
    printf("%d passed, %d failed\n", t->passed, t->failed);
    return t->failed != 0;
}

#endif
