// What shape/ makes of bound files: its messages against those of tests/errors; what no equation shows
// (sharing, names, what is frozen).
#include "support/stdlib.h"
#include "shape/shape.h"
#include "support/check.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static Tests t;

typedef struct {
    Context *ctx;
    Library *library;
    const Source *source;
    Node *root;
    bool bound;
} File;

static File file_bind(Context *ctx, const Source *source, Library *library) {
    File f = {ctx, library, source, source ? parse_source(ctx, source) : NULL, false};
    f.bound = f.root && !ctx->errors && bind_file(library, source, f.root);
    return f;
}

static File file_open(const char *path) {
    Context *ctx = context_create();
    Library *library = stdlib_library(ctx);
    return file_bind(ctx, source_load(ctx, path), library);
}

static File text_open(const char *text) {
    Context *ctx = context_create();
    Library *library = stdlib_library(ctx);
    return file_bind(ctx, source_add(ctx, "text.nn", text, strlen(text)), library);
}

// ---- programs ----

static void for_each(const char *pattern, void (*visit)(const char *path)) {
    char full[512];
    snprintf(full, sizeof full, "%s/%s", TEST_ROOT, pattern);
    glob_t found;
    check(&t, glob(full, 0, NULL, &found) == 0, pattern);
    for (size_t i = 0; i < found.gl_pathc; i++) visit(found.gl_pathv[i]);
    globfree(&found);
}

// ---- messages ---------------------------------------------------------------------------------------------

// What shape does not say, or says in another way. The rest of tests/errors it says to the letter.
static const struct {
    const char *name, *why;
} OTHERS[] = {
    {"accumulate_grad", "of equations"},
    {"accumulate_loss", "of equations"},
    {"accumulate_pieces", "of equations"},
    {"grad_index", "of equations: indices in force"},
    {"classes", "of equations: a read stays inside"},
    {"draw_in_reduction", "of equations"},
    {"initial_reads", "of equations"},
    {"integer_too_large", "of equations: forms"},
    {"metric_nested", "of equations: totals"},
    {"metric_position", "of equations: totals"},
    {"recur_steps", "of equations: what a step has made"},
    {"predict_batch", "of equations: what reads other rows"},
    {"restore_form", "of equations: what can be undone"},
    {"piece_outside", "of equations: a piece stays inside"},
    {"field_outside", "of equations: a read stays inside"},
    {"read_outside", "of equations: a read stays inside"},
    {"order_of_rows", "of equations: totals"},
    {"work_limit", "equal applications are looked at once: nothing grows"},
    {"recur_beginning", "of equations: what the first step reads"},
    {"recur_circle", "of equations: what a step reads"},
    {"accumulate_lines", "of the settings' numbers"},
    {"watch_rows", "of equations: what the argument reads"},
    {"assert_call", "of numbers known at the end"},
    {"assert_failed", "of numbers known at the end"},
    {"length_beyond_run", "of the settings' numbers"},
    {"missing_part", "of what a source can give"},
    {"missing_stratify", "of what a source can give"},
    {"part_statistic", "of what a source can give"},
    {"path_used", "what the program computes of a field"},
    {"stratify_statistic", "of what a source can give"},
};

static const char *other(const char *name) {
    for (size_t i = 0; i < sizeof OTHERS / sizeof *OTHERS; i++)
        if (!strcmp(OTHERS[i].name, name)) return OTHERS[i].why;
    return NULL;
}

static const char *slurp(Arena *arena, const char *path) {
    FILE *f = fopen(path, "rb");
    if (!f) return NULL;
    Text text = {.arena = arena};
    for (int c; (c = fgetc(f)) != EOF;) vec_push(arena, &text.chars, (char)c);
    fclose(f);
    return text_string(&text);
}

static const char *messages(Context *ctx) {
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    diagnostics_print(ctx, false, out);
    fclose(out);
    const char *copy = string_copy(ctx->arena, text, length);
    free(text);
    return copy;
}

