// The runtime's parts by themselves: numbers, JSON, checksums, random numbers, plans, IDX, NPY, gzip, CSV
// cells, threads.
#include "abi.h"
#include "base/order.h"
#include "base/runtime.h"
#include "data/data.h"
#include "parallel/pool.h"
#include "random/random.h"
#include "store/store.h"
#include "support/check.h"

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

static void test_numbers(Tests *t) {
    static const struct {
        const char *text;
        bool ok;
        double value;
    } cases[] = {{"0", true, 0},
                 {"-0.0", true, -0.0},
                 {"1.5e3", true, 1500},
                 {".5", true, 0.5},
                 {"5.", true, 5},
                 {"+7", true, 7},
                 {"", false, 0},
                 {"-", false, 0},
                 {"1e", false, 0},
                 {"inf", false, 0},
                 {"nan", false, 0},
                 {"0x10", false, 0},
                 {"1 2", false, 0},
                 {"1.2.3", false, 0},
                 {"1e400", false, 0},
                 {"1e-400", true, 0},
                 {"0.1", true, 0.1},
                 {"1e23", true, 1e23},
                 {"9007199254740993", true, 9007199254740992.0},
                 {"123456789012345678901234567890", true, 123456789012345678901234567890.0},
                 {"4.9e-324", true, 4.9e-324}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        double value = 0;
        bool ok = nn_number_parse(cases[k].text, strlen(cases[k].text), &value);
        check(t, ok == cases[k].ok && (!ok || memcmp(&value, &cases[k].value, 8) == 0), cases[k].text);
    }
    uint64_t state = 1;
    bool same = true;
    for (int k = 0; k < 200000 && same; k++) {
        char text[NN_NUMBER_ROOM];
        double value, back;
        state = state * 6364136223846793005u + 1442695040888963407u;
        memcpy(&value, &state, 8);
        if (k % 2 == 0) value = round(value * 1e3) / 1e3;
        if (!isfinite(value)) continue;
        same = nn_number_parse(text, (uint64_t)nn_number_print(text, value, true), &back) &&
               memcmp(&back, &value, 8) == 0;
        float single = (float)value;
        if (isfinite(single) && same)
            same = nn_number_parse(text, (uint64_t)nn_number_print(text, (double)single, false), &back) &&
                   (float)back == single;
        if (!same) printf("%s is not %.17g\n", text, value);
    }
    check(t, same, "what is printed reads as the same bits");
    int64_t whole;
    check(t,
          nn_integer_parse("-9223372036854775808", 20, &whole) && whole == INT64_MIN &&
              !nn_integer_parse("9223372036854775808", 19, &whole) && !nn_integer_parse("1.0", 3, &whole) &&
              !nn_integer_parse("", 0, &whole),
          "whole numbers at the edge");
    static const char *const words[] = {"--epochs", "--steps"};
    check(t,
          nn_same(nn_nearest("--epcohs", words, 2), "--epochs") && nn_nearest("--verbose", words, 2) == NULL,
          "the nearest word");
}

static void test_json(Tests *t) {
    static const struct {
        const char *text;
        bool ok;
    } cases[] = {{"{\"a\": [1, -2.5e3, \"\\u00e9\\ud83d\\ude00\"], \"b\": {}}", true},
                 {"[1,]", false},
                 {"{\"a\" 1}", false},
                 {"\"\\ud800\"", false},
                 {"\"\\x\"", false},
                 {"\"a", false},
                 {"tru", false},
                 {"\"\n\"", false},
                 {"{\"a\":1,}", false},
                 {"[0, -0, 10, 0.5, -1e9, 1E+2, 20.25e-07]", true},
                 {"007", false},
                 {"-01", false},
                 {"+1", false},
                 {".5", false},
                 {"5.", false},
                 {"1e", false},
                 {"1e+", false},
                 {"-", false},
                 {"\"\303\251 \360\237\230\200\"", true},
                 {"\"\377\"", false},
                 {"\"\303\"", false},
                 {"\"\300\257\"", false},
                 {"", false}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        nn_json j = {.at = cases[k].text, .end = cases[k].text + strlen(cases[k].text)};
        check(t, (nn_json_skip(&j, 0) && j.at == j.end) == cases[k].ok, cases[k].text);
    }
    char deep[300];
    memset(deep, '[', sizeof deep);
    nn_json j = {.at = deep, .end = deep + sizeof deep};
    check(t, !nn_json_skip(&j, 0), "depth is limited");
    char out[8];
    const char *text = "\"\\u00e9\"";
    j = (nn_json){.at = text, .end = text + strlen(text)};
    check(t, nn_json_string(&j, out, sizeof out, NULL) && nn_same(out, "\xc3\xa9"), "escapes become UTF-8");
    nn_context ctx = {0};
    nn_text written;
    nn_text_begin(&written, &ctx);
    nn_text_json(&written, "\303\251\377\"\n", 5);
    check(t, nn_same(written.bytes, "\"\303\251\357\277\275\\\"\\u000a\""), "what is written is UTF-8");
    nn_context_end(&ctx);
}

