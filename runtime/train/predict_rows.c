// Rows through the model as a prediction takes them: the command's and an object's.
// Guarantees: the bits are the same whoever asks; the model is as before.
#include "train/train.h"

nn_status nn_predict_rows(nn_trainer *t, nn_runner runner, nn_give_batch *give, void *data) {
    const nn_part *rows = &t->data.parts[NN_TEST];
    bool stream = t->model.manifest->data.stream != 0;
    // In the order of the rows, each of which goes on where the one before ended.
    nn_batches b = nn_batches_of(rows->count, stream ? 1 : t->model.manifest->batch, stream);
    nn_status status = NN_OK;
    nn_states_begin(t);
    t->call.seed = 0;
    for (int64_t k = 0; k < b.count && status == NN_OK; k++) {
        t->call.batch_number = (uint32_t)k;
        const int32_t *picked = nn_batch_pick(t, &b, rows->rows, k);
        nn_trainer_rows(t, picked, nn_batch_rows(&b, k));
        runner.call(runner.data, NN_PREDICT, &t->call);
        status = give(data, picked, nn_batch_rows(&b, k));
    }
    nn_states_end(t);
    return status;
}
