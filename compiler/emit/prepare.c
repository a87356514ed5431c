// The functions that make fields of raw columns, a block of rows at a time, in double: a field is rounded
// once, when it is stored. (What is drawn and reads nothing has the precision of the program's draws.) A
// field is written for one row: readers (column, file, a table's list ...) and other fields are tensors of
// one sample, each a read of a tensor [block, ...] at the one index of the row, which nothing in the text can
// name. So nothing reaches from row to row, and what is left is an expression or an equation like any other.
#include "emit/data.h"

#include <string.h>

// ---- one row of a block ----

static const char *name_of(const DataWriter *w, const char *name) {
    static const char *const parts[DATA_PARTS] = {"", "test.", "validation."};
    return string_format(w->e->arena, "data.%s%s", parts[w->part], name);
}

// The array over a sample's dimensions, without an element yet; `forms` gets the row and them.
static Array sample_over(const DataWriter *w, const int64_t *dims, int rank, const Affine **forms) {
    Array a = {.rank = rank};
    forms[0] = affine_index(w->e->p, w->at.to->row);
    for (int d = 0; d < rank; d++) {
        a.dims[d] = (Extent){dims[d], false};
        a.indices[d] = index_over(w->e, name_of_dimension(d), a.dims[d]);
        forms[d + 1] = affine_index(w->e->p, a.indices[d]);
    }
    return a;
}

// A tensor of a block as one sample.
static Operand sample_of(const DataWriter *w, Tensor *t) {
    const Affine *forms[MAX_RANK];
    Array a = sample_over(w, t->dims + 1, t->rank - 1, forms);
    a.e = expr_read(w->e->p, t, forms, t->origin);
    return operand_array(w->e, &a);
}

static const Expr *element_of(const DataWriter *w, Operand v, bool real) {
    return v.kind == OPERAND_TENSOR ? v.array->e : operand_expr(w->e, v, real);
}

// A sample, with this element, as a tensor of a block; NULL after a message.
static Tensor *block_store(DataWriter *w, Operand v, const Expr *e, const char *name, TensorKind kind,
                           Type type, Span span) {
    Array a = {.rank = 1, .dims = {{DRAW_ROWS, true}}, .indices = {w->at.to->row}, .e = e};
    for (int d = 0; v.kind == OPERAND_TENSOR && d < v.array->rank; d++) {
        a.dims[a.rank] = v.array->dims[d];
        a.indices[a.rank++] = v.array->indices[d];
    }
    Tensor *t = tensor_write(w->at, name_of(w, name), kind, (int)type, &a, span);
    if (t && kind == TENSOR_OUTPUT) vec_push(w->e->arena, &w->at.to->function->outputs, t);
    return t;
}

// ---- readers ----

static Tensor *raw_tensor(DataWriter *w, const Shape *v, int64_t *elements) {
    int64_t dims[MAX_RANK] = {DRAW_ROWS};
    for (int d = 0; d < v->rank; d++) *elements *= dims[d + 1] = v->dims[d].size;
    const char *name = string_format(w->e->arena, "%s.raw_%d", w->field->name, ++w->columns);
    Tensor *t = tensor_add(w->e->p, name_of(w, name), TENSOR_INPUT, TYPE_DOUBLE, v->rank + 1, dims);
    t->batch_dims = 1;
    t->origin = origin_at(w->e, w->field->span, NULL, NULL);
    return t;
}

static void take_cells(const Case *c, const Phrase *p, double *values, int64_t *count) {
    if (p->kind != PHRASE_LIST) values[(*count)++] = c->of[p->number].number;
    for (int i = 0; p->kind == PHRASE_LIST && i < p->count; i++) take_cells(c, p->part[i], values, count);
}

// column("a"), columns("a", "b")
static void take_names(const DataWriter *w, const Phrase *p, Column *column) {
    column->names = arena_array(w->e->arena, const char *, p->count);
    for (int i = 0; i < p->count; i++)
        if (i != 1) column->names[column->name_count++] = p->part[i]->text; // 1: missing
}

