// A run: the data block's fields, its models, the lines and settings of `train`, which parameters are
// trained.
#include "shape/tree.h"

typedef struct {
    Shaper *s;
    Tree *tree;
    Walk *walk;
    const Node *train;
    Definition *block, *data;
    Place at; // of the block's text
} Run;

Shaper *shaper_create(Context *ctx, Library *library, int64_t batch) {
    Shaper *s = arena_new(ctx->arena, Shaper);
    *s = (Shaper){.ctx = ctx, .arena = ctx->arena, .library = library, .batch = batch, .errors = ctx->errors};
    enum { TABLE = 1024 };
    s->table = arena_array(ctx->arena, Case *, TABLE);
    s->dims = arena_array(ctx->arena, struct Interned *, TABLE);
    return s;
}

// A setting's line, or NULL.
static const Phrase *setting_line(const Run *r, const char *name) {
    const Phrase *body = r->block->body;
    for (int i = 0; i < body->count; i++) {
        const Phrase *line = body->part[i];
        if (!line || line->kind != PHRASE_GIVE || line->slot) continue;
        const char *own = line_name(line->node);
        if (own && string_equal(own, name)) return line;
    }
    return NULL;
}

static const Phrase *setting(const Run *r, const char *name) {
    const Phrase *line = setting_line(r, name);
    return line ? line->part[0] : NULL;
}

static int64_t batch_of(Run *r, const Case *data) {
    const Phrase *e = setting(r, "batch");
    int64_t batch = 32;
    if (e && e->kind == PHRASE_WORD) {
        if (r->tree->rows > 0 || data->wrong) return r->tree->rows > 0 ? r->tree->rows : batch;
        Diagnostic *d = fail(r->s, BATCH_ALL, e->span, "");
        diagnostic_help(r->s->ctx, d, "give a number that is large enough: fewer rows make one batch");
        return batch;
    }
    if (e && setting_fits(r->at, "batch", e)) number_at(r->at, e, "batch", &batch);
    return batch;
}

// ---- models ----

static const Shape *field_named(const Run *r, const Case *data, const char *name) {
    const Slot *slot = slot_named(r->data, name, SLOT_FIELD);
    return slot ? &data->slot[slot->number] : NULL;
}

static void set_fields(Run *r, const Case *data) {
    for (int i = 0; i < r->block->slots.count; i++) {
        const Slot *slot = r->block->slots.data[i];
        const Shape *field = slot->kind == SLOT_FIELD ? field_named(r, data, slot->name) : NULL;
        Shape *v = &r->at.c->slot[slot->number];
        if (field) *v = field_of_batch(r->s, *field);
        if (slot->kind != SLOT_SIZE) continue;
        *v = shape_scalar(TYPE_INT); // `batch`
        v->is_rows = v->of_rows = true;
    }
}

static void set_outputs(Run *r, const Case *model) {
    const Node *results = model->define->node->results;
    for (int i = 0; results && i < results->count; i++) {
        const Slot *slot = slot_named(r->block, results->items[i]->name, SLOT_OUTPUT);
        Shape v = model->result;
        if (v.kind == SHAPE_TUPLE) v = i < v.count ? v.items[i] : shape_wrong();
        if (slot) r->at.c->slot[slot->number] = v;
    }
}

// A single model whose inputs are fields is called by itself. False after a message.
static bool call_model(Run *r, const Case *data, const Node *name) {
    const Node *found = library_find(r->s->library, name->span, name->name);
    Definition *model = definition_of_node(r->s->library, found);
    Shape *given = arena_array(r->s->arena, Shape, model->parameters + 1);
    for (int i = 0; i < model->parameters; i++) {
        const Shape *field = field_named(r, data, model->node->items[i]->name);
        if (!field) return true;
        if (field->kind == SHAPE_WRONG) return false;
        given[i] = field_of_batch(r->s, *field);
    }
    Case *c = case_of(r->s, model, given, model->parameters, model->node->name, name->span);
    if (c->wrong) return false;
    walk_model(r->walk, c, name->span);
    set_outputs(r, c);
    return true;
}

