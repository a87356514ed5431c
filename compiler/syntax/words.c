// The words of other frameworks, answered with ours.
#include "syntax/ast.h"
#include <ctype.h>

typedef struct {
    const char *theirs, *ours;
} Row;

static const Row rows[] = {
#define WORD(theirs, ours) {theirs, ours},
#include "words.def"
#undef WORD
};

bool words_alike(const char *a, const char *b) {
    for (;; a++, b++) {
        while (*a == '_') a++;
        while (*b == '_') b++;
        if (tolower((unsigned char)*a) != tolower((unsigned char)*b)) return false;
        if (!*a) return true;
    }
}

const char *word_of_others(const char *word) {
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (words_alike(rows[i].theirs, word) && !string_equal(rows[i].ours, word)) return rows[i].ours;
    return NULL;
}
