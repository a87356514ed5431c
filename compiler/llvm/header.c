// The header of an object file: C from C99 on, C++ from C++98 on. Every shape, unit and error is stated in
// it.
//
// Any number of such headers may be included together: what they share is guarded by names of its own.
#include "llvm/wrappers.h"

#include <ctype.h>
#include <string.h>

// ---- names and shapes -------------------------------------------------------------------------------------

static const char *upper(Arena *arena, const char *text) {
    char *copy = string_copy(arena, text, strlen(text));
    for (char *c = copy; *c; c++) *c = (char)toupper((unsigned char)*c);
    return copy;
}

static const char *element_word(const Module *m, Type type) {
    if (type == TYPE_INT || type == TYPE_BOOL) return "int32_t";
    return m->program->precision == PRECISION_DOUBLE ? "double" : "float";
}

static const char *dimensions(Arena *arena, const int64_t *dims, int rank) {
    const char *text = "";
    for (int d = 0; d < rank; d++) text = string_format(arena, "%s[%lld]", text, (long long)dims[d]);
    return text;
}

// Fields and outputs are one list of arguments; their names are apart, so that a name that is taken becomes
// longer.
typedef struct {
    const char *name, *type, *shape, *parameter, *macro;
    int64_t size; // of one row; of the whole, where there are no rows
    bool rows;
    const Field *field; // NULL: an output
} Argument;

typedef struct {
    const Module *module;
    const OutputOptions *options;
    const char *p, *big, *real; // the prefix; in capitals; the type of numbers
    VEC(Argument) arguments;
    int fields, inputs;
} Header;

static bool taken(const Header *h, const char *parameter, const char *macro) {
    static const char *const own[] = {"m", "count", "loss", "int32_t", "NULL"};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (!strcmp(parameter, own[i])) return true;
    for (int i = 0; i < h->arguments.count; i++)
        if (!strcmp(h->arguments.data[i].macro, macro) || !strcmp(h->arguments.data[i].parameter, parameter))
            return true;
    return c_keyword(parameter) || !strcmp(parameter, h->p);
}

static void add_argument(Header *h, Argument a) {
    Arena *arena = h->module->program->arena;
    a.parameter = a.name;
    a.macro = upper(arena, a.name);
    while (taken(h, a.parameter, a.macro)) {
        a.parameter = string_format(arena, "%s_", a.parameter);
        a.macro = string_format(arena, "%s_", a.macro);
    }
    vec_push(arena, &h->arguments, a);
}

static void add_field(Header *h, const Field *f) {
    Argument a = {
        .name = f->name, .type = element_word(h->module, f->type), .rows = true, .field = f, .size = 1};
    a.shape = dimensions(h->module->program->arena, f->dims, f->rank);
    for (int d = 0; d < f->rank; d++) a.size *= f->dims[d];
    add_argument(h, a);
}

static void add_output(Header *h, const ModelOutput *o) {
    const Tensor *t = o->tensor;
    int skip = t->batch_dims & 1;
    Argument a = {.name = o->name, .type = element_word(h->module, t->type), .rows = skip};
    a.shape = dimensions(h->module->program->arena, t->dims + skip, t->rank - skip);
    a.size = tensor_elements(t) / (skip ? t->dims[0] : 1);
    add_argument(h, a);
}

static Header header_create(const Module *m, const OutputOptions *o) {
    Header h = {.module = m, .options = o, .p = o->prefix, .big = upper(m->program->arena, o->prefix)};
    h.real = element_word(m, TYPE_REAL);
    const Field **fields = fields_in_order(m, &h.fields, &h.inputs);
    for (int i = 0; i < h.fields; i++) add_field(&h, fields[i]);
    for (int i = 0; i < m->outputs.count; i++) add_output(&h, &m->outputs.data[i]);
    return h;
}

// ---- what stands before the functions ---------------------------------------------------------------------

