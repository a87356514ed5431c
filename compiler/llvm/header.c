// The header of an object file: C from C99 on, C++ from C++98 on. Every shape, unit and error is stated in
// it. What every program's has stands in header.txt, where `$word` is one of the words below, and `?word `
// begins a line that is there only if the word is.
//
// Any number of such headers may be included together: what they share is guarded by names of its own.
#include "llvm/template.h"
#include "llvm/wrappers.h"

#include <string.h>

// ---- words ------------------------------------------------------------------------------------------------

static const char *statuses(Arena *arena) {
    static const struct {
        const char *name, *text;
        int value;
    } rows[] = {
#define STATUS(code, value, text) {#code, text, value},
#include "status.def"
#undef STATUS
    };
    enum { STATUSES = sizeof rows / sizeof *rows };
    Text out = {.arena = arena};
    for (int i = 0; i < STATUSES; i++)
        text_add(&out, "    %s = %d%s /* %s */\n", rows[i].name, rows[i].value, i + 1 < STATUSES ? "," : "",
                 rows[i].text);
    return template_lines(&out);
}

static const char *sizes(const Interface *h) {
    Text out = {.arena = h->module->program->arena};
    every_at (a, h->arguments) {
        text_add(&out, "#define %s_%s_SIZE %lld /* elements of %s */\n", h->big, a->macro, (long long)a->size,
                 a->rows ? "one row" : "the whole");
        if (a->limit)
            text_add(&out, "#define %s_%s_LIMIT %lld /* its values are below */\n", h->big, a->macro,
                     (long long)a->limit);
    }
    return template_lines(&out);
}

