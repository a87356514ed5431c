// Pages of runs: HTML with pictures in it as SVG and PNG, no script, nothing from elsewhere. Guarantees: what
// others wrote (names, classes, texts, programs) is text in it, whatever it holds.
#ifndef NN_PAGE_H
#define NN_PAGE_H

#include "report/report.h"

// ---- pieces (html.c) ----
void nn_html_text(nn_text *out, const char *s, uint64_t length); // as text, also within an attribute's quotes
void nn_html_string(nn_text *out, const char *s);
// A picture of height * width * channels (1 or 3) bytes: the file; a tag.
void nn_png(nn_text *out, const unsigned char *pixels, int64_t height, int64_t width, int channels);
void nn_html_picture(nn_text *out, const unsigned char *pixels, int64_t height, int64_t width, int channels);

// ---- curves (chart.c) ----
typedef struct nn_curve {
    char name[NN_KEY_ROOM];
    const double *x, *y; // not finite: a gap
    int64_t count, best; // best: the point that is marked, -1: none
    int color, dash;     // 0 .. 7; 0, 1, 2
} nn_curve;
void nn_html_chart(nn_text *out, const char *title, const nn_curve *curves, int count, bool may_log);
// Counts of equal steps, low to high.
void nn_html_histogram(nn_text *out, const double *counts, int64_t count, double low, double high, int color);

// ---- the page (page.c) ----
typedef struct nn_page {
    const nn_story *runs;
    int count;
    const char *program, *digest; // a text, which is shown where all runs are of this digest; "": not known
    const char *body;             // HTML that the program's own trainer adds: matrices, samples, memory
} nn_page;
nn_status nn_html_page(nn_context *ctx, const nn_page *page, nn_text *out);

#endif
