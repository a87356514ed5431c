// What compiler and runtime know of UTF-8: where a character ends, and which ones a terminal would obey.
// Guarantees: nothing behind the given length is read; what was made fit to be shown is UTF-8.
#ifndef NN_UTF8_H
#define NN_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

// The length of the character at `text`, or 0 where none is.
static inline size_t nn_utf8_length(const char *text, size_t rest) {
    const unsigned char *s = (const unsigned char *)text;
    if (s[0] < 0x80) return 1;
    size_t n = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    if (s[0] < 0xc2 || s[0] > 0xf4 || n > rest) return 0;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80) return 0;
    bool longer = (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xf0 && s[1] < 0x90); // than needed
    bool beyond = (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf4 && s[1] > 0x8f); // surrogates, U+10FFFF
    return longer || beyond ? 0 : n;
}

// Characters that change the direction of what follows: text that reads otherwise than it is.
static inline bool nn_utf8_turns(const char *text, size_t n) {
    const unsigned char *s = (const unsigned char *)text;
    if (n == 2) return s[0] == 0xd8 && s[1] == 0x9c; // U+061C
    if (n != 3 || s[0] != 0xe2) return false;
    bool marks = s[1] == 0x80 && ((s[2] >= 0xaa && s[2] <= 0xae) || s[2] == 0x8e || s[2] == 0x8f);
    return marks || (s[1] == 0x81 && s[2] >= 0xa6 && s[2] <= 0xa9); // U+2066 to U+2069
}

// Makes a text fit to be shown, whoever wrote it: control characters (but tabs and ends of lines), what turns
// the direction, and bytes that are no UTF-8 become `?`. Returns the new length, which is not greater.
static inline size_t nn_utf8_shown(char *text, size_t length) {
    size_t to = 0;
    for (size_t at = 0, n; at < length; at += n) {
        unsigned char c = (unsigned char)text[at];
        size_t valid = n = nn_utf8_length(text + at, length - at);
        bool control = (c < 0x20 && c != '\t' && c != '\n') || c == 0x7f;
        control =
            control || (c == 0xc2 && valid == 2 && (unsigned char)text[at + 1] < 0xa0); // U+0080 to U+009F
        if (valid == 0) n = 1;
        if (valid == 0 || control || nn_utf8_turns(text + at, n))
            text[to++] = '?';
        else
            for (size_t k = 0; k < n; k++) text[to++] = text[at + k];
    }
    return to;
}

// The character at `text` as JSON has it, ended by a NUL. Returns how many bytes it stands for. What is no
// UTF-8 becomes U+FFFD, so that a file of ours is one to others too.
static inline size_t nn_json_letter(const char *text, size_t rest, char out[8]) {
    size_t n = nn_utf8_length(text, rest);
    unsigned char c = (unsigned char)*text;
    if (c < 0x20)
        snprintf(out, 8, "\\u%04x", c);
    else
        snprintf(out, 8, "%s%.*s", c == '"' || c == '\\' ? "\\" : "", n == 0 ? 3 : (int)n,
                 n == 0 ? "\xef\xbf\xbd" : text);
    return n == 0 ? 1 : n;
}

#endif
