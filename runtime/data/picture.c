// PNG and JPEG files as pixels, by libpng and libjpeg. A library of its own, so that trainers that read no
// pictures need neither. Guarantees: what is transparent is seen on white; 16 bits become 8; the numbers of a
// mask are the file's own; a file that is cut off or damaged is refused, also where the libraries would go
// on; no more memory is taken than its bytes can describe.
#include "data/files.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jerror.h>
#include <jpeglib.h>
#include <png.h>

enum { MOST_SCANS = 500 };
static const uint64_t MOST_PIXELS = 100000000, MOST_WIDE = 1000000;

static bool refuse(char why[NN_WHY_ROOM], const char *text) {
    snprintf(why, NN_WHY_ROOM, "%s", text);
    return false;
}

// `fewest`: of a pixel, how many can stand in one byte of the file.
static bool check_size(uint64_t width, uint64_t height, uint64_t fewest, uint64_t size,
                       char why[NN_WHY_ROOM]) {
    if (width == 0 || height == 0) return refuse(why, "the picture has no pixels");
    bool large = width * height > MOST_PIXELS || width > MOST_WIDE || height > MOST_WIDE;
    if (!large && width * height <= (size + 64) * fewest) return true;
    snprintf(why, NN_WHY_ROOM, "its head claims %llu x %llu pixels, more than %s", (unsigned long long)width,
             (unsigned long long)height, large ? "are read (100 million)" : "the file can hold");
    return false;
}

static bool take_room(nn_picture *p, int channels, char why[NN_WHY_ROOM]) {
    p->channels = channels;
    p->bytes = nn_memory_take((uint64_t)p->width * (uint64_t)p->height * (uint64_t)channels);
    return p->bytes != NULL || refuse(why, "there is no memory for it");
}

// A line of 1 grey, 2 grey and alpha, 3 colours, 4 colours and alpha as 1 or 3 channels, on white.
static void put_line(const unsigned char *from, int channels, int64_t width, int wanted, unsigned char *to) {
    bool alpha = channels % 2 == 0, colour = channels > 2;
    for (int64_t x = 0; x < width; x++, from += channels, to += wanted) {
        unsigned v[3] = {from[0], from[colour ? 1 : 0], from[colour ? 2 : 0]},
                 a = alpha ? from[channels - 1] : 255;
        for (int c = 0; c < 3 && alpha; c++) v[c] = (v[c] * a + 255 * (255 - a) + 127) / 255;
        for (int c = 0; c < 3 && wanted == 3; c++) to[c] = (unsigned char)v[c];
        if (wanted == 1) to[0] = (unsigned char)((19595 * v[0] + 38470 * v[1] + 7471 * v[2] + 32768) >> 16);
    }
}

// ---- PNG ----

typedef struct {
    jmp_buf out;
    char *why;
    const unsigned char *bytes;
    uint64_t size, at;
    unsigned char *lines; // as the file has them
} Png;

static void png_failed(png_structp png, png_const_charp text) {
    Png *p = png_get_error_ptr(png);
    if (p->why[0] == '\0') snprintf(p->why, NN_WHY_ROOM, "the PNG file is damaged (%.100s)", text);
    longjmp(p->out, 1);
}

static void png_said(png_structp png, png_const_charp text) { (void)png, (void)text; }

static void png_more(png_structp png, png_bytep to, size_t count) {
    Png *p = png_get_io_ptr(png);
    if (count > p->size - p->at) {
        refuse(p->why, "the PNG file is cut off");
        png_error(png, "cut off");
    }
    memcpy(to, p->bytes + p->at, count);
    p->at += count;
}

// How libpng is to give the lines; false with a reason.
static bool png_ask(png_structp png, png_infop info, bool mask, char why[NN_WHY_ROOM]) {
    int colour = png_get_color_type(png, info), depth = png_get_bit_depth(png, info);
    bool numbers = colour == PNG_COLOR_TYPE_GRAY || colour == PNG_COLOR_TYPE_PALETTE;
    if (mask && (!numbers || depth == 16))
        return refuse(why, "a mask has one number of 8 bits a pixel, grey or of a palette; this has colours, "
                           "alpha or 16 bits");
    if (mask) {
        png_set_packing(png);
    } else {
        png_set_expand(png);
        png_set_scale_16(png);
    }
    png_set_interlace_handling(png);
    png_read_update_info(png, info);
    return true;
}

