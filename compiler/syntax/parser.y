/* The grammar: tokens to the tree, one message for each wrong statement.
   Needs the tokens of layout.c: brackets that match, statements ended by an end of line. After a mistake the reader
   (`yylex`) goes on at the end of the statement it stands in, so that nothing follows from it. */
%require "3.8"
%define api.pure full
%define api.header.include {"syntax/parser.h"}
%define api.location.type {Span}
%define api.token.prefix {TOK_}
%define parse.error custom
%define parse.lac full
%define lr.type ielr
%locations
%expect 0
%param {Parser *p}
%code requires { #include "syntax/syntax.h" }
%code {
#include <string.h>

#define YYMAXDEPTH 20000
#define YYLLOC_DEFAULT(Cur, Rhs, N) ((Cur) = (N) ? (Span){YYRHSLOC(Rhs, 1).start, YYRHSLOC(Rhs, N).end} \
                                               : (Span){YYRHSLOC(Rhs, 0).end, YYRHSLOC(Rhs, 0).end})
static int yylex(YYSTYPE *value, Span *span, Parser *p);
static void yyerror(Span *span, Parser *p, const char *message);

static Node *make(Parser *p, NodeKind kind, Span span) { return node_new(p->ctx, kind, span); }

static Node *with_value(Parser *p, NodeKind kind, Span span, Node *value) {
    Node *node = make(p, kind, span);
    node->value = value;
    return node;
}

static Node *named(Parser *p, NodeKind kind, Span span, const Node *name, Node *value) {
    Node *node = with_value(p, kind, span, value);
    if (name) {
        node->name = name->name;
        node->name_span = name->span;
    }
    return node;
}

static Node *with_block(Parser *p, NodeKind kind, Span span, const Node *name, Node *block) {
    Node *node = named(p, kind, span, name, NULL);
    node->block = block;
    return node;
}

static Node *append(Parser *p, Node *list, Node *item) {
    node_add(p->ctx, list, item);
    list->span.end = item->span.end;
    return list;
}

static Node *with_item(Parser *p, NodeKind kind, Span span, Node *item) {
    return append(p, make(p, kind, span), item);
}

static Node *declared(Node *tensor, NodeKind kind, Span span, Node *value) {
    tensor->kind = kind;
    tensor->span = span;
    tensor->value = value;
    return tensor;
}

static Node *define(Parser *p, Span span, DefinitionKind definition, const Node *name, Node *parameters) {
    Node *node = named(p, AST_DEFINE, span, name, NULL);
    node->definition = definition;
    node->items = parameters->items;
    node->count = parameters->count;
    return node;
}

static Node *define_several(Parser *p, Span span, DefinitionKind definition, Node *names, Node *parameters) {
    Node *node = define(p, span, definition, names->items[0], parameters);
    if (names->count > 1) node->names = names;
    return node;
}

static Node *fold(Parser *p, Span span, Operator op, Node *value) {
    Node *node = with_value(p, AST_FOLD, span, value);
    node->op = op;
    node->parens = true;
    return node;
}

static Node *assign(Parser *p, Span span, Operator op, Span op_span, Node *target, Node *value) {
    Node *node = with_value(p, AST_ASSIGN, span, value);
    node->op = op;
    node->name_span = op_span;
    node->target = target;
    return node;
}

static Node *pair(Parser *p, NodeKind kind, Span span, Span sign, Node *left, Node *right) {
    Node *node = make(p, kind, span);
    node->name_span = sign;
    node->left = left;
    node->right = right;
    return node;
}

static Node *binary(Parser *p, Span span, Operator op, Span op_span, Node *left, Node *right) {
    Node *node = pair(p, AST_BINARY, span, op_span, left, right);
    node->op = op;
    return node;
}

static Node *unary(Parser *p, Span span, Operator op, Span op_span, Node *value) {
    Node *node = with_value(p, AST_UNARY, span, value);
    node->op = op;
    node->name_span = op_span;
    return node;
}

static Node *choice(Parser *p, Span span, Node *value, Node *condition, Node *otherwise) {
    Node *node = with_value(p, AST_IF, span, value);
    node->condition = condition;
    node->otherwise = otherwise;
    return node;
}

static Node *apply(Parser *p, NodeKind kind, Span span, Node *base, const Node *items, Node *operand) {
    Node *node = make(p, kind, span);
    node->base = base;
    node->operand = operand;
    node->items = items->items;
    node->count = items->count;
    return node;
}

static Node *member(Parser *p, Span span, Node *base, const Node *name) {
    Node *node = named(p, AST_MEMBER, span, name, NULL);
    node->base = base;
    return node;
}

static const char *text_at(const Parser *p, Span span) { return p->source->text + (span.start - p->source->base); }

// What `*` is called as a part of a path.
static Node *any_name(Parser *p, Span span) {
    Node *node = make(p, AST_NAME, span);
    node->name = context_intern(p->ctx, "*", 1);
    node->name_span = span;
    return node;
}

static Node *name_leaf(Parser *p, Span span) {
    Node *node = make(p, AST_NAME, span);
    node->name = context_intern(p->ctx, text_at(p, span), span.end - span.start);
    node->name_span = span;
    return node;
}

static Node *number_leaf(Parser *p, Span span, Unit unit) {
    Node *node = make(p, AST_NUMBER, span);
    const char *text = text_at(p, span);
    size_t length = span.end - span.start - strlen(unit_text(unit));
    while (length > 1 && (text[length - 1] == ' ' || text[length - 1] == '\t')) length--;
    number_value(text, length, &node->number, &node->integral);
    node->number = unit_value(unit, node->number);
    node->integral = node->integral && unit == UNIT_NONE;
    node->unit = unit;
    const char *blank = unit == UNIT_NONE || unit == UNIT_PERCENT ? "" : " ";
    const char *whole = string_format(p->scratch, "%.*s%s%s", (int)length, text, blank, unit_text(unit));
    node->name = context_intern(p->ctx, whole, strlen(whole));
    return node;
}

static Node *text_leaf(Parser *p, Span span) {
    Node *node = make(p, AST_TEXT, span);
    const char *text = text_at(p, span);
    size_t length = span.end - span.start, n = 0;
    char *plain = arena_array(p->scratch, char, length + 1);
    for (size_t i = 1; i + 1 < length; i++) {
        bool escaped = text[i] == '\\' && i + 2 < length;
        if (escaped) i++;
        plain[n++] = escaped && text[i] == 't' ? '\t' : escaped && text[i] == 'n' ? '\n' : text[i];
    }
    node->name = context_intern(p->ctx, plain, n);
    return node;
}
}
%union { Node *node; Unit unit; DefinitionKind definition; Operator op; bool flag; }

