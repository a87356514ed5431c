// Pieces of work that do not depend on each other, on a few threads. Guarantees: where no thread can be
// started, the caller does it all.
#include "parallel/pool.h"

#include <stdatomic.h>

enum { MOST_THREADS = 64 };

typedef struct {
    atomic_llong next;
    int64_t count;
    void (*run)(void *of, int64_t k);
    void *of;
} Work;

static void *work_on(void *data) {
    Work *w = data;
    for (int64_t k; (k = (int64_t)atomic_fetch_add(&w->next, 1)) < w->count;) w->run(w->of, k);
    return NULL;
}

void nn_each(int64_t threads, int64_t count, void (*run)(void *of, int64_t k), void *of) {
    Work w = {.count = count, .run = run, .of = of};
    pthread_t started[MOST_THREADS];
    int64_t most = threads < count ? threads : count, n = 1;
    most = most < MOST_THREADS ? most : MOST_THREADS;
    while (n < most && nn_thread_start(&started[n], work_on, &w) == 0) n++;
    work_on(&w);
    for (int64_t k = 1; k < n; k++) pthread_join(started[k], NULL);
}
