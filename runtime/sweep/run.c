// The runs of a sweep as processes, some at a time; and rounds of them.
#include "parallel/pool.h"
#include "sweep/job.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static bool is_given(const nn_sweep *s, const char *option) {
    size_t n = strlen(option);
    for (int k = 0; k < s->rest_count; k++)
        if (strncmp(s->rest[k], option, n) == 0 && (s->rest[k][n] == '\0' || s->rest[k][n] == '='))
            return true;
    return false;
}

bool nn_sweep_is_option(const char *name) {
    static const char own[][8] = {"lr", "batch", "epochs", "steps"};
    for (size_t k = 0; k < sizeof own / sizeof *own; k++)
        if (nn_same(own[k], name)) return true;
    return false;
}

// What follows how the run begins: options of a trainer.
static void put_options(const Sweep *w, const Job *job, int threads, nn_text *words) {
    const nn_sweep *s = w->s;
    nn_text path;
    for (int a = 0; a < s->axis_count; a++) {
        const nn_axis *axis = &s->axes[a];
        const char *set = nn_sweep_is_option(axis->name) ? "" : "set=";
        if (!axis->early) nn_text_format(words, "--%s%s=%s%c", set, axis->name, job->values[a], 0);
    }
    if (job->seed != NULL) nn_text_format(words, "--seed=%s%c", job->seed, 0);
    if (job->epochs > 0) nn_text_format(words, "--epochs=%lld%c", (long long)job->epochs, 0);
    if (!is_given(s, "--threads")) nn_text_format(words, "--threads=%d%c", threads, 0);
    nn_text_format(words, "--out=%s%c--quiet%c", job->folder, 0, 0);
    nn_text_begin(&path, words->ctx);
    nn_text_format(&path, "%s/checkpoint.safetensors", job->folder);
    if (nn_file_exists(path.bytes)) nn_text_format(words, "--resume%c", 0);
    for (int k = 0; k < s->rest_count; k++) nn_text_format(words, "%s%c", s->rest[k], 0);
}

// In the new process: becomes the run.
static void become(const Sweep *w, const Job *job, int threads, pid_t sweep) {
    nn_context ctx = {0};
    nn_text words;
    uint64_t count = 0;
    nn_text_begin(&words, &ctx);
    // A sweep that was killed leaves no runs that hold their folders.
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != sweep) _exit(NN_FILE);
    w->s->begin(w->s->data, job->values, &words);
    put_options(w, job, threads, &words);
    char **all = nn_get(&ctx, words.length + 1, sizeof *all);
    if (ctx.status != NN_OK) _exit(NN_MEMORY);
    for (uint64_t at = 0; at < words.length; at += strlen(words.bytes + at) + 1)
        all[count++] = words.bytes + at;
    int nothing = open("/dev/null", O_RDWR);
    dup2(nothing, 0);
    dup2(nothing, 1);
    if (job->rounds > 0) dup2(nothing, 2); // what is said of a schedule that is stretched
    execv("/proc/self/exe", all);
    _exit(NN_FILE);
}

static void warn(const Sweep *w, const Job *job, const char *why) {
    nn_text text;
    nn_text_begin(&text, w->ctx);
    nn_text_format(&text, "%s: %s", job->folder, why);
    w->s->message("warning", text.bytes);
}

// False: no process could be made.
static bool start(const Sweep *w, Job *job, int threads) {
    pid_t sweep = getpid();
    job->process = fork();
    job->status = NN_OK;
    if (job->process == 0) become(w, job, threads, sweep);
    if (job->process > 0) return true;
    job->status = NN_MEMORY;
    warn(w, job, strerror(errno));
    return false;
}

static void show(int done, int all) {
    if (isatty(2)) dprintf(2, "\r%d of %d runs\033[K", done, all);
}

// One of the runs that go on has ended; tells how many have.
static int wait_for_one(const Sweep *w, int done) {
    int status;
    pid_t ended;
    do ended = wait(&status);
    while (ended < 0 && errno == EINTR);
    for (int k = 0; k < w->count; k++) {
        Job *job = &w->jobs[k];
        char code[32];
        if (job->process != ended || ended <= 0) continue;
        job->process = 0;
        job->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        snprintf(code, sizeof code, "exit code %d", job->status);
        if (job->status != NN_OK) warn(w, job, code);
    }
    show(done + 1, w->count);
    return done + 1;
}

// A program or a command line that is wrong is wrong in every run: the first one that says so is the last one
// that is begun.
static bool is_hopeless(const Sweep *w) {
    for (int k = 0; k < w->count; k++)
        if (w->jobs[k].status == NN_PROGRAM || w->jobs[k].status == NN_USAGE) return true;
    return false;
}

