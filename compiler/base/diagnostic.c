// Diagnostics: data while compiling, text or JSON at the end.
// Guarantees: at most 20 errors and 20 warnings are shown, in the order of the text; the rest is counted.
#include "base.h"
#include "base/message.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN = 20, KEPT = 1000, WIDEST = 150, LONGEST = 900 };

typedef struct {
    const char *name, *text, *example;
    Severity severity;
} Row;

static const Row rows[] = {
#define DIAGNOSTIC(code, severity, text, example) {#code, text, example, SEVERITY_##severity},
#include "diagnostics.def"
#undef DIAGNOSTIC
};

DiagnosticCode diagnostic_find(const char *name, const char **nearest) {
    const char *names[DIAGNOSTIC_COUNT];
    for (int code = 0; code < DIAGNOSTIC_COUNT; code++)
        if (!strcmp(names[code] = rows[code].name, name)) return (DiagnosticCode)code;
    *nearest = string_nearest(name, names, DIAGNOSTIC_COUNT);
    return DIAGNOSTIC_COUNT;
}

const char *diagnostic_page(Text *out, DiagnosticCode code) {
    const Row *row = &rows[code];
    char *text = arena_array(out->arena, char, 3 * strlen(row->text) + 1);
    message_read(text, row->text);
    text_add(out, "%s, %s\n\n    %s\n", row->name,
             row->severity == SEVERITY_WARNING ? "a warning" : "an error", text);
    if (!*row->example) return NULL;
    text_put(out, "\nThe smallest program that provokes it:\n\n");
    for (const char *s = row->example; *s; s += strcspn(s, "\n") + (s[strcspn(s, "\n")] != 0))
        text_add(out, "    %.*s\n", (int)strcspn(s, "\n"), s);
    return row->example;
}

static bool known(const Context *ctx, DiagnosticCode code, Span span) {
    every (d, ctx->diagnostics)
        if (d->code == code && d->span.start == span.start && d->span.end == span.end && span.start)
            return true;
    return false;
}

// No message holds megabytes of somebody's text: of a long one the beginning and the end.
static const char *message(Context *ctx, const char *format, va_list args) {
    char *text = string_vformat(ctx->arena, format, args);
    size_t length = strlen(text), end = LONGEST * 2 / 3, rest = length - LONGEST / 3;
    if (length <= LONGEST) return text;
    while (((unsigned char)text[end] & 0xc0) == 0x80) end--;
    while (((unsigned char)text[rest] & 0xc0) == 0x80) rest++;
    return string_format(ctx->arena, "%.*s ... %s", (int)end, text, text + rest);
}

Diagnostic *diagnose(Context *ctx, DiagnosticCode code, Span span, ...) {
    Diagnostic *d = arena_new(ctx->arena, Diagnostic);
    va_list args;
    va_start(args, span);
    d->code = code;
    d->severity = rows[code].severity;
    d->span = span;
    d->text = message(ctx, rows[code].text, args);
    va_end(args);
    if (ctx->diagnostics.count < KEPT) {
        if (known(ctx, code, span)) return d;
        vec_push(ctx->arena, &ctx->diagnostics, d);
    }
    ctx->errors += d->severity != SEVERITY_WARNING;
    return d;
}

void diagnostic_note(Context *ctx, Diagnostic *d, Span span, const char *format, ...) {
    va_list args;
    va_start(args, format);
    Note note = {span, message(ctx, format, args)};
    va_end(args);
    vec_push(ctx->arena, &d->notes, note);
}

void diagnostic_help(Context *ctx, Diagnostic *d, const char *format, ...) {
    va_list args;
    va_start(args, format);
    d->help = message(ctx, format, args);
    va_end(args);
}

void diagnostic_fix(Context *ctx, Diagnostic *d, Span span, const char *text) {
    d->fix = (Note){span, string_copy(ctx->arena, text, strlen(text))};
}

bool diagnostic_meant(Context *ctx, Diagnostic *d, Span span, const char *near) {
    if (!near) return false;
    diagnostic_help(ctx, d, "did you mean `%s`?", near);
    diagnostic_fix(ctx, d, span, near);
    return true;
}

// How many bytes the character at `s` has, as text that was checked to be UTF-8 has it.
static size_t character(const char *s) {
    size_t n = 1;
    while (((unsigned char)s[n] & 0xc0) == 0x80) n++;
    return n;
}

// The line the span begins on with a caret below; of a very long line the part around the span.
static void show_line(Text *out, const Source *source, Span span, int line) {
    const char *text = source->text, *at = text + (span.start - source->base), *end = text + source->length;
    if (at > end) at = end;
    const char *from = at, *to = at;
    while (from > text && from[-1] != '\n') from--;
    while (to < end && *to != '\n') to++;
    if (to > from && to[-1] == '\r') to--;
    if (at > to) at = to;
    const char *begin = from; // where a text is not UTF-8, a character may seem to have no beginning
    bool cut_left = at - from > WIDEST - 30;
    if (cut_left)
        for (from = at - (WIDEST - 30); from > begin && ((unsigned char)*from & 0xc0) == 0x80; from--)
            continue;
    bool cut_right = to - from > WIDEST;
    if (cut_right)
        for (to = from + WIDEST; to > at && ((unsigned char)*to & 0xc0) == 0x80; to--) continue;
    text_add(out, " %5d | %s%.*s%s\n       | %s", line, cut_left ? "..." : "", (int)(to - from), from,
             cut_right ? "..." : "", cut_left ? "   " : "");
    for (const char *s = from; s < at; s += character(s)) text_put(out, *s == '\t' ? "\t" : " ");
    text_put(out, "^");
    const char *stop = text + (span.end > span.start ? span.end - source->base : 0);
    for (const char *s = at < to ? at + character(at) : to; s < stop && s < to; s += character(s))
        text_put(out, "~");
    text_put(out, "\n");
}

