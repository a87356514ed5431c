// Every .nn file of the tree is read, printed and read again: the tree is the same, and printing again
// changes nothing. So it is for trees printed without their source. Words, numbers and units are read as they
// should be.
#include "syntax/ast.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct {
    int passed, failed;
} Count;

static void expect(Count *count, bool good, const char *what, const char *detail) {
    if (good)
        count->passed++;
    else {
        count->failed++;
        printf("FAILED %s: %s\n", what, detail);
    }
}

static Node *read_again(Context *ctx, const char *name, Text *text) {
    const char *string = text_string(text);
    Source *source = source_add(ctx, name, string, strlen(string));
    return source ? parse_source(ctx, source) : NULL;
}

static void check_file(Count *count, const char *path) {
    Context *ctx = context_create();
    Source *source = source_load(ctx, path);
    Node *root = source ? parse_source(ctx, source) : NULL;
    expect(count, root && !ctx->errors, path, "is not read without errors");
    if (root && !ctx->errors) {
        Text first = {.arena = ctx->arena}, second = first, bare = first;
        source_print(&first, ctx, source, root);
        Source *printed = source_add(ctx, path, text_string(&first), strlen(text_string(&first)));
        Node *again = parse_source(ctx, printed);
        expect(count, !ctx->errors && node_equal(root, again), path, "is another tree when formatted");
        source_print(&second, ctx, printed, again);
        expect(count, strcmp(text_string(&first), text_string(&second)) == 0, path,
               "changes when formatted twice");
        node_print(&bare, root);
        Node *made = read_again(ctx, path, &bare);
        expect(count, !ctx->errors && node_equal(root, made), path, "is another tree when printed");
    }
    if (ctx->errors) diagnostics_print(ctx, false, stdout);
    context_destroy(ctx);
}

static void check_folder(Count *count, const char *path) {
    DIR *folder = opendir(path);
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        char inner[4096];
        snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
        struct stat about;
        if (entry->d_name[0] == '.' || stat(inner, &about) != 0) continue;
        const char *dot = strrchr(entry->d_name, '.');
        if (S_ISDIR(about.st_mode) && strcmp(entry->d_name, "errors") != 0)
            check_folder(count, inner);
        else if (dot && strcmp(dot, ".nn") == 0)
            check_file(count, inner);
    }
    if (folder) closedir(folder);
}

// Statements that must come out exactly so.
static const char *const canonical[][2] = {
    {"a=1\nbcd  = 2", "a   = 1\nbcd = 2\n"},
    {"a = 10min", "a = 10 min\n"},
    {"a = 20%", "a = 20%\n"},
    {"a = ((1+2))*3", "a = (1 + 2) * 3\n"},
    {"a = -2^2", "a = -2^2\n"},
    {"a = 2^-x^3", "a = 2^-x^3\n"},
    {"fn f(x[n])=sum[i]x[i]*2", "fn f(x[n]) = sum[i] x[i] * 2\n"},
    {"a = x if y else z if u else v", "a = x if y else z if u else v\n"},
    {"a = (b if c else d)|>f", "a = (b if c else d) |> f\n"},
    {"a = not x==y", "a = not x == y\n"},
    {"# one\n\n\n\na = 1 # two\n# three", "# one\n\na = 1  # two\n# three\n"},
    {"a = repeat 3{\n f |> g\n}", "a = repeat 3 { f |> g }\n"},
    {"a = repeat 3{ # why\n f |> g\n}", "a = repeat 3 {  # why\n    f |> g\n}\n"},
    {"optimizer o(w,g){\nstate m=0\nm=g\nw-=m\n}",
     "optimizer o(w, g) {\n    state m = 0\n    m  = g\n    w -= m\n}\n"},
    {"a = \"x\\\"y\\\\\"", "a = \"x\\\"y\\\\\"\n"},
    {"a = f(1, # why\n2)", "# why\na = f(1, 2)\n"},
    {"assert params<3 and\n  flops<4", "assert params < 3 and flops < 4\n"},
    {"layer f(x) {\n y = x\n\n\n\n # last\n\n}", "layer f(x) {\n    y = x\n\n    # last\n}\n"},
    {"\xef\xbb\xbf"
     "a = 1\r\nb = 2\r\n",
     "a = 1\nb = 2\n"},
    {"", ""},
};

