// The tree: one instance for each application in which layers are made or applied, and the layers that own
// their parameters, named by the text alone (rule 18). Guarantees: a layer applied twice is one Layer; its
// first use decides its shapes. What only computes has no instance.
#include "shape/tree.h"

#include <string.h>

// What a callable is in a run: which layer owns its parameters, and where a pipe's names are looked up.
typedef struct Made {
    const Closure *closure;
    const char *path;      // of a layer
    const Phrase *phrase;  // where it is made
    struct Made **given;   // by parameter
    struct Instance *home; // of a pipe or repeat
} Made;

struct Walk {
    Shaper *s;
    Tree *tree;
    VEC(Instance *) constants;
};

static Made *made_of(Walk *w, Instance *in, const Phrase *p);
static void walk(Walk *w, Instance *in);

// ---- callables ----

static Instance *instance_new(Walk *w, Case *of, const char *path, const char *round, Span span) {
    Arena *arena = w->s->arena;
    Instance *in = arena_new(arena, Instance);
    in->of = of;
    in->path = path;
    in->in = round;
    in->slot = arena_array(arena, Made *, of->define->slots.count + 1);
    in->made = arena_array(arena, Made *, of->define->phrases.count + 1);
    in->child = arena_array(arena, Instance *, of->define->phrases.count + 1);
    int depth = w->s->at ? w->s->at->depth + 1 : 1;
    in->application = application_new(w->s, (Application){w->s->at, of->define, span, path, round, depth});
    return in;
}

// The text of a file: no application leads to it.
static Instance *instance_outside(Walk *w, Case *of) {
    Instance *in = instance_new(w, of, "", "", of->define->node->span);
    in->application = application_outside(w->s, in->application->span, 1);
    return in;
}

static Made *made_new(Walk *w, const Closure *closure, const char *path, const Phrase *phrase) {
    Made *made = arena_new(w->s->arena, Made);
    *made = (Made){.closure = closure, .path = path, .phrase = phrase};
    return made;
}

// The arguments of a call that are callables, by parameter.
static Made **given_by(Walk *w, Instance *in, const Phrase *p) {
    int count = p->definition->parameters;
    Made **given = arena_array(w->s->arena, Made *, count + 1);
    for (int i = 0; i < p->count && i < count; i++) given[i] = p->part[i] ? made_of(w, in, p->part[i]) : NULL;
    return given;
}

static Made *made_here(Walk *w, Instance *in, const Phrase *p) {
    Closure *closure = arena_new(w->s->arena, Closure);
    *closure = (Closure){.kind = CLOSURE_DEFINED, .definition = p->definition};
    Made *made = made_new(w, closure, path_made(w->s, in->application, p), p);
    made->given = given_by(w, in, p);
    return made;
}

static Made *made_pipe(Walk *w, Instance *in, const Phrase *p) {
    const Shape *v = &in->of->of[p->number];
    if (v->kind != SHAPE_CALLABLE || v->closure->kind != CLOSURE_INNER) return NULL;
    Made *made = made_new(w, v->closure, path_made(w->s, in->application, p), p);
    made->home = in;
    return made;
}

static Made *made_constant(Walk *w, Definition *d) {
    for (int i = 0; i < w->constants.count; i++)
        if (w->constants.data[i]->of->define == d) return made_of(w, w->constants.data[i], d->body);
    Case *c = constant_case(w->s, d);
    if (!c) return NULL;
    Instance *in = instance_outside(w, c);
    vec_push(w->s->arena, &w->constants, in);
    return made_of(w, in, d->body);
}

static Made *made_if(Walk *w, Instance *in, const Phrase *p) {
    Shape c = shape_first(in->of->of[p->part[1]->number]);
    const Phrase *side = c.kind == SHAPE_KNOWN ? p->part[c.number != 0 ? 0 : 2] : NULL;
    return side ? made_of(w, in, side) : NULL;
}

static Made *made_of(Walk *w, Instance *in, const Phrase *p) {
    Made **memo = &in->made[p->number];
    if (*memo) return *memo;
    switch ((int)p->kind) {
    case PHRASE_SLOT: return p->slot ? in->slot[p->slot->number] : NULL;
    case PHRASE_MAKE: *memo = p->definition ? made_here(w, in, p) : NULL; break;
    case PHRASE_PIPE:
    case PHRASE_REPEAT: *memo = made_pipe(w, in, p); break;
    case PHRASE_DEFINITION: return made_constant(w, p->definition);
    case PHRASE_IF: return made_if(w, in, p);
    case PHRASE_NAMED: return made_of(w, in, p->part[0]);
    default: break;
    }
    return *memo;
}

