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
} Object;

// Keeps what was wrong with a call in the instance, and answers with the status.
#define REFUSE(o, status, ...) (nn_forget(&(o)->ctx), (int32_t)nn_fail(&(o)->ctx, (status), __VA_ARGS__))

static inline void nn_object_run(nn_trainer *t, int32_t function) { t->model.run(function, &t->call, 0, 1); }
int32_t nn_object_rate(Object *o, const char *name, double lr); // name: what of the interface gives it

#endif
