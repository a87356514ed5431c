// The functions that make fields of raw columns, a block of rows at a time, in double: a field is rounded
// once, when it is stored. (What is drawn and reads nothing has the precision of the program's draws.) A
// field is written for one row: readers (column, file, a table's list ...) and other fields are tensors of
// one sample, each a read of a tensor [block, ...] at the one index of the row, which nothing in the text can
// name. So nothing reaches from row to row, and what is left is an expression or an equation like any other.
#include "sema/prepare.h"

#include <math.h>
#include <string.h>

// ---- one row of a block ----

// The array over a sample's dimensions, without an element yet; `forms` gets the row and them.
static Array sample_array(const Maker *k, const int64_t *dims, int rank, const Affine **forms) {
    Array a = {.rank = rank};
    forms[0] = affine_index(k->r->p, k->el->row);
    for (int d = 0; d < rank; d++) {
        a.dims[d] = (Dim){dims[d], false};
        a.indices[d] = index_add(k->r->p, dimension_name(d), dims[d], false);
        forms[d + 1] = affine_index(k->r->p, a.indices[d]);
    }
    return a;
}

// A tensor of a block as one sample.
static SemaValue sample_value(const Maker *k, Tensor *t) {
    const Affine *forms[MAX_RANK];
    Array a = sample_array(k, t->dims + 1, t->rank - 1, forms);
    a.e = expr_read(k->r->p, t, forms, t->origin);
    return value_array(k->r->session, &a);
}

// A sample as a tensor of a block; NULL after a message.
static Tensor *block_store(Maker *k, SemaValue v, const char *name, TensorKind kind, Type type, Span span) {
    Array a = {.rank = 1, .dims = {{DRAW_ROWS, true}}, .indices = {k->el->row}};
    bool tensor = v.kind == SEMA_TENSOR;
    a.e = tensor ? v.array->e : value_expr(k->el, v, v.type == TYPE_REAL);
    for (int d = 0; tensor && d < v.array->rank; d++) {
        a.dims[a.rank] = v.array->dims[d];
        a.indices[a.rank++] = v.array->indices[d];
    }
    return value_as_tensor(k->el, value_array(k->r->session, &a), name, kind, (int)type, span);
}

static Tensor *block_output(Maker *k, SemaValue v, const char *name, Type type, Span span) {
    Tensor *t = block_store(k, v, name, TENSOR_OUTPUT, type, span);
    if (t) vec_push(k->r->arena, &k->el->function->outputs, t);
    return t;
}

// ---- statistics ----