// ---- lines and settings ----

// Numbers, and not one a row.
static void check_measure(const Run *r, const Phrase *e, Shape v, const char *what) {
    if (v.kind != SHAPE_LIST && !holds_numbers(r->s, v, e->span)) return;
    for (int d = 0; v.kind == SHAPE_TENSOR && d < v.rank; d++)
        if (v.dims[d].batch) fail(r->s, METRIC_ROWS, e->span, what);
}

static void look_at_loss(Run *r, const Phrase *e) {
    Shape v = shape_first(shape_at(r->at, e));
    if (v.kind == SHAPE_KNOWN)
        fail(r->s, LOSS_CONSTANT, e->span, string_of_double(r->s->arena, v.number));
    else
        check_measure(r, e, v, "the loss");
}

static void look_at_metrics(Run *r, const Phrase *list) {
    for (int i = 0; list && list->kind == PHRASE_LIST && i < list->count; i++) {
        const Phrase *line = list->part[i], *e = line->kind == PHRASE_NAMED ? line->part[0] : line;
        Shape v = shape_first(shape_at(r->at, e));
        r->at.c->of[line->number] = v;
        check_measure(r, e, v, string_format(r->s->arena, "the metric `%s`", entry_name(line->node)));
    }
}

// What is predicted of each row: `..` is the batch.
static void look_at_columns(Run *r, const Phrase *list) {
    Case *c = r->at.c;
    c->has_dots = true;
    c->dots = extents(r->s, &(Extent){r->s->batch, true}, 1);
    c->dot_count = 1;
    for (int i = 0; list && list->kind == PHRASE_LIST && i < list->count; i++) {
        const Phrase *line = list->part[i], *e = line->kind == PHRASE_NAMED ? line->part[0] : line;
        Place at = r->at;
        at.indexed = at.dots = phrase_over_dots(e);
        Shape v = shape_plain(at, shape_at(at, e), e->span);
        bool number = at.indexed && shape_is_number(v);
        if (!holds_numbers(r->s, v, e->span) || number) continue;
        if (at.indexed)
            needs_brackets(r->s, v, e->span);
        else if (v.kind != SHAPE_TENSOR || !v.dims[0].batch)
            fail(r->s, PREDICT_ROWS, e->span, entry_name(line->node));
    }
}

static void look_at_lines(Run *r) {
    const Phrase *body = r->block->body;
    for (int i = 0; i < body->count; i++) {
        const Phrase *line = body->part[i];
        if (!line || line->kind == PHRASE_MINIMIZE || (line->kind == PHRASE_GIVE && !line->slot)) continue;
        r->s->rates = line->kind == PHRASE_GIVE && line->part[line->count - 1]->sort.phase == PHASE_CLOCK;
        statement_shape(r->at, line);
        r->s->rates = false;
    }
}

// ---- which parameters each clause changes (rule 22) ----

// A parameter goes to the first clause that names it.
static void select_clause(Run *r, Chosen *c) {
    if (!select_check(r->s, r->tree, r->train, c->over)) return;
    for (int i = 0; i < r->tree->params.count; i++) {
        Declared *d = r->tree->params.data[i];
        if (d->trainable || !select_holds(r->train, c->over, d)) continue;
        d->trainable = true;
        vec_push(r->s->arena, &c->params, d);
    }
    if (c->params.count || !c->over || c->over->kind == PHRASE_WRONG) return;
    if (c->over->kind == PHRASE_WORD && string_equal(c->over->builtin->name, "rest"))
        diagnose(r->s->ctx, REST_NOTHING, c->over->span);
    else
        select_nothing(r->s, r->tree, c->over);
}

static bool any_below(const Run *r, const char *path, bool trainable) {
    for (int i = 0; i < r->tree->params.count; i++) {
        const Declared *d = r->tree->params.data[i];
        if (d->trainable == trainable && is_below(d->path, path)) return true;
    }
    return false;
}

