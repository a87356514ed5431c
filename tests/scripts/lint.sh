# Conventions that a machine can check: what a folder may include, sizes of files, words that have no place here.
set -u
cd "$ROOT" || exit 1
bad=0
say() { [ -z "$2" ] || { echo "$1"; echo "$2" | head -n 20; bad=1; }; }
order="base syntax ir sema pass llvm"
for folder in $order; do
    later=${order#*"$folder"}
    for other in $later; do
        say "compiler/$folder includes $other/, which stands after it" "$(grep -nE "#include \"$other/" -r compiler/"$folder")"
    done
done
say "llvm-c outside compiler/llvm" "$(grep -rnE '#include <llvm-c' compiler runtime --include=*.c --include=*.h | grep -v '^compiler/llvm/')"
say "runtime includes the compiler" "$(grep -rnE '#include "(base|syntax|ir|sema|pass|llvm)/(arena|ast|ir|module|passes|kernel|llvm)' runtime)"
say "files over 600 lines" "$(git ls-files '*.c' '*.h' '*.y' '*.re' '*.nn' '*.sh' '*.py' | xargs wc -l | awk '$1 > 600 && $2 != "total"')"
say "left for later" "$(git grep -nIE '\b(TODO|FIXME|XXX|HACK)\b' -- '*.c' '*.h' '*.y' '*.re' '*.def' '*.nn' '*.py' '*.md' '*.cmake')"
say "switched off" "$(git grep -nIE '^\s*#\s*if 0' -- '*.c' '*.h' '*.re' '*.y')"
exit $bad
