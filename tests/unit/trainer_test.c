// The trainer's whole way with a hand-written model: runs, resumes at every step, damaged checkpoints,
// signals, commands.
#include "base/runtime.h"
#include "support/fake_model.h"

#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WORDS = 24 };

typedef struct {
    int passed, failed;
    char folder[256];
} Tests;

static void check(Tests *t, bool ok, const char *what) {
    t->passed += ok;
    t->failed += !ok;
    if (!ok) printf("failed: %s\n", what);
}

static void write_file(const char *path, const char *text) {
    FILE *f = fopen(path, "w");
    if (f == NULL || fputs(text, f) < 0 || fclose(f) != 0) abort();
}

static char *read_file(const char *path, size_t *size) {
    FILE *f = fopen(path, "r");
    if (size != NULL) *size = 0;
    if (f == NULL) return NULL;
    char *bytes = calloc(1, 1 << 20);
    size_t n = bytes == NULL ? 0 : fread(bytes, 1, (1 << 20) - 1, f);
    fclose(f);
    if (size != NULL) *size = n;
    return bytes;
}

static bool same_files(const char *a, const char *b) {
    size_t m, n;
    char *x = read_file(a, &m), *y = read_file(b, &n);
    bool same = x != NULL && y != NULL && m == n && memcmp(x, y, m) == 0;
    free(x);
    free(y);
    return same;
}

static bool contains(const char *path, const char *text) {
    char *bytes = read_file(path, NULL);
    bool has = bytes != NULL && strstr(bytes, text) != NULL;
    free(bytes);
    return has;
}

static bool file_has(const char *path, const char *text) {
    char *bytes = read_file(path, NULL);
    bool has = contains(path, text);
    if (!has) printf("in %s expected: %s\nfound: %s\n", path, text, bytes == NULL ? "(no file)" : bytes);
    free(bytes);
    return has;
}

// A trainer process: standard output goes to `out`, standard error to `err`, standard input comes from `in`,
// if it is there.
static pid_t start(const FakeOptions *o, const char *command) {
    fflush(stdout);
    pid_t child = fork();
    if (child != 0) return child;
    char text[1024], *words[WORDS] = {text}, *word;
    int count = 1, in = open("in", O_RDONLY);
    char copy[1024], *at = copy;
    snprintf(copy, sizeof copy, "%s", command);
    while ((word = strtok_r(at, " ", &at)) != NULL && count < WORDS) words[count++] = word;
    snprintf(text, sizeof text, "fake");
    if (in < 0) in = open("/dev/null", O_RDONLY);
    int out = open("out", O_WRONLY | O_CREAT | O_TRUNC, 0666),
        err = open("err", O_WRONLY | O_CREAT | O_TRUNC, 0666);
    dup2(in, 0);
    dup2(out, 1);
    dup2(err, 2);
    const void *manifest = fake_manifest(o);
    int code = nn_trainer_main(manifest, fake_run, count, words);
    fake_free(manifest);
    exit(code);
}

