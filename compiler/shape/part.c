// Parts of the data that have a file or files of their own: `test = csv("test.csv")`, `test { ... }`.
// Guarantees: a part is given once, and a file that stands for one is read as the block's own is.
#include "shape/look.h"

#include "abi.h"

#include <string.h>

// What the split says of a part, or NULL.
static const Phrase *in_split(const Phrase *split, const char *part) {
    if (!split || !split->builtin) return NULL;
    return phrase_is(split, "folds") && string_equal(part, "test") ? split : word_argument(split, part);
}

static bool is_own(const Phrase *line, const char *part) {
    return line && line->kind == PHRASE_PART && string_equal(line->text, part);
}

// How a part of its own is written for this source.
static const char *own_text(Place at, const char *part) {
    const Phrase *source = at.s->source;
    const char *word = source->builtin->name, *query = phrase_is(source, "sqlite") ? ", \"QUERY\"" : "";
    const Phrase *rate = word_argument(source, "rate"); // must be given, so it is said again
    if (!source->count || source_kind(word) == NN_SOURCE_OWN)
        return string_format(at.s->arena, "%s { FIELD = ... }", part);
    return string_format(
        at.s->arena, "%s = %s(\"%s\"%s%s)", part, word, word_argument(source, "folder") ? "FOLDER" : "FILE",
        query, rate ? string_format(at.s->arena, ", rate = %.17g", at.c->of[rate->number].number) : "");
}

static void look_at_file(Place at, const Phrase *file, const char *part) {
    const Phrase *source = at.s->source, *query = word_argument(file, "query");
    if (!divides(at, part, file->span)) return;
    bool same = file->builtin == source->builtin && file->count &&
                source_kind(source->builtin->name) != NN_SOURCE_OWN;
    for (int i = 1; i < file->count && same; i++) { // what is said again is no other setting
        const Phrase *given = file->part[i], *own = i < source->count ? source->part[i] : NULL;
        same = !given || given == query || (own && node_equal(given->node, own->node));
    }
    if (!same)
        fail(at.s, PART_SOURCE, file->span, part, own_text(at, part));
    else
        arguments_fit(at, file);
}

void look_at_part_files(Place at, const Phrase *block) {
    const Phrase *split = data_setting_phrase(at.c->define, "split");
    for (int k = 0; part_words[k]; k++) {
        const Phrase *file = data_setting_phrase(at.c->define, part_words[k]), *first = file, *second = NULL;
        for (int i = 0; i + 1 < block->count; i++) {
            if (!is_own(block->part[i], part_words[k])) continue;
            if (first) second = block->part[i];
            if (!first) first = block->part[i];
        }
        if (first && !second) second = in_split(split, part_words[k]);
        if (file && file->builtin) look_at_file(at, file, part_words[k]);
        if (!first || !second) continue;
        Diagnostic *d = fail(at.s, PART_TWICE, second->span, part_words[k]);
        diagnostic_note(at.s->ctx, d, first->span, "it has rows of its own here");
    }
}
