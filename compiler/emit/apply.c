// The application of a definition to values: its parameters and defaults, the body, the results.
// Guarantees: a definition's tensors are read in its body; results have the shapes they are declared with.
#include "emit/write.h"

bool is_layer(const Definition *d) {
    return d->node->kind == AST_DEFINE &&
           (d->node->definition == DEFINE_LAYER || d->node->definition == DEFINE_MODEL);
}

// ---- frames ----

static Frame *frame_new(const Emitter *m, Case *c, const Instance *in) {
    Frame *f = arena_new(m->arena, Frame);
    *f = (Frame){.of = c, .in = in, .path = "", .place = "", .rounds = ""};
    f->slot = arena_array(m->arena, Operand, c->define->slots.count + 1);
    return f;
}

Frame *frame_outside(Emitter *m, Case *of, const Instance *in, const char *place) {
    Frame *f = frame_new(m, of, in);
    f->path = f->place = place;
    return f;
}

Frame *frame_inner(const Emitter *m, const Frame *home, Case *c, const Instance *in) {
    Frame *f = arena_new(m->arena, Frame);
    int slots = c->define->slots.count;
    *f = *home;
    f->of = c;
    f->in = in;
    f->slot = arena_array(m->arena, Operand, slots + 1);
    for (int i = 0; i < slots; i++) f->slot[i] = home->slot[i];
    return f;
}

// Does a layer around this place run as in inference?
static bool is_frozen(const Emitter *m, const char *place) {
    for (size_t k = 0; m->tree; k++) {
        bool end = !place[k] || place[k] == '.' || place[k] == '[';
        const Layer *layer = end ? tree_layer(m->tree, string_copy(m->arena, place, k)) : NULL;
        if (layer && layer->frozen) return true;
        if (!place[k]) break;
    }
    return false;
}

// A function of numbers alone: its names are expressions.
static bool is_of_numbers(const Node *define) {
    if (define->definition != DEFINE_FN) return false;
    for (int i = 0; i < define->count; i++)
        if (define->items[i]->brackets) return false;
    for (int i = 0; define->results && i < define->results->count; i++)
        if (define->results->items[i]->brackets) return false;
    return true;
}

static Frame *frame_of_call(At at, Case *c, const Instance *in, const Phrase *call, Span span) {
    const Frame *caller = at.frame;
    const Node *define = c->define->node;
    bool layer = is_layer(c->define);
    Frame *f = frame_new(at.m, c, in);
    f->path = f->place = layer ? in->path : path_in(at.m, caller, define->name);
    f->caller = caller;
    f->origin = origin_at(at.m, span, caller->path, caller->origin);
    f->numbers = is_of_numbers(define);
    f->frozen = layer ? is_frozen(at.m, f->place) : caller->frozen;
    f->depth = caller->depth + 1;
    bool counts = call && (c->define->draws || !c->define->measures); // as a data block's own words do not
    f->draws = layer ? 0 : hash_mix(caller->draws, counts ? call_ordinal(at, call) : 0);
    return f;
}

// ---- parameters ----

// A length in epochs where steps are wanted (rule 23). `wanted`: NULL of what becomes a tensor of steps.
static Operand as_steps(At at, Operand v, const Shape *given, const Shape *wanted, Span span) {
    if (v.kind == OPERAND_LIST) {
        Operand *items = arena_array(at.m->arena, Operand, v.count + 1);
        for (int i = 0; i < v.count; i++)
            items[i] = as_steps(at, v.items[i], &given->items[i], wanted ? &wanted->items[i] : NULL, span);
        v.items = items;
    }
    bool converts = operand_is_number(v) && given->unit == DIMENSION_EPOCHS &&
                    (!wanted || wanted->counts == DIMENSION_STEPS);
    return converts ? run_steps(at, v, span) : v;
}

static Operand default_of(At at, const Phrase *preset, const Shape *wanted) {
    bool drawn = wanted->kind == SHAPE_CALLABLE && wanted->closure->kind == CLOSURE_EXPRESSION &&
                 wanted->closure->phrase == preset;
    if (!drawn) return operand_of(at, preset);
    return operand_callable(at.m, (Bound){.kind = CLOSURE_EXPRESSION, .phrase = preset, .home = at.frame});
}

