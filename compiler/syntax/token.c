// The table of tokens, looked up; numbers; which lines have had their message.
#include "syntax/syntax.h"
#include <math.h>
#include <string.h>

typedef struct {
    const char *spelling;
    TokenClass class;
    bool after, before;
} Row;

static const Row rows[TOKEN_COUNT] = {
#define TOKEN(name, spelling, class, after, before) {spelling, CLASS_##class, after, before},
#include "tokens.def"
#undef TOKEN
};

const char *token_spelling(TokenKind kind) { return rows[kind].spelling; }
TokenClass token_class(TokenKind kind) { return rows[kind].class; }
bool token_goes_on(TokenKind kind) { return rows[kind].after; }
bool token_continues(TokenKind kind) { return rows[kind].before; }

TokenKind token_of_word(const char *text, size_t length) {
    for (int i = 0; i < TOKEN_COUNT; i++) {
        bool word = rows[i].class == CLASS_SOFT || rows[i].class == CLASS_WORD;
        if (word && *rows[i].spelling == *text && strlen(rows[i].spelling) == length &&
            memcmp(rows[i].spelling, text, length) == 0)
            return (TokenKind)i;
    }
    return TOKEN_IDENTIFIER;
}

bool number_value(const char *text, size_t length, double *value, bool *integral) {
    char digits[400];
    size_t n = 0;
    bool nonzero = false, mantissa = true;
    *integral = true;
    *value = 0;
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '_') continue;
        if (n + 1 >= sizeof digits) return false;
        if (text[i] == 'e' || text[i] == 'E') mantissa = false;
        if (mantissa && text[i] >= '1' && text[i] <= '9') nonzero = true;
        if (text[i] < '0' || text[i] > '9') *integral = false;
        digits[n++] = text[i];
    }
    if (!double_of_string(digits, n, value)) return false;
    return !isinf(*value) && !(nonzero && *value <= 0);
}

Span parser_span(const Parser *parser, uint32_t start, uint32_t end) {
    return (Span){parser->source->base + start, parser->source->base + end};
}

uint32_t token_column(const Parser *parser, int i) {
    const Token *token = &parser->tokens.data[i];
    return token->start - parser->lines.data[token->line];
}

static int line_of(const Parser *parser, uint32_t at) {
    int low = 0, high = parser->lines.count - 1;
    while (low < high) {
        int middle = (low + high + 1) / 2;
        if (parser->lines.data[middle] <= at)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

bool parser_report(Parser *parser, uint32_t at) {
    int line = line_of(parser, at);
    if (parser->reported[line]) return false;
    parser->reported[line] = true;
    return true;
}
