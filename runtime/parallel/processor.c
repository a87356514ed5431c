// What the processor can do, beside what code was compiled for.
#include "parallel/pool.h"

#include "base/model.h"

#include <string.h>

// Names this compiler cannot ask for are taken on trust.
static bool supports(const char *name, size_t length) {
    bool there = true;
#if defined(__x86_64__)
#define FEATURE(word)                                                                                        \
    there = there &&                                                                                         \
            (length != sizeof word - 1 || memcmp(name, word, length) != 0 || __builtin_cpu_supports(word))
    FEATURE("sse3");
    FEATURE("ssse3");
    FEATURE("sse4.1");
    FEATURE("sse4.2");
    FEATURE("popcnt");
    FEATURE("avx");
    FEATURE("avx2");
    FEATURE("fma");
    FEATURE("bmi");
    FEATURE("bmi2");
    FEATURE("f16c");
    FEATURE("lzcnt");
    FEATURE("movbe");
    FEATURE("avx512f");
    FEATURE("avx512bw");
    FEATURE("avx512cd");
    FEATURE("avx512dq");
    FEATURE("avx512vl");
    FEATURE("avx512bf16");
    FEATURE("avx512vnni");
    FEATURE("avx512ifma");
    FEATURE("avx512vbmi");
    FEATURE("avxvnni");
#undef FEATURE
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