static void show(const Context *ctx, Text *out, Span span, const char *what, const char *text) {
    const Source *source = source_of(ctx, span);
    if (!source) {
        text_add(out, "%s: %s\n", what, text);
        return;
    }
    int line, column;
    source_position(ctx, span, &line, &column);
    text_add(out, "%s:%d:%d: %s: %s\n", source->name, line, column, what, text);
    show_line(out, source, span, line);
}

static const char *severity_word(const Diagnostic *d) {
    return d->severity == SEVERITY_WARNING ? "warning" : "error";
}

static void show_diagnostic(const Context *ctx, Text *out, const Diagnostic *d) {
    show(ctx, out, d->span, severity_word(d), d->text);
    for (int i = 0; i < d->notes.count; i++)
        show(ctx, out, d->notes.data[i].span, "note", d->notes.data[i].text);
    if (d->help) text_add(out, "       = help: %s\n", d->help);
}

static void json_place(const Context *ctx, Text *out, Span span) {
    const Source *source = source_of(ctx, span);
    int line, column, end_line, end_column;
    source_position(ctx, span, &line, &column);
    source_position(ctx, (Span){span.end, span.end}, &end_line, &end_column);
    text_put(out, "\"file\":");
    text_json(out, source ? source->name : "");
    text_add(out, ",\"line\":%d,\"column\":%d,\"end_line\":%d,\"end_column\":%d", line, column, end_line,
             end_column);
}

static void json_diagnostic(const Context *ctx, Text *out, const Diagnostic *d) {
    text_put(out, "{");
    json_place(ctx, out, d->span);
    text_add(out, ",\"severity\":\"%s\",\"code\":\"%s\",\"message\":", severity_word(d), rows[d->code].name);
    text_json(out, d->text);
    if (d->help) {
        text_put(out, ",\"help\":");
        text_json(out, d->help);
    }
    text_put(out, ",\"notes\":[");
    for (int i = 0; i < d->notes.count; i++) {
        text_put(out, i ? ",{" : "{");
        json_place(ctx, out, d->notes.data[i].span);
        text_put(out, ",\"message\":");
        text_json(out, d->notes.data[i].text);
        text_put(out, "}");
    }
    text_put(out, "]");
    if (d->fix.text) {
        text_put(out, ",\"fix\":{");
        json_place(ctx, out, d->fix.span);
        text_put(out, ",\"text\":");
        text_json(out, d->fix.text);
        text_put(out, "}");
    }
    text_put(out, "}\n");
}

// By place; of equal places the first reported comes first (a stable merge of two halves).
static void sort(Diagnostic **list, Diagnostic **spare, int count) {
    if (count < 2) return;
    int half = count / 2, a = 0, b = half, n = 0;
    sort(list, spare, half);
    sort(list + half, spare, count - half);
    while (a < half || b < count) {
        bool left = b == count || (a < half && list[a]->span.start <= list[b]->span.start);
        spare[n++] = left ? list[a++] : list[b++];
    }
    memcpy(list, spare, (size_t)count * sizeof *list);
}

void diagnostics_print(Context *ctx, bool json, void *file) {
    int count = ctx->diagnostics.count, errors = 0, warnings = 0;
    Text out = {.arena = ctx->arena};
    sort(ctx->diagnostics.data, arena_array(ctx->arena, Diagnostic *, count + 1), count);
    for (int i = 0; i < count; i++) {
        const Diagnostic *d = ctx->diagnostics.data[i];
        int *shown = d->severity == SEVERITY_WARNING ? &warnings : &errors;
        if (*shown == SHOWN && !json) continue;
        (*shown)++;
        if (json)
            json_diagnostic(ctx, &out, d);
        else
            show_diagnostic(ctx, &out, d);
    }
    if (ctx->errors > errors && !json) text_add(&out, "and %d more\n", ctx->errors - errors);
    say(file, "%s", text_string(&out));
}

bool diagnosed(const Context *ctx, Span span) {
    for (int i = 0; i < ctx->diagnostics.count; i++) {
        const Diagnostic *d = ctx->diagnostics.data[i];
        if (d->severity == SEVERITY_ERROR && d->span.start >= span.start && d->span.end <= span.end)
            return true;
    }
    return false;
}

int context_status(const Context *ctx) {
    Severity worst = SEVERITY_WARNING;
    for (int i = 0; i < ctx->diagnostics.count; i++)
        if (ctx->diagnostics.data[i]->severity > worst) worst = ctx->diagnostics.data[i]->severity;
    return (int)worst;
}