// A layer with parameters none of which is named runs as in inference, with the layers inside it.
static void freeze(Run *r) {
    for (int i = 0; i < r->tree->layers.count; i++) {
        Layer *l = r->tree->layers.data[i];
        l->frozen = any_below(r, l->path, false) && !any_below(r, l->path, true);
    }
}

// ---- rules (rule 21) ----

static bool rank_fits(Run *r, const Chosen *c, const Definition *d, const Declared *p) {
    const Node *w = d->node->items[0];
    bool dots = node_dots(w);
    int named = w->count - dots;
    if (!w->brackets || (dots ? named <= p->rank : named == p->rank)) return true;
    Diagnostic *m = fail(r->s, OPTIMIZER_RANK, c->over ? c->over->span : c->optimizer->span, d->node->name,
                         named, p->path, p->rank);
    diagnostic_help(r->s->ctx, m,
                    "name the parameters it fits: `over matrices(%s) with %s(...)`, and another `over rest`",
                    r->train->items[0]->name, d->node->name);
    return false;
}

// A field, an output or a model that an expression of the run reads, in the lines it needs too; or NULL.
static const Phrase *rows_in(const Run *r, const Phrase *e) {
    const Phrase *body = r->block->body, *found = NULL;
    if (!e) return NULL;
    if (e->kind == PHRASE_SLOT && (e->slot->kind == SLOT_FIELD || e->slot->kind == SLOT_OUTPUT)) return e;
    if (e->definition && (e->kind == PHRASE_APPLY || e->kind == PHRASE_MAKE) &&
        e->definition->node->definition == DEFINE_MODEL)
        return e;
    for (int i = 0; e->kind == PHRASE_SLOT && i < body->count && !found; i++)
        if (body->part[i] && body->part[i]->kind == PHRASE_GIVE && body->part[i]->slot == e->slot)
            found = rows_in(r, body->part[i]->part[body->part[i]->count - 1]);
    for (int i = 0; i < e->count && !found; i++) found = rows_in(r, e->part[i]);
    return found;
}

static bool is_of_run(const Run *r, const Phrase *e, const char *what) {
    const Phrase *rows = rows_in(r, e);
    if (!rows) return true;
    const Node *name = rows->node->kind == AST_CALL ? rows->node->base : rows->node;
    Diagnostic *d = fail(r->s, READS_ROWS, e->span, what, name->name);
    if (name->span.start < e->span.start || name->span.end > e->span.end)
        diagnostic_note(r->s->ctx, d, name->span, "it is read here");
    diagnostic_help(r->s->ctx, d, "measure it in `metrics`, and speak of the metric");
    return false;
}

// One case for all numbers, else one for each shape.
static void look_at_rule(Run *r, Chosen *c) {
    Shaper *s = r->s;
    for (int i = 0; i < c->optimizer->count; i++)
        if (!is_of_run(r, c->optimizer->part[i], "an optimizer's setting")) return;
    if (c->condition && !is_of_run(r, c->condition, "the condition of an optimizer")) return;
    s->rates = true;
    Shape rule = shape_at(r->at, c->optimizer);
    s->rates = false;
    if (c->condition) shape_at(r->at, c->condition);
    if (rule.kind != SHAPE_CALLABLE) return;
    Definition *d = rule.closure->definition;
    for (int i = 0; i < c->params.count && !s->stopped; i++) {
        const Declared *p = c->params.data[i];
        if (!rank_fits(r, c, d, p)) return;
        bool brackets = d->node->items[0]->brackets;
        Shape *given = closure_given(s, rule.closure);
        s->rates = true;
        default_rates(s, d, given);
        s->rates = false;
        given[0] = brackets ? shape_tensor(s, p->dims, p->rank, TYPE_REAL) : shape_scalar(TYPE_REAL);
        given[1] = given[0];
        Case *applied = case_of(s, d, given, d->parameters, NULL, c->optimizer->span);
        for (int k = 2; k < d->parameters; k++)
            if (!applied->wrong && d->preset[k] && rule.closure->given[k].kind == SHAPE_NONE)
                shape_at((Place){.s = s, .c = applied}, d->preset[k]);
        vec_push(s->arena, &c->rules, applied);
    }
}

