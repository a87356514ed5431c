// Files that would take more memory than their rows need: a trainer stays within 64 MB, twice the file and
// 8 bytes for each number it reads, and says in a few words what is wrong.
#include "data/data.h"
#include "support/check.h"
#include "support/fake_model.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

enum { MB = 1 << 20 };

#if defined(__SANITIZE_ADDRESS__)
static const bool measured = false; // their memory is the sanitizers' own
#else
static const bool measured = true;
#endif

static FILE *create(const char *path) {
    FILE *f = fopen(path, "w");
    if (f == NULL) abort();
    return f;
}

static void put_many(FILE *f, const char *piece, int64_t bytes) {
    char block[4096];
    size_t length = strlen(piece), n = 0;
    for (; n + length <= sizeof block; n += length) memcpy(block + n, piece, length);
    for (; bytes > 0; bytes -= (int64_t)n)
        if (fwrite(block, 1, bytes < (int64_t)n ? (size_t)bytes : n, f) == 0) abort();
}

// One command of a trainer. Its exit code, and in MB what it took at its most.
static int run(const FakeOptions *o, const char *in, const char *command, int64_t *most) {
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        char name[] = "fake", word[64], quiet[] = "--quiet", out[] = "--out", folder[] = "out.run";
        char *words[] = {name, word, quiet, out, folder};
        snprintf(word, sizeof word, "%s", command);
        int files[3] = {open(in == NULL ? "/dev/null" : in, O_RDONLY),
                        open("said.out", O_WRONLY | O_CREAT | O_TRUNC, 0666),
                        open("said", O_WRONLY | O_CREAT | O_TRUNC, 0666)};
        for (int k = 0; k < 3; k++) dup2(files[k], k);
        bool predict = strcmp(command, "predict") == 0;
        if (predict) memcpy(words + 2, words + 3, 2 * sizeof *words);
        const void *manifest = fake_manifest(o);
        int code = nn_trainer_main(manifest, fake_run, predict ? 4 : 5, words);
        fake_free(manifest);
        exit(code);
    }
    int status = 0;
    struct rusage usage;
    wait4(child, &status, 0, &usage);
    *most = usage.ru_maxrss / 1024;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

// `limit`: MB; `said`: what the message holds, NULL: the command ends well.
static void within(Tests *t, const FakeOptions *o, const char *in, int64_t limit, const char *said) {
    char text[4096] = "";
    int64_t most = 0;
    int code = run(o, in, in == NULL ? "train" : "predict", &most);
    FILE *f = fopen("said", "r");
    size_t length = f == NULL ? 0 : fread(text, 1, sizeof text - 1, f);
    if (f != NULL) fclose(f);
    bool ok = said == NULL ? code == 0 : code == NN_DATA && strstr(text, said) != NULL && length < 2500;
    ok = ok && (most <= limit || !measured);
    if (!ok)
        printf("exit %d, %lld MB of %lld, said: %.300s\n", code, (long long)most, (long long)limit, text);
    check(t, ok, said == NULL ? o->csv : said);
}

static void test_texts(Tests *t) {
    static const char head[] = "a,b,y,kind\n", row[] = "1,2,3,red\n4,5,6,blue\n";
    static const struct {
        const char *before, *piece, *after, *said;
        int megabytes;
    } cases[] = {
        {"a,b,y,kind\n1,2,3,red\n", "\n", "4,5,6,blue\n", NULL, 24},
        {"a,b,y,kind\n1,2,3,red\n", " \r\n", "4,5,6,blue\n", NULL, 24},
        {"a,b,y,kind\n1,2,3,\"", "x\n", "", "bomb.csv:2:7: expected a closing quote", 40},
        {"a,b,y,kind\n1,2,3,\"", "\"\"", "", "bomb.csv:2:7: expected a closing quote", 40},
        {"", ",", "\n", "bomb.csv:1: the line has more than 2097152 cells", 24},
        {"a,b,y,kind\n", ",", "\n", "bomb.csv:2: the line has more than 2097152 cells", 24},
        {"a,b,y,kind\n", "9", ",2,3,red\n", "bomb.csv:2:1: expected a number", 10},
        {"a,b,y,kind\n1,2,3,", "z", "\n", "expected 2 classes in field kind, found 1", 10},
        {"a,b,y,kind\n1,2,3,", "z", "\n", "the line is longer than 64 MB", 70},
        {"", "a", ",b,y,kind\n1,2,3,red\n4,5,6,blue\n", NULL, 10},
        {"", "a", ",b,x,kind\n1,2,3,red\n4,5,6,blue\n", "expected a column called \"y\"", 10},
    };
    FakeOptions o = {.csv = "bomb.csv", .batch = 8, .epochs = 1, .steps = -1};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        FILE *f = create("bomb.csv");
        fputs(cases[k].before, f);
        put_many(f, cases[k].piece, (int64_t)cases[k].megabytes * MB);
        fputs(cases[k].after, f);
        fclose(f);
        within(t, &o, NULL, 64 + 2 * cases[k].megabytes, cases[k].said);
    }
    FILE *f = create("bomb.csv");
    fputs(head, f);
    fputs(row, f);
    fclose(f);
    within(t, &o, NULL, 64, NULL);
    // Rows from a pipe, whose length nobody knows before.
    f = create("rows");
    fputs(head, f);
    put_many(f, "\n", 24 * MB);
    fputs(row, f);
    fclose(f);
    within(t, &o, "rows", 64 + 2 * 24, NULL);
    remove("rows");
    remove("bomb.csv");
}

