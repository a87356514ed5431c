// The words of other frameworks, answered with ours.
#include "syntax/ast.h"
#include <ctype.h>
#include <string.h>

typedef struct {
    const char *theirs, *ours;
} Row;

static const Row rows[] = {
#define NAME(ours, theirs) {theirs, ours},
#define OUT(why, theirs)
#define WORD(theirs, ours) {theirs, ours},
#include "words.def"
#undef NAME
#undef OUT
#undef WORD
};

static const Row outside[] = {
#define NAME(ours, theirs)
#define OUT(why, theirs) {theirs, why},
#define WORD(theirs, ours)
#include "words.def"
};

// The first `length` bytes of a text and a word, but for case and underscores.
static bool alike(const char *a, size_t length, const char *b) {
    for (const char *end = a + length;; a++, b++) {
        while (a < end && *a == '_') a++;
        while (*b == '_') b++;
        if (a == end || !*b) return a == end && !*b;
        if (tolower((unsigned char)*a) != tolower((unsigned char)*b)) return false;
    }
}

bool words_alike(const char *a, const char *b) { return alike(a, strlen(a), b); }

// Is the word among these, which stand between blanks, some behind a module and a dot?
static bool is_among(const char *theirs, const char *word) {
    for (size_t n; *theirs; theirs += n, theirs += *theirs == ' ') {
        n = strcspn(theirs, " ");
        size_t module = strcspn(theirs, ". ");
        if (module < n ? alike(theirs + module + 1, n - module - 1, word) : alike(theirs, n, word))
            return true;
    }
    return false;
}

static const char *find(const Row *in, size_t count, const char *word) {
    for (size_t i = 0; i < count; i++)
        if (is_among(in[i].theirs, word) && !string_equal(in[i].ours, word)) return in[i].ours;
    return NULL;
}

const char *word_of_data(const char *word) {
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (!strncmp(rows[i].theirs, "data.", 5) && is_among(rows[i].theirs, word)) return rows[i].ours;
    return NULL;
}

const char *word_of_others(const char *word) { return find(rows, sizeof rows / sizeof *rows, word); }
const char *word_left_out(const char *word) { return find(outside, sizeof outside / sizeof *outside, word); }

bool word_is_name(const char *ours) {
    return ours[strspn(ours, "abcdefghijklmnopqrstuvwxyz0123456789_.")] == 0 && ours[1];
}