// What stands behind `..` brings its filter along (rule 4).
static void take_filter(Frame *f, const Node *parameter, const Array *a) {
    if (f->filter_indices) return;
    for (int i = 0; i < parameter->count; i++)
        if (parameter->items[i]->kind == AST_DOTS) f->filter_indices = a->indices + i;
    if (f->filter_indices) f->filter = a->filter;
}

// A tensor is stored where it is given, so that the body reads it.
static Operand tensor_given(At caller, Frame *f, int i, Operand v, Span span) {
    const Node *parameter = f->of->define->node->items[i];
    v = operand_forced(caller, operand_first(v));
    bool steps = v.kind == OPERAND_LIST && parameter->type && string_equal(parameter->type, "steps");
    if (steps) v = as_steps(caller, v, &f->of->given[i], NULL, span);
    if (v.kind == OPERAND_LIST) v = operand_of_list(caller, v, span);
    if (v.kind != OPERAND_TENSOR) return v;
    if (!v.is_view) v = operand_store(caller, v, operand_name(caller, v), span);
    if (v.kind == OPERAND_TENSOR) take_filter(f, parameter, v.array);
    return v;
}

// `x` of a grad(e, x) is a tensor.
static Operand apart(At at, const Slot *slot, Operand v, Span span) {
    bool is_read = v.kind == OPERAND_TENSOR ? v.array->e->op == OP_READ || v.array->filter
                                            : v.kind == OPERAND_SCALAR && v.e->op == OP_READ;
    if (!slot->stored || is_read) return v;
    return operand_own(at, v, path_in(at.m, at.frame, slot->name), span);
}

Operand parameter_operand(At at, int i, Operand v, Span span) {
    const Case *c = at.frame->of;
    const Definition *d = c->define;
    const Shape *wanted = &c->slot[i], *given = &c->given[i];
    if (wanted->kind == SHAPE_KNOWN) return operand_known(*wanted);
    if (v.kind == OPERAND_ABSENT) {
        v = default_of(at, d->preset[i], wanted);
        given = &c->of[d->preset[i]->number];
    }
    v = operand_first(v);
    v = as_steps(at, v, given, wanted, span);
    if (v.kind == OPERAND_LIST && d->node->items[i]->brackets) v = operand_of_list(at, v, span);
    return operand_everywhere(at.m, apart(at, d->slots.data[i], v, span), wanted->dims, wanted->rank);
}

// False: one is WRONG.
static bool bind_parameters(At caller, At at, Frame *f, const Operand *given, Span span) {
    const Definition *d = f->of->define;
    Operand *values = arena_array(at.m->arena, Operand, d->parameters + 1);
    for (int i = 0; i < d->parameters; i++) {
        bool tensor = d->node->items[i]->brackets && given[i].kind != OPERAND_ABSENT;
        values[i] = tensor ? tensor_given(caller, f, i, given[i], span) : given[i];
        if (values[i].kind == OPERAND_WRONG) return false;
    }
    for (int i = 0; i < d->parameters; i++) {
        f->slot[i] = parameter_operand(at, i, values[i], span);
        if (f->slot[i].kind == OPERAND_WRONG) return false;
    }
    return true;
}

// ---- results ----

// A result as it is declared.
static Operand fit_result(At at, Operand v, const Shape *wanted, Span span) {
    v = operand_first(v);
    if (v.kind == OPERAND_LIST && wanted->kind == SHAPE_TENSOR) v = operand_of_list(at, v, span);
    return operand_everywhere(at.m, v, wanted->dims, wanted->rank);
}

static const Slot *result_slot(const Case *c, const char *name) {
    for (int i = 0; i < c->define->slots.count; i++) {
        const Slot *slot = c->define->slots.data[i];
        if (slot->kind == SLOT_RESULT && string_equal(slot->name, name))
            return c->slot[i].kind != SHAPE_NONE ? slot : NULL;
    }
    return NULL;
}

