// Expressions to text: parentheses by precedence and where the author put them, blanks, and places to break a
// line. Guarantees: what is printed reads back as the same tree, whether it came from the parser or was made
// by hand.
#include "syntax/print.h"
#include <string.h>

// LAST: levels that a subscript's commas stand behind all others.
enum { LAST = 30 };

// Precedences beside the operators' (operators.def): what may stand where.
enum { ANY = -2, SIMPLE = -1, OPERAND = 0, REDUCTION = 6, PRIMARY = 10 };

static void print(Flat *flat, const Node *node, int least, int level);

static void put(Flat *flat, const char *text) { text_put(&flat->out, text); }

// A blank at which the line may break.
static void gap(Flat *flat, int level) {
    text_add(&flat->out, "%c%c", BREAK, level < 100 ? OUTERMOST + level : OUTERMOST + 100);
}

static bool negative(const Node *node) { return node->kind == AST_NUMBER && !node->name && node->number < 0; }

static int precedence(const Node *node) {
    if (node->kind == AST_IF) return ANY;
    if (node->kind == AST_PIPE) return SIMPLE;
    if (node->kind == AST_REDUCE) return REDUCTION;
    if (node->kind == AST_BINARY || node->kind == AST_UNARY) return operator_precedence(node->op);
    return negative(node) ? operator_precedence(OPERATOR_NEGATE) : PRIMARY;
}

static bool prefix(const Node *node) {
    return node->kind == AST_UNARY || node->kind == AST_REDUCE || negative(node);
}

// What stands last in an operand and reaches as far to the right as it can: an operator after it that binds
// tighter would be taken into it.
static int reach(const Node *node, bool outermost) {
    if (node->parens && !outermost) return PRIMARY;
    if (node->kind == AST_BINARY) return reach(node->right, false);
    if (!prefix(node)) return PRIMARY;
    const Node *inner = node->kind == AST_REDUCE  ? node->operand
                        : node->kind == AST_UNARY ? node->value
                                                  : NULL;
    int own = precedence(node), deeper = inner ? reach(inner, false) : PRIMARY;
    return own < deeper ? own : deeper;
}

static bool begins_with_minus(const Node *node) {
    if (node->parens) return false;
    if (node->kind == AST_BINARY || node->kind == AST_PIPE) return begins_with_minus(node->left);
    return negative(node) || (node->kind == AST_UNARY && node->op == OPERATOR_NEGATE);
}

static void enclosed(Flat *flat, const Node *node, int least, int level, bool parens) {
    if (parens && !node->parens) put(flat, "(");
    print(flat, node, parens ? ANY : least, level + parens);
    if (parens && !node->parens) put(flat, ")");
}

void flat_list(Flat *flat, Node *const *items, int count, int level) {
    for (int i = 0; i < count; i++) {
        if (i) {
            put(flat, ",");
            gap(flat, level);
        }
        print(flat, items[i], ANY, level + 1);
    }
}

// Brackets that hold little do not break, nor do short comparisons.
static void tighten(Text *out, int from) {
    enum { LITTLE = 32 };
    char *chars = out->chars.data;
    if (flat_width(text_string(out) + from) > LITTLE) return;
    int to = from;
    for (int i = from; i < out->chars.count; i++) {
        bool mark = chars[i] == BREAK;
        chars[to++] = mark ? ' ' : chars[i];
        i += mark;
    }
    out->chars.count = to;
}

static void brackets(Flat *flat, const Node *node, const char *open, const char *close, int level) {
    int from = flat->out.chars.count;
    put(flat, open);
    flat_list(flat, node->items, node->count, level + 1);
    put(flat, close);
    tighten(&flat->out, from);
}

static void print_binary(Flat *flat, const Node *node, int level) {
    int own = operator_precedence(node->op);
    int from = flat->out.chars.count;
    bool power = node->op == OPERATOR_POWER, compares = own == operator_precedence(OPERATOR_EQUAL);
    const Node *left = node->left, *right = node->right;
    bool left_parens = precedence(left) < own + (power || compares) || reach(left, true) < own;
    bool right_parens = !prefix(right) && precedence(right) < own + !power;
    bool chain = !left->parens && left->kind == AST_BINARY && operator_precedence(left->op) == own;
    enclosed(flat, left, OPERAND, level + !chain, left_parens);
    if (power) {
        put(flat, "^");
    } else {
        gap(flat, level);
        put(flat, operator_text(node->op));
        put(flat, " ");
    }
    enclosed(flat, right, OPERAND, level + 1, right_parens);
    if (compares) tighten(&flat->out, from);
}

static void print_unary(Flat *flat, const Node *node, int level) {
    const Node *value = node->value;
    put(flat, operator_text(node->op));
    if (node->op == OPERATOR_NOT) put(flat, " ");
    bool parens = !prefix(value) && precedence(value) < operator_precedence(node->op);
    enclosed(flat, value, OPERAND, level + 1, parens);
}

static bool is_path(const Node *e) {
    return e->kind == AST_NAME || e->kind == AST_MEMBER || e->kind == AST_CALL || e->kind == AST_EACH;
}

static void print_base(Flat *flat, const Node *base, int level) {
    enclosed(flat, base, OPERAND, level, !is_path(base));
}

static void print_reduce(Flat *flat, const Node *node, int level) {
    const Node *operand = node->operand;
    print_base(flat, node->base, level);
    brackets(flat, node, "[", "]", level + LAST);
    put(flat, " ");
    bool parens = (!prefix(operand) && precedence(operand) <= REDUCTION) || begins_with_minus(operand);
    enclosed(flat, operand, OPERAND, level, parens);
}

