// What a run knows of itself: the clock's tensors, the numbers that the trainer may set, the functions of an
// epoch's end. Guarantees: a number that decides nothing when compiling is a setting, named after the call it
// stands in: optimizer.lr, lr.warmup.
#include "emit/run.h"
#include "emit/write.h"

#include <math.h>
#include <string.h>

static const char *const clock_names[NN_CLOCKS] = {
    [NN_CLOCK_STEP] = "step",
    [NN_CLOCK_STEPS] = "steps",
    [NN_CLOCK_EPOCH] = "epoch",
    [NN_CLOCK_EPOCHS] = "epochs",
    [NN_CLOCK_EPOCH_LENGTH] = "epoch_length",
    [NN_CLOCK_TIME] = "time",
    [NN_CLOCK_LOSS] = "loss",
    [NN_CLOCK_GRADIENT_NORM] = "gradient_norm",
    [NN_CLOCK_UPDATE] = "update",
};

static Tensor *clock_tensor(Run *r, const char *name, double first) {
    Tensor *t =
        tensor_add(r->p, string_format(r->arena, "clock.%s", name), TENSOR_CLOCK, TYPE_DOUBLE, 0, NULL);
    t->start = first;
    return t;
}

Operand run_clock(const Run *r, int which) { return operand_scalar(run_element(r, r->module->clock[which])); }

// ---- words ----

// A metric by its name, of a part: 0 training, 1 test, 2 validation.
static Operand metric_word(Run *r, const char *name, int part) {
    static const char *const parts[] = {"", "test.", "validation."};
    for (int i = 0; i < r->module->metrics.count; i++) {
        Metric *m = &r->module->metrics.data[i];
        if (!string_equal(m->name, name)) continue;
        Tensor **t = &m->clock[part];
        if (!*t) *t = clock_tensor(r, string_format(r->arena, "%s%s", parts[part], name), (double)NAN);
        return operand_scalar(run_element(r, *t));
    }
    return operand_wrong();
}

Operand run_word_operand(At at, const Phrase *p) {
    Run *r = at.m->run;
    if (!r) return operand_wrong();
    if (p->kind == PHRASE_MEMBER)
        return metric_word(r, p->text, string_equal(p->node->base->name, "test") ? 1 : 2);
    if (!p->builtin) return metric_word(r, p->text, 0);
    const Node *define = at.frame->of->define->node;
    bool rule = define->kind == AST_DEFINE && definition_row(define->definition)->given;
    if (rule && r->updates && string_equal(p->builtin->name, "step")) return *r->updates;
    for (int i = 0; i < NN_CLOCKS; i++)
        if (clock_names[i] && string_equal(clock_names[i], p->builtin->name)) return run_clock(r, i);
    return operand_wrong();
}

Operand run_steps(At at, Operand epochs, Span span) {
    const Run *r = at.m->run;
    if (!r) return operand_wrong();
    return operand_join(at, OPERATOR_MUL, epochs, run_clock(r, NN_CLOCK_EPOCH_LENGTH), span);
}

// ---- settings ----

static const Phrase *line_of(const Run *r, const Slot *slot) {
    const Phrase *body = r->block->define->body;
    for (int i = 0; i < body->count; i++)
        if (body->part[i] && body->part[i]->kind == PHRASE_GIVE && body->part[i]->slot == slot)
            return body->part[i];
    return NULL;
}

static bool is_schedule(const Phrase *p) {
    return p->kind == PHRASE_APPLY && p->definition && p->definition->node->kind == AST_DEFINE &&
           p->definition->node->definition == DEFINE_FN;
}

