// What the machine can do now: limits THREADS [avx2]. For each line of standard input it answers with one
// line of three numbers: single-precision multiply-adds, in GFLOP/s of all threads; the same for products in
// bfloat16 (0 where the processor has none); and GB/s to and from memory of w -= c * g over arrays that no
// cache holds. Built by bench/run: cc -O2 -pthread. x86-64 with AVX2.
#include <immintrin.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CHAINS = 12, TRIES = 5, ROUNDS = 1 << 22, ELEMENTS = 16 << 20, MAX_THREADS = 64 };

typedef struct {
    pthread_barrier_t *start;
    float *w, *g;
    int width; // in bits: 512, or 256
    float sink;
    double begun, ended; // by its own clock: who waits for it may sleep longer
    void (*work)(void *);
} worker;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + 1e-9 * t.tv_nsec;
}

// CHAINS chains hide the latency of a multiply-add. They have to stay in registers, whatever the compiler
// thinks of loops, and it must not find out that they are alike.
#define MULTIPLY_ADDS(NAME, TARGET, VECTOR, SET, HALF, QUARTER, ADD)                                         \
    __attribute__((target(TARGET))) static float NAME(void) {                                                \
        VECTOR sum[CHAINS], half = HALF, quarter = QUARTER;                                                  \
        _Pragma("GCC unroll 12") for (int i = 0; i < CHAINS; i++) sum[i] = SET(1e-3f * i);                   \
        for (int n = 0; n < ROUNDS; n++)                                                                     \
            _Pragma("GCC unroll 12") for (int i = 0; i < CHAINS; i++) __asm__ volatile(                      \
                ADD : "+v"(sum[i]) : "v"(half), "v"(quarter));                                               \
        float out[16] = {0};                                                                                 \
        memcpy(out, &sum[0], sizeof sum[0]);                                                                 \
        return out[0];                                                                                       \
    }
MULTIPLY_ADDS(adds_512, "avx512f", __m512, _mm512_set1_ps, _mm512_set1_ps(0.5f), _mm512_set1_ps(0.25f),
              "vfmadd213ps %2, %1, %0")
MULTIPLY_ADDS(adds_256, "avx2,fma", __m256, _mm256_set1_ps, _mm256_set1_ps(0.5f), _mm256_set1_ps(0.25f),
              "vfmadd213ps %2, %1, %0")
MULTIPLY_ADDS(adds_bfloat, "avx512f,avx512bf16", __m512, _mm512_set1_ps,
              _mm512_castsi512_ps(_mm512_set1_epi16(0x3f00)), _mm512_castsi512_ps(_mm512_set1_epi16(0x3f00)),
              "vdpbf16ps %2, %1, %0")

static void multiply_adds(void *data) {
    worker *w = data;
    w->sink = w->width == 512 ? adds_512() : adds_256();
}

static void bfloat_adds(void *data) { ((worker *)data)->sink = adds_bfloat(); }

__attribute__((target("avx2,fma"))) static void stream(void *data) {
    worker *w = data;
    __m256 c = _mm256_set1_ps(-1e-3f);
    for (int i = 0; i < ELEMENTS; i += 8)
        _mm256_storeu_ps(w->w + i, _mm256_fmadd_ps(c, _mm256_loadu_ps(w->g + i), _mm256_loadu_ps(w->w + i)));
}

static void *run(void *data) {
    worker *w = data;
    pthread_barrier_wait(w->start);
    w->begun = now();
    w->work(w);
    w->ended = now();
    return NULL;
}

// Seconds from the first thread's beginning to the last one's end.
static double once(int threads, worker *workers, void (*work)(void *)) {
    pthread_t id[MAX_THREADS];
    pthread_barrier_t start;
    if (pthread_barrier_init(&start, NULL, threads)) exit(3);
    for (int i = 0; i < threads; i++) {
        workers[i].start = &start;
        workers[i].work = work;
        if (pthread_create(&id[i], NULL, run, &workers[i])) exit(3);
    }
    double begun = 1e30, ended = 0;
    for (int i = 0; i < threads; i++) {
        pthread_join(id[i], NULL);
        if (workers[i].begun < begun) begun = workers[i].begun;
        if (workers[i].ended > ended) ended = workers[i].ended;
    }
    pthread_barrier_destroy(&start);
    return ended - begun;
}

// The least of TRIES.
static double timed(int threads, worker *workers, void (*work)(void *)) {
    double least = 1e9;
    for (int i = 0; i < TRIES; i++) {
        double took = once(threads, workers, work);
        least = took < least ? took : least;
    }
    return least;
}

int main(int argc, char **argv) {
    int threads = argc > 1 ? atoi(argv[1]) : 0;
    if (threads < 1 || threads > MAX_THREADS || !__builtin_cpu_supports("avx2") ||
        !__builtin_cpu_supports("fma")) {
        fprintf(stderr, "usage: limits THREADS [avx2], on a processor with AVX2 and FMA\n");
        return 2;
    }
    int width = __builtin_cpu_supports("avx512f") && argc < 3 ? 512 : 256;
    int bfloat = width == 512 && __builtin_cpu_supports("avx512bf16");
    static worker workers[MAX_THREADS];
    for (int i = 0; i < threads; i++) {
        workers[i] = (worker){
            .width = width, .w = malloc(ELEMENTS * sizeof(float)), .g = malloc(ELEMENTS * sizeof(float))};
        if (!workers[i].w || !workers[i].g) return 6;
        for (int k = 0; k < ELEMENTS; k++) workers[i].w[k] = workers[i].g[k] = 1;
    }
    char line[64];
    while (fgets(line, sizeof line, stdin)) {
        double adds = 2e-9 * CHAINS * ROUNDS * (width / 32) * threads, moved = 12e-9 * ELEMENTS * threads;
        double single = adds / timed(threads, workers, multiply_adds);
        double half = bfloat ? 2 * adds / timed(threads, workers, bfloat_adds) : 0;
        printf("%.1f %.1f %.2f\n", single, half, moved / timed(threads, workers, stream));
        fflush(stdout);
    }
    return 0;
}
