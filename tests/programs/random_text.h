// Random programs as texts: data, definitions, a model or two, how they are trained. Layers of the library
// and of the program's own, equations with indices, loops over time in a quarter of them, derivatives as
// values in a tenth, several models or lines of `minimize` in a tenth. The same seed gives the same text.
#ifndef TESTS_RANDOM_TEXT_H
#define TESTS_RANDOM_TEXT_H

#include "base/base.h"

const char *random_text(Arena *arena, uint64_t seed);

#endif
