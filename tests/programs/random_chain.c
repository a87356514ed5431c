// See random_chain.h. A part is drawn until the program with it at the end compiles as far as to equations;
// the shape of what it gives is then known, and the next part is fitted to it.
#include "programs/random_chain.h"

#include "programs/random_program.h"
#include "support/calls.h"

#include <string.h>

enum { MOST_ELEMENTS = 400, TRIES = 12, MAX_SIZES = 16 };

// What settings are drawn from, by name; others follow from their defaults.
static const struct {
    const char *name, *values; // between blanks
} SETTINGS[] = {
    {"units", "1 1 2 3 5 8"},
    {"filters", "1 2 3 4 6"},
    {"vocabulary", "3 5"},
    {"width", "1 2 4 6"},
    {"heads", "1 1 2 3 4"},
    {"groups", "1 1 2 3 4"},
    {"kernel", "1 2 3"},
    {"stride", "1 2 3"},
    {"size", "1 2 3"},
    {"pad", "0 1"},
    {"dilation", "1 2"},
    {"expand", "1 2 4"},
    {"by", "1 2"},
    {"rate", "0 0.25 0.5"},
    {"deviation", "0.3"},
    {"forward", "rnn(2) gru(3)"},
    {"front", "0 1"},
    {"top", "0 1"},
    {"left", "0 1"},
    {"backward", "rnn(1) lstm(2)"},
    {"weights", "he_normal glorot_uniform constant(0.4)"},
    {"activation", "tanh sigmoid"},
    {"low", "-0.5"},
    {"high", "0.5"},
    {"edge", "0.3"},
    {"value", "0.2"},
};

typedef struct {
    const char *name;
    int64_t size;
} Size;

typedef struct {
    Pipeline *p;
    Arena *arena;
    uint64_t state;
    const char *fields, *inputs, *names, *body, *value; // what stands already; value: the line in hand
    int extras, lines, rank;
    int64_t dims[MAX_RANK]; // of one row of what the chain gives so far
    // the part in hand
    Text new_fields, new_inputs, new_names, new_value;
    Size sizes[MAX_SIZES];
    int size_count, dot_count, made;
    int64_t dots[MAX_RANK];
} Maker;

static int64_t pick(Maker *m, int64_t low, int64_t high) { return random_pick(&m->state, low, high); }

static int64_t any_size(Maker *m) {
    static const int64_t SIZES[] = {1, 1, 2, 3, 4, 5, 6, 8};
    return SIZES[pick(m, 0, 7)];
}

// ---- what there is ----

static bool is_elementwise(const Node *node) {
    for (int i = 0; i < node->count; i++)
        if (node->items[i]->brackets) return false;
    return node->definition == DEFINE_FN && node->count > 0;
}

static bool has_batch(const Node *p) {
    return p->brackets && p->count &&
           (p->items[0]->kind == AST_DOTS ||
            (p->items[0]->kind == AST_NAME && !strcmp(p->items[0]->name, "b")));
}

// Is each tensor that it asks for one of the batch's rows?
static bool of_rows(const Node *node) {
    for (int i = 0; i < node->count; i++)
        if (node->items[i]->brackets && !node->items[i]->value && !has_batch(node->items[i])) return false;
    return true;
}

static bool gives_tensor(const Node *node) { return node->results && has_batch(node->results->items[0]); }

ChainParts chain_parts(Context *ctx, LibraryItems all) {
    VEC(const LibraryItem *) found = {0};
    for (int i = 0; i < all.count; i++) {
        const Node *node = all.items[i].node;
        if (!of_rows(node) || call_of_weights(node) || !strcmp(node->name, "_masked"))
            continue; // -inf, which a product with 0 does not keep
        bool layer = node->definition == DEFINE_LAYER && node->count && has_batch(node->items[0]);
        bool function = node->definition == DEFINE_FN && !all.items[i].of_run && node->count;
        if (layer ||
            (function && (is_elementwise(node) || (has_batch(node->items[0]) && gives_tensor(node)))))
            vec_push(ctx->arena, &found, &all.items[i]);
    }
    return (ChainParts){found.data, found.count};
}

// ---- shapes ----

// Another shape of this rank with as many elements: sizes of 1 that factors are given to.
static void reshape(Maker *m, int rank) {
    int64_t n = 1;
    for (int d = 0; d < m->rank; d++) n *= m->dims[d];
    m->rank = rank;
    for (int d = 0; d < rank; d++) m->dims[d] = 1;
    for (int64_t factor = 2; n > 1; factor++)
        for (; n % factor == 0; n /= factor) m->dims[pick(m, 0, rank - 1)] *= factor;
    text_put(&m->new_value, " |> reshape(batch");
    for (int d = 0; d < rank; d++) text_add(&m->new_value, ", %lld", (long long)m->dims[d]);
    text_put(&m->new_value, ")");
}

static void bind(Maker *m, const char *name, int64_t size) {
    if (m->size_count < MAX_SIZES) m->sizes[m->size_count++] = (Size){name, size};
}

