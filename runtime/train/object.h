// Inside train/: an instance of a compiled object, as its calls see it.
#ifndef NN_OBJECT_H
#define NN_OBJECT_H

#include "train/train.h"

typedef struct {
    nn_context ctx;
    nn_trainer trainer; // threads, data and options are not used
    nn_config config;
    const void **sources;
    int32_t *rowmap; // 0, 1, 2 ...
    nn_stored *stored;
    nn_span *file_spans;
    int64_t pending;        // batches accumulated towards the next update
    bool owned, lr_refused; // the configuration's lr is one that nothing takes
    bool loaded;            // a file of weights was
    struct Names *names;    // that lay with them; NULL: there were none
} Object;

// Keeps what was wrong with a call in the instance, and answers with the status.
#define REFUSE(o, status, ...) (nn_forget(&(o)->ctx), (int32_t)nn_fail(&(o)->ctx, (status), __VA_ARGS__))

static inline void nn_object_run(nn_trainer *t, int32_t function) { t->model.run(function, &t->call, 0, 1); }
// ---- rows of the caller (object_rows.c) ----
// Are `count` rows of every field there, and in their ranges? sizes: NULL, or how many elements each array
// has.
int32_t nn_object_check(Object *o, const void *const *rows, const uint64_t *sizes, int64_t count,
                        bool training);
void nn_object_point(Object *o, const void *const *rows, bool training); // what is computed next reads these
const void *nn_object_rows_of(const Object *o, const void *const *rows,
                              const nn_field *of);                // NULL: no argument
int32_t nn_object_configured(Object *o, const nn_config *config); // has the program all it reads of it?
double nn_object_batch(Object *o); // a step on the rows of the rowmap, and an update when it is due: the loss
void nn_object_flush(Object *o);   // the update of fewer batches than are accumulated, if there are some
int32_t nn_object_not_finite(Object *o, double loss);

// Of an array that is to hold `needed` elements of `each` bytes, of which `size` are there, as the caller
// says.
int32_t nn_object_size_check(Object *o, const char *what, const void *array, int64_t each, uint64_t size,
                             int64_t needed);
// The same of every result that is asked for; words: classes come as their texts.
int32_t nn_object_results_check(Object *o, int64_t rows, bool words, void *const *outputs,
                                const uint64_t *sizes);

// ---- names that lie with the weights, in objects that predict of raw columns (object_raw.c); else NULL ----
typedef struct {
    nn_status (*read)(Object *o, const char *path, const unsigned char *bytes, uint64_t size,
                      struct Names **names); // in memory of their own
    void (*put)(const struct Names *names, nn_sink *sink);
    void (*end)(struct Names *names);
} NameKeeper;
extern NN_APART const NameKeeper nn_object_names;

// ---- its life (object.c) ----
void nn_object_lengths(Object *o, const nn_config *config);     // the clock's numbers of the whole run
int32_t nn_object_rate(Object *o, const char *name, double lr); // name: what of the interface gives it

#endif