%token END 0 "end of file"
%token NEWLINE "end of line"
%token RESUME                           /* not of the text: after a mistake, the statement's block follows */
%token IDENTIFIER "name" TEXT "text"
%token <unit> NUMBER "number"
%token DATA "data" MODEL "model" LAYER "layer" FN "fn" METRIC "metric" OPTIMIZER "optimizer" TRAIN "train"
%token CLIP "clip" AVERAGE "average" WATCH "watch"
%token ASSERT "assert" PARAM "param" STATE "state" REVERSED "reversed"
%token IF "if" ELSE "else" AND "and" OR "or" NOT "not" OVER "over" WITH "with" FROM "from" ON "on"
%token REPEAT "repeat" RECUR "recur" MINIMIZE "minimize" TRUE "true" FALSE "false"
%token ARROW "->" PIPE "|>" DOTS ".." FLOOR_DIV "//" EQUAL "==" NOT_EQUAL "!=" LESS_EQ "<=" GREATER_EQ ">="
%token SET_ADD "+=" SET_SUB "-=" SET_MUL "*=" SET "=" COMMA "," COLON ":" DOT "." ANY ".*"
%token LEFT_PAREN "(" RIGHT_PAREN ")" LEFT_BOX "[" RIGHT_BOX "]" LEFT_BRACE "{" RIGHT_BRACE "}"
%token ADD "+" SUB "-" MUL "*" DIV "/" POWER "^" LESS "<" GREATER ">"

