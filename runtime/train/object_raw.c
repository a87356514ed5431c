// Raw columns of an object's caller: through the data block's arithmetic, as a trainer's files go, and
// through the model. Needs what lies with a trainer's weights: statistics, and the names of classes.
// Guarantees: the bits are those of the trainer's `predict` on a file with the same cells; nothing of the
// model is changed, and all memory but that of the names is given back.
#include "train/object.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

// ---- names that lie with the weights ----------------------------------------------------------------------

// What came with a file, kept to be written again.
typedef struct Entry {
    struct Entry *next;
    const char *key, *text;
} Entry;

enum { NUMBER_ROOM = 24 };
typedef struct Names {
    nn_context ctx; // all of it lies there
    nn_classes *classes;
    char (
        **numbers)[NUMBER_ROOM]; // of a class field without names: its classes as texts; NULL: not asked for
    Entry *first, **last;
} Names;

// A file's names while they are read; NULL as long as there are none, so that none takes no memory.
typedef struct {
    Object *o;
    Names *names;
    nn_trainer into;
} Reading;

static void end_names(Names *n) {
    nn_context_end(&n->ctx);
    nn_memory_give(n);
}

// NULL: it is said that there is no memory.
static Names *make_names(Object *o) {
    Names *n = nn_memory_take(sizeof *n);
    uint32_t fields = o->trainer.model.manifest->fields_count;
    if (n != NULL) {
        n->last = &n->first;
        n->classes = nn_get(&n->ctx, fields, sizeof *n->classes);
        n->numbers = nn_get(&n->ctx, fields, sizeof *n->numbers);
        if (n->ctx.status == NN_OK) return n;
        end_names(n);
    }
    (void)REFUSE(o, NN_MEMORY, "out of memory: there is none for the names of classes");
    return NULL;
}

static nn_status take_name(void *data, nn_context *ctx, const char *key, nn_json value) {
    Reading *r = data;
    static const char *const kept[] = {"classes.", "words.", "columns", "vocabulary"};
    bool ours = false;
    for (size_t k = 0; k < sizeof kept / sizeof *kept; k++)
        ours = ours || strncmp(key, kept[k], strlen(kept[k])) == 0;
    if (!ours) return NN_OK;
    if (r->names == NULL && (r->names = make_names(r->o)) == NULL) return ctx->status;
    Names *n = r->names;
    size_t length = strlen(key) + 1;
    Entry *e = nn_get(&n->ctx, 1, sizeof *e);
    char *name = nn_get(&n->ctx, length, 1), *text = NULL;
    bool known = e != NULL && name != NULL && nn_names_text(&n->ctx, value, &text);
    if (n->ctx.status != NN_OK) return nn_fail(ctx, n->ctx.status, "%s", n->ctx.message);
    if (!known) return nn_fail(ctx, NN_DATA, "the names that lie with the weights are damaged");
    *e = (Entry){.key = memcpy(name, key, length), .text = text};
    *n->last = e;
    n->last = &e->next;
    r->into.data.classes = n->classes;
    nn_status status = NN_OK;
    if (strncmp(key, *kept, strlen(*kept)) == 0) status = nn_names_take(&r->into, &n->ctx, key, value);
    return status == NN_OK ? NN_OK : nn_fail(ctx, status, "%s", n->ctx.message);
}

static nn_status read_names(Object *o, const char *path, const unsigned char *bytes, uint64_t size,
                            Names **names) {
    Reading r = {.o = o, .into.model = o->trainer.model};
    nn_safetensors_visitor visitor = {.metadata = take_name, .data = &r};
    nn_status status = nn_safetensors_parse(&o->ctx, path, bytes, size, &visitor, NULL);
    if (status != NN_OK && r.names != NULL) end_names(r.names);
    *names = status == NN_OK ? r.names : NULL;
    return status;
}

static void put_names(const Names *n, nn_sink *sink) {
    for (const Entry *e = n->first; e != NULL; e = e->next) nn_store_metadata(sink, e->key, e->text);
}

const NameKeeper nn_object_names = {read_names, put_names, end_names};

// ---- cells of the caller's --------------------------------------------------------------------------------

typedef struct {
    Object *o;
    const void *const *columns;
    int64_t rows;
} Given;

