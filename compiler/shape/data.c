// Data blocks: the shape of every field, for one row (rule 24).
// Guarantees: a field has the sizes in its brackets, or those of its equation.
#include "shape/look.h"

#include "abi.h"

#include <math.h>
#include <string.h>

const char *line_name(const Node *s) {
    const Node *target = s->kind == AST_ASSIGN ? s->target : NULL;
    if (target && target->kind == AST_INDEX) target = target->base;
    return target && target->kind == AST_NAME ? target->name : NULL;
}

// ---- fields ----

static bool is_condition(const Node *e) {
    if (e->kind == AST_BOOL || (e->kind == AST_UNARY && e->op == OPERATOR_NOT)) return true;
    return e->kind == AST_BINARY && operator_gives_truth(e->op);
}

static bool read_sizes(Place at, const Phrase *line, Extent *dims, int *rank) {
    int64_t elements = 1;
    if (line->count > MAX_RANK)
        return fail_false(at.s, FIELD_RANK, line->node->target->span, line->slot->name, MAX_RANK - 1);
    for (int i = 0; i + 1 < line->count; i++) {
        int64_t n;
        if (!number_at(at, line->part[i], "a size", &n)) return false;
        bool over = n >= 1 && (__builtin_mul_overflow(elements, n, &elements) || elements > INT32_MAX);
        if (!lies_in(at, line->part[i]->span, "a size", over ? 0 : n, 1, INT32_MAX)) return false;
        dims[(*rank)++] = (Extent){n, false};
    }
    return true;
}

static Shape shape_error(Place at, const Phrase *line, Shape v) {
    Shaper *s = at.s;
    const Phrase *value = line->part[line->count - 1];
    const char *found = v.kind == SHAPE_TENSOR ? extents_text(s->arena, v.dims, v.rank) : "one number";
    Diagnostic *d = fail(s, FIELD_SHAPE, value->span, found, line->slot->name);
    diagnostic_note(s->ctx, d, line->node->target->span, "its shape is given here");
    if (line->node->target->kind == AST_NAME)
        diagnostic_help(s->ctx, d, "`%s%s = …` has that shape", line->slot->name, found);
    return shape_wrong();
}

// A line sees one row: what is asked of one number there was meant of all rows.
void warn_one_number(Place at, const char *function, Shape v, Span span) {
    static const char *const measures[][2] = {
        {"mean", "mean"}, {"max", "high"}, {"min", "low"}, {"variance", "deviation"}};
    if (at.s->data != at.c || v.kind != SHAPE_SCALAR) return;
    for (size_t i = 0; i < sizeof measures / sizeof *measures; i++) {
        if (!string_equal(function, measures[i][0])) continue;
        Diagnostic *d = fail(at.s, ROW_REDUCED, span, function);
        diagnostic_help(at.s->ctx, d, "over the training rows it is `rows_%s(…)`", measures[i][1]);
    }
}

// What the caller of an object gives is what the model sees: a field by itself.
static bool caller_fits(Place at, const Phrase *line) {
    const Phrase *value = line_value(line);
    if (!phrase_is(at.s->source, "caller")) return true;
    bool counted = phrase_is(value, "class") || phrase_is(value, "int"),
         compared = value->kind == PHRASE_BINARY && value->op == OPERATOR_NOT_EQUAL;
    const Phrase *of = counted || compared ? value->part[0] : value, *zero = compared ? value->part[1] : NULL;
    bool fits = phrase_is(of, "given") && !line->binders &&
                (!zero || (zero->kind == PHRASE_NUMBER && zero->value == 0));
    if (fits) return true;
    Diagnostic *d = fail(at.s, CALLER_FIELD, value->span, line->slot->name);
    diagnostic_help(at.s->ctx, d,
                    "say `given`, `class(given, n)`, `int(given, n)` or `given != 0`: what is calculated "
                    "of it stands in the model");
    return false;
}

