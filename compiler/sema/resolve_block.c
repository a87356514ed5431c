// Definitions and the statements of blocks (rules 1, 2, 14).
// Guarantees: a name is given once, every definition of a block is used, every definition gives what its
// signature says.
#include "sema/scope.h"

static const Node *const *entries(const Node *n) { return (const Node *const *)n->items; }
static bool is_optimizer(const Resolver *r) {
    return r->definition && r->definition->definition == DEFINE_OPTIMIZER;
}

static void report_twice(Resolver *r, const char *name, Span span, Span before) {
    Diagnostic *d = diagnose(r->ctx, GIVEN_TWICE, span, name);
    diagnostic_note(r->ctx, d, before, "it is given here first");
    diagnostic_help(r->ctx, d, "only states change: give the new value a name of its own");
}

// ---- assignments ----

const Node *target_name(const Node *target) {
    if (target->kind == AST_INDEX) target = target->base;
    return target->kind == AST_NAME ? target : NULL;
}

// y[2 * i + 1] = …: a piece of a result; others may follow.
static bool is_piece(const Node *target) {
    if (target->kind != AST_INDEX) return false;
    for (int i = 0; i < target->count; i++) {
        const Node *item = target->items[i];
        if (item->kind != AST_NAME && item->kind != AST_DOTS && item->kind != AST_WHOLE) return true;
    }
    return false;
}

static bool changeable(const Resolver *r, const Local *local) {
    if (local->kind == LOCAL_STATE) return true;
    return is_optimizer(r) && r->definition->count &&
           string_equal(local->name, r->definition->items[0]->name);
}

// `wrong`: the value has had its message, and that nothing uses it would be a second one.
static void give(Resolver *r, const Node *name, const Node *target, bool wrong) {
    Local *local = scope_find(r, name->name), *own = scope_own(r, name->name);
    if (local && changeable(r, local)) return;
    if (local && local->kind == LOCAL_RESULT) {
        if (local->given && !is_piece(target)) report_twice(r, name->name, name->span, local->span);
        if (!local->given) local->span = name->span;
        local->given = true;
        return;
    }
    bool signature = local && (local->kind == LOCAL_SETTING || local->kind == LOCAL_TENSOR);
    if (own || signature) {
        Local *first = own ? own : local;
        if (first->kind != LOCAL_WRONG) report_twice(r, name->name, name->span, first->span);
        return;
    }
    scope_add(r, name->name, LOCAL_VALUE, name->span)->used = wrong;
}

static void check_change(Resolver *r, const Node *s, const Node *name) {
    const Local *local = scope_find(r, name->name);
    if (!local) {
        report_unknown(r, name->name, name->span);
        return;
    }
    if (changeable(r, local) || local->kind == LOCAL_WRONG) return;
    Diagnostic *d = diagnose(r->ctx, NOT_CHANGEABLE, name->span, name->name, operator_text(s->op));
    diagnostic_note(r->ctx, d, local->span, "it is given here");
}

static void resolve_assign(Resolver *r, const Node *s) {
    const Node *target = s->target, *name = target_name(target);
    if (!name) {
        diagnose(r->ctx, WRONG_TARGET, target->span);
        resolve_value(r, s->assigned);
        return;
    }
    int errors = r->ctx->errors;
    scope_open(r);
    if (target->kind == AST_INDEX) bind_indices(r, entries(target), target->count);
    resolve_value(r, s->assigned);
    scope_close(r);
    if (s->op == OPERATOR_SET)
        give(r, name, target, r->ctx->errors > errors);
    else
        check_change(r, s, name);
}

// ---- other statements ----

static void resolve_param(Resolver *r, const Node *s) {
    bool state = s->kind == AST_STATE;
    scope_open(r);
    for (int i = 0; i < s->count; i++) {
        const Node *item = s->items[i];
        bool stated = item->kind == AST_BINARY && item->op == OPERATOR_LESS && item->left->kind == AST_NAME;
        if (stated)
            bind_indices(r, &item, 1);
        else
            resolve_value(r, item);
    }
    resolve_value(r, s->value);
    scope_close(r);
    Local *own = scope_own(r, s->name);
    Local *result = scope_find(r, s->name);
    if (result && result->kind == LOCAL_RESULT && !result->given) {
        result->given = true, result->used = true;
        return;
    }
    if (own || (result && (result->kind == LOCAL_SETTING || result->kind == LOCAL_TENSOR))) {
        report_twice(r, s->name, s->name_span, (own ? own : result)->span);
        return;
    }
    scope_add(r, s->name, state ? LOCAL_STATE : LOCAL_PARAM, s->name_span)->declared = s;
}

