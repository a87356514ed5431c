// What a definition is under its arguments: sizes from shapes, settings and defaults, the body, the results.
// Guarantees: a dimension has one size throughout a signature; results have the shapes they are declared
// with.
#include "shape/look.h"

#include <string.h>

// ---- parameters ----

typedef struct {
    Shaper *s;
    Place at; // of the body
    Case *c;
    const Node *node;
    const Application *caller;
    Span span;
    Span *size_span; // by slot: the argument that gave a size
    Span dots_span;
    bool ok;
} Signature;

static Span span_of(const Signature *b, Shape v) { return v.span.end ? v.span : b->span; }

// Messages of arguments are those of the text that gives them.
#define fail_outside(b, code, span, ...)                                                                     \
    ((b)->ok = false, (b)->s->at = (b)->caller, fail((b)->s, code, span, __VA_ARGS__))

static Slot *size_of_item(const Signature *b, const Node *item) {
    return item->kind == AST_NAME ? slot_named(b->c->define, item->name, SLOT_SIZE) : NULL;
}

// A layer of the library is given a dimension or two less than it asks for.
static void help_dimensions(Signature *b, Diagnostic *d, const Node *parameter, Shape v) {
    Shaper *s = b->s;
    const Source *source = source_of(s->ctx, b->node->span);
    int less = parameter->count - v.rank;
    bool rows = v.kind == SHAPE_TENSOR && v.dims[0].batch && source && source->library;
    if (!rows || !parameter->brackets || node_dots(parameter) || less < 1) return;
    Text sizes = {.arena = s->arena};
    for (int i = 1; i < v.rank; i++) text_add(&sizes, "%lld, ", (long long)v.dims[i].size);
    if (less == 1 && is_whole(v))
        diagnostic_help(s->ctx, d,
                        "whole numbers become vectors by `embedding(vocabulary, width)` before it");
    else if (less == 1)
        diagnostic_help(s->ctx, d, "`reshape(x, batch, %s1)` has a last dimension of one",
                        text_string(&sizes));
    else
        diagnostic_help(s->ctx, d, "`reshape(x, batch, …)` gives a row's numbers the %d dimensions of `%s`",
                        parameter->count - 1, node_text(s->arena, parameter));
}

static Diagnostic *shape_error(Signature *b, const Node *parameter, Shape v, const Node *item,
                               const char *wanted, Span other) {
    Shaper *s = b->s;
    const Application *inside = s->at;
    const char *text = node_text(s->arena, parameter);
    Diagnostic *d = fail_outside(b, ARGUMENT_SHAPE, span_of(b, v), parameter->name, b->node->name,
                                 shape_text(s->arena, v), text);
    s->at = inside;
    diagnostic_note(s->ctx, d, parameter->span, "`%s` is declared here", text);
    if (item && wanted)
        diagnostic_note(s->ctx, d, other.end ? other : item->span, "here `%s` is %s",
                        node_text(s->arena, item), wanted);
    bool rows = v.kind == SHAPE_TENSOR && v.dims[0].batch && v.rank == parameter->count + 1;
    if (rows && !size_of_item(b, parameter->items[0]) && is_define(b->node, DEFINE_MODEL))
        diagnostic_help(s->ctx, d, "the first dimension of a model's input is the batch: `%s[batch, %s`",
                        parameter->name, strchr(text, '[') + 1);
    else if (parameter->type && string_equal(parameter->type, "class") && !is_whole(v))
        diagnostic_help(
            s->ctx, d,
            "a class is one whole number for each row: of numbers for each class `k[n] = argmax[i] p[n, i]`");
    else
        help_dimensions(b, d, parameter, v);
    return d;
}

static void bind_size(Signature *b, const Node *parameter, const Node *item, const Slot *slot, Shape v,
                      Extent dim) {
    Shape *size = &b->c->slot[slot->number];
    if (size->kind == SHAPE_NONE) {
        *size = dim.batch ? shape_scalar(TYPE_INT) : shape_known((double)dim.size, true);
        size->is_rows = size->of_rows = dim.batch;
        b->size_span[slot->number] = v.span;
        return;
    }
    Extent before = size->is_rows ? (Extent){b->s->batch, true} : (Extent){(int64_t)size->number, false};
    if (!extent_equal(before, dim))
        shape_error(b, parameter, v, item, extents_text(b->s->arena, &before, 1), b->size_span[slot->number]);
}

