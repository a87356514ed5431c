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

// Words of other languages at the beginning of a line, and what to write instead; `item`: outside of blocks
// only.
static const struct {
    const char *word;
    bool item;
    const char *instead, *write; // write: in place of the word, "" for nothing; NULL: that is not all
} phrases[] = {
    {"let", false, "a name is given with `=` alone, without `let`", ""},
    {"var", false, "a name is given with `=` alone, without `var`", ""},
    {"const", false, "a name is given with `=` alone, without `const`", ""},
    {"return", false, "the last line of a block is its result, without `return`", ""},
    {"for", false,
     "there are no loops: an index is written in brackets, y[i] = 2 * x[i]; layers are repeated by `repeat`",
     NULL},
    {"while", false, "there are no loops: layers are repeated by `repeat`, sequences run by `recur`", NULL},
    {"elif", false, "conditions are written `a if c else b if d else e`", NULL},
    {"def", true, "a function is written `fn f(x) = 2 * x`, a layer `layer f(x[b, n]) -> y[b, n] { … }`",
     NULL},
    {"function", true, "a function begins with `fn`, a layer with `layer`", "fn"},
    {"func", true, "a function begins with `fn`, a layer with `layer`", "fn"},
    {"class", true,
     "a network is written `model net(x[batch, 4]) -> y[batch, 3] { … }`, a part of one is a `layer`", NULL},
    {"network", true, "a network begins with `model`", "model"},
    {"net", true, "a network begins with `model`", "model"},
    {"loss", true, "a loss is a function: it begins with `fn`", "fn"},
    {"schedule", true, "a schedule is a function of `step`: it begins with `fn`", "fn"},
    {"activation", true, "an activation is a function: it begins with `fn`", "fn"},
    {"initializer", true, "an initializer is a function of the fans: it begins with `fn`", "fn"},
    {"dataset", true, "a set of data begins with `data`", "data"},
    {"import", true,
     "nothing is imported: the library is there, a file of one's own is given by `--library FILE`", NULL},
    {"include", true,
     "nothing is included: the library is there, a file of one's own is given by `--library FILE`", NULL},
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
        if (!second || !string_equal(phrases[i].word, word) || s->kind == TOKEN_NEWLINE) continue;
        if (phrases[i].item && (first.depth || !(is_name(s->kind) || s->kind == TOKEN_TEXT))) continue;
        Diagnostic *d = diagnose(s->p->ctx, SYNTAX_PHRASE, span, phrases[i].instead);
        Span with_blank = parser_span(s->p, first.start, token_at(s->p, begin + 1).start);
        if (phrases[i].write)
            diagnostic_fix(s->p->ctx, d, *phrases[i].write ? span : with_blank, phrases[i].write);
        return true;
    }
    if (!second || !item || !(is_name(s->kind) || s->kind == TOKEN_LEFT_BRACE)) return false;
    static const char *const words[] = {
        "data",
        "train",
        "assert",
#define DEFINITION(name, word, phrase, place, given, apart) word,
#include "definitions.def"
#undef DEFINITION
    };
    Diagnostic *d = diagnose(s->p->ctx, SYNTAX_ITEM, span, word);
    diagnostic_meant(s->p->ctx, d, span, string_nearest(word, words, sizeof words / sizeof *words));
    return true;
}