static int64_t size_of(Maker *m, const char *name) {
    for (int i = 0; i < m->size_count; i++)
        if (!strcmp(m->sizes[i].name, name)) return m->sizes[i].size;
    bind(m, name, any_size(m));
    return m->sizes[m->size_count - 1].size;
}

// The chain's value becomes what this parameter takes, and its dimensions get their names.
static void fit(Maker *m, const Node *p) {
    bool dots = false;
    for (int i = 0; i < p->count; i++) dots |= p->items[i]->kind == AST_DOTS;
    bool batch_in_dots = p->items[0]->kind == AST_DOTS;
    int named = p->count - dots - !batch_in_dots;
    if (dots ? m->rank < named + (named == 0) : m->rank != named) reshape(m, named + (named == 0));
    int at = 0;
    m->dot_count = 0;
    for (int i = !batch_in_dots; i < p->count; i++) {
        if (p->items[i]->kind == AST_DOTS)
            for (int left = m->rank - named; left > 0; left--) m->dots[m->dot_count++] = m->dims[at++];
        else if (p->items[i]->kind == AST_NUMBER)
            at++; // where it is another number, the part is refused
        else
            bind(m, p->items[i]->name, m->dims[at++]);
    }
}

static void put_dims(Text *out, const char *first, const int64_t *dims, int rank) {
    if (!first && !rank) return;
    text_add(out, "[%s", first ? first : "");
    for (int d = 0; d < rank; d++) text_add(out, "%s%lld", d || first ? ", " : "", (long long)dims[d]);
    text_put(out, "]");
}

// A field of integers or numbers, and the model's input of it.
static void put_input(Maker *m, const char *name, const char *type, const int64_t *dims, int rank) {
    const char *source = !type                    ? "normal(0, 1)"
                         : !strcmp(type, "class") ? "class(integer(0, 2), 3)"
                         : !strcmp(type, "int")   ? "int(integer(0, 2), 3)"
                                                  : "integer(0, 1) == 1";
    text_add(&m->new_fields, "    %s", name);
    put_dims(&m->new_fields, NULL, dims, rank);
    text_add(&m->new_fields, " = %s\n", source);
    text_add(&m->new_inputs, "%s%s", strcmp(name, "x") ? ", " : "", name);
    text_add(&m->new_names, "%s%s", strcmp(name, "x") ? ", " : "", name);
    put_dims(&m->new_inputs, "batch", dims, rank);
    if (type) text_add(&m->new_inputs, ": %s", type);
}

// A further tensor: an input of its own; false where it has none of the batch's rows.
static bool put_tensor(Maker *m, Text *call, const Node *p) {
    int64_t dims[MAX_RANK];
    int rank = 0;
    if (!has_batch(p)) return false;
    for (int i = p->items[0]->kind != AST_DOTS; i < p->count && rank < MAX_RANK - 1; i++) {
        if (p->items[i]->kind == AST_DOTS)
            for (int d = 0; d < m->dot_count; d++) dims[rank++] = m->dots[d];
        else if (p->items[i]->kind == AST_NAME)
            dims[rank++] = size_of(m, p->items[i]->name);
        else if (p->items[i]->kind == AST_NUMBER)
            dims[rank++] = (int64_t)p->items[i]->number;
        else
            return false;
    }
    const char *name = string_format(m->arena, "e_%d", ++m->made);
    put_input(m, name, p->type, dims, rank);
    bool length = p->type && !strcmp(p->type, "int") && !strcmp(p->name, "length");
    text_add(call, "%s", length ? string_format(m->arena, "1 + %s", name) : name);
    return true;
}

// ---- settings ----

static const char *one_of(Maker *m, const char *values) {
    int count = 1;
    for (const char *c = values; *c; c++) count += *c == ' ';
    for (int64_t skip = pick(m, 0, count - 1); skip > 0; skip--) values = strchr(values, ' ') + 1;
    return string_copy(m->arena, values, strcspn(values, " "));
}

static const char *setting(Maker *m, const Node *p) {
    const Node *d = p->value;
    if (d && d->kind == AST_BOOL) return d->number != 0 ? "false" : "true";
    for (size_t i = 0; i < sizeof SETTINGS / sizeof *SETTINGS; i++)
        if (!strcmp(SETTINGS[i].name, p->name)) return one_of(m, SETTINGS[i].values);
    if (d && d->kind == AST_NUMBER && !d->integral)
        return string_format(m->arena, "%g", d->number * 0.5 + 0.1);
    return one_of(m, "1 2 3");
}

