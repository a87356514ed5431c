// The contract of data/: from files, tables and draws to rows as the model sees them, parts, statistics and
// class names. Raw columns are doubles; a compiled prepare function makes fields of them, a block of rows at
// a time.
#ifndef NN_DATA_READ_H
#define NN_DATA_READ_H

#include "base/model.h"
#include "data/files.h"
#include "random/random.h"

// In a library that only trainers link which need it (compiler/llvm/libraries.def): NULL in others.
#define NN_APART __attribute__((weak))

enum { NN_TRAIN, NN_TEST, NN_VALIDATION, NN_PARTS };
extern const char *const nn_part_names[NN_PARTS];

// The names of a class field's numbers; count 0: its classes are plain numbers.
typedef struct nn_classes {
    int64_t count;
    const char **names;
} nn_classes;

// The values of one column (or some) for every row: of a file's own type, or doubles; NaN where a cell is
// missing.
typedef struct nn_raw {
    int64_t rows, elements; // elements of one row
    const unsigned char *bytes;
    char type; // 'u', 'i', 'f' or 'b' (bool) with `size`
    int size;
    bool big_endian;
    const char *path;         // for messages
    uint32_t *lines;          // of a text file: of each row, from 1; else NULL
    int32_t *words;           // of words: their numbers, row after row
    int64_t *word_first;      // of each row, and the end
    const char *const *files; // of pictures and sounds: of each row; else NULL
    const double *fill;       // of each element: what stands for NaN; NULL: itself
    const int32_t *starts;    // of windows: of each row, where in `bytes` it begins, in elements; else NULL
    void *owned;              // what is freed after loading
} nn_raw;

// A cell of a CSV file; a unit of a text.
typedef struct nn_cell {
    const char *text;
    uint32_t length, column; // column: of the character, from 1
} nn_cell;

// Which units of texts have numbers: 1 .. count, by how often they were there.
typedef struct nn_vocabulary {
    int64_t count, room;
    nn_cell *units;
    int32_t *slots; // numbers by hash, 0: none
    uint64_t slot_room;
    char *texts; // where the next unit's text may stand, and how many bytes there are
    uint64_t left;
} nn_vocabulary;
typedef struct nn_units {
    int32_t *numbers;
    int64_t count;
    nn_cell unknown; // the first that has none; text NULL: all have
} nn_units;

// A text: units, of which rows are windows.
typedef struct nn_series {
    const char *path;
    nn_units units;
    int64_t span, stride;                   // units that a row reads; from a row's first to the next one's
    int64_t begin[NN_PARTS], end[NN_PARTS]; // of each part's units
    int64_t rows[NN_PARTS];
    int32_t *starts; // of each row, those of the training part first, of test, of validation
    int64_t offset;  // of the training rows
    uint32_t sum;    // CRC-32C of the numbers
} nn_series;

// A part's samples. A sample's number is that of the first row that it reads: without windows its own.
typedef struct nn_part {
    int32_t *rows; // their numbers, in the file's order
    int64_t count;
} nn_part;

// The rows that a sample reads, of all its fields: `low` .. `low` + `span` - 1 from its own. Without windows
// its own alone.
typedef struct nn_reach {
    int64_t low, span;
} nn_reach;

// What to read, and how.
struct nn_loading;
typedef struct nn_data_request {
    // Of a part: its raw columns, and how many rows they have. nn_raw_read, or rows that no file has.
    nn_status (*read)(struct nn_loading *l, int part, int64_t *rows);
    const char *path;    // --data, or NULL
    const char *cache;   // a directory for rows that are not kept in memory, or NULL
    const char *beside;  // a directory to look in as well, or NULL
    bool standard_input; // predict < rows
    bool all_rows;       // no split: every row is in NN_TEST and NN_TRAIN alike
    bool inputs_only;    // predict: columns of other fields may be absent
    bool every_field;    // `data`: also fields that no function reads
    bool measure;        // statistics and classes are taken from these rows (else from weights)
    int32_t fold;        // folds: which is held out, -1: none chosen
    int64_t threads;     // that decode files
    const void *given;   // what `read` takes rows of, where it reads no file
    void (*message)(const char *kind, const char *text); // training: tells what looks like a mistake
} nn_data_request;