void resolve_repeat(Resolver *r, const Node *e) {
    scope_open(r);
    const Node *range = e->range;
    if (range && range->kind == AST_BINARY && range->op == OPERATOR_LESS && range->left->kind == AST_NAME) {
        resolve_value(r, range->right);
        scope_add(r, range->left->name, LOCAL_ROUND, range->left->span);
    } else {
        resolve_value(r, range);
    }
    scope_open(r);
    resolve_statements(r, e->range_block);
    report_unused(r, false);
    scope_close(r);
    scope_close(r);
}

void resolve_statement(Resolver *r, const Node *s) {
    switch ((int)s->kind) {
    case AST_ASSIGN: resolve_assign(r, s); break;
    case AST_PARAM:
    case AST_STATE: resolve_param(r, s); break;
    case AST_RECUR: resolve_recur(r, s); break;
    case AST_RESULT: resolve_value(r, s->value); break;
    default: break;
    }
}

void expect_names(Resolver *r, const Node *block) {
    r->scope->later = map_create(r->ctx->arena);
    for (int i = 0; block && i < block->count; i++) {
        const Node *s = block->items[i], *name = s->kind == AST_ASSIGN ? target_name(s->target) : NULL;
        if (name && !map_get(r->scope->later, name->name)) map_set(r->scope->later, name->name, (void *)s);
    }
}

void resolve_statements(Resolver *r, const Node *block) {
    if (!block) return;
    expect_names(r, block);
    for (int i = 0; i < block->count; i++) resolve_statement(r, block->items[i]);
    r->scope->later = NULL;
}

// ---- what nothing uses ----

// The setting, or the result not yet given, that a name nobody uses was meant to be.
static const char *meant(Resolver *r, const char *name, bool train) {
    const char *names[64];
    int count = 0;
    const TrainSetting *row;
    for (int i = 0; train && (row = train_setting_row(i)); i++) names[count++] = row->name;
    for (const Scope *s = r->scope; s && !train; s = s->outer)
        for (int i = 0; i < map_count(s->locals) && count < 64; i++) {
            const Local *local = map_value(s->locals, i);
            if (local->kind == LOCAL_RESULT && !local->given) names[count++] = local->name;
        }
    const char *word = train ? word_of_others(name) : NULL;
    return word && train_setting_find(word) ? word : string_nearest(name, names, count);
}

// Does a block without a last expression leave a result of its definition open? That has a message of its
// own.
static bool result_open(const Resolver *r) {
    const Scope *results = r->scope->outer;
    const Node *body = r->definition ? r->definition->body : NULL;
    if (!body || !results || !body->count || body->items[body->count - 1]->kind == AST_RESULT) return false;
    for (int i = 0; i < map_count(results->locals); i++) {
        const Local *local = map_value(results->locals, i);
        if (local->kind == LOCAL_RESULT && !local->given) return true;
    }
    return false;
}

// The result that is not given, where there is one only: a definition nobody uses may well be meant to give
// it.
static const char *only_absent(const Resolver *r) {
    const char *absent = NULL;
    int count = 0;
    const Node *results = r->definition ? r->definition->results : NULL;
    for (int i = 0; results && i < results->count; i++) {
        const Local *local = scope_find(r, results->items[i]->name);
        if (local && local->kind == LOCAL_RESULT && !local->given) absent = local->name, count++;
    }
    return count == 1 ? absent : NULL;
}

void report_unused(Resolver *r, bool train) {
    // What was meant by what is unknown or missing may be the name that nobody uses.
    bool unknown = map_count(r->reported) > 0 || result_open(r);
    for (int i = 0; i < map_count(r->scope->locals); i++) {
        const Local *local = map_value(r->scope->locals, i);
        if (local->used || (local->kind != LOCAL_VALUE && local->kind != LOCAL_PARAM)) continue;
        const char *near = meant(r, local->name, train);
        if (!near && !train && local->kind == LOCAL_VALUE && !map_count(r->reported)) near = only_absent(r);
        if (unknown && !near) continue;
        Diagnostic *d = diagnose(r->ctx, UNUSED, local->span, local->name);
        if (!near) {
            if (train) diagnostic_help(r->ctx, d, "it is no setting of `train` either");
            continue;
        }
        diagnostic_help(r->ctx, d, train ? "did you mean the setting `%s`?" : "did you mean the result `%s`?",
                        near);
        Local *result = scope_find(r, near);
        if (!train && result) result->given = true;
    }
}

