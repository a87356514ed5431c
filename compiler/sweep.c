// `nnc sweep`: every combination of settings with every seed, each a run of its own (`nnc run`, in a process
// and a folder of its own), some at a time; then one table of what they came to. Guarantees: what has ended
// is not run again, what was cut off goes on from its checkpoint, so that a sweep that was killed ends with
// the same table; a folder holds one sweep.
#include "commands.h"
#include "report/report.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct {
    const char *name;
    VEC(const char *) values;
} Swept;

typedef struct {
    const char *const *values; // of each axis
    const char *seed;          // NULL: the program's
    const char *folder;
    pid_t process;
    int status; // the exit code; -1: not run
} Job;

typedef struct {
    Context *ctx;
    const Options *o;
    const char *out;
    VEC(Swept *) axes;
    VEC(const char *) seeds;
    VEC(Job *) jobs; // those of one seed, in the order of the combinations, then those of the next
    int combinations;
} Sweep;

#define refuse(...) (fputs("nnc: error: ", stderr), say(stderr, __VA_ARGS__), fputs("\n", stderr), NN_USAGE)

// ---- what is swept ----------------------------------------------------------------------------------------

static bool read_number(const char *text, size_t length, double *value) {
    return nn_number_parse(text, length, value);
}

// a..b:log:n, a..b:lin:n; a..b of whole numbers. False: it is none of these.
static bool read_range(Arena *arena, const char *text, Swept *axis) {
    const char *dots = strstr(text, ".."), *colon = dots ? strchr(dots, ':') : NULL;
    double low, high, count = 0;
    if (!dots) return false;
    size_t rest = colon ? (size_t)(colon - dots - 2) : strlen(dots + 2);
    if (!read_number(text, (size_t)(dots - text), &low) || !read_number(dots + 2, rest, &high)) return false;
    bool log = colon && !strncmp(colon, ":log:", 5), lin = colon && !strncmp(colon, ":lin:", 5);
    if (colon && !((log || lin) && read_number(colon + 5, strlen(colon + 5), &count))) return false;
    if (!colon) count = high - low + 1;
    bool whole = colon || (low == floor(low) && high == floor(high) && high >= low);
    if (!whole || count != floor(count) || count < 2 - !colon || count > 10000 ||
        (log && (low <= 0 || high <= 0)))
        return false;
    for (int k = 0; k < (int)count; k++) {
        double share = count > 1 ? k / (count - 1) : 0;
        char number[NN_NUMBER_ROOM];
        double value = log ? low * pow(high / low, share) : low + (high - low) * share;
        // To six digits, so that a value can be said again.
        snprintf(number, sizeof number, "%.6g", value);
        vec_push(arena, &axis->values, string_copy(arena, number, strlen(number)));
    }
    return true;
}

static bool read_axis(Arena *arena, const char *text, Swept *axis) {
    if (strstr(text, "..") && !strchr(text, ',')) return read_range(arena, text, axis);
    for (const char *at = text;; at++) {
        size_t n = strcspn(at, ",");
        if (!n) return false;
        vec_push(arena, &axis->values, string_copy(arena, at, n));
        at += n;
        if (!*at) return true;
    }
}

static int read_axes(Sweep *s) {
    Arena *arena = s->ctx->arena;
    Swept *seeds = arena_new(arena, Swept);
    for (int i = 0; i < s->o->list[OPTION_SET].count; i++) {
        const char *text = s->o->list[OPTION_SET].data[i], *equals = strchr(text, '=');
        Swept *axis = arena_new(arena, Swept);
        axis->name = string_copy(arena, text, (size_t)(equals - text));
        if (!read_axis(arena, equals + 1, axis))
            return refuse("--set %s: expected values (32,64), a..b:log:n or a..b:lin:n", text);
        vec_push(arena, &s->axes, axis);
    }
    if (s->o->value[OPTION_SEED] && !read_axis(arena, s->o->value[OPTION_SEED], seeds))
        return refuse("--seed %s: expected seeds (0,7) or A..B", s->o->value[OPTION_SEED]);
    for (int i = 0; i < seeds->values.count; i++) vec_push(arena, &s->seeds, seeds->values.data[i]);
    if (!s->seeds.count) vec_push(arena, &s->seeds, NULL);
    return NN_OK;
}

