// Definitions of several names, `fn half1d, half2d(x[s..]) …`: the first is of one dimension, the second of
// two, and so on. Each is a definition of its own, written out when it is first needed: an entry `e ..` of
// brackets or a call stands there once for each dimension, a line `a..[i < s] = …` too, and `(e * ..)` is the
// product over all. A name is one for each dimension where it stands alone before `..` (`s..` of a signature,
// `i..` on the left, `p..` or `p < size ..` of a reduction, `a..[…] =`): it becomes `s_1`, `s_2` …, and stays
// as it is where there is one dimension. A setting `size..` becomes `size[0]`, `size[1]` … inside of what
// stands for each dimension, and is itself outside.
#include "syntax/syntax.h"
#include <string.h>

typedef struct {
    Context *ctx;
    Map *names, *settings; // that are one for each dimension
    int count, at;         // of how many dimensions; which one is written, or -1
} Writer;

static bool is_several(const Node *item) { return item->kind == AST_DEFINE && item->names; }

// What `e ..` binds: its name, behind limits and filters.
static const char *bound_name(const Node *e) {
    if (e->kind == AST_IF) e = e->value;
    if (e->kind == AST_BINARY && e->op == OPERATOR_LESS) e = e->left;
    return e->kind == AST_NAME ? e->name : NULL;
}

// Beside it stands what it is called in each dimension, once that was asked for.
static void add_name(Writer *w, const char *name) {
    if (!map_get(w->names, name)) map_set(w->names, name, arena_array(w->ctx->arena, const char *, w->count));
}

static void add_bound(Writer *w, const Node *list) {
    for (int i = 0; i < list->count; i++) {
        const char *name = list->items[i]->kind == AST_EACH ? bound_name(list->items[i]->value) : NULL;
        if (name && !map_get(w->settings, name)) add_name(w, name);
    }
}

// The names that a text binds for each dimension.
static void find_names(Writer *w, const Node *node) {
    const Node *target = node->kind == AST_ASSIGN ? node->target : NULL;
    if (target && target->kind == AST_INDEX) add_bound(w, target);
    const Node *given = target && target->kind == AST_INDEX ? target->base : target;
    if (given && given->kind == AST_EACH) add_name(w, given->value->name);
    if (node->kind == AST_REDUCE || node->kind == AST_PARAM || node->kind == AST_STATE) add_bound(w, node);
    for (int i = 0; i < node->count; i++) find_names(w, node->items[i]);
    for (int i = 0; i < 3; i++)
        if (node->kid[i]) find_names(w, node->kid[i]);
}

static bool is_each(const Node *item) {
    if (item->kind == AST_EACH) return true;
    const Node *target = item->kind == AST_ASSIGN ? item->target : NULL;
    return target &&
           (target->kind == AST_EACH || (target->kind == AST_INDEX && target->base->kind == AST_EACH));
}

// Is something in it one for each dimension? What stands once for each by itself is not.
static bool names_each(const Writer *w, const Node *node) {
    if (node->kind == AST_FOLD) return false;
    bool any = node->kind == AST_NAME && (map_get(w->names, node->name) || map_get(w->settings, node->name));
    for (int i = 0; i < node->count && !any; i++)
        any = !is_each(node->items[i]) && names_each(w, node->items[i]);
    for (int i = 0; i < 3 && !any; i++) any = node->kid[i] && names_each(w, node->kid[i]);
    return any;
}

static void check(const Writer *w, const Node *node) {
    if ((node->kind == AST_FOLD || is_each(node)) &&
        !names_each(w, node->kind == AST_ASSIGN ? node : node->value))
        diagnose(w->ctx, DIMENSIONS_NONE, node->span, node_text(w->ctx->arena, node));
    for (int i = 0; i < node->count; i++) check(w, node->items[i]);
    for (int i = 0; i < 3; i++)
        if (node->kid[i]) check(w, node->kid[i]);
}

static Node *write(Writer *w, const Node *node);

static Node *write_for(Writer *w, const Node *node, int dimension) {
    int outside = w->at;
    w->at = dimension;
    Node *out = write(w, node);
    w->at = outside;
    return out;
}

static const char *named(const Writer *w, const char *text) {
    return context_intern(w->ctx, text, strlen(text));
}

