// What the printer's parts share: expressions as flat texts with places where they may break, and their
// layout.
#ifndef NN_PRINT_H
#define NN_PRINT_H

#include "syntax/ast.h"

// BREAK: a byte that, with a level's byte after it (OUTERMOST or more), stands for a blank.
enum { LINE_WIDTH = 110, INDENT = 4, CONTINUED = 8, BREAK = 1, OUTERMOST = 10 };

typedef struct Flat Flat;
struct Flat {
    Text out;
    void *owner;
    // Writes the block of a `repeat`: in braces, with its lines.
    void (*block)(Flat *flat, const Node *block);
};

// An expression, entry, tensor or head of a definition. Lower levels break first.
void flat_expression(Flat *flat, const Node *node, int level);
void flat_statement(Flat *flat, const Node *node, int level); // alone in a line that must not seem to go on
void flat_operand(Flat *flat, const Node *node, int level);   // as the grammar's `op`
void flat_simple(Flat *flat, const Node *node, int level);    // an operand or a pipe
void flat_tensor(Flat *flat, const Node *node, int level);    // without its value
void flat_list(Flat *flat, Node *const *items, int count, int level);
// The text without marks, as one line.
const char *flat_plain(Arena *arena, const char *flat);
// Columns that the text takes up to its end or first line's end.
int flat_width(const char *flat);
// Lays the text out: it begins at `column`; further lines are indented by `indent` blanks.
void flat_fill(Text *out, const char *flat, int column, int indent);
// Is it better moved from `column` to a line of its own than broken there?
bool flat_better_below(const char *flat, int column, int indent);

#endif
