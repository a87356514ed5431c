// The contract of report/: runs, read from the logs they leave, as a text and as a page. Nothing here trains,
// knows a model or prints: nnc and trainers share it. Needs: base/.
#ifndef NN_REPORT_H
#define NN_REPORT_H

#include "base/runtime.h"

// One run's log. Lines are objects that were checked; `end` has no text where the run has not ended.
typedef struct nn_story {
    const char *name; // of the directory, or the file
    char *path;       // of the log
    nn_json start, end;
    nn_json *epochs, *others; // in their order; others: what the report alone reads
    int64_t epoch_count, other_count;
} nn_story;

typedef struct nn_table nn_table;

// PATH/log.jsonl, or the file itself. A last line that is cut is passed over; one that is no line of a log is
// NN_DATA.
nn_status nn_story_read(nn_context *ctx, const char *path, nn_story *out);
// The same of bytes that stay; name and path are set.
nn_status nn_story_parse(nn_context *ctx, nn_story *s, const char *bytes, uint64_t size);
// The last epoch that is marked as the best; -1: none.
int64_t nn_story_best(const nn_story *s);
nn_json nn_story_last(const nn_story *s); // the end, or the last line before it that there is
// A row for each run, a column for every name of their beginnings: "seed", "settings.lr.peak".
void nn_story_starts(nn_context *ctx, const nn_story *runs, int count, nn_table *t);
// The text of a value, without quotes; of none: "".
void nn_story_value(nn_text *out, nn_json object, const char *name);
bool nn_story_is(nn_json object, const char *name, const char *value); // the string
// Calls for every number of a line that is a measure: loss and metrics.
typedef void nn_measure(void *data, const char *name, double value);
void nn_story_measures(nn_json line, nn_measure *call, void *data);

// The counts of a histogram; how many there are.
enum { NN_BINS_MOST = 64, NN_KEY_ROOM = 256 };
int64_t nn_story_counts(nn_json object, double counts[NN_BINS_MOST]);

// ---- records of TensorBoard, of lines of a log (events.c) ----
void nn_event_begin(nn_text *out, double time);             // the first of a file; time: seconds since 1970
void nn_event_put(nn_text *out, nn_json line, double time); // what there is of it: maybe nothing
void nn_event_picture(nn_text *out, const char *name, const unsigned char *pixels, int64_t size, int64_t step,
                      double time);
// The step of the record that stands here, and its length; -1: there is none, or it is damaged.
int64_t nn_event_step(const unsigned char *bytes, uint64_t size, uint64_t *length);

// ---- tables (table.c): the first row has the names of the columns ----
enum { NN_COLUMNS_MOST = 256 };
struct nn_table {
    int rows, columns, row; // row: the one that is filled; in the first, columns are only named
    nn_context *ctx;
    nn_text *cells[NN_COLUMNS_MOST], spare; // of each column; for what has none
};
void nn_table_begin(nn_context *ctx, nn_table *t, int64_t rows);
nn_text *nn_table_cell(nn_table *t,
                       const char *column); // emptied; of a new column, if there is none of the name
void nn_table_number(nn_table *t, const char *column, const char *format, double value); // "-": not finite
void nn_table_measures(nn_table *t, nn_json line);
bool nn_table_differs(const nn_table *t, int column); // from row to row
const char *nn_table_text(const nn_table *t, int row, int column);
void nn_table_put(nn_table *t, nn_text *out); // as wide as what stands in it
enum { NN_TURNED = 1, NN_DRAWN = 2 }; // a column for each row; what stands in it is HTML, but its heads
void nn_table_html(nn_table *t, nn_text *out, int how);

// One run: its beginning, some epochs, its end; of several a line each.
nn_status nn_history(nn_context *ctx, const nn_story *runs, int count, nn_text *out);

#endif