static int finish(pid_t child) {
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static int run(const FakeOptions *o, const char *format, ...) NN_PRINTF(2, 3);
static int run(const FakeOptions *o, const char *format, ...) {
    char command[512];
    va_list args;
    va_start(args, format);
    vsnprintf(command, sizeof command, format, args);
    va_end(args);
    return finish(start(o, command));
}

static void make_points(const char *path, int rows) {
    FILE *f = fopen(path, "w");
    if (f == NULL) abort();
    fprintf(f, "a,b,y,kind\n");
    for (int k = 0; k < rows; k++) {
        double a = (k * 37 % 101) / 25.0 - 1, b = (k * 53 % 97) / 10.0;
        fprintf(f, "%.3f, %.2f,%.4f,%s\n", a, b, 1.5 * a - 0.7 * b + 2 + (k * 29 % 11) / 50.0,
                k % 3 == 0 ? "red" : "blue");
    }
    fclose(f);
}

static void test_runs(Tests *t) {
    FakeOptions o = {
        .csv = "points.csv", .batch = 8, .epochs = 6, .steps = -1, .split = NN_SPLIT_RANDOM, .threaded = 1};
    check(t, run(&o, "--quiet --threads 1 --out a") == 0 && run(&o, "--quiet --threads 3 --out b") == 0,
          "two runs end well");
    check(t, same_files("a/weights.safetensors", "b/weights.safetensors"),
          "the same weights for any number of threads");
    check(t,
          run(&o, "--quiet --out c --seed 3") == 0 &&
              !same_files("a/weights.safetensors", "c/weights.safetensors"),
          "a seed matters");
    check(t, run(&o, "--quiet --out zero --epochs 0") == 0 && file_has("zero/log.jsonl", "\"step\": 0"),
          "--epochs 0 writes the initial weights");
    check(t, run(&o, "eval --json --out a") == 0, "eval");
    char *result = read_file("out", NULL), *at = result == NULL ? NULL : strstr(result, "\"mae\": ");
    check(t, at != NULL && file_has("a/log.jsonl", strtok(at + 7, "}")), "eval gives the numbers of the log");
    free(result);
    check(t, run(&o, "--quiet --out a --lr 1e30") == NN_NOT_FINITE && file_has("err", "not finite"),
          "a loss that is not finite");
    check(t, same_files("a/weights.safetensors", "b/weights.safetensors"), "which leaves the files alone");
}

// Ended after k steps and resumed, a run ends as if it had not been ended: for every k, in all kinds of runs.
static void test_resume(Tests *t) {
    static const int lengths[] = {32, 12, 20};
    static const FakeOptions kinds[] = {
        {.csv = "points.csv", .batch = 8, .epochs = 4, .steps = -1, .split = NN_SPLIT_RANDOM},
        {.csv = "points.csv",
         .batch = 8,
         .epochs = 4,
         .steps = -1,
         .split = NN_SPLIT_ORDERED,
         .accumulate = 3,
         .best = 1},
        {.csv = "points.csv",
         .batch = 5,
         .epochs = 9,
         .steps = -1,
         .split = NN_SPLIT_NONE,
         .threaded = 1,
         .stop_at = 1},
    };
    for (size_t kind = 0; kind < sizeof kinds / sizeof *kinds; kind++) {
        const FakeOptions *o = &kinds[kind];
        bool all = run(o, "--quiet --out whole") == 0;
        for (int k = 0; k <= lengths[kind] && all; k++) {
            all = run(o, "--quiet --out part --steps %d", k) == 0 &&
                  run(o, "--quiet --out part --resume --epochs %d", (int)o->epochs) == 0 &&
                  same_files("whole/weights.safetensors", "part/weights.safetensors");
            if (!all) printf("kind %zu, step %d\n", kind, k);
        }
        check(t, all, "ended at any step and resumed, the weights are the same");
    }
    const FakeOptions *o = &kinds[0];
    run(o, "--quiet --out part --steps 5");
    check(t, run(o, "--quiet --out part --resume --seed 9") == NN_USAGE && file_has("err", "--seed"),
          "another seed is refused");
    check(t, run(o, "--quiet --out part --resume --batch 4") == NN_USAGE, "another batch is refused");
    check(t, run(o, "--quiet --out part --resume --lr 0.3") == NN_USAGE, "another rate is refused");
    check(t, run(o, "--quiet --out part --resume --lr 0.05 --steps 6") == 0,
          "the same rate may be said again");
    make_points("fewer.csv", 50);
    check(t, run(o, "--quiet --out part --resume --data fewer.csv") == NN_DATA && file_has("err", "rows"),
          "other data are refused");
    check(t, run(o, "--quiet --out nowhere --resume --steps 2") == 0 && file_has("err", "no checkpoint"),
          "without a checkpoint it begins");
}

static void test_damage(Tests *t) {
    FakeOptions o = {.csv = "points.csv", .batch = 8, .epochs = 4, .steps = -1, .split = NN_SPLIT_RANDOM};
    run(&o, "--quiet --out whole");
    size_t size = 0;
    run(&o, "--quiet --out hurt --checkpoint 3 --steps 9");
    char *good = read_file("hurt/checkpoint.safetensors", &size);
    int accepted = 0, fell_back = 0, tries = 0;
    for (size_t k = 0; k < size; k += 61, tries++) {
        good[k] = (char)(good[k] ^ (1 << k % 8));
        FILE *f = fopen("hurt/checkpoint.safetensors", "w");
        fwrite(good, 1, size, f);
        fclose(f);
        good[k] = (char)(good[k] ^ (1 << k % 8));
        int code = run(&o, "--quiet --out hurt --resume --epochs 4");
        bool right = code == 0 && same_files("whole/weights.safetensors", "hurt/weights.safetensors");
        // Seed, options and the like are not under a checksum of their own; a changed bit there may be
        // refused, never crash.
        accepted += right;
        fell_back += right && contains("err", "previous");
        check(t, right || code == NN_DATA || code == NN_USAGE || code == NN_OK,
              "a damaged checkpoint never crashes");
        run(&o, "--quiet --out hurt --checkpoint 3 --steps 9");
    }
    free(good);
    check(t, accepted > tries / 2 && fell_back > tries / 4,
          "the checkpoint before takes a damaged one's place");
}

// ---- checkpoints and files of others ----

// The checkpoint with another value for one key of its metadata, and a right checksum of its header.
static void forge(const char *path, const char *key, const char *value) {
    size_t size;
    char *file = read_file(path, &size), text[128], *grown = calloc(1, 1 << 20);
    uint64_t length = 0;
    for (int k = 7; k >= 0; k--) length = length << 8 | (unsigned char)file[k];
    snprintf(text, sizeof text, "\"%s\":\"", key);
    char *at = strstr(file + 8, text), *end;
    if (grown == NULL || at == NULL || (end = strchr(at + strlen(text), '"')) == NULL) abort();
    size_t head = (size_t)(at - file) + strlen(text) - 8, rest = length - (size_t)(end - file - 8);
    uint64_t all = head + strlen(value) + rest, padded = (all + 7) / 8 * 8;
    memcpy(grown + 8, file + 8, head);
    memcpy(grown + 8 + head, value, strlen(value));
    memcpy(grown + 8 + head + strlen(value), end, rest);
    memset(grown + 8 + all, ' ', padded - all);
    memcpy(grown + 8 + padded, file + 8 + length, size - 8 - length);
    for (int k = 0; k < 8; k++) grown[k] = (char)(padded >> (8 * k));
    char *sum = strstr(grown + 8, "\"header\":\"") + 10, *last = grown + 8 + padded;
    while (last[-1] == ' ') last--;
    memcpy(sum, "00000000", 8);
    snprintf(text, sizeof text, "%08x", nn_crc32c(0, grown + 8, (uint64_t)(last - grown - 8)));
    memcpy(sum, text, 8);
    FILE *f = fopen(path, "w");
    if (f == NULL || fwrite(grown, 1, size - length + padded, f) == 0 || fclose(f) != 0) abort();
    free(file);
    free(grown);
}

static const FakeOptions short_run = {
    .csv = "points.csv", .batch = 8, .epochs = 4, .steps = -1, .split = NN_SPLIT_RANDOM, .best = 1};

// What a checkpoint says is checked, and what it names is neither written over nor waited for.
static void test_forged(Tests *t) {
    static const FakeOptions *o = &short_run;
    static const struct {
        const char *key, *value, *message;
        int code;
    } cases[] = {
        {"option.log", "notes.txt", "notes.txt is not the log of the run", NN_FILE},
        {"option.log", "other.jsonl", "other.jsonl is not the log of the run", NN_FILE},
        {"option.log", "/dev/null", "say --log", NN_USAGE},
        {"option.log", "none/there.jsonl", "say --log", NN_USAGE},
        {"option.log", "points.csv", "would be written over", NN_USAGE},
        {"option.log", "forged/weights.safetensors", "the run writes that file itself", NN_USAGE},
        {"option.data", "/dev/full", "say --data", NN_USAGE},
        {"option.data", "fifo", "say --data", NN_USAGE},
        {"option.data", "gone.csv", "say --data", NN_USAGE},
        {"option.seed", "-1", "--seed", NN_USAGE},
        {"option.checkpoint", "0", "--checkpoint", NN_USAGE},
        {"run.step", "9223372036854775807", "damaged", NN_DATA},
        {"run.step", "12", "counts", NN_DATA},
        {"run.epoch", "9007199254740992", "counts", NN_DATA},
        {"run.batch", "9007199254740992", "counts", NN_DATA},
        {"run.batch_number", "1", "counts", NN_DATA},
        {"run.loss_count", "9223372036854775807", "damaged", NN_DATA},
        {"run.loss_count", "9007199254740992", "counts", NN_DATA},
        {"run.has_weights", "2", "counts", NN_DATA},
        {"run.elapsed", "-1", "counts", NN_DATA},
        {"run.elapsed", "inf", "counts", NN_DATA},
        {"run.log", "7", "log.jsonl is not the log of the run", NN_FILE},
        {"run.full_log", "18446744073709551615", "damaged", NN_DATA},
    };
    write_file("notes.txt", "what is nowhere else\n");
    mkfifo("fifo", 0666);
    run(o, "--quiet --out another --log other.jsonl --steps 9");
    run(o, "--quiet --out real --log real.jsonl --data points.csv --threads 1 --checkpoint 5 --steps 11");
    char *other = read_file("other.jsonl", NULL);
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        if (system("rm -rf forged && cp -r real forged && rm -f forged/checkpoint.previous.safetensors") != 0)
            abort();
        forge("forged/checkpoint.safetensors", cases[k].key, cases[k].value);
        pid_t child = start(o, "--quiet --out forged --resume --epochs 4");
        alarm(60);
        int code = finish(child);
        check(t, file_has("err", cases[k].message) && code == cases[k].code, cases[k].key);
        alarm(0);
    }
    check(t, contains("notes.txt", "what is nowhere else\n") && contains("other.jsonl", other),
          "no file is touched that is not this run's log");
    free(other);
    forge("real/checkpoint.safetensors", "option.threads", "2");
    check(t, run(o, "--quiet --out real --resume --epochs 4") == 0 && contains("real.jsonl", "\"epochs\""),
          "what may be otherwise is taken, and the stored log is gone on with");
}

