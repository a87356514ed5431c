// The functions that make fields of raw columns, a block of rows at a time, in double.
// A reader (column, file, a table's list ...) becomes a raw tensor [block, ...] of the field's shape under a
// name of its own; what is left is an expression like any other.
#include "sema/run.h"
#include "sema/values.h"

#include <math.h>
#include <string.h>

// One field in one part.
typedef struct {
    Run *r;
    Elaborator *el;
    Env *env;
    int part, field;
    const Field *f;
    int64_t *rows;      // of this part's lists so far: 0 before the first, -1 after a message
    const Node *whole;  // of an integer: the expression that must be whole and below the limit
    int columns, parts; // raw tensors and names made for this field
    bool wrong;
} Maker;

static bool is_call(const Node *e, const char *name) {
    return e && e->kind == AST_CALL && e->base->kind == AST_NAME && string_equal(e->base->name, name);
}

static int64_t elements_of(const Field *f) {
    int64_t n = 1;
    for (int i = 0; i < f->rank; i++) n *= f->dims[i];
    return n;
}

static Tensor *block_tensor(Maker *k, const char *name, TensorKind kind, Type type) {
    int64_t dims[MAX_RANK] = {PREPARE_BLOCK};
    memcpy(dims + 1, k->f->dims, sizeof(int64_t) * (size_t)k->f->rank);
    Tensor *t = tensor_add(k->r->p, name, kind, type, k->f->rank + 1, dims);
    t->batch_dims = 1;
    Origin *origin = arena_new(k->r->arena, Origin);
    origin->span = k->f->span;
    t->origin = origin;
    return t;
}

static const char *part_name(const Maker *k, const char *name) {
    static const char *const parts[PARTS] = {"", "test.", "validation."};
    return string_format(k->r->arena, "data.%s%s", parts[k->part], name);
}

// ---- raw columns ----

static void report_elements(Maker *k, const Node *e, int64_t found) {
    Diagnostic *d = diagnose(k->r->ctx, FIELD_ELEMENTS, e->span, (long long)found, k->f->name,
                             (long long)elements_of(k->f));
    diagnostic_note(k->r->ctx, d, k->f->span, "its shape is given here");
    k->wrong = true;
}

static bool read_index(Maker *k, const Node *e, int64_t *value) {
    if (!elaborate_integer(k->el, k->env, e, "a column's number", value)) return false;
    if (*value >= 0 && *value <= INT32_MAX) return true;
    diagnose(k->r->ctx, SETTING_RANGE, e->span, "a column's number", 0LL, (long long)INT32_MAX);
    return false;
}

static bool fill_column(Maker *k, const Node *e, Column *c) {
    const Node *a = e->items[0]->kind == AST_NAMED ? e->items[0]->value : e->items[0];
    if (a->kind == AST_TEXT) {
        c->name = a->name;
        if (!k->r->m->data.header) {
            diagnose(k->r->ctx, COLUMN_HEADER, a->span);
            return false;
        }
        return true;
    }
    if (!read_index(k, a, &c->first)) return false;
    c->last = c->first;
    return true;
}

static bool fill_columns(Maker *k, const Node *e, Column *c) {
    const Node *a = e->items[0]->kind == AST_NAMED ? e->items[0]->value : e->items[0];
    if (a->kind != AST_RANGE) {
        diagnose(k->r->ctx, WORD_EXPECTED, a->span, "a range, `columns(0 .. 3)`");
        return false;
    }
    if (!read_index(k, a->left, &c->first) || !read_index(k, a->right, &c->last)) return false;
    if (c->last >= c->first) {
        c->elements = c->last - c->first + 1;
        return true;
    }
    diagnose(k->r->ctx, COLUMN_RANGE, a->span, (long long)c->first, (long long)c->last);
    return false;
}

