// What a cell of a text says: a number as the file writes them, or nothing.
// Guarantees: a number has one reading. Between groups of digits the sign for thousands stands before every
// three of them or nowhere, so that 1.5 is no fifteen where thousands have a point.
#include "data/data.h"

#include <string.h>

bool nn_csv_missing(const char *s, uint64_t n) {
    return n == 0 || (n == 1 && *s == '?') || (n == 2 && memcmp(s, "NA", 2) == 0) ||
           (n == 3 && (s[0] | 32) == 'n' && (s[1] | 32) == 'a' && (s[2] | 32) == 'n');
}

// The number with a point before its fraction and no sign for thousands; false: it is none.
static bool plain_number(const nn_csv *csv, const nn_cell *cell, char *out, uint64_t *length) {
    int group = 0; // digits since the last sign for thousands, or the first digit
    bool grouped = false, whole = true;
    for (uint32_t k = 0; k < cell->length; k++) {
        char c = cell->text[k];
        bool between = whole && csv->thousands != 0 && c == (char)csv->thousands;
        bool ends = whole && (c == (char)csv->decimal || c == 'e' || c == 'E');
        if (between && (grouped ? group != 3 : group < 1 || group > 3)) return false;
        if (ends && grouped && group != 3) return false;
        if (c == '.' && csv->decimal != '.' && !between) return false;
        if (between) grouped = true, group = 0;
        if (ends) whole = false;
        if (c >= '0' && c <= '9') group++;
        if (!between) out[(*length)++] = c == (char)csv->decimal ? '.' : c;
    }
    return !whole || !grouped || group == 3;
}

bool nn_cell_number(const nn_csv *csv, const nn_cell *cell, double *value) {
    char plain[512];
    uint64_t length = 0;
    if (csv->decimal == '.' && csv->thousands == 0) return nn_number_parse(cell->text, cell->length, value);
    return cell->length < sizeof plain && plain_number(csv, cell, plain, &length) &&
           nn_number_parse(plain, length, value);
}