// Files that are not a run's own are left alone, whatever they are called.
static void test_others_files(Tests *t) {
    static const char *const names[] = {
        "my.safetensors.new",   "r.jsonl.tmp.txt",         "checkpoint.previous.safetensors.tmp",
        "log.jsonl.new",        "weights.safetensors.new", "weights.safetensors.tmp.1",
        "my.safetensors.nn-new"};
    static const char *const own[] = {"weights.safetensors", "log.jsonl", "checkpoint.safetensors",
                                      "checkpoint.previous.safetensors"};
    char path[128];
    mkdir("shared", 0777);
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        snprintf(path, sizeof path, "shared/%s", names[k]);
        write_file(path, "mine");
    }
    // What stands under a temporary name is not written through.
    for (size_t k = 0; k < sizeof own / sizeof *own; k++) {
        snprintf(path, sizeof path, "shared/%s.nn-new", own[k]);
        check(t, symlink("../notes.txt", path) == 0, path);
    }
    check(t,
          run(&short_run, "--quiet --out shared --steps 7 --checkpoint 2") == 0 &&
              run(&short_run, "--quiet --out shared --resume --epochs 4 --checkpoint 2") == 0 &&
              run(&short_run, "--quiet --out shared --seed 2 --checkpoint 2") == 0,
          "three runs");
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        snprintf(path, sizeof path, "shared/%s", names[k]);
        check(t, contains(path, "mine"), names[k]);
    }
    check(t, contains("notes.txt", "what is nowhere else\n"), "and links are not followed");
    check(t,
          mkdir("taken", 0777) == 0 && mkdir("taken/weights.safetensors", 0777) == 0 &&
              run(&short_run, "--quiet --out taken") == NN_FILE && file_has("err", "is a directory") &&
              !nn_file_exists("taken/checkpoint.safetensors"),
          "a directory is not written over, and nothing else then");
}

