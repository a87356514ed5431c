// Names in `data`, `train` and `assert` (rules 20, 22, 24; the settings of `train`).
// Guarantees: fields, settings and the words of a run are each known and at their place; nothing hides a
// run's word.
#include "sema/scope.h"

static const Node *const *entries(const Node *n) { return (const Node *const *)n->items; }

static void report_again(Resolver *r, const char *name, Span span, Span before) {
    Diagnostic *d = diagnose(r->ctx, GIVEN_TWICE, span, name);
    diagnostic_note(r->ctx, d, before, "it is given here first");
}

static const Node *left_name(const Node *s) {
    if (s->kind != AST_ASSIGN) return NULL;
    const Node *target = s->target->kind == AST_INDEX ? s->target->base : s->target;
    return target->kind == AST_NAME ? target : NULL;
}

static bool data_setting(const char *name) {
    return string_equal(name, "split") || string_equal(name, "order");
}

// ---- data ----

bool node_names(const Node *e, const char *name) {
    if (!e) return false;
    if (e->kind == AST_NAME) return e->name == name;
    for (int i = 0; i < 3; i++)
        if (node_names(e->kid[i], name)) return true;
    for (int i = 0; i < e->count; i++)
        if (node_names(e->items[i], name)) return true;
    return false;
}

bool field_is_indexed(const Library *library, const Node *line) {
    for (int i = 0; line->target->kind == AST_INDEX && i < line->target->count; i++) {
        const Node *item = line->target->items[i];
        if (item->kind == AST_WHOLE || (item->kind == AST_BINARY && item->op == OPERATOR_LESS)) return true;
        const Node *known = item->kind == AST_NAME ? library_find(library, item->span, item->name) : NULL;
        if (item->kind == AST_NAME && !(known && known->kind == AST_CONSTANT) &&
            node_names(line->assigned, item->name))
            return true;
    }
    return false;
}

static void resolve_field(Resolver *r, const Node *s) {
    const Node *name = left_name(s);
    if (!name || s->op != OPERATOR_SET) {
        diagnose(r->ctx, WRONG_TARGET, s->target->span);
        return;
    }
    if (string_equal(name->name, "test")) diagnose(r->ctx, RESERVED_FIELD, name->span, name->name);
    scope_open(r);
    if (s->target->kind == AST_INDEX) {
        bool indexed = field_is_indexed(r->library, s);
        r->groups = GROUPS_VALUE;
        (indexed ? bind_indices : resolve_items)(r, entries(s->target), s->target->count);
        r->groups = GROUPS_DATA;
    }
    resolve_value(r, s->assigned);
    scope_close(r);
    const Local *own = scope_own(r, name->name);
    if (own)
        report_again(r, name->name, name->span, own->span);
    else
        scope_add(r, name->name, LOCAL_FIELD, name->span);
}

static void resolve_data_setting(Resolver *r, const Node *s) {
    const Node *name = left_name(s);
    if (string_equal(name->name, "split")) {
        resolve_word(r, s->assigned, 1u << GROUP_SPLIT, "random(...), ordered(...) or folds(...)");
        return;
    }
    if (s->assigned->kind != AST_NAME || !string_equal(s->assigned->name, "stream"))
        diagnose(r->ctx, WORD_EXPECTED, s->assigned->span, "`stream`");
}

// test { … } and validation { … }: the same fields from other files.
static void resolve_data_part(Resolver *r, const Node *s) {
    if (!string_equal(s->name, "test") && !string_equal(s->name, "validation")) {
        static const char *const parts[] = {"test", "validation"};
        Diagnostic *d = diagnose(r->ctx, UNKNOWN_PART, s->name_span, s->name);
        const char *near = string_nearest(s->name, parts, 2);
        if (near) diagnostic_help(r->ctx, d, "did you mean `%s`?", near);
        return;
    }
    const Scope *fields = r->scope;
    scope_open(r);
    for (int i = 0; s->block && i < s->block->count; i++) {
        const Node *line = s->block->items[i], *name = left_name(line);
        if (!name) {
            diagnose(r->ctx, WRONG_TARGET, line->span);
            continue;
        }
        if (!map_get(fields->locals, name->name)) {
            map_set(r->reported, name->name, r);
            Diagnostic *d = diagnose(r->ctx, UNKNOWN_FIELD, name->span, name->name);
            const char *near = nearest_name(r, name->name);
            if (near) diagnostic_help(r->ctx, d, "did you mean `%s`?", near);
            continue;
        }
        resolve_field(r, line);
    }
    scope_close(r);
}

