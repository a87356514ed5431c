// `nnc grad` of every example, and of the models of the tests that compile (support/printed.h says what is
// compared). `grad_test FILE...` looks at other programs.
#include "support/printed.h"

#include <glob.h>
#include <stdio.h>

// Texts, pictures, sounds, and what calls several models.
#define LARGE "{fashion,gan,heat,keywords,reviews,shapes,siamese,sunspots,text,vae}"
#define SMALL "{adding,autoencoder,digits,houses,iris,neuron,own,ratings,regression,voyage,xor}"

static void check_file(PrintedCheck *t, const char *path, bool must) {
    t->path = path;
    printed_open(t, false);
    Context *ctx = context_create(); // not a pipeline's: its first sources are the library's
    const Source *source = source_load(ctx, path);
    if (source)
        printed_check(t, source->text, must);
    else
        t->failed++, diagnostics_print(ctx, false, stdout);
    context_destroy(ctx);
    printed_close(t);
}

static void check_folder(PrintedCheck *t, const char *pattern, bool must) {
    glob_t found;
    if (glob(pattern, GLOB_BRACE, NULL, &found)) {
        t->failed++;
        printf("no programs in %s\n", pattern);
        return;
    }
    for (size_t i = 0; i < found.gl_pathc; i++) check_file(t, found.gl_pathv[i], must);
    globfree(&found);
}

int main(int count, char **args) {
    PrintedCheck t = {0};
    for (int i = 1; i < count; i++) check_file(&t, args[i], true);
    if (count == 1) {
        check_folder(&t, TEST_ROOT "/examples/" SMALL "/*.nn", true);
        check_folder(&t, TEST_ROOT "/examples/" LARGE "/*.nn", false);
        check_folder(&t, TEST_ROOT "/tests/models/*.nn", false);
    }
    printf("%d passed, %d failed\n", t.passed, t.failed);
    return t.failed != 0;
}