// A log is not written over what is no log, another run's, or what the run reads or writes otherwise.
static void test_log_names(Tests *t) {
    const FakeOptions *o = &short_run;
    char *points = read_file("points.csv", NULL), *other = read_file("other.jsonl", NULL);
    check(t,
          run(o, "--quiet --out logs --log notes.txt") == NN_FILE &&
              file_has("err", "notes.txt is not a log"),
          "--log takes no other file");
    check(t, run(o, "--quiet --out logs --log points.csv") == NN_USAGE && file_has("err", "read here"),
          "--log is not the data");
    check(t,
          link("points.csv", "same.csv") == 0 && run(o, "--quiet --out logs --log same.csv") == NN_USAGE &&
              contains("points.csv", points),
          "nor the data by another name");
    check(t,
          run(o, "--quiet --out logs --log logs/log.jsonl") == NN_USAGE &&
              run(o, "--quiet --out logs --log ./logs/../logs/checkpoint.safetensors") == NN_USAGE,
          "nor what the run writes itself");
    check(t,
          run(o, "--quiet --out logs --steps 5") == 0 &&
              run(o, "--quiet --out logs --resume --epochs 4 --log other.jsonl") == NN_FILE &&
              contains("other.jsonl", other),
          "a resumed run takes no other run's log");
    check(t,
          run(o, "--quiet --out logs --resume --epochs 4 --log later.jsonl") == 0 &&
              file_has("later.jsonl", "\"step\": 6,"),
          "but begins a new one");
    FakeOptions inside = *o;
    inside.csv = "logs/log.jsonl";
    check(t,
          rename("points.csv", "logs/log.jsonl") == 0 && run(&inside, "--quiet --out logs") == NN_USAGE &&
              contains("logs/log.jsonl", points) && rename("logs/log.jsonl", "points.csv") == 0,
          "data are not written over");
    check(t, run(o, "--quiet --out logs --data /dev/full") == NN_FILE && file_has("err", "is a device"),
          "a device has no end");
    free(points);
    free(other);
}

