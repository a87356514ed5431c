// The data block: the source, the split, fields and their inputs. nnc opens no data file.
// Guarantees: every field has the shape and type that its case says; prepare functions (prepare.c) make it
// from the raw columns.
#include "emit/data.h"

#include <string.h>

// Of an argument, or `preset`.
static double number_of(const DataWriter *w, const Phrase *p, double preset) {
    return p ? w->block->of[p->number].number : preset;
}

static bool is_word(const Phrase *p, const char *word) {
    return p->node->kind == AST_NAME && string_equal(p->node->name, word);
}

// ---- the source and the split ----

void take_missing(const Case *c, const Phrase *given, int *missing, double *value) {
    static const struct {
        const char *word;
        int missing;
    } words[] = {{"error", NN_MISSING_ERROR}, {"mean", NN_MISSING_BY_MEAN}, {"median", NN_MISSING_BY_MEDIAN}};
    if (!given) return;
    *missing = NN_MISSING_VALUE;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (is_word(given, words[i].word)) *missing = words[i].missing;
    if (*missing == NN_MISSING_VALUE) *value = c->of[given->number].number;
}

static int sign_of(const Phrase *given, char preset) { return given ? given->text[0] : preset; }

static const char *text_of(const Phrase *given) { return given ? given->text : NULL; }

static void take_cells_of(DataWriter *w, const Phrase *source) {
    DataBlock *d = &w->m->data;
    d->header = number_of(w, word_argument(source, "header"), !phrase_is(source, "jsonl")) != 0;
    d->separator = sign_of(word_argument(source, "separator"), ',');
    d->decimal = sign_of(word_argument(source, "decimal"), '.');
    d->thousands = sign_of(word_argument(source, "thousands"), 0);
    d->comment = sign_of(word_argument(source, "comment"), 0);
    take_missing(w->block, word_argument(source, "missing"), &d->missing, &d->missing_value);
}

static void take_text(DataWriter *w, const Phrase *source) {
    static const char *const units[] = {
        [NN_TEXT_BYTE] = "byte", [NN_TEXT_CHAR] = "char", [NN_TEXT_WORD] = "word"};
    DataBlock *d = &w->m->data;
    const Phrase *unit = word_argument(source, "unit");
    d->vocabulary = (int64_t)number_of(w, word_argument(source, "vocabulary"), 0);
    d->unit = NN_TEXT_CHAR;
    for (int k = 0; unit && k < (int)(sizeof units / sizeof *units); k++)
        if (is_word(unit, units[k])) d->unit = k;
}

static void take_source(DataWriter *w, const Phrase *source) {
    DataBlock *d = &w->m->data;
    d->name = w->block->define->node->name;
    d->source = source->builtin->name;
    d->span = source->span;
    d->rows = w->e->tree->rows;
    const Phrase *folder = word_argument(source, "folder");
    d->file = text_of(folder ? folder : word_argument(source, "file"));
    d->query = text_of(word_argument(source, "query"));
    if (source_kind(d->source) == NN_SOURCE_CELLS) take_cells_of(w, source);
    if (string_equal(d->source, "text")) take_text(w, source);
    d->rate = (int64_t)number_of(w, word_argument(source, "rate"), 0);
    d->seed = (int64_t)number_of(w, word_argument(source, "seed"), 0);
    const Phrase *labels = word_argument(source, "labels");
    d->detail = (int64_t)number_of(w, labels ? labels : word_argument(source, "first"), 1);
}

void take_part(DataWriter *w, const Phrase *source) {
    w->file = source ? source->part[0]->text : w->m->data.file;
    w->query = source ? text_of(word_argument(source, "query")) : w->m->data.query;
}

int field_number(const DataBlock *d, const char *name) {
    for (int i = 0; i < d->fields.count; i++)
        if (string_equal(d->fields.data[i].name, name)) return i;
    return -1;
}

