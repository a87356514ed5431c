// The tree: making nodes, the tables of kinds, operators and units, folding numbers, comparing and dumping.
#include "syntax/ast.h"

#include <math.h>
#include <string.h>

typedef struct {
    const char *spelling;
    int precedence;
} OperatorRow;

typedef struct {
    const char *spelling;
    Dimension dimension;
    double times, over;
} UnitRow;

static const char *const kinds[] = {
#define AST(kind, word) word,
#include "ast.def"
#undef AST
};

static const OperatorRow operators[] = {
    {"", 0},
#define OPERATOR(name, spelling, precedence) {spelling, precedence},
#include "operators.def"
#undef OPERATOR
};

static const UnitRow units[] = {
    {"", DIMENSION_NUMBER, 1, 1},
#define UNIT(name, spelling, dimension, times, over) {spelling, DIMENSION_##dimension, times, over},
#include "units.def"
#undef UNIT
};

static const DefinitionRow definitions[] = {
#define DEFINITION(name, word, phrase, place, given, apart) {word, phrase, given, apart},
#include "definitions.def"
#undef DEFINITION
};

const char *node_kind_word(NodeKind kind) { return kinds[kind]; }
const char *operator_text(Operator op) { return operators[op].spelling; }
int operator_precedence(Operator op) { return operators[op].precedence; }
bool operator_gives_truth(Operator op) {
    return operators[op].precedence <= operators[OPERATOR_LESS].precedence;
}
const DefinitionRow *definition_row(DefinitionKind definition) { return &definitions[definition]; }
const char *unit_text(Unit unit) { return units[unit].spelling; }
Dimension unit_dimension(Unit unit) { return units[unit].dimension; }
double unit_value(Unit unit, double number) { return number * units[unit].times / units[unit].over; }

Node *node_new(Context *ctx, NodeKind kind, Span span) {
    Node *node = arena_new(ctx->arena, Node);
    node->kind = kind;
    node->span = span;
    return node;
}

// The room of a list is the next power of two, so that it need not be kept.
void node_add(Context *ctx, Node *node, Node *item) {
    int count = node->count;
    if ((count & (count - 1)) == 0) {
        Node **larger = arena_array(ctx->arena, Node *, count ? 2 * count : 1);
        if (count) memcpy(larger, node->items, (size_t)count * sizeof *larger);
        node->items = larger;
    }
    node->items[node->count++] = item;
}

double node_number(const Node *limit) {
    return limit->kind == AST_UNARY ? -node_number(limit->value) : limit->number;
}

static bool same_leaf(const Node *a, const Node *b) {
    if (a->kind != b->kind || a->op != b->op || a->definition != b->definition || a->count != b->count)
        return false;
    if (a->unit != b->unit || a->brackets != b->brackets || a->reversed != b->reversed || a->each != b->each)
        return false;
    if (a->number < b->number || a->number > b->number) return false;
    return (a->kind == AST_NUMBER || string_equal(a->name, b->name)) && string_equal(a->type, b->type);
}

const Node *node_written(const Node *node) { return node->written ? node->written : node; }

bool node_equal(const Node *a, const Node *b) {
    if (!a || !b) return a == b;
    if (!same_leaf(a, b)) return false;
    for (int i = 0; i < 3; i++)
        if (!node_equal(a->kid[i], b->kid[i])) return false;
    for (int i = 0; i < a->count; i++)
        if (!node_equal(a->items[i], b->items[i])) return false;
    return true;
}

static void dump(Text *out, const Node *node, int depth) {
    text_add(out, "%*s%s", 2 * depth, "",
             node->kind == AST_DEFINE ? definitions[node->definition].word : kinds[node->kind]);
    if (node->op != NO_OPERATOR) text_add(out, " %s", operators[node->op].spelling);
    if (node->kind == AST_TEXT) {
        text_put(out, " ");
        text_json(out, node->name);
    } else if (node->name) {
        text_add(out, " %s", node->name);
    }
    if (node->brackets) text_add(out, " [%d]", node->count);
    if (node->type) text_add(out, " : %s", node->type);
    if (node->kind == AST_BOOL) text_put(out, node->number > 0 ? " true" : " false");
    if (node->reversed) text_put(out, " reversed");
    if (node->each) text_put(out, " ..");
    text_put(out, "\n");
    for (int i = 0; i < node->count; i++) dump(out, node->items[i], depth + 1);
    for (int i = 0; i < 3; i++)
        if (node->kid[i]) dump(out, node->kid[i], depth + 1);
}

void node_dump(Text *out, const Node *node) { dump(out, node, 0); }

Operator operator_joining(Operator set) {
    return set == OPERATOR_SET_ADD ? OPERATOR_ADD : set == OPERATOR_SET_SUB ? OPERATOR_SUB : OPERATOR_MUL;
}

double operator_fold(Operator op, double x, double y, bool *whole) {
    double number;
    switch ((int)op) {
    case OPERATOR_ADD: number = x + y; break;
    case OPERATOR_SUB: number = x - y; break;
    case OPERATOR_MUL: number = x * y; break;
    case OPERATOR_DIV:
        number = x / y;
        *whole = *whole && y != 0 && fmod(x, y) == 0;
        break;
    case OPERATOR_FLOOR_DIV:
        number = floor(x / y);
        *whole = *whole && y != 0;
        break;
    case OPERATOR_POWER:
        number = pow(x, y);
        *whole = *whole && y >= 0;
        break;
    case OPERATOR_LESS: return x < y;
    case OPERATOR_GREATER: return x > y;
    case OPERATOR_LESS_EQ: return x <= y;
    case OPERATOR_GREATER_EQ: return x >= y;
    case OPERATOR_EQUAL: return x == y;
    case OPERATOR_NOT_EQUAL: return x != y;
    case OPERATOR_AND: return x != 0 && y != 0;
    case OPERATOR_OR: return x != 0 || y != 0;
    default: die("operator %d does not join two numbers", (int)op);
    }
    *whole = *whole && number == floor(number) && fabs(number) < 9e15;
    return number;
}
