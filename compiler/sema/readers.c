// Readers: what a field's text reads (column, columns, file, whole, a table's list) becomes a raw tensor
// [block, ...] that the runtime fills.
#include "sema/prepare.h"

#include <math.h>
#include <string.h>

static int64_t elements_of(const Field *f) {
    int64_t n = 1;
    for (int i = 0; i < f->rank; i++) n *= f->dims[i];
    return n;
}

static Tensor *block_tensor(Maker *k, const char *name, const ListShape *shape) {
    int64_t dims[MAX_RANK] = {DRAW_ROWS};
    memcpy(dims + 1, shape->dims, sizeof(int64_t) * (size_t)shape->rank);
    Tensor *t = tensor_add(k->r->p, name, TENSOR_INPUT, TYPE_DOUBLE, shape->rank + 1, dims);
    t->batch_dims = 1;
    t->origin = origin_new(k->r->arena, k->f->span, NULL, NULL);
    return t;
}

const char *prepare_name(const Maker *k, const char *name) {
    static const char *const parts[PARTS] = {"", "test.", "validation."};
    return string_format(k->r->arena, "data.%s%s", parts[k->part], name);
}

// ---- raw columns ----

static void report_elements(Maker *k, const Node *e, int64_t found) {
    Diagnostic *d = diagnose(k->r->ctx, FIELD_ELEMENTS, e->span, (long long)found, k->f->name,
                             (long long)elements_of(k->f));
    diagnostic_note(k->r->ctx, d, k->f->span, "its shape is given here");
}

static bool read_index(Maker *k, const Node *e, int64_t *value) {
    if (!elaborate_integer(k->el, k->env, e, "a column's number", value)) return false;
    if (*value >= 0 && *value <= INT32_MAX) return true;
    return refuse(k->r, SETTING_RANGE, e->span, "a column's number", 0LL, (long long)INT32_MAX);
}

static bool fill_column(Maker *k, const Node *e, Column *c) {
    const Node *a = argument_node(e->items[0]);
    if (a->kind == AST_TEXT) {
        c->name = a->name;
        if (!k->r->m->data.header) return refuse(k->r, COLUMN_HEADER, a->span);
        return true;
    }
    if (!read_index(k, a, &c->first)) return false;
    c->last = c->first;
    return true;
}

static bool fill_columns(Maker *k, const Node *e, Column *c) {
    const Node *a = argument_node(e->items[0]);
    if (a->kind != AST_RANGE) return refuse(k->r, WORD_EXPECTED, a->span, "a range, `columns(0 .. 3)`");
    if (!read_index(k, a->left, &c->first) || !read_index(k, a->right, &c->last)) return false;
    if (c->last >= c->first) {
        c->elements = c->last - c->first + 1;
        return true;
    }
    return refuse(k->r, COLUMN_RANGE, a->span, (long long)c->first, (long long)c->last);
}

static bool fill_file(Maker *k, const Node *e, Column *c) {
    if (!run_file(k->r, argument_node(e->items[0]), &c->file)) return false;
    if (k->indexed) {
        Diagnostic *d = diagnose(k->r->ctx, READER_SHAPE, e->span, node_text(k->r->arena, e));
        diagnostic_help(k->r->ctx, d, "give it to a field with its shape in brackets, and read that one");
        return false;
    }
    c->kind = COLUMN_FILE;
    c->is_whole = node_calls(e, "whole");
    c->elements = elements_of(k->f);
    return true;
}

typedef struct {
    Maker *k;
    VEC(double) values;
    int64_t per_row;
    bool wrong;
} TableRows;

static void read_cells(TableRows *t, const Node *e) {
    if (e->kind == AST_LIST) {
        for (int i = 0; i < e->count; i++) read_cells(t, e->items[i]);
        return;
    }
    double value;
    Dimension dimension;
    bool ok = elaborate_number(t->k->el, t->k->env, e, "a cell", &value, &dimension);
    t->wrong |= !ok;
    vec_push(t->k->r->arena, &t->values, ok ? value : 0);
}

