// A module for Python over a shared library: ctypes, no other package. What every program's has stands in
// module.txt; the arguments come from the interface, as the header's do.
#include "llvm/template.h"
#include "llvm/wrappers.h"

#include <string.h>

// ---- names and shapes -------------------------------------------------------------------------------------

static bool keyword(const char *name) {
    static const char *const words[] = {
        "False", "None",     "True",  "and",    "as",   "assert", "async",  "await",    "break",
        "class", "continue", "def",   "del",    "elif", "else",   "except", "finally",  "for",
        "from",  "global",   "if",    "import", "in",   "is",     "lambda", "nonlocal", "not",
        "or",    "pass",     "raise", "return", "self", "try",    "while",  "with",     "yield"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (!strcmp(words[i], name)) return true;
    return false;
}

// What begins with `_` is no member of a named tuple.
static const char *python_name(const Interface *h, const Argument *a) {
    return string_format(h->module->program->arena, "%s%s%s", *a->parameter == '_' ? "x" : "", a->parameter,
                         keyword(a->parameter) ? "_" : "");
}

static char kind_of(const char *type) {
    return !strcmp(type, "float") ? 'f' : !strcmp(type, "double") ? 'd' : 'i';
}

static void put_tuple(Text *out, const char *first, const int64_t *dims, int rank) {
    text_add(out, "(%s", first);
    for (int d = 0; d < rank; d++) text_add(out, "%s%lld", d || *first ? ", " : "", (long long)dims[d]);
    text_put(out, rank + (*first != 0) == 1 ? ",)" : ")");
}

// ---- words ------------------------------------------------------------------------------------------------

static const char *table(const Interface *h, int from, int to) {
    Text out = {.arena = h->module->program->arena};
    for (int i = from; i < to; i++) {
        const Argument *a = &h->arguments.data[i];
        text_add(&out, "    _Argument(\"%s\", \"%c\", ", python_name(h, a), kind_of(a->type));
        put_tuple(&out, "", a->dims, a->rank);
        text_add(&out, ", %lld, %s),\n", (long long)a->limit, a->rows ? "True" : "False");
    }
    return template_lines(&out);
}

static const char *shapes(const Program *program) {
    Text out = {.arena = program->arena};
    every (t, program->tensors) {
        if (t->kind != TENSOR_PARAM && t->kind != TENSOR_STATE) continue;
        text_add(&out, "    \"%s\": ", t->name);
        put_tuple(&out, "", t->dims, t->rank);
        text_put(&out, ",\n");
    }
    return template_lines(&out);
}

// What a method's text says of its arrays.
static const char *told(const Interface *h, int from, int to) {
    static const char *const words[] = {['f'] = "float32", ['d'] = "float64", ['i'] = "int32"};
    Text out = {.arena = h->module->program->arena};
    for (int i = from; i < to; i++) {
        const Argument *a = &h->arguments.data[i];
        text_add(&out, "        %s: %s ", python_name(h, a), words[(int)kind_of(a->type)]);
        put_tuple(&out, "rows", a->dims, a->rank);
        if (a->limit) text_add(&out, ", 0 .. %lld", (long long)a->limit - 1);
        text_put(&out, "\n");
    }
    return template_lines(&out);
}

static const char *members(const Interface *h) {
    Text out = {.arena = h->module->program->arena};
    for (int i = h->fields; i < h->arguments.count; i++) {
        const Argument *a = &h->arguments.data[i];
        text_add(&out, "    %s: memoryview  # ", python_name(h, a));
        put_tuple(&out, a->rows ? "rows" : "", a->dims, a->rank);
        text_put(&out, "\n");
    }
    return template_lines(&out);
}

// Each name between `before` and `after`.
static const char *names(const Interface *h, int from, int to, const char *before, const char *after) {
    Text out = {.arena = h->module->program->arena};
    for (int i = from; i < to; i++)
        text_add(&out, "%s%s%s", before, python_name(h, &h->arguments.data[i]), after);
    return text_string(&out);
}

// (x, k)
static const char *tuple(const Interface *h, int from, int to) {
    const char *all = names(h, from, to, ", ", "");
    return string_format(h->module->program->arena, "(%s%s)", to > from ? all + 2 : "",
                         to - from == 1 ? "," : "");
}

// ---- raw columns ------------------------------------------------------------------------------------------

static const char *cell_name(const Interface *h, const RawColumn *c) {
    return python_name(h, &(Argument){.parameter = c->parameter});
}

static const char *column_table(const Interface *h) {
    Text out = {.arena = h->module->program->arena};
    every_at (c, h->columns)
        text_add(&out, "    _Column(\"%s\", %s, %lld),\n", cell_name(h, c), c->texts ? "True" : "False",
                 (long long)c->count);
    return template_lines(&out);
}

// Each column's name between `before` and what is said of its kind.
static const char *cells(const Interface *h, const char *before, const char *texts, const char *numbers) {
    Text out = {.arena = h->module->program->arena};
    every_at (c, h->columns) text_add(&out, "%s%s%s", before, cell_name(h, c), c->texts ? texts : numbers);
    return text_string(&out);
}

static const char *cells_told(const Interface *h) {
    Text out = {.arena = h->module->program->arena};
    every_at (c, h->columns) {
        text_add(&out, "        %s: %s (rows", cell_name(h, c), c->texts ? "texts" : "float64");
        text_add(&out, c->count > 1 ? ", %lld)\n" : ",)\n", (long long)c->count);
    }
    return template_lines(&out);
}

static const char *raw_members(const Interface *h) {
    Text out = {.arena = h->module->program->arena};
    for (int i = h->fields; i < h->arguments.count; i++) {
        const Argument *a = &h->arguments.data[i];
        const char *kind = !words_of(a) ? "memoryview"
                           : a->rank    ? "List[List[Optional[str]]]"
                                        : "List[Optional[str]]";
        text_add(&out, "    %s: %s  # ", python_name(h, a), kind);
        put_tuple(&out, "rows", a->dims, a->rank);
        text_put(&out, "\n");
    }
    return template_lines(&out);
}

static const char *which_words(const Interface *h) {
    Text out = {.arena = h->module->program->arena};
    for (int i = h->fields; i < h->arguments.count; i++)
        text_add(&out, "%s, ", words_of(&h->arguments.data[i]) ? "True" : "False");
    return string_format(out.arena, "(%s)", text_string(&out));
}

extern const char module_template[]; // module.txt

const char *python_text(const Module *m, const OutputOptions *o, const char *library) {
    const Interface h = interface_of(m, o);
    Arena *arena = m->program->arena;
    int all = h.arguments.count;
    char kind[2] = {kind_of(h.real), 0};
    const Word words[] = {
        {"library", library},
        {"shapes", shapes(m->program)},
        {"rows", table(&h, 0, h.fields)},
        {"inputs", string_format(arena, "%d", h.inputs)},
        {"outputs", all > h.fields ? "" : NULL},
        {"results", table(&h, h.fields, all)},
        {"members", members(&h)},
        {"kind", kind},
        {"takes", names(&h, 0, h.fields, ", ", ": Buffer")},
        {"fields", told(&h, 0, h.fields)},
        {"fieldnames", tuple(&h, 0, h.fields)},
        {"asks", string_format(arena, "%s, *%s", names(&h, 0, h.inputs, ", ", ": Buffer"),
                               names(&h, h.fields, all, ", ", ": Optional[Buffer] = None"))},
        {"given", told(&h, 0, h.inputs)},
        {"inputnames", tuple(&h, 0, h.inputs)},
        {"resultnames", tuple(&h, h.fields, all)},
        {"raw", h.no_raw ? NULL : ""},
        {"columns", column_table(&h)},
        {"worded", which_words(&h)},
        {"cells", cells(&h, ", ", ": Sequence[Optional[str]]", ": Any")},
        {"cellstold", cells_told(&h)},
        {"cellnames", string_format(arena, "(%s)", cells(&h, "", ", ", ", "))},
        {"rawmembers", raw_members(&h)},
        {"samplestype", data_has_windows(m) ? ", _P" : ""},
        {"samplesgiven", data_has_windows(m) ? ", ctypes.addressof(samples)" : ""},
        {NULL, NULL},
    };
    Text out = {.arena = arena};
    template_expand(&out, module_template, &h, words);
    return text_string(&out);
}
