// Loops over time in random texts: layers of the program's own with one lag or two, what is carried given in
// one line or several, from the front or the end, over the rows' lengths, loops in loops; and the library's.
#include "programs/random_writer.h"

#include <string.h>

typedef struct {
    const char *name;
    bool length, start, reversed, two, second, matrix, cell;
} Loop;

// How a step reads what another carried, `lag` steps before.
static const char *before(Writer *w, const Loop *l, const char *name, int lag, const char *index) {
    return string_format(w->arena, "%s[b, t %s %d, %s]", name, l->reversed ? "+" : "-", lag, index);
}

static void put_start(Writer *w, const Loop *l, Text *out) {
    static const char *const NUMBERS[] = {"0", "0.3", "1"};
    text_add(out, "    recur t from h = %s", l->start ? "start" : ONE_OF(w, NUMBERS));
    if (l->second) text_add(out, ", c = %s", ONE_OF(w, NUMBERS));
    text_put(out, " {\n");
}

static void put_lines(Writer *w, const Loop *l, Text *out) {
    const char *lines[3], *old = before(w, l, "h", 1, "u");
    const char *leaves[4] = {"x[b, t, u]", string_format(w->arena, "a[u] * %s", old), old, "x[b, t, u]"};
    if (l->two) leaves[3] = string_format(w->arena, "0.4 * %s", before(w, l, "h", 2, "u"));
    const char *sum =
        l->matrix ? string_format(w->arena, " + (sum[v] m[v, u] * %s)", before(w, l, "h", 1, "v")) : "";
    const char *more = l->two ? string_format(w->arena, " + %s", leaves[3]) : "";
    if (l->cell) more = string_format(w->arena, "%s + z[b, u]", more);
    if (l->second) more = string_format(w->arena, "%s + 0.5 * c[b, t, u]", more);
    const char *e = string_format(w->arena, "tanh(x[b, t, u] + a[u] * %s%s%s)", old, sum, more);
    if (chance(w, 3))
        e = string_format(w->arena, "0.6 * %s + 0.3 * %s", e, writer_expression(w, 1, leaves, 4));
    if (l->length) e = string_format(w->arena, "%s if t < length[b] else %s", e, old);
    int count = 0;
    lines[count++] = string_format(w->arena, "        h[b, t, u] = %s\n", e);
    if (l->second)
        lines[count++] = string_format(w->arena, "        c[b, t, u] = 0.8 * %s + 0.2 * tanh(%s)\n",
                                       before(w, l, "c", 1, "u"), chance(w, 2) ? old : "x[b, t, u]");
    if (l->cell)
        lines[count++] =
            string_format(w->arena, "        z[b, :] = cell(h[b, t %s 1, :])\n", l->reversed ? "+" : "-");
    for (int first = (int)pick(w, 0, count - 1), i = 0; i < count; i++)
        text_put(out, lines[(first + i) % count]);
}

static void define_loop(Writer *w, Loop *l) {
    Text *out = &w->definitions;
    l->name = writer_define(w, "loop");
    l->length = chance(w, 4), l->start = chance(w, 3), l->reversed = chance(w, 4);
    l->two = chance(w, 3), l->second = chance(w, 3), l->matrix = chance(w, 2), l->cell = chance(w, 4);
    text_add(out, "layer %s(x[b, time, n]%s%s) -> h[b, time, n] {\n    param a[n] = normal(0, 0.5)\n",
             l->name, l->length ? ", length[b]: int" : "", l->start ? ", start[b, n] = 0.2" : "");
    if (l->matrix) text_put(out, "    param m[n, n] = normal(0, 0.4)\n");
    if (l->cell) text_put(out, "    cell = dense(n)\n");
    put_start(w, l, out);
    put_lines(w, l, out);
    text_put(out, "    }\n}\n");
}

