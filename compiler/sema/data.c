// The data block: fields, the raw columns they are made of, the split (rule 24). nnc opens no data file.
// Guarantees: every field has a known shape and type; prepare functions make it from the raw columns.
#include "sema/run.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

static const Node *field_name(const Node *s) {
    if (s->kind != AST_ASSIGN) return NULL;
    return s->target->kind == AST_INDEX ? s->target->base : s->target;
}

static bool is_setting(const Node *s) {
    const char *name = field_name(s)->name;
    return s->target->kind == AST_NAME && (string_equal(name, "split") || string_equal(name, "order"));
}

Field *data_field(Run *r, const char *name) {
    for (int i = 0; i < r->m->data.fields.count; i++)
        if (string_equal(r->m->data.fields.data[i].name, name)) return &r->m->data.fields.data[i];
    return NULL;
}

Field *data_field_of(Run *r, const Node *line) {
    return line->kind == AST_ASSIGN && !is_setting(line) ? data_field(r, field_name(line)->name) : NULL;
}

// ---- numbers of the block ----

static bool read_integer(Run *r, const Node *e, const char *what, int64_t least, int64_t most,
                         int64_t *value) {
    return run_integer(r, e, what, DIMENSION_NUMBER, least, most, value);
}

// Of the rows, of a split: any whole number, or none.
static bool read_seed(Run *r, const Node *call, int64_t *seed) {
    const Node *e = call_argument(call, "seed");
    return !e || read_integer(r, e, "the seed", INT64_MIN, INT64_MAX, seed);
}

static bool read_number(Run *r, const Node *e, const char *what, double *value) {
    Elaborator *el = elaborator_create(r->session, NULL, false);
    Dimension dimension;
    return elaborate_number(el, env_create(el, e->span, ""), e, what, value, &dimension);
}

// ---- the source ----

// One byte that cannot be part of a cell without quotes.
static bool is_separator(const Node *e) {
    if (e->kind != AST_TEXT || strlen(e->name) != 1) return false;
    char c = e->name[0];
    return (c >= ' ' || c == '\t') && c != 127 && !isalnum((unsigned char)c) && !strchr("\"+-.", c);
}

static bool read_csv(Run *r, const Node *call) {
    DataBlock *d = &r->m->data;
    const Node *header = call_argument(call, "header"), *separator = call_argument(call, "separator"),
               *missing = call_argument(call, "missing");
    if (!run_file(r, call_argument(call, "file"), &d->file)) return false;
    d->header = true;
    if (header && header->kind == AST_BOOL)
        d->header = header->number != 0;
    else if (header)
        diagnose(r->ctx, WORD_EXPECTED, header->span, "`true` or `false`");
    d->separator = ',';
    if (separator && is_separator(separator))
        d->separator = separator->name[0];
    else if (separator)
        diagnose(r->ctx, WORD_EXPECTED, separator->span,
                 "one character in quotes that stands in no number and is no quote and no line's end");
    d->missing = NN_MISSING_ERROR;
    if (missing && missing->kind == AST_NAME && string_equal(missing->name, "mean"))
        d->missing = NN_MISSING_BY_MEAN;
    else if (missing && !(missing->kind == AST_NAME && string_equal(missing->name, "error"))) {
        d->missing = NN_MISSING_VALUE;
        return read_number(r, missing, "what stands for a missing cell", &d->missing_value);
    }
    return true;
}

static bool read_source(Run *r) {
    DataBlock *d = &r->m->data;
    const Node *source = r->data->source, *word = source->kind == AST_CALL ? source->base : source;
    d->name = r->data->name;
    d->source = word->name;
    if (string_equal(d->source, "csv")) return read_csv(r, source);
    if (!string_equal(d->source, "synthetic")) return true;
    return read_integer(r, call_argument(source, "n"), "the number of rows", 1, INT32_MAX, &d->rows) &&
           read_seed(r, source, &d->seed);
}

// The rows of the first list of a table.
static int64_t list_rows(const Node *e) {
    if (!e) return -1;
    if (e->kind == AST_LIST) return e->count;
    int64_t rows = -1;
    for (int i = 0; i < node_children(e) && rows < 0; i++) rows = list_rows(node_child(e, i));
    return rows;
}

