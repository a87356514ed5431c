// The pool: the caller is thread 0; a thread that takes part in a function waits at its own gate, then at the
// barriers of the team, which are of the sense-reversing kind. How many take part is measured: where cores
// are shared with others, who waits for a thread that does not run waits for milliseconds, and fewer are
// faster. Guarantees: a thread that waits long uses no processor; results depend neither on the number nor on
// time.
#include "parallel/pool.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

enum { LINE = 64, LOOK = 64 };                     // bytes; spins between looks at the clock
enum { FEWEST_WINDOWS = 8, MOST_WINDOWS = 128 };   // between trials
static const double SPIN = 100e-6, WINDOW = 10e-3; // seconds

// A word that threads wait on until it changes; `asleep` tells the one that changes it whether anyone must be
// woken.
typedef struct {
    _Alignas(LINE) atomic_uint value;
    atomic_uint asleep;
} Gate;

typedef struct Worker {
    Gate round; // grows by one for each function that it takes part in
    nn_pool *pool;
    pthread_t handle;
    int32_t number;
} Worker;

// How many threads run a function, and what its calls take: measured over windows. Another number than `home`
// is a trial of one window.
typedef struct {
    int32_t home, now;
    int32_t windows, rest; // since the last trial; before the next one
    int64_t calls;         // of this window
    double seconds, each;  // of this window; a call's at home, when it was last compared
    uint64_t waited;       // at the window's start
} Tempo;

struct nn_pool {
    Gate meeting; // grows by one for each barrier
    _Alignas(LINE) atomic_uint arrived;
    _Alignas(LINE) atomic_ullong waited; // nanoseconds, by threads that fell asleep at barriers
    nn_run *run;
    const nn_call *call;
    int32_t function, active, threads, cores;
    bool leave;
    Worker *workers;
    Tempo tempo[NN_FUNCTIONS];
};

double nn_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void pause_briefly(void) {
#if defined(__x86_64__)
    _mm_pause();
#endif
}

static bool changed(const Gate *gate, unsigned old) {
    return atomic_load_explicit(&gate->value, memory_order_acquire) != old;
}

static bool spin(const Gate *gate, unsigned old) {
    for (int k = 0; k < LOOK; k++) {
        if (changed(gate, old)) return true;
        pause_briefly();
    }
    return false;
}

// The seconds that it waited, if it fell asleep. Spinning helps only where the others can run meanwhile.
static double gate_wait(Gate *gate, unsigned old, bool crowded) {
    if (spin(gate, old)) return 0;
    double start = nn_now();
    while (!crowded && nn_now() - start < SPIN)
        if (spin(gate, old)) return 0;
    atomic_fetch_add(&gate->asleep, 1);
    while (atomic_load(&gate->value) == old)
        syscall(SYS_futex, &gate->value, FUTEX_WAIT_PRIVATE, old, NULL, NULL, 0);
    atomic_fetch_sub(&gate->asleep, 1);
    return nn_now() - start;
}

