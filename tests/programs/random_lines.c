// Lines of random texts, but for those of loops: see random_writer.h.
#include "programs/random_writer.h"

#include <stdio.h>
#include <string.h>

static const char *const ELEMENTWISE[] = {"tanh",        "relu",
                                          "sigmoid",     "gelu",
                                          "softplus",    "silu",
                                          "elu",         "abs",
                                          "square",      "leaky_relu(slope = 0.2)",
                                          "softsign",    "hard_tanh",
                                          "mish",        "erf",
                                          "sin",         "clamp(-0.8, 0.9)",
                                          "sparse_plus", "soft_shrink(edge = 0.2)"};

static Row like(Writer *w, const Row *r) { return writer_new(w, r->rank, r->dims); }

// ---- of the library ----

void write_dense(Writer *w) {
    static const char *const OPTIONS[] = {"", "", ", bias = false", ", weights = normal(0, 0.4)",
                                          ", weights = glorot_uniform"};
    Row x = writer_some(w, 1, 3);
    Row y = x;
    y.dims[y.rank - 1] = writer_size(w);
    const char *bend = chance(w, 2) ? "" : string_format(w->arena, " |> %s", ONE_OF(w, ELEMENTWISE));
    y = like(w, &y);
    writer_line(w, "%s = %s |> dense(%lld%s)%s", y.name, x.name, (long long)y.dims[y.rank - 1],
                ONE_OF(w, OPTIONS), bend);
}

static void put_elementwise(Writer *w) {
    Row x = writer_some(w, 0, 3), y = like(w, &x);
    const char *more = chance(w, 3) ? string_format(w->arena, " |> %s", ONE_OF(w, ELEMENTWISE)) : "";
    writer_line(w, "%s = %s |> %s%s", y.name, x.name, ONE_OF(w, ELEMENTWISE), more);
}

static void put_norm(Writer *w) {
    static const char *const NORMS[] = {"layer_norm(eps = 0.1)",
                                        "rms_norm(eps = 0.1)",
                                        "batch_norm(eps = 0.1)",
                                        "softmax",
                                        "log_softmax",
                                        "batch_norm(momentum = 0.3, eps = 0.1)",
                                        "l2_normalize(eps = 0.1)",
                                        "prelu",
                                        "scale"};
    Row x = writer_some(w, 1, 3), y = like(w, &x);
    writer_line(w, "%s = %s |> %s", y.name, x.name, ONE_OF(w, NORMS));
}

static void put_sequence(Writer *w) {
    Row x = writer_some(w, 2, 2), y = x;
    const char *layer;
    long long t = x.dims[0], n = x.dims[1];
    switch (pick(w, 0, 5)) {
    case 0:
        y.dims[1] = pick(w, 1, 4);
        layer = string_format(w->arena, "conv1d(%lld)", (long long)y.dims[1]);
        break;
    case 1:
        layer = "depthwise_conv1d(kernel = 2, pad = 1)";
        y.dims[0] = t + 1;
        break;
    case 2:
        if (t < 2) {
            writer_leave(w, &x);
            return write_dense(w);
        }
        y.dims[0] = (t - 2) / 2 + 1;
        layer = chance(w, 2) ? "max_pool1d" : "average_pool1d";
        break;
    case 3:
        layer = string_format(w->arena, "multi_head_attention(%s)", n % 2 ? "1" : "2, causal = true");
        break;
    case 4: layer = "reverse"; break;
    default:
        if (chance(w, 2)) {
            const char *l = writer_length(w, t);
            layer = l ? string_format(w->arena, "multi_head_attention(1, length = %s)", l)
                      : "sinusoidal_positions";
        } else
            layer = "transformer_block(1, expand = 1)";
    }
    y = like(w, &y);
    writer_line(w, "%s = %s |> %s", y.name, x.name, layer);
}

static void put_embedding(Writer *w) {
    const char *k = writer_class(w);
    int64_t width = writer_size(w);
    Row y = writer_new(w, 1, &width);
    writer_line(w, "%s = embedding(%s, %lld, %lld)", y.name, k, (long long)w->classes, (long long)width);
}