static bool fill_table(Maker *k, const Node *e, Column *c) {
    TableRows t = {.k = k};
    Run *r = k->r;
    if (e->count == 0) return refuse(r, TABLE_EMPTY, e->span);
    for (int i = 0; i < e->count; i++) {
        int before = t.values.count;
        read_cells(&t, e->items[i]);
        int64_t cells = t.values.count - before;
        if (i && cells != t.per_row)
            return refuse(r, TABLE_ROW, e->items[i]->span, (long long)cells, (long long)t.per_row);
        t.per_row = cells;
    }
    if (t.wrong) return false;
    if (*k->rows && *k->rows != e->count) {
        if (*k->rows > 0) diagnose(r->ctx, TABLE_ROWS, e->span, k->f->name, e->count, (long long)*k->rows);
        *k->rows = -1;
        return false;
    }
    *k->rows = e->count;
    if (!k->part) r->m->data.rows = e->count;
    c->kind = COLUMN_TABLE;
    c->values = t.values.data;
    c->value_count = t.values.count;
    c->elements = t.per_row;
    return true;
}

// Classes and counts that stand in the text are checked there.
static bool within_limit(Maker *k, const Node *e, const Column *c) {
    for (int i = 0; i < c->value_count; i++) {
        double v = c->values[i];
        if (v >= 0 && v < (double)c->limit && v == floor(v)) continue;
        diagnose(k->r->ctx, TABLE_LIMIT, e->items[i / c->elements]->span, k->f->name, (long long)c->limit - 1,
                 number_text(k->r->arena, v));
        k->wrong = true;
        return false;
    }
    return true;
}

const char *reader_source(const Node *e) {
    if (e->kind == AST_LIST) return "table";
    if (node_calls(e, "column") || node_calls(e, "columns")) return "csv";
    return node_calls(e, "file") || node_calls(e, "whole") ? "idx" : NULL;
}

static bool fits_source(Maker *k, const Node *e) {
    const char *needs = reader_source(e), *source = k->r->m->data.source;
    bool files = string_equal(needs, "idx") && (string_equal(source, "idx") || string_equal(source, "npy"));
    if (files || string_equal(needs, source)) return true;
    const char *word = e->kind == AST_LIST ? "a list" : string_format(k->r->arena, "`%s`", e->base->name);
    return refuse(k->r, READER_SOURCE, e->span, word, source);
}

static void list_shape(const Node *row, ListShape *shape) {
    for (; row->kind == AST_LIST && row->count && shape->rank < MAX_RANK - 1; row = row->items[0])
        shape->dims[shape->rank++] = row->count;
}

// A reader has the shape of its field; in an equation with indices, which gives the field its shape, what its
// text says: a column is one number.
static bool reader_shape(Maker *k, const Node *e, const Column *c, ListShape *shape) {
    *shape = (ListShape){.rank = 0};
    if (!k->indexed) {
        shape->rank = k->f->rank;
        memcpy(shape->dims, k->f->dims, sizeof k->f->dims);
    } else if (node_calls(e, "columns")) {
        shape->dims[shape->rank++] = c->elements;
    } else if (e->kind == AST_LIST) {
        list_shape(e->items[0], shape);
    }
    int64_t elements = 1;
    for (int i = 0; i < shape->rank; i++) elements *= shape->dims[i];
    if (elements == c->elements) return true;
    if (!k->indexed) {
        report_elements(k, e, c->elements);
        return false;
    }
    return refuse(k->r, TABLE_ROW, e->span, (long long)c->elements, (long long)elements);
}

// The raw tensor of a reader; NULL after a message.
Tensor *reader_column(Maker *k, const Node *e, const char *equals, const Node *limit) {
    Column c = {.part = k->part,
                .kind = equals ? COLUMN_TEXT_EQUALS : COLUMN_NUMBER,
                .field = k->field,
                .equals = equals,
                .elements = 1,
                .span = e->span};
    bool (*fill)(Maker *, const Node *, Column *) = e->kind == AST_LIST        ? fill_table
                                                    : node_calls(e, "column")  ? fill_column
                                                    : node_calls(e, "columns") ? fill_columns
                                                                               : fill_file;
    ListShape shape;
    if (!fits_source(k, e) || !fill(k, e, &c) || !reader_shape(k, e, &c, &shape)) {
        k->wrong = true;
        return NULL;
    }
    c.file = c.file ? c.file : k->r->m->data.file;
    c.limit = limit ? k->f->limit : 0;
    if (c.limit && e->kind == AST_LIST && !within_limit(k, e, &c)) return NULL;
    c.is_class = limit && k->f->is_class;
    c.tensor = block_tensor(
        k, prepare_name(k, string_format(k->r->arena, "%s.raw_%d", k->f->name, ++k->columns)), &shape);
    vec_push(k->r->arena, &k->r->m->data.columns, c);
    return c.tensor;
}
