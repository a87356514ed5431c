// Texts with words in them: the header of an object, the module for Python. What both say of a program stands
// here, so that they say the same.
#include "llvm/template.h"

#include <ctype.h>
#include <string.h>

bool interface_rated(const Interface *h) {
    for (int i = 0; i < h->module->settings.count; i++)
        if (h->module->settings.data[i].is_rate) return true;
    return false;
}

const char *template_lines(Text *out) {
    if (!out->chars.count) return NULL;
    out->chars.count--;
    return text_string(out);
}

static const char *number(const Interface *h, int64_t value) {
    return string_format(h->module->program->arena, "%lld", (long long)value);
}

static size_t word_length(const char *text) {
    size_t length = 0;
    while (isalpha((unsigned char)text[length])) length++;
    return length;
}

static const Word *word_at(const Word *words, const char *text, size_t length) {
    for (; words->name; words++)
        if (strlen(words->name) == length && !strncmp(words->name, text, length)) return words;
    return NULL;
}

static void expand(Text *out, const char *text, const Word *common, const Word *own) {
    for (size_t n; *text; text += n) {
        const Word *word = NULL;
        if (*text == '$' || *text == '?') {
            n = word_length(text + 1);
            word = word_at(own, text + 1, n);
            if (!word) word = word_at(common, text + 1, n);
            if (!word) die("a template: what is %.*s?", (int)n, text + 1);
        }
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

// The highest first.
static const char *levels_text(const Interface *h) {
    const OutputOptions *o = h->options;
    Text text = {.arena = h->module->program->arena};
    for (int i = 0; i < o->higher.count; i++) text_add(&text, "%s, ", o->higher.data[i].target->cpu);
    text_put(&text, o->target->cpu);
    return text_string(&text);
}

void template_expand(Text *out, const char *text, const Interface *h, const Word *words) {
    const Module *m = h->module;
    const OutputOptions *o = h->options;
    const Word common[] = {
        {"prefix", h->p},
        {"PREFIX", h->big},
        {"real", h->real},
        {"model", m->model},
        {"version", NN_VERSION},
        {"cpu", levels_text(h)},
        {"features", o->target->features},
        {"digest", o->digest ? o->digest : ""},
        {"batch", number(h, m->program->batch)},
        {"numbers", number(h, m->params)},
        {"seed", number(h, m->seed)},
        {"steps", m->needs_steps ? "must be given, a schedule reads it" : "nothing here reads it"},
        {"epoch", m->needs_epoch_length ? "must be given, a length is in epochs"
                                        : "0: epochs are what the caller ends"},
        {"lr", interface_rated(h) ? "0: the program's" : "must be 0, the program has none to set"},
        {"accumulate", m->accumulate > 1 ? number(h, m->accumulate) : NULL},
        {NULL, NULL},
    };
    expand(out, text, common, words);
}
