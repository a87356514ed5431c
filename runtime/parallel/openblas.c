// What a trainer asks of OpenBLAS before its first call; linked only where kernels call it
// (libnn-openblas.a). Guarantees: it computes each call on the thread that makes it. Which kernels it chose
// for this processor is looked at, not trusted: a release older than the processor falls back to its slowest.
#include "parallel/pool.h"

#include "base/processor.h"

#include <stdio.h>
#include <string.h>

void openblas_set_num_threads(int threads);
char *openblas_get_corename(void);
int openblas_get_parallel(void);

// The cores whose kernels use AVX2 or AVX-512, by OpenBLAS's names.
static bool is_modern(const char *core) {
    static const char *const names[] = {"Haswell", "Zen", "SkylakeX", "Cooperlake", "SapphireRapids"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcasecmp(core, names[i]) == 0) return true;
    return false;
}

static const char *core_for_this_processor(void) {
#if defined(__x86_64__)
    if (NN_PROCESSOR_HAS("avx512f", AVX512F) && NN_PROCESSOR_HAS("avx512bw", AVX512BW) &&
        NN_PROCESSOR_HAS("avx512dq", AVX512DQ) && NN_PROCESSOR_HAS("avx512vl", AVX512VL))
        return "SkylakeX";
    if (NN_PROCESSOR_HAS("avx2", AVX2) && NN_PROCESSOR_HAS("fma", FMA)) return "Haswell";
#endif
    return NULL;
}

bool nn_openblas_begin(char *text, size_t room) {
    enum { PTHREAD = 1 }; // the one build of it that several threads may call at once
    const char *core = openblas_get_corename(), *better = core_for_this_processor();
    bool together = openblas_get_parallel() == PTHREAD;
    openblas_set_num_threads(1);
    *text = '\0';
    if (better != NULL && !is_modern(core))
        snprintf(text, room,
                 "OpenBLAS computes with its %s kernels, slow ones for this processor: set "
                 "OPENBLAS_CORETYPE=%s, or build with --blas none",
                 core, better);
    return together;
}
