// What the files of sweep/ share.
#ifndef NN_JOB_H
#define NN_JOB_H

#include "report/report.h"
#include "sweep/sweep.h"

#include <sys/types.h>

typedef struct Job {
    int64_t combination;
    const char **values; // of each axis
    const char *seed;    // NULL: the program's
    char *name;          // of its folder, in the sweep's
    char *folder;
    nn_story story;
    pid_t process;
    int status;     // the exit code; -1: not run
    int64_t epochs; // 0: the program's
    int rounds;     // that it has come through
} Job;

typedef struct Sweep {
    nn_sweep *s;
    nn_context *ctx;
    Job *jobs; // those of one seed, in the order of the combinations, then those of the next
    int count, combinations;
    int64_t all; // combinations that there are
    const char *by;
    bool most;
    int lock; // of the folder
} Sweep;

// A combination, with a run for each seed.
typedef struct Row {
    int order, ended; // ended: runs with a value
    int rounds;       // those that have come through more stand before others
    double mean, deviation;
} Row;

nn_status sweep_make_jobs(Sweep *w);           // axes.c
Row *sweep_rank(Sweep *w);                     // table.c: the best first; NULL: the context says why
nn_status sweep_table(Sweep *w, nn_text *out); // table.c
nn_status sweep_lock(Sweep *w);                // folder.c: no other one works there
nn_status sweep_take_folder(const Sweep *w);   // folder.c: it is this sweep's, or becomes it
nn_status sweep_put(const Sweep *w, const char *name, nn_text *text); // folder.c: a file of it, as a whole
nn_status sweep_keep(Sweep *w, int round, int left); // folder.c: those that go on after a round
nn_status sweep_kept(Sweep *w, int round, bool *known);

#endif