// ---- runs -------------------------------------------------------------------------------------------------

// The k-th combination, the last axis changing first; or, of --trials, a drawn one.
static const char *const *combination(const Sweep *s, int k, bool drawn) {
    const char **values = arena_array(s->ctx->arena, const char *, s->axes.count + 1);
    for (int a = s->axes.count - 1; a >= 0; a--) {
        const Swept *axis = s->axes.data[a];
        uint64_t key[2] = {(uint64_t)k, (uint64_t)a}, pick = hash_bytes((const char *)key, sizeof key, 1);
        values[a] =
            axis->values.data[drawn ? (int)(pick % (uint64_t)axis->values.count) : k % axis->values.count];
        k = drawn ? k : k / axis->values.count;
    }
    return values;
}

static int make_jobs(Sweep *s) {
    enum { MOST = 100000 };
    Arena *arena = s->ctx->arena;
    int64_t all = 1, trials = options_count(s->o, OPTION_TRIALS);
    every (axis, s->axes) all = all > MOST ? all : all * axis->values.count;
    s->combinations = (int)(trials ? trials : all);
    if (all > MOST || trials > MOST || s->combinations * (int64_t)s->seeds.count > MOST)
        return refuse("a sweep of more than %d runs", MOST);
    for (int i = 0; i < s->seeds.count; i++) {
        for (int k = 0; k < s->combinations; k++) {
            Job *job = arena_new(arena, Job);
            Text name = {.arena = arena};
            *job = (Job){.values = combination(s, k, trials > 0), .seed = s->seeds.data[i], .status = -1};
            for (int a = 0; a < s->axes.count; a++)
                text_add(&name, "%s%s=%s", a ? "," : "", s->axes.data[a]->name, job->values[a]);
            if (job->seed) text_add(&name, "%sseed=%s", s->axes.count ? "," : "", job->seed);
            if (!s->axes.count && !job->seed) text_put(&name, "run");
            char *folder = string_copy(arena, text_string(&name), strlen(text_string(&name)));
            for (char *c = folder; *c; c++)
                if (*c == '/') *c = '_';
            job->folder = string_format(arena, "%s/%s", s->out, folder);
            vec_push(arena, &s->jobs, job);
        }
    }
    return NN_OK;
}

static bool has_ended(const Job *job, nn_context *ctx, nn_story *story) {
    bool read = nn_story_read(ctx, job->folder, story) == NN_OK && story->end.at != NULL;
    nn_forget(ctx);
    return read && !nn_story_is(story->end, "reason", "signal") &&
           !nn_story_is(story->end, "reason", "error");
}

// The command line of one run: this program's `run`, with its options.
static char **command_line(const Sweep *s, const Job *job, int threads) {
    static const Option kept[] = {OPTION_CPU,       OPTION_TARGET, OPTION_BLAS,
                                  OPTION_PRECISION, OPTION_BATCH,  OPTION_MEMORY_LIMIT};
    Arena *arena = s->ctx->arena;
    VEC(char *) all = {0};
#define WORD(text) vec_push(arena, &all, string_format(arena, "%s", text))
    WORD("nnc");
    WORD("run");
    WORD(s->o->file);
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        if (!s->o->value[kept[i]]) continue;
        WORD(option_spelling(kept[i]));
        WORD(s->o->value[kept[i]]);
    }
    if (s->o->value[OPTION_OPTIMIZE]) WORD(string_format(arena, "-O%s", s->o->value[OPTION_OPTIMIZE]));
    if (s->o->value[OPTION_DENSE]) WORD("--dense");
    for (int i = 0; i < s->o->list[OPTION_LIBRARY].count; i++) {
        WORD("--library");
        WORD(s->o->list[OPTION_LIBRARY].data[i]);
    }
    for (int a = 0; a < s->axes.count; a++)
        if (strcmp(s->axes.data[a]->name, "lr") != 0)
            WORD(string_format(arena, "--set=%s=%s", s->axes.data[a]->name, job->values[a]));
    WORD("--");
    for (int a = 0; a < s->axes.count; a++)
        if (!strcmp(s->axes.data[a]->name, "lr"))
            WORD(string_format(arena, "--lr=%s", job->values[a])); // of any schedule
    if (job->seed) WORD(string_format(arena, "--seed=%s", job->seed));
    WORD(string_format(arena, "--out=%s", job->folder));
    WORD(string_format(arena, "--threads=%d", threads));
    WORD("--quiet");
    if (nn_file_exists(string_format(arena, "%s/checkpoint.safetensors", job->folder))) WORD("--resume");
    for (int i = 0; i < s->o->rest_count; i++) WORD(s->o->rest[i]);