int64_t run_table_rows(const Run *r) {
    const Node *source = r->data->source, *word = source->kind == AST_CALL ? source->base : source;
    if (word->kind == AST_NAME && string_equal(word->name, "synthetic") && source->kind == AST_CALL &&
        source->count) {
        Run copy = *r;
        int64_t rows;
        const Node *n = call_argument(source, "n");
        return n && read_integer(&copy, n, "the number of rows", INT64_MIN, INT64_MAX, &rows) ? rows : -1;
    }
    if (word->kind != AST_NAME || !string_equal(word->name, "table")) return -1;
    for (int i = 0; i < r->data->block->count; i++) {
        const Node *s = r->data->block->items[i];
        if (s->kind == AST_ASSIGN && !is_setting(s)) return list_rows(s->assigned);
    }
    return -1;
}

// ---- fields ----

static bool is_condition(const Node *e) {
    if (e->kind == AST_BOOL || (e->kind == AST_UNARY && e->op == OPERATOR_NOT)) return true;
    return e->kind == AST_BINARY && (e->op == OPERATOR_AND || e->op == OPERATOR_OR ||
                                     (operator_precedence(e->op) == operator_precedence(OPERATOR_LESS)));
}

// `class(e, n)` and `int(e, n)`: integers below n; a condition is one below 2.
bool data_read_type(Run *r, const Node *e, Field *f) {
    f->is_class = node_calls(e, "class");
    f->type = f->is_class || node_calls(e, "int") ? TYPE_INT : is_condition(e) ? TYPE_BOOL : TYPE_REAL;
    if (f->type == TYPE_BOOL) f->limit = 2;
    if (f->type != TYPE_INT) return true;
    return read_integer(r, call_argument(e, "n"), f->is_class ? "the number of classes" : "the limit", 1,
                        INT32_MAX, &f->limit);
}

bool data_read_dims(Run *r, const Node *target, Field *f) {
    if (target->kind != AST_INDEX) return true;
    int64_t elements = 1;
    for (int i = 0; i < target->count; i++) {
        const Node *item = target->items[i];
        if (!read_integer(r, item, "a size", 1, INT32_MAX, &f->dims[f->rank])) return false;
        if (__builtin_mul_overflow(elements, f->dims[f->rank++], &elements) || elements > INT32_MAX)
            return refuse(r, SETTING_RANGE, item->span, "a size", 1LL, (long long)INT32_MAX);
    }
    return true;
}

static bool rank_fits(Run *r, const Node *target, const Field *f) {
    if (target->kind != AST_INDEX || target->count < MAX_RANK) return true;
    return refuse(r, FIELD_RANK, target->span, f->name, MAX_RANK - 1);
}

static void declare_field(Run *r, const Node *s) {
    Field f = {.name = field_name(s)->name, .span = s->target->span, .in_model = -1};
    f.text = node_text(r->arena, s->assigned);
    bool indexed = phrase_of(s)->binders > 0; // its equation gives the sizes
    bool ok = rank_fits(r, s->target, &f) && (indexed || data_read_dims(r, s->target, &f)) &&
              data_read_type(r, s->assigned, &f);
    if (indexed) f.rank = s->target->count;
    for (int i = 0; i < r->model->count && r->train->count == 1; i++)
        if (string_equal(r->model->items[i]->name, f.name)) f.in_model = i;
    if (!ok) f.rank = -1;
    vec_push(r->arena, &r->m->data.fields, f);
}

static Tensor *field_tensor(Run *r, Field *f) {
    if (f->input || f->rank < 0) return f->input;
    int64_t dims[MAX_RANK] = {r->p->batch};
    memcpy(dims + 1, f->dims, sizeof(int64_t) * (size_t)f->rank);
    f->input = tensor_add(r->p, f->name, TENSOR_INPUT, f->type, f->rank + 1, dims);
    f->input->batch_dims = 1;
    f->input->origin = origin_new(r->arena, f->span, NULL, NULL);
    if (f->limit) f->input->bounded = true, f->input->high = f->limit - 1;
    return f->input;
}

SemaValue data_field_value(Run *r, const Field *f) {
    Field *own = data_field(r, f->name);
    Tensor *t = field_tensor(r, own);
    if (!t) return value_error();
    SemaValue v = value_tensor(r->session, t);
    v.span = f->span;
    return v;
}

// ---- split ----

static bool read_part(Run *r, const Node *e, const char *what, double *part) {
    if (!e) return true;
    if (!read_number(r, e, what, part)) return false;
    if (*part > 0 && *part < 1) return true;
    Diagnostic *d = diagnose(r->ctx, SPLIT_RANGE, e->span, what);
    diagnostic_help(r->ctx, d, "for example `%s = 20%%`", what);
    return false;
}

