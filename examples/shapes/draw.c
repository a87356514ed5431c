/* Draws shapes, a folder each: cc -O2 draw.c -lm -o draw && ./draw [N], into pictures/circle/000.png ... The pictures have different sizes
   and proportions; each shape has its own colour, place, size, angle and noise. masks/ has a grey picture for each, whose pixels say what they
   belong to: 0 to nothing, 1 to a circle ...; pairs.csv names both. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static uint64_t state = 20;

static double uniform(double low, double high) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return low + (high - low) * (double)(state >> 11) / 9007199254740992.0;
}

/* ---- a PNG file of stored bytes ---- */

static uint32_t crc_of(uint32_t crc, const unsigned char *b, size_t n) {
    for (size_t i = 0; i < n; i++) {
        crc ^= b[i];
        for (int k = 0; k < 8; k++) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return crc;
}

static void put_number(unsigned char *to, uint32_t v) {
    for (int k = 0; k < 4; k++) to[k] = (unsigned char)(v >> (24 - 8 * k));
}

static void put_chunk(FILE *file, const char *kind, const unsigned char *bytes, uint32_t n) {
    unsigned char number[4];
    put_number(number, n);
    fwrite(number, 1, 4, file);
    fwrite(kind, 1, 4, file);
    fwrite(bytes, 1, n, file);
    put_number(number, crc_of(crc_of(0xffffffffu, (const unsigned char *)kind, 4), bytes, n) ^ 0xffffffffu);
    fwrite(number, 1, 4, file);
}

/* `colours`: 3, or 1 for a grey picture. */
static void put_png(const char *path, const unsigned char *pixels, int width, int height, int colours) {
    static unsigned char data[1 << 16];
    unsigned char head[13] = {0};
    size_t line = 1 + (size_t)colours * (size_t)width, n = line * (size_t)height;
    uint32_t a = 1, b = 0;
    memcpy(data, "\x78\x01\x01", 3); /* deflate: one block, stored */
    data[3] = (unsigned char)n, data[4] = (unsigned char)(n >> 8);
    data[5] = (unsigned char)~data[3], data[6] = (unsigned char)~data[4];
    for (int y = 0; y < height; y++) {
        data[7 + line * (size_t)y] = 0;
        memcpy(data + 8 + line * (size_t)y, pixels + (line - 1) * (size_t)y, line - 1);
    }
    for (size_t i = 0; i < n; i++) a = (a + data[7 + i]) % 65521, b = (b + a) % 65521;
    put_number(data + 7 + n, b << 16 | a);
    put_number(head, (uint32_t)width);
    put_number(head + 4, (uint32_t)height);
    head[8] = 8, head[9] = colours == 3 ? 2 : 0;
    FILE *file = fopen(path, "wb");
    if (!file) {
        perror(path);
        exit(1);
    }
    fwrite("\x89PNG\r\n\x1a\n", 1, 8, file);
    put_chunk(file, "IHDR", head, 13);
    put_chunk(file, "IDAT", data, (uint32_t)n + 11);
    put_chunk(file, "IEND", head, 0);
    if (fclose(file) != 0) exit(1);
}

/* ---- shapes of size 1 ---- */

static int is_inside(int shape, double x, double y) {
    switch (shape) {
    case 0: return x * x + y * y < 1;
    case 1: return (fabs(x) < 0.3 && fabs(y) < 1) || (fabs(y) < 0.3 && fabs(x) < 1);
    case 2: return fabs(x) < 0.8 && fabs(y) < 0.8;
    default: return y > -0.6 && y + 1.7320508 * fabs(x) < 1.2;
    }
}

static void draw(int shape, const char *path, const char *mask_path) {
    static unsigned char pixels[72 * 72 * 3], mask[72 * 72];
    int width = (int)uniform(36, 72), height = (int)uniform(36, 72);
    double least = width < height ? width : height, size = uniform(0.25, 0.38) * least, angle = uniform(-0.4, 0.4);
    double x0 = width / 2.0 + uniform(-0.12, 0.12) * least, y0 = height / 2.0 + uniform(-0.12, 0.12) * least;
    double colour[2][3];
    for (int c = 0; c < 3; c++) {
        colour[0][c] = uniform(0, 120);
        colour[1][c] = colour[0][c] + uniform(40, 120);
    }
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            double u = (x - x0) / size, v = (y - y0) / size;
            int in = is_inside(shape, u * cos(angle) + v * sin(angle), v * cos(angle) - u * sin(angle));
            mask[y * width + x] = (unsigned char)(in ? 1 + shape : 0);
            for (int c = 0; c < 3; c++) {
                double value = colour[in][c] + uniform(-25, 25);
                pixels[(y * width + x) * 3 + c] = (unsigned char)(value < 0 ? 0 : value > 255 ? 255 : value);
            }
        }
    }
    put_png(path, pixels, width, height, 3);
    put_png(mask_path, mask, width, height, 1);
}

int main(int argc, char **argv) {
    static const char *const names[] = {"circle", "cross", "square", "triangle"};
    int count = argc > 1 ? atoi(argv[1]) : 500;
    char path[64], mask[64];
    mkdir("pictures", 0777);
    mkdir("masks", 0777);
    FILE *pairs = fopen("pairs.csv", "w");
    if (!pairs) {
        perror("pairs.csv");
        return 1;
    }
    fprintf(pairs, "picture,mask\n");
    for (int shape = 0; shape < 4; shape++) {
        snprintf(path, sizeof path, "pictures/%s", names[shape]);
        mkdir(path, 0777);
        for (int k = 0; k < count; k++) {
            snprintf(path, sizeof path, "pictures/%s/%03d.png", names[shape], k);
            snprintf(mask, sizeof mask, "masks/%s_%03d.png", names[shape], k);
            draw(shape, path, mask);
            fprintf(pairs, "%s,%s\n", path, mask);
        }
    }
    return fclose(pairs) != 0;
}
