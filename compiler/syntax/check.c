// What the grammar allows too widely: where statements and entries of brackets may stand, conditions without
// `else`, the order of arguments, types. Needs a tree read without errors, and reports one message for each
// mistake.
#include "syntax/syntax.h"
#include <string.h>

enum { DEEPEST = 2500 };

// The blocks statements stand in.
typedef enum {
    IN_DATA,
    IN_PART,
    IN_TRAIN,
    IN_LAYER,
    IN_FUNCTION,
    IN_OPTIMIZER,
    IN_CLIP,
    IN_AVERAGE,
    IN_WATCH,
    IN_RECUR,
    PLACE_COUNT
} Place;

static const char *const places[PLACE_COUNT] = {"a `data` block",  "a part of a `data` block",
                                                "a `train` block", "a layer",
                                                "a function",      "an optimizer",
                                                "a clip",          "an average",
                                                "a watch",         "a `recur` block"};

typedef struct {
    Context *ctx;
    Place place, outside; // outside: of a recur, the definition's
    bool selects;         // what stands here names parameters
    bool several;         // of a definition with several names
} Check;

static void check_node(Check *check, const Node *node, bool may_lack_else);

bool tree_depth_check(Context *ctx, const Node *root) {
    typedef struct {
        const Node *node;
        int depth;
    } Visit;
    VEC(Visit) stack = {0};
    Arena *scratch = arena_create();
    vec_push(scratch, &stack, (Visit){root, 0});
    bool shallow = true;
    while (stack.count && shallow) {
        Visit visit = stack.data[--stack.count];
        if (visit.depth > DEEPEST) {
            diagnose(ctx, EXPRESSION_DEPTH, visit.node->span);
            shallow = false;
        }
        for (int i = 0; i < visit.node->count; i++)
            vec_push(scratch, &stack, (Visit){visit.node->items[i], visit.depth + 1});
        for (int i = 0; i < 3; i++)
            if (visit.node->kid[i]) vec_push(scratch, &stack, (Visit){visit.node->kid[i], visit.depth + 1});
    }
    arena_destroy(scratch);
    return shallow;
}

// A definition of the run's: it keeps states.
static bool is_rule(Place place) { return place >= IN_OPTIMIZER && place <= IN_WATCH; }

static bool may_stand(const Node *statement, Place place, Place outside) {
    bool layer = place == IN_LAYER, rule = is_rule(place);
    switch ((int)statement->kind) {
    case AST_PARAM: return layer;
    case AST_STATE: return layer || rule;
    case AST_ASSIGN:
        return statement->op == OPERATOR_SET || layer || rule || (place == IN_RECUR && outside == IN_LAYER);
    case AST_PART: return place == IN_DATA;
    case AST_RECUR: return layer || place == IN_FUNCTION || rule || place == IN_RECUR;
    case AST_MINIMIZE: return place == IN_TRAIN;
    case AST_RESULT: return layer || place == IN_FUNCTION || place == IN_CLIP;
    default: return true;
    }
}

static const char *statement_text(Context *ctx, const Node *statement) {
    switch ((int)statement->kind) {
    case AST_PARAM: return "`param`";
    case AST_STATE: return "`state`";
    case AST_ASSIGN: return string_format(ctx->arena, "`%s`", operator_text(statement->op));
    case AST_PART: return string_format(ctx->arena, "`%s { ... }`", statement->name);
    case AST_RECUR: return "`recur`";
    case AST_MINIMIZE: return "`minimize`";
    default: return "a value without a name";
    }
}

static void check_block(Check *check, const Node *block) {
    for (int i = 0; i < block->count; i++) {
        const Node *statement = block->items[i];
        bool lost = statement->kind == AST_RESULT && i + 1 < block->count;
        bool follows = i > 0 && statement->kind == AST_RESULT && block->items[i - 1]->kind == AST_RESULT;
        bool stands = may_stand(statement, check->place, check->outside);
        if (follows && !stands) continue; // a line torn in two: its message is out
        if (!stands)
            diagnose(check->ctx, PLACE_STATEMENT, statement->span, statement_text(check->ctx, statement),
                     places[check->place]);
        else if (lost)
            diagnose(check->ctx, PLACE_RESULT, statement->span);
        else
            check_node(check, statement, false);
    }
}

static void check_block_in(Check *check, const Node *block, Place place) {
    Place outside = check->place == IN_RECUR ? check->outside : check->place;
    Check inner = {check->ctx, place, outside, false, check->several};
    check_block(&inner, block);
}

// A number is asked for within limits where it is given: in a call, for a setting.
static void check_limits(Check *check, const Node *tensor, bool setting) {
    const Node *limits = tensor->limits;
    if (!limits) return;
    if (!setting || tensor->brackets)
        diagnose(check->ctx, PLACE_ENTRY, limits->span, "a range", "this declaration");
    else if (limits->left && limits->right && node_number(limits->left) > node_number(limits->right))
        diagnose(check->ctx, LIMITS_ORDER, limits->span);
}

