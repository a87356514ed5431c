// Definitions and the statements of blocks (rules 1, 2, 14).
// Guarantees: a name is given once, every definition of a block is used, every definition gives what its
// signature says.
#include "bind/scope.h"

static const Node *const *entries(const Node *n) { return (const Node *const *)n->items; }

// The definition whose body is bound; NULL in data, train and constants.
static const Node *defined(const Bind *b) {
    return b->definition->node->kind == AST_DEFINE ? b->definition->node : NULL;
}

// `by`: the line that gives it again, or NULL. One that reads what it gives is a step of a loop.
static void report_again(Bind *b, const char *name, Span span, Span before, const Node *by) {
    Diagnostic *d = report_twice(b, name, span, before, NULL);
    if (by && by->target->kind == AST_INDEX && node_names(by->assigned, name))
        help_steps(b, d);
    else
        diagnostic_help(b->ctx, d, "only states change: give the new value a name of its own");
}

// ---- assignments ----

static const Node *target_name(const Node *target) {
    if (target->kind == AST_INDEX) target = target->base;
    return target->kind == AST_NAME ? target : NULL;
}

const Node *left_name(const Node *s) { return s->kind == AST_ASSIGN ? target_name(s->target) : NULL; }

// y[2 * i + 1] = …: a piece of a result; others may follow.
static bool is_piece(const Phrase *line) {
    for (int i = 0; i < line->binders; i++)
        if (line->binder[i].kind == BINDER_FORM || line->binder[i].limit) return true;
    return false;
}

static bool changeable(const Bind *b, const Slot *slot) {
    if (slot->kind == SLOT_STATE) return true;
    return is_define(defined(b), DEFINE_OPTIMIZER) && slot->number == 0 && defined(b)->count;
}

// A parameter of the signature.
static bool is_parameter(const Slot *slot) {
    return slot && (slot->kind == SLOT_SETTING || slot->kind == SLOT_TENSOR);
}

// The slot that a line with `=` gives. `wrong`: its value has had its message, and that nothing uses it would
// be a second one.
static Slot *give(Bind *b, const Node *name, const Phrase *line, bool wrong) {
    Slot *slot = scope_find(b, name->name), *own = scope_own(b, name->name);
    if (slot && changeable(b, slot)) return slot;
    if (slot && slot->kind == SLOT_RESULT) {
        slot->pieces |= is_piece(line);
        if (slot->given && !is_piece(line)) report_again(b, name->name, name->span, slot->span, line->node);
        if (!slot->given) slot->span = name->span;
        return slot;
    }
    if (own || is_parameter(slot)) {
        Slot *first = own ? own : slot;
        if (first->kind != SLOT_WRONG) report_again(b, name->name, name->span, first->span, line->node);
        return first;
    }
    slot = scope_add(b, name->name, SLOT_LOCAL, name->span);
    slot->used = wrong;
    return slot;
}

// The slot that `+=` changes, or NULL after a message.
static Slot *change(Bind *b, const Node *s, const Node *name) {
    Slot *slot = scope_find(b, name->name);
    if (!slot) {
        report_unknown(b, name->name, name->span);
        return NULL;
    }
    if (changeable(b, slot) || slot->kind == SLOT_WRONG) return slot;
    Diagnostic *d = report(b, NOT_CHANGEABLE, name->span, name->name, operator_text(s->op));
    diagnostic_note(b->ctx, d, slot->span, "it is given here");
    return slot;
}

Phrase *bind_line(Bind *b, const Node *s) {
    const Node *target = s->target;
    Phrase *p = phrase_new(b, PHRASE_GIVE, s, 0);
    scope_open(b);
    if (target->kind == AST_INDEX) bind_binders(b, p, entries(target), target->count);
    phrase_add(b, p, bind_named(b, s->assigned, target->kind == AST_NAME ? target->name : NULL));
    scope_close(b);
    return phrase_done(b, p);
}

