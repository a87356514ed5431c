// The definitions of a library by themselves, where their signatures alone say all shapes.
#include "shape/tree.h"

enum { CHECKED_BATCH = 32 };

// The shape of an input whose sizes are numbers, but for the batch in front: of a model any name there, else
// `batch`. False: its signature does not say it.
static bool input_shape(Place at, const Node *p, bool of_model, Shape *v) {
    Extent dims[MAX_RANK];
    int rank = 0;
    bool batch = false;
    if (p->type || p->value || (of_model && !p->brackets)) return false;
    for (int d = 0; d < p->count; d++) {
        const Node *item = p->items[d];
        const Node *found =
            item->kind == AST_NAME ? library_find(at.s->library, item->span, item->name) : NULL;
        Extent dim = {CHECKED_BATCH, true};
        bool constant = item->kind == AST_NUMBER || (found && found->kind == AST_CONSTANT);
        bool rows =
            d == 0 && item->kind == AST_NAME && !constant && (of_model || string_equal(item->name, "batch"));
        if (!(rows || constant) || (!rows && !dim_at(at, phrase_of(item), &dim)) ||
            !add_dim(at, item->span, dim, dims, &rank))
            return false;
        batch |= rows;
    }
    *v = shape_tensor(at.s, dims, p->count, TYPE_REAL);
    return !of_model || batch;
}

// NULL after a message.
static Tree *tree_alone(Shaper *s, Definition *d, const Shape *given) {
    const Node *node = d->node;
    const char *path = node->definition == DEFINE_FN ? NULL : node->name;
    Case *c = case_of(s, d, given, d->parameters, path, node->name_span);
    Shape v = shape_first(c->result);
    if (c->wrong) return NULL;
    Tree *tree = arena_new(s->arena, Tree);
    *tree = (Tree){
        .by_path = map_create(s->arena), .declared = map_create(s->arena), .batch = s->batch, .shaper = s};
    walk_model(walk_create(s, tree), c, node->name_span);
    return v.kind == SHAPE_LIST || holds_numbers(s, forced(s, v), node->name_span) ? tree : NULL;
}

static Shaper *shaper_alone(Context *ctx, Library *library, const Definition *d, int64_t batch) {
    Shaper *s = shaper_create(ctx, library, batch);
    s->at = application_outside(s, d->node->span, 0);
    return s;
}

static void look_alone(Context *ctx, Library *library, Definition *d, Trees *trees) {
    Shaper *s = shaper_alone(ctx, library, d, CHECKED_BATCH);
    const Node *node = d->node;
    Shape *given = arena_array(ctx->arena, Shape, node->count + 1);
    Place at = {.s = s, .c = case_new(s, d)};
    bool any = false;
    for (int i = 0; i < node->count; i++) {
        if (!input_shape(at, node->items[i], node->definition == DEFINE_MODEL, &given[i])) return;
        any |= node->items[i]->brackets;
    }
    Tree *tree = any ? tree_alone(s, d, given) : NULL;
    if (tree) vec_push(ctx->arena, trees, tree);
}

Tree *shape_definition(Context *ctx, Library *library, Definition *d, Tensor *const *inputs, int64_t batch) {
    Shaper *s = shaper_alone(ctx, library, d, batch);
    Shape *given = arena_array(ctx->arena, Shape, d->parameters + 1);
    for (int i = 0; i < d->parameters; i++) {
        Extent dims[MAX_RANK];
        for (int k = 0; k < inputs[i]->rank; k++)
            dims[k] = (Extent){inputs[i]->dims[k], inputs[i]->batch_dims >> k & 1};
        given[i] = shape_tensor(s, dims, inputs[i]->rank, inputs[i]->type);
    }
    return tree_alone(s, d, given);
}

bool shape_library(Context *ctx, Library *library, const Node *root, Trees *trees) {
    int errors = ctx->errors;
    for (int i = 0; i < root->count; i++) {
        const Node *item = root->items[i];
        bool shaped =
            item->kind == AST_DEFINE && (item->definition == DEFINE_MODEL || item->definition == DEFINE_FN);
        if (shaped) look_alone(ctx, library, definition_of_node(library, item), trees);
    }
    return ctx->errors == errors;
}
