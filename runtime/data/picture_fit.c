// A picture made as large as a row: the largest part of the row's proportions, in the middle, is averaged
// over areas where it shrinks and interpolated between pixels where it grows; of masks the nearest pixel is
// taken. Guarantees: what is as large already stays as it is; results are rounded once, half up, and exactly
// so: an element of the row is as long as S pixels of R parts each, and all weights count such parts.
#include "data/files.h"

#include <stdio.h>
#include <string.h>

// Along one axis: an element is the mean of `count` pixels from `first` on, by their weights.
typedef struct {
    int64_t first, count;
    const float *weights;
    double total;
} Tap;

typedef struct {
    int64_t size, result; // of the picture, of the row
    bool turned;          // the row's first element is the picture's last
    int64_t begin;        // of the part that is seen, in parts of a pixel
    void *memory;
    Tap *taps;
} Axis;

typedef enum { NEAREST, AREA, BILINEAR } Way;
typedef struct {
    Way way;
    int64_t length, parts; // S, R
} Step;

static int64_t below(int64_t a, int64_t b) { return a < b ? a : b; }

static void put_tap(const Axis *a, const Step *s, int64_t i, Tap *tap, float *weights) {
    int64_t low = a->begin + s->length * i, high = low + s->length, r = s->parts, most = a->size - 1;
    *tap = (Tap){.weights = weights, .count = 1, .total = 1};
    weights[0] = 1;
    if (s->way == AREA) {
        tap->first = low / r;
        tap->count = (high + r - 1) / r - tap->first;
        tap->total = (double)s->length;
        for (int64_t k = 0, at = tap->first * r; k < tap->count; k++, at += r)
            weights[k] = (float)(below(at + r, high) - (at > low ? at : low));
    } else if (s->way == NEAREST) {
        tap->first = (low + high - a->turned) / (2 * r);
    } else {
        int64_t middle = low + high - r, first = middle < 0 ? -1 : middle / (2 * r);
        tap->first = first < 0 ? 0 : first;
        if (first < 0 || first >= most) return;
        tap->count = 2;
        tap->total = (double)(2 * r);
        weights[1] = (float)(middle - first * 2 * r);
        weights[0] = (float)(2 * r) - weights[1];
    }
}

static bool make_taps(Axis *a, const Step *s) {
    int64_t most = s->length / s->parts + 3;
    uint64_t n = (uint64_t)a->result;
    a->memory = nn_memory_take(n * (sizeof *a->taps + (uint64_t)most * sizeof(float)));
    if (a->memory == NULL) return false;
    a->taps = a->memory;
    float *weights = (float *)(void *)(a->taps + n);
    for (int64_t i = 0; i < a->result; i++) put_tap(a, s, i, &a->taps[i], weights + i * most);
    return true;
}

// A row of sums over the pixels of one column, from byte `from` to `to`.
static void add_lines(const nn_picture *p, const Tap *tap, int64_t from, int64_t to, float *line) {
    const int64_t width = p->width * p->channels;
    for (int64_t k = 0; k < tap->count; k++) {
        const unsigned char *restrict bytes = p->bytes + (tap->first + k) * width;
        float *restrict sums = line;
        float w = tap->weights[k];
        if (k == 0)
            for (int64_t x = from; x < to; x++) sums[x] = w * (float)bytes[x];
        else
            for (int64_t x = from; x < to; x++) sums[x] += w * (float)bytes[x];
    }
}

static void put_line(const Axis *x, int channels, const float *line, double total, unsigned char *out) {
    for (int64_t i = 0; i < x->result; i++) {
        const Tap *tap = &x->taps[i];
        for (int c = 0; c < channels; c++) {
            double sum = 0;
            for (int64_t k = 0; k < tap->count; k++)
                sum += (double)tap->weights[k] * (double)line[(tap->first + k) * channels + c];
            out[i * channels + c] = (unsigned char)(sum / (total * tap->total) + 0.5);
        }
    }
}