// `before`: what the block gives the field that a part gives without brackets.
static Shape field_shape(Place at, const Phrase *line, const Shape *before) {
    Shaper *s = at.s;
    const Phrase *value = line_value(line);
    Extent dims[MAX_RANK];
    int rank = 0;
    bool whole = phrase_is(value, "class") || phrase_is(value, "int") || phrase_is(value, "window") ||
                 phrase_is(value, "words") || phrase_is(value, "count_words");
    const Phrase *counts = phrase_is(value, "window") ? s->source : value,
                 *count = counts->count > 1 ? counts->part[1] : NULL; // of its numbers
    Shape field = shape_scalar(whole ? TYPE_INT : is_condition(value->node) ? TYPE_BOOL : TYPE_REAL), v;
    if (!caller_fits(at, line)) return shape_wrong();
    s->row = line->binders > 0;
    s->line = line;
    if (line->binders) {
        s->field = field;
        v = statement_shape(at, line);
    } else {
        bool brackets = line->node->target->kind == AST_INDEX;
        if (!read_sizes(at, line, dims, &rank)) return shape_wrong();
        for (int d = 0; before && !brackets && d < before->rank; d++) dims[rank++] = before->dims[d];
        field = shape_tensor(s, dims, rank, (Type)field.type);
        s->field = field;
        v = forced(s, shape_first(shape_at(at, line->part[line->count - 1])));
    }
    v = shape_plain(at, v, value->span);
    s->field = (Shape){0};
    if (!holds_numbers(s, v, value->span)) return shape_wrong();
    if (line->binders)
        field = shape_tensor(s, v.dims, v.rank, (Type)field.type);
    else if (v.kind == SHAPE_TENSOR && (v.rank != rank || v.dims != field.dims))
        return shape_error(at, line, v);
    field.is_class = phrase_is(value, "class");
    field.span = line->node->target->span;
    if (whole && count) field.number = at.c->of[count->number].number;
    return field;
}

// What the block gives a field that a part gives too, in a slot of its own.
static const Shape *field_of(Place block, const Slot *slot) {
    return &block.c->slot[slot_named(block.c->define, slot->name, SLOT_FIELD)->number];
}

static void look_at_lines(Place at, const Phrase *block, int count, const Place *outer) {
    for (int i = 0; i < count; i++) {
        const Phrase *line = block->part[i];
        if (!line || line->kind != PHRASE_GIVE || !line->slot) continue;
        Shape v = field_shape(at, line, outer ? field_of(*outer, line->slot) : NULL);
        at.c->slot[line->slot->number] = v;
        at.c->wrong |= v.kind == SHAPE_WRONG;
    }
}

bool divides(Place at, const char *word, Span span) {
    if (!phrase_is(at.s->source, "text") || string_equal(word, "ordered")) return true;
    Diagnostic *d = fail(at.s, TEXT_PARTS, span, word);
    diagnostic_help(at.s->ctx, d, "say `split = ordered(test = 10%%)`: the end of the text is held out");
    return false;
}

// The split; `stratify` is a field's name.
static void look_at_split(Place at, const Phrase *split) {
    if (split->builtin && !divides(at, split->builtin->name, split->span)) return;
    if (!split->builtin || split->builtin->group != GROUP_SPLIT || !arguments_fit(at, split)) return;
    double held_out = 0;
    for (int i = 0; i < 2 && !string_equal(split->builtin->name, "folds"); i++)
        if (split->part[i]) held_out += at.c->of[split->part[i]->number].number;
    if (held_out >= 1) fail(at.s, SPLIT_RANGE, split->span, "test and validation together");
}

static bool gives(const Phrase *part, const char *name) {
    for (int i = 0; i < part->count; i++)
        if (part->part[i] && part->part[i]->slot && string_equal(part->part[i]->slot->name, name))
            return true;
    return false;
}

static const char *type_text(Arena *arena, Shape v) {
    if (v.type == TYPE_BOOL) return "a condition";
    if (v.type != TYPE_INT) return "numbers";
    return string_format(arena, "`%s(..., %.0f)`", v.is_class ? "class" : "int", v.number);
}

// Has the part's class the same classes of its own as the block's?
static bool same_own(const Phrase *block, const Phrase *line) {
    const Phrase *own = line_value(line), *value = line_value(data_line(block, line->slot->name));
    for (int k = OWN_MISSING; k <= NAMED && phrase_is(value, "class"); k++)
        if (!value->part[k] != !own->part[k]) return false;
    return true;
}

// A part gives a field as the block does: the same word, as many classes, the same shape.
static void check_part(Place at, const Phrase *line, Shape field, Shape own) {
    Shaper *s = at.s;
    const Phrase *value = line->part[line->count - 1];
    if (field.kind == SHAPE_WRONG || own.kind == SHAPE_WRONG) return;
    Diagnostic *d = NULL;
    bool brackets = line->node->target->kind == AST_INDEX;
    if (own.type != field.type || own.is_class != field.is_class || own.number != field.number)
        d = fail(s, PART_TYPE, value->span, line->slot->name, type_text(s->arena, own),
                 type_text(s->arena, field));
    else if (brackets && (own.rank != field.rank || own.dims != field.dims))
        d = fail(s, PART_SHAPE, line->node->target->span, line->slot->name);
    else if (own.is_class && !same_own(at.c->define->body, line))
        d = fail(s, PART_OWN, value->span, line->slot->name);
    if (d) diagnostic_note(s->ctx, d, field.span, "the field stands here");
}

