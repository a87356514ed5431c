// Calls: what is called, and whether the arguments fit its signature (rule 11).
// Guarantees: a setting's name is known, none is given twice, and what has no default is there where a call
// is no layer value.
#include "sema/scope.h"

#include <string.h>

// A signature's names, of a definition or of a built-in function.
typedef struct {
    const char *called;
    const char **names;
    bool *needed, *tensor;
    Span *spans;
    int count;
    bool any_number, own; // own: written in this program, so that its place can be shown
    bool hides;           // a definition of the library with the same name
} Signature;

static Signature signature_of(Resolver *r, const Node *definition) {
    int n = definition->count;
    Signature s = {definition->name,
                   arena_array(r->ctx->arena, const char *, n + 1),
                   arena_array(r->ctx->arena, bool, n + 1),
                   arena_array(r->ctx->arena, bool, n + 1),
                   arena_array(r->ctx->arena, Span, n + 1),
                   n,
                   false,
                   false,
                   false};
    for (int i = 0; i < n; i++) {
        const Node *p = definition->items[i];
        s.names[i] = p->name;
        s.needed[i] = !p->value;
        s.tensor[i] = p->brackets;
        s.spans[i] = p->span;
    }
    const Source *source = source_of(r->ctx, definition->span);
    s.own = source && !source->library;
    s.hides = s.own && library_standard(r->library, definition->name);
    return s;
}

static Signature signature_of_builtin(Resolver *r, const Builtin *b) {
    enum { MOST = 8 };
    Signature s = {b->name,
                   arena_array(r->ctx->arena, const char *, MOST),
                   arena_array(r->ctx->arena, bool, MOST),
                   arena_array(r->ctx->arena, bool, MOST),
                   arena_array(r->ctx->arena, Span, MOST),
                   0,
                   false,
                   false,
                   false};
    for (const char *at = b->parameters; *at;) {
        size_t length = strcspn(at, " ");
        if (strncmp(at, "..", 2) == 0)
            s.any_number = true;
        else
            s.names[s.count] = context_intern(r->ctx, at, length), s.needed[s.count] = s.count < b->needed,
            s.count++;
        at += length + (at[length] == ' ');
    }
    return s;
}

static int find_parameter(const Signature *s, const char *name) {
    for (int i = 0; i < s->count; i++)
        if (string_equal(s->names[i], name)) return i;
    return -1;
}

static void report_setting(Resolver *r, const Signature *s, const Node *argument, int first) {
    Diagnostic *d = diagnose(r->ctx, UNKNOWN_SETTING, argument->name_span, s->called, argument->name);
    const char *near = string_nearest(argument->name, s->names, s->count),
               *word = word_of_others(argument->name);
    if (word && find_parameter(s, word) >= 0) near = word;
    if (near) {
        diagnostic_help(r->ctx, d, "did you mean `%s`?", near);
        return;
    }
    Text list = {.arena = r->ctx->arena};
    for (int i = first; i < s->count; i++)
        text_add(&list, "%s`%s`", list.chars.count ? ", " : "", s->names[i]);
    if (list.chars.count) diagnostic_help(r->ctx, d, "it has %s", text_string(&list));
}

// What hides a definition of the library may have been meant to have another name: that is said at its first
// wrong call.
static bool told_hidden(Resolver *r, const Signature *s) {
    if (!s->hides) return false;
    bool told = map_get(r->reported, s->called) != NULL;
    map_set(r->reported, s->called, r);
    return told;
}

static void help_hidden(Resolver *r, const Signature *s, Diagnostic *d) {
    if (s->hides)
        diagnostic_help(r->ctx, d,
                        "the `%s` of this file hides the library's: give it another name to have both",
                        s->called);
}

static void report_count(Resolver *r, const Signature *s, const Node *call, int given) {
    if (told_hidden(r, s)) return;
    Diagnostic *d = diagnose(r->ctx, TOO_MANY_ARGUMENTS, call->span, s->called, s->count,
                             s->count == 1 ? "" : "s", given);
    if (s->own) diagnostic_note(r->ctx, d, s->spans[0], "its signature begins here");
    help_hidden(r, s, d);
}

// The arguments by name: each known, none given by position too. Returns how many stand without a name.
static int check_named(Resolver *r, const Signature *s, const Node *call, int piped, bool by_position,
                       bool *filled) {
    int plain = 0;
    for (int i = 0; i < call->count; i++) {
        const Node *a = call->items[i];
        if (a->kind != AST_NAMED) {
            plain++;
            continue;
        }
        int k = find_parameter(s, a->name);
        if (k < 0)
            report_setting(r, s, a, piped);
        else if (by_position && k < piped + plain)
            diagnose(r->ctx, ARGUMENT_TWICE, a->name_span, a->name);
        if (k >= 0) filled[k] = true;
    }
    return plain;
}

