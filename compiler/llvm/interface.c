// What an object's interface takes and gives: one list, from which the header, the wrappers, the module for
// Python and the names in the runtime's messages come.
#include "llvm/interface.h"

#include <ctype.h>
#include <string.h>

static const char *upper(Arena *arena, const char *text) {
    char *copy = string_copy(arena, text, strlen(text));
    for (char *c = copy; *c; c++) *c = (char)toupper((unsigned char)*c);
    return copy;
}

static const char *element_word(const Module *m, Type type) {
    if (type == TYPE_INT || type == TYPE_BOOL) return "int32_t";
    return m->program->precision == PRECISION_DOUBLE ? "double" : "float";
}

const char *dimensions_text(Arena *arena, const int64_t *dims, int rank) {
    const char *text = "";
    for (int d = 0; d < rank; d++) text = string_format(arena, "%s[%lld]", text, (long long)dims[d]);
    return text;
}

// The fields that a training step takes: the model's inputs in its order, then what else the losses read. The
// first *inputs of them are what predicting takes.
static const Field **fields_in_order(const Module *m, int *count, int *inputs) {
    const DataBlock *d = &m->data;
    const Field **fields = arena_array(m->program->arena, const Field *, d->fields.count + 1);
    int n = 0;
    for (int place = 0; place < d->fields.count; place++)
        for (int i = 0; i < d->fields.count; i++)
            if (d->fields.data[i].in_model == place) fields[n++] = &d->fields.data[i];
    *inputs = n;
    for (int i = 0; i < d->fields.count; i++)
        if (d->fields.data[i].in_model < 0 && d->fields.data[i].in_loss) fields[n++] = &d->fields.data[i];
    *count = n;
    return fields;
}

// x_count: what a checked interface has behind x.
static bool counts(const char *count, const char *parameter) {
    size_t n = strlen(parameter);
    return !strncmp(count, parameter, n) && !strcmp(count + n, "_count");
}

static bool taken(const Interface *h, const char *parameter, const char *macro) {
    static const char *const own[] = {"m",    "count",  "loss",     "int32_t", "NULL",
                                      "rows", "epochs", "callback", "user"};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (!strcmp(parameter, own[i])) return true;
    for (int i = 0; i < h->arguments.count; i++) {
        const Argument *a = &h->arguments.data[i];
        if (!strcmp(a->macro, macro) || !strcmp(a->parameter, parameter) || counts(parameter, a->parameter) ||
            counts(a->parameter, parameter))
            return true;
    }
    return c_keyword(parameter) || !strcmp(parameter, h->p);
}

static void add_argument(Interface *h, Argument a) {
    Arena *arena = h->module->program->arena;
    a.parameter = a.name;
    a.macro = upper(arena, a.name);
    while (taken(h, a.parameter, a.macro)) {
        a.parameter = string_format(arena, "%s_", a.parameter);
        a.macro = string_format(arena, "%s_", a.macro);
    }
    vec_push(arena, &h->arguments, a);
}

static void add_shape(Interface *h, Argument a, const int64_t *dims, int rank) {
    a.rank = rank;
    a.size = 1;
    for (int d = 0; d < rank; d++) a.size *= a.dims[d] = dims[d];
    a.shape = dimensions_text(h->module->program->arena, dims, rank);
    add_argument(h, a);
}

static void add_field(Interface *h, const Field *f) {
    Argument a = {.name = f->name, .rows = true, .field = f, .of = f, .limit = f->limit};
    a.type = element_word(h->module, f->type);
    add_shape(h, a, f->dims, f->rank);
}

static void add_output(Interface *h, const ModelOutput *o) {
    const Tensor *t = o->tensor;
    int skip = t->batch_dims & 1;
    Argument a = {.name = o->name, .rows = skip, .of = o};
    a.type = element_word(h->module, t->type);
    add_shape(h, a, t->dims + skip, t->rank - skip);
}

Interface interface_of(const Module *m, const OutputOptions *o) {
    Interface h = {.module = m, .options = o, .p = o->prefix, .big = upper(m->program->arena, o->prefix)};
    h.checked = o->checked && o->kind != OUTPUT_PYTHON; // which compares counts itself
    h.real = element_word(m, TYPE_REAL);
    const Field **fields = fields_in_order(m, &h.fields, &h.inputs);
    for (int i = 0; i < h.fields; i++) add_field(&h, fields[i]);
    for (int i = 0; i < m->outputs.count; i++)
        if (m->outputs.data[i].tensor) add_output(&h, &m->outputs.data[i]);
    columns_find(&h);
    return h;
}

const char *interface_name(const Interface *h, const void *of, const char *name) {
    every_at (a, h->arguments)
        if (a->of == of) return a->parameter;
    return name;
}
