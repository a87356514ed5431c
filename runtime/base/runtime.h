// The contract of base/: status and message of a command, memory, texts, numbers, files, JSON, checksums.
// Every function that can fail returns an nn_status and leaves its message in the context; nothing here
// prints or exits.
#ifndef NN_RUNTIME_H
#define NN_RUNTIME_H

#include "nearest.h"
#include "status.h"
#include "utf8.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct nn_block nn_block;

// What one command works in: the first failure's message, and all memory it asked for.
typedef struct nn_context {
    nn_status status;
    char message[4096];
    nn_block *blocks;
    const char *folder;      // where large blocks lie in files; NULL: in memory
    uint64_t limit, held;    // bytes in memory: at most, 0: any; now
    struct nn_input *inputs; // files that are read
} nn_context;

#define NN_PRINTF(text, first) __attribute__((format(printf, text, first)))

// Keeps the first failure; later ones, which follow from it, are dropped. Returns the status. What leads to
// it is made short, not fast.
__attribute__((cold)) nn_status nn_fail(nn_context *ctx, nn_status status, const char *format, ...)
    NN_PRINTF(3, 4);
void nn_forget(nn_context *ctx); // the failure was dealt with

// ---- memory: zeroed, aligned to 64 bytes, freed with the context; NULL after nn_fail(NN_MEMORY) ----
void *nn_get(nn_context *ctx, uint64_t count, uint64_t size);
void *nn_grow(nn_context *ctx, void *memory, uint64_t count,
              uint64_t size); // keeps the contents, zeroes the rest
void nn_drop(nn_context *ctx, void *memory);
// `size` bytes of a file, read from it as they are needed, and a zero behind them; written into it where it
// is shared, else not to be changed. Dropped like other memory.
void *nn_get_mapped(nn_context *ctx, int file, uint64_t size, bool shared);
void nn_context_end(nn_context *ctx);
void nn_context_join(nn_context *ctx, nn_context *from); // the memory of one that is given up goes over

// ---- texts that grow ----
typedef struct nn_text {
    nn_context *ctx;
    char *bytes; // always ends in NUL, also when empty
    uint64_t length, room;
    bool failed; // memory ran out: contents are incomplete
} nn_text;
void nn_text_begin(nn_text *text, nn_context *ctx);
void nn_text_bytes(nn_text *text, const void *bytes, uint64_t length);
void nn_text_add(nn_text *text, const char *s);
void nn_text_format(nn_text *text, const char *format, ...) NN_PRINTF(2, 3);
void nn_text_number(nn_text *text, double value, bool is_double);
void nn_text_json(nn_text *text, const char *s, uint64_t length); // with quotes and escapes
int nn_text_letters(const char *s);                               // characters of UTF-8
void nn_text_fit(nn_text *text, const char *s, int width,
                 bool right); // cut, or filled with blanks, on one line
void nn_text_clear(nn_text *text);
void nn_text_end(nn_text *text);
bool nn_same(const char *a, const char *b);

// ---- numbers, the same in every locale ----
enum { NN_NUMBER_ROOM = 32 };
// A decimal number as C's locale has it, without inf, nan and hex. False: the text is not one number.
bool nn_number_parse(const char *s, uint64_t length, double *value);
bool nn_integer_parse(const char *s, uint64_t length, int64_t *value);
// The shortest decimal that reads back as the same bits (of a float, unless is_double). Returns its length.
int nn_number_print(char out[NN_NUMBER_ROOM], double value, bool is_double);

// ---- the system: every call that touches a file, and memory; tests put their own in its place ----
void *nn_memory_take(uint64_t bytes); // zeroed, aligned to 64, of no context; NULL: there is none
void nn_memory_give(void *memory);
int nn_system_open(const char *path, int flags, int mode);
int64_t nn_system_read(int file, void *bytes, uint64_t count);
int64_t nn_system_write(int file, const void *bytes, uint64_t count);
int nn_system_sync(int file);
int nn_system_close(int file);
int nn_system_rename(const char *from, const char *to);
int nn_system_remove(const char *path);
int nn_system_link(const char *path, const char *second);
int nn_system_truncate(int file, uint64_t size);

// ---- files ----
nn_status nn_file_read(nn_context *ctx, const char *path, unsigned char **bytes,
                       uint64_t *size); // one NUL follows
nn_status nn_file_map(nn_context *ctx, const char *path, unsigned char **bytes,
                      uint64_t *size); // the same of a large file, which stays where it is