static void look_at_clauses(Run *r, const Phrase *minimize) {
    MinimizeLine line = {.loss = minimize ? minimize->part[0] : setting(r, "loss")};
    if (!minimize) {
        Chosen one = {.optimizer = setting(r, "optimizer")};
        if (one.optimizer) vec_push(r->s->arena, &line.clauses, one);
    }
    for (int i = 1; minimize && i < minimize->count; i++) {
        const Phrase *clause = minimize->part[i];
        Chosen one = {.over = clause->part[0], .optimizer = clause->part[1], .condition = clause->part[2]};
        vec_push(r->s->arena, &line.clauses, one);
    }
    for (int i = 0; i < line.clauses.count; i++) select_clause(r, &line.clauses.data[i]);
    for (int i = 0; i < line.clauses.count; i++) look_at_rule(r, &line.clauses.data[i]);
    vec_push(r->s->arena, &r->tree->lines, line);
}

// All losses are looked at before any clause: a later line's models have parameters too.
static void look_at_minimize(Run *r) {
    const Phrase *body = r->block->body, *loss = setting(r, "loss");
    VEC(const Phrase *) lines = {0};
    for (int i = 0; i < body->count; i++) {
        const Phrase *line = body->part[i];
        if (!line || line->kind != PHRASE_MINIMIZE) continue;
        look_at_loss(r, line->part[0]);
        vec_push(r->s->arena, &lines, line);
    }
    if (!lines.count && loss) {
        look_at_loss(r, loss);
        vec_push(r->s->arena, &lines, NULL);
    }
    if (lines.count) walk_text(r->walk, r->at.c);
    select_models(r->tree, r->train);
    for (int i = 0; i < lines.count; i++) look_at_clauses(r, lines.data[i]);
    freeze(r);
}

// Is it a metric with dimensions?
static bool is_array_metric(const void *run, const Phrase *e) {
    const Run *r = run;
    const Phrase *list = setting(r, "metrics");
    bool metric = (e->kind == PHRASE_WORD && !e->builtin) || (e->kind == PHRASE_MEMBER && !e->part[0]);
    for (int i = 0; metric && list && i < list->count; i++)
        if (string_equal(entry_name(list->part[i]->node), e->text) && r->at.c->of[list->part[i]->number].rank)
            return true;
    return false;
}

// gradient_norm, where it is measured.
static void look_at_norm(Run *r, const Phrase *clip) {
    const Definition *rule = clip ? clip->definition : NULL;
    if (!(rule && rule->totals) &&
        !node_names(r->train->block, context_intern(r->s->ctx, "gradient_norm", 13)))
        return;
    Definition *d =
        definition_of_node(r->s->library, library_private(r->s->library, DEFINE_CLIP, "_gradient_norm"));
    for (int i = 0; i < r->tree->params.count; i++) {
        Declared *p = r->tree->params.data[i];
        Shape *g = arena_new(r->s->arena, Shape);
        *g = shape_tensor(r->s, p->dims, p->rank, TYPE_REAL);
        if (p->trainable) p->by[RULE_NORM] = case_of(r->s, d, g, 1, NULL, r->train->span);
    }
}

