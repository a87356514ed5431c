// Mangled files: small good ones of each format, damaged in a few places, are read by a whole trainer, from
// its command line to its last message. Each is taken or refused with a message; nothing else happens, which
// a build with sanitizers sees best. The system's calls are replaced by quick ones (no file is synced).
//
//     mangle [--count N] [--seed S] FORMAT...      csv, csv.gz, idx, idx.gz, npy, npy.gz, weights, checkpoint
//
// The file that was read last stays in the folder, so that what ends the process can be looked at.
#include "data/data.h"
#include "support/fake_model.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum { ROOM = 1 << 16, SAID = 1 << 14 };

typedef struct {
    unsigned char bytes[ROOM];
    size_t length;
} File;

// ---- the system ----

static struct {
    char text[SAID];
    size_t length;
} said; // on standard error

void *nn_memory_take(uint64_t bytes) {
    void *memory = bytes > 1 << 28 ? NULL : aligned_alloc(64, (size_t)(bytes + 63) / 64 * 64);
    return memory == NULL ? NULL : memset(memory, 0, (size_t)bytes);
}
void nn_memory_give(void *memory) { free(memory); }
int nn_system_open(const char *path, int flags, int mode) { return open(path, flags, mode); }
int64_t nn_system_read(int file, void *bytes, uint64_t count) { return read(file, bytes, (size_t)count); }
int nn_system_sync(int file) { return file < 0; }
int nn_system_close(int file) { return close(file); }
int nn_system_rename(const char *from, const char *to) { return rename(from, to); }
int nn_system_remove(const char *path) { return unlink(path); }
int nn_system_link(const char *path, const char *second) { return link(path, second); }
int nn_system_truncate(int file, uint64_t size) { return ftruncate(file, (off_t)size); }
int64_t nn_system_write(int file, const void *bytes, uint64_t count) {
    size_t room = SAID - 1 - said.length, kept = count < room ? (size_t)count : room;
    if (file > 2) return write(file, bytes, (size_t)count);
    if (file == 2) memcpy(said.text + said.length, bytes, kept);
    said.length += file == 2 ? kept : 0;
    return (int64_t)count;
}

// ---- damage ----

static uint64_t next(uint64_t *seed) {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed >> 11;
}

static void replace(File *f, size_t at, size_t old, const void *bytes, size_t count) {
    if (f->length - old + count > ROOM) return;
    memmove(f->bytes + at + count, f->bytes + at + old, f->length - at - old);
    memcpy(f->bytes + at, bytes, count);
    f->length += count - old;
}

static void damage(File *f, uint64_t *seed) {
    static const char *const words[] = {"9223372036854775807",
                                        "18446744073709551616",
                                        "4294967296",
                                        "2147483648",
                                        "-1",
                                        "007",
                                        "1e999",
                                        "nan",
                                        "inf",
                                        "0x10",
                                        "",
                                        "0",
                                        "\"",
                                        "\"\"",
                                        ",",
                                        "\n",
                                        "\r\n",
                                        "\\",
                                        "\\u0000",
                                        "\\ud800",
                                        "{",
                                        "}",
                                        "[",
                                        "]",
                                        ":",
                                        "()",
                                        "\377",
                                        "\xc3",
                                        "\xef\xbb\xbf",
                                        "\033[31m",
                                        "NA",
                                        "?",
                                        " ",
                                        "\t",
                                        ";",
                                        "True",
                                        "null"};
    static const uint64_t numbers[] = {0,
                                       1,
                                       0x7f,
                                       0x80,
                                       0xff,
                                       0xffff,
                                       0x7fffffff,
                                       0x80000000,
                                       0xffffffff,
                                       0x7fffffffffffffff,
                                       0x8000000000000000,
                                       UINT64_MAX};
    unsigned char piece[64];
    size_t at = f->length == 0 ? 0 : next(seed) % f->length, rest = f->length - at;
    size_t count = rest == 0 ? 0 : 1 + next(seed) % (rest < 40 ? rest : 40);
    const char *word = words[next(seed) % (sizeof words / sizeof *words)];
    uint64_t number = numbers[next(seed) % (sizeof numbers / sizeof *numbers)];
    memcpy(piece, f->bytes + at, count);
    switch (next(seed) % 9) {
    case 0:
        if (rest > 0) f->bytes[at] ^= (unsigned char)(1 << next(seed) % 8);
        break;
    case 1: replace(f, at, count, "", 0); break;
    case 2: replace(f, f->length == 0 ? 0 : next(seed) % f->length, 0, piece, count); break;
    case 3: replace(f, at, next(seed) % 2 != 0 ? count : 0, word, strlen(word)); break;
    case 4: f->length = at; break;
    case 5: // a number in decimal
        while (at < f->length && (f->bytes[at] < '0' || f->bytes[at] > '9')) at++;
        for (count = 0; at + count < f->length && f->bytes[at + count] >= '0' && f->bytes[at + count] <= '9';)
            count++;
        replace(f, at, count, word, strlen(word));
        break;
    case 6: // in binary, of either order
        for (size_t k = 0, big = next(seed) % 2, size = 1ull << next(seed) % 4; k < size && k < rest; k++)
            f->bytes[at + k] = (unsigned char)(number >> 8 * (big ? size - 1 - k : k));
        break;
    case 7:
        for (size_t k = 0; k < count; k++) f->bytes[at + k] = (unsigned char)next(seed);
        break;
    default: // many of one
        for (int k = 0; k < 200 && count > 0; k++) replace(f, at, 0, piece, count);
    }
}

