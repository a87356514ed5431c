// The contract of parallel/: a few threads that are owned, meet at barriers, and run one function together.
#ifndef NN_POOL_H
#define NN_POOL_H

#include "abi.h"
#include "base/runtime.h"

#include <pthread.h>

typedef struct nn_pool nn_pool;

// A thread with all signals blocked and a stack of a size of its own, whatever the process was started with.
int nn_thread_start(pthread_t *thread, void *(*run)(void *), void *data); // 0, or an errno
// Runs all of 0 .. count - 1, each once, on that many threads: in whatever order, done when it returns.
void nn_each(int64_t threads, int64_t count, void (*run)(void *of, int64_t k), void *of);
double nn_now(void); // seconds, from some moment that does not move

int32_t nn_pool_cores(void); // that this process may use
// The least quota of the groups listed in a file (/proc/self/cgroup), whose folders stand below `mount`.
int32_t nn_quota_cores(const char *groups, const char *mount);
// Bytes of memory that they, or the process itself, may have; INT64_MAX: any.
int64_t nn_quota_memory(const char *groups, const char *mount);
nn_status nn_pool_start(nn_context *ctx, int32_t threads, nn_pool **pool);
void nn_pool_stop(nn_pool *pool);
int32_t nn_pool_threads(const nn_pool *pool);

// Runs a function of generated code on the threads, or on fewer where that is faster; returns when the last
// is done. Results do not depend on their number.
void nn_pool_run(nn_pool *pool, nn_run *run, int32_t function, nn_call *call);

// Absent unless libnn-openblas.a is linked, by programs whose kernels call OpenBLAS. May several threads call
// it at once? `text` gets what a user should know of it, or nothing.
bool nn_openblas_begin(char *text, size_t room) __attribute__((weak));

// Round to nearest, no traps, subnormals flushed, in this thread. Returns what was in force before, for
// nn_float_restore.
uint32_t nn_float_enter(void);
void nn_float_restore(uint32_t state);

// The length of the first name of the list ("avx2,fma,...", LLVM's names) that the processor lacks; 0: it has
// all.
int nn_processor_lacks(const char *features, const char **first);

#endif