// The first parameter that must be given and is not, or -1. Of a layer that stands as a value only its
// settings count.
static int missing(const Signature *s, const bool *filled, int from, bool settings_only) {
    for (int i = from; i < s->count; i++)
        if (s->needed[i] && !filled[i] && !(settings_only && s->tensor[i])) return i;
    return -1;
}

static void check_signature(Resolver *r, const Signature *s, const Node *call, int piped, bool layer,
                            bool partial) {
    bool *filled = arena_array(r->ctx->arena, bool, s->count + 1);
    int errors = r->ctx->errors;
    bool by_position = piped || !layer;
    int plain = check_named(r, s, call, piped, by_position, filled), given = piped + plain;
    if (r->ctx->errors > errors || r->wrong_arguments) return; // how many there are may follow from that
    if (given > s->count && !s->any_number) {
        report_count(r, s, call, given);
        return;
    }
    int k = -1;
    if (by_position)
        k = partial && !plain && call->count ? -1 : missing(s, filled, given, false);
    else if (!plain)
        k = missing(s, filled, 0, true);
    if (k < 0 || told_hidden(r, s)) return;
    Diagnostic *d = diagnose(r->ctx, MISSING_ARGUMENT, call->span, s->called, s->names[k]);
    if (s->own) diagnostic_note(r->ctx, d, s->spans[k], "it has no default");
    help_hidden(r, s, d);
}

static void check_definition(Resolver *r, const Node *definition, const Node *call, int piped) {
    Signature s = signature_of(r, definition);
    bool layer = definition->definition == DEFINE_LAYER || definition->definition == DEFINE_MODEL;
    check_signature(r, &s, call, piped, layer, definition->definition == DEFINE_FN);
}

void check_builtin(Resolver *r, const Builtin *b, const Node *call, int piped) {
    if (string_equal(b->parameters, "-")) {
        diagnose(r->ctx, WRONG_KIND, call->base->span, b->name, "a word", "a function");
        return;
    }
    // max and min are functions of two numbers and of one tensor
    bool reduction = builtin_find(b->name, 1u << GROUP_REDUCTION) && piped + call->count == 1;
    Signature s = signature_of_builtin(r, reduction ? builtin_find(b->name, 1u << GROUP_REDUCTION) : b);
    check_signature(r, &s, call, piped, false, false);
}

// What a name before ( ) or after |> is at file level: checks its kind. NULL where it is no definition, or
// wrong.
static const Node *callable(Resolver *r, const Node *callee, const Node *found) {
    if (!found || found->kind == AST_CONSTANT) return NULL;
    bool metric = found->kind == AST_DEFINE && found->definition == DEFINE_METRIC && !r->metrics_ok;
    if (found->kind == AST_DEFINE && found->definition != DEFINE_OPTIMIZER && !metric) return found;
    if (map_get(r->reported, callee->name)) return NULL;
    map_set(r->reported, callee->name, r);
    Diagnostic *d =
        diagnose(r->ctx, WRONG_KIND, callee->span, callee->name, kind_phrase(found), "a layer or a function");
    if (metric) diagnostic_help(r->ctx, d, "metrics stand in `metrics = [...]` of a `train` block");
    return NULL;
}

static const Node *member_of(Resolver *r, const Node *callee) {
    const Node *base = callee->base;
    if (base->kind != AST_NAME || scope_find(r, base->name) ||
        !library_named(r->library, base->span, base->name))
        return NULL;
    return library_member(r->library, base->span, base->name, callee->name);
}

// A layer has parameters of its own, for which a function has no place.
static bool layer_in_fn(Resolver *r, const Node *definition, const Node *call) {
    bool fn = r->definition && r->definition->definition == DEFINE_FN;
    if (!fn || definition->definition != DEFINE_LAYER) return false;
    Diagnostic *d = diagnose(r->ctx, LAYER_IN_FN, call->span, definition->name, r->definition->name);
    diagnostic_help(r->ctx, d, "make it a `layer`");
    return true;
}

static void call_name(Resolver *r, const Node *callee, const Node *call, int piped) {
    Local *local = scope_find(r, callee->name);
    if (local) {
        local->used = true;
        return;
    }
    const Node *found = library_find(r->library, callee->span, callee->name);
    if (found) {
        const Node *definition = callable(r, callee, found);
        if (!definition) return;
        if (definition->definition == DEFINE_MODEL) r->model_called = true;
        if (layer_in_fn(r, definition, call)) return;
        check_definition(r, definition, call, piped);
        return;
    }
    const Builtin *b = builtin_find(callee->name, r->groups);
    if (b)
        check_builtin(r, b, call, piped);
    else
        report_unknown(r, callee->name, callee->span);
}

