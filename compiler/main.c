// nnc: reads the command line and runs the command.
#include "driver.h"

int main(int argc, char **argv) {
    Arena *arena = arena_create();
    Options options;
    bool done;
    int status = options_read(arena, argc, argv, &options, &done);
    if (status == 0 && !done) status = driver_run(&options);
    arena_destroy(arena);
    return status;
}