static void put_draw(Writer *w) {
    static const char *const DRAWS[] = {"dropout(0.3)", "gaussian_noise(0.2)", "gaussian_dropout(0.2)",
                                        "dropout(0)"};
    Row x = writer_some(w, 1, 3), y = like(w, &x);
    writer_line(w, "%s = %s |> %s", y.name, x.name, ONE_OF(w, DRAWS));
}

static void put_repeat(Writer *w) {
    Row x = writer_some(w, 1, 2), y = like(w, &x);
    writer_line(w, "%s = %s |> repeat %lld { dense(%lld) |> %s }", y.name, x.name, (long long)pick(w, 0, 3),
                (long long)x.dims[x.rank - 1], ONE_OF(w, ELEMENTWISE));
}

// ---- of equations ----

static const char *at(Writer *w, const Row *r) {
    return r->rank ? string_format(w->arena, "[b, %s]", row_indices(w, r)) : "[b]";
}

static bool same_shape(const Row *a, const Row *b) {
    return a->rank == b->rank && !memcmp(a->dims, b->dims, sizeof *a->dims * (size_t)a->rank);
}

static void put_expression(Writer *w) {
    Row x = writer_some(w, 0, 3), y = like(w, &x);
    const char *leaf = string_format(w->arena, "%s%s", x.name, at(w, &x)), *more = "";
    for (int i = 0; i < w->value_count - 1 && !*more; i++) {
        Row *o = &w->values[i];
        if (o->name == x.name || !same_shape(o, &x) || chance(w, 3)) continue;
        more = string_format(w->arena, " %s 0.7 * %s%s", chance(w, 2) ? "*" : "-", o->name, at(w, o));
        o->used = true;
    }
    writer_line(w, "%s%s = %s%s", y.name, at(w, &y), writer_expression(w, (int)pick(w, 1, 3), &leaf, 1),
                more);
}

static void put_reduction(Writer *w) {
    static const char *const REDUCTIONS[] = {"sum",  "mean",      "max",      "min",
                                             "norm", "logsumexp", "variance", "prod"};
    static const char *const FILTERS[] = {"i >= 1", "i < 2", "mod(i, 2) == 0", "%s > 0"};
    Row x = writer_some(w, 1, 3), y = x;
    int d = (int)pick(w, 0, x.rank - 1);
    for (int k = d; k + 1 < x.rank; k++) y.dims[k] = x.dims[k + 1];
    y.rank--;
    y = like(w, &y);
    Text subscript = {.arena = w->arena}, left = {.arena = w->arena};
    static const char *const NAMES[] = {"j", "m", "q"};
    for (int k = 0, next = 0; k < x.rank; k++) {
        if (k != d) text_add(&left, ", %s", NAMES[next]);
        text_add(&subscript, ", %s", k == d ? "i" : NAMES[next++]);
    }
    const char *read = string_format(w->arena, "%s[b%s]", x.name, text_string(&subscript));
    int which = (int)pick(w, 0, 7);
    const char *e = which == 7 ? string_format(w->arena, "(1 + 0.2 * tanh(%s))", read) : read;
    if (which < 4 && chance(w, 3)) e = string_format(w->arena, "(%s)", writer_expression(w, 1, &read, 1));
    const char *filter = "";
    if (which < 2 && chance(w, 2)) // of nothing a maximum is infinite
        filter = string_format(w->arena, " if %s", string_format(w->arena, ONE_OF(w, FILTERS), read));
    writer_line(w, "%s[b%s] = %s[i%s] %s", y.name, y.rank ? text_string(&left) : "", REDUCTIONS[which],
                filter, e);
}