// The argument that has the i-th column of a want, and where in a row of it.
static uint32_t find_argument(const nn_model *m, const nn_csv_want *w, int32_t i, int64_t *cell) {
    const nn_argument *all = NN_TABLE(m, nn_argument, arguments);
    const char *name = w->names == NULL ? NULL : w->names[w->array ? 0 : i];
    int32_t number = w->first + i;
    uint32_t k = 0;
    for (; k + 1 < m->manifest->arguments_count; k++) {
        if (name != NULL
                ? all[k].column != 0 && nn_same(nn_model_text(m, all[k].column), name)
                : all[k].column == 0 && number >= all[k].first && number < all[k].first + all[k].count)
            break;
    }
    *cell = name == NULL ? number - all[k].first : w->array ? i : 0;
    return k;
}

static nn_status give_text(nn_context *ctx, nn_csv *csv, nn_csv_want *w, int32_t i, const char *text) {
    size_t length = text == NULL ? 0 : strlen(text);
    if (length > INT32_MAX)
        return nn_fail(ctx, NN_DATA, "%s: row %lld (counted from 0): a text of more than 2 GB", csv->path,
                       (long long)csv->rows);
    return nn_want_cell(ctx, csv, w, i, &(nn_cell){length == 0 ? "" : text, (uint32_t)length, 0});
}

// A number stands as it is: the signs of the file's texts are none of it.
static nn_status give_number(nn_context *ctx, nn_csv *csv, nn_csv_want *w, int32_t i, double value) {
    if (isfinite(value) && (w->limit <= 0 || nn_below(value, w->limit))) {
        w->values[csv->rows * w->count + i] = value;
        return NN_OK;
    }
    char text[NN_NUMBER_ROOM] = "";
    nn_csv plain = *csv;
    plain.decimal = '.', plain.thousands = 0;
    int length = isnan(value) ? 0 : nn_number_print(text, value, true);
    return nn_want_cell(ctx, &plain, w, i, &(nn_cell){text, (uint32_t)length, 0});
}

static nn_status give_want(nn_context *ctx, const Given *g, nn_csv *csv, nn_csv_want *w) {
    const nn_model *m = &g->o->trainer.model;
    w->columns = nn_get(ctx, (uint64_t)w->count, sizeof *w->columns);
    for (int32_t i = 0; i < w->count && w->columns != NULL; i++) {
        int64_t cell;
        uint32_t k = find_argument(m, w, i, &cell);
        const nn_argument *a = &NN_TABLE(m, nn_argument, arguments)[k];
        w->columns[i] = w->first + i;
        for (csv->rows = 0; csv->rows < g->rows; csv->rows++) {
            int64_t at = csv->rows * a->count + cell;
            if (a->texts != 0)
                give_text(ctx, csv, w, i, ((const char *const *)g->columns[k])[at]);
            else
                give_number(ctx, csv, w, i, ((const double *)g->columns[k])[at]);
            if (ctx->status != NN_OK) return ctx->status;
        }
    }
    return ctx->status;
}

static nn_status give_rows(const nn_loading *l, nn_csv *csv, const void *given) {
    nn_context *ctx = l->ctx;
    const Given *g = given;
    if (nn_wants_room(ctx, csv, (uint64_t)g->rows) != NN_OK) return ctx->status;
    for (int32_t k = 0; k < csv->want_count; k++)
        if (give_want(ctx, g, csv, &csv->wants[k]) != NN_OK) return ctx->status;
    csv->rows = g->rows;
    return NN_OK;
}

static void each_alone(int64_t threads, int64_t count, void (*run)(void *of, int64_t k), void *of) {
    (void)threads;
    for (int64_t k = 0; k < count; k++) run(of, k);
}

