// Expressions: names, operators, conditions, pipes.
// Needs a scope; guarantees that each name is known there and of a kind that can stand at its place.
#include "bind/scope.h"

// ---- names ----

// An index that hides a size of its name may stand in subscripts only (rule 2).
static void check_hiding(Bind *b, const Node *name, const Slot *slot) {
    if (b->subscript || slot->kind != SLOT_INDEX || !scope_holds(b, name->name, SLOT_SIZE)) return;
    Diagnostic *d = report(b, SIZE_AND_INDEX, name->span, name->name);
    diagnostic_note(b->ctx, d, slot->span, "the index is bound here");
    diagnostic_help(b->ctx, d, "give the index another letter");
}

static Phrase *bind_slot(Bind *b, const Node *e, Slot *slot) {
    slot->used = true;
    check_hiding(b, e, slot);
    if (slot->kind == SLOT_RESULT && !slot->given) {
        report_early(b, e->name, e->span, slot->span, "it is a result of this definition");
        slot->kind = SLOT_WRONG;
    }
    if (slot->kind == SLOT_WRONG) return phrase_wrong(b, e);
    Phrase *p = phrase_new(b, PHRASE_SLOT, e, 0);
    p->slot = slot;
    return phrase_done(b, p);
}

// Layers and functions are values, others are not.
Phrase *bind_definition_name(Bind *b, const Node *e, const Node *found, const char *name) {
    bool metric = is_define(found, DEFINE_METRIC) && !b->metrics_ok;
    bool rule = is_define(found, DEFINE_OPTIMIZER) || is_define(found, DEFINE_WATCH);
    if (found->kind == AST_DATA || metric || rule) {
        report_kind(b, e->span, e->name, kind_phrase(found), "a value");
        return phrase_wrong(b, e);
    }
    Definition *d = definition_of_node(b->library, found);
    bool constant = found->kind == AST_CONSTANT;
    if (constant && d->state == BINDING) {
        const Node *holder = b->definition->node->kind == AST_CONSTANT ? b->definition->node : found;
        report(b, CYCLE, holder->name_span, holder->name);
        return phrase_wrong(b, e);
    }
    Phrase *p = phrase_new(b, constant ? PHRASE_DEFINITION : PHRASE_MAKE, e, constant ? 0 : found->count);
    p->definition = d;
    check_measures(b, e, d);
    if (is_define(found, DEFINE_LAYER)) p->site = site_new(b, found->name, name);
    return phrase_done(b, p);
}

static Phrase *bind_name(Bind *b, const Node *e, const char *name) {
    Slot *slot = scope_find(b, e->name);
    if (slot) return bind_slot(b, e, slot);
    // What the run measured, by its name: not where it is measured.
    bool metric = b->metrics && !b->metrics_ok && map_get(b->metrics, e->name);
    const Node *found = library_find(b->library, e->span, e->name);
    if (found && !metric) return bind_definition_name(b, e, found, name);
    const Builtin *row = metric ? NULL : builtin_find(e->name, b->groups);
    if (!metric && !row) {
        found = library_rule(b->library, e->span, NULL, DEFINE_WATCH, e->name);
        if (found) return bind_definition_name(b, e, found, name);
        report_unknown(b, e->name, e->span);
        return phrase_wrong(b, e);
    }
    bool word = metric || string_equal(row->parameters, "-") || (row->group == GROUP_READER && !row->needed);
    if (!word && row->group == GROUP_READER) {
        report_kind(b, e->span, e->name, "a reader", "a value");
        return phrase_wrong(b, e);
    }
    Phrase *p = phrase_new(b, word ? PHRASE_WORD : PHRASE_BUILTIN, e, 0);
    p->builtin = row;
    p->text = e->name;
    return phrase_done(b, p);
}

