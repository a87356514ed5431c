// Names in data blocks (rule 24): fields, parts, `split` and `order`.
// Guarantees: a field is given once, a part gives fields that are there, and what stands in a field's
// brackets is told apart: indices of an equation, or sizes.
#include "bind/scope.h"

static const Node *const *entries(const Node *n) { return (const Node *const *)n->items; }

const char *const part_words[] = {"test", "validation", NULL};

static const char *const settings[] = {"split", "order", "stride", "within", "test", "validation"};
enum { SETTINGS = sizeof settings / sizeof *settings, FILES = 4 }; // from here on a part's file

// The place of a line's setting; -1: it is none.
int data_setting(const Node *s) {
    const Node *name = left_name(s);
    int k = SETTINGS - 1;
    if (!name || s->target->kind != AST_NAME) return -1;
    while (k >= 0 && !string_equal(name->name, settings[k])) k--;
    const Node *value = k < FILES ? NULL : s->assigned;
    if (value && value->kind == AST_CALL) value = value->base;
    bool source = value && value->kind == AST_NAME && builtin_find(value->name, 1u << GROUP_SOURCE);
    return k < FILES || source ? k : -1;
}

// ---- fields ----

bool node_names(const Node *e, const char *name) {
    if (!e) return false;
    if (e->kind == AST_NAME) return e->name == name;
    for (int i = 0; i < 3; i++)
        if (node_names(e->kid[i], name)) return true;
    for (int i = 0; i < e->count; i++)
        if (node_names(e->items[i], name)) return true;
    return false;
}

// z[i] = x[i] / 2: are the brackets of a field's line indices of an equation? Else they are sizes: numbers,
// and names that the file defines or the equation does not hold.
static bool is_indexed(const Bind *b, const Node *line) {
    for (int i = 0; i < line->target->count; i++) {
        const Node *item = line->target->items[i];
        if (item->kind == AST_WHOLE || (item->kind == AST_BINARY && item->op == OPERATOR_LESS)) return true;
        const Node *known = item->kind == AST_NAME ? library_find(b->library, item->span, item->name) : NULL;
        if (item->kind == AST_NAME && !(known && known->kind == AST_CONSTANT) &&
            node_names(line->assigned, item->name))
            return true;
    }
    return false;
}

static Phrase *wrong(Bind *b, const Node *s) { return phrase_done(b, phrase_new(b, PHRASE_WRONG, s, 0)); }

// A line of one number, text or word says nothing of the rows.
static bool is_plain(const Bind *b, const Node *e) {
    bool word = e->kind == AST_NAME && !scope_find(b, e->name) && !library_find(b->library, e->span, e->name);
    return word || e->kind == AST_NUMBER || e->kind == AST_TEXT || e->kind == AST_BOOL;
}

// `separator = ";"`, `batch = 32` as lines of the block: meant for the source's call, or for `train`.
static bool is_setting(Bind *b, const Node *s, const Node *name) {
    const Node *source = b->definition->node->source,
               *call = source->kind == AST_CALL ? source->base : source;
    if (s->target->kind != AST_NAME || !is_plain(b, s->assigned)) return false;
    const char *value = node_text(b->ctx->arena, s->assigned);
    const Builtin *row = call->kind == AST_NAME ? builtin_find(call->name, 1u << GROUP_SOURCE) : NULL;
    bool own = row && builtin_takes(b, row, name->name);
    if (!own && !train_setting_find(name->name)) return false;
    Diagnostic *d = report(b, FIELD_SETTING, name->span, name->name, own ? "the source" : "`train`");
    if (own)
        diagnostic_help(b->ctx, d, "it stands in the call of the source: `%s(…, %s = %s)`", row->name,
                        name->name, value);
    else
        diagnostic_help(b->ctx, d, "the line belongs in the `train` block");
    return true;
}

static Phrase *bind_field(Bind *b, const Node *s) {
    const Node *name = left_name(s);
    if (!name || s->op != OPERATOR_SET) {
        report_target(b, s->target->span);
        return wrong(b, s);
    }
    if (is_setting(b, s, name)) return wrong(b, s);
    if (string_equal(name->name, "test")) {
        Diagnostic *d = report(b, RESERVED_FIELD, name->span, name->name);
        diagnostic_help(b->ctx, d,
                        "rows are held out by `split = random(test = 20%%)`, or stand in a file: `test = "
                        "csv(\"test.csv\")`");
    }
    Phrase *p = phrase_new(b, PHRASE_GIVE, s, 0);
    scope_open(b);
    if (s->target->kind == AST_INDEX) {
        b->groups = GROUPS_VALUE;
        (is_indexed(b, s) ? bind_binders : bind_items)(b, p, entries(s->target), s->target->count);
        b->groups = GROUPS_DATA;
    }
    bind_items(b, p, (const Node *const *)&s->assigned, 1);
    scope_close(b);
    Slot *own = scope_own(b, name->name);
    if (own) report_twice(b, name->name, name->span, own->span, NULL);
    p->slot = own ? own : scope_add(b, name->name, SLOT_FIELD, name->span);
    return phrase_done(b, p);
}

