// Bound definitions as text, a phrase a line, for tests and --dump-after.
#include "bind/bind.h"

static const char *const WORDS[] = {
#define PHRASE(kind, word) word,
#include "bind/phrase.def"
#undef PHRASE
};
static const char *const KINDS[] = {"wrong", "number", "tensor", "callable", "tuple", "list", "text", "any"};
static const char *const PHASES[] = {"known", "clock", "rows"};
static const char *const SLOTS[] = {"setting", "tensor", "size",   "index", "round",  "local",
                                    "param",   "state",  "result", "field", "output", "wrong"};

static const char *definition_title(const Definition *d) {
    return d->node->name ? d->node->name : node_kind_word(d->node->kind);
}

static void print_sort(Text *out, Sort s) {
    text_add(out, " : %s %s", KINDS[s.kind], PHASES[s.phase]);
    if (s.draws) text_put(out, " draws");
    if (s.parameters) text_add(out, " of %llx", (unsigned long long)s.parameters);
}

// What a phrase names.
static void print_name(Text *out, const Phrase *p) {
    switch ((int)p->kind) {
    case PHRASE_NUMBER: text_add(out, " %g", p->value); break;
    case PHRASE_TEXT:
    case PHRASE_NAMED:
    case PHRASE_PART:
    case PHRASE_MEMBER:
    case PHRASE_WORD: text_add(out, " %s", p->text); break;
    case PHRASE_SLOT:
    case PHRASE_GIVE:
    case PHRASE_BEGIN:
    case PHRASE_DECLARE:
        if (p->slot) text_add(out, " %s.%d", p->slot->name, p->slot->number);
        break;
    case PHRASE_DEFINITION:
    case PHRASE_APPLY:
    case PHRASE_MAKE:
    case PHRASE_REDUCE:
        if (p->definition) text_add(out, " %s", definition_title(p->definition));
        break;
    default: break;
    }
    if (p->builtin && p->kind != PHRASE_WORD) text_add(out, " %s", p->builtin->name);
    if (p->op != NO_OPERATOR) text_add(out, " %s", operator_text(p->op));
    if (p->site && p->site->named)
        text_add(out, " @%s", p->site->name);
    else if (p->site)
        text_add(out, " @%s_%d", p->site->name, p->site->number);
    if (p->ordinal) text_add(out, " #%d", (int)p->ordinal);
}

static void print_binders(Text *out, const Phrase *p) {
    for (int i = 0; i < p->binders; i++) {
        const Binder *b = &p->binder[i];
        text_put(out, i ? ", " : " [");
        if (b->kind == BINDER_INDEX) text_add(out, "%s.%d", b->index->name, b->index->number);
        if (b->kind == BINDER_FORM) text_put(out, "form");
        if (b->kind == BINDER_WHOLE) text_put(out, ":");
        if (b->kind == BINDER_DOTS) text_put(out, "..");
        if (b->limit) text_put(out, " < limit");
        if (b->filter) text_put(out, " if filter");
    }
    if (p->binders) text_put(out, "]");
}

static void print_phrase(Text *out, const Phrase *p, int depth) {
    text_add(out, "%*s", 2 * depth, "");
    if (!p) {
        text_put(out, "-\n");
        return;
    }
    text_put(out, WORDS[p->kind]);
    print_name(out, p);
    print_binders(out, p);
    print_sort(out, p->sort);
    if (p->under) text_add(out, " under %d%s", p->under->condition->number, p->under->side ? "" : " not");
    text_put(out, "\n");
    for (int i = 0; i < p->count; i++) print_phrase(out, p->part[i], depth + 1);
}

static void definition_print(Text *out, const Definition *d) {
    text_add(out, "%s", definition_title(d));
    print_sort(out, d->result);
    if (d->draws) text_put(out, " draws");
    if (d->decides) text_add(out, " decides %llx", (unsigned long long)d->decides);
    text_put(out, "\n");
    for (int i = 0; i < d->slots.count; i++) {
        const Slot *slot = d->slots.data[i];
        text_add(out, "  %d %s %s", slot->number, SLOTS[slot->kind], slot->name);
        print_sort(out, slot->sort);
        if (slot->pieces) text_put(out, " pieces");
        if (slot->stored) text_put(out, " stored");
        text_put(out, "\n");
    }
    for (int i = 0; i < d->parameters; i++)
        if (d->preset[i]) print_phrase(out, d->preset[i], 1);
    if (d->body) print_phrase(out, d->body, 1);
}

void file_print(Text *out, const Node *root) {
    for (int i = 0; i < root->count; i++)
        if (root->items[i]->binding) definition_print(out, root->items[i]->binding);
}