%type <node> file item name path block statements statement head parameters parameter_list parameter formal several
%type <node> plain limits limit tensor tensors results inits init clauses clause expr simple pipe op primary call items item_list entry
%type <node> names target each round
%type <definition> kind
%type <op> setting
%type <flag> reversed

%left "or"
%left "and"
%precedence "not"
%nonassoc "<" ">" "<=" ">=" "==" "!="
%left "+" "-"
%precedence REDUCE                      /* sum[k] reaches over products, not over sums */
%left "*" "/" "//"
%precedence NEGATE
%right "^"
%precedence INDEX                       /* x[i] - y: an index and a minus, never a reduction of -y */
%precedence "reversed"
%%
whole: file { p->root = $file; }

file: %empty                    { $$ = make(p, AST_FILE, @$); }
    | file item "end of line"   { $$ = append(p, $1, $2); }
    | file error "end of line"  { $$ = $1; yyerrok; }
    | file error RESUME block "end of line" { $$ = $1; yyerrok; }

item: "data" name "=" primary block         { $$ = with_block(p, AST_DATA, @$, $2, $5); $$->source = $4; }
    | head block                            { $$ = $1; $$->body = $2; $$->span = @$; }
    | head "=" expr                         { $$ = $1; $$->body = $3; $$->span = @$; }
    | "train" names "on" name block         { $$ = with_block(p, AST_TRAIN, @$, $4, $5);
                                              $$->items = $2->items; $$->count = $2->count; }
    | "assert" op                           { $$ = with_value(p, AST_ASSERT, @$, $2); }
    | name "=" expr                         { $$ = named(p, AST_CONSTANT, @$, $1, $3); }

kind: "model"       { $$ = DEFINE_MODEL; }
    | "layer"       { $$ = DEFINE_LAYER; }
    | "fn"          { $$ = DEFINE_FN; }
    | "metric"      { $$ = DEFINE_METRIC; }
    | "optimizer"   { $$ = DEFINE_OPTIMIZER; }
    | "clip"        { $$ = DEFINE_CLIP; }
    | "average"     { $$ = DEFINE_AVERAGE; }
    | "watch"       { $$ = DEFINE_WATCH; }

head: kind names parameters               { $$ = define_several(p, @$, $1, $2, $3); }
    | kind names parameters "->" results  { $$ = define_several(p, @$, $1, $2, $3); $$->results = $5; }

parameters: "(" ")"                       { $$ = make(p, AST_RESULTS, @$); }
          | "(" parameter_list ")"        { $$ = $2; }
parameter_list: parameter                 { $$ = with_item(p, AST_RESULTS, @$, $1); }
              | parameter_list "," parameter { $$ = append(p, $1, $3); }
parameter: formal
         | formal "=" expr                { $$ = declared($1, AST_TENSOR, @$, $3); }
formal: tensor
      | several
      | several ":" limits                { $$ = $1; $$->span = @$; $$->limits = $3; }
several: name ".."                        { $$ = named(p, AST_TENSOR, @$, $1, NULL); $$->each = true; }
tensor: plain
      | plain ":" name                    { $$ = $1; $$->span = @$; $$->type = $3->name; $$->type_span = @3; }
      | plain ":" limits                  { $$ = $1; $$->span = @$; $$->limits = $3; }
plain: name                               { $$ = named(p, AST_TENSOR, @$, $1, NULL); }
     | name "[" item_list "]"             { $$ = named(p, AST_TENSOR, @$, $1, NULL); $$->items = $3->items;
                                            $$->count = $3->count; $$->brackets = true; }