// test.accuracy: a metric of a held-out part.
static void check_part(Bind *b, const Node *e) {
    const char *part = e->base->name;
    if (!b->data || !b->metrics) return;
    if (string_equal(e->name, "loss") || map_get(b->metrics, e->name)) return;
    const char **names = arena_array(b->ctx->arena, const char *, map_count(b->metrics) + 1);
    int count = 0;
    for (; count < map_count(b->metrics); count++) names[count] = map_key(b->metrics, count);
    names[count++] = "loss";
    Diagnostic *d = report(b, UNKNOWN_METRIC, e->name_span, part, e->name);
    const char *near = string_nearest(e->name, names, count);
    if (!diagnostic_meant(b->ctx, d, e->span,
                          near ? string_format(b->ctx->arena, "%s.%s", part, near) : NULL))
        diagnostic_help(b->ctx, d, "what is measured stands in `metrics = [...]`");
}

static Phrase *bind_member(Bind *b, const Node *e, const char *name) {
    const Node *base = e->base;
    bool plain = base->kind == AST_NAME && !scope_find(b, base->name);
    if (plain && library_named(b->library, base->span, base->name)) {
        const Node *found = library_member(b->library, e->span, base->name, e->name);
        if (found) return bind_definition_name(b, e, found, name);
        report_member(b, e);
        return phrase_wrong(b, e);
    }
    const Builtin *row = plain ? builtin_find(base->name, b->groups & 1u << GROUP_TRAIN) : NULL;
    bool part = row && (string_equal(row->name, "test") || string_equal(row->name, "validation"));
    if (!part && plain && !library_find(b->library, base->span, base->name) &&
        !builtin_find(base->name, b->groups)) {
        report_library(b, e);
        return phrase_wrong(b, e);
    }
    Phrase *p = phrase_new(b, PHRASE_MEMBER, e, 1);
    if (part)
        check_part(b, e);
    else
        p->part[0] = bind_value(b, base);
    p->builtin = part ? row : NULL;
    p->text = e->name;
    return phrase_done(b, p);
}

// ---- conditions ----

// Binds a text that stands on one side of a condition, which may come after it.
static Phrase *bind_side(Bind *b, const Node *e, Branch *branch, const char *name) {
    const Branch *outer = b->under;
    branch->outer = outer;
    b->under = branch;
    Phrase *p = e ? bind_named(b, e, name) : NULL;
    b->under = outer;
    return p;
}

// A layer that is there under a condition has its name as one without.
static Phrase *bind_if(Bind *b, const Node *e, const char *name) {
    Phrase *p = phrase_new(b, PHRASE_IF, e, 3);
    Branch *yes = arena_new(b->ctx->arena, Branch), *no = arena_new(b->ctx->arena, Branch);
    p->part[0] = bind_side(b, e->value, yes, e->otherwise ? NULL : name);
    p->part[1] = bind_value(b, e->condition);
    yes->condition = no->condition = p->part[1];
    yes->side = true;
    p->part[2] = bind_side(b, e->otherwise, no, NULL);
    return phrase_done(b, p);
}

static Phrase *bind_operator(Bind *b, const Node *e) {
    bool binary = e->kind == AST_BINARY;
    bool joins = binary && (e->op == OPERATOR_AND || e->op == OPERATOR_OR);
    Phrase *p = phrase_new(b, binary ? PHRASE_BINARY : PHRASE_UNARY, e, binary ? 2 : 1);
    p->part[0] = bind_value(b, e->kid[0]);
    if (joins) {
        Branch *branch = arena_new(b->ctx->arena, Branch);
        *branch = (Branch){p->part[0], e->op == OPERATOR_AND, NULL};
        p->part[1] = bind_side(b, e->right, branch, NULL);
    } else if (binary) {
        p->part[1] = bind_value(b, e->right);
    }
    return phrase_done(b, p);
}

// ---- expressions ----

static Phrase *bind_pipe(Bind *b, const Node *e, const char *name) {
    Phrase *p = phrase_new(b, PHRASE_PIPE, e, 2);
    p->part[0] = bind_value(b, e->left);
    const Node *stage = e->right;
    if (stage && stage->kind == AST_CALL)
        p->part[1] = bind_call(b, stage, true, NULL);
    else if (stage && (stage->kind == AST_NAME || stage->kind == AST_MEMBER))
        p->part[1] = bind_stage(b, stage);
    else if (stage)
        p->part[1] = bind_value(b, stage);
    uint8_t head = p->part[0]->sort.kind;
    if (name && (head == KIND_CALLABLE || head == KIND_ANY)) p->site = site_new(b, NULL, name);
    return phrase_done(b, p);
}

