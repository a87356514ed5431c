// Calls: what is called, whether the arguments fit its signature (rule 11), and whether it is a layer made or
// one applied (rule 10). Guarantees: a setting's name is known, none is given twice, what has no default is
// there where a call is no layer value, and the arguments of what is known stand by parameter.
#include "bind/scope.h"

#include <string.h>

// A signature's names, of a definition or of a built-in function.
typedef struct {
    const char *called;
    const char **names;
    bool *needed, *tensor;
    Span *spans;
    int count, plain;     // plain: so many may stand without their names, more of these before the rest
    bool any_number, own; // own: written in this program, so that its place can be shown
    bool hides;           // a definition of the library with the same name
    bool reduces;         // a tensor to one number
} Signature;

// A call, or a name that stands as one. `piped`: its first argument stands before `|>`.
typedef struct {
    const Node *callee, *node; // node: the call; or the name
    const Node *const *items;
    int count, piped;
    Phrase **given; // the items' values
    const char *name;
    bool runs; // those before its own are given by the run, and no pipe
} Call;

// ---- signatures ----

static Signature signature_new(Bind *b, const char *called, int room) {
    Arena *arena = b->ctx->arena;
    return (Signature){.called = called,
                       .names = arena_array(arena, const char *, room + 1),
                       .needed = arena_array(arena, bool, room + 1),
                       .tensor = arena_array(arena, bool, room + 1),
                       .spans = arena_array(arena, Span, room + 1)};
}

static Signature signature_of(Bind *b, const Node *definition) {
    Signature s = signature_new(b, definition->name, definition->count);
    for (; s.count < definition->count; s.count++) {
        const Node *p = definition->items[s.count];
        s.names[s.count] = p->name;
        s.needed[s.count] = !p->value;
        s.tensor[s.count] = p->brackets;
        s.spans[s.count] = p->span;
    }
    s.plain = s.count;
    const Source *source = source_of(b->ctx, definition->span);
    s.own = source && !source->library;
    s.hides = s.own && library_standard(b->library, definition->name);
    return s;
}

static Signature signature_of_builtin(Bind *b, const Builtin *row) {
    enum { MOST = 8 };
    Signature s = signature_new(b, row->name, MOST);
    s.reduces = builtin_find(row->name, 1u << GROUP_REDUCTION) != NULL;
    for (const char *at = row->parameters; *at;) {
        size_t length = strcspn(at, " ");
        if (strncmp(at, "..", 2) == 0) {
            s.any_number = true;
            s.plain = s.count;
        } else {
            s.names[s.count] = context_intern(b->ctx, at, strcspn(at, " :"));
            s.needed[s.count] = s.count < row->needed;
            s.count++;
        }
        at += length + (at[length] == ' ');
    }
    if (!s.any_number) s.plain = s.count;
    return s;
}

static int find_parameter(const Signature *s, const char *name) {
    for (int i = 0; i < s->count; i++)
        if (string_equal(s->names[i], name)) return i;
    return -1;
}

bool builtin_takes(Bind *b, const Builtin *row, const char *name) {
    Signature s = signature_of_builtin(b, row);
    return find_parameter(&s, name) >= 0;
}

// ---- arguments that do not fit ----

static void report_setting(Bind *b, const Signature *s, const Node *argument, int first) {
    Diagnostic *d = report(b, UNKNOWN_SETTING, argument->name_span, s->called, argument->name);
    const char *near = string_nearest(argument->name, s->names, s->count),
               *word = word_of_others(argument->name);
    if (word && find_parameter(s, word) >= 0) near = word;
    if (diagnostic_meant(b->ctx, d, argument->name_span, near)) return;
    bool other = word && word_is_name(word); // a name means something elsewhere
    if (!other && help_of_others(b, d, argument->name_span, argument->name)) return;
    Text list = {.arena = b->ctx->arena};
    for (int i = first; i < s->count; i++)
        text_add(&list, "%s`%s`", list.chars.count ? ", " : "", s->names[i]);
    if (list.chars.count) diagnostic_help(b->ctx, d, "it has %s", text_string(&list));
}