// The same fields from elsewhere: a part's own lines, which see its own fields.
static void look_at_part(Place at, const Phrase *part) {
    Shaper *s = at.s;
    const char *source = s->source->builtin->name;
    if (!divides(at, part->text, part->node->name_span)) return;
    if (source_kind(source) == NN_SOURCE_RECORDS) {
        Diagnostic *d = fail(s, FOLDER_PARTS, part->node->name_span, source, part->text);
        diagnostic_help(s->ctx, d,
                        "say `split = random(test = 20%%)`, with `stratify` of the class, or `%s = %s(...)`",
                        part->text, source);
        return;
    }
    Case *c = at.c->call[part->number] = case_new(s, at.c->define);
    case_add(s, c);
    s->listed = 0;
    look_at_lines((Place){.s = s, .c = c}, part, part->count, &at);
    for (int i = 0; i < part->count; i++) {
        const Phrase *line = part->part[i];
        if (line && line->kind == PHRASE_GIVE && line->slot)
            check_part(at, line, *field_of(at, line->slot), c->slot[line->slot->number]);
    }
    for (int i = 0; i < c->define->slots.count; i++) {
        const Slot *slot = c->define->slots.data[i];
        if (slot->kind == SLOT_FIELD && at.c->slot[i].kind > SHAPE_WRONG && !gives(part, slot->name))
            fail(s, PART_FIELD, part->node->block->span, part->text, slot->name);
    }
    at.c->wrong |= c->wrong;
    c->done = true;
}

const Phrase *data_setting_phrase(const Definition *data, const char *name) {
    const Phrase *block = data->body;
    for (int i = 0; i + 1 < block->count; i++) {
        const Phrase *line = block->part[i];
        bool setting = line && line->kind == PHRASE_GIVE && !line->slot;
        if (setting && string_equal(line->node->target->name, name)) return line->part[0];
    }
    return NULL;
}

// `split`, `order` and `stride`. Windows of a text's stream follow one another.
static void look_at_settings(Place at) {
    const Phrase *split = data_setting_phrase(at.c->define, "split"),
                 *stride = data_setting_phrase(at.c->define, "stride");
    if (split) look_at_split(at, split);
    if (stride) setting_fits(at, "stride", stride);
    const Phrase *order = data_setting_phrase(at.c->define, "order");
    if (order && phrase_is(order, "balanced")) arguments_fit(at, order);
    bool text = phrase_is(at.s->source, "text");
    if (text && stride && order) fail(at.s, STREAM_STRIDE, stride->span, "");
}

// What divides rows, or chooses among them: there are none where the caller gives them. A stream says how
// they come.
static bool has_rows(Place at, const Phrase *block) {
    bool right = true;
    for (int i = 0; i + 1 < block->count && phrase_is(at.s->source, "caller"); i++) {
        const Phrase *line = block->part[i];
        bool part = line && line->kind == PHRASE_PART;
        if (!line || (!part && (line->kind != PHRASE_GIVE || line->slot))) continue;
        if (part || line->part[0]->node->kind != AST_NAME || !phrase_is(line->part[0], "stream"))
            right = fail_false(at.s, CALLER_ROWS, part ? line->node->name_span : line->node->target->span,
                               part ? line->text : line->node->target->name);
    }
    return right;
}

// What the block says, when the source is right.
static void look_at_block(Place at, const Phrase *block) {
    look_at_lines(at, block, block->count - 1, NULL);
    at.s->tree->rows = at.s->listed;
    if (!has_rows(at, block)) return;
    for (int i = 0; i + 1 < block->count; i++) {
        const Phrase *line = block->part[i];
        if (line && line->kind == PHRASE_PART) look_at_part(at, line);
    }
    look_at_settings(at);
    look_at_windows(at, block);
    look_at_part_files(at, block);
}