static void gate_open(Gate *gate) {
    atomic_fetch_add(&gate->value, 1);
    if (atomic_load(&gate->asleep) != 0)
        syscall(SYS_futex, &gate->value, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

static void meet(void *team) {
    nn_pool *pool = team;
    // Read before arriving: once all have, the next function may run on another number of threads.
    int32_t all = pool->active;
    unsigned old = atomic_load_explicit(&pool->meeting.value, memory_order_acquire);
    if (atomic_fetch_add(&pool->arrived, 1) + 1 == (unsigned)all) {
        atomic_store(&pool->arrived, 0);
        gate_open(&pool->meeting);
    } else {
        double waited = gate_wait(&pool->meeting, old, all > pool->cores);
        if (waited > 0) atomic_fetch_add(&pool->waited, (uint64_t)(waited * 1e9));
    }
}

static void *work(void *data) {
    Worker *me = data;
    nn_pool *pool = me->pool;
    nn_float_enter();
    for (unsigned seen = 0;; seen++) {
        gate_wait(&me->round, seen, me->number >= pool->cores);
        if (pool->leave) return NULL;
        pool->run(pool->function, pool->call, me->number, pool->active);
        meet(pool);
    }
}

int nn_thread_start(pthread_t *thread, void *(*run)(void *), void *data) {
    enum { STACK = 8 << 20 };
    pthread_attr_t attributes;
    sigset_t all, before;
    sigfillset(&all);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(thread, &attributes, run, data);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return error;
}

nn_status nn_pool_start(nn_context *ctx, int32_t threads, nn_pool **out) {
    nn_pool *pool = nn_get(ctx, 1, sizeof *pool);
    if (pool == NULL) return ctx->status;
    pool->threads = 1;
    pool->cores = nn_pool_cores();
    *out = pool;
    for (int k = 0; k < NN_FUNCTIONS; k++)
        pool->tempo[k] = (Tempo){.home = threads, .now = threads, .rest = FEWEST_WINDOWS};
    pool->workers = nn_get(ctx, (uint64_t)threads, sizeof *pool->workers);
    if (pool->workers == NULL) return ctx->status;
    for (int32_t k = 1; k < threads; k++) {
        pool->workers[k].pool = pool;
        pool->workers[k].number = k;
        int error = nn_thread_start(&pool->workers[k].handle, work, &pool->workers[k]);
        if (error != 0) {
            nn_pool_stop(pool);
            return nn_fail(ctx, NN_MEMORY, "cannot start thread %d of %d: %s", k + 1, threads,
                           strerror(error));
        }
        pool->threads = k + 1;
    }
    return NN_OK;
}

void nn_pool_stop(nn_pool *pool) {
    if (pool == NULL) return;
    pool->leave = true;
    for (int32_t k = 1; k < pool->threads; k++) gate_open(&pool->workers[k].round);
    for (int32_t k = 1; k < pool->threads; k++) pthread_join(pool->workers[k].handle, NULL);
    pool->threads = 1;
}

int32_t nn_pool_threads(const nn_pool *pool) { return pool->threads; }

// ---- how many take part -----------------------------------------------------------------------------------

// Fewer are taken if they are about as fast, more if they are faster. What did not pay, or only for a while,
// is tried again later and later.
static void end_trial(Tempo *t, double each) {
    bool more = t->now > t->home, better = each < (more ? 0.95 : 1.05) * t->each;
    if (!more || !better) t->rest = t->rest * 2 < MOST_WINDOWS ? t->rest * 2 : MOST_WINDOWS;
    if (better) {
        t->home = t->now;
        t->each = more ? each : 0; // fewer still may be as fast: if these wait too, they are tried at once
    }
    t->now = t->home;
    t->windows = 0;
}

// The window is full: go on, or try fewer threads, where a quarter of their time goes in waiting and calls
// take longer than they did, or more of them, where cores may have become free.
static void judge(const nn_pool *pool, Tempo *t, uint64_t waited) {
    int32_t top = pool->threads < pool->cores ? pool->threads : pool->cores;
    double each = t->seconds / (double)t->calls;
    bool wasteful = t->home > top || (double)(waited - t->waited) * 1e-9 > t->seconds * t->home / 4;
    bool slower = t->each == 0 || each > 1.25 * t->each;
    if (t->now != t->home) {
        end_trial(t, each);
    } else if (t->home > 1 && wasteful) {
        if (slower || ++t->windows >= t->rest) t->now = t->home > top ? top : (t->home + 1) / 2;
        if (t->now != t->home) t->each = each;
    } else if (t->home < top) {
        if (++t->windows >= t->rest) t->now = t->home * 2 < top ? t->home * 2 : top;
        t->each = each;
    } else {
        t->each = each;
        t->rest = FEWEST_WINDOWS;
    }
    t->waited = waited;
    t->calls = 0;
    t->seconds = 0;
}

void nn_pool_run(nn_pool *pool, nn_run *run, int32_t function, nn_call *call) {
    Tempo *t = &pool->tempo[function];
    double start = nn_now();
    call->barrier = meet;
    call->team = pool;
    pool->run = run;
    pool->function = function;
    pool->call = call;
    pool->active = t->now;
    for (int32_t k = 1; k < pool->active; k++) gate_open(&pool->workers[k].round);
    run(function, call, 0, pool->active);
    if (pool->active > 1) meet(pool);
    t->calls++;
    t->seconds += nn_now() - start;
    if (t->seconds >= WINDOW) judge(pool, t, atomic_load(&pool->waited));
}