static Phrase *bind_assign(Bind *b, const Node *s) {
    const Node *name = target_name(s->target);
    if (!name) {
        report_target(b, s->target->span);
        Phrase *p = phrase_new(b, PHRASE_WRONG, s, 1);
        p->part[0] = bind_value(b, s->assigned);
        return phrase_done(b, p);
    }
    int errors = b->errors;
    Phrase *p = bind_line(b, s);
    p->slot = s->op == OPERATOR_SET ? give(b, name, p, b->errors > errors) : change(b, s, name);
    if (p->slot) slot_take(p->slot, p->sort);
    return p;
}

// ---- other statements ----

// The slot that `param` or `state` declares.
static Slot *declare(Bind *b, const Node *s) {
    Slot *own = scope_own(b, s->name), *slot = scope_find(b, s->name);
    bool result = slot && slot->kind == SLOT_RESULT && !slot->given;
    if (result) {
        slot->given = slot->used = true;
        slot->sort = (Sort){.kind = KIND_TENSOR, .phase = PHASE_ROWS};
        if (s->kind == AST_STATE && gives_state(defined(b))) {
            slot->kind = SLOT_STATE;
            slot->declared = s;
            if (!s->brackets) slot->sort = (Sort){.kind = KIND_NUMBER};
        }
        return slot;
    }
    if (own || is_parameter(slot)) {
        report_again(b, s->name, s->name_span, (own ? own : slot)->span, NULL);
        return own ? own : slot;
    }
    slot = scope_add(b, s->name, s->kind == AST_STATE ? SLOT_STATE : SLOT_PARAM, s->name_span);
    slot->declared = s;
    if (!s->brackets) slot->sort.kind = KIND_NUMBER;
    return slot;
}

static Phrase *bind_param(Bind *b, const Node *s) {
    Phrase *p = phrase_new(b, PHRASE_DECLARE, s, 0);
    const Node **stated = arena_array(b->ctx->arena, const Node *, s->count);
    int count = 0;
    scope_open(b);
    for (int i = 0; i < s->count; i++)
        if (stated_index(s->items[i])) stated[count++] = s->items[i];
    bind_binders(b, p, stated, count);
    for (int i = 0; i < s->count; i++)
        if (!stated_index(s->items[i])) bind_items(b, p, entries(s) + i, 1);
    bind_items(b, p, (const Node *const *)&s->value, 1);
    scope_close(b);
    p->slot = declare(b, s);
    return phrase_done(b, p);
}

static Phrase *bind_block(Bind *b, const Node *block);

Phrase *bind_repeat(Bind *b, const Node *e, const char *name) {
    Phrase *p = phrase_new(b, PHRASE_REPEAT, e, 2);
    const Node *index = stated_index(e->range);
    scope_open(b);
    p->part[0] = bind_value(b, index ? e->range->right : e->range);
    if (index) {
        p->binder = arena_new(b->ctx->arena, Binder);
        p->binders = 1;
        Slot *round = scope_add(b, index->name, SLOT_ROUND, index->span);
        *p->binder = (Binder){BINDER_INDEX, round, p->part[0], NULL, NULL, e->range->span};
    }
    scope_open(b);
    p->part[1] = bind_block(b, e->range_block);
    report_unused(b, false);
    scope_close(b);
    scope_close(b);
    if (name) p->site = site_new(b, NULL, name);
    return phrase_done(b, p);
}

static Phrase *bind_result(Bind *b, const Node *s) {
    Phrase *p = phrase_new(b, PHRASE_RESULT, s, 1);
    p->part[0] = bind_value(b, s->value);
    return phrase_done(b, p);
}

Phrase *bind_statement(Bind *b, const Node *s) {
    switch ((int)s->kind) {
    case AST_ASSIGN: return bind_assign(b, s);
    case AST_PARAM:
    case AST_STATE: return bind_param(b, s);
    case AST_RECUR: return bind_recur(b, s);
    case AST_RESULT: return bind_result(b, s);
    default: return phrase_wrong(b, s);
    }
}