// The name of the number `e`, argument or default i of a call of d, if that call stands in `in`.
static const char *name_in(Run *r, const Phrase *in, const char *prefix, const Definition *d, int i,
                           const Phrase *e) {
    if (!in) return NULL;
    if (in->kind == PHRASE_SLOT && line_of(r, in->slot)) {
        const Phrase *line = line_of(r, in->slot);
        return name_in(r, line->part[line->count - 1], in->slot->name, d, i, e);
    }
    for (int k = 0; k < in->count; k++) {
        bool named = is_schedule(in);
        const char *name = prefix;
        if (named && k < in->definition->parameters)
            name = string_format(r->arena, "%s.%s", prefix, in->definition->node->items[k]->name);
        bool is_it = named && in->definition == d && k == i && (in->part[k] ? in->part[k] == e : true);
        if (is_it) return name;
        const char *found = name_in(r, in->part[k], name, d, i, e);
        if (found) return found;
    }
    return NULL;
}

// The first schedule that an expression calls, or NULL.
static const Phrase *schedule_in(const Run *r, const Phrase *e) {
    if (!e || is_schedule(e)) return e;
    const Phrase *line = e->kind == PHRASE_SLOT ? line_of(r, e->slot) : NULL;
    const Phrase *found = line ? schedule_in(r, line->part[line->count - 1]) : NULL;
    for (int k = 0; k < e->count && !found; k++) found = schedule_in(r, e->part[k]);
    return found;
}

// Is it the learning rate: an optimizer's own, or the first number of its schedule?
static bool is_rate(const Run *r, const Definition *d, int i, const Phrase *e) {
    const Definition *optimizer = r->clause ? r->clause->rules.data[0]->define : NULL;
    const Phrase *call = r->clause ? r->clause->optimizer : NULL;
    if (d == optimizer) return string_equal(d->node->items[i]->name, "lr");
    for (int k = 0; i == 0 && optimizer && k < call->count && k < optimizer->parameters; k++) {
        const Phrase *first = schedule_in(r, call->part[k]);
        if (!first || !string_equal(optimizer->node->items[k]->name, "lr")) continue;
        return first->definition == d && (!first->part[0] || first->part[0] == e);
    }
    return false;
}

static const char *setting_name(Run *r, const Definition *d, int i, const Phrase *e) {
    const Definition *optimizer = r->clause ? r->clause->rules.data[0]->define : NULL;
    const Phrase *call = r->clause ? r->clause->optimizer : NULL;
    const char *own = d->node->items[i]->name;
    if (d == optimizer) {
        if (e->kind == PHRASE_SLOT) return e->slot->name;
        return r->number == 1 ? string_format(r->arena, "optimizer.%s", own)
                              : string_format(r->arena, "optimizer_%d.%s", r->number, own);
    }
    for (int k = 0; call && optimizer && k < call->count; k++) {
        if (!call->part[k] || k >= optimizer->parameters) continue;
        const char *parameter = optimizer->node->items[k]->name;
        const char *prefix =
            r->number == 1 ? parameter : string_format(r->arena, "%s_%d", parameter, r->number);
        const char *name = name_in(r, call->part[k], prefix, d, i, e);
        if (name) return name;
    }
    return NULL;
}

static Operand setting_operand(Run *r, At at, const Setting *s) {
    Operand v = operand_scalar(expr_read(r->p, s->tensor, NULL, NULL));
    return s->unit == NN_UNIT_EPOCHS ? run_steps(at, v, NO_SPAN) : v;
}

static int unit_of(Dimension d) {
    switch (d) {
    case DIMENSION_STEPS: return NN_UNIT_STEPS;
    case DIMENSION_EPOCHS: return NN_UNIT_EPOCHS;
    case DIMENSION_TIME: return NN_UNIT_SECONDS;
    case DIMENSION_BYTES: return NN_UNIT_BYTES;
    case DIMENSION_NUMBER: break;
    }
    return NN_UNIT_NONE;
}