nn_status nn_file_read_all(nn_context *ctx, int file, const char *path, unsigned char **bytes,
                           uint64_t *size);
// The message of a call that failed: "cannot WHAT PATH: why", by errno.
nn_status nn_file_failed(nn_context *ctx, const char *what, const char *path);
bool nn_write_all(int file, const void *bytes, uint64_t count); // false with errno
bool nn_file_exists(const char *path);
bool nn_file_is_directory(const char *path);
bool nn_file_is_regular(const char *path);
// What a command reads, under whatever name, it must not write over.
nn_status nn_input_add(nn_context *ctx, const char *path);
nn_status nn_input_spare(nn_context *ctx, const char *path);
nn_status nn_file_directory(nn_context *ctx, const char *path); // makes it where it is missing

enum { NN_SINK_ROOM = 8192, NN_PATH_ROOM = 4096 };
// Where bytes go: a file, or memory. Needs no other memory than itself.
typedef struct nn_sink {
    int file; // -1: memory, or only counted
    unsigned char *memory;
    uint64_t room, count; // of memory; bytes put so far
    uint64_t used;
    int error;   // errno of the first failure
    bool summed; // crc is taken of all bytes put
    uint32_t crc;
    unsigned char buffer[NN_SINK_ROOM];
} nn_sink;
void nn_sink_file(nn_sink *sink, int file);
void nn_sink_memory(nn_sink *sink, void *memory, uint64_t room); // NULL: only counts
void nn_sink_sum(nn_sink *sink);                                 // only counts, and takes the sum
void nn_sink_put(nn_sink *sink, const void *bytes, uint64_t count);
void nn_sink_text(nn_sink *sink, const char *s);
void nn_sink_format(nn_sink *sink, const char *format, ...) NN_PRINTF(2, 3); // at most 127 bytes
bool nn_sink_flush(nn_sink *sink);

// Replaces a file as a whole: a temporary file beside it, fsync, rename, fsync of the directory.
typedef nn_status nn_fill(void *data, nn_sink *sink);
nn_status nn_file_replace(nn_context *ctx, const char *path, nn_fill *fill, void *data);
// Its two halves: `fresh` whole on the disk, for a moment when several files change at once; and giving it
// its name.
nn_status nn_file_prepare(nn_context *ctx, const char *fresh, const char *path, nn_fill *fill, void *data);
nn_status nn_file_rename(nn_context *ctx, const char *fresh, const char *path);
// The directory that holds it (PATH/.); false: the name is too long.
bool nn_file_parent(const char *path, char out[NN_PATH_ROOM]);
nn_status nn_file_sync_directory(nn_context *ctx, const char *path);
nn_status nn_file_replaceable(nn_context *ctx, const char *path); // a regular file, or none yet
int nn_file_create(const char *fresh); // for appending; -1 with errno: one is there, or it cannot be written
// What names of temporary files end in; no other program makes such names, so what bears one is swept away.
#define NN_FRESH ".nn-new"
// A file in memory of the system's, so that nobody who writes the file meanwhile changes what is read.
nn_status nn_file_copy(nn_context *ctx, const char *path, unsigned char **bytes, uint64_t *size);
void nn_file_drop(unsigned char *bytes, uint64_t size);

// ---- JSON: a strict pull reader over memory ----
typedef struct nn_json {
    const char *at, *end;
    bool failed;
} nn_json;
enum { NN_JSON_DEPTH = 64 };
bool nn_json_take(nn_json *j, char c); // skips blanks, then takes c if it stands there
bool nn_json_peek(nn_json *j, char c);
bool nn_json_string(nn_json *j, char *out, uint64_t room, uint64_t *length); // UTF-8, unescaped, with a NUL
bool nn_json_whole(nn_json *j, uint64_t *value); // a whole number 0 .. 2^63 - 1, no sign, no fraction
bool nn_json_skip(nn_json *j, int depth);        // any value
bool nn_json_is_object(const char *text, const char *end); // and nothing else
// The next member of an object, from before its brace on; its value's own text. False: there is none.
bool nn_json_member(nn_json *j, char *key, uint64_t room, nn_json *value);
bool nn_json_find(nn_json object, const char *name, nn_json *value);
double nn_json_number(nn_json object, const char *name); // of that member; NaN: there is none

// ---- checksums ----
uint32_t nn_crc32c(uint32_t crc, const void *bytes, uint64_t count); // begin with 0

#endif