static nn_status read_given(nn_loading *l, int part, int64_t *rows) {
    static const nn_cell callers = {"", 0, 0};
    const Given *g = l->data->request.given;
    const nn_data *plan = &l->m->manifest->data;
    const nn_output *outputs = NN_TABLE(l->m, nn_output, outputs);
    const nn_column *columns = NN_TABLE(l->m, nn_column, columns);
    nn_csv csv = {.path = "the rows",
                  .query = "",   // there are no lines
                  .trained = "", // what texts mean was known before
                  .separator = plan->separator,
                  .decimal = plan->decimal,
                  .thousands = plan->thousands};
    *rows = g->rows;
    if (nn_cells_columns(l, part, &csv, &(nn_cells_reader){give_rows, each_alone, g}) != NN_OK)
        return l->ctx->status;
    for (uint32_t k = 0; k < l->m->manifest->columns_count; k++)
        if (nn_column_wanted(l, &columns[k], part) && nn_raw_check(l, &columns[k], &l->raws[k]) != NN_OK)
            return l->ctx->status;
    // What is carried along is the caller's, and counts among what a sample reads.
    for (uint32_t k = 0; k < l->m->manifest->outputs_count; k++)
        if (outputs[k].carried >= 0) l->data->carried[outputs[k].carried] = (nn_cell *)(uintptr_t)&callers;
    return nn_groups_take(l, part, *rows);
}

// ---- checks -----------------------------------------------------------------------------------------------

static int32_t check_columns(Object *o, const void *const *columns, const uint64_t *sizes, int64_t rows) {
    const nn_model *m = &o->trainer.model;
    const nn_argument *all = NN_TABLE(m, nn_argument, arguments);
    int32_t status = NN_OK;
    if (rows < 1 || rows > INT32_MAX)
        return REFUSE(o, NN_USAGE, "rows is %lld, and must be 1 .. %d", (long long)rows, INT32_MAX);
    for (uint32_t k = 0; k < m->manifest->arguments_count && status == NN_OK; k++) {
        char what[NN_NAME_ROOM];
        snprintf(what, sizeof what, "the column %s", nn_model_text(m, all[k].name));
        if (columns[k] == NULL) return REFUSE(o, NN_USAGE, "%s is NULL", what);
        if (sizes != NULL)
            status = nn_object_size_check(o, what, columns[k], sizeof(double), sizes[k], rows * all[k].count);
    }
    return status;
}

// Texts of a class field have numbers by the list of the training file alone.
static int32_t check_names(Object *o) {
    const nn_model *m = &o->trainer.model;
    const nn_column *columns = NN_TABLE(m, nn_column, columns);
    for (uint32_t k = 0; k < m->manifest->columns_count; k++) {
        const nn_column *c = &columns[k];
        if (c->part != NN_TRAIN || !c->for_input || !c->is_class) continue;
        const nn_field *f = &NN_TABLE(m, nn_field, fields)[c->field];
        bool named = o->names != NULL && o->names->classes[c->field].count > 0;
        if (!o->loaded || (f->is_named != 0 && !named))
            return REFUSE(o, NN_USAGE,
                          "the classes of %s have no names: a file that a trainer wrote brings them",
                          nn_model_text(m, f->key));
    }
    return NN_OK;
}

// ---- predicting -------------------------------------------------------------------------------------------

typedef struct {
    Object *o;
    void *const *outputs;
    int64_t done; // rows
} Results;

// The text of a class; NULL: of missing cells.
static const char *class_text(Object *o, int32_t field, int64_t number) {
    Names *n = o->names;
    const nn_field *f = &NN_TABLE(&o->trainer.model, nn_field, fields)[field];
    const char *name = nn_names_class(&o->trainer, field, number);
    if (name != NULL) return *name == '\0' ? NULL : name;
    if (number < 0 || number >= f->limit) return NULL;
    if (n->numbers[field] == NULL) {
        n->numbers[field] = nn_get(&n->ctx, (uint64_t)f->limit, NUMBER_ROOM);
        for (int64_t k = 0; k < f->limit && n->numbers[field] != NULL; k++)
            snprintf(n->numbers[field][k], NUMBER_ROOM, "%lld", (long long)k);
    }
    return n->numbers[field] == NULL ? NULL : n->numbers[field][number];
}