static void
same_message(const char *name) { // in the folder of the errors: messages hold the file's name as given
    File f = file_open(name);
    if (f.bound) {
        if (file_train(f.root))
            shape_run(f.ctx, f.library, f.root, 0);
        else
            shape_library(f.ctx, f.library, f.root, &(Trees){0});
        const char *stem = string_copy(f.ctx->arena, name, strlen(name) - 3);
        const char *wanted = slurp(f.ctx->arena, string_format(f.ctx->arena, "%s.err", stem));
        const char *said = messages(f.ctx);
        bool same = wanted && !strcmp(said, wanted);
        check(&t, same == !other(stem), name);
        if (!same && !other(stem)) printf("wanted\n%s---- got\n%s", wanted ? wanted : "nothing\n", said);
        if (same && other(stem)) printf("%s is listed as not said by shape, and is\n", stem);
    }
    context_destroy(f.ctx);
}

static void test_messages(void) {
    char folder[512];
    snprintf(folder, sizeof folder, "%s/tests/errors", TEST_ROOT);
    glob_t found;
    check(&t, chdir(folder) == 0 && glob("*.nn", 0, NULL, &found) == 0, "tests/errors");
    for (size_t i = 0; i < found.gl_pathc; i++) same_message(found.gl_pathv[i]);
    globfree(&found);
}

// ---- by hand ----------------------------------------------------------------------------------------------

static Tree *run(File *f) {
    Tree *tree = f->bound ? shape_run(f->ctx, f->library, f->root, 0) : NULL;
    if (!tree) diagnostics_print(f->ctx, false, stdout);
    return tree;
}

// Is the parameter or state there, of these dimensions?
static void has(const Tree *tree, Context *ctx, const char *path, const char *wanted) {
    const Declared *d = tree ? tree_declared(tree, path) : NULL;
    Text text = {.arena = ctx->arena};
    for (int i = 0; d && i < d->rank; i++)
        text_add(&text, "%s%lld", i ? " " : "", (long long)d->dims[i].size);
    bool same = d && !strcmp(text_string(&text), wanted);
    check(&t, same, path);
    if (!same) printf("%s is [%s], not [%s]\n", path, d ? text_string(&text) : "not there", wanted);
}

// The line of a definition that gives this name.
static const Phrase *line_of(const File *f, const char *definition, const char *name) {
    const Node *node = library_find(f->library, f->root->span, definition);
    const Definition *d = node ? definition_of_node(f->library, node) : NULL;
    for (int i = 0; d && i < d->phrases.count; i++) {
        const Phrase *p = d->phrases.data[i];
        if (p->kind == PHRASE_GIVE && p->slot && string_equal(p->slot->name, name)) return p;
    }
    return NULL;
}

// What the line gives, in the first of its cases.
static void gives(const Tree *tree, const File *f, const char *definition, const char *name,
                  const char *wanted) {
    const Phrase *p = line_of(f, definition, name);
    const Case *c = NULL;
    int count = tree && p ? phrase_cases(tree->shaper, p, &c, 1) : 0;
    const char *found = count ? shape_text(f->ctx->arena, c->of[p->number]) : "nothing";
    check(&t, !strcmp(found, wanted), name);
    if (strcmp(found, wanted)) printf("%s.%s is %s, not %s\n", definition, name, found, wanted);
}

static int cases(const Tree *tree, const File *f, const char *definition, const char *name) {
    const Case *room[64];
    const Phrase *p = line_of(f, definition, name);
    return tree && p ? phrase_cases(tree->shaper, p, room, 64) : -1;
}

static bool told(const File *f, DiagnosticCode code) {
    for (int i = 0; i < f->ctx->diagnostics.count; i++)
        if (f->ctx->diagnostics.data[i]->code == code) return true;
    return false;
}

#define DATA "data d = csv(\"d.csv\") {\n    x[6] = columns(0 .. 5)\n    t[6] = columns(6 .. 11)\n}\n"
#define TRAIN "train net on d {\n    loss = mse(y, t)\n    optimizer = sgd(0.1)\n    epochs = 1\n}\n"

