// Strings: made in an arena, immutable once made; numbers to text and back in the C locale; texts that grow;
// words alike.
#include "base.h"
#include "nearest.h"
#include "utf8.h"
#include <ctype.h>
#include <errno.h>
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

const char *string_nearest(const char *word, const char *const *candidates, int count) {
    return nn_nearest(word, candidates, count);
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
        char letter[8];
        n = nn_json_letter(string, rest, letter);
        text_put(text, letter);
    }
    text_put(text, "\"");
}

void say(void *file, const char *format, ...) {
    va_list args;
    va_start(args, format);
    char *text = NULL;
    int length = vasprintf(&text, format, args);
    va_end(args);
    if (length < 0 && errno == ENOMEM) memory_exhausted(0);
    if (length < 0) die("say: a text that cannot be printed: %s", format);
    size_t shown = (size_t)length;
    if (file == stderr || isatty(fileno(file))) shown = nn_utf8_shown(text, shown);
    fwrite(text, 1, shown, file);
    free(text);
}
