// Texts that grow. Guarantees: always NUL-terminated; running out of memory is remembered, never a crash.
#include "base/runtime.h"

#include <stdio.h>
#include <string.h>

void nn_text_begin(nn_text *text, nn_context *ctx) {
    static const char empty[1] = "";
    *text = (nn_text){.ctx = ctx, .bytes = (char *)(uintptr_t)empty};
}

static bool reserve(nn_text *text, uint64_t more) {
    if (text->failed) return false;
    if (text->length + more + 1 <= text->room) return true;
    uint64_t room = text->room < 256 ? 256 : text->room;
    while (room < text->length + more + 1) room *= 2;
    char *bytes = nn_grow(text->ctx, text->room == 0 ? NULL : text->bytes, room, 1);
    if (bytes == NULL) {
        text->failed = true;
        return false;
    }
    text->bytes = bytes;
    text->room = room;
    return true;
}

void nn_text_bytes(nn_text *text, const void *bytes, uint64_t length) {
    if (!reserve(text, length)) return;
    memcpy(text->bytes + text->length, bytes, (size_t)length);
    text->length += length;
    text->bytes[text->length] = '\0';
}

void nn_text_add(nn_text *text, const char *s) { nn_text_bytes(text, s, strlen(s)); }

void nn_text_format(nn_text *text, const char *format, ...) {
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (length >= 0 && reserve(text, (uint64_t)length)) {
        vsnprintf(text->bytes + text->length, (size_t)length + 1, format, again);
        text->length += (uint64_t)length;
    }
    va_end(again);
}

void nn_text_number(nn_text *text, double value, bool is_double) {
    char digits[NN_NUMBER_ROOM];
    nn_text_bytes(text, digits, (uint64_t)nn_number_print(digits, value, is_double));
}

void nn_text_json(nn_text *text, const char *s, uint64_t length) {
    char letter[8];
    nn_text_bytes(text, "\"", 1);
    for (uint64_t i = 0; i < length;) {
        i += nn_json_letter(s + i, length - i, letter);
        nn_text_add(text, letter);
    }
    nn_text_bytes(text, "\"", 1);
}

static bool begins_letter(char c) { return ((unsigned char)c & 0xc0) != 0x80; }

int nn_text_letters(const char *s) {
    int n = 0;
    for (; *s != '\0'; s++) n += begins_letter(*s);
    return n;
}

void nn_text_fit(nn_text *text, const char *s, int width, bool right) {
    int letters = nn_text_letters(s), blank = letters < width ? width - letters : 0;
    if (right) nn_text_format(text, "%*s", blank, "");
    for (int n = 0; *s != '\0' && (n += begins_letter(*s)) <= width; s++)
        nn_text_bytes(text, *s == '\n' || *s == '\t' ? " " : s, 1);
    if (!right) nn_text_format(text, "%*s", blank, "");
}

void nn_text_clear(nn_text *text) {
    text->length = 0;
    if (text->room != 0) text->bytes[0] = '\0';
}

void nn_text_end(nn_text *text) {
    if (text->room != 0) nn_drop(text->ctx, text->bytes);
    nn_text_begin(text, text->ctx);
}

bool nn_same(const char *a, const char *b) { return strcmp(a, b) == 0; }
