// Calls: what is applied to what; layers and functions as values; pipes and repeats.
// Guarantees: what is applied at a phrase is Case.call of its number.
#include "shape/look.h"

// ---- closures ----

Shape closure_shape(Shaper *s, Closure closure, Span span) {
    Closure *copy = arena_new(s->arena, Closure);
    *copy = closure;
    return (Shape){.kind = SHAPE_CALLABLE, .closure = copy, .span = span};
}

Shape forced(Shaper *s, Shape v) {
    if (v.kind != SHAPE_CALLABLE || v.closure->kind != CLOSURE_EXPRESSION) return v;
    Span span = v.span;
    v = shape_at((Place){.s = s, .c = v.closure->home}, v.closure->phrase);
    v.span = span;
    return v;
}

static bool is_setting_with_draw(const Definition *d, int i, const Phrase *e) {
    return definition_is_layer(d) && i < d->parameters && !d->node->items[i]->brackets && e->sort.draws &&
           e->sort.kind != KIND_CALLABLE;
}

// A number written out, or made of such and of constants of the file.
static bool is_constant(const Phrase *e) {
    if (e->kind == PHRASE_NUMBER) return e->node->kind == AST_NUMBER;
    if (e->kind == PHRASE_DEFINITION) return e->definition->body && is_constant(e->definition->body);
    bool all = e->kind == PHRASE_UNARY || e->kind == PHRASE_BINARY;
    for (int i = 0; i < e->count; i++) all = all && is_constant(e->part[i]);
    return all;
}

// Of an optimizer's or schedule's call: is this number one of the trainer's settings?
static bool is_rate(const Shaper *s, const Definition *d, int i, const Phrase *e) {
    bool called = d->node->definition == DEFINE_OPTIMIZER || d->node->definition == DEFINE_FN;
    const Node *parameter = d->node->items[i];
    return s->rates && called && !parameter->brackets && (i >= 64 || !(d->decides >> i & 1)) &&
           (!parameter->type || d->node->definition == DEFINE_OPTIMIZER) && is_constant(e);
}

// A default stands in the text of what is called, its numbers say all that is needed of it.
static Dimension unit_written(const Phrase *e) {
    if (e->kind == PHRASE_NUMBER) return unit_dimension(e->node->unit);
    for (int i = 0; i < e->count; i++)
        if (unit_written(e->part[i]) != DIMENSION_NUMBER) return unit_written(e->part[i]);
    return DIMENSION_NUMBER;
}

static Shape rate_shape(const Phrase *e) {
    Shape v = shape_scalar(TYPE_REAL);
    Dimension unit = unit_written(e);
    bool length = unit == DIMENSION_STEPS || unit == DIMENSION_EPOCHS;
    v.unit = length ? DIMENSION_STEPS : DIMENSION_NUMBER;
    v.span = e->span;
    return v;
}

// What a call of the run leaves out is such a number too.
void default_rates(const Shaper *s, const Definition *d, Shape *given) {
    for (int i = 0; i < d->parameters; i++)
        if (given[i].kind == SHAPE_NONE && d->preset[i] && d->preset[i]->kind != PHRASE_DEFINITION &&
            is_rate(s, d, i, d->preset[i]))
            given[i] = rate_shape(d->preset[i]);
}

static Shape argument(Place at, const Definition *d, int i, const Phrase *e) {
    if (is_rate(at.s, d, i, e)) {
        if (!limits_fit(at.s, d, i, shape_at(at, e), e->span)) return shape_wrong();
        bool rate = d->node->definition == DEFINE_OPTIMIZER && string_equal(d->node->items[i]->name, "lr");
        if (rate && unit_written(e) != DIMENSION_NUMBER)
            return fail_shape(at.s, UNIT_UNWANTED, e->span, "`lr`");
        return rate_shape(e);
    }
    if (is_setting_with_draw(d, i, e))
        return closure_shape(at.s, (Closure){.kind = CLOSURE_EXPRESSION, .phrase = e, .home = at.c}, e->span);
    bool whole = definition_is_layer(d) || (i < d->parameters && d->node->items[i]->brackets);
    return whole ? shape_whole(at, e) : shape_at(at, e);
}

