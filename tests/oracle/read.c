// Programs from text, for goldens and tests: what program_print writes comes back as the same program.
// A fault is a diagnostic with its place; reading stops at the first.

#include "oracle/read.h"

#include <string.h>

static void skip_lines(Reader *r) {
    while (r->word.kind == WORD_LINE) reader_next(r);
}

void reader_end_line(Reader *r) {
    if (r->word.kind != WORD_LINE && r->word.kind != WORD_END) reader_fail(r, "the line should end here");
    skip_lines(r);
}

// The number of the word at hand in one of the lists of words.c, or -1.
#define FIND(function, type, from)                                                                           \
    static int find_##type(Reader *r) {                                                                      \
        for (int i = (from); function((type)i); i++)                                                         \
            if (reader_is(r, function((type)i))) return i;                                                   \
        return -1;                                                                                           \
    }
FIND(tensor_kind_word, TensorKind, 0)
FIND(type_word, Type, 0)
FIND(reduction_word, Reduction, 1)
FIND(function_kind_word, FunctionKind, 0)
FIND(precision_word, Precision, 0)
FIND(measure_word, MeasureKind, 0)

void reader_open(Reader *r) {
    int64_t batch = 1;
    int precision = PRECISION_DEFAULT;
    reader_next(r);
    skip_lines(r);
    reader_expect(r, "program");
    reader_expect(r, "batch");
    batch = reader_integer(r);
    reader_expect(r, "precision");
    precision = find_Precision(r);
    if (precision < 0 || batch < 1) reader_fail(r, "a program begins with `program batch N precision NAME`");
    reader_next(r);
    r->p = program_create(r->ctx, precision < 0 ? PRECISION_DEFAULT : (Precision)precision,
                          batch < 1 ? 1 : batch);
    reader_end_line(r);
}

bool read_tensor(Reader *r) {
    int64_t dims[MAX_RANK] = {0};
    uint8_t batch_dims = 0;
    int rank = 0, type, kind = find_TensorKind(r);
    if (kind < 0) return false;
    reader_next(r);
    const char *name = reader_name(r);
    reader_expect(r, "[");
    for (; !r->failed && !reader_is(r, "]") && rank < MAX_RANK; rank++) {
        if (reader_take(r, "batch")) {
            batch_dims |= (uint8_t)(1u << rank);
            dims[rank] = r->word.kind == WORD_NUMBER ? reader_integer(r) : r->p->batch;
        } else {
            dims[rank] = reader_integer(r);
        }
        if (!reader_is(r, "]")) reader_expect(r, ",");
    }
    reader_expect(r, "]");
    if (!r->failed && tensor_find(r->p, name)) reader_fail(r, "a second tensor is called `%s`", name);
    if (r->failed) return true;
    Tensor *t = tensor_add(r->p, name, (TensorKind)kind, TYPE_REAL, rank, dims);
    t->batch_dims = batch_dims;
    if ((type = find_Type(r)) >= 0) {
        t->type = (Type)type;
        reader_next(r);
    }
    if (reader_take(r, "in")) {
        t->bounded = true;
        t->low = reader_integer(r);
        reader_expect(r, "..");
        t->high = reader_integer(r);
    }
    t->trainable = reader_take(r, "trainable");
    t->given = reader_take(r, "given");
    if (reader_take(r, "along")) {
        int64_t along = reader_integer(r);
        t->step = reader_take(r, "reversed") ? -1 : 1;
        if (along < 0 || along >= rank)
            reader_fail(r, "%s has no dimension %lld", name, (long long)along);
        else
            t->along = (int8_t)along;
    }
    if (reader_take(r, "=")) t->start = reader_number(r);
    reader_end_line(r);
    return true;
}

// An equation's indices stand at its end, `| b:batch n:64`: they are read first.
static void read_indices(Reader *r, uint32_t from) {
    const char *text = r->source->text;
    uint32_t at = from;
    while (text[at] && text[at] != '\n' && text[at] != '|' && text[at] != '#') at++;
    r->indices.count = 0;
    if (text[at] != '|') return;
    reader_seek(r, at + 1);
    while (!r->failed && r->word.kind == WORD_NAME) {
        const char *name = reader_name(r);
        reader_expect(r, ":");
        bool batch = reader_take(r, "batch");
        int64_t size = batch ? r->p->batch : reader_integer(r);
        if (size < 0) reader_fail(r, "an index has no negative range");
        vec_push(r->p->arena, &r->indices, index_add(r->p, name, size, batch));
    }
}

// %1 = e, %2 = e ...: names of shared parts, on lines before their equation.
static void read_shared(Reader *r) {
    r->shared.count = 0;
    while (!r->failed && r->word.kind == WORD_SHARED) {
        if ((int)r->word.value != r->shared.count + 1)
            reader_fail(r, "%%%d is expected here", r->shared.count + 1);
        reader_next(r);
        reader_expect(r, "=");
        const Expr *e = read_expr(r);
        vec_push(r->p->arena, &r->shared, e);
        reader_end_line(r);
    }
}

static void read_results(Reader *r, const Tensor *t, const Affine **out) {
    int count = 0;
    reader_expect(r, "[");
    while (!r->failed && !reader_is(r, "]") && count < MAX_RANK) {
        out[count++] = read_form(r);
        if (!reader_take(r, ",")) break;
    }
    if (t && count != t->rank) reader_fail(r, "%s has %d dimensions", t->name, t->rank);
    reader_expect(r, "]");
    reader_expect(r, "=");
}