// A subscript of a dimension of n that runs over `*size`; `outside`: it may leave it.
static const char *subscript(Writer *w, const char *index, int64_t n, int64_t *size, bool *outside) {
    long long c = pick(w, 1, 2), last = n - 1;
    *size = n;
    switch (pick(w, 0, 8)) {
    case 0: return string_format(w->arena, "%lld - %s", last, index);
    case 1: *outside = true; return string_format(w->arena, "%s - %lld", index, c);
    case 2: *outside = true; return string_format(w->arena, "%s + %lld", index, c);
    case 3: *size = n < 5 ? 2 * n : n; return string_format(w->arena, *size > n ? "%s // 2" : "%s", index);
    case 4: *size = (n + 1) / 2; return string_format(w->arena, "2 * %s", index);
    case 5: return string_format(w->arena, "mod(%s + %lld, %lld)", index, c, (long long)n);
    case 6: return string_format(w->arena, "clamp(%s - %lld, 0, %lld)", index, c, last);
    default: return index;
    }
}

static void put_read(Writer *w) {
    static const char *const NAMES[] = {"i", "j", "m"};
    static const char *const FILLS[] = {"0", "0.5", "edge"};
    Row x = writer_some(w, 1, 3), y = x;
    bool outside = false, swap = x.rank > 1 && chance(w, 3);
    const char *subscripts[3];
    for (int d = 0; d < x.rank; d++) subscripts[d] = subscript(w, NAMES[d], x.dims[d], &y.dims[d], &outside);
    Text read = {.arena = w->arena}, left = {.arena = w->arena};
    for (int d = 0; d < x.rank; d++) text_add(&read, ", %s", subscripts[d]);
    if (row_elements(&y) > MOST_ROW) {
        writer_leave(w, &x);
        return put_expression(w);
    }
    for (int d = 0; d < x.rank; d++) {
        int of = swap && d < 2 ? 1 - d : d;
        text_add(&left, ", %s < %lld", NAMES[of], (long long)y.dims[of]);
    }
    if (swap) {
        int64_t first = y.dims[0];
        y.dims[0] = y.dims[1], y.dims[1] = first;
    }
    y = like(w, &y);
    const char *from = outside ? string_format(w->arena, "extend(%s, %s)", x.name, ONE_OF(w, FILLS)) : x.name;
    const char *value = string_format(w->arena, "%s[b%s]", from, text_string(&read));
    if (chance(w, 3)) value = string_format(w->arena, "%s if i < 2 else 0.3", value);
    writer_line(w, "%s[b%s] = %s", y.name, text_string(&left), value);
}

static void put_gather(Writer *w) {
    Row x = writer_some(w, 1, 2), y = x;
    long long n = x.dims[0];
    const char *rest = x.rank == 2 ? ", j" : "", *left;
    switch (pick(w, 0, 3)) {
    case 0:
        y.rank--;
        y.dims[0] = x.dims[1];
        y = like(w, &y);
        writer_line(w, "%s[b%s] = %s[b, min(%s[b], %lld)%s]", y.name, rest, x.name, writer_class(w), n - 1,
                    rest);
        return;
    case 1:
        y.rank--;
        y.dims[0] = x.dims[1];
        y = like(w, &y);
        if (x.rank == 2) {
            writer_line(w, "%s_at[b, j] = argmax[i] %s[b, i, j]", y.name, x.name);
            writer_line(w, "%s[b, j] = %s[b, %s_at[b, j], j]", y.name, x.name, y.name);
        } else {
            writer_line(w, "%s_at[b] = argmin[i] %s[b, i]", y.name, x.name);
            writer_line(w, "%s[b] = %s[b, %s_at[b]]", y.name, x.name, y.name);
        }
        return;
    case 2:
        if (x.rank != 1) {
            writer_leave(w, &x);
            return put_expression(w);
        }
        y = like(w, &y);
        writer_line(w, "%s_at = order(%s)", y.name, x.name);
        writer_line(w, "%s[b, i < %lld] = %s[b, %s_at[b, %lld - i]]", y.name, n, x.name, y.name, n - 1);
        return;
    default:
        y = like(w, &y);
        left = x.rank == 2 ? string_format(w->arena, ", j < %lld", (long long)x.dims[1]) : "";
        writer_line(w, "%s[b, i < %lld%s] = %s[b, i%s] if i %s %s[b] else 0.2 * %s[b, i%s]", y.name, n, left,
                    x.name, rest, chance(w, 2) ? "<=" : "==", writer_class(w), x.name, rest);
    }
}

