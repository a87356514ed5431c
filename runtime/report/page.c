// The page of one run, or of several over each other: what its logs tell, and what the trainer adds.
#include "report/page.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char style[] =
    ":root{color-scheme:light "
    "dark;--ink:#1c1e21;--soft:#5f6670;--paper:#fff;--line:#dfe2e6;--a:#2563b8;--b:#c2410c;"
    "--c:#15803d;--d:#9333a8;--e:#b45309;--f:#0e7490;--g:#be123c;--h:#4d5560}"
    "@media(prefers-color-scheme:dark){:root{--ink:#e6e8ea;--soft:#9aa2ac;--paper:#16181b;--line:#34383e;--a:"
    "#6ea8fe;"
    "--b:#fb923c;--c:#4ade80;--d:#d68cf0;--e:#fbbf24;--f:#38bdd8;--g:#fb7185;--h:#b8c0ca}}"
    "*{box-sizing:border-box}body{margin:0 auto;max-width:78rem;padding:1.5rem;color:var(--ink);"
    "background:var(--paper);font:15px/1.5 system-ui,sans-serif}"
    "h1{font-size:1.5rem;margin:0 0 .3rem}h2{font-size:1.1rem;margin:2rem 0 .6rem;border-bottom:1px solid "
    "var(--line)}"
    "p.lead{color:var(--soft);margin:.2rem "
    "0}.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(22rem,1fr));gap:1rem}"
    "figure{margin:0;break-inside:avoid}figcaption{font-weight:600}svg{display:block;width:100%;height:auto}"
    "svg text{font-size:11px;fill:var(--soft)}.end{text-anchor:end}.middle{text-anchor:middle}"
    ".grid{stroke:var(--line);fill:none}.curve{fill:none;stroke-width:1.8;stroke-linejoin:round}.d1{stroke-"
    "dasharray:2 3}"
    ".d2{stroke-dasharray:7 4}.legend{margin:.2rem 0;color:var(--soft);font-size:13px}"
    ".legend svg{display:inline-block;width:24px;height:8px}.legend "
    "span{margin-right:1rem;white-space:nowrap}"
    ".c0{stroke:var(--a)}.c1{stroke:var(--b)}.c2{stroke:var(--c)}.c3{stroke:var(--d)}.c4{stroke:var(--e)}.c5{"
    "stroke:var(--f)}"
    ".c6{stroke:var(--g)}.c7{stroke:var(--h)}circle{fill:var(--paper);stroke-width:2.5}.f0{fill:var(--a)}.f1{"
    "fill:var(--b)}"
    ".scroll{overflow-x:auto}table{border-collapse:collapse;margin-bottom:.8rem;font-size:13px;font-variant-"
    "numeric:tabular-nums}"
    "th,td{padding:.2rem .6rem;border-bottom:1px solid var(--line);text-align:right;vertical-align:top}"
    "th:first-child,td.text{text-align:left}th{font-weight:600}td.same{font-weight:700}.histogram{width:"
    "120px;height:40px}"
    "small{color:var(--soft);display:block;font-size:11px}pre{overflow-x:auto;padding:.8rem;border:1px solid "
    "var(--line);font-size:12.5px}"
    ".samples{display:grid;grid-template-columns:repeat(auto-fill,minmax(8rem,1fr));gap:.8rem}.samples "
    "figcaption{font-weight:400;font-size:12.5px}"
    ".samples img{width:100%;max-width:10rem;image-rendering:pixelated;background:var(--line);display:block}"
    "@media "
    "print{body{padding:0;max-width:none;font-size:11px}.scroll{overflow:visible}pre{white-space:pre-wrap}}";

// ---- what runs are, and how they ended ----

static void put_value(nn_context *ctx, nn_text *out, nn_json object, const char *name) {
    nn_text value;
    nn_text_begin(&value, ctx);
    nn_story_value(&value, object, name);
    nn_html_string(out, value.bytes);
    nn_text_end(&value);
}

static void put_end(nn_table *t, const nn_story *s, const char *of, nn_json line) {
    t->row++;
    nn_text_add(nn_table_cell(t, "run"), s->name);
    nn_text_add(nn_table_cell(t, "of"), of);
    nn_table_number(t, "epoch", "%.0f", nn_json_number(line, "epoch"));
    nn_table_number(t, "step", "%.0f", nn_json_number(line, "step"));
    nn_table_measures(t, line);
    nn_table_number(t, "seconds", "%.1f", nn_json_number(line, "time_s"));
    nn_story_value(nn_table_cell(t, "ended"), line, "reason");
}

