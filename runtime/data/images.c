// Pictures as rows, kept as bytes.
#include "data/data.h"

// A mask's field holds no numbers but classes, whole numbers or conditions.
static bool decode(const nn_model *m, const nn_column *c, const unsigned char *bytes, uint64_t size,
                   void *row, char why[NN_WHY_ROOM]) {
    const nn_tensor *t = nn_model_tensor(m, c->tensor);
    nn_picture_form form = {.height = t->dims[1],
                            .width = t->dims[2],
                            .channels = t->rank == 4 ? (int)t->dims[3] : 1,
                            .resize = c->resize != 0,
                            .mask = !nn_is_real(NN_TABLE(m, nn_field, fields)[c->field].type)};
    nn_picture picture;
    if (!nn_picture_decode(bytes, size, form.channels, form.mask, &picture, why)) return false;
    bool fits = nn_picture_fit(&picture, &form, row, why);
    nn_memory_give(picture.bytes);
    return fits;
}

const nn_media nn_pictures = {.what = "pictures",
                              .endings = (const char *const[]){"png", "jpg", "jpeg", NULL},
                              .named = "png, jpg or jpeg",
                              .kind = NN_COLUMN_PIXELS,
                              .type = 'u',
                              .size = 1,
                              .decode = decode,
                              .folder_rows = nn_folder_rows,
                              .cell_rows = nn_cell_rows};
