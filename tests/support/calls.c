// See calls.h.
#include "support/calls.h"

#include <stdio.h>
#include <string.h>

// What a dimension's name stands for in the programs; `b` is the batch.
static const struct {
    const char *definition, *name;
    int size;
} SIZES[] = {
    {"spectrogram", "n", 20},
    {"mel_spectrogram", "n", 300},
    {"pixel_shuffle", "c", 36},
    {"pixel_unshuffle", "h", 6},
    {"pixel_unshuffle", "w", 6},
    {"unfold1d", "s", 6},
    {"unfold2d", "s_1", 6},
    {"unfold3d", "s_1", 5},
    {"unfold3d", "s_3", 5},
    {"fold1d", "n", 12},
    {"fold2d", "n", 144},
    {"fold3d", "n", 54},
    {"grid_sample", "d", 2},
    {"affine_grid", "two", 2},
    {"affine_grid", "three", 3},
    {NULL, "s_1", 4},
    {NULL, "s_2", 5},
    {NULL, "s_3", 3},
    {NULL, "m_1", 3},
    {NULL, "m_2", 2},
    {NULL, "m_3", 3},
    {"group_norm", "c", 64},
    {NULL, "t", 4},
    {NULL, "time", 4},
    {NULL, "s", 3},
    {NULL, "h", 5},
    {NULL, "w", 4},
    {NULL, "c", 4},
    {NULL, "n", 4},
    {NULL, "m", 3},
    {NULL, "k", 3},
    {NULL, "d", 4},
    {NULL, "units", 3},
};

// Settings that have no default, or none that another value follows from.
static const struct {
    const char *definition, *name, *value;
} VALUES[] = {
    {"random_crop", "width", "2"},
    {"cutmix", "alpha", "0.4"},
    {"spectrogram", "size", "8"},
    {"mel_filters", "rate", "8_000"},
    {"mel_spectrogram", "rate", "8_000"},
    {"mel_filters", "high", "3_000"},
    {"mel_spectrogram", "high", "3_000"},
    {NULL, "units", "3"},
    {NULL, "filters", "4"},
    {NULL, "vocabulary", "4"},
    {NULL, "width", "8"},
    {NULL, "height", "3"},
    {NULL, "depth", "2"},
    {NULL, "times", "3"},
    {"local_response_norm", "size", "3"},
    {"fold3d", "kernel", "1"},
    {"fold1d", "size", "5"},
    {"fold2d", "size", "5"},
    {"fold3d", "size", "5"},
    {"adaptive_average_pool1d", "size", "3"},
    {"adaptive_average_pool2d", "size", "[3, 2]"},
    {"adaptive_average_pool3d", "size", "[3, 2, 2]"},
    {"adaptive_max_pool1d", "size", "2"},
    {"adaptive_max_pool2d", "size", "[3, 2]"},
    {"adaptive_max_pool3d", "size", "[3, 2, 2]"},
    {"center_crop1d", "size", "2"},
    {"center_crop2d", "size", "[2, 3]"},
    {"center_crop3d", "size", "[2, 3, 1]"},
    {"linear_resize1d", "size", "6"},
    {"bilinear_resize2d", "size", "[6, 3]"},
    {"trilinear_resize3d", "size", "[6, 3, 2]"},
    {"cubic_resize1d", "size", "6"},
    {"bicubic_resize2d", "size", "[6, 3]"},
    {"tricubic_resize3d", "size", "[6, 3, 2]"},
    {"nearest_resize1d", "size", "6"},
    {"nearest_resize2d", "size", "[6, 3]"},
    {"nearest_resize3d", "size", "[6, 3, 2]"},
    {"fractional_max_pool1d", "count", "2"},
    {"fractional_max_pool2d", "count", "[2, 3]"},
    {"fractional_max_pool3d", "count", "[2, 3, 2]"},
    {NULL, "k", "2"},
    {"crop1d", "before", "0"},
    {"crop2d", "before", "0"},
    {"crop3d", "before", "0"},
    {"crop1d", "after", "0"},
    {"crop2d", "after", "0"},
    {"crop3d", "after", "0"},
    {NULL, "count", "7"},
    {NULL, "size", "3"},
    {NULL, "before", "2"},
    {NULL, "dilation", "2"},
    {NULL, "through", "weight_norm"},
    {NULL, "classes", "4"},
    {NULL, "forward", "rnn(3)"},
    {"bidirectional", "backward", "gru(2)"},
    {"attention", "groups", "1"},
    {"multi_head_attention", "groups", "1"},
    {NULL, "after", "2"},
    {NULL, "heads", "2"},
    {NULL, "groups", "2"},
    {NULL, "deviation", "0.3"},
    {NULL, "q", "0.3"},
    {NULL, "pad", "1"},
    {NULL, "stride", "2"},
    {NULL, "weights", "he_normal"},
    {NULL, "activation", "sigmoid"},
    {NULL, "smoothing", "0.1"},
    {NULL, "rate", "0.25"},
    {NULL, "gamma", "0.5"},
    {"triplet", "between", "cosine_similarity"},
    {"gaussian_nll", "eps", "1e-3"},
};

