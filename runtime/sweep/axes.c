// What is swept: values, ranges, and the runs that they make.
#include "sweep/job.h"

#include "random/random.h"

#include <math.h>
#include <string.h>

// a..b:log:n, a..b:lin:n; a..b of whole numbers. False: it is none of these.
static bool read_range(nn_context *ctx, const char *text, nn_axis *axis) {
    enum { MOST = 10000 };
    const char *dots = strstr(text, ".."), *colon = strchr(dots, ':');
    double low, high, count = 0;
    size_t rest = colon != NULL ? (size_t)(colon - dots - 2) : strlen(dots + 2);
    if (!nn_number_parse(text, (uint64_t)(dots - text), &low) || !nn_number_parse(dots + 2, rest, &high))
        return false;
    bool log = colon != NULL && strncmp(colon, ":log:", 5) == 0,
         lin = colon != NULL && strncmp(colon, ":lin:", 5) == 0;
    if (colon != NULL && !((log || lin) && nn_number_parse(colon + 5, strlen(colon + 5), &count)))
        return false;
    if (colon == NULL) count = high - low + 1;
    bool whole = colon != NULL || (low == floor(low) && high == floor(high) && high >= low);
    if (!whole || count != floor(count) || count < 2 - (colon == NULL) || count > MOST ||
        (log && (low <= 0 || high <= 0)))
        return false;
    axis->count = (int32_t)count;
    axis->values = nn_get(ctx, (uint64_t)axis->count, sizeof *axis->values);
    for (int k = 0; k < axis->count && axis->values != NULL; k++) {
        double share = count > 1 ? k / (count - 1) : 0;
        nn_text number;
        nn_text_begin(&number, ctx);
        // To six digits, so that a value can be said again.
        nn_text_format(&number, "%.6g", log ? low * pow(high / low, share) : low + (high - low) * share);
        axis->values[k] = number.bytes;
    }
    return true;
}

static bool read_list(nn_context *ctx, const char *text, nn_axis *axis) {
    char *own = nn_get(ctx, strlen(text) + 1, 1);
    axis->values = nn_get(ctx, strlen(text) + 1, sizeof *axis->values);
    if (own == NULL || axis->values == NULL) return true;
    strcpy(own, text);
    for (bool more = true; more;) {
        size_t n = strcspn(own, ",");
        if (n == 0) return false;
        axis->values[axis->count++] = own;
        more = own[n] != '\0';
        own[n] = '\0';
        own += n + 1;
    }
    return true;
}

static nn_status read_values(nn_context *ctx, const char *option, const char *text, const char *expected,
                             nn_axis *axis) {
    bool range = strstr(text, "..") != NULL && strchr(text, ',') == NULL;
    if (!(range ? read_range : read_list)(ctx, text, axis))
        return nn_fail(ctx, NN_USAGE, "%s: expected %s", option, expected);
    for (int i = 0; ctx->status == NN_OK && i < axis->count; i++)
        for (int k = 0; k < i; k++)
            if (nn_same(axis->values[i], axis->values[k]))
                return nn_fail(ctx, NN_USAGE, "%s: %s is given twice", option, axis->values[i]);
    return ctx->status;
}

nn_status nn_sweep_axis(nn_sweep *s, const char *option, const char *text) {
    nn_axis axis = {0};
    size_t n = strcspn(text, "=");
    char *name = nn_get(s->ctx, n + 1, 1);
    if (text[n] != '=' || n == 0) return nn_fail(s->ctx, NN_USAGE, "%s: expected NAME=VALUES", option);
    s->axes = nn_grow(s->ctx, s->axes, (uint64_t)s->axis_count + 1, sizeof *s->axes);
    if (name == NULL || s->axes == NULL) return s->ctx->status;
    axis.name = memcpy(name, text, n);
    for (int a = 0; a < s->axis_count; a++)
        if (nn_same(s->axes[a].name, name)) return nn_fail(s->ctx, NN_USAGE, "%s is swept twice", name);
    nn_status status =
        read_values(s->ctx, option, text + n + 1, "values (32,64), a..b:log:n or a..b:lin:n", &axis);
    s->axes[s->axis_count++] = axis;
    return status;
}

nn_status nn_sweep_seeds(nn_sweep *s, const char *text) {
    nn_text option;
    nn_text_begin(&option, s->ctx);
    nn_text_format(&option, "--seed %s", text);
    return read_values(s->ctx, option.bytes, text, "seeds (0,7) or A..B", &s->seeds);
}

// ---- runs ----

// The last axis changes first.
static const char **combination(const Sweep *w, int64_t k) {
    const char **values = nn_get(w->ctx, (uint64_t)w->s->axis_count, sizeof *values);
    for (int a = w->s->axis_count - 1; values != NULL && a >= 0; a--) {
        values[a] = w->s->axes[a].values[k % w->s->axes[a].count];
        k /= w->s->axes[a].count;
    }
    return values;
}

// The k-th of --trials: a drawn combination that none before it has.
static int64_t draw(const Sweep *w, int k) {
    int64_t drawn = (int64_t)(nn_draw_share(0, NN_FOR_SAMPLE, (uint64_t)k) * (double)w->all);
    for (int i = 0; i < k; i++) {
        if (w->jobs[i].combination != drawn) continue;
        drawn = (drawn + 1) % w->all;
        i = -1;
    }
    return drawn;
}

static void name_job(const Sweep *w, Job *job) {
    nn_text name, folder;
    nn_text_begin(&name, w->ctx);
    nn_text_begin(&folder, w->ctx);
    for (int a = 0; a < w->s->axis_count && job->values != NULL; a++)
        nn_text_format(&name, "%s=%s,", w->s->axes[a].name, job->values[a]);
    if (job->seed != NULL) nn_text_format(&name, "seed=%s,", job->seed);
    if (name.length > 0)
        name.bytes[--name.length] = '\0';
    else
        nn_text_add(&name, "run");
    for (char *c = name.bytes; *c != '\0'; c++)
        if (*c == '/' || (unsigned char)*c < ' ') *c = '_';
    nn_text_format(&folder, "%s/%s", w->s->out, name.bytes);
    job->name = name.bytes;
    job->folder = folder.bytes;
}

nn_status sweep_make_jobs(Sweep *w) {
    enum { MOST = 100000 };
    const nn_axis *seeds = &w->s->seeds;
    int64_t trials = w->s->trials, runs;
    bool fits = true;
    w->all = 1;
    for (int a = 0; a < w->s->axis_count; a++)
        fits = fits && !__builtin_mul_overflow(w->all, w->s->axes[a].count, &w->all);
    bool drawn = trials > 0 && trials < w->all;
    if (!fits ||
        __builtin_mul_overflow(drawn ? trials : w->all, seeds->count > 0 ? seeds->count : 1, &runs) ||
        runs > MOST)
        return nn_fail(w->ctx, NN_USAGE, "a sweep of more than %d runs", MOST);
    w->combinations = (int)(drawn ? trials : w->all);
    w->count = (int)runs;
    w->jobs = nn_get(w->ctx, (uint64_t)runs, sizeof *w->jobs);
    for (int k = 0; k < w->count && w->jobs != NULL; k++) {
        Job *job = &w->jobs[k];
        int of = k % w->combinations;
        job->status = -1;
        job->combination = k > of ? w->jobs[of].combination : drawn ? draw(w, of) : of;
        job->values = combination(w, job->combination);
        job->seed = seeds->count > 0 ? seeds->values[k / w->combinations] : NULL;
        name_job(w, job);
    }
    return w->ctx->status;
}
