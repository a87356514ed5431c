// What emit/ writes: each tests/passes/emit-*.nn is a library file with one model whose inputs have numbers
// for dimensions, and perhaps an fn `loss` of its outputs. Their equations in training and inference are
// compared with the golden beside it, verified, and run by the interpreter. With an argument: prints that
// file's equations.
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "oracle/interpret.h"
#include "emit/emit.h"
#include "support/stdlib.h"
#include "syntax/ast.h"

enum { BATCH = 4 };

typedef struct {
    int passed, failed;
    bool bless;
} Tally;

static const Node *find(const Node *root, DefinitionKind kind, const char *name) {
    for (int i = root->count - 1; i >= 0; i--)
        if (root->items[i]->kind == AST_DEFINE && root->items[i]->definition == kind &&
            (!name || !strcmp(root->items[i]->name, name)))
            return root->items[i];
    return NULL;
}

static Tensor *input_of(Program *p, const Node *parameter) {
    int64_t dims[MAX_RANK];
    int rank = 0;
    for (; rank < parameter->count; rank++)
        dims[rank] =
            parameter->items[rank]->kind == AST_NUMBER ? (int64_t)parameter->items[rank]->number : BATCH;
    bool whole = parameter->type && (!strcmp(parameter->type, "int") || !strcmp(parameter->type, "class"));
    Tensor *t = tensor_find(p, parameter->name);
    if (t) return t;
    t = tensor_add(p, parameter->name, TENSOR_INPUT, whole ? TYPE_INT : TYPE_REAL, rank, dims);
    t->batch_dims = rank && parameter->items[0]->kind == AST_NAME;
    if (whole) {
        t->bounded = true;
        t->high = 3;
    }
    return t;
}

// A definition applied to these inputs, in training or not. NULL after diagnostics.
static Function *write_function(Program *p, Library *library, const Node *define, Tensor *const *inputs,
                                bool training) {
    const Tree *tree = shape_definition(p->ctx, library, definition_of_node(library, define), inputs, BATCH);
    const Expr *zero = expr_int(p, 0), *word = expr_binary(p, training ? OP_EQ : OP_LT, zero, zero);
    const Instance *in = tree ? tree->roots.data[0] : NULL;
    return in ? emit_case(emitter_create(p, library, tree, word), in->of, in, inputs) : NULL;
}

// The model, and its loss by itself: of inputs like the model's outputs, then of its own.
static bool write_all(Program *p, Library *library, const Node *root, bool training) {
    const Node *model = find(root, DEFINE_MODEL, NULL), *loss = find(root, DEFINE_FN, "loss");
    Tensor *inputs[8] = {0};
    for (int i = 0; i < model->count && i < 8; i++) inputs[i] = input_of(p, model->items[i]);
    const Function *f = write_function(p, library, model, inputs, training);
    for (int i = 0; f && loss && i < loss->count && i < 8; i++) {
        const Tensor *like = i < f->outputs.count ? f->outputs.data[i] : NULL;
        const char *name = string_format(p->arena, "loss.%s", loss->items[i]->name);
        inputs[i] = like ? tensor_add(p, name, TENSOR_INPUT, like->type, like->rank, like->dims)
                         : input_of(p, loss->items[i]);
        if (like) inputs[i]->batch_dims = like->batch_dims;
    }
    return f && (!loss || write_function(p, library, loss, inputs, training));
}

// The equations in training and inference, or NULL after diagnostics.
static bool compile(Context *ctx, const char *path, Program *of[2]) {
    Source *source = source_load(ctx, path);
    Library *library = stdlib_library(ctx);
    const Node *root = source ? parse_source(ctx, source) : NULL;
    if (!root || !bind_file(library, source, root)) return false;
    for (int training = 0; training < 2; training++) {
        of[training] = program_create(ctx, PRECISION_DEFAULT, BATCH);
        if (!write_all(of[training], library, root, training)) return false;
    }
    return !ctx->errors;
}

