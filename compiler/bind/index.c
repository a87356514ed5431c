// Brackets: what binds indices (rules 2 and 4), reads and reductions (rules 5 and 6).
// Guarantees: an index is bound once in its brackets, and a declared tensor has as many subscripts as
// dimensions.
#include "bind/scope.h"

static const Node *const *entries(const Node *n) { return (const Node *const *)n->items; }

// ---- what binds ----

const Node *stated_index(const Node *item) {
    bool stated = item->kind == AST_BINARY && item->op == OPERATOR_LESS && item->left->kind == AST_NAME;
    return stated ? item->left : NULL;
}

static Slot *add_index(Bind *b, const Node *name) {
    Slot *own = scope_own(b, name->name);
    if (own && own->kind == SLOT_INDEX) {
        Diagnostic *d = report(b, INDEX_TWICE, name->span, name->name);
        diagnostic_note(b->ctx, d, own->span, "it is bound here already");
        return own;
    }
    return scope_add(b, name->name, SLOT_INDEX, name->span);
}

// In an affine form on the left (dx[2 * i + 1] = …) the names that nothing gives are its indices.
static void bind_affine(Bind *b, const Node *e) {
    if (!e) return;
    if (e->kind == AST_NAME && !scope_find(b, e->name) && !library_find(b->library, e->span, e->name))
        scope_add(b, e->name, SLOT_INDEX, e->span);
    if (e->kind == AST_BINARY || e->kind == AST_UNARY)
        for (int i = 0; i < 2; i++) bind_affine(b, e->kid[i]);
}

// `i < n if c`: what stands before its filter.
static const Node *entry_of(const Node *item) { return item->kind == AST_IF ? item->value : item; }

static Binder bind_entry(Bind *b, const Node *item, Phrase *limit) {
    Binder binder = {.kind = BINDER_INDEX, .limit = limit, .span = item->span};
    const Node *stated = stated_index(item);
    if (item->kind == AST_DOTS) {
        binder.kind = BINDER_DOTS;
    } else if (item->kind == AST_WHOLE) {
        binder.kind = BINDER_WHOLE;
    } else if (stated || item->kind == AST_NAME) {
        binder.index = add_index(b, stated ? stated : item);
    } else {
        binder.kind = BINDER_FORM;
        bind_affine(b, item);
        bool outer = b->subscript;
        b->subscript = true;
        binder.form = bind_value(b, item);
        b->subscript = outer;
    }
    return binder;
}

void bind_binders(Bind *b, Phrase *into, const Node *const *items, int count) {
    Phrase **limits = arena_array(b->ctx->arena, Phrase *, count);
    for (int i = 0; i < count; i++) { // ranges are read before an index can hide their sizes
        const Node *item = entry_of(items[i]);
        if (stated_index(item)) limits[i] = bind_value(b, item->right);
    }
    into->binder = arena_array(b->ctx->arena, Binder, count);
    into->binders = count;
    for (int i = 0; i < count; i++) into->binder[i] = bind_entry(b, entry_of(items[i]), limits[i]);
    for (int i = 0; i < count; i++)
        if (items[i]->kind == AST_IF) into->binder[i].filter = bind_value(b, items[i]->condition);
    for (int i = 0; i < count; i++) {
        Phrase *const held[] = {into->binder[i].limit, into->binder[i].form, into->binder[i].filter};
        for (int k = 0; k < 3; k++)
            if (held[k]) phrase_add(b, into, held[k]);
    }
}

// ---- reductions ----

// What reduces: a built-in reduction, a function of one tensor, or a setting.
static void bind_reducer(Bind *b, Phrase *p, const Node *f) {
    Slot *slot = f->kind == AST_NAME ? scope_find(b, f->name) : NULL;
    const Node *found = f->kind == AST_NAME && !slot ? library_find(b->library, f->span, f->name) : NULL;
    const Builtin *row = f->kind == AST_NAME ? builtin_find(f->name, 1u << GROUP_REDUCTION) : NULL;
    if (slot || f->kind != AST_NAME)
        p->part[0] = bind_value(b, f);
    else if (found && is_define(found, DEFINE_FN))
        p->definition = definition_of_node(b->library, found);
    else if (found)
        report_kind(b, f->span, f->name, kind_phrase(found), "a reduction");
    else if (row && builtin_find(f->name, b->groups))
        p->builtin = row;
    else if (builtin_find(f->name, b->groups))
        report_kind(b, f->span, f->name, "a function of numbers", "a reduction");
    else
        report_unknown(b, f->name, f->span);
    if (!p->part[0] && !p->definition && !p->builtin) p->kind = PHRASE_WRONG;
}

Phrase *bind_reduce(Bind *b, const Node *e) {
    Phrase *p = phrase_new(b, PHRASE_REDUCE, e, 1);
    bind_reducer(b, p, e->base);
    bool outer = b->subscript;
    b->subscript = false;
    scope_open(b);
    bind_binders(b, p, entries(e), e->count);
    phrase_add(b, p, bind_value(b, e->operand));
    scope_close(b);
    b->subscript = outer;
    return phrase_done(b, p);
}

// ---- reads ----

// `sum[i]` before a minus or the end of a line: a reduction that was meant to go on. What it would bind is
// known from here on.
static bool lacks_operand(Bind *b, const Node *e) {
    const Node *f = e->base;
    if (f->kind != AST_NAME || scope_find(b, f->name)) return false;
    const Node *found = library_find(b->library, f->span, f->name);
    if (found ? !is_define(found, DEFINE_FN) : !builtin_find(f->name, 1u << GROUP_REDUCTION)) return false;
    const char *text = node_text(b->ctx->arena, e);
    Diagnostic *d = report(b, NO_OPERAND, e->span, text);
    diagnostic_help(
        b->ctx, d, "what it reduces begins in the same line; one with a minus stands in parentheses: %s (-a)",
        text);
    for (int i = 0; i < e->count; i++)
        if (e->items[i]->kind == AST_NAME) map_set(b->reported, e->items[i]->name, b->definition);
    return true;
}

bool node_dots(const Node *e) {
    for (int i = 0; i < e->count; i++)
        if (e->items[i]->kind == AST_DOTS) return true;
    return false;
}

// As many subscripts as the declaration has dimensions, whatever their sizes are.
static void check_rank(Bind *b, const Node *e) {
    const Slot *slot = e->base->kind == AST_NAME ? scope_find(b, e->base->name) : NULL;
    const Node *declared = slot ? slot->declared : NULL;
    if (!declared || !declared->count || node_dots(declared) || node_dots(e) || declared->count == e->count)
        return;
    Diagnostic *d = report(b, SUBSCRIPT_COUNT, e->span, e->base->name, declared->count, e->count);
    diagnostic_note(b->ctx, d, declared->span, "it is declared here");
}

Phrase *bind_read(Bind *b, const Node *e) {
    if (lacks_operand(b, e)) return phrase_wrong(b, e);
    check_rank(b, e);
    Phrase *p = phrase_new(b, PHRASE_READ, e, 1);
    p->part[0] = bind_value(b, e->base);
    bool outer = b->subscript;
    b->subscript = true;
    bind_items(b, p, entries(e), e->count);
    b->subscript = outer;
    return phrase_done(b, p);
}