// What is given in pieces, and what is two others one behind the other.
static void put_pieces(Writer *w) {
    Row x = writer_some(w, 1, 2), y = x;
    long long n = x.dims[0];
    const char *rest = x.rank == 2 ? ", j" : "";
    const char *read = string_format(w->arena, "%s[b, i%s]", x.name, rest);
    if (chance(w, 2)) {
        Row z = writer_some(w, x.rank, x.rank);
        int last = x.rank - 1;
        if (last && z.dims[0] != x.dims[0]) {
            writer_leave(w, &z);
            z = x;
        }
        y.dims[last] += z.dims[last];
        y = like(w, &y);
        writer_line(w, "%s = concat(%s, %s)", y.name, x.name, z.name);
        return;
    }
    y.dims[0] = n + 1;
    y = like(w, &y);
    const char *shape = y.rank == 2 ? string_format(w->arena, ", j < %lld", (long long)y.dims[1]) : "";
    writer_line(w, "%s[b, i < %lld%s] = %s if i < %lld else %s", y.name, n + 1, shape, read, n,
                chance(w, 2) ? "0.1" : string_format(w->arena, "%s[b, 0%s]", x.name, rest));
}

static void put_product(Writer *w) {
    Row x = writer_some(w, 2, 2), z = writer_some(w, 2, 2);
    if (x.dims[1] != z.dims[1]) {
        writer_leave(w, &z);
        z = x;
    }
    Row y = writer_new(w, 2, (int64_t[]){x.dims[0], z.dims[0]});
    writer_line(w, "%s[b, i, j] = sum[m] %s[b, i, m] * %s[b, j, m]", y.name, x.name, z.name);
}

// ---- of definitions of the program's own ----

static void put_function(Writer *w) {
    const char *leaves[] = {"x", "x", "width"}, *f = writer_define(w, "bend");
    text_add(&w->definitions, "fn %s(x, width = 0.7) = 0.4 * x + %s\n", f,
             writer_expression(w, 2, leaves, 3));
    for (int64_t calls = pick(w, 1, 2); calls > 0; calls--) {
        Row x = writer_some(w, 0, 3), y = like(w, &x);
        writer_line(w, chance(w, 2) ? "%s = %s |> %s" : "%s = %s |> %s(width = 0.3)", y.name, x.name, f);
    }
}

static void put_tensor_function(Writer *w) {
    static const char *const REDUCTIONS[] = {"sum", "mean", "max", "min", "variance", "norm"};
    const char *leaves[] = {"x[.., i]", "m[..]"}, *f = writer_define(w, "each");
    text_add(
        &w->definitions, "fn %s(x[.., n]) -> y[.., n] {\n    m[..] = %s[i] x[.., i]\n    y[.., i] = %s\n}\n",
        f, ONE_OF(w, REDUCTIONS), string_format(w->arena, "m[..] + %s", writer_expression(w, 2, leaves, 2)));
    Row x = writer_some(w, 1, 3), y = like(w, &x);
    writer_line(w, "%s = %s |> %s", y.name, x.name, f);
}

