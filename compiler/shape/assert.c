// What a file promises: its `assert` lines, once the numbers that they speak of are known.
#include "shape/look.h"

#include <math.h>

typedef struct {
    const char *name;
    int64_t value;
    Dimension unit;
} Number;
enum { NUMBERS = 3 };

// The number that a phrase is, or NULL.
static const Number *number_of(const Number *numbers, const Phrase *p) {
    if (p->kind != PHRASE_WORD || !p->builtin || p->builtin->group != GROUP_ASSERT) return NULL;
    for (int i = 0; i < NUMBERS; i++)
        if (string_equal(numbers[i].name, p->builtin->name)) return &numbers[i];
    die("assert: `%s` is no number that is known", p->builtin->name);
}

static void note_numbers(Place at, const Number *numbers, Diagnostic *d, const Phrase *p) {
    const Number *n = number_of(numbers, p);
    if (n && n->unit == DIMENSION_BYTES)
        diagnostic_note(at.s->ctx, d, p->span, "`%s` is %lld B (%.1f KB)", n->name, (long long)n->value,
                        (double)n->value / 1024);
    else if (n)
        diagnostic_note(at.s->ctx, d, p->span, "`%s` is %lld", n->name, (long long)n->value);
    for (int i = 0; i < p->count; i++)
        if (p->part[i]) note_numbers(at, numbers, d, p->part[i]);
}

// Each part of a conjunction by itself, so that the message shows the one that fails.
static void check(Place at, const Number *numbers, const Phrase *p) {
    if (p->kind == PHRASE_BINARY && p->op == OPERATOR_AND) {
        check(at, numbers, p->part[0]);
        check(at, numbers, p->part[1]);
        return;
    }
    Shape v = shape_at(at, p);
    if (v.kind == SHAPE_WRONG) return;
    if (v.kind != SHAPE_KNOWN || v.type != TYPE_BOOL) {
        diagnose(at.s->ctx, ASSERT_CONDITION, p->span);
    } else if (v.number == 0) {
        Diagnostic *d = diagnose(at.s->ctx, ASSERT_FAILED, p->span, node_text(at.s->arena, p->node));
        note_numbers(at, numbers, d, p);
    }
}

// The right side of `memory < e`, -1: the phrase is none.
static int64_t most_memory(Place at, const Phrase *p) {
    if (p->kind != PHRASE_BINARY) return -1;
    if (p->op == OPERATOR_AND) {
        int64_t a = most_memory(at, p->part[0]), b = most_memory(at, p->part[1]);
        return a < 0 || (b >= 0 && b < a) ? b : a;
    }
    bool strict = p->op == OPERATOR_LESS;
    const Phrase *left = p->part[0];
    if ((!strict && p->op != OPERATOR_LESS_EQ) || left->kind != PHRASE_WORD || !left->builtin ||
        !string_equal(left->builtin->name, "memory"))
        return -1;
    Shape v = shape_at(at, p->part[1]);
    return v.kind == SHAPE_KNOWN && v.number >= strict ? (int64_t)ceil(v.number) - strict : -1;
}

int64_t asserts_memory(const Tree *tree) {
    int64_t least = -1;
    every (d, tree->asserts) {
        int64_t bound = most_memory((Place){.s = tree->shaper, .c = case_new(tree->shaper, d)}, d->body);
        if (bound >= 0 && (least < 0 || bound < least)) least = bound;
    }
    return least;
}

bool asserts_check(const Tree *tree, int64_t params, int64_t flops, int64_t memory) {
    Shaper *s = tree->shaper;
    int errors = s->ctx->errors;
    const Number numbers[NUMBERS] = {{"params", params, DIMENSION_NUMBER},
                                     {"flops", flops, DIMENSION_NUMBER},
                                     {"memory", memory, DIMENSION_BYTES}};
    for (int i = 0; i < tree->asserts.count; i++) {
        Definition *d = tree->asserts.data[i];
        Place at = {.s = s, .c = case_new(s, d)};
        for (int k = 0; k < d->phrases.count; k++) {
            const Number *n = number_of(numbers, d->phrases.data[k]);
            if (!n) continue;
            at.c->of[k] = shape_known((double)n->value, true);
            at.c->of[k].unit = (uint8_t)n->unit;
        }
        check(at, numbers, d->body);
    }
    return s->ctx->errors == errors;
}
