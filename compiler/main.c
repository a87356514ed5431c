// nnc: reads the command line and runs the command.
#include "commands.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// What was printed has arrived, or the command has failed.
static int finish(int status) {
    int reason = ferror(stdout) ? EIO : 0;
    if (fflush(stdout) != 0) reason = errno;
    if (!reason) return status;
    say(stderr, "nnc: error: cannot write the output: %s\n", strerror(reason));
    return status == NN_OK ? NN_FILE : status;
}

static void *work(void *options) { exit(finish(command_run(options))); }

// Compiles on a stack of a known size, within bounds. That thread ends the process.
static void compile(Options *o) {
    enum { DEFAULT_MB = 4096, MOST_MB = 1 << 30 };
    int64_t mb = options_count(o, OPTION_MEMORY_LIMIT);
    o->memory = memory_bound((uint64_t)(!mb ? DEFAULT_MB : mb < MOST_MB ? mb : MOST_MB) << 20);
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_SIZE);
    if (pthread_create(&thread, &attributes, work, o)) memory_exhausted(STACK_SIZE);
    pthread_join(thread, NULL);
}

int main(int argc, char **argv) {
    Arena *arena = arena_create();
    Options options;
    bool done;
    // A file that may not grow is an error with a message.
    signal(SIGXFSZ, SIG_IGN);
    // Whoever started us may not wait for children; we do.
    signal(SIGCHLD, SIG_DFL);
    int status = options_read(arena, argc, argv, &options, &done);
    if (status == NN_OK && !done) compile(&options);
    arena_destroy(arena);
    return finish(status);
}
