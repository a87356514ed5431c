// See random_text.h: the data, the models' frames and the run. Their bodies are random_lines.c and
// random_loops.c.
#include "programs/random_text.h"

#include "programs/random_writer.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int64_t writer_size(Writer *w) {
    static const int64_t SIZES[] = {1, 2, 3, 3, 4, 5, 5, 7};
    return SIZES[pick(w, 0, 7)];
}

const char *writer_one(Writer *w, const char *const *of, int count) { return of[pick(w, 0, count - 1)]; }

int64_t row_elements(const Row *r) {
    int64_t n = 1;
    for (int d = 0; d < r->rank; d++) n *= r->dims[d];
    return n;
}

// ---- values ----

void writer_line(Writer *w, const char *format, ...) {
    char line[1024];
    va_list list;
    va_start(list, format);
    int length = vsnprintf(line, sizeof line, format, list);
    va_end(list);
    if (length < 0 || length >= (int)sizeof line) die("a line of %d bytes", length);
    text_add(&w->body, "    %s\n", line);
}

Row writer_new(Writer *w, int rank, const int64_t *dims) {
    Row r = {.name = string_format(w->arena, "v_%d", ++w->made), .rank = rank};
    memcpy(r.dims, dims, sizeof *dims * (size_t)rank);
    if (w->value_count == MOST_VALUES) die("more values than a text has");
    w->values[w->value_count++] = r;
    return r;
}

// As many numbers in another shape: factors go to dimensions at random.
static Row reshaped(Writer *w, const Row *of, int rank) {
    int64_t dims[MOST_DIMS], n = row_elements(of);
    for (int d = 0; d < rank; d++) dims[d] = 1;
    for (int64_t factor = 2; n > 1; factor++)
        for (; n % factor == 0; n /= factor) dims[pick(w, 0, rank - 1)] *= factor;
    Row r = writer_new(w, rank, dims);
    Text sizes = {.arena = w->arena};
    for (int d = 0; d < rank; d++) text_add(&sizes, ", %lld", (long long)dims[d]);
    writer_line(w, "%s = reshape(%s, batch%s)", r.name, of->name, rank ? text_string(&sizes) : "");
    return r;
}

Row writer_some(Writer *w, int low, int high) {
    int at = -1, all = w->value_count;
    for (int tries = 0; tries < 8 && at < 0; tries++) {
        int i = (int)pick(w, all > 4 && tries < 4 ? all - 4 : 0, all - 1);
        bool fits = w->values[i].rank >= low && w->values[i].rank <= high;
        if (fits && (tries > 4 || !w->values[i].used || chance(w, 3))) at = i;
    }
    if (at >= 0) {
        w->values[at].used = true;
        return w->values[at];
    }
    Row *from = &w->values[pick(w, 0, all - 1)];
    from->used = true;
    Row r = reshaped(w, from, (int)pick(w, low > 1 ? low : 1, high));
    w->values[w->value_count - 1].used = true;
    return r;
}

void writer_leave(Writer *w, const Row *r) {
    for (int i = 0; i < w->value_count; i++)
        if (w->values[i].name == r->name) w->values[i].used = false;
}

const char *writer_define(Writer *w, const char *kind) {
    return string_format(w->arena, "%s_%d", kind, ++w->defined);
}

static void add_input(Writer *w, const char *name, const char *shape) {
    text_add(&w->inputs, "%s%s%s", w->names.chars.count ? ", " : "", name, shape);
    text_add(&w->names, "%s%s", w->names.chars.count ? ", " : "", name);
}

const char *writer_class(Writer *w) {
    if (!w->classes) {
        w->classes = pick(w, 2, 5);
        text_add(&w->fields, "    k = class(integer(0, %lld), %lld)\n", (long long)w->classes - 1,
                 (long long)w->classes);
    }
    if (!w->class_input) add_input(w, "k", "[batch]: class");
    w->class_input = true;
    return "k";
}

const char *writer_length(Writer *w, int64_t steps) {
    if (w->steps && w->steps != steps) return NULL;
    if (!w->steps)
        text_add(&w->fields, "    l = int(integer(1, %lld), %lld)\n", (long long)steps, (long long)steps + 1);
    w->steps = steps;
    if (!w->length_input) add_input(w, "l", "[batch]: int");
    w->length_input = true;
    return "l";
}

// ---- expressions ----

static const char *number(Writer *w) {
    static const char *const NUMBERS[] = {"0.1", "0.3", "0.5", "0.7", "1", "1.5", "2"};
    return ONE_OF(w, NUMBERS);
}