// A clip or an average, applied to each parameter that is trained.
static void look_at_each(Run *r, const Phrase *e, RunRule which) {
    Shaper *s = r->s;
    Shape rule = e ? shape_at(r->at, e) : (Shape){0};
    for (int i = 0; rule.kind == SHAPE_CALLABLE && i < r->tree->params.count && !s->stopped; i++) {
        Declared *p = r->tree->params.data[i];
        Definition *d = rule.closure->definition;
        if (!p->trainable) continue;
        Shape *given = closure_given(s, rule.closure), whole = shape_tensor(s, p->dims, p->rank, TYPE_REAL);
        given[0] = d->node->items[0]->brackets ? whole : shape_scalar(TYPE_REAL);
        Shape v = shape_first(define_apply(r->at, d, given, NULL, e, e->span));
        if (v.kind == SHAPE_WRONG) return;
        p->by[which] = case_of(s, d, given, d->parameters, NULL, e->span);
        bool number = shape_is_number(v) && (given[0].kind == SHAPE_SCALAR || !p->rank);
        if (number || shape_fits(v, whole)) continue;
        fail(s, RULE_SHAPE, e->span, d->node->name, shape_text(s->arena, v), p->path,
             shape_text(s->arena, whole));
        return;
    }
}

// What is asked at an epoch's end: one number.
static Shape look_at_end(Run *r, const Phrase *e, const char *what) {
    const Phrase *array = phrase_find(e, is_array_metric, r);
    if (!is_of_run(r, e, what)) return shape_wrong();
    if (!array) return shape_at(r->at, e);
    return fail_shape(r->s, METRIC_ARRAY, array->span, array->text, what);
}

static void look_at_checkpoint(Run *r, const Phrase *e) {
    Shape watch = look_at_end(r, e, "`checkpoint`");
    if (watch.kind != SHAPE_CALLABLE) return;
    Definition *d = watch.closure->definition;
    Shape *given = closure_given(r->s, watch.closure);
    define_apply(r->at, d, given, NULL, e, e->span);
    r->tree->checkpoint = case_of(r->s, d, given, d->parameters, NULL, e->span);
}

static void look_at_stop(Run *r, const Phrase *e) {
    Shape v = look_at_end(r, e, "`stop`");
    if (v.kind == SHAPE_WRONG || v.type == TYPE_BOOL) return;
    Diagnostic *d = fail(r->s, WORD_EXPECTED, e->span, "a condition");
    diagnostic_help(r->s->ctx, d, "compare it, as in `loss < 0.01`, `time > 10 min`");
}

// A function of each parameter, or of those that stand after `over`.
static void look_at_constrain(Run *r, const Phrase *line) {
    const Phrase *e = line->part[0], *over = line->count > 1 ? line->part[1] : NULL;
    Shape f = shape_at(r->at, e);
    if (f.kind != SHAPE_CALLABLE || !select_check(r->s, r->tree, r->train, over)) return;
    bool any = false;
    for (int i = 0; i < r->tree->params.count; i++) {
        Declared *d = r->tree->params.data[i];
        if (!d->trainable || !select_holds(r->train, over, d)) continue;
        any = true;
        closure_apply(r->at, f, shape_tensor(r->s, d->dims, d->rank, TYPE_REAL), e, e->span);
        d->constrained = true;
        d->by[RULE_CONSTRAIN] = r->at.c->call[e->number];
    }
    if (!any && over) select_nothing(r->s, r->tree, over);
}

static void look_at_settings(Run *r) {
    look_at_metrics(r, setting(r, "metrics"));
    const Phrase *clip = setting(r, "clip"), *best = setting(r, "checkpoint"), *stop = setting(r, "stop");
    const Phrase *start = setting(r, "start"), *constrain = setting_line(r, "constrain");
    if (start) arguments_fit(r->at, start);
    if (start && start->count > 1) select_start(r->s, r->tree, r->train, start->part[1]);
    look_at_norm(r, clip);
    look_at_each(r, clip, RULE_CLIP);
    look_at_each(r, setting(r, "average"), RULE_AVERAGE);
    if (best) look_at_checkpoint(r, best);
    if (stop) look_at_stop(r, stop);
    const TrainSetting *row;
    for (int i = 0; (row = train_setting_row(i)); i++)
        if ((row->kind == VALUE_COUNT || row->kind == VALUE_FLAG) && setting(r, row->name))
            setting_fits(r->at, row->name, setting(r, row->name));
    if (constrain) look_at_constrain(r, constrain);
    look_at_columns(r, setting(r, "predict"));
}

