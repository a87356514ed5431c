// The contract of sweep/: runs of one program with every combination of settings and every seed, each a run
// of its own in a process and a folder of its own, some at a time; then one table of what they came to. nnc
// and trainers share it, and differ in how a run begins. Guarantees: what has ended is not run again, what
// was cut off goes on from its checkpoint, so that a sweep that was killed ends with the same table; a folder
// holds one sweep; a run has the bits that it has alone.
#ifndef NN_SWEEP_H
#define NN_SWEEP_H

#include "base/runtime.h"

typedef struct nn_axis {
    const char *name;
    const char **values;
    int32_t count;
    bool early; // who begins a run says the value itself; else it is an option of the trainer
} nn_axis;

typedef struct nn_sweep {
    nn_context *ctx;
    const char *out;    // the folder
    const char *digest; // of what its runs have in common
    const char *by;     // what they are compared by, NULL: the held-out loss; ":most" behind it: the most
    int64_t jobs, trials, halving; // 0: not given
    const char **rest;             // options of every run
    int32_t rest_count;
    void (*message)(const char *kind, const char *text);
    // In the process of a run: the words that this program, called with them, takes for the beginning of a
    // trainer's command line, each with a NUL behind it. values: of the axes.
    void (*begin)(const void *data, const char *const *values, nn_text *words);
    const void *data;
    nn_axis *axes, seeds; // made by nn_sweep_axis; without values: the program's seed
    int32_t axis_count;
} nn_sweep;

// One axis more: NAME=VALUES, as in `lr=1e-3,1e-2`, `a..b:log:n`, `a..b:lin:n`, or `a..b` of whole numbers.
// option: as messages call it.
nn_status nn_sweep_axis(nn_sweep *s, const char *option, const char *text);
bool nn_sweep_is_option(const char *name); // of every trainer, and else one of its settings: `--set`
nn_status nn_sweep_seeds(nn_sweep *s, const char *text);
// The exit code; what failed is in the context. Of what was run `table` tells.
int nn_sweep_run(nn_sweep *s, nn_text *table);
// The runs of the sweep that a folder holds, by name: of how many is in `count`; NULL: it holds none, or the
// context says why.
char **nn_sweep_names(nn_context *ctx, const char *folder, int *count);

#endif