// data.FIELD.mean: kept with the weights; `first` before there are data. Of the shape of a sample of `of`;
// NULL where another part made it of another shape.
static Tensor *statistic_state(Maker *k, const char *what, int number, const Tensor *of, double first) {
    Run *r = k->r;
    const char *name =
        string_format(r->arena, number > 1 ? "data.%s.%s_%d" : "data.%s.%s", k->f->name, what, number);
    Tensor *t = tensor_find(r->p, name);
    if (t) {
        bool same =
            t->rank == of->rank - 1 && !memcmp(t->dims, of->dims + 1, sizeof *t->dims * (size_t)t->rank);
        return same ? t : NULL;
    }
    if (k->part) return NULL;
    t = tensor_add(r->p, name, TENSOR_STATE, TYPE_DOUBLE, of->rank - 1, of->dims + 1);
    const Affine *out[MAX_RANK];
    for (int d = 0; d < t->rank; d++) out[d] = affine_index(r->p, index_add(r->p, "i", t->dims[d], false));
    const Origin *origin = t->origin = origin_new(r->arena, k->f->span, NULL, NULL);
    Tensor *value = tensor_add(r->p, string_format(r->arena, "%s.initial", name), TENSOR_TEMP, TYPE_DOUBLE,
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
    Statistic s = {.kind = STATISTIC_MISSING_MEAN,
                   .field = k->field,
                   .column = d->columns.count - 1,
                   .of = {raw, NULL, NULL}};
    s.into[0] = statistic_state(k, "missing", k->columns, raw, 0);
    vec_push(k->r->arena, &d->statistics, s);
}

// What was measured as run.nn scales it.
static SemaValue scaled(Maker *k, Tensor *of, Tensor *low, Tensor *high, bool minmax, Span span) {
    Run *r = k->r;
    const Affine *forms[MAX_RANK];
    Tensor *const tensors[] = {of, low, high};
    SemaValue values[3];
    const char *names[] = {NULL, NULL, NULL};
    Array a = sample_array(k, of->dims + 1, of->rank - 1, forms);
    for (int i = 0; i < 3; i++) {
        a.e = expr_read(r->p, tensors[i], forms + (i > 0), NULL); // a statistic has no rows
        values[i] = value_array(r->session, &a);
    }
    const Node *define = library_private(r->library, DEFINE_FN, minmax ? "_minmax" : "_standardize");
    return value_first(definition_apply(k->el, k->env, define, NULL, (Arguments){values, names, 3}, span));
}

static SemaValue make_value(Maker *k, const Node *e);

static SemaValue standardized(Maker *k, const Node *e) {
    Run *r = k->r;
    bool minmax = node_calls(e, "minmax");
    SemaValue v = make_value(k, argument_node(e->items[0]));
    if (value_is_error(v)) return v;
    Tensor *of = block_output(k, v, prepare_name(k, string_format(r->arena, "%s.measured", k->f->name)),
                              TYPE_DOUBLE, e->span);
    if (!of) return value_error();
    int number = ++k->scales;
    Tensor *low = statistic_state(k, minmax ? "low" : "mean", number, of, 0),
           *high = statistic_state(k, minmax ? "high" : "deviation", number, of, 1);
    if (!low || !high) {
        Diagnostic *d = diagnose(r->ctx, PART_STATISTIC, e->span, e->base->name, k->f->name);
        diagnostic_note(r->ctx, d, r->m->data.fields.data[k->field].span, "the field stands here");
        return value_error();
    }
    if (k->part == 0) {
        Statistic s = {
            .kind = minmax ? STATISTIC_MINMAX : STATISTIC_STANDARDIZE, .field = k->field, .column = -1};
        s.of[0] = of, s.into[0] = low, s.into[1] = high;
        vec_push(r->arena, &r->m->data.statistics, s);
    }
    return scaled(k, of, low, high, minmax, e->span);
}

// ---- expressions ----

static const Node *bind(Maker *k, SemaValue v, Span span) {
    const char *name = string_format(k->r->arena, "%s.part_%d", k->f->name, ++k->parts);
    v.span = span;
    return bound_node(k->r, k->env, name, v, span);
}

// The value of a reader, of a statistic, or of a column compared with a text; absent: it is none of these.
static SemaValue value_of_reader(Maker *k, const Node *e) {
    bool statistic = node_calls(e, "standardize") || node_calls(e, "minmax");
    bool compared = e->kind == AST_BINARY && (e->op == OPERATOR_EQUAL || e->op == OPERATOR_NOT_EQUAL) &&
                    (e->left->kind == AST_TEXT || e->right->kind == AST_TEXT);
    if (!statistic && !compared && !reader_source(e)) return value_absent(e->span);
    if (statistic) return standardized(k, e);
    if (!compared) {
        Tensor *raw = reader_column(k, e, NULL, e == k->whole ? e : NULL);
        if (!raw) return value_error();
        add_missing_mean(k, raw);
        return sample_value(k, raw);
    }
    const Node *text = e->left->kind == AST_TEXT ? e->left : e->right,
               *column = text == e->left ? e->right : e->left;
    if (!node_calls(column, "column")) {
        diagnose(k->r->ctx, TEXT_COMPARED, text->span);
        return value_error();
    }
    Tensor *raw = reader_column(k, column, text->name, NULL);
    if (!raw) return value_error();
    Operator op = e->op == OPERATOR_EQUAL ? OPERATOR_NOT_EQUAL : OPERATOR_EQUAL;
    return value_join(k->el, k->env, op, sample_value(k, raw), value_number(0, true), e->span);
}

static const Node *replace_reader(void *data, const Node *e) {
    SemaValue v = value_of_reader(data, e);
    return v.kind == SEMA_ABSENT ? e : bind(data, v, e->span);
}

// A number for every element of the field: a draw is made for each.
static SemaValue spread(Maker *k, SemaValue v, Span span) {
    if (v.kind == SEMA_CLOSURE) v = value_first(force_closure(k->el, v));
    const Expr *e = value_is_error(v) ? NULL : value_as_scalar(k->el, v, span);
    if (!e) return value_error();
    const Affine *forms[MAX_RANK];
    Array a = sample_array(k, k->f->dims, k->f->rank, forms);
    a.e = e;
    return value_array(k->r->session, &a);
}

static const Node *replace_readers(Maker *k, const Node *e) {
    int errors = k->r->ctx->errors;
    const Node *tree = node_rewrite(k->r->ctx, e, replace_reader, k);
    return k->r->ctx->errors > errors || k->wrong ? NULL : tree;
}

static SemaValue make_value(Maker *k, const Node *e) {
    const Node *tree = replace_readers(k, e);
    if (!tree) return value_error();
    SemaValue v = value_first(elaborate_expression(k->el, k->env, tree));
    if (v.kind == SEMA_ERROR || v.kind == SEMA_TENSOR) return v;
    return k->indexed ? v : spread(k, v, e->span);
}

// z[i] = ...: an equation as in any block.
static SemaValue make_equation(Maker *k, const Node *s, const Node *e) {
    const Node *tree = replace_readers(k, e);
    if (!tree) return value_error();
    Node *line = node_new(k->r->ctx, AST_ASSIGN, s->span);
    line->target = s->target;
    line->assigned = (Node *)(uintptr_t)tree;
    line->op = OPERATOR_SET;
    return value_first(elaborate_statement(k->el, env_inner(k->env), line));
}

// ---- one field ----

// An equation gives the field its shape. False after a message.
static bool take_shape(Maker *k, const Node *e, SemaValue v) {
    Field *f = &k->r->m->data.fields.data[k->field], own = {.name = f->name};
    bool tensor = v.kind == SEMA_TENSOR;
    int64_t elements = 1;
    bool small = true;
    for (own.rank = 0; tensor && own.rank < v.array->rank; own.rank++) {
        own.dims[own.rank] = v.array->dims[own.rank].size;
        small = small && !__builtin_mul_overflow(elements, own.dims[own.rank], &elements) &&
                elements <= INT32_MAX;
    }
    if (!small)
        return refuse(k->r, TENSOR_TOO_LARGE, e->span, dims_text(k->el, v.array->dims, v.array->rank));
    if (k->indexed && !k->part) memcpy(f->dims, own.dims, sizeof f->dims);
    return true;
}

static SemaValue with_element(const Maker *k, SemaValue v, const Expr *e) {
    Array a = {.rank = 0};
    if (v.kind == SEMA_TENSOR) a = *v.array;
    a.e = e;
    return value_array(k->r->session, &a);
}

// A double that the runtime has checked, or will check, to be whole and below its limit.
static const Expr *to_integer(const Maker *k, const Expr *e) {
    return e->type == TYPE_INT ? e : expr_unary(k->r->p, OP_FLOOR, e);
}

// What other fields see: numbers as doubles, not yet rounded; integers within their limit, as they may index
// before the runtime has checked them.
static SemaValue seen_value(Maker *k, SemaValue v, const Expr *e, Span span) {
    Program *p = k->r->p;
    bool whole = k->f->type == TYPE_INT;
    int64_t high = k->f->limit - 1;
    if (whole && e->type == TYPE_INT) {
        e = expr_binary(p, OP_MIN, expr_binary(p, OP_MAX, e, expr_int(p, 0)), expr_int(p, high));
    } else if (whole) {
        const Expr *zero = expr_const(p, 0), *most = expr_const(p, (double)high);
        const Expr *below = expr_select(p, expr_binary(p, OP_LT, e, most), e, most);
        e = expr_unary(p, OP_FLOOR, expr_select(p, expr_binary(p, OP_LT, zero, e), below, zero));
    }
    const char *name = prepare_name(k, string_format(k->r->arena, "%s.seen", k->f->name));
    Tensor *t =
        block_store(k, with_element(k, v, e), name, TENSOR_TEMP, whole ? TYPE_INT : TYPE_DOUBLE, span);
    if (!t) return value_error();
    if (whole) t->bounded = true, t->low = 0, t->high = high;
    return sample_value(k, t);
}

static void make_field(Maker *k) {
    Field *f = &k->r->m->data.fields.data[k->field];
    const Node *s = k->line, *e = s->assigned;
    k->indexed = phrase_of(s)->binders > 0;
    if (f->type == TYPE_INT) k->whole = e = call_argument(e, "x");
    SemaValue v = k->indexed ? make_equation(k, s, e) : make_value(k, e);
    if (value_is_error(v) || !take_shape(k, e, v)) return;
    const Expr *element = v.kind == SEMA_TENSOR ? v.array->e : value_expr(k->el, v, f->type == TYPE_REAL);
    // What is calculated may not be whole: the runtime looks at the double itself.
    bool whole = f->type == TYPE_INT && (reader_source(e) || element->type == TYPE_INT);
    Type type = f->type == TYPE_INT && !whole ? TYPE_DOUBLE : (Type)f->type;
    SemaValue out = whole ? with_element(k, v, to_integer(k, element)) : v;
    // Raw columns are doubles, and what reads doubles is calculated in double and rounded by the function
    // itself. What is made of draws and other fields alone stays a double until the runtime stores it.
    bool real = type == TYPE_REAL && element->read_count, rounded = real && k->columns > 0;
    Tensor *t =
        block_output(k, out, prepare_name(k, f->name), real && !rounded ? TYPE_DOUBLE : type, e->span);
    if (!t) return;
    if (whole) t->bounded = true, t->low = 0, t->high = f->limit - 1;
    f->prepared[k->part] = t;
    bool apart = f->type == TYPE_INT || rounded;
    env_set(k->env, f->name, apart ? seen_value(k, v, element, e->span) : sample_value(k, t));
}

// Marks what the marked tensors are made of.
static void mark_read(const Function *f, bool *needed) {
    for (int i = f->equations.count - 1; i >= 0; i--) {
        const Equation *q = f->equations.data[i];
        for (int k = 0; needed[q->tensor->id] && k < q->e->read_count; k++)
            needed[q->e->reads[k]->tensor->id] = true;
    }
}

// The rows of each part are known before the statistics of one are.
static void check_stratify(Run *r, const Function *f) {
    const DataBlock *d = &r->m->data;
    const Field *field = d->stratify >= 0 ? &d->fields.data[d->stratify] : NULL;
    if (!field || !field->prepared[0]) return;
    bool *needed = arena_array(r->arena, bool, r->p->tensors.count + 1), statistic = false;
    needed[field->prepared[0]->id] = true;
    mark_read(f, needed);
    for (int i = 0; i < r->p->tensors.count; i++)
        statistic |= needed[i] && r->p->tensors.data[i]->kind == TENSOR_STATE;
    if (statistic) diagnose(r->ctx, STRATIFY_STATISTIC, field->span, field->name);
}

// Which raw columns the model's inputs are made of, also by way of other fields: a prediction reads these
// alone.
static void mark_inputs(Run *r, const Function *f, int part) {
    bool *needed = arena_array(r->arena, bool, r->p->tensors.count + 1);
    for (int i = 0; i < r->m->data.fields.count; i++) {
        const Field *field = &r->m->data.fields.data[i];
        if (field->in_model >= 0 && field->prepared[part]) needed[field->prepared[part]->id] = true;
    }
    mark_read(f, needed);
    for (int i = 0; i < r->m->data.columns.count; i++) {
        Column *c = &r->m->data.columns.data[i];
        if (c->part == part) c->for_input = needed[c->tensor->id];
    }
}

// Fields are made in the order of the part's own text.
typedef struct {
    Function *f;
    const Index *row;
} Part;

static Part make_part(Run *r, const Node *block, int part, FunctionKind kind, const char *name) {
    Function *f = function_add(r->p, kind, name);
    Elaborator *el = elaborator_create(r->session, f, false);
    Env *env = env_create(el, block->span, "data");
    int64_t rows = 0;
    Index *row = index_add(r->p, "row", DRAW_ROWS, true);
    el->row = row;
    el->first_row = r->m->data.first_row[part] =
        tensor_add(r->p, string_format(r->arena, "%s.first_row", name), TENSOR_INPUT, TYPE_INT, 0, NULL);
    el->first_row->bounded = true, el->first_row->high = DRAW_ROWS - 1;
    for (int i = 0; i < block->count; i++) {
        Field *field = data_field_of(r, block->items[i]);
        if (!field) continue;
        Maker k = {
            .r = r, .el = el, .env = env, .part = part, .f = field, .rows = &rows, .line = block->items[i]};
        int errors = r->ctx->errors;
        k.field = (int)(field - r->m->data.fields.data);
        if (field->rank >= 0) make_field(&k);
        if (r->ctx->errors > errors) field->rank = -1;
        if (field->rank < 0) env_set(env, field->name, value_error());
    }
    elaborator_finish(el);
    mark_inputs(r, f, part);
    if (part == 0) check_stratify(r, f);
    return (Part){f, row};
}

// The bounds in a node are those that an index had when it was made: each part gets another one in its place.
static void resize_rows(Program *p, const Part *part, int64_t block) {
    Index *row = arena_new(p->arena, Index);
    *row = *part->row;
    row->size = block;
    Binding binding = {part->row, affine_index(p, row)};
    for (int i = 0; i < part->f->equations.count; i++) {
        Equation *q = part->f->equations.data[i];
        const Affine **out = arena_array(p->arena, const Affine *, q->out_count);
        for (int d = 0; d < q->out_count; d++) out[d] = affine_substitute(p, q->out[d], &binding, 1);
        q->out = out;
        q->e = expr_substitute(p, q->e, &binding, 1);
    }
}

// As many rows a block as fit.
static void fit_blocks(Run *r, int first_tensor, const Part parts[PARTS]) {
    int64_t bytes = 0, *block = &r->m->data.block;
    for (int i = first_tensor; i < r->p->tensors.count; i++) {
        const Tensor *t = r->p->tensors.data[i];
        int64_t n = 1;
        for (int d = 1; d < t->rank && n <= INT32_MAX; d++) n *= t->dims[d];
        bytes += t->batch_dims & 1 ? n * (int64_t)sizeof(double) : 0;
        if (t->kind != TENSOR_TEMP && n > r->m->data.block_row) r->m->data.block_row = n;
    }
    for (*block = DRAW_ROWS; *block > 1 && bytes > BLOCK_BYTES / *block;) *block /= 2;
    for (int i = first_tensor; i < r->p->tensors.count; i++)
        if (r->p->tensors.data[i]->batch_dims & 1) r->p->tensors.data[i]->dims[0] = *block;
    for (int part = 0; part < PARTS && *block < DRAW_ROWS; part++)
        if (parts[part].f) resize_rows(r->p, &parts[part], *block);
}

bool data_prepare(Run *r) {
    int errors = r->ctx->errors, first_tensor = r->p->tensors.count;
    const Node *block = r->data->block;
    Part parts[PARTS] = {make_part(r, block, 0, FUNCTION_PREPARE, "prepare")};
    for (int i = 0; i < block->count; i++) {
        const Node *s = block->items[i];
        if (s->kind != AST_PART) continue;
        bool test = string_equal(s->name, "test");
        parts[test ? 1 : 2] =
            make_part(r, s->block, test ? 1 : 2, test ? FUNCTION_PREPARE_TEST : FUNCTION_PREPARE_VALIDATION,
                      test ? "prepare_test" : "prepare_validation");
    }
    fit_blocks(r, first_tensor, parts);
    return r->ctx->errors == errors;
}