static void opening(Text *out, const Header *h, bool openblas) {
    const OutputOptions *o = h->options;
    text_add(out, "/* %s: the network `%s`, compiled by nnc %s for %s.\n   Digest of the source: %s\n\n",
             h->p, h->module->model, NN_VERSION, o->target->cpu, o->digest ? o->digest : "");
    text_put(
        out,
        "   Link the object with libnn.a and libm. Any number of instances live side by side, each used by "
        "one\n"
        "   thread at a time. Apart from them there is no state: nothing is global, printed or allocated "
        "after\n"
        "   creation, no thread is started, the floating-point state is the caller's again after each "
        "call.\n\n"
        "   An array is row-major and without gaps, aligned as its type is. A call that answers NN_USAGE,\n"
        "   NN_FILE or NN_DATA has changed nothing. */\n");
    if (openblas)
        text_put(out, "/* It calls OpenBLAS (cblas_sgemm, cblas_dgemm): link with -lopenblas as well. The "
                      "number of its threads\n"
                      "   is the caller's to set, and the order of its sums hangs on it; what it allocates "
                      "is its own matter. */\n");
    text_add(out, "#ifndef %s_H\n#define %s_H\n\n#include <stdint.h>\n\n", h->big, h->big);
    text_put(out, "#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n");
}

static void statuses(Text *out) {
    static const struct {
        const char *name;
        int value;
        const char *what;
    } rows[] = {
#define STATUS(code, value, text) {#code, value, text},
#include "status.def"
#undef STATUS
    };
    int count = (int)(sizeof rows / sizeof *rows);
    text_put(out, "/* What a call answers: one table with the exit codes of nnc and of trainers. */\n"
                  "#ifndef NN_STATUS_KNOWN\n#define NN_STATUS_KNOWN\ntypedef enum nn_status {\n");
    for (int i = 0; i < count; i++)
        text_add(out, "    %s = %d%s /* %s */\n", rows[i].name, rows[i].value, i + 1 < count ? "," : "",
                 rows[i].what);
    text_put(out, "} nn_status;\nconst char *nn_status_text(nn_status status);\n#endif\n\n");
}

// Integers of a field are below it; 0: any.
static int64_t limit_of(const Argument *a) { return a->field ? a->field->limit : 0; }

static void sizes(Text *out, const Header *h) {
    const Module *m = h->module;
    text_add(out, "#define %s_BATCH %lld /* the most rows of one call */\n", h->big,
             (long long)m->program->batch);
    text_add(out, "#define %s_PARAMETERS %lld /* numbers in all parameters of the network */\n", h->big,
             (long long)m->params);
    text_add(out, "#define %s_DIGEST \"%s\"\n", h->big, h->options->digest ? h->options->digest : "");
    for (int i = 0; i < h->arguments.count; i++) {
        const Argument *a = &h->arguments.data[i];
        text_add(out, "#define %s_%s_SIZE %lld /* elements of %s */\n", h->big, a->macro, (long long)a->size,
                 a->rows ? "one row" : "the whole");
        if (limit_of(a))
            text_add(out, "#define %s_%s_LIMIT %lld /* its values are below */\n", h->big, a->macro,
                     (long long)limit_of(a));
    }
    text_put(out, "\n");
}

static bool has_rate(const Module *m) {
    for (int i = 0; i < m->settings.count; i++)
        if (m->settings.data[i].is_rate) return true;
    return false;
}

static void configuration(Text *out, const Header *h) {
    const Module *m = h->module;
    const char *p = h->p;
    text_add(out,
             "/* An instance: parameters, optimizer, and the memory that a step needs. */\ntypedef struct %s "
             "%s;\n\n",
             p, p);
    text_add(out, "/* 0 is the default of each; with one that is wrong, %s_train_step answers NN_USAGE. */\n",
             p);
    text_add(out, "typedef struct %s_config {\n", p);
    text_add(out, "    uint64_t seed; /* of initial values and draws; 0: the program's, which is %lld */\n",
             (long long)m->seed);
    text_add(out, "    int64_t steps; /* updates in the whole run%s */\n",
             m->needs_steps ? "; must be given, a schedule reads it" : "; nothing here reads it");
    text_add(out, "    int64_t steps_per_epoch; /* updates in an epoch%s */\n",
             m->needs_epoch_length ? "; must be given, a length is in epochs"
                                   : "; 0: epochs are what the caller ends");
    text_add(out, "    double lr; /* in place of the optimizers' learning rate%s */\n",
             has_rate(m) ? "; 0: the program's" : "; must be 0, the program has none to set");
    text_add(out, "} %s_config;\n\n", p);
}

