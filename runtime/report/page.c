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

typedef struct {
    nn_text *out;
    const char *tag;
} Cell;

static void put_measure(void *data, const char *name, double value) {
    const Cell *c = data;
    if (c->tag[1] == 'h') {
        nn_text_add(c->out, "<th scope=\"col\">");
        nn_html_string(c->out, name);
        nn_text_add(c->out, "</th>");
    } else
        nn_text_format(c->out, isfinite(value) ? "<td>%.5g</td>" : "<td>&#8212;</td>", value);
}

static nn_json last_line(const nn_story *s) {
    return s->end.at != NULL ? s->end : s->epoch_count > 0 ? s->epochs[s->epoch_count - 1] : s->start;
}

static void put_value(nn_context *ctx, nn_text *out, nn_json object, const char *name) {
    nn_text value;
    nn_text_begin(&value, ctx);
    nn_story_value(&value, object, name);
    nn_html_string(out, value.bytes);
    nn_text_end(&value);
}

static void put_ends(nn_context *ctx, const nn_page *page, nn_text *out) {
    Cell head = {out, "th"}, cell = {out, "td"};
    nn_text_add(
        out,
        "<h2>How it ended</h2><div class=\"scroll\"><table><tr><th scope=\"col\">run</th><th scope=\"col\">"
        "of</th><th scope=\"col\">epoch</th><th scope=\"col\">step</th>");
    nn_story_measures(last_line(&page->runs[0]), put_measure, &head);
    nn_text_add(out, "<th scope=\"col\">seconds</th><th scope=\"col\">ended</th></tr>\n");
    for (int k = 0; k < page->count * 2; k++) {
        const nn_story *s = &page->runs[k / 2];
        int64_t best = nn_story_best(s);
        nn_json line = k % 2 == 0 ? last_line(s) : best >= 0 ? s->epochs[best] : (nn_json){0};
        if (line.at == NULL) continue;
        nn_text_add(out, "<tr><th scope=\"row\">");
        nn_html_string(out, s->name);
        nn_text_format(out, "</th><td class=\"text\">%s</td><td>%.0f</td><td>%.0f</td>",
                       k % 2 == 0 ? "the end" : "the best epoch", nn_json_number(line, "epoch"),
                       nn_json_number(line, "step"));
        nn_story_measures(line, put_measure, &cell);
        nn_text_format(out, "<td>%.1f</td><td class=\"text\">", nn_json_number(line, "time_s"));
        put_value(ctx, out, line, "reason");
        nn_text_add(out, "</td></tr>\n");
    }
    nn_text_add(out, "</table></div>\n");
}