// What hides a definition of the library may have been meant to have another name: that is said at its first
// wrong call.
static bool told_hidden(Bind *b, const Signature *s) {
    if (!s->hides) return false;
    bool told = map_get(b->reported, s->called) != NULL;
    map_set(b->reported, s->called, b->definition);
    return told;
}

static void help_hidden(Bind *b, const Signature *s, Diagnostic *d) {
    if (s->hides)
        diagnostic_help(b->ctx, d,
                        "the `%s` of this file hides the library's: give it another name to have both",
                        s->called);
}

static void report_count(Bind *b, const Signature *s, const Node *call, int given) {
    if (told_hidden(b, s)) return;
    Diagnostic *d =
        report(b, TOO_MANY_ARGUMENTS, call->span, s->called, s->count, s->count == 1 ? "" : "s", given);
    if (s->own) diagnostic_note(b->ctx, d, s->spans[0], "its signature begins here");
    help_hidden(b, s, d);
    if (s->reduces)
        diagnostic_help(b->ctx, d, "over one dimension it is written with an index: `%s[i] x[b, i]`",
                        s->called);
}

// dense(x, units), or x |> dense(units): what must be given.
static const char *needed_text(const Bind *b, const Signature *s, const Call *call) {
    Text text = {.arena = b->ctx->arena};
    for (int i = 0; i < call->piped && !call->runs; i++) text_add(&text, "%s |> ", s->names[i]);
    text_add(&text, "%s(", s->called);
    const char *before = "";
    for (int i = call->piped; i < s->count; i++) {
        if (!s->needed[i]) continue;
        text_add(&text, "%s%s", before, s->names[i]);
        before = ", ";
    }
    text_put(&text, ")");
    return text_string(&text);
}

static void report_missing(Bind *b, const Signature *s, const Call *call, int k) {
    if (told_hidden(b, s)) return;
    Diagnostic *d = report(b, MISSING_ARGUMENT, call->node->span, s->called, s->names[k]);
    if (s->own) diagnostic_note(b->ctx, d, s->spans[k], "it has no default");
    help_hidden(b, s, d);
    if (!s->own) diagnostic_help(b->ctx, d, "it is called as `%s`", needed_text(b, s, call));
}

// The first parameter that must be given and is not, or -1. Of a layer that stands as a value only its
// settings count.
static int missing(const Signature *s, const bool *filled, int from, bool settings_only) {
    for (int i = from; i < s->count; i++)
        if (s->needed[i] && !filled[i] && !(settings_only && s->tensor[i])) return i;
    return -1;
}

// The arguments by name: each known, none given by position too. Returns how many stand without a name.
static int check_named(Bind *b, const Signature *s, const Call *call, bool by_position, bool *filled) {
    int plain = 0;
    for (int i = 0; i < call->count; i++) {
        const Node *a = call->items[i];
        if (a->kind != AST_NAMED) {
            plain++;
            continue;
        }
        int k = find_parameter(s, a->name);
        if (k < 0)
            report_setting(b, s, a, call->piped);
        else if (by_position && k < call->piped + plain && k < s->plain)
            report(b, ARGUMENT_TWICE, a->name_span, a->name);
        if (k >= 0) filled[k] = true;
    }
    return plain;
}

// Do the arguments fit? `partial`: a call that names only settings may leave out others (rule 19).
static bool check_signature(Bind *b, const Signature *s, const Call *call, bool layer, bool partial) {
    bool *filled = arena_array(b->ctx->arena, bool, s->count + 1);
    int errors = b->errors;
    bool by_position = call->piped || !layer;
    int plain = check_named(b, s, call, by_position, filled), given = call->piped + plain, k = -1;
    if (b->errors > errors || b->wrong_arguments) return false; // how many there are may follow from that
    if (given > s->count && !s->any_number)
        report_count(b, s, call->node, given);
    else if (by_position)
        k = partial && !plain && call->count ? -1 : missing(s, filled, given, false);
    else if (!plain)
        k = missing(s, filled, 0, true);
    if (k >= 0) report_missing(b, s, call, k);
    return k < 0 && (given <= s->count || s->any_number);
}