static void creation(Text *out, const Header *h) {
    const char *p = h->p;
    text_add(out,
             "/* A new instance with initial values drawn from the seed. `config` is copied, and may be "
             "NULL. NULL: out of\n"
             "   memory, or the processor lacks what this was compiled for (%s). */\n"
             "%s *%s_create(const %s_config *config);\n",
             h->options->target->features, p, p, p);
    text_add(out,
             "/* Ends an instance, and gives back what %s_create took. NULL is passed over. */\n"
             "void %s_destroy(%s *m);\n",
             p, p, p);
    text_add(
        out,
        "/* The same in memory of the caller's own, of any alignment: %s_size() bytes, which must stay where "
        "they are.\n"
        "   NULL: `memory` is NULL, `bytes` are too few, or the processor lacks something. */\n"
        "uint64_t %s_size(void);\n%s *%s_init(void *memory, uint64_t bytes, const %s_config *config);\n\n",
        p, p, p, p, p);
}

// ---- the functions ----------------------------------------------------------------------------------------

static void list_argument(Text *out, const Header *h, const Argument *a) {
    const Field *f = a->field;
    text_add(out, "     %s: %s%s%s", a->parameter, a->type, a->rows ? "[count]" : "", a->shape);
    if (limit_of(a)) text_add(out, ", 0 .. %lld", (long long)limit_of(a) - 1);
    if (f && f->text && !strstr(f->text, "*/") && !strstr(f->text, "/*")) text_add(out, "; `%s`", f->text);
    for (int i = 0; f && i < h->module->data.statistics.count; i++) {
        const Statistic *s = &h->module->data.statistics.data[i];
        if (&h->module->data.fields.data[s->field] != f) continue;
        if (s->kind == STATISTIC_STANDARDIZE)
            text_add(out, ", (value - data.%s.mean) / data.%s.deviation, and by 1 if that is 0", f->name,
                     f->name);
        if (s->kind == STATISTIC_MINMAX)
            text_add(out, ", (value - data.%s.low) / (data.%s.high - data.%s.low), and by 1 if that is 0",
                     f->name, f->name, f->name);
    }
    text_put(out, "\n");
}

static void declare_arguments(Text *out, const Header *h, int from, int to, const char *before) {
    for (int i = from; i < to; i++)
        text_add(out, ", %s%s *%s", before, h->arguments.data[i].type, h->arguments.data[i].parameter);
}

static void training(Text *out, const Header *h) {
    const Module *m = h->module;
    const char *p = h->p;
    text_put(out, "/* One step of training on `count` rows of what the model sees, after the arithmetic of "
                  "the data block:\n");
    for (int i = 0; i < h->fields; i++) list_argument(out, h, &h->arguments.data[i]);
    text_put(out, "   *loss is the loss of these rows before the step; `loss` may be NULL.\n");
    if (m->accumulate > 1)
        text_add(out, "   Gradients are added up: every %lld calls make one update.\n",
                 (long long)m->accumulate);
    text_add(out,
             "   NN_USAGE: an argument is NULL, `count` is not 1 .. %s_BATCH, or the configuration is wrong. "
             "NN_DATA: an\n"
             "   integer is outside its range. NN_NOT_FINITE: the step is made, and *loss is infinite or not "
             "a number. */\n",
             h->big);
    text_add(out, "nn_status %s_train_step(%s *m", p, p);
    declare_arguments(out, h, 0, h->fields, "const ");
    text_add(out, ", int32_t count, %s *loss);\n\n", h->real);
}

static void predicting(Text *out, const Header *h) {
    const char *p = h->p;
    if (h->fields == h->arguments.count)
        return; // the model is called in the text alone: there are no outputs
    text_put(out,
             "/* Inference on `count` rows; training goes on afterwards as if it had not been. It writes\n");
    for (int i = h->fields; i < h->arguments.count; i++) list_argument(out, h, &h->arguments.data[i]);
    text_add(out,
             "   Where a result is not wanted, NULL. NN_USAGE: an input is NULL, or `count` is not 1 .. "
             "%s_BATCH. NN_DATA: an\n"
             "   integer is outside its range. */\n",
             h->big);
    text_add(out, "nn_status %s_predict(%s *m", p, p);
    declare_arguments(out, h, 0, h->inputs, "const ");
    text_put(out, ", int32_t count");
    declare_arguments(out, h, h->fields, h->arguments.count, "");
    text_put(out, ");\n\n");
}