typedef struct nn_dataset {
    int64_t rows;               // of the sources
    int64_t own_rows[NN_PARTS]; // of part 0's files, and of parts with files of their own
    void **fields;              // rows of each field, from those of sample 0 on, NULL where not kept
    const void **sources;       // nn_call.sources
    nn_part parts[NN_PARTS];
    unsigned char *part_of;           // of each row
    int32_t *within, *group;          // groups of windows, of the split; NULL: none are named
    int32_t *file_row;                // of each row, where its part's file has it; NULL: each in its place
    nn_reach reach;                   // of a sample
    nn_classes *classes;              // of each field
    nn_series *series;                // of a text; else NULL
    nn_vocabulary vocabulary, *words; // of a text; of each field
    char *not_finite;                 // where the first number of a field is none; NULL: all are numbers
    nn_cell **carried;                // predict: by column, its cells row by row, as they stand in the file
    char *header;   // the names of the training file's columns, a JSON list; NULL: none are known
    nn_ahead ahead; // of the orders of epochs
    nn_data_request request;
} nn_dataset;

// How functions are run (threads belong to the caller).
typedef void nn_call_function(void *runner, int32_t function, nn_call *call);
typedef struct nn_runner {
    nn_call_function *call;
    void *data;
} nn_runner;

nn_status nn_data_load(nn_context *ctx, const nn_model *m, nn_runner runner, const nn_data_request *request,
                       nn_dataset *data);
// Rows of the model's inputs as `data` prints them: CSV with the columns FIELD or FIELD_0 .. of every input.
nn_status nn_data_inputs(nn_context *ctx, const nn_model *m, const char *path, char *bytes, uint64_t size,
                         nn_dataset *data);
// The training rows as they are in an epoch, where that moves them: of a text.
nn_status nn_data_epoch(nn_context *ctx, const nn_model *m, nn_runner runner, uint64_t seed, int64_t epoch,
                        nn_dataset *data);
// The rows of a training epoch in their order: as the file has them, shuffled, or of each class as many.
// `order` has room for those of the part.
nn_status nn_data_order(nn_context *ctx, const nn_model *m, nn_dataset *data, uint64_t seed, int64_t epoch,
                        int32_t *order);
// Where rows come from: rows of sources.def.
enum nn_from {
#define SOURCE(code, name, kind, text) NN_FROM_##code,
#include "sources.def"
#undef SOURCE
};
int nn_source_kind(const nn_model *m); // enum nn_source_kind
// What names of files end in that are read as texts, also from standard input; NULL: the source is no such.
const char *nn_data_ending(const nn_model *m);
bool nn_data_is_text(const nn_model *m);
int64_t nn_field_elements(const nn_field *f);                // of one sample
int64_t nn_field_size(const nn_model *m, const nn_field *f); // bytes of one sample
int64_t nn_row_elements(const nn_field *f);                  // of one row: of a window, of each of its rows
int64_t nn_row_size(const nn_model *m, const nn_field *f);
bool nn_data_windows(const nn_model *m);    // is a field of several rows?
bool nn_below(double value, int64_t limit); // a whole number 0 .. limit - 1
// The k-th element of rows of a field; false: the field takes whole numbers in a range, and this is none.
bool nn_field_put(const nn_model *m, const nn_field *f, void *rows, int64_t k, double value);
nn_status nn_field_fail(nn_context *ctx, const nn_model *m, const nn_field *f, const char *place,
                        double value);

// ---- readers, one file each ----
// The path a declared file is found at, or NN_FILE with the places that were looked at.
nn_status nn_data_path(nn_context *ctx, const nn_model *m, const nn_data_request *request, const char *file,
                       char out[NN_PATH_ROOM]);

