// The definitions of a library by themselves, where their signatures alone say all shapes.
#include "shape/tree.h"

enum { CHECKED_BATCH = 32 };

// The shape of an input whose sizes are numbers, but for the batch in front: of a model any name there, else
// `batch`. False: its signature does not say it.
static bool input_shape(Place at, const Node *p, bool of_model, Shape *v) {
    Extent dims[MAX_RANK];
    bool batch = false;
    if (p->type || p->value || (of_model && !p->brackets)) return false;
    for (int d = 0; d < p->count; d++) {
        const Node *item = p->items[d];
        const Node *found =
            item->kind == AST_NAME ? library_find(at.s->library, item->span, item->name) : NULL;
        bool constant = item->kind == AST_NUMBER || (found && found->kind == AST_CONSTANT);
        bool rows =
            d == 0 && item->kind == AST_NAME && !constant && (of_model || string_equal(item->name, "batch"));
        if (constant && d == MAX_RANK) fail(at.s, RANK_LIMIT, item->span, MAX_RANK);
        if (d == MAX_RANK || !(rows || constant)) return false;
        batch |= rows;
        dims[d] = (Extent){CHECKED_BATCH, true};
        if (!rows && !dim_signature(at, item, &dims[d])) return false;
    }
    *v = shape_tensor(at.s, dims, p->count, TYPE_REAL);
    return !of_model || batch;
}

static void look_alone(Context *ctx, Library *library, Definition *d, Trees *trees) {
    Shaper *s = shaper_create(ctx, library, CHECKED_BATCH);
    const Node *node = d->node;
    Shape *given = arena_array(ctx->arena, Shape, node->count + 1);
    Application outside = {.span = node->span, .path = "", .round = ""};
    Place at = {.s = s, .c = case_new(s, d)};
    bool any = false;
    s->at = &outside;
    for (int i = 0; i < node->count; i++) {
        if (!input_shape(at, node->items[i], node->definition == DEFINE_MODEL, &given[i])) return;
        any |= node->items[i]->brackets;
    }
    if (!any) return;
    const char *path = node->definition == DEFINE_FN ? NULL : node->name;
    Case *c = case_of(s, d, given, d->parameters, path, node->name_span);
    Shape v = shape_first(c->result);
    if (!c->wrong) {
        Tree *tree = arena_new(ctx->arena, Tree);
        *tree = (Tree){.by_path = map_create(ctx->arena),
                       .declared = map_create(ctx->arena),
                       .batch = s->batch,
                       .shaper = s};
        walk_model(walk_create(s, tree), c, node->name_span);
        vec_push(ctx->arena, trees, tree);
    }
    if (!c->wrong && v.kind != SHAPE_TENSOR && !shape_is_number(forced(s, v)) && v.kind != SHAPE_LIST)
        fail(s, NOT_A_NUMBER, node->name_span, shape_text(ctx->arena, v));
}

bool shape_constant(Context *ctx, Library *library, const Node *line) {
    int errors = ctx->errors;
    Definition *d = definition_of_node(library, line);
    Shaper *s = shaper_create(ctx, library, CHECKED_BATCH);
    if (ctx->errors == errors) shape_at((Place){.s = s, .c = case_new(s, d)}, d->body);
    return ctx->errors == errors;
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