// `first`: the first thing in it is one of the leaves.
static const char *expression(Writer *w, int depth, const char *const *leaves, int count, bool first) {
    static const char *const ONE[] = {"tanh(%s)",
                                      "sigmoid(%s)",
                                      "sin(%s)",
                                      "cos(%s)",
                                      "exp(-square(%s))",
                                      "abs(%s)",
                                      "softplus(%s)",
                                      "erf(%s)",
                                      "log1p(square(%s))",
                                      "clamp(%s, -0.9, 1.3)",
                                      "sqrt(1 + square(%s))",
                                      "gelu(%s)",
                                      "relu(%s)",
                                      "2^tanh(%s)",
                                      "(-%s)",
                                      "elu(%s, alpha = 0.7)",
                                      "silu(%s)"};
    static const char *const TWO[] = {
        "%s + %s",     "%s - %s",       "%s * tanh(%s)", "%s / (1 + square(%s))", "max(%s, %s)",
        "min(%s, %s)", "tanh(%s) * %s", "%s + 0.3 * %s", "sigmoid(%s) * %s"};
    if (depth == 0) return !first && chance(w, 3) ? number(w) : writer_one(w, leaves, count);
    const char *a = expression(w, depth - 1, leaves, count, first);
    if (chance(w, 3)) return string_format(w->arena, ONE_OF(w, ONE), a);
    const char *b = expression(w, depth - 1, leaves, count, false);
    if (chance(w, 6))
        return string_format(w->arena, "(%s if %s > %s else %s)", a, writer_one(w, leaves, count), number(w),
                             b);
    return string_format(w->arena, "(%s)", string_format(w->arena, ONE_OF(w, TWO), a, b));
}

// What stays within a few times its arguments, so that chains of them stay numbers.
const char *writer_expression(Writer *w, int depth, const char *const *leaves, int count) {
    return expression(w, depth, leaves, count, true);
}

const char *row_indices(Writer *w, const Row *r) {
    static const char *const NAMES[] = {"", "i", "i, j", "i, j, m", "i, j, m, q"};
    (void)w;
    return NAMES[r->rank];
}

// ---- models ----

static const char *shape_of(Writer *w, const char *first, const Row *r) {
    Text text = {.arena = w->arena};
    if (!*first && !r->rank) return "";
    text_add(&text, "[%s", first);
    for (int d = 0; d < r->rank; d++)
        text_add(&text, "%s%lld", d || *first ? ", " : "", (long long)r->dims[d]);
    text_put(&text, "]");
    return text_string(&text);
}

// A model of one input; the value it gives.
static Row write_model(Writer *w, const char *name, const char *result, const char *given, const Row *input,
                       bool loop, bool slope, Text *out) {
    w->model = name;
    w->body = w->inputs = w->names = (Text){.arena = w->arena};
    w->value_count = 0;
    w->class_input = w->length_input = false;
    add_input(w, given, shape_of(w, "batch", input));
    Row *first = &w->values[w->value_count++];
    *first = *input;
    first->name = given;
    int lines = (int)pick(w, 1, 4), special = (int)pick(w, 0, lines), dense = (int)pick(w, 0, lines);
    for (int i = 0; i <= lines; i++) {
        if (loop && i == special) write_loop(w);
        if (slope && i == special) write_slope(w);
        if (i == dense) // that there is something to train
            write_dense(w);
        else
            write_line(w);
    }
    Row last;
    write_end(w, result, &last);
    text_add(out, "model %s(%s) -> %s%s {\n%s}\n", name, text_string(&w->inputs), result,
             shape_of(w, "batch", &last), text_string(&w->body));
    return last;
}

// ---- the run ----

static const char *optimizer(Writer *w) {
    // Of roundings alone no steps: every eps is large.
    static const char *const ALL[] = {"sgd(0.1)",
                                      "sgd(0.1, momentum = 0.9)",
                                      "sgd(0.05, momentum = 0.9, nesterov = true)",
                                      "adam(1e-2, eps = 0.1)",
                                      "adamw(1e-2, eps = 0.1)",
                                      "rmsprop(1e-2, eps = 0.1)",
                                      "adagrad(1e-2, eps = 0.1)",
                                      "adam(1e-2, eps = 0.1, amsgrad = true)",
                                      "sgd(0.1, weight_decay = 0.01)",
                                      "adamax(1e-2, eps = 0.1)",
                                      "sgd(exponential(0.1, 0.5, every = 2 steps))",
                                      "own(0.05)",
                                      "adam(cosine(1e-2, warmup = 2 steps), eps = 0.1)",
                                      "own(0.1, keep = 0.5)"};
    return ONE_OF(w, ALL);
}

static const char *OWN_OPTIMIZER = "optimizer own(w, g, lr, keep = 0.9) {\n    state v = 0\n"
                                   "    v  = keep * v + g / (1 + abs(g))\n    w -= lr * v\n}\n";