void bind_items(Bind *b, Phrase *into, const Node *const *items, int count) {
    int first = into->count;
    phrase_room(b, into, count);
    for (int i = 0; i < count; i++) into->part[first + i] = bind_value(b, items[i]);
}

// A phrase that holds what its node holds.
static Phrase *bind_plain(Bind *b, const Node *e, PhraseKind kind, int kids) {
    Phrase *p = phrase_new(b, kind, e, kids);
    for (int i = 0; i < kids; i++) p->part[i] = e->kid[i] ? bind_value(b, e->kid[i]) : NULL;
    bind_items(b, p, (const Node *const *)e->items, e->count);
    if (kind == PHRASE_NUMBER)
        p->value = e->number;
    else
        p->text = e->name;
    return phrase_done(b, p);
}

// A path as `summary` prints it (net.conv2d_1[0].k), `*` for one or more of its parts.
static Phrase *bind_path(Bind *b, const Node *e) {
    const Node *known = e; // without rounds and `*`
    for (const Node *n = e; n->kind == AST_MEMBER || n->kind == AST_INDEX; n = n->base)
        if (n->kind == AST_INDEX || string_equal(n->name, "*")) known = n->base;
    Phrase *p = phrase_new(b, PHRASE_PATH, e, 1);
    p->text = node_text(b->ctx->arena, e);
    b->selects = false;
    p->part[0] = bind_value(b, known);
    b->selects = true;
    return phrase_done(b, p);
}

// What stands after `over` or `of`: paths, words, lists of these. The rest is no selection.
static Phrase *bind_selected(Bind *b, const Node *e) {
    const Node *callee = e->kind == AST_CALL ? e->base : e;
    bool word = callee->kind == AST_NAME && !scope_find(b, callee->name) &&
                builtin_find(callee->name, 1u << GROUP_SELECT);
    if (word) return bind_word(b, e, 1u << GROUP_SELECT, "a model, a layer, kernels(...), rest or all");
    switch ((int)e->kind) {
    case AST_NAME:
    case AST_MEMBER:
    case AST_INDEX: return bind_path(b, e);
    case AST_LIST: return bind_plain(b, e, PHRASE_LIST, 0);
    case AST_NAMED: return bind_plain(b, e, PHRASE_NAMED, 1);
    default: break;
    }
    b->selects = false;
    Phrase *p = bind_value(b, e);
    b->selects = true;
    return p;
}

Phrase *bind_selection(Bind *b, const Node *e) {
    b->selects = true;
    Phrase *p = bind_selected(b, e);
    b->selects = false;
    return p;
}

Phrase *bind_named(Bind *b, const Node *e, const char *name) {
    if (b->selects) return bind_selected(b, e);
    switch ((int)e->kind) {
    case AST_NAME: return bind_name(b, e, name);
    case AST_MEMBER: return bind_member(b, e, name);
    case AST_CALL: return bind_call(b, e, false, name);
    case AST_PIPE: return bind_pipe(b, e, name);
    case AST_REPEAT: return bind_repeat(b, e, name);
    case AST_INDEX: return bind_read(b, e);
    case AST_REDUCE: return bind_reduce(b, e);
    case AST_IF: return bind_if(b, e, name);
    case AST_UNARY:
    case AST_BINARY: return bind_operator(b, e);
    case AST_NUMBER:
    case AST_BOOL: return bind_plain(b, e, PHRASE_NUMBER, 0);
    case AST_TEXT: return bind_plain(b, e, PHRASE_TEXT, 0);
    case AST_LIST: return bind_plain(b, e, PHRASE_LIST, 0);
    case AST_NAMED: return bind_plain(b, e, PHRASE_NAMED, 1);
    case AST_RANGE: return bind_plain(b, e, PHRASE_RANGE, 2);
    case AST_DOTS: return bind_plain(b, e, PHRASE_DOTS, 0);
    case AST_WHOLE: return bind_plain(b, e, PHRASE_WHOLE, 0);
    default: die("%s stands where a value is bound", node_kind_word(e->kind));
    }
}

Phrase *bind_value(Bind *b, const Node *e) { return bind_named(b, e, NULL); }