static Operand results_of(At at, Operand last, Span span) {
    const Case *c = at.frame->of;
    const Node *results = c->define->node->results;
    int count = results ? results->count : 0;
    if (!count || last.kind == OPERAND_WRONG) return last;
    if (!result_slot(c, results->items[0]->name))
        return count > 1 ? last : fit_result(at, last, &c->result, span);
    Operand *items = arena_array(at.m->arena, Operand, count);
    const char **names = arena_array(at.m->arena, const char *, count);
    for (int i = 0; i < count; i++) {
        names[i] = results->items[i]->name;
        const Shape *wanted = count > 1 ? &c->result.items[i] : &c->result;
        items[i] = fit_result(at, slot_operand(at, result_slot(c, names[i])), wanted, span);
        if (items[i].kind == OPERAND_WRONG) return items[i];
    }
    if (count == 1) return items[0];
    return (Operand){.kind = OPERAND_TUPLE, .items = items, .names = names, .count = count};
}

// ---- application ----

static Operand run_body(At at, Span span) {
    const Phrase *body = at.frame->of->define->body;
    if (!at.frame->numbers) {
        at.element = NULL;
        at.hint = at.frame->path;
    }
    Operand v = body->kind == PHRASE_BLOCK ? block_write(at, body) : operand_of(at, body);
    return results_of(at, v, span);
}

// A model's results: what is measured takes them as they are.
static void mark_given(Operand v) {
    const Expr *e = v.kind == OPERAND_TENSOR ? v.array->e : v.kind == OPERAND_SCALAR ? v.e : NULL;
    for (int i = 0; e && i < e->read_count; i++) e->reads[i]->tensor->given = true;
    for (int i = 0; v.kind == OPERAND_TUPLE && i < v.count; i++) mark_given(v.items[i]);
}

static Operand apply_in(At at, Frame *f, const Operand *given, Span span) {
    At inside = at;
    inside.frame = f;
    inside.dots = NULL;
    inside.indexed = false;
    return bind_parameters(at, inside, f, given, span) ? run_body(inside, span) : operand_wrong();
}

Operand apply_as(At at, Case *c, const char *path, const Operand *given, Span span) {
    Frame *f = frame_of_call(at, c, NULL, NULL, span);
    f->path = f->place = path;
    return apply_in(at, f, given, span);
}

static Operand apply_whole(At at, Case *c, const Instance *in, const Operand *given, const Phrase *call,
                           Span span) {
    Operand out = apply_in(at, frame_of_call(at, c, in, call, span), given, span);
    if (out.kind == OPERAND_WRONG) return out;
    if (c->define->node->definition == DEFINE_MODEL) mark_given(out);
    if (is_layer(c->define)) {
        if (!table_get(&at.m->results, in->layer)) {
            Operand *first = arena_new(at.m->arena, Operand);
            *first = operand_first(out);
            table_set(at.m->arena, &at.m->results, in->layer, first);
        }
    } else if (out.kind == OPERAND_TENSOR) {
        out.giver = c->define->node->name;
    }
    return out;
}

// Deep inside of calls a function of the same values is what it was, unless it drew or asked the run.
static Operand apply_shared(At at, Case *c, const Instance *in, const Operand *given, const Phrase *call,
                            Span span) {
    bool shares = c->define->node->definition == DEFINE_FN && at.frame->depth >= SHARED_DEPTH && !at.facts;
    Operand out;
    if (!shares) return apply_whole(at, c, in, given, call, span);
    if (sharing_find(at, c, given, &out)) return out;
    int unshared = at.m->unshared;
    out = apply_whole(at, c, in, given, call, span);
    if (at.m->unshared == unshared) sharing_keep(at, c, given, out);
    return out;
}

// A function of numbers on tensors, element by element.
static Operand apply_mapped(At at, Case *c, const Operand *given, const Phrase *call, Span span) {
    enum { MOST = 64 };
    const Definition *d = c->define;
    Operand *parts = arena_array(at.m->arena, Operand, d->parameters + 1), whole[MOST];
    int at_parameter[MOST], count = 0;
    for (int i = 0; i < d->parameters; i++) {
        parts[i] = operand_first(given[i]);
        if (parts[i].kind != OPERAND_TENSOR || d->node->items[i]->brackets || count == MOST) continue;
        at_parameter[count] = i;
        whole[count++] = parts[i];
    }
    const Expr *es[MOST];
    Array shape;
    if (!operands_unify(at, whole, count, es, &shape, span)) return operand_wrong();
    for (int k = 0; k < count; k++) parts[at_parameter[k]] = operand_scalar(es[k]);
    Operand v = operand_first(apply_shared(at, c, NULL, parts, call, span));
    if (!operand_is_number(v)) return operand_wrong();
    v = operand_wrap(at, &shape, operand_expr(at.m, v, false), span);
    v.giver = d->node->name;
    return v;
}