static void check_type(Check *check, const Node *tensor) {
    static const char *const types[] = {"int", "class", "bool",   "text",       "steps", "epochs",
                                        "ms",  "s",     "min",    "h",          "B",     "KB",
                                        "MB",  "GB",    "logits", "probability"};
    int count = sizeof types / sizeof *types;
    if (!tensor->type) return;
    for (int i = 0; i < count; i++)
        if (string_equal(tensor->type, types[i])) return;
    Diagnostic *d = diagnose(check->ctx, TYPE_UNKNOWN, tensor->type_span, tensor->type);
    const char *nearest = string_nearest(tensor->type, types, count);
    static const char *const numbers[] = {"float",  "float32", "float64", "double",
                                          "number", "real",    "tensor",  "f32"};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (string_equal(tensor->type, numbers[i]))
            diagnostic_help(check->ctx, d, "numbers have no type: leave it out");
    if (!d->help) diagnostic_meant(check->ctx, d, tensor->type_span, nearest);
}

// Entries of brackets. `what` names the brackets; calls may hold ranges and names, the names last; lists
// names (of metrics); subscripts may hold `:`.
static void check_entries(Check *check, const Node *node, const char *what) {
    bool call = node->kind == AST_CALL, list = node->kind == AST_LIST, dots = false, after_name = false,
         told = false;
    bool subscript = node->kind == AST_INDEX || node->kind == AST_REDUCE;
    for (int i = 0; i < node->count; i++) {
        const Node *entry = node->items[i];
        bool wrong = (entry->kind == AST_WHOLE && !subscript) || (entry->kind == AST_RANGE && !call) ||
                     (entry->kind == AST_NAMED && !call && !list) || (entry->kind == AST_DOTS && list);
        const char *sign = entry->kind == AST_WHOLE   ? "`:`"
                           : entry->kind == AST_RANGE ? "a range"
                           : entry->kind == AST_DOTS  ? "`..`"
                                                      : "`=`";
        if (wrong && !told) {
            Span span = entry->kind == AST_NAMED ? entry->name_span : entry->span;
            Diagnostic *d = diagnose(check->ctx, PLACE_ENTRY, span, sign, what);
            if (node->kind == AST_INDEX && entry->kind == AST_RANGE)
                diagnostic_help(check->ctx, d,
                                "a part is written with an index, `y[b, i] = x[b, i + 1]`: the result's "
                                "shape says how far it runs");
        }
        if (entry->kind == AST_DOTS && dots) diagnose(check->ctx, DOTS_TWICE, entry->span);
        bool order = call && after_name && entry->kind != AST_NAMED && !told;
        if (order) diagnose(check->ctx, ARGUMENT_ORDER, entry->span);
        told |= order || wrong;
        for (int j = 0; j < i && entry->kind == AST_NAMED && !wrong; j++)
            if (node->items[j]->kind == AST_NAMED && node->items[j]->name == entry->name) {
                Diagnostic *d = diagnose(check->ctx, ARGUMENT_TWICE, entry->name_span, entry->name);
                diagnostic_note(check->ctx, d, node->items[j]->name_span, "it is given here");
                break;
            }
        dots |= entry->kind == AST_DOTS;
        after_name |= entry->kind == AST_NAMED;
        check_node(check, entry, node->kind == AST_REDUCE);
    }
}

static void check_define(Check *check, const Node *node) {
    static const Place of[] = {
#define DEFINITION(name, word, phrase, place, given, apart) IN_##place,
#include "definitions.def"
#undef DEFINITION
    };
    check->several = node->names;
    for (int i = 0; i < node->count; i++) {
        check_node(check, node->items[i], false);
        check_limits(check, node->items[i], true);
        if (node->items[i]->each && !check->several)
            diagnose(check->ctx, DIMENSIONS_OUTSIDE, node->items[i]->span);
    }
    for (int i = 0; node->results && i < node->results->count; i++) {
        check_node(check, node->results->items[i], false);
        check_limits(check, node->results->items[i], false);
    }
    if (node->body->kind == AST_BLOCK)
        check_block_in(check, node->body, of[node->definition]);
    else
        check_node(check, node->body, false);
    check->several = false;
}

static bool recur_index(const Node *range) {
    if (range->kind == AST_NAME) return true;
    return range->kind == AST_BINARY && range->op == OPERATOR_LESS && range->left->kind == AST_NAME;
}

static bool applies(const Node *node) {
    if (node->parens) return true;
    return node->kind == AST_NAME || node->kind == AST_MEMBER || node->kind == AST_CALL ||
           node->kind == AST_REPEAT;
}