limits: limit ".." limit                  { $$ = pair(p, AST_RANGE, @$, @2, $1, $3); }
      | limit ".."                        { $$ = pair(p, AST_RANGE, @$, @2, $1, NULL); }
      | ".." limit                        { $$ = pair(p, AST_RANGE, @$, @1, NULL, $2); }
limit: NUMBER                             { $$ = number_leaf(p, @1, $1); }
     | "-" NUMBER                         { $$ = unary(p, @$, OPERATOR_NEGATE, @1, number_leaf(p, @2, $2)); }
results: tensor                           { $$ = with_item(p, AST_RESULTS, @$, $1); }
       | "(" tensors ")"                  { $$ = $2; $$->parens = true; $$->span = @$; }
tensors: tensor                           { $$ = with_item(p, AST_RESULTS, @$, $1); }
       | tensors "," tensor               { $$ = append(p, $1, $3); }
names: name                               { $$ = with_item(p, AST_LIST, @$, $1); }
     | names "," name                     { $$ = append(p, $1, $3); }

block: "{" statements "}"                 { $$ = $2; $$->span = @$; }
statements: %empty                        { $$ = make(p, AST_BLOCK, @$); }
          | statements statement "end of line" { $$ = append(p, $1, $2); }
          | statements error "end of line"     { $$ = $1; yyerrok; }
          | statements error RESUME block "end of line" { $$ = $1; yyerrok; }

statement: "param" tensor "=" expr        { $$ = declared($2, AST_PARAM, @$, $4); }
         | "state" tensor "=" expr        { $$ = declared($2, AST_STATE, @$, $4); }
         | target setting expr            { $$ = assign(p, @$, $2, @2, $1, $3); }
         | target setting expr "over" op  { $$ = assign(p, @$, $2, @2, $1, $3); $$->chosen = $5; }
         | "recur" op reversed "from" inits block
                                          { $$ = with_block(p, AST_RECUR, @$, NULL, $6); $$->range = $2; $$->reversed = $3;
                                            $$->items = $5->items; $$->count = $5->count; }
         | "minimize" simple clauses      { $$ = with_value(p, AST_MINIMIZE, @$, $2);
                                            $$->items = $3->items; $$->count = $3->count; }
         | name block                     { $$ = with_block(p, AST_PART, @$, $1, $2); }
         | expr                           { $$ = with_value(p, AST_RESULT, @$, $1); }
setting: "="   { $$ = OPERATOR_SET; }
       | "+="  { $$ = OPERATOR_SET_ADD; }
       | "-="  { $$ = OPERATOR_SET_SUB; }
       | "*="  { $$ = OPERATOR_SET_MUL; }
target: path
      | path "[" item_list "]"            { $$ = apply(p, AST_INDEX, @$, $1, $3, NULL); }
      | each                              { $$ = $1; }
      | each "[" item_list "]"            { $$ = apply(p, AST_INDEX, @$, $1, $3, NULL); }
each: name ".."                           { $$ = with_value(p, AST_EACH, @$, $1); }
reversed: %empty       { $$ = false; }
        | "reversed"   { $$ = true; }
inits: init                               { $$ = with_item(p, AST_LIST, @$, $1); }
     | inits "," init                     { $$ = append(p, $1, $3); }
init: name "=" op                         { $$ = named(p, AST_INIT, @$, $1, $3); }
clauses: clause                           { $$ = with_item(p, AST_LIST, @$, $1); }
       | clauses clause                   { $$ = append(p, $1, $2); }
clause: "over" op "with" expr             { $$ = with_value(p, AST_CLAUSE, @$, $4); $$->over = $2; }
      | "with" expr                       { $$ = with_value(p, AST_CLAUSE, @$, $2); }

expr: simple
    | simple "if" op                      { $$ = choice(p, @$, $1, $3, NULL); }
    | simple "if" op "else" expr          { $$ = choice(p, @$, $1, $3, $5); }