// A loop's tensors have the dimensions of what they begin with, are declared, or follow from what they are
// made of.
static void test_recur(void) {
    File f = text_open(
        "data d = npy {\n    x[20, 3] = file(\"x\")\n    t[8] = file(\"t\")\n}\n"
        "model net(x[batch, 20, 3]) -> y[batch, 8] {\n    run = lstm(x, 8)\n    y = last(run.h)\n}\n" TRAIN);
    Tree *tree = run(&f);
    has(tree, f.ctx, "net.lstm_1.wx", "3 4 8");
    has(tree, f.ctx, "net.lstm_1.wh", "8 4 8");
    gives(tree, &f, "lstm", "z", "[batch 32, 20, 4, 8]");
    gives(tree, &f, "lstm", "c", "[batch 32, 20, 8]");
    context_destroy(f.ctx);
    f = text_open(DATA "model net(x[batch, 6]) -> y[batch, 6] {\n"
                       "    recur t from h = 0 {\n"
                       "        y[b, t] = h[b, t] + x[b, t]\n"
                       "        h[b, t] = sum[s] gate[s, t] * x[b, s] + h[b, t - 1]\n"
                       "        gate[s < 6, t] = 1 / (s + t + 1)\n"
                       "    }\n}\n" TRAIN);
    tree = run(&f);
    gives(tree, &f, "net", "h", "[batch 32, 6]");
    gives(tree, &f, "net", "gate", "[6, 6]");
    context_destroy(f.ctx);
    f = text_open(DATA "model net(x[batch, 6]) -> y[batch, 6] {\n"
                       "    recur t < 6 from h = 0 {\n        h[b, t, k] = h[b, t - 1, k] + x[b, t]\n    }\n"
                       "    y[b, t] = h[b, t, 0]\n}\n" TRAIN);
    check(&t, f.bound && !shape_run(f.ctx, f.library, f.root, 0) && told(&f, INDEX_WITHOUT_RANGE),
          "nothing gives k a range");
    context_destroy(f.ctx);
    f = text_open(DATA
                  "model net(x[batch, 6]) -> y[batch, 6] {\n"
                  "    recur t < 6 from h = x {\n        h[b, t, k < 5] = h[b, t - 1, k] + x[b, t]\n    }\n"
                  "    y[b, t] = h[b, t, 0]\n}\n" TRAIN);
    check(&t, f.bound && !shape_run(f.ctx, f.library, f.root, 0) && told(&f, STATE_SHAPE),
          "h begins with another shape");
    context_destroy(f.ctx);
}

// The way of the loops of a definition, in each of its cases.
static void runs(const Tree *tree, const File *f, const char *definition, const char *wanted) {
    const Definition *d = definition_of_node(f->library, library_find(f->library, f->root->span, definition));
    Text ways = {.arena = f->ctx->arena};
    for (int i = 0; tree && i < d->phrases.count; i++) {
        const Case *room[8];
        int count = d->phrases.data[i]->kind == PHRASE_RECUR
                        ? phrase_cases(tree->shaper, d->phrases.data[i], room, 8)
                        : 0;
        for (int k = 0; k < count; k++)
            text_put(&ways, room[k]->way[i] > 0 ? ">" : room[k]->way[i] < 0 ? "<" : "?");
    }
    check(&t, !strcmp(text_string(&ways), wanted), definition);
}

// A setting may choose the way: of two sides that which is taken counts.
static void test_ways(void) {
    File f = text_open(
        "data d = npy {\n    x[20, 3] = file(\"x\")\n    t[16] = file(\"t\")\n}\n"
        "model net(x[batch, 20, 3]) -> y[batch, 16] {\n    y = x |> bidirectional_gru(8) |> last\n}\n" TRAIN);
    Tree *tree = run(&f);
    runs(tree, &f, "gru", "><");
    context_destroy(f.ctx);
    f = text_open(DATA "layer running(x[b, n], back) -> h[b, n] {\n    recur t from h = 0 {\n"
                       "        h[b, t] = h[b, t - 1] + h[b, t - back] + x[b, t]\n    }\n}\n"
                       "model net(x[batch, 6]) -> y[batch, 6] = x |> running(2) |> running(-1)\n" TRAIN);
    check(&t, f.bound && !shape_run(f.ctx, f.library, f.root, 0) && told(&f, RECUR_WAYS),
          "only the number says the way");
    context_destroy(f.ctx);
}

