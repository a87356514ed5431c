// nnc: reads the command line and runs the command.
#include "driver.h"

#include <errno.h>
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

int main(int argc, char **argv) {
    Arena *arena = arena_create();
    Options options;
    bool done;
    // A file that may not grow is an error with a message.
    signal(SIGXFSZ, SIG_IGN);
    int status = options_read(arena, argc, argv, &options, &done);
    if (status == 0 && !done) status = driver_run(&options);
    arena_destroy(arena);
    return finish(status);
}
