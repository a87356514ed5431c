// Every kernel of the step becomes a function of its own; they are run in their order on one thread, batch
// after batch, the whole step as one between them, and the processor's time-stamp counter is read around
// each; what takes long enough for other programs to come between is taken from the thread's own clock
// instead. A figure is the median over the batches, without what calling an empty function takes.
#include "inside/times.h"

#include "inside/inside.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { FIRST = 1000, LEAST_BATCHES = 5, MOST_BATCHES = 1001 }; // FIRST + i: the i-th kernel as a function
static const double SECONDS = .5;

typedef struct {
    const Schedule *step;
    Inside inside;
    int count;       // kernels; then the empty function, then the whole step
    double *samples; // of each, MOST_BATCHES
    int batches;
    double gigahertz; // of the counter
} Times;

// ---- a function for each kernel ---------------------------------------------------------------------------

static Schedule *function_of(Arena *arena, const Schedule *step, Kernel *k, int number) {
    Function *f = arena_new(arena, Function);
    Schedule *s = arena_new(arena, Schedule);
    *f = (Function){.name = string_format(arena, "%s.kernel.%d", step->function->name, number),
                    .kind = (FunctionKind)(FIRST + number)};
    *s = (Schedule){.function = f, .rows = step->rows};
    for (int i = 0; i < step->loops.count; i++) vec_push(arena, &s->loops, step->loops.data[i]);
    if (k) vec_push(arena, &s->kernels, k);
    return s;
}

static Kernels *apart(const Kernels *ks, const Schedule *step) {
    Arena *arena = ks->program->arena;
    Kernels *all = arena_new(arena, Kernels);
    *all = *ks;
    memset(&all->schedules, 0, sizeof all->schedules);
    for (int i = 0; i < ks->schedules.count; i++) vec_push(arena, &all->schedules, ks->schedules.data[i]);
    for (int i = 0; i <= step->kernels.count; i++) {
        Kernel *k = i < step->kernels.count ? step->kernels.data[i] : NULL;
        vec_push(arena, &all->schedules, function_of(arena, step, k, i));
    }
    return all;
}

// ---- measuring --------------------------------------------------------------------------------------------

