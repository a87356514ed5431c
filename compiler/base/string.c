// Strings: made in an arena, immutable once made; numbers to text and back in the C locale; texts that grow;
// words alike.
#include "base.h"
#include "utf8.h"
#include <ctype.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char *string_copy(Arena *arena, const char *text, size_t length) {
    char *copy = arena_array(arena, char, length + 1);
    if (length) memcpy(copy, text, length);
    return copy;
}

char *string_vformat(Arena *arena, const char *format, va_list args) {
    va_list again;
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    if (length < 0) die("string_vformat: a format that cannot be printed: %s", format);
    char *text = arena_array(arena, char, (size_t)length + 1);
    vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    return text;
}

char *string_format(Arena *arena, const char *format, ...) {
    va_list args;
    va_start(args, format);
    char *text = string_vformat(arena, format, args);
    va_end(args);
    return text;
}

bool string_equal(const char *a, const char *b) { return a == b || (a && b && strcmp(a, b) == 0); }

static locale_t c_locale(void) {
    locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (!c) die("the C locale is missing");
    return c;
}

char *string_of_double(Arena *arena, double value) {
    if (isnan(value)) return string_copy(arena, "nan", 3);
    if (isinf(value)) return string_format(arena, "%sinf", value < 0 ? "-" : "");
    locale_t c = c_locale(), before = uselocale(c);
    char text[40];
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        double back = strtod(text, NULL);
        if (back >= value && back <= value) break;
    }
    if (fabs(value) < 1e15 && floor(value) >= value) snprintf(text, sizeof text, "%.0f", value);
    uselocale(before);
    freelocale(c);
    return string_copy(arena, text, strlen(text));
}

bool double_of_string(const char *text, size_t length, double *value) {
    char buffer[512], *end;
    if (!length || length >= sizeof buffer) return false;
    if (isspace((unsigned char)text[0])) return false;
    memcpy(buffer, text, length);
    buffer[length] = 0;
    locale_t c = c_locale(), before = uselocale(c);
    *value = strtod(buffer, &end);
    uselocale(before);
    freelocale(c);
    return end == buffer + length;
}

static bool same_letter(char a, char b) { return tolower((unsigned char)a) == tolower((unsigned char)b); }

// Damerau-Levenshtein (adjacent swaps count once, case counts nothing); `most` + 1 where it is more than
// that.
static int distance(const char *a, const char *b, int most) {
    enum { LONGEST = 64 };
    size_t na = strlen(a), nb = strlen(b);
    size_t apart = na > nb ? na - nb : nb - na;
    if (na > LONGEST || nb > LONGEST || apart > (size_t)most) return most + 1;
    int rows[3][LONGEST + 1];
    for (size_t j = 0; j <= nb; j++) rows[0][j] = (int)j;
    for (size_t i = 1; i <= na; i++) {
        int *row = rows[i % 3], *above = rows[(i + 2) % 3], *second = rows[(i + 1) % 3];
        row[0] = (int)i;
        for (size_t j = 1; j <= nb; j++) {
            int best = above[j - 1] + !same_letter(a[i - 1], b[j - 1]);
            if (above[j] + 1 < best) best = above[j] + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            bool swapped =
                i > 1 && j > 1 && same_letter(a[i - 1], b[j - 2]) && same_letter(a[i - 2], b[j - 1]);
            if (swapped && second[j - 2] + 1 < best) best = second[j - 2] + 1;
            row[j] = best;
        }
    }
    return rows[na % 3][nb];
}

// In a word of two letters one too many, or both in the wrong order, is all that can be told from another
// word.
static bool slip(const char *word, const char *candidate) {
    if (strlen(candidate) == 1) return same_letter(word[0], *candidate) || same_letter(word[1], *candidate);
    return strlen(candidate) == 2 && same_letter(word[0], candidate[1]) && same_letter(word[1], candidate[0]);
}

const char *string_nearest(const char *word, const char *const *candidates, int count) {
    size_t length = strlen(word);
    int most = length < 3 ? length == 2 : length < 7 ? 1 : (int)(length / 3), best = most + 1, equal = 0;
    const char *nearest = NULL;
    for (int i = 0; i < count; i++) {
        int d = length == 2 && !slip(word, candidates[i]) ? best + 1 : distance(word, candidates[i], most);
        equal += d == best && !string_equal(candidates[i], nearest);
        if (d >= best) continue;
        best = d;
        nearest = candidates[i];
        equal = 0;
    }
    return length == 2 && equal ? NULL : nearest;
}

static void reserve(Text *text, size_t more) {
    while ((size_t)text->chars.room < (size_t)text->chars.count + more)
        text->chars.data = vec_grow(text->arena, text->chars.data, &text->chars.room, text->chars.count, 1);
}

void text_put(Text *text, const char *string) {
    size_t length = strlen(string);
    reserve(text, length + 1);
    memcpy(text->chars.data + text->chars.count, string, length + 1);
    text->chars.count += (int)length;
}

void text_add(Text *text, const char *format, ...) {
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    if (length < 0) die("text_add: a format that cannot be printed: %s", format);
    reserve(text, (size_t)length + 1);
    vsnprintf(text->chars.data + text->chars.count, (size_t)length + 1, format, again);
    text->chars.count += length;
    va_end(again);
    va_end(args);
}

const char *text_string(Text *text) {
    reserve(text, 1);
    text->chars.data[text->chars.count] = 0;
    return text->chars.data;
}

void text_json(Text *text, const char *string) {
    text_put(text, "\"");
    for (size_t rest = strlen(string), n; rest > 0; string += n, rest -= n) {
        unsigned char c = (unsigned char)*string;
        n = nn_utf8_length(string, rest);
        if (c == '"' || c == '\\')
            text_add(text, "\\%c", c);
        else if (c == '\n')
            text_put(text, "\\n");
        else if (c == '\t')
            text_put(text, "\\t");
        else if (c < 0x20 || c == 0x7f)
            text_add(text, "\\u%04x", c);
        else if (n > 0)
            text_add(text, "%.*s", (int)n, string);
        else
            text_put(text, "\\ufffd");
        n += n == 0;
    }
    text_put(text, "\"");
}

void say(void *file, const char *format, ...) {
    va_list args;
    va_start(args, format);
    char *text = NULL;
    int length = vasprintf(&text, format, args);
    va_end(args);
    if (length < 0) die("say: a text that cannot be printed: %s", format);
    size_t shown = (size_t)length;
    if (file == stderr || isatty(fileno(file))) shown = nn_utf8_shown(text, shown);
    fwrite(text, 1, shown, file);
    free(text);
}