// What a terminal would obey.
static void test_shown(Tests *t) {
    static const char *const cases[][2] = {{"a\tb\nc", "a\tb\nc"},
                                           {"\033[31m", "?[31m"},
                                           {"\303\251 \342\202\254", "\303\251 \342\202\254"},
                                           {"\302\2331m \302\240", "?1m \302\240"},
                                           {"\2331m", "?1m"},
                                           {"\342\200\256x\342\201\246y\330\234", "?x?y?"},
                                           {"\r\b\177\342\202", "?????"}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        char text[64];
        snprintf(text, sizeof text, "%s", cases[k][0]);
        text[nn_utf8_shown(text, strlen(text))] = '\0';
        check(t, nn_same(text, cases[k][1]), cases[k][1]);
    }
    nn_context ctx = {0};
    nn_fail(&ctx, NN_DATA, "%s", "\033]0;x\007\377");
    check(t, nn_same(ctx.message, "?]0;x??"), "a message that quotes what a terminal would obey");
}

// As the order of rows is defined: words of blocks 0, 1 .. of (purpose, number), from the last row down.
static void defined_order(int32_t *rows, int64_t count, uint64_t seed, uint64_t number) {
    for (int64_t i = count - 1; i > 0; i--) {
        uint32_t counter[4] = {(uint32_t)i / 4, 0x80000000u | NN_FOR_ORDER, (uint32_t)number,
                               (uint32_t)(number >> 32)};
        uint32_t bits[NN_BITS];
        nn_philox(counter, seed, bits);
        int64_t k = (int64_t)((uint64_t)bits[i % 4] * (uint64_t)(i + 1) >> 32);
        int32_t swapped = rows[i];
        rows[i] = rows[k];
        rows[k] = swapped;
    }
}

static void test_orders(Tests *t) {
    enum { MOST = 100, NUMBERS = 40 };
    nn_ahead ahead = {0};
    bool same = true;
    int32_t from[MOST];
    for (int32_t r = 0; r < MOST; r++) from[r] = r;
    for (int64_t count = 1; count < MOST; count++) {
        for (uint64_t k = 0; k < NUMBERS; k++) {
            int32_t rows[3][MOST];
            // One after another, past 32 bits, and back.
            uint64_t number = k < 30 ? 0xfffffff0u + k : k - 30, seed = 5 + (k > 35);
            memcpy(rows[0], from, sizeof from);
            memcpy(rows[1], from, sizeof from);
            defined_order(rows[0], count, seed, number);
            nn_shuffle(rows[1], count, seed, NN_FOR_ORDER, number);
            nn_shuffle_next(&ahead, from, rows[2], count, seed, NN_FOR_ORDER, number);
            same = same && memcmp(rows[0], rows[1], (size_t)count * 4) == 0 &&
                   memcmp(rows[0], rows[2], (size_t)count * 4) == 0;
        }
    }
    check(t, same, "orders are as they are defined, however many are drawn at once");
}

