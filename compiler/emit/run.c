// The master of a run: fields, models, losses, metrics, then the updates; and what each function wants of it.
#include "emit/data.h"
#include "emit/run.h"

#include <string.h>

static const Phrase *line_at(const Run *r, int i) { return r->block->define->body->part[i]; }

static int line_count(const Run *r) { return r->block->define->body->count; }

const Phrase *run_setting_phrase(const Run *r, const char *name) {
    for (int i = 0; i < line_count(r); i++) {
        const Phrase *line = line_at(r, i);
        if (!line || line->kind != PHRASE_GIVE || line->slot) continue;
        const Node *target = line->node->target;
        if (target->kind == AST_NAME && string_equal(target->name, name)) return line->part[0];
    }
    return NULL;
}

Tensor *run_scalar(Run *r, Function *f, const char *name, TensorKind kind, const Expr *e) {
    Tensor *t = tensor_add(r->p, name, kind, TYPE_DOUBLE, 0, NULL);
    equation_add(r->p, f, t, NULL, REDUCE_NONE, NULL, 0, e, NULL);
    return t;
}

const Expr *run_element(const Run *r, Tensor *t) { return expr_read(r->p, t, NULL, t->origin); }

// ---- the text of the block ----

RunText *run_text(Run *r, Function *f) {
    RunText *text = arena_new(r->arena, RunText);
    text->to = writer_create(r->m, f);
    text->frame = frame_outside(r->m, r->block, r->in, "");
    text->at = at_outside(r->m, text->to, text->frame);
    text->written = arena_array(r->arena, bool, line_count(r) + 1);
    return text;
}

static void need(const Run *r, const Phrase *p, bool *needed) {
    if (!p) return;
    for (int i = 0; p->kind == PHRASE_SLOT && i < line_count(r); i++) {
        const Phrase *line = line_at(r, i);
        if (!line || line->kind != PHRASE_GIVE || line->slot != p->slot || needed[i]) continue;
        needed[i] = true;
        need(r, line, needed);
    }
    for (int i = 0; i < p->count; i++) need(r, p->part[i], needed);
}

// Those that it needs.
static void write_lines(Run *r, RunText *text, const Phrase *p) {
    bool *needed = arena_array(r->arena, bool, line_count(r) + 1);
    need(r, p, needed);
    for (int i = 0; i < line_count(r); i++) {
        if (!needed[i] || text->written[i]) continue;
        text->written[i] = true;
        statement_write(text->at, line_at(r, i));
    }
}

Operand run_value(Run *r, RunText *text, const Phrase *p) {
    write_lines(r, text, p);
    return operand_of(text->at, p);
}

// ---- fields and the model that is called by itself ----

static const Slot *slot_of(const Run *r, const char *name, SlotKind kind) {
    const Definition *block = r->block->define;
    for (int i = 0; i < block->slots.count; i++)
        if (block->slots.data[i]->kind == kind && string_equal(block->slots.data[i]->name, name))
            return block->slots.data[i];
    return NULL;
}

static void set_fields(Run *r) {
    for (int i = 0; i < r->module->data.fields.count; i++) {
        const Field *f = &r->module->data.fields.data[i];
        r->text->frame->slot[slot_of(r, f->name, SLOT_FIELD)->number] = operand_tensor(r->m, f->input);
    }
}

// The class field whose logits an output is: the last dimension counts its classes.
static int label_of(const Module *m, const Tensor *t) {
    int found = -1;
    for (int i = 0; i < m->data.fields.count; i++) {
        const Field *f = &m->data.fields.data[i];
        bool fits = f->is_class && f->in_model < 0 && t->type == TYPE_REAL && t->rank == f->rank + 2 &&
                    t->dims[t->rank - 1] == f->limit;
        for (int d = 0; fits && d < f->rank; d++) fits = t->dims[d + 1] == f->dims[d];
        if (fits && found >= 0) return -1;
        if (fits) found = i;
    }
    return found;
}

// An output of `predict`.
static bool predict_result(Run *r, const char *name, Operand v, int words, Span span) {
    Tensor *t = operand_as_tensor(r->text->at, v, name, TENSOR_OUTPUT,
                                  v.type == TYPE_DOUBLE ? (int)TYPE_REAL : -1, span);
    if (!t) return false;
    ModelOutput output = {name, t, label_of(r->module, t), words, -1, span};
    vec_push(r->arena, &r->module->outputs, output);
    vec_push(r->arena, &r->predict->outputs, t);
    return true;
}