static const char *numbered(const Writer *w, const char **names, const char *name) {
    if (w->count == 1) return name;
    if (!names[w->at]) names[w->at] = named(w, string_format(w->ctx->arena, "%s_%d", name, w->at + 1));
    return names[w->at];
}

// `size[1]`
static Node *element(Writer *w, Node *setting) {
    Node *index = node_new(w->ctx, AST_INDEX, setting->span),
         *number = node_new(w->ctx, AST_NUMBER, setting->span);
    number->number = w->at;
    number->integral = true;
    number->name = named(w, string_format(w->ctx->arena, "%d", w->at));
    index->base = setting;
    node_add(w->ctx, index, number);
    return index;
}

static Node *write_name(Writer *w, Node *name) {
    const char **names = map_get(w->names, name->name);
    bool setting = map_get(w->settings, name->name), each = setting || names;
    if (!each || w->at < 0) return name;
    if (setting) return element(w, name);
    name->name = numbered(w, names, name->name);
    return name;
}

static Node *write_fold(Writer *w, const Node *fold) {
    Node *all = write_for(w, fold->value, 0);
    for (int d = 1; d < w->count; d++) {
        Node *both = node_new(w->ctx, AST_BINARY, fold->span);
        both->op = fold->op;
        both->name_span = fold->span;
        both->left = all;
        both->right = write_for(w, fold->value, d);
        all = both;
    }
    all->parens = true;
    return all;
}

static void write_items(Writer *w, Node *out, const Node *node) {
    out->items = NULL;
    out->count = 0;
    for (int i = 0; i < node->count; i++) {
        const Node *item = node->items[i];
        for (int d = 0; is_each(item) && d < w->count; d++)
            node_add(w->ctx, out, write_for(w, item->kind == AST_EACH ? item->value : item, d));
        if (!is_each(item)) node_add(w->ctx, out, write(w, item));
    }
}

static Node *write(Writer *w, const Node *node) {
    if (node->kind == AST_EACH) return write(w, node->value); // on the left, in a line of its dimension
    if (node->kind == AST_FOLD) return write_fold(w, node);
    Node *out = node_new(w->ctx, node->kind, node->span);
    *out = *node;
    if (node->count) write_items(w, out, node);
    for (int i = 0; i < 3; i++)
        if (node->kid[i]) out->kid[i] = write(w, node->kid[i]);
    if (node->each) out->number = w->count;
    return node->kind == AST_NAME ? write_name(w, out) : out;
}

static Writer begin(Context *ctx, const Node *define, int count) {
    Writer w = {ctx, map_create(ctx->arena), map_create(ctx->arena), count, -1};
    for (int i = 0; i < define->count; i++)
        if (define->items[i]->each)
            map_set(w.settings, define->items[i]->name, (void *)define->items[i]->name);
    for (int i = 0; i < define->count; i++) add_bound(&w, define->items[i]);
    find_names(&w, define->body);
    return w;
}

// What stands for one of a definition's names until it is looked up: its text is written then.
static Node *one_of(Context *ctx, const Node *define, int count) {
    Node *out = node_new(ctx, AST_DEFINE, define->span);
    *out = *define;
    out->names = NULL;
    out->name = define->names->items[count - 1]->name;
    out->name_span = define->names->items[count - 1]->span;
    out->written = define;
    out->number = count;
    return out;
}

void dimensions_write(Context *ctx, Node *define) {
    Writer w = begin(ctx, define->written, (int)define->number);
    const Node *out = write(&w, define->written);
    define->items = out->items;
    define->results = out->results;
    define->body = out->body;
}

void dimensions_name(Context *ctx, Node *file) {
    Node out = {0};
    bool any = false;
    for (int i = 0; i < file->count; i++) any |= is_several(file->items[i]);
    for (int i = 0; i < file->count && any; i++) {
        Node *item = file->items[i];
        if (!is_several(item)) {
            node_add(ctx, &out, item);
            continue;
        }
        Writer w = begin(ctx, item, item->names->count);
        check(&w, item);
        for (int d = 1; d <= w.count; d++) node_add(ctx, &out, one_of(ctx, item, d));
    }
    if (!any) return;
    file->items = out.items;
    file->count = out.count;
}