static void put_ends(nn_context *ctx, const nn_page *page, nn_text *out) {
    nn_table t;
    nn_table_begin(ctx, &t, 2 * (int64_t)page->count + 1);
    static const char first[][6] = {"run", "of", "epoch", "step"};
    for (size_t k = 0; k < sizeof first / sizeof *first; k++) nn_table_cell(&t, first[k]);
    for (int k = 0; k < page->count; k++) nn_table_measures(&t, nn_story_last(&page->runs[k]));
    for (int k = 0; k < page->count; k++) {
        const nn_story *s = &page->runs[k];
        int64_t best = nn_story_best(s);
        put_end(&t, s, "the end", nn_story_last(s));
        if (best >= 0) put_end(&t, s, "the best epoch", s->epochs[best]);
    }
    t.rows = t.row + 1;
    nn_text_add(out, "<h2>How it ended</h2>");
    nn_table_html(&t, out, 0);
}

// ---- curves ----

enum { MEASURES = 64, CURVES = 24 };

typedef struct {
    nn_context *ctx;
    const nn_page *page;
    nn_text *out;
    char bases[MEASURES][NN_KEY_ROOM]; // of measures: their names without the part
    int count;
} Curves;

static void note_base(void *data, const char *name, double value) {
    Curves *c = data;
    const char *base = strncmp(name, "test.", 5) == 0          ? name + 5
                       : strncmp(name, "validation.", 11) == 0 ? name + 11
                                                               : name;
    (void)value;
    for (int k = 0; k < c->count; k++)
        if (nn_same(c->bases[k], base)) return;
    if (c->count < MEASURES) snprintf(c->bases[c->count++], NN_KEY_ROOM, "%s", base);
}

// The numbers of one name over the epochs; count 0: none.
static void take_curve(Curves *c, int run, const char *name, const char *label, int color, int dash,
                       nn_curve *curve) {
    const nn_story *s = &c->page->runs[run];
    double *values = nn_get(c->ctx, (uint64_t)s->epoch_count * 2 + 1, sizeof *values);
    int64_t found = 0;
    *curve = (nn_curve){.best = nn_story_best(s), .color = color, .dash = dash};
    for (int64_t k = 0; k < s->epoch_count && values != NULL; k++) {
        values[k] = nn_json_number(s->epochs[k], "epoch");
        values[s->epoch_count + k] = nn_json_number(s->epochs[k], name);
        found += isfinite(values[s->epoch_count + k]);
    }
    if (c->page->count == 1)
        snprintf(curve->name, sizeof curve->name, "%s", label);
    else
        snprintf(curve->name, sizeof curve->name, "%.160s %.80s", s->name, label);
    curve->x = values;
    curve->y = values + s->epoch_count;
    curve->count = found > 0 ? s->epoch_count : 0;
}

static void put_chart(Curves *c, const char *title, const char *const names[3], const char *const labels[3],
                      bool may_log) {
    nn_curve curves[CURVES];
    int count = 0;
    for (int run = 0; run < c->page->count; run++) {
        for (int k = 0; k < 3 && count < CURVES; k++) {
            if (names[k] == NULL) continue;
            take_curve(c, run, names[k], labels[k], c->page->count == 1 ? k : run,
                       c->page->count == 1 ? 0 : (3 - k) % 3, &curves[count]);
            count += curves[count].count > 0;
        }
    }
    if (count > 0) nn_html_chart(c->out, title, curves, count, may_log);
    for (int k = 0; k < count; k++) nn_drop(c->ctx, (void *)(uintptr_t)curves[k].x);
}

