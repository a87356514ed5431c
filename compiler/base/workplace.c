// The folder is kept by a second process: it waits until this one says that all is done, or is gone, moves
// the results, and removes the folder. It stands in a process group of its own, with the tools that run in
// the folder, and takes no signal but the one that nobody can refuse.
#include "base/workplace.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

const char *const workplace_results[WORKPLACE_RESULTS] = {"result", "header"};

static bool cannot(Context *ctx, const char *path, int reason) {
    diagnose(ctx, FILE_UNWRITABLE, NO_SPAN, path, strerror(reason));
    return false;
}

const char *folder_of(Arena *arena, const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? string_copy(arena, path, (size_t)(slash - path) + (slash == path)) : ".";
}

// ---- tools ------------------------------------------------------------------------------------------------

const char *tool_find(Arena *arena, const char *tool) {
    const char *path = getenv("PATH");
    for (const char *p = path ? path : "/usr/bin:/bin"; *p;) {
        size_t n = strcspn(p, ":");
        char *file = string_format(arena, "%.*s/%s", (int)n, p, tool);
        if (n && access(file, X_OK) == 0) {
            // Where it runs, a relative path would mean another file.
            char *folder = *file == '/' ? NULL : getcwd(NULL, 0);
            if (folder) file = string_format(arena, "%s/%s", folder, file);
            free(folder);
            return file;
        }
        p += n + (p[n] == ':');
    }
    errno = ENOENT;
    return NULL;
}

// As waitpid's status.
static int end_of(pid_t child) {
    int status;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR) return EIO << 8;
    return status;
}