// Two signs of a csv file that are one: a cell would have two readings.
static bool signs_differ(Place at, const Phrase *source) {
    static const struct {
        const char *name, *preset;
    } signs[] = {{"separator", ","}, {"decimal", "."}, {"thousands", ""}, {"comment", ""}};
    enum { SIGNS = sizeof signs / sizeof *signs };
    const char *text[SIGNS];
    for (int i = 0; i < SIGNS; i++) {
        const Phrase *given = source->part[i ? 3 + i : 2];
        text[i] = given ? given->text : signs[i].preset;
        for (int k = 0; k < i; k++) {
            if (!*text[i] || !string_equal(text[i], text[k])) continue;
            const Phrase *at_fault = given ? given : source->part[k ? 3 + k : 2];
            Diagnostic *d = fail(at.s, CSV_SIGNS, at_fault->span, signs[k].name, signs[i].name, text[i]);
            bool preset = !source->part[k ? 3 + k : 2];
            if (preset)
                diagnostic_help(at.s->ctx, d, "the %s is \"%s\" where none is given: say `%s = \"%s\"`",
                                signs[k].name, signs[k].preset, signs[k].name, k ? "," : ";");
            return false;
        }
    }
    return true;
}

// ---- what is undone ----

static bool measures(const void *of, const Phrase *p) {
    (void)of;
    return phrase_measures(p);
}

Shape restore_shape(Place at, const Phrase *p, Shape v) {
    Shaper *s = at.s;
    const Slot *slot = p->part[1]->kind == PHRASE_SLOT ? p->part[1]->slot : NULL;
    if (!slot || slot->kind != SLOT_FIELD || s->data)
        return fail_shape(s, RESTORE_FIELD, p->part[1]->span, "");
    v = shape_plain(at, v, p->part[0]->span);
    Shape field = at.c->slot[slot->number]; // of a batch
    if (v.kind == SHAPE_WRONG || v.kind == SHAPE_OPEN || field.kind == SHAPE_WRONG) return v;
    if (!holds_numbers(s, v, p->part[0]->span)) return shape_wrong();
    if (field.is_class) {
        if (!is_whole(v)) return fail_shape(s, RESTORE_CLASS, p->part[0]->span, slot->name);
        return v;
    }
    const Phrase *line = data_line(s->tree->data->define->body, slot->name);
    if (!phrase_find(line, measures, NULL)) return fail_shape(s, RESTORE_NOTHING, p->span, slot->name);
    int before = 1 + (line_window(line) && field.rank > 1); // dimensions: the batch, a window's length
    int own = field.rank - before, first = v.rank - own;
    bool fits = v.kind == SHAPE_TENSOR ? first >= 0 : !own;
    for (int d = 0; fits && d < own; d++) fits = extent_equal(v.dims[first + d], field.dims[before + d]);
    if (!fits)
        return fail_shape(s, RESTORE_SHAPE, p->part[0]->span, shape_text(s->arena, v), slot->name,
                          extents_text(s->arena, field.dims + before, own));
    v.type = TYPE_REAL;
    return v.kind == SHAPE_TENSOR ? shape_tensor(s, v.dims, v.rank, TYPE_REAL) : shape_scalar(TYPE_REAL);
}

Case *data_shape(Shaper *s, Definition *data) {
    Case *c = s->data = case_new(s, data);
    Application *outside = arena_new(s->arena, Application);
    *outside = (Application){NULL, NULL, data->node->span, "data", "", 1};
    const Application *before = s->at;
    s->at = outside;
    case_add(s, c);
    Place at = {.s = s, .c = c};
    const Phrase *source = s->source = data->body->part[data->body->count - 1];
    bool fits = arguments_fit(at, source);
    if (fits && (!phrase_is(source, "csv") || signs_differ(at, source))) {
        look_at_block(at, data->body);
        if (phrase_is(source, "synthetic")) s->tree->rows = (int64_t)c->of[source->part[0]->number].number;
    } else {
        c->wrong = true;
    }
    for (int i = 0; i < data->slots.count; i++)
        if (c->slot[i].kind == SHAPE_NONE) c->slot[i] = shape_wrong();
    c->done = true;
    s->data = NULL;
    s->at = before;
    return c;
}

Shape field_of_batch(Shaper *s, Shape v) {
    if (v.kind == SHAPE_WRONG) return v;
    Extent dims[MAX_RANK] = {{s->batch, true}};
    for (int d = 0; d < v.rank; d++) dims[d + 1] = v.dims[d];
    Shape field = shape_tensor(s, dims, v.rank + 1, (Type)v.type);
    field.is_class = v.is_class;
    if (v.is_class) field.classes = (int64_t)v.number;
    field.span = v.span;
    return field;
}