static void put_curves(nn_context *ctx, const nn_page *page, nn_text *out) {
    static const char *const parts[] = {"training", "test", "validation"};
    static const struct {
        const char *title, *name;
    } more[] = {{"learning rate", "lr"},
                {"samples a second", "samples_per_s"},
                {"norm of the gradient", "gradient_norm"}};
    Curves *c = nn_get(ctx, 1, sizeof *c);
    if (c == NULL) return;
    c->ctx = ctx, c->page = page, c->out = out;
    nn_text_add(out, "<h2>Curves</h2><div class=\"charts\">\n");
    for (int k = 0; k < page->count; k++) nn_story_measures(nn_story_last(&page->runs[k]), note_base, c);
    for (int k = 0; k < c->count; k++) {
        char names[2][NN_KEY_ROOM + 16];
        snprintf(names[0], sizeof names[0], "test.%s", c->bases[k]);
        snprintf(names[1], sizeof names[1], "validation.%s", c->bases[k]);
        put_chart(c, c->bases[k], (const char *[]){c->bases[k], names[0], names[1]}, parts,
                  nn_same(c->bases[k], "loss"));
    }
    for (size_t k = 0; k < sizeof more / sizeof *more; k++)
        put_chart(c, more[k].title, (const char *[]){more[k].name, NULL, NULL},
                  (const char *[]){more[k].name, "", ""}, k != 1);
    nn_text_add(out, "</div>\n");
    nn_drop(ctx, c);
}

// ---- weights and updates at a few moments ----

enum { TENSORS = 60, MOMENTS = 6 };

static void put_counts(nn_text *out, nn_json object, int color) {
    double counts[NN_BINS_MOST];
    int64_t n = nn_story_counts(object, counts);
    if (n > 0)
        nn_html_histogram(out, counts, n, nn_json_number(object, "low"), nn_json_number(object, "high"),
                          color);
}

// The last of more moments than there is room for takes the last place.
static void put_weights(nn_context *ctx, const nn_story *s, nn_text *out) {
    nn_table t;
    nn_text name;
    double step = (double)NAN;
    nn_json update;
    nn_table_begin(ctx, &t, MOMENTS + 1);
    nn_text_begin(&name, ctx);
    for (int64_t k = 0; k < s->other_count; k++) {
        nn_json line = s->others[k];
        if (!nn_story_is(line, "event", "weights")) continue;
        t.row += nn_json_number(line, "step") != step && t.row < MOMENTS;
        step = nn_json_number(line, "step");
        nn_text_format(nn_table_cell(&t, "parameter"), "step %.0f", step);
        nn_text_clear(&name);
        nn_story_value(&name, line, "tensor");
        nn_text *cell = nn_table_cell(&t, name.bytes);
        put_counts(cell, line, 0);
        if (nn_json_find(line, "update", &update)) put_counts(cell, update, 1);
    }
    nn_text_end(&name);
    if (t.row == 0) return;
    t.rows = t.row + 1;
    t.columns = t.columns < TENSORS ? t.columns : TENSORS;
    nn_text_add(
        out, "<h2>Weights, and what one step changed</h2><p class=\"lead\">Above the weights after a step, "
             "below what that step changed: the gradient as the optimizer made use of it.</p>");
    nn_table_html(&t, out, NN_TURNED | NN_DRAWN);
}

// ---- the whole ----

static void put_names(const nn_page *page, nn_text *out) {
    for (int k = 0; k < page->count; k++) {
        nn_text_add(out, k == 0 ? "" : ", ");
        nn_html_string(out, page->runs[k].name);
    }
}

nn_status nn_html_page(nn_context *ctx, const nn_page *page, nn_text *out) {
    nn_json start = page->runs[0].start;
    nn_table starts;
    nn_story_starts(ctx, page->runs, page->count, &starts);
    nn_text_add(out, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/><meta "
                     "name=\"viewport\" content=\"width=device-width,"
                     "initial-scale=1\"/><link rel=\"icon\" href=\"data:,\"/><title>");
    put_names(page, out);
    nn_text_format(out, "</title><style>%s</style></head><body><main>\n<h1>", style);
    put_value(ctx, out, start, "program");
    nn_text_add(out, "</h1><p class=\"lead\">");
    put_names(page, out);
    nn_text_add(out, "; nnc ");
    put_value(ctx, out, start, "nnc");
    nn_text_add(out, "</p>\n");
    put_ends(ctx, page, out);
    put_curves(ctx, page, out);
    nn_text_add(out, page->body);
    if (page->count == 1) put_weights(ctx, &page->runs[0], out);
    nn_text_add(out, "<h2>How it began</h2>");
    nn_table_html(&starts, out, NN_TURNED);
    bool own = page->program[0] != '\0';
    for (int k = 0; k < page->count; k++)
        own = own && nn_story_is(page->runs[k].start, "digest", page->digest);
    if (own) {
        nn_text_add(out, "<h2>The program</h2><pre>");
        nn_html_string(out, page->program);
        nn_text_add(out, "</pre>\n");
    }
    nn_text_add(out, "</main></body></html>\n");
    return ctx->status;
}
