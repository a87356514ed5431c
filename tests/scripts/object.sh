# An object file: no writable data, only prefixed symbols, nothing undefined beyond libc, libm and the runtime; its header
# compiles as C99 to C23 and C++98 to C++20 without a warning, twice, beside another model's.
set -eu
fail() { echo "$*"; exit 1; }
mkdir -p object && cd object
"$NNC" build "$ROOT/examples/digits/digits.nn" --emit obj
"$NNC" build "$ROOT/examples/iris/iris.nn" --emit obj
[ -f digits.o ] && [ -f digits.h ] || fail "no object or header"
size digits.o | awk 'NR == 2 && ($2 != 0 || $3 != 0) {print "data " $2 " bss " $3; exit 1}' || fail "the object has writable data"
nm digits.o | grep -E ' [BbDdC] ' && fail "writable symbols"
nm --defined-only -g digits.o | awk '$3 !~ /^digits_/ {print $3; bad = 1} END {exit bad}' || fail "exports without the prefix"
allowed='^(nn_[a-z_]+|mem(cpy|set|move|cmp)|_GLOBAL_OFFSET_TABLE_|powf?|expf?|logf?)$'
nm -u digits.o | awk '{print $2}' | grep -vE "$allowed" && fail "undefined symbols"
cat >use.c <<'C'
#include "digits.h"
#include "digits.h"
#include "iris.h"
int use(void);
int use(void) { return (int)(DIGITS_BATCH + IRIS_BATCH); }
C
warnings="-Wall -Wextra -Wpedantic -Wconversion -Werror -fsyntax-only"
for standard in c99 c11 c17 c2x; do gcc -std=$standard $warnings -Wstrict-prototypes use.c || fail "header in $standard"; done
if command -v g++ >/dev/null; then
    for standard in c++98 c++11 c++17 c++20; do g++ -x c++ -std=$standard $warnings use.c || fail "header in $standard"; done
fi