static int read_reduced(Reader *r, const Index **indices, int room) {
    int count = 0;
    reader_next(r);
    reader_expect(r, "[");
    while (!r->failed && !reader_is(r, "]") && count < room) {
        const char *name = reader_name(r);
        const Index *index = NULL;
        for (int i = 0; i < r->indices.count; i++)
            if (string_equal(r->indices.data[i]->name, name)) index = r->indices.data[i];
        if (!index) reader_fail(r, "`%s` is no index of this equation", name);
        indices[count++] = index;
        if (!reader_take(r, ",")) break;
    }
    reader_expect(r, "]");
    return count;
}

Equation *read_equation(Reader *r, bool ranges) {
    const char *text = r->source->text;
    uint32_t start = r->word.start, line = start;
    while (text[line] == '%') {
        line += (uint32_t)strcspn(text + line, "\n");
        line += (uint32_t)strspn(text + line, "\n \t\r");
    }
    if (ranges) read_indices(r, line);
    reader_seek(r, start);
    read_shared(r);
    Tensor *t = reader_tensor(r);
    const Affine *out[MAX_RANK] = {0};
    const Index *indices[64];
    int index_count = 0;
    read_results(r, t, out);
    int reduction = text[r->at] == '[' ? find_Reduction(r) : -1; // max(a, b) is none
    if (reduction >= 0) index_count = read_reduced(r, indices, 64);
    const Expr *e = read_expr(r);
    if (reader_is(r, "|")) // read before
        while (r->word.kind != WORD_LINE && r->word.kind != WORD_END) reader_next(r);
    reader_end_line(r);
    return r->failed ? NULL
                     : equation_make(r->p, t, out, reduction < 0 ? REDUCE_NONE : (Reduction)reduction,
                                     indices, index_count, e, NULL);
}

static void define(Reader *r, Function *f) {
    Equation *q = read_equation(r, true);
    if (q) vec_push(r->p->arena, &f->equations, q);
}

// measure NAME twice of NAME into NAME
static void read_measure(Reader *r, Function *f) {
    Measure m = {.name = reader_name(r)};
    int kind = find_MeasureKind(r);
    if (kind < 0) reader_fail(r, "a kind of measure is expected here");
    reader_next(r);
    m.kind = kind < 0 ? MEASURE_TWICE : (MeasureKind)kind;
    reader_expect(r, "of");
    m.value = reader_tensor(r);
    if (reader_take(r, "into")) m.output = reader_tensor(r);
    vec_push(r->p->arena, &f->measures, m);
    reader_end_line(r);
}

// NAME := NAME, NAME = gradient NAME by NAME, output NAME, a measure, or an equation
void read_statement(Reader *r, Function *f) {
    Word first = r->word;
    Arena *arena = r->p->arena;
    if (first.kind == WORD_SHARED) {
        define(r, f);
        return;
    }
    reader_name(r);
    bool output = string_equal(first.text, "output") && !first.quoted && r->word.kind == WORD_NAME;
    if (output) {
        Tensor *t = reader_tensor(r);
        vec_push(arena, &f->outputs, t);
        reader_end_line(r);
        return;
    }
    if (string_equal(first.text, "measure") && !first.quoted && r->word.kind == WORD_NAME) {
        read_measure(r, f);
        return;
    }
    bool effect = reader_is(r, ":="), gradient = reader_is(r, "=");
    reader_seek(r, first.start);
    if (!effect && !gradient) {
        define(r, f);
        return;
    }
    Tensor *target = reader_tensor(r);
    reader_next(r);
    if (effect) {
        Tensor *value = reader_tensor(r);
        vec_push(arena, &f->effects, (Effect){target, value});
    } else {
        reader_expect(r, "gradient");
        Tensor *of = reader_tensor(r);
        reader_expect(r, "by");
        Tensor *by = reader_tensor(r);
        vec_push(arena, &f->gradients, (GradientRequest){of, by, target});
    }
    reader_end_line(r);
}

// function KIND NAME, function KIND NAME from NAME training
Function *read_function(Reader *r) {
    int kind = find_FunctionKind(r);
    if (kind < 0) reader_fail(r, "a kind of function is expected here");
    reader_next(r);
    Function *f = function_add(r->p, kind < 0 ? FUNCTION_STEP : (FunctionKind)kind, reader_name(r));
    if (reader_take(r, "from")) {
        const char *name = reader_name(r);
        for (int i = 0; i < r->p->functions.count; i++)
            if (string_equal(r->p->functions.data[i]->name, name)) f->from = r->p->functions.data[i];
        if (!f->from) reader_fail(r, "no function is called `%s`", name);
    }
    f->training = reader_take(r, "training");
    return f;
}

Program *program_read(Context *ctx, const Source *source) {
    Reader r = {.ctx = ctx, .source = source};
    reader_open(&r);
    Function *f = NULL;
    while (!r.failed && r.word.kind != WORD_END) {
        if (reader_take(&r, "function")) {
            f = read_function(&r);
            reader_end_line(&r);
        } else if (f) {
            read_statement(&r, f);
        } else if (!read_tensor(&r)) {
            reader_fail(&r, "a tensor or a function is expected here");
        }
    }
    return r.failed ? NULL : r.p;
}
