// The pool: the caller is thread 0, the others wait for a new round, spinning for some microseconds and then
// asleep in the kernel. Barriers are of the sense-reversing kind. Guarantees: a thread that waits long uses
// no processor.
#include "parallel/pool.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

enum { SPINS = 4000, LINE = 64 };

// A word that threads wait on until it changes; `asleep` tells the one that changes it whether anyone must be
// woken.
typedef struct {
    _Alignas(LINE) atomic_uint value;
    atomic_uint asleep;
} Gate;

struct nn_pool {
    Gate round;   // grows by one for each function run
    Gate meeting; // grows by one for each barrier
    _Alignas(LINE) atomic_uint arrived;
    nn_run *run;
    const nn_call *call;
    int32_t function, threads;
    bool leave;
    pthread_t *handles;
    struct Worker *workers;
};

typedef struct Worker {
    nn_pool *pool;
    int32_t number;
} Worker;

static void pause_briefly(void) {
#if defined(__x86_64__)
    _mm_pause();
#endif
}

static void gate_wait(Gate *gate, unsigned old) {
    for (int k = 0; k < SPINS; k++) {
        if (atomic_load_explicit(&gate->value, memory_order_acquire) != old) return;
        pause_briefly();
    }
    atomic_fetch_add(&gate->asleep, 1);
    while (atomic_load(&gate->value) == old)
        syscall(SYS_futex, &gate->value, FUTEX_WAIT_PRIVATE, old, NULL, NULL, 0);
    atomic_fetch_sub(&gate->asleep, 1);
}

static void gate_open(Gate *gate) {
    atomic_fetch_add(&gate->value, 1);
    if (atomic_load(&gate->asleep) != 0)
        syscall(SYS_futex, &gate->value, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

static void meet(void *team) {
    nn_pool *pool = team;
    unsigned now = atomic_load_explicit(&pool->meeting.value, memory_order_acquire);
    if (atomic_fetch_add(&pool->arrived, 1) + 1 == (unsigned)pool->threads) {
        atomic_store(&pool->arrived, 0);
        gate_open(&pool->meeting);
    } else
        gate_wait(&pool->meeting, now);
}

static void *work(void *data) {
    const Worker *me = data;
    nn_pool *pool = me->pool;
    nn_float_enter();
    for (unsigned seen = 0;; seen++) {
        gate_wait(&pool->round, seen);
        if (pool->leave) return NULL;
        pool->run(pool->function, pool->call, me->number, pool->threads);
        meet(pool);
    }
}

int32_t nn_pool_cores(void) {
    cpu_set_t set;
    int count = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return count < 1 ? 1 : count;
}

nn_status nn_pool_start(nn_context *ctx, int32_t threads, nn_pool **out) {
    nn_pool *pool = nn_get(ctx, 1, sizeof *pool);
    if (pool == NULL) return ctx->status;
    pool->threads = 1;
    *out = pool;
    pool->handles = nn_get(ctx, (uint64_t)threads, sizeof *pool->handles);
    pool->workers = nn_get(ctx, (uint64_t)threads, sizeof *pool->workers);
    if (pool->handles == NULL || pool->workers == NULL) return ctx->status;
    // Signals are the first thread's business.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = 0;
    for (int32_t k = 1; k < threads && error == 0; k++) {
        pool->workers[k] = (Worker){pool, k};
        error = pthread_create(&pool->handles[k], NULL, work, &pool->workers[k]);
        pool->threads = error == 0 ? k + 1 : k;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error != 0) {
        int32_t started = pool->threads;
        nn_pool_stop(pool);
        return nn_fail(ctx, NN_MEMORY, "cannot start thread %d of %d: %s", started + 1, threads,
                       strerror(error));
    }
    return NN_OK;
}

void nn_pool_stop(nn_pool *pool) {
    if (pool == NULL) return;
    pool->leave = true;
    gate_open(&pool->round);
    for (int32_t k = 1; k < pool->threads; k++) pthread_join(pool->handles[k], NULL);
    pool->threads = 1;
}

int32_t nn_pool_threads(const nn_pool *pool) { return pool->threads; }

void nn_pool_run(nn_pool *pool, nn_run *run, int32_t function, nn_call *call) {
    call->barrier = meet;
    call->team = pool;
    pool->run = run;
    pool->function = function;
    pool->call = call;
    gate_open(&pool->round);
    run(function, call, 0, pool->threads);
    meet(pool);
}
