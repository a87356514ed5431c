// The manifest: everything the runtime must know, as one constant blob without pointers (runtime/abi.def).
//
// Texts and tables follow the head; a text that occurs twice is kept once, so equal modules give equal bytes.
#include "llvm/manifest.h"
#include "llvm/interface.h"

#include <string.h>

typedef struct {
    const Module *module;
    const Kernels *kernels;
    const OutputOptions *options;
    Arena *arena;
    VEC(char) bytes;
    Map *texts;
    int *numbers; // of tensors by id: their place in the table, -1: none
    nn_manifest head;
} Blob;

// ---- the blob ---------------------------------------------------------------------------------------------

static uint32_t append(Blob *b, const void *data, size_t size, size_t align) {
    while ((size_t)b->bytes.count % align) vec_push(b->arena, &b->bytes, 0);
    uint32_t at = (uint32_t)b->bytes.count;
    for (size_t i = 0; i < size; i++) vec_push(b->arena, &b->bytes, ((const char *)data)[i]);
    return at;
}

static uint32_t text(Blob *b, const char *string) {
    if (!string) return 0;
    const uint32_t *known = map_get(b->texts, string);
    if (known) return *known;
    uint32_t *at = arena_new(b->arena, uint32_t);
    *at = append(b, string, strlen(string) + 1, 1);
    map_set(b->texts, string, at);
    return *at;
}

#define TABLE(b, field, rows, n)                                                                             \
    do {                                                                                                     \
        (b)->head.field##_count = (uint32_t)(n);                                                             \
        (b)->head.field = (n) ? append((b), (rows), sizeof *(rows) * (size_t)(n), 8) : 0;                    \
    } while (0)

static int32_t number(const Blob *b, const Tensor *t) { return t ? b->numbers[t->id] : -1; }

// ---- tensors ----------------------------------------------------------------------------------------------

_Static_assert((int)NN_SOURCE == (int)TENSOR_SOURCE && (int)NN_OUTPUT == (int)TENSOR_OUTPUT &&
                   (int)NN_RUN == (int)TENSOR_RUN && (int)NN_LATE == (int)TENSOR_LATE,
               "kinds of tensors agree");
_Static_assert((int)NN_REAL == (int)TYPE_REAL && (int)NN_DOUBLE == (int)TYPE_DOUBLE, "types agree");
_Static_assert((int)NN_STEP == (int)FUNCTION_STEP && (int)NN_CATCH_UP == (int)FUNCTION_CATCH_UP,
               "functions agree");

static bool is_place(const Module *m, const Tensor *t) {
    for (int i = 0; i < m->layers.count; i++)
        if (m->layers.data[i].step_result == t) return true;
    return false;
}

static bool is_known(const Module *m, const Tensor *t) {
    if (!t->layout || (t->kind != TENSOR_SOURCE && !layout_shared(t)->stored && !t->layout->same))
        return false;
    return t->kind != TENSOR_TEMP || is_place(m, t);
}

static nn_tensor row_of(Blob *b, const Tensor *t, const Layout *layout) {
    nn_tensor row = {.offset = t->kind == TENSOR_SOURCE ? -1 : layout->offset, .zero = layout->zero};
    row.panel = layout->panel;
    row.panel_stride = layout->panel_stride;
    row.inner = t->rank ? layout->inner : -1;
    for (int d = 0; d < t->rank; d++) {
        row.dims[d] = t->dims[d];
        row.stride[d] = d == layout->inner ? 1 : layout->stride[d];
    }
    row.low = t->low;
    row.high = t->high;
    row.start = t->start;
    row.name = text(b, t->name);
    row.kind = (int32_t)t->kind;
    row.type = (int32_t)t->type;
    row.rank = t->rank;
    row.batch_dims = t->batch_dims;
    row.bounded = t->bounded;
    row.trainable = t->trainable;
    row.twin = row.source = -1;
    return row;
}

static void add_tensors(Blob *b) {
    const Program *p = b->module->program;
    VEC(nn_tensor) rows = {0};
    VEC(int32_t) sources = {0};
    b->numbers = arena_array(b->arena, int, p->tensors.count);
    for (int i = 0; i < p->tensors.count; i++) {
        const Tensor *t = p->tensors.data[i];
        b->numbers[i] = -1;
        if (t->kind == TENSOR_SOURCE) vec_push(b->arena, &sources, rows.count);
        if (!is_known(b->module, t)) {
            if (t->kind == TENSOR_SOURCE) sources.data[sources.count - 1] = -1;
            continue;
        }
        b->numbers[i] = rows.count;
        nn_tensor row = row_of(b, t, layout_shared(t));
        if (t->kind == TENSOR_SOURCE) row.source = sources.count - 1;
        vec_push(b->arena, &rows, row);
    }
    for (int i = 0; i < p->tensors.count; i++) {
        const Layout *twin = b->numbers[i] >= 0 ? layout_shared(p->tensors.data[i])->twin : NULL;
        if (!twin) continue;
        rows.data[b->numbers[i]].twin = rows.count;
        nn_tensor row = row_of(b, p->tensors.data[i], twin);
        row.twin = NN_SECOND_COPY;
        vec_push(b->arena, &rows, row);
    }
    TABLE(b, tensors, rows.data, rows.count);
    TABLE(b, sources, sources.data, sources.count);
}