void resolve_data(Resolver *r, const Node *data) {
    r->definition = NULL;
    r->scope = NULL;
    r->reported = map_create(r->ctx->arena);
    r->groups = GROUPS_DATA;
    scope_open(r);
    if (data->source)
        resolve_word(r, data->source, 1u << GROUP_SOURCE, "a source: csv, table, synthetic, idx or npy");
    const Node *settings[2] = {NULL, NULL};
    expect_names(r, data->block);
    for (int i = 0; data->block && i < data->block->count; i++) {
        const Node *s = data->block->items[i], *name = left_name(s);
        bool setting = name && data_setting(name->name) && s->target->kind == AST_NAME;
        if (setting) {
            const Node **seen = &settings[string_equal(name->name, "order")];
            if (*seen) report_again(r, name->name, name->span, (*seen)->span);
            *seen = s;
        } else if (s->kind == AST_ASSIGN) {
            resolve_field(r, s);
        }
    }
    for (int i = 0; data->block && i < data->block->count; i++)
        if (data->block->items[i]->kind == AST_PART) resolve_data_part(r, data->block->items[i]);
    for (int k = 0; k < 2; k++) // last: `stratify` names a field
        if (settings[k]) resolve_data_setting(r, settings[k]);
    r->wrong_fields = r->reported;
    scope_close(r);
}

// ---- train: what is in scope ----