static bool fill_file(Maker *k, const Node *e, Column *c) {
    const Node *a = e->items[0]->kind == AST_NAMED ? e->items[0]->value : e->items[0];
    if (a->kind != AST_TEXT) {
        diagnose(k->r->ctx, WORD_EXPECTED, a->span, "the name of a file, in quotes");
        return false;
    }
    c->kind = COLUMN_FILE;
    c->file = a->name;
    c->is_whole = is_call(e, "whole");
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
    if (e->count == 0) {
        diagnose(r->ctx, TABLE_EMPTY, e->span);
        return false;
    }
    for (int i = 0; i < e->count; i++) {
        int before = t.values.count;
        read_cells(&t, e->items[i]);
        int64_t cells = t.values.count - before;
        if (i && cells != t.per_row) {
            diagnose(r->ctx, TABLE_ROW, e->items[i]->span, (long long)cells, (long long)t.per_row);
            return false;
        }
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

static const char *source_of_reader(const Node *e) {
    if (e->kind == AST_LIST) return "table";
    if (is_call(e, "column") || is_call(e, "columns")) return "csv";
    return is_call(e, "file") || is_call(e, "whole") ? "idx" : NULL;
}

static bool fits_source(Maker *k, const Node *e) {
    const char *needs = source_of_reader(e), *source = k->r->m->data.source;
    bool files = string_equal(needs, "idx") && (string_equal(source, "idx") || string_equal(source, "npy"));
    if (files || string_equal(needs, source)) return true;
    const char *word = e->kind == AST_LIST ? "a list" : string_format(k->r->arena, "`%s`", e->base->name);
    diagnose(k->r->ctx, READER_SOURCE, e->span, word, source);
    return false;
}

// The raw tensor of a reader; its name, or NULL after a message.
static Tensor *raw_column(Maker *k, const Node *e, const char *equals, const Node *limit) {
    Column c = {.part = k->part,
                .kind = equals ? COLUMN_TEXT_EQUALS : COLUMN_NUMBER,
                .field = k->field,
                .equals = equals,
                .elements = 1,
                .span = e->span};
    bool ok = fits_source(k, e);
    if (ok && is_call(e, "column"))
        ok = fill_column(k, e, &c);
    else if (ok && is_call(e, "columns"))
        ok = fill_columns(k, e, &c);
    else if (ok && e->kind == AST_LIST)
        ok = fill_table(k, e, &c);
    else if (ok)
        ok = fill_file(k, e, &c);
    if (!ok) {
        k->wrong = true;
        return NULL;
    }
    if (c.elements != elements_of(k->f)) {
        report_elements(k, e, c.elements);
        return NULL;
    }
    c.file = c.file ? c.file : k->r->m->data.file;
    c.limit = limit ? k->f->limit : 0;
    if (c.limit && e->kind == AST_LIST && !within_limit(k, e, &c)) return NULL;
    c.is_class = limit && k->f->is_class;
    c.tensor =
        block_tensor(k, part_name(k, string_format(k->r->arena, "%s.raw_%d", k->f->name, ++k->columns)),
                     TENSOR_INPUT, TYPE_DOUBLE);
    vec_push(k->r->arena, &k->r->m->data.columns, c);
    return c.tensor;
}

// ---- statistics ----

// data.FIELD.mean: kept with the weights; `first` before there are data.
static Tensor *statistic_state(Maker *k, const char *what, double first) {
    Run *r = k->r;
    const char *name = string_format(r->arena, "data.%s.%s", k->f->name, what);
    Tensor *t = tensor_find(r->p, name);
    if (t) return t;
    t = tensor_add(r->p, name, TENSOR_STATE, TYPE_REAL, k->f->rank, k->f->dims);
    const Affine *out[MAX_RANK];
    for (int d = 0; d < t->rank; d++) out[d] = affine_index(r->p, index_add(r->p, "i", t->dims[d], false));
    Origin *origin = arena_new(r->arena, Origin);
    origin->span = k->f->span;
    t->origin = origin;
    Tensor *value = tensor_add(r->p, string_format(r->arena, "%s.initial", name), TENSOR_TEMP, TYPE_REAL,
                               t->rank, t->dims);
    equation_add(r->p, r->session->initial, value, out, REDUCE_NONE, NULL, 0, expr_const(r->p, first),
                 origin);
    vec_push(r->arena, &r->session->initial->effects, (Effect){t, value});
    return t;
}

static void add_missing_mean(Maker *k, Tensor *raw) {
    DataBlock *d = &k->r->m->data;
    if (k->part || k->f->type == TYPE_INT || d->missing != NN_MISSING_BY_MEAN ||
        d->columns.data[d->columns.count - 1].kind != COLUMN_NUMBER)
        return;
    const char *what = k->columns > 1 ? string_format(k->r->arena, "missing_%d", k->columns) : "missing";
    Statistic s = {.kind = STATISTIC_MISSING_MEAN,
                   .field = k->field,
                   .column = d->columns.count - 1,
                   .of = {raw, NULL, NULL}};
    s.into[0] = statistic_state(k, what, 0);
    vec_push(k->r->arena, &d->statistics, s);
}

// (x - low) / (high - low), or (x - mean) / deviation; a range or deviation of 0 counts as 1.
static SemaValue scaled(Maker *k, Tensor *of, Tensor *low, Tensor *high, bool minmax) {
    Program *p = k->r->p;
    Array a = {.rank = of->rank};
    const Affine *forms[MAX_RANK];
    for (int d = 0; d < of->rank; d++) {
        a.dims[d] = (Dim){of->dims[d], d == 0};
        a.indices[d] = index_add(p, d ? "i" : "n", of->dims[d], d == 0);
        forms[d] = affine_index(p, a.indices[d]);
    }
    const Expr *x = expr_read(p, of, forms, NULL), *l = expr_read(p, low, forms + 1, NULL),
               *h = expr_read(p, high, forms + 1, NULL);
    const Expr *width = minmax ? expr_sub(p, h, l) : h, *zero = expr_const(p, 0);
    const Expr *by = expr_select(p, expr_binary(p, OP_EQ, width, zero), expr_const(p, 1), width);
    a.e = expr_div(p, expr_sub(p, x, l), by);
    return value_array(k->r->session, &a);
}

static void report_shape(Maker *k, const Node *e, SemaValue v) {
    Text found = {.arena = k->r->arena};
    bool tensor = v.kind == SEMA_TENSOR && v.array->rank > 1;
    for (int d = 1; tensor && d < v.array->rank; d++)
        text_add(&found, "%s%lld", d > 1 ? ", " : "[", (long long)v.array->dims[d].size);
    text_put(&found, tensor ? "]" : "one number");
    Diagnostic *d = diagnose(k->r->ctx, FIELD_SHAPE, e->span, text_string(&found), k->f->name);
    diagnostic_note(k->r->ctx, d, k->f->span, "its shape is given here");
}

static SemaValue make_value(Maker *k, const Node *e);

static SemaValue standardized(Maker *k, const Node *e) {
    Run *r = k->r;
    bool minmax = is_call(e, "minmax");
    const Node *inner = e->items[0]->kind == AST_NAMED ? e->items[0]->value : e->items[0];
    SemaValue v = make_value(k, inner);
    if (value_is_error(v)) return v;
    Tensor *of = value_as_tensor(k->el, v, part_name(k, string_format(r->arena, "%s.measured", k->f->name)),
                                 TENSOR_OUTPUT, TYPE_DOUBLE, e->span);
    if (!of) return value_error();
    if (of->rank != k->f->rank + 1) {
        report_shape(k, e, v);
        return value_error();
    }
    vec_push(r->arena, &k->el->function->outputs, of);
    Tensor *low = statistic_state(k, minmax ? "low" : "mean", 0),
           *high = statistic_state(k, minmax ? "high" : "deviation", 1);
    if (k->part == 0) {
        Statistic s = {
            .kind = minmax ? STATISTIC_MINMAX : STATISTIC_STANDARDIZE, .field = k->field, .column = -1};
        s.of[0] = of, s.into[0] = low, s.into[1] = high;
        vec_push(r->arena, &r->m->data.statistics, s);
    }
    return scaled(k, of, low, high, minmax);
}

// ---- expressions ----

static const Node *bind(Maker *k, SemaValue v, Span span) {
    Node *name = name_node(k->r->ctx, string_format(k->r->arena, "%s.part_%d", k->f->name, ++k->parts), span);
    v.span = span;
    env_set(k->env, name->name, v);
    return name;
}

static const Node *replace_reader(void *data, const Node *e) {
    Maker *k = data;
    if (is_call(e, "standardize") || is_call(e, "minmax")) return bind(k, standardized(k, e), e->span);
    bool equality = e->kind == AST_BINARY && (e->op == OPERATOR_EQUAL || e->op == OPERATOR_NOT_EQUAL);
    if (equality && (e->left->kind == AST_TEXT || e->right->kind == AST_TEXT)) {
        const Node *text = e->left->kind == AST_TEXT ? e->left : e->right,
                   *column = text == e->left ? e->right : e->left;
        if (!is_call(column, "column")) {
            diagnose(k->r->ctx, TEXT_COMPARED, text->span);
            return bind(k, value_error(), e->span);
        }
        Tensor *raw = raw_column(k, column, text->name, NULL);
        if (!raw) return bind(k, value_error(), e->span);
        Node *zero = node_new(k->r->ctx, AST_NUMBER, e->span),
             *test = node_new(k->r->ctx, AST_BINARY, e->span);
        zero->integral = true;
        test->op = e->op == OPERATOR_EQUAL ? OPERATOR_NOT_EQUAL : OPERATOR_EQUAL;
        test->left = (Node *)bind(k, value_tensor(k->r->session, raw), column->span);
        test->right = zero;
        return test;
    }
    if (!source_of_reader(e)) return e;
    const Node *limit = e == k->whole ? e : NULL;
    Tensor *raw = raw_column(k, e, NULL, limit);
    if (!raw) return bind(k, value_error(), e->span);
    add_missing_mean(k, raw);
    return bind(k, value_tensor(k->r->session, raw), e->span);
}

// A number for every element of the field: a draw is made for each.
static SemaValue spread(Maker *k, SemaValue v, Span span) {
    if (v.kind == SEMA_CLOSURE) v = value_first(force_closure(k->el, v));
    const Expr *e = value_is_error(v) ? NULL : value_as_scalar(k->el, v, span);
    if (!e) return value_error();
    Array a = {.rank = k->f->rank + 1, .e = e};
    for (int d = 0; d < a.rank; d++) {
        a.dims[d] = d ? (Dim){k->f->dims[d - 1], false} : (Dim){PREPARE_BLOCK, true};
        a.indices[d] = index_add(k->r->p, d ? "i" : "n", a.dims[d].size, d == 0);
    }
    return value_array(k->r->session, &a);
}

static SemaValue make_value(Maker *k, const Node *e) {
    int errors = k->r->ctx->errors;
    const Node *tree = node_rewrite(k->r->ctx, e, replace_reader, k);
    if (k->r->ctx->errors > errors || k->wrong) return value_error();
    SemaValue v = value_first(elaborate_expression(k->el, k->env, tree));
    if (v.kind == SEMA_ERROR || v.kind == SEMA_TENSOR) return v;
    return spread(k, v, e->span);
}

// ---- one field ----

static bool same_shape(const Maker *k, SemaValue v) {
    if (v.kind != SEMA_TENSOR || v.array->rank != k->f->rank + 1) return false;
    for (int d = 0; d < k->f->rank; d++)
        if (v.array->dims[d + 1].size != k->f->dims[d]) return false;
    return true;
}

// A double that the runtime has checked, or will check, to be whole and below its limit.
static SemaValue to_integer(Maker *k, SemaValue v) {
    Array a = *v.array;
    if (a.e->type != TYPE_INT) a.e = expr_unary(k->r->p, OP_FLOOR, a.e);
    return value_array(k->r->session, &a);
}

static const char *type_phrase(Arena *arena, const Field *f) {
    if (f->type == TYPE_BOOL) return "a condition";
    if (f->type != TYPE_INT) return "numbers";
    return string_format(arena, "`%s(..., %lld)`", f->is_class ? "class" : "int", (long long)f->limit);
}

// A part gives a field as the block does: the same word, and as many classes.
static bool same_type(const Maker *k, const Node *e) {
    const Field *f = k->f;
    Field own = {.name = f->name};
    if (!data_read_type(k->r, e, &own)) return false;
    if (own.type == f->type && own.is_class == f->is_class && own.limit == f->limit) return true;
    Diagnostic *d = diagnose(k->r->ctx, PART_TYPE, e->span, f->name, type_phrase(k->r->arena, &own), type_phrase(k->r->arena, f));
    diagnostic_note(k->r->ctx, d, f->span, "the field stands here");
    return false;
}

static void make_field(Maker *k, const Node *s) {
    Run *r = k->r;
    Field *f = &r->m->data.fields.data[k->field];
    const Node *e = s->assigned;
    if (k->part && !same_type(k, e)) return;
    if (f->type == TYPE_INT)
        k->whole = e = call_argument(e, builtin_find(e->base->name, 1u << GROUP_READER), "x");
    SemaValue v = make_value(k, e);
    if (value_is_error(v)) return;
    if (!same_shape(k, v)) {
        report_shape(k, e, v);
        return;
    }
    // What is calculated may not be whole: the runtime looks at the double itself.
    Type type = f->type == TYPE_INT && !source_of_reader(e) && v.array->e->type != TYPE_INT ? TYPE_DOUBLE : (Type)f->type;
    if (type == TYPE_INT) v = to_integer(k, v);
    Tensor *t = value_as_tensor(k->el, v, part_name(k, f->name), TENSOR_OUTPUT, type, e->span);
    if (!t) return;
    if (type == TYPE_INT) t->bounded = true, t->low = 0, t->high = f->limit - 1;
    f->prepared[k->part] = t;
    vec_push(r->arena, &k->el->function->outputs, t);
}

// A field has no batch dimension: what is reduced or read across the rows of a block would depend on the blocks.
static bool mixes_rows(const Equation *q) {
    for (int i = 0; i < q->index_count; i++)
        if (q->indices[i]->batch) return true;
    return false;
}

static void check_rows(Maker *k, const Node *s, int first) {
    for (int i = first; i < k->el->function->equations.count; i++) {
        if (!mixes_rows(k->el->function->equations.data[i])) continue;
        diagnose(k->r->ctx, FIELD_MIXES_ROWS, s->assigned->span, k->f->name);
        return;
    }
}

static const char *assigned_name(const Node *s) {
    return (s->target->kind == AST_INDEX ? s->target->base : s->target)->name;
}

static const Node *field_line(const Node *block, const char *name) {
    for (int i = 0; i < block->count; i++) {
        const Node *s = block->items[i];
        bool setting = s->kind == AST_ASSIGN && s->target->kind == AST_NAME &&
                       (string_equal(s->target->name, "split") || string_equal(s->target->name, "order"));
        if (s->kind == AST_ASSIGN && !setting && string_equal(assigned_name(s), name)) return s;
    }
    return NULL;
}

static void make_part(Run *r, const Node *block, int part, FunctionKind kind, const char *name) {
    Function *f = function_add(r->p, kind, name);
    Elaborator *el = elaborator_create(r->session, f, false);
    Env *env = env_create(el, block->span, "data");
    int64_t rows = 0;
    for (int i = 0; i < r->m->data.fields.count; i++) {
        const Field *field = &r->m->data.fields.data[i];
        if (field->rank < 0) continue;
        const Node *s = field_line(block, field->name);
        if (!s) {
            diagnose(r->ctx, PART_FIELD, block->span, part == 1 ? "test" : "validation", field->name);
            continue;
        }
        Maker k = {.r = r, .el = el, .env = env, .part = part, .field = i, .f = field, .rows = &rows};
        int errors = r->ctx->errors, first = el->function->equations.count;
        make_field(&k, s);
        if (r->ctx->errors == errors) check_rows(&k, s, first);
        if (r->ctx->errors > errors) r->m->data.fields.data[i].rank = -1;
        if (field->prepared[part]) env_set(env, field->name, value_tensor(r->session, field->prepared[part]));
    }
    elaborator_finish(el);
}

bool data_prepare(Run *r) {
    int errors = r->ctx->errors;
    const Node *block = r->data->block;
    make_part(r, block, 0, FUNCTION_PREPARE, "prepare");
    for (int i = 0; i < block->count; i++) {
        const Node *s = block->items[i];
        if (s->kind != AST_PART) continue;
        bool test = string_equal(s->name, "test");
        make_part(r, s->block, test ? 1 : 2, test ? FUNCTION_PREPARE_TEST : FUNCTION_PREPARE_VALIDATION,
                  test ? "prepare_test" : "prepare_validation");
    }
    return r->ctx->errors == errors;
}
