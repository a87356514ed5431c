// Draws data that a model can learn, for tests whose own data are not at hand.
//
//     sample npy|idx TYPE SORTS ROWS [DIMENSION...] > FILE
//         TYPE: u1 or f4 (numbers), i4 (the row's sort), mask or block (0 or 1)
//     sample csv SORTS ROWS NUMBERS NAME:CLASSES... > FILE
//         NUMBERS columns of numbers, then one of integers below CLASSES each (CLASSES 0: of numbers)
//
// Row r is of sort r mod SORTS. Numbers in 0 .. 1 (u1: 0 .. 255) are a pattern of the sort with a little
// noise of the row; a mask is where the pattern is above one half, a block where the row and the element are
// of one sort. The same arguments give the same bytes. Needs only the C library.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static double fraction(uint64_t a, uint64_t b) { // in 0 .. 1, the same for the same pair
    uint64_t x = a * 0x9e3779b97f4a7c15u + b * 0xd1b54a32d192ed03u + 0x2545f4914f6cdd1du;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return (double)((x ^ x >> 31) >> 11) / 9007199254740992.0;
}

static double pattern(long sort, long element) { return fraction((uint64_t)sort, (uint64_t)element); }

static double number(long row, long sorts, long element) {
    return 0.9 * pattern(row % sorts, element) + 0.1 * fraction((uint64_t)row + 1000003, (uint64_t)element);
}

static void put(uint32_t value, int bytes, int big) {
    for (int i = 0; i < bytes; i++) putchar((int)(value >> 8 * (big ? bytes - 1 - i : i) & 255));
}

static void put_element(const char *type, long row, long sorts, long element, int big) {
    double value = number(row, sorts, element);
    float single = (float)value;
    uint32_t bits;
    memcpy(&bits, &single, sizeof bits);
    if (!strcmp(type, "u1"))
        put((uint32_t)(value * 255), 1, big);
    else if (!strcmp(type, "f4"))
        put(bits, 4, big);
    else if (!strcmp(type, "i4"))
        put((uint32_t)(row % sorts), 4, big);
    else if (!strcmp(type, "mask"))
        put(pattern(row % sorts, element) > 0.5, 1, big);
    else
        put(row % sorts == element % sorts, 1, big);
}

static void npy_header(const char *type, int dimensions, char **dimension) {
    const char *name = !strcmp(type, "f4") ? "<f4" : !strcmp(type, "i4") ? "<i4" : "|u1";
    char text[118], shape[80] = "";
    for (int i = 0; i < dimensions; i++) {
        strncat(shape, dimension[i], 20);
        strcat(shape, dimensions == 1 || i + 1 < dimensions ? "," : "");
    }
    int length =
        snprintf(text, sizeof text, "{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", name, shape);
    fwrite("\x93NUMPY\x01\x00\x76\x00", 1, 10, stdout);
    printf("%s%*s\n", text, 117 - length, "");
}

static void idx_header(const char *type, int dimensions, char **dimension) {
    put((uint32_t)((!strcmp(type, "f4")   ? 0x0d00
                    : !strcmp(type, "i4") ? 0x0c00
                                          : 0x0800) +
                   dimensions),
        4, 1);
    for (int i = 0; i < dimensions; i++) put((uint32_t)atol(dimension[i]), 4, 1);
}

static void array(const char *format, const char *type, long sorts, int dimensions, char **dimension) {
    int big = !strcmp(format, "idx");
    long rows = atol(dimension[0]), elements = 1;
    for (int i = 1; i < dimensions; i++) elements *= atol(dimension[i]);
    (big ? idx_header : npy_header)(type, dimensions, dimension);
    for (long row = 0; row < rows; row++)
        for (long e = 0; e < elements; e++) put_element(type, row, sorts, e, big);
}

static void table(long sorts, long rows, long numbers, int columns, char **column) {
    for (long k = 0; k < numbers; k++) printf("n%ld,", k);
    for (int k = 0; k < columns; k++)
        printf("%.*s%c", (int)strcspn(column[k], ":"), column[k], k + 1 < columns ? ',' : '\n');
    for (long row = 0; row < rows; row++) {
        for (long k = 0; k < numbers; k++) printf("%.6f,", number(row, sorts, k));
        for (int k = 0; k < columns; k++) {
            long classes = atol(strchr(column[k], ':') + 1);
            if (classes > 0)
                printf("%ld", (long)(pattern(row % sorts + row / sorts * sorts * (classes > sorts), k + 100) *
                                     (double)classes));
            else
                printf("%.6f", 5 * number(row, sorts, k + 100));
            putchar(k + 1 < columns ? ',' : '\n');
        }
    }
}

int main(int count, char **words) {
    if (count >= 6 && !strcmp(words[1], "csv"))
        table(atol(words[2]), atol(words[3]), atol(words[4]), count - 5, words + 5);
    else if (count >= 5)
        array(words[1], words[2], atol(words[3]), count - 4, words + 4);
    else
        return 2;
    return fflush(stdout) != 0;
}
