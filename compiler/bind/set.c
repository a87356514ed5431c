// What the command line says in place of the text (`--set name=value`): a setting of `train`, a line of its
// block, a constant of the file, an argument of an optimizer or of a schedule in its call (optimizer.beta1,
// lr.warmup). Guarantees: the tree reads as if it stood in the file, in a source of its own named SET_SOURCE;
// every name is one of these or reported.
#include "bind/scope.h"

#include <string.h>

const char SET_SOURCE[] = "--set";

// One option on its way through the tree. `names`: all that were met, for suggestions.
typedef struct {
    Context *ctx;
    Library *library;
    const char *name;
    Node *value;
    bool used;
    VEC(const char *) names;
} Set;

static Node *value_of(Context *ctx, const SetOption *option) {
    const char *text = string_format(ctx->arena, "set = %s\n", option->value);
    Source *source = source_add(ctx, SET_SOURCE, text, strlen(text));
    int errors = ctx->errors;
    const Node *file = source ? parse_source(ctx, source) : NULL;
    bool one = file && file->count == 1 && file->items[0]->kind == AST_CONSTANT;
    if (ctx->errors == errors && !one) diagnose(ctx, SET_VALUE, NO_SPAN, option->name, option->value);
    return ctx->errors == errors ? file->items[0]->value : NULL;
}

// Is this the name that is set?
static bool is_it(Set *s, const char *name) {
    bool is = string_equal(name, s->name);
    vec_push(s->ctx->arena, &s->names, name);
    s->used |= is;
    return is;
}

// ---- arguments of calls ----

static const Node *callee_of(const Set *s, const Node *call) {
    const Node *found = library_callee(s->library, call->kind == AST_CALL ? call->base : call);
    return found && found->kind == AST_DEFINE ? found : NULL;
}

// Where the argument for parameter i stands, or NULL. `skip`: parameters that no call gives.
static Node **argument_at(Node *call, const Node *define, int i, int skip) {
    int place = skip;
    for (int k = 0; call->kind == AST_CALL && k < call->count; k++) {
        Node *a = call->items[k];
        if (a->kind != AST_NAMED ? place++ == i : string_equal(a->name, define->items[i]->name))
            return a->kind == AST_NAMED ? &a->value : &call->items[k];
    }
    return NULL;
}

static void give(const Set *s, Node **call, const char *name) {
    Node *a = node_new(s->ctx, AST_NAMED, s->value->span);
    if ((*call)->kind != AST_CALL) { // without brackets
        Node *made = node_new(s->ctx, AST_CALL, (*call)->span);
        made->base = *call;
        made->name_span = (*call)->span;
        *call = made;
    }
    a->name = name;
    a->name_span = s->value->span;
    a->value = s->value;
    node_add(s->ctx, *call, a);
}

static void set_in(Set *s, const char *prefix, Node **e);

// `own` stands before its arguments' names. `suffix`: what is in them is named after the parameter and this;
// NULL: after the argument.
static void set_call(Set *s, Node **call, const Node *define, int skip, const char *own, const char *suffix) {
    Arena *arena = s->ctx->arena;
    for (int i = skip; i < define->count; i++) {
        const Node *p = define->items[i];
        const char *name = string_format(arena, "%s.%s", own, p->name);
        Node **given = argument_at(*call, define, i, skip);
        if (p->brackets) continue;
        if (!is_it(s, name)) {
            if (given) set_in(s, suffix ? string_format(arena, "%s%s", p->name, suffix) : name, given);
        } else if (given) {
            *given = s->value;
        } else {
            give(s, call, p->name);
        }
    }
}

// Schedules in an argument or line.
static void set_in(Set *s, const char *prefix, Node **e) {
    if (!*e) return;
    const Node *define = (*e)->kind == AST_CALL ? callee_of(s, *e) : NULL;
    if (define && define->definition == DEFINE_FN) {
        set_call(s, e, define, 0, prefix, NULL);
        return;
    }
    for (int i = 0; i < 3; i++) set_in(s, prefix, &(*e)->kid[i]);
    for (int i = 0; i < (*e)->count; i++) set_in(s, prefix, &(*e)->items[i]);
}

// Clause `number` of the block, from 1.
static void set_clause(Set *s, Node **with, int number) {
    if ((*with)->kind == AST_IF) with = &(*with)->value;
    const Node *define = callee_of(s, *with);
    const char *suffix = number == 1 ? "" : string_format(s->ctx->arena, "_%d", number);
    if (define && define->definition == DEFINE_OPTIMIZER)
        set_call(s, with, define, 2, string_format(s->ctx->arena, "optimizer%s", suffix), suffix);
}

// ---- the block ----

static Node *new_line(Context *ctx, Node *block, const char *name, Span span) {
    Node *line = node_new(ctx, AST_ASSIGN, span), *target = node_new(ctx, AST_NAME, span);
    line->op = OPERATOR_SET;
    line->name_span = target->name_span = span;
    line->target = target;
    target->name = context_intern(ctx, name, strlen(name));
    node_add(ctx, block, line);
    return line;
}

static void set_block(Set *s, Node *block) {
    int clauses = 0;
    for (int i = 0; i < block->count; i++) {
        Node *line = block->items[i];
        bool assigns = line->kind == AST_ASSIGN && line->target->kind == AST_NAME;
        const char *name = assigns ? line->target->name : NULL;
        if (name && is_it(s, name))
            line->assigned = s->value;
        else if (name && string_equal(name, "optimizer"))
            set_clause(s, &line->assigned, ++clauses);
        else if (name && !train_setting_find(name))
            set_in(s, name, &line->assigned);
        for (int k = 0; line->kind == AST_MINIMIZE && k < line->count; k++)
            set_clause(s, &line->items[k]->optimizer, ++clauses);
    }
    const TrainSetting *row;
    for (int i = 0; !s->used && (row = train_setting_row(i)); i++)
        if (is_it(s, row->name)) new_line(s->ctx, block, row->name, s->value->span)->assigned = s->value;
}

static void set_one(Set *s, Node *root, Node *block) {
    set_block(s, block);
    for (int i = 0; i < root->count; i++) {
        Node *item = root->items[i];
        if (item->kind == AST_CONSTANT && is_it(s, item->name)) item->value = s->value;
    }
    if (s->used) return;
    Diagnostic *d = diagnose(s->ctx, SET_UNKNOWN, NO_SPAN, s->name);
    diagnostic_meant(s->ctx, d, NO_SPAN, string_nearest(s->name, s->names.data, s->names.count));
}

bool set_apply(Library *library, const Source *source, Node *root, const SetOptions *set) {
    const Node *train = file_train(root);
    Context *ctx = bind_begin(library, root).ctx;
    int errors = ctx->errors;
    if (!train || !train->block || !set->count) return true;
    library_open(library, source, root);
    for (int i = 0; i < set->count; i++) {
        Set s = {.ctx = ctx, .library = library, .name = set->data[i].name};
        s.value = value_of(ctx, &set->data[i]);
        if (s.value) set_one(&s, root, train->block);
    }
    return ctx->errors == errors;
}

bool node_is_set(const Context *ctx, const Node *e) {
    const Source *source = source_of(ctx, e->span);
    return source && string_equal(source->name, SET_SOURCE);
}
