// A whole file: what stands in it once, constants that hold themselves, and every item in the order of the
// text. Guarantees: all errors of the file, each once; nothing that follows from another.
#include "bind/scope.h"

// ---- names given once ----

static void check_items(Bind *b, const Node *root) {
    Map *seen = map_create(b->ctx->arena);
    const Node *train = file_train(root);
    for (int i = 0; i < root->count; i++) {
        const Node *item = root->items[i];
        if (item->kind == AST_TRAIN && item != train) {
            Diagnostic *d = report(b, TRAIN_TWICE, item->span);
            diagnostic_note(b->ctx, d, train->span, "the first stands here");
        }
        const char *key = item_key(b->ctx->arena, item);
        const Node *before = key ? map_get(seen, key) : NULL;
        if (before)
            report_twice(b, item->name, item->name_span, before->name_span, kind_phrase(before));
        else if (key)
            map_set(seen, key, (void *)item);
    }
}

// ---- the whole file ----

const Node *file_train(const Node *root) {
    for (int i = 0; i < root->count; i++)
        if (root->items[i] && root->items[i]->kind == AST_TRAIN) return root->items[i];
    return NULL;
}

bool bind_file(Library *library, const Source *source, const Node *root) {
    Context *ctx = bind_begin(library, root).ctx;
    int errors = ctx->errors;
    library_open(library, source, root);
    Bind b = bind_begin(library, root);
    check_items(&b, root);
    for (int i = 0; i < root->count; i++) {
        const Node *item = root->items[i];
        if (item->kind != AST_TRAIN || item == file_train(root)) definition_of_node(library, item);
    }
    return ctx->errors == errors;
}
