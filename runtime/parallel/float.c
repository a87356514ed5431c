// The processor's floating-point state while generated code runs: round to nearest, no exception traps,
// subnormal results and operands count as zero. It is the same whatever the host program has set, so that the
// results are.
#include "parallel/pool.h"

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

uint32_t nn_float_enter(void) {
#if defined(__x86_64__)
    uint32_t before = _mm_getcsr();
    _mm_setcsr(0x9fc0);
    return before;
#else
    return 0;
#endif
}

void nn_float_restore(uint32_t state) {
#if defined(__x86_64__)
    _mm_setcsr(state);
#else
    (void)state;
#endif
}
