// The processor's floating-point state: subnormal results and operands count as zero while generated code runs.
#include "parallel/pool.h"

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

uint32_t nn_float_enter(void) {
#if defined(__x86_64__)
    uint32_t before = _mm_getcsr();
    _mm_setcsr(before | 0x8040);
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