// A row for every name of the beginnings, a column for every run.
static void put_starts(nn_context *ctx, const nn_page *page, nn_text *out) {
    nn_json start = page->runs[0].start, value, inner;
    char key[NN_KEY_ROOM], name[NN_KEY_ROOM], path[2 * NN_KEY_ROOM + 2];
    nn_text_add(out, "<h2>How it began</h2><div class=\"scroll\"><table><tr><th scope=\"col\"></th>");
    for (int k = 0; k < page->count; k++) {
        nn_text_add(out, "<th scope=\"col\">");
        nn_html_string(out, page->runs[k].name);
        nn_text_add(out, "</th>");
    }
    nn_text_add(out, "</tr>\n");
    while (nn_json_member(&start, key, sizeof key, &value)) {
        bool group = *value.at == '{';
        while (!group || nn_json_member(&value, name, sizeof name, &inner)) {
            snprintf(path, sizeof path, group ? "%s.%s" : "%s", key, name);
            if (nn_same(key, "event") || nn_same(key, "step") || nn_same(key, "epoch")) break;
            nn_text_add(out, "<tr><th scope=\"row\">");
            nn_html_string(out, path);
            for (int k = 0; k < page->count; k++) {
                nn_text text;
                nn_text_begin(&text, ctx);
                nn_story_started(&text, &page->runs[k], path);
                nn_text_add(out, k == 0 ? "</th><td class=\"text\">" : "</td><td class=\"text\">");
                nn_html_string(out, text.bytes);
                nn_text_end(&text);
            }
            nn_text_add(out, "</td></tr>\n");
            if (!group) break;
        }
    }
    nn_text_add(out, "</table></div>\n");
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
    for (int k = 0; k < page->count; k++) nn_story_measures(last_line(&page->runs[k]), note_base, c);
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

typedef struct {
    double steps[MOMENTS];
    int moments, tensors;
    nn_json names[TENSORS]; // a line of each parameter
} Weights;

static bool is_of(nn_json line, nn_json of, double step) {
    nn_json a, b;
    return nn_json_find(line, "tensor", &a) && nn_json_find(of, "tensor", &b) &&
           a.end - a.at == b.end - b.at && memcmp(a.at, b.at, (size_t)(a.end - a.at)) == 0 &&
           (isnan(step) || nn_json_number(line, "step") == step);
}

// The last of more moments than a row has takes the last place.
static void find_weights(const nn_story *s, Weights *w) {
    for (int64_t k = 0; k < s->other_count; k++) {
        nn_json line = s->others[k];
        if (!nn_story_is(line, "event", "weights")) continue;
        double step = nn_json_number(line, "step");
        bool known = false;
        for (int m = 0; m < w->moments; m++) known = known || w->steps[m] == step;
        if (!known) w->steps[w->moments < MOMENTS ? w->moments++ : MOMENTS - 1] = step;
        known = w->tensors == TENSORS;
        for (int n = 0; n < w->tensors; n++) known = known || is_of(line, w->names[n], (double)NAN);
        if (!known) w->names[w->tensors++] = line;
    }
}

static void put_weights(nn_context *ctx, const nn_page *page, nn_text *out) {
    const nn_story *s = &page->runs[0];
    Weights w = {.moments = 0};
    find_weights(s, &w);
    if (w.moments == 0) return;
    nn_text_add(
        out,
        "<h2>Weights, and what one step changed</h2><p class=\"lead\">Above the weights after a step, below "
        "what that "
        "step changed: the gradient as the optimizer made use of it.</p><div class=\"scroll\"><table><tr>"
        "<th scope=\"col\">parameter</th>");
    for (int m = 0; m < w.moments; m++) nn_text_format(out, "<th scope=\"col\">step %.0f</th>", w.steps[m]);
    nn_text_add(out, "</tr>\n");
    for (int n = 0; n < w.tensors; n++) {
        nn_text_add(out, "<tr><th scope=\"row\">");
        put_value(ctx, out, w.names[n], "tensor");
        nn_text_add(out, "</th>");
        for (int m = 0; m < w.moments; m++) {
            nn_json update;
            nn_text_add(out, "<td>");
            for (int64_t k = 0; k < s->other_count; k++) {
                if (!is_of(s->others[k], w.names[n], w.steps[m])) continue;
                put_counts(out, s->others[k], 0);
                if (nn_json_find(s->others[k], "update", &update)) put_counts(out, update, 1);
                break;
            }
            nn_text_add(out, "</td>");
        }
        nn_text_add(out, "</tr>\n");
    }
    nn_text_add(out, "</table></div>\n");
}

// ---- the whole ----

void nn_html_page(nn_context *ctx, const nn_page *page, nn_text *out) {
    const nn_story *first = &page->runs[0];
    nn_text_add(out, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/><meta "
                     "name=\"viewport\" content=\"width=device-width,"
                     "initial-scale=1\"/><link rel=\"icon\" href=\"data:,\"/><title>");
    for (int k = 0; k < page->count; k++) {
        nn_text_add(out, k == 0 ? "" : ", ");
        nn_html_string(out, page->runs[k].name);
    }
    nn_text_format(out, "</title><style>%s</style></head><body><main>\n<h1>", style);
    put_value(ctx, out, first->start, "program");
    nn_text_add(out, "</h1><p class=\"lead\">");
    for (int k = 0; k < page->count; k++) {
        nn_text_add(out, k == 0 ? "" : ", ");
        nn_html_string(out, first[k].name);
    }
    nn_text_add(out, "; nnc ");
    put_value(ctx, out, first->start, "nnc");
    nn_text_add(out, "</p>\n");
    put_ends(ctx, page, out);
    put_curves(ctx, page, out);
    nn_text_add(out, page->body);
    if (page->count == 1) put_weights(ctx, page, out);
    put_starts(ctx, page, out);
    if (page->program[0] != '\0') {
        nn_text_add(out, "<h2>The program</h2><pre>");
        nn_html_string(out, page->program);
        nn_text_add(out, "</pre>\n");
    }
    nn_text_add(out, "</main></body></html>\n");
}
