// The definitions of the standard library, parsed from the texts in the compiler, and what follows from their
// bodies.
#include "support/stdlib.h"

#include "library.h"

#include <string.h>

// Words by which a function draws, or reads what only a run knows.
static const char *const RUN_WORDS[] = {"uniform",   "normal",         "integer",  "step",
                                        "steps",     "epoch",          "epochs",   "plateaus",
                                        "rows_mean", "rows_deviation", "rows_low", "rows_high"};

bool tree_names(const Node *node, const char *name) {
    if (!node) return false;
    if (node->kind == AST_NAME && !strcmp(node->name, name)) return true;
    for (int i = 0; i < 3; i++)
        if (tree_names(node->kid[i], name)) return true;
    for (int i = 0; i < node->count; i++)
        if (tree_names(node->items[i], name)) return true;
    return false;
}

// What holds for a function holds for those that use it.
static void spread(LibraryItems all) {
    for (bool again = true; again;) {
        again = false;
        for (int i = 0; i < all.count; i++)
            for (int k = 0; k < all.count; k++) {
                LibraryItem *user = &all.items[i];
                const LibraryItem *used = &all.items[k];
                if (user->of_run || !used->of_run || user->node->definition != DEFINE_FN) continue;
                if (!tree_names(user->node->body, used->node->name)) continue;
                again = user->of_run = true;
            }
    }
}

// Made of nothing but its sizes: initial values.
static bool of_sizes(const Node *node) {
    for (int i = 0; i < node->count; i++)
        if (node->items[i]->brackets) return false;
    return node->definition == DEFINE_FN && node->results && node->results->items[0]->brackets;
}

LibraryItems library_items(Context *ctx) {
    VEC(LibraryItem) found = {0};
    for (int f = 0; f < stdlib_count; f++) {
        const StdlibFile *file = &stdlib_files[f];
        const Node *root = parse_source(ctx, source_add(ctx, file->name, file->text, file->length));
        for (int i = 0; i < root->count; i++) {
            Node *node = root->items[i];
            if (node->kind != AST_DEFINE || *node->name == '_') continue; // a file's own
            if (node->written) dimensions_write(ctx, node);
            LibraryItem item = {
                .node = node, .file = file->name, .prefix = strcmp(file->name, "keras.nn") ? "" : "keras."};
            item.of_run = of_sizes(node);
            for (size_t k = 0; k < sizeof RUN_WORDS / sizeof *RUN_WORDS; k++)
                item.of_run |= node->definition == DEFINE_FN && tree_names(node, RUN_WORDS[k]);
            vec_push(ctx->arena, &found, item);
        }
    }
    LibraryItems all = {found.data, found.count};
    spread(all);
    return all;
}

Library *stdlib_library(Context *ctx) {
    Library *library = library_create(ctx);
    for (int i = 0; i < stdlib_count; i++) {
        Source *s = source_add(ctx, stdlib_files[i].name, stdlib_files[i].text, stdlib_files[i].length);
        s->library = true;
        s->prefix = strcmp(s->name, "keras.nn") ? NULL : "keras";
        library_add(library, s, parse_source(ctx, s));
    }
    return library;
}