// The values by parameter, those by position from parameter `skip` on; what a signature of any number takes
// follows.
static void match_arguments(Bind *b, Phrase *p, const Signature *s, const Call *call, int skip) {
    int next = skip;
    phrase_room(b, p, s->count);
    for (int i = 0; i < call->count; i++) {
        const Node *a = call->items[i];
        int k = a->kind == AST_NAMED ? find_parameter(s, a->name) : next++;
        if (a->kind != AST_NAMED && k >= s->plain) k += s->count - s->plain;
        if (k >= s->count && s->any_number) phrase_room(b, p, k + 1 - p->count);
        if (k >= 0 && k < p->count && !p->part[k]) p->part[k] = call->given[i];
    }
}

// ---- calls of definitions ----

Site *site_new(Bind *b, const char *definition, const char *name) {
    Site *site = arena_new(b->ctx->arena, Site);
    *site = (Site){name ? name : definition, name != NULL, 0};
    return site;
}

// A layer without its tensors, or a function without what it needs: the thing itself.
static bool is_value(const Signature *s, const Call *call, bool layer) {
    if (call->piped) return true;
    if (call->count && call->items[0]->kind != AST_NAMED) {
        Sort first = call->given[0]->sort;
        return layer && !sort_is_input(first) && !(first.kind == KIND_ANY && first.phase == PHASE_ROWS);
    }
    bool tensor = false, lacks = false;
    for (int k = 0; k < s->count; k++) {
        bool given = false;
        for (int i = 0; i < call->count; i++) given |= string_equal(call->items[i]->name, s->names[k]);
        tensor |= given && s->tensor[k] && s->needed[k];
        lacks |= !given && s->needed[k];
    }
    return layer ? !tensor : lacks && call->count;
}

// A layer has parameters of its own, for which a function has no place.
static bool layer_in_fn(Bind *b, const Node *definition, const Node *call) {
    const Node *d = b->definition->node;
    if (!is_define(d, DEFINE_FN) || definition->definition != DEFINE_LAYER) return false;
    Diagnostic *message = report(b, LAYER_IN_FN, call->span, definition->name, d->name);
    diagnostic_help(b->ctx, message, "make it a `layer`");
    return true;
}

// A watch sees the clock of the run, at the end of each epoch.
static bool watch_has_place(Bind *b, const Node *callee) {
    const Node *d = b->definition->node;
    bool rows = is_layer_define(d) || is_define(d, DEFINE_METRIC), inside = is_define(d, DEFINE_WATCH);
    if (d->kind != AST_DATA && !rows && !inside) return true;
    report(b, WATCH_PLACE, callee->span, callee->name, kind_phrase(d));
    return false;
}

// What is measured of the training rows is measured before the run.
void check_measures(Bind *b, const Node *callee, const Definition *d) {
    const Node *around = b->definition->node;
    if (!d->measures || around->kind == AST_DATA || is_define(around, DEFINE_FN)) return;
    report(b, MEASURE_PLACE, callee->span, callee->name, kind_phrase(around));
}

// What a name before ( ) or after |> is at file level. False after a message.
static bool check_callable(Bind *b, const Call *call, const Node *found) {
    bool metric = is_define(found, DEFINE_METRIC) && !b->metrics_ok;
    if (is_define(found, DEFINE_WATCH)) return watch_has_place(b, call->callee);
    if (found->kind == AST_DEFINE && found->definition != DEFINE_OPTIMIZER && !metric)
        return !layer_in_fn(b, found, call->node);
    if (map_get(b->reported, call->callee->name)) return false;
    map_set(b->reported, call->callee->name, b->definition);
    Diagnostic *d =
        report_kind(b, call->callee->span, call->callee->name, kind_phrase(found), "a layer or a function");
    if (metric) diagnostic_help(b->ctx, d, "metrics stand in `metrics = [...]` of a `train` block");
    return false;
}

// What could be read of a call that has had its message.
static Phrase *wrong_call(Bind *b, const Call *call) {
    Phrase *p = phrase_new(b, PHRASE_WRONG, call->node, call->count);
    for (int i = 0; i < call->count; i++) p->part[i] = call->given[i];
    return phrase_done(b, p);
}