// The arguments by parameter, on top of those that are there already. False after a message.
static bool arguments(Place at, const Phrase *p, const Definition *d, Shape *given) {
    bool ok = true;
    for (int i = 0; i < p->count && i < d->parameters; i++) {
        if (!p->part[i]) continue;
        given[i] = argument(at, d, i, p->part[i]);
        ok = ok && given[i].kind != SHAPE_WRONG;
    }
    return ok;
}

static Shape *room(Shaper *s, const Definition *d) { return arena_array(s->arena, Shape, d->parameters + 1); }

Shape *closure_given(Shaper *s, const Closure *f) {
    Shape *given = room(s, f->definition);
    for (int i = 0; i < f->definition->parameters; i++) given[i] = f->given[i];
    return given;
}

Shape make_shape(Place at, const Phrase *p) {
    Definition *d = p->definition;
    if (!d) return apply_shape(at, p);
    Shape *given = room(at.s, d);
    if (!arguments(at, p, d, given)) return shape_wrong();
    return closure_shape(
        at.s,
        (Closure){
            .kind = CLOSURE_DEFINED, .definition = d, .given = given, .path = path_made(at.s, at.s->at, p)},
        p->span);
}

// ---- definitions applied ----

static bool is_elementwise(const Definition *d, const Shape *given) {
    if (d->node->definition != DEFINE_FN) return false;
    for (int i = 0; i < d->parameters; i++)
        if (!d->node->items[i]->brackets && shape_first(given[i]).kind == SHAPE_TENSOR) return true;
    return false;
}

static Shape elementwise(Place at, Definition *d, Shape *given, const Phrase *p, Span span) {
    Shaper *s = at.s;
    Shape whole[SHAPE_NESTING], shape;
    int tensors = 0;
    for (int i = 0; i < d->parameters && tensors < SHAPE_NESTING; i++) {
        Shape v = shape_first(given[i]);
        if (d->node->items[i]->brackets || v.kind != SHAPE_TENSOR) continue;
        whole[tensors++] = v;
        Shape element = shape_scalar((Type)v.type);
        element.is_class = v.is_class;
        element.unit = v.unit;
        element.span = v.span;
        given[i] = element;
    }
    if (!unify(at, whole, tensors, &shape, span)) return shape_wrong();
    Case *c = case_of(s, d, given, d->parameters, NULL, span);
    Shape v = shape_first(c->result);
    at.c->call[p->number] = c;
    at.c->mapped[p->number] = true;
    if (v.kind == SHAPE_WRONG) return v;
    if (!shape_is_number(v))
        return fail_shape(s, NOT_ELEMENTWISE, span, d->node->name, shape_text(s->arena, v));
    Shape out = shape_tensor(s, shape.dims, shape.rank, (Type)v.type);
    out.filtered = shape.filtered;
    return out;
}

static bool needed_given(Place at, const Definition *d, const Shape *given, Span span) {
    Shaper *s = at.s;
    for (int i = 0; i < d->parameters; i++) {
        const Node *parameter = d->node->items[i];
        if (given[i].kind == SHAPE_WRONG) return false;
        if (given[i].kind != SHAPE_NONE || d->preset[i]) continue;
        Diagnostic *m = fail(s, MISSING_ARGUMENT, span, d->node->name, parameter->name);
        diagnostic_note(s->ctx, m, parameter->span, "`%s` has no default", parameter->name);
        return false;
    }
    return true;
}

static bool any_open(const Definition *d, const Shape *given) {
    for (int i = 0; i < d->parameters; i++)
        if (given[i].kind == SHAPE_OPEN) return true;
    return false;
}

