// Data blocks: the shape of every field, for one row (rule 24).
// Guarantees: a field has the sizes in its brackets, or those of its equation.
#include "shape/look.h"

#include <math.h>
#include <string.h>

const char *line_name(const Node *s) {
    const Node *target = s->kind == AST_ASSIGN ? s->target : NULL;
    if (target && target->kind == AST_INDEX) target = target->base;
    return target && target->kind == AST_NAME ? target->name : NULL;
}

// ---- readers ----

static bool is_named(const Phrase *p, const char *name) {
    bool own = p->kind == PHRASE_BUILTIN || p->kind == PHRASE_WORD;
    return own && p->builtin && string_equal(p->builtin->name, name);
}

static bool is_table(const Shaper *s) { return string_equal(s->source->builtin->name, "table"); }

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

bool whole_row(Place at, const Phrase *p) {
    const Slot *index = outer_index(p, p);
    return !index || fail_false(at.s, READER_INDEX, p->span, node_text(at.s->arena, p->node), index->name);
}

bool reads_source(Place at, const Phrase *p) {
    const char *source = at.s->source->builtin->name;
    if (p->kind == PHRASE_LIST) return true;
    for (const char *own = p->builtin->sources; own; own = strchr(own, ' '), own += own != NULL)
        if (strncmp(own, source, strcspn(own, " ")) == 0) return true;
    return fail_false(at.s, READER_SOURCE, p->span, p->builtin->name, source);
}

static int64_t elements_of(Shape v) {
    int64_t n = 1;
    for (int d = 0; d < v.rank; d++) n *= v.dims[d].size;
    return n;
}

// The cells of a row of a table; false after a message.
static bool count_cells(Place at, const Phrase *p, int64_t *count) {
    bool right = true;
    double value;
    for (int i = 0; p->kind == PHRASE_LIST && i < p->count; i++) right &= count_cells(at, p->part[i], count);
    if (p->kind == PHRASE_LIST) return right;
    ++*count;
    return known_at(at, p, "a cell", &value);
}

// The lists of a part have as many rows each, and each row as many cells.
static bool table_fits(Place at, const Phrase *p, const Slot *field, int64_t *cells) {
    Shaper *s = at.s;
    if (!p->count) return fail_false(s, TABLE_EMPTY, p->span, "");
    bool right = true;
    for (int i = 0; i < p->count; i++) {
        int64_t own = 0;
        right &= count_cells(at, p->part[i], &own);
        if (i && own != *cells)
            return fail_false(s, TABLE_ROW, p->part[i]->span, (long long)own, (long long)*cells);
        *cells = own;
    }
    int before = s->listed ? s->listed : p->count;
    s->listed = before == p->count ? before : -1;
    if (before > 0 && before != p->count)
        return fail_false(s, TABLE_ROWS, p->span, field->name, p->count, (long long)before);
    return right && before > 0;
}

// A cell that is no whole number below the limit, or NULL.
static const Shape *beyond(Place at, const Phrase *p, double limit) {
    const Shape *v = &at.c->of[p->number], *found = NULL;
    for (int i = 0; p->kind == PHRASE_LIST && i < p->count && !found; i++)
        found = beyond(at, p->part[i], limit);
    if (p->kind == PHRASE_LIST) return found;
    return v->number >= 0 && v->number < limit && v->number == floor(v->number) ? NULL : v;
}

// The word of a reader's `missing`, where it stands for numbers alone, or NULL.
static const char *missing_statistic(const Phrase *p) {
    bool reads = is_named(p, "column") || is_named(p, "columns");
    const Node *word = reads && p->part[1] ? p->part[1]->node : NULL;
    bool statistic = word && word->kind == AST_NAME &&
                     (string_equal(word->name, "mean") || string_equal(word->name, "median"));
    return statistic ? word->name : NULL;
}

static bool missing_fits(Place at, const Phrase *p, const char *what) {
    const char *word = missing_statistic(p);
    return !word || fail_false(at.s, MISSING_STATISTIC, p->part[1]->span, word, what);
}

// How many columns a range or names are; 0 after a message.
static int64_t columns_of(Place at, const Phrase *p) {
    const Phrase *first = p->part[0];
    int64_t count = p->count - 1; // beside `missing`
    if (first->kind == PHRASE_RANGE && p->count == 2) {
        const Shape *of = at.c->of;
        return (int64_t)(of[first->part[1]->number].number - of[first->part[0]->number].number) + 1;
    }
    for (int i = 0; i < p->count; i++)
        if (i != 1 && p->part[i]->kind == PHRASE_RANGE)
            return fail_false(at.s, COLUMNS_MIXED, p->part[i]->span, "");
    return count;
}

