// Every layer and every differentiable function of the standard library under `nnc gradcheck`, found by
// walking the library's own text: a program is made of each signature, with the defaults, with every option
// changed alone, and with every optional tensor given. All arguments depend on parameters, so the derivative
// by each argument is checked too. A definition for which no program can be made is a failure, so a new one
// cannot go unchecked. Left out are only functions that draw or read the run's clock (initializers and
// schedules, compared by library_test) and what `nnc gradcheck` itself refuses as not yet compiled.
#include "support/stdlib.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

// What a dimension's name stands for in the programs; `b` is the batch.
static const struct {
    const char *definition, *name;
    int size;
} SIZES[] = {
    {"pixel_shuffle", "c", 36},
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
    {NULL, "units", "3"},
    {NULL, "filters", "4"},
    {NULL, "vocabulary", "4"},
    {NULL, "width", "8"},
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
};

// Arguments that must be positive.
static const struct {
    const char *definition, *name;
} POSITIVE[] = {
    {"msle", "y"},          {"msle", "target"}, {"gaussian_nll", "variance"},
    {"kl_divergence", "p"}, {"dice", "p"},      {"dice", "target"},
};

typedef struct {
    const LibraryItem *item;
    Text fields, inputs, body, sum;
    int tensors, terms;
    bool number; // the result is one number
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
    int sizes[8], k = ++m->tensors, rank;
    bool batch;
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

// One call: required arguments and, of the optional ones, `changed` (all if it is the definition itself), and
// the probe of its results.
static void put_call(Maker *m, const Node *changed) {
    const Node *node = m->item->node;
    Text call = {.arena = m->body.arena};
    for (int i = 0; i < node->count; i++) {
        const Node *p = node->items[i];
        if (p->value && changed != p && changed != node) continue;
        text_add(&call, "%s%s = ", call.chars.count ? ", " : "", p->name);
        bool length = p->type && !strcmp(p->type, "int") && !strcmp(p->name, "length");
        if (p->brackets || is_elementwise(node))
            text_add(&call, length ? "1 + a_%d" : "a_%d", put_tensor(m, p));
        else
            put_changed(m, &call, p);
    }
    const char *call_text = text_string(&call);
    int term = ++m->terms;
    if (node->results && node->results->count > 1) {
        text_add(&m->body, "    m_%d = %s%s(%s)\n", term, m->item->prefix, node->name, call_text);
        for (int i = 0; i < node->results->count; i++)
            text_add(&m->sum, "%sprobe(m_%d.%s)", m->sum.chars.count ? " + " : "", term,
                     node->results->items[i]->name);
        return;
    }
    text_add(&m->body, "    m_%d = %s%s(%s)\n", term, m->item->prefix, node->name, call_text);
    text_add(&m->sum, m->number ? "%sbent(m_%d)" : "%sprobe(m_%d)", m->sum.chars.count ? " + " : "", term);
}

static const char *make_program(Context *ctx, const LibraryItem *item, bool number, const char **problem) {
    Maker m = {.item = item, .number = number};
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
    text_put(&out,
             "fn bent(x) = sin(3 * x + 0.5) if x > -inf else 0\nfn probe(y[..]) = mean[..] bent(y[..])\n");
    text_add(&out, "model net(%s) -> e {\n%s    e = %s\n}\n", text_string(&m.inputs), text_string(&m.body),
             text_string(&m.sum));
    text_put(&out,
             "train net on rows {\n    loss      = e\n    optimizer = sgd(0.1)\n    steps     = 1\n}\n");
    *problem = m.problem;
    return text_string(&out);
}

// ---- running ----

static int gradcheck(const char *folder, const char *name, const char *program, char *said, size_t room) {
    char path[512], command[1200];
    snprintf(path, sizeof path, "%s/%s.nn", folder, name);
    FILE *f = fopen(path, "w");
    if (!f || fputs(program, f) < 0 || fclose(f)) return 3;
    snprintf(command, sizeof command, TEST_BUILD "/nnc gradcheck %s 2>&1", path);
    FILE *pipe = popen(command, "r");
    if (!pipe) return 3;
    size_t n = fread(said, 1, room - 1, pipe);
    said[n] = 0;
    while (fgetc(pipe) != EOF) continue;
    int status = pclose(pipe);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

enum { PASSED, FAILED, WAITS };

static int check_item(Context *ctx, const LibraryItem *item, const char *folder) {
    static char said[1 << 16];
    const char *name = item->node->name, *problem = NULL, *program = make_program(ctx, item, false, &problem);
    if (problem) {
        printf("%s (%s): the test has no size or value for `%s`: a row of SIZES or VALUES\n", name,
               item->file, problem);
        return FAILED;
    }
    int status = gradcheck(folder, name, program, said, sizeof said);
    if (status == 1 && strstr(said, "has no dimensions: it is a number")) {
        program = make_program(ctx, item, true, &problem);
        status = gradcheck(folder, name, program, said, sizeof said);
    }
    if (item->waits && status == 1 && strstr(said, "cannot be compiled yet")) return WAITS;
    if (status == 0 && strstr(said, "all agree")) return PASSED;
    printf("%s (%s): gradcheck ends with %d\n%s%s\n", name, item->file, status, said, program);
    return FAILED;
}

// What must not pass: each program's derivative is wrong, in one place.
static int check_wrong(const char *folder) {
    static const char *const WRONG[] = {"x[n] * stop_gradient(w) * w", "x[n] * w + stop_gradient(1e-2 * w)",
                                        "stop_gradient(sin(w))"};
    static char said[1 << 16];
    int bad = 0;
    for (size_t i = 0; i < sizeof WRONG / sizeof *WRONG; i++) {
        char program[1024];
        snprintf(program, sizeof program,
                 "data rows = synthetic(8) {\n    x = uniform(0, 1)\n}\nmodel net(x[batch]) -> y[batch] {\n  "
                 "  param w = 0.7\n"
                 "    param v = 0.2\n    y[n] = %s + v\n}\ntrain net on rows {\n    loss      = mean(y)\n    "
                 "optimizer = sgd(0.1)\n"
                 "    steps     = 1\n}\n",
                 WRONG[i]);
        int status = gradcheck(folder, "wrong", program, said, sizeof said);
        if (status != 5 || !strstr(said, "WRONG")) {
            printf("a wrong derivative (%s) ends with %d\n%s\n", WRONG[i], status, said);
            bad++;
        }
    }
    return bad;
}

static bool is_checked(const LibraryItem *item) {
    return item->node->definition == DEFINE_LAYER || (item->node->definition == DEFINE_FN && !item->of_run);
}

// Any words: only the definitions of these names.
static bool wanted(const char *name, int argc, char **argv) {
    for (int i = 1; i < argc; i++)
        if (!strcmp(name, argv[i])) return true;
    return argc == 1;
}

int main(int argc, char **argv) {
    char folder[] = "/tmp/nn-gradients.XXXXXX";
    Context *ctx = context_create();
    if (!mkdtemp(folder)) return 2;
    LibraryItems all = library_items(ctx);
    int counts[3] = {0}, running = 0, wrong = check_wrong(folder);
    for (int i = 0; i < all.count || running;) {
        while (i < all.count && running < 2) {
            const LibraryItem *item = &all.items[i++];
            if (!is_checked(item) || !wanted(item->node->name, argc, argv)) continue;
            fflush(stdout);
            if (fork() == 0) {
                int result = check_item(ctx, item, folder);
                fflush(stdout);
                _exit(result);
            }
            running++;
        }
        int status;
        if (!running || wait(&status) < 0) break;
        running--;
        counts[WIFEXITED(status) && WEXITSTATUS(status) <= WAITS ? WEXITSTATUS(status) : FAILED]++;
    }
    char clean[128];
    snprintf(clean, sizeof clean, "rm -rf %s", folder);
    if (system(clean)) return 2;
    printf("%d definitions wait for what cannot be compiled yet\n", counts[WAITS]);
    printf("%d passed, %d failed\n", counts[PASSED] + 3 - wrong, counts[FAILED] + wrong);
    context_destroy(ctx);
    return counts[FAILED] || wrong || !(counts[PASSED] + counts[WAITS]);
}
