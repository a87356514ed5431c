// Binding. Each tests/passes/bind-*.nn gives the phrases beside it (`bind_test --bless` writes them anew, to
// be reviewed as a diff). Of every program, library file and program with mistakes the phrases are whole:
// each part is there, arguments stand by parameter, slots and numbers are those of the definition; and where
// there are no mistakes, nothing is WRONG.
#include "bind/bind.h"
#include "pipeline.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const char *file;
    bool right, told; // right: without mistakes
    int passed, failed;
} Tally;

static void fail(Tally *t, const Definition *d, const Phrase *p, const char *what) {
    if (!t->told)
        printf("%s: %s, phrase %d: %s\n", t->file, d->node->name ? d->node->name : "?", p->number, what);
    t->told = true;
}

// ---- one phrase ----

static bool may_lack(const Phrase *p, int part) {
    switch ((int)p->kind) {
    case PHRASE_MAKE: return true;
    case PHRASE_APPLY: return p->definition && p->definition->node->items[part]->value;
    case PHRASE_BUILTIN:
    case PHRASE_DRAW: return true;
    case PHRASE_IF: return part == 2;
    case PHRASE_REDUCE:
    case PHRASE_MEMBER: return part == 0;
    case PHRASE_CLAUSE: return part != 1;
    case PHRASE_DECLARE: return part == p->count - 1;
    default: return false;
    }
}

static void check_phrase(Tally *t, const Definition *d, const Phrase *p) {
    bool call = p->kind == PHRASE_APPLY || p->kind == PHRASE_MAKE;
    bool slotted = p->kind == PHRASE_SLOT || p->kind == PHRASE_BEGIN;
    if (t->right && p->kind == PHRASE_WRONG) fail(t, d, p, "is wrong in a program without mistakes");
    if (call && p->definition && p->count != p->definition->parameters)
        fail(t, d, p, "its arguments are not by parameter");
    if (slotted && (p->slot->number >= d->slots.count || d->slots.data[p->slot->number] != p->slot))
        fail(t, d, p, "its slot is not the definition's");
    if (p->kind == PHRASE_BUILTIN && !p->builtin) fail(t, d, p, "no built-in");
    for (int i = 0; i < p->count; i++) {
        if (p->part[i] && p->part[i]->number >= p->number) fail(t, d, p, "a part comes after it");
        if (!p->part[i] && t->right && !may_lack(p, i)) fail(t, d, p, "a part is not there");
    }
}

// ---- one definition ----

static void check_definition(Tally *t, const Definition *d) {
    if (d->state != BOUND) printf("%s: a definition is not bound\n", t->file), t->told = true;
    for (int i = 0; i < d->phrases.count; i++) {
        if (d->phrases.data[i]->number != i) fail(t, d, d->phrases.data[i], "another number");
        check_phrase(t, d, d->phrases.data[i]);
    }
}

static void check_file(Tally *t, const char *path, bool right) {
    PipelineOptions options = {.path = path, .cpu = "native"};
    Pipeline *p = pipeline_create(&options);
    t->file = path;
    t->told = false;
    t->right = pipeline_run(p, FORM_TREE);
    bool bound = t->right || p->done > 0;
    if (right && !t->right) printf("%s: has mistakes\n", path), t->told = true;
    for (int i = 0; bound && i < p->root->count; i++)
        if (p->root->items[i]->binding) check_definition(t, p->root->items[i]->binding);
    t->told ? t->failed++ : t->passed++;
    pipeline_destroy(p);
}

// ---- all files ----

static void check_folder(Tally *t, const char *folder, bool right) {
    struct dirent **files;
    int count = scandir(folder, &files, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        char path[4096];
        const char *name = files[i]->d_name, *dot = strrchr(name, '.');
        snprintf(path, sizeof path, "%s/%s", folder, name);
        if (files[i]->d_type == DT_DIR && name[0] != '.')
            check_folder(t, path, right);
        else if (dot && !strcmp(dot, ".nn"))
            check_file(t, path, right);
        free(files[i]);
    }
    if (count >= 0) free(files);
}

static void check_golden(Tally *t, const char *path, bool bless) {
    PipelineOptions options = {.path = path, .cpu = "native"};
    Pipeline *p = pipeline_create(&options);
    char golden[4096], wanted[1 << 16] = "";
    snprintf(golden, sizeof golden, "%.*s.out", (int)strlen(path) - 3, path);
    Text text = {.arena = p->ctx->arena};
    if (!pipeline_run(p, FORM_TREE)) diagnostics_print(p->ctx, false, stdout);
    file_print(&text, p->root);
    FILE *f = fopen(golden, bless ? "wb" : "rb");
    if (bless && f) fputs(text_string(&text), f);
    if (!bless && f) wanted[fread(wanted, 1, sizeof wanted - 1, f)] = 0;
    if (f) fclose(f);
    bool same = bless || !strcmp(wanted, text_string(&text));
    if (!same) printf("%s: wanted\n%s---- got\n%s", golden, wanted, text_string(&text));
    same ? t->passed++ : t->failed++;
    pipeline_destroy(p);
}

// Definitions that need each other in a row that no stack holds: the last one draws, and so do all. And in a
// circle: what one says, all say.
static void check_chain(Tally *t, int count, bool circle) {
    Context *ctx = context_create();
    Text text = {.arena = ctx->arena};
    for (int i = 0; i < count; i++) text_add(&text, "fn f%d(x, k) = f%d(x, k) if k > 1 else x\n", i, i + 1);
    text_add(&text, "fn f%d(x, k) = %s + normal(0, 1)\n", count, circle ? "f0(x, k - 1)" : "x");
    const Source *source = source_add(ctx, "chain.nn", text_string(&text), (size_t)text.chars.count - 1);
    Library *library = library_create(ctx);
    const Node *root = parse_source(ctx, source);
    bool right = bind_file(library, source, root);
    for (int i = 0; right && i < root->count; i++) {
        const Definition *d = root->items[i]->binding;
        right = d->state == BOUND && d->draws && (d->decides == 2 || (i == count && !circle));
    }
    if (!right) printf("a %s of %d definitions\n", circle ? "circle" : "chain", count);
    if (!right) diagnostics_print(ctx, false, stdout);
    right ? t->passed++ : t->failed++;
    context_destroy(ctx);
}

int main(int argc, char **argv) {
    Tally t = {0};
    bool bless = argc > 1 && !strcmp(argv[1], "--bless");
    struct dirent **files;
    int count = scandir(TEST_ROOT "/tests/passes", &files, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        char path[4096];
        const char *name = files[i]->d_name;
        snprintf(path, sizeof path, TEST_ROOT "/tests/passes/%s", name);
        if (!strncmp(name, "bind-", 5) && strstr(name, ".nn")) check_golden(&t, path, bless);
        free(files[i]);
    }
    if (count >= 0) free(files);
    check_folder(&t, TEST_ROOT "/tests/models", true);
    check_folder(&t, TEST_ROOT "/examples", true);
    check_folder(&t, TEST_ROOT "/stdlib", true);
    check_folder(&t, TEST_ROOT "/tests/errors", false);
    for (int circle = 0; circle < 2; circle++) {
        check_chain(&t, 3, circle);
        check_chain(&t, 20000, circle);
    }
    printf("%d passed, %d failed\n", t.passed, t.failed);
    return t.failed != 0;
}
