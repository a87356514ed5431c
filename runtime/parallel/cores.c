// How many cores this process may use, and how much memory: those of its affinity, and no more than the
// quotas of the control groups that it stands in, each of which bounds all below it. A part of a core counts
// as one.
#include "parallel/pool.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { TEXT_ROOM = 4096, UNBOUNDED = 1 << 20 };

// The beginning of a small file; empty where there is none.
static char *read_text(const char *path, char text[TEXT_ROOM]) {
    int file = nn_system_open(path, O_RDONLY, 0);
    int64_t n = file < 0 ? 0 : nn_system_read(file, text, TEXT_ROOM - 1);
    if (file >= 0) nn_system_close(file);
    text[n < 0 ? 0 : n] = '\0';
    return text;
}

// Microseconds of computing in so many of time: in one file (`max` for the first: no bound), or in one each
// (-1: no bound).
static int64_t quota_of(const char *folder) {
    char path[TEXT_ROOM * 3], text[TEXT_ROOM], *end;
    snprintf(path, sizeof path, "%s/cpu.max", folder);
    int64_t used = strtoll(read_text(path, text), &end, 10), of = strtoll(end, NULL, 10);
    if (*text == '\0') {
        snprintf(path, sizeof path, "%s/cpu.cfs_quota_us", folder);
        used = strtoll(read_text(path, text), NULL, 10);
        snprintf(path, sizeof path, "%s/cpu.cfs_period_us", folder);
        of = strtoll(read_text(path, text), NULL, 10);
    }
    return used > 0 && of > 0 ? used / of + (used % of != 0) : INT32_MAX;
}

// Bytes of memory. The first kind of groups has the largest number of whole pages where there is no bound.
static int64_t memory_of(const char *folder) {
    char path[TEXT_ROOM * 3], text[TEXT_ROOM];
    snprintf(path, sizeof path, "%s/memory.max", folder);
    if (*read_text(path, text) == '\0') {
        snprintf(path, sizeof path, "%s/memory.limit_in_bytes", folder);
        read_text(path, text);
    }
    int64_t bytes = strtoll(text, NULL, 10);
    return bytes > 0 && bytes < INT64_MAX - UNBOUNDED ? bytes : INT64_MAX;
}

// The least that the groups listed in a file have of a controller.
static int64_t least_of(const char *groups, const char *mount, const char *controller,
                        int64_t (*of)(const char *)) {
    char all[TEXT_ROOM], folder[TEXT_ROOM * 2], *rest = read_text(groups, all), *line;
    int64_t least = INT64_MAX;
    // NUMBER:CONTROLLERS:PATH; without controllers it is the one hierarchy of them all.
    while ((line = strsep(&rest, "\n")) != NULL) {
        strsep(&line, ":");
        char *controllers = strsep(&line, ":"), *word;
        bool one = controllers != NULL && *controllers == '\0', own = false;
        while ((word = strsep(&controllers, ",")) != NULL) own = own || nn_same(word, controller);
        if (line == NULL || (!one && !own)) continue;
        size_t top =
            (size_t)snprintf(folder, sizeof folder, "%s%s%s", mount, one ? "" : "/", one ? "" : controller);
        snprintf(folder + top, sizeof folder - top, "%s", line);
        for (char *slash = folder; slash != NULL;) {
            int64_t here = of(folder);
            least = here < least ? here : least;
            slash = strrchr(folder + top, '/');
            if (slash != NULL) *slash = '\0';
        }
    }
    return least;
}

int32_t nn_quota_cores(const char *groups, const char *mount) {
    int64_t cores = least_of(groups, mount, "cpu", quota_of);
    return cores < INT32_MAX ? (int32_t)cores : INT32_MAX;
}

int64_t nn_quota_memory(const char *groups, const char *mount) {
    struct rlimit own;
    int64_t bytes = least_of(groups, mount, "memory", memory_of);
    bool limited = getrlimit(RLIMIT_DATA, &own) == 0 && own.rlim_cur < (rlim_t)bytes;
    return limited ? (int64_t)own.rlim_cur : bytes;
}

int32_t nn_pool_cores(void) {
    cpu_set_t set;
    int32_t quota = nn_quota_cores("/proc/self/cgroup", "/sys/fs/cgroup");
    int64_t count =
        sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : sysconf(_SC_NPROCESSORS_ONLN);
    return count < 1 ? 1 : count < quota ? (int32_t)count : quota;
}