static bool resample(const nn_picture *p, Axis *y, Axis *x, Step step, unsigned char *out) {
    int64_t width = p->width * p->channels;
    float *line = nn_memory_take((uint64_t)width * sizeof *line);
    bool right = line != NULL && make_taps(y, &step) && make_taps(x, &step);
    for (int64_t i = 0; i < y->result && right; i++) {
        const Tap *last = &x->taps[x->result - 1];
        add_lines(p, &y->taps[i], x->taps[0].first * p->channels, (last->first + last->count) * p->channels,
                  line);
        put_line(x, p->channels, line, y->taps[i].total, out + i * x->result * p->channels);
    }
    nn_memory_give(line);
    nn_memory_give(y->memory);
    nn_memory_give(x->memory);
    return right;
}

// The part that is seen: all of one axis, and of the other the middle, from a whole pixel of the upright
// picture on.
static Step choose_part(Axis *y, Axis *x, bool mask) {
    bool tall = y->size * x->result > x->size * y->result; // what is cut off is above and below
    const Axis *whole = tall ? x : y;
    Axis *cut = tall ? y : x;
    Step s = {
        .way = whole->size >= whole->result ? AREA : BILINEAR, .length = whole->size, .parts = whole->result};
    if (mask) s.way = NEAREST;
    int64_t rest = cut->size * s.parts - cut->result * s.length, begin = rest / (2 * s.parts) * s.parts;
    cut->begin = cut->turned ? rest - begin : begin;
    return s;
}

// The pixels in the order in which the camera was held: bit 0 turns lines, bit 1 their order, bit 2 exchanges
// both.
static int turns_of(int orientation) {
    static const unsigned char turns[] = {0, 1, 3, 2, 4, 6, 7, 5};
    return turns[orientation - 1];
}

static void put_upright(const unsigned char *from, int turns, const nn_picture_form *f, unsigned char *row) {
    int64_t width = turns & 4 ? f->height : f->width, height = turns & 4 ? f->width : f->height;
    for (int64_t y = 0; y < f->height; y++) {
        for (int64_t x = 0; x < f->width; x++) {
            int64_t v = turns & 4 ? x : y, u = turns & 4 ? y : x;
            v = turns & 2 ? height - 1 - v : v;
            u = turns & 1 ? width - 1 - u : u;
            memcpy(row, from + (v * width + u) * f->channels, (size_t)f->channels);
            row += f->channels;
        }
    }
}

bool nn_picture_fit(const nn_picture *p, const nn_picture_form *f, unsigned char *row,
                    char why[NN_WHY_ROOM]) {
    int turns = turns_of(p->orientation);
    bool exchanged = (turns & 4) != 0;
    Axis y = {.size = p->height, .result = exchanged ? f->width : f->height, .turned = (turns & 2) != 0};
    Axis x = {.size = p->width, .result = exchanged ? f->height : f->width, .turned = (turns & 1) != 0};
    bool same = y.size == y.result && x.size == x.result;
    if (!same && !f->resize) {
        snprintf(why, NN_WHY_ROOM,
                 "expected %lld pixels high and %lld wide, found %lld and %lld (`resize` makes all alike)",
                 (long long)f->height, (long long)f->width, (long long)(exchanged ? x.size : y.size),
                 (long long)(exchanged ? y.size : x.size));
        return false;
    }
    uint64_t bytes = (uint64_t)(f->height * f->width * f->channels);
    unsigned char *to = turns == 0 ? row : nn_memory_take(bytes);
    bool right = to != NULL;
    if (right && same)
        memcpy(to, p->bytes, (size_t)bytes);
    else if (right)
        right = resample(p, &y, &x, choose_part(&y, &x, f->mask), to);
    if (right && turns != 0) put_upright(to, turns, f, row);
    if (to != row) nn_memory_give(to);
    if (!right) snprintf(why, NN_WHY_ROOM, "there is no memory for it");
    return right;
}
