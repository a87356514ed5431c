// Words of the intermediate form's text: names, numbers, signs, ends of lines. A `#` begins a comment.

#include "oracle/read.h"

#include <math.h>
#include <string.h>

static bool letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
static bool digit(char c) { return c >= '0' && c <= '9'; }

void reader_fail(Reader *r, const char *format, ...) {
    if (r->failed) return;
    r->failed = true;
    va_list args;
    va_start(args, format);
    const char *text = string_vformat(r->ctx->arena, format, args);
    va_end(args);
    Span span = {r->source->base + r->word.start, r->source->base + r->word.end};
    diagnose(r->ctx, IR_TEXT, span, text);
}

static uint32_t scan_number(Reader *r, uint32_t from) {
    const char *text = r->source->text;
    uint32_t at = from;
    r->word.integer = true;
    while (digit(text[at])) at++;
    if (text[at] == '.' && digit(text[at + 1])) {
        r->word.integer = false;
        for (at++; digit(text[at]); at++) continue;
    }
    uint32_t exponent = at + 1 + (text[at] != 0 && (text[at + 1] == '+' || text[at + 1] == '-'));
    if ((text[at] == 'e' || text[at] == 'E') && digit(text[exponent])) {
        r->word.integer = false;
        for (at = exponent; digit(text[at]); at++) continue;
    }
    r->word.kind = WORD_NUMBER;
    if (!double_of_string(text + from, at - from, &r->word.value))
        reader_fail(r, "this number cannot be read");
    return at;
}

static uint32_t scan_sign(Reader *r, uint32_t from) {
    static const char *const SIGNS[] = {":=", "..", "<=", "==", "//", "(", ")", "[", "]", "{", "}",
                                        ",",  "|",  ":",  "+",  "-",  "*", "/", "^", "=", "<"};
    const char *text = r->source->text;
    for (size_t i = 0; i < sizeof SIGNS / sizeof *SIGNS; i++)
        if (strncmp(text + from, SIGNS[i], strlen(SIGNS[i])) == 0) {
            r->word.kind = WORD_SIGN;
            r->word.text = SIGNS[i];
            return from + (uint32_t)strlen(SIGNS[i]);
        }
    r->word.end = from + 1;
    reader_fail(r, "this character has no meaning here");
    r->word.kind = WORD_END;
    return r->source->length;
}

static uint32_t scan_name(Reader *r, uint32_t from) {
    const char *text = r->source->text;
    uint32_t at = from;
    r->word.kind = WORD_NAME;
    if (text[from] == '`') {
        for (at++; text[at] && text[at] != '`' && text[at] != '\n'; at++) continue;
        if (text[at] != '`') reader_fail(r, "a quoted name does not end");
        r->word.quoted = true;
        r->word.text = string_copy(r->ctx->arena, text + from + 1, at - from - 1);
        return text[at] == '`' ? at + 1 : at;
    }
    // A dot belongs to a name if a letter or digit follows: `a.b`, but `n..m` is a range.
    while (letter(text[at]) || digit(text[at]) ||
           (text[at] == '.' && (letter(text[at + 1]) || digit(text[at + 1]))))
        at++;
    r->word.text = string_copy(r->ctx->arena, text + from, at - from);
    return at;
}

void reader_next(Reader *r) {
    const char *text = r->source->text;
    uint32_t at = r->at;
    while (text[at] == ' ' || text[at] == '\t' || text[at] == '\r') at++;
    if (text[at] == '#')
        while (text[at] && text[at] != '\n') at++;
    r->word = (Word){.start = at, .end = at + 1, .text = ""};
    if (r->failed || text[at] == 0) {
        r->word.kind = WORD_END;
        r->word.end = at;
    } else if (text[at] == '\n') {
        r->word.kind = WORD_LINE;
        at++;
    } else if (letter(text[at]) || text[at] == '`') {
        at = scan_name(r, at);
    } else if (digit(text[at])) {
        at = scan_number(r, at);
    } else if (text[at] == '%' && digit(text[at + 1])) {
        at = scan_number(r, at + 1);
        r->word.kind = WORD_SHARED;
    } else {
        at = scan_sign(r, at);
    }
    r->word.end = at;
    r->at = at;
}

void reader_seek(Reader *r, uint32_t at) {
    r->at = at;
    reader_next(r);
}

bool reader_is(const Reader *r, const char *text) {
    return (r->word.kind == WORD_NAME || r->word.kind == WORD_SIGN) && !r->word.quoted &&
           string_equal(r->word.text, text);
}

bool reader_take(Reader *r, const char *text) {
    if (!reader_is(r, text)) return false;
    reader_next(r);
    return true;
}

void reader_expect(Reader *r, const char *text) {
    if (!reader_take(r, text)) reader_fail(r, "`%s` is expected here", text);
}

const char *reader_name(Reader *r) {
    if (r->word.kind != WORD_NAME) {
        reader_fail(r, "a name is expected here");
        return "";
    }
    const char *name = r->word.text;
    reader_next(r);
    return name;
}

int64_t reader_integer(Reader *r) {
    bool negative = reader_take(r, "-");
    if (r->word.kind != WORD_NUMBER || !r->word.integer || r->word.value > 9e15) {
        reader_fail(r, "a whole number is expected here");
        return 0;
    }
    int64_t value = (int64_t)r->word.value;
    reader_next(r);
    return negative ? -value : value;
}

double reader_number(Reader *r) {
    bool negative = reader_take(r, "-");
    double value = r->word.value;
    if (reader_is(r, "inf") || reader_is(r, "nan"))
        value = reader_is(r, "inf") ? (double)INFINITY : (double)NAN;
    else if (r->word.kind != WORD_NUMBER)
        reader_fail(r, "a number is expected here");
    reader_next(r);
    return negative ? -value : value;
}

Tensor *reader_tensor(Reader *r) {
    Word word = r->word;
    const char *name = reader_name(r);
    Tensor *t = r->failed ? NULL : tensor_find(r->p, name);
    if (!t && !r->failed) {
        r->word = word;
        reader_fail(r, "no tensor is called `%s`", name);
    }
    return t;
}
