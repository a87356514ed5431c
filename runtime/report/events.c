// Lines of a log as records that TensorBoard reads: TFRecord frames with masked CRC-32C around protocol
// buffers (Event, Summary, HistogramProto, Image), written by hand. Guarantees: the bytes depend on the line
// and the time that is given alone.
#include "report/page.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

// ---- protocol buffers ----

enum { VARINT = 0, WIDE = 1, BYTES = 2, NARROW = 5 };

static void put_whole(nn_text *out, uint64_t value) {
    unsigned char bytes[10];
    uint64_t n = 0;
    for (; value > 127; value >>= 7) bytes[n++] = (unsigned char)(value & 127) | 128;
    bytes[n++] = (unsigned char)value;
    nn_text_bytes(out, bytes, n);
}

static void put_key(nn_text *out, uint32_t field, uint32_t kind) { put_whole(out, field << 3 | kind); }

static void put_fixed(nn_text *out, uint64_t bits, int count) {
    unsigned char bytes[8];
    for (int k = 0; k < count; k++) bytes[k] = (unsigned char)(bits >> (8 * k));
    nn_text_bytes(out, bytes, (uint64_t)count);
}

// Of a field whose value is 0 nothing is written, as others write them.
static void put_double(nn_text *out, uint32_t field, double value) {
    uint64_t bits;
    if (field != 0 && value == 0) return;
    memcpy(&bits, &value, sizeof bits);
    if (field != 0) put_key(out, field, WIDE);
    put_fixed(out, bits, 8);
}

static void put_bytes(nn_text *out, uint32_t field, const void *bytes, uint64_t length) {
    put_key(out, field, BYTES);
    put_whole(out, length);
    nn_text_bytes(out, bytes, length);
}

static void put_inner(nn_text *out, uint32_t field, nn_text *inner) { // which is ended
    put_bytes(out, field, inner->bytes, inner->length);
    nn_text_end(inner);
}

// ---- frames ----