static bool png_lines(Png *p, png_structp png, png_infop info, int channels, bool mask, nn_picture *out) {
    png_read_info(png, info);
    out->width = png_get_image_width(png, info);
    out->height = png_get_image_height(png, info);
    // Deflate makes at most 1 032 bytes of one, and a byte is 8 pixels at most.
    uint64_t fewest = 1032 * 8 / (uint64_t)(png_get_bit_depth(png, info) * png_get_channels(png, info));
    if (!check_size((uint64_t)out->width, (uint64_t)out->height, fewest, p->size, p->why) ||
        !png_ask(png, info, mask, p->why) || !take_room(out, channels, p->why))
        return false;
    int found = png_get_channels(png, info);
    bool whole = png_get_interlace_type(png, info) != PNG_INTERLACE_NONE;
    uint64_t line = png_get_rowbytes(png, info);
    p->lines = nn_memory_take(line * (whole ? (uint64_t)out->height : 1));
    if (p->lines == NULL) return refuse(p->why, "there is no memory for it");
    for (int pass = whole ? 0 : 6; pass < 7; pass++) {
        for (int64_t y = 0; y < out->height; y++) {
            unsigned char *at = p->lines + (whole ? (uint64_t)y * line : 0);
            png_read_row(png, at, NULL);
            if (pass == 6) put_line(at, found, out->width, channels, out->bytes + y * out->width * channels);
        }
    }
    png_read_end(png, NULL);
    return true;
}

static bool png_decode(const unsigned char *bytes, uint64_t size, int channels, bool mask, nn_picture *out,
                       char why[NN_WHY_ROOM]) {
    Png p = {.why = why, .bytes = bytes, .size = size};
    png_infop volatile info = NULL;
    png_structp volatile png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &p, png_failed, png_said);
    volatile bool right = false;
    if (png != NULL) info = png_create_info_struct(png);
    if (info == NULL) refuse(why, "there is no memory for it");
    if (info != NULL && setjmp(p.out) == 0) {
        png_set_read_fn(png, &p, png_more);
        png_set_user_limits(png, 0x7fffffff, 0x7fffffff);
        right = png_lines(&p, png, info, channels, mask, out);
    }
    png_structp opened = png;
    png_infop known = info;
    png_destroy_read_struct(&opened, &known, NULL);
    nn_memory_give(p.lines);
    return right;
}

// ---- JPEG ----

typedef struct {
    struct jpeg_error_mgr errors; // first: libjpeg knows no more of it
    struct jpeg_progress_mgr progress;
    struct jpeg_decompress_struct c;
    jmp_buf out;
    char *why;
    unsigned char *line;
} Jpeg;

static Jpeg *jpeg_of(j_common_ptr c) { return (Jpeg *)(void *)c->err; }

static void jpeg_failed(j_common_ptr c) {
    Jpeg *j = jpeg_of(c);
    char text[JMSG_LENGTH_MAX];
    c->err->format_message(c, text);
    if (j->why[0] == '\0') snprintf(j->why, NN_WHY_ROOM, "the JPEG file is damaged (%.100s)", text);
    longjmp(j->out, 1);
}

// What libjpeg would put grey in place of. Bytes between two markers are what cameras leave.
static void jpeg_said(j_common_ptr c, int level) {
    if (level >= 0 || c->err->msg_code == JWRN_EXTRANEOUS_DATA) return;
    if (c->err->msg_code == JWRN_JPEG_EOF) refuse(jpeg_of(c)->why, "the JPEG file is cut off");
    jpeg_failed(c);
}

// Many passes over a large picture take long, and no picture has so many.
static void jpeg_goes_on(j_common_ptr c) {
    Jpeg *j = jpeg_of(c);
    if (j->c.input_scan_number <= MOST_SCANS) return;
    refuse(j->why, "the JPEG file has more than 500 scans");
    longjmp(j->out, 1);
}

static unsigned exif_number(const unsigned char *b, int bytes, bool little) {
    unsigned value = 0;
    for (int k = 0; k < bytes; k++) value = value << 8 | b[little ? bytes - 1 - k : k];
    return value;
}

// The orientation that EXIF gives, else 1.
static int exif_orientation(const unsigned char *b, unsigned size) {
    if (size < 14 || memcmp(b, "Exif\0", 6) != 0) return 1;
    b += 6, size -= 6;
    bool little = b[0] == 'I';
    unsigned at = exif_number(b + 4, 4, little);
    if (at > size || size - at < 2) return 1;
    unsigned count = exif_number(b + at, 2, little);
    for (at += 2; count-- > 0 && size - at >= 12; at += 12) {
        if (exif_number(b + at, 2, little) != 0x112) continue;
        unsigned value = exif_number(b + at + 8, 2, little);
        return value >= 1 && value <= 8 ? (int)value : 1;
    }
    return 1;
}