static void damage_often(File *f, uint64_t *seed) {
    for (uint64_t k = next(seed) % 3 == 0 ? next(seed) % 4 + 1 : 1; k > 0; k--) damage(f, seed);
}

static void pack(File *f) {
    static unsigned char packed[ROOM + 1024];
    z_stream z = {
        .next_in = f->bytes, .avail_in = (uInt)f->length, .next_out = packed, .avail_out = sizeof packed};
    deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
    deflate(&z, Z_FINISH);
    f->length = z.total_out < ROOM ? z.total_out : ROOM;
    deflateEnd(&z);
    memcpy(f->bytes, packed, f->length);
}

// Header and elements apart, so that damage gets beyond the first check: the length is put right mostly, the
// header's own checksum often.
static void damage_stored(File *f, uint64_t *seed) {
    uint64_t length = 0;
    static File header, elements;
    memcpy(&length, f->bytes, 8);
    header.length = (size_t)length;
    memcpy(header.bytes, f->bytes + 8, header.length);
    elements.length = f->length - 8 - header.length;
    memcpy(elements.bytes, f->bytes + 8 + header.length, elements.length);
    if (next(seed) % 8 != 0) damage_often(&header, seed);
    if (next(seed) % 8 == 0) damage_often(&elements, seed);
    length = header.length;
    header.bytes[header.length < ROOM ? header.length : ROOM - 1] = '\0';
    char *sum = strstr((char *)header.bytes, "\"header\":\"");
    if (sum != NULL && sum + 18 < (char *)header.bytes + header.length && next(seed) % 4 != 0) {
        char text[16];
        size_t end = header.length;
        while (end > 0 && header.bytes[end - 1] == ' ') end--;
        memcpy(sum + 10, "00000000", 8);
        snprintf(text, sizeof text, "%08x", nn_crc32c(0, header.bytes, end));
        memcpy(sum + 10, text, 8);
    }
    if (next(seed) % 16 == 0) length += next(seed) % 32 - 16;
    memcpy(f->bytes, &length, 8);
    f->length = 8;
    replace(f, 8, 0, header.bytes, header.length);
    replace(f, f->length, 0, elements.bytes, elements.length);
}

// ---- files that are good ----

static size_t npy(unsigned char *bytes, const char *descr, const char *shape, size_t elements) {
    memset(bytes, ' ', 128);
    memcpy(bytes, "\x93NUMPY\1\0\x76", 9);
    bytes[9] = 0;
    int n =
        sprintf((char *)bytes + 10, "{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", descr, shape);
    bytes[10 + n] = ' ';
    bytes[127] = '\n';
    for (size_t k = 0; k < elements; k++) bytes[128 + k] = (unsigned char)(k * 37 % 64);
    return 128 + elements;
}

static size_t idx(unsigned char *bytes, int rank, size_t elements) {
    memcpy(bytes, "\0\0\x08", 3);
    bytes[3] = (unsigned char)rank;
    memcpy(bytes + 4, "\0\0\0\x0a\0\0\0\2", 8);
    for (size_t k = 0; k < elements; k++) bytes[4 + 4 * (size_t)rank + k] = (unsigned char)(k * 37 % 64);
    return 4 + 4 * (size_t)rank + elements;
}

