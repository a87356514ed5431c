// Files written whole or not at all: a temporary file in the same folder, then a rename.
#include "llvm/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool cannot(Context *ctx, const char *path) {
    diagnose(ctx, CANNOT_WRITE, NO_SPAN, path, strerror(errno));
    return false;
}

static bool put(int fd, const char *bytes, size_t length) {
    while (length) {
        ssize_t n = write(fd, bytes, length);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return false;
        bytes += n;
        length -= (size_t)n;
    }
    return true;
}

// Terminals, pipes and /dev/stdout are written as they are.
static bool put_directly(const char *path, const void *bytes, size_t length) {
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return false;
    bool done = put(fd, bytes, length);
    return close(fd) == 0 && done;
}

static mode_t permissions(void) {
    mode_t mask = umask(0);
    umask(mask);
    return 0666 & ~mask;
}

bool file_write(Context *ctx, const char *path, const void *bytes, size_t length) {
    struct stat s;
    if (stat(path, &s) == 0 && !S_ISREG(s.st_mode) && !S_ISDIR(s.st_mode))
        return put_directly(path, bytes, length) ? true : cannot(ctx, path);
    char *temporary = string_format(ctx->arena, "%s.XXXXXX", path);
    int fd = mkstemp(temporary);
    if (fd < 0) return cannot(ctx, path);
    bool done = put(fd, bytes, length) && fchmod(fd, permissions()) == 0;
    done = close(fd) == 0 && done;
    if (done && rename(temporary, path) == 0) return true;
    int error = errno;
    unlink(temporary);
    errno = error;
    return cannot(ctx, path);
}
