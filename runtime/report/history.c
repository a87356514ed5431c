// Runs as a text: of one its beginning, some of its epochs and its end; of several a line each, with what
// differs in how they began, and where they ended.
#include "report/report.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

// ---- tables of texts, as wide as what stands in them ----

enum { COLUMNS = 48 };
typedef struct {
    nn_text *out;
    int columns, rows;
    nn_text *cells; // rows * COLUMNS
} Table;

static nn_text *cell(Table *t, int row, int column) { return &t->cells[row * COLUMNS + column]; }

static nn_status begin_table(nn_context *ctx, Table *t, nn_text *out, int64_t rows) {
    *t = (Table){.out = out, .rows = (int)rows};
    t->cells = nn_get(ctx, (uint64_t)rows * COLUMNS, sizeof *t->cells);
    for (int64_t k = 0; k < rows * COLUMNS && t->cells != NULL; k++) nn_text_begin(&t->cells[k], ctx);
    return ctx->status;
}

// The number of the column of that name, a new one if there is none yet; -1: there are too many.
static int column(Table *t, const char *name) {
    for (int k = 0; k < t->columns; k++)
        if (nn_same(cell(t, 0, k)->bytes, name)) return k;
    if (t->columns == COLUMNS) return -1;
    nn_text_add(cell(t, 0, t->columns), name);
    return t->columns++;
}

static void put_table(Table *t) {
    uint64_t widths[COLUMNS] = {0};
    for (int k = 0; k < t->rows * COLUMNS; k++)
        widths[k % COLUMNS] =
            t->cells[k].length > widths[k % COLUMNS] ? t->cells[k].length : widths[k % COLUMNS];
    for (int r = 0; r < t->rows; r++) {
        for (int c = 0; c < t->columns; c++)
            nn_text_format(t->out, c == 0 ? "%-*s" : "  %*s", (int)widths[c], cell(t, r, c)->bytes);
        nn_text_add(t->out, "\n");
    }
    for (int k = 0; k < t->rows * COLUMNS; k++) nn_text_end(&t->cells[k]);
}

typedef struct {
    Table *table;
    int row;
} Place;

static void put_measure(void *data, const char *name, double value) {
    const Place *p = data;
    int c = column(p->table, name);
    if (c >= 0) nn_text_format(cell(p->table, p->row, c), isfinite(value) ? "%.4g" : "-", value);
}

static void put_number(Place p, const char *name, nn_json line, const char *key, const char *format) {
    double value = nn_json_number(line, key);
    int c = column(p.table, name);
    if (c >= 0) nn_text_format(cell(p.table, p.row, c), isfinite(value) ? format : "-", value); // NOLINT
}

// ---- one run ----

static const char *const begun[] = {"program",        "model", "nnc",    "digest", "cpu",        "threads",
                                    "seed",           "batch", "params", "memory", "train_rows", "test_rows",
                                    "validation_rows"};

static void put_beginning(const nn_story *s, nn_text *out) {
    nn_json options, value;
    char key[NN_KEY_ROOM];
    for (size_t k = 0; k < sizeof begun / sizeof *begun; k++) {
        nn_text_format(out, "%s%s ", k == 0 ? "" : k % 7 == 0 ? "\n" : ", ", begun[k]);
        nn_story_value(out, s->start, begun[k]);
    }
    for (int group = 0; group < 2; group++) {
        const char *name = group == 0 ? "options" : "settings", *between = " ";
        if (!nn_json_find(s->start, name, &options)) continue;
        nn_text_format(out, "\n%s:", name);
        while (nn_json_member(&options, key, sizeof key, &value)) {
            nn_text_format(out, "%s%s = %.*s", between, key, (int)(value.end - value.at), value.at);
            between = ", ";
        }
    }
    nn_text_add(out, "\n\n");
}

static nn_status put_one(nn_context *ctx, const nn_story *s, nn_text *out) {
    enum { SHOWN = 20 };
    int64_t n = s->epoch_count, rows = n < SHOWN ? n : SHOWN;
    Table t;
    if (s->start.at != NULL) put_beginning(s, out);
    if (begin_table(ctx, &t, out, rows + 1) != NN_OK) return ctx->status;
    int64_t best = nn_story_best(s);
    for (int64_t r = 0; r < rows; r++) {
        int64_t k = rows < 2 ? r : r * (n - 1) / (rows - 1); // the first and the last among them
        Place p = {&t, (int)r + 1};
        put_number(p, "epoch", s->epochs[k], "epoch", "%.0f");
        put_number(p, "step", s->epochs[k], "step", "%.0f");
        nn_story_measures(s->epochs[k], put_measure, &p);
        put_number(p, "lr", s->epochs[k], "lr", "%.3g");
        put_number(p, "seconds", s->epochs[k], "time_s", "%.1f");
    }
    put_table(&t);
    if (best >= 0) nn_text_format(out, "\nbest: epoch %.0f\n", nn_json_number(s->epochs[best], "epoch"));
    nn_text_add(out, best >= 0 ? "" : "\n");
    nn_text_add(out, s->end.at == NULL ? "not ended, or cut off" : "ended: ");
    if (s->end.at != NULL) nn_story_value(out, s->end, "reason");
    nn_text_add(out, "\n");
    return ctx->status;
}

// ---- several ----

static nn_status put_several(nn_context *ctx, const nn_story *runs, int count, nn_text *out) {
    char names[NN_DIFFERENT_MOST][NN_KEY_ROOM];
    int different = nn_story_different(runs, count, names);
    Table t;
    if (begin_table(ctx, &t, out, count + 1) != NN_OK) return ctx->status;
    for (int k = 0; k < count; k++) {
        const nn_story *s = &runs[k];
        nn_json last = s->end.at != NULL    ? s->end
                       : s->epoch_count > 0 ? s->epochs[s->epoch_count - 1]
                                            : s->start;
        int64_t best = nn_story_best(s);
        Place p = {&t, k + 1};
        nn_text_add(cell(&t, p.row, column(&t, "run")), s->name);
        for (int d = 0; d < different; d++) {
            // What an option did shows in the numbers that it set.
            bool shown = !nn_same(names[d], "options.lr") && !nn_same(names[d], "options.epochs") &&
                         !nn_same(names[d], "options.steps");
            size_t group = strncmp(names[d], "settings.", 9) == 0 ? 9 : 0;
            if (shown) nn_story_started(cell(&t, p.row, column(&t, names[d] + group)), s, names[d]);
        }
        put_number(p, "epoch", last, "epoch", "%.0f");
        nn_story_measures(last, put_measure, &p);
        put_number(p, "best epoch", best >= 0 ? s->epochs[best] : (nn_json){0}, "epoch", "%.0f");
        put_number(p, "seconds", last, "time_s", "%.1f");
        nn_story_value(cell(&t, p.row, column(&t, "ended")), last, "reason");
    }
    put_table(&t);
    return ctx->status;
}

nn_status nn_history(nn_context *ctx, const nn_story *runs, int count, nn_text *out) {
    return count == 1 ? put_one(ctx, &runs[0], out) : put_several(ctx, runs, count, out);
}
