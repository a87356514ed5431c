// Small networks as texts of the intermediate form: what the tests of the passes differentiate, simplify and
// count.
#ifndef TESTS_NETWORKS_H
#define TESTS_NETWORKS_H

typedef struct {
    const char *name;
    const char *text; // tensors and one function; `loss` is differentiated by every param
    double ratio;     // derived arithmetic over forward arithmetic at most; 0: not asked
    int equations;    // of the simplified whole at most; 0: not asked
} Network;

const Network *networks(int *count);
const Network *recurrences(int *count);

#endif