static size_t csv(char *text, int way) {
    size_t n = (size_t)sprintf(text, way == 2 ? "\xef\xbb\xbfid,y,\"kind\",b,a\r\n" : "a,b,y,kind\n");
    for (int k = 0; k < 12; k++) {
        const char *kind = k % 3 == 0 ? "red" : way == 1 ? "\"bl\"\"ue,\n\"" : "blue";
        if (way == 2)
            n += (size_t)sprintf(text + n, "%d,%.2f, %s ,-%d.5e-1,.%d\r\n\r\n", k, k * 0.25, kind, k,
                                 7 * k % 10);
        else
            n += (size_t)sprintf(text + n, "%d,%.2f,%d,%s\n", k, k * 0.25, 7 * k % 10, kind);
    }
    return n;
}

static void write_file(const char *path, const void *bytes, size_t length) {
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (file < 0 || write(file, bytes, length) != (ssize_t)length || close(file) != 0) abort();
}

static size_t read_file(const char *path, unsigned char *bytes) {
    int file = open(path, O_RDONLY);
    ssize_t n = file < 0 ? -1 : read(file, bytes, ROOM);
    if (n < 0 || close(file) != 0) abort();
    return (size_t)n;
}

// ---- the trainer ----

static int run(const FakeOptions *o, const char *command) {
    char text[512], *words[16], *at = text, *word;
    int count = 1;
    snprintf(text, sizeof text, "fake %s", command);
    words[0] = strtok_r(at, " ", &at);
    while ((word = strtok_r(at, " ", &at)) != NULL && count < 16) words[count++] = word;
    said.length = 0;
    const void *manifest = fake_manifest(o);
    int code = nn_trainer_main(manifest, fake_run, count, words);
    fake_free(manifest);
    said.text[said.length] = '\0';
    return code;
}

typedef struct {
    const char *name, *file, *command;
    FakeOptions options;
    bool packed, stored;
} Format;

static const Format formats[] = {
#define BATCH .batch = 8, .epochs = 1, .steps = -1
    {"csv",
     "mangled.csv",
     "--quiet --out run",
     {.csv = "mangled.csv", .split = NN_SPLIT_RANDOM, BATCH},
     false,
     false},
    {"csv.gz", "mangled.csv.gz", "--quiet --out run", {.csv = "mangled.csv.gz", BATCH}, true, false},
    {"idx", "x.idx", "--quiet --out run", {.csv = ".idx", .source = 1, BATCH}, false, false},
    {"idx.gz", "x.idx.gz", "--quiet --out run", {.csv = ".idx.gz", .source = 1, BATCH}, true, false},
    {"npy", "x.npy", "--quiet --out run", {.csv = ".npy", .source = 2, BATCH}, false, false},
    {"npy.gz", "x.npy.gz", "--quiet --out run", {.csv = ".npy.gz", .source = 2, BATCH}, true, false},
    {"weights",
     "mangled.safetensors",
     "eval --weights mangled.safetensors --data good.csv",
     {.csv = "good.csv", BATCH},
     false,
     true},
    {"checkpoint",
     "resumed/checkpoint.safetensors",
     "--quiet --resume --epochs 2 --out resumed --data good.csv",
     {.csv = "good.csv", BATCH},
     false,
     true},
};

// The good files of a format; returns how many.
static int make_good(const Format *format, File good[3]) {
    FakeOptions first = {.csv = "good.csv", BATCH};
    for (int k = 0; k < 3; k++) good[k].length = csv((char *)good[k].bytes, k);
    if (format->options.source == 0 && !format->stored) return 3;
    if (format->stored) {
        write_file("good.csv", good[0].bytes, good[0].length);
        if (run(&first, "--quiet --out good") != 0 || run(&first, "--quiet --out resumed") != 0) abort();
        good[0].length =
            read_file(format->name[0] == 'w' ? "good/weights.safetensors" : "good/checkpoint.safetensors",
                      good[0].bytes);
        return 1;
    }
    bool is_npy = format->options.source == 2;
    File y = {.length = 0};
    y.length = is_npy ? npy(y.bytes, "|u1", "10,", 10) : idx(y.bytes, 1, 10);
    if (format->packed) pack(&y);
    char path[64];
    snprintf(path, sizeof path, "y%s", format->options.csv);
    write_file(path, y.bytes, y.length);
    good[0].length = is_npy ? npy(good[0].bytes, "|u1", "10, 2", 20) : idx(good[0].bytes, 2, 20);
    good[1].length = is_npy ? npy(good[1].bytes, "<f4", "10, 2", 80) : idx(good[1].bytes, 2, 20);
    return is_npy ? 2 : 1;
}

