// What is in force in a run: the text's settings, defaults and the command line's, each with where it came
// from. Guarantees: every --set is used or reported.
#include "sema/run.h"
#include "shape/shape.h"

#include <math.h>
#include <string.h>

static const Node *left_of(const Node *s) {
    return s->kind == AST_ASSIGN && s->target->kind == AST_NAME ? s->target : NULL;
}

const Node *run_setting(const Run *r, const char *name) {
    return r->given[train_setting_find(name) - train_setting_row(0)];
}

const char *node_text(Arena *arena, const Node *e) {
    Text text = {.arena = arena};
    node_print(&text, e);
    return text_string(&text);
}

const char *run_intern(const Run *r, const char *name) { return context_intern(r->ctx, name, strlen(name)); }

Node *name_node(Context *ctx, const char *name, Span span) {
    Node *node = node_new(ctx, AST_NAME, span);
    node->name = context_intern(ctx, name, strlen(name));
    node->name_span = span;
    return node;
}

Node *bound_node(Run *r, Env *env, const char *name, SemaValue v, Span span) {
    Node *node = name_node(r->ctx, name, span);
    env_set(env, node->name, v);
    return node;
}

const Node *node_rewrite(Context *ctx, const Node *e, const Node *(*leaf)(void *data, const Node *e),
                         void *data) {
    if (!e) return NULL;
    const Node *other = leaf(data, e);
    if (other != e) return other;
    Node *copy = arena_new(ctx->arena, Node);
    *copy = *e;
    for (int i = 0; i < 3; i++) copy->kid[i] = (Node *)node_rewrite(ctx, e->kid[i], leaf, data);
    copy->items = arena_array(ctx->arena, Node *, e->count + 1);
    for (int i = 0; i < e->count; i++) copy->items[i] = (Node *)node_rewrite(ctx, e->items[i], leaf, data);
    return copy;
}

void run_in_force(Run *r, const char *name, const char *value, const char *origin) {
    InForce line = {name, value, origin};
    vec_push(r->arena, &r->m->in_force, line);
}

const char *run_line(const Run *r, Span span) {
    int line, column;
    source_position(r->ctx, span, &line, &column);
    return string_format(r->arena, "line %d", line);
}

// ---- the command line ----

const Node *run_override(Run *r, const char *name) {
    for (int i = 0; r->options && i < r->options->set.count; i++)
        if (string_equal(r->options->set.data[i].name, name)) r->option_used[i] = true;
    const Node *line = r->options ? set_line(r->ctx, &r->options->set, name) : NULL;
    return line && shape_constant(r->ctx, r->library, line) ? line->value : NULL;
}

static bool is_constant(const Run *r, const char *name) {
    const Node *found = library_find(r->library, r->train->span, name);
    return found && found->kind == AST_CONSTANT && !source_of(r->ctx, found->span)->library;
}

void run_check_options(Run *r) {
    for (int i = 0; r->options && i < r->options->set.count; i++) {
        const char *name = r->options->set.data[i].name, *names[256];
        if (r->option_used[i] || train_setting_find(name) || is_constant(r, name)) continue;
        int count = 0;
        for (; count < r->m->settings.count && count < 150; count++)
            names[count] = r->m->settings.data[count].name;
        const TrainSetting *row;
        for (int k = 0; (row = train_setting_row(k)); k++) names[count++] = row->name;
        for (int k = 0; k < r->root->count && count < 250; k++)
            if (r->root->items[k]->kind == AST_CONSTANT) names[count++] = r->root->items[k]->name;
        Diagnostic *d = diagnose(r->ctx, SET_UNKNOWN, NO_SPAN, name);
        const char *near = string_nearest(name, names, count);
        if (near) diagnostic_help(r->ctx, d, "did you mean `%s`?", near);
    }
}

// ---- the text ----

static void read_given(Run *r) {
    const Node *block = r->train->block;
    for (int i = 0; block && i < block->count; i++) {
        const Node *s = block->items[i], *name = left_of(s);
        const TrainSetting *row = name ? train_setting_find(name->name) : NULL;
        if (!row) continue;
        int k = (int)(row - train_setting_row(0));
        r->given[k] = s->assigned;
        r->given_origin[k] = node_is_set(r->ctx, s->assigned) ? SET_SOURCE : run_line(r, s->span);
    }
}

// The settings that have an option of their own: what it says, or NULL.
static const char *option_text(const Run *r, const char *name) {
    const SemaOptions *o = r->options;
    if (o && o->batch && string_equal(name, "batch"))
        return string_format(r->arena, "%lld", (long long)o->batch);
    if (o && o->precision_given && string_equal(name, "precision")) return precision_word(o->precision);
    return NULL;
}

static void apply_options(Run *r) {
    const TrainSetting *row;
    for (int i = 0; (row = train_setting_row(i)); i++) {
        const char *option = option_text(r, row->name);
        if (option)
            run_in_force(r, row->name, option, string_format(r->arena, "--%s", row->name));
        else if (r->given[i])
            run_in_force(r, row->name, node_text(r->arena, r->given[i]), r->given_origin[i]);
        else if (row->preset[0])
            run_in_force(r, row->name, row->preset, "default");
    }
}

