// Inside llvm/: files written whole or not at all, and the system's tools.
#ifndef NN_FILES_H
#define NN_FILES_H

#include "llvm/llvm.h"

// By a temporary file beside it and a rename. False after a diagnostic.
bool file_write(Context *ctx, const char *path, const void *bytes, size_t length);

typedef struct {
    const Compiled *objects;
    int object_count;
    const char *path;
    bool gzip; // some file of the program is gzipped
    bool debug, openblas;
} LinkRequest;
bool tool_check(Context *ctx, const char *tool);            // is it in PATH? False after a diagnostic
int link_trainer(Context *ctx, const LinkRequest *request); // a status
int link_archive(Context *ctx, Compiled object, const char *path, const char *member);

#endif
