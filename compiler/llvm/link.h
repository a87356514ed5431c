// Inside llvm/: the system's tools make trainers and archives.
#ifndef NN_LINK_H
#define NN_LINK_H

#include "base/workplace.h"
#include "llvm/object.h"

typedef struct {
    Objects objects;
    const char *path;
    int *opened;        // not NULL: no path, but a file open for reading
    uint32_t libraries; // a bit for each TrainerLibrary
    bool debug;
} LinkRequest;
// False after a diagnostic, here and below.
bool link_trainer(Context *ctx, const LinkRequest *request);
// The first result of a workplace: an object, of several one; the runtime's archive with them.
bool link_object(const Workplace *w, Objects objects);
bool link_archive(const Workplace *w, Objects objects, const char *prefix);

// The same as a shared library, which has no names but PREFIX_... and nn_status_text.
bool link_shared(const Workplace *w, Objects objects, const OutputOptions *o, bool openblas);

#endif
