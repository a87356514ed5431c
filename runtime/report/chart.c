// Curves and histograms as SVG.
#include "report/page.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { WIDTH = 560, HEIGHT = 250, LEFT = 56, RIGHT = 12, TOP = 10, BOTTOM = 30, POINTS = 300 };

typedef struct {
    nn_text *out;
    double x[2], y[2]; // what lies at the edges; of y the logarithms, if `log`
    bool log;
} Chart;

static double across(const Chart *c, double x) {
    return LEFT + (x - c->x[0]) / (c->x[1] - c->x[0]) * (WIDTH - LEFT - RIGHT);
}

static double down(const Chart *c, double y) {
    double value = c->log ? log10(y) : y;
    return HEIGHT - BOTTOM - (value - c->y[0]) / (c->y[1] - c->y[0]) * (HEIGHT - TOP - BOTTOM);
}

static void widen(double edges[2], double value) {
    edges[0] = fmin(edges[0], value);
    edges[1] = fmax(edges[1], value);
}

// Edges that are no edges yet are moved apart; NaN stays out by fmin and fmax.
static void settle(double edges[2]) {
    if (!isfinite(edges[0]) || !isfinite(edges[1])) edges[0] = edges[1] = 0;
    double room = edges[1] > edges[0] ? 0 : fmax(fabs(edges[0]) * 0.1, 1e-6);
    edges[0] -= room;
    edges[1] += room;
}

// A log may hold any number: what is larger than anything that can be measured is a gap.
static bool is_point(const nn_curve *curve, int64_t k) {
    return fabs(curve->x[k]) < 1e15 && fabs(curve->y[k]) < 1e300;
}

static void measure(Chart *c, const nn_curve *curves, int count, bool may_log) {
    double low = INFINITY, high = -INFINITY;
    c->x[0] = INFINITY, c->x[1] = -INFINITY;
    for (int k = 0; k < count; k++) {
        for (int64_t p = 0; p < curves[k].count; p++) {
            if (!is_point(&curves[k], p)) continue;
            widen(c->x, curves[k].x[p]);
            low = fmin(low, curves[k].y[p]);
            high = fmax(high, curves[k].y[p]);
        }
    }
    c->log = may_log && low > 0 && high / low > 30;
    c->y[0] = c->log ? log10(low) : low;
    c->y[1] = c->log ? log10(high) : high;
    settle(c->x);
    settle(c->y);
    double room = (c->y[1] - c->y[0]) * 0.04;
    c->y[0] -= room;
    c->y[1] += room;
}

// 1, 2 or 5 times a power of ten, so that about `n` of them fill a range.
static double step_of(double range, int n) {
    double power = pow(10, floor(log10(range / n))), times = range / n / power;
    return power * (times < 1.5 ? 1 : times < 3.5 ? 2 : times < 7.5 ? 5 : 10);
}

static void put_tick(const Chart *c, double value, bool vertical) {
    double at = vertical ? down(c, c->log ? pow(10, value) : value) : across(c, value);
    double shown = vertical && c->log ? pow(10, value) : value;
    const char *unit = fabs(shown) >= 1e7 ? " M" : fabs(shown) >= 1e4 ? " k" : "";
    shown /= fabs(shown) >= 1e7 ? 1e6 : fabs(shown) >= 1e4 ? 1e3 : 1;
    if (fabs(shown) < 1e-12 && !(vertical && c->log)) shown = 0;
    if (vertical)
        nn_text_format(
            c->out,
            "<path class=\"grid\" d=\"M%d %.1fH%d\"/><text x=\"%d\" y=\"%.1f\" class=\"end\">%.4g%s</text>",
            LEFT, at, WIDTH - RIGHT, LEFT - 6, at + 4, shown, unit);
    else
        nn_text_format(c->out, "<text x=\"%.1f\" y=\"%d\" class=\"middle\">%.6g%s</text>", at,
                       HEIGHT - BOTTOM + 16, shown, unit);
}

