// The header of an object file: C from C99 on, C++ from C++98 on. Every shape, unit and error is stated in
// it.
//
// Any number of such headers may be included together: what they share is guarded by names of its own.
#include "llvm/wrappers.h"

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

static const char *dimensions(Arena *arena, const int64_t *dims, int rank) {
    const char *text = "";
    for (int d = 0; d < rank; d++) text = string_format(arena, "%s[%lld]", text, (long long)dims[d]);
    return text;
}

// An identifier of C: other characters become _.
static const char *identifier(Arena *arena, const char *name) {
    char *copy = string_copy(arena, name, strlen(name));
    for (char *c = copy; *c; c++)
        if (!isalnum((unsigned char)*c)) *c = '_';
    return copy;
}

static void opening(Text *out, const Module *m, const OutputOptions *o, bool openblas, const char *big) {
    text_add(out, "// %s: the model `%s`, compiled by nnc %s for %s (%s).\n", o->prefix, m->model, NN_VERSION,
             o->target->cpu, o->target->features);
    text_add(out, "// Digest of the source: %s\n", o->digest ? o->digest : "");
    if (openblas)
        text_put(out, "// Calls OpenBLAS (cblas_sgemm, cblas_dgemm): link with -lopenblas as well. Its number of "
                      "threads is yours to set, and the order of its sums hangs on it.\n");
    text_put(out, "// Link with libnn.a and libm. One thread at a time each; no allocation after creation; "
                  "no global state.\n");
    text_add(out, "#ifndef %s_H\n#define %s_H\n\n#include <stdint.h>\n\n", big, big);
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
    text_put(out, "#ifndef NN_STATUS_KNOWN\n#define NN_STATUS_KNOWN\ntypedef enum nn_status {\n");
    for (int i = 0; i < count; i++)
        text_add(out, "    %s = %d%s /* %s */\n", rows[i].name, rows[i].value, i + 1 < count ? "," : "",
                 rows[i].what);
    text_put(out, "} nn_status;\nconst char *nn_status_text(nn_status status);\n#endif\n\n");
}

static void sizes(Text *out, const Module *m, const OutputOptions *o, const char *big) {
    text_add(out, "#define %s_BATCH %lld /* the most rows of one call */\n", big,
             (long long)m->program->batch);
    text_add(out, "#define %s_PARAMETERS %lld\n", big, (long long)m->params);
    text_add(out, "#define %s_DIGEST \"%s\"\n", big, o->digest ? o->digest : "");
    int count, inputs;
    const Field **fields = fields_in_order(m, &count, &inputs);
    for (int i = 0; i < count; i++) {
        int64_t n = 1;
        for (int d = 0; d < fields[i]->rank; d++) n *= fields[i]->dims[d];
        text_add(out, "#define %s_%s_SIZE %lld /* elements of one row */\n", big,
                 upper(m->program->arena, identifier(m->program->arena, fields[i]->name)), (long long)n);
    }
    for (int i = 0; i < m->outputs.count; i++) {
        const Tensor *t = m->outputs.data[i].tensor;
        text_add(out, "#define %s_%s_SIZE %lld /* elements of one row */\n", big,
                 upper(m->program->arena, identifier(m->program->arena, m->outputs.data[i].name)),
                 (long long)(tensor_elements(t) / (t->batch_dims & 1 ? t->dims[0] : 1)));
    }
    text_put(out, "\n");
}

static void creation(Text *out, const Module *m, const char *p) {
    text_add(out, "typedef struct %s %s;\n", p, p);
    text_put(out, "/* 0 is the default of each.");
    if (m->needs_steps) text_put(out, " `steps` must be given: a schedule reads the run's length.");
    if (m->needs_epoch_length) text_put(out, " `steps_per_epoch` must be given: a length is in epochs.");
    text_add(
        out,
        " */\ntypedef struct %s_config {\n    uint64_t seed;\n    int64_t steps; /* of the whole run */\n"
        "    int64_t steps_per_epoch;\n    double lr; /* the optimizers' learning rate */\n} %s_config;\n\n",
        p, p);
    text_add(out,
             "/* NULL: out of memory. `config` may be NULL. */\n%s *%s_create(const %s_config *config);\n", p,
             p, p);
    text_add(out, "void %s_destroy(%s *m);\n", p, p);
    text_add(
        out,
        "/* For memory of your own: bytes needed, and making an instance in them (NULL: too few). */\n"
        "uint64_t %s_size(void);\n%s *%s_init(void *memory, uint64_t bytes, const %s_config *config);\n\n",
        p, p, p, p);
}