// ---- data -------------------------------------------------------------------------------------------------

static int32_t source_slot(const Blob *b, const char *name) {
    const Program *p = b->module->program;
    int slot = 0;
    for (int i = 0; i < p->tensors.count; i++) {
        if (p->tensors.data[i]->kind != TENSOR_SOURCE) continue;
        if (string_equal(p->tensors.data[i]->name, name)) return slot;
        slot++;
    }
    return -1;
}

static void add_fields(Blob *b) {
    const DataBlock *d = &b->module->data;
    nn_field *rows = arena_array(b->arena, nn_field, d->fields.count + 1);
    // What is wrong with an argument is said of it as the header calls it.
    Interface interface = interface_of(b->module, b->options);
    bool trainer = b->options->kind == OUTPUT_TRAINER;
    for (int i = 0; i < d->fields.count; i++) {
        const Field *f = &d->fields.data[i];
        const char *name = trainer ? f->name : interface_name(&interface, f, f->name);
        rows[i] =
            (nn_field){.name = text(b, name), .type = (int32_t)f->type, .rank = f->rank, .limit = f->limit};
        rows[i].key = text(b, f->name);
        for (int k = 0; k < f->rank; k++) rows[i].dims[k] = f->dims[k];
        rows[i].window = f->window;
        rows[i].at = f->at;
        rows[i].is_class = f->is_class;
        rows[i].is_named = f->is_named;
        rows[i].own_missing = f->own_missing;
        rows[i].own_other = f->own_other;
        rows[i].in_model = f->in_model;
        rows[i].in_loss = f->in_loss;
        rows[i].aside = f->aside;
        rows[i].source = f->input ? source_slot(b, string_format(b->arena, "source.%s", f->input->name)) : -1;
        for (int part = 0; part < 3; part++) rows[i].prepared[part] = number(b, f->prepared[part]);
    }
    TABLE(b, fields, rows, d->fields.count);
}

static int32_t line_of(const Blob *b, Span span) {
    int line = 0, column;
    if (span.start) source_position(b->module->program->ctx, span, &line, &column);
    return line;
}

static void add_columns(Blob *b) {
    const DataBlock *d = &b->module->data;
    nn_column *rows = arena_array(b->arena, nn_column, d->columns.count + 1);
    bool trainer = b->options->kind == OUTPUT_TRAINER;
    for (int i = 0; i < d->columns.count; i++) {
        const Column *c = &d->columns.data[i];
        nn_column *row = &rows[i];
        row->part = c->part;
        row->tensor = number(b, c->tensor);
        row->field = c->field;
        row->kind = (int32_t)c->kind;
        row->groups = c->groups;
        row->file = text(b, c->file);
        row->key = text(b, c->key);
        row->missing = c->missing;
        row->missing_value = c->missing_value;
        uint32_t *names = arena_array(b->arena, uint32_t, c->name_count + 1);
        for (int k = 0; k < c->name_count; k++) names[k] = text(b, c->names[k]);
        if (c->name_count) row->names = append(b, names, sizeof *names * (size_t)c->name_count, 4);
        row->names_count = (uint32_t)c->name_count;
        row->first = (int32_t)c->first;
        row->last = (int32_t)c->last;
        row->texts = column_texts(c);
        row->array = column_array(d, c);
        row->equals = text(b, c->equals);
        row->is_class = c->is_class;
        row->is_whole = c->is_whole;
        row->resize = c->resize;
        row->date = c->date;
        row->rate = (int32_t)c->rate;
        row->start = c->start;
        row->end = c->end;
        row->for_input = c->for_input && (trainer || c->kind != COLUMN_CARRIED); // an object's caller has it
        row->aside = c->aside;
        row->limit = c->limit;
        row->elements = c->elements;
        row->values =
            c->value_count ? append(b, c->values, sizeof *c->values * (size_t)c->value_count, 8) : 0;
        row->values_count = (uint32_t)c->value_count;
    }
    TABLE(b, columns, rows, d->columns.count);
}

