// The limits of a source text, each at its edge: size, bytes, names, numbers, nesting. And what messages look
// like.
#include "syntax/ast.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    int passed, failed;
} Count;

static void expect(Count *count, bool good, const char *what) {
    if (good)
        count->passed++;
    else
        count->failed++;
    if (!good) printf("FAILED %s\n", what);
}

// Reads a text: is the only message this one (or none: DIAGNOSTIC_COUNT)?
static bool gives(const char *text, size_t length, DiagnosticCode code) {
    Context *ctx = context_create();
    Source *source = source_add(ctx, "test.nn", text, length);
    if (source) parse_source(ctx, source);
    bool good =
        code == DIAGNOSTIC_COUNT ? !ctx->errors : ctx->errors == 1 && ctx->diagnostics.data[0]->code == code;
    if (!good) diagnostics_print(ctx, false, stdout);
    context_destroy(ctx);
    return good;
}

static bool says(const char *text, DiagnosticCode code) { return gives(text, strlen(text), code); }

// `before`, then `middle` n times, then `after` n times.
static char *repeated(const char *before, const char *middle, const char *after, int n) {
    size_t length = strlen(before) + (strlen(middle) + strlen(after)) * (size_t)n;
    char *text = malloc(length + 16), *at = stpcpy(text, before);
    for (int i = 0; i < n; i++) at = stpcpy(at, middle);
    for (int i = 0; i < n; i++) at = stpcpy(at, after);
    return text;
}

static void check_repeated(Count *count, const char *what, const char *before, const char *middle,
                           const char *after, int n, DiagnosticCode code) {
    char *text = repeated(before, middle, after, n);
    expect(count, says(text, code), what);
    free(text);
}

static void check_bytes(Count *count) {
    expect(count, gives("a = 1\0b", 7, TEXT_NUL), "a NUL byte");
    expect(count, says("# \xff", TEXT_NOT_UTF8), "a byte that begins nothing");
    expect(count, says("# \xc0\xaf", TEXT_NOT_UTF8), "a sequence longer than needed");
    expect(count, says("# \xed\xa0\x80", TEXT_NOT_UTF8), "half of a surrogate pair");
    expect(count, says("# \xf4\x90\x80\x80", TEXT_NOT_UTF8), "beyond U+10FFFF");
    expect(count, says("# \xe2\x82", TEXT_NOT_UTF8), "a sequence cut short");
    expect(count, says("# \xf0\x9f\x98\x80 \xe2\x82\xac", DIAGNOSTIC_COUNT),
           "characters of three and four bytes");
    expect(count, says("# \xe2\x80\xae", TEXT_DIRECTION), "a right-to-left override");
    expect(count, says("# \xe2\x81\xa6", TEXT_DIRECTION), "a left-to-right isolate");
    expect(count,
           says("\xef\xbb\xbf"
                "a = 1\r\n",
                DIAGNOSTIC_COUNT),
           "a byte-order mark, CRLF");
    expect(count, says("", DIAGNOSTIC_COUNT), "an empty file");
    expect(count, says("# no line after it", DIAGNOSTIC_COUNT), "a last line without its end");
}

