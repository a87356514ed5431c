// Selections: which parameters of the run stand after an `over` or `of` (rule 22).
// Guarantees: a path, a list's item and what `kernels` is asked of name something, or there is a message.
#include "shape/tree.h"

#include <string.h>

static bool is_word(const Phrase *p, const char *word) {
    return p->kind == PHRASE_WORD && string_equal(p->builtin->name, word);
}

// NULL, `all` or `rest`.
static bool select_is_all(const Phrase *p) { return !p || is_word(p, "all") || is_word(p, "rest"); }

// ---- paths ----

bool is_below(const char *name, const char *path) {
    size_t n = strlen(path);
    return strncmp(name, path, n) == 0 && (name[n] == 0 || name[n] == '.' || name[n] == '[');
}

// A part of a path, with its rounds unless none are asked for.
static bool part_fits(const char *wanted, size_t n, const char *part, size_t length) {
    return length >= n && !memcmp(wanted, part, n) && (length == n || part[n] == '[');
}

// Is it the path that is wanted, or something in it? `*` stands for one or more parts.
static bool path_fits(const char *wanted, const char *path) {
    size_t n = strcspn(wanted, "."), length = strcspn(path, ".");
    bool any = n == 1 && *wanted == '*';
    if (!any && !part_fits(wanted, n, path, length)) return false;
    if (!wanted[n]) return true;
    if (!path[length]) return false;
    const char *rest = path + length + 1;
    return path_fits(wanted + n + 1, rest) || (any && path_fits(wanted, rest));
}

static bool is_model(const Node *train, const char *path) {
    for (int i = 0; i < train->count; i++)
        if (string_equal(path, train->items[i]->name)) return true;
    return false;
}

// A model's parameters are those of the layers that it applies, the file's own ones too.
void select_models(const Tree *tree, const Node *train) {
    const char *model = NULL;
    for (int i = 0; i < tree->layers.count; i++) {
        const Layer *l = tree->layers.data[i];
        if (!l->depth) model = is_model(train, l->path) ? l->path : NULL;
        for (int k = 0; k < l->declared.count; k++) l->declared.data[k]->model = model;
    }
}

static bool path_selects(const Node *train, const char *path, const Declared *d) {
    if (path_fits(path, d->path)) return true;
    return is_model(train, path) && (train->count == 1 || (d->model && string_equal(d->model, path)));
}

bool select_holds(const Node *train, const Phrase *p, const Declared *d) {
    if (select_is_all(p)) return true;
    bool held = p->kind == PHRASE_PATH && path_selects(train, p->text, d);
    if (p->kind == PHRASE_BUILTIN) {
        bool matrices = string_equal(p->builtin->name, "matrices");
        return (matrices ? d->rank == 2 : d->rank >= 2) && select_holds(train, p->part[0], d);
    }
    for (int i = 0; p->kind == PHRASE_LIST && i < p->count; i++)
        held = held || select_holds(train, p->part[i], d);
    return held;
}

// ---- what names nothing ----

static void suggest(Shaper *s, const Tree *tree, Diagnostic *d, const char *path) {
    enum { MOST = 200, SHOWN = 8 };
    Text list = {.arena = s->arena};
    const char *names[2 * MOST] = {NULL};
    int count = 0;
    for (int i = 0; i < tree->params.count && count < MOST; i++) names[count++] = tree->params.data[i]->path;
    int params = count;
    for (int i = 0; i < tree->layers.count && count < 2 * MOST; i++)
        names[count++] = tree->layers.data[i]->path;
    const char *near = string_nearest(path, names, count);
    if (near && !string_equal(near, path)) {
        diagnostic_meant(s->ctx, d, d->span, near);
        return;
    }
    for (int i = 0; i < params && i < SHOWN; i++) text_add(&list, "%s`%s`", i ? ", " : "", names[i]);
    if (params)
        diagnostic_help(s->ctx, d, "the parameters are %s%s", text_string(&list),
                        params > SHOWN ? " ..." : "");
}

void select_nothing(Shaper *s, const Tree *tree, const Phrase *p) {
    bool call = p->kind == PHRASE_BUILTIN;
    const char *what = !call                                        ? "no parameter"
                       : string_equal(p->builtin->name, "matrices") ? "no matrix"
                                                                    : "no kernel";
    const Phrase *of = call ? p->part[0] : p;
    const char *path = node_text(s->arena, of->node);
    suggest(s, tree, fail(s, OVER_NOTHING, of->span, what, path), path);
}

bool select_check(Shaper *s, const Tree *tree, const Node *train, const Phrase *p) {
    if (select_is_all(p) || p->kind == PHRASE_WRONG) return true;
    bool right = true;
    for (int i = 0; p->kind == PHRASE_LIST && i < p->count; i++)
        right = select_check(s, tree, train, p->part[i]) && right;
    if (p->kind == PHRASE_LIST) return right;
    const Phrase *leaf = p->kind == PHRASE_BUILTIN ? p->part[0] : p;
    if (leaf->kind != PHRASE_PATH && leaf->kind != PHRASE_LIST && leaf->kind != PHRASE_WORD)
        return fail_false(s, OVER_WHAT, p->span, "");
    for (int i = 0; i < tree->params.count; i++)
        if (select_holds(train, p, tree->params.data[i])) return true;
    select_nothing(s, tree, p);
    return false;
}

// ---- initial weights from a file ----

// A path as it stands names what lies below it; of others each parameter and state is written out.
static void start_leaf(Shaper *s, Tree *tree, const Node *train, const Phrase *p) {
    bool path = p->kind == PHRASE_PATH, plain = path && is_model(train, p->text);
    for (int i = 0; path && i < tree->params.count; i++)
        plain = plain || is_below(tree->params.data[i]->path, p->text);
    int before = tree->start.count;
    if (plain) vec_push(s->arena, &tree->start, p->text);
    for (int i = 0; !plain && i < tree->params.count; i++)
        if (select_holds(train, p, tree->params.data[i]))
            vec_push(s->arena, &tree->start, tree->params.data[i]->path);
    for (int i = 0; !plain && path && i < tree->states.count; i++)
        if (path_fits(p->text, tree->states.data[i]->path))
            vec_push(s->arena, &tree->start, tree->states.data[i]->path);
    if (tree->start.count > before) return;
    const char *text = node_text(s->arena, p->node);
    suggest(s, tree, fail(s, START_NOTHING, p->span, text), text);
}

void select_start(Shaper *s, Tree *tree, const Node *train, const Phrase *of) {
    bool list = of && of->kind == PHRASE_LIST;
    for (int i = 0; of && i < (list ? of->count : 1); i++)
        start_leaf(s, tree, train, list ? of->part[i] : of);
}