// Is it a reader of files? Where a column has their paths, it is that column.
static bool take_file(const DataWriter *w, const Case *c, const Phrase *p, Column *column) {
    static const struct {
        const char *name;
        ColumnKind kind;
    } readers[] = {{"pixels", COLUMN_PIXELS}, {"samples", COLUMN_SAMPLES}, {"folder", COLUMN_FOLDER},
                   {"path", COLUMN_PATH},     {"label", COLUMN_LABEL},     {"coarse", COLUMN_COARSE},
                   {"row", COLUMN_ROW}};
    bool resize = string_equal(p->builtin->name, "resize");
    if (resize) p = p->part[0];
    size_t k = 0;
    while (k < sizeof readers / sizeof *readers && !string_equal(p->builtin->name, readers[k].name)) k++;
    if (k == sizeof readers / sizeof *readers) return false;
    if (p->count && p->part[0]) take_argument(w, c, p->part[0], column);
    column->resize = resize;
    column->rate = w->m->data.rate;
    if (p->count > 1 && p->part[1]) column->rate = (int64_t)c->of[p->part[1]->number].number;
    if (column->kind == COLUMN_NUMBER) column->kind = readers[k].kind;
    return true;
}

void take_argument(const DataWriter *w, const Case *c, const Phrase *p, Column *column) {
    if (take_file(w, c, p, column)) return;
    if (string_equal(p->builtin->name, "date")) {
        take_argument(w, c, p->part[0], column);
        column->kind = COLUMN_DATE;
        while (!string_equal(date_words[column->date], p->part[1]->node->name)) column->date++;
        return;
    }
    bool words = string_equal(p->builtin->name, "words"),
         counted = string_equal(p->builtin->name, "count_words");
    if (words || counted) {
        take_argument(w, c, p->part[0], column);
        column->kind = words ? COLUMN_WORDS : COLUMN_COUNT_WORDS;
        column->start = words && p->part[2] && c->of[p->part[2]->number].number;
        column->end = words && p->part[3] && c->of[p->part[3]->number].number;
        return;
    }
    const Phrase *given = p->part[0], *first = given, *last = given;
    bool cells = phrase_is(p, "column") || phrase_is(p, "columns");
    if (given->kind == PHRASE_RANGE) first = given->part[0], last = given->part[1];
    if (cells) take_missing(c, p->part[1], &column->missing, &column->missing_value);
    if (string_equal(p->builtin->name, "window")) {
        column->kind = COLUMN_WINDOW;
        column->first = (int64_t)c->of[given->number].number;
    } else if (cells && given->kind == PHRASE_TEXT) {
        take_names(w, p, column);
    } else if (given->kind == PHRASE_TEXT) {
        column->kind = COLUMN_FILE;
        *(string_equal(w->m->data.source, "npz") ? &column->key : &column->file) = given->text;
        column->is_whole = string_equal(p->builtin->name, "whole");
    } else {
        column->first = (int64_t)c->of[first->number].number;
        column->last = (int64_t)c->of[last->number].number;
    }
}

static Statistic *statistic_add(DataWriter *w, StatisticKind kind, int column) {
    DataBlock *d = &w->m->data;
    vec_push(w->e->arena, &d->statistics,
             ((Statistic){.kind = kind, .field = (int)(w->field - d->fields.data), .column = column}));
    return &d->statistics.data[d->statistics.count - 1];
}

// data.FIELD.mean: kept with the weights; `first` before there are data. Of the shape of a sample of `of`;
// NULL where another part made it of another shape.
static Tensor *statistic_state(DataWriter *w, const char *what, int number, const Tensor *of, double first) {
    Program *p = w->e->p;
    const char *name =
        string_format(p->arena, number > 1 ? "data.%s.%s_%d" : "data.%s.%s", w->field->name, what, number);
    Tensor *t = tensor_find(p, name);
    if (t) {
        bool same =
            t->rank == of->rank - 1 && !memcmp(t->dims, of->dims + 1, sizeof *t->dims * (size_t)t->rank);
        return same ? t : NULL;
    }
    if (w->part) return NULL;
    t = tensor_add(p, name, TENSOR_STATE, TYPE_DOUBLE, of->rank - 1, of->dims + 1);
    const Affine *out[MAX_RANK];
    for (int d = 0; d < t->rank; d++) out[d] = affine_index(p, index_add(p, "i", t->dims[d], false));
    t->origin = origin_at(w->e, w->field->span, NULL, NULL);
    Function *initial = w->e->initial->function;
    Tensor *value = tensor_add(p, string_format(p->arena, "%s.initial", name), TENSOR_TEMP, TYPE_DOUBLE,
                               t->rank, t->dims);
    equation_add(p, initial, value, out, REDUCE_NONE, NULL, 0, expr_const(p, first), t->origin);
    vec_push(p->arena, &initial->effects, (Effect){t, value});
    return t;
}

