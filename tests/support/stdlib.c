// The definitions of the standard library, parsed from the texts in the compiler, and what follows from their
// bodies.
#include "support/stdlib.h"

#include "library.h"

#include <string.h>

// Words by which a function draws, or reads what only a run knows.
static const char *const RUN_WORDS[] = {"uniform", "normal", "integer", "step",
                                        "steps",   "epoch",  "epochs",  "plateaus"};

static bool tree_any(const Node *node, bool (*is)(const Node *, const char *), const char *name) {
    if (!node) return false;
    if (is(node, name)) return true;
    for (int i = 0; i < 3; i++)
        if (tree_any(node->kid[i], is, name)) return true;
    for (int i = 0; i < node->count; i++)
        if (tree_any(node->items[i], is, name)) return true;
    return false;
}

static bool is_name(const Node *node, const char *name) {
    return node->kind == AST_NAME && !strcmp(node->name, name);
}

static bool is_recur(const Node *node, const char *name) {
    (void)name;
    return node->kind == AST_RECUR;
}

bool tree_names(const Node *node, const char *name) { return tree_any(node, is_name, name); }

// What holds for a definition holds for those that use it.
static void spread(LibraryItems all) {
    for (bool again = true; again;) {
        again = false;
        for (int i = 0; i < all.count; i++)
            for (int k = 0; k < all.count; k++) {
                LibraryItem *user = &all.items[i];
                const LibraryItem *used = &all.items[k];
                if ((user->waits || !used->waits) && (user->of_run || !used->of_run)) continue;
                if (!tree_names(user->node->body, used->node->name)) continue;
                bool run = user->of_run || (used->of_run && user->node->definition == DEFINE_FN);
                again |= user->waits < (user->waits | used->waits) || user->of_run < run;
                user->waits |= used->waits;
                user->of_run = run;
            }
    }
}

LibraryItems library_items(Context *ctx) {
    VEC(LibraryItem) found = {0};
    for (int f = 0; f < stdlib_count; f++) {
        const StdlibFile *file = &stdlib_files[f];
        const Node *root = parse_source(ctx, source_add(ctx, file->name, file->text, file->length));
        for (int i = 0; i < root->count; i++) {
            const Node *node = root->items[i];
            if (node->kind != AST_DEFINE) continue;
            LibraryItem item = {
                .node = node, .file = file->name, .prefix = strcmp(file->name, "keras.nn") ? "" : "keras."};
            item.waits = tree_any(node, is_recur, NULL);
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