enum { OWN_MISSING = 2, OWN_OTHER = 3, NAMED = 4 }; // places in class(e, n, missing, other, named)

// How many of a class's numbers, the last, stand for what is no text of the training file.
static int own_classes(const Phrase *p) {
    return is_named(p, "class") ? (p->part[OWN_MISSING] != NULL) + (p->part[OWN_OTHER] != NULL) : 0;
}

// Classes of their own: cells of a file have them, and there is another.
static bool own_fits(Place at, const Phrase *p) {
    const Phrase *of = p->part[0], *own = p->part[OWN_MISSING] ? p->part[OWN_MISSING] : p->part[OWN_OTHER];
    bool reads = is_named(of, "column") || is_named(of, "columns");
    int count = own_classes(p);
    if (!reads) return fail_false(at.s, CLASS_OWN, own->span, p->part[OWN_MISSING] ? "missing" : "other");
    if (p->part[OWN_MISSING] && of->part[1]) return fail_false(at.s, MISSING_TWICE, of->part[1]->span, "");
    if (at.c->of[p->part[1]->number].number > count) return true;
    return fail_false(at.s, SETTING_RANGE, p->part[1]->span, "the number of classes", count + 1LL,
                      (long long)INT32_MAX);
}

bool class_is_named(const Case *c, const Phrase *p) {
    return is_named(p, "class") && p->part[NAMED] && c->of[p->part[NAMED]->number].number != 0;
}

// What is numbered stands in the file or in the text's own rows, and is not calculated.
static bool named_fits(Place at, const Phrase *p) {
    const Phrase *of = p->part[0];
    bool reads = of->kind == PHRASE_LIST ? is_table(at.s)
                                         : is_named(of, "column") || is_named(of, "columns") ||
                                               is_named(of, "file") || is_named(of, "whole");
    return reads || fail_false(at.s, CLASS_NAMED, p->part[NAMED]->span, "");
}

// class(e, n), int(e, n). Those that stand in the text are checked there.
static Shape whole_shape(Place at, const Phrase *p) {
    Shape v = arguments_fit(at, p) ? shape_at(at, p->part[0]) : shape_wrong();
    const Phrase *list = p->part[0];
    if (!missing_fits(at, list, is_named(p, "class") ? "a class" : "a whole number")) return shape_wrong();
    if (v.kind != SHAPE_WRONG && own_classes(p) && !own_fits(at, p)) return shape_wrong();
    bool named = v.kind != SHAPE_WRONG && class_is_named(at.c, p);
    if (named && !named_fits(at, p)) return shape_wrong();
    double limit = at.c->of[p->part[1]->number].number;
    bool table = list->kind == PHRASE_LIST && is_table(at.s);
    for (int i = 0; v.kind != SHAPE_WRONG && table && !named && i < list->count; i++) {
        const Shape *cell = beyond(at, list->part[i], limit);
        if (!cell) continue;
        Diagnostic *d = fail(at.s, TABLE_LIMIT, list->part[i]->span, at.s->line->slot->name,
                             (long long)limit - 1, string_of_double(at.s->arena, cell->number));
        if (is_named(p, "class"))
            diagnostic_help(at.s->ctx, d, "`class(..., named = true)` numbers other whole numbers");
        return shape_wrong();
    }
    return v;
}

// A text of the source, as one number.
static Shape folder_shape(Place at, const Phrase *p, Type type) {
    if (!reads_source(at, p)) return shape_wrong();
    Shape v = at.s->row ? shape_scalar(type) : at.s->field;
    v.type = type;
    if (elements_of(v) == 1) return v;
    return fail_shape(at.s, FIELD_ELEMENTS, p->span, 1LL, at.s->line->slot->name, (long long)elements_of(v));
}

// What `folder` and `path` read are texts: a class, a condition, what a prediction carries along.
static Shape text_shape(Place at, const Phrase *p) {
    const Phrase *value = at.s->line->part[at.s->line->count - 1];
    bool folder = is_named(p, "folder"), class = is_named(value, "class") && value->part[0] == p;
    if (folder ? class : value == p) return folder_shape(at, p, TYPE_REAL);
    return fail_shape(at.s, TEXT_PLACE, p->span, p->builtin->name,
                      folder ? "stands in a class, `class(folder, 3)`, or is compared, `folder == \"cats\"`"
                             : "stands for a field by itself, for `predict` to carry along");
}

