// A compiled model in memory: its manifest, its arena, and tensors moved between the arena's layouts and
// plain rows.
#ifndef NN_MODEL_H
#define NN_MODEL_H

#include "abi.h"
#include "base/runtime.h"

// Rows of a source that belong to a run: what its metrics have kept of the epoch so far.
typedef struct nn_rows {
    unsigned char *bytes;
    int64_t count;
} nn_rows;
typedef struct nn_model {
    const nn_manifest *manifest;
    nn_run *run;
    unsigned char *arena; // NN_MARGIN bytes lie before and after it
    nn_rows *rows;        // of each nn_kept; NULL: not known yet
} nn_model;

// Checks that the blob is one this runtime can read.
nn_status nn_model_open(nn_context *ctx, nn_model *m, const void *manifest, nn_run *run);
nn_status nn_model_arena(nn_context *ctx, nn_model *m); // memory for it
bool nn_model_has(const nn_model *m, int32_t function);

// What stands at an offset of the blob: a text ("" for none) or a table.
const char *nn_model_text(const nn_model *m, uint32_t offset);
const void *nn_model_table(const nn_model *m, uint32_t offset);
const nn_tensor *nn_model_tensor(const nn_model *m, int32_t number); // NULL for -1
#define NN_TABLE(m, type, field) ((const type *)nn_model_table((m), (m)->manifest->field))

// Elements, with the declared batch; of one row of dimension 0; bytes of an element in plain rows (and in the
// arena).
int64_t nn_tensor_elements(const nn_tensor *t);
int64_t nn_tensor_row(const nn_tensor *t);
int32_t nn_model_keeps(const nn_model *m, const nn_tensor *t); // its nn_kept of values, or -1
int64_t nn_tensor_element_size(const nn_model *m, const nn_tensor *t);
int64_t nn_type_size(const nn_model *m, int32_t type);
bool nn_is_real(int32_t type);

// Elements first .. first + count - 1 in row-major order, between the arena (both copies, where there are
// two) and plain rows.
void nn_tensor_get(const nn_model *m, const nn_tensor *t, int64_t first, int64_t count, void *plain);
void nn_tensor_put(const nn_model *m, const nn_tensor *t, int64_t first, int64_t count, const void *plain);
// The bytes of the arena that it spans, for copies of the whole (first copy only).
void nn_tensor_span(const nn_model *m, const nn_tensor *t, int64_t *first, int64_t *bytes);
bool nn_tensor_finite(const nn_model *m, const nn_tensor *t);

// One element, of whatever type: of plain values; of a tensor.
double nn_value_get(const nn_model *m, int32_t type, const void *values, int64_t k);
void nn_value_put(const nn_model *m, int32_t type, void *values, int64_t k, double value);
double nn_tensor_number(const nn_model *m, const nn_tensor *t, int64_t element);

// Numbers of rank 0. A tensor that is not there reads as NaN, and takes no number.
double nn_scalar_get(const nn_model *m, int32_t tensor);
void nn_scalar_put(const nn_model *m, int32_t tensor, double value);
// Where the double of a rank-0 tensor lies, or NULL: for writes of every step.
double *nn_scalar_at(const nn_model *m, int32_t tensor);

// Every tensor of these kinds (a bit each) gets its start value.
void nn_model_start(const nn_model *m, uint32_t kinds);
enum { NN_STARTED = 1 << NN_TOTAL | 1 << NN_CLOCK | 1 << NN_SETTING };

#endif
