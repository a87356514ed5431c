// What `nnc grad` prints of a program: `check` accepts it; each function of it, read again and interpreted,
// is the derivative it was printed from; and the model's composed with the loss's is the compiled step's
// gradient, with fewer rows than declared.
#ifndef TESTS_PRINTED_H
#define TESTS_PRINTED_H

#include "pipeline.h"

enum { PRINTED_GRAD, PRINTED_PLAIN, PRINTED_AGAIN, PRINTED_STEP, PRINTED_PIPELINES };

typedef struct {
    const char *path; // of the program, for messages
    bool interpreted; // the step's gradient is not compiled: where others compare its code
    int passed, failed;
    PipelineOptions options[2]; // without extracts and with them
    Pipeline *pipelines[PRINTED_PIPELINES];
} PrintedCheck;

// Several programs can be looked at between these two: the library is read once. `verify`: after each pass.
void printed_open(PrintedCheck *t, bool verify);
void printed_close(PrintedCheck *t);
// `must`: the program compiles, has one model, and is small enough to interpret; else what it has is looked
// at.
void printed_check(PrintedCheck *t, const char *text, bool must);

#endif
