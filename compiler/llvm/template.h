// Inside llvm/: texts that are written round an interface, with words in them.
#ifndef NN_TEMPLATE_H
#define NN_TEMPLATE_H

#include "llvm/interface.h"

typedef struct {
    const char *name, *text; // NULL: the word is not there
} Word;

// `$word` is one of the words, the last of which has no name, or of those that every interface has; `?word `
// begins a line that is there only if the word is.
void template_expand(Text *out, const char *text, const Interface *h, const Word *words);
// The lines of a list without the last end of line, which is the template's; NULL: it is empty.
const char *template_lines(Text *out);
bool interface_rated(const Interface *h); // has the program a learning rate to set?

#endif