static bool takes_tensors(const Operand *given, int count) {
    bool any = false;
    for (int i = 0; i < count; i++) {
        Operand v = operand_first(given[i]);
        if (v.kind != OPERAND_TENSOR) continue;
        if (v.is_view || v.array->filter) return false;
        any = true;
    }
    return any;
}

// A model's results have tensors of their own, no parts of others.
static Operand own_results(At at, const Applied *a) {
    const Node *results = a->of->define->node->results;
    Operand all = a->result, *items = &all;
    int count = 1;
    if (all.kind == OPERAND_TUPLE) {
        items = arena_array(at.m->arena, Operand, all.count);
        for (int i = 0; i < (count = all.count); i++) items[i] = all.items[i];
        all.items = items;
    }
    for (int i = 0; i < count; i++) {
        const char *name = results && i < results->count ? results->items[i]->name : "result";
        bool part =
            items[i].kind == OPERAND_TENSOR && !items[i].array->filter && !array_reads_whole(items[i].array);
        if (part)
            items[i] = operand_own(at, items[i], string_format(at.m->arena, "%s.%s", a->in->path, name),
                                   a->of->define->node->span);
    }
    return all;
}

// Notes down what may stand by itself.
static Operand note(At at, Applied a) {
    const Definition *d = a.of->define, *caller = at.frame->of->define;
    if (!at.m->records || at.indexed || a.result.kind == OPERAND_WRONG || (!is_layer(d) && !is_layer(caller)))
        return a.result;
    if (!takes_tensors(a.given, d->parameters)) return a.result;
    if (d->node->definition == DEFINE_MODEL) a.result = own_results(at, &a);
    a.at = at;
    a.path = is_layer(d) ? a.in->path : path_in(at.m, at.frame, d->node->name);
    Applied *copy = arena_new(at.m->arena, Applied);
    *copy = a;
    vec_push(at.m->arena, &at.m->applied, copy);
    return a.result;
}

static Operand apply(At at, const Applied *a) {
    if (a->of->define->node->definition == DEFINE_WATCH) { // what the run keeps of its epochs' ends
        at.m->unshared++;
        return run_watch(at, a->of, a->given, a->span);
    }
    return a->mapped ? apply_mapped(at, a->of, a->given, a->call, a->span)
                     : apply_shared(at, a->of, a->in, a->given, a->call, a->span);
}

Operand apply_case(At at, Case *c, const Instance *in, const Operand *given, Span span) {
    Applied a = {.of = c, .in = in, .given = given, .span = span};
    a.result = apply(at, &a);
    return note(at, a);
}

Operand phrase_apply(At at, const Phrase *p, const Operand *given) {
    Case *c = at.frame->of->call[p->number];
    for (int i = 0; i < c->define->parameters; i++)
        if (given[i].kind == OPERAND_WRONG) return given[i];
    Applied a = {.of = c,
                 .in = at.frame->in ? at.frame->in->child[p->number] : NULL,
                 .given = given,
                 .mapped = at.frame->of->mapped[p->number],
                 .call = p->node->kind == AST_CALL ? p : NULL,
                 .span = p->span};
    a.result = apply(at, &a);
    return note(at, a);
}

Operand applied_again(const Applied *a, Writer *to, Tensor *const *inputs) {
    Emitter *m = a->at.m;
    Applied own = *a;
    Operand *given = arena_array(m->arena, Operand, a->of->define->parameters + 1);
    for (int i = 0; i < a->of->define->parameters; i++)
        given[i] = inputs[i] ? operand_tensor(m, inputs[i]) : a->given[i];
    own.given = given;
    At at = at_outside(m, to, a->at.frame);
    return apply(at, &own);
}
