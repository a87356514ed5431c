// Sounds as rows, kept as floats. Guarantees: each is decoded before anything else is done.
#include "data/data.h"
#include "data/files.h"

typedef struct {
    int32_t rate;
    int64_t count;
    float *rows;
} Sounds;

static bool decode(void *of, int64_t k, const unsigned char *bytes, uint64_t size, char why[NN_WHY_ROOM]) {
    const Sounds *s = of;
    return nn_sound_decode(bytes, size, s->rate, s->count, s->rows + k * s->count, why);
}

static nn_status read_sounds(const nn_loading *l, const nn_column *c, const char *const *paths, int64_t count,
                             const char *where, nn_raw *raw) {
    Sounds s = {.rate = c->rate, .count = c->elements};
    s.rows = nn_get(l->ctx, (uint64_t)count, (uint64_t)s.count * sizeof *s.rows);
    if (s.rows == NULL) return l->ctx->status;
    nn_files files = {.what = "sounds",
                      .where = where,
                      .paths = paths,
                      .count = count,
                      .threads = l->data->request.threads,
                      .decode = decode,
                      .of = &s};
    if (nn_files_decode(l->ctx, &files) != NN_OK) return l->ctx->status;
    *raw = (nn_raw){.rows = count,
                    .elements = s.count,
                    .bytes = (const unsigned char *)s.rows,
                    .type = 'f',
                    .size = 4,
                    .path = where,
                    .files = paths,
                    .owned = s.rows};
    return NN_OK;
}

static const nn_media sounds = {.what = "sounds",
                                .endings = (const char *const[]){"wav", "flac", "ogg", NULL},
                                .named = "wav, flac or ogg",
                                .kind = NN_COLUMN_SAMPLES,
                                .read = read_sounds};

nn_status nn_sounds_read(const nn_loading *l, int64_t *rows) { return nn_folder_rows(l, &sounds, rows); }

nn_status nn_sounds_of_cells(const nn_loading *l, const nn_column *c, const nn_csv *csv, const nn_csv_want *w,
                             nn_raw *raw) {
    return nn_cell_rows(l, &sounds, c, csv, w, raw);
}