// Pictures: a field's shape decides whether they are grey or have colours; those of a csv file stand in a
// column.
static bool pixels_fit(Place at, const Phrase *p) {
    Shaper *s = at.s;
    bool resized = is_named(p, "resize"), csv = string_equal(s->source->builtin->name, "csv");
    const Phrase *of = resized ? p->part[0] : p;
    if (!is_named(of, "pixels")) return fail_false(s, RESIZE_PIXELS, of->span, "");
    const Phrase *column = of->count ? of->part[0] : NULL;
    if (csv ? !column || !is_named(column, "column") || column->part[1] : column != NULL)
        return fail_false(
            s, PIXELS_COLUMN, of->span,
            csv ? "`pixels` reads the pictures whose paths one column has, which takes no `missing`: "
                  "`pixels(column(\"path\"))`"
                : "`pixels` reads the picture of the row, and takes no column here");
    if (column && !arguments_fit(at, column)) return false;
    Shape field = s->field;
    bool mask = field.type != TYPE_REAL;
    int64_t channels = field.rank == 3 ? field.dims[2].size : field.rank == 2 && mask;
    if (s->row) return true;
    if (channels != 1 && (mask || channels != 3))
        return fail_false(
            s, PIXELS_SHAPE, s->line->node->target->span, s->line->slot->name,
            mask ? "masks: its shape is [height, width]"
                 : "pictures: its shape is [height, width, 1] for grey ones, [height, width, 3] for colours");
    for (int d = 0; resized && d < 2; d++) {
        int64_t size = (int64_t)at.c->of[p->part[d + 1]->number].number;
        if (size != field.dims[d].size)
            return fail_false(s, RESIZE_SIZE, p->part[d + 1]->span, (long long)size, d ? "wide" : "high",
                              s->line->slot->name, (long long)field.dims[d].size);
    }
    return true;
}

// column("sex") == "M"
static Shape compared_shape(Place at, const Phrase *p) {
    int text = p->part[0]->kind != PHRASE_TEXT;
    if (is_named(p->part[!text], "folder")) return folder_shape(at, p->part[!text], TYPE_BOOL);
    if (!is_named(p->part[!text], "column")) return fail_shape(at.s, TEXT_COMPARED, p->part[text]->span, "");
    if (!missing_fits(at, p->part[!text], "a text")) return shape_wrong();
    Shape v = shape_at(at, p->part[!text]);
    if (v.kind != SHAPE_WRONG) v.type = TYPE_BOOL;
    return v;
}

// words(column("text"), n) stands for a field, or in a class for one; count_words(column("text")) is a
// number.
static bool words_fit(Place at, const Phrase *p) {
    const Phrase *line = at.s->line, *value = line_value(line), *of = p->part[0];
    bool class = is_named(value, "class") && value->part[0] == p, count = is_named(p, "count_words");
    bool stands = count || (class ? !p->part[1] && !p->part[2] && !p->part[3] : value == p && p->part[1]);
    if (!is_named(of, "column") || of->part[1])
        return fail_false(at.s, WORDS_COLUMN, of->span, p->builtin->name);
    return arguments_fit(at, of) && (stands || fail_false(at.s, WORDS_PLACE, p->span, ""));
}

static bool date_fits(Place at, const Phrase *p) {
    const Phrase *of = p->part[0];
    return is_named(of, "column") ? arguments_fit(at, of) : fail_false(at.s, DATE_COLUMN, of->span, "");
}

// What a reader reads of a row in an equation with indices: a column is one number, columns are a row of
// them.
static Shape row_shape(Place at, const Phrase *p, int64_t elements) {
    Extent dims[MAX_RANK];
    int rank = 0;
    if (is_named(p, "columns")) dims[rank++] = (Extent){elements, false};
    for (const Phrase *row = p; row->kind == PHRASE_LIST && rank < MAX_RANK; row = row->part[0])
        if (row != p) dims[rank++] = (Extent){row->count, false};
    Shape v = shape_tensor(at.s, dims, rank, TYPE_REAL);
    if (elements_of(v) == elements) return v;
    return fail_shape(at.s, TABLE_ROW, p->span, (long long)elements, (long long)elements_of(v));
}

