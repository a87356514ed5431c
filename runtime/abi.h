// The interface of generated code to the runtime: the manifest (abi.def) and calls.
#ifndef NN_ABI_H
#define NN_ABI_H

#include <stdint.h>

#include "abi.def"

// Puts positions into the ascending order of the values, which lie `step` elements apart; key: nn_key.
typedef void nn_sort(const void *values, int32_t key, int64_t step, int32_t *order, int64_t order_step,
                     int64_t count);

// Of positions 0 .. count - 1, each with a row of 0 .. rows - 1 or -1 for none: how many have one, and from
// byte NN_PLAN_HEAD on, for each of these, row << 32 | position, by rows and in a row by positions. The plan
// has room for as many entries twice.
typedef void nn_planner(const int32_t *row, int32_t *plan, int64_t count, int64_t rows);
enum { NN_PLAN_HEAD = 64 };

// What a generated function gets. Each of `threads` threads calls it with its number; one call is one
// function, whole.
typedef struct nn_call {
    unsigned char *arena;       // aligned to 64 bytes, with NN_MARGIN readable bytes before and after
    const void *const *sources; // plain rows, float (double in double precision) or int32_t; NULL where a
                                // function does not read it
    int64_t rows;               // true rows of this batch or block, 1 .. batch
    uint64_t seed;
    uint32_t batch_number;       // since the run's start
    void (*barrier)(void *team); // all threads meet; not called when threads is 1
    void *team;
    nn_sort *order;   // nn_order of base/order.h
    nn_planner *plan; // nn_plan of base/order.h
} nn_call;

enum { NN_MARGIN = 4096 };

// Runs one function of nn_function. The whole of the generated code behind one symbol.
typedef void nn_run(int32_t function, const nn_call *call, int32_t thread, int32_t threads);

// One compiled for several levels of processors has several, the highest first. Chosen is the first that this
// processor runs, and the last where it runs none.
typedef struct nn_version {
    const void *manifest;
    nn_run *run;
} nn_version;
const nn_version *nn_version_choose(const nn_version *const *versions, int32_t count);

// The main of such a trainer. The environment's NN_CPU may name a level.
int nn_versions_main(const nn_version *const *versions, int32_t count, int argc, char **argv);

// A trainer's main: int main(int argc, char **argv) { return nn_trainer_main(manifest, run, argc, argv); }
int nn_trainer_main(const void *manifest, nn_run *run, int argc, char **argv);

// What the exported functions of an object file call (design 2.3); `object` is what create returns.
typedef struct nn_config {
    uint64_t seed;
    int64_t steps, steps_per_epoch;
    double lr;
} nn_config;
// What training says of itself after every update, and at the end of every epoch. An object's header has the
// same.
typedef struct nn_training {
    int64_t step, epoch; // updates made, epochs ended
    double loss;         // of the update; of the epoch: the mean of its updates
    double value;        // at an epoch's end: what schedules watch, the loss or what the callback puts here
    int64_t rows;        // of the update, of the epoch
    int32_t ends_epoch;  // 1: this is said of the epoch
} nn_training;
typedef int nn_callback(nn_training *progress, void *user); // not 0: training ends here
void *nn_object_create(const void *manifest, nn_run *run, const nn_config *config); // NULL: out of memory
uint64_t nn_object_size(const void *manifest);
void *nn_object_init(const void *manifest, nn_run *run, void *memory, uint64_t bytes,
                     const nn_config *config);
void nn_object_destroy(void *object);
// fields: inputs, then what the losses read; sizes: how many elements each array has, NULL: not known.
int32_t nn_object_train_step(void *object, const void *const *fields, const uint64_t *sizes, int32_t count,
                             void *loss);
int32_t nn_object_predict(void *object, const void *const *inputs, const uint64_t *sizes, int32_t count,
                          void *const *outputs, const uint64_t *output_sizes);
// columns: nn_argument's; samples: of how many rows there are results, NULL: not asked for.
int32_t nn_object_predict_raw(void *object, const void *const *columns, const uint64_t *sizes, int64_t rows,
                              int64_t *samples, void *const *outputs, const uint64_t *output_sizes);
int32_t nn_object_train(void *object, const void *const *fields, const uint64_t *sizes, int64_t rows,
                        int64_t epochs, nn_callback *callback, void *user);
int32_t nn_object_epoch(void *object, double value);
int32_t nn_object_save(void *object, const char *path);
int32_t nn_object_load(void *object, const char *path);
int32_t nn_object_save_memory(void *object, void *memory, uint64_t bytes, uint64_t *needed);
int32_t nn_object_load_memory(void *object, const void *memory, uint64_t bytes);
int64_t nn_object_step(const void *object);
int32_t nn_object_set_lr(void *object, double lr);
int32_t nn_object_get_parameter(void *object, const char *name, void *values, uint64_t count);
int32_t nn_object_set_parameter(void *object, const char *name, const void *values, uint64_t count);
const char *nn_object_error(const void *object); // what the last call that failed was given
const char *nn_status_text(int32_t status);

#endif