static void test_random(Tests *t) {
    uint32_t zero[4] = {0, 0, 0, 0}, ones[4] = {~0u, ~0u, ~0u, ~0u};
    static const uint32_t of_zero[4] = {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
                          of_ones[4] = {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd};
    uint32_t first[NN_BITS], last[NN_BITS], next[NN_BITS];
    nn_philox(zero, 0, first);
    nn_philox(ones, ~0ull, last);
    check(t, memcmp(first, of_zero, 16) == 0 && memcmp(last, of_ones, 16) == 0, "Philox's published vectors");
    nn_philox((uint32_t[4]){1, 0, 0, 0}, 0, next);
    check(t, memcmp(next, first + 4, 16) == 0, "the second half is the next counter's");
    check(t, nn_crc32c(0, "123456789", 9) == 0xe3069283, "the published CRC-32C");
    // Every order of four rows about as often as another: chi-square with 23 degrees of freedom, far below
    // its 1e-6 tail.
    int counts[256] = {0};
    for (uint64_t key = 0; key < 24000; key++) {
        int32_t rows[4] = {0, 1, 2, 3};
        nn_shuffle(rows, 4, key, NN_FOR_ORDER, key / 7);
        counts[rows[0] * 64 + rows[1] * 16 + rows[2] * 4 + rows[3]]++;
    }
    double chi = 0;
    int orders = 0;
    for (int k = 0; k < 256; k++) {
        orders += counts[k] > 0;
        chi += counts[k] > 0 ? (counts[k] - 1000.0) * (counts[k] - 1000.0) / 1000 : 0;
    }
    check(t, orders == 24 && chi < 75, "orders are equally likely");
    enum { N = 1000 };
    int32_t rows[N];
    char seen[N] = {0};
    for (int32_t k = 0; k < N; k++) rows[k] = k;
    nn_shuffle(rows, N, 3, NN_FOR_ORDER, 0);
    int there = 0, fixed = 0;
    for (int32_t k = 0; k < N; k++) {
        there += !seen[rows[k]];
        seen[rows[k]] = 1;
        fixed += rows[k] == k;
    }
    check(t, there == N && fixed < 8, "a permutation");
    test_orders(t);
}

// ---- arrays ----

static bool idx(const char *bytes, size_t size, const char *message) {
    nn_context ctx = {0};
    nn_array a;
    const unsigned char *file = (const unsigned char *)bytes;
    nn_status status = nn_idx_parse(&ctx, "f", file, size, &a);
    if (status == NN_OK) status = nn_array_take(&ctx, "f", &a, file, size);
    return message == NULL ? status == NN_OK : status == NN_DATA && strstr(ctx.message, message) != NULL;
}

static bool npy(const char *head, int version, uint64_t bytes, const char *message) {
    nn_context ctx = {0};
    nn_array a;
    unsigned char file[512] = {
        0x93, 'N', 'U', 'M', 'P', 'Y', (unsigned char)version, 0, (unsigned char)strlen(head)};
    size_t start = version == 1 ? 10 : 12;
    memcpy(file + start, head, strlen(head));
    nn_status status = nn_npy_parse(&ctx, "f", file, start + strlen(head) + bytes, &a);
    if (status == NN_OK) status = nn_array_take(&ctx, "f", &a, file, start + strlen(head) + bytes);
    bool ok = message == NULL ? status == NN_OK : status == NN_DATA && strstr(ctx.message, message) != NULL;
    if (!ok) printf("%s: %s\n", head, ctx.message);
    return ok;
}

static void test_arrays(Tests *t) {
    check(t,
          idx("\0\0\x08\x01\0\0\0\x02"
              "ab",
              10, NULL),
          "IDX");
    check(t,
          idx("\0\0\x08\x01\0\0\0\x02"
              "a",
              9, "expected 2 bytes of elements, found 1"),
          "IDX cut off");
    check(t,
          idx("\0\0\x08\x01\0\0\0\x02"
              "abc",
              11, "expected 2 bytes of elements, found more"),
          "IDX with bytes left over");
    check(t,
          idx("\0\1\x08\x01", 4, "two zero bytes") && idx("\0\0\x0a\x01", 4, "type") &&
              idx("\0\0\x08\x09", 4, "dimensions") && idx("\0", 1, "IDX"),
          "IDX with a wrong head");
    check(t, idx("\0\0\x0e\x03\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 16, "too large"),
          "IDX of a shape too large");
    check(t, npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", 1, 24, NULL), "NPY");
    check(t, npy("{'descr': '|u1', 'fortran_order': False, 'shape': (5,), }", 2, 5, NULL), "NPY version 2");
    check(t, npy("{'descr': '<f8', 'fortran_order': False, 'shape': (), }", 1, 8, NULL), "NPY of one number");
    check(t, npy("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }", 1, 24, "Fortran"),
          "NPY in Fortran order");
    check(t, npy("{'descr': '<c8', 'fortran_order': False, 'shape': (2,), }", 1, 16, "found '<c8'"),
          "NPY of complex numbers");
    check(t, npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", 1, 20, "expected 24 bytes"),
          "NPY cut off");
    check(t, npy("{'descr': '<f4', 'shape': (2, 3), }", 1, 24, "damaged"), "NPY without an order");
    check(t, npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2, -3), }", 1, 24, "damaged"),
          "NPY with a negative size");
    check(t, npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), 'x': 1}", 1, 24, "damaged"),
          "NPY with more");
    check(t,
          npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), } , 'a'", 1, 24, "damaged") &&
              npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }  \n", 1, 24, NULL),
          "NPY with something behind its head");
    check(t,
          npy("{'descr': '<f4', 'fortran_order': False, 'shape': (02, 3), }", 1, 24, "damaged") &&
              npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2), }", 1, 8, "damaged") &&
              npy("{'descr': '<f4', 'fortran_order': False, 'shape': (0, 3), }", 1, 0, NULL),
          "NPY with a shape that is none");
    static const unsigned char bytes[] = {0xff, 0xfe, 0x3f, 0x80, 0, 0};
    nn_raw i2 = {.bytes = bytes, .type = 'i', .size = 2, .big_endian = true},
           f4 = {.bytes = bytes + 2, .type = 'f', .size = 4, .big_endian = true},
           i1 = {.bytes = bytes, .type = 'i', .size = 1}, u2 = {.bytes = bytes, .type = 'u', .size = 2};
    double v[4];
    nn_raw_values(&i2, 0, 1, v);
    nn_raw_values(&f4, 0, 1, v + 1);
    nn_raw_values(&i1, 1, 1, v + 2);
    nn_raw_values(&u2, 0, 1, v + 3);
    check(t, v[0] == -2 && v[1] == 1 && v[2] == -2 && v[3] == 0xfeff, "elements of every kind");
}