// Nodes that hold a block: each is checked as what it is.
static bool check_with_block(Check *check, const Node *node) {
    switch ((int)node->kind) {
    case AST_DATA:
        check_node(check, node->source, false);
        check_block_in(check, node->block, IN_DATA);
        return true;
    case AST_PART: check_block_in(check, node->block, IN_PART); return true;
    case AST_TRAIN: check_block_in(check, node->block, IN_TRAIN); return true;
    case AST_DEFINE: check_define(check, node); return true;
    case AST_RECUR:
        if (!recur_index(node->range)) diagnose(check->ctx, RECUR_INDEX, node->range->span);
        for (int i = 0; i < node->count; i++) check_node(check, node->items[i], false);
        check_block_in(check, node->block, IN_RECUR);
        return true;
    case AST_REPEAT: {
        bool function = check->place == IN_FUNCTION || is_rule(check->place);
        check_node(check, node->range, false);
        check_block_in(check, node->block, function ? IN_FUNCTION : IN_LAYER);
        return true;
    }
    default: return false;
    }
}

// What stands in brackets; true where the node has some.
static bool check_brackets(Check *check, const Node *node) {
    switch ((int)node->kind) {
    case AST_PARAM:
    case AST_STATE:
        check_limits(check, node, false);
        check_type(check, node);
        check_entries(check, node, "a declaration's brackets");
        return true;
    case AST_TENSOR:
        check_type(check, node);
        check_entries(check, node, "a declaration's brackets");
        return true;
    case AST_REDUCE:
        if (node->operand->kind == AST_LIST && !node->operand->parens)
            diagnose(check->ctx, SYNTAX_BRACKETS, node->operand->span);
        check_entries(check, node, "a subscript");
        return true;
    case AST_INDEX: check_entries(check, node, "a subscript"); return true;
    case AST_CALL: check_entries(check, node, "a call"); return true;
    case AST_LIST: check_entries(check, node, "a list"); return true;
    default: return false;
    }
}

static bool value_may_lack_else(const Node *node) {
    return node->kind == AST_ASSIGN || node->kind == AST_CLAUSE || node->kind == AST_CONSTANT ||
           node->kind == AST_PARAM || node->kind == AST_STATE;
}

static bool gives_setting(const Check *check, const Node *node, const char *name) {
    bool named = node->kind == AST_ASSIGN && node->target->kind == AST_NAME;
    return named && check->place == IN_TRAIN && string_equal(node->target->name, name);
}

// The part of a statement that names parameters (rule 22), or NULL.
static const Node *selection_of(Check *check, const Node *node) {
    if (node->kind == AST_CLAUSE) return node->over;
    if (node->kind != AST_ASSIGN) return NULL;
    if (node->chosen && !gives_setting(check, node, "constrain"))
        diagnose(check->ctx, PLACE_ENTRY, node->chosen->span, "what stands after `over`", "this line");
    return gives_setting(check, node, "start") ? node->assigned : node->chosen;
}

// A path with `*` or rounds in it: only selections hold such.
static void check_path(const Check *check, const Node *node) {
    bool any = string_equal(node->name, "*");
    if (any || node->base->kind == AST_INDEX)
        diagnose(check->ctx, PLACE_ENTRY, any ? node->name_span : node->span,
                 any ? "`.*`" : "a path with rounds", "an expression");
}

static void check_node(Check *check, const Node *node, bool may_lack_else) {
    if (check_with_block(check, node)) return;
    const Node *selection = selection_of(check, node);
    if (node->kind == AST_MEMBER && !check->selects) check_path(check, node);
    if (node->kind == AST_IF && !node->otherwise && !may_lack_else)
        diagnose(check->ctx, IF_WITHOUT_ELSE, node->span);
    if (node->kind == AST_PIPE && !applies(node->right)) diagnose(check->ctx, PIPE_RIGHT, node->right->span);
    if ((node->kind == AST_EACH || node->kind == AST_FOLD) && !check->several)
        diagnose(check->ctx, DIMENSIONS_OUTSIDE, node->span);
    if (!check_brackets(check, node))
        for (int i = 0; i < node->count; i++) check_node(check, node->items[i], false);
    for (int i = 0; i < 3; i++) {
        check->selects = check->selects || (node->kid[i] && node->kid[i] == selection);
        bool lacks = value_may_lack_else(node) || (node->kind == AST_EACH && may_lack_else);
        if (node->kid[i]) check_node(check, node->kid[i], i == 0 && lacks);
        if (selection) check->selects = false;
    }
}

void tree_check(Parser *parser, const Node *file) {
    Check check = {parser->ctx, IN_LAYER, IN_LAYER, false, false};
    for (int i = 0; i < file->count; i++) check_node(&check, file->items[i], false);
}