void expect_names(Bind *b, const Node *block) {
    b->scope->later = map_create(b->ctx->arena);
    for (int i = 0; i < block->count; i++) {
        const Node *name = left_name(block->items[i]);
        if (name && !map_get(b->scope->later, name->name))
            map_set(b->scope->later, name->name, block->items[i]);
    }
}

static Phrase *bind_block(Bind *b, const Node *block) {
    Phrase *p = phrase_new(b, PHRASE_BLOCK, block, block->count);
    expect_names(b, block);
    for (int i = 0; i < block->count; i++) p->part[i] = bind_statement(b, block->items[i]);
    b->scope->later = NULL;
    return phrase_done(b, p);
}

// ---- what nothing uses ----

// The results that nothing gives yet, from a scope outwards.
static int open_results(const Scope *s, const char **names, int room) {
    int count = 0;
    for (; s; s = s->outer)
        for (int i = 0; i < map_count(s->slots) && count < room; i++) {
            const Slot *slot = map_value(s->slots, i);
            if (slot->kind == SLOT_RESULT && !slot->given) names[count++] = slot->name;
        }
    return count;
}

// The setting, or the result not yet given, that a name nobody uses was meant to be. Where there is one such
// result only, a definition nobody uses may well be meant to give it.
static const char *meant(Bind *b, const Slot *slot, bool train) {
    const char *names[64], *word = train ? word_of_others(slot->name) : NULL;
    const TrainSetting *row;
    int count = train ? 0 : open_results(b->scope, names, 64);
    for (int i = 0; train && (row = train_setting_row(i)); i++) names[count++] = row->name;
    if (word && train_setting_find(word)) return word;
    const char *near = string_nearest(slot->name, names, count);
    bool only = !train && count == 1 && slot->kind == SLOT_LOCAL && !map_count(b->reported);
    return near || !only ? near : names[0];
}

// Does a block without a last expression leave a result of its definition open? That has a message of its
// own.
static bool result_open(const Bind *b) {
    const Scope *results = b->scope->outer;
    const Node *body = defined(b) ? defined(b)->body : NULL;
    const char *open;
    if (!body || !results || !body->count || body->items[body->count - 1]->kind == AST_RESULT) return false;
    return open_results(results, &open, 1) && map_get(results->slots, open);
}

// The parameter that the call of an optimizer has under this name, or one of other frameworks for it; NULL.
static const char *parameter_of(const Bind *b, const Node *with, const char *name) {
    const Node *rule = library_callee(b->library, with->kind == AST_CALL ? with->base : with);
    const char *word = word_of_others(name);
    for (int i = 2; is_define(rule, DEFINE_OPTIMIZER) && i < rule->count; i++)
        if (string_equal(rule->items[i]->name, name) || (word && string_equal(rule->items[i]->name, word)))
            return string_format(b->ctx->arena, "%s(%s = ", rule->name, rule->items[i]->name);
    return NULL;
}

// A line of `train` that nothing uses: a setting of its optimizer?
static void help_line(Bind *b, Diagnostic *d, const Slot *slot) {
    const char *name = slot->name;
    const Node *block = b->definition->node->block, *line = NULL;
    const char *call = NULL;
    for (int i = 0; i < block->count; i++) {
        const Node *s = block->items[i], *given = left_name(s);
        if (given && string_equal(given->name, name)) line = s;
        if (given && !call && string_equal(given->name, "optimizer"))
            call = parameter_of(b, s->assigned, name);
    }
    if (call && line)
        diagnostic_help(b->ctx, d, "it stands in the optimizer: `optimizer = %s%s)`", call,
                        node_text(b->ctx->arena, line->assigned));
    else if (!help_of_others(b, d, slot->span, name))
        diagnostic_help(b->ctx, d, "it is no setting of `train` either");
}

