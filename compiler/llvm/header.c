// The header of an object file: C from C99 on, C++ from C++98 on. Every shape, unit and error is stated in
// it. What every program's has stands in header.txt, where `$word` is one of the words below, and `?word `
// begins a line that is there only if the word is.
//
// Any number of such headers may be included together: what they share is guarded by names of its own.
#include "llvm/interface.h"

#include "llvm/wrappers.h"

#include <ctype.h>
#include <string.h>

// ---- words ------------------------------------------------------------------------------------------------

// The lines of a list; NULL: it is empty.
static const char *lines(Text *out) {
    if (!out->chars.count) return NULL;
    out->chars.count--; // the last end of line is the template's
    return text_string(out);
}

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
    return lines(&out);
}

// Integers of a field are below it; 0: any.
static int64_t limit_of(const Argument *a) { return a->field ? a->field->limit : 0; }

static const char *sizes(const Interface *h) {
    Text out = {.arena = h->module->program->arena};
    every_at (a, h->arguments) {
        text_add(&out, "#define %s_%s_SIZE %lld /* elements of %s */\n", h->big, a->macro, (long long)a->size,
                 a->rows ? "one row" : "the whole");
        if (limit_of(a))
            text_add(&out, "#define %s_%s_LIMIT %lld /* its values are below */\n", h->big, a->macro,
                     (long long)limit_of(a));
    }
    return lines(&out);
}

static bool has_rate(const Module *m) {
    for (int i = 0; i < m->settings.count; i++)
        if (m->settings.data[i].is_rate) return true;
    return false;
}

static void list_argument(Text *out, const Interface *h, const Argument *a) {
    const Field *f = a->field;
    text_add(out, "     %s: %s%s%s", a->parameter, a->type, a->rows ? "[count]" : "", a->shape);
    if (limit_of(a)) text_add(out, ", 0 .. %lld", (long long)limit_of(a) - 1);
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
    return lines(&out);
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
    return lines(&out);
}

static const char *number(const Interface *h, int64_t value) {
    return string_format(h->module->program->arena, "%lld", (long long)value);
}

// ---- the template -----------------------------------------------------------------------------------------

extern const char header_template[]; // header.txt

typedef struct {
    const char *name, *text; // NULL: the word is not there
} Word;

static const Word *word_at(const Word *words, const char *text, size_t *length) {
    *length = 0;
    while (isalpha((unsigned char)text[*length])) ++*length;
    for (; words->name; words++)
        if (strlen(words->name) == *length && !strncmp(words->name, text, *length)) return words;
    die("header.txt: what is %.*s?", (int)*length, text);
}

static void expand(Text *out, const char *text, const Word *words) {
    for (size_t n; *text; text += n) {
        const Word *word = *text == '$' || *text == '?' ? word_at(words, text + 1, &n) : NULL;
        if (!word) {
            n = strcspn(text + 1, "$?") + 1;
            text_add(out, "%.*s", (int)n, text);
        } else if (*text++ == '$') {
            text_put(out, word->text);
        } else if (word->text) {
            n += text[n] == ' ';
        } else {
            n = strcspn(text, "\n") + 1;
        }
    }
}

const char *header_text(const Module *m, const OutputOptions *o, bool openblas) {
    const Interface h = interface_of(m, o);
    int all = h.arguments.count;
    bool rated = has_rate(m), counts = !watches(m), caller = string_equal(m->data.source, "caller");
    const Word words[] = {
        {"prefix", h.p},
        {"PREFIX", h.big},
        {"real", h.real},
        {"model", m->model},
        {"version", NN_VERSION},
        {"cpu", o->target->cpu},
        {"features", o->target->features},
        {"digest", o->digest ? o->digest : ""},
        {"openblas", openblas ? "" : NULL},
        {"statuses", statuses(m->program->arena)},
        {"batch", number(&h, m->program->batch)},
        {"numbers", number(&h, m->params)},
        {"sizes", sizes(&h)},
        {"seed", number(&h, m->seed)},
        {"steps", m->needs_steps ? "must be given, a schedule reads it" : "nothing here reads it"},
        {"epoch", m->needs_epoch_length ? "must be given, a length is in epochs"
                                        : "0: epochs are what the caller ends"},
        {"lr", rated ? "0: the program's" : "must be 0, the program has none to set"},
        {"rated", rated ? "" : NULL},
        {"unrated", rated ? NULL : ""},
        {"made", caller ? NULL : ""},
        {"given", caller ? "" : NULL},
        {"fields", list(&h, 0, h.fields)},
        {"takes", declared(&h, 0, h.fields, "const ")},
        {"accumulate", m->accumulate > 1 ? number(&h, m->accumulate) : NULL},
        {"inputs", declared(&h, 0, h.inputs, "const ")},
        {"outputs", list(&h, h.fields, all)}, // none: the model is called in the text alone
        {"gives", declared(&h, h.fields, all, "")},
        {"checked", o->checked ? "" : NULL},
        {"averages", m->averages.count ? "" : NULL},
        {"averaged", m->averages.count && module_outputs(m) ? "" : NULL},
        {"watches", counts ? NULL : ""},
        {"counts", counts ? "" : NULL},
        {"parameters", parameters(m->program)},
        {NULL, NULL},
    };
    Text out = {.arena = m->program->arena};
    expand(&out, header_template, words);
    return text_string(&out);
}
