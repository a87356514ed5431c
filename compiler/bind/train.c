// Names in `train` blocks (rules 20 and 22, and the settings) and `assert` lines.
// Guarantees: settings and the words of a run are each known and at their place; nothing hides a run's word.
#include "bind/scope.h"

// ---- train: what is in scope ----

static bool run_word(const char *name) {
    return builtin_find(name, 1u << GROUP_RUN | 1u << GROUP_TRAIN) != NULL;
}

static const Node *find_at_file(Bind *b, Span span, const char *name, const char *wanted) {
    const Node *found = library_find(b->library, span, name);
    if (found) return found;
    Diagnostic *d = report(b, UNKNOWN_ITEM, span, wanted, name);
    const char *names[256];
    int count = 0;
    for (int i = 0; i < b->file->root->count && count < 256; i++) {
        const Node *item = b->file->root->items[i];
        bool model = item->kind == AST_DEFINE && item->definition == DEFINE_MODEL;
        if (model ? string_equal(wanted, "model")
                  : item->kind == AST_DATA && string_equal(wanted, "data block"))
            names[count++] = item->name;
    }
    const char *near = string_nearest(name, names, count);
    if (!diagnostic_meant(b->ctx, d, span, near) && count == 1)
        diagnostic_help(b->ctx, d, "did you mean `%s`?", near = names[0]);
    if (near)
        diagnostic_note(b->ctx, d, library_find(b->library, span, near)->name_span, "`%s` stands here", near);
    return NULL;
}

static void add_fields(Bind *b, const Node *data) {
    for (int i = 0; data->block && i < data->block->count; i++) {
        const Node *s = data->block->items[i], *name = left_name(s);
        if (!name || data_setting(s) >= 0) continue;
        // A field `test`, and one whose line is wrong, have had their message.
        if (run_word(name->name) && !diagnosed(b->ctx, s->span)) {
            Diagnostic *d = report(b, HIDES_RUN, name->span, name->name);
            diagnostic_help(b->ctx, d, "give the field another name");
        }
        scope_add(b, name->name, SLOT_FIELD, name->span);
    }
}

// What a model with mistakes gives may have been meant to be an output.
static void add_wrong(Bind *b, const Node *model) {
    for (int i = 0; model->body && model->body->kind == AST_BLOCK && i < model->body->count; i++) {
        const Node *name = left_name(model->body->items[i]);
        if (name && !scope_find(b, name->name)) scope_add(b, name->name, SLOT_WRONG, name->span);
    }
}

// A single model is called by itself when all its inputs are fields; its outputs are then in scope.
static void add_outputs(Bind *b, const Node *model, const Node *name, bool single) {
    const Node *absent = NULL;
    for (int i = 0; i < model->count; i++)
        if (!scope_find(b, model->items[i]->name)) absent = absent ? absent : model->items[i];
    if (!single || (absent && b->model_called)) return;
    bool wrong = diagnosed(b->ctx, model->span) || (b->data && diagnosed(b->ctx, b->data->span));
    if (absent && wrong)
        scope_add(b, absent->name, SLOT_WRONG, absent->span); // a name of the two was meant to be the other
    else if (absent) {
        Diagnostic *d = report(b, INPUT_NO_FIELD, name->span, absent->name, model->name,
                               b->data ? b->data->name : "the data");
        const char *near = nearest_name(b, absent->name);
        diagnostic_note(b->ctx, d, absent->span, "the input stands here");
        if (near && scope_find(b, near))
            diagnostic_help(b->ctx, d, "did you mean the field `%s`?", near);
        else
            diagnostic_help(b->ctx, d, "a model whose inputs are no fields is called in the block: %s(...)",
                            model->name);
    }
    for (int i = 0; model->results && i < model->results->count; i++) {
        const Node *result = model->results->items[i];
        Slot *field = scope_find(b, result->name);
        if (field && (wrong || field->kind == SLOT_WRONG)) continue;
        if (field || run_word(result->name)) {
            Diagnostic *d = report(b, field ? OUTPUT_IS_FIELD : HIDES_RUN, result->name_span, result->name);
            diagnostic_help(b->ctx, d, "give the output another name");
        }
        if (!field) scope_add(b, result->name, SLOT_OUTPUT, result->name_span);
    }
    if (wrong) add_wrong(b, model);
}