static void own_loop(Writer *w) {
    Row x = writer_some(w, 2, 2);
    Loop l;
    define_loop(w, &l);
    const char *length = l.length ? writer_length(w, x.dims[0]) : NULL;
    if (l.length && !length) length = string_format(w->arena, "%lld", (long long)x.dims[0]);
    for (int64_t calls = chance(w, 4) ? 2 : 1; calls > 0; calls--) {
        Row y = writer_new(w, 2, x.dims);
        const char *start = "";
        if (l.start && chance(w, 2)) { // what is before the first step is trained
            writer_line(w, "param %s_start[%lld] = 0.1", y.name, (long long)x.dims[1]);
            writer_line(w, "%s_first[i < batch, u] = %s_start[u]", y.name, y.name);
            start = string_format(w->arena, ", start = %s_first", y.name);
        }
        writer_line(w, "%s = %s(%s%s%s%s)", y.name, l.name, x.name, length ? ", length = " : "",
                    length ? length : "", start);
        if (calls > 1) w->values[w->value_count - 1].used = true, x = y;
    }
}

static void nested_loop(Writer *w) {
    Row x = writer_some(w, 2, 2);
    const char *name = writer_define(w, "grid");
    bool whole = chance(w, 2);
    const char *inner = whole ? "h[b, t, s]" : "h[b, s]", *last = whole ? "h[b, t, n - 1]" : "h[b, n - 1]";
    text_add(&w->definitions,
             "layer %s(x[b, time, n]) -> row[b, time] {\n    param a[n] = 0.4\n    recur t from row = 0 {\n"
             "        recur s from h = %s {\n            %s = tanh(a[s] * h[b%s, s - 1] + x[b, t, s]%s)\n    "
             "    }\n"
             "        row[b, t] = 0.5 * row[b, t - 1] + %s\n    }\n}\n",
             name, chance(w, 2) ? "0" : "0.2", inner, whole ? ", t" : "", whole ? "" : " * 0.9", last);
    Row y = writer_new(w, 1, x.dims);
    writer_line(w, "%s = %s |> %s", y.name, x.name, name);
}

static void library_loop(Writer *w) {
    static const char *const LAYERS[] = {"rnn(%lld)",           "gru(%lld)",
                                         "lstm(%lld)",          "gru(%lld, backward = true)",
                                         "stateful_lstm(%lld)", "rnn(%lld, activation = relu)"};
    Row x = writer_some(w, 2, 2), y = x;
    long long units = y.dims[1] = writer_size(w);
    const char *layer = string_format(w->arena, ONE_OF(w, LAYERS), units);
    const char *length = chance(w, 3) ? writer_length(w, x.dims[0]) : NULL;
    if (length && chance(w, 2))
        layer = string_format(w->arena, "gru(%lld, length = %s)", units, length);
    else if (length || chance(w, 4)) {
        y.dims[1] *= 2;
        layer = length ? string_format(w->arena, "bidirectional_gru(%lld, length = %s)", units, length)
                       : string_format(w->arena, "bidirectional(rnn(%lld), gru(%lld))", units, units);
    }
    y = writer_new(w, 2, y.dims);
    writer_line(w, "%s = %s |> %s", y.name, x.name, layer);
}

// A loop in the model's own body, which reads rows of whole values.
static void body_loop(Writer *w) {
    Row x = writer_some(w, 2, 2), y = writer_new(w, 2, x.dims);
    const char *start = string_format(w->arena, "%s_a", y.name);
    writer_line(w, "param %s[%lld] = 0.3", start, (long long)x.dims[1]);
    writer_line(w, "recur t from %s = 0.1 {", y.name);
    writer_line(w, "    %s[b, t, u] = tanh(%s[u] * %s[b, t - 1, u] + %s[b, t, u])", y.name, start, y.name,
                x.name);
    writer_line(w, "}");
}

void write_loop(Writer *w) {
    static void (*const LOOPS[])(Writer *) = {own_loop,     own_loop,    own_loop, library_loop,
                                              library_loop, nested_loop, body_loop};
    LOOPS[pick(w, 0, 6)](w);
    Row *h = &w->values[w->value_count - 1];
    if (h->rank != 2 || !chance(w, 3)) return;
    h->used = true;
    Row x = *h, y = writer_new(w, 1, &x.dims[1]);
    writer_line(w, chance(w, 2) ? "%s = last(%s)" : "%s = %s[:, 0, :]", y.name, x.name);
}