static void fill_inputs(Environment *env, Program *p) {
    for (int i = 0; i < p->tensors.count; i++) {
        Tensor *t = p->tensors.data[i];
        if (t->kind != TENSOR_INPUT) continue;
        double *values = environment_values(env, t);
        for (int64_t k = 0; k < tensor_elements(t); k++)
            values[k] =
                t->type == TYPE_INT ? (double)(k * 7 % (t->high + 1)) : sin((double)(k * 13 + i)) * 0.9;
    }
}

static const char *run(Program *p) {
    for (int64_t rows = 1; rows <= BATCH; rows += BATCH - 1) {
        Environment *env = environment_create(p, rows, 7);
        fill_inputs(env, p);
        for (int i = 0; i < p->functions.count; i++) {
            const char *wrong = interpret(env, p->functions.data[i]);
            if (wrong) return wrong;
            Function *f = p->functions.data[i];
            for (int k = 0; k < f->outputs.count; k++)
                if (!isfinite(environment_values(env, f->outputs.data[k])[0]))
                    return "the result is not finite";
        }
    }
    return NULL;
}

static char *read_text(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file) return NULL;
    char *text = calloc(1, 1 << 20);
    size_t n = fread(text, 1, (1 << 20) - 1, file);
    text[n] = 0;
    fclose(file);
    return text;
}

static bool golden(const char *path, const char *text, bool bless) {
    if (bless) {
        FILE *file = fopen(path, "wb");
        if (!file) return false;
        fputs(text, file);
        return fclose(file) == 0;
    }
    char *wanted = read_text(path);
    bool same = wanted && !strcmp(wanted, text);
    free(wanted);
    return same;
}

static const char *all_text(Context *ctx, Program *const of[2]) {
    Text text = {.arena = ctx->arena};
    for (int training = 0; training < 2; training++) {
        text_add(&text, "# %s\n", training ? "in training" : "in inference");
        program_print(&text, of[training]);
    }
    return text_string(&text);
}

static void test_file(Tally *tally, const char *path) {
    Context *ctx = context_create();
    Program *of[2];
    bool written = compile(ctx, path, of);
    const char *wrong = written ? NULL : "it has errors";
    if (!written) diagnostics_print(ctx, false, stdout);
    for (int i = 0; i < 2 && !wrong; i++) {
        wrong = program_verify(of[i]);
        if (!wrong) wrong = run(of[i]);
    }
    char expected[512];
    snprintf(expected, sizeof expected, "%.*s.out", (int)strlen(path) - 3, path);
    if (!wrong && !golden(expected, all_text(ctx, of), tally->bless))
        wrong = "the equations differ from the golden";
    if (wrong) printf("%s: %s\n", path, wrong);
    tally->failed += wrong != NULL;
    tally->passed += wrong == NULL;
    context_destroy(ctx);
}

static int print_file(const char *path) {
    Context *ctx = context_create();
    Program *of[2];
    bool written = compile(ctx, path, of);
    diagnostics_print(ctx, false, stdout);
    if (written) fputs(all_text(ctx, of), stdout);
    context_destroy(ctx);
    return !written;
}

static int by_name(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int main(int argc, char **argv) {
    Tally tally = {0};
    if (argc > 1 && strcmp(argv[1], "--bless")) return print_file(argv[1]);
    tally.bless = argc > 1;
    const char *folder = TEST_ROOT "/tests/passes";
    DIR *dir = opendir(folder);
    char *names[256];
    int count = 0;
    for (struct dirent *entry; dir && (entry = readdir(dir)) && count < 256;) {
        size_t n = strlen(entry->d_name);
        if (!strncmp(entry->d_name, "emit-", 5) && n > 3 && !strcmp(entry->d_name + n - 3, ".nn"))
            names[count++] = strdup(entry->d_name);
    }
    if (dir) closedir(dir);
    qsort(names, (size_t)count, sizeof *names, by_name);
    for (int i = 0; i < count; i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        test_file(&tally, path);
        free(names[i]);
    }
    printf("%d passed, %d failed\n", tally.passed, tally.failed);
    return tally.failed != 0;
}