static bool calls(const Node *e, const char *name) {
    if (!e) return false;
    if (e->kind == AST_CALL && e->base->kind == AST_NAME && string_equal(e->base->name, name)) return true;
    if (e->kind == AST_PIPE && e->right && e->right->kind == AST_NAME && string_equal(e->right->name, name))
        return true;
    for (int i = 0; i < 3; i++)
        if (calls(e->kid[i], name)) return true;
    for (int i = 0; i < e->count; i++)
        if (calls(e->items[i], name)) return true;
    return false;
}

// False after a message: what the names of the block mean is not known then.
static bool open_train(Bind *b, const Node *train) {
    int errors = b->errors;
    const Node *data = train->name ? find_at_file(b, train->name_span, train->name, "data block") : NULL;
    if (data && data->kind != AST_DATA) {
        report_kind(b, train->name_span, train->name, kind_phrase(data), "a data block");
        data = NULL;
    }
    b->data = data;
    const Map *unknown = data ? definition_of_node(b->library, data)->wrong : NULL;
    scope_open(b);
    scope_add(b, context_intern(b->ctx, "batch", 5), SLOT_SIZE, train->span)->used = true;
    if (data) add_fields(b, data);
    for (int i = 0; unknown && i < map_count(unknown); i++)
        if (!scope_own(b, map_key(unknown, i))) scope_add(b, map_key(unknown, i), SLOT_WRONG, train->span);
    for (int i = 0; i < train->count; i++) {
        const Node *word = train->items[i], *model = find_at_file(b, word->span, word->name, "model");
        if (!model) continue;
        if (model->kind != AST_DEFINE || model->definition != DEFINE_MODEL) {
            report_kind(b, word->span, word->name, kind_phrase(model), "a model");
            continue;
        }
        definition_of_node(b->library, model);
        b->model_called = calls(train->block, model->name);
        if (data && b->errors == errors) add_outputs(b, model, word, train->count == 1);
    }
    return data && b->errors == errors;
}

// ---- train: metrics ----

const char *entry_name(const Node *e) {
    if (e->kind == AST_NAMED || e->kind == AST_NAME) return e->name;
    if (e->kind == AST_CALL && (e->base->kind == AST_NAME || e->base->kind == AST_MEMBER))
        return e->base->name;
    return NULL;
}

// Of several lines each loss has a name: loss_1, loss_2 ...
static void collect_losses(Bind *b, const Node *block) {
    const Node *first = NULL;
    for (int i = 0, lines = 0; block && i < block->count; i++) {
        const Node *s = block->items[i];
        if (s->kind != AST_MINIMIZE) continue;
        if (++lines == 2) map_set(b->metrics, "loss_1", (void *)first);
        if (lines == 1)
            first = s;
        else
            map_set(b->metrics, string_format(b->ctx->arena, "loss_%d", lines), (void *)s);
    }
}

// The names of a list's values, each once.
static void collect_names(Bind *b, const char *setting, const Node *list, Map *names) {
    for (int i = 0; list && i < (list->kind == AST_LIST ? list->count : 1); i++) {
        const Node *m = list->kind == AST_LIST ? list->items[i] : list;
        const char *name = entry_name(m);
        if (!name && m == list) return; // its message is that it is no list
        if (!name) {
            Diagnostic *d = report(b, ENTRY_WITHOUT_NAME, m->span, setting);
            const Node *quoted = m->kind == AST_TEXT ? library_find(b->library, m->span, m->name) : NULL;
            if (quoted && quoted->kind == AST_DEFINE)
                diagnostic_help(b->ctx, d, "without quotes, as a call: `%s`", call_text(b, quoted, 0));
            else
                diagnostic_help(b->ctx, d, "give it one: `%s = [name = ...]`", setting);
            continue;
        }
        const Node *before = map_get(names, name);
        if (before || (names == b->metrics && string_equal(name, "loss"))) {
            Diagnostic *d = report(b, ENTRY_TWICE, m->span, setting, name);
            if (before) diagnostic_note(b->ctx, d, before->span, "the first stands here");
            diagnostic_help(b->ctx, d, "give it another name: `other = %s`", node_text(b->ctx->arena, m));
        } else {
            map_set(names, name, (void *)m);
        }
    }
}