void report_unused(Bind *b, bool train) {
    // What was meant by what is unknown or missing may be the name that nobody uses.
    bool unknown = map_count(b->reported) > 0 || result_open(b);
    for (int i = 0; i < map_count(b->scope->slots); i++) {
        const Slot *slot = map_value(b->scope->slots, i);
        if (slot->used || (slot->kind != SLOT_LOCAL && slot->kind != SLOT_PARAM)) continue;
        const char *near = meant(b, slot, train);
        bool theirs = train && (word_of_others(slot->name) || word_left_out(slot->name));
        if (unknown && !near && !theirs) continue;
        Diagnostic *d = report_useless(b, slot->name, slot->span);
        if (!near) {
            if (train) help_line(b, d, slot);
            continue;
        }
        diagnostic_help(b->ctx, d, train ? "did you mean the setting `%s`?" : "did you mean the result `%s`?",
                        near);
        diagnostic_fix(b->ctx, d, slot->span, near);
        Slot *result = scope_find(b, near);
        if (!train && result) result->given = true;
    }
}

// ---- definitions ----

// The names in a parameter's brackets that nothing gives are sizes.
static void bind_sizes(Bind *b, const Node *e) {
    if (!e) return;
    if (e->kind == AST_NAME) {
        Slot *slot = scope_find(b, e->name);
        if (slot)
            slot->used = true;
        else if (!library_find(b->library, e->span, e->name))
            scope_add(b, e->name, SLOT_SIZE, e->span);
        return;
    }
    for (int i = 0; i < 3; i++) bind_sizes(b, e->kid[i]);
    for (int i = 0; i < e->count; i++) bind_sizes(b, e->items[i]);
}

// What the run gives stands first, without defaults.
static void check_given_by_run(Bind *b, const Node *d) {
    const DefinitionRow *row = definition_row(d->definition);
    bool right = d->count >= row->given;
    for (int i = 0; i < row->given && right; i++) right = !d->items[i]->value;
    if (right) return;
    if (row->given == 2)
        report(b, OPTIMIZER_SIGNATURE, d->name_span, d->name);
    else
        report(b, RULE_SIGNATURE, d->name_span, row->word, d->name,
               is_define(d, DEFINE_CLIP) ? "gradient" : "parameter");
}

static void bind_signature(Bind *b, const Node *d) {
    for (int i = 0; i < d->count; i++) {
        const Node *p = d->items[i];
        const Slot *own = scope_own(b, p->name);
        if (own)
            report_again(b, p->name, p->name_span, own->span, NULL);
        else
            scope_add(b, p->name, p->brackets ? SLOT_TENSOR : SLOT_SETTING, p->name_span)->declared = p;
    }
    for (int i = 0; i < d->count; i++)
        for (int k = 0; k < d->items[i]->count; k++) bind_sizes(b, d->items[i]->items[k]);
    for (int i = 0; i < d->count; i++) {
        Phrase *sizes = phrase_new(b, PHRASE_DECLARE, d->items[i], 0);
        bind_items(b, sizes, entries(d->items[i]), d->items[i]->count);
        phrase_add(b, sizes, NULL); // no value
        sizes->slot = scope_own(b, d->items[i]->name);
        phrase_done(b, sizes);
    }
    b->definition->parameters = d->count;
    b->definition->preset = arena_array(b->ctx->arena, Phrase *, d->count);
    for (int i = 0; i < d->count; i++)
        if (d->items[i]->value) b->definition->preset[i] = bind_value(b, d->items[i]->value);
    if (is_define(d, DEFINE_WATCH))
        for (int i = 0; i < d->count && i < 64; i++)
            if (d->items[i]->type && string_equal(d->items[i]->type, "epochs"))
                b->definition->in_epochs |= UINT64_C(1) << i;
    check_given_by_run(b, d);
}

