// What the arguments of layers, losses and metrics are in a run, for `nnc explain`: given in the text, or a
// default. The tree says it, without equations: of the model that is called by itself first, then of what the
// losses apply, then of the metrics.
#include "emit/run.h"
#include "emit/write.h"

typedef struct {
    Context *ctx;
    Arena *arena;
    Module *m;
    Map *told;            // names
    const Case *block;    // of `train`
    const Instance *text; // the layers in it
} List;

// ---- one argument ----

static const char *value_text(const List *l, Shape v, const Node *preset);

// A layer by its name; a function with the settings that it has.
static const char *definition_text(const List *l, const Closure *f) {
    const Definition *d = f->definition;
    Text text = {.arena = l->arena};
    text_put(&text, d->node->name);
    int count = 0;
    for (int i = 0; i < d->parameters && !is_layer(d); i++)
        if (f->given[i].kind != SHAPE_NONE)
            text_add(&text, "%s%s = %s", count++ ? ", " : "(", d->node->items[i]->name,
                     value_text(l, f->given[i], NULL));
    if (count) text_put(&text, ")");
    return text_string(&text);
}

static const char *value_text(const List *l, Shape v, const Node *preset) {
    const Closure *f = v.kind == SHAPE_CALLABLE ? v.closure : NULL;
    if (v.kind == SHAPE_KNOWN && v.type == TYPE_BOOL) return v.number != 0 ? "true" : "false";
    if (v.kind == SHAPE_KNOWN) return string_of_double(l->arena, v.number);
    if (f && f->kind == CLOSURE_DEFINED) return definition_text(l, f);
    if (f && f->kind == CLOSURE_BUILTIN) return f->builtin->name;
    if (f && f->kind == CLOSURE_EXPRESSION) return node_text(l->arena, f->phrase->node);
    return preset ? node_text(l->arena, preset) : shape_text(l->arena, v);
}

static const char *origin_text(const List *l, Span span, bool given) {
    const char *place = place_text(l->ctx, span);
    if (!place) return given ? "the library" : "default of the library";
    return given ? place : string_format(l->arena, "default, %s", place);
}

// `by`: by parameter, what gives it; NULL: its default, or what stands before `|>`. `around`: where that
// stands, or NULL; `call`: where it is applied.
static void tell(List *l, const Case *c, const char *path, const Phrase *const *by, int count,
                 const Case *around, Span call) {
    for (int i = 0; i < c->define->parameters; i++) {
        const Node *parameter = c->define->node->items[i], *preset = parameter->value;
        const Phrase *e = i < count ? by[i] : NULL;
        bool set =
            preset && c->given[i].span.start == preset->span.start; // a default, which the trainer may set
        bool given = e || (c->given[i].kind != SHAPE_NONE && !set);
        const char *name = string_format(l->arena, "%s.%s", path, parameter->name);
        if ((given && parameter->brackets) || map_get(l->told, name)) continue;
        map_set(l->told, name, (void *)name);
        Shape v = parameter->brackets ? c->of[c->define->preset[i]->number] : c->slot[i];
        if (v.kind == SHAPE_SCALAR && e && around && around->of[e->number].kind == SHAPE_KNOWN &&
            around->of[e->number].unit == DIMENSION_NUMBER)
            v = around->of[e->number]; // a number that the trainer may set
        Span span = e ? e->span : given ? call : preset->span;
        vec_push(l->arena, &l->m->in_force,
                 ((InForce){name, value_text(l, v, given ? NULL : preset), origin_text(l, span, given)}));
    }
}

// ---- what is applied ----

// A case, its layers (NULL: it makes none), and the layers around it.
typedef struct {
    const Case *of;
    const Instance *in, *around;
} Scope;

static void tell_inside(List *l, Scope at);

