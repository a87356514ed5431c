// The word that was meant, for messages of compiler and runtime about one that was not known.
#ifndef NN_NEAREST_H
#define NN_NEAREST_H

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

static inline bool nn_same_letter(char a, char b) {
    return tolower((unsigned char)a) == tolower((unsigned char)b);
}

// Damerau-Levenshtein (adjacent swaps count once, case counts nothing); `most` + 1 where it is more than
// that.
static inline int nn_distance(const char *a, const char *b, int most) {
    enum { LONGEST = 64 };
    size_t na = strlen(a), nb = strlen(b);
    size_t apart = na > nb ? na - nb : nb - na;
    if (na > LONGEST || nb > LONGEST || apart > (size_t)most) return most + 1;
    int rows[3][LONGEST + 1];
    for (size_t j = 0; j <= nb; j++) rows[0][j] = (int)j;
    for (size_t i = 1; i <= na; i++) {
        int *row = rows[i % 3], *above = rows[(i + 2) % 3], *second = rows[(i + 1) % 3];
        row[0] = (int)i;
        for (size_t j = 1; j <= nb; j++) {
            int best = above[j - 1] + !nn_same_letter(a[i - 1], b[j - 1]);
            if (above[j] + 1 < best) best = above[j] + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            bool swapped =
                i > 1 && j > 1 && nn_same_letter(a[i - 1], b[j - 2]) && nn_same_letter(a[i - 2], b[j - 1]);
            if (swapped && second[j - 2] + 1 < best) best = second[j - 2] + 1;
            row[j] = best;
        }
    }
    return rows[na % 3][nb];
}

// In a word of two letters one too many, or both in the wrong order, is all that can be told from another
// word.
static inline bool nn_slip(const char *word, const char *candidate) {
    if (strlen(candidate) == 1)
        return nn_same_letter(word[0], *candidate) || nn_same_letter(word[1], *candidate);
    return strlen(candidate) == 2 && nn_same_letter(word[0], candidate[1]) &&
           nn_same_letter(word[1], candidate[0]);
}

// The candidate nearest to `word` (at most a third of its length, one below seven letters; of two letters one
// too many or both swapped, where that fits a single candidate), or NULL.
static inline const char *nn_nearest(const char *word, const char *const *candidates, int count) {
    size_t length = strlen(word);
    int most = length < 3 ? length == 2 : length < 7 ? 1 : (int)(length / 3), best = most + 1, equal = 0;
    const char *nearest = NULL;
    for (int i = 0; i < count; i++) {
        int d =
            length == 2 && !nn_slip(word, candidates[i]) ? best + 1 : nn_distance(word, candidates[i], most);
        equal += d == best && (!nearest || strcmp(candidates[i], nearest) != 0);
        if (d >= best) continue;
        best = d;
        nearest = candidates[i];
        equal = 0;
    }
    return length == 2 && equal ? NULL : nearest;
}

#endif