Shape define_apply(Place at, Definition *d, Shape *given, const char *path, const Phrase *p, Span span) {
    if (!needed_given(at, d, given, span)) return shape_wrong();
    if (any_open(d, given)) return (Shape){.kind = SHAPE_OPEN};
    if (is_elementwise(d, given)) return elementwise(at, d, given, p, span);
    warn_arguments(at, d, given, span);
    Case *c = case_of(at.s, d, given, d->parameters, path, span);
    at.c->call[p->number] = c;
    return c->result;
}

static Shape call_definition(Place at, const Phrase *p, const Shape *first) {
    Definition *d = p->definition;
    Shape *given = room(at.s, d);
    if (!arguments(at, p, d, given)) return shape_wrong();
    if (first) given[0] = *first;
    if (d->parameters) warn_one_number(at, d->node->name, given[0], p->span);
    default_rates(at.s, d, given);
    return define_apply(at, d, given, path_made(at.s, at.s->at, p), p, p->span);
}

static Case *inner_case(Place home, const Phrase *p, Shape x);

// ---- values applied ----

int call_parameter(const Phrase *p, const Definition *d, int i, int *next) {
    const Node *item = p->node->items[i - 1];
    if (item->kind != AST_NAMED) return (*next)++;
    for (int k = 0; k < d->parameters; k++)
        if (string_equal(d->node->items[k]->name, item->name)) return k;
    return d->parameters;
}

// The arguments of a call whose callee only its value tells: by position from `skip`, or by name (rule 11).
static bool match(Place at, const Phrase *p, const Definition *d, int skip, Shape *given) {
    int next = skip;
    bool ok = true;
    for (int i = 1; i < p->count; i++) {
        const Node *item = p->node->items[i - 1];
        int k = call_parameter(p, d, i, &next);
        if (k >= d->parameters) {
            if (item->kind == AST_NAMED)
                fail(at.s, UNKNOWN_SETTING, item->name_span, d->node->name, item->name);
            else
                return fail_false(at.s, TOO_MANY_ARGUMENTS, item->span, d->node->name, d->parameters,
                                  d->parameters == 1 ? "" : "s", p->count - 1 + skip);
        }
        given[k] = argument(at, d, k, p->part[i]);
        ok = ok && given[k].kind != SHAPE_WRONG;
    }
    return ok;
}

// A call that names only settings, and leaves out what it needs: the function with them set (rule 19).
static bool is_partial(const Phrase *p, const Definition *d, const Shape *given) {
    if (p->count < 2) return false;
    for (int i = 1; i < p->count; i++)
        if (p->node->items[i - 1]->kind != AST_NAMED) return false;
    for (int i = 0; i < d->parameters; i++)
        if (given[i].kind == SHAPE_NONE && !d->preset[i]) return true;
    return false;
}

static Shape call_defined(Place at, const Phrase *p, const Closure *f, const Shape *first) {
    Definition *d = f->definition;
    Shape *given = closure_given(at.s, f);
    if (!match(at, p, d, first ? 1 : 0, given)) return shape_wrong();
    if (first) given[0] = *first;
    if (!first && !definition_is_layer(d) && is_partial(p, d, given))
        return closure_shape(at.s, (Closure){.kind = CLOSURE_DEFINED, .definition = d, .given = given},
                             p->span);
    return define_apply(at, d, given, f->path, p, p->span);
}

static Shape call_inner(Place at, const Phrase *p, Shape f, const Shape *first) {
    bool one = first ? p->count == 1 : p->count == 2 && p->node->items[0]->kind != AST_NAMED;
    if (!one) return fail_shape(at.s, PIPE_ARGUMENTS, p->span, "");
    return closure_apply(at, f, first ? *first : shape_whole(at, p->part[1]), p, p->span);
}

static Shape call_row(Place at, const Phrase *p, const Builtin *row, const Shape *first) {
    Shape values[4];
    int count = first ? 1 : 0;
    if (first) values[0] = *first;
    for (int i = 1; i < p->count && count < 4; i++) values[count++] = shape_at(at, p->part[i]);
    if (count == 1 && row->group == GROUP_REDUCTION) return reduction_shape(at, row, values[0], p->span);
    return builtin_shape(at, row, values, count, p->span);
}