// `before`, then zeros, as a gzip file: members of 16 MB one after another, which are packed once.
static void pack(const char *path, const void *before, size_t length, int64_t zeros) {
    enum { PART = 16 * MB, ROOM = 1 << 18 };
    unsigned char *plain = calloc(1, PART), *packed = malloc(ROOM);
    FILE *f = create(path);
    if (plain == NULL || packed == NULL) abort();
    for (int64_t part = -1; part < (zeros + PART - 1) / PART; part++) {
        int64_t left = zeros - part * PART, size = left < PART ? left : PART;
        z_stream z = {0};
        deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
        z.next_in = part < 0 ? (unsigned char *)(uintptr_t)before : plain;
        z.avail_in = part < 0 ? (uInt)length : (uInt)size;
        z.next_out = packed;
        z.avail_out = ROOM;
        deflate(&z, Z_FINISH);
        uint64_t n = z.total_out;
        deflateEnd(&z);
        int64_t times = part == 0 && size == PART ? zeros / PART : 1;
        for (int64_t k = 0; k < times; k++)
            if (fwrite(packed, 1, n, f) != n) abort();
        part += times - 1;
    }
    fclose(f);
    free(plain);
    free(packed);
}

static size_t npy(unsigned char *head, const char *shape) {
    memset(head, ' ', 128);
    memcpy(head, "\x93NUMPY\1\0\x76", 9);
    head[9] = 0;
    int n = sprintf((char *)head + 10, "{'descr': '|u1', 'fortran_order': False, 'shape': (%s), }", shape);
    head[10 + n] = ' ';
    head[127] = '\n';
    return 128;
}

static size_t idx(unsigned char *head, int rank, uint32_t rows, uint32_t columns) {
    uint32_t dims[2] = {rows, columns};
    memcpy(head, "\0\0\x08", 3);
    head[3] = (unsigned char)rank;
    for (int d = 0; d < rank; d++)
        for (int k = 0; k < 4; k++) head[4 + 4 * d + k] = (unsigned char)(dims[d] >> (24 - 8 * k));
    return 4 + 4 * (size_t)rank;
}

static void test_packed(Tests *t) {
    const int64_t large = 3072ll * MB;
    nn_context ctx = {0};
    unsigned char *bytes;
    uint64_t size;
    check(t, nn_gzip_expand(&ctx, "f", NULL, 0, 1, &bytes, &size) == NN_DATA, "the expander is linked");
    nn_context_end(&ctx);
    unsigned char head[128];
    FakeOptions text = {.csv = "bomb.csv.gz", .batch = 8, .epochs = 1, .steps = -1},
                images = {.csv = ".idx.gz", .source = 1, .batch = 8, .epochs = 1, .steps = -1},
                arrays = {.csv = ".npy.gz", .source = 2, .batch = 8, .epochs = 1, .steps = -1};
    // 3 MB that hold 3 GB. A text expands to a hundred times its size, so that much is kept, and half as much
    // on the way there.
    pack("bomb.csv.gz", "a,b,y,kind\n", 11, large);
    within(t, &text, NULL, 64 + 100 * 3 * 3 / 2 + 16, "expands to more than");
    remove("bomb.csv.gz");
    // More than the head says, and a head that is not the program's.
    pack("x.idx.gz", head, idx(head, 2, 1000, 2), large);
    pack("y.idx.gz", head, idx(head, 1, 1000, 0), 1000);
    within(t, &images, NULL, 64 + 8, "x.idx.gz: expected 2000 bytes of elements, found more");
    pack("x.idx.gz", head, idx(head, 2, 1u << 31, 1), large);
    within(t, &images, NULL, 64 + 8, "x.idx.gz: more than 2147483647 rows");
    pack("x.idx.gz", head, idx(head, 2, 1u << 20, 3072), large);
    within(t, &images, NULL, 64 + 8, "x.idx.gz: expected 2 elements a sample (field x), found 3072");
    pack("x.idx.gz", head, idx(head, 2, 1000, 2), 2000);
    within(t, &images, NULL, 64, NULL);
    pack("x.npy.gz", head, npy(head, "1000, 2"), large);
    pack("y.npy.gz", head, npy(head, "1000,"), 1000);
    within(t, &arrays, NULL, 64 + 8, "x.npy.gz: expected 2000 bytes of elements, found more");
    pack("x.npy.gz", head, npy(head, "1000, 2"), 2000);
    within(t, &arrays, NULL, 64, NULL);
    pack("x.npy.gz", "\x93NUMPY\2\0\0\0\0\x40", 12, large);
    within(t, &arrays, NULL, 64 + 8, "head of the .npy file");
    for (int k = 0; k < 2; k++) {
        remove(k ? "x.idx.gz" : "y.idx.gz");
        remove(k ? "x.npy.gz" : "y.npy.gz");
    }
}

int main(void) {
    Tests t = {0};
    char folder[256];
    const char *base = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/nn-bombs.XXXXXX", base == NULL ? "/tmp" : base);
    if (mkdtemp(folder) == NULL || chdir(folder) != 0) return 1;
    test_texts(&t);
    test_packed(&t);
    char command[300];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    if (system(command) != 0) t.failed++;
    return tests_end(&t);
}