// What a reader gives has the shape of its field; in an equation with indices, what its text says.
Shape reader_shape(Place at, const Phrase *p) {
    Shaper *s = at.s;
    if (is_named(p, "class") || is_named(p, "int")) return whole_shape(at, p);
    if (p->kind == PHRASE_BINARY) return compared_shape(at, p);
    if (is_named(p, "folder") || is_named(p, "path")) return text_shape(at, p);
    Shape field = s->field;
    field.type = TYPE_REAL;
    bool words = is_named(p, "words"), window = is_named(p, "window"),
         pixels = is_named(p, "pixels") || is_named(p, "resize"),
         file = is_named(p, "file") || is_named(p, "whole") || window || words || pixels;
    int64_t elements = file ? elements_of(field) : p->kind == PHRASE_LIST ? 0 : 1;
    if (!whole_row(at, p)) return shape_wrong();
    if (!reads_source(at, p) || (window && !window_fits(at, p))) return shape_wrong();
    if (p->kind == PHRASE_LIST ? !table_fits(at, p, s->line->slot, &elements) : !arguments_fit(at, p))
        return shape_wrong();
    if ((words || is_named(p, "count_words")) && !words_fit(at, p)) return shape_wrong();
    if (pixels && !pixels_fit(at, p)) return shape_wrong();
    if (is_named(p, "date") && !date_fits(at, p)) return shape_wrong();
    if (s->row && file) {
        Diagnostic *d = fail(s, READER_SHAPE, p->span, node_text(s->arena, p->node));
        diagnostic_help(s->ctx, d, "give it to a field with its shape in brackets, and read that one");
        return shape_wrong();
    }
    if (window && !is_named(s->source, "text")) return window_shape(at, p);
    if (is_named(p, "columns")) elements = columns_of(at, p);
    if (!elements) return shape_wrong();
    if (s->row) return row_shape(at, p, elements);
    if (elements == elements_of(field)) return field;
    Diagnostic *d = fail(s, FIELD_ELEMENTS, p->span, (long long)elements, s->line->slot->name,
                         (long long)elements_of(field));
    diagnostic_note(s->ctx, d, s->line->node->target->span, "its shape is given here");
    return shape_wrong();
}

// A list: of a table all rows, elsewhere one row, in which a column is one number as in an equation.
Shape data_list_shape(Place at, const Phrase *p) {
    Shaper *s = at.s;
    if (is_table(s)) return reader_shape(at, p);
    bool row = s->row;
    s->row = true;
    Shape v = list_value(at, p);
    s->row = row;
    return v;
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
        bool small = n >= 1 && !__builtin_mul_overflow(elements, n, &elements) && elements <= INT32_MAX;
        if (!small)
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
    const Phrase *value = line_value(line);
    Extent dims[MAX_RANK];
    int rank = 0;
    bool whole = is_named(value, "class") || is_named(value, "int") || is_named(value, "window") ||
                 is_named(value, "words") || is_named(value, "count_words");
    const Phrase *count = is_named(value, "window") ? s->source->part[1]
                          : value->count > 1        ? value->part[1]
                                                    : NULL; // of its numbers
    Shape field = shape_scalar(whole ? TYPE_INT : is_condition(value->node) ? TYPE_BOOL : TYPE_REAL), v;
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
    if (v.kind == SHAPE_WRONG) return v;
    if (line->binders)
        field = shape_tensor(s, v.dims, v.rank, (Type)field.type);
    else if (v.kind == SHAPE_TENSOR && (v.rank != rank || v.dims != field.dims))
        return shape_error(at, line, v);
    field.is_class = is_named(value, "class");
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

// The parts of a text are pieces of it; those of a folder are some of its pictures.
static bool divides(Place at, const char *word, Span span) {
    bool part = string_equal(word, "test") || string_equal(word, "validation");
    if (is_named(at.s->source, "images") && part) {
        Diagnostic *d = fail(at.s, FOLDER_PARTS, span, word);
        diagnostic_help(at.s->ctx, d, "say `split = random(test = 20%%)`, with `stratify` of the class");
        return false;
    }
    if (!is_named(at.s->source, "text") || string_equal(word, "ordered")) return true;
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
    for (int k = OWN_MISSING; k <= NAMED && is_named(value, "class"); k++)
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
    if (!divides(at, part->text, part->node->name_span)) return;
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
    bool text = is_named(at.s->source, "text");
    if (text && stride && data_setting_phrase(at.c->define, "order"))
        fail(at.s, STREAM_STRIDE, stride->span, "");
}

// What the block says, when the source is right.
static void look_at_block(Place at, const Phrase *block) {
    look_at_lines(at, block, block->count - 1, NULL);
    at.s->tree->rows = at.s->listed;
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

// The line that gives the block's field.
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
    if (fits && (!is_named(source, "csv") || signs_differ(at, source))) {
        look_at_block(at, data->body);
        if (is_named(source, "synthetic")) s->tree->rows = (int64_t)c->of[source->part[0]->number].number;
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
