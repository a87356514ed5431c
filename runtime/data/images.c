// Pictures as rows, kept as bytes. Guarantees: each is decoded before anything else is done.
#include "data/data.h"
#include "data/files.h"

typedef struct {
    nn_picture_form form;
    unsigned char *rows;
    int64_t size; // of a row
} Pictures;

static bool decode(void *of, int64_t k, const unsigned char *bytes, uint64_t size, char why[NN_WHY_ROOM]) {
    const Pictures *p = of;
    nn_picture picture;
    if (!nn_picture_decode(bytes, size, p->form.channels, p->form.mask, &picture, why)) return false;
    bool fits = nn_picture_fit(&picture, &p->form, p->rows + k * p->size, why);
    nn_memory_give(picture.bytes);
    return fits;
}

// A mask's field holds no numbers but classes, whole numbers or conditions.
static nn_status read_pictures(const nn_loading *l, const nn_column *c, const char *const *paths,
                               int64_t count, const char *where, nn_raw *raw) {
    const nn_tensor *t = nn_model_tensor(l->m, c->tensor);
    Pictures p = {.size = c->elements};
    p.form = (nn_picture_form){.height = t->dims[1],
                               .width = t->dims[2],
                               .channels = t->rank == 4 ? (int)t->dims[3] : 1,
                               .resize = c->resize != 0,
                               .mask = !nn_is_real(NN_TABLE(l->m, nn_field, fields)[c->field].type)};
    p.rows = nn_get(l->ctx, (uint64_t)count, (uint64_t)p.size);
    if (p.rows == NULL) return l->ctx->status;
    nn_files files = {.what = "pictures",
                      .where = where,
                      .paths = paths,
                      .count = count,
                      .threads = l->data->request.threads,
                      .decode = decode,
                      .of = &p};
    if (nn_files_decode(l->ctx, &files) != NN_OK) return l->ctx->status;
    *raw = (nn_raw){.rows = count,
                    .elements = p.size,
                    .bytes = p.rows,
                    .type = 'u',
                    .size = 1,
                    .path = where,
                    .files = paths,
                    .owned = p.rows};
    return NN_OK;
}

static const nn_media pictures = {.what = "pictures",
                                  .endings = (const char *const[]){"png", "jpg", "jpeg", NULL},
                                  .named = "png, jpg or jpeg",
                                  .kind = NN_COLUMN_PIXELS,
                                  .read = read_pictures};

nn_status nn_images_read(const nn_loading *l, int64_t *rows) { return nn_folder_rows(l, &pictures, rows); }

nn_status nn_images_of_cells(const nn_loading *l, const nn_column *c, const nn_csv *csv, const nn_csv_want *w,
                             nn_raw *raw) {
    return nn_cell_rows(l, &pictures, c, csv, w, raw);
}
