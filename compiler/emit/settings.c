// What is in force in a run: the settings of `train`, given in the text, by the command line or by default,
// each with where it came from; the numbers among them. Guarantees: what stands in Module is what shape/ has
// found.
#include "emit/run.h"

#include <string.h>

const char *place_text(Context *ctx, Span span) {
    const Source *source = span.end ? source_of(ctx, span) : NULL;
    int line, column;
    if (!source || source->library) return NULL;
    if (string_equal(source->name, SET_SOURCE)) return SET_SOURCE;
    source_position(ctx, span, &line, &column);
    return string_format(ctx->arena, "line %d", line);
}

static const char *origin_of(const Run *r, Span span) {
    const char *place = place_text(r->ctx, span);
    return place ? place : "default of the library";
}

void run_in_force(Run *r, const char *name, const Phrase *e, const char *origin) {
    vec_push(r->arena, &r->module->in_force,
             ((InForce){name, node_text(r->m->arena, e->node), origin ? origin : origin_of(r, e->span)}));
}

// ---- numbers ----

// What a setting's line says: known since shape/.
static double number_of(const Run *r, const char *name, double preset) {
    const Phrase *e = run_setting_phrase(r, name);
    return e && e->kind != PHRASE_WORD ? r->block->of[e->number].number : preset;
}

static void read_numbers(Run *r) {
    Module *m = r->module;
    m->batch = r->tree->batch;
    m->epochs = (int64_t)number_of(r, "epochs", -1);
    m->steps = (int64_t)number_of(r, "steps", -1);
    m->accumulate = (int64_t)number_of(r, "accumulate", 1);
    m->seed = (int64_t)number_of(r, "seed", 0);
    m->shuffle = number_of(r, "shuffle", 1) != 0;
    m->drop_last = number_of(r, "drop_last", 0) != 0;
}

static void read_start(Run *r) {
    const Phrase *start = run_setting_phrase(r, "start");
    if (!start) return;
    r->module->start_file = start->part[0]->text;
    for (int i = 0; i < r->tree->start.count; i++)
        vec_push(r->arena, &r->module->start_names, r->tree->start.data[i]);
}

Precision run_precision(const Tree *tree, const CompileOptions *options) {
    const Run r = {.block = tree->roots.data[tree->roots.count - 1]->of};
    const Phrase *word = run_setting_phrase(&r, "precision");
    if (options->precision_given) return options->precision;
    return word ? precision_find(word->builtin->name) : PRECISION_DEFAULT;
}

// ---- for `explain` ----

// The settings that have an option of their own: what it says, or NULL.
static const char *option_text(const Run *r, const CompileOptions *o, const char *name) {
    if (o->batch && string_equal(name, "batch")) return string_format(r->arena, "%lld", (long long)o->batch);
    return o->precision_given && string_equal(name, "precision") ? precision_word(o->precision) : NULL;
}

static void tell_setting(Run *r, const CompileOptions *o, const TrainSetting *row) {
    const char *option = option_text(r, o, row->name);
    const Phrase *e = run_setting_phrase(r, row->name);
    if (option)
        vec_push(r->arena, &r->module->in_force,
                 ((InForce){row->name, option, string_format(r->arena, "--%s", row->name)}));
    else if (e)
        run_in_force(r, row->name, e, NULL);
    else if (row->preset[0])
        vec_push(r->arena, &r->module->in_force, ((InForce){row->name, row->preset, "default"}));
}

static void tell(Run *r, const Node *root, const CompileOptions *o) {
    const TrainSetting *row;
    for (int i = 0; i < root->count; i++) {
        const Node *item = root->items[i];
        if (item->kind == AST_CONSTANT && node_is_set(r->ctx, item->value))
            run_in_force(r, item->name, definition_of_node(r->m->library, item)->body, NULL);
    }
    for (int i = 0; (row = train_setting_row(i)); i++) tell_setting(r, o, row);
}

// ---- what speaks of the run's length ----

// `steps` or `epochs` stand in it, in a definition that it calls, or in a default that it leaves.
static bool speaks_of_length(const Phrase *e, int depth) {
    if (!e || depth > 64) return false;
    if (e->kind == PHRASE_WORD && e->builtin)
        return string_equal(e->builtin->name, "steps") || string_equal(e->builtin->name, "epochs");
    if (e->kind == PHRASE_DEFINITION && e->definition->node->kind == AST_CONSTANT)
        return speaks_of_length(e->definition->body, depth + 1);
    for (int i = 0; i < e->count; i++)
        if (speaks_of_length(e->part[i], depth + 1)) return true;
    const Definition *d = e->kind == PHRASE_APPLY || e->kind == PHRASE_MAKE ? e->definition : NULL;
    for (int i = 0; d && i < d->parameters; i++)
        if (!(i < e->count && e->part[i]) && speaks_of_length(d->preset[i], depth + 1)) return true;
    return d && speaks_of_length(d->body, depth + 1);
}

// The smallest calls that do. `name`: of the parameter that it is given for, or NULL.
static void list_lengths(Run *r, const Phrase *e, const char *name) {
    int before = r->module->lengths.count;
    if (!e) return;
    bool call = e->kind == PHRASE_APPLY || e->kind == PHRASE_MAKE;
    bool parts = call || e->kind == PHRASE_MINIMIZE || e->kind == PHRASE_CLAUSE;
    for (int i = 0; parts && i < e->count; i++) {
        bool named = call && e->definition && i < e->definition->parameters;
        list_lengths(r, e->part[i], named ? e->definition->node->items[i]->name : NULL);
    }
    if (r->module->lengths.count > before || !speaks_of_length(e, 0)) return;
    vec_push(r->arena, &r->module->lengths,
             string_format(r->arena, "%s%s%s (%s)", name ? name : "", name ? " = " : "",
                           node_text(r->m->arena, e->node), origin_of(r, e->span)));
}

static void find_lengths(Run *r) {
    const TrainSetting *row;
    for (int i = 0; (row = train_setting_row(i)); i++)
        if (!string_equal(row->name, "epochs") && !string_equal(row->name, "steps"))
            list_lengths(r, run_setting_phrase(r, row->name), NULL);
    const Phrase *body = r->block->define->body;
    for (int i = 0; i < body->count; i++)
        if (body->part[i] && body->part[i]->kind == PHRASE_MINIMIZE) list_lengths(r, body->part[i], NULL);
}

void settings_read(Run *r, const Node *root, const CompileOptions *options) {
    read_numbers(r);
    read_start(r);
    find_lengths(r);
    tell(r, root, options);
}