// ---- settings ----

// `stream`, `balanced(species)`
static bool orders(const Node *e) {
    bool call = e->kind == AST_CALL;
    const Node *word = call ? e->base : e;
    return word->kind == AST_NAME && string_equal(word->name, call ? "balanced" : "stream");
}

static Phrase *bind_data_setting(Bind *b, const Node *s) {
    Phrase *p = phrase_new(b, PHRASE_GIVE, s, 1);
    const char *name = left_name(s)->name;
    if (string_equal(name, "test") || string_equal(name, "validation"))
        p->part[0] = bind_word(b, s->assigned, 1u << GROUP_SOURCE, "a source");
    else if (string_equal(name, "stride") || string_equal(name, "within"))
        p->part[0] = bind_value(b, s->assigned);
    else if (string_equal(name, "split"))
        p->part[0] = bind_word(b, s->assigned, 1u << GROUP_SPLIT, "random(...), ordered(...) or folds(...)");
    else if (orders(s->assigned))
        p->part[0] = bind_value(b, s->assigned);
    else
        report_word(b, s->assigned->span, "`stream` or `balanced(FIELD)`");
    if (!p->part[0]) p->part[0] = wrong(b, s->assigned);
    return phrase_done(b, p);
}

// ---- parts ----

static Phrase *bind_part_line(Bind *b, const Node *line, const Scope *fields) {
    const Node *name = left_name(line);
    if (!name) {
        report_target(b, line->span);
        return wrong(b, line);
    }
    if (map_get(fields->slots, name->name)) return bind_field(b, line);
    map_set(b->reported, name->name, b->definition);
    Diagnostic *d = report(b, UNKNOWN_FIELD, name->span, name->name);
    diagnostic_meant(b->ctx, d, name->span, nearest_name(b, name->name));
    return wrong(b, line);
}

// test { … } and validation { … }: the same fields from other files.
static Phrase *bind_part(Bind *b, const Node *s) {
    if (!string_equal(s->name, part_words[0]) && !string_equal(s->name, part_words[1])) {
        Diagnostic *d = report(b, UNKNOWN_PART, s->name_span, s->name);
        diagnostic_meant(b->ctx, d, s->name_span, string_nearest(s->name, part_words, 2));
        return wrong(b, s);
    }
    Phrase *p = phrase_new(b, PHRASE_PART, s, s->block->count);
    p->text = s->name;
    const Scope *fields = b->scope;
    scope_open(b);
    for (int i = 0; i < s->block->count; i++) p->part[i] = bind_part_line(b, s->block->items[i], fields);
    scope_close(b);
    return phrase_done(b, p);
}

// ---- the block ----

const Phrase *data_line(const Phrase *block, const char *field) {
    for (int i = 0; i < block->count; i++) {
        const Phrase *line = block->part[i];
        if (line && line->kind == PHRASE_GIVE && line->slot && string_equal(line->slot->name, field))
            return line;
    }
    return NULL;
}

void bind_data(Bind *b) {
    const Node *data = b->definition->node, *block = data->block, *given[SETTINGS] = {NULL};
    b->groups = GROUPS_DATA;
    scope_open(b);
    Phrase *p = phrase_new(b, PHRASE_BLOCK, block, block->count + 1);
    p->part[block->count] =
        bind_word(b, data->source, 1u << GROUP_SOURCE,
                  "a source: csv, jsonl, sqlite, images, sounds, text, idx, npy, npz, libsvm, cifar, table, "
                  "synthetic or caller");
    expect_names(b, block);
    for (int i = 0; i < block->count; i++) {
        const Node *s = block->items[i];
        int k = data_setting(s);
        if (k >= 0 && given[k])
            report_twice(b, left_name(s)->name, left_name(s)->span, left_name(given[k])->span, NULL);
        if (k >= 0)
            given[k] = s;
        else if (s->kind == AST_ASSIGN)
            p->part[i] = bind_field(b, s);
    }
    for (int i = 0; i < block->count; i++)
        if (block->items[i]->kind == AST_PART) p->part[i] = bind_part(b, block->items[i]);
    for (int i = 0; i < block->count; i++) // last: `stratify` names a field
        for (int k = 0; k < SETTINGS; k++)
            if (given[k] == block->items[i]) p->part[i] = bind_data_setting(b, block->items[i]);
    b->definition->body = phrase_done(b, p);
    b->definition->wrong = b->reported;
}
