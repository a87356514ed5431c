// Single-token mutations of programs: one token deleted, doubled, replaced by another program's token, or
// swapped with the next. What is wrong afterwards should get exactly one message, within a line of the
// mutation, and never more than three.
//
//     mutate [--count N] [--seed S] [--show N] [--least PERCENT] [--syntax] FILE...
//
// --show prints the first N mutations that do worse than that; --syntax looks at the text alone. Exit 1 where
// less than
// --least percent (97) of the wrong ones get exactly one message, one gets more than three, or fewer than 95
// % are near.
#include "sema/module.h"
#include "library.h"
#include "syntax/syntax.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    char *name, *text;
    Parser parsed; // its context is kept: the tokens are the material
    int count;
} Subject;
typedef struct {
    int wrong, one, near, many, accepted, show, least;
    bool syntax;
} Tally;

static const char *const ways[] = {"deleted", "doubled", "replaced", "swapped"};

static uint64_t random_next(uint64_t *seed) {
    *seed += 0x9e3779b97f4a7c15u;
    return hash_mix(*seed, 1);
}

static Subject load(const char *path) {
    Context *ctx = context_create();
    Source *source = source_load(ctx, path);
    if (!source) {
        fprintf(stderr, "mutate: cannot read %s\n", path);
        exit(3);
    }
    Subject program = {.name = strdup(path), .text = strdup(source->text)};
    program.parsed = (Parser){.ctx = ctx, .source = source, .scratch = ctx->arena};
    program.parsed.reported = arena_array(ctx->arena, bool, strlen(source->text) + 2);
    lexer_run(&program.parsed);
    program.count = program.parsed.tokens.count - 1;
    return program;
}

static void put(Text *out, const Subject *program, const Token *token) {
    text_add(out, "%.*s", (int)(token->end - token->start), program->text + token->start);
}

// The mutated text; the mutation reaches from `line` to `last_line`, from 1.
static const char *mutate(Arena *arena, const Subject *all, int programs, const Subject *program,
                          uint64_t *seed, int *line, int *last_line, const char **way) {
    Text out = {.arena = arena};
    const Token *tokens = program->parsed.tokens.data;
    int at = (int)(random_next(seed) % (unsigned)program->count), kind = (int)(random_next(seed) % 4);
    if (kind == 3 && at + 1 >= program->count) kind = 0;
    const Token *token = &tokens[at], *last = kind == 3 ? &tokens[at + 1] : token;
    const Subject *other = &all[random_next(seed) % (unsigned)programs];
    const Token *stranger = &other->parsed.tokens.data[random_next(seed) % (unsigned)other->count];
    text_add(&out, "%.*s", (int)token->start, program->text);
    if (kind == 1) {
        put(&out, program, token);
        text_put(&out, " ");
        put(&out, program, token);
    } else if (kind == 2)
        put(&out, other, stranger);
    else if (kind == 3) {
        put(&out, program, last);
        text_add(&out, "%.*s", (int)(last->start - token->end), program->text + token->end);
        put(&out, program, token);
    }
    text_put(&out, program->text + last->end);
    *line = (int)token->line + 1;
    *last_line = (int)last->line + 1;
    *way = ways[kind];
    return text_string(&out);
}

// Every check that needs no compilation: the text, its names, and of a whole program its shapes.
static void check(Context *ctx, const char *name, const char *text, bool syntax) {
    Library *library = library_create(ctx);
    for (int i = 0; i < stdlib_count && !syntax; i++) {
        Source *own = source_add(ctx, stdlib_files[i].name, stdlib_files[i].text, stdlib_files[i].length);
        own->library = true;
        size_t length = strlen(own->name);
        if (length >= 8 && strcmp(own->name + length - 8, "keras.nn") == 0) own->prefix = "keras";
        library_add(library, own, parse_source(ctx, own));
    }
    Source *source = source_add(ctx, name, text, strlen(text));
    Node *root = source ? parse_source(ctx, source) : NULL;
    if (syntax || !root || ctx->errors || !sema_resolve(ctx, library, source, root)) return;
    bool trains = false;
    for (int i = 0; i < root->count; i++) trains |= root->items[i]->kind == AST_TRAIN;
    SemaOptions options = {0};
    if (trains)
        sema_elaborate(ctx, library, source, root, &options);
    else
        sema_check_library(ctx, library, source, root);
}

static void judge(Tally *tally, const Subject *program, const char *text, int line, int last,
                  const char *way) {
    Context *ctx = context_create();
    check(ctx, program->name, text, tally->syntax);
    bool near = false;
    for (int i = 0; i < ctx->diagnostics.count; i++) {
        const Diagnostic *d = ctx->diagnostics.data[i];
        int at, column;
        source_position(ctx, d->span, &at, &column);
        if (d->severity == SEVERITY_ERROR && at >= line - 1 && at <= last + 1) near = true;
    }
    tally->accepted += !ctx->errors;
    tally->wrong += ctx->errors > 0;
    tally->one += ctx->errors == 1;
    tally->many += ctx->errors > 3;
    tally->near += near;
    bool poor = ctx->errors > 1 || (ctx->errors && !near);
    if (poor && tally->show > 0) {
        tally->show--;
        printf("---- %s: a token %s in line %d\n", program->name, way, line);
        diagnostics_print(ctx, false, stdout);
    }
    context_destroy(ctx);
}

static int summary(const Tally *tally) {
    double wrong = tally->wrong ? tally->wrong : 1;
    printf("%d wrong, %d still right; exactly one message: %.2f %%; within a line: %.2f %%; more than three: "
           "%d\n",
           tally->wrong, tally->accepted, 100 * tally->one / wrong, 100 * tally->near / wrong, tally->many);
    bool good = 100 * tally->one >= tally->least * wrong && 100 * tally->near >= 95 * wrong && !tally->many;
    return good ? 0 : 1;
}

int main(int argc, char **argv) {
    Subject *programs = calloc((size_t)argc, sizeof *programs);
    Tally tally = {.least = 97};
    uint64_t seed = 1;
    int count = 10000, files = 0;
    for (int i = 1; i < argc; i++) {
        bool value = i + 1 < argc;
        if (!strcmp(argv[i], "--syntax"))
            tally.syntax = true;
        else if (!strcmp(argv[i], "--count") && value)
            count = atoi(argv[++i]);
        else if (!strcmp(argv[i], "--seed") && value)
            seed = strtoull(argv[++i], NULL, 10);
        else if (!strcmp(argv[i], "--show") && value)
            tally.show = atoi(argv[++i]);
        else if (!strcmp(argv[i], "--least") && value)
            tally.least = atoi(argv[++i]);
        else
            programs[files++] = load(argv[i]);
    }
    if (!files) {
        fprintf(stderr, "mutate [--count N] [--seed S] [--show N] [--least PERCENT] [--syntax] FILE...\n");
        return 2;
    }
    for (int i = 0; i < count; i++) {
        Arena *arena = arena_create();
        const Subject *program = &programs[random_next(&seed) % (unsigned)files];
        int line, last;
        const char *way, *text = mutate(arena, programs, files, program, &seed, &line, &last, &way);
        judge(&tally, program, text, line, last, way);
        arena_destroy(arena);
    }
    for (int i = 0; i < files; i++) {
        context_destroy(programs[i].parsed.ctx);
        free(programs[i].name);
        free(programs[i].text);
    }
    free(programs);
    return summary(&tally);
}
