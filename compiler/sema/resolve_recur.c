// Loops (rule 13): the names they carry, and which way they run.
// Guarantees: what begins with a value is given by a line of the loop, and the loop's own reads run one way.
#include "sema/scope.h"

static const Node *const *entries(const Node *n) { return (const Node *const *)n->items; }

// ---- what the loop gives ----

static void collect_given(const Node *block, Map *given) {
    for (int i = 0; block && i < block->count; i++) {
        const Node *line = block->items[i],
                   *name = line->kind == AST_ASSIGN ? target_name(line->target) : NULL;
        if (name) map_set(given, name->name, (void *)name);
        if (line->kind == AST_RECUR) collect_given(line->range_block, given);
    }
}

static void check_carried(Resolver *r, const Node *s, const Map *given) {
    for (int i = 0; i < s->count; i++) {
        const Node *init = s->items[i];
        if (map_get(given, init->name)) continue;
        Diagnostic *d = diagnose(r->ctx, RECUR_NOT_GIVEN, init->name_span, init->name);
        const char **names = arena_array(r->ctx->arena, const char *, map_count(given) + 1);
        for (int k = 0; k < map_count(given); k++) names[k] = map_key(given, k);
        const char *near = string_nearest(init->name, names, map_count(given));
        if (!near && map_count(given) == 1) near = names[0];
        if (near) diagnostic_help(r->ctx, d, "did you mean `%s`?", near);
    }
}

// ---- which way it runs ----

typedef struct {
    const Node *back, *ahead; // the first read of what came before, and of what comes after
} Ways;

typedef struct {
    Resolver *r;
    const Map *given;
    const char *index;
    bool told;
} Loop;

static bool names(const Node *e, const char *index) {
    if (!e) return false;
    if (e->kind == AST_NAME && string_equal(e->name, index)) return true;
    return (e->kind == AST_BINARY || e->kind == AST_UNARY) &&
           (names(e->kid[0], index) || names(e->kid[1], index));
}

// The sign of what is added to the index: sizes and settings count as positive; 0 where it cannot be seen.
static int sign_of(const Node *e, const char *index) {
    if (e->kind == AST_NUMBER) return e->number > 0 ? 1 : e->number < 0 ? -1 : 0;
    if (e->kind == AST_NAME) return string_equal(e->name, index) ? 0 : 1;
    if (e->kind == AST_UNARY && e->op == OPERATOR_NEGATE) return -sign_of(e->value, index);
    if (e->kind != AST_BINARY) return 0;
    int left = sign_of(e->left, index), right = sign_of(e->right, index);
    if (e->op == OPERATOR_MUL) return names(e, index) ? 0 : left * right;
    if (e->op == OPERATOR_SUB) right = -right;
    if (e->op != OPERATOR_ADD && e->op != OPERATOR_SUB) return 0;
    return left == 0 && names(e->left, index)     ? right
           : right == 0 && names(e->right, index) ? left
           : left == right                        ? left
                                                  : 0;
}

static void report_ways(Loop *l, const Node *read, const Node *other, bool back) {
    if (l->told) return;
    l->told = true;
    Diagnostic *d = diagnose(l->r->ctx, RECUR_WAYS, read->span, back ? "forward" : "backward",
                             back ? "backward" : "forward");
    diagnostic_note(l->r->ctx, d, other->span, "it runs %s here", back ? "backward" : "forward");
}

static Ways look_at_read(Loop *l, const Node *e, Ways seen) {
    if (e->base->kind != AST_NAME || !map_get(l->given, e->base->name)) return seen;
    for (int i = 0; i < e->count; i++) {
        if (!names(e->items[i], l->index)) continue;
        int sign = sign_of(e->items[i], l->index);
        if (sign < 0 && !seen.back) seen.back = e;
        if (sign > 0 && !seen.ahead) seen.ahead = e;
        if (sign && seen.back && seen.ahead) report_ways(l, e, sign < 0 ? seen.ahead : seen.back, sign < 0);
    }
    return seen;
}

// Of two sides of a condition only what both read counts afterwards: a setting may choose the way.
static Ways look(Loop *l, const Node *e, Ways seen) {
    if (!e) return seen;
    if (e->kind == AST_IF) {
        Ways before = look(l, e->condition, seen);
        Ways yes = look(l, e->value, before), no = look(l, e->otherwise, before);
        return (Ways){yes.back && no.back ? yes.back : before.back,
                      yes.ahead && no.ahead ? yes.ahead : before.ahead};
    }
    if (e->kind == AST_INDEX) seen = look_at_read(l, e, seen);
    bool assigned = e->kind == AST_ASSIGN;
    for (int i = 0; i < 3; i++)
        if (!assigned || e->kid[i] != e->target) seen = look(l, e->kid[i], seen);
    for (int i = 0; i < e->count; i++) seen = look(l, e->items[i], seen);
    return seen;
}

static void check_ways(Resolver *r, const Node *s, const Map *given) {
    const Node *index = s->range && s->range->kind == AST_BINARY ? s->range->left : s->range;
    if (!index || index->kind != AST_NAME) return;
    Loop l = {r, given, index->name, false};
    look(&l, s->range_block, (Ways){NULL, s->reversed ? s->range : NULL});
}

// ---- its lines ----

// Inside a loop a name may stand before the line that gives it.
void resolve_recur(Resolver *r, const Node *s) {
    Map *given = map_create(r->ctx->arena);
    collect_given(s->range_block, given);
    check_carried(r, s, given);
    check_ways(r, s, given);
    for (int i = 0; i < s->count; i++) resolve_value(r, s->items[i]->value);
    for (int i = 0; i < s->count; i++) {
        Local *local = scope_find(r, s->items[i]->name);
        if (!local) local = scope_add(r, s->items[i]->name, LOCAL_VALUE, s->items[i]->name_span);
        local->used = local->given = true;
    }
    scope_open(r);
    const Node *range = s->range;
    if (range && range->kind == AST_NAME)
        scope_add(r, range->name, LOCAL_INDEX, range->span);
    else if (range)
        bind_indices(r, &range, 1);
    const Node *block = s->range_block;
    Scope *inside = r->scope;
    for (int i = 0; block && i < block->count; i++) {
        const Node *line = block->items[i],
                   *name = line->kind == AST_ASSIGN ? target_name(line->target) : NULL;
        if (!name) continue;
        Local *local = scope_find(r, name->name);
        if (local) {
            local->given = true;
            continue;
        }
        r->scope = inside->outer; // what a loop makes is seen after it
        scope_add(r, name->name, LOCAL_VALUE, name->span);
        r->scope = inside;
    }
    for (int i = 0; block && i < block->count; i++) {
        const Node *line = block->items[i];
        if (line->kind != AST_ASSIGN) {
            resolve_statement(r, line);
            continue;
        }
        scope_open(r);
        if (line->target->kind == AST_INDEX) bind_indices(r, entries(line->target), line->target->count);
        resolve_value(r, line->assigned);
        scope_close(r);
    }
    scope_close(r);
}
