// Goldens of single passes: tests/passes/PASS-what.ir is read, equations or kernels, PASS runs alone, and
// what it prints is PASS-what.out. `goldens_test --bless` writes the .out files instead of comparing; the
// change is then reviewed as a diff.
#include "oracle/text.h"
#include "pass/kernel.h"
#include "pass/passes.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// What stands before the dash of a file's name.
static const char *pass_of(Context *ctx, const char *file) {
    return string_copy(ctx->arena, file, strcspn(file, "-"));
}

static char *slurp(Context *ctx, const char *path) {
    FILE *f = fopen(path, "rb");
    if (!f) return NULL;
    Text text = {.arena = ctx->arena};
    for (int c; (c = fgetc(f)) != EOF;) vec_push(ctx->arena, &text.chars, (char)c);
    fclose(f);
    vec_push(ctx->arena, &text.chars, 0);
    return text.chars.data;
}

// The whole of scheduling, for 16 lanes and for 8.
static const char *schedule(Context *ctx, const char *file, const char *source) {
    static const Machine machines[] = {{16, 32, 40e3, 1.4e6, BLAS_NONE}, {8, 16, 40e3, 1.4e6, BLAS_NONE}};
    Text out = {.arena = ctx->arena};
    for (int m = 0; m < 2; m++) {
        Program *p = program_read(ctx, source_add(ctx, file, source, strlen(source)));
        if (!p) {
            diagnostics_print(ctx, false, stdout);
            return NULL;
        }
        passes_run(p, "gather", "scatter", NULL, NULL);
        Kernels *ks = kernels_run(p, &machines[m], "place");
        text_add(&out, "# %d lanes\n", machines[m].lanes);
        kernels_print(&out, ks);
    }
    return text_string(&out);
}

// A pass over kernels, or `fuse`, which makes them; NULL after a message. `known`: it is one of them.
static const char *run_kernels(Context *ctx, const char *pass, const char *file, const char *text,
                               bool *known) {
    static const Machine machine = {16, 32, 40e3, 1.4e6, BLAS_NONE};
    const Source *source = source_add(ctx, file, text, strlen(text));
    Kernels *ks = NULL;
    Text out = {.arena = ctx->arena};
    *known = true;
    if (!strcmp(pass, "fuse")) {
        Program *p = program_read(ctx, source);
        ks = p ? pass_fuse(p, &machine) : NULL;
    }
#define KERNEL_PASS(name, does, holds)                                                                       \
    else if (!strcmp(pass, #name) && (ks = kernels_read(ctx, source))) pass_##name(ks);
#include "pass/passes.def"
    else
        *known = ctx->errors > 0;
    if (ctx->errors) diagnostics_print(ctx, false, stdout);
    const char *wrong = ks ? kernels_verify(ks) : NULL;
    if (wrong) printf("%s: %s\n", file, wrong);
    if (!ks || wrong) return NULL;
    kernels_write(&out, ks);
    return text_string(&out);
}

static const char *run(Context *ctx, const char *path, const char *file) {
    const char *pass = pass_of(ctx, file);
    char *source = slurp(ctx, path);
    if (source && strncmp(file, "kernels-", 8) == 0) return schedule(ctx, file, source);
    if (!source) return NULL;
    bool known;
    const char *kernels = run_kernels(ctx, pass, file, source, &known);
    if (known) return kernels;
    Program *p = program_read(ctx, source_add(ctx, file, source, strlen(source)));
    if (!p) {
        diagnostics_print(ctx, false, stdout);
        return NULL;
    }
    passes_run(p, pass, pass, NULL, NULL);
    const char *wrong = program_verify(p);
    if (wrong) {
        printf("%s: %s\n", file, wrong);
        return NULL;
    }
    Text out = {.arena = ctx->arena};
    program_print(&out, p);
    return text_string(&out);
}

static bool matches(Context *ctx, const char *golden, const char *out, bool bless) {
    if (bless) {
        FILE *f = fopen(golden, "wb");
        if (!f) return false;
        fputs(out, f);
        return fclose(f) == 0;
    }
    const char *wanted = slurp(ctx, golden);
    if (wanted && strcmp(wanted, out) == 0) return true;
    printf("%s: wanted\n%s\n---- got\n%s\n", golden, wanted ? wanted : "(no such file)", out);
    return false;
}

static int by_name(const struct dirent **a, const struct dirent **b) {
    return strcmp((*a)->d_name, (*b)->d_name);
}

int main(int argc, char **argv) {
    bool bless = argc > 1 && strcmp(argv[1], "--bless") == 0;
    struct dirent **files;
    int passed = 0, failed = 0, count = scandir(TEST_ROOT "/tests/passes", &files, NULL, by_name);
    for (int i = 0; i < count; i++) {
        const char *file = files[i]->d_name, *dot = strrchr(file, '.');
        if (dot && strcmp(dot, ".ir") == 0) {
            Context *ctx = context_create();
            const char *path = string_format(ctx->arena, "%s/tests/passes/%s", TEST_ROOT, file);
            const char *golden = string_format(ctx->arena, "%.*s.out", (int)(strlen(path) - 3), path);
            const char *out = run(ctx, path, file);
            if (out && matches(ctx, golden, out, bless))
                passed++;
            else
                failed++;
            if (!out) printf("%s: does not run\n", file);
            context_destroy(ctx);
        }
        free(files[i]);
    }
    if (count >= 0) free(files);
    printf("%d passed, %d failed\n", passed, failed);
    return failed != 0;
}