static bool run_word(const char *name) {
    static const char *const words[] = {"step", "steps",         "epoch", "epochs",    "time",
                                        "loss", "gradient_norm", "test",  "validation"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (string_equal(words[i], name)) return true;
    return false;
}

// Has something inside this place had its message?
static bool has_error(const Context *ctx, Span span) {
    for (int i = 0; i < ctx->diagnostics.count; i++) {
        const Diagnostic *d = ctx->diagnostics.data[i];
        if (d->severity == SEVERITY_ERROR && d->span.start >= span.start && d->span.end <= span.end)
            return true;
    }
    return false;
}

static const Node *find_at_file(Resolver *r, const Node *name, const char *wanted) {
    const Node *found = library_find(r->library, name->span, name->name);
    if (found) return found;
    Diagnostic *d = diagnose(r->ctx, UNKNOWN_ITEM, name->span, wanted, name->name);
    const char *names[256];
    int count = 0;
    for (int i = 0; i < r->file->count && count < 256; i++) {
        const Node *item = r->file->items[i];
        bool model = item->kind == AST_DEFINE && item->definition == DEFINE_MODEL;
        if (model ? string_equal(wanted, "model")
                  : item->kind == AST_DATA && string_equal(wanted, "data block"))
            names[count++] = item->name;
    }
    const char *near = string_nearest(name->name, names, count);
    if (!near && count == 1) near = names[0];
    if (!near) return NULL;
    diagnostic_note(r->ctx, d, library_find(r->library, name->span, near)->name_span, "`%s` stands here",
                    near);
    diagnostic_help(r->ctx, d, "did you mean `%s`?", near);
    return NULL;
}

static void add_fields(Resolver *r, const Node *data) {
    for (int i = 0; data->block && i < data->block->count; i++) {
        const Node *s = data->block->items[i], *name = left_name(s);
        if (!name || (data_setting(name->name) && s->target->kind == AST_NAME)) continue;
        // A field `test`, and one whose line is wrong, have had their message.
        if (run_word(name->name) && !has_error(r->ctx, s->span)) {
            Diagnostic *d = diagnose(r->ctx, HIDES_RUN, name->span, name->name);
            diagnostic_help(r->ctx, d, "give the field another name");
        }
        scope_add(r, name->name, LOCAL_FIELD, name->span);
    }
}

// What a model with mistakes gives may have been meant to be an output.
static void add_wrong(Resolver *r, const Node *model) {
    for (int i = 0; model->body && model->body->kind == AST_BLOCK && i < model->body->count; i++) {
        const Node *name = left_name(model->body->items[i]);
        if (name && !scope_find(r, name->name)) scope_add(r, name->name, LOCAL_WRONG, name->span);
    }
}

// A single model is called by itself when all its inputs are fields; its outputs are then in scope.
static void add_outputs(Resolver *r, const Node *model, const Node *name, bool single) {
    const Node *absent = NULL;
    for (int i = 0; i < model->count; i++)
        if (!scope_find(r, model->items[i]->name)) absent = absent ? absent : model->items[i];
    if (!single || (absent && r->model_called)) return;
    bool wrong = has_error(r->ctx, model->span) || (r->data && has_error(r->ctx, r->data->span));
    if (absent && wrong)
        scope_add(r, absent->name, LOCAL_WRONG, absent->span); // a name of the two was meant to be the other
    else if (absent) {
        Diagnostic *d = diagnose(r->ctx, INPUT_NO_FIELD, name->span, absent->name, model->name,
                                 r->data ? r->data->name : "the data");
        const char *near = nearest_name(r, absent->name);
        diagnostic_note(r->ctx, d, absent->span, "the input stands here");
        if (near && scope_find(r, near))
            diagnostic_help(r->ctx, d, "did you mean the field `%s`?", near);
        else
            diagnostic_help(r->ctx, d, "a model whose inputs are no fields is called in the block: %s(...)",
                            model->name);
    }
    for (int i = 0; model->results && i < model->results->count; i++) {
        const Node *result = model->results->items[i];
        Local *field = scope_find(r, result->name);
        if (field && (wrong || field->kind == LOCAL_WRONG)) continue;
        if (field || run_word(result->name)) {
            Diagnostic *d =
                diagnose(r->ctx, field ? OUTPUT_IS_FIELD : HIDES_RUN, result->name_span, result->name);
            diagnostic_help(r->ctx, d, "give the output another name");
        }
        if (!field) scope_add(r, result->name, LOCAL_OUTPUT, result->name_span);
    }
    if (wrong) add_wrong(r, model);
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
static bool open_train(Resolver *r, const Node *train) {
    int errors = r->ctx->errors;
    Node *name = node_new(r->ctx, AST_NAME, train->name_span);
    name->name = train->name;
    const Node *data = train->name ? find_at_file(r, name, "data block") : NULL;
    if (data && data->kind != AST_DATA) {
        diagnose(r->ctx, WRONG_KIND, train->name_span, train->name, kind_phrase(data), "a data block");
        data = NULL;
    }
    r->data = data;
    scope_open(r);
    scope_add(r, context_intern(r->ctx, "batch", 5), LOCAL_SIZE, train->span)->used = true;
    if (data) add_fields(r, data);
    for (int i = 0; r->wrong_fields && i < map_count(r->wrong_fields); i++)
        if (!scope_own(r, map_key(r->wrong_fields, i)))
            scope_add(r, map_key(r->wrong_fields, i), LOCAL_WRONG, train->span);
    for (int i = 0; i < train->count; i++) {
        const Node *word = train->items[i], *model = find_at_file(r, word, "model");
        if (!model) continue;
        if (model->kind != AST_DEFINE || model->definition != DEFINE_MODEL) {
            diagnose(r->ctx, WRONG_KIND, word->span, word->name, kind_phrase(model), "a model");
            continue;
        }
        r->model_called = calls(train->block, model->name);
        if (data && r->ctx->errors == errors) add_outputs(r, model, word, train->count == 1);
    }
    return data && r->ctx->errors == errors;
}

// ---- train: metrics ----

static const char *metric_name(const Node *m) {
    if (m->kind == AST_NAMED || m->kind == AST_NAME) return m->name;
    if (m->kind == AST_CALL && (m->base->kind == AST_NAME || m->base->kind == AST_MEMBER))
        return m->base->name;
    return NULL;
}

static void collect_metrics(Resolver *r, const Node *list) {
    r->metrics = map_create(r->ctx->arena);
    if (!list) return;
    for (int i = 0; i < (list->kind == AST_LIST ? list->count : 1); i++) {
        const Node *m = list->kind == AST_LIST ? list->items[i] : list;
        const char *name = metric_name(m);
        if (!name && m == list) return; // its message is that it is no list
        if (!name) {
            Diagnostic *d = diagnose(r->ctx, METRIC_WITHOUT_NAME, m->span);
            diagnostic_help(r->ctx, d, "give it one: `metrics = [name = ...]`");
            continue;
        }
        const Node *before = map_get(r->metrics, name);
        if (before || string_equal(name, "loss")) {
            Diagnostic *d = diagnose(r->ctx, METRIC_TWICE, m->span, name);
            if (before) diagnostic_note(r->ctx, d, before->span, "the first stands here");
            diagnostic_help(r->ctx, d, "give it another name: `other = %s(...)`", name);
        } else {
            map_set(r->metrics, name, (void *)m);
        }
    }
}

static bool split_setting(const char *name) {
    static const char *const words[] = {"test", "validation", "stratify", "seed", "k"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (string_equal(words[i], name)) return true;
    return false;
}

static bool has_part(const Node *data, const char *part) {
    for (int i = 0; data->block && i < data->block->count; i++) {
        const Node *s = data->block->items[i], *name = left_name(s);
        if (s->kind == AST_PART && string_equal(s->name, part)) return true;
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
static void check_parts(Resolver *r, const Node *e, bool *told) {
    if (!e || !r->data) return;
    if (e->kind == AST_MEMBER && e->base->kind == AST_NAME) {
        bool test = string_equal(e->base->name, "test"), other = string_equal(e->base->name, "validation");
        if ((test || other) && !told[other] && !has_part(r->data, e->base->name)) {
            told[other] = true;
            Diagnostic *d = diagnose(r->ctx, NO_PART, e->span, r->data->name, e->base->name);
            diagnostic_help(r->ctx, d, "a part is held out by `split = random(%s = 20%%)`", e->base->name);
        }
    }
    for (int i = 0; i < 3; i++) check_parts(r, e->kid[i], told);
    for (int i = 0; i < e->count; i++) check_parts(r, e->items[i], told);
}

// ---- train: settings and lines ----

static void resolve_metrics(Resolver *r, const Node *list) {
    r->metrics_ok = true;
    if (list->kind != AST_LIST) {
        Diagnostic *d = diagnose(r->ctx, WORD_EXPECTED, list->span, "a list of metrics");
        diagnostic_help(r->ctx, d, "write it in brackets: `metrics = [...]`");
    } else {
        resolve_items(r, entries(list), list->count);
    }
    r->metrics_ok = false;
}

static void resolve_setting(Resolver *r, const TrainSetting *setting, const Node *value) {
    bool call = value->kind == AST_CALL;
    switch (setting->kind) {
    case VALUE_EXPRESSION:
        if (string_equal(setting->name, "optimizer")) {
            resolve_optimizer(r, value);
        } else if (string_equal(setting->name, "constrain") &&
                   (value->kind == AST_NAME || value->kind == AST_CALL)) {
            if (call)
                resolve_call(r, value, 1);
            else
                resolve_callee(r, value, 1);
        } else {
            resolve_value(r, value);
        }
        break;
    case VALUE_COUNT:
    case VALUE_FLAG: resolve_value(r, value); break;
    case VALUE_METRICS: resolve_metrics(r, value); break;
    case VALUE_WORDS_BATCH:
        if (value->kind != AST_NAME || !builtin_find(value->name, 1u << GROUP_BATCH)) resolve_value(r, value);
        break;
    case VALUE_WORDS_CLIP: resolve_word(r, value, 1u << GROUP_CLIP, "norm(c) or value(c)"); break;
    case VALUE_WORDS_START: resolve_word(r, value, 1u << GROUP_START, "weights(file)"); break;
    case VALUE_WORDS_BEST: resolve_word(r, value, 1u << GROUP_BEST, "best(v)"); break;
    case VALUE_WORDS_AVERAGE: resolve_word(r, value, 1u << GROUP_AVERAGE, "ema(d) or swa(from)"); break;
    case VALUE_WORDS_PRECISION:
        resolve_word(r, value, 1u << GROUP_PRECISION, "strict, default or double");
        break;
    }
}

static void resolve_clause(Resolver *r, const Node *clause) {
    const Node *over = clause->over, *with = clause->optimizer;
    if (over) {
        const Node *callee = over->kind == AST_CALL ? over->base : over;
        bool word = callee->kind == AST_NAME && !scope_find(r, callee->name) &&
                    builtin_find(callee->name, 1u << GROUP_SELECT);
        if (word)
            resolve_word(r, over, 1u << GROUP_SELECT, "a model, a layer, matrices(...), rest or all");
        else
            resolve_value(r, over);
    }
    if (with && with->kind == AST_IF && !with->otherwise) {
        resolve_value(r, with->condition);
        with = with->value;
    }
    resolve_optimizer(r, with);
}

static void resolve_minimize(Resolver *r, const Node *s) {
    resolve_value(r, s->value);
    for (int i = 0; i < s->count; i++) resolve_clause(r, s->items[i]);
}

static void resolve_line(Resolver *r, const Node *s) {
    const Node *name = left_name(s);
    if (s->kind == AST_MINIMIZE) {
        resolve_minimize(r, s);
    } else if (name && run_word(name->name)) {
        Diagnostic *d = diagnose(r->ctx, HIDES_RUN, name->span, name->name);
        diagnostic_help(r->ctx, d, "give it another name");
        scope_add(r, name->name, LOCAL_WRONG, name->span);
    } else {
        resolve_statement(r, s);
    }
}

typedef struct {
    const Node *of[32], *minimize;
} Given;

// The settings' lines, each once.
static Given collect_settings(Resolver *r, const Node *block) {
    Given given = {0};
    for (int i = 0; block && i < block->count; i++) {
        const Node *s = block->items[i], *name = left_name(s);
        if (s->kind == AST_MINIMIZE && !given.minimize) given.minimize = s;
        const TrainSetting *row = name && s->target->kind == AST_NAME ? train_setting_find(name->name) : NULL;
        if (!row) continue;
        const Node **seen = &given.of[row - train_setting_row(0)];
        if (*seen)
            report_again(r, name->name, name->span, (*seen)->span);
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
static void check_needed(Resolver *r, const Node *train, const Given *given) {
    const Node *loss = given_setting(given, "loss"), *optimizer = given_setting(given, "optimizer");
    if (given->minimize && (loss || optimizer)) {
        Diagnostic *d = diagnose(r->ctx, TWO_FORMS, given->minimize->span);
        diagnostic_note(r->ctx, d, (loss ? loss : optimizer)->span, "the short form stands here");
    } else if (!given->minimize && !(loss && optimizer)) {
        Diagnostic *d = diagnose(r->ctx, NEEDED_SETTING, train->span,
                                 loss        ? "an `optimizer`"
                                 : optimizer ? "a `loss`"
                                             : "a `loss` and an `optimizer`");
        diagnostic_help(
            r->ctx, d, loss ? "for example `optimizer = adam(1e-3)`" : "for example `loss = mse(y, target)`");
    }
    if (!given_setting(given, "epochs") && !given_setting(given, "steps")) {
        Diagnostic *d = diagnose(r->ctx, NEEDED_SETTING, train->span, "`epochs` or `steps`");
        diagnostic_help(r->ctx, d, "for example `epochs = 10`");
    }
}

static bool mentioned(const Node *e, const char *name) {
    if (!e) return false;
    if (e->kind == AST_NAME && string_equal(e->name, name)) return true;
    for (int i = 0; i < 3; i++)
        if (mentioned(e->kid[i], name)) return true;
    for (int i = 0; i < e->count; i++)
        if (mentioned(e->items[i], name)) return true;
    return false;
}

static bool is_optimizer_call(Resolver *r, const Node *e) {
    if (e->kind != AST_CALL) return false;
    const Node *f = e->base, *found = NULL;
    if (f->kind == AST_NAME)
        found = library_find(r->library, f->span, f->name);
    else if (f->kind == AST_MEMBER && f->base->kind == AST_NAME)
        found = library_member(r->library, f->span, f->base->name, f->name);
    return found && found->kind == AST_DEFINE && found->definition == DEFINE_OPTIMIZER;
}

// A setting that a name which nothing else speaks of was meant to be, or NULL.
static const TrainSetting *misspelt(Resolver *r, const Node *block, const Node *s, const Given *given) {
    if (s->kind != AST_ASSIGN || s->target->kind != AST_NAME || s->op != OPERATOR_SET ||
        run_word(s->target->name))
        return NULL;
    for (int i = 0; i < block->count; i++) {
        const Node *other = block->items[i];
        if (other == s) continue;
        if (mentioned(other->kind == AST_ASSIGN ? other->assigned : other, s->target->name)) return NULL;
    }
    if (is_optimizer_call(r, s->assigned)) return train_setting_find("optimizer");
    const char *names[64], *word = word_of_others(s->target->name);
    int count = 0;
    for (int i = 0; train_setting_row(i); i++)
        if (!given->of[i]) names[count++] = train_setting_row(i)->name;
    const char *near =
        word && train_setting_find(word) ? word : string_nearest(s->target->name, names, count);
    return near ? train_setting_find(near) : NULL;
}

static bool resolve_misspelt(Resolver *r, const Node *block, const Node *s, Given *given) {
    const TrainSetting *row = misspelt(r, block, s, given);
    if (!row || given->of[row - train_setting_row(0)]) return false;
    Diagnostic *d = diagnose(r->ctx, UNUSED, s->target->span, s->target->name);
    diagnostic_help(r->ctx, d, "did you mean the setting `%s`?", row->name);
    given->of[row - train_setting_row(0)] = s;
    return true;
}

// Definitions first, in the order of the text, then settings: a setting may use whatever the block defines.
static void resolve_train_block(Resolver *r, const Node *train, Given *given) {
    const Node *block = train->block;
    for (int i = 0; block && i < block->count; i++) {
        const Node *s = block->items[i], *name = left_name(s);
        bool setting = name && s->target->kind == AST_NAME && train_setting_find(name->name);
        if (setting && s->op != OPERATOR_SET) diagnose(r->ctx, WRONG_TARGET, s->target->span);
        if (setting || s->kind == AST_MINIMIZE || resolve_misspelt(r, block, s, given)) continue;
        resolve_line(r, s);
    }
    for (int i = 0; block && i < block->count; i++)
        if (block->items[i]->kind == AST_MINIMIZE) resolve_line(r, block->items[i]);
    for (int i = 0; train_setting_row(i); i++)
        if (given->of[i]) resolve_setting(r, train_setting_row(i), given->of[i]->assigned);
}

void resolve_train(Resolver *r, const Node *train) {
    r->definition = NULL;
    r->scope = NULL;
    r->reported = map_create(r->ctx->arena);
    r->groups = GROUPS_TRAIN;
    r->metrics_ok = false;
    Given given = collect_settings(r, train->block);
    collect_metrics(r, given_setting(&given, "metrics"));
    if (open_train(r, train)) {
        scope_open(r);
        resolve_train_block(r, train, &given);
        bool told[2] = {false, false};
        if (!has_error(r->ctx, r->data->span)) check_parts(r, train->block, told);
        report_unused(r, true);
        if (!has_error(r->ctx, train->span)) check_needed(r, train, &given);
        scope_close(r);
    }
    scope_close(r);
    r->data = NULL;
    r->metrics = NULL;
}

// ---- assert ----

// Comparisons joined by `and`: each is judged, and shown, by itself.
static void check_promises(Resolver *r, const Node *e) {
    bool joined = e->kind == AST_BINARY && e->op == OPERATOR_AND;
    if (joined) {
        check_promises(r, e->left);
        check_promises(r, e->right);
    } else if (e->kind != AST_BINARY || operator_precedence(e->op) != operator_precedence(OPERATOR_LESS)) {
        Diagnostic *d = diagnose(r->ctx, ASSERT_CONDITION, e->span);
        if (e->kind == AST_BINARY && e->op == OPERATOR_OR)
            diagnostic_help(r->ctx, d, "comparisons are joined by `and`, or stand in several `assert` lines");
    }
}

void resolve_assert(Resolver *r, const Node *s) {
    int errors = r->ctx->errors;
    r->definition = NULL;
    r->scope = NULL;
    r->reported = map_create(r->ctx->arena);
    r->groups = 1u << GROUP_ASSERT | 1u << GROUP_SCALAR;
    resolve_value(r, s->value);
    if (r->ctx->errors == errors) check_promises(r, s->value);
}