// ---- layers ----

static Layer *layer_of(Walk *w, const char *path, const Case *c, Span span, int depth) {
    Layer *layer = map_get(w->tree->by_path, path);
    if (layer) return layer;
    if (w->tree->layers.count >= SHAPE_LAYERS) {
        fail(w->s, LAYER_LIMIT, span, SHAPE_LAYERS, "layers");
        w->s->stopped = true;
        return NULL;
    }
    layer = arena_new(w->s->arena, Layer);
    *layer = (Layer){.path = path, .define = c->define, .made = span, .depth = depth, .first = c};
    layer->result = shape_first(c->result);
    map_set(w->tree->by_path, path, layer);
    vec_push(w->s->arena, &w->tree->layers, layer);
    return layer;
}

static void two_shapes(Walk *w, const Phrase *p, const Declared *known, Shape v) {
    Shaper *s = w->s;
    Diagnostic *d =
        fail(s, LAYER_TWO_SHAPES, p->node->span, known->path,
             extents_text(s->arena, known->dims, known->rank), extents_text(s->arena, v.dims, v.rank));
    diagnostic_note(s->ctx, d, known->span, "its shape was decided by this first use");
    diagnostic_help(s->ctx, d, "a layer with a name is one layer: use two, if they are to differ");
}

static void declare(Walk *w, const Instance *in, const Phrase *p) {
    Shape v = in->of->of[p->number];
    if (v.kind != SHAPE_TENSOR && v.kind != SHAPE_SCALAR) return;
    Arena *arena = w->s->arena;
    const char *path = path_joined(arena, in->path, p->node->name, in->in);
    Declared *known = map_get(w->tree->declared, path);
    if (known) {
        if (known->rank != v.rank || (v.rank && known->dims != v.dims)) two_shapes(w, p, known, v);
        return;
    }
    known = arena_new(arena, Declared);
    *known = (Declared){.path = path,
                        .span = in->application->span,
                        .dims = v.dims,
                        .rank = v.rank,
                        .type = v.type,
                        .state = p->node->kind == AST_STATE};
    map_set(w->tree->declared, path, known);
    if (in->layer) vec_push(arena, &in->layer->declared, known);
    if (known->state)
        vec_push(arena, &w->tree->states, known);
    else
        vec_push(arena, &w->tree->params, known);
}

// ---- applications ----

static void enter(Walk *w, Instance *in, int depth) {
    const Application *outside = w->s->at;
    w->s->at = in->application;
    in->depth = depth;
    walk(w, in);
    w->s->at = outside;
}

// The text of a pipe, in the scope where it is written.
static Instance *inner_new(Walk *w, Case *of, const Made *made, const char *round) {
    Instance *home = made->home;
    const Application *outside = w->s->at;
    w->s->at = home->application->outer;
    Instance *in = instance_new(w, of, made->path ? made->path : home->path, round, home->application->span);
    w->s->at = outside;
    in->outer = home;
    in->layer = home->layer;
    memcpy(in->slot, home->slot, sizeof *in->slot * (size_t)of->define->slots.count);
    return in;
}

static Instance *apply_inner(Walk *w, Case *c, const Made *made) {
    const char *round = made->path ? "" : made->home->in;
    Instance *in = inner_new(w, c, made, round);
    if (!c->rounds) {
        enter(w, in, made->home->depth);
        return in;
    }
    in->round = arena_array(w->s->arena, Instance *, c->rounds);
    for (int r = 0; r < c->rounds; r++) {
        if (!c->round[r]->layers) continue;
        in->round[r] = inner_new(w, c->round[r], made, string_format(w->s->arena, "%s[%d]", round, r));
        enter(w, in->round[r], made->home->depth);
    }
    return in;
}

static void bind_callables(Walk *w, Instance *in, Made *const *given) {
    const Definition *d = in->of->define;
    for (int i = 0; i < d->parameters; i++) in->slot[i] = given[i];
    const Application *outside = w->s->at;
    w->s->at = in->application;
    for (int i = 0; i < d->parameters; i++)
        if (!in->slot[i] && d->preset[i] && in->of->given[i].kind == SHAPE_NONE)
            in->slot[i] = made_of(w, in, d->preset[i]);
    w->s->at = outside;
}

