// Loops (rule 13): the names they carry, and which way they run.
// Guarantees: what begins with a value is given by a line of the loop, and the loop's own reads run one way.
#include "bind/scope.h"

// `t`, of `t` or `t < n`; NULL: it is none.
static const Node *recur_index(const Node *range) {
    const Node *index = range && range->kind == AST_BINARY ? range->left : range;
    return index && index->kind == AST_NAME ? index : NULL;
}

// Has its left side the loop's index?
static bool line_of_steps(const Node *line, const Node *index) {
    const Node *target = line->kind == AST_ASSIGN ? line->target : NULL;
    for (int i = 0; index && target && target->kind == AST_INDEX && i < target->count; i++) {
        const Node *own = recur_index(target->items[i]);
        if (own && string_equal(own->name, index->name)) return true;
    }
    return false;
}

// ---- what the loop gives ----

static void collect_given(const Node *block, Map *given) {
    for (int i = 0; block && i < block->count; i++) {
        const Node *line = block->items[i], *name = left_name(line);
        if (name) map_set(given, name->name, (void *)name);
        if (line->kind == AST_RECUR) collect_given(line->range_block, given);
    }
}

static void check_carried(Bind *b, const Node *s, const Map *given) {
    for (int i = 0; i < s->count; i++) {
        const Node *init = s->items[i];
        if (map_get(given, init->name)) continue;
        Diagnostic *d = report(b, RECUR_NOT_GIVEN, init->name_span, init->name);
        const char **names = arena_array(b->ctx->arena, const char *, map_count(given) + 1);
        for (int k = 0; k < map_count(given); k++) names[k] = map_key(given, k);
        const char *near = string_nearest(init->name, names, map_count(given));
        if (!diagnostic_meant(b->ctx, d, init->name_span, near) && map_count(given) == 1)
            diagnostic_help(b->ctx, d, "did you mean `%s`?", names[0]);
    }
}

// ---- which way it runs ----

typedef struct {
    const Node *back, *ahead; // the first read of what came before, and of what comes after
} Ways;

typedef struct {
    Bind *b;
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
    Diagnostic *d =
        report(l->b, RECUR_WAYS, read->span, back ? "forward" : "backward", back ? "backward" : "forward");
    diagnostic_note(l->b->ctx, d, other->span, "it runs %s here", back ? "backward" : "forward");
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

static void check_ways(Bind *b, const Node *s, const Map *given) {
    const Node *index = recur_index(s->range);
    if (!index) return;
    Loop l = {b, given, index->name, false};
    look(&l, s->range_block, (Ways){NULL, s->reversed ? s->range : NULL});
}

// ---- its lines ----

// Inside the loop a name may stand before the line that gives it.
static void expect(Slot *slot) {
    slot->given = true;
    if (slot->kind == SLOT_LOCAL || slot->kind == SLOT_RESULT)
        slot->sort = (Sort){.kind = KIND_TENSOR, .phase = PHASE_ROWS};
}

// What begins with a value: seen in the whole loop, and after it.
static void bind_beginnings(Bind *b, Phrase *p, const Node *s) {
    for (int i = 0; i < s->count; i++) {
        p->part[i] = phrase_new(b, PHRASE_BEGIN, s->items[i], 1);
        p->part[i]->part[0] = bind_value(b, s->items[i]->value);
        phrase_done(b, p->part[i]);
    }
    for (int i = 0; i < s->count; i++) {
        const Node *init = s->items[i];
        Slot *slot = scope_find(b, init->name);
        if (!slot) slot = scope_add(b, init->name, SLOT_LOCAL, init->name_span);
        slot->used = true;
        expect(slot);
        p->part[i]->slot = slot;
    }
}

static bool begins(const Node *s, const char *name) {
    for (int i = 0; i < s->count; i++)
        if (string_equal(s->items[i]->name, name)) return true;
    return false;
}

// The slot of a line: what has the loop's index is seen after the loop, the rest is each step's own.
static Slot *expect_line(Bind *b, const Node *s, const Node *line, const Node *name) {
    const Node *index = recur_index(s->range);
    Scope *inside = b->scope;
    Slot *slot = scope_find(b, name->name);
    bool of_steps = line->kind != AST_ASSIGN || line_of_steps(line, index);
    bool known = slot && (slot->kind != SLOT_LOCAL || begins(s, name->name));
    if (known && (slot->kind == SLOT_RESULT || slot->kind == SLOT_LOCAL) && !of_steps && index) {
        Diagnostic *d = report(b, RECUR_NO_INDEX, name->span, name->name, index->name);
        diagnostic_help(b->ctx, d, "write it as `%s[…, %s, …]`", name->name, index->name);
    }
    if (known) return slot;
    if (of_steps) b->scope = inside->outer;
    Slot *own = scope_own(b, name->name);
    if (own) report_twice(b, name->name, name->span, own->span, NULL);
    slot = own ? own : scope_add(b, name->name, SLOT_LOCAL, name->span);
    b->scope = inside;
    return slot;
}

static void expect_lines(Bind *b, const Node *s) {
    const Node *block = s->range_block;
    for (int i = 0; i < block->count; i++) {
        const Node *name = left_name(block->items[i]);
        if (name) expect(expect_line(b, s, block->items[i], name));
    }
}

static Phrase *bind_lines(Bind *b, const Node *block) {
    Phrase *p = phrase_new(b, PHRASE_BLOCK, block, block->count);
    for (int i = 0; i < block->count; i++) {
        const Node *line = block->items[i], *name = left_name(line);
        p->part[i] = line->kind == AST_ASSIGN ? bind_line(b, line) : bind_statement(b, line);
        if (!name) continue;
        p->part[i]->slot = scope_find(b, name->name);
        slot_take(p->part[i]->slot, p->part[i]->sort);
    }
    return phrase_done(b, p);
}

Phrase *bind_recur(Bind *b, const Node *s) {
    Map *given = map_create(b->ctx->arena);
    collect_given(s->range_block, given);
    check_carried(b, s, given);
    check_ways(b, s, given);
    Phrase *p = phrase_new(b, PHRASE_RECUR, s, s->count);
    bind_beginnings(b, p, s);
    scope_open(b);
    bind_binders(b, p, (const Node *const *)&s->range, 1);
    expect_lines(b, s);
    phrase_add(b, p, bind_lines(b, s->range_block));
    scope_close(b);
    return phrase_done(b, p);
}