static void put_ticks(const Chart *c, const double edges[2], double step, bool vertical) {
    enum { MOST = 20 }; // also where a step is too small to change a number
    double first = ceil(edges[0] / step) * step;
    for (int k = 0; k < MOST && first + k * step <= edges[1] + step * 1e-9; k++)
        put_tick(c, first + k * step, vertical);
}

static void put_axes(const Chart *c) {
    double step = step_of(c->y[1] - c->y[0], 5);
    if (c->log && step < 0.3) step = 0.3010299956639812; // 1, 2, 4 ...
    if (c->log && step > 0.4) step = fmax(1, floor(step));
    put_ticks(c, c->x, step_of(c->x[1] - c->x[0], 6), false);
    put_ticks(c, c->y, step, true);
    nn_text_format(c->out, "<text x=\"%d\" y=\"%d\" class=\"end\">epoch</text>", WIDTH - RIGHT, HEIGHT - 2);
}

static void put_curve(const Chart *c, const nn_curve *curve) {
    int64_t n = curve->count < POINTS ? curve->count : POINTS;
    const char *command = "M";
    nn_text_format(c->out, "<path class=\"curve c%d d%d\" d=\"", curve->color & 7, curve->dash);
    for (int64_t k = 0; k < n; k++) {
        int64_t p = n < 2 ? k : k * (curve->count - 1) / (n - 1);
        bool there = is_point(curve, p) && (!c->log || curve->y[p] > 0);
        if (there)
            nn_text_format(c->out, "%s%.1f %.1f", command, across(c, curve->x[p]), down(c, curve->y[p]));
        command = there ? "L" : "M";
    }
    nn_text_add(c->out, "\"/>");
    int64_t b = curve->best;
    if (b >= 0 && b < curve->count && is_point(curve, b) && (!c->log || curve->y[b] > 0))
        nn_text_format(c->out,
                       "<circle class=\"c%d\" cx=\"%.1f\" cy=\"%.1f\" r=\"4\"><title>the best epoch, %.0f: "
                       "%.6g</title></circle>",
                       curve->color & 7, across(c, curve->x[b]), down(c, curve->y[b]), curve->x[b],
                       curve->y[b]);
}

void nn_html_chart(nn_text *out, const char *title, const nn_curve *curves, int count, bool may_log) {
    Chart c = {.out = out};
    measure(&c, curves, count, may_log);
    nn_text_add(out, "<figure><figcaption>");
    nn_html_string(out, title);
    if (c.log) nn_text_add(out, " (logarithmic)");
    nn_text_format(out, "</figcaption><svg role=\"img\" viewBox=\"0 0 %d %d\" aria-label=\"", WIDTH, HEIGHT);
    nn_html_string(out, title);
    nn_text_add(out, " by epoch\">");
    put_axes(&c);
    for (int k = 0; k < count; k++) put_curve(&c, &curves[k]);
    nn_text_add(out, "</svg><p class=\"legend\">");
    for (int k = 0; k < count; k++) {
        nn_text_format(out,
                       "<span><svg viewBox=\"0 0 24 8\" aria-hidden=\"true\"><path class=\"curve c%d d%d\" "
                       "d=\"M1 4H23\"/></svg> ",
                       curves[k].color & 7, curves[k].dash);
        nn_html_string(out, curves[k].name);
        nn_text_add(out, "</span> ");
    }
    nn_text_add(out, "</p></figure>\n");
}

void nn_html_histogram(nn_text *out, const double *counts, int64_t count, double low, double high,
                       int color) {
    double most = 1;
    for (int64_t k = 0; k < count; k++) most = fmax(most, counts[k]);
    nn_text_format(
        out,
        "<svg role=\"img\" class=\"histogram\" viewBox=\"0 0 120 40\" preserveAspectRatio=\"none\" "
        "aria-label=\"from %.3g to %.3g\"><path class=\"f%d\" d=\"M0 40",
        low, high, color);
    for (int64_t k = 0; k < count; k++)
        nn_text_format(out, "V%.1fH%.1f", 40 - 38 * counts[k] / most,
                       120.0 * (double)(k + 1) / (double)count);
    nn_text_format(out, "V40Z\"/></svg><small>%.3g &#8230; %.3g</small>", low, high);
}
