// libFuzzer target of the front end: any bytes are read or refused with messages; what is read prints to the
// same tree, and printing that again gives the same text.
//
//     clang -fsanitize=fuzzer,address,undefined ... tests/fuzz/parse.c && ./parse -max_len=4096 corpus
//     examples stdlib
#include "syntax/ast.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fail(const char *what) {
    fprintf(stderr, "parse: %s\n", what);
    abort();
}

static void show_messages(Context *ctx) {
    FILE *file = fopen("/dev/null", "w");
    if (!file) return;
    diagnostics_print(ctx, false, file);
    diagnostics_print(ctx, true, file);
    fclose(file);
}

static Node *read_again(Context *ctx, Text *text, Source **source) {
    const char *string = text_string(text);
    *source = source_add(ctx, "again", string, strlen(string));
    Node *root = *source ? parse_source(ctx, *source) : NULL;
    if (!root || ctx->errors) {
        diagnostics_print(ctx, false, stderr);
        fail("what was printed is not read");
    }
    return root;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Context *ctx = context_create();
    Source *source = source_add(ctx, "fuzz", (const char *)data, size), *printed;
    Node *root = source ? parse_source(ctx, source) : NULL;
    if (!root != !source) fail("no tree for a text");
    if (!ctx->errors) {
        Text first = {.arena = ctx->arena}, second = first, bare = first;
        source_print(&first, ctx, source, root);
        Node *again = read_again(ctx, &first, &printed);
        if (!node_equal(root, again)) fail("formatting changes the tree");
        source_print(&second, ctx, printed, again);
        if (strcmp(text_string(&first), text_string(&second)) != 0) fail("formatting twice changes the text");
        node_print(&bare, root);
        if (!node_equal(root, read_again(ctx, &bare, &printed))) fail("printing changes the tree");
    } else {
        show_messages(ctx);
    }
    context_destroy(ctx);
    return 0;
}
