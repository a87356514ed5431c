// Data blocks: the shape of every field, for one row (rule 24).
// Guarantees: a field has the sizes in its brackets, or those of its equation.
#include "shape/look.h"

const char *line_name(const Node *s) {
    const Node *target = s->kind == AST_ASSIGN ? s->target : NULL;
    if (target && target->kind == AST_INDEX) target = target->base;
    return target && target->kind == AST_NAME ? target->name : NULL;
}

// ---- readers ----

static bool is_named(const Phrase *p, const char *name) {
    return p->kind == PHRASE_BUILTIN && string_equal(p->builtin->name, name);
}

// Numbers that the source, the split and readers are given, and those of a table's lists.
static void look_at_numbers(Place at, const Phrase *p) {
    for (int i = 0; p && i < p->count; i++) {
        const Phrase *part = p->part[i];
        if (part && part->sort.kind == KIND_NUMBER && part->kind != PHRASE_WORD) shape_at(at, part);
        if (part && (part->kind == PHRASE_LIST || part->kind == PHRASE_RANGE)) look_at_numbers(at, part);
    }
}

static bool binds(const Phrase *p, const Slot *index) {
    for (int i = 0; i < p->binders; i++)
        if (p->binder[i].index == index) return true;
    for (int i = 0; i < p->count; i++)
        if (p->part[i] && binds(p->part[i], index)) return true;
    return false;
}

// An index in `p`, a part of `reader`, that is bound outside of the reader; NULL: none.
static const Slot *outer_index(const Phrase *reader, const Phrase *p) {
    if (p->kind == PHRASE_SLOT && p->slot && p->slot->kind == SLOT_INDEX)
        return binds(reader, p->slot) ? NULL : p->slot;
    const Slot *found = NULL;
    for (int i = 0; i < p->count && !found; i++) found = p->part[i] ? outer_index(reader, p->part[i]) : NULL;
    return found;
}

// What was measured as run.nn scales it: by two statistics of its own shape.
static Shape scaled_shape(Place at, const Phrase *p) {
    Shape v = shape_first(shape_at(at, p->part[0]));
    if (v.kind == SHAPE_WRONG) return v;
    if (v.kind == SHAPE_KNOWN) v = shape_scalar(TYPE_REAL);
    v.type = TYPE_REAL;
    Library *library = at.s->library;
    const char *name = is_named(p, "minmax") ? "_minmax" : "_standardize";
    Definition *d = definition_of_node(library, library_private(library, DEFINE_FN, name));
    Shape *given = arena_array(at.s->arena, Shape, 3);
    for (int i = 0; i < 3; i++) given[i] = v;
    return define_apply(at, d, given, NULL, p, p->span);
}

// What a reader gives has the shape of its field; in an equation a column is one number, columns are a row of
// them.
Shape reader_shape(Place at, const Phrase *p) {
    Shape field = at.s->field;
    bool converts = is_named(p, "class") || is_named(p, "int") || p->kind == PHRASE_BINARY;
    const Slot *index = converts ? NULL : outer_index(p, p);
    if (index) return fail_shape(at.s, READER_INDEX, p->span, text_of(at.s, p->node), index->name);
    if (is_named(p, "standardize") || is_named(p, "minmax")) return scaled_shape(at, p);
    if (is_named(p, "class") || is_named(p, "int")) {
        shape_at(at, p->part[1]);
        return shape_at(at, p->part[0]);
    }
    if (p->kind == PHRASE_BINARY) { // column("sex") == "M"
        shape_at(at, p->part[p->part[0]->kind == PHRASE_TEXT]);
        field.type = TYPE_BOOL;
        return field;
    }
    look_at_numbers(at, p);
    if (at.s->row && (is_named(p, "file") || is_named(p, "whole"))) {
        Diagnostic *d = fail(at.s, READER_SHAPE, p->span, text_of(at.s, p->node));
        diagnostic_help(at.s->ctx, d, "give it to a field with its shape in brackets, and read that one");
        return shape_wrong();
    }
    if (!at.s->row) {
        field.type = TYPE_REAL;
        return field;
    }
    const Phrase *range = is_named(p, "columns") ? p->part[0] : NULL;
    if (range && range->kind == PHRASE_RANGE) {
        int64_t first, last;
        if (!number_at(at, range->part[0], "a column's number", &first) ||
            !number_at(at, range->part[1], "a column's number", &last))
            return shape_wrong();
        return shape_tensor(at.s, &(Extent){last - first + 1, false}, 1, TYPE_REAL);
    }
    return shape_scalar(TYPE_REAL);
}

// ---- fields ----

static bool is_condition(const Node *e) {
    if (e->kind == AST_BOOL || (e->kind == AST_UNARY && e->op == OPERATOR_NOT)) return true;
    return e->kind == AST_BINARY && operator_gives_truth(e->op);
}

