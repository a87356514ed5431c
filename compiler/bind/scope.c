// Scopes, and the messages about names that nothing gives.
// Guarantees: an unknown name is reported once in a definition, with the nearest name that is known there.
#include "bind/scope.h"
#include <string.h>

enum { CANDIDATES = 4096 };

// ---- scopes ----

void scope_open(Bind *b) {
    Scope *scope = arena_new(b->ctx->arena, Scope);
    *scope = (Scope){b->scope, map_create(b->ctx->arena), NULL};
    b->scope = scope;
}

void scope_close(Bind *b) { b->scope = b->scope->outer; }

Slot *scope_own(const Bind *b, const char *name) { return map_get(b->scope->slots, name); }

// What is said of a slot before anything is said of its value.
static Sort slot_sort(const Bind *b, SlotKind kind, int number) {
    const Node *d = b->definition->node;
    bool optimizes = is_define(d, DEFINE_OPTIMIZER) && number < 2;
    uint64_t bit = number < 64 ? UINT64_C(1) << number : 0;
    switch (kind) {
    case SLOT_SETTING:
        if (optimizes) return (Sort){.kind = KIND_NUMBER, .phase = PHASE_ROWS};
        return (Sort){.kind = KIND_ANY, .parameters = bit};
    case SLOT_TENSOR: return (Sort){.kind = KIND_TENSOR, .phase = PHASE_ROWS, .parameters = bit};
    case SLOT_SIZE:
    case SLOT_ROUND: return (Sort){.kind = KIND_NUMBER};
    case SLOT_INDEX: return (Sort){.kind = KIND_NUMBER, .phase = PHASE_ROWS};
    case SLOT_PARAM:
    case SLOT_STATE:
    case SLOT_FIELD:
    case SLOT_OUTPUT: return (Sort){.kind = KIND_TENSOR, .phase = PHASE_ROWS};
    case SLOT_LOCAL:
    case SLOT_RESULT:
    case SLOT_WRONG: break;
    }
    return (Sort){.kind = KIND_WRONG};
}

Slot *scope_add(Bind *b, const char *name, SlotKind kind, Span span) {
    Slot *slot = arena_new(b->ctx->arena, Slot);
    int number = b->definition->slots.count;
    *slot = (Slot){.name = name, .kind = kind, .number = number, .span = span};
    slot->sort = slot_sort(b, kind, number);
    vec_push(b->ctx->arena, &b->definition->slots, slot);
    map_set(b->scope->slots, name, slot);
    return slot;
}

Slot *scope_find(const Bind *b, const char *name) {
    for (const Scope *s = b->scope; s; s = s->outer) {
        Slot *slot = map_get(s->slots, name);
        if (slot) return slot;
    }
    return NULL;
}

bool scope_holds(const Bind *b, const char *name, SlotKind kind) {
    for (const Scope *s = b->scope; s; s = s->outer) {
        const Slot *slot = map_get(s->slots, name);
        if (slot && slot->kind == kind) return true;
    }
    return false;
}

// ---- names that are near ----

static int scope_names(const Bind *b, const char **names, int count) {
    for (const Scope *s = b->scope; s; s = s->outer)
        for (int i = 0; i < map_count(s->slots) && count < CANDIDATES; i++)
            names[count++] = map_key(s->slots, i);
    return count;
}

const char *nearest_name(const Bind *b, const char *word) {
    const char **names = arena_array(b->ctx->arena, const char *, CANDIDATES);
    int count = scope_names(b, names, 0);
    const Builtin *row;
    for (int i = 0; (row = builtin_row(i)) && count < CANDIDATES; i++)
        if (row->group == GROUP_TRAIN && (b->groups & 1u << GROUP_TRAIN)) names[count++] = row->name;
    const char *local = string_nearest(word, names, count);
    if (local) return local;
    Span here = {b->file->source->base, b->file->source->base};
    count = library_names(b->library, here, names, CANDIDATES - 200);
    for (int i = 0; (row = builtin_row(i)); i++)
        if (b->groups & 1u << row->group) names[count++] = row->name;
    return string_nearest(word, names, count);
}

// ---- messages ----

static Span later_place(const Bind *b, const char *name) {
    for (const Scope *s = b->scope; s; s = s->outer) {
        const Node *statement = s->later ? map_get(s->later, name) : NULL;
        if (statement) return statement->span;
    }
    return NO_SPAN;
}

Diagnostic *report_early(Bind *b, const char *name, Span span, Span given, const char *note) {
    Diagnostic *d = report(b, USED_BEFORE_GIVEN, span, name);
    diagnostic_note(b->ctx, d, given, "%s", note);
    return d;
}

// Is there something of this name, or is it no name: a notation that says the same?
static bool is_there(const Bind *b, const char *word, Span span) {
    const char *first = context_intern(b->ctx, word, strcspn(word, "."));
    return !word_is_name(word) || scope_find(b, first) || library_find(b->library, span, first) ||
           builtin_find(first, ~0u) || train_setting_find(first);
}

bool help_of_others(Bind *b, Diagnostic *d, Span span, const char *name) {
    const char *own = b->groups & 1u << GROUP_READER ? word_of_data(name) : NULL;
    const char *word = own ? own : word_of_others(name), *why = word_left_out(name);
    if (word && is_there(b, word, span)) {
        diagnostic_help(b->ctx, d, word_is_name(word) ? "here it is called `%s`" : "here it is written `%s`",
                        word);
        if (word_is_name(word)) diagnostic_fix(b->ctx, d, span, word);
    } else if (why)
        diagnostic_help(b->ctx, d, "there is no `%s` here: %s", name, why);
    return (word && is_there(b, word, span)) || why;
}