static Phrase *call_definition(Bind *b, const Call *call, const Node *found) {
    if (!check_callable(b, call, found)) return wrong_call(b, call);
    if (found->definition == DEFINE_MODEL) b->model_called = true;
    bool layer = is_layer_define(found);
    Signature s = signature_of(b, found);
    bool right = check_signature(b, &s, call, layer, found->definition == DEFINE_FN);
    bool value = is_value(&s, call, layer);
    Phrase *p = phrase_new(b, value ? PHRASE_MAKE : PHRASE_APPLY, call->node, 0);
    int skip = call->piped;
    while (value && layer && !call->piped && skip < s.count && s.tensor[skip]) skip++;
    match_arguments(b, p, &s, call, skip);
    p->definition = definition_of_node(b->library, found);
    check_measures(b, call->callee, p->definition);
    if (found->definition == DEFINE_LAYER) p->site = site_new(b, found->name, value ? call->name : NULL);
    phrase_done(b, p);
    if (!right) p->sort.kind = KIND_WRONG;
    return p;
}

// ---- calls of what the language knows ----

// What is measured is a tensor: so is `x` of a rows_mean(x).
static void check_measured(const Phrase *p) {
    if (p->count && p->part[0] && p->part[0]->kind == PHRASE_SLOT) p->part[0]->slot->stored = true;
}

// grad(e, x): x is a name, so that it has a tensor of its own.
static void check_grad(Bind *b, Phrase *p) {
    const Phrase *by = p->part[1];
    if (by->kind == PHRASE_SLOT) by->slot->stored = true;
    if (by->kind == PHRASE_SLOT || by->kind == PHRASE_MEMBER || by->kind == PHRASE_WRONG) return;
    Diagnostic *d = report(b, GRAD_NAME, by->span);
    diagnostic_help(b->ctx, d,
                    "give it a name first: `part = x[:, 0, :]`, and what is derived is computed from `part`");
}

static Phrase *call_builtin(Bind *b, const Call *call, const Builtin *row) {
    bool word = string_equal(row->parameters, "-");
    if (word || (row->group == GROUP_READER && call->piped)) {
        report_kind(b, call->callee->span, row->name, word ? "a word" : "a reader",
                    word ? "a function" : "a layer or a function");
        return wrong_call(b, call);
    }
    // max and min are functions of two numbers and of one tensor
    const Builtin *reduction = builtin_find(row->name, 1u << GROUP_REDUCTION);
    if (reduction && call->piped + call->count == 1) row = reduction;
    if (row->group == GROUP_DRAW && call->piped) { // it draws between two numbers, whatever the shape
        report(b, TOO_MANY_ARGUMENTS, call->node->span, row->name, 2, "s", call->count);
        return wrong_call(b, call);
    }
    Signature s = signature_of_builtin(b, row);
    if (!check_signature(b, &s, call, false, false)) return wrong_call(b, call);
    bool grad = string_equal(row->name, "grad") && !call->piped;
    Phrase *p = phrase_new(b, PHRASE_BUILTIN, call->node, 0);
    match_arguments(b, p, &s, call, call->piped);
    p->builtin = row;
    if (row->group == GROUP_DRAW) p->kind = PHRASE_DRAW;
    if (row->group == GROUP_MEASURE) check_measured(p);
    if (grad) p->kind = PHRASE_GRAD;
    if (grad) check_grad(b, p);
    return phrase_done(b, p);
}

// ---- calls ----

// What has no signature here: a setting, a layer with a name, what an expression gives.
static Phrase *call_phrase(Bind *b, const Call *call, Phrase *applied) {
    if (call->node == call->callee) return applied;
    Phrase *p = phrase_new(b, call->piped ? PHRASE_MAKE : PHRASE_APPLY, call->node, call->count + 1);
    p->part[0] = applied;
    for (int i = 0; i < call->count; i++) p->part[i + 1] = call->given[i];
    return phrase_done(b, p);
}

static const Node *member_of(Bind *b, const Node *callee) {
    bool member = callee->kind == AST_MEMBER && callee->base->kind == AST_NAME;
    return member && !scope_find(b, callee->base->name) ? library_callee(b->library, callee) : NULL;
}