static void test_kill(Tests *t) {
    FakeOptions o = {.csv = "points.csv", .batch = 2, .epochs = 400, .steps = -1, .split = NN_SPLIT_RANDOM};
    run(&o, "--quiet --out whole");
    unsigned random = 1;
    bool all = true;
    for (int round = 0; round < 4 && all; round++) {
        int code = 1;
        for (int tries = 0; tries < 25 && code != 0; tries++) {
            pid_t child = start(&o, tries == 0 ? "--quiet --out killed --checkpoint 20"
                                               : "--quiet --out killed --checkpoint 20 --resume");
            random = random * 1103515245 + 12345;
            struct timespec wait = {0, (long)(random >> 8) % 9000000};
            if (tries < 12) nanosleep(&wait, NULL);
            if (tries < 12) kill(child, SIGKILL);
            code = finish(child);
            all = all && (code == 0 || code == 1000 + SIGKILL);
        }
        all = all && code == 0 && same_files("whole/weights.safetensors", "killed/weights.safetensors");
    }
    check(t, all, "killed at any moment and resumed, the weights are the same");
    pid_t child = start(&o, "--quiet --out asked --epochs 100000000");
    struct timespec wait = {0, 300000000};
    nanosleep(&wait, NULL);
    kill(child, SIGINT);
    check(t, finish(child) == 130 && file_has("asked/log.jsonl", "\"reason\": \"signal\""),
          "SIGINT saves and leaves with 130");
    static const int others[] = {SIGTERM, SIGHUP};
    for (int k = 0; k < 2; k++) {
        child = start(&o, "--quiet --out asked --resume");
        nanosleep(&wait, NULL);
        kill(child, others[k]);
        check(t, finish(child) == 128 + others[k] && file_has("asked/log.jsonl", "\"reason\": \"signal\""),
              "SIGTERM and SIGHUP save and leave with 143 and 129");
    }
    child = start(&o, "--quiet --out asked --resume");
    nanosleep(&wait, NULL);
    check(t, run(&o, "--quiet --out asked") == NN_FILE && file_has("err", "another trainer"),
          "a run directory has one trainer");
    kill(child, SIGKILL);
    finish(child);
}

