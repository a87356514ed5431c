// What the parts of the front end share among themselves: tokens and the state of one parse. Not for other
// folders.
#ifndef NN_SYNTAX_H
#define NN_SYNTAX_H

#include "syntax/ast.h"

typedef enum {
#define TOKEN(name, spelling, class, after, before) TOKEN_##name,
#include "tokens.def"
#undef TOKEN
    TOKEN_COUNT
} TokenKind;

typedef enum { CLASS_LAYOUT, CLASS_VALUE, CLASS_SOFT, CLASS_WORD, CLASS_SIGN } TokenClass;

typedef struct {
    uint8_t kind;        // TokenKind
    uint8_t unit;        // Unit, of a NUMBER
    bool first;          // in its line
    bool forged;         // put in by a repair: not in the text
    uint32_t start, end; // in the source's text
    uint32_t line;       // from 0
    int depth;           // braces around it; braces themselves stand outside
} Token;

// One parse. The lexer fills `tokens`, the layout repairs brackets and puts in the ends of lines, the grammar
// reads them.
typedef struct {
    Context *ctx;
    const Source *source;
    Arena *scratch; // gone after the parse
    VEC(Token) tokens;
    VEC(uint32_t) lines; // where each line begins
    VEC(Token) comments; // start, end, line and first
    bool *reported;      // lines that have had their message
    int fault;           // the token of the latest message, + 1
    int next;            // the token to be read
    bool resumes;        // but first: a mistake is over, a block follows
    bool stopped;        // too wrong to be parsed: the message is out
    Node *root;
} Parser;

void lexer_run(Parser *parser);
void layout_run(Parser *parser);
// Is every expression shallow enough to be walked by recursion? Reports where not.
bool tree_depth_check(Context *ctx, const Node *root);
// Over a tree without errors: what the grammar allows too widely.
void tree_check(Parser *parser, const Node *file);

// Definitions of several names become one of each: the first of one dimension, the second of two … Needs a
// tree without errors.
void dimensions_name(Context *ctx, Node *file);

Span parser_span(const Parser *parser, uint32_t start, uint32_t end);
// May a message about this place be shown? Once for each line: what follows from a first mistake is not
// reported.
bool parser_report(Parser *parser, uint32_t at);
uint32_t token_column(const Parser *parser, int token); // from 0

const char *token_spelling(TokenKind kind);
TokenClass token_class(TokenKind kind);
bool token_goes_on(TokenKind kind);   // after it a line goes on
bool token_continues(TokenKind kind); // a line that begins with it continues
// The word's token, or TOKEN_IDENTIFIER.
TokenKind token_of_word(const char *text, size_t length);
// The value of a number's text, without its unit's name.
bool number_value(const char *text, size_t length, double *value, bool *integral);

// What the grammar expected where it stopped.
typedef struct {
    TokenKind tokens[TOKEN_COUNT];
    int count;
} Expected;
void syntax_error(Parser *parser, int token, const Expected *expected);

// The comments of a source, in its order.
typedef struct {
    uint32_t start; // in the space of spans
    const char *text;
    bool own_line; // nothing stands before it in its line
} Comment;
int source_comments(Context *ctx, const Source *source, Comment **comments);

// From the generated parser.
int grammar_run(Parser *parser);

#endif