static void check_canonical(Count *count) {
    for (size_t i = 0; i < sizeof canonical / sizeof *canonical; i++) {
        Context *ctx = context_create();
        Source *source = source_add(ctx, "test", canonical[i][0], strlen(canonical[i][0]));
        Node *root = parse_source(ctx, source);
        Text out = {.arena = ctx->arena};
        source_print(&out, ctx, source, root);
        bool same = !ctx->errors && strcmp(text_string(&out), canonical[i][1]) == 0;
        expect(count, same, canonical[i][0], text_string(&out));
        context_destroy(ctx);
    }
}

static Node *leaf(Context *ctx, const char *name) {
    Node *node = node_new(ctx, AST_NAME, NO_SPAN);
    node->name = name;
    return node;
}

static Node *join(Context *ctx, Operator op, Node *left, Node *right) {
    Node *node = node_new(ctx, AST_BINARY, NO_SPAN);
    node->op = op;
    node->left = left;
    node->right = right;
    return node;
}

static Node *before(Context *ctx, Operator op, Node *value) {
    Node *node = node_new(ctx, AST_UNARY, NO_SPAN);
    node->op = op;
    node->value = value;
    return node;
}

static Node *sum(Context *ctx, Node *operand) {
    Node *node = node_new(ctx, AST_REDUCE, NO_SPAN);
    node->base = leaf(ctx, "sum");
    node_add(ctx, node, leaf(ctx, "k"));
    node->operand = operand;
    return node;
}

// A tree drawn by a number, with all operators, of a depth.
static Node *draw(Context *ctx, uint64_t *seed, int depth) {
    *seed = hash_mix(*seed, (uint64_t)depth);
    unsigned pick = (unsigned)(*seed >> 20) % (depth ? 20 : 2);
    if (pick < 2) return leaf(ctx, pick ? "a" : "b");
    if (pick == 2) return before(ctx, OPERATOR_NEGATE, draw(ctx, seed, depth - 1));
    if (pick == 3) return before(ctx, OPERATOR_NOT, draw(ctx, seed, depth - 1));
    if (pick <= 5) return sum(ctx, draw(ctx, seed, depth - 1));
    if (pick == 6) {
        Node *node = node_new(ctx, AST_IF, NO_SPAN);
        node->value = draw(ctx, seed, depth - 1);
        node->condition = draw(ctx, seed, depth - 1);
        node->otherwise = draw(ctx, seed, depth - 1);
        return node;
    }
    if (pick == 7) {
        Node *node = node_new(ctx, AST_PIPE, NO_SPAN);
        node->left = draw(ctx, seed, depth - 1);
        node->right = leaf(ctx, "f");
        return node;
    }
    static const Operator operators[] = {OPERATOR_OR,        OPERATOR_AND,   OPERATOR_LESS,  OPERATOR_EQUAL,
                                         OPERATOR_ADD,       OPERATOR_SUB,   OPERATOR_MUL,   OPERATOR_DIV,
                                         OPERATOR_FLOOR_DIV, OPERATOR_POWER, OPERATOR_POWER, OPERATOR_MUL};
    Node *left = draw(ctx, seed, depth - 1);
    return join(ctx, operators[pick - 8], left, draw(ctx, seed, depth - 1));
}

// Parentheses: trees made by hand read back as they are.
static void check_drawn(Count *count) {
    for (uint64_t i = 0; i < 3000; i++) {
        Context *ctx = context_create();
        uint64_t seed = hash_mix(i, 7);
        Node *drawn = draw(ctx, &seed, 5);
        Text text = {.arena = ctx->arena};
        text_put(&text, "x = ");
        node_print(&text, drawn);
        Node *root = read_again(ctx, "drawn", &text);
        bool same = !ctx->errors && root->count == 1 && node_equal(root->items[0]->value, drawn);
        if (!same) {
            expect(count, false, "a drawn tree", text_string(&text));
            diagnostics_print(ctx, false, stdout);
        }
        context_destroy(ctx);
    }
    expect(count, true, "drawn trees", "");
}

int main(void) {
    Count count = {0};
    check_folder(&count, TEST_ROOT);
    check_canonical(&count);
    check_drawn(&count);
    printf("%d passed, %d failed\n", count.passed, count.failed);
    return count.failed != 0;
}