static void test_two_signals(Tests *t) {
    FakeOptions o = {.csv = "points.csv", .batch = 8, .epochs = 3, .steps = -1, .split = NN_SPLIT_RANDOM};
    struct timespec wait = {0, 300000000};
    for (int signals = 1; signals <= 2; signals++) {
        char out[16], command[64], log[32], checkpoint[64];
        snprintf(out, sizeof out, "slow_%d", signals);
        snprintf(command, sizeof command, "--quiet --out %s", out);
        snprintf(log, sizeof log, "%s/log.jsonl.nn-new", out);
        snprintf(checkpoint, sizeof checkpoint, "%s/checkpoint.safetensors", out);
        setenv("FAKE_SLOW", "1", 1);
        pid_t child = start(&o, command);
        unsetenv("FAKE_SLOW");
        // The log is opened right before the first step.
        for (int k = 0; k < 100 && access(log, F_OK) != 0; k++) nanosleep(&wait, NULL);
        nanosleep(&wait, NULL);
        for (int k = 0; k < signals; k++) {
            kill(child, SIGINT);
            nanosleep(&wait, NULL);
        }
        int code = finish(child);
        check(t, code == 130 && (access(checkpoint, F_OK) == 0) == (signals == 1),
              signals == 1 ? "one signal waits for the step and saves"
                           : "a second signal leaves in the middle of a step");
    }
}

// Lines of a log that hold both texts.
static int lines_with(const char *path, const char *one, const char *other) {
    char *bytes = read_file(path, NULL), *rest = bytes, *line;
    int count = 0;
    while (bytes != NULL && (line = strsep(&rest, "\n")) != NULL)
        count += strstr(line, one) != NULL && strstr(line, other) != NULL;
    free(bytes);
    return count;
}

static bool folds_have(const char *path, int steps) {
    bool all = true;
    for (int k = 0; k < 3; k++) {
        char fold[32];
        snprintf(fold, sizeof fold, "\"fold\": %d,", k);
        int found = lines_with(path, fold, "\"step\", ");
        all = all && found == steps && lines_with(path, fold, "\"end\", ") == 1;
        if (!all) printf("%s: fold %d has %d steps\n", path, k, found);
    }
    return all && lines_with(path, "event", "") == lines_with(path, "fold", "");
}

// One file has the lines of all folds; a run replaces and continues its own fold's alone.
static void test_log_of_folds(Tests *t, const FakeOptions *o) {
    check(t, run(o, "--quiet --out many --log many.jsonl --steps 6") == 0 && folds_have("many.jsonl", 6),
          "the log has every fold");
    check(t, run(o, "--quiet --out many --log many.jsonl --steps 5") == 0 && folds_have("many.jsonl", 5),
          "another run's lines take their place");
    check(t, run(o, "--quiet --out many --resume --steps 8") == 0 && folds_have("many.jsonl", 8),
          "resumed, each goes on after its own");
    check(t,
          run(o, "--quiet --out many --resume --log new.jsonl --steps 9") == 0 && folds_have("new.jsonl", 1),
          "or in another file");
    check(t,
          run(o, "--quiet --out many --log many.jsonl --steps 8 --fold 1") == 0 &&
              folds_have("many.jsonl", 8),
          "one fold alone leaves the others' lines");
    write_file("notes", "not a log\n");
    check(t, run(o, "--quiet --out many --resume --fold 2 --log notes --steps 11") == NN_FILE,
          "what is no log is refused");
}

static void test_commands(Tests *t) {
    FakeOptions o = {.csv = "points.csv", .batch = 8, .epochs = 3, .steps = -1, .split = NN_SPLIT_RANDOM};
    run(&o, "--quiet --out a --log full.jsonl");
    check(t, file_has("full.jsonl", "\"event\": \"step\", \"step\": 1, \"epoch\": 0"),
          "--log has every step");
    write_file("in", "a\n1\n");
    check(t,
          run(&o, "predict --out a") == NN_DATA &&
              file_has("err", "trained on [\"a\",\"b\",\"y\",\"kind\"], found [\"a\"]"),
          "predict needs the inputs' columns");
    write_file("in", "a,b\n1,2\n3,4\n");
    check(t, run(&o, "predict --out a --format json") == 0 && file_has("out", "{\"y_hat\": "),
          "predict prints JSON");
    check(t, run(&o, "predict --out a --labels") == NN_USAGE, "--labels needs logits");
    unlink("in");
    check(t, run(&o, "data --part test --out a") == 0 && file_has("out", "x_0,x_1,y,kind\n"),
          "data prints the rows");
    check(t, run(&o, "info --json --out a") == 0 && file_has("out", "\"params\": 3"), "info");
    check(t, run(&o, "--help") == 0 && file_has("out", "optimizer.lr=0.05"),
          "help lists the program's numbers");
    check(t, run(&o, "evel") == NN_USAGE && file_has("err", "did you mean eval"), "a misspelt command");
    check(t, run(&o, "--ecpochs 3") == NN_USAGE && file_has("err", "did you mean --epochs"),
          "a misspelt option");
    check(t, run(&o, "--epochs three") == NN_USAGE && file_has("err", "found three"),
          "a number that is none");
    check(t, run(&o, "--set optimizer.rl=1") == NN_USAGE && file_has("err", "did you mean optimizer.lr"),
          "a misspelt number");
    check(t, run(&o, "eval --weights points.csv") == NN_DATA, "weights that are none");
    check(t, run(&o, "eval --out void") == NN_FILE && file_has("err", "train first"), "no weights yet");
    o.folds = 3;
    o.split = NN_SPLIT_FOLDS;
    check(t,
          run(&o, "--quiet --out folds") == 0 && file_has("out", "over 3 folds") &&
              nn_file_exists("folds/fold_2/weights.safetensors"),
          "folds are trained in turn");
    check(t, run(&o, "eval --fold 1 --out folds") == 0, "one fold is measured");
    test_log_of_folds(t, &o);
}