static bool split_setting(const char *name) {
    static const char *const words[] = {"test", "validation", "stratify", "seed", "k", "group"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (string_equal(words[i], name)) return true;
    return false;
}

static bool has_part(const Node *data, const char *part) {
    for (int i = 0; data->block && i < data->block->count; i++) {
        const Node *s = data->block->items[i], *name = left_name(s);
        if (s->kind == AST_PART && string_equal(s->name, part)) return true;
        if (name && string_equal(name->name, part)) return true;
        if (!name || !string_equal(name->name, "split") || s->assigned->kind != AST_CALL) continue;
        if (string_equal(s->assigned->base->name, "folds") && string_equal(part, "test")) return true;
        for (int k = 0; k < s->assigned->count; k++) {
            const Node *a = s->assigned->items[k];
            bool named = a->kind == AST_NAMED, misspelt = named && !split_setting(a->name);
            if (misspelt) return true; // its message is out
            if (named ? string_equal(a->name, part) : string_equal(part, k ? "validation" : "test"))
                return true;
        }
    }
    return false;
}

// `test.` without a test part: once for each part, at its first use.
static void check_parts(Bind *b, const Node *e, bool *told) {
    if (!e || !b->data) return;
    if (e->kind == AST_MEMBER && e->base->kind == AST_NAME) {
        bool test = string_equal(e->base->name, "test"), other = string_equal(e->base->name, "validation");
        if ((test || other) && !told[other] && !has_part(b->data, e->base->name)) {
            told[other] = true;
            Diagnostic *d = report(b, NO_PART, e->span, b->data->name, e->base->name);
            diagnostic_help(b->ctx, d, "a part is held out by `split = random(%s = 20%%)`", e->base->name);
        }
    }
    for (int i = 0; i < 3; i++) check_parts(b, e->kid[i], told);
    for (int i = 0; i < e->count; i++) check_parts(b, e->items[i], told);
}

// ---- settings and lines ----

static Phrase *bind_entries(Bind *b, const char *setting, const Node *list, bool metrics) {
    if (list->kind != AST_LIST) {
        Diagnostic *d = report_word(b, list->span, metrics ? "a list of metrics" : "a list of values");
        diagnostic_help(b->ctx, d, "write it in brackets: `%s = [...]`", setting);
        return phrase_wrong(b, list);
    }
    b->metrics_ok = metrics;
    Phrase *p = bind_value(b, list);
    b->metrics_ok = false;
    return p;
}

static Phrase *bind_setting(Bind *b, const TrainSetting *setting, const Node *value) {
    bool constrains = string_equal(setting->name, "constrain");
    switch (setting->kind) {
    case VALUE_EXPRESSION:
        if (constrains && value->kind == AST_CALL) return bind_call(b, value, true, NULL);
        return constrains && value->kind == AST_NAME ? bind_stage(b, value) : bind_value(b, value);
    case VALUE_COUNT:
    case VALUE_FLAG: break;
    case VALUE_METRICS:
    case VALUE_COLUMNS: return bind_entries(b, setting->name, value, setting->kind == VALUE_METRICS);
    case VALUE_WORDS_BATCH:
        if (value->kind == AST_NAME && builtin_find(value->name, 1u << GROUP_BATCH))
            return bind_word(b, value, 1u << GROUP_BATCH, "`all`");
        break;
    case VALUE_OPTIMIZER: return bind_rule(b, value, DEFINE_OPTIMIZER);
    case VALUE_CLIP: return bind_rule(b, value, DEFINE_CLIP);
    case VALUE_AVERAGE: return bind_rule(b, value, DEFINE_AVERAGE);
    case VALUE_WATCH: return bind_rule(b, value, DEFINE_WATCH);
    case VALUE_WORDS_START: {
        b->selects = true;
        Phrase *p = bind_word(b, value, 1u << GROUP_START, "weights(file)");
        b->selects = false;
        return p;
    }
    case VALUE_WORDS_PRECISION:
        return bind_word(b, value, 1u << GROUP_PRECISION, "strict, default, double or bf16");
    }
    return bind_value(b, value);
}

static Phrase *bind_clause(Bind *b, const Node *clause) {
    Phrase *p = phrase_new(b, PHRASE_CLAUSE, clause, 3);
    const Node *with = clause->optimizer;
    if (clause->over) p->part[0] = bind_selection(b, clause->over);
    bool sometimes = with->kind == AST_IF && !with->otherwise;
    if (sometimes) p->part[2] = bind_value(b, with->condition);
    p->part[1] = bind_rule(b, sometimes ? with->value : with, DEFINE_OPTIMIZER);
    return phrase_done(b, p);
}

static Phrase *bind_minimize(Bind *b, const Node *s) {
    Phrase *p = phrase_new(b, PHRASE_MINIMIZE, s, s->count + 1);
    p->part[0] = bind_value(b, s->value);
    for (int i = 0; i < s->count; i++) p->part[i + 1] = bind_clause(b, s->items[i]);
    return phrase_done(b, p);
}

static Phrase *bind_definition_line(Bind *b, const Node *s) {
    const Node *name = left_name(s);
    if (!name || !run_word(name->name)) return bind_statement(b, s);
    const char *names[64], *near;
    int count = 0;
    for (int i = 0; train_setting_row(i); i++) names[count++] = train_setting_row(i)->name;
    near = string_nearest(name->name, names, count);
    Diagnostic *d = report(b, HIDES_RUN, name->span, name->name);
    diagnostic_help(b->ctx, d, near ? "did you mean the setting `%s`?" : "give it another name", near);
    if (near) diagnostic_fix(b->ctx, d, name->span, near);
    scope_add(b, name->name, SLOT_WRONG, name->span);
    return phrase_wrong(b, s);
}

typedef struct {
    const Node *of[32], *minimize;
} Given;

// The settings' lines, each once.
static Given collect_settings(Bind *b, const Node *block) {
    Given given = {0};
    for (int i = 0; block && i < block->count; i++) {
        const Node *s = block->items[i], *name = left_name(s);
        if (s->kind == AST_MINIMIZE && !given.minimize) given.minimize = s;
        const TrainSetting *row = name && s->target->kind == AST_NAME ? train_setting_find(name->name) : NULL;
        if (!row) continue;
        const Node **seen = &given.of[row - train_setting_row(0)];
        if (*seen)
            report_twice(b, name->name, name->span, (*seen)->span, NULL);
        else
            *seen = s;
    }
    return given;
}

static const Node *given_setting(const Given *given, const char *name) {
    const Node *s = given->of[train_setting_find(name) - train_setting_row(0)];
    return s ? s->assigned : NULL;
}

// Of a block without a message: another may stand where the missing one was meant.
static void check_needed(Bind *b, const Node *train, const Given *given) {
    const Node *loss = given_setting(given, "loss"), *optimizer = given_setting(given, "optimizer");
    if (given->minimize && (loss || optimizer)) {
        Diagnostic *d = report(b, TWO_FORMS, given->minimize->span);
        diagnostic_note(b->ctx, d, (loss ? loss : optimizer)->span, "the short form stands here");
    } else if (!given->minimize && !(loss && optimizer)) {
        Diagnostic *d = report(b, NEEDED_SETTING, train->span,
                               loss        ? "an `optimizer`"
                               : optimizer ? "a `loss`"
                                           : "a `loss` and an `optimizer`");
        diagnostic_help(
            b->ctx, d, loss ? "for example `optimizer = adam(1e-3)`" : "for example `loss = mse(y, target)`");
    }
    if (!given_setting(given, "epochs") && !given_setting(given, "steps")) {
        Diagnostic *d = report(b, NEEDED_SETTING, train->span, "`epochs` or `steps`");
        diagnostic_help(b->ctx, d, "for example `epochs = 10`");
    }
}

// A setting that a name which nothing else speaks of was meant to be, or NULL.
static const TrainSetting *misspelt(Bind *b, const Node *block, const Node *s, const Given *given) {
    if (s->kind != AST_ASSIGN || s->target->kind != AST_NAME || s->op != OPERATOR_SET ||
        run_word(s->target->name))
        return NULL;
    for (int i = 0; i < block->count; i++) {
        const Node *other = block->items[i];
        if (other == s) continue;
        if (node_names(other->kind == AST_ASSIGN ? other->assigned : other, s->target->name)) return NULL;
    }
    const Node *e = s->assigned;
    if (e->kind == AST_CALL && is_define(library_callee(b->library, e->base), DEFINE_OPTIMIZER))
        return train_setting_find("optimizer");
    const char *names[64], *word = word_of_others(s->target->name);
    int count = 0;
    for (int i = 0; train_setting_row(i); i++)
        if (!given->of[i]) names[count++] = train_setting_row(i)->name;
    const char *near =
        word && train_setting_find(word) ? word : string_nearest(s->target->name, names, count);
    return near ? train_setting_find(near) : NULL;
}

static bool bind_misspelt(Bind *b, const Node *block, const Node *s, Given *given) {
    const TrainSetting *row = misspelt(b, block, s, given);
    if (!row || given->of[row - train_setting_row(0)]) return false;
    Diagnostic *d = report_useless(b, s->target->name, s->target->span);
    diagnostic_help(b->ctx, d, "did you mean the setting `%s`?", row->name);
    diagnostic_fix(b->ctx, d, s->target->span, row->name);
    given->of[row - train_setting_row(0)] = s;
    return true;
}

// Definitions first, in the order of the text, then settings: a setting may use whatever the block defines.
static Phrase *bind_lines(Bind *b, const Node *block, Given *given) {
    Phrase *p = phrase_new(b, PHRASE_BLOCK, block, block->count);
    for (int i = 0; i < block->count; i++) {
        const Node *s = block->items[i], *name = left_name(s);
        bool setting = name && s->target->kind == AST_NAME && train_setting_find(name->name);
        if (setting && s->op != OPERATOR_SET) report_target(b, s->target->span);
        if (!setting && s->kind != AST_MINIMIZE && !bind_misspelt(b, block, s, given))
            p->part[i] = bind_definition_line(b, s);
    }
    for (int i = 0; i < block->count; i++)
        if (block->items[i]->kind == AST_MINIMIZE) p->part[i] = bind_minimize(b, block->items[i]);
    for (int k = 0; train_setting_row(k); k++)
        for (int i = 0; i < block->count; i++) {
            if (block->items[i] != given->of[k]) continue;
            const Node *s = block->items[i];
            p->part[i] = phrase_new(b, PHRASE_GIVE, s, s->chosen ? 2 : 1);
            p->part[i]->part[0] = bind_setting(b, train_setting_row(k), s->assigned);
            if (s->chosen) p->part[i]->part[1] = bind_selection(b, s->chosen);
            phrase_done(b, p->part[i]);
        }
    return phrase_done(b, p);
}

void bind_train(Bind *b) {
    const Node *train = b->definition->node;
    b->groups = GROUPS_TRAIN;
    Given given = collect_settings(b, train->block);
    b->metrics = map_create(b->ctx->arena);
    collect_losses(b, train->block);
    collect_names(b, "metrics", given_setting(&given, "metrics"), b->metrics);
    collect_names(b, "predict", given_setting(&given, "predict"), map_create(b->ctx->arena));
    if (!open_train(b, train)) return;
    scope_open(b);
    b->definition->body = bind_lines(b, train->block, &given);
    bool told[2] = {false, false};
    if (!diagnosed(b->ctx, b->data->span)) check_parts(b, train->block, told);
    report_unused(b, true);
    if (!diagnosed(b->ctx, train->span)) check_needed(b, train, &given);
}

// ---- assert ----

// Comparisons joined by `and`: each is judged, and shown, by itself.
static void check_promises(Bind *b, const Node *e) {
    bool joined = e->kind == AST_BINARY && e->op == OPERATOR_AND;
    if (joined) {
        check_promises(b, e->left);
        check_promises(b, e->right);
    } else if (e->kind != AST_BINARY || operator_precedence(e->op) != operator_precedence(OPERATOR_LESS)) {
        Diagnostic *d = report(b, ASSERT_CONDITION, e->span);
        if (e->kind == AST_BINARY && e->op == OPERATOR_OR)
            diagnostic_help(b->ctx, d, "comparisons are joined by `and`, or stand in several `assert` lines");
    }
}

void bind_assert(Bind *b) {
    const Node *value = b->definition->node->value;
    b->groups = 1u << GROUP_ASSERT | 1u << GROUP_SCALAR;
    scope_open(b);
    b->definition->body = bind_value(b, value);
    if (!b->errors) check_promises(b, value);
}
