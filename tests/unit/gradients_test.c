// Every layer and every differentiable function of the standard library under `nnc gradcheck`, found by
// walking the library's own text (support/calls.h). All arguments depend on parameters, so the derivative
// by each argument is checked too. A definition for which no program can be made is a failure, so a new one
// cannot go unchecked. Left out are only functions that draw or read the run's clock (initializers and
// schedules, compared by library_test) and what `nnc gradcheck` itself refuses as not yet compiled.
#include "support/calls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

// ---- running ----

static int gradcheck(const char *folder, const char *name, const char *program, char *said, size_t room) {
    char path[512], command[1200];
    snprintf(path, sizeof path, "%s/%s.nn", folder, name);
    FILE *f = fopen(path, "w");
    if (!f || fputs(program, f) < 0 || fclose(f)) return 3;
    snprintf(command, sizeof command, TEST_BUILD "/nnc gradcheck %s 2>&1", path);
    FILE *pipe = popen(command, "r");
    if (!pipe) return 3;
    size_t n = fread(said, 1, room - 1, pipe);
    said[n] = 0;
    while (fgetc(pipe) != EOF) continue;
    int status = pclose(pipe);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

enum { PASSED, FAILED };

static int check_item(Context *ctx, const LibraryItem *item, const char *folder) {
    static char said[1 << 16];
    const char *name = item->node->name;
    CallProgram program = call_program(ctx, item, CALLS_SMOOTH);
    if (program.problem) {
        printf("%s (%s): the test has no size or value for `%s`: a row of SIZES or VALUES\n", name,
               item->file, program.problem);
        return FAILED;
    }
    int status = gradcheck(folder, name, program.text, said, sizeof said);
    if (status == 0 && strstr(said, "all agree")) return PASSED;
    printf("%s (%s): gradcheck ends with %d\n%s%s\n", name, item->file, status, said, program.text);
    return FAILED;
}

// What must not pass: each program's derivative is wrong, in one place. Steps too small to be seen have slope
// 0.
static int check_wrong(const char *folder) {
    static const char *const WRONG[] = {"100 * x[n] * w + floor(1e9 * w) * 1e-9",
                                        "100 * w^2 - floor(1e9 * w) * 1e-9"};
    static char said[1 << 16];
    int bad = 0;
    for (size_t i = 0; i < sizeof WRONG / sizeof *WRONG; i++) {
        char program[1024];
        snprintf(program, sizeof program,
                 "data rows = synthetic(8) {\n    x = uniform(0, 1)\n}\nmodel net(x[batch]) -> y[batch] {\n  "
                 "  param w = 0.7\n"
                 "    param v = 0.2\n    y[n] = %s + v\n}\ntrain net on rows {\n    loss      = mean(y)\n    "
                 "optimizer = sgd(0.1)\n"
                 "    steps     = 1\n}\n",
                 WRONG[i]);
        int status = gradcheck(folder, "wrong", program, said, sizeof said);
        if (status != 5 || !strstr(said, "WRONG")) {
            printf("a wrong derivative (%s) ends with %d\n%s\n", WRONG[i], status, said);
            bad++;
        }
    }
    return bad;
}

static bool is_checked(const LibraryItem *item) {
    return item->node->definition == DEFINE_LAYER || (item->node->definition == DEFINE_FN && !item->of_run);
}

// Any words: only the definitions of these names.
static bool wanted(const char *name, int argc, char **argv) {
    for (int i = 1; i < argc; i++)
        if (!strcmp(name, argv[i])) return true;
    return argc == 1;
}

int main(int argc, char **argv) {
    char folder[] = "/tmp/nn-gradients.XXXXXX";
    Context *ctx = context_create();
    if (!mkdtemp(folder)) return 2;
    LibraryItems all = library_items(ctx);
    int counts[2] = {0}, running = 0, wrong = check_wrong(folder);
    for (int i = 0; i < all.count || running;) {
        while (i < all.count && running < 2) {
            const LibraryItem *item = &all.items[i++];
            if (!is_checked(item) || !wanted(item->node->name, argc, argv)) continue;
            fflush(stdout);
            if (fork() == 0) {
                int result = check_item(ctx, item, folder);
                fflush(stdout);
                _exit(result);
            }
            running++;
        }
        int status;
        if (!running || wait(&status) < 0) break;
        running--;
        counts[WIFEXITED(status) && WEXITSTATUS(status) == PASSED ? PASSED : FAILED]++;
    }
    char clean[128];
    snprintf(clean, sizeof clean, "rm -rf %s", folder);
    if (system(clean)) return 2;
    printf("%d passed, %d failed\n", counts[PASSED] + 3 - wrong, counts[FAILED] + wrong);
    context_destroy(ctx);
    return counts[FAILED] || wrong || !counts[PASSED];
}
