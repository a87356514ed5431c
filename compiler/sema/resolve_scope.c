// Scopes, and the messages about names that nothing gives.
// Guarantees: an unknown name is reported once in a definition, with the nearest name that is known there.
#include "sema/scope.h"

enum { CANDIDATES = 4096 };

void scope_open(Resolver *r) {
    Scope *scope = arena_new(r->ctx->arena, Scope);
    *scope = (Scope){r->scope, map_create(r->ctx->arena), NULL};
    r->scope = scope;
}

void scope_close(Resolver *r) { r->scope = r->scope->outer; }

Local *scope_own(const Resolver *r, const char *name) { return map_get(r->scope->locals, name); }

Local *scope_add(Resolver *r, const char *name, LocalKind kind, Span span) {
    Local *local = arena_new(r->ctx->arena, Local);
    *local = (Local){name, kind, span, false, false, NULL};
    map_set(r->scope->locals, name, local);
    return local;
}

Local *scope_find(const Resolver *r, const char *name) {
    for (const Scope *s = r->scope; s; s = s->outer) {
        Local *local = map_get(s->locals, name);
        if (local) return local;
    }
    return NULL;
}

bool scope_holds(const Resolver *r, const char *name, LocalKind kind) {
    for (const Scope *s = r->scope; s; s = s->outer) {
        const Local *local = map_get(s->locals, name);
        if (local && local->kind == kind) return true;
    }
    return false;
}

const char *nearest_name(const Resolver *r, const char *word) {
    const char **names = arena_array(r->ctx->arena, const char *, CANDIDATES);
    int count = 0;
    for (const Scope *s = r->scope; s; s = s->outer)
        for (int i = 0; i < map_count(s->locals) && count < CANDIDATES; i++)
            names[count++] = map_key(s->locals, i);
    const Builtin *b;
    for (int i = 0; (b = builtin_row(i)) && count < CANDIDATES; i++)
        if (b->group == GROUP_TRAIN && (r->groups & 1u << GROUP_TRAIN)) names[count++] = b->name;
    const char *local = string_nearest(word, names, count);
    if (local) return local;
    count = library_names(r->library, (Span){r->source->base, r->source->base}, names, CANDIDATES - 200);
    for (int i = 0; (b = builtin_row(i)); i++)
        if (r->groups & 1u << b->group) names[count++] = b->name;
    return string_nearest(word, names, count);
}

static Span later_place(const Resolver *r, const char *name) {
    for (const Scope *s = r->scope; s; s = s->outer) {
        const Node *statement = s->later ? map_get(s->later, name) : NULL;
        if (statement) return statement->span;
    }
    return NO_SPAN;
}

void report_unknown(Resolver *r, const char *name, Span span) {
    if (map_get(r->reported, name)) return;
    map_set(r->reported, name, r);
    Span later = later_place(r, name);
    if (later.start) {
        Diagnostic *d = diagnose(r->ctx, USED_BEFORE_GIVEN, span, name);
        diagnostic_note(r->ctx, d, later, "it is given here");
        diagnostic_help(r->ctx, d, "a block gives its names in the order of the text: move the line up");
        return;
    }
    Diagnostic *d = diagnose(r->ctx, UNKNOWN_NAME, span, name);
    const char *word = word_of_others(name), *near = nearest_name(r, name);
    if (word)
        diagnostic_help(r->ctx, d, "here it is called `%s`", word);
    else if (near)
        diagnostic_help(r->ctx, d, "did you mean `%s`?", near);
    else if (r->subscript)
        diagnostic_help(r->ctx, d, "an index is bound on the left of `=`, or by a reduction: sum[%s] ...",
                        name);
}

void report_library(Resolver *r, const Node *member) {
    const Node *base = member->base;
    if (map_get(r->missing, base->name) || map_get(r->reported, base->name)) return;
    if (later_place(r, base->name).start) {
        report_unknown(r, base->name, base->span);
        return;
    }
    map_set(r->missing, base->name, r);
    Diagnostic *d = diagnose(r->ctx, UNKNOWN_NAME, base->span, base->name);
    const char **names = arena_array(r->ctx->arena, const char *, CANDIDATES);
    int count = library_words(r->library, names, CANDIDATES / 2);
    for (const Scope *s = r->scope; s; s = s->outer)
        for (int i = 0; i < map_count(s->locals) && count < CANDIDATES; i++)
            names[count++] = map_key(s->locals, i);
    const char *near = string_nearest(base->name, names, count);
    const char *word = word_of_others(member->name) ? word_of_others(member->name) : member->name;
    bool known = library_standard(r->library, word) || builtin_find(word, r->groups);
    if (near)
        diagnostic_help(r->ctx, d, "did you mean `%s`?", near);
    else if (known)
        diagnostic_help(r->ctx, d, "the library's names have no word before them: `%s`", word);
    else
        diagnostic_help(r->ctx, d, "the names of a file of one's own are given by `--library %s.nn`",
                        base->name);
}

const char *kind_phrase(const Node *n) {
    if (n->kind == AST_DATA) return "a data block";
    if (n->kind == AST_CONSTANT) return "a constant";
    switch (n->definition) {
    case DEFINE_MODEL: return "a model";
    case DEFINE_LAYER: return "a layer";
    case DEFINE_FN: return "a function";
    case DEFINE_METRIC: return "a metric";
    case DEFINE_OPTIMIZER: return "an optimizer";
    }
    return "a definition";
}

void report_member(Resolver *r, const Node *e) {
    Diagnostic *d = diagnose(r->ctx, UNKNOWN_MEMBER, e->name_span, e->base->name, e->name);
    const char **names = arena_array(r->ctx->arena, const char *, CANDIDATES);
    int count = library_members(r->library, e->base->name, names, CANDIDATES);
    const char *near = string_nearest(e->name, names, count);
    if (near) diagnostic_help(r->ctx, d, "did you mean `%s.%s`?", e->base->name, near);
}