static bool takes_tensors(Place at, const Phrase *p) {
    for (int i = 1; i < p->count; i++)
        if (shape_whole(at, p->part[i]).kind == SHAPE_TENSOR) return true;
    return false;
}

// A name of this definition may hide what it was meant to call.
static Shape not_callable(Place at, const Phrase *p, Shape f) {
    const Phrase *callee = p->part[0];
    const Slot *slot = callee->kind == PHRASE_SLOT ? callee->slot : NULL;
    const uint32_t functions = 1u << GROUP_SCALAR | 1u << GROUP_TENSOR | 1u << GROUP_REDUCTION;
    bool hides = slot && (library_find(at.s->library, callee->span, slot->name) ||
                          builtin_find(slot->name, functions));
    Diagnostic *d = fail(at.s, NOT_CALLABLE, callee->span, shape_text(at.s->arena, f));
    if (hides)
        diagnostic_note(at.s->ctx, d, slot->span, "this hides what `%s` is elsewhere: use another name",
                        slot->name);
    return shape_wrong();
}

static Shape call_value(Place at, const Phrase *p, const Shape *first) {
    Shape f = p->part[0]->kind == PHRASE_SLOT && p->part[0]->slot ? at.c->slot[p->part[0]->slot->number]
                                                                  : (Shape){0};
    bool expression = f.kind == SHAPE_CALLABLE && f.closure->kind == CLOSURE_EXPRESSION;
    f = expression ? forced(at.s, f) : shape_at(at, p->part[0]);
    if (f.kind == SHAPE_WRONG || f.kind == SHAPE_OPEN) return f;
    if (f.kind == SHAPE_CALLABLE) {
        switch (f.closure->kind) {
        case CLOSURE_DEFINED: return call_defined(at, p, f.closure, first);
        case CLOSURE_BUILTIN: return call_row(at, p, f.closure->builtin, first);
        case CLOSURE_INNER: return call_inner(at, p, f, first);
        case CLOSURE_EXPRESSION: break;
        }
    }
    if (shape_is_number(f) && !first && !takes_tensors(at, p))
        return f; // rule 19: calling an expression gives it
    return not_callable(at, p, f);
}

Shape apply_shape(Place at, const Phrase *p) {
    if (p->definition && p->definition->measures && at.s->data && !whole_row(at, p)) return shape_wrong();
    return p->definition ? call_definition(at, p, NULL) : call_value(at, p, NULL);
}

// A pipe or repeat, in the scope where it is written.
static Shape apply_inner(Place at, const Closure *f, Shape x, const Phrase *p, Span span) {
    Shaper *s = at.s;
    if (x.kind == SHAPE_OPEN) return x;
    const Application *caller = s->at;
    Application *inside = application_new(s, *f->home->from);
    inside->depth = caller->depth + 1;
    if (f->path) {
        inside->path = f->path;
        inside->round = "";
    }
    if (inside->depth >= SHAPE_NESTING) return fail_shape(s, NESTING_LIMIT, span, "a pipe", SHAPE_NESTING);
    s->at = inside;
    Case *c = inner_case((Place){.s = s, .c = f->home}, f->phrase, x);
    s->at = caller;
    at.c->call[p->number] = c;
    return c->result;
}