static void no_statistic(const DataWriter *w, Span at, const char *word) {
    Diagnostic *d = diagnose(w->e->ctx, PART_STATISTIC, at, word, w->field->name);
    diagnostic_note(w->e->ctx, d, w->field->span, "the field stands here");
}

// Which statistic stands for the missing cells of a column, or -1. Whole numbers of the column itself have
// none.
static int missing_kind(const Column *c) {
    if ((c->kind != COLUMN_NUMBER && c->kind != COLUMN_DATE) || c->limit) return -1;
    return c->missing == NN_MISSING_BY_MEAN     ? (int)STATISTIC_MISSING_MEAN
           : c->missing == NN_MISSING_BY_MEDIAN ? (int)STATISTIC_MISSING_MEDIAN
                                                : -1;
}

// A part's cells get what the block measured for the reader at the same place.
static void measure_missing(DataWriter *w, int column) {
    const DataBlock *d = &w->m->data;
    const Column *c = &d->columns.data[column];
    int kind = missing_kind(c);
    if (kind < 0) return;
    Tensor *into = statistic_state(w, "missing", w->columns, c->tensor, 0);
    bool same = !w->part;
    for (int i = 0; i < d->statistics.count; i++)
        same |= into && d->statistics.data[i].into[0] == into && (int)d->statistics.data[i].kind == kind;
    if (!same) {
        no_statistic(w, c->span, kind == STATISTIC_MISSING_MEAN ? "missing = mean" : "missing = median");
        return;
    }
    Statistic *s = statistic_add(w, (StatisticKind)kind, column);
    s->of[w->part] = c->tensor;
    s->into[0] = into;
}

// The raw column of a reader, which the runtime fills. `equals`: the text it is compared with, or NULL.
static Operand reader_operand(DataWriter *w, At at, const Phrase *p, const char *equals) {
    DataBlock *d = &w->m->data;
    const Case *c = at.frame->of;
    Column column = {.part = w->part,
                     .kind = equals ? COLUMN_TEXT_EQUALS : COLUMN_NUMBER,
                     .field = (int)(w->field - d->fields.data),
                     .file = w->file,
                     .key = w->query,
                     .equals = equals,
                     .elements = 1,
                     .missing = d->missing,
                     .missing_value = d->missing_value,
                     .limit = p == w->whole ? w->field->limit : 0,
                     .is_class = p == w->whole && w->field->is_class,
                     .span = p->span};
    column.tensor = raw_tensor(w, &c->of[p->number], &column.elements);
    if (p->builtin && string_equal(p->builtin->name, "given"))
        return sample_of(w, column.tensor); // an object's caller fills it, no file
    if (p->kind == PHRASE_LIST) {
        double *values = arena_array(w->e->arena, double, p->count *column.elements);
        column.kind = COLUMN_TABLE;
        column.values = values;
        take_cells(c, p, values, &column.value_count);
    } else {
        take_argument(w, c, p, &column);
    }
    vec_push(w->e->arena, &d->columns, column);
    if (!equals) measure_missing(w, d->columns.count - 1);
    return sample_of(w, column.tensor);
}

// column("sex") == "M"
static Operand compared_operand(DataWriter *w, At at, const Phrase *p) {
    int text = p->part[0]->kind != PHRASE_TEXT;
    Operand raw = reader_operand(w, at, p->part[!text], p->part[text]->text);
    Operator op = p->op == OPERATOR_EQUAL ? OPERATOR_NOT_EQUAL : OPERATOR_EQUAL;
    return operand_join(at, op, raw, operand_number(0, true), p->span);
}

// ---- what is measured of the training rows ----

// By kind: two are measured together.
static const struct {
    const char *into[2], *rows[2];
} measures[] = {
    [STATISTIC_STANDARDIZE] = {{"mean", "deviation"}, {"rows_mean", "rows_deviation"}},
    [STATISTIC_MINMAX] = {{"low", "high"}, {"rows_low", "rows_high"}},
};