// What the file promises: conditions on numbers that are known at the end.
static void look_at_asserts(const Run *r, const Node *root) {
    for (int i = 0; i < root->count; i++) {
        if (root->items[i]->kind != AST_ASSERT) continue;
        Definition *d = definition_of_node(r->s->library, root->items[i]);
        if (d->body) shape_at((Place){.s = r->s, .c = case_new(r->s, d)}, d->body);
        vec_push(r->s->arena, &r->tree->asserts, d);
    }
}

// A stream is for what goes on from batch to batch: a state of each row.
static void look_at_stream(const Run *r) {
    const Phrase *order = data_stream(r->data);
    bool any = !order;
    for (int i = 0; i < r->tree->states.count && !any; i++)
        for (int d = 0; d < r->tree->states.data[i]->rank; d++) any |= r->tree->states.data[i]->dims[d].batch;
    if (!any) fail(r->s, STREAM_STATE, order->span, "");
}

// ---- the whole ----

static bool open_run(Run *r, const Node *root) {
    Shaper *s = r->s;
    r->train = file_train(root);
    const Node *data = r->train ? library_find(s->library, r->train->span, r->train->name) : NULL;
    if (!data || data->kind != AST_DATA) return false;
    r->block = definition_of_node(s->library, r->train);
    r->data = definition_of_node(s->library, data);
    if (!r->block->body || !r->data->body) return false;
    s->at = application_outside(s, r->train->span, 0);
    r->at = (Place){.s = s, .c = case_new(s, r->block)};
    case_add(s, r->at.c);
    return true;
}

Tree *shape_run(Context *ctx, Library *library, const Node *root, int64_t batch) {
    Shaper *s = shaper_create(ctx, library, batch);
    Tree *tree = arena_new(s->arena, Tree);
    *tree = (Tree){.by_path = map_create(s->arena), .declared = map_create(s->arena), .shaper = s};
    s->tree = tree;
    Run r = {.s = s, .tree = tree, .walk = walk_create(s, tree)};
    if (!open_run(&r, root)) return NULL;
    const Case *data = tree->data = data_shape(s, r.data);
    if (!batch) s->batch = batch_of(&r, data);
    tree->batch = s->batch;
    set_fields(&r, data);
    bool right = true;
    if (r.train->count == 1) right = call_model(&r, data, r.train->items[0]);
    if (right) {
        look_at_lines(&r);
        look_at_minimize(&r);
        look_at_settings(&r);
        look_at_asserts(&r, root);
        walk_text(r.walk, r.at.c);
        look_at_stream(&r);
    }
    return ctx->errors > s->errors ? NULL : tree;
}

void shape_data(Context *ctx, Library *library, const Node *root) {
    Shaper *s = shaper_create(ctx, library, 0);
    s->tree = arena_new(s->arena, Tree);
    *s->tree = (Tree){.by_path = map_create(s->arena), .declared = map_create(s->arena), .shaper = s};
    for (int i = 0; i < root->count; i++) {
        const Node *item = root->items[i];
        if (item->kind == AST_DATA && !diagnosed(ctx, item->span))
            data_shape(s, definition_of_node(library, item));
    }
}

// ---- editors, --verify ----

int phrase_cases(const Shaper *s, const Phrase *phrase, const Case **cases, int room) {
    int count = 0;
    for (int i = 0; i < s->cases.count && count < room; i++) {
        const Case *c = s->cases.data[i];
        bool own =
            phrase->number < c->define->phrases.count && c->define->phrases.data[phrase->number] == phrase;
        if (own && c->of[phrase->number].kind != SHAPE_NONE) cases[count++] = c;
    }
    return count;
}
