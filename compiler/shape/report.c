// Messages with the chain of applications as notes, and the texts of shapes.
#include "shape/look.h"

#include <string.h>

const char *extents_text(Arena *arena, const Extent *dims, int rank) {
    Text text = {.arena = arena};
    text_put(&text, "[");
    for (int d = 0; d < rank; d++)
        text_add(&text, "%s%s%lld", d ? ", " : "", dims[d].batch ? "batch " : "", (long long)dims[d].size);
    text_put(&text, "]");
    return text_string(&text);
}

const char *shape_text(Arena *arena, Shape v) {
    v = shape_first(v);
    switch ((int)v.kind) {
    case SHAPE_KNOWN:
        if (v.type == TYPE_BOOL) return v.number != 0 ? "true" : "false";
        return string_format(arena, "the number %s", string_of_double(arena, v.number));
    case SHAPE_SCALAR: return "a number";
    case SHAPE_TENSOR: return extents_text(arena, v.dims, v.rank);
    case SHAPE_TEXT: return "a text";
    case SHAPE_CALLABLE:
        if (v.closure->kind == CLOSURE_EXPRESSION) return "an expression with draws";
        return v.closure->kind == CLOSURE_INNER ||
                       (v.closure->definition && definition_is_layer(v.closure->definition))
                   ? "a layer"
                   : "a function";
    case SHAPE_LIST: return "a list";
    case SHAPE_ABSENT: return "absent";
    default: return "a wrong value";
    }
}

// mse(y, target): with what it must be given.
static const char *call_text(Arena *arena, const Node *define) {
    Text text = {.arena = arena};
    text_add(&text, "%s(", define->name);
    for (int i = 0; i < define->count && !define->items[i]->assigned; i++)
        text_add(&text, "%s%s", i ? ", " : "", define->items[i]->name);
    text_put(&text, ")");
    return text_string(&text);
}

// z = "price", class("kind", 3): the name of a column is none of its cells. Elsewhere in a line texts are
// compared.
static void help_text(Shaper *s, Diagnostic *d) {
    const Phrase *value = line_value(s->line), *text = value->count ? value->part[0] : value;
    if (text && text->kind == PHRASE_TEXT)
        diagnostic_help(s->ctx, d, "the column of that name is `column(\"%s\")`", text->text);
    else
        diagnostic_help(s->ctx, d, "a text is compared: `column(\"a\") == \"x\" or column(\"a\") == \"y\"`");
}

bool holds_numbers(Shaper *s, Shape v, Span span) {
    if (v.kind == SHAPE_WRONG) return false;
    bool holds = shape_is_number(v) || v.kind == SHAPE_TENSOR || v.kind == SHAPE_OPEN;
    if (holds) return true;
    Diagnostic *d = fail(s, NOT_A_NUMBER, span, shape_text(s->arena, v));
    if (v.kind == SHAPE_TEXT && s->data) help_text(s, d);
    if (v.kind == SHAPE_CALLABLE && v.closure->definition && !definition_is_layer(v.closure->definition))
        diagnostic_help(s->ctx, d, "it is called with its arguments: `%s`",
                        call_text(s->arena, v.closure->definition->node));
    return false;
}

Shape one_number(Shaper *s, Shape v, Span span) {
    v = forced(s, shape_first(v));
    if (shape_is_number(v) || v.kind == SHAPE_WRONG || v.kind == SHAPE_OPEN) return v;
    return fail_shape(s, ONE_NUMBER_WANTED, span, shape_text(s->arena, v));
}

Shape needs_brackets(Shaper *s, Shape v, Span span) {
    Diagnostic *d = fail(s, TENSOR_NEEDS_BRACKETS, span, shape_text(s->arena, v));
    diagnostic_help(s->ctx, d, "write its indices in brackets");
    return shape_wrong();
}

// A long path without its middle.
static const char *shorter(Arena *arena, const char *path) {
    enum { LONG = 80, HEAD = 24, TAIL = 40 };
    size_t length = strlen(path);
    return length <= LONG ? path : string_format(arena, "%.*s…%s", (int)HEAD, path, path + length - TAIL);
}

static bool in_library(const Shaper *s, Span span) {
    const Source *source = source_of(s->ctx, span);
    return source && source->library;
}

// What goes wrong in the library's text is reported where the user's text calls it.
Span report_place(const Shaper *s, Span span) {
    if (!in_library(s, span)) return span;
    for (const Application *a = s->at; a; a = a->outer)
        if (a->define && !in_library(s, a->span)) return a->span;
    return span;
}

Diagnostic *report_in_chain(Shaper *s, Diagnostic *d, Span span) {
    s->stopped |= s->ctx->errors - s->errors > SHAPE_ERRORS;
    if (d->span.start != span.start || d->span.end != span.end)
        diagnostic_note(s->ctx, d, span, "the fault shows here");
    uint32_t before = 0;
    int shown = 0;
    for (const Application *a = s->at; a && a->define; a = a->outer) {
        bool from_outside = a->span.start == a->define->node->name_span.start;
        if (from_outside || a->span.start == before || ++shown > 8) continue;
        before = a->span.start;
        diagnostic_note(s->ctx, d, a->span, "in `%s`, applied here",
                        shorter(s->arena, definition_is_layer(a->define) ? a->path : a->define->node->name));
    }
    return d;
}