int tool_ask(Arena *arena, const char *const *words, const char *folder, pid_t group, int said) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    const char *tool = tool_find(arena, words[0]);
    pid_t child;
    int status, count = 0;
    while (words[count]) count++;
    char **arguments = arena_array(arena, char *, count + 1);
    for (int i = 0; i < count; i++) arguments[i] = string_copy(arena, words[i], strlen(words[i]));
    if (!tool || posix_spawn_file_actions_init(&actions)) return -1;
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    posix_spawnattr_setpgroup(&attributes, group ? group : getpgrp());
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, said, 1);
    posix_spawn_file_actions_adddup2(&actions, said, 2);
    if (folder) posix_spawn_file_actions_addchdir_np(&actions, folder);
    int error = posix_spawn(&child, tool, &actions, &attributes, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    errno = error;
    if (error) return -1;
    status = end_of(child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 127;
}

// The first line that says what went wrong, of all that a tool printed.
static const char *first_error(Arena *arena, int fd) {
    char text[4096];
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    if (n <= 0) return "it says nothing";
    text[n] = 0;
    char *line = strstr(text, "error");
    while (line && line > text && line[-1] != '\n') line--;
    line = line ? line : text;
    return string_copy(arena, line, strcspn(line, "\n"));
}

bool workplace_run(const Workplace *w, const char *const *words) {
    int status = tool_ask(w->ctx->arena, words, w->folder, w->keeper, w->said);
    if (status < 0)
        diagnose(w->ctx, NO_TOOL, NO_SPAN, words[0], strerror(errno));
    else if (status)
        diagnose(w->ctx, TOOL_FAILED, NO_SPAN, words[0], w->paths[0] ? w->paths[0] : w->folder,
                 first_error(w->ctx->arena, w->said));
    return status == 0;
}

// ---- the keeper -------------------------------------------------------------------------------------------

static void remove_contents(const char *folder) {
    DIR *all = opendir(folder);
    struct dirent *entry;
    while (all && (entry = readdir(all))) unlinkat(dirfd(all), entry->d_name, 0);
    if (all) closedir(all);
}

// A reason, 0: done. The second first, so that what cannot be undone comes last.
static int move_results(const Workplace *w, int folder) {
    const char *const *names = workplace_results, *second = w->paths[1], old[] = "old";
    bool kept = second && linkat(AT_FDCWD, second, folder, old, 0) == 0;
    if (second && !kept && errno != ENOENT) kept = renameat(AT_FDCWD, second, folder, old) == 0;
    int reason = second && renameat(folder, names[1], AT_FDCWD, second) ? errno : 0;
    if (!reason && renameat(folder, names[0], AT_FDCWD, w->paths[0])) {
        reason = errno;
        if (second && !kept) unlink(second);
    }
    if (reason && kept) renameat(folder, old, AT_FDCWD, second);
    return reason;
}

// What a tool still writes goes too.
static void remove_folder(const Workplace *w) {
    enum { TRIES = 1000, PAUSE = 10000 };
    for (int k = 0; k < TRIES && rmdir(w->folder) && errno != ENOENT; k++) {
        if (k) usleep(PAUSE);
        remove_contents(w->folder);
    }
}

static _Noreturn void keep(const Workplace *w, int line) {
    char word;
    int folder = open(w->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool done = read(line, &word, 1) == 1;
    int reason = done ? move_results(w, folder) : 0;
    if (!done) kill(0, SIGTERM);
    remove_folder(w);
    _exit(reason);
}

// What is left to do for a keeper that was killed while it moved the results. A reason, 0: done.
static int end_for_keeper(Workplace *w) {
    const char *const *names = workplace_results;
    int folder = open(w->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), reason = 0;
    if (folder < 0) return errno == ENOENT ? 0 : errno; // it was killed when all was done
    if (faccessat(folder, names[0], F_OK, 0) == 0) {
        const char *second = w->paths[1];
        if (second && faccessat(folder, names[1], F_OK, 0) == 0) second = NULL;
        if (second) w->paths[1] = NULL; // it has its place
        reason = move_results(w, folder);
        if (reason && second && renameat(folder, "old", AT_FDCWD, second)) unlink(second);
    }
    close(folder);
    remove_folder(w);
    return reason;
}

// Tells a reason, 0: none, and the folder's name.
static _Noreturn void make_and_keep(const Workplace *w, int line) {
    int reason = mkdtemp(w->folder) ? 0 : errno;
    bool told = send(line, &reason, sizeof reason, MSG_NOSIGNAL) == sizeof reason &&
                send(line, w->folder, strlen(w->folder), MSG_NOSIGNAL) == (ssize_t)strlen(w->folder);
    if (reason) _exit(0);
    if (!told) {
        rmdir(w->folder);
        _exit(0);
    }
    keep(w, line);
}

// ---- the workplace ----------------------------------------------------------------------------------------

// A device is not replaced by a file.
static bool replaceable(Context *ctx, const char *path) {
    struct stat s;
    if (!path || stat(path, &s) || S_ISREG(s.st_mode)) return true;
    return cannot(ctx, path, S_ISDIR(s.st_mode) ? EISDIR : EINVAL);
}

bool workplace_open(Workplace *w, Context *ctx, const char *parent, const char *first, const char *second) {
    sigset_t all, before;
    int line[2] = {-1, -1};
    *w = (Workplace){.ctx = ctx, .paths = {first, second}, .line = -1, .keeper = -1};
    w->said = memfd_create("said", MFD_CLOEXEC);
    if (!replaceable(ctx, first) || !replaceable(ctx, second)) return false;
    w->folder = string_format(ctx->arena, "%s/.nnc-XXXXXX", parent);
    const char *what = first ? first : w->folder;
    // The keeper makes the folder, once it is in no group that a signal may end: so there is none without a
    // keeper.
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    if (w->said >= 0 && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, line) == 0) w->keeper = fork();
    if (w->keeper == 0) {
        setpgid(0, 0);
        close(line[0]);
        make_and_keep(w, line[1]);
    }
    int reason = errno;
    sigprocmask(SIG_SETMASK, &before, NULL);
    if (line[1] >= 0) close(line[1]);
    w->line = line[0];
    ssize_t length = (ssize_t)strlen(w->folder);
    if (w->keeper > 0 && (recv(w->line, &reason, sizeof reason, MSG_WAITALL) != sizeof reason ||
                          recv(w->line, w->folder, (size_t)length, MSG_WAITALL) != length))
        reason = EINTR;
    return (w->keeper > 0 && !reason) || cannot(ctx, what, reason);
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

static bool put_file(Context *ctx, const char *file, const char *path, int flags, const void *bytes,
                     size_t length) {
    int fd = open(file, O_WRONLY | O_CLOEXEC | flags, 0666);
    bool done = fd >= 0 && put(fd, bytes, length);
    int reason = errno;
    if (fd >= 0 && close(fd) && done) {
        reason = errno;
        done = false;
    }
    return done || cannot(ctx, path, reason);
}

bool workplace_put(const Workplace *w, const char *name, const void *bytes, size_t length) {
    const char *file = string_format(w->ctx->arena, "%s/%s", w->folder, name), *path = NULL;
    for (int k = 0; k < WORKPLACE_RESULTS; k++)
        if (string_equal(name, workplace_results[k])) path = w->paths[k];
    // A result is on the disk before it takes the place of another.
    int flags = O_CREAT | O_EXCL | (path ? O_SYNC : 0);
    return put_file(w->ctx, file, path ? path : file, flags, bytes, length);
}

bool workplace_link(const Workplace *w, const char *name, const char *target) {
    const char *file = string_format(w->ctx->arena, "%s/%s", w->folder, name);
    return symlink(target, file) == 0 || cannot(w->ctx, file, errno);
}

bool workplace_end(Workplace *w, bool done) {
    int status;
    bool said = done && send(w->line, "", 1, MSG_NOSIGNAL) == 1;
    if (w->line >= 0) close(w->line);
    if (w->said >= 0) close(w->said);
    status = w->keeper > 0 ? end_of(w->keeper) : 0;
    int reason = WIFSIGNALED(status) && said ? end_for_keeper(w) : !said ? EINTR : WEXITSTATUS(status);
    return done && (reason == 0 || cannot(w->ctx, w->paths[0], reason));
}

bool file_replace(Context *ctx, const char *path, const char *text) {
    struct stat about;
    Workplace w;
    char *real = realpath(path, NULL);
    const char *target = string_copy(ctx->arena, real ? real : path, strlen(real ? real : path));
    free(real);
    bool done = workplace_open(&w, ctx, folder_of(ctx->arena, target), target, NULL) &&
                workplace_put(&w, workplace_results[0], text, strlen(text));
    if (done && stat(target, &about) == 0)
        chmod(string_format(ctx->arena, "%s/%s", w.folder, workplace_results[0]), about.st_mode & 07777);
    return workplace_end(&w, done);
}

bool file_write(Context *ctx, const char *path, const void *bytes, size_t length) {
    struct stat s;
    Workplace w;
    if (stat(path, &s) == 0 && !S_ISREG(s.st_mode) && !S_ISDIR(s.st_mode))
        return put_file(ctx, path, path, 0, bytes, length);
    bool done = workplace_open(&w, ctx, folder_of(ctx->arena, path), path, NULL) &&
                workplace_put(&w, workplace_results[0], bytes, length);
    return workplace_end(&w, done);
}