static void check_sizes(Count *count) {
    size_t limit = 16 << 20;
    char *text = malloc(limit + 2);
    memset(text, ' ', limit + 2);
    expect(count, gives(text, limit, DIAGNOSTIC_COUNT), "16 MiB");
    expect(count, gives(text, limit + 1, FILE_TOO_LARGE), "16 MiB and a byte");
    free(text);
    check_repeated(count, "a name of 255 bytes", "a = ", "x", "", 255, DIAGNOSTIC_COUNT);
    check_repeated(count, "a name of 256 bytes", "a = ", "x", "", 256, NAME_LENGTH);
    check_repeated(count, "256 parentheses", "a = 1 + ", "(", "", 0, SYNTAX_LINE_ENDS);
    for (int n = 255; n <= 257; n++) {
        char *deep = repeated("a = ", "[", "]", n);
        expect(count, says(deep, n > 256 ? NESTING : DIAGNOSTIC_COUNT), "brackets 255, 256, 257 deep");
        free(deep);
    }
    check_repeated(count, "100 000 brackets", "a = ", "(", "", 100000, NESTING);
    check_repeated(count, "2000 terms", "a = 1", " + 1", "", 2000, DIAGNOSTIC_COUNT);
    check_repeated(count, "100 000 terms", "a = 1", " + 1", "", 100000, EXPRESSION_DEPTH);
    check_repeated(count, "100 000 signs", "a = ", "- ", "", 100000, EXPRESSION_DEPTH);
    check_repeated(count, "100 000 powers", "a = 1", "^1", "", 100000, EXPRESSION_DEPTH);
    check_repeated(count, "100 000 conditions", "a = 1", " if x else 1", "", 100000, EXPRESSION_DEPTH);
    check_repeated(count, "200 000 lines", "", "a = 1\n", "", 200000, DIAGNOSTIC_COUNT);
}

static void check_numbers(Count *count) {
    static const struct {
        const char *text;
        double value;
        Unit unit;
        bool integral;
    } numbers[] = {
        {"5_000", 5000, UNIT_NONE, true},      {"1e-3", 1e-3, UNIT_NONE, false},
        {"0.1", 0.1, UNIT_NONE, false},        {"20%", 0.2, UNIT_PERCENT, false},
        {"10 min", 600, UNIT_MIN, false},      {"10min", 600, UNIT_MIN, false},
        {"256KB", 262144, UNIT_KB, false},     {"1.5 h", 5400, UNIT_H, false},
        {"100 steps", 100, UNIT_STEPS, false}, {"5 epochs", 5, UNIT_EPOCHS, false},
        {"2 ms", 0.002, UNIT_MS, false},       {"4.9e-324", 4.9e-324, UNIT_NONE, false},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        Context *ctx = context_create();
        const char *text = string_format(ctx->arena, "a = %s", numbers[i].text);
        Node *root = parse_source(ctx, source_add(ctx, "test", text, strlen(text)));
        Node *number = root->count ? root->items[0]->value : node_new(ctx, AST_NUMBER, NO_SPAN);
        bool same = number->number >= numbers[i].value && number->number <= numbers[i].value;
        expect(count, same && number->unit == numbers[i].unit && number->integral == numbers[i].integral,
               numbers[i].text);
        context_destroy(ctx);
    }
    expect(count, says("a = 1e308", DIAGNOSTIC_COUNT), "a large number");
    expect(count, says("a = 1e309", NUMBER_RANGE), "a number too large");
    expect(count, says("a = 1e-400", NUMBER_RANGE), "a number too small");
    expect(count, says("a = 0e-400", DIAGNOSTIC_COUNT), "zero with an exponent");
    expect(count, says("a = 5_", NUMBER_FORM), "a digit group without digits");
    expect(count, says("a = 1.", NUMBER_FORM), "a point without digits");
    expect(count, says("a = 0x10", NUMBER_WORD), "a hexadecimal number");
}

// Twenty errors are shown, the others counted; the text of the messages goes through a file.
static void check_cap(Count *count) {
    Context *ctx = context_create();
    char *text = repeated("", "a = 3 3\n", "", 30), shown[20000] = "";
    parse_source(ctx, source_add(ctx, "test", text, strlen(text)));
    FILE *file = tmpfile();
    diagnostics_print(ctx, false, file);
    rewind(file);
    shown[fread(shown, 1, sizeof shown - 1, file)] = 0;
    fclose(file);
    int errors = 0;
    for (const char *s = shown; (s = strstr(s, ": error: ")); s++) errors++;
    expect(count, errors == 20 && ctx->errors == 30 && strstr(shown, "\nand 10 more\n"),
           "twenty errors and the number of the others");
    free(text);
    context_destroy(ctx);
}

int main(void) {
    Count count = {0};
    check_bytes(&count);
    check_sizes(&count);
    check_numbers(&count);
    check_cap(&count);
    printf("%d passed, %d failed\n", count.passed, count.failed);
    return count.failed != 0;
}
