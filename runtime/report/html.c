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
    uint32_t crc; // of the chunk, inverted
} Png;

static void put_byte(Png *p, uint32_t byte) {
    unsigned char c = (unsigned char)byte;
    p->crc ^= c;
    for (int k = 0; k < 8; k++) p->crc = p->crc >> 1 ^ ((p->crc & 1) != 0 ? 0xedb88320u : 0);
    nn_text_bytes(p->out, &c, 1);
}

static void put_word(Png *p, uint32_t word) {
    for (int k = 24; k >= 0; k -= 8) put_byte(p, word >> k);
}

static void begin_chunk(Png *p, uint32_t length, const char *name) {
    put_word(p, length);
    p->crc = UINT32_MAX;
    for (int k = 0; k < 4; k++) put_byte(p, (unsigned char)name[k]);
}

static void end_chunk(Png *p) { put_word(p, ~p->crc); }

static void put_pixels(Png *p, const unsigned char *pixels, uint32_t height, uint32_t width) {
    uint32_t row = width + 1, sums[2] = {1, 0}; // Adler-32
    begin_chunk(p, 6 + height * (row + 5), "IDAT");
    put_byte(p, 0x78);
    put_byte(p, 0x01);
    for (uint32_t y = 0; y < height; y++) { // a stored block for each row
        put_byte(p, y + 1 == height);
        const uint32_t length[4] = {row, row >> 8, ~row, ~row >> 8};
        for (int k = 0; k < 4; k++) put_byte(p, length[k]);
        for (uint32_t x = 0; x < row; x++) {
            uint32_t byte = x == 0 ? 0 : pixels[y * width + x - 1];
            put_byte(p, byte);
            sums[0] = (sums[0] + byte) % 65521;
            sums[1] = (sums[1] + sums[0]) % 65521;
        }
    }
    put_word(p, sums[1] << 16 | sums[0]);
    end_chunk(p);
}

void nn_png(nn_text *out, const unsigned char *pixels, int64_t height, int64_t width, int channels) {
    static const unsigned char magic[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    Png p = {.out = out};
    nn_text_bytes(out, magic, sizeof magic);
    begin_chunk(&p, 13, "IHDR");
    put_word(&p, (uint32_t)width);
    put_word(&p, (uint32_t)height);
    const uint32_t kind[] = {8, channels == 3 ? 2 : 0, 0, 0, 0};
    for (int k = 0; k < 5; k++) put_byte(&p, kind[k]);
    end_chunk(&p);
    put_pixels(&p, pixels, (uint32_t)height, (uint32_t)(width * channels));
    begin_chunk(&p, 0, "IEND");
    end_chunk(&p);
}

static void put_base64(nn_text *out, const nn_text *bytes) {
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (uint64_t at = 0; at < bytes->length; at += 3) {
        uint64_t left = bytes->length - at;
        uint32_t bits = 0;
        char group[4] = {'=', '=', '=', '='};
        for (uint64_t k = 0; k < 3 && k < left; k++)
            bits |= (uint32_t)(unsigned char)bytes->bytes[at + k] << (16 - 8 * k);
        for (uint64_t k = 0; k < 4 && k <= left; k++) group[k] = alphabet[bits >> (18 - 6 * k) & 63];
        nn_text_bytes(out, group, 4);
    }
}

void nn_html_picture(nn_text *out, const unsigned char *pixels, int64_t height, int64_t width, int channels) {
    nn_text png;
    nn_text_begin(&png, out->ctx);
    nn_png(&png, pixels, height, width, channels);
    nn_text_add(out, "<img alt=\"\" src=\"data:image/png;base64,");
    put_base64(out, &png);
    nn_text_add(out, "\"/>");
    nn_text_end(&png);
}
