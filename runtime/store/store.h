// The contract of store/: tensors of a model in safetensors files: weights, and checkpoints, which hold more.
// Reading is all or nothing: everything is checked, checksums too, before the first number is put into the
// model. Nothing here asks for memory; callers bring the tables.
#ifndef NN_STORE_H
#define NN_STORE_H

#include "base/model.h"

// NN_ENTRY_LEAST: bytes of the header that an entry takes at least.
enum { NN_HEADER_LIMIT = 100000000, NN_ENTRY_LEAST = 32, NN_NAME_ROOM = 4096 };

// ---- the format ----
typedef struct nn_safetensor {
    const char *name;
    char dtype[8];
    int rank;
    uint64_t dims[8];
    uint64_t begin, end; // bytes after the header
} nn_safetensor;
typedef struct nn_safetensors_visitor {
    nn_status (*tensor)(void *data, nn_context *ctx, const nn_safetensor *t);
    nn_status (*metadata)(void *data, nn_context *ctx, const char *key,
                          nn_json value); // value: at its opening quote
    void *data;
} nn_safetensors_visitor;
// Calls the visitor (either part may be NULL) for every entry of the header. *first: where the elements
// begin.
nn_status nn_safetensors_parse(nn_context *ctx, const char *path, const unsigned char *bytes, uint64_t size,
                               const nn_safetensors_visitor *visitor, uint64_t *first);

// ---- what of a model is stored ----
// Weights are what inference needs; an object's file also holds what its training goes on from, and may lack
// it when read.
typedef enum nn_contents { NN_WEIGHTS, NN_OBJECT, NN_CHECKPOINT } nn_contents;
bool nn_store_holds(const nn_model *m, const nn_tensor *t, nn_contents contents);
int64_t nn_store_rows(const nn_model *m, const nn_tensor *t); // the first dimension; 1 without one
bool nn_store_allows(const nn_tensor *t, int32_t value);      // of a tensor of integers: inside its range

// Puts further metadata: calls nn_store_metadata for each pair.
typedef void nn_metadata(void *data, nn_sink *sink);
void nn_store_metadata(nn_sink *sink, const char *key, const char *value);

// Numbers of the metadata, written and read by one table.
#define NN_COUNT_LIMIT (INT64_C(1) << 53) // of every count in a file: sums of two stay exact
typedef struct nn_entry {
    const char *key;
    int64_t *whole; // a count, or
    double *number; // any, also inf and nan
} nn_entry;
void nn_entries_put(nn_sink *sink, const nn_entry *entries, int count);
// Takes the value, if the key is one of theirs; bit k of *seen: the k-th was there.
nn_status nn_entries_take(nn_context *ctx, const char *path, const nn_entry *entries, int count,
                          const char *key, nn_json value, uint32_t *seen);
typedef struct nn_storing {
    const nn_model *model;
    nn_contents contents;
    nn_metadata *metadata; // or NULL
    void *data;
} nn_storing;
nn_status nn_store_write(void *storing, nn_sink *sink); // an nn_fill

typedef struct nn_stored {
    const unsigned char *bytes; // NULL: not in the file
    int8_t wide;                // elements of 8 bytes
    int64_t elements;
} nn_stored;
typedef struct nn_span {
    double begin, end; // exact: a file is shorter than 2^53 bytes
    int32_t order;     // of all spans of a file, in the k-th: which one is the k-th
} nn_span;
typedef struct nn_archive {
    const nn_model *model;
    const char *path;
    nn_contents contents;
    bool partial;                // start = weights(..): other names are passed over
    const char *const *prefixes; // partial: the layers to take; NULL: all
    int32_t prefix_count;
    nn_stored *tensors; // one for each tensor of the manifest
    nn_span *spans;
    uint64_t span_room; // entries in the file, at most
    // set by reading
    const unsigned char *elements;
    const char *header, *header_end;
    uint64_t span_count;
    int32_t next;
    bool summed; // the header has a checksum, and it is right
} nn_archive;
nn_status nn_store_read(nn_context *ctx, nn_archive *a, const unsigned char *bytes, uint64_t size);
void nn_store_apply(const nn_archive *a);

#endif
