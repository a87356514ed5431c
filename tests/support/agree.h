// A compiled program against the reference interpreter on a twin of it, a program made from the same text or
// seed that stays as it was: loss, parameters, states and slots after every step.
#ifndef TESTS_AGREE_H
#define TESTS_AGREE_H

#include "pipeline.h"
#include "support/compiled.h"

typedef struct {
    const char *cpu;
    Precision precision;
    int threads;
    bool small_caches;
} Way;
enum { WAY_COUNT = 9 };
const Way *way_of(uint64_t seed);

typedef struct {
    uint64_t seed;
    int passed, failed;
} Agreement;

void agree_fail(Agreement *a, const char *what, const char *detail);
// So many steps from the initial values, on all rows and on fewer. The largest difference relative to the
// largest value of a tensor (at least 1) must be at most `tolerance`; in single precision it may also be what
// a few roundings of what is given would make of it.
void agree_run(Agreement *a, CompiledProgram *c, Program *twin, const Way *way, int steps, double tolerance);
// That, and once more with code that checks its subscripts; ends with the compiled program, or says that it
// is NULL.
void agree_both(Agreement *a, CompiledProgram *c, Program *twin, const Way *way, int steps, double tolerance);
// That of a text, by two pipelines that have the way's precision: what the one makes of it by its simplified
// equations, against those of the other as they were differentiated. A text that is refused is a failure.
// `both`: all its functions, as they are built and with code that checks its subscripts; else the latter, of
// the step alone.
void agree_text(Agreement *a, Pipeline *p, Pipeline *other, const char *text, const Way *way, bool both,
                int steps, double tolerance);

#endif