static void tell_applied(List *l, Scope at, const Phrase *p) {
    Case *c = at.of->call[p->number];
    Scope inside = {c, at.in ? at.in->child[p->number] : NULL, at.around};
    if (!c) return;
    if (inside.in) inside.around = inside.in;
    bool of_run = at.of->define->node->kind != AST_DEFINE;
    if (!c->inner && is_layer(c->define)) {
        tell(l, c, inside.in->path, inside.in->given, c->define->parameters, NULL, p->span);
    } else if (!c->inner && of_run) {
        const Instance *in = at.around;
        const char *name = string_format(l->arena, "%s%s%s%s", in->path, in->path[0] ? "." : "",
                                         c->define->node->name, in->in);
        tell(l, c, name, (const Phrase *const *)p->part, p->definition ? p->count : 0, at.of, p->span);
    }
    if (c->inner || inside.in) tell_inside(l, inside);
}

// Phrases stand by number in the order in which they are evaluated.
static void tell_inside(List *l, Scope at) {
    for (int i = 0; i < at.of->define->phrases.count; i++)
        tell_applied(l, at, at.of->define->phrases.data[i]);
    for (int r = 0; r < at.of->rounds; r++) {
        Scope round = {at.of->round[r], at.in && at.in->round ? at.in->round[r] : NULL, at.around};
        if (round.in) round.around = round.in;
        tell_inside(l, round);
    }
}

// ---- the text of the block ----

static void tell_phrase(List *l, const Phrase *p) {
    for (int i = 0; i < p->count; i++)
        if (p->part[i]) tell_phrase(l, p->part[i]);
    tell_applied(l, (Scope){l->block, l->text, l->text}, p);
}

static void need(const List *l, const Phrase *p, bool *needed) {
    const Phrase *body = l->block->define->body;
    for (int i = 0; p->kind == PHRASE_SLOT && i < body->count; i++) {
        const Phrase *line = body->part[i];
        if (!line || line->kind != PHRASE_GIVE || line->slot != p->slot || needed[i]) continue;
        needed[i] = true;
        need(l, line, needed);
    }
    for (int i = 0; i < p->count; i++)
        if (p->part[i]) need(l, p->part[i], needed);
}

// After the lines that they need.
static void tell_values(List *l, const Phrase *const *values, int count) {
    const Phrase *body = l->block->define->body;
    bool *needed = arena_array(l->arena, bool, body->count + 1);
    for (int i = 0; i < count; i++) need(l, values[i], needed);
    for (int i = 0; i < body->count; i++)
        if (needed[i]) tell_phrase(l, body->part[i]);
    for (int i = 0; i < count; i++) tell_phrase(l, values[i]);
}

static const Phrase *metrics_of(const Phrase *body) {
    for (int i = 0; i < body->count; i++) {
        const Phrase *line = body->part[i];
        if (line && line->kind == PHRASE_GIVE && !line->slot && line->node->target->kind == AST_NAME &&
            string_equal(line->node->target->name, "metrics"))
            return line->part[0];
    }
    return NULL;
}

void arguments_tell(Context *ctx, const Tree *tree, Module *module) {
    const Instance *text = tree->roots.data[tree->roots.count - 1], *model = tree->roots.data[0];
    List l = {ctx, ctx->arena, module, map_create(ctx->arena), text->of, text};
    const Phrase *metrics = metrics_of(text->of->define->body);
    if (model != text) {
        tell(&l, model->of, model->path, model->given, model->of->define->parameters, NULL, NO_SPAN);
        tell_inside(&l, (Scope){model->of, model, model});
    }
    const Phrase **losses = arena_array(ctx->arena, const Phrase *, tree->lines.count + 1);
    for (int i = 0; i < tree->lines.count; i++) losses[i] = tree->lines.data[i].loss;
    tell_values(&l, losses, tree->lines.count);
    for (int i = 0; metrics && i < metrics->count; i++)
        tell_values(&l, (const Phrase *const *)&metrics->part[i], 1);
}