// Layers that are values, in rounds: each argument's layer is the argument's own.
static void test_values(void) {
    File f = text_open(
        DATA "layer residual(x[b, n], inner, squash = relu) -> y[b, n] {\n    y = x + squash(inner(x))\n}\n"
             "model net(x[batch, 6]) -> y[batch, 6] {\n    x |> repeat 3 { residual(dense(6)) }\n}\n" TRAIN);
    Tree *tree = run(&f);
    check(&t, tree && tree->layers.count == 7, "seven layers");
    has(tree, f.ctx, "net.dense_1[0].w", "6 6");
    has(tree, f.ctx, "net.dense_1[2].b", "6");
    check(&t, tree && tree_layer(tree, "net.residual_1[1]"), "net.residual_1[1]");
    check(&t, cases(tree, &f, "residual", "y") == 1, "rounds of equal shapes are one case");
    const Instance *net = tree && tree->roots.count ? tree->roots.data[0] : NULL, *rounds = NULL;
    for (int i = 0; net && i < net->of->define->phrases.count; i++)
        if (net->child[i] && net->child[i]->round) rounds = net->child[i];
    check(&t, rounds && rounds->of->rounds == 3, "a repeat has an instance for each round");
    check(&t, rounds && rounds->round[0] != rounds->round[1] && rounds->round[0]->of == rounds->round[1]->of,
          "rounds are instances of one case");
    context_destroy(f.ctx);
}

// Equal layers are looked at once; their names are told apart by the text alone (rule 18).
static void test_sharing(void) {
    Arena *arena = arena_create();
    Text text = {.arena = arena};
    text_put(&text, DATA "model net(x[batch, 6]) -> y[batch, 6] {\n    y = x");
    for (int i = 0; i < 1000; i++) text_put(&text, " |> dense(6)");
    text_put(&text, "\n}\n" TRAIN);
    File f = text_open(text_string(&text));
    arena_destroy(arena);
    Tree *tree = run(&f);
    check(&t, tree && tree->layers.count == 1001, "a thousand layers");
    has(tree, f.ctx, "net.dense_1000.w", "6 6");
    check(&t, cases(tree, &f, "dense", "y") == 1, "a thousand equal layers are one case");
    context_destroy(f.ctx);
    f = text_open(DATA "layer level(x[b, n], below = dense(6)) -> y[b, n] {\n    y = x + below(x)\n}\n"
                       "model net(x[batch, 6]) -> y[batch, 6] {\n"
                       "    y = x |> level(below = level(below = level()))\n}\n" TRAIN);
    tree = run(&f);
    has(tree, f.ctx, "net.level_3.dense_1.w", "6 6");
    check(&t, tree && tree->layers.data[1] == tree_layer(tree, "net.level_1"),
          "the outermost is the first of the text");
    context_destroy(f.ctx);
}

// Layers none of whose parameters is trained are frozen, with what is in them.
static void test_frozen(void) {
    File f = text_open(DATA "model net(x[batch, 6]) -> y[batch, 6] {\n    stem = dense(8) |> dense(6)\n"
                            "    head = dense(6)\n    y = x |> stem |> dropout(0.5) |> head\n}\n"
                            "train net on d {\n    minimize mse(y, t) + 0.1 * square(norm(net.head.w))\n"
                            "        over net.head with sgd(0.1)\n    epochs = 1\n}\n");
    Tree *tree = run(&f);
    const char *const frozen[] = {"net.stem.dense_1", "net.stem.dense_2"}, *const others[] = {
                                                                               "net", "net.head",
                                                                               "net.dropout_1"};
    for (int i = 0; i < 2; i++)
        check(&t, tree && tree_layer(tree, frozen[i]) && tree_layer(tree, frozen[i])->frozen, frozen[i]);
    for (int i = 0; i < 3; i++)
        check(&t, tree && tree_layer(tree, others[i]) && !tree_layer(tree, others[i])->frozen, others[i]);
    check(&t,
          tree && tree_declared(tree, "net.head.w")->trainable &&
              !tree_declared(tree, "net.stem.dense_1.w")->trainable,
          "what is named is trained");
    context_destroy(f.ctx);
}

// The parameters of a clause, as one text.
static const char *chosen(const Tree *tree, Context *ctx, int line, int clause) {
    Text text = {.arena = ctx->arena};
    bool there = tree && line < tree->lines.count && clause < tree->lines.data[line].clauses.count;
    for (int i = 0; there && i < tree->lines.data[line].clauses.data[clause].params.count; i++)
        text_add(&text, "%s%s", i ? " " : "",
                 tree->lines.data[line].clauses.data[clause].params.data[i]->path);
    return text_string(&text);
}

static void same_text(const char *found, const char *wanted) {
    check(&t, !strcmp(found, wanted), wanted);
    if (strcmp(found, wanted)) printf("found `%s`, not `%s`\n", found, wanted);
}