// What was measured of this value; NULL after a message.
static const Measured *measured(DataWriter *w, At at, const Builtin *row, Operand v, Span span) {
    int k = 0;
    while (!string_equal(row->name, measures[k].rows[0]) && !string_equal(row->name, measures[k].rows[1]))
        k++;
    Measured new = {.value = element_of(w, v, true), .kind = (StatisticKind)k};
    for (int i = 0; i < w->measured.count; i++)
        if (w->measured.data[i].value == new.value && w->measured.data[i].kind == new.kind)
            return &w->measured.data[i];
    int number = w->measured.count + 1;
    const char *name = string_format(w->e->arena, "%s.measured", w->field->name);
    new.of = block_store(w, v, new.value, name, TENSOR_OUTPUT, TYPE_DOUBLE, span);
    if (!new.of) return NULL;
    new.into[0] = statistic_state(w, measures[k].into[0], number, new.of, 0);
    new.into[1] = statistic_state(w, measures[k].into[1], number, new.of, 1);
    const Node *around = at.frame->of->define->node;
    if (!new.into[0] || !new.into[1]) {
        no_statistic(w, message_place(at, span), around->kind == AST_DATA ? row->name : around->name);
        return NULL;
    }
    if (!w->part) {
        Statistic *s = statistic_add(w, new.kind, -1);
        s->of[0] = new.of, s->into[0] = new.into[0], s->into[1] = new.into[1];
    }
    vec_push(w->e->arena, &w->measured, new);
    return &w->measured.data[number - 1];
}

// Each element of a sample by itself.
Operand data_measure(At at, const Builtin *row, Operand v, Span span) {
    if (!at.m->data || (v.kind != OPERAND_TENSOR && !operand_is_number(v))) return operand_wrong();
    const Measured *m = measured(at.m->data, at, row, v, span);
    if (!m) return operand_wrong();
    return operand_tensor(at.m, m->into[!string_equal(row->name, measures[m->kind].rows[0])]);
}

Operand data_reader(At at, const Phrase *p) {
    DataWriter *w = at.m->data;
    if (!w) return operand_wrong();
    if (p->kind == PHRASE_BINARY) return compared_operand(w, at, p);
    if (p->kind == PHRASE_LIST || p->builtin->sources) return reader_operand(w, at, p, NULL);
    return operand_of(at, p->part[0]); // class(x, n), int(x, n)
}

// ---- one field ----

// A number for every element of the field: a draw is made for each.
static Operand spread(DataWriter *w, Operand v) {
    const Expr *e = operand_as_scalar(w->at, v);
    if (!e) return operand_wrong();
    const Affine *forms[MAX_RANK];
    int window = w->field->window && w->field->rank; // its length is no dimension of a row
    Array a = sample_over(w, w->field->dims + window, w->field->rank - window, forms);
    a.e = e;
    return operand_array(w->e, &a);
}

static Operand value_of_line(DataWriter *w, const Phrase *line) {
    if (line->binders) {
        statement_write(w->at, line);
        return operand_first(w->at.frame->slot[line->slot->number]);
    }
    Operand v = operand_plain(w->at, operand_of(w->at, line_value(line)), line->span);
    return v.kind == OPERAND_TENSOR || v.kind == OPERAND_WRONG ? v : spread(w, v);
}

// What other fields see: numbers as doubles, not yet rounded; integers within their limit, as they may index
// before the runtime has checked them.
static Operand seen_value(DataWriter *w, Operand v, const Expr *e, Span span) {
    Program *p = w->e->p;
    bool whole = w->field->type == TYPE_INT;
    int64_t high = w->field->limit ? w->field->limit - 1 : INT32_MAX;
    if (whole && e->type == TYPE_INT) {
        e = expr_binary(p, OP_MIN, expr_binary(p, OP_MAX, e, expr_int(p, 0)), expr_int(p, high));
    } else if (whole) {
        const Expr *zero = expr_const(p, 0), *most = expr_const(p, (double)high);
        const Expr *below = expr_select(p, expr_binary(p, OP_LT, e, most), e, most);
        e = expr_unary(p, OP_FLOOR, expr_select(p, expr_binary(p, OP_LT, zero, e), below, zero));
    }
    const char *name = string_format(w->e->arena, "%s.seen", w->field->name);
    Tensor *t = block_store(w, v, e, name, TENSOR_TEMP, whole ? TYPE_INT : TYPE_DOUBLE, span);
    if (!t) return operand_wrong();
    if (whole) t->bounded = true, t->low = 0, t->high = high;
    return sample_of(w, t);
}