// One array of a file. Its head is read without the elements, so that these are expanded only if they are
// what is wanted.
enum { NN_HEAD_ROOM = 1 << 16 }; // no head is longer
typedef struct nn_array {
    const unsigned char *bytes; // the elements
    uint64_t head, length;      // bytes of both
    int64_t dims[8];
    int rank;
    char type;
    int size;
    bool big_endian;
} nn_array;
nn_status nn_idx_parse(nn_context *ctx, const char *path, const unsigned char *bytes, uint64_t size,
                       nn_array *out);
nn_status nn_npy_parse(nn_context *ctx, const char *path, const unsigned char *bytes, uint64_t size,
                       nn_array *out);
// The elements of a whole file; none may be missing or left over.
nn_status nn_array_take(nn_context *ctx, const char *path, nn_array *a, const unsigned char *bytes,
                        uint64_t size);
// In libnn-gzip.a, linked only where a program names a .gz file. Of more than `limit` bytes one too many is
// given, and nothing said.
NN_APART nn_status nn_gzip_expand(nn_context *ctx, const char *path, const unsigned char *packed,
                                  uint64_t packed_size, uint64_t limit, unsigned char **bytes,
                                  uint64_t *size);

// An array of an npz file, which is a zip file. In libnn-npz.a.
typedef struct nn_member {
    const unsigned char *bytes; // as they lie in the file
    uint64_t packed, size;
    uint32_t sum; // CRC-32
    bool deflated;
} nn_member;
NN_APART nn_status nn_npz_find(nn_context *ctx, const char *path, const unsigned char *bytes, uint64_t size,
                               const char *key, nn_member *out);
NN_APART nn_status nn_npz_expand(nn_context *ctx, const char *path, const nn_member *member, uint64_t limit,
                                 unsigned char **bytes, uint64_t *size);

// CIFAR's files: how many pictures, and one of them, whose colours stand one after another, as a row.
nn_status nn_cifar_count(nn_context *ctx, const char *path, int labels, uint64_t size, int64_t *rows);
void nn_cifar_put(const unsigned char *planes, bool grey, unsigned char *row);

// A text of lines "LABEL NUMBER:VALUE ...": labels and rows of so many elements, the first of which is number
// `first`. What is NULL is not kept.
typedef struct nn_libsvm {
    const char *path;
    int64_t elements, first, rows;
    double *labels, *values;
    uint32_t *lines;
    bool wants_labels, wants_values;
} nn_libsvm;
nn_status nn_libsvm_parse(nn_context *ctx, nn_libsvm *s, const char *bytes, uint64_t size);

// Texts that are kept one behind another, in pieces, each of which begins with the place of the one before.
typedef struct nn_texts {
    char *first, *last, *to; // pieces; where the next text may stand, and how many bytes there are
    uint64_t left;
} nn_texts;
char *nn_texts_room(nn_context *ctx, nn_texts *t, uint64_t length); // NULL: no memory
void nn_texts_join(nn_texts *t, const nn_texts *other);
void nn_texts_drop(nn_context *ctx, nn_texts *t);

// What is wanted of a CSV file: `count` columns by number, from `first` on, or by their names.
typedef struct nn_csv_want {
    const char **names; // NULL: by number
    int32_t first, count;
    bool texts;       // keep the cells (classes, comparisons), else numbers
    bool array;       // one name, whose value is all `count` numbers
    bool missing_ok;  // a missing cell is NaN, else an error
    bool exact;       // names of folders: none is missing, and none a number
    int64_t limit;    // numbers must be whole and lie below it; 0: any may stand
    int32_t *columns; // where they are in this file
    double *values;   // rows * count
    nn_cell *cells;
    int32_t *words;      // of words: their numbers, row after row
    int64_t *word_first; // of each row, and the end
} nn_csv_want;
typedef struct nn_csv {
    const char *path, *query; // of a database; else NULL
    int separator, decimal;   // of a text with separators, else 0; the sign before a fraction
    int thousands, comment;   // the sign between groups of three digits, what begins a skipped line; 0: none
    bool header;
    nn_csv_want *wants;
    int32_t want_count;
    const char
        *trained;    // with a header: the names by which columns by number are found; NULL: by their numbers
    char *names;     // its own, the same way
    int32_t *places; // of each trained column in this file, or -1; NULL: at its number
    int32_t place_count;
    int64_t rows, room;
    uint32_t *lines;        // of each row, from 1; NULL: these are no lines
    nn_texts texts;         // what cells point to that does not stand in the file so
    int64_t threads, piece; // that read a text; of how many bytes at a time, 0: many
} nn_csv;
// Cells point into `bytes` and csv->texts. `bytes` must end in a NUL that is not counted.
nn_status nn_csv_parse(nn_context *ctx, nn_csv *csv, const char *bytes, uint64_t size);
nn_status nn_csv_header(nn_context *ctx, nn_csv *csv, const nn_cell *cells, uint32_t count, uint32_t line);
int nn_cell_compare(const void *a, const void *b); // in byte order
bool nn_csv_missing(const char *s, uint64_t length);
// A number as this file writes them; false: the cell is none.
bool nn_cell_number(const nn_csv *csv, const nn_cell *cell, double *value);
// Where the columns of a want are, by the cells of the head; or a message.
nn_status nn_csv_find(nn_context *ctx, const nn_csv *csv, nn_csv_want *want, const nn_cell *cells,
                      uint32_t count, uint32_t line);