// What a default says in the text of what is called, where it is written out.
static bool is_literal(const Phrase *e, double *number, Dimension *unit) {
    double parts[2] = {0, 0};
    if (e->kind == PHRASE_NUMBER) {
        *number = e->value;
        if (e->node->unit) *unit = unit_dimension(e->node->unit);
        return true;
    }
    if (e->kind != PHRASE_UNARY && e->kind != PHRASE_BINARY) return false;
    for (int i = 0; i < e->count; i++)
        if (!is_literal(e->part[i], &parts[i], unit)) return false;
    *number = e->kind == PHRASE_UNARY ? -parts[0] : operator_fold(e->op, parts[0], parts[1], &(bool){false});
    return true;
}

// The number and its unit, in a text where it was looked at or as it is written. False: it is none.
static bool number_of(const Run *r, const Phrase *e, double *number, Dimension *unit) {
    const Case *c = NULL;
    *unit = DIMENSION_NUMBER;
    phrase_cases(r->tree->shaper, e, &c, 1);
    if (!c || c->of[e->number].kind != SHAPE_KNOWN) return is_literal(e, number, unit);
    *number = c->of[e->number].number;
    *unit = (Dimension)c->of[e->number].unit;
    return true;
}

// A length of the user's own that the run does not reach.
static void warn_length(const Run *r, const Phrase *e, Dimension unit, double value) {
    const Source *source = source_of(r->ctx, e->span);
    int64_t run = unit == DIMENSION_STEPS    ? r->module->steps
                  : unit == DIMENSION_EPOCHS ? r->module->epochs
                                             : -1;
    if (!source || source->library || run < 0 || value <= (double)run) return;
    diagnose(r->ctx, LENGTH_BEYOND_RUN, e->span, node_text(r->m->arena, e->node), (long long)run,
             unit == DIMENSION_STEPS ? "steps" : "epochs");
}

// What an optimizer's arguments decide when compiling.
void clause_in_force(Run *r, const Phrase *call, const Definition *d) {
    for (int i = 2; i < d->parameters; i++) {
        bool decides = d->node->items[i]->brackets || i >= 64 || d->decides >> i & 1;
        const Phrase *given = i < call->count ? call->part[i] : NULL, *e = given ? given : d->preset[i];
        if (!decides || !e || (!given && e->kind != PHRASE_NUMBER)) continue;
        bool set = node_is_set(r->ctx, e->node);
        run_in_force(r, setting_name(r, d, i, e), e, set || !given ? NULL : "compiled in");
    }
}

Operand run_argument(At at, const Definition *d, int i, const Phrase *e) {
    Run *r = at.m->run;
    if (!r) return operand_wrong();
    double number;
    Dimension unit;
    if (!number_of(r, e, &number, &unit)) return (Operand){.kind = OPERAND_ABSENT};
    const char *name = setting_name(r, d, i, e);
    bool rate = is_rate(r, d, i, e);
    if (!name || (e->kind == PHRASE_SLOT && !rate)) return operand_number(number, false);
    for (int k = 0; k < r->module->settings.count; k++)
        if (string_equal(r->module->settings.data[k].name, name))
            return setting_operand(r, at, &r->module->settings.data[k]);
    run_in_force(r, name, e, NULL);
    warn_length(r, e, unit, number);
    Setting s = {.name = name, .unit = unit_of(unit), .is_rate = rate};
    s.tensor =
        tensor_add(r->p, string_format(r->arena, "set.%s", name), TENSOR_SETTING, TYPE_DOUBLE, 0, NULL);
    s.tensor->start = number;
    vec_push(r->arena, &r->module->settings, s);
    return setting_operand(r, at, &s);
}

// ---- of the clock alone ----

const Expr *clock_alone(Run *r, const Function *f, const Expr *e) { return expr_without_temps(r->p, f, e); }

// ---- watches ----

static RunText *epoch_text(Run *r) {
    if (!r->epoch) {
        r->epoch = function_add(r->p, FUNCTION_EPOCH, "epoch");
        r->epoch_text = run_text(r, r->epoch);
    }
    return r->epoch_text;
}