static Phrase *call_slot(Bind *b, const Call *call, Slot *slot) {
    slot->used = true;
    Phrase *p = phrase_new(b, slot->kind == SLOT_WRONG ? PHRASE_WRONG : PHRASE_SLOT, call->callee, 0);
    p->slot = slot;
    return call_phrase(b, call, phrase_done(b, p));
}

static Phrase *call_any(Bind *b, const Call *call) {
    const Node *callee = call->callee;
    if (callee->kind != AST_NAME) {
        const Node *member = member_of(b, callee);
        if (member && member->kind != AST_CONSTANT) return call_definition(b, call, member);
        return call_phrase(b, call, bind_value(b, callee));
    }
    Slot *slot = scope_find(b, callee->name);
    if (slot) return call_slot(b, call, slot);
    // what is read has its word in a data block, whatever else in the file is called so
    const Builtin *reader = builtin_find(callee->name, b->groups & 1u << GROUP_READER);
    if (reader) return call_builtin(b, call, reader);
    const Node *found = library_find(b->library, callee->span, callee->name);
    if (found && found->kind == AST_CONSTANT)
        return call_phrase(b, call, bind_definition_name(b, callee, found, NULL));
    if (found) return call_definition(b, call, found);
    const Builtin *row = builtin_find(callee->name, b->groups);
    if (row) return call_builtin(b, call, row);
    found = library_rule(b->library, callee->span, NULL, DEFINE_WATCH, callee->name);
    if (found) return call_definition(b, call, found);
    report_unknown(b, callee->name, callee->span);
    return wrong_call(b, call);
}

static void bind_arguments_of(Bind *b, Call *call) {
    call->given = arena_array(b->ctx->arena, Phrase *, call->count);
    for (int i = 0; i < call->count; i++) {
        const Node *a = call->items[i];
        call->given[i] = bind_value(b, a->kind == AST_NAMED ? a->value : a);
    }
}

Phrase *bind_call(Bind *b, const Node *node, bool piped, const char *name) {
    const Node *callee = node->base;
    Call call = {callee, node, (const Node *const *)node->items, node->count, piped, NULL, name, false};
    bool outer = b->subscript;
    int errors = b->errors;
    b->subscript = outer && callee->kind == AST_NAME && builtin_find(callee->name, 1u << GROUP_SCALAR);
    bind_arguments_of(b, &call);
    b->subscript = false;
    b->wrong_arguments = b->errors > errors;
    Phrase *p = call_any(b, &call);
    b->wrong_arguments = false;
    b->subscript = outer;
    return p;
}

Phrase *bind_stage(Bind *b, const Node *callee) {
    Call call = {.callee = callee, .node = callee, .piped = 1};
    return call_any(b, &call);
}

// ---- the run's own rules ----

// "norm(c) or value(c)": the calls of one kind that the file knows.
static const char *rules_text(Bind *b, const Node *const *rules, int count) {
    Text text = {.arena = b->ctx->arena};
    for (int i = 0; i < count; i++) {
        int given = definition_row(rules[i]->definition)->given;
        text_add(&text, "%s%s(", !i ? "" : i + 1 < count ? ", " : " or ", rules[i]->name);
        for (int k = given; k < rules[i]->count; k++)
            text_add(&text, "%s%s", k > given ? ", " : "", rules[i]->items[k]->name);
        text_put(&text, ")");
    }
    return text_string(&text);
}

// What is asked for instead, and which of these names was meant.
static void report_asked(Bind *b, const Call *call, const char *asked, const char **names, int count) {
    const Node *callee = call->callee;
    Diagnostic *d = report_word(b, call->node->span, asked);
    const char *near = callee->kind == AST_NAME ? string_nearest(callee->name, names, count) : NULL;
    diagnostic_meant(b->ctx, d, callee->span, near);
}

// Behind a setting stands a call of what it asks for: `given` of its parameters are the run's.
static Phrase *bind_asked(Bind *b, PhraseKind kind, Call *call, const Signature *s) {
    const Node *e = call->node;
    if (e->kind == AST_CALL) call->items = (const Node *const *)e->items, call->count = e->count;
    check_signature(b, s, call, false, false);
    bind_arguments_of(b, call);
    Phrase *p = phrase_new(b, kind, e, 0);
    match_arguments(b, p, s, call, call->piped);
    return p;
}

