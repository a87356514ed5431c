// The definitions of the standard library, for the tests that walk them.
#ifndef TESTS_STDLIB_H
#define TESTS_STDLIB_H

#include "bind/bind.h"

typedef struct {
    const Node *node;          // DEFINE
    const char *file, *prefix; // "keras." or ""
    bool of_run; // a function of sizes alone, or that draws, reads the run's clock or measures data, or calls
                 // one that does
} LibraryItem;

typedef struct {
    LibraryItem *items;
    int count;
} LibraryItems;

LibraryItems library_items(Context *ctx);
Library *stdlib_library(Context *ctx);               // as every program sees it
bool tree_names(const Node *node, const char *name); // does the tree hold this name?

#endif
