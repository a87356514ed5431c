// Pieces of a page: escaped texts, and pictures as PNG within it (RFC 2083, 1950, 1951 with stored blocks,
// 4648).
#include "report/page.h"

#include <stdio.h>
#include <string.h>

void nn_html_text(nn_text *out, const char *s, uint64_t length) {
    for (uint64_t at = 0, n; at < length; at += n) {
        size_t valid = nn_utf8_length(s + at, length - at);
        unsigned char c = (unsigned char)s[at];
        n = valid == 0 ? 1 : valid;
        bool control = (c < 0x20 && c != '\n' && c != '\t') || c == 0x7f ||
                       (valid == 2 && c == 0xc2 && (unsigned char)s[at + 1] < 0xa0);
        if (valid == 0 || control || nn_utf8_turns(s + at, n))
            nn_text_add(out, "\xef\xbf\xbd");
        else if (strchr("<>&\"'", c) != NULL)
            nn_text_format(out, "&#%d;", c);
        else
            nn_text_bytes(out, s + at, n);
    }
}

void nn_html_string(nn_text *out, const char *s) { nn_html_text(out, s, strlen(s)); }

// ---- pictures ----

typedef struct {
    nn_text *out;
    uint32_t kept; // bits of bytes that make no whole group yet
    int bytes;
    uint32_t crc; // of the chunk, inverted
} Base64;

static void put_group(Base64 *b, int letters) {
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char group[4] = {'=', '=', '=', '='};
    for (int k = 0; k < letters; k++) group[k] = alphabet[b->kept >> (18 - 6 * k) & 63];
    nn_text_bytes(b->out, group, 4);
    b->kept = 0;
    b->bytes = 0;
}

static void put_byte(Base64 *b, uint32_t byte) {
    b->crc ^= byte;
    for (int k = 0; k < 8; k++) b->crc = b->crc >> 1 ^ ((b->crc & 1) != 0 ? 0xedb88320u : 0);
    b->kept |= byte << (16 - 8 * b->bytes++);
    if (b->bytes == 3) put_group(b, 4);
}

static void put_word(Base64 *b, uint32_t word) {
    for (int k = 24; k >= 0; k -= 8) put_byte(b, word >> k & 255);
}

static void begin_chunk(Base64 *b, uint32_t length, const char *name) {
    put_word(b, length);
    b->crc = UINT32_MAX;
    for (int k = 0; k < 4; k++) put_byte(b, (unsigned char)name[k]);
}

static void end_chunk(Base64 *b) { put_word(b, ~b->crc); }

static void put_pixels(Base64 *b, const unsigned char *pixels, uint32_t height, uint32_t width) {
    uint32_t row = width + 1, sums[2] = {1, 0}; // Adler-32
    begin_chunk(b, 6 + height * (row + 5), "IDAT");
    put_byte(b, 0x78);
    put_byte(b, 0x01);
    for (uint32_t y = 0; y < height; y++) { // a stored block for each row
        put_byte(b, y + 1 == height);
        const uint32_t length[4] = {row & 255, row >> 8, ~row & 255, (~row >> 8) & 255};
        for (int k = 0; k < 4; k++) put_byte(b, length[k]);
        for (uint32_t x = 0; x < row; x++) {
            uint32_t byte = x == 0 ? 0 : pixels[y * width + x - 1];
            put_byte(b, byte);
            sums[0] = (sums[0] + byte) % 65521;
            sums[1] = (sums[1] + sums[0]) % 65521;
        }
    }
    put_word(b, sums[1] << 16 | sums[0]);
    end_chunk(b);
}

void nn_html_picture(nn_text *out, const unsigned char *pixels, int64_t height, int64_t width, int channels) {
    static const unsigned char magic[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    Base64 b = {.out = out};
    nn_text_add(out, "<img alt=\"\" src=\"data:image/png;base64,");
    for (size_t k = 0; k < sizeof magic; k++) put_byte(&b, magic[k]);
    begin_chunk(&b, 13, "IHDR");
    put_word(&b, (uint32_t)width);
    put_word(&b, (uint32_t)height);
    const uint32_t kind[] = {8, channels == 3 ? 2 : 0, 0, 0, 0};
    for (int k = 0; k < 5; k++) put_byte(&b, kind[k]);
    end_chunk(&b);
    put_pixels(&b, pixels, (uint32_t)height, (uint32_t)(width * channels));
    begin_chunk(&b, 0, "IEND");
    end_chunk(&b);
    if (b.bytes > 0) put_group(&b, b.bytes + 1);
    nn_text_add(out, "\"/>");
}
