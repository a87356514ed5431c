// What the arguments of layers, losses and metrics are in a run, for `nnc explain`: given in the text, or a
// default.
#include "sema/values.h"

static const char *argument_text(Elaborator *el, const Node *parameter, SemaValue v, bool given) {
    Arena *arena = el->session->arena;
    if (v.kind == SEMA_NUMBER && v.type == TYPE_BOOL) return v.number != 0 ? "true" : "false";
    if (v.kind == SEMA_NUMBER) return number_text(arena, v.number);
    if (v.kind == SEMA_FUNCTION)
        return v.callable->define ? v.callable->define->name : v.callable->builtin->name;
    if (v.kind == SEMA_LAYER && v.layer->define) return v.layer->define->name;
    Text text = {.arena = arena};
    if (v.kind == SEMA_CLOSURE)
        node_print(&text, v.callable->closure);
    else if (!given)
        node_print(&text, parameter->value);
    return text.chars.count ? text_string(&text) : value_shape_text(el->session, v);
}

static const char *origin_text(Elaborator *el, SemaValue v, bool given) {
    Context *ctx = el->session->ctx;
    const Source *source = v.span.end ? source_of(ctx, v.span) : NULL;
    if (!source || source->library) return given ? "the library" : "default of the library";
    int line, column;
    source_position(ctx, v.span, &line, &column);
    return string_format(el->session->arena, given ? "line %d" : "default, line %d", line);
}

void argument_note(Elaborator *el, const Env *caller, const Env *env, const Node *parameter, SemaValue v,
                   bool given) {
    Session *s = el->session;
    bool of_run = !caller->frame->define;
    if (!is_layer_definition(env->frame->define) && !of_run) return;
    if (given && parameter->brackets) return;
    const char *name = string_format(s->arena, "%s.%s", env->frame->path, parameter->name);
    for (int i = s->in_force.count - 1; i >= 0 && i >= s->in_force.count - 64; i--)
        if (string_equal(s->in_force.data[i].name, name)) return;
    InForce line = {name, argument_text(el, parameter, v, given), origin_text(el, v, given)};
    vec_push(s->arena, &s->in_force, line);
}
