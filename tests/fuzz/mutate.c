// Single-token mutations of programs: a token of the text, any as likely as any other (ends of lines are
// tokens too), is deleted, doubled, replaced by a token of one of the programs, or swapped with the next.
// Each goes through all of `nnc check`. Of what is wrong afterwards, at least 97 % get exactly one message,
// none more than three, at least 95 % one within a line of the mutation, and no message is without a place.
//
//     mutate [--count N] [--seed S] [--show N] FILE...
//
// Exit 1 where that does not hold; --show prints the first N mutations with several messages or none near.
#include "pipeline.h"
#include "syntax/syntax.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    char *name, *text;
    Parser parsed; // its context is kept: the tokens are the material
    int count;
    PipelineOptions options;
    Pipeline *pipeline;
    int checks;
} Subject;
typedef struct {
    int wrong, one, near, many, nowhere, accepted, show;
} Tally;

static const char *checked; // the text that is being checked: shown where it ends the process

static void crashed(int signal) {
    const char *const parts[] = {"mutate: the check does not survive this program\n", checked};
    for (int i = 0; i < 2; i++)
        if (write(STDERR_FILENO, parts[i], strlen(parts[i])) < 0) break;
    _exit(128 + signal);
}

static const char *const ways[] = {"deleted", "doubled", "replaced", "swapped"};

static uint64_t random_next(uint64_t *seed) {
    *seed += 0x9e3779b97f4a7c15u;
    return hash_mix(*seed, 1);
}

// The end of a line is the text up to it, a comment included; a `}` on the same line needs none.
static bool line_end(const Subject *program, Token *token, const Token *next) {
    const char *end = strchr(program->text + token->start, '\n');
    if (!end || end >= program->text + next->start) return false;
    token->end = (uint32_t)(end + 1 - program->text);
    return true;
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
    layout_run(&program.parsed);
    Token *tokens = program.parsed.tokens.data;
    for (int i = 0; i + 1 < program.parsed.tokens.count; i++)
        if (tokens[i].kind != TOKEN_NEWLINE || line_end(&program, &tokens[i], &tokens[i + 1]))
            tokens[program.count++] = tokens[i];
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

// The whole check; the library is read anew now and then, so that memory stays bounded.
static Context *check(Subject *program, const char *text) {
    program->options = (PipelineOptions){.path = program->name, .cpu = "x86-64-v3"};
    if (program->checks++ % 64 == 0) {
        if (program->pipeline) pipeline_destroy(program->pipeline);
        program->pipeline = pipeline_create(&program->options);
    }
    checked = text;
    pipeline_again(program->pipeline, text, strlen(text));
    pipeline_check(program->pipeline);
    return program->pipeline->ctx;
}

static void judge(Tally *tally, Subject *program, const char *text, int line, int last, const char *way) {
    Context *ctx = check(program, text);
    bool near = false, nowhere = false;
    for (int i = 0; i < ctx->diagnostics.count; i++) {
        const Diagnostic *d = ctx->diagnostics.data[i];
        int at, column;
        source_position(ctx, d->span, &at, &column);
        nowhere |= !source_of(ctx, d->span);
        if (d->severity == SEVERITY_ERROR && at >= line - 1 && at <= last + 1) near = true;
    }
    tally->accepted += !ctx->errors;
    tally->wrong += ctx->errors > 0;
    tally->one += ctx->errors == 1;
    tally->many += ctx->errors > 3;
    tally->near += near;
    tally->nowhere += nowhere;
    bool poor = ctx->errors > 1 || (ctx->errors && !near) || nowhere;
    if (poor && tally->show > 0) {
        tally->show--;
        printf("---- %s: a token %s in line %d\n", program->name, way, line);
        diagnostics_print(ctx, false, stdout);
    }
}

static int summary(const Tally *tally) {
    double wrong = tally->wrong ? tally->wrong : 1;
    printf("%d wrong, %d still right; exactly one message: %.2f %%; within a line: %.2f %%; more than three: "
           "%d; "
           "without a place: %d\n",
           tally->wrong, tally->accepted, 100 * tally->one / wrong, 100 * tally->near / wrong, tally->many,
           tally->nowhere);
    bool good = tally->wrong && 100 * tally->one >= 97 * wrong && 100 * tally->near >= 95 * wrong;
    return good && !tally->many && !tally->nowhere ? 0 : 1;
}

int main(int argc, char **argv) {
    Subject *programs = calloc((size_t)argc, sizeof *programs);
    Tally tally = {0};
    uint64_t seed = 1;
    int count = 10000, files = 0;
    for (int i = 1; i < argc; i++) {
        bool value = i + 1 < argc;
        if (!strcmp(argv[i], "--count") && value)
            count = atoi(argv[++i]);
        else if (!strcmp(argv[i], "--seed") && value)
            seed = strtoull(argv[++i], NULL, 10);
        else if (!strcmp(argv[i], "--show") && value)
            tally.show = atoi(argv[++i]);
        else
            programs[files++] = load(argv[i]);
    }
    if (!files) {
        fprintf(stderr, "mutate [--count N] [--seed S] [--show N] FILE...\n");
        return 2;
    }
    signal(SIGSEGV, crashed);
    signal(SIGABRT, crashed);
    signal(SIGFPE, crashed);
    for (int i = 0; i < count; i++) {
        Arena *arena = arena_create();
        Subject *program = &programs[random_next(&seed) % (unsigned)files];
        int line, last;
        const char *way, *text = mutate(arena, programs, files, program, &seed, &line, &last, &way);
        judge(&tally, program, text, line, last, way);
        arena_destroy(arena);
    }
    for (int i = 0; i < files; i++) {
        if (programs[i].pipeline) pipeline_destroy(programs[i].pipeline);
        context_destroy(programs[i].parsed.ctx);
        free(programs[i].name);
        free(programs[i].text);
    }
    free(programs);
    return summary(&tally);
}