static void put_layer(Writer *w) {
    const char *l = writer_define(w, "mix");
    Row x = writer_some(w, 1, 2), y = x;
    if (x.rank == 1) {
        const char *leaves[] = {"x[b, i]", "x[b, i]"};
        text_add(&w->definitions,
                 "layer %s(x[b, n], units, bend = %s, shift = true) -> y[b, units] {\n"
                 "    param w[n, units] = normal(0, 0.4)\n    param c[units] = 0.1 if shift\n"
                 "    y[b, u] = bend((sum[i] %s * w[i, u]) + (c[u] if shift else 0))\n}\n",
                 l, chance(w, 2) ? "tanh" : "softsign", writer_expression(w, 1, leaves, 2));
        y.dims[0] = writer_size(w);
        y = like(w, &y);
        writer_line(w, "%s = %s |> %s(%lld%s)", y.name, x.name, l, (long long)y.dims[0],
                    chance(w, 3) ? ", shift = false" : "");
        return;
    }
    text_add(
        &w->definitions,
        "layer %s(x[b, t, n]) -> y[b, t, n] {\n    param w[t, t] = normal(0, 0.4)\n    param g[n] = 0.9\n"
        "    y[b, s, i] = g[i] * (sum[r%s] w[s, r] * x[b, r, i])\n}\n",
        l, chance(w, 2) ? " if r <= s" : "");
    y = like(w, &y);
    writer_line(w, "%s = %s |> %s", y.name, x.name, l);
}

static void put_state(Writer *w) {
    const char *l = writer_define(w, "tracked");
    text_add(&w->definitions,
             "layer %s(x[b, n]) -> y[b, n] {\n    state level[n] = 0.1\n    now[i] = mean[b] x[b, i]\n"
             "    level[i] = 0.9 * level[i] + 0.1 * %s%s\n    y[b, i] = x[b, i] - level[i]\n}\n",
             l, chance(w, 2) ? "stop_gradient(now[i])" : "now[i]", chance(w, 2) ? " if training" : "");
    Row x = writer_some(w, 1, 1), y = like(w, &x);
    writer_line(w, "%s = %s |> %s", y.name, x.name, l);
}

// ---- derivatives ----

void write_slope(Writer *w) {
    Row x = writer_some(w, 1, 2);
    const char *read = string_format(w->arena, "%s%s", x.name, at(w, &x));
    Row y = like(w, &x);
    writer_line(w, "%s%s = %s * %s", y.name, at(w, &y), writer_expression(w, 2, &read, 1), read);
    Row of = y;
    if (chance(w, 2)) { // what mixes the row's numbers
        of = like(w, &x);
        writer_line(w, "%s = %s |> dense(%lld) |> tanh", of.name, y.name, (long long)x.dims[x.rank - 1]);
        w->values[w->value_count - 2].used = true;
    }
    for (int64_t orders = pick(w, 1, 2); orders > 0; orders--) {
        Row g = like(w, &x);
        writer_line(w, "%s = grad(%s, %s)", g.name, of.name, x.name);
        w->values[w->value_count - 2].used = true;
        of = g;
    }
}

// ---- which ----

void write_line(Writer *w) {
    static void (*const LINES[])(Writer *) = {
        write_dense,   write_dense,   put_elementwise, put_norm,     put_norm,       put_sequence,
        put_sequence,  put_draw,      put_embedding,   put_repeat,   put_expression, put_function,
        put_reduction, put_reduction, put_read,        put_read,     put_read,       put_gather,
        put_gather,    put_pieces,    put_product,     put_function, put_state,      put_tensor_function,
        put_layer,     put_layer,
    };
    LINES[pick(w, 0, (int64_t)(sizeof LINES / sizeof *LINES) - 1)](w);
}

void write_end(Writer *w, const char *name, Row *last) {
    *last = w->values[w->value_count - 1];
    Text sum = {.arena = w->arena};
    text_add(&sum, "%s%s", last->name, at(w, last));
    for (int i = 0; i < w->value_count - 1; i++) {
        const Row *r = &w->values[i];
        if (r->used) continue;
        static const char *const BOUND[] = {"", "p", "p, r", "p, r, s"};
        if (r->rank)
            text_add(&sum, " + 0.3 * (mean[%s] %s[b, %s])", BOUND[r->rank], r->name, BOUND[r->rank]);
        else
            text_add(&sum, " + 0.3 * %s[b]", r->name);
    }
    writer_line(w, "%s%s = %s", name, at(w, last), text_string(&sum));
    last->name = name;
}