Shape closure_apply(Place at, Shape what, Shape input, const Phrase *p, Span span) {
    Shaper *s = at.s;
    what = forced(s, what);
    if (what.kind == SHAPE_WRONG || input.kind == SHAPE_WRONG) return shape_wrong();
    Shape first = shape_first(input);
    if (what.kind != SHAPE_CALLABLE) return fail_shape(s, NOT_A_LAYER, span, shape_text(s->arena, what));
    const Closure *f = what.closure;
    if (f->kind == CLOSURE_BUILTIN && f->builtin->group == GROUP_REDUCTION && f->builtin->needed == 1)
        return reduction_shape(at, f->builtin, first, span);
    if (f->kind == CLOSURE_BUILTIN) return builtin_shape(at, f->builtin, &first, 1, span);
    if (f->kind == CLOSURE_INNER) return apply_inner(at, f, first, p, span);
    Shape *given = closure_given(s, f);
    given[0] = first;
    return define_apply(at, f->definition, given, f->path, p, span);
}

// ---- the language's own functions ----

static Shape size_call(Place at, const Phrase *p, const Shape *first) {
    const Phrase *item = first ? NULL : p->part[0];
    if (!item || item->kind != PHRASE_DOTS)
        return count_shape(at, first ? *first : shape_whole(at, item), p->span);
    Extent dims[MAX_RANK];
    int rank = 0;
    if (!add_dots(at, item->span, dims, &rank)) return shape_wrong();
    Shape all = shape_tensor(at.s, dims, rank, TYPE_REAL);
    all.filtered = at.c->filtered;
    return count_shape(at, all, p->span);
}

Shape call_builtin_shape(Place at, const Phrase *p, const Shape *first) {
    const Builtin *row = p->builtin;
    if (!p->count && !first)
        return closure_shape(at.s, (Closure){.kind = CLOSURE_BUILTIN, .builtin = row}, p->span);
    if (row->group == GROUP_READER) return reader_shape(at, p);
    Shape x = {0};
    bool measure = row->group == GROUP_MEASURE;
    bool whole = row->group == GROUP_TENSOR || (row->group == GROUP_REDUCTION && p->count <= 1) || measure;
    if (string_equal(row->name, "size")) return size_call(at, p, first);
    if (string_equal(row->name, "restore"))
        return restore_shape(at, p, first ? *first : shape_at(at, p->part[0]));
    if (string_equal(row->name, "extend")) return fail_shape(at.s, EXTEND_ALONE, p->span, "");
    if (whole) x = first ? *first : shape_whole(at, p->part[0]);
    if (string_equal(row->name, "reshape")) return reshape_shape(at, p, x, 1);
    if (string_equal(row->name, "order")) return order_shape(at, x, p->span);
    if (whole && !measure) warn_one_number(at, row->name, x, p->span);
    if (whole) return measure ? builtin_shape(at, row, &x, 1, p->span) : reduction_shape(at, row, x, p->span);
    Shape values[4];
    int count = 0;
    for (int i = 0; i < p->count && count < 4; i++) {
        if (!i && first) values[count++] = *first;
        if (p->part[i] && !(first && !i)) values[count++] = shape_at(at, p->part[i]);
        if (count && values[count - 1].kind == SHAPE_WRONG) return shape_wrong();
    }
    if (row->group == GROUP_SCALAR || row->group == GROUP_REDUCTION)
        return builtin_shape(at, row, values, count, p->span);
    Shape number = one_number(at.s, values[0], p->part[0]->span);
    return number.kind == SHAPE_WRONG ? number : shape_scalar(TYPE_REAL); // total
}

// ---- pipes ----

static Shape stage_shape(Place at, const Phrase *stage, Shape x) {
    if (x.kind == SHAPE_WRONG) return x;
    Shape first = shape_first(x), v;
    if (stage->kind == PHRASE_MAKE || stage->kind == PHRASE_APPLY)
        v = stage->definition ? call_definition(at, stage, &first) : call_value(at, stage, &first);
    else if (stage->kind == PHRASE_BUILTIN && stage->count)
        v = call_builtin_shape(at, stage, &first);
    else if (stage->kind == PHRASE_WRONG)
        v = shape_wrong();
    else
        return closure_apply(at, shape_at(at, stage), x, stage, stage->span);
    v.span = stage->span;
    at.c->of[stage->number] = v;
    return v;
}

