// Names in expressions: values, subscripts, reductions, conditions.
// Needs a scope; guarantees that each name is known there and of a kind that can stand at its place.
#include "sema/scope.h"

static const Node *const *entries(const Node *n) { return (const Node *const *)n->items; }

// An index that hides a size of its name may stand in subscripts only (rule 2).
static void check_hiding(Resolver *r, const Node *name, const Local *local) {
    if (r->subscript || local->kind != LOCAL_INDEX || !scope_holds(r, name->name, LOCAL_SIZE)) return;
    Diagnostic *d = diagnose(r->ctx, SIZE_AND_INDEX, name->span, name->name);
    diagnostic_note(r->ctx, d, local->span, "the index is bound here");
    diagnostic_help(r->ctx, d, "give the index another letter");
}

// A definition's name as a value: layers and functions are values, others are not.
static void check_value_kind(Resolver *r, const Node *name, const Node *found) {
    bool metric = found->kind == AST_DEFINE && found->definition == DEFINE_METRIC && !r->metrics_ok;
    bool optimizer = found->kind == AST_DEFINE && found->definition == DEFINE_OPTIMIZER;
    if (found->kind == AST_DATA || metric || optimizer)
        diagnose(r->ctx, WRONG_KIND, name->span, name->name, kind_phrase(found), "a value");
}

static void resolve_name(Resolver *r, const Node *e) {
    Local *local = scope_find(r, e->name);
    if (local) {
        local->used = true;
        check_hiding(r, e, local);
        if (local->kind == LOCAL_RESULT && !local->given) {
            Diagnostic *d = diagnose(r->ctx, USED_BEFORE_GIVEN, e->span, e->name);
            diagnostic_note(r->ctx, d, local->span, "it is a result of this definition");
            local->kind = LOCAL_WRONG;
        }
        return;
    }
    const Node *found = library_find(r->library, e->span, e->name);
    bool metric = r->metrics && map_get(r->metrics, e->name); // what the run measures, by its name
    if (found && !metric) check_value_kind(r, e, found);
    if (found || metric) return;
    const Builtin *b = builtin_find(e->name, r->groups);
    if (!b) report_unknown(r, e->name, e->span);
}

// test.accuracy: a metric of a held-out part.
static void resolve_part(Resolver *r, const Node *e) {
    const char *part = e->base->name;
    if (!r->data || !r->metrics) return;
    if (string_equal(e->name, "loss") || map_get(r->metrics, e->name)) return;
    const char **names = arena_array(r->ctx->arena, const char *, map_count(r->metrics) + 1);
    int count = 0;
    for (; count < map_count(r->metrics); count++) names[count] = map_key(r->metrics, count);
    names[count++] = "loss";
    Diagnostic *d = diagnose(r->ctx, UNKNOWN_METRIC, e->name_span, part, e->name);
    const char *near = string_nearest(e->name, names, count);
    if (near)
        diagnostic_help(r->ctx, d, "did you mean `%s.%s`?", part, near);
    else
        diagnostic_help(r->ctx, d, "what is measured stands in `metrics = [...]`");
}

static void resolve_member(Resolver *r, const Node *e) {
    const Node *base = e->base;
    bool plain = base->kind == AST_NAME && !scope_find(r, base->name);
    if (plain && library_named(r->library, base->span, base->name)) {
        const Node *found = library_member(r->library, e->span, base->name, e->name);
        if (!found)
            report_member(r, e);
        else
            check_value_kind(r, e, found);
        return;
    }
    const Builtin *b = plain ? builtin_find(base->name, r->groups & 1u << GROUP_TRAIN) : NULL;
    if (b && (string_equal(b->name, "test") || string_equal(b->name, "validation")))
        resolve_part(r, e);
    else if (plain && !library_find(r->library, base->span, base->name) &&
             !builtin_find(base->name, r->groups))
        report_library(r, e);
    else
        resolve_value(r, base);
}

// `i < n` binds i and states its range; the range is read outside the brackets.
static const Node *stated(const Node *item) {
    return item->kind == AST_BINARY && item->op == OPERATOR_LESS && item->left->kind == AST_NAME ? item->left
                                                                                                 : NULL;
}

static void add_index(Resolver *r, const Node *name) {
    const Local *own = scope_own(r, name->name);
    if (own && own->kind == LOCAL_INDEX) {
        Diagnostic *d = diagnose(r->ctx, INDEX_TWICE, name->span, name->name);
        diagnostic_note(r->ctx, d, own->span, "it is bound here already");
        return;
    }
    scope_add(r, name->name, LOCAL_INDEX, name->span);
}

// In an affine form on the left (dx[2 * i + 1] = …) the names that nothing gives are its indices.
static void bind_affine(Resolver *r, const Node *e) {
    if (!e) return;
    if (e->kind == AST_NAME && !scope_find(r, e->name) && !library_find(r->library, e->span, e->name))
        scope_add(r, e->name, LOCAL_INDEX, e->span);
    if (e->kind == AST_BINARY || e->kind == AST_UNARY)
        for (int i = 0; i < 2; i++) bind_affine(r, e->kid[i]);
}