static bool read_sizes(Place at, const Phrase *line, Extent *dims, int *rank) {
    if (line->count > MAX_RANK)
        return fail_false(at.s, FIELD_RANK, line->node->target->span, line->slot->name, MAX_RANK - 1);
    for (int i = 0; i + 1 < line->count; i++) {
        int64_t n;
        if (!number_at(at, line->part[i], "a size", &n)) return false;
        if (n < 1 || n > INT32_MAX)
            return fail_false(at.s, SETTING_RANGE, line->part[i]->span, "a size", 1LL, (long long)INT32_MAX);
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
    return shape_wrong();
}

// `before`: what the block gives the field that a part gives without brackets.
static Shape field_shape(Place at, const Phrase *line, const Shape *before) {
    Shaper *s = at.s;
    const Phrase *value = line->part[line->count - 1];
    Extent dims[MAX_RANK];
    int rank = 0;
    bool whole = is_named(value, "class") || is_named(value, "int") || is_named(value, "window") ||
                 is_named(value, "words") || is_named(value, "count_words");
    Shape field = shape_scalar(whole ? TYPE_INT : is_condition(value->node) ? TYPE_BOOL : TYPE_REAL), v;
    s->row = line->binders > 0;
    if (line->binders) {
        s->field = field;
        v = statement_shape(at, line);
    } else {
        bool brackets = line->node->target->kind == AST_INDEX;
        if (!read_sizes(at, line, dims, &rank)) return shape_wrong();
        for (int d = 0; before && !brackets && d < before->rank; d++) dims[rank++] = before->dims[d];
        field = shape_tensor(s, dims, rank, (Type)field.type);
        s->field = field;
        v = forced(s, shape_first(shape_at(at, value)));
    }
    s->field = (Shape){0};
    if (v.kind == SHAPE_WRONG) return v;
    if (line->binders)
        field = shape_tensor(s, v.dims, v.rank, (Type)field.type);
    else if (v.kind == SHAPE_TENSOR && (v.rank != rank || v.dims != field.dims))
        return shape_error(at, line, v);
    field.is_class = is_named(value, "class");
    field.span = line->node->target->span;
    Shape limit = whole && value->count > 1 ? at.c->of[value->part[1]->number] : (Shape){0};
    field.number = limit.number;
    return field;
}

// What the block gives a field that a part gives too, in a slot of its own.
static const Shape *field_of(Place block, const Slot *slot) {
    return &block.c->slot[slot_named(block.c->define, slot->name, SLOT_FIELD)->number];
}

static void look_at_lines(Place at, const Phrase *block, int count, const Place *outer) {
    for (int i = 0; i < count; i++) {
        const Phrase *line = block->part[i];
        if (line && line->kind == PHRASE_GIVE && !line->slot) look_at_numbers(at, line->part[0]);
        if (!line || line->kind != PHRASE_GIVE || !line->slot) continue;
        Shape v = field_shape(at, line, outer ? field_of(*outer, line->slot) : NULL);
        at.c->slot[line->slot->number] = v;
        at.c->wrong |= v.kind == SHAPE_WRONG;
    }
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
    if (d) diagnostic_note(s->ctx, d, field.span, "the field stands here");
}

// The same fields from elsewhere: a part's own lines, which see its own fields.
static void look_at_part(Place at, const Phrase *part) {
    Shaper *s = at.s;
    Case *c = case_new(s, at.c->define);
    case_add(s, c);
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

Case *data_shape(Shaper *s, Definition *data) {
    Case *c = case_new(s, data);
    Application *outside = arena_new(s->arena, Application);
    *outside = (Application){NULL, NULL, data->node->span, "data", "", 1};
    const Application *before = s->at;
    s->data = true;
    s->at = outside;
    case_add(s, c);
    Place at = {.s = s, .c = c};
    look_at_numbers(at, data->body->part[data->body->count - 1]);
    look_at_lines(at, data->body, data->body->count - 1, NULL);
    for (int i = 0; i < data->body->count; i++)
        if (data->body->part[i] && data->body->part[i]->kind == PHRASE_PART)
            look_at_part(at, data->body->part[i]);
    c->done = true;
    s->data = false;
    s->at = before;
    return c;
}

Shape field_of_batch(Shaper *s, Shape v) {
    if (v.kind == SHAPE_WRONG) return v;
    Extent dims[MAX_RANK] = {{s->batch, true}};
    for (int d = 0; d < v.rank; d++) dims[d + 1] = v.dims[d];
    Shape field = shape_tensor(s, dims, v.rank + 1, (Type)v.type);
    field.is_class = v.is_class;
    field.span = v.span;
    return field;
}

// ---- how many rows ----

// The rows of the first list of a table.
static int64_t list_rows(const Phrase *p) {
    if (!p) return -1;
    if (p->kind == PHRASE_LIST) return p->count;
    for (int i = 0; i < p->count; i++) {
        int64_t rows = list_rows(p->part[i]);
        if (rows >= 0) return rows;
    }
    return -1;
}

int64_t table_rows(Place at, const Definition *data) {
    const Phrase *body = data->body, *source = body->part[body->count - 1];
    int64_t rows;
    if (is_named(source, "synthetic"))
        return number_at(at, source->part[0], "the number of rows", &rows) ? rows : -1;
    if (source->kind != PHRASE_WORD || !string_equal(source->builtin->name, "table")) return -1;
    for (int i = 0; i + 1 < body->count; i++) {
        const Phrase *line = body->part[i];
        if (line && line->kind == PHRASE_GIVE && line->slot) return list_rows(line->part[line->count - 1]);
    }
    return -1;
}