// The dimensions behind `..`. False after a message.
static bool bind_group(Signature *b, const Node *parameter, Shape v, int before, int count) {
    Case *c = b->c;
    if (!c->has_dots) {
        c->has_dots = true;
        c->dot_count = count;
        c->dots = extents(b->s, v.dims + before, count);
        c->filtered = v.filtered;
        b->dots_span = v.span;
        return true;
    }
    if (c->dot_count == count && c->dots == extents(b->s, v.dims + before, count)) return true;
    const char *wanted =
        string_format(b->s->arena, "with `..` as %s", extents_text(b->s->arena, c->dots, c->dot_count));
    Diagnostic *d = shape_error(b, parameter, v, parameter, wanted, b->dots_span);
    if (c->dot_count == v.rank + 1 && v.is_class)
        diagnostic_help(
            b->s->ctx, d,
            "a number for each class beside a class is what `cross_entropy`, `accuracy`, `macro_f1` "
            "take; `one_hot(…, %lld)` makes numbers of a class",
            (long long)c->dots[v.rank].size);
    else if (c->dot_count == v.rank + 1 && c->dots[v.rank].size == 1 && !d->help)
        diagnostic_help(b->s->ctx, d,
                        "a field of one number has this shape where its data block writes `y[1] = …`");
    return false;
}

static void bind_shape(Signature *b, const Node *parameter, Shape v) {
    bool dots = node_dots(parameter);
    int around = parameter->count - 1;
    if (dots ? v.rank < around : v.rank != parameter->count) {
        shape_error(b, parameter, v, NULL, NULL, NO_SPAN);
        return;
    }
    if (v.filtered && (!dots || parameter->count != 1)) {
        fail_outside(b, FILTER_NEEDS_DOTS, b->span, b->node->name);
        return;
    }
    for (int i = 0, at = 0; i < parameter->count && b->ok; i++) {
        const Node *item = parameter->items[i];
        if (item->kind == AST_DOTS) {
            if (!bind_group(b, parameter, v, at, v.rank - around)) return;
            at += v.rank - around;
            continue;
        }
        const Slot *size = size_of_item(b, item);
        if (size) bind_size(b, parameter, item, size, v, v.dims[at]);
        at++;
    }
}

// A size that no argument has given.
static bool is_unknown(const void *of, const Phrase *p) {
    const Case *c = of;
    return p->kind == PHRASE_SLOT && p->slot->kind == SLOT_SIZE &&
           c->slot[p->slot->number].kind == SHAPE_NONE;
}

// Dimensions that are not names: they are checked once all sizes and settings are known.
static void check_shape(Signature *b, const Node *parameter, Shape v) {
    for (int i = 0, at = 0; i < parameter->count && b->ok; i++) {
        const Node *item = parameter->items[i];
        if (item->kind == AST_DOTS) {
            at += v.rank - (parameter->count - 1);
            continue;
        }
        Extent wanted, dim = v.dims[at++];
        if (size_of_item(b, item)) continue;
        if (!dim_at(b->at, phrase_of(item), &wanted))
            b->ok = false;
        else if (!extent_equal(wanted, dim))
            shape_error(b, parameter, v, item, extents_text(b->s->arena, &wanted, 1), NO_SPAN);
    }
}

static bool unit_word(const char *name) {
    for (int u = UNIT_NONE + 1; u < UNIT_COUNT; u++)
        if (string_equal(unit_text((Unit)u), name)) return true;
    return false;
}

static void class_error(Signature *b, const Node *parameter, Shape v) {
    Diagnostic *d = fail_outside(b, CLASS_ARGUMENT, span_of(b, v), parameter->name, b->node->name);
    diagnostic_note(b->s->ctx, d, parameter->span, "`%s` is declared here",
                    node_text(b->s->arena, parameter));
    diagnostic_help(
        b->s->ctx, d,
        "a class indexes and compares: `k == 1` is a number, 1 or 0; `cross_entropy` takes classes");
}