// An argument as the end of an epoch sees it. False after a message.
static bool is_seen(Run *r, At at, const Case *c, Operand *v, Span span) {
    if (v->kind != OPERAND_SCALAR) return v->kind != OPERAND_WRONG;
    if (at.to->function == r->epoch) return true;
    const Expr *given = v->e;
    v->e = clock_alone(r, at.to->function, v->e);
    for (int i = 0; i < v->e->read_count; i++) {
        const Tensor *t = v->e->reads[i]->tensor;
        if (t->kind != TENSOR_CLOCK && t->kind != TENSOR_SETTING && t->kind != TENSOR_RUN)
            return report_false(at, WATCH_ROWS, span, c->define->node->name, given->reads[0]->tensor->name);
    }
    return true;
}

static bool same_watch(const RunWatch *w, const Case *c, const Operand *given) {
    bool same = w->of == c;
    for (int i = 0; i < c->define->parameters && same; i++) same = operand_same(&w->given[i], &given[i]);
    return same;
}

// Its states are the run's, which FUNCTION_EPOCH changes.
Operand run_watch(At at, Case *c, const Operand *arguments, Span span) {
    Run *r = at.m->run;
    if (!r) return operand_scalar(expr_const(at.m->p, (double)NAN));
    const Node *define = c->define->node;
    Operand *given = arena_array(r->arena, Operand, define->count + 1);
    for (int i = 0; i < define->count; i++) {
        given[i] = operand_first(arguments[i]);
        if (!is_seen(r, at, c, &given[i], span)) return operand_wrong();
    }
    for (int i = 0; i < r->watches.count; i++)
        if (same_watch(&r->watches.data[i], c, given))
            return operand_scalar(run_element(r, r->watches.data[i].state));
    const char *path = string_format(r->arena, "%s_%d", define->name, r->watches.count + 1);
    At inside = epoch_text(r)->at;
    inside.state = TENSOR_RUN;
    if (apply_as(inside, c, path, given, span).kind == OPERAND_WRONG) return operand_wrong();
    path = string_format(r->arena, "%s.%s", path, define->results->items[0]->name);
    Tensor *state = map_get(r->m->declared, path);
    vec_push(r->arena, &r->watches, ((RunWatch){c, given, state}));
    return operand_scalar(run_element(r, state));
}

// ---- the end of an epoch ----

static bool best_write(Run *r, const Phrase *checkpoint) {
    RunText *text = epoch_text(r);
    Operand made = run_value(r, text, checkpoint);
    if (made.kind != OPERAND_CALLABLE) return false;
    Operand v = run_watch(text->at, r->tree->checkpoint, made.callable->given, checkpoint->span);
    if (v.kind == OPERAND_SCALAR) r->module->best = v.e->tensor;
    return v.kind == OPERAND_SCALAR;
}

static bool stop_write(Run *r, const Phrase *stop) {
    r->stop = function_add(r->p, FUNCTION_STOP, "stop");
    RunText *text = run_text(r, r->stop);
    r->module->stop =
        operand_as_tensor(text->at, run_value(r, text, stop), "stop", TENSOR_OUTPUT, TYPE_DOUBLE, stop->span);
    if (!r->module->stop) return false;
    vec_push(r->arena, &r->stop->outputs, r->module->stop);
    writer_finish(r->m, text->to);
    return true;
}

bool clock_write(Run *r) {
    const Phrase *best = run_setting_phrase(r, "checkpoint"), *stop = run_setting_phrase(r, "stop");
    r->clause = NULL;
    if (best && !best_write(r, best)) return false;
    if (stop && !stop_write(r, stop)) return false;
    if (r->epoch) writer_finish(r->m, r->epoch_text->to);
    return true;
}

void clock_open(Run *r) {
    for (int i = 0; i < NN_CLOCKS; i++) {
        bool unknown = i == NN_CLOCK_LOSS || i == NN_CLOCK_GRADIENT_NORM;
        if (clock_names[i]) r->module->clock[i] = clock_tensor(r, clock_names[i], unknown ? (double)NAN : 0);
    }
    r->m->run = r;
}