static void test_gzip(Tests *t) {
    nn_context ctx = {0};
    enum { ROOM = 200000 };
    unsigned char *plain = calloc(1, ROOM), *packed = malloc(ROOM), *out = NULL;
    uint64_t size = 0, limit = ROOM;
    if (plain == NULL || packed == NULL) abort();
    for (int k = 0; k < ROOM; k += 3) plain[k] = (unsigned char)(k * 7 >> 3);
    z_stream z = {0};
    deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
    z.next_in = plain;
    z.avail_in = ROOM;
    z.next_out = packed;
    z.avail_out = ROOM;
    deflate(&z, Z_FINISH);
    uint64_t length = z.total_out;
    deflateEnd(&z);
    check(t,
          nn_gzip_expand(&ctx, "f", packed, length, limit, &out, &size) == NN_OK && size == ROOM &&
              memcmp(out, plain, ROOM) == 0,
          "gzip");
    for (uint64_t less = 1; less < ROOM; less *= 3)
        check(t,
              nn_gzip_expand(&ctx, "f", packed, length, limit - less, &out, &size) == NN_OK &&
                  size == limit - less + 1 && memcmp(out, plain, size) == 0,
              "gzip of more than its limit");
    check(t, nn_gzip_expand(&ctx, "f", packed, length, 0, &out, &size) == NN_OK && size == 1, "a limit of 0");
    check(t,
          nn_gzip_expand(&ctx, "f", packed, length - 5, limit, &out, &size) == NN_DATA &&
              strstr(ctx.message, "cut off") != NULL,
          "gzip cut off");
    nn_forget(&ctx);
    packed[length / 2] ^= 0x55;
    check(t, nn_gzip_expand(&ctx, "f", packed, length, limit, &out, &size) == NN_DATA, "gzip damaged");
    nn_context_end(&ctx);
    free(plain);
    free(packed);
}

