// Runs as a text: of one its beginning, some of its epochs and its end; of several a line each, with what
// differs in how they began, and where they ended.
#include "report/report.h"

#include <string.h>

// ---- one run ----

static const char begun[][16] = {"program",        "model", "nnc",    "digest", "cpu",        "threads",
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

static void put_number(nn_table *t, const char *name, nn_json line, const char *key, const char *format) {
    nn_table_number(t, name, format, nn_json_number(line, key));
}

static nn_status put_one(nn_context *ctx, const nn_story *s, nn_text *out) {
    enum { SHOWN = 20 };
    int64_t n = s->epoch_count, rows = n < SHOWN ? n : SHOWN;
    nn_table t;
    if (s->start.at != NULL) put_beginning(s, out);
    nn_table_begin(ctx, &t, rows + 1);
    int64_t best = nn_story_best(s);
    for (int64_t r = 0; r < rows; r++) {
        // The first and the last among them.
        nn_json line = s->epochs[rows < 2 ? r : r * (n - 1) / (rows - 1)];
        t.row = (int)r + 1;
        put_number(&t, "epoch", line, "epoch", "%.0f");
        put_number(&t, "step", line, "step", "%.0f");
        nn_table_measures(&t, line);
        put_number(&t, "lr", line, "lr", "%.3g");
        put_number(&t, "seconds", line, "time_s", "%.1f");
    }
    nn_table_put(&t, out);
    if (best >= 0) nn_text_format(out, "\nbest: epoch %.0f\n", nn_json_number(s->epochs[best], "epoch"));
    nn_text_add(out, best >= 0 ? "" : "\n");
    nn_text_add(out, s->end.at == NULL ? "not ended, or cut off" : "ended: ");
    if (s->end.at != NULL) nn_story_value(out, s->end, "reason");
    nn_text_add(out, "\n");
    return ctx->status;
}

// ---- several ----

// What an option did shows in the numbers that it set.
static bool is_shown(const nn_table *starts, int column) {
    static const char others[][15] = {"run", "features", "options.lr", "options.epochs", "options.steps"};
    bool shown = nn_table_differs(starts, column);
    for (size_t k = 0; k < sizeof others / sizeof *others; k++)
        shown = shown && !nn_same(nn_table_text(starts, 0, column), others[k]);
    return shown;
}

static nn_status put_several(nn_context *ctx, const nn_story *runs, int count, nn_text *out) {
    nn_table starts, t;
    nn_story_starts(ctx, runs, count, &starts);
    nn_table_begin(ctx, &t, count + 1);
    for (t.row = 1; t.row <= count; t.row++) {
        nn_text_add(nn_table_cell(&t, "run"), runs[t.row - 1].name);
        for (int c = 0; c < starts.columns; c++) {
            const char *name = nn_table_text(&starts, 0, c);
            if (is_shown(&starts, c))
                nn_text_add(nn_table_cell(&t, name + (strncmp(name, "settings.", 9) == 0 ? 9 : 0)),
                            nn_table_text(&starts, t.row, c));
        }
        nn_json last = nn_story_last(&runs[t.row - 1]);
        put_number(&t, "epoch", last, "epoch", "%.0f");
        nn_table_measures(&t, last);
    }
    for (t.row = 1; t.row <= count; t.row++) {
        const nn_story *s = &runs[t.row - 1];
        nn_json last = nn_story_last(s);
        int64_t best = nn_story_best(s);
        put_number(&t, "best epoch", best >= 0 ? s->epochs[best] : (nn_json){0}, "epoch", "%.0f");
        put_number(&t, "seconds", last, "time_s", "%.1f");
        nn_story_value(nn_table_cell(&t, "ended"), last, "reason");
    }
    nn_table_put(&t, out);
    return ctx->status;
}

nn_status nn_history(nn_context *ctx, const nn_story *runs, int count, nn_text *out) {
    return count == 1 ? put_one(ctx, &runs[0], out) : put_several(ctx, runs, count, out);
}