// Arguments that must be positive.
static const struct {
    const char *definition, *name;
} POSITIVE[] = {
    {"msle", "y"},          {"msle", "target"}, {"gaussian_nll", "variance"},
    {"kl_divergence", "p"}, {"dice", "p"},      {"dice", "target"},
};

static const char *const THROUGH[] = {"weight_norm", "spectral_norm"};

typedef struct {
    const LibraryItem *item;
    Text fields, inputs, body, sum;
    CallStyle style;
    CallProgram *out;
    const char *problem;
} Maker;

// ---- programs ----

static bool for_definition(const Maker *m, const char *definition) {
    return !definition || !strcmp(definition, m->item->node->name);
}

static int size_of(Maker *m, const char *name) {
    for (size_t i = 0; i < sizeof SIZES / sizeof *SIZES; i++)
        if (for_definition(m, SIZES[i].definition) && !strcmp(SIZES[i].name, name)) return SIZES[i].size;
    m->problem = name;
    return 1;
}

static const char *value_of(const Maker *m, const char *name) {
    for (size_t i = 0; i < sizeof VALUES / sizeof *VALUES; i++)
        if (for_definition(m, VALUES[i].definition) && !strcmp(VALUES[i].name, name)) return VALUES[i].value;
    return NULL;
}

static bool is_positive(const Maker *m, const char *name) {
    if (m->style == CALLS_EDGES) return false;
    for (size_t i = 0; i < sizeof POSITIVE / sizeof *POSITIVE; i++)
        if (for_definition(m, POSITIVE[i].definition) && !strcmp(POSITIVE[i].name, name)) return true;
    return false;
}

// The dimensions of a tensor parameter behind the batch; `..` is the batch and one more, or one where the
// batch has a name. A parameter that is one number becomes a tensor of the batch and one more: the function
// is applied to each element.
static int dimensions(Maker *m, const Node *p, int sizes[8], bool *batch) {
    int rank = 0;
    *batch = !p->brackets;
    if (!p->brackets) sizes[rank++] = 3;
    for (int i = 0; i < p->count && rank < 7; i++) {
        const Node *d = p->items[i];
        if (d->kind == AST_NAME && !strcmp(d->name, "b"))
            *batch = true;
        else if (d->kind == AST_NAME)
            sizes[rank++] = size_of(m, d->name);
        else if (d->kind == AST_NUMBER)
            sizes[rank++] = (int)d->number;
        else if (d->kind == AST_DOTS) {
            *batch = true;
            sizes[rank++] = 2;
        } else
            m->problem = p->name;
    }
    return rank;
}