// "PATH:LINE:COLUMN: expected WHAT, found \"TEXT\"", and what else there is to say.
nn_status nn_cell_fail(nn_context *ctx, const nn_csv *csv, int64_t row, const nn_cell *cell,
                       const char *expected, const char *more);
// Room for as many rows, those that are there kept.
nn_status nn_wants_room(nn_context *ctx, nn_csv *csv, uint64_t rows);
// The i-th value of a want in the row that is being read, number csv->rows.
nn_status nn_want_cell(nn_context *ctx, const nn_csv *csv, nn_csv_want *w, int32_t i, const nn_cell *cell);
void nn_want_name(const nn_csv_want *w, int32_t i, char out[80]);
// Objects, a line each; in the same way.
NN_APART nn_status nn_jsonl_parse(nn_context *ctx, nn_csv *csv, const char *bytes, uint64_t size);
// What csv->query finds in the database csv->path. In libnn-sqlite.a.
NN_APART nn_status nn_sqlite_read(nn_context *ctx, nn_csv *csv);

// ---- texts as numbers ----
// From *at on: the next unit, and *at behind it. False: there is none, or no UTF-8 at *at.
bool nn_unit_next(int kind, const char *bytes, uint64_t size, uint64_t *at, nn_cell *unit);
// 0: it has none, and the vocabulary does not grow.
int32_t nn_unit_number(nn_context *ctx, nn_vocabulary *v, const nn_cell *unit, bool grows);
typedef struct nn_units_text {
    int kind; // nn_text_unit
    const char *path, *bytes;
    uint64_t size;
    bool grows; // the vocabulary takes every unit that it meets, else numbers of others are 0
} nn_units_text;
nn_status nn_units_read(nn_context *ctx, nn_vocabulary *v, const nn_units_text *of, nn_units *out);
// Of a vocabulary that took every unit the limit - 1 most frequent stay. times: of each number so far, how
// often it was there; now: zeroed, gets each one's new number.
nn_status nn_vocabulary_choose(nn_context *ctx, nn_vocabulary *v, int64_t limit, const int64_t *times,
                               int32_t *now);
// The list as JSON, and back; at most limit - 1 units.
void nn_vocabulary_put(nn_text *out, const nn_vocabulary *v, int kind);
nn_status nn_vocabulary_take(nn_context *ctx, nn_vocabulary *v, const char *list, int kind, int64_t limit);
NN_APART const char *nn_unit_name(const nn_data *plan); // of several