void resolve_callee(Resolver *r, const Node *callee, int piped) {
    Node *bare = node_new(r->ctx, AST_CALL, callee->span);
    bare->base = (Node *)callee;
    if (callee->kind == AST_NAME) {
        call_name(r, callee, bare, piped);
        return;
    }
    const Node *definition = member_of(r, callee);
    if (!definition)
        resolve_value(r, callee);
    else if (callable(r, callee, definition) && !layer_in_fn(r, definition, bare))
        check_definition(r, definition, bare, piped);
}

void resolve_call(Resolver *r, const Node *call, int piped) {
    const Node *callee = call->base;
    bool outer = r->subscript;
    r->subscript = false;
    int errors = r->ctx->errors;
    r->subscript = outer && callee->kind == AST_NAME && builtin_find(callee->name, 1u << GROUP_SCALAR);
    resolve_items(r, (const Node *const *)call->items, call->count);
    r->subscript = false;
    r->wrong_arguments = r->ctx->errors > errors;
    if (callee->kind == AST_NAME) {
        call_name(r, callee, call, piped);
    } else {
        const Node *definition = callee->kind == AST_MEMBER ? member_of(r, callee) : NULL;
        if (!definition)
            resolve_value(r, callee);
        else if (callable(r, callee, definition) && !layer_in_fn(r, definition, call))
            check_definition(r, definition, call, piped);
    }
    r->wrong_arguments = false;
    r->subscript = outer;
}

void resolve_optimizer(Resolver *r, const Node *e) {
    if (!e) return;
    const Node *callee = e->kind == AST_CALL ? e->base : e, *found = NULL;
    if (callee->kind == AST_NAME && !scope_find(r, callee->name))
        found = library_find(r->library, callee->span, callee->name);
    else if (callee->kind == AST_MEMBER)
        found = member_of(r, callee);
    if (!found && callee->kind == AST_NAME && !scope_find(r, callee->name)) {
        report_unknown(r, callee->name, callee->span);
        return;
    }
    bool library = callee->kind == AST_MEMBER && callee->base->kind == AST_NAME &&
                   library_named(r->library, callee->span, callee->base->name);
    if (!found && library) {
        report_member(r, callee);
        return;
    }
    if (!found || found->kind != AST_DEFINE || found->definition != DEFINE_OPTIMIZER) {
        Local *local = callee->kind == AST_NAME ? scope_find(r, callee->name) : NULL;
        const char *what = found ? kind_phrase(found) : local ? "a value" : "no definition";
        Text written = {.arena = r->ctx->arena};
        node_print(&written, callee);
        Diagnostic *d = diagnose(r->ctx, WRONG_KIND, e->span, text_string(&written), what, "an optimizer");
        if (!local) return;
        diagnostic_note(r->ctx, d, local->span, "it is given here, and hides what has its name elsewhere");
        local->used = true;
        return;
    }
    if (found->count < 2) return; // its signature is reported where it stands
    Node *bare = node_new(r->ctx, AST_CALL, e->span);
    bare->base = (Node *)callee;
    check_definition(r, found, e->kind == AST_CALL ? e : bare, 2);
    if (e->kind == AST_CALL) resolve_items(r, (const Node *const *)e->items, e->count);
}

void resolve_word(Resolver *r, const Node *e, uint32_t groups, const char *asked) {
    const Node *callee = e->kind == AST_CALL ? e->base : e;
    const Builtin *b = callee->kind == AST_NAME ? builtin_find(callee->name, groups) : NULL;
    bool word = b && string_equal(b->parameters, "-");
    if (!b || word != (e->kind == AST_NAME)) {
        Diagnostic *d = diagnose(r->ctx, WORD_EXPECTED, e->span, asked);
        const char *names[64];
        int count = 0;
        const Builtin *row;
        for (int i = 0; (row = builtin_row(i)); i++)
            if ((groups & 1u << row->group) && count < 64) names[count++] = row->name;
        const char *near = callee->kind == AST_NAME ? string_nearest(callee->name, names, count) : NULL;
        if (near) diagnostic_help(r->ctx, d, "did you mean `%s`?", near);
        return;
    }
    if (word) return;
    check_builtin(r, b, e, 0);
    resolve_items(r, (const Node *const *)e->items, e->count);
}