bool limits_fit(Shaper *s, const Definition *d, int i, Shape v, Span span) {
    const Node *parameter = d->node->items[i], *limits = parameter->limits;
    for (int k = 0; limits && v.kind == SHAPE_LIST && k < v.count; k++)
        if (!limits_fit(s, d, i, v.items[k], span)) return false;
    if (!limits || v.kind != SHAPE_KNOWN) return true;
    bool above = !limits->left || v.number >= node_number(limits->left);
    bool below = !limits->right || v.number <= node_number(limits->right);
    if (above && below) return true;
    const Node *one = !limits->right ? limits->left : !limits->left ? limits->right : limits;
    const char *number = string_of_double(s->arena, v.number);
    const char *where = !limits->right ? "at least" : !limits->left ? "at most" : "in";
    where = string_format(s->arena, "%s %s", where, node_text(s->arena, one));
    Diagnostic *m = fail(s, ARGUMENT_LIMITS, span, parameter->name, d->node->name, where, number);
    diagnostic_note(s->ctx, m, parameter->span, "`%s` is declared here", node_text(s->arena, parameter));
    bool share = limits->right && node_number(limits->right) == 1 && v.number > 1 && v.number <= 100;
    if (share) diagnostic_meant(s->ctx, m, span, string_format(s->arena, "%s%%", number));
    return false;
}

static bool is_logits(const Node *parameter) {
    return parameter->type && string_equal(parameter->type, "logits");
}

void warn_arguments(Place at, const Definition *d, const Shape *given, Span span) {
    Shaper *s = at.s;
    const Shape *logits = NULL;
    for (int i = 0; i < d->parameters; i++) {
        const Node *parameter = d->node->items[i];
        const Shape *v = &given[i];
        Span place = v->span.end ? v->span : span;
        if (v->kind != SHAPE_TENSOR) continue;
        if (is_logits(parameter)) logits = v;
        if (is_logits(parameter) && v->is_probability) fail(s, LOGITS_WANTED, place, d->node->name);
        int64_t numbers = logits && v->classes ? logits->dims[logits->rank - 1].size : 0;
        bool one = logits && logits->rank == v->rank + 1; // a number for each class, not one of two
        if (one && numbers > v->classes)
            fail(s, CLASS_COUNT, place, d->node->name, (long long)numbers, (long long)v->classes);
    }
}

// What a setting is: its word, or what its default is.
static const char *type_of(const Node *parameter) {
    bool flag =
        !parameter->type && !parameter->brackets && parameter->value && parameter->value->kind == AST_BOOL;
    return flag ? "bool" : parameter->type;
}

static void flag_error(Signature *b, const Node *parameter, Shape v) {
    Diagnostic *d = fail_outside(b, ARGUMENT_FLAG, span_of(b, v), parameter->name, b->node->name,
                                 shape_text(b->s->arena, v));
    diagnostic_note(b->s->ctx, d, parameter->span, "`%s` is declared here",
                    node_text(b->s->arena, parameter));
    if (!definition_is_layer(b->c->define)) return;
    if (v.kind == SHAPE_CALLABLE)
        diagnostic_help(b->s->ctx, d, "an activation follows the layer: `%s(…) |> relu`", b->node->name);
    else
        diagnostic_help(b->s->ctx, d, "the sizes of its input are those of what it is applied to");
}

static void check_type(Signature *b, const Node *parameter, Shape *v) {
    const char *type = type_of(parameter);
    bool flag = type && string_equal(type, "bool") && !parameter->brackets;
    if (flag && v->kind == SHAPE_CALLABLE) flag_error(b, parameter, *v);
    if (!shape_is_number(*v) && v->kind != SHAPE_TENSOR) return;
    if (!type || unit_word(type) || is_logits(parameter) || string_equal(type, "probability")) {
        if (v->is_class && parameter->brackets) class_error(b, parameter, *v);
        return;
    }
    bool fits = true;
    if (string_equal(type, "int") || string_equal(type, "class")) fits = is_whole(*v);
    if (string_equal(type, "bool"))
        fits = v->type == TYPE_BOOL || (v->kind == SHAPE_KNOWN && (v->number == 0 || v->number == 1));
    if (fits) {
        if (string_equal(type, "int")) v->is_class = false;
        if (string_equal(type, "class")) v->is_class = true;
        return;
    }
    if (flag) {
        flag_error(b, parameter, *v);
        return;
    }
    const char *given = v->type == TYPE_INT ? "integers" : v->type == TYPE_BOOL ? "conditions" : "numbers";
    Diagnostic *d =
        fail_outside(b, ARGUMENT_TYPE, span_of(b, *v), parameter->name, b->node->name, type, given);
    diagnostic_note(b->s->ctx, d, parameter->span, "`%s` is declared here",
                    node_text(b->s->arena, parameter));
    if (!string_equal(type, "bool"))
        diagnostic_help(b->s->ctx, d,
                        "declare the input `: int`; a field becomes one by `class(e, n)` or `int(e, n)`");
}