// ---- steps of loading ----
typedef struct nn_loading {
    nn_context *ctx;
    const nn_model *m;
    nn_runner runner;
    nn_dataset *data;
    nn_raw *raws;            // of each column
    int64_t first[NN_PARTS]; // row of the sources at which the part's own rows begin
    double *block;           // one tensor of a block
    unsigned char *training; // of each row
    char *suspect;           // where a file has the first number that is none, in words
} nn_loading;
// FILE:LINE, or FILE and the row's number.
void nn_raw_place(const nn_raw *raw, int64_t row, char out[NN_PATH_ROOM + 64]);
nn_status nn_raw_read(nn_loading *l, int part, int64_t *rows);
bool nn_column_wanted(const nn_loading *l, const nn_column *c, int part);
const char *nn_column_field(const nn_loading *l, const nn_column *c); // its name, for messages
// The file that a part reads, and the query where there is one.
const char *nn_part_file(const nn_loading *l, int part, const char **key);
char *nn_path_kept(nn_context *ctx, const char *path, const char *key); // "PATH", "PATH: KEY"
bool nn_is_packed(const char *path);
nn_status nn_expand(nn_context *ctx, const char *path, const unsigned char *packed, uint64_t packed_size,
                    uint64_t limit, unsigned char **bytes, uint64_t *size);
// A column's numbers where it has a limit itself; one that is none is said.
nn_status nn_raw_check(const nn_loading *l, const nn_column *c, const nn_raw *raw);
// A part's columns of cells: where their rows come from, and how pieces of work are run (nn_each).
typedef struct nn_cells_reader {
    nn_status (*read)(const nn_loading *l, nn_csv *csv, const void *from); // the rows of its wants
    void (*each)(int64_t threads, int64_t count, void (*run)(void *of, int64_t k), void *of);
    const void *from;
} nn_cells_reader;
nn_status nn_cells_columns(const nn_loading *l, int part, nn_csv *csv, const nn_cells_reader *reader);
// Sources, each its part's columns (an array: one).
nn_status nn_cells_part(const nn_loading *l, int part, int64_t *rows);
nn_status nn_array_column(const nn_loading *l, const nn_column *c, nn_raw *raw);
NN_APART nn_status nn_libsvm_rows(const nn_loading *l, int part);
NN_APART nn_status nn_cifar_rows(const nn_loading *l, int part);
// A declared file, or standard input where that is read; expanded, and a NUL follows.
nn_status nn_source_bytes(const nn_loading *l, const char *file, char path[NN_PATH_ROOM],
                          unsigned char **bytes, uint64_t *size);
// A column's words, or how many there are; words that are no classes have numbers when the training rows are
// known (or were when the model was trained), and are then put into the rows.
NN_APART nn_status nn_words_read(const nn_loading *l, const nn_column *c, const nn_csv *csv, nn_csv_want *w);
NN_APART nn_status nn_words_number(const nn_loading *l);
NN_APART int64_t
nn_words_limit(const nn_column *c); // of a vocabulary's numbers: behind them comes the mark's
NN_APART nn_status nn_series_read(const nn_loading *l, int64_t *rows);
// Cells that are texts as numbers: words, classes, conditions.
nn_status nn_csv_texts(const nn_loading *l, const nn_column *c, const nn_csv *csv, nn_csv_want *w);
// Files as rows: all that a folder holds, or those whose paths cells are. Of a kind of files, of which a
// library of its own knows all that is special:
typedef struct nn_media nn_media;
struct nn_media {
    const char *what, *named; // "pictures"; the endings, in words
    const char *const *endings;
    int32_t kind; // of a column
    char type;    // of an element of a row, as in nn_raw
    int size;
    // A file's bytes as a row of the column, in whatever thread; false with a reason.
    bool (*decode)(const nn_model *m, const nn_column *c, const unsigned char *bytes, uint64_t size,
                   void *row, char why[NN_WHY_ROOM]);
    // nn_folder_rows and nn_cell_rows: trainers that read no such files hold neither.
    nn_status (*folder_rows)(const nn_loading *l, const nn_media *media, int part, int64_t *rows);
    nn_status (*cell_rows)(const nn_loading *l, const nn_media *media, const nn_column *c, const nn_csv *csv,
                           const nn_csv_want *w, nn_raw *raw);
};
extern NN_APART const nn_media nn_pictures, nn_sounds;
nn_status nn_folder_rows(const nn_loading *l, const nn_media *media, int part, int64_t *rows);
nn_status nn_cell_rows(const nn_loading *l, const nn_media *media, const nn_column *c, const nn_csv *csv,
                       const nn_csv_want *w, nn_raw *raw);
