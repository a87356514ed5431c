// The verifier of kernels: each of its rules is broken once, in a text that is right but for that, and must
// be what is said of it. The texts are goldens of passes (tests/passes), which goldens_test finds right.
#include "oracle/text.h"
#include "pass/kernel.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *golden, *right, *wrong, *said;
} cases[] = {
    {"tiles-dense", "u:256/32 | n:128]", "u:256/32 | n:128/2]",
     "n: tile axes have steps, others none (kernel 1 of function step)"},
    {"tiles-dense", "order [u, r]", "order [u, u]", "r: every tile axis has one loop (kernel 1"},
    {"tiles-dense", "order [u, r] lanes u", "order [u, r] lanes n",
     "lanes of results run along a tile axis (kernel 1"},
    {"tiles-dense", "u:256/32 | n:128] order [u, r] lanes u divided owned u grain 32",
     "u:256/24 | n:128] order [u, r] lanes u divided", "a tile has whole vectors (kernel 1"},
    {"tiles-dense", "order [u, r] lanes u", "order [u, r] lanes u across r",
     "lanes of a sum run along an inner axis (kernel 1"},
    {"tiles-dense", "order [u, r] lanes u", "order [u, r] lanes u ahead n by 8",
     "tiles are read ahead (kernel 1"},
    {"tiles-dense", "cycles 77829", "cycles 77829 block u:100", "u: a block has whole tiles (kernel 1"},
    {"tiles-dense", "cycles 77829", "cycles 77829 block u:64 block u:64",
     "u: an axis is in one block (kernel 1"},
    {"tiles-dense", "[u, r] lanes u divided owned u", "[u, r] lanes u owned u",
     "u: the owned axis is divided, and outermost (kernel 1"},
    {"tiles-dense", "order [u, r]", "order [r, u]", "u: the owned axis is divided, and outermost (kernel 1"},
    {"tiles-dense", "order [u, r] lanes u divided owned u grain 32",
     "order [u, r] lanes u divided owned u grain 48", "u: threads own whole grains of whole tiles (kernel 1"},
    {"tiles-dense", "kernel 2 [r:batch 64/16 | u:256] order r divided owned r grain 16",
     "kernel 2 [r:batch 64/16, u:256] order [r, u] divided",
     "top: a tile axis is not in the result: threads would all write it (kernel 2"},
    {"tiles-dense", "        top[r]", "        stage 0 work 9 walks r\n        top[r]",
     "top: a stage walks its inner axes (kernel 2"},
    {"tiles-dense", "layout h stored", "layout h",
     "h: it is read by another kernel and has no memory (kernel 2"},
    {"tiles-dense", "    w := w.new",
     "    kernel 4 [b:batch 64, i:128] order [b, i] zeros\n        x[b, i] = 0.0\n    w := w.new",
     "x: zeros are written first (kernel 4"},
    {"tiles-dense", "i:128/16]", "i:112/16]", "x: some of its elements are not written once (function step)"},
    {"tiles-dense", "kernel 2 [", "kernel 5 [", "kernels are numbered in their order (kernel 5"},
    {"tiles-dense", "layout h stored along 1 panels 128", "layout h stored along 1 panels 128 over w",
     "w: it is read after a new value was written over it (kernel 3"},
    {"fuse-later", "layout w.new stored along 3", "layout w.new stored along 3 over w",
     "w: it is read after a new value was written over it (kernel 0"},
    {"tiles-dense", "        h[r, u] = max(0.0, b[u] + z[r, u])\n",
     "        h[r, u] = max(0.0, b[u + 1] + z[r, u])\n", "the read of b at u + 1 may leave 0..255"},
    {"borders-conv", " border 1:1+1", " border 1:1+0", "the read of a at i + p - 1 may leave 0..29"},
    {"borders-conv", "        a[r, i, c] = max(0.0, x[r, i, c])\n",
     "        a[r, i, c] = max(0.0, x[r, i, c])\n        a[r, i, c] = x[r, i, c]\n",
     "a: some of its elements are not written once"},
    {"products-dense", "layout z stored", "layout z",
     "a product by a BLAS stands alone and is stored (kernel 1"},
    {"products-dense", "by w[n, u]", "by x[r, n]", "an axis is of rows, of columns or summed (kernel 1"},
    {"layout-product", "layout w stored along 1", "layout w stored along 1 panels 32",
     "its tensors lie as no matrices (kernel 1"},
    {"place-dense", "step threaded", "step", "one thread divides nothing (kernel 1"},
    {"place-dense", "at 198144", "at 198148", "x: its place is aligned, and inside the arena"},
    {"place-dense", "arena 230912", "arena 230000", "x: its place is aligned, and inside the arena"},
    {"place-dense", "at 198144", "at 132608", "h, x: two tensors that live at once lie at one place"},
    {"place-border", "layout c stored along 2 at 3136", "layout c stored along 2 at 3200",
     "c, a: a border's zeros lie where another tensor has elements"},
    {"place-dense", "owned u grain 32 waits", "owned u grain 32",
     "waits: threads meet before it, as others touch what it touches (kernel 1"},
    {"place-recur", "lanes u waits", "lanes u",
     "waits: threads meet before it, as others touch what it touches"},
    {"place-steps", "owned u grain 32 waits", "owned u grain 32",
     "waits: threads meet before it, as others touch what it touches (kernel 1"},
    {"place-before", "recur 16 waits", "recur 16",
     "waits: threads meet before it, as others touch what it touches (kernel 2"},
    {"place-recur", "    output last\n",
     "    kernel 3 [b:batch 64, t:16] order [b, t] time t\n        s[b, t, 0] = 0.0\n",
     "recur: the kernels of a loop stand together (kernel 3"},
    {"tiles-scatter", "[a:500, d:16/16", "[a:500/2, d:16/16",
     "a: rows are a tile axis, and run one by one (kernel 2"},
    {"tiles-scatter", "lanes d rows a touched", "lanes a rows a touched",
     "rows: lanes run along no rows and no positions (kernel 2"},
    {"tiles-scatter",
     "        stage 0 work 5120 plan dw.plan\n"
     "        dw[a, d] = sum[i, j] dy[i, d] if a - words[i, j] == 0 and words[i, j] in 3..999 else 0.0\n",
     "", "rows: a kernel of rows begins with a sum (kernel 5"},
    {"tiles-scatter", "        stage 0 work 5120 plan dw.plan\n", "",
     "dw: sums in rows have plans (kernel 5"},
    {"tiles-scatter", "plan dw.plan", "plan du.plan",
     "dw: a plan has an entry for each position of its sum (kernel 5"},
    {"tiles-scatter", "u.new stored along 1 over u", "u.new stored along 1",
     "u.new: rows that are not touched keep old values (kernel 2"},
    {"fuse-scatter", "late dw.seen[1002]", "late dw.seen[1000]",
     "dw.seen: each row has its step, and two marks are behind them"},
    {"fuse-scatter", "late dw.past[1028, 2]", "late dw.past[1000, 2]",
     "dw.past: a ring has the numbers of the last steps"},
    {"fuse-scatter", "rows a touched catches late", "rows a touched late",
     "s: it is read after a new value was written over it (kernel 6"},
    {"tiles-scatter", "order i plans 500", "order i", "du.plan: some of its elements are not written once"},
};
enum { CASES = sizeof cases / sizeof *cases };