static nn_status keep_batch(void *data, const int32_t *rows, int64_t count) {
    Results *r = data;
    const nn_model *m = &r->o->trainer.model;
    const nn_output *table = NN_TABLE(m, nn_output, outputs);
    (void)rows; // in their order
    void *const *out = r->outputs;
    for (uint32_t k = 0; k < m->manifest->outputs_count; k++) {
        const nn_tensor *of = nn_model_tensor(m, table[k].tensor);
        if (of == NULL || *out++ == NULL) continue;
        int64_t row = nn_tensor_row(of), n = count * row, first = r->done * row;
        if (table[k].words < 0)
            nn_tensor_get(m, of, 0, n, (char *)out[-1] + first * nn_tensor_element_size(m, of));
        for (int64_t i = 0; i < n && table[k].words >= 0; i++)
            ((const char **)out[-1])[first + i] =
                class_text(r->o, table[k].words, (int64_t)nn_tensor_number(m, of, i));
    }
    r->done += count;
    return r->o->names->ctx.status;
}

static void run_alone(void *data, int32_t function, nn_call *call) {
    const nn_trainer *t = data;
    t->model.run(function, call, 0, 1);
}

// A trainer's windows are read where their rows stand; here each sample brings its own.
static nn_status spread_windows(nn_trainer *t) {
    const nn_field *fields = NN_TABLE(&t->model, nn_field, fields);
    const nn_part *part = &t->data.parts[NN_TEST];
    for (uint32_t k = 0; k < t->model.manifest->fields_count; k++) {
        const unsigned char *from = t->data.fields[k];
        int64_t size = nn_field_size(&t->model, &fields[k]), step = nn_row_size(&t->model, &fields[k]);
        if (from == NULL || fields[k].source < 0) continue;
        unsigned char *to = nn_get(t->ctx, (uint64_t)part->count, (uint64_t)size);
        for (int64_t r = 0; r < part->count && to != NULL; r++)
            memcpy(to + r * size, from + part->rows[r] * step, (size_t)size);
        t->data.sources[fields[k].source] = to;
    }
    for (int64_t r = 0; r < part->count; r++) part->rows[r] = (int32_t)r;
    return t->ctx->status;
}

// The instance's trainer has the rows while this runs, and is then as it was.
static nn_status predict_given(Object *o, const Given *g, Results *r, nn_context *own) {
    nn_trainer *t = &o->trainer,
               before = {.ctx = t->ctx, .call = t->call, .data = t->data, .picked = t->picked};
    nn_runner runner = {run_alone, t};
    nn_data_request request = {
        .inputs_only = true, .all_rows = true, .fold = -1, .threads = 1, .read = read_given, .given = g};
    nn_forget(&o->names->ctx);
    t->ctx = own;
    t->data = (nn_dataset){.classes = o->names->classes};
    t->picked = nn_get(own, (uint64_t)t->model.manifest->batch, sizeof *t->picked);
    if (t->picked != NULL && nn_data_load(own, &t->model, runner, &request, &t->data) == NN_OK &&
        (!nn_data_windows(&t->model) || spread_windows(t) == NN_OK)) {
        t->call.sources = t->data.sources;
        nn_status status = nn_predict_rows(t, runner, keep_batch, r);
        if (status != NN_OK) nn_fail(own, status, "%s", o->names->ctx.message);
    }
    t->ctx = before.ctx;
    t->call = before.call;
    t->data = before.data;
    t->picked = before.picked;
    return own->status;
}

int32_t nn_object_predict_raw(void *object, const void *const *columns, const uint64_t *sizes, int64_t rows,
                              int64_t *samples, void *const *outputs, const uint64_t *output_sizes) {
    Object *o = object;
    if (o == NULL) return NN_USAGE;
    int32_t status = check_columns(o, columns, sizes, rows);
    if (status == NN_OK && output_sizes != NULL)
        status = nn_object_results_check(o, rows, true, outputs, output_sizes);
    if (status == NN_OK) status = check_names(o);
    if (status == NN_OK && o->names == NULL && (o->names = make_names(o)) == NULL) status = NN_MEMORY;
    if (status != NN_OK) return status;
    nn_context own = {0};
    Given given = {o, columns, rows};
    Results results = {o, outputs, 0};
    uint32_t state = nn_float_enter();
    status = (int32_t)predict_given(o, &given, &results, &own);
    nn_float_restore(state);
    if (samples != NULL && status == NN_OK) *samples = results.done;
    if (status != NN_OK) (void)REFUSE(o, (nn_status)status, "%s", own.message);
    nn_context_end(&own);
    return status;
}