static bool read_stratify(Run *r, const Node *e) {
    DataBlock *d = &r->m->data;
    if (!e) return true;
    for (int i = 0; i < d->fields.count; i++) {
        const Field *f = &d->fields.data[i];
        if (e->kind != AST_NAME || !string_equal(f->name, e->name)) continue;
        if ((f->is_class || f->type == TYPE_BOOL) && f->rank <= 0) {
            d->stratify = i;
            return true;
        }
    }
    return refuse(r, STRATIFY_CLASS, e->span);
}

static bool read_split(Run *r, const Node *call) {
    DataBlock *d = &r->m->data;
    const char *word = call->base->name;
    d->split = string_equal(word, "folds")     ? NN_SPLIT_FOLDS
               : string_equal(word, "ordered") ? NN_SPLIT_ORDERED
                                               : NN_SPLIT_RANDOM;
    if (!read_seed(r, call, &d->split_seed) || !read_stratify(r, call_argument(call, "stratify")))
        return false;
    if (d->split == NN_SPLIT_FOLDS)
        return read_integer(r, call_argument(call, "k"), "the number of folds", 2, 1000, &d->folds);
    if (!read_part(r, call_argument(call, "test"), "test", &d->test) ||
        !read_part(r, call_argument(call, "validation"), "validation", &d->validation))
        return false;
    return d->test + d->validation < 1 || refuse(r, SPLIT_RANGE, call->span, "test and validation together");
}

// The first reader or source that is known and not yet compiled.
static const Node *find_later(const Node *e) {
    static const char *const later[] = {"text",        "images", "sounds", "window",  "words",
                                        "count_words", "resize", "pixels", "samples", "folder"};
    if (!e) return NULL;
    for (size_t i = 0; e->kind == AST_NAME && i < sizeof later / sizeof *later; i++)
        if (string_equal(later[i], e->name)) return e;
    const Node *found = NULL;
    for (int i = 0; i < (e->kind == AST_ASSIGN ? 1 : node_children(e)) && !found; i++)
        found = find_later(node_child(e, i)); // of a field what it is made of, not its name
    return found;
}

static const Node *find_order(const Node *block) {
    for (int i = 0; i < block->count; i++)
        if (block->items[i]->kind == AST_ASSIGN && is_setting(block->items[i]) &&
            string_equal(field_name(block->items[i])->name, "order"))
            return block->items[i];
    return NULL;
}

// What is parsed and resolved, and not yet compiled: one message at its place. False then.
bool data_supported(Run *r) {
    const Node *later = find_later(r->data->source), *order = find_order(r->data->block);
    if (!later) later = find_later(r->data->block);
    if (!later) later = order;
    if (!later) return true;
    bool word = later->kind == AST_NAME;
    return refuse(r, NOT_YET, later->span, word ? string_format(r->arena, "`%s`", later->name) : "`order`");
}

// What is in force of the data: the source's defaults and the split.
static void tell(Run *r, const Node *split) {
    const DataBlock *d = &r->m->data;
    run_in_force(r, "data", node_text(r->arena, r->data->source), run_line(r, r->data->source->span));
    static const struct {
        const char *name, *preset;
    } csv[] = {{"header", "true"}, {"separator", "\",\""}, {"missing", "error"}};
    bool of_csv = string_equal(d->source, "csv");
    for (size_t i = 0; of_csv && i < sizeof csv / sizeof *csv; i++)
        if (!call_argument(r->data->source, csv[i].name))
            run_in_force(r, string_format(r->arena, "data.%s", csv[i].name), csv[i].preset, "default");
    run_in_force(r, "data.split", split ? node_text(r->arena, split) : "none",
                 split ? run_line(r, split->span) : "default");
    if (d->split == NN_SPLIT_RANDOM || d->split == NN_SPLIT_FOLDS)
        run_in_force(r, "data.split.seed", string_format(r->arena, "%lld", (long long)d->split_seed),
                     d->split_seed ? run_line(r, split->span) : "default");
}

bool data_declare(Run *r) {
    int errors = r->ctx->errors;
    DataBlock *d = &r->m->data;
    const Node *split = NULL;
    d->stratify = -1;
    d->own_part[0] = true;
    if (!read_source(r)) return false;
    const Node *block = r->data->block;
    for (int i = 0; i < block->count; i++)
        if (block->items[i]->kind == AST_ASSIGN && !is_setting(block->items[i]))
            declare_field(r, block->items[i]);
    for (int i = 0; i < block->count; i++) {
        const Node *s = block->items[i];
        if (s->kind == AST_PART) d->own_part[string_equal(s->name, "test") ? 1 : 2] = true;
        if (s->kind != AST_ASSIGN || !is_setting(s)) continue;
        split = s->assigned;
        read_split(r, split);
    }
    tell(r, split);
    return r->ctx->errors == errors;
}
