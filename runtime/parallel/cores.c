// How many cores this process may use: those of its affinity, and no more than the quotas of the control
// groups that it stands in, each of which bounds all below it. A part of a core counts as one.
#include "parallel/pool.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TEXT_ROOM = 4096 };

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

int32_t nn_quota_cores(const char *groups, const char *mount) {
    char all[TEXT_ROOM], folder[TEXT_ROOM * 2], *rest = read_text(groups, all), *line;
    int64_t least = INT32_MAX;
    // NUMBER:CONTROLLERS:PATH; without controllers it is the one hierarchy of them all.
    while ((line = strsep(&rest, "\n")) != NULL) {
        strsep(&line, ":");
        char *controllers = strsep(&line, ":"), *word;
        bool one = controllers != NULL && *controllers == '\0', cpu = false;
        while ((word = strsep(&controllers, ",")) != NULL) cpu = cpu || nn_same(word, "cpu");
        if (line == NULL || (!one && !cpu)) continue;
        size_t top = (size_t)snprintf(folder, sizeof folder, "%s%s", mount, one ? "" : "/cpu");
        snprintf(folder + top, sizeof folder - top, "%s", line);
        for (char *slash = folder; slash != NULL;) {
            int64_t here = quota_of(folder);
            least = here < least ? here : least;
            slash = strrchr(folder + top, '/');
            if (slash != NULL) *slash = '\0';
        }
    }
    return (int32_t)least;
}

int32_t nn_pool_cores(void) {
    cpu_set_t set;
    int32_t quota = nn_quota_cores("/proc/self/cgroup", "/sys/fs/cgroup");
    int64_t count =
        sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : sysconf(_SC_NPROCESSORS_ONLN);
    return count < 1 ? 1 : count < quota ? (int32_t)count : quota;
}
