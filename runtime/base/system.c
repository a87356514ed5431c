// The calls that touch files, each interrupted one tried again, and the one that gives memory. Nothing else
// in the runtime does either, so the places where a machine can fail are these.
#include "base/runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int nn_system_open(const char *path, int flags, int mode) {
    int file;
    do file = open(path, flags | O_CLOEXEC, mode);
    while (file < 0 && errno == EINTR);
    return file;
}

int64_t nn_system_read(int file, void *bytes, uint64_t count) {
    ssize_t n;
    do n = read(file, bytes, (size_t)count);
    while (n < 0 && errno == EINTR);
    return n;
}

int64_t nn_system_write(int file, const void *bytes, uint64_t count) {
    ssize_t n;
    do n = write(file, bytes, (size_t)count);
    while (n < 0 && errno == EINTR);
    return n;
}

int nn_system_sync(int file) {
    int failed;
    do failed = fsync(file);
    while (failed != 0 && errno == EINTR);
    return failed;
}

int nn_system_close(int file) { return close(file); }

int nn_system_rename(const char *from, const char *to) { return rename(from, to); }

int nn_system_remove(const char *path) { return unlink(path); }

int nn_system_link(const char *path, const char *second) { return link(path, second); }

int nn_system_truncate(int file, uint64_t size) { return ftruncate(file, (off_t)size); }

// The system's zeroed pages: of a large block those that nobody uses take no memory. What calloc gave stands
// before the aligned address.
void *nn_memory_take(uint64_t bytes) {
    unsigned char *whole = calloc(1, (size_t)bytes + 64);
    if (whole == NULL) return NULL;
    void **memory = (void **)(void *)(whole + 64 - (uintptr_t)whole % 64);
    memory[-1] = whole;
    return memory;
}

void nn_memory_give(void *memory) { free(memory == NULL ? NULL : ((void **)memory)[-1]); }
