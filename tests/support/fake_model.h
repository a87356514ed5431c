// A model as the compiler would make it, written by hand: a linear regression with momentum, trained on
// columns a, b -> y and a class column. For tests of the runtime that need no compiler.
#ifndef FAKE_MODEL_H
#define FAKE_MODEL_H

#include "abi.h"

typedef struct FakeOptions {
    const char *csv;                  // the file of the data block; of arrays what follows `x` and `y`
    int32_t source;                   // of sources.def: 0 csv, 1 idx, 2 npy (x and y alone, no class)
    int32_t batch, accumulate, split; // split: nn_split, test = 25 %
    int64_t epochs, steps;
    int32_t stop_at; // 1: the stop rule is step >= 20
    int32_t threaded, best, folds;
} FakeOptions;

const void *fake_manifest(const FakeOptions *options); // static storage of the caller's: freed by fake_free
void fake_free(const void *manifest);
nn_run fake_run;

#endif
