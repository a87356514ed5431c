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
    int64_t combination;
    const char *const *values; // of each axis
    const char *seed;          // NULL: the program's
    const char *folder;
    pid_t process;
    int status;     // the exit code; -1: not run
    int64_t epochs; // 0: the program's
    int rounds;     // that it has come through
} Job;

typedef struct {
    Context *ctx;
    const Options *o;
    const char *out;
    VEC(Swept *) axes;
    Swept seeds;
    VEC(Job *) jobs; // those of one seed, in the order of the combinations, then those of the next
    int64_t all;     // combinations that there are
    int combinations;
    const char *by; // what they are compared by
    bool most;
} Sweep;

#define refuse(...) (fputs("nnc: error: ", stderr), say(stderr, __VA_ARGS__), fputs("\n", stderr), NN_USAGE)

// ---- what is swept ----------------------------------------------------------------------------------------

// a..b:log:n, a..b:lin:n; a..b of whole numbers. False: it is none of these.
static bool read_range(Arena *arena, const char *text, Swept *axis) {
    const char *dots = strstr(text, ".."), *colon = dots ? strchr(dots, ':') : NULL;
    double low, high, count = 0;
    if (!dots) return false;
    size_t rest = colon ? (size_t)(colon - dots - 2) : strlen(dots + 2);
    if (!nn_number_parse(text, (size_t)(dots - text), &low) || !nn_number_parse(dots + 2, rest, &high))
        return false;
    bool log = colon && !strncmp(colon, ":log:", 5), lin = colon && !strncmp(colon, ":lin:", 5);
    if (colon && !((log || lin) && nn_number_parse(colon + 5, strlen(colon + 5), &count))) return false;
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

static int take_axis(Arena *arena, const char *option, const char *text, const char *expected, Swept *axis) {
    if (!read_axis(arena, text, axis)) return refuse("%s: expected %s", option, expected);
    for (int i = 0; i < axis->values.count; i++) {
        for (int k = 0; k < i; k++)
            if (!strcmp(axis->values.data[i], axis->values.data[k]))
                return refuse("%s: %s is given twice", option, axis->values.data[i]);
    }
    return NN_OK;
}

static int read_axes(Sweep *s) {
    Arena *arena = s->ctx->arena;
    const char *of_seed = s->o->value[OPTION_SEED];
    int status = NN_OK;
    for (int i = 0; i < s->o->list[OPTION_SET].count && !status; i++) {
        const char *text = s->o->list[OPTION_SET].data[i], *equals = strchr(text, '=');
        Swept *axis = arena_new(arena, Swept);
        axis->name = string_copy(arena, text, (size_t)(equals - text));
        status = take_axis(arena, string_format(arena, "--set %s", text), equals + 1,
                           "values (32,64), a..b:log:n or a..b:lin:n", axis);
        vec_push(arena, &s->axes, axis);
    }
    if (of_seed && !status)
        status = take_axis(arena, string_format(arena, "--seed %s", of_seed), of_seed, "seeds (0,7) or A..B",
                           &s->seeds);
    if (!s->seeds.values.count) vec_push(arena, &s->seeds.values, NULL);
    return status;
}

// ---- runs -------------------------------------------------------------------------------------------------

// The k-th combination, the last axis changing first.
static const char *const *combination(const Sweep *s, int64_t k) {
    const char **values = arena_array(s->ctx->arena, const char *, s->axes.count + 1);
    for (int a = s->axes.count - 1; a >= 0; a--) {
        const Swept *axis = s->axes.data[a];
        values[a] = axis->values.data[k % axis->values.count];
        k /= axis->values.count;
    }
    return values;
}

// The k-th of --trials: a drawn combination that none before it has.
static int64_t draw(const Sweep *s, int k) {
    uint64_t drawn = hash_bytes((const char *)&k, sizeof k, 1) % (uint64_t)s->all;
    for (int i = 0; i < k; i++) {
        if (s->jobs.data[i]->combination != (int64_t)drawn) continue;
        drawn = (drawn + 1) % (uint64_t)s->all;
        i = -1;
    }
    return (int64_t)drawn;
}

static void make_job(Sweep *s, int64_t combined, const char *seed) {
    Arena *arena = s->ctx->arena;
    Job *job = arena_new(arena, Job);
    Text name = {.arena = arena};
    *job = (Job){.combination = combined, .values = combination(s, combined), .seed = seed, .status = -1};
    for (int a = 0; a < s->axes.count; a++)
        text_add(&name, "%s%s=%s", a ? "," : "", s->axes.data[a]->name, job->values[a]);
    if (seed) text_add(&name, "%sseed=%s", s->axes.count ? "," : "", seed);
    if (!s->axes.count && !seed) text_put(&name, "run");
    char *folder = string_format(arena, "%s/%s", s->out, text_string(&name));
    for (char *c = folder + strlen(s->out) + 1; *c; c++)
        if (*c == '/') *c = '_';
    job->folder = folder;
    vec_push(arena, &s->jobs, job);
}

static int make_jobs(Sweep *s) {
    enum { MOST = 100000 };
    int64_t trials = options_count(s->o, OPTION_TRIALS), runs;
    bool fits = true;
    s->all = 1;
    every (axis, s->axes) fits = fits && !__builtin_mul_overflow(s->all, axis->values.count, &s->all);
    bool drawn = trials > 0 && trials < s->all;
    if (!fits || __builtin_mul_overflow(drawn ? trials : s->all, s->seeds.values.count, &runs) || runs > MOST)
        return refuse("a sweep of more than %d runs", MOST);
    s->combinations = (int)(drawn ? trials : s->all);
    for (int k = 0; k < s->combinations * s->seeds.values.count; k++) {
        int of = k % s->combinations;
        int64_t known = k > of ? s->jobs.data[of]->combination : drawn ? draw(s, of) : of;
        make_job(s, known, s->seeds.values.data[k / s->combinations]);
    }
    return NN_OK;
}

// Where it has not, the context may say why.
static bool has_ended(const Job *job, nn_context *ctx, nn_story *story) {
    if (nn_story_read(ctx, job->folder, story) != NN_OK || story->end.at == NULL ||
        nn_story_is(story->end, "reason", "signal") || nn_story_is(story->end, "reason", "error"))
        return false;
    bool stopped =
        !nn_story_is(story->end, "reason", "epochs"); // by its own rule: more epochs change nothing
    return stopped || nn_json_number(story->end, "epoch") >= (double)job->epochs;
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
    if (s->o->value[OPTION_FIT]) WORD("--fit");
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
    if (job->epochs) WORD(string_format(arena, "--epochs=%lld", (long long)job->epochs));
    WORD(string_format(arena, "--out=%s", job->folder));
    WORD(string_format(arena, "--threads=%d", threads));
    WORD("--quiet");
    if (nn_file_exists(string_format(arena, "%s/checkpoint.safetensors", job->folder))) WORD("--resume");
    for (int i = 0; i < s->o->rest_count; i++) WORD(s->o->rest[i]);
#undef WORD
    vec_push(arena, &all, NULL);
    return all.data;
}

// False: no process could be made.
static bool start(const Sweep *s, Job *job, int threads) {
    char **words = command_line(s, job, threads);
    job->process = fork();
    job->status = job->process < 0 ? NN_MEMORY : NN_OK;
    if (job->process < 0) say(stderr, "warning: %s: cannot start a run: %s\n", job->folder, strerror(errno));
    if (job->process) return job->process > 0;
    prctl(PR_SET_PDEATHSIG, SIGKILL); // a sweep that was killed leaves no runs that hold their folders
    int nothing = open("/dev/null", O_RDWR);
    dup2(nothing, 0);
    dup2(nothing, 1);
    if (job->rounds) dup2(nothing, 2); // what is said of a schedule that is stretched
    memory_bound(s->o->memory);
    execv("/proc/self/exe", words);
    _exit(NN_FILE);
}

// One of the runs that go on has ended; tells how many have.
static int wait_for_one(const Sweep *s, int done, bool shown) {
    int status;
    pid_t ended;
    do ended = wait(&status);
    while (ended < 0 && errno == EINTR);
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

// All jobs that take part in it.
static int run_round(Sweep *s, nn_context *ctx, nn_story *stories, int round, int64_t epochs) {
    int cores = (int)sysconf(_SC_NPROCESSORS_ONLN), going = 0, done = 0, first = NN_OK;
    int jobs = s->o->value[OPTION_JOBS] ? (int)options_count(s->o, OPTION_JOBS) : cores > 0 ? cores : 1;
    bool shown = isatty(2);
    for (int k = 0; k < s->jobs.count && !is_hopeless(s); k++) {
        Job *job = s->jobs.data[k];
        if (job->rounds < round) continue;
        job->epochs = epochs;
        if (has_ended(job, ctx, &stories[k])) {
            done++;
            continue;
        }
        nn_forget(ctx); // it is run
        if (!start(s, job, cores > jobs ? cores / jobs : 1)) continue;
        // The first run alone, so that what is wrong with all is said once.
        for (going++; going == jobs || (going == 1 && done == 0 && k == 0 && round == 0); going--)
            done = wait_for_one(s, done, shown);
    }
    for (; going > 0; going--) done = wait_for_one(s, done, shown);
    if (shown) fputs("\r\033[K", stderr);
    for (int k = 0; k < s->jobs.count; k++) {
        Job *job = s->jobs.data[k];
        if (!has_ended(job, ctx, &stories[k]) && job->status == NN_OK && job->rounds >= round) {
            say(stderr, "warning: %s: %s\n", job->folder, ctx->status ? ctx->message : "the log has no end");
            job->status = NN_FILE;
        }
        nn_forget(ctx);
        if (!first && job->status > 0) first = job->status;
    }
    return first;
}

// The combinations as rows, the best first: those of most rounds, then by the value that is asked for.
static nn_sweep_row *rank(Sweep *s, nn_context *ctx, const nn_story *stories) {
    nn_sweep_row *rows = arena_array(s->ctx->arena, nn_sweep_row, s->combinations);
    nn_story *of = nn_get(ctx, (uint64_t)s->seeds.values.count, sizeof *of);
    if (!s->by) s->by = nn_sweep_by(stories, s->jobs.count);
    for (int k = 0; of && k < s->combinations; k++) {
        for (int i = 0; i < s->seeds.values.count; i++) of[i] = stories[i * s->combinations + k];
        rows[k] =
            (nn_sweep_row){.order = k, .count = s->seeds.values.count, .rounds = s->jobs.data[k]->rounds};
        nn_sweep_measure(&rows[k], of, s->by);
    }
    nn_sweep_sort(rows, s->combinations, s->most);
    return of ? rows : NULL;
}

static nn_status put_text(void *text, nn_sink *sink) {
    nn_sink_text(sink, text_string(text));
    return NN_OK;
}

// Those that go on after a round, as numbers in a file of the sweep's folder: a sweep that is begun again
// leaves the same ones behind, though the others have trained on.
static const char *kept_path(const Sweep *s, int round) {
    return string_format(s->ctx->arena, "%s/round_%d.txt", s->out, round);
}

static int keep_better(Sweep *s, nn_context *ctx, const nn_story *stories, int round, int left) {
    Text text = {.arena = s->ctx->arena};
    const nn_sweep_row *rows = rank(s, ctx, stories);
    for (int k = 0; rows && k < left; k++) text_add(&text, "%d\n", rows[k].order);
    if (rows) nn_file_replace(ctx, kept_path(s, round), put_text, &text);
    return (int)ctx->status;
}

// Successive halving: the better half of the combinations trains for twice as many epochs, until one is left.
static int run_all(Sweep *s, nn_context *ctx, nn_story *stories) {
    int64_t epochs = options_count(s->o, OPTION_HALVING);
    int left = s->combinations, status = NN_OK, round = 0;
    for (;; round++, epochs *= 2) {
        unsigned char *kept;
        uint64_t size;
        bool known = epochs && nn_file_exists(kept_path(s, round));
        int failed = known ? NN_OK : run_round(s, ctx, stories, round, epochs);
        if (!status) status = failed;
        if (!epochs || left == 1 || is_hopeless(s)) return status;
        left = (left + 1) / 2;
        if (!known && keep_better(s, ctx, stories, round, left)) return (int)ctx->status;
        if (nn_file_read(ctx, kept_path(s, round), &kept, &size)) return (int)ctx->status;
        for (char *at = (char *)kept; *at; at++) {
            long of = strtol(at, &at, 10);
            for (int k = (int)of; of >= 0 && k < s->jobs.count; k += s->combinations)
                s->jobs.data[k]->rounds = round + 1;
        }
    }
}

// ---- the table --------------------------------------------------------------------------------------------

static int print_table(Sweep *s, nn_context *ctx, const nn_story *stories) {
    const nn_sweep_row *rows = rank(s, ctx, stories);
    nn_table t;
    nn_text out;
    nn_text_begin(&out, ctx);
    nn_table_begin(ctx, &t, s->combinations + 1);
    if (!rows) return (int)ctx->status;
    for (t.row = 1; t.row <= s->combinations; t.row++) {
        const nn_sweep_row *row = &rows[t.row - 1];
        const Job *job = s->jobs.data[row->order];
        for (int a = 0; a < s->axes.count; a++)
            nn_text_add(nn_table_cell(&t, s->axes.data[a]->name), job->values[a]);
        nn_table_number(&t, s->by, "%.6g", row->mean);
        nn_table_number(&t, "deviation", "%.3g", row->deviation);
        nn_table_number(&t, "runs", "%.0f", row->ended);
        int64_t epochs = options_count(s->o, OPTION_HALVING) << job->rounds;
        if (epochs) nn_table_number(&t, "epochs", "%.0f", (double)epochs);
    }
    nn_table_put(&t, &out);
    say(stdout, "%s", out.bytes);
    return (int)ctx->status;
}

// ---- the command ------------------------------------------------------------------------------------------

// The folder is this sweep's, or becomes it.
static int take_folder(const Sweep *s, const char *digest) {
    Text text = {.arena = s->ctx->arena};
    text_add(&text, "%s%s", digest, s->o->value[OPTION_SEED] ? s->o->value[OPTION_SEED] : "");
    for (int i = 0; i < s->o->rest_count; i++) text_add(&text, " %s", s->o->rest[i]);
    text_add(&text, " %d\n", s->combinations);
    if (s->o->value[OPTION_HALVING])
        text_add(&text, "halving %s %s\n", s->o->value[OPTION_HALVING],
                 s->o->value[OPTION_BY] ? s->o->value[OPTION_BY] : "");
    const char *path = string_format(s->ctx->arena, "%s/sweep.txt", s->out), *own = text_string(&text);
    nn_context ctx = {0};
    unsigned char *bytes;
    uint64_t size;
    if (mkdir(s->out, 0777) && errno != EEXIST) {
        say(stderr, "nnc: error: cannot make the folder %s: %s\n", s->out, strerror(errno));
        return NN_FILE;
    }
    int status = NN_OK;
    if (!nn_file_exists(path)) {
        nn_file_replace(&ctx, path, put_text, &text);
    } else if (!nn_file_read(&ctx, path, &bytes, &size) && !string_equal((char *)bytes, own))
        status = refuse("%s holds another sweep: take it away, or -o names another folder", s->out);
    if (ctx.status) say(stderr, "nnc: error: %s\n", ctx.message);
    if (ctx.status) status = (int)ctx.status;
    nn_context_end(&ctx);
    return status;
}

int sweep_run(Context *ctx, const Options *o, const char *digest) {
    Sweep s = {.ctx = ctx, .o = o, .out = o->value[OPTION_OUTPUT]};
    const char *slash = strrchr(o->file, '/'), *name = slash ? slash + 1 : o->file;
    size_t stem = strlen(name) > 3 ? strlen(name) - 3 : strlen(name);
    const char *colon = s.o->value[OPTION_BY] ? strrchr(s.o->value[OPTION_BY], ':') : NULL;
    s.by = o->value[OPTION_BY];
    s.most = colon && !strcmp(colon, ":most");
    if (s.most) s.by = string_copy(ctx->arena, s.by, (size_t)(colon - s.by));
    if (!s.out) s.out = string_format(ctx->arena, "%.*s.sweep", (int)stem, name);
    int status = read_axes(&s);
    if (!status) status = make_jobs(&s);
    if (!status) status = take_folder(&s, digest);
    if (status) return status;
    nn_context logs = {0};
    nn_story *stories = nn_get(&logs, (uint64_t)s.jobs.count, sizeof *stories);
    status = stories ? run_all(&s, &logs, stories) : NN_MEMORY;
    if (stories && !logs.status && !is_hopeless(&s)) print_table(&s, &logs, stories);
    if (logs.status) say(stderr, "nnc: error: %s\n", logs.message);
    if (logs.status) status = (int)logs.status;
    nn_context_end(&logs);
    return status;
}