static void field_comment(Text *out, const Module *m, const Field *f) {
    text_add(out, "   %s%s", f->name, dimensions(m->program->arena, f->dims, f->rank));
    if (f->limit) text_add(out, ": 0 .. %lld, else NN_DATA", (long long)f->limit - 1);
    text_put(out, "\n");
}

static void steps(Text *out, const Module *m, const char *p) {
    Arena *arena = m->program->arena;
    int count, inputs;
    const Field **fields = fields_in_order(m, &count, &inputs);
    text_put(out, "/* One step on `count` rows (1 to the batch), row-major, as the model sees them, after "
                  "the data block's arithmetic:\n");
    for (int i = 0; i < count; i++) field_comment(out, m, fields[i]);
    text_put(out,
             "   NN_USAGE: a wrong count, or the run's length is missing; NN_NOT_FINITE: the loss. */\n");
    text_add(out, "nn_status %s_train_step(%s *m", p, p);
    for (int i = 0; i < count; i++)
        text_add(out, ", const %s *%s", element_word(m, fields[i]->type), identifier(arena, fields[i]->name));
    text_add(out, ", int32_t count, %s *loss);\n", element_word(m, TYPE_REAL));
    text_put(out, "/* Inference on `count` rows.\n");
    for (int i = 0; i < m->outputs.count; i++) {
        const Tensor *t = m->outputs.data[i].tensor;
        int skip = t->batch_dims & 1;
        text_add(out, "   %s%s\n", m->outputs.data[i].name,
                 dimensions(arena, t->dims + skip, t->rank - skip));
    }
    text_add(out, "   */\nnn_status %s_predict(%s *m", p, p);
    for (int i = 0; i < inputs; i++)
        text_add(out, ", const %s *%s", element_word(m, fields[i]->type), identifier(arena, fields[i]->name));
    text_put(out, ", int32_t count");
    for (int i = 0; i < m->outputs.count; i++)
        text_add(out, ", %s *%s", element_word(m, m->outputs.data[i].tensor->type),
                 identifier(arena, m->outputs.data[i].name));
    text_put(out, ");\n");
    text_add(
        out,
        "/* Ends an epoch, for schedules that watch the loss. */\nnn_status %s_epoch(%s *m, double loss);\n",
        p, p);
    text_add(out, "/* Steps made so far. */\nint64_t %s_step(const %s *m);\n", p, p);
    text_add(out, "nn_status %s_set_lr(%s *m, double lr);\n\n", p, p);
}

static void storage(Text *out, const Module *m, const char *p) {
    const char *real = element_word(m, TYPE_REAL);
    text_add(
        out,
        "/* Weights files (safetensors), the trainer's. Loading is all or nothing. NN_FILE, NN_DATA. */\n"
        "nn_status %s_save(%s *m, const char *path);\nnn_status %s_load(%s *m, const char *path);\n",
        p, p, p, p);
    text_add(out,
             "/* The same in memory; with too few bytes NN_USAGE, and `needed` says how many. */\n"
             "nn_status %s_save_memory(%s *m, void *memory, uint64_t bytes, uint64_t *needed);\n"
             "nn_status %s_load_memory(%s *m, const void *memory, uint64_t bytes);\n",
             p, p, p, p);
    text_add(out,
             "/* Copies of one parameter, row-major in the declared shape; another count is NN_USAGE.\n");
    const Program *program = m->program;
    for (int i = 0; i < program->tensors.count; i++) {
        const Tensor *t = program->tensors.data[i];
        if (t->kind == TENSOR_PARAM || t->kind == TENSOR_STATE)
            text_add(out, "   %s%s\n", t->name, dimensions(program->arena, t->dims, t->rank));
    }
    text_add(out,
             "   */\nnn_status %s_get_parameter(%s *m, const char *name, %s *values, uint64_t count);\n"
             "nn_status %s_set_parameter(%s *m, const char *name, const %s *values, uint64_t count);\n\n",
             p, p, real, p, p, real);
}

char *header_text(const Module *m, const OutputOptions *o, bool openblas) {
    Text out = {.arena = m->program->arena};
    const char *big = upper(m->program->arena, o->prefix);
    opening(&out, m, o, openblas, big);
    statuses(&out);
    sizes(&out, m, o, big);
    creation(&out, m, o->prefix);
    steps(&out, m, o->prefix);
    storage(&out, m, o->prefix);
    text_put(&out, "#ifdef __cplusplus\n}\n#endif\n\n#endif\n");
    return string_copy(m->program->arena, text_string(&out), strlen(text_string(&out)));
}