static void take_split(DataWriter *w, const Phrase *split) {
    DataBlock *d = &w->m->data;
    const Phrase *stratify = word_argument(split, "stratify");
    d->split = phrase_is(split, "folds")    ? NN_SPLIT_FOLDS
               : phrase_is(split, "random") ? NN_SPLIT_RANDOM
                                            : NN_SPLIT_ORDERED;
    d->folds = (int64_t)number_of(w, word_argument(split, "k"), 0);
    d->test = number_of(w, word_argument(split, "test"), 0);
    d->validation = number_of(w, word_argument(split, "validation"), 0);
    d->split_seed = (int64_t)number_of(w, word_argument(split, "seed"), 0);
    if (stratify) d->stratify = field_number(d, stratify->slot->name);
}

// What names the groups of each part's rows.
static void take_groups(DataWriter *w, const Phrase *reader, int groups) {
    DataBlock *d = &w->m->data;
    for (int part = 0; reader && part < DATA_PARTS; part++) {
        bool windows = groups == NN_GROUPS_WINDOWS;
        if (!d->own_part[part] || (part && !windows)) continue;
        take_part(w, part ? data_setting_phrase(w->block->define, part_words[part - 1]) : NULL);
        Column c = {.part = part, .field = -1, .file = w->file, .key = w->query, .elements = 1};
        c.groups = groups;
        c.for_input = windows;
        take_argument(w, w->block, reader, &c);
        vec_push(w->e->arena, &d->columns, c);
    }
}

// How far apart windows begin: what is said, or else as far as the longest is long.
static void take_stride(DataWriter *w) {
    DataBlock *d = &w->m->data;
    for (int i = 0; i < d->columns.count; i++)
        if (d->columns.data[i].kind == COLUMN_WINDOW && d->columns.data[i].elements > d->stride)
            d->stride = d->columns.data[i].elements;
    if (!d->stride) d->stride = 1; // rows
    if (w->stride) d->stride = (int64_t)number_of(w, w->stride, 1);
}

// What is in force of the data: the source's defaults and the split.
static void in_force(DataWriter *w, const char *name, const char *value, const Phrase *from) {
    const char *origin = from ? place_text(w->e->ctx, from->span) : "default";
    vec_push(w->e->arena, &w->m->in_force, ((InForce){name, value, origin}));
}

static void tell(DataWriter *w, const Phrase *source, const Phrase *split) {
    const DataBlock *d = &w->m->data;
    in_force(w, "data", node_text(w->e->arena, source->node), source);
    static const char *const cells[][2] = {{"header", "true"},   {"separator", "\",\""}, {"missing", "error"},
                                           {"decimal", "\".\""}, {"thousands", "none"},  {"comment", "none"}};
    for (int i = 0; source_kind(d->source) == NN_SOURCE_CELLS && i < 6; i++)
        if (strstr(source->builtin->parameters, cells[i][0]) && !word_argument(source, cells[i][0]))
            in_force(w, string_format(w->e->arena, "data.%s", cells[i][0]), cells[i][1], NULL);
    bool text = string_equal(d->source, "text");
    if (text && !source->part[2]) in_force(w, "data.unit", "char", NULL);
    if (text || w->stride)
        in_force(w, "data.stride", string_format(w->e->arena, "%lld", (long long)d->stride), w->stride);
    const Phrase *order = data_setting_phrase(w->block->define, "order");
    if (order) in_force(w, "data.order", node_text(w->e->arena, order->node), order);
    const Phrase *within = data_setting_phrase(w->block->define, "within");
    if (within) in_force(w, "data.within", node_text(w->e->arena, within->node), within);
    in_force(w, "data.split", split ? node_text(w->e->arena, split->node) : "none", split);
    if (d->split == NN_SPLIT_RANDOM || d->split == NN_SPLIT_FOLDS)
        in_force(w, "data.split.seed", string_format(w->e->arena, "%lld", (long long)d->split_seed),
                 d->split_seed ? split : NULL);
}