// Four inks as colours; Adobe's programs write how much of each is missing.
static void mix_inks(unsigned char *line, int64_t width, bool missing) {
    for (int64_t x = 0; x < width; x++) {
        unsigned char *from = line + 4 * x, *to = line + 3 * x;
        unsigned v[4];
        for (int c = 0; c < 4; c++) v[c] = missing ? from[c] : 255u - from[c];
        for (int c = 0; c < 3; c++) to[c] = (unsigned char)((v[c] * v[3] + 127) / 255);
    }
}

static bool jpeg_lines(Jpeg *j, uint64_t size, int channels, bool mask, nn_picture *out) {
    struct jpeg_decompress_struct *c = &j->c;
    jpeg_read_header(c, TRUE);
    out->width = c->image_width;
    out->height = c->image_height;
    // A block of 8 x 8 has a bit at least.
    if (!check_size(c->image_width, c->image_height, 8 * 64, size, j->why)) return false;
    for (jpeg_saved_marker_ptr m = c->marker_list; m != NULL && out->orientation == 1; m = m->next)
        out->orientation = exif_orientation(m->data, m->data_length);
    bool inks = c->num_components == 4;
    if (mask && c->num_components != 1)
        return refuse(j->why, "a mask has one number a pixel; this has colours");
    c->out_color_space = c->num_components == 1 ? JCS_GRAYSCALE : inks ? JCS_CMYK : JCS_RGB;
    jpeg_start_decompress(c);
    if (!take_room(out, channels, j->why)) return false;
    int found = inks ? 3 : c->output_components;
    j->line = nn_memory_take((uint64_t)out->width * (uint64_t)c->output_components);
    if (j->line == NULL) return refuse(j->why, "there is no memory for it");
    for (int64_t y = 0; y < out->height; y++) {
        unsigned char *to = out->bytes + y * out->width * channels,
                      *line = found == channels && !inks ? to : j->line;
        jpeg_read_scanlines(c, &line, 1);
        if (inks) mix_inks(line, out->width, c->saw_Adobe_marker != 0);
        if (line != to) put_line(line, found, out->width, channels, to);
    }
    jpeg_finish_decompress(c);
    return true;
}

static bool jpeg_decode(const unsigned char *bytes, uint64_t size, int channels, bool mask, nn_picture *out,
                        char why[NN_WHY_ROOM]) {
    Jpeg *j = nn_memory_take(sizeof *j);
    if (j == NULL) return refuse(why, "there is no memory for it");
    volatile bool right = false;
    j->why = why;
    j->c.err = jpeg_std_error(&j->errors);
    j->errors.error_exit = jpeg_failed;
    j->errors.emit_message = jpeg_said;
    j->progress.progress_monitor = jpeg_goes_on;
    if (setjmp(j->out) == 0) {
        jpeg_create_decompress(&j->c);
        j->c.progress = &j->progress;
        jpeg_save_markers(&j->c, JPEG_APP0 + 1, 0xffff);
        jpeg_mem_src(&j->c, bytes, (unsigned long)size);
        right = jpeg_lines(j, size, channels, mask, out);
    }
    jpeg_destroy_decompress(&j->c);
    nn_memory_give(j->line);
    nn_memory_give(j);
    return right;
}

// ---- either ----

bool nn_picture_decode(const unsigned char *bytes, uint64_t size, int channels, bool mask, nn_picture *out,
                       char why[NN_WHY_ROOM]) {
    static const unsigned char png[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    *out = (nn_picture){.orientation = 1};
    why[0] = '\0';
    bool is_png = size >= sizeof png && memcmp(bytes, png, sizeof png) == 0;
    bool is_jpeg = size >= 3 && bytes[0] == 0xff && bytes[1] == 0xd8 && bytes[2] == 0xff;
    if (!is_png && !is_jpeg)
        return refuse(why,
                      size == 0 ? "the file is empty" : "neither a PNG nor a JPEG file, by its first bytes");
    if ((is_png ? png_decode : jpeg_decode)(bytes, size, channels, mask, out, why)) return true;
    nn_memory_give(out->bytes);
    out->bytes = NULL;
    return false;
}