static bool call_model(Run *r) {
    const Instance *in = r->tree->roots.data[0];
    const Definition *d = in->of->define;
    const Node *results = d->node->results;
    Operand *given = arena_array(r->arena, Operand, d->parameters + 1);
    for (int i = 0; i < d->parameters; i++) {
        const Slot *field = slot_of(r, d->node->items[i]->name, SLOT_FIELD);
        given[i] = r->text->frame->slot[field->number];
    }
    At outside = at_outside(r->m, r->text->to, frame_outside(r->m, r->block, NULL, ""));
    Operand v = apply_case(outside, in->of, in, given, r->block->define->node->items[0]->span);
    if (v.kind == OPERAND_WRONG) return false;
    for (int i = 0; i < (v.kind == OPERAND_TUPLE ? v.count : 1); i++) {
        Operand one = v.kind == OPERAND_TUPLE ? v.items[i] : v;
        const char *name = results ? results->items[i]->name : "result";
        const Slot *output = slot_of(r, name, SLOT_OUTPUT);
        if (output) r->text->frame->slot[output->number] = one;
        if (!r->module->columns && !predict_result(r, name, one, -1, d->node->span)) return false;
    }
    // A prediction updates what the model alone has changed.
    if (!r->module->columns) writer_effects(r->m, r->text->to, r->predict);
    return true;
}

// ---- what is predicted, column by column ----

// The number of a field that stands there alone; -1: it is none.
static int field_alone(const Run *r, const Phrase *e) {
    bool field = e->kind == PHRASE_SLOT && e->slot->kind == SLOT_FIELD;
    return field ? field_number(&r->module->data, e->slot->name) : -1;
}

// In an equation over `..` it is the batch.
static Operand column_value(Run *r, const Phrase *e) {
    if (!phrase_over_dots(e)) return run_value(r, r->text, e);
    write_lines(r, r->text, e);
    Array a = array_over(r->m, "n", r->block->dots, 1);
    At at = r->text->at;
    at.indexed = true;
    at.dots = a.indices;
    Operand v = operand_of(at, e);
    if (!operand_is_number(v)) return v;
    a.e = operand_expr(r->m, v, !type_whole(v.type));
    return operand_array(r->m, &a);
}

static bool predict_column(Run *r, const Phrase *entry) {
    const Phrase *e = entry->kind == PHRASE_NAMED ? entry->part[0] : entry;
    const char *name = entry_name(entry->node);
    int field = field_alone(r, e), column = field < 0 ? -1 : data_carried(r->m, r->module, field);
    if (column >= 0) {
        vec_push(r->arena, &r->module->outputs, ((ModelOutput){name, NULL, -1, -1, column, e->span}));
        return true;
    }
    bool restores = e->kind == PHRASE_BUILTIN && string_equal(e->builtin->name, "restore");
    int words = restores ? field_alone(r, e->part[1]) : field;
    if (words >= 0 && !r->module->data.fields.data[words].is_class) words = -1;
    return predict_result(r, name, column_value(r, e), words, e->span);
}

static bool columns_write(Run *r) {
    const Phrase *list = run_setting_phrase(r, "predict");
    for (int i = 0; list && i < list->count; i++)
        if (!predict_column(r, list->part[i])) return false;
    if (list) writer_effects(r->m, r->text->to, r->predict);
    return true;
}

// ---- losses and metrics ----

static bool loss_write(Run *r, const Phrase *e, int number) {
    Operand v = run_value(r, r->text, e);
    bool single = !number;
    const char *name = single ? "loss" : string_format(r->arena, "loss_%d", number);
    Tensor *t =
        operand_as_tensor(r->text->at, v, name, single ? TENSOR_OUTPUT : TENSOR_TEMP, TYPE_DOUBLE, e->span);
    if (t) vec_push(r->arena, &r->module->losses, t);
    return t != NULL;
}

static bool losses_write(Run *r) {
    bool single = r->tree->lines.count == 1;
    r->loss_first = r->master->equations.count;
    const Expr *sum = expr_const(r->p, 0);
    for (int k = 0; k < r->tree->lines.count; k++) {
        if (!loss_write(r, r->tree->lines.data[k].loss, single ? 0 : k + 1)) return false;
        sum = expr_add(r->p, sum, run_element(r, r->module->losses.data[k]));
    }
    r->module->loss =
        single ? r->module->losses.data[0] : run_scalar(r, r->master, "loss", TENSOR_OUTPUT, sum);
    vec_push(r->arena, &r->step->outputs, r->module->loss);
    return true;
}

static Tensor *metric_output(Run *r, const char *name, const Tensor *value) {
    Tensor *t = tensor_add(r->p, string_format(r->arena, "metric.%s", name), TENSOR_OUTPUT, TYPE_DOUBLE,
                           value->rank, value->dims);
    vec_push(r->arena, &r->metrics->outputs, t);
    return t;
}