static Shape run_pipe(Place at, const Phrase *p, Shape x) {
    if (p->kind != PHRASE_PIPE) return stage_shape(at, p, x);
    return stage_shape(at, p->part[1], run_pipe(at, p->part[0], x));
}

// ---- repeats ----

// A case is whole once it was looked at; what is in it counts for what applies it.
static Case *inner_done(Case *c, Shape result) {
    c->result = result;
    c->wrong = result.kind == SHAPE_WRONG;
    for (int i = 0; i < c->define->phrases.count; i++) c->layers |= c->call[i] && c->call[i]->layers;
    for (int r = 0; r < c->rounds; r++) c->layers |= c->round[r]->layers;
    c->done = true;
    return c;
}

static Shape run_block(Place at, const Phrase *block, Shape x) {
    Shape v = {.kind = SHAPE_ABSENT};
    for (int i = 0; i < block->count; i++) {
        const Phrase *p = block->part[i];
        if (p->kind == PHRASE_RESULT)
            v = run_pipe(at, p->part[0], x);
        else if (statement_shape(at, p).kind == SHAPE_WRONG)
            return shape_wrong();
    }
    if (v.kind != SHAPE_ABSENT) return v;
    return fail_shape(at.s, REPEAT_WITHOUT_LAYER, block->span, "");
}

static Case *round_case(Place home, const Phrase *p, Shape x, int64_t r) {
    Shaper *s = home.s;
    Slot *index = p->binders && p->binder[0].index->used ? p->binder[0].index : NULL;
    Shape *given = arena_array(s->arena, Shape, 2);
    given[0] = x;
    given[1] = shape_known((double)r, true);
    const Application *outside = s->at;
    Application *inside = application_new(s, *outside);
    inside->round = string_format(s->arena, "%s[%lld]", outside->round, (long long)r);
    s->at = inside;
    Case *c = case_inner(s, p->part[1], home.c, given, index ? 2 : 1, index);
    if (!c->done) inner_done(c, run_block((Place){.s = s, .c = c}, p->part[1], x));
    s->at = outside;
    return c;
}

static Shape run_rounds(Place home, Case *c, const Phrase *p, Shape x) {
    Shaper *s = home.s;
    int64_t rounds, outer = s->rounds ? s->rounds : 1;
    if (!number_at(home, p->part[0], "how often to repeat", &rounds)) return shape_wrong();
    if (rounds < 0 || rounds > SHAPE_ROUNDS / outer)
        return fail_shape(s, REPEAT_COUNT, p->node->range->span, (long long)rounds,
                          (int)(SHAPE_ROUNDS / outer));
    c->round = arena_array(s->arena, Case *, rounds + 1);
    for (int64_t r = 0; r < rounds && x.kind != SHAPE_WRONG; r++) {
        x = shape_first(x);
        s->rounds = outer * rounds;
        c->round[c->rounds++] = round_case(home, p, x, r);
        s->rounds = outer;
        x = c->round[r]->result;
    }
    return x;
}

static Case *inner_case(Place home, const Phrase *p, Shape x) {
    Shaper *s = home.s;
    Shape *given = arena_new(s->arena, Shape);
    *given = x;
    Case *c = case_inner(s, p, home.c, given, 1, NULL);
    if (c->done) return c;
    Place at = {.s = s, .c = c};
    return inner_done(c, p->kind == PHRASE_REPEAT ? run_rounds(home, c, p, x) : run_pipe(at, p, x));
}

Shape pipe_shape(Place at, const Phrase *p) {
    Closure closure = {
        .kind = CLOSURE_INNER, .phrase = p, .home = at.c, .path = path_made(at.s, at.s->at, p)};
    if (p->kind == PHRASE_REPEAT) return closure_shape(at.s, closure, p->span);
    Shape x = shape_at(at, p->part[0]);
    if (x.kind == SHAPE_CALLABLE) return closure_shape(at.s, closure, p->span);
    return stage_shape(at, p->part[1], x);
}