void bind_indices(Resolver *r, const Node *const *items, int count) {
    for (int i = 0; i < count; i++) { // ranges are read before an index can hide their sizes
        const Node *item = items[i]->kind == AST_IF ? items[i]->value : items[i];
        if (item && stated(item)) resolve_value(r, item->right);
    }
    for (int i = 0; i < count; i++) {
        const Node *item = items[i]->kind == AST_IF ? items[i]->value : items[i];
        if (!item || item->kind == AST_DOTS || item->kind == AST_WHOLE) continue;
        if (stated(item))
            add_index(r, stated(item));
        else if (item->kind == AST_NAME)
            add_index(r, item);
        else
            bind_affine(r, item);
    }
    for (int i = 0; i < count; i++)
        if (items[i]->kind == AST_IF) resolve_value(r, items[i]->condition);
}

void resolve_items(Resolver *r, const Node *const *items, int count) {
    for (int i = 0; i < count; i++) resolve_value(r, items[i]);
}

static void resolve_reduce(Resolver *r, const Node *e) {
    const Node *f = e->base;
    if (f->kind == AST_NAME) {
        Local *local = scope_find(r, f->name);
        const Node *found = local ? NULL : library_find(r->library, f->span, f->name);
        if (local)
            local->used = true;
        else if (found && (found->kind != AST_DEFINE || found->definition != DEFINE_FN))
            diagnose(r->ctx, WRONG_KIND, f->span, f->name, kind_phrase(found), "a reduction");
        else if (!found && builtin_find(f->name, r->groups) && !builtin_find(f->name, 1u << GROUP_REDUCTION))
            diagnose(r->ctx, WRONG_KIND, f->span, f->name, "a function of numbers", "a reduction");
        else if (!found && !builtin_find(f->name, r->groups))
            report_unknown(r, f->name, f->span);
    } else {
        resolve_value(r, f);
    }
    bool outer = r->subscript;
    r->subscript = false;
    scope_open(r);
    bind_indices(r, entries(e), e->count);
    if (e->operand) resolve_value(r, e->operand);
    scope_close(r);
    r->subscript = outer;
}

// `sum[i]` before a minus or the end of a line: a reduction that was meant to go on. What it would bind is
// known from here on.
static bool lacks_operand(Resolver *r, const Node *e) {
    const Node *f = e->base;
    if (f->kind != AST_NAME || scope_find(r, f->name)) return false;
    const Node *found = library_find(r->library, f->span, f->name);
    bool fn = found && found->kind == AST_DEFINE && found->definition == DEFINE_FN;
    if (found ? !fn : !builtin_find(f->name, 1u << GROUP_REDUCTION)) return false;
    Text text = {.arena = r->ctx->arena};
    node_print(&text, e);
    Diagnostic *d = diagnose(r->ctx, NO_OPERAND, e->span, text_string(&text));
    diagnostic_help(
        r->ctx, d, "what it reduces begins in the same line; one with a minus stands in parentheses: %s (-a)",
        text_string(&text));
    for (int i = 0; i < e->count; i++)
        if (e->items[i]->kind == AST_NAME) map_set(r->reported, e->items[i]->name, r);
    return true;
}

static bool has_dots(const Node *e) {
    for (int i = 0; i < e->count; i++)
        if (e->items[i]->kind == AST_DOTS) return true;
    return false;
}

// As many subscripts as the declaration has dimensions, whatever their sizes are.
static void check_rank(Resolver *r, const Node *e) {
    const Local *local = e->base->kind == AST_NAME ? scope_find(r, e->base->name) : NULL;
    const Node *declared = local ? local->declared : NULL;
    if (!declared || !declared->count || has_dots(declared) || has_dots(e) || declared->count == e->count)
        return;
    Diagnostic *d = diagnose(r->ctx, SUBSCRIPT_COUNT, e->span, e->base->name, declared->count, e->count);
    diagnostic_note(r->ctx, d, declared->span, "it is declared here");
}

static void resolve_index(Resolver *r, const Node *e) {
    if (lacks_operand(r, e)) return;
    check_rank(r, e);
    resolve_value(r, e->base);
    bool outer = r->subscript;
    r->subscript = true;
    resolve_items(r, entries(e), e->count);
    r->subscript = outer;
}

static void resolve_pipe(Resolver *r, const Node *e) {
    resolve_value(r, e->left);
    const Node *stage = e->right;
    if (!stage) return;
    if (stage->kind == AST_CALL)
        resolve_call(r, stage, 1);
    else if (stage->kind == AST_NAME || stage->kind == AST_MEMBER)
        resolve_callee(r, stage, 1);
    else
        resolve_value(r, stage);
}

static void resolve_kids(Resolver *r, const Node *e) {
    for (int i = 0; i < 3; i++)
        if (e->kid[i]) resolve_value(r, e->kid[i]);
}

void resolve_value(Resolver *r, const Node *e) {
    if (!e) return;
    switch ((int)e->kind) {
    case AST_NAME: resolve_name(r, e); break;
    case AST_MEMBER: resolve_member(r, e); break;
    case AST_CALL: resolve_call(r, e, 0); break;
    case AST_INDEX: resolve_index(r, e); break;
    case AST_REDUCE: resolve_reduce(r, e); break;
    case AST_PIPE: resolve_pipe(r, e); break;
    case AST_REPEAT: resolve_repeat(r, e); break;
    case AST_LIST: resolve_items(r, entries(e), e->count); break;
    case AST_NAMED: resolve_value(r, e->value); break;
    default: resolve_kids(r, e);
    }
}