static void report_no_rule(Bind *b, const Call *call, DefinitionKind kind, const Node *found) {
    const Node *e = call->node, *callee = call->callee;
    Slot *slot = callee->kind == AST_NAME ? scope_find(b, callee->name) : NULL;
    bool library = callee->kind == AST_MEMBER && callee->base->kind == AST_NAME &&
                   library_named(b->library, callee->span, callee->base->name);
    if (definition_row(kind)->apart && !library) {
        const Node *rules[64];
        const char *names[64];
        int count = library_rules(b->library, e->span, kind, rules, 64);
        for (int i = 0; i < count; i++) names[i] = rules[i]->name;
        report_asked(b, call, rules_text(b, rules, count), names, count);
        return;
    }
    if (!found && callee->kind == AST_NAME && !slot) {
        report_unknown(b, callee->name, callee->span);
        return;
    }
    if (!found && library) {
        report_member(b, callee);
        return;
    }
    const Node *quoted = e->kind == AST_TEXT ? library_rule(b->library, e->span, NULL, kind, e->name) : NULL;
    const char *what = found ? kind_phrase(found) : slot ? "a value" : quoted ? "a text" : "no definition";
    const char *written = node_text(b->ctx->arena, callee);
    Diagnostic *d = report_kind(b, e->span, written, what, definition_row(kind)->phrase);
    if (is_define(quoted, kind))
        diagnostic_help(b->ctx, d, "without quotes, as a call: `%s`",
                        call_text(b, quoted, definition_row(kind)->given));
    if (!slot) return;
    diagnostic_note(b->ctx, d, slot->span, "it is given here, and hides what has its name elsewhere");
    slot->used = true;
}

// Nothing hides the names of a kind that stands apart.
static const Node *find_rule(Bind *b, const Node *callee, DefinitionKind kind) {
    const Node *first = callee->kind == AST_MEMBER ? callee->base : callee;
    bool hidden = !definition_row(kind)->apart || callee->kind == AST_MEMBER;
    if (first->kind != AST_NAME || (hidden && scope_find(b, first->name))) return NULL;
    return library_rule(b->library, callee->span, first == callee ? NULL : first->name, kind, callee->name);
}

Phrase *bind_rule(Bind *b, const Node *e, DefinitionKind kind) {
    const Node *callee = e->kind == AST_CALL ? e->base : e, *found = find_rule(b, callee, kind);
    int given = definition_row(kind)->given;
    Call call = {.callee = callee, .node = e, .piped = given, .runs = true};
    if (!is_define(found, kind)) {
        report_no_rule(b, &call, kind, found);
        return wrong_call(b, &call);
    }
    if (found->count < given) return wrong_call(b, &call); // its signature is reported where it stands
    Signature s = signature_of(b, found);
    Phrase *p = bind_asked(b, PHRASE_MAKE, &call, &s);
    p->definition = definition_of_node(b->library, found);
    return phrase_done(b, p);
}

// ---- words of settings ----

Phrase *bind_word(Bind *b, const Node *e, uint32_t groups, const char *asked) {
    Call call = {.callee = e->kind == AST_CALL ? e->base : e, .node = e};
    const Builtin *row = call.callee->kind == AST_NAME ? builtin_find(call.callee->name, groups) : NULL;
    bool word = row && string_equal(row->parameters, "-");
    if (!row || word != (e->kind == AST_NAME)) {
        const char *names[64];
        int count = 0;
        for (int i = 0; (row = builtin_row(i)); i++)
            if ((groups & 1u << row->group) && count < 64) names[count++] = row->name;
        report_asked(b, &call, asked, names, count);
        return wrong_call(b, &call);
    }
    Signature s = signature_of_builtin(b, row);
    Phrase *p = word ? phrase_new(b, PHRASE_WORD, e, 0) : bind_asked(b, PHRASE_BUILTIN, &call, &s);
    p->builtin = row;
    return phrase_done(b, p);
}
