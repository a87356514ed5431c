// Elaboration: each tests/passes/elaborate-*.nn is a library file with one model whose inputs have numbers
// for dimensions, and perhaps an fn `loss` of its outputs. Its equations in training and inference are
// compared with the golden beside it, verified, and run by the interpreter. With an argument: prints that
// file's equations.
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "oracle/interpret.h"
#include "sema/elaborate.h"
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

static void elaborate(Session *s, const Node *root, FunctionKind kind, bool training) {
    Function *f = function_add(s->program, kind, training ? "step" : "evaluate");
    Elaborator *el = elaborator_create(s, f, training);
    const Node *model = find(root, DEFINE_MODEL, NULL), *loss = find(root, DEFINE_FN, "loss");
    SemaValue inputs[8];
    for (int i = 0; i < model->count && i < 8; i++)
        inputs[i] = value_tensor(s, input_of(s->program, model->items[i]));
    SemaValue y = call_definition(el, model, model->name, inputs, NULL, model->count, model->name_span);
    if (y.kind == SEMA_ERROR) return;
    SemaValue outputs[8];
    const char *names[8];
    int count = y.kind == SEMA_TUPLE ? y.count : 1;
    for (int i = 0; i < count && i < 8; i++) {
        outputs[i] = y.kind == SEMA_TUPLE ? y.items[i] : y;
        names[i] = loss && i < loss->count ? loss->items[i]->name : NULL;
    }
    for (int i = count; loss && i < loss->count && i < 8; i++, count++) {
        outputs[i] = value_tensor(s, input_of(s->program, loss->items[i]));
        names[i] = loss->items[i]->name;
    }
    SemaValue result =
        loss ? call_definition(el, loss, NULL, outputs, names, count, loss->name_span) : value_first(y);
    elaborator_finish(el);
    if (result.kind == SEMA_ERROR) return;
    Tensor *t = value_as_tensor(el, result, loss ? "loss.value" : "result", TENSOR_OUTPUT,
                                loss ? TYPE_DOUBLE : -1, model->span);
    if (t) vec_push(s->arena, &f->outputs, t);
}

// The equations as text, or NULL after diagnostics.
static Program *compile(Context *ctx, const char *path) {
    Source *source = source_load(ctx, path);
    Library *library = stdlib_library(ctx);
    if (!source) return NULL;
    const Node *root = parse_source(ctx, source);
    bind_file(library, source, root);
    if (ctx->errors) return NULL;
    Program *p = program_create(ctx, PRECISION_DEFAULT, BATCH);
    Session *s = session_create(p, library);
    elaborate(s, root, FUNCTION_STEP, true);
    if (!ctx->errors) elaborate(s, root, FUNCTION_EVALUATE, false);
    return ctx->errors ? NULL : p;
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

static void test_file(Tally *tally, const char *path) {
    Context *ctx = context_create();
    Program *p = compile(ctx, path);
    const char *wrong = p ? program_verify(p) : "it has errors";
    if (!p) diagnostics_print(ctx, false, stdout);
    if (p && !wrong) wrong = run(p);
    if (p && !wrong) {
        Text text = {.arena = ctx->arena};
        program_print(&text, p);
        char expected[512];
        snprintf(expected, sizeof expected, "%.*s.out", (int)strlen(path) - 3, path);
        if (!golden(expected, text_string(&text), tally->bless))
            wrong = "the equations differ from the golden";
    }
    if (wrong) printf("%s: %s\n", path, wrong);
    tally->failed += wrong != NULL;
    tally->passed += wrong == NULL;
    context_destroy(ctx);
}

static int print_file(const char *path) {
    Context *ctx = context_create();
    Program *p = compile(ctx, path);
    diagnostics_print(ctx, false, stdout);
    if (p) {
        Text text = {.arena = ctx->arena};
        program_print(&text, p);
        fputs(text_string(&text), stdout);
        const char *wrong = program_verify(p);
        if (!wrong) wrong = run(p);
        printf("%s\n", wrong ? wrong : "runs");
    }
    context_destroy(ctx);
    return p ? 0 : 1;
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
        if (!strncmp(entry->d_name, "elaborate-", 10) && n > 3 && !strcmp(entry->d_name + n - 3, ".nn"))
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
