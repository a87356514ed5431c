// Which parameters each clause of `minimize` changes, and which layers are frozen (rule 22).
#include "sema/run.h"

#include <string.h>

bool name_below(const char *name, const char *path) {
    size_t n = strlen(path);
    return strncmp(name, path, n) == 0 && (name[n] == 0 || name[n] == '.' || name[n] == '[');
}

static bool is_word(const Node *e, const char *word) {
    return e->kind == AST_NAME && string_equal(e->name, word);
}

// The path that an `over` names: the model (with the file's layers that it applies), a layer in it, a
// parameter.
static const char *path_of(Run *r, const Node *e) {
    if (e->kind == AST_NAME || e->kind == AST_MEMBER || e->kind == AST_INDEX) return node_text(r->arena, e);
    diagnose(r->ctx, OVER_WHAT, e->span);
    return NULL;
}

static void suggest_parameter(Run *r, Diagnostic *d, const char *path) {
    Text list = {.arena = r->arena};
    const char *names[200] = {NULL};
    int count = 0;
    for (int i = 0; i < r->session->params.count && count < 200; i++)
        names[count++] = r->session->params.data[i]->name;
    const char *near = string_nearest(path, names, count);
    if (near) {
        diagnostic_help(r->ctx, d, "did you mean `%s`?", near);
        return;
    }
    for (int i = 0; i < count && i < 8; i++) text_add(&list, "%s`%s`", i ? ", " : "", names[i]);
    if (count)
        diagnostic_help(r->ctx, d, "the parameters are %s%s", text_string(&list), count > 8 ? " ..." : "");
}

static void report_nothing(Run *r, const Node *over, const char *path, bool matrices) {
    Diagnostic *d = diagnose(r->ctx, OVER_NOTHING, over->span, matrices ? "no matrix" : "no parameter", path);
    suggest_parameter(r, d, path);
}

void report_no_parameter(Run *r, const Node *at, const char *path) {
    suggest_parameter(r, diagnose(r->ctx, START_NOTHING, at->span, path), path);
}

// Does the path name the parameter, its layer, or a model in which that is applied?
static bool selects(const Run *r, const char *path, const Tensor *t) {
    if (name_below(t->name, path)) return true;
    if (!train_model(r, path)) return false;
    bool inside = false;
    for (int i = 0; i < r->session->layers.count && r->train->count > 1; i++) {
        const LayerInstance *l = &r->session->layers.data[i];
        if (!l->depth) inside = string_equal(l->name, path);
        if (inside && name_below(t->name, l->name)) return true;
    }
    return r->train->count == 1;
}

static bool select_clause(Run *r, Clause *c) {
    const Node *over = c->over;
    bool all = !over || is_word(over, "all") || is_word(over, "rest"), matrices = false;
    const char *path = NULL;
    if (!all && over->kind == AST_CALL && is_word(over->base, "matrices")) {
        matrices = true;
        over = argument_node(over->items[0]);
    }
    if (!all && !(path = path_of(r, over))) return false;
    for (int i = 0; i < r->session->params.count; i++) {
        Tensor *t = r->session->params.data[i];
        bool outside = path && !selects(r, path, t);
        if (t->trainable || outside || (matrices && t->rank != 2)) continue;
        t->trainable = true;
        vec_push(r->arena, &c->params, t);
    }
    if (c->params.count || !over) return true;
    if (is_word(over, "rest")) {
        diagnose(r->ctx, REST_NOTHING, over->span);
        return true;
    }
    report_nothing(r, over, path ? path : "all", matrices);
    return false;
}

static bool trains_below(const Run *r, const char *path, bool trainable) {
    for (int i = 0; i < r->session->params.count; i++) {
        const Tensor *t = r->session->params.data[i];
        if (t->trainable == trainable && name_below(t->name, path)) return true;
    }
    return false;
}

// A layer with parameters none of which is named runs as in inference, with the layers inside it.
static void freeze(Run *r) {
    VEC(const char *) frozen = {0};
    bool all = true;
    for (int i = 0; i < r->session->params.count; i++) all = all && r->session->params.data[i]->trainable;
    if (all) return;
    for (int i = 0; i < r->session->layers.count; i++) {
        const char *path = r->session->layers.data[i].name;
        if (path && trains_below(r, path, false) && !trains_below(r, path, true))
            vec_push(r->arena, &frozen, path);
    }
    r->frozen = frozen.data;
    r->frozen_count = frozen.count;
}

bool select_params(Run *r) {
    for (int i = 0; i < r->clause_count; i++)
        if (!select_clause(r, &r->clauses[i])) return false;
    freeze(r);
    return true;
}
