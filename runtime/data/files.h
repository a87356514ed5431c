// Files that are rows: pictures and sounds (files.c, picture.c, picture_fit.c, sound.c).
#ifndef NN_DATA_FILES_H
#define NN_DATA_FILES_H

#include "base/runtime.h"

// ---- a folder ----
typedef struct nn_folder {
    const char *path;
    char **names; // of files that end in one of the endings, below the path, in the order of their bytes
    int64_t count, room;
    int64_t left_out; // files that end in none
    const char *first_left_out;
} nn_folder;
// `endings` ends in NULL; `path` is kept. Folders in it are looked into; hidden files are not seen.
nn_status nn_folder_list(nn_context *ctx, const char *path, const char *const *endings, nn_folder *out);

// ---- decoding ----
enum { NN_WHY_ROOM = 160 };
// File k, whose bytes these are, in whatever thread; false with a reason.
typedef bool nn_decode(void *of, int64_t k, const unsigned char *bytes, uint64_t size, char why[NN_WHY_ROOM]);
typedef struct nn_decoding {
    const char *what, *where; // for messages: "pictures", and the folder or file that names them
    const char *const *paths;
    int64_t count, threads;
    nn_decode *decode;
    void *of;
} nn_decoding;
// All files; those that cannot be read are one failure that names the first of them.
nn_status nn_files_decode(nn_context *ctx, const nn_decoding *files);

// ---- pictures ----
// Rows of pixels, each `channels` bytes: 1 grey, 3 red, green, blue. `orientation` as EXIF has it, 1 .. 8.
typedef struct nn_picture {
    int64_t width, height;
    int channels, orientation;
    unsigned char *bytes; // given back by nn_memory_give
} nn_picture;
// What a row holds. Of a mask the numbers are the file's own, which nothing mixes.
typedef struct nn_picture_form {
    int64_t height, width;
    int channels;
    bool resize, mask;
} nn_picture_form;
// A PNG or JPEG file as 1 or 3 channels.
bool nn_picture_decode(const unsigned char *bytes, uint64_t size, int channels, bool mask, nn_picture *out,
                       char why[NN_WHY_ROOM]);
// The picture upright, cut to the middle and as large as the row's form.
bool nn_picture_fit(const nn_picture *picture, const nn_picture_form *form, unsigned char *row,
                    char why[NN_WHY_ROOM]);

// ---- sounds ----
// The beginning of a WAV, FLAC or Ogg file as `count` samples, `rate` a second: the mean of its channels,
// with zeros behind the end.
bool nn_sound_decode(const unsigned char *bytes, uint64_t size, int32_t rate, int64_t count, float *row,
                     char why[NN_WHY_ROOM]);

#endif
