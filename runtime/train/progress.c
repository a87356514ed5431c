// Progress on standard error. On a terminal: a table of epochs that fits its width, what matters least left
// out, and under it a line that is rewritten at most ten times a second. Elsewhere: plain lines of names and
// values.
#include "train/loop.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static const double REDRAW = 0.1;

static int64_t columns_of_terminal(void) { // 0: it is none
    enum { USUAL = 80 };
    struct winsize size;
    if (!isatty(2)) return 0;
    return ioctl(2, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : USUAL;
}

int64_t nn_terminal_width(void) {
    enum { LEAST = 40, MOST = 200 };
    int64_t width = columns_of_terminal();
    return width == 0 ? 0 : width < LEAST ? LEAST : width > MOST ? MOST : width;
}

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

// To three digits, with the unit that they are of: "804", "k".
static const char *print_speed(char out[NN_NUMBER_ROOM], double rows_per_s) {
    static const char units[][2] = {"", "k", "M", "G"};
    int k = 0;
    for (; rows_per_s >= 999.5 && k < 3; k++) rows_per_s /= 1000;
    snprintf(out, NN_NUMBER_ROOM, "%.3g", rows_per_s);
    return units[k];
}

static void put_speed(nn_text *line, double rows_per_s) {
    char number[NN_NUMBER_ROOM];
    const char *unit = print_speed(number, rows_per_s);
    nn_text_format(line, "  %s%s%s samples/s", number, *unit == '\0' ? "" : " ", unit);
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
    const nn_metric *metrics = NN_TABLE(&l->t->model, nn_metric, metrics);
    for (int p = training ? NN_TRAIN : NN_TEST; p < NN_PARTS; p++) {
        for (uint32_t k = 0; k < l->manifest->metrics_count && l->t->measured[p]; k++) {
            if (nn_metric_single(l->t, p, k))
                nn_text_format(line, "  %s%s %.4g", nn_part_prefixes[p],
                               nn_model_text(&l->t->model, metrics[k].name), l->t->values[p][k].values[0]);
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
    // A line that was wrapped could not be written over.
    int64_t columns = columns_of_terminal();
    uint64_t width = columns > 1 ? (uint64_t)columns - 1 : 0;
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

// ---- the table ----

typedef enum { EPOCH, LOSS, METRIC, SPEED, SECONDS } What;

typedef struct {
    What what;
    int part;
    uint32_t metric;
    const char *over, *name; // two lines of a head
    int width, order;        // order: what does not fit is left out from the largest on
    bool shown;
} Column;

enum { NUMBER = 9, LONGEST = 14, COLUMNS = 64 };

static void add_column(Column *columns, int *count, Column c) {
    int wide = (int)strlen(c.name), over = (int)strlen(c.over);
    if (*count == COLUMNS) return;
    wide = over > wide ? over : wide;
    c.width = c.width > wide ? c.width : wide < LONGEST ? wide : LONGEST;
    columns[(*count)++] = c;
}

static void add_metrics(const nn_loop *l, Column *columns, int *count, int part, int order) {
    const nn_metric *metrics = NN_TABLE(&l->t->model, nn_metric, metrics);
    for (uint32_t k = 0; k < l->manifest->metrics_count; k++) {
        if (!nn_metric_single(l->t, part, k)) continue;
        const char *name = nn_model_text(&l->t->model, metrics[k].name);
        add_column(columns, count,
                   (Column){METRIC, part, k, part == NN_TRAIN ? "" : nn_part_names[part], name, NUMBER,
                            order + (int)k, false});
    }
}

static int make_columns(const nn_loop *l, Column *columns) {
    char epochs[32];
    int count = 0, digits = snprintf(epochs, sizeof epochs, "%lld", (long long)l->total_epochs);
    int wide = l->total_epochs < 0 ? 7 : 2 * digits + 1;
    add_column(columns, &count, (Column){.what = EPOCH, .over = "", .name = "epoch", .width = wide});
    add_column(columns, &count,
               (Column){.what = LOSS, .over = "", .name = "loss", .width = NUMBER, .order = 1});
    add_metrics(l, columns, &count, NN_TRAIN, 5000);
    add_metrics(l, columns, &count, NN_VALIDATION, 10);
    add_metrics(l, columns, &count, NN_TEST, 1000);
    add_column(columns, &count, (Column){.what = SPEED, .over = "", .name = "samples/s", .order = 4000});
    add_column(columns, &count, (Column){.what = SECONDS, .over = "", .name = "seconds", .order = 3000});
    return count;
}

// Which of them a terminal shows.
static void fit(Column *columns, int count, int64_t width) {
    int64_t used = 0;
    bool full = false;
    for (int taken = 0; taken < count && !full; taken++) {
        int next = -1;
        for (int k = 0; k < count; k++) {
            if (!columns[k].shown && (next < 0 || columns[k].order < columns[next].order)) next = k;
        }
        full = used + columns[next].width + (used > 0 ? 2 : 0) > width;
        columns[next].shown = !full;
        used += columns[next].width + (used > 0 ? 2 : 0);
    }
}

// As many digits as help to compare, in the same place where values are of one size.
static void print_number(char out[NN_NUMBER_ROOM], double value) {
    double size = fabs(value);
    const char *format = !isfinite(value)                            ? "%.0f"
                         : size != 0 && (size < 1e-3 || size >= 1e6) ? "%.2e"
                         : size < 10                                 ? "%.4f"
                         : size < 1000                               ? "%.3f"
                                                                     : "%.1f";
    snprintf(out, NN_NUMBER_ROOM, format, value); // NOLINT: one of those above
}

static void print_cell(const nn_loop *l, const Column *c, char out[64]) {
    const nn_trainer *t = l->t;
    double seconds = nn_now() - l->epoch_started, speed = nn_loop_rows(l) / seconds;
    out[0] = '\0';
    if (c->what == EPOCH && l->total_epochs >= 0)
        snprintf(out, 64, "%lld/%lld", (long long)t->at.epoch, (long long)l->total_epochs);
    else if (c->what == EPOCH)
        snprintf(out, 64, "%lld", (long long)t->at.epoch);
    else if (c->what == LOSS && isfinite(l->epoch_loss))
        print_number(out, l->epoch_loss);
    else if (c->what == METRIC && t->measured[c->part])
        print_number(out, t->values[c->part][c->metric].values[0]);
    else if (c->what == SECONDS)
        snprintf(out, 64, "%.1f", nn_loop_time(l));
    else if (c->what == SPEED && seconds > 0 && speed > 0)
        strcat(out, print_speed(out, speed));
}

static void put_head(nn_text *out, const Column *columns, int count) {
    bool over = false;
    for (int k = 0; k < count; k++) over = over || (columns[k].shown && columns[k].over[0] != '\0');
    for (int line = !over; line < 2; line++) {
        int blank = 0;
        for (int k = 0; k < count; k++) {
            const Column *c = &columns[k];
            const char *word = line == 0 ? c->over : c->name;
            if (!c->shown) continue;
            blank += c->width + (k > 0 ? 2 : 0);
            if (word[0] == '\0') continue;
            nn_text_format(out, "%*.*s", blank, c->width, word);
            blank = 0;
        }
        nn_text_add(out, "\n");
    }
}

static void put_table(nn_loop *l, nn_text *out) {
    Column columns[COLUMNS];
    int count = make_columns(l, columns);
    uint64_t shown = 0, begin;
    fit(columns, count, nn_terminal_width());
    for (int k = 0; k < count; k++) shown |= (uint64_t)columns[k].shown << k;
    if (shown != l->progress.columns) put_head(out, columns, count); // another width, another table
    l->progress.columns = shown;
    begin = out->length;
    for (int k = 0; k < count; k++) {
        char cell[64];
        print_cell(l, &columns[k], cell);
        if (columns[k].shown)
            nn_text_format(out, "%s%*s", out->length == begin ? "" : "  ", columns[k].width, cell);
    }
    nn_text_add(out, "\n");
}

static void put_plain(nn_loop *l, nn_text *out) {
    const nn_trainer *t = l->t;
    put_epoch(l, out, t->at.epoch);
    if (t->at.batch != l->batches) nn_text_format(out, "  step %lld", (long long)t->at.step);
    if (isfinite(l->epoch_loss)) put_short(out, "loss", l->epoch_loss);
    put_metrics(l, out, true);
    double seconds = nn_now() - l->epoch_started, rows = nn_loop_rows(l);
    if (seconds > 0 && rows > 0) put_speed(out, rows / seconds);
    put_time(out, nn_loop_time(l));
    nn_text_add(out, "\n");
}

void nn_progress_epoch(nn_loop *l, bool chosen) {
    if (l->progress.quiet || !chosen) return;
    nn_progress_clear(&l->progress);
    nn_text_clear(&l->line);
    if (nn_terminal_width() > 0)
        put_table(l, &l->line);
    else
        put_plain(l, &l->line);
    nn_write_all(2, l->line.bytes, l->line.length);
}
