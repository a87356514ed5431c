// WAV, FLAC and Ogg files as samples, by libsndfile and libsamplerate. With sounds.c a library of its own, so
// that trainers that read no sounds need neither. Guarantees: whole numbers become -1 .. 1; a file that is
// cut off is refused; no more is decoded, and no more memory taken, than the samples that are wanted need.
#include "data/files.h"

#include <math.h>
#include <samplerate.h>
#include <sndfile.h>
#include <stdio.h>
#include <string.h>

enum { FRAMES = 4096, MOST_CHANNELS = 64 };

typedef struct {
    const unsigned char *bytes;
    sf_count_t size, at;
} Memory;

static sf_count_t memory_size(void *of) { return ((Memory *)of)->size; }
static sf_count_t memory_at(void *of) { return ((Memory *)of)->at; }

static sf_count_t memory_seek(sf_count_t offset, int from, void *of) {
    Memory *m = of;
    sf_count_t base = from == SEEK_SET ? 0 : from == SEEK_CUR ? m->at : m->size, at;
    if (__builtin_add_overflow(base, offset, &at) || at < 0 || at > m->size) return -1;
    return m->at = at;
}

static sf_count_t memory_read(void *to, sf_count_t count, void *of) {
    Memory *m = of;
    sf_count_t n = count < m->size - m->at ? count : m->size - m->at;
    if (n <= 0) return 0;
    memcpy(to, m->bytes + m->at, (size_t)n);
    m->at += n;
    return n;
}

static sf_count_t memory_write(const void *from, sf_count_t count, void *of) {
    (void)from, (void)count, (void)of;
    return 0;
}

static bool refuse(char why[NN_WHY_ROOM], const char *text) {
    snprintf(why, NN_WHY_ROOM, "%s", text);
    return false;
}

static uint32_t number(const unsigned char *b, bool big) {
    return big ? (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3]
               : (uint32_t)b[3] << 24 | (uint32_t)b[2] << 16 | (uint32_t)b[1] << 8 | b[0];
}

// libsndfile takes what is there of a WAV file's samples, where its head says that there are more. A length
// of 0, or near 4 GB, was not known when the head was written.
static bool is_cut_off(const unsigned char *b, uint64_t size) {
    bool big = memcmp(b, "RIFX", 4) == 0;
    if (size < 12 || (!big && memcmp(b, "RIFF", 4) != 0)) return false;
    for (uint64_t at = 12; size - at >= 8;) {
        uint64_t length = number(b + at + 4, big), left = size - at - 8;
        if (memcmp(b + at, "data", 4) == 0) return length > left && length < 0x7ffff000;
        if (length + length % 2 > left) return false;
        at += 8 + length + length % 2;
    }
    return false;
}

// At most `most` frames, each the mean of its channels.
static bool mix_down(SNDFILE *file, const SF_INFO *info, sf_count_t most, float **mono, sf_count_t *count,
                     char why[NN_WHY_ROOM]) {
    int channels = info->channels;
    sf_count_t wanted = info->frames < most ? info->frames : most, room = 0;
    float *block = nn_memory_take((uint64_t)FRAMES * (uint64_t)channels * sizeof *block);
    bool right = block != NULL;
    while (right && *count < wanted) {
        sf_count_t n = wanted - *count < FRAMES ? wanted - *count : FRAMES;
        if (*count + n > room) {
            room = room == 0 ? FRAMES : 2 * room;
            float *bigger = nn_memory_take((uint64_t)room * sizeof *bigger);
            if (bigger != NULL && *mono != NULL) memcpy(bigger, *mono, (size_t)*count * sizeof *bigger);
            nn_memory_give(*mono);
            *mono = bigger;
            right = bigger != NULL;
        }
        if (right && (n = sf_readf_float(file, block, n)) <= 0) {
            nn_memory_give(block);
            return refuse(why, "the file is cut off or damaged");
        }
        for (sf_count_t k = 0; right && k < n; k++) {
            double sum = 0;
            for (int c = 0; c < channels; c++) sum += (double)block[k * channels + c];
            (*mono)[*count + k] = (float)(sum / channels);
        }
        *count += right ? n : 0;
    }
    nn_memory_give(block);
    return right || refuse(why, "there is no memory for it");
}

static bool resample(float *mono, sf_count_t count, double ratio, int64_t wanted, float *row,
                     char why[NN_WHY_ROOM]) {
    SRC_DATA d = {.data_in = mono,
                  .data_out = row,
                  .input_frames = (long)count,
                  .output_frames = (long)wanted,
                  .src_ratio = ratio};
    int error = src_simple(&d, SRC_SINC_MEDIUM_QUALITY, 1);
    return error == 0 || refuse(why, src_strerror(error));
}

static bool take_samples(SNDFILE *file, const SF_INFO *info, int32_t rate, int64_t wanted, float *row,
                         char why[NN_WHY_ROOM]) {
    double ratio = (double)rate / info->samplerate;
    if (info->channels < 1 || info->channels > MOST_CHANNELS || info->samplerate < 1 ||
        !src_is_valid_ratio(ratio)) {
        snprintf(why, NN_WHY_ROOM, "%d channels and %d samples a second are not read at %d", info->channels,
                 info->samplerate, rate);
        return false;
    }
    // What lies further behind than the filter reaches is not heard.
    double reach = ratio < 1 ? 100 / ratio : 100;
    sf_count_t most = (sf_count_t)ceil((double)wanted / ratio + reach), count = 0;
    bool same = info->samplerate == rate;
    float *mono = NULL;
    bool right = mix_down(file, info, same ? wanted : most, &mono, &count, why);
    memset(row, 0, (size_t)wanted * sizeof *row);
    if (right && same && count > 0)
        memcpy(row, mono, (size_t)count * sizeof *row);
    else if (right && count > 0)
        right = resample(mono, count, ratio, wanted, row, why);
    nn_memory_give(mono);
    return right;
}

bool nn_sound_decode(const unsigned char *bytes, uint64_t size, int32_t rate, int64_t count, float *row,
                     char why[NN_WHY_ROOM]) {
    static const char *const kinds[] = {"RIFF", "RIFX", "fLaC", "OggS"};
    bool known = false;
    for (size_t k = 0; size >= 4 && k < sizeof kinds / sizeof *kinds; k++)
        known = known || memcmp(bytes, kinds[k], 4) == 0;
    why[0] = '\0';
    if (!known)
        return refuse(why, size == 0 ? "the file is empty"
                                     : "neither a WAV, a FLAC nor an Ogg file, by its first bytes");
    if (is_cut_off(bytes, size)) return refuse(why, "the file is cut off");
    SF_VIRTUAL_IO io = {memory_size, memory_seek, memory_read, memory_write, memory_at};
    Memory memory = {.bytes = bytes, .size = (sf_count_t)size};
    SF_INFO info = {0};
    SNDFILE *file = sf_open_virtual(&io, SFM_READ, &info, &memory);
    if (file == NULL) return refuse(why, "the file is damaged, or of a kind that libsndfile does not know");
    bool right = take_samples(file, &info, rate, count, row, why);
    sf_close(file);
    return right;
}