// What one file brought: taken, refused, not finite; anything else is a failure. The options that a
// checkpoint holds are answered as given ones are.
static bool right(const Format *format, int code) {
    bool message = strncmp(said.text, "error: ", 7) == 0 || strstr(said.text, "\nerror: ") != NULL;
    bool known = code == NN_OK || code == NN_DATA || code == NN_NOT_FINITE || code == NN_MEMORY;
    known = known || (format->stored && (code == NN_USAGE || code == NN_FILE));
    char shown[SAID];
    memcpy(shown, said.text, said.length + 1);
    bool raw = nn_utf8_shown(shown, said.length) != said.length || memcmp(shown, said.text, said.length) != 0;
    return known && message == (code != NN_OK) && !raw && said.length < 4000;
}

static bool mangle(const Format *format, int64_t count, uint64_t seed) {
    static File good[3], file, log;
    int goods = make_good(format, good), codes[8] = {0};
    if (format->stored) log.length = read_file("good/log.jsonl", log.bytes);
    for (int64_t k = 0; k < count; k++) {
        uint64_t own = (seed + 1) * 0x9e3779b97f4a7c15ull ^ (uint64_t)(k + 1) * 0xbf58476d1ce4e5b9ull;
        for (int warm = 0; warm < 4; warm++) next(&own);
        const File *from = &good[next(&own) % (uint64_t)goods];
        file.length = from->length;
        memcpy(file.bytes, from->bytes, from->length);
        bool before = format->packed && next(&own) % 2 == 0;
        if (before) damage_often(&file, &own);
        if (format->packed) pack(&file);
        if (format->stored) damage_stored(&file, &own);
        if (!format->stored && !before) damage_often(&file, &own);
        write_file(format->file, file.bytes, file.length);
        if (format->stored) { // the folder of the run that the checkpoint is of
            unlink("resumed/checkpoint.previous.safetensors");
            write_file("resumed/log.jsonl", log.bytes, log.length);
        }
        int code = run(&format->options, format->command);
        if (!right(format, code)) {
            printf("%s: file %lld of seed %llu: exit %d, said: %.500s\n", format->name, (long long)k,
                   (unsigned long long)seed, code, said.text);
            return false;
        }
        codes[code]++;
    }
    printf("%-10s %lld files: %d taken, %d refused, %d not finite, %d too large, %d of other answers\n",
           format->name, (long long)count, codes[NN_OK], codes[NN_DATA], codes[NN_NOT_FINITE],
           codes[NN_MEMORY], codes[NN_USAGE] + codes[NN_FILE]);
    return codes[NN_OK] > 0 && codes[NN_DATA] > 0;
}

int main(int argc, char **argv) {
    int64_t count = 1000, seed = 1;
    bool good = true, any = false;
    nn_context ctx = {0};
    unsigned char *bytes;
    uint64_t size;
    nn_gzip_expand(&ctx, "f", NULL, 0, 1, &bytes, &size); // so that the expander is linked
    nn_context_end(&ctx);
    for (int k = 1; k < argc; k++) {
        bool known = false,
             number = k + 1 < argc && (nn_same(argv[k], "--count") || nn_same(argv[k], "--seed"));
        if (number &&
            nn_integer_parse(argv[k + 1], strlen(argv[k + 1]), argv[k][2] == 'c' ? &count : &seed)) {
            k++;
            continue;
        }
        for (size_t f = 0; f < sizeof formats / sizeof *formats; f++) {
            if (!nn_same(argv[k], formats[f].name)) continue;
            known = any = true;
            good = mangle(&formats[f], count, (uint64_t)seed) && good;
        }
        if (!known) return fprintf(stderr, "mangle: what is %s?\n", argv[k]), 2;
    }
    return good && any ? 0 : 1;
}