static char *slurp(Context *ctx, const char *path) {
    Text text = {.arena = ctx->arena};
    FILE *f = fopen(path, "rb");
    for (int c; f && (c = fgetc(f)) != EOF;) vec_push(ctx->arena, &text.chars, (char)c);
    if (f) fclose(f);
    vec_push(ctx->arena, &text.chars, 0);
    return text.chars.data;
}

static bool refused(Context *ctx, int i) {
    const char *path = string_format(ctx->arena, "%s/tests/passes/%s.out", TEST_ROOT, cases[i].golden);
    const char *text = slurp(ctx, path), *at = strstr(text, cases[i].right);
    if (!at) return false;
    text = string_format(ctx->arena, "%.*s%s%s", (int)(at - text), text, cases[i].wrong,
                         at + strlen(cases[i].right));
    Kernels *ks = kernels_read(ctx, source_add(ctx, path, text, strlen(text)));
    const char *said = ks ? kernels_verify(ks) : "";
    if (!ks) diagnostics_print(ctx, false, stdout);
    if (said && strstr(said, cases[i].said)) return true;
    printf("%s: said of `%s`: %s\n", cases[i].golden, cases[i].wrong, said ? said : "nothing");
    return false;
}

int main(void) {
    int passed = 0;
    for (int i = 0; i < CASES; i++) {
        Context *ctx = context_create();
        if (refused(ctx, i))
            passed++;
        else
            printf("%s: wanted: %s\n", cases[i].golden, cases[i].said);
        context_destroy(ctx);
    }
    printf("%d passed, %d failed\n", passed, CASES - passed);
    return passed != CASES;
}