static void list_argument(Text *out, const Interface *h, const Argument *a) {
    const Field *f = a->field;
    text_add(out, "     %s: %s%s%s", a->parameter, a->type, a->rows ? "[count]" : "", a->shape);
    if (a->limit) text_add(out, ", 0 .. %lld", (long long)a->limit - 1);
    bool told = string_equal(h->module->data.source, "caller"); // what the line says stands here already
    if (f && f->text && !told && !strstr(f->text, "*/") && !strstr(f->text, "/*"))
        text_add(out, "; `%s`", f->text);
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

static const char *list(const Interface *h, int from, int to) {
    Text out = {.arena = h->module->program->arena};
    for (int i = from; i < to; i++) list_argument(&out, h, &h->arguments.data[i]);
    return template_lines(&out);
}

static const char *declared(const Interface *h, int from, int to, const char *before) {
    Text out = {.arena = h->module->program->arena};
    for (int i = from; i < to; i++) {
        const Argument *a = &h->arguments.data[i];
        text_add(&out, ", %s%s *%s", before, a->type, a->parameter);
        if (h->checked) text_add(&out, ", uint64_t %s_count", a->parameter);
    }
    return text_string(&out);
}

// What of the source stands in an argument of predict_raw.
static const char *columns(const Interface *h) {
    Text out = {.arena = h->module->program->arena};
    every_at (c, h->columns) {
        text_add(&out, "     %s: %s[rows]", c->parameter, c->texts ? "text" : "double");
        if (c->count > 1) text_add(&out, "[%lld]", (long long)c->count);
        int64_t last = c->first + c->count - 1;
        if (c->name && !strstr(c->name, "*/") && !strstr(c->name, "/*"))
            text_add(&out, ", column \"%s\"", c->name);
        else if (!c->name)
            text_add(&out, c->count > 1 ? ", columns %lld .. %lld" : ", column %lld", (long long)c->first,
                     (long long)last);
        text_put(&out, "\n");
    }
    return template_lines(&out);
}

static const char *declared_columns(const Interface *h) {
    Text out = {.arena = h->module->program->arena};
    every_at (c, h->columns) {
        text_add(&out, ", %s%s*%s", c->texts ? "" : "const ", c->texts ? "const char *const " : "double ",
                 c->parameter);
        if (h->checked) text_add(&out, ", uint64_t %s_count", c->parameter);
    }
    return text_string(&out);
}

// What predict_raw gives, for the comment or as parameters.
static const char *raw_results(const Interface *h, bool listed) {
    Text out = {.arena = h->module->program->arena};
    for (int i = h->fields; i < h->arguments.count; i++) {
        const Argument *a = &h->arguments.data[i];
        const char *type = words_of(a) ? "const char *" : a->type;
        if (listed)
            text_add(&out, "     %s: %s[rows]%s\n", a->parameter, words_of(a) ? "text" : type, a->shape);
        else
            text_add(&out, ", %s%s*%s", type, words_of(a) ? "" : " ", a->parameter);
        if (!listed && h->checked) text_add(&out, ", uint64_t %s_count", a->parameter);
    }
    return listed ? template_lines(&out) : text_string(&out);
}

static bool any_words(const Interface *h) {
    bool any = false;
    for (int i = h->fields; i < h->arguments.count; i++) any |= words_of(&h->arguments.data[i]);
    return any;
}

// Does a step read what is counted at the ends of epochs?
static bool watches(const Module *m) {
    const Program *p = m->program;
    every (f, p->functions) {
        if (f->kind != FUNCTION_STEP && f->kind != FUNCTION_UPDATE) continue;
        for (int e = 0; e < f->equations.count; e++)
            for (int t = 0; t < p->tensors.count; t++)
                if (p->tensors.data[t]->kind == TENSOR_RUN &&
                    expr_reads(f->equations.data[e]->e, p->tensors.data[t]))
                    return true;
    }
    return false;
}

static const char *parameters(const Program *program) {
    Text out = {.arena = program->arena};
    every (t, program->tensors)
        if (t->kind == TENSOR_PARAM || t->kind == TENSOR_STATE)
            text_add(&out, "     %s%s%s\n", t->name, dimensions_text(program->arena, t->dims, t->rank),
                     t->type == TYPE_INT    ? ", whole numbers"
                     : t->type == TYPE_BOOL ? ", 0 or 1"
                                            : "");
    return template_lines(&out);
}

extern const char header_template[]; // header.txt

const char *header_text(const Module *m, const OutputOptions *o, bool openblas) {
    const Interface h = interface_of(m, o);
    int all = h.arguments.count;
    bool rated = interface_rated(&h), counts = !watches(m), caller = string_equal(m->data.source, "caller");
    const Word words[] = {
        {"openblas", openblas ? "" : NULL},
        {"statuses", statuses(m->program->arena)},
        {"sizes", sizes(&h)},
        {"rated", rated ? "" : NULL},
        {"unrated", rated ? NULL : ""},
        {"made", caller ? NULL : ""},
        {"given", caller ? "" : NULL},
        {"fields", list(&h, 0, h.fields)},
        {"takes", declared(&h, 0, h.fields, "const ")},
        {"inputs", declared(&h, 0, h.inputs, "const ")},
        {"outputs", list(&h, h.fields, all)}, // none: the model is called in the text alone
        {"gives", declared(&h, h.fields, all, "")},
        {"raw", h.no_raw ? NULL : ""},
        {"noraw", h.no_raw},
        {"columns", h.no_raw ? "" : columns(&h)},
        {"cells", declared_columns(&h)},
        {"results", h.no_raw ? "" : raw_results(&h, true)},
        {"words", raw_results(&h, false)},
        {"worded", !h.no_raw && any_words(&h) ? "" : NULL},
        {"windowed", !h.no_raw && data_has_windows(m) ? "" : NULL},
        {"samples", data_has_windows(m) ? ", int64_t *samples" : ""},
        {"checked", o->checked ? "" : NULL},
        {"averages", m->averages.count ? "" : NULL},
        {"averaged", m->averages.count && module_outputs(m) ? "" : NULL},
        {"watches", counts ? NULL : ""},
        {"counts", counts ? "" : NULL},
        {"parameters", parameters(m->program)},
        {NULL, NULL},
    };
    Text out = {.arena = m->program->arena};
    template_expand(&out, header_template, &h, words);
    return text_string(&out);
}
