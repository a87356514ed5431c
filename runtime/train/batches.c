// How the rows of a part make batches: as many as there is room for, one after another; or the rows of a
// stream, where each row of a batch goes on where that row of the batch before ended.
// Guarantees: every row is in one batch; the batches depend on the number of rows and the room alone.
#include "train/train.h"

nn_batches nn_batches_of(int64_t rows, int64_t batch, bool stream) {
    int64_t count = rows / batch + (rows % batch != 0);
    if (!stream || count == 0)
        return (nn_batches){.count = count, .size = batch, .full = rows / batch, .rest = rows % batch};
    // The last piece alone may be shorter.
    int64_t pieces = rows / count + (rows % count != 0);
    return (nn_batches){.count = count,
                        .size = pieces,
                        .full = rows - (pieces - 1) * count,
                        .rest = pieces - 1,
                        .stream = true};
}

nn_batches nn_batches_training(const nn_trainer *t) {
    const nn_manifest *mf = t->model.manifest;
    int64_t rows = t->data.parts[NN_TRAIN].count;
    return nn_batches_of(mf->drop_last != 0 ? rows / t->batch * t->batch : rows, t->batch,
                         mf->data.stream != 0);
}

const int32_t *nn_batch_of_stream(nn_trainer *t, const nn_batches *b, const int32_t *rows, int64_t batch) {
    for (int64_t k = 0; k < nn_batch_rows(b, batch); k++) t->picked[k] = rows[k * b->count + batch];
    return t->picked;
}