// Does a step read what is counted at the ends of epochs?
static bool watches(const Module *m) {
    const Program *p = m->program;
    for (int i = 0; i < p->functions.count; i++) {
        const Function *f = p->functions.data[i];
        if (f->kind != FUNCTION_STEP && f->kind != FUNCTION_UPDATE) continue;
        for (int e = 0; e < f->equations.count; e++)
            for (int t = 0; t < p->tensors.count; t++)
                if (p->tensors.data[t]->kind == TENSOR_RUN &&
                    expr_reads(f->equations.data[e]->e, p->tensors.data[t]))
                    return true;
    }
    return false;
}

static void clock_functions(Text *out, const Header *h) {
    const char *p = h->p;
    if (watches(h->module))
        text_add(out, "/* Ends an epoch: a schedule counts epochs without progress, by `value`: what it "
                      "watches, the loss of the\n"
                      "   epoch or of rows held out, measured by the caller. */\n");
    else
        text_add(out, "/* Ends an epoch. No schedule here watches `value`, so this only counts. */\n");
    text_add(out, "nn_status %s_epoch(%s *m, double value);\n", p, p);
    text_add(out, "/* Updates made so far; 0 for NULL. */\nint64_t %s_step(const %s *m);\n", p, p);
    text_add(out,
             "/* A new learning rate for the optimizers, or for the beginning of their schedule; it is not "
             "in what is saved.\n"
             "   NN_USAGE: it is not finite%s. */\nnn_status %s_set_lr(%s *m, double lr);\n\n",
             has_rate(h->module) ? "" : ", or as here, the program has none to set", p, p);
}

static void storage(Text *out, const Header *h) {
    const char *p = h->p;
    text_add(out,
             "/* Everything that training goes on from, but for the configuration, as a safetensors file, "
             "which a trainer takes\n"
             "   as weights. The file is replaced as a whole. NN_FILE: it cannot be written. */\n"
             "nn_status %s_save(%s *m, const char *path);\n",
             p, p);
    text_add(out,
             "/* Reads what %s_save or a trainer wrote: all of it or nothing. A trainer's weights bring no "
             "optimizer, which\n"
             "   begins anew, at step 0. NN_FILE: it cannot be read. NN_DATA: it is damaged, or of another "
             "network. */\n"
             "nn_status %s_load(%s *m, const char *path);\n",
             p, p, p);
    text_add(out,
             "/* The same in memory. *needed is the number of bytes; `needed` may be NULL. With `memory` "
             "NULL they are only\n"
             "   counted; NN_USAGE: `bytes` are too few, and what `memory` holds is of no use. */\n"
             "nn_status %s_save_memory(%s *m, void *memory, uint64_t bytes, uint64_t *needed);\n"
             "nn_status %s_load_memory(%s *m, const void *memory, uint64_t bytes);\n\n",
             p, p, p, p);
}

static void parameters(Text *out, const Header *h) {
    const Program *program = h->module->program;
    const char *p = h->p;
    text_put(out, "/* Copies of one of these, row-major in this shape:\n");
    for (int i = 0; i < program->tensors.count; i++) {
        const Tensor *t = program->tensors.data[i];
        if (t->kind == TENSOR_PARAM || t->kind == TENSOR_STATE)
            text_add(out, "     %s%s%s\n", t->name, dimensions(program->arena, t->dims, t->rank),
                     t->type == TYPE_INT    ? ", whole numbers"
                     : t->type == TYPE_BOOL ? ", 0 or 1"
                                            : "");
    }
    text_put(
        out,
        "   NN_USAGE: another name or count, or NULL. NN_DATA: a number that does not fit whole ones. */\n");
    text_add(out,
             "nn_status %s_get_parameter(%s *m, const char *name, %s *values, uint64_t count);\n"
             "nn_status %s_set_parameter(%s *m, const char *name, const %s *values, uint64_t count);\n\n",
             p, p, h->real, p, p, h->real);
}

char *header_text(const Module *m, const OutputOptions *o, bool openblas) {
    Text out = {.arena = m->program->arena};
    const Header h = header_create(m, o);
    opening(&out, &h, openblas);
    statuses(&out);
    sizes(&out, &h);
    configuration(&out, &h);
    creation(&out, &h);
    training(&out, &h);
    predicting(&out, &h);
    clock_functions(&out, &h);
    storage(&out, &h);
    parameters(&out, &h);
    text_put(&out, "#ifdef __cplusplus\n}\n#endif\n\n#endif\n");
    return string_copy(m->program->arena, text_string(&out), strlen(text_string(&out)));
}