static bool is_length_word(const char *word) {
    return word && (string_equal(word, "steps") || string_equal(word, "epochs"));
}

// Is the parameter a length of the run (rule 23)?
static bool is_length(const Node *parameter) {
    const Node *value = parameter->value;
    if (is_length_word(parameter->type)) return true;
    if (!value) return false;
    if (value->kind == AST_NAME) return is_length_word(value->name);
    Dimension unit = value->kind == AST_NUMBER ? unit_dimension(value->unit) : DIMENSION_NUMBER;
    return unit == DIMENSION_STEPS || unit == DIMENSION_EPOCHS;
}

static Shape as_steps(Signature *b, const Node *parameter, Shape v) {
    if (v.kind == SHAPE_LIST) {
        Shape *items = arena_array(b->s->arena, Shape, v.count + 1);
        for (int i = 0; i < v.count; i++) items[i] = as_steps(b, parameter, v.items[i]);
        v.items = items;
        return v;
    }
    if (!shape_is_number(v)) return v;
    Span span = v.span;
    if (v.unit == DIMENSION_EPOCHS) {
        v = shape_scalar(TYPE_REAL); // times the steps of an epoch, which the data tell
        v.span = span;
    } else if (v.unit != DIMENSION_STEPS && !(v.kind == SHAPE_KNOWN && v.number == 0)) {
        Diagnostic *d = fail_outside(b, LENGTH_WITHOUT_UNIT, span_of(b, v), parameter->name, b->node->name);
        const char *number = string_of_double(b->s->arena, v.number);
        if (v.kind == SHAPE_KNOWN)
            diagnostic_help(b->s->ctx, d, "write `%s steps` or `%s epochs`", number, number);
        else
            diagnostic_help(b->s->ctx, d, "give it in `steps` or in `epochs`");
    }
    v.unit = DIMENSION_NUMBER;
    v.counts = DIMENSION_STEPS;
    return v;
}

// A watch sees lengths in epochs; what is only passed on to one stays what it is.
static Shape as_epochs(Signature *b, const Node *parameter, Shape v) {
    if (!shape_is_number(v)) return v;
    if (v.unit != DIMENSION_EPOCHS && !(v.kind == SHAPE_KNOWN && v.number == 0)) {
        fail_outside(b, EPOCHS_WANTED, span_of(b, v), parameter->name, b->node->name);
        return shape_wrong();
    }
    if (b->node->definition != DEFINE_WATCH) return v;
    v.unit = DIMENSION_NUMBER;
    v.counts = DIMENSION_EPOCHS;
    return v;
}

// A number for a tensor parameter: it has it everywhere (rule 9).
static Shape everywhere(Signature *b, const Node *parameter, Shape v) {
    Case *c = b->c;
    if (!c->has_dots && parameter->count == 1 && parameter->items[0]->kind == AST_DOTS) {
        c->has_dots = true;
        c->dots = extents(b->s, NULL, 0);
    }
    Extent dims[MAX_RANK];
    int rank = 0;
    const Phrase *unknown = phrase_find(phrase_of(parameter), is_unknown, c);
    if (unknown)
        fail_outside(b, SIZE_UNKNOWN, span_of(b, v), parameter->name, b->node->name, unknown->slot->name);
    if (unknown || !dims_declared(b->at, phrase_of(parameter), dims, &rank)) {
        b->ok = false;
        return shape_wrong();
    }
    Shape out = shape_tensor(b->s, dims, rank, is_whole(v) ? (Type)v.type : TYPE_REAL);
    out.is_class = v.is_class;
    return out;
}

static Shape default_of(Signature *b, int i) {
    const Phrase *preset = b->c->define->preset[i];
    bool setting = definition_is_layer(b->c->define) && !b->node->items[i]->brackets;
    if (setting && preset->sort.draws && preset->sort.kind != KIND_CALLABLE)
        return closure_shape(b->s, (Closure){.kind = CLOSURE_EXPRESSION, .phrase = preset, .home = b->c},
                             preset->span);
    return shape_at(b->at, preset);
}

