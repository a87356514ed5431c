// Progress on standard error: a line that is rewritten at most ten times a second on a terminal, plain lines
// elsewhere.
#include "train/loop.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static const double REDRAW = 0.1;

void nn_progress_begin(nn_progress *p, bool quiet) {
    const char *term = getenv("TERM");
    *p = (nn_progress){.quiet = quiet};
    p->live = !quiet && isatty(2) && term != NULL && !nn_same(term, "dumb");
}

void nn_progress_clear(nn_progress *p) {
    static const char clear[] = "\r\x1b[K";
    if (p->shown) nn_system_write(2, clear, sizeof clear - 1);
    p->shown = false;
}

static void put_short(nn_text *line, const char *name, double value) {
    nn_text_format(line, "  %s %.4g", name, value);
}

static void put_speed(nn_text *line, double rows_per_s) {
    static const char *const units[] = {"", " k", " M", " G"};
    int k = 0;
    for (; rows_per_s >= 999.5 && k < 3; k++) rows_per_s /= 1000;
    nn_text_format(line, "  %.3g%s samples/s", rows_per_s, units[k]);
}

static void put_time(nn_text *line, double seconds) {
    if (seconds < 60)
        nn_text_format(line, "  %.1f s", seconds);
    else if (seconds < 3600)
        nn_text_format(line, "  %d min %02d s", (int)(seconds / 60), (int)seconds % 60);
    else
        nn_text_format(line, "  %d h %02d min", (int)(seconds / 3600), (int)(seconds / 60) % 60);
}

static void put_epoch(const nn_loop *l, nn_text *line, int64_t epoch) {
    nn_text_format(line, "epoch %lld", (long long)epoch);
    if (l->total_epochs >= 0) nn_text_format(line, "/%lld", (long long)l->total_epochs);
}

static double rows_left(const nn_loop *l) {
    const nn_position *at = &l->t->at;
    if (l->total_steps >= 0)
        return (double)(l->total_steps - at->step) / (double)l->updates * (double)l->epoch_rows;
    return l->total_epochs < 0 ? (double)NAN : (double)(l->total_epochs - at->epoch) * (double)l->epoch_rows;
}

// Metrics of one number, as they were measured last. The training part's belong to an epoch that has ended.
static void put_metrics(const nn_loop *l, nn_text *line, bool training) {
    static const char *const parts[NN_PARTS] = {"", "test.", "validation."};
    const nn_metric *metrics = NN_TABLE(&l->t->model, nn_metric, metrics);
    for (int p = training ? NN_TRAIN : NN_TEST; p < NN_PARTS; p++) {
        for (uint32_t k = 0; k < l->manifest->metrics_count && l->t->measured[p]; k++) {
            const nn_tensor *of = nn_model_tensor(&l->t->model, metrics[k].tensor);
            if ((p == NN_TRAIN && !metrics[k].in_training) || of == NULL || of->rank > 0) continue;
            char name[128];
            snprintf(name, sizeof name, "%s%.100s", parts[p], nn_model_text(&l->t->model, metrics[k].name));
            put_short(line, name, l->t->values[p][k].values[0]);
        }
    }
}

static void put_live(nn_loop *l, bool step, bool metrics, double speed) {
    const nn_position *at = &l->t->at;
    bool held_out = l->t->measured[NN_TEST] || l->t->measured[NN_VALIDATION];
    nn_text_clear(&l->line);
    put_epoch(l, &l->line, at->epoch + 1);
    if (step) {
        nn_text_format(&l->line, "  step %lld", (long long)at->step);
        if (l->total_steps >= 0) nn_text_format(&l->line, "/%lld", (long long)l->total_steps);
    }
    if (at->loss_count > 0) put_short(&l->line, "loss", at->loss_sum / (double)at->loss_count);
    if (metrics) put_metrics(l, &l->line, !held_out);
    put_speed(&l->line, speed);
    if (speed > 0 && isfinite(rows_left(l))) {
        put_time(&l->line, rows_left(l) / speed);
        nn_text_add(&l->line, " left");
    }
}

// What does not fit is left out: first the step, then the metrics; what is still too long is cut.
void nn_progress_step(nn_loop *l, double now) {
    nn_progress *p = &l->progress;
    if (!p->live || now - p->last < REDRAW) return;
    double seconds = now - l->epoch_started, speed = seconds > 0 ? nn_loop_rows(l) / seconds : 0;
    struct winsize size;
    uint64_t width = ioctl(2, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col - 1u : 79u;
    for (int less = 0; less < 3; less++) {
        put_live(l, less < 1, less < 2, speed);
        if (l->line.length <= width) break;
    }
    if (l->line.length > width) l->line.length = width;
    nn_system_write(2, "\r", 1);
    nn_text_add(&l->line, "\x1b[K");
    nn_write_all(2, l->line.bytes, l->line.length);
    p->shown = true;
    p->last = now;
}

void nn_progress_epoch(nn_loop *l, bool chosen) {
    nn_trainer *t = l->t;
    if (l->progress.quiet || !chosen) return;
    nn_progress_clear(&l->progress);
    nn_text_clear(&l->line);
    put_epoch(l, &l->line, t->at.epoch);
    if (t->at.batch != l->batches) nn_text_format(&l->line, "  step %lld", (long long)t->at.step);
    if (isfinite(l->epoch_loss)) put_short(&l->line, "loss", l->epoch_loss);
    put_metrics(l, &l->line, true);
    double seconds = nn_now() - l->epoch_started, rows = nn_loop_rows(l);
    if (seconds > 0 && rows > 0) put_speed(&l->line, rows / seconds);
    put_time(&l->line, nn_loop_time(l));
    nn_text_add(&l->line, "\n");
    nn_write_all(2, l->line.bytes, l->line.length);
}
