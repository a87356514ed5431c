// Readers of data blocks: what `column`, `file`, a list of a table and their kin give to one row (rule 24).
// Guarantees: a reader stands in a block of its source, with arguments that fit, and has the shape of its
// field or one number.
#include "shape/look.h"

#include "abi.h"

#include <math.h>
#include <string.h>

bool phrase_is(const Phrase *p, const char *name) {
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
    bool reads = phrase_is(p, "column") || phrase_is(p, "columns");
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

// How many of a class's numbers, the last, stand for what is no text of the training file.
static int own_classes(const Phrase *p) {
    return phrase_is(p, "class") ? (p->part[OWN_MISSING] != NULL) + (p->part[OWN_OTHER] != NULL) : 0;
}

// Classes of their own: cells of a file have them, and there is another.
static bool own_fits(Place at, const Phrase *p) {
    const Phrase *of = p->part[0], *own = p->part[OWN_MISSING] ? p->part[OWN_MISSING] : p->part[OWN_OTHER];
    bool reads = phrase_is(of, "column") || phrase_is(of, "columns");
    int count = own_classes(p);
    if (!reads) return fail_false(at.s, CLASS_OWN, own->span, p->part[OWN_MISSING] ? "missing" : "other");
    if (p->part[OWN_MISSING] && of->part[1]) return fail_false(at.s, MISSING_TWICE, of->part[1]->span, "");
    return lies_in(at, p->part[1]->span, "the number of classes",
                   (int64_t)at.c->of[p->part[1]->number].number, count + 1, INT32_MAX);
}

bool class_is_named(const Case *c, const Phrase *p) {
    return phrase_is(p, "class") && p->part[NAMED] && c->of[p->part[NAMED]->number].number != 0;
}

// What is numbered stands in the file or in the text's own rows, and is not calculated.
static bool named_fits(Place at, const Phrase *p) {
    const Phrase *of = p->part[0];
    bool reads = of->kind == PHRASE_LIST
                     ? is_table(at.s)
                     : phrase_is(of, "column") || phrase_is(of, "columns") || phrase_is(of, "file") ||
                           phrase_is(of, "whole") || phrase_is(of, "label") || phrase_is(of, "coarse");
    return reads || fail_false(at.s, CLASS_NAMED, p->part[NAMED]->span, "");
}

// class(e, n), int(e, n). Those that stand in the text are checked there.
static Shape whole_shape(Place at, const Phrase *p) {
    Shape v = arguments_fit(at, p) ? shape_at(at, p->part[0]) : shape_wrong();
    const Phrase *list = p->part[0];
    if (!missing_fits(at, list, phrase_is(p, "class") ? "a class" : "a whole number")) return shape_wrong();
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
        if (phrase_is(p, "class"))
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
    bool folder = phrase_is(p, "folder"), class = phrase_is(value, "class") && value->part[0] == p;
    if (folder ? class : value == p) return folder_shape(at, p, TYPE_REAL);
    return fail_shape(at.s, TEXT_PLACE, p->span, p->builtin->name,
                      folder ? "stands in a class, `class(folder, 3)`, or is compared, `folder == \"cats\"`"
                             : "stands for a field by itself, for `predict` to carry along");
}

// `pixels` and `samples` read the row's own file; of a csv file the one whose path a column has, and there
// samples have their own rate.
static bool file_fits(Place at, const Phrase *p) {
    bool cells = source_kind(at.s->source->builtin->name) == NN_SOURCE_CELLS, sound = phrase_is(p, "samples");
    const Phrase *column = p->count ? p->part[0] : NULL, *rate = p->count > 1 ? p->part[1] : NULL;
    if (cells ? column && phrase_is(column, "column") && !column->part[1] && (rate || !sound)
              : !column && !rate)
        return !column || arguments_fit(at, column);
    return fail_false(
        at.s, FILE_COLUMN, p->span, p->builtin->name,
        !cells  ? "the file of the row, and takes nothing here"
        : sound ? "files whose paths one column has, at a rate: `samples(column(\"path\"), rate = 16_000)`"
                : "files whose paths one column has: `pixels(column(\"path\"))`");
}

// Those of CIFAR have one size.
static bool cifar_fits(Place at) {
    const Slot *field = at.s->line->slot;
    Shape v = at.s->field;
    if (!phrase_is(at.s->source, "cifar") || at.s->row) return true;
    if (v.rank == 3 && v.dims[0].size == 32 && v.dims[1].size == 32) return true;
    return fail_false(at.s, PIXELS_SHAPE, at.s->line->node->target->span, field->name,
                      "pictures of CIFAR: its shape is [32, 32, 3], or [32, 32, 1] for grey ones");
}

// Pictures: a field's shape decides whether they are grey or have colours.
static bool pixels_fit(Place at, const Phrase *p) {
    Shaper *s = at.s;
    bool resized = phrase_is(p, "resize");
    const Phrase *of = resized ? p->part[0] : p;
    if (!phrase_is(of, "pixels")) return fail_false(s, RESIZE_PIXELS, of->span, "");
    if (!file_fits(at, of)) return false;
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

static bool samples_fit(Place at, const Phrase *p) {
    Shape field = at.s->field;
    bool fits = field.rank == 1 || (field.rank == 2 && field.dims[1].size == 1);
    if (!file_fits(at, p)) return false;
    if (at.s->row || (fits && field.type == TYPE_REAL)) return true;
    return fail_false(at.s, PIXELS_SHAPE, at.s->line->node->target->span, at.s->line->slot->name,
                      "a sound: numbers, and its shape is [samples] or [samples, 1]");
}

// column("sex") == "M"
static Shape compared_shape(Place at, const Phrase *p) {
    int text = p->part[0]->kind != PHRASE_TEXT;
    if (phrase_is(p->part[!text], "folder")) return folder_shape(at, p->part[!text], TYPE_BOOL);
    if (!phrase_is(p->part[!text], "column")) {
        Diagnostic *d = fail(at.s, TEXT_COMPARED, p->part[text]->span, "");
        if (source_kind(at.s->source->builtin->name) == NN_SOURCE_CELLS)
            diagnostic_help(at.s->ctx, d, "a field holds numbers: ask the file, `column(\"NAME\") == \"%s\"`",
                            p->part[text]->text);
        return shape_wrong();
    }
    if (!missing_fits(at, p->part[!text], "a text")) return shape_wrong();
    Shape v = shape_at(at, p->part[!text]);
    if (v.kind != SHAPE_WRONG) v.type = TYPE_BOOL;
    return v;
}

// words(column("text"), n) stands for a field, or in a class for one; count_words(column("text")) is a
// number.
static bool words_fit(Place at, const Phrase *p) {
    const Phrase *line = at.s->line, *value = line_value(line), *of = p->part[0];
    bool class = phrase_is(value, "class") && value->part[0] == p, count = phrase_is(p, "count_words");
    bool stands = count || (class ? !p->part[1] && !p->part[2] && !p->part[3] : value == p && p->part[1]);
    if (!phrase_is(of, "column") || of->part[1])
        return fail_false(at.s, WORDS_COLUMN, of->span, p->builtin->name);
    return arguments_fit(at, of) && (stands || fail_false(at.s, WORDS_PLACE, p->span, ""));
}

static bool date_fits(Place at, const Phrase *p) {
    const Phrase *of = p->part[0];
    return phrase_is(of, "column") ? arguments_fit(at, of) : fail_false(at.s, DATE_COLUMN, of->span, "");
}

// What a reader reads of a row in an equation with indices: a column is one number, columns are a row of
// them.
static Shape row_shape(Place at, const Phrase *p, int64_t elements) {
    Extent dims[MAX_RANK];
    int rank = 0;
    if (phrase_is(p, "columns")) dims[rank++] = (Extent){elements, false};
    for (const Phrase *row = p; row->kind == PHRASE_LIST && rank < MAX_RANK; row = row->part[0])
        if (row != p) dims[rank++] = (Extent){row->count, false};
    Shape v = shape_tensor(at.s, dims, rank, TYPE_REAL);
    if (elements_of(v) == elements) return v;
    return fail_shape(at.s, TABLE_ROW, p->span, (long long)elements, (long long)elements_of(v));
}

// What a reader gives has the shape of its field; in an equation with indices, what its text says.
Shape reader_shape(Place at, const Phrase *p) {
    Shaper *s = at.s;
    if (phrase_is(p, "class") || phrase_is(p, "int")) return whole_shape(at, p);
    if (p->kind == PHRASE_BINARY) return compared_shape(at, p);
    if (phrase_is(p, "folder") || phrase_is(p, "path")) return text_shape(at, p);
    Shape field = s->field;
    field.type = TYPE_REAL;
    bool words = phrase_is(p, "words"), window = phrase_is(p, "window"),
         pixels = phrase_is(p, "pixels") || phrase_is(p, "resize"), samples = phrase_is(p, "samples"),
         array = phrase_is(p, "row") || (phrase_is(p, "column") && phrase_is(s->source, "jsonl") && !s->row),
         file = phrase_is(p, "file") || phrase_is(p, "whole") || phrase_is(p, "given") || window || words ||
                pixels || samples || array;
    int64_t elements = file ? elements_of(field) : p->kind == PHRASE_LIST ? 0 : 1;
    if (!whole_row(at, p)) return shape_wrong();
    if (!reads_source(at, p) || (window && !window_fits(at, p))) return shape_wrong();
    if (p->kind == PHRASE_LIST ? !table_fits(at, p, s->line->slot, &elements) : !arguments_fit(at, p))
        return shape_wrong();
    if ((words || phrase_is(p, "count_words")) && !words_fit(at, p)) return shape_wrong();
    if ((pixels && !(pixels_fit(at, p) && cifar_fits(at))) || (samples && !samples_fit(at, p)))
        return shape_wrong();
    if (phrase_is(p, "date") && !date_fits(at, p)) return shape_wrong();
    if (s->row && file) {
        Diagnostic *d = fail(s, READER_SHAPE, p->span, node_text(s->arena, p->node));
        diagnostic_help(s->ctx, d, "give it to a field with its shape in brackets, and read that one");
        return shape_wrong();
    }
    if (window && !phrase_is(s->source, "text")) return window_shape(at, p);
    if (phrase_is(p, "columns")) elements = columns_of(at, p);
    if (!elements) return shape_wrong();
    if (s->row) return row_shape(at, p, elements);
    if (elements == elements_of(field)) return field;
    Diagnostic *d = fail(s, FIELD_ELEMENTS, p->span, (long long)elements, s->line->slot->name,
                         (long long)elements_of(field));
    diagnostic_note(s->ctx, d, s->line->node->target->span, "its shape is given here");
    if (elements_of(field) == 1)
        diagnostic_help(s->ctx, d, "`%s[%lld] = …` is a row of them", s->line->slot->name,
                        (long long)elements);
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
