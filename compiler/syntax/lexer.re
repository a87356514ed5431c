// Text to tokens: words, numbers with their units, texts, signs, comments. Lines and brackets are layout.c's.
// Needs valid UTF-8 ended by a NUL. Reports what is no token, and reads on as if the likely one stood there.
#include "syntax/syntax.h"
#include <string.h>

typedef struct {
    Parser *parser;
    const char *text, *cursor;
    bool first;                 // no token yet in this line
} Lexer;

static bool word_byte(char c) {
    return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static void put(Lexer *lexer, TokenKind kind, const char *start) {
    Parser *p = lexer->parser;
    Token token = {.kind = (uint8_t)kind, .first = lexer->first, .start = (uint32_t)(start - lexer->text),
                   .end = (uint32_t)(lexer->cursor - lexer->text), .line = (uint32_t)p->lines.count - 1};
    vec_push(p->scratch, &p->tokens, token);
    lexer->first = false;
}

// From `start` to where the lexer stands.
static Span span_from(const Lexer *lexer, const char *start) {
    return parser_span(lexer->parser, (uint32_t)(start - lexer->text), (uint32_t)(lexer->cursor - lexer->text));
}

static bool report(const Lexer *lexer, const char *start) {
    return parser_report(lexer->parser, (uint32_t)(start - lexer->text));
}

static void line_begin(Lexer *lexer) {
    vec_push(lexer->parser->scratch, &lexer->parser->lines, (uint32_t)(lexer->cursor - lexer->text));
    lexer->first = true;
}

static void comment(Lexer *lexer, const char *start) {
    Parser *p = lexer->parser;
    const char *end = lexer->cursor;
    while (end > start && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r')) end--;
    Token token = {.first = lexer->first, .start = (uint32_t)(start - lexer->text),
                   .end = (uint32_t)(end - lexer->text), .line = (uint32_t)p->lines.count - 1};
    vec_push(p->scratch, &p->comments, token);
}

// The unit that follows a number, after blanks: its spelling's end, or NULL.
static const char *unit_after(const char *s, Unit *unit) {
    while (*s == ' ' || *s == '\t') s++;
    for (int i = UNIT_NONE + 1; i < UNIT_COUNT; i++) {
        const char *spelling = unit_text((Unit)i);
        size_t length = strlen(spelling);
        if (!word_byte(*spelling) || strncmp(s, spelling, length) != 0 || word_byte(s[length])) continue;
        *unit = (Unit)i;
        return s + length;
    }
    return NULL;
}

static void number(Lexer *lexer, const char *start) {
    Parser *p = lexer->parser;
    size_t length = (size_t)(lexer->cursor - start);
    Span digits = span_from(lexer, start);
    Unit unit = UNIT_NONE;
    const char *end = unit_after(lexer->cursor, &unit);
    double value;
    bool integral;
    if (*start == '.' && report(lexer, start))
        diagnostic_fix(p->ctx, diagnose(p->ctx, NUMBER_FORM, digits), (Span){digits.start, digits.start}, "0");
    if (*lexer->cursor == '%') {
        unit = UNIT_PERCENT;
        lexer->cursor++;
    } else if (end) {
        lexer->cursor = end;
    } else if (word_byte(*lexer->cursor)) {
        bool form = *lexer->cursor == '_';
        while (word_byte(*lexer->cursor)) lexer->cursor++;
        if (report(lexer, start)) diagnose(p->ctx, form ? NUMBER_FORM : NUMBER_WORD, span_from(lexer, start));
    } else if (*lexer->cursor == '.' && lexer->cursor[1] != '.') {
        lexer->cursor++;
        Span whole = span_from(lexer, start);
        if (report(lexer, start))
            diagnostic_fix(p->ctx, diagnose(p->ctx, NUMBER_FORM, whole), (Span){whole.end, whole.end}, "0");
    }
    if (!number_value(start, length, &value, &integral) && report(lexer, start))
        diagnose(p->ctx, NUMBER_RANGE, digits, (int)length, start);
    put(lexer, TOKEN_NUMBER, start);
    p->tokens.data[p->tokens.count - 1].unit = (uint8_t)unit;
}

static void word(Lexer *lexer, const char *start) {
    size_t length = (size_t)(lexer->cursor - start);
    if (length > 255 && report(lexer, start))
        diagnose(lexer->parser->ctx, NAME_LENGTH, span_from(lexer, start), (int)length);
    put(lexer, token_of_word(start, length), start);
}

// A text without its second quote: it ends where the line does, or before what would close the call around it.
static void open_text(Lexer *lexer, const char *start) {
    const char *end = start + 1;
    while (end < lexer->cursor && !strchr(")],}", *end)) end++;
    lexer->cursor = end;
    if (report(lexer, start)) diagnose(lexer->parser->ctx, TEXT_OPEN, span_from(lexer, start));
    put(lexer, TOKEN_TEXT, start);
}

static void text(Lexer *lexer, const char *start) {
    Parser *p = lexer->parser;
    for (const char *s = start + 1; s < lexer->cursor - 1; s++) {
        if (*s != '\\') continue;
        s++;
        uint32_t at = (uint32_t)(s - lexer->text);
        if (!strchr("\"\\tn", *s) && parser_report(p, at))
            diagnose(p->ctx, TEXT_ESCAPE, parser_span(p, at - 1, at + 1));
    }
    put(lexer, TOKEN_TEXT, start);
}

static bool ends_line(const char *s) {
    s += strspn(s, " \t\r");
    return *s == '\n' || *s == '#' || !*s;
}

// A text in double quotes in place of single ones.
static const char *quoted(const Parser *p, const char *start, int length) {
    Text out = {.arena = p->ctx->arena};
    text_put(&out, "\"");
    for (const char *s = start + 1; s < start + length - 1; s++) text_add(&out, *s == '"' ? "\\%c" : "%c", *s);
    text_put(&out, "\"");
    return text_string(&out);
}

// What is meant, with blanks where it would grow together with its neighbours: `a&&b`.
static const char *apart(const Lexer *lexer, const char *start, const char *meant) {
    bool word = word_byte(*meant);
    bool before = word && start > lexer->text && word_byte(start[-1]), after = word && word_byte(*lexer->cursor);
    return string_format(lexer->parser->ctx->arena, "%s%s%s", before ? " " : "", meant, after ? " " : "");
}

// What other languages write; the token that is meant is read instead (none: END).
static void foreign(Lexer *lexer, const char *start, TokenKind meant) {
    Parser *p = lexer->parser;
    Span span = span_from(lexer, start);
    int length = (int)(lexer->cursor - start);
    if (report(lexer, start)) {
        if (*start == ';') diagnostic_fix(p->ctx, diagnose(p->ctx, SEMICOLON, span), span, ends_line(lexer->cursor) ? "" : "\n");
        else if (*start == '%') diagnose(p->ctx, PERCENT, span);
        else if (*start == '?') diagnose(p->ctx, SYNTAX_CHOICE, span);
        else if (*start == '\'') diagnostic_fix(p->ctx, diagnose(p->ctx, TEXT_QUOTES, span), span, quoted(p, start, length));
        else if (meant == TOKEN_END) {
            Diagnostic *d = diagnose(p->ctx, CHARACTER, span, length, start);
            if (*start == '@') diagnostic_help(p->ctx, d, "a product of matrices is written sum[k] a[i, k] * b[k, j]");
        }
        else diagnostic_fix(p->ctx, diagnose(p->ctx, FOREIGN_SIGN, span, length, start, token_spelling(meant)), span, apart(lexer, start, token_spelling(meant)));
    }
    if (meant != TOKEN_END) put(lexer, meant, start);
}

// Reads one token; false at the end.
static bool step(Lexer *lexer) {
    const char *start = lexer->cursor, *YYMARKER;
    /*!re2c
    re2c:define:YYCTYPE = "unsigned char";
    re2c:define:YYCURSOR = lexer->cursor;
    re2c:yyfill:enable = 0;
    digits = [0-9]+ ("_" [0-9]+)*;
    number = digits ("." digits)? ([eE] [+-]? [0-9]+)?;
    word   = [a-zA-Z_] [a-zA-Z0-9_]*;
    chars  = ([^"\\\n\x00] | "\\" [^\n\x00])*;

    "\x00"          { lexer->cursor--; return false; }
    [ \t]+          { return true; }
    "\r"? "\n"      { line_begin(lexer); return true; }
    "#" [^\n\x00]*  { comment(lexer, start); return true; }
    number          { number(lexer, start); return true; }
    "." digits      { number(lexer, start); return true; }
    word            { word(lexer, start); return true; }
    ["] chars ["]   { text(lexer, start); return true; }
    ["] chars       { open_text(lexer, start); return true; }
    ['] [^'\n\x00]* ['] { foreign(lexer, start, TOKEN_TEXT); return true; }

    "("  { put(lexer, TOKEN_LEFT_PAREN, start); return true; }
    ")"  { put(lexer, TOKEN_RIGHT_PAREN, start); return true; }
    "["  { put(lexer, TOKEN_LEFT_BOX, start); return true; }
    "]"  { put(lexer, TOKEN_RIGHT_BOX, start); return true; }
    "{"  { put(lexer, TOKEN_LEFT_BRACE, start); return true; }
    "}"  { put(lexer, TOKEN_RIGHT_BRACE, start); return true; }
    ","  { put(lexer, TOKEN_COMMA, start); return true; }
    ":"  { put(lexer, TOKEN_COLON, start); return true; }
    "."  { put(lexer, TOKEN_DOT, start); return true; }
    ".." { put(lexer, TOKEN_DOTS, start); return true; }
    ".*" { put(lexer, TOKEN_ANY, start); return true; }
    "->" { put(lexer, TOKEN_ARROW, start); return true; }
    "|>" { put(lexer, TOKEN_PIPE, start); return true; }
    "="  { put(lexer, TOKEN_SET, start); return true; }
    "+=" { put(lexer, TOKEN_SET_ADD, start); return true; }
    "-=" { put(lexer, TOKEN_SET_SUB, start); return true; }
    "*=" { put(lexer, TOKEN_SET_MUL, start); return true; }
    "<"  { put(lexer, TOKEN_LESS, start); return true; }
    ">"  { put(lexer, TOKEN_GREATER, start); return true; }
    "<=" { put(lexer, TOKEN_LESS_EQ, start); return true; }
    ">=" { put(lexer, TOKEN_GREATER_EQ, start); return true; }
    "==" { put(lexer, TOKEN_EQUAL, start); return true; }
    "!=" { put(lexer, TOKEN_NOT_EQUAL, start); return true; }
    "+"  { put(lexer, TOKEN_ADD, start); return true; }
    "-"  { put(lexer, TOKEN_SUB, start); return true; }
    "*"  { put(lexer, TOKEN_MUL, start); return true; }
    "/"  { put(lexer, TOKEN_DIV, start); return true; }
    "//" { put(lexer, TOKEN_FLOOR_DIV, start); return true; }
    "^"  { put(lexer, TOKEN_POWER, start); return true; }

    "&" "&"?     { foreign(lexer, start, TOKEN_AND); return true; }
    "|" "|"?     { foreign(lexer, start, TOKEN_OR); return true; }
    "!"          { foreign(lexer, start, TOKEN_NOT); return true; }
    "**"         { foreign(lexer, start, TOKEN_POWER); return true; }
    "..."        { foreign(lexer, start, TOKEN_DOTS); return true; }
    "==="        { foreign(lexer, start, TOKEN_EQUAL); return true; }
    "<>"         { foreign(lexer, start, TOKEN_NOT_EQUAL); return true; }
    ":="         { foreign(lexer, start, TOKEN_SET); return true; }
    "=>"         { foreign(lexer, start, TOKEN_ARROW); return true; }
    "%"          { foreign(lexer, start, TOKEN_MUL); return true; }
    ";"          { foreign(lexer, start, TOKEN_END); return true; }
    [\x80-\xff]+ { foreign(lexer, start, TOKEN_END); return true; }
    [^]          { foreign(lexer, start, TOKEN_END); return true; }
    */
}

void lexer_run(Parser *parser) {
    Lexer lexer = {.parser = parser, .text = parser->source->text, .cursor = parser->source->text};
    line_begin(&lexer);
    while (step(&lexer)) continue;
    lexer.first = true;
    put(&lexer, TOKEN_END, lexer.cursor);
}