// What `restore` undoes.
static void note_scaled(DataWriter *w, Operand v, const Expr *element) {
    if (w->part || !w->measured.count) return;
    Scaled *s = arena_new(w->e->arena, Scaled);
    *s = (Scaled){.of = w->measured.data[w->measured.count - 1].value, .row = w->at.to->row};
    if (v.kind == OPERAND_TENSOR) s->field = *v.array;
    s->field.e = element;
    w->field->scaled = s;
}

static Operand field_write(DataWriter *w, const Phrase *line) {
    Field *f = w->field;
    const Phrase *e = line_value(line);
    if (f->type == TYPE_INT) w->whole = e = e->builtin && e->builtin->sources ? e : e->part[0];
    Operand v = value_of_line(w, line);
    if (v.kind == OPERAND_WRONG) return v;
    const Expr *element = element_of(w, v, f->type == TYPE_REAL), *stored = element;
    note_scaled(w, v, element);
    // What is calculated may not be whole: the runtime looks at the double itself.
    bool reads = (e->kind == PHRASE_LIST && w->e->tables) || (e->builtin && e->builtin->sources);
    bool whole = f->type == TYPE_INT && (reads || element->type == TYPE_INT);
    if (whole && element->type != TYPE_INT) stored = expr_unary(w->e->p, OP_FLOOR, element);
    // Raw columns are doubles, and what reads doubles is calculated in double and rounded by the function
    // itself. What is made of draws and other fields alone stays a double until the runtime stores it.
    bool real = f->type == TYPE_REAL && element->read_count, rounded = real && w->columns > 0;
    bool in_double = f->type == TYPE_INT ? !whole : real && !rounded;
    Tensor *t = block_store(w, v, stored, f->name, TENSOR_OUTPUT, in_double ? TYPE_DOUBLE : f->type, e->span);
    if (!t) return operand_wrong();
    if (whole && f->limit) t->bounded = true, t->low = 0, t->high = f->limit - 1;
    f->prepared[w->part] = t;
    return f->type == TYPE_INT || rounded ? seen_value(w, v, element, e->span) : sample_of(w, t);
}

// ---- a part ----

// The rows of each part are known before the statistics of one are.
static void check_stratify(const DataWriter *w, const Function *f) {
    Program *p = w->e->p;
    const DataBlock *d = &w->m->data;
    const Field *field = d->stratify >= 0 ? &d->fields.data[d->stratify] : NULL;
    if (!field || !field->prepared[0]) return;
    const bool *needed = function_needed(p, f, field->prepared, 1, NULL, 0);
    bool statistic = false;
    for (int i = 0; i < p->tensors.count; i++)
        statistic |= needed[i] && p->tensors.data[i]->kind == TENSOR_STATE;
    for (int i = 0; i < d->columns.count; i++)
        statistic |= needed[d->columns.data[i].tensor->id] && missing_kind(&d->columns.data[i]) >= 0;
    if (statistic) diagnose(w->e->ctx, STRATIFY_STATISTIC, field->span, field->name);
}

// Fields are made in the order of the part's own text.
static Writer *part_write(DataWriter *w, int part, const Phrase *block, Case *c) {
    static const struct {
        FunctionKind kind;
        const char *name;
    } functions[DATA_PARTS] = {{FUNCTION_PREPARE, "prepare"},
                               {FUNCTION_PREPARE_TEST, "prepare_test"},
                               {FUNCTION_PREPARE_VALIDATION, "prepare_validation"}};
    DataBlock *d = &w->m->data;
    Program *p = w->e->p;
    Writer *to = writer_create(w->e, function_add(p, functions[part].kind, functions[part].name));
    const char *first = string_format(p->arena, "%s.first_row", functions[part].name);
    to->row = index_add(p, "row", DRAW_ROWS, true);
    to->first_row = d->first_row[part] = tensor_add(p, first, TENSOR_INPUT, TYPE_INT, 0, NULL);
    to->first_row->bounded = true, to->first_row->high = DRAW_ROWS - 1;
    Frame *frame = frame_outside(w->e, c, NULL, "data");
    w->at = at_outside(w->e, to, frame);
    w->part = part;
    d->own_part[part] = true;
    for (int i = 0; i < block->count; i++) {
        const Phrase *line = block->part[i];
        if (line->kind != PHRASE_GIVE || !line->slot) continue;
        w->field = &d->fields.data[field_number(d, line->slot->name)];
        w->columns = w->measured.count = 0;
        frame->slot[line->slot->number] = field_write(w, line);
    }
    writer_finish(w->e, to);
    if (!part) check_stratify(w, to->function);
    return to;
}

