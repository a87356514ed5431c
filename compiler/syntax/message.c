// What is said where the grammar stopped: the likeliest mistake, found from the token, its neighbours and
// what was expected.
#include "syntax/syntax.h"
#include <string.h>

typedef struct {
    Parser *p;
    int at;
    const Expected *expected;
    TokenKind kind, before, after;   // END where there is none
    bool name, line_end, expression; // what could stand here
    Span span;
    const char *text; // of the token
} Stop;

// Words of other languages at the beginning of a line: what to write instead.
static const char *const phrases[][2] = {
    {"let", "a name is given with `=` alone, without `let`"},
    {"var", "a name is given with `=` alone, without `var`"},
    {"const", "a name is given with `=` alone, without `const`"},
    {"def", "a function begins with `fn`, a layer with `layer`"},
    {"function", "a function begins with `fn`, a layer with `layer`"},
    {"func", "a function begins with `fn`, a layer with `layer`"},
    {"class", "a network is a `model`, a part of one a `layer`"},
    {"network", "a network begins with `model`"},
    {"net", "a network begins with `model`"},
    {"loss", "a loss is a function: it begins with `fn`"},
    {"schedule", "a schedule is a function of `step`: it begins with `fn`"},
    {"activation", "an activation is a function: it begins with `fn`"},
    {"initializer", "an initializer is a function of the fans: it begins with `fn`"},
    {"dataset", "a set of data begins with `data`"},
    {"import", "nothing is imported: the library is there, a file of one's own is given by `--library FILE`"},
    {"include",
     "nothing is included: the library is there, a file of one's own is given by `--library FILE`"},
    {"return", "the last line of a block is its result, without `return`"},
    {"for", "there are no loops: an index is written in brackets, as in y[i] = 2 * x[i]; layers are repeated "
            "by `repeat`"},
    {"while", "there are no loops: layers are repeated by `repeat`, sequences run by `recur`"},
    {"elif", "conditions are written `a if c else b if d else e`"},
};

static Token token_at(const Parser *p, int i) {
    return i >= 0 && i < p->tokens.count ? p->tokens.data[i] : (Token){.kind = TOKEN_END};
}

static const char *written(const Parser *p, Token token) {
    if (token.forged || token.end == token.start) return token_spelling((TokenKind)token.kind);
    return string_copy(p->ctx->arena, p->source->text + token.start, token.end - token.start);
}

static bool is_name(TokenKind kind) { return kind == TOKEN_IDENTIFIER || token_class(kind) == CLASS_SOFT; }

static bool compares(TokenKind kind) { return kind >= TOKEN_LESS && kind <= TOKEN_NOT_EQUAL; }

static bool expects(const Stop *s, TokenKind kind) {
    for (int i = 0; i < s->expected->count; i++)
        if (s->expected->tokens[i] == kind) return true;
    return false;
}

// The first token of the statement that the mistake stands in.
static int statement_begin(const Parser *p, int at) {
    int depth = p->tokens.data[at].depth;
    for (; at > 0; at--) {
        Token before = p->tokens.data[at - 1];
        if (before.depth < depth || (before.depth == depth && before.kind == TOKEN_NEWLINE)) break;
    }
    return at;
}

// Words that begin a line elsewhere, and definitions that are none.
static bool phrase(const Stop *s) {
    int begin = statement_begin(s->p, s->at);
    Token first = token_at(s->p, begin);
    const char *word = written(s->p, first);
    bool second = s->at == begin + 1, item = first.depth == 0 && first.kind == TOKEN_IDENTIFIER;
    if (s->at > begin + 1 || !(is_name((TokenKind)first.kind) || first.kind == TOKEN_FROM)) return false;
    Span span = parser_span(s->p, first.start, first.end);
    for (size_t i = 0; i < sizeof phrases / sizeof *phrases; i++) {
        if (!second || !string_equal(phrases[i][0], word) || s->kind == TOKEN_NEWLINE) continue;
        diagnose(s->p->ctx, SYNTAX_PHRASE, span, phrases[i][1]);
        return true;
    }
    if (!second || !item || !(is_name(s->kind) || s->kind == TOKEN_LEFT_BRACE)) return false;
    static const char *const words[] = {"data",   "model",     "layer", "fn",
                                        "metric", "optimizer", "train", "assert"};
    Diagnostic *d = diagnose(s->p->ctx, SYNTAX_ITEM, span, word);
    const char *nearest = string_nearest(word, words, sizeof words / sizeof *words);
    if (nearest) diagnostic_help(s->p->ctx, d, "did you mean `%s`?", nearest);
    return true;
}

// A line that begins with `//`, meant as a comment.
static bool slashes(const Stop *s) {
    int i = s->at;
    while (i > 0 && !s->p->tokens.data[i].first) i--;
    Token sign = token_at(s->p, i);
    if (sign.kind != TOKEN_FLOOR_DIV || sign.line != token_at(s->p, s->at).line) return false;
    diagnose(s->p->ctx, SYNTAX_COMMENT, parser_span(s->p, sign.start, sign.end));
    return true;
}

