// The standard library's texts, written into the binary by cmake/embed.cmake.
#ifndef NN_LIBRARY_H
#define NN_LIBRARY_H

#include <stddef.h>

typedef struct {
    const char *name, *text;
    size_t length;
} StdlibFile;
extern const StdlibFile stdlib_files[];
extern const int stdlib_count;

#endif
