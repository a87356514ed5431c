// Binds the names of a file: every definition, constant, data and train block, in the order of the text.
// Guarantees: all errors of the file, each once; nothing that follows from another.
#include "sema/scope.h"

static const char *item_word(const Node *item) {
    if (item->kind == AST_DEFINE) return kind_phrase(item);
    return item->kind == AST_DATA ? "a data block" : "a constant";
}

// ---- file level ----

static void check_items(Resolver *r, const Node *root) {
    Map *seen = map_create(r->ctx->arena);
    const Node *train = NULL;
    for (int i = 0; i < root->count; i++) {
        const Node *item = root->items[i];
        if (item->kind == AST_TRAIN) {
            if (train) {
                Diagnostic *d = diagnose(r->ctx, TRAIN_TWICE, item->span);
                diagnostic_note(r->ctx, d, train->span, "the first stands here");
            }
            if (!train) train = item;
            continue;
        }
        bool named = item->kind == AST_DEFINE || item->kind == AST_DATA || item->kind == AST_CONSTANT;
        if (!named || !item->name) continue;
        const Node *before = map_get(seen, item->name);
        if (before) {
            Diagnostic *d = diagnose(r->ctx, GIVEN_TWICE, item->name_span, item->name);
            diagnostic_note(r->ctx, d, before->name_span, "it is given here first, as %s", item_word(before));
        } else {
            map_set(seen, item->name, (void *)item);
        }
    }
}

// ---- constants ----

typedef struct {
    Resolver *r;
    Map *state;
    int depth;
} Cycles; // state: of each constant: being walked, or done
static const char WALKED = 'w', DONE = 'd';

static bool holds_itself(Cycles *c, const Node *constant);

static bool leads_back(Cycles *c, const Node *e) {
    if (!e) return false;
    if (e->kind == AST_NAME) {
        const Node *found = library_find(c->r->library, e->span, e->name);
        return found && found->kind == AST_CONSTANT && holds_itself(c, found);
    }
    for (int i = 0; i < 3; i++)
        if (leads_back(c, e->kid[i])) return true;
    for (int i = 0; i < e->count; i++)
        if (leads_back(c, e->items[i])) return true;
    return false;
}

static bool holds_itself(Cycles *c, const Node *constant) {
    const char *state = map_get(c->state, constant->name);
    if (state) return state == &WALKED;
    map_set(c->state, constant->name, (void *)&WALKED);
    if (leads_back(c, constant->value)) {
        diagnose(c->r->ctx, CYCLE, constant->name_span, constant->name);
        map_set(c->state, constant->name, (void *)&DONE);
        return false; // one message for the whole circle
    }
    map_set(c->state, constant->name, (void *)&DONE);
    return false;
}

static void resolve_constant(Resolver *r, const Node *item) {
    r->definition = NULL;
    r->scope = NULL;
    r->reported = map_create(r->ctx->arena);
    r->groups = GROUPS_BODY;
    r->metrics_ok = false;
    scope_open(r);
    resolve_value(r, item->value);
    scope_close(r);
}

// ---- the whole file ----

static void resolve_item(Resolver *r, const Node *item) {
    switch ((int)item->kind) {
    case AST_DEFINE: resolve_definition(r, item); break;
    case AST_DATA: resolve_data(r, item); break;
    case AST_TRAIN:
        if (item == file_train(r->file)) resolve_train(r, item);
        break;
    case AST_ASSERT: resolve_assert(r, item); break;
    case AST_CONSTANT: resolve_constant(r, item); break;
    default: break;
    }
}

bool sema_resolve_train(Context *ctx, Library *library, const Source *source, const Node *root,
                        const Node *train) {
    int errors = ctx->errors;
    Resolver r = {
        .ctx = ctx, .library = library, .source = source, .file = root, .missing = map_create(ctx->arena)};
    resolve_train(&r, train);
    return ctx->errors == errors;
}

bool sema_resolve(Context *ctx, Library *library, const Source *source, const Node *root) {
    int errors = ctx->errors;
    library_open(library, source, root);
    Resolver r = {
        .ctx = ctx, .library = library, .source = source, .file = root, .missing = map_create(ctx->arena)};
    check_items(&r, root);
    Cycles cycles = {&r, map_create(ctx->arena), 0};
    for (int i = 0; i < root->count; i++)
        if (root->items[i]->kind == AST_CONSTANT) holds_itself(&cycles, root->items[i]);
    for (int i = 0; i < root->count; i++) resolve_item(&r, root->items[i]);
    return ctx->errors == errors;
}