simple: op | pipe
pipe: primary "|>" primary                { $$ = pair(p, AST_PIPE, @$, @2, $1, $3); }
    | pipe "|>" primary                   { $$ = pair(p, AST_PIPE, @$, @2, $1, $3); }

op: primary
  | op "or" op    { $$ = binary(p, @$, OPERATOR_OR, @2, $1, $3); }
  | op "and" op   { $$ = binary(p, @$, OPERATOR_AND, @2, $1, $3); }
  | "not" op      { $$ = unary(p, @$, OPERATOR_NOT, @1, $2); }
  | op "<" op     { $$ = binary(p, @$, OPERATOR_LESS, @2, $1, $3); }
  | op ">" op     { $$ = binary(p, @$, OPERATOR_GREATER, @2, $1, $3); }
  | op "<=" op    { $$ = binary(p, @$, OPERATOR_LESS_EQ, @2, $1, $3); }
  | op ">=" op    { $$ = binary(p, @$, OPERATOR_GREATER_EQ, @2, $1, $3); }
  | op "==" op    { $$ = binary(p, @$, OPERATOR_EQUAL, @2, $1, $3); }
  | op "!=" op    { $$ = binary(p, @$, OPERATOR_NOT_EQUAL, @2, $1, $3); }
  | op "+" op     { $$ = binary(p, @$, OPERATOR_ADD, @2, $1, $3); }
  | op "-" op     { $$ = binary(p, @$, OPERATOR_SUB, @2, $1, $3); }
  | op "*" op     { $$ = binary(p, @$, OPERATOR_MUL, @2, $1, $3); }
  | op "/" op     { $$ = binary(p, @$, OPERATOR_DIV, @2, $1, $3); }
  | op "//" op    { $$ = binary(p, @$, OPERATOR_FLOOR_DIV, @2, $1, $3); }
  | op "^" op     { $$ = binary(p, @$, OPERATOR_POWER, @2, $1, $3); }
  | "-" op %prec NEGATE                   { $$ = unary(p, @$, OPERATOR_NEGATE, @1, $2); }
  | path "[" item_list "]" op %prec REDUCE { $$ = apply(p, AST_REDUCE, @$, $1, $3, $5); }

primary: NUMBER                           { $$ = number_leaf(p, @$, $1); }
       | TEXT                             { $$ = text_leaf(p, @$); }
       | "true"                           { $$ = make(p, AST_BOOL, @$); $$->number = 1; }
       | "false"                          { $$ = make(p, AST_BOOL, @$); }
       | path
       | call
       | path "[" item_list "]" %prec INDEX { $$ = apply(p, AST_INDEX, @$, $1, $3, NULL); }
       | call "[" item_list "]"           { $$ = apply(p, AST_INDEX, @$, $1, $3, NULL); }
       | "(" expr ")"                     { $$ = $2; $$->parens = true; $$->span = @$; }
       | "(" op "+" ".." ")"              { $$ = fold(p, @$, OPERATOR_ADD, $2); }
       | "(" op "*" ".." ")"              { $$ = fold(p, @$, OPERATOR_MUL, $2); }
       | "(" op "and" ".." ")"            { $$ = fold(p, @$, OPERATOR_AND, $2); }
       | "(" op "or" ".." ")"             { $$ = fold(p, @$, OPERATOR_OR, $2); }
       | "(" expr ")" "[" item_list "]"   { $2->parens = true; $2->span = (Span){@1.start, @3.end};
                                            $$ = apply(p, AST_INDEX, @$, $2, $5, NULL); }
       | "[" items "]"                    { $$ = $2; $$->span = @$; }
       | "repeat" op block                { $$ = with_block(p, AST_REPEAT, @$, NULL, $3); $$->range = $2; }