static void test_data(Tests *t) {
    FakeOptions o = {.csv = "bad.csv", .batch = 8, .epochs = 1, .steps = -1, .split = NN_SPLIT_NONE};
    static const struct {
        const char *csv, *message;
    } cases[] = {
        {"", "empty file"},
        {"a,b,y,kind\n", "no rows"},
        {"a,b,y\n1,2,3\n", "bad.csv:1: expected a column called \"kind\", found [\"a\",\"b\",\"y\"]"},
        {"a,b,y,kind\n1,2,3\n", "bad.csv:2: expected 4 cells, found 3"},
        {"a,b,y,kind\n1,x,3,0\n", "bad.csv:2:3: expected a number in column 1, found \"x\""},
        {"a,b,y,kind\n1,2,nan,0\n", "bad.csv:2:5: expected a number in column \"y\", found \"nan\""},
        {"a,b,y,kind\n1,0x10,3,0\n", "found \"0x10\""},
        {"a,b,y,kind\n1,2,3,0\n\n1,2,3,2\n",
         "bad.csv:4:7: expected a class, a whole number 0 .. 1, found \"2\""},
        {"a,b,y,kind\n1,2,3,p\n1,2,3,q\n1,2,3,r\n",
         "expected 2 classes in field kind, found 3: \"p\", \"q\", \"r\""},
        {"a,b,y,kind\n1,2,3,\"p\n", "expected a closing quote"},
        {"a,b,y,kind\n1,2,3,\"p\"q\n", "after the closing quote"},
        {"a,y,y,kind\n1,2,3,0\n", "two columns are called \"y\""},
        {"a,b,y,kind\n1,1e999,3,0\n", "found \"1e999\""},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        write_file("bad.csv", cases[k].csv);
        check(t, run(&o, "--quiet --out bad") == NN_DATA && file_has("err", cases[k].message),
              cases[k].message);
    }
    write_file("bad.csv", "\xef\xbb\xbf"
                          "a,b,y,kind\r\n 1 ,\"2\",3,0\r\n\r\n4,5.5e0,-6,1");
    check(t, run(&o, "--quiet --out bad") == 0,
          "a byte-order mark, blanks, quotes, CRLF and no last newline are fine");
    unlink("bad.csv");
    check(t, run(&o, "--quiet --out bad") == NN_FILE && file_has("err", "bad.csv"), "a missing file");
}

int main(void) {
    Tests t = {0};
    snprintf(t.folder, sizeof t.folder, "%s/nn_trainer_test_XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (mkdtemp(t.folder) == NULL || chdir(t.folder) != 0) return 1;
    make_points("points.csv", 83);
    test_runs(&t);
    test_resume(&t);
    test_damage(&t);
    test_forged(&t);
    test_others_files(&t);
    test_log_names(&t);
    test_kill(&t);
    test_two_signals(&t);
    test_commands(&t);
    test_data(&t);
    char command[300];
    snprintf(command, sizeof command, "rm -rf %s", t.folder);
    if (chdir("/") != 0 || system(command) != 0) t.failed++;
    printf("%d passed, %d failed\n", t.passed, t.failed);
    return t.failed != 0;
}