static void add_statistics(Blob *b) {
    const DataBlock *d = &b->module->data;
    nn_statistic *rows = arena_array(b->arena, nn_statistic, d->statistics.count + 1);
    for (int i = 0; i < d->statistics.count; i++) {
        const Statistic *s = &d->statistics.data[i];
        rows[i] = (nn_statistic){.kind = (int32_t)s->kind, .field = s->field, .column = s->column};
        for (int part = 0; part < 3; part++) rows[i].of[part] = number(b, s->of[part]);
        for (int k = 0; k < 2; k++) rows[i].into[k] = number(b, s->into[k]);
    }
    TABLE(b, statistics, rows, d->statistics.count);
}

static int32_t source_row(const char *name) {
    static const char *const names[] = {
#define SOURCE(code, word, kind, what) word,
#include "sources.def"
#undef SOURCE
    };
    for (int i = 0; i < (int)(sizeof names / sizeof *names); i++)
        if (name && string_equal(names[i], name)) return i;
    return -1;
}

static void add_data(Blob *b) {
    const DataBlock *d = &b->module->data;
    nn_data *row = &b->head.data;
    row->source = source_row(d->source);
    row->file = text(b, d->file);
    row->header = d->header;
    row->detail = (int32_t)d->detail;
    row->separator = d->separator;
    row->decimal = d->decimal;
    row->thousands = d->thousands;
    row->comment = d->comment;
    row->unit = d->unit;
    row->stream = d->stream;
    row->vocabulary = d->vocabulary;
    row->stride = d->stride;
    row->rows = d->rows;
    row->synthetic_seed = d->seed;
    row->split = d->split;
    row->stratify = d->stratify;
    row->balance = d->balance;
    row->test = d->test;
    row->validation = d->validation;
    row->split_seed = d->split_seed;
    row->folds = (int32_t)d->folds;
    for (int part = 0; part < 3; part++) {
        row->own_part[part] = d->own_part[part];
        row->first_row[part] = number(b, d->first_row[part]);
    }
    row->directory = text(b, b->options->kind == OUTPUT_TRAINER ? b->options->directory : NULL);
    add_fields(b);
    add_columns(b);
    add_statistics(b);
}

// ---- the run ----------------------------------------------------------------------------------------------

static void add_results(Blob *b) {
    const Module *m = b->module;
    nn_output *outputs = arena_array(b->arena, nn_output, m->outputs.count + 1);
    Interface interface = interface_of(m, b->options);
    bool trainer = b->options->kind == OUTPUT_TRAINER;
    for (int i = 0; i < m->outputs.count; i++) {
        const ModelOutput *o = &m->outputs.data[i];
        outputs[i] = (nn_output){text(b, trainer ? o->name : interface_name(&interface, o, o->name)),
                                 number(b, o->tensor), o->label, o->words, o->carried};
    }
    TABLE(b, outputs, outputs, m->outputs.count);
    int columns = trainer ? 0 : interface.columns.count;
    nn_argument *arguments = arena_array(b->arena, nn_argument, columns + 1);
    for (int i = 0; i < columns; i++) {
        const RawColumn *c = &interface.columns.data[i];
        arguments[i] = (nn_argument){text(b, c->parameter), text(b, c->name), (int32_t)c->first,
                                     (int32_t)c->count, c->texts};
    }
    TABLE(b, arguments, arguments, columns);
    nn_metric *metrics = arena_array(b->arena, nn_metric, m->metrics.count + 1);
    for (int i = 0; i < m->metrics.count; i++) {
        const Metric *x = &m->metrics.data[i];
        metrics[i] = (nn_metric){
            .name = text(b, x->name), .tensor = number(b, x->tensor), .in_training = x->in_training};
        for (int part = 0; part < 3; part++) metrics[i].clock[part] = number(b, x->clock[part]);
    }
    TABLE(b, metrics, metrics, m->metrics.count);
    nn_kept *kept = arena_array(b->arena, nn_kept, m->program->kept.count + 1);
    for (int i = 0; i < m->program->kept.count; i++)
        kept[i] =
            (nn_kept){m->program->kept.data[i].training ? NN_STEP : NN_EVALUATE,
                      number(b, m->program->kept.data[i].values),
                      source_slot(b, m->program->kept.data[i].source->name), m->program->kept.data[i].of};
    TABLE(b, kept, kept, m->program->kept.count);
    VEC(nn_setting) settings = {0};
    for (int i = 0; i < m->settings.count; i++) {
        const Setting *x = &m->settings.data[i];
        if (number(b, x->tensor) >= 0)
            vec_push(b->arena, &settings,
                     (nn_setting){text(b, x->name), number(b, x->tensor), x->unit, x->is_rate});
    }
    TABLE(b, settings, settings.data, settings.count);
    int32_t *rates = arena_array(b->arena, int32_t, m->rates.count + 1);
    for (int i = 0; i < m->rates.count; i++) rates[i] = number(b, m->rates.data[i]);
    TABLE(b, rates, rates, m->rates.count);
    VEC(int32_t) averages = {0};
    for (int i = 0; i < m->averages.count; i++) {
        vec_push(b->arena, &averages, number(b, m->averages.data[i].of));
        vec_push(b->arena, &averages, number(b, m->averages.data[i].average));
    }
    TABLE(b, averages, averages.data, averages.count);
}

