// What the processor can do and the system lets programs use: asked of the C library where it knows, which is
// 4 KB less in every trainer than asking the compiler's own library.
#ifndef NN_PROCESSOR_H
#define NN_PROCESSOR_H

#include <stdlib.h>

#if defined(__x86_64__)
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 33)
#include <sys/platform/x86.h>
#define NN_PROCESSOR_HAS(word, name) CPU_FEATURE_ACTIVE(name)
#else
#define NN_PROCESSOR_HAS(word, name) __builtin_cpu_supports(word)
#endif
#endif

#endif
