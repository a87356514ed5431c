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

typedef enum { MEMORY, OPEN, READ, WRITE, SYNC, CLOSE, RENAME, LINK, REMOVE, TRUNCATE, KINDS } Kind;

// What goes wrong in this process: the `at`-th call of a kind, or of all (KINDS).
static struct {
    Kind kind;
    int at, seen;
    bool ends, for_good, happened; // for_good: every later call fails as well
} fault = {.at = -1};

static bool fails(Kind kind) {
    if (fault.at < 0 || (fault.kind != KINDS && fault.kind != kind)) return false;
    int seen = fault.seen++;
    if (fault.for_good ? seen < fault.at : seen != fault.at) return false;
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
int nn_system_truncate(int file, uint64_t size) {
    return fails(TRUNCATE) ? -1 : ftruncate(file, (off_t)size);
}

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

static const FakeOptions plain = {
    .csv = "points.csv", .batch = 8, .epochs = 3, .steps = -1, .split = NN_SPLIT_RANDOM};
// The best weights are not the last.
static const FakeOptions best = {
    .csv = "points.csv", .batch = 8, .epochs = 9, .steps = -1, .split = NN_SPLIT_RANDOM, .best = 1};

// Ends with the trainer's code, or 200 + code if the fault never came.
static int run_model(const FakeOptions *o, Kind kind, int at, bool ends, const char *command) {
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
        const void *manifest = fake_manifest(o);
        int code = nn_trainer_main(manifest, fake_run, count, words);
        fake_free(manifest);
        exit(fault.happened || at < 0 ? code : 200 + code);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

// The file's bytes, with a NUL; NULL: there is none.
static char *contents(const char *path, size_t *size) {
    struct stat st;
    int file = open(path, O_RDONLY);
    *size = 0;
    if (file < 0 || fstat(file, &st) != 0) return NULL;
    char *bytes = calloc((size_t)st.st_size + 1, 1);
    if (bytes == NULL || read(file, bytes, (size_t)st.st_size) != st.st_size) abort();
    close(file);
    *size = (size_t)st.st_size;
    return bytes;
}

// Takes what depends on the time out of a log: "samples_per_s": ... and "time_s": ...
static void strip_times(char *log, size_t *size) {
    static const char *const keys[] = {"\"samples_per_s\": ", "\"time_s\": "};
    for (int k = 0; k < 2; k++) {
        for (char *at = log; (at = strstr(at, keys[k])) != NULL;) {
            char *end = at + strcspn(at, ",}");
            memmove(at, end, strlen(end) + 1);
        }
    }
    *size = strlen(log);
}

static bool same(const char *a, const char *b, bool logs) {
    size_t m, n;
    char *x = contents(a, &m), *y = contents(b, &n);
    bool both = x != NULL && y != NULL;
    if (both && logs) strip_times(x, &m);
    if (both && logs) strip_times(y, &n);
    both = both && m == n && memcmp(x, y, m) == 0;
    free(x);
    free(y);
    return both;
}

static bool starts_with(const char *path, const char *text) {
    size_t size;
    char *bytes = contents(path, &size);
    bool does = bytes != NULL && strncmp(bytes, text, strlen(text)) == 0;
    free(bytes);
    return does;
}

static bool same_files(const char *a, const char *b) { return same(a, b, false); }
static bool same_logs(const char *a, const char *b) { return same(a, b, true); }

static bool has_message(void) {
    struct stat st;
    return stat("err", &st) == 0 && st.st_size > 0;
}

static int run(Kind kind, int at, bool ends, const char *command) {
    return run_model(&plain, kind, at, ends, command);
}

// Every file of the directory is the old run's, or none is.
static void test_set(Tests *t, Kind kind, int at) {
    bool old = same_files("run/checkpoint.safetensors", "old/checkpoint.safetensors");
    check(t, same_files("run/weights.safetensors", "old/weights.safetensors") == old, "weights of one run",
          kind, at);
    check(t, same_files("run/log.jsonl", "old/log.jsonl") == old, "and its log", kind, at);
    check(t, same_files("run/checkpoint.previous.safetensors", "old/checkpoint.previous.safetensors") == old,
          "and its previous checkpoint", kind, at);
    if (old && same_files("full.jsonl", "old.jsonl"))
        check(t, run(KINDS, -1, false, "--quiet --out run --log full.jsonl --resume") == NN_OK,
              "the old run can be resumed, log and all", kind, at);
}

// A run of 3 epochs, a checkpoint every 5 steps, upon a finished run of another seed in the same directory.
static void test_kind(Tests *t, Kind kind, bool ends) {
    static const char command[] = "--quiet --out run --log full.jsonl --checkpoint 5";
    int code = 0;
    for (int at = 0; code < 200; at++) {
        if (system("rm -rf run* && cp -r old run && cp old.jsonl full.jsonl") != 0) abort();
        code = run(kind, at, ends, command);
        if (code >= 200) {
            check(t, code == 200, "without a fault the run ends well", kind, at);
            break;
        }
        bool known = code == NN_OK || code == NN_FILE || code == NN_MEMORY || (ends && code == 99);
        check(t, known, "the exit code says what failed", kind, at);
        check(t, code == NN_OK || code == 99 || has_message(), "and there is a message", kind, at);
        check(t, run(KINDS, -1, false, "eval --out run") == NN_OK, "the weights on disk are whole", kind, at);
        test_set(t, kind, at);
        bool old = same_files("run/checkpoint.safetensors", "old/checkpoint.safetensors");
        int resumed = run(KINDS, -1, false,
                          old ? command : "--quiet --out run --log full.jsonl --resume --checkpoint 5");
        check(t, resumed == NN_OK && same_files("run/weights.safetensors", "good/weights.safetensors"),
              "resumed, it ends where it would have", kind, at);
        if (ends || kind == RENAME || kind == REMOVE || kind == LINK)
            check(t, same_logs("run/log.jsonl", "good/log.jsonl") && same_logs("full.jsonl", "good.jsonl"),
                  "and so do its logs", kind, at);
        check(t, system("ls . run | grep -q nn-new") != 0, "nothing half-written is left", kind, at);
    }
}

// A first save over another run's files that ends between two names, and a new run after it that ends before
// it has saved: the first run is there, its logs as well, and goes on.
static void test_between(Tests *t) {
    static const char command[] = "--quiet --out run --log full.jsonl --checkpoint 5 --tensorboard";
    int code = 0, between = 0;
    check(t,
          run(KINDS, -1, false, "--quiet --out board --log board.jsonl --checkpoint 5 --tensorboard") ==
              NN_OK,
          "a good run with event files", -1, -1);
    for (int at = 0; code < 200; at++) {
        if (system("rm -rf run* && cp -r old run && cp old.jsonl full.jsonl && cp old.jsonl "
                   "run/events.out.tfevents.nn") != 0)
            abort();
        code = run(KINDS, at, true, command);
        if (access("run/checkpoint.first.safetensors.nn-new", F_OK) != 0) continue;
        between++;
        check(t, run(SYNC, 0, true, command) == 99, "a new run ends in its first save", -1, at);
        int resumed =
            run(KINDS, -1, false, "--quiet --out run --log full.jsonl --resume --checkpoint 5 --tensorboard");
        check(t, resumed == NN_OK && same_files("run/weights.safetensors", "good/weights.safetensors"),
              "the first one goes on", -1, at);
        check(t, same_logs("run/log.jsonl", "board/log.jsonl") && same_logs("full.jsonl", "board.jsonl"),
              "with its logs", -1, at);

        check(t, !starts_with("run/events.out.tfevents.nn", "{\"event\""), "and event files", -1, at);
        check(t, system("ls . run | grep -q nn-new") != 0, "nothing half-written is left", -1, at);
    }
    check(t, between > 3, "there is a time between two names", -1, -1);
}

// Best weights that could not be written are written by a later save; if none can, the run says so. `eval`
// never gives an older epoch as if it were the best.
static void test_best(Tests *t, Kind kind, bool for_good) {
    int code = 0, bad = 0;
    setenv("FAKE_BEST", "4", 1);
    check(t, run_model(&best, KINDS, -1, false, "--quiet --out good_best") == NN_OK, "a run of best weights",
          -1, -1);
    for (int at = 0; code < 200; at++) {
        if (system("rm -rf run*") != 0) abort();
        fault.for_good = for_good;
        code = run_model(&best, kind, at, false, "--quiet --out run");
        fault.for_good = false;
        bool is_best = same_files("run/weights.safetensors", "good_best/weights.safetensors");
        bool log_alone = kind == WRITE && is_best;
        check(t, code == NN_OK || code == 200 ? is_best : code == NN_FILE || code == NN_MEMORY || log_alone,
              "the best weights, or an error", kind, at);
        bad += code == NN_FILE;
    }
    unsetenv("FAKE_BEST");
    check(t, !for_good || bad > 0, "and there were errors", kind, -1);
}

int main(void) {
    Tests t = {0};
    char folder[64], command[300];
    snprintf(folder, sizeof folder, "%s/nn_faults_test_XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (mkdtemp(folder) == NULL || chdir(folder) != 0) return 1;
    FILE *f = fopen("points.csv", "w");
    if (f == NULL) return 1;
    fprintf(f, "a,b,y,kind\n");
    for (int k = 0; k < 60; k++) fprintf(f, "%d,%d,%d,%d\n", k % 7, k % 5, k % 7 + 2 * (k % 5), k % 2);
    fclose(f);
    check(&t, run(KINDS, -1, false, "--quiet --out good --log good.jsonl") == NN_OK, "a good run", -1, -1);
    check(&t, run(KINDS, -1, false, "--quiet --out old --seed 4 --log old.jsonl --checkpoint 5") == NN_OK,
          "an older run", -1, -1);
    for (int kind = 0; kind < KINDS; kind++) test_kind(&t, (Kind)kind, false);
    test_kind(&t, KINDS, true);
    test_between(&t);
    static const Kind writing[] = {OPEN, WRITE, SYNC, CLOSE, RENAME};
    for (size_t k = 0; k < sizeof writing / sizeof *writing; k++) {
        test_best(&t, writing[k], false);
        test_best(&t, writing[k], true);
    }
    snprintf(command, sizeof command, "rm -rf %s", folder);
    if (chdir("/") != 0 || system(command) != 0) t.failed++;
    printf("%d passed, %d failed\n", t.passed, t.failed);
    return t.failed != 0;
}