// ---- how many rows a block has ----

// The bounds in a node are those that an index had when it was made: each part gets another one in its place.
static void resize_rows(Program *p, const Writer *part, int64_t block) {
    Index *row = arena_new(p->arena, Index);
    *row = *part->row;
    row->size = block;
    Binding binding = {part->row, affine_index(p, row)};
    for (int i = 0; i < part->function->equations.count; i++) {
        Equation *q = part->function->equations.data[i];
        const Affine **out = arena_array(p->arena, const Affine *, q->out_count);
        for (int d = 0; d < q->out_count; d++) out[d] = affine_substitute(p, q->out[d], &binding, 1);
        q->out = out;
        q->e = expr_substitute(p, q->e, &binding, 1);
    }
}

// As many rows a block as fit.
static void fit_blocks(DataWriter *w, int first_tensor, Writer *const parts[DATA_PARTS]) {
    Program *p = w->e->p;
    int64_t bytes = 0, *block = &w->m->data.block;
    for (int i = first_tensor; i < p->tensors.count; i++) {
        const Tensor *t = p->tensors.data[i];
        int64_t n = 1;
        for (int d = 1; d < t->rank && n <= INT32_MAX; d++) n *= t->dims[d];
        bytes += t->batch_dims & 1 ? n * (int64_t)sizeof(double) : 0;
        if (t->kind != TENSOR_TEMP && n > w->m->data.block_row) w->m->data.block_row = n;
    }
    for (*block = DRAW_ROWS; *block > 1 && bytes > BLOCK_BYTES / *block;) *block /= 2;
    for (int i = first_tensor; i < p->tensors.count; i++)
        if (p->tensors.data[i]->batch_dims & 1) p->tensors.data[i]->dims[0] = *block;
    for (int part = 0; part < DATA_PARTS && *block < DRAW_ROWS; part++)
        if (parts[part]) resize_rows(p, parts[part], *block);
}

void prepare_write(DataWriter *w) {
    w->e->data = w;
    take_part(w, NULL);
    w->e->tables = string_equal(w->m->data.source, "table");
    int first_tensor = w->e->p->tensors.count;
    const Phrase *block = w->block->define->body;
    Writer *parts[DATA_PARTS] = {part_write(w, 0, block, w->e->tree->data)};
    for (int part = 1; part < DATA_PARTS; part++) {
        const Phrase *file = data_setting_phrase(w->block->define, part_words[part - 1]);
        take_part(w, file);
        if (file) parts[part] = part_write(w, part, block, w->e->tree->data);
        for (int i = 0; i < block->count; i++) {
            const Phrase *s = block->part[i];
            if (s->kind == PHRASE_PART && string_equal(s->text, part_words[part - 1]))
                parts[part] = part_write(w, part, s, w->block->call[s->number]);
        }
    }
    fit_blocks(w, first_tensor, parts);
    w->e->data = NULL;
}

// ---- what a prediction carries along ----

int data_carried(Emitter *e, Module *m, int field) {
    DataWriter w = {.e = e, .m = m, .block = e->tree->data, .field = &m->data.fields.data[field]};
    const Phrase *line = data_line(w.block->define->body, w.field->name), *v = line->part[line->count - 1];
    bool cells = source_kind(m->data.source) == NN_SOURCE_CELLS,
         path = v->builtin && string_equal(v->builtin->name, "path");
    if (!(cells || path) || line->binders || w.field->window) return -1;
    if (v->kind == PHRASE_BUILTIN && v->builtin->group == GROUP_READER && !v->builtin->sources)
        v = v->part[0]; // class(x, n), int(x, n)
    if (!path &&
        (v->kind != PHRASE_BUILTIN || !v->builtin->sources || string_equal(v->builtin->name, "date")))
        return -1;
    Column c = {.kind = COLUMN_CARRIED,
                .field = field,
                .file = m->data.file,
                .key = m->data.query,
                .elements = 1,
                .for_input = true,
                .span = v->span};
    for (int d = 0; d < w.field->rank; d++) c.elements *= w.field->dims[d];
    take_argument(&w, w.block, v, &c);
    vec_push(e->arena, &m->data.columns, c);
    return m->data.columns.count - 1;
}