// Mistakes that have a name of their own.
static bool special(const Stop *s) {
    Context *ctx = s->p->ctx;
    if (s->kind == TOKEN_PIPE && !s->expression)
        diagnose(ctx, SYNTAX_PIPE, s->span);
    else if (slashes(s))
        return true;
    else if (compares(s->kind) && !s->expression)
        diagnose(ctx, SYNTAX_CHAIN, s->span);
    else if (s->kind == TOKEN_SET && s->before == TOKEN_SET)
        diagnose(ctx, SYNTAX_EQUALS, s->span);
    else if (s->kind == TOKEN_SET && s->line_end)
        diagnose(ctx, SYNTAX_EQUALS, s->span);
    else if (s->kind == TOKEN_SET && s->before == TOKEN_DIV)
        diagnose(ctx, SYNTAX_DIVIDE,
                 parser_span(s->p, token_at(s->p, s->at - 1).start, token_at(s->p, s->at).end));
    else if (s->name && token_class(s->kind) == CLASS_WORD && (!s->expression || s->after == TOKEN_SET))
        diagnose(ctx, SYNTAX_RESERVED, s->span, s->text);
    else if (s->before == TOKEN_COMMA && (s->kind == TOKEN_RIGHT_PAREN || s->kind == TOKEN_RIGHT_BOX)) {
        Token comma = token_at(s->p, s->at - 1);
        diagnose(ctx, SYNTAX_COMMA, parser_span(s->p, comma.start, comma.end));
    } else if (s->kind == TOKEN_IF && expects(s, TOKEN_ELSE))
        diagnose(ctx, SYNTAX_IF, s->span);
    else
        return false;
    return true;
}

// The tokens that would do, as `a`, `b` or `c`; NULL where they are too many to help.
static const char *list(const Stop *s) {
    Text out = {.arena = s->p->ctx->arena};
    int count = 0, put = 0;
    for (int i = 0; i < s->expected->count; i++) {
        TokenKind kind = s->expected->tokens[i];
        if (token_class(kind) != CLASS_SOFT || !s->name) count++;
    }
    if (!count || count > 5) return NULL;
    for (int i = 0; i < s->expected->count; i++) {
        TokenKind kind = s->expected->tokens[i];
        if (token_class(kind) == CLASS_SOFT && s->name) continue;
        text_put(&out, !put ? "" : put + 1 < count ? ", " : " or ");
        put++;
        if (kind == TOKEN_NEWLINE)
            text_put(&out, "a new line");
        else if (kind == TOKEN_IDENTIFIER)
            text_put(&out, "a name");
        else if (kind == TOKEN_END)
            text_put(&out, "the end of the file");
        else
            text_add(&out, "`%s`", token_spelling(kind));
    }
    return text_string(&out);
}

static void general(const Stop *s) {
    Context *ctx = s->p->ctx;
    const char *wanted = list(s);
    bool ends = s->kind == TOKEN_NEWLINE || s->kind == TOKEN_END;
    bool value = is_name(s->kind) || s->kind == TOKEN_NUMBER || s->kind == TOKEN_TEXT ||
                 s->kind == TOKEN_REPEAT || s->kind == TOKEN_TRUE || s->kind == TOKEN_FALSE;
    if (ends) {
        const char *what = s->expression ? "an expression" : s->name ? "a name" : wanted ? wanted : "more";
        diagnose(ctx, SYNTAX_LINE_ENDS, s->span, what);
    } else if (value && s->line_end)
        diagnose(ctx, SYNTAX_FOLLOWS, s->span, s->text);
    else if (s->expression && !s->line_end)
        diagnose(ctx, SYNTAX_EXPECTED, s->span, "an expression", s->text);
    else if (wanted)
        diagnose(ctx, SYNTAX_EXPECTED, s->span, wanted, s->text);
    else if (s->name)
        diagnose(ctx, SYNTAX_EXPECTED, s->span, "a name", s->text);
    else if (value)
        diagnose(ctx, SYNTAX_FOLLOWS, s->span, s->text);
    else
        diagnose(ctx, SYNTAX_UNEXPECTED, s->span, s->text);
}

// Has the statement had its message, before this token?
static bool reported(Parser *p, int at) {
    if (!parser_report(p, p->tokens.data[at].start)) return true;
    int depth = p->tokens.data[at].depth, begin = statement_begin(p, at);
    Token first = p->tokens.data[begin];
    bool indented = depth == 0 && first.start > p->lines.data[first.line];
    bool odd =
        begin == at && first.kind != TOKEN_IDENTIFIER && token_class((TokenKind)first.kind) != CLASS_SOFT;
    if ((indented || odd) && first.line > 0 && p->reported[first.line - 1])
        return true; // the rest of what is wrong above
    for (int i = begin; i < at; i++) {
        Token token = p->tokens.data[i];
        if (token.depth == depth && token.line != p->tokens.data[at].line && p->reported[token.line])
            return true;
    }
    return false;
}

void syntax_error(Parser *parser, int at, const Expected *expected) {
    if (reported(parser, at)) return;
    Token token = token_at(parser, at);
    Stop stop = {.p = parser,
                 .at = at,
                 .expected = expected,
                 .kind = (TokenKind)token.kind,
                 .before = (TokenKind)token_at(parser, at - 1).kind,
                 .after = (TokenKind)token_at(parser, at + 1).kind,
                 .span = parser_span(parser, token.start, token.end),
                 .text = written(parser, token)};
    stop.name = expects(&stop, TOKEN_IDENTIFIER);
    stop.line_end = expects(&stop, TOKEN_NEWLINE);
    stop.expression = expects(&stop, TOKEN_NUMBER);
    if (!phrase(&stop) && !special(&stop)) general(&stop);
}