static void add_places(Blob *b) {
    const Module *m = b->module;
    VEC(nn_place) rows = {0};
    for (int i = 0; i < m->layers.count; i++) {
        const LayerInstance *l = &m->layers.data[i];
        if (number(b, l->step_result) >= 0)
            vec_push(b->arena, &rows,
                     (nn_place){text(b, l->name), line_of(b, l->span), number(b, l->step_result)});
    }
    TABLE(b, places, rows.data, rows.count);
}

static void add_build(Blob *b) {
    const OutputOptions *o = b->options;
    nn_manifest *head = &b->head;
    head->magic = NN_MAGIC;
    head->version = NN_ABI_VERSION;
    head->arena = b->kernels->arena_size;
    head->persistent = b->kernels->persistent_size;
    for (int i = 0; i < b->kernels->schedules.count; i++) {
        const Schedule *s = b->kernels->schedules.data[i];
        head->functions |= 1 << s->function->kind;
        head->threaded |= (s->threaded ? 1 : 0) << s->function->kind;
    }
    head->is_double = b->kernels->program->precision == PRECISION_DOUBLE;
    head->batch = (int32_t)b->kernels->program->batch;
    head->block = (int32_t)b->module->data.block;
    head->block_row = b->module->data.block_row;
    head->name = text(b, b->module->name);
    head->model = text(b, b->module->model);
    head->version_text = text(b, NN_VERSION);
    head->digest = text(b, o->digest);
    head->run_digest = text(b, o->run_digest);
    head->program = text(b, o->program);
    head->options = text(b, o->options);
    head->cpu = text(b, o->target->cpu);
    head->features = text(b, o->target->features);
}

static void add_run(Blob *b) {
    const Module *m = b->module;
    nn_manifest *head = &b->head;
    head->rowmap = number(b, tensor_of_kind(m->program, TENSOR_ROWMAP));
    head->loss = number(b, m->loss);
    head->update_loss = number(b, m->update_loss);
    head->gradient_norm = number(b, m->gradient_norm);
    head->best = number(b, m->best);
    head->stop = number(b, m->stop);
    head->stop_each_step = m->stop_each_step;
    for (int i = 0; i < NN_CLOCKS; i++) head->clock[i] = number(b, m->clock[i]);
    head->epochs = m->epochs;
    head->steps = m->steps;
    head->seed = m->seed;
    head->shuffle = m->shuffle;
    head->drop_last = m->drop_last;
    head->statistic = text(b, m->statistic);
    head->accumulate = (int32_t)m->accumulate;
    head->needs_steps = m->needs_steps;
    head->needs_epoch_length = m->needs_epoch_length;
    head->start_file = text(b, m->start_file);
    uint32_t *lengths = arena_array(b->arena, uint32_t, m->lengths.count + 1);
    for (int i = 0; i < m->lengths.count; i++) lengths[i] = text(b, m->lengths.data[i]);
    TABLE(b, lengths, lengths, m->lengths.count);
    uint32_t *names = arena_array(b->arena, uint32_t, m->start_names.count + 1);
    for (int i = 0; i < m->start_names.count; i++) names[i] = text(b, m->start_names.data[i]);
    TABLE(b, start_names, names, m->start_names.count);
    head->params = m->params;
    head->flops = m->flops;
}

ManifestBytes manifest_make(const Module *m, const Kernels *k, const OutputOptions *options) {
    Arena *arena = m->program->arena;
    Blob b = {.module = m, .kernels = k, .options = options, .arena = arena, .texts = map_create(arena)};
    append(&b, &b.head, sizeof b.head, 8);
    add_build(&b);
    add_tensors(&b);
    add_data(&b);
    add_results(&b);
    add_places(&b);
    add_run(&b);
    b.head.bytes = b.bytes.count;
    memcpy(b.bytes.data, &b.head, sizeof b.head);
    return (ManifestBytes){b.bytes.data, (size_t)b.bytes.count};
}