// ---- threads ----

typedef struct {
    atomic_int sums[8];
    atomic_int wrong, threads;
} Shared;

enum { MEETINGS = 20 };

static void meet_often(int32_t function, const nn_call *call, int32_t thread, int32_t threads) {
    Shared *s = (Shared *)(void *)call->arena;
    s->threads = threads;
    for (int k = 0; k < MEETINGS && function == NN_STEP; k++) {
        atomic_fetch_add(&s->sums[thread], 1);
        if (threads > 1) call->barrier(call->team);
        for (int other = 0; other < threads; other++) {
            if (atomic_load(&s->sums[other]) != k + 1) atomic_fetch_add(&s->wrong, 1);
        }
        if (threads > 1) call->barrier(call->team);
    }
}

static void test_pool(Tests *t) {
    for (int32_t threads = 1; threads <= 5; threads += 2) {
        nn_context ctx = {0};
        nn_pool *pool = NULL;
        Shared *shared = NULL;
        check(t, nn_pool_start(&ctx, threads, &pool) == NN_OK, "threads start");
        for (int round = 0; round < 20; round++) {
            shared = nn_get(&ctx, 1, sizeof *shared);
            nn_call call = {.arena = (unsigned char *)shared};
            nn_pool_run(pool, meet_often, NN_STEP, &call);
            int last = atomic_load(&shared->threads) - 1;
            check(t, round > 0 || last == threads - 1, "at first all that were asked for");
            check(t, atomic_load(&shared->wrong) == 0 && atomic_load(&shared->sums[last]) == MEETINGS,
                  "threads meet");
        }
        nn_pool_stop(pool);
        nn_context_end(&ctx);
    }
}

// A step of 2 ms of which the last thread makes 20: who waits falls asleep, and one alone is faster. With the
// seed 1 one alone takes 20 ms, and more are faster.
static void divided_badly(int32_t function, const nn_call *call, int32_t thread, int32_t threads) {
    Shared *s = (Shared *)(void *)call->arena;
    bool slow = call->seed == 0 ? threads > 1 && thread == threads - 1 : threads == 1;
    s->threads = threads;
    if (function == NN_STEP) usleep(slow ? 20000 : 2000);
}

// Steps until so many threads have run twenty in a row.
static bool settles(nn_pool *pool, uint64_t seed, int threads) {
    Shared shared = {0};
    nn_call call = {.arena = (unsigned char *)&shared, .seed = seed};
    for (int k = 0, row = 0; k < 1000; k++) {
        nn_pool_run(pool, divided_badly, NN_STEP, &call);
        row = atomic_load(&shared.threads) == threads ? row + 1 : 0;
        if (row == 20) return true;
    }
    return false;
}

static void test_tempo(Tests *t) {
    int32_t cores = nn_pool_cores();
    nn_context ctx = {0};
    nn_pool *pool = NULL;
    nn_pool_start(&ctx, 4, &pool);
    check(t, settles(pool, 0, 1), "one thread is left where more wait");
    if (cores > 1) check(t, settles(pool, 1, 2), "and more are tried again");
    nn_pool_stop(pool);
    nn_context_end(&ctx);
}

// ---- cores ----

static int quota(const char *groups, const char *path, const char *text) {
    char command[512];
    snprintf(command, sizeof command,
             "rm -rf quota && mkdir -p quota/a/b quota/cpu/a/b && printf '%s' >quota/groups && "
             "for f in %s; do echo %s >quota/$f; done && echo 100000 >quota/cpu/a/cpu.cfs_period_us",
             groups, path, text);
    if (system(command) != 0) return -1;
    return nn_quota_cores("quota/groups", "quota");
}

// The bytes of a group of the first kind.
static int64_t memory_quota(const char *bytes) {
    char command[256];
    snprintf(command, sizeof command,
             "rm -rf quota && mkdir -p quota/memory/a && echo 3:memory:/a >quota/groups && echo %s "
             ">quota/memory/a/memory.limit_in_bytes",
             bytes);
    if (system(command) != 0) return -1;
    return nn_quota_memory("quota/groups", "quota");
}