// ` |> name(settings)`; false where this part cannot stand here.
static bool put_part(Maker *m, const LibraryItem *item) {
    const Node *node = item->node, *first = node->items[0];
    if (first->brackets) fit(m, first);
    Text call = {.arena = m->arena};
    for (int i = 1; i < node->count; i++) {
        const Node *p = node->items[i];
        if (p->value && pick(m, 0, 2)) continue;
        text_add(&call, "%s%s = ", call.chars.count ? ", " : "", p->name);
        if (!p->brackets)
            text_put(&call, setting(m, p));
        else if (!put_tensor(m, &call, p))
            return false;
    }
    const char *before = strcmp(node->name, "root") ? "" : "abs |> "; // of what is negative it is no number
    text_add(&m->new_value, " |> %s%s%s", before, item->prefix, node->name);
    if (call.chars.count) text_add(&m->new_value, "(%s)", text_string(&call));
    return true;
}

// ---- programs ----

static const char *program(Maker *m, const char *results) {
    static const char *const OPTIMIZERS[] = {"sgd(0.1)", "sgd(0.1, momentum = 0.9)", "adam(1e-2, eps = 0.1)",
                                             "rmsprop(1e-2, eps = 0.1)"}; // of roundings alone no steps
    const char *loss = results ? "y" : string_format(m->arena, "net(%s)", m->names);
    return string_format(m->arena,
                         "data rows = synthetic(8) {\n%s}\n"
                         "fn bent(x)     = x / sqrt(1 + x * x)\n"
                         "fn probe(y[..]) = mean[..] bent(y[..])\n"
                         "model net(%s)%s {\n%s    %s\n}\n"
                         "train net on rows {\n    loss = probe(%s)\n    optimizer = %s\n    batch = 4\n"
                         "    steps = 2\n}\n",
                         m->fields, m->inputs, results ? results : "", m->body, m->value, loss,
                         OPTIMIZERS[m->state >> 40 & 3]);
}

static void join(Maker *m, const char **to, Text *added) {
    *to = string_format(m->arena, "%s%s", *to, added->chars.count ? text_string(added) : "");
    *added = (Text){.arena = m->arena};
}

// What the model gives, by the compiler itself. False: the program is refused, or gives no rows of numbers.
static bool learn_shape(Maker *m) {
    const char *text = program(m, NULL);
    pipeline_again(m->p, text, strlen(text));
    if (!pipeline_run_to(m->p, "facts")) return false;
    const Module *module = m->p->module;
    for (int i = 0; i < module->layers.count; i++) {
        const LayerInstance *l = &module->layers.data[i];
        if (l->depth || l->batch_dims != 1 || l->rank < 1) continue;
        int64_t elements = 1;
        m->rank = l->rank - 1;
        for (int d = 0; d < m->rank; d++) elements *= m->dims[d] = l->dims[d + 1];
        return elements > 0 && elements <= MOST_ELEMENTS;
    }
    return false;
}

static bool add_part(Maker *m, const LibraryItem *item, bool first) {
    const Node *p = item->node->items[0];
    if (!first && p->type) return false;
    m->made = m->extras;
    m->size_count = m->dot_count = 0;
    Text *texts[] = {&m->new_fields, &m->new_inputs, &m->new_names, &m->new_value};
    for (int i = 0; i < 4; i++) *texts[i] = (Text){.arena = m->arena};
    if (first) {
        m->rank = p->brackets ? p->count - (p->items[0]->kind != AST_DOTS) : 1;
        if (m->rank < 1) m->rank = 1;
        for (int d = 0; d < m->rank; d++) m->dims[d] = any_size(m);
        put_input(m, "x", p->type, m->dims, m->rank);
        m->value = "x";
    } else if (pick(m, 0, 3) == 0) {
        m->body = string_format(m->arena, "%s    h_%d = %s\n", m->body, ++m->lines, m->value);
        m->value = string_format(m->arena, "h_%d", m->lines);
    }
    if (!put_part(m, item)) return false;
    join(m, &m->fields, &m->new_fields);
    join(m, &m->inputs, &m->new_inputs);
    join(m, &m->names, &m->new_names);
    join(m, &m->value, &m->new_value);
    m->extras = m->made;
    return learn_shape(m);
}

Chain random_chain(Pipeline *p, const ChainParts *parts, uint64_t seed, int count) {
    Maker m = {.p = p,
               .arena = p->ctx->arena,
               .state = seed * 2654435761u + 12345,
               .fields = "",
               .inputs = "",
               .names = "",
               .body = "",
               .value = ""};
    Chain chain = {0};
    for (int attempt = 0; attempt < TRIES * count && chain.count < count; attempt++) {
        Maker before = m;
        int part = chain.count ? (int)pick(&m, 0, parts->count - 1) : (int)(seed % (uint64_t)parts->count);
        chain.drawn++;
        bool good = add_part(&m, parts->items[part], chain.count == 0);
        if (good) {
            chain.part[chain.count++] = part;
            continue;
        }
        uint64_t state = m.state;
        m = before;
        m.state = state;
        chain.refused++;
    }
    if (chain.count < count) return chain;
    Text results = {.arena = m.arena};
    text_put(&results, " -> y");
    put_dims(&results, "batch", m.dims, m.rank);
    chain.text = program(&m, text_string(&results));
    return chain;
}