// Selections: paths with rounds, `*`, lists, kernels. A parameter goes to the first clause that names it.
static void test_selections(void) {
    File f = text_open(
        DATA "tower = dense(6)\n"
             "model net(x[batch, 6]) -> y[batch, 6] {\n    head = dense(6)\n"
             "    y = x |> repeat 2 { dense(6) } |> tower |> batch_norm |> head\n}\n"
             "fn short(w[..]) = w * min(1, 0.5 / norm(w))\n"
             "train net on d {\n    minimize mse(y, t)\n"
             "        over net.dense_1[1] with sgd(0.1)\n"
             "        over [kernels(net.*), tower.b] with sgd(0.1)\n"
             "        over net with sgd(0.1)\n"
             "    constrain = short over [kernels(net), net.head.b]\n"
             "    start = weights(\"a.nnw\", of = [net.*.b, tower, kernels(net.*), net.batch_norm_1.*])\n"
             "    epochs = 1\n}\n");
    const Tree *tree = run(&f);
    same_text(chosen(tree, f.ctx, 0, 0), "net.dense_1[1].w net.dense_1[1].b");
    same_text(chosen(tree, f.ctx, 0, 1), "net.dense_1[0].w tower.b net.head.w");
    same_text(chosen(tree, f.ctx, 0, 2),
              "net.dense_1[0].b tower.w net.batch_norm_1.gain net.batch_norm_1.shift net.head.b");
    Text constrained = {.arena = f.ctx->arena}, start = {.arena = f.ctx->arena};
    for (int i = 0; tree && i < tree->params.count; i++)
        if (tree->params.data[i]->constrained) text_add(&constrained, "%s ", tree->params.data[i]->path);
    same_text(text_string(&constrained), "net.dense_1[0].w net.dense_1[1].w tower.w net.head.w net.head.b ");
    for (int i = 0; tree && i < tree->start.count; i++) text_add(&start, "%s ", tree->start.data[i]);
    same_text(text_string(&start), "net.dense_1[0].b net.dense_1[1].b net.head.b tower net.dense_1[0].w "
                                   "net.dense_1[1].w net.head.w net.batch_norm_1.gain net.batch_norm_1.shift "
                                   "net.batch_norm_1.running_mean net.batch_norm_1.running_variance ");
    context_destroy(f.ctx);
}

// The shape of a derivative is that of what it is taken by; several models have trees of their own.
static void test_players(void) {
    File f = text_open(
        DATA "model net(x[batch, 6]) -> y[batch, 6] = x |> dense(6)\n"
             "model judge(x[batch, 6]) -> score[batch, 1] = x |> dense(1)\n"
             "train net, judge on d {\n    y = net(x)\n    energy[n] = logsumexp[k] judge(y)[n, k]\n"
             "    slope = grad(energy, y)\n"
             "    minimize mse(y, t) over net with sgd(0.1)\n"
             "    minimize mean[n, i] slope[n, i]^2 over judge with sgd(0.1)\n    epochs = 1\n}\n");
    Tree *tree = run(&f);
    const Node *train = file_train(f.root);
    const Definition *d = definition_of_node(f.library, train);
    const char *found = "nothing";
    for (int i = 0; tree && i < d->phrases.count; i++) {
        const Phrase *p = d->phrases.data[i];
        const Case *c;
        if (p->kind == PHRASE_GRAD && phrase_cases(tree->shaper, p, &c, 1))
            found = shape_text(f.ctx->arena, c->of[i]);
    }
    check(&t, !strcmp(found, "[batch 32, 6]"), found);
    for (int i = 0; tree && i < tree->layers.count; i++)
        check(&t, !tree->layers.data[i]->frozen, "what any line trains is not frozen");
    same_text(chosen(tree, f.ctx, 0, 0), "net.dense_1.w net.dense_1.b");
    same_text(chosen(tree, f.ctx, 1, 0), "judge.dense_1.w judge.dense_1.b");
    has(tree, f.ctx, "judge.dense_1.w", "6 1");
    has(tree, f.ctx, "net.dense_1.w", "6 6");
    context_destroy(f.ctx);
}

int main(void) {
    test_recur();
    test_ways();
    test_values();
    test_sharing();
    test_frozen();
    test_players();
    test_selections();
    test_messages();
    return tests_end(&t);
}