static void print_if(Flat *flat, const Node *node, int level) {
    enclosed(flat, node->value, SIMPLE, level + 2, precedence(node->value) < SIMPLE);
    gap(flat, level + 1);
    put(flat, "if ");
    enclosed(flat, node->condition, OPERAND, level + 2, precedence(node->condition) < OPERAND);
    if (!node->otherwise) return;
    gap(flat, level);
    put(flat, "else ");
    bool chain = node->otherwise->kind == AST_IF && !node->otherwise->parens;
    print(flat, node->otherwise, ANY, level + !chain);
}

static void print_pipe(Flat *flat, const Node *node, int level) {
    bool chain = node->left->kind == AST_PIPE && !node->left->parens;
    enclosed(flat, node->left, SIMPLE, level + !chain, !chain && precedence(node->left) < PRIMARY);
    gap(flat, level);
    put(flat, "|> ");
    enclosed(flat, node->right, OPERAND, level + 1, precedence(node->right) < PRIMARY);
}

static void print_repeat(Flat *flat, const Node *node, int level) {
    put(flat, "repeat ");
    enclosed(flat, node->range, OPERAND, level + 1, precedence(node->range) < OPERAND);
    put(flat, " ");
    flat->block(flat, node->block);
}

static void print_number(Flat *flat, const Node *node) {
    if (node->name)
        put(flat, node->name);
    else
        put(flat, string_of_double(flat->out.arena, node->number));
}

static void print_text(Flat *flat, const char *text) {
    put(flat, "\"");
    for (; *text; text++) {
        if (*text == '\t')
            put(flat, "\\t");
        else if (*text == '\n')
            put(flat, "\\n");
        else
            text_add(&flat->out, "%s%c", *text == '"' || *text == '\\' ? "\\" : "", *text);
    }
    put(flat, "\"");
}

void flat_tensor(Flat *flat, const Node *node, int level) {
    put(flat, node->name);
    if (node->each) put(flat, "..");
    if (node->brackets) brackets(flat, node, "[", "]", level + LAST);
    if (node->type) text_add(&flat->out, ": %s", node->type);
    if (node->kind != AST_TENSOR || !node->limits) return;
    put(flat, ": ");
    flat_expression(flat, node->limits, level);
}

static void print_named(Flat *flat, const Node *node, int level) {
    if (node->kind == AST_TENSOR)
        flat_tensor(flat, node, level);
    else
        put(flat, node->name);
    if (!node->value) return;
    put(flat, " = ");
    bool parens = node->kind == AST_INIT && precedence(node->value) < OPERAND;
    enclosed(flat, node->value, ANY, level, parens);
}

// `least`: the loosest precedence that may stand here without parentheses.
static void print(Flat *flat, const Node *node, int least, int level) {
    bool parens = node->parens || precedence(node) < least;
    if (parens) put(flat, "(");
    level += parens;
    switch ((int)node->kind) {
    case AST_NUMBER: print_number(flat, node); break;
    case AST_TEXT: print_text(flat, node->name); break;
    case AST_BOOL: put(flat, node->number > 0 ? "true" : "false"); break;
    case AST_NAME: put(flat, node->name); break;
    case AST_MEMBER:
        enclosed(flat, node->base, OPERAND, level, !is_path(node->base) && node->base->kind != AST_INDEX);
        text_add(&flat->out, ".%s", node->name);
        break;
    case AST_CALL:
        print_base(flat, node->base, level);
        brackets(flat, node, "(", ")", level);
        break;
    case AST_INDEX:
        print_base(flat, node->base, level);
        brackets(flat, node, "[", "]", level + LAST);
        break;
    case AST_REDUCE: print_reduce(flat, node, level); break;
    case AST_UNARY: print_unary(flat, node, level); break;
    case AST_BINARY: print_binary(flat, node, level); break;
    case AST_PIPE: print_pipe(flat, node, level); break;
    case AST_IF: print_if(flat, node, level); break;
    case AST_LIST: brackets(flat, node, "[", "]", level); break;
    case AST_REPEAT: print_repeat(flat, node, level); break;
    case AST_RANGE:
        if (node->left) print(flat, node->left, ANY, level + 1);
        put(flat, !node->left ? ".. " : node->right ? " .. " : " ..");
        if (node->right) print(flat, node->right, ANY, level + 1);
        break;
    case AST_DOTS: put(flat, ".."); break;
    case AST_EACH:
        print(flat, node->value, ANY, level + 1);
        put(flat, node->value->kind == AST_NAME ? ".." : " ..");
        break;
    case AST_FOLD:
        enclosed(flat, node->value, OPERAND, level, precedence(node->value) < operator_precedence(node->op));
        text_add(&flat->out, " %s ..", operator_text(node->op));
        break;
    case AST_WHOLE: put(flat, ":"); break;
    case AST_TENSOR:
    case AST_INIT:
    case AST_NAMED: print_named(flat, node, level); break;
    case AST_RESULT: print(flat, node->value, ANY, level); break;
    default: die("a %s is no expression", node_kind_word(node->kind));
    }
    if (parens) put(flat, ")");
}

void flat_statement(Flat *flat, const Node *node, int level) {
    bool parens = begins_with_minus(node);
    enclosed(flat, node, ANY, level, parens);
}

void flat_expression(Flat *flat, const Node *node, int level) { print(flat, node, ANY, level); }
void flat_operand(Flat *flat, const Node *node, int level) { print(flat, node, OPERAND, level); }
void flat_simple(Flat *flat, const Node *node, int level) { print(flat, node, SIMPLE, level); }
