// What the processor can do, beside what code was compiled for.
#include "parallel/pool.h"

#include "base/model.h"
#include "base/processor.h"

#include <string.h>

#if defined(__x86_64__)
#define FEATURES(F)                                                                                          \
    F("sse3", SSE3)                                                                                          \
    F("ssse3", SSSE3)                                                                                        \
    F("sse4.1", SSE4_1)                                                                                      \
    F("sse4.2", SSE4_2)                                                                                      \
    F("popcnt", POPCNT)                                                                                      \
    F("avx", AVX)                                                                                            \
    F("avx2", AVX2)                                                                                          \
    F("fma", FMA)                                                                                            \
    F("bmi", BMI1)                                                                                           \
    F("bmi2", BMI2)                                                                                          \
    F("f16c", F16C)                                                                                          \
    F("lzcnt", LZCNT)                                                                                        \
    F("movbe", MOVBE)                                                                                        \
    F("avx512f", AVX512F)                                                                                    \
    F("avx512bw", AVX512BW)                                                                                  \
    F("avx512cd", AVX512CD)                                                                                  \
    F("avx512dq", AVX512DQ)                                                                                  \
    F("avx512vl", AVX512VL)                                                                                  \
    F("avx512bf16", AVX512_BF16)                                                                             \
    F("avx512vnni", AVX512_VNNI)                                                                             \
    F("avx512ifma", AVX512_IFMA)                                                                             \
    F("avx512vbmi", AVX512_VBMI)                                                                             \
    F("avxvnni", AVX_VNNI)
#endif

// Names that nobody can ask for are taken on trust.
static bool supports(const char *name, size_t length) {
    bool there = true;
#if defined(__x86_64__) && defined(CPU_FEATURE_ACTIVE)
    static const struct {
        char word[12];
        uint16_t index;
    } known[] = {
#define ROW(word, name) {word, x86_cpu_##name},
        FEATURES(ROW)
#undef ROW
    };
    for (size_t k = 0; k < sizeof known / sizeof *known; k++)
        if (strlen(known[k].word) == length && memcmp(known[k].word, name, length) == 0)
            there = x86_cpu_active(known[k].index);
#elif defined(__x86_64__)
#define ASK(word, other)                                                                                     \
    there = there &&                                                                                         \
            (length != sizeof word - 1 || memcmp(name, word, length) != 0 || NN_PROCESSOR_HAS(word, other));
    FEATURES(ASK)
#undef ASK
#endif
    return there;
}

int nn_processor_lacks(const char *features, const char **first) {
    for (const char *at = features; *at != '\0';) {
        size_t n = strcspn(at, ",");
        *first = at;
        if (!supports(at, n)) return (int)n;
        at += n + (at[n] == ',');
    }
    return 0;
}

const nn_version *nn_version_choose(const nn_version *const *versions, int32_t count) {
    const char *feature;
    for (int32_t k = 0; k < count - 1; k++) {
        nn_model m = {.manifest = versions[k]->manifest};
        if (nn_processor_lacks(nn_model_text(&m, m.manifest->features), &feature) == 0) return versions[k];
    }
    return versions[count - 1];
}
