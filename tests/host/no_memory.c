// Preloaded (LD_PRELOAD): the NO_MEMORY-th request for memory of a process answers NULL, with MORE=1 every
// later one too. At its end the process writes how many there were to the file COUNT, if that is named.
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t),
    *__libc_memalign(size_t, size_t);

static atomic_long seen, at = -1;
static atomic_int more;

// Another program that it starts has memory.
__attribute__((constructor)) static void begin(void) {
    const char *n = getenv("NO_MEMORY"), *all = getenv("MORE");
    at = n ? atol(n) : 0;
    more = all != NULL;
    unsetenv("LD_PRELOAD");
}

__attribute__((destructor)) static void end(void) {
    char text[32];
    int file = getenv("COUNT") ? open(getenv("COUNT"), O_WRONLY | O_CREAT | O_TRUNC, 0666) : -1;
    if (file >= 0 && write(file, text, (size_t)snprintf(text, sizeof text, "%ld\n", atomic_load(&seen))) < 0)
        _exit(99);
}

static int none(void) {
    if (atomic_load(&at) < 0) return 0; // before there is a program
    long n = atomic_fetch_add(&seen, 1) + 1;
    if (at == 0 || (more ? n < at : n != at)) return 0;
    errno = ENOMEM;
    return 1;
}

void *malloc(size_t n) { return none() ? NULL : __libc_malloc(n); }
void *calloc(size_t n, size_t m) { return none() ? NULL : __libc_calloc(n, m); }
void *realloc(void *p, size_t n) { return none() ? NULL : __libc_realloc(p, n); }
void *aligned_alloc(size_t a, size_t n) { return none() ? NULL : __libc_memalign(a, n); }
void *memalign(size_t a, size_t n) { return none() ? NULL : __libc_memalign(a, n); }
int posix_memalign(void **out, size_t a, size_t n) {
    if (none()) return ENOMEM;
    *out = __libc_memalign(a, n);
    return *out == NULL ? ENOMEM : 0;
}