NN_APART void nn_series_raw(const nn_series *s, const nn_column *c, nn_raw *raw);
// The training rows begin where they do in this epoch; returns whether that is elsewhere than before.
NN_APART bool nn_series_shift(nn_series *s, uint64_t seed, int64_t epoch);
// The columns of a part in the directory of such rows, if they were kept there of the same file by the same
// program; after a file is read, they are kept.
typedef struct nn_cached {
    nn_text key;             // what the rows depend on
    char name[NN_PATH_ROOM]; // of the file; empty: none is made of these
    bool found;
} nn_cached;
nn_status nn_cache_find(const nn_loading *l, int part, const char *path, nn_cached *kept);
nn_status nn_cache_keep(const nn_loading *l, int part, const char *path, const nn_cached *kept);
void nn_raw_values(const nn_raw *raw, int64_t first, int64_t count, double *out);
// missing = mean, median: measures the training rows, or takes what is known, and fills the column.
nn_status nn_fill_missing(nn_loading *l, const nn_statistic *of, bool known);
// How many of a class field's numbers are texts' or numbers' own: all but those of missing cells and others.
int64_t nn_class_count(const nn_field *f);
typedef struct nn_named_values {
    const nn_field *of;
    const char *field, *path;
    double *values; // NaN: missing; infinite: no number
    int64_t count;
} nn_named_values;
#define NN_NAMED_HINT "; class(..., named = true) numbers other whole numbers"
// class(e, n, named = true): whole numbers get their places among those of the training file. `unknown`: the
// first value that is no class, -1: there is none.
nn_status nn_class_named(nn_context *ctx, nn_classes *classes, const nn_named_values *v, int64_t *unknown);
bool nn_classes_are_numbers(const nn_classes *classes);
// Numbers the texts of a class column in byte order, or checks its numbers; values: rows * columns.
nn_status nn_class_values(nn_context *ctx, nn_classes *classes, const nn_field *field, const char *name,
                          const nn_csv *csv, const nn_csv_want *want);
int64_t nn_share(int64_t rows, double fraction);
// A part (nn_date) of each cell's date; a missing one is NaN where that may be. values: as many.
nn_status nn_date_values(nn_context *ctx, const char *field, int part, const nn_csv *csv, nn_csv_want *want);
// ---- groups ----
// Numbers the groups of a part's rows, from 0 on, as they first come; groups of windows are made to stand
// together, each in the file's order.
nn_status nn_groups_take(nn_loading *l, int part, int64_t rows);
// Where the part's file has a row, once they stand so.
int64_t nn_file_row(const nn_loading *l, int part, int64_t row);
// Of texts, as numbers for that.
nn_status nn_group_cells(nn_context *ctx, const nn_csv *csv, nn_csv_want *want);
// ---- windows over rows ----
// Which rows a sample reads, by what is read of the data.
void nn_reach_find(nn_loading *l);
// The samples of a part, whose rows lie side by side in it.
nn_status nn_window_samples(nn_context *ctx, const nn_model *m, nn_dataset *data, int part);
// Fields begin with sample 0's rows.
void nn_windows_place(const nn_loading *l);
// Why a part has no samples.
nn_status nn_windows_none(nn_context *ctx, const nn_dataset *data, int part, const char *reads);
nn_status nn_split_rows(nn_context *ctx, const nn_model *m, nn_dataset *data);
// Rows 0 .. count - 1 by whole numbers 0 .. that they have (NULL: all the same), each as number << 32 | row;
// of equal ones in order.
uint64_t *nn_rows_by(nn_context *ctx, const int32_t *of, int64_t count);
// Whether the data block makes this part; the error of one that has no rows (`reads`: what reads it, or "").
bool nn_part_declared(const nn_data *plan, int part);
nn_status nn_part_empty(nn_context *ctx, const nn_data *plan, const nn_dataset *data, int part,
                        const char *reads);

#endif
