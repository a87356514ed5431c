// libFuzzer target of everything `nnc check` does: any bytes are accepted or refused with messages, each with
// a place in the text; from names over shapes to kernels. Mutations are mostly of whole tokens, so that most
// inputs get beyond the syntax.
#include "pipeline.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t room);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t room, unsigned seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size,
                                 uint8_t *out, size_t room, unsigned seed);

// ---- the check ----

static void fail(Context *ctx, const char *what) {
    diagnostics_print(ctx, false, stderr);
    fprintf(stderr, "check: %s\n", what);
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const PipelineOptions options = {.path = "fuzz.nn", .cpu = "x86-64-v3", .verify = true};
    static Pipeline *p;
    static int runs;
    if (runs++ % 64 == 0) {
        if (p) pipeline_destroy(p);
        p = pipeline_create(&options);
    }
    pipeline_again(p, (const char *)data, size);
    bool right = pipeline_check(p);
    if (right == (p->ctx->errors > 0))
        fail(p->ctx, right ? "accepted with errors" : "refused without a message");
    for (int i = 0; i < p->ctx->diagnostics.count; i++)
        if (!source_of(p->ctx, p->ctx->diagnostics.data[i]->span)) fail(p->ctx, "a message without a place");
    return 0;
}

// ---- mutations ----

typedef struct {
    const uint8_t *at;
    size_t length;
} Piece;

static unsigned next(unsigned *seed) {
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static size_t piece_length(const uint8_t *s, size_t rest) {
    size_t n = 1;
    if (isalnum(*s) || *s == '_')
        while (n < rest && (isalnum(s[n]) || s[n] == '_')) n++;
    else if (*s == ' ')
        while (n < rest && s[n] == ' ') n++;
    else if (n < rest && ispunct(*s) && strchr("=.>/", s[1]) && strchr("|-=<>!./+*", *s))
        n++;
    return n;
}

// Some piece of the text, blanks last.
static Piece pick(const uint8_t *data, size_t size, unsigned *seed) {
    static uint32_t starts[1 << 16];
    size_t count = 0;
    for (size_t at = 0; at < size && count < sizeof starts / sizeof *starts;
         at += piece_length(data + at, size - at))
        if (data[at] != ' ') starts[count++] = (uint32_t)at;
    if (!count) return (Piece){data, 0};
    size_t at = starts[next(seed) % count];
    return (Piece){data + at, piece_length(data + at, size - at)};
}

// `data` with the bytes of `old` replaced; unchanged where it would not fit.
static size_t put(uint8_t *data, size_t size, size_t room, Piece old, const void *text, size_t length) {
    size_t from = (size_t)(old.at - data), rest = size - from - old.length;
    if (size - old.length + length > room) return size;
    memmove(data + from + length, data + from + old.length, rest);
    memcpy(data + from, text, length);
    return size - old.length + length;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t room, unsigned seed) {
    static const char *const words[] = {
        "0",          "1",
        "2",          "3",
        "2147483647", "2147483648",
        "1e-9",       "1e30",
        "0.5",        "-1",
        "65536",      "100000",
        "(",          ")",
        "[",          "]",
        "{",          "}",
        "\n",         " if ",
        " else ",     "..",
        ":",          ",",
        " = ",        " + ",
        " // ",       " |> ",
        "batch",      "x",
        "dense(3)",   "extend(x, 0)",
        "class",      "int",
        "grad(x, x)", "repeat 3 { dense(2) }",
        "sum[i] ",    "reshape(x, 2, 2)",
        "training",   "b, t - 1",
        "float",
    };
    uint8_t copy[256];
    Piece old = pick(data, size, &seed), other = pick(data, size, &seed);
    if (!size || next(&seed) % 8 == 0) return LLVMFuzzerMutate(data, size, room);
    if (other.length > sizeof copy) other.length = sizeof copy;
    memcpy(copy, other.at, other.length);
    switch (next(&seed) % 5) {
    case 0: return put(data, size, room, old, "", 0);
    case 1: return put(data, size, room, (Piece){old.at, 0}, copy, other.length);
    case 2: {
        const char *word = words[next(&seed) % (sizeof words / sizeof *words)];
        return put(data, size, room, (Piece){old.at, next(&seed) % 2 ? old.length : 0}, word, strlen(word));
    }
    default: return put(data, size, room, old, copy, other.length);
    }
}

// `a` with a few lines of `b` put in, or in place of some of its own.
size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size,
                                 uint8_t *out, size_t room, unsigned seed) {
    if (!a_size || !b_size || a_size > room) return 0;
    memcpy(out, a, a_size);
    const uint8_t *from = b + next(&seed) % b_size, *to = from, *end = b + b_size;
    while (from > b && from[-1] != '\n') from--;
    for (unsigned lines = 1 + next(&seed) % 4; lines && to < end; to++) lines -= *to == '\n';
    size_t at = next(&seed) % a_size, length = (size_t)(to - from);
    while (at > 0 && out[at - 1] != '\n') at--;
    const uint8_t *line_end = memchr(out + at, '\n', a_size - at);
    size_t old = next(&seed) % 2 && line_end ? (size_t)(line_end - (out + at)) + 1 : 0;
    return put(out, a_size, room, (Piece){out + at, old}, from, length);
}