// A loss of the value `y` against the field `t`; where the value has steps, also of the last or of those
// there are.
static const char *loss_of(Writer *w, const char *y, const Row *r) {
    static const char *const WHOLE[] = {
        "mse(%s, t)",      "mae(%s, t)",           "huber(%s, t, delta = 0.7)",
        "log_cosh(%s, t)", "mean(square(%s - t))", "mse(%s, t, weight = 0.5)"};
    long long steps = r->rank == 2 ? r->dims[0] : 0;
    if (steps && chance(w, 4))
        return string_format(w->arena, "mse(%s[:, %lld, :], t[:, %lld, :])", y, steps - 1, steps - 1);
    if (steps && chance(w, 4) && (!w->steps || w->steps == steps)) {
        if (!w->steps) text_add(&w->fields, "    l = int(integer(1, %lld), %lld)\n", steps, steps + 1);
        w->steps = steps;
        return string_format(w->arena, "mean[b, i, j if i < l[b]] square(%s[b, i, j] - t[b, i, j])", y);
    }
    if (r->rank == 1 && r->dims[0] > 1 && chance(w, 3)) {
        if (!w->classes)
            text_add(&w->fields, "    k = class(integer(0, %lld), %lld)\n", (long long)r->dims[0] - 1,
                     (long long)r->dims[0]);
        if (!w->classes) w->classes = r->dims[0];
        if (w->classes <= r->dims[0])
            return string_format(
                w->arena, chance(w, 2) ? "cross_entropy(%s, k)" : "cross_entropy(%s, k, smoothing = 0.1)", y);
    }
    if (r->rank >= 1 && chance(w, 5))
        return string_format(w->arena, "mean[b] (logsumexp[%s] (%s[b, %s] - t[b, %s]))", row_indices(w, r), y,
                             row_indices(w, r), row_indices(w, r));
    return string_format(w->arena, ONE_OF(w, WHOLE), y);
}

static void write_settings(Writer *w, Text *run) {
    static const char *const CLIPS[] = {"norm(0.5)", "value(0.1)", "norm(5)"};
    if (chance(w, 4)) text_add(run, "    clip = %s\n", ONE_OF(w, CLIPS));
    if (chance(w, 8)) text_put(run, "    average = ema(0.9)\n");
    if (chance(w, 12)) text_put(run, "    constrain = non_negative\n");
    text_add(run, "    batch = %lld\n    steps = 6\n", (long long)pick(w, 2, 5));
}

static void write_one(Writer *w, uint64_t seed, bool loop, bool slopes, const Row *x, Text *models,
                      Text *run) {
    bool outside = slopes && seed / 10 % 2;
    Row y = write_model(w, "net", "y", "x", x, loop, slopes && !outside, models);
    text_add(&w->fields, "    t%s = normal(0, 1)\n", shape_of(w, "", &y));
    text_add(run, "train net on rows {\n");
    if (outside) text_put(run, "    slope = grad(y, x)\n");
    const char *more = outside ? " + 0.1 * mean(square(slope))" : "";
    text_add(run, "    loss = %s%s\n    optimizer = %s\n", loss_of(w, "y", &y), more, optimizer(w));
}

// Two models, or one with two lines, each of which changes what the other reads.
static void write_players(Writer *w, bool loop, const Row *x, Text *models, Text *run) {
    Row h = write_model(w, "first", "h", "x", x, loop, false, models);
    const char *call_h = text_string(&w->names);
    Row y = write_model(w, "second", "y", "h", &h, loop && chance(w, 2), false, models);
    const char *call_y = text_string(&w->names);
    text_add(&w->fields, "    t%s = normal(0, 1)\n", shape_of(w, "", &y));
    text_add(run, "train first, second on rows {\n    h = first(%s)\n    y = second(%s)\n", call_h, call_y);
    const char *back = chance(w, 2) ? " + 0.1 * mean(square(h))" : "";
    const char *loss = loss_of(w, "y", &y);
    text_add(run, "    minimize %s%s over first with %s\n", loss, back, optimizer(w));
    text_add(run, "    minimize %s over second with %s%s\n", loss_of(w, "y", &y), optimizer(w),
             chance(w, 3) ? " if mod(step, 2) == 0" : "");
}

const char *random_text(Arena *arena, uint64_t seed) {
    Writer w = {.arena = arena, .state = seed * 2654435761u + 4711};
    w.fields = w.definitions = (Text){.arena = arena};
    for (int i = 0; i < 4; i++) pick(&w, 0, 1);
    bool loop = seed % 4 == 1, slopes = seed % 10 == 2 || seed % 40 == 5,
         players = seed % 10 == 6 || seed % 40 == 9;
    Row x = {.rank = loop ? 2 : (int)pick(&w, 1, 3)};
    for (int d = 0; d < x.rank; d++) x.dims[d] = writer_size(&w);
    while (row_elements(&x) > MOST_ROW) x.dims[pick(&w, 0, x.rank - 1)] = 1;
    Text models = {.arena = arena}, run = {.arena = arena};
    text_add(&w.fields, "    x%s = normal(0, 1)\n", shape_of(&w, "", &x));
    if (players)
        write_players(&w, loop, &x, &models, &run);
    else
        write_one(&w, seed, loop, slopes, &x, &models, &run);
    write_settings(&w, &run);
    return string_format(arena, "data rows = synthetic(8) {\n%s}\n%s%s%s%s}\n", text_string(&w.fields),
                         w.definitions.chars.count ? text_string(&w.definitions) : "", text_string(&models),
                         strstr(text_string(&run), "own(") ? OWN_OPTIMIZER : "", text_string(&run));
}
