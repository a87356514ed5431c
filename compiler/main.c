// nnc: reads the command line and runs the command.
#include "driver.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

enum {
#define STATUS(code, value, text) code = value,
#include "status.def"
#undef STATUS
};

// What was printed has arrived, or the command has failed.
static int finish(int status) {
    int reason = ferror(stdout) ? EIO : 0;
    if (fflush(stdout) != 0) reason = errno;
    if (!reason) return status;
    say(stderr, "nnc: error: cannot write the output: %s\n", strerror(reason));
    return status == NN_OK ? NN_FILE : status;
}

typedef struct {
    Options options;
    int status;
} Job;

static void *work(void *job) {
    Job *j = job;
    j->status = driver_run(&j->options);
    return NULL;
}

// Compiles on a stack of a known size, within bounds.
static int run(Job *j) {
    enum { DEFAULT_MB = 4096, MOST_MB = 1 << 30 };
    int64_t mb = options_count(&j->options, OPTION_MEMORY_LIMIT);
    j->options.memory = memory_bound((uint64_t)(!mb ? DEFAULT_MB : mb < MOST_MB ? mb : MOST_MB) << 20);
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_SIZE);
    if (pthread_create(&thread, &attributes, work, j)) memory_exhausted(STACK_SIZE);
    pthread_join(thread, NULL);
    return j->status;
}

int main(int argc, char **argv) {
    Arena *arena = arena_create();
    Job job = {.status = 0};
    bool done;
    // A file that may not grow is an error with a message.
    signal(SIGXFSZ, SIG_IGN);
    int status = options_read(arena, argc, argv, &job.options, &done);
    if (status == 0 && !done) status = run(&job);
    arena_destroy(arena);
    return finish(status);
}