// ---- fields ----

// Its place among the inputs of the run's one model, or -1.
static int place_in_model(const DataWriter *w, const char *name) {
    const Tree *tree = w->e->tree;
    const Node *train = tree->roots.data[tree->roots.count - 1]->of->define->node;
    const Node *model =
        train->count == 1 ? library_find(w->e->library, train->span, train->items[0]->name) : NULL;
    for (int i = 0; model && i < model->count; i++)
        if (string_equal(model->items[i]->name, name)) return i;
    return -1;
}

// class(e, n, missing = own, other = own): the last numbers.
static void take_own(const Phrase *value, Field *f) {
    f->own_missing = f->own_other = -1;
    if (!f->is_class) return;
    int64_t last = f->limit - 1;
    if (value->part[3]) f->own_other = last--;
    if (value->part[2]) f->own_missing = last;
}

// The rows of a window stand in those of the source, of which the next sample's begin one further.
static void take_window(const DataWriter *w, const Phrase *window, Field *f) {
    if (!window) return;
    f->window = f->rank ? f->dims[0] : 1;
    f->at = (int64_t)number_of(w, window->part[1], 0);
    f->input->apart = tensor_elements(f->input) / f->input->dims[0] / f->window;
}

static void take_field(DataWriter *w, const Phrase *line) {
    const Shape *v = &w->block->slot[line->slot->number];
    Program *p = w->e->p;
    Field f = {.name = line->slot->name, .span = line->node->target->span, .type = (Type)v->type};
    f.text = node_text(w->e->arena, line->node->assigned);
    f.rank = v->rank;
    f.is_class = v->is_class;
    f.limit = f.type == TYPE_BOOL ? 2 : (int64_t)v->number;
    take_own(line_value(line), &f);
    f.is_named = class_is_named(w->block, line_value(line));
    f.in_model = place_in_model(w, f.name);
    int64_t dims[MAX_RANK] = {p->batch};
    for (int d = 0; d < f.rank; d++) dims[d + 1] = f.dims[d] = v->dims[d].size;
    f.input = tensor_add(p, f.name, TENSOR_INPUT, f.type, f.rank + 1, dims);
    f.input->batch_dims = 1;
    take_window(w, line_window(line), &f);
    f.input->origin = origin_at(w->e, f.span, NULL, NULL);
    if (f.limit) f.input->bounded = true, f.input->high = f.limit - 1;
    vec_push(w->e->arena, &w->m->data.fields, f);
}

// ---- the whole ----

bool data_write(Emitter *e, Module *m) {
    DataWriter w = {.e = e, .m = m, .block = e->tree->data};
    const Phrase *body = w.block->define->body, *source = body->part[body->count - 1],
                 *split = data_setting_phrase(w.block->define, "split");
    int errors = e->ctx->errors;
    m->data.stratify = m->data.balance = -1;
    m->data.own_part[0] = true;
    take_source(&w, source);
    for (int i = 0; i + 1 < body->count; i++)
        if (body->part[i]->kind == PHRASE_GIVE && body->part[i]->slot) take_field(&w, body->part[i]);
    w.stride = data_setting_phrase(w.block->define, "stride");
    const Phrase *order = data_setting_phrase(w.block->define, "order");
    m->data.stream = data_stream(w.block->define) != NULL;
    m->data.balance = order && !m->data.stream ? field_number(&m->data, order->part[0]->slot->name) : -1;
    if (split) take_split(&w, split);
    prepare_write(&w);
    const Phrase *within = data_setting_phrase(w.block->define, "within");
    take_groups(&w, within, NN_GROUPS_WINDOWS);
    take_groups(&w, word_argument(split, "group"), NN_GROUPS_SPLIT);
    take_stride(&w);
    tell(&w, source, split);
    return e->ctx->errors == errors;
}
