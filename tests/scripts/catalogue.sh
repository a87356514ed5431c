# Every name of PyTorch's and Keras's catalogues is answered, by what is there: compiler/syntax/words.def.
set -u
. "$ROOT/tests/support/command.sh"
table=$ROOT/compiler/syntax/words.def

# ---- what a row calls ours is a definition of the library, a word of the language, or parses as a notation ----
cat "$ROOT"/stdlib/*.nn "$ROOT"/stdlib/layers/*.nn | sed -nE 's/^(layer|fn|metric|optimizer|clip|average|watch) ([^(]*)\(.*/\2/p' | tr -d ' ' | tr , '\n' >known
sed -nE 's/^(BUILTIN|READER|SETTING)\(([a-z_0-9]*).*/\2/p' "$ROOT"/compiler/builtins.def "$ROOT"/compiler/settings.def >>known
sed -nE 's/^NAME\("([^"]*)", .*/\1/p' "$table" | sort -u >ours
[ "$(wc -l <ours)" -gt 250 ] || fail "rows of names: $(wc -l <ours)"
grep -xE '[a-z][a-z_0-9]+' ours | grep -vxFf known >lost && fail "no definition: $(tr '\n' ' ' <lost)"
grep -vxE '[a-z][a-z_0-9]+' ours >notations
while read -r notation; do
    case $notation in
    minimize*) printf 'train a on d {\n    %s\n}\n' "$notation" ;;
    *' = '*) printf 'layer f(x) {\n    %s\n}\n' "$notation" ;;
    *) printf 'fn f(x) = %s\n' "$notation" ;;
    esac >one.nn
    "$NNC" fmt one.nn >/dev/null 2>said || fail "$notation: $(cat said)"
done <notations

# ---- nnc knows each of them, or answers it ----
sed -nE 's/^(NAME|OUT)\("[^"]*", "(.*)"\)$/\2/p' "$table" | tr ' ' '\n' | sed 's/.*\.//' | sort -u >theirs
[ "$(wc -l <theirs)" -gt 450 ] || fail "names: $(wc -l <theirs)"
awk '{print "fn f_" NR "(x) = [" $1 "]"}' theirs >all.nn
"$NNC" check --json all.nn >answers 2>&1
grep '"code":"UNKNOWN_NAME"' answers | grep -vE '"help":"(here it is called `|here it is written `|there is no `|did you mean `)' >unanswered
[ -s unanswered ] && fail "unanswered: $(sed 's/.*"message":"\([^"]*\)".*/\1/' unanswered | paste -sd ' ')"
[ "$(grep -cE '"help":"here it is (called|written)' answers)" -gt 350 ] || fail "answered: $(grep -cE '"help":"here it is (called|written)' answers)"
grep -F '`MaxNumBoundingBoxes` here: ' answers >/dev/null || fail "what is out is not answered"
exit $bad