static double seconds_now(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

// The counter's speed, by a clock, over some milliseconds.
static double gigahertz(void) {
    double start = seconds_now(CLOCK_MONOTONIC), now = start;
    uint64_t counter = __builtin_ia32_rdtsc();
    while (now - start < .01) now = seconds_now(CLOCK_MONOTONIC);
    return (double)(__builtin_ia32_rdtsc() - counter) / (now - start) * 1e-9;
}

static void sample(Times *t, int what, int32_t function) {
    static const double LONG = 50e-6; // seconds; reading the thread's clock takes a part of one
    double own = seconds_now(CLOCK_THREAD_CPUTIME_ID);
    uint64_t start = __builtin_ia32_rdtsc();
    t->inside.run(function, &t->inside.call, 0, 1);
    double cycles = (double)(__builtin_ia32_rdtsc() - start);
    own = seconds_now(CLOCK_THREAD_CPUTIME_ID) - own;
    t->samples[what * MOST_BATCHES + t->batches] =
        own > LONG ? fmin(cycles, own * t->gigahertz * 1e9) : cycles;
}

static void one_batch(Times *t) {
    t->inside.call.batch_number = (uint32_t)t->batches;
    inside_rows(&t->inside);
    for (int i = 0; i <= t->count; i++) sample(t, i, FIRST + i);
    inside_rows(&t->inside);
    sample(t, t->count + 1, NN_STEP);
}

// As in a trainer, subnormals are flushed.
static void measure(Times *t) {
    enum { FLUSH = 0x8040 };
    uint32_t before = __builtin_ia32_stmxcsr();
    __builtin_ia32_ldmxcsr(before | FLUSH);
    t->gigahertz = gigahertz();
    one_batch(t); // the first one fetches the code
    double start = seconds_now(CLOCK_MONOTONIC);
    while (t->batches < LEAST_BATCHES ||
           (t->batches < MOST_BATCHES && seconds_now(CLOCK_MONOTONIC) - start < SECONDS)) {
        one_batch(t);
        t->batches++;
    }
    __builtin_ia32_ldmxcsr(before);
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(Times *t, int what) {
    double *s = t->samples + what * MOST_BATCHES;
    qsort(s, (size_t)t->batches, sizeof *s, ascending);
    return s[t->batches / 2];
}

// ---- the table --------------------------------------------------------------------------------------------

// Ranks from 0; equal values share the mean of theirs.
static double rank_of(const double *values, int count, int which) {
    double rank = 0;
    for (int i = 0; i < count; i++)
        rank += values[i] < values[which] ? 1 : values[i] > values[which] || i == which ? 0 : .5;
    return rank;
}

static double rank_correlation(const double *a, const double *b, int count) {
    double mean = (count - 1) / 2.0, ab = 0, aa = 0, bb = 0;
    for (int i = 0; i < count; i++) {
        double x = rank_of(a, count, i) - mean, y = rank_of(b, count, i) - mean;
        ab += x * y;
        aa += x * x;
        bb += y * y;
    }
    return aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : 1;
}

static void put_row(Text *out, const char *name, double estimated, double measured, const char *what) {
    text_add(out, "%4s %12.0f %12.0f %8.2f  %s\n", name, estimated, measured,
             estimated > 0 ? measured / estimated : 0, what);
}

static void put_table(Times *t, Arena *arena, Text *out) {
    double *estimated = arena_array(arena, double, t->count + 1),
           *measured = arena_array(arena, double, t->count + 1);
    double empty = median(t, t->count), whole = fmax(median(t, t->count + 1) - empty, 0), sums[2] = {0, 0};
    text_add(out,
             "\n# time: kernel, estimated cycles, measured cycles, measured / estimated, result; one thread, "
             "%lld rows, median of %d steps, a counter of %.2f GHz\n",
             (long long)t->inside.call.rows, t->batches, t->gigahertz);
    for (int i = 0; i < t->count; i++) {
        const Kernel *k = t->step->kernels.data[i];
        const char *name = k->stages.data[0].equation->tensor->name;
        estimated[i] = k->cycles * kernel_runs(t->step, k);
        measured[i] = fmax(median(t, i) - empty, 0);
        sums[0] += estimated[i];
        sums[1] += measured[i];
        put_row(out, string_format(arena, "%d", k->id), estimated[i], measured[i],
                k->product_text ? string_format(arena, "%s; %s", name, k->product_text) : name);
    }
    put_row(out, "sum", sums[0], sums[1], "kernels one by one");
    put_row(out, "step", sums[0], whole,
            string_format(arena, "%.3f microseconds", whole / t->gigahertz * 1e-3));
    text_add(out, "# rank correlation of estimates and measurements: %.3f over %d kernels\n",
             rank_correlation(estimated, measured, t->count), t->count);
}

bool explain_times(Pipeline *p, Text *out) {
    Arena *arena = p->ctx->arena;
    Times t = {.step = NULL};
    for (int i = 0; i < p->kernels->schedules.count; i++)
        if (p->kernels->schedules.data[i]->function->kind == FUNCTION_STEP)
            t.step = p->kernels->schedules.data[i];
    if (!t.step) die("a program without a step");
    t.count = t.step->kernels.count;
    t.samples = calloc((size_t)(t.count + 2) * MOST_BATCHES, sizeof *t.samples);
    if (!t.samples) memory_exhausted(sizeof *t.samples);
    bool open = inside_open(&t.inside, p, apart(p->kernels, t.step), p->module->program->batch,
                            p->options->output.optimization);
    if (open) {
        measure(&t);
        put_table(&t, arena, out);
    }
    inside_close(&t.inside);
    free(t.samples);
    return open;
}