call: path "(" items ")"                  { $$ = apply(p, AST_CALL, @$, $1, $3, NULL); }
path: name
    | path "." name                       { $$ = member(p, @$, $1, $3); }
    | call "." name                       { $$ = member(p, @$, $1, $3); }
    | round "." name                      { $$ = member(p, @$, $1, $3); }
    | path ".*"                           { $$ = member(p, @$, $1, any_name(p, @2)); }
    | round ".*"                          { $$ = member(p, @$, $1, any_name(p, @2)); }
round: path "[" item_list "]"             { $$ = apply(p, AST_INDEX, @$, $1, $3, NULL); }

items: %empty                             { $$ = make(p, AST_LIST, @$); }
     | item_list
item_list: entry                          { $$ = with_item(p, AST_LIST, @$, $1); }
         | item_list "," entry            { $$ = append(p, $1, $3); }
entry: expr
     | expr ".." expr                     { $$ = pair(p, AST_RANGE, @$, @2, $1, $3); }
     | expr ".."                          { $$ = with_value(p, AST_EACH, @$, $1); }
     | ".."                               { $$ = make(p, AST_DOTS, @$); }
     | ":"                                { $$ = make(p, AST_WHOLE, @$); }
     | name "=" expr                      { $$ = named(p, AST_NAMED, @$, $1, $3); }

/* Words that begin a definition or a declaration are names everywhere else. */
name: word { $$ = name_leaf(p, @$); }
word: IDENTIFIER | "data" | "model" | "layer" | "fn" | "metric" | "optimizer" | "clip" | "average" | "watch"
    | "train" | "assert" | "param" | "state" | "reversed"
%%
static const int codes[TOKEN_COUNT] = {
#define TOKEN(name, spelling, class, after, before) [TOKEN_##name] = TOK_##name,
#include "tokens.def"
#undef TOKEN
};

static int yylex(YYSTYPE *value, Span *span, Parser *p) {
    if (p->resumes) {
        p->resumes = false;
        return TOK_RESUME;
    }
    const Token *token = &p->tokens.data[p->next];
    if (p->next + 1 < p->tokens.count) p->next++;
    *span = parser_span(p, token->start, token->end);
    value->unit = (Unit)token->unit;
    return codes[token->kind];
}

// Where to go on after a mistake: at the block that ends the statement, whose own mistakes are reported too, or at its end.
static int resume(const Parser *p, int at) {
    int depth = p->tokens.data[at].depth, block = -1, i = at;
    for (; i + 1 < p->tokens.count; i++) {
        const Token *token = &p->tokens.data[i];
        if (token->depth != depth) continue;
        if (token->kind == TOKEN_LEFT_BRACE) block = i;
        if (token->kind == TOKEN_NEWLINE) break;
    }
    return block >= 0 && p->tokens.data[i - 1].kind == TOKEN_RIGHT_BRACE ? block : i;
}

// Reports what stands where it cannot, and lets the reader go on at the end of its statement.
static int yyreport_syntax_error(const yypcontext_t *context, Parser *p) {
    yysymbol_kind_t symbols[YYNTOKENS];
    int count = yypcontext_expected_tokens(context, symbols, YYNTOKENS);
    bool last = yypcontext_token(context) == YYSYMBOL_YYEOF;
    int at = last ? p->tokens.count - 1 : p->next - 1;
    Expected expected = {0};
    for (int i = 0; i < count; i++)
        for (int kind = 0; kind < TOKEN_COUNT; kind++)
            if (YYTRANSLATE(codes[kind]) == symbols[i]) expected.tokens[expected.count++] = (TokenKind)kind;
    syntax_error(p, at, &expected);
    if (p->tokens.data[at].kind != TOKEN_NEWLINE) p->next = resume(p, at);
    p->resumes = p->tokens.data[p->next].kind == TOKEN_LEFT_BRACE;
    return 0;
}

// Only for what is no mistake of grammar: the parser's own stack.
static void yyerror(Span *span, Parser *p, const char *message) {
    (void)message;
    diagnose(p->ctx, EXPRESSION_DEPTH, *span);
    p->stopped = true;
}

int grammar_run(Parser *parser) { return yyparse(parser); }