#undef WORD
    vec_push(arena, &all, NULL);
    return all.data;
}

static void start(const Sweep *s, Job *job, int threads) {
    char **words = command_line(s, job, threads);
    job->process = fork();
    if (job->process) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL); // a sweep that was killed leaves no runs that hold their folders
    int nothing = open("/dev/null", O_RDWR);
    dup2(nothing, 0);
    dup2(nothing, 1);
    memory_bound(s->o->memory);
    execv("/proc/self/exe", words);
    _exit(NN_FILE);
}

// One of the runs that go on has ended; tells how many have.
static int wait_for_one(const Sweep *s, int done, bool shown) {
    int status;
    pid_t ended = wait(&status);
    every (job, s->jobs) {
        if (job->process != ended || ended <= 0) continue;
        job->process = 0;
        job->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        if (job->status) say(stderr, "warning: %s: exit code %d\n", job->folder, job->status);
    }
    if (shown) fprintf(stderr, "\r%d of %d runs\033[K", done + 1, s->jobs.count);
    return done + 1;
}

// A program or a command line that is wrong is wrong in every run: the first one that says so is the last one
// that is begun.
static bool is_hopeless(const Sweep *s) {
    every (job, s->jobs)
        if (job->status == NN_PROGRAM || job->status == NN_USAGE) return true;
    return false;
}

static int run_all(Sweep *s, nn_context *ctx, nn_story *stories) {
    int cores = (int)sysconf(_SC_NPROCESSORS_ONLN), going = 0, done = 0, first = NN_OK;
    int jobs = s->o->value[OPTION_JOBS] ? (int)options_count(s->o, OPTION_JOBS) : cores > 0 ? cores : 1;
    bool shown = isatty(2);
    for (int k = 0; k < s->jobs.count && !is_hopeless(s); k++) {
        if (has_ended(s->jobs.data[k], ctx, &stories[k])) {
            done++;
            continue;
        }
        start(s, s->jobs.data[k], cores > jobs ? cores / jobs : 1);
        // The first run alone, so that what is wrong with all is said once.
        for (going++; going == jobs || (going == 1 && done == 0 && k == 0); going--)
            done = wait_for_one(s, done, shown);
    }
    for (; going > 0; going--) done = wait_for_one(s, done, shown);
    if (shown) fputs("\r\033[K", stderr);
    for (int k = 0; k < s->jobs.count; k++) {
        if (!first && s->jobs.data[k]->status > 0) first = s->jobs.data[k]->status;
        has_ended(s->jobs.data[k], ctx, &stories[k]);
    }
    return first;
}

// ---- the table --------------------------------------------------------------------------------------------

static void put_number(double value, const char *format, int wide) {
    char text[NN_NUMBER_ROOM] = "-";
    if (isfinite(value)) snprintf(text, sizeof text, format, value); // NOLINT: one of ours
    say(stdout, "%*s  ", wide, text);
}