// `in`: where it is applied; `by`: what gives its parameters. NULL after a message.
static Instance *apply_defined(Walk *w, Instance *in, Case *c, const char *path, Made *const *given,
                               const Phrase *const *by, Span span) {
    bool own = definition_is_layer(c->define);
    const char *place = path ? path : path_joined(w->s->arena, in->path, c->define->node->name, "");
    Instance *inside = instance_new(w, c, place, "", span);
    const Application *outside = w->s->at;
    w->s->at = inside->application;
    inside->layer = own && path ? layer_of(w, path, c, span, in->depth) : in->layer;
    w->s->at = outside;
    if (own && !inside->layer) return NULL;
    inside->given = by;
    bind_callables(w, inside, given);
    enter(w, inside, in->depth + own);
    return inside;
}

// The arguments of a call of a known definition, by parameter.
static const Phrase **phrases_of(Walk *w, const Definition *d, const Phrase *call) {
    const Phrase **by = arena_array(w->s->arena, const Phrase *, d->parameters + 1);
    for (int i = 0; i < d->parameters && i < call->count; i++) by[i] = call->part[i];
    return by;
}

static Instance *apply_made(Walk *w, Instance *in, const Phrase *p, Case *c, const Made *made) {
    bool call = p->kind == PHRASE_APPLY || p->kind == PHRASE_MAKE;
    int next = p->kind == PHRASE_MAKE; // a stage of a pipe: its first argument stands before it
    Made **given = arena_array(w->s->arena, Made *, c->define->parameters + 1);
    const Phrase **by = phrases_of(w, c->define, made->phrase);
    for (int i = 0; i < c->define->parameters; i++) given[i] = made->given[i];
    for (int i = 1; call && i < p->count; i++) {
        int k = call_parameter(p, c->define, i, &next);
        if (k >= c->define->parameters) continue;
        by[k] = p->part[i];
        Made *argument = made_of(w, in, p->part[i]);
        if (argument) given[k] = argument;
    }
    return apply_defined(w, in, c, made->path, given, by, p->span);
}

static Instance *apply(Walk *w, Instance *in, const Phrase *p) {
    Case *c = in->of->call[p->number];
    bool call = p->kind == PHRASE_APPLY || p->kind == PHRASE_MAKE;
    if (!c->layers || w->s->stopped || p->kind == PHRASE_REDUCE) return NULL;
    if (call && p->definition)
        return apply_defined(w, in, c, path_made(w->s, in->application, p), given_by(w, in, p),
                             phrases_of(w, c->define, p), p->span);
    const Made *made = made_of(w, in, call ? p->part[0] : p);
    if (!made) return NULL;
    return made->closure->kind == CLOSURE_INNER ? apply_inner(w, c, made) : apply_made(w, in, p, c, made);
}

// Phrases stand by number in the order of evaluation, parts before what they are parts of.
static void walk(Walk *w, Instance *in) {
    const Definition *d = in->of->define;
    for (int i = 0; i < d->phrases.count && !w->s->stopped; i++) {
        const Phrase *p = d->phrases.data[i];
        if (in->of->call[i] && !in->child[i]) in->child[i] = apply(w, in, p);
        const Phrase *value = p->kind == PHRASE_GIVE && p->slot ? p->part[p->count - 1] : NULL;
        bool taken = value && in->of->of[p->number].kind == SHAPE_CALLABLE;
        if (taken)
            in->slot[p->slot->number] =
                made_of(w, in, value->kind == PHRASE_IF && !value->part[2] ? value->part[0] : value);
        if (p->kind == PHRASE_DECLARE && in->of->of[p->number].kind != SHAPE_NONE) declare(w, in, p);
    }
}

Walk *walk_create(Shaper *s, Tree *tree) {
    Walk *w = arena_new(s->arena, Walk);
    w->s = s;
    w->tree = tree;
    return w;
}

void walk_model(Walk *w, Case *c, Span span) {
    Instance outside = {.path = "", .in = ""};
    Made **none = arena_array(w->s->arena, Made *, c->define->parameters + 1);
    const Phrase **by = arena_array(w->s->arena, const Phrase *, c->define->parameters + 1);
    Instance *in = apply_defined(w, &outside, c, c->define->node->name, none, by, span);
    if (in) vec_push(w->s->arena, &w->tree->roots, in);
}

void walk_text(Walk *w, Case *c) {
    int count = w->tree->roots.count;
    Instance *in = count ? w->tree->roots.data[count - 1] : NULL;
    if (!in || in->of != c) {
        in = instance_outside(w, c);
        vec_push(w->s->arena, &w->tree->roots, in);
    }
    enter(w, in, 0);
}

// ---- what is asked of the tree ----

const Layer *tree_layer(const Tree *tree, const char *path) { return map_get(tree->by_path, path); }

const Declared *tree_declared(const Tree *tree, const char *path) { return map_get(tree->declared, path); }