static void measure(Run *r, Metric *m, MeasureKind kind, Tensor *value) {
    m->tensor = metric_output(r, m->name, value);
    vec_push(r->arena, &r->evaluate->measures, ((Measure){m->name, kind, value, m->tensor}));
    if (m->in_training) vec_push(r->arena, &r->step->measures, ((Measure){m->name, kind, value, NULL}));
}

// The value of a metric, or of the loss or a line's; NULL: it is WRONG.
static Tensor *metric_value(Run *r, int i) {
    const Metric *m = &r->module->metrics.data[i];
    if (!m->phrase) return i ? r->module->losses.data[i - 1] : r->module->loss;
    return operand_as_tensor(r->text->at, run_value(r, r->text, m->phrase),
                             string_format(r->arena, "%s.value", m->name), TENSOR_TEMP, -1, m->phrase->span);
}

static bool metrics_write(Run *r) {
    bool several = r->module->losses.count > 1;
    for (int i = 0; i < r->module->metrics.count; i++) {
        Metric *m = &r->module->metrics.data[i];
        Tensor *value = metric_value(r, i);
        if (!value) return false;
        measure(r, m, m->phrase ? MEASURE_TWICE : several ? MEASURE_BATCHES : MEASURE_ONCE, value);
    }
    return true;
}

static void name_metrics(Run *r) {
    const Phrase *list = run_setting_phrase(r, "metrics");
    int lines = r->tree->lines.count > 1 ? r->tree->lines.count : 0;
    vec_push(r->arena, &r->module->metrics, (Metric){.name = "loss"});
    for (int k = 1; k <= lines; k++)
        vec_push(r->arena, &r->module->metrics,
                 ((Metric){.name = string_format(r->arena, "loss_%d", k), .in_training = true}));
    for (int i = 0; list && i < list->count; i++) {
        const Phrase *line = list->part[i], *e = line->kind == PHRASE_NAMED ? line->part[0] : line;
        vec_push(r->arena, &r->module->metrics,
                 ((Metric){.name = entry_name(line->node), .in_training = true, .phrase = e}));
    }
}

// ---- the whole ----

static Function *cut(Run *r, FunctionKind kind, const char *name) {
    Function *f = function_add(r->p, kind, name);
    f->from = r->master;
    f->training = kind == FUNCTION_STEP || kind == FUNCTION_UPDATE;
    return f;
}

static void open_functions(Run *r, bool accumulates) {
    r->master = function_add(r->p, FUNCTION_RUN, "run");
    r->metrics = function_add(r->p, FUNCTION_METRICS, "metrics");
    r->evaluate = cut(r, FUNCTION_EVALUATE, "evaluate");
    r->module->columns = run_setting_phrase(r, "predict") != NULL;
    if (r->tree->roots.count > 1 || r->module->columns) r->predict = cut(r, FUNCTION_PREDICT, "predict");
    r->step = cut(r, FUNCTION_STEP, "step");
    r->update = accumulates ? cut(r, FUNCTION_UPDATE, "update") : r->step;
}

// What the master changes: states in the step, and in an evaluation; the rest in the update.
static void close_functions(Run *r) {
    writer_finish(r->m, r->text->to);
    for (int i = 0; i < r->master->effects.count; i++) {
        Effect e = r->master->effects.data[i];
        bool state = e.target->kind == TENSOR_STATE;
        vec_push(r->arena, state ? &r->step->effects : &r->update->effects, e);
        if (state) vec_push(r->arena, &r->evaluate->effects, e);
    }
}

// The text of `train`, function by function. False after messages.
static bool master_write(Run *r) {
    clock_open(r);
    open_functions(r, r->module->accumulate > 1);
    r->text = run_text(r, r->master);
    set_fields(r);
    name_metrics(r);
    if (r->tree->roots.count > 1 && !call_model(r)) return false;
    if (!losses_write(r)) return false;
    r->text->at.sorts = true;
    if (!metrics_write(r)) return false;
    r->text->at.sorts = false;
    if (!columns_write(r)) return false;
    if (!rules_write(r)) return false;
    close_functions(r);
    return clock_write(r);
}

Run *run_write(Emitter *m, Module *module, const Node *root, const CompileOptions *options) {
    Run *r = arena_new(m->arena, Run);
    *r = (Run){.ctx = m->ctx, .arena = m->arena, .p = m->p, .tree = m->tree, .m = m, .module = module};
    r->in = m->tree->roots.data[m->tree->roots.count - 1];
    r->block = r->in->of;
    settings_read(r, root, options);
    return data_write(m, module) && master_write(r) ? r : NULL;
}
