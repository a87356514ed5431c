// The comparison of shape/ with elaboration: every value's dimensions and type, every layer's name, shape and
// parameters, every parameter's shape and whether it is trained.
#include "witness.h"

#include "shape/shape.h"

#include <string.h>

struct Agreement {
    Context *ctx;
    Tree *tree;
    Witness witness;
    const char *wrong; // the first difference
};

static const char *place_text(const Agreement *a, Span span) {
    int line, column;
    source_position(a->ctx, span, &line, &column);
    const Source *source = source_of(a->ctx, span);
    return string_format(a->ctx->arena, "%s:%d:%d", source ? source->name : "?", line, column);
}

// ---- values ----

// Whole numbers that elaboration folds, in a tensor too, are reals there.
static bool same_type(Type shape, Type elaborated) {
    if (elaborated == TYPE_REAL && shape == TYPE_INT) return true;
    return (shape == TYPE_DOUBLE ? TYPE_REAL : shape) == (elaborated == TYPE_DOUBLE ? TYPE_REAL : elaborated);
}

// A rule for numbers is looked at once, whatever the parameter's shape.
static bool is_of_numbers(const Definition *d) {
    return d->node->kind == AST_DEFINE && definition_row(d->node->definition)->given &&
           !d->node->items[0]->brackets;
}

static bool fits(const Case *c, Shape v, const Found *f) {
    while (v.kind == SHAPE_TUPLE && v.count) v = v.items[0];
    if (v.kind == SHAPE_LIST) return true; // as a tensor, where one is wanted
    if (f->known)
        return v.kind == SHAPE_SCALAR ||
               (v.kind == SHAPE_KNOWN && memcmp(&v.number, &f->number, sizeof v.number) == 0);
    if (is_of_numbers(c->define)) return true;
    if (!f->tensor)
        return v.kind == SHAPE_SCALAR || v.kind == SHAPE_KNOWN; // what folds has a type of its own
    if (v.kind != SHAPE_TENSOR || v.rank != f->rank || !same_type((Type)v.type, f->type)) return false;
    for (int d = 0; d < f->rank; d++)
        if (v.dims[d].size != f->dims[d] || v.dims[d].batch != (f->batch_dims >> d & 1)) return false;
    return true;
}

static const char *found_text(const Agreement *a, const Found *f) {
    static const char *const types[] = {"REAL", "INT", "BOOL", "DOUBLE"};
    Text text = {.arena = a->ctx->arena};
    if (f->known) text_add(&text, "the number %s ", string_of_double(a->ctx->arena, f->number));
    for (int d = 0; d < f->rank; d++)
        text_add(&text, "%s%lld", f->batch_dims >> d & 1 ? "batch " : "", (long long)f->dims[d]),
            text_put(&text, " ");
    text_add(&text, "%s", types[f->type]);
    return text_string(&text);
}

static void see(void *data, const Found *f) {
    enum { MOST = 4096 };
    Agreement *a = data;
    const Phrase *p = phrase_of(f->node);
    if (a->wrong || !p || p->node != f->node || p->kind == PHRASE_NUMBER)
        return; // made by elaboration; what it says
    const Case **cases = arena_array(a->ctx->arena, const Case *, MOST);
    int count = phrase_cases(a->tree->shaper, p, cases, MOST);
    for (int i = 0; i < count; i++)
        if (fits(cases[i], cases[i]->of[p->number], f)) return;
    Text text = {.arena = a->ctx->arena};
    node_print(&text, f->node);
    static const char *const types[] = {"REAL", "INT", "BOOL", "DOUBLE"};
    a->wrong =
        string_format(a->ctx->arena, "%s: `%s` is %s by elaboration, %s%s by shape",
                      place_text(a, f->node->span), text_string(&text), found_text(a, f),
                      count ? shape_text(a->ctx->arena, cases[0]->of[p->number]) : "not looked at",
                      count ? string_format(a->ctx->arena, " %s", types[cases[0]->of[p->number].type]) : "");
}

// ---- layers ----

static bool same_layer(const Layer *l, const LayerInstance *m) {
    if (!string_equal(l->path, m->name) || l->define->node->name != m->definition || l->depth != m->depth)
        return false;
    int64_t params = 0;
    for (int k = 0; k < l->declared.count; k++) {
        int64_t n = !l->declared.data[k]->state;
        for (int d = 0; d < l->declared.data[k]->rank; d++) n *= l->declared.data[k]->dims[d].size;
        params += n;
    }
    if (params != m->params || (l->result.kind == SHAPE_TENSOR && m->rank && l->result.rank != m->rank))
        return false;
    for (int d = 0; l->result.kind == SHAPE_TENSOR && d < m->rank; d++)
        if (l->result.dims[d].size != m->dims[d]) return false;
    return true;
}

static const char *compare_layers(const Agreement *a, const Module *m) {
    Arena *arena = a->ctx->arena;
    if (a->tree->layers.count != m->layers.count)
        return string_format(arena, "%d layers by elaboration, %d by shape", m->layers.count,
                             a->tree->layers.count);
    for (int i = 0; i < m->layers.count; i++)
        if (!same_layer(a->tree->layers.data[i], &m->layers.data[i]))
            return string_format(arena, "the layer `%s` by elaboration, `%s` by shape",
                                 m->layers.data[i].name, a->tree->layers.data[i]->path);
    return NULL;
}

static const char *compare_params(const Agreement *a, const Program *p) {
    int at = 0;
    for (int i = 0; i < p->tensors.count; i++) {
        const Tensor *t = p->tensors.data[i];
        if (t->kind != TENSOR_PARAM) continue;
        const Declared *d = at < a->tree->params.count ? a->tree->params.data[at++] : NULL;
        bool same = d && string_equal(d->path, t->name) && d->rank == t->rank && d->trainable == t->trainable;
        for (int k = 0; same && k < t->rank; k++) same = d->dims[k].size == t->dims[k];
        if (!same)
            return string_format(a->ctx->arena, "the parameter `%s` by elaboration, `%s` by shape", t->name,
                                 d ? d->path : "none");
    }
    return at == a->tree->params.count ? NULL : "shape has more parameters";
}

// ---- the whole ----

// Takes back what was said since there were so many; gives the first of it.
static const char *take_back(Context *ctx, int told, int errors) {
    const char *first = ctx->errors > errors ? ctx->diagnostics.data[told]->text : NULL;
    ctx->diagnostics.count = told;
    ctx->errors = errors;
    return first;
}

Agreement *agreement_open(Context *ctx, Library *library, const Node *root, int64_t batch) {
    if (!file_train(root)) return NULL;
    Agreement *a = arena_new(ctx->arena, Agreement);
    int told = ctx->diagnostics.count, errors = ctx->errors;
    *a = (Agreement){.ctx = ctx, .witness = {see, a}};
    a->tree = shape_run(ctx, library, root, batch);
    const char *first = take_back(ctx, told, errors);
    if (!a->tree) a->wrong = first ? first : "shape has no tree";
    return a;
}

const Tree *agreement_tree(const Agreement *a) { return a->tree; }

const Witness *agreement_witness(const Agreement *a) { return &a->witness; }

const char *agreement_close(const Agreement *a, const Module *m) {
    const char *wrong = a->wrong ? a->wrong : compare_layers(a, m);
    return wrong ? wrong : compare_params(a, m->program);
}
