// Faults: the n-th call to the system fails, or the process ends there, for every n of a whole run.
// Afterwards what was on disk is whole, a resumed run ends where an undisturbed one does, and every failure
// has a message and its exit code. The runtime's base/system.c is replaced by what stands here.
#include "base/runtime.h"
#include "support/fake_model.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

typedef enum { MEMORY, OPEN, READ, WRITE, SYNC, CLOSE, RENAME, LINK, REMOVE, KINDS } Kind;

// What goes wrong in this process: the `at`-th call of a kind, or of all (KINDS).
static struct {
    Kind kind;
    int at, seen;
    bool ends, happened;
} fault = {.at = -1};

static bool fails(Kind kind) {
    if ((fault.kind != KINDS && fault.kind != kind) || fault.seen++ != fault.at) return false;
    fault.happened = true;
    if (fault.ends) _exit(99);
    errno = kind == MEMORY ? ENOMEM : kind == WRITE || kind == SYNC ? ENOSPC : EIO;
    return true;
}

void *nn_memory_take(uint64_t bytes) {
    size_t size = (size_t)((bytes + 63) / 64 * 64);
    void *memory = fails(MEMORY) ? NULL : aligned_alloc(64, size);
    return memory == NULL ? NULL : memset(memory, 0, size);
}
void nn_memory_give(void *memory) { free(memory); }
int nn_system_open(const char *path, int flags, int mode) {
    return fails(OPEN) ? -1 : open(path, flags, mode);
}
int64_t nn_system_read(int file, void *bytes, uint64_t count) {
    return fails(READ) ? -1 : read(file, bytes, (size_t)count);
}
int nn_system_sync(int file) { return fails(SYNC) ? -1 : (file < 0); }
int nn_system_close(int file) { return (close(file) != 0) | (fails(CLOSE) ? -1 : 0); }
int nn_system_rename(const char *from, const char *to) { return fails(RENAME) ? -1 : rename(from, to); }
int nn_system_remove(const char *path) { return fails(REMOVE) ? -1 : unlink(path); }
int nn_system_link(const char *path, const char *second) { return fails(LINK) ? -1 : link(path, second); }

// Half of what is asked for, as a full disk does, then the failure.
int64_t nn_system_write(int file, const void *bytes, uint64_t count) {
    if (file <= 2) return write(file, bytes, (size_t)count);
    if (fault.seen == fault.at && (fault.kind == WRITE || fault.kind == KINDS) && count > 1 &&
        write(file, bytes, (size_t)count / 2) < 0)
        return -1;
    return fails(WRITE) ? -1 : write(file, bytes, (size_t)count);
}

typedef struct {
    int passed, failed;
} Tests;

static void check(Tests *t, bool ok, const char *what, int kind, int at) {
    t->passed += ok;
    t->failed += !ok;
    if (!ok) printf("failed: %s (kind %d, call %d)\n", what, kind, at);
}

// Ends with the trainer's code, or 200 + code if the fault never came.
static int run(Kind kind, int at, bool ends, const char *command) {
    static const FakeOptions o = {
        .csv = "points.csv", .batch = 8, .epochs = 3, .steps = -1, .split = NN_SPLIT_RANDOM};
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        char copy[256], *at_word = copy, *words[16], *word, name[] = "fake";
        int count = 1;
        snprintf(copy, sizeof copy, "%s", command);
        words[0] = name;
        while ((word = strtok_r(at_word, " ", &at_word)) != NULL && count < 16) words[count++] = word;
        int err = open("err", O_WRONLY | O_CREAT | O_TRUNC, 0666);
        dup2(err, 1);
        dup2(err, 2);
        fault.kind = kind;
        fault.at = at;
        fault.ends = ends;
        const void *manifest = fake_manifest(&o);
        int code = nn_trainer_main(manifest, fake_run, count, words);
        fake_free(manifest);
        exit(fault.happened || at < 0 ? code : 200 + code);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static bool same_files(const char *a, const char *b) {
    char command[512];
    snprintf(command, sizeof command, "cmp -s %s %s", a, b);
    return system(command) == 0;
}

static bool has_message(void) {
    struct stat st;
    return stat("err", &st) == 0 && st.st_size > 0;
}

// A run of 3 epochs, a checkpoint every 5 steps, upon a finished run of another seed in the same directory.
static void test_kind(Tests *t, Kind kind, bool ends) {
    static const char command[] = "--quiet --out run --checkpoint 5";
    int code = 0;
    for (int at = 0; code < 200; at++) {
        if (system("rm -rf run && cp -r old run") != 0) abort();
        code = run(kind, at, ends, command);
        if (code >= 200) {
            check(t, code == 200, "without a fault the run ends well", kind, at);
            break;
        }
        bool known = code == NN_OK || code == NN_FILE || code == NN_MEMORY || (ends && code == 99);
        check(t, known, "the exit code says what failed", kind, at);
        check(t, code == NN_OK || code == 99 || has_message(), "and there is a message", kind, at);
        check(t, run(KINDS, -1, false, "eval --out run") == NN_OK, "the weights on disk are whole", kind, at);
        bool old = same_files("run/checkpoint.safetensors", "old/checkpoint.safetensors");
        int resumed = run(KINDS, -1, false, old ? command : "--quiet --out run --resume --checkpoint 5");
        check(t, resumed == NN_OK && same_files("run/weights.safetensors", "good/weights.safetensors"),
              "resumed, it ends where it would have", kind, at);
        check(t, system("ls run | grep -qE 'tmp|safetensors.new'") != 0, "nothing half-written is left", kind,
              at);
    }
}

int main(void) {
    Tests t = {0};
    char folder[] = "/tmp/nn_faults_test_XXXXXX", command[300];
    if (mkdtemp(folder) == NULL || chdir(folder) != 0) return 1;
    FILE *f = fopen("points.csv", "w");
    if (f == NULL) return 1;
    fprintf(f, "a,b,y,kind\n");
    for (int k = 0; k < 60; k++) fprintf(f, "%d,%d,%d,%d\n", k % 7, k % 5, k % 7 + 2 * (k % 5), k % 2);
    fclose(f);
    check(&t, run(KINDS, -1, false, "--quiet --out good") == NN_OK, "a good run", -1, -1);
    check(&t, run(KINDS, -1, false, "--quiet --out old --seed 4") == NN_OK, "an older run", -1, -1);
    for (int kind = 0; kind < KINDS; kind++) test_kind(&t, (Kind)kind, false);
    test_kind(&t, KINDS, true);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    if (chdir("/") != 0 || system(command) != 0) t.failed++;
    printf("%d passed, %d failed\n", t.passed, t.failed);
    return t.failed != 0;
}