static void put_list(Text *out, int rank, const int *sizes, const char *first) {
    static const char *const LETTERS[] = {"i", "j", "k", "l", "o", "p", "q"};
    if (!rank && !first) return;
    text_put(out, "[");
    if (first) text_put(out, first);
    for (int d = 0; d < rank; d++) {
        if (d || first) text_put(out, ", ");
        if (sizes)
            text_add(out, "%d", sizes[d]);
        else
            text_put(out, LETTERS[d]);
    }
    text_put(out, "]");
}

// A field of integers, and the model's input of it.
static void put_integers(Maker *m, const Node *p, int k, int rank, const int *sizes) {
    const char *source = !strcmp(p->type, "class") ? "class(integer(0, 3), 4)"
                         : !strcmp(p->type, "int") ? "int(integer(0, 2), 3)"
                                                   : "integer(0, 1) == 1";
    text_add(&m->fields, "    k_%d", k);
    put_list(&m->fields, rank, sizes, NULL);
    text_add(&m->fields, " = %s\n", source);
    text_add(&m->inputs, "%sk_%d", m->inputs.chars.count ? ", " : "", k);
    put_list(&m->inputs, rank, sizes, "batch");
    text_add(&m->inputs, ": %s", p->type);
    text_add(&m->body, "    a_%d = k_%d\n", k, k);
}

// A tensor a_K of a parameter's shape: a field times one parameter plus another, so that both its derivatives
// and those of what it goes into are seen; without a batch it is a parameter itself.
static int put_tensor(Maker *m, const Node *p) {
    int sizes[8], k = ++m->out->tensors, rank;
    bool batch;
    if (k > MAX_CALL_TENSORS) die("more tensors than MAX_CALL_TENSORS");
    m->out->call_of[k] = m->out->calls;
    const char *open = is_positive(m, p->name) ? "exp(" : "", *close = *open ? ")" : "";
    rank = dimensions(m, p, sizes, &batch);
    if (p->type && batch) {
        put_integers(m, p, k, rank, sizes);
        return k;
    }
    if (p->type) m->problem = p->name;
    for (int which = 0; which < 1 + batch; which++) {
        text_add(&m->body, "    param %c_%d", "pq"[which], k);
        put_list(&m->body, rank, sizes, NULL);
        text_put(&m->body, " = normal(0, 1)\n");
    }
    text_add(&m->body, "    a_%d", k);
    put_list(&m->body, rank, NULL, batch ? "b" : NULL);
    text_add(&m->body, " = %sp_%d", open, k);
    put_list(&m->body, rank, NULL, NULL);
    if (batch) {
        text_add(&m->fields, "    x_%d", k);
        put_list(&m->fields, rank, sizes, NULL);
        text_put(&m->fields, " = uniform(0, 1)\n");
        text_add(&m->inputs, "%sx_%d", m->inputs.chars.count ? ", " : "", k);
        put_list(&m->inputs, rank, sizes, "batch");
        text_add(&m->body, " * x_%d", k);
        put_list(&m->body, rank, NULL, "b");
        text_add(&m->body, " + q_%d", k);
        put_list(&m->body, rank, NULL, NULL);
    }
    text_add(&m->body, "%s\n", close);
    return k;
}

bool call_of_weights(const Node *definition) {
    for (size_t i = 0; i < sizeof THROUGH / sizeof *THROUGH; i++)
        if (!strcmp(THROUGH[i], definition->name)) return true;
    return false;
}

static bool is_elementwise(const Node *node) {
    if (node->definition != DEFINE_FN) return false;
    for (int i = 0; i < node->count; i++)
        if (node->items[i]->brackets) return false;
    return true;
}

// Another value than the default: what the table says, the other truth, the next integer, a number near.
static void put_changed(Maker *m, Text *call, const Node *p) {
    const char *value = value_of(m, p->name);
    const Node *d = p->value;
    if (value)
        text_put(call, value);
    else if (d && d->kind == AST_BOOL)
        text_put(call, d->number != 0 ? "false" : "true");
    else if (d && d->kind == AST_NUMBER && d->integral)
        text_add(call, "%g", d->number + 1);
    else if (d && d->kind == AST_NUMBER)
        text_add(call, "%g", d->number * 0.5 + 0.1);
    else
        m->problem = p->name;
}

