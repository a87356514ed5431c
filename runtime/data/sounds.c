// Sounds as rows, kept as floats.
#include "data/data.h"

static bool decode(const nn_model *m, const nn_column *c, const unsigned char *bytes, uint64_t size,
                   void *row, char why[NN_WHY_ROOM]) {
    (void)m;
    return nn_sound_decode(bytes, size, c->rate, c->elements, row, why);
}

const nn_media nn_sounds = {.what = "sounds",
                            .endings = (const char *const[]){"wav", "flac", "ogg", NULL},
                            .named = "wav, flac or ogg",
                            .kind = NN_COLUMN_SAMPLES,
                            .type = 'f',
                            .size = sizeof(float),
                            .decode = decode,
                            .folder_rows = nn_folder_rows,
                            .cell_rows = nn_cell_rows};
