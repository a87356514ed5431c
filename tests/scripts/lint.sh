# Conventions that a machine can check: what a folder may include, sizes of files, words that have no place here.
set -u
cd "$ROOT" || exit 1
bad=0
say() { [ -z "$2" ] || { echo "$1"; echo "$2" | head -n 20; bad=1; }; }
order="base syntax ir bind shape emit pass llvm"
for folder in $order; do
    later=${order#*"$folder"}
    for other in $later; do
        say "compiler/$folder includes $other/, which stands after it" "$(grep -nE "#include \"$other/" -r compiler/"$folder")"
    done
done
say "llvm-c outside compiler/llvm" "$(grep -rnE '#include <llvm-c' compiler runtime --include=*.c --include=*.h | grep -v '^compiler/llvm/')"
say "runtime includes the compiler" "$(grep -rnE '#include "(base|syntax|ir|bind|shape|emit|pass|llvm)/(arena|ast|ir|bind|module|passes|kernel|llvm)' runtime)"
say "files over 600 lines" "$(git ls-files '*.c' '*.h' '*.y' '*.re' '*.nn' '*.sh' '*.py' | xargs wc -l | awk '$1 > 600 && $2 != "total"')"
say "left for later" "$(git grep -nIE '\b(TO[D]O|FI[X]ME|X[X]X|HA[C]K)\b' -- '*.c' '*.h' '*.y' '*.re' '*.def' '*.nn' '*.py' '*.md' '*.cmake')"
say "switched off" "$(git grep -nIE '^\s*#\s*if 0' -- '*.c' '*.h' '*.re' '*.y')"

# A message has one place that says it, so that it reads the same everywhere. Those that several files say, each with the most files:
# the list only becomes shorter.
several='
SIZE_NOT_KNOWN 2
FILE_UNWRITABLE 2
EXPRESSION_DEPTH 2
SYNTAX_CHOICE 2
PLACE_ENTRY 2
ARGUMENT_TWICE 2
IF_WITHOUT_ELSE 3
USED_BEFORE_GIVEN 2
RECUR_WAYS 2
NO_OPERAND 2
UNKNOWN_SETTING 2
TOO_MANY_ARGUMENTS 3
MISSING_ARGUMENT 2
WORD_EXPECTED 3
UNIT_UNWANTED 3
SPLIT_RANGE 2
ASSERT_CONDITION 2
NO_TOOL 2
TOOL_FAILED 2
RANK_LIMIT 3
SHAPES_DIFFER 2
TENSOR_NEEDS_BRACKETS 2
CLASS_NOT_NUMBER 2
NOT_A_CONDITION 2
SUBSCRIPT_COUNT 3
SUBSCRIPT_NOT_WHOLE 2
INDEX_WITHOUT_RANGE 2
FILTER_NEEDS_DOTS 4
NESTING_LIMIT 2
GRAD_TENSOR 2
RECUR_STATE 2
'
for code in $(sed -n 's/^DIAGNOSTIC(\([A-Z0-9_]*\),.*/\1/p' compiler/diagnostics.def); do
    files=$(grep -rlw "$code" compiler --include=*.c --include=*.h --include=*.y --include=*.re | wc -l)
    known=$(sed -n "s/^$code //p" <<<"$several")
    [ "$files" -le "${known:-1}" ] || say "$code: said by $files files, not ${known:-1}" "$(grep -rlw "$code" compiler --include=*.[chy] --include=*.re)"
done

# The layout of all C is what .clang-format makes of it.
if command -v clang-format-19 >/dev/null; then
    say "not as clang-format-19 -i makes it" "$(git ls-files compiler runtime tests | grep -E '\.[ch]$' |
        xargs clang-format-19 --dry-run 2>&1 | sed -n 's/^\([^ ]*\): warning: code should be.*/\1/p')"
else
    say "clang-format-19 is not there" "scripts/test installs it"
fi
exit $bad