// Where it has not, the context may say why.
static bool has_ended(const Sweep *w, Job *job) {
    nn_story *s = &job->story;
    if (nn_story_read(w->ctx, job->folder, s) != NN_OK || s->end.at == NULL ||
        nn_story_is(s->end, "reason", "signal") || nn_story_is(s->end, "reason", "error"))
        return false;
    bool stopped = !nn_story_is(s->end, "reason", "epochs"); // by its own rule: more epochs change nothing
    return stopped || nn_json_number(s->end, "epoch") >= (double)job->epochs;
}

// What became of those that took part; the first exit code that says that one failed.
static int read_logs(Sweep *w, int round) {
    int first = NN_OK;
    for (int k = 0; k < w->count; k++) {
        Job *job = &w->jobs[k];
        if (!has_ended(w, job) && job->status == NN_OK && job->rounds >= round) {
            warn(w, job, w->ctx->status != NN_OK ? w->ctx->message : "the log has no end");
            job->status = NN_FILE;
        }
        nn_forget(w->ctx);
        if (first == NN_OK && job->status > 0) first = job->status;
    }
    return first;
}

// All that take part in it.
static int run_round(Sweep *w, int round, int64_t epochs) {
    int cores = nn_pool_cores(), going = 0, done = 0,
        jobs = w->s->jobs > 0 && w->s->jobs < w->count ? (int)w->s->jobs : cores,
        threads = cores > jobs ? cores / jobs : 1;
    for (int k = 0; k < w->count && !is_hopeless(w); k++) {
        Job *job = &w->jobs[k];
        if (job->rounds < round) continue;
        job->epochs = epochs;
        if (has_ended(w, job)) {
            done++;
            continue;
        }
        nn_forget(w->ctx); // it is run
        if (!start(w, job, threads)) continue;
        // The first run alone, so that what is wrong with all is said once.
        for (going++; going == jobs || (going == 1 && done == 0 && k == 0 && round == 0); going--)
            done = wait_for_one(w, done);
    }
    for (; going > 0; going--) done = wait_for_one(w, done);
    if (isatty(2)) dprintf(2, "\r\033[K");
    return read_logs(w, round);
}

// Successive halving: the better half of the combinations trains for twice as many epochs, until one is left.
static int run_all(Sweep *w) {
    int64_t epochs = w->s->halving;
    int left = w->combinations, status = NN_OK;
    for (int round = 0;; round++, epochs *= 2) {
        bool known = false;
        if (epochs > 0 && sweep_kept(w, round, &known) != NN_OK) return (int)w->ctx->status;
        int failed = known ? NN_OK : run_round(w, round, epochs);
        if (status == NN_OK) status = failed;
        if (epochs == 0 || left == 1 || is_hopeless(w)) return status;
        left = (left + 1) / 2;
        if (known) continue;
        if (sweep_keep(w, round, left) != NN_OK || sweep_kept(w, round, &known) != NN_OK)
            return (int)w->ctx->status;
    }
}

int nn_sweep_run(nn_sweep *s, nn_text *table) {
    Sweep w = {.s = s, .ctx = s->ctx, .by = s->by, .lock = -1};
    const char *colon = s->by != NULL ? strrchr(s->by, ':') : NULL;
    if (s->axis_count == 0 && s->seeds.count == 0)
        return (int)nn_fail(s->ctx, NN_USAGE,
                            "nothing is swept: say values, as in --set lr=1e-3,1e-2 or --seed 0..4");
    if (s->halving > 0 && (is_given(s, "--epochs") || is_given(s, "--steps")))
        return (int)nn_fail(s->ctx, NN_USAGE, "--halving says how many epochs a run has");
    if (colon != NULL && nn_same(colon, ":most")) {
        char *by = nn_get(s->ctx, strlen(s->by) + 1, 1);
        if (by == NULL) return (int)s->ctx->status;
        w.by = memcpy(by, s->by, (size_t)(colon - s->by));
        w.most = true;
    }
    int status = NN_OK;
    if (sweep_make_jobs(&w) == NN_OK && sweep_lock(&w) == NN_OK && sweep_take_folder(&w) == NN_OK)
        status = run_all(&w);
    if (w.lock >= 0) nn_system_close(w.lock);
    if (s->ctx->status == NN_OK && !is_hopeless(&w) && sweep_table(&w, table) == NN_OK)
        sweep_put(&w, "table.txt", table);
    return s->ctx->status != NN_OK ? (int)s->ctx->status : status;
}
