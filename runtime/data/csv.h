// Records of CSV (csv_record.c), and what threads make of the pieces of a file (csv.c).
#ifndef NN_DATA_CSV_H
#define NN_DATA_CSV_H

#include "data/data.h"

// What is done with the cells of a column: the first value that is taken of it, and whether that is all: a
// number that is put where it belongs as soon as it is read.
typedef enum { NN_CELL_SKIPPED, NN_CELL_NUMBER, NN_CELL_KEPT } nn_cell_use;
typedef struct nn_csv_take {
    nn_cell_use use;
    nn_csv_want *want; // of a number, and which of it
    int32_t i;
} nn_csv_take;

typedef struct nn_csv_reader {
    nn_context *ctx;
    nn_csv *csv;
    nn_texts *texts;
    const char *at, *end, *line_start;
    const nn_csv_take *takes; // NULL: every cell is kept
    int64_t room;             // the row before which numbers may be put
    uint32_t line, record_line;
    uint32_t columns; // of every record
    nn_cell *cells;
    uint32_t count, cell_room;
    bool blank; // the record is an empty line
} nn_csv_reader;

nn_status nn_csv_fail_at(const nn_csv_reader *r, const char *at, const char *what);
// The record at hand, up to the next.
nn_status nn_csv_record(nn_csv_reader *r);
// Skips lines that begin with the sign of a comment.
void nn_csv_comments(nn_csv_reader *r);
// Of the first record: what is wanted of each column.
nn_status nn_csv_head(nn_csv_reader *r);
// The record as the row csv->rows.
nn_status nn_csv_row(nn_csv_reader *r);

#endif
