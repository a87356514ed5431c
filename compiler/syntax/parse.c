// From a source's text to its tree: the stages of one parse, one after the other.
#include "syntax/syntax.h"
#include <string.h>

static int count_lines(const char *text) {
    int count = 2;
    for (const char *s = text; (s = strchr(s, '\n')); s++) count++;
    return count;
}

static Parser begin(Context *ctx, const Source *source) {
    Parser parser = {.ctx = ctx, .source = source, .scratch = arena_create()};
    parser.reported = arena_array(parser.scratch, bool, count_lines(source->text));
    return parser;
}

Node *parse_source(Context *ctx, const Source *source) {
    Parser parser = begin(ctx, source);
    int errors = ctx->errors;
    lexer_run(&parser);
    layout_run(&parser);
    if (!parser.stopped) grammar_run(&parser);
    Node *root = parser.root;
    if (!root || parser.stopped || !tree_depth_check(ctx, root)) {
        root = node_new(ctx, AST_FILE, (Span){source->base, source->base + source->length});
        if (ctx->errors == errors) die("%s was not parsed, and nothing said why", source->name);
    } else if (ctx->errors == errors) {
        tree_check(&parser, root);
        if (ctx->errors == errors) dimensions_name(ctx, root);
    }
    root->span = (Span){source->base, source->base + source->length};
    arena_destroy(parser.scratch);
    return root;
}

int source_comments(Context *ctx, const Source *source, Comment **comments) {
    Context *quiet = context_create(); // its messages were given when the source was parsed
    Parser parser = begin(quiet, source);
    lexer_run(&parser);
    int count = parser.comments.count;
    *comments = arena_array(ctx->arena, Comment, count + 1);
    for (int i = 0; i < count; i++) {
        Token token = parser.comments.data[i];
        const char *text = string_copy(ctx->arena, source->text + token.start, token.end - token.start);
        (*comments)[i] = (Comment){source->base + token.start, text, token.first};
    }
    arena_destroy(parser.scratch);
    context_destroy(quiet);
    return count;
}
