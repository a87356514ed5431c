// An object predicts of raw columns what its trainer's `predict` prints of the same file, bit for bit:
// raw WEIGHTS ROWS.csv PREDICTED.csv. And what it answers where a call is wrong.
#include "raw.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 1000, CELLS = 12, RESULTS = 6, ROOM = 1 << 20 };

static int failed;

static void expect(int holds, const char *what) {
    if (holds) return;
    printf("%s\n", what);
    failed = 1;
}

// Cells of a file without quotes, the first line passed over; returns how many rows there are.
static int read_cells(const char *path, char *bytes, int width, char **cells) {
    FILE *f = fopen(path, "r");
    size_t n = f ? fread(bytes, 1, ROOM - 1, f) : 0;
    char *at = bytes;
    int rows = 0;
    if (f) fclose(f);
    bytes[n] = 0;
    at = strchr(at, '\n');
    while (at && at[1]) {
        for (int k = 0; k < width; k++) {
            *at++ = 0;
            cells[rows * width + k] = at;
            at += strcspn(at, k + 1 < width ? "," : "\n");
        }
        rows++;
    }
    if (at) *at = 0;
    return rows;
}

static double number(const char *cell) {
    char *end;
    double value = strtod(cell, &end);
    return end == cell || *end ? strtod("nan", NULL) : value;
}

static const char *sex[ROWS], *cabin[ROWS], *port[ROWS], *deck[ROWS], *born[ROWS], *alive[ROWS], *town[ROWS];
static double age[ROWS], x[ROWS][3];
static float price[ROWS], p[ROWS][2];

static nn_status predict(raw *m, int64_t rows) {
    return raw_predict_raw(m, sex, cabin, port, deck, age, born, x[0], rows, price, alive, town, p[0]);
}

static void take_rows(char **cells, int rows) {
    for (int r = 0; r < rows; r++) {
        char **c = cells + r * CELLS;
        sex[r] = c[1], cabin[r] = c[2], port[r] = *c[3] ? c[3] : NULL, deck[r] = c[4], born[r] = c[6];
        age[r] = number(c[5]);
        for (int k = 0; k < 3; k++) x[r][k] = number(c[8 + k]);
    }
}

static int same(const char *word, const char *cell) { return !strcmp(word ? word : "", cell); }

static void compare(char **cells, int rows) {
    for (int r = 0; r < rows && !failed; r++) {
        char **c = cells + r * RESULTS;
        expect(price[r] == strtof(c[1], NULL), "another price");
        expect(same(alive[r], c[2]), "another word for alive");
        expect(same(town[r], c[3]), "another word for town");
        expect(p[r][0] == strtof(c[4], NULL) && p[r][1] == strtof(c[5], NULL), "other probabilities");
    }
}

static void refuse(raw *m, nn_status status, nn_status wanted, const char *text) {
    if (status == wanted && !strcmp(raw_error(m), text)) return;
    printf("%d, \"%s\", in place of %d, \"%s\"\n", (int)status, raw_error(m), (int)wanted, text);
    failed = 1;
}

static void wrong_calls(raw *m) {
    const char *kept = cabin[3];
    double number_kept = x[2][1];
    refuse(m, predict(m, 0), NN_USAGE, "rows is 0, and must be 1 .. 2147483647");
    refuse(m, raw_predict_raw(m, sex, NULL, port, deck, age, born, x[0], 5, price, alive, town, p[0]),
           NN_USAGE, "the column class_ is NULL");
    cabin[3] = "fourth";
    refuse(m, predict(m, 5), NN_DATA,
           "the rows: row 3 (counted from 0): expected one of the classes that the model was trained with, "
           "found \"fourth\" (field cabin)");
    cabin[3] = NULL;
    refuse(m, predict(m, 5), NN_DATA,
           "the rows: row 3 (counted from 0): expected a class, found \"\" (field cabin); class(..., missing "
           "= own) makes missing cells a class");
    cabin[3] = kept;
    kept = born[1], born[1] = "1950-02-30";
    refuse(m, predict(m, 5), NN_DATA,
           "the rows: row 1 (counted from 0): expected a date, 2024-02-29 or 2024-02-29T13:45:07 (field "
           "day), found \"1950-02-30\": the month has no such day");
    born[1] = kept;
    kept = sex[2], sex[2] = NULL;
    refuse(m, predict(m, 5), NN_DATA,
           "the rows: row 2 (counted from 0): expected a text (field sex), found \"\", which means a missing "
           "one");
    sex[2] = kept;
    x[2][1] = strtod("inf", NULL);
    expect(predict(m, 5) == NN_DATA &&
               strstr(raw_error(m), "row 2 (counted from 0): expected a number in column 9, found \"inf\""),
           raw_error(m));
    x[2][1] = number_kept;
    // What is not asked for; a port that no row had is a class.
    kept = port[0], port[0] = "Nowhere";
    expect(raw_predict_raw(m, sex, cabin, port, deck, age, born, x[0], 1, NULL, NULL, town, NULL) == NN_OK,
           "one result alone");
    port[0] = kept;
}

int main(int argc, char **argv) {
    static char bytes[2][ROOM], *cells[ROWS * CELLS], *results[ROWS * RESULTS];
    raw *m = raw_create(NULL), *again = raw_create(NULL);
    if (argc != 4 || !m || !again) return 1;
    int rows = read_cells(argv[2], bytes[0], CELLS, cells);
    expect(rows > 100 && read_cells(argv[3], bytes[1], RESULTS, results) == rows, "as many rows in both");
    take_rows(cells, rows);
    refuse(m, predict(m, rows), NN_USAGE,
           "the classes of cabin have no names: a file that a trainer wrote brings them");
    expect(raw_load(m, argv[1]) == NN_OK, raw_error(m));
    expect(predict(m, rows) == NN_OK, raw_error(m));
    compare(results, rows);
    wrong_calls(m);
    memset(price, 0, sizeof price);
    expect(predict(m, rows) == NN_OK, raw_error(m));
    compare(results, rows);
    // What an instance saves has the names, for others and for a trainer.
    expect(raw_save(m, "saved.safetensors") == NN_OK && raw_load(again, "saved.safetensors") == NN_OK,
           "saved and loaded");
    raw_destroy(m);
    memset(p, 0, sizeof p);
    expect(predict(again, rows) == NN_OK, raw_error(again));
    compare(results, rows);
    raw_destroy(again);
    return failed;
}
