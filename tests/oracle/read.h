// The reader of the intermediate form's text: read_token.c cuts tokens, read_expr.c builds expressions,
// read.c programs.
#ifndef ORACLE_READ_H
#define ORACLE_READ_H

#include "oracle/text.h"
#include "ir/algebra.h"

typedef enum { WORD_END, WORD_LINE, WORD_NAME, WORD_NUMBER, WORD_SHARED, WORD_SIGN } WordKind;

typedef struct {
    WordKind kind;
    uint32_t start, end;  // in the source's text
    const char *text;     // the name, or the sign
    bool quoted, integer; // a name in backquotes; a number without point and exponent
    double value;         // of a number; of %7: 7
} Word;

typedef struct {
    Context *ctx;
    const Source *source;
    Program *p;
    uint32_t at; // where the next word begins
    Word word;   // the one looked at
    bool failed;
    int depth;
    VEC(const Index *) indices; // of the equation at hand
    VEC(const Expr *) shared;   // %1, %2 ... of it
} Reader;

void reader_next(Reader *r);
void reader_seek(Reader *r, uint32_t at);
bool reader_is(const Reader *r, const char *text); // the word at hand, unless quoted
bool reader_take(Reader *r, const char *text);     // if it is, steps over it
void reader_expect(Reader *r, const char *text);
const char *reader_name(Reader *r);
int64_t reader_integer(Reader *r); // with a sign
double reader_number(Reader *r);
Tensor *reader_tensor(Reader *r);
void reader_fail(Reader *r, const char *format, ...) __attribute__((format(printf, 2, 3)));

const Expr *read_expr(Reader *r); // never NULL; after a failure anything
const Affine *read_form(Reader *r);

// Of whole texts: the first line, and then lines that begin with the word at hand.
void reader_open(Reader *r);
void reader_end_line(Reader *r);
bool read_tensor(Reader *r);        // false: the word is no kind of tensor
Function *read_function(Reader *r); // `function` was taken; what follows its name is left
void read_statement(Reader *r, Function *f);
// Without ranges the indices are those at hand. NULL after a failure.
Equation *read_equation(Reader *r, bool ranges);

#endif