// What is parsed and resolved, and not yet compiled: one message at its place.
static bool run_supported(Run *r) {
    const Node *precision = run_setting(r, "precision");
    bool narrow =
        precision && (string_equal(precision->name, "fast") || string_equal(precision->name, "bf16"));
    if (!narrow || (r->options && r->options->precision_given)) return true;
    return refuse(r, NOT_YET, precision->span, "this precision");
}

bool run_read_settings(Run *r) {
    int errors = r->ctx->errors;
    for (int i = 0; i < r->root->count; i++) {
        const Node *item = r->root->items[i];
        if (item->kind == AST_CONSTANT && node_is_set(r->ctx, item->value))
            run_in_force(r, item->name, node_text(r->arena, item->value), SET_SOURCE);
    }
    read_given(r);
    apply_options(r);
    return r->ctx->errors == errors && data_supported(r) && run_supported(r);
}

Precision run_precision(Run *r) {
    if (r->options && r->options->precision_given) return r->options->precision;
    const Node *e = run_setting(r, "precision");
    if (e && string_equal(e->name, "strict")) return PRECISION_STRICT;
    return e && string_equal(e->name, "double") ? PRECISION_DOUBLE : PRECISION_DEFAULT;
}

// ---- numbers ----

bool run_integer(Run *r, const Node *e, const char *what, Dimension unit, int64_t least, int64_t most,
                 int64_t *value) {
    Elaborator *el = elaborator_create(r->session, NULL, false);
    if (!elaborate_count(el, env_create(el, e->span, ""), e, what, unit, value)) return false;
    return (*value >= least && *value <= most) ||
           refuse(r, SETTING_RANGE, e->span, what, (long long)least, (long long)most);
}

bool run_file(Run *r, const Node *e, const char **name) {
    *name = e->name;
    return e->kind == AST_TEXT || refuse(r, WORD_EXPECTED, e->span, "the name of a file, in quotes");
}

// `preset` where the text gives none.
static int64_t read_count(Run *r, const char *name, int64_t preset, int64_t least, int64_t most) {
    const Node *e = run_setting(r, name);
    int64_t value;
    Dimension unit = string_equal(name, "steps")    ? DIMENSION_STEPS
                     : string_equal(name, "epochs") ? DIMENSION_EPOCHS
                                                    : DIMENSION_NUMBER;
    return e && run_integer(r, e, name, unit, least, most, &value) ? value : preset;
}

static bool read_flag(Run *r, const char *name, bool preset) {
    const Node *e = run_setting(r, name);
    if (!e) return preset;
    Elaborator *el = elaborator_create(r->session, NULL, false);
    SemaValue v = elaborate_expression(el, env_create(el, e->span, ""), e);
    if (v.kind == SEMA_NUMBER && v.type == TYPE_BOOL) return v.number != 0;
    if (v.kind != SEMA_ERROR) diagnose(r->ctx, WORD_EXPECTED, e->span, "`true` or `false`");
    return preset;
}

static int64_t read_batch(Run *r) {
    if (r->options && r->options->batch) return r->options->batch;
    const Node *e = run_setting(r, "batch");
    if (e && e->kind == AST_NAME && string_equal(e->name, "all")) {
        int64_t rows = run_table_rows(r);
        if (rows > 0) return rows;
        Diagnostic *d = diagnose(r->ctx, BATCH_ALL, e->span);
        diagnostic_help(r->ctx, d, "give a number that is large enough: fewer rows make one batch");
        return 32;
    }
    return read_count(r, "batch", 32, 1, 1 << 24);
}

bool run_read_numbers(Run *r) {
    int errors = r->ctx->errors;
    Module *m = r->m;
    m->batch = read_batch(r);
    m->epochs = read_count(r, "epochs", -1, 0, INT32_MAX);
    m->steps = read_count(r, "steps", -1, 0, INT64_C(1) << 52);
    m->accumulate = read_count(r, "accumulate", 1, 1, INT32_MAX);
    m->seed = read_count(r, "seed", 0, 0, INT64_C(1) << 52);
    m->shuffle = read_flag(r, "shuffle", true);
    m->drop_last = read_flag(r, "drop_last", false);
    return r->ctx->errors == errors;
}

bool node_calls(const Node *e, const char *name) {
    return e && e->kind == AST_CALL && e->base->kind == AST_NAME && string_equal(e->base->name, name);
}

const Node *call_argument(const Node *call, const char *name) {
    uint32_t groups = 1u << GROUP_SCALAR | 1u << GROUP_REDUCTION | 1u << GROUP_TENSOR | 1u << GROUP_DRAW;
    const Builtin *b = builtin_find(call->base->name, ~groups);
    int place = 0, plain = 0;
    for (const char *at = b->parameters; *at; place++) {
        size_t length = strcspn(at, " "), own = strcspn(at, " :");
        if (strlen(name) == own && memcmp(at, name, own) == 0) break;
        at += length + (at[length] == ' ');
    }
    for (int i = 0; i < call->count; i++) {
        const Node *a = call->items[i];
        if (a->kind == AST_NAMED ? string_equal(a->name, name) : plain++ == place) return argument_node(a);
    }
    return NULL;
}