// The result of a call, or one of its results, goes into the sum.
static void put_term(Maker *m, const char *result) {
    int call = m->out->calls;
    if (m->sum.chars.count) text_put(&m->sum, " + ");
    if (m->style == CALLS_EDGES) text_add(&m->sum, "(1 + c_%d) * ", call);
    text_add(&m->sum, "probe(%s)", result);
}

// One call: required arguments and, of the optional ones, `changed` (all if it is the definition itself), and
// the probe of its results.
static void put_call(Maker *m, const Node *changed) {
    const Node *node = m->item->node;
    Text call = {.arena = m->body.arena};
    int number = ++m->out->calls;
    for (int i = 0; i < node->count; i++) {
        const Node *p = node->items[i];
        if (p->value && changed != p && changed != node) continue;
        text_add(&call, "%s%s = ", call.chars.count ? ", " : "", p->name);
        bool length = p->type && !strcmp(p->type, "int") && !strcmp(p->name, "length");
        bool past_zero = length && m->style == CALLS_SMOOTH;
        bool frames = !strcmp(node->name, "ctc") && !strcmp(p->name, "frames"); // enough for the letters
        if (p->brackets || is_elementwise(node))
            text_add(&call, past_zero ? "1 + a_%d" : frames ? "3 + a_%d // 2" : "a_%d", put_tensor(m, p));
        else
            put_changed(m, &call, p);
    }
    if (call_of_weights(node))
        text_add(&m->body, "    m_%d = dense(a_%d, 3, through = %s)\n", number, m->out->tensors, node->name);
    else
        text_add(&m->body, "    m_%d = %s%s(%s)\n", number, m->item->prefix, node->name, text_string(&call));
    if (m->style == CALLS_EDGES) text_add(&m->body, "    param c_%d = 0\n", number);
    const char *result = string_format(m->body.arena, "m_%d", number);
    if (!node->results || node->results->count < 2) {
        put_term(m, result);
        return;
    }
    for (int i = 0; i < node->results->count; i++)
        put_term(m, string_format(m->body.arena, "%s.%s", result, node->results->items[i]->name));
}

CallProgram call_program(Context *ctx, const LibraryItem *item, CallStyle style) {
    CallProgram made = {.calls = 0};
    Maker m = {.item = item, .style = style, .out = &made};
    Text *parts[] = {&m.fields, &m.inputs, &m.body, &m.sum};
    for (int i = 0; i < 4; i++) parts[i]->arena = ctx->arena;
    put_call(&m, NULL);
    if (is_elementwise(item->node)) {
        put_call(&m, item->node);
    } else {
        for (int i = 0; i < item->node->count; i++)
            if (item->node->items[i]->value) put_call(&m, item->node->items[i]);
    }
    if (!m.inputs.chars.count) {
        text_put(&m.fields, "    x = uniform(0, 1)\n");
        text_put(&m.inputs, "x[batch]");
    }
    Text out = {.arena = ctx->arena};
    text_add(&out, "data rows = synthetic(8) {\n%s}\n", text_string(&m.fields));
    text_put(&out, style == CALLS_EDGES
                       ? "fn probe(y[..]) = (sum[..] y[..]) / size(y)\n"
                       : "fn bent(x) = sin(3 * x + 0.5) if x > -inf else 0\nfn probe(y[..]) = mean[..] "
                         "bent(y[..])\n");
    text_add(&out, "model net(%s) -> e {\n%s    e = %s\n}\n", text_string(&m.inputs), text_string(&m.body),
             text_string(&m.sum));
    text_put(&out,
             "train net on rows {\n    loss      = e\n    optimizer = sgd(0.1)\n    steps     = 1\n}\n");
    made.text = text_string(&out);
    made.problem = m.problem;
    return made;
}
