# Conventions that a machine can check: what a folder may include, sizes of files, words that have no place here.
set -u
cd "$ROOT" || exit 1
bad=0
say() { [ -z "$2" ] || { echo "$1"; echo "$2" | head -n 20; bad=1; }; }
order="base syntax ir bind shape emit sema pass llvm"
for folder in $order; do
    later=${order#*"$folder"}
    for other in $later; do
        say "compiler/$folder includes $other/, which stands after it" "$(grep -nE "#include \"$other/" -r compiler/"$folder")"
    done
done
say "llvm-c outside compiler/llvm" "$(grep -rnE '#include <llvm-c' compiler runtime --include=*.c --include=*.h | grep -v '^compiler/llvm/')"
say "runtime includes the compiler" "$(grep -rnE '#include "(base|syntax|ir|bind|shape|sema|pass|llvm)/(arena|ast|ir|bind|module|passes|kernel|llvm)' runtime)"
say "files over 600 lines" "$(git ls-files '*.c' '*.h' '*.y' '*.re' '*.nn' '*.sh' '*.py' | xargs wc -l | awk '$1 > 600 && $2 != "total"')"
say "left for later" "$(git grep -nIE '\b(TODO|FIXME|XXX|HACK)\b' -- '*.c' '*.h' '*.y' '*.re' '*.def' '*.nn' '*.py' '*.md' '*.cmake')"
say "switched off" "$(git grep -nIE '^\s*#\s*if 0' -- '*.c' '*.h' '*.re' '*.y')"

# A message has one place that says it, so that it reads the same everywhere. Those that several files say, each with the most files:
# the list only becomes shorter.
several='
FILE_UNWRITABLE 2
EXPRESSION_DEPTH 2
SYNTAX_CHOICE 2
PLACE_STATEMENT 2
ARGUMENT_TWICE 2
IF_WITHOUT_ELSE 2
UNKNOWN_NAME 3
USED_BEFORE_GIVEN 2
GIVEN_TWICE 2
NO_OPERAND 2
INDEX_TWICE 2
WRONG_TARGET 2
NOT_CHANGEABLE 2
MISSING_ARGUMENT 2
WORD_EXPECTED 5
NOT_YET 4
SETTING_RANGE 3
UNIT_UNWANTED 2
ASSERT_CONDITION 2
NO_TOOL 2
TOOL_FAILED 2
NOT_A_NUMBER 2
RANK_LIMIT 3
SUBSCRIPT_COUNT 3
SUBSCRIPT_NOT_WHOLE 2
DRAW_IN_REDUCTION 2
METRIC_NESTED 5
METRIC_POSITION 2
'
# shape/ and emit/ say what elaboration says, until it goes: they are not counted.
for code in $(sed -n 's/^DIAGNOSTIC(\([A-Z0-9_]*\),.*/\1/p' compiler/diagnostics.def); do
    files=$(grep -rlw "$code" compiler --exclude-dir=shape --exclude-dir=emit --include=*.c --include=*.h --include=*.y --include=*.re | wc -l)
    known=$(sed -n "s/^$code //p" <<<"$several")
    [ "$files" -le "${known:-1}" ] || say "$code: said by $files files, not ${known:-1}" "$(grep -rlw "$code" compiler --include=*.[chy] --include=*.re)"
done
exit $bad
