// Names for C and C++, of every standard: what an object file exports, and the parameters of its header.
#include "llvm/llvm.h"

#include <string.h>

static const char keywords[] =
    " alignas alignof and and_eq asm auto bitand bitor bool break case catch char char16_t char32_t "
    "char8_t class co_await co_return co_yield compl concept const const_cast consteval constexpr "
    "constinit continue decltype default delete do double dynamic_cast else enum explicit export "
    "extern false float for friend goto if inline int long mutable namespace new noexcept not not_eq "
    "nullptr operator or or_eq private protected public register reinterpret_cast requires restrict "
    "return short signed sizeof static static_assert static_cast struct switch template this "
    "thread_local throw true try typedef typeid typename typeof typeof_unqual union unsigned using "
    "virtual void volatile wchar_t while xor xor_eq ";

bool c_keyword(const char *name) {
    size_t length = strlen(name);
    for (const char *at = keywords + 1; length && (at = strstr(at, name)); at++)
        if (at[-1] == ' ' && at[length] == ' ') return true;
    return false;
}

static bool digit(char c) { return c >= '0' && c <= '9'; }

static bool letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// Names that begin with nn_ are the runtime's, those with _ first or two of them C's and C++'s; `main` is the
// host program's.
bool c_prefix_allowed(const char *name) {
    if (!letter(*name)) return false;
    for (const char *c = name; *c; c++)
        if (!letter(*c) && !digit(*c) && (*c != '_' || c[1] == '_' || !c[1])) return false;
    return !c_keyword(name) && strcmp(name, "main") != 0 && strcmp(name, "nn") != 0 &&
           strncmp(name, "nn_", 3) != 0;
}

// Characters that cannot stand in a name become one `_` between others.
static char *letters_of(Arena *arena, const char *stem) {
    char *name = string_copy(arena, stem, strlen(stem)), *to = name;
    for (const char *c = stem; *c; c++) {
        bool good = letter(*c) || digit(*c);
        if (good || (to > name && to[-1] != '_')) *to++ = good ? *c : '_';
    }
    if (to > name && to[-1] == '_') to--;
    *to = 0;
    return name;
}

const char *c_prefix(Arena *arena, const char *stem) {
    const char *name = letters_of(arena, stem);
    return !*name ? "model" : c_prefix_allowed(name) ? name : string_format(arena, "nn_%s", name);
}

const char *c_parameter(Arena *arena, const char *text) {
    const char *name = letters_of(arena, text);
    return letter(*name) ? name : string_format(arena, "column_%s", name);
}