// The results' names, in a scope that is left open.
static void bind_results(Bind *b, const Node *d) {
    int count = d->results ? d->results->count : 0;
    Phrase **declared = arena_array(b->ctx->arena, Phrase *, count);
    for (int i = 0; i < count; i++) {
        const Node *result = d->results->items[i];
        declared[i] = phrase_new(b, PHRASE_DECLARE, result, 0);
        bind_items(b, declared[i], entries(result), result->count);
        phrase_add(b, declared[i], NULL); // no value
    }
    scope_open(b);
    for (int i = 0; i < count; i++) {
        const Node *result = d->results->items[i];
        const Slot *own = scope_own(b, result->name), *given = scope_find(b, result->name);
        if (own || (given && given->kind != SLOT_SIZE)) {
            report_again(b, result->name, result->name_span, (own ? own : given)->span, NULL);
            continue;
        }
        Slot *slot = scope_add(b, result->name, SLOT_RESULT, result->name_span);
        slot->declared = result;
        declared[i]->slot = slot;
        phrase_done(b, declared[i]);
    }
}

// Of an average, and of a watch, the run keeps the result as it keeps states.
static void check_state_given(Bind *b, const Node *d) {
    bool one = d->results && d->results->count == 1;
    const Slot *slot = one ? scope_find(b, d->results->items[0]->name) : NULL;
    if (slot && (slot->kind == SLOT_STATE || slot->kind == SLOT_WRONG)) return;
    Diagnostic *message = report(b, RESULT_STATE, one ? d->results->span : d->name_span,
                                 definition_row(d->definition)->word, d->name);
    const char *name = one ? d->results->items[0]->name : "a";
    diagnostic_help(b->ctx, message,
                    "name a state after the signature, `-> %s`, and declare it: `state %s = 0`", name, name);
}

static void check_given(Bind *b, const Node *d, bool value) {
    int given = 0, count = d->results ? d->results->count : 0;
    const Slot *absent = NULL;
    for (int i = 0; i < count; i++) {
        const Slot *slot = scope_find(b, d->results->items[i]->name);
        if (!slot || slot->kind != SLOT_RESULT) continue;
        given += slot->given;
        if (!slot->given && !absent) absent = slot;
    }
    if (value && given) {
        const Node *last = d->body->items[d->body->count - 1];
        Diagnostic *message = report(b, RESULT_TWICE, last->span, d->name);
        diagnostic_help(b->ctx, message,
                        "the result is either what its name is given, or the last expression");
    } else if (!value && d->definition != DEFINE_OPTIMIZER && count == 0) {
        report(b, NO_RESULT, d->name_span, d->name);
    } else if (absent && (!value || count > 1)) {
        report(b, RESULT_NOT_GIVEN, absent->span, absent->name);
    }
}

void bind_definition(Bind *b) {
    const Node *d = b->definition->node;
    b->metrics_ok = d->definition == DEFINE_METRIC;
    if (is_define(d, DEFINE_OPTIMIZER) || is_define(d, DEFINE_CLIP)) b->groups |= 1u << GROUP_RULE;
    if (is_define(d, DEFINE_FN)) b->groups |= 1u << GROUP_MEASURE;
    scope_open(b);
    bind_signature(b, d);
    bind_results(b, d);
    if (d->body->kind == AST_BLOCK) {
        int errors = b->errors;
        scope_open(b);
        b->definition->body = bind_block(b, d->body);
        bool value = d->body->count && d->body->items[d->body->count - 1]->kind == AST_RESULT;
        bool wrong = b->errors > errors;
        report_unused(b, false);
        if (!wrong && gives_state(d))
            check_state_given(b, d);
        else if (!wrong)
            check_given(b, d, value);
    } else {
        b->definition->body = bind_value(b, d->body);
        if (gives_state(d)) check_state_given(b, d);
    }
    definition_result(b->definition);
}