static void bind_parameter(Signature *b, int i, Shape v) {
    const Node *parameter = b->node->items[i];
    if (v.kind == SHAPE_NONE) v = default_of(b, i);
    Span span = v.span;
    v = shape_first(v);
    if (v.kind == SHAPE_WRONG) b->ok = false;
    if (b->ok && i < 64 && b->c->define->in_epochs >> i & 1)
        v = as_epochs(b, parameter, v);
    else if (b->ok && is_length(parameter))
        v = as_steps(b, parameter, v);
    if (b->ok && parameter->brackets) v = shape_plain(b->at, v, v.span);
    if (b->ok) check_type(b, parameter, &v);
    if (b->ok && parameter->each && v.kind == SHAPE_LIST && v.count != (int)parameter->number) {
        fail_outside(b, SETTING_DIMENSIONS, span_of(b, v), parameter->name, b->node->name,
                     (int)parameter->number, v.count);
        return;
    }
    if (b->ok) {
        const Application *inside = b->s->at;
        b->s->at = b->caller;
        b->ok = limits_fit(b->s, b->c->define, i, v, span.end ? span : b->span);
        b->s->at = inside;
    }
    if (!b->ok) return;
    if (!parameter->brackets && v.kind == SHAPE_TENSOR && definition_is_layer(b->c->define)) {
        fail_outside(b, SETTING_IS_TENSOR, span_of(b, v), parameter->name, b->node->name,
                     shape_text(b->s->arena, v));
        return;
    }
    if (parameter->brackets && shape_is_number(v))
        v = everywhere(b, parameter, v);
    else if (parameter->brackets && v.kind == SHAPE_TENSOR)
        check_shape(b, parameter, v);
    else if (parameter->brackets && v.kind != SHAPE_OPEN && v.kind != SHAPE_WRONG)
        fail_outside(b, TENSOR_WANTED, span_of(b, v), parameter->name, b->node->name,
                     shape_text(b->s->arena, v));
    v.is_probability = false, v.classes = 0; // what is declared outside decides nothing inside
    b->c->slot[i] = v;
    b->c->slot[i].span = span;
}

static bool is_later(const void *of, const Phrase *p) {
    const Case *c = of;
    bool setting = p->kind == PHRASE_SLOT && p->slot->kind == SLOT_SETTING;
    return setting && c->slot[p->slot->number].kind == SHAPE_NONE;
}

static bool bind_parameters(Signature *b) {
    const Shape *given = b->c->given;
    Shape *v = arena_array(b->s->arena, Shape, b->c->count + 1);
    for (int i = 0; i < b->c->count && b->ok; i++) {
        const Node *parameter = b->node->items[i];
        v[i] = given[i];
        if (!parameter->brackets || v[i].kind == SHAPE_NONE) continue;
        Span span = v[i].span;
        v[i] = forced(b->s, shape_first(v[i]));
        if (is_length(parameter)) v[i] = as_steps(b, parameter, v[i]);
        v[i] = shape_plain(b->at, v[i], b->span);
        v[i].span = span;
        if (v[i].kind == SHAPE_WRONG) b->ok = false;
        if (v[i].kind == SHAPE_TENSOR) bind_shape(b, parameter, v[i]);
    }
    const Application *inside = b->s->at;
    for (int i = 0; i < 2 * b->c->count && b->ok; i++) { // brackets wait for a setting behind them
        int k = i % b->c->count;
        bool waits = i < b->c->count && phrase_find(phrase_of(b->node->items[k]), is_later, b->c);
        if (!waits && b->c->slot[k].kind == SHAPE_NONE) bind_parameter(b, k, v[k]);
        b->s->at = inside;
    }
    return b->ok;
}

// ---- results ----

// y[batch, 3]: what would be the declaration of this.
static const char *declared_as(Arena *arena, const char *name, Shape v) {
    Text out = {.arena = arena};
    for (int d = 0; d < v.rank; d++) {
        text_put(&out, d ? ", " : "");
        text_add(&out, v.dims[d].batch ? "batch" : "%lld", (long long)v.dims[d].size);
    }
    return string_format(arena, "%s[%s]", name, text_string(&out));
}