static void test_quota(Tests *t) {
    char folder[256], command[300];
    snprintf(folder, sizeof folder, "%s/nn-quota.XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    if (mkdtemp(folder) == NULL || chdir(folder) != 0) abort();
    static const char two[] = "0::/a/b\\n", one[] = "9:name=systemd:/\\n3:cpuset,cpu,cpuacct:/a/b\\n";
    check(t, quota(two, "a/b/cpu.max", "200000 100000") == 2, "a quota of two cores");
    check(t, quota(two, "a/cpu.max", "150000 100000") == 2, "a part of a core counts, above as well");
    check(t, quota(two, "cpu.max", "50000 100000") == 1, "half a core, of the whole container");
    check(t, quota(two, "a/b/cpu.max", "max 100000") == INT32_MAX, "no quota");
    check(t, quota(two, "a/b/cpu.max", "") == INT32_MAX, "an empty file");
    check(t, quota(two, "cpu/a/cpu.cfs_quota_us", "300000") == INT32_MAX, "a quota of another hierarchy");
    check(t, quota(one, "cpu/a/cpu.cfs_quota_us", "300000") == 3, "the first kind of groups");
    check(t, quota(one, "cpu/a/cpu.cfs_quota_us", "-1") == INT32_MAX, "the first kind without a quota");
    check(t, quota("1:cpuset:/a\\n", "cpu/a/cpu.cfs_quota_us", "300000") == INT32_MAX, "no group of ours");
    check(t, quota("", "cpu.max", "100000 100000") == INT32_MAX, "no groups");
    check(t, nn_quota_cores("nowhere", "nowhere") == INT32_MAX, "no file of groups");
    check(t, memory_quota("50000000") == 50000000, "a quota of memory");
    check(t, memory_quota("9223372036854771712") > 9223372036854771712,
          "no quota of memory, in pages of 4 KB");
    check(t, memory_quota("9223372036854710272") > 9223372036854771712,
          "no quota of memory, in pages of 64 KB");
    check(t, nn_pool_cores() >= 1, "at least one core");
    snprintf(command, sizeof command, "rm -r '%s'", folder);
    check(t, chdir("/") == 0 && system(command) == 0, "the folder goes");
}

// What a feature is called, and whether it is there, as the compiler's own library finds by itself.
static void test_processor(Tests *t) {
    const char *first = "";
    check(t, nn_processor_lacks("", &first) == 0 && nn_processor_lacks("unheard,of", &first) == 0,
          "names that nobody knows are taken on trust");
#if defined(__x86_64__)
#define IS(word)                                                                                             \
    check(t,                                                                                                 \
          nn_processor_lacks("cx8," word, &first) == (__builtin_cpu_supports(word) ? 0 : (int)strlen(word)), \
          word)
    IS("sse3"), IS("ssse3"), IS("sse4.1"), IS("sse4.2"), IS("popcnt"), IS("avx"), IS("avx2"), IS("fma");
    IS("bmi"), IS("bmi2"), IS("f16c"), IS("lzcnt"), IS("movbe"), IS("avx512f"), IS("avx512bw"),
        IS("avx512cd");
    IS("avx512dq"), IS("avx512vl"), IS("avx512bf16"), IS("avx512vnni"), IS("avx512ifma"), IS("avx512vbmi");
    IS("avxvnni");
#undef IS
#endif
}

// ---- the format of weights ----

static bool store(const char *header, uint64_t bytes, const char *message) {
    nn_context ctx = {0};
    unsigned char file[1024] = {0};
    uint64_t length = strlen(header);
    memcpy(file, &length, 8);
    memcpy(file + 8, header, length);
    nn_status status = nn_safetensors_parse(&ctx, "f", file, 8 + length + bytes, NULL, NULL);
    bool ok = message == NULL ? status == NN_OK : status == NN_DATA && strstr(ctx.message, message) != NULL;
    if (!ok) printf("%s: %s\n", header, ctx.message);
    return ok;
}

static void test_store(Tests *t) {
    check(t,
          store("{}", 0, NULL) &&
              store("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}  ", 8, NULL),
          "headers");
    check(t, store("[]", 0, "begin with {") && store("", 0, "begin with {") && store("{} x", 0, "follows"),
          "wrong headers");
    check(t, store("{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]}}", 8, "do not fit"),
          "a shape that is not the bytes'");
    check(t, store("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 7, "do not fit"),
          "offsets outside");
    check(t, store("{\"a\":{\"dtype\":\"F99\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8, "do not fit"),
          "an unknown type");
    check(t,
          store("{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,0]}}", 0,
                "do not fit"),
          "a shape that overflows");
    check(t,
          store("{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8,
                "damaged"),
          "a key twice");
    check(t, store("{\"a\":{\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]}}", 8, "damaged"),
          "a negative size");
    check(t, store("{\"a\":{\"dtype\":\"F32\",\"shape\":[02],\"data_offsets\":[0,8]}}", 8, "damaged"),
          "a leading zero");
    check(t,
          store("{\"\377\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8, "damaged") &&
              store("{\"__metadata__\":{\"a\":\"\377\"}}", 0, "texts"),
          "a name that is no UTF-8");
    check(t,
          store("{\"__metadata__\":{\"a\":1}}", 0, "texts") &&
              store("{\"__metadata__\":{},\"__metadata__\":{}}", 0, "twice"),
          "metadata");
    nn_context ctx = {0};
    unsigned char huge[16] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, '{'};
    check(t,
          nn_safetensors_parse(&ctx, "f", huge, 16, NULL, NULL) == NN_DATA &&
              strstr(ctx.message, "100 MB") != NULL,
          "a header too long");
    nn_forget(&ctx);
    check(t, nn_safetensors_parse(&ctx, "f", huge, 5, NULL, NULL) == NN_DATA, "a file too short");
}

// Every position with a row once, by rows and in a row by positions; no room beyond what is asked for.
static bool plans(uint64_t *state, int64_t count, int64_t rows, int64_t none) {
    size_t room = NN_PLAN_HEAD + 2 * (size_t)count * sizeof(uint64_t);
    int32_t *row = malloc((size_t)count * sizeof *row), *plan = aligned_alloc(64, (room + 63) / 64 * 64);
    const uint64_t *entries = (const void *)((const char *)plan + NN_PLAN_HEAD);
    int64_t wanted = 0;
    for (int64_t k = 0; k < count; k++) {
        *state = *state * 6364136223846793005u + 1442695040888963407u;
        row[k] = (int64_t)(*state >> 40) % 100 < none ? -1 : (int32_t)((*state >> 20) % (uint64_t)rows);
        wanted += row[k] >= 0;
    }
    nn_plan(row, plan, count, rows);
    bool good = plan[0] == wanted;
    for (int64_t e = 0; good && e < wanted; e++) {
        int64_t position = (int64_t)(uint32_t)entries[e];
        good = position < count && (int64_t)(entries[e] >> 32) == row[position] &&
               (!e || entries[e - 1] < entries[e]);
    }
    free(row);
    free(plan);
    return good;
}

static void test_plans(Tests *t) {
    static const int64_t rows[] = {1, 2, 3, 2048, 2049, 100000, 1 << 22, (1 << 22) + 1, INT32_MAX};
    static const int64_t counts[] = {1, 2, 33, 5120};
    uint64_t state = 1;
    bool good = true;
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++)
        for (size_t c = 0; c < sizeof counts / sizeof *counts; c++)
            for (int64_t none = 0; none <= 100; none += 50) good &= plans(&state, counts[c], rows[r], none);
    check(t, good, "plans hold every position with a row once, in order");
}

int main(void) {
    Tests t = {0};
    test_numbers(&t);
    test_json(&t);
    test_shown(&t);
    test_random(&t);
    test_plans(&t);
    test_arrays(&t);
    test_gzip(&t);
    test_pool(&t);
    test_tempo(&t);
    test_quota(&t);
    test_processor(&t);
    test_store(&t);
    return tests_end(&t);
}