static bool reduces(const char *word) {
    static const struct {
        const char *name, *group;
    } rows[] = {
#define BUILTIN(name, group, parameters, needed) {#name, #group},
#include "builtins.def"
#undef BUILTIN
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (string_equal(rows[i].group, "REDUCTION") && string_equal(rows[i].name, word)) return true;
    return false;
}

// `fn f(x[n]) = sum[i]`, and what it was meant to reduce in the next line, which is no definition: shown
// above.
static bool torn_reduction(const Stop *s) {
    int begin = statement_begin(s->p, s->at), close = begin - 2, open = close;
    if (begin < 5 || s->kind == TOKEN_SET || token_at(s->p, begin).depth > 0 ||
        token_at(s->p, begin - 1).kind != TOKEN_NEWLINE || token_at(s->p, close).kind != TOKEN_RIGHT_BOX)
        return false;
    for (int deep = 0; open > 0; open--) {
        TokenKind kind = (TokenKind)token_at(s->p, open).kind;
        deep += kind == TOKEN_RIGHT_BOX ? 1 : kind == TOKEN_LEFT_BOX ? -1 : 0;
        if (!deep) break;
    }
    Token name = token_at(s->p, open - 1);
    if (open < 2 || !reduces(written(s->p, name)) || !token_goes_on((TokenKind)token_at(s->p, open - 2).kind))
        return false;
    uint32_t start = name.start, length = token_at(s->p, close).end - start;
    const char *text = string_copy(s->p->ctx->arena, s->p->source->text + start, length);
    Diagnostic *d = diagnose(s->p->ctx, NO_OPERAND, parser_span(s->p, start, start + length), text);
    diagnostic_help(s->p->ctx, d, "what it reduces begins in the same line");
    return true;
}

// The first token of a line that begins with `//`, meant as a comment; else the token itself.
static int slashes(const Stop *s) {
    int i = s->at;
    while (i > 0 && !s->p->tokens.data[i].first) i--;
    bool comment =
        token_at(s->p, i).kind == TOKEN_FLOOR_DIV && token_at(s->p, i).line == token_at(s->p, s->at).line;
    return comment ? i : s->at;
}

// Mistakes with a colon: Python's blocks, slices, types before brackets, values.
static DiagnosticCode colon(const Stop *s) {
    TokenKind second = (TokenKind)token_at(s->p, s->at - 2).kind;
    if (s->kind == TOKEN_NEWLINE && s->before == TOKEN_COLON) return SYNTAX_BLOCK;
    if (s->kind == TOKEN_LEFT_BOX && second == TOKEN_COLON) return SYNTAX_TYPE;
    if (s->before == TOKEN_COLON && s->kind == TOKEN_NUMBER && expects(s, TOKEN_RIGHT_BOX))
        return SYNTAX_SLICE; // x[:2]
    if (s->kind != TOKEN_COLON) return DIAGNOSTIC_COUNT;
    if (s->after == TOKEN_NEWLINE) return SYNTAX_BLOCK;
    if (expects(s, TOKEN_RIGHT_BOX)) return SYNTAX_SLICE; // x[0:2]
    if (is_name(s->before) && (second == TOKEN_LEFT_PAREN || second == TOKEN_COMMA)) return SYNTAX_VALUE;
    return s->at == statement_begin(s->p, s->at) + 1 ? SYNTAX_VALUE : DIAGNOSTIC_COUNT;
}

// Does the line begin with `if`? It goes on from the one before.
static bool if_line(const Stop *s) {
    int i = s->at;
    while (i > 0 && !s->p->tokens.data[i].first) i--;
    return i < s->at && token_at(s->p, i).kind == TOKEN_IF;
}

// A comma between statements' parts: of several values, or of several names.
static DiagnosticCode comma(const Stop *s) {
    int begin = statement_begin(s->p, s->at);
    if (s->kind != TOKEN_COMMA || !token_at(s->p, s->at).depth) return DIAGNOSTIC_COUNT;
    for (int i = begin; i < s->at; i++)
        if (token_at(s->p, i).kind == TOKEN_SET) return s->line_end ? SYNTAX_VALUES : DIAGNOSTIC_COUNT;
    return s->at == begin + 1 ? SYNTAX_NAMES : DIAGNOSTIC_COUNT;
}

// Mistakes that have a name of their own; DIAGNOSTIC_COUNT: none. `at` and `to`: the tokens it is shown at.
static DiagnosticCode special(const Stop *s, int *at, int *to) {
    bool closes = s->kind == TOKEN_RIGHT_PAREN || s->kind == TOKEN_RIGHT_BOX;
    *at = *to = slashes(s);
    if (*at != s->at || (s->kind == TOKEN_FLOOR_DIV && token_at(s->p, s->at).first)) return SYNTAX_COMMENT;
    if (s->kind == TOKEN_PIPE && !s->expression) return SYNTAX_PIPE;
    if (s->kind == TOKEN_ARROW && expects(s, TOKEN_PIPE)) return SYNTAX_ARROW;
    if (s->kind == TOKEN_EQUAL && expects(s, TOKEN_SET)) return SYNTAX_EQUALS;
    if (compares(s->kind) && !s->expression && !expects(s, TOKEN_SET)) return SYNTAX_CHAIN;
    if (s->kind == TOKEN_SET && (s->before == TOKEN_SET || s->line_end)) return SYNTAX_EQUALS;
    if (s->name && token_class(s->kind) == CLASS_WORD && (!s->expression || s->after == TOKEN_SET))
        return SYNTAX_RESERVED;
    bool block = (s->kind == TOKEN_LEFT_BRACE || s->kind == TOKEN_COLON) && if_line(s);
    if (block || (s->kind == TOKEN_IF && token_at(s->p, s->at).first && s->expression))
        return SYNTAX_IF_BLOCK;
    if (s->kind == TOKEN_IF && expects(s, TOKEN_ELSE)) return SYNTAX_IF;
    if (s->kind == TOKEN_IF && s->expression) return SYNTAX_CHOICE;
    if (s->kind == TOKEN_LEFT_PAREN && s->before == TOKEN_RIGHT_PAREN && !s->expression) return SYNTAX_APPLY;
    if (s->kind == TOKEN_SET && s->before == TOKEN_DIV) {
        *at = s->at - 1;
        return SYNTAX_DIVIDE;
    }
    if (s->before == TOKEN_COMMA && closes) {
        *at = *to = s->at - 1;
        return SYNTAX_COMMA;
    }
    return comma(s) == DIAGNOSTIC_COUNT ? colon(s) : comma(s);
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
    uint32_t place = token_at(s->p, s->at - 1).end;
    Span comma = parser_span(s->p, place, place);
    bool value = is_name(s->kind) || s->kind == TOKEN_NUMBER || s->kind == TOKEN_TEXT ||
                 s->kind == TOKEN_REPEAT || s->kind == TOKEN_TRUE || s->kind == TOKEN_FALSE;
    bool entries = expects(s, TOKEN_COMMA) && expects(s, TOKEN_ADD) &&
                   (s->before == TOKEN_RIGHT_PAREN || s->before == TOKEN_RIGHT_BOX || is_name(s->before) ||
                    s->before == TOKEN_NUMBER || s->before == TOKEN_TEXT);
    if (ends) {
        const char *what = wanted ? wanted : "more";
        if (expects(s, TOKEN_WITH)) what = "`over` or `with`";
        if (s->name) what = "a name";
        if (s->expression) what = "an expression";
        Diagnostic *d = diagnose(ctx, SYNTAX_LINE_ENDS, s->span, what);
        Token first = token_at(s->p, statement_begin(s->p, s->at));
        if ((first.kind == TOKEN_PARAM || first.kind == TOKEN_STATE) && expects(s, TOKEN_SET))
            diagnostic_help(ctx, d, "it begins with a value: `param w[n] = normal(0, 1)`, `state s = 0`");
    } else if (value && entries)
        diagnostic_fix(ctx, diagnose(ctx, SYNTAX_ENTRIES, s->span, s->text), comma, ",");
    else if (value && s->line_end)
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

// Signs that have one meaning in other languages.
static void fix(const Stop *s, Diagnostic *d) {
    const char *text = d->code == SYNTAX_COMMENT  ? "#"
                       : d->code == SYNTAX_COMMA  ? ""
                       : d->code == SYNTAX_ARROW  ? "|>"
                       : d->code == SYNTAX_VALUE  ? " ="
                       : d->code == SYNTAX_EQUALS ? (s->kind == TOKEN_EQUAL ? "=" : "==")
                                                  : NULL;
    if (text) diagnostic_fix(s->p->ctx, d, d->span, text);
}

// Has the statement had its message, before this token?
static bool reported(Parser *p, int at) {
    if (!parser_report(p, p->tokens.data[at].start)) return true;
    int depth = p->tokens.data[at].depth, begin = statement_begin(p, at);
    Token first = p->tokens.data[begin];
    bool follows = begin > 0 && p->tokens.data[begin - 1].kind == TOKEN_NEWLINE;
    bool indented = follows && token_column(p, begin) > token_column(p, statement_begin(p, begin - 1));
    bool odd =
        first.first && first.kind != TOKEN_IDENTIFIER && token_class((TokenKind)first.kind) != CLASS_SOFT;
    int last = begin - 1; // before the statement
    while (last > 0 && p->tokens.data[last].kind == TOKEN_NEWLINE) last--;
    if (last >= 0 && (indented || odd) && p->reported[p->tokens.data[last].line])
        return true; // the rest of what is wrong above
    if (last >= 0 && last + 1 == p->fault && token_class((TokenKind)p->tokens.data[last].kind) == CLASS_SOFT)
        return true; // a definition whose first word stands in the line above
    for (int i = begin; i < at; i++) {
        Token token = p->tokens.data[i];
        if (token.depth == depth && token.line != p->tokens.data[at].line && p->reported[token.line])
            return true;
    }
    return false;
}

void syntax_error(Parser *parser, int at, const Expected *expected) {
    Token token = token_at(parser, at), next = token_at(parser, at + 1);
    // a line that breaks off, and brackets of the next that had their message: that is one mistake
    if (token.kind == TOKEN_NEWLINE && next.line == token.line + 1 && parser->reported[next.line]) return;
    if (reported(parser, at)) return;
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
    parser->fault = at + 1;
    if (phrase(&stop) || torn_reduction(&stop)) return;
    int from, to;
    DiagnosticCode code = special(&stop, &from, &to);
    Span span = parser_span(parser, token_at(parser, from).start, token_at(parser, to).end);
    if (code == DIAGNOSTIC_COUNT)
        general(&stop);
    else
        fix(&stop, diagnose(parser->ctx, code, span, stop.text));
}