// A result as it is declared: its shape, or a message.
static Shape fit_result(Place at, const Node *declared, Shape v) {
    Shaper *s = at.s;
    v = shape_first(v);
    if (v.kind == SHAPE_WRONG || !declared || !declared->brackets) return v;
    Extent dims[MAX_RANK];
    int rank = 0;
    const Phrase *brackets = phrase_of(declared);
    if (!brackets || !dims_declared(at, brackets, dims, &rank)) return shape_wrong();
    Span span = v.span;
    v = shape_plain(at, v, s->at->span);
    Shape wanted = shape_tensor(s, dims, rank, shape_is_number(v) && is_whole(v) ? (Type)v.type : TYPE_REAL);
    wanted.is_probability = declared->type && string_equal(declared->type, "probability");
    if (shape_is_number(v)) return wanted;
    if (shape_fits(v, wanted)) v.is_probability |= wanted.is_probability;
    if (shape_fits(v, wanted) || v.kind == SHAPE_WRONG || v.kind == SHAPE_OPEN) return v;
    const Node *define = at.c->define->node;
    Diagnostic *d = fail(s, RESULT_SHAPE, span.end ? span : define->body->span, define->name,
                         shape_text(s->arena, v), declared->name, extents_text(s->arena, dims, rank));
    diagnostic_note(s->ctx, d, declared->span, "`%s` is declared here", node_text(s->arena, declared));
    bool between = v.kind == SHAPE_TENSOR && v.rank > rank && rank > 1 && extent_equal(v.dims[0], dims[0]) &&
                   extent_equal(v.dims[v.rank - 1], dims[rank - 1]);
    if (between)
        diagnostic_help(
            s->ctx, d,
            "the dimensions between are kept: `flatten` makes one of a row's, as in `x |> flatten |> …`");
    else if (v.kind == SHAPE_TENSOR && v.rank && rank && extent_equal(v.dims[0], dims[0]))
        diagnostic_help(s->ctx, d, "declared as `%s` it has this shape",
                        declared_as(s->arena, declared->name, v));
    return shape_wrong();
}

// An average's or a watch's is one of its states.
static const Slot *result_slot(const Definition *d, const char *name) {
    const Slot *slot = slot_named(d, name, SLOT_RESULT);
    return slot || !gives_state(d->node) ? slot : slot_named(d, name, SLOT_STATE);
}

static Shape named_results(Place at, const Node *results) {
    Shaper *s = at.s;
    const Definition *d = at.c->define;
    Shape *items = arena_array(s->arena, Shape, results->count);
    const char **names = arena_array(s->arena, const char *, results->count);
    for (int i = 0; i < results->count; i++) {
        const Slot *slot = result_slot(d, results->items[i]->name);
        names[i] = results->items[i]->name;
        if (!slot || at.c->slot[slot->number].kind == SHAPE_NONE)
            return fail_shape(s, RESULT_MISSING, results->items[i]->span, names[i], d->node->name);
        items[i] = fit_result(at, results->items[i], at.c->slot[slot->number]);
        if (items[i].kind == SHAPE_WRONG) return items[i];
    }
    if (results->count == 1) return items[0];
    return (Shape){.kind = SHAPE_TUPLE, .items = items, .names = names, .count = results->count};
}

static bool any_given(const Case *c, const Node *results) {
    for (int i = 0; results && i < results->count; i++) {
        const Slot *slot = result_slot(c->define, results->items[i]->name);
        if (slot && c->slot[slot->number].kind != SHAPE_NONE) return true;
    }
    return false;
}

static Shape results_of(Place at, Shape last) {
    const Node *node = at.c->define->node, *results = node->results;
    if (last.kind == SHAPE_WRONG) return last;
    if (any_given(at.c, results)) return named_results(at, results);
    if (last.kind == SHAPE_ABSENT) return last; // of an optimizer: others give something, as bind/ saw
    if (results && results->count > 1) {
        if (last.kind == SHAPE_TUPLE && last.count == results->count) return last;
        return fail_shape(at.s, RESULT_MISSING, results->items[1]->span, results->items[1]->name, node->name);
    }
    return results && results->count ? fit_result(at, results->items[0], last) : last;
}

// ---- the whole ----

void case_look(Shaper *s, Case *c, const Application *caller, Span span) {
    Place at = {.s = s, .c = c};
    Signature b = {
        .s = s, .at = at, .c = c, .node = c->define->node, .caller = caller, .span = span, .ok = true};
    b.size_span = arena_array(s->arena, Span, c->define->slots.count + 1);
    bool ok = bind_parameters(&b);
    const Phrase *body = c->define->body;
    Shape last = shape_wrong();
    if (ok && body) last = body->kind == PHRASE_BLOCK ? block_shape(at, body) : shape_at(at, body);
    c->result = b.node->kind == AST_DEFINE ? results_of(at, last) : last;
    c->wrong = c->result.kind == SHAPE_WRONG || s->stopped;
}