// ---- definitions ----

// The names in a parameter's brackets that nothing gives are sizes.
static void bind_sizes(Resolver *r, const Node *e) {
    if (!e) return;
    if (e->kind == AST_NAME) {
        Local *local = scope_find(r, e->name);
        if (local)
            local->used = true;
        else if (!library_find(r->library, e->span, e->name))
            scope_add(r, e->name, LOCAL_SIZE, e->span);
        return;
    }
    for (int i = 0; i < 3; i++) bind_sizes(r, e->kid[i]);
    for (int i = 0; i < e->count; i++) bind_sizes(r, e->items[i]);
}

static void resolve_signature(Resolver *r, const Node *d) {
    for (int i = 0; i < d->count; i++) {
        const Node *p = d->items[i];
        const Local *own = scope_own(r, p->name);
        if (own)
            report_twice(r, p->name, p->name_span, own->span);
        else
            scope_add(r, p->name, p->brackets ? LOCAL_TENSOR : LOCAL_SETTING, p->name_span)->declared = p;
    }
    for (int i = 0; i < d->count; i++)
        for (int k = 0; k < d->items[i]->count; k++) bind_sizes(r, d->items[i]->items[k]);
    for (int i = 0; i < d->count; i++)
        if (d->items[i]->value) resolve_value(r, d->items[i]->value);
    if (d->definition == DEFINE_OPTIMIZER && (d->count < 2 || d->items[0]->value || d->items[1]->value))
        diagnose(r->ctx, OPTIMIZER_SIGNATURE, d->name_span, d->name);
}

static void resolve_results(Resolver *r, const Node *d) {
    for (int i = 0; d->results && i < d->results->count; i++) {
        const Node *result = d->results->items[i];
        resolve_items(r, entries(result), result->count);
    }
    scope_open(r);
    for (int i = 0; d->results && i < d->results->count; i++) {
        const Node *result = d->results->items[i];
        const Local *own = scope_own(r, result->name), *given = scope_find(r, result->name);
        if (own)
            report_twice(r, result->name, result->name_span, own->span);
        else if (given && given->kind != LOCAL_SIZE)
            report_twice(r, result->name, result->name_span, given->span);
        else
            scope_add(r, result->name, LOCAL_RESULT, result->name_span)->declared = result;
    }
}

static void check_given(Resolver *r, const Node *d, bool value) {
    int given = 0, count = d->results ? d->results->count : 0;
    const Local *absent = NULL;
    for (int i = 0; i < count; i++) {
        const Local *local = scope_find(r, d->results->items[i]->name);
        if (!local || local->kind != LOCAL_RESULT) continue;
        given += local->given;
        if (!local->given && !absent) absent = local;
    }
    if (value && given) {
        const Node *last = d->body->items[d->body->count - 1];
        Diagnostic *message = diagnose(r->ctx, RESULT_TWICE, last->span, d->name);
        diagnostic_help(r->ctx, message,
                        "the result is either what its name is given, or the last expression");
    } else if (!value && d->definition != DEFINE_OPTIMIZER && count == 0) {
        diagnose(r->ctx, NO_RESULT, d->name_span, d->name);
    } else if (absent && (!value || count > 1)) {
        diagnose(r->ctx, RESULT_NOT_GIVEN, absent->span, absent->name);
    }
}

void resolve_definition(Resolver *r, const Node *d) {
    r->definition = d;
    r->scope = NULL;
    r->reported = map_create(r->ctx->arena);
    r->groups = GROUPS_BODY;
    r->metrics_ok = d->definition == DEFINE_METRIC;
    scope_open(r);
    resolve_signature(r, d);
    resolve_results(r, d);
    if (d->body && d->body->kind == AST_BLOCK) {
        int errors = r->ctx->errors;
        scope_open(r);
        resolve_statements(r, d->body);
        bool value = d->body->count && d->body->items[d->body->count - 1]->kind == AST_RESULT;
        bool wrong = r->ctx->errors > errors;
        report_unused(r, false);
        if (!wrong) check_given(r, d, value);
        scope_close(r);
    } else if (d->body) {
        resolve_value(r, d->body);
    }
    scope_close(r);
    scope_close(r);
    r->definition = NULL;
}
