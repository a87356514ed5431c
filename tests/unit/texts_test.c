// Random programs as texts, all the way: every pass keeps what it promises, losses, parameters and states of
// two steps agree with the reference interpreter on the equations as they were differentiated, before any was
// simplified, once as nnc makes them and once with code that checks its subscripts; and what `nnc grad`
// prints is read again and is the derivative it was printed from (support/printed.h). What fails is printed
// with its seed. `texts_test FROM TO` runs more seeds, `texts_test SEED` prints the program too. Every run
// draws 0 .. 299, on two processes; tests/slow/texts.sh 10 000 others.
#include "programs/random_text.h"
#include "support/agree.h"
#include "support/printed.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STEPS = 2, EACH = 15, ONCE = 300 };

static const char *in_hand; // what is compiled, for those who look for the reason of a crash

static void crashed(int number) {
    ssize_t written = in_hand ? write(1, in_hand, strlen(in_hand)) : 0;
    (void)written;
    signal(number, SIG_DFL);
    raise(number);
}

typedef struct {
    int passed, failed, compared;
} Tally;

static void check_text(Tally *n, uint64_t seed, Pipeline *p, Pipeline *twin, PrintedCheck *printed,
                       const Way *way) {
    Arena *arena = arena_create();
    const char *text = random_text(arena, seed);
    in_hand = string_format(arena, "seed %llu\n%s", (unsigned long long)seed, text);
    Agreement a = {.seed = seed};
    agree_text(&a, p, twin, text, way, seed % 8 == 0, STEPS,
               way->precision == PRECISION_DOUBLE ? 1e-8 : 1e-2);
    printed->passed = printed->failed = 0;
    printed->path = string_format(arena, "seed %llu", (unsigned long long)seed);
    printed_check(printed, text, false);
    n->compared += a.passed > 0;
    n->passed += a.passed + printed->passed;
    n->failed += a.failed + printed->failed;
    if (a.failed + printed->failed) printf("%s", in_hand);
    fflush(stdout);
    in_hand = NULL;
    arena_destroy(arena);
}

// So many seeds with one copy of the library in memory.
static void check_some(Tally *n, uint64_t from, uint64_t to) {
    const Way *way = way_of(from / EACH);
    PipelineOptions options = {.path = "text.nn", .cpu = way->cpu, .verify = true};
    options.compile.precision = way->precision;
    options.compile.precision_given = true;
    Pipeline *p = pipeline_create(&options), *twin = pipeline_create(&options);
    PrintedCheck printed = {.interpreted = true};
    printed_open(&printed, true);
    for (uint64_t seed = from; seed < to; seed++) check_text(n, seed, p, twin, &printed, way);
    printed_close(&printed);
    pipeline_destroy(p);
    pipeline_destroy(twin);
}

static Tally check_range(uint64_t from, uint64_t to) {
    Tally n = {0};
    for (uint64_t at = from; at < to; at += EACH) check_some(&n, at, at + EACH < to ? at + EACH : to);
    return n;
}

// The same, the first half by another process.
static Tally check_halves(uint64_t from, uint64_t to) {
    int ends[2], status;
    Tally first = {0}, n = {0};
    if (pipe(ends)) return (Tally){.failed = 1};
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        first = check_range(from, (from + to) / 2);
        _exit(write(ends[1], &first, sizeof first) != sizeof first);
    }
    if (child > 0) n = check_range((from + to) / 2, to);
    close(ends[1]);
    bool whole = child > 0 && read(ends[0], &first, sizeof first) == sizeof first;
    if (child > 0 && waitpid(child, &status, 0) == child && status) whole = false;
    if (!whole)
        printf("seeds %llu to %llu are not whole\n", (unsigned long long)from,
               (unsigned long long)(from + to) / 2);
    return (Tally){n.passed + first.passed, n.failed + first.failed + !whole, n.compared + first.compared};
}

int main(int count, char **args) {
    uint64_t from = count > 1 ? strtoull(args[1], NULL, 10) : 0,
             to = count > 2 ? strtoull(args[2], NULL, 10) : from + 1;
    if (count == 1) to = ONCE;
    signal(SIGABRT, crashed);
    signal(SIGSEGV, crashed);
    signal(SIGFPE, crashed);
    signal(SIGILL, crashed); // a subscript leaves its bounds
    if (count == 2) {
        Arena *arena = arena_create();
        printf("%s", random_text(arena, from));
        arena_destroy(arena);
    }
    Tally n = count == 1 ? check_halves(from, to) : check_range(from, to);
    int empty = (int)(to - from) - n.compared; // nothing was compared: the loss is no number
    printf("%d of %d programs give nothing to compare\n", empty, (int)(to - from));
    if (to - from >= ONCE && empty * 20 > (int)(to - from)) n.failed++;
    printf("%d passed, %d failed\n", n.passed, n.failed);
    return n.failed != 0 || !n.passed;
}