void help_steps(Bind *b, Diagnostic *d) {
    diagnostic_help(b->ctx, d,
                    "what is made step by step stands in a loop: `recur t from h = 0 { h[b, t, i] = … h[b, t "
                    "- 1, i] … }`");
}

void report_unknown(Bind *b, const char *name, Span span) {
    if (map_get(b->reported, name)) return;
    map_set(b->reported, name, b->definition);
    Span later = later_place(b, name);
    if (later.start) {
        Diagnostic *d = report_early(b, name, span, later, "it is given here");
        const Node *in = b->definition->node;
        if (later.start > span.start || span.end > later.end)
            diagnostic_help(b->ctx, d, "a block gives its names in the order of the text: move the line up");
        else if (is_define(in, DEFINE_OPTIMIZER) || gives_state(in))
            diagnostic_help(b->ctx, d, "what is kept from one update to the next is a state: `state %s = 0`",
                            name);
        else if (is_layer_define(in))
            help_steps(b, d);
        return;
    }
    Diagnostic *d = report(b, UNKNOWN_NAME, span, name);
    if (!help_of_others(b, d, span, name) && !diagnostic_meant(b->ctx, d, span, nearest_name(b, name)) &&
        b->subscript)
        diagnostic_help(b->ctx, d, "an index is bound on the left of `=`, or by a reduction: sum[%s] ...",
                        name);
}

void report_library(Bind *b, const Node *member) {
    const Node *base = member->base;
    if (map_get(b->file->missing, base->name) || map_get(b->reported, base->name)) return;
    if (later_place(b, base->name).start) {
        report_unknown(b, base->name, base->span);
        return;
    }
    map_set(b->file->missing, base->name, b->file);
    Diagnostic *d = report(b, UNKNOWN_NAME, base->span, base->name);
    const char **names = arena_array(b->ctx->arena, const char *, CANDIDATES);
    int count = scope_names(b, names, library_words(b->library, names, CANDIDATES / 2));
    const char *near = string_nearest(base->name, names, count), *other = word_of_others(member->name);
    const char *alike = other ? NULL : library_alike(b->library, member->name);
    const char *word = other ? other : alike ? alike : member->name;
    bool known = library_standard(b->library, word) || builtin_find(word, b->groups);
    if (diagnostic_meant(b->ctx, d, base->span, near)) return;
    if (known) {
        diagnostic_help(b->ctx, d, "the library's names have no word before them: `%s`", word);
        diagnostic_fix(b->ctx, d, (Span){base->span.start, member->name_span.end}, word);
    } else if (!help_of_others(b, d, (Span){base->span.start, member->name_span.end}, member->name))
        diagnostic_help(b->ctx, d, "the names of a file of one's own are given by `--library %s.nn`",
                        base->name);
}

void report_member(Bind *b, const Node *e) {
    Diagnostic *d = report(b, UNKNOWN_MEMBER, e->name_span, e->base->name, e->name);
    const char **names = arena_array(b->ctx->arena, const char *, CANDIDATES);
    int count = library_members(b->library, e->base->name, names, CANDIDATES);
    const char *near = string_nearest(e->name, names, count),
               *meant = near ? string_format(b->ctx->arena, "%s.%s", e->base->name, near) : NULL;
    Span whole = {e->base->span.start, e->name_span.end};
    if (!help_of_others(b, d, whole, e->name)) diagnostic_meant(b->ctx, d, whole, meant);
}

Diagnostic *report_kind(Bind *b, Span span, const char *name, const char *is, const char *wanted) {
    return report(b, WRONG_KIND, span, name, is, wanted);
}

Diagnostic *report_twice(Bind *b, const char *name, Span span, Span before, const char *as) {
    Diagnostic *d = report(b, GIVEN_TWICE, span, name);
    diagnostic_note(b->ctx, d, before, "it is given here first%s%s", as ? ", as " : "", as ? as : "");
    return d;
}

Diagnostic *report_useless(Bind *b, const char *name, Span span) { return report(b, UNUSED, span, name); }

Diagnostic *report_word(Bind *b, Span span, const char *asked) {
    return report(b, WORD_EXPECTED, span, asked);
}

void report_target(Bind *b, Span span) { report(b, WRONG_TARGET, span); }

bool is_define(const Node *n, DefinitionKind kind) {
    return n && n->kind == AST_DEFINE && n->definition == kind;
}

bool gives_state(const Node *n) { return is_define(n, DEFINE_AVERAGE) || is_define(n, DEFINE_WATCH); }

bool is_layer_define(const Node *n) { return is_define(n, DEFINE_LAYER) || is_define(n, DEFINE_MODEL); }

const char *kind_phrase(const Node *n) {
    if (n->kind == AST_DATA) return "a data block";
    if (n->kind == AST_TRAIN) return "a `train` block";
    return n->kind == AST_CONSTANT ? "a constant" : definition_row(n->definition)->phrase;
}

const char *call_text(Bind *b, const Node *n, int skip) {
    Text text = {.arena = b->ctx->arena};
    int given = 0;
    text_add(&text, "%s(", n->name);
    for (int i = skip; i < n->count; i++)
        if (!n->items[i]->value) text_add(&text, "%s%s", given++ ? ", " : "", n->items[i]->name);
    if (!given && n->count > skip) text_put(&text, node_text(b->ctx->arena, n->items[skip]->value));
    text_put(&text, ")");
    return text_string(&text);
}
