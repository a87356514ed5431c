// Where files are made: a folder of one's own, which goes whatever happens, and from which results take their
// places together. Needs: a file system that renames. Guarantees: each result is the old or the new file,
// whole; of two, both or neither; nothing else is left, also where this process is killed.
#ifndef NN_WORKPLACE_H
#define NN_WORKPLACE_H

#include "base/base.h"

#include <sys/types.h>

enum { WORKPLACE_RESULTS = 2 };
extern const char *const workplace_results[WORKPLACE_RESULTS]; // their names in the folder

typedef struct {
    Context *ctx;
    char *folder;
    const char *paths[WORKPLACE_RESULTS]; // of the results; NULL: none
    int line, said;
    pid_t keeper;
} Workplace;

// All but workplace_end give false after a diagnostic; every workplace is ended, one that is not open too.
bool workplace_open(Workplace *w, Context *ctx, const char *parent, const char *first, const char *second);
bool workplace_put(const Workplace *w, const char *name, const void *bytes, size_t length);
bool workplace_link(const Workplace *w, const char *name, const char *target);
// Runs a tool in the folder, where plain names are all that it sees.
bool workplace_run(const Workplace *w, const char *const *words);
// The results take their places (if `done`), the folder goes. False: they did not.
bool workplace_end(Workplace *w, bool done);

// A file of its own; terminals and pipes are written as they are.
bool file_write(Context *ctx, const char *path, const void *bytes, size_t length);
// Another text for a file that is there: where a link leads, and with the file's mode.
bool file_replace(Context *ctx, const char *path, const char *text);
const char *folder_of(Arena *arena, const char *path);

const char *tool_find(Arena *arena, const char *tool); // in PATH; NULL: it is not
int tool_ask(Arena *arena, const char *const *words, const char *folder, pid_t group,
             int said); // its status, -1: not started; what it prints goes to `said`

#endif