static uint32_t masked(const void *bytes, uint64_t length) {
    uint32_t crc = nn_crc32c(0, bytes, length);
    return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

static void put_record(nn_text *out, const nn_text *event) {
    uint64_t begin = out->length;
    put_fixed(out, event->length, 8);
    if (out->failed) return;
    put_fixed(out, masked(out->bytes + begin, 8), 4);
    nn_text_bytes(out, event->bytes, event->length);
    put_fixed(out, masked(event->bytes, event->length), 4);
}

int64_t nn_event_step(const unsigned char *bytes, uint64_t size, uint64_t *length) {
    uint64_t n = 0, step = 0, at = 12;
    uint32_t sums[2];
    if (size < 16) return -1;
    for (int k = 7; k >= 0; k--) n = n << 8 | bytes[k];
    if (n > size - 16) return -1;
    for (int k = 0; k < 2; k++) {
        const unsigned char *sum = k == 0 ? bytes + 8 : bytes + 12 + n;
        sums[k] = sum[0] | (uint32_t)sum[1] << 8 | (uint32_t)sum[2] << 16 | (uint32_t)sum[3] << 24;
    }
    if (sums[0] != masked(bytes, 8) || sums[1] != masked(bytes + 12, n)) return -1;
    *length = n + 16;
    at += 9; // the time; then the step, in events that have one
    if (n < 10 || bytes[at] != (2 << 3 | VARINT)) return 0;
    for (int shift = 0; ++at < 12 + n && shift < 63; shift += 7) {
        step |= (uint64_t)(bytes[at] & 127) << shift;
        if (bytes[at] < 128) break;
    }
    return (int64_t)step;
}

// ---- what lines say ----

typedef struct {
    nn_text *summary;
    nn_context *ctx;
} Summary;

// "test.loss" is loss/test, so that what belongs together stands together.
static void put_tag(nn_text *value, const char *group, const char *name) {
    char tag[2 * NN_KEY_ROOM];
    int n = strncmp(name, "test.", 5) == 0 ? 5 : strncmp(name, "validation.", 11) == 0 ? 11 : 0;
    if (group != NULL)
        snprintf(tag, sizeof tag, "%s/%s", group, name);
    else
        snprintf(tag, sizeof tag, "%s/%.*s", name + n, n == 0 ? 5 : n - 1, n == 0 ? "train" : name);
    put_bytes(value, 1, tag, strlen(tag));
}

static void put_scalar(const Summary *s, const char *group, const char *name, double number) {
    nn_text value;
    float single = (float)number;
    uint32_t bits;
    if (!isfinite(number)) return;
    memcpy(&bits, &single, sizeof bits);
    nn_text_begin(&value, s->ctx);
    put_tag(&value, group, name);
    put_key(&value, 2, NARROW);
    put_fixed(&value, bits, 4);
    put_inner(s->summary, 1, &value);
}

static void put_measure(void *data, const char *name, double number) { put_scalar(data, NULL, name, number); }

static void put_histogram(const Summary *s, const char *group, const char *name, nn_json of) {
    static const char numbers[][7] = {"low", "high", "count", "sum", "square"};
    double counts[NN_BINS_MOST];
    int64_t n = nn_story_counts(of, counts);
    double low = nn_json_number(of, "low"), high = nn_json_number(of, "high");
    if (n == 0 || !isfinite(low) || !isfinite(high)) return;
    nn_text value, histogram, list;
    nn_text_begin(&value, s->ctx);
    nn_text_begin(&histogram, s->ctx);
    nn_text_begin(&list, s->ctx);
    for (uint32_t k = 0; k < 5; k++) put_double(&histogram, k + 1, nn_json_number(of, numbers[k]));
    for (int64_t k = 0; k < n; k++) put_double(&list, 0, low + (high - low) * (double)(k + 1) / (double)n);
    put_inner(&histogram, 6, &list);
    for (int64_t k = 0; k < n; k++) put_double(&list, 0, counts[k]);
    put_inner(&histogram, 7, &list);
    put_tag(&value, group, name);
    put_inner(&value, 5, &histogram);
    put_inner(s->summary, 1, &value);
}

static void put_summary(const Summary *s, nn_json line) {
    nn_json update;
    char name[NN_KEY_ROOM] = "";
    nn_json tensor;
    if (nn_story_is(line, "event", "weights")) {
        if (!nn_json_find(line, "tensor", &tensor) || !nn_json_string(&tensor, name, sizeof name, NULL))
            return;
        put_histogram(s, "weights", name, line);
        if (nn_json_find(line, "update", &update)) put_histogram(s, "changes", name, update);
        return;
    }
    static const char more[][14] = {"lr", "samples_per_s", "gradient_norm"};
    nn_story_measures(line, put_measure, (void *)(uintptr_t)s);
    for (int k = 0; k < 3; k++) put_scalar(s, "run", more[k], nn_json_number(line, more[k]));
}

static void put_event(nn_text *out, double time, int64_t step, nn_text *summary, const char *version) {
    nn_text event;
    nn_text_begin(&event, out->ctx);
    put_double(&event, 1, time);
    if (step != 0) put_key(&event, 2, VARINT);
    if (step != 0) put_whole(&event, (uint64_t)step);
    if (version != NULL)
        put_bytes(&event, 3, version, strlen(version));
    else
        put_inner(&event, 5, summary);
    put_record(out, &event);
    nn_text_end(&event);
}

void nn_event_begin(nn_text *out, double time) { put_event(out, time, 0, NULL, "brain.Event:2"); }

void nn_event_put(nn_text *out, nn_json line, double time) {
    nn_text summary;
    Summary s = {&summary, out->ctx};
    double step = nn_json_number(line, "step");
    nn_text_begin(&summary, out->ctx);
    put_summary(&s, line);
    if (summary.length > 0 && step >= 0 && step < 0x1p53) put_event(out, time, (int64_t)step, &summary, NULL);
    nn_text_end(&summary);
}

void nn_event_picture(nn_text *out, const char *name, const unsigned char *pixels, int64_t size, int64_t step,
                      double time) {
    nn_text summary, value, image;
    nn_text_begin(&summary, out->ctx);
    nn_text_begin(&value, out->ctx);
    nn_text_begin(&image, out->ctx);
    const uint64_t numbers[] = {(uint64_t)size, (uint64_t)size, 1};
    for (uint32_t k = 0; k < 3; k++) {
        put_key(&image, k + 1, VARINT);
        put_whole(&image, numbers[k]);
    }
    nn_text png;
    nn_text_begin(&png, out->ctx);
    nn_png(&png, pixels, size, size, 1);
    put_inner(&image, 4, &png);
    put_tag(&value, NULL, name);
    put_inner(&value, 4, &image);
    put_inner(&summary, 1, &value);
    put_event(out, time, step, &summary, NULL);
    nn_text_end(&summary);
}
