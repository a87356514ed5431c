// The contract of syntax/: text to syntax tree and back.
//
// parse_source never returns NULL and never stops at the first error: what is wrong is in the Context, the
// tree holds what could be read. Names and texts are interned: within one Context equal names are equal
// pointers. Spans are in the Context's space of spans. Parentheses leave no node, only a mark.
#ifndef NN_AST_H
#define NN_AST_H

#include "base/base.h"

typedef enum {
#define AST(kind, word) AST_##kind,
#include "ast.def"
#undef AST
    AST_COUNT
} NodeKind;

typedef enum {
    NO_OPERATOR,
#define OPERATOR(name, spelling, precedence) OPERATOR_##name,
#include "operators.def"
#undef OPERATOR
    OPERATOR_COUNT
} Operator;

typedef enum {
    UNIT_NONE,
#define UNIT(name, spelling, dimension, times, over) UNIT_##name,
#include "units.def"
#undef UNIT
    UNIT_COUNT
} Unit;

typedef enum {
    DIMENSION_NUMBER,
    DIMENSION_STEPS,
    DIMENSION_EPOCHS,
    DIMENSION_TIME,
    DIMENSION_BYTES
} Dimension;

typedef enum {
#define DEFINITION(name, word, phrase, place, given, apart) DEFINE_##name,
#include "definitions.def"
#undef DEFINITION
} DefinitionKind;

typedef struct Node Node;
struct Node {
    NodeKind kind;
    Operator op;               // UNARY BINARY ASSIGN
    DefinitionKind definition; // DEFINE
    Span span;                 // the whole of it
    Span name_span;            // of `name`, where the kind has one; of the sign in UNARY BINARY ASSIGN PIPE
    const char *name;          // interned; NUMBER: as written; TEXT: without its quotes
    const char *type;          // TENSOR PARAM STATE: what stands after `:`, or NULL
    Span type_span;
    double number; // NUMBER: in the base of its unit (seconds, 20% is 0.2); BOOL: 1 or 0; TENSOR that is
                   // `each` and DEFINE of several names: of how many dimensions
    Unit unit;     // NUMBER: as written
    bool integral; // NUMBER: written without point, exponent and unit
    bool parens;   // an expression that stood in ( )
    bool brackets; // TENSOR PARAM STATE: has [ ]; else it is a number or a setting
    bool reversed; // RECUR
    bool each;     // TENSOR: a setting with a number for each dimension
    union {        // by kind, see ast.def; `kid` for walks that do not care
        Node *kid[3];
        struct {
            Node *value, *condition, *otherwise;
        }; // IF; `value` of all kinds that have one
        struct {
            Node *left, *right;
        }; // BINARY PIPE RANGE
        struct {
            Node *base, *operand;
        }; // MEMBER CALL INDEX REDUCE
        struct {
            Node *source, *block;
        }; // DATA; `block` also of TRAIN PART RECUR REPEAT
        struct {
            Node *range, *range_block;
        }; // RECUR REPEAT
        struct {
            Node *preset, *limits;
        }; // TENSOR: `preset` is `value`; limits: a RANGE with numbers, one of which may be NULL; or NULL
        struct {
            Node *results, *body, *names;
        }; // DEFINE: `names`: a LIST where it has several, one for each number of dimensions; else NULL
        struct {
            Node *assigned, *target, *chosen;
        }; // ASSIGN: `assigned` is `value`; chosen: what stands after `over`, or NULL
        struct {
            Node *optimizer, *over;
        }; // CLAUSE: `optimizer` is `value`
    };
    Node **items;
    int count;           // of items
    const Node *written; // DEFINE: what the text says, where it has several names; else NULL
    void *binding;       // for whoever walks the tree next (the resolver); NULL after parsing
};

// The file's tree (kind FILE). Errors are in the Context.
Node *parse_source(Context *ctx, const Source *source);

// A tree made by hand, for printing: kind and span; the rest is zero.
Node *node_new(Context *ctx, NodeKind kind, Span span);
// Appends to a node's items (amortised; the node must come from node_new or the parser).
void node_add(Context *ctx, Node *node, Node *item);

double node_number(const Node *limit); // of a NUMBER, or one with a minus
const char *node_kind_word(NodeKind kind);
const char *operator_text(Operator op);
int operator_precedence(Operator op);
bool operator_gives_truth(Operator op);  // comparisons, `and`, `or`, `not`
Operator operator_joining(Operator set); // `+` of `+=`
// Two numbers known when compiling, joined; 1 and 0 are truth. `whole`: both are whole numbers, and then
// whether the result is.
double operator_fold(Operator op, double x, double y, bool *whole);
typedef struct {
    const char *word, *phrase;
    int given;
    bool apart;
} DefinitionRow;
const DefinitionRow *definition_row(DefinitionKind definition); // definitions.def
const char *unit_text(Unit unit);
Dimension unit_dimension(Unit unit);
double unit_value(Unit unit, double number); // in the base of its dimension

// Equal trees but for spans, `binding`, and redundant parentheses.
bool node_equal(const Node *a, const Node *b);
// Of a definition with several names, the text of the one that this is: nothing is one for each dimension any
// more.
void dimensions_write(Context *ctx, Node *define);
// What the text of a definition says: of one that was made for a number of dimensions, that of all.
const Node *node_written(const Node *node);
// One line per node, indented; for tests and --dump-after.
void node_dump(Text *out, const Node *node);

// The canonical text of a node: a whole file without comments, an item, a statement or an expression.
void node_print(Text *out, const Node *node);
const char *node_text(Arena *arena, const Node *node); // the same
// The canonical text of a source that was read without errors, with its comments and blank lines: `nnc fmt`.
void source_print(Text *out, Context *ctx, const Source *source, const Node *file);

// Words of other frameworks: how PyTorch or Keras call it is what the user wrote; returns our word, or NULL.
const char *word_of_others(const char *word);
const char *word_of_data(const char *word);     // in a data block
bool word_is_name(const char *ours);            // or else a notation that says the same
const char *word_left_out(const char *word);    // why a word of theirs has none of ours; or NULL
bool words_alike(const char *a, const char *b); // but for case and underscores

#endif