static void print_table(Sweep *s, nn_context *ctx, const nn_story *stories) {
    const char *by = s->o->value[OPTION_BY], *colon = by ? strrchr(by, ':') : NULL;
    bool most = colon && !strcmp(colon, ":most");
    if (!by) by = nn_sweep_by(stories, s->jobs.count);
    if (most) by = string_copy(s->ctx->arena, by, (size_t)(colon - by));
    nn_sweep_row *rows = arena_array(s->ctx->arena, nn_sweep_row, s->combinations);
    nn_story *of = nn_get(ctx, (uint64_t)s->seeds.count, sizeof *of);
    for (int k = 0; k < s->combinations && of; k++) {
        for (int i = 0; i < s->seeds.count; i++) of[i] = stories[i * s->combinations + k];
        rows[k] = (nn_sweep_row){.order = k, .count = s->seeds.count};
        nn_sweep_measure(&rows[k], of, by);
    }
    nn_sweep_sort(rows, s->combinations, most);
    int wide = (int)strlen(by) > 12 ? (int)strlen(by) : 12;
    for (int a = 0; a < s->axes.count; a++) say(stdout, "%-12s  ", s->axes.data[a]->name);
    say(stdout, "%*s  %10s  %5s\n", wide, by, "deviation", "runs");
    for (int k = 0; k < s->combinations; k++) {
        const Job *job = s->jobs.data[rows[k].order];
        for (int a = 0; a < s->axes.count; a++) say(stdout, "%-12s  ", job->values[a]);
        put_number(rows[k].mean, "%.6g", wide);
        put_number(rows[k].deviation, "%.3g", 10);
        say(stdout, "%5d\n", rows[k].ended);
    }
}

// ---- the command ------------------------------------------------------------------------------------------

// The folder is this sweep's, or becomes it.
static int take_folder(const Sweep *s, const char *digest) {
    Text text = {.arena = s->ctx->arena};
    text_add(&text, "%s%s", digest, s->o->value[OPTION_SEED] ? s->o->value[OPTION_SEED] : "");
    for (int i = 0; i < s->o->rest_count; i++) text_add(&text, " %s", s->o->rest[i]);
    text_add(&text, " %d\n", s->combinations);
    const char *path = string_format(s->ctx->arena, "%s/sweep.txt", s->out), *own = text_string(&text);
    nn_context ctx = {0};
    unsigned char *bytes;
    uint64_t size;
    if (mkdir(s->out, 0777) && errno != EEXIST) {
        say(stderr, "nnc: error: cannot make the folder %s: %s\n", s->out, strerror(errno));
        return NN_FILE;
    }
    int status = NN_OK;
    if (nn_file_exists(path)) {
        bool same = nn_file_read(&ctx, path, &bytes, &size) == NN_OK && string_equal((char *)bytes, own);
        if (!same)
            status = refuse("%s holds another sweep: take it away, or -o names another folder", s->out);
    } else {
        FILE *file = fopen(path, "w");
        bool written = file && fputs(own, file) >= 0;
        if (file && fclose(file)) written = false;
        if (!written) say(stderr, "nnc: error: cannot write %s: %s\n", path, strerror(errno));
        status = written ? NN_OK : NN_FILE;
    }
    nn_context_end(&ctx);
    return status;
}

int sweep_run(Context *ctx, const Options *o, const char *digest) {
    Sweep s = {.ctx = ctx, .o = o, .out = o->value[OPTION_OUTPUT]};
    const char *slash = strrchr(o->file, '/'), *name = slash ? slash + 1 : o->file;
    size_t stem = strlen(name) > 3 ? strlen(name) - 3 : strlen(name);
    if (!s.out) s.out = string_format(ctx->arena, "%.*s.sweep", (int)stem, name);
    int status = read_axes(&s);
    if (!status) status = make_jobs(&s);
    if (!status) status = take_folder(&s, digest);
    if (status) return status;
    nn_context logs = {0};
    nn_story *stories = nn_get(&logs, (uint64_t)s.jobs.count, sizeof *stories);
    status = stories ? run_all(&s, &logs, stories) : NN_MEMORY;
    if (stories && !is_hopeless(&s)) print_table(&s, &logs, stories);
    nn_context_end(&logs);
    return status;
}
